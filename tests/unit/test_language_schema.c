/* `baton schema` and the compiler agree as far as a schema can: it accepts every example and every file of the language's
 * collection, and refuses what is wrong with the words of a file. */
#include "base/limits.h"
#include "spec/language_schema.h"
#include "spec/schema.h"
#include "spec/yaml.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static Arena arena;
static const Schema *schema;

static int compile(void **state) {
    (void)state;
    SchemaProblems problems;
    arena_init(&arena, 0);
    int r = schema_compile(&arena, language_schema(&arena), &schema, &problems);
    if (r)
        print_message("%.*s: %.*s\n", STR_FMT(problems.items[0].at),
                      STR_FMT(problems.items[0].message));
    return r;
}

static Value value_of(const Yaml *y, Arena *a) {
    if (y->kind == YAML_SCALAR)
        return yaml_scalar(y, a);
    MapBuilder m = map_builder(a);
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < y->n; i++) {
        if (y->kind == YAML_MAP)
            map_adds(&m, y->entries[i].key->text, value_of(y->entries[i].value, a));
        else
            list_add(&l, value_of(y->items[i], a));
    }
    return y->kind == YAML_MAP ? map_done(&m, NULL) : list_done(&l);
}

/* 0 accepted, 1 refused, -1 no YAML. */
static int check(const char *path, SchemaTroubles *ret) {
    char *p = arena_alloc(&arena, MIB);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    Str text = { p, fread(p, 1, MIB, f) };
    fclose(f);
    ptrdiff_t part = str_find(text, STR("\n#--- "));
    if (part > 0)
        text.len = (size_t)part + 1;
    YamlFile file;
    Diags diags = { .arena = &arena };
    *ret = (SchemaTroubles){ 0 };
    if (yaml_read(&arena, STR("test.yaml"), text, &diags, &file) != 0)
        return -1;
    if (yaml_get(file.root, "replies")) /* of a scripted model: no file of the language */
        return 0;
    return schema_check(schema, value_of(file.root, &arena), &arena, ret) != 0;
}

static void accept_folder(const char *folder, unsigned *n) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[1024];
        SchemaTroubles t;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && e->d_type == DT_DIR)
            accept_folder(path, n);
        if (!str_ends(str_from(path), STR(".yaml")) || strcmp(e->d_name, "prices.yaml") == 0)
            continue;
        ++*n;
        if (check(path, &t) != 0)
            fail_msg("%s: %.*s %.*s", path, STR_FMT(t.items[0].path), STR_FMT(t.items[0].message));
    }
    if (d)
        closedir(d);
}

static void examples_are_accepted(void **state) {
    (void)state;
    unsigned n = 0;
    accept_folder(SOURCE_ROOT "/examples", &n);
    assert_true(n > 0);
    accept_folder(SOURCE_ROOT "/../shared/language", &n);
}

/* What is wrong with the words of a file begins its name so. */
static bool is_structural(const char *name) {
    static const char *const beginnings[] = { "foreign_",          "head_no_steps",
                                              "head_version",      "head_unknown_key",
                                              "agent_unknown_key", "step_two_verbs",
                                              "step_no_verb",      "step_unknown_key",
                                              "step_empty_steps",  "value_for_without_in" };
    if (strcmp(name, "foreign_next.yaml") == 0) /* a state of a machine has it, and is a step too */
        return false;
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
        if (str_starts(str_from(name), str_from(beginnings[i])))
            return true;
    return false;
}

static void bad_words_are_refused(void **state) {
    (void)state;
    unsigned refused = 0, all = 0;
    DIR *d = opendir(SOURCE_ROOT "/tests/bad");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        SchemaTroubles t;
        if (!str_ends(str_from(e->d_name), STR(".yaml")))
            continue;
        snprintf(path, sizeof path, SOURCE_ROOT "/tests/bad/%s", e->d_name);
        int r = check(path, &t);
        all++;
        refused += r == 1;
        if (r == 0 && is_structural(e->d_name))
            fail_msg("%s is accepted", path);
    }
    closedir(d);
    print_message("%u of %u files of tests/bad are refused by the schema alone\n", refused, all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_accepted),
        cmocka_unit_test(bad_words_are_refused),
    };
    return cmocka_run_group_tests(tests, compile, NULL);
}
