/* Reading runs. Every function is one read transaction, and what it returns was checked: sums of rows, the chain of
 * hashes, the hash of closure, snapshot and payload. */
#include "journal/sqlite.h"

static int bad_run(SqliteStore *s, uint64_t key, const char *what) {
    return sql_damaged(s->reader.problem, "baton.db: run number %llu: %s", (unsigned long long)key,
                       what);
}

int run_read(SqliteStore *s, sqlite3_stmt *st, Arena *a, RunRow *ret_row, Str *ret_id,
             StoreRunInfo *ret_info) {
    RunRow row = { .key = column_u64(st, 0),
                   .closure = column_u64(st, 2),
                   .head = column_u64(st, 8),
                   .head_seq = column_u64(st, 9) };
    Str id = arena_str(a, column_str(st, 1));
    StoreRunInfo info = { .state = (StoreState)column_u64(st, 3),
                          .created_ms = sqlite3_column_int64(st, 4),
                          .updated_ms = sqlite3_column_int64(st, 5),
                          .name = arena_str(a, column_str(st, 6)),
                          .info = arena_str(a, column_str(st, 7)) };
    if (run_sum(row.key, id, row.closure, &info) != column_u64(st, 10))
        return bad_run(s, row.key, "its sum is wrong");
    *ret_row = row;
    *ret_id = id;
    *ret_info = info;
    return 0;
}

int journal_row_read(SqliteStore *s, sqlite3_stmt *st, JournalRow *ret) {
    JournalRow row = { .run = column_u64(st, 1), .prev = column_u64(st, 3) };
    row.row = (StoreRow){ .id = column_u64(st, 0),
                          .seq = column_u64(st, 2),
                          .body = column_str(st, 5),
                          .data = column_str(st, 6),
                          .forgotten = sqlite3_column_type(st, 6) == SQLITE_NULL };
    bool good = column_hash(st, 4, &row.row.hash);
    if (row.row.forgotten)
        good = column_hash(st, 7, &row.row.data_hash) && good;
    else
        row.row.data_hash = hash_bytes(row.row.data);
    if (!good)
        return sql_damaged(s->reader.problem, "baton.db: journal row %llu: it has no hash",
                           (unsigned long long)row.row.id);
    *ret = row;
    return 0;
}

int row_fetch(SqliteStore *s, uint64_t id, Arena *a, JournalRow *ret) {
    sqlite3_stmt *st = s->r[ST_ROW];
    bool found;
    bind_u64(st, 1, id);
    int r = sql_step(&s->reader, st, &found);
    if (r)
        return r;
    if (!found)
        return sql_damaged(s->reader.problem, "baton.db: journal row %llu is missing",
                           (unsigned long long)id);
    r = journal_row_read(s, st, ret);
    if (!r && a) {
        ret->row.body = arena_str(a, ret->row.body);
        ret->row.data = arena_str(a, ret->row.data);
    }
    sqlite3_reset(st);
    return r;
}

static int begin(SqliteStore *s) { return sql_run(&s->reader, s->r[ST_R_BEGIN]); }

/* Ends the read transaction; a failure before it stays the answer. */
static int end(SqliteStore *s, int r) {
    if (sqlite3_get_autocommit(s->reader.db))
        return r;
    int ended = sql_run(&s->reader, s->r[ST_R_COMMIT]);
    return r ? r : ended;
}

/* sqlite.h tells why the end of a run is the largest of three. */
typedef struct Known {
    uint64_t published;
} Known;
#define KNOWN_INIT ((Known){ .published = UINT64_MAX })

/* Of several runs: `known` keeps the earliest of the moments they were looked up at. */
static uint64_t known_end(SqliteStore *s, Str id, Known *known) {
    uint64_t hash = heads_hash(id);
    pthread_mutex_lock(&s->lock);
    const Head *head = heads_find(&s->heads, id, hash);
    uint64_t row = head ? head->row : 0;
    known->published = MIN(known->published, s->published);
    pthread_mutex_unlock(&s->lock);
    return row;
}

/* Within the transaction: was the run appended to after we looked? */
static int newer_end(SqliteStore *s, const Known *known, uint64_t key, uint64_t *row) {
    sqlite3_stmt *st = s->r[ST_HEADS_AFTER];
    bool more;
    int r;
    bind_u64(st, 1, known->published);
    while (!(r = sql_step(&s->reader, st, &more)) && more)
        if (column_u64(st, 0) == key)
            *row = MAX(*row, column_u64(st, 1));
    return r;
}

/* Most runs are of one file, and hashing it costs ten times what reading the run does: bytes equal to those that were found
 * good need not be hashed again. */
static bool closure_is_good(SqliteStore *s, Str bytes, const Hash *said) {
    if (str_eq(bytes, buf_str(&s->closure_read)) && hash_eq(said, &s->closure_read_hash))
        return true;
    Hash hash = hash_bytes(bytes);
    if (!hash_eq(&hash, said))
        return false;
    buf_reset(&s->closure_read);
    buf_str_add(&s->closure_read, bytes);
    s->closure_read_hash = buf_over(&s->closure_read) ? (Hash){ { 0 } } : hash;
    return true;
}

