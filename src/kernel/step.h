/* The life cycle of a step, and what its words mean while it runs. Internal to the kernel. */
#ifndef BATON_KERNEL_STEP_H
#define BATON_KERNEL_STEP_H

#include "kernel/frame.h"

/* ---- the life cycle of a step (step.c) ---------------------------------------------------------------------------------- */

/* A frame of the queue begins: its layers in order, then its shape. */
void step_enter(Run *r, Frame *f);
/* The shape of f has ended. Goes through check, on_error, set as the layers say, and tells the parent. */
void frame_done(Run *r, Frame *f, Value output);
void frame_fail(Run *r, Frame *f, Value error);
void frame_failf(Run *r, Frame *f, ErrorKind kind, const char *fmt, ...) PRINTF(4, 5);
/* What is behind the gates before it: its loop, or its verb. */
void step_begin(Run *r, Frame *f, Str choice);
/* Of a step that does its part again. */
void frame_restart_timeout(Run *r, Frame *f);
/* What it made holds, with the gates after it passed. */
void frame_approved(Run *r, Frame *f, Value output);
/* Ends it without looking at on_error. */
void frame_end_failed(Run *r, Frame *f, Value error);
void frame_recovered(Run *r, Frame *f, Value output);
Value error_make(Run *r, const Frame *f, Str kind, Str message, uint32_t attempt, Value data);
/* What f did is taken back: its failure goes on. */
void frame_unwound(Run *r, Frame *f);
/* An empty run that knows its plan: what start and load fill. */
Run *run_blank(const Plan *plan);
/* A guard stops the run: what is open is cancelled, and the run fails with the guard's error. */
void run_stop(Run *r);
/* The run ends so: at once, or when nothing below its root is loose any more. Only then the root is final. */
void run_end(Run *r, RunStatus status, Value output, Value error);
void run_settle(Run *r);

/* The outermost frame of a part of a played verb. */
static inline bool frame_is_played(const Frame *f) {
    return f->node->is_part && f->a > 0 && (f->part == PART_STEP || f->part == PART_ROLE);
}

/* Output type and check of a step or an agent; *ret_value converted. Returns false with the problem (kind invalid or check). */
bool step_accepts(Run *r, Frame *f, const Callee *callee, Value output, Value *ret_value,
                  ErrorKind *ret_kind, Str *ret_problem);

/* ---- dispatch (dispatch.c) -------------------------------------------------------------------------------------------- */

/* How targets have done so far: { STEP: { TARGET: { asked, ok, us, cost_nano } } }. What is none of that is nothing. */
void dispatch_past(Run *r, Str json);
/* Of the targets of the router f that are in `keep`: strikes out who has done clearly worse than the best of them. */
void dispatch_keep_best(const Run *r, const Frame *f, Prefer by, bool *keep);
/* One that is left of them, by the run's seed if the file prefers somebody, else the first; the number of targets if none is. */
uint32_t dispatch_pick(const Run *r, const Frame *f, const bool *keep);

/* ---- retries (retry.c) --------------------------------------------------------------------------------------------------- */

void retry_copy(Run *r, const Retried *retries, size_t n);
/* While the run is derived again: true, and the frame stands still until the retry, instead of being entered; of failing; of
 * running out of time; of being given up by a person. */
bool retry_withholds(Run *r, Frame *f);
bool retry_takes_failure(Run *r, Frame *f);
bool retry_takes_stop(Run *r, Frame *f, const Fact *fact);
bool retry_takes_timeout(Run *r, Frame *f, Want *w);
bool retry_takes_decision(const Run *r, const Frame *f, const Fact *fact);
void retry_apply(Run *r, const Fact *fact, int64_t ended_ms);
/* How many attempts (of an agent: turns) its address had before the step was made anew. */
uint32_t retry_spent(Run *r, const Frame *f);
/* Its next attempt is numbered on from them, with a key of its own. */
void retry_renumber(Run *r, Frame *f);
void retry_save(const Run *r, Buf *b);
void retry_load(Run *r, Cursor *c);

/* ---- fallback (fallback.c) ----------------------------------------------------------------------------------------------- */

/* Nobody answered, so that somebody else may be asked; a refusal of content is not shopped around. */
bool error_out_of_reach(Value error);
/* Its callee failed: true if the next in its place is asked. */
bool fallback_takes_failure(Run *r, Frame *f);
/* Who was asked in the place of f has ended. */
void fallback_done(Run *r, Frame *f, Frame *child);
/* Is there somebody left to be asked, if this call fails? */
bool fallback_left(const Frame *f);
/* NULL, or what is broken. */
const char *fallback_check(const Frame *f);

/* ---- expressions (scope.c) ----------------------------------------------------------------------------------------------- */

/* What names mean for one evaluation: a frame and, where they exist, the step's own words. */
struct Scope {
    Run *run;
    const Frame *frame;
    Value input; /* absent: the workflow's */
    Value with, output, detail, error, status, signal, event;
    Value last;      /* reducers */
    Str secret_mark; /* see want_send() */
};
Scope scope_of(Run *r, const Frame *f);
/* The frame of a step as seen from `from`: a child of the nearest enclosing group that is the step's parent. NULL: there is none. */
const Frame *scope_step(const Frame *from, const Node *target);
/* A guard: must be a bool. Returns 0, or TEMPLATE_E_EVAL with the message. */
int scope_test(Scope *s, const CelProgram *p, bool *ret, char message[320]);
int scope_value(Scope *s, const CelProgram *p, Value *ret, char message[320]);
int scope_eval(Scope *s, const Template *t, Value *ret, char message[320]);

/* ---- state (state.c) ------------------------------------------------------------------------------------------------------ */

/* Records the sets of a step that succeeded. False with a message if a value is refused. */
bool state_write(Run *r, Frame *f, const Node *node, ErrorKind *ret_kind, char message[320]);
/* The same for what is written when the step is left, with what those expressions see. */
bool state_write_leaving(Scope *s, Frame *f, const SetKey *sets, size_t n, ErrorKind *ret_kind,
                         char message[320]);
Value state_read(Run *r, uint32_t key);

/* The oldest signal of this name that came and was taken by nobody, and that fits; absent: there is none. */
/* The oldest event of these types that this step has not taken, and that fits; absent: there is none. */
Value event_take(Run *r, const Node *n, const Str *types, size_t n_types,
                 bool (*fits)(void *ctx, Value event), void *ctx);
Value signal_take(Run *r, Str name, bool (*fits)(void *ctx, Value signal), void *ctx);

/* ---- wants (want.c) ------------------------------------------------------------------------------------------------------- */

Want *want_open(Run *r, Frame *f, WantKind kind);
/* Without telling the budgets: they have it already (a snapshot). */
Want *want_new(Run *r, Frame *f, WantKind kind);
Want *want_timer(Run *r, Frame *f, TimerPurpose purpose, int64_t due_ms);
void want_close(Run *r, Want *w);
/* It is asked to end soon, and still wanted: how it ended is to be known. */
void want_stop(Run *r, Want *w);
/* All wants of one frame. */
void want_close_all(Run *r, Frame *f);

#endif
