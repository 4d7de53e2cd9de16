/* Evaluating a template. Parts that are constant were folded when it was compiled, so a walk meets expressions only on
 * the way to them. An optional is unwrapped where it becomes data: an absent one drops its field or item. */
#include "spec/template.h"

#include "base/limits.h"
#include <stdio.h>

/* Where in the template we are, for "body.to: no such key `email`". */
typedef struct Path Path;
struct Path {
    const Path *up;
    Str key; /* p NULL: an index */
    size_t index;
};

typedef struct Eval {
    const CelScope *scope;
    Arena *arena;
    EvalError *error;
} Eval;

static void write_path(Buf *b, const Path *p) {
    if (!p)
        return;
    write_path(b, p->up);
    if (!p->key.p)
        buf_fmt(b, "[%zu]", p->index);
    else
        buf_fmt(b, "%s%.*s", p->up ? "." : "", STR_FMT(p->key));
}

static int failed(Eval *e, const Template *t, const Path *path, const char *message) {
    if (!e->error)
        return TEMPLATE_E_EVAL;
    Buf b = BUF_INIT(sizeof e->error->message - 1);
    write_path(&b, path);
    snprintf(e->error->message, sizeof e->error->message, "%.*s%s%s", STR_FMT(buf_str(&b)),
             path ? ": " : "", message);
    buf_deinit(&b);
    e->error->pos = t->pos;
    return TEMPLATE_E_EVAL;
}

/* *ret_value is VALUE_ABSENT for an absent optional. */
static int eval_expr(Eval *e, const Template *t, const Path *path, Value *ret_value) {
    CelError error;
    Value v;
    if (cel_eval(t->program, e->scope, e->arena, &v, &error))
        return failed(e, t, path, error.message);
    while (v.type == V_OPTIONAL)
        v = v.opt ? *v.opt : VALUE_ABSENT;
    *ret_value = v;
    return 0;
}

static int eval(Eval *e, const Template *t, const Path *path, Value *ret_value);

static int eval_join(Eval *e, const Template *t, const Path *path, Value *ret_value) {
    Buf b = BUF_INIT(LIMIT_CEL_BYTES);
    int r = 0;
    for (size_t i = 0; i < t->n && !r; i++) {
        Value v;
        r = eval(e, t->parts[i], path, &v);
        if (!r && (value_absent(v) || v.type == V_NULL))
            r = failed(e, t->parts[i], path,
                       value_absent(v) ? "an absent value cannot stand inside a text"
                                       : "null cannot stand inside a text");
        if (!r && v.type == V_STRING)
            buf_str_add(&b, value_as_str(v));
        else if (!r)
            value_write(&b, v);
    }
    if (!r && buf_over(&b))
        r = failed(e, t, path, "the text is larger than 16 MiB");
    if (!r)
        *ret_value = value_str(arena_str(e->arena, buf_str(&b)));
    buf_deinit(&b);
    return r;
}

static int eval_list(Eval *e, const Template *t, const Path *path, Value *ret_value) {
    Value *items = ARENA_ARRAY(e->arena, Value, t->n);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        Path at = { path, STR_NULL, i };
        int r = eval(e, t->parts[i], &at, &items[n]);
        if (r)
            return r;
        n += !value_absent(items[n]);
    }
    *ret_value = value_list(items, n);
    return 0;
}

static int eval_map(Eval *e, const Template *t, const Path *path, Value *ret_value) {
    MapBuilder m = map_builder(e->arena);
    for (size_t i = 0; i < t->n; i++) {
        Path at = { path, value_as_str(t->keys[i]), 0 };
        Value v;
        int r = eval(e, t->parts[i], &at, &v);
        if (r)
            return r;
        if (!value_absent(v))
            map_add(&m, t->keys[i], v);
    }
    *ret_value = map_done(&m, NULL);
    return 0;
}

static int eval(Eval *e, const Template *t, const Path *path, Value *ret_value) {
    switch (t->kind) {
    case TEMPLATE_CONST: *ret_value = t->constant; return 0;
    case TEMPLATE_EXPR: return eval_expr(e, t, path, ret_value);
    case TEMPLATE_JOIN: return eval_join(e, t, path, ret_value);
    case TEMPLATE_LIST: return eval_list(e, t, path, ret_value);
    case TEMPLATE_MAP: return eval_map(e, t, path, ret_value);
    }
    UNREACHABLE("template kind");
}

int template_eval(const Template *t, const CelScope *scope, Arena *a, Value *ret_value,
                  EvalError *ret_error) {
    Eval e = { scope, a, ret_error };
    if (t)
        return eval(&e, t, NULL, ret_value);
    *ret_value = VALUE_ABSENT;
    return 0;
}

void template_slots(const Template *t, void (*fn)(void *ctx, uint64_t slot, Pos pos), void *ctx) {
    if (!t)
        return;
    if (t->kind == TEMPLATE_EXPR) {
        const uint64_t *slots;
        size_t n = cel_slots(t->program, &slots);
        for (size_t i = 0; i < n; i++)
            fn(ctx, slots[i], t->pos);
    }
    for (size_t i = 0; i < t->n; i++)
        template_slots(t->parts[i], fn, ctx);
}
