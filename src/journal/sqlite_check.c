/* `check`: everything a store can say about itself, in one read transaction. Each table is read from end to end, and
 * each row is judged by what it says (its hash or sum) and by what others say about it. A damaged row is reported and
 * the reading goes on; where SQLite itself cannot go on, the rest of that table is skipped. */
#include "journal/sqlite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct CheckedRun {
    RunRow row;
    uint64_t last_row, last_seq; /* seen in the journal so far */
    Hash last_hash;
    bool head_seen;
} CheckedRun;

typedef struct Check {
    SqliteStore *s;
    void (*problem)(void *ctx, Str text);
    void *ctx;
    uint64_t n_problems, n_rows;
    SqliteMeta meta;
    CheckedRun *runs; /* by key */
    size_t n_runs, runs_room;
    uint64_t *closures; /* keys, ascending */
    size_t n_closures, closures_room;
    Arena scratch; /* of one row */
} Check;

static void report(Check *c, const char *fmt, ...) PRINTF(2, 3);
static void report(Check *c, const char *fmt, ...) {
    char text[STORE_PROBLEM_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->n_problems++;
    c->problem(c->ctx, (Str){ text, MIN((size_t)len, sizeof text - 1) });
}

/* Damage is reported and the check goes on; anything else ends it. */
static int judge(Check *c, int r) {
    if (r != STORE_E_DAMAGED)
        return r;
    report(c, "%s", c->s->reader.problem);
    return 0;
}

typedef int Visit(Check *c, sqlite3_stmt *st);

static int each(Check *c, const char *text, Visit *visit) {
    sqlite3_stmt *st = NULL;
    bool more;
    int r = sql_prepare(&c->s->reader, text, &st);
    while (!r && !(r = sql_step(&c->s->reader, st, &more)) && more) {
        arena_reset(&c->scratch);
        r = judge(c, visit(c, st));
    }
    sqlite3_finalize(st);
    return judge(c, r);
}

static int by_run_key(const void *key, const void *run) {
    uint64_t a = *(const uint64_t *)key, b = ((const CheckedRun *)run)->row.key;
    return a < b ? -1 : a > b;
}

static CheckedRun *run_of(Check *c, uint64_t key) {
    return c->n_runs ? bsearch(&key, c->runs, c->n_runs, sizeof *c->runs, by_run_key) : NULL;
}

static int by_number(const void *key, const void *number) {
    uint64_t a = *(const uint64_t *)key, b = *(const uint64_t *)number;
    return a < b ? -1 : a > b;
}

static int visit_structure(Check *c, sqlite3_stmt *st) {
    Str text = column_str(st, 0);
    if (!str_is(text, "ok"))
        report(c, "baton.db: %.*s", (int)MIN(text.len, 200u), text.p);
    return 0;
}

static int visit_closure(Check *c, sqlite3_stmt *st) {
    Hash stored, real = hash_bytes(column_str(st, 2));
    uint64_t key = column_u64(st, 0);
    if (!column_hash(st, 1, &stored) || !hash_eq(&stored, &real))
        report(c, "baton.db: closure %llu is not what its hash says", (unsigned long long)key);
    if (c->n_closures == c->closures_room) {
        c->closures_room = c->closures_room ? c->closures_room * 2 : 16;
        c->closures = xrealloc(c->closures, c->closures_room * sizeof *c->closures);
    }
    c->closures[c->n_closures++] = key;
    return 0;
}

static int visit_run(Check *c, sqlite3_stmt *st) {
    CheckedRun run = { 0 };
    Str id;
    StoreRunInfo info;
    int r = run_read(c->s, st, &c->scratch, &run.row, &id, &info);
    if (r) {
        run.row.key = column_u64(st, 0);
        r = judge(c, r);
    } else if (!c->n_closures || !bsearch(&run.row.closure, c->closures, c->n_closures,
                                          sizeof *c->closures, by_number)) {
        report(c, "baton.db: run %.*s: its closure is missing", STR_FMT(id));
    }
    if (c->n_runs == c->runs_room) {
        c->runs_room = c->runs_room ? c->runs_room * 2 : 64;
        c->runs = xrealloc(c->runs, c->runs_room * sizeof *c->runs);
    }
    c->runs[c->n_runs++] = run;
    return r;
}

static void bad_row(Check *c, const JournalRow *row, const char *what) {
    report(c, "baton.db: journal row %llu (run number %llu, row %llu of it): %s",
           (unsigned long long)row->row.id, (unsigned long long)row->run,
           (unsigned long long)row->row.seq, what);
}

static int visit_row(Check *c, sqlite3_stmt *st) {
    JournalRow row;
    int r = journal_row_read(c->s, st, &row);
    if (r)
        return r;
    if (row.row.id != ++c->n_rows) {
        bad_row(c, &row, "rows before it are missing");
        c->n_rows = row.row.id;
    }
    CheckedRun *run = run_of(c, row.run);
    if (!run) {
        bad_row(c, &row, "its run does not exist");
        return 0;
    }
    Hash chain = store_chain(&run->last_hash, row.row.body, &row.row.data_hash);
    if (row.prev != run->last_row || row.row.seq != run->last_seq + 1)
        bad_row(c, &row, "it does not follow the row before it of its run");
    else if (!hash_eq(&chain, &row.row.hash))
        bad_row(c, &row, "its hash does not follow from its content");
    if (run->row.head == row.row.id && run->row.head_seq == row.row.seq)
        run->head_seen = true;
    run->last_row = row.row.id;
    run->last_seq = row.row.seq;
    run->last_hash = row.row.hash;
    return 0;
}

/* The run's row may lag behind, but only as far as heads were not swept. */
static void check_ends(Check *c) {
    if (c->meta.swept > c->n_rows)
        report(c, "baton.db: heads were swept up to row %llu, and the journal ends at row %llu",
               (unsigned long long)c->meta.swept, (unsigned long long)c->n_rows);
    for (size_t i = 0; i < c->n_runs; i++) {
        const CheckedRun *run = &c->runs[i];
        bool behind = run->row.head < run->last_row && run->last_row <= c->meta.swept;
        if (!run->head_seen || behind)
            report(c, "baton.db: run number %llu: its head is not the end of its journal",
                   (unsigned long long)run->row.key);
    }
}

static int visit_snapshot(Check *c, sqlite3_stmt *st) {
    Hash stored, real = hash_bytes(column_str(st, 3));
    uint64_t key = column_u64(st, 0), seq = column_u64(st, 1);
    const CheckedRun *run = run_of(c, key);
    if (!run || seq == 0 || seq > run->last_seq)
        report(c, "baton.db: the snapshot of run number %llu covers rows that are not there",
               (unsigned long long)key);
    else if (!column_hash(st, 4, &stored) || !hash_eq(&stored, &real))
        report(c, "baton.db: the snapshot of run number %llu is not what its hash says",
               (unsigned long long)key);
    JournalRow at;
    int r = row_fetch(c->s, column_u64(st, 2), NULL, &at);
    if (!r && (at.run != key || at.row.seq != seq))
        report(c, "baton.db: the snapshot of run number %llu names another row",
               (unsigned long long)key);
    return r;
}

static int visit_payload(Check *c, sqlite3_stmt *st) {
    Hash stored, real = hash_bytes(column_str(st, 2));
    uint64_t run = column_u64(st, 0);
    if (!run_of(c, run))
        report(c, "baton.db: a payload belongs to run number %llu, which does not exist",
               (unsigned long long)run);
    if (!column_hash(st, 1, &stored) || !hash_eq(&stored, &real))
        report(c, "baton.db: a payload of run number %llu is not what its hash says",
               (unsigned long long)run);
    return 0;
}

static int visit_open(Check *c, sqlite3_stmt *st) {
    StoreOpen open = { .kind = (uint8_t)column_u64(st, 2),
                       .due_ms = sqlite3_column_int64(st, 3),
                       .key = column_str(st, 4),
                       .address = column_str(st, 5) };
    uint64_t run = column_u64(st, 0), n = column_u64(st, 1);
    if (!run_of(c, run))
        report(c, "baton.db: an open entry belongs to run number %llu, which does not exist",
               (unsigned long long)run);
    if (column_u64(st, 2) > UINT8_MAX || open_sum(run, n, &open) != column_u64(st, 6))
        report(c, "baton.db: open entry %llu of run number %llu: its sum is wrong",
               (unsigned long long)n, (unsigned long long)run);
    return 0;
}

static int visit_mail(Check *c, sqlite3_stmt *st) {
    StoreMail mail = { .id = column_str(st, 1),
                       .to = column_str(st, 2),
                       .not_before_ms = sqlite3_column_int64(st, 3),
                       .body = column_str(st, 4) };
    if (mail_sum(&mail) != column_u64(st, 5))
        report(c, "baton.db: mail number %llu: its sum is wrong",
               (unsigned long long)column_u64(st, 0));
    return 0;
}

static int visit_key(Check *c, sqlite3_stmt *st) {
    StoreKey key;
    if (!key_columns(st, &key))
        report(c, "baton.db: a business key of run %.*s: its sum is wrong",
               STR_FMT(column_str(st, 3)));
    return 0;
}

static int check_keys(Check *c) {
    bool there = false;
    int r = judge(c, schema_has(&c->s->reader, "effect", &there));
    return r || !there ? r : each(c, "SELECT " KEY_COLUMNS " FROM effect", visit_key);
}

/* Read before the transaction begins, so that the journal is at least as far as it says. A handle of its own: the
 * writer's belongs to another thread. */
static int read_high(Check *c, High *ret_high, bool *ret_found) {
    sqlite3_vfs *vfs = NULL;
    SideFile side = { 0 };
    sqlite3_file_control(c->s->reader.db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
    int r = sidefile_open(&side, vfs, c->s->high_path, true, false, ret_high, ret_found);
    sidefile_close(&side);
    return r;
}

static int check_high(Check *c, const High *high, bool found) {
    if (!found && c->n_rows)
        report(c, "%s: it is missing or unreadable", c->s->high_path);
    if (!found || !high->row)
        return 0;
    if (high->store != store_mark(&c->meta))
        report(c, "%s: it belongs to another store or to another copy", c->s->high_path);
    if (high->row > c->n_rows) {
        report(c, "baton.db: the journal ends at row %llu, but row %llu was written",
               (unsigned long long)c->n_rows, (unsigned long long)high->row);
        return 0;
    }
    JournalRow at;
    int r = row_fetch(c->s, high->row, NULL, &at);
    if (!r && !hash_eq(&at.row.hash, &high->hash))
        report(c, "baton.db: journal row %llu has another hash than the side file says",
               (unsigned long long)high->row);
    return r;
}

static int check_tables(Check *c) {
    int r = each(c, "SELECT key,hash,bytes FROM closure ORDER BY key", visit_closure);
    if (!r)
        r = each(c, "SELECT " RUN_COLUMNS " FROM run ORDER BY key", visit_run);
    if (!r)
        r = each(c, "SELECT " ROW_COLUMNS " FROM journal ORDER BY id", visit_row);
    if (!r)
        check_ends(c);
    if (!r)
        r = each(c, "SELECT run,seq,row,bytes,hash FROM snapshot", visit_snapshot);
    if (!r)
        r = each(c, "SELECT run,hash,bytes FROM payload", visit_payload);
    if (!r)
        r = each(c, "SELECT run,n,kind,due,key,address,sum FROM open", visit_open);
    if (!r)
        r = check_keys(c);
    return r ? r : each(c, "SELECT key,id,dest,not_before,body,sum FROM mail", visit_mail);
}

static int check_all(Check *c, const High *high, bool found) {
    int r = judge(c, sql_run(&c->s->reader, c->s->r[ST_R_BEGIN]));
    if (!r)
        r = each(c, "PRAGMA integrity_check(20)", visit_structure);
    if (!r)
        r = judge(c, schema_verify(&c->s->reader));
    if (!r)
        r = judge(c, meta_read(c->s, &c->meta));
    if (!r)
        r = check_tables(c);
    if (!r)
        r = judge(c, check_high(c, high, found));
    return r;
}

int sqlite_check(Store *base, void (*problem)(void *ctx, Str text), void *ctx, uint64_t *ret_rows) {
    SqliteStore *s = (SqliteStore *)base;
    Check c = { .s = s, .problem = problem, .ctx = ctx };
    High high = { 0 };
    bool found = false;
    arena_init(&c.scratch, 0);
    int r = read_high(&c, &high, &found);
    if (!r)
        r = check_all(&c, &high, found);
    if (!sqlite3_get_autocommit(s->reader.db))
        sql_run(&s->reader, s->r[ST_R_COMMIT]);
    arena_deinit(&c.scratch);
    free(c.runs);
    free(c.closures);
    *ret_rows = c.n_rows;
    return r ? r : c.n_problems ? STORE_E_DAMAGED : 0;
}
