/* Compiled files, by the hash of their closure; shared by all runs of the same closure, and kept a while after the last.
 *
 * The list is in order of last use. A start brings the closure's bytes, and the newest few entries are compared with them
 * before anything is hashed: a server starts the same file again and again. */
#include "engine/state.h"

#include <stdlib.h>

/* Unused plans kept: more files than one project has in rotation. */
#define PLANS_KEPT 64
#define COMPARED_FIRST 4

static void unlink_plan(Engine *e, PlanEntry *p) {
    *(p->newer ? &p->newer->older : &e->plan_newest) = p->older;
    *(p->older ? &p->older->newer : &e->plan_oldest) = p->newer;
    p->newer = p->older = NULL;
}

static void put_first(Engine *e, PlanEntry *p) {
    p->older = e->plan_newest;
    *(p->older ? &p->older->newer : &e->plan_oldest) = p;
    e->plan_newest = p;
}

static void free_plan(PlanEntry *p) {
    plan_free(p->plan);
    free((char *)p->closure.p);
    for (size_t i = 0; i < p->n_called; i++)
        free((char *)p->called[i].file.p);
    free(p->called);
    free(p);
}

static void forget_old_ones(Engine *e) {
    for (PlanEntry *p = e->plan_oldest, *newer; p && e->n_plans > PLANS_KEPT; p = newer) {
        newer = p->newer;
        if (p->refs)
            continue;
        unlink_plan(e, p);
        free_plan(p);
        e->n_plans--;
    }
}

static PlanEntry *find(const Engine *e, Str closure, const Hash *hash) {
    size_t n = 0;
    for (PlanEntry *p = e->plan_newest; p; p = p->older) {
        if (hash ? hash_eq(&p->hash, hash) : n++ < COMPARED_FIRST && str_eq(p->closure, closure))
            return p;
    }
    return NULL;
}

static Str diags_text(const Diags *d, Arena *a) {
    Buf b = BUF_INIT(64 * KIB);
    for (size_t i = 0; i < d->n; i++) {
        if (!d->items[i].warning)
            diag_write(&b, &d->items[i]);
    }
    while (b.len && b.p[b.len - 1] == '\n')
        b.len--;
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static PlanEntry *compile(Engine *e, Str closure, const Hash *hash, Arena *a, Str *ret_problem) {
    Diags diags = { .arena = a };
    Plan *plan;
    if (e->options.played ? plan_compile_played(closure, &plan, &diags)
                          : plan_compile(closure, &plan, &diags)) {
        *ret_problem = diags_text(&diags, a);
        return NULL;
    }
    PlanEntry *p = xcalloc(1, sizeof *p);
    p->hash = *hash;
    p->closure = (Str){ xstrndup(closure.p, closure.len), closure.len };
    p->plan = plan;
    e->n_plans++;
    forget_old_ones(e);
    return p;
}

PlanEntry *plans_get(Engine *e, Str closure, const Hash *hash, Arena *a, Str *ret_problem) {
    Hash own;
    PlanEntry *p = find(e, closure, hash);
    if (!p && !hash) {
        own = hash_bytes(closure);
        hash = &own;
        p = find(e, closure, hash);
    }
    if (p)
        unlink_plan(e, p);
    else
        p = compile(e, closure, hash, a, ret_problem);
    if (!p)
        return NULL;
    put_first(e, p);
    return plans_ref(p);
}

static const Plan *called_by(const Plan *p, Str file) {
    for (size_t i = 0; i < p->n_nodes; i++) {
        const Callee *c = p->nodes[i]->callee;
        if (c && c->called && str_eq(c->called->file, file))
            return c->called;
    }
    return NULL;
}

static void remember_called(PlanEntry *parent, Str file, const Hash *hash) {
    size_t n = parent->n_called++;
    parent->called = xrealloc(parent->called, parent->n_called * sizeof *parent->called);
    parent->called[n].file = (Str){ xstrndup(file.p, file.len), file.len };
    parent->called[n].hash = *hash;
}

/* What is called is compiled by itself, once: a `for` starts the same one many times. */
PlanEntry *plans_called(Engine *e, PlanEntry *parent, Str file, Arena *a, Str *ret_problem) {
    const Hash *known = NULL;
    for (size_t i = 0; i < parent->n_called && !known; i++)
        if (str_eq(parent->called[i].file, file))
            known = &parent->called[i].hash;
    PlanEntry *p = known ? find(e, STR(""), known) : NULL;
    if (p)
        return plans_ref(p);
    const Plan *called = called_by(parent->plan, file);
    Str closure = called ? plan_called_closure(parent->plan, called, a) : STR("");
    if (!closure.len)
        return NULL;
    p = plans_get(e, closure, NULL, a, ret_problem);
    if (p && !known)
        remember_called(parent, file, &p->hash);
    return p;
}

PlanEntry *plans_ref(PlanEntry *p) {
    p->refs++;
    return p;
}

PlanEntry *plans_unref(Engine *e, PlanEntry *p) {
    if (p && --p->refs == 0)
        forget_old_ones(e);
    return NULL;
}

void plans_deinit(Engine *e) {
    for (PlanEntry *p = e->plan_newest, *older; p; p = older) {
        older = p->older;
        free_plan(p);
    }
}
