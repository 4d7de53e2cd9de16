/* The verb `machine`, and the moves between its states: `next` of a state, `on` of the machine (read_machine.c knows the
 * states and what is passed on the way to each). Expressions of a move stand in the state that is left and see its result. */
#include "spec/read.h"

/* Of moves: a machine keeps the names of the states it was in. */
#define MACHINE_MAX 10000

typedef struct EdgeDraft {
    Edge *edge;
    Node *machine, *from; /* from NULL: any state */
    unsigned sees;
} EdgeDraft;

static const Node *stands_in(const EdgeDraft *d) { return d->from ? d->from : d->machine; }

/* ---- one move -------------------------------------------------------------------------------------------------------- */

static void edge_to(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    Str name;
    (void)key;
    if (read_text(r, value, "`to`", &name))
        d->edge->to = read_move_of(r, value, name, d->machine, d->from);
}

static void edge_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    (void)key;
    read_later(r, value, stands_in(d), d->sees, NULL, &d->edge->if_);
}

static void edge_signal(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "the name of a signal", &((EdgeDraft *)target)->edge->signal);
}

static void edge_event(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Edge *e = ((EdgeDraft *)target)->edge;
    (void)key;
    e->waits_for = read_events(r, value, &e->events, &e->n_events);
}

static void edge_after(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    (void)key;
    if (d->from)
        read_duration(r, value, "`after`", &d->edge->after_ms);
    else
        error_at(r, value, "value", "give it to the states it is for",
                 "`after` counts from when a state was entered: `on` is for signals and events");
}

/* Gates of all moves have numbers of their own: an open question is found by its number. */
static void number_gate(Reader *r, Machine *m, Ask *gate) {
    if (m->n_gates == m->room_gates) {
        Ask **old = m->gates;
        m->room_gates = m->room_gates ? m->room_gates * 2 : 8;
        m->gates = ARENA_ARRAY(r->arena, Ask *, m->room_gates);
        if (old)
            memcpy(m->gates, old, m->n_gates * sizeof *old);
    }
    m->gates[m->n_gates++] = gate;
}

static void edge_approve(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    Sight sight = { .sees = d->sees, .node = stands_in(d) };
    (void)key;
    read_gates(r, value, &sight, &d->edge->gates, &d->edge->n_gates);
    d->edge->first_gate = d->machine->machine->n_gates;
    for (size_t i = 0; i < d->edge->n_gates; i++) {
        const Yaml *gate = value->kind == YAML_LIST ? value->items[i] : value;
        number_gate(r, d->machine->machine, d->edge->gates[i]);
        if (yaml_get(gate, "at"))
            error_at(r, yaml_get(gate, "at"), "value", "take `at` out",
                     "a move is agreed to before it is made");
        if (!d->from && !d->edge->gates[i]->on_reject)
            error_at(r, gate, "missing", "`on_reject: STATE`",
                     "say where a no leads: the state it comes from is left when people are asked");
    }
}

static void edge_set(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    (void)key;
    read_sets(r, value, d->from ? d->from : d->machine, d->sees, &d->edge->sets, &d->edge->n_sets);
}

static size_t count_acts(const Node *machine) {
    return machine->n_parts - machine->machine->n_states;
}

/* `do`, `do2` ...: a role of the machine, told apart in addresses. */
static void edge_do(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    size_t before = count_acts(d->machine);
    Str name = before ? arena_fmt(r->arena, "do%zu", before + 1) : STR("do");
    Sight sight = { .sees = d->sees, .node = d->machine };
    d->edge->act = read_play_step(r, key, value, name, true, &sight);
    if (d->edge->act)
        read_way(r, d->edge->act, d->machine, d->from);
}

static void edge_rollback(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    EdgeDraft *d = target;
    bool yes = false;
    (void)key;
    if (value->kind == YAML_SCALAR && str_is(value->text, "all"))
        d->edge->rollback = ROLLBACK_ALL;
    else if (read_bool(r, value, "`rollback`", &yes))
        d->edge->rollback = yes ? ROLLBACK_BACK : ROLLBACK_NONE;
}

static const KeyRow edge_rows[] = {
    { "event", edge_event },     { "to", edge_to },
    { "if", edge_if },           { "signal", edge_signal },
    { "after", edge_after },     { "set", edge_set },
    { "approve", edge_approve }, { "rollback", edge_rollback },
    { "do", edge_do },
};

/* ---- several --------------------------------------------------------------------------------------------------------- */

static Edge *new_edge(const Yaml *y, Edges *edges) {
    Edge *e = &edges->items[edges->n++];
    *e = (Edge){ .pos = yaml_pos(y), .signal = STR(""), .waits_for = STR(""), .after_ms = -1 };
    return e;
}

static void check_edge(Reader *r, const Yaml *y, const EdgeDraft *d) {
    const Yaml *signal = yaml_get(y, "signal"), *event = yaml_get(y, "event");
    const Yaml *after = yaml_get(y, "after");
    if ((signal != NULL) + (event != NULL) + (after != NULL) > 1)
        error_at(r, y, "value", "make two moves of it",
                 "a move waits for one thing: a signal, an event or a time");
    if (!d->from && !signal && !event && !after)
        error_at(r, y, "missing", "like `{ signal: withdraw, to: withdrawn }`",
                 "a move from any state needs the `signal` or the `event` that brings it");
}

