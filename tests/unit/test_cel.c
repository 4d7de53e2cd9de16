/* The expression language beyond the specification's own cases: names and slots, messages and where they point,
 * budgets, Baton's own functions, and the end of an expression embedded in text. */
#include "base/limits.h"
#include "cel/cel.h"
#include "cel/function.h" /* before cmocka.h, which has a fail() of its own */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- a small world: input, x, and the outputs of two steps, one of which was skipped ---- */

enum { SLOT_INPUT, SLOT_X, SLOT_A_OUTPUT, SLOT_B_OUTPUT, SLOT_FAILED };

typedef struct World {
    Arena arena;
    Value input;
    unsigned loads;
} World;

static size_t resolve(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message) {
    (void)ctx;
    *ret_slot = str_is(parts[0], "input")      ? SLOT_INPUT
                : str_is(parts[0], "x")        ? SLOT_X
                : str_is(parts[0], "failed()") ? SLOT_FAILED
                                               : UINT64_MAX;
    if (*ret_slot != UINT64_MAX)
        return 1;
    if (!str_is(parts[0], "steps"))
        return 0;
    bool a = n > 1 && str_is(parts[1], "a"), b = n > 1 && str_is(parts[1], "b");
    if (n < 3 || (!a && !b) || !str_is(parts[2], "output")) {
        snprintf(message, 240, "no such step; the steps are a and b");
        return 0;
    }
    *ret_slot = a ? SLOT_A_OUTPUT : SLOT_B_OUTPUT;
    return 3;
}

static Value load(void *ctx, uint64_t slot, Arena *a) {
    World *w = ctx;
    (void)a;
    w->loads++;
    switch (slot) {
    case SLOT_X: return value_str(STR("hello"));
    case SLOT_B_OUTPUT: return VALUE_ABSENT;
    case SLOT_FAILED: return value_bool(true);
    default: return w->input;
    }
}

