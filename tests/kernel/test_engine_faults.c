/* The engine when the store, the disk, other programs or other engines get in its way. The store under it is the real one; where a
 * test says so, what is read from it is damaged on the way. */
#include "engine/engine.h"

#include "engine_world.inc"

/* ---- the store's outcomes -------------------------------------------------------------------------------------------- */

static void a_full_disk_is_waited_for_and_nothing_is_lost(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said one, two;
    /* Long enough for the lease to be renewed meanwhile, after which mail would be looked for; the loop must sleep all the same. */
    store_memory_fault(w->disk, STORE_FAULT_FULL, 8);
    ask_start(h, "r1", CHAIN, "{}", &one);
    pump(h);
    assert_int_equal(one.times, 0);
    ask_start(h, "r2", CHAIN, "{}", &two);
    pump(h);
    assert_int_equal(two.answer, ENGINE_FAILED);
    assert_non_null(strstr(two.message, "full"));
    for (int i = 0; i < 100 && !one.times; i++)
        pass(h, 1000);
    assert_int_equal(one.times, 1);
    assert_int_equal(one.answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "a"), 1);
    assert_int_equal(start(h, "r2", CHAIN).answer, ENGINE_OK);
}

static void a_commit_of_unknown_outcome_is_read_back(void **state) {
    World *w = *state;
    const StoreFault faults[] = { STORE_FAULT_UNKNOWN_DONE, STORE_FAULT_UNKNOWN_LOST };
    Host *h = boot(w);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        char id[8];
        Said said[3];
        snprintf(id, sizeof id, "r%zu", i);
        store_memory_fault(w->disk, faults[i], 2);
        ask_start(h, id, CHAIN, "{}", &said[0]);
        ask_start(h, "x", ECHO("slow", "keyed"), "{}", &said[1]);
        ask_start(h, id, CHAIN, "{}", &said[2]);
        pump(h);
        assert_int_equal(said[0].times, 1);
        assert_int_equal(said[0].answer, ENGINE_OK);
        assert_int_equal(said[1].answer, ENGINE_OK);
        assert_int_equal(state_of(w, id), STORE_DONE);
        assert_int_equal(times(w, id, "b"), 1);
        assert_folds(w, id);
    }
}

static void a_failed_commit_is_the_end_and_the_next_engine_recovers(void **state) {
    World *w = *state;
    const StoreFault faults[] = { STORE_FAULT_IO, STORE_FAULT_IO_DONE };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        char id[8];
        Said said;
        snprintf(id, sizeof id, "r%zu", i);
        Host *h = boot(w);
        store_memory_fault(w->disk, faults[i], 1);
        ask_start(h, id, CHAIN, "{}", &said);
        pump(h);
        assert_true(engine_failed(h->engine));
        assert_int_equal(said.times, 0);
        assert_int_equal(times(w, id, "a"), 0);
        crash(h);
        h = boot(w);
        said = start(h, id, CHAIN);
        assert_int_equal(said.answer, ENGINE_OK);
        assert_int_equal(said.existing, faults[i] == STORE_FAULT_IO_DONE);
        assert_int_equal(state_of(w, id), STORE_DONE);
        assert_int_equal(times(w, id, "b"), 1);
        crash(h);
    }
}

/* ---- two engines ----------------------------------------------------------------------------------------------------- */

static Host *boot_shared(World *w, size_t number) {
    return boot_as(w, number, 0, CASE_OPTIONS(.lease_ttl_ms = 9000, .recover = true));
}

static void runs_of_a_dead_engine_are_taken_over(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    start(a, "r1", ECHO("slow", "keyed"));
    crash(a);
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    assert_int_equal(times(w, "r1", "slow"), 2);
    assert_int_equal(b->n_flying, 1);
}

static void an_engine_that_slept_too_long_is_fenced(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    Said said;
    start(
        a, "r1",
        "  - { id: slow, tool: echo, effect: keyed, with: 1 }\n  - { id: b, tool: echo, effect: unsafe, with: 2 }\n");
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    assert_int_equal(b->n_flying, 1);
    /* The sleeper's attempt ends now, and it would like to go on. */
    ask_start(a, "r2", CHAIN, "{}", &said);
    end_attempt(a, 0,
                &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("1") });
    pump(a);
    assert_int_equal(times(w, "r1", "b"), 0);
    assert_null(engine_run(a->engine, STR("r1")));
    end_attempt(b, 0,
                &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("1") });
    pump(b);
    assert_int_equal(times(w, "r1", "b"), 1);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(said.times, 1);
    /* It has entered again and works. */
    assert_int_equal(start(a, "r3", CHAIN).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_folds(w, "r1");
}

