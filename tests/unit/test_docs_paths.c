/* What the documentation points at is there: files between backquotes, links between pages, and in docs/ARCHITECTURE.md
 * functions, which some file of src/ must name. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static Arena arena;
static Buf sources = BUF_INIT(64 * MIB);
static unsigned missing;

static Str read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return STR_NULL;
    char *p = arena_alloc(&arena, LIMIT_FILE_BYTES);
    size_t n = fread(p, 1, LIMIT_FILE_BYTES, f);
    fclose(f);
    return (Str){ p, n };
}

static bool exists(const char *folder, Str path) {
    char whole[800];
    snprintf(whole, sizeof whole, SOURCE_ROOT "%s/%.*s", folder, STR_FMT(path));
    return access(whole, F_OK) == 0;
}

static void complain(const char *page, Str what) {
    print_error("%s: %.*s is not there\n", page, STR_FMT(what));
    missing++;
}

static bool is_path(Str code) {
    static const char *const roots[] = { "src/",   "tests/",    "scripts/", "docs/",
                                         "bench/", "examples/", ".ci/" };
    for (size_t i = 0; i < code.len; i++)
        if (strchr(" *<>{}=$", code.p[i]))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(roots); i++)
        if (str_starts(code, str_from(roots[i])))
            return true;
    return false;
}

/* "name()" */
static bool is_function(Str code) {
    for (size_t i = 0; i + 2 < code.len; i++)
        if (!(code.p[i] == '_' || (code.p[i] >= 'a' && code.p[i] <= 'z') ||
              (code.p[i] >= '0' && code.p[i] <= '9')))
            return false;
    return code.len > 2 && str_ends(code, STR("()"));
}

static void check_code(const char *page, Str code, bool functions) {
    if (is_path(code) && !exists("", code))
        complain(page, code);
    if (functions && is_function(code) &&
        str_find(buf_str(&sources), str_slice(code, 0, code.len - 1)) < 0)
        complain(page, code);
}

/* Codes of one line: `like this`. */
static void check_codes(const char *page, Str text, bool functions) {
    const char *from = NULL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '\n')
            from = NULL;
        if (text.p[i] != '`')
            continue;
        if (from)
            check_code(page, (Str){ from, (size_t)(text.p + i - from) }, functions);
        from = from ? NULL : text.p + i + 1;
    }
}

/* [words](page.md#place) */
static void check_links(const char *folder, const char *page, Str text) {
    for (ptrdiff_t at; (at = str_find(text, STR("]("))) >= 0;) {
        text = str_slice(text, (size_t)at + 2, text.len);
        size_t n = 0;
        while (n < text.len && !strchr(")#\n", text.p[n]))
            n++;
        Str target = str_slice(text, 0, n);
        if (target.len && str_find(target, STR("://")) < 0 && !exists(folder, target))
            complain(page, target);
    }
}

static void check_page(const char *folder, const char *page) {
    char path[600];
    snprintf(path, sizeof path, SOURCE_ROOT "%s/%s", folder, page);
    Str text = read_file(path);
    check_codes(page, text, strcmp(page, "ARCHITECTURE.md") == 0);
    check_links(folder, page, text);
}

static unsigned check_folder(const char *folder) {
    char path[600];
    unsigned n = 0;
    snprintf(path, sizeof path, SOURCE_ROOT "%s", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (str_ends(str_from(e->d_name), STR(".md"))) {
            check_page(folder, e->d_name);
            n++;
        }
    closedir(dir);
    return n;
}

static int add_source(const char *path, const struct stat *st, int type) {
    (void)st;
    Str name = str_from(path);
    if (type == FTW_F && (str_ends(name, STR(".c")) || str_ends(name, STR(".h"))))
        buf_str_add(&sources, read_file(path));
    return 0;
}

static void every_file_and_function_named_is_there(void **state) {
    (void)state;
    assert_int_equal(ftw(SOURCE_ROOT "/src", add_source, 16), 0);
    assert_false(buf_over(&sources));
    assert_true(check_folder("/docs") > 5);
    check_folder("");
    assert_int_equal(missing, 0);
}

/* The last column of docs/failures.md: what scripts/mutants can turn off. */
static void every_switch_of_a_failure_is_there(void **state) {
    (void)state;
    Str page = read_file(SOURCE_ROOT "/docs/failures.md"),
        list = read_file(SOURCE_ROOT "/tests/mutants.list");
    unsigned rows = 0;
    missing = 0;
    for (ptrdiff_t at; (at = str_find(page, STR("\n| "))) >= 0; rows++) {
        page = str_slice(page, (size_t)at + 1, page.len);
        Str cell = str_slice(page, 0, (size_t)str_find(page, STR("\n")) - 2);
        for (ptrdiff_t bar; (bar = str_find(cell, STR(" | "))) >= 0;)
            cell = str_slice(cell, (size_t)bar + 3, cell.len);
        for (ptrdiff_t tick; (tick = str_find(cell, STR("`"))) >= 0;) {
            cell = str_slice(cell, (size_t)tick + 1, cell.len);
            Str name = str_slice(cell, 0, (size_t)str_find(cell, STR("`")));
            cell = str_slice(cell, name.len + 1, cell.len);
            if (str_find(list, arena_fmt(&arena, "\n%.*s ", STR_FMT(name))) < 0)
                complain("failures.md", name);
        }
    }
    assert_true(rows > 16);
    assert_int_equal(missing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_file_and_function_named_is_there),
                                        cmocka_unit_test(every_switch_of_a_failure_is_there) };
    arena_init(&arena, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
