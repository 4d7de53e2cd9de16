/* Values in binary, for snapshots: a type byte and the content, every type of base/value.h.
 *
 * Canonical JSON would lose types (a timestamp would come back as a text), and a loaded run must be the run that was
 * saved. Decoding trusts nothing: a length is checked before it is used, memory grows with what was really there. */
#include "kernel/codec.h"

#include "base/limits.h"
#include "base/time.h"

/* Type numbers are stored: they are V_* of base/value.h as of version 1 of the snapshot. */
_Static_assert(V_ABSENT == 0 && V_NULL == 1 && V_STRING == 6 && V_OPTIONAL == 13 && V_NET == 14,
               "stored numbers stay");

/* A value from outside is at most LIMIT_DEPTH deep; what the kernel builds around it adds a few levels. */
#define DEPTH_MAX (2 * LIMIT_DEPTH)
/* Up to here the array is made in one piece from the count that was read; above it grows with the items. */
#define COUNT_TRUSTED 1024

static void encode(Buf *b, Value v, unsigned depth);

static void encode_double(Buf *b, double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        buf_u8(b, (uint8_t)(bits >> 8 * i));
}

static void encode_list(Buf *b, Value v, unsigned depth) {
    buf_varint(b, v.len);
    for (uint32_t i = 0; i < v.len && !buf_over(b); i++)
        encode(b, v.items[i], depth + 1);
}

static void encode_map(Buf *b, Value v, unsigned depth) {
    buf_varint(b, v.len);
    for (uint32_t i = 0; i < v.len && !buf_over(b); i++) {
        ValueEntry e = value_entry(v, i);
        encode(b, e.key, depth + 1);
        encode(b, e.value, depth + 1);
    }
}

static void encode(Buf *b, Value v, unsigned depth) {
    if (depth > DEPTH_MAX) {
        b->over = true;
        return;
    }
    buf_u8(b, v.type);
    switch ((ValueType)v.type) {
    case V_ABSENT:
    case V_NULL: return;
    case V_BOOL: buf_u8(b, v.b); return;
    case V_INT:
    case V_DURATION: buf_svarint(b, v.i); return;
    case V_UINT: buf_varint(b, v.u); return;
    case V_DOUBLE: encode_double(b, v.d); return;
    case V_STRING:
    case V_BYTES:
    case V_TYPE:
    case V_NET: buf_blob(b, value_as_str(v)); return;
    case V_LIST: encode_list(b, v, depth); return;
    case V_MAP: encode_map(b, v, depth); return;
    case V_TIMESTAMP:
        buf_svarint(b, v.i);
        buf_varint(b, v.len);
        return;
    case V_OPTIONAL:
        buf_u8(b, v.opt != NULL);
        if (v.opt)
            encode(b, *v.opt, depth + 1);
        return;
    }
    UNREACHABLE("value type");
}

void value_encode(Buf *b, Value v) { encode(b, v, 0); }

static Value decode(Cursor *c, Arena *a, unsigned depth);

