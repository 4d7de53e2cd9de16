/* What the engine holds back: rates, pools and breakers over all runs, and what is left of the queue when it stops. */
#include "engine/bucket.h"
#include "engine/engine.h"

#include "engine_world.inc"

/* Steps of a workflow, and its one tool. */
#define TOOL(limits) "tools:\n  t: { run: [p], effect: keyed, " limits " }\n"
#define ONE "  a: { tool: t }\n"

/* ---- helpers --------------------------------------------------------------------------------------------------------- */

static Host *boot_holding(World *w) {
    w->hold_attempts = true;
    return boot(w);
}

static void start_n(Host *h, unsigned from, unsigned n, const char *file) {
    for (unsigned i = from; i < from + n; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%u", i);
        assert_int_equal(start(h, id, file).answer, ENGINE_OK);
    }
}

static bool is_flying(const Host *h, const char *run) {
    for (size_t i = 0; i < h->n_flying; i++)
        if (str_is(h->flying[i]->run, run))
            return true;
    return false;
}

static size_t flight_of(const Host *h, const char *run) {
    for (size_t i = 0; i < h->n_flying; i++)
        if (str_is(h->flying[i]->run, run))
            return i;
    fail_msg("nothing of %s is under way", run);
    return 0;
}

static const Completion went_well = { .outcome = OUTCOME_OK,
                                      .sent = SENT_YES,
                                      .payload = { "1", 1 } };
static const Completion unreachable = { .outcome = OUTCOME_FAILED,
                                        .sent = SENT_NO,
                                        .kind = KIND_UNAVAILABLE };
static const Completion refused = { .outcome = OUTCOME_FAILED,
                                    .sent = SENT_YES,
                                    .kind = KIND_INVALID };

static void end_run(Host *h, const char *run, Completion c) {
    end_attempt(h, flight_of(h, run), &c);
    pump(h);
}

static void assert_held(Host *h, const char *run, const char *says) {
    Value held = engine_held(h->engine, str_from(run), &h->w->arena);
    if (held.len == 0)
        fail_msg("%s waits for nothing", run);
    Str text = value_as_str(value_getz(held.items[0], "says"));
    if (str_find(text, str_from(says)) < 0)
        fail_msg("%s waits for %.*s, not for %s", run, STR_FMT(text), says);
}

static void start_with_project(Host *h, const char *id, const char *name, const char *text,
                               const char *project) {
    Arena *a = &h->w->arena;
    Str names[] = { str_from(name), STR("baton.yaml") };
    Str texts[] = { str_from(text), str_from(project) };
    Said said = { 0 };
    EngineStart ask = { .id = str_from(id),
                        .closure = closure_make(a, names[0], names, texts, 2),
                        .input = STR("{}"),
                        .dir = STR("/") };
    engine_start_run(h->engine, &ask, heard, &said);
    pump(h);
    if (said.answer)
        fail_msg("%s: %s", id, said.message);
}

/* ---- pools ----------------------------------------------------------------------------------------------------------- */

static void a_pool_lets_so_many_through_over_all_runs(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 4, ONE TOOL("pool: { max: 2 }"));
    assert_int_equal(h->n_flying, 2);
    assert_held(h, "r4", "pool of tool t (2 of 2 busy, 2nd in line)");
    end_run(h, "r2", went_well);
    assert_int_equal(h->n_flying, 2);
    assert_true(is_flying(h, "r3"));
    end_run(h, "r1", refused);
    assert_true(is_flying(h, "r4"));
    assert_int_equal(engine_held(h->engine, STR("r4"), &w->arena).len, 0);
    assert_folds(w, "r2");
}

static void what_waits_writes_nothing(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 2, ONE TOOL("pool: { max: 1 }"));
    pass(h, 100000);
    assert_int_equal(stored(w, "r2").n_rows, 1);
    assert_int_equal(facts_of(w, "r2", FACT_DISPATCHING), 0);
    assert_int_equal(h->wake_at, 0); /* it is woken by what ends, never by a clock */
    end_run(h, "r1", went_well);
    assert_int_equal(facts_of(w, "r2", FACT_DISPATCHING), 1);
    end_run(h, "r2", went_well);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
}

