/* What a plan can cost: bounds multiplied out, named where nobody knows, cut by limits. */
#include "kernel/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct World {
    Arena a;
    Plan *plan;
    Forecast f;
} World;

/* `child` is the file child.yaml, which the other may call. */
static void forecast_both(World *w, const char *text, const char *child) {
    static const char prices[] =
        "dated: 2026-11-20\nmodels: { x/m: { input: 1.00, output: 10.00 } }\n";
    Str names[] = { STR("flow.yaml"), STR("baton.yaml"), STR("prices.yaml"), STR("child.yaml") };
    Str texts[] = { str_from(text), STR("baton: 1\nprices: { file: prices.yaml }\n"),
                    str_from(prices), str_from(child) };
    *w = (World){ 0 };
    arena_init(&w->a, 0);
    Diags diags = { .arena = &w->a };
    if (plan_compile(closure_make(&w->a, names[0], names, texts, 4), &w->plan, &diags))
        fail_msg("%.*s", STR_FMT(diags.items[0].message));
    w->f = forecast_of(w->plan, &w->a);
}

static void forecast(World *w, const char *text) { forecast_both(w, text, ""); }

static void done(World *w) {
    plan_free(w->plan);
    arena_deinit(&w->a);
}

#define HEAD                                                                                       \
    "baton: 1\nagents:\n  a: { model: { use: x/m, max_output: 1000 }, instructions: Hi. }\n"

static void a_plain_agent_is_one_turn_and_its_resends(void **state) {
    (void)state;
    World w;
    forecast(&w, HEAD "steps:\n  - { id: s, agent: a, with: x }\n");
    const Load *worst = &w.f.worst, *expected = &w.f.expected;
    assert_int_equal(worst->of[BOUND_CALLS], 3);
    assert_int_equal(worst->of[BOUND_RETRIES], 2);
    assert_int_equal(worst->of[BOUND_AGENTS], 1);
    /* 256 + "Hi." + what is assumed of the input, and the longest answer. */
    assert_int_equal(worst->of[BOUND_TOKENS], 3 * (2259 + 1000));
    assert_int_equal(worst->of[BOUND_COST], INT64_C(3) * (2259 * 1000 + 1000 * 10000));
    assert_int_equal(expected->of[BOUND_CALLS], 1);
    assert_int_equal(expected->of[BOUND_TOKENS], 2259 / 4 + 250);
    assert_int_equal(w.f.worst.depth, 1);
    done(&w);
}

static void who_may_be_asked_twice_counts_twice(void **state) {
    (void)state;
    World w;
    forecast(&w, HEAD "steps:\n  - { id: s, agent: a, with: x, retry: 1, hedge: 2s }\n"
                      "  - { id: t, run: [p], effect: read, retry: 0, hedge: 2s, timeout: 5s }\n");
    assert_int_equal(w.f.steps[0].worst.of[BOUND_CALLS], 3);
    assert_int_equal(w.f.steps[0].worst.of[BOUND_RETRIES], 2);
    assert_int_equal(w.f.steps[1].worst.of[BOUND_RETRIES], 1);
    assert_int_equal(w.f.steps[1].worst.time_ms, 7000);
    done(&w);
}

static void loops_multiply_and_unknown_lists_are_named(void **state) {
    (void)state;
    World w;
    forecast(
        &w, HEAD
        "input: { list: 'string[]' }\nsteps:\n"
        "  three: { for: { each: i, in: [1, 2, 3] }, agent: a, repeat: { max: 2 }, retry: 0 }\n"
        "  many: { for: { each: i, in: \"${{ input.list }}\" }, agent: a, retry: 0 }\n");
    assert_int_equal(w.f.steps[0].times, 6);
    assert_int_equal(w.f.steps[0].worst.of[BOUND_CALLS], 6);
    assert_false(w.f.steps[0].per_item);
    assert_int_equal(w.f.steps[1].times, 1);
    assert_true(w.f.steps[1].per_item);
    assert_true(w.f.per_item);
    done(&w);
}

static void steps_side_by_side_take_as_long_as_the_longest(void **state) {
    (void)state;
    World w;
    forecast(
        &w,
        "baton: 1\nsteps:\n  a: { wait: 5s }\n  b: { wait: 3s }\n  c: { needs: b, wait: 4s }\n");
    assert_int_equal(w.f.worst.time_ms, 7000);
    done(&w);
    forecast(
        &w, "baton: 1\nsteps:\n  - { wait: 5s }\n  - { wait: 3s }\n  - { wait: { signal: go } }\n");
    assert_true(w.f.worst.time_ms == FORECAST_UNBOUNDED);
    done(&w);
}

static void limits_cut_the_worst_case_and_are_listed(void **state) {
    (void)state;
    World w;
    forecast(&w, HEAD "limits: { calls: 4 }\nsteps:\n"
                      "  g:\n    limits: { calls: 2 }\n    steps:\n      s: { agent: a, with: x }\n"
                      "      t: { agent: a, with: x }\n"
                      "  u: { agent: a, with: x }\n");
    assert_int_equal(w.f.n_cuts, 2);
    assert_string_equal(w.f.cuts[0].path.p, "g");
    assert_int_equal(w.f.cuts[0].worst, 6);
    assert_int_equal(w.f.cuts[0].pos.line, 7);
    assert_int_equal(w.f.cuts[1].worst, 5);
    assert_int_equal(w.f.worst.of[BOUND_CALLS], 4);
    done(&w);
}

