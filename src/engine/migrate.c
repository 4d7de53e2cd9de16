/* A run moves to another file: what it has done is derived again with that file, and if nothing of it is lost the run goes on
 * from there.
 *
 *   request -> (reader: all rows) -> refold with the new plan, differences listed
 *                                    \ something blocks: refused by name
 *                                     \ else the new run takes the old one's place; row: FACT_MIGRATED, snapshot, closure
 *
 * Facts are given by address. One that the new file does not wait for is passed over - by everybody who folds the rows later
 * in just the same way - so only what a run can do without may be: a timer that rings elsewhere, a failed attempt. */
#include "engine/past.h"

/* ---- differences ----------------------------------------------------------------------------------------------------- */

#define DIFFERENCES_MAX 100

static void add(const Refold *f, bool blocks, Str address, Str what) {
    Differences *d = f->differences;
    if (!d)
        return;
    d->blocked |= blocks;
    if (d->n == d->room) {
        if (d->room >= DIFFERENCES_MAX)
            return;
        d->room = d->room ? d->room * 2 : 8;
        Difference *more = ARENA_ARRAY(f->a, Difference, d->room);
        if (d->n)
            memcpy(more, d->items, d->n * sizeof *more);
        d->items = more;
    }
    d->items[d->n++] = (Difference){ arena_str(f->a, address), what, blocks };
}

/* A fact that the new file does not wait for. */
static void passed_over(const Refold *f, const Run *run, const Fact *fact) {
    static const char *const ended[] = { "", "ended ok", "failed", "was refused",
                                         "ended without a known outcome" };
    if (run_finished(run)) {
        add(f, true, fact->address, STR("with this file the run would have ended before this"));
        return;
    }
    bool done = fact->outcome == OUTCOME_OK || fact->outcome == OUTCOME_UNKNOWN;
    if (fact->kind == FACT_FINISHED)
        add(f, done, fact->address,
            arena_fmt(f->a, "attempt %u %s, and this file has no place for it", fact->attempt,
                      ended[fact->outcome]));
    else if (fact->kind == FACT_DECISION)
        add(f, true, fact->address, STR("what a person decided has no place in this file"));
    else if (fact->kind == FACT_TIMER)
        add(f, false, fact->address, STR("its timer rings at another time"));
}

static const Move *last_move(const Row *row, size_t fact, Str address) {
    const Move *found = NULL;
    for (size_t i = 0; i < row->n_moves; i++) {
        if (row->moves[i].cause == fact && str_eq(row->moves[i].address, address))
            found = &row->moves[i];
    }
    return found;
}

/* The attempt that the fact ends, if what it sends is not what was sent. */
static bool asks_otherwise(const Refold *f, Run *run, const Fact *fact) {
    if (!f->known || fact->kind != FACT_FINISHED || fact->outcome != OUTCOME_OK)
        return false;
    for (const Want *w = run_wants(run); w; w = w->next) {
        if (w->kind == WANT_ATTEMPT && w->attempt == fact->attempt &&
            str_eq(want_address(w, f->a), fact->address))
            return !outcomes_recorded(f->known, w);
    }
    return false;
}

/* How the step of the fact ended up, then and now. */
static void compare_end(const Refold *f, size_t row, size_t n, const RowWriter *w) {
    const Row *stored = &f->rows[row].row;
    const Fact *fact = &stored->facts[n].fact;
    const Move *then = last_move(stored, n, fact->address);
    Buf body = BUF_INIT(LIMIT_VALUE_BYTES);
    Row derived;
    row_body(w, &body);
    Str bytes = arena_str(f->a, buf_str(&body));
    buf_deinit(&body);
    if (!then || row_read(bytes, buf_str(&w->data), false, f->a, &derived))
        return;
    const Move *now = last_move(&derived, 0, fact->address);
    if (now && now->to == then->to)
        return;
    bool blocks = then->to == STATUS_OK || then->to == STATUS_IN_DOUBT;
    add(f, blocks, fact->address,
        arena_fmt(f->a, "is %s, and with this file would be %s%s%.*s", status_name(then->to),
                  now ? status_name(now->to) : "as before", now && now->choice.len ? ": " : "",
                  STR_FMT(now ? now->choice : STR(""))));
}

