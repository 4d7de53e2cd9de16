/* Families of runs under one limit: children that ask for more, limits that are raised above them, and engines that die in between.
 * Whatever happens, no more calls leave than the limit of the eldest allows at that moment. */
#include "engine/engine.h"

#include "base/json.h"
#include "engine_world.inc"

#define AGENT "agents: { a: { model: scripted/r.yaml, instructions: Hi., output: any } }\n"

typedef struct Family {
    World *w;
    Host *h;
    const char *top, *mid, *leaf;
} Family;

static void begin(Family *f) {
    Arena *a = &f->w->arena;
    Said said = { 0 };
    Str names[] = { STR("top.yaml"), STR("mid.yaml"), STR("leaf.yaml") };
    Str texts[] = { str_from(f->top), str_from(f->mid), str_from(f->leaf) };
    EngineStart start = { .id = STR("top"),
                          .closure = closure_make(a, names[0], names, texts, 3),
                          .input = STR("{}"),
                          .dir = STR("/") };
    engine_start_run(f->h->engine, &start, heard, &said);
    pump(f->h);
    if (said.answer != ENGINE_OK)
        fail_msg("%s", said.message);
}

static Host *boot_holding(World *w) {
    w->hold_attempts = true;
    return boot(w);
}

static unsigned calls_left_the_house(const World *w) {
    unsigned n = 0;
    for (size_t i = 0; i < w->n_happened; i++)
        n += w->happened[i].times;
    return n;
}

static void answer_at(Host *h, size_t i) {
    end_attempt(h, i,
                &(Completion){ .outcome = OUTCOME_OK,
                               .sent = SENT_YES,
                               .usage = { .tokens_out = 3 },
                               .payload = STR("{\"content\":\"done\"}") });
    pump(h);
}

static void lose_at(Host *h, size_t i) {
    end_attempt(h, i,
                &(Completion){ .outcome = OUTCOME_UNKNOWN,
                               .sent = SENT_MAYBE,
                               .kind = KIND_UNAVAILABLE,
                               .message = STR("cut") });
    pump(h);
    pass(h, 60000);
}

static void answer_all(Host *h) {
    while (h->n_flying)
        answer_at(h, 0);
}

static Value info_of(World *w, Str run) {
    Value v = VALUE_NULL;
    StoreRun r = stored(w, arena_str(&w->arena, run).p);
    json_read_copy(&w->arena, r.info.info, &v, NULL);
    return v;
}

static bool is(World *w, Str run, const char *status) {
    Value v = value_getz(info_of(w, run), "status");
    return value_is(v, V_STRING) && str_is(value_as_str(v), status);
}

/* As a person does who is asked. */
static void raise_to(Host *h, Str run, int64_t calls) {
    Said said = { 0 };
    engine_control(h->engine, run, CONTROL_RESUME, STR("ann"), STR("because"),
                   arena_fmt(&h->w->arena, "{\"calls\":%lld}", (long long)calls), heard, &said);
    pump(h);
    if (said.answer != ENGINE_OK)
        fail_msg("%.*s to %lld: %s", STR_FMT(run), (long long)calls, said.message);
}

static void assert_over(World *w, Str run) {
    if (!is(w, run, "succeeded"))
        fail_msg("%.*s: %.*s", STR_FMT(run), STR_FMT(value_text(&w->arena, info_of(w, run))));
    assert_folds(w, run.p);
}

/* All that made a call fold, and none of them is left over. */
static void assert_family_over(World *w) {
    for (size_t i = 0; i < w->n_happened; i++) {
        assert_folds(w, w->happened[i].run);
        assert_int_equal(state_of(w, w->happened[i].run), STORE_DONE);
    }
}

/* ---- one limit -------------------------------------------------------------------------------------------------------- */

static void a_raised_limit_reaches_whoever_waits_for_it(void **state) {
    World *w = *state;
    Family f = { .w = w,
                 .h = boot_holding(w),
                 .top = "baton: 1\nlimits: { calls: 2 }\nsteps:\n  - { id: down, call: mid }\n",
                 .mid = "baton: 1\nsteps:\n  - { id: down, call: leaf }\n",
                 .leaf = "baton: 1\n" AGENT
                         "steps:\n  - { id: s, agent: a, with: x, repeat: { max: 5 } }\n" };
    begin(&f);
    answer_all(f.h);
    assert_true(is(w, STR("top"), "paused"));
    assert_info_has(w, "top",
                    "limit of calls reached: 2 spent, up to 1 more, limit 2 (top.yaml:2)");
    assert_info_has(w, "top", "calls=3");
    crash(f.h);
    f.h = boot_holding(w);
    assert_int_equal(calls_left_the_house(w), 2);
    raise_to(f.h, STR("top"), 4);
    answer_all(f.h);
    assert_int_equal(calls_left_the_house(w), 4);
    assert_true(is(w, STR("top"), "paused"));
    raise_to(f.h, STR("top"), 9);
    answer_all(f.h);
    assert_over(w, STR("top"));
    assert_info_has(w, "top", "\"calls\":5");
}

static void where_limits_fail_the_child_is_refused_and_fails(void **state) {
    World *w = *state;
    Family f = { .w = w,
                 .h = boot_holding(w),
                 .top = "baton: 1\nlimits: { calls: 2, on_breach: fail }\nsteps:\n"
                        "  - { id: down, call: mid, on_error: continue }\n",
                 .mid = "baton: 1\nsteps:\n  - { id: down, call: leaf }\n",
                 .leaf = "baton: 1\n" AGENT
                         "steps:\n  - { id: s, agent: a, with: x, repeat: { max: 5 } }\n" };
    begin(&f);
    answer_all(f.h);
    assert_int_equal(calls_left_the_house(w), 2);
    assert_true(is(w, STR("top"), "succeeded"));
    StoreRun r = stored(w, "top");
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < r.n_rows; i++)
        buf_str_add(&b, r.rows[i].body);
    assert_true(str_find(buf_str(&b), STR("budget")) >= 0);
    buf_deinit(&b);
}

