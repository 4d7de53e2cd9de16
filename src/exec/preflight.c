/* A walk over the plan: every step's callee, the tools an agent may call, and what each of them names; then, where a workflow
 * is called, over its plan, from its own folder. A thing that is missing is said once, for whoever stands first in the file. */
#include "exec/preflight.h"

#include "exec/provider.h"
#include "exec/scripted_file.h"
#include "exec/secret_source.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MISSING_MAX 100 /* more than anybody mends at once */
#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

/* A workflow as it would run here. */
typedef struct Place {
    const Plan *plan;
    Str dir;                    /* where its relative paths and commands start */
    bool cost_limited;          /* above the step that calls it */
    const struct Place *before; /* looked at before it */
} Place;

typedef struct Preflight {
    const PreflightOptions *options;
    Arena *arena;
    Missing *items;
    size_t n;
    const Place *met; /* the last that was begun */
    bool
        late; /* the command that prints secrets was waited for in vain: the next would be as late */
} Preflight;

static void miss(Preflight *p, Pos pos, Str who, Str problem) {
    for (size_t i = 0; i < p->n; i++) {
        if (str_eq(p->items[i].problem, problem))
            return;
    }
    if (p->n < MISSING_MAX)
        p->items[p->n++] = (Missing){ pos, who, problem };
}

/* ---- programs */

/* What a template says without any data; false where that depends on it. */
static bool fixed_text(const Template *t, Str *ret) {
    if (!t || t->kind != TEMPLATE_CONST || !value_is(t->constant, V_STRING))
        return false;
    *ret = value_as_str(t->constant);
    return true;
}

static bool program_of(const Template *command, Str *ret) {
    if (!command)
        return false;
    if (command->kind == TEMPLATE_LIST)
        return command->n && fixed_text(command->parts[0], ret);
    if (command->kind != TEMPLATE_CONST || !value_is(command->constant, V_LIST) ||
        command->constant.len == 0 || !value_is(command->constant.items[0], V_STRING))
        return false;
    *ret = value_as_str(command->constant.items[0]);
    return true;
}

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool in_path(Preflight *p, Str program, Str path) {
    while (path.len) {
        const char *colon = memchr(path.p, ':', path.len);
        size_t n = colon ? (size_t)(colon - path.p) : path.len;
        Str folder = str_slice(path, 0, n);
        if (is_program(arena_fmt(p->arena, "%.*s/%.*s", STR_FMT(folder), STR_FMT(program)).p))
            return true;
        path = str_slice(path, MIN(n + 1, path.len), path.len);
    }
    return false;
}

static Str folder_of(Preflight *p, const Place *here, Str cwd) {
    Str dir = here->dir.len ? here->dir : STR(".");
    if (cwd.len == 0)
        return dir;
    return cwd.p[0] == '/' ? cwd : arena_fmt(p->arena, "%.*s/%.*s", STR_FMT(dir), STR_FMT(cwd));
}

static void look_for_program(Preflight *p, const Place *here, const Callee *c, Pos pos, Str who) {
    Str program, cwd = STR("");
    if (!program_of(c->command, &program) || program.len == 0)
        return;
    if (!memchr(program.p, '/', program.len)) {
        const char *path = getenv("PATH");
        Str folders = str_from(path && *path ? path : PATH_DEFAULT);
        /* `env:` may bring a PATH of its own: then it is looked for when it is started. */
        if (!c->env && !in_path(p, program, folders))
            miss(p, pos, who,
                 arena_fmt(p->arena, "no program `%.*s` in PATH: install it, or write its path",
                           STR_FMT(program)));
        return;
    }
    if (c->cwd && !fixed_text(c->cwd, &cwd))
        return;
    Str folder = folder_of(p, here, cwd);
    const char *path = program.p[0] == '/'
                           ? arena_str(p->arena, program).p
                           : arena_fmt(p->arena, "%.*s/%.*s", STR_FMT(folder), STR_FMT(program)).p;
    if (access(path, F_OK) != 0)
        miss(p, pos, who,
             arena_fmt(p->arena, "no program `%.*s` (looked for from %.*s)", STR_FMT(program),
                       STR_FMT(folder)));
    else if (!is_program(path))
        miss(p, pos, who,
             arena_fmt(p->arena, "`%.*s` may not be executed: `chmod +x %s`", STR_FMT(program),
                       path));
}