/* ---- deriving again -------------------------------------------------------------------------------------------------- */

static int give(const Refold *f, size_t row, size_t n, RowWriter *w, Run *run) {
    const Fact *fact = &f->rows[row].row.facts[n].fact;
    bool ends = fact->kind == FACT_FINISHED || fact->kind == FACT_DECISION;
    if (asks_otherwise(f, run, fact))
        add(f, false, fact->address, STR("was asked something else; what was recorded is kept"));
    if (f->outcomes)
        outcomes_note(f->outcomes, run, fact, f->before);
    row_reset(w);
    bool repeated = MUTANT(retry_repeats_finished) && f->n_retries && fact->outcome == OUTCOME_OK;
    int err = repeated ? RUN_E_IGNORED : run_apply(run, fact, w);
    run_forget_closed(run);
    if (f->n_retries)
        run_compare_attempts(run, &f->rows[row].row, n, !err);
    if (err == RUN_E_IGNORED && f->n_retries)
        run_pass_over(run, fact);
    else if (err == RUN_E_IGNORED)
        passed_over(f, run, fact);
    else if (!err && f->differences && ends)
        compare_end(f, row, n, w);
    return err == RUN_E_IGNORED ? 0 : err;
}

static void note_next(const Refold *f, Run *run) {
    Differences *d = f->differences;
    if (run_finished(run))
        add(f, true, STR(""), STR("with this file the run would have ended already"));
    size_t n = 0;
    for (const Want *w = run_wants(run); w; w = w->next)
        n++;
    d->next = ARENA_ARRAY(f->a, Str, n + 1);
    for (const Want *w = run_wants(run); w; w = w->next) {
        if (w->kind == WANT_ATTEMPT)
            d->next[d->n_next++] = want_address(w, f->a);
    }
}

static int refuse_start(const Refold *f, Str problem, Str *ret_problem) {
    *ret_problem =
        arena_fmt(f->a, "the input of the run is refused by this file: %.*s", STR_FMT(problem));
    return FOLD_E_DIVERGED;
}

static int give_all(const Refold *f, RowWriter *w, Run **run, Str *ret_problem) {
    Str problem;
    int err = 0;
    for (size_t r = 0; r < f->n_rows && !err; r++) {
        size_t n = f->rows[r].row.n_facts;
        if (r + 1 == f->n_rows)
            n = MIN(n, f->last_facts);
        for (size_t i = 0; i < n && !err; i++) {
            const Fact *fact = &f->rows[r].row.facts[i].fact;
            if (fact_is_note(fact) || fact->kind == FACT_MIGRATED)
                continue;
            if (*run)
                err = give(f, r, i, w, *run);
            else if (run_start_again(f->plan, fact, f->retries, f->n_retries, run, &problem, f->a))
                err = refuse_start(f, problem, ret_problem);
            else if (f->n_retries)
                run_compare_attempts(*run, &f->rows[r].row, i, true);
        }
    }
    return err;
}

static bool is_retry(const Fact *fact) {
    return fact->kind == FACT_CONTROL && fact->verb == CONTROL_RETRY;
}

/* How often a person retried the run, and what: known before its first fact is given again. */
static void gather_retries(Refold *f) {
    size_t room = f->retry != NULL;
    for (size_t r = 0; r < f->n_rows; r++)
        for (size_t i = 0; i < f->rows[r].row.n_facts; i++)
            room += is_retry(&f->rows[r].row.facts[i].fact);
    f->retries = ARENA_ARRAY(f->a, Retried, room);
    for (size_t r = 0; r < f->n_rows; r++) {
        const Row *row = &f->rows[r].row;
        size_t n = r + 1 == f->n_rows ? MIN(row->n_facts, f->last_facts) : row->n_facts;
        for (size_t i = 0; i < n; i++)
            if (is_retry(&row->facts[i].fact))
                f->retries[f->n_retries++] = retried_read(&row->facts[i].fact, f->a);
    }
    if (f->retry)
        f->retries[f->n_retries++] = retried_read(f->retry, f->a);
}

