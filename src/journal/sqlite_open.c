/* Opening and closing of a SQLite store, and its lease, which the directory's lock makes trivial.
 *
 *   lock the directory -> read the side file -> scan the log -> open the writer -> make it or judge it -> checkpoint
 *
 * Nothing on the disk is changed before the store was judged. The checkpoint at the end is no housekeeping: a process
 * that was killed between writing its commit and syncing it left a commit that we can read and a power cut could take
 * back; it must be on the disk before anyone acts on it. */
#include "journal/sqlite.h"
#include "journal/wal_scan.h"

#include "base/mutant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_BYTES_DEFAULT (8 * MIB)
#define READER_CACHE_KIB 2048
/* About 16 MiB of log; measured, smaller costs commits and larger gains little. */
#define WAL_PAGES_DEFAULT 4000
/* Rows that opening may have to read again against run rows written for nothing. */
#define SWEEP_ROWS_DEFAULT 8192
/* Far above what the engine stores in one value, far below what a flipped length could ask for. */
#define VALUE_BYTES_MAX (256 * MIB)
#define BUSY_MS 5000

static int say(char *problem, int code, const char *fmt, ...) PRINTF(3, 4);
static int say(char *problem, int code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(problem, STORE_PROBLEM_BYTES, fmt, args);
    va_end(args);
    return code;
}

static char *join(const char *dir, const char *name) {
    size_t room = strlen(dir) + strlen(name) + 2;
    char *path = xmalloc(room);
    snprintf(path, room, "%s/%s", dir, name);
    return path;
}

static void free_text(char **p) { free(*p); }

/* A new name in a directory is durable once the directory is synced. */
static int sync_parent(const char *path) {
    const char *slash = strrchr(path, '/');
    _cleanup_(free_text)
    char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
    int fd = open(!slash ? "." : *parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -ERR_IO;
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? 0 : -ERR_IO;
}

static int make_directory(const char *dir, char *problem) {
    if (mkdir(dir, 0700) == 0)
        return sync_parent(dir) ? say(problem, -ERR_IO, "%s: its parent could not be synced", dir)
                                : 0;
    if (errno == EEXIST)
        return 0;
    return say(problem, -ERR_IO, "%s: the directory could not be made: %s", dir, strerror(errno));
}

static int say_busy(const char *dir, int fd, char *problem) {
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    while (n > 0 && (pid[n - 1] < '0' || pid[n - 1] > '9'))
        n--;
    return say(problem, -ERR_BUSY, "%s: in use by process %.*s; talk to it, or stop it first", dir,
               n > 0 ? (int)n : 1, n > 0 ? pid : "?");
}

/* The lock goes with the open file, so the kernel lets go of it when the process ends, however it ends. The pid in it
 * is for people only. */
static int lock_directory(SqliteStore *s, const char *dir, char *problem) {
    _cleanup_(free_text)
    char *path = join(dir, "lock");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return say(problem, -ERR_IO, "%s: %s", path, strerror(errno));
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(s->lock_fd, F_OFD_SETLK, &whole) != 0)
        return errno == EAGAIN || errno == EACCES
                   ? say_busy(dir, s->lock_fd, problem)
                   : say(problem, -ERR_IO, "%s: %s", path, strerror(errno));
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, pid, (size_t)len, 0) != len)
        return say(problem, -ERR_IO, "%s: %s", path, strerror(errno));
    return 0;
}

static int on_commit(void *ctx, sqlite3 *db UNUSED, const char *name UNUSED, int wal_pages) {
    ((SqliteStore *)ctx)->wal_now = wal_pages;
    return SQLITE_OK;
}

static int open_connection(Sql *c, const char *path, const char *vfs, int flags) {
    int rc = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (rc != SQLITE_OK)
        return sql_failed(c, rc, "open");
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, BUSY_MS);
    sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, (int)VALUE_BYTES_MAX);
    sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return sql_exec(c, "PRAGMA mmap_size=0;PRAGMA wal_autocheckpoint=0;PRAGMA cell_size_check=1;"
                       "PRAGMA temp_store=MEMORY");
}

