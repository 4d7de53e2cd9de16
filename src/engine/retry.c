/* A run that failed or was cancelled goes on in place (kernel/retry.h).
 *
 *   request -> load with all rows -> what failed, by its moves -> derived again -> FACT_CONTROL retry, and a snapshot
 *                                                                 \ ends all the same, or an effect would happen twice: refused
 *
 * What failed by itself is found in the moves: of the failed frames those below which nothing failed that counted. It is
 * written into the fact, so that whoever folds the rows later need not find it again. */
#include "engine/past.h"

#include "base/value.h"

#include <stdlib.h>

/* ---- what had failed -------------------------------------------------------------------------------------------------- */

typedef struct Failure { /* the last move of an address */
    Str address, choice;
    Status status;
    bool by_child; /* something below failed, and that is why */
    bool stood_in; /* somebody else did it in its callee's place */
} Failure;

typedef struct Failures {
    Failure *items;
    uint32_t *slots; /* number of an item + 1, by address */
    size_t n, n_slots;
} Failures;

static Failure *failure_at(const Failures *f, Str address, bool add) {
    size_t at = (size_t)hash_fast(address, 0) & (f->n_slots - 1);
    while (f->slots[at] && !str_eq(f->items[f->slots[at] - 1].address, address))
        at = (at + 1) & (f->n_slots - 1);
    if (!f->slots[at] && add) {
        Failures *grows = (Failures *)f;
        f->slots[at] = (uint32_t)++grows->n;
        f->items[f->n - 1] = (Failure){ .address = address };
    }
    return f->slots[at] ? &f->items[f->slots[at] - 1] : NULL;
}

static Failures last_moves(const StoredRow *rows, size_t n, Arena *a) {
    size_t moves = 0;
    Failures f = { .n_slots = 16 };
    for (size_t i = 0; i < n; i++)
        moves += rows[i].row.n_moves;
    while (f.n_slots < moves * 2)
        f.n_slots *= 2;
    f.items = ARENA_ARRAY(a, Failure, moves);
    f.slots = ARENA_ARRAY(a, uint32_t, f.n_slots);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < rows[i].row.n_moves; k++) {
            const Move *m = &rows[i].row.moves[k];
            Failure *last = failure_at(&f, m->address, true);
            last->status = m->to;
            last->choice = m->choice;
        }
    }
    return f;
}

static Failure *parent_of(const Failures *f, Str address) {
    for (size_t n = address.len; n-- > 0;) {
        Failure *parent = n == 0 || strchr("/[~.:", address.p[n])
                              ? failure_at(f, str_slice(address, 0, n), false)
                              : NULL;
        if (parent)
            return parent;
    }
    return NULL;
}

static bool stands_in(const Failure *child, const Failure *parent) {
    Str part = str_slice(child->address, parent->address.len, child->address.len);
    return str_starts(part, STR(":fallback")) && !memchr(part.p + 1, ':', part.len - 1);
}

/* A tool that fails is told to the model; a handler or a fallback that fails is part of the step it stands for. */
static bool counts_for(const Failure *child, const Failure *parent) {
    Str part = str_slice(child->address, parent->address.len, child->address.len);
    if (parent->stood_in && !str_starts(part, STR(":approve")))
        return false;
    bool tool = part.len > 1 && part.p[0] == '.' && memchr(part.p + 1, '.', part.len - 1);
    bool tolerated = str_ends(child->choice, STR("; continue"));
    bool short_of = str_starts(parent->choice, STR("all_failed"));
    bool handles = str_is(part, "/on_error") || stands_in(child, parent);
    return !tool && !handles && (!tolerated || short_of);
}

/* Does its failure reach the run's own? */
static bool reaches_root(const Failures *f, const Failure *at) {
    while (at->address.len) {
        Failure *parent = parent_of(f, at->address);
        if (!parent || parent->status != STATUS_FAILED || !counts_for(at, parent))
            return false;
        at = parent;
    }
    return at->status == STATUS_FAILED;
}

