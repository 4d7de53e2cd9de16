/* What this disk can do, in the same minutes as everything else is measured:
 *
 *   fdatasync   4 KiB into a file that is there already, then a sync: the least that a durable answer takes
 *   SQLite      the barest table with the settings of our journal, 64 rows of 250 bytes in each commit
 *
 * and, when asked for by name, what store->append() makes of the same rows (`store_64`). */
#include "cli/bench/bench.h"
#include "journal/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ROW_BYTES 250
#define BODY_BYTES 190 /* the rest is data */
#define BATCH 64
#define BLOCK_BYTES 4096
#define SYNCS 1000
#define COMMITS 3000
/* Runs that the rows belong to. */
#define RUNS 500

static void fill(char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 37 + i / 7);
}

/* ---- fdatasync ---- */

static bool write_and_sync(int fd, const char *block, size_t n, double *ret_us) {
    double began_s = bench_now_s();
    bool good = pwrite(fd, block, BLOCK_BYTES, (off_t)(n * BLOCK_BYTES)) == BLOCK_BYTES &&
                fdatasync(fd) == 0;
    *ret_us = (bench_now_s() - began_s) * 1e6;
    return good;
}

static int measure_syncs(BenchRun *b, double *ret_us) {
    char block[BLOCK_BYTES];
    double us[SYNCS];
    fill(block, sizeof block);
    int fd = open(bench_path(b, "raw"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool good = fd >= 0;
    for (size_t i = 0; i < SYNCS && good;
         i++) /* written, not only allocated: no extent changes later */
        good = pwrite(fd, block, BLOCK_BYTES, (off_t)(i * BLOCK_BYTES)) == BLOCK_BYTES;
    good = good && fsync(fd) == 0;
    for (size_t i = 0; i < SYNCS && good; i++)
        good = write_and_sync(fd, block, i, &us[i]);
    if (fd >= 0)
        close(fd);
    if (!good)
        return bench_fail("cannot write to %s", b->dir);
    *ret_us = bench_median(us, SYNCS);
    return 0;
}

/* ---- SQLite ---- */

typedef struct RawSqlite {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *commit;
    char row[ROW_BYTES];
} RawSqlite;

static const char schema[] =
    "PRAGMA page_size=4096;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA secure_delete=OFF;"
    "PRAGMA wal_autocheckpoint=4000;PRAGMA cache_size=-8192;"
    "CREATE TABLE log(id INTEGER PRIMARY KEY,run INTEGER NOT NULL,body BLOB NOT NULL)STRICT";

static bool open_raw(RawSqlite *s, const char *path) {
    fill(s->row, sizeof s->row);
    return sqlite3_open_v2(path, &s->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                           NULL) == SQLITE_OK &&
           sqlite3_exec(s->db, schema, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "BEGIN IMMEDIATE", -1, &s->begin, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "INSERT INTO log(run,body)VALUES(?1,?2)", -1, &s->insert,
                              NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "COMMIT", -1, &s->commit, NULL) == SQLITE_OK;
}

static bool step(sqlite3_stmt *st) {
    bool done = sqlite3_step(st) == SQLITE_DONE;
    return sqlite3_reset(st) == SQLITE_OK && done;
}

static bool commit_rows(RawSqlite *s, size_t round) {
    bool good = step(s->begin);
    for (size_t i = 0; i < BATCH && good; i++) {
        sqlite3_bind_int64(s->insert, 1, (sqlite3_int64)((round * BATCH + i) % RUNS));
        sqlite3_bind_blob(s->insert, 2, s->row, sizeof s->row, SQLITE_STATIC);
        good = step(s->insert);
    }
    return good && step(s->commit);
}

static int measure_sqlite(BenchRun *b, double *ret_rows_per_s) {
    RawSqlite s = { 0 };
    bool good = open_raw(&s, bench_path(b, "raw.db"));
    double began_s = bench_now_s();
    for (size_t i = 0; i < COMMITS && good; i++)
        good = commit_rows(&s, i);
    *ret_rows_per_s = COMMITS * BATCH / (bench_now_s() - began_s);
    int err = good ? 0 : bench_fail("SQLite: %s", sqlite3_errmsg(s.db));
    sqlite3_finalize(s.begin);
    sqlite3_finalize(s.insert);
    sqlite3_finalize(s.commit);
    sqlite3_close(s.db);
    return err;
}

int bench_limits(BenchRun *b) {
    int code = measure_syncs(b, &b->figures[0]);
    return code ? code : measure_sqlite(b, &b->figures[1]);
}

/* ---- our store, without an engine ---- */

typedef struct OurStore {
    Store *store;
    char row[ROW_BYTES];
    char ids[RUNS][40];
    uint64_t seqs[RUNS];
    Hash hash, closure_hash;
} OurStore;

static bool append(OurStore *o, StoreBatch *batch) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    batch->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    bool good = o->store->ops->append(o->store, batch) == 0;
    for (size_t i = 0; i < batch->n; i++)
        good = good && batch->items[i].outcome == STORE_OK;
    return good;
}

static StoreAppend row_of(OurStore *o, size_t n) {
    return (StoreAppend){ .run = str_from(o->ids[n]),
                          .seq = ++o->seqs[n],
                          .hash = o->hash,
                          .body = { o->row, BODY_BYTES },
                          .data = { o->row + BODY_BYTES, ROW_BYTES - BODY_BYTES } };
}

static bool make_run(OurStore *o, size_t n) {
    StoreRunInfo info = { .state = STORE_ACTIVE,
                          .created_ms = 1,
                          .updated_ms = 1,
                          .name = STR("bench"),
                          .info = STR("{}") };
    StorePayload closure = { o->closure_hash, STR("closure") };
    snprintf(o->ids[n], sizeof o->ids[n], "019f0000-0000-7000-8000-%012zx", n);
    StoreAppend item = row_of(o, n);
    item.info = &info;
    item.closure = &o->closure_hash;
    return append(o,
                  &(StoreBatch){ .items = &item, .n = 1, .closures = &closure, .n_closures = 1 });
}

static bool append_rows(OurStore *o, size_t round) {
    StoreAppend items[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        items[i] = row_of(o, (round * BATCH + i) % RUNS);
    return append(o, &(StoreBatch){ .items = items, .n = BATCH });
}

static bool open_ours(BenchRun *b, OurStore *o) {
    static const uint8_t key[32] = "bench";
    char problem[STORE_PROBLEM_BYTES] = "";
    StoreSqliteOptions options = { .install_key = key };
    StoreLease lease;
    fill(o->row, sizeof o->row);
    o->closure_hash = hash_bytes(STR("closure"));
    return store_sqlite_open(bench_path(b, "store"), &options, &o->store, problem) == 0 &&
           o->store->ops->enter(o->store, 1, 1000, &lease) == 0;
}

int bench_store_64(BenchRun *b) {
    OurStore *o = ARENA_NEW(b->arena, OurStore);
    bool good = open_ours(b, o);
    for (size_t i = 0; i < RUNS && good; i++)
        good = make_run(o, i);
    double began_s = bench_now_s(), cpu_s = bench_cpu_s();
    for (size_t i = 0; i < COMMITS && good; i++)
        good = append_rows(o, i);
    b->figures[0] = COMMITS * BATCH / (bench_now_s() - began_s);
    b->figures[1] = (bench_cpu_s() - cpu_s) * 1e6 / (COMMITS * BATCH);
    store_close(o->store);
    return good ? 0 : bench_fail("the store refused a row");
}
