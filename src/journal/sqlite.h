/* What the files of the SQLite store share; nobody else includes it. docs/journal.md has the tables.
 *
 * Two connections: the writer, the only one that writes and checkpoints (two that do so at once can corrupt the
 * write-ahead log of the SQLite in Debian 12), and a read-only one for the R functions, which may run on another thread.
 *
 * The journal is an append log by row id; the rows of a run are a chain of `prev` from the head that the run's row
 * names. That row is not written at every append: the writer keeps the heads that moved in `heads`, and now and then
 * sweeps them into the run rows, in the transaction of some batch. meta.swept says up to which journal row that is done;
 * opening reads the rows after it. Where a run's chain ends is therefore the largest of three: the run's row, `heads`,
 * and, for a reader, what was committed since it looked into `heads`:
 *
 *   reader: lock, copy the head and `published`, unlock; BEGIN; the run's row; journal rows > published
 *   writer: COMMIT; lock, heads and `published` move on, unlock
 *
 * What the reader's transaction sees is never older than what it copied, so the largest is the truth of that moment. */
#ifndef BATON_JOURNAL_SQLITE_H
#define BATON_JOURNAL_SQLITE_H

#include "base/buf.h"
#include "base/limits.h"
#include "journal/heads.h"
#include "journal/sidefile.h"
#include "journal/sql.h"
#include <pthread.h>

#define STORE_APPLICATION_ID 0x4261746e /* "Batn" */
#define STORE_FORMAT 1

#define WRITER_STATEMENTS(X)                                                                       \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(EPOCH, "SELECT epoch FROM meta WHERE k=1")                                                   \
    X(SET_META, "UPDATE meta SET epoch=?1,clean=?2,swept=?3,sum=?4 WHERE k=1")                     \
    X(FIND_RUN, "SELECT key,head,head_seq,closure FROM run WHERE id=?1")                           \
    X(ADD_RUN, "INSERT INTO run(key,id,closure,state,created,updated,name,info,head,head_seq,sum)" \
               "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")                                       \
    X(SET_RUN, "UPDATE run SET closure=?3,state=?4,created=?5,updated=?6,name=?7,info=?8,head=?9," \
               "head_seq=?10,sum=?11 WHERE key=?1")                                                \
    X(SET_HEAD, "UPDATE run SET head=?2,head_seq=?3 WHERE key=?1")                                 \
    X(ADD_ROW, "INSERT INTO journal(id,run,seq,prev,hash,body,data)VALUES(?1,?2,?3,?4,?5,?6,?7)")  \
    X(FIND_CLOSURE, "SELECT key FROM closure WHERE hash=?1")                                       \
    X(ADD_CLOSURE, "INSERT INTO closure(hash,bytes)VALUES(?1,?2)ON CONFLICT DO NOTHING")           \
    X(ADD_PAYLOAD, "INSERT INTO payload(run,hash,bytes)VALUES(?1,?2,?3)ON CONFLICT DO NOTHING")    \
    X(SET_SNAPSHOT, "INSERT INTO snapshot(run,seq,row,bytes,hash)VALUES(?1,?2,?3,?4,?5)"           \
                    "ON CONFLICT(run)DO UPDATE SET seq=?2,row=?3,bytes=?4,hash=?5")                \
    X(FORGET_PAYLOADS, "DELETE FROM payload WHERE run=?1")                                         \
    X(FORGET_SNAPSHOT, "DELETE FROM snapshot WHERE run=?1")                                        \
    X(ROW_TO_FORGET, "SELECT run,seq,prev,data FROM journal WHERE id=?1")                          \
    X(FORGET_ROW, "UPDATE journal SET data=NULL,data_hash=?2 WHERE id=?1")                         \
    X(CLEAR_OPENS, "DELETE FROM open WHERE run=?1")                                                \
    X(ADD_OPEN, "INSERT INTO open(run,n,kind,due,key,address,sum)VALUES(?1,?2,?3,?4,?5,?6,?7)")    \
    X(ADD_MAIL, "INSERT INTO mail(id,dest,not_before,body,sum)VALUES(?1,?2,?3,?4,?5)"              \
                "ON CONFLICT(id)DO NOTHING")                                                       \
    X(SET_MAIL, "UPDATE mail SET dest=?2,not_before=?3,body=?4,sum=?5 WHERE id=?1")                \
    X(FORGET_MAIL, "DELETE FROM mail WHERE id>=?1||':' AND id<?1||';'AND substr(dest,1,1)='@'")    \
    X(TAKE_MAIL, "DELETE FROM mail WHERE id=?1")                                                   \
    X(SET_ACCOUNT, "INSERT INTO account(engine,key,cost,tokens,calls,info,sum)"                    \
                   "VALUES(1,?1,?2,?3,?4,?5,?6)ON CONFLICT(engine,key)DO UPDATE SET "              \
                   "cost=?2,tokens=?3,calls=?4,info=?5,sum=?6")                                    \
    X(FIND_KEY, "SELECT " KEY_COLUMNS " FROM effect WHERE name=?1")                                \
    X(KEYS_OF_RUN, "SELECT " KEY_COLUMNS " FROM effect WHERE run=?1")                              \
    X(SET_KEY, "INSERT INTO effect(" KEY_COLUMNS ")VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"         \
               "ON CONFLICT(name)DO UPDATE SET state=?2,generation=?3,run=?4,address=?5,since=?6," \
               "giver=?7,result=?8,forgotten=?9,sum=?10")                                          \
    X(PRUNE_CACHE, "DELETE FROM effect WHERE state=?1 AND key<=(SELECT key FROM effect "           \
                   "WHERE state=?1 ORDER BY key DESC LIMIT 1 OFFSET ?2)")

