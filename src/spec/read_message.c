/* Events and messages: `emit`, the events of a `wait`, `on`; `inboxes`, `send`, `receive`.
 *
 * A type of events is a fixed text, so that it is known before anything runs who hears what. */
#include "spec/read.h"

#include "base/limits.h"
#include "base/mutant.h"

enum { BODY = SEES_STEPS | SEES_LOOP | SEES_ROUND };

/* ---- types of events ------------------------------------------------------------------------------------------------- */

static bool check_type(Reader *r, const Yaml *y, Str type) {
    if (plan_event_type(type))
        return true;
    error_at(r, y, "name", "letters, digits and . _ - / :, at most 128, like `order.paid`",
             "`%.*s` cannot be the type of an event", (int)MIN(type.len, 80), type.p);
    return false;
}

void read_event_types(Reader *r, const Yaml *y, Str **ret_types, size_t *ret_n) {
    Str *types;
    size_t n;
    if (!read_texts(r, y, "the type of an event", &types, &n))
        return;
    if (n == 0) {
        error_at(r, y, "value", "like `event: order.paid`", "no type of event is named");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!check_type(r, y->kind == YAML_LIST ? y->items[i] : y, types[i]))
            return;
    *ret_types = types;
    *ret_n = n;
}

static void emit_type(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Str type;
    (void)key;
    if (read_text(r, value, "the type of an event", &type) && check_type(r, value, type))
        ((Node *)target)->emit_type = type;
}

static void set_body(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, target, BODY, &((Node *)target)->body, NULL);
}

static const KeyRow emit_rows[] = {
    { "type", emit_type },
    { "data", set_body },
};

/* Words of a verb that can only be a map. */
static void read_words(Reader *r, const Yaml *y, const char *block, const KeyRow *rows, size_t n,
                       Node *node) {
    const Block *b = language_block(str_from(block));
    Sight sight = { .sees = BODY, .node = node };
    if (y->kind == YAML_MAP)
        read_block(r, y, b, rows, n, &sight, node);
    else
        error_at(r, y, "value", *b->like ? arena_fmt(&r->scratch, "like %s", b->like).p : NULL,
                 "%s cannot be a %s", b->what, y->kind == YAML_LIST ? "list" : "text");
}

void read_emit(Reader *r, const Yaml *y, Node *node) {
    read_words(r, y, "Emit", emit_rows, ARRAY_LEN(emit_rows), node);
}

/* ---- on -------------------------------------------------------------------------------------------------------------- */

typedef struct TriggerDraft {
    Trigger *trigger;
    Sight sight;
} TriggerDraft;

static void trigger_event(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Trigger *t = ((TriggerDraft *)target)->trigger;
    (void)key;
    read_event_types(r, value, &t->types, &t->n_types);
}

static void trigger_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TriggerDraft *d = target;
    (void)key;
    d->trigger->if_ = read_expr(r, value, &d->sight);
}

static void trigger_with(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TriggerDraft *d = target;
    (void)key;
    d->trigger->with = read_template(r, value, &d->sight);
}

static void trigger_key(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TriggerDraft *d = target;
    (void)key;
    d->trigger->key = read_template(r, value, &d->sight);
}

/* Checked, and kept for who is asked to start runs by it: a file is not refused for what begins its runs. */
static void trigger_later(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TriggerDraft *d = target;
    if (str_is(key->text, "cron") || str_is(key->text, "webhook") || str_is(key->text, "chat"))
        d->trigger->later = key->text;
    r->inside_later++;
    read_keyword(r, key, value, language_block(STR("Trigger")), &d->sight, NULL);
    r->inside_later--;
}

static const KeyRow trigger_rows[] = {
    { "event", trigger_event },    { "if", trigger_if },          { "with", trigger_with },
    { "key", trigger_key },        { "cron", trigger_later },     { "webhook", trigger_later },
    { "chat", trigger_later },     { "timezone", trigger_later }, { "overlap", trigger_later },
    { "catch_up", trigger_later },
};