/* It had asked which runs it has taken over, and is told when it has lost them and is on its way in again. */
static void what_an_engine_had_asked_before_it_was_fenced_lets_it_in_no_sooner(void **state) {
    World *w = *state;
    Host *dead = boot_shared(w, 0), *a = boot_shared(w, 1);
    Said said;
    start(dead, "r1", ECHO("slow", "keyed"));
    crash(dead);
    a->hold_reads = true;
    for (int i = 0; i < 4; i++)
        pass(a, 3000);
    Host *b = boot_shared(w, 0);
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    engine_turn(a->engine);
    assert_true(do_job(a)); /* its lease is lost, and it asks to enter */
    a->hold_writes = true;
    a->hold_reads = false;
    pump(a);
    assert_true(a->first && a->first->write && !a->first->next);
    ask_start(a, "r2", CHAIN, "{}", &said);
    pump(a);
    assert_null(a->first->next);
    a->hold_writes = false;
    pump(a);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
}

/* It is written in the end, as mail; which row of the run it becomes is up to whoever has the run now. */
static void a_signal_that_meets_a_conflict_goes_by_mail_and_names_no_row(void **state) {
    World *w = *state;
    Host *h = boot_shared(w, 0), *other = boot_shared(w, 1);
    start(h, "r1", WAIT);
    for (int i = 0; i < 4; i++)
        pass(other, 3000);
    Said said = signal_run(h, "r1", "s1", "go", "{\"x\":1}");
    assert_int_equal(said.times, 1);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(said.seq, 0);
}

/* What names a signal names it within its run: the same words to another run are another signal. */
static void two_runs_get_signals_of_one_id_by_mail(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    start(a, "r1", WAIT);
    start(a, "r2", WAIT);
    crash(a);
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    a = boot_shared(w, 0);
    assert_int_equal(signal_run(a, "r1", "yes", "go", "1").answer, ENGINE_OK);
    assert_int_equal(signal_run(a, "r2", "yes", "go", "1").answer, ENGINE_OK);
    assert_int_equal(signal_run(a, "r2", "yes", "go", "1").answer, ENGINE_OK);
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(facts_of(w, "r2", FACT_SIGNAL), 1);
}

/* Its lease ran out while it waited for room. Under the next one that batch would be a row in the name of an engine that was
 * fenced, of a run that nobody has in memory. */
