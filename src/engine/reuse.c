/* Outcomes of another run, read back for one that reuses them (kernel/outcomes.h).
 *
 *   a start that names a source:  request -> job (reader: load, fold, note) -> reuse_take -> start_take, with the map
 *   such a run loaded again:      fold -> job -> reuse_take -> load_go_on
 *
 * The run's first fact names its source and how many rows of it count, so a run that is recovered is offered exactly what
 * the one that was lost was offered: what was offered has never been sent, also where the fact that takes it was lost. Which
 * of them it took stands in its own journal. The map lives as long as the run is in memory. */
#include "engine/past.h"

typedef struct ReuseJob {
    Pending p;      /* first */
    Request *q;     /* the start that waits; NULL: the run `id` does */
    Str id, source; /* in p.arena */
    uint64_t upto;  /* rows of the source that count; 0: all it has now */
    unsigned life;
    Outcomes *outcomes;
    Str problem;
    struct ReuseJob *next;
} ReuseJob;

/* ---- reader's side --------------------------------------------------------------------------------------------------- */

/* What the source was itself offered and did not come to take: a run that failed early does not cost what the one before it
 * had. So far back; each run's journal has what it took, so only runs that failed one after the other need more. */
#define SOURCES_MAX 8

static int read_run(ReuseJob *j, Store *store, Str id, uint64_t upto, Str before, unsigned depth);

/* The source of the source, if it has one and that can be read. Of two steps to stop at, neither of which need be before the
 * other, nothing older is taken. */
static void read_older(ReuseJob *j, Store *store, const StoreRun *stored, Str before,
                       unsigned depth) {
    Row row;
    const StoreRow *first = stored->rows;
    if (depth == SOURCES_MAX || !stored->n_rows ||
        row_read(first->body, first->data, first->forgotten, &j->p.arena, &row))
        return;
    const Fact *f = &row.facts[0].fact;
    if (f->kind == FACT_ACCEPTED && f->from.len && (!before.len || !f->id.len))
        read_run(j, store, f->from, f->upto, before.len ? before : f->id, depth + 1);
}

static int read_run(ReuseJob *j, Store *store, Str id, uint64_t upto, Str before, unsigned depth) {
    StoreRun stored;
    Arena *a = &j->p.arena;
    int err = store->ops->load(store, id, true, a, &stored);
    if (err) {
        j->problem = err == STORE_E_NOT_FOUND ? STR("there is no such run")
                                              : arena_str(a, str_from(store->read_problem));
        return err;
    }
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    Diags diags = { .arena = a };
    if (plan_compile(stored.closure, &plan, &diags)) {
        j->problem = STR("its workflow file is refused by this version");
        return FOLD_E_DIVERGED;
    }
    if (!upto)
        upto = j->upto = stored.head_seq;
    read_older(j, store, &stored, before, depth);
    return engine_outcomes(store, &stored, upto, before, plan, j->outcomes, a, &j->problem);
}

static void work(StoreJob *job, Store *store) {
    ReuseJob *j = (ReuseJob *)job;
    j->outcomes = outcomes_new(false);
    j->p.err = read_run(j, store, j->source, j->upto, STR(""), 0);
}

static void came_back(StoreJob *job) {
    ReuseJob *j = (ReuseJob *)job;
    Engine *e = j->p.e;
    QUEUE_PUSH(&e->reused, j);
    engine_wake(e);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

static void drop(Pending *p) {
    ReuseJob *j = (ReuseJob *)p;
    outcomes_free(j->outcomes);
    if (j->q)
        request_free(p->e, j->q);
}

static void submit(Engine *e, Str source, uint64_t upto, Str id, Request *q) {
    ReuseJob *j = pending_new(e, sizeof *j, false, work, came_back);
    j->source = arena_str(&j->p.arena, source);
    j->upto = upto;
    j->id = arena_str(&j->p.arena, id);
    j->q = q;
    j->life = e->lives;
    j->p.drop = drop;
    e->n_loading++;
    pending_submit(&j->p);
}

bool reuse_start(Engine *e, Request *q) {
    if (!q->from.len || q->outcomes)
        return false;
    submit(e, q->from, 0, q->run, q);
    return true;
}

bool reuse_load(Engine *e, Resident *r) {
    Str source = run_source(r->run);
    if (!source.len || run_finished(r->run) || MUTANT(source_forgotten))
        return false;
    submit(e, source, run_source_upto(r->run), resident_id(r), NULL);
    return true;
}

/* ---- taking ---------------------------------------------------------------------------------------------------------- */

static void take_start(Engine *e, ReuseJob *j) {
    Request *q = TAKE(j->q);
    if (j->p.err) {
        request_answer(e, q, j->p.err == STORE_E_NOT_FOUND ? ENGINE_NOT_FOUND : ENGINE_FAILED,
                       "the outcomes of run %.*s cannot be reused: %.*s", STR_FMT(j->source),
                       STR_FMT(j->problem));
        return;
    }
    q->outcomes = TAKE(j->outcomes);
    q->upto = j->upto;
    inbox_give(e, q);
}

/* Without its map it would do again what the run it came from had done: it is parked until a person looks. */
static void take_resident(Engine *e, ReuseJob *j) {
    Resident *r = resident_find(e, j->id);
    if (!r || r->state != RESIDENT_LOADING || j->life != e->lives)
        return;
    if (j->p.err && r->retried) {
        retry_refuse(e, r,
                     arena_fmt(&e->scratch, "the outcomes of run %.*s cannot be read: %.*s",
                               STR_FMT(j->source), STR_FMT(j->problem)));
        return;
    }
    if (j->p.err) {
        load_park(e, r, r->plan->plan->name, "sourceless",
                  arena_fmt(&e->scratch, "the outcomes of run %.*s cannot be read: %.*s",
                            STR_FMT(j->source), STR_FMT(j->problem)));
        return;
    }
    r->outcomes = TAKE(j->outcomes);
    load_go_on(e, r);
}

void reuse_take(Engine *e) {
    if (e->phase < ENGINE_INSIDE)
        return;
    for (ReuseJob *j; e->turn_facts < TURN_FACTS_MAX && (j = QUEUE_POP(&e->reused));) {
        e->n_loading--;
        if (j->q)
            take_start(e, j);
        else
            take_resident(e, j);
        arena_reset(&e->scratch);
        pending_free(&j->p);
    }
}
