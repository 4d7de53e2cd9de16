/* Business keys (`key:`): one value is one effect, in whichever run it is asked for. What a run did under a key is told to a
 * durable index (journal/keys.h), with the row that it follows from; before a run sends anything under a key it claims the key
 * there, and FACT_DISPATCHING says what it was granted.
 *
 *              claimed                     doubt                        settled
 *   free, new ---------> under way <-----------------> in doubt            |  a person gives it up
 *    ^   ^                 |   \ known to have happened   \----------------+-----> unknown --claimed--> in doubt
 *    |   +-- surely not ---+    \                                                  (sent again, or asked about)
 *    |                           +--> done --undo begins--> undoing --undone--> undone --claimed, the next generation-->
 *    |                                  ^---- given up -------'
 *
 * While it is under way, in doubt or being undone, everybody else waits. What is done is everybody's result. */
#ifndef BATON_KERNEL_KEY_H
#define BATON_KERNEL_KEY_H

#include "base/str.h"

/* Numbers are stored. */
typedef enum KeyState {
    KEY_NEW = 0, /* nobody ever claimed it */
    KEY_UNDER_WAY = 1,
    KEY_DOUBT = 2,
    KEY_UNDOING = 3,
    KEY_DONE = 4,
    KEY_FREE = 5,    /* surely not done */
    KEY_UNDONE = 6,  /* what comes next is another effect */
    KEY_UNKNOWN = 7, /* nobody knows, and nobody asks any more */
    KEY_CACHED = 8,  /* no effect: what a call that only reads gave (`cache:`); nobody holds it */
} KeyState;
#define KEY_STATE_LAST KEY_CACHED
/* One step of one run answers for it. */
static inline bool key_is_held(KeyState s) { return s >= KEY_UNDER_WAY && s <= KEY_UNDOING; }

/* What a run tells of a key that it holds; where it does not hold it any more, that changes nothing. */
typedef struct KeyChange {
    Str callee, key; /* who is called, as the key's name has it; empty: see `within` */
    Str address;     /* of the step that holds it */
    uint32_t generation;
    KeyState state;
    Str result; /* done: its output, JSON text; STR_NULL: as it was told before, or null */
    /* Of all keys that the run claimed at or below `address`: what was done there is undone, or what is held there is
     * unknown, as `state` says. */
    bool within;
} KeyChange;

#endif
