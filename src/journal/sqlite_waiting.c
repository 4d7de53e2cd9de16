/* Reading what runs wait for: open entries and mail. */
#include "journal/sqlite.h"

static int read_open(SqliteStore *s, sqlite3_stmt *st, Arena *a, StoreDue *ret) {
    StoreOpen open = { .kind = (uint8_t)column_u64(st, 2),
                       .due_ms = sqlite3_column_int64(st, 3),
                       .key = arena_str(a, column_str(st, 4)),
                       .address = arena_str(a, column_str(st, 5)) };
    uint64_t run = column_u64(st, 0), n = column_u64(st, 1);
    if (column_u64(st, 2) > UINT8_MAX || open_sum(run, n, &open) != column_u64(st, 6))
        return sql_damaged(s->reader.problem,
                           "baton.db: open entry %llu of run number %llu: its sum is wrong",
                           (unsigned long long)n, (unsigned long long)run);
    *ret = (StoreDue){ .run = arena_str(a, column_str(st, 7)),
                       .address = open.address,
                       .key = open.key,
                       .kind = open.kind,
                       .due_ms = open.due_ms };
    return 0;
}

static int read_opens(SqliteStore *s, sqlite3_stmt *st, Arena *a, StoreDue *ret, size_t *ret_n) {
    size_t n = 0;
    bool more;
    int r;
    while (!(r = sql_step(&s->reader, st, &more)) && more) {
        r = read_open(s, st, a, &ret[n]);
        if (r)
            break;
        n++;
    }
    sqlite3_reset(st);
    *ret_n = n;
    return r;
}

/* The minimum that `st` computes over what is after now_ms; 0 if there is none. */
static int read_next(SqliteStore *s, sqlite3_stmt *st, int64_t now_ms, int64_t *ret_next_ms) {
    bool row;
    bind_i64(st, 1, now_ms);
    int r = sql_step(&s->reader, st, &row);
    if (r)
        return r;
    *ret_next_ms = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return 0;
}

int sqlite_due(Store *base, int64_t now_ms, size_t max, Arena *a, StoreDue *ret, size_t *ret_n,
               int64_t *ret_next_ms) {
    SqliteStore *s = (SqliteStore *)base;
    StoreDue *found = arena_alloc(a, (max + 1) * sizeof *found);
    size_t n = 0;
    sqlite3_stmt *st = s->r[ST_DUE];
    bind_i64(st, 1, now_ms);
    bind_u64(st, 2, max + 1); /* one more, to know when the next is due */
    int r = read_opens(s, st, a, found, &n);
    int64_t next = n > max ? found[max].due_ms : 0;
    if (!r && n <= max && ret_next_ms)
        r = read_next(s, s->r[ST_DUE_AFTER], now_ms, &next);
    if (r)
        return r;
    *ret_n = MIN(n, max);
    memcpy(ret, found, *ret_n * sizeof *ret);
    if (ret_next_ms)
        *ret_next_ms = next;
    return 0;
}

int sqlite_opens(Store *base, Str run, uint8_t kind, uint64_t skip, size_t max, Arena *a,
                 StoreDue *ret, size_t *ret_n) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = s->r[run.len ? ST_OPENS_OF : ST_OPENS];
    bind_u64(st, 1, max);
    bind_u64(st, 3, kind);
    bind_u64(st, 4, skip);
    if (run.len)
        bind_text(st, 2, run);
    return read_opens(s, st, a, ret, ret_n);
}

static int add_run(SqliteStore *s, sqlite3_stmt *st, Arena *a, Str **list, size_t *n,
                   size_t *room) {
    StoreDue one;
    int r = read_open(s, st, a, &one);
    if (r || (*n && str_eq((*list)[*n - 1], one.run)))
        return r;
    if (*n == *room) {
        Str *wider = ARENA_ARRAY(a, Str, *room = MAX((size_t)16, *room * 2));
        if (*n)
            memcpy(wider, *list, *n * sizeof *wider);
        *list = wider;
    }
    (*list)[(*n)++] = one.run;
    return 0;
}

int sqlite_heard(Store *base, Str key, Arena *a, Str **ret_runs, size_t *ret_n) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = s->r[ST_HEARD];
    Str *list = NULL;
    size_t n = 0, room = 0;
    bool more;
    int r;
    bind_text(st, 1, key);
    while (!(r = sql_step(&s->reader, st, &more)) && more)
        if ((r = add_run(s, st, a, &list, &n, &room)))
            break;
    sqlite3_reset(st);
    *ret_runs = list;
    *ret_n = n;
    return r;
}

