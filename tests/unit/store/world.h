/* What the tests of the store share: a workload that is the same for every backend, and a digest of everything a store
 * answers. Two stores with one digest hold the same. Included by test programs only; all static. */
#ifndef TEST_STORE_WORLD_H
#define TEST_STORE_WORLD_H

#include "base/buf.h"
#include "base/limits.h"
#include "journal/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t test_key[32] = "a key of thirty-two bytes, fixed";

/* The directory of this process, and of those it forks, on the fastest disk there is: nothing here needs to outlive the
 * power. One name per program. */
static UNUSED const char *test_dir(const char *name) {
    static char path[160];
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if (!*path)
        snprintf(path, sizeof path, "%s/baton-%s-%ld", root, name, (long)getpid());
    return path;
}

static UNUSED void remove_store(const char *dir) {
    static const char *const names[] = { "baton.db", "baton.db-wal", "baton.db-shm", "high",
                                         "lock" };
    char path[400];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* ---- digest: the hash of all that the R functions answer. STORE_E_* or -ERR_* as they return it. ---- */

static UNUSED void digest_open(Buf *b, const StoreDue *d) {
    buf_blob(b, d->run);
    buf_blob(b, d->address);
    buf_blob(b, d->key);
    buf_u8(b, d->kind);
    buf_svarint(b, d->due_ms);
}

static UNUSED void digest_rows(Buf *b, const StoreRun *run) {
    buf_varint(b, run->n_rows);
    for (size_t i = 0; i < run->n_rows; i++) {
        const StoreRow *row = &run->rows[i];
        buf_varint(b, row->id);
        buf_varint(b, row->seq);
        buf_str_add(b, hash_str(&row->hash));
        buf_blob(b, row->body);
        buf_blob(b, row->data);
        buf_str_add(b, hash_str(&row->data_hash));
    }
}

static UNUSED int digest_run(Store *s, Str id, Arena *a, Buf *b) {
    StoreRun run;
    for (int all = 0; all < 2; all++) {
        int r = s->ops->load(s, id, all, a, &run);
        if (r)
            return r;
        digest_rows(b, &run);
    }
    buf_blob(b, run.id);
    buf_u8(b, (uint8_t)run.info.state);
    buf_svarint(b, run.info.created_ms);
    buf_svarint(b, run.info.updated_ms);
    buf_blob(b, run.info.name);
    buf_blob(b, run.info.info);
    buf_varint(b, run.head_seq);
    buf_str_add(b, hash_str(&run.head_hash));
    buf_str_add(b, hash_str(&run.closure_hash));
    buf_blob(b, run.closure);
    buf_blob(b, run.snapshot);
    buf_varint(b, run.snapshot_seq);
    /* The workload keeps one payload per row whose data is its hash in full. */
    for (size_t i = 0; i < run.n_rows; i++) {
        Hash hash;
        Str bytes;
        if (run.rows[i].data.len != HASH_BYTES)
            continue;
        memcpy(hash.b, run.rows[i].data.p, HASH_BYTES);
        int r = s->ops->payload(s, id, &hash, a, &bytes);
        if (r)
            return r;
        buf_blob(b, bytes);
    }
    return 0;
}

static UNUSED int digest_waiting(Store *s, Arena *a, Buf *b) {
    enum { MAX_FOUND = 1000 };
    StoreDue *due = arena_alloc(a, MAX_FOUND * sizeof(StoreDue));
    StoreMail *mail = arena_alloc(a, MAX_FOUND * sizeof(StoreMail));
    size_t n;
    int64_t next;
    int r = s->ops->opens(s, STR(""), 0, 0, MAX_FOUND, a, due, &n);
    for (size_t i = 0; !r && i < n; i++)
        digest_open(b, &due[i]);
    if (!r)
        r = s->ops->due(s, INT64_MAX, MAX_FOUND, a, due, &n, &next);
    for (size_t i = 0; !r && i < n; i++)
        digest_open(b, &due[i]);
    if (!r)
        r = s->ops->mail(s, false, INT64_MAX, MAX_FOUND, a, mail, &n, &next);
    for (size_t i = 0; !r && i < n; i++) {
        buf_blob(b, mail[i].id);
        buf_blob(b, mail[i].to);
        buf_svarint(b, mail[i].not_before_ms);
        buf_blob(b, mail[i].body);
    }
    return r;
}

static UNUSED int digest_keys(Store *s, Arena *a, Buf *b) {
    StoreKey *keys;
    size_t n = 0;
    int r = s->ops->keys(s, a, &keys, &n);
    for (size_t i = 0; !r && i < n; i++) {
        buf_str_add(b, hash_str(&keys[i].name));
        buf_u8(b, (uint8_t)keys[i].state);
        buf_varint(b, keys[i].generation);
        buf_blob(b, keys[i].run);
        buf_blob(b, keys[i].address);
        buf_svarint(b, keys[i].since_ms);
        buf_blob(b, keys[i].giver);
        buf_blob(b, keys[i].result);
        buf_u8(b, (uint8_t)(keys[i].forgotten | (keys[i].result.p != NULL) << 1));
    }
    return r;
}

static UNUSED int digest_runs(Store *s, Arena *a, Buf *b) {
    enum { PAGE = 3 };
    StoreRun page[PAGE];
    uint64_t before = 0;
    size_t n;
    do {
        int r = s->ops->list(s, 0, before, PAGE, a, page, &n, &before);
        for (size_t i = 0; !r && i < n; i++)
            r = digest_run(s, page[i].id, a, b);
        if (r)
            return r;
    } while (n == PAGE);
    for (StoreState state = STORE_ACTIVE; state <= STORE_DONE; state++) {
        Str ids[256];
        uint64_t after;
        int r = s->ops->owned(s, state, 0, ARRAY_LEN(ids), a, ids, &n, &after);
        if (r)
            return r;
        buf_varint(b, n);
        for (size_t i = 0; i < n; i++)
            buf_blob(b, ids[i]);
    }
    return 0;
}

static UNUSED int digest(Store *s, Hash *ret) {
    _cleanup_(arena_deinit)
    Arena a;
    _cleanup_(buf_deinit)
    Buf b = BUF_INIT(64 * MIB);
    arena_init(&a, 0);
    int r = digest_runs(s, &a, &b);
    if (!r)
        r = digest_waiting(s, &a, &b);
    if (!r)
        r = digest_keys(s, &a, &b);
    ASSERT(!buf_over(&b));
    *ret = hash_bytes(buf_str(&b));
    return r;
}

/* ---- workload: batch i of a fixed life of many runs. ---- */

typedef struct LoadRun {
    char id[40];
    uint64_t seq;
    Hash hash;
    bool done;
} LoadRun;

typedef struct Load {
    uint64_t random;
    LoadRun runs[256];
    size_t n_runs;
    uint64_t n_mail, n_taken;
    Arena arena; /* of the batch made last */
} Load;

static UNUSED uint64_t load_random(Load *l) {
    uint64_t z = (l->random += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
static UNUSED size_t load_below(Load *l, size_t n) { return (size_t)(load_random(l) % n); }
static UNUSED void load_init(Load *l, uint64_t seed) {
    *l = (Load){ .random = seed };
    arena_init(&l->arena, 0);
}
static UNUSED void load_deinit(Load *l) { arena_deinit(&l->arena); }

static UNUSED Str load_bytes(Load *l, size_t n) {
    char *p = arena_alloc(&l->arena, n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)load_random(l);
    return (Str){ p, n };
}

static UNUSED const StorePayload *load_closure(Load *l, size_t which) {
    StorePayload *c = ARENA_NEW(&l->arena, StorePayload);
    c->bytes = arena_fmt(&l->arena, "closure %zu: %0200d", which, 7);
    c->hash = hash_bytes(c->bytes);
    return c;
}

static UNUSED void load_opens(Load *l, StoreAppend *item, int64_t now_ms) {
    StoreOpen *opens = ARENA_ARRAY(&l->arena, StoreOpen, 3);
    item->set_opens = true;
    item->opens = opens;
    item->n_opens = load_below(l, 4);
    for (size_t i = 0; i < item->n_opens; i++)
        opens[i] =
            (StoreOpen){ .kind = (uint8_t)(1 + i),
                         .key = i ? arena_fmt(&l->arena, "approve_%zu", i) : STR(""),
                         .due_ms = load_below(l, 3) ? now_ms + (int64_t)load_below(l, 90000) : 0,
                         .address = STR("plan[3]~1/review") };
}

static UNUSED void load_mail(Load *l, StoreAppend *item, int64_t now_ms) {
    StoreMail *mail = ARENA_NEW(&l->arena, StoreMail);
    *mail = (StoreMail){ .id = arena_fmt(&l->arena, "mail-%llu", (unsigned long long)l->n_mail++),
                         .to = arena_fmt(&l->arena, "run-%04zu", load_below(l, 40)),
                         .not_before_ms = load_below(l, 2) ? now_ms : 0,
                         .body = load_bytes(l, 60) };
    item->mail = mail;
    item->n_mail = 1;
    if (l->n_taken + 2 < l->n_mail) {
        Str *id = ARENA_NEW(&l->arena, Str);
        *id = arena_fmt(&l->arena, "mail-%llu", (unsigned long long)l->n_taken++);
        item->mail_taken = id;
        item->n_mail_taken = 1;
    }
}

/* Few keys for many runs, so that they meet. */
static UNUSED Hash load_key(Load *l) {
    uint64_t n = load_below(l, 6);
    return hash_bytes((Str){ (const char *)&n, sizeof n });
}

static UNUSED void load_keys(Load *l, StoreAppend *item) {
    StoreClaim *claim = ARENA_NEW(&l->arena, StoreClaim);
    StoreKeyChange *change = ARENA_NEW(&l->arena, StoreKeyChange);
    *claim = (StoreClaim){ .name = load_key(l), .address = STR("pay") };
    *change = (StoreKeyChange){ .name = load_key(l),
                                .address = STR("pay"),
                                .state = (KeyState)(1 + load_below(l, KEY_STATE_LAST)),
                                .result = load_below(l, 2) ? STR("{\"id\":7}") : STR_NULL,
                                .within = load_below(l, 8) == 0 };
    if (change->state != KEY_DONE)
        change->result = STR_NULL;
    if (change->within)
        change->state = load_below(l, 2) ? KEY_UNDONE : KEY_UNKNOWN;
    item->claims = claim;
    item->n_claims = load_below(l, 2);
    item->keys = change;
    item->n_keys = load_below(l, 2);
}

static UNUSED void load_info(Load *l, StoreAppend *item, const LoadRun *run, int64_t now_ms) {
    StoreRunInfo *info = ARENA_NEW(&l->arena, StoreRunInfo);
    *info = (StoreRunInfo){ .state = run->done ? STORE_DONE : (StoreState)(1 + load_below(l, 4)),
                            .created_ms = 1000,
                            .updated_ms = now_ms,
                            .name = STR("review"),
                            .info = arena_fmt(&l->arena, "{\"at\":%lld}", (long long)now_ms) };
    item->info = info;
}

static UNUSED void load_content(Load *l, StoreAppend *item) {
    item->body = load_bytes(l, load_below(l, 20) ? 120 + load_below(l, 100) : 5000);
    item->data = load_bytes(l, load_below(l, HASH_BYTES));
    if (load_below(l, 10) == 0) {
        StorePayload *p = ARENA_NEW(&l->arena, StorePayload);
        p->bytes = load_bytes(l, 4200 + load_below(l, 2000));
        p->hash = hash_bytes(p->bytes);
        item->payloads = p;
        item->n_payloads = 1;
        item->data = arena_str(&l->arena, hash_str(&p->hash));
    }
    if (load_below(l, 8) == 0)
        item->snapshot = load_bytes(l, 300 + load_below(l, 900));
}

static UNUSED StoreAppend load_item(Load *l, LoadRun *run, int64_t now_ms) {
    StoreAppend item = { .run = str_from(run->id), .seq = run->seq + 1 };
    load_content(l, &item);
    run->done = run->seq > 3 && load_below(l, 10) == 0;
    if (run->seq == 0)
        item.closure = &load_closure(l, load_below(l, 3))->hash;
    if (run->seq == 0 || run->done || load_below(l, 3) == 0)
        load_info(l, &item, run, now_ms);
    if (run->seq == 0 || load_below(l, 2))
        load_opens(l, &item, now_ms);
    if (load_below(l, 2))
        load_mail(l, &item, now_ms);
    load_keys(l, &item);
    Hash data_hash = hash_bytes(item.data);
    item.hash = run->hash = store_chain(&run->hash, item.body, &data_hash);
    run->seq++;
    return item;
}

static UNUSED bool load_in_batch(const StoreAppend *items, size_t n, const LoadRun *run) {
    for (size_t i = 0; i < n; i++)
        if (str_is(items[i].run, run->id))
            return true;
    return false;
}

/* Batch of 1 .. max items; lives until the next is made. */
static UNUSED StoreBatch load_batch(Load *l, size_t max, int64_t now_ms) {
    arena_reset(&l->arena);
    size_t n = 1 + load_below(l, max), filled = 0;
    StoreAppend *items = ARENA_ARRAY(&l->arena, StoreAppend, n);
    StorePayload *closures = ARENA_ARRAY(&l->arena, StorePayload, 3);
    for (size_t i = 0; i < 3; i++)
        closures[i] = *load_closure(l, i);
    for (size_t tries = 0; filled < n && tries < 4 * n; tries++) {
        bool add = l->n_runs < 3 || (load_below(l, 4) == 0 && l->n_runs < ARRAY_LEN(l->runs));
        LoadRun *run = add ? &l->runs[l->n_runs] : &l->runs[load_below(l, l->n_runs)];
        if (add)
            snprintf(run->id, sizeof run->id, "run-%04zu", l->n_runs++);
        if (run->done || load_in_batch(items, filled, run))
            continue;
        items[filled++] = load_item(l, run, now_ms);
    }
    return (StoreBatch){ .items = items,
                         .n = filled,
                         .closures = closures,
                         .n_closures = 3,
                         .answers = &l->arena,
                         .now_ms = now_ms };
}

#endif
