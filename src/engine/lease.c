/* Entering, keeping the lease, taking over, leaving.
 *
 *   OUTSIDE -> enter (write) -> which runs go on? (read) -> INSIDE --renew, take over--> INSIDE
 *                                                              \ lost: every run is dropped, enter again
 *
 * Where a store has one engine at a time there is nothing to renew: its lock is the lease. */
#include "engine/state.h"

#define OWNED_PAGE 1024

typedef struct LeaseJob {
    Pending p; /* first */
    int64_t now_ms, ttl_ms;
    unsigned life; /* in which it was asked */
    bool single, first, lost, recover;
    StoreAccount *accounts; /* in p.arena */
    size_t n_accounts;
    size_t taken_over;
    StoreLease lease;
    Arena ids_arena;
    Str *ids;
    size_t n_ids, room_ids;
} LeaseJob;

static void drop_ids(Pending *p) { arena_deinit(&((LeaseJob *)p)->ids_arena); }

static LeaseJob *new_job(Engine *e, bool write, void (*work)(StoreJob *, Store *),
                         void (*done)(StoreJob *)) {
    LeaseJob *j = pending_new(e, sizeof *j, write, work, done);
    j->now_ms = e->now_ms;
    j->ttl_ms = e->options.lease_ttl_ms;
    j->life = e->lives;
    j->single = e->options.single;
    j->p.drop = drop_ids;
    return j;
}

/* ---- which runs go on ------------------------------------------------------------------------------------------------ */

static void add_id(LeaseJob *j, Str id) {
    if (j->n_ids == j->room_ids) {
        j->room_ids = MAX((size_t)OWNED_PAGE, j->room_ids * 2);
        Str *more = arena_alloc(&j->ids_arena, j->room_ids * sizeof *more);
        if (j->n_ids)
            memcpy(more, j->ids, j->n_ids * sizeof *more);
        j->ids = more;
    }
    j->ids[j->n_ids++] = id;
}

static void read_owned(StoreJob *job, Store *store) {
    LeaseJob *j = (LeaseJob *)job;
    Str page[OWNED_PAGE];
    size_t n = j->recover ? OWNED_PAGE : 0;
    j->p.err = store->ops->accounts(store, &j->p.arena, &j->accounts, &j->n_accounts);
    for (uint64_t after = 0; n == OWNED_PAGE && !j->p.err;) {
        j->p.err = store->ops->owned(store, STORE_ACTIVE, after, OWNED_PAGE, &j->ids_arena, page,
                                     &n, &after);
        for (size_t i = 0; i < n && !j->p.err; i++)
            add_id(j, page[i]);
    }
}

/* What was asked before the lease was lost is about runs that are others' by now. */
static void take_owned(StoreJob *job) {
    LeaseJob *j = (LeaseJob *)job;
    Engine *e = j->p.e;
    if (j->life != e->lives && !MUTANT(old_answer_lets_in)) {
        pending_free(&j->p);
        return;
    }
    if (j->p.err) {
        engine_fail(e, "reading which runs go on", j->p.err);
    } else {
        accounts_entered(e, j->accounts, j->n_accounts);
    }
    if (!j->p.err && j->recover && !engine_stopping(e)) {
        arena_deinit(&e->recover_arena);
        e->recover_arena = j->ids_arena;
        j->ids_arena = ARENA_NULL;
        e->recover_ids = j->ids;
        e->n_recover = j->n_ids;
        e->recover_at = 0;
        e->due_at_ms = 0;
        e->mail_at_ms = e->deliver_at_ms = 0;
    }
    if (e->phase == ENGINE_ENTERING)
        e->phase = ENGINE_INSIDE;
    EngineReady ready = e->ready;
    e->ready = NULL;
    if (ready)
        ready(e->ready_ctx, j->p.err, j->n_ids, e->lease.recovered);
    pending_free(&j->p);
    engine_wake(e);
}

static void ask_owned(Engine *e) {
    LeaseJob *j = new_job(e, false, read_owned, take_owned);
    j->recover = e->options.recover;
    pending_submit(&j->p);
}

/* ---- entering -------------------------------------------------------------------------------------------------------- */

static void enter(StoreJob *job, Store *store) {
    LeaseJob *j = (LeaseJob *)job;
    j->p.err = store->ops->enter(store, j->now_ms, j->ttl_ms, &j->lease);
    if (!j->p.err && !j->single)
        j->p.err = store->ops->takeover(store, j->now_ms, &j->taken_over);
}

