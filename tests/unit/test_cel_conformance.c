/* Runs the test cases of the CEL specification, kept as JSON outside of this repository (their README has the format).
 *
 * The directory comes from BATON_CONFORMANCE, or is ../shared/conformance/cel beside the source; without it the test
 * skips. Every case must pass, but for those that test_cel_conformance.txt lists with a reason, which must fail: so the list
 * cannot grow stale. With the name of a file as argument, only that file is run. */
#include "base/json.h"
#include "cel/cel.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77 };

/* As many as there are: a file that went missing is not a success. */
enum { CASES = 1729 };

typedef struct Run {
    Str excused; /* test_cel_conformance.txt */
    unsigned passed, excused_n, wrong;
} Run;

/* ---- values ---- */

static Value read_typed(Arena *a, Value typed);

static Value read_double(Value v) {
    if (v.type == V_DOUBLE)
        return v;
    if (v.type == V_INT)
        return value_double((double)v.i);
    Str s = value_as_str(v);
    return value_double(str_is(s, "NaN")        ? (double)NAN
                        : str_is(s, "Infinity") ? (double)INFINITY
                        : str_is(s, "-0")       ? -0.0
                                                : -(double)INFINITY);
}

static Value read_list(Arena *a, Value items) {
    ListBuilder list = list_builder(a);
    for (uint32_t i = 0; i < items.len; i++)
        list_add(&list, read_typed(a, items.items[i]));
    return list_done(&list);
}

static Value read_map(Arena *a, Value pairs) {
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; i < pairs.len; i++)
        map_add(&m, read_typed(a, pairs.items[i].items[0]), read_typed(a, pairs.items[i].items[1]));
    return map_done(&m, NULL);
}

/* By way of the language itself: base64.decode('...'), duration('...'). */
static Value read_by_call(Arena *a, const char *function, Value text) {
    CelProgram *p;
    Value v;
    Str call = arena_fmt(a, "%s('%.*s')", function, STR_FMT(value_as_str(text)));
    if (cel_compile(a, call, NULL, &p, NULL) || cel_eval(p, NULL, a, &v, NULL))
        return VALUE_ABSENT;
    return v;
}

static Value read_int(Value text) {
    int64_t i = 0;
    ASSERT(str_to_i64(value_as_str(text), &i));
    return value_int(i);
}

static Value read_uint(Value text) {
    uint64_t u = 0;
    ASSERT(str_to_u64(value_as_str(text), &u));
    return value_uint(u);
}

static Value read_typed(Arena *a, Value typed) {
    ASSERT(typed.type == V_MAP && typed.len == 1);
    Str tag = value_as_str(typed.map->entries[0].key);
    Value v = typed.map->entries[0].value;
    if (str_is(tag, "int"))
        return read_int(v);
    if (str_is(tag, "uint"))
        return read_uint(v);
    if (str_is(tag, "double"))
        return read_double(v);
    if (str_is(tag, "bytes"))
        return read_by_call(a, "base64.decode", v);
    if (str_is(tag, "list"))
        return read_list(a, v);
    if (str_is(tag, "map"))
        return read_map(a, v);
    if (str_is(tag, "duration"))
        return read_by_call(a, "duration", v);
    if (str_is(tag, "timestamp"))
        return read_by_call(a, "timestamp", v);
    if (str_is(tag, "type"))
        v.type = V_TYPE;
    return v; /* null, bool, string */
}

/* ---- names: bindings by their whole names, the longest first, the innermost container first ---- */

typedef struct Bindings {
    Arena *arena;
    Value typed; /* name -> typed value */
    Str container;
} Bindings;

static bool find_binding(const Bindings *b, Str name, uint64_t *ret_slot) {
    for (uint32_t i = 0; i < b->typed.len; i++) {
        if (str_eq(value_as_str(b->typed.map->entries[i].key), name)) {
            *ret_slot = i;
            return true;
        }
    }
    return false;
}

static bool find_in_container(const Bindings *b, Str name, uint64_t *ret_slot) {
    if (name.p[0] == '.')
        return find_binding(b, str_slice(name, 1, name.len), ret_slot);
    for (Str c = b->container; c.len;) {
        if (find_binding(b, arena_fmt(b->arena, "%.*s.%.*s", STR_FMT(c), STR_FMT(name)), ret_slot))
            return true;
        const char *dot = memrchr(c.p, '.', c.len);
        c.len = dot ? (size_t)(dot - c.p) : 0;
    }
    return find_binding(b, name, ret_slot);
}

