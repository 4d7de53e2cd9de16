#include "try/case.h"

#include <stdlib.h>

#define FAILURES_MAX 64

static void add_failure(CaseResult *c, Str what, Str why, unsigned line) {
    if (c->n_failures < FAILURES_MAX)
        c->failures[c->n_failures++] = (Failure){ what, why, line };
}

/* A run that did not come to a good end is as wrong as an expectation that does not hold, unless one speaks of how it ends. */
static bool speaks_of_the_end(const TryCase *one, Arena *a) {
    for (size_t i = 0; i < one->n_expect; i++)
        if (expect_names(&one->expect[i], "status", a) || expect_names(&one->expect[i], "error", a))
            return true;
    return false;
}

static Str error_text(Value names, Arena *a) {
    Value error = value_getz(names, "error"), message = value_getz(error, "message"),
          kind = value_getz(error, "kind"), step = value_getz(error, "step");
    if (!value_is(message, V_STRING))
        return STR("");
    return arena_fmt(a, "%.*s: %.*s%s%.*s", STR_FMT(value_plain(a, kind)),
                     STR_FMT(value_as_str(message)), value_is(step, V_STRING) ? ", at " : "",
                     STR_FMT(value_is(step, V_STRING) ? value_as_str(step) : STR("")));
}

static void judge_end(const StageResult *r, CaseResult *c, Arena *a) {
    if (!r->started || speaks_of_the_end(c->one, a))
        return;
    if (!r->finished && r->waits_for.len)
        add_failure(c, STR("the run waits, and nobody in the test answers"), r->waits_for,
                    c->one->line);
    else if (r->status != RUN_OK)
        add_failure(c,
                    arena_fmt(a,
                              "the run is %.*s, and no expectation speaks of `status` or `error`",
                              STR_FMT(value_plain(a, value_getz(r->names, "status")))),
                    error_text(r->names, a), c->one->line);
}

static void judge(const StageResult *r, CaseResult *c, Arena *a) {
    c->n_failures = 0;
    for (const StageNote *p = r->problems; p; p = p->next)
        add_failure(c, p->text, STR(""), c->one->line);
    judge_end(r, c, a);
    for (size_t i = 0; r->started && i < c->one->n_expect; i++) {
        Str why = expect_check(&c->one->expect[i], r->names, a);
        if (why.p)
            add_failure(c, c->one->expect[i].source, why, c->one->expect[i].line);
    }
}

static void remember(const StageResult *r, CaseResult *c, Arena *a, int64_t run) {
    c->tree = arena_str(a, r->tree);
    if (run > 1 || !r->started)
        return;
    Value cost = value_getz(r->names, "cost"), tokens = value_getz(r->names, "tokens");
    c->took_ms = r->took_ms;
    c->cost = value_is(cost, V_DOUBLE) ? cost.d : 0;
    c->tokens = value_is(tokens, V_INT) ? tokens.i : 0;
}

/* What the first failed run left to say moves to the result's arena; the rest goes with the run. */
static void keep_failures(CaseResult *c, const CaseResult *from, Arena *a) {
    c->n_failures = from->n_failures;
    c->failures = ARENA_ARRAY(a, Failure, from->n_failures);
    for (size_t i = 0; i < from->n_failures; i++)
        c->failures[i] = (Failure){ arena_str(a, from->failures[i].what),
                                    arena_str(a, from->failures[i].why), from->failures[i].line };
}

void case_try(const StageOptions *options, int64_t runs, Arena *a, CaseResult *ret) {
    Arena scratch;
    *ret = (CaseResult){ .one = options->one, .runs = runs, .tree = STR("") };
    arena_init(&scratch, 0);
    for (int64_t run = 1; run <= runs; run++) {
        StageOptions o = *options;
        StageResult r;
        CaseResult once = { .one = options->one,
                            .failures = ARENA_ARRAY(&scratch, Failure, FAILURES_MAX) };
        o.seed = (uint64_t)run - 1;
        stage_run(&o, &scratch, &r);
        judge(&r, &once, &scratch);
        ret->passed += once.n_failures == 0;
        if (once.n_failures && !ret->failed_run)
            keep_failures(ret, &once, a);
        if (!ret->failed_run)
            remember(&r, ret, a, run);
        if (once.n_failures && !ret->failed_run)
            ret->failed_run = run;
        arena_reset(&scratch);
    }
    arena_deinit(&scratch);
}
