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

static void forecast(World *w, const char *text) {
    static const char prices[] =
        "dated: 2026-11-20\nmodels: { x/m: { input: 1.00, output: 10.00 } }\n";
    Str names[] = { STR("flow.yaml"), STR("baton.yaml"), STR("prices.yaml") };
    Str texts[] = { str_from(text), STR("baton: 1\nprices: { file: prices.yaml }\n"),
                    str_from(prices) };
    *w = (World){ 0 };
    arena_init(&w->a, 0);
    Diags diags = { .arena = &w->a };
    if (plan_compile(closure_make(&w->a, names[0], names, texts, 3), &w->plan, &diags))
        fail_msg("%.*s", STR_FMT(diags.items[0].message));
    w->f = forecast_of(w->plan, &w->a);
}

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
    assert_int_equal(w.f.depth, 1);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_agent_is_one_turn_and_its_resends),
        cmocka_unit_test(loops_multiply_and_unknown_lists_are_named),
        cmocka_unit_test(steps_side_by_side_take_as_long_as_the_longest),
        cmocka_unit_test(limits_cut_the_worst_case_and_are_listed),
        cmocka_unit_test(a_model_without_a_price_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
