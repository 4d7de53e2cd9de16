/* Two intrusive lists and a counter. `begin` may end what it began at once (a URL that is none), and that must not recurse
 * through a queue of thousands: a flag turns the nested call into another round of the outer loop. */
#include "exec/slots.h"

#include <uv.h>

static uint64_t now_us(void) { return uv_hrtime() / 1000; }

static void append_waiting(Slots *s, Slot *slot) {
    slot->prev = s->last;
    slot->next = NULL;
    *(s->last ? &s->last->next : &s->first) = slot;
    s->last = slot;
    slot->where = SLOT_WAITING;
}

static void remove_waiting(Slots *s, Slot *slot) {
    *(slot->prev ? &slot->prev->next : &s->first) = slot->next;
    *(slot->next ? &slot->next->prev : &s->last) = slot->prev;
    slot->where = SLOT_OUT;
}

static void push_running(Slots *s, Slot *slot) {
    slot->prev = NULL;
    slot->next = s->running;
    if (s->running)
        s->running->prev = slot;
    s->running = slot;
    s->used++;
    slot->where = SLOT_RUNNING;
}

static void remove_running(Slots *s, Slot *slot) {
    *(slot->prev ? &slot->prev->next : &s->running) = slot->next;
    if (slot->next)
        slot->next->prev = slot->prev;
    s->used--;
    slot->where = SLOT_OUT;
}

static void begin_those_that_fit(Slots *s) {
    if (s->beginning)
        return;
    s->beginning = true;
    while (s->first && s->used < s->max) {
        Slot *slot = s->first;
        remove_waiting(s, slot);
        push_running(s, slot);
        slot->began_us = now_us();
        s->begin(s->ctx, slot);
    }
    s->beginning = false;
}

void slots_enter(Slots *s, Slot *slot) {
    slot->asked_us = slot->began_us = now_us();
    append_waiting(s, slot);
    begin_those_that_fit(s);
}

void slots_leave(Slots *s, Slot *slot) {
    if (slot->where == SLOT_WAITING)
        remove_waiting(s, slot);
    else if (slot->where == SLOT_RUNNING)
        remove_running(s, slot);
    begin_those_that_fit(s);
}

int64_t slot_queued_us(const Slot *slot) {
    return (int64_t)((slot->where == SLOT_WAITING ? now_us() : slot->began_us) - slot->asked_us);
}

int64_t slot_took_us(const Slot *slot) {
    return slot->where == SLOT_WAITING ? 0 : (int64_t)(now_us() - slot->began_us);
}