static double decode_double(Cursor *c) {
    Str s = cursor_bytes(c, 8);
    uint64_t bits = 0;
    for (size_t i = 0; i < s.len; i++)
        bits |= (uint64_t)(uint8_t)s.p[i] << 8 * i;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static Value decode_text(Cursor *c, Arena *a, ValueType type) {
    Str s = cursor_blob(c);
    if (s.len > UINT32_MAX)
        c->bad = true;
    if (c->bad)
        return VALUE_ABSENT;
    Value v = value_str(arena_str(a, s));
    v.type = (uint8_t)type;
    return v;
}

/* What stands in a list, a map or an optional is a value: "nothing here" is not. */
static Value decode_present(Cursor *c, Arena *a, unsigned depth) {
    Value v = decode(c, a, depth);
    if (value_absent(v))
        c->bad = true;
    return v;
}

static Value decode_list(Cursor *c, Arena *a, unsigned depth) {
    uint64_t n = cursor_varint(c);
    if (n > (size_t)(c->end - c->p))
        c->bad = true;
    if (c->bad || n == 0)
        return VALUE_EMPTY_LIST;
    ListBuilder l = list_builder(a);
    if (n <= COUNT_TRUSTED) {
        l.items = arena_alloc(a, (size_t)n * sizeof *l.items);
        l.room = (size_t)n;
    }
    for (uint64_t i = 0; i < n; i++) {
        Value v = decode_present(c, a, depth + 1);
        if (c->bad)
            return VALUE_ABSENT;
        list_add(&l, v);
    }
    return list_done(&l);
}

static bool is_key(Value v) {
    return v.type == V_STRING || v.type == V_INT || v.type == V_UINT || v.type == V_BOOL;
}

static Value decode_map(Cursor *c, Arena *a, unsigned depth) {
    uint64_t n = cursor_varint(c);
    if (n > (size_t)(c->end - c->p) / 2)
        c->bad = true;
    if (c->bad || n == 0)
        return VALUE_EMPTY_MAP;
    MapBuilder m = map_builder(a);
    for (uint64_t i = 0; i < n; i++) {
        Value key = decode(c, a, depth + 1);
        if (!is_key(key))
            c->bad = true;
        Value v = decode_present(c, a, depth + 1);
        if (c->bad)
            return VALUE_ABSENT;
        map_add(&m, key, v);
    }
    size_t dup = 0;
    Value v = map_done(&m, &dup);
    if (dup)
        c->bad = true;
    return v;
}

static Value decode_timestamp(Cursor *c) {
    Value v = { .type = V_TIMESTAMP, .i = cursor_svarint(c) };
    uint64_t nanos = cursor_varint(c);
    if (nanos > 999999999 || v.i < TIME_SECONDS_MIN || v.i > TIME_SECONDS_MAX)
        c->bad = true;
    v.len = (uint32_t)nanos;
    return v;
}

static Value decode_optional(Cursor *c, Arena *a, unsigned depth) {
    uint8_t some = cursor_u8(c);
    if (some > 1)
        c->bad = true;
    if (some != 1)
        return (Value){ .type = V_OPTIONAL };
    Value *within = ARENA_NEW(a, Value);
    *within = decode_present(c, a, depth + 1);
    return (Value){ .type = V_OPTIONAL, .opt = within };
}

static Value decode_bool(Cursor *c) {
    uint8_t b = cursor_u8(c);
    if (b > 1)
        c->bad = true;
    return value_bool(b == 1);
}

static Value decode(Cursor *c, Arena *a, unsigned depth) {
    uint8_t type = cursor_u8(c);
    if (depth > DEPTH_MAX || type > V_NET)
        c->bad = true;
    if (c->bad)
        return VALUE_ABSENT;
    switch ((ValueType)type) {
    case V_ABSENT: return VALUE_ABSENT;
    case V_NULL: return VALUE_NULL;
    case V_BOOL: return decode_bool(c);
    case V_INT: return value_int(cursor_svarint(c));
    case V_UINT: return value_uint(cursor_varint(c));
    case V_DOUBLE: return value_double(decode_double(c));
    case V_STRING:
    case V_BYTES:
    case V_TYPE:
    case V_NET: return decode_text(c, a, (ValueType)type);
    case V_LIST: return decode_list(c, a, depth);
    case V_MAP: return decode_map(c, a, depth);
    case V_TIMESTAMP: return decode_timestamp(c);
    case V_DURATION: return (Value){ .type = V_DURATION, .i = cursor_svarint(c) };
    case V_OPTIONAL: return decode_optional(c, a, depth);
    }
    UNREACHABLE("value type");
}

Value value_decode(Cursor *c, Arena *a) {
    Value v = decode(c, a, 0);
    return c->bad ? VALUE_ABSENT : v;
}
