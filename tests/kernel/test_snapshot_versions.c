/* Snapshots of earlier versions are loaded, and what they hold goes on: an attempt in flight with its reservation, calls
 * that wait for it, a step that is done. tests/kernel/golden/snapshot_N.hex was written by the version that is named so;
 * version 1 is version 2 without whose outcomes are reused and what that saved. What version 3 brought is in a file of its
 * own, as larger_run() makes it. BATON_UPDATE=1 writes that of today's version. */
#include "base/limits.h"
#include "kernel/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FLOW                                                                                       \
    "baton: 1\nname: flow\nlimits: { calls: 4, tokens: 6000, on_breach: fail }\n"                  \
    "agents:\n  clerk: { model: scripted/replies.yaml, instructions: Answer. }\n"                  \
    "steps:\n"                                                                                     \
    "  first: { tool: echo, effect: keyed, with: 1 }\n"                                            \
    "  asked: { needs: first, agent: clerk, with: a }\n"                                           \
    "  held: { needs: first, agent: clerk, with: b }\n"                                            \
    "  late: { needs: first, agent: clerk, with: c }\n"

/* And with people who are asked, what can be undone, and steps that are to begin at once when `late` is done. */
#define LARGER_FLOW                                                                                \
    FLOW "  paid: { needs: first, tool: echo, effect: keyed, with: 4, undo: { tool: echo } }\n"    \
         "  agreed: { needs: first, human: { ask: Fine? }, with: 5 }\n"                            \
         "  one: { needs: late, tool: echo, effect: keyed, with: 6 }\n"                            \
         "  two: { needs: late, tool: echo, effect: keyed, with: 7 }\n"

static Plan *compile(Arena *a, const char *flow) {
    Plan *plan = NULL;
    Str name = STR("flow.yaml"), text = str_from(flow);
    Diags diags = { .arena = a };
    assert_int_equal(plan_compile(closure_make(a, name, &name, &text, 1), &plan, &diags), 0);
    return plan;
}

static void finish(Run *r, const char *address, const char *payload) {
    Fact done = { .kind = FACT_FINISHED,
                  .time_ms = 2000,
                  .address = str_from(address),
                  .attempt = 1,
                  .outcome = OUTCOME_OK,
                  .usage = { .tokens_out = 9 },
                  .payload = str_from(payload) };
    if (run_apply(r, &done, NULL))
        fail_msg("%s is not open", address);
    assert_null(run_check(r));
}

static Run *started(const Plan *plan, Rules rules, Arena *a) {
    Run *r = NULL;
    Str problem;
    Fact accepted = { .kind = FACT_ACCEPTED,
                      .time_ms = 1000,
                      .run = STR("r1"),
                      .dir = STR("/"),
                      .seed = 7,
                      .verb = rules };
    assert_int_equal(run_start(plan, &accepted, NULL, &r, &problem, a), 0);
    finish(r, "first", "1");
    return r;
}

/* One call is in flight, and no other fits beside it. */
static Run *some_run(const Plan *plan, Arena *a) { return started(plan, RULES_NOW, a); }

/* Which of them waits for the other follows from the rules of when the run began. */
static void ask_in_turn(Run *r, bool reversed) {
    finish(r, reversed ? "late.1" : "asked.1", "{\"content\":\"A\"}");
    finish(r, "held.1", "{\"content\":\"B\"}");
    finish(r, reversed ? "asked.1" : "late.1", "{\"content\":\"C\"}");
}

static void goes_on_to_the_end(Run *r, bool reversed) {
    ask_in_turn(r, reversed);
    assert_int_equal(run_status(r), RUN_OK);
}

static bool opened_before(Run *r, const char *one, const char *other) {
    Arena a = ARENA_NULL;
    bool seen = false, before = false;
    for (Want *w = run_wants(r); w; w = w->next) {
        Str address = want_address(w, &a);
        seen |= str_is(address, one);
        before |= str_is(address, other) && seen;
    }
    arena_deinit(&a);
    return before;
}

static void larger_goes_on_to_the_end(Run *r, bool reversed) {
    Fact agreed = { .kind = FACT_DECISION,
                    .time_ms = 2000,
                    .address = STR("agreed"),
                    .verb = DECISION_APPROVE,
                    .from = STR("ann") };
    ask_in_turn(r, reversed);
    assert_true(reversed ? opened_before(r, "two", "one") : opened_before(r, "one", "two"));
    assert_int_equal(run_apply(r, &agreed, NULL), 0);
    finish(r, "paid", "2");
    finish(r, "one", "3");
    finish(r, "two", "4");
    assert_int_equal(run_status(r), RUN_OK);
}

/* ---- the golden files ---- */

#define GOLDEN SOURCE_ROOT "/tests/kernel/golden/snapshot_%d.hex"

static FILE *open_golden(int version, const char *mode) {
    char path[256];
    snprintf(path, sizeof path, GOLDEN, version);
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    return f;
}

