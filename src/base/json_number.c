/* Numbers between text and binary, exactly.
 *
 * Reading: digits are collected in 64 bits. A double of at most 2^53 and a power of ten of at most 10^22 are both exact,
 * so one multiplication or division rounds once and correctly (Clinger 1990, "How to read floating point numbers
 * accurately"); everything else goes to strtod.
 *
 * Writing: the shortest decimal that reads back. Two texts of at most 15 digits never mean the same normal double, so
 * the first of them that reads back is the shortest; if there is none, 16 digits may do and 17 always do. Numbers people
 * write have few decimals: those are found by scaling, which costs one exact division a decimal, instead of printing. */
#include "base/json.h"
#include "base/json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double powers_of_ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
enum { POWER_MAX = 22 };
#define EXACT_MAX (UINT64_C(1) << 53)

typedef struct Decimal {
    const char *text, *end; /* all of it, for strtod */
    bool negative;
    bool real;    /* has a fraction or an exponent */
    bool inexact; /* digits do not fit */
    uint64_t digits;
    int exponent; /* value = digits * 10^exponent */
} Decimal;

static bool is_digit(const char *at, const char *end) {
    return at < end && (unsigned char)(*at - '0') <= 9;
}

static const char *take_digits(const char *at, const char *end, Decimal *d) {
    for (; is_digit(at, end); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        /* Below this bound another digit cannot overflow. */
        if (d->digits >= UINT64_MAX / 10 &&
            (d->digits > UINT64_MAX / 10 || digit > UINT64_MAX % 10))
            d->inexact = true;
        d->digits = d->digits * 10 + digit;
    }
    return at;
}

static const char *take_exponent(const char *at, const char *end, Decimal *d) {
    int exponent = 0;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (!is_digit(at, end))
        return NULL;
    for (; is_digit(at, end); at++)
        exponent = MIN(exponent * 10 + (*at - '0'), 100000);
    d->exponent += negative ? -exponent : exponent;
    return at;
}

static double exact_by_strtod(const Decimal *d) {
    char on_stack[64];
    size_t len = (size_t)(d->end - d->text);
    char *text = len < sizeof on_stack ? on_stack : xmalloc(len + 1);
    memcpy(text, d->text, len);
    text[len] = '\0';
    double v = strtod(text, NULL);
    if (text != on_stack)
        free(text);
    return v;
}

static double double_of(const Decimal *d) {
    bool exact = !d->inexact && d->digits <= EXACT_MAX;
    if (!exact || d->exponent < -POWER_MAX || d->exponent > POWER_MAX)
        return exact_by_strtod(d);
    double v = (double)d->digits;
    v = d->exponent < 0 ? v / powers_of_ten[-d->exponent] : v * powers_of_ten[d->exponent];
    return d->negative ? -v : v;
}

static Value value_of(const Decimal *d) {
    if (!d->real && !d->inexact) {
        if (d->digits <= (uint64_t)INT64_MAX + d->negative)
            return value_int((int64_t)(d->negative ? 0 - d->digits : d->digits));
        if (!d->negative)
            return value_uint(d->digits);
    }
    return value_double(double_of(d));
}

const char *json_read_number(const char *at, const char *end, Value *ret_value,
                             const char **ret_bad, const char **ret_why) {
    Decimal d = { .text = at, .negative = *at == '-' };
    at += d.negative;
    const char *first = at;
    *ret_bad = at;
    *ret_why = "a digit is missing";
    at = take_digits(at, end, &d);
    if (at == first)
        return NULL;
    if (*first == '0' && at - first > 1)
        return *ret_why = "a number has no leading zeros", NULL;
    if (at < end && *at == '.') {
        const char *fraction = *ret_bad = at + 1;
        at = take_digits(fraction, end, &d);
        if (at == fraction)
            return NULL;
        d.exponent = at - fraction > 1000 ? -1000 : -(int)(at - fraction);
        d.real = true;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        *ret_bad = at + 1;
        at = take_exponent(at + 1, end, &d);
        if (!at)
            return NULL;
        d.real = true;
    }
    d.end = at;
    Value v = value_of(&d);
    if (v.type == V_DOUBLE && isinf(v.d))
        return *ret_bad = d.text, *ret_why = "the number is too large for a double", NULL;
    *ret_value = v;
    return at;
}

enum { DIGITS_MAX = 20 };

/* value = 0.DIGITS * 10^point, without zeros at the end. */
typedef struct Shortest {
    char digits[DIGITS_MAX];
    int n, point;
} Shortest;

