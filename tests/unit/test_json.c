/* The JSON reader, and numbers between text and binary. */
#include "base/json.h"
#include "base/limits.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static Arena arena;

static int fresh_arena(void **state) {
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int drop_arena(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static Value read_good(Str text) {
    Value v = VALUE_ABSENT;
    JsonError e;
    if (json_read(&arena, text, &v, &e))
        fail_msg("%.*s: %s at %zu", STR_FMT(text), e.message, e.offset);
    return v;
}

/* Reads `text` and compares the canonical form. */
#define assert_reads(text, canonical) assert_reads_at(STR(text), (canonical), __LINE__)
static void assert_reads_at(Str text, const char *canonical, int line) {
    Str s = value_text(&arena, read_good(text));
    if (!str_is(s, canonical))
        fail_msg("line %d: %.*s is not %s", line, STR_FMT(s), canonical);
}

/* Reads `text`, which must fail at `offset` with `words` in the message. */
#define assert_refused(text, offset, words)                                                        \
    assert_refused_at(STR(text), (offset), (words), __LINE__)
static void assert_refused_at(Str text, size_t offset, const char *words, int line) {
    Value v = VALUE_ABSENT;
    JsonError e;
    if (json_read(&arena, text, &v, &e) != JSON_E_INVALID)
        fail_msg("line %d: %.*s was read", line, STR_FMT(text));
    if (e.offset != offset || str_find(str_from(e.message), str_from(words)) < 0)
        fail_msg("line %d: \"%s\" at %zu", line, e.message, e.offset);
    assert_true(value_absent(v));
    assert_int_equal(json_read(&arena, text, &v, NULL), JSON_E_INVALID);
}

static void documents_read_as_they_are(void **state) {
    (void)state;
    assert_reads("null", "null");
    assert_reads(" \t\r\n true ", "true");
    assert_reads("[ ]", "[]");
    assert_reads("{ }", "{}");
    assert_reads("[1,[2,[3]],{\"a\":{\"b\":false}}]", "[1,[2,[3]],{\"a\":{\"b\":false}}]");
    assert_reads("{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}");
    Value v = read_good(STR("{\"b\":1,\"a\":2}"));
    assert_true(str_is(value_as_str(value_entry(v, 0).key), "b"));
}

static void integers_take_the_narrowest_type(void **state) {
    (void)state;
    assert_int_equal(read_good(STR("9223372036854775807")).type, V_INT);
    assert_int_equal(read_good(STR("9223372036854775808")).type, V_UINT);
    assert_int_equal(read_good(STR("18446744073709551615")).type, V_UINT);
    assert_int_equal(read_good(STR("18446744073709551616")).type, V_DOUBLE);
    assert_int_equal(read_good(STR("-9223372036854775808")).type, V_INT);
    assert_int_equal(read_good(STR("-9223372036854775809")).type, V_DOUBLE);
    assert_int_equal(read_good(STR("-0")).type, V_INT);
    assert_int_equal(read_good(STR("1.0")).type, V_DOUBLE);
    assert_int_equal(read_good(STR("1e0")).type, V_DOUBLE);
    assert_reads("-9223372036854775808", "-9223372036854775808");
    assert_reads("18446744073709551616", "18446744073709552000.0");
    assert_reads("-0.0", "-0.0");
    assert_reads("0e99999999999999999999", "0.0");
    assert_reads("1e-99999999999999999999", "0.0");
}

static void strings_decode_their_escapes(void **state) {
    (void)state;
    Value v =
        read_good(STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\u0000|\""));
    assert_true(
        str_eq(value_as_str(v), STR("\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\0|")));
    v = read_good(STR("\"at the front\\n, in the middle of it\\t and at the end\\\\\""));
    assert_true(str_is(value_as_str(v), "at the front\n, in the middle of it\t and at the end\\"));
    assert_int_equal(read_good(STR("\"\"")).len, 0);
}

static void any_byte_at_any_place_of_a_string_survives(void **state) {
    (void)state;
    Buf b = BUF_INIT(1000);
    char bytes[24];
    for (size_t len = 1; len <= sizeof bytes; len++)
        for (size_t at = 0; at < len; at++)
            for (int c = 0; c < 0x80; c++) {
                memset(bytes, 'x', len);
                bytes[at] = (char)c;
                buf_reset(&b);
                json_write_string(&b, (Str){ bytes, len });
                Value v = read_good(buf_str(&b));
                if (!str_eq(value_as_str(v), (Str){ bytes, len }))
                    fail_msg("byte 0x%02x at %zu of %zu", (unsigned)c, at, len);
            }
    buf_deinit(&b);
}

static void plain_strings_borrow_and_copies_do_not(void **state) {
    (void)state;
    char text[] = "[\"borrowed\"]";
    Str s = str_from(text);
    Value borrowed = read_good(s), copied;
    assert_int_equal(json_read_copy(&arena, s, &copied, NULL), 0);
    assert_ptr_equal(borrowed.items[0].s, text + 2);
    memset(text, 'x', sizeof text);
    assert_true(str_is(value_as_str(copied.items[0]), "borrowed"));
}

static void mistakes_are_refused_where_they_are(void **state) {
    (void)state;
    assert_refused("", 0, "ends here");
    assert_refused("  ", 2, "ends here");
    assert_refused("[1", 2, "',' or ']'");
    assert_refused("[1 2]", 3, "',' or ']'");
    assert_refused("[1,]", 3, "remove it");
    assert_refused("{\"a\":1,}", 7, "remove it");
    assert_refused("{\"a\" 1}", 5, "':'");
    assert_refused("{a:1}", 1, "key in double quotes");
    assert_refused("{\"a\":1 \"b\":2}", 7, "',' or '}'");
    assert_refused("[1] x", 4, "end of the text");
    assert_refused("nul", 0, "true, false and null");
    assert_refused("[True]", 1, "expected a value");
    assert_refused("['a']", 1, "double quotes");
    assert_refused("[1, // no\n2]", 4, "no comments");
    assert_refused("\xEF\xBB\xBF[]", 0, "byte order mark");
    assert_refused("]", 0, "found ']'");
    assert_refused("[\x01]", 1, "byte 0x01");
    assert_refused("[1\0]", 2, "byte 0x00");
    assert_refused("truex", 4, "end of the text");
}

static void strings_that_are_not_text_are_refused(void **state) {
    (void)state;
    assert_refused("\"abc", 4, "end of the string");
    assert_refused("\"a\nb\"", 2, "must be escaped");
    assert_refused("\"a\0b\"", 2, "must be escaped");
    assert_refused("\"\\x\"", 1, "no such escape");
    assert_refused("\"\\\0\"", 1, "no such escape");
    assert_refused("\"\\", 1, "no such escape");
    assert_refused("\"\\u12\"", 1, "four hexadecimal");
    assert_refused("\"\\u12g4\"", 1, "four hexadecimal");
    assert_refused("\"\\ud800\"", 1, "lone surrogate");
    assert_refused("\"\\ud800\\u0041\"", 1, "lone surrogate");
    assert_refused("\"\\ud800\\ud800\"", 1, "lone surrogate");
    assert_refused("\"ab\\udc00\"", 3, "lone surrogate");
    assert_refused("\"\xC3(\"", 1, "UTF-8");
    assert_refused("\"\xED\xA0\x80\"", 1, "UTF-8");
    assert_refused("\"12345678\xFF\"", 9, "UTF-8");
    assert_refused("\"\\n\xC0\x80\"", 3, "UTF-8");
    assert_refused("{\"\xFF\":1}", 2, "UTF-8");
}

static void numbers_that_json_does_not_have_are_refused(void **state) {
    (void)state;
    assert_refused("01", 0, "leading zeros");
    assert_refused("-", 1, "digit");
    assert_refused("-a", 1, "digit");
    assert_refused("1.", 2, "digit");
    assert_refused("1.e5", 2, "digit");
    assert_refused("1e", 2, "digit");
    assert_refused("1e+", 2, "digit");
    assert_refused("+1", 0, "starts with a digit");
    assert_refused(".5", 0, "starts with a digit");
    assert_refused("[1e400]", 1, "too large");
    assert_refused("-1e309", 0, "too large");
    assert_refused("NaN", 0, "expected a value");
    assert_refused("0x10", 1, "end of the text");
}

static void the_second_of_two_keys_is_named_with_its_place(void **state) {
    (void)state;
    assert_refused("{\"a\":1,\"b\":2,\"a\":3}", 13, "\"a\" is there twice");
    assert_refused("[{\"x\":{\"a\":[1,{}], \"\\u0061\" :3}}]", 19, "\"a\" is there twice");
    assert_refused(
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"c\":2,\"a\":1}",
        55, "\"c\" is there twice");
    assert_refused("{\"\":1,\"\":1}", 6, "\"\" is there twice");
}

static void line_and_column_count_from_one_in_characters(void **state) {
    (void)state;
    Value v;
    JsonError e;
    assert_int_equal(json_read(&arena, STR("{\n  \"\xC3\xA9\xF0\x9F\x98\x80\": x}"), &v, &e),
                     JSON_E_INVALID);
    assert_int_equal(e.line, 2);
    assert_int_equal(e.column, 9);
    assert_int_equal(json_read(&arena, STR("x"), &v, &e), JSON_E_INVALID);
    assert_int_equal(e.line, 1);
    assert_int_equal(e.column, 1);
}

static Str brackets(unsigned n) {
    char *p = arena_alloc(&arena, 2 * n);
    memset(p, '[', n);
    memset(p + n, ']', n);
    return (Str){ p, 2 * n };
}

static void nesting_is_bounded(void **state) {
    (void)state;
    read_good(brackets(LIMIT_DEPTH));
    assert_refused_at(brackets(LIMIT_DEPTH + 1), LIMIT_DEPTH, "deeper than 64", __LINE__);
    assert_refused_at(brackets(1000000), LIMIT_DEPTH, "deeper than 64", __LINE__);
}

static void the_number_of_values_is_bounded(void **state) {
    (void)state;
    size_t len = 2u * LIMIT_JSON_NODES + 1;
    char *p = malloc(len);
    assert_non_null(p);
    for (size_t i = 0; i < len; i++)
        p[i] = i == 0 ? '[' : i == len - 1 ? ']' : i % 2 ? '1' : ',';
    Arena a;
    arena_init(&a, 0);
    Value v;
    JsonError e;
    assert_int_equal(json_read(&a, (Str){ p, len }, &v, &e), JSON_E_INVALID);
    assert_non_null(strstr(e.message, "more than 4000000"));
    p[len - 3] = ']';
    assert_int_equal(json_read(&a, (Str){ p, len - 2 }, &v, &e), 0);
    assert_int_equal(v.len, LIMIT_JSON_NODES - 1);
    arena_deinit(&a);
    free(p);
}

static void an_arena_with_a_cap_bounds_what_is_read(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 1000);
    Value v;
    JsonError e;
    Str text = STR("[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22],"
                   "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22],"
                   "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22]]");
    assert_int_equal(json_read(&a, text, &v, &e), JSON_E_INVALID);
    assert_non_null(strstr(e.message, "1000 bytes"));
    arena_deinit(&a);
}