static Str joined(Arena *a, const Str *parts, size_t n) {
    Str name = parts[0];
    for (size_t i = 1; i < n; i++)
        name = arena_fmt(a, "%.*s.%.*s", STR_FMT(name), STR_FMT(parts[i]));
    return name;
}

static size_t resolve(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message) {
    const Bindings *b = ctx;
    (void)message;
    for (size_t k = n; k > 0; k--)
        if (find_in_container(b, joined(b->arena, parts, k), ret_slot))
            return k;
    return 0;
}

static Value load(void *ctx, uint64_t slot, Arena *a) {
    const Bindings *b = ctx;
    return read_typed(a, b->typed.map->entries[slot].value);
}

static bool same(Value got, Value want) {
    if (want.type == V_DOUBLE && want.d == 0)
        return got.type == V_DOUBLE && got.d == 0;
    return value_same(got, want);
}

/* ---- the macros of block_ext: cel.block([a, b], r) is cel.bind(index_0, a, cel.bind(index_1, b, r)) ---- */

/* cel.index(1) becomes index_1, cel.iterVar(0, 1) becomes iterVar_0_1. */
static Str name_variables(Arena *a, Str expr) {
    static const char *const names[] = { "cel.index(", "cel.iterVar(", "cel.accuVar(" };
    Buf b = BUF_INIT(64 * 1024);
    for (size_t at = 0; at < expr.len;) {
        Str rest = str_slice(expr, at, expr.len);
        size_t i = 0;
        while (i < ARRAY_LEN(names) && !str_starts(rest, str_from(names[i])))
            i++;
        if (i == ARRAY_LEN(names)) {
            buf_char(&b, expr.p[at++]);
            continue;
        }
        for (at += 4; expr.p[at] != ')'; at++)
            if (expr.p[at] != ' ')
                buf_char(&b, expr.p[at] == '(' || expr.p[at] == ',' ? '_' : expr.p[at]);
        at++;
    }
    Str named = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return named;
}

/* Where the part that begins at `at` ends: at a comma or a closing bracket that is not within another part. */
static size_t part_end(Str s, size_t at) {
    int depth = 0;
    for (char quote = 0; at < s.len; at++) {
        char c = s.p[at];
        if (quote || c == '\'' || c == '"')
            quote = quote == c ? 0 : quote ? quote : c;
        else if (depth == 0 && memchr(",)]", c, 3))
            return at;
        else if (memchr("([{", c, 3))
            depth++;
        else if (memchr(")]}", c, 3))
            depth--;
    }
    return at;
}

static Str expand_block(Arena *a, Str expr) {
    Str opening = STR("cel.block([");
    expr = name_variables(a, expr);
    if (!str_starts(expr, opening))
        return expr;
    Buf b = BUF_INIT(64 * 1024);
    unsigned n = 0;
    size_t at = opening.len;
    while (expr.p[at] != ']') {
        size_t end = part_end(expr, at);
        buf_fmt(&b, "cel.bind(index_%u, %.*s, ", n++, (int)(end - at), expr.p + at);
        at = end + (expr.p[end] == ',');
    }
    at += 2; /* "]," */
    buf_str_add(&b, str_slice(expr, at, part_end(expr, at)));
    while (n--)
        buf_char(&b, ')');
    Str expanded = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return expanded;
}

/* ---- one test ---- */

static void tell(Value test, const char *what, Str detail) {
    Value expr = value_getz(test, "expr");
    printf("  %.*s\n    %s: %.*s\n", STR_FMT(value_as_str(expr)), what, STR_FMT(detail));
}

static bool check_error(Value test, Arena *a, bool failed, Value got, bool verbose) {
    if (failed)
        return true;
    if (verbose)
        tell(test, "should fail, gives", value_text(a, got));
    return false;
}

static bool check_value(Value test, Arena *a, const CelError *error, Value got, bool verbose) {
    Value typed = value_getz(test, "value");
    Value want = value_absent(typed) ? value_bool(true) : read_typed(a, typed);
    if (!error && same(got, want))
        return true;
    if (verbose && error)
        tell(test, "fails", str_from(error->message));
    else if (verbose)
        tell(test, "gives", value_text(a, got));
    return false;
}

