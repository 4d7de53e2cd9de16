/* The tables, their statements, and the sums over their rows. docs/journal.md says what each column is for. */
#include "journal/sqlite.h"

#include <stdio.h>

#define ACCOUNT_TABLE                                                                              \
    "CREATE TABLE account(engine INTEGER NOT NULL,key TEXT NOT NULL,cost INTEGER NOT NULL,"        \
    "tokens INTEGER NOT NULL,calls INTEGER NOT NULL,info TEXT NOT NULL,sum INTEGER NOT NULL,"      \
    "PRIMARY KEY(engine,key))STRICT,WITHOUT ROWID"

#define EFFECT_TABLE                                                                               \
    "CREATE TABLE effect(key INTEGER PRIMARY KEY,name BLOB NOT NULL,state INTEGER NOT NULL,"       \
    "generation INTEGER NOT NULL,run TEXT NOT NULL,address TEXT NOT NULL,since INTEGER NOT NULL,"  \
    "giver TEXT NOT NULL,result BLOB,forgotten INTEGER NOT NULL,sum INTEGER NOT NULL)STRICT"
#define EFFECT_NAME "CREATE UNIQUE INDEX effect_name ON effect(name)"
#define EFFECT_RUN "CREATE INDEX effect_run ON effect(run)"

/* Who hears an event. What else is waited for has an address or no key, and costs this index nothing. */
#define OPEN_HEARD "CREATE INDEX open_heard ON open(key)WHERE key<>'' AND address=''"

static const char *const objects[] = {
    "CREATE TABLE meta(k INTEGER PRIMARY KEY,install_key BLOB NOT NULL,generation INTEGER NOT NULL,"
    "epoch INTEGER NOT NULL,clean INTEGER NOT NULL,swept INTEGER NOT NULL,sum INTEGER NOT NULL)STRICT",
    "CREATE TABLE run(key INTEGER PRIMARY KEY,id TEXT NOT NULL,closure INTEGER NOT NULL,"
    "state INTEGER NOT NULL,created INTEGER NOT NULL,updated INTEGER NOT NULL,name TEXT NOT NULL,"
    "info TEXT NOT NULL,head INTEGER NOT NULL,head_seq INTEGER NOT NULL,sum INTEGER NOT NULL)STRICT",
    "CREATE UNIQUE INDEX run_id ON run(id)",
    "CREATE INDEX run_state ON run(state)",
    "CREATE TABLE journal(id INTEGER PRIMARY KEY,run INTEGER NOT NULL,seq INTEGER NOT NULL,"
    "prev INTEGER NOT NULL,hash BLOB NOT NULL,body BLOB NOT NULL,data BLOB,data_hash BLOB)STRICT",
    "CREATE TABLE closure(key INTEGER PRIMARY KEY,hash BLOB NOT NULL,bytes BLOB NOT NULL)STRICT",
    "CREATE UNIQUE INDEX closure_hash ON closure(hash)",
    "CREATE TABLE payload(key INTEGER PRIMARY KEY,run INTEGER NOT NULL,hash BLOB NOT NULL,"
    "bytes BLOB NOT NULL)STRICT",
    "CREATE UNIQUE INDEX payload_hash ON payload(run,hash)",
    "CREATE TABLE snapshot(run INTEGER PRIMARY KEY,seq INTEGER NOT NULL,row INTEGER NOT NULL,"
    "bytes BLOB NOT NULL,hash BLOB NOT NULL)STRICT",
    "CREATE TABLE open(run INTEGER NOT NULL,n INTEGER NOT NULL,kind INTEGER NOT NULL,"
    "due INTEGER NOT NULL,key TEXT NOT NULL,address TEXT NOT NULL,sum INTEGER NOT NULL,"
    "PRIMARY KEY(run,n))STRICT,WITHOUT ROWID",
    "CREATE INDEX open_due ON open(due)WHERE due>0",
    "CREATE TABLE mail(key INTEGER PRIMARY KEY,id TEXT NOT NULL,dest TEXT NOT NULL,"
    "not_before INTEGER NOT NULL,body BLOB NOT NULL,sum INTEGER NOT NULL)STRICT",
    "CREATE UNIQUE INDEX mail_id ON mail(id)",
    "CREATE INDEX mail_not_before ON mail(not_before)",
    ACCOUNT_TABLE,
    EFFECT_TABLE,
    EFFECT_NAME,
    EFFECT_RUN,
    OPEN_HEARD,
};
/* The last of them came later: a store without them is good, and gets them when somebody first writes to it. */
#define OBJECTS_BEFORE_HEARD (ARRAY_LEN(objects) - 1)
#define OBJECTS_BEFORE_EFFECTS (ARRAY_LEN(objects) - 4)
#define OBJECTS_BEFORE_ACCOUNTS (ARRAY_LEN(objects) - 5)

