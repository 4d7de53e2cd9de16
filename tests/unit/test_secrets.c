/* Secrets enter a request where its own marks stand and nowhere else, and do not come back. */
#include "exec/secrets.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MARK "00112233445566778899aabbccddeeff"

static Attempt attempt(const char *request) {
    Attempt a = { .secret_mark = STR(MARK) };
    arena_init(&a.arena, 0);
    assert_int_equal(json_read_copy(&a.arena, str_from(request), &a.request, NULL), 0);
    return a;
}

#define assert_request(a, z)                                                                       \
    assert_string_equal(arena_str(&(a)->arena, value_text(&(a)->arena, (a)->request)).p, z)
#define assert_hidden(a, fn, given, z)                                                             \
    assert_string_equal(arena_str(&(a)->arena, fn(a, STR(given))).p, z)

static void marks_become_values(void **state) {
    (void)state;
    Str missing = STR("");
    Attempt a = attempt("{\"headers\":{\"A\":\"Bearer <secret:T_ONE:" MARK ">, "
                        "<secret:T_TWO:" MARK ">\"},\"list\":[\"<secret:T_ONE:" MARK ">\",7]}");
    assert_true(secrets_fill(&a, &missing));
    assert_request(&a, "{\"headers\":{\"A\":\"Bearer one, two\"},\"list\":[\"one\",7]}");
    arena_deinit(&a.arena);
}

static void what_only_looks_like_a_mark_stays(void **state) {
    (void)state;
    Str missing = STR("");
    Attempt a = attempt("{\"x\":\"<secret:T_ONE> <secret:T_ONE:> <secret:T_ONE:00> <secret:\","
                        "\"y\":\"<secret:T_ONE:00 <secret:T_TWO:" MARK ">\"}");
    assert_true(secrets_fill(&a, &missing));
    assert_request(&a, "{\"x\":\"<secret:T_ONE> <secret:T_ONE:> <secret:T_ONE:00> <secret:\","
                       "\"y\":\"<secret:T_ONE:00 two\"}");
    arena_deinit(&a.arena);
}

static void one_that_is_not_set_is_named(void **state) {
    (void)state;
    Str missing = STR("");
    Attempt a = attempt("{\"x\":\"<secret:T_ONE:" MARK "><secret:T_NONE:" MARK ">\"}");
    assert_false(secrets_fill(&a, &missing));
    assert_true(str_is(missing, "T_NONE"));
    arena_deinit(&a.arena);
}

static void a_value_holds_no_mark_of_another(void **state) {
    (void)state;
    Str missing = STR("");
    setenv("T_EVIL", "<secret:T_ONE:" MARK ">", 1);
    Attempt a = attempt("{\"x\":\"<secret:T_EVIL:" MARK ">\"}");
    assert_true(secrets_fill(&a, &missing));
    assert_request(&a, "{\"x\":\"<secret:T_ONE:" MARK ">\"}");
    arena_deinit(&a.arena);
}

static void values_do_not_come_back(void **state) {
    (void)state;
    Str missing = STR("");
    Attempt a = attempt("{\"x\":\"<secret:T_QUOTE:" MARK "> <secret:T_PIN:" MARK ">\"}");
    assert_true(secrets_fill(&a, &missing));
    assert_hidden(&a, secrets_hide_text, "it was a\"b c, a\\\"b c and a%22b%20c",
                  "it was [secret T_QUOTE], [secret T_QUOTE] and [secret T_QUOTE]");
    assert_hidden(&a, secrets_hide_json, "{\"a\\\"b c\":[\"xa\\\"b cx\",4711,47110,true]}",
                  "{\"[secret T_QUOTE]\":[\"x[secret T_QUOTE]x\",\"[secret T_PIN]\","
                  "\"[secret T_PIN]0\",true]}");
    assert_hidden(&a, secrets_hide_json, "{\"b\": 1.0}", "{\"b\": 1.0}");
    assert_hidden(&a, secrets_hide_json, "no JSON with 4711", "no JSON with [secret T_PIN]");
    arena_deinit(&a.arena);
}

static void without_a_mark_nothing_is_looked_for(void **state) {
    (void)state;
    Str missing = STR("");
    Attempt a = attempt("{\"x\":\"<secret:T_ONE:" MARK ">\"}");
    a.secret_mark = STR("");
    assert_true(secrets_fill(&a, &missing));
    assert_int_equal(a.n_secrets, 0);
    arena_deinit(&a.arena);
}

int main(void) {
    setenv("T_ONE", "one", 1);
    setenv("T_TWO", "two", 1);
    setenv("T_QUOTE", "a\"b c", 1);
    setenv("T_PIN", "4711", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_become_values),
        cmocka_unit_test(what_only_looks_like_a_mark_stays),
        cmocka_unit_test(one_that_is_not_set_is_named),
        cmocka_unit_test(a_value_holds_no_mark_of_another),
        cmocka_unit_test(values_do_not_come_back),
        cmocka_unit_test(without_a_mark_nothing_is_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
