#include "server/document.h"

#include "base/json.h"

static const char *state_word(StoreState s) {
    switch (s) {
    case STORE_ACTIVE: return "active";
    case STORE_IDLE: return "idle";
    case STORE_PAUSED: return "paused";
    case STORE_PARKED: return "parked";
    case STORE_DONE: return "done";
    }
    return "?";
}

/* Later entries win, so that what was folded replaces what lists show. */
static void add_all(MapBuilder *m, Value from) {
    for (size_t i = 0; value_is(from, V_MAP) && i < from.len; i++)
        map_add(m, value_entry(from, i).key, value_entry(from, i).value);
}

static void add_row(MapBuilder *m, const StoreRun *stored, Arena *a) {
    map_addz(m, "id", value_str(stored->id));
    map_addz(m, "workflow", value_str(stored->info.name));
    map_addz(m, "state", value_str(str_from(state_word(stored->info.state))));
    map_addz(m, "created", value_time_text(stored->info.created_ms, a));
    map_addz(m, "updated", value_time_text(stored->info.updated_ms, a));
    Value info;
    if (stored->info.info.len && json_read(a, stored->info.info, &info, NULL) == 0)
        add_all(m, info);
}

Value document_listed(const StoreRun *stored, Arena *a) {
    MapBuilder m = map_builder(a);
    add_row(&m, stored, a);
    return map_done(&m, NULL);
}

Value document_with_held(Value document, Value held, Arena *a) {
    if (held.len == 0)
        return document;
    MapBuilder m = map_builder(a);
    add_all(&m, document);
    map_addz(&m, "held", held);
    return map_done(&m, NULL);
}

static void add_run(MapBuilder *m, const Run *run, Arena *a) {
    add_all(m, value_copy(a, run_summary(run, a)));
    map_addz(m, "status", value_str(str_from(run_status_name(run_status(run)))));
    map_addz(m, "input", value_copy(a, run_input(run)));
    map_addz(m, "dir", value_str(arena_str(a, run_dir(run))));
    if (run_source(run).len)
        map_addz(m, "source", value_str(arena_str(a, run_source(run))));
    Value output = run_output(run);
    map_addz(m, "output", value_absent(output) ? VALUE_NULL : value_copy(a, output));
    map_addz(m, "error", value_copy(a, run_error(run)));
}

Value document_live(const Run *run, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(arena_str(a, run_id(run))));
    map_addz(&m, "workflow", value_str(arena_str(a, run_plan(run)->name)));
    add_run(&m, run, a);
    return map_done(&m, NULL);
}

static Str fold_problem(Store *store, const StoreRun *stored, MapBuilder *m, Arena *a) {
    if (stored->n_rows && stored->rows[0].forgotten)
        return STR("what it held was erased (`baton forget`)");
    Diags diags = { .arena = a };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    if (plan_compile(stored->closure, &plan, &diags) != 0)
        return STR(
            "its workflow file is refused by this version of baton: use the one that started it");
    _cleanup_(run_freep)
    Run *run = NULL;
    Str problem = STR_NULL;
    if (engine_fold(store, stored, false, plan, a, &run, &problem) != 0)
        return problem.p ? problem : STR("the run cannot be read back");
    add_run(m, run, a);
    return STR_NULL;
}

Value document_whole(Store *store, const StoreRun *stored, Arena *a) {
    MapBuilder m = map_builder(a);
    add_row(&m, stored, a);
    map_addz(&m, "seq", value_uint(stored->head_seq));
    Str problem = fold_problem(store, stored, &m, a);
    if (problem.p)
        map_addz(&m, "problem", value_str(problem));
    return map_done(&m, NULL);
}
