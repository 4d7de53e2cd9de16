/* Reading and checking the file. It is YAML of the workflow files' kind, so a mistake is told with its line, and a key that
 * is not known is a mistake: a match that silently never fits is the worst a fixture can do. */
#include "exec/scripted_file.h"

#include "base/limits.h"
#include "base/time.h"
#include "spec/yaml.h"

#include <stdlib.h>

typedef struct Loader {
    Arena *a; /* of the file */
    YamlFile yaml;
    Diags *diags;
} Loader;

static void complain(Loader *l, const Yaml *at, const char *remedy, const char *what) {
    diag_error(l->diags, yaml_pos(at), "scripted", remedy, "%s", what);
}

static void check_keys(Loader *l, const Yaml *map, const Str *known, size_t n) {
    for (size_t i = 0; i < map->n; i++) {
        const Yaml *key = map->entries[i].key;
        size_t k = 0;
        while (k < n && !str_eq(known[k], key->text))
            k++;
        if (k < n)
            continue;
        Str near = str_nearest(key->text, known, n);
        Str remedy = near.p ? arena_fmt(l->a, "did you mean `%.*s`?", STR_FMT(near)) : STR_NULL;
        diag_error(l->diags, yaml_pos(key), "unknown_key", remedy.p, "unknown key `%.*s`",
                   STR_FMT(key->text));
    }
}

static bool is_count(Value v) { return value_is(v, V_INT) && v.i >= 1; }

static void check_match(Loader *l, const Yaml *match) {
    static const Str known[] = { STR("agent"),  STR("user"), STR("system"),  STR("tool"),
                                 STR("result"), STR("turn"), STR("attempt"), STR("call") };
    if (match->kind != YAML_MAP) {
        complain(l, match, NULL, "`match` must be a map");
        return;
    }
    check_keys(l, match, known, ARRAY_LEN(known));
    for (size_t i = 0; i < match->n; i++) {
        Str key = match->entries[i].key->text;
        const Yaml *value = match->entries[i].value;
        bool number = str_is(key, "turn") || str_is(key, "attempt") || str_is(key, "call");
        if (value->kind != YAML_SCALAR || (number && !is_count(yaml_scalar(value, l->a))))
            complain(l, value, NULL, number ? "must be a number from 1" : "must be a text");
    }
}

static int64_t duration_of(Loader *l, const Yaml *y) {
    int64_t ms = 0;
    if (y && (y->kind != YAML_SCALAR || !duration_parse(y->text, &ms)))
        complain(l, y, "write 300ms, 2s or 1m", "must be a duration");
    return ms;
}

static void read_failure(Loader *l, const Yaml *item, ScriptedReply *r) {
    const Yaml *fail = yaml_get(item, "fail"), *message = yaml_get(item, "message");
    if (fail && fail->kind == YAML_SCALAR)
        r->fail = error_kind_from(fail->text);
    if (fail && r->fail == KIND_NONE)
        complain(l, fail,
                 "unavailable, timeout, rate_limited, denied, invalid, content_refused ...",
                 "must be a kind of error");
    r->message = message && message->kind == YAML_SCALAR ? message->text : STR("");
}

static void read_calls(Loader *l, const Yaml *item, ScriptedReply *r) {
    const Yaml *calls = yaml_get(item, "calls");
    if (!calls)
        return;
    static const Str known[] = { STR("tool"), STR("with"), STR("id") };
    if (calls->kind != YAML_LIST) {
        complain(l, calls, NULL, "`calls` must be a list of { tool, with }");
        return;
    }
    for (size_t i = 0; i < calls->n; i++) {
        const Yaml *call = calls->items[i];
        if (call->kind == YAML_MAP)
            check_keys(l, call, known, ARRAY_LEN(known));
        if (call->kind != YAML_MAP || !yaml_get(call, "tool"))
            complain(l, call, NULL, "a call must be a map with `tool`");
    }
    r->calls = yaml_value(calls, l->a);
}

