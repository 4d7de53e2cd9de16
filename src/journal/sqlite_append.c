/* The write side of the SQLite store. One batch is one transaction. Each item is judged before anything of it is
 * written, so a refused one leaves nothing behind; any failure rolls the whole batch back. */
#include "journal/sqlite.h"

#include "base/mutant.h"

#include <stdlib.h>
#include <stdio.h>

/* A one-second window of commits that the side file may not know yet is what the store promises to lose at most when
 * its files are damaged; each write costs a sync. */
#define SIDE_PERIOD_MS 1000
/* Past this many times wal_max the log is not left to readers any more: the checkpoint waits for them. */
#define WAL_MAX_FACTOR 8

static int begin(SqliteStore *s) { return sql_run(&s->writer, s->w[ST_BEGIN]); }

/* A failed write or sync leaves unknown what is on the disk, and a damaged page what is in memory: nothing is written
 * through this handle any more. Only what is known to have changed nothing may be tried again. */
static int abandon(SqliteStore *s, int failed) {
    heads_clear(&s->batch_heads);
    if (failed != -ERR_FULL && failed != -ERR_BUSY)
        s->broken = true;
    /* SQLite has rolled back by itself after some failures. Its answer adds nothing: the reason is known. */
    if (!sqlite3_get_autocommit(s->writer.db) && sqlite3_step(s->w[ST_ROLLBACK]) != SQLITE_DONE)
        s->broken = true;
    sqlite3_reset(s->w[ST_ROLLBACK]);
    return failed;
}

/* Who removes the directory while an engine is at work in it leaves it a file without a name, which takes every commit and
 * is gone with the process. */
static int still_named(SqliteStore *s) {
    int moved = 0;
    sqlite3_file_control(s->writer.db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved)
        return 0;
    snprintf(s->writer.problem, STORE_PROBLEM_BYTES,
             "baton.db was removed or replaced while it was in use");
    return -ERR_IO;
}

int sqlite_transact(SqliteStore *s, int (*write)(SqliteStore *s, void *ctx), void *ctx) {
    if (s->broken)
        return -ERR_IO;
    int r = begin(s);
    if (!r)
        r = write(s, ctx);
    if (!r)
        r = sql_run(&s->writer, s->w[ST_COMMIT]);
    if (!r)
        r = still_named(s);
    return r ? abandon(s, r) : 0;
}

static int find_run(SqliteStore *s, Str id, uint64_t hash, Head *ret, bool *ret_found) {
    const Head *known = heads_find(&s->batch_heads, id, hash);
    if (!known)
        known = heads_find(&s->heads, id, hash);
    *ret_found = known != NULL;
    if (known) {
        *ret = *known;
        return 0;
    }
    sqlite3_stmt *st = s->w[ST_FIND_RUN];
    bind_text(st, 1, id);
    int r = sql_step(&s->writer, st, ret_found);
    if (r || !*ret_found)
        return r;
    *ret = (Head){ .key = column_u64(st, 0),
                   .row = column_u64(st, 1),
                   .seq = column_u64(st, 2),
                   .closure = column_u64(st, 3) };
    sqlite3_reset(st);
    return 0;
}