static void read_golden(int version, Buf *to) {
    FILE *f = open_golden(version, "r");
    unsigned byte;
    while (fscanf(f, "%2x", &byte) == 1)
        buf_char(to, (char)byte);
    fclose(f);
    assert_true(to->len > 100);
    assert_int_equal(to->p[2], version);
}

static void write_golden(Str snapshot) {
    FILE *f = open_golden(snapshot.p[2], "w");
    for (size_t i = 0; i < snapshot.len; i++)
        fprintf(f, "%02x%s", (uint8_t)snapshot.p[i], i % 40 == 39 ? "\n" : "");
    fputs("\n", f);
    fclose(f);
}

static void copy(Cursor *c, const char **from, Buf *to) {
    buf_add(to, *from, (size_t)(c->p - *from));
    *from = c->p;
}

/* Leaves out what version 1 did not have: two texts and a number after the directory, the last three of nine counts. */
static void as_version_1(Str snapshot, Buf *to, Arena *a) {
    Cursor c = cursor_on(snapshot);
    const char *from = snapshot.p + 3;
    buf_add(to, "BS\1", 3);
    cursor_bytes(&c, 3);
    cursor_blob(&c);
    cursor_blob(&c);
    copy(&c, &from, to);
    cursor_blob(&c);
    cursor_blob(&c);
    cursor_varint(&c);
    from = c.p;
    cursor_varint(&c); /* seed */
    cursor_u8(&c);     /* status */
    for (int i = 0; i < 3; i++)
        cursor_svarint(&c);
    cursor_varint(&c); /* facts */
    for (int i = 0; i < 4; i++)
        value_decode(&c, a);
    for (int i = 0; i < 6; i++)
        cursor_svarint(&c);
    copy(&c, &from, to);
    for (int i = 0; i < 3; i++)
        assert_int_equal(cursor_svarint(&c), 0);
    assert_false(c.bad);
    buf_add(to, c.p, (size_t)(c.end - c.p));
}

typedef struct World {
    Arena a;
    Plan *plan, *larger;
    Buf old;
} World;

static void setup(World *w) {
    *w = (World){ .old = BUF_INIT(MIB) };
    arena_init(&w->a, 0);
    w->plan = compile(&w->a, FLOW);
    w->larger = compile(&w->a, LARGER_FLOW);
}

static void teardown(World *w) {
    buf_deinit(&w->old);
    plan_free(w->plan);
    plan_free(w->larger);
    arena_deinit(&w->a);
}

static Run *loaded(const Plan *plan, const Buf *snapshot) {
    Run *r = NULL;
    assert_int_equal(run_load(plan, buf_str(snapshot), &r), 0);
    return r;
}

static void loads_and_goes_on(World *w) {
    Run *r = loaded(w->plan, &w->old);
    assert_int_equal(run_source(r).len, 0);
    goes_on_to_the_end(r, true);
    run_free(r);
}

static void a_snapshot_of_today_goes_on(void **state) {
    (void)state;
    World w;
    setup(&w);
    if (getenv("BATON_UPDATE")) {
        Run *now = started(w.larger, RULES_NOW, &w.a);
        run_save(now, &w.old);
        write_golden(buf_str(&w.old));
        buf_reset(&w.old);
        run_free(now);
    }
    read_golden(5, &w.old);
    Run *r = loaded(w.larger, &w.old);
    larger_goes_on_to_the_end(r, false);
    run_free(r);
    teardown(&w);
}

static void goes_on_from(int version, bool reversed) {
    World w;
    setup(&w);
    read_golden(version, &w.old);
    Run *r = loaded(w.larger, &w.old);
    larger_goes_on_to_the_end(r, reversed);
    run_free(r);
    teardown(&w);
}

static void a_snapshot_of_version_4_goes_on(void **state) {
    (void)state;
    goes_on_from(4, false);
}

static void a_snapshot_of_version_3_goes_on(void **state) {
    (void)state;
    goes_on_from(3, true);
}

/* As it was started, also when a snapshot of today was taken in between. */
static void a_run_keeps_the_rules_it_began_with(void **state) {
    (void)state;
    World w;
    setup(&w);
    Run *then = started(w.larger, RULES_REVERSE, &w.a);
    run_save(then, &w.old);
    Run *now = loaded(w.larger, &w.old);
    larger_goes_on_to_the_end(then, true);
    larger_goes_on_to_the_end(now, true);
    run_free(then);
    run_free(now);
    teardown(&w);
}

static void a_snapshot_of_version_2_goes_on(void **state) {
    (void)state;
    World w;
    setup(&w);
    read_golden(2, &w.old);
    loads_and_goes_on(&w);
    teardown(&w);
}

