/* The world: time, events, the end of a universe. */
#include "sim.h"

#include "base/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Faults end here; from then on everything must come to its end. */
#define HEAL_US (120 * 1000000ll)
#define GIVE_UP_US (7200 * 1000000ll)
#define EVENTS_MAX 400000

const char *const mark_names[MARK_COUNT] = {
    [MARK_CRASH_ONE] = "crash of one engine",
    [MARK_CRASH_BOTH] = "power cut",
    [MARK_CRASH_BEFORE_COMMIT] = "crash before a commit",
    [MARK_CRASH_AFTER_COMMIT] = "crash after a commit, before its answer",
    [MARK_TAKEOVER] = "takeover",
    [MARK_CONFLICT_SEEN] = "conflict",
    [MARK_UNKNOWN_COMMIT] = "commit with unknown outcome",
    [MARK_FULL] = "full store",
    [MARK_DOUBT] = "effect in doubt",
    [MARK_DECIDED] = "doubt settled",
    [MARK_RETRY] = "retry",
    [MARK_RESEND] = "sent again after unknown",
    [MARK_SNAPSHOT] = "snapshot",
    [MARK_PAUSED] = "pause",
    [MARK_CANCELLED] = "cancel",
    [MARK_LATE_EFFECT] = "effect after its engine crashed",
    [MARK_SAME_START] = "start said twice",
    [MARK_RUN_FAILED] = "run failed",
    [MARK_RUN_OK] = "run succeeded",
    [MARK_HELD] = "attempt held by a budget or a pause",
    [MARK_COMPARED] = "output compared with the reference",
    [MARK_REUSED] = "recorded outcome reused",
    [MARK_REUSED_WHOLE] = "run that reused everything",
    [MARK_UNDONE] = "undone",
    [MARK_PROBED] = "probe",
    [MARK_MOVED] = "moved to another file",
    "question answered",
    "question that expired",
    [MARK_LINE] = "attempt that stood in line",
    [MARK_NOT_LET_THROUGH] = "attempt that was not let through",
    [MARK_FALLBACK] = "agent that another stood in for",
    [MARK_RETRIED] = "run retried",
    [MARK_RETRY_REFUSED] = "retry refused",
    [MARK_STALL] = "stall of one engine",
    [MARK_RAISED] = "limit raised",
    [MARK_SHARED] = "effect that another run had done",
    [MARK_KEY_LINE] = "attempt that waited for another run",
    [MARK_LATE] = "end that came too late",
    [MARK_GHOST] = "engine that another stood in for",
    [MARK_ASKED_AFTER] = "work of a lost engine that was asked after",
    [MARK_LEFT] = "doubt that nobody settled in time",
    [MARK_REDONE] = "done again after it was undone",
    [MARK_HEDGED] = "asked a second time",
};

/* ---- events ---- */

static bool sooner(const Event *a, const Event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(Event *a, Event *b) {
    Event t = *a;
    *a = *b;
    *b = t;
}

void world_at(World *w, int64_t at_us, SimNode *node, EventFn fn, void *ctx) {
    if (w->n_events == w->room_events) {
        w->room_events = MAX(256, w->room_events * 2);
        w->events = xrealloc(w->events, w->room_events * sizeof(Event));
    }
    size_t i = w->n_events++;
    w->events[i] =
        (Event){ MAX(at_us, w->now_us), w->order++, node, node ? node->life : 0, fn, ctx };
    for (; i > 0 && sooner(&w->events[i], &w->events[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&w->events[i], &w->events[(i - 1) / 2]);
}

static Event next_event(World *w) {
    Event first = w->events[0];
    w->events[0] = w->events[--w->n_events];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2; c++)
            if (c < w->n_events && sooner(&w->events[c], &w->events[least]))
                least = c;
        if (least == i)
            return first;
        swap(&w->events[i], &w->events[least]);
        i = least;
    }
}

/* ---- the trace ---- */

void world_say(World *w, const char *fmt, ...) {
    char line[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof(line) - 1);
    w->hash = hash_fast((Str){ line, len }, w->hash + (uint64_t)w->now_us);
    if (w->print)
        fprintf(stderr, "%12.3f  %.*s\n", (double)w->now_us / 1e6, (int)len, line);
}

void world_fail(World *w, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->failure, sizeof(w->failure), fmt, args);
    va_end(args);
    longjmp(w->failed, 1);
}

/* ---- one universe ---- */

static void chance_of_crash(World *w, SimNode *node, void *ctx) {
    (void)node;
    (void)ctx;
    if (w->healed || w->crashes >= w->crashes_wanted)
        return;
    SimNode *victim = &w->nodes[tape_choose(&w->tape, NODES)];
    bool both = tape_percent(&w->tape, 30);
    for (unsigned i = 0; i < NODES; i++)
        if ((both || &w->nodes[i] == victim) && w->nodes[i].engine)
            node_crash(w, &w->nodes[i]);
    world_mark(w, both ? MARK_CRASH_BOTH : MARK_CRASH_ONE);
    world_at(w, w->now_us + 500000 + tape_choose(&w->tape, 8000000), NULL, chance_of_crash, NULL);
}

