/* Who runs before whom. `needs` become numbers of siblings; circles are refused with their path; and for each step of a
 * map the set of all steps before it is kept as bits, so that every reference is checked at once.
 *
 * Kahn's algorithm, without recursion: a file may hold a chain of ten thousand steps. */
#include "spec/read.h"

typedef struct Group {
    Reader *r;
    const Node *node;
    size_t n, words; /* children; words of one set */
    uint32_t *order; /* children in an order that respects needs */
    size_t n_order;
} Group;

/* ---- needs ----------------------------------------------------------------------------------------------------------- */

static const char *near_sibling(Reader *r, const Node *group, Str word) {
    size_t n = enough_said(r) ? 0 : group->n_children;
    Str *names = ARENA_ARRAY(&r->scratch, Str, n);
    for (size_t i = 0; i < n; i++)
        names[i] = group->children[i]->name;
    return near_remedy(r, word, names, n);
}

static void refuse_need(Reader *r, const Yaml *at, const Node *n, Str word) {
    for (const Node *level = n->parent; level; level = level->parent) {
        const Node *outer = level->parent ? table_get(&r->steps, level->parent->no, word) : NULL;
        if (!outer)
            continue;
        error_at(r, at, "unknown_name",
                 arena_fmt(&r->scratch, "give it to `%.*s`, in whose group `%.*s` stands",
                           STR_FMT(level->name), STR_FMT(word))
                     .p,
                 "`needs` names siblings only");
        return;
    }
    error_at(r, at, "unknown_name", near_sibling(r, n->parent, word),
             "`needs` names an unknown step `%.*s`", (int)MIN(word.len, 80), word.p);
}

static void add_need(Reader *r, const Yaml *at, Node *n) {
    Str word;
    if (!read_text(r, at, "a step in `needs`", &word))
        return;
    const Node *sibling = table_get(&r->steps, n->parent->no, word);
    if (!sibling) {
        refuse_need(r, at, n, word);
        return;
    }
    for (size_t i = 0; i < n->n_needs; i++)
        if (n->needs[i] == sibling->index)
            return;
    n->needs[n->n_needs++] = sibling->index;
}

static void read_needs(Reader *r, Node *n) {
    const Yaml *y = yaml_get(r->node_yaml[n->no], "needs");
    if (!y)
        return;
    if (n->parent->ordered) {
        error_at(r, y, "order", "move the step, or make `steps` a map",
                 "a list runs in order: it has no `needs`");
        return;
    }
    size_t max = y->kind == YAML_LIST ? y->n : 1;
    n->needs = ARENA_ARRAY(r->arena, uint32_t, max);
    for (size_t i = 0; i < max; i++)
        add_need(r, y->kind == YAML_LIST ? y->items[i] : y, n);
}

static void need_the_one_before(Reader *r, Node *n) {
    if (n->index == 0)
        return;
    n->needs = ARENA_ARRAY(r->arena, uint32_t, 1);
    n->needs[0] = n->index - 1;
    n->n_needs = 1;
    n->by_order = true;
}

static void fill_dependents(Reader *r, const Node *group) {
    for (size_t i = 0; i < group->n_children; i++)
        for (size_t k = 0; k < group->children[i]->n_needs; k++)
            group->children[group->children[i]->needs[k]]->n_dependents++;
    for (size_t i = 0; i < group->n_children; i++) {
        Node *n = group->children[i];
        n->dependents = ARENA_ARRAY(r->arena, uint32_t, n->n_dependents);
        n->n_dependents = 0;
    }
    for (uint32_t i = 0; i < group->n_children; i++)
        for (size_t k = 0; k < group->children[i]->n_needs; k++) {
            Node *need = group->children[group->children[i]->needs[k]];
            need->dependents[need->n_dependents++] = i;
        }
}

/* ---- circles --------------------------------------------------------------------------------------------------------- */

