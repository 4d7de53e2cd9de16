/* Work that is cancelled or given up while it is under way, and what is heard of it afterwards. */
#include "engine_world.inc"

#define SAGA                                                                                            \
    "  - { id: a, tool: echo, effect: keyed, with: 1, undo: { tool: echo, effect: keyed, with: 9 } }\n" \
    "  - { id: slow, tool: echo, effect: unsafe, with: 2, undo: { tool: echo, effect: keyed } }\n"

static void comes_to_an_end(Host *h, Outcome outcome, const char *payload) {
    assert_int_equal(h->n_flying, 1);
    end_attempt(h, 0,
                &(Completion){ .outcome = outcome,
                               .sent = outcome == OUTCOME_FAILED ? SENT_NO : SENT_YES,
                               .kind = outcome == OUTCOME_OK ? KIND_NONE : KIND_CANCELLED,
                               .usage = { .tokens_out = 5 },
                               .payload = payload ? str_from(payload) : STR_NULL });
    pump(h);
}

static Fact last_fact(World *w, const char *run) {
    StoreRun r = stored(w, run);
    Row row;
    const StoreRow *last = &r.rows[r.n_rows - 1];
    assert_int_equal(row_read(last->body, last->data, false, &w->arena, &row), 0);
    return row.facts[row.n_facts - 1].fact;
}

