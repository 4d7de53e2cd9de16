#include "spec/table.h"

#include "base/hash.h"

/* The slot of the key, or the free one where it belongs. There is always a free one: the table is at most half full. */
static TableSlot *slot_of(TableSlot *slots, size_t room, uint32_t scope, Str key) {
    size_t at = (size_t)hash_fast(key, scope) & (room - 1);
    while (slots[at].value && !(slots[at].scope == scope && str_eq(slots[at].key, key)))
        at = (at + 1) & (room - 1);
    return &slots[at];
}

void *table_get(const Table *t, uint32_t scope, Str key) {
    return t->room ? slot_of(t->slots, t->room, scope, key)->value : NULL;
}

static void grow(Table *t) {
    size_t room = t->room ? t->room * 2 : 16;
    TableSlot *slots = ARENA_ARRAY(t->arena, TableSlot, room);
    for (size_t i = 0; i < t->room; i++) {
        const TableSlot *from = &t->slots[i];
        if (from->value)
            *slot_of(slots, room, from->scope, from->key) = *from;
    }
    t->slots = slots;
    t->room = room;
}

void *table_put(Table *t, uint32_t scope, Str key, void *value) {
    ASSERT(value);
    if (t->n * 2 >= t->room)
        grow(t);
    TableSlot *slot = slot_of(t->slots, t->room, scope, key);
    if (slot->value)
        return slot->value;
    *slot = (TableSlot){ key, scope, value };
    t->n++;
    return NULL;
}
