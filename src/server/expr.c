/* /v1/runs/{run}/expr: an expression, evaluated where a step of the run began or where the run stands. */
#include "cel/map_names.h"
#include "server/retell.h"

typedef struct Try {
    ApiCall *call;
    Str expr, step;
    bool done;
} Try;

static void evaluate(Try *t, Run *run, const Want *w) {
    Arena *a = &t->call->arena;
    Value value;
    CelError error;
    t->done = true;
    Value names = value_copy(a, run_names(run, w, a));
    if (cel_try(a, t->expr, names, &value, &error) != 0) {
        work_problem(
            t->call, 422, KIND_INVALID,
            arena_fmt(a, "%s (byte %zu of the expression)", error.message, error.offset + 1));
        return;
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "value", value_copy(a, value));
    map_addz(&m, "type", value_str(value_type_name(value)));
    t->call->result = map_done(&m, NULL);
}

static void look_at_end(Try *t, Run *run) {
    if (t->step.len == 0)
        evaluate(t, run, NULL);
    else if (!t->done)
        work_problem(t->call, 404, KIND_NOT_FOUND,
                     arena_fmt(&t->call->arena,
                               "step %.*s never began; without a step the whole run is seen",
                               STR_FMT(t->step)));
}

static void look(void *ctx, Run *run, const Fact *fact) {
    Try *t = ctx;
    if (!fact) {
        look_at_end(t, run);
        return;
    }
    for (Want *w = run_opened(run); w && !t->done && t->step.len; w = w->next) {
        if (w->kind == WANT_ATTEMPT && address_is_within(want_address(w, &t->call->arena), t->step))
            evaluate(t, run, w);
    }
}

static void expr_work(ApiCall *call, Store *store) {
    Value body;
    Try t = { .call = call };
    if (json_read(&call->arena, call->request.body, &body, NULL) != 0)
        body = VALUE_NULL;
    Value expr = value_getz(body, "expr"), step = value_getz(body, "step");
    if (!value_is(expr, V_STRING)) {
        work_problem(call, 422, KIND_INVALID, STR("send `expr`, and perhaps `step`"));
        return;
    }
    t.expr = value_as_str(expr);
    t.step = value_is(step, V_STRING) ? value_as_str(step) : STR("");
    retell(call, store, look, &t);
}

void run_expr(ApiCall *call) { call_read(call, expr_work, call_result); }