static void what_comes_too_late_is_kept_and_changes_nothing(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", "  slow: { tool: echo, effect: unsafe, with: 1, timeout: 30s }\n");
    pass(h, 30000);
    pass(h, 5000);
    assert_info_has(w, "r1", "doubt");
    comes_to_an_end(h, OUTCOME_OK, "42");
    Fact late = last_fact(w, "r1");
    assert_int_equal(late.kind, FACT_PROGRESS);
    assert_true(str_is(late.name, "late"));
    assert_true(str_is(late.address, "slow"));
    assert_true(str_is(late.payload, "42"));
    assert_int_equal(late.usage.tokens_out, 5);
    assert_info_has(w, "r1", "doubt");
    assert_int_equal(decide(h, "r1", "slow", DECISION_DONE, "42").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_folds(w, "r1");
}

static void what_comes_after_a_cancelled_run_has_ended_is_kept(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", "  slow: { tool: echo, effect: read, with: 1 }\n");
    control(h, "r1", CONTROL_CANCEL);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(facts_of(w, "r1", FACT_PROGRESS), 0);
    comes_to_an_end(h, OUTCOME_OK, "42");
    Fact late = last_fact(w, "r1");
    assert_int_equal(late.kind, FACT_PROGRESS);
    assert_true(str_is(late.payload, "42"));
    assert_int_equal(late.usage.tokens_out, 5);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_true(engine_quiet(h->engine));
    assert_int_equal(engine_stats(h->engine).resident, 0);
    assert_folds(w, "r1");
}

static void a_run_that_is_over_and_stops_something_can_be_retried(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", "  slow: { tool: echo, effect: read, with: 1 }\n");
    control(h, "r1", CONTROL_CANCEL);
    Said said = { 0 };
    engine_retry(h->engine, STR("r1"), STR(""), STR("ann"), STR(""), heard, &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(h->n_flying, 2);
    end_attempt(h, 0, &(Completion){ .outcome = OUTCOME_OK, .payload = STR("1") }); /* the first */
    pump(h);
    comes_to_an_end(h, OUTCOME_OK, "2");
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_folds(w, "r1");
}

/* By the prices that the run was pinned to, though its want is gone. */
static void what_comes_too_late_is_priced(void **state) {
    World *w = *state;
    Arena *a = &w->arena;
    Host *h = boot(w);
    Str names[] = { STR("flow.yaml"), STR("baton.yaml"), STR("prices.yaml") };
    Str texts[] = {
        STR("baton: 1\nname: w\nagents:\n  clerk: { model: openai/m, instructions: x }\n"
            "steps:\n  ask: { agent: clerk, with: a }\n"),
        STR("baton: 1\nprices: { file: prices.yaml }\n"),
        STR("dated: 2026-11-20\nmodels:\n  openai/m: { input: 1, output: 2 }\n")
    };
    Said said = { 0 };
    EngineStart ask = { .id = STR("r1"),
                        .closure = closure_make(a, names[0], names, texts, 3),
                        .input = STR("{}"),
                        .dir = STR("/") };
    w->deaf = w->hold_attempts = true;
    engine_start_run(h->engine, &ask, heard, &said);
    pump(h);
    if (said.answer)
        fail_msg("%s", said.message);
    control(h, "r1", CONTROL_CANCEL);
    comes_to_an_end(h, OUTCOME_OK, "{\"content\":\"A\"}");
    assert_int_equal(last_fact(w, "r1").usage.cost_nano, 5 * 2000);
    assert_info_has(w, "r1", "\"cost_nano\":10000");
    assert_folds(w, "r1");
}

static void what_is_cancelled_is_waited_for(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", SAGA);
    control(h, "r1", CONTROL_CANCEL);
    assert_info_has(w, "r1", "\"ending\":\"cancelled\"");
    assert_int_equal(times(w, "r1", "slow:undo"), 0);
    assert_int_equal(times(w, "r1", "a:undo"), 0);
    comes_to_an_end(h, OUTCOME_OK, "2");
    assert_int_equal(times(w, "r1", "slow:undo"), 1);
    assert_int_equal(times(w, "r1", "a:undo"), 0);
    comes_to_an_end(h, OUTCOME_OK, "null");
    assert_int_equal(times(w, "r1", "a:undo"), 1);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_folds(w, "r1");
}

static void what_was_not_done_is_not_undone(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", SAGA);
    control(h, "r1", CONTROL_CANCEL);
    comes_to_an_end(h, OUTCOME_FAILED, NULL);
    assert_int_equal(times(w, "r1", "slow:undo"), 0);
    assert_int_equal(times(w, "r1", "a:undo"), 1);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_folds(w, "r1");
}

static void who_does_not_say_how_it_ended_is_asked_about(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->deaf = true;
    start(h, "r1", SAGA);
    control(h, "r1", CONTROL_CANCEL);
    pass(h, 4999);
    assert_int_equal(state_of(w, "r1"), STORE_ACTIVE);
    pass(h, 1);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    assert_info_has(w, "r1", "doubt");
    assert_int_equal(decide(h, "r1", "slow", DECISION_RETRY, "").answer, ENGINE_CONFLICT);
    assert_int_equal(decide(h, "r1", "slow", DECISION_UNDO, "").answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "slow:undo"), 1);
    for (size_t i = h->n_flying; i-- > 0;) /* the one that never said, and the undo */
        end_attempt(h, i, &(Completion){ .outcome = OUTCOME_OK, .payload = STR("null") });
    pump(h);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_folds(w, "r1");
}

static void handle(Host *h, const char *text) {
    assert_int_equal(h->n_flying, 1);
    engine_handle(h->engine, h->flying[0], str_from(text));
    pump(h);
}

static void assert_asked_after(World *w, Host *h, const char *handle) {
    assert_int_equal(h->n_flying, 1);
    assert_true(str_is(h->flying[0]->handle, handle));
    assert_int_equal(times(w, "r1", "slow"), 1);
    comes_to_an_end(h, OUTCOME_OK, "42");
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_folds(w, "r1");
}

#define REMOTE "  slow: { tool: echo, effect: unsafe, with: 1 }\n"

static void what_the_other_side_has_a_name_for_is_asked_after_when_the_engine_is_lost(
    void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", REMOTE);
    assert_true(str_is(h->flying[0]->handle, ""));
    handle(h, "{\"task\":6}");
    handle(h, "{\"task\":7}");
    handle(h, "{\"task\":7}");
    assert_int_equal(facts_of(w, "r1", FACT_PROGRESS), 2);
    crash(h);
    h = boot(w);
    assert_asked_after(w, h, "{\"task\":7}");
    assert_int_equal(facts_of(w, "r1", FACT_RECOVERED), 0);
}

static void a_name_that_was_not_durable_is_no_name(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", REMOTE);
    w->hold_writes = true;
    handle(h, "{\"task\":7}");
    crash(h);
    w->hold_writes = false;
    h = boot(w);
    assert_int_equal(h->n_flying, 0);
    assert_info_has(w, "r1", "doubt");
    assert_folds(w, "r1");
}

static void what_the_other_side_has_a_name_for_outlives_a_clean_stop(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", REMOTE);
    handle(h, "{\"task\":7}");
    w->deaf = true;
    engine_stop(h->engine, 0, on_stopped, h);
    pump(h);
    assert_true(h->flying[0]->leave);
    end_attempt(
        h, 0,
        &(Completion){ .outcome = OUTCOME_UNKNOWN, .sent = SENT_MAYBE, .kind = KIND_CANCELLED });
    pump(h);
    assert_true(h->stopped);
    crash(h);
    h = boot(w);
    assert_asked_after(w, h, "{\"task\":7}");
}

static void what_ended_while_it_was_named_has_no_name(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", REMOTE);
    engine_handle(h->engine, h->flying[0], STR("{\"task\":7}"));
    comes_to_an_end(h, OUTCOME_OK, "42");
    assert_int_equal(facts_of(w, "r1", FACT_PROGRESS), 0);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_folds(w, "r1");
}

static void start_told(World *w, Host *h, const char *doubt) {
    Str names[] = { STR("flow.yaml"), STR("baton.yaml") };
    Str texts[] = { arena_fmt(&w->arena,
                              "baton: 1\nname: flow\nsteps:\n"
                              "  pay: { tool: echo, effect: unsafe, with: 1, timeout: 30s%s }\n",
                              doubt),
                    STR("baton: 1\nchannels: { room: { chat: \"http://x/y\" } }\n"
                        "escalation: { critical: { notify: room } }\n") };
    Said said = { 0 };
    EngineStart ask = { .id = STR("r1"),
                        .closure = closure_make(&w->arena, names[0], names, texts, 2),
                        .input = STR("{}"),
                        .dir = STR("/") };
    w->deaf = w->hold_attempts = true;
    engine_start_run(h->engine, &ask, heard, &said);
    pump(h);
    if (said.answer)
        fail_msg("%s", said.message);
}

/* The mail has the address of what it is about: what was paid once and told so often. */
static void assert_paid_once_and_told(World *w, unsigned times_told) {
    assert_int_equal(times(w, "r1", "pay"), 1 + times_told);
}

/* The wait for a person is timed by the store while nobody has the run in memory, and over a crash. */
static void a_doubt_is_told_and_given_up_at_its_deadline(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start_told(w, h, ", doubt: { deadline: 1h, on_timeout: fail }");
    pass(h, 30000);
    pass(h, 5000);
    assert_info_has(w, "r1", "doubt");
    w->hold_attempts = false;
    pump(h);
    assert_paid_once_and_told(w, 1);
    crash(h);
    h = boot(w);
    pass(h, 3599000);
    assert_info_has(w, "r1", "doubt");
    pass(h, 1000);
    assert_info_has(w, "r1", "\"kind\":\"in_doubt\"");
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_paid_once_and_told(w, 2);
    assert_folds(w, "r1");
}

static void a_doubt_that_nobody_settles_is_told_once_more_and_waits(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start_told(w, h, ", doubt: { deadline: 1h }");
    pass(h, 30000);
    pass(h, 5000);
    w->hold_attempts = false;
    pass(h, 3600000);
    assert_paid_once_and_told(w, 2);
    pass(h, 36000000);
    assert_paid_once_and_told(w, 2);
    assert_info_has(w, "r1", "doubt");
    assert_int_equal(decide(h, "r1", "pay", DECISION_DONE, "42").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_folds(w, "r1");
}

/* Each write in turn is the last before the engine is lost: what is done is undone all the same, each under one key. */
static void a_saga_survives_a_crash_at_every_write(void **state) {
    World *w = *state;
    for (unsigned at = 1; at < 12; at++) {
        for (int after = 0; after < 2; after++) {
            Host *h = boot(w);
            const char *run = arena_fmt(&w->arena, "r%u_%d", at, after).p;
            start(
                h, run,
                "  - { id: a, tool: echo, effect: keyed, with: 1, undo: { tool: echo, effect: keyed } }\n"
                "  - { id: go, wait: { signal: go } }\n"
                "  - { id: bad, tool: echo, effect: read }\n");
            w->appends = 0;
            w->crash_at = at;
            w->crash_after = after;
            signal_run(h, run, "", "go", "1");
            w->crash_at = 0;
            w->crashed = false;
            crash(h);
            h = boot(w);
            signal_run(h, run, "again", "go", "1");
            assert_info_has(w, run, "\"status\":\"failed\"");
            assert_true(times(w, run, "a") >= 1);
            assert_true(times(w, run, "a:undo") >= 1);
            assert_folds(w, run);
            crash(h);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_comes_too_late_is_kept_and_changes_nothing),
        TEST(what_comes_after_a_cancelled_run_has_ended_is_kept),
        TEST(a_run_that_is_over_and_stops_something_can_be_retried),
        TEST(what_comes_too_late_is_priced),
        TEST(what_is_cancelled_is_waited_for),
        TEST(what_was_not_done_is_not_undone),
        TEST(who_does_not_say_how_it_ended_is_asked_about),
        TEST(what_the_other_side_has_a_name_for_is_asked_after_when_the_engine_is_lost),
        TEST(a_name_that_was_not_durable_is_no_name),
        TEST(what_the_other_side_has_a_name_for_outlives_a_clean_stop),
        TEST(what_ended_while_it_was_named_has_no_name),
        TEST(a_doubt_is_told_and_given_up_at_its_deadline),
        TEST(a_doubt_that_nobody_settles_is_told_once_more_and_waits),
        TEST(a_saga_survives_a_crash_at_every_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