static void what_a_full_disk_kept_back_goes_with_the_lease(void **state) {
    World *w = *state;
    Host *h = boot_shared(w, 0), *other = boot_shared(w, 1);
    Said said;
    store_memory_fault(w->disk, STORE_FAULT_FULL, 1000);
    ask_start(h, "r1", CHAIN, "{}", &said);
    pump(h);
    pass(other, 20000);
    pump(h);
    assert_non_null(strstr(h->log, "begins anew"));
    store_memory_fault(w->disk, STORE_FAULT_NONE, 0);
    for (int i = 0; i < 100 && !said.times; i++)
        pass(h, 1000);
    assert_int_equal(said.answer, ENGINE_FAILED);
    assert_non_null(strstr(said.message, "try again"));
    assert_int_equal(start(h, "r1", CHAIN).answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
}

static void a_signal_to_another_engines_run_goes_by_mail(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    start(a, "r1", WAIT);
    Said said = signal_run(b, "r1", "s1", "go", "{\"x\":1}");
    assert_int_equal(said.times, 1);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(state_of(w, "r1"), STORE_IDLE);
    pass(a, 3000);
    pass(a, 1);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(facts_of(w, "r1", FACT_SIGNAL), 1);
    StoreMail mail[4];
    size_t n;
    int64_t next;
    a->store->ops->mail(a->store, false, w->now_ms, 4, &w->arena, mail, &n, &next);
    assert_int_equal(n, 0);
}

static void a_sleeper_that_lost_its_lease_lets_go_of_everything(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    Said held;
    start(a, "r1", ECHO("slow", "keyed"));
    start(a, "r2", WAIT);
    a->hold_writes = true;
    ask_start(a, "r3", ECHO("slow", "keyed"), "{}", &held);
    engine_signal(a->engine, STR("r2"), STR("s1"), STR("go"), STR("1"), STR("ann"), heard, &held);
    pump(a);
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    a->hold_writes = false;
    for (int i = 0; i < 4; i++)
        pass(a, 1);
    assert_int_equal(a->n_flying, 0);
    assert_int_equal(engine_stats(a->engine).resident, 0);
    assert_true(engine_quiet(a->engine));
    assert_int_equal(held.times, 2);
    assert_int_equal(b->n_flying, 1);
    pass(b, 3000);
    pass(b, 1);
    assert_int_equal(state_of(w, "r2"), STORE_DONE); /* the signal went by mail */
}

static void what_waits_for_a_row_that_is_refused_is_passed_on(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    Said first = { 0 }, second = { 0 }, pause = { 0 };
    start(a, "r1", "  - { id: v, wait: { signal: go } }\n" WAIT);
    a->hold_writes = true;
    engine_signal(a->engine, STR("r1"), STR("s1"), STR("go"), STR("1"), STR("ann"), heard, &first);
    pump(a);
    engine_signal(a->engine, STR("r1"), STR("s2"), STR("go"), STR("2"), STR("ann"), heard, &second);
    engine_control(a->engine, STR("r1"), CONTROL_PAUSE, STR("ann"), STR(""), STR(""), heard,
                   &pause);
    pump(a);
    for (int i = 0; i < 4; i++)
        pass(b, 3000);
    a->hold_writes = false;
    pump(a);
    assert_int_equal(first.times, 1);
    assert_int_equal(first.answer, ENGINE_OK);
    assert_int_equal(second.answer, ENGINE_OK);
    assert_int_equal(pause.times, 1);
    assert_int_equal(pause.answer, ENGINE_CONFLICT);
    pass(b, 3000);
    pass(b, 1);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(facts_of(w, "r1", FACT_SIGNAL), 2);
}

static void a_run_of_another_engine_is_not_kept_in_memory(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    start(a, "r1", WAIT);
    signal_run(a, "r1", "s1", "early", "1");
    assert_int_equal(signal_run(b, "r1", "s1", "early", "1").answer,
                     ENGINE_OK); /* said before: changes nothing */
    assert_int_equal(engine_stats(b->engine).resident, 0);
    assert_int_equal(control(b, "r1", CONTROL_PAUSE).answer, ENGINE_CONFLICT);
    assert_int_equal(engine_stats(b->engine).resident, 0);
    assert_int_equal(start(b, "r1", WAIT).existing, true);
    assert_int_equal(engine_stats(b->engine).resident, 0);
}

/* Both make the same first row but for their names; the outcome of one's append is unknown, and what it reads back is the
 * other's. */
static void the_row_of_another_engine_is_not_taken_for_its_own(void **state) {
    World *w = *state;
    Host *a = boot_shared(w, 0), *b = boot_shared(w, 1);
    Said said;
    uint64_t random = w->random;
    a->hold_writes = true;
    ask_start(a, "r1", ECHO("slow", "unsafe"), "{}", &said);
    pump(a);
    w->random = random;
    assert_int_equal(start(b, "r1", ECHO("slow", "unsafe")).existing, false);
    assert_int_equal(times(w, "r1", "slow"), 1);
    store_memory_fault(w->disk, STORE_FAULT_UNKNOWN_LOST, 1);
    a->hold_writes = false;
    pump(a);
    assert_int_equal(times(w, "r1", "slow"), 1);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_true(said.existing);
}

/* ---- damage ---------------------------------------------------------------------------------------------------------- */

static const StoreOps *real_ops;
static enum {
    DAMAGE_BODY,
    DAMAGE_DATA,
    DAMAGE_FIRST_ROW,
    DAMAGE_LAST_ROW,
    DAMAGE_HASH,
    DAMAGE_SNAPSHOT,
    DAMAGE_PAYLOAD,
    DAMAGE_COUNT
} damage;

static Str flipped(Arena *a, Str s) {
    Str copy = arena_str(a, s);
    if (copy.len)
        ((char *)copy.p)[copy.len / 2] ^= 0x10;
    return copy;
}

static int load_damaged(Store *s, Str run, bool all_rows, Arena *a, StoreRun *ret) {
    int err = real_ops->load(s, run, all_rows, a, ret);
    if (err || !ret->n_rows)
        return err;
    StoreRow *last = &ret->rows[ret->n_rows - 1];
    switch (damage) {
    case DAMAGE_BODY: last->body = flipped(a, last->body); break;
    case DAMAGE_DATA:
        while (last > ret->rows && !last->data.len)
            last--;
        last->data = flipped(a, last->data);
        break;
    case DAMAGE_FIRST_ROW:
        ret->rows++;
        ret->n_rows--;
        break;
    case DAMAGE_LAST_ROW: ret->n_rows--; break;
    case DAMAGE_HASH: ret->head_hash.b[7] ^= 1; break;
    case DAMAGE_SNAPSHOT: ret->snapshot.len /= 2; break;
    case DAMAGE_PAYLOAD:
    case DAMAGE_COUNT: break;
    }
    return 0;
}

static int payload_damaged(Store *s, Str run, const Hash *hash, Arena *a, Str *ret) {
    int err = real_ops->payload(s, run, hash, a, ret);
    if (damage == DAMAGE_PAYLOAD && !err)
        *ret = flipped(a, *ret);
    return err;
}

#define LARGE_TEXT                                                                                 \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define LARGE_10(x) x x x x x x x x x x

/* Long enough to have a snapshot, and a payload that is a row of its own. */
#define LONG_RUN                                                                                                             \
    "  - id: l\n    repeat: { max: 300 }\n    tool: echo\n    effect: keyed\n    with: some text so that rows have a size\n" \
    "  - { id: big, tool: echo, effect: keyed, with: " LARGE_10(                                                             \
        LARGE_10(LARGE_TEXT)) " }\n"                                                                                         \
                              "  - { id: small, tool: echo, effect: keyed, with: 5 }\n"                                      \
                              "  - { id: slow, tool: echo, effect: keyed, with: 1 }\n"

static void a_damaged_run_is_named_and_left_as_it_is(void **state) {
    World *w = *state;
    static StoreOps ops;
    Host *h = boot(w);
    start(h, "r1", LONG_RUN);
    StoreRun before = stored(w, "r1");
    assert_non_null(before.snapshot.p);
    crash(h);
    for (damage = DAMAGE_BODY; damage < DAMAGE_COUNT; damage++) {
        *h = (Host){ .w = w };
        h->store = store_memory_open_as(w->disk, 1);
        real_ops = h->store->ops;
        ops = *real_ops;
        ops.load = load_damaged;
        ops.payload = payload_damaged;
        h->store->ops = &ops;
        boot_on(h, CASE_OPTIONS(.single = true, .recover = true));
        if (!strstr(h->log, "r1"))
            fail_msg("damage %d was not found", damage);
        Said said = signal_run(h, "r1", "", "go", "1");
        assert_int_equal(said.answer, ENGINE_FAILED);
        assert_non_null(strstr(said.message, "r1"));
        assert_int_equal(h->n_flying, 0);
        assert_true(engine_quiet(h->engine));
        assert_int_equal(stored(w, "r1").head_seq, before.head_seq);
        crash(h);
    }
    h = boot(w);
    assert_int_equal(h->n_flying, 1);
    assert_folds(w, "r1");
}

/* ---- large and many -------------------------------------------------------------------------------------------------- */

static void a_large_output_stands_beside_its_row_and_survives_a_crash(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(
        h, "r1",
        "  - { id: big, tool: echo, effect: keyed, with: " LARGE_10(LARGE_10(
            LARGE_TEXT)) " }\n"
                         "  - { id: slow, tool: echo, effect: keyed, with: \"${{ steps.big.output.size() }}\" }\n");
    assert_int_equal(h->n_flying, 1);
    assert_int_equal(h->flying[0]->request.i, 10000);
    crash(h);
    h = boot(w);
    assert_int_equal(h->flying[0]->request.i, 10000);
    assert_folds(w, "r1");
}

/* What runs ahead of a disk that does not answer must not gather without end. */
static void a_row_that_has_grown_large_waits_for_the_disk(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    w->hold_writes = true;
    ask_start(
        h, "r1",
        "  - id: l\n    repeat: { max: 2000 }\n    tool: echo\n    effect: pure\n    with: " LARGE_10(
            LARGE_TEXT) LARGE_10(LARGE_TEXT) LARGE_10(LARGE_TEXT) LARGE_10(LARGE_TEXT) "\n",
        "{}", &said);
    pump(h);
    uint64_t ahead = engine_stats(h->engine).attempts;
    assert_true(ahead > 100 && ahead < 2000);
    w->hold_writes = false;
    pump(h);
    assert_int_equal(engine_stats(h->engine).attempts, 2000);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_folds(w, "r1");
}

/* Work under way and timers go over to the run that takes the old one's place. */
static void a_run_that_leaves_much_behind_is_made_compact(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(
        h, "r1",
        "  slow: { tool: echo, effect: keyed, with: 1 }\n"
        "  nap: { wait: 10h }\n"
        "  l:\n    repeat: { max: 3000 }\n    tool: echo\n    effect: keyed\n    with: " LARGE_10(
            LARGE_TEXT) "\n"
                        "  after: { needs: [slow, nap, l], tool: echo, effect: keyed, with: 2 }\n");
    assert_true(run_footprint(engine_run(h->engine, STR("r1"))) < MIB);
    assert_folds(w, "r1");
    end_attempt(h, 0,
                &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("1") });
    pass(h, 36000000);
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    assert_int_equal(times(w, "r1", "after"), 1);
}

