/* The closure and the life of a plan. A plan stands in its own arena: plan_free() frees everything at once. */
#include "spec/plan.h"

#include "base/json.h"
#include "base/limits.h"
#include "spec/read_plan.h"
#include <stdlib.h>

/* ---- the closure ----------------------------------------------------------------------------------------------------- */

Str closure_make(Arena *a, Str main_name, const Str *names, const Str *texts, size_t n) {
    MapBuilder files = map_builder(a), closure = map_builder(a);
    for (size_t i = 0; i < n; i++)
        map_adds(&files, names[i], value_str(texts[i]));
    map_addz(&closure, "baton", value_int(1));
    map_addz(&closure, "main", value_str(main_name));
    map_addz(&closure, "files", map_done(&files, NULL));
    return value_text(a, map_done(&closure, NULL));
}

typedef struct Closure {
    Str main, text;
} Closure;

static bool open_closure(Arena *a, Str bytes, Closure *ret_closure) {
    Value v;
    if (json_read(a, bytes, &v, NULL))
        return false;
    Value main_name = value_getz(v, "main");
    if (main_name.type != V_STRING)
        return false;
    Value text = value_get(value_getz(v, "files"), value_as_str(main_name));
    if (text.type != V_STRING)
        return false;
    *ret_closure = (Closure){ value_as_str(main_name), value_as_str(text) };
    return true;
}

/* ---- compiling ------------------------------------------------------------------------------------------------------- */

/* "dir/review.yaml" is "review". */
static Str name_of_file(Arena *a, Str file) {
    size_t from = file.len, to = file.len;
    while (from > 0 && file.p[from - 1] != '/')
        from--;
    for (size_t i = from + 1; i < file.len && to == file.len; i++)
        if (file.p[i] == '.')
            to = i;
    return arena_str(a, str_slice(file, from, to));
}

static int compile(Arena *a, Str closure, Plan *plan, Diags *diags) {
    Closure c;
    YamlFile file;
    if (!open_closure(a, closure, &c)) {
        diag_error(diags, (Pos){ 0 }, "closure", NULL, "the stored workflow is damaged");
        return PLAN_E_REFUSED;
    }
    plan->hash = hash_bytes(closure);
    plan->file = c.main;
    plan->name = name_of_file(a, c.main);
    int r = yaml_read(a, c.main, c.text, diags, &file);
    if (r < 0)
        return r;
    if (r == 0)
        read_plan(a, &file, plan, diags);
    diags_done(diags);
    return diags->errors ? PLAN_E_REFUSED : 0;
}

int plan_compile(Str closure, Plan **ret_plan, Diags *diags) {
    Plan *plan = xcalloc(1, sizeof *plan);
    plan->description = STR("");
    plan->limits = LIMITS_NONE;
    arena_init(&plan->arena, 0);
    int r = compile(&plan->arena, arena_str(&plan->arena, closure), plan, diags);
    if (r)
        plan_free(plan);
    else
        *ret_plan = plan;
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

static const Node *child_of(const Node *group, Str name) {
    for (size_t i = 0; i < group->n_children; i++)
        if (str_eq(group->children[i]->name, name))
            return group->children[i];
    return NULL;
}

static const Node *find_from(const Node *group, Str path) {
    size_t at = 0;
    const Node *n = group;
    while (n && at < path.len) {
        Str part = take_part(path, &at);
        if (part.len && part.p[0] >= '0' && part.p[0] <= '9')
            continue; /* a turn or a call of an agent */
        const Node *child = child_of(n, part);
        n = !child && str_is(part, "on_error") && n->n_handlers ? n->handlers[0].step : child;
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
