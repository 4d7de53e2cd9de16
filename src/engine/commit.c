/* Group commit: what one turn added to each run becomes a row, the rows become a batch, and while it is being committed the
 * next one gathers.
 *
 *   gather --hand over--> batch (store's thread) --> ok        > replies, attempts, watchers
 *                                                --> conflict  > the run is dropped: another engine owns it
 *                                                --> unknown   > heads are read back: the same hash is ok, the row before it
 *                                                                means try again, anything else is a conflict
 *                                                --> full      > the same batch again, later; nothing new is taken in
 *                                                --> failed    > engine_failed(): exit, recover from the disk
 *
 * The chain is computed at handing over, so a run may be in the batch and in the next one at the same time.
 *
 * When. What becomes durable sets new facts free, and they are the next batch but one: there are two halves, one at the
 * disk, one being taken in. That halves a commit, and doubles the syncs, so it pays only where a sync takes less time than
 * taking in all that is under way:
 *
 *   it does not     take in everything the batch set free, then hand over all at once: one sync for all of it
 *   it does         hand over what has gathered as soon as a batch is back; if that is far less than half of all, first
 *                   take in more, up to the half
 *
 * Both are measured as we go: what a fact costs us by engine_turn(), what a sync costs by the commits. */
#include "engine/state.h"

#include <stdlib.h>

#define RETRY_FIRST_MS 250
#define RETRY_LAST_MS 10000

/* What a row costs SQLite beside the sync (baton bench store_64); only for telling the two apart. */
#define ROW_COST_US 2

/* ---- handing over ---------------------------------------------------------------------------------------------------- */

static void bring_closure(Batch *b, PlanEntry *p) {
    if (p->stored || p->in_batch)
        return;
    p->in_batch = true;
    b->plans = xrealloc(b->plans, (b->n_plans + 1) * sizeof(PlanEntry *));
    b->plans[b->n_plans++] = plans_ref(p);
}

static void fill_closures(Batch *b) {
    StorePayload *closures = ARENA_ARRAY(&b->arena, StorePayload, b->n_plans);
    for (size_t i = 0; i < b->n_plans; i++)
        closures[i] = (StorePayload){ b->plans[i]->hash, b->plans[i]->closure };
    b->store.closures = closures;
    b->store.n_closures = b->n_plans;
}

/* A check looks at every frame, also finished ones. So that a step of a long run costs what one of a short run does, it is
 * made again when a thirty-second more has happened; tests look every time. */
static void check(Engine *e, Resident *r) {
    bool every_time = false;
#ifdef BATON_TEST
    every_time = true;
#endif
    r->facts += r->row->w.n_facts;
    if (!r->run || (r->facts < r->check_at && !every_time))
        return;
    r->check_at = r->facts + r->facts / 32;
    const char *broken = run_check(r->run);
    if (broken)
        engine_log(e, "run %s: %s", r->id, broken);
    ASSERT(!broken);
}

static void take_dirty(Engine *e, Batch *b) {
    for (Resident *r; (r = QUEUE_POP(&e->gather.dirty));) {
        r->dirty = false;
        if (row_empty(&r->row->w)) { /* what came for it was ignored */
            row_give_back(e, TAKE(r->row));
            if (r->run && run_finished(r->run) && !r->in_batch)
                resident_drop(e, r);
            else
                resident_settle_idle(e, r);
            continue;
        }
        check(e, r);
        if (b->n == b->room) {
            b->room = MAX((size_t)64, b->room * 2);
            b->items = xrealloc(b->items, b->room * sizeof *b->items);
            b->sides = xrealloc(b->sides, b->room * sizeof *b->sides);
        }
        commit_item(e, b, r);
        if (b->items[b->n - 1].closure)
            bring_closure(b, r->plan);
    }
}

static void append(StoreJob *job, Store *store) {
    Batch *b = (Batch *)job;
    const EnginePorts *ports = &b->e->ports;
    int64_t began_us = ports->mono_us(ports->ctx);
    if (MUTANT(drop_last_fact) && b->store.n > 1) {
        b->store.n--;
        b->err = store->ops->append(store, &b->store);
        b->store.items[b->store.n++].outcome = STORE_OK;
        return;
    }
    b->err = store->ops->append(store, &b->store);
    b->took_us = ports->mono_us(ports->ctx) - began_us;
}

static void came_back(StoreJob *job) {
    Batch *b = (Batch *)job;
    b->e->batch_back = true;
    engine_wake(b->e);
}

