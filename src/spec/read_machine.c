/* `machine`: its states as nodes, the moves between them, and what follows from the moves alone: which states are never
 * reached, and which every path to a state passes (its dominators), so that their results may be named there. */
#include "spec/read.h"

/* Dominators cost states times moves. */
#define STATES_MAX 500
#define MOVES_MAX 4000

typedef struct Move {
    uint32_t from, to; /* states; from == n: any state, or the start */
} Move;
/* A step that is done on a move: it sees what every path to it passes. */
typedef struct Way {
    struct Way *next;
    const Node *step;
    uint32_t from; /* as of a Move */
} Way;
struct MachineDraft {
    MachineDraft *next;
    const Node *node;
    const Yaml *yaml;
    Node **states;
    Move *moves;
    size_t n, n_moves, room;
    Way *ways;
};

/* ---- states ---------------------------------------------------------------------------------------------------------- */

static Node *new_state(Reader *r, const YamlEntry *e, Node *machine) {
    Str id;
    Node *state = read_new_node(r, e->value, e->key->text, machine);
    state->pos = yaml_pos(e->key);
    state->has_id = true;
    read_id(r, e->key, "the name of a state", &id);
    add_play_part(r, machine, state, false);
    table_put(&r->steps, machine->no, state->name, state);
    return state;
}

void read_states(Reader *r, const Yaml *map, Node *machine) {
    const Yaml *states = yaml_get(map, "states");
    if (!states || states->kind != YAML_MAP)
        return;
    if (states->n > STATES_MAX) {
        error_at(r, states, "limit", "make two machines of it", "a machine has at most %d states",
                 STATES_MAX);
        return;
    }
    MachineDraft *m = ARENA_NEW(&r->scratch, MachineDraft);
    *m = (MachineDraft){ .next = r->machines, .node = machine, .yaml = map };
    m->states = ARENA_ARRAY(&r->scratch, Node *, states->n);
    for (; m->n < states->n; m->n++)
        m->states[m->n] = new_state(r, &states->entries[m->n], machine);
    r->machines = m;
    r->notes[machine->no].machine = m;
    machine->machine = ARENA_NEW(r->arena, Machine);
    *machine->machine =
        (Machine){ .n_states = m->n, .next = ARENA_ARRAY(r->arena, Edges, m->n), .max = 1 };
}

/* ---- moves ----------------------------------------------------------------------------------------------------------- */

/* The machine around a node, and which of its states the node stands in. */
static MachineDraft *machine_around(const Reader *r, const Node *node, uint32_t *ret_state) {
    const Node *inner = NULL;
    for (; node; inner = node, node = node->handler_of ? node->handler_of : node->parent) {
        MachineDraft *m = r->notes[node->no].machine;
        if (!m)
            continue;
        *ret_state = inner && inner->index < m->n && m->states[inner->index] == inner
                         ? inner->index
                         : (uint32_t)m->n;
        return m;
    }
    return NULL;
}

static void refuse_state(Reader *r, const Yaml *y, const MachineDraft *m, Str name) {
    Str *names = ARENA_ARRAY(&r->scratch, Str, m->n);
    for (size_t i = 0; i < m->n; i++)
        names[i] = m->states[i]->name;
    error_at(r, y, "unknown_name", near_remedy(r, name, names, m->n),
             "this machine has no state `%.*s`", (int)MIN(name.len, 80), name.p);
}

static void add_move(Reader *r, MachineDraft *m, Move move) {
    if (m->n_moves == m->room) {
        Move *old = m->moves;
        m->room = m->room ? m->room * 2 : 16;
        m->moves = ARENA_ARRAY(&r->scratch, Move, m->room);
        if (old)
            memcpy(m->moves, old, m->n_moves * sizeof *old);
    }
    m->moves[m->n_moves++] = move;
}

static const Node *move_to(Reader *r, const Yaml *y, Str name, MachineDraft *m, uint32_t from) {
    const Node *to = table_get(&r->steps, m->node->no, name);
    if (!to)
        refuse_state(r, y, m, name);
    else if (m->n_moves == MOVES_MAX)
        error_at(r, y, "limit", "make two machines of it", "a machine has at most %d moves",
                 MOVES_MAX);
    else
        add_move(r, m, (Move){ from, to->index });
    return to;
}

