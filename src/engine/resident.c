/* Runs in memory: a table by id, the rows they write, and which of them may go.
 *
 *   loaded or started -> LIVE --waits only--> on the idle list --more than resident_max--> evicted: a row and `open` stay
 *                          \--finished and durable--> dropped
 *
 * A run that is on its way in a batch is never freed: dropping takes it out of the table, and the batch lets it go. */
#include "engine/state.h"

#include <stdlib.h>

/* Row writers kept, and how large one may have grown to be kept. */
#define ROW_POOL_MAX 1024
#define ROW_KEEP_BYTES (32 * KIB)

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static Resident **bucket_of(const Engine *e, uint64_t hash) {
    return &e->buckets[hash & (e->n_buckets - 1)];
}

static void grow_table(Engine *e) {
    Resident **old = e->buckets;
    size_t n_old = e->n_buckets;
    e->n_buckets = n_old ? n_old * 2 : 256;
    e->buckets = xcalloc(e->n_buckets, sizeof *e->buckets);
    for (size_t i = 0; i < n_old; i++) {
        for (Resident *r = old[i], *next; r; r = next) {
            next = r->bucket_next;
            Resident **b = bucket_of(e, r->hash);
            r->bucket_next = *b;
            *b = r;
        }
    }
    free(old);
}

Resident *resident_find(const Engine *e, Str id) {
    if (!e->n_buckets)
        return NULL;
    uint64_t hash = hash_fast(id, 0);
    Resident *r = *bucket_of(e, hash);
    while (r && !(r->hash == hash && str_eq(resident_id(r), id)))
        r = r->bucket_next;
    return r;
}

Resident *resident_new(Engine *e, Str id, ResidentState state) {
    ASSERT(id.len > 0 && id.len < sizeof((Resident *)0)->id);
    if (e->n_residents >= e->n_buckets)
        grow_table(e);
    Resident *r = xcalloc(1, sizeof *r);
    memcpy(r->id, id.p, id.len);
    r->id_len = (uint8_t)id.len;
    r->state = state;
    r->hash = hash_fast(id, 0);
    Resident **b = bucket_of(e, r->hash);
    r->bucket_next = *b;
    *b = r;
    e->n_residents++;
    return r;
}