static int find_closure(SqliteStore *s, const Hash *hash, uint64_t *ret_key) {
    if (s->closure_key && hash_eq(hash, &s->closure_hash)) {
        *ret_key = s->closure_key;
        return 0;
    }
    sqlite3_stmt *st = s->w[ST_FIND_CLOSURE];
    bool row;
    bind_bytes(st, 1, hash_str(hash));
    int r = sql_step(&s->writer, st, &row);
    if (r)
        return r;
    ASSERT(row); /* the engine stores a closure before or with the run that is pinned to it */
    *ret_key = column_u64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* Cached only once its transaction is behind us, or a rollback would leave a key that is not there. */
static void remember_closure(SqliteStore *s, const Hash *hash, uint64_t key) {
    s->closure_hash = *hash;
    s->closure_key = key;
}

static int write_run(SqliteStore *s, WriterStatement which, const Head *head, Str id,
                     const StoreRunInfo *info) {
    sqlite3_stmt *st = s->w[which];
    bind_u64(st, 1, head->key);
    if (which == ST_ADD_RUN)
        bind_text(st, 2, id);
    bind_u64(st, 3, head->closure);
    bind_u64(st, 4, info->state);
    bind_i64(st, 5, info->created_ms);
    bind_i64(st, 6, info->updated_ms);
    bind_text(st, 7, info->name);
    bind_text(st, 8, info->info);
    bind_u64(st, 9, head->row);
    bind_u64(st, 10, head->seq);
    bind_u64(st, 11, run_sum(head->key, id, head->closure, info));
    return sql_run(&s->writer, st);
}

static int write_row(SqliteStore *s, const Head *head, uint64_t prev, const StoreAppend *item) {
    sqlite3_stmt *st = s->w[ST_ADD_ROW];
    bind_u64(st, 1, head->row);
    bind_u64(st, 2, head->key);
    bind_u64(st, 3, head->seq);
    bind_u64(st, 4, prev);
    bind_bytes(st, 5, hash_str(&item->hash));
    bind_bytes(st, 6, item->body);
    bind_bytes(st, 7, item->data);
    return sql_run(&s->writer, st);
}

static int write_payloads(SqliteStore *s, const Head *head, const StoreAppend *item) {
    sqlite3_stmt *st = s->w[ST_ADD_PAYLOAD];
    int r = 0;
    for (size_t i = 0; !r && i < item->n_payloads; i++) {
        bind_u64(st, 1, head->key);
        bind_bytes(st, 2, hash_str(&item->payloads[i].hash));
        bind_bytes(st, 3, item->payloads[i].bytes);
        r = sql_run(&s->writer, st);
    }
    return r;
}

static int write_opens(SqliteStore *s, const Head *head, const StoreAppend *item) {
    if (item->seq > 1) {
        bind_u64(s->w[ST_CLEAR_OPENS], 1, head->key);
        int r = sql_run(&s->writer, s->w[ST_CLEAR_OPENS]);
        if (r)
            return r;
    }
    sqlite3_stmt *st = s->w[ST_ADD_OPEN];
    int r = 0;
    for (size_t i = 0; !r && i < item->n_opens; i++) {
        const StoreOpen *open = &item->opens[i];
        bind_u64(st, 1, head->key);
        bind_u64(st, 2, i);
        bind_u64(st, 3, open->kind);
        bind_i64(st, 4, open->due_ms);
        bind_text(st, 5, open->key);
        bind_text(st, 6, open->address);
        bind_u64(st, 7, open_sum(head->key, i, open));
        r = sql_run(&s->writer, st);
    }
    return r;
}

static int write_snapshot(SqliteStore *s, const Head *head, Str snapshot) {
    sqlite3_stmt *st = s->w[ST_SET_SNAPSHOT];
    Hash hash = hash_bytes(snapshot);
    bind_u64(st, 1, head->key);
    bind_u64(st, 2, head->seq);
    bind_u64(st, 3, head->row);
    bind_bytes(st, 4, snapshot);
    bind_bytes(st, 5, hash_str(&hash));
    return sql_run(&s->writer, st);
}

/* One row, and where the one before it stands; 0 when there is none, or it has been forgotten already. */
static int forget_row(SqliteStore *s, uint64_t id, uint64_t *ret_prev) {
    sqlite3_stmt *st = s->w[ST_ROW_TO_FORGET];
    bool there;
    bind_u64(st, 1, id);
    int r = sql_step(&s->writer, st, &there);
    if (r)
        return r;
    bool forgotten = there && sqlite3_column_type(st, 3) == SQLITE_NULL;
    Hash hash = there ? hash_bytes(column_str(st, 3)) : (Hash){ { 0 } };
    *ret_prev = there && !forgotten ? column_u64(st, 2) : 0;
    sqlite3_reset(st);
    if (!there || forgotten)
        return 0;
    st = s->w[ST_FORGET_ROW];
    bind_u64(st, 1, id);
    bind_bytes(st, 2, hash_str(&hash));
    return sql_run(&s->writer, st);
}

static int forget(SqliteStore *s, const Head *head, Str run, uint64_t last) {
    bind_u64(s->w[ST_FORGET_PAYLOADS], 1, head->key);
    int r = sql_run(&s->writer, s->w[ST_FORGET_PAYLOADS]);
    bind_u64(s->w[ST_FORGET_SNAPSHOT], 1, head->key);
    if (!r)
        r = sql_run(&s->writer, s->w[ST_FORGET_SNAPSHOT]);
    bind_text(s->w[ST_FORGET_MAIL], 1, run);
    if (!r)
        r = sql_run(&s->writer, s->w[ST_FORGET_MAIL]);
    for (uint64_t id = last; !r && id && !MUTANT(forget_keeps_rows);)
        r = forget_row(s, id, &id);
    s->log_holds_forgotten = true;
    return r;
}

static int write_mail_by(SqliteStore *s, WriterStatement by, const StoreMail *mail, size_t n) {
    sqlite3_stmt *st = s->w[by];
    int r = 0;
    for (size_t i = 0; !r && i < n; i++) {
        bind_text(st, 1, mail[i].id);
        bind_text(st, 2, mail[i].to);
        bind_i64(st, 3, mail[i].not_before_ms);
        bind_bytes(st, 4, mail[i].body);
        bind_u64(st, 5, mail_sum(&mail[i]));
        r = sql_run(&s->writer, st);
    }
    return r;
}

static int write_mail(SqliteStore *s, const StoreMail *mail, size_t n) {
    return write_mail_by(s, ST_ADD_MAIL, mail, n);
}

static int take_mail(SqliteStore *s, const Str *ids, size_t n) {
    int r = 0;
    for (size_t i = 0; !r && i < n; i++) {
        bind_text(s->w[ST_TAKE_MAIL], 1, ids[i]);
        r = sql_run(&s->writer, s->w[ST_TAKE_MAIL]);
    }
    return r;
}

static int write_closures(SqliteStore *s, const StoreBatch *batch) {
    sqlite3_stmt *st = s->w[ST_ADD_CLOSURE];
    int r = 0;
    for (size_t i = 0; !r && i < batch->n_closures; i++) {
        bind_bytes(st, 1, hash_str(&batch->closures[i].hash));
        bind_bytes(st, 2, batch->closures[i].bytes);
        r = sql_run(&s->writer, st);
    }
    return r;
}

/* Where the open transaction has come to; the store's own count moves on when it is committed. */
typedef struct Progress {
    StoreBatch *batch;
    uint64_t last_row, last_run;
    const Hash *last_hash;
    bool swept;
    SqliteMeta meta;
} Progress;

static int write_item_rows(SqliteStore *s, const Head *head, uint64_t prev,
                           const StoreAppend *item) {
    int r = write_row(s, head, prev, item);
    if (!r && item->forget)
        r = forget(s, head, item->run, prev);
    if (!r)
        r = write_payloads(s, head, item);
    if (!r && item->set_opens)
        r = write_opens(s, head, item);
    if (!r && item->snapshot.p)
        r = write_snapshot(s, head, item->snapshot);
    if (!r && item->info)
        r = write_run(s, item->seq == 1 ? ST_ADD_RUN : ST_SET_RUN, head, item->run, item->info);
    if (!r)
        r = write_mail(s, item->mail, item->n_mail);
    if (!r)
        r = take_mail(s, item->mail_taken, item->n_mail_taken);
    return r || !(item->n_keys || item->forget) ? r : sqlite_change_keys(s, item);
}

static int write_item(SqliteStore *s, Progress *p, StoreAppend *item) {
    Head head = { 0 };
    bool found;
    ASSERT(item->seq > 0 && item->run.len > 0 && item->run.len <= LIMIT_ID_BYTES);
    uint64_t hash = heads_hash(item->run);
    int r = find_run(s, item->run, hash, &head, &found);
    if (r)
        return r;
    if (item->seq != head.seq + 1 || found != (item->seq > 1)) {
        item->outcome = STORE_CONFLICT;
        return 0;
    }
    ASSERT(found || item->closure);
    if (item->closure) {
        ASSERT(item->info);
        r = find_closure(s, item->closure, &head.closure);
        if (r)
            return r;
    }
    if (!found)
        head.key = ++p->last_run;
    uint64_t prev = head.row;
    head.row = ++p->last_row;
    head.seq = item->seq;
    head.stored = item->info != NULL;
    r = write_item_rows(s, &head, prev, item);
    if (r)
        return r;
    Head *moved = heads_put(&s->batch_heads, item->run, hash);
    head.hash = hash;
    head.id_len = moved->id_len;
    memcpy(head.id, moved->id, moved->id_len);
    *moved = head;
    p->last_hash = &item->hash;
    item->outcome = STORE_OK;
    return 0;
}

static int read_epoch(SqliteStore *s, uint64_t *ret) {
    bool row;
    int r = sql_step(&s->writer, s->w[ST_EPOCH], &row);
    if (r)
        return r;
    *ret = row ? column_u64(s->w[ST_EPOCH], 0) : 0;
    sqlite3_reset(s->w[ST_EPOCH]);
    return 0;
}

static void set_outcomes(StoreBatch *batch, StoreOutcome outcome) {
    for (size_t i = 0; i < batch->n; i++) {
        batch->items[i].outcome = outcome;
        for (size_t k = 0; k < batch->items[i].n_claims; k++)
            batch->items[i].claims[k].answer = CLAIM_UNANSWERED;
    }
    for (size_t i = 0; i < batch->n_claims; i++)
        batch->claims[i].answer = CLAIM_UNANSWERED;
}

static int write_accounts(SqliteStore *s, const StoreAccount *accounts, size_t n) {
    sqlite3_stmt *st = s->w[ST_SET_ACCOUNT];
    int r = 0;
    for (size_t i = 0; !r && i < n; i++) {
        const StoreAccount *a = &accounts[i];
        bind_text(st, 1, a->key);
        bind_i64(st, 2, a->cost);
        bind_i64(st, 3, a->tokens);
        bind_i64(st, 4, a->calls);
        bind_text(st, 5, a->info);
        bind_u64(st, 6, account_sum(1, a));
        r = sql_run(&s->writer, st);
    }
    return r;
}

static int write_batch(SqliteStore *s, void *ctx) {
    Progress *p = ctx;
    StoreBatch *batch = p->batch;
    uint64_t epoch;
    int r = read_epoch(s, &epoch);
    if (r)
        return r;
    if ((!s->epoch || s->epoch != epoch) && !MUTANT(store_ignores_epoch)) {
        set_outcomes(batch, STORE_CONFLICT);
        return 0;
    }
    r = write_closures(s, batch);
    for (size_t i = 0; !r && i < batch->n; i++)
        r = write_item(s, p, &batch->items[i]);
    if (!r)
        r = sqlite_claim_keys(s, batch);
    if (!r)
        r = take_mail(s, batch->mail_done, batch->n_mail_done);
    if (!r)
        r = write_mail_by(s, ST_SET_MAIL, batch->mail_again, batch->n_mail_again);
    if (!r)
        r = write_accounts(s, batch->accounts, batch->n_accounts);
    if (!r && p->last_row - s->meta.swept >= s->sweep_rows) {
        p->swept = true;
        p->meta.swept = p->last_row;
        r = sqlite_sweep(s, &p->meta);
    }
    return r;
}

static int by_key(const void *a, const void *b) {
    const Head *x = *(const Head *const *)a, *y = *(const Head *const *)b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static size_t moved_heads(const SqliteStore *s, const Head **ret) {
    size_t n = 0;
    for (size_t i = 0; i < s->batch_heads.n; i++)
        if (!s->batch_heads.items[i].stored)
            ret[n++] = &s->batch_heads.items[i];
    for (size_t i = 0; i < s->heads.n; i++) {
        const Head *head = &s->heads.items[i];
        if (!head->stored && !heads_find(&s->batch_heads, head_id(head), head->hash))
            ret[n++] = head;
    }
    return n;
}

int sqlite_sweep(SqliteStore *s, SqliteMeta *meta) {
    const Head **moved = xcalloc(s->heads.n + s->batch_heads.n + 1, sizeof *moved);
    size_t n = moved_heads(s, moved);
    qsort(moved, n, sizeof *moved, by_key);
    sqlite3_stmt *st = s->w[ST_SET_HEAD];
    int r = 0;
    for (size_t i = 0; !r && i < n; i++) {
        bind_u64(st, 1, moved[i]->key);
        bind_u64(st, 2, moved[i]->row - (MUTANT(sweep_wrong_head) ? 1 : 0));
        bind_u64(st, 3, moved[i]->seq);
        r = sql_run(&s->writer, st);
    }
    free(moved);
    return r ? r : meta_write(s, meta);
}

void sqlite_swept(SqliteStore *s, const SqliteMeta *meta) {
    pthread_mutex_lock(&s->lock);
    s->meta = *meta;
    heads_clear(&s->heads);
    heads_clear(&s->batch_heads);
    s->published = s->last_row;
    pthread_mutex_unlock(&s->lock);
}

static void publish(SqliteStore *s) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->batch_heads.n; i++) {
        const Head *moved = &s->batch_heads.items[i];
        *heads_put(&s->heads, head_id(moved), moved->hash) = *moved;
    }
    s->published = s->last_row;
    pthread_mutex_unlock(&s->lock);
    heads_clear(&s->batch_heads);
}