#define KEY_COLUMNS "name,state,generation,run,address,since,giver,result,forgotten,sum"
#define RUN_COLUMNS "key,id,closure,state,created,updated,name,info,head,head_seq,sum"
#define ROW_COLUMNS "id,run,seq,prev,hash,body,data,data_hash"
#define OPEN_COLUMNS "o.run,o.n,o.kind,o.due,o.key,o.address,o.sum,r.id"

#define READER_STATEMENTS(X)                                                                       \
    X(R_BEGIN, "BEGIN")                                                                            \
    X(R_COMMIT, "COMMIT")                                                                          \
    X(META, "SELECT install_key,generation,epoch,clean,swept,sum FROM meta WHERE k=1")             \
    X(RUN, "SELECT " RUN_COLUMNS " FROM run WHERE id=?1")                                          \
    X(RUN_BY_KEY, "SELECT " RUN_COLUMNS " FROM run WHERE key=?1")                                  \
    X(RUNS, "SELECT " RUN_COLUMNS " FROM run ORDER BY key")                                        \
    X(LIST, "SELECT key,id FROM run WHERE key<?1 ORDER BY key DESC LIMIT ?2")                      \
    X(LIST_STATE, "SELECT key,id FROM run WHERE state=?3 AND key<?1 "                              \
                  "ORDER BY key DESC LIMIT ?2")                                                    \
    X(OWNED, "SELECT key,id FROM run WHERE state=?1 AND key>?2 ORDER BY key LIMIT ?3")             \
    X(ROW, "SELECT " ROW_COLUMNS " FROM journal WHERE id=?1")                                      \
    X(ROWS_AFTER, "SELECT " ROW_COLUMNS " FROM journal WHERE id>?1 ORDER BY id")                   \
    X(HEADS_AFTER, "SELECT run,max(id) FROM journal WHERE id>?1 GROUP BY run")                     \
    X(CLOSURE, "SELECT hash,bytes FROM closure WHERE key=?1")                                      \
    X(SNAPSHOT, "SELECT seq,row,bytes,hash FROM snapshot WHERE run=?1")                            \
    X(PAYLOAD, "SELECT bytes FROM payload WHERE run=(SELECT key FROM run WHERE id=?1)AND hash=?2") \
    X(DUE, "SELECT " OPEN_COLUMNS " FROM open o JOIN run r ON r.key=o.run WHERE o.due>0 "          \
           "AND o.due<=?1 ORDER BY o.due,o.run,o.n LIMIT ?2")                                      \
    X(DUE_AFTER, "SELECT min(due)FROM open WHERE due>0 AND due>?1")                                \
    X(OPENS, "SELECT " OPEN_COLUMNS " FROM open o JOIN run r ON r.key=o.run "                      \
             "WHERE ?3 IN(0,o.kind)ORDER BY o.run,o.n LIMIT ?1 OFFSET ?4")                         \
    X(OPENS_OF, "SELECT " OPEN_COLUMNS " FROM run r JOIN open o ON r.key=o.run WHERE r.id=?2 "     \
                "AND ?3 IN(0,o.kind)ORDER BY o.n LIMIT ?1 OFFSET ?4")                              \
    X(HEARD, "SELECT " OPEN_COLUMNS " FROM open o JOIN run r ON r.key=o.run "                      \
             "WHERE o.key=?1 AND o.key<>'' AND o.address='' ORDER BY o.run,o.n")                   \
    X(MAIL, "SELECT key,id,dest,not_before,body,sum FROM mail WHERE not_before<=?1 "               \
            "AND(substr(dest,1,1)='@')=?3 ORDER BY not_before,key LIMIT ?2")                       \
    X(MAIL_AFTER, "SELECT not_before FROM mail WHERE not_before>?1 AND(substr(dest,1,1)='@')=?2 "  \
                  "ORDER BY not_before LIMIT 1")                                                   \
    X(KEPT, "SELECT key,id,dest,not_before,body,sum FROM mail WHERE not_before=?1 AND dest=?2 "    \
            "ORDER BY key LIMIT ?3 OFFSET ?4")                                                     \
    X(KEPT_ONE, "SELECT key,id,dest,not_before,body,sum FROM mail WHERE id=?3 AND not_before=?1 "  \
                "AND dest=?2")