int refold(Refold *what, Run **ret_run, Str *ret_problem) {
    RowWriter w;
    Run *run = NULL;
    gather_retries(what);
    if (what->differences &&
        what->n_retries) /* what was passed over cannot be told from what would be lost */
        add(what, true, STR(""),
            STR("was retried; `baton fork --file` starts another run with this file"));
    row_init(&w);
    *ret_problem = STR("it cannot be derived again");
    int err = give_all(what, &w, &run, ret_problem);
    row_deinit(&w);
    if (!err && !run)
        err = FOLD_E_DAMAGED;
    if (err) {
        run_free(run);
        return err == FOLD_E_DIVERGED ? err : FOLD_E_DAMAGED;
    }
    if (what->differences)
        note_next(what, run);
    run_forget_key_changes(run);
    *ret_run = run;
    return 0;
}

int forget_said(const Plan *own, const StoredRow *rows, size_t n_rows, Run *run, Arena *a,
                Str *ret_problem) {
    _cleanup_(run_freep)
    Run *before = NULL;
    Refold f = { .plan = own, .rows = rows, .n_rows = n_rows, .last_facts = SIZE_MAX, .a = a };
    int err = refold(&f, &before, ret_problem);
    if (!err && !MUTANT(said_again))
        run_forget_said(run, before);
    return err;
}

int engine_compare(Store *store, const StoreRun *stored, const Plan *own, const Plan *plan,
                   Arena *a, Differences *ret, Str *ret_problem) {
    StoredRow *rows;
    _cleanup_(run_freep)
    Run *run = NULL;
    _cleanup_(outcomes_freep)
    Outcomes *known = outcomes_new(false);
    *ret = (Differences){ 0 };
    int err = fold_read(store, stored, a, &rows, ret_problem);
    if (!err)
        err = engine_outcomes(store, stored, stored->head_seq, STR(""), own, known, a, ret_problem);
    Refold f = { .plan = plan,
                 .rows = rows,
                 .n_rows = stored->n_rows,
                 .last_facts = SIZE_MAX,
                 .differences = ret,
                 .known = known,
                 .a = a };
    return err ? err : refold(&f, &run, ret_problem);
}

/* ---- the request ----------------------------------------------------------------------------------------------------- */

typedef struct MigrateJob {
    Pending p; /* first */
    Request *q;
    StoreRun stored;
    StoredRow *rows;
    Str problem;
    struct MigrateJob *next;
} MigrateJob;

void engine_migrate(Engine *e, Str run, Str closure, Str from, EngineReplied replied, void *ctx) {
    Arena a;
    Str problem = STR("");
    arena_init(&a, 0);
    Request q = { .kind = REQUEST_MIGRATE,
                  .run = str_slice(run, 0, MIN(run.len, (size_t)LIMIT_ID_BYTES)),
                  .from = from,
                  .replied = replied,
                  .ctx = ctx };
    q.plan = plans_get(e, closure, NULL, &a, &problem);
    if (!q.plan) {
        q.refused = ENGINE_INVALID;
        q.name = problem;
    }
    request_queue(e, &q);
    arena_deinit(&a);
}

static bool may_move(Engine *e, const Resident *r, Request *q) {
    const char *why = run_finished(r->run) ? "has finished"
                      : run_active(r->run) ? "is at work: pause it first"
                      : r->flights || r->in_batch
                          ? "has something in flight: try again when that has ended"
                      : r->row && !row_empty(&r->row->w) ? "has just moved on: try again"
                                                         : NULL;
    if (why)
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s %s", STR_FMT(q->run), why);
    return !why;
}

static void read_rows(StoreJob *job, Store *store) {
    MigrateJob *j = (MigrateJob *)job;
    j->problem = STR("its rows cannot be read");
    j->p.err = store->ops->load(store, j->q->run, true, &j->p.arena, &j->stored);
    if (!j->p.err)
        j->p.err = fold_read(store, &j->stored, &j->p.arena, &j->rows, &j->problem);
}

