/* What may be asked of values: equality, order, lookup, copies.
 *
 * CEL compares int, uint and double by their mathematical value, so a double is never made of an integer here: 2^53 + 1
 * and 2^53 would become the same. The double is cut to an integer instead, which is exact within range, and what was cut
 * off decides between equals. */
#include "base/value.h"

#include "base/limits.h"
#include "base/value_keys.h"

#include <math.h>

/* Values come from JSON of LIMIT_DEPTH, which expressions of LIMIT_CEL_DEPTH may wrap; what is written is bounded
 * again. Ten times their sum is a loop that wraps its own result without ever writing it. */
enum { NESTING_MAX = 10 * (LIMIT_DEPTH + LIMIT_CEL_DEPTH) };

enum { UNORDERED = 2 };

Str value_type_name(Value v) {
    switch ((ValueType)v.type) {
    case V_ABSENT: return STR("absent");
    case V_NULL: return STR("null_type");
    case V_BOOL: return STR("bool");
    case V_INT: return STR("int");
    case V_UINT: return STR("uint");
    case V_DOUBLE: return STR("double");
    case V_STRING: return STR("string");
    case V_BYTES: return STR("bytes");
    case V_LIST: return STR("list");
    case V_MAP: return STR("map");
    case V_TIMESTAMP: return STR("google.protobuf.Timestamp");
    case V_DURATION: return STR("google.protobuf.Duration");
    case V_TYPE: return STR("type");
    case V_OPTIONAL: return STR("optional_type");
    case V_NET: return memchr(v.s, '/', v.len) ? STR("net.CIDR") : STR("net.IP");
    }
    UNREACHABLE("every type has a name");
}

static Value copy_at(Arena *a, Value v, int depth);

static Value copy_list(Arena *a, Value v, int depth) {
    Value *items = arena_alloc(a, v.len * sizeof *items);
    for (size_t i = 0; i < v.len; i++)
        items[i] = copy_at(a, v.items[i], depth);
    v.items = items;
    return v;
}

static Value copy_map(Arena *a, Value v, int depth) {
    if (v.len == 0)
        return v.map = NULL, v;
    ValueMap *map = arena_alloc(a, sizeof *map + v.len * sizeof *map->entries);
    for (size_t i = 0; i < v.len; i++) {
        map->entries[i].key = copy_at(a, v.map->entries[i].key, depth);
        map->entries[i].value = copy_at(a, v.map->entries[i].value, depth);
    }
    map->sorted = NULL;
    if (v.map->sorted) {
        uint32_t *sorted = arena_alloc(a, v.len * sizeof *sorted);
        map->sorted = memcpy(sorted, v.map->sorted, v.len * sizeof *sorted);
    }
    v.map = map;
    return v;
}

static Value copy_at(Arena *a, Value v, int depth) {
    ASSERT(depth <= NESTING_MAX);
    switch (v.type) {
    case V_STRING:
    case V_BYTES:
    case V_TYPE:
    case V_NET: v.s = arena_str(a, value_as_str(v)).p; return v;
    case V_LIST: return copy_list(a, v, depth + 1);
    case V_MAP: return copy_map(a, v, depth + 1);
    case V_OPTIONAL:
        if (v.opt) {
            Value *within = ARENA_NEW(a, Value);
            *within = copy_at(a, *v.opt, depth + 1);
            v.opt = within;
        }
        return v;
    default: return v;
    }
}

Value value_copy(Arena *a, Value v) { return copy_at(a, v, 0); }

static int order_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int order_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int order_double(double a, double b) {
    return isnan(a) || isnan(b) ? UNORDERED : (a > b) - (a < b);
}

static int order_int_uint(int64_t a, uint64_t b) { return a < 0 ? -1 : order_u64((uint64_t)a, b); }

static int order_int_double(int64_t a, double b) {
    if (isnan(b))
        return UNORDERED;
    if (b >= 0x1p63)
        return -1;
    if (b < -0x1p63)
        return 1;
    int64_t whole = (int64_t)b;
    double rest = b - (double)whole; /* exact: a double above 2^53 has no fraction */
    return a != whole ? order_i64(a, whole) : (rest < 0) - (rest > 0);
}

static int order_uint_double(uint64_t a, double b) {
    if (isnan(b))
        return UNORDERED;
    if (b >= 0x1p64)
        return -1;
    if (b < 0)
        return 1;
    uint64_t whole = (uint64_t)b;
    return a != whole ? order_u64(a, whole) : -(b > (double)whole);
}

static int reversed(int order) { return order == UNORDERED ? order : -order; }

static bool is_number(Value v) { return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE; }

static int order_numbers(Value a, Value b) {
    if (a.type > b.type)
        return reversed(order_numbers(b, a));
    if (a.type == V_INT) {
        if (b.type == V_INT)
            return order_i64(a.i, b.i);
        return b.type == V_UINT ? order_int_uint(a.i, b.u) : order_int_double(a.i, b.d);
    }
    if (a.type == V_UINT)
        return b.type == V_UINT ? order_u64(a.u, b.u) : order_uint_double(a.u, b.d);
    return order_double(a.d, b.d);
}

