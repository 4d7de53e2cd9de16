/* Workflows that call each other in a circle.
 *
 * A circle is good where something in it may not call: then the data ends it, and `limits.depth` or LIMIT_CALL_DEPTH does if
 * the data does not. It is refused where every run of each workflow calls the next whatever it is given: that ends at the
 * limit only. */
#include "spec/read_plan.h"

#include "base/limits.h"

#include <stdlib.h>

typedef struct Way { /* the calls that led here, innermost first */
    const struct Way *outer;
    const Plan *plan;
    const Node *call; /* in it */
} Way;

/* The step may be left out: by its own `if`, or with one that it needs. Groups have as many steps as files, so a chain of
 * needs is followed through each step once. */
static bool may_be_skipped(const Node *n, bool *seen) {
    if (n->if_ || n->for_)
        return true;
    for (size_t i = 0; n->parent && i < n->n_needs; i++) {
        const Node *need = n->parent->children[n->needs[i]];
        if (seen[need->no])
            continue;
        seen[need->no] = true;
        if (may_be_skipped(need, seen))
            return true;
    }
    return false;
}

/* It may end before it comes to the end of its steps: all that stands in it counts. */
static bool may_end_early(const Node *group) {
    for (size_t i = 0; i < group->n_children; i++) {
        const Node *n = group->children[i];
        if (n->verb == VERB_RETURN || n->verb == VERB_FAIL ||
            (n->verb == VERB_GROUP && may_end_early(n)))
            return true;
    }
    return group->join.kind != JOIN_ALL;
}

static bool always_runs(const Plan *plan, const Node *n) {
    bool *seen = xcalloc(plan->n_nodes + 1, sizeof *seen);
    bool always = n->parent != NULL;
    for (; n->parent && always; n = n->parent)
        always = n->parent->verb == VERB_GROUP && !n->handler_of && !n->fallback_of &&
                 !n->n_gates && !may_be_skipped(n, seen) && !may_end_early(n->parent);
    free(seen);
    return always && n == plan->root;
}

static bool is_in_circle(const Way *way, const Plan *plan) {
    while (way && way->plan != plan)
        way = way->outer;
    return way != NULL;
}

static void write_way(Buf *b, const Way *way, const Plan *from) {
    if (way->plan != from)
        write_way(b, way->outer, from);
    buf_fmt(b, "%.*s -> ", STR_FMT(way->plan->file));
}

static void refuse(const Way *way, const Plan *again, Diags *diags) {
    Buf b = BUF_INIT(16 * KIB);
    write_way(&b, way, again);
    diag_error(diags, way->call->pos, "endless",
               "give the step an `if`, so that some input ends it",
               "this never ends: every run calls the next: %.*s%.*s", STR_FMT(buf_str(&b)),
               STR_FMT(again->file));
    buf_deinit(&b);
}

/* Each plan is gone through once: a circle is found from whichever of its plans is met first. */
typedef struct Walk {
    const Plan **done;
    size_t n, room;
    Diags *diags;
} Walk;

static bool is_done(Walk *w, const Plan *plan) {
    for (size_t i = 0; i < w->n; i++)
        if (w->done[i] == plan)
            return true;
    if (w->n == w->room) {
        w->room = MAX((size_t)16, w->room * 2);
        w->done = xrealloc(w->done, w->room * sizeof *w->done);
    }
    w->done[w->n++] = plan;
    return false;
}

static void follow(Walk *w, const Plan *plan, const Way *outer) {
    if (is_done(w, plan))
        return;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const Node *n = plan->nodes[i];
        const Plan *next = n->verb == VERB_INVOKE && n->callee ? n->callee->called : NULL;
        if (!next || !next->root || !always_runs(plan, n))
            continue;
        Way way = { outer, plan, n };
        if (is_in_circle(&way, next))
            refuse(&way, next, w->diags);
        else
            follow(w, next, &way);
    }
}

void refuse_endless(const Plan *plan, Diags *diags) {
    Walk w = { .diags = diags };
    for (size_t i = 0; i < plan->files->n; i++) {
        const Plan *each = plan->files->items[i]->plan;
        if (each && each->root)
            follow(&w, each, NULL);
    }
    free(w.done);
}
