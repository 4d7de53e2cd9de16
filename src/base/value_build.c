/* Building lists and maps in an arena.
 *
 * A builder's array doubles; the old ones stay behind in the arena (at most as much as the last). A map is built in the
 * block it will live in, header first, so that finishing moves nothing. Maps above VALUE_MAP_SMALL entries get an index
 * of entry numbers in key order, sorted by merging: a merge sort is stable, which tells the first of two equal keys from
 * the second, has no bad case for a stranger to find, and costs one comparison an entry for keys that come sorted, as
 * all stored documents do. */
#include "base/value.h"

#include "base/time.h"
#include "base/value_keys.h"

#include <stdlib.h>

static ValueMap *map_of(ValueEntry *entries) {
    return (ValueMap *)((char *)entries - offsetof(ValueMap, entries));
}

static ValueEntry *new_entries(Arena *a, size_t room) {
    ValueMap *map = arena_alloc(a, sizeof *map + room * sizeof *map->entries);
    map->sorted = NULL;
    return map->entries;
}

void map_add(MapBuilder *m, Value key, Value value) {
    ASSERT(value_key_is_valid(key));
    ASSERT(value.type != V_ABSENT);
    ASSERT(m->n < UINT32_MAX);
    if (m->n == m->room) {
        size_t room = m->room ? m->room * 2 : 4;
        ValueEntry *entries = new_entries(m->arena, room);
        if (m->n)
            memcpy(entries, m->entries, m->n * sizeof *entries);
        m->entries = entries;
        m->room = room;
    }
    m->entries[m->n++] = (ValueEntry){ key, value };
}

void map_adds(MapBuilder *m, Str key, Value value) { map_add(m, value_str(key), value); }

void map_addz(MapBuilder *m, const char *key, Value value) {
    map_add(m, value_str(str_from(key)), value);
}

void map_add_text(MapBuilder *m, const char *key, Str text) {
    if (text.len)
        map_addz(m, key, value_str(text));
}

void map_add_count(MapBuilder *m, const char *key, int64_t n) {
    if (n)
        map_addz(m, key, value_int(n));
}

Value value_time_text(int64_t ms, Arena *a) {
    if (ms == 0)
        return VALUE_NULL;
    Buf b = BUF_INIT(64);
    time_write_ms(&b, ms);
    Value v = value_str(arena_str(a, buf_str(&b)));
    buf_deinit(&b);
    return v;
}

static int order_of(const ValueEntry *e, uint32_t a, uint32_t b) {
    return value_key_order(e[a].key, e[b].key);
}

static void insertion_sort(const ValueEntry *e, uint32_t *at, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint32_t moving = at[i];
        size_t j = i;
        for (; j > 0 && order_of(e, at[j - 1], moving) > 0; j--)
            at[j] = at[j - 1];
        at[j] = moving;
    }
}

/* `spare` has room for half of n. */
static void merge_sort(const ValueEntry *e, uint32_t *at, uint32_t *spare, size_t n) {
    if (n <= 6) {
        insertion_sort(e, at, n);
        return;
    }
    size_t half = n / 2;
    merge_sort(e, at, spare, half);
    merge_sort(e, at + half, spare, n - half);
    if (order_of(e, at[half - 1], at[half]) <= 0)
        return;
    memcpy(spare, at, half * sizeof *at);
    size_t left = 0, right = half, out = 0;
    while (left < half && right < n)
        at[out++] = order_of(e, spare[left], at[right]) <= 0 ? spare[left++] : at[right++];
    memcpy(at + out, spare + left, (half - left) * sizeof *at);
}

static void sort_entries(const ValueEntry *e, uint32_t *at, size_t n) {
    for (size_t i = 0; i < n; i++)
        at[i] = (uint32_t)i;
    uint32_t on_stack[256];
    uint32_t *spare = n / 2 <= ARRAY_LEN(on_stack) ? on_stack : xmalloc(n / 2 * sizeof *spare);
    merge_sort(e, at, spare, n);
    if (spare != on_stack)
        free(spare);
}