static void submit(Engine *e, Batch *b) {
    /* Without a row a batch still says which mail was taken in. */
    b->store.items = b->n ? b->items + b->first_open : NULL;
    b->store.n = b->n - b->first_open;
    b->store.now_ms = e->now_ms;
    b->reading = false;
    b->job = (StoreJob){ .work = append, .done = came_back, .write = true };
    e->batch = b;
    e->ports.submit(e->ports.ctx, &b->job);
}

void commit_hand_over(Engine *e) {
    bool inside = e->phase >= ENGINE_INSIDE && e->phase < ENGINE_LEAVING;
    bool asks = keys_ask(e);
    bool nothing = !e->gather.dirty.first && !e->gather.n_mail_done &&
                   !e->gather.deliveries.first && !e->changed_accounts && !asks;
    /* With nothing to write and nothing being written all rows are durable; what still waits for one is of runs that were dropped. */
    if (!e->batch && inside && !e->gather.dirty.first)
        perform_durable(e, &e->gather.flights);
    if (e->batch || !inside || e->failed || nothing)
        return;
    Batch *b = e->batches[0].busy ? &e->batches[1] : &e->batches[0];
    ASSERT(!b->busy);
    take_dirty(e, b);
    if (b->n == 0 && !e->gather.n_mail_done && !e->gather.deliveries.first &&
        !e->changed_accounts && !asks) {
        ASSERT(!e->gather.requests.first);
        return;
    }
    b->e = e;
    fill_closures(b);
    QUEUE_MOVE(&b->requests, &e->gather.requests);
    QUEUE_MOVE(&b->flights, &e->gather.flights);
    QUEUE_MOVE(&b->deliveries, &e->gather.deliveries);
    b->store.mail_again = deliver_mail(&b->deliveries, &b->arena, &b->store.n_mail_again);
    b->store.claims = keys_claims(b, &e->gather.claims, &b->store.n_claims);
    b->store.answers = &b->arena;
    b->store.n_accounts = accounts_changed(e, &b->arena, &b->store.accounts);
    b->store.mail_done = e->gather.mail_done;
    b->store.n_mail_done = e->gather.n_mail_done;
    e->gather.mail_done = NULL;
    e->gather.n_mail_done = 0;
    b->busy = true;
    b->n_facts = e->stats.facts - e->pace.handed_facts;
    e->pace.handed_facts = e->stats.facts;
    e->pace.early_at = UINT64_MAX;
    b->handed_us = e->ports.mono_us(e->ports.ctx);
    b->first_open = 0;
    b->life = e->lives;
    submit(e, b);
    QUEUE_MOVE(&e->completed, &e->deferred);
}

void commit_hand_over_early(Engine *e) {
    if (e->stats.facts >= e->pace.early_at)
        commit_hand_over(e);
}

void commit_mail_done(Engine *e, Str id) {
    e->gather.mail_done = xrealloc(e->gather.mail_done, (e->gather.n_mail_done + 1) * sizeof(Str));
    e->gather.mail_done[e->gather.n_mail_done++] = (Str){ xstrndup(id.p, id.len), id.len };
}

/* ---- outcomes -------------------------------------------------------------------------------------------------------- */

static void free_texts(const Str *texts, size_t n) {
    for (size_t i = 0; i < n; i++)
        free((char *)texts[i].p);
    free((Str *)texts);
}

static void empty(Engine *e, Batch *b) {
    for (size_t i = 0; i < b->n; i++) {
        row_give_back(e, b->sides[i].row);
        buf_deinit(&b->sides[i].snapshot);
        free_texts(b->sides[i].mail_taken, b->sides[i].n_mail_taken);
    }
    for (size_t i = 0; i < b->n_plans; i++) {
        b->plans[i]->in_batch = false;
        plans_unref(e, b->plans[i]);
    }
    free_texts(b->store.mail_done, b->store.n_mail_done);
    b->store = (StoreBatch){ 0 };
    b->n = b->n_plans = 0;
    b->busy = false;
    arena_reset(&b->arena);
}

static void let_out(Engine *e, const StoreAppend *it, Resident *r) {
    r->durable_seq = it->seq;
    if (it->n_mail)
        e->deliver_at_ms = e->mail_at_ms = e->now_ms;
    if (e->options.log_asked && it->set_opens && !r->dropped && r->run)
        notice_log(e, r->run, it->seq);
    e->stats.rows++;
    if (it->seq == 1)
        r->plan->stored = true;
    keys_durable(e, it);
    if (e->n_watchers)
        watch_tell(e, &(EngineEvent){ .run = it->run,
                                      .seq = it->seq,
                                      .body = it->body,
                                      .data = it->data,
                                      .ended = it->info && it->info->state == STORE_DONE,
                                      .state = r->dropped ? NULL : r->run });
}

