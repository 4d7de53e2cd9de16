/* A run that failed or was cancelled goes on in place: what ended ok is not done again, what failed is. */
#include "engine_world.inc"

static Said retry(Host *h, const char *run, const char *step) {
    Said said = { 0 };
    engine_retry(h->engine, str_from(run), str_from(step), STR("ann"), STR(""), heard, &said);
    pump(h);
    return said;
}

#define FLAKY                                                                                      \
    "  - { id: a, tool: echo, effect: unsafe, with: 1 }\n"                                         \
    "  - { id: flaky, tool: echo, effect: keyed, with: 2 }\n"                                      \
    "  - { id: c, tool: echo, effect: read, with: 3 }\n"

static void what_failed_runs_again_and_nothing_else(void **state) {
    World *w = *state;
    Host *h = boot(w);
    char key[64];
    start(h, "r1", FLAKY);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    snprintf(key, sizeof key, "%s", key_of(w, "r1", "flaky"));
    Said said = retry(h, "r1", "");
    assert_int_equal(said.answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(times(w, "r1", "flaky"), 2);
    assert_int_equal(times(w, "r1", "c"), 1);
    assert_string_not_equal(key, key_of(w, "r1", "flaky"));
    assert_folds(w, "r1");
}

static void a_run_that_failed_twice_is_retried_twice(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("a", "unsafe") ECHO("bad", "read"));
    for (unsigned i = 2; i < 5; i++) {
        assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
        assert_info_has(w, "r1", "\"status\":\"failed\"");
        assert_int_equal(times(w, "r1", "a"), 1);
        assert_int_equal(times(w, "r1", "bad"), i);
        assert_folds(w, "r1");
    }
    assert_info_has(w, "r1", "\"attempts\":5");
}

static void a_cancelled_run_goes_on_where_it_was(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", "  - { id: first, tool: echo, effect: unsafe, with: 1 }\n" WAIT);
    assert_int_equal(control(h, "r1", CONTROL_CANCEL).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    crash(h);
    h = boot(w);
    signal_run(h, "r1", "", "go", "1");
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_folds(w, "r1");
}

/* Cancelled it is not over before somebody has said what it did. */
static void an_effect_that_was_under_way_is_settled_first(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "unsafe"));
    control(h, "r1", CONTROL_CANCEL);
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_CONFLICT);
    crash(h);
    h = boot(w);
    assert_info_has(w, "r1", "doubt");
    assert_info_has(w, "r1", "\"ending\":\"cancelled\"");
    assert_int_equal(decide(h, "r1", "slow", DECISION_NOT_DONE, "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_int_equal(times(w, "r1", "slow"), 1);
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "slow"), 2);
    assert_folds(w, "r1");
}

static void a_step_is_done_anew_with_what_comes_after_it(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: a, tool: echo, effect: unsafe, with: 1 }\n"
          "  - { id: b, tool: echo, effect: read, with: 2 }\n"
          "  - { id: c, tool: echo, effect: idempotent, with: 3 }\n"
          "  - { id: flaky, tool: echo, effect: read, with: 4 }\n");
    Said said = retry(h, "r1", "b");
    assert_int_equal(said.answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(times(w, "r1", "b"), 2);
    assert_int_equal(times(w, "r1", "c"), 2);
    assert_int_equal(times(w, "r1", "flaky"), 2);
    assert_folds(w, "r1");
}

static void an_effect_is_not_done_twice_by_naming_it(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", CHAIN "  - { id: bad, tool: echo, effect: read, with: 4 }\n");
    Said said = retry(h, "r1", "b");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "b has taken effect"));
    assert_non_null(strstr(said.message, "baton fork r1 --from b"));
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(retry(h, "r1", "c").answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_int_equal(times(w, "r1", "c"), 2);
}

static void an_effect_whose_answer_displeased_is_not_done_twice(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", "  - { id: pay, tool: echo, effect: keyed, with: 1, check: output == 2 }\n");
    Said said = retry(h, "r1", "");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "pay has taken effect"));
    start(h, "r2", "  - { id: look, tool: echo, effect: read, with: 1, check: output == 2 }\n");
    assert_int_equal(retry(h, "r2", "").answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "pay"), 1);
    assert_int_equal(times(w, "r2", "look"), 2);
}

/* It was under way when something else failed, and nothing ever told how it ended. */
static void an_effect_that_may_have_happened_is_not_done_anew(void **state) {
    World *w = *state;
    Host *h = boot(w);
    char key[64];
    start(h, "r1",
          "  - id: g\n    steps:\n"
          "      slow: { tool: echo, effect: keyed, with: 1 }\n"
          "      look: { tool: echo, effect: read, with: 2 }\n"
          "      bad: { needs: look, tool: echo, effect: read, with: 3 }\n");
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    snprintf(key, sizeof key, "%s", key_of(w, "r1", "g/slow"));
    Said said = retry(h, "r1", "g/slow");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "g/slow has taken effect, or may have"));
    assert_int_equal(retry(h, "r1", "g/bad").answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "g/slow"), 2);
    assert_string_equal(key, key_of(w, "r1", "g/slow"));
    assert_folds(w, "r1");
}

