/* Steps inside verbs and definitions: a target of `route`, a state, an `else`, a tool's `undo`. They are nodes, so that
 * names, order and state are checked as everywhere; their parent is the step whose verb they serve, and they see what
 * that step sees. A definition has no step: there a node of its own stands for it, outside the tree. */
#include "spec/read.h"

#include "base/limits.h"

static Node *new_home(Reader *r, const Yaml *y, const Sight *sight) {
    Node *home = read_new_node(r, y, STR(""), NULL);
    Sight *copy = ARENA_NEW(&r->scratch, Sight);
    *copy = *sight;
    r->notes[home->no].home = copy;
    return home;
}

const Sight *read_home(const Reader *r, const Node *node) {
    while (node && (node->handler_of || node->parent))
        node = node->handler_of ? node->handler_of : node->parent;
    return node ? r->notes[node->no].home : NULL;
}

static void name_part(Reader *r, const Yaml *at, Node *part) {
    Str id;
    part->has_id = true;
    part->pos = yaml_pos(at);
    read_id(r, at, "the name of a step", &id);
}

/* "`else`" is a word for people; the node is called `else`. */
static Str bare(Str name) {
    bool quoted = name.len > 2 && name.p[0] == '`';
    return quoted ? str_slice(name, 1, name.len - 1) : name;
}

Node *read_part(Reader *r, const Yaml *at, const Yaml *y, Str name, Place place,
                const Sight *sight) {
    if (!read_is_map(r, y, "a step"))
        return NULL;
    if (r->plan->n_nodes + 1 >= LIMIT_STEPS) {
        error_at(r, y, "limit", NULL, "a file has at most %d steps", LIMIT_STEPS);
        return NULL;
    }
    Node *home = sight->node ? r->plan->nodes[sight->node->no] : new_home(r, y, sight);
    bool is_state = place == PLACE_NAMED && r->notes[home->no].machine;
    Node *part = is_state ? table_get(&r->steps, home->no, name) : NULL;
    if (!part)
        part = read_new_node(r, y, bare(name), home);
    if (place == PLACE_NAMED && !is_state)
        name_part(r, at, part);
    r->notes[part->no].many = place == PLACE_TASK;
    r->notes[part->no].sees |= sight->sees & SEES_INSIDE;
    r->notes[part->no].means = place == PLACE_PART && (sight->sees & SEES_WITH);
    read_step(r, y, part, place);
    return part;
}

/* ---- probe and undo -------------------------------------------------------------------------------------------------- */

struct MeansNote {
    MeansNote *next;
    const Yaml *yaml;
    Sight sight;
    MeansKind kind;
    Named *within;
    Node **ret_node;
};

/* A probe only asks, whatever asking is done with. */
static Node *read_one_means(Reader *r, const Yaml *y, const Sight *sight, MeansKind kind) {
    Str name = kind == MEANS_PROBE ? STR("`probe`") : STR("`undo`");
    Node *part = read_part(r, y, y, name, PLACE_PART, sight);
    if (part && kind == MEANS_PROBE && part->verb == VERB_INVOKE)
        part->effect = MIN(part->effect, EFFECT_READ);
    return part;
}

Node *read_means_of_step(Reader *r, const Yaml *y, Node *node, MeansKind kind) {
    Sight sight = { .sees = SEES_WITH | (kind == MEANS_UNDO ? SEES_AFTER : 0), .node = node };
    return read_one_means(r, y, &sight, kind);
}

Node **read_means_later(Reader *r, const Yaml *y, const Sight *sight, MeansKind kind) {
    MeansNote *note = ARENA_NEW(&r->scratch, MeansNote);
    *note = (MeansNote){ r->means, y, *sight, kind, r->within, ARENA_NEW(r->arena, Node *) };
    note->sight.sees = SEES_WITH | SEES_CALL;
    r->means = note;
    return note->ret_node;
}

void read_means(Reader *r) {
    for (MeansNote *note; (note = r->means);) {
        Named *outer = r->within;
        r->means = note->next;
        r->within = note->within;
        *note->ret_node = read_one_means(r, note->yaml, &note->sight, note->kind);
        r->within = outer;
    }
}
