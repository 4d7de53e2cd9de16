#include "journal/sql.h"

#include <stdarg.h>
#include <stdio.h>

int sql_damaged(char *problem, const char *fmt, ...) {
    static const char remedy[] = "; nothing was changed: restore a backup";
    char what[STORE_PROBLEM_BYTES - sizeof remedy];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(problem, STORE_PROBLEM_BYTES, "%s%s", what, remedy);
    return STORE_E_DAMAGED;
}

int sql_failed(Sql *c, int rc, const char *doing) {
    const char *said = c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_ERROR: /* our statements are fixed and good: what they meet is not what they were made for */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return sql_damaged(c->problem, "baton.db: %s, at: %.80s", said, doing);
    }
    snprintf(c->problem, STORE_PROBLEM_BYTES, "baton.db: %s (%d), at: %.120s", said, rc, doing);
    switch (rc & 0xff) {
    case SQLITE_FULL: return -ERR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -ERR_BUSY;
    case SQLITE_IOERR: return rc == SQLITE_IOERR_NOMEM ? -ERR_INTERNAL : -ERR_IO;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: return -ERR_IO;
    default: return -ERR_INTERNAL;
    }
}

int sql_exec(Sql *c, const char *text) {
    int rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_failed(c, rc, text);
}

int sql_prepare(Sql *c, const char *text, sqlite3_stmt **ret) {
    int rc = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    return rc == SQLITE_OK ? 0 : sql_failed(c, rc, text);
}

int sql_step(Sql *c, sqlite3_stmt *st, bool *ret_row) {
    int rc = sqlite3_step(st);
    *ret_row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return 0;
    int failed = rc == SQLITE_DONE ? 0 : sql_failed(c, rc, sqlite3_sql(st));
    sqlite3_reset(st);
    return failed;
}

int sql_run(Sql *c, sqlite3_stmt *st) {
    bool row;
    int r;
    do {
        r = sql_step(c, st, &row);
    } while (!r && row);
    return r;
}

int sql_number(Sql *c, const char *text, int64_t *ret) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    int r = sql_prepare(c, text, &st);
    if (!r)
        r = sql_step(c, st, &row);
    if (row)
        *ret = sqlite3_column_int64(st, 0);
    else if (!r)
        r = sql_damaged(c->problem, "baton.db: no row for: %.80s", text);
    sqlite3_finalize(st);
    return r;
}

/* A NULL pointer would bind SQL's NULL. */
static const char *pointer_of(Str s) { return s.p ? s.p : ""; }

void bind_text(sqlite3_stmt *st, int at, Str s) {
    int rc = sqlite3_bind_text64(st, at, pointer_of(s), s.len, SQLITE_STATIC, SQLITE_UTF8);
    ASSERT(rc == SQLITE_OK);
}

void bind_bytes(sqlite3_stmt *st, int at, Str s) {
    int rc = sqlite3_bind_blob64(st, at, pointer_of(s), s.len, SQLITE_STATIC);
    ASSERT(rc == SQLITE_OK);
}

Str column_str(sqlite3_stmt *st, int at) {
    /* As a blob also where it is text: nothing is converted or copied. */
    const char *p = sqlite3_column_blob(st, at);
    return (Str){ p ? p : "", (size_t)sqlite3_column_bytes(st, at) };
}

bool column_hash(sqlite3_stmt *st, int at, Hash *ret) {
    Str s = column_str(st, at);
    if (s.len != HASH_BYTES)
        return false;
    memcpy(ret->b, s.p, HASH_BYTES);
    return true;
}

uint64_t sum_u64(uint64_t sum, uint64_t v) {
    char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(v >> (8 * i));
    return hash_fast((Str){ bytes, sizeof bytes }, sum);
}

uint64_t sum_str(uint64_t sum, Str s) { return hash_fast(s, sum_u64(sum, s.len)); }