static void keys_take_turns_and_each_is_first_come_first_served(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = "  a: { tool: t, with: { who: \"${{ run.labels.who }}\" } }\n"
                       "labels: { who: \"${{ input.who }}\" }\ninput: { who: string }\n" TOOL(
                           "pool: { max: 1, by: \"${{ run.labels.who }}\" }");
    const char *order[][2] = { { "x", "ann" },  { "a1", "ann" }, { "a2", "ann" },
                               { "a3", "ann" }, { "b1", "bob" }, { "b2", "bob" } };
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        char input[40];
        Said said;
        snprintf(input, sizeof input, "{\"who\":\"%s\"}", order[i][1]);
        ask_start(h, order[i][0], file, input, &said);
        pump(h);
        assert_int_equal(said.answer, ENGINE_OK);
    }
    assert_held(h, "b2", "2nd in line of bob");
    const char *turns[] = { "x", "a1", "b1", "a2", "b2", "a3" };
    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        assert_int_equal(h->n_flying, 1);
        end_run(h, turns[i], went_well);
    }
}

static void a_full_queue_refuses_at_once_and_for_free(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = "  a: { tool: t, retry: 3 }\n" TOOL("pool: { max: 1, queue: 1 }");
    start_n(h, 1, 3, file);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_info_has(w, "r3", "\"kind\":\"refused\"");
    assert_info_has(w, "r3", "queue of tool t is full");
    assert_info_has(w, "r3", "\"attempts\":0");
    assert_folds(w, "r3");
}

static void a_cancelled_want_leaves_the_line(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = ONE TOOL("pool: { max: 1, queue: 1 }");
    start_n(h, 1, 2, file);
    control(h, "r2", CONTROL_CANCEL);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    start_n(h, 3, 1, file);
    assert_held(h, "r3", "1st in line");
    end_run(h, "r1", went_well);
    assert_true(is_flying(h, "r3"));
    assert_false(is_flying(h, "r2"));
}

static void who_waits_too_long_gives_up(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 2, "  a: { tool: t, timeout: { queue: 5s } }\n" TOOL("pool: { max: 1 }"));
    pass(h, 4999);
    assert_held(h, "r2", "pool of tool t");
    pass(h, 1);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_info_has(w, "r2", "\"kind\":\"timeout\"");
    assert_info_has(w, "r2", "waited 5s for its turn");
    assert_true(is_flying(h, "r1"));
}

static void a_paused_run_gives_its_turn_to_the_next(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 3, ONE TOOL("pool: { max: 1 }"));
    control(h, "r2", CONTROL_PAUSE);
    end_run(h, "r1", went_well);
    assert_true(is_flying(h, "r3"));
    control(h, "r2", CONTROL_RESUME);
    assert_held(h, "r2", "1st in line");
    end_run(h, "r3", went_well);
    end_run(h, "r2", went_well);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
}

/* It would hold the slot of one limit while it waits, for ever, at another. */
static void a_paused_run_keeps_nothing(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = "baton: 1\nproviders:\n  p: { url: \"http://x/v1\", rate: 1/d }\n"
                          "  q: { url: \"http://y/v1\" }\n"
                          "agents:\n  a: { model: p/m, pool: { max: 1 } }\n";
    start_with_project(h, "r1", "x.yaml", "baton: 1\nsteps:\n  a: { agent: a }\n", project);
    start_with_project(h, "r2", "x.yaml", "baton: 1\nsteps:\n  a: { agent: a }\n", project);
    end_run(h, "r1", refused);
    assert_held(h, "r2", "the rate of provider p");
    start_with_project(h, "r3", "x.yaml", "baton: 1\nsteps:\n  a: { agent: a }\n", project);
    assert_held(h, "r3", "the pool of agent a (1 of 1 busy");
    control(h, "r2", CONTROL_PAUSE);
    assert_int_equal(engine_held(h->engine, STR("r2"), &w->arena).len, 0);
    assert_held(h, "r3", "the rate of provider p");
    control(h, "r2", CONTROL_RESUME);
    assert_held(h, "r2", "the pool of agent a (1 of 1 busy");
}

/* ---- rates ----------------------------------------------------------------------------------------------------------- */

