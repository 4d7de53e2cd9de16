/* The turn. Everything the engine does it does here, in this order:
 *
 *   commits come back > runs come back > requests > completions > timers > hand over > ask for more > sleep
 *
 * Facts are applied as they are met; what they made durable is let out when their batch comes back. Pure attempts that end
 * at once are met again in the same turn, so a chain of them is one row. */
#include "engine/past.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- making and freeing ---------------------------------------------------------------------------------------------- */

Engine *engine_new(const EnginePorts *ports, const EngineOptions *options) {
    Engine *e = xcalloc(1, sizeof *e);
    e->ports = *ports;
    e->options = *options;
    if (!e->options.lease_ttl_ms)
        e->options.lease_ttl_ms = 10000;
    if (!e->options.resident_max)
        e->options.resident_max = 1024;
    memcpy(e->install_key, options->install_key, sizeof e->install_key);
    if (options->suspect.len < sizeof e->suspect && options->suspect.len)
        memcpy(e->suspect, options->suspect.p, options->suspect.len);
    e->hash_of_nothing = hash_bytes(STR(""));
    e->due_at_ms = e->mail_at_ms = e->deliver_at_ms = e->retry_at_ms = e->wake_ms = INT64_MAX;
    e->pace.early_at = UINT64_MAX;
    e->now_ms = ports->now_ms(ports->ctx);
    return e;
}

/* Jobs still out are forgotten with the rest: the host has stopped its threads, or is a simulator. */
Engine *engine_free(Engine *e) {
    if (!e)
        return NULL;
    commit_deinit(e);
    while (e->pendings)
        pending_free(e->pendings);
    for (Request *q; (q = QUEUE_POP(&e->inbox));)
        request_free(e, q);
    timers_deinit(e);
    resident_deinit(e);
    keys_deinit(e);
    twins_deinit(e);
    perform_deinit(e);
    governors_deinit(e);
    accounts_deinit(e);
    deliver_deinit(e);
    seen_deinit(e);
    plans_deinit(e);
    watch_deinit(e);
    arena_deinit(&e->scratch);
    arena_deinit(&e->recover_arena);
    free(e);
    return NULL;
}

/* ---- telling --------------------------------------------------------------------------------------------------------- */

void engine_log(Engine *e, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    e->ports.log(e->ports.ctx, (Str){ text, n < 0 ? 0 : MIN((size_t)n, sizeof text - 1) });
}

void engine_wake(Engine *e) {
    if (!e->in_turn)
        e->ports.wake(e->ports.ctx);
}

void engine_fail(Engine *e, const char *what, int err) {
    if (e->failed)
        return;
    e->failed = true;
    engine_log(e, "%s failed: %s; the engine stops, and the next one recovers from the disk", what,
               err < 0 ? err_text(err) : "the store is damaged (`baton verify` says where)");
    if (engine_stopping(e))
        engine_stopped(e, err < 0 ? err : -ERR_CORRUPT);
}

bool engine_failed(const Engine *e) { return e->failed; }

/* ---- the turn -------------------------------------------------------------------------------------------------------- */

/* How long one turn may apply facts before it hands over and lets the world in. */
static void begin_turn(Engine *e) {
    e->in_turn = true;
    e->turn_facts = 0;
    e->now_ms = e->ports.now_ms(e->ports.ctx);
    e->turn_us = e->ports.mono_us(e->ports.ctx);
}

/* What a fact costs us, all that it sets free included (commit.c). */
static void learn_pace(Engine *e) {
    if (!e->turn_facts)
        return;
    int64_t turn_us = e->ports.mono_us(e->ports.ctx) - e->turn_us;
    e->pace.fact_ns += (turn_us * 1000 / (int64_t)e->turn_facts - e->pace.fact_ns) / 8;
}

static bool ending(const Engine *e) {
    return e->phase == ENGINE_ENDING_WORK || e->phase == ENGINE_ENDING_ROWS;
}

static int64_t next_time(const Engine *e) {
    int64_t next = MIN(timers_next(e), lease_next(e));
    if (e->full && !e->batch_back)
        next = MIN(next, e->retry_at_ms);
    next = MIN(next, MIN(mail_next(e), deliver_next(e)));
    if (ending(e))
        next = MIN(next, e->stop_at_ms);
    return next;
}

static bool end_turn(Engine *e) {
    if (e->marked_run) {
        e->ports.mark(e->ports.ctx, STR(""));
        e->marked_run = NULL;
    }
    int64_t next = next_time(e);
    if (next != e->wake_ms)
        e->ports.wake_at(e->ports.ctx, next);
    e->wake_ms = next;
    learn_pace(e);
    e->in_turn = false;
    return !e->failed && (e->batch_back || e->completed.first || e->loaded.first ||
                          e->reused.first || e->migrations.first || next <= e->now_ms ||
                          ((e->stirred || e->stirred_accounts || e->breaches || twins_wait(e) ||
                            e->answered.first) &&
                           !engine_stopping(e)) ||
                          (e->inbox.first && e->phase >= ENGINE_INSIDE));
}

