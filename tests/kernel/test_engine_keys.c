/* Business keys: effects that several runs ask for. Every world has one workflow, so the same callee and key are the same effect. */
#include "engine_world.inc"

#define PAY(id, effect) "  - { id: " id ", tool: echo, effect: " effect ", with: 5, key: order7 }\n"
#define PAY_AND(id, more)                                                                          \
    "  - { id: " id ", tool: echo, effect: unsafe, with: 5, key: order7" more " }\n"
#define UNDO ", undo: { tool: echo, effect: keyed }"

static StoreKey the_key(World *w) {
    Store *eye = store_memory_open(w->disk);
    StoreKey *keys;
    size_t n;
    assert_int_equal(eye->ops->keys(eye, &w->arena, &keys, &n), 0);
    store_close(eye);
    assert_int_equal(n, 1);
    return keys[0];
}

static void assert_key(World *w, KeyState state, uint32_t generation, const char *run) {
    StoreKey k = the_key(w);
    if (k.state != state || k.generation != generation || !str_is(k.run, run))
        fail_msg("the key is %d of generation %u by %.*s", k.state, k.generation, STR_FMT(k.run));
}

static void assert_ok(World *w, const char *run) {
    assert_info_has(w, run, "\"status\":\"succeeded\"");
    assert_folds(w, run);
}

static size_t flying(const Host *h, const char *run) {
    for (size_t i = 0; i < h->n_flying; i++)
        if (str_is(h->flying[i]->run, run))
            return i;
    fail_msg("nothing of %s is under way", run);
    return 0;
}

static bool is_flying(const Host *h, const char *run) {
    for (size_t i = 0; i < h->n_flying; i++)
        if (str_is(h->flying[i]->run, run))
            return true;
    return false;
}

static void ends(Host *h, const char *run, Outcome outcome, const char *payload) {
    end_attempt(h, flying(h, run),
                &(Completion){ .outcome = outcome,
                               .sent = outcome == OUTCOME_FAILED ? SENT_NO : SENT_YES,
                               .kind = outcome == OUTCOME_OK ? KIND_NONE : KIND_UNAVAILABLE,
                               .payload = payload ? str_from(payload) : STR_NULL });
    pump(h);
}

static void assert_waits(Host *h, const char *run, const char *text) {
    Value held = engine_held(h->engine, str_from(run), &h->w->arena);
    assert_int_equal(held.len, 1);
    Str says = value_as_str(value_getz(held.items[0], "says"));
    if (str_find(says, str_from(text)) < 0)
        fail_msg("%s waits for %.*s, not for %s", run, STR_FMT(says), text);
}

/* ---- what was done --------------------------------------------------------------------------------------------------- */

static void what_one_run_did_is_the_result_of_the_next(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("pay", "unsafe"));
    assert_ok(w, "r1");
    assert_key(w, KEY_DONE, 0, "r1");
    start(h, "r2", PAY("other", "unsafe"));
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r1", "pay"), 1);
    assert_int_equal(times(w, "r2", "other"), 0);
    StoreRun r = stored(w, "r2");
    Row row;
    bool found = false;
    for (size_t i = 0; i < r.n_rows; i++) {
        assert_int_equal(row_read(r.rows[i].body, r.rows[i].data, false, &w->arena, &row), 0);
        for (size_t k = 0; k < row.n_facts; k++) {
            const Fact *f = &row.facts[k].fact;
            found |= f->kind == FACT_FINISHED && f->reused && str_is(f->from, "r1") &&
                     str_is(f->id, "pay") && str_is(f->payload, "5");
        }
    }
    assert_true(found);
    assert_key(w, KEY_DONE, 0, "r1");
}

static void what_only_reads_is_asked_for_each_time(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("pay", "read"));
    start(h, "r2", PAY("pay", "read"));
    assert_int_equal(times(w, "r1", "pay") + times(w, "r2", "pay"), 2);
}

/* ---- cache: what only reads -------------------------------------------------------------------------------------------- */

#define ASK(id, effect, with)                                                                      \
    "  - { id: " id ", tool: echo, effect: " effect ", with: " with ", cache: 1m }\n"