static void a_rate_is_kept_in_every_window_and_wakes_the_engine_itself(void **state) {
    World *w = *state;
    Host *h = boot(w);
    int64_t began = w->now_ms;
    start_n(h, 1, 2, ONE TOOL("rate: 2/m"));
    pass(h, 10000);
    start_n(h, 3, 3, ONE TOOL("rate: 2/m"));
    assert_int_equal(times(w, "r2", "a"), 1);
    assert_held(h, "r3", "rate of tool t (2/m, the next at ");
    assert_int_equal(h->wake_at, began + 60000);
    pass(h, 49999);
    assert_int_equal(times(w, "r3", "a"), 0);
    pass(h, 1);
    assert_int_equal(times(w, "r4", "a"), 1);
    assert_int_equal(times(w, "r5", "a"), 0);
    assert_int_equal(h->wake_at, began + 120000);
    pass(h, 60000);
    assert_int_equal(times(w, "r5", "a"), 1);
    assert_true(engine_quiet(h->engine));
}

/* What was let through and could not leave yet counts from when it leaves. */
static void a_rate_holds_also_after_the_disk_was_stuck(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    Said said[4];
    w->hold_writes = true;
    for (unsigned i = 0; i < 2; i++)
        ask_start(h, i ? "r2" : "r1", ONE TOOL("rate: 2/m"), "{}", &said[i]);
    pass(h, 59000);
    w->hold_writes = false;
    pass(h, 0);
    assert_int_equal(h->n_flying, 2);
    start_n(h, 3, 2, ONE TOOL("rate: 2/m"));
    pass(h, 59999);
    assert_int_equal(h->n_flying, 2);
    pass(h, 1);
    assert_int_equal(h->n_flying, 4);
}

static void who_asks_for_patience_is_given_it(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 1, ONE TOOL("rate: 100/m"));
    end_run(h, "r1",
            (Completion){ .outcome = OUTCOME_FAILED,
                          .sent = SENT_YES,
                          .kind = KIND_RATE_LIMITED,
                          .retry_after_ms = 30000 });
    start_n(h, 2, 1, ONE TOOL("rate: 100/m"));
    assert_int_equal(h->n_flying, 0);
    assert_held(h, "r2", "asked for patience");
    pass(h, 29999);
    assert_int_equal(h->n_flying, 0);
    pass(h, 1);
    assert_int_equal(h->n_flying, 1);
}

/* Not only the one that was told: every agent that asks it, whatever the model. */
static void a_provider_that_asks_for_patience_is_left_alone_by_all(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = "baton: 1\nproviders:\n  p:\n    url: \"http://x/v1\"\n    rate: 100/m\n"
                          "    models: { own: { rate: 50/m } }\n"
                          "agents:\n  a: { model: p/m, retry: 0 }\n  b: { model: p/n }\n"
                          "  c: { model: p/own }\n";
    Completion patience = { .outcome = OUTCOME_FAILED,
                            .sent = SENT_YES,
                            .kind = KIND_RATE_LIMITED,
                            .retry_after_ms = 30000 };
    start_with_project(h, "a", "a.yaml", "baton: 1\nsteps:\n  a: { agent: a }\n", project);
    end_run(h, "a", patience);
    start_with_project(h, "b", "b.yaml", "baton: 1\nsteps:\n  a: { agent: b }\n", project);
    start_with_project(h, "c", "c.yaml", "baton: 1\nsteps:\n  a: { agent: c }\n", project);
    assert_int_equal(h->n_flying, 0);
    assert_held(h, "b", "asked for patience");
    assert_held(h, "c", "asked for patience");
    pass(h, 30000);
    assert_int_equal(h->n_flying, 2);
}

/* ---- rates of tokens ------------------------------------------------------------------------------------------------- */

/* A request of fewer bytes than 400, and 1000 tokens that may come back. */
#define SPENDER(rate)                                                                              \
    "baton: 1\nproviders:\n  p: { url: \"http://x/v1\", rate: { tokens: " rate " } }\n"            \
    "models: { m: { use: p/m, max_output: 1000 } }\nagents:\n  a: { model: m }\n"
#define SPEND_FILE "baton: 1\nsteps:\n  a: { agent: a, retry: 0 }\n"

static void start_spenders(Host *h, unsigned from, unsigned n, const char *project) {
    for (unsigned i = from; i < from + n; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%u", i);
        start_with_project(h, id, "x.yaml", SPEND_FILE, project);
    }
}

static Completion spent(int64_t tokens) {
    return (Completion){ .outcome = OUTCOME_OK,
                         .sent = SENT_YES,
                         .payload = STR("{\"content\":\"hi\"}"),
                         .usage = { .tokens_in = tokens - 1, .tokens_out = 1 } };
}

