/* How a run stands, as its tree shows it: does anything move, and if not, who is waited for? */
#ifndef BATON_CLI_STANDING_H
#define BATON_CLI_STANDING_H

#include "trace/tree.h"

typedef enum Standing {
    STANDING_BUSY,   /* something is in flight, or about to be */
    STANDING_BELOW,  /* nothing of its own moves; runs that it called may */
    STANDING_TIMER,  /* only time is waited for */
    STANDING_EVENT,  /* an event, which another run may tell of */
    STANDING_SIGNAL, /* a signal */
    STANDING_PERSON, /* somebody is asked, a step is in doubt, or a limit was reached */
    STANDING_PAUSED, /* by name, and nothing is in flight any more */
    STANDING_PARKED, /* the engine gave it up: quarantined or diverged */
    STANDING_ENDED,
} Standing;

/* ret_node: what is waited for; NULL where it is nothing in particular. */
Standing standing_of(const TraceTree *t, const TraceNode **ret_node);

/* What had been done already when another engine went on. */
typedef struct Kept {
    unsigned steps, model_calls, tool_calls;
} Kept;
Kept standing_kept(const TraceTree *t);

#endif
