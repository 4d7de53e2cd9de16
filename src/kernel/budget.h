/* Budgets: the limits that one frame declares, and what was spent and reserved below it. Internal to the kernel. */
#ifndef BATON_KERNEL_BUDGET_H
#define BATON_KERNEL_BUDGET_H

#include "kernel/frame.h"

struct Budget {
    Frame *frame;
    Limits limits; /* as the file says, or as a person raised them since */
    Amount spent, reserved;
    Amount over;      /* of what is spent: billed beyond what was reserved */
    Amount stuck;     /* of what is reserved: held by children that wait for more (more.c) */
    uint32_t working; /* attempts open below */
    int64_t opened_ms, worked_ms, since_ms;
    Want *deadline, *work; /* timers */
    HeldQueue waiting;     /* calls that fit once others have settled, in the order they came */
    Budget *freed_next;
    bool freed; /* in the run's list of those whose queue may move */
};

/* Work so far, with what is under way. */
static inline int64_t budget_worked(const Budget *b, int64_t now_ms) {
    return b->worked_ms + (b->working ? now_ms - b->since_ms : 0);
}

/* Its queue may move. */
void budget_freed(Run *r, Budget *b);
/* Sets a limit of an open budget anew. */
void budget_set(Run *r, Budget *b, Bound bound, int64_t most);

/* ---- budgets (budget.c) ------------------------------------------------------------------------------------------------------ */

typedef enum Fit { FIT_YES, FIT_WAIT, FIT_BREACH_PAUSE, FIT_BREACH_FAIL } Fit;
/* Which limit has no room, and how much there would have to be. */
typedef struct Shortage {
    const Frame *at; /* whose limit */
    Bound bound;
    int64_t most, spent, reserved, next;
    bool behind;  /* it would fit, and others came before */
    Str no_price; /* the model whose price nobody knows */
} Shortage;
/* Opens the limits a frame declares (its step's, its agent's); nothing if none. */
void budget_open(Run *r, Frame *f);
/* Does it fit every limit above, and the clocks? If so it is reserved; conversations and retries are spent. Else the
 * shortage is told. */
Fit budget_reserve(Run *r, Frame *f, const Amount *next, Shortage *ret);
/* Gives back what was held, which is nothing then, and spends what was used. */
void budget_settle(Run *r, Frame *f, Amount *held, const Amount *spent);
/* An attempt that was loaded brings its reservation. */
void budget_take_over(Frame *f, const Amount *held);
/* Is so much of a limit above spent that cheaper models are to be asked? */
bool budget_degrades(const Frame *f, Shortage *ret);
int64_t share_percent(int64_t part, int64_t whole);
Str shortage_text(Run *r, Fit fit, const Shortage *s);
/* What an attempt used that is not derived again. */
void budget_spend(Frame *f, const Amount *spent);
/* A child below worked so long. */
void budget_worked_more(Run *r, Frame *f, int64_t ms);
/* So much time counts for nothing. */
void budget_shift(Frame *f, int64_t ms);
/* What a limit is by now, after it was raised or more was granted. */
void budget_limits_anew(Run *r, Frame *f, Bound bound);
/* A child asks for more (its call's `more`): is there room for what it needs at least? Then as much is reserved as is fair, and
 * *ret_most is what it may spend in all; `extra` of it is new. Time and depth are not reserved. */
Fit budget_more(Run *r, Frame *f, int64_t *ret_extra, int64_t *ret_most, Shortage *ret);
Amount call_worst_case(const Frame *f);
/* An attempt was opened or closed below: the clocks of `limits.time` run while one is. */
void budget_attempts(Run *r, Frame *f, int change);
/* Its timers, by purpose; NULL: not armed. The pointer may be cleared by who closes the want. */
Want **budget_timer(Frame *f, TimerPurpose purpose);
void budget_timer_due(Run *r, Frame *f, TimerPurpose purpose);
void budget_close(Run *r, Frame *f);
void budget_save(const Frame *f, Buf *b);
void budget_load(Run *r, Frame *f, Cursor *c, uint8_t version);
/* NULL, or what is broken. */
const char *budget_check(const Frame *f);

/* ---- held calls (held.c) ----------------------------------------------------------------------------------------------------- */

/* Into the queue of the budget at a frame, or, NULL, of the run; it stays where it is if it is there already. */
void held_join(Run *r, Frame *f, Frame *at, bool first);
void held_leave(Run *r, Frame *f);
/* Tries those whose turn it is. False: nothing was left to try. */
bool held_release(Run *r);
/* The run goes on: everything is tried again. */
void held_resume(Run *r);
void held_save(const Frame *f, Buf *b);
void held_load(Run *r, Frame *f, Cursor *c);
/* All frames are there. */
void held_loaded(Run *r);
const char *held_check(const Frame *f);

/* ---- what a paused run asks (question.c) ------------------------------------------------------------------------------------- */

/* A limit was reached: the run pauses once this fact is applied. `step` wanted more; NULL: nobody did. */
void question_ask(Run *r, const Frame *step, const Shortage *s);
void question_pause(Run *r);
/* The least that the limit would have to be. */
int64_t shortage_enough(const Shortage *s);
void question_by_person(Run *r, Str from, Str reason);
/* Limits that run_takes_limits() found good. */
void question_raise(Run *r, Str from, Value limits);
/* As they were raised since, for a frame whose budget opens. */
void raised_limits(const Frame *f, Limits *limits);
void question_save(const Run *r, Buf *b);
void question_load(Run *r, Cursor *c);

#endif