static void the_worst_case_is_held_and_what_was_not_used_given_back(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_spenders(h, 1, 4, SPENDER("3000/m"));
    assert_int_equal(h->n_flying, 2);
    assert_held(h, "r3", "the tokens of provider p (3k/m, ");
    pass(h, 1000);
    end_run(h, "r1", spent(100));
    assert_int_equal(h->n_flying, 2); /* r2 and r3 */
    assert_true(is_flying(h, "r3"));
    end_run(h, "r2", spent(100));
    assert_true(is_flying(h, "r4"));
    assert_folds(w, "r2");
}

static void what_was_used_comes_back_a_period_after_it_left(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = SPENDER("2500/m");
    int64_t began = w->now_ms;
    start_spenders(h, 1, 1, project);
    pass(h, 10000);
    end_run(h, "r1", spent(1900));
    start_spenders(h, 2, 1, project);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(h->wake_at, began + 60000);
    assert_held(h, "r2", "600 free, up to ");
    pass(h, 49999);
    assert_int_equal(h->n_flying, 0);
    pass(h, 1);
    assert_true(is_flying(h, "r2"));
}

static void what_needs_more_than_the_rate_goes_alone(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = SPENDER("500/m");
    start_spenders(h, 1, 2, project);
    assert_true(is_flying(h, "r1"));
    assert_int_equal(h->n_flying, 1);
    end_run(h, "r1", spent(10));
    assert_int_equal(h->n_flying, 0); /* 10 of them are gone: not alone */
    pass(h, 59999);
    assert_int_equal(h->n_flying, 0);
    pass(h, 1);
    assert_true(is_flying(h, "r2"));
}

static void what_nobody_knows_stays_spent(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = SPENDER("2k/m");
    start_spenders(h, 1, 2, project);
    end_run(h, "r1", (Completion){ .outcome = OUTCOME_UNKNOWN, .kind = KIND_TIMEOUT });
    assert_false(is_flying(h, "r2"));
    start_spenders(h, 3, 1, project);
    control(h, "r2", CONTROL_CANCEL);
    pass(h, 60000);
    assert_true(is_flying(h, "r3"));
}

/* Requests and tokens, of a model of the provider and of the agent: each of them holds. */
static void the_tightest_of_all_rates_holds(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = "baton: 1\nproviders:\n  p:\n    url: \"http://x/v1\"\n    rate: 100/m\n"
                          "    models: { m: { rate: { requests: 3/m, tokens: 1M/m } } }\n"
                          "models: { m: { use: p/m, max_output: 1000 } }\nagents:\n"
                          "  a: { model: m, rate: { requests: 90/m, tokens: 3k/m } }\n"
                          "  b: { model: p/n, rate: { requests: 90/m } }\n";
    start_spenders(h, 1, 3, project);
    assert_held(h, "r3", "the tokens of agent a (3k/m");
    end_run(h, "r1", spent(10));
    end_run(h, "r2", spent(10));
    assert_true(is_flying(h, "r3"));
    start_spenders(h, 4, 1, project);
    end_run(h, "r3", spent(10));
    assert_held(h, "r4", "the rate of model p/m (3/m");
    start_with_project(h, "other", "y.yaml", "baton: 1\nsteps:\n  a: { agent: b }\n", project);
    assert_true(is_flying(h, "other"));
    Str text = value_text(&w->arena, engine_governors(h->engine, &w->arena));
    assert_true(str_find(text, STR("\"rate\":\"3k/m\"")) >= 0);
}

/* Any order of calls, over any time: what was used in a period that had room when it left is never more than the rate. */
static void a_rate_of_tokens_is_never_exceeded(void **state) {
    enum { N = 4000, COUNT = 100000, PERIOD = 60000 };
    static struct { int64_t at, worst, used, ends; } calls[N];
    (void)state;
    Bucket b;
    uint64_t x = 7;
    int64_t now = 1000000, n = 0, settled = 0;
    bucket_init(&b, (Rate){ COUNT, PERIOD });
    while (n < N) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        int64_t worst = 1 + (int64_t)(x >> 33) % 20000, ready = bucket_ready_ms(&b, worst, now);
        if (ready <= now) {
            bucket_take(&b, worst);
            bucket_use(&b, worst, now);
            int64_t used = 1 + (int64_t)(x >> 40) % worst;
            calls[n].at = now, calls[n].worst = worst, calls[n].used = used;
            calls[n++].ends = now + (int64_t)(x >> 45) % 90000;
        } else {
            assert_true(ready != INT64_MAX);
            now += 1 + (int64_t)(x >> 50) % 500;
        }
        for (int64_t i = settled; i < n; i++) {
            if (calls[i].ends && calls[i].ends <= now) {
                bucket_settle(&b, calls[i].worst, calls[i].used, calls[i].at, now);
                calls[i].ends = 0;
            }
        }
        while (settled < n && !calls[settled].ends)
            settled++;
    }
    for (int64_t i = 0; i < N; i++) {
        int64_t sum = 0;
        for (int64_t k = i; k >= 0 && calls[k].at > calls[i].at - PERIOD; k--)
            sum += calls[k].used;
        assert_true(sum <= COUNT);
    }
    assert_int_equal(bucket_ready_ms(&b, COUNT, now + 10 * PERIOD), 0);
    assert_int_equal(b.free, COUNT);
    bucket_deinit(&b);
}

