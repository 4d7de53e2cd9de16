/* The one value: immutable, in an arena, 16 bytes by value; shared by expressions, kernel and schemas.
 *
 * It has CEL's types (JSON's are a subset). Lists and maps point at arrays in an arena and are never changed after they
 * are built; maps keep insertion order, and those above a few keys carry a sorted index for lookup (no hashing, so no
 * flooding and no dependence on a seed). A value borrows its arena: copy with value_copy() to move it to another. Trees
 * never cross threads; their canonical bytes do. */
#ifndef BATON_BASE_VALUE_H
#define BATON_BASE_VALUE_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum ValueType {
    /* not a value: "nothing here", the result of a failed lookup; never stored in a list or map */
    V_ABSENT = 0,
    V_NULL,
    V_BOOL,
    V_INT,
    V_UINT,
    V_DOUBLE,
    V_STRING,
    V_BYTES,
    V_LIST,
    V_MAP,
    V_TIMESTAMP, /* .i seconds since 1970 UTC, .len nanoseconds 0..999999999; years 0001..9999 */
    V_DURATION,  /* .i nanoseconds */
    V_TYPE,      /* .s the name of a type: "int", "google.protobuf.Timestamp" */
    V_OPTIONAL,  /* .opt the value within, NULL for none */
    V_NET,       /* .s an address or a range of addresses as its one text: "::1", "10.0.0.0/8" */
} ValueType;

typedef struct Value Value;
typedef struct ValueMap ValueMap;
struct Value {
    uint8_t type;
    /* bytes of a string, items of a list, entries of a map, nanoseconds of a timestamp */
    uint32_t len;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        const char *s; /* not NUL-terminated */
        const Value *items;
        const ValueMap *map;
        const Value *opt;
    };
};
typedef struct ValueEntry {
    Value key, value; /* keys: bool, int, uint or string; from JSON always string */
} ValueEntry;
struct ValueMap {
    const uint32_t *sorted; /* entry numbers in key order, or NULL for small maps */
    ValueEntry entries[];
};

#define VALUE_ABSENT ((Value){ .type = V_ABSENT })
#define VALUE_NULL ((Value){ .type = V_NULL })
static inline Value value_bool(bool b) { return (Value){ .type = V_BOOL, .b = b }; }
static inline Value value_int(int64_t i) { return (Value){ .type = V_INT, .i = i }; }
static inline Value value_uint(uint64_t u) { return (Value){ .type = V_UINT, .u = u }; }
static inline Value value_double(double d) { return (Value){ .type = V_DOUBLE, .d = d }; }
/* Borrows the bytes. */
static inline Value value_str(Str s) {
    ASSERT(s.len <= UINT32_MAX);
    return (Value){ .type = V_STRING, .len = (uint32_t)s.len, .s = s.p ? s.p : "" };
}
static inline Str value_as_str(Value v) {
    ASSERT(v.type == V_STRING || v.type == V_BYTES || v.type == V_TYPE || v.type == V_NET);
    return (Str){ v.s, v.len };
}
static inline bool value_is(Value v, ValueType t) { return v.type == t; }
static inline bool value_absent(Value v) { return v.type == V_ABSENT; }
/* Borrows the items. */
static inline Value value_list(const Value *items, size_t n) {
    ASSERT(n <= UINT32_MAX);
    return (Value){ .type = V_LIST, .len = (uint32_t)n, .items = items };
}
#define VALUE_EMPTY_LIST ((Value){ .type = V_LIST })
#define VALUE_EMPTY_MAP ((Value){ .type = V_MAP })

/* "int", "google.protobuf.Duration", "null_type", ...: CEL's name of a value's type. */
Str value_type_name(Value v);
/* Copies everything the value points at into `a`, at any depth that JSON and one expression can make. */
Value value_copy(Arena *a, Value v);
/* CEL's ==: numbers compare across int, uint and double; everything else by type and content; NaN is not itself. */
bool value_equal(Value a, Value b);
/* Same type and same content at every level: what canonical text would say (so the order of entries does not matter,
 * NaN is itself and -0.0 is not 0.0). For tests and for comparing what is stored. */
bool value_same(Value a, Value b);
/* CEL's order of numbers, strings, bytes, bools, timestamps, durations: -1 0 1, or 2 when not comparable (or NaN). */
int value_compare(Value a, Value b);

/* Map lookup by a string key; VALUE_ABSENT if there is none or `v` is no map. */
Value value_get(Value v, Str key);
Value value_getz(Value v, const char *key);
/* Lookup by any CEL key; numbers match across types (1 finds 1u and 1.0 finds 1). */
Value value_get_key(Value v, Value key);
static inline ValueEntry value_entry(Value v, size_t n) {
    ASSERT(v.type == V_MAP && n < v.len);
    return v.map->entries[n];
}

/* Builds a map or a list of unknown length. Duplicate keys: the caller decides with the result of put. */
typedef struct MapBuilder {
    Arena *arena;
    ValueEntry *entries;
    size_t n, room;
} MapBuilder;
static inline MapBuilder map_builder(Arena *a) { return (MapBuilder){ .arena = a }; }
/* Adds without looking for duplicates: map_done() finds them. */
void map_add(MapBuilder *m, Value key, Value value);
void map_adds(MapBuilder *m, Str key, Value value);
void map_addz(MapBuilder *m, const char *key, Value value);
/* What is empty or zero is left out. */
void map_add_text(MapBuilder *m, const char *key, Str text);
void map_add_count(MapBuilder *m, const char *key, int64_t n);
/* RFC 3339 with milliseconds, or null for 0. */
Value value_time_text(int64_t ms, Arena *a);
/* Finishes the map. With duplicate keys the first keeps its place and the last value wins, and *ret_dup (may be NULL)
 * is the number of the later entry + 1 (0: none). */
Value map_done(MapBuilder *m, size_t *ret_dup);
/* The same from an array of entries, which is copied. */
Value map_from(Arena *a, const ValueEntry *entries, size_t n, size_t *ret_dup);
/* A copy of map `v` (or an empty one, if absent) with key set. Other values are shared, not copied. */
Value value_with(Arena *a, Value v, Str key, Value value);

typedef struct ListBuilder {
    Arena *arena;
    Value *items;
    size_t n, room;
} ListBuilder;
static inline ListBuilder list_builder(Arena *a) { return (ListBuilder){ .arena = a }; }
void list_add(ListBuilder *l, Value v);
static inline Value list_done(ListBuilder *l) { return value_list(l->items, l->n); }

/* The canonical form: sorted keys (byte order), no spaces, shortest doubles that read back (with ".0" when integral, so
 * that 1.0 and 1 differ and keep their types), RFC 8259 escapes only where required. Every hash is over these bytes.
 * Types JSON lacks: uint as an integer; bytes as base64 text; timestamp as RFC 3339; duration as "3.5s"; NaN and the
 * infinities as text; optional as its content, none as null; type as its name; address as its text; non-string keys as
 * their text (where that makes two keys the same, the later entry wins). Ill-formed UTF-8 is written as U+FFFD. A value
 * nested deeper than LIMIT_DEPTH turns the buffer `over`: it could not be read back. */
void value_write(Buf *b, Value v);
/* Two-space indented, insertion order: for people. */
void value_write_pretty(Buf *b, Value v);
/* Canonical text in an arena; STR_NULL if it is too deep or above LIMIT_VALUE_BYTES. */
Str value_text(Arena *a, Value v);
/* What a string interpolation joins: a string as it is (borrowed), everything else as canonical JSON. */
Str value_plain(Arena *a, Value v);

#endif