static void assert_double(double d, const char *expected) {
    Buf b = BUF_INIT(100);
    json_write_double(&b, d);
    if (!str_is(buf_str(&b), expected))
        fail_msg("%.17g: \"%.*s\" is not \"%s\"", d, STR_FMT(buf_str(&b)), expected);
    buf_deinit(&b);
}

static void doubles_are_written_shortest(void **state) {
    (void)state;
    assert_double(0.0, "0.0");
    assert_double(-0.0, "-0.0");
    assert_double(1, "1.0");
    assert_double(-100, "-100.0");
    assert_double(0.1, "0.1");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1.0 / 3, "0.3333333333333333");
    assert_double(123456.789, "123456.789");
    assert_double(0.000001, "0.000001");
    assert_double(0.0000001, "1e-7");
    assert_double(1.5e-10, "1.5e-10");
    assert_double(1e20, "100000000000000000000.0");
    assert_double(1e21, "1e21");
    assert_double(1.25e300, "1.25e300");
    assert_double(9007199254740991, "9007199254740991.0");
    assert_double(0x1p53, "9007199254740992.0");
    assert_double(DBL_MAX, "1.7976931348623157e308");
    assert_double(DBL_MIN, "2.2250738585072014e-308");
    assert_double(5e-324, "5e-324");
    assert_double(1e-320, "1e-320");
    assert_double(0x1p-1022 - 0x1p-1074, "2.225073858507201e-308");
    assert_double(2e-3, "0.002");
    assert_double(999999999999999, "999999999999999.0");
    assert_double(0.999999999999999, "0.999999999999999");
    assert_double(2.5, "2.5");
    /* At powers of two the neighbours are unevenly far: sixteen digits do, but not those nearest to the number. */
    assert_double(0x1p-44, "5.684341886080802e-14");
    assert_double(9.5367431640625e-07, "9.5367431640625e-7");
}

