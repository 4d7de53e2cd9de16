/* Timestamps and durations. A timestamp lies in the years 0001 to 9999; a duration is 64 bits of nanoseconds.
 *
 * The getters take a zone by name ("Europe/Vienna") or as an offset ("+02:00", "-09:30", "02:00"). */
#include "cel/function.h"
#include "cel/zone.h"

#include "base/time.h"

enum { NANOS = 1000000000 };
#define SECONDS_FIRST (-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_LAST 253402300799    /* 9999-12-31T23:59:59Z */

static Value timestamp(int64_t seconds, uint32_t nanos) {
    if (seconds < SECONDS_FIRST || seconds > SECONDS_LAST)
        return VALUE_ABSENT;
    return (Value){ .type = V_TIMESTAMP, .i = seconds, .len = nanos };
}

static Value duration(int64_t nanos) { return (Value){ .type = V_DURATION, .i = nanos }; }

Value timestamp_moved(Value time, int64_t nanos, bool back) {
    /* |seconds| of a duration are below 2^34: nothing here overflows. */
    int64_t seconds = nanos / NANOS, rest = nanos % NANOS;
    int64_t at = (int64_t)time.len + (back ? -rest : rest);
    int64_t carry = at < 0 ? -1 : at >= NANOS ? 1 : 0;
    return timestamp(time.i + (back ? -seconds : seconds) + carry, (uint32_t)(at - carry * NANOS));
}

Value timestamp_between(Value a, Value b) {
    int64_t nanos;
    if (__builtin_mul_overflow(a.i - b.i, (int64_t)NANOS, &nanos) ||
        __builtin_add_overflow(nanos, (int64_t)a.len - (int64_t)b.len, &nanos))
        return VALUE_ABSENT;
    return duration(nanos);
}

void write_timestamp(Buf *b, Value v) { time_write(b, v.i, v.len); }

void write_duration(Buf *b, Value v) {
    uint64_t magnitude = v.i < 0 ? 0 - (uint64_t)v.i : (uint64_t)v.i;
    buf_fmt(b, "%s%llu", v.i < 0 ? "-" : "", (unsigned long long)(magnitude / NANOS));
    unsigned fraction = (unsigned)(magnitude % NANOS);
    if (fraction) {
        buf_fmt(b, ".%09u", fraction);
        while (b->len && b->p[b->len - 1] == '0')
            b->len--;
    }
    buf_char(b, 's');
}

Value fn_timestamp(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    int64_t seconds = 0;
    uint32_t nanos = 0;
    if (v.type == V_TIMESTAMP)
        return v;
    if (v.type == V_INT)
        seconds = v.i;
    else if (!time_parse(value_as_str(v), &seconds, &nanos))
        return fail(ev, "cannot read a time from '%.*s'; write it as 2026-11-21T01:33:00Z",
                    (int)MIN(v.len, 40u), v.s);
    Value result = timestamp(seconds, nanos);
    return value_absent(result) ? fail(ev, "the time is outside of the years 0001 to 9999")
                                : result;
}

/* ---- reading durations: 1h30m, -1.5s, 100ms ---- */

static bool read_unit(Str s, size_t *at, int64_t *ret_nanos) {
    static const struct {
        const char *name;
        int64_t nanos;
    } units[] = {
        { "ns", 1 },       { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 },
        { "ms", 1000000 }, { "s", NANOS }, { "m", 60LL * NANOS }, { "h", 3600LL * NANOS },
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_starts(str_slice(s, *at, s.len), str_from(units[i].name))) {
            *at += strlen(units[i].name);
            *ret_nanos = units[i].nanos;
            return true;
        }
    }
    return false;
}

/* Adds one "12.5h" at *at to *total, kept negative because the least int has no positive. */
static bool read_part(Str s, size_t *at, int64_t *total) {
    int64_t whole = 0, fraction = 0, scale = 1, unit;
    size_t start = *at;
    for (; *at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_sub_overflow(whole, s.p[*at] - '0', &whole))
            return false;
    size_t digits = *at - start;
    if (*at < s.len && s.p[*at] == '.') {
        for (++*at; *at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at, digits++) {
            /* Digits below a nanosecond of an hour count for nothing. */
            if (scale < 100000000000000) {
                fraction = fraction * 10 + (s.p[*at] - '0');
                scale *= 10;
            }
        }
    }
    if (!digits || !read_unit(s, at, &unit) || __builtin_mul_overflow(whole, unit, &whole))
        return false;
    int64_t rest = (int64_t)((long double)fraction * (long double)unit / (long double)scale);
    return !__builtin_sub_overflow(whole, rest, &whole) &&
           !__builtin_add_overflow(*total, whole, total);
}

