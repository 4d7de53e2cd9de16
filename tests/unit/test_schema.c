/* JSON Schema: what is refused when it is read, what is said of a value that does not fit, and that no schema and no value
 * make it cost more than its bounds. What the keywords mean is the official suite's to say (test_schema_conformance.c). */
#include "base/json.h"
#include "base/limits.h"
#include "spec/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static Arena arena;

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 0);
    return 0;
}
static int end(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* ' stands for ". */
static Value read_value(const char *text) {
    Str copy = arena_str(&arena, str_from(text));
    for (char *p = (char *)copy.p; *p; p++)
        if (*p == '\'')
            *p = '"';
    Value v;
    JsonError error;
    if (json_read(&arena, copy, &v, &error))
        fail_msg("%s: %s", text, error.message);
    return v;
}

static const Schema *compile(const char *text) {
    const Schema *s = NULL;
    SchemaProblems problems;
    if (schema_compile(&arena, read_value(text), &s, &problems))
        fail_msg("%s: %.*s", text, STR_FMT(problems.items[0].message));
    return s;
}

static void check_text(const char *what, Str got, const char *want) {
    if (!str_is(got, want))
        fail_msg("%s\n  gives %.*s\n  wants %s", what, STR_FMT(got), want);
}

static void a_schema_that_says_nothing_sure_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *schema, *problem;
    } cases[] = {
        { "3", ": a schema is a map, true or false ()" },
        { "{'minimun': 1}",
          "/minimun: JSON Schema has no keyword `minimun` (did you mean `minimum`?)" },
        { "{'properties': {'a/b': {'nullable': true}}}",
          "/properties/a~1b/nullable: JSON Schema has no keyword `nullable` (write `type: [..., "
          "\"null\"]`)" },
        { "{'$schema': 'http://json-schema.org/draft-07/schema#', 'prefixItems': [true]}",
          "/prefixItems: draft 7 of JSON Schema has no keyword `prefixItems` (2020-12 has it: "
          "change `$schema`)" },
        { "{'items': [true]}", "/items: `items` takes one schema, that of all items (write a list "
                               "of schemas as `prefixItems`)" },
        { "{'$schema': 'https://x/y'}",
          "/$schema: this draft or dialect of JSON Schema is not known "
          "(https://json-schema.org/draft/2020-12/schema or "
          "http://json-schema.org/draft-07/schema#)" },
        { "{'type': 'strin'}", "/type: `type` takes null boolean integer number string array or "
                               "object, or a list of them ()" },
        { "{'minLength': -1}", "/minLength: `minLength` takes a count: 0, 1, 2 ... ()" },
        { "{'multipleOf': 0}", "/multipleOf: `multipleOf` takes a number above 0 ()" },
        { "{'required': 'a'}", "/required: `required` takes a list of names ()" },
        { "{'not': 1}", "/not: a schema is a map, true or false ()" },
        { "{'anyOf': []}", "/anyOf: `anyOf` takes a list of at least one schema ()" },
        { "{'pattern': '(a'}", "/pattern: the pattern: ( is not closed (at byte 2) (patterns are "
                               "those of JavaScript, with the flag u)" },
        { "{'patternProperties': {'a++': true}}",
          "/patternProperties: the pattern: a repetition has nothing before it that it could "
          "repeat (at byte 2) (patterns are those of JavaScript, with the flag u)" },
        { "{'$ref': '#/$defs/a', '$defs': {'b': true}}",
          "/$ref: there is no schema at `#/$defs/a` (like `#/$defs/name`)" },
        { "{'$ref': '#/const', 'const': {'type': 'string'}}",
          "/$ref: there is no schema at `#/const` (like `#/$defs/name`)" },
        { "{'items': {'$ref': 'http://example.com/a'}}",
          "/items/$ref: `http://example.com/a` is not in this document (nothing is fetched: put it "
          "under `$defs`)" },
        { "{'$ref': '#'}", ": this schema asks itself of the same value, without end (let a "
                           "property or an item stand between)" },
        { "{'$defs': {'a': {'anyOf': [{'$ref': '#/$defs/b'}]}, 'b': {'not': {'$ref': "
          "'#/$defs/a'}}}}",
          "/$defs/a/anyOf/0: this schema asks itself of the same value, without end (let a property or "
          "an item stand between)" },
        { "{'$defs': {'a': {'$anchor': 'x'}, 'b': {'$anchor': 'x'}}}",
          "/$defs/b/$anchor: two schemas are called `x` (name one of them otherwise)" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const Schema *s;
        SchemaProblems problems;
        int r = schema_compile(&arena, read_value(cases[i].schema), &s, &problems);
        assert_int_equal(r, SCHEMA_E_INVALID);
        SchemaProblem p = problems.items[0];
        check_text(cases[i].schema,
                   arena_fmt(&arena, "%.*s: %.*s (%.*s)", STR_FMT(p.at), STR_FMT(p.message),
                             STR_FMT(p.remedy)),
                   cases[i].problem);
    }
}