static int sign_of(int order) { return (order > 0) - (order < 0); }

int value_compare(Value a, Value b) {
    if (is_number(a) && is_number(b))
        return order_numbers(a, b);
    if (a.type != b.type)
        return UNORDERED;
    switch (a.type) {
    case V_BOOL: return a.b - b.b;
    case V_STRING:
    case V_BYTES: return sign_of(str_cmp(value_as_str(a), value_as_str(b)));
    case V_TIMESTAMP: return a.i != b.i ? order_i64(a.i, b.i) : order_u64(a.len, b.len);
    case V_DURATION: return order_i64(a.i, b.i);
    default: return UNORDERED;
    }
}

static int rank(Value key) { return key.type == V_BOOL ? 0 : key.type == V_STRING ? 2 : 1; }

int value_key_order(Value a, Value b) {
    if (a.type == V_STRING && b.type == V_STRING)
        return sign_of(str_cmp(value_as_str(a), value_as_str(b)));
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    int order = value_compare(a, b);
    if (order != UNORDERED)
        return order;
    return (a.type == V_DOUBLE && isnan(a.d)) - (b.type == V_DOUBLE && isnan(b.d));
}

/* Number of the entry with this key, or -1. */
static ptrdiff_t find_sorted(Value map, Value key) {
    size_t from = 0, to = map.len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        uint32_t n = map.map->sorted[middle];
        int order = value_key_order(map.map->entries[n].key, key);
        if (order == 0)
            return (ptrdiff_t)n;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return -1;
}

static ptrdiff_t find_entry(Value map, Value key) {
    if (map.len == 0)
        return -1;
    if (map.map->sorted)
        return find_sorted(map, key);
    for (size_t i = 0; i < map.len; i++)
        if (value_key_order(map.map->entries[i].key, key) == 0)
            return (ptrdiff_t)i;
    return -1;
}

Value value_get_key(Value v, Value key) {
    if (v.type != V_MAP || !(value_key_is_valid(key) || key.type == V_DOUBLE))
        return VALUE_ABSENT;
    ptrdiff_t n = find_entry(v, key);
    return n < 0 ? VALUE_ABSENT : v.map->entries[n].value;
}

static bool key_is(const Value *key, Str s) {
    return key->type == V_STRING && key->len == s.len && memcmp(key->s, s.p, s.len) == 0;
}

Value value_get(Value v, Str key) {
    if (v.type != V_MAP || v.len == 0 || !key.p)
        return VALUE_ABSENT;
    if (v.map->sorted)
        return value_get_key(v, value_str(key));
    for (const ValueEntry *e = v.map->entries, *end = e + v.len; e < end; e++)
        if (key_is(&e->key, key))
            return e->value;
    return VALUE_ABSENT;
}

Value value_getz(Value v, const char *key) { return value_get(v, str_from(key)); }

/* The two equalities differ in how leaves compare; what is made of leaves is compared by one walk. */
typedef struct Equality {
    bool strict;
} Equality;

static bool same_double(double a, double b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static bool leaves_equal(Equality how, Value a, Value b) {
    if (how.strict && a.type == V_DOUBLE)
        return same_double(a.d, b.d);
    return value_compare(a, b) == 0;
}

static bool equal_at(Equality how, Value a, Value b, int depth);

static bool lists_equal(Equality how, Value a, Value b, int depth) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (!equal_at(how, a.items[i], b.items[i], depth))
            return false;
    return true;
}

static bool maps_equal(Equality how, Value a, Value b, int depth) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        const ValueEntry *e = &a.map->entries[i];
        ptrdiff_t n = find_entry(b, e->key);
        if (n < 0 || (how.strict && b.map->entries[n].key.type != e->key.type))
            return false;
        if (!equal_at(how, e->value, b.map->entries[n].value, depth))
            return false;
    }
    return true;
}

static bool optionals_equal(Equality how, Value a, Value b, int depth) {
    if (!a.opt || !b.opt)
        return a.opt == b.opt;
    return equal_at(how, *a.opt, *b.opt, depth);
}

static bool equal_at(Equality how, Value a, Value b, int depth) {
    ASSERT(depth <= NESTING_MAX);
    if (a.type != b.type && (how.strict || !is_number(a) || !is_number(b)))
        return false;
    switch (a.type) {
    case V_ABSENT:
    case V_NULL: return true;
    case V_TYPE:
    case V_NET: return str_eq(value_as_str(a), value_as_str(b));
    case V_LIST: return lists_equal(how, a, b, depth + 1);
    case V_MAP: return maps_equal(how, a, b, depth + 1);
    case V_OPTIONAL: return optionals_equal(how, a, b, depth + 1);
    default: return leaves_equal(how, a, b);
    }
}

bool value_equal(Value a, Value b) { return equal_at((Equality){ .strict = false }, a, b, 0); }

bool value_same(Value a, Value b) { return equal_at((Equality){ .strict = true }, a, b, 0); }
