/* Regular expressions in RE2's language: what they match, what is refused and how it is said, and that no text makes them
 * slow. Where PCRE2 alone would read a pattern otherwise, RE2's reading is what stands here. */
#include "base/limits.h"
#include "cel/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 1000 * 1000 };

typedef struct World {
    Arena arena;
    PatternSearch *search;
} World;

static int set_up(void **state) {
    World *w = xcalloc(1, sizeof *w);
    arena_init(&w->arena, 0);
    w->search = pattern_search_new();
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    World *w = *state;
    pattern_search_free(w->search);
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

static const Pattern *compiled(World *w, const char *source) {
    const Pattern *p = NULL;
    PatternError error = { 0 };
    if (pattern_compile(&w->arena, str_from(source), &p, &error))
        fail_msg("%s: %s at %zu", source, error.message, error.offset);
    return p;
}

static int find(World *w, const char *source, Str text, bool *found, PatternSpan *spans) {
    int64_t steps = STEPS;
    return pattern_find(w->search, compiled(w, source), text, 0, &steps, found, spans);
}

/* The first match is `want`; NULL: there is none. */
static void finds(void **state, const char *source, const char *text, const char *want) {
    bool found;
    PatternSpan spans[PATTERN_SPANS];
    assert_int_equal(find(*state, source, str_from(text), &found, spans), 0);
    if (found != (want != NULL))
        fail_msg("%s on \"%s\": found is %d", source, text, found);
    if (!found)
        return;
    Str got = str_slice(str_from(text), spans[0].from, spans[0].to);
    if (!str_is(got, want))
        fail_msg("%s on \"%s\": found \"%.*s\", not \"%s\"", source, text, STR_FMT(got), want);
}

static void refuses(void **state, const char *source, size_t offset, const char *words) {
    World *w = *state;
    const Pattern *p;
    PatternError error = { 0 };
    if (!pattern_compile(&w->arena, str_from(source), &p, &error))
        fail_msg("%s: should be refused", source);
    if (!strstr(error.message, words) || error.offset != offset)
        fail_msg("%s: the message is \"%s\" at %zu, not \"%s\" at %zu", source, error.message,
                 error.offset, words, offset);
}

/* ---- what RE2 has ---- */

static void the_leftmost_match_is_found_and_of_those_the_first_alternative(void **state) {
    finds(state, "ubb", "hubba", "ubb");
    finds(state, "", "cows", "");
    finds(state, "a|ab", "xab", "a");
    finds(state, "(?:a|ab)c", "abc", "abc");
    finds(state, "a+", "baaab", "aaa");
    finds(state, "a+?", "baaab", "a");
    finds(state, "a{2}", "baaab", "aa");
    finds(state, "a{2,}", "baaab", "aaa");
    finds(state, "a{1,2}?", "baaab", "a");
    finds(state, "x*", "baaab", "");
    finds(state, "foo|bar", "", NULL);
    finds(state, "(|a)+", "aaa", "");
}

static void ends_are_those_of_the_text_unless_m_is_set(void **state) {
    finds(state, "a$", "a\n", NULL);
    finds(state, "a$", "b\na", "a");
    finds(state, "^b", "a\nb", NULL);
    finds(state, "(?m)a$", "a\nb", "a");
    finds(state, "(?m)^b$", "a\nb\nc", "b");
    finds(state, "(?m)b\n^", "b\n", "b\n");
    finds(state, "\\Aa\\z", "a", "a");
    finds(state, "(?m)\\Ab", "a\nb", NULL);
    finds(state, "a\\z", "a\n", NULL);
    finds(state, "^*a", "ba", "a");
}

static void flags_hold_to_the_end_of_their_group(void **state) {
    finds(state, "(?i)straSSe", "STRAsse", "STRAsse");
    finds(state, "(a(?i)b|c)C", "xCc CC", "CC");
    finds(state, "(a(?i)b|c)d", "xCd", "Cd");
    finds(state, "(?i:a)b", "Ab", "Ab");
    finds(state, "(?i:a)b", "AB", NULL);
    finds(state, "(?i)a(?-i)b", "AB", NULL);
    finds(state, "(?i)\xc3\xa9", "\xc3\x89", "\xc3\x89");
    finds(state, "a.b", "a\nb", NULL);
    finds(state, "(?s)a.b", "a\nb", "a\nb");
    finds(state, "(?s:a.)b.", "a\nb\n", NULL);
    finds(state, "(?U)a+", "aaa", "a");
    finds(state, "(?U)a+?", "aaa", "aaa");
    finds(state, "(?-s:.)(?s-i:.)", "a\n", "a\n");
    finds(state, "(?ms)^a.$", "a\n", "a\n");
}

static void sets_are_of_ascii_unless_they_say_otherwise(void **state) {
    finds(state, "\\d+", "\xd9\xa3 12", "12");
    finds(state, "\\w+", "\xc3\xa9 ab_1", "ab_1");
    finds(state, "\\s", "\v", NULL);
    finds(state, "[\\s]", "\v ", " ");
    finds(state, "\\S", " \v", "\v");
    finds(state, "[\\S]", " \v", "\v");
    finds(state, "[\\Sx]+", " \xc3\xa9\v ", "\xc3\xa9\v");
    finds(state, "\\D", "1\xd9\xa3", "\xd9\xa3");
    finds(state, "[\\W]", "a\xe4\xb8\xad", "\xe4\xb8\xad");
    /* The sign of Kelvin is a case of k, the long s of s. */
    finds(state, "(?i)\\W|[\\W]|[[:^word:]]|[^\\w]", "k\xe2\x84\xaa\xc5\xbf", NULL);
    finds(state, "(?i)[[:upper:]]{3}", "s\xe2\x84\xaa\xc5\xbf", "s\xe2\x84\xaa\xc5\xbf");
    finds(state, "(?i:\\p{Lu})\\p{Lu}", "aAb", "aA");
    finds(state, "[\\p{Lu}#\\W[:alpha:]]", "\xce\xb1", "\xce\xb1");
    finds(state, "\\bcode\\b", "encode code", "code");
    finds(state, "\\B.", "ab", "b");
    finds(state, "\\v", "\n\v", "\v");
    finds(state, "[[:alpha:]]+", "1ab\xc3\xa9", "ab");
    finds(state, "[[:^alpha:]]+",
          "ab\xc3\xa9\xe4\xb8\xad"
          "1c",
          "\xc3\xa9\xe4\xb8\xad"
          "1");
    finds(state, "[[:space:]]", "\v", "\v");
    finds(state, "[[:word:][:punct:]]+", " a_1!", "a_1!");
    finds(state, "\\pL+",
          "1\xc3\xa9"
          "a",
          "\xc3\xa9"
          "a");
    finds(state, "\\p{Lu}", "a\xc3\x89", "\xc3\x89");
    finds(state, "\\PL", "a1", "1");
    finds(state, "\\p{^L}", "a1", "1");
    finds(state, "\\p{Greek}+", "a\xce\xb1\xce\xb2", "\xce\xb1\xce\xb2");
    finds(state, "[^\\p{Latin}]", "a\xce\xb1", "\xce\xb1");
    finds(state, "\\p{Any}", "\n", "\n");
}

static void brackets_are_read_as_re2_reads_them(void **state) {
    finds(state, "[]a]+", "x]a", "]a");
    finds(state, "[^]a]+", "]ax", "x");
    finds(state, "[a-c]+", "xabcd", "abc");
    finds(state, "[a-]+", "x-a", "-a");
    finds(state, "[-a]+", "x-a", "-a");
    finds(state, "[a\\-c]+", "b-ac", "-ac");
    finds(state, "[[a]+", "x[a", "[a");
    finds(state, "[a&&b]+", "x&ab", "&ab");
    finds(state, "[^a]", "a\n", "\n");
    finds(state, "[\\x{1F600}-\\x{1F64F}]", "a\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
    finds(state, "[\\n\\]]+", "a\n]", "\n]");
    finds(state, "[.*$^]+", "a^$*.", "^$*.");
    finds(state, "[ #]+", "a #", " #");
}

static void escapes_are_one_character(void **state) {
    finds(state, "\\.\\*\\\\\\{", ".*\\{", ".*\\{");
    finds(state, "\\x41\\x{42}\\103\\07", "ABC\a", "ABC\a");
    finds(state, "\\Qa.b*\\E+", "a.b**", "a.b**");
    finds(state, "\\Q(", "a(", "(");
    finds(state, "\\_\\-\\ ", "_- ", "_- ");
    finds(state, "a{,2}", "aa{,2}", "a{,2}");
    finds(state, "a{", "a{", "a{");
    char *last =
        xstrndup("{", 1); /* in a block of its own, so that a sanitizer sees a step too far */
    finds(state, last, "a{", "{");
    free(last);
    finds(state, "a{01}", "a{01}", "a{01}");
    finds(state, "a b#c", "a b#c", "a b#c");
    finds(state, "\xf0\x9f\x98\x80{2}", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
          "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
}

static void groups_give_their_spans(void **state) {
    World *w = *state;
    bool found;
    PatternSpan spans[PATTERN_SPANS];
    Str text = STR("key: value");
    assert_int_equal(find(w, "(?P<k>\\w+): (?:(x)|(?<v>\\w+))", text, &found, spans), 0);
    assert_true(found);
    assert_int_equal(spans[1].to, 3);
    assert_int_equal(spans[2].from, SIZE_MAX);
    assert_int_equal(spans[3].from, 5);
    assert_int_equal(spans[4].from, SIZE_MAX);
    assert_int_equal(pattern_groups(compiled(w, "(a)(?:b)(?P<c>c)")), 2);
    assert_int_equal(
        find(w, "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)", STR("abcdefghijkl"), &found, spans), 0);
    assert_true(found && spans[9].from == 8 && spans[9].to == 9);
}

/* ---- what it does not have ---- */

static void what_could_cost_without_bound_is_refused(void **state) {
    refuses(state, "a(?=b)", 1, "looking ahead or behind, (?=)");
    refuses(state, "a(?!b)", 1, "looking ahead or behind, (?!)");
    refuses(state, "(?<=a)b", 0, "looking ahead or behind, (?<=)");
    refuses(state, "(?<!a)b", 0, "looking ahead or behind, (?<!)");
    refuses(state, "(a)\\1", 3, "referring back to a group (\\1)");
    refuses(state, "(a)\\8", 3, "referring back");
    refuses(state, "(?P<x>a)\\k<x>", 8, "referring back");
    refuses(state, "(?P<x>a)(?P=x)", 8, "referring back");
    refuses(state, "(?>a)", 0, "there is no (?>");
    refuses(state, "(?R)", 0, "there is no (?R");
    refuses(state, "(?1)", 0, "there is no (?1");
    refuses(state, "(?(1)a|b)", 0, "there is no (?(");
    refuses(state, "(?|a|b)", 0, "there is no (?|");
    refuses(state, "(?#note)", 0, "comments");
    refuses(state, "(?x)a b", 0, "there is no (?x");
    refuses(state, "(*UTF8)a", 1, "nothing to repeat");
    refuses(state, "a*+", 2, "repeats a repetition");
    refuses(state, "a**", 2, "repeats a repetition");
    refuses(state, "a{2}{3}", 4, "repeats a repetition");
    refuses(state, "a*??", 3, "repeats a repetition");
    refuses(state, "a{1001}", 1, "up to 1000");
    refuses(state, "((((a{100}){100}){100}){100})", 0, "too large");
}

static void what_perl_means_by_other_escapes_is_refused(void **state) {
    refuses(state, "a\\Z", 1, "write \\z");
    static const char *const others[] = { "\\h", "\\H", "\\R", "\\K",     "\\G",
                                          "\\N", "\\V", "\\X", "\\e",     "\\cA",
                                          "\\E", "\\C", "\\l", "\\u0041", "\\o{1}" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        refuses(state, others[i], 0, "there is no \\");
    refuses(state, "[\\b]", 1, "\\x08");
    refuses(state, "[\\z]", 1, "there is no \\z");
    refuses(state, "a\\", 1, "at the end");
    refuses(state, "\\\xc3\xa9", 0, "ASCII");
}

static void mistakes_are_told_with_their_place(void **state) {
    refuses(state, "a(b", 3, "not closed");
    refuses(state, "a)b", 1, "closes nothing");
    refuses(state, "a[b", 1, "no closing ]");
    refuses(state, "[b-a]", 1, "ends before it begins");
    refuses(state, "[a-\\d]", 3, "there is no \\d");
    refuses(state, "[[:alfa:]]", 1, "no set [:alfa:]");
    refuses(state, "*a", 0, "nothing to repeat");
    refuses(state, "a|*", 2, "nothing to repeat");
    refuses(state, "(+)", 1, "nothing to repeat");
    refuses(state, "{2}", 0, "nothing to repeat");
    refuses(state, "a{3,2}", 1, "ends before it begins");
    refuses(state, "\\x{110000}", 0, "10FFFF");
    refuses(state, "\\xg", 0, "two hexadecimal digits");
    refuses(state, "\\p{Klingon}", 0, "does not exist");
    refuses(state, "\\p{L&}", 0, "a category or a script");
    refuses(state, "\\pX", 0, "a category or a script");
    refuses(state, "\\p{Alphabetic}", 0, "does not exist");
    refuses(state, "(?P<a>x)(?P<a>y)", 0, "same name");
    refuses(state, "(?P<a", 4, "name of a group");
    refuses(state, "(?P<>a)", 4, "name of a group");
    refuses(state, "(?-)", 0, "there is no (?-");
}

static void size_and_depth_are_bounded(void **state) {
    char source[2 * PATTERN_BYTES_MAX];
    memset(source, '(', sizeof source);
    source[PATTERN_DEPTH_MAX + 1] = '\0';
    refuses(state, source, PATTERN_DEPTH_MAX, "more than 64 deep");
    memset(source, 'a', sizeof source);
    source[PATTERN_BYTES_MAX + 1] = '\0';
    refuses(state, source, 0, "bytes long");
    source[PATTERN_BYTES_MAX] = '\0';
    compiled(*state, source);
    memset(source, '.', PATTERN_BYTES_MAX);
    compiled(*state, source);
}

/* However much a pattern grows when it is written for PCRE2, there is room, and PCRE2 says itself what is too large. */
static void the_longest_patterns_are_compiled_or_refused(void **state) {
    World *w = *state;
    static const char *const units[] = { "\\W",         "\\S",         "\\D",  "\\s",  "[\\W]",
                                         "[[:^word:]]", "[[:punct:]]", "\\pL", "^",    "$",
                                         ".",           "|",           "a*",   "\x01", "(?i)",
                                         "\\b",         "\xc3\xa9",    "()",   "{",    "a{9}" };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        char source[PATTERN_BYTES_MAX + 1] = "(?i)";
        size_t n = 4, unit = strlen(units[i]);
        for (; n + unit <= PATTERN_BYTES_MAX; n += unit)
            memcpy(source + n, units[i], unit);
        const Pattern *p;
        PatternError error = { 0 };
        if (pattern_compile(&w->arena, (Str){ source, n }, &p, &error) &&
            !strstr(error.message, "too large") && !strstr(error.message, "too long"))
            fail_msg("%s: %s", units[i], error.message);
    }
}

/* ---- cost ---- */

/* Each is quick on a short text; on these an interpreter without bound would take minutes or years. */
static void a_pattern_that_goes_astray_is_stopped(void **state) {
    World *w = *state;
    static const char *const sources[] = { "(a+)+$",
                                           "(a|a)*b",
                                           "(a|aa)+$",
                                           "(a*)*b",
                                           "a*a*a*a*a*b",
                                           "(?:a?){40}a{40}b",
                                           "a*[bc]",
                                           "a.*b.*c.*d",
                                           "(.*)(.*)(.*)(.*)(.*)[bc]",
                                           "((a|a)(a|a)){20}b",
                                           "(?i)(a|A|\\w)*\\d" };
    enum { LENGTH = 1024 * 1024 };
    char *text = xmalloc(LENGTH);
    memset(text, 'a', LENGTH);
    text[LENGTH - 1] = '!';
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        bool found;
        PatternSpan spans[PATTERN_SPANS];
        int64_t steps = STEPS;
        int failed = pattern_find(w->search, compiled(w, sources[i]), (Str){ text, LENGTH }, 0,
                                  &steps, &found, spans);
        if (failed != PATTERN_E_COST && (failed || found))
            fail_msg("%s: gives %d, found %d", sources[i], failed, found);
    }
    free(text);
}

static void a_plain_pattern_reads_a_long_text_for_little(void **state) {
    World *w = *state;
    static const char *const sources[] = { "\\bcode\\b", "code", "[0-9]{3}", ".*code.*",
                                           "co(d|t)e" };
    enum { LENGTH = 1024 * 1024 };
    char *text = xmalloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        text[i] = "some words of a text\n"[i % 21];
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        bool found;
        PatternSpan spans[PATTERN_SPANS];
        int64_t steps = 2 * LENGTH;
        assert_int_equal(pattern_find(w->search, compiled(w, sources[i]), (Str){ text, LENGTH }, 0,
                                      &steps, &found, spans),
                         0);
        assert_false(found);
    }
    free(text);
}

static void what_is_not_utf8_is_no_text(void **state) {
    bool found;
    PatternSpan spans[PATTERN_SPANS];
    assert_int_equal(find(*state, "a",
                          STR("\xff"
                              "a"),
                          &found, spans),
                     PATTERN_E_TEXT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_leftmost_match_is_found_and_of_those_the_first_alternative),
        T(ends_are_those_of_the_text_unless_m_is_set),
        T(flags_hold_to_the_end_of_their_group),
        T(sets_are_of_ascii_unless_they_say_otherwise),
        T(brackets_are_read_as_re2_reads_them),
        T(escapes_are_one_character),
        T(groups_give_their_spans),
        T(what_could_cost_without_bound_is_refused),
        T(what_perl_means_by_other_escapes_is_refused),
        T(mistakes_are_told_with_their_place),
        T(size_and_depth_are_bounded),
        T(the_longest_patterns_are_compiled_or_refused),
        T(a_pattern_that_goes_astray_is_stopped),
        T(a_plain_pattern_reads_a_long_text_for_little),
        T(what_is_not_utf8_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
