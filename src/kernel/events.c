/* Events: what a run tells the world, and what of the world it hears.
 *
 *   emit    a post to the event's own run, `event:ID`, which the engine makes of it and which tells all who hear its type
 *   wait    events are kept from the run's beginning on, since an answer may come before the step that waits for it: each step of
 *           the file takes an event once, in the order they came, and one does not take it away from another
 *   listen  a run that does nothing but to hear: it stands for the `on` of a file, and a run is started for what fits
 *
 * An event that no step could ever take is no fact: its coming changes nothing. */
#include "base/json.h"
#include "kernel/message.h"
#include "kernel/people.h"
#include "kernel/step.h"

#include <stdio.h>

/* 160 bits, in base32. */
#define ID_BYTES 20
#define ID_CHARS 33

/* ---- posts ----------------------------------------------------------------------------------------------------------- */

void run_post(Run *r, Post p) {
    if (r->n_posts == r->room_posts) {
        r->room_posts = MAX(4u, r->room_posts * 2);
        r->posts = xrealloc(r->posts, r->room_posts * sizeof(*r->posts));
    }
    r->posts[r->n_posts++] = p;
}

const Post *run_posts(const Run *r, size_t *ret_n) {
    *ret_n = r->n_posts;
    return r->posts;
}
void run_forget_posts(Run *r) { r->n_posts = 0; }

/* Both are in the order in which they were derived, and mostly the same: the search goes on where it left off. */
void run_forget_said(Run *r, const Run *before) {
    size_t kept = 0, at = 0, n = before->n_posts;
    for (size_t i = 0; i < r->n_posts; i++) {
        size_t looked = 0;
        while (looked < n && !str_eq(before->posts[(at + looked) % n].id, r->posts[i].id))
            looked++;
        if (looked < n)
            at = (at + looked + 1) % n;
        else
            r->posts[kept++] = r->posts[i];
    }
    r->n_posts = kept;
}

static Str short_hash(Run *r, size_t bytes, Str text) {
    char out[64];
    Hash h = hash_bytes(text);
    size_t n = hash_base32(&h, bytes, out, sizeof out);
    return arena_str(&r->arena, (Str){ out, n });
}

/* ---- emit ------------------------------------------------------------------------------------------------------------ */

/* The same whenever it is derived again. With a business key it is the same in every run, so that the event comes once. A retry
 * by a person that does the step anew emits anew. */
static bool event_id(Run *r, Frame *f, Str *ret, char problem[320]) {
    Scope s = scope_of(r, f);
    const Node *n = f->node;
    Value key = VALUE_NULL;
    if (n->key && scope_eval(&s, n->key, &key, problem))
        return false;
    if (n->key && (value_absent(key) || key.type == V_NULL)) {
        snprintf(problem, 320, "`key` gives nothing: it must name the event");
        return false;
    }
    Str address = frame_address(f, &r->arena);
    Str text = n->key ? arena_fmt(&r->arena, "key|%.*s|%.*s|%.*s", STR_FMT(r->plan->name),
                                  STR_FMT(n->emit_type), STR_FMT(value_plain(&r->arena, key)))
                      : arena_fmt(&r->arena, "%.*s|%.*s|%u", STR_FMT(r->id), STR_FMT(address),
                                  MUTANT(emit_without_life) ? 0 : r->life);
    *ret = short_hash(r, ID_BYTES, text);
    return true;
}

static Value event_value(Run *r, Frame *f, Str id, Value data) {
    MapBuilder m = map_builder(&r->arena);
    Str source =
        arena_fmt(&r->arena, "%.*s:%.*s", STR_FMT(r->id), STR_FMT(frame_address(f, &r->arena)));
    map_addz(&m, "id", value_str(id));
    map_addz(&m, "type", value_str(f->node->emit_type));
    map_addz(&m, "data", data);
    map_addz(&m, "correlation", value_str(run_correlation(r)));
    map_addz(&m, "source", value_str(source));
    map_addz(&m, "time", value_time_text(r->time_ms, &r->arena));
    return map_done(&m, NULL);
}

static bool eval_body(Run *r, Frame *f, Value *ret, char problem[320]) {
    Scope s = scope_of(r, f);
    *ret = VALUE_NULL;
    if (f->node->body && scope_eval(&s, f->node->body, ret, problem))
        return false;
    if (value_absent(*ret))
        *ret = VALUE_NULL;
    Str text = value_text(&r->arena, *ret);
    if (text.p && text.len <= LIMIT_EVENT_BYTES)
        return true;
    snprintf(problem, 320, "what is sent is larger than 1 MiB; send where it is to be found");
    return false;
}