int sqlite_write_high(SqliteStore *s) {
    High high = { .store = store_mark(&s->meta), .row = s->last_row, .hash = s->last_hash };
    int r = sidefile_write(&s->side, &high);
    if (!r)
        s->side_row = high.row;
    return r;
}

/* Full is no failure here: the slots exist, and a later commit tries again. */
static int pace_high(SqliteStore *s, int64_t now_ms) {
    int64_t since = now_ms - s->side_ms;
    if (s->side_row == s->last_row || (s->side_paced && since >= 0 && since < SIDE_PERIOD_MS))
        return 0;
    int r = sqlite_write_high(s);
    if (r == -ERR_FULL)
        return 0;
    s->side_ms = now_ms;
    s->side_paced = true;
    return r;
}

/* Before a batch, so that a batch that was committed is never reported as failed. A full disk is left to the batch. */
static int checkpoint_if_due(SqliteStore *s) {
    if (s->wal_now < s->wal_max)
        return 0;
    int mode = s->wal_now / WAL_MAX_FACTOR < s->wal_max ? SQLITE_CHECKPOINT_PASSIVE
                                                        : SQLITE_CHECKPOINT_RESTART;
    int rc = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, mode, NULL, NULL);
    s->wal_now = 0;
    if (rc == SQLITE_OK || rc == SQLITE_BUSY || (rc & 0xff) == SQLITE_FULL)
        return 0;
    return abandon(s, sql_failed(&s->writer, rc, "checkpoint"));
}

