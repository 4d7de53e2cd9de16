/* The engine over the memory store: what it does for a run, from its start over crashes, timers, signals and pauses to a
 * clean stop. What happens when the store or another engine gets in its way is in test_engine_faults.c. */
#include "engine/engine.h"

#include "engine_world.inc"

/* ---- starting -------------------------------------------------------------------------------------------------------- */

static void a_run_starts_and_finishes(void **state) {
    World *w = *state;
    Host *h = boot(w);
    assert_true(h->ready);
    Said said = start(h, "r1", CHAIN);
    assert_int_equal(said.times, 1);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(said.seq, 1);
    assert_false(said.existing);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_null(engine_run(h->engine, STR("r1")));
    assert_true(engine_quiet(h->engine));
    assert_string_equal(h->marked, "");
    assert_folds(w, "r1");
}

static void a_run_without_an_id_is_given_one(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said = start(h, "", ECHO("a", "pure"));
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(strlen(said.run), 36);
    assert_int_equal(state_of(w, said.run), STORE_DONE);
}

static void nothing_is_said_or_sent_before_the_commit(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    w->hold_writes = true;
    ask_start(h, "r1", CHAIN, "{}", &said);
    pump(h);
    assert_int_equal(said.times, 0);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(w->n_happened, 0);
    w->hold_writes = false;
    w->hold_attempts = true;
    pump(h);
    assert_int_equal(said.times, 1);
    assert_int_equal(h->n_flying, 1);
}

static void pure_work_runs_ahead_of_the_disk_and_is_one_row(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    w->hold_writes = true;
    ask_start(
        h, "r1",
        "  - { id: a, tool: echo, effect: pure, with: 1 }\n  - { id: b, tool: echo, effect: pure, with: 2 }\n",
        "{}", &said);
    pump(h);
    assert_int_equal(said.times, 0);
    assert_int_equal(engine_stats(h->engine).attempts, 2);
    w->hold_writes = false;
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_true(stored(w, "r1").n_rows <= 2);
}

static void the_same_start_again_is_the_same_run(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    Said resident = start(h, "r1", ECHO("slow", "keyed"));
    assert_int_equal(resident.answer, ENGINE_OK);
    assert_true(resident.existing);
    start(h, "r2", CHAIN);
    Said done = start(h, "r2", CHAIN);
    assert_int_equal(done.times, 1);
    assert_int_equal(done.answer, ENGINE_OK);
    assert_true(done.existing);
    assert_int_equal(times(w, "r2", "b"), 1);
    Said spaced;
    ask_start(h, "r2", CHAIN, " { } ", &spaced);
    pump(h);
    assert_int_equal(spaced.answer, ENGINE_OK);
}

static void two_starts_of_one_id_in_one_turn_are_one_run(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said one, two;
    ask_start(h, "r1", CHAIN, "{}", &one);
    ask_start(h, "r1", CHAIN, "{}", &two);
    pump(h);
    assert_false(one.existing);
    assert_true(two.existing);
    assert_int_equal(two.answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "a"), 1);
}

static void the_same_id_with_other_input_or_file_is_a_conflict(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    start(h, "r1", CHAIN);
    ask_start(h, "r1", CHAIN, "{\"x\":1}", &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "other input"));
    ask_start(h, "r1", ECHO("a", "pure"), "{}", &said);
    pump(h);
    assert_int_equal(said.times, 1);
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "another file"));
}

static void a_file_an_input_or_an_id_that_is_refused_is_said_so(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said = start(h, "r1", "  a: { tol: echo }\n");
    assert_int_equal(said.answer, ENGINE_INVALID);
    assert_non_null(strstr(said.message, "flow.yaml:4"));
    ask_start(h, "r1", CHAIN, "{ no", &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_INVALID);
    said = start(h, "a/b", CHAIN);
    assert_int_equal(said.answer, ENGINE_INVALID);
    assert_int_equal(said.times, 1);
    assert_null(stored(w, "r1").id.p);
    assert_true(engine_quiet(h->engine));
}

static void an_output_that_is_not_json_fails_its_attempt(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("garbled", "keyed"));
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_info_has(w, "r1", "\"kind\":\"invalid\"");
}

/* ---- crashes --------------------------------------------------------------------------------------------------------- */

