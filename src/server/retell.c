#include "server/retell.h"

#include "trace/history.h"

typedef struct Retell {
    Arena *arena;
    const Plan *plan;
    Run *run;
    void (*look)(void *ctx, Run *run, const Fact *fact);
    void *ctx;
} Retell;

bool address_is_within(Str address, Str step) {
    return str_starts(address, step) &&
           (address.len == step.len || step.len == 0 || strchr("./[~@", address.p[step.len]));
}

/* What the engine itself wrote down about the run is no fact for the kernel (engine/apply.c). */
static bool is_note(const Fact *f) {
    return f->kind == FACT_CONTROL && f->verb == 0 && str_is(f->from, "engine");
}

/* Why it cannot be told further; STR_NULL: it can. */
static Str apply(Retell *t, const RowFact *f) {
    Str problem;
    if (f->erased)
        return STR("its content was forgotten");
    if (is_note(&f->fact))
        return STR_NULL;
    if (!t->run) {
        if (run_start(t->plan, &f->fact, NULL, &t->run, &problem, t->arena) != 0)
            return problem;
    } else if (run_apply(t->run, &f->fact, NULL) != 0) {
        return STR("this version of baton acts differently; `baton verify` says where");
    }
    t->look(t->ctx, t->run, &f->fact);
    run_forget_closed(t->run);
    return STR_NULL;
}

static Str apply_all(Retell *t, const History *history) {
    for (size_t i = 0; i < history->n; i++) {
        const Row *row = &history->rows[i].row;
        for (size_t k = 0; k < row->n_facts; k++) {
            Str problem = apply(t, &row->facts[k]);
            if (problem.p)
                return problem;
        }
    }
    return t->run ? STR_NULL : STR("it has no facts");
}

bool retell(ApiCall *call, Store *store, void (*look)(void *ctx, Run *run, const Fact *fact),
            void (*end)(void *ctx, Run *run), void *ctx) {
    StoreRun stored;
    History history;
    Str problem;
    Diags diags = { .arena = &call->arena };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    if (!work_load(call, store, true, &stored))
        return false;
    if (plan_compile(stored.closure, &plan, &diags) != 0)
        problem = STR("its workflow file is refused by this version of baton");
    else if (history_read(&stored, &call->arena, &history, &problem) == 0)
        problem = STR_NULL;
    Retell t = { .arena = &call->arena, .plan = plan, .look = look, .ctx = ctx };
    if (!problem.p) {
        history_fill(&history, store, &call->arena);
        problem = apply_all(&t, &history);
    }
    if (!problem.p && end)
        end(ctx, t.run);
    run_free(t.run);
    if (problem.p)
        work_problem(
            call, 500, KIND_INTERNAL,
            arena_fmt(&call->arena, "the run cannot be told again: %.*s", STR_FMT(problem)));
    return !problem.p;
}
