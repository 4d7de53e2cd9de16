/* The calendar, RFC 3339 and Baton's durations. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_buf(Buf *b, const char *expected) {
    if (!str_is(buf_str(b), expected))
        fail_msg("\"%.*s\" is not \"%s\"", STR_FMT(buf_str(b)), expected);
    buf_reset(b);
}

static void known_days_have_known_seconds(void **state) {
    (void)state;
    assert_true(civil_to_seconds(1970, 1, 1, 0, 0, 0) == 0);
    assert_true(civil_to_seconds(2000, 2, 29, 12, 34, 56) == 951827696);
    assert_true(civil_to_seconds(2038, 1, 19, 3, 14, 8) == INT64_C(1) << 31);
    assert_true(civil_to_seconds(1969, 12, 31, 23, 59, 59) == -1);
    assert_true(civil_to_seconds(1, 1, 1, 0, 0, 0) == TIME_SECONDS_MIN);
    assert_true(civil_to_seconds(9999, 12, 31, 23, 59, 59) == TIME_SECONDS_MAX);
}

/* The calendar written a second time, as people count: month lengths and leap years, one day after another. */
static void every_day_of_ten_thousand_years_is_the_next_one(void **state) {
    (void)state;
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t seconds = TIME_SECONDS_MIN;
    int weekday = 1; /* 1 January 0001 is a Monday */
    for (int year = 1; year <= 9999; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        int yearday = 0;
        for (int month = 1; month <= 12; month++) {
            int days = lengths[month - 1] + (leap && month == 2);
            assert_false(civil_valid(year, month, days + 1));
            for (int day = 1; day <= days; day++, yearday++, seconds += 86400) {
                Civil c = civil_from_seconds(seconds + 86399);
                if (c.year != year || c.month != month || c.day != day || c.hour != 23 ||
                    c.minute != 59 || c.second != 59 || c.weekday != weekday ||
                    c.yearday != yearday || !civil_valid(year, month, day) ||
                    civil_to_seconds(year, month, day, 0, 0, 0) != seconds)
                    fail_msg("%04d-%02d-%02d", year, month, day);
                weekday = (weekday + 1) % 7;
            }
        }
    }
    assert_true(seconds == TIME_SECONDS_MAX + 1);
}

static void days_that_are_not_are_refused(void **state) {
    (void)state;
    assert_false(civil_valid(2023, 2, 29));
    assert_true(civil_valid(2024, 2, 29));
    assert_false(civil_valid(1900, 2, 29));
    assert_false(civil_valid(2024, 0, 1));
    assert_false(civil_valid(2024, 13, 1));
    assert_false(civil_valid(2024, 1, 0));
    assert_false(civil_valid(0, 1, 1));
    assert_false(civil_valid(10000, 1, 1));
}

static void a_time_is_read_with_its_zone_and_fraction(void **state) {
    (void)state;
    int64_t s;
    uint32_t n;
    assert_true(time_parse(STR("2026-11-21T01:33:00Z"), &s, &n));
    assert_true(s == 1795224780 && n == 0);
    assert_true(time_parse(STR("2026-11-21T03:33:00.5+02:00"), &s, &n));
    assert_true(s == 1795224780 && n == 500000000);
    assert_true(time_parse(STR("2026-11-20T20:03:00.123456789-05:30"), &s, &n));
    assert_true(s == 1795224780 && n == 123456789);
    assert_true(time_parse(STR("1969-12-31t23:59:59.000000001z"), &s, &n));
    assert_true(s == -1 && n == 1);
    assert_true(time_parse(STR("0001-01-01T00:00:00Z"), &s, &n));
    assert_true(s == TIME_SECONDS_MIN);
    assert_true(time_parse(STR("9999-12-31T23:59:59.999999999Z"), &s, &n));
    assert_true(s == TIME_SECONDS_MAX);
}

