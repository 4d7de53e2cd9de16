/* POST /v1/verify: the store checks itself (structure, chains, side file), then every run is folded from its first fact and
 * every move compared with what this binary derives. */
#include "server/call.h"

#include <stdlib.h>

#define PROBLEMS_MAX 100
#define PAGE 200

typedef struct Verify {
    ApiCall *call;
    ListBuilder problems;
    uint64_t n_problems, rows, runs, forgotten, steps, attempts;
    Plan *plan; /* of the last run: its neighbours often share it */
    Hash plan_hash;
} Verify;

static void add_problem(void *ctx, Str text) {
    Verify *v = ctx;
    if (v->n_problems++ < PROBLEMS_MAX)
        list_add(&v->problems, value_str(arena_str(&v->call->arena, text)));
}

static bool choose_plan(Verify *v, const StoreRun *stored, Arena *a) {
    if (v->plan && hash_eq(&v->plan_hash, &stored->closure_hash))
        return true;
    v->plan = plan_free(v->plan);
    Diags diags = { .arena = a };
    if (plan_compile(stored->closure, &v->plan, &diags) != 0) {
        v->plan = NULL;
        add_problem(v, arena_fmt(a, "run %.*s: its workflow file is refused by this version",
                                 STR_FMT(stored->id)));
        return false;
    }
    v->plan_hash = stored->closure_hash;
    return true;
}

static void verify_run(Verify *v, Store *store, Str id) {
    Arena a = ARENA_NULL;
    StoreRun stored;
    v->runs++;
    if (store->ops->load(store, id, true, &a, &stored) != 0) {
        add_problem(v, arena_fmt(&a, "run %.*s: %s", STR_FMT(id), store->read_problem));
    } else if (stored.n_rows && stored.rows[0].forgotten) {
        v->forgotten++; /* its chain was checked; what its facts held is gone */
    } else if (choose_plan(v, &stored, &a)) {
        _cleanup_(run_freep)
        Run *run = NULL;
        Str problem = STR("cannot be read back");
        if (engine_fold(store, &stored, true, v->plan, &a, &run, &problem) != 0) {
            add_problem(v, arena_fmt(&a, "run %.*s: %.*s", STR_FMT(id), STR_FMT(problem)));
        } else {
            RunCounts counts = run_counts(run);
            v->steps += (uint64_t)counts.steps_ok;
            v->attempts += (uint64_t)counts.attempts;
        }
    }
    arena_deinit(&a);
}

static void verify_runs(Verify *v, Store *store) {
    Arena page = ARENA_NULL;
    StoreRun *runs = xcalloc(PAGE, sizeof *runs);
    uint64_t before = 0;
    for (size_t n = 0;;) {
        arena_reset(&page);
        if (store->ops->list(store, (StoreState)0, before, PAGE, &page, runs, &n, &before) != 0) {
            add_problem(v, str_from(store->read_problem));
            break;
        }
        for (size_t i = 0; i < n; i++)
            verify_run(v, store, runs[i].id);
        if (n < PAGE || before == 0)
            break;
    }
    free(runs);
    arena_deinit(&page);
}

static void verify_work(ApiCall *call, Store *store) {
    Verify v = { .call = call, .problems = list_builder(&call->arena) };
    int err = store->ops->check(store, add_problem, &v, &v.rows);
    if (err != 0 && err != STORE_E_DAMAGED)
        add_problem(&v, str_from(store->read_problem[0] ? store->read_problem : err_text(err)));
    verify_runs(&v, store);
    plan_free(v.plan);
    MapBuilder m = map_builder(&call->arena);
    map_addz(&m, "ok", value_bool(v.n_problems == 0));
    map_addz(&m, "runs", value_uint(v.runs));
    map_addz(&m, "forgotten", value_uint(v.forgotten));
    map_addz(&m, "rows", value_uint(v.rows));
    map_addz(&m, "steps", value_uint(v.steps));
    map_addz(&m, "attempts", value_uint(v.attempts));
    map_addz(&m, "problems", list_done(&v.problems));
    map_addz(&m, "problems_found", value_uint(v.n_problems));
    call->result = map_done(&m, NULL);
}

void verify_post(ApiCall *call) { call_read(call, verify_work, call_result); }
