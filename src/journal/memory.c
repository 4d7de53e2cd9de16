/* The memory store: the disk of the simulator and of tests.
 *
 * Everything stored lives in one arena, which goes with the StoreMemory: what is replaced stays there unused, which a
 * universe of a few hundred facts can afford. Stored bytes are never changed in place, so a run is put back to an
 * earlier state by copying its small struct back.
 *
 *       durable plane                     volatile plane
 *   ... batch 7, batch 8 | batch 9, batch 10          <- appends go here while `hold` is set
 *                        ^ the last sync              batches[] mark where each began in undo[]
 *
 * There is one copy of the data, the volatile one; the durable plane is what is left after undo[] is played backwards.
 * A cut plays it to the beginning of a batch, never to its middle. Without `hold` nothing is kept for undoing. */
#include "journal/memory.h"

#include <stdlib.h>

void memory_grow(void **array, size_t *room, size_t n, size_t item_bytes) {
    if (n < *room)
        return;
    *room = *room ? *room * 2 : 16;
    *array = xrealloc(*array, *room * item_bytes);
}

static size_t slot_of(const StoreMemory *m, Str id) {
    size_t mask = m->run_index_room - 1;
    size_t slot = (size_t)hash_fast(id, 0) & mask;
    while (m->run_index[slot] && !str_eq(m->runs[m->run_index[slot] - 1].id, id))
        slot = (slot + 1) & mask;
    return slot;
}

static void rebuild_index(StoreMemory *m, size_t room) {
    m->run_index = xrealloc(m->run_index, room * sizeof *m->run_index);
    m->run_index_room = room;
    memset(m->run_index, 0, room * sizeof *m->run_index);
    for (size_t i = 0; i < m->n_runs; i++)
        m->run_index[slot_of(m, m->runs[i].id)] = (uint32_t)i + 1;
}

MemRun *memory_run(const StoreMemory *m, Str id) {
    uint32_t number = m->run_index[slot_of(m, id)];
    return number ? &m->runs[number - 1] : NULL;
}

void memory_add_run(StoreMemory *m, Str id) {
    ASSERT(!memory_run(m, id));
    if ((m->n_runs + 1) * 2 > m->run_index_room)
        rebuild_index(m, m->run_index_room * 2);
    GROW(m, runs);
    memory_undo_later(m, UNDO_RUN_NEW, m->n_runs);
    m->runs[m->n_runs++] = (MemRun){ .id = arena_str(&m->arena, id) };
    m->run_index[slot_of(m, id)] = (uint32_t)m->n_runs;
}

MemMail *memory_mail(const StoreMemory *m, Str id) {
    for (size_t i = 0; i < m->n_mail; i++)
        if (!m->mail[i].gone && str_eq(m->mail[i].mail.id, id))
            return &m->mail[i];
    return NULL;
}

const StorePayload *memory_closure(const StoreMemory *m, const Hash *hash) {
    for (size_t i = 0; i < m->n_closures; i++)
        if (hash_eq(&m->closures[i]->hash, hash))
            return m->closures[i];
    return NULL;
}

uint64_t memory_mail_owner(const StoreMemory *m, const MemMail *mail) {
    const MemRun *run = memory_run(m, mail->mail.to);
    return run ? run->owner : mail->sender;
}

void memory_undo_later(StoreMemory *m, MemUndoKind kind, size_t at) {
    if (!m->hold)
        return;
    GROW(m, undo);
    MemUndo *u = &m->undo[m->n_undo++];
    u->kind = kind;
    u->at = at;
    if (kind == UNDO_RUN_WAS)
        u->was = m->runs[at];
    if (kind == UNDO_ACCOUNT_WAS)
        u->account = m->accounts[at];
    if (kind == UNDO_KEY_WAS)
        u->key = m->keys[at];
}

void memory_begin(StoreMemory *m) {
    if (!m->hold)
        return;
    GROW(m, batches);
    m->batches[m->n_batches++] = (MemBatch){ m->n_undo, m->last_row };
}

void memory_forget_undo(StoreMemory *m) { m->n_undo = m->n_batches = 0; }

static void take_back(StoreMemory *m, const MemUndo *u) {
    switch (u->kind) {
    case UNDO_RUN_NEW: m->n_runs = u->at; break;
    case UNDO_RUN_WAS: m->runs[u->at] = u->was; break;
    case UNDO_MAIL_NEW: m->n_mail = u->at; break;
    case UNDO_MAIL_GONE: m->mail[u->at].gone = false; break;
    case UNDO_CLOSURE_NEW: m->n_closures = u->at; break;
    case UNDO_ACCOUNT_WAS: m->accounts[u->at] = u->account; break;
    case UNDO_KEY_WAS: m->keys[u->at] = u->key; break;
    }
}

void store_memory_cut(StoreMemory *m, size_t keep) {
    MEMORY_LOCKED(m);
    if (keep < m->n_batches) {
        while (m->n_undo > m->batches[keep].undo_from)
            take_back(m, &m->undo[--m->n_undo]);
        m->last_row = m->batches[keep].last_row;
        rebuild_index(m, m->run_index_room);
    }
    memory_forget_undo(m);
}

void store_memory_sync(StoreMemory *m) {
    MEMORY_LOCKED(m);
    memory_forget_undo(m);
}