static void what_does_not_fit_is_said_with_both_places(void **state) {
    (void)state;
    static const struct {
        const char *schema, *value, *trouble;
    } cases[] = {
        { "{'type': ['string', 'null']}", "1", "[] #/type: expected string or null, got 1" },
        { "{'type': 'number'}", "'1'", "[] #/type: expected number, got \"1\"" },
        { "{'properties': {'a/b': {'items': {'minimum': 3}}}}", "{'a/b': [3, 2.5]}",
          "/a~1b/1[a/b[1]] #/properties/a~1b/items/minimum: must be at least 3, got 2.5" },
        { "{'exclusiveMaximum': 3}", "3", "[] #/exclusiveMaximum: must be less than 3, got 3" },
        { "{'multipleOf': 0.1}", "0.35", "[] #/multipleOf: must be a multiple of 0.1, got 0.35" },
        { "{'minLength': 3}", "'\u00fc'",
          "[] #/minLength: must have at least 3 characters, has 1" },
        { "{'maxItems': 1}", "[1, 2]", "[] #/maxItems: must have at most 1 item, has 2" },
        { "{'minProperties': 2}", "{}",
          "[] #/minProperties: must have at least 2 properties, has 0" },
        { "{'pattern': '^a'}", "'b'", "[] #/pattern: must match the pattern ^a, got \"b\"" },
        { "{'enum': ['a', null, 3]}", "'c'", "[] #/enum: expected \"a\", null or 3, got \"c\"" },
        { "{'const': {'a': 1}}", "[]", "[] #/const: expected {\"a\":1}, got a list" },
        { "{'required': ['a', 'b']}", "{'a': 1}", "[] #/required: `b` is missing" },
        { "{'dependentRequired': {'a': ['b']}}", "{'a': 1}",
          "[] #/dependentRequired: `b` is missing beside what needs it" },
        { "{'properties': {'title': true}, 'additionalProperties': false}", "{'titel': 1}",
          "/titel[titel] #/additionalProperties: unknown property, did you mean `title`?" },
        { "{'allOf': [{'properties': {'a': true}}], 'unevaluatedProperties': false}",
          "{'a': 1, 'b': 2}", "/b[b] #/unevaluatedProperties: unknown property" },
        { "{'prefixItems': [true], 'items': false}", "[1, 2]",
          "/1[[1]] #/items: there may be no item here" },
        { "{'contains': {'const': 1}}", "[2]",
          "[] #/contains: no item is as `contains` wants one" },
        { "{'contains': {'const': 1}, 'maxContains': 1}", "[1, 1]",
          "[] #/contains: at most 1 items must be as `contains` says, not 2" },
        { "{'uniqueItems': true}", "[1, [2], 1.0]",
          "[] #/uniqueItems: items must differ, but [0] and [2] are the same" },
        { "{'propertyNames': {'maxLength': 2}}", "{'abc': 1}",
          "[] #/propertyNames: `abc` cannot be the name of a property: must have at most 2 "
          "characters, has 3" },
        { "{'not': {'type': 'null'}}", "null", "[] #/not: is what `not` excludes" },
        { "{'oneOf': [{'minimum': 1}, {'minimum': 2}]}", "3",
          "[] #/oneOf: fits alternatives 1 and 2 of `oneOf`, must fit one only" },
        { "{'anyOf': [{'type': 'string'}, {'properties': {'kind': {'const': 'a'}}}, {'properties': "
          "{'kind': {'const': 'b'}, 'n': {'minimum': 1}}}]}",
          "{'kind': 'b', 'n': 0}",
          "[] #/anyOf: fits none of 3 alternatives; the nearest: n: must be at least 1, got 0" },
        { "{'if': {'required': ['a']}, 'then': {'required': ['b']}}", "{'a': 1}",
          "[] #/then/required: `b` is missing" },
        { "{'$ref': '#/$defs/a', '$defs': {'a': {'type': 'string'}}}", "1",
          "[] #/$defs/a/type: expected string, got 1" },
        { "{'items': {'$ref': 'https://json-schema.org/draft/2020-12/schema'}}",
          "[{'minLength': 'x'}]",
          "/0/minLength[[0].minLength] "
          "https://json-schema.org/draft/2020-12/meta/validation#/$defs/nonNegativeInteger/type: "
          "expected integer, got \"x\"" },
        { "false", "1", "[] #: no value fits" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SchemaTroubles t;
        int r = schema_check(compile(cases[i].schema), read_value(cases[i].value), &arena, &t);
        if (r != SCHEMA_E_INVALID)
            fail_msg("%s of %s gives %d", cases[i].value, cases[i].schema, r);
        check_text(cases[i].schema,
                   arena_fmt(&arena, "%.*s[%.*s] %.*s: %.*s", STR_FMT(t.items[0].at),
                             STR_FMT(t.items[0].path), STR_FMT(t.items[0].place),
                             STR_FMT(t.items[0].message)),
                   cases[i].trouble);
    }
}

static void several_troubles_are_told_but_not_all(void **state) {
    (void)state;
    SchemaTroubles t;
    const Schema *s = compile("{'items': {'type': 'string'}, 'maxItems': 3}");
    assert_int_equal(schema_check(s, read_value("[1,'a',2,3,4,5]"), &arena, &t), SCHEMA_E_INVALID);
    assert_int_equal(t.n, SCHEMA_TROUBLES_MAX);
    check_text("first", t.items[0].message, "must have at most 3 items, has 6");
    check_text("second", t.items[1].at, "/0");
    check_text("third", t.items[2].at, "/2");
    assert_int_equal(schema_check(s, read_value("['a']"), &arena, &t), 0);
    assert_int_equal(t.n, 0);
}

static void what_json_lacks_counts_as_its_text(void **state) {
    (void)state;
    const Schema *s = compile("{'type': 'string', 'pattern': '^(2026-11-21T00:00:00Z|90s)$'}");
    Value time = { .type = V_TIMESTAMP, .i = 1795219200 },
          duration = { .type = V_DURATION, .i = 90 * INT64_C(1000000000) };
    assert_int_equal(schema_check(s, time, &arena, NULL), 0);
    assert_int_equal(schema_check(s, duration, &arena, NULL), 0);
    duration.i++;
    assert_int_equal(schema_check(s, duration, &arena, NULL), SCHEMA_E_INVALID);
}

static void patterns_are_those_of_javascript(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool found;
    } cases[] = {
        { "^.$", "\\n", false },
        { "^.$", "\u00e9", true },
        { "a$", "a\\n", false },
        { "^\\\\s$", "\u00a0", true },
        { "^\\\\s$", "\u2003", true },
        { "^\\\\S$", "\ufeff", false },
        { "^[\\\\S]$", "x", true },
        { "^[\\\\S]$", "\u3000", false },
        { "^\\\\d$", "\u0663", false },
        { "^\\\\w$", "\u00e9", false },
        { "^[]$", "", false },
        { "^[^]$", "\\n", true },
        { "^\\\\p{Letter}+$", "\u00e9a", true },
        { "^\\\\p{Script=Greek}$", "\u03b1", true },
        { "^\\\\P{Lu}$", "A", false },
        { "^(a)?\\\\1b$", "b", true },
        { "^(?<x>a|b)\\\\k<x>$", "bb", true },
        { "(?<!a)b", "ab", false },
        { "(?=a)a", "a", true },
        { "^\\\\u{1F600}$", "\U0001F600", true },
        { "^\\\\ud83d\\\\ude00$", "\U0001F600", true },
        { "^\\\\cA$", "\\u0001", true },
        { "^{a}$", "{a}", true },
        { "^a{2,3}?$", "aaa", true },
        { "^[a-c\\\\-]+$", "a-c", true },
        { "^\\\\/x$", "/x", true },
        { "b", "abc", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const Schema *s = compile(arena_fmt(&arena, "{'pattern': '%s'}", cases[i].pattern).p);
        Value v = read_value(arena_fmt(&arena, "'%s'", cases[i].text).p);
        if ((schema_check(s, v, &arena, NULL) == 0) != cases[i].found)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
    }
}

static void patterns_that_javascript_lacks_are_refused(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "\\\\a",         "\\\\Z",     "(?i)a",    "(?>a)",     "a)",          "[a",
        "[b-a]",         "a{2,1}",    "\\\\2(a)", "*a",        "\\\\p{Nope}", "\\\\x1",
        "\\\\u{110000}", "\\\\ud800", "(?<1>a)",  "[\\\\d-z]", "a\\\\",
    };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        const Schema *s;
        SchemaProblems problems;
        Value v = read_value(arena_fmt(&arena, "{'pattern': '%s'}", patterns[i]).p);
        if (schema_compile(&arena, v, &s, &problems) == 0)
            fail_msg("%s is accepted", patterns[i]);
    }
}

