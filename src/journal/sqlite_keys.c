/* The index of business keys: one row for each, found by its name, and by its run when that undoes, ends or is forgotten. */
#include "journal/sqlite.h"

#include "journal/keys.h"

uint64_t key_sum(const StoreKey *k) {
    uint64_t sum = sum_str(SUM_START, hash_str(&k->name));
    sum = sum_u64(sum, k->state);
    sum = sum_u64(sum, k->generation);
    sum = sum_str(sum, k->run);
    sum = sum_str(sum, k->address);
    sum = sum_u64(sum, (uint64_t)k->since_ms);
    sum = sum_str(sum, k->giver);
    sum = sum_str(sum, k->result);
    return sum_u64(sum, (uint64_t)k->forgotten << 1 | (k->result.p != NULL));
}

/* False: it is not what was written. Texts live until the next step. */
bool key_columns(sqlite3_stmt *st, StoreKey *ret) {
    bool result = sqlite3_column_type(st, 7) != SQLITE_NULL;
    StoreKey k = { .state = (KeyState)column_u64(st, 1),
                   .generation = (uint32_t)column_u64(st, 2),
                   .run = column_str(st, 3),
                   .address = column_str(st, 4),
                   .since_ms = sqlite3_column_int64(st, 5),
                   .giver = column_str(st, 6),
                   .result = result ? column_str(st, 7) : STR_NULL,
                   .forgotten = column_u64(st, 8) != 0 };
    if (result && !k.result.p)
        k.result = STR("");
    bool good = column_hash(st, 0, &k.name) && column_u64(st, 1) <= KEY_STATE_LAST &&
                column_u64(st, 1) != KEY_NEW && key_sum(&k) == column_u64(st, 9);
    *ret = k;
    return good;
}

static StoreKey copy(Arena *a, const StoreKey *key) {
    StoreKey c = *key;
    c.run = arena_str(a, key->run);
    c.address = arena_str(a, key->address);
    c.giver = arena_str(a, key->giver);
    c.result = key->result.p ? arena_str(a, key->result) : STR_NULL;
    return c;
}

/* A name that is not there is one that nobody has claimed yet. */
static int find(SqliteStore *s, const Hash *name, Arena *a, StoreKey *ret) {
    sqlite3_stmt *st = s->w[ST_FIND_KEY];
    bool there;
    *ret = (StoreKey){ .name = *name, .run = STR(""), .address = STR(""), .giver = STR("") };
    bind_bytes(st, 1, hash_str(name));
    int r = sql_step(&s->writer, st, &there);
    if (r || !there)
        return r;
    StoreKey found;
    bool good = key_columns(st, &found);
    if (good)
        *ret = copy(a, &found);
    sqlite3_reset(st);
    return good ? 0 : sql_damaged(s->writer.problem, "baton.db: a business key: its sum is wrong");
}

static int put(SqliteStore *s, const StoreKey *k) {
    sqlite3_stmt *st = s->w[ST_SET_KEY];
    bind_bytes(st, 1, hash_str(&k->name));
    bind_u64(st, 2, k->state);
    bind_u64(st, 3, k->generation);
    bind_text(st, 4, k->run);
    bind_text(st, 5, k->address);
    bind_i64(st, 6, k->since_ms);
    bind_text(st, 7, k->giver);
    if (k->result.p)
        bind_bytes(st, 8, k->result);
    else
        sqlite3_bind_null(st, 8);
    bind_u64(st, 9, k->forgotten);
    bind_u64(st, 10, key_sum(k));
    return sql_run(&s->writer, st);
}

/* ---- changes --------------------------------------------------------------------------------------------------------- */

/* The entries of a run are read first: writing moves them about. */
static int find_of_run(SqliteStore *s, Str run, Arena *a, StoreKey **ret, size_t *ret_n) {
    sqlite3_stmt *st = s->w[ST_KEYS_OF_RUN];
    StoreKey *list = NULL;
    size_t n = 0, room = 0;
    bool more;
    int r;
    bind_text(st, 1, run);
    while (!(r = sql_step(&s->writer, st, &more)) && more) {
        StoreKey key;
        if (n == room) {
            room = MAX((size_t)8, room * 2);
            StoreKey *wider = ARENA_ARRAY(a, StoreKey, room);
            if (n)
                memcpy(wider, list, n * sizeof *list);
            list = wider;
        }
        if (!key_columns(st, &key)) {
            sqlite3_reset(st);
            return sql_damaged(s->writer.problem,
                               "baton.db: a business key of run %.*s: its sum is wrong",
                               STR_FMT(run));
        }
        list[n++] = copy(a, &key);
    }
    *ret = list;
    *ret_n = n;
    return r;
}