static double random_double(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = *seed ^ *seed >> 29;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static int significant_digits(Str s) {
    int n = 0, zeros = 0;
    for (size_t i = 0; i < s.len && s.p[i] != 'e'; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            continue;
        if (s.p[i] == '0') {
            zeros += n > 0;
            continue;
        }
        n += zeros + 1;
        zeros = 0;
    }
    return n;
}

/* Against the C library: every text reads back, and no printf of fewer digits does. */
static void check_double(double d, Buf *b) {
    buf_reset(b);
    json_write_double(b, d);
    Value back = read_good(buf_str(b));
    if (back.type != V_DOUBLE || memcmp(&back.d, &d, sizeof d) != 0)
        fail_msg("%.17g came back from %.*s as %.17g", d, STR_FMT(buf_str(b)), back.d);
    char shorter[40];
    int digits = significant_digits(buf_str(b));
    if (digits < 2)
        return;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, d);
    if (strtod(shorter, NULL) == d)
        fail_msg("%.*s is longer than %s", STR_FMT(buf_str(b)), shorter);
}

static void any_double_comes_back_from_its_shortest_text(void **state) {
    (void)state;
    uint64_t seed = 1;
    Buf b = BUF_INIT(100);
    for (int i = 0; i < 100000; i++) {
        double d = random_double(&seed);
        if (isfinite(d) && d != 0)
            check_double(d, &b);
        /* And those that people write. */
        double price = (double)(seed >> 44) / 100, ratio = (double)(seed >> 50) / 8191;
        if (seed >> 44)
            check_double(price, &b);
        if (seed >> 50)
            check_double(ratio, &b);
    }
    buf_deinit(&b);
}

