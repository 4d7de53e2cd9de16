/* Baton's durations as people write them: units from large to small, each once, and a fraction only where it comes out
 * at whole milliseconds ("1.5h", "2.3s"). CEL's own durations are not these. */
#include "base/time.h"

typedef struct Unit {
    Str name;
    int64_t ms;
} Unit;
/* Large to small; "ms" before "m" and "s" is not needed because a name ends where its letters end. */
static const Unit units[] = {
    { STR("d"), 24 * 3600 * 1000 },
    { STR("h"), 3600 * 1000 },
    { STR("m"), 60 * 1000 },
    { STR("s"), 1000 },
    { STR("ms"), 1 },
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static Str take_while(Str s, size_t *at, bool digits) {
    size_t from = *at;
    while (*at < s.len && (digits ? is_digit(s.p[*at]) : s.p[*at] >= 'a' && s.p[*at] <= 'z'))
        ++*at;
    return str_slice(s, from, *at);
}

static size_t unit_named(Str name) {
    size_t n = 0;
    while (n < ARRAY_LEN(units) && !str_eq(units[n].name, name))
        n++;
    return n;
}

/* Milliseconds of ".digits" of a unit; false if they are not whole. */
static bool fraction_of(Str digits, int64_t unit_ms, int64_t *ret_ms) {
    /* Nine digits of a day are below a millisecond already, and 10^9 days in ms fit. */
    if (digits.len == 0 || digits.len > 9)
        return false;
    int64_t scale = 1, part = 0;
    for (size_t i = 0; i < digits.len; i++, scale *= 10)
        part = part * 10 + (digits.p[i] - '0');
    *ret_ms = part * unit_ms / scale;
    return part * unit_ms % scale == 0;
}

/* One "1h" or "2.5s" at *at, whose unit must be smaller than unit *least - 1. */
static bool take_part(Str s, size_t *at, size_t *least, int64_t *sum) {
    Str whole = take_while(s, at, true), fraction = STR_NULL;
    if (*at < s.len && s.p[*at] == '.') {
        ++*at;
        fraction = take_while(s, at, true);
    }
    size_t n = unit_named(take_while(s, at, false));
    int64_t value, part = 0;
    if (n == ARRAY_LEN(units) || n < *least || !str_to_i64(whole, &value))
        return false;
    if (fraction.p && !fraction_of(fraction, units[n].ms, &part))
        return false;
    *least = n + 1;
    return !__builtin_mul_overflow(value, units[n].ms, &value) &&
           !__builtin_add_overflow(value, part, &value) &&
           !__builtin_add_overflow(*sum, value, sum);
}

bool duration_parse(Str s, int64_t *ret_ms) {
    int64_t sum = 0;
    size_t at = 0, least = 0;
    if (s.len == 0)
        return false;
    while (at < s.len)
        if (!take_part(s, &at, &least, &sum))
            return false;
    *ret_ms = sum;
    return true;
}

static void write_seconds(Buf *b, uint64_t ms) {
    uint64_t tenths = ms % 1000 / 100;
    buf_fmt(b, "%llu", (unsigned long long)(ms / 1000));
    if (tenths)
        buf_fmt(b, ".%llu", (unsigned long long)tenths);
    buf_char(b, 's');
}

void duration_write(Buf *b, int64_t ms) {
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    if (ms < 0)
        buf_char(b, '-');
    if (left == 0 || (left >= 1000 && left < 60 * 1000)) {
        write_seconds(b, left);
        return;
    }
    size_t n = 0;
    while (n + 1 < ARRAY_LEN(units) && left < (uint64_t)units[n].ms)
        n++;
    for (size_t i = n; i < n + 2 && i < ARRAY_LEN(units); i++) {
        uint64_t count = left / (uint64_t)units[i].ms;
        left %= (uint64_t)units[i].ms;
        if (count || i == n)
            buf_fmt(b, "%llu%.*s", (unsigned long long)count, STR_FMT(units[i].name));
    }
}
