/* Rules that need no other schema: types, numbers, texts, sizes, equality. */
#include "spec/schema_node.h"

#include "base/hash.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>

/* ---- what JSON has ---- */

static Value as_text(Check *c, Value v) {
    Str text = value_text(&c->scratch, v);
    if (text.len >= 2 && text.p[0] == '"')
        text = str_slice(text, 1, text.len - 1);
    return value_str(text);
}

Value schema_view(Check *c, Value v) {
    switch (v.type) {
    case V_ABSENT: return VALUE_NULL;
    case V_BYTES:
    case V_TIMESTAMP:
    case V_DURATION:
    case V_TYPE:
    case V_NET: return as_text(c, v);
    case V_OPTIONAL: return v.opt ? schema_view(c, *v.opt) : VALUE_NULL;
    default: return v;
    }
}

Str schema_key(Check *c, Value key) {
    return value_as_str(key.type == V_STRING ? key : as_text(c, key));
}

uint8_t schema_type(Value v) {
    switch (v.type) {
    case V_NULL: return IS_NULL;
    case V_BOOL: return IS_BOOLEAN;
    case V_INT:
    case V_UINT: return IS_INTEGER;
    case V_DOUBLE: return isfinite(v.d) && v.d == floor(v.d) ? IS_INTEGER : IS_FRACTION;
    case V_STRING: return IS_STRING;
    case V_LIST: return IS_ARRAY;
    case V_MAP: return IS_OBJECT;
    default: UNREACHABLE("type of a value that JSON has");
    }
}

/* ---- texts ---- */

bool schema_pattern_found(Check *c, const Pattern *p, Str text) {
    PatternSpan spans[PATTERN_SPANS];
    bool found = false;
    if (!c->search)
        c->search = pattern_search_new();
    if (pattern_find(c->search, p, text, 0, &c->steps, &found, spans))
        c->stopped = true; /* the cost; or no UTF-8, which no value from outside holds */
    return found;
}

static bool length_between(Check *c, const SchemaRule *rule, Value v, Trouble *ret) {
    schema_pay(c, v.len / 64);
    ret->count = (int64_t)str_codepoints(value_as_str(v));
    return ret->count >= rule->min && ret->count <= rule->max;
}

/* ---- multipleOf ---- */

/* A number as people write it: digits * 10^exponent, without its sign. */
typedef struct Decimal {
    uint64_t digits;
    int exponent;
} Decimal;

/* Of the shortest text that reads back: at most 17 digits that are not zeros at its end. */
static Decimal decimal_of_double(double d) {
    Decimal result = { 0, 0 };
    Buf b = BUF_INIT(64);
    json_write_double(&b, fabs(d));
    Str s = buf_str(&b);
    bool fraction = false;
    int zeros = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == 'e' || s.p[i] == 'E') {
            int64_t exponent = 0;
            size_t sign = i + 1 < s.len && s.p[i + 1] == '+';
            str_to_i64(str_slice(s, i + 1 + sign, s.len), &exponent);
            result.exponent += (int)exponent;
            break;
        }
        if (s.p[i] == '.') {
            fraction = true;
            continue;
        }
        result.exponent -= fraction;
        zeros++;
        if (s.p[i] == '0')
            continue;
        for (; zeros; zeros--)
            result.digits *= 10;
        result.digits += (uint64_t)(s.p[i] - '0');
    }
    result.exponent += zeros;
    buf_deinit(&b);
    return result;
}

static Decimal decimal_of(Value v) {
    if (v.type == V_DOUBLE)
        return decimal_of_double(v.d);
    if (v.type == V_UINT)
        return (Decimal){ v.u, 0 };
    return (Decimal){ v.i < 0 ? 0 - (uint64_t)v.i : (uint64_t)v.i, 0 };
}

static uint64_t add_mod(uint64_t a, uint64_t b, uint64_t m) {
    return a >= m - b ? a - (m - b) : a + b;
}

static uint64_t multiply_mod(uint64_t a, uint64_t b, uint64_t m) {
    uint64_t result = 0;
    for (a %= m; b; b >>= 1, a = add_mod(a, a, m))
        if (b & 1)
            result = add_mod(result, a, m);
    return result;
}

/* Exactly, where doubles would say that 0.3 is no multiple of 0.1. */
static bool is_multiple(Value v, Value of) {
    if (v.type == V_DOUBLE && !isfinite(v.d))
        return false;
    Decimal a = decimal_of(v), b = decimal_of(of);
    for (; a.digits && a.exponent < b.exponent; a.exponent++) {
        if (a.digits % 10)
            return false;
        a.digits /= 10;
    }
    uint64_t rest = a.digits % b.digits;
    for (int e = a.exponent; rest && e > b.exponent; e--)
        rest = multiply_mod(rest, 10, b.digits);
    return rest == 0;
}