static void an_equal_call_within_its_time_is_not_made_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ASK("ask", "read", "5"));
    pass(h, 60000);
    start(h, "r2", ASK("ask", "read", "5"));
    assert_int_equal(times(w, "r1", "ask"), 1);
    assert_int_equal(times(w, "r2", "ask"), 0);
    assert_ok(w, "r2");
    assert_info_has(w, "r2", "\"reused\":1");
    assert_key(w, KEY_CACHED, 0, "r1");
    crash(h);
    h = boot(w);
    start(h, "r3", ASK("ask", "read", "5"));
    assert_int_equal(times(w, "r3", "ask"), 0);
    pass(h, 1); /* and now it is over */
    start(h, "r4", ASK("ask", "read", "5"));
    assert_int_equal(times(w, "r4", "ask"), 1);
    assert_key(w, KEY_CACHED, 0, "r4");
}

static void another_call_is_made(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ASK("ask", "read", "5"));
    start(h, "r2", ASK("ask", "read", "6"));
    start(h, "r3",
          "  - { id: ask, tool: echo, effect: read, with: 5 }\n"); /* it does not ask for it */
    assert_int_equal(times(w, "r2", "ask"), 1);
    assert_int_equal(times(w, "r3", "ask"), 1);
    start(h, "r4", ASK("other", "read", "5"));
    assert_int_equal(times(w, "r4", "other"), 0);
    start(h, "r5", ASK("ask", "pure", "7") ASK("again", "pure", "7"));
    assert_info_has(w, "r5", "\"reused\":1");
    assert_ok(w, "r5");
}

static void what_failed_or_is_refused_is_not_kept(void **state) {
    World *w = *state;
    Host *h = boot(w);
    w->hold_attempts = true;
    start(h, "r1", ASK("ask", "read", "5"));
    ends(h, "r1", OUTCOME_FAILED, NULL);
    start(h, "r2",
          "  - { id: ask, tool: echo, effect: read, with: 5, cache: 1m, check: output > 9 }\n");
    ends(h, "r2", OUTCOME_OK, "5");
    start(h, "r3", ASK("ask", "read", "5"));
    assert_true(is_flying(h, "r3"));
    ends(h, "r3", OUTCOME_OK, "5");
    assert_ok(w, "r3");
    /* What was kept and does not fit here is asked for anew. */
    start(h, "r4",
          "  - { id: ask, tool: echo, effect: read, with: 5, cache: 1m, check: output > 9 }\n");
    assert_true(is_flying(h, "r4"));
    ends(h, "r4", OUTCOME_OK, "10");
    assert_ok(w, "r4");
}

static void what_was_forgotten_is_not_given_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said = { 0 };
    start(h, "r1", ASK("ask", "read", "5"));
    engine_forget(h->engine, STR("r1"), STR("ann"), STR(""), heard, &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(the_key(w).result.len, 0);
    start(h, "r2", ASK("ask", "read", "5"));
    assert_int_equal(times(w, "r2", "ask"), 1);
}

static void within_one_run_too_it_is_one_effect(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(
        h, "r1",
        "  - id: l\n    for: { each: x, in: [1, 2, 3] }\n    tool: echo\n    effect: unsafe\n    with: 5\n"
        "    key: order7\n");
    assert_ok(w, "r1");
    assert_int_equal(times(w, "r1", "l[0]"), 1);
    assert_int_equal(times(w, "r1", "l[1]") + times(w, "r1", "l[2]"), 0);
}

static void another_step_without_a_definition_is_another_effect(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - { id: pay, run: [pay], effect: keyed, key: order7 }\n"
          "  - { id: ship, run: [ship], effect: keyed, key: order7 }\n");
    assert_int_equal(times(w, "r1", "pay"), 1);
    assert_int_equal(times(w, "r1", "ship"), 1);
    assert_string_not_equal(key_of(w, "r1", "pay"), key_of(w, "r1", "ship"));
    start(h, "r2", "  - { id: pay, run: [pay], effect: keyed, key: order7 }\n");
    assert_int_equal(times(w, "r2", "pay"), 0);
}

