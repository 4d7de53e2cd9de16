/* Sums of what steps can cost, and what one call of a callee can: forecast.c walks over a plan with them. Internal to the kernel. */
#ifndef BATON_KERNEL_FORECAST_LOAD_H
#define BATON_KERNEL_FORECAST_LOAD_H

#include "kernel/forecast.h"

static inline int64_t plus(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? FORECAST_UNBOUNDED : sum;
}

static inline int64_t times(int64_t a, int64_t b) {
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? FORECAST_UNBOUNDED : product;
}

static inline Load load_plus(Load x, Load y) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        x.of[i] = plus(x.of[i], y.of[i]);
    x.depth = MAX(x.depth, y.depth);
    return x;
}

static inline Load load_times(Load x, int64_t n) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        x.of[i] = times(x.of[i], n);
    x.time_ms = times(x.time_ms, n);
    x.depth = n ? x.depth : 0;
    return x;
}

/* One after the other. */
static inline Load load_in_turn(Load x, Load y) {
    int64_t time_ms = plus(x.time_ms, y.time_ms);
    x = load_plus(x, y);
    x.time_ms = time_ms;
    return x;
}

/* Of two of which one happens. */
static inline Load load_most(Load x, Load y) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        x.of[i] = MAX(x.of[i], y.of[i]);
    x.time_ms = MAX(x.time_ms, y.time_ms);
    x.depth = MAX(x.depth, y.depth);
    return x;
}

/* ---- one call (forecast_call.c) -------------------------------------------------------------------------------------- */

/* Of an agent, without what its tools do: every turn, retry and fallback; what it may ask cheaper is not more. */
Load forecast_agent_worst(const Node *n, Arena *a);
Load forecast_agent_expected(const Node *n, Arena *a);
/* Of any other callee: attempts and their time. */
Load forecast_call_worst(const Node *n);
/* Of a workflow that is called, from what one run of it can cost. */
Load forecast_child_worst(const Node *n, const Load *one);
/* As many attempts to call a workflow as there can be: nothing of them is ever unknown. */
int64_t forecast_child_attempts(const Node *n);

#endif