#define STATEMENT_TEXT(name, text)                                                                 \
    (text), /* in brackets: a text of several pieces is meant to be one */
static const char *const writer_texts[] = { WRITER_STATEMENTS(STATEMENT_TEXT) };
static const char *const reader_texts[] = { READER_STATEMENTS(STATEMENT_TEXT) };

static uint64_t meta_sum(const SqliteMeta *m) {
    uint64_t sum = sum_str(SUM_START, (Str){ (const char *)m->install_key, sizeof m->install_key });
    sum = sum_u64(sum, m->generation);
    sum = sum_u64(sum, m->epoch);
    sum = sum_u64(sum, m->clean);
    return sum_u64(sum, m->swept);
}

static int insert_meta(SqliteStore *s, const uint8_t install_key[32]) {
    SqliteMeta meta = { .clean = true };
    memcpy(meta.install_key, install_key, sizeof meta.install_key);
    sqlite3_stmt *st = NULL;
    int r = sql_prepare(&s->writer,
                        "INSERT INTO meta(k,install_key,generation,epoch,clean,swept,sum)"
                        "VALUES(1,?1,0,0,1,0,?2)",
                        &st);
    if (r)
        return r;
    bind_bytes(st, 1, (Str){ (const char *)meta.install_key, sizeof meta.install_key });
    bind_u64(st, 2, meta_sum(&meta));
    r = sql_run(&s->writer, st);
    sqlite3_finalize(st);
    return r;
}

static int create_objects(SqliteStore *s, const uint8_t install_key[32]) {
    char pragmas[80];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d;PRAGMA user_version=%d",
             STORE_APPLICATION_ID, STORE_FORMAT);
    int r = sql_exec(&s->writer, pragmas);
    for (size_t i = 0; !r && i < ARRAY_LEN(objects); i++)
        r = sql_exec(&s->writer, objects[i]);
    return r ? r : insert_meta(s, install_key);
}

int schema_create(SqliteStore *s, const uint8_t install_key[32]) {
    int r = sql_exec(&s->writer, "BEGIN IMMEDIATE");
    if (!r)
        r = create_objects(s, install_key);
    if (!r)
        r = sql_exec(&s->writer, "COMMIT");
    return r;
}

