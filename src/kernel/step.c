/* The life cycle of a step: what happens before its shape begins and after it ends, in the fixed order of the language.
 *
 *   enter:  if > limits > for | (repeat | (with > verb))
 *   ended:  output type > check > (retry, for calls, is in shapes/call.c) > undo > on_error > set > tell the parent
 *
 * Only the layers a frame carries concern it (frame.h). */
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/message.h"
#include "kernel/people.h"
#include "kernel/play.h"
#include "kernel/step.h"
#include "kernel/undo.h"

#include <stdarg.h>
#include <stdio.h>

Value error_make(Run *r, const Frame *f, Str kind, Str message, uint32_t attempt, Value data) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "kind", value_str(kind));
    map_addz(&m, "message", value_str(arena_str(&r->arena, message)));
    map_addz(&m, "step", value_str(frame_address(f, &r->arena)));
    map_addz(&m, "attempt", value_int(attempt));
    if (!value_absent(data))
        map_addz(&m, "data", data);
    return map_done(&m, NULL);
}

void frame_failf(Run *r, Frame *f, ErrorKind kind, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    frame_fail(r, f,
               error_make(r, f, str_from(error_kind_name(kind)), str_from(text), 0, VALUE_ABSENT));
}

uint8_t item_layers(const Node *n) { return n->repeat ? LAYER_ITEM : LAYER_ITEM | LAYER_ONCE; }
uint8_t step_layers(const Node *n) {
    return n->for_ ? LAYER_STEP : (uint8_t)(LAYER_STEP | item_layers(n));
}

/* ---- entering ---- */