/* One that stood still past its lease wakes up in a world that went on without it. */
static void chance_of_stall(World *w, SimNode *node, void *ctx) {
    (void)node;
    (void)ctx;
    if (w->healed)
        return;
    SimNode *victim = &w->nodes[tape_choose(&w->tape, NODES)];
    victim->stalled_until_us = w->now_us + tape_choose(&w->tape, 15000000);
    world_say(w, "node %u stands still", victim->number);
    world_mark(w, MARK_STALL);
    if (victim->engine_id && victim->entered && tape_percent(&w->tape, 60))
        node_replace(w, victim);
    world_at(w, w->now_us + 5000000 + tape_choose(&w->tape, 20000000), NULL, chance_of_stall, NULL);
}

static void heal(World *w, SimNode *node, void *ctx) {
    (void)node;
    (void)ctx;
    w->healed = true;
    w->faults = false;
    store_memory_fault(w->disk, STORE_FAULT_NONE, 0);
    world_say(w, "healed");
}

static void build(World *w) {
    static const uint8_t key[32] = "the key of a simulated install";
    arena_init(&w->arena, 0);
    w->now_us = 1000ll * 1000 * 1000 * 1000;
    w->random = 0x5eed;
    w->disk = store_memory_new(key);
    w->eye = store_memory_open(w->disk);
    w->faults = tape_percent(&w->tape, 70);
    w->crashes_wanted = w->crash_at_append >= 0 ? 0 : 2 + tape_choose(&w->tape, 4);
    bool keep_numbers = tape_percent(&w->tape, 50);
    for (unsigned i = 0; i < NODES; i++) {
        w->nodes[i] = (SimNode){ .world = w, .number = i, .spare = i == NODES - 1 };
        w->nodes[i].engine_id = keep_numbers && !w->nodes[i].spare ? i + 1 : 0;
        if (!w->nodes[i].spare)
            node_boot(w, &w->nodes[i]);
    }
    people_begin(w);
    world_at(w, w->now_us + HEAL_US, NULL, heal, NULL);
    if (w->faults && tape_percent(&w->tape, 40))
        world_at(w, w->now_us + tape_choose(&w->tape, 5000000), NULL, chance_of_stall, NULL);
    if (w->crashes_wanted)
        world_at(w, w->now_us + 200000 + tape_choose(&w->tape, 3000000), NULL, chance_of_crash,
                 NULL);
}

static void step(World *w) {
    Event e = next_event(w);
    w->now_us = MAX(w->now_us, e.at_us);
    if (e.node && e.node->life != e.life)
        return;
    if (e.node && e.node->stalled_until_us > w->now_us) {
        world_at(w, e.node->stalled_until_us, e.node, e.fn, e.ctx);
        return;
    }
    w->steps++;
    e.fn(w, e.node, e.ctx);
    oracle_event(w);
}

/* When everybody has what he wants, what is still under way comes to its end, and nothing of it is left in any engine. */
#define LAST_EVENTS 20000
static void come_to_rest(World *w) {
    for (unsigned i = 0; i < LAST_EVENTS && w->n_events && !audit_quiet(w); i++)
        step(w);
    for (unsigned i = 0; i < NODES && !audit_quiet(w); i++) {
        EngineStats s = { 0 };
        if (w->nodes[i].engine)
            s = engine_stats(w->nodes[i].engine);
        if (s.attempts_known || s.in_flight || s.queued_rows)
            world_fail(
                w,
                "27: every run has ended, and node %u knows of %zu attempts, %zu in flight, and has %zu rows to write",
                i, s.attempts_known, s.in_flight, s.queued_rows);
    }
}

static void turn(World *w) {
    int64_t begin = w->now_us;
    while (w->n_events && w->steps < EVENTS_MAX && w->now_us - begin < GIVE_UP_US) {
        step(w);
        if (people_are_content(w) && (w->healed || w->crashes >= w->crashes_wanted))
            return;
    }
    if (!people_are_content(w))
        world_fail(w, "26: after all faults ended the runs did not (%zu events left, %llu done)",
                   w->n_events, (unsigned long long)w->steps);
}

bool world_run(World *w) {
    if (setjmp(w->failed)) {
        for (unsigned i = 0; i < w->n_runs && w->print; i++)
            oracle_show(w, w->runs[i].id);
        return false;
    }
    build(w);
    turn(w);
    come_to_rest(w);
    oracle_end(w);
    return true;
}

void world_deinit(World *w) {
    for (size_t i = 0; i < w->n_events; i++)
        if (w->events[i].fn == node_bury)
            node_bury(w, NULL, w->events[i].ctx);
    for (unsigned i = 0; i < NODES; i++) {
        if (w->nodes[i].engine)
            engine_free(w->nodes[i].engine);
        if (w->nodes[i].store)
            store_close(w->nodes[i].store);
    }
    store_close(w->eye);
    store_memory_free(w->disk);
    free(w->events);
    free(w->ledger);
    free(w->named);
    arena_deinit(&w->arena);
}
