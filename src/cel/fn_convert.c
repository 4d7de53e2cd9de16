/* size(), type() and the conversions between simple types. A conversion that would lose the number fails; one that cuts
 * a fraction does not: int(1.9) is 1. */
#include "cel/function.h"

#include "base/json.h"
#include "base/time.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

Value fn_size(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    if (v.type != V_STRING)
        return value_int(v.len);
    if (!charge_bytes(ev, v.len))
        return VALUE_ABSENT;
    return value_int((int64_t)str_codepoints(value_as_str(v)));
}

Value fn_type(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    Value type = value_str(value_type_name(args[0]));
    type.type = V_TYPE;
    return type;
}

Value fn_dyn(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return args[0];
}

static Value fail_range(Eval *ev, Value v, const char *type) {
    Str text = value_plain(ev->arena, v);
    return fail(ev, "%.*s is outside of the range of %s", (int)MIN(text.len, (size_t)40), text.p,
                type);
}

static Value fail_text(Eval *ev, Value v, const char *type) {
    return fail(ev, "cannot read %s from '%.*s'", type, (int)MIN(v.len, 40u), v.s);
}

Value fn_int(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    int64_t i;
    switch ((ValueType)v.type) {
    case V_UINT: return v.u > INT64_MAX ? fail_range(ev, v, "int") : value_int((int64_t)v.u);
    case V_DOUBLE:
        /* The bounds themselves are refused too, as the specification's tests have it: they may be roundings. */
        return v.d > -0x1p63 && v.d < 0x1p63 ? value_int((int64_t)v.d) : fail_range(ev, v, "int");
    case V_STRING:
        return str_to_i64(value_as_str(v), &i) ? value_int(i) : fail_text(ev, v, "an int");
    case V_TIMESTAMP: return value_int(v.i);
    case V_DURATION: return value_int(v.i / 1000000000);
    default: return v;
    }
}

Value fn_uint(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    uint64_t u;
    switch ((ValueType)v.type) {
    case V_INT: return v.i < 0 ? fail_range(ev, v, "uint") : value_uint((uint64_t)v.i);
    case V_DOUBLE:
        return v.d > -1 && v.d < 0x1p64 ? value_uint((uint64_t)v.d) : fail_range(ev, v, "uint");
    case V_STRING:
        return str_to_u64(value_as_str(v), &u) ? value_uint(u) : fail_text(ev, v, "a uint");
    default: return v;
    }
}

/* Digits, point, exponent and sign, or one of the three words: strtod alone would also take blanks, hex and "nan(x)". */
static bool is_double_text(Str s) {
    if (str_is(s, "NaN") || str_is(s, "Infinity") || str_is(s, "-Infinity") ||
        str_is(s, "+Infinity") || str_is(s, "Inf") || str_is(s, "-Inf"))
        return true;
    bool digit = false;
    for (size_t i = 0; i < s.len; i++) {
        digit |= s.p[i] >= '0' && s.p[i] <= '9';
        if (!memchr("0123456789+-.eE", s.p[i], 15))
            return false;
    }
    return digit;
}

static Value double_from_text(Eval *ev, Value v) {
    char text[512], *end;
    if (v.len >= sizeof text || !is_double_text(value_as_str(v)))
        return fail_text(ev, v, "a double");
    memcpy(text, v.s, v.len);
    text[v.len] = '\0';
    double d = strtod(text, &end);
    return end == text + v.len ? value_double(d) : fail_text(ev, v, "a double");
}

Value fn_double(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    switch ((ValueType)v.type) {
    case V_INT: return value_double((double)v.i);
    case V_UINT: return value_double((double)v.u);
    case V_STRING: return double_from_text(ev, v);
    default: return v;
    }
}

void write_number(Buf *b, double d) {
    if (isnan(d) || isinf(d)) {
        buf_str_add(b, isnan(d) ? STR("NaN") : d > 0 ? STR("Infinity") : STR("-Infinity"));
        return;
    }
    json_write_double(b, d);
    if (str_ends(buf_str(b), STR(".0")))
        b->len -= 2;
}

static Value text_of_bytes(Eval *ev, Value v) {
    if (!charge_bytes(ev, v.len))
        return VALUE_ABSENT;
    if (!str_is_utf8(value_as_str(v)))
        return fail(ev,
                    "these bytes are not UTF-8 text; write base64.encode(x) to carry them as text");
    return value_str((Str){ v.s, v.len });
}

Value fn_string(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    if (v.type == V_STRING)
        return v;
    if (v.type == V_BYTES)
        return text_of_bytes(ev, v);
    Buf b = text_buf(ev);
    switch ((ValueType)v.type) {
    case V_BOOL: buf_str_add(&b, v.b ? STR("true") : STR("false")); break;
    case V_INT: buf_fmt(&b, "%lld", (long long)v.i); break;
    case V_UINT: buf_fmt(&b, "%llu", (unsigned long long)v.u); break;
    case V_DOUBLE: write_number(&b, v.d); break;
    case V_TIMESTAMP: write_timestamp(&b, v); break;
    case V_DURATION: write_duration(&b, v); break;
    default: buf_str_add(&b, value_as_str(v)); break;
    }
    return text_of_buf(ev, &b);
}

Value fn_bool(Eval *ev, const Value *args, size_t n) {
    (void)n;
    static const char *const yes[] = { "1", "t", "true", "TRUE", "True", "T" };
    static const char *const no[] = { "0", "f", "false", "FALSE", "False", "F" };
    if (args[0].type == V_BOOL)
        return args[0];
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_is(value_as_str(args[0]), yes[i]))
            return value_bool(true);
        if (str_is(value_as_str(args[0]), no[i]))
            return value_bool(false);
    }
    return fail_text(ev, args[0], "a bool");
}

Value fn_bytes(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    Value v = args[0];
    v.type = V_BYTES;
    return v;
}

/* ---- optionals ---- */

Value fn_optional_of(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return some(ev, args[0]);
}

Value fn_optional_none(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)args, (void)n;
    return none();
}

static bool is_zero(Value v) {
    switch ((ValueType)v.type) {
    case V_ABSENT:
    case V_NULL: return true;
    case V_BOOL: return !v.b;
    case V_INT:
    case V_UINT:
    case V_DURATION: return v.i == 0;
    case V_DOUBLE: return v.d == 0;
    case V_STRING:
    case V_BYTES:
    case V_LIST:
    case V_MAP: return v.len == 0;
    case V_TIMESTAMP:
    case V_TYPE:
    case V_NET: return false;
    case V_OPTIONAL: return !v.opt;
    }
    return false;
}

Value fn_optional_non_zero(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return is_zero(args[0]) ? none() : some(ev, args[0]);
}

Value fn_has_value(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_bool(args[0].opt != NULL);
}

Value fn_value(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return args[0].opt
               ? *args[0].opt
               : fail(ev, "value() of an empty optional; write orValue(x), or ask hasValue()");
}