#define STATEMENT_NAME(name, text) ST_##name,
typedef enum WriterStatement {
    WRITER_STATEMENTS(STATEMENT_NAME) WRITER_STATEMENTS_END
} WriterStatement;
typedef enum ReaderStatement {
    READER_STATEMENTS(STATEMENT_NAME) READER_STATEMENTS_END
} ReaderStatement;

typedef struct SqliteMeta {
    uint8_t install_key[32];
    uint64_t generation; /* raised when a backup is restored */
    uint64_t epoch;      /* raised at each enter */
    bool clean;          /* the last engine left */
    uint64_t swept;
} SqliteMeta;

typedef struct SqliteStore {
    Store store;
    char *db_path, *high_path;
    int lock_fd; /* -1: read only */
    bool read_only, broken;
    bool log_holds_forgotten; /* the log may not be left as it is */
    /* Of the writing thread. */
    Sql writer;
    sqlite3_stmt *w[WRITER_STATEMENTS_END];
    SqliteMeta meta;
    uint64_t epoch; /* of this handle; 0: not entered */
    uint64_t last_row, last_run;
    Hash last_hash;
    Heads batch_heads;    /* what the open transaction moves */
    Hash closure_hash;    /* the closure looked up last */
    uint64_t closure_key; /* 0: none */
    SideFile side;
    uint64_t side_row;    /* what it says */
    int64_t side_ms;      /* when it was written, by the engine's clock */
    bool side_paced;      /* side_ms holds */
    int wal_now, wal_max; /* pages */
    uint64_t sweep_rows;
    unsigned cached; /* entries of the cache written by this handle */
    /* Of the reading thread. */
    Sql reader;
    sqlite3_stmt *r[READER_STATEMENTS_END];
    Buf closure_read; /* bytes that were what this hash says */
    Hash closure_read_hash;
    /* Of both, under the lock; only the writing thread changes them, and reads them without it. */
    pthread_mutex_t lock;
    Heads heads;
    uint64_t published; /* last journal row that `heads` takes into account */
} SqliteStore;

