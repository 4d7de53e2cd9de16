/* Names to things: open addressing in an arena, for the names of one file. Keys are borrowed. `scope` tells equal names
 * in different places apart: the group a step stands in. */
#ifndef BATON_SPEC_TABLE_H
#define BATON_SPEC_TABLE_H

#include "base/arena.h"

typedef struct TableSlot {
    Str key;
    uint32_t scope;
    void *value; /* NULL: free */
} TableSlot;
typedef struct Table {
    Arena *arena;
    TableSlot *slots;
    size_t room, n; /* room is a power of two, or 0 */
} Table;

/* NULL if there is none. */
void *table_get(const Table *t, uint32_t scope, Str key);
/* Adds, unless the key is there: then gives what it names and changes nothing. NULL when added. */
void *table_put(Table *t, uint32_t scope, Str key, void *value);

#endif
