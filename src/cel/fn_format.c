/* format(): "%s has %d items (%.1f %%)".format([name, n, share]).
 *
 *   %s any value as text   %d int, uint, or a double that is not finite   %f %e numbers, with %.3f and the like
 *   %b bits of an int, uint or bool   %o octal   %x %X hexadecimal of an int, uint, string or bytes   %% a percent sign */
#include "cel/order.h"

#include "cel/function.h"

#include <math.h>
#include <stdio.h>

typedef struct Verb {
    char letter;
    int precision; /* 6 unless given */
} Verb;

static void write_any(Eval *ev, Buf *b, Value v);

static void write_items(Eval *ev, Buf *b, Value v) {
    buf_char(b, '[');
    for (uint32_t i = 0; i < v.len; i++) {
        if (i)
            buf_str_add(b, STR(", "));
        write_any(ev, b, v.items[i]);
    }
    buf_char(b, ']');
}

static Value key_text(Eval *ev, Value key) {
    Buf b = text_buf(ev);
    write_any(ev, &b, key);
    return text_of_buf(ev, &b);
}

/* Keys stand in the order of their text, whatever their type. */
static void write_entries(Eval *ev, Buf *b, Value v) {
    Value *keys = take_values(ev, v.len), *numbers = take_values(ev, v.len);
    for (uint32_t i = 0; keys && numbers && i < v.len; i++) {
        keys[i] = key_text(ev, v.map->entries[i].key);
        numbers[i] = value_int(i);
        if (value_absent(keys[i]))
            return;
    }
    Value order = keys && numbers ? order_by_keys(ev, numbers, keys, v.len) : VALUE_ABSENT;
    if (value_absent(order))
        return;
    buf_char(b, '{');
    for (uint32_t i = 0; i < order.len; i++) {
        int64_t number = order.items[i].i;
        buf_str_add(b, i ? STR(", ") : STR(""));
        buf_str_add(b, value_as_str(keys[number]));
        buf_str_add(b, STR(": "));
        write_any(ev, b, v.map->entries[number].value);
    }
    buf_char(b, '}');
}

static void write_any(Eval *ev, Buf *b, Value v) {
    switch ((ValueType)v.type) {
    case V_ABSENT:
    case V_NULL: buf_str_add(b, STR("null")); return;
    case V_BOOL: buf_str_add(b, v.b ? STR("true") : STR("false")); return;
    case V_INT: buf_fmt(b, "%lld", (long long)v.i); return;
    case V_UINT: buf_fmt(b, "%llu", (unsigned long long)v.u); return;
    case V_DOUBLE: write_number(b, v.d); return;
    case V_STRING:
    case V_BYTES:
    case V_TYPE:
    case V_NET: buf_str_add(b, value_as_str(v)); return;
    case V_LIST: write_items(ev, b, v); return;
    case V_MAP: write_entries(ev, b, v); return;
    case V_TIMESTAMP: write_timestamp(b, v); return;
    case V_DURATION: write_duration(b, v); return;
    case V_OPTIONAL:
        if (v.opt)
            write_any(ev, b, *v.opt);
        return;
    }
}

static bool is_number(Value v) { return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE; }

static double as_double(Value v) {
    return v.type == V_DOUBLE ? v.d : v.type == V_INT ? (double)v.i : (double)v.u;
}

static bool write_decimal(Buf *b, Value v) {
    if (v.type == V_INT)
        buf_fmt(b, "%lld", (long long)v.i);
    else if (v.type == V_UINT)
        buf_fmt(b, "%llu", (unsigned long long)v.u);
    else if (v.type == V_DOUBLE && (isnan(v.d) || isinf(v.d)))
        write_number(b, v.d);
    else
        return false;
    return true;
}

static bool write_fraction(Buf *b, Verb verb, Value v) {
    if (!is_number(v))
        return false;
    double d = as_double(v);
    if (isnan(d) || isinf(d))
        write_number(b, d);
    else if (verb.letter == 'e')
        buf_fmt(b, "%.*e", verb.precision, d);
    else
        buf_fmt(b, "%.*f", verb.precision, d);
    return true;
}

