/* Events between runs of engines: a dance of three workflows, cut off before and after each append, by one engine and by two on one
 * store (engine_world.inc). */
#include "engine_world.inc"

#include "base/json.h"

static Str whole_file(World *w, const char *text) {
    Str name = STR("flow.yaml"), file = str_from(text);
    return closure_make(&w->arena, name, &name, &file, 1);
}

static const char asks[] =
    "baton: 1\n"
    "name: asks\n"
    "steps:\n"
    "  - emit: { type: asked, data: { n: 1 } }\n"
    "  - id: answer\n"
    "    wait: { event: answered, if: event.correlation == run.correlation }\n"
    "return: \"${{ steps.answer.output.data }}\"\n";
static const char works[] =
    "baton: 1\n"
    "name: works\n"
    "on: [{ event: asked, with: \"${{ event.data }}\", key: \"${{ event.correlation }}\" }]\n"
    "input: { n: integer }\n"
    "steps:\n"
    "  - { id: work, tool: echo, effect: keyed, with: \"${{ input.n }}\" }\n"
    "  - emit: { type: answered, data: \"${{ steps.work.output }}\" }\n";

static Said begin(Host *h, const char *id, const char *file, bool listen) {
    Said said = { 0 };
    EngineStart start = { .id = str_from(id),
                          .closure = whole_file(h->w, file),
                          .input = STR("{}"),
                          .dir = STR("/"),
                          .listen = listen };
    engine_start_run(h->engine, &start, heard, &said);
    pump(h);
    return said;
}

static Said emit(Host *h, const char *id, const char *type, const char *data) {
    Said said = { 0 };
    EngineEmit e = { .id = str_from(id),
                     .type = str_from(type),
                     .data_json = str_from(data),
                     .correlation = STR(""),
                     .source = STR("ann") };
    engine_emit(h->engine, &e, heard, &said);
    pump(h);
    return said;
}

/* Runs of the store whose id begins so; the newest is kept in `ret`. */
static unsigned count_runs(World *w, const char *prefix, char ret[65]) {
    Store *eye = store_memory_open(w->disk);
    StoreRun runs[64];
    size_t n = 0;
    uint64_t before = 0;
    unsigned found = 0;
    assert_int_equal(
        eye->ops->list(eye, (StoreState)0, 0, ARRAY_LEN(runs), &w->arena, runs, &n, &before), 0);
    for (size_t i = n; i-- > 0;) {
        if (!str_starts(runs[i].id, str_from(prefix)))
            continue;
        found++;
        snprintf(ret, 65, "%.*s", STR_FMT(runs[i].id));
    }
    store_close(eye);
    return found;
}

static size_t mail_left(World *w) {
    StoreMail mail[64];
    size_t n = 0;
    int64_t next;
    Store *s = w->hosts[0].store;
    assert_int_equal(s->ops->mail(s, false, INT64_MAX - 1, 64, &w->arena, mail, &n, &next), 0);
    return n;
}

static void assert_danced_once(World *w, const char *listener) {
    char id[65];
    assert_int_equal(state_of(w, "a"), STORE_DONE);
    assert_info_has(w, "a", "succeeded");
    assert_int_equal(facts_of(w, "a", FACT_EVENT), 1);
    assert_int_equal(facts_of(w, listener, FACT_EVENT), 1);
    assert_int_equal(count_runs(w, "event:", id), 2);
    assert_folds(w, id);
    assert_int_equal(count_runs(w, "works-", id), 1);
    assert_info_has(w, id, "succeeded");
    assert_folds(w, id);
    assert_folds(w, "a");
    assert_folds(w, listener);
    assert_int_equal(mail_left(w), 0);
}

static void an_event_begins_a_run_whose_event_wakes_the_first(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said listens = begin(h, "", works, true);
    assert_int_equal(listens.answer, ENGINE_OK);
    assert_true(str_starts(str_from(listens.run), STR("on:")));
    assert_int_equal(begin(h, "a", asks, false).answer, ENGINE_OK);
    assert_danced_once(w, listens.run);
    assert_true(engine_quiet(h->engine));
    crash(h);
}

