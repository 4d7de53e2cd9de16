/* What one run brings to a batch: its row, and beside it what the store must know to find the run again.
 *
 *   row       always: facts and moves, data, the hash that follows from the head
 *   info      when the state changed (running, idle, paused, parked, done), or the run is new; at rest and at its end with every row, since
 *             what it waits for may be another thing than before. While it runs lists would cost a write a step
 *   opens     when the set of timers, signals and doubts it waits for changed
 *   snapshot  when the rows since the last one have outgrown it, and when the run comes to rest
 *
 * Everything lives in the batch's arena or in what the batch owns: the run may go on, be made compact, even be dropped while
 * the batch is on its way. */
#include "engine/events.h"

/* Compaction: a run this large whose snapshot is a quarter of it is loaded from that snapshot. */
#define COMPACT_BYTES (256 * KIB)

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static Str make_body(Engine *e, Batch *b, RowWriter *w) {
    size_t room = 40 + w->facts.len + w->moves.len;
    Buf body = { .p = arena_alloc(&b->arena, room), .room = room, .cap_bytes = room };
    w->engine = MUTANT(rows_without_writer) ? 0 : e->lease.engine;
    w->epoch = MUTANT(rows_without_writer) ? 0 : e->lease.epoch;
    row_body(w, &body);
    ASSERT(!buf_over(&body));
    return buf_str(&body);
}

static const StorePayload *make_payloads(Batch *b, const RowWriter *w) {
    StorePayload *p = ARENA_ARRAY(&b->arena, StorePayload, w->n_large);
    for (size_t i = 0; i < w->n_large; i++)
        p[i] = (StorePayload){ w->large[i].hash, w->large[i].bytes };
    return p;
}

/* ---- the run's row, and what it waits for ---------------------------------------------------------------------------- */

static StoreState state_of(const Resident *r) {
    if (r->forget)
        return STORE_DONE;
    if (r->state == RESIDENT_PARKED)
        return STORE_PARKED;
    if (run_finished(r->run) || (MUTANT(done_while_undoing) && run_ending(r->run)))
        return STORE_DONE;
    if (run_status(r->run) == RUN_PAUSED)
        return STORE_PAUSED;
    return run_active(r->run) ? STORE_ACTIVE : STORE_IDLE;
}

static const StoreRunInfo *make_info(Engine *e, Batch *b, const Resident *r, StoreState state) {
    StoreRunInfo *info = ARENA_NEW(&b->arena, StoreRunInfo);
    *info = (StoreRunInfo){ .state = state, .created_ms = r->created_ms, .updated_ms = e->now_ms };
    if (r->state == RESIDENT_PARKED) {
        info->name = str_from(r->parked_name);
        info->info = str_from(r->parked_info);
        return info;
    }
    info->name = r->plan->plan->name;
    info->info = value_text(&b->arena, run_summary(r->run, &b->arena));
    return info;
}

/* What a list of open questions shows, so that it needs no run to be loaded. */
static Str key_of(const Want *w, Arena *a) {
    return w->kind == WANT_APPROVAL ? value_text(a, want_ask_line(w, a)) : arena_str(a, w->key);
}