static void read_numbers(Loader *l, const Yaml *item, ScriptedReply *r) {
    const Yaml *repeat = yaml_get(item, "repeat"), *usage = yaml_get(item, "usage");
    const Yaml *finish = yaml_get(item, "finish");
    static const Str known[] = { STR("in"), STR("out"), STR("cached") };
    r->delay_ms = duration_of(l, yaml_get(item, "delay"));
    r->retry_after_ms = duration_of(l, yaml_get(item, "retry_after"));
    r->repeat = 1;
    if (repeat) {
        Value v = repeat->kind == YAML_SCALAR ? yaml_scalar(repeat, l->a) : VALUE_NULL;
        r->repeat = is_count(v) ? v.i : 1;
        if (!is_count(v))
            complain(l, repeat, NULL, "`repeat` must be a number from 1");
    }
    if (usage && usage->kind == YAML_MAP) {
        check_keys(l, usage, known, ARRAY_LEN(known));
        r->usage = yaml_value(usage, l->a);
    } else if (usage) {
        complain(l, usage, NULL, "`usage` must be a map: { in, out }");
    }
    r->finish = finish && finish->kind == YAML_SCALAR ? finish->text : STR("");
}

static void read_reply(Loader *l, const Yaml *item, ScriptedReply *r) {
    static const Str known[] = { STR("match"),   STR("reply"),      STR("calls"), STR("fail"),
                                 STR("message"), STR("delay"),      STR("usage"), STR("repeat"),
                                 STR("finish"),  STR("retry_after") };
    if (item->kind != YAML_MAP) {
        complain(l, item, NULL, "must be a map with `match` and one of `reply`, `calls`, `fail`");
        return;
    }
    check_keys(l, item, known, ARRAY_LEN(known));
    r->line = item->line;
    const Yaml *match = yaml_get(item, "match"), *reply = yaml_get(item, "reply");
    if (match) {
        check_match(l, match);
        r->match = yaml_value(match, l->a);
    }
    if (reply)
        r->reply = yaml_value(reply, l->a);
    read_calls(l, item, r);
    read_failure(l, item, r);
    read_numbers(l, item, r);
    bool says_how = reply || yaml_get(item, "calls") || yaml_get(item, "fail");
    bool both = yaml_get(item, "fail") && (reply || yaml_get(item, "calls"));
    if (!says_how || both)
        complain(l, item, NULL, "needs `reply`, `calls` or both, or else `fail`");
}

static void read_replies(Loader *l, ScriptedFile *f) {
    static const Str known[] = { STR("replies"), STR("description") };
    const Yaml *root = l->yaml.root;
    const Yaml *replies = root->kind == YAML_MAP ? yaml_get(root, "replies") : NULL;
    if (root->kind == YAML_MAP)
        check_keys(l, root, known, ARRAY_LEN(known));
    if (!replies || replies->kind != YAML_LIST) {
        complain(l, root, "replies:\n  - match: { user: hello }\n    reply: Hi.",
                 "needs a list `replies`");
        return;
    }
    f->n = replies->n;
    f->replies = ARENA_ARRAY(l->a, ScriptedReply, f->n);
    for (size_t i = 0; i < f->n; i++)
        read_reply(l, replies->items[i], &f->replies[i]);
}

static Str first_problem(const Diags *d, Arena *a) {
    for (size_t i = 0; i < d->n; i++) {
        const Diag *p = &d->items[i];
        if (!p->warning)
            return arena_fmt(a, "%.*s:%u:%u: %.*s%s%.*s", STR_FMT(p->pos.file), p->pos.line,
                             p->pos.column, STR_FMT(p->message), p->remedy.len ? "; " : "",
                             STR_FMT(p->remedy));
    }
    return STR("refused");
}

int scripted_parse(Str name, Str text, ScriptedFile **ret_file, Arena *a, Str *ret_problem) {
    ScriptedFile *f = xcalloc(1, sizeof(*f));
    Diags *diags = xcalloc(1, sizeof(*diags));
    diags->arena = a;
    Loader l = { .a = &f->arena, .diags = diags };
    int r = yaml_read(&f->arena, name, text, diags, &l.yaml);
    if (r == 0)
        read_replies(&l, f);
    bool good = r == 0 && diags->errors == 0;
    if (good)
        *ret_file = f;
    else {
        *ret_problem = first_problem(diags, a);
        scripted_file_free(f);
    }
    free(diags);
    return r < 0 ? r : good ? 0 : SCRIPTED_E_REFUSED;
}

ScriptedFile *scripted_file_free(ScriptedFile *f) {
    if (f) {
        arena_deinit(&f->arena);
        free(f);
    }
    return NULL;
}
