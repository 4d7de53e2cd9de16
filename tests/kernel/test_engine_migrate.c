/* Runs that go on with another file: what was done stays done, what would be lost is refused, and the row that moves a run is
 * as good as any other after a crash. */
#include "engine_world.inc"

#define PAY "  - { id: pay, run: [pay, \"1\"] }\n"
#define GO "  - { id: go, wait: { signal: go } }\n"
#define SLOW "  - { id: slow, run: [x], effect: keyed }\n"
#define FIRST "  - { id: first, wait: { signal: first } }\n"
#define FLOW PAY GO "  - { id: send, run: [send], effect: keyed }\n"
#define MENDED PAY GO "  - { id: mended, run: [send2], effect: keyed }\n"

static Said migrate(Host *h, const char *run, const char *steps) {
    Said said = { 0 };
    engine_migrate(h->engine, str_from(run), closure_of(h->w, steps), STR("ann"), heard, &said);
    pump(h);
    return said;
}

static void a_waiting_run_goes_on_with_the_mended_file(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", FLOW);
    Said said = migrate(h, "r1", MENDED);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(facts_of(w, "r1", FACT_MIGRATED), 1);
    assert_folds(w, "r1");
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "pay"), 1);
    assert_int_equal(times(w, "r1", "send"), 0);
    assert_int_equal(times(w, "r1", "mended"), 1);
    assert_folds(w, "r1");
}

static void a_run_can_move_again_and_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", FLOW);
    assert_int_equal(migrate(h, "r1", MENDED).answer, ENGINE_OK);
    assert_int_equal(migrate(h, "r1", FLOW).answer, ENGINE_OK);
    assert_int_equal(migrate(h, "r1", FLOW).answer, ENGINE_CONFLICT);
    crash(h);
    h = boot(w);
    assert_int_equal(migrate(h, "r1", MENDED).answer, ENGINE_OK);
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(times(w, "r1", "mended"), 1);
    assert_int_equal(facts_of(w, "r1", FACT_MIGRATED), 3);
    assert_folds(w, "r1");
}

static void what_would_be_lost_is_refused(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", FLOW);
    Said said = migrate(h, "r1", "  - { id: paid, run: [pay, \"1\"] }\n" GO);
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "pay"));
    said = migrate(h, "r1", "  - { id: pay, run: [pay, \"1\"], output: { id: string } }\n" GO);
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "failed"));
    assert_int_equal(migrate(h, "r1", PAY).answer, ENGINE_CONFLICT); /* it would have ended */
    assert_int_equal(migrate(h, "r1", "  - { nonsense: 1 }\n").answer, ENGINE_INVALID);
    assert_int_equal(migrate(h, "nobody", MENDED).answer, ENGINE_NOT_FOUND);
    assert_int_equal(facts_of(w, "r1", FACT_MIGRATED), 0);
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(times(w, "r1", "send"), 1);
    assert_int_equal(migrate(h, "r1", MENDED).answer, ENGINE_CONFLICT);
    assert_folds(w, "r1");
}