/* What one child did not need goes to the one that needs it, without a person. */
static void who_gives_back_lets_others_go_on(void **state) {
    World *w = *state;
    Family f = {
        .w = w,
        .h = boot_holding(w),
        .top = "baton: 1\nlimits: { calls: 8 }\nsteps:\n  a: { call: mid }\n  b: { call: leaf }\n",
        .mid = "baton: 1\n" AGENT "limits: { calls: 3 }\nsteps:\n"
               "  - { id: s, agent: a, with: x }\n",
        .leaf = "baton: 1\n" AGENT "steps:\n  - { id: s, agent: a, with: x, repeat: { max: 7 } }\n"
    };
    begin(&f);
    assert_int_equal(f.h->n_flying, 2);
    answer_all(f.h);
    assert_over(w, STR("top"));
    assert_int_equal(calls_left_the_house(w), 8);
    assert_int_equal(facts_of(w, "top", FACT_MAIL), 1);
}

/* ---- many universes --------------------------------------------------------------------------------------------------- */

static uint32_t pick(World *w, uint32_t n) {
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % n;
}

typedef struct Limit {
    Str run;
    int64_t most;
} Limit;

/* The first run of those that wait for each other that a person is asked about; STR_NULL: none. */
static Str who_is_paused(World *w, Str run) {
    Value info = info_of(w, run), waiting = value_getz(info, "waiting");
    if (is(w, run, "paused"))
        return run;
    for (uint32_t i = 0; waiting.type == V_LIST && i < waiting.len; i++) {
        Value what = value_getz(waiting.items[i], "for");
        if (!value_is(what, V_STRING) || !str_is(value_as_str(what), "child"))
            continue;
        Str name = arena_str(&w->arena, value_as_str(value_getz(waiting.items[i], "name")));
        Str found = who_is_paused(w, name);
        if (found.p)
            return found;
    }
    return STR_NULL;
}

static int64_t asked_for(World *w, Str run) {
    Value raise = value_getz(value_getz(info_of(w, run), "paused"), "raise");
    uint64_t n = 0;
    assert_true(value_is(raise, V_STRING) && str_starts(value_as_str(raise), STR("calls=")));
    assert_true(str_to_u64(str_slice(value_as_str(raise), 6, value_as_str(raise).len), &n));
    return (int64_t)n;
}

static void universe(World *w) {
    int64_t limit = 1 + pick(w, 6);
    uint32_t items = 1 + pick(w, 3), rounds = 1 + pick(w, 4), own = pick(w, 3);
    Arena *a = &w->arena;
    Family f = { .w = w, .h = boot_holding(w) };
    f.top = arena_fmt(a,
                      "baton: 1\n" AGENT "limits: { calls: %lld }\nsteps:\n"
                      "  each: { for: { each: i, in: [1,2,3], parallel: %u }, call: mid }\n"
                      "  beside: { agent: a, with: x, repeat: { max: %u } }\n",
                      (long long)limit, items, 1 + pick(w, 3))
                .p;
    f.mid = arena_fmt(a,
                      "baton: 1\n" AGENT "%ssteps:\n  down: { call: leaf }\n"
                      "  beside: { agent: a, with: x }\n",
                      own == 1   ? "limits: { calls: 2 }\n"
                      : own == 2 ? "limits: { calls: 20 }\n"
                                 : "")
                .p;
    f.leaf =
        arena_fmt(a, "baton: 1\n" AGENT "steps:\n  s: { agent: a, with: x, repeat: { max: %u } }\n",
                  rounds)
            .p;
    begin(&f);
    for (unsigned steps = 0; state_of(w, "top") != STORE_DONE; steps++) {
        if (calls_left_the_house(w) > limit)
            fail_msg("%u calls, and the limit is %lld", calls_left_the_house(w), (long long)limit);
        if (pick(w, 12) == 0) {
            crash(f.h);
            f.h = boot_holding(w);
        }
        Str asks = f.h->n_flying ? STR_NULL : who_is_paused(w, STR("top"));
        if (f.h->n_flying) {
            (pick(w, 10) ? answer_at : lose_at)(f.h, pick(w, (uint32_t)f.h->n_flying));
        } else if (asks.p) {
            int64_t most = asked_for(w, asks) + pick(w, 3);
            limit = str_is(asks, "top") ? most : limit;
            raise_to(f.h, asks, most);
        } else {
            pass(f.h, 60000);
        }
        if (steps > 400)
            fail_msg("stands still: %.*s", STR_FMT(value_text(a, info_of(w, STR("top")))));
    }
    assert_folds(w, "top");
    assert_family_over(w);
}

static void no_family_spends_more_than_its_eldest_may(void **state) {
    World *w = *state;
    const char *more = getenv("UNIVERSES");
    uint64_t n = 200;
    if (more)
        str_to_u64(str_from(more), &n);
    for (uint64_t seed = 0; seed < n; seed++) {
        void *own;
        set_up(&own);
        ((World *)own)->random = seed * 7919 + 1;
        universe(own);
        tear_down(&own);
    }
    (void)w;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_raised_limit_reaches_whoever_waits_for_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_limits_fail_the_child_is_refused_and_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_gives_back_lets_others_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_family_spends_more_than_its_eldest_may, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
