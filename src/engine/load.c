/* Runs read back: many in one job, because a job costs two thread switches and a load some tens of microseconds.
 *
 *   load_run -> the job that gathers -> (reader: load, decode, check) -> load_take: fold, recover, perform, answer
 *
 * What was in flight when the run was last in memory ended unknown: FACT_RECOVERED says so, and the kernel decides by
 * effect class what is sent again. What cannot be folded is parked by name (a row that changes nothing, the state in the
 * run's row); what is damaged is left as it is, and said in one line. */
#include "engine/past.h"

#include <stdlib.h>

#define LOADS_PER_JOB 32
/* Runs being read for recovery at one time. */
#define LOADS_MAX 512

typedef struct LoadItem {
    char id[65];
    uint8_t id_len;
    int err;
    bool all; /* rows, and also if it is over: for a retry */
    StoreRun stored;
    StoredRow *rows;
    Str problem;
} LoadItem;

typedef struct LoadJob {
    Pending p; /* first */
    LoadItem items[LOADS_PER_JOB];
    size_t n;
    unsigned life; /* what was read before a lease was lost counts for nothing */
    struct LoadJob *next;
} LoadJob;

/* ---- reader's side --------------------------------------------------------------------------------------------------- */

static bool needs_fold(const StoreRun *stored, bool all) {
    return (all || stored->info.state != STORE_DONE) &&
           (stored->owned || MUTANT(keeps_foreign_runs));
}

static void read_one(Store *store, LoadItem *item, Arena *a) {
    Str id = { item->id, item->id_len };
    item->err = store->ops->load(store, id, item->all, a, &item->stored);
    if (item->err == STORE_E_DAMAGED) {
        item->problem = arena_str(a, str_from(store->read_problem));
        return;
    }
    if (item->err || !needs_fold(&item->stored, item->all))
        return;
    int err = fold_read(store, &item->stored, a, &item->rows, &item->problem);
    item->err = err == FOLD_E_DAMAGED ? STORE_E_DAMAGED : err;
}

static void read_all(StoreJob *job, Store *store) {
    LoadJob *j = (LoadJob *)job;
    for (size_t i = 0; i < j->n; i++)
        read_one(store, &j->items[i], &j->p.arena);
}