static void tell_not_entered(Engine *e, int err) {
    EngineReady ready = e->ready;
    e->ready = NULL;
    engine_fail(e, "entering the store", err);
    if (ready)
        ready(e->ready_ctx, err, 0, false);
}

static void entered(StoreJob *job) {
    LeaseJob *j = (LeaseJob *)job;
    Engine *e = j->p.e;
    if (j->p.err) {
        tell_not_entered(e, j->p.err);
    } else {
        e->lease = j->lease;
        e->lease_until_ms = j->now_ms + j->ttl_ms;
        e->renew_at_ms = j->now_ms + j->ttl_ms / 3;
        ask_owned(e);
    }
    pending_free(&j->p);
    engine_wake(e);
}

static void ask_to_enter(Engine *e) {
    LeaseJob *j = new_job(e, true, enter, entered);
    pending_submit(&j->p);
}

void engine_enter(Engine *e, EngineReady ready, void *ctx) {
    ASSERT(e->phase == ENGINE_OUTSIDE);
    e->phase = ENGINE_ENTERING;
    e->now_ms = e->ports.now_ms(e->ports.ctx);
    e->ready = ready;
    e->ready_ctx = ctx;
    ask_to_enter(e);
}

/* ---- keeping --------------------------------------------------------------------------------------------------------- */

static void renew(StoreJob *job, Store *store) {
    LeaseJob *j = (LeaseJob *)job;
    j->p.err = store->ops->renew(store, j->now_ms, j->ttl_ms, &j->lost);
    if (!j->p.err && !j->lost)
        j->p.err = store->ops->takeover(store, j->now_ms, &j->taken_over);
}

static void lost(Engine *e) {
    engine_log(
        e, "the lease ran out and another engine has taken the runs over; this one begins anew");
    resident_drop_all(e);
    e->lives++;
    if (engine_stopping(e))
        return;
    e->n_recover = e->recover_at = 0;
    e->phase = ENGINE_ENTERING;
    ask_to_enter(e);
}

static void renewed(StoreJob *job) {
    LeaseJob *j = (LeaseJob *)job;
    Engine *e = j->p.e;
    e->renewing = false;
    if (j->p.err) {
        engine_fail(e, "renewing the lease", j->p.err);
    } else if (j->lost) {
        lost(e);
    } else {
        e->lease_until_ms = j->now_ms + j->ttl_ms;
        e->mail_at_ms = e->deliver_at_ms = 0;
        keys_look_again(e);
        if (j->taken_over && e->phase == ENGINE_INSIDE) {
            engine_log(e, "%zu runs of engines that are gone have been taken over", j->taken_over);
            ask_owned(e);
        }
    }
    pending_free(&j->p);
    engine_wake(e);
}

void lease_take(Engine *e) {
    bool inside = e->phase >= ENGINE_INSIDE && e->phase < ENGINE_LEAVING;
    if (!inside || e->options.single || e->renewing || e->now_ms < e->renew_at_ms)
        return;
    e->renewing = true;
    e->renew_at_ms = e->now_ms + e->options.lease_ttl_ms / 3;
    LeaseJob *j = new_job(e, true, renew, renewed);
    pending_submit(&j->p);
}

int64_t lease_next(const Engine *e) {
    bool inside = e->phase >= ENGINE_INSIDE && e->phase < ENGINE_LEAVING;
    return inside && !e->options.single && !e->renewing ? e->renew_at_ms : INT64_MAX;
}

/* A quarter of the lease is left for clocks that differ and for what is already on its way. */
bool lease_holds(const Engine *e) {
    return e->options.single || e->now_ms < e->lease_until_ms - e->options.lease_ttl_ms / 4;
}

/* ---- leaving --------------------------------------------------------------------------------------------------------- */

static void leave(StoreJob *job, Store *store) {
    LeaseJob *j = (LeaseJob *)job;
    j->p.err = store->ops->leave(store, j->now_ms);
}

static void left(StoreJob *job) {
    LeaseJob *j = (LeaseJob *)job;
    Engine *e = j->p.e;
    int err = j->p.err;
    e->phase = ENGINE_LEFT;
    pending_free(&j->p);
    engine_stopped(e, err);
}

void lease_leave(Engine *e) {
    e->phase = ENGINE_LEAVING;
    LeaseJob *j = new_job(e, true, leave, left);
    pending_submit(&j->p);
}
