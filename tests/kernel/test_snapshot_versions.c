/* Snapshots of earlier versions are loaded: version 1 is what version 2 is without whose outcomes are reused and what that saved. */
#include "base/limits.h"
#include "kernel/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FLOW                                                                                       \
    "baton: 1\nname: flow\nsteps:\n"                                                               \
    "  - { id: a, tool: echo, effect: keyed, with: 1 }\n"                                          \
    "  - { id: b, tool: echo, effect: keyed, with: 2 }\n"

static Plan *compile(Arena *a) {
    Plan *plan = NULL;
    Str name = STR("flow.yaml"), text = STR(FLOW);
    Diags diags = { .arena = a };
    assert_int_equal(plan_compile(closure_make(a, name, &name, &text, 1), &plan, &diags), 0);
    return plan;
}

static Run *some_run(const Plan *plan, Arena *a) {
    Run *r = NULL;
    Str problem;
    Fact accepted = {
        .kind = FACT_ACCEPTED, .time_ms = 1000, .run = STR("r1"), .dir = STR("/"), .seed = 7
    };
    Fact done = { .kind = FACT_FINISHED,
                  .time_ms = 2000,
                  .address = STR("a"),
                  .attempt = 1,
                  .outcome = OUTCOME_OK,
                  .payload = STR("1") };
    assert_int_equal(run_start(plan, &accepted, NULL, &r, &problem, a), 0);
    assert_int_equal(run_apply(r, &done, NULL), 0);
    return r;
}

static void copy(Cursor *c, const char **from, Buf *to) {
    buf_add(to, *from, (size_t)(c->p - *from));
    *from = c->p;
}

/* Leaves out what version 1 did not have: two texts and two numbers after the directory, the last three of nine counts. */
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
    cursor_varint(&c); /* attempts of before a retry: none */
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

static void a_snapshot_of_version_1_is_loaded(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    Plan *plan = compile(&a);
    Run *now = some_run(plan, &a), *then = NULL;
    Buf saved = BUF_INIT(MIB), old = BUF_INIT(MIB);
    run_save(now, &saved);
    as_version_1(buf_str(&saved), &old, &a);
    assert_int_equal(run_load(plan, buf_str(&old), &then), 0);
    Hash x = run_digest(now), y = run_digest(then);
    assert_true(hash_eq(&x, &y));
    assert_int_equal(run_source(then).len, 0);
    old.p[2] = 4;
    Run *later = NULL;
    assert_int_equal(run_load(plan, buf_str(&old), &later), RUN_E_CORRUPT);
    run_free(now);
    run_free(then);
    plan_free(plan);
    buf_deinit(&saved);
    buf_deinit(&old);
    arena_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_snapshot_of_version_1_is_loaded) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
