/* The store port: where runs live. Backends: memory (tests, simulation), SQLite; PostgreSQL later. One contract test
 * (tests/unit/test_store.c) runs against every backend.
 *
 * What is stored. A run is one row of `run` and a chain of journal rows; each row holds what one engine turn added to
 * that run: `body` (facts and moves, binary, kernel/codec.h) and `data` (the small payloads the body refers to), so that
 * `forget` can erase data and leave a chain that verifies. Large payloads are rows of `payload`. `open` says what an idle
 * run waits for, `mail` what was sent and not yet taken in.
 *
 *   hash(n) = SHA-256(hash(n-1) | SHA-256(data) | body)        hash(0) = 32 zero bytes
 *
 * Who may write. An engine registers and gets an id and an epoch; a run's row names the engine that owns it. An append is
 * accepted only where owner and epoch are the caller's and seq is head + 1; otherwise it is a conflict and the caller
 * must drop the run. An engine renews one lease of its own, never one per run; `takeover` moves all runs of engines whose
 * lease has run out and raises those engines' epochs, which fences them.
 *
 * Outcomes of an append are three, not two: committed, refused (conflict), or unknown; plus two for the store as a
 * whole: full (nothing committed; try the same batch again) and failed (-ERR_IO: exit and recover from the disk).
 *
 * Threads. The write side of a Store belongs to one thread, the read side (store_load ... store_list, marked R) to one
 * thread of its own, which may be the same. Every Str given is borrowed for the call; every Str got lives in the arena. */
#ifndef BATON_JOURNAL_STORE_H
#define BATON_JOURNAL_STORE_H

#include "base/arena.h"
#include "base/hash.h"
#include "kernel/key.h"

typedef struct Store Store;

/* What a run is doing, as far as the store must know to find it again. The engine writes it, with the append that
 * made it so. */
typedef enum StoreState {
    STORE_ACTIVE = 1, /* has work in flight or wants some: an engine that starts must load it */
    STORE_IDLE,       /* waits only for what `open` lists */
    STORE_PAUSED,     /* paused by name or by a breach; waits for a person */
    STORE_PARKED,     /* quarantined or diverged: never loaded by itself */
    STORE_DONE,       /* finished; nothing is ever appended but audit */
} StoreState;

typedef enum StoreOutcome { STORE_PENDING, STORE_OK, STORE_CONFLICT, STORE_UNKNOWN } StoreOutcome;

typedef struct StorePayload {
    Hash hash;
    Str bytes;
} StorePayload;

typedef struct StoreOpen { /* something an idle run waits for */
    uint8_t kind;          /* WantKind of kernel/want.h */
    Str key;               /* signal name, approval id ...; may be empty */
    int64_t due_ms;        /* 0: none */
    Str address;
} StoreOpen;

typedef struct StoreMail {
    Str id; /* unique among mail not yet taken; inserting one that exists changes nothing and is no error */
    Str to; /* run id, or `@` and a name of the world; need not exist. While it is no run it belongs to the sender's
                            * engine, and goes with that engine's runs at a takeover */
    int64_t not_before_ms; /* 0: at once; STORE_KEPT: never, it is there to be looked at */
    Str body;
} StoreMail;
#define STORE_KEPT INT64_MAX
static inline bool store_mail_is_world(const StoreMail *m) { return str_starts(m->to, STR("@")); }

/* What one engine has spent of one account: sums, each written over the one before, so that a batch that is tried again
 * spends nothing twice. What an account has in all is the sum over engines. */
typedef struct StoreAccount {
    uint64_t engine; /* read: whose; written: the handle's own */
    Str key;
    int64_t cost, tokens, calls;
    Str info; /* opaque to the store: what lists show */
} StoreAccount;

/* One business key, in the index of all runs. It outlives the run that did it. */
typedef struct StoreKey {
    Hash name; /* want_key_name() of kernel/run.h */
    KeyState state;
    uint32_t generation;
    Str run, address; /* who holds it, or did last */
    int64_t since_ms; /* when this effect was first claimed */
    Str giver;        /* in doubt: the run that gave it up so; empty: its own doubt */
    Str result;       /* done: JSON text; STR_NULL: null */
    bool forgotten;   /* done, by a run whose results were erased */
} StoreKey;

