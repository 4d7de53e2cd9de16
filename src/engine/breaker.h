/* A circuit breaker: what fails again and again is not asked for a while.
 *
 *            `failures` in a row                  `open` is over
 *   CLOSED ------------------------> OPEN --------------------------> HALF_OPEN: one call at a time tries it
 *     ^                               ^                                  |  |
 *     |                               +------------- it failed ----------+  |
 *     +------------------------------------- `successes` in a row ----------+
 *
 * A failure is that the other side was out of reach: unavailable, timeout, crashed, rate_limited, or an outcome nobody knows.
 * Whatever it answered, a refusal included, is an answer. What was never sent, or was stopped by us, says nothing.
 * Memory only: a new engine begins closed. */
#ifndef BATON_ENGINE_BREAKER_H
#define BATON_ENGINE_BREAKER_H

#include "engine/ports.h"

typedef enum BreakerState { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN } BreakerState;
const char *breaker_state_name(BreakerState s);

typedef struct Breaker {
    BreakerRule rule; /* failures 0: always closed */
    BreakerState state;
    int32_t failures, successes; /* in a row */
    int64_t until_ms;            /* open */
    ErrorKind last;              /* failure */
    bool trying;                 /* half open: the one call is under way */
} Breaker;

/* When a call may be let through: `now_ms` or earlier if it may now; INT64_MAX: when the one that tries it has ended. */
int64_t breaker_ready_ms(Breaker *b, int64_t now_ms);
/* One call that may be let through is; true: it is the one that tries. */
bool breaker_take(Breaker *b);
/* That one did not come to an end. */
void breaker_give_back(Breaker *b);
/* How a call ended. `tried`: it was the one that tries; others that left before it opened still count as failures. */
void breaker_told(Breaker *b, const Completion *c, bool tried, int64_t now_ms);

#endif
