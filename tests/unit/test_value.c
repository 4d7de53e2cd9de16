/* Values: comparison, lookup, building, copies and the canonical text. */
#include "base/json.h"
#include "base/limits.h"
#include "base/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

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

static Value json(const char *text) {
    Value v = VALUE_ABSENT;
    JsonError e;
    if (json_read(&arena, str_from(text), &v, &e))
        fail_msg("%s: %s", text, e.message);
    return v;
}

static Value text(const char *z) { return value_str(str_from(z)); }

#define assert_text(v, z) assert_text_at((v), (z), __LINE__)
static void assert_text_at(Value v, const char *z, int line) {
    Str s = value_text(&arena, v);
    if (!str_is(s, z))
        fail_msg("line %d: %.*s is not %s", line, STR_FMT(s), z);
}

static void numbers_compare_exactly_across_types(void **state) {
    (void)state;
    const int64_t odd = (INT64_C(1) << 53) + 1;
    static const double two53 = 0x1p53, two63 = 0x1p63, two64 = 0x1p64;
    assert_int_equal(value_compare(value_int(odd), value_double(two53)), 1);
    assert_int_equal(value_compare(value_double(two53), value_int(odd)), -1);
    assert_false(value_equal(value_int(odd), value_double(two53)));
    assert_true(value_equal(value_int(odd - 1), value_double(two53)));
    assert_int_equal(value_compare(value_int(INT64_MAX), value_double(two63)), -1);
    assert_int_equal(value_compare(value_int(INT64_MIN), value_double(-two63)), 0);
    assert_int_equal(value_compare(value_uint(UINT64_MAX), value_double(two64)), -1);
    assert_int_equal(value_compare(value_uint(UINT64_C(1) << 63), value_double(two63)), 0);
    assert_int_equal(value_compare(value_int(INT64_MAX), value_uint(UINT64_C(1) << 63)), -1);
    assert_int_equal(value_compare(value_int(-1), value_uint(UINT64_MAX)), -1);
    assert_int_equal(value_compare(value_uint(0), value_int(-1)), 1);
    assert_true(value_equal(value_uint(7), value_int(7)));
}

static void fractions_decide_between_equal_integers(void **state) {
    (void)state;
    assert_int_equal(value_compare(value_int(1), value_double(1.5)), -1);
    assert_int_equal(value_compare(value_int(2), value_double(1.5)), 1);
    assert_int_equal(value_compare(value_int(-1), value_double(-1.5)), 1);
    assert_int_equal(value_compare(value_int(-2), value_double(-1.5)), -1);
    assert_int_equal(value_compare(value_int(0), value_double(-0.5)), 1);
    assert_int_equal(value_compare(value_int(0), value_double(-0.0)), 0);
    assert_int_equal(value_compare(value_uint(0), value_double(-0.0)), 0);
    assert_int_equal(value_compare(value_uint(0), value_double(-0.5)), 1);
    assert_int_equal(value_compare(value_uint(1), value_double(1.5)), -1);
    assert_int_equal(value_compare(value_double(1.5), value_uint(1)), 1);
    assert_int_equal(value_compare(value_int(1), value_double(INFINITY)), -1);
    assert_int_equal(value_compare(value_uint(1), value_double(-INFINITY)), 1);
}

static void nan_is_ordered_with_nothing(void **state) {
    (void)state;
    Value nan_value = value_double(NAN);
    const Value others[] = { value_int(1), value_uint(1), value_double(1), nan_value };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(value_compare(nan_value, others[i]), 2);
        assert_int_equal(value_compare(others[i], nan_value), 2);
        assert_false(value_equal(nan_value, others[i]));
    }
    assert_true(value_same(nan_value, nan_value));
}

static void only_like_types_have_an_order(void **state) {
    (void)state;
    assert_int_equal(value_compare(text("a"), text("b")), -1);
    assert_int_equal(value_compare(text("b"), text("a")), 1);
    assert_int_equal(value_compare(value_bool(false), value_bool(true)), -1);
    assert_int_equal(value_compare(text("1"), value_int(1)), 2);
    assert_int_equal(value_compare(VALUE_NULL, VALUE_NULL), 2);
    assert_int_equal(value_compare(json("[1]"), json("[1]")), 2);
    Value early = { .type = V_TIMESTAMP, .i = 5, .len = 1 };
    Value late = { .type = V_TIMESTAMP, .i = 5, .len = 2 };
    assert_int_equal(value_compare(early, late), -1);
    assert_false(value_equal(early, late));
    Value second = { .type = V_DURATION, .i = 1000000000 };
    assert_int_equal(value_compare(second, (Value){ .type = V_DURATION, .i = -1 }), 1);
    assert_int_equal(value_compare(second, value_int(1000000000)), 2);
}