static void fill_opens(Batch *b, Resident *r, StoreAppend *it) {
    size_t n = 0;
    Want *first = r->state == RESIDENT_PARKED ? NULL : run_wants(r->run);
    size_t heard = r->state == RESIDENT_PARKED ? 0 : events_n_heard(r->run);
    for (const Want *w = first; w; w = w->next)
        n += w->kind != WANT_ATTEMPT;
    r->opens_dirty = false;
    if (n + heard == 0 && !r->opens_stored)
        return;
    StoreOpen *opens = ARENA_ARRAY(&b->arena, StoreOpen, n + heard);
    size_t i = 0;
    for (const Want *w = first; w; w = w->next) {
        if (w->kind == WANT_ATTEMPT)
            continue;
        opens[i++] = (StoreOpen){ .kind = (uint8_t)w->kind,
                                  .key = key_of(w, &b->arena),
                                  .due_ms = want_is_timed(w) ? w->due_ms : 0,
                                  .address = want_address(w, &b->arena) };
    }
    if (heard)
        i += events_heard(r->run, opens + i, &b->arena);
    ASSERT(i == n + heard);
    n = i;
    it->opens = opens;
    it->n_opens = MUTANT(rest_unwritten) ? 0 : n;
    it->set_opens = true;
    r->opens_stored = n > 0;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

static bool wants_snapshot(const Resident *r, StoreState state) {
    if (state == STORE_DONE || state == STORE_PARKED)
        return false;
    size_t enough = state == STORE_ACTIVE && !r->snapshot_now
                        ? MAX((size_t)SNAPSHOT_TAIL_BYTES, r->snapshot_bytes)
                        : SNAPSHOT_REST_BYTES;
    return r->tail_bytes > enough;
}

static bool same_wants(const Want *w, const Want *v) {
    while (w && v && w->kind == v->kind && w->attempt == v->attempt && w->due_ms == v->due_ms) {
        w = w->next;
        v = v->next;
    }
    return !w && !v;
}

/* The new run's wants are the old one's in the same order; what is under way for them goes over. */
static void move_cookies(Run *from, Run *to) {
    Want *w = run_wants(from), *v = run_wants(to);
    for (; w; w = w->next, v = v->next) {
        v->cookie = w->cookie;
        v->position = w->position;
        v->left = w->left;
        if (!w->cookie)
            continue;
        if (want_flight(w))
            want_flight(w)->want = v;
        if (want_is_timed(w))
            ((WantTimer *)w->cookie)->want = v;
    }
}

/* What a long run left behind in its arena goes. */
static void compact(Resident *r, Str snapshot) {
    Run *again = NULL;
    if (run_footprint(r->run) < MAX((size_t)COMPACT_BYTES, 4 * snapshot.len))
        return;
    if (run_load(r->plan->plan, snapshot, &again))
        return;
    if (!same_wants(run_wants(r->run), run_wants(again))) {
        run_free(again);
        return;
    }
    move_cookies(r->run, again);
    run_free(r->run);
    r->run = again;
}

static void take_snapshot(Resident *r, StoreAppend *it, BatchItem *side) {
    side->snapshot = BUF_INIT(LIMIT_VALUE_BYTES);
    run_save(r->run, &side->snapshot);
    r->snapshot_now = false;
    if (buf_over(
            &side->snapshot)) { /* too large for one: its rows are the only truth, and are not tried each time */
        r->snapshot_bytes = r->tail_bytes * 2;
        return;
    }
    it->snapshot = buf_str(&side->snapshot);
    r->snapshot_bytes = it->snapshot.len;
    r->tail_bytes = 0;
    compact(r, it->snapshot);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------- */

void commit_item(Engine *e, Batch *b, Resident *r) {
    StoreAppend *it = &b->items[b->n];
    BatchItem *side = &b->sides[b->n++];
    RowWriter *w = &r->row->w;
    StoreState state = state_of(r);
    *side = (BatchItem){
        .r = r, .row = r->row, .mail_taken = r->mail_taken, .n_mail_taken = r->n_mail_taken
    };
    *it = (StoreAppend){ .run = resident_id(r),
                         .seq = r->head_seq + 1,
                         .body = make_body(e, b, w),
                         .data = buf_str(&w->data),
                         .payloads = make_payloads(b, w),
                         .n_payloads = w->n_large,
                         .forget = r->forget,
                         .snapshot = STR_NULL,
                         .mail_taken = r->mail_taken,
                         .n_mail_taken = r->n_mail_taken };
    Hash data_hash = it->data.len ? hash_bytes(it->data) : e->hash_of_nothing;
    if (MUTANT(chain_leaves_data))
        data_hash = e->hash_of_nothing;
    it->hash = store_chain(&r->head_hash, it->body, &data_hash);
    if (it->seq == 1 || (r->moved && !MUTANT(moved_keeps_closure)))
        it->closure = &r->plan->hash;
    if (r->run) {
        it->mail = notice_mail(e, r->run, &b->arena, &it->n_mail);
        it->mail = events_mail(r->run, it->seq == 1, it->mail, &b->arena, &it->n_mail);
        it->keys = keys_told(e, b, r->run, &it->n_keys);
    }
    it->claims = keys_claims(b, &r->claims, &it->n_claims);
    bool ending = r->run && run_ending(r->run);
    if (state != r->stored_state || state != STORE_ACTIVE || r->moved || ending)
        it->info = make_info(e, b, r, state);
    if (r->opens_dirty || it->seq == 1 || r->moved || state == STORE_DONE || state == STORE_PARKED)
        fill_opens(b, r, it);
    r->tail_bytes += it->body.len + it->data.len;
    if (wants_snapshot(r, state) || r->moved)
        take_snapshot(r, it, side);
    r->moved = false;
    r->head_seq = it->seq;
    r->head_hash = it->hash;
    r->stored_state = state;
    r->row = NULL;
    r->mail_taken = NULL;
    r->n_mail_taken = 0;
    r->in_batch++;
}
