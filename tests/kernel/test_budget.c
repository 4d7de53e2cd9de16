/* Budgets under pressure: many branches race one limit, random trees of limits meet everything that can happen to calls.
 * After every fact the invariants hold (run_check: spent and reserved within each limit, no queue that nothing moves), and
 * every run comes to its end: nothing waits for ever, and what fits is done. */
#include "base/limits.h"
#include "base/time.h"
#include "kernel/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

typedef struct World {
    Arena a;
    Plan *plan;
    Run *run;
    int64_t now;
    uint64_t seed;
    bool checks;
} World;

static uint32_t some(World *w, uint32_t below) {
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return (uint32_t)(w->seed >> 33) % below;
}

static void start(World *w, Str text, uint64_t seed) {
    Str name = STR("flow.yaml"), problem;
    *w = (World){ .now = 1000, .seed = seed * 0x9E3779B97F4A7C15u + 1, .checks = true };
    arena_init(&w->a, 0);
    Diags diags = { .arena = &w->a };
    if (plan_compile(closure_make(&w->a, name, &name, &text, 1), &w->plan, &diags))
        fail_msg("%.*s\n%.*s", STR_FMT(diags.items[0].message), (int)MIN(text.len, 300), text.p);
    Fact accepted = {
        .kind = FACT_ACCEPTED, .time_ms = w->now, .run = STR("r1"), .seed = 7, .verb = RULES_NOW
    };
    assert_int_equal(run_start(w->plan, &accepted, NULL, &w->run, &problem, &w->a), 0);
}

static void stop(World *w) {
    run_free(w->run);
    plan_free(w->plan);
    arena_deinit(&w->a);
}

static void tell(World *w, Fact *f) {
    f->time_ms = w->now;
    assert_int_equal(run_apply(w->run, f, NULL), 0);
    const char *broken = w->checks ? run_check(w->run) : NULL;
    if (broken)
        fail_msg("%s", broken);
}

static void finish(World *w, Want *want, Outcome outcome, int64_t tokens) {
    Fact f = { .kind = FACT_FINISHED,
               .address = want_address(want, &w->a),
               .attempt = want->attempt,
               .outcome = outcome,
               .usage = { .tokens_out = tokens } };
    f.payload = outcome == OUTCOME_OK ? STR("{\"content\":\"done\"}") : STR_NULL;
    f.error_kind = outcome == OUTCOME_OK ? STR("") : STR("unavailable");
    tell(w, &f);
}

static Want *open_attempt(World *w, uint32_t skip) {
    Want *last = NULL;
    for (Want *want = run_wants(w->run); want; want = want->next) {
        if (want->kind != WANT_ATTEMPT)
            continue;
        last = want;
        if (skip-- == 0)
            break;
    }
    return last;
}

static uint32_t open_attempts(World *w) {
    uint32_t n = 0;
    for (Want *want = run_wants(w->run); want; want = want->next)
        n += want->kind == WANT_ATTEMPT;
    return n;
}

/* ---- a race ---- */

#define RACE                                                                                       \
    "baton: 1\nname: race\nlimits: { tokens: %u, on_breach: fail }\n"                              \
    "agents:\n  clerk: { model: scripted/x.yaml, instructions: Answer. }\n"                        \
    "steps:\n  work:\n"                                                                            \
    "    for: { each: x, in: \"${{ [%s].map(i, i) }}\", parallel: %u }\n"                          \
    "    agent: clerk\n    with: \"${{ x }}\"\n"

