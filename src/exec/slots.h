/* A bounded number of things in flight, the rest waiting first in, first out. The node lives in what waits. */
#ifndef BATON_EXEC_SLOTS_H
#define BATON_EXEC_SLOTS_H

#include "base/base.h"

typedef struct Slot Slot;
struct Slot {
    Slot *prev, *next;
    enum { SLOT_OUT, SLOT_WAITING, SLOT_RUNNING } where;
    uint64_t asked_us, began_us; /* of the monotonic clock */
};
typedef struct Slots {
    unsigned max, used;
    Slot *first, *last; /* waiting */
    Slot *running;      /* newest first; so that a close finds them */
    void (*begin)(
        void *ctx,
        Slot *slot); /* it has its slot now. May end at once: slots_leave() from within is fine */
    void *ctx;
    bool beginning; /* within slots_begin, so that `begin` that ends at once does not nest */
} Slots;

/* Waits for a slot or gets one now. */
void slots_enter(Slots *s, Slot *slot);
/* Gives the slot (or the place in the queue) back and lets the next begin. */
void slots_leave(Slots *s, Slot *slot);
int64_t slot_queued_us(const Slot *slot);
int64_t slot_took_us(const Slot *slot);

#endif
