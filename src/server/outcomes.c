/* /v1/runs/{run}/outcomes and /replay: what a run recorded, and what it is derived to be again. Nothing is executed. */
#include "server/call.h"

static Plan *work_plan(ApiCall *call, Str closure, Str refused) {
    Plan *plan = NULL;
    Diags diags = { .arena = &call->arena };
    if (plan_compile(closure, &plan, &diags) == 0)
        return plan;
    work_problem(call, 422, KIND_INVALID, refused);
    return NULL;
}

/* ---- outcomes */

static void add_json(MapBuilder *m, const char *key, Str text, Arena *a) {
    Value v = VALUE_NULL;
    if (text.len && json_read(a, text, &v, NULL) == 0)
        map_addz(m, key, v);
}

static Str hash_text(const Hash *hash, Arena *a) {
    char text[2 * HASH_BYTES + 1];
    hash_hex(hash, text);
    return arena_str(a, str_from(text));
}

static Value outcome_value(const Recorded *o, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "address", value_str(arena_str(a, o->address)));
    map_addz(&m, "hash", value_str(hash_text(&o->request_hash, a)));
    map_addz(&m, "kind", value_str(str_from(callee_kind_name(o->kind))));
    map_addz(&m, "callee", value_str(arena_str(a, o->callee)));
    add_json(&m, "request", arena_str(a, o->request), a);
    add_json(&m, "output", arena_str(a, o->payload), a);
    map_addz(&m, "tokens_in", value_int(o->usage.tokens_in));
    map_addz(&m, "tokens_out", value_int(o->usage.tokens_out));
    map_addz(&m, "tokens_cached", value_int(o->usage.tokens_cached));
    map_add_count(&m, "tokens_reasoning", o->usage.tokens_reasoning);
    map_addz(&m, "cost_nano", value_int(o->usage.cost_nano));
    map_addz(&m, "took_us", value_int(o->took_us));
    return map_done(&m, NULL);
}

static void outcomes_work(ApiCall *call, Store *store) {
    StoreRun stored;
    if (!work_load(call, store, true, &stored))
        return;
    _cleanup_(plan_freep)
    Plan *plan =
        work_plan(call, stored.closure, STR("its workflow file is refused by this version"));
    _cleanup_(outcomes_freep)
    Outcomes *outcomes = outcomes_new(true);
    Str problem = STR("");
    if (!plan)
        return;
    if (engine_outcomes(store, &stored, stored.head_seq, STR(""), plan, outcomes, &call->arena,
                        &problem)) {
        work_problem(call, 500, KIND_INTERNAL, problem);
        return;
    }
    size_t n;
    const Recorded *all = outcomes_all(outcomes, &n);
    ListBuilder list = list_builder(&call->arena);
    for (size_t i = 0; i < n; i++)
        list_add(&list, outcome_value(&all[i], &call->arena));
    call->result = list_done(&list);
}

void run_outcomes(ApiCall *call) { call_read(call, outcomes_work, call_result); }

/* ---- replay */

static Value difference_value(const Replay *r, Arena *a) {
    MapBuilder m = map_builder(a);
    if (!r->differs)
        return VALUE_NULL;
    map_addz(&m, "row", value_uint(r->seq));
    map_addz(&m, "address", value_str(r->address));
    map_addz(&m, "recorded", value_str(r->stored));
    map_addz(&m, "derived", value_str(r->derived));
    return map_done(&m, NULL);
}

static void replay_with(ApiCall *call, Store *store, const StoreRun *stored, const Plan *plan) {
    Arena *a = &call->arena;
    Replay r;
    Str problem = STR("");
    if (engine_replay(store, stored, plan, a, &r, &problem)) {
        work_problem(call, 500, KIND_INTERNAL, problem);
        return;
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "ok", value_bool(!r.differs));
    map_addz(&m, "rows", value_uint(r.rows));
    map_addz(&m, "facts", value_uint(r.facts));
    map_addz(&m, "moves", value_uint(r.moves));
    map_addz(&m, "status", r.differs ? VALUE_NULL : value_str(str_from(run_status_name(r.status))));
    map_addz(&m, "difference", difference_value(&r, a));
    call->result = value_copy(a, map_done(&m, NULL));
}

/* The file as sent, else the run's own. */
static void replay_work(ApiCall *call, Store *store) {
    StoreRun stored;
    Value body;
    if (!work_load(call, store, true, &stored))
        return;
    Str closure = stored.closure;
    if (call->request.body.len && json_read(&call->arena, call->request.body, &body, NULL) == 0 &&
        value_is(value_getz(body, "closure"), V_MAP))
        closure = value_text(&call->arena, value_getz(body, "closure"));
    _cleanup_(plan_freep)
    Plan *plan =
        work_plan(call, closure, STR("the workflow file is refused: `baton validate` says why"));
    if (plan)
        replay_with(call, store, &stored, plan);
}

void run_replay(ApiCall *call) {
    Value body;
    if (call_body(call, &body))
        call_read(call, replay_work, call_result);
}
