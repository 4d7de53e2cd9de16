/* Any bytes as a workflow file, or as several (a line `#--- NAME` begins another). Besides what the sanitizers find: a problem lies inside the file, a refused file has an
 * error and an accepted one has none, the same bytes say the same again, and a plan can be walked. */
#include "base/limits.h"
#include "../unit/parts.h"
#include "spec/plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static Value load(void *ctx, uint64_t slot, Arena *a) {
    (void)a;
    return slot_number(slot) % 3 ? VALUE_ABSENT : *(const Value *)ctx;
}

static void touch(const Template *t, Arena *a) {
    Value v, some = value_str(STR("some"));
    EvalError error;
    CelScope scope = { load, &some };
    if (template_eval(t, &scope, a, &v, &error) == 0 && !value_absent(v))
        value_text(a, v);
}

static void walk(const Plan *p, Arena *a) {
    for (size_t i = 0; i < p->n_nodes; i++) {
        const Node *n = p->nodes[i];
        /* A node that stands for a definition, whose undo or probe it has, is in no tree. */
        must(n->no == i && (i == 0 || n->parent || (n->verb == VERB_NONE && !n->n_needs)));
        for (size_t k = 0; k < n->n_needs; k++)
            must(n->needs[k] < n->parent->n_children && n->needs[k] != n->index);
        must(n->verb != VERB_INVOKE || (n->callee && n->effect >= EFFECT_PURE));
        must(!n->repeat || n->repeat->max > 0);
        touch(n->with, a);
        touch(n->result, a);
    }
    type_schema(p->input, a);
    type_text(p->output, a);
    must(p->n_later == 0);
    plan_usage(p, a);
    must(plan_find(p, STR("x.y[2]")) != p->root);
}

static unsigned lines_of(Str text) {
    unsigned n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.p[i] == '\n' || text.p[i] == '\r';
    return n;
}

static Str said(Diags *diags, Str text, int r) {
    Buf b = BUF_INIT(MIB);
    must(r >= 0 && (r == PLAN_E_NEEDS || (r != 0) == (diags->errors > 0)));
    for (size_t i = 0; i < diags->n; i++) {
        must(diags->items[i].pos.line <= lines_of(text) && diags->items[i].message.len > 0);
        diag_write(&b, &diags->items[i]);
    }
    Str s = arena_str(diags->arena, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static Str compile(Str closure, Str text, Arena *a) {
    Plan *plan = NULL;
    Diags diags = { .arena = a };
    int r = plan_compile(closure, &plan, &diags);
    must((plan != NULL) == (r == 0));
    if (plan)
        walk(plan, a);
    plan_free(plan);
    return said(&diags, text, r);
}

/* What it is pinned to is accepted as well, says no more, and is pinned to itself. */
static void pin(const Plan *plan, Str text, Arena *a) {
    Str pinned = closure_pin(plan, a);
    Plan *again = NULL;
    Diags diags = { .arena = a };
    int r = plan_check(pinned, &again, &diags, NULL);
    said(&diags, text, r);
    must(again && again->n_nodes == plan->n_nodes && again->n_later == plan->n_later);
    must(str_eq(closure_pin(again, a), pinned));
    plan_free(again);
}

static void check(Str closure, Str text, Arena *a) {
    Plan *plan = NULL;
    Diags diags = { .arena = a };
    PlanNeeds needs = { .arena = a };
    int r = plan_check(closure, &plan, &diags, &needs);
    said(&diags, text, r);
    must((r == PLAN_E_NEEDS) == (needs.n > 0));
    if (plan)
        pin(plan, text, a);
    plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena a;
    arena_init(&a, 0);
    Str text = { (const char *)data, size };
    if (str_is_utf8(text)) {
        Str closure = closure_of_parts(&a, STR("f"), text);
        must(str_eq(compile(closure, text, &a), compile(closure, text, &a)));
        check(closure, text, &a);
    }
    arena_deinit(&a);
    return 0;
}