static void read_edge(Reader *r, const Yaml *y, EdgeDraft *d) {
    if (y->kind != YAML_MAP) {
        error_at(r, y, "value", language_block(STR("Edge"))->like, "a move is a map");
        return;
    }
    Sight sight = { .sees = d->sees, .node = stands_in(d) };
    read_block(r, y, language_block(STR("Edge")), edge_rows, ARRAY_LEN(edge_rows), &sight, d);
    check_edge(r, y, d);
}

static bool is_certain(const Yaml *y) {
    static const char *const words[] = { "if", "signal", "event", "after" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (yaml_get(y, words[i]))
            return false;
    return y->kind == YAML_MAP;
}

/* What comes behind a move that is always made is for failures, or for what interrupts the step. */
static void warn_never(Reader *r, const Yaml *y) {
    size_t i = 0;
    while (i < y->n && !is_certain(y->items[i]))
        i++;
    for (i++; i < y->n; i++) {
        const Yaml *guard = yaml_get(y->items[i], "if");
        bool failure = guard && guard->kind == YAML_SCALAR &&
                       str_find(guard->text, STR("error")) >= 0;
        bool waits = yaml_get(y->items[i], "signal") || yaml_get(y->items[i], "after") ||
                     yaml_get(y->items[i], "event");
        if (!failure && !waits)
            warn_at(r, y->items[i], "unreachable", "give the one before an `if`",
                    "never made: the move before it always is");
    }
}

static void read_edges(Reader *r, const Yaml *y, Node *machine, Node *from, Edges *ret) {
    EdgeDraft d = { .machine = machine,
                    .from = from,
                    .sees = SEES_STEPS | SEES_LOOP | SEES_SIGNAL | SEES_EVENT |
                            (from ? SEES_AFTER : 0) };
    ret->items = ARENA_ARRAY(r->arena, Edge, y->n);
    for (size_t i = 0; i < y->n; i++) {
        d.edge = new_edge(y->items[i], ret);
        read_edge(r, y->items[i], &d);
    }
    if (from)
        warn_never(r, y);
}

void read_next(Reader *r, const Yaml *y, Node *state) {
    Node *machine = state->parent ? r->plan->nodes[state->parent->no] : NULL;
    if (!machine || !machine->machine) {
        error_at(r, y, "verb", NULL, "`next` stands in a state of a `machine`");
        return;
    }
    Edges *edges = &machine->machine->next[state->index];
    Str name;
    if (y->kind == YAML_LIST) {
        read_edges(r, y, machine, state, edges);
    } else if (read_text(r, y, "`next`", &name)) {
        edges->items = ARENA_ARRAY(r->arena, Edge, 1);
        new_edge(y, edges)->to = read_move_of(r, y, name, machine, state);
    }
}

/* ---- the verb -------------------------------------------------------------------------------------------------------- */

static void machine_start(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *node = target;
    Str name;
    (void)key;
    if (read_text(r, value, "`start`", &name) && node->machine)
        node->machine->start = read_move_of(r, value, name, node, NULL);
}

static void machine_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *node = target;
    int32_t max = 1;
    (void)key;
    if (read_int32(r, value, "`max`", 1, MACHINE_MAX, &max) && node->machine)
        node->machine->max = max;
}

static void machine_until(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *node = target;
    (void)key;
    if (node->machine)
        read_later(r, value, node, SEES_STEPS | SEES_LOOP | SEES_AFTER, NULL,
                   &node->machine->until);
}

static void machine_states(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *node = target;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = node };
    if (!node->machine) { /* read_states() took none */
        read_keyword(r, key, value, language_block(STR("Machine")), &sight, NULL);
        return;
    }
    if (value->n == 0)
        error_at(r, value, "value", NULL, "`states` is empty");
    for (size_t i = 0; i < value->n; i++) {
        const YamlEntry *e = &value->entries[i];
        read_part(r, e->key, e->value, e->key->text, PLACE_NAMED, &sight);
    }
}

static void machine_on(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *node = target;
    (void)key;
    if (value->kind != YAML_LIST)
        error_at(r, value, "value", "like `on: [{ signal: withdraw, to: withdrawn }]`",
                 "`on` is a list");
    else if (node->machine)
        read_edges(r, value, node, NULL, &node->machine->on);
}

static const KeyRow machine_rows[] = {
    { "start", machine_start }, { "max", machine_max },       { "until", machine_until },
    { "on", machine_on },       { "states", machine_states },
};

void read_machine(Reader *r, const Yaml *y, Node *node) {
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = node };
    if (!read_is_map(r, y, "`machine`"))
        return;
    read_block(r, y, language_block(STR("Machine")), machine_rows, ARRAY_LEN(machine_rows), &sight,
               node);
    if (!node->machine)
        return;
    int32_t acts = count_acts(node) ? node->machine->max : 0;
    node->play_max = node->machine->max + 1 + acts;
}
