/* Two halves. The first forwards to the real VFS and fails on command. The second keeps, for every file, the bytes that
 * are surely on the disk, and one list, over all files, of what was done since and not synced:
 *
 *   image "baton.db"      durable bytes       changes: [wal, write 4096 at 0] [wal, write ...] [high, write ...]
 *   image "baton.db-wal"  durable bytes                 a sync of `wal` moves its changes into its durable bytes
 *
 * A cut is the durable bytes and whatever part of the list the caller says had reached the disk. A deletion is a change
 * like others, until a sync of the directory; SQLite makes one with the first sync of a file that it created. */
#include "journal/vfs.h"

#include "base/str.h"
#include "base/buf.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECTOR_BYTES 512u
#define IMAGE_BYTES_MAX (256u << 20)

typedef struct Image {
    struct Image *next;
    char *name; /* without its directory */
    bool exists;
    /* made by an open that no sync has followed: the first one syncs the directory too */
    bool new_name;
    Buf bytes;
} Image;

typedef struct Change {
    Image *image;
    enum { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_DELETE } kind;
    size_t offset; /* or the new size */
    char *bytes;
    size_t len;
} Change;

typedef struct TestFile {
    sqlite3_file file;
    Image *image;       /* NULL: not recorded */
    sqlite3_file *real; /* behind this struct */
} TestFile;

