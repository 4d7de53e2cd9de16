/* Where the time and the money went. For a node, every microsecond between its begin and its end is given to exactly one of
 * the columns below, so that they add up to its duration: to the first of the list that holds at that moment anywhere below
 * it. What ran beside it is in `work_us`, which counts attempts one by one and may exceed the duration. */
#ifndef BATON_TRACE_SPLIT_H
#define BATON_TRACE_SPLIT_H

#include "trace/tree.h"

typedef enum TraceColumn {
    SPLIT_MODEL, /* a model call ran */
    SPLIT_TOOL,  /* a tool, command or request ran */
    SPLIT_QUEUE, /* an attempt waited for a slot, a rate or a budget */
    SPLIT_PEOPLE, /* a person had to settle something, or a signal was awaited, or the run was paused */
    SPLIT_TIMER, /* a timer: a wait, or the delay before a retry */
    SPLIT_OWN,   /* none of these: the journal and Baton itself */
    SPLIT_COUNT,
} TraceColumn;
const char *split_name(TraceColumn c);

typedef struct TraceSplit {
    int64_t total_us;
    int64_t us[SPLIT_COUNT];
    int64_t work_us; /* of all attempts, also of those side by side */
    int64_t attempts, model_calls, steps_ok, steps_failed, steps;
    Usage usage;
    int64_t reused; /* outcomes recorded before, which are no attempts; and what they cost then */
    Usage saved;
} TraceSplit;

/* `now_ms`: for what has not ended. */
void split_node(const TraceNode *n, int64_t now_ms, TraceSplit *ret);

#endif
