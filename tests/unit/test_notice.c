/* What people are told: signatures by the rules of Standard Webhooks, and the texts for each kind of channel. */
#include "exec/notice.h"

#include "base/base64.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static Arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static bool has(Str text, const char *part) { return str_find(text, str_from(part)) >= 0; }

static Value json(const char *text) {
    Value v;
    assert_int_equal(json_read(&arena, str_from(text), &v, NULL), 0);
    return v;
}

static Value asked(void) {
    return json(
        "{\"id\":\"r:s:1\",\"made_ms\":1763692380123,\"name\":\"ops\",\"kind\":\"chat\","
        "\"email\":\"ann@example.com\",\"about\":\"asked\",\"message\":{\"run\":\"r1\","
        "\"step\":\"pay\",\"kind\":\"approval\",\"ask\":\"Pay <ann> \xC3\xA9?\",\"risk\":\"high\","
        "\"group\":\"leads\",\"show\":{\"amount\":120},\"deadline_ms\":1763695980000,"
        "\"hash\":\"abc\"}}");
}

/* ---- signatures ---------------------------------------------------------------------------------------------------------- */

#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SIGNED "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static Str sign(const char *secrets) {
    return notice_signature(&arena, str_from(secrets), STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                            1614265330, STR("{\"test\": 2432232314}"));
}

static void the_signature_is_that_of_the_published_example(void **state) {
    (void)state;
    assert_true(str_is(sign("whsec_" SECRET), SIGNED));
    assert_true(str_is(sign(SECRET), SIGNED));
    assert_true(str_is(sign(" whsec_" SECRET "\n"), SIGNED));
}

static void while_a_secret_is_exchanged_both_sign(void **state) {
    (void)state;
    Str both = sign("whsec_" SECRET " whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_true(str_starts(both, STR(SIGNED " v1,")));
    assert_int_equal(both.len, 2 * 47 + 1);
}

static void a_secret_that_is_no_base64_signs_nothing(void **state) {
    (void)state;
    assert_null(sign("whsec_not base64!").p);
    assert_null(sign("whsec_").p);
    assert_null(sign("").p);
}

/* ---- texts --------------------------------------------------------------------------------------------------------------- */

static void a_program_gets_the_whole(void **state) {
    (void)state;
    Value v = json(arena_fmt(&arena, "%.*s", STR_FMT(notice_webhook(&arena, asked()))).p);
    assert_true(str_is(value_as_str(value_getz(v, "type")), "approval.asked"));
    assert_true(str_is(value_as_str(value_getz(v, "timestamp")), "2025-11-21T02:33:00.123Z"));
    assert_int_equal(value_getz(value_getz(value_getz(v, "data"), "show"), "amount").i, 120);
}

static void a_chat_gets_lines_that_call_nobody(void **state) {
    (void)state;
    Str text = value_as_str(value_getz(json(notice_chat(&arena, asked()).p), "text"));
    assert_true(str_starts(text, STR("Asked (high): Pay &lt;ann&gt; \xC3\xA9?\n")));
    assert_true(has(text, "Who: leads") && has(text, "Until: 2025-11-21T03:33:00Z"));
    assert_true(has(text, "{\"amount\":120}"));
    assert_true(has(text, "baton approve r1 pay\nbaton reject r1 pay"));
}

static void a_pager_with_a_key_gets_an_event_for_it(void **state) {
    (void)state;
    Value v = json(notice_pager(&arena, asked(), STR("K")).p), payload = value_getz(v, "payload");
    assert_true(str_is(value_as_str(value_getz(v, "routing_key")), "K"));
    assert_true(str_is(value_as_str(value_getz(v, "event_action")), "trigger"));
    assert_true(str_is(value_as_str(value_getz(v, "dedup_key")), "r1/pay"));
    assert_true(str_is(value_as_str(value_getz(payload, "severity")), "error"));
    v = json(notice_pager(&arena, asked(), STR("")).p);
    assert_true(value_absent(value_getz(v, "routing_key")));
    assert_true(str_is(value_as_str(value_getz(v, "severity")), "error"));
}

static Str decoded_body(Str letter) {
    ptrdiff_t at = str_find(letter, STR("\r\n\r\n"));
    char *letters = arena_alloc(&arena, letter.len), *text = arena_alloc(&arena, letter.len);
    size_t n = 0;
    for (size_t i = (size_t)at + 4; i < letter.len; i++)
        if (letter.p[i] != '\r' && letter.p[i] != '\n')
            letters[n++] = letter.p[i];
    ptrdiff_t len = base64_read((Str){ letters, n }, text);
    assert_true(len > 0);
    return (Str){ text, (size_t)len };
}

static void a_letter_has_its_headers_and_short_lines(void **state) {
    (void)state;
    Str letter = notice_letter(&arena, asked(), STR("baton@example.com"), 1763692380);
    assert_true(
        str_starts(letter, STR("Date: Fri, 21 Nov 2025 02:33:00 +0000\r\n"
                               "From: Baton <baton@example.com>\r\nTo: <ann@example.com>\r\n"
                               "Subject: =?UTF-8?B?")));
    assert_true(has(letter, "\r\nMessage-ID: <r.s.1@baton>\r\n"));
    assert_true(has(decoded_body(letter), "Pay <ann> \xC3\xA9?"));
    size_t line = 0;
    for (size_t i = 0; i < letter.len; i++) {
        line = letter.p[i] == '\n' ? 0 : line + 1;
        assert_true(line < 100);
    }
}

static void nothing_in_a_question_becomes_a_header(void **state) {
    (void)state;
    Value v = json("{\"id\":\"i\\r\\nBcc: x\",\"email\":\"a@b\",\"about\":\"notice\",\"message\":{"
                   "\"ask\":\"x\\r\\nBcc: everybody@example.com\\u001b[2J\"}}");
    Str letter = notice_letter(&arena, v, STR("f@example.com"), 0);
    assert_false(has(letter, "\nBcc"));
    assert_false(has(letter, "\x1b"));
    assert_false(has(notice_title(&arena, v), "\n"));
}

static void what_is_long_is_cut_between_letters(void **state) {
    (void)state;
    char text[9000] = "{\"message\":{\"ask\":\"a", *at = text + strlen(text);
    for (int i = 0; i < 4000; i++, at += 2)
        memcpy(at, "\xC3\xA9", 2);
    memcpy(at, "\"}}", 4);
    Str title = notice_title(&arena, json(text));
    assert_true(title.len < 250 && str_ends(title, STR("\xC3\xA9 ...")));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_signature_is_that_of_the_published_example),
        TEST(while_a_secret_is_exchanged_both_sign),
        TEST(a_secret_that_is_no_base64_signs_nothing),
        TEST(a_program_gets_the_whole),
        TEST(a_chat_gets_lines_that_call_nobody),
        TEST(a_pager_with_a_key_gets_an_event_for_it),
        TEST(a_letter_has_its_headers_and_short_lines),
        TEST(nothing_in_a_question_becomes_a_header),
        TEST(what_is_long_is_cut_between_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
