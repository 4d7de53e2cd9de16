/* Budgets: the limits that one frame declares, and what was spent and reserved below it. Internal to the kernel. */
#ifndef BATON_KERNEL_BUDGET_H
#define BATON_KERNEL_BUDGET_H

#include "kernel/frame.h"

struct Budget {
    Frame *frame;
    Limits limits; /* as the file says, or as a person raised them since */
    Amount spent, reserved;
    Amount over;      /* of what is spent: billed beyond what was reserved */
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

#endif