/* What was done in a failed agent's place is not done again because people did not like it. */
static void who_stood_in_is_not_asked_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: lost, agent: a, with: why, retry: { times: 0 },"
          " approve: { ask: \"a?\", at: after } }\n"
          "agents:\n"
          "  a: { model: scripted/a.yaml, fallback: [b] }\n"
          "  b: { run: [b], effect: keyed }\n");
    assert_int_equal(decide(h, "r1", "lost:fallback", DECISION_DONE, "1").answer, ENGINE_OK);
    assert_int_equal(decide(h, "r1", "lost:approve", DECISION_REJECT, "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_int_equal(decide(h, "r1", "lost:approve", DECISION_APPROVE, "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(times(w, "r1", "lost.1"), 1);
    assert_int_equal(times(w, "r1", "lost:fallback"), 1);
    assert_folds(w, "r1");
}

static void what_a_step_is_for_is_not_forgotten_inside_a_verb(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - id: outer\n    with: { n: 1 }\n    route:\n"
          "      rules: [{ to: inner, if: \"true\" }]\n      to:\n        inner:\n"
          "          with: { n: 1 }\n          route:\n"
          "            rules: [{ to: x, if: \"false\" }]\n"
          "            to: { x: { tool: echo, effect: read, with: 1 } }\n"
          "            else: { tool: echo, effect: keyed, with: 2 }\n"
          "  - { id: bad, tool: echo, effect: read, with: 3 }\n");
    assert_int_equal(times(w, "r1", "outer/inner:1:else:1"), 1);
    Said said = retry(h, "r1", "outer");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "outer/inner:1:else:1 has taken effect"));
    assert_int_equal(times(w, "r1", "outer/inner:1:else:1"), 1);
}

#define UNDO "undo: { tool: echo, effect: keyed, with: 9 } }\n"

/* What was taken back is made again with what comes after it, under keys of their own; what was not stays. */
static void what_was_undone_is_done_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    char pay[64], undo[64];
    start(h, "r1",
          "  - { id: first, tool: echo, effect: unsafe, with: 1 }\n"
          "  - { id: pay, tool: echo, effect: unsafe, with: 2, key: order7, " UNDO
          "  - { id: look, tool: echo, effect: read, with: 3 }\n"
          "  - { id: bad, tool: echo, effect: read }\n");
    for (unsigned i = 2; i < 4; i++) {
        assert_info_has(w, "r1", "\"status\":\"failed\"");
        assert_int_equal(times(w, "r1", "pay:undo"), i - 1);
        snprintf(pay, sizeof pay, "%s", key_of(w, "r1", "pay"));
        snprintf(undo, sizeof undo, "%s", key_of(w, "r1", "pay:undo"));
        assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
        assert_int_equal(times(w, "r1", "first"), 1);
        assert_int_equal(times(w, "r1", "pay"), i);
        assert_int_equal(times(w, "r1", "look"), i);
        assert_int_equal(times(w, "r1", "pay:undo"), i);
        assert_string_not_equal(pay, key_of(w, "r1", "pay"));
        assert_string_not_equal(undo, key_of(w, "r1", "pay:undo"));
        assert_folds(w, "r1");
    }
}

static void a_cancelled_saga_goes_on_from_where_it_was_taken_back(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - id: each\n    for: { each: x, in: [1, 2], parallel: 1 }\n    tool: echo\n"
          "    effect: keyed\n    with: 1\n    undo: { tool: echo, effect: keyed }\n"
          "  - id: g\n    undo: { tool: echo, effect: keyed }\n    steps:\n"
          "      - { id: inner, tool: echo, effect: unsafe, with: 3 }\n" WAIT);
    assert_int_equal(control(h, "r1", CONTROL_CANCEL).answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_int_equal(times(w, "r1", "each[0]:undo"), 1);
    assert_int_equal(times(w, "r1", "g:undo"), 1);
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    crash(h);
    h = boot(w);
    signal_run(h, "r1", "", "go", "1");
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(times(w, "r1", "each[0]"), 2);
    assert_int_equal(times(w, "r1", "each[1]"), 2);
    assert_int_equal(times(w, "r1", "g/inner"), 2);
    assert_folds(w, "r1");
}

static void what_nobody_took_back_is_not_done_twice(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: pay, tool: echo, effect: keyed, with: 1, " UNDO
          "  - { id: mail, tool: echo, effect: unsafe, with: 2 }\n"
          "  - { id: bad, tool: echo, effect: read }\n");
    Said said = retry(h, "r1", "");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "mail has taken effect"));
}

