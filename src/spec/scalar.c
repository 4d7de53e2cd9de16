/* Scalars by the core schema of YAML 1.2 (section 10.3.2): no yes/no booleans, no octal by a leading zero, no dates. */
#include "spec/yaml.h"

#include "base/json.h"
#include <math.h>

static bool is_any(Str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_is(s, words[i]))
            return true;
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t count_digits(Str s, size_t at) {
    size_t n = 0;
    while (at + n < s.len && is_digit(s.p[at + n]))
        n++;
    return n;
}

/* 0o14 and 0x1F; false also where it does not fit 63 bits. */
static bool read_based(Str s, int64_t *ret_value) {
    if (s.len < 3 || s.p[0] != '0' || (s.p[1] != 'o' && s.p[1] != 'x'))
        return false;
    unsigned base = s.p[1] == 'o' ? 8 : 16;
    int64_t v = 0;
    for (size_t i = 2; i < s.len; i++) {
        char c = s.p[i];
        unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 99;
        if (digit >= base || v > (INT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *ret_value = v;
    return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_number(Str s) {
    size_t at = s.len && (s.p[0] == '-' || s.p[0] == '+');
    size_t whole = count_digits(s, at), fraction = 0;
    at += whole;
    if (at < s.len && s.p[at] == '.') {
        fraction = count_digits(s, ++at);
        at += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (at < s.len && (s.p[at] == 'e' || s.p[at] == 'E')) {
        at++;
        at += at < s.len && (s.p[at] == '-' || s.p[at] == '+');
        size_t digits = count_digits(s, at);
        if (digits == 0)
            return false;
        at += digits;
    }
    return at == s.len;
}

/* JSON wants no plus, no leading zeros, and digits on both sides of the point. */
static Value read_number(Str s, Arena *a) {
    Buf b = BUF_INIT(s.len + 8);
    size_t at = 0;
    if (s.p[0] == '-')
        buf_char(&b, '-');
    at += s.p[0] == '-' || s.p[0] == '+';
    while (at + 1 < s.len && s.p[at] == '0' && is_digit(s.p[at + 1]))
        at++;
    if (s.p[at] == '.')
        buf_char(&b, '0');
    for (; at < s.len; at++) {
        buf_char(&b, s.p[at]);
        if (s.p[at] == '.' && (at + 1 == s.len || !is_digit(s.p[at + 1])))
            buf_char(&b, '0');
    }
    Value v;
    int r = json_read_copy(a, buf_str(&b), &v, NULL);
    buf_deinit(&b);
    return r ? value_str(s) : v; /* beyond a double: stays the text it is */
}

static Value read_plain(Str s, Arena *a) {
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
    static const char *const truths[] = { "true", "True", "TRUE" };
    static const char *const lies[] = { "false", "False", "FALSE" };
    static const char *const infinities[] = { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF" };
    static const char *const negatives[] = { "-.inf", "-.Inf", "-.INF" };
    static const char *const nans[] = { ".nan", ".NaN", ".NAN" };
    int64_t i;
    if (s.len && !is_digit(s.p[0]) && !memchr("~nNtTfF.+-", s.p[0], 10))
        return value_str(s);
    if (is_any(s, nulls, ARRAY_LEN(nulls)))
        return VALUE_NULL;
    if (is_any(s, truths, ARRAY_LEN(truths)))
        return value_bool(true);
    if (is_any(s, lies, ARRAY_LEN(lies)))
        return value_bool(false);
    if (is_any(s, infinities, ARRAY_LEN(infinities)))
        return value_double(INFINITY);
    if (is_any(s, negatives, ARRAY_LEN(negatives)))
        return value_double(-INFINITY);
    if (is_any(s, nans, ARRAY_LEN(nans)))
        return value_double(NAN);
    if (read_based(s, &i))
        return value_int(i);
    return is_number(s) ? read_number(s, a) : value_str(s);
}

Value yaml_scalar(const Yaml *scalar, Arena *a) {
    ASSERT(scalar->kind == YAML_SCALAR);
    return scalar->style == YAML_PLAIN ? read_plain(scalar->text, a) : value_str(scalar->text);
}

static Value list_value(const Yaml *y, Arena *a) {
    ListBuilder b = list_builder(a);
    for (size_t i = 0; i < y->n; i++)
        list_add(&b, yaml_value(y->items[i], a));
    return list_done(&b);
}

static Value map_value(const Yaml *y, Arena *a) {
    MapBuilder b = map_builder(a);
    for (size_t i = 0; i < y->n; i++)
        map_adds(&b, y->entries[i].key->text, yaml_value(y->entries[i].value, a));
    return map_done(&b, NULL);
}

Value yaml_value(const Yaml *y, Arena *a) {
    switch (y->kind) {
    case YAML_SCALAR: return yaml_scalar(y, a);
    case YAML_LIST: return list_value(y, a);
    case YAML_MAP: return map_value(y, a);
    }
    UNREACHABLE("kind of YAML node");
}