int schema_verify(Sql *c) {
    sqlite3_stmt *st = NULL;
    int r =
        sql_prepare(c, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", &st);
    if (r)
        return r;
    size_t n = 0;
    bool row, same = true;
    while (!(r = sql_step(c, st, &row)) && row) {
        same = same && n < ARRAY_LEN(objects) && str_eq(column_str(st, 0), str_from(objects[n]));
        n++;
    }
    sqlite3_finalize(st);
    bool whole = n == ARRAY_LEN(objects) || n == OBJECTS_BEFORE_HEARD ||
                 n == OBJECTS_BEFORE_EFFECTS || n == OBJECTS_BEFORE_ACCOUNTS;
    if (!r && (!same || !whole))
        r = sql_damaged(c->problem, "baton.db: its tables are not those of format %d",
                        STORE_FORMAT);
    return r;
}

int schema_has(Sql *c, const char *table, bool *ret) {
    sqlite3_stmt *st = NULL;
    int r = sql_prepare(c, "SELECT 1 FROM sqlite_schema WHERE name=?1", &st);
    if (!r) {
        bind_text(st, 1, str_from(table));
        r = sql_step(c, st, ret);
    }
    sqlite3_finalize(st);
    return r;
}

/* By the writer, before its statements are prepared. */
static int add_what_came_later(Sql *c) {
    bool there;
    int r = schema_has(c, "account", &there);
    if (!r && !there)
        r = sql_exec(c, ACCOUNT_TABLE);
    if (!r)
        r = schema_has(c, "effect_run", &there);
    if (!r && !there)
        r = sql_exec(c, "BEGIN IMMEDIATE;" EFFECT_TABLE ";" EFFECT_NAME ";" EFFECT_RUN ";COMMIT");
    if (!r)
        r = schema_has(c, "open_heard", &there);
    return r || there ? r : sql_exec(c, OPEN_HEARD);
}

static int prepare_all(Sql *c, const char *const *texts, size_t n, sqlite3_stmt **ret) {
    int r = 0;
    for (size_t i = 0; !r && i < n; i++)
        r = sql_prepare(c, texts[i], &ret[i]);
    return r;
}

int schema_prepare_writer(SqliteStore *s) {
    int r = add_what_came_later(&s->writer);
    return r ? r : prepare_all(&s->writer, writer_texts, ARRAY_LEN(writer_texts), s->w);
}

int schema_prepare_reader(SqliteStore *s) {
    return prepare_all(&s->reader, reader_texts, ARRAY_LEN(reader_texts), s->r);
}

void schema_finalize(SqliteStore *s) {
    for (size_t i = 0; i < ARRAY_LEN(s->w); i++)
        sqlite3_finalize(s->w[i]);
    for (size_t i = 0; i < ARRAY_LEN(s->r); i++)
        sqlite3_finalize(s->r[i]);
}

int meta_read(SqliteStore *s, SqliteMeta *ret) {
    sqlite3_stmt *st = s->r[ST_META];
    bool row;
    int r = sql_step(&s->reader, st, &row);
    if (r)
        return r;
    if (!row)
        return sql_damaged(s->reader.problem, "baton.db: table meta is empty");
    SqliteMeta m = { .generation = column_u64(st, 1),
                     .epoch = column_u64(st, 2),
                     .clean = column_u64(st, 3) != 0,
                     .swept = column_u64(st, 4) };
    Str key = column_str(st, 0);
    bool good = key.len == sizeof m.install_key && column_u64(st, 3) <= 1;
    if (good)
        memcpy(m.install_key, key.p, key.len);
    good = good && meta_sum(&m) == column_u64(st, 5);
    sqlite3_reset(st);
    if (!good)
        return sql_damaged(s->reader.problem, "baton.db: the sum of table meta is wrong");
    *ret = m;
    return 0;
}

int meta_write(SqliteStore *s, const SqliteMeta *meta) {
    sqlite3_stmt *st = s->w[ST_SET_META];
    bind_u64(st, 1, meta->epoch);
    bind_u64(st, 2, meta->clean);
    bind_u64(st, 3, meta->swept);
    bind_u64(st, 4, meta_sum(meta));
    return sql_run(&s->writer, st);
}

uint64_t store_mark(const SqliteMeta *meta) {
    return sum_u64(
        sum_str(SUM_START, (Str){ (const char *)meta->install_key, sizeof meta->install_key }),
        meta->generation);
}

uint64_t run_sum(uint64_t key, Str id, uint64_t closure, const StoreRunInfo *info) {
    uint64_t sum = sum_u64(SUM_START, key);
    sum = sum_str(sum, id);
    sum = sum_u64(sum, closure);
    sum = sum_u64(sum, info->state);
    sum = sum_u64(sum, (uint64_t)info->created_ms);
    sum = sum_u64(sum, (uint64_t)info->updated_ms);
    sum = sum_str(sum, info->name);
    return sum_str(sum, info->info);
}

uint64_t open_sum(uint64_t run, uint64_t n, const StoreOpen *open) {
    uint64_t sum = sum_u64(SUM_START, run);
    sum = sum_u64(sum, n);
    sum = sum_u64(sum, open->kind);
    sum = sum_u64(sum, (uint64_t)open->due_ms);
    sum = sum_str(sum, open->key);
    return sum_str(sum, open->address);
}

uint64_t account_sum(uint64_t engine, const StoreAccount *account) {
    uint64_t sum = sum_u64(SUM_START, engine);
    sum = sum_str(sum, account->key);
    sum = sum_u64(sum, (uint64_t)account->cost);
    sum = sum_u64(sum, (uint64_t)account->tokens);
    sum = sum_u64(sum, (uint64_t)account->calls);
    return sum_str(sum, account->info);
}

uint64_t mail_sum(const StoreMail *mail) {
    uint64_t sum = sum_str(SUM_START, mail->id);
    sum = sum_str(sum, mail->to);
    sum = sum_u64(sum, (uint64_t)mail->not_before_ms);
    return sum_str(sum, mail->body);
}