static void a_run_in_flight_goes_on_after_a_crash(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->hold_attempts = true;
    start(h, "r1", CHAIN);
    crash(h);
    w->hold_attempts = false;
    h = boot(w);
    assert_int_equal(h->recovering, 1);
    assert_true(h->ready_after_crash);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "a"), 2);
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_int_equal(facts_of(w, "r1", FACT_RECOVERED), 1);
    assert_folds(w, "r1");
}

static void unsafe_work_in_flight_at_a_crash_is_in_doubt_until_decided(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "unsafe"));
    assert_int_equal(times(w, "r1", "slow"), 1);
    assert_int_equal(facts_of(w, "r1", FACT_DISPATCHING), 1);
    crash(h);
    h = boot(w);
    pass(h, 100000);
    assert_int_equal(times(w, "r1", "slow"), 1);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    StoreDue open[4];
    size_t n;
    Store *eye = store_memory_open(w->disk);
    eye->ops->opens(eye, STR("r1"), 0, 0, 4, &w->arena, open, &n);
    store_close(eye);
    assert_int_equal(n, 1);
    assert_int_equal(open[0].kind, WANT_DOUBT);
    Said said = decide(h, "r1", "slow", DECISION_DONE, "{\"paid\":true}");
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "slow"), 1);
    said = decide(h, "r1", "slow", DECISION_DONE, "{\"paid\":true}");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
}

/* Every write of a small workflow, before and after: nothing is lost, unsafe work happens at most once by itself. */
static void a_crash_at_every_write_loses_nothing(void **state) {
    World *w = *state;
    unsigned n = 0;
    for (unsigned at = 2; n < 2; at++) { /* write 1 is the engine's entering */
        for (int after = 0; after < 2; after++) {
            char id[32];
            snprintf(id, sizeof id, "r-%u-%d", at, after);
            w->crash_at = at;
            w->crash_after = after;
            w->appends = 0;
            Host *h = boot(w);
            Said said = start(h, id, CHAIN "  - { id: d, tool: echo, effect: pure, with: 4 }\n");
            bool crashed = w->crashed;
            n += !crashed;
            w->crash_at = 0;
            w->crashed = false;
            crash(h);
            h = boot(w);
            if (!stored(w, id).id.p)
                assert_int_equal(said.times, 0);
            said = start(h, id, CHAIN "  - { id: d, tool: echo, effect: pure, with: 4 }\n");
            assert_int_equal(said.answer, ENGINE_OK);
            if (state_of(w, id) == STORE_IDLE) {
                assert_true(times(w, id, "b") <= 1);
                said = decide(h, id, "b", DECISION_DONE, "2");
                assert_int_equal(said.answer, ENGINE_OK);
            }
            assert_int_equal(state_of(w, id), STORE_DONE);
            assert_true(times(w, id, "b") <= 1);
            assert_folds(w, id);
            crash(h);
        }
    }
}

static void a_row_that_was_cut_off_is_as_if_it_had_never_been(void **state) {
    World *w = *state;
    store_memory_hold(w->disk, true);
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    crash(h);
    store_memory_cut(w->disk, 0);
    h = boot(w);
    assert_null(stored(w, "r1").id.p);
    Said said = start(h, "r1", ECHO("a", "keyed"));
    assert_int_equal(said.answer, ENGINE_OK);
    assert_false(said.existing);
}

static void a_run_two_engines_crashed_on_is_parked_without_loading(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    start(h, "r2", ECHO("slow", "keyed"));
    crash(h);
    h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .recover = true, .suspect = STR("r1")));
    assert_int_equal(state_of(w, "r1"), STORE_PARKED);
    assert_info_has(w, "r1", "quarantined");
    assert_int_equal(state_of(w, "r2"), STORE_ACTIVE);
    assert_int_equal(times(w, "r1", "slow"), 1);
    assert_non_null(strstr(h->log, "r1"));
    assert_int_equal(signal_run(h, "r1", "", "go", "1").answer, ENGINE_CONFLICT);
    crash(h);
    h = boot(w);
    assert_int_equal(state_of(w, "r1"), STORE_PARKED);
    assert_int_equal(control(h, "r1", CONTROL_RESUME).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_ACTIVE);
    assert_int_equal(times(w, "r1", "slow"), 2);
    assert_folds(w, "r1");
}

/* ---- timers ---------------------------------------------------------------------------------------------------------- */

