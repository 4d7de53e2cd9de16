/* Every file of tests/bad says what is wrong with it, and where, in a comment:
 *
 *   # error: 12:5 code a part of the message or of the remedy
 *   # warning: 3:20 code ...                                        (the file is accepted)
 *
 * The first problem of that sort must be this one. A `later` is told of what shall run, all else of what is only checked. A line `#--- NAME` begins another file of the same workflow; the place of
 * a problem there is NAME:12:5. */
#include "base/limits.h"
#include "parts.h"
#include "spec/plan.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FILES_MAX 1000

typedef struct Expected {
    bool warning;
    unsigned line, column;
    char file[100]; /* empty: the workflow itself */
    char code[40], part[200];
} Expected;

static Str read_whole(const char *path, Arena *a) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(a, LIMIT_FILE_BYTES);
    size_t n = fread(p, 1, LIMIT_FILE_BYTES, f);
    fclose(f);
    return (Str){ p, n };
}

static void read_expected(Str text, Arena *a, Expected *ret) {
    const char *z = arena_str(a, text).p;
    const char *error = strstr(z, "# error: "), *warning = strstr(z, "# warning: ");
    const char *at = error ? error + 9 : warning ? warning + 11 : NULL;
    *ret = (Expected){ .warning = !error };
    assert_non_null(at);
    if (*at < '0' || *at > '9') {
        assert_int_equal(sscanf(at, "%99[^:]:", ret->file), 1);
        at += strlen(ret->file) + 1;
    }
    int n = sscanf(at, "%u:%u %39s %199[^\n]", &ret->line, &ret->column, ret->code, ret->part);
    assert_true(n >= 3);
}

static const Diag *first_of(const Diags *d, bool warning) {
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].warning == warning)
            return &d->items[i];
    return NULL;
}

static bool fits(const Diag *d, const Expected *e) {
    Str part = str_from(e->part);
    return d && (!e->file[0] || str_is(d->pos.file, e->file)) && d->pos.line == e->line &&
           d->pos.column == e->column && str_is(d->code, e->code) &&
           (str_find(d->message, part) >= 0 || str_find(d->remedy, part) >= 0);
}

static void print_all(const Diags *d) {
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < d->n; i++) {
        buf_fmt(&b, "[%.*s] ", STR_FMT(d->items[i].code));
        diag_write(&b, &d->items[i]);
    }
    fprintf(stderr, "%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
}

static void says_what_is_wrong(void **state) {
    const char *path = *state;
    Arena a;
    arena_init(&a, 0);
    Expected expected;
    Diags diags = { .arena = &a };
    Plan *plan = NULL;
    /* Its folder is the project's. */
    Str text = read_whole(path, &a), name = str_from(strrchr(path, '/') + 1);
    read_expected(text, &a, &expected);
    Str closure = closure_of_parts(&a, name, text);
    int r = strcmp(expected.code, "later") == 0 ? plan_compile(closure, &plan, &diags)
                                                : plan_check(closure, &plan, &diags, NULL);
    const Diag *first = first_of(&diags, expected.warning);
    if (!fits(first, &expected))
        print_all(&diags);
    assert_true(fits(first, &expected));
    assert_int_equal(r, expected.warning ? 0 : PLAN_E_REFUSED);
    plan_free(plan);
    arena_deinit(&a);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(void) {
    static struct CMUnitTest tests[FILES_MAX];
    size_t n = 0;
    DIR *dir = opendir(SOURCE_ROOT "/tests/bad");
    if (!dir)
        return 1;
    for (struct dirent *e; n < FILES_MAX && (e = readdir(dir));) {
        Str file = str_from(e->d_name);
        if (!str_ends(file, STR(".yaml")))
            continue;
        char path[600];
        snprintf(path, sizeof path, SOURCE_ROOT "/tests/bad/%s", e->d_name);
        tests[n++] = (struct CMUnitTest){
            .name = xstrndup(file.p, file.len),
            .test_func = says_what_is_wrong,
            .initial_state = xstrndup(path, strlen(path)),
        };
    }
    closedir(dir);
    qsort(tests, n, sizeof *tests, by_name);
    return n == 0 || _cmocka_run_group_tests("bad", tests, n, NULL, NULL);
}
