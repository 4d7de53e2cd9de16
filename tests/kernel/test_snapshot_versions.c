/* Snapshots of earlier versions are loaded, and what they hold goes on: an attempt in flight with its reservation, calls
 * that wait for it, a step that is done. tests/kernel/golden/snapshot_2.hex was written by the version that is named so;
 * version 1 is the same without whose outcomes are reused and what that saved. */
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

static Plan *compile(Arena *a) {
    Plan *plan = NULL;
    Str name = STR("flow.yaml"), text = STR(FLOW);
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

/* One call is in flight, and no other fits beside it. */
static Run *some_run(const Plan *plan, Arena *a) {
    Run *r = NULL;
    Str problem;
    Fact accepted = {
        .kind = FACT_ACCEPTED, .time_ms = 1000, .run = STR("r1"), .dir = STR("/"), .seed = 7
    };
    assert_int_equal(run_start(plan, &accepted, NULL, &r, &problem, a), 0);
    finish(r, "first", "1");
    return r;
}

static void goes_on_to_the_end(Run *r) {
    finish(r, "late.1", "{\"content\":\"A\"}");
    finish(r, "held.1", "{\"content\":\"B\"}");
    finish(r, "asked.1", "{\"content\":\"C\"}");
    assert_int_equal(run_status(r), RUN_OK);
}

/* ---- the golden file ---- */

#define GOLDEN SOURCE_ROOT "/tests/kernel/golden/snapshot_2.hex"

static void read_golden(Buf *to) {
    FILE *f = fopen(GOLDEN, "r");
    unsigned byte;
    assert_non_null(f);
    while (fscanf(f, "%2x", &byte) == 1)
        buf_char(to, (char)byte);
    fclose(f);
    assert_true(to->len > 100);
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
    Plan *plan;
    Buf old;
} World;

static void setup(World *w) {
    *w = (World){ .old = BUF_INIT(MIB) };
    arena_init(&w->a, 0);
    w->plan = compile(&w->a);
}

static void teardown(World *w) {
    buf_deinit(&w->old);
    plan_free(w->plan);
    arena_deinit(&w->a);
}

static void loads_and_goes_on(World *w) {
    Run *r = NULL;
    assert_int_equal(run_load(w->plan, buf_str(&w->old), &r), 0);
    assert_int_equal(run_source(r).len, 0);
    goes_on_to_the_end(r);
    run_free(r);
}

static void a_snapshot_of_version_2_goes_on(void **state) {
    (void)state;
    World w;
    setup(&w);
    read_golden(&w.old);
    assert_int_equal(w.old.p[2], 2);
    loads_and_goes_on(&w);
    teardown(&w);
}

static void a_snapshot_of_version_1_goes_on(void **state) {
    (void)state;
    World w;
    Buf two = BUF_INIT(MIB);
    setup(&w);
    read_golden(&two);
    as_version_1(buf_str(&two), &w.old, &w.a);
    loads_and_goes_on(&w);
    buf_deinit(&two);
    teardown(&w);
}

static void a_snapshot_of_today_is_the_run(void **state) {
    (void)state;
    World w;
    setup(&w);
    Run *now = some_run(w.plan, &w.a), *then = NULL;
    run_save(now, &w.old);
    assert_int_equal(run_load(w.plan, buf_str(&w.old), &then), 0);
    Hash x = run_digest(now), y = run_digest(then);
    assert_true(hash_eq(&x, &y));
    goes_on_to_the_end(then);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_of_version_2_goes_on),
        cmocka_unit_test(a_snapshot_of_version_1_goes_on),
        cmocka_unit_test(a_snapshot_of_today_is_the_run),
        cmocka_unit_test(a_version_that_is_not_known_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
