/* A merge sort of item numbers: stable, n log n whatever the data is, and its comparisons are charged like any other
 * work.
 *
 * distinct() sorts too, by an order over all values in which equal values (as == sees them) are neighbours: by class of
 * type, then by content; lists and maps by length first. Maps of one length have the same form of index, so their keys
 * can be walked in one order. */
#include "cel/order.h"

#include <math.h>

static int class_of(Value v) { return v.type == V_UINT || v.type == V_DOUBLE ? V_INT : v.type; }

static int compare_all(const Value *a, const Value *b);

static int compare_lists(Value a, Value b) {
    for (uint32_t i = 0; i < a.len; i++) {
        int order = compare_all(&a.items[i], &b.items[i]);
        if (order)
            return order;
    }
    return 0;
}

/* Numbers of a map's entries in the order of its keys. Small maps carry none: `room` has space for them. */
static const uint32_t *sorted_entries(Value map, uint32_t *room, size_t room_for) {
    if (map.map->sorted || map.len > room_for)
        return map.map->sorted;
    for (uint32_t i = 0; i < map.len; i++) {
        uint32_t place = i;
        for (; place > 0; place--) {
            const Value *before = &map.map->entries[room[place - 1]].key;
            if (compare_all(before, &map.map->entries[i].key) <= 0)
                break;
            room[place] = room[place - 1];
        }
        room[place] = i;
    }
    return room;
}

static int compare_maps(Value a, Value b) {
    /* More than the largest map that has no index of its own. */
    enum { SMALL = 64 };
    uint32_t room_a[SMALL], room_b[SMALL];
    if (a.len == 0)
        return 0;
    const uint32_t *sorted_a = sorted_entries(a, room_a, SMALL),
                   *sorted_b = sorted_entries(b, room_b, SMALL);
    ASSERT(sorted_a && sorted_b);
    for (uint32_t i = 0; i < a.len; i++) {
        const ValueEntry *x = &a.map->entries[sorted_a[i]], *y = &b.map->entries[sorted_b[i]];
        int order = compare_all(&x->key, &y->key);
        if (order || (order = compare_all(&x->value, &y->value)))
            return order;
    }
    return 0;
}

/* NaN comes after all numbers; no two are equal, but they may stay neighbours: the caller asks value_equal(). */
static int compare_numbers(Value a, Value b) {
    bool a_nan = a.type == V_DOUBLE && isnan(a.d), b_nan = b.type == V_DOUBLE && isnan(b.d);
    return a_nan || b_nan ? a_nan - b_nan : value_compare(a, b);
}

static int compare_all(const Value *a, const Value *b) {
    if (class_of(*a) != class_of(*b))
        return class_of(*a) < class_of(*b) ? -1 : 1;
    switch ((ValueType)a->type) {
    case V_INT:
    case V_UINT:
    case V_DOUBLE: return compare_numbers(*a, *b);
    case V_LIST:
    case V_MAP:
        if (a->len != b->len)
            return a->len < b->len ? -1 : 1;
        return a->type == V_LIST ? compare_lists(*a, *b) : compare_maps(*a, *b);
    case V_TYPE:
    case V_NET: return str_cmp(value_as_str(*a), value_as_str(*b));
    case V_OPTIONAL:
        if (!a->opt || !b->opt)
            return (a->opt != NULL) - (b->opt != NULL);
        return compare_all(a->opt, b->opt);
    case V_ABSENT:
    case V_NULL: return 0;
    default: return value_compare(*a, *b);
    }
}

static bool merge(Eval *ev, const Value *keys, const uint32_t *from, uint32_t *to, size_t middle,
                  size_t end) {
    size_t left = 0, right = middle;
    for (size_t i = 0; i < end; i++) {
        if (!charge(ev, 1))
            return false;
        bool take_left = right == end ||
                         (left < middle && compare_all(&keys[from[left]], &keys[from[right]]) <= 0);
        to[i] = from[take_left ? left++ : right++];
    }
    return true;
}

/* Item numbers in the order of their keys; NULL when the budget is used up. */
static uint32_t *sorted_numbers(Eval *ev, const Value *keys, size_t n) {
    uint32_t *from = take(ev, n * sizeof *from);
    uint32_t *to = from ? take(ev, n * sizeof *to) : NULL;
    if (!to)
        return NULL;
    for (size_t i = 0; i < n; i++)
        from[i] = (uint32_t)i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t middle = MIN(width, n - start), end = MIN(2 * width, n - start);
            if (!merge(ev, keys, from + start, to + start, middle, end))
                return NULL;
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

static bool is_comparable(Value v) {
    switch ((ValueType)v.type) {
    case V_BOOL:
    case V_INT:
    case V_UINT:
    case V_DOUBLE:
    case V_STRING:
    case V_BYTES:
    case V_TIMESTAMP:
    case V_DURATION: return true;
    default: return false;
    }
}

Value order_by_keys(Eval *ev, const Value *items, const Value *keys, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!is_comparable(keys[i]))
            return fail(
                ev,
                "a %s has no order; sort by a number, a text or a time: x.sortBy(item, item.name)",
                type_word(keys[i]));
        if (class_of(keys[i]) != class_of(keys[0]))
            return fail(ev, "cannot order a %s and a %s; sort by values of one type",
                        type_word(keys[0]), type_word(keys[i]));
        if (!charge_value(ev, keys[i]))
            return VALUE_ABSENT;
    }
    uint32_t *numbers = sorted_numbers(ev, keys, n);
    Value *sorted = numbers ? take_values(ev, n) : NULL;
    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = items[numbers[i]];
    return sorted ? value_list(sorted, n) : VALUE_ABSENT;
}

Value order_distinct(Eval *ev, Value list) {
    if (!charge_value(ev, list))
        return VALUE_ABSENT;
    uint32_t *numbers = sorted_numbers(ev, list.items, list.len);
    bool *repeated = numbers ? take(ev, list.len) : NULL;
    Value *kept = repeated ? take_values(ev, list.len) : NULL;
    if (!kept)
        return VALUE_ABSENT;
    /* The sort is stable, so the first of equal neighbours is the first in the list. */
    for (size_t i = 0; i < list.len; i++)
        repeated[numbers[i]] = i > 0 &&
                               value_equal(list.items[numbers[i - 1]], list.items[numbers[i]]);
    size_t n = 0;
    for (size_t i = 0; i < list.len; i++)
        if (!repeated[i])
            kept[n++] = list.items[i];
    return value_list(kept, n);
}
