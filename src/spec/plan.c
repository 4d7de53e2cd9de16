/* The life of a plan. A plan stands in its own arena: plan_free() frees everything at once. */
#include "spec/plan.h"

#include "base/limits.h"
#include "spec/read_plan.h"
#include <stdlib.h>

/* ---- compiling ------------------------------------------------------------------------------------------------------- */

Str plan_name_of_file(Arena *a, Str file) {
    size_t from = file.len, to = file.len;
    while (from > 0 && file.p[from - 1] != '/')
        from--;
    for (size_t i = from + 1; i < file.len && to == file.len; i++)
        if (file.p[i] == '.')
            to = i;
    return arena_str(a, str_slice(file, from, to));
}

static Plan *new_plan(void) {
    Plan *plan = xcalloc(1, sizeof *plan);
    plan->name = plan->description = STR("");
    plan->limits = limits_none;
    plan->prices_file = STR("");
    arena_init(&plan->arena, 0);
    return plan;
}

/* What the workflows that it calls need and this version cannot run, it cannot either. */
static void adopt_later(Plan *plan, const Files *files) {
    for (size_t i = 0; i < files->n_called; i++) {
        const Plan *its = files->called[i]->plan;
        if (!plan->later)
            plan->later = ARENA_ARRAY(&plan->arena, Later, LATER_MAX);
        for (size_t k = 0; its && k < its->n_later && plan->n_later < LATER_MAX; k++)
            plan->later[plan->n_later++] = its->later[k];
    }
}

static void refuse_later(const Plan *plan, Diags *diags) {
    for (size_t i = 0; i < plan->n_later; i++) {
        const Later *l = &plan->later[i];
        diag_error(diags, l->pos, "later",
                   l->why.len ? arena_str(diags->arena, l->why).p : "leave it out to run the file",
                   "%.*s comes later: this Baton checks it and does not run it yet",
                   STR_FMT(l->what));
    }
}

/* What is pinned has some that nobody wrote. */
static size_t count_prompts(const Files *files) {
    size_t n = 0;
    for (size_t i = 0; i < files->n; i++)
        n += prompt_is_file(files->items[i]->name);
    return n;
}

typedef enum Purpose { TO_CHECK, TO_RUN, TO_PLAY } Purpose;

static int compile(Plan *plan, Str closure, Purpose purpose, Diags *diags, PlanNeeds *needs) {
    Arena *a = &plan->arena;
    Files *files = plan->files = ARENA_NEW(a, Files);
    closure = arena_str(a, closure);
    if (!files_open(files, a, closure, diags, needs)) {
        diag_error(diags, (Pos){ 0 }, "closure", NULL, "the stored workflow is damaged");
        return PLAN_E_REFUSED;
    }
    if (files->n - count_prompts(files) > LIMIT_FILES) {
        diag_error(diags, (Pos){ .file = files->main->name }, "limit", NULL,
                   "a workflow is made of at most %d files", LIMIT_FILES);
        return PLAN_E_REFUSED;
    }
    plan->hash = hash_bytes(closure);
    plan->file = files->main->name;
    plan->name = plan_name_of_file(a, plan->file);
    files->main->plan = plan;
    files->played = purpose == TO_PLAY;
    prompts_read(files, plan->prompts);
    if (purpose != TO_CHECK)
        read_plan(a, files, files->main, plan, diags);
    else
        read_any(a, files, plan, diags);
    adopt_later(plan, files);
    if (!diags->errors && plan->root && !(needs && needs->n))
        refuse_endless(plan, diags);
    if (purpose != TO_CHECK)
        refuse_later(plan, diags);
    diags_done(diags);
    if (needs && needs->n)
        return PLAN_E_NEEDS;
    return diags->errors ? PLAN_E_REFUSED : 0;
}

static int compile_new(Str closure, Purpose purpose, Plan **ret_plan, Diags *diags) {
    Plan *plan = new_plan();
    int r = compile(plan, closure, purpose, diags, NULL);
    *ret_plan = r ? plan_free(plan) : plan;
    return r;
}

int plan_compile(Str closure, Plan **ret_plan, Diags *diags) {
    return compile_new(closure, TO_RUN, ret_plan, diags);
}

int plan_compile_played(Str closure, Plan **ret_plan, Diags *diags) {
    return compile_new(closure, TO_PLAY, ret_plan, diags);
}

int plan_check(Str closure, Plan **ret_plan, Diags *diags, PlanNeeds *needs) {
    Plan *plan = new_plan();
    int r = compile(plan, closure, TO_CHECK, diags, needs);
    *ret_plan = r || !plan->root ? plan_free(plan) : plan;
    return r;
}

Plan *plan_free(Plan *p) {
    if (!p)
        return NULL;
    Arena arena = p->arena;
    arena_deinit(&arena);
    free(p);
    return NULL;
}

SecretsFrom secrets_from_copy(const SecretsFrom *from, Arena *a) {
    SecretsFrom copy = *from;
    copy.file = arena_str(a, from->file);
    copy.below = arena_str(a, from->below);
    copy.command = ARENA_ARRAY(a, Str, from->n_command);
    for (size_t i = 0; i < from->n_command; i++)
        copy.command[i] = arena_str(a, from->command[i]);
    return copy;
}

/* ---- finding --------------------------------------------------------------------------------------------------------- */

/* The next part of "settle/refund[3]~2.1.2" or "settle.refund", without what counts items, rounds and turns. */
static Str take_part(Str path, size_t *at) {
    size_t from = *at, end;
    while (*at < path.len && path.p[*at] != '.' && path.p[*at] != '/')
        ++*at;
    for (end = from; end < *at && path.p[end] != '[' && path.p[end] != '~' && path.p[end] != '@';)
        end++;
    *at += *at < path.len;
    return str_slice(path, from, end);
}