static void a_run_at_work_is_paused_first(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", PAY SLOW);
    Said said = migrate(h, "r1", PAY SLOW GO);
    assert_int_equal(said.answer, ENGINE_CONFLICT);
    assert_non_null(strstr(said.message, "pause"));
    start(h, "r2", FIRST FLOW);
    control(h, "r2", CONTROL_PAUSE);
    assert_int_equal(migrate(h, "r2", FIRST MENDED).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r2"), STORE_PAUSED);
    assert_int_equal(times(w, "r2", "pay"), 0);
    control(h, "r2", CONTROL_RESUME);
    signal_run(h, "r2", "a", "first", "1");
    signal_run(h, "r2", "b", "go", "1");
    assert_int_equal(times(w, "r2", "mended"), 1);
    assert_folds(w, "r2");
}

/* A step put before the wait is done now; one whose words have changed is done already. */
static void new_work_begins_and_old_work_stays_done(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", FLOW);
    Said said = migrate(h, "r1",
                        "  - { id: pay, run: [pay, \"2\"] }\n"
                        "  - { id: more, run: [x], effect: keyed }\n" GO);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(times(w, "r1", "pay"), 1);
    assert_int_equal(times(w, "r1", "more"), 1);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_folds(w, "r1");
}

static void a_crash_at_every_write_leaves_one_file_or_the_other(void **state) {
    World *w = *state;
    unsigned n = 0;
    for (unsigned at = 2; n < 2; at++) {
        for (int after = 0; after < 2; after++) {
            char id[32];
            snprintf(id, sizeof id, "m-%u-%d", at, after);
            Host *h = boot(w);
            start(h, id, FLOW);
            crash(h);
            w->crash_at = at;
            w->crash_after = after;
            w->appends = 0;
            h = boot(w);
            Said said = migrate(h, id, MENDED);
            if (!w->crashed)
                signal_run(h, id, "s", "go", "1");
            n += !w->crashed;
            w->crash_at = 0;
            w->crashed = false;
            crash(h);
            h = boot(w);
            unsigned moved = facts_of(w, id, FACT_MIGRATED);
            assert_true(moved || said.times == 0);
            signal_run(h, id, "s", "go", "1");
            assert_int_equal(state_of(w, id), STORE_DONE);
            assert_int_equal(times(w, id, "pay"), 1);
            assert_int_equal(times(w, id, "mended") > 0, moved);
            assert_int_equal(times(w, id, "send") > 0, !moved);
            assert_folds(w, id);
            crash(h);
        }
    }
}

static void a_moved_run_is_reused_like_any_other(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", FLOW);
    migrate(h, "r1", MENDED);
    signal_run(h, "r1", "s", "go", "1");
    Said said = { 0 };
    EngineStart fork = { .id = STR("r2"),
                         .closure = closure_of(w, MENDED),
                         .input = STR("{}"),
                         .dir = STR("/"),
                         .source = STR("r1") };
    engine_start_run(h->engine, &fork, heard, &said);
    pump(h);
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(times(w, "r2", "pay") + times(w, "r2", "mended"), 0);
}

#define CALL "  - { id: part, call: part }\n"

static Str family_closure(World *w, const char *steps) {
    const Str names[] = { STR("flow.yaml"), STR("part.yaml") };
    const Str texts[] = {
        arena_fmt(&w->arena, "baton: 1\nname: flow\nsteps:\n%s", steps),
        STR("baton: 1\nname: part\nsteps:\n  - { id: work, tool: echo, with: 1 }\n")
    };
    return closure_make(&w->arena, names[0], names, texts, ARRAY_LEN(names));
}

static void begin(Host *h, const char *id, const char *steps, const char *source) {
    Said said = { 0 };
    EngineStart start = { .id = str_from(id),
                          .closure = family_closure(h->w, steps),
                          .input = STR("{}"),
                          .dir = STR("/"),
                          .source = str_from(source) };
    engine_start_run(h->engine, &start, heard, &said);
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
}

static Said migrate_family(Host *h, const char *run, const char *steps) {
    Said said = { 0 };
    engine_migrate(h->engine, str_from(run), family_closure(h->w, steps), STR("ann"), heard, &said);
    pump(h);
    return said;
}

static unsigned children_of(World *w, const char *run) {
    Store *eye = store_memory_open(w->disk);
    StoreRun runs[64];
    size_t n = 0;
    uint64_t before = 0;
    unsigned found = 0;
    assert_int_equal(
        eye->ops->list(eye, (StoreState)0, 0, ARRAY_LEN(runs), &w->arena, runs, &n, &before), 0);
    for (size_t i = 0; i < n; i++)
        found += str_starts(runs[i].id, str_from(run)) && runs[i].id.len > strlen(run);
    store_close(eye);
    return found;
}

/* The letter that starts a child is derived again with all else; what its recorded outcome made needless stays so. */
static void what_was_said_before_the_move_is_not_said_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    begin(h, "r1", CALL GO, "");
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(children_of(w, "r1"), 1);
    begin(h, "r2", CALL GO, "r1");
    assert_int_equal(children_of(w, "r2"), 0);
    assert_int_equal(
        migrate_family(h, "r2", CALL GO "  - { id: more, run: [x], effect: keyed }\n").answer,
        ENGINE_OK);
    assert_int_equal(children_of(w, "r2"), 0);
    signal_run(h, "r2", "s", "go", "1");
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_folds(w, "r2");
}

static void what_only_the_new_file_says_is_said(void **state) {
    World *w = *state;
    Host *h = boot(w);
    begin(h, "r1", CALL GO, "");
    assert_int_equal(children_of(w, "r1"), 1);
    assert_int_equal(migrate_family(h, "r1", CALL "  - { id: more, call: part }\n" GO).answer,
                     ENGINE_OK);
    assert_int_equal(children_of(w, "r1"), 2);
    signal_run(h, "r1", "s", "go", "1");
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_folds(w, "r1");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_waiting_run_goes_on_with_the_mended_file),
        TEST(a_run_can_move_again_and_again),
        TEST(what_would_be_lost_is_refused),
        TEST(a_run_at_work_is_paused_first),
        TEST(new_work_begins_and_old_work_stays_done),
        TEST(a_crash_at_every_write_leaves_one_file_or_the_other),
        TEST(a_moved_run_is_reused_like_any_other),
        TEST(what_was_said_before_the_move_is_not_said_again),
        TEST(what_only_the_new_file_says_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
