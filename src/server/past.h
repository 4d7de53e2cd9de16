/* How the targets of a workflow's routers have done, for a run that is to prefer some of them: read once, before the run is
 * accepted, and part of its first fact, so that it chooses the same whenever it is derived again. */
#ifndef BATON_SERVER_PAST_H
#define BATON_SERVER_PAST_H

#include "journal/store.h"
#include "spec/plan.h"

/* JSON as kernel/fact.h says it, of the newest runs of that workflow that are over; empty where no router of the plan asks,
 * or nothing is known. Reader thread. */
Str past_of_targets(Store *store, const Plan *plan, Arena *a);

#endif