/* Fills `order`; the children that do not get into it are in a circle or behind one. */
static bool sort(Group *g) {
    uint32_t *waiting = ARENA_ARRAY(&g->r->scratch, uint32_t, g->n);
    for (uint32_t i = 0; i < g->n; i++) {
        waiting[i] = (uint32_t)g->node->children[i]->n_needs;
        if (waiting[i] == 0)
            g->order[g->n_order++] = i;
    }
    for (size_t at = 0; at < g->n_order; at++) {
        const Node *n = g->node->children[g->order[at]];
        for (size_t k = 0; k < n->n_dependents; k++)
            if (--waiting[n->dependents[k]] == 0)
                g->order[g->n_order++] = n->dependents[k];
    }
    return g->n_order == g->n;
}

/* A child that no order was found for has a need of the same kind: following those must come round. */
static uint32_t stuck_need(const Node *n, const bool *ordered) {
    for (size_t k = 0; k < n->n_needs; k++)
        if (!ordered[n->needs[k]])
            return n->needs[k];
    UNREACHABLE("a step without order has a need without order");
}

static void refuse_circle(Group *g) {
    Reader *r = g->r;
    bool *ordered = ARENA_ARRAY(&r->scratch, bool, g->n),
         *seen = ARENA_ARRAY(&r->scratch, bool, g->n);
    for (size_t i = 0; i < g->n_order; i++)
        ordered[g->order[i]] = true;
    uint32_t at = 0;
    while (ordered[at])
        at++;
    for (; !seen[at]; at = stuck_need(g->node->children[at], ordered))
        seen[at] = true;
    uint32_t first = at;
    Buf b = BUF_INIT(400);
    do {
        buf_fmt(&b, "%.*s -> ", STR_FMT(g->node->children[at]->name));
        at = stuck_need(g->node->children[at], ordered);
    } while (at != first);
    const Node *n = g->node->children[first];
    error_at(r, yaml_get(r->node_yaml[n->no], "needs"), "cycle", "for work in rounds use `repeat`",
             "steps need each other in a circle: %.*s%.*s", STR_FMT(buf_str(&b)), STR_FMT(n->name));
    buf_deinit(&b);
}

/* ---- who is before --------------------------------------------------------------------------------------------------- */

static void fill_before(Group *g) {
    for (size_t at = 0; at < g->n; at++) {
        const Node *n = g->node->children[g->order[at]];
        uint64_t *set = ARENA_ARRAY(&g->r->scratch, uint64_t, g->words);
        for (size_t k = 0; k < n->n_needs; k++) {
            const Node *need = g->node->children[n->needs[k]];
            const uint64_t *theirs = g->r->before[need->no];
            for (size_t w = 0; w < g->words; w++)
                set[w] |= theirs[w];
            set[need->index / 64] |= UINT64_C(1) << need->index % 64;
        }
        g->r->before[n->no] = set;
    }
}

static void order_group(Reader *r, const Node *group) {
    Group g = {
        .r = r, .node = group, .n = group->n_children, .words = (group->n_children + 63) / 64
    };
    for (size_t i = 0; i < g.n; i++) {
        read_needs(r, group->children[i]);
        if (group->ordered)
            need_the_one_before(r, group->children[i]);
    }
    fill_dependents(r, group);
    if (group->ordered)
        return;
    g.order = ARENA_ARRAY(&r->scratch, uint32_t, g.n);
    if (sort(&g))
        fill_before(&g);
    else
        refuse_circle(&g);
}

void order_steps(Reader *r) {
    r->before = ARENA_ARRAY(&r->scratch, uint64_t *, r->plan->n_nodes);
    for (size_t i = 0; i < r->plan->n_nodes; i++)
        if (r->plan->nodes[i]->n_children)
            order_group(r, r->plan->nodes[i]);
    order_states(r);
}

/* In a group with a circle everything counts as ordered: one problem is enough. */
bool order_before(const Reader *r, const Node *a, const Node *b) {
    ASSERT(a->parent == b->parent);
    if (a->parent->ordered)
        return b->index < a->index;
    const uint64_t *before = r->before[a->no];
    return !before || before[b->index / 64] >> b->index % 64 & 1;
}
