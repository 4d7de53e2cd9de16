/* The R functions of the memory store. They scan: a universe has a few dozen runs. */
#include "journal/memory.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_own(const MemStore *h, const MemRun *run) {
    return h->engine && run->owner == h->engine;
}

int memory_owned(Store *s, StoreState state, uint64_t after, size_t max, Arena *a, Str *ret_ids,
                 size_t *ret_n, uint64_t *ret_after) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    size_t n = 0;
    uint64_t at = after;
    for (; at < h->m->n_runs && n < max; at++) {
        const MemRun *run = &h->m->runs[at];
        if (is_own(h, run) && run->info.state == state)
            ret_ids[n++] = arena_str(a, run->id);
    }
    *ret_n = n;
    *ret_after = at;
    return 0;
}

static StoreRunInfo copy_info(Arena *a, const StoreRunInfo *info) {
    StoreRunInfo copy = *info;
    copy.name = arena_str(a, info->name);
    copy.info = arena_str(a, info->info);
    return copy;
}

static StoreRun copy_head(const MemStore *h, Arena *a, const MemRun *run) {
    return (StoreRun){ .info = copy_info(a, &run->info),
                       .id = arena_str(a, run->id),
                       .owned = is_own(h, run),
                       .head_seq = run->n_rows,
                       .head_hash = run->rows[run->n_rows - 1].hash,
                       .closure_hash = run->closure->hash };
}

int memory_load(Store *s, Str id, bool all_rows, Arena *a, StoreRun *ret) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    const MemRun *run = memory_run(h->m, id);
    if (!run)
        return STORE_E_NOT_FOUND;
    *ret = copy_head(h, a, run);
    ret->closure = arena_str(a, run->closure->bytes);
    ret->snapshot = run->snapshot.p ? arena_str(a, run->snapshot) : STR_NULL;
    ret->snapshot_seq = run->snapshot_seq;
    size_t from = all_rows ? 0 : run->snapshot_seq;
    ret->n_rows = run->n_rows - from;
    ret->rows = ARENA_ARRAY(a, StoreRow, ret->n_rows);
    for (size_t i = 0; i < ret->n_rows; i++) {
        StoreRow *row = &ret->rows[i];
        *row = run->rows[from + i];
        row->body = arena_str(a, row->body);
        row->data = arena_str(a, row->data);
        if (!row->forgotten)
            row->data_hash = hash_bytes(row->data);
    }
    return 0;
}

int memory_payload(Store *s, Str id, const Hash *hash, Arena *a, Str *ret) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    const MemRun *run = memory_run(h->m, id);
    for (size_t i = 0; run && i < run->n_payloads; i++)
        if (hash_eq(&run->payloads[i].hash, hash)) {
            *ret = arena_str(a, run->payloads[i].bytes);
            return 0;
        }
    return STORE_E_NOT_FOUND;
}

/* Pointers into the shared disk, in the order they are answered in. */
typedef struct Found {
    int64_t time_ms;
    size_t number; /* ties keep the order found */
    const MemRun *run;
    const StoreOpen *open;
    const MemMail *mail;
} Found;

typedef struct FoundList {
    Found *items;
    size_t n, room;
} FoundList;

static void free_found(FoundList *l) { free(l->items); }

static void add_found(FoundList *l, Found f) {
    memory_grow((void **)&l->items, &l->room, l->n, sizeof *l->items);
    f.number = l->n;
    l->items[l->n++] = f;
}

static int soonest_first(const void *a, const void *b) {
    const Found *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static void sort_found(FoundList *l) {
    if (l->n > 1)
        qsort(l->items, l->n, sizeof *l->items, soonest_first);
}

/* How many of the sorted list may be answered now, and the time of the first that may not. */
static size_t split_found(const FoundList *l, int64_t now_ms, size_t max, int64_t *ret_next_ms) {
    size_t n = 0;
    while (n < l->n && n < max && l->items[n].time_ms <= now_ms)
        n++;
    if (ret_next_ms)
        *ret_next_ms = n < l->n ? l->items[n].time_ms : 0;
    return n;
}

static StoreDue copy_open(Arena *a, const Found *f) {
    return (StoreDue){ .run = arena_str(a, f->run->id),
                       .address = arena_str(a, f->open->address),
                       .key = arena_str(a, f->open->key),
                       .kind = f->open->kind,
                       .due_ms = f->open->due_ms };
}

int memory_due(Store *s, int64_t now_ms, size_t max, Arena *a, StoreDue *ret, size_t *ret_n,
               int64_t *ret_next_ms) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    _cleanup_(free_found)
    FoundList found = { 0 };
    for (size_t r = 0; r < h->m->n_runs; r++) {
        const MemRun *run = &h->m->runs[r];
        for (size_t i = 0; is_own(h, run) && i < run->n_opens; i++)
            if (run->opens[i].due_ms)
                add_found(
                    &found,
                    (Found){ .time_ms = run->opens[i].due_ms, .run = run, .open = &run->opens[i] });
    }
    sort_found(&found);
    *ret_n = split_found(&found, now_ms, max, ret_next_ms);
    for (size_t i = 0; i < *ret_n; i++)
        ret[i] = copy_open(a, &found.items[i]);
    return 0;
}

int memory_opens(Store *s, Str id, uint8_t kind, uint64_t skip, size_t max, Arena *a, StoreDue *ret,
                 size_t *ret_n) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    size_t n = 0;
    for (size_t r = 0; r < h->m->n_runs; r++) {
        const MemRun *run = &h->m->runs[r];
        if (id.len && !str_eq(id, run->id))
            continue;
        for (size_t i = 0; i < run->n_opens && n < max; i++) {
            if (kind && run->opens[i].kind != kind)
                continue;
            if (skip > 0)
                skip--;
            else
                ret[n++] = copy_open(a, &(Found){ .run = run, .open = &run->opens[i] });
        }
    }
    *ret_n = n;
    return 0;
}

