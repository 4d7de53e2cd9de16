/* What runs have done, read back from their rows: folded (fold.c), given to another file (migrate.c), offered to another run
 * (reuse.c). */
#ifndef BATON_ENGINE_PAST_H
#define BATON_ENGINE_PAST_H

#include "engine/state.h"
#include "kernel/retry.h"

typedef struct StoredRow {
    Row row;
    uint64_t seq;
} StoredRow;
/* R side: the rows of `stored`, decoded, chain checked, large payloads fetched. FOLD_E_DAMAGED with *ret_problem. */
int fold_read(Store *store, const StoreRun *stored, Arena *a, StoredRow **ret_rows,
              Str *ret_problem);
/* Engine's side. */
int fold_rows(const Plan *plan, const StoreRun *stored, const StoredRow *rows, bool check_moves,
              Arena *a, Run **ret_run, Str *ret_problem);

/* True: it waits for the outcomes it asks for, and comes back by itself. */
bool reuse_start(Engine *e, Request *q);
bool reuse_load(Engine *e, Resident *r);
void reuse_take(Engine *e);

/* A run that is over was read with all its rows, for the retry that waits for it. */
void retry_stored(Engine *e, Resident *r, const StoreRun *stored, const StoredRow *rows);
/* Its turn has come: it is live. */
void retry_go_on(Engine *e, Resident *r);
/* It stays as it is. */
void retry_refuse(Engine *e, Resident *r, Str problem);
void retry_refuse_live(Engine *e, Resident *r, Request *q);
/* A snapshot of it can be taken: without one nobody could load it later. */
bool run_fits_a_snapshot(const Run *run);

/* A run that is over, or parked, was read for it; q is taken. */
void forget_stored(Engine *e, Resident *r, const StoreRun *stored, Request *q);
void forget_refuse_live(Engine *e, Resident *r, Request *q);

/* Every fact of the rows, of the last one only the first `last_facts`, given to another plan; what it does not
 * wait for is passed over. Differences and outcomes are noted where they are asked for. */
typedef struct Refold {
    const Plan *plan;
    const StoredRow *rows;
    size_t n_rows, last_facts;
    Differences *differences; /* NULL: nobody asks */
    /* What was recorded with the file so far; NULL: requests are not compared. */
    const Outcomes *known;
    Outcomes *outcomes; /* NULL: nobody asks; up to the step `before` */
    Str before;
    const Fact *retry; /* that is about to be applied to the run; NULL: none */
    Retried *retries;  /* filled in: those of the rows, and it */
    size_t n_retries;
    Arena *a;
} Refold;
int refold(Refold *what, Run **ret_run, Str *ret_problem);
/* `run` was derived again from these rows, by another file or for a retry, with all that it ever said to others: what it said by
 * its own file was mail once. What only now is said stays, and goes with its next row. */
int forget_said(const Plan *own, const StoredRow *rows, size_t n_rows, Run *run, Arena *a,
                Str *ret_problem);
/* The run is there: may it move? */
void migrate_ask(Engine *e, Resident *r, Request *q);
void migrate_take(Engine *e);

#endif
