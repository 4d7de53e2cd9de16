#include "server/past.h"

#include "trace/history.h"
#include "trace/tree.h"

/* What was long ago says little of how somebody does now, and every start waits for this. */
#define RUNS_LOOKED_AT 200
#define RUNS_COUNTED 50

typedef struct Done {
    Str step, target;
    int64_t asked, ok, us, cost;
} Done;
typedef struct Past {
    Arena *arena;
    Done *items;
    size_t n, room;
} Past;

static bool asks(const Plan *plan) {
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->router && plan->nodes[i]->router->n_prefer)
            return true;
    return false;
}

/* "each[3]/answer" is "answer", "answer/docs:2" is "docs". */
static Str last_name(Str address) {
    size_t from = 0, end;
    for (size_t i = 0; i < address.len; i++)
        if (address.p[i] == '/')
            from = i + 1;
    for (end = from; end < address.len && !strchr("[~.:", address.p[end]);)
        end++;
    return str_slice(address, from, end);
}

static Done *done_of(Past *p, Str step, Str target) {
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->items[i].step, step) && str_eq(p->items[i].target, target))
            return &p->items[i];
    if (p->n == p->room) {
        Done *old = p->items;
        p->room = p->room ? 2 * p->room : 16;
        p->items = ARENA_ARRAY(p->arena, Done, p->room);
        for (size_t i = 0; i < p->n; i++)
            p->items[i] = old[i];
    }
    p->items[p->n] = (Done){ arena_str(p->arena, step), arena_str(p->arena, target), 0, 0, 0, 0 };
    return &p->items[p->n++];
}

/* What it and all below it was billed. */
static int64_t cost_of(const TraceNode *top) {
    int64_t cost = 0;
    for (const TraceNode *n = top; n; n = tree_walk(top, n))
        for (size_t i = 0; i < n->n_attempts; i++)
            cost += n->attempts[i].usage.cost_nano;
    return cost;
}

/* A target says in its first move by what it was chosen; what was cancelled says nothing of it. */
static void add_node(Past *p, const TraceNode *n) {
    bool over = n->status == STATUS_OK || n->status == STATUS_FAILED;
    if (!n->parent || !over || !str_starts(n->start_choice, STR("by ")) ||
        str_is(n->start_choice, "by else"))
        return;
    Done *d = done_of(p, last_name(n->parent->address), last_name(n->address));
    d->asked++;
    d->ok += n->status == STATUS_OK;
    d->us += (n->end_ms - n->start_ms) * 1000;
    d->cost += cost_of(n);
}

static void add_run(Past *p, Store *store, Str id) {
    Arena a;
    StoreRun stored;
    History history;
    Str problem;
    arena_init(&a, 0);
    if (store->ops->load(store, id, true, &a, &stored) == 0 &&
        history_read(&stored, &a, &history, &problem) == 0) {
        _cleanup_(tree_freep)
        TraceTree *tree = tree_new(NULL);
        for (size_t i = 0; i < history.n; i++)
            tree_take(tree, history.rows[i].seq, &history.rows[i].row);
        for (const TraceNode *n = tree->root; n; n = tree_walk(tree->root, n))
            add_node(p, n);
    }
    arena_deinit(&a);
}

static Str as_json(const Past *p) {
    MapBuilder steps = map_builder(p->arena);
    for (size_t i = 0; i < p->n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen |= str_eq(p->items[k].step, p->items[i].step);
        if (seen)
            continue;
        MapBuilder targets = map_builder(p->arena);
        for (size_t k = i; k < p->n; k++) {
            const Done *d = &p->items[k];
            if (!str_eq(d->step, p->items[i].step))
                continue;
            MapBuilder m = map_builder(p->arena);
            map_addz(&m, "asked", value_int(d->asked));
            map_addz(&m, "ok", value_int(d->ok));
            map_addz(&m, "us", value_int(d->us));
            map_addz(&m, "cost_nano", value_int(d->cost));
            map_adds(&targets, d->target, map_done(&m, NULL));
        }
        map_adds(&steps, p->items[i].step, map_done(&targets, NULL));
    }
    return p->n ? value_text(p->arena, map_done(&steps, NULL)) : STR("");
}

Str past_of_targets(Store *store, const Plan *plan, Arena *a) {
    Past p = { .arena = a };
    size_t n = 0, counted = 0;
    uint64_t next = 0;
    if (!asks(plan))
        return STR("");
    StoreRun *runs = ARENA_ARRAY(a, StoreRun, RUNS_LOOKED_AT);
    if (store->ops->list(store, STORE_DONE, 0, RUNS_LOOKED_AT, a, runs, &n, &next) != 0)
        return STR("");
    for (size_t i = 0; i < n && counted < RUNS_COUNTED; i++) {
        if (!str_eq(runs[i].info.name, plan->name))
            continue;
        add_run(&p, store, runs[i].id);
        counted++;
    }
    return as_json(&p);
}