static void more_due_timers_than_one_answer_holds_all_ring(void **state) {
    World *w = *state;
    Host *h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .recover = true, .resident_max = 2));
    char id[16];
    enum { RUNS = 700 };
    for (int i = 0; i < RUNS; i++) {
        snprintf(id, sizeof id, "r%d", i);
        start(h, id, "  nap: { wait: 10s }\n");
    }
    crash(h);
    w->now_ms += 10000;
    h = boot(w);
    for (int i = 0; i < 5; i++)
        pass(h, 50);
    for (int i = 0; i < RUNS; i++) {
        snprintf(id, sizeof id, "r%d", i);
        assert_int_equal(state_of(w, id), STORE_DONE);
    }
    assert_int_equal(h->wake_at, INT64_MAX);
}

static void many_runs_in_flight_are_all_recovered(void **state) {
    World *w = *state;
    Host *h = boot(w);
    char id[16];
    enum { RUNS = 300 };
    for (int i = 0; i < RUNS; i++) {
        snprintf(id, sizeof id, "r%d", i);
        start(h, id, ECHO("slow", "keyed"));
    }
    crash(h);
    h = boot(w);
    assert_int_equal(h->recovering, RUNS);
    assert_int_equal(h->n_flying, RUNS);
}

/* ---- stopping in a bad moment ---------------------------------------------------------------------------------------- */