/* What a run tells of what it holds (journal/keys.h has the rules). */
typedef struct StoreKeyChange {
    Hash name;
    Str address;
    KeyState state;
    Str result;  /* STR_NULL: as it is */
    bool within; /* of all that the run claimed there or below; `name` says nothing */
    /* KEY_CACHED: written whoever wrote it before. What was written longest ago goes when there are too many. */
    int64_t since_ms;
} StoreKeyChange;

typedef enum StoreClaimAnswer {
    CLAIM_UNANSWERED, /* the batch, or the run's item, was not committed */
    CLAIM_GRANTED,
    CLAIM_TAKEN, /* another step holds it */
    CLAIM_DONE,  /* it is done: with key.result */
} StoreClaimAnswer;
typedef struct StoreClaim {
    Hash name;
    Str run, address;
    uint32_t generation; /* at least */
    int64_t
        cached_ms; /* not 0: nothing is claimed; done if it was cached no longer ago, else granted */
    StoreClaimAnswer answer;
    StoreKey key; /* out: as it is now; texts in the batch's arena */
} StoreClaim;
#define STORE_CACHED_MAX 4096

typedef struct StoreRunInfo { /* the run's row, but for its head */
    StoreState state;
    int64_t created_ms, updated_ms;
    Str name; /* of the workflow */
    Str info; /* opaque to the store: what lists show (canonical JSON) */
} StoreRunInfo;

typedef struct StoreAppend {
    Str run;      /* id, at most 64 bytes */
    uint64_t seq; /* of this row: 1 creates the run */
    Hash hash;    /* of the chain, after this row */
    Str body, data;
    const StorePayload *payloads;
    size_t n_payloads;
    const Hash *
        closure; /* with seq 1, or to move the run to it, with info: stored before or in this batch */
    const StoreRunInfo *info; /* NULL: the row stays as it is. Required with seq 1 */
    const StoreOpen *opens;   /* replaces all of the run's; looked at only if set_opens */
    size_t n_opens;
    bool set_opens;
    const StoreMail *mail; /* to insert */
    size_t n_mail;
    const Str *mail_taken; /* ids to delete */
    size_t n_mail_taken;
    /* Of every row before this one the data goes, with the run's payloads and its snapshot, and mail to the world whose id begins
     * with the run's and a colon: the chain holds, since it is over hashes of them. Nothing of it is left in the store's files once append has returned and readers let go of the log. */
    bool forget;
    /* In this order, and after the changes of every item of the batch the claims, each looked at only if this item is committed. */
    const StoreKeyChange *keys;
    size_t n_keys;
    StoreClaim *claims;
    size_t n_claims;
    Str snapshot; /* STR_NULL: none. Covers everything up to and with this row; replaces an older one */
    StoreOutcome outcome; /* out */
} StoreAppend;

typedef struct StoreBatch {
    StoreAppend *items;
    size_t n;
    const StorePayload *closures; /* inserted if not there */
    size_t n_closures;
    /* ids to delete that no run of the batch took in: delivered to the world */
    const Str *mail_done;
    size_t n_mail_done;
    const StoreMail *mail_again; /* each in the place of the one with its id, if that is there */
    size_t n_mail_again;
    const StoreAccount *accounts; /* each in the place of the one of this engine with its key */
    size_t n_accounts;
    StoreClaim *claims; /* of runs whose rows are durable, or were handed over before this batch */
    size_t n_claims;
    Arena *
        answers; /* required with claims: what they are answered; of nobody else while the batch is out */
    int64_t now_ms; /* the engine's clock; paces the side file */
} StoreBatch;

typedef struct StoreRow {
    uint64_t id; /* position in the journal, ever increasing over all runs */
    uint64_t seq;
    Hash hash;
    Str body, data;
    bool forgotten; /* data was erased; data_hash holds */
    Hash data_hash;
} StoreRow;