/* ---- models */

static bool read_whole(Arena *a, const char *path, Str *ret) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                st.st_size <= (off_t)LIMIT_FILE_BYTES;
    if (good) {
        char *text = arena_alloc(a, (size_t)st.st_size + 1);
        ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
        *ret = (Str){ text, n > 0 ? (size_t)n : 0 };
        good = n == st.st_size;
    }
    if (fd >= 0)
        close(fd);
    return good;
}

static Str scripted_problem(Preflight *p, const Place *here, Str file) {
    Str text, problem;
    ScriptedFile *script = NULL;
    Str path = folder_of(p, here, file);
    if (!read_whole(p->arena, arena_str(p->arena, path).p, &text))
        return arena_fmt(p->arena, "cannot read the replies of `scripted/%.*s` at %.*s",
                         STR_FMT(file), STR_FMT(path));
    if (scripted_parse(file, text, &script, p->arena, &problem) != 0)
        return problem;
    scripted_file_free(script);
    return STR("");
}

static Str model_problem(Preflight *p, const Place *here, const Callee *c, size_t i) {
    Str scripted = STR("scripted/"), model = c->models[i];
    if (str_starts(model, scripted))
        return scripted_problem(p, here, str_slice(model, scripted.len, model.len));
    const PreflightOptions *o = p->options;
    Value request = provider_request(p->arena, here->plan, here->dir, c, i);
    Str problem = provider_way_of(p->arena, request, o->model_url, o->model_key).problem;
    return problem.len ? arena_fmt(p->arena, "model %.*s: %.*s", STR_FMT(model), STR_FMT(problem))
                       : problem;
}

/* One that can be asked is enough: the others of the list are its fallback. */
static void look_for_models(Preflight *p, const Place *here, const Callee *c, Pos pos, Str who) {
    Str first = STR("");
    for (size_t i = 0; i < c->n_models; i++) {
        Str problem = model_problem(p, here, c, i);
        if (problem.len == 0)
            return;
        if (first.len == 0)
            first = problem;
    }
    if (first.len)
        miss(p, pos, who, first);
}

static bool limits_cost(const Place *here, const Node *n, const Callee *c) {
    bool limited = here->cost_limited || here->plan->limits.most[BOUND_COST] >= 0 ||
                   c->limits.most[BOUND_COST] >= 0;
    for (; n && !limited; n = n->parent)
        limited = n->limits.most[BOUND_COST] >= 0;
    return limited;
}

/* The engine fails such a call rather than spend what it cannot count (kernel/budget.c). */
static void look_for_prices(Preflight *p, const Place *here, const Node *n, const Callee *c,
                            Pos pos, Str who) {
    for (size_t i = 0; i < c->n_models + c->n_cheaper && limits_cost(here, n, c); i++) {
        Str m = c->models[i];
        if (!c->prices[i].known)
            miss(p, pos, who,
                 arena_fmt(p->arena,
                           "a limit of cost is set and the price of `%.*s` is not known: %.*s",
                           STR_FMT(m), STR_FMT(plan_price_line(here->plan, m, p->arena))));
    }
}

/* ---- secrets */

static bool uses_secret(const Plan *plan, Str name) {
    for (size_t i = 0; i < plan->n_secrets; i++)
        if (plan->secrets[i].used && str_eq(plan->secrets[i].name, name))
            return true;
    return false;
}

/* All workflows of a closure are of one project, which says where secrets come from: each is asked for once. */
static bool was_asked_for(const Place *here, Str name) {
    for (const Place *at = here->before; at; at = at->before)
        if (uses_secret(at->plan, name))
            return true;
    return false;
}

