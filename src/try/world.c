#include "try/world.h"

#include "base/limits.h"

#include <stdlib.h>

/* A run that turns in circles must end, and a timer that is years away is nothing a test waits for. */
#define MOMENTS_MAX 200000
#define TURNS_MAX 1000000
#define LASTS_MS (INT64_C(10) * 366 * 24 * 3600 * 1000)

typedef struct Event {
    int64_t at_ms;
    uint64_t order;
    WorldEvent fn;
    void *ctx;
    Attempt *attempt; /* the end of one, in the place of fn */
    Completion completion;
} Event;

struct World {
    WorldPorts ports;
    StoreMemory *disk;
    Store *store, *eye;
    Engine *engine;
    int64_t now_ms, wake_at_ms;
    uint64_t seed, random, order, moments, turns;
    bool woken;
    Event *events; /* few: the next one is searched */
    size_t n_events, room_events;
    StoreJob *first, *last;
};

/* ---- ports ------------------------------------------------------------------------------------------------------------ */

static int64_t now_ms(void *ctx) { return ((World *)ctx)->now_ms; }
static int64_t mono_us(void *ctx) { return ((World *)ctx)->now_ms * 1000; }

static uint64_t chance(World *w) {
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return w->random >> 16;
}

static void random_bytes(void *ctx, void *ret, size_t n) {
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)ret)[i] = (uint8_t)(chance(ctx) >> 24);
}

static void submit(void *ctx, StoreJob *job) {
    World *w = ctx;
    job->next = NULL;
    *(w->last ? &w->last->next : &w->first) = job;
    w->last = job;
}

static void start(void *ctx, Attempt *a) {
    World *w = ctx;
    w->ports.start(w->ports.ctx, a);
}

static void stop(void *ctx, Attempt *a) {
    World *w = ctx;
    for (size_t i = 0; i < w->n_events; i++) {
        Event *e = &w->events[i];
        if (e->attempt != a)
            continue;
        e->at_ms = w->now_ms;
        e->completion = (Completion){ .outcome = OUTCOME_UNKNOWN,
                                      .sent = SENT_MAYBE,
                                      .kind = KIND_CANCELLED,
                                      .message = STR("stopped"),
                                      .payload = STR("{}"),
                                      .took_us = e->completion.took_us };
    }
}

static void wake(void *ctx) { ((World *)ctx)->woken = true; }
static void wake_at(void *ctx, int64_t due_ms) { ((World *)ctx)->wake_at_ms = due_ms; }
static void log_line(void *ctx, Str line) { (void)ctx, (void)line; }
static void mark(void *ctx, Str run) { (void)ctx, (void)run; }
static void entered(void *ctx, int err, size_t recovering, bool after_crash) {
    (void)ctx, (void)recovering, (void)after_crash;
    ASSERT(err == 0);
}
static void told(void *ctx, const EngineEvent *event) {
    World *w = ctx;
    if (w->ports.row)
        w->ports.row(w->ports.ctx, event);
}

/* ---- life ------------------------------------------------------------------------------------------------------------- */

World *world_new(uint64_t seed, const WorldPorts *ports) {
    static const uint8_t install_key[32] = "the install key of every try out";
    World *w = xcalloc(1, sizeof *w);
    w->ports = *ports;
    w->now_ms = WORLD_BEGINS_MS;
    w->wake_at_ms = INT64_MAX;
    w->seed = seed;
    w->random = seed * 0x9e3779b97f4a7c15u + 42;
    w->disk = store_memory_new(install_key);
    w->store = store_memory_open(w->disk);
    w->eye = store_memory_open(w->disk);
    EnginePorts engine = { w,    now_ms, mono_us, random_bytes, submit, start,
                           stop, wake,   wake_at, log_line,     mark };
    EngineOptions options = {
        .install_key = install_key, .single = true, .recover = true, .played = true
    };
    w->engine = engine_new(&engine, &options);
    engine_watch(w->engine, STR(""), told, w);
    engine_enter(w->engine, entered, w);
    return w;
}

World *world_free(World *w) {
    if (!w)
        return NULL;
    engine_free(w->engine);
    store_close(w->store);
    store_close(w->eye);
    store_memory_free(w->disk);
    free(w->events);
    free(w);
    return NULL;
}

Engine *world_engine(World *w) { return w->engine; }
Store *world_store(World *w) { return w->eye; }
int64_t world_now_ms(const World *w) { return w->now_ms; }

/* ---- what is to happen ------------------------------------------------------------------------------------------------ */

static Event *arrange(World *w, int64_t delay_ms) {
    if (w->n_events == w->room_events) {
        w->room_events = w->room_events ? 2 * w->room_events : 64;
        w->events = xrealloc(w->events, w->room_events * sizeof *w->events);
    }
    Event *e = &w->events[w->n_events++];
    int64_t most = LASTS_MS * 2;
    *e = (Event){ .at_ms = w->now_ms + MIN(MAX(delay_ms, 0), most),
                  .order = w->seed ? chance(w) : w->order++ };
    return e;
}

void world_end(World *w, Attempt *a, const Completion *c, int64_t delay_ms) {
    Event *e = arrange(w, delay_ms);
    e->attempt = a;
    e->completion = *c;
    e->completion.took_us = delay_ms * 1000;
}

void world_later(World *w, int64_t delay_ms, WorldEvent fn, void *ctx) {
    Event *e = arrange(w, delay_ms);
    e->fn = fn;
    e->ctx = ctx;
}

static Event *next_event(World *w) {
    Event *next = NULL;
    for (size_t i = 0; i < w->n_events; i++) {
        Event *e = &w->events[i];
        if (!next || e->at_ms < next->at_ms || (e->at_ms == next->at_ms && e->order < next->order))
            next = e;
    }
    return next;
}

static void happen(World *w, Event *next) {
    Event e = *next;
    *next = w->events[--w->n_events];
    if (e.attempt)
        engine_complete(w->engine, e.attempt, &e.completion);
    else
        e.fn(e.ctx);
}

/* ---- time ------------------------------------------------------------------------------------------------------------- */

static bool do_job(World *w) {
    StoreJob *job = w->first;
    if (!job)
        return false;
    w->first = job->next;
    if (!w->first)
        w->last = NULL;
    job->work(job, w->store);
    job->done(job);
    return true;
}

bool world_settle(World *w) {
    for (bool more = true; more;) {
        if (w->turns++ > TURNS_MAX || engine_failed(w->engine))
            return false;
        w->woken = false;
        more = engine_turn(w->engine);
        more |= do_job(w);
        more |= w->woken;
    }
    return true;
}

bool world_jump(World *w) {
    Event *e = next_event(w);
    int64_t at = MIN(e ? e->at_ms : INT64_MAX, w->wake_at_ms);
    if (at == INT64_MAX || at > WORLD_BEGINS_MS + LASTS_MS || w->moments++ > MOMENTS_MAX)
        return false;
    w->now_ms = MAX(w->now_ms, at);
    if (w->wake_at_ms <= w->now_ms)
        w->wake_at_ms = INT64_MAX;
    if (e && e->at_ms <= w->now_ms)
        happen(w, e);
    return true;
}
