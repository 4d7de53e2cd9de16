/* What the words of a block cannot say each by itself: that a rule leads to a target there is, that a tie needs votes,
 * that a router chooses among several. Called by read_block() before and after it reads a map's words. */
#include "spec/read.h"

static bool is_text(const Yaml *y) { return y && y->kind == YAML_SCALAR; }

/* The items of a list, or the one that stands in its place. */
static size_t items_of(const Yaml *const *y, const Yaml *const **ret_items) {
    if (!*y)
        return 0;
    *ret_items = (*y)->kind == YAML_LIST ? (const Yaml *const *)(*y)->items : y;
    return (*y)->kind == YAML_LIST ? (*y)->n : 1;
}

/* Names in a list of texts, or the keys of a map. */
static size_t names_in(Reader *r, const Yaml *y, Str **ret_names) {
    size_t n = 0;
    *ret_names = ARENA_ARRAY(&r->scratch, Str, y ? y->n + 1 : 0);
    if (y && y->kind == YAML_SCALAR)
        (*ret_names)[n++] = y->text;
    for (size_t i = 0; y && y->kind == YAML_LIST && i < y->n; i++)
        if (is_text(y->items[i]))
            (*ret_names)[n++] = y->items[i]->text;
    for (size_t i = 0; y && y->kind == YAML_MAP && i < y->n; i++)
        (*ret_names)[n++] = y->entries[i].key->text;
    return n;
}

static bool is_among(Str word, const Str *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], word))
            return true;
    return false;
}

/* `y` is one of the names that `whole` lists. */
static void check_among(Reader *r, const Yaml *y, const Yaml *whole, const char *what) {
    Str *names;
    size_t n = names_in(r, whole, &names);
    if (is_text(y) && whole && !is_among(y->text, names, n))
        error_at(r, y, "unknown_name", near_remedy(r, y->text, names, n), "no %s `%.*s`", what,
                 (int)MIN(y->text.len, 80), y->text.p);
}

/* The field of each map of a list. */
static void check_each_among(Reader *r, const Yaml *list, const char *field, const Yaml *whole,
                             const char *what) {
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
        if (list->items[i]->kind == YAML_MAP)
            check_among(r, yaml_get(list->items[i], field), whole, what);
}

static void check_keys_among(Reader *r, const Yaml *map, const Yaml *whole, const char *what) {
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
        check_among(r, map->entries[i].key, whole, what);
}

static void warn_simpler(Reader *r, const Yaml *at, const char *remedy, const char *what) {
    warn_at(r, at, "simpler", remedy, "%s", what);
}

/* ---- the verbs ------------------------------------------------------------------------------------------------------- */

/* A name twice in a list of targets. */
static void check_once(Reader *r, const Yaml *list) {
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
        for (size_t k = 0; is_text(list->items[i]) && k < i; k++)
            if (is_text(list->items[k]) && str_eq(list->items[k]->text, list->items[i]->text)) {
                error_at(r, list->items[i], "duplicate", "keep one of the two",
                         "`%.*s` stands here twice", (int)MIN(list->items[i]->text.len, 80),
                         list->items[i]->text.p);
                return;
            }
}

static void leave_route(Reader *r, const Yaml *map) {
    static const char *const choosers[] = { "rules", "examples", "model", "capability", "prefer" };
    const Yaml *to = yaml_get(map, "to");
    bool chosen = false;
    for (size_t i = 0; i < ARRAY_LEN(choosers); i++)
        chosen |= yaml_get(map, choosers[i]) != NULL;
    if (!chosen)
        error_at(r, map, "missing", "`rules`, `examples`, `model` or `capability`",
                 "nothing chooses among the targets of this `route`");
    check_once(r, to);
    check_each_among(r, yaml_get(map, "rules"), "to", to, "target");
    if (to && to->kind != YAML_SCALAR && to->n == 1 && !yaml_get(map, "else"))
        warn_simpler(r, to, "make it a step, with an `if` if need be",
                     "a router with one target has nothing to choose");
}

static void leave_vote(Reader *r, const Yaml *map) {
    static const char *const partners[][2] = { { "weighted", "weights" },
                                               { "confidence", "confidence" },
                                               { "judge", "judge" } };
    const Yaml *by = yaml_get(map, "by"), *rule = yaml_get(map, "rule");
    const Yaml *quorum = yaml_get(map, "quorum");
    int64_t least;
    check_keys_among(r, yaml_get(map, "weights"), by, "voter");
    for (size_t i = 0; i < ARRAY_LEN(partners); i++)
        if (is_text(rule) && str_is(rule->text, partners[i][0]) && !yaml_get(map, partners[i][1]))
            error_at(r, rule, "missing", NULL, "`rule: %s` needs `%s`", partners[i][0],
                     partners[i][1]);
    if (!by || by->kind != YAML_LIST)
        return;
    if (is_text(quorum) && str_to_i64(quorum->text, &least) && least > (int64_t)by->n)
        error_at(r, quorum, "value", NULL, "`quorum` wants more ballots than there are voters: %zu",
                 by->n);
    if (by->n == 1)
        warn_simpler(r, by, "one agent is a step: `agent: NAME`", "a vote of one is no vote");
}