/* ---- cost ---- */

static Value many(char c, size_t n) {
    char *text = arena_alloc(&arena, n + 1);
    memset(text, c, n);
    text[n - 1] = '!';
    return value_str((Str){ text, n });
}

static void a_pattern_that_goes_astray_is_stopped(void **state) {
    (void)state;
    SchemaTroubles t;
    const Schema *s = compile("{'pattern': '^(a+)+$'}");
    assert_int_equal(schema_check(s, many('a', 10000), &arena, &t), SCHEMA_E_COST);
    assert_int_equal(t.n, 1);
    assert_int_equal(schema_check(s, read_value("'aaa'"), &arena, &t), 0);
}

/* Each level is asked twice of the one below. */
static void alternatives_that_multiply_are_stopped(void **state) {
    (void)state;
    const Schema *s = compile("{'allOf': [{'items': {'$ref': '#'}}, {'items': {'$ref': '#'}}]}");
    Buf b = BUF_INIT(KIB);
    for (int i = 0; i < 60; i++)
        buf_char(&b, '[');
    buf_char(&b, '1');
    for (int i = 0; i < 60; i++)
        buf_char(&b, ']');
    Value v = read_value(arena_str(&arena, buf_str(&b)).p);
    buf_deinit(&b);
    assert_int_equal(schema_check(s, v, &arena, NULL), SCHEMA_E_COST);
}