static void what_was_forgotten_is_not_done_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said = { 0 };
    start(h, "r1", PAY("pay", "unsafe"));
    engine_forget(h->engine, STR("r1"), STR("ann"), STR(""), heard, &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_true(the_key(w).forgotten);
    start(h, "r2", PAY("pay", "unsafe"));
    assert_info_has(w, "r2", "\"status\":\"failed\"");
    assert_info_has(w, "r2", "run r1 did this");
    assert_info_has(w, "r2", "conflict");
    assert_int_equal(times(w, "r2", "pay"), 0);
    assert_folds(w, "r2");
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

static void who_comes_second_waits_and_has_the_same(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "unsafe"));
    start(h, "r2", PAY("slow2", "unsafe"));
    start(h, "r3", PAY("slow3", "unsafe"));
    assert_int_equal(h->n_flying, 1);
    assert_waits(h, "r2", "run r1, which does the same at slow since");
    assert_waits(h, "r3", "run r1");
    assert_int_equal(state_of(w, "r2"), STORE_ACTIVE);
    ends(h, "r1", OUTCOME_OK, "{\"id\":7}");
    assert_ok(w, "r1");
    assert_ok(w, "r2");
    assert_ok(w, "r3");
    assert_int_equal(w->n_happened, 1);
    assert_true(engine_quiet(h->engine));
}

static void of_two_in_one_turn_one_does_it(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said a, b;
    ask_start(h, "r1", PAY("pay", "keyed"), "{}", &a);
    ask_start(h, "r2", PAY("pay", "keyed"), "{}", &b);
    pump(h);
    assert_ok(w, "r1");
    assert_ok(w, "r2");
    assert_int_equal(w->n_happened, 1);
}

static void after_a_definite_failure_the_next_may_try(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "keyed"));
    start(h, "r2", PAY("slow2", "keyed"));
    start(h, "r3", PAY("slow3", "keyed"));
    ends(h, "r1", OUTCOME_FAILED, NULL);
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_int_equal(h->n_flying, 1);
    assert_waits(h, "r3", "run r2");
    assert_string_equal(key_of(w, "r1", "slow"), key_of(w, "r2", "slow2"));
    ends(h, "r2", OUTCOME_OK, "1");
    assert_ok(w, "r2");
    assert_ok(w, "r3");
    assert_int_equal(times(w, "r3", "slow3"), 0);
}

static void who_waits_may_be_cancelled_and_the_next_has_its_turn(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "unsafe"));
    start(h, "r2", PAY("slow2", "unsafe"));
    start(h, "r3", PAY("slow3", "unsafe"));
    control(h, "r2", CONTROL_CANCEL);
    assert_info_has(w, "r2", "\"status\":\"cancelled\"");
    ends(h, "r1", OUTCOME_FAILED, NULL);
    assert_true(is_flying(h, "r3"));
    ends(h, "r3", OUTCOME_OK, "1");
    assert_ok(w, "r3");
    assert_int_equal(times(w, "r2", "slow2"), 0);
    assert_folds(w, "r2");
}

/* The claim of one that is cancelled is under way to the disk. */
static void who_is_cancelled_while_it_asks_leaves_nothing_behind(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said a, b;
    ask_start(h, "r1", PAY("slow", "keyed"), "{}", &a);
    engine_turn(h->engine);
    ask_start(h, "r2", PAY("pay", "keyed"), "{}", &b);
    engine_control(h->engine, STR("r1"), CONTROL_CANCEL, STR("ann"), STR(""), STR(""), heard, &a);
    pump(h);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r1", "slow"), 0);
}

static void who_waits_longer_than_its_file_allows_gives_up(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "unsafe"));
    start(h, "r2", PAY_AND("pay", ", timeout: { queue: 10s }"));
    pass(h, 10000);
    assert_info_has(w, "r2", "waited 10s for its turn");
    assert_key(w, KEY_UNDER_WAY, 0, "r1");
    ends(h, "r1", OUTCOME_OK, "1");
    assert_ok(w, "r1");
}

static void a_paused_run_keeps_its_place_and_goes_on(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "unsafe"));
    start(h, "r2", PAY("slow2", "unsafe"));
    control(h, "r2", CONTROL_PAUSE);
    ends(h, "r1", OUTCOME_OK, "1");
    assert_int_equal(state_of(w, "r2"), STORE_PAUSED);
    control(h, "r2", CONTROL_RESUME);
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "slow2"), 0);
}

/* What handles the failure of a step may want the same. */
static void a_handler_may_do_what_its_step_could_not(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1",
          "  - id: bad\n    tool: echo\n    effect: unsafe\n    with: 5\n    key: order7\n"
          "    on_error:\n      - steps:\n"
          "          - { id: again, tool: echo, effect: unsafe, with: 6, key: order7 }\n");
    assert_ok(w, "r1");
    assert_int_equal(times(w, "r1", "bad/on_error/again"), 1);
    assert_key(w, KEY_DONE, 0, "r1");
}

