/* The calendar counts days in eras of 400 years (146,097 days) with years beginning on 1 March, which puts the leap day
 * last and makes the lengths of the months a straight line: (153 * month + 2) / 5 days before each. */
#include "base/time.h"

enum { DAY_SECONDS = 86400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static bool leap_year(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_from_civil(int64_t year, int month, int day) {
    int64_t from_march = (month + 9) % 12;
    year -= month <= 2;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - DAYS_TO_1970;
}

int64_t civil_to_seconds(int64_t year, int month, int day, int hour, int minute, int second) {
    return days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

static Civil civil_from_days(int64_t days) {
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_div(shifted, ERA_DAYS), day = shifted - era * ERA_DAYS;
    int64_t of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    Civil c = { 0 };
    c.day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
    c.month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    c.year = era * 400 + of_era + (c.month <= 2);
    c.weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1 January 1970 was a Thursday */
    c.yearday = (int)(days - days_from_civil(c.year, 1, 1));
    return c;
}

Civil civil_from_seconds(int64_t seconds) {
    int64_t days = floor_div(seconds, DAY_SECONDS);
    int rest = (int)(seconds - days * DAY_SECONDS);
    Civil c = civil_from_days(days);
    c.hour = rest / 3600;
    c.minute = rest / 60 % 60;
    c.second = rest % 60;
    return c;
}

bool civil_valid(int64_t year, int month, int day) {
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (year < 1 || year > 9999 || month < 1 || month > 12)
        return false;
    return day >= 1 && day <= lengths[month - 1] + (month == 2 && leap_year(year));
}

/* Exactly `digits` digits at *at, which advances; -1 if they are not there. */
static int take_number(Str s, size_t *at, int digits) {
    int v = 0;
    for (int i = 0; i < digits; i++, ++*at) {
        if (*at >= s.len || s.p[*at] < '0' || s.p[*at] > '9')
            return -1;
        v = v * 10 + (s.p[*at] - '0');
    }
    return v;
}

static bool take_char(Str s, size_t *at, char c) {
    if (*at >= s.len || s.p[*at] != c)
        return false;
    ++*at;
    return true;
}

static bool take_fraction(Str s, size_t *at, uint32_t *ret_nanos) {
    *ret_nanos = 0;
    if (!take_char(s, at, '.'))
        return true;
    uint32_t nanos = 0;
    int digits = 0;
    for (; *at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at, digits++) {
        if (digits == 9)
            return false;
        nanos = nanos * 10 + (uint32_t)(s.p[*at] - '0');
    }
    for (int i = digits; i < 9; i++)
        nanos *= 10;
    *ret_nanos = nanos;
    return digits > 0;
}

static bool take_zone(Str s, size_t *at, int *ret_seconds) {
    *ret_seconds = 0;
    if (take_char(s, at, 'Z') || take_char(s, at, 'z'))
        return true;
    int sign = take_char(s, at, '+') ? 1 : take_char(s, at, '-') ? -1 : 0;
    int hours = take_number(s, at, 2);
    bool colon = take_char(s, at, ':');
    int minutes = take_number(s, at, 2);
    if (!sign || !colon || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool take_date(Str s, size_t *at, Civil *ret) {
    ret->year = take_number(s, at, 4);
    bool dashes = take_char(s, at, '-');
    ret->month = take_number(s, at, 2);
    dashes &= take_char(s, at, '-');
    ret->day = take_number(s, at, 2);
    return dashes && civil_valid(ret->year, ret->month, ret->day);
}

static bool take_clock(Str s, size_t *at, Civil *ret) {
    ret->hour = take_number(s, at, 2);
    bool colons = take_char(s, at, ':');
    ret->minute = take_number(s, at, 2);
    colons &= take_char(s, at, ':');
    ret->second = take_number(s, at, 2);
    return colons && ret->hour >= 0 && ret->hour < 24 && ret->minute >= 0 && ret->minute < 60 &&
           ret->second >= 0 && ret->second < 60;
}

bool time_parse(Str s, int64_t *ret_seconds, uint32_t *ret_nanos) {
    Civil c = { 0 };
    size_t at = 0;
    uint32_t nanos;
    int zone;
    if (!take_date(s, &at, &c) || !(take_char(s, &at, 'T') || take_char(s, &at, 't')))
        return false;
    if (!take_clock(s, &at, &c) || !take_fraction(s, &at, &nanos) || !take_zone(s, &at, &zone))
        return false;
    if (at != s.len)
        return false;
    int64_t seconds = civil_to_seconds(c.year, c.month, c.day, c.hour, c.minute, c.second) - zone;
    /* A zone may lead out of the years that four digits can say. */
    if (seconds < TIME_SECONDS_MIN || seconds > TIME_SECONDS_MAX)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}

static char *put_digits(char *at, uint32_t v, int digits) {
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
    return at + digits;
}

static void write_civil(Buf *b, int64_t seconds) {
    Civil c = civil_from_seconds(seconds);
    if (c.year < 0 || c.year > 9999) {
        buf_fmt(b, "%lld", (long long)c.year);
    } else {
        char year[4];
        put_digits(year, (uint32_t)c.year, 4);
        buf_add(b, year, sizeof year);
    }
    char text[] = "-MM-DDThh:mm:ss";
    put_digits(text + 1, (uint32_t)c.month, 2);
    put_digits(text + 4, (uint32_t)c.day, 2);
    put_digits(text + 7, (uint32_t)c.hour, 2);
    put_digits(text + 10, (uint32_t)c.minute, 2);
    put_digits(text + 13, (uint32_t)c.second, 2);
    buf_add(b, text, sizeof text - 1);
}

void time_write(Buf *b, int64_t seconds, uint32_t nanos) {
    write_civil(b, seconds);
    if (nanos) {
        char text[10] = ".";
        size_t len = sizeof text;
        put_digits(text + 1, nanos, 9);
        while (text[len - 1] == '0')
            len--;
        buf_add(b, text, len);
    }
    buf_char(b, 'Z');
}

void time_write_ms(Buf *b, int64_t ms) {
    int64_t seconds = floor_div(ms, 1000);
    char text[] = ".mmmZ";
    put_digits(text + 1, (uint32_t)(ms - seconds * 1000), 3);
    write_civil(b, seconds);
    buf_add(b, text, sizeof text - 1);
}