typedef struct StoreRun { /* a run as read back */
    StoreRunInfo info;
    Str id;
    bool owned; /* by this handle's engine: nobody else appends */
    uint64_t head_seq;
    Hash head_hash;
    Hash closure_hash;
    Str closure;  /* bytes */
    Str snapshot; /* STR_NULL: none */
    uint64_t snapshot_seq;
    StoreRow *rows; /* oldest first; from snapshot_seq + 1, or from 1 if asked for all */
    size_t n_rows;
} StoreRun;

typedef struct StoreDue {
    Str run, address, key;
    uint8_t kind;
    int64_t due_ms;
} StoreDue;

enum {
    STORE_E_NOT_FOUND = 1,
    STORE_E_DAMAGED, /* what was read is not what was written: `problem` names it; nothing was changed */
};

#define STORE_PROBLEM_BYTES 256

typedef struct StoreLease {
    uint64_t engine;
    uint64_t epoch;
    bool recovered; /* an earlier engine with this id did not leave cleanly */
} StoreLease;

typedef struct StoreOps {
    void (*close)(Store *s);
    /* Registers this engine: an id (always 1 for a store that only one process can open) and a new epoch. */
    int (*enter)(Store *s, int64_t now_ms, int64_t ttl_ms, StoreLease *ret);
    /* Keeps the lease; *ret_lost is set if the epoch was raised by another engine. */
    int (*renew)(Store *s, int64_t now_ms, int64_t ttl_ms, bool *ret_lost);
    /* Leaves cleanly: the lease ends now. */
    int (*leave)(Store *s, int64_t now_ms);
    /* Becomes owner of all runs of engines whose lease ended before now_ms. */
    int (*takeover)(Store *s, int64_t now_ms, size_t *ret_runs);
    int (*append)(Store *s, StoreBatch *batch);
    /* Anyone may send. */
    int (*post)(Store *s, const StoreMail *mail, size_t n);
    /* R: ids of own runs in a state, after `after` in id order of the store (0 at first); at most max. */
    int (*owned)(Store *s, StoreState state, uint64_t after, size_t max, Arena *a, Str *ret_ids,
                 size_t *ret_n, uint64_t *ret_after);
    /* R */
    int (*load)(Store *s, Str run, bool all_rows, Arena *a, StoreRun *ret);
    /* R: bytes of a payload of that run. */
    int (*payload)(Store *s, Str run, const Hash *hash, Arena *a, Str *ret);
    /* R: open entries of own runs due at or before now_ms, soonest first; and the soonest due time after those (0: none). */
    int (*due)(Store *s, int64_t now_ms, size_t max, Arena *a, StoreDue *ret, size_t *ret_n,
               int64_t *ret_next_ms);
    /* R: open entries of one run, or (empty id) of all runs, oldest runs first; of one kind (0: all), but the first `skip`. */
    int (*opens)(Store *s, Str run, uint8_t kind, uint64_t skip, size_t max, Arena *a,
                 StoreDue *ret, size_t *ret_n);
    /* R: the runs with an open entry of this key that stands for the whole run (no address), of all engines, oldest first. What
     * it costs does not grow with what others wait for. */
    int (*heard)(Store *s, Str key, Arena *a, Str **ret_runs, size_t *ret_n);
    /* R: own mail that may be taken now, to runs or to the world, by not_before and then in the order sent; and the
     * soonest not_before after those (0: none). */
    int (*mail)(Store *s, bool world, int64_t now_ms, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n, int64_t *ret_next_ms);
    /* R: of what is kept for `to`, by whatever engine, the one with this id, or (empty id) all but the first `skip`, in the order
     * sent. */
    int (*kept)(Store *s, Str to, Str id, uint64_t skip, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n);
    /* R: of all business keys, by name. */
    int (*keys)(Store *s, Arena *a, StoreKey **ret, size_t *ret_n);
    /* R: of all engines, by key. */
    int (*accounts)(Store *s, Arena *a, StoreAccount **ret, size_t *ret_n);
    /* R: newest first; before = 0 at first, then *ret_before. state 0: any. Rows and snapshot are left out. */
    int (*list)(Store *s, StoreState state, uint64_t before, size_t max, Arena *a, StoreRun *ret,
                size_t *ret_n, uint64_t *ret_before);
    /* R: the whole store, as far as it can judge: structure, side file, every chain of hashes, heads. Calls `problem`
     * for each damage found, by name; *ret_rows is the number of journal rows read. STORE_E_DAMAGED if there was any. */
    int (*check)(Store *s, void (*problem)(void *ctx, Str text), void *ctx, uint64_t *ret_rows);
} StoreOps;

