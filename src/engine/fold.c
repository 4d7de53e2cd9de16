/* The fold: a stored run made live again, and proof that it is the run that was stored.
 *
 *   reader's side:  rows decoded, their chain of hashes checked, large payloads fetched      (bytes only)
 *   engine's side:  snapshot loaded or first fact started, facts applied, moves compared     (no I/O)
 *
 * Damage is bytes that are not what was written; divergence is bytes that are, from which this program derives other moves
 * than the one that wrote them. The first is never written over; the second parks the run by name. */
#include "engine/past.h"

static int damaged(Arena *a, Str *ret_problem, uint64_t seq, const char *what) {
    *ret_problem = arena_fmt(a, "row %llu: %s", (unsigned long long)seq, what);
    return FOLD_E_DAMAGED;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

/* Rows follow each other up to the head. Before the first of them stands a snapshot or nothing. */
static int check_chain(const StoreRun *stored, Arena *a, Str *ret_problem) {
    Hash before = { { 0 } };
    bool known = stored->n_rows && stored->rows[0].seq == 1;
    uint64_t seq = known ? 1 : stored->snapshot_seq + 1;
    for (size_t i = 0; i < stored->n_rows; i++, seq++) {
        const StoreRow *row = &stored->rows[i];
        if (row->seq != seq)
            return damaged(a, ret_problem, seq, "it is missing");
        Hash data_hash = row->forgotten ? row->data_hash : hash_bytes(row->data);
        Hash hash = store_chain(&before, row->body, &data_hash);
        if (known && !hash_eq(&hash, &row->hash))
            return damaged(a, ret_problem, seq, "its hash does not follow from the row before it");
        before = row->hash;
        known = true;
    }
    if (seq != stored->head_seq + 1)
        return damaged(a, ret_problem, seq, "it is missing");
    if (stored->n_rows && !hash_eq(&before, &stored->head_hash))
        return damaged(a, ret_problem, seq - 1, "its hash is not the head's");
    return 0;
}

static int fetch_payloads(Store *store, Str run, StoredRow *row, Arena *a, Str *ret_problem) {
    for (size_t i = 0; i < row->row.n_facts; i++) {
        RowFact *f = &row->row.facts[i];
        if (f->erased)
            return damaged(a, ret_problem, row->seq,
                           "its content was forgotten, so the run cannot go on");
        if (!f->large)
            continue;
        int err = store->ops->payload(store, run, &f->hash, a, &f->fact.payload);
        if (err < 0)
            return err;
        if (err)
            return damaged(a, ret_problem, row->seq, "a payload of it is missing or damaged");
        Hash hash = hash_bytes(f->fact.payload);
        if (!hash_eq(&hash, &f->hash))
            return damaged(a, ret_problem, row->seq, "a payload of it is not what was written");
    }
    return 0;
}

int fold_read(Store *store, const StoreRun *stored, Arena *a, StoredRow **ret_rows,
              Str *ret_problem) {
    int err = check_chain(stored, a, ret_problem);
    StoredRow *rows = ARENA_ARRAY(a, StoredRow, stored->n_rows);
    for (size_t i = 0; i < stored->n_rows && !err; i++) {
        const StoreRow *from = &stored->rows[i];
        rows[i].seq = from->seq;
        if (row_read(from->body, from->data, from->forgotten, a, &rows[i].row))
            return damaged(a, ret_problem, from->seq, "it is not a row of this version of Baton");
        err = fetch_payloads(store, stored->id, &rows[i], a, ret_problem);
    }
    if (!err)
        *ret_rows = rows;
    return err;
}

/* ---- folding --------------------------------------------------------------------------------------------------------- */

typedef struct Fold {
    const Plan *plan; /* that the run has at the end of all rows */
    const StoreRun *stored;
    const StoredRow *rows;
    size_t n_rows; /* all there are, folded or not */
    Plan *own;     /* of a file that the run was moved away from; NULL: it is past that */
    Run *run;
    RowWriter w;
    Outcomes *outcomes; /* noted as it goes, up to the step `before`; NULL: nobody asks */
    Str before;
    Replay *replay;  /* counted, and where it differs; NULL: nobody asks */
    EngineLook look; /* after each fact, and with fact NULL at the end; NULL: nobody asks */
    void *look_ctx;
    Arena *a;
    Str *ret_problem;
} Fold;

static int diverged(Fold *f, uint64_t seq, Str address, const char *stored, const char *derived) {
    if (f->replay) {
        f->replay->differs = true;
        f->replay->seq = seq;
        f->replay->address = address;
        f->replay->stored = str_from(stored);
        f->replay->derived = str_from(derived);
    }
    *f->ret_problem = arena_fmt(f->a, "row %llu: moves differ: stored `%s`, derived `%s`",
                                (unsigned long long)seq, stored, derived);
    return FOLD_E_DIVERGED;
}

static const char *move_text(Fold *f, const Move *m, bool args) {
    if (!m)
        return "nothing";
    Buf b = BUF_INIT(64 * KIB);
    move_write_text(&b, m);
    if (args)
        buf_fmt(&b, ", its arguments hash to %016llx", (unsigned long long)m->args);
    Str text = arena_str(f->a, buf_str(&b));
    buf_deinit(&b);
    return text.p;
}

static const char *fact_text(Fold *f, const Fact *fact) {
    Buf b = BUF_INIT(64 * KIB);
    Fact plain = *fact;
    plain.payload = STR_NULL;
    fact_write_text(&b, &plain);
    Str text = arena_str(f->a, buf_str(&b));
    buf_deinit(&b);
    return text.p;
}

static bool same_move(const Move *x, const Move *y) {
    return x->cause == y->cause && x->from == y->from && x->to == y->to &&
           x->attempt == y->attempt && x->args == y->args && str_eq(x->address, y->address) &&
           str_eq(x->choice, y->choice);
}

static int name_first_difference(Fold *f, const StoredRow *stored) {
    Buf body = BUF_INIT(LIMIT_VALUE_BYTES);
    Row derived;
    row_body(&f->w, &body);
    Str bytes = arena_str(f->a, buf_str(&body));
    buf_deinit(&body);
    if (row_read(bytes, buf_str(&f->w.data), false, f->a, &derived))
        return diverged(f, stored->seq, STR(""), "moves", "too many of them");
    size_t i = 0;
    while (i < stored->row.n_moves && i < derived.n_moves &&
           same_move(&stored->row.moves[i], &derived.moves[i]))
        i++;
    const Move *s = i < stored->row.n_moves ? &stored->row.moves[i] : NULL;
    const Move *d = i < derived.n_moves ? &derived.moves[i] : NULL;
    bool args = s && d && s->args != d->args;
    return diverged(f, stored->seq,
                    s   ? s->address
                    : d ? d->address
                        : STR(""),
                    move_text(f, s, args), move_text(f, d, args));
}

static int told(Fold *f, const Fact *fact) {
    if (f->look)
        f->look(f->look_ctx, f->run, fact);
    run_forget_closed(f->run);
    run_forget_notices(f->run); /* they were mail once */
    run_forget_posts(f->run);
    run_forget_key_changes(f->run);
    return 0;
}

static int start(Fold *f, const Fact *fact, uint64_t seq) {
    Str problem;
    if (fact->kind != FACT_ACCEPTED)
        return damaged(f->a, f->ret_problem, seq, "the run does not begin with its acceptance");
    if (run_start(f->own ? f->own : f->plan, fact, &f->w, &f->run, &problem, f->a)) {
        Str now = arena_fmt(f->a, "its input is refused: %.*s", STR_FMT(problem));
        return diverged(f, seq, STR(""), "the run begins", now.p);
    }
    return told(f, fact);
}

/* The first move to another file from fact `fact` of row `row` on; NULL: none. It says which file the run had before. */
static const Fact *next_migration(const Fold *f, size_t row, size_t fact) {
    for (; row < f->n_rows; row++, fact = 0) {
        for (; fact < f->rows[row].row.n_facts; fact++) {
            if (f->rows[row].row.facts[fact].fact.kind == FACT_MIGRATED)
                return &f->rows[row].row.facts[fact].fact;
        }
    }
    return NULL;
}

/* *ret_own: the plan up to that move, to be freed; NULL where none follows, which is f->plan. */
static int plan_before(Fold *f, const Fact *migration, Plan **ret_own) {
    Diags diags = { .arena = f->a };
    *ret_own = NULL;
    if (!migration || plan_compile(migration->payload, ret_own, &diags) == 0)
        return 0;
    *f->ret_problem = STR("a file that the run was moved away from is refused by this version");
    return FOLD_E_DIVERGED;
}

/* What the run has done so far is derived again with the file that it goes on with. */
static int change_plan(Fold *f, size_t row, size_t fact) {
    Plan *own;
    int err = plan_before(f, next_migration(f, row, fact + 1), &own);
    if (err)
        return err;
    Refold again = { .plan = own ? own : f->plan,
                     .rows = f->rows,
                     .n_rows = row + 1,
                     .last_facts = fact,
                     .outcomes = f->outcomes,
                     .before = f->before,
                     .a = f->a };
    f->run = run_free(f->run);
    plan_free(f->own);
    f->own = own;
    return refold(&again, &f->run, f->ret_problem);
}

/* A retry goes on with what the run is when it is derived again for it. */
static int begin_again(Fold *f, size_t row, size_t fact) {
    Refold again = { .plan = f->own ? f->own : f->plan,
                     .rows = f->rows,
                     .n_rows = row + 1,
                     .last_facts = fact,
                     .retry = &f->rows[row].row.facts[fact].fact,
                     .outcomes = f->outcomes,
                     .before = f->before,
                     .a = f->a };
    if (f->outcomes) {
        Retried retried = retried_read(again.retry, f->a);
        for (size_t i = 0; i < retried.n_undone; i++)
            outcomes_forget_within(f->outcomes, retried.undone[i]);
    }
    f->run = run_free(f->run);
    return refold(&again, &f->run, f->ret_problem);
}

static int apply(Fold *f, size_t row, size_t n) {
    const Fact *fact = &f->rows[row].row.facts[n].fact;
    uint64_t seq = f->rows[row].seq;
    int err = 0;
    if (fact_is_note(fact)) {
        row_add_fact(&f->w, fact);
        return 0;
    }
    if (!f->run)
        return start(f, fact, seq);
    if (fact->kind == FACT_MIGRATED)
        err = change_plan(f, row, n);
    else if (fact->kind == FACT_CONTROL && fact->verb == CONTROL_RETRY)
        err = begin_again(f, row, n);
    else if (f->outcomes)
        outcomes_note(f->outcomes, f->run, fact, f->before);
    if (err)
        return err;
    err = run_apply(f->run, fact, &f->w);
    if (err == RUN_E_IGNORED)
        return diverged(f, seq, fact->address, fact_text(f, fact), "nothing that waits for it");
    if (err)
        return damaged(f->a, f->ret_problem, seq, "a payload of it is not JSON");
    return told(f, fact);
}

static int fold_row(Fold *f, size_t row, bool check_moves) {
    const StoredRow *stored = &f->rows[row];
    row_reset(&f->w);
    if (f->replay) {
        f->replay->rows++;
        f->replay->facts += stored->row.n_facts;
        f->replay->moves += stored->row.n_moves;
    }
    for (size_t i = 0; i < stored->row.n_facts; i++) {
        int err = apply(f, row, i);
        if (err)
            return err;
    }
    if (check_moves && !MUTANT(moves_unproven) &&
        !str_eq(buf_str(&f->w.moves), stored->row.moves_bytes))
        return name_first_difference(f, stored);
    return 0;
}

/* A snapshot goes with the row that moves a run, so those after it know one file only. */
static int begin(Fold *f) {
    const StoreRun *stored = f->stored;
    bool whole = f->n_rows && f->rows[0].seq == 1;
    if (whole || !stored->snapshot.p)
        return plan_before(f, next_migration(f, 0, 0), &f->own);
    if (run_load(f->plan, stored->snapshot, &f->run))
        return damaged(f->a, f->ret_problem, stored->snapshot_seq,
                       "the snapshot taken after it cannot be read");
    return 0;
}

/* The first `n` rows. The run borrows f->own, if it is there, which the caller frees after it. */
static int fold_some(Fold *f, size_t n, bool check_moves, Run **ret_run) {
    row_init(&f->w);
    int err = begin(f);
    for (size_t i = 0; i < n && !err; i++)
        err = fold_row(f, i, check_moves);
    if (!err && !f->run)
        err = damaged(f->a, f->ret_problem, 1, "it is missing");
    row_deinit(&f->w);
    if (err)
        f->run = run_free(f->run);
    else
        *ret_run = f->run;
    return err;
}

int fold_rows(const Plan *plan, const StoreRun *stored, const StoredRow *rows, bool check_moves,
              Arena *a, Run **ret_run, Str *ret_problem) {
    Fold f = { .plan = plan,
               .stored = stored,
               .rows = rows,
               .n_rows = stored->n_rows,
               .a = a,
               .ret_problem = ret_problem };
    int err = fold_some(&f, f.n_rows, check_moves, ret_run);
    ASSERT(err || !f.own);
    plan_free(f.own);
    return err;
}

int engine_fold(Store *store, const StoreRun *stored, bool check_moves, const Plan *plan, Arena *a,
                Run **ret_run, Str *ret_problem) {
    StoredRow *rows;
    int err = fold_read(store, stored, a, &rows, ret_problem);
    return err ? err : fold_rows(plan, stored, rows, check_moves, a, ret_run, ret_problem);
}

/* Folds for what is learned on the way; the run itself is let go of. */
static int fold_and_free(Fold *f, Store *store, uint64_t upto, bool check_moves,
                         RunStatus *ret_status) {
    StoredRow *rows;
    Run *run = NULL;
    int err = fold_read(store, f->stored, f->a, &rows, f->ret_problem);
    if (err)
        return err;
    f->rows = rows;
    f->n_rows = f->stored->n_rows;
    err = fold_some(f, MIN(f->n_rows, (size_t)upto), check_moves, &run);
    if (!err)
        *ret_status = run_status(run);
    if (!err && f->outcomes)
        outcomes_forget_undone(f->outcomes, run);
    if (!err && f->look)
        f->look(f->look_ctx, run, NULL);
    run_free(run);
    plan_free(f->own);
    return err;
}

/* What a binary that acts differently today would make of the run does not matter: its facts are what is asked for. */
int engine_outcomes(Store *store, const StoreRun *stored, uint64_t upto, Str before,
                    const Plan *plan, Outcomes *outcomes, Arena *a, Str *ret_problem) {
    RunStatus unused;
    Fold f = { .plan = plan,
               .stored = stored,
               .outcomes = outcomes,
               .before = before,
               .a = a,
               .ret_problem = ret_problem };
    return fold_and_free(&f, store, upto, false, &unused);
}

int engine_replay(Store *store, const StoreRun *stored, const Plan *plan, Arena *a, Replay *ret,
                  Str *ret_problem) {
    *ret = (Replay){ 0 };
    Fold f = { .plan = plan, .stored = stored, .replay = ret, .a = a, .ret_problem = ret_problem };
    int err = fold_and_free(&f, store, UINT64_MAX, true, &ret->status);
    return err == FOLD_E_DIVERGED && ret->differs ? 0 : err;
}

int engine_retell(Store *store, const StoreRun *stored, const Plan *plan, EngineLook look,
                  void *ctx, Arena *a, Str *ret_problem) {
    RunStatus unused;
    Fold f = { .plan = plan,
               .stored = stored,
               .look = look,
               .look_ctx = ctx,
               .a = a,
               .ret_problem = ret_problem };
    return fold_and_free(&f, store, UINT64_MAX, false, &unused);
}