static void a_timer_is_due_at_its_time_and_not_before(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", NAP);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    assert_int_equal(h->wake_at, w->now_ms + 10000);
    pass(h, 9999);
    assert_int_equal(times(w, "r1", "a"), 0);
    pass(h, 1);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(h->wake_at, INT64_MAX);
}

static void a_timer_survives_a_crash(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", NAP);
    crash(h);
    w->now_ms += 5000;
    h = boot(w);
    assert_int_equal(h->recovering, 0);
    assert_null(engine_run(h->engine, STR("r1")));
    assert_int_equal(h->wake_at, w->now_ms + 5000);
    pass(h, 5000);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(facts_of(w, "r1", FACT_TIMER), 1);
}

static void evicted_runs_are_woken_by_their_timers(void **state) {
    World *w = *state;
    Host *h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .recover = true, .resident_max = 2));
    char id[16];
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "r%d", i);
        start(h, id, NAP);
        w->now_ms += 100;
    }
    assert_int_equal(engine_stats(h->engine).resident, 2);
    assert_int_equal(h->wake_at, w->now_ms - 2000 + 10000);
    for (int i = 0; i < 20; i++)
        pass(h, 500 + 10 * i);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "r%d", i);
        assert_int_equal(state_of(w, id), STORE_DONE);
        assert_int_equal(times(w, id, "a"), 1);
    }
}

static void a_retry_waits_for_its_delay(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  bad: { tool: echo, effect: keyed, with: 1, retry: { times: 1, delay: 1s } }\n");
    unsigned first = times(w, "r1", "bad");
    assert_int_equal(first, 1);
    pass(h, 700);
    assert_int_equal(times(w, "r1", "bad"), 1);
    pass(h, 600);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "bad"), 2);
}

#define TIMED(effect) "  slow: { tool: echo, effect: " effect ", with: 1, timeout: 30s }\n"

static void an_attempt_out_of_time_is_stopped_and_said_to_be_so(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", TIMED("unsafe"));
    pass(h, 29999);
    assert_int_equal(h->n_flying, 1);
    pass(h, 1);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    StoreRun r = stored(w, "r1");
    Row row;
    row_read(r.rows[r.n_rows - 1].body, r.rows[r.n_rows - 1].data, false, &w->arena, &row);
    assert_true(str_is(row.facts[0].fact.error_kind, "timeout"));
    assert_int_equal(row.facts[0].fact.outcome, OUTCOME_UNKNOWN);
}

static void an_executor_that_does_not_stop_leaves_the_outcome_unknown(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", TIMED("unsafe"));
    pass(h, 30000);
    assert_int_equal(state_of(w, "r1"), STORE_ACTIVE);
    pass(h, 5000);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    assert_int_equal(h->n_flying, 1);
    end_attempt(h, 0,
                &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("1") });
    pump(h);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE); /* a late result is never applied by itself */
    assert_true(engine_quiet(h->engine));
}

/* ---- signals, pause, decisions --------------------------------------------------------------------------------------- */

static void a_signal_wakes_a_run_that_was_evicted(void **state) {
    World *w = *state;
    Host *h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .recover = true, .resident_max = 1));
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        start(h, id, WAIT);
    }
    assert_int_equal(engine_stats(h->engine).resident, 1);
    assert_null(engine_run(h->engine, STR("r3")));
    Said said = signal_run(h, "r3", "s1", "go", "{\"x\":1}");
    assert_int_equal(said.times, 1);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_int_equal(state_of(w, "r4"), STORE_IDLE);
}

