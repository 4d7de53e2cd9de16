/* Runs that reuse the outcomes of another: what was recorded is not done again, also when the engine is lost on the way. */
#include "engine_world.inc"

#define PAY "  - { id: pay, run: [pay, \"1\"] }\n"
#define REST                                                                                       \
    "  - { id: read, run: [look], effect: read }\n"                                                \
    "  - { id: go, wait: { signal: go } }\n"                                                       \
    "  - { id: send, run: [send], effect: keyed }\n"
#define FLOW PAY REST

static Said fork_run(Host *h, const char *id, const char *steps, const char *source,
                     const char *before) {
    Said said = { 0 };
    EngineStart start = { .id = str_from(id),
                          .closure = closure_of(h->w, steps),
                          .input = STR("{}"),
                          .dir = STR("/"),
                          .source = str_from(source),
                          .before = str_from(before) };
    engine_start_run(h->engine, &start, heard, &said);
    pump(h);
    return said;
}

static void make_source(Host *h) {
    assert_int_equal(start(h, "r1", FLOW).answer, ENGINE_OK);
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(state_of(h->w, "r1"), STORE_DONE);
}

static void what_stands_before_the_step_is_not_done_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    assert_int_equal(fork_run(h, "r2", FLOW, "r1", "send").answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r2"), STORE_IDLE);
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(times(w, "r2", "pay"), 0);
    assert_int_equal(times(w, "r2", "read"), 0);
    assert_int_equal(times(w, "r2", "send"), 1);
    assert_int_equal(facts_of(w, "r2", FACT_DISPATCHING), 0);
    assert_info_has(w, "r2", "\"reused\":2");
    assert_folds(w, "r2");
}

/* A chain of forks needs only the last: what it reused stands in its own journal. */
static void a_fork_of_a_fork_reuses_what_that_reused(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    fork_run(h, "r2", FLOW, "r1", "");
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(times(w, "r2", "send"), 0);
    fork_run(h, "r3", FLOW, "r2", "");
    signal_run(h, "r3", "s", "go", "1");
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_int_equal(times(w, "r3", "pay") + times(w, "r3", "read") + times(w, "r3", "send"), 0);
}

/* r2 fails before it comes to what r1 recorded; r3 is offered that too, but not what r2 was told to do anew. */
static void a_run_that_failed_early_loses_nothing(void **state) {
    World *w = *state;
    Host *h = boot(w);
    const char *first = "  - { id: bad, run: [x], effect: read, on_error: fail }\n" PAY,
               *mended = "  - { id: good, run: [x], effect: read }\n" PAY REST;
    make_source(h);
    fork_run(h, "r2", first, "r1", "");
    assert_int_equal(times(w, "r2", "pay"), 0);
    fork_run(h, "r3", mended, "r2", "");
    assert_int_equal(times(w, "r3", "good"), 1);
    assert_int_equal(times(w, "r3", "pay") + times(w, "r3", "read"), 0);
    fork_run(h, "r4", FLOW, "r1", "read");
    fork_run(h, "r5", mended, "r4", "");
    assert_int_equal(times(w, "r5", "pay"), 0);
    signal_run(h, "r5", "s", "go", "1");
    assert_int_equal(times(w, "r5", "send"), 1);
}

static void another_command_is_run(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    fork_run(h, "r2", "  - { id: pay, run: [pay, \"2\"] }\n" REST, "r1", "");
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(times(w, "r2", "pay"), 1);
    assert_int_equal(times(w, "r2", "read"), 0);
}

static void what_did_not_end_well_is_not_offered(void **state) {
    World *w = *state;
    Host *h = boot(w);
    const char *flow = PAY "  - { id: bad, run: [x], effect: read }\n";
    start(h, "r1", flow);
    assert_int_equal(times(w, "r1", "bad"), 1);
    fork_run(h, "r2", flow, "r1", "");
    assert_int_equal(times(w, "r2", "pay"), 0);
    assert_int_equal(times(w, "r2", "bad"), 1);
}

static void an_unfinished_run_can_be_forked(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", FLOW);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    assert_int_equal(fork_run(h, "r2", FLOW, "r1", "").answer, ENGINE_OK);
    assert_int_equal(times(w, "r2", "pay"), 0);
    assert_int_equal(state_of(w, "r2"), STORE_IDLE);
}