static void ends(Host *h, Outcome outcome) {
    end_attempt(h, 0,
                &(Completion){ .outcome = outcome,
                               .kind = outcome == OUTCOME_OK ? KIND_NONE : KIND_DENIED });
    pump(h);
}

/* It is known by what a person said, and by nothing else. */
static void what_a_person_said_was_done_is_not_done_twice(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: pay, tool: echo, effect: keyed, with: 1, " UNDO
          "  - { id: slow, tool: echo, effect: keyed, with: 2 }\n"
          "  - { id: bad, tool: echo, effect: read }\n");
    crash(h);
    h = boot(w);
    ends(h, OUTCOME_FAILED);
    assert_int_equal(decide(h, "r1", "slow", DECISION_DONE, "2").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_int_equal(times(w, "r1", "pay:undo"), 1);
    Said said = retry(h, "r1", "");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "slow has taken effect"));
    assert_int_equal(retry(h, "r1", "slow").answer, ENGINE_CONFLICT);
}

static void what_was_left_half_undone_is_nobody_s_guess(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: slow, tool: echo, effect: keyed, with: 1,"
          " undo: { tool: echo, effect: keyed, retry: { times: 0 } } }\n"
          "  - { id: bad, tool: echo, effect: read }\n");
    ends(h, OUTCOME_OK);
    ends(h, OUTCOME_FAILED);
    assert_info_has(w, "r1", "doubt");
    assert_non_null(strstr(retry(h, "r1", "").message, "is not over"));
    assert_int_equal(decide(h, "r1", "slow:undo", DECISION_FAIL, "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    Said said = retry(h, "r1", "");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "the undo of slow was given up"));
    assert_non_null(strstr(said.message, "baton fork r1"));
}

static void what_cannot_be_retried_is_said(void **state) {
    World *w = *state;
    Host *h = boot(w);
    assert_int_equal(retry(h, "none", "").answer, ENGINE_NOT_FOUND);
    start(h, "r1", CHAIN);
    Said said = retry(h, "r1", "");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "it succeeded"));
    start(h, "r2", WAIT);
    assert_non_null(strstr(retry(h, "r2", "").message, "is not over"));
    start(h, "r3", ECHO("bad", "read"));
    assert_non_null(strstr(retry(h, "r3", "nowhere").message, "no step `nowhere`"));
    start(h, "r4",
          "  - id: g\n    check: output == 2\n    steps:\n"
          "      - { id: a, tool: echo, effect: read, with: 1 }\n");
    said = retry(h, "r4", "");
    assert_non_null(strstr(said.message, "name the step"));
    assert_int_equal(retry(h, "r4", "a").answer, ENGINE_OK);
    assert_int_equal(times(w, "r4", "g/a"), 2);
    assert_folds(w, "r4");
}

static void loops_and_handlers_keep_what_went_well(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - id: each\n    for: { each: x, in: [1, 2, 3], parallel: 1 }\n    steps:\n"
          "      - { id: pay, tool: echo, effect: unsafe, with: 1 }\n"
          "      - { id: flaky, tool: echo, effect: read, with: 1 }\n"
          "  - { id: last, tool: echo, effect: unsafe, with: 1 }\n");
    for (int i = 0; i < 3; i++) {
        assert_info_has(w, "r1", "\"status\":\"failed\"");
        assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    }
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(times(w, "r1", "each[0]/pay"), 1);
    assert_int_equal(times(w, "r1", "each[2]/pay"), 1);
    assert_int_equal(times(w, "r1", "each[1]/flaky"), 2);
    assert_int_equal(times(w, "r1", "last"), 1);
    assert_folds(w, "r1");
}

static void too_few_items_are_all_done_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - id: flaky\n    for: { each: x, in: [1, 2, 3], min: 3 }\n    on_error: continue\n"
          "    tool: echo\n    effect: keyed\n    with: ${{ x }}\n");
    assert_info_has(w, "r1", "all_failed");
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(times(w, "r1", "flaky[2]"), 2);
    assert_folds(w, "r1");
}

static void it_survives_a_crash_at_every_write(void **state) {
    World *w = *state;
    for (unsigned at = 1; at < 12; at++) {
        for (int after = 0; after < 2; after++) {
            char id[32];
            snprintf(id, sizeof id, "r-%u-%d", at, after);
            Host *h = boot(w);
            start(h, id, FLAKY);
            w->appends = 0;
            w->crash_at = at;
            w->crash_after = after;
            retry(h, id, "");
            w->crash_at = 0;
            w->crashed = false;
            crash(h);
            h = boot(w);
            if (strstr(stored(w, id).info.info.p, "\"failed\""))
                assert_int_equal(retry(h, id, "").answer, ENGINE_OK);
            assert_info_has(w, id, "\"status\":\"succeeded\"");
            assert_int_equal(times(w, id, "a"), 1);
            assert_folds(w, id);
            crash(h);
        }
    }
}