static void came_back(StoreJob *job) {
    LoadJob *j = (LoadJob *)job;
    Engine *e = j->p.e;
    QUEUE_PUSH(&e->loaded, j);
    engine_wake(e);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

static void flush(Engine *e) {
    if (!e->load_gather)
        return;
    e->load_gather->life = e->lives;
    pending_submit(&e->load_gather->p);
    e->load_gather = NULL;
}

void load_run(Engine *e, Str id, Request *q) {
    if (id.len == 0 || id.len > 64) {
        if (q)
            request_answer(e, q, ENGINE_NOT_FOUND, "there is no run %.*s",
                           (int)MIN(id.len, (size_t)64), id.p);
        return;
    }
    Resident *r = resident_find(e, id);
    if (!r) {
        r = resident_new(e, id, RESIDENT_LOADING);
        if (!e->load_gather)
            e->load_gather = pending_new(e, sizeof(LoadJob), false, read_all, came_back);
        LoadJob *j = e->load_gather;
        LoadItem *item = &j->items[j->n++];
        memcpy(item->id, r->id, sizeof item->id);
        item->id_len = r->id_len;
        item->all = q && q->kind == REQUEST_RETRY;
        e->n_loading++;
        if (j->n == LOADS_PER_JOB)
            flush(e);
    }
    if (q)
        QUEUE_PUSH(&r->waiting, q);
}

/* ---- what cannot be had ---------------------------------------------------------------------------------------------- */

static void answer_all(Engine *e, Resident *r, EngineAnswer answer, Str why) {
    RequestQueue waiting = r->waiting;
    r->waiting = (RequestQueue){ 0 };
    for (Request *q; (q = QUEUE_POP(&waiting));) {
        if (q->kind == REQUEST_START)
            start_compare(e, q);
        else
            request_answer(e, q, answer, "%.*s", STR_FMT(why));
    }
}

/* A copy of another engine's run would grow old unseen: nothing is kept, and what was asked goes to its owner. */
static void not_ours(Engine *e, Resident *r) {
    RequestQueue waiting = r->waiting;
    r->waiting = (RequestQueue){ 0 };
    resident_drop(e, r);
    for (Request *q; (q = QUEUE_POP(&waiting));)
        request_conflict(e, q);
}

/* A start that found the run being looked for begins it now. */
static void not_there(Engine *e, Resident *r) {
    RequestQueue waiting = r->waiting;
    r->waiting = (RequestQueue){ 0 };
    Str id = arena_str(&e->scratch, resident_id(r));
    resident_drop(e, r);
    for (Request *q; (q = QUEUE_POP(&waiting));) {
        bool to_child = q->verb == FACT_CONTROL || q->verb == FACT_MAIL;
        if (q->kind == REQUEST_MAIL && to_child) /* to a child that was not to be */
            commit_mail_done(e, q->mail);
        if (q->kind == REQUEST_START)
            start_take(e, q);
        else
            request_answer(e, q, ENGINE_NOT_FOUND, "there is no run %.*s", STR_FMT(id));
    }
}

static void damaged(Engine *e, Resident *r, const LoadItem *item) {
    Str what = item->err < 0 ? str_from(err_text(item->err)) : item->problem;
    Str why = arena_fmt(
        &e->scratch, "run %s cannot be read: %.*s; nothing was changed (`baton verify` says more)",
        r->id, STR_FMT(what));
    engine_log(e, "%.*s", STR_FMT(why));
    answer_all(e, r, ENGINE_FAILED, why);
    resident_drop(e, r);
}

/* A retry that came while it was being read has it read once more, whole. */
void load_finished(Engine *e, Resident *r) {
    RequestQueue waiting = r->waiting, retries = { 0 };
    r->waiting = (RequestQueue){ 0 };
    for (Request *q; (q = QUEUE_POP(&waiting));) {
        if (q->kind == REQUEST_MAIL)
            commit_mail_done(e, q->mail);
        if (q->kind == REQUEST_RETRY || q->kind == REQUEST_FORGET)
            QUEUE_PUSH(&retries, q);
        else
            QUEUE_PUSH(&r->waiting, q);
    }
    answer_all(e, r, ENGINE_CONFLICT, arena_fmt(&e->scratch, "run %s has finished", r->id));
    resident_drop(e, r);
    for (Request *q; (q = QUEUE_POP(&retries));)
        inbox_give(e, q);
}

/* ---- parked ---------------------------------------------------------------------------------------------------------- */

static void adopt_head(Resident *r, const StoreRun *stored) {
    r->head_seq = r->durable_seq = stored->head_seq;
    r->head_hash = stored->head_hash;
    r->stored_state = stored->info.state;
    r->created_ms = stored->info.created_ms;
    r->snapshot_bytes = stored->snapshot.len;
    for (size_t i = 0; i < stored->n_rows; i++)
        r->tail_bytes += stored->rows[i].body.len + stored->rows[i].data.len;
}

void load_park(Engine *e, Resident *r, Str workflow, const char *word, Str problem) {
    MapBuilder m = map_builder(&e->scratch);
    map_addz(&m, "status", value_str(STR("parked")));
    map_addz(&m, "because", value_str(str_from(word)));
    map_addz(&m, "problem", value_str(problem));
    Str info = value_text(&e->scratch, map_done(&m, NULL));
    r->run = run_free(r->run);
    r->state = RESIDENT_PARKED;
    r->parked_info = xstrndup(info.p, info.len);
    r->parked_name = xstrndup(workflow.p, workflow.len);
    Str note = arena_fmt(&e->scratch, "%s: %.*s", word,
                         (int)MIN(problem.len, (size_t)MESSAGE_BYTES_MAX), problem.p);
    engine_log(e, "run %s is parked, %.*s", r->id, STR_FMT(note));
    apply_note(e, r, note);
    answer_all(e, r, ENGINE_FAILED,
               arena_fmt(&e->scratch, "run %s is parked, %.*s", r->id, STR_FMT(note)));
}

static void park(Engine *e, Resident *r, const LoadItem *item, const char *word, Str problem) {
    adopt_head(r, &item->stored);
    load_park(e, r, item->stored.info.name, word, problem);
}

/* A parked run is tried again only when a person resumes it. */
static bool is_resumed(const Resident *r) {
    for (const Request *q = r->waiting.first; q; q = q->next) {
        if (q->kind == REQUEST_CONTROL && q->verb == CONTROL_RESUME)
            return true;
    }
    return false;
}

static bool stays_parked(Engine *e, Resident *r, const LoadItem *item) {
    if (item->stored.info.state != STORE_PARKED || is_resumed(r))
        return false;
    answer_all(e, r, ENGINE_CONFLICT,
               arena_fmt(&e->scratch, "run %s is parked: %.*s; `baton resume` tries it again",
                         r->id, STR_FMT(item->stored.info.info)));
    resident_drop(e, r);
    return true;
}

static bool is_suspect(const Engine *e, const Resident *r) {
    return e->suspect[0] && str_is(resident_id(r), e->suspect) && !is_resumed(r);
}

/* ---- live again ------------------------------------------------------------------------------------------------------ */

static void recover(Engine *e, Resident *r) {
    r->state = RESIDENT_LIVE;
    apply_adopt(e, r);
    if (r->stored_state == STORE_PARKED) {
        apply_note(e, r, STR("tried again"));
        r->opens_dirty = true;
    }
    r->opens_stored = true;
    Str name = arena_fmt(&e->scratch, "engine %llu/%llu", (unsigned long long)e->lease.engine,
                         (unsigned long long)e->lease.epoch);
    Fact recovered = { .kind = FACT_RECOVERED, .time_ms = e->now_ms, .name = name };
    accounts_recovered(e, r);
    if (!MUTANT(recovery_unsaid))
        apply_fact(e, r, &recovered);
    perform_all(e, r);
}

void load_go_on(Engine *e, Resident *r) {
    if (r->retried)
        retry_go_on(e, r);
    else
        recover(e, r);
    for (Request *q; (q = QUEUE_POP(&r->waiting));)
        request_apply(e, r, q);
    resident_settle_idle(e, r);
}

static void take_stored(Engine *e, Resident *r, LoadItem *item) {
    Str problem = STR("");
    if (stays_parked(e, r, item))
        return;
    if (is_suspect(e, r)) {
        park(e, r, item, "quarantined", STR("two engines crashed while they worked on it"));
        return;
    }
    r->plan = plans_get(e, item->stored.closure, &item->stored.closure_hash, &e->scratch, &problem);
    if (!r->plan) {
        park(e, r, item, "diverged", problem);
        return;
    }
    apply_mark(e, r);
    int err =
        fold_rows(r->plan->plan, &item->stored, item->rows, true, &e->scratch, &r->run, &problem);
    item->problem = problem;
    item->err = err == FOLD_E_DAMAGED ? STORE_E_DAMAGED : err;
    if (err == FOLD_E_DIVERGED) {
        park(e, r, item, "diverged", problem);
    } else if (err) {
        damaged(e, r, item);
    } else {
        r->plan->stored = true;
        adopt_head(r, &item->stored);
        if (!reuse_load(e, r))
            load_go_on(e, r);
    }
}

/* What was asked before it, and what after, finds it over. */
static bool waits_to_be_forgotten(const Resident *r) {
    return r->waiting.first && r->waiting.first->kind == REQUEST_FORGET;
}

static void take_forgotten(Engine *e, Resident *r, const LoadItem *item) {
    Request *q = QUEUE_POP(&r->waiting);
    adopt_head(r, &item->stored);
    forget_stored(e, r, &item->stored, q);
    answer_all(e, r, ENGINE_CONFLICT, arena_fmt(&e->scratch, "run %s is being forgotten", r->id));
}

/* One that is over: for a retry. */
static void take_over(Engine *e, Resident *r, const LoadItem *item) {
    adopt_head(r, &item->stored);
    retry_stored(e, r, &item->stored, item->rows);
}

static void take_item(Engine *e, const LoadJob *j, LoadItem *item) {
    Resident *r = resident_find(e, (Str){ item->id, item->id_len });
    bool over = item->stored.info.state == STORE_DONE || item->stored.info.state == STORE_PARKED;
    e->n_loading--;
    if (!r || r->state != RESIDENT_LOADING || j->life != e->lives)
        return;
    if (item->err == STORE_E_NOT_FOUND)
        not_there(e, r);
    else if (item->err)
        damaged(e, r, item);
    else if (item->stored.info.state == STORE_DONE && !item->all && !waits_to_be_forgotten(r))
        load_finished(e, r);
    else if (!item->stored.owned && !MUTANT(keeps_foreign_runs))
        not_ours(e, r);
    else if (waits_to_be_forgotten(r) && over)
        take_forgotten(e, r, item);
    else if (item->stored.info.state == STORE_DONE)
        take_over(e, r, item);
    else
        take_stored(e, r, item);
    arena_reset(&e->scratch);
}

void load_take(Engine *e) {
    if (e->phase < ENGINE_INSIDE)
        return;
    for (LoadJob *j; e->turn_facts < TURN_FACTS_MAX && (j = QUEUE_POP(&e->loaded));) {
        for (size_t i = 0; i < j->n; i++)
            take_item(e, j, &j->items[i]);
        pending_free(&j->p);
    }
}

void load_recover(Engine *e) {
    while (e->phase == ENGINE_INSIDE && e->recover_at < e->n_recover && e->n_loading < LOADS_MAX) {
        Str id = e->recover_ids[e->recover_at++];
        if (!resident_find(e, id) && !MUTANT(recovery_forgets))
            load_run(e, id, NULL);
    }
    if (e->n_recover && e->recover_at == e->n_recover) {
        arena_deinit(&e->recover_arena);
        e->n_recover = e->recover_at = 0;
    }
    flush(e);
}