static int read_closure(SqliteStore *s, uint64_t key, Arena *a, StoreRun *run, bool with_bytes) {
    sqlite3_stmt *st = s->r[ST_CLOSURE];
    bool found;
    bind_u64(st, 1, key);
    int r = sql_step(&s->reader, st, &found);
    if (r)
        return r;
    if (!found)
        return sql_damaged(s->reader.problem, "baton.db: closure %llu is missing",
                           (unsigned long long)key);
    bool good = column_hash(st, 0, &run->closure_hash);
    if (with_bytes) {
        run->closure = arena_str(a, column_str(st, 1));
        good = good && closure_is_good(s, run->closure, &run->closure_hash);
    }
    sqlite3_reset(st);
    return good ? 0
                : sql_damaged(s->reader.problem, "baton.db: closure %llu is not what its hash says",
                              (unsigned long long)key);
}

static int read_snapshot(SqliteStore *s, uint64_t key, Arena *a, StoreRun *run) {
    sqlite3_stmt *st = s->r[ST_SNAPSHOT];
    bool found;
    bind_u64(st, 1, key);
    int r = sql_step(&s->reader, st, &found);
    if (r || !found)
        return r;
    Hash stored, hash;
    run->snapshot_seq = column_u64(st, 0);
    run->snapshot = arena_str(a, column_str(st, 2));
    bool good = column_hash(st, 3, &stored);
    sqlite3_reset(st);
    hash = hash_bytes(run->snapshot);
    if (!good || !hash_eq(&hash, &stored))
        return bad_run(s, key, "its snapshot is not what its hash says");
    return run->snapshot_seq <= run->head_seq
               ? 0
               : bad_run(s, key, "its snapshot is newer than its journal");
}

/* Fills run->rows backwards from `at`, and *ret_before with the hash before the first of them. */
static int walk_back(SqliteStore *s, uint64_t key, uint64_t at, uint64_t from_seq, Arena *a,
                     StoreRun *run, Hash *ret_before) {
    run->n_rows = (size_t)(run->head_seq - from_seq);
    run->rows = ARENA_ARRAY(a, StoreRow, run->n_rows);
    *ret_before = (Hash){ { 0 } };
    for (uint64_t seq = run->head_seq; seq > 0; seq--) {
        JournalRow row;
        bool wanted = seq > from_seq;
        int r = at ? row_fetch(s, at, wanted ? a : NULL, &row)
                   : bad_run(s, key, "its chain of rows is cut");
        if (r)
            return r;
        if (row.run != key || row.row.seq != seq || row.prev >= at)
            return bad_run(s, key, "its chain of rows leads to another row");
        if (!wanted) {
            *ret_before = row.row.hash;
            return 0;
        }
        run->rows[seq - from_seq - 1] = row.row;
        at = row.prev;
    }
    return at ? bad_run(s, key, "its chain of rows does not end") : 0;
}

static int judge_chain(SqliteStore *s, uint64_t key, const StoreRun *run, Hash chain) {
    for (size_t i = 0; i < run->n_rows; i++) {
        const StoreRow *row = &run->rows[i];
        chain = store_chain(&chain, row->body, &row->data_hash);
        if (!hash_eq(&chain, &row->hash))
            return bad_run(s, key, "its journal is not what its hashes say");
    }
    return 0;
}

/* The head's own fields, from the row where the chain ends. */
static int read_head(SqliteStore *s, const RunRow *run_row, uint64_t at, StoreRun *run) {
    JournalRow head;
    int r = row_fetch(s, at, NULL, &head);
    if (r)
        return r;
    if (head.run != run_row->key || head.row.seq < run_row->head_seq || head.row.seq > at)
        return bad_run(s, run_row->key, "its last row belongs to another run");
    run->head_seq = head.row.seq;
    run->head_hash = head.row.hash;
    return 0;
}

static int load_rest(SqliteStore *s, const RunRow *row, uint64_t end_row, bool all_rows, Arena *a,
                     StoreRun *run) {
    Hash before;
    int r = read_head(s, row, end_row, run);
    if (!r)
        r = read_closure(s, row->closure, a, run, true);
    if (!r)
        r = read_snapshot(s, row->key, a, run);
    if (!r)
        r = walk_back(s, row->key, end_row, all_rows ? 0 : run->snapshot_seq, a, run, &before);
    return r ? r : judge_chain(s, row->key, run, before);
}

static int load(SqliteStore *s, Str id, bool all_rows, Arena *a, StoreRun *run) {
    Known known = KNOWN_INIT;
    uint64_t end_row = known_end(s, id, &known);
    int r = begin(s);
    if (r)
        return r;
    sqlite3_stmt *st = s->r[ST_RUN];
    bool found;
    bind_text(st, 1, id);
    r = sql_step(&s->reader, st, &found);
    if (r)
        return r;
    if (!found)
        return STORE_E_NOT_FOUND;
    RunRow row;
    r = run_read(s, st, a, &row, &run->id, &run->info);
    sqlite3_reset(st);
    end_row = r ? 0 : MAX(end_row, row.head);
    if (!r)
        r = newer_end(s, &known, row.key, &end_row);
    return r ? r : load_rest(s, &row, end_row, all_rows, a, run);
}