/* After each append, and before it: what was acknowledged is there, and what follows from it comes once. */
static void cut_off_at_every_append_the_dance_ends_the_same(void **state) {
    World *w = *state;
    unsigned cuts = 0;
    for (unsigned at = 1; at <= 24; at++) {
        for (int after = 0; after < 2; after++) {
            void *fresh = NULL;
            set_up(&fresh);
            World *u = fresh;
            Host *h = boot(u);
            Said listens = begin(h, "", works, true);
            u->appends = 0;
            u->crash_at = at;
            u->crash_after = after;
            begin(h, "a", asks, false);
            cuts += u->crashed;
            crash(h);
            u->crash_at = 0;
            u->crashed = false;
            h = boot(u);
            begin(h, "a", asks, false);
            assert_danced_once(u, listens.run);
            tear_down(&fresh);
        }
    }
    assert_true(cuts > 10);
    (void)w;
}

/* Whom the event is told, as its run's first row says. */
static Str told(World *w, const char *id) {
    Store *eye = store_memory_open(w->disk);
    StoreRun run;
    Row row;
    Value v = VALUE_NULL;
    assert_int_equal(eye->ops->load(eye, str_from(id), true, &w->arena, &run), 0);
    assert_int_equal(row_read(run.rows[0].body, run.rows[0].data, false, &w->arena, &row), 0);
    assert_int_equal(json_read(&w->arena, row.facts[0].fact.payload, &v, NULL), 0);
    store_close(eye);
    return value_text(&w->arena, value_getz(v, "to"));
}

static Said emit_for(Host *h, const char *id, const char *correlation) {
    Said said = { 0 };
    EngineEmit e = { .id = str_from(id),
                     .type = STR("answered"),
                     .data_json = STR("{\"n\":1}"),
                     .correlation = str_from(correlation),
                     .source = STR("ann") };
    engine_emit(h->engine, &e, heard, &said);
    pump(h);
    return said;
}

#define WAITS(name, test)                                                                          \
    "baton: 1\nname: " name "\nsteps:\n"                                                           \
    "  - { id: answer, wait: { event: answered, if: " test " } }\n"

/* It costs those who wait for other answers nothing, not even being looked at. */
static void who_waits_for_his_own_answer_is_not_told_of_others(void **state) {
    static const char own[] =
        WAITS("own", "event.data.n > 0 && run.correlation == event.correlation");
    static const char either[] =
        WAITS("either", "event.correlation == run.correlation || event.data.n > 0");
    World *w = *state;
    Host *h = boot(w);
    begin(h, "a", own, false);
    begin(h, "b", own, false);
    begin(h, "c", either, false);
    assert_int_equal(emit_for(h, "e1", "b").answer, ENGINE_OK);
    assert_true(str_is(told(w, "event:e1"), "[\"c\",\"b\"]"));
    assert_int_equal(state_of(w, "b"), STORE_DONE);
    assert_int_equal(state_of(w, "c"), STORE_DONE);
    assert_int_equal(state_of(w, "a"), STORE_IDLE);
    crash(h);
    h = boot(w);
    assert_int_equal(emit_for(h, "e2", "nobody").answer, ENGINE_OK);
    assert_true(str_is(told(w, "event:e2"), "[]"));
    assert_int_equal(emit_for(h, "e3", "a").answer, ENGINE_OK);
    assert_int_equal(state_of(w, "a"), STORE_DONE);
    assert_folds(w, "a");
}

static void a_key_begins_one_run_and_an_id_is_one_event(void **state) {
    World *w = *state;
    char id[65];
    Host *h = boot(w);
    begin(h, "", works, true);
    Said first = emit(h, "e1", "asked", "{\"n\":1}");
    assert_int_equal(first.answer, ENGINE_OK);
    assert_string_equal(first.run, "event:e1");
    Said again = emit(h, "e1", "asked", "{ \"n\": 1 }");
    assert_int_equal(again.answer, ENGINE_OK);
    assert_true(again.existing);
    assert_int_equal(emit(h, "e1", "asked", "{\"n\":2}").answer, ENGINE_CONFLICT);
    assert_int_equal(count_runs(w, "event:", id), 2); /* and the one that it led to */
    assert_int_equal(count_runs(w, "works-", id), 1);
    assert_int_equal(emit(h, "", "no good type", "1").answer, ENGINE_INVALID);
    assert_int_equal(emit(h, "a b", "asked", "1").answer, ENGINE_INVALID);
    assert_int_equal(emit(h, "", "asked", "{").answer, ENGINE_INVALID);
    crash(h);
}

