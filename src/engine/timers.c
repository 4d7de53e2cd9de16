/* Due times: a binary heap of what runs in memory wait for, and one time at which the store is asked for the rest.
 *
 * A timer is part of what it belongs to and knows its place in the heap, so arming and disarming allocate nothing and
 * search nothing. A want's timer becomes a fact at or after its time, never before. Runs not in memory have their due
 * times in `open`; what the engine keeps of them is the soonest. */
#include "engine/state.h"

#include <stdlib.h>

/* ---- the heap -------------------------------------------------------------------------------------------------------- */

static void put(TimerHeap *h, size_t at, Timer *t) {
    h->items[at] = t;
    t->at = (uint32_t)at + 1;
}

static void move_up(TimerHeap *h, size_t at) {
    Timer *t = h->items[at];
    while (at && t->due_ms < h->items[(at - 1) / 2]->due_ms) {
        put(h, at, h->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(h, at, t);
}

static void move_down(TimerHeap *h, size_t at) {
    Timer *t = h->items[at];
    for (size_t child; (child = 2 * at + 1) < h->n; at = child) {
        if (child + 1 < h->n && h->items[child + 1]->due_ms < h->items[child]->due_ms)
            child++;
        if (t->due_ms <= h->items[child]->due_ms)
            break;
        put(h, at, h->items[child]);
    }
    put(h, at, t);
}

void timer_disarm(Engine *e, Timer *t) {
    TimerHeap *h = &e->timers;
    if (!t->at)
        return;
    size_t at = t->at - 1;
    t->at = 0;
    Timer *last = h->items[--h->n];
    if (last == t)
        return;
    put(h, at, last);
    move_up(h, at);
    move_down(h, last->at - 1);
}

void timer_arm(Engine *e, Timer *t, int64_t due_ms) {
    TimerHeap *h = &e->timers;
    timer_disarm(e, t);
    if (h->n == h->room) {
        h->room = MAX((size_t)64, h->room * 2);
        h->items = xrealloc(h->items, h->room * sizeof *h->items);
    }
    t->due_ms = due_ms;
    put(h, h->n++, t);
    move_up(h, h->n - 1);
}

/* ---- timers of wants ------------------------------------------------------------------------------------------------- */

void timers_want(Engine *e, Resident *r, Want *w) {
    WantTimer *t = e->free_want_timers;
    if (t)
        e->free_want_timers = t->next;
    else
        t = xmalloc(sizeof *t);
    *t = (WantTimer){ .timer.owner = TIMER_OF_WANT, .r = r, .want = w };
    w->cookie = t;
    timer_arm(e, &t->timer, w->due_ms);
}

void timers_forget(Engine *e, WantTimer *t) {
    timer_disarm(e, &t->timer);
    t->next = e->free_want_timers;
    e->free_want_timers = t;
}

/* If the run does not take it now (it may be paused), the want stays without a timer until the run goes on. */
static void ring(Engine *e, WantTimer *t) {
    Resident *r = t->r;
    Want *w = t->want;
    Fact fact = { .kind = FACT_TIMER,
                  .time_ms = MUTANT(timer_early) ? e->now_ms : MAX(e->now_ms, w->due_ms),
                  .address = want_address(w, &e->scratch),
                  .purpose = w->purpose };
    w->cookie = NULL;
    timers_forget(e, t);
    if (apply_fact(e, r, &fact) == 0)
        r->opens_dirty = true;
    arena_reset(&e->scratch);
    resident_settle_idle(e, r);
}

/* ---- runs not in memory ---------------------------------------------------------------------------------------------- */

#define DUE_MAX 512

typedef struct DueJob {
    Pending p; /* first */
    int64_t now_ms, next_ms;
    StoreDue due[DUE_MAX];
    size_t n;
} DueJob;

static void read_due(StoreJob *job, Store *store) {
    DueJob *j = (DueJob *)job;
    j->p.err = store->ops->due(store, j->now_ms, DUE_MAX, &j->p.arena, j->due, &j->n, &j->next_ms);
}

/* A full answer may hide more: it is asked again soon, when these have been rewritten. */
static void take_due(StoreJob *job) {
    DueJob *j = (DueJob *)job;
    Engine *e = j->p.e;
    e->due_asked = false;
    if (j->p.err)
        engine_log(e, "due work could not be read: %s",
                   j->p.err < 0 ? err_text(j->p.err) : "the store is damaged");
    for (size_t i = 0; i < j->n && !engine_stopping(e); i++) {
        if (!resident_find(e, j->due[i].run))
            load_run(e, j->due[i].run, NULL);
    }
    int64_t next = j->n == DUE_MAX ? e->now_ms + 50 : j->next_ms ? j->next_ms : INT64_MAX;
    e->due_at_ms = MIN(e->due_at_ms, next);
    pending_free(&j->p);
    engine_wake(e);
}

static void ask_due(Engine *e) {
    if (e->due_asked || e->phase != ENGINE_INSIDE || e->now_ms < e->due_at_ms)
        return;
    DueJob *j = pending_new(e, sizeof *j, false, read_due, take_due);
    j->now_ms = e->now_ms;
    e->due_asked = true;
    e->due_at_ms = INT64_MAX;
    pending_submit(&j->p);
}

/* ---- a turn's share -------------------------------------------------------------------------------------------------- */

/* A minute early is early enough to be seen. */
static int64_t horizon(const Engine *e) { return e->now_ms + (MUTANT(timer_early) ? 60000 : 0); }

void timers_take(Engine *e) {
    TimerHeap *h = &e->timers;
    while (h->n && h->items[0]->due_ms <= horizon(e)) {
        Timer *t = h->items[0];
        switch (t->owner) {
        case TIMER_OF_WANT: ring(e, (WantTimer *)t); break;
        case TIMER_OF_FLIGHT:
            perform_timeout(e, (Flight *)((char *)t - offsetof(Flight, timer)));
            break;
        case TIMER_OF_GOVERNOR: governor_due(e, t); break;
        }
    }
    ask_due(e);
}

int64_t timers_next(const Engine *e) {
    int64_t next = e->timers.n ? e->timers.items[0]->due_ms : INT64_MAX;
    return e->due_asked || e->phase != ENGINE_INSIDE ? next : MIN(next, e->due_at_ms);
}

void timers_deinit(Engine *e) {
    for (size_t i = 0; i < e->timers.n; i++) {
        if (e->timers.items[i]->owner == TIMER_OF_WANT)
            free(e->timers.items[i]);
    }
    free(e->timers.items);
    for (WantTimer *t = e->free_want_timers, *next; t; t = next) {
        next = t->next;
        free(t);
    }
}