static void look_for_secrets(Preflight *p, const Place *here) {
    const Plan *plan = here->plan;
    for (size_t i = 0; i < plan->n_secrets && !p->late; i++) {
        const PlanSecret *s = &plan->secrets[i];
        Str value, problem;
        if (!s->used || was_asked_for(here, s->name))
            continue;
        SecretFound found =
            secret_ask(&plan->secrets_from, here->dir, s->name, p->arena, &value, &problem);
        if (found != SECRET_THERE)
            miss(p, s->pos, arena_fmt(p->arena, "secret `%.*s`", STR_FMT(s->name)), problem);
        p->late = found == SECRET_LATE;
    }
}

/* ---- the walk */

static void look_through(Preflight *p, const Plan *plan, Str dir, bool cost_limited);

static void look_at(Preflight *p, const Place *here, const Node *n, const Callee *c, Str who) {
    Pos pos = c->pos.line ? c->pos : n->pos;
    switch (c->kind) {
    case CALLEE_RUN:
    case CALLEE_MCP: look_for_program(p, here, c, pos, who); return;
    case CALLEE_MODEL:
        look_for_models(p, here, c, pos, who);
        look_for_prices(p, here, n, c, pos, who);
        for (size_t i = 0; i < c->n_tools; i++)
            look_at(p, here, n, c->tools[i].callee,
                    arena_fmt(p->arena, "tool `%.*s`", STR_FMT(c->tools[i].name)));
        return;
    case CALLEE_CALL:
        look_through(p, c->called, plan_called_dir(here->plan, here->dir, c->called, p->arena),
                     limits_cost(here, n, c));
        return;
    case CALLEE_ECHO:
    case CALLEE_HTTP:
    case CALLEE_A2A:
    case CALLEE_HUMAN:
    case CALLEE_INBOX:
    case CALLEE_SYSTEM: return;
    }
}

static Str who_of(Preflight *p, const Node *n, const Callee *c) {
    bool named = c->name.len && !str_eq(c->name, n->verb_word);
    return named
               ? arena_fmt(p->arena, "%s `%.*s`", c->is_agent ? "agent" : "tool", STR_FMT(c->name))
               : arena_fmt(p->arena, "step `%.*s`", STR_FMT(n->name));
}

/* Once, and once more where a limit of cost stands above that did not before: then its prices must be known too. */
static bool was_looked_at(const Preflight *p, const Plan *plan, bool cost_limited) {
    for (const Place *at = p->met; at; at = at->before)
        if (at->plan == plan && (at->cost_limited || !cost_limited))
            return true;
    return false;
}

static void look_through(Preflight *p, const Plan *plan, Str dir, bool cost_limited) {
    if (was_looked_at(p, plan, cost_limited))
        return;
    Place *here = ARENA_NEW(p->arena, Place);
    *here = (Place){ plan, dir, cost_limited, p->met };
    p->met = here;
    look_for_secrets(p, here); /* first: a provider's key is then known */
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const Node *n = plan->nodes[i];
        if (n->verb == VERB_INVOKE && n->callee)
            look_at(p, here, n, n->callee, who_of(p, n, n->callee));
    }
}

size_t preflight(const Plan *plan, const PreflightOptions *options, Arena *a, const Missing **ret) {
    Preflight p = { .options = options, .arena = a };
    p.items = ARENA_ARRAY(a, Missing, MISSING_MAX);
    look_through(&p, plan, options->dir, false);
    *ret = p.items;
    return p.n;
}

void preflight_write(Buf *b, const Missing *m) {
    if (m->pos.file.len)
        buf_fmt(b, "%.*s:%u: ", STR_FMT(m->pos.file), m->pos.line);
    buf_fmt(b, "%.*s: %.*s\n", STR_FMT(m->who), STR_FMT(m->problem));
}
