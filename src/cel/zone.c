/* A zone is a list of changes and, after the last of them, a rule by which each year's two changes are found. */
#include "cel/zone.h"

#include "base/time.h"
#include "cel/zone_table.h"

enum { DAY_SECONDS = 86400 };

const Zone *zone_find(Str name) {
    size_t from = 0, to = zone_names_n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = str_cmp(str_from(zone_names[middle].name), name);
        if (order == 0)
            return &zones[zone_names[middle].zone];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static Str last_part(Str name) {
    const char *slash = !name.len ? NULL : memrchr(name.p, '/', name.len);
    return slash ? str_slice(name, (size_t)(slash - name.p) + 1, name.len) : name;
}

/* Many write the city alone, or the wrong continent: then the last part decides. */
Str zone_nearest(Str name) {
    enum { NAMES_MAX = 1024 };
    Str names[NAMES_MAX];
    size_t n = MIN(zone_names_n, (size_t)NAMES_MAX);
    for (size_t i = 0; i < n; i++) {
        names[i] = str_from(zone_names[i].name);
        if (name.len && str_eq(last_part(names[i]), last_part(name)))
            return names[i];
    }
    return str_nearest(name, names, n);
}

/* Seconds of the local clock at which a change of that year stands. */
static int64_t change_in(int64_t year, const ZoneDay *change) {
    int64_t first = civil_to_seconds(year, change->month, 1, 0, 0, 0);
    int64_t following = change->month == 12 ? civil_to_seconds(year + 1, 1, 1, 0, 0, 0)
                                            : civil_to_seconds(year, change->month + 1, 1, 0, 0, 0);
    int days = (change->weekday - civil_from_seconds(first).weekday + 7) % 7;
    int64_t day = first + (days + 7 * (change->week - 1)) * DAY_SECONDS;
    if (day >= following)
        day -= 7 * DAY_SECONDS;
    return day + change->seconds;
}

static int64_t offset_by_rule(const ZoneRule *rule, int64_t seconds) {
    if (rule->begins.month == 0)
        return rule->standard;
    int64_t year = civil_from_seconds(seconds + rule->standard).year;
    int64_t begins = change_in(year, &rule->begins) - rule->standard;
    int64_t ends = change_in(year, &rule->ends) - rule->summer;
    bool summer = begins < ends ? seconds >= begins && seconds < ends
                                : seconds >= begins || seconds < ends; /* south of the equator */
    return summer ? rule->summer : rule->standard;
}

int64_t zone_offset(const Zone *zone, int64_t seconds) {
    const ZoneChange *changes = &zone_changes[zone->first];
    size_t from = 0, to = zone->n; /* the first change after that time is among [from, to] */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (changes[middle].time <= seconds)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == zone->n)
        return offset_by_rule(&zone_rules[zone->rule], seconds);
    return from ? changes[from - 1].offset : zone->before;
}

Str zone_data_version(void) { return str_from(zone_version); }
