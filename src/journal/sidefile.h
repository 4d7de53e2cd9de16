/* The side file `high`: how far the journal had come, written beside the database, so that a store that lost its end
 * (a cut file, a damaged log, an old copy) is refused instead of going on from an earlier state.
 *
 * Two slots, 4096 bytes apart so that no torn write reaches both, are written in turn; the valid one with the higher
 * count holds. All integers little-endian:
 *
 *   "BATONHI1" | count u64 | store u64 | row u64 | hash of that row, 32 bytes | SHA-256 of all before */
#ifndef BATON_JOURNAL_SIDEFILE_H
#define BATON_JOURNAL_SIDEFILE_H

#include "base/hash.h"
#include <sqlite3.h>

typedef struct High {
    uint64_t store; /* says which store this belongs to */
    uint64_t row;   /* last row of the journal; 0: it was empty */
    Hash hash;
} High;

typedef struct SideFile {
    sqlite3_file *file; /* NULL: not open */
    uint64_t count;
} SideFile;

/* Opens the file, which stays open. *ret_found says whether a slot was valid. A missing file is made only if `create`;
 * otherwise `f` stays closed and *ret_found is false. 0 or -ERR_IO, -ERR_FULL. */
int sidefile_open(SideFile *f, sqlite3_vfs *vfs, const char *path, bool read_only, bool create,
                  High *ret_high, bool *ret_found);
/* Writes and syncs. */
int sidefile_write(SideFile *f, const High *high);
void sidefile_close(SideFile *f);

#endif