static void two_that_listen_for_one_workflow_begin_one_run(void **state) {
    World *w = *state;
    char id[65];
    Host *h = boot(w);
    begin(h, "", works, true);
    begin(h, "", works, true);
    assert_int_equal(count_runs(w, "on:", id), 2);
    begin(h, "a", asks, false);
    assert_int_equal(count_runs(w, "works-", id), 1);
    assert_info_has(w, "a", "succeeded");
    crash(h);
}

static void what_cannot_begin_leaves_no_mail_and_says_why(void **state) {
    World *w = *state;
    char id[65];
    Host *h = boot(w);
    Said listens = begin(h, "", works, true);
    emit(h, "e1", "asked", "{\"m\":1}");
    assert_int_equal(count_runs(w, "works-", id), 0);
    assert_int_equal(facts_of(w, listens.run, FACT_EVENT), 1);
    assert_int_equal(mail_left(w), 0);
    assert_int_equal(begin(h, "", asks, true).answer, ENGINE_INVALID);
    crash(h);
}

static void a_run_that_is_cancelled_or_paused_hears_accordingly(void **state) {
    World *w = *state;
    Host *h = boot(w);
    begin(h, "gone", asks, false);
    begin(h, "held", asks, false);
    control(h, "gone", CONTROL_CANCEL);
    control(h, "held", CONTROL_PAUSE);
    Said said = { 0 };
    EngineEmit e = { .type = STR("answered"),
                     .data_json = STR("7"),
                     .correlation = STR("held"),
                     .id = STR(""),
                     .source = STR("ann") };
    engine_emit(h->engine, &e, heard, &said);
    pump(h);
    assert_int_equal(facts_of(w, "gone", FACT_EVENT), 0);
    assert_int_equal(facts_of(w, "held", FACT_EVENT), 1);
    control(h, "held", CONTROL_RESUME);
    assert_info_has(w, "held", "succeeded");
    assert_int_equal(mail_left(w), 0);
    crash(h);
}

static void an_engine_hears_what_another_ones_run_tells(void **state) {
    World *w = *state;
    Host *one = boot_as(w, 0, 1, CASE_OPTIONS(.recover = true, .lease_ttl_ms = 1000));
    Host *two = boot_as(w, 1, 2, CASE_OPTIONS(.recover = true, .lease_ttl_ms = 1000));
    Said listens = begin(two, "", works, true);
    begin(one, "a", asks, false);
    for (int i = 0; i < 40; i++) {
        pass(one, 100);
        pump(two);
    }
    assert_danced_once(w, listens.run);
    crash(one);
    crash(two);
}

/* A start does not know yet that its run is there: what came by mail meanwhile is the stored run's, and is not left lying. */
static void mail_that_met_a_start_of_its_run_comes_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    begin(h, "a", asks, false);
    w->appends = 0;
    w->crash_at = 1;
    w->crash_after = true;
    EngineEmit told = { .id = STR("e1"),
                        .type = STR("answered"),
                        .data_json = STR("7"),
                        .correlation = STR("a"),
                        .source = STR("ann") };
    Said said = { 0 };
    engine_emit(h->engine, &told, heard, &said);
    pump(h);
    assert_true(w->crashed);
    crash(h);
    w->crash_at = 0;
    h = boot(w); /* nothing moves yet; then it goes on to where the mail is being read */
    w->crashed = false;
    while (!h->ready) {
        engine_turn(h->engine);
        do_job(h);
    }
    engine_turn(h->engine);
    EngineStart start = {
        .id = STR("a"), .closure = whole_file(w, asks), .input = STR("{}"), .dir = STR("/")
    };
    engine_start_run(h->engine, &start, heard, &said);
    pump(h);
    assert_int_equal(mail_left(w), 0);
    assert_info_has(w, "a", "succeeded");
    crash(h);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_event_begins_a_run_whose_event_wakes_the_first),
        TEST(cut_off_at_every_append_the_dance_ends_the_same),
        TEST(who_waits_for_his_own_answer_is_not_told_of_others),
        TEST(a_key_begins_one_run_and_an_id_is_one_event),
        TEST(two_that_listen_for_one_workflow_begin_one_run),
        TEST(what_cannot_begin_leaves_no_mail_and_says_why),
        TEST(a_run_that_is_cancelled_or_paused_hears_accordingly),
        TEST(an_engine_hears_what_another_ones_run_tells),
        TEST(mail_that_met_a_start_of_its_run_comes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
