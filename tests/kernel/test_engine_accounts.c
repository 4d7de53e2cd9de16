/* Budgets of a project over all its runs: what several engines, one after another, let out and wrote down. */
#include "engine/engine.h"

#include "engine_world.inc"

#define PRICES "models: { x/m: { input: 1.00, output: 10.00 } }\n"
/* At most 256 + 80 bytes of request, and 1000 tokens back: 1336 and a bit. */
#define FLOW                                                                                       \
    "baton: 1\nname: flow\nlabels: { team: \"${{ input.team }}\" }\ninput: { team: string }\n"     \
    "agents:\n  a: { model: { use: x/m, max_output: 1000 }, instructions: Hi. }\n"                 \
    "steps:\n  s: { agent: a, with: x, retry: 0 }\n"

static Said begin(Host *h, const char *id, const char *budget, const char *team) {
    World *w = h->w;
    Said said = { 0 };
    Str names[] = { STR("flow.yaml"), STR("baton.yaml"), STR("prices.yaml") };
    Str texts[] = {
        STR(FLOW),
        arena_fmt(&w->arena,
                  "baton: 1\nprices: { file: prices.yaml }\nbudgets:\n  b: { per: day, %s }\n",
                  budget),
        STR(PRICES)
    };
    EngineStart start = { .id = str_from(id),
                          .closure = closure_make(&w->arena, names[0], names, texts, 3),
                          .input = arena_fmt(&w->arena, "{\"team\":\"%s\"}", team),
                          .dir = STR("/") };
    engine_start_run(h->engine, &start, heard, &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    return said;
}

static bool flies(const Host *h, const char *run) {
    for (size_t i = 0; i < h->n_flying; i++)
        if (str_is(h->flying[i]->run, run))
            return true;
    return false;
}

static void answers(Host *h, const char *run, int64_t tokens) {
    Completion c = { .outcome = OUTCOME_OK,
                     .sent = SENT_YES,
                     .usage = { .tokens_out = tokens },
                     .payload = STR("{\"content\":\"done\"}") };
    for (size_t i = 0; i < h->n_flying; i++)
        if (str_is(h->flying[i]->run, run)) {
            end_attempt(h, i, &c);
            pump(h);
            return;
        }
    fail_msg("nothing of %s is under way", run);
}

static int64_t spent(World *w, const char *key, Bound bound) {
    Store *eye = store_memory_open(w->disk);
    StoreAccount *rows;
    size_t n;
    int64_t sum = 0;
    assert_int_equal(eye->ops->accounts(eye, &w->arena, &rows, &n), 0);
    for (size_t i = 0; i < n; i++)
        if (str_is(rows[i].key, key))
            sum += bound == BOUND_COST     ? rows[i].cost
                   : bound == BOUND_TOKENS ? rows[i].tokens
                                           : rows[i].calls;
    store_close(eye);
    return sum;
}

#define TODAY "b|2025-11-21|"

static Host *boot_holding(World *w) {
    w->hold_attempts = true;
    return boot(w);
}

static void runs_share_a_budget_and_wait_for_each_other(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    for (int i = 1; i <= 4; i++)
        begin(h, arena_fmt(&w->arena, "r%d", i).p, "tokens: 3000", "x");
    assert_int_equal(h->n_flying, 2);
    Value held = engine_held(h->engine, STR("r3"), &w->arena);
    assert_int_equal(held.len, 1);
    answers(h, "r1", 100);
    assert_true(flies(h, "r3"));
    assert_false(flies(h, "r4"));
    answers(h, "r2", 100);
    assert_true(flies(h, "r4"));
    answers(h, "r3", 100);
    answers(h, "r4", 100);
    assert_int_equal(spent(w, TODAY, BOUND_TOKENS), 400);
    assert_int_equal(spent(w, TODAY, BOUND_CALLS), 4);
    assert_int_equal(spent(w, TODAY, BOUND_COST), 4 * 100 * 10000);
    assert_int_equal(state_of(w, "r4"), STORE_DONE);
    assert_folds(w, "r4");
}

static void a_breach_pauses_and_the_next_day_is_another_account(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    begin(h, "r1", "calls: 1", "x");
    answers(h, "r1", 10);
    begin(h, "r2", "calls: 1", "x");
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(state_of(w, "r2"), STORE_PAUSED);
    assert_info_has(w, "r2", "limit of calls reached: 1 spent in 2025-11-21");
    control(h, "r2", CONTROL_RESUME);
    assert_int_equal(state_of(w, "r2"), STORE_PAUSED);
    w->now_ms += 24 * 3600 * 1000;
    control(h, "r2", CONTROL_RESUME);
    assert_true(flies(h, "r2"));
    answers(h, "r2", 10);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(spent(w, "b|2025-11-22|", BOUND_CALLS), 1);
    assert_folds(w, "r2");
}

static void a_breach_may_fail_the_step_and_costs_nothing(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    begin(h, "r1", "tokens: 1000, on_breach: fail", "x");
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_info_has(w, "r1", "budget b: limit of tokens reached");
    assert_int_equal(spent(w, TODAY, BOUND_CALLS), 0);
}

static void each_value_of_a_label_has_its_own(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    begin(h, "r1", "calls: 1, label: team", "x");
    begin(h, "r2", "calls: 1, label: team", "y");
    assert_int_equal(h->n_flying, 2);
    answers(h, "r1", 10);
    answers(h, "r2", 10);
    assert_int_equal(spent(w, "b|2025-11-21|x", BOUND_CALLS), 1);
    assert_int_equal(spent(w, "b|2025-11-21|y", BOUND_CALLS), 1);
}

static void what_was_under_way_in_a_crash_is_spent_in_full(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    begin(h, "r1", "calls: 9", "x");
    assert_true(flies(h, "r1"));
    crash(h);
    h = boot_holding(w);
    pump(h);
    assert_true(flies(h, "r1"));
    assert_int_equal(spent(w, TODAY, BOUND_CALLS), 1);
    assert_true(spent(w, TODAY, BOUND_TOKENS) > 1000);
    answers(h, "r1", 10);
    assert_int_equal(spent(w, TODAY, BOUND_CALLS), 2);
    crash(h);
    h = boot_holding(w);
    pump(h);
    begin(h, "r2", "calls: 2", "x");
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(state_of(w, "r2"), STORE_PAUSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_share_a_budget_and_wait_for_each_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_breach_pauses_and_the_next_day_is_another_account, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_breach_may_fail_the_step_and_costs_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_value_of_a_label_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_under_way_in_a_crash_is_spent_in_full, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