size_t store_memory_unsynced(const StoreMemory *m) { return m->n_batches; }

void store_memory_hold(StoreMemory *m, bool hold) {
    MEMORY_LOCKED(m);
    m->hold = hold;
    memory_forget_undo(m);
}

void store_memory_fault(StoreMemory *m, StoreFault fault, unsigned appends) {
    MEMORY_LOCKED(m);
    m->fault = fault;
    m->fault_appends = appends;
}

StoreMemory *store_memory_new(const uint8_t install_key[32]) {
    StoreMemory *m = xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    memcpy(m->install_key, install_key, sizeof m->install_key);
    arena_init(&m->arena, 0);
    rebuild_index(m, 64);
    return m;
}

void store_memory_free(StoreMemory *m) {
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    arena_deinit(&m->arena);
    free(m->runs);
    free(m->run_index);
    free(m->mail);
    free(m->accounts);
    free(m->keys);
    free(m->closures);
    free(m->engines);
    free(m->undo);
    free(m->batches);
    free(m);
}

static MemEngine *engine_of(StoreMemory *m, uint64_t id) { return &m->engines[id - 1]; }

uint64_t store_memory_epoch(StoreMemory *m, uint64_t engine) {
    MEMORY_LOCKED(m);
    return engine && engine <= m->n_engines ? engine_of(m, engine)->epoch : 0;
}

static int memory_enter(Store *s, int64_t now_ms, int64_t ttl_ms, StoreLease *ret) {
    MemStore *h = (MemStore *)s;
    StoreMemory *m = h->m;
    MEMORY_LOCKED(m);
    uint64_t id = h->fixed_engine ? h->fixed_engine : m->n_engines + 1;
    while (m->n_engines < id) {
        GROW(m, engines);
        m->engines[m->n_engines++] = (MemEngine){ .left = true };
    }
    MemEngine *e = engine_of(m, id);
    *ret = (StoreLease){ .engine = id, .epoch = e->epoch + 1, .recovered = !e->left };
    *e = (MemEngine){ .epoch = ret->epoch, .lease_until_ms = now_ms + ttl_ms };
    h->engine = id;
    h->epoch = ret->epoch;
    memory_forget_undo(m);
    return 0;
}

static int memory_renew(Store *s, int64_t now_ms, int64_t ttl_ms, bool *ret_lost) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    ASSERT(h->engine);
    MemEngine *e = engine_of(h->m, h->engine);
    *ret_lost = e->epoch != h->epoch;
    if (!*ret_lost)
        e->lease_until_ms = now_ms + ttl_ms;
    memory_forget_undo(h->m);
    return 0;
}

static int memory_leave(Store *s, int64_t now_ms) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    ASSERT(h->engine);
    MemEngine *e = engine_of(h->m, h->engine);
    if (e->epoch == h->epoch) {
        e->left = true;
        e->lease_until_ms = now_ms - 1;
    }
    h->epoch = 0;
    memory_forget_undo(h->m);
    return 0;
}

static size_t move_runs(StoreMemory *m, uint64_t from, uint64_t to) {
    size_t moved = 0;
    for (size_t i = 0; i < m->n_runs; i++)
        if (m->runs[i].owner == from) {
            m->runs[i].owner = to;
            moved++;
        }
    for (size_t i = 0; i < m->n_mail; i++)
        if (m->mail[i].sender == from)
            m->mail[i].sender = to;
    return moved;
}

static int memory_takeover(Store *s, int64_t now_ms, size_t *ret_runs) {
    MemStore *h = (MemStore *)s;
    StoreMemory *m = h->m;
    MEMORY_LOCKED(m);
    ASSERT(h->engine);
    *ret_runs = 0;
    if (engine_of(m, h->engine)->epoch != h->epoch)
        return 0;
    for (uint64_t id = 1; id <= m->n_engines; id++) {
        MemEngine *e = engine_of(m, id);
        if (id == h->engine || e->lease_until_ms >= now_ms)
            continue;
        e->epoch++;
        *ret_runs += move_runs(m, id, h->engine);
    }
    memory_forget_undo(m);
    return 0;
}

static void memory_close(Store *s) { free(s); }

static const StoreOps memory_ops = {
    .close = memory_close,
    .enter = memory_enter,
    .renew = memory_renew,
    .leave = memory_leave,
    .takeover = memory_takeover,
    .append = memory_append,
    .post = memory_post,
    .owned = memory_owned,
    .load = memory_load,
    .payload = memory_payload,
    .due = memory_due,
    .opens = memory_opens,
    .heard = memory_heard,
    .mail = memory_mail_now,
    .kept = memory_kept,
    .keys = memory_keys,
    .accounts = memory_accounts,
    .list = memory_list,
    .check = memory_check,
};

Store *store_memory_open(StoreMemory *m) { return store_memory_open_as(m, 0); }

Store *store_memory_open_as(StoreMemory *m, uint64_t engine) {
    MemStore *h = xcalloc(1, sizeof *h);
    h->store.ops = &memory_ops;
    memcpy(h->store.install_key, m->install_key, sizeof h->store.install_key);
    h->m = m;
    h->fixed_engine = engine;
    return &h->store;
}
