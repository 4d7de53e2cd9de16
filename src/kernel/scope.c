/* What names mean while a run runs: slots (spec/plan.h) to values, seen from a frame outwards. */
#include "kernel/step.h"

#include <stdio.h>

static Value timestamp(int64_t ms) {
    int64_t seconds = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
    return (Value){ .type = V_TIMESTAMP,
                    .i = seconds,
                    .len = (uint32_t)(ms - seconds * 1000) * 1000000u };
}

static Value status_value(Status s) { return value_str(str_from(status_name(s))); }

static Value or_null(Value v) { return value_absent(v) ? VALUE_NULL : v; }

/* ---- steps.ID.FIELD ---- */

static Value step_field(const Frame *f, StepField field, Arena *a);

static Value step_all(const Frame *f, Arena *a) {
    static const struct {
        const char *name;
        StepField field;
    } fields[] = { { "status", STEP_STATUS },   { "output", STEP_OUTPUT },
                   { "detail", STEP_DETAIL },   { "error", STEP_ERROR },
                   { "cost", STEP_COST },       { "tokens", STEP_TOKENS },
                   { "calls", STEP_CALLS },     { "attempts", STEP_ATTEMPTS },
                   { "started", STEP_STARTED }, { "ended", STEP_ENDED } };
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        Value v = step_field(f, fields[i].field, a);
        if (!value_absent(v))
            map_addz(&m, fields[i].name, v);
    }
    return map_done(&m, NULL);
}

static Value step_field(const Frame *f, StepField field, Arena *a) {
    switch (field) {
    case STEP_ALL: return step_all(f, a);
    case STEP_STATUS: return status_value(frame_shown(f));
    case STEP_OUTPUT: return f->status == STATUS_OK ? or_null(f->output) : VALUE_ABSENT;
    case STEP_DETAIL:
        return value_absent(f->detail) ? (Value){ .type = V_MAP, .map = NULL } : f->detail;
    case STEP_ERROR: return or_null(f->error);
    case STEP_COST: return value_double((double)f->cost / 1e9);
    case STEP_TOKENS: return value_int(f->tokens);
    case STEP_CALLS: return value_int(f->calls);
    case STEP_ATTEMPTS: return value_int(f->attempts);
    case STEP_STARTED: return timestamp(f->started_ms);
    case STEP_ENDED: return timestamp(f->ended_ms);
    }
    return VALUE_ABSENT;
}

const Frame *scope_step(const Frame *from, const Node *target) {
    for (const Frame *f = from; f; f = f->parent)
        if (f->node == target->parent && f->shape == &shape_group)
            return f->group->steps[target->index];
        else if (f->node == target->parent && f->shape && f->shape->plays)
            return f->play->last[target->index];
    return NULL;
}

static Value load_step(const Scope *s, uint64_t slot, Arena *a) {
    const Node *target = s->run->plan->nodes[slot_number(slot)];
    const Frame *f = scope_step(s->frame, target);
    if (!f || !frame_over(f))
        return VALUE_ABSENT;
    return step_field(f, (StepField)slot_field(slot), a);
}

static Value load_steps_all(const Scope *s, Arena *a) {
    MapBuilder m = map_builder(a);
    for (const Frame *f = s->frame; f; f = f->parent) {
        if (f->shape != &shape_group)
            continue;
        for (size_t i = 0; i < f->node->n_children; i++) {
            const Frame *child = f->group->steps[i];
            if (child && child->node->has_id && frame_over(child))
                map_adds(&m, child->node->name, step_all(child, a));
        }
    }
    return map_done(&m, NULL);
}

/* ---- loops ---- */

static const Frame *part_frame(const Frame *from, Part part, uint32_t node) {
    for (const Frame *f = from; f; f = f->parent)
        if (f->part == part && f->node->no == node)
            return f;
    return NULL;
}

static Value load_each(const Scope *s, uint64_t slot) {
    const Frame *item = part_frame(s->frame, PART_ITEM, slot_number(slot));
    if (!item)
        return VALUE_ABSENT;
    return slot_kind(slot) == SLOT_INDEX ? value_int(item->a)
                                         : item->parent->each->items.items[item->a];
}

/* Inside a round, and in `until`, which is asked at the loop itself. */
static Value load_loop(const Scope *s, uint64_t slot) {
    const Frame *loop = NULL;
    for (const Frame *f = s->frame; f && !loop; f = f->parent)
        if (f->shape == &shape_loop && f->node->no == slot_number(slot))
            loop = f;
    if (!loop)
        return VALUE_ABSENT;
    return slot_kind(slot) == SLOT_ROUND ? value_int(loop->loop->round) : loop->loop->last;
}

