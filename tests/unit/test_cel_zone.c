/* Time zones: a few that everyone knows, and all of them against the C library, which reads the tzdata of the machine. */
#include "base/time.h"
#include "cel/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static int64_t offset(const char *name, int year, int month, int day, int hour) {
    const Zone *zone = zone_find(str_from(name));
    assert_non_null(zone);
    return zone_offset(zone, civil_to_seconds(year, month, day, hour, 0, 0));
}

static void offsets_are_those_of_the_time(void **state) {
    (void)state;
    assert_int_equal(offset("UTC", 2026, 1, 1, 0), 0);
    assert_int_equal(offset("Europe/Vienna", 2026, 1, 1, 0), 3600);
    assert_int_equal(offset("Europe/Vienna", 2026, 3, 29, 0), 3600);
    assert_int_equal(offset("Europe/Vienna", 2026, 3, 29, 1), 7200);
    assert_int_equal(offset("Europe/Vienna", 2026, 10, 25, 0), 7200);
    assert_int_equal(offset("Europe/Vienna", 2026, 10, 25, 1), 3600);
    assert_int_equal(offset("America/New_York", 1900, 1, 1, 0), -5 * 3600);
    assert_int_equal(offset("America/New_York", 2999, 7, 1, 0), -4 * 3600);
    assert_int_equal(offset("America/New_York", 1, 1, 1, 0), -17762);
    assert_int_equal(offset("Asia/Kolkata", 9999, 12, 31, 23), 19800);
    assert_int_equal(offset("Australia/Sydney", 2100, 1, 1, 0), 11 * 3600);
    assert_int_equal(offset("Australia/Sydney", 2100, 7, 1, 0), 10 * 3600);
    assert_int_equal(offset("Europe/Dublin", 2050, 7, 1, 0), 3600);
    assert_int_equal(offset("Africa/Casablanca", 2050, 12, 1, 0), 3600);
}

static void a_name_is_found_as_it_is_written(void **state) {
    (void)state;
    assert_null(zone_find(STR("")));
    assert_null(zone_find(STR("europe/vienna")));
    assert_null(zone_find(STR("../../etc/passwd")));
    assert_ptr_equal(zone_find(STR("US/Eastern")), zone_find(STR("America/New_York")));
    assert_true(str_is(zone_nearest(STR("Vienna")), "Europe/Vienna"));
    assert_true(str_is(zone_nearest(STR("Asia/Vienna")), "Europe/Vienna"));
    assert_true(str_is(zone_nearest(STR("Europe/Veinna")), "Europe/Vienna"));
    assert_null(zone_nearest(STR("")).p);
    assert_null(zone_nearest(STR("nowhere at all")).p);
}

/* ---- against the C library ---- */

/* Twice a day would take a minute; every 17 days and some meets every season, and the days round New Year. */
static void compare_zone(const char *name) {
    const Zone *zone = zone_find(str_from(name));
    assert_non_null(zone);
    setenv("TZ", name, 1);
    tzset();
    for (time_t t = -5000000000; t < 5000000000; t += 17 * 86400 + 5011) {
        struct tm tm;
        assert_non_null(localtime_r(&t, &tm));
        if (tm.tm_gmtoff != zone_offset(zone, t))
            fail_msg("%s at %lld: %ld, not %lld", name, (long long)t, tm.tm_gmtoff,
                     (long long)zone_offset(zone, t));
    }
}

static void every_zone_agrees_with_the_c_library(void **state) {
    (void)state;
    FILE *f = fopen("/usr/share/zoneinfo/tzdata.zi", "r");
    char line[512], version[16] = "", name[64];
    if (!f || !fgets(line, sizeof line, f) || sscanf(line, "# version %15s", version) != 1 ||
        !str_is(zone_data_version(), version)) {
        print_message("skipped: this machine has no tzdata %.*s\n", STR_FMT(zone_data_version()));
        if (f)
            fclose(f);
        skip();
    }
    unsigned n = 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "Z %63s", name) != 1 && sscanf(line, "L %*s %63s", name) != 1)
            continue;
        compare_zone(name);
        n++;
    }
    fclose(f);
    assert_true(n > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_time),
        cmocka_unit_test(a_name_is_found_as_it_is_written),
        cmocka_unit_test(every_zone_agrees_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
