/* `baton fmt`: what changes, what stays, and that a second time changes nothing. Every file of examples/, tests/bad/ and,
 * where it is there, ../shared/language is laid out, also after its indentation was made wider. */
#include "base/limits.h"
#include "spec/format.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int lay_out(Arena *a, Str text, Str *ret_made) {
    Diags diags = { .arena = a };
    Buf b = BUF_INIT(MIB);
    int r = format_text(a, STR("test.yaml"), text, &diags, &b);
    *ret_made = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return r;
}

static void expect(const char *source, const char *wanted) {
    Arena a = ARENA_NULL;
    Str made, again;
    assert_int_equal(lay_out(&a, str_from(source), &made), 0);
    if (!str_is(made, wanted))
        fail_msg("expected\n%s\ngot\n%.*s", wanted, STR_FMT(made));
    assert_int_equal(lay_out(&a, made, &again), 0);
    assert_true(str_eq(made, again));
    arena_deinit(&a);
}

static void indentation_is_two_blanks_and_lists_stand_in_their_key(void **state) {
    (void)state;
    expect("a:\n    b:\n    - x\n    -   c: 1\n        d: 2\n    e: 3\nf:\n- - 1\n  - 2\n",
           "a:\n  b:\n    - x\n    - c: 1\n      d: 2\n  e: 3\nf:\n  - - 1\n    - 2\n");
}

static void blanks_stand_where_they_help(void **state) {
    (void)state;
    expect("a:   {x: 1,y:   [1,2 , 3], z: {}}   \nb : text, with,commas\n"
           "c: {\"k\":\"v\", u: http://h/a,n: null }\n",
           "a: { x: 1, y: [1, 2, 3], z: {} }\nb: text, with,commas\n"
           "c: { \"k\": \"v\", u: http://h/a, n: null }\n");
}

static void tables_stay_tables(void **state) {
    (void)state;
    expect("t:\n    one:   { a: x,   b: y }\n    three: { a: xxx, b: y }\n\n    two:   { a: x }\n"
           "u:\n- { a: 1,  b: 2 }\n- {a: 11, b: 2}\n",
           "t:\n  one:   { a: x,   b: y }\n  three: { a: xxx, b: y }\n\n  two: { a: x }\n"
           "u:\n  - { a: 1,  b: 2 }\n  - { a: 11, b: 2 }\n");
}

static void comments_keep_their_place_or_stand_close(void **state) {
    (void)state;
    expect("# head\na:      # near\n    # of b\n    b: 1        # left\n    c: '#'      # right\n"
           "    # end of a\nd: 2 # x\n",
           "# head\na:  # near\n  # of b\n  b: 1          # left\n  c: '#'        # right\n"
           "  # end of a\nd: 2  # x\n");
}

static void values_of_several_lines_move_as_a_whole(void **state) {
    (void)state;
    expect(
        "a:\n    b: |\n          first\n            in   \n\n          last\n    c: >-\n     x\n"
        "    d: goes\n      on\n    e: \"q\n\n       r\"\n    f: [1,\n        2]\ng: |2\n    two\n",
        "a:\n  b: |\n    first\n      in   \n\n    last\n  c: >-\n    x\n"
        "  d: goes\n    on\n  e: \"q\n\n     r\"\n  f: [1,\n      2]\ng: |2\n    two\n");
}

static void empty_lines_are_single(void **state) {
    (void)state;
    expect("\n\na: 1\r\n\n\n\nb: 2   \n\n\n", "a: 1\n\nb: 2\n");
}

static void what_cannot_be_read_is_refused(void **state) {
    (void)state;
    Arena a = ARENA_NULL;
    Str made;
    assert_int_equal(lay_out(&a, STR("a: {\n"), &made), FORMAT_E_REFUSED);
    assert_int_equal(made.len, 0);
    arena_deinit(&a);
}

/* ---- files */

static Str wider(Arena *a, Str text) {
    Buf b = BUF_INIT(MIB);
    for (size_t at = 0; at < text.len;) {
        size_t n = 0;
        while (at + n < text.len && text.p[at + n] == ' ')
            n++;
        for (size_t i = 0; i < 2 * n; i++)
            buf_char(&b, ' ');
        at += n;
        while (at < text.len) {
            buf_char(&b, text.p[at]);
            if (text.p[at++] == '\n')
                break;
        }
    }
    Str made = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return made;
}

static unsigned check_file(const char *path) {
    Arena a = ARENA_NULL;
    char *p = arena_alloc(&a, MIB);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    Str text = { p, fread(p, 1, MIB, f) }, made, again;
    fclose(f);
    unsigned good = lay_out(&a, text, &made) == 0;
    if (good && (lay_out(&a, made, &again) != 0 || !str_eq(made, again)))
        fail_msg("%s: a second time gives\n%.*s\nafter\n%.*s", path, STR_FMT(again), STR_FMT(made));
    if (good && lay_out(&a, wider(&a, text), &made) == 0 &&
        (lay_out(&a, made, &again) != 0 || !str_eq(made, again)))
        fail_msg("%s, made wider: a second time gives\n%.*s\nafter\n%.*s", path, STR_FMT(again),
                 STR_FMT(made));
    arena_deinit(&a);
    return good;
}

static void check_folder(const char *folder, unsigned *read, unsigned *good) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && e->d_type == DT_DIR)
            check_folder(path, read, good);
        if (str_ends(str_from(path), STR(".yaml"))) {
            ++*read;
            *good += check_file(path);
        }
    }
    if (d)
        closedir(d);
}

static void files_are_laid_out_once(void **state) {
    (void)state;
    unsigned read = 0, good = 0;
    check_folder(SOURCE_ROOT "/examples", &read, &good);
    assert_int_equal(read, good);
    check_folder(SOURCE_ROOT "/../shared/language", &read, &good);
    assert_int_equal(read, good);
    check_folder(SOURCE_ROOT "/tests/bad", &read, &good);
    assert_true(read > 100 && good > 80); /* some are no YAML */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indentation_is_two_blanks_and_lists_stand_in_their_key),
        cmocka_unit_test(blanks_stand_where_they_help),
        cmocka_unit_test(tables_stay_tables),
        cmocka_unit_test(comments_keep_their_place_or_stand_close),
        cmocka_unit_test(values_of_several_lines_move_as_a_whole),
        cmocka_unit_test(empty_lines_are_single),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(files_are_laid_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