static Str entering_because(Run *r, const Frame *f) {
    const Node *n = f->node;
    if (f->part == PART_FALLBACK)
        return arena_fmt(&r->arena, "%.*s, in the place of %.*s", STR_FMT(n->callee->name),
                         STR_FMT(n->fallback_of->callee->name));
    if (frame_is_played(f))
        return f->parent->shape->because ? f->parent->shape->because(r, f->parent, f) : STR("");
    if (!(f->layers & LAYER_STEP) || f->part != PART_STEP)
        return STR("");
    Buf b = BUF_INIT(256);
    for (size_t i = 0; i < n->n_needs && b.len < 160; i++) {
        buf_str_add(&b, i ? STR(", ") : n->by_order ? STR("after ") : STR("needs "));
        buf_str_add(&b, n->parent->children[n->needs[i]]->name);
    }
    if (n->if_)
        buf_str_add(&b, b.len ? STR("; if true") : STR("if true"));
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static void enter_shape(Run *r, Frame *f, const Shape *shape, Str choice) {
    f->shape = shape;
    if (f->status == STATUS_NEW &&
        shape != &shape_call) /* a call moves when its attempt is wanted */
        frame_move(r, f, STATUS_RUNNING, 0, 0, choice);
    shape->enter(r, f);
}

static void start_timeout(Run *r, Frame *f, int64_t ms) {
    if (ms > 0 && !MUTANT(timeout_ignored))
        f->timeout = want_timer(r, f, TIMER_GROUP, r->time_ms + ms);
}

void frame_restart_timeout(Run *r, Frame *f) {
    if (!f->timeout)
        start_timeout(r, f, f->node->timeout_ms);
}

static Value with_around(const Frame *f) {
    const Frame *p = f->parent;
    if (f->node->is_part)
        return play_with(f);
    bool means = f->part == PART_PROBE || f->part == PART_UNDO;
    return means && p->shape == &shape_call                               ? p->call->args
           : means || f->part == PART_HANDLER || f->part == PART_FALLBACK ? p->with
                                                                          : VALUE_NULL;
}

/* The value of `with`, checked against what the callee takes. */
static bool prepare_arguments(Run *r, Frame *f, char problem[320]) {
    const Node *n = f->node;
    Scope s = scope_of(r, f);
    Value with = VALUE_NULL;
    if (!n->with) /* it gets what the step it stands for was given */
        with = with_around(f);
    const Gated *gated = f->gated && f->gated->modified ? f->gated : NULL;
    if (gated)
        with = gated->with;
    else if (n->with && scope_eval(&s, n->with, &with, problem))
        return false;
    if (value_absent(with))
        with = VALUE_NULL;
    if (n->callee && n->callee->kind == CALLEE_CALL &&
        with.type == V_NULL) /* as a run without input has */
        with = map_done(&(MapBuilder){ .arena = &r->arena }, NULL);
    Str mismatch;
    if (n->callee && n->callee->input &&
        type_convert(n->callee->input, with, &r->arena, &with, &mismatch)) {
        snprintf(problem, 320, "input of `%.*s`: %.*s", STR_FMT(n->callee->name),
                 (int)MIN(mismatch.len, 240), mismatch.p);
        return false;
    }
    f->with = with;
    return true;
}

static bool business_key(Run *r, Frame *f, Str *ret, char problem[320]) {
    Scope s = scope_of(r, f);
    Value key;
    *ret = STR_NULL;
    if (!f->node->key)
        return true;
    if (scope_eval(&s, f->node->key, &key, problem))
        return false;
    if (value_absent(key) || key.type == V_NULL) {
        snprintf(problem, 320, "`key` gives nothing: a business key must name the effect");
        return false;
    }
    *ret = value_plain(&r->arena, key);
    return true;
}

static void enter_invoke(Run *r, Frame *f, Str choice) {
    char problem[320];
    Str key;
    if (!prepare_arguments(r, f, problem) || !business_key(r, f, &key, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    const Node *n = f->node;
    if (n->callee->is_agent ? guard_catches(r, f, n->callee, GUARD_INPUT, f->with)
                            : guard_catches(r, f, NULL, GUARD_TOOL, f->with))
        return;
    if (callee_converses(n->callee->kind)) {
        start_timeout(r, f, n->timeout_ms);
        undo_register(r, f);
        enter_shape(r, f, &shape_agent, choice);
        return;
    }
    if (n->callee->kind == CALLEE_HUMAN) {
        f->shape = &shape_human;
        shape_human.enter(r, f);
        return;
    }
    call_prepare(r, f, n->callee, n->effect, f->with, key);
    f->call->choice = choice;
    enter_shape(r, f, &shape_call, choice);
}

static void enter_play(Run *r, Frame *f, Str choice) {
    char problem[320];
    if (!prepare_arguments(r, f, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    start_timeout(r, f, f->node->timeout_ms);
    undo_register(r, f);
    enter_shape(r, f, play_shape(f->node->verb), choice);
}

/* `return` and `fail` end the step at once; the group looks at the verb when it is told. */
static void enter_return(Run *r, Frame *f, Str choice) {
    char problem[320];
    Scope s = scope_of(r, f);
    Value v = VALUE_NULL;
    frame_move(r, f, STATUS_RUNNING, 0, 0, choice);
    if (f->node->result && scope_eval(&s, f->node->result, &v, problem))
        frame_failf(r, f, KIND_INVALID, "%s", problem);
    else
        frame_done(r, f, value_absent(v) ? VALUE_NULL : v);
}

static void enter_fail(Run *r, Frame *f, Str choice) {
    const Node *n = f->node;
    char problem[320];
    Scope s = scope_of(r, f);
    Value message = VALUE_NULL, data = VALUE_ABSENT;
    frame_move(r, f, STATUS_RUNNING, 0, 0, choice);
    if (scope_eval(&s, n->fail_message, &message, problem) ||
        (n->fail_data && scope_eval(&s, n->fail_data, &data, problem))) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    Str kind = n->fail_kind.len ? n->fail_kind : STR("rejected");
    Str text = value_absent(message) ? STR("") : value_plain(&r->arena, message);
    frame_fail(r, f, error_make(r, f, kind, text, 0, data));
}

static void enter_verb(Run *r, Frame *f, Str choice) {
    switch (f->node->verb) {
    case VERB_NONE:
        frame_move(r, f, STATUS_RUNNING, 0, 0, choice);
        frame_done(r, f, VALUE_NULL);
        return;
    case VERB_INVOKE: enter_invoke(r, f, choice); return;
    case VERB_GROUP:
        start_timeout(r, f, f->node->timeout_ms);
        undo_register(r, f);
        enter_shape(r, f, &shape_group, choice);
        return;
    case VERB_WAIT:
    case VERB_RECEIVE: enter_shape(r, f, &shape_wait, choice); return;
    case VERB_EMIT: emit_enter(r, f, choice); return;
    case VERB_SEND: send_enter(r, f, choice); return;
    case VERB_RETURN: enter_return(r, f, choice); return;
    case VERB_FAIL: enter_fail(r, f, choice); return;
    default: ASSERT(verb_is_play(f->node->verb)); enter_play(r, f, choice);
    }
}

/* False when the step does not run: skipped, or its guard could not be asked. */
static bool guard_holds(Run *r, Frame *f) {
    bool yes = true;
    char problem[320];
    if (!(f->layers & LAYER_STEP) || !f->node->if_)
        return true;
    Scope s = scope_of(r, f);
    if (scope_test(&s, f->node->if_, &yes, problem)) {
        frame_failf(r, f, KIND_INVALID, "if: %s", problem);
        return false;
    }
    if (!yes) {
        frame_move(r, f, STATUS_SKIPPED, 0, 0, STR("if false"));
        f->parent->shape->child_done(r, f->parent, f);
    }
    return yes;
}

void step_begin(Run *r, Frame *f, Str choice) {
    if ((f->layers & LAYER_ITEM) && f->node->repeat)
        enter_shape(r, f, &shape_loop, choice);
    else
        enter_verb(r, f, choice);
}

void step_enter(Run *r, Frame *f) {
    const Node *n = f->node;
    if (f->shape) { /* a frame made by a shape of its own: an agent's model or tool call */
        f->shape->enter(r, f);
        return;
    }
    if (!guard_holds(r, f) || (!f->parent && guard_catches(r, f, NULL, GUARD_INPUT, r->input)))
        return;
    Str choice = entering_because(r, f);
    budget_open(r, f);
    if ((f->layers & LAYER_STEP) && n->for_)
        enter_shape(r, f, &shape_each, choice);
    else if (!gate_before(r, f))
        step_begin(r, f, choice);
}

/* ---- ending ---- */

bool step_accepts(Run *r, Frame *f, const Callee *callee, Value output, Value *ret_value,
                  ErrorKind *ret_kind, Str *ret_problem) {
    /* A tool call of an agent answers for its callee only; the step's own words are about what the agent gives. */
    bool own = f->layers & LAYER_ONCE;
    const Node *n = f->node;
    const Type *type = own && n->output ? n->output : callee ? callee->output : NULL;
    *ret_kind = KIND_INVALID;
    if (type && type_convert(type, output, &r->arena, &output, ret_problem))
        return false;
    *ret_kind = KIND_CHECK;
    const CelProgram *checks[] = { callee ? callee->check : NULL, own ? n->check : NULL };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!checks[i])
            continue;
        char problem[320];
        bool yes = false;
        Scope s = scope_of(r, f);
        s.output = output;
        if (scope_test(&s, checks[i], &yes, problem)) {
            *ret_problem = arena_fmt(&r->arena, "check: %s", problem);
            return false;
        }
        if (!yes) {
            Str source = cel_source(checks[i]);
            *ret_problem = arena_fmt(&r->arena, "the check `%.*s` does not hold", STR_FMT(source));
            return false;
        }
    }
    if (own && frame_is_played(f) && f->parent->shape->accepts &&
        !f->parent->shape->accepts(r, f->parent, f, output, ret_problem))
        return false;
    *ret_value = output;
    return true;
}

/* What ran inside is no longer needed, the frame holds the result: unless there is something to undo, which sees all that
 * it saw then. */
static void clear_inside(Run *r, Frame *f) {
    bool orphan = f->last && f->last->status == STATUS_NEW && MUTANT(orphan_begins);
    while (f->first && !f->undos && !f->loose && !orphan)
        frame_release(r, f->first);
}

static void tell_parent(Run *r, Frame *f) {
    Frame *p = f->parent;
    clear_inside(r, f);
    if (f->part == PART_GATE) {
        gate_done(r, p, f);
        return;
    }
    p->tokens += f->tokens;
    p->calls += f->calls;
    p->cost += f->cost;
    p->attempts += f->attempts;
    if (f->part == PART_UNDO) {
        undo_ended(r, p, f);
        return;
    }
    if (f->part == PART_HANDLER) {
        Value output = f->output, error = f->error;
        bool ok = f->status == STATUS_OK;
        bool returned = f->node->verb == VERB_RETURN;
        p->handling = false;
        p->handler_returned = ok && returned;
        frame_let_go(r, f);
        if (ok)
            frame_recovered(r, p, output);
        else
            frame_end_failed(r, p, error);
        return;
    }
    if (f->part == PART_FALLBACK)
        fallback_done(r, p, f);
    else
        p->shape->child_done(r, p, f);
}

static void end_ok(Run *r, Frame *f, Value output, Str choice) {
    want_close_all(r, f);
    f->output = output;
    f->detail = gate_detail(r, f);
    recall_keep(r, f);
    if (f->layers & LAYER_ITEM) {
        char problem[320];
        ErrorKind kind;
        if (f->node->n_sets && !state_write(r, f, f->node, &kind, problem)) {
            frame_end_failed(r, f,
                             error_make(r, f, str_from(error_kind_name(kind)), str_from(problem), 0,
                                        VALUE_ABSENT));
            return;
        }
    }
    if (!f->parent) {
        undo_hand_over(r, f);
        run_end(r, RUN_OK, f->output, f->error);
        return;
    }
    frame_move(r, f, STATUS_OK, 0, 0, choice);
    undo_hand_over(r, f);
    tell_parent(r, f);
}

/* An on_error step gave this step its output: it is ok, and keeps the error it recovered from. */
void frame_recovered(Run *r, Frame *f, Value output) {
    end_ok(r, f, output, STR("recovered by on_error"));
}

/* By a guard of the agent that gave it, or of the run. */
static bool output_caught(Run *r, Frame *f, Value output) {
    const Callee *c = f->node->verb == VERB_INVOKE ? f->node->callee : NULL;
    bool of_agent = c && c->is_agent && (f->layers & LAYER_ONCE);
    return (of_agent || !f->parent) &&
           guard_catches(r, f, of_agent ? c : NULL, GUARD_OUTPUT, output);
}

void frame_done(Run *r, Frame *f, Value output) {
    if ((f->layers & LAYER_ONCE) || f->part == PART_CALL) {
        ErrorKind kind;
        Str problem;
        const Callee *callee = f->shape == &shape_call ? f->call->callee
                               : f->fallen             ? f->node->callee
                                                       : NULL;
        if (f->shape != &shape_agent &&
            !step_accepts(r, f, callee, output, &output, &kind, &problem)) {
            frame_fail(r, f, error_make(r, f, str_from(error_kind_name(kind)), problem, 0, output));
            return;
        }
    }
    if (!value_absent(r->tripped) && !f->parent) {
        run_stop(r);
        return;
    }
    if (!output_caught(r, f, output) && !gate_after(r, f, output))
        end_ok(r, f, output, STR(""));
}

void frame_approved(Run *r, Frame *f, Value output) { end_ok(r, f, output, STR("approved")); }

static void end_failed(Run *r, Frame *f) {
    want_close_all(r, f);
    f->detail = gate_detail(r, f);
    Str kind = value_as_str(value_getz(f->error, "kind"));
    if (undo_stuck(r, f, f->error))
        return;
    if (!f->parent) {
        run_end(r, RUN_FAILED, VALUE_ABSENT, f->error);
        return;
    }
    frame_move(r, f, STATUS_FAILED, 0, 0,
               f->tolerated ? arena_fmt(&r->arena, "%.*s; continue", STR_FMT(kind)) : kind);
    tell_parent(r, f);
}

/* The first handler that fits; NULL: none. A guard that cannot be asked does not fit. */
static const OnError *handler_for(Run *r, Frame *f, Value error) {
    const Node *n = f->node;
    for (size_t i = 0; i < n->n_handlers; i++) {
        bool yes = true;
        char problem[320];
        Scope s = scope_of(r, f);
        s.error = error;
        if (n->handlers[i].if_ && (scope_test(&s, n->handlers[i].if_, &yes, problem) || !yes))
            continue;
        return &n->handlers[i];
    }
    return NULL;
}

static void handle(Run *r, Frame *f, const OnError *handler) {
    f->handling = true;
    Frame *child = frame_new(r, f, handler->step, PART_HANDLER, 0, 0, step_layers(handler->step));
    if (f->status == STATUS_NEW)
        frame_move(r, f, STATUS_RUNNING, 0, 0, STR(""));
    frame_ready(r, child);
}

/* Whatever is still open below is stopped before the failure is handled or handed on. */
static void stop_inside(Run *r, Frame *f) {
    for (Frame *child = f->last; child; child = child->prev)
        if (!frame_over(child) && child->part != PART_UNDO && !MUTANT(failure_leaves_work))
            frame_cancel(r, child, STR("the step failed"));
    want_close_all(r, f);
}

/* What it did is taken back: now who stands in has his turn, then on_error. */
void frame_unwound(Run *r, Frame *f) {
    if (fallback_takes_failure(r, f))
        return;
    if ((f->layers & LAYER_ITEM) && !f->unhandled) {
        if (f->node->on_error == ON_ERROR_CONTINUE)
            f->tolerated = true;
        const OnError *handler = f->node->on_error == ON_ERROR_STEPS ? handler_for(r, f, f->error)
                                                                     : NULL;
        if (handler) {
            handle(r, f, handler);
            return;
        }
    }
    end_failed(r, f);
}

void frame_fail(Run *r, Frame *f, Value error) {
    key_settle(r, f);
    stop_inside(r, f);
    f->gating = false;
    if (retry_takes_failure(r, f))
        return;
    f->error = error;
    f->unhandled |= f->handling;
    if (f->undo && f->shape != &shape_call)
        undo_drop(r, f); /* what is below is undone each by itself */
    if (!undo_begin(r, f))
        frame_unwound(r, f);
}

void frame_end_failed(Run *r, Frame *f, Value error) {
    f->unhandled = true;
    frame_fail(r, f, error);
}

void run_stop(Run *r) {
    Value error = r->tripped;
    r->tripped = VALUE_ABSENT;
    if (!r->ending)
        frame_end_failed(r, r->root, error);
}
