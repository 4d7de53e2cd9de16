/* fallback: who is asked in the place of an agent that is out of reach. Of a step it becomes nodes of their own, so that
 * whoever is asked is to the kernel a step like any other: fallback_of, the same rules, another callee. */
#include "spec/read.h"

#include "base/limits.h"

/* Agents that may be asked one after another in one's place, fallbacks of fallbacks among them. */
#define CHAIN_MAX 16

static void add_fallback(Reader *r, const Yaml *y, Callee *callee) {
    const Callee *c = y->kind == YAML_MAP ? read_callee_inline(r, y, true)
                                          : read_callee_named(r, y, true);
    if (c)
        callee->fallbacks[callee->n_fallbacks++] = c;
}

/* Names are read now, so that a circle is met where it closes. */
void read_fallback(Reader *r, const Yaml *y, Callee *callee) {
    size_t n = y->kind == YAML_LIST ? y->n : 1;
    if (n == 0 || n > CHAIN_MAX) {
        error_at(r, y, "value", "like `fallback: [second, third]`",
                 "`fallback` names 1 to %d agents", CHAIN_MAX);
        return;
    }
    callee->fallbacks = ARENA_ARRAY(r->arena, const Callee *, n);
    callee->n_fallbacks = 0;
    for (size_t i = 0; i < n; i++)
        add_fallback(r, y->kind == YAML_LIST ? y->items[i] : y, callee);
}

/* ---- of a step ------------------------------------------------------------------------------------------------------- */

typedef struct Chain {
    const Callee *items[CHAIN_MAX + 1]; /* the step's own callee first */
    size_t n;
    bool full;
} Chain;

/* One after another with what each brings; nobody is asked twice. */
static void follow(Chain *chain, const Callee *c) {
    for (size_t i = 0; i < c->n_fallbacks; i++) {
        bool there = false;
        for (size_t k = 0; k < chain->n; k++)
            there |= chain->items[k] == c->fallbacks[i];
        if (there)
            continue;
        if (chain->n == ARRAY_LEN(chain->items)) {
            chain->full = true;
            return;
        }
        chain->items[chain->n++] = c->fallbacks[i];
        follow(chain, c->fallbacks[i]);
    }
}

/* What it gives is what the step gives: the step's own type, else that of the agent it stands for. */
static Node *place(Reader *r, Node *step, const Callee *c) {
    Node *n = read_new_node(r, r->node_yaml[step->no], STR("fallback"), step->parent);
    n->fallback_of = step;
    n->verb = VERB_INVOKE;
    n->verb_word = step->verb_word;
    n->callee = c;
    n->effect = c->effect;
    n->key_life_ms = c->key_life_ms;
    n->retry = step->retry;
    n->timeout_ms = step->timeout_ms;
    n->queue_ms = step->queue_ms;
    n->undo = step->undo;
    n->doubt = step->doubt;
    n->output = step->output ? step->output : step->callee->output;
    return n;
}

static void place_chain(Reader *r, Node *step) {
    Chain chain = { .items = { step->callee }, .n = 1 };
    follow(&chain, step->callee);
    if (chain.full || r->plan->n_nodes + chain.n > LIMIT_STEPS) {
        error_at(
            r, r->node_yaml[step->no], "limit", "shorten `fallback` of its agent",
            "more than %d agents would be asked in the place of one, or there are too many steps",
            CHAIN_MAX);
        return;
    }
    step->fallbacks = ARENA_ARRAY(r->arena, Node *, chain.n);
    for (size_t i = 1; i < chain.n; i++)
        step->fallbacks[step->n_fallbacks++] = place(r, step, chain.items[i]);
}

void place_fallbacks(Reader *r) {
    size_t n = r->diags->errors ? 0 : r->plan->n_nodes;
    for (size_t i = 0; i < n; i++) {
        Node *step = r->plan->nodes[i];
        if (step->verb == VERB_INVOKE && step->callee && step->callee->n_fallbacks)
            place_chain(r, step);
    }
}