static void failed_by_themselves(const StoredRow *rows, size_t n, Arena *a, Retried *ret) {
    Failures f = last_moves(rows, n, a);
    ret->failed = ARENA_ARRAY(a, Str, f.n);
    for (size_t i = 0; i < f.n; i++) {
        Failure *parent = f.items[i].status == STATUS_OK ? parent_of(&f, f.items[i].address) : NULL;
        if (parent && stands_in(&f.items[i], parent))
            parent->stood_in = true;
    }
    for (size_t i = 0; i < f.n; i++) {
        Failure *child = &f.items[i];
        Failure *parent = child->status == STATUS_FAILED && child->address.len
                              ? parent_of(&f, child->address)
                              : NULL;
        if (parent && counts_for(child, parent))
            parent->by_child = true;
    }
    for (size_t i = 0; i < f.n; i++) {
        if (f.items[i].status == STATUS_FAILED && !f.items[i].by_child &&
            reaches_root(&f, &f.items[i]))
            ret->failed[ret->n_failed++] = f.items[i].address;
    }
}

/* ---- what was undone --------------------------------------------------------------------------------------------------- */

typedef struct TakenBack { /* by the last undo of a step, in the last life of the run */
    Str address;
    Status status; /* FAILED: a person gave it up */
} TakenBack;
typedef struct TakenBacks {
    TakenBack *items;
    size_t n;
} TakenBacks;

/* "work/pay:undo~2" takes back "work/pay". */
static bool of_undo(Str address, Str *ret_step) {
    ptrdiff_t at = str_find(address, STR(":undo"));
    size_t end = at < 0 ? 0 : (size_t)at + 5;
    if (at < 0 || (end < address.len && address.p[end] != '~'))
        return false;
    *ret_step = str_slice(address, 0, (size_t)at);
    return memchr(address.p + end, '/', address.len - end) == NULL;
}

static void note_undo(TakenBacks *t, const Move *m) {
    Str step;
    if (!status_final(m->to) || !of_undo(m->address, &step))
        return;
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->items[i].address, step)) {
            t->items[i].status = m->to;
            return;
        }
    t->items[t->n++] = (TakenBack){ step, m->to };
}

/* From the fact behind the last retry on. */
static TakenBacks taken_back(const StoredRow *rows, size_t n, Arena *a) {
    size_t row = 0, fact = 0, moves = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows[i].row.n_facts; k++) {
            const Fact *f = &rows[i].row.facts[k].fact;
            if (f->kind == FACT_CONTROL && f->verb == CONTROL_RETRY)
                row = i, fact = k;
        }
    for (size_t i = row; i < n; i++)
        for (size_t k = 0; k < rows[i].row.n_moves; k++)
            moves += status_final(rows[i].row.moves[k].to) &&
                     str_find(rows[i].row.moves[k].address, STR(":undo")) >= 0;
    TakenBacks t = { .items = ARENA_ARRAY(a, TakenBack, moves) };
    for (size_t i = row; i < n; i++)
        for (size_t k = 0; k < rows[i].row.n_moves; k++)
            if (i > row || rows[i].row.moves[k].cause >= fact)
                note_undo(&t, &rows[i].row.moves[k]);
    return t;
}

/* ---- the request ------------------------------------------------------------------------------------------------------- */

void engine_retry(Engine *e, Str run, Str step, Str from, Str reason, EngineReplied replied,
                  void *ctx) {
    request_queue_checked(e, &(Request){ .kind = REQUEST_RETRY,
                                         .run = run,
                                         .address = step,
                                         .from = from,
                                         .name = reason,
                                         .replied = replied,
                                         .ctx = ctx });
}

/* The run is in memory, and so not over. */
void retry_refuse_live(Engine *e, Resident *r, Request *q) {
    request_answer(e, q, ENGINE_CONFLICT, "run %.*s %s", STR_FMT(q->run),
                   run_finished(r->run) ? "has only just ended: try again"
                   : run_status(r->run) == RUN_PAUSED
                       ? "is paused, not over: `baton resume` goes on with it"
                       : "is not over: only what failed or was cancelled is retried");
}