/* ---- equality ---- */

static bool is_option(Check *c, Value options, Value v) {
    for (uint32_t i = 0; i < options.len && schema_pay(c, 1); i++)
        if (value_equal(options.items[i], v))
            return true;
    return false;
}

static uint64_t mixed(uint64_t a, uint64_t b) {
    uint64_t both[2] = { a, b };
    return hash_fast((Str){ (const char *)both, sizeof both }, 0);
}

/* Equal numbers have one hash, whatever they are held in. */
static uint64_t hash_number(Value v) {
    if (v.type == V_DOUBLE && v.d >= -0x1p63 && v.d < 0x1p63 && v.d == floor(v.d))
        v = value_int((int64_t)v.d);
    else if (v.type == V_DOUBLE && v.d >= 0x1p63 && v.d < 0x1p64)
        v = value_uint((uint64_t)v.d);
    return mixed(V_INT, v.u);
}

/* *size: the nodes of it, and 64 bytes of a text count as one. */
static uint64_t hash_value(Check *c, Value v, size_t *size) {
    v = schema_view(c, v);
    uint64_t hash = v.type;
    *size += 1 + (v.type == V_STRING ? v.len / 64 : 0);
    if (!schema_pay(c, 1 + (v.type == V_STRING ? v.len / 64 : 0)))
        return 0;
    switch (v.type) {
    case V_BOOL: return mixed(V_BOOL, v.b);
    case V_INT:
    case V_UINT:
    case V_DOUBLE: return hash_number(v);
    case V_STRING: return hash_fast(value_as_str(v), V_STRING);
    case V_LIST:
        for (uint32_t i = 0; i < v.len; i++)
            hash = mixed(hash, hash_value(c, v.items[i], size));
        return hash;
    case V_MAP:
        for (uint32_t i = 0; i < v.len; i++)
            hash += mixed(hash_fast(schema_key(c, value_entry(v, i).key), V_MAP),
                          hash_value(c, value_entry(v, i).value, size));
        return hash;
    default: return hash;
    }
}

typedef struct Hashed {
    uint64_t hash;
    size_t size;
    uint32_t index;
} Hashed;

static int by_hash(const void *a, const void *b) {
    const Hashed *x = a, *y = b;
    int order = (x->hash > y->hash) - (x->hash < y->hash);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool all_different(Check *c, Value list, Trouble *ret) {
    if (list.len < 2 || !schema_pay(c, list.len))
        return true;
    Hashed *items = ARENA_ARRAY(&c->scratch, Hashed, list.len);
    for (uint32_t i = 0; i < list.len; i++) {
        items[i].index = i;
        items[i].hash = hash_value(c, list.items[i], &items[i].size);
    }
    qsort(items, list.len, sizeof *items, by_hash);
    for (uint32_t i = 0; i < list.len; i++)
        for (uint32_t k = i + 1; k < list.len && items[k].hash == items[i].hash; k++) {
            if (!schema_pay(c, MIN(items[i].size, items[k].size)))
                return true;
            if (!value_equal(list.items[items[i].index], list.items[items[k].index]))
                continue;
            ret->count = items[i].index;
            ret->other = items[k].index;
            return false;
        }
    return true;
}

/* ---- one rule ---- */

static bool between(const SchemaRule *rule, Value v, Trouble *ret) {
    ret->count = v.len;
    return ret->count >= rule->min && ret->count <= rule->max;
}

bool schema_rule_holds(Check *c, const SchemaRule *rule, Value v, Trouble *ret) {
    switch (rule->kind) {
    case RULE_TYPE: return rule->types & schema_type(v);
    case RULE_CONST: return value_equal(rule->value, v);
    case RULE_ENUM: return is_option(c, rule->value, v);
    case RULE_MINIMUM: return value_compare(v, rule->value) >= 0;
    case RULE_MAXIMUM: return value_compare(v, rule->value) <= 0;
    case RULE_MORE_THAN: return value_compare(v, rule->value) == 1;
    case RULE_LESS_THAN: return value_compare(v, rule->value) == -1;
    case RULE_MULTIPLE_OF: return is_multiple(v, rule->value);
    case RULE_MIN_LENGTH:
    case RULE_MAX_LENGTH: return length_between(c, rule, v, ret);
    case RULE_PATTERN: return schema_pattern_found(c, rule->pattern, value_as_str(v));
    case RULE_MIN_ITEMS:
    case RULE_MAX_ITEMS:
    case RULE_MIN_PROPERTIES:
    case RULE_MAX_PROPERTIES: return between(rule, v, ret);
    case RULE_UNIQUE: return all_different(c, v, ret);
    default: UNREACHABLE("a rule with schemas in it");
    }
}