static void every_power_of_two_has_its_shortest_text(void **state) {
    (void)state;
    Buf b = BUF_INIT(400);
    for (int exponent = -1074; exponent <= 1023; exponent++)
        check_double(ldexp(1, exponent), &b);
    buf_deinit(&b);
}

static void decimals_read_as_the_c_library_reads_them(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        char text[64];
        random_double(&seed);
        int exponent = (int)(seed >> 40 & 63) - 32;
        snprintf(text, sizeof text, "%llu.%05de%d", (unsigned long long)(seed >> (seed & 63)),
                 (int)(seed >> 20 & 65535), exponent);
        Value v = read_good(str_from(text));
        double expected = strtod(text, NULL);
        if (memcmp(&v.d, &expected, sizeof expected) != 0)
            fail_msg("%s gave %.17g, not %.17g", text, v.d, expected);
    }
    arena_reset(&arena);
}

static void a_number_of_a_thousand_digits_is_read(void **state) {
    (void)state;
    Str zeros = arena_fmt(&arena, "0.%01000d1", 0);
    assert_true(read_good(zeros).d == 0.0);
    Str long_one = arena_fmt(&arena, "1.%01000d1", 0);
    assert_true(read_good(long_one).d == 1.0);
    Str digits = arena_fmt(&arena, "1%0300d", 0);
    assert_true(read_good(digits).d == 1e300);
    digits = arena_fmt(&arena, "1%0400d", 0);
    assert_refused_at(digits, 0, "too large", __LINE__);
    /* The exponent brings it back into range. */
    Str back = arena_fmt(&arena, "1%0400de-400", 0);
    assert_true(read_good(back).d == 1.0);
    back = arena_fmt(&arena, "0.%01999d1e2000", 0);
    assert_true(read_good(back).d == 1.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_read_as_they_are),
        cmocka_unit_test(integers_take_the_narrowest_type),
        cmocka_unit_test(strings_decode_their_escapes),
        cmocka_unit_test(any_byte_at_any_place_of_a_string_survives),
        cmocka_unit_test(plain_strings_borrow_and_copies_do_not),
        cmocka_unit_test(mistakes_are_refused_where_they_are),
        cmocka_unit_test(strings_that_are_not_text_are_refused),
        cmocka_unit_test(numbers_that_json_does_not_have_are_refused),
        cmocka_unit_test(the_second_of_two_keys_is_named_with_its_place),
        cmocka_unit_test(line_and_column_count_from_one_in_characters),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(an_arena_with_a_cap_bounds_what_is_read),
        cmocka_unit_test(doubles_are_written_shortest),
        cmocka_unit_test(any_double_comes_back_from_its_shortest_text),
        cmocka_unit_test(every_power_of_two_has_its_shortest_text),
        cmocka_unit_test(decimals_read_as_the_c_library_reads_them),
        cmocka_unit_test(a_number_of_a_thousand_digits_is_read),
    };
    return cmocka_run_group_tests_name("json", tests, fresh_arena, drop_arena);
}