/* Pages of before stand in the log until it is emptied. Readers may be in it: then the next batch tries again, and closing. */
static int empty_log(SqliteStore *s) {
    int rc = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_BUSY || (rc & 0xff) == SQLITE_FULL)
        return 0;
    s->log_holds_forgotten = false;
    s->wal_now = 0;
    return rc == SQLITE_OK ? 0 : sql_failed(&s->writer, rc, "checkpoint");
}

static void commit_progress(SqliteStore *s, const Progress *p) {
    s->last_row = p->last_row;
    s->last_run = p->last_run;
    if (p->last_hash)
        s->last_hash = *p->last_hash;
    for (size_t i = 0; i < p->batch->n; i++) {
        const StoreAppend *item = &p->batch->items[i];
        if (item->outcome != STORE_OK || !item->closure)
            continue;
        const Head *head = heads_find(&s->batch_heads, item->run, heads_hash(item->run));
        if (head)
            remember_closure(s, item->closure, head->closure);
    }
    if (p->swept)
        sqlite_swept(s, &p->meta);
    else
        publish(s);
}

int sqlite_append(Store *base, StoreBatch *batch) {
    SqliteStore *s = (SqliteStore *)base;
    ASSERT(!s->read_only);
    set_outcomes(batch, STORE_PENDING);
    int r = s->broken ? -ERR_IO : checkpoint_if_due(s);
    if (r)
        return r;
    Progress p = {
        .batch = batch, .last_row = s->last_row, .last_run = s->last_run, .meta = s->meta
    };
    r = sqlite_transact(s, write_batch, &p);
    if (!r) {
        commit_progress(s, &p);
        r = pace_high(s, batch->now_ms);
        if (!r && s->log_holds_forgotten && !MUTANT(forget_leaves_log))
            r = empty_log(s);
        if (r)
            s->broken = true;
    }
    if (r)
        set_outcomes(batch, STORE_PENDING);
    return r;
}

typedef struct Post {
    const StoreMail *mail;
    size_t n;
} Post;

static int write_post(SqliteStore *s, void *ctx) {
    const Post *post = ctx;
    return write_mail(s, post->mail, post->n);
}

int sqlite_post(Store *base, const StoreMail *mail, size_t n) {
    SqliteStore *s = (SqliteStore *)base;
    ASSERT(!s->read_only);
    return sqlite_transact(s, write_post, &(Post){ mail, n });
}
