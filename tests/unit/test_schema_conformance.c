/* Runs the official test suite of JSON Schema, kept as JSON outside of this repository (its README has the format).
 *
 * The directory comes from BATON_JSON_SCHEMA, or is ../shared/conformance/json-schema beside the source; without it the
 * test skips. Every case of the two drafts must agree but for those that json_schema_exceptions.txt names with a reason:
 * the test fails if one of those begins to agree, or another does not. Cases of the folders `optional` are counted; with
 * the name of a file as argument ("draft7/optional/bignum") its disagreements are printed one by one. */
#include "base/json.h"
#include "spec/schema.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77, EXCEPTIONS_MAX = 500 };

typedef struct Exception {
    Str name; /* "draft7/refRemote | remote ref" */
    bool seen;
} Exception;

typedef struct Suite {
    const char *directory;
    Arena arena;
    Exception exceptions[EXCEPTIONS_MAX];
    size_t n_exceptions;
    unsigned agreed, excepted, disagreed;
    bool verbose;
} Suite;

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

/* Every line is the name of a group; lines that begin with # say why. */
static void read_exceptions(Suite *s, Str text) {
    while (text.len) {
        ptrdiff_t end = str_find(text, STR("\n"));
        Str line = str_slice(text, 0, end < 0 ? text.len : (size_t)end);
        text = str_slice(text, end < 0 ? text.len : (size_t)end + 1, text.len);
        if (!line.len || line.p[0] == '#')
            continue;
        ASSERT(s->n_exceptions < EXCEPTIONS_MAX);
        s->exceptions[s->n_exceptions++].name = arena_str(&s->arena, line);
    }
}

static Exception *exception_of(Suite *s, Str name) {
    for (size_t i = 0; i < s->n_exceptions; i++)
        if (str_eq(s->exceptions[i].name, name))
            return &s->exceptions[i];
    return NULL;
}

/* Cases on which the two disagree. */
static unsigned run_cases(const Suite *s, const Schema *schema, Str group, Value tests) {
    unsigned wrong = 0;
    for (uint32_t i = 0; i < tests.len; i++) {
        Arena a;
        arena_init(&a, 0);
        SchemaTroubles troubles = { .n = 0 };
        bool wanted = value_getz(tests.items[i], "valid").b;
        int r = schema_check(schema, value_getz(tests.items[i], "data"), &a, &troubles);
        bool as_said = (r == 0) == wanted && r != SCHEMA_E_COST && (r == 0) == (troubles.n == 0);
        wrong += !as_said;
        if (!as_said && s->verbose)
            printf("  %.*s | %.*s: %s%.*s\n", STR_FMT(group),
                   STR_FMT(value_as_str(value_getz(tests.items[i], "description"))),
                   wanted ? "should fit: " : "should not fit",
                   STR_FMT(troubles.n ? troubles.items[0].message : STR("")));
        arena_deinit(&a);
    }
    return wrong;
}

/* The suite leaves the draft of a file's schemas to its folder. */
static Value with_draft(Arena *a, Value schema, bool draft_7) {
    if (!draft_7 || schema.type != V_MAP || !value_absent(value_getz(schema, "$schema")))
        return schema;
    Str uri = STR("http://json-schema.org/draft-07/schema#");
    return value_with(a, schema, STR("$schema"), value_str(uri));
}

static unsigned run_group(Suite *s, Str name, Value group, bool draft_7) {
    Arena a;
    arena_init(&a, 0);
    const Schema *schema = NULL;
    SchemaProblems problems;
    Value tests = value_getz(group, "tests");
    unsigned wrong = tests.len;
    if (schema_compile(&a, with_draft(&a, value_getz(group, "schema"), draft_7), &schema,
                       &problems) == 0)
        wrong = run_cases(s, schema, name, tests);
    else if (s->verbose)
        printf("  %.*s: refused at %.*s: %.*s\n", STR_FMT(name), STR_FMT(problems.items[0].at),
               STR_FMT(problems.items[0].message));
    arena_deinit(&a);
    return wrong;
}

