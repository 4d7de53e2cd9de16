/* A command sees little of the engine's environment: what a program needs to run at all, what its file gives it, and who
 * it works for. Secrets of the engine are not among it. */
#include "exec/command_prepare.h"

#include <stdlib.h>

static const char *const inherited[] = { "PATH", "HOME", "LANG", "TZ", "TMPDIR" };
#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

typedef struct Environment {
    Arena *arena;
    const char **items;
    size_t n, room;
} Environment;

static bool has_nul(Str s) { return s.len && memchr(s.p, 0, s.len) != NULL; }

static size_t find(const Environment *e, Str name) {
    size_t i = 0;
    while (i < e->n &&
           (strncmp(e->items[i], name.p, name.len) != 0 || e->items[i][name.len] != '='))
        i++;
    return i;
}

static void set(Environment *e, Str name, Str value) {
    size_t at = find(e, name);
    ASSERT(at < e->room);
    e->items[at] = arena_fmt(e->arena, "%.*s=%.*s", STR_FMT(name), STR_FMT(value)).p;
    if (at == e->n)
        e->n++;
}

static void unset(Environment *e, Str name) {
    size_t at = find(e, name);
    if (at < e->n)
        e->items[at] = e->items[--e->n];
}

static void inherit(Environment *e) {
    for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
        Str value = str_from(getenv(inherited[i]));
        if (value.p)
            set(e, str_from(inherited[i]), value);
    }
    if (find(e, STR("PATH")) == e->n)
        set(e, STR("PATH"), STR(PATH_DEFAULT));
}

/* The file's entries; null takes an inherited one away. */
static const char *add_own(Environment *e, Value env) {
    for (size_t i = 0; value_is(env, V_MAP) && i < env.len; i++) {
        ValueEntry entry = value_entry(env, i);
        Str name = value_plain(e->arena, entry.key), value = value_plain(e->arena, entry.value);
        if (name.len == 0 || has_nul(name) || memchr(name.p, '=', name.len))
            return "a name in `env` is empty or has `=` in it";
        if (has_nul(value))
            return "a value in `env` has a zero byte in it";
        if (value_is(entry.value, V_NULL))
            unset(e, name);
        else
            set(e, name, value);
    }
    return NULL;
}

static void add_identity(Environment *e, const Attempt *a) {
    set(e, STR("BATON_RUN_ID"), a->run);
    set(e, STR("BATON_STEP"), a->address);
    set(e, STR("BATON_ATTEMPT"), arena_fmt(e->arena, "%u", a->attempt));
    set(e, STR("BATON_IDEMPOTENCY_KEY"), a->key.p ? a->key : STR(""));
    if (a->time_left_ms)
        set(e, STR("BATON_TIME_LEFT_MS"), arena_fmt(e->arena, "%lld", (long long)a->time_left_ms));
}

static const char *make_env(Attempt *a, bool of_attempt, CommandParts *ret) {
    Value own = value_getz(a->request, "env");
    Environment e = { .arena = &a->arena };
    e.room = ARRAY_LEN(inherited) + 1 + (value_is(own, V_MAP) ? own.len : 0) + 4;
    e.items = ARENA_ARRAY(&a->arena, const char *, e.room + 1);
    inherit(&e);
    const char *problem = add_own(&e, own);
    if (problem)
        return problem;
    if (of_attempt)
        add_identity(&e, a);
    size_t path = find(&e, STR("PATH"));
    ret->path = path < e.n ? e.items[path] + 5 : "";
    e.items[e.n] = NULL;
    ret->env = e.items;
    return NULL;
}

static const char *make_argv(Attempt *a, CommandParts *ret) {
    Value command = value_getz(a->request, "command");
    if (!value_is(command, V_LIST) || command.len == 0)
        return "`command` must be a list: the program, then its arguments";
    ret->argv = ARENA_ARRAY(&a->arena, const char *, (size_t)command.len + 1);
    for (size_t i = 0; i < command.len; i++) {
        Str word = value_plain(&a->arena, command.items[i]);
        if (has_nul(word))
            return "a word of `command` has a zero byte in it";
        ret->argv[i] = arena_str(&a->arena, word).p;
    }
    return ret->argv[0][0] ? NULL : "the program's name is empty";
}

/* Relative paths begin where the file lies. */
static const char *path_of(Attempt *a, Str path) {
    Str base = a->dir.len ? a->dir : STR(".");
    return path.p[0] == '/' ? arena_str(&a->arena, path).p
                            : arena_fmt(&a->arena, "%.*s/%.*s", STR_FMT(base), STR_FMT(path)).p;
}

static const char *const *paths_of(Attempt *a, const Str *paths, size_t n) {
    const char **list = ARENA_ARRAY(&a->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = path_of(a, paths[i]);
    return list;
}

static void make_sandbox(Attempt *a, CommandParts *ret) {
    const Sandbox *s = &a->sandbox;
    ret->sandbox = (SpawnSandbox){ .off = s->off,
                                   .reads = s->reads,
                                   .writes = s->writes,
                                   .no_network = s->no_network,
                                   .read = paths_of(a, s->read, s->n_read),
                                   .write = paths_of(a, s->write, s->n_write) };
}

static const char *make_cwd(Attempt *a, CommandParts *ret) {
    Value cwd = value_getz(a->request, "cwd");
    Str own = value_is(cwd, V_STRING) ? value_as_str(cwd) : STR("");
    Str base = a->dir.len ? a->dir : STR(".");
    if (has_nul(own))
        return "`cwd` has a zero byte in it";
    ret->cwd = own.len ? path_of(a, own) : arena_str(&a->arena, base).p;
    return NULL;
}

/* What its file says; else its input, as JSON. */
static const char *make_input(Attempt *a, CommandParts *ret) {
    Value own = value_getz(a->request, "stdin"), input = value_getz(a->request, "input");
    ret->input = STR("");
    if (!value_absent(own))
        ret->input = value_plain(&a->arena, own);
    else if (!value_absent(input))
        ret->input = value_text(&a->arena, input);
    return ret->input.p ? NULL : "its input is larger than a value may be";
}

const char *command_prepare(Attempt *a, CommandParts *ret) {
    const char *problem = make_argv(a, ret);
    make_sandbox(a, ret);
    if (!problem)
        problem = make_env(a, true, ret);
    if (!problem)
        problem = make_cwd(a, ret);
    if (!problem)
        problem = make_input(a, ret);
    return problem;
}

const char *command_prepare_server(Attempt *a, CommandParts *ret) {
    const char *problem = make_argv(a, ret);
    if (!problem)
        problem = make_env(a, false, ret);
    if (!problem)
        problem = make_cwd(a, ret);
    ret->input = STR("");
    return problem;
}
