/* A thin layer over SQLite: a connection that knows where its failures are told, and binding and reading in our types.
 * Foreign codes are translated here and nowhere else. */
#ifndef BATON_JOURNAL_SQL_H
#define BATON_JOURNAL_SQL_H

#include "journal/store.h"
#include <sqlite3.h>

typedef struct Sql {
    sqlite3 *db;
    char *problem; /* STORE_PROBLEM_BYTES */
} Sql;

/* Says in `problem` what is damaged, and what to do. Returns STORE_E_DAMAGED. */
int sql_damaged(char *problem, const char *fmt, ...) PRINTF(2, 3);
/* The code of ours for a result of SQLite's, told in c->problem: STORE_E_DAMAGED, -ERR_IO, -ERR_FULL, -ERR_BUSY or
 * -ERR_INTERNAL. */
int sql_failed(Sql *c, int rc, const char *doing);
/* Runs statements without parameters that return nothing of interest. */
int sql_exec(Sql *c, const char *text);
int sql_prepare(Sql *c, const char *text, sqlite3_stmt **ret);
/* One step; after the last row the statement is reset and *ret_row false. */
int sql_step(Sql *c, sqlite3_stmt *st, bool *ret_row);
/* Runs a statement that returns no rows, or whose rows do not matter. */
int sql_run(Sql *c, sqlite3_stmt *st);
/* The first column of the first row of `text`. */
int sql_number(Sql *c, const char *text, int64_t *ret);

/* Parameters count from 1, columns from 0. Bound bytes are borrowed until the statement is reset. */
static inline void bind_u64(sqlite3_stmt *st, int at, uint64_t v) {
    sqlite3_bind_int64(st, at, (sqlite3_int64)v);
}
static inline void bind_i64(sqlite3_stmt *st, int at, int64_t v) { sqlite3_bind_int64(st, at, v); }
void bind_text(sqlite3_stmt *st, int at, Str s);
void bind_bytes(sqlite3_stmt *st, int at, Str s);
static inline uint64_t column_u64(sqlite3_stmt *st, int at) {
    return (uint64_t)sqlite3_column_int64(st, at);
}
/* Lives until the next step. */
Str column_str(sqlite3_stmt *st, int at);
/* False if the column is not HASH_BYTES long. */
bool column_hash(sqlite3_stmt *st, int at, Hash *ret);

/* A sum of the columns of a row, kept with it: SQLite checks structure, not content. Not against malice. */
#define SUM_START UINT64_C(0x6261746f6e)
uint64_t sum_u64(uint64_t sum, uint64_t v);
uint64_t sum_str(uint64_t sum, Str s);

#endif
