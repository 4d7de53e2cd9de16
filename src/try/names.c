#include "try/names.h"

static const char *status_of(const Run *run) {
    switch (run_status(run)) {
    case RUN_OK: return "succeeded";
    case RUN_FAILED: return "failed";
    case RUN_CANCELLED: return "cancelled";
    case RUN_PAUSED: return "paused";
    case RUN_RUNNING: break;
    }
    return "waiting";
}

static Value duration_value(int64_t ms) { return (Value){ .type = V_DURATION, .i = ms * 1000000 }; }

static bool has_name(const ValueEntry *entries, size_t n, Str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(value_as_str(entries[i].key), name))
            return true;
    return false;
}

static void add_none(MapBuilder *m, Str name) {
    if (name.len && !has_name(m->entries, m->n, name))
        map_adds(m, name, value_int(0));
}

static void add_uncalled(MapBuilder *m, const Plan *plan, Arena *a) {
    for (size_t i = 0; i < plan->n_callees; i++)
        add_none(m, arena_str(a, plan->callees[i]->name));
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->has_id)
            add_none(m, arena_str(a, plan->nodes[i]->name));
}

/* How often each was asked: whoever could have been and was not, never. */
static Value calls_of(const Stage *s, const Plan *plan) {
    MapBuilder m = map_builder(s->arena);
    for (size_t i = 0; i < s->n_counts; i++)
        map_adds(&m, s->counts[i].name, value_int(s->counts[i].n));
    add_uncalled(&m, plan, s->arena);
    for (size_t i = 0; i < s->options->n_beside; i++)
        add_uncalled(&m, s->options->beside[i].plan, s->arena);
    add_none(&m, STR("route_model"));
    return map_done(&m, NULL);
}

static int64_t retries_of(const TraceTree *tree) {
    int64_t n = 0;
    for (const TraceNode *at = tree->root; at; at = tree_walk(tree->root, at))
        n += at->n_attempts ? (int64_t)at->n_attempts - 1 : 0;
    return n;
}

static Value or_null(Value v) { return value_absent(v) ? VALUE_NULL : v; }

Value names_of_run(Stage *s, Run *run, const TraceTree *tree, Value order) {
    Arena *a = s->arena;
    RunCounts counts = run_counts(run);
    Value seen = value_copy(a, run_names(run, NULL, a));
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; i < seen.len; i++)
        map_add(&m, value_entry(seen, i).key, value_entry(seen, i).value);
    map_addz(&m, "output", value_copy(a, or_null(run_output(run))));
    map_addz(&m, "error", value_copy(a, or_null(run_error(run))));
    map_addz(&m, "status", value_str(str_from(status_of(run))));
    map_addz(&m, "cost", value_double((double)counts.cost_nano / 1e9));
    map_addz(&m, "tokens", value_int(counts.tokens));
    map_addz(&m, "took", duration_value(run_time(run) - WORLD_BEGINS_MS));
    map_addz(&m, "order", order);
    map_addz(&m, "calls", calls_of(s, s->options->plan));
    map_addz(&m, "retries", value_int(retries_of(tree)));
    map_addz(&m, "asked", list_done(&s->asked));
    return map_done(&m, NULL);
}