/* sqlite_schema.c */
int schema_create(SqliteStore *s, const uint8_t install_key[32]);
/* Compares what is stored with what we would create. */
int schema_verify(Sql *c);
int schema_prepare_writer(SqliteStore *s);
int schema_prepare_reader(SqliteStore *s);
void schema_finalize(SqliteStore *s);
int meta_read(SqliteStore *s, SqliteMeta *ret);
/* In a transaction of the writer. */
int meta_write(SqliteStore *s, const SqliteMeta *meta);
/* Which store a side file belongs to. */
uint64_t store_mark(const SqliteMeta *meta);
uint64_t run_sum(uint64_t key, Str id, uint64_t closure, const StoreRunInfo *info);
uint64_t open_sum(uint64_t run, uint64_t n, const StoreOpen *open);
uint64_t account_sum(uint64_t engine, const StoreAccount *account);
/* Stores of before do not have the last tables until somebody writes to them. */
int schema_has(Sql *c, const char *table, bool *ret);
uint64_t mail_sum(const StoreMail *mail);

/* sqlite_recover.c: judges a store that was just opened and learns its heads and its end. */
int sqlite_recover(SqliteStore *s, const High *high, bool found_high);

/* sqlite_append.c */
int sqlite_append(Store *base, StoreBatch *batch);
int sqlite_post(Store *base, const StoreMail *mail, size_t n);
/* Runs `write` in a transaction of its own: all or nothing. */
int sqlite_transact(SqliteStore *s, int (*write)(SqliteStore *s, void *ctx), void *ctx);
/* Writes every moved head into its run's row, and `meta` with swept set. Within a transaction. */
int sqlite_sweep(SqliteStore *s, SqliteMeta *meta);
/* After the commit of a sweep. */
void sqlite_swept(SqliteStore *s, const SqliteMeta *meta);
int sqlite_write_high(SqliteStore *s);

/* sqlite_read.c */
typedef struct RunRow {
    uint64_t key, closure, head, head_seq;
} RunRow;
/* Reads the run columns of the statement's row and checks their sum. Strings live in the arena. */
int run_read(SqliteStore *s, sqlite3_stmt *st, Arena *a, RunRow *ret_row, Str *ret_id,
             StoreRunInfo *ret_info);
typedef struct JournalRow {
    uint64_t run, prev;
    StoreRow row;
} JournalRow;
/* Reads the row columns. Strings live until the next step. */
int journal_row_read(SqliteStore *s, sqlite3_stmt *st, JournalRow *ret);
int row_fetch(SqliteStore *s, uint64_t id, Arena *a, JournalRow *ret);
int sqlite_owned(Store *base, StoreState state, uint64_t after, size_t max, Arena *a, Str *ret_ids,
                 size_t *ret_n, uint64_t *ret_after);
int sqlite_load(Store *base, Str run, bool all_rows, Arena *a, StoreRun *ret);
int sqlite_payload(Store *base, Str run, const Hash *hash, Arena *a, Str *ret);
int sqlite_accounts(Store *base, Arena *a, StoreAccount **ret, size_t *ret_n);
int sqlite_list(Store *base, StoreState state, uint64_t before, size_t max, Arena *a, StoreRun *ret,
                size_t *ret_n, uint64_t *ret_before);

/* sqlite_keys.c: within a transaction of the writer */
int sqlite_change_keys(SqliteStore *s, const StoreAppend *item);
int sqlite_claim_keys(SqliteStore *s, StoreBatch *batch);
uint64_t key_sum(const StoreKey *k);
bool key_columns(sqlite3_stmt *st, StoreKey *ret);
int sqlite_keys(Store *base, Arena *a, StoreKey **ret, size_t *ret_n);

/* sqlite_waiting.c */
int sqlite_due(Store *base, int64_t now_ms, size_t max, Arena *a, StoreDue *ret, size_t *ret_n,
               int64_t *ret_next_ms);
int sqlite_opens(Store *base, Str run, uint8_t kind, uint64_t skip, size_t max, Arena *a,
                 StoreDue *ret, size_t *ret_n);
int sqlite_heard(Store *base, Str key, Arena *a, Str **ret_runs, size_t *ret_n);
int sqlite_kept(Store *base, Str to, Str id, uint64_t skip, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n);
int sqlite_mail(Store *base, bool world, int64_t now_ms, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n, int64_t *ret_next_ms);

/* sqlite_check.c */
int sqlite_check(Store *base, void (*problem)(void *ctx, Str text), void *ctx, uint64_t *ret_rows);

#endif
