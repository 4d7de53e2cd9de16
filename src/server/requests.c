/* /v1/runs/{run}/requests: what every attempt of a step was given and sent.
 *
 * The journal keeps what came back, and of what was sent a hash in the move that opened the attempt. So the run is folded
 * once more, and each attempt that opens is asked for its request by the same function that composed it then. */
#include "server/call.h"

#include "exec/model_request.h"
#include "exec/provider.h"
#include "trace/history.h"

#include <stdlib.h>

#define REQUESTS_MAX 200 /* a step in a loop over thousands: the first of them say what there is to see */

typedef struct Retell {
    ApiCall *call;
    Store *store;
    Str step;
    Value input; /* of the step itself */
    ListBuilder attempts;
    bool more;
} Retell;

/* The step itself, or an item, a round, a turn or a child of it. */
static bool concerns(Str address, Str step) {
    return str_starts(address, step) &&
           (address.len == step.len || step.len == 0 || strchr("./[~@", address.p[step.len]));
}

static bool is_first_turn(Str address, Str step) {
    return str_is(str_slice(address, step.len, address.len), ".1");
}

/* The body of the chat completion; a scripted model is given the request as it is. */
static Value model_body(Arena *a, const Want *w, Value request) {
    Value name = value_getz(request, "model");
    Str model = value_is(name, V_STRING) ? value_as_str(name) : STR("");
    if (str_starts(model, STR("scripted/")))
        return VALUE_ABSENT;
    ProviderWay way = provider_way(a, model, str_from(getenv("OPENAI_BASE_URL")),
                                   str_from(getenv("OPENAI_API_KEY")));
    return model_request(
        a, request,
        &(ModelTarget){ model_without_provider(model), w->callee->name, way.official });
}

static Value attempt_value(Retell *t, const Want *w, Str address) {
    static const char *const kinds[] = { "", "echo", "run", "http", "model" };
    Arena *a = &t->call->arena;
    Value request = value_copy(a, want_request(w, a));
    MapBuilder m = map_builder(a);
    map_addz(&m, "address", value_str(address));
    map_addz(&m, "attempt", value_int(w->attempt));
    map_addz(&m, "kind",
             value_str(str_from(w->callee->kind < ARRAY_LEN(kinds) ? kinds[w->callee->kind] : "?")));
    map_addz(&m, "callee", value_str(w->callee->name));
    if (w->effect >= EFFECT_IDEMPOTENT)
        map_addz(&m, "key", value_str(want_key(w, t->store->install_key, a)));
    map_addz(&m, "request", request);
    Value body = w->callee->kind == CALLEE_MODEL ? model_body(a, w, request) : VALUE_ABSENT;
    if (!value_absent(body))
        map_addz(&m, "body", value_copy(a, body));
    return map_done(&m, NULL);
}

static void look(Retell *t, Run *run) {
    Arena *a = &t->call->arena;
    for (Want *w = run_opened(run); w; w = w->next) {
        if (w->kind != WANT_ATTEMPT)
            continue;
        Str address = want_address(w, a);
        if (!concerns(address, t->step))
            continue;
        if (value_absent(t->input) &&
            (address.len == t->step.len || is_first_turn(address, t->step)))
            t->input = value_copy(a, want_input(w));
        t->more = t->attempts.n >= REQUESTS_MAX;
        if (!t->more)
            list_add(&t->attempts, attempt_value(t, w, address));
    }
}

/* What the engine itself wrote down about the run is no fact for the kernel (engine/apply.c). */
static bool is_note(const Fact *f) {
    return f->kind == FACT_CONTROL && f->verb == 0 && str_is(f->from, "engine");
}

static Str apply(Retell *t, const Plan *plan, const RowFact *f, Run **run) {
    Arena *a = &t->call->arena;
    Str problem;
    if (f->erased)
        return STR("its content was forgotten");
    if (is_note(&f->fact))
        return STR_NULL;
    if (!*run && run_start(plan, &f->fact, NULL, run, &problem, a) != 0)
        return problem;
    if (f->fact.kind != FACT_ACCEPTED && run_apply(*run, &f->fact, NULL) != 0)
        return STR("this version of baton acts differently; `baton verify` says where");
    look(t, *run);
    run_forget_closed(*run);
    return STR_NULL;
}

static Str retell(Retell *t, const StoreRun *stored, const Plan *plan) {
    History history;
    Str problem;
    _cleanup_(run_freep)
    Run *run = NULL;
    if (history_read(stored, &t->call->arena, &history, &problem) != 0)
        return problem;
    history_fill(&history, t->store, &t->call->arena);
    for (size_t i = 0; i < history.n; i++) {
        const Row *row = &history.rows[i].row;
        for (size_t k = 0; k < row->n_facts; k++) {
            problem = apply(t, plan, &row->facts[k], &run);
            if (problem.p)
                return problem;
        }
    }
    return STR_NULL;
}

static Value answer_of(Retell *t) {
    MapBuilder m = map_builder(&t->call->arena);
    map_addz(&m, "address", value_str(t->step));
    map_addz(&m, "input", value_absent(t->input) ? VALUE_NULL : t->input);
    map_addz(&m, "attempts", list_done(&t->attempts));
    map_addz(&m, "more", value_bool(t->more));
    map_addz(&m, "source", value_str(STR("rebuilt from the journal")));
    return map_done(&m, NULL);
}

static void requests_work(ApiCall *call, Store *store) {
    StoreRun stored;
    Str step = call_param(call, "step");
    Diags diags = { .arena = &call->arena };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    if (!work_load(call, store, true, &stored))
        return;
    if (plan_compile(stored.closure, &plan, &diags) != 0) {
        work_problem(call, 500, KIND_INTERNAL,
                     STR("its workflow file is refused by this version of baton"));
        return;
    }
    Retell t = { .call = call,
                 .store = store,
                 .step = step.p ? step : STR(""),
                 .input = VALUE_ABSENT,
                 .attempts = list_builder(&call->arena) };
    Str problem = retell(&t, &stored, plan);
    if (problem.p)
        work_problem(call, 500, KIND_INTERNAL,
                     arena_fmt(&call->arena, "what was sent cannot be rebuilt: %.*s",
                               STR_FMT(problem)));
    else
        call->result = answer_of(&t);
}

void run_requests(ApiCall *call) { call_read(call, requests_work, call_result); }