static void leave_supervise(Reader *r, const Yaml *map) {
    const Yaml *workers = yaml_get(map, "workers"), *until = yaml_get(map, "until");
    if (workers && workers->kind == YAML_LIST && workers->n == 1)
        warn_simpler(r, workers, "ask it by a step: `agent: NAME`, with `repeat` if need be",
                     "a supervisor of one agent costs more than it gives");
    if (until && !yaml_get(map, "evaluate") && is_text(until) &&
        str_find(until->text, STR("evaluation")) >= 0)
        error_at(r, until, "missing", "`evaluate: { agent: critic }`",
                 "`until` asks for an evaluation, and nobody evaluates");
}

/* Who can be reached from the start by handing over? */
static void check_finish(Reader *r, const Yaml *map) {
    const Yaml *start = yaml_get(map, "start"), *handoffs = yaml_get(map, "handoffs");
    const Yaml *finish = yaml_get(map, "finish"), *const *items = NULL;
    const Yaml *then = yaml_get(map, "then");
    if (!is_text(start) || !finish || !handoffs || handoffs->kind != YAML_MAP ||
        (then && then->kind != YAML_MAP))
        return;
    Table seen = { .arena = &r->scratch };
    size_t n = 0, room = handoffs->n + (then ? then->n : 0) + 1;
    Str *queue = ARENA_ARRAY(&r->scratch, Str, room), *names;
    table_put(&seen, 0, start->text, &seen);
    queue[n++] = start->text;
    for (size_t at = 0; at < n; at++) {
        const Yaml *to = then ? yaml_get(then, queue[at].p) : NULL;
        size_t n_names = names_in(r, to ? to : yaml_get(handoffs, queue[at].p), &names);
        for (size_t i = 0; i < n_names; i++)
            if (!table_put(&seen, 0, names[i], &seen) && n < room &&
                (yaml_get(handoffs, names[i].p) || (then && yaml_get(then, names[i].p))))
                queue[n++] = names[i];
    }
    size_t n_items = items_of(&finish, &items), reached = 0;
    for (size_t i = 0; i < n_items; i++)
        reached += is_text(items[i]) && table_get(&seen, 0, items[i]->text);
    if (n_items && !reached)
        error_at(r, finish, "unreachable", "add a handoff to one of them",
                 "no handoff leads from `%.*s` to anyone who may finish",
                 (int)MIN(start->text.len, 80), start->text.p);
}

static void leave_team(Reader *r, const Yaml *map) {
    const Yaml *handoffs = yaml_get(map, "handoffs");
    if (!handoffs || handoffs->kind != YAML_MAP)
        return;
    for (size_t i = 0; i < handoffs->n; i++) {
        const Yaml *to = handoffs->entries[i].value;
        read_known(r, handoffs->entries[i].key, true);
        for (size_t k = 0; to->kind == YAML_MAP && k < to->n; k++)
            read_known(r, to->entries[k].key, true);
    }
    for (size_t i = 0; yaml_get(map, "then") && yaml_get(map, "then")->kind == YAML_MAP &&
                       i < yaml_get(map, "then")->n;
         i++)
        read_known(r, yaml_get(map, "then")->entries[i].key, true);
    check_finish(r, map);
}

static void leave_board(Reader *r, const Yaml *map) {
    const Yaml *topics = yaml_get(map, "topics"), *rules = yaml_get(map, "rules");
    check_keys_among(r, yaml_get(map, "post"), topics, "topic");
    check_each_among(r, rules, "to", topics, "topic");
    check_each_among(r, yaml_get(map, "watch"), "topic", topics, "topic");
    if (rules && rules->kind == YAML_LIST && rules->n == 1)
        warn_simpler(r, rules, "ask the agent by a step, with `repeat` if need be",
                     "a board with one rule has one writer");
}

static void leave_machine(Reader *r, const Yaml *map) {
    const Yaml *states = yaml_get(map, "states");
    if (states && states->kind == YAML_MAP && states->n == 1)
        warn_simpler(r, states, "make it a step, with `repeat` if need be",
                     "a machine of one state has nowhere to go");
}

/* ---- plans and people ------------------------------------------------------------------------------------------------ */

