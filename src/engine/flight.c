/* Attempts as things: made, let go of, and kept for the next one. */
#include "engine/gate.h"

#include <stdlib.h>

/* The pool keeps what 64 runs in flight use many times over; a burst of a thousand gives its memory back. */
#define POOL_MAX 1024
#define POOL_ARENA_BYTES (8 * KIB)

Flight *flight_new(Engine *e, Resident *r, Want *w) {
    Flight *f = e->free_flights;
    Arena arena = ARENA_NULL;
    if (f) {
        e->free_flights = f->next;
        e->n_free_flights--;
        arena = f->attempt.arena;
    } else {
        f = xmalloc(sizeof *f);
    }
    memset(f, 0, sizeof *f);
    f->attempt.arena = arena;
    f->timer.owner = TIMER_OF_FLIGHT;
    f->r = r;
    f->want = w;
    f->state = FLIGHT_WAITING;
    f->all_next = e->flights;
    if (e->flights)
        e->flights->all_prev = f;
    e->flights = f;
    e->n_flights++;
    r->flights++;
    w->cookie = f;
    return f;
}

static void free_flight(Flight *f) {
    arena_deinit(&f->attempt.arena);
    free(f);
}

static void unlink_flight(Engine *e, Flight *f) {
    *(f->all_prev ? &f->all_prev->all_next : &e->flights) = f->all_next;
    if (f->all_next)
        f->all_next->all_prev = f->all_prev;
    e->n_flights--;
}

void flight_detach(Flight *f) {
    if (!f->r)
        return;
    f->want = NULL;
    f->r->flights--;
    f->r = NULL;
}

void flight_release(Engine *e, Flight *f) {
    timer_disarm(e, &f->timer);
    gates_leave(e, f);
    flight_detach(f);
    unlink_flight(e, f);
    if (e->n_free_flights == POOL_MAX || arena_footprint(&f->attempt.arena) > POOL_ARENA_BYTES) {
        free_flight(f);
        return;
    }
    arena_reset(&f->attempt.arena);
    f->next = e->free_flights;
    e->free_flights = f;
    e->n_free_flights++;
}

void flights_deinit(Engine *e) {
    for (Flight *f = e->flights, *next; f; f = next) {
        next = f->all_next;
        free_flight(f);
    }
    for (Flight *f = e->free_flights, *next; f; f = next) {
        next = f->next;
        free_flight(f);
    }
}