/* ---- doubt ----------------------------------------------------------------------------------------------------------- */

static void what_is_in_doubt_is_waited_for(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("lost", "unsafe"));
    assert_key(w, KEY_DOUBT, 0, "r1");
    start(h, "r2", PAY("pay", "unsafe"));
    assert_waits(h, "r2", "baton resolve r1 lost");
    decide(h, "r1", "lost", DECISION_DONE, "{\"id\":8}");
    assert_ok(w, "r1");
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 0);
}

static void what_surely_was_not_done_is_done_by_the_one_that_asked_first(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("lost", "unsafe"));
    start(h, "r2", PAY("pay", "unsafe"));
    decide(h, "r1", "lost", DECISION_NOT_DONE, "");
    assert_ok(w, "r1");
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r1", "lost"), 2);
    assert_int_equal(times(w, "r2", "pay"), 0);
}

static void done_as_new_is_another_generation(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r3", "  - { id: lost, tool: echo, effect: unsafe, with: 5, key: order8 }\n");
    decide(h, "r3", "lost", DECISION_RETRY, "");
    assert_ok(w, "r3");
    start(h, "r4", "  - { id: pay, tool: echo, effect: unsafe, with: 5, key: order8 }\n");
    assert_ok(w, "r4");
    assert_int_equal(times(w, "r3", "lost"), 2);
    assert_int_equal(times(w, "r4", "pay"), 0);
}

/* Nobody said what it did: whoever comes next has the same doubt. */
static void a_doubt_that_was_given_up_goes_to_the_next(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("lost", "unsafe"));
    decide(h, "r1", "lost", DECISION_FAIL, "");
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_key(w, KEY_UNKNOWN, 0, "r1");
    start(h, "r2", PAY("pay", "unsafe"));
    assert_int_equal(times(w, "r2", "pay"), 0);
    assert_info_has(w, "r2", "doubt");
    assert_key(w, KEY_DOUBT, 0, "r2");
    crash(h);
    h = boot(w);
    decide(h, "r2", "pay", DECISION_NOT_DONE, "");
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 1);
    assert_key(w, KEY_DONE, 0, "r2");
}

/* The same key: the target knows whether it was done. */
static void a_keyed_doubt_that_was_given_up_is_sent_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "keyed"));
    control(h, "r1", CONTROL_CANCEL);
    assert_info_has(w, "r1", "\"status\":\"cancelled\"");
    assert_key(w, KEY_UNKNOWN, 0, "r1");
    start(h, "r2", PAY("pay", "keyed"));
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 1);
    assert_string_equal(key_of(w, "r1", "slow"), key_of(w, "r2", "pay"));
}

static void a_target_that_has_forgotten_the_key_is_not_sent_it_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "keyed"));
    control(h, "r1", CONTROL_CANCEL);
    pass(h, 25 * 3600 * 1000);
    start(h, "r2", PAY("pay", "keyed"));
    assert_int_equal(times(w, "r2", "pay"), 0);
    assert_info_has(w, "r2", "doubt");
    assert_folds(w, "r2");
}

/* ---- undo ------------------------------------------------------------------------------------------------------------ */

static void what_was_undone_is_done_again_under_another_key(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY_AND("pay", UNDO) "  - { id: bad, tool: echo, effect: read }\n");
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    assert_int_equal(times(w, "r1", "pay:undo"), 1);
    assert_key(w, KEY_UNDONE, 0, "r1");
    start(h, "r2", PAY_AND("pay", UNDO));
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 1);
    assert_string_not_equal(key_of(w, "r1", "pay"), key_of(w, "r2", "pay"));
    assert_key(w, KEY_DONE, 1, "r2");
}

static void while_it_is_being_undone_others_wait(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY_AND("slow", UNDO) "  - { id: bad, tool: echo, effect: read }\n");
    ends(h, "r1", OUTCOME_OK, "5");
    assert_true(str_is(h->flying[flying(h, "r1")]->address, "slow:undo"));
    start(h, "r2", PAY("pay", "unsafe"));
    assert_waits(h, "r2", "run r1, which undoes the same at slow");
    ends(h, "r1", OUTCOME_OK, "null");
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 1);
    assert_key(w, KEY_DONE, 1, "r2");
}