static int set_up(void **state) {
    World *w = xcalloc(1, sizeof *w);
    arena_init(&w->arena, 0);
    MapBuilder m = map_builder(&w->arena);
    map_addz(&m, "title", value_str(STR("Report")));
    map_addz(&m, "score", value_double(0.9));
    map_addz(&m, "count", value_int(3));
    w->input = map_done(&m, NULL);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    World *w = *state;
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

static const CelNames names = { .resolve = resolve };

static int run(World *w, const char *source, Value *ret_value, CelError *ret_error) {
    CelScope scope = { .load = load, .ctx = w };
    CelProgram *p;
    int failed = cel_compile(&w->arena, str_from(source), &names, &p, ret_error);
    return failed ? failed : cel_eval(p, &scope, &w->arena, ret_value, ret_error);
}

static void gives(void **state, const char *source, const char *json) {
    World *w = *state;
    Value v;
    CelError error = { 0 };
    if (run(w, source, &v, &error))
        fail_msg("%s: at %zu: %s", source, error.offset, error.message);
    assert_string_equal(value_text(&w->arena, v).p, json);
}

/* Fails with `code`, pointing at `at` within the source, with a message that holds `words`. */
static void refuses(void **state, int code, const char *source, const char *at, const char *words) {
    World *w = *state;
    Value v;
    CelError error = { 0 };
    int got = run(w, source, &v, &error);
    if (got != code)
        fail_msg("%s: got %d (%s), not %d", source, got, error.message, code);
    if (!strstr(error.message, words))
        fail_msg("%s: the message is \"%s\" and lacks \"%s\"", source, error.message, words);
    const char *place = strstr(source, at);
    assert_non_null(place);
    if (error.offset != (size_t)(place - source))
        fail_msg("%s: points at %zu, not at %zu", source, error.offset, (size_t)(place - source));
}

/* ---- names and slots ---- */

static void the_longest_known_name_becomes_a_slot_and_the_rest_selections(void **state) {
    gives(state, "steps.a.output.title", "\"Report\"");
    gives(state, "input.count + 1", "4");
}

static void slots_are_listed_once_in_order_of_appearance(void **state) {
    World *w = *state;
    CelProgram *p;
    const uint64_t *slots;
    Str source =
        STR("steps.a.output.score > 0.5 && input.count > 1 && steps.a.output.count == size(x)");
    assert_int_equal(cel_compile(&w->arena, source, &names, &p, NULL), 0);
    assert_int_equal(cel_slots(p, &slots), 3);
    assert_int_equal(slots[0], SLOT_A_OUTPUT);
    assert_int_equal(slots[1], SLOT_INPUT);
    assert_int_equal(slots[2], SLOT_X);
    assert_true(str_eq(cel_source(p), source));
    assert_true(value_absent(cel_constant(p)));
}

static void a_constant_program_is_folded_and_loads_nothing(void **state) {
    World *w = *state;
    CelProgram *p;
    const uint64_t *slots;
    assert_int_equal(cel_compile(&w->arena, STR("[1, 2, 3].map(i, i * 2).sum()"), &names, &p, NULL),
                     0);
    assert_int_equal(cel_slots(p, &slots), 0);
    assert_true(value_same(cel_constant(p), value_int(12)));
}

static void a_program_outlives_its_source(void **state) {
    World *w = *state;
    char source[] = "input.title + x + 'tail'";
    CelProgram *p;
    assert_int_equal(cel_compile(&w->arena, str_from(source), &names, &p, NULL), 0);
    memset(source, '#', sizeof source - 1);
    CelScope scope = { .load = load, .ctx = w };
    Value v;
    assert_int_equal(cel_eval(p, &scope, &w->arena, &v, NULL), 0);
    assert_true(value_same(v, value_str(STR("Reporthellotail"))));
}

static void a_variable_of_a_macro_shadows_a_name(void **state) {
    gives(state, "[1, 2].map(x, x + 1)", "[2,3]");
    gives(state, "[1, 2].map(input, input) == [1, 2] && input.count == 3", "true");
}

static void an_unknown_name_is_refused_when_compiled(void **state) {
    refuses(state, CEL_E_SYNTAX, "true || foo.bar", "foo", "no such name: foo");
    refuses(state, CEL_E_SYNTAX, "steps.c.output", "steps", "the steps are a and b");
    refuses(state, CEL_E_SYNTAX, "size", "size", "write size(");
}

static void a_call_without_arguments_may_be_a_name(void **state) {
    gives(state, "failed() && input.count == 3", "true");
    refuses(state, CEL_E_SYNTAX, "always()", "always", "no such function: always()");
}

/* ---- what is not there ---- */

static void a_slot_without_value_fails_when_read_and_not_when_asked_for(void **state) {
    refuses(state, CEL_E_EVAL, "1 == 1 && steps.b.output.title == ''", "steps.b",
            "steps.b.output has no value here");
    gives(state, "has(steps.b.output)", "false");
    gives(state, "has(steps.b.output.title)", "false");
    gives(state, "has(steps.a.output) && has(steps.a.output.title)", "true");
    gives(state, "steps.b.?output.hasValue()", "false");
    gives(state, "steps.b.output.?title.orValue('none')", "\"none\"");
    gives(state, "steps.b.?output.title.orValue('none')", "\"none\"");
    gives(state, "steps.b.output[?'title'].orValue('none')", "\"none\"");
    gives(state, "steps.a.?output.title.orValue('none')", "\"Report\"");
    gives(state, "{?'a': steps.b.?output, 'b': 1}", "{\"b\":1}");
}

static void the_other_value_is_only_evaluated_when_needed(void **state) {
    gives(state, "steps.a.?output.title.orValue(steps.b.output.title)", "\"Report\"");
    gives(state, "optional.of(1).or(optional.of(1 / 0)).value()", "1");
    refuses(state, CEL_E_EVAL, "optional.none().orValue(1 / 0)", "/", "division by zero");
}

static void a_missing_field_is_told_with_the_nearest_one(void **state) {
    refuses(state, CEL_E_EVAL, "input.scor > 1.0", "scor", "did you mean score?");
    refuses(state, CEL_E_EVAL, "input['titel']", "[", "did you mean title?");
    refuses(state, CEL_E_EVAL, "[1, 2][2]", "[2]", "outside of the list of 2");
    refuses(state, CEL_E_EVAL, "input.title.len", "len", "no field len on string");
}

/* ---- messages ---- */

static void a_mistake_of_types_names_both_and_the_remedy(void **state) {
    refuses(state, CEL_E_EVAL, "1 + 100 * 0.9", "*",
            "no such overload: int * double; write double(x)");
    refuses(state, CEL_E_EVAL, "input.count + 1u", "+", "no such overload: int + uint");
    refuses(state, CEL_E_EVAL, "'n: ' + input.count", "+", "write text(x)");
    refuses(state, CEL_E_EVAL, "x < 1", "<", "no such overload: string < int");
    refuses(state, CEL_E_EVAL, "size(input.count)", "size",
            "no such overload: size(int); it takes (string)");
    refuses(state, CEL_E_EVAL, "x.?y", "y", "no field y on string");
}

static void what_is_no_bool_is_no_condition(void **state) {
    refuses(state, CEL_E_EVAL, "true && x", "x", "expected a bool here, not string");
    refuses(state, CEL_E_EVAL, "input.count ? 1 : 2", "count", "x != 0");
    refuses(state, CEL_E_EVAL, "[1].all(i, i)", "i)", "must give a bool");
    refuses(state, CEL_E_EVAL, "!x", "x", "no truthiness");
}

static void a_near_miss_of_a_function_is_told(void **state) {
    refuses(state, CEL_E_SYNTAX, "sizee(x) > 1", "sizee", "did you mean size()?");
    refuses(state, CEL_E_SYNTAX, "len(x) > 1", "len", "write size(x)");
    refuses(state, CEL_E_SYNTAX, "x.lenght() > 1", "lenght", "x.lenght(); write size(x)");
    refuses(state, CEL_E_EVAL, "x.length > 1", "length", "write size(x)");
    refuses(state, CEL_E_SYNTAX, "x.test('a')", "test", "write x.matches(");
    refuses(state, CEL_E_SYNTAX, "x.matchs('a')", "matchs", "did you mean matches()?");
    refuses(state, CEL_E_SYNTAX, "JSON.parse(x)", "parse", "write parseJson(x)");
    refuses(state, CEL_E_SYNTAX, "base64.encod(x)", "encod", "did you mean base64.encode()?");
    refuses(state, CEL_E_SYNTAX, "regex.foo(x)", "foo",
            "no such function: regex.foo(); regex has extract, extractAll, replace");
    refuses(state, CEL_E_SYNTAX, "x.sortby(i, i)", "sortby", "did you mean sortBy()?");
    refuses(state, CEL_E_SYNTAX, "x.toUpperCase()", "toUpper", "write x.upperAscii()");
    refuses(state, CEL_E_SYNTAX, "quote(x)", "quote", "strings.quote()");
    refuses(state, CEL_E_SYNTAX, "contains(x, 'a')", "contains", "contains is a method");
    refuses(state, CEL_E_SYNTAX, "x.int()", "int", "int is a function: write int(x)");
    refuses(state, CEL_E_SYNTAX, "x.substring()", "substring", "does not take 0 arguments");
    refuses(state, CEL_E_SYNTAX, "x.map(1, 2)", "1", "name of a variable");
}

static void a_control_character_says_how_to_quote_in_yaml(void **state) {
    refuses(state, CEL_E_SYNTAX, "x.contains(r'\bcode\b')", "\bcode", "use single quotes outside");
    refuses(state, CEL_E_SYNTAX, "x.contains('\bcode')", "\bcode", "use single quotes outside");
    refuses(state, CEL_E_SYNTAX, "1 + \x01", "\x01", "use single quotes outside");
    gives(state, "'tab\tand\\b' != ''", "true");
    gives(state, "\n\t 1 // a note\r\n + 1", "2");
}

static void habits_of_other_languages_are_answered(void **state) {
    refuses(state, CEL_E_SYNTAX, "x = 1", "=", "compare with ==");
    refuses(state, CEL_E_SYNTAX, "x & 1", "&", "write &&");
    refuses(state, CEL_E_SYNTAX, "true and false", "and", "write &&");
    refuses(state, CEL_E_SYNTAX, "${x}", "$", "names stand alone");
    refuses(state, CEL_E_SYNTAX, "x.map(i => i)", "=>", "no arrow functions");
    refuses(state, CEL_E_SYNTAX, "Point{x: 1}", "{", "no messages");
    refuses(state, CEL_E_SYNTAX, "'don't'", "t'", "an operator or the end");
    refuses(state, CEL_E_SYNTAX, "7d", "7d", "a number cannot end in d");
    refuses(state, CEL_E_EVAL, "duration('7d')", "duration", "168h");
}

static void what_breaks_off_is_refused_where_it_does(void **state) {
    refuses(state, CEL_E_SYNTAX, "", "", "empty");
    refuses(state, CEL_E_SYNTAX, "'abc", "'abc", "no closing '");
    refuses(state, CEL_E_SYNTAX, "'a\nb'", "'a", "three quotes");
    refuses(state, CEL_E_SYNTAX, "'\\q'", "\\q", "no escape");
    refuses(state, CEL_E_SYNTAX, "'\\ud800'", "\\u", "names no character");
    refuses(state, CEL_E_SYNTAX, "b'\\u00ff'", "\\u", "in bytes");
    refuses(state, CEL_E_SYNTAX, "18446744073709551616", "1844", "beyond 64 bits");
    refuses(state, CEL_E_SYNTAX, "1 + else", "else", "reserved word");
    refuses(state, CEL_E_SYNTAX, "\xff", "\xff", "unexpected character");
    refuses(state, CEL_E_SYNTAX, "'\xff'", "'\xff", "not UTF-8");
}

/* ---- errors that others make up for ---- */

static void logic_absorbs_an_error_on_either_side(void **state) {
    gives(state, "1 / 0 == 1 || true", "true");
    gives(state, "true || 1 / 0 == 1", "true");
    gives(state, "input.nope == 1 && false && true", "false");
    gives(state, "[0, 1].exists(i, 1 / i == 1)", "true");
    gives(state, "[0, 1].all(i, 1 / i == 2)", "false");
    refuses(state, CEL_E_EVAL, "1 / 0 == 1 || input.nope == 2 || false", "/", "division by zero");
    refuses(state, CEL_E_EVAL, "[0, 1].all(i, 1 / i == 1)", "/", "division by zero");
}

static void an_overflow_is_an_error(void **state) {
    refuses(state, CEL_E_EVAL, "9223372036854775807 + input.count", "+", "int overflow");
    refuses(state, CEL_E_EVAL, "[9223372036854775807, 1].sum()", "sum", "beyond 64 bits");
    refuses(state, CEL_E_EVAL, "duration('200000h') * 2", "*", "no such overload");
    refuses(state, CEL_E_EVAL, "timestamp('9999-12-31T23:59:59Z') + duration('1s')", "+",
            "years 0001 to 9999");
}

/* ---- budgets ---- */

static void a_long_evaluation_is_stopped_and_not_absorbed(void **state) {
    refuses(state, CEL_E_BUDGET, "lists.range(3000).all(i, lists.range(3000).all(j, true)) || true",
            "true))", "steps");
}

static void work_hidden_in_one_function_is_counted(void **state) {
    World *w = *state;
    Value v;
    CelError error;
    const char *all[] = {
        "cel.bind(a, lists.range(100000), a.all(i, a == a))",
        "cel.bind(a, lists.range(100000), a.all(i, !(-1 in a)))",
        "cel.bind(a, lists.range(100000), a.all(i, size(a.map(j, j)) > 0))",
        "cel.bind(a, lists.range(100000), a.all(i, size(a.reverse().sort()) > 0))",
        "cel.bind(a, lists.range(100000).map(i, 'text'), a.all(i, size(a.join(' ')) > 0))",
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(run(w, all[i], &v, &error), CEL_E_BUDGET);
}

static void memory_is_bounded(void **state) {
    World *w = *state;
    Value v;
    CelError error;
    const char *all[] = {
        "cel.bind(a, x + x + x + x + x + x + x + x, cel.bind(b, a + a + a + a + a + a + a + a, cel.bind(c, "
        "b + b + b + b + b + b + b + b, cel.bind(d, c + c + c + c + c + c + c + c, cel.bind(e, d + d + d + d + d + d, "
        "cel.bind(f, e + e + e + e + e + e + e, f + f + f + f + f + f + f + f))))))",
        "lists.range(1000000).map(i, lists.range(1000000))",
        "lists.range(1000).map(i, lists.range(1000).map(j, 'abc' + x))",
        "'%.99f'.format([1.0]).split('').map(a, lists.range(20000).map(b, x + a))",
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        size_t before = w->arena.used_bytes;
        assert_int_equal(run(w, all[i], &v, &error), CEL_E_BUDGET);
        assert_true(w->arena.used_bytes - before < 2 * LIMIT_CEL_BYTES);
    }
}

static void a_capped_arena_bounds_an_evaluation_further(void **state) {
    World *w = *state;
    Arena small;
    arena_init(&small, 4096);
    CelProgram *p;
    Value v;
    assert_int_equal(
        cel_compile(&w->arena, STR("lists.range(input.count * 1000)"), &names, &p, NULL), 0);
    CelScope scope = { .load = load, .ctx = w };
    assert_int_equal(cel_eval(p, &scope, &small, &v, NULL), CEL_E_BUDGET);
    assert_int_equal(cel_eval(p, &scope, &w->arena, &v, NULL), 0);
    arena_deinit(&small);
}

static void a_result_that_is_vast_when_written_is_refused(void **state) {
    refuses(state, CEL_E_BUDGET, "cel.bind(a, lists.range(10000), lists.range(10000).map(i, a))",
            "bind", "too large");
}

static void nesting_is_bounded_in_source_and_in_results(void **state) {
    World *w = *state;
    Value v;
    CelError error = { 0 };
    char source[4096];
    memset(source, '(', 2000);
    source[2000] = '\0';
    assert_int_equal(run(w, source, &v, &error), CEL_E_SYNTAX);
    assert_non_null(strstr(error.message, "nested too deep"));

    Buf b = BUF_INIT(LIMIT_CEL_SOURCE_BYTES);
    for (int i = 0; i < 2000; i++)
        buf_str_add(&b, STR("1+"));
    buf_str_add(&b, STR("1"));
    buf_char(&b, '\0');
    error = (CelError){ 0 };
    assert_int_equal(run(w, b.p, &v, &error), CEL_E_SYNTAX);
    assert_non_null(strstr(error.message, "too long a chain"));
    buf_deinit(&b);

    memset(source, '[', 80);
    source[80] = 'x';
    memset(source + 81, ']', 80);
    source[161] = '\0';
    assert_int_equal(run(w, source, &v, &error), CEL_E_EVAL);
    assert_non_null(strstr(error.message, "nested more than 64 deep"));
}

/* Each bind wraps what the one before made: what is built is far deeper than the source. */
static void values_deeper_than_any_literal_are_not_walked(void **state) {
    World *w = *state;
    static const char *const uses[] = {
        "a == a",        "a in [a]",       "[a, a].distinct() == []", "toJson(a) == ''",
        "text(a) == ''", "tokens(a) == 1", "'%s'.format([a]) == ''",  "{'k': a} == {'k': a}",
        "[a] != [a]",
    };
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        Buf b = BUF_INIT(LIMIT_CEL_SOURCE_BYTES);
        buf_str_add(&b, STR("cel.bind(a, [x], "));
        for (int k = 0; k < 40; k++)
            buf_fmt(&b, "cel.bind(a, %.*sa%.*s, ", 45,
                    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 45,
                    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        buf_fmt(&b, "%s", uses[i]);
        for (int k = 0; k < 41; k++)
            buf_char(&b, ')');
        buf_char(&b, '\0');
        Value v;
        CelError error = { 0 };
        assert_int_equal(run(w, b.p, &v, &error), CEL_E_EVAL);
        assert_non_null(strstr(error.message, "nested more than"));
        buf_deinit(&b);
    }
}

static void a_constant_is_held_to_the_bounds_of_results(void **state) {
    World *w = *state;
    char source[256];
    memset(source, '[', 80);
    memset(source + 80, ']', 80);
    source[160] = '\0';
    Value v;
    CelError error = { 0 };
    assert_int_equal(run(w, source, &v, &error), CEL_E_EVAL);
    refuses(state, CEL_E_BUDGET, "[lists.range(3000)].map(a, a.map(b, a))", "map(a, a",
            "too large");
    refuses(state, CEL_E_BUDGET, "lists.range(3000).map(a, lists.range(3000).map(b, a))", "map(b",
            "MiB");
}

static void folding_does_not_swell_a_program(void **state) {
    World *w = *state;
    Buf b = BUF_INIT(LIMIT_CEL_SOURCE_BYTES);
    for (int i = 0; i < 4000; i++)
        buf_fmt(&b, "%slists.range(%d)", i ? ", " : "[", 3900);
    buf_char(&b, ']');
    CelProgram *p;
    assert_int_equal(cel_compile(&w->arena, buf_str(&b), &names, &p, NULL), 0);
    assert_true(w->arena.used_bytes < 4 * MIB);
    buf_deinit(&b);
}

/* ---- Baton's own functions ---- */

static void data_goes_to_text_and_back(void **state) {
    gives(state, "toJson({'b': [1, 2.0, 'x'], 'a': null})",
          "\"{\\\"a\\\":null,\\\"b\\\":[1,2.0,\\\"x\\\"]}\"");
    gives(state, "parseJson('{\"a\": [1, {\"b\": 2.5}]}').a[1].b", "2.5");
    gives(state, "input.toJson().parseJson() == input", "true");
    gives(state, "text('as it is') + text(1) + text([true])", "\"as it is1[true]\"");
    refuses(state, CEL_E_EVAL, "parseJson('{a: 1}')", "parseJson", "line 1 column 2");
}

static void numbers_are_summed_and_averaged(void **state) {
    gives(state, "[1, 2, 3].sum()", "6");
    gives(state, "sum([1, 2.5])", "3.5");
    gives(state, "[].sum()", "0");
    gives(state, "[1, 2].avg()", "1.5");
    refuses(state, CEL_E_EVAL, "[].avg()", "avg", "empty list");
    refuses(state, CEL_E_EVAL, "[1, 'a'].sum()", "sum", "element 1 is a string");
}

static void lists_are_cut_flattened_and_made_distinct(void **state) {
    gives(state, "[1, 2, 3, 4, 5].chunks(2)", "[[1,2],[3,4],[5]]");
    gives(state, "'h\xc3\xa9llo'.chunks(2)", "[\"h\xc3\xa9\",\"ll\",\"o\"]");
    gives(state, "[].chunks(2)", "[]");
    gives(state, "[[1, [2]], [], [3]].flatten()", "[1,[2],3]");
    gives(state, "[[1, [2]], 3].flatten(5)", "[1,2,3]");
    gives(
        state,
        "[3, 1, 1.0, 'a', 3u, [1], [1.0], {'k': 1, 'l': 2}, {'l': 2, 'k': 1}, null, null].distinct()",
        "[3,1,\"a\",[1],{\"k\":1,\"l\":2},null]");
    gives(state,
          "[{'n': 2, 'v': 'b'}, {'n': 1, 'v': 'c'}, {'n': 2, 'v': 'a'}].sortBy(i, i.n).map(i, i.v)",
          "[\"c\",\"b\",\"a\"]");
    gives(state, "[3, 1, 2].sort() + [1, 2, 3].slice(1, 2) + [1, 2].reverse()", "[1,2,3,2,2,1]");
    refuses(state, CEL_E_EVAL, "[1, 'a'].sort()", "sort", "cannot order a int and a string");
    refuses(state, CEL_E_EVAL, "[1].chunks(0)", "chunks", "1 or more");
}

static void a_token_is_about_four_bytes(void **state) {
    gives(state, "tokens('')", "0");
    gives(state, "tokens('abcd') + tokens('abcde')", "3");
    gives(state, "tokens({'a': 1})", "2");
}

static void texts_are_matched_and_taken_apart_by_patterns(void **state) {
    gives(state, "x.matches('^h.*o$') && matches(x, 'l+') && !x.matches('^ello')", "true");
    gives(state, "regex.extract('to: ann@example.org', r'(\\w+)@').value()", "\"ann\"");
    gives(state, "regex.extract('ann', '[0-9]').hasValue()", "false");
    gives(state, "regex.extract('ab', '(x)?b').hasValue()", "false");
    gives(state, "regex.extractAll('a1 b22', '[0-9]+')", "[\"1\",\"22\"]");
    gives(state, "regex.extractAll('k=v, l=w', '(\\\\w)=')", "[\"k\",\"l\"]");
    gives(state, "regex.extractAll('baaac', 'a*')", "[\"\",\"aaa\",\"\"]");
    gives(state, "regex.extractAll('h\xc3\xa9', '')", "[\"\",\"\",\"\"]");
    gives(state, "regex.replace('baaac', 'a*', 'x')", "\"xbxcx\"");
    gives(state, "regex.replace('ann bob', r'(\\w)(\\w+)', r'\\2\\1')", "\"nna obb\"");
    gives(state, "regex.replace('a.b', '[.]', r'<\\0\\\\>')", "\"a<.\\\\>b\"");
    gives(state, "regex.replace('aaa', 'a', 'b', 2) + regex.replace('aa', 'a', 'b', 0)",
          "\"bbaaa\"");
    gives(state, "regex.replace('aaa', 'a', '', -1)", "\"\"");
}

static void a_bad_pattern_is_told_before_anything_runs(void **state) {
    refuses(state, CEL_E_SYNTAX, "x.matches('a(?=b)')", "(?=", "looking ahead or behind, (?=)");
    refuses(state, CEL_E_SYNTAX, "false && x.matches('ab[')", "[')", "(at byte 3)");
    refuses(state, CEL_E_SYNTAX, "x.matches(r'\\d(')", "')", "a ( is not closed (at byte 4)");
    refuses(state, CEL_E_SYNTAX, "x.matches('\\x61(')", "'\\x61", "a ( is not closed (at byte 3)");
    refuses(state, CEL_E_EVAL, "x.matches('(' + x)", "matches", "a ( is not closed (at byte 7)");
    refuses(state, CEL_E_EVAL, "regex.extract(x, '(l)(l)')", "extract", "write (?:...)");
    refuses(state, CEL_E_EVAL, "regex.replace(x, 'l', r'\\1')", "replace", "names group \\1");
    refuses(state, CEL_E_EVAL, "regex.replace(x, 'l', r'\\n')", "replace", "stands before a digit");
    refuses(state, CEL_E_EVAL, "input.count.matches('l')", "matches", "matches(int, string)");
}

static void matching_is_paid_for(void **state) {
    refuses(state, CEL_E_BUDGET,
            "lists.range(2000).map(i, 'aaaaaaaaaaaaaaaa').join('').matches('(a|aa)*(a|aa)*[bc]')",
            "matches", "do not repeat what repeats itself");
    refuses(state, CEL_E_BUDGET,
            "cel.bind(t, lists.range(1000).map(i, x + x + x + x + x + x + x + x).join(''), "
            "lists.range(50000).all(i, !t.matches('z')))",
            "matches", "steps");
    refuses(state, CEL_E_BUDGET, "lists.range(50000).all(i, x.matches(x))", "matches", "steps");
}

/* Each turn of a group is a place to go back to; a set costs none. */
static void going_back_is_bounded_in_memory(void **state) {
    refuses(
        state, CEL_E_EVAL,
        "lists.range(4000).map(i, 'abababababababababababababababababababababababababababababababab"
        "ababababababababababababababababababab').join('').matches('^(ab|cd)*$')",
        "matches", "repeat single characters or sets");
    gives(
        state,
        "lists.range(4000).map(i, 'abababababababababababababababababababababababababababababababab"
        "ababababababababababababababababababab').join('').matches('^[ab]*$')",
        "true");
}

static void addresses_are_read_compared_and_asked(void **state) {
    gives(state, "ip('2001:DB8:0:0:1::1')", "\"2001:db8::1:0:0:1\"");
    gives(state, "['::', '1::', '::1', '1:0:0:2::', '::1.2.3.4', '1:2:3:4:5:6:7::'].map(a, ip(a))",
          "[\"::\",\"1::\",\"::1\",\"1:0:0:2::\",\"::102:304\",\"1:2:3:4:5:6:7:0\"]");
    gives(state,
          "['1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', ':1', '1:', '1::2::3', ':::', "
          "'1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '12345::', '::g', "
          "'::1.2.3', '1.2.3.4::', '', 'fe80::1%en0', '::ffff:1.2.3.4'].exists(a, isIP(a))",
          "false");
    gives(state, "ip('::ffff:102:304') == ip('1.2.3.4') && type(ip('::1')) == net.IP", "true");
    gives(state,
          "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && "
          "cidr('10.0.0.0/8').containsIP('10.9.9.9') && cidr('::/0').containsCIDR('1::/16')",
          "true");
    gives(state, "['10.0.0.0/33', '10.0.0.0/', '/8', '::/129', '10.0.0.0/08'].exists(a, isCIDR(a))",
          "false");
    gives(state,
          "cidr('fe80::1/64').ip().isLinkLocalUnicast() && "
          "cidr('fe80::1/64').prefixLength() == 64",
          "true");
    refuses(state, CEL_E_EVAL, "ip('10.0.0')", "ip", "write it as 192.0.2.1");
    refuses(state, CEL_E_EVAL, "cidr('10.0.0.0/8').family()", "family", "write x.ip()");
    refuses(state, CEL_E_EVAL, "ip('::1').masked()", "masked", "write cidr(");
}

static void a_zone_is_a_name_or_an_offset(void **state) {
    gives(state, "timestamp('2026-11-21T23:30:00Z').getHours('+02:00')", "1");
    gives(state, "timestamp('2026-11-21T23:30:00Z').getDate('+02:00')", "22");
    gives(state,
          "['2026-01-01T12:00:00Z', '2026-07-01T12:00:00Z', '2096-07-01T12:00:00Z'].map(t, "
          "timestamp(t).getHours('America/New_York'))",
          "[7,8,8]");
    gives(state, "timestamp('2026-11-21T23:30:00Z').getMinutes('Asia/Kathmandu')", "15");
    gives(state, "timestamp('2026-11-21T23:30:00Z').getHours('UTC')", "23");
    refuses(state, CEL_E_EVAL, "timestamp('2026-11-21T23:30:00Z').getHours('Mars/Olympus')",
            "getHours", "write a name such as 'Europe/Vienna'");
    refuses(state, CEL_E_EVAL, "timestamp('2026-11-21T23:30:00Z').getHours('America/New_Yrok')",
            "getHours", "did you mean 'America/New_York'?");
    refuses(state, CEL_E_EVAL, "timestamp('2026-11-21T23:30:00Z').getHours('Vienna')", "getHours",
            "did you mean 'Europe/Vienna'?");
    refuses(state, CEL_E_EVAL, "timestamp('2026-11-21T23:30:00Z').getHours('')", "getHours",
            "no time zone ''");
}

static void a_duration_in_days_is_told_from_that_of_a_field(void **state) {
    refuses(state, CEL_E_EVAL, "duration('7d')", "duration",
            "fields such as `timeout`; in expressions hours are the largest unit: write "
            "duration('168h')");
    refuses(state, CEL_E_EVAL, "duration('1w')", "duration", "write 90s, 1h30m or 250ms");
}

static void durations_keep_nanoseconds(void **state) {
    gives(state, "string(duration('1h30m') + duration('0.5s'))", "\"5400.5s\"");
    gives(state, "string(duration('-2562047h47m16.854775808s'))", "\"-9223372036.854775808s\"");
}

static void functions_are_sorted_and_of_one_style_each(void **state) {
    (void)state;
    const Function *rows;
    size_t n = function_table(&rows);
    for (size_t i = 1; i < n; i++) {
        int order = strcmp(rows[i - 1].name, rows[i].name);
        assert_true(order <= 0);
        if (order == 0)
            assert_int_equal(rows[i - 1].style, rows[i].style);
    }
    size_t found;
    for (size_t i = 0; i < n; i++) {
        assert_non_null(function_find(str_from(rows[i].name), &found));
        assert_true(found >= 1);
    }
    assert_null(function_find(STR("no"), &found));
}

/* ---- the end of an embedded expression ---- */

static void the_end_is_outside_of_texts_and_braces(void **state) {
    (void)state;
    assert_int_equal(cel_find_end(STR(" x }} tail")), 3);
    assert_int_equal(cel_find_end(STR("'}}'}}")), 4);
    assert_int_equal(cel_find_end(STR("\"a\\\"}}\"}}")), 7);
    assert_int_equal(cel_find_end(STR("r'\\'}}")), 4);
    assert_int_equal(cel_find_end(STR("'''}}'}}'''}}")), 11);
    assert_int_equal(cel_find_end(STR("{'a': {'b': 1}}}}")), 15);
    assert_int_equal(cel_find_end(STR("a // don't }}")), 11);
    assert_int_equal(cel_find_end(STR("a // don't\n + 1}}")), 15);
    assert_int_equal(cel_find_end(STR("bar'x'}}")), 6);
    assert_int_equal(cel_find_end(STR("x } }")), -1);
    assert_int_equal(cel_find_end(STR("'}}")), -1);
    assert_int_equal(cel_find_end(STR("")), -1);
}

static void reserved_words_are_known(void **state) {
    (void)state;
    assert_true(cel_reserved(STR("in")) && cel_reserved(STR("true")) &&
                cel_reserved(STR("namespace")));
    assert_false(cel_reserved(STR("int")) || cel_reserved(STR("plan")) || cel_reserved(STR("")));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_longest_known_name_becomes_a_slot_and_the_rest_selections),
        T(slots_are_listed_once_in_order_of_appearance),
        T(a_constant_program_is_folded_and_loads_nothing),
        T(a_program_outlives_its_source),
        T(a_variable_of_a_macro_shadows_a_name),
        T(an_unknown_name_is_refused_when_compiled),
        T(a_call_without_arguments_may_be_a_name),
        T(a_slot_without_value_fails_when_read_and_not_when_asked_for),
        T(the_other_value_is_only_evaluated_when_needed),
        T(a_missing_field_is_told_with_the_nearest_one),
        T(a_mistake_of_types_names_both_and_the_remedy),
        T(what_is_no_bool_is_no_condition),
        T(a_near_miss_of_a_function_is_told),
        T(a_control_character_says_how_to_quote_in_yaml),
        T(habits_of_other_languages_are_answered),
        T(what_breaks_off_is_refused_where_it_does),
        T(logic_absorbs_an_error_on_either_side),
        T(an_overflow_is_an_error),
        T(a_long_evaluation_is_stopped_and_not_absorbed),
        T(work_hidden_in_one_function_is_counted),
        T(memory_is_bounded),
        T(a_capped_arena_bounds_an_evaluation_further),
        T(a_result_that_is_vast_when_written_is_refused),
        T(nesting_is_bounded_in_source_and_in_results),
        T(values_deeper_than_any_literal_are_not_walked),
        T(a_constant_is_held_to_the_bounds_of_results),
        T(folding_does_not_swell_a_program),
        T(data_goes_to_text_and_back),
        T(numbers_are_summed_and_averaged),
        T(lists_are_cut_flattened_and_made_distinct),
        T(a_token_is_about_four_bytes),
        T(texts_are_matched_and_taken_apart_by_patterns),
        T(a_bad_pattern_is_told_before_anything_runs),
        T(matching_is_paid_for),
        T(going_back_is_bounded_in_memory),
        T(addresses_are_read_compared_and_asked),
        T(a_zone_is_a_name_or_an_offset),
        T(a_duration_in_days_is_told_from_that_of_a_field),
        T(durations_keep_nanoseconds),
        T(functions_are_sorted_and_of_one_style_each),
        T(the_end_is_outside_of_texts_and_braces),
        T(reserved_words_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