static Fact fact_of(const Engine *e, const Request *q) {
    return (Fact){ .kind = FACT_CONTROL,
                   .verb = CONTROL_RETRY,
                   .time_ms = e->now_ms,
                   .address = q->address,
                   .payload = q->payload,
                   .from = q->from,
                   .message = q->name };
}

/* Derived again as far as it is over; NULL: it cannot be. */
static Run *derive(Engine *e, Resident *r, const Request *q, const StoreRun *stored,
                   const StoredRow *rows, Str *ret_problem) {
    Fact fact = fact_of(e, q);
    Run *run = NULL;
    Refold f = { .plan = r->plan->plan,
                 .rows = rows,
                 .n_rows = stored->n_rows,
                 .last_facts = SIZE_MAX,
                 .retry = &fact,
                 .a = &e->scratch };
    return refold(&f, &run, ret_problem) ? NULL : run;
}

/* What was taken back is done anew, but for what the run takes back by itself while it is derived. False: there is no more of it. */
static bool add_undone(const TakenBacks *t, const Run *run, Retried *ret) {
    size_t before = ret->n_undone;
    for (size_t i = 0; i < t->n; i++)
        if (!str_among(t->items[i].address, ret->undone, before) &&
            !run_takes_back(run, t->items[i].address))
            ret->undone[ret->n_undone++] = t->items[i].address;
    return ret->n_undone > before;
}

static Request *with_particulars(Engine *e, const Request *q, const Retried *what) {
    Request filled = *q;
    filled.payload = value_text(&e->scratch, retried_write(what, &e->scratch));
    return request_copy(&filled);
}

/* The run as it goes on, and q as its fact will say; NULL with what stands against it. Mostly nothing was undone, or all that was
 * is known when it has been derived once. */
static Run *derive_all(Engine *e, Resident *r, Request **q, const StoreRun *stored,
                       const StoredRow *rows, Str *ret_problem) {
    Arena *a = &e->scratch;
    TakenBacks t = taken_back(rows, stored->n_rows, a);
    Retried what = { .undone = ARENA_ARRAY(a, Str, t.n) };
    Run *run = NULL;
    failed_by_themselves(rows, stored->n_rows, a, &what);
    for (size_t i = 0; i < t.n; i++)
        if (t.items[i].status != STATUS_OK) {
            *ret_problem =
                arena_fmt(a,
                          "the undo of %.*s was given up, and nobody knows what it left; "
                          "`baton fork %s` starts another run",
                          STR_FMT(t.items[i].address), r->id);
            return NULL;
        }
    do {
        Request *full = with_particulars(e, *q, &what);
        request_free(e, *q);
        *q = full;
        run_free(run);
        run = derive(e, r, *q, stored, rows, ret_problem);
    } while (run && add_undone(&t, run, &what));
    if (what.n_undone <= LIMIT_RETRY_UNDONE)
        return run;
    *ret_problem = arena_fmt(a,
                             "%zu steps were undone, and at most %d can be gone back behind; "
                             "`baton fork %s` starts another run, which keeps what was not",
                             what.n_undone, LIMIT_RETRY_UNDONE, r->id);
    return run_free(run);
}

/* It would do an effect twice, or end as it did. */
static bool may_go_on(Engine *e, Run *run, const Request *q, Str *ret_problem) {
    Arena *a = &e->scratch;
    Str twice = run_would_repeat(run);
    Value step = value_getz(run_error(run), "step");
    Str at = step.type == V_STRING && step.len ? value_as_str(step) : STR("the run as a whole");
    if (twice.len)
        *ret_problem = arena_fmt(
            a,
            "%.*s has taken effect, or may have, and would do so a second time; "
            "`baton fork %.*s --from %.*s` starts another run",
            STR_FMT(twice), STR_FMT(q->run), STR_FMT(q->address.len ? q->address : twice));
    else if (run_finished(run) || run_ending(run))
        *ret_problem = arena_fmt(a,
                                 "%.*s failed although every step in it ended well; "
                                 "name the step that is to be done anew",
                                 STR_FMT(at));
    else if (!run_fits_a_snapshot(run))
        *ret_problem = STR("it is too large to be derived again");
    else
        return true;
    return false;
}