static void a_large_list_of_lists_is_searched_for_equals_in_time(void **state) {
    (void)state;
    enum { N = 100000 };
    Value *items = ARENA_ARRAY(&arena, Value, N), *inner = ARENA_ARRAY(&arena, Value, N);
    for (int i = 0; i < N; i++) {
        inner[i] = value_int(i);
        items[i] = value_list(&inner[i], 1);
    }
    SchemaTroubles t;
    const Schema *s = compile("{'uniqueItems': true}");
    assert_int_equal(schema_check(s, value_list(items, N), &arena, &t), 0);
    items[N - 1] = items[7];
    assert_int_equal(schema_check(s, value_list(items, N), &arena, &t), SCHEMA_E_INVALID);
    check_text("the pair", t.items[0].message,
               "items must differ, but [7] and [99999] are the same");
}

static void a_long_chain_of_references_is_refused_or_stopped(void **state) {
    (void)state;
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "{'$ref': '#/$defs/a0', '$defs': {");
    for (int i = 0; i < 5000; i++)
        buf_fmt(&b, "'a%d': {'$ref': '#/$defs/a%d'}, ", i, i + 1);
    buf_fmt(&b, "'a5000': true}}");
    const Schema *s;
    SchemaProblems problems;
    Value v = read_value(arena_str(&arena, buf_str(&b)).p);
    buf_deinit(&b);
    assert_int_equal(schema_compile(&arena, v, &s, &problems), SCHEMA_E_INVALID);
}

int main(void) {
#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_schema_that_says_nothing_sure_is_refused),
        TEST(what_does_not_fit_is_said_with_both_places),
        TEST(several_troubles_are_told_but_not_all),
        TEST(what_json_lacks_counts_as_its_text),
        TEST(patterns_are_those_of_javascript),
        TEST(patterns_that_javascript_lacks_are_refused),
        TEST(a_pattern_that_goes_astray_is_stopped),
        TEST(alternatives_that_multiply_are_stopped),
        TEST(a_large_list_of_lists_is_searched_for_equals_in_time),
        TEST(a_long_chain_of_references_is_refused_or_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