static Shortest from_integer(uint64_t v, int scale) {
    Shortest s = { .n = 0 };
    char reversed[DIGITS_MAX];
    int n = 0, zeros = 0;
    for (; v; v /= 10)
        reversed[n++] = (char)('0' + v % 10);
    while (zeros < n && reversed[zeros] == '0')
        zeros++;
    for (int i = n - 1; i >= zeros; i--)
        s.digits[s.n++] = reversed[i];
    s.point = n - scale;
    return s;
}

/* Finds the fewest decimals, if the digits stay within the 15 that are always unique. d > 0. */
static bool few_decimals(double d, Shortest *ret) {
    if (d >= 1e15 || d < 1e-6)
        return false;
    for (int scale = 0; scale <= POWER_MAX; scale++) {
        double scaled = d * powers_of_ten[scale];
        if (scaled >= 1e15)
            return false;
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if ((double)digits / powers_of_ten[scale] == d) {
            *ret = from_integer(digits, scale);
            return true;
        }
    }
    return false;
}

/* The next larger decimal of as many digits, in the form of "%e"; false if that would need another digit. */
static bool next_decimal(char *text) {
    char *last = strchr(text, 'e') - 1;
    for (; last >= text; last--) {
        if (*last == '.')
            continue;
        if (*last != '9') {
            ++*last;
            return true;
        }
        *last = '0';
    }
    return false;
}

/* Prints d with so many digits and says whether the text reads back. Below a power of two the doubles lie closer than
 * above it, so the nearest decimal below it may be another double's while the next one above is still its own. */
static bool print_exactly(double d, int digits, char *text, size_t room) {
    int exponent;
    snprintf(text, room, "%.*e", digits - 1, d);
    if (strtod(text, NULL) == d)
        return true;
    char above[40];
    memcpy(above, text, MIN(room, sizeof above));
    if (frexp(d, &exponent) != 0.5 || !next_decimal(above) || strtod(above, NULL) != d)
        return false;
    memcpy(text, above, MIN(room, sizeof above));
    return true;
}

static Shortest by_printing(double d) {
    char text[40];
    /* Below DBL_MIN fewer bits are left, and fewer digits do; 17 always do. */
    int digits = d < DBL_MIN ? 1 : DBL_DIG;
    while (!print_exactly(d, digits, text, sizeof text))
        digits++;
    ASSERT(digits <= 17);
    Shortest s = { .n = 0 };
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at != '.')
            s.digits[s.n++] = *at;
    while (s.n > 1 && s.digits[s.n - 1] == '0')
        s.n--;
    int64_t exponent = 0;
    at += at[1] == '+' ? 2 : 1;
    bool read = str_to_i64(str_from(at), &exponent);
    ASSERT(read);
    s.point = (int)exponent + 1;
    return s;
}

static void write_zeros(Buf *b, int n) {
    for (int i = 0; i < n; i++)
        buf_char(b, '0');
}

/* Positions as JavaScript has them: plain from 1e-6 to below 1e21. */
static void write_shortest(Buf *b, const Shortest *s) {
    size_t n = (size_t)s->n;
    if (s->point > 21 || s->point < -5) {
        buf_char(b, s->digits[0]);
        if (n > 1) {
            buf_char(b, '.');
            buf_add(b, s->digits + 1, n - 1);
        }
        buf_fmt(b, "e%d", s->point - 1);
    } else if (s->point <= 0) {
        buf_str_add(b, STR("0."));
        write_zeros(b, -s->point);
        buf_add(b, s->digits, n);
    } else if (s->n <= s->point) {
        buf_add(b, s->digits, n);
        write_zeros(b, s->point - s->n);
        buf_str_add(b, STR(".0"));
    } else {
        buf_add(b, s->digits, (size_t)s->point);
        buf_char(b, '.');
        buf_add(b, s->digits + s->point, n - (size_t)s->point);
    }
}

void json_write_double(Buf *b, double d) {
    if (isnan(d)) {
        buf_str_add(b, STR("\"NaN\""));
        return;
    }
    if (isinf(d)) {
        buf_str_add(b, d < 0 ? STR("\"-Infinity\"") : STR("\"Infinity\""));
        return;
    }
    if (signbit(d))
        buf_char(b, '-');
    d = fabs(d);
    Shortest s;
    if (d == 0) {
        buf_str_add(b, STR("0.0"));
        return;
    }
    if (!few_decimals(d, &s))
        s = by_printing(d);
    write_shortest(b, &s);
}