/* ---- breakers -------------------------------------------------------------------------------------------------------- */

#define BREAKER "breaker: { failures: 2, open: 30s, successes: 2 }"

static void open_breaker(Host *h, const char *file) {
    start_n(h, 1, 2, file);
    end_run(h, "r1", unreachable);
    end_run(h, "r2", unreachable);
}

static void a_breaker_opens_tries_with_one_and_closes(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = ONE TOOL(BREAKER);
    open_breaker(h, file);
    start_n(h, 3, 4, file);
    assert_int_equal(h->n_flying, 0);
    assert_held(h, "r3", "the breaker of tool t (open until ");
    pass(h, 29999);
    assert_int_equal(h->n_flying, 0);
    pass(h, 1);
    assert_int_equal(h->n_flying, 1);
    assert_held(h, "r4", "half open, one call tries it");
    end_run(h, "r3", unreachable);
    assert_int_equal(h->n_flying, 0);
    pass(h, 30000);
    assert_int_equal(h->n_flying, 1);
    end_run(h, "r4", went_well);
    assert_int_equal(h->n_flying, 1);
    end_run(h, "r5", went_well);
    assert_int_equal(h->n_flying, 1);
    start_n(h, 7, 1, file);
    assert_int_equal(h->n_flying, 2);
}

static void a_refusal_is_an_answer(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = ONE TOOL(BREAKER);
    start_n(h, 1, 4, file);
    end_run(h, "r1", unreachable);
    end_run(h, "r2", refused);
    end_run(h, "r3", unreachable);
    end_run(h, "r4", refused);
    start_n(h, 5, 1, file);
    assert_int_equal(h->n_flying, 1);
}

static void a_try_that_is_cancelled_lets_the_next_try(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = ONE TOOL(BREAKER);
    open_breaker(h, file);
    start_n(h, 3, 2, file);
    pass(h, 30000);
    assert_true(is_flying(h, "r3"));
    control(h, "r3", CONTROL_CANCEL);
    assert_true(is_flying(h, "r4"));
}

static void an_open_breaker_fails_where_the_file_says_so(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file =
        "  a: { tool: t }\n" TOOL("breaker: { failures: 2, open: 30s, when_open: fail }, retry: 4");
    start_n(h, 1, 3,
            "  a: { tool: t, retry: 0 }\n" TOOL(
                "breaker: { failures: 2, open: 30s, when_open: fail }, retry: 4"));
    end_run(h, "r1", unreachable);
    end_run(h, "r2", unreachable);
    start_n(h, 4, 1, file);
    assert_int_equal(state_of(w, "r4"), STORE_DONE);
    assert_info_has(w, "r4", "\"kind\":\"breaker_open\"");
    assert_info_has(w, "r4", "the breaker of tool t is open: 2 failures, the last unavailable");
    assert_info_has(w, "r4", "\"attempts\":0");
    assert_true(is_flying(h, "r3"));
    assert_folds(w, "r4");
}

static void what_waits_when_it_opens_is_told_too(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file = "  a: { tool: t }\n" TOOL(
        "pool: { max: 2 }, breaker: { failures: 2, open: 30s, when_open: fail }");
    start_n(h, 1, 4, file);
    end_run(h, "r1", unreachable);
    assert_true(is_flying(h, "r3"));
    end_run(h, "r2", unreachable);
    assert_int_equal(state_of(w, "r4"), STORE_DONE);
    assert_info_has(w, "r4", "breaker_open");
}

/* ---- what is shared -------------------------------------------------------------------------------------------------- */