void emit_enter(Run *r, Frame *f, Str choice) {
    char problem[320];
    Value data;
    Str id;
    frame_move(r, f, STATUS_RUNNING, 0, 0, choice);
    if (!eval_body(r, f, &data, problem) || !event_id(r, f, &id, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    Value event = event_value(r, f, id, data);
    Str to = arena_fmt(&r->arena, "event:%.*s", STR_FMT(id));
    MapBuilder body = map_builder(&r->arena), output = map_builder(&r->arena);
    map_addz(&body, "event", event);
    if (!MUTANT(emit_says_nothing))
        run_post(r, (Post){ .id = to, .to = to, .body = map_done(&body, NULL) });
    map_addz(&output, "id", value_str(id));
    map_addz(&output, "type", value_str(f->node->emit_type));
    f->detail = event;
    frame_done(r, f, map_done(&output, NULL));
}

/* ---- what is heard --------------------------------------------------------------------------------------------------- */

Str run_correlation(const Run *r) { return r->correlation.len ? r->correlation : r->id; }
bool run_listens(const Run *r) { return r->listens; }

bool run_hears(const Run *r, size_t i, Str *ret_type, bool *ret_own) {
    const Plan *p = r->plan;
    bool more = i < (r->listens ? p->n_starts : p->n_hears);
    if (more) {
        *ret_type = r->listens ? p->starts[i] : p->hears[i];
        *ret_own = !r->listens && p->hears_own[i];
    }
    return more;
}

/* Its time is a text in the fact. */
static Value event_of(Arena *a, Value payload) {
    Value time = value_getz(payload, "time");
    int64_t seconds;
    uint32_t nanos;
    if (!value_is(time, V_STRING) || !time_parse(value_as_str(time), &seconds, &nanos))
        return payload;
    return value_with(a, payload, STR("time"),
                      (Value){ .type = V_TIMESTAMP, .i = seconds, .len = nanos });
}

/* A guard that cannot be asked of this event does not fit it: another sender's shape is no reason to fail. */
static bool guard_fits(Run *r, const Frame *f, const CelProgram *guard, Value event) {
    bool yes = false;
    char problem[320];
    Scope s = scope_of(r, f);
    s.event = event;
    return !guard || (scope_test(&s, guard, &yes, problem) == 0 && yes);
}

/* Could this step take it, now or later? */
static bool may_fit(Run *r, const Node *n, Str type, Value event) {
    if (n->machine)
        return machine_hears(n->machine, type);
    return str_among(type, n->events, n->n_events) &&
           (!n->wait_if_early || guard_fits(r, r->root, n->wait_if, event));
}

static const Trigger *trigger_for(Run *r, Str type, Value event) {
    for (size_t i = 0; i < r->plan->n_triggers; i++) {
        const Trigger *t = &r->plan->triggers[i];
        if (str_among(type, t->types, t->n_types) && guard_fits(r, r->root, t->if_, event))
            return t;
    }
    return NULL;
}

static bool somebody_fits(Run *r, Str type, Value event) {
    if (r->listens)
        return trigger_for(r, type, event) != NULL;
    for (size_t i = 0; i < r->plan->n_nodes; i++)
        if (may_fit(r, r->plan->nodes[i], type, event))
            return true;
    return false;
}

bool event_waited_for(Run *r, const Fact *fact) {
    Arena a = ARENA_NULL;
    Value payload;
    bool fits = !r->ending && fact->payload.p &&
                json_read(&a, fact->payload, &payload, NULL) == 0 && payload.type == V_MAP &&
                somebody_fits(r, fact->name, event_of(&a, payload));
    arena_deinit(&a);
    return fits;
}

/* ---- wait ------------------------------------------------------------------------------------------------------------ */

static bool was_taken(const Heard *h, uint32_t node) {
    for (uint32_t i = 0; i < h->n_taken; i++)
        if (h->taken[i] == node && !MUTANT(event_taken_twice))
            return true;
    return false;
}

static void note_taken(Run *r, Heard *h, uint32_t node) {
    uint32_t *more = ARENA_ARRAY(&r->arena, uint32_t, h->n_taken + 1);
    if (h->n_taken)
        memcpy(more, h->taken, h->n_taken * sizeof *more);
    more[h->n_taken++] = node;
    h->taken = more;
}

static bool takes(Run *r, Frame *f, Heard *h) {
    const Node *n = f->node;
    if (f->shape == &shape_machine) {
        note_taken(r, h, n->no);
        machine_heard(r, f, h->type, h->event);
        return true;
    }
    if (!str_among(h->type, n->events, n->n_events) || was_taken(h, n->no) ||
        !guard_fits(r, f, n->wait_if, h->event))
        return false;
    note_taken(r, h, n->no);
    f->detail = h->event;
    frame_done(r, f, h->event);
    return true;
}

bool event_take_kept(Run *r, Frame *f) {
    for (Heard *h = r->heard; h; h = h->next)
        if (takes(r, f, h))
            return true;
    return false;
}

Value event_take(Run *r, const Node *n, const Str *types, size_t n_types,
                 bool (*fits)(void *ctx, Value event), void *ctx) {
    for (Heard *h = r->heard; h; h = h->next) {
        if (!str_among(h->type, types, n_types) || was_taken(h, n->no) || !fits(ctx, h->event))
            continue;
        note_taken(r, h, n->no);
        return h->event;
    }
    return VALUE_ABSENT;
}

/* The newest are kept: a run that hears more than it ever takes does not grow without end. */
static Heard *keep(Run *r, Str type, Value event) {
    Heard *h = ARENA_NEW(&r->arena, Heard), **at = &r->heard;
    *h = (Heard){ .event = event, .type = type };
    if (r->n_heard == LIMIT_EVENTS_KEPT)
        r->heard = r->heard->next;
    else
        r->n_heard++;
    while (*at)
        at = &(*at)->next;
    *at = h;
    return h;
}

static Frame *waiting_for(Run *r, Heard *h) {
    for (Want *w = r->wants_first; w; w = w->next) {
        Frame *f = w->frame;
        if (w->kind == WANT_SIGNAL && f->shape == &shape_machine && !was_taken(h, f->node->no) &&
            machine_would_move(r, f, h->type, h->event))
            return f;
        if (w->kind == WANT_SIGNAL && f->shape == &shape_wait && f->node->n_events &&
            str_among(h->type, f->node->events, f->node->n_events) && !was_taken(h, f->node->no) &&
            guard_fits(r, f, f->node->wait_if, h->event))
            return w->frame;
    }
    return NULL;
}

/* Every step of the file that waits takes it; of several rounds or items of one step the first that fits. */
static void hear(Run *r, Str type, Value event) {
    Heard *h = keep(r, type, event);
    for (Frame *f; !run_finished(r) && !r->ending && (f = waiting_for(r, h));)
        takes(r, f, h);
}

/* ---- listen ---------------------------------------------------------------------------------------------------------- */

/* One for the key, or one for the event; the same from every file of this name, so that two that listen at once start one. */
static bool started_id(Run *r, const Trigger *t, Value event, Str *ret, char problem[320]) {
    Scope s = scope_of(r, r->root);
    Value key = VALUE_NULL;
    s.event = event;
    if (t->key && scope_eval(&s, t->key, &key, problem))
        return false;
    if (t->key && (value_absent(key) || key.type == V_NULL)) {
        snprintf(problem, 320, "`key` gives nothing: it must name the run");
        return false;
    }
    Str id = value_as_str(value_getz(event, "id"));
    Str which = t->key ? arena_fmt(&r->arena, "key|%.*s", STR_FMT(value_plain(&r->arena, key)))
                       : arena_fmt(&r->arena, "event|%.*s", STR_FMT(id));
    if (MUTANT(key_of_event_ignored))
        which = arena_fmt(&r->arena, "event|%.*s", STR_FMT(id));
    Str name = r->plan->name;
    Str text = arena_fmt(&r->arena, "%.*s|%.*s", STR_FMT(name), STR_FMT(which));
    *ret = arena_fmt(&r->arena, "%.*s-%.*s", (int)MIN(name.len, (size_t)36), name.p,
                     STR_FMT(short_hash(r, 16, text)));
    return true;
}

static bool started_input(Run *r, const Trigger *t, Value event, Value *ret, char problem[320]) {
    Scope s = scope_of(r, r->root);
    Str mismatch;
    s.event = event;
    *ret = value_getz(event, "data");
    if (t->with && scope_eval(&s, t->with, ret, problem))
        return false;
    if (value_absent(*ret))
        *ret = VALUE_NULL;
    if (type_convert(r->plan->input, *ret, &r->arena, ret, &mismatch) == 0)
        return true;
    snprintf(problem, 320, "input: %.*s", (int)MIN(mismatch.len, (size_t)280), mismatch.p);
    return false;
}

static void listen_start(Run *r, Value event) {
    char problem[320];
    Str type = value_as_str(value_getz(event, "type")), id = value_as_str(value_getz(event, "id"));
    Value input;
    Str run;
    const Trigger *t = trigger_for(r, type, event);
    if (!started_input(r, t, event, &input, problem) || !started_id(r, t, event, &run, problem)) {
        frame_movef(r, r->root, STATUS_RUNNING, "event:%.*s starts no run: %s", STR_FMT(id),
                    problem);
        return;
    }
    MapBuilder m = map_builder(&r->arena), body = map_builder(&r->arena);
    map_addz(&m, "on", value_str(r->id));
    map_addz(&m, "dir", value_str(r->dir));
    map_addz(&m, "input", input);
    map_addz(&m, "correlation", value_getz(event, "correlation"));
    map_addz(&m, "by", value_str(arena_fmt(&r->arena, "event:%.*s", STR_FMT(id))));
    map_addz(&body, "start", map_done(&m, NULL));
    run_post(r, (Post){ .id = arena_fmt(&r->arena, "start:%.*s", STR_FMT(run)),
                        .to = run,
                        .body = map_done(&body, NULL) });
    frame_movef(r, r->root, STATUS_RUNNING, "event:%.*s starts %.*s", STR_FMT(id), STR_FMT(run));
}

static Str listen_key(Run *r) {
    Buf b = BUF_INIT(64 * KIB);
    Str type;
    bool own;
    for (size_t i = 0; run_hears(r, i, &type, &own); i++)
        buf_fmt(&b, "%s%.*s", i ? ", " : "event ", STR_FMT(type));
    Str key = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return key;
}

bool listen_begin(Run *r) {
    Str key = listen_key(r);
    if (!key.len)
        return false;
    r->root->shape = &shape_wait;
    r->root->wait = ARENA_NEW(&r->arena, WaitState);
    frame_movef(r, r->root, STATUS_RUNNING, "listens for %.*s", (int)MIN(key.len, (size_t)200),
                key.p);
    r->root->wait->signal = want_open(r, r->root, WANT_SIGNAL);
    r->root->wait->signal->key = key;
    return true;
}

Str wait_key(Run *r, const Frame *f) {
    const Node *n = f->node;
    return !f->parent ? listen_key(r) : n->signal.len ? n->signal : n->waits_for;
}

/* ---- a fact ---------------------------------------------------------------------------------------------------------- */

void event_came(Run *r, const Fact *fact) {
    Value event = event_of(&r->arena, r->payload);
    if (r->listens)
        listen_start(r, event);
    else
        hear(r, arena_str(&r->arena, fact->name), event);
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

void events_save(const Run *r, Buf *b) {
    buf_blob(b, r->correlation);
    buf_u8(b, r->listens);
    buf_varint(b, r->life);
    buf_varint(b, r->n_heard);
    for (const Heard *h = r->heard; h; h = h->next) {
        value_encode(b, h->event);
        buf_varint(b, h->n_taken);
        for (uint32_t i = 0; i < h->n_taken; i++)
            buf_varint(b, h->taken[i]);
    }
}

static void load_taken(Run *r, Heard *h, Cursor *c) {
    uint64_t n = cursor_varint(c);
    if (n > r->plan->n_nodes) {
        c->bad = true;
        return;
    }
    h->n_taken = (uint32_t)n;
    h->taken = ARENA_ARRAY(&r->arena, uint32_t, n);
    for (uint64_t i = 0; i < n; i++)
        h->taken[i] = (uint32_t)cursor_varint(c);
}

void events_load(Run *r, Cursor *c) {
    Heard **at = &r->heard;
    r->correlation = arena_str(&r->arena, cursor_blob(c));
    uint8_t listens = cursor_u8(c);
    c->bad |= listens > 1;
    r->listens = listens == 1;
    r->life = (uint32_t)cursor_varint(c);
    for (uint64_t n = cursor_varint(c); n > 0 && !c->bad; n--) {
        Heard *h = *at = ARENA_NEW(&r->arena, Heard);
        h->event = value_decode(c, &r->arena);
        Value type = value_getz(h->event, "type");
        if (!value_is(type, V_STRING) || ++r->n_heard > LIMIT_EVENTS_KEPT) {
            c->bad = true;
            return;
        }
        h->type = value_as_str(type);
        load_taken(r, h, c);
        at = &h->next;
    }
}
