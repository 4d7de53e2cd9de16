#include "try/file.h"

#include "base/time.h"
#include "spec/yaml.h"

typedef struct Loader {
    Arena *a;
    TryFile *file;
    Diags *diags;
} Loader;

static const char *const words[SCRIPT_KINDS] = { "agents", "tools",   "route",
                                                 "people", "signals", "events" };

/* One line, or a list of them. */
static void read_script(Loader *l, const Yaml *key, const Yaml *value, Script *ret) {
    const Yaml *one[] = { value };
    const Yaml **lines = value->kind == YAML_LIST ? value->items : one;
    ret->name = key->text;
    ret->line = key->line;
    ret->number = l->file->n_scripts++;
    ret->n = value->kind == YAML_LIST ? value->n : 1;
    ret->lines = ARENA_ARRAY(l->a, ScriptLine, ret->n);
    for (size_t i = 0; i < ret->n; i++)
        ret->lines[i] = (ScriptLine){ lines[i]->line, yaml_value(lines[i], l->a) };
}

static void read_scripts(Loader *l, const Yaml *map, Scripts ret[SCRIPT_KINDS]) {
    for (size_t kind = 0; kind < SCRIPT_KINDS; kind++) {
        const Yaml *block = yaml_get(map, words[kind]);
        if (!block)
            continue;
        ret[kind].items = ARENA_ARRAY(l->a, Script, block->n);
        for (size_t i = 0; i < block->n; i++)
            read_script(l, block->entries[i].key, block->entries[i].value,
                        &ret[kind].items[ret[kind].n++]);
    }
}

static void read_case(Loader *l, const Yaml *y, size_t number, TryCase *ret) {
    const Yaml *name = yaml_get(y, "name"), *with = yaml_get(y, "with"),
               *expect = yaml_get(y, "expect");
    ret->name = name ? name->text : arena_fmt(l->a, "case %zu", number + 1);
    ret->line = y->line;
    ret->with = with ? yaml_value(with, l->a) : VALUE_ABSENT;
    read_scripts(l, y, ret->scripts);
    if (!expect)
        return;
    ret->expect = ARENA_ARRAY(l->a, Expectation, expect->n);
    for (size_t i = 0; i < expect->n; i++)
        ret->expect[ret->n_expect++] =
            (Expectation){ script_bare(expect->items[i]->text), expect->items[i]->line };
}

int try_file_read(Arena *a, Str name, Str text, Diags *diags, TryFile *ret) {
    Loader l = { a, ret, diags };
    YamlFile *yaml = ARENA_NEW(a, YamlFile);
    *ret = (TryFile){ .name = name, .runs = 1, .record = STR("") };
    int r = yaml_read(a, name, text, diags, yaml);
    if (r)
        return r < 0 ? r : TRY_E_REFUSED;
    const Yaml *root = yaml->root, *record = yaml_get(root, "record"),
               *runs = yaml_get(root, "runs"), *cases = yaml_get(root, "cases"),
               *listen = yaml_get(root, "listen");
    ret->workflow = yaml_get(root, "test")->text;
    if (record)
        ret->record = record->text;
    if (runs && value_is(yaml_scalar(runs, a), V_INT))
        ret->runs = yaml_scalar(runs, a).i;
    ret->listen = ARENA_ARRAY(a, Str, listen ? listen->n : 0u);
    for (size_t i = 0; listen && i < listen->n; i++)
        ret->listen[ret->n_listen++] = listen->items[i]->text;
    read_scripts(&l, root, ret->scripts);
    ret->cases = ARENA_ARRAY(a, TryCase, cases->n);
    for (size_t i = 0; i < cases->n; i++)
        read_case(&l, cases->items[i], ret->n_cases++, &ret->cases[i]);
    return 0;
}