void read_triggers(Reader *r, const Yaml *y) {
    if (y->kind != YAML_LIST) {
        error_at(r, y, "value", "like `on: [{ event: order.paid }]`", "`on` is a list");
        return;
    }
    Plan *p = r->plan;
    p->triggers = ARENA_ARRAY(r->arena, Trigger, y->n);
    for (size_t i = 0; i < y->n; i++) {
        Trigger *t = &p->triggers[p->n_triggers++];
        *t = (Trigger){ .pos = yaml_pos(y->items[i]), .later = STR("") };
        TriggerDraft d = {
            t, { .sees = SEES_EVENT | SEES_NO_INPUT | SEES_NO_RUN, .stands_in = "`on`" }
        };
        if (read_is_map(r, y->items[i], "an item of `on`"))
            read_block(r, y->items[i], language_block(STR("Trigger")), trigger_rows,
                       ARRAY_LEN(trigger_rows), &d.sight, &d);
    }
}

/* ---- what a run hears ------------------------------------------------------------------------------------------------ */

static void add_type(Str type, Str *types, size_t *n) {
    if (!str_among(type, types, *n))
        types[(*n)++] = type;
}

static void add_heard(Plan *p, Str type, bool own) {
    for (size_t i = 0; i < p->n_hears; i++)
        if (str_eq(p->hears[i], type)) {
            p->hears_own[i] &= own;
            return;
        }
    p->hears_own[p->n_hears] = own;
    p->hears[p->n_hears++] = type;
}

static bool asks_for_own(const Node *n) {
    if (MUTANT(heard_too_little))
        return n->wait_if && n->wait_if_early;
    return n->wait_if && n->wait_if_early &&
           cel_needs_equal(n->wait_if, slot_make(SLOT_EVENT, 0, 0), STR("correlation"),
                           slot_make(SLOT_RUN, 0, RUN_CORRELATION));
}

/* Nothing in it changes while the run goes on. */
static bool is_early(const CelProgram *program) {
    const uint64_t *slots;
    size_t n = program ? cel_slots(program, &slots) : 0;
    for (size_t i = 0; i < n; i++) {
        SlotKind kind = slot_kind(slots[i]);
        bool run = kind == SLOT_RUN && slot_field(slots[i]) != RUN_COST &&
                   slot_field(slots[i]) != RUN_ALL;
        bool input = kind == SLOT_INPUT && slot_number(slots[i]) != SLOT_OUTER;
        if (!run && !input && kind != SLOT_EVENT && kind != SLOT_VAR)
            return false;
    }
    return true;
}

static size_t count_heard(const Node *n) {
    size_t heard = n->n_events;
    for (size_t i = 0; n->machine && i <= n->machine->n_states; i++) {
        const Edges *edges = i < n->machine->n_states ? &n->machine->next[i] : &n->machine->on;
        for (size_t k = 0; k < edges->n; k++)
            heard += edges->items[k].n_events;
    }
    return heard;
}

static void add_moves(Plan *p, const Machine *m) {
    for (size_t i = 0; i <= m->n_states; i++) {
        const Edges *edges = i < m->n_states ? &m->next[i] : &m->on;
        for (size_t k = 0; k < edges->n; k++)
            for (size_t t = 0; t < edges->items[k].n_events; t++)
                add_heard(p, edges->items[k].events[t], false);
    }
}

void gather_hears(Reader *r) {
    Plan *p = r->plan;
    size_t heard = 0, started = 0;
    for (size_t i = 0; i < p->n_nodes; i++)
        heard += count_heard(p->nodes[i]);
    for (size_t i = 0; i < p->n_triggers; i++)
        started += p->triggers[i].n_types;
    p->hears = ARENA_ARRAY(r->arena, Str, heard);
    p->hears_own = ARENA_ARRAY(r->arena, bool, heard);
    p->starts = ARENA_ARRAY(r->arena, Str, started);
    for (size_t i = 0; i < p->n_nodes; i++) {
        Node *n = p->nodes[i];
        n->wait_if_early = is_early(n->wait_if);
        n->wait_if_own = asks_for_own(n);
        for (size_t k = 0; k < n->n_events; k++)
            add_heard(p, n->events[k], n->wait_if_own);
        if (n->machine)
            add_moves(p, n->machine);
    }
    for (size_t i = 0; i < p->n_triggers; i++)
        for (size_t k = 0; k < p->triggers[i].n_types; k++)
            add_type(p->triggers[i].types[k], p->starts, &p->n_starts);
}