static void containers_are_equal_by_content(void **state) {
    (void)state;
    assert_true(value_equal(json("[1, 2.0]"), json("[1.0, 2]")));
    assert_false(value_same(json("[1, 2.0]"), json("[1.0, 2]")));
    assert_false(value_equal(json("[1]"), json("[1, 2]")));
    assert_true(value_equal(json("{\"a\": 1, \"b\": [2]}"), json("{\"b\": [2], \"a\": 1.0}")));
    assert_true(value_same(json("{\"a\": 1, \"b\": [2]}"), json("{\"b\": [2], \"a\": 1}")));
    assert_false(value_equal(json("{\"a\": 1}"), json("{\"a\": 2}")));
    assert_false(value_equal(json("{\"a\": 1}"), json("{\"b\": 1}")));
    assert_false(value_equal(json("{}"), json("[]")));
    assert_true(value_equal(VALUE_EMPTY_MAP, json("{}")));
    assert_false(value_equal(VALUE_NULL, value_bool(false)));
    assert_false(value_same(value_double(0.0), value_double(-0.0)));
    assert_true(value_equal(value_double(0.0), value_double(-0.0)));
}

static void optionals_are_equal_if_their_contents_are(void **state) {
    (void)state;
    Value one = value_int(1), one_again = value_uint(1);
    Value none = { .type = V_OPTIONAL }, some = { .type = V_OPTIONAL, .opt = &one };
    Value same = { .type = V_OPTIONAL, .opt = &one_again };
    assert_true(value_equal(none, none));
    assert_false(value_equal(none, some));
    assert_true(value_equal(some, same));
    assert_false(value_same(some, same));
    assert_false(value_equal(some, one));
}

static Value numbered_map(int n) {
    MapBuilder m = map_builder(&arena);
    for (int i = 0; i < n; i++) {
        /* 7919 is prime, so the keys come in no order and none twice. */
        Str key = arena_fmt(&arena, "key%d", i * 7919 % 100003);
        map_adds(&m, key, value_int(i));
    }
    return map_done(&m, NULL);
}

static void every_key_of_a_map_of_any_size_is_found(void **state) {
    (void)state;
    static const int sizes[] = { 0, 1, 2, 7, 8, 9, 10, 100, 5000 };
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        Value v = numbered_map(sizes[s]);
        assert_int_equal(v.len, sizes[s]);
        for (int i = 0; i < sizes[s]; i++) {
            ValueEntry e = value_entry(v, (size_t)i);
            assert_int_equal(e.value.i, i);
            assert_true(value_same(value_get(v, value_as_str(e.key)), e.value));
            assert_true(value_same(value_get_key(v, e.key), e.value));
        }
        assert_true(value_absent(value_getz(v, "no such key")));
        assert_true(value_absent(value_getz(v, "")));
        assert_true(value_absent(value_get_key(v, value_int(1))));
    }
}

static void lookup_in_what_is_no_map_is_absent(void **state) {
    (void)state;
    assert_true(value_absent(value_getz(VALUE_NULL, "a")));
    assert_true(value_absent(value_getz(json("[1]"), "a")));
    assert_true(value_absent(value_getz(VALUE_ABSENT, "a")));
    assert_true(value_absent(value_get(json("{\"\": 1}"), STR_NULL)));
    assert_int_equal(value_get(json("{\"\": 1}"), STR("")).i, 1);
}

static Value mixed_map(int extra) {
    MapBuilder m = map_builder(&arena);
    map_add(&m, value_int(1), text("one"));
    map_add(&m, value_uint(UINT64_MAX), text("most"));
    map_add(&m, value_bool(true), text("yes"));
    map_add(&m, text("1"), text("text"));
    map_add(&m, value_int(-3), text("minus three"));
    for (int i = 0; i < extra; i++)
        map_add(&m, value_int(100 - i), value_int(i));
    size_t dup = 9;
    Value v = map_done(&m, &dup);
    assert_int_equal(dup, 0);
    return v;
}