const Node *read_move(Reader *r, const Yaml *y, Str name, const Node *node) {
    uint32_t from = 0;
    MachineDraft *m = node ? machine_around(r, node, &from) : NULL;
    if (m)
        return move_to(r, y, name, m, from);
    error_at(r, y, "unknown_name", "states are those of a `machine` around",
             "`%.*s` would be a state, and no machine stands here", (int)MIN(name.len, 80), name.p);
    return NULL;
}

const Node *read_move_of(Reader *r, const Yaml *y, Str name, const Node *machine,
                         const Node *from) {
    MachineDraft *m = r->notes[machine->no].machine;
    return m ? move_to(r, y, name, m, from ? from->index : (uint32_t)m->n) : NULL;
}

void read_way(Reader *r, const Node *step, const Node *machine, const Node *from) {
    MachineDraft *m = r->notes[machine->no].machine;
    Way *way = ARENA_NEW(&r->scratch, Way);
    *way = (Way){ m->ways, step, from ? from->index : (uint32_t)m->n };
    m->ways = way;
    r->notes[step->no].leaves = from;
}

/* ---- paths ----------------------------------------------------------------------------------------------------------- */

typedef struct Paths {
    const MachineDraft *m;
    size_t words;
    uint64_t *sets; /* by state: those that every path to it passes, itself included */
} Paths;

static uint64_t *set_of(const Paths *p, uint32_t state) { return p->sets + state * p->words; }

/* Of all paths into `to` only what they share is kept. True if that changed something. */
static bool meet(const Paths *p, Move move) {
    uint64_t *to = set_of(p, move.to);
    bool changed = false;
    for (size_t w = 0; w < p->words; w++) {
        uint64_t keep = set_of(p, move.from)[w];
        if (w == move.to / 64)
            keep |= UINT64_C(1) << move.to % 64;
        changed |= (to[w] & ~keep) != 0;
        to[w] &= keep;
    }
    return changed;
}

static bool meet_any(const Paths *p, uint32_t to) {
    bool changed = false;
    for (uint32_t from = 0; from < p->m->n; from++)
        changed |= meet(p, (Move){ from, to });
    return changed;
}

/* Every set begins full and shrinks until nothing changes. A state that nothing leads to keeps all: it is told apart. */
static void shrink(const Paths *p, uint32_t start) {
    memset(p->sets, 0xff, p->m->n * p->words * sizeof *p->sets);
    memset(set_of(p, start), 0, p->words * sizeof *p->sets);
    set_of(p, start)[start / 64] = UINT64_C(1) << start % 64;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < p->m->n_moves; i++) {
            Move move = p->m->moves[i];
            if (move.to != start)
                changed |= move.from < p->m->n ? meet(p, move) : meet_any(p, move.to);
        }
    }
}

static void warn_unreached(Reader *r, const MachineDraft *m, uint32_t start) {
    bool *seen = ARENA_ARRAY(&r->scratch, bool, m->n);
    seen[start] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < m->n_moves; i++) {
            Move move = m->moves[i];
            if (!seen[move.to] && (move.from == m->n || seen[move.from]))
                changed = seen[move.to] = true;
        }
    }
    for (size_t i = 0; i < m->n; i++)
        if (!seen[i])
            diag_warn(r->diags, m->states[i]->pos, "unreachable",
                      "name it in `next` or `on`, or take it out",
                      "no move leads to the state `%.*s`", STR_FMT(m->states[i]->name));
}

static void order_machine(Reader *r, const MachineDraft *m) {
    const Yaml *start = yaml_get(m->yaml, "start");
    const Node *first =
        start && start->kind == YAML_SCALAR ? table_get(&r->steps, m->node->no, start->text) : NULL;
    if (!first)
        return;
    Paths p = { .m = m, .words = (m->n + 63) / 64 };
    p.sets = ARENA_ARRAY(&r->scratch, uint64_t, m->n * p.words);
    shrink(&p, first->index);
    for (uint32_t i = 0; i < m->n; i++)
        r->before[m->states[i]->no] = set_of(&p, i);
    for (const Way *way = m->ways; way; way = way->next)
        r->before[way->step->no] = set_of(&p, way->from < m->n ? way->from : first->index);
    if (!r->diags->errors) /* a move that was refused may lead there */
        warn_unreached(r, m, first->index);
}

void order_states(Reader *r) {
    for (const MachineDraft *m = r->machines; m; m = m->next)
        order_machine(r, m);
}