static sqlite3_vfs test_vfs, *real_vfs;
static struct {
    atomic_uint_fast64_t done, fail_at, reads, fail_read_at;
    VfsFailure failure;
    pthread_mutex_t lock;
    void (*at)(void *ctx);
    void *ctx;
    Image *images;
    Change *changes;
    size_t n_changes, room;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

void vfs_fail_at(uint64_t k, VfsFailure failure) {
    disk.failure = failure;
    disk.done = 0;
    disk.fail_at = k;
}

void vfs_fail_read_at(uint64_t k) {
    disk.reads = 0;
    disk.fail_read_at = k;
}

uint64_t vfs_operations(void) { return disk.done; }

uint64_t vfs_reads(void) { return disk.reads; }

typedef enum Verdict { GOES_ON, BREAKS, FILLS } Verdict;

static Verdict count_operation(void) {
    uint64_t number = ++disk.done, k = disk.fail_at;
    bool onwards = disk.failure == VFS_IO_FROM || disk.failure == VFS_FULL_FROM;
    if (!k || number < k || (number > k && !onwards))
        return GOES_ON;
    if (disk.failure == VFS_KILL)
        kill(getpid(), SIGKILL);
    return disk.failure == VFS_FULL_ONCE || disk.failure == VFS_FULL_FROM ? FILLS : BREAKS;
}

/* ---- The disk and its unsynced changes ---- */

static Image *image_of(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (Image *i = disk.images; i; i = i->next)
        if (strcmp(i->name, name) == 0)
            return i;
    Image *made = xcalloc(1, sizeof *made);
    *made = (Image){ .next = disk.images,
                     .name = xstrndup(name, strlen(name)),
                     .bytes = BUF_INIT(IMAGE_BYTES_MAX) };
    return disk.images = made;
}

static void apply(Image *image, Buf *b, const Change *c, size_t from, size_t len) {
    size_t end = c->kind == CHANGE_WRITE ? MAX(b->len, c->offset + from + len) : c->offset;
    image->exists = c->kind != CHANGE_DELETE;
    if (end > b->len) {
        char *p = buf_room(b, end - b->len);
        ASSERT(p);
        memset(p, 0, end - b->len);
    }
    b->len = end;
    if (c->kind == CHANGE_WRITE)
        memcpy(b->p + c->offset + from, c->bytes + from, len);
}

static void add_change(Image *image, int kind, size_t offset, const void *bytes, size_t len) {
    if (!disk.at || !image)
        return;
    pthread_mutex_lock(&disk.lock);
    if (disk.n_changes == disk.room) {
        disk.room = disk.room ? disk.room * 2 : 64;
        disk.changes = xrealloc(disk.changes, disk.room * sizeof *disk.changes);
    }
    Change *c = &disk.changes[disk.n_changes++];
    *c = (Change){
        .image = image, .offset = offset, .len = len, .bytes = len ? xstrndup(bytes, len) : NULL
    };
    c->kind = kind == CHANGE_WRITE      ? CHANGE_WRITE
              : kind == CHANGE_TRUNCATE ? CHANGE_TRUNCATE
                                        : CHANGE_DELETE;
    pthread_mutex_unlock(&disk.lock);
}

static void make_durable(Image *image) {
    size_t kept = 0;
    for (size_t i = 0; i < disk.n_changes; i++) {
        Change *c = &disk.changes[i];
        if (c->image == image || (image->new_name && c->kind == CHANGE_DELETE)) {
            apply(c->image, &c->image->bytes, c, 0, c->len);
            free(c->bytes);
        } else {
            disk.changes[kept++] = *c;
        }
    }
    image->exists = true;
    image->new_name = false;
    disk.n_changes = kept;
}

static void synced(Image *image) {
    if (!disk.at || !image)
        return;
    pthread_mutex_lock(&disk.lock);
    disk.at(disk.ctx);
    make_durable(image);
    pthread_mutex_unlock(&disk.lock);
}

void vfs_on_sync(void (*at)(void *ctx), void *ctx) {
    for (size_t i = 0; i < disk.n_changes; i++)
        free(disk.changes[i].bytes);
    disk.n_changes = 0;
    while (disk.images) {
        Image *image = disk.images;
        disk.images = image->next;
        free(image->name);
        buf_deinit(&image->bytes);
        free(image);
    }
    disk.at = at;
    disk.ctx = ctx;
}

size_t vfs_unsynced(void) { return disk.n_changes; }

/* The part of change number i that reached the disk; false if none did. */
static bool part_of(size_t i, VfsLoss loss, size_t which, const Change *c, size_t *ret_from,
                    size_t *ret_len) {
    size_t half = c->len / SECTOR_BYTES / 2 * SECTOR_BYTES;
    *ret_from = 0;
    *ret_len = c->len;
    if (loss == VFS_LOSE_ALL)
        return false;
    if (loss == VFS_KEEP_BEFORE)
        return i < which;
    if (i != which)
        return loss != VFS_KEEP_ONE;
    if (loss == VFS_TEAR_HEAD || loss == VFS_TEAR_TAIL)
        *ret_len = loss == VFS_TEAR_HEAD ? half : c->len - half;
    if (loss == VFS_TEAR_TAIL)
        *ret_from = half;
    return loss != VFS_LOSE_ONE;
}

static bool changes_anything(VfsLoss loss, size_t which) {
    if (loss == VFS_LOSE_ALL || loss == VFS_LOSE_NONE)
        return which == 0;
    if (which >= disk.n_changes)
        return false;
    const Change *c = &disk.changes[which];
    if (loss == VFS_TEAR_HEAD || loss == VFS_TEAR_TAIL)
        return c->kind == CHANGE_WRITE && c->len >= 2 * SECTOR_BYTES;
    return loss != VFS_GARBAGE || c->kind == CHANGE_WRITE;
}

static void spoil(Buf *b, const Change *c) {
    size_t end = c->offset + c->len, from = (end - 1) / SECTOR_BYTES * SECTOR_BYTES;
    for (size_t i = MAX(from, c->offset); i < end; i++)
        b->p[i] = (char)(b->p[i] * 73 + 41);
}

static void write_file(const char *to, const char *name, Str bytes) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", to, name);
    FILE *f = fopen(path, "wb");
    ASSERT(f);
    size_t n = fwrite(bytes.p, 1, bytes.len, f);
    ASSERT(n == bytes.len);
    int rc = fclose(f);
    ASSERT(rc == 0);
}

static void cut_image(const char *to, const Image *image, VfsLoss loss, size_t which) {
    Image left = { .exists = image->exists };
    Buf b = BUF_INIT(IMAGE_BYTES_MAX);
    buf_str_add(&b, buf_str(&image->bytes));
    for (size_t i = 0; i < disk.n_changes; i++) {
        const Change *c = &disk.changes[i];
        size_t from, len;
        if (c->image != image || !part_of(i, loss, which, c, &from, &len))
            continue;
        apply(&left, &b, c, from, len);
        if (loss == VFS_GARBAGE && i == which)
            spoil(&b, c);
    }
    if (left.exists)
        write_file(to, image->name, buf_str(&b));
    buf_deinit(&b);
}

bool vfs_cut(const char *to, VfsLoss loss, size_t which) {
    if (!changes_anything(loss, which))
        return false;
    for (const Image *i = disk.images; i; i = i->next)
        cut_image(to, i, loss, which);
    return true;
}

/* ---- Forwarding ---- */

static sqlite3_file *real_of(sqlite3_file *f) { return ((TestFile *)f)->real; }