/* ---- run and state ---- */

static Value load_run(const Run *r, RunField field, Arena *a) {
    switch (field) {
    case RUN_ID: return value_str(r->id);
    case RUN_WORKFLOW: return value_str(r->plan->name);
    case RUN_STARTED: return timestamp(r->started_ms);
    case RUN_LABELS: return r->labels;
    case RUN_CORRELATION: return value_str(run_correlation(r));
    case RUN_COST: return value_double((double)r->counts.cost_nano / 1e9);
    case RUN_ALL: {
        MapBuilder m = map_builder(a);
        map_addz(&m, "id", load_run(r, RUN_ID, a));
        map_addz(&m, "workflow", load_run(r, RUN_WORKFLOW, a));
        map_addz(&m, "started", load_run(r, RUN_STARTED, a));
        map_addz(&m, "labels", r->labels);
        map_addz(&m, "correlation", load_run(r, RUN_CORRELATION, a));
        map_addz(&m, "cost", load_run(r, RUN_COST, a));
        return map_done(&m, NULL);
    }
    }
    return VALUE_ABSENT;
}

static Value load_state_all(Run *r, Arena *a) {
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; i < r->plan->n_state; i++)
        map_adds(&m, r->plan->state[i].name, state_read(r, i));
    return map_done(&m, NULL);
}

static bool failed_hard(const Frame *f) { return f && f->status == STATUS_FAILED && !f->tolerated; }

/* failed(): a direct need failed. In a list also any step before it whose failure is the list's: those in between were
 * skipped because of it, so the step right before it would not tell. */
static bool a_need_failed(const Frame *f) {
    const Frame *group = f->parent;
    while (group && !(group->shape == &shape_group && group->node == f->node->parent))
        group = group->parent;
    for (size_t i = 0; group && i < f->node->n_needs; i++) {
        const Frame *need = group->group->steps[f->node->needs[i]];
        if (need && need->status == STATUS_FAILED)
            return true;
    }
    for (size_t i = 0; group && f->node->by_order && i < f->node->index; i++)
        if (failed_hard(group->group->steps[i]))
            return true;
    return false;
}

/* In an on_error step and in all it holds, `error` is that of the step it stands for. */
static Value load_error(const Scope *s) {
    for (const Frame *f = s->frame; f && value_absent(s->error); f = f->parent)
        if (f->part == PART_HANDLER)
            return or_null(f->parent->error);
    return or_null(s->error);
}

/* The step that a `probe` or an `undo` belongs to, and what of it those see. */
static Value load_outer(const Scope *s, SlotKind kind) {
    const Frame *f = s->frame;
    while (f && f->part != PART_PROBE && f->part != PART_UNDO)
        f = f->parent;
    if (!f)
        return VALUE_ABSENT;
    f = f->parent;
    switch (kind) {
    case SLOT_INPUT:
    case SLOT_WITH: return f->shape == &shape_call ? f->call->args : f->with;
    case SLOT_OUTPUT: return or_null(f->output);
    case SLOT_DETAIL: return step_field(f, STEP_DETAIL, NULL);
    case SLOT_ERROR: return or_null(f->error);
    default: return status_value(frame_shown(f));
    }
}

/* What a played verb says to one of its parts, or to its own expressions. */
static Value load_play(const Scope *s, uint64_t slot) {
    const Frame *child = NULL;
    for (const Frame *f = s->frame; f; child = f, f = f->parent)
        if (f->node->no == slot_number(slot) && f->shape && f->shape->look)
            return f->shape->look(s->run, f, child, (PlayName)slot_field(slot));
    return VALUE_ABSENT;
}