static bool run_test(Value test, bool verbose) {
    Arena a;
    arena_init(&a, 0);
    Bindings bindings = { .arena = &a,
                          .typed = value_getz(test, "bindings"),
                          .container = STR("") };
    Value container = value_getz(test, "container");
    if (container.type == V_STRING)
        bindings.container = value_as_str(container);
    CelNames names = { .resolve = resolve, .ctx = &bindings, .by_the_book = true };
    CelScope scope = { .load = load, .ctx = &bindings };
    CelProgram *p;
    CelError error;
    Value got = VALUE_ABSENT;
    Str expr = expand_block(&a, value_as_str(value_getz(test, "expr")));
    bool failed = cel_compile(&a, expr, &names, &p, &error) ||
                  cel_eval(p, &scope, &a, &got, &error);
    bool passed = !value_absent(value_getz(test, "error"))
                      ? check_error(test, &a, failed, got, verbose)
                      : check_value(test, &a, failed ? &error : NULL, got, verbose);
    arena_deinit(&a);
    return passed;
}

/* ---- files ---- */

/* Whether the list has a line that begins "FILE SECTION NAME ". */
static bool is_excused(const Run *run, const char *file, Value test) {
    char line[256];
    Str section = value_as_str(value_getz(test, "section"));
    Str name = value_as_str(value_getz(test, "name"));
    snprintf(line, sizeof line, "\n%s %.*s %.*s ", file, STR_FMT(section), STR_FMT(name));
    return str_find(run->excused, str_from(line)) >= 0;
}

static void run_tests(Run *run, const char *file, Value tests) {
    for (uint32_t i = 0; i < tests.len; i++) {
        bool excused = is_excused(run, file, tests.items[i]);
        bool passed = run_test(tests.items[i], !excused);
        run->passed += passed && !excused;
        run->excused_n += !passed && excused;
        run->wrong += passed == excused;
        if (passed && excused)
            tell(tests.items[i], "passes, and is listed as one that does not", STR(""));
    }
}

static char *read_file(const char *path, size_t *ret_len) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *text = xmalloc((size_t)size + 1);
    *ret_len = fread(text, 1, (size_t)size, f);
    fclose(f);
    return text;
}

static void run_file(Run *run, const char *directory, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.json", directory, name);
    size_t len = 0;
    char *text = read_file(path, &len);
    Arena a;
    arena_init(&a, 0);
    Value tests;
    JsonError error;
    if (text && json_read(&a, (Str){ text, len }, &tests, &error) == 0) {
        unsigned wrong = run->wrong;
        run_tests(run, name, tests);
        if (tests.len)
            printf("%-16s %4u cases, %u wrong\n", name, tests.len, run->wrong - wrong);
    } else {
        printf("%-16s cannot be read\n", name);
        run->wrong++;
    }
    arena_deinit(&a);
    free(text);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void run_directory(Run *run, const char *directory) {
    struct dirent **entries;
    int n = scandir(directory, &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char *dot = strstr(entries[i]->d_name, ".json");
        if (dot && !dot[5]) {
            *dot = '\0';
            run_file(run, directory, entries[i]->d_name);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    if (run->passed + run->excused_n + run->wrong == CASES)
        return;
    printf("there are %u cases, and should be %d\n", run->passed + run->excused_n + run->wrong,
           CASES);
    run->wrong++;
}

int main(int argc, char **argv) {
    const char *directory = getenv("BATON_CONFORMANCE");
    if (!directory)
        directory = SOURCE_ROOT "/../shared/conformance/cel";
    DIR *there = opendir(directory);
    if (!there) {
        printf("skipped: no directory %s; set BATON_CONFORMANCE to the CEL cases\n", directory);
        return SKIPPED;
    }
    closedir(there);
    size_t len = 0;
    char *excused = read_file(SOURCE_ROOT "/tests/unit/test_cel_conformance.txt", &len);
    ASSERT(excused);
    Run run = { .excused = { excused, len } };
    if (argc > 1)
        run_file(&run, directory, argv[1]);
    else
        run_directory(&run, directory);
    printf("%u passed, %u listed as not applying, %u wrong\n", run.passed, run.excused_n,
           run.wrong);
    free(excused);
    return run.wrong ? 1 : 0;
}
