/* A run's history as the journal holds it: rows of facts and moves, decoded. Everything in src/trace/ is derived from it
 * (or from the same rows as they arrive), never by running the kernel, so that the past can be told by a binary that would
 * act differently today. */
#ifndef BATON_TRACE_HISTORY_H
#define BATON_TRACE_HISTORY_H

#include "journal/store.h"
#include "kernel/codec.h"

typedef struct HistoryRow {
    uint64_t seq;
    bool forgotten; /* its payloads were erased */
    Row row;
} HistoryRow;

typedef struct History {
    Str run;
    HistoryRow *rows; /* oldest first */
    size_t n;
} History;

enum { HISTORY_E_DAMAGED = 1 };

/* Decodes all rows of `stored`, which were loaded from the first on. Strs borrow from it. *ret_problem names the row that
 * cannot be read. */
int history_read(const StoreRun *stored, Arena *a, History *ret, Str *ret_problem);

/* Fetches payloads that are rows of their own from the store (reader side), for whoever shows them. One that is missing
 * stays `large`, without bytes. */
void history_fill(History *h, Store *store, Arena *a);

#endif