/* The undo of a group takes back all that was done in it. */
static void a_group_that_is_undone_as_a_whole_is_done_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    const char *steps = "  - id: g\n    undo: { tool: echo, effect: keyed, with: 9 }\n    steps:\n"
                        "      - { id: pay, tool: echo, effect: unsafe, with: 5, key: order7 }\n"
                        "  - { id: bad, tool: echo, effect: read }\n";
    start(h, "r1", steps);
    assert_int_equal(times(w, "r1", "g:undo"), 1);
    assert_key(w, KEY_UNDONE, 0, "r1");
    start(h, "r2", PAY("pay", "unsafe"));
    assert_int_equal(times(w, "r2", "pay"), 1);
    assert_key(w, KEY_DONE, 1, "r2");
}

/* It is not this run's to take back. */
static void what_another_run_did_is_not_undone(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY_AND("pay", UNDO));
    start(h, "r2", PAY_AND("pay", UNDO) "  - { id: bad, tool: echo, effect: read }\n");
    assert_info_has(w, "r2", "\"status\":\"failed\"");
    assert_int_equal(times(w, "r2", "pay:undo"), 0);
    assert_key(w, KEY_DONE, 0, "r1");
}

/* ---- again ----------------------------------------------------------------------------------------------------------- */

static void a_retry_finds_what_another_did_meanwhile(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said = { 0 };
    start(h, "r1", PAY("bad", "unsafe"));
    assert_info_has(w, "r1", "\"status\":\"failed\"");
    start(h, "r2", PAY("pay", "unsafe"));
    engine_retry(h->engine, STR("r1"), STR(""), STR("ann"), STR(""), heard, &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_ok(w, "r1");
    assert_int_equal(times(w, "r1", "bad"), 1);
    assert_int_equal(times(w, "r2", "pay"), 1);
}

static void a_retry_after_a_failure_is_another_generation(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said = { 0 };
    start(h, "r1", PAY("flaky", "unsafe"));
    const char *first = arena_str(&w->arena, str_from(key_of(w, "r1", "flaky"))).p;
    engine_retry(h->engine, STR("r1"), STR(""), STR("ann"), STR(""), heard, &said);
    pump(h);
    assert_ok(w, "r1");
    assert_int_equal(times(w, "r1", "flaky"), 2);
    assert_string_not_equal(first, key_of(w, "r1", "flaky"));
    start(h, "r2", PAY("pay", "unsafe"));
    assert_int_equal(times(w, "r2", "pay"), 0);
}

/* ---- crashes --------------------------------------------------------------------------------------------------------- */

static void who_waited_waits_on_after_a_crash(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY("slow", "keyed"));
    start(h, "r2", PAY("slow2", "unsafe"));
    crash(h);
    h = boot(w);
    assert_int_equal(h->n_flying, 1); /* r1 sends it once more, with the same key */
    assert_waits(h, "r2", "run r1");
    assert_int_equal(times(w, "r2", "slow2"), 0);
    ends(h, "r1", OUTCOME_OK, "1");
    assert_ok(w, "r1");
    assert_ok(w, "r2");
}

/* Each write in turn is the last before the engine is lost. Of two runs one does it, or a person is asked. */
static void two_runs_survive_a_crash_at_every_write(void **state) {
    World *w = *state;
    for (unsigned at = 1; at < 14; at++) {
        for (int after = 0; after < 2; after++) {
            Host *h = boot(w);
            const char *a = arena_fmt(&w->arena, "a%u_%d", at, after).p;
            const char *b = arena_fmt(&w->arena, "b%u_%d", at, after).p;
            const char *steps =
                arena_fmt(&w->arena,
                          "  - { id: pay, tool: echo, effect: unsafe, with: 5, key: %s }\n", a)
                    .p;
            Said s[2];
            w->appends = 0;
            w->crash_at = at;
            w->crash_after = after;
            ask_start(h, a, steps, "{}", &s[0]);
            ask_start(h, b, steps, "{}", &s[1]);
            pump(h);
            bool crashed = w->crashed;
            w->crash_at = 0;
            w->crashed = false;
            crash(h);
            h = boot(w);
            ask_start(h, a, steps, "{}", &s[0]);
            ask_start(h, b, steps, "{}", &s[1]);
            pump(h);
            unsigned before = times(w, a, "pay") + times(w, b, "pay");
            assert_true(before <= 1);
            const char *in_doubt = state_of(w, a) == STORE_IDLE   ? a
                                   : state_of(w, b) == STORE_IDLE ? b
                                                                  : NULL;
            if (in_doubt)
                decide(h, in_doubt, "pay", DECISION_DONE, "5");
            assert_ok(w, a);
            assert_ok(w, b);
            assert_int_equal(times(w, a, "pay") + times(w, b, "pay"), before);
            assert_true(before == 1 || in_doubt);
            crash(h);
            if (!crashed)
                return;
        }
    }
}