static void what_cannot_be_reused_is_refused(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    Said said = fork_run(h, "r2", FLOW, "nobody", "");
    assert_int_equal(said.answer, ENGINE_NOT_FOUND);
    assert_non_null(strstr(said.message, "nobody"));
    assert_int_equal(fork_run(h, "r2", FLOW, "r1", "sned").answer, ENGINE_INVALID);
    assert_int_equal(fork_run(h, "r2", FLOW, "no id", "").answer, ENGINE_INVALID);
    char longest[4096] = "pay[";
    memset(longest + 4, '1', sizeof longest - 5);
    assert_int_equal(fork_run(h, "r2", FLOW, "r1", longest).answer, ENGINE_INVALID);
    assert_null(stored(w, "r2").id.p);
}

static void the_same_fork_again_is_the_same_run(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    fork_run(h, "r2", FLOW, "r1", "send");
    Said said = fork_run(h, "r2", FLOW, "r1", "send");
    assert_int_equal(said.answer, ENGINE_OK);
    assert_true(said.existing);
    assert_int_equal(fork_run(h, "r2", FLOW, "r1", "").answer, ENGINE_CONFLICT);
    assert_int_equal(start(h, "r2", FLOW).answer, ENGINE_CONFLICT);
    assert_int_equal(facts_of(w, "r2", FACT_ACCEPTED), 1);
}

static void a_fork_that_was_evicted_is_offered_the_same(void **state) {
    World *w = *state;
    Host *h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .recover = true, .resident_max = 1));
    make_source(h);
    fork_run(h, "r2", FLOW, "r1", "");
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "x%d", i);
        start(h, id, FLOW);
    }
    assert_null(engine_run(h->engine, STR("r2")));
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(times(w, "r2", "send"), 0);
    assert_folds(w, "r2");
}

static void a_crash_at_every_write_repeats_nothing(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    crash(h);
    unsigned n = 0;
    for (unsigned at = 2; n < 2; at++) {
        for (int after = 0; after < 2; after++) {
            char id[32];
            snprintf(id, sizeof id, "f-%u-%d", at, after);
            w->crash_at = at;
            w->crash_after = after;
            w->appends = 0;
            h = boot(w);
            fork_run(h, id, FLOW, "r1", "");
            if (!w->crashed)
                signal_run(h, id, "s", "go", "1");
            n += !w->crashed;
            w->crash_at = 0;
            w->crashed = false;
            crash(h);
            h = boot(w);
            fork_run(h, id, FLOW, "r1", "");
            signal_run(h, id, "s", "go", "1");
            assert_int_equal(state_of(w, id), STORE_DONE);
            assert_int_equal(times(w, id, "pay") + times(w, id, "read") + times(w, id, "send"), 0);
            assert_folds(w, id);
            crash(h);
        }
    }
}

static const StoreOps *real_ops;

static int load_all_but_r1(Store *s, Str run, bool all_rows, Arena *a, StoreRun *ret) {
    return str_is(run, "r1") ? STORE_E_NOT_FOUND : real_ops->load(s, run, all_rows, a, ret);
}

/* Without the map it would do again what was recorded. */
static void a_fork_whose_source_cannot_be_read_is_parked(void **state) {
    World *w = *state;
    Host *h = boot(w);
    make_source(h);
    fork_run(h, "r2", FLOW, "r1", "");
    crash(h);
    static StoreOps ops;
    *h = (Host){ .w = w };
    h->store = store_memory_open_as(w->disk, 1);
    real_ops = h->store->ops;
    ops = *real_ops;
    ops.load = load_all_but_r1;
    h->store->ops = &ops;
    boot_on(h, CASE_OPTIONS(.single = true, .recover = true));
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_PARKED);
    assert_info_has(w, "r2", "sourceless");
    assert_int_equal(times(w, "r2", "send"), 0);
    h->store->ops = real_ops;
    assert_int_equal(control(h, "r2", CONTROL_RESUME).answer, ENGINE_OK);
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(times(w, "r2", "send"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_stands_before_the_step_is_not_done_again),
        TEST(a_fork_of_a_fork_reuses_what_that_reused),
        TEST(a_run_that_failed_early_loses_nothing),
        TEST(another_command_is_run),
        TEST(what_did_not_end_well_is_not_offered),
        TEST(an_unfinished_run_can_be_forked),
        TEST(what_cannot_be_reused_is_refused),
        TEST(the_same_fork_again_is_the_same_run),
        TEST(a_fork_that_was_evicted_is_offered_the_same),
        TEST(a_crash_at_every_write_repeats_nothing),
        TEST(a_fork_whose_source_cannot_be_read_is_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