/* One template of `plan: { templates: { NAME: [...] } }`: its needs are of its own tasks. */
static void check_template(Reader *r, const Yaml *items) {
    if (items->kind != YAML_LIST)
        return;
    Table ids = { .arena = &r->scratch };
    for (size_t i = 0; i < items->n; i++) {
        const Yaml *item = items->items[i],
                   *id = item->kind == YAML_MAP ? yaml_get(item, "id") : NULL;
        const Yaml *needs = item->kind == YAML_MAP ? yaml_get(item, "needs") : NULL;
        const Yaml *const *all = NULL;
        size_t n = items_of(&needs, &all);
        for (size_t k = 0; k < n; k++)
            if (is_text(all[k]) && !table_get(&ids, 0, all[k]->text))
                error_at(r, all[k], "order", "tasks stand behind those they need",
                         "no task `%.*s` stands before this one", (int)MIN(all[k]->text.len, 80),
                         all[k]->text.p);
        if (is_text(id) && table_put(&ids, 0, id->text, &ids))
            error_at(r, id, "duplicate", "give one of them another id",
                     "a task named `%.*s` stands here already", (int)MIN(id->text.len, 80),
                     id->text.p);
    }
}

static void leave_supervise_plan(Reader *r, const Yaml *map) {
    const Yaml *templates = yaml_get(map, "templates");
    for (size_t i = 0; templates && templates->kind == YAML_MAP && i < templates->n; i++)
        check_template(r, templates->entries[i].value);
}

static void leave_receive(Reader *r, const Yaml *map) {
    const Yaml *inboxes = yaml_get(r->file->root, "inboxes"), *inbox = yaml_get(map, "inbox");
    if (inboxes)
        check_among(r, inbox, inboxes, "inbox");
    else if (inbox)
        error_at(r, inbox, "unknown_name", "define it under `inboxes:`",
                 "this file has no inboxes");
}

static void leave_human(Reader *r, const Yaml *map) {
    people_asked(r, map);
    const Yaml *group = yaml_get(map, "group"), *wait = yaml_get(map, "wait");
    const Yaml *on_timeout = yaml_get(map, "on_timeout");
    if (group && yaml_get(map, "person"))
        error_at(r, group, "value", "keep one of the two",
                 "a `group` and a `person` cannot both be asked");
    if (is_text(wait) && str_is(wait->text, "false") && on_timeout)
        error_at(r, on_timeout, "value", "take it out, or wait",
                 "nobody waits for this person: `wait: false`");
}

static void leave_trigger(Reader *r, const Yaml *map) {
    static const char *const timed[] = { "timezone", "overlap", "catch_up" };
    const Yaml *cron = yaml_get(map, "cron");
    for (size_t i = 0; i < ARRAY_LEN(timed); i++)
        if (!cron && yaml_get(map, timed[i]))
            error_at(r, yaml_get(map, timed[i]), "value", NULL, "`%s` goes with `cron` only",
                     timed[i]);
    size_t fields = 0;
    for (size_t i = 0; is_text(cron) && i < cron->text.len; i++)
        fields += cron->text.p[i] != ' ' && (i == 0 || cron->text.p[i - 1] == ' ');
    if (is_text(cron) && fields != 5)
        error_at(r, cron, "value", "like \"0 7 * * 1-5\": minute hour day month weekday",
                 "a `cron` has five fields, not %zu", fields);
}

/* ---- by block -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *block;
    void (*leave)(Reader *r, const Yaml *map);
} leaves[] = {
    { "Route", leave_route },         { "Vote", leave_vote },
    { "Supervise", leave_supervise }, { "SupervisePlan", leave_supervise_plan },
    { "Team", leave_team },           { "Board", leave_board },
    { "Machine", leave_machine },     { "Receive", leave_receive },
    { "Human", leave_human },         { "Gate", leave_human },
    { "Trigger", leave_trigger },
};

/* A gate before the call sees what is handed over; one after it the outcome as well. */
void shape_enter(Reader *r, const Yaml *map, const Block *b, Sight *sight) {
    if (str_is(str_from(b->name), "Gate")) {
        const Yaml *at = yaml_get(map, "at");
        bool after = is_text(at) && str_is(at->text, "after");
        sight->sees |= SEES_WITH | (after && sight->node ? SEES_AFTER : 0);
    }
    static const char *const plays[] = { "Machine", "Team", "Board", "Supervise" };
    for (size_t i = 0; sight->node && i < ARRAY_LEN(plays); i++)
        r->notes[sight->node->no].play |= str_is(str_from(b->name), plays[i]);
    if (str_is(str_from(b->name), "Machine") && sight->node)
        read_states(r, map, r->plan->nodes[sight->node->no]);
}

void shape_leave(Reader *r, const Yaml *map, const Block *b) {
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++)
        if (str_is(str_from(b->name), leaves[i].block))
            leaves[i].leave(r, map);
}