static void a_signal_is_taken_once_however_often_it_is_sent(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", "  - { id: v, wait: { signal: go } }\n" WAIT);
    assert_int_equal(signal_run(h, "r1", "s1", "go", "1").answer, ENGINE_OK);
    Said again = signal_run(h, "r1", "s1", "go", "1");
    assert_int_equal(again.answer, ENGINE_OK);
    assert_int_equal(again.times, 1);
    assert_int_equal(facts_of(w, "r1", FACT_SIGNAL), 1);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    assert_int_equal(signal_run(h, "r1", "s2", "go", "1").answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(signal_run(h, "r1", "s3", "go", "1").answer, ENGINE_CONFLICT);
}

static void what_is_asked_of_no_run_is_not_found(void **state) {
    World *w = *state;
    Host *h = boot(w);
    assert_int_equal(signal_run(h, "nobody", "", "go", "1").answer, ENGINE_NOT_FOUND);
    assert_int_equal(control(h, "nobody", CONTROL_PAUSE).answer, ENGINE_NOT_FOUND);
    assert_int_equal(control(h, "", CONTROL_PAUSE).answer, ENGINE_NOT_FOUND);
    assert_true(engine_quiet(h->engine));
}

static void a_signal_that_is_not_json_is_refused(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", WAIT);
    assert_int_equal(signal_run(h, "r1", "", "go", "hello").answer, ENGINE_INVALID);
    assert_int_equal(facts_of(w, "r1", FACT_SIGNAL), 0);
}

static void a_paused_run_starts_nothing_until_it_is_resumed(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->hold_attempts = true;
    start(h, "r1", CHAIN);
    assert_int_equal(control(h, "r1", CONTROL_PAUSE).answer, ENGINE_OK);
    assert_int_equal(control(h, "r1", CONTROL_PAUSE).answer, ENGINE_OK);
    w->hold_attempts = false;
    pump(h);
    assert_int_equal(state_of(w, "r1"), STORE_PAUSED);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(times(w, "r1", "b"), 0);
    assert_int_equal(control(h, "r1", CONTROL_RESUME).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_folds(w, "r1");
}

static void a_paused_run_stays_so_over_a_crash(void **state) {
    World *w = *state;
    const char *effects[] = { ECHO("slow", "keyed"), ECHO("slow", "pure") };
    for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
        char id[8];
        snprintf(id, sizeof id, "r%zu", i);
        Host *h = boot(w);
        start(h, id, effects[i]);
        control(h, id, CONTROL_PAUSE);
        crash(h);
        h = boot(w);
        assert_int_equal(h->recovering, 0);
        pass(h, 100000);
        assert_int_equal(signal_run(h, id, "", "go", "1").answer, ENGINE_OK); /* which loads it */
        assert_int_equal(state_of(w, id), STORE_PAUSED);
        assert_int_equal(h->n_flying, 0);
        assert_int_equal(control(h, id, CONTROL_RESUME).answer, ENGINE_OK);
        assert_int_equal(h->n_flying, 1);
        control(h, id, CONTROL_CANCEL);
        crash(h);
    }
}

static void a_cancelled_run_stops_its_attempts(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    assert_int_equal(control(h, "r1", CONTROL_CANCEL).answer, ENGINE_OK);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(control(h, "r1", CONTROL_CANCEL).answer, ENGINE_CONFLICT);
    assert_true(engine_quiet(h->engine));
}

/* ---- stopping, snapshots, watching ----------------------------------------------------------------------------------- */

static void a_clean_stop_waits_for_attempts_and_leaves(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->hold_attempts = true;
    start(h, "r1", CHAIN);
    engine_stop(h->engine, 5000, on_stopped, h);
    pump(h);
    assert_false(h->stopped);
    Said late = start(h, "r2", CHAIN);
    assert_int_equal(late.answer, ENGINE_STOPPING);
    w->hold_attempts = false;
    pump(h);
    assert_true(h->stopped);
    assert_int_equal(h->stop_err, 0);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(times(w, "r1", "b"), 0);
    assert_int_equal(state_of(w, "r1"), STORE_ACTIVE);
    crash(h);
    h = boot(w);
    assert_false(h->ready_after_crash);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(times(w, "r1", "b"), 1);
}

#define TWO                                                                                        \
    "  - { id: a, tool: echo, effect: keyed, with: 1 }\n"                                          \
    "  - { id: b, tool: echo, effect: keyed, with: 2 }\n"

/* Both in one turn: a is wanted, and not let out. */
static void start_paused(Host *h, const char *id) {
    Said started = { 0 }, paused = { 0 };
    ask_start(h, id, TWO, "{}", &started);
    engine_control(h->engine, str_from(id), CONTROL_PAUSE, STR("ann"), STR(""), STR(""), heard,
                   &paused);
    pump(h);
    assert_int_equal(started.answer, ENGINE_OK);
    assert_int_equal(paused.answer, ENGINE_OK);
    assert_int_equal(state_of(h->w, id), STORE_PAUSED);
    assert_int_equal(times(h->w, id, "a"), 0);
}

static Host *stop_and_boot(Host *h) {
    World *w = h->w;
    engine_stop(h->engine, 5000, on_stopped, h);
    w->hold_attempts = false;
    pump(h);
    assert_true(h->stopped);
    crash(h);
    return boot(w);
}

/* a ends while the engine stops, and what comes after it is not begun any more. */
static void what_was_never_let_out_is_no_attempt_after_a_clean_stop(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->hold_attempts = true;
    start(h, "r1", TWO);
    h = stop_and_boot(h);
    assert_int_equal(facts_of(w, "r1", FACT_PROGRESS), 1);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_info_has(w, "r1", "\"attempts\":2");
    assert_folds(w, "r1");
}

static void a_paused_run_keeps_what_was_never_let_out(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start_paused(h, "r1");
    for (int i = 0; i < 3; i++) {
        h = stop_and_boot(h);
        assert_int_equal(signal_run(h, "r1", "", "go", "1").answer, ENGINE_OK); /* which loads it */
    }
    assert_int_equal(facts_of(w, "r1", FACT_PROGRESS), 1);
    assert_int_equal(control(h, "r1", CONTROL_RESUME).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_info_has(w, "r1", "\"attempts\":2");
    assert_folds(w, "r1");
}

static void what_was_never_let_out_is_no_attempt_after_an_eviction(void **state) {
    World *w = *state;
    Host *h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .recover = true, .resident_max = 1));
    start_paused(h, "r1");
    start_paused(h, "r2");
    start_paused(h, "r3");
    pass(h, 1000);
    assert_int_equal(engine_stats(h->engine).resident, 1);
    assert_null(engine_run(h->engine, STR("r1")));
    assert_int_equal(control(h, "r1", CONTROL_RESUME).answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"attempts\":2");
    assert_folds(w, "r1");
}