static const Node *named(Node *const *nodes, size_t n, Str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(nodes[i]->name, name))
            return nodes[i];
    return NULL;
}

static const Node *child_of(const Node *group, Str name) {
    const Node *child = named(group->children, group->n_children, name);
    return child ? child : named(group->parts, group->n_parts, name);
}

/* ":tie:4" behind a step whose verb is played, which may itself be the fourth that began, ":4:tie:1"; ":undo", ":approve" are none. */
static const Node *in_a_role(const Node *n, Str part) {
    for (size_t at = 0, end; n && at < part.len; at++) {
        if (part.p[at] != ':')
            continue;
        for (end = at + 1; end < part.len && !strchr(":[~@", part.p[end]); end++)
            ;
        const Node *found = named(n->parts, n->n_parts, str_slice(part, at + 1, end));
        n = found && found->is_role ? found : n;
    }
    return n;
}

/* "assess:5" is the fifth that began; ":undo" stays. */
static Str without_serial(Str part) {
    for (size_t i = 0; i < part.len; i++)
        if (part.p[i] == ':')
            return str_slice(part, 0, i);
    return part;
}

/* ":fallback~2" behind a step: who is asked second in its place. */
static const Node *in_its_place(const Node *n, Str part) {
    ptrdiff_t at = str_find(part, STR(":fallback"));
    if (!n || at < 0)
        return n;
    Str rest = str_slice(part, (size_t)at + sizeof ":fallback" - 1, part.len);
    bool counted = rest.len && rest.p[0] == '~';
    uint32_t number = counted ? 0 : 1;
    for (size_t i = 1; counted && i < rest.len && number <= n->n_fallbacks; i++)
        if (rest.p[i] >= '0' && rest.p[i] <= '9')
            number = number * 10 + (uint32_t)(rest.p[i] - '0');
    return number > 0 && number <= n->n_fallbacks ? n->fallbacks[number - 1] : NULL;
}

static const Node *find_from(const Node *group, Str path) {
    size_t at = 0;
    const Node *n = group;
    while (n && at < path.len) {
        size_t from = at;
        Str part = without_serial(take_part(path, &at));
        if (part.len && part.p[0] >= '0' && part.p[0] <= '9')
            continue; /* a turn or a call of an agent */
        const Node *child = child_of(n, part);
        n = !child && str_is(part, "on_error") && n->n_handlers ? n->handlers[0].step : child;
        n = in_a_role(n, str_slice(path, from, at));
        n = in_its_place(n, str_slice(path, from, at));
    }
    return n == group ? NULL : n;
}

const Node *plan_find(const Plan *p, Str path) {
    const Node *n = find_from(p->root, path);
    for (size_t i = 1; i < p->n_nodes && !n; i++)
        if (str_eq(p->nodes[i]->name, path))
            n = p->nodes[i];
    return n;
}

bool plan_event_type(Str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-' || c == '/' || c == ':';
        if (!good)
            return false;
    }
    return s.len > 0 && s.len <= LIMIT_EVENT_TYPE_BYTES;
}

const Channel *plan_channel(const Plan *p, Str name) {
    for (size_t i = 0; i < p->n_channels; i++)
        if (str_eq(p->channels[i].name, name))
            return &p->channels[i];
    return NULL;
}

const Inbox *plan_inbox(const Plan *p, Str name) {
    for (size_t i = 0; i < p->n_inboxes; i++)
        if (str_eq(p->inboxes[i].name, name))
            return &p->inboxes[i];
    return NULL;
}

Callee *plan_member(Arena *a, const Callee *set, Str name) {
    Callee *c = ARENA_NEW(a, Callee);
    *c = *set;
    c->name = arena_fmt(a, "%.*s.%.*s", STR_FMT(set->name), STR_FMT(name));
    c->only = NULL;
    c->n_only = 0;
    if (set->kind == CALLEE_MCP) { /* else somebody plays it */
        c->set = set;
        c->member = name;
    }
    for (size_t i = 0; i < set->n_effects; i++)
        if (str_eq(set->effects[i].name, name))
            c->effect = set->effects[i].effect;
    return c;
}

bool str_among(Str s, const Str *texts, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(texts[i], s))
            return true;
    return false;
}

Str plan_secret(const Plan *p, uint32_t number, Str mark, Arena *a) {
    return arena_fmt(a, "<secret:%.*s%s%.*s>", STR_FMT(p->secrets[number].name),
                     mark.len ? ":" : "", STR_FMT(mark));
}

Str plan_usage(const Plan *p, Arena *a) {
    Buf b = BUF_INIT(4 * KIB);
    for (size_t i = 0; p->input && p->input->kind == TYPE_RECORD && i < p->input->n_fields; i++) {
        const TypeField *f = &p->input->fields[i];
        buf_fmt(&b, "%s%s%.*s=<%.*s>%s", i ? " " : "", f->optional ? "[" : "", STR_FMT(f->name),
                STR_FMT(type_text(f->type, a)), f->optional ? "]" : "");
    }
    if (p->input && p->input->kind != TYPE_RECORD)
        buf_fmt(&b, "--input <%.*s>", STR_FMT(type_text(p->input, a)));
    Str usage = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return usage;
}

const Governed *server_model_governed(const ModelServer *s, Str model) {
    for (size_t i = 0; i < s->n_models; i++)
        if (str_eq(s->models[i]->name, model))
            return s->models[i];
    return NULL;
}