struct Store {
    const StoreOps *ops;
    uint8_t install_key[32]; /* made once per store, from the randomness given at creation */
    /* After STORE_E_DAMAGED: what, where, and what to do. One for each side, because each side has its thread. */
    char problem[STORE_PROBLEM_BYTES];
    char read_problem[STORE_PROBLEM_BYTES]; /* of R functions */
};

/* A row's hash from the one before it. */
Hash store_chain(const Hash *before, Str body, const Hash *data_hash);

/* Memory: `StoreMemory` is the shared disk; any number of handles (engines) may be open on it. What an append did is
 * durable when it returns, unless `hold` is set: then it stays in the volatile plane, seen by every handle, until
 * store_memory_sync(), and the simulator's power cut throws it away. Everything but append is durable when it returns,
 * and with it every append before it. */
typedef struct StoreMemory StoreMemory;
StoreMemory *store_memory_new(const uint8_t install_key[32]);
/* After every handle is closed. Takes NULL. */
void store_memory_free(StoreMemory *m);
/* A handle that gets a new engine id each time it enters. */
Store *store_memory_open(StoreMemory *m);
/* A handle of engine `engine` (1..), as a store is that one process alone may open: entering fences the engine before. */
Store *store_memory_open_as(StoreMemory *m, uint64_t engine);
/* The epoch that an engine has now; 0: it never entered. */
uint64_t store_memory_epoch(StoreMemory *m, uint64_t engine);
void store_memory_hold(StoreMemory *m, bool hold);
/* Makes everything appended so far survive a cut. */
void store_memory_sync(StoreMemory *m);
/* Batches appended since the last sync. */
size_t store_memory_unsynced(const StoreMemory *m);
/* A power cut of which the first `keep` unsynced batches happen to survive, each whole: a commit is atomic. Handles
 * stay usable, and see what is left. */
void store_memory_cut(StoreMemory *m, size_t keep);
/* What the next `appends` appends meet. */
typedef enum StoreFault {
    STORE_FAULT_NONE,
    STORE_FAULT_UNKNOWN_DONE, /* every outcome is STORE_UNKNOWN, and it was committed */
    STORE_FAULT_UNKNOWN_LOST, /* every outcome is STORE_UNKNOWN, and it was not */
    STORE_FAULT_FULL,         /* -ERR_FULL */
    STORE_FAULT_IO,           /* -ERR_IO, and it was not committed */
    STORE_FAULT_IO_DONE,      /* -ERR_IO, and it was: what a failed fsync may leave */
} StoreFault;
void store_memory_fault(StoreMemory *m, StoreFault fault, unsigned appends);

/* SQLite in directory `dir` (created 0700 if missing): baton.db, -wal, lock, side file. See docs/journal.md. */
typedef struct StoreSqliteOptions {
    const char *vfs;            /* NULL: the default */
    int64_t cache_bytes;        /* page cache of the writer; 0: 8 MiB */
    const uint8_t *install_key; /* 32 random bytes, used when the store is new */
    bool read_only;             /* no lock is taken; only R functions */
    unsigned wal_pages;         /* of the write-ahead log before it is checkpointed; 0: 4000 */
    unsigned sweep_rows; /* journal rows between two sweeps of heads into run rows; 0: 8192 */
} StoreSqliteOptions;
/* 0 with *ret_store; -ERR_BUSY if another process holds the directory; STORE_E_DAMAGED or another -ERR_* with `problem`
 * (STORE_PROBLEM_BYTES) saying what, where and what to do. */
int store_sqlite_open(const char *dir, const StoreSqliteOptions *options, Store **ret_store,
                      char *problem);
/* Closes the store (checkpointing; side file synced). Takes NULL and returns NULL. */
static inline Store *store_close(Store *s) {
    if (s)
        s->ops->close(s);
    return NULL;
}

#endif