static bool read_duration(Str s, int64_t *ret_nanos) {
    size_t at = s.len && (s.p[0] == '-' || s.p[0] == '+');
    bool negative = at && s.p[0] == '-';
    int64_t total = 0;
    if (at == s.len)
        return false;
    if (str_is(str_slice(s, at, s.len), "0")) {
        *ret_nanos = 0;
        return true;
    }
    while (at < s.len)
        if (!read_part(s, &at, &total))
            return false;
    return negative ? (*ret_nanos = total, true) : !__builtin_sub_overflow(0, total, ret_nanos);
}

/* Fields such as `timeout` take days and expressions do not, since CEL leaves out what is not always as long. */
static Value fail_duration(Eval *ev, Value v) {
    int64_t days;
    Str number = str_slice(value_as_str(v), 0, v.len ? v.len - 1 : 0);
    if (v.len && v.s[v.len - 1] == 'd' && str_to_i64(number, &days) && days > 0 && days < 100000)
        return fail(ev,
                    "'%lldd' is a duration of fields such as `timeout`; in expressions hours are "
                    "the largest unit: write duration('%lldh')",
                    (long long)days, (long long)days * 24);
    return fail(ev,
                "cannot read a duration from '%.*s'; write 90s, 1h30m or 250ms, up to 292 years",
                (int)MIN(v.len, 40u), v.s);
}

Value fn_duration(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    int64_t nanos;
    if (v.type == V_DURATION)
        return v;
    if (read_duration(value_as_str(v), &nanos))
        return duration(nanos);
    return fail_duration(ev, v);
}

/* ---- parts of a time ---- */

static bool two_digits(Str s, size_t at, int *ret_value) {
    if (at + 2 > s.len || s.p[at] < '0' || s.p[at] > '9' || s.p[at + 1] < '0' || s.p[at + 1] > '9')
        return false;
    *ret_value = (s.p[at] - '0') * 10 + (s.p[at + 1] - '0');
    return true;
}

static bool read_offset(Str zone, int64_t *ret_seconds) {
    size_t at = zone.len && (zone.p[0] == '+' || zone.p[0] == '-');
    int hours, minutes;
    if (zone.len != at + 5 || zone.p[at + 2] != ':' || !two_digits(zone, at, &hours) ||
        !two_digits(zone, at + 3, &minutes) || hours > 23 || minutes > 59)
        return false;
    int64_t seconds = hours * 3600 + minutes * 60;
    *ret_seconds = at && zone.p[0] == '-' ? -seconds : seconds;
    return true;
}

static void fail_zone(Eval *ev, Str zone) {
    Str near = zone_nearest(zone);
    if (near.p)
        fail(ev, "no time zone '%.*s'; did you mean '%.*s'?", (int)MIN(zone.len, (size_t)40),
             zone.p, STR_FMT(near));
    else
        fail(ev,
             "no time zone '%.*s'; write a name such as 'Europe/Vienna', or an offset: '+02:00'",
             (int)MIN(zone.len, (size_t)40), zone.p);
}

static bool civil_of(Eval *ev, const Value *args, size_t n, Civil *ret_civil) {
    int64_t offset = 0;
    Str zone = n == 2 ? value_as_str(args[1]) : STR("");
    if (n == 2 && !read_offset(zone, &offset)) {
        const Zone *named = str_is(zone, "Z") ? zone_find(STR("UTC")) : zone_find(zone);
        if (!named) {
            fail_zone(ev, zone);
            return false;
        }
        offset = zone_offset(named, args[0].i);
    }
    *ret_civil = civil_from_seconds(args[0].i + offset);
    return true;
}

#define GETTER(name, part)                                                                         \
    Value name(Eval *ev, const Value *args, size_t n) {                                            \
        Civil c;                                                                                   \
        return civil_of(ev, args, n, &c) ? value_int(part) : VALUE_ABSENT;                         \
    }
GETTER(fn_get_full_year, c.year)
GETTER(fn_get_month, c.month - 1)
GETTER(fn_get_date, c.day)
GETTER(fn_get_day_of_month, c.day - 1)
GETTER(fn_get_day_of_week, c.weekday)
GETTER(fn_get_day_of_year, c.yearday)
GETTER(fn_get_hours, c.hour)
GETTER(fn_get_minutes, c.minute)
GETTER(fn_get_seconds, c.second)
GETTER(fn_get_milliseconds, args[0].len / 1000000)

/* Of a duration: the whole in that unit, but getMilliseconds() is what is beyond the seconds, as the tests have it. */
#define DURATION_GETTER(name, part)                                                                \
    Value name(Eval *ev, const Value *args, size_t n) {                                            \
        (void)ev, (void)n;                                                                         \
        return value_int(part);                                                                    \
    }
DURATION_GETTER(fn_duration_hours, args[0].i / (3600LL * NANOS))
DURATION_GETTER(fn_duration_minutes, args[0].i / (60LL * NANOS))
DURATION_GETTER(fn_duration_seconds, args[0].i / NANOS)
DURATION_GETTER(fn_duration_milliseconds, args[0].i % NANOS / 1000000)