/* ---- inboxes --------------------------------------------------------------------------------------------------------- */

/* More would be a queue that nobody empties. */
#define INBOX_MAX 10000
#define INBOX_USUAL 100

static void inbox_type(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    ((Inbox *)target)->type = read_type(r, value);
}

static void inbox_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max`", 1, INBOX_MAX, &((Inbox *)target)->max);
}

static const KeyRow inbox_rows[] = {
    { "type", inbox_type },
    { "max", inbox_max },
};

void read_inboxes(Reader *r, const Yaml *y) {
    Plan *p = r->plan;
    if (!read_is_map(r, y, "`inboxes`"))
        return;
    p->inboxes = ARENA_ARRAY(r->arena, Inbox, y->n);
    for (size_t i = 0; i < y->n; i++) {
        const Yaml *value = y->entries[i].value;
        Inbox *box = &p->inboxes[p->n_inboxes++];
        *box = (Inbox){ .name = y->entries[i].key->text, .max = INBOX_USUAL };
        Sight sight = { .stands_in = "an inbox" };
        read_id(r, y->entries[i].key, "the name of an inbox", &box->name);
        if (str_is(box->name, "all"))
            error_at(r, y->entries[i].key, "name", "choose another word",
                     "no inbox is called `all`: that means every one");
        if (read_is_map(r, value, "an inbox"))
            read_block(r, value, language_block(STR("Inbox")), inbox_rows, ARRAY_LEN(inbox_rows),
                       &sight, box);
    }
}

static void send_to(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *n = target;
    (void)key;
    bool fixed = value->kind == YAML_SCALAR && !text_has_expression(value->text);
    if (fixed && !plan_inbox(r->plan, value->text)) {
        Str *names = ARENA_ARRAY(&r->scratch, Str, r->plan->n_inboxes);
        for (size_t i = 0; i < r->plan->n_inboxes; i++)
            names[i] = r->plan->inboxes[i].name;
        const char *near = near_remedy(r, value->text, names, r->plan->n_inboxes);
        error_at(r, value, "unknown_name", near ? near : "define it under `inboxes:`",
                 "no inbox `%.*s`", (int)MIN(value->text.len, 80), value->text.p);
    }
    read_later(r, value, n, BODY, &n->to, NULL);
}

static void send_all(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    bool all;
    (void)key, (void)target;
    if (read_bool(r, value, "`all`", &all) && !all)
        error_at(r, value, "value", "name one: `send: { to: desk, body: ... }`",
                 "`all: false` sends to nobody");
    if (!r->plan->n_inboxes)
        error_at(r, value, "unknown_name", "define them under `inboxes:`",
                 "this file has no inboxes");
}

static const KeyRow send_rows[] = {
    { "to", send_to },
    { "all", send_all },
    { "body", set_body },
};

void read_send(Reader *r, const Yaml *y, Node *node) {
    read_words(r, y, "Send", send_rows, ARRAY_LEN(send_rows), node);
}

static void receive_inbox(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *n = target;
    Str name;
    (void)key;
    if (!read_text(r, value, "the name of an inbox", &name))
        return;
    const Inbox *box =
        plan_inbox(r->plan, name); /* one that is not there is refused by the block */
    n->inbox = box ? (uint32_t)(box - r->plan->inboxes) : 0;
    n->waits_for = arena_fmt(r->arena, "inbox %.*s", STR_FMT(name));
}

static void receive_timeout(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`timeout`", &((Node *)target)->wait_timeout_ms);
}

static const KeyRow receive_rows[] = {
    { "inbox", receive_inbox },
    { "timeout", receive_timeout },
};

void read_receive(Reader *r, const Yaml *y, Node *node) {
    read_words(r, y, "Receive", receive_rows, ARRAY_LEN(receive_rows), node);
}
