/* Mail to people: sent when it is due, tried again, given up, kept as a record; and what a crash makes of it. The name of the
 * channel says how the outside answers (engine_world.inc). */
#include "engine_world.inc"

#include "base/json.h"

#define SECOND 1000
#define HOUR (3600 * INT64_C(1000))
#define DAY (24 * HOUR)

static void send_to(World *w, const char *id, const char *channel) {
    Store *s = w->hosts[0].store, *own = NULL;
    StoreLease lease;
    if (!s) {
        s = own = store_memory_open_as(w->disk, 1);
        s->ops->enter(s, w->now_ms, 1000, &lease);
    }
    Str body = arena_fmt(&w->arena,
                         "{\"name\":\"%s\",\"kind\":\"chat\",\"run\":\"r\",\"step\":\"s\","
                         "\"message\":{\"ask\":\"Well?\"},\"made_ms\":%lld}",
                         channel, (long long)w->now_ms);
    StoreMail mail = { .id = str_from(id), .to = STR("@channel"), .body = body };
    assert_int_equal(s->ops->post(s, &mail, 1), 0);
    store_close(own);
}

static StoreMail find_mail(World *w, const char *id) {
    StoreMail mail[64];
    size_t n;
    int64_t next;
    Store *s = w->hosts[0].store;
    assert_int_equal(s->ops->mail(s, true, INT64_MAX - 1, 64, &w->arena, mail, &n, &next), 0);
    for (size_t i = 0; i < n; i++)
        if (str_is(mail[i].id, id))
            return mail[i];
    return (StoreMail){ 0 };
}

static int64_t number(World *w, const StoreMail *mail, const char *key) {
    Value v;
    assert_int_equal(json_read(&w->arena, mail->body, &v, NULL), 0);
    return value_getz(v, key).i;
}

static bool body_has(const StoreMail *mail, const char *part) {
    return str_find(mail->body, str_from(part)) >= 0;
}

static unsigned times_sent(const World *w) {
    unsigned n = 0;
    for (size_t i = 0; i < w->n_happened; i++)
        n += w->happened[i].times;
    return n;
}

static void mail_is_sent_once_and_a_record_of_it_is_kept_for_a_week(void **state) {
    World *w = *state;
    send_to(w, "m", "chat");
    Host *h = boot(w);
    assert_int_equal(times_sent(w), 1);
    StoreMail told = find_mail(w, "m");
    assert_true(str_is(told.to, "@told"));
    assert_false(body_has(&told, "Well?"));
    assert_int_equal(number(w, &told, "tries"), 1);
    pass(h, 6 * DAY);
    assert_true(str_is(find_mail(w, "m").to, "@told"));
    pass(h, DAY);
    assert_int_equal(find_mail(w, "m").id.len, 0);
    assert_int_equal(times_sent(w), 1);
    assert_true(engine_quiet(h->engine));
    crash(h);
}

static void what_fails_is_tried_again_after_one_second_then_two_then_four(void **state) {
    World *w = *state;
    send_to(w, "m", "bad");
    Host *h = boot(w);
    int64_t wait = SECOND;
    for (unsigned tries = 1; tries < 6; tries++, wait *= 2) {
        assert_int_equal(times_sent(w), tries);
        StoreMail mail = find_mail(w, "m");
        assert_true(str_is(mail.to, "@channel") && body_has(&mail, "Well?"));
        assert_int_equal(mail.not_before_ms, w->now_ms + wait);
        assert_int_equal(h->wake_at, w->now_ms + wait);
        pass(h, wait - 1);
        assert_int_equal(times_sent(w), tries);
        pass(h, 1);
    }
    crash(h);
}

static void it_is_given_up_after_three_days_and_named(void **state) {
    World *w = *state;
    send_to(w, "m", "bad");
    Host *h = boot(w);
    for (int i = 0; i < 400 && !str_is(find_mail(w, "m").to, "@told"); i++)
        pass(h, HOUR);
    StoreMail told = find_mail(w, "m");
    assert_true(str_is(told.to, "@told") && body_has(&told, "\"error\":\"no\""));
    assert_in_range(number(w, &told, "at_ms") - number(w, &told, "made_ms"), 3 * DAY,
                    3 * DAY + 2 * HOUR);
    assert_non_null(strstr(h->log, "not tried again"));
    crash(h);
}

static void a_crash_before_it_is_noted_sends_it_again_with_the_same_id(void **state) {
    World *w = *state;
    send_to(w, "m", "slow");
    Host *h = boot(w);
    assert_int_equal(h->n_flying, 1);
    assert_true(str_is(h->flying[0]->key, "m"));
    w->hold_writes = true;
    end_attempt(h, 0, &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES });
    pump(h);
    crash(h);
    w->hold_writes = false;
    h = boot(w);
    assert_int_equal(h->n_flying, 1);
    assert_true(str_is(h->flying[0]->key, "m"));
    end_attempt(h, 0, &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES });
    pump(h);
    crash(h);
    h = boot(w);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(times_sent(w), 2);
    crash(h);
}

static void a_receiver_that_hangs_is_asked_once_while_it_hangs(void **state) {
    World *w = *state;
    send_to(w, "a", "slow");
    send_to(w, "b", "slow");
    Host *h = boot(w);
    assert_int_equal(h->n_flying, 2);
    pass(h, HOUR);
    assert_int_equal(h->n_flying, 2);
    assert_int_equal(times_sent(w), 2);
    end_attempt(h, 0, &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES });
    pump(h);
    assert_int_equal(h->n_flying, 1);
    crash(h);
}