/* An int is written as its sign and magnitude, as people read it, not as two's complement. */
static bool write_in_base(Buf *b, unsigned bits_per_digit, bool upper, Value v) {
    bool negative = v.type == V_INT && v.i < 0;
    uint64_t magnitude = v.type == V_BOOL ? v.b : negative ? 0 - v.u : v.u;
    if (v.type != V_INT && v.type != V_UINT && (v.type != V_BOOL || bits_per_digit != 1))
        return false;
    char digits[65], *at = digits + sizeof digits;
    do {
        *--at = (upper ? "0123456789ABCDEF"
                       : "0123456789abcdef")[magnitude & ((1u << bits_per_digit) - 1)];
        magnitude >>= bits_per_digit;
    } while (magnitude);
    if (negative)
        buf_char(b, '-');
    buf_add(b, at, (size_t)(digits + sizeof digits - at));
    return true;
}

static bool write_hex(Buf *b, bool upper, Value v) {
    if (v.type != V_STRING && v.type != V_BYTES)
        return write_in_base(b, 4, upper, v);
    for (uint32_t i = 0; i < v.len; i++)
        buf_fmt(b, upper ? "%02X" : "%02x", (unsigned)(unsigned char)v.s[i]);
    return true;
}

/* False when the verb does not take such a value. */
static bool write_verb(Eval *ev, Buf *b, Verb verb, Value v) {
    switch (verb.letter) {
    case 's': write_any(ev, b, v); return true;
    case 'd': return write_decimal(b, v);
    case 'f':
    case 'e': return write_fraction(b, verb, v);
    case 'b': return write_in_base(b, 1, false, v);
    case 'o': return v.type != V_BOOL && write_in_base(b, 3, false, v);
    default: return write_hex(b, verb.letter == 'X', v);
    }
}

/* Reads what follows a `%` at *at; false (reported) when it is no verb. */
static bool read_verb(Eval *ev, Str format, size_t *at, Verb *ret_verb) {
    /* The digits a double can have, and room to spare; more would only be zeros. */
    enum { PRECISION_MAX = 99 };
    int precision = 6;
    if (*at < format.len && format.p[*at] == '.') {
        precision = 0;
        for (++*at; *at < format.len && format.p[*at] >= '0' && format.p[*at] <= '9'; ++*at)
            precision = MIN(precision * 10 + (format.p[*at] - '0'), PRECISION_MAX + 1);
    }
    if (precision > PRECISION_MAX) {
        fail(ev, "format() writes at most %d digits", PRECISION_MAX);
        return false;
    }
    char letter = *at < format.len ? format.p[(*at)++] : '\0';
    if (!letter || !strchr("sdfeboxX%", letter)) {
        fail(ev, "format() has no verb %%%c; it knows %%s %%d %%f %%e %%b %%o %%x %%X %%%%",
             letter > ' ' && letter < 0x7f ? letter : '?');
        return false;
    }
    *ret_verb = (Verb){ letter, precision };
    return true;
}

/* One verb with its argument, the next of the list unless it is %%. */
static bool format_verb(Eval *ev, Buf *b, Verb verb, Value args, uint32_t *next) {
    if (verb.letter == '%') {
        buf_char(b, '%');
        return true;
    }
    if (*next == args.len) {
        fail(ev, "format() has more verbs than the %u values in its list", args.len);
        return false;
    }
    Value v = args.items[(*next)++];
    if (write_verb(ev, b, verb, v))
        return !ev->over;
    fail(ev, "format(): %%%c does not take a %s; %%s takes anything", verb.letter, type_word(v));
    return false;
}

static bool format_all(Eval *ev, Buf *b, Str format, Value args) {
    uint32_t next = 0;
    for (size_t at = 0; at < format.len;) {
        const char *percent = memchr(format.p + at, '%', format.len - at);
        size_t plain = percent ? (size_t)(percent - format.p) : format.len;
        buf_str_add(b, str_slice(format, at, plain));
        at = plain + 1;
        Verb verb;
        if (percent &&
            (!read_verb(ev, format, &at, &verb) || !format_verb(ev, b, verb, args, &next)))
            return false;
    }
    return true;
}

Value fn_format(Eval *ev, const Value *args, size_t n) {
    (void)n;
    if (!charge_bytes(ev, args[0].len) || !charge_value(ev, args[1]))
        return VALUE_ABSENT;
    Buf b = text_buf(ev);
    if (format_all(ev, &b, value_as_str(args[0]), args[1]))
        return text_of_buf(ev, &b);
    buf_deinit(&b);
    return VALUE_ABSENT;
}
