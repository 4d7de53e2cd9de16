/* Single flight: requests that are the same, and wait, are sent once.
 *
 *   first ---- waits at the governor ----> leaves ----> ok ----> all of them have its outcome
 *     second, third ... wait for the first              \ not ok, or cancelled: they ask for themselves, in order
 *
 * Only where nobody can tell the difference: requests over HTTP of class `read` or `pure`, without secrets, of a callee that
 * states a limit (else there is no line to wait in); a command knows whose it is, and a model is not asked twice for the same
 * answer. A second one joins only until the first has left: what the first brings was then asked for after both were wanted,
 * as it would be had they gone by themselves. */
#include "engine/gate.h"

#include <stdlib.h>

#define TWIN_BUCKETS 256

struct Twin {
    Hash request;
    Flight *leader;       /* NULL: of those that have lost theirs (Engine.orphans) */
    Flight *first, *last; /* who waits for it, by lane_prev and lane_next */
    Twin *bucket_next;
    bool open; /* in the table: others may join */
};

/* ---- who waits ------------------------------------------------------------------------------------------------------- */

static void join(Twin *t, Flight *f) {
    f->twin = t;
    f->lane_next = NULL;
    f->lane_prev = t->last;
    *(t->last ? &t->last->lane_next : &t->first) = f;
    t->last = f;
}

static void part(Flight *f) {
    Twin *t = f->twin;
    *(f->lane_prev ? &f->lane_prev->lane_next : &t->first) = f->lane_next;
    *(f->lane_next ? &f->lane_next->lane_prev : &t->last) = f->lane_prev;
    f->lane_prev = f->lane_next = NULL;
    f->twin = NULL;
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static Twin **bucket_of(const Engine *e, const Hash *request) {
    uint32_t n;
    memcpy(&n, request->b, sizeof n);
    return &e->twins[n % TWIN_BUCKETS];
}

static Twin *find(const Engine *e, const Hash *request) {
    Twin *t = *bucket_of(e, request);
    while (t && !hash_eq(&t->request, request))
        t = t->bucket_next;
    return t;
}

static void open_twin(Engine *e, Flight *leader, const Hash *request) {
    Twin **bucket = bucket_of(e, request), *t = xcalloc(1, sizeof *t);
    *t = (Twin){ .request = *request, .leader = leader, .bucket_next = *bucket, .open = true };
    *bucket = t;
    leader->twin = t;
}

static void close_twin(Engine *e, Twin *t) {
    Twin **at = bucket_of(e, &t->request);
    if (!t->open)
        return;
    while (*at != t)
        at = &(*at)->bucket_next;
    *at = t->bucket_next;
    t->open = false;
}

void twins_deinit(Engine *e) {
    for (Flight *f = e->flights; f; f = f->all_next) {
        if (f->twin && f->twin->leader == f)
            free(f->twin);
    }
    free(e->orphans);
    free(e->twins);
}

/* ---- the gate -------------------------------------------------------------------------------------------------------- */

static bool may_share(const Flight *f) {
    const Want *w = f->want;
    return w->callee->governed && w->callee->kind == CALLEE_HTTP && w->effect <= EFFECT_READ &&
           run_plan(f->r->run)->n_secrets == 0;
}

static GateAnswer ask(Engine *e, Flight *f, size_t at) {
    (void)at;
    if (!may_share(f))
        return GATE_OPEN;
    if (!e->twins)
        e->twins = xcalloc(TWIN_BUCKETS, sizeof *e->twins);
    Str text = value_text(&f->attempt.arena, want_request(f->want, &f->attempt.arena));
    if (!text.p) /* larger than a value may be: whoever sends it says so */
        return GATE_OPEN;
    Hash request = hash_bytes(text);
    Twin *t = find(e, &request);
    if (t) {
        join(t, f);
        return GATE_HELD;
    }
    open_twin(e, f, &request);
    return GATE_OPEN;
}

static bool leads(const Flight *f) { return f->twin && f->twin->leader == f; }

static void left(Engine *e, Flight *f, size_t at) {
    (void)at;
    if (leads(f) && !MUTANT(twin_joins_late))
        close_twin(e, f->twin);
}

/* Nothing was sent for it: it has an outcome that another's attempt recorded. */
static void share(Engine *e, Flight *f, const Completion *c) {
    part(f);
    timer_disarm(e, &f->timer);
    f->attempt.address = want_address(f->want, &f->attempt.arena);
    f->attempt.attempt = f->want->attempt;
    f->held_ms = e->now_ms - f->held_since_ms;
    f->completion = *c;
    f->completion.payload = arena_str(&f->attempt.arena, c->payload);
    f->completion.message = STR("");
    f->reused = true;
    f->state = FLIGHT_ENDED;
    QUEUE_PUSH(&e->completed, f);
}

static void ended(Engine *e, Flight *f, size_t at) {
    (void)at;
    if (!leads(f) || f->completion.outcome != OUTCOME_OK)
        return;
    while (f->twin->first)
        share(e, f->twin->first, &f->completion);
}

/* Who loses the first asks again when the turn comes to it: now may be in the middle of another run's fact. */
static void leave(Engine *e, Flight *f, size_t at) {
    (void)at;
    if (!f->twin)
        return;
    if (!leads(f)) {
        part(f);
        return;
    }
    Twin *t = f->twin;
    if (t->first && !e->orphans)
        e->orphans = xcalloc(1, sizeof *e->orphans);
    for (Flight *next; (next = t->first);) {
        part(next);
        join(e->orphans, next);
        engine_wake(e);
    }
    close_twin(e, t);
    f->twin = NULL;
    free(t);
}

static Value says(Engine *e, const Flight *f, size_t at, Arena *a) {
    (void)at, (void)e;
    const Flight *leader = f->twin->leader;
    Str text = STR("its turn");
    if (leader && leader->r)
        text = arena_fmt(a, "the same request of run %.*s", STR_FMT(resident_id(leader->r)));
    MapBuilder m = map_builder(a);
    map_addz(&m, "kind", value_str(STR("same")));
    map_addz(&m, "of", value_str(STR("request")));
    map_addz(&m, "name", value_str(arena_str(a, f->want->callee->name)));
    map_addz(&m, "says", value_str(text));
    return map_done(&m, NULL);
}

const Gate gate_twin = { .ask = ask, .left = left, .leave = leave, .ended = ended, .says = says };

/* ---- a turn's share -------------------------------------------------------------------------------------------------- */

bool twins_wait(const Engine *e) { return e->orphans && e->orphans->first; }

void twins_take(Engine *e) {
    while (!engine_stopping(e) && twins_wait(e)) {
        Flight *f = e->orphans->first;
        part(f);
        if (!perform_put_off(e, f))
            gates_ask_again(e, f);
    }
}