static int test_close(sqlite3_file *f) { return real_of(f)->pMethods->xClose(real_of(f)); }

static int test_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    if (++disk.reads == disk.fail_read_at)
        return SQLITE_IOERR_READ;
    return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int test_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    Verdict v = count_operation();
    if (v == BREAKS)
        return SQLITE_IOERR_WRITE;
    int len = v == FILLS ? n / 2 : n;
    int rc = real_of(f)->pMethods->xWrite(real_of(f), from, len, at);
    if (rc == SQLITE_OK)
        add_change(((TestFile *)f)->image, CHANGE_WRITE, (size_t)at, from, (size_t)len);
    return v == FILLS ? SQLITE_FULL : rc;
}

static int test_truncate(sqlite3_file *f, sqlite3_int64 size) {
    if (count_operation() == BREAKS)
        return SQLITE_IOERR_TRUNCATE;
    add_change(((TestFile *)f)->image, CHANGE_TRUNCATE, (size_t)size, NULL, 0);
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int test_sync(sqlite3_file *f, int flags) {
    if (count_operation() == BREAKS)
        return SQLITE_IOERR_FSYNC;
    synced(((TestFile *)f)->image);
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int test_file_size(sqlite3_file *f, sqlite3_int64 *ret) {
    return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int test_lock(sqlite3_file *f, int level) {
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int test_unlock(sqlite3_file *f, int level) {
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int test_reserved(sqlite3_file *f, int *ret) {
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int test_control(sqlite3_file *f, int op, void *arg) {
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int test_sector_size(sqlite3_file *f) {
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int test_device(sqlite3_file *f) {
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int test_shm_map(sqlite3_file *f, int page, int bytes, int extend, void volatile **ret) {
    return real_of(f)->pMethods->xShmMap(real_of(f), page, bytes, extend, ret);
}

static int test_shm_lock(sqlite3_file *f, int offset, int n, int flags) {
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void test_shm_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }

static int test_shm_unmap(sqlite3_file *f, int remove) {
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods test_methods = {
    .iVersion = 2, /* without memory mapping, which nobody could count */
    .xClose = test_close,
    .xRead = test_read,
    .xWrite = test_write,
    .xTruncate = test_truncate,
    .xSync = test_sync,
    .xFileSize = test_file_size,
    .xLock = test_lock,
    .xUnlock = test_unlock,
    .xCheckReservedLock = test_reserved,
    .xFileControl = test_control,
    .xSectorSize = test_sector_size,
    .xDeviceCharacteristics = test_device,
    .xShmMap = test_shm_map,
    .xShmLock = test_shm_lock,
    .xShmBarrier = test_shm_barrier,
    .xShmUnmap = test_shm_unmap,
};

static int test_open(sqlite3_vfs *vfs UNUSED, const char *path, sqlite3_file *f, int flags,
                     int *ret_flags) {
    TestFile *t = (TestFile *)f;
    *t = (TestFile){ .real = (sqlite3_file *)(t + 1) };
    if (count_operation() == BREAKS)
        return SQLITE_CANTOPEN;
    bool is_new = path && access(path, F_OK) != 0;
    int rc = real_vfs->xOpen(real_vfs, path, t->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    t->file.pMethods = &test_methods;
    if (disk.at && path && (flags & SQLITE_OPEN_READWRITE)) {
        t->image = image_of(path);
        t->image->new_name = t->image->new_name || is_new;
    }
    return SQLITE_OK;
}

static int test_delete(sqlite3_vfs *vfs UNUSED, const char *path, int sync_directory) {
    if (count_operation() == BREAKS)
        return SQLITE_IOERR_DELETE;
    if (disk.at)
        add_change(image_of(path), CHANGE_DELETE, 0, NULL, 0);
    return real_vfs->xDelete(real_vfs, path, sync_directory);
}

const char *vfs_test(void) {
    if (real_vfs)
        return test_vfs.zName;
    real_vfs = sqlite3_vfs_find(NULL);
    ASSERT(real_vfs);
    test_vfs = *real_vfs; /* its helpers find their own state through the copy */
    test_vfs.pNext = NULL;
    test_vfs.zName = "baton-test";
    test_vfs.szOsFile = (int)sizeof(TestFile) + real_vfs->szOsFile;
    test_vfs.xOpen = test_open;
    test_vfs.xDelete = test_delete;
    int rc = sqlite3_vfs_register(&test_vfs, 0);
    ASSERT(rc == SQLITE_OK);
    return test_vfs.zName;
}
