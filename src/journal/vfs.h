/* "baton-test": a SQLite VFS over the real one that counts what reaches the disk, fails on command, and knows what a
 * power cut would leave. In test builds only (BATON_TEST); one per process. */
#ifndef BATON_JOURNAL_VFS_H
#define BATON_JOURNAL_VFS_H

#ifdef BATON_TEST

#include "base/base.h"

/* Registers it, once, and gives its name for StoreSqliteOptions.vfs. */
const char *vfs_test(void);

typedef enum VfsFailure {
    VFS_KILL,      /* SIGKILL to ourselves before the operation takes place */
    VFS_IO_ONCE,   /* the operation fails as a broken disk does */
    VFS_IO_FROM,   /* and every one after it */
    VFS_FULL_ONCE, /* a write fails half done, as on a full disk; other operations are let through */
    VFS_FULL_FROM,
} VfsFailure;
/* The k-th operation from now on (1: the next) meets it: open, write, sync, truncate and delete count. 0: none does. */
void vfs_fail_at(uint64_t k, VfsFailure failure);
/* The k-th read from now on fails, once. 0: none does. */
void vfs_fail_read_at(uint64_t k);
/* Counted since the last vfs_fail_at() and vfs_fail_read_at(). */
uint64_t vfs_operations(void);
uint64_t vfs_reads(void);

/* From now on remembers every write until the sync of its file, and calls `at` before each sync takes effect: the
 * moment a power cut would hurt most. Files that exist already count as durable. NULL: stops and forgets. */
void vfs_on_sync(void (*at)(void *ctx), void *ctx);
/* For `at`: writes (and truncations and deletions) that no sync has reached. */
size_t vfs_unsynced(void);

typedef enum VfsLoss {
    VFS_LOSE_ALL,    /* none of them reached the disk */
    VFS_LOSE_NONE,   /* all of them did */
    VFS_LOSE_ONE,    /* all but number `which` */
    VFS_KEEP_ONE,    /* only that one */
    VFS_KEEP_BEFORE, /* those before it */
    VFS_TEAR_HEAD,   /* all, but of that one only the first half of its 512-byte sectors */
    VFS_TEAR_TAIL,   /* ... only the second half */
    VFS_GARBAGE,     /* all, but the last sector of that one is noise */
    VFS_LOSSES,
} VfsLoss;
/* For `at`: makes in the existing directory `to` the files that the power cut would leave. False if `which` is no
 * write that this loss changes anything about. */
bool vfs_cut(const char *to, VfsLoss loss, size_t which);

#endif
#endif