static void a_model_without_a_price_is_named(void **state) {
    (void)state;
    World w;
    forecast(&w, "baton: 1\nsteps:\n"
                 "  - { agent: { model: [y/n, scripted/x.yaml], instructions: Hi. }, with: x }\n");
    assert_int_equal(w.f.n_unpriced, 1);
    assert_int_equal(w.f.worst.of[BOUND_COST], 0);
    done(&w);
}

static const ForecastStep *step(const World *w, const char *path) {
    for (size_t i = 0; i < w->f.n_steps; i++)
        if (str_is(w->f.steps[i].path, path))
            return &w->f.steps[i];
    fail_msg("no step %s", path);
    return NULL;
}

static void what_is_called_counts_wherever_it_is_called(void **state) {
    (void)state;
    World w;
    forecast_both(
        &w,
        "baton: 1\nsteps:\n"
        "  - { id: each, for: { each: i, in: [1, 2, 3] }, call: child, retry: 1, timeout: 5s }\n"
        "  - { id: once, call: child, repeat: { max: 2 } }\n",
        HEAD "steps:\n  - { id: s, agent: a, with: x, retry: 0, repeat: { max: 4 } }\n"
             "  - { id: w, wait: 20s }\n");
    assert_int_equal(w.f.worst.of[BOUND_CALLS], (3 * 2 + 2) * 4);
    assert_int_equal(w.f.expected.of[BOUND_CALLS], (3 + 2) * 4);
    assert_int_equal(w.f.worst.of[BOUND_AGENTS], (3 * 2 + 2) * 4);
    assert_int_equal(w.f.worst.of[BOUND_RETRIES], 3);
    assert_int_equal(w.f.worst.of[BOUND_COST], INT64_C(32) * (2259 * 1000 + 1000 * 10000));
    assert_int_equal(w.f.worst.depth, 2);
    assert_int_equal(step(&w, "each/s")->times, 3 * 2 * 4);
    assert_int_equal(step(&w, "each/s")->depth, 1);
    assert_int_equal(step(&w, "once/w")->times, 2);
    assert_int_equal(step(&w, "each")->worst.time_ms, 2 * 5000 + 1200);
    done(&w);
}

static void limits_of_what_is_called_cut_each_of_its_runs(void **state) {
    (void)state;
    World w;
    forecast_both(&w,
                  "baton: 1\nlimits: { calls: 5 }\nsteps:\n  - { id: a, call: child }\n"
                  "  - { id: b, call: child }\n",
                  HEAD "limits: { calls: 3 }\nsteps:\n"
                       "  - { id: s, agent: a, with: x, retry: 0, repeat: { max: 4 } }\n");
    assert_int_equal(w.f.n_cuts, 2); /* the child's once, though it is called twice */
    assert_true(str_is(w.f.cuts[0].pos.file, "child.yaml"));
    assert_true(str_is(w.f.cuts[0].path, "a"));
    assert_int_equal(w.f.cuts[0].worst, 4);
    assert_int_equal(w.f.cuts[1].worst, 6);
    assert_int_equal(w.f.worst.of[BOUND_CALLS], 5);
    done(&w);
}

static const char down[] = HEAD
    "input: { n: integer }\nsteps:\n"
    "  - { id: l, if: input.n > 0, call: child, with: { n: \"${{ input.n - 1 }}\" } }\n"
    "  - { id: r, if: input.n > 0, call: child, with: { n: \"${{ input.n - 1 }}\" } }\n"
    "  - { id: s, agent: a, with: x, retry: 0 }\n";

static void a_circle_of_calls_ends_where_a_run_would_end_it(void **state) {
    (void)state;
    World w;
    forecast_both(
        &w, "baton: 1\nlimits: { depth: 4 }\nsteps:\n  - { id: c, call: child, with: { n: 9 } }\n",
        down);
    assert_int_equal(w.f.worst.of[BOUND_CALLS], 1 + 2 + 4);
    assert_int_equal(w.f.expected.of[BOUND_CALLS], 1);
    assert_int_equal(w.f.n_cuts, 1);
    assert_true(w.f.cuts[0].bound == BOUND_DEPTH && w.f.cuts[0].most == 4);
    assert_true(str_is(w.f.circle, "child"));
    assert_int_equal(w.f.n_steps, 4);
    done(&w);
    forecast_both(&w, "baton: 1\nsteps:\n  - { id: c, call: child, with: { n: 9 } }\n", down);
    assert_true(w.f.worst.of[BOUND_CALLS] == (INT64_C(1) << 32) - 1);
    assert_int_equal(w.f.worst.depth, 33);
    done(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_agent_is_one_turn_and_its_resends),
        cmocka_unit_test(who_may_be_asked_twice_counts_twice),
        cmocka_unit_test(loops_multiply_and_unknown_lists_are_named),
        cmocka_unit_test(steps_side_by_side_take_as_long_as_the_longest),
        cmocka_unit_test(limits_cut_the_worst_case_and_are_listed),
        cmocka_unit_test(a_model_without_a_price_is_named),
        cmocka_unit_test(what_is_called_counts_wherever_it_is_called),
        cmocka_unit_test(limits_of_what_is_called_cut_each_of_its_runs),
        cmocka_unit_test(a_circle_of_calls_ends_where_a_run_would_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