static void who_rejected_is_asked_again_and_who_approved_is_not(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: a, tool: echo, effect: keyed, with: 1, approve: { ask: \"a?\" } }\n"
          "  - { id: flaky, tool: echo, effect: keyed, with: 1, approve: { ask: \"b?\" } }\n");
    assert_int_equal(decide(h, "r1", "a:approve", DECISION_APPROVE, "").answer, ENGINE_OK);
    assert_int_equal(decide(h, "r1", "flaky:approve", DECISION_REJECT, "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    assert_folds(w, "r1");
    assert_int_equal(decide(h, "r1", "flaky:approve", DECISION_APPROVE, "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_folds(w, "r1");
}

static Said forget(Host *h, const char *run) {
    Said said = { 0 };
    engine_forget(h->engine, str_from(run), STR("ann"), STR("asked to"), heard, &said);
    pump(h);
    return said;
}

static void what_is_over_is_forgotten(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", WAIT);
    Said said = forget(h, "r1");
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "baton cancel r1"));
    control(h, "r1", CONTROL_CANCEL);
    assert_int_equal(forget(h, "r1").answer, ENGINE_OK);
    StoreRun r = stored(w, "r1");
    assert_int_equal(r.info.state, STORE_DONE);
    assert_true(r.rows[0].forgotten);
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_FAILED);
    crash(h);
    h = boot(w);
    assert_int_equal(forget(h, "r1").answer, ENGINE_OK);
    assert_int_equal(forget(h, "none").answer, ENGINE_NOT_FOUND);
    assert_int_equal(signal_run(h, "r1", "", "go", "1").answer, ENGINE_CONFLICT);
}

static unsigned events_of(World *w) {
    Store *eye = store_memory_open(w->disk);
    StoreRun runs[64];
    size_t n = 0;
    uint64_t before = 0;
    unsigned found = 0;
    assert_int_equal(
        eye->ops->list(eye, (StoreState)0, 0, ARRAY_LEN(runs), &w->arena, runs, &n, &before), 0);
    for (size_t i = 0; i < n; i++)
        found += str_starts(runs[i].id, STR("event:"));
    store_close(eye);
    return found;
}

/* The signal came when the run was ending already; for the retry it came in time. */
static void what_is_reached_only_by_the_retry_is_said(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  first: { emit: { type: begun } }\n"
          "  lost: { run: [x], effect: unsafe }\n"
          "  go: { wait: { signal: go } }\n"
          "  said: { needs: go, emit: { type: gone } }\n"
          "  end: { wait: { signal: end } }\n");
    assert_int_equal(events_of(w), 1);
    assert_int_equal(control(h, "r1", CONTROL_CANCEL).answer, ENGINE_OK);
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(decide(h, "r1", "lost", DECISION_DONE, "1").answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(events_of(w), 1);
    assert_int_equal(retry(h, "r1", "").answer, ENGINE_OK);
    assert_int_equal(events_of(w), 2);
    signal_run(h, "r1", "t", "end", "1");
    assert_info_has(w, "r1", "\"status\":\"succeeded\"");
    assert_int_equal(events_of(w), 2);
    assert_folds(w, "r1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_failed_runs_again_and_nothing_else),
        TEST(a_run_that_failed_twice_is_retried_twice),
        TEST(a_cancelled_run_goes_on_where_it_was),
        TEST(an_effect_that_was_under_way_is_settled_first),
        TEST(a_step_is_done_anew_with_what_comes_after_it),
        TEST(an_effect_is_not_done_twice_by_naming_it),
        TEST(an_effect_whose_answer_displeased_is_not_done_twice),
        TEST(an_effect_that_may_have_happened_is_not_done_anew),
        TEST(who_stood_in_is_not_asked_again),
        TEST(what_a_step_is_for_is_not_forgotten_inside_a_verb),
        TEST(what_was_undone_is_done_again),
        TEST(a_cancelled_saga_goes_on_from_where_it_was_taken_back),
        TEST(what_nobody_took_back_is_not_done_twice),
        TEST(what_a_person_said_was_done_is_not_done_twice),
        TEST(what_was_left_half_undone_is_nobody_s_guess),
        TEST(what_cannot_be_retried_is_said),
        TEST(loops_and_handlers_keep_what_went_well),
        TEST(too_few_items_are_all_done_again),
        TEST(who_rejected_is_asked_again_and_who_approved_is_not),
        TEST(what_is_over_is_forgotten),
        TEST(it_survives_a_crash_at_every_write),
        TEST(what_is_reached_only_by_the_retry_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