static void numeric_keys_match_across_types(void **state) {
    (void)state;
    for (int extra = 0; extra < 20; extra += 10) {
        Value v = mixed_map(extra);
        assert_true(str_is(value_as_str(value_get_key(v, value_uint(1))), "one"));
        assert_true(str_is(value_as_str(value_get_key(v, value_double(1.0))), "one"));
        assert_true(str_is(value_as_str(value_get_key(v, value_double(-3.0))), "minus three"));
        assert_true(str_is(value_as_str(value_getz(v, "1")), "text"));
        assert_true(str_is(value_as_str(value_get_key(v, value_bool(true))), "yes"));
        assert_true(value_absent(value_get_key(v, value_bool(false))));
        assert_true(value_absent(value_get_key(v, value_double(1.5))));
        assert_true(value_absent(value_get_key(v, value_double(0x1p64))));
        assert_true(value_absent(value_get_key(v, value_double(NAN))));
        assert_true(value_absent(value_get_key(v, VALUE_NULL)));
    }
}

static void a_later_duplicate_wins_in_the_first_place(void **state) {
    (void)state;
    for (int others = 0; others < 30; others++) {
        MapBuilder m = map_builder(&arena);
        map_addz(&m, "twice", value_int(1));
        for (int i = 0; i < others; i++)
            map_adds(&m, arena_fmt(&arena, "other%d", i), value_int(i));
        map_addz(&m, "twice", value_int(2));
        map_addz(&m, "twice", value_int(3));
        size_t dup = 0;
        Value v = map_done(&m, &dup);
        assert_int_equal(dup, others + 2);
        assert_int_equal(v.len, others + 1);
        assert_int_equal(value_entry(v, 0).value.i, 3);
        assert_int_equal(value_getz(v, "twice").i, 3);
        for (int i = 0; i < others; i++)
            assert_int_equal(value_get(v, arena_fmt(&arena, "other%d", i)).i, i);
    }
}

static void numerically_equal_keys_are_duplicates(void **state) {
    (void)state;
    MapBuilder m = map_builder(&arena);
    map_add(&m, value_int(1), text("a"));
    map_add(&m, value_uint(1), text("b"));
    size_t dup = 0;
    Value v = map_done(&m, &dup);
    assert_int_equal(dup, 2);
    assert_int_equal(v.len, 1);
}

static void with_sets_a_key_and_leaves_the_old_map(void **state) {
    (void)state;
    Value v = VALUE_ABSENT;
    for (int i = 0; i < 20; i++)
        v = value_with(&arena, v, arena_fmt(&arena, "k%d", i), value_int(i));
    Value changed = value_with(&arena, v, STR("k5"), value_int(50));
    assert_int_equal(changed.len, 20);
    assert_int_equal(value_entry(changed, 5).value.i, 50);
    assert_int_equal(value_getz(changed, "k5").i, 50);
    assert_int_equal(value_getz(v, "k5").i, 5);
    assert_int_equal(value_getz(changed, "k19").i, 19);
}

