/* What a workflow can cost, said before anything runs: its plan, and those of the workflows that it calls, walked once.
 *
 * The worst case is what its bounds allow: rounds of loops, turns of agents, retries, fallbacks, all of them together. What no
 * file says (how long a list is, how much a tool gives back) is assumed, and the assumptions have names and stand with the
 * figures. Limits cut the worst case; where they do is listed. Expected is the same walk with nothing going wrong. */
#ifndef BATON_KERNEL_FORECAST_H
#define BATON_KERNEL_FORECAST_H

#include "spec/plan.h"

/* Beyond all bounds: nothing in the file says where it ends. */
#define FORECAST_UNBOUNDED INT64_MAX

/* What is not written in a file, in bytes. A byte is at most a token; four are one on average. */
#define FORECAST_INPUT_BYTES 2000
#define FORECAST_TOOL_BYTES 2000

/* Steps of workflows that are called are listed up to here; more nobody reads. They count in any case. */
#define FORECAST_STEPS_MAX 2000

typedef struct Load {
    int64_t of[BOUNDS_COUNTED];
    int64_t time_ms;
    int64_t depth; /* levels of conversations, supervisors and calls of workflows */
} Load;

typedef struct ForecastStep {
    const Node *node;
    Str path; /* "settle/refund"; of a workflow that is called: behind that of the step that calls it */
    uint32_t depth;
    int64_t times; /* at most; within lists of unknown length: for each item */
    bool per_item; /* a list around it has a length that only a run knows */
    Load worst, expected;
} ForecastStep;

/* A limit that the worst case does not fit. */
typedef struct ForecastCut {
    Str path; /* empty: the run */
    Bound bound;
    Pos pos;
    int64_t most, worst;
} ForecastCut;

typedef struct Forecast {
    ForecastStep *steps; /* in file order, groups before what is in them */
    size_t n_steps;
    ForecastCut *cuts;
    size_t n_cuts;
    Load worst, expected; /* of the whole: the worst case as it is cut */
    bool per_item;
    Str circle; /* a workflow that is called while it runs; empty: none. As often as limits let it, expected once */
    bool
        tools_call; /* an agent has a workflow as a tool and may call it at will: once each turn is assumed */
    Str *unpriced; /* models that have no price */
    size_t n_unpriced;
} Forecast;

/* Stands in `a`. */
Forecast forecast_of(const Plan *plan, Arena *a);

#endif