static void a_snapshot_of_version_1_goes_on(void **state) {
    (void)state;
    World w;
    Buf two = BUF_INIT(MIB);
    setup(&w);
    read_golden(2, &two);
    as_version_1(buf_str(&two), &w.old, &w.a);
    loads_and_goes_on(&w);
    buf_deinit(&two);
    teardown(&w);
}

static void a_snapshot_of_today_is_the_run(void **state) {
    (void)state;
    World w;
    setup(&w);
    Run *now = some_run(w.plan, &w.a);
    run_save(now, &w.old);
    Run *then = loaded(w.plan, &w.old);
    Hash x = run_digest(now), y = run_digest(then);
    assert_true(hash_eq(&x, &y));
    goes_on_to_the_end(then, false);
    run_free(now);
    run_free(then);
    teardown(&w);
}

static void a_version_that_is_not_known_is_refused(void **state) {
    (void)state;
    World w;
    setup(&w);
    Run *now = some_run(w.plan, &w.a), *then = NULL;
    run_save(now, &w.old);
    w.old.p[2]++;
    assert_int_equal(run_load(w.plan, buf_str(&w.old), &then), RUN_E_CORRUPT);
    run_free(now);
    teardown(&w);
}

#define HEARING_FLOW                                                                               \
    "baton: 1\nname: hears\ninboxes: { desk: { type: integer, max: 3 }, far: { max: 2 } }\n"       \
    "steps:\n"                                                                                     \
    "  one: { wait: { event: [paid, lost] } }\n"                                                   \
    "  two: { wait: { event: paid, if: event.data > 1, timeout: 1h } }\n"                          \
    "  told: { send: { to: desk, body: 7 } }\n"                                                    \
    "  gets: { receive: { inbox: far, timeout: 1h } }\n"

static Run *hearing(const Plan *plan, Arena *a) {
    Run *r = NULL;
    Str problem;
    Fact accepted = { .kind = FACT_ACCEPTED,
                      .time_ms = 1000,
                      .run = STR("r1"),
                      .dir = STR("/"),
                      .verb = RULES_NOW,
                      .correlation = STR("c1") };
    Fact event = { .kind = FACT_EVENT,
                   .time_ms = 2000,
                   .name = STR("paid"),
                   .id = STR("e1"),
                   .payload = STR("{\"id\":\"e1\",\"type\":\"paid\",\"data\":1}") };
    assert_int_equal(run_start(plan, &accepted, NULL, &r, &problem, a), 0);
    assert_int_equal(run_apply(r, &event, NULL), 0);
    return r;
}

static void what_was_heard_and_waits_in_inboxes_is_kept(void **state) {
    (void)state;
    World w;
    setup(&w);
    plan_free(w.plan);
    w.plan = compile(&w.a, HEARING_FLOW);
    Run *now = hearing(w.plan, &w.a);
    run_save(now, &w.old);
    Run *then = loaded(w.plan, &w.old);
    Hash x = run_digest(now), y = run_digest(then);
    assert_true(hash_eq(&x, &y));
    assert_true(str_is(run_correlation(then), "c1"));
    run_free(now);
    run_free(then);
    teardown(&w);
}

/* Nothing in it is believed: whatever a byte becomes, it is refused, or a run that holds together. */
static void a_snapshot_with_a_changed_byte_is_refused_or_sound(void **state) {
    (void)state;
    static const uint8_t becomes[] = { 0, 1, 2, 3, 7, 0x20, 0x7f, 0x80, 0xff };
    World w;
    setup(&w);
    plan_free(w.plan);
    w.plan = compile(&w.a, HEARING_FLOW);
    Run *now = hearing(w.plan, &w.a);
    run_save(now, &w.old);
    for (size_t i = 0; i < w.old.len; i++) {
        char was = w.old.p[i];
        for (size_t k = 0; k < ARRAY_LEN(becomes); k++) {
            Run *then = NULL;
            w.old.p[i] = (char)becomes[k];
            if (run_load(w.plan, buf_str(&w.old), &then) == 0)
                assert_null(run_check(then));
            run_free(then);
        }
        w.old.p[i] = was;
        Run *cut = NULL;
        assert_int_equal(run_load(w.plan, str_slice(buf_str(&w.old), 0, i), &cut), RUN_E_CORRUPT);
    }
    run_free(now);
    teardown(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_of_today_goes_on),
        cmocka_unit_test(a_snapshot_of_version_4_goes_on),
        cmocka_unit_test(a_snapshot_of_version_3_goes_on),
        cmocka_unit_test(a_run_keeps_the_rules_it_began_with),
        cmocka_unit_test(a_snapshot_of_version_2_goes_on),
        cmocka_unit_test(a_snapshot_of_version_1_goes_on),
        cmocka_unit_test(a_snapshot_of_today_is_the_run),
        cmocka_unit_test(a_version_that_is_not_known_is_refused),
        cmocka_unit_test(what_was_heard_and_waits_in_inboxes_is_kept),
        cmocka_unit_test(a_snapshot_with_a_changed_byte_is_refused_or_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
