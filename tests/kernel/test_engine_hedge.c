/* Hedging through the engine: when the second attempt leaves, what becomes of the other, and of both in a crash. */
#include "engine/engine.h"

#include "engine_world.inc"

#define FILE_OF(tool)                                                                              \
    "  a: { tool: t }\ntools:\n  t: { run: [p], effect: read, retry: 0, " tool " }\n"
#define PLAIN FILE_OF("hedge: 2s")

static Host *boot_holding(World *w) {
    w->hold_attempts = true;
    return boot(w);
}

/* The attempt of this number that is under way, of the only step; fails if there is none. */
static size_t number(const Host *h, uint32_t attempt) {
    for (size_t i = 0; i < h->n_flying; i++)
        if (h->flying[i]->attempt == attempt)
            return i;
    fail_msg("no attempt %u is under way", attempt);
    return 0;
}

static void end_number(Host *h, uint32_t attempt, Outcome outcome, const char *payload) {
    Completion c = { .outcome = outcome,
                     .sent = SENT_YES,
                     .kind = outcome == OUTCOME_OK ? KIND_NONE : KIND_INVALID,
                     .payload = str_from(payload) };
    end_attempt(h, number(h, attempt), &c);
    pump(h);
}

static void a_second_attempt_leaves_when_the_time_is_up(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start(h, "r", PLAIN);
    pass(h, 1999);
    assert_int_equal(h->n_flying, 1);
    pass(h, 1);
    assert_int_equal(h->n_flying, 2);
    pass(h, 60000);
    assert_int_equal(h->n_flying, 2);
    end_number(h, 2, OUTCOME_OK, "2");
    assert_int_equal(state_of(w, "r"), STORE_DONE);
    assert_info_has(w, "r", "\"attempts\":2");
    assert_folds(w, "r");
}

static void the_other_is_told_to_stop_and_changes_nothing(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start(h, "r", PLAIN);
    pass(h, 2000);
    end_number(h, 1, OUTCOME_OK, "1");
    assert_int_equal(state_of(w, "r"), STORE_DONE);
    assert_int_equal(h->n_flying, 0);
    w->deaf = true;
    start(h, "deaf", PLAIN);
    pass(h, 2000);
    end_number(h, 2, OUTCOME_OK, "2");
    assert_int_equal(state_of(w, "deaf"), STORE_DONE);
    end_number(h, 1, OUTCOME_OK, "1");
    assert_int_equal(facts_of(w, "deaf", FACT_FINISHED), 1);
    assert_int_equal(facts_of(w, "deaf", FACT_PROGRESS), 1);
    assert_folds(w, "r");
    assert_folds(w, "deaf");
}

static void one_that_fails_leaves_the_other(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start(h, "r", PLAIN);
    pass(h, 2000);
    end_number(h, 1, OUTCOME_FAILED, "null");
    assert_int_equal(h->n_flying, 1);
    end_number(h, 2, OUTCOME_OK, "2");
    assert_info_has(w, "r", "succeeded");
    assert_folds(w, "r");
}

/* It would only stand there twice. */
static void who_stands_in_line_is_not_asked_twice(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start(h, "r1", FILE_OF("hedge: 2s, pool: { max: 1 }"));
    start(h, "r2", FILE_OF("hedge: 2s, pool: { max: 1 }"));
    pass(h, 10000);
    assert_int_equal(h->n_flying, 1);
    assert_int_equal(facts_of(w, "r1", FACT_TIMER), 1);
    assert_int_equal(facts_of(w, "r2", FACT_TIMER), 0);
    /* The second attempt of r1 is behind r2. */
    end_number(h, 1, OUTCOME_OK, "1");
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(h->n_flying, 1);
    pass(h, 2000);
    assert_int_equal(facts_of(w, "r2", FACT_TIMER), 1);
    end_number(h, 1, OUTCOME_OK, "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(h->n_flying, 0);
    assert_folds(w, "r1");
    assert_folds(w, "r2");
}

static void a_crash_with_two_under_way_leaves_one(void **state) {
    World *w = *state;
    static const char *const effects[] = { "read", "idempotent", "keyed" };
    for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
        char file[200];
        Host *h = boot_holding(w);
        snprintf(file, sizeof file,
                 "  a: { tool: t }\ntools:\n  t: { run: [p], effect: %s, hedge: 2s }\n",
                 effects[i]);
        start(h, effects[i], file);
        pass(h, 2000);
        assert_int_equal(h->n_flying, 2);
        crash(h);
        h = boot(w);
        assert_int_equal(facts_of(w, effects[i], FACT_RECOVERED), 1);
        assert_int_equal(h->n_flying, 1);
        pass(h, 60000);
        assert_int_equal(h->n_flying, 1);
        end_number(h, 3, OUTCOME_OK, "3");
        assert_int_equal(state_of(w, effects[i]), STORE_DONE);
        assert_folds(w, effects[i]);
        crash(h);
    }
}

static void a_crash_at_every_write_loses_nothing(void **state) {
    World *w = *state;
    for (unsigned at = 1; at < 9; at++) {
        char id[32];
        snprintf(id, sizeof id, "r-%u", at);
        w->hold_attempts = true;
        w->crash_at = at;
        w->crash_after = at % 2;
        w->appends = 0;
        Host *h = boot(w);
        Said said;
        ask_start(h, id, PLAIN, "{}", &said);
        for (unsigned i = 0; i < 4; i++)
            pass(h, 1000);
        crash(h);
        w->crash_at = 0;
        w->crashed = false;
        w->hold_attempts = false;
        h = boot(w);
        start(h, id, PLAIN);
        for (unsigned i = 0; i < 4; i++)
            pass(h, 1000);
        assert_int_equal(state_of(w, id), STORE_DONE);
        assert_folds(w, id);
        crash(h);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_second_attempt_leaves_when_the_time_is_up),
        TEST(the_other_is_told_to_stop_and_changes_nothing),
        TEST(one_that_fails_leaves_the_other),
        TEST(who_stands_in_line_is_not_asked_twice),
        TEST(a_crash_with_two_under_way_leaves_one),
        TEST(a_crash_at_every_write_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