static void more_than_are_sent_at_once_follow(void **state) {
    World *w = *state;
    for (int i = 0; i < 200; i++)
        send_to(w, arena_fmt(&w->arena, "m%d", i).p, "chat");
    Host *h = boot(w);
    for (int i = 0; i < 10; i++)
        pass(h, SECOND);
    assert_int_equal(w->happened[0].times, 200);
    crash(h);
}

static void what_says_that_it_never_will_is_not_tried_again(void **state) {
    World *w = *state;
    send_to(w, "m", "slow");
    Host *h = boot(w);
    end_attempt(h, 0,
                &(Completion){ .outcome = OUTCOME_FAILED,
                               .sent = SENT_YES,
                               .kind = KIND_NOT_FOUND,
                               .message = STR("it answered 410 Gone") });
    pass(h, DAY);
    StoreMail told = find_mail(w, "m");
    assert_true(str_is(told.to, "@told") && body_has(&told, "410"));
    assert_int_equal(h->n_flying, 0);
    crash(h);
}

static void who_asks_for_time_gets_it(void **state) {
    World *w = *state;
    send_to(w, "m", "slow");
    Host *h = boot(w);
    end_attempt(h, 0,
                &(Completion){ .outcome = OUTCOME_FAILED,
                               .sent = SENT_YES,
                               .kind = KIND_RATE_LIMITED,
                               .message = STR("later"),
                               .retry_after_ms = 30 * SECOND });
    pass(h, 0);
    assert_int_equal(find_mail(w, "m").not_before_ms, w->now_ms + 30 * SECOND);
    crash(h);
}

static void a_clean_stop_waits_and_what_it_stopped_is_sent_by_the_next(void **state) {
    World *w = *state;
    send_to(w, "m", "slow");
    Host *h = boot(w);
    engine_stop(h->engine, 5 * SECOND, on_stopped, h);
    pump(h);
    assert_false(h->stopped);
    pass(h, 5 * SECOND);
    assert_true(h->stopped);
    crash(h);
    h = boot(w);
    assert_int_equal(h->n_flying, 1);
    crash(h);
}

/* ---- what a run says ----------------------------------------------------------------------------------------------------- */

static void ask_people(Host *h, const char *id, Said *said) {
    World *w = h->w;
    Str names[] = { STR("flow.yaml"), STR("baton.yaml") };
    Str texts[] = {
        STR("baton: 1\nname: flow\nsteps:\n"
            "  - { id: a, tool: echo, with: 1, approve: { group: leads, risk: high } }\n"),
        STR("baton: 1\ngroups: { leads: [ann] }\n"
            "channels: { slow: { chat: \"${{ secrets.ROOM }}\" } }\n"
            "escalation: { high: { notify: slow } }\n")
    };
    EngineStart start = { .id = str_from(id),
                          .closure = closure_make(&w->arena, names[0], names, texts, 2),
                          .input = STR("{}"),
                          .dir = STR("/") };
    *said = (Said){ 0 };
    engine_start_run(h->engine, &start, heard, said);
    pump(h);
}

static void what_a_run_asks_is_told_when_it_is_durable_and_not_again(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    w->hold_writes = true;
    ask_people(h, "r1", &said);
    assert_int_equal(h->n_flying, 0);
    w->hold_writes = false;
    pump(h);
    assert_int_equal(said.answer, ENGINE_OK);
    assert_int_equal(h->n_flying, 1);
    assert_true(h->flying[0]->notice && str_is(h->flying[0]->run, "r1"));
    Str url = value_as_str(value_getz(h->flying[0]->request, "url"));
    assert_true(str_starts(url, STR("<secret:ROOM:")) && h->flying[0]->secret_mark.len == 32);
    end_attempt(h, 0, &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES });
    pump(h);
    crash(h);
    h = boot(w);
    pass(h, HOUR);
    assert_int_equal(h->n_flying, 0);
}

static void a_run_that_was_never_durable_told_nobody(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    w->hold_writes = true;
    ask_people(h, "r1", &said);
    crash(h);
    w->hold_writes = false;
    h = boot(w);
    assert_int_equal(h->n_flying, 0);
    assert_int_equal(times_sent(w), 0);
}

static void what_is_answered_already_is_not_told(void **state) {
    World *w = *state;
    Host *h = boot(w);
    Said said;
    ask_people(h, "r1", &said);
    end_attempt(h, 0,
                &(Completion){ .outcome = OUTCOME_FAILED,
                               .sent = SENT_YES,
                               .kind = KIND_UNAVAILABLE,
                               .message = STR("no") });
    pump(h);
    assert_int_equal(decide(h, "r1", "a:approve", DECISION_APPROVE, "").answer, ENGINE_OK);
    pass(h, HOUR);
    assert_int_equal(h->n_flying, 0);
    StoreMail mail[4];
    size_t n;
    int64_t next;
    h->store->ops->mail(h->store, true, INT64_MAX - 1, 4, &w->arena, mail, &n, &next);
    assert_int_equal(n, 1);
    assert_true(str_is(mail[0].to, "@told") && body_has(&mail[0], "needless"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(mail_is_sent_once_and_a_record_of_it_is_kept_for_a_week),
        TEST(what_fails_is_tried_again_after_one_second_then_two_then_four),
        TEST(it_is_given_up_after_three_days_and_named),
        TEST(a_crash_before_it_is_noted_sends_it_again_with_the_same_id),
        TEST(a_receiver_that_hangs_is_asked_once_while_it_hangs),
        TEST(more_than_are_sent_at_once_follow),
        TEST(what_says_that_it_never_will_is_not_tried_again),
        TEST(who_asks_for_time_gets_it),
        TEST(a_clean_stop_waits_and_what_it_stopped_is_sent_by_the_next),
        TEST(what_a_run_asks_is_told_when_it_is_durable_and_not_again),
        TEST(a_run_that_was_never_durable_told_nobody),
        TEST(what_is_answered_already_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
