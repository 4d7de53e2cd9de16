/* What the verbs that several steps play share: their parts become nodes below the verb's own, in no group. */
#include "spec/read.h"

#include "base/limits.h"

void add_play_part(Reader *r, Node *node, Node *part, bool role) {
    if (node->n_parts == node->room_parts) {
        Node **old = node->parts;
        node->room_parts = node->room_parts ? node->room_parts * 2 : 8;
        node->parts = ARENA_ARRAY(r->arena, Node *, node->room_parts);
        if (old)
            memcpy(node->parts, old, node->n_parts * sizeof *old);
    }
    part->is_part = true;
    part->is_role = role;
    part->index = (uint32_t)node->n_parts;
    node->parts[node->n_parts++] = part;
}

Node *read_play_step(Reader *r, const Yaml *at, const Yaml *y, Str name, bool role,
                     const Sight *sight) {
    Node *part = read_part(r, at, y, name, role ? PLACE_PART : PLACE_NAMED, sight);
    if (part)
        add_play_part(r, r->plan->nodes[sight->node->no], part, role);
    return part;
}

Node *read_play_callee(Reader *r, const Yaml *y, const Callee *c, Str name, bool role, Node *node) {
    if (r->plan->n_nodes + 1 >= LIMIT_STEPS) {
        error_at(r, y, "limit", NULL, "a file has at most %d steps", LIMIT_STEPS);
        return NULL;
    }
    Node *part = read_new_node(r, y, name, node);
    part->verb = VERB_INVOKE;
    part->verb_word = STR("agent");
    part->callee = c;
    part->effect = c->effect;
    part->key_life_ms = c->key_life_ms;
    part->retry = c->retry;
    add_play_part(r, node, part, role);
    return part;
}

Node *read_play_agent(Reader *r, const Yaml *y, Str name, bool role, Node *node) {
    const Callee *c = y->kind == YAML_MAP ? read_callee_inline(r, y, true)
                                          : read_callee_named(r, y, true);
    return c ? read_play_callee(r, y, c, name, role, node) : NULL;
}

size_t read_play_agents(Reader *r, const Yaml *y, Node *node) {
    const Yaml *const *items = y->kind == YAML_LIST ? (const Yaml *const *)y->items : &y;
    size_t n = y->kind == YAML_LIST ? y->n : 1, before = node->n_parts;
    for (size_t i = 0; i < n; i++) {
        Str name = items[i]->kind == YAML_SCALAR ? items[i]->text
                                                 : arena_fmt(r->arena, "agent%zu", i + 1);
        read_play_agent(r, items[i], name, false, node);
    }
    return node->n_parts - before;
}