/* Mail that its rows would have taken is still there, and whoever it is for may be found now: a start may have met its run. */
static void refuse(Engine *e, const BatchItem *side) {
    Resident *r = side->r;
    if (side->n_mail_taken || r->n_mail_taken)
        e->mail_at_ms = e->now_ms;
    if (r->conflicted)
        return;
    r->conflicted = true;
    if (!r->dropped)
        resident_forget_wants(e, r);
}

static void settle_requests(Engine *e, Batch *b) {
    RequestQueue requests = b->requests;
    b->requests = (RequestQueue){ 0 };
    for (Request *q; (q = QUEUE_POP(&requests));) {
        bool conflict = q->r->conflicted;
        q->r = NULL;
        if (conflict)
            request_conflict(e, q);
        else if (q->kind == REQUEST_START && q->existing)
            start_compare(e, q);
        else
            request_ok(e, q);
    }
}

/* Finished and parked runs leave memory; a run that another engine owns does so without a trace. */
static void settle_run(Engine *e, Resident *r) {
    bool over = r->state == RESIDENT_PARKED || (r->run && run_finished(r->run));
    if (r->conflicted && !r->dropped) {
        if (r->durable_seq > 0) /* else a start found that the run is there already */
            engine_log(e, "run %s has gone over to another engine", r->id);
        resident_drop(e, r);
    } else if (over && !r->dropped && !r->dirty && !r->late) {
        resident_drop(e, r);
    }
    bool stays = !r->dropped;
    resident_release(e, r);
    if (stays)
        resident_settle_idle(e, r);
}

static void settle(Engine *e, Batch *b) {
    e->stats.batches++;
    e->stats.commit_us_last = (uint64_t)(e->ports.mono_us(e->ports.ctx) - b->handed_us);
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].outcome == STORE_OK || MUTANT(fence_ignored))
            let_out(e, &b->items[i], b->sides[i].r);
        else
            refuse(e, &b->sides[i]);
    }
    keys_answered(e, b);
    FlightQueue flights = b->flights;
    b->flights = (FlightQueue){ 0 };
    perform_durable(e, &flights);
    settle_requests(e, b);
    deliver_durable(e, &b->deliveries);
    for (size_t i = 0; i < b->n; i++)
        settle_run(e, b->sides[i].r);
    empty(e, b);
}

/* ---- unknown --------------------------------------------------------------------------------------------------------- */

static void read_head(Store *store, StoreAppend *it, Arena *a) {
    StoreRun stored;
    int err = store->ops->load(store, it->run, false, a, &stored);
    if (err == STORE_E_NOT_FOUND && it->seq == 1)
        it->outcome = STORE_PENDING;
    else if (err)
        it->outcome = STORE_CONFLICT;
    else if (stored.head_seq == it->seq && hash_eq(&stored.head_hash, &it->hash))
        it->outcome = STORE_OK;
    else
        it->outcome = stored.head_seq + 1 == it->seq ? STORE_PENDING : STORE_CONFLICT;
}

static void read_heads(StoreJob *job, Store *store) {
    Batch *b = (Batch *)job;
    Arena a;
    arena_init(&a, 0);
    for (size_t i = b->first_open; i < b->n; i++) {
        if (b->items[i].outcome == STORE_UNKNOWN)
            read_head(store, &b->items[i], &a);
        arena_reset(&a);
    }
    arena_deinit(&a);
    b->err = 0;
}

static bool any(const Batch *b, StoreOutcome outcome) {
    for (size_t i = b->first_open; i < b->n; i++) {
        if (b->items[i].outcome == outcome)
            return true;
    }
    return false;
}

static void ask_for_heads(Engine *e, Batch *b) {
    b->reading = true;
    b->job = (StoreJob){ .work = read_heads, .done = came_back };
    e->ports.submit(e->ports.ctx, &b->job);
}

/* Those still to be written come last, in their order, and are the batch that goes out again. */
static void again(Engine *e, Batch *b) {
    size_t n_settled = 0;
    StoreAppend *items = xmalloc(b->n * sizeof *items);
    BatchItem *sides = xmalloc(b->n * sizeof *sides);
    for (size_t i = 0; i < b->n; i++)
        n_settled += b->items[i].outcome != STORE_PENDING;
    for (size_t i = 0, front = 0, back = n_settled; i < b->n; i++) {
        size_t to = b->items[i].outcome != STORE_PENDING ? front++ : back++;
        items[to] = b->items[i];
        sides[to] = b->sides[i];
    }
    free(b->items);
    free(b->sides);
    b->items = items;
    b->sides = sides;
    b->room = b->n;
    b->first_open = n_settled;
    submit(e, b);
}