static void a_stop_while_the_disk_is_full_gives_up_after_its_grace(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    store_memory_fault(w->disk, STORE_FAULT_FULL, 1000);
    ask_start(h, "r1", CHAIN, "{}", &said);
    pump(h);
    engine_stop(h->engine, 1000, on_stopped, h);
    for (int i = 0; i < 10 && !h->stopped; i++)
        pass(h, 1000);
    assert_true(h->stopped);
    assert_int_equal(h->stop_err, -ERR_FULL);
    assert_int_equal(said.times, 0);
}

static void a_stop_asked_for_twice_hurries(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    engine_stop(h->engine, 3600000, on_stopped, h);
    pump(h);
    assert_false(h->stopped);
    engine_stop(h->engine, 3600000, on_stopped, h);
    pump(h);
    assert_true(h->stopped);
}

static void an_engine_that_never_entered_stops_at_once(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Host never = { .w = w };
    EnginePorts ports = { &never,       world_now,  world_mono,        world_random,
                          host_submit,  host_start, host_stop_attempt, host_wake,
                          host_wake_at, host_log,   host_mark };
    EngineOptions options = CASE_OPTIONS(.single = true);
    never.engine = engine_new(&ports, &options);
    engine_stop(never.engine, 0, on_stopped, &never);
    assert_true(never.stopped);
    engine_free(never.engine);
    assert_true(engine_quiet(h->engine));
}

static int enter_fails(Store *s, int64_t now_ms, int64_t ttl_ms, StoreLease *ret) {
    (void)s;
    (void)now_ms;
    (void)ttl_ms;
    (void)ret;
    return -ERR_IO;
}

static void a_store_that_cannot_be_entered_is_said_so(void **state) {
    World *w = *state;
    static StoreOps ops;
    Host *h = &w->hosts[0];
    *h = (Host){ .w = w };
    h->store = store_memory_open_as(w->disk, 1);
    ops = *h->store->ops;
    ops.enter = enter_fails;
    h->store->ops = &ops;
    boot_on(h, CASE_OPTIONS(.single = true, .recover = true));
    assert_true(h->ready);
    assert_int_equal(h->ready_err, -ERR_IO);
    assert_true(engine_failed(h->engine));
}

