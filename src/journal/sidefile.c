#include "journal/sidefile.h"

#include <stdlib.h>

#define SLOT_STEP 4096
#define MAGIC "BATONHI1"

typedef struct Slot {
    uint8_t magic[8], count[8], store[8], row[8];
    Hash hash, sum;
} Slot;
_Static_assert(sizeof(Slot) == 96, "the slot is its bytes on the disk");

static void put(uint8_t to[8], uint64_t v) {
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t from[8]) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)from[i] << (8 * i);
    return v;
}

static Hash sum_of(const Slot *s) {
    return hash_bytes((Str){ (const char *)s, offsetof(Slot, sum) });
}

static int translate(int rc) {
    if (rc == SQLITE_OK)
        return 0;
    return (rc & 0xff) == SQLITE_FULL ? -ERR_FULL : -ERR_IO;
}

static bool is_valid(const Slot *s) {
    Hash sum = sum_of(s);
    return memcmp(s->magic, MAGIC, sizeof s->magic) == 0 && hash_eq(&sum, &s->sum);
}

static int read_slots(SideFile *f, High *ret_high, bool *ret_found) {
    *ret_found = false;
    for (int i = 0; i < 2; i++) {
        Slot s = { 0 };
        int rc = f->file->pMethods->xRead(f->file, &s, sizeof s, i * SLOT_STEP);
        if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
            return -ERR_IO;
        if (!is_valid(&s) || (*ret_found && get(s.count) <= f->count))
            continue;
        *ret_found = true;
        f->count = get(s.count);
        *ret_high = (High){ .store = get(s.store), .row = get(s.row), .hash = s.hash };
    }
    return 0;
}

int sidefile_open(SideFile *f, sqlite3_vfs *vfs, const char *path, bool read_only, bool create,
                  High *ret_high, bool *ret_found) {
    int exists = 0, flags = SQLITE_OPEN_SUPER_JOURNAL;
    *ret_found = false;
    if (vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK)
        return -ERR_IO;
    if (!exists && !create)
        return 0;
    flags |= read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= create ? SQLITE_OPEN_CREATE : 0;
    f->file = xcalloc(1, (size_t)vfs->szOsFile);
    int rc = vfs->xOpen(vfs, path, f->file, flags, NULL);
    int r = translate(rc);
    if (!r)
        r = read_slots(f, ret_high, ret_found);
    if (r)
        sidefile_close(f);
    return r;
}

int sidefile_write(SideFile *f, const High *high) {
    Slot s;
    memcpy(s.magic, MAGIC, sizeof s.magic);
    put(s.count, f->count + 1);
    put(s.store, high->store);
    put(s.row, high->row);
    s.hash = high->hash;
    s.sum = sum_of(&s);
    sqlite3_int64 at = (sqlite3_int64)((f->count + 1) % 2 * SLOT_STEP);
    int rc = f->file->pMethods->xWrite(f->file, &s, sizeof s, at);
    if (rc == SQLITE_OK)
        rc = f->file->pMethods->xSync(f->file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    /* A slot that a full disk left half written is the one to write next: the other one holds. */
    if (rc == SQLITE_OK)
        f->count++;
    return translate(rc);
}

void sidefile_close(SideFile *f) {
    if (f->file && f->file->pMethods)
        f->file->pMethods->xClose(f->file);
    free(f->file);
    *f = (SideFile){ 0 };
}