static int open_writer(SqliteStore *s, const StoreSqliteOptions *o) {
    int r =
        open_connection(&s->writer, s->db_path, o->vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (r)
        return r;
    char text[120];
    /* What is deleted is overwritten, so that a run that is forgotten is gone, and not only out of sight. */
    int64_t cache = o->cache_bytes ? o->cache_bytes : (int64_t)CACHE_BYTES_DEFAULT;
    snprintf(
        text, sizeof text,
        "PRAGMA page_size=4096;PRAGMA synchronous=%s;PRAGMA secure_delete=ON;PRAGMA cache_size=-%lld",
        MUTANT(journal_no_sync) ? "OFF" : "FULL", (long long)(cache / 1024));
    sqlite3_wal_hook(s->writer.db, on_commit, s);
    /* Closing checkpoints by itself when the store judges it may: see close_connections(). */
    sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return sql_exec(&s->writer, text);
}

static int open_reader(SqliteStore *s, const StoreSqliteOptions *o) {
    int r = open_connection(&s->reader, s->db_path, o->vfs, SQLITE_OPEN_READONLY);
    if (r)
        return r;
    sqlite3_db_config(s->reader.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    char text[64];
    snprintf(text, sizeof text, "PRAGMA query_only=1;PRAGMA cache_size=-%d", READER_CACHE_KIB);
    return sql_exec(&s->reader, text);
}

static int64_t file_bytes(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int is_new(Sql *c, bool *ret) {
    int64_t objects = 0;
    int r = sql_number(c, "SELECT count(*) FROM sqlite_schema", &objects);
    *ret = objects == 0;
    return r;
}

static int make_store(SqliteStore *s, const StoreSqliteOptions *o) {
    ASSERT(o->install_key);
    int r = sql_exec(&s->writer, "PRAGMA journal_mode=WAL");
    if (!r)
        r = schema_create(s, o->install_key);
    return r;
}

/* What must hold before a single row is believed. */
static int judge_file(Sql *c) {
    int64_t id = 0, format = 0;
    int r = sql_number(c, "PRAGMA application_id", &id);
    if (!r)
        r = sql_number(c, "PRAGMA user_version", &format);
    if (r)
        return r;
    if (id != STORE_APPLICATION_ID)
        return sql_damaged(c->problem, "baton.db: it is no store of Baton (application id %lld)",
                           (long long)id);
    if (format > STORE_FORMAT)
        return say(
            c->problem, STORE_E_DAMAGED,
            "baton.db: it has format %lld and this Baton knows formats up to %d: use a newer Baton",
            (long long)format, STORE_FORMAT);
    r = schema_verify(c);
    if (r)
        return r;
    sqlite3_stmt *st = NULL;
    bool row = false, wal = false;
    r = sql_prepare(c, "PRAGMA journal_mode", &st);
    if (!r)
        r = sql_step(c, st, &row);
    if (row)
        wal = str_eq(column_str(st, 0), STR("wal"));
    sqlite3_finalize(st);
    if (!r && !wal)
        r = sql_damaged(c->problem,
                        "baton.db: its header does not say that it has a write-ahead log");
    return r;
}

static int refuse_if_lost(SqliteStore *s, const High *high, char *problem) {
    return sql_damaged(problem, "%s: it is empty, but %s says that %llu journal rows were written",
                       s->db_path, s->high_path, (unsigned long long)high->row);
}

static int open_or_make(SqliteStore *s, const StoreSqliteOptions *o, const High *high,
                        bool found_high) {
    bool fresh = false;
    int r = 0;
    if (!s->read_only) {
        r = open_writer(s, o);
        if (!r)
            r = is_new(&s->writer, &fresh);
        if (!r && fresh)
            r = found_high && high->row ? refuse_if_lost(s, high, s->store.problem)
                                        : make_store(s, o);
    }
    if (!r)
        r = open_reader(s, o);
    if (!r)
        r = judge_file(&s->reader);
    if (!r)
        r = schema_prepare_reader(s);
    if (!r && !s->read_only)
        r = schema_prepare_writer(s);
    return r;
}

static int make_durable(SqliteStore *s) {
    int rc = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_failed(&s->writer, rc, "checkpoint");
}

/* Twice, so that both slots exist and later writes need no room on the disk. */
static int make_high(SqliteStore *s) {
    int r = sqlite_write_high(s);
    if (!r)
        r = sqlite_write_high(s);
    return r ? say(s->store.problem, r, "%s: it could not be written", s->high_path) : 0;
}

static int open_side(SqliteStore *s, const StoreSqliteOptions *o, bool create, High *ret_high,
                     bool *ret_found) {
    sqlite3_vfs *vfs = sqlite3_vfs_find(o->vfs);
    ASSERT(vfs);
    int r = sidefile_open(&s->side, vfs, s->high_path, s->read_only, create, ret_high, ret_found);
    return r ? say(s->store.problem, r, "%s: it could not be opened or read", s->high_path) : 0;
}

static int open_files(SqliteStore *s, const StoreSqliteOptions *o) {
    High high = { 0 };
    bool found = false;
    int r = open_side(s, o, false, &high, &found);
    if (!r)
        r = wal_scan(s->db_path, s->store.problem);
    if (!r)
        r = open_or_make(s, o, &high, found);
    if (!r)
        r = sqlite_recover(s, &high, found);
    if (r || s->read_only)
        return r;
    r = make_durable(s);
    if (!r && !s->side.file)
        r = open_side(s, o, true, &high, &found);
    return r || found ? r : make_high(s);
}

static void close_connections(SqliteStore *s) {
    schema_finalize(s);
    sqlite3_close(s->reader.db);
    if (s->writer.db && s->store.ops && !s->broken)
        sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    sqlite3_close(s->writer.db);
}

static void free_store(SqliteStore *s) {
    close_connections(s);
    sidefile_close(&s->side);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    heads_deinit(&s->heads);
    heads_deinit(&s->batch_heads);
    buf_deinit(&s->closure_read);
    pthread_mutex_destroy(&s->lock);
    free(s->db_path);
    free(s->high_path);
    free(s);
}

typedef struct Entry {
    SqliteMeta meta;
    bool sweep;
} Entry;

static int write_entry(SqliteStore *s, void *ctx) {
    Entry *e = ctx;
    if (!e->sweep)
        return meta_write(s, &e->meta);
    e->meta.swept = s->last_row;
    return sqlite_sweep(s, &e->meta);
}

static int sqlite_enter(Store *base, int64_t now_ms UNUSED, int64_t ttl_ms UNUSED,
                        StoreLease *ret) {
    SqliteStore *s = (SqliteStore *)base;
    ASSERT(!s->read_only);
    Entry e = { .meta = s->meta };
    e.meta.epoch++;
    e.meta.clean = false;
    int r = sqlite_transact(s, write_entry, &e);
    if (r)
        return r;
    *ret = (StoreLease){ .engine = 1, .epoch = e.meta.epoch, .recovered = !s->meta.clean };
    s->meta = e.meta;
    s->epoch = e.meta.epoch;
    return 0;
}

/* Nobody else can enter while we hold the directory. */
static int sqlite_renew(Store *base, int64_t now_ms UNUSED, int64_t ttl_ms UNUSED, bool *ret_lost) {
    SqliteStore *s = (SqliteStore *)base;
    *ret_lost = !s->epoch;
    return 0;
}

static int sweep_and_say_high(SqliteStore *s, bool clean) {
    Entry e = { .meta = s->meta, .sweep = true };
    e.meta.clean = clean;
    int r = sqlite_transact(s, write_entry, &e);
    if (r)
        return r;
    sqlite_swept(s, &e.meta);
    if (s->side_row != s->last_row)
        r = sqlite_write_high(s);
    if (r == -ERR_IO)
        s->broken = true;
    return r;
}

static int sqlite_leave(Store *base, int64_t now_ms UNUSED) {
    SqliteStore *s = (SqliteStore *)base;
    ASSERT(s->epoch);
    int r = sweep_and_say_high(s, true);
    if (!r)
        s->epoch = 0;
    return r;
}

static int sqlite_takeover(Store *base UNUSED, int64_t now_ms UNUSED, size_t *ret_runs) {
    *ret_runs = 0;
    return 0;
}

static void sqlite_close_store(Store *base) {
    SqliteStore *s = (SqliteStore *)base;
    /* Of no consequence if it fails: opening reads the tail again, and the log is left as it is. */
    if (!s->read_only && !s->broken && (s->heads.n || s->side_row != s->last_row))
        if (sweep_and_say_high(s, s->meta.clean))
            s->broken = true;
    free_store(s);
}

static const StoreOps sqlite_ops = {
    .close = sqlite_close_store,
    .enter = sqlite_enter,
    .renew = sqlite_renew,
    .leave = sqlite_leave,
    .takeover = sqlite_takeover,
    .append = sqlite_append,
    .post = sqlite_post,
    .owned = sqlite_owned,
    .load = sqlite_load,
    .payload = sqlite_payload,
    .due = sqlite_due,
    .opens = sqlite_opens,
    .heard = sqlite_heard,
    .mail = sqlite_mail,
    .kept = sqlite_kept,
    .keys = sqlite_keys,
    .accounts = sqlite_accounts,
    .list = sqlite_list,
    .check = sqlite_check,
};

static SqliteStore *new_store(const char *dir, const StoreSqliteOptions *o) {
    SqliteStore *s = xcalloc(1, sizeof *s);
    s->closure_read = BUF_INIT(LIMIT_JSON_BYTES);
    s->db_path = join(dir, "baton.db");
    s->high_path = join(dir, "high");
    s->lock_fd = -1;
    s->read_only = o->read_only;
    s->writer.problem = s->store.problem;
    s->reader.problem = s->store.read_problem;
    s->wal_max = (int)(o->wal_pages ? o->wal_pages : WAL_PAGES_DEFAULT);
    s->sweep_rows = o->sweep_rows ? o->sweep_rows : SWEEP_ROWS_DEFAULT;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

/* SQLite counts its memory under one lock of the whole process, at every allocation; nobody asks for the counts. It
 * refuses this where the process uses it already, and then goes on counting. */
static void stop_counting_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

int store_sqlite_open(const char *dir, const StoreSqliteOptions *options, Store **ret_store,
                      char *problem) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, stop_counting_memory);
    SqliteStore *s = new_store(dir, options);
    int r = 0;
    if (!s->read_only) {
        r = make_directory(dir, s->store.problem);
        if (!r)
            r = lock_directory(s, dir, s->store.problem);
    } else if (file_bytes(s->db_path) == 0) {
        r = say(s->store.problem, STORE_E_NOT_FOUND, "%s: there is no store here", dir);
    }
    if (!r)
        r = open_files(s, options);
    if (r) {
        snprintf(problem, STORE_PROBLEM_BYTES, "%s",
                 *s->store.problem ? s->store.problem : s->store.read_problem);
        free_store(s);
        return r;
    }
    s->store.ops = &sqlite_ops;
    memcpy(s->store.install_key, s->meta.install_key, sizeof s->store.install_key);
    *ret_store = &s->store;
    return 0;
}