static void take_out_of_table(Engine *e, Resident *r) {
    Resident **at = bucket_of(e, r->hash);
    while (*at != r)
        at = &(*at)->bucket_next;
    *at = r->bucket_next;
    e->n_residents--;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static RowSlot *new_row(Engine *e) {
    RowSlot *row = e->free_rows;
    if (row) {
        e->free_rows = row->next;
        e->n_free_rows--;
        return row;
    }
    row = xmalloc(sizeof *row);
    row_init(&row->w);
    return row;
}

static void free_row(RowSlot *row) {
    row_deinit(&row->w);
    free(row);
}

void row_give_back(Engine *e, RowSlot *row) {
    if (!row)
        return;
    size_t held = row->w.facts.room + row->w.moves.room + row->w.data.room;
    if (held > ROW_KEEP_BYTES || e->n_free_rows == ROW_POOL_MAX) {
        free_row(row);
        return;
    }
    row_reset(&row->w);
    row->next = e->free_rows;
    e->free_rows = row;
    e->n_free_rows++;
}

static void take_off_idle_list(Engine *e, Resident *r) {
    if (!r->idle_listed)
        return;
    *(r->idle_prev ? &r->idle_prev->idle_next : &e->idle_first) = r->idle_next;
    *(r->idle_next ? &r->idle_next->idle_prev : &e->idle_last) = r->idle_prev;
    r->idle_prev = r->idle_next = NULL;
    r->idle_listed = false;
    e->n_idle--;
}

RowWriter *resident_row(Engine *e, Resident *r) {
    if (!r->row) {
        r->row = new_row(e);
        take_off_idle_list(e, r);
    }
    if (!r->dirty) {
        r->dirty = true;
        QUEUE_PUSH(&e->gather.dirty, r);
    }
    return &r->row->w;
}

/* ---- going ----------------------------------------------------------------------------------------------------------- */

static void forget_mail(Resident *r) {
    for (size_t i = 0; i < r->n_mail_taken; i++)
        free((char *)r->mail_taken[i].p);
    free(r->mail_taken);
    r->mail_taken = NULL;
    r->n_mail_taken = 0;
}

static void free_resident(Engine *e, Resident *r) {
    if (e->marked_run == r)
        e->marked_run = NULL;
    row_give_back(e, r->row);
    forget_mail(r);
    claims_free(&r->claims);
    run_free(r->run);
    outcomes_free(r->outcomes);
    plans_unref(e, r->plan);
    free(r->parked_info);
    free(r->parked_name);
    free(r);
}

/* The run's wants are let go as if it had closed them. */
void resident_forget_wants(Engine *e, Resident *r) {
    for (Want *w = r->run ? run_wants(r->run) : NULL; w; w = w->next) {
        if (!w->cookie)
            continue;
        if (want_flight(w))
            perform_forget(e, w->cookie);
        if (want_is_timed(w))
            timers_forget(e, w->cookie);
        w->cookie = NULL;
    }
}

static void take_off_dirty_list(Engine *e, Resident *r) {
    ResidentQueue rest = { 0 };
    for (Resident *d; (d = QUEUE_POP(&e->gather.dirty));) {
        if (d != r)
            QUEUE_PUSH(&rest, d);
    }
    e->gather.dirty = rest;
    r->dirty = false;
}

static void refuse_gathered_requests(Engine *e, Resident *r) {
    RequestQueue all = e->gather.requests;
    e->gather.requests = (RequestQueue){ 0 };
    for (Request *q; (q = QUEUE_POP(&all));) {
        if (q->r == r)
            request_conflict(e, q);
        else
            QUEUE_PUSH(&e->gather.requests, q);
    }
}

void resident_drop(Engine *e, Resident *r) {
    ASSERT(!r->dropped);
    take_out_of_table(e, r);
    take_off_idle_list(e, r);
    resident_forget_wants(e, r);
    if (r->dirty) {
        take_off_dirty_list(e, r);
        refuse_gathered_requests(e, r);
    }
    for (Request *q; (q = QUEUE_POP(&r->waiting));)
        request_conflict(e, q);
    r->dropped = true;
    if (!r->in_batch)
        free_resident(e, r);
}

void resident_drop_all(Engine *e) {
    for (size_t i = 0; i < e->n_buckets; i++) {
        while (e->buckets[i])
            resident_drop(e, e->buckets[i]);
    }
}

void resident_release(Engine *e, Resident *r) {
    ASSERT(r->in_batch > 0);
    r->in_batch--;
    if (r->dropped && !r->in_batch)
        free_resident(e, r);
}

/* ---- idle ------------------------------------------------------------------------------------------------------------ */

static bool may_go(const Resident *r) {
    return r->state == RESIDENT_LIVE && !r->dropped && !r->dirty && !r->in_batch && !r->flights &&
           !run_active(r->run);
}

void resident_settle_idle(Engine *e, Resident *r) {
    if (!may_go(r)) {
        take_off_idle_list(e, r);
        return;
    }
    if (r->idle_listed)
        return;
    r->idle_prev = e->idle_last;
    r->idle_next = NULL;
    *(e->idle_last ? &e->idle_last->idle_next : &e->idle_first) = r;
    e->idle_last = r;
    r->idle_listed = true;
    e->n_idle++;
}

/* What is armed for it must be found by asking the store. */
static void remember_due(Engine *e, const Resident *r) {
    for (const Want *w = run_wants(r->run); w; w = w->next) {
        if (want_is_timed(w) && w->cookie && !MUTANT(evict_forgets_timers))
            e->due_at_ms = MIN(e->due_at_ms, w->due_ms);
    }
}

bool resident_is_over(const Resident *r) {
    return r->state == RESIDENT_LIVE && run_finished(r->run) && !r->dropped && !r->dirty &&
           !r->in_batch;
}

static bool has_timer(const Resident *r) {
    for (const Want *w = run_wants(r->run); w; w = w->next) {
        if (want_is_timed(w) && w->cookie)
            return true;
    }
    return false;
}

/* An engine that does not recover does not ask for due work either: what it started itself stays in memory then. */
void resident_evict(Engine *e) {
    Resident *r = e->idle_first;
    while (r && e->n_idle > e->options.resident_max) {
        Resident *next = r->idle_next;
        if (!perform_note_unsent(e, r) && /* else it goes once that is written */
            (e->options.recover || !has_timer(r))) {
            remember_due(e, r);
            resident_drop(e, r);
        }
        r = next;
    }
}

void resident_deinit(Engine *e) {
    for (size_t i = 0; i < e->n_buckets; i++) {
        for (Resident *r = e->buckets[i], *next; r; r = next) {
            next = r->bucket_next;
            for (Request *q; (q = QUEUE_POP(&r->waiting));)
                request_free(e, q);
            free_resident(e, r);
        }
    }
    free(e->buckets);
    for (RowSlot *row = e->free_rows, *next; row; row = next) {
        next = row->next;
        free_row(row);
    }
}