/* Its runs went with the lease. Written now it would be in the name of the engine that had them then, under a lease that this
 * one got since: a row that nobody in memory knows of. */
static bool is_of_a_lost_life(Engine *e, Batch *b) {
    if (b->life == e->lives)
        return false;
    for (size_t i = b->first_open; i < b->n; i++)
        if (b->items[i].outcome == STORE_PENDING)
            b->items[i].outcome = STORE_CONFLICT;
    return true;
}

/* ---- pace ------------------------------------------------------------------------------------------------------------ */

/* The store is idle. */
static void choose_moment(Engine *e, const Batch *back) {
    int64_t sync_us = back->took_us - ROW_COST_US * (int64_t)back->n;
    e->pace.sync_us += (MAX(sync_us, 0) - e->pace.sync_us) / 4;
    uint64_t gathered = e->stats.facts - e->pace.handed_facts, all = gathered + back->n_facts;
    if (e->pace.fact_ns * (int64_t)all <= e->pace.sync_us * 1000)
        return;
    if (gathered * 4 >= all)
        commit_hand_over(e);
    else
        e->pace.early_at = e->stats.facts + all / 2 - gathered;
}

/* ---- a turn's share -------------------------------------------------------------------------------------------------- */

static void wait_for_room(Engine *e) {
    if (!e->full)
        engine_log(
            e,
            "the disk is full: nothing new is taken in, the last batch is tried again until there is room");
    e->full = true;
    e->retry_delay_ms = e->retry_delay_ms ? MIN(e->retry_delay_ms * 2, (int64_t)RETRY_LAST_MS)
                                          : RETRY_FIRST_MS;
    e->retry_at_ms = e->now_ms + e->retry_delay_ms;
}

static void room_again(Engine *e) {
    if (e->full)
        engine_log(e, "the disk has room again");
    e->full = false;
    e->retry_delay_ms = 0;
    e->retry_at_ms = INT64_MAX;
}

static void take_back(Engine *e, Batch *b) {
    if (MUTANT(unknown_is_committed)) {
        for (size_t i = b->first_open; i < b->n; i++) {
            if (b->items[i].outcome == STORE_UNKNOWN)
                b->items[i].outcome = STORE_OK;
        }
    }
    if (!b->reading && any(b, STORE_UNKNOWN)) {
        ask_for_heads(e, b);
        return;
    }
    if (b->reading && any(b, STORE_PENDING) && !is_of_a_lost_life(e, b)) {
        again(e, b);
        return;
    }
    bool whole = !any(b, STORE_CONFLICT);
    e->batch = NULL;
    if (whole)
        choose_moment(e, b);
    settle(e, b);
}

void commit_take(Engine *e) {
    Batch *b = e->batch;
    if (b && !e->batch_back && e->full && e->now_ms >= e->retry_at_ms) {
        e->retry_at_ms = INT64_MAX;
        if (is_of_a_lost_life(e, b))
            e->batch_back = true; /* as refused as if it had been tried */
        else
            submit(e, b);
    }
    if (!b || !e->batch_back)
        return;
    e->batch_back = false;
    bool full = b->err == (MUTANT(io_error_retried) ? -ERR_IO : -ERR_FULL);
    if (full && !is_of_a_lost_life(e, b)) {
        wait_for_room(e);
    } else if (b->err && !full) {
        engine_fail(e, "a commit", b->err);
    } else {
        room_again(e);
        take_back(e, b);
    }
}

void commit_deinit(Engine *e) {
    for (size_t i = 0; i < ARRAY_LEN(e->batches); i++) {
        Batch *b = &e->batches[i];
        for (size_t k = 0; k < b->n; k++) {
            resident_release(e, b->sides[k].r);
        }
        for (Request *q; (q = QUEUE_POP(&b->requests));)
            request_free(e, q);
        claims_free(&b->claims);
        empty(e, b);
        arena_deinit(&b->arena);
        free(b->items);
        free(b->sides);
        free(b->plans);
    }
    for (Request *q; (q = QUEUE_POP(&e->gather.requests));)
        request_free(e, q);
    free_texts(e->gather.mail_done, e->gather.n_mail_done);
}