static void files_that_use_one_definition_share_its_limits(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = "baton: 1\ntools:\n  t: { run: [p], effect: read, pool: { max: 1 } }\n";
    start_with_project(h, "r1", "x.yaml", "baton: 1\nsteps:\n  a: { tool: t }\n", project);
    start_with_project(h, "r2", "y.yaml", "baton: 1\nname: y\nsteps:\n  b: { tool: t }\n", project);
    assert_int_equal(h->n_flying, 1);
    assert_held(h, "r2", "pool of tool t");
    start_n(h, 3, 1, ONE TOOL("pool: { max: 1 }"));
    assert_true(is_flying(h, "r3"));
}

static void a_providers_rate_holds_for_all_its_agents(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = "baton: 1\nproviders:\n  p: { url: \"http://x/v1\", rate: 1/m }\n"
                          "agents:\n  one: { model: p/m }\n  two: { model: p/n }\n";
    start_with_project(h, "r1", "x.yaml", "baton: 1\nsteps:\n  a: { agent: one }\n", project);
    start_with_project(h, "r2", "x.yaml", "baton: 1\nsteps:\n  a: { agent: two }\n", project);
    assert_int_equal(h->n_flying, 1);
    assert_held(h, "r2", "the rate of provider p (1/m");
    end_run(h, "r1",
            (Completion){
                .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("{\"content\":\"hi\"}") });
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    pass(h, 60000);
    assert_true(is_flying(h, "r2"));
}

/* The headers of an answer that is good. */
static void an_answer_that_used_the_limit_up_closes_its_provider(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project = "baton: 1\nproviders:\n  p: { url: \"http://x/v1\", rate: 100/m }\n"
                          "agents:\n  one: { model: p/m }\n";
    start_with_project(h, "r1", "x.yaml", "baton: 1\nsteps:\n  a: { agent: one }\n", project);
    end_run(h, "r1",
            (Completion){ .outcome = OUTCOME_OK,
                          .sent = SENT_YES,
                          .payload = STR("{\"content\":\"hi\"}"),
                          .retry_after_ms = 30000 });
    assert_int_equal(state_of(w, "r1"), STORE_DONE);
    start_with_project(h, "r2", "x.yaml", "baton: 1\nsteps:\n  a: { agent: one }\n", project);
    assert_held(h, "r2", "asked for patience");
    pass(h, 30000);
    assert_true(is_flying(h, "r2"));
}

static void the_next_model_is_asked_while_a_breaker_is_open(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *project =
        "baton: 1\nproviders:\n"
        "  p: { url: \"http://x/v1\", breaker: { failures: 1, open: 1h } }\n"
        "  q: { url: \"http://y/v1\" }\n"
        "agents:\n  one: { model: [p/m, q/m], retry: 0 }\n  two: { model: p/m }\n";
    start_with_project(h, "r1", "x.yaml", "baton: 1\nsteps:\n  a: { agent: one }\n", project);
    end_run(h, "r1", unreachable);
    assert_true(str_is(value_as_str(value_getz(h->flying[0]->request, "model")), "q/m"));
    start_with_project(h, "r2", "x.yaml", "baton: 1\nsteps:\n  a: { agent: one }\n", project);
    assert_true(
        str_is(value_as_str(value_getz(h->flying[flight_of(h, "r2")]->request, "model")), "q/m"));
    start_with_project(h, "r3", "x.yaml", "baton: 1\nsteps:\n  a: { agent: two }\n", project);
    assert_held(h, "r3", "the breaker of provider p");
}

static void who_has_a_fallback_does_not_wait_for_a_breaker(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *file =
        "  a: { agent: one }\nagents:\n"
        "  one: { run: [p], effect: read, breaker: { failures: 1, open: 1h }, fallback: two }\n"
        "  two: { run: [q], effect: read }\n";
    start_n(h, 1, 2, file);
    end_run(h, "r1", unreachable);
    assert_true(str_is(h->flying[flight_of(h, "r1")]->address, "a:fallback"));
    start_n(h, 3, 1, file);
    assert_true(str_is(h->flying[flight_of(h, "r3")]->address, "a:fallback"));
    assert_true(str_is(h->flying[flight_of(h, "r2")]->address, "a"));
    end_run(h, "r3", went_well);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_info_has(w, "r3", "\"attempts\":1");
    assert_folds(w, "r3");
}

/* ---- the same, at the same time --------------------------------------------------------------------------------------- */