/* Its word holds until somebody goes on: what is let out then and lost is lost. */
static void what_was_unsent_once_is_lost_like_any_other_later(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start_paused(h, "r1");
    h = stop_and_boot(h);
    w->hold_attempts = true;
    control(h, "r1", CONTROL_RESUME);
    assert_int_equal(times(w, "r1", "a"), 1);
    crash(h);
    w->hold_attempts = false;
    h = boot(w);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "a"), 2);
    assert_info_has(w, "r1", "\"attempts\":3");
    assert_folds(w, "r1");
}

static void a_clean_stop_stops_what_does_not_end(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    engine_stop(h->engine, 5000, on_stopped, h);
    pump(h);
    assert_false(h->stopped);
    assert_int_equal(h->wake_at, w->now_ms + 5000);
    pass(h, 5000);
    assert_true(h->stopped);
    assert_int_equal(facts_of(w, "r1", FACT_FINISHED),
                     0); /* how it ended is for the next engine to find out */
    crash(h);
    h = boot(w);
    assert_int_equal(times(w, "r1", "slow"), 2);
}

/* ---- the uneven graph ------------------------------------------------------------------------------------------------ */

static void end_of(Host *h, const char *step) {
    for (size_t i = 0; i < h->n_flying; i++) {
        if (!str_is(h->flying[i]->step_name, step))
            continue;
        end_attempt(h, i,
                    &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("1") });
        pump(h);
        return;
    }
    fail_msg("%s is not under way", step);
}

/* Beside one of 5 s stand two of 2 s, the second after the first. Nobody waits for a whole level: it takes 5 s, not 7. */
static void an_uneven_graph_takes_as_long_as_its_longest_path(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  slow_long: { tool: echo, effect: keyed, with: 1 }\n"
          "  slow_first: { tool: echo, effect: keyed, with: 1 }\n"
          "  slow_second: { needs: slow_first, tool: echo, effect: keyed, with: 1 }\n"
          "  both: { needs: [slow_long, slow_second], tool: echo, effect: pure, with: 1 }\n");
    pass(h, 2000);
    end_of(h, "slow_first");
    pass(h, 2000);
    end_of(h, "slow_second");
    pass(h, 1000);
    assert_int_equal(state_of(w, "r1"), STORE_ACTIVE);
    end_of(h, "slow_long");
    StoreRun r = stored(w, "r1");
    assert_int_equal(r.info.state, STORE_DONE);
    assert_int_equal(r.info.updated_ms - r.info.created_ms, 5000);
}

