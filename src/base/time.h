/* Time as numbers and their text: pure, proleptic Gregorian, UTC; nobody here asks for the clock. */
#ifndef BATON_BASE_TIME_H
#define BATON_BASE_TIME_H

#include "base/buf.h"

typedef struct Civil {
    int64_t year;
    int month, day; /* 1..12, 1..31 */
    int hour, minute, second;
    int weekday, yearday; /* 0 Sunday; 0 for 1 January */
} Civil;
Civil civil_from_seconds(int64_t seconds);
int64_t civil_to_seconds(int64_t year, int month, int day, int hour, int minute, int second);
bool civil_valid(int64_t year, int month, int day);

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the times that RFC 3339 and CEL can say. */
#define TIME_SECONDS_MIN (-62135596800)
#define TIME_SECONDS_MAX 253402300799

/* RFC 3339 with zone and up to nine digits of fraction. */
bool time_parse(Str s, int64_t *ret_seconds, uint32_t *ret_nanos);
/* "2026-11-21T01:33:00Z", fraction trimmed of zeros, none if 0. */
void time_write(Buf *b, int64_t seconds, uint32_t nanos);
/* "2026-11-21T01:33:00.123Z" from UTC milliseconds; always three digits, so that the texts sort. */
void time_write_ms(Buf *b, int64_t ms);

/* Baton's durations: 250ms 30s 5m 24h 7d 1h30m 1.5h, into milliseconds: units from large to small, fractions where whole
 * milliseconds come out. A bare number is refused, and so is a sign. */
bool duration_parse(Str s, int64_t *ret_ms);
/* The same form for people, two units at most and the rest cut: "1h30m", "850ms", "2.3s"; "-5m" if negative. */
void duration_write(Buf *b, int64_t ms);

#endif