#define GET(path)                                                                                  \
    "  a: { tool: t, with: { path: " path " } }\ntools:\n"                                         \
    "  t: { http: { url: \"http://x/${{ input.path }}\" }, input: { path: string }, retry: 0, "    \
    "pool: { max: 1 } }\n"

static void the_same_request_is_sent_once_for_all_that_wait(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 4, GET("one"));
    start_n(h, 5, 1, GET("two"));
    assert_held(h, "r3", "the same request of run r2");
    assert_held(h, "r2", "pool of tool t");
    end_run(h, "r1", went_well);
    end_run(h, "r2", (Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = STR("7") });
    for (unsigned i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%u", i);
        assert_int_equal(state_of(w, id), STORE_DONE);
        assert_int_equal(times(w, id, "a"), i <= 2);
        assert_folds(w, id);
    }
    assert_info_has(w, "r4", "\"reused\":1");
    assert_true(is_flying(h, "r5"));
}

static void who_loses_the_first_asks_for_itself(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 5, GET("one"));
    control(h, "r2", CONTROL_CANCEL);
    control(h, "r4", CONTROL_CANCEL);
    assert_held(h, "r5", "the same request of run r3");
    end_run(h, "r1", went_well);
    end_run(h, "r3", unreachable);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_true(is_flying(h, "r5"));
    end_run(h, "r5", went_well);
    assert_int_equal(state_of(w, "r5"), STORE_DONE);
    assert_int_equal(times(w, "r4", "a"), 0);
}

static void what_may_not_be_shared_is_not(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    const char *post = "  a: { tool: t }\ntools:\n"
                       "  t: { http: { url: \"http://x/\", method: PUT }, pool: { max: 1 } }\n";
    start_n(h, 1, 3, post);
    assert_held(h, "r3", "2nd in line");
    start_n(h, 4, 3, ONE "tools:\n  t: { run: [p], effect: read, pool: { max: 1 } }\n");
    assert_held(h, "r6", "5th in line"); /* of the same pool */
}

/* ---- the time that is left -------------------------------------------------------------------------------------------- */

static void an_attempt_knows_the_time_that_is_left(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 2,
            "  g:\n    timeout: 60s\n    steps:\n      a: { tool: t, timeout: 50s }\n" TOOL(
                "pool: { max: 1 }"));
    assert_int_equal(h->flying[0]->time_left_ms, 50000);
    pass(h, 20000);
    end_run(h, "r1", went_well);
    assert_int_equal(h->flying[0]->time_left_ms, 40000);
    start(h, "limited",
          "  a: { tool: t, limits: { deadline: 90s } }\nlimits: { time: 2m }\n"
          "tools:\n  t: { run: [p], effect: read }\n");
    assert_int_equal(h->flying[flight_of(h, "limited")]->time_left_ms, 90000);
    start(h, "free", "  a: { run: [p], effect: read }\n");
    assert_int_equal(h->flying[flight_of(h, "free")]->time_left_ms, 0);
}

/* ---- stops and crashes ----------------------------------------------------------------------------------------------- */

static void what_waited_at_a_crash_was_never_sent(void **state) {
    World *w = *state;
    static const char *const effects[] = { "unsafe", "keyed", "read" };
    for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
        Host *h = boot_holding(w);
        char file[200], one[16], two[16];
        snprintf(file, sizeof file, ONE "tools:\n  t: { run: [p], effect: %s, pool: { max: 1 } }\n",
                 effects[i]);
        snprintf(one, sizeof one, "one-%s", effects[i]);
        snprintf(two, sizeof two, "two-%s", effects[i]);
        start(h, one, file);
        start(h, two, file);
        crash(h);
        h = boot(w);
        assert_int_equal(facts_of(w, two, FACT_RECOVERED), 0);
        assert_int_equal(facts_of(w, one, FACT_RECOVERED), 1);
        w->hold_attempts = false;
        pump(h);
        assert_int_equal(state_of(w, two), STORE_DONE);
        assert_int_equal(times(w, two, "a"), 1);
        assert_folds(w, two);
        crash(h);
    }
}

static void a_clean_stop_leaves_what_waits_to_the_next(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 3, ONE TOOL("pool: { max: 1 }"));
    engine_stop(h->engine, 1000, on_stopped, h);
    pump(h);
    end_run(h, "r1", went_well);
    pass(h, 2000);
    assert_true(h->stopped);
    assert_int_equal(h->stop_err, 0);
    crash(h);
    w->hold_attempts = false;
    h = boot(w);
    assert_int_equal(facts_of(w, "r2", FACT_RECOVERED), 0);
    assert_int_equal(state_of(w, "r2"), STORE_DONE);
    assert_int_equal(state_of(w, "r3"), STORE_DONE);
    assert_int_equal(times(w, "r2", "a"), 1);
}