/* NULL: it is forgotten. */
static int change_all(SqliteStore *s, Str run, const StoreKeyChange *change, Arena *a) {
    StoreKey *keys = NULL;
    size_t n = 0;
    int r = find_of_run(s, run, a, &keys, &n);
    for (size_t i = 0; !r && i < n; i++)
        if (change ? key_change(&keys[i], change, run) : key_forget(&keys[i]))
            r = put(s, &keys[i]);
    return r;
}

static int change_one(SqliteStore *s, Str run, const StoreKeyChange *change, Arena *a) {
    StoreKey key;
    int r = find(s, &change->name, a, &key);
    return !r && key_change(&key, change, run) ? put(s, &key) : r;
}

/* Now and then, and when a process writes its first. */
static int prune(SqliteStore *s, const StoreKeyChange *change) {
    if (change->within || change->state != KEY_CACHED || s->cached++ % (STORE_CACHED_MAX / 4))
        return 0;
    bind_u64(s->w[ST_PRUNE_CACHE], 1, KEY_CACHED);
    bind_u64(s->w[ST_PRUNE_CACHE], 2, STORE_CACHED_MAX);
    return sql_run(&s->writer, s->w[ST_PRUNE_CACHE]);
}

int sqlite_change_keys(SqliteStore *s, const StoreAppend *item) {
    Arena a = ARENA_NULL;
    int r = 0;
    for (size_t i = 0; !r && i < item->n_keys; i++) {
        r = item->keys[i].within ? change_all(s, item->run, &item->keys[i], &a)
                                 : change_one(s, item->run, &item->keys[i], &a);
        r = r ? r : prune(s, &item->keys[i]);
    }
    if (!r && item->forget)
        r = change_all(s, item->run, NULL, &a);
    arena_deinit(&a);
    return r;
}

/* ---- claims ---------------------------------------------------------------------------------------------------------- */

static int claim(SqliteStore *s, StoreClaim *c, Str run, const StoreBatch *batch) {
    int r = find(s, &c->name, batch->answers, &c->key);
    if (!r && key_claim(&c->key, c, run, batch->now_ms))
        r = put(s, &c->key);
    return r;
}

int sqlite_claim_keys(SqliteStore *s, StoreBatch *batch) {
    int r = 0;
    for (size_t i = 0; i < batch->n; i++) {
        const StoreAppend *item = &batch->items[i];
        for (size_t k = 0; !r && item->outcome == STORE_OK && k < item->n_claims; k++)
            r = claim(s, &item->claims[k], item->run, batch);
    }
    for (size_t i = 0; !r && i < batch->n_claims; i++)
        r = claim(s, &batch->claims[i], batch->claims[i].run, batch);
    return r;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static int read_all(SqliteStore *s, sqlite3_stmt *st, Arena *a, StoreKey **ret, size_t *ret_n) {
    StoreKey *list = NULL;
    size_t n = 0, room = 0;
    bool more;
    int r;
    while (!(r = sql_step(&s->reader, st, &more)) && more) {
        StoreKey key;
        if (n == room) {
            room = MAX((size_t)16, room * 2);
            StoreKey *wider = ARENA_ARRAY(a, StoreKey, room);
            if (n)
                memcpy(wider, list, n * sizeof *list);
            list = wider;
        }
        if (!key_columns(st, &key))
            return sql_damaged(s->reader.problem, "baton.db: a business key: its sum is wrong");
        list[n++] = copy(a, &key);
    }
    *ret = list;
    *ret_n = n;
    return r;
}

int sqlite_keys(Store *base, Arena *a, StoreKey **ret, size_t *ret_n) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = NULL;
    bool there;
    *ret = NULL;
    *ret_n = 0;
    int r = schema_has(&s->reader, "effect", &there);
    if (r || !there)
        return r;
    r = sql_prepare(&s->reader, "SELECT " KEY_COLUMNS " FROM effect ORDER BY name", &st);
    if (!r)
        r = read_all(s, st, a, ret, ret_n);
    sqlite3_finalize(st);
    return r;
}
