/* Business keys in the memory store: a list, in the order of their first claims. */
#include "journal/keys.h"
#include "journal/memory.h"

#include <stdlib.h>

static Str keep(StoreMemory *m, Str s) { return s.p ? arena_str(&m->arena, s) : s; }

/* The place of the name, made if it is not there. */
static size_t key_at(StoreMemory *m, const Hash *name) {
    for (size_t i = 0; i < m->n_keys; i++)
        if (hash_eq(&m->keys[i].key.name, name))
            return i;
    GROW(m, keys);
    m->keys[m->n_keys] =
        (MemKey){ .key = { .name = *name, .run = STR(""), .address = STR(""), .giver = STR("") } };
    return m->n_keys++;
}

static void replace(StoreMemory *m, size_t at, const StoreKey *key) {
    memory_undo_later(m, UNDO_KEY_WAS, at);
    StoreKey *stored = &m->keys[at].key;
    *stored = *key;
    stored->run = keep(m, key->run);
    stored->address = keep(m, key->address);
    stored->giver = keep(m, key->giver);
    stored->result = keep(m, key->result);
}

static void change_at(StoreMemory *m, size_t at, const StoreKeyChange *change, Str run) {
    StoreKey key = m->keys[at].key;
    if (key_change(&key, change, run))
        replace(m, at, &key);
}

static void forget(StoreMemory *m, Str run) {
    for (size_t i = 0; i < m->n_keys; i++) {
        StoreKey key = m->keys[i].key;
        if (str_eq(key.run, run) && key_forget(&key))
            replace(m, i, &key);
    }
}

static void prune(StoreMemory *m) {
    size_t n = 0;
    for (size_t i = m->n_keys; i-- > 0;) {
        StoreKey key = m->keys[i].key;
        n += key.state == KEY_CACHED;
        if (key.state != KEY_CACHED || n <= STORE_CACHED_MAX)
            continue;
        key.state = KEY_NEW;
        replace(m, i, &key);
    }
}

void memory_change_keys(StoreMemory *m, const StoreAppend *item) {
    for (size_t i = 0; i < item->n_keys; i++) {
        const StoreKeyChange *change = &item->keys[i];
        for (size_t k = 0; change->within && k < m->n_keys; k++)
            change_at(m, k, change, item->run);
        if (!change->within)
            change_at(m, key_at(m, &change->name), change, item->run);
        if (!change->within && change->state == KEY_CACHED)
            prune(m);
    }
    if (item->forget)
        forget(m, item->run);
}

static StoreKey copy(Arena *a, const StoreKey *key) {
    StoreKey c = *key;
    c.run = arena_str(a, key->run);
    c.address = arena_str(a, key->address);
    c.giver = arena_str(a, key->giver);
    c.result = key->result.p ? arena_str(a, key->result) : STR_NULL;
    return c;
}

static void claim(StoreMemory *m, StoreClaim *c, Str run, const StoreBatch *batch) {
    size_t at = key_at(m, &c->name);
    StoreKey key = m->keys[at].key;
    if (key_claim(&key, c, run, batch->now_ms))
        replace(m, at, &key);
    c->key = copy(batch->answers, &key);
}

/* After all changes: what one run lets go of another may have at once. */
void memory_claim_keys(StoreMemory *m, const MemStore *h, StoreBatch *batch) {
    for (size_t i = 0; i < batch->n; i++) {
        const StoreAppend *item = &batch->items[i];
        for (size_t k = 0; item->outcome == STORE_OK && k < item->n_claims; k++)
            claim(m, &item->claims[k], item->run, batch);
    }
    for (size_t i = 0; i < batch->n_claims; i++) {
        const MemRun *run = memory_run(m, batch->claims[i].run);
        if (run && run->owner == h->engine)
            claim(m, &batch->claims[i], batch->claims[i].run, batch);
    }
}

static int by_name(const void *a, const void *b) {
    return memcmp(((const StoreKey *)a)->name.b, ((const StoreKey *)b)->name.b, HASH_BYTES);
}

int memory_keys(Store *s, Arena *a, StoreKey **ret, size_t *ret_n) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    StoreKey *list = ARENA_ARRAY(a, StoreKey, h->m->n_keys + 1);
    size_t n = 0;
    for (size_t i = 0; i < h->m->n_keys; i++)
        if (h->m->keys[i].key.state != KEY_NEW)
            list[n++] = copy(a, &h->m->keys[i].key);
    if (n)
        qsort(list, n, sizeof *list, by_name);
    *ret = list;
    *ret_n = n;
    return 0;
}