static void a_crash_at_every_write_loses_nothing_that_waits(void **state) {
    World *w = *state;
    const char *file =
        "  a: { for: { each: x, in: [1, 2, 3] }, tool: t, with: { x: \"${{ x }}\" } }\n"
        "  b: { tool: t }\n" TOOL("pool: { max: 1 }, rate: 2/s");
    for (unsigned at = 2; at < 14; at++) {
        char id[32];
        snprintf(id, sizeof id, "r-%u", at);
        w->crash_at = at;
        w->crash_after = at % 2;
        w->appends = 0;
        Host *h = boot(w);
        Said said;
        ask_start(h, id, file, "{}", &said);
        for (unsigned i = 0; i < 8; i++)
            pass(h, 1000);
        crash(h);
        w->crash_at = 0;
        w->crashed = false;
        h = boot(w);
        start(h, id, file);
        for (unsigned i = 0; i < 8; i++)
            pass(h, 1000);
        assert_int_equal(state_of(w, id), STORE_DONE);
        assert_folds(w, id);
        crash(h);
    }
}

static void limits_are_shown(void **state) {
    World *w = *state;
    Host *h = boot_holding(w);
    start_n(h, 1, 3, ONE TOOL("pool: { max: 2, queue: 9 }, rate: 60/m, " BREAKER));
    Value all = engine_governors(h->engine, &w->arena);
    assert_int_equal(all.len, 1);
    Str text = value_text(&w->arena, all);
    static const char *const parts[] = {
        "\"ceiling\":\"pool\"", "\"busy\":2",   "\"waiting\":1",  "\"free\":58",       "\"max\":2",
        "\"state\":\"closed\"", "\"passed\":2", "\"name\":\"t\"", "\"rate\":\"60/m\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (str_find(text, str_from(parts[i])) < 0)
            fail_msg("%.*s without %s", STR_FMT(text), parts[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_pool_lets_so_many_through_over_all_runs),
        TEST(what_waits_writes_nothing),
        TEST(keys_take_turns_and_each_is_first_come_first_served),
        TEST(a_full_queue_refuses_at_once_and_for_free),
        TEST(a_cancelled_want_leaves_the_line),
        TEST(who_waits_too_long_gives_up),
        TEST(a_paused_run_gives_its_turn_to_the_next),
        TEST(a_paused_run_keeps_nothing),
        TEST(a_rate_is_kept_in_every_window_and_wakes_the_engine_itself),
        TEST(a_rate_holds_also_after_the_disk_was_stuck),
        TEST(who_asks_for_patience_is_given_it),
        TEST(a_provider_that_asks_for_patience_is_left_alone_by_all),
        TEST(the_worst_case_is_held_and_what_was_not_used_given_back),
        TEST(what_was_used_comes_back_a_period_after_it_left),
        TEST(what_needs_more_than_the_rate_goes_alone),
        TEST(what_nobody_knows_stays_spent),
        TEST(the_tightest_of_all_rates_holds),
        TEST(a_rate_of_tokens_is_never_exceeded),
        TEST(a_breaker_opens_tries_with_one_and_closes),
        TEST(a_refusal_is_an_answer),
        TEST(a_try_that_is_cancelled_lets_the_next_try),
        TEST(an_open_breaker_fails_where_the_file_says_so),
        TEST(what_waits_when_it_opens_is_told_too),
        TEST(files_that_use_one_definition_share_its_limits),
        TEST(a_providers_rate_holds_for_all_its_agents),
        TEST(an_answer_that_used_the_limit_up_closes_its_provider),
        TEST(the_next_model_is_asked_while_a_breaker_is_open),
        TEST(who_has_a_fallback_does_not_wait_for_a_breaker),
        TEST(the_same_request_is_sent_once_for_all_that_wait),
        TEST(who_loses_the_first_asks_for_itself),
        TEST(what_may_not_be_shared_is_not),
        TEST(an_attempt_knows_the_time_that_is_left),
        TEST(what_waited_at_a_crash_was_never_sent),
        TEST(a_clean_stop_leaves_what_waits_to_the_next),
        TEST(a_crash_at_every_write_loses_nothing_that_waits),
        TEST(limits_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
