/* Calls that are held: for now a budget has no room for them, or for what their child asks, or the run is paused.
 *
 *   wants an attempt --does not fit--> queue of that budget --others settle, it is first--> tried again
 *                    --run is paused-> queue of the run     --resumed-------------------->
 *
 * Each queue is first come, first served, and its first is tried until it fits: nothing that needs less may overtake it,
 * or it would wait for ever. A settlement tries the first of each budget it freed and those behind only as they fit, so
 * that ten thousand who wait cost no more than one each. It never stands still: a queue is there only while its budget
 * holds reservations, whose settlements will move it. */
#include "kernel/budget.h"

#include <stdlib.h>

static HeldQueue *queue_of(Run *r, const Frame *at) {
    return at ? &((Frame *)at)->budget->waiting : &r->held;
}

static void put(HeldQueue *q, Frame *f, Frame *before) {
    CallState *c = f->call;
    c->held_next = before;
    c->held_prev = before ? before->call->held_prev : q->last;
    *(c->held_prev ? &c->held_prev->call->held_next : &q->first) = f;
    *(before ? &before->call->held_prev : &q->last) = f;
}

void held_join(Run *r, Frame *f, Frame *at, bool first) {
    CallState *c = f->call;
    HeldQueue *q = queue_of(r, at);
    if (c->held && c->held_at == at)
        return;
    held_leave(r, f);
    c->held = true;
    c->held_at = at;
    /* Tickets ascend along a queue: who goes first gets one below all others. */
    c->ticket = first && q->first ? q->first->call->ticket - 1 : ++r->tickets;
    put(q, f, first ? q->first : NULL);
}

void held_leave(Run *r, Frame *f) {
    CallState *c = f->call;
    if (!c->held)
        return;
    HeldQueue *q = queue_of(r, c->held_at);
    *(c->held_prev ? &c->held_prev->call->held_next : &q->first) = c->held_next;
    *(c->held_next ? &c->held_next->call->held_prev : &q->last) = c->held_prev;
    if (c->held_at && !c->held_prev)
        budget_freed(r, c->held_at->budget);
    c->held = false;
    c->held_at = c->held_prev = c->held_next = NULL;
}

void budget_freed(Run *r, Budget *b) {
    if (b->freed || !b->waiting.first || MUTANT(held_not_retried))
        return;
    b->freed = true;
    b->freed_next = NULL;
    *(r->freed_last ? &r->freed_last->freed_next : &r->freed_first) = b;
    r->freed_last = b;
}

static bool goes_on(const Run *r) { return r->status == RUN_RUNNING && !r->pausing; }

/* A try may take part of the tree away: who is cancelled leaves the queue by itself. */
static void try_queue(Run *r, HeldQueue *q) {
    while (q->first && goes_on(r)) {
        Frame *f = q->first;
        f->shape->enter(r, f);
        if (q->first == f)
            return;
    }
}

static Budget *next_freed(Run *r) {
    Budget *b = r->freed_first;
    if (!b)
        return NULL;
    r->freed_first = b->freed_next;
    if (!r->freed_first)
        r->freed_last = NULL;
    b->freed = false;
    return b;
}

bool held_release(Run *r) {
    Budget *b = next_freed(r);
    if (b) {
        if (goes_on(r))
            try_queue(r, &b->waiting);
        return true;
    }
    if (!r->held_freed)
        return false;
    r->held_freed = false;
    try_queue(r, &r->held);
    return true;
}

static void free_all(Run *r, Frame *f) {
    if (f->budget)
        budget_freed(r, f->budget);
    for (Frame *child = f->first; child; child = child->next)
        free_all(r, child);
}

void held_resume(Run *r) {
    free_all(r, r->root);
    r->held_freed = true;
}

/* ---- snapshots ---- */

/* How far up its budget is, and its place in the queue. */
void held_save(const Frame *f, Buf *b) {
    const CallState *c = f->call;
    uint64_t up = 0;
    for (const Frame *at = f; c->held_at && at != c->held_at->parent; at = at->parent)
        up++;
    buf_varint(b, up);
    buf_svarint(b, c->ticket);
}

static Frame *budget_up(Frame *f, uint64_t up) {
    for (; f && up > 1; up--)
        f = f->parent;
    return f && f->budget ? f : NULL;
}

/* Earlier versions did not say which: a limit above all is freed by whatever settles. */
static Frame *budget_above_all(Frame *f) {
    Frame *last = NULL;
    for (; f; f = f->parent)
        if (f->budget)
            last = f;
    return last;
}

void held_load(Run *r, Frame *f, Cursor *c) {
    CallState *s = f->call;
    s->held = true;
    if (r->loading < 3) {
        s->held_at = budget_above_all(f);
        s->ticket = ++r->tickets;
        return;
    }
    uint64_t up = cursor_varint(c);
    s->held_at = up ? budget_up(f, up) : NULL;
    s->ticket = cursor_svarint(c);
    if (up && !s->held_at)
        c->bad = true;
}

typedef struct Gathered {
    Frame **frames;
    size_t n, room;
} Gathered;

static void gather(Frame *f, Gathered *g) {
    if (f->shape == &shape_call && f->call && f->call->held) {
        if (g->n == g->room) {
            g->room = MAX(16u, g->room * 2);
            g->frames = xrealloc(g->frames, g->room * sizeof(Frame *));
        }
        g->frames[g->n++] = f;
    }
    for (Frame *child = f->first; child; child = child->next)
        gather(child, g);
}

static int by_ticket(const void *a, const void *b) {
    int64_t x = (*(Frame *const *)a)->call->ticket, y = (*(Frame *const *)b)->call->ticket;
    return (x > y) - (x < y);
}

void held_loaded(Run *r) {
    Gathered g = { 0 };
    gather(r->root, &g);
    if (g.n)
        qsort(g.frames, g.n, sizeof(Frame *), by_ticket);
    for (size_t i = 0; i < g.n; i++)
        put(queue_of(r, g.frames[i]->call->held_at), g.frames[i], NULL);
    free(g.frames);
}

const char *held_check(const Frame *f) {
    bool waits = f->status == STATUS_HELD || f->call->more.open;
    return waits != f->call->held ? "20: a held call that no queue knows" : NULL;
}