static Str numbers(Arena *a, unsigned n) {
    Buf b = BUF_INIT(MIB);
    for (unsigned i = 0; i < n; i++)
        buf_fmt(&b, i ? ",%u" : "%u", i);
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

/* What each uses in fact is so little that all fit, and so much less than its worst case that few fit at once. */
static unsigned race(World *w, unsigned n, unsigned limit, uint64_t seed) {
    Arena a = ARENA_NULL;
    Buf text = BUF_INIT(MIB);
    buf_fmt(&text, RACE, limit, numbers(&a, n).p, n);
    start(w, buf_str(&text), seed);
    buf_deinit(&text);
    unsigned most = open_attempts(w);
    w->checks = n < 200;
    while (!run_finished(w->run)) {
        uint32_t open = w->checks ? open_attempts(w) : 0;
        assert_true(!w->checks || open > 0);
        finish(w, open_attempt(w, w->checks ? some(w, open) : 0), OUTCOME_OK, 50 + some(w, 51));
    }
    arena_deinit(&a);
    return most;
}

static void sixty_four_race_one_budget_and_all_finish(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        World w;
        /* 64 of at most 100 tokens, beside the worst case of the last: nothing less would do. */
        unsigned first = race(&w, 64, 64 * 100 + 4500, seed);
        assert_true(first < 5);
        assert_int_equal(run_status(w.run), RUN_OK);
        assert_int_equal(run_counts(w.run).model_calls, 64);
        assert_true(run_counts(w.run).tokens <= 6400);
        stop(&w);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double time_of_race(unsigned n) {
    World w;
    double from = seconds();
    race(&w, n, n * 100 + 50000, 1);
    double took = seconds() - from;
    assert_int_equal(run_status(w.run), RUN_OK);
    assert_int_equal(run_counts(w.run).model_calls, n);
    stop(&w);
    return took;
}

/* Ten times as many who wait are ten times the work, give or take what the machine does beside: not a hundred times. */
static void ten_thousand_that_are_held_cost_no_more_than_one_each(void **state) {
    (void)state;
    double thousand = time_of_race(1000), ten = time_of_race(10000);
    print_message("1,000 held: %.0f ms; 10,000 held: %.0f ms\n", thousand * 1000, ten * 1000);
    assert_true(ten < 40 * thousand + 0.2);
}

/* ---- random trees ---- */

static void indent(Buf *b, unsigned depth) {
    for (unsigned i = 0; i < depth; i++)
        buf_str_add(b, STR("  "));
}

static void grow_limits(World *w, Buf *b) {
    const char *breach = some(w, 2) ? "fail" : "pause";
    buf_str_add(b, STR("limits: { "));
    if (some(w, 2))
        buf_fmt(b, "calls: %u, ", 1 + some(w, 8));
    if (some(w, 2))
        buf_fmt(b, "tokens: %u, ", 1000 + some(w, 20000));
    if (some(w, 4) == 0)
        buf_fmt(b, "agents: %u, ", 1 + some(w, 6));
    if (some(w, 4) == 0)
        buf_fmt(b, "retries: %u, ", some(w, 4));
    if (some(w, 3) == 0)
        buf_fmt(b, "degrade_at: %u%%, ", 20 + some(w, 80));
    buf_fmt(b, "on_breach: %s }\n", breach);
}

static void grow(World *w, Buf *b, unsigned depth, unsigned *names) {
    unsigned n = 1 + some(w, 4);
    for (unsigned i = 0; i < n; i++) {
        indent(b, depth);
        buf_fmt(b, "s%u:\n", ++*names);
        if (some(w, 3) == 0) {
            indent(b, depth + 1);
            grow_limits(w, b);
        }
        if (some(w, 3) == 0) {
            indent(b, depth + 1);
            buf_str_add(b, STR("on_error: continue\n"));
        }
        if (some(w, 4) == 0) {
            indent(b, depth + 1);
            if (some(w, 2))
                buf_str_add(b, STR("repeat: { max: 2 }\n"));
            else
                buf_fmt(b, "for: { each: x%u, in: [1, 2, 3], min: 0 }\n", *names);
        }
        indent(b, depth + 1);
        if (depth < 5 && *names < 20 && some(w, 3) == 0) {
            if (some(w, 4) == 0)
                buf_str_add(b, STR("join: any\n")), indent(b, depth + 1);
            buf_str_add(b, STR("steps:\n"));
            grow(w, b, depth + 2, names);
        } else {
            buf_fmt(b, "agent: clerk\n");
            indent(b, depth + 1);
            buf_fmt(b, "retry: { times: %u, delay: 0s }\n", some(w, 3));
        }
    }
}

static Str grown(uint64_t seed, Arena *a) {
    World w = { .seed = seed * 0x9E3779B97F4A7C15u + 1 };
    Buf b = BUF_INIT(MIB);
    unsigned names = 0;
    buf_str_add(&b, STR("baton: 1\nname: grown\n"));
    grow_limits(&w, &b);
    buf_str_add(&b, STR("models: { big: { use: scripted/x.yaml, cheaper: scripted/y.yaml, "
                        "max_output: 500 } }\nagents:\n"
                        "  clerk: { model: big, instructions: Answer. }\nsteps:\n"));
    grow(&w, &b, 1, &names);
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

/* As a person would: what the question says is enough. */
static void raise_limit(World *w) {
    Value paused = value_getz(run_summary(w->run, &w->a), "paused");
    Str words = value_as_str(value_getz(paused, "raise"));
    ptrdiff_t at = str_find(words, STR("="));
    assert_true(at > 0);
    int64_t amount;
    assert_true(str_to_i64(str_slice(words, (size_t)at + 1, words.len), &amount));
    Fact f = { .kind = FACT_CONTROL, .verb = CONTROL_LIMITS, .from = STR("ann") };
    f.payload = arena_fmt(&w->a, "{\"%.*s\":%lld}", (int)at, words.p, (long long)amount);
    tell(w, &f);
    tell(w, &(Fact){ .kind = FACT_CONTROL, .verb = CONTROL_RESUME, .from = STR("ann") });
}

static void reload(World *w) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    Run *back = NULL;
    run_save(w->run, &b);
    assert_int_equal(run_load(w->plan, buf_str(&b), &back), 0);
    Hash x = run_digest(w->run), y = run_digest(back);
    assert_true(hash_eq(&x, &y));
    run_free(w->run);
    w->run = back;
    buf_deinit(&b);
}

static void something_happens(World *w) {
    uint32_t open = open_attempts(w), what = some(w, 20);
    Want *want = open ? open_attempt(w, some(w, open)) : NULL;
    if (what == 0)
        reload(w);
    else if (what == 1 && want)
        tell(w, &(Fact){ .kind = FACT_RECOVERED });
    else if (run_status(w->run) == RUN_PAUSED && (!want || some(w, 2)))
        raise_limit(w);
    else if (!want)
        fail_msg("nothing is open, and the run is not paused");
    else if (what < 4)
        finish(w, want, OUTCOME_FAILED, 0);
    else if (what < 6)
        finish(w, want, OUTCOME_UNKNOWN, some(w, 2) * 10);
    else
        finish(w, want, OUTCOME_OK, what == 7 ? 3000 : some(w, 400));
}

static void random_trees_of_limits_hold_and_end(void **state) {
    (void)state;
    unsigned ok = 0;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        World w;
        Arena a = ARENA_NULL;
        start(&w, grown(seed, &a), seed);
        unsigned n = 0;
        for (; !run_finished(w.run) && n < 3000; n++)
            something_happens(&w);
        if (!run_finished(w.run))
            fail_msg("seed %llu does not end", (unsigned long long)seed);
        ok += run_status(w.run) == RUN_OK;
        stop(&w);
        arena_deinit(&a);
    }
    assert_true(ok > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixty_four_race_one_budget_and_all_finish),
        cmocka_unit_test(ten_thousand_that_are_held_cost_no_more_than_one_each),
        cmocka_unit_test(random_trees_of_limits_hold_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