int sqlite_load(Store *base, Str id, bool all_rows, Arena *a, StoreRun *ret) {
    SqliteStore *s = (SqliteStore *)base;
    StoreRun run = { .owned = true };
    int r = end(s, load(s, id, all_rows, a, &run));
    if (!r)
        *ret = run;
    return r;
}

int sqlite_payload(Store *base, Str id, const Hash *hash, Arena *a, Str *ret) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = s->r[ST_PAYLOAD];
    bool found;
    bind_text(st, 1, id);
    bind_bytes(st, 2, hash_str(hash));
    int r = sql_step(&s->reader, st, &found);
    if (r)
        return r;
    if (!found)
        return STORE_E_NOT_FOUND;
    Str bytes = arena_str(a, column_str(st, 0));
    sqlite3_reset(st);
    Hash real = hash_bytes(bytes);
    if (!hash_eq(&real, hash))
        return sql_damaged(s->reader.problem,
                           "baton.db: a payload of run %.*s is not what its hash says",
                           STR_FMT(id));
    *ret = bytes;
    return 0;
}

int sqlite_owned(Store *base, StoreState state, uint64_t after, size_t max, Arena *a, Str *ret_ids,
                 size_t *ret_n, uint64_t *ret_after) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = s->r[ST_OWNED];
    size_t n = 0;
    bool more;
    int r;
    bind_u64(st, 1, state);
    bind_u64(st, 2, after);
    bind_u64(st, 3, max);
    while (!(r = sql_step(&s->reader, st, &more)) && more) {
        after = column_u64(st, 0);
        ret_ids[n++] = arena_str(a, column_str(st, 1));
    }
    if (r)
        return r;
    *ret_n = n;
    *ret_after = after;
    return 0;
}

typedef struct Listed {
    uint64_t key, end_row;
    Str id;
} Listed;

static int find_listed(SqliteStore *s, StoreState state, uint64_t before, size_t max, Arena *a,
                       Listed *ret, size_t *ret_n) {
    sqlite3_stmt *st = s->r[state ? ST_LIST_STATE : ST_LIST];
    bind_u64(st, 1, before ? before : INT64_MAX);
    bind_u64(st, 2, max);
    if (state)
        bind_u64(st, 3, state);
    bool more;
    int r;
    *ret_n = 0;
    while (!(r = sql_step(&s->reader, st, &more)) && more)
        ret[(*ret_n)++] =
            (Listed){ .key = column_u64(st, 0), .id = arena_str(a, column_str(st, 1)) };
    return r;
}

static int read_listed(SqliteStore *s, const Listed *listed, const Known *known, Arena *a,
                       StoreRun *run) {
    sqlite3_stmt *st = s->r[ST_RUN_BY_KEY];
    bool found;
    bind_u64(st, 1, listed->key);
    int r = sql_step(&s->reader, st, &found);
    if (r)
        return r;
    if (!found)
        return bad_run(s, listed->key, "it is in an index only");
    RunRow row;
    *run = (StoreRun){ .owned = true };
    r = run_read(s, st, a, &row, &run->id, &run->info);
    sqlite3_reset(st);
    uint64_t at = r ? 0 : MAX(listed->end_row, row.head);
    if (!r)
        r = newer_end(s, known, row.key, &at);
    if (!r)
        r = read_head(s, &row, at, run);
    return r ? r : read_closure(s, row.closure, a, run, false);
}

/* Ids first, then their ends, then the transaction: an end looked up within it could be newer than what it sees. */
static int list(SqliteStore *s, StoreState state, uint64_t before, size_t max, Arena *a,
                StoreRun *ret, size_t *ret_n, uint64_t *ret_before) {
    Listed *listed = ARENA_ARRAY(a, Listed, max);
    size_t n;
    Known known = KNOWN_INIT;
    int r = find_listed(s, state, before, max, a, listed, &n);
    for (size_t i = 0; i < n; i++)
        listed[i].end_row = known_end(s, listed[i].id, &known);
    if (!r)
        r = begin(s);
    for (size_t i = 0; !r && i < n; i++) {
        r = read_listed(s, &listed[i], &known, a, &ret[i]);
        *ret_before = listed[i].key;
        *ret_n = i + 1;
    }
    return r;
}

int sqlite_list(Store *base, StoreState state, uint64_t before, size_t max, Arena *a, StoreRun *ret,
                size_t *ret_n, uint64_t *ret_before) {
    SqliteStore *s = (SqliteStore *)base;
    *ret_n = 0;
    *ret_before = before;
    return end(s, list(s, state, before, max, a, ret, ret_n, ret_before));
}
