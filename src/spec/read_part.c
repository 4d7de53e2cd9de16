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

void read_part(Reader *r, const Yaml *at, const Yaml *y, Str name, Place place,
               const Sight *sight) {
    if (!read_is_map(r, y, "a step"))
        return;
    if (r->plan->n_nodes + 1 >= LIMIT_STEPS) {
        error_at(r, y, "limit", NULL, "a file has at most %d steps", LIMIT_STEPS);
        return;
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
    read_step(r, y, part, place);
}