static void run_groups(Suite *s, const char *file, Value groups, bool required) {
    bool verbose = s->verbose;
    for (uint32_t i = 0; i < groups.len; i++) {
        Value group = groups.items[i];
        Str title = value_as_str(value_getz(group, "description"));
        Str name = arena_fmt(&s->arena, "%s | %.*s", file, STR_FMT(title));
        Exception *e = required ? exception_of(s, name) : NULL;
        unsigned cases = value_getz(group, "tests").len;
        s->verbose = verbose || (required && !e);
        unsigned wrong = run_group(s, name, group, strncmp(file, "draft7", 6) == 0);
        s->verbose = verbose;
        s->agreed += cases - wrong;
        if (e)
            e->seen = wrong > 0;
        *(e ? &s->excepted : &s->disagreed) += wrong;
    }
}

static bool run_file(Suite *s, const char *name, bool required) {
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/%s.json", s->directory, name);
    size_t len = 0;
    char *text = read_file(path, &len);
    Value groups;
    bool good = text && json_read_copy(&s->arena, (Str){ text, len }, &groups, NULL) == 0;
    if (good)
        run_groups(s, name, groups, required);
    else
        printf("%s cannot be read\n", name);
    free(text);
    return good;
}

static bool run_directory(Suite *s, const char *folder, bool required) {
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/%s", s->directory, folder);
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    bool good = n > 0;
    unsigned agreed = s->agreed, excepted = s->excepted, disagreed = s->disagreed;
    for (int i = 0; i < n; i++) {
        char *dot = strstr(entries[i]->d_name, ".json");
        if (dot && !dot[5]) {
            snprintf(path, sizeof path, "%s/%.*s", folder, (int)(dot - entries[i]->d_name),
                     entries[i]->d_name);
            good &= run_file(s, path, required);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    printf("%-32s %4u agree, %3u excepted, %3u do not%s\n", folder, s->agreed - agreed,
           s->excepted - excepted, s->disagreed - disagreed, required ? "" : "  (not required)");
    return good && (!required || s->disagreed == disagreed);
}

static bool all_seen(const Suite *s) {
    bool good = true;
    for (size_t i = 0; i < s->n_exceptions; i++)
        if (!s->exceptions[i].seen) {
            printf("excepted, but there is no such case or it agrees: %.*s\n",
                   STR_FMT(s->exceptions[i].name));
            good = false;
        }
    return good;
}

static bool run_all(Suite *s) {
    size_t len = 0;
    char *text = read_file(SOURCE_ROOT "/tests/unit/json_schema_exceptions.txt", &len);
    bool good = text != NULL;
    if (text)
        read_exceptions(s, (Str){ text, len });
    free(text);
    good &= run_directory(s, "draft2020-12", true);
    good &= run_directory(s, "draft7", true);
    good &= all_seen(s);
    static const char *const optional[] = { "draft2020-12/optional", "draft2020-12/optional/format",
                                            "draft7/optional", "draft7/optional/format" };
    for (size_t i = 0; i < ARRAY_LEN(optional); i++)
        run_directory(s, optional[i], false);
    return good;
}

int main(int argc, char **argv) {
    Suite s = { .directory = getenv("BATON_JSON_SCHEMA") };
    if (!s.directory)
        s.directory = SOURCE_ROOT "/../shared/conformance/json-schema";
    DIR *there = opendir(s.directory);
    if (!there) {
        printf("skipped: no directory %s; set BATON_JSON_SCHEMA to the test suite\n", s.directory);
        return SKIPPED;
    }
    closedir(there);
    arena_init(&s.arena, 0);
    bool good;
    if (argc > 1) {
        s.verbose = true;
        good = run_file(&s, argv[1], false) && s.disagreed == 0;
    } else {
        good = run_all(&s);
    }
    arena_deinit(&s.arena);
    return good ? 0 : 1;
}