static void lists_keep_what_is_added(void **state) {
    (void)state;
    ListBuilder l = list_builder(&arena);
    assert_text(list_done(&l), "[]");
    for (int i = 0; i < 100; i++)
        list_add(&l, value_int(i));
    Value v = list_done(&l);
    assert_int_equal(v.len, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(v.items[i].i, i);
}

static void a_copy_outlives_its_origin(void **state) {
    (void)state;
    Arena other;
    arena_init(&other, 0);
    char document[] =
        "{\"a\":[1,\"two\",{}],\"b\":{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,"
        "\"7\":7,\"8\":8,\"9\":9},\"c\":null}";
    Value v, within = text("within");
    assert_int_equal(json_read(&other, str_from(document), &v, NULL), 0);
    v = value_with(&other, v, STR("d"), (Value){ .type = V_OPTIONAL, .opt = &within });
    Value copy = value_copy(&arena, v);
    assert_true(value_same(copy, v));
    Str before = value_text(&arena, v);
    arena_deinit(&other);
    memset(document, 'x', sizeof document);
    assert_text(copy, before.p);
    assert_int_equal(value_getz(value_getz(copy, "b"), "7").i, 7);
}

static void maps_are_written_by_key_and_shown_as_they_came(void **state) {
    (void)state;
    assert_text(json("{\"b\": 1, \"a\": 2, \"\": 3, \"B\": 4}"),
                "{\"\":3,\"B\":4,\"a\":2,\"b\":1}");
    assert_text(
        json("{\"j\":1,\"i\":1,\"h\":1,\"g\":1,\"f\":1,\"e\":1,\"d\":1,\"c\":1,\"b\":1,\"a\":1}"),
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1}");
    Buf b = BUF_INIT(1000);
    value_write_pretty(&b, json("{\"b\": [1, {\"x\": []}], \"a\": {}}"));
    assert_true(str_is(buf_str(&b), "{\n  \"b\": [\n    1,\n    {\n      \"x\": []\n    }\n  ],\n"
                                    "  \"a\": {}\n}"));
    buf_deinit(&b);
}

static void any_two_keys_are_written_in_byte_order(void **state) {
    (void)state;
    const Str keys[] = { STR(""),         STR("\0"),         STR("a"),          STR("a\0"),
                         STR("ab"),       STR("abc"),        STR("abcd"),       STR("abcde"),
                         STR("abcdeg"),   STR("abcdef\0"),   STR("abcdefg"),    STR("abcdefgh"),
                         STR("abcdefgi"), STR("abcdefgh\0"), STR("abcdefghij"), STR("abcdefghik"),
                         STR("b"),        STR("\xC3\xA9"),   STR("zz"),         STR("abd") };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        for (size_t j = 0; j < ARRAY_LEN(keys); j++) {
            if (i == j)
                continue;
            MapBuilder m = map_builder(&arena);
            map_adds(&m, keys[i], value_int(1));
            map_adds(&m, keys[j], value_int(2));
            Str s = value_text(&arena, map_done(&m, NULL));
            ptrdiff_t one = str_find(s, STR(":1")), two = str_find(s, STR(":2"));
            assert_int_equal(one < two, str_cmp(keys[i], keys[j]) < 0);
        }
}

static void types_beyond_json_have_a_text(void **state) {
    (void)state;
    Value one = value_int(1);
    assert_text(value_uint(UINT64_MAX), "18446744073709551615");
    assert_text(value_int(INT64_MIN), "-9223372036854775808");
    assert_text(value_int(0), "0");
    assert_text(((Value){ .type = V_BYTES, .len = 4, .s = "\xFF\x00\x01z" }), "\"/wABeg==\"");
    assert_text(((Value){ .type = V_BYTES, .len = 3, .s = "Man" }), "\"TWFu\"");
    assert_text(((Value){ .type = V_BYTES, .len = 2, .s = "Ma" }), "\"TWE=\"");
    assert_text(((Value){ .type = V_BYTES, .len = 0, .s = "" }), "\"\"");
    assert_text(((Value){ .type = V_TIMESTAMP, .i = 0, .len = 500000000 }),
                "\"1970-01-01T00:00:00.5Z\"");
    assert_text(((Value){ .type = V_DURATION, .i = 3500000000 }), "\"3.5s\"");
    assert_text(((Value){ .type = V_DURATION, .i = -1 }), "\"-0.000000001s\"");
    assert_text(((Value){ .type = V_DURATION, .i = 60000000000 }), "\"60s\"");
    assert_text(((Value){ .type = V_DURATION, .i = INT64_MIN }), "\"-9223372036.854775808s\"");
    assert_text(((Value){ .type = V_TYPE, .len = 3, .s = "int" }), "\"int\"");
    assert_text(((Value){ .type = V_OPTIONAL }), "null");
    assert_text(((Value){ .type = V_OPTIONAL, .opt = &one }), "1");
    assert_text(value_double(NAN), "\"NaN\"");
    assert_text(value_double(-INFINITY), "\"-Infinity\"");
}

static void keys_of_other_types_are_written_as_text_without_clash(void **state) {
    (void)state;
    assert_text(mixed_map(0),
                "{\"-3\":\"minus three\",\"1\":\"text\",\"18446744073709551615\":\"most\","
                "\"true\":\"yes\"}");
    Value v = mixed_map(10);
    Str s = value_text(&arena, v);
    Value back;
    assert_int_equal(json_read(&arena, s, &back, NULL), 0);
    assert_int_equal(back.len, v.len - 1);
}

static void strings_escape_only_what_they_must(void **state) {
    (void)state;
    assert_text(text("plain / \x7F \xC3\xA9 \xF0\x9F\x98\x80"),
                "\"plain / \x7F \xC3\xA9 \xF0\x9F\x98\x80\"");
    assert_text(text("\"\\\b\f\n\r\t\x01\x1F"), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"");
    assert_text(value_str(STR("a\0b")), "\"a\\u0000b\"");
    assert_text(text("long enough for words \" and more after it \\"),
                "\"long enough for words \\\" and more after it \\\\\"");
    assert_text(text("bad \xFF\xC3"), "\"bad \xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_text(text(""), "\"\"");
}

static Value nested(unsigned levels) {
    Value v = VALUE_EMPTY_LIST;
    for (unsigned i = 1; i < levels; i++) {
        ListBuilder l = list_builder(&arena);
        list_add(&l, v);
        v = list_done(&l);
    }
    return v;
}

static void a_value_too_deep_to_read_back_is_not_written(void **state) {
    (void)state;
    Value back;
    assert_int_equal(json_read(&arena, value_text(&arena, nested(LIMIT_DEPTH)), &back, NULL), 0);
    assert_null(value_text(&arena, nested(LIMIT_DEPTH + 1)).p);
    Buf b = BUF_INIT(1000);
    value_write_pretty(&b, nested(LIMIT_DEPTH + 1));
    assert_true(buf_over(&b));
    buf_deinit(&b);
}

static void a_text_past_the_cap_leaves_the_buffer_over(void **state) {
    (void)state;
    Buf b = BUF_INIT(20);
    value_write(&b, json("[1,2,3,4,5,6,7,8,9,10,11,12]"));
    assert_true(buf_over(&b));
    assert_true(b.len <= 20);
    buf_deinit(&b);
}

static void interpolation_leaves_strings_bare(void **state) {
    (void)state;
    assert_true(str_is(value_plain(&arena, text("a \"b\"")), "a \"b\""));
    assert_true(str_is(value_plain(&arena, json("{\"a\":[1]}")), "{\"a\":[1]}"));
    assert_true(str_is(value_plain(&arena, value_double(1)), "1.0"));
}

static void types_have_the_names_of_cel(void **state) {
    (void)state;
    assert_true(str_is(value_type_name(VALUE_NULL), "null_type"));
    assert_true(str_is(value_type_name(value_uint(1)), "uint"));
    assert_true(str_is(value_type_name((Value){ .type = V_DURATION }), "google.protobuf.Duration"));
    assert_true(str_is(value_type_name((Value){ .type = V_OPTIONAL }), "optional_type"));
}

static void a_value_is_sixteen_bytes(void **state) {
    (void)state;
    assert_int_equal(sizeof(Value), 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_compare_exactly_across_types),
        cmocka_unit_test(fractions_decide_between_equal_integers),
        cmocka_unit_test(nan_is_ordered_with_nothing),
        cmocka_unit_test(only_like_types_have_an_order),
        cmocka_unit_test(containers_are_equal_by_content),
        cmocka_unit_test(optionals_are_equal_if_their_contents_are),
        cmocka_unit_test(every_key_of_a_map_of_any_size_is_found),
        cmocka_unit_test(lookup_in_what_is_no_map_is_absent),
        cmocka_unit_test(numeric_keys_match_across_types),
        cmocka_unit_test(a_later_duplicate_wins_in_the_first_place),
        cmocka_unit_test(numerically_equal_keys_are_duplicates),
        cmocka_unit_test(with_sets_a_key_and_leaves_the_old_map),
        cmocka_unit_test(lists_keep_what_is_added),
        cmocka_unit_test(a_copy_outlives_its_origin),
        cmocka_unit_test(maps_are_written_by_key_and_shown_as_they_came),
        cmocka_unit_test(any_two_keys_are_written_in_byte_order),
        cmocka_unit_test(types_beyond_json_have_a_text),
        cmocka_unit_test(keys_of_other_types_are_written_as_text_without_clash),
        cmocka_unit_test(strings_escape_only_what_they_must),
        cmocka_unit_test(a_value_too_deep_to_read_back_is_not_written),
        cmocka_unit_test(a_text_past_the_cap_leaves_the_buffer_over),
        cmocka_unit_test(interpolation_leaves_strings_bare),
        cmocka_unit_test(types_have_the_names_of_cel),
        cmocka_unit_test(a_value_is_sixteen_bytes),
    };
    return cmocka_run_group_tests_name("value", tests, fresh_arena, drop_arena);
}
