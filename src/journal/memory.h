/* What the files of the memory store share; nobody else includes it. memory.c tells the design. */
#ifndef BATON_JOURNAL_MEMORY_H
#define BATON_JOURNAL_MEMORY_H

#include "journal/store.h"
#include <pthread.h>

typedef struct MemRun {
    Str id;
    StoreRunInfo info;
    uint64_t owner; /* engine */
    StoreRow *rows;
    size_t n_rows, rows_room;
    StorePayload *payloads;
    size_t n_payloads, payloads_room;
    StoreOpen *opens;
    size_t n_opens;
    const StorePayload *closure;
    Str snapshot;
    uint64_t snapshot_seq;
} MemRun;

typedef struct MemMail {
    StoreMail mail;
    uint64_t sender; /* engine; 0: one that never entered */
    bool gone;
} MemMail;

typedef struct MemAccount {
    StoreAccount account;
    bool gone; /* it was not there yet when power was cut */
} MemAccount;

typedef struct MemKey {
    StoreKey key; /* state KEY_NEW: not there */
} MemKey;

typedef struct MemEngine { /* number id - 1 */
    uint64_t epoch;
    int64_t lease_until_ms;
    bool left;
} MemEngine;

typedef enum MemUndoKind {
    UNDO_RUN_NEW,
    UNDO_RUN_WAS,
    UNDO_MAIL_NEW,
    UNDO_MAIL_GONE,
    UNDO_CLOSURE_NEW,
    UNDO_ACCOUNT_WAS,
    UNDO_KEY_WAS,
} MemUndoKind;

typedef struct MemUndo {
    MemUndoKind kind;
    size_t at;
    MemRun was;
    MemAccount account;
    MemKey key;
} MemUndo;

typedef struct MemBatch { /* an unsynced one */
    size_t undo_from;
    uint64_t last_row;
} MemBatch;

struct StoreMemory {
    pthread_mutex_t lock;
    uint8_t install_key[32];
    Arena arena; /* everything stored */
    MemRun *runs;
    size_t n_runs, runs_room;
    uint32_t *run_index; /* open addressing by id: number of the run + 1 */
    size_t run_index_room;
    MemMail *mail; /* in the order sent */
    size_t n_mail, mail_room;
    MemAccount *accounts;
    size_t n_accounts, accounts_room;
    MemKey *keys;
    size_t n_keys, keys_room;
    StorePayload **closures;
    size_t n_closures, closures_room;
    MemEngine *engines;
    size_t n_engines, engines_room;
    uint64_t last_row;
    bool hold;
    MemUndo *undo;
    size_t n_undo, undo_room;
    MemBatch *batches;
    size_t n_batches, batches_room;
    StoreFault fault;
    unsigned fault_appends;
};

typedef struct MemStore { /* one handle */
    Store store;
    StoreMemory *m;
    uint64_t fixed_engine;  /* 0: a new one at each enter */
    uint64_t engine, epoch; /* 0: not entered */
} MemStore;

/* Makes room for one more in a heap array of the shared disk. */
void memory_grow(void **array, size_t *room, size_t n, size_t item_bytes);
#define GROW(m, field)                                                                             \
    memory_grow((void **)&(m)->field, &(m)->field##_room, (m)->n_##field, sizeof *(m)->field)
/* NULL if there is none. */
MemRun *memory_run(const StoreMemory *m, Str id);
void memory_add_run(StoreMemory *m, Str id);
/* NULL if none is waiting under that id. */
MemMail *memory_mail(const StoreMemory *m, Str id);
const StorePayload *memory_closure(const StoreMemory *m, const Hash *hash);
/* The engine that may take this mail. */
uint64_t memory_mail_owner(const StoreMemory *m, const MemMail *mail);
/* Remembers how to take back the change about to be made to number `at`. */
void memory_undo_later(StoreMemory *m, MemUndoKind kind, size_t at);
void memory_begin(StoreMemory *m);
void memory_forget_undo(StoreMemory *m);

/* memory_keys.c: of the items of a batch that was committed, and of the batch. */
void memory_change_keys(StoreMemory *m, const StoreAppend *item);
void memory_claim_keys(StoreMemory *m, const MemStore *h, StoreBatch *batch);

/* The port. memory.c has the write side but append, memory_append.c append and post, memory_read.c the rest. */
int memory_append(Store *s, StoreBatch *batch);
int memory_post(Store *s, const StoreMail *mail, size_t n);
int memory_owned(Store *s, StoreState state, uint64_t after, size_t max, Arena *a, Str *ret_ids,
                 size_t *ret_n, uint64_t *ret_after);
int memory_load(Store *s, Str run, bool all_rows, Arena *a, StoreRun *ret);
int memory_payload(Store *s, Str run, const Hash *hash, Arena *a, Str *ret);
int memory_due(Store *s, int64_t now_ms, size_t max, Arena *a, StoreDue *ret, size_t *ret_n,
               int64_t *ret_next_ms);
int memory_opens(Store *s, Str run, uint8_t kind, uint64_t skip, size_t max, Arena *a,
                 StoreDue *ret, size_t *ret_n);
int memory_heard(Store *s, Str key, Arena *a, Str **ret_runs, size_t *ret_n);
int memory_kept(Store *s, Str to, Str id, uint64_t skip, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n);
int memory_mail_now(Store *s, bool world, int64_t now_ms, size_t max, Arena *a, StoreMail *ret,
                    size_t *ret_n, int64_t *ret_next_ms);
int memory_accounts(Store *s, Arena *a, StoreAccount **ret, size_t *ret_n);
int memory_keys(Store *s, Arena *a, StoreKey **ret, size_t *ret_n);
int memory_list(Store *s, StoreState state, uint64_t before, size_t max, Arena *a, StoreRun *ret,
                size_t *ret_n, uint64_t *ret_before);
int memory_check(Store *s, void (*problem)(void *ctx, Str text), void *ctx, uint64_t *ret_rows);

static inline void memory_unlock(pthread_mutex_t **lock) { pthread_mutex_unlock(*lock); }
/* Holds the shared disk until the scope ends. */
#define MEMORY_LOCKED(m)                                                                           \
    _cleanup_(memory_unlock)                                                                       \
    UNUSED pthread_mutex_t *_locked = &(m)->lock;                                                  \
    pthread_mutex_lock(_locked)

#endif
