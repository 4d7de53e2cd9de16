/* docs/language.md names every word of the language: those that src/spec reads, those it calls "later", the functions of
 * expressions and the kinds of errors. What the page lists as later is refused as later, where it says. */
#include "base/limits.h"
#include "kernel/fact.h"
#include "spec/language.h"
#include "spec/plan.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static Arena arena;
static Str page;

static Str read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(&arena, LIMIT_FILE_BYTES);
    size_t n = fread(p, 1, LIMIT_FILE_BYTES, f);
    fclose(f);
    return (Str){ p, n };
}

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$';
}

static bool is_word(Str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_word_char(s.p[i]))
            return false;
    return s.len > 0;
}

/* In code: between backquotes or in an example, as a whole word. */
static bool page_names(Str word) {
    for (size_t at = 0; at + word.len < page.len; at++) {
        if (!str_starts(str_slice(page, at, page.len), word))
            continue;
        if (at > 0 && !is_word_char(page.p[at - 1]) && !is_word_char(page.p[at + word.len]))
            return true;
    }
    return false;
}

static void assert_named(Str word, const char *where) {
    if (!page_names(word))
        fail_msg("docs/language.md does not name `%.*s` of %s", STR_FMT(word), where);
}

/* ---- what the sources know ----------------------------------------------------------------------------------------------- */

/* The word of `{ "word", something }` at *at, with no other text in it; STR_NULL if there is none. */
static Str row_word(Str rest) {
    if (!str_starts(rest, STR("{ \"")))
        return STR_NULL;
    Str word = str_slice(rest, 3, rest.len);
    ptrdiff_t end = str_find(word, STR("\""));
    if (end <= 0)
        return STR_NULL;
    Str behind = str_slice(word, (size_t)end, word.len);
    word.len = (size_t)end;
    ptrdiff_t close = str_find(behind, STR("}"));
    bool row = close > 0 && str_starts(behind, STR("\", ")) &&
               str_find(str_slice(behind, 3, (size_t)close), STR("\"")) < 0;
    return row ? word : STR_NULL;
}

static size_t check_tables(const char *file) {
    char path[600];
    snprintf(path, sizeof path, SOURCE_ROOT "/src/spec/%s", file);
    Str text = read_file(path);
    size_t n = 0;
    for (size_t at = 0; at < text.len; at++) {
        Str word = row_word(str_slice(text, at, text.len));
        if (!word.p)
            continue;
        if (str_ends(word, STR("()")))
            word.len -= 2;
        if (!is_word(word) || language_block(word))
            continue;
        assert_named(word, file);
        n++;
    }
    return n;
}

static void every_word_that_is_read_is_on_the_page(void **state) {
    (void)state;
    size_t n = 0;
    DIR *dir = opendir(SOURCE_ROOT "/src/spec");
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (str_ends(str_from(e->d_name), STR(".c")) && strcmp(e->d_name, "words.c") != 0)
            n += check_tables(e->d_name);
    closedir(dir);
    assert_true(n > 200);
}

static void every_function_is_on_the_page(void **state) {
    (void)state;
#define F(name, style, args, fn) name,
    static const char *const names[] = {
#include "cel/functions.def"
    };
#undef F
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_named(str_from(names[i]), "cel/functions.def");
}

static void every_kind_of_error_is_on_the_page(void **state) {
    (void)state;
    for (int k = KIND_NONE + 1; k < KIND_COUNT; k++)
        assert_named(str_from(error_kind_name((ErrorKind)k)), "kernel/fact.c");
}

/* ---- what comes later ---------------------------------------------------------------------------------------------------- */

static bool is_refused_as_later(const char *file) {
    Arena a;
    Plan *plan = NULL;
    bool later = false;
    arena_init(&a, 0);
    Diags diags = { .arena = &a };
    Str text = str_from(file), name = STR("x.yaml");
    int r = plan_compile(closure_make(&a, name, &name, &text, 1), &plan, &diags);
    for (size_t i = 0; i < diags.n; i++)
        later |= str_is(diags.items[i].code, "later");
    plan_free(plan);
    arena_deinit(&a);
    return r == PLAN_E_REFUSED && later;
}

typedef struct Place {
    const char *row, *file; /* the file has one %s */
} Place;
static const Place places[] = {
    { "the file", "baton: 1\n%s: x\nsteps: [{ wait: 1s }]\n" },
    { "a step", "baton: 1\nsteps: [{ wait: 1s, %s: x }]\n" },
    { "an agent", "baton: 1\nagents: { a: { model: p/m, %s: x } }\nsteps: [{ wait: 1s }]\n" },
    { "a tool", "baton: 1\ntools: { a: { run: [p], %s: x } }\nsteps: [{ wait: 1s }]\n" },
    { "timeout", "baton: 1\nsteps: [{ tool: echo, timeout: { %s: 1s } }]\n" },
};

static Str row_of(const char *name) {
    Str mark = arena_fmt(&arena, "\n| %s | ", name);
    ptrdiff_t heading = str_find(page, STR("\n## What comes later"));
    assert_true(heading > 0);
    Str rest = str_slice(page, (size_t)heading, page.len);
    ptrdiff_t at = str_find(rest, mark);
    if (at < 0)
        fail_msg("docs/language.md has no row `%s` of what comes later", name);
    rest = str_slice(rest, (size_t)at + mark.len, rest.len);
    return str_slice(rest, 0, (size_t)str_find(rest, STR("\n")));
}

static void what_comes_later_is_refused_as_later(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        Str row = row_of(places[i].row);
        size_t n = 0;
        for (ptrdiff_t from; (from = str_find(row, STR("`"))) >= 0; n++) {
            row = str_slice(row, (size_t)from + 1, row.len);
            ptrdiff_t end = str_find(row, STR("`"));
            assert_true(end > 0);
            char word[64], file[300];
            snprintf(word, sizeof word, "%.*s", (int)end, row.p);
            const char *percent = strstr(places[i].file, "%s");
            snprintf(file, sizeof file, "%.*s%s%s", (int)(percent - places[i].file), places[i].file,
                     word, percent + 2);
            if (!is_refused_as_later(file))
                fail_msg("`%s` at %s is not refused as later", word, places[i].row);
            row = str_slice(row, (size_t)end + 1, row.len);
        }
        assert_true(n > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_that_is_read_is_on_the_page),
        cmocka_unit_test(every_function_is_on_the_page),
        cmocka_unit_test(every_kind_of_error_is_on_the_page),
        cmocka_unit_test(what_comes_later_is_refused_as_later),
    };
    arena_init(&arena, 0);
    page = read_file(SOURCE_ROOT "/docs/language.md");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