static void an_engine_that_does_not_recover_serves_only_what_is_asked(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    start(h, "r2", NAP);
    crash(h);
    h = boot_as(w, 0, 1, CASE_OPTIONS(.single = true, .resident_max = 1));
    assert_true(h->ready);
    pass(h, 20000);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(state_of(w, "r2"), STORE_IDLE);
    start(h, "r3", NAP);
    start(h, "r4", NAP);
    pass(h, 10000);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_int_equal(state_of(w, "r4"), STORE_DONE);
    assert_int_equal(start(h, "r1", ECHO("slow", "keyed")).existing, true);
    assert_int_equal(h->n_flying, 1);
}

/* ---- other programs ---------------------------------------------------------------------------------------------------- */

/* A row is written as another program would have: its fact is right, its moves are not. */
static void a_run_that_derives_other_moves_is_parked_as_diverged(void **state) {
    World *w = *state;
    Host *h = boot(w);
    start(h, "r1", ECHO("slow", "keyed"));
    StoreRun r = stored(w, "r1");
    RowWriter row;
    Buf body = BUF_INIT(4096);
    row_init(&row);
    row_add_fact(&row, &(Fact){ .kind = FACT_FINISHED,
                                .time_ms = w->now_ms,
                                .address = STR("slow"),
                                .attempt = 1,
                                .outcome = OUTCOME_OK,
                                .payload = STR("1") });
    row_add_move(&row,
                 &(Move){ .address = STR("slow"), .from = STATUS_RUNNING, .to = STATUS_FAILED });
    row_body(&row, &body);
    Hash data_hash = hash_bytes(buf_str(&row.data));
    StoreAppend it = { .run = STR("r1"),
                       .seq = r.head_seq + 1,
                       .body = buf_str(&body),
                       .data = buf_str(&row.data),
                       .hash = store_chain(&r.head_hash, buf_str(&body), &data_hash),
                       .snapshot = STR_NULL };
    StoreBatch batch = { .items = &it, .n = 1 };
    assert_int_equal(h->store->ops->append(h->store, &batch), 0);
    assert_int_equal(it.outcome, STORE_OK);
    crash(h);
    h = boot(w);
    assert_int_equal(state_of(w, "r1"), STORE_PARKED);
    assert_info_has(w, "r1", "diverged");
    assert_info_has(w, "r1", "running > failed");
    assert_int_equal(signal_run(h, "r1", "", "go", "1").answer, ENGINE_CONFLICT);
    row_deinit(&row);
    buf_deinit(&body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_run_that_derives_other_moves_is_parked_as_diverged),
        TEST(a_full_disk_is_waited_for_and_nothing_is_lost),
        TEST(a_signal_that_meets_a_conflict_goes_by_mail_and_names_no_row),
        TEST(two_runs_get_signals_of_one_id_by_mail),
        TEST(what_a_full_disk_kept_back_goes_with_the_lease),
        TEST(a_commit_of_unknown_outcome_is_read_back),
        TEST(a_failed_commit_is_the_end_and_the_next_engine_recovers),
        TEST(runs_of_a_dead_engine_are_taken_over),
        TEST(an_engine_that_slept_too_long_is_fenced),
        TEST(a_signal_to_another_engines_run_goes_by_mail),
        TEST(a_sleeper_that_lost_its_lease_lets_go_of_everything),
        TEST(what_waits_for_a_row_that_is_refused_is_passed_on),
        TEST(a_run_of_another_engine_is_not_kept_in_memory),
        TEST(the_row_of_another_engine_is_not_taken_for_its_own),
        TEST(a_damaged_run_is_named_and_left_as_it_is),
        TEST(a_large_output_stands_beside_its_row_and_survives_a_crash),
        TEST(a_row_that_has_grown_large_waits_for_the_disk),
        TEST(a_run_that_leaves_much_behind_is_made_compact),
        TEST(more_due_timers_than_one_answer_holds_all_ring),
        TEST(many_runs_in_flight_are_all_recovered),
        TEST(a_stop_while_the_disk_is_full_gives_up_after_its_grace),
        TEST(what_an_engine_had_asked_before_it_was_fenced_lets_it_in_no_sooner),
        TEST(a_stop_asked_for_twice_hurries),
        TEST(an_engine_that_never_entered_stops_at_once),
        TEST(a_store_that_cannot_be_entered_is_said_so),
        TEST(an_engine_that_does_not_recover_serves_only_what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