/* What became of it, and whose it is, may stand against it. */
static bool is_over_for_good(Engine *e, Resident *r, const StoreRun *stored, const StoredRow *rows,
                             Str *ret_problem) {
    Arena *a = &e->scratch;
    Run *then = NULL;
    if (fold_rows(r->plan->plan, stored, rows, true, a, &then, ret_problem))
        return true;
    RunStatus status = run_status(then);
    Str parent = arena_str(a, run_parent(then)), step = arena_str(a, run_parent_step(then));
    run_free(then);
    if (parent.len)
        *ret_problem =
            arena_fmt(a,
                      "it is a child of run %.*s, which was told that it is over; `baton retry "
                      "%.*s` does the step %.*s anew",
                      STR_FMT(parent), STR_FMT(parent), STR_FMT(step));
    else if (status == RUN_OK)
        *ret_problem =
            arena_fmt(a, "it succeeded; `baton fork %s` starts another run from it", r->id);
    return parent.len || status == RUN_OK;
}

/* The step as the plan has it. */
static bool find_step(Engine *e, const Resident *r, Request **q, Str *ret_problem) {
    Request filled = **q;
    if (!start_find_step(r->plan->plan, filled.address, &e->scratch, &filled.address, ret_problem))
        return false;
    Request *full = request_copy(&filled);
    request_free(e, *q);
    *q = full;
    return true;
}

/* 0, or what stands against it: r has the run as it goes on, and q says what its fact will. */
static bool prepare(Engine *e, Resident *r, Request **q, const StoreRun *stored,
                    const StoredRow *rows, Str *ret_problem) {
    r->plan = plans_get(e, stored->closure, &stored->closure_hash, &e->scratch, ret_problem);
    if (!r->plan || is_over_for_good(e, r, stored, rows, ret_problem) ||
        !find_step(e, r, q, ret_problem))
        return false;
    r->run = derive_all(e, r, q, stored, rows, ret_problem);
    if (r->run &&
        (!may_go_on(e, r->run, *q, ret_problem) ||
         forget_said(r->plan->plan, rows, stored->n_rows, r->run, &e->scratch, ret_problem)))
        r->run = run_free(r->run);
    if (r->run && MUTANT(retry_says_nothing))
        run_forget_posts(r->run);
    return r->run != NULL;
}

static Request *take_request(Resident *r) {
    RequestQueue rest = { 0 };
    Request *found = NULL;
    for (Request *q; (q = QUEUE_POP(&r->waiting));) {
        if (!found && q->kind == REQUEST_RETRY)
            found = q;
        else
            QUEUE_PUSH(&rest, q);
    }
    r->waiting = rest;
    return found;
}

void retry_refuse(Engine *e, Resident *r, Str problem) {
    Request *q = take_request(r);
    request_answer(e, q, ENGINE_CONFLICT, "run %s cannot be retried: %.*s", r->id,
                   STR_FMT(problem));
    load_finished(e, r);
}

void retry_stored(Engine *e, Resident *r, const StoreRun *stored, const StoredRow *rows) {
    Request *q = take_request(r);
    Str problem = STR("");
    ASSERT(q);
    apply_mark(e, r);
    bool good = prepare(e, r, &q, stored, rows, &problem);
    QUEUE_PUSH_FIRST(&r->waiting, q);
    if (!good) {
        retry_refuse(e, r, problem);
        return;
    }
    r->retried = true;
    if (!reuse_load(e, r))
        load_go_on(e, r);
}

void retry_go_on(Engine *e, Resident *r) {
    Request *q = take_request(r);
    Fact fact = fact_of(e, q);
    r->state = RESIDENT_LIVE;
    r->retried = false;
    apply_adopt(e, r);
    r->moved = r->opens_dirty = r->opens_stored = true;
    int err = apply_fact(e, r, &fact);
    ASSERT(err == 0);
    perform_all(e, r);
    request_when_durable(e, r, q);
}