bool engine_turn(Engine *e) {
    if (e->failed || e->phase == ENGINE_OUTSIDE || e->phase == ENGINE_LEFT)
        return false;
    begin_turn(e);
    commit_take(e);
    load_take(e);
    reuse_take(e);
    migrate_take(e);
    inbox_take(e);
    perform_take(e);
    timers_take(e);
    perform_take(e);
    keys_take(e);
    accounts_take(e);
    governor_take(e);
    resident_evict(e);
    commit_hand_over(e);
    lease_take(e);
    perform_held(e);
    mail_take(e);
    deliver_take(e);
    load_recover(e);
    stop_take(e);
    return end_turn(e);
}

/* ---- stopping -------------------------------------------------------------------------------------------------------- */

/* How long an executor may take to end what it was told to end. */
#define STOP_LAST_MS 2000

void engine_stop(Engine *e, int64_t grace_ms, void (*done)(void *ctx, int err), void *ctx) {
    if (engine_stopping(e)) { /* asked again: attempts are stopped at once */
        e->stop_at_ms = e->ports.now_ms(e->ports.ctx);
        engine_wake(e);
        return;
    }
    e->stop_done = done;
    e->stop_ctx = ctx;
    if (e->phase == ENGINE_OUTSIDE) {
        e->phase = ENGINE_LEFT;
        engine_stopped(e, 0);
        return;
    }
    e->stop_at_ms = e->ports.now_ms(e->ports.ctx) + grace_ms;
    e->phase = ENGINE_ENDING_WORK;
    if (e->failed)
        engine_stopped(e, -ERR_IO);
    engine_wake(e);
}

void engine_stopped(Engine *e, int err) {
    void (*done)(void *, int) = e->stop_done;
    e->stop_done = NULL;
    if (done)
        done(e->stop_ctx, err);
}

static void hurry(Engine *e) {
    if (e->now_ms < e->stop_at_ms)
        return;
    if (!e->stop_told) {
        e->stop_told = true;
        e->stop_at_ms = e->now_ms + STOP_LAST_MS;
        perform_stop_all(e);
        deliver_stop_all(e);
        return;
    }
    e->stop_given_up = true;
    e->stop_at_ms = INT64_MAX;
    if (e->full) {
        engine_log(
            e,
            "the disk is full and the last batch could not be written; the next engine recovers");
        e->failed = true;
        engine_stopped(e, -ERR_FULL);
    }
}

static bool all_written(const Engine *e) {
    return !e->batch && !e->gather.dirty.first && !e->gather.n_mail_done &&
           !e->gather.deliveries.first && !e->changed_accounts;
}

static bool all_ended(const Engine *e) {
    return (e->n_flying == 0 || e->stop_given_up) && !e->completed.first && !e->deferred.first;
}

/* A snapshot goes with a row, so each gets one that says why. */
static void snapshot_all(Engine *e) {
    for (size_t i = 0; i < e->n_buckets; i++) {
        for (Resident *r = e->buckets[i]; r; r = r->bucket_next) {
            if (r->state != RESIDENT_LIVE || run_finished(r->run))
                continue;
            perform_note_unsent(e, r);
            if (r->tail_bytes <= SNAPSHOT_REST_BYTES)
                continue;
            r->snapshot_now = true;
            apply_note(e, r, STR("the engine stops"));
        }
    }
}

void stop_take(Engine *e) {
    if (ending(e))
        hurry(e);
    if (e->failed)
        return;
    if (e->phase == ENGINE_ENDING_WORK) {
        if (!all_ended(e) || !all_written(e))
            return;
        e->phase = ENGINE_ENDING_ROWS;
        snapshot_all(e);
        commit_hand_over(e);
    }
    if (e->phase == ENGINE_ENDING_ROWS && all_written(e))
        lease_leave(e);
}

/* ---- questions ------------------------------------------------------------------------------------------------------- */

bool engine_quiet(const Engine *e) {
    return e->phase == ENGINE_INSIDE && !e->n_flights && deliver_quiet(e) && !e->inbox.first &&
           all_written(e) && mail_quiet(e) && !e->n_loading && !e->loaded.first &&
           !e->reused.first && !e->migrations.first && e->recover_at == e->n_recover;
}

const Run *engine_run(Engine *e, Str id) {
    const Resident *r = resident_find(e, id);
    return r && r->state == RESIDENT_LIVE ? r->run : NULL;
}

void engine_write(Engine *e, StoreJob *job) {
    job->write = true;
    e->ports.submit(e->ports.ctx, job);
}

void engine_read(Engine *e, StoreJob *job) {
    job->write = false;
    e->ports.submit(e->ports.ctx, job);
}

EngineStats engine_stats(const Engine *e) {
    EngineStats s = e->stats;
    s.resident = e->n_residents;
    s.attempts_known = e->n_flights;
    s.in_flight = e->n_flying;
    for (const Resident *r = e->gather.dirty.first; r; r = r->next)
        s.queued_rows++;
    return s;
}