/* ---- several engines ------------------------------------------------------------------------------------------------- */

#define TTL_MS 9000

static Host *join_in(World *w, size_t number) {
    return boot_as(w, number, 0, CASE_OPTIONS(.lease_ttl_ms = TTL_MS, .recover = true));
}

static void pass_both(World *w, int64_t ms) {
    w->now_ms += ms;
    for (int i = 0; i < 3; i++) {
        pump(&w->hosts[0]);
        pump(&w->hosts[1]);
    }
}

static void a_run_of_another_engine_is_waited_for(void **state) {
    World *w = *state;
    Host *a = join_in(w, 0), *b = join_in(w, 1);
    start(a, "r1", PAY("slow", "unsafe"));
    start(b, "r2", PAY("pay", "unsafe"));
    assert_waits(b, "r2", "run r1");
    ends(a, "r1", OUTCOME_OK, "1");
    pass_both(w, TTL_MS / 3 + 1);
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 0);
}

static void what_a_lost_engine_did_is_found_out_first(void **state) {
    World *w = *state;
    Host *a = join_in(w, 0), *b = join_in(w, 1);
    start(a, "r1", PAY("slow", "unsafe"));
    start(b, "r2", PAY("pay", "unsafe"));
    crash(a);
    for (int i = 0; i < 6; i++)
        pass(b, TTL_MS / 3 + 1);
    assert_info_has(w, "r1", "doubt");
    assert_waits(b, "r2", "baton resolve r1 slow");
    decide(b, "r1", "slow", DECISION_DONE, "1");
    assert_ok(w, "r2");
    assert_int_equal(times(w, "r2", "pay"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_one_run_did_is_the_result_of_the_next),
        TEST(what_only_reads_is_asked_for_each_time),
        TEST(an_equal_call_within_its_time_is_not_made_again),
        TEST(another_call_is_made),
        TEST(what_failed_or_is_refused_is_not_kept),
        TEST(what_was_forgotten_is_not_given_again),
        TEST(within_one_run_too_it_is_one_effect),
        TEST(another_step_without_a_definition_is_another_effect),
        TEST(what_was_forgotten_is_not_done_again),
        TEST(who_comes_second_waits_and_has_the_same),
        TEST(of_two_in_one_turn_one_does_it),
        TEST(after_a_definite_failure_the_next_may_try),
        TEST(who_waits_may_be_cancelled_and_the_next_has_its_turn),
        TEST(who_is_cancelled_while_it_asks_leaves_nothing_behind),
        TEST(who_waits_longer_than_its_file_allows_gives_up),
        TEST(a_paused_run_keeps_its_place_and_goes_on),
        TEST(a_handler_may_do_what_its_step_could_not),
        TEST(what_is_in_doubt_is_waited_for),
        TEST(what_surely_was_not_done_is_done_by_the_one_that_asked_first),
        TEST(done_as_new_is_another_generation),
        TEST(a_doubt_that_was_given_up_goes_to_the_next),
        TEST(a_keyed_doubt_that_was_given_up_is_sent_again),
        TEST(a_target_that_has_forgotten_the_key_is_not_sent_it_again),
        TEST(what_was_undone_is_done_again_under_another_key),
        TEST(while_it_is_being_undone_others_wait),
        TEST(a_group_that_is_undone_as_a_whole_is_done_again),
        TEST(what_another_run_did_is_not_undone),
        TEST(a_retry_finds_what_another_did_meanwhile),
        TEST(a_retry_after_a_failure_is_another_generation),
        TEST(who_waited_waits_on_after_a_crash),
        TEST(two_runs_survive_a_crash_at_every_write),
        TEST(a_run_of_another_engine_is_waited_for),
        TEST(what_a_lost_engine_did_is_found_out_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