static void came_back(StoreJob *job) {
    MigrateJob *j = (MigrateJob *)job;
    QUEUE_PUSH(&j->p.e->migrations, j);
    engine_wake(j->p.e);
}

static void drop(Pending *p) {
    MigrateJob *j = (MigrateJob *)p;
    if (j->q)
        request_free(p->e, j->q);
}

void migrate_ask(Engine *e, Resident *r, Request *q) {
    if (!may_move(e, r, q))
        return;
    if (r->plan == q->plan) {
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s has this file already", STR_FMT(q->run));
        return;
    }
    MigrateJob *j = pending_new(e, sizeof *j, false, read_rows, came_back);
    j->q = q;
    j->p.drop = drop;
    pending_submit(&j->p);
}

/* The first thing that blocks, by name. */
static void refuse(Engine *e, Request *q, const Differences *d) {
    const Difference *first = d->items;
    for (size_t i = 0; i < d->n && !first->blocks; i++)
        first = &d->items[i];
    Str at = first->address.len ? first->address : STR("the run itself");
    request_answer(
        e, q, ENGINE_CONFLICT,
        "run %.*s cannot move to this file: %.*s %.*s; `baton migrate --dry-run` lists all",
        STR_FMT(q->run), STR_FMT(at), STR_FMT(first->what));
}

bool run_fits_a_snapshot(const Run *run) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    run_save(run, &b);
    bool fits = !buf_over(&b);
    buf_deinit(&b);
    return fits;
}

static void move(Engine *e, Resident *r, Request *q, Run *run) {
    Str closure = r->plan->closure;
    PlanEntry *before = r->plan;
    resident_forget_wants(e, r);
    run_free(r->run);
    r->run = run;
    r->plan = plans_ref(q->plan);
    r->moved = r->opens_dirty = true;
    Fact fact = {
        .kind = FACT_MIGRATED, .time_ms = e->now_ms, .from = q->from, .payload = closure
    };
    int err = apply_fact(e, r, &fact);
    ASSERT(err == 0);
    plans_unref(e, before);
    perform_all(e, r);
    request_when_durable(e, r, q);
    resident_settle_idle(e, r);
}

static void take(Engine *e, MigrateJob *j) {
    Request *q = TAKE(j->q);
    Resident *r = resident_find(e, q->run);
    Run *run = NULL;
    Differences d = { 0 };
    bool here = r && r->state == RESIDENT_LIVE && r->head_seq == j->stored.head_seq;
    if (j->p.err || !here) {
        request_answer(e, q, j->p.err ? ENGINE_FAILED : ENGINE_CONFLICT, "run %.*s: %.*s",
                       STR_FMT(q->run),
                       STR_FMT(j->p.err ? j->problem : STR("it moved on; try again")));
        return;
    }
    if (!may_move(e, r, q))
        return;
    Refold f = { .plan = q->plan->plan,
                 .rows = j->rows,
                 .n_rows = j->stored.n_rows,
                 .last_facts = SIZE_MAX,
                 .differences = &d,
                 .a = &j->p.arena };
    apply_mark(e, r);
    if (refold(&f, &run, &j->problem)) {
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s cannot move: %.*s", STR_FMT(q->run),
                       STR_FMT(j->problem));
    } else if (d.blocked) {
        refuse(e, q, &d);
        run_free(run);
    } else if (!run_fits_a_snapshot(run)) {
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s is too large to move", STR_FMT(q->run));
        run_free(run);
    } else if (forget_said(r->plan->plan, j->rows, j->stored.n_rows, run, &j->p.arena,
                           &j->problem)) {
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s cannot move: %.*s", STR_FMT(q->run),
                       STR_FMT(j->problem));
        run_free(run);
    } else {
        move(e, r, q, run);
    }
}

void migrate_take(Engine *e) {
    for (MigrateJob *j; e->phase == ENGINE_INSIDE && (j = QUEUE_POP(&e->migrations));) {
        take(e, j);
        arena_reset(&e->scratch);
        pending_free(&j->p);
    }
}
