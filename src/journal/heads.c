#include "journal/heads.h"

#include <stdlib.h>

void heads_deinit(Heads *h) {
    free(h->items);
    free(h->slots);
    *h = (Heads){ 0 };
}

static bool is_of(const Head *head, Str id, uint64_t hash) {
    return head->hash == hash && str_eq(head_id(head), id);
}

static size_t slot_of(const Heads *h, Str id, uint64_t hash) {
    size_t mask = h->n_slots - 1;
    size_t slot = (size_t)hash & mask;
    while (h->slots[slot] && !is_of(&h->items[h->slots[slot] - 1], id, hash))
        slot = (slot + 1) & mask;
    return slot;
}

static size_t slot_of_head(const Heads *h, const Head *head) {
    return slot_of(h, head_id(head), head->hash);
}

Head *heads_find(const Heads *h, Str id, uint64_t hash) {
    if (!h->n)
        return NULL;
    uint32_t number = h->slots[slot_of(h, id, hash)];
    return number ? &h->items[number - 1] : NULL;
}

static void grow(Heads *h) {
    h->room = h->room ? h->room * 2 : 64;
    h->items = xrealloc(h->items, h->room * sizeof *h->items);
    h->n_slots = h->room * 2;
    h->slots = xrealloc(h->slots, h->n_slots * sizeof *h->slots);
    memset(h->slots, 0, h->n_slots * sizeof *h->slots);
    for (size_t i = 0; i < h->n; i++)
        h->slots[slot_of_head(h, &h->items[i])] = (uint32_t)i + 1;
}

Head *heads_put(Heads *h, Str id, uint64_t hash) {
    Head *found = heads_find(h, id, hash);
    if (found)
        return found;
    ASSERT(id.len > 0 && id.len <= LIMIT_ID_BYTES);
    if (h->n == h->room)
        grow(h);
    h->slots[slot_of(h, id, hash)] = (uint32_t)h->n + 1;
    Head *head = &h->items[h->n++];
    *head = (Head){ .hash = hash, .id_len = (uint8_t)id.len };
    memcpy(head->id, id.p, id.len);
    return head;
}

void heads_clear(Heads *h) {
    /* Last in, first out: an entry may have been pushed on by those before it, never by those after. */
    while (h->n > 0) {
        h->slots[slot_of_head(h, &h->items[h->n - 1])] = 0;
        h->n--;
    }
}