static void a_text_that_is_no_time_is_refused(void **state) {
    (void)state;
    const char *const bad[] = {
        "",
        "2026-11-21",
        "2026-11-21T01:33:00",
        "2026-11-21 01:33:00Z",
        "2026-11-21T01:33Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T01:60:00Z",
        "2026-11-21T01:33:60Z",
        "2026-11-31T01:33:00Z",
        "2026-1-21T01:33:00Z",
        "2026-11-21T01:33:00.Z",
        "2026-11-21T01:33:00.1234567890Z",
        "2026-11-21T01:33:00Zx",
        "2026-11-21T01:33:00+2:00",
        "2026-11-21T01:33:00+0200",
        "2026-11-21T01:33:00+24:00",
        "2026-11-21T01:33:00+00:60",
        "2026/11/21T01:33:00Z",
        "2026-11-21T01-33-00Z",
        "0000-12-31T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "+2026-11-21T01:33:00Z",
    };
    int64_t s = 5;
    uint32_t n = 5;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (time_parse(str_from(bad[i]), &s, &n))
            fail_msg("%s was read", bad[i]);
    assert_true(s == 5 && n == 5);
}

static void times_are_written_shortest_and_milliseconds_in_full(void **state) {
    (void)state;
    Buf b = BUF_INIT(200);
    time_write(&b, 1795224780, 0);
    assert_buf(&b, "2026-11-21T01:33:00Z");
    time_write(&b, 1795224780, 120000000);
    assert_buf(&b, "2026-11-21T01:33:00.12Z");
    time_write(&b, -1, 1);
    assert_buf(&b, "1969-12-31T23:59:59.000000001Z");
    time_write(&b, TIME_SECONDS_MIN, 0);
    assert_buf(&b, "0001-01-01T00:00:00Z");
    time_write_ms(&b, INT64_C(1795224780120));
    assert_buf(&b, "2026-11-21T01:33:00.120Z");
    time_write_ms(&b, 0);
    assert_buf(&b, "1970-01-01T00:00:00.000Z");
    time_write_ms(&b, -1);
    assert_buf(&b, "1969-12-31T23:59:59.999Z");
    buf_deinit(&b);
}

static void durations_are_read_with_their_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "250ms", 250 },
        { "30s", 30000 },
        { "5m", 300000 },
        { "24h", 86400000 },
        { "7d", 604800000 },
        { "1h30m", 5400000 },
        { "1d2h3m4s5ms", 93784005 },
        { "0s", 0 },
        { "1.5h", 5400000 },
        { "2.3s", 2300 },
        { "0.001s", 1 },
        { "1m0.5s", 60500 },
        { "106751991167d", INT64_C(106751991167) * 86400000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t ms = -1;
        if (!duration_parse(str_from(good[i].text), &ms) || ms != good[i].ms)
            fail_msg("%s gave %lld", good[i].text, (long long)ms);
    }
}

static void a_duration_without_unit_or_out_of_order_is_refused(void **state) {
    (void)state;
    const char *const bad[] = { "",
                                "30",
                                "s",
                                "-5m",
                                "+5m",
                                "5 m",
                                "1m1h",
                                "1h1h",
                                "5min",
                                "1H",
                                "1w",
                                "1.ms",
                                ".5s",
                                "0.5ms",
                                "1.2345s",
                                "1h30",
                                "106751991168d",
                                "99999999999999999999s",
                                "1.0000000000s",
                                "1us" };
    int64_t ms = 5;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (duration_parse(str_from(bad[i]), &ms))
            fail_msg("%s was read as %lld", bad[i], (long long)ms);
    assert_true(ms == 5);
}

static void durations_are_written_for_people(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } forms[] = {
        { 0, "0s" },          { 850, "850ms" },
        { 1000, "1s" },       { 2300, "2.3s" },
        { 2399, "2.3s" },     { 59999, "59.9s" },
        { 60000, "1m" },      { 61500, "1m1s" },
        { 5400000, "1h30m" }, { 86400000, "1d" },
        { 93784005, "1d2h" }, { 3600500, "1h" },
        { -300000, "-5m" },   { INT64_MIN, "-106751991167d7h" },
    };
    Buf b = BUF_INIT(100);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        duration_write(&b, forms[i].ms);
        assert_buf(&b, forms[i].text);
    }
    buf_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_days_have_known_seconds),
        cmocka_unit_test(every_day_of_ten_thousand_years_is_the_next_one),
        cmocka_unit_test(days_that_are_not_are_refused),
        cmocka_unit_test(a_time_is_read_with_its_zone_and_fraction),
        cmocka_unit_test(a_text_that_is_no_time_is_refused),
        cmocka_unit_test(times_are_written_shortest_and_milliseconds_in_full),
        cmocka_unit_test(durations_are_read_with_their_units),
        cmocka_unit_test(a_duration_without_unit_or_out_of_order_is_refused),
        cmocka_unit_test(durations_are_written_for_people),
    };
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