static bool stands_for_whole(const StoreOpen *open, Str key) {
    return open->address.len == 0 && open->key.len && str_eq(open->key, key);
}

int memory_heard(Store *s, Str key, Arena *a, Str **ret_runs, size_t *ret_n) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    Str *list = ARENA_ARRAY(a, Str, h->m->n_runs + 1);
    size_t n = 0;
    for (size_t r = 0; r < h->m->n_runs; r++) {
        const MemRun *run = &h->m->runs[r];
        bool hears = false;
        for (size_t i = 0; i < run->n_opens && !hears; i++)
            hears = stands_for_whole(&run->opens[i], key);
        if (hears)
            list[n++] = arena_str(a, run->id);
    }
    *ret_runs = list;
    *ret_n = n;
    return 0;
}

static StoreMail copy_mail(Arena *a, const StoreMail *mail) {
    return (StoreMail){ .id = arena_str(a, mail->id),
                        .to = arena_str(a, mail->to),
                        .not_before_ms = mail->not_before_ms,
                        .body = arena_str(a, mail->body) };
}

int memory_mail_now(Store *s, bool world, int64_t now_ms, size_t max, Arena *a, StoreMail *ret,
                    size_t *ret_n, int64_t *ret_next_ms) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    _cleanup_(free_found)
    FoundList found = { 0 };
    for (size_t i = 0; i < h->m->n_mail; i++) {
        const MemMail *mail = &h->m->mail[i];
        uint64_t owner = mail->gone ? 0 : memory_mail_owner(h->m, mail);
        if (!mail->gone && store_mail_is_world(&mail->mail) == world &&
            (owner == h->engine || owner == 0))
            add_found(&found, (Found){ .time_ms = mail->mail.not_before_ms, .mail = mail });
    }
    sort_found(&found);
    *ret_n = split_found(&found, now_ms, max, ret_next_ms);
    for (size_t i = 0; i < *ret_n; i++)
        ret[i] = copy_mail(a, &found.items[i].mail->mail);
    return 0;
}

int memory_kept(Store *s, Str to, Str id, uint64_t skip, size_t max, Arena *a, StoreMail *ret,
                size_t *ret_n) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    size_t n = 0;
    for (size_t i = 0; i < h->m->n_mail && n < max; i++) {
        const StoreMail *mail = &h->m->mail[i].mail;
        if (h->m->mail[i].gone || mail->not_before_ms != STORE_KEPT || !str_eq(mail->to, to) ||
            (id.len && !str_eq(mail->id, id)))
            continue;
        if (skip > 0 && !id.len)
            skip--;
        else
            ret[n++] = copy_mail(a, mail);
    }
    *ret_n = n;
    return 0;
}

int memory_list(Store *s, StoreState state, uint64_t before, size_t max, Arena *a, StoreRun *ret,
                size_t *ret_n, uint64_t *ret_before) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    size_t n = 0;
    uint64_t at = before && before <= h->m->n_runs ? before - 1 : h->m->n_runs;
    for (; at > 0 && n < max; at--) {
        const MemRun *run = &h->m->runs[at - 1];
        if (!state || run->info.state == state)
            ret[n++] = copy_head(h, a, run);
    }
    *ret_n = n;
    *ret_before = at + 1;
    return 0;
}

static uint64_t check_run(const MemRun *run, void (*problem)(void *ctx, Str text), void *ctx) {
    Hash chain = { { 0 } };
    char text[160];
    uint64_t bad = 0;
    for (size_t i = 0; i < run->n_rows; i++) {
        const StoreRow *row = &run->rows[i];
        Hash data_hash = row->forgotten ? row->data_hash : hash_bytes(row->data);
        chain = store_chain(&chain, row->body, &data_hash);
        if (row->seq == i + 1 && hash_eq(&chain, &row->hash))
            continue;
        int len = snprintf(text, sizeof text, "run %.*s: the hash of its row %zu does not follow",
                           STR_FMT(run->id), i + 1);
        problem(ctx, (Str){ text, (size_t)len });
        chain = row->hash;
        bad++;
    }
    return bad;
}

int memory_check(Store *s, void (*problem)(void *ctx, Str text), void *ctx, uint64_t *ret_rows) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    uint64_t rows = 0, bad = 0;
    for (size_t i = 0; i < h->m->n_runs; i++) {
        bad += check_run(&h->m->runs[i], problem, ctx);
        rows += h->m->runs[i].n_rows;
    }
    *ret_rows = rows;
    return bad ? STORE_E_DAMAGED : 0;
}

static int by_account(const void *a, const void *b) {
    const StoreAccount *x = a, *y = b;
    int order = str_cmp(x->key, y->key);
    return order ? order : x->engine < y->engine ? -1 : x->engine > y->engine;
}

int memory_accounts(Store *s, Arena *a, StoreAccount **ret, size_t *ret_n) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    StoreAccount *list = ARENA_ARRAY(a, StoreAccount, h->m->n_accounts + 1);
    size_t n = 0;
    for (size_t i = 0; i < h->m->n_accounts; i++) {
        if (h->m->accounts[i].gone)
            continue;
        list[n] = h->m->accounts[i].account;
        list[n].key = arena_str(a, list[n].key);
        list[n].info = arena_str(a, list[n].info);
        n++;
    }
    if (n)
        qsort(list, n, sizeof *list, by_account);
    *ret = list;
    *ret_n = n;
    return 0;
}