/* The last value wins in the place of the first; the later entry is left without a key. */
static void fold_into(ValueEntry *first, ValueEntry *later) {
    first->value = later->value;
    later->key = VALUE_ABSENT;
}

/* The later entry of the first pair in entry order + 1, or 0. */
static size_t fold_duplicates_pairwise(ValueEntry *e, size_t n) {
    size_t dup = 0;
    for (size_t later = 1; later < n; later++) {
        for (size_t i = 0; i < later; i++) {
            bool strings = e[i].key.type == V_STRING && e[later].key.type == V_STRING;
            if (strings && e[i].key.len != e[later].key.len)
                continue;
            if (e[i].key.type == V_ABSENT || value_key_order(e[i].key, e[later].key) != 0)
                continue;
            fold_into(&e[i], &e[later]);
            dup = dup ? dup : later + 1;
            break;
        }
    }
    return dup;
}

static size_t fold_duplicates_sorted(ValueEntry *e, const uint32_t *at, size_t n) {
    size_t dup = 0, first = 0;
    for (size_t i = 1; i < n; i++) {
        if (order_of(e, at[first], at[i]) != 0) {
            first = i;
            continue;
        }
        fold_into(&e[at[first]], &e[at[i]]);
        dup = dup ? MIN(dup, (size_t)at[i] + 1) : (size_t)at[i] + 1;
    }
    return dup;
}

static size_t close_gaps(ValueEntry *e, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (e[i].key.type != V_ABSENT)
            e[kept++] = e[i];
    return kept;
}

/* Entries that sit in a ValueMap become a map. */
static Value finish_map(Arena *a, ValueEntry *e, size_t n, size_t *ret_dup) {
    uint32_t *sorted = NULL;
    size_t dup;
    if (n > VALUE_MAP_SMALL) {
        sorted = arena_alloc(a, n * sizeof *sorted);
        sort_entries(e, sorted, n);
        dup = fold_duplicates_sorted(e, sorted, n);
    } else {
        dup = fold_duplicates_pairwise(e, n);
    }
    if (dup) {
        n = close_gaps(e, n);
        if (n > VALUE_MAP_SMALL)
            sort_entries(e, sorted, n);
        else
            sorted = NULL;
    }
    if (ret_dup)
        *ret_dup = dup;
    if (n == 0)
        return VALUE_EMPTY_MAP;
    ValueMap *map = map_of(e);
    map->sorted = sorted;
    return (Value){ .type = V_MAP, .len = (uint32_t)n, .map = map };
}

Value map_done(MapBuilder *m, size_t *ret_dup) {
    return finish_map(m->arena, m->entries, m->n, ret_dup);
}

Value map_from(Arena *a, const ValueEntry *entries, size_t n, size_t *ret_dup) {
    ASSERT(n <= UINT32_MAX);
    if (n == 0) {
        if (ret_dup)
            *ret_dup = 0;
        return VALUE_EMPTY_MAP;
    }
    ValueEntry *own = new_entries(a, n);
    memcpy(own, entries, n * sizeof *own);
    return finish_map(a, own, n, ret_dup);
}

Value value_with(Arena *a, Value v, Str key, Value value) {
    ASSERT(v.type == V_MAP || v.type == V_ABSENT);
    ASSERT(value.type != V_ABSENT);
    size_t n = v.type == V_MAP ? v.len : 0;
    ValueEntry *entries = new_entries(a, n + 1);
    if (n)
        memcpy(entries, v.map->entries, n * sizeof *entries);
    entries[n] = (ValueEntry){ value_str(key), value };
    return finish_map(a, entries, n + 1, NULL);
}

void list_add(ListBuilder *l, Value v) {
    ASSERT(v.type != V_ABSENT);
    ASSERT(l->n < UINT32_MAX);
    if (l->n == l->room) {
        size_t room = l->room ? l->room * 2 : 4;
        Value *items = arena_alloc(l->arena, room * sizeof *items);
        if (l->n)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->room = room;
    }
    l->items[l->n++] = v;
}