static void a_long_run_is_snapshotted_and_goes_on_from_there(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(
        h, "r1",
        "  - id: l\n    repeat: { max: 600 }\n    tool: echo\n    effect: keyed\n    with: some text so that rows have a size\n"
        "  - { id: slow, tool: echo, effect: keyed, with: 1 }\n");
    StoreRun r = stored(w, "r1");
    assert_non_null(r.snapshot.p);
    assert_true(r.snapshot_seq > 100);
    assert_folds(w, "r1");
    engine_stop(h->engine, 0, on_stopped, h);
    pump(h);
    assert_true(h->stopped);
    crash(h);
    h = boot(w);
    assert_int_equal(times(w, "r1", "slow"), 2);
    assert_folds(w, "r1");
}

typedef struct Seen {
    unsigned rows, of_r1;
    uint64_t last_seq;
    bool finished;
    EngineWatcher *watcher;
} Seen;

static void saw(void *ctx, const EngineEvent *event) {
    Seen *s = ctx;
    s->rows++;
    s->of_r1 += str_is(event->run, "r1");
    s->last_seq = event->seq;
    s->finished = event->state && run_finished(event->state);
    if (s->finished)
        s->watcher = engine_unwatch(s->watcher);
}

static void watchers_are_told_of_durable_rows_in_order(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Seen one = { 0 }, all = { 0 };
    one.watcher = engine_watch(h->engine, STR("r1"), saw, &one);
    all.watcher = engine_watch(h->engine, STR(""), saw, &all);
    w->hold_writes = true;
    Said said;
    ask_start(h, "r1", ECHO("a", "keyed"), "{}", &said);
    ask_start(h, "r2", ECHO("slow", "keyed"), "{}", &said);
    pump(h);
    assert_int_equal(all.rows, 0);
    w->hold_writes = false;
    pump(h);
    assert_true(one.finished);
    assert_int_equal(one.rows, one.of_r1);
    assert_int_equal(one.last_seq, stored(w, "r1").head_seq);
    assert_null(one.watcher);
    assert_true(all.rows > all.of_r1 || all.finished);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_run_starts_and_finishes),
        TEST(a_run_without_an_id_is_given_one),
        TEST(nothing_is_said_or_sent_before_the_commit),
        TEST(pure_work_runs_ahead_of_the_disk_and_is_one_row),
        TEST(the_same_start_again_is_the_same_run),
        TEST(two_starts_of_one_id_in_one_turn_are_one_run),
        TEST(the_same_id_with_other_input_or_file_is_a_conflict),
        TEST(a_file_an_input_or_an_id_that_is_refused_is_said_so),
        TEST(an_output_that_is_not_json_fails_its_attempt),
        TEST(a_run_in_flight_goes_on_after_a_crash),
        TEST(unsafe_work_in_flight_at_a_crash_is_in_doubt_until_decided),
        TEST(a_crash_at_every_write_loses_nothing),
        TEST(a_row_that_was_cut_off_is_as_if_it_had_never_been),
        TEST(a_run_two_engines_crashed_on_is_parked_without_loading),
        TEST(a_timer_is_due_at_its_time_and_not_before),
        TEST(a_timer_survives_a_crash),
        TEST(evicted_runs_are_woken_by_their_timers),
        TEST(a_retry_waits_for_its_delay),
        TEST(an_attempt_out_of_time_is_stopped_and_said_to_be_so),
        TEST(an_executor_that_does_not_stop_leaves_the_outcome_unknown),
        TEST(a_signal_wakes_a_run_that_was_evicted),
        TEST(a_signal_is_taken_once_however_often_it_is_sent),
        TEST(what_is_asked_of_no_run_is_not_found),
        TEST(a_signal_that_is_not_json_is_refused),
        TEST(a_paused_run_starts_nothing_until_it_is_resumed),
        TEST(a_paused_run_stays_so_over_a_crash),
        TEST(a_cancelled_run_stops_its_attempts),
        TEST(a_clean_stop_waits_for_attempts_and_leaves),
        TEST(what_was_never_let_out_is_no_attempt_after_a_clean_stop),
        TEST(a_paused_run_keeps_what_was_never_let_out),
        TEST(what_was_never_let_out_is_no_attempt_after_an_eviction),
        TEST(what_was_unsent_once_is_lost_like_any_other_later),
        TEST(a_clean_stop_stops_what_does_not_end),
        TEST(an_uneven_graph_takes_as_long_as_its_longest_path),
        TEST(a_long_run_is_snapshotted_and_goes_on_from_there),
        TEST(watchers_are_told_of_durable_rows_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