static int read_mail(SqliteStore *s, sqlite3_stmt *st, Arena *a, StoreMail *ret) {
    *ret = (StoreMail){ .id = arena_str(a, column_str(st, 1)),
                        .to = arena_str(a, column_str(st, 2)),
                        .not_before_ms = sqlite3_column_int64(st, 3),
                        .body = arena_str(a, column_str(st, 4)) };
    if (mail_sum(ret) == column_u64(st, 5))
        return 0;
    return sql_damaged(s->reader.problem, "baton.db: mail number %llu: its sum is wrong",
                       (unsigned long long)column_u64(st, 0));
}

int sqlite_mail(Store *base, bool world, int64_t now_ms, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n, int64_t *ret_next_ms) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = s->r[ST_MAIL], *after = s->r[ST_MAIL_AFTER];
    size_t n = 0;
    int64_t next = 0;
    bool more;
    int r;
    bind_i64(st, 1, now_ms);
    bind_u64(st, 2, max + 1);
    bind_u64(st, 3, world);
    bind_u64(after, 2, world);
    while (!(r = sql_step(&s->reader, st, &more)) && more && n <= max) {
        StoreMail mail;
        r = read_mail(s, st, a, &mail);
        if (r)
            break;
        if (n < max)
            ret[n] = mail;
        else
            next = mail.not_before_ms;
        n++;
    }
    sqlite3_reset(st);
    if (!r && n <= max && ret_next_ms)
        r = read_next(s, after, now_ms, &next);
    if (r)
        return r;
    *ret_n = MIN(n, max);
    if (ret_next_ms)
        *ret_next_ms = next;
    return 0;
}

int sqlite_kept(Store *base, Str to, Str id, uint64_t skip, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = s->r[id.len ? ST_KEPT_ONE : ST_KEPT];
    size_t n = 0;
    bool more;
    int r;
    bind_i64(st, 1, STORE_KEPT);
    bind_text(st, 2, to);
    if (id.len) {
        bind_text(st, 3, id);
    } else {
        bind_u64(st, 3, max);
        bind_u64(st, 4, skip);
    }
    while (!(r = sql_step(&s->reader, st, &more)) && more && n < max) {
        r = read_mail(s, st, a, &ret[n]);
        if (r)
            break;
        n++;
    }
    sqlite3_reset(st);
    *ret_n = n;
    return r;
}

static int read_account(SqliteStore *s, sqlite3_stmt *st, Arena *a, StoreAccount *ret) {
    *ret = (StoreAccount){ .engine = column_u64(st, 0),
                           .key = arena_str(a, column_str(st, 1)),
                           .cost = sqlite3_column_int64(st, 2),
                           .tokens = sqlite3_column_int64(st, 3),
                           .calls = sqlite3_column_int64(st, 4),
                           .info = arena_str(a, column_str(st, 5)) };
    if (account_sum(ret->engine, ret) == column_u64(st, 6))
        return 0;
    return sql_damaged(s->reader.problem, "baton.db: account %.*s: its sum is wrong",
                       STR_FMT(ret->key));
}

static int read_accounts(SqliteStore *s, sqlite3_stmt *st, Arena *a, StoreAccount **ret,
                         size_t *ret_n) {
    StoreAccount *list = NULL;
    size_t n = 0, room = 0;
    bool more;
    int r;
    while (!(r = sql_step(&s->reader, st, &more)) && more) {
        if (n == room) {
            room = MAX((size_t)16, room * 2);
            StoreAccount *wider = ARENA_ARRAY(a, StoreAccount, room);
            if (n)
                memcpy(wider, list, n * sizeof *list);
            list = wider;
        }
        r = read_account(s, st, a, &list[n]);
        if (r)
            break;
        n++;
    }
    *ret = list;
    *ret_n = n;
    return r;
}

/* Read once when an engine enters, and for lists: the statement is not kept. */
int sqlite_accounts(Store *base, Arena *a, StoreAccount **ret, size_t *ret_n) {
    SqliteStore *s = (SqliteStore *)base;
    sqlite3_stmt *st = NULL;
    bool there;
    *ret = NULL;
    *ret_n = 0;
    int r = schema_has(&s->reader, "account", &there);
    if (r || !there)
        return r;
    r = sql_prepare(&s->reader,
                    "SELECT engine,key,cost,tokens,calls,info,sum FROM account ORDER BY key,engine",
                    &st);
    if (!r)
        r = read_accounts(s, st, a, ret, ret_n);
    sqlite3_finalize(st);
    return r;
}
