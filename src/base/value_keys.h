/* The order of map keys, shared by lookup (value.c) and building (value_build.c); nobody else includes this.
 *
 * Booleans before numbers before strings; numbers by their exact value whatever their type, strings by bytes. Two keys
 * are the same key exactly when this order says 0. */
#ifndef BATON_BASE_VALUE_KEYS_H
#define BATON_BASE_VALUE_KEYS_H

#include "base/value.h"

/* -1 0 1; a NaN (possible only in a lookup) comes after every number. */
int value_key_order(Value a, Value b);
static inline bool value_key_is_valid(Value key) {
    return key.type == V_STRING || key.type == V_INT || key.type == V_UINT || key.type == V_BOOL;
}
/* Maps of up to this many entries are searched from the front: 8 lengths fit in two cache lines, and nearly all maps of
 * real documents are below. */
#define VALUE_MAP_SMALL 8

#endif
