#include "cli/standing.h"

/* Nothing goes on below it: also not below what has ended there, where it may be undone. */
static bool is_leaf(const TraceNode *n) {
    for (const TraceNode *c = tree_walk(n, n); c; c = tree_walk(n, c)) {
        if (!status_final(c->status))
            return false;
    }
    return true;
}

static Standing leaf_standing(const TraceNode *n) {
    switch (n->status) {
    case STATUS_IN_DOUBT:
    case STATUS_WAITING:
    case STATUS_HELD: /* with nothing in flight nobody but a person makes room */
        return STANDING_PERSON;
    case STATUS_RETRYING: return STANDING_TIMER;
    case STATUS_RUNNING:
        if (n->step && n->step->n_events)
            return STANDING_EVENT;
        if (n->step && n->step->verb == VERB_RECEIVE) /* what the others do decides */
            return STANDING_ENDED;
        return n->kind == TRACE_SIGNAL  ? STANDING_SIGNAL
               : n->kind == TRACE_TIMER ? STANDING_TIMER
                                        : STANDING_BUSY;
    case STATUS_NEW:
    case STATUS_OK:
    case STATUS_FAILED:
    case STATUS_SKIPPED:
    case STATUS_CANCELLED: break;
    }
    return STANDING_BUSY;
}

/* What moves by itself outweighs what waits: a person is only called when nothing else can happen. */
Standing standing_of(const TraceTree *t, const TraceNode **ret_node) {
    *ret_node = NULL;
    if (tree_ended(t))
        return STANDING_ENDED;
    /* By a limit of the file or a budget of the project, not by anybody. What the run had begun in the same breath was held
     * back and never ends; what has left is waited for by the engine when it closes. */
    bool by_limit = t->paused && (!t->paused_by.len || str_starts(t->paused_by, STR("budget ")));
    bool called = t->children > 0 && !t->paused; /* the pause reaches those too */
    if ((t->in_flight > 0 && !by_limit) || t->seq == 0)
        return STANDING_BUSY;
    if (called)
        return STANDING_BELOW;
    if (by_limit) {
        *ret_node = t->root;
        return STANDING_PERSON;
    }
    if (t->paused)
        return STANDING_PAUSED;
    if (t->note.len)
        return STANDING_PARKED;
    Standing worst = STANDING_ENDED;
    for (const TraceNode *n = tree_walk(t->root, t->root); n; n = tree_walk(t->root, n)) {
        if (status_final(n->status) || !is_leaf(n))
            continue;
        Standing s = leaf_standing(n);
        if (s < worst) {
            worst = s;
            *ret_node = n;
        }
    }
    return worst == STANDING_ENDED ? STANDING_BUSY : worst;
}

Kept standing_kept(const TraceTree *t) {
    Kept kept = { 0 };
    for (const TraceNode *n = tree_walk(t->root, t->root); n; n = tree_walk(t->root, n)) {
        kept.steps += n->status == STATUS_OK && address_turn_depth(n->address) == 0;
        for (size_t i = 0; i < n->n_attempts; i++) {
            bool ok = n->attempts[i].outcome == OUTCOME_OK;
            kept.model_calls += ok && n->kind == TRACE_MODEL;
            kept.tool_calls += ok && n->kind == TRACE_TOOL;
        }
    }
    return kept;
}