static Value load(void *ctx, uint64_t slot, Arena *a) {
    const Scope *s = ctx;
    if (slot_number(slot) == SLOT_OUTER)
        return load_outer(s, slot_kind(slot));
    switch (slot_kind(slot)) {
    case SLOT_INPUT: return value_absent(s->input) ? s->run->input : s->input;
    case SLOT_STATE: return state_read(s->run, slot_number(slot));
    case SLOT_STATE_ALL: return load_state_all(s->run, a);
    case SLOT_RUN: return load_run(s->run, (RunField)slot_field(slot), a);
    case SLOT_STEP: return load_step(s, slot, a);
    case SLOT_STEPS_ALL: return load_steps_all(s, a);
    case SLOT_EACH:
    case SLOT_INDEX: return load_each(s, slot);
    case SLOT_ROUND: return load_loop(s, slot);
    case SLOT_LAST: return value_absent(s->last) ? load_loop(s, slot) : s->last;
    case SLOT_WITH: return s->with;
    case SLOT_OUTPUT: return s->output;
    case SLOT_DETAIL: return s->detail;
    case SLOT_ERROR: return load_error(s);
    case SLOT_STATUS: return s->status;
    case SLOT_SIGNAL: return s->signal;
    case SLOT_EVENT: return s->event;
    case SLOT_FAILED: return value_bool(a_need_failed(s->frame));
    case SLOT_ALWAYS: return value_bool(true);
    case SLOT_VAR: return s->run->plan->vars[slot_number(slot)];
    case SLOT_PLAY: return load_play(s, slot);
    case SLOT_SECRET:
        return value_str(plan_secret(s->run->plan, slot_number(slot), s->secret_mark, a));
    }
    return VALUE_ABSENT;
}

static void add_loops(MapBuilder *m, const Frame *f) {
    if (!f)
        return;
    add_loops(m, f->parent); /* what is further in wins */
    if (f->part == PART_ITEM) {
        map_adds(m, f->node->for_->each, f->parent->each->items.items[f->a]);
        if (f->node->for_->index.len)
            map_adds(m, f->node->for_->index, value_int(f->a));
    }
    if (f->part == PART_ROUND) {
        map_addz(m, "round", value_int(f->a));
        if (!value_absent(f->parent->loop->last))
            map_addz(m, "last", f->parent->loop->last);
    }
}

Value run_names(Run *r, const Want *w, Arena *a) {
    MapBuilder m = map_builder(a);
    Scope s = scope_of(r, w ? w->frame : r->root);
    map_addz(&m, "input", r->input);
    map_addz(&m, "run", load_run(r, RUN_ALL, a));
    map_addz(&m, "state", load_state_all(r, a));
    map_addz(&m, "steps", load_steps_all(&s, a));
    add_loops(&m, s.frame);
    Value with = w && w->kind == WANT_ATTEMPT ? want_input(w) : VALUE_ABSENT;
    if (!value_absent(with))
        map_addz(&m, "with", with);
    return map_done(&m, NULL);
}

Scope scope_of(Run *r, const Frame *f) {
    return (Scope){ .run = r,
                    .frame = f,
                    .with = f->with,
                    .output = f->output,
                    .detail = f->detail,
                    .error = f->error,
                    .status = status_value(f->status) };
}

int scope_value(Scope *s, const CelProgram *p, Value *ret, char message[320]) {
    CelError error;
    CelScope scope = { load, s };
    if (cel_eval(p, &scope, &s->run->arena, ret, &error) == 0)
        return 0;
    Str source = cel_source(p);
    snprintf(message, 320, "%s, in `%.*s`", error.message, (int)MIN(source.len, 60), source.p);
    return TEMPLATE_E_EVAL;
}

/* A guard leaves nothing behind in the run's arena, so that a long loop does not grow it. */
int scope_test(Scope *s, const CelProgram *p, bool *ret, char message[320]) {
    Arena *a = &s->run->arena;
    ArenaChunk *chunk = a->chunks;
    char *at = a->at;
    size_t used = a->used_bytes;
    uint32_t folds = s->run->folds;
    Value v;
    int err = scope_value(s, p, &v, message);
    if (err == 0 && v.type != V_BOOL) {
        Str type = value_type_name(v), source = cel_source(p);
        snprintf(message, 320, "`%.*s` must be true or false, it is %.*s", (int)MIN(source.len, 60),
                 source.p, STR_FMT(type));
        err = TEMPLATE_E_EVAL;
    }
    if (err == 0)
        *ret = v.b;
    if (chunk && a->chunks == chunk && folds == s->run->folds) {
        a->at = at;
        a->used_bytes = used;
    }
    return err;
}

int scope_eval(Scope *s, const Template *t, Value *ret, char message[320]) {
    EvalError error;
    CelScope scope = { load, s };
    if (template_eval(t, &scope, &s->run->arena, ret, &error) == 0)
        return 0;
    snprintf(message, 320, "%s", error.message);
    return TEMPLATE_E_EVAL;
}
