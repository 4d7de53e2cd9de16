/* The tables that scripts/zones makes of tzdata when Baton is built. Only zone.c looks at them. */
#ifndef BATON_CEL_ZONE_TABLE_H
#define BATON_CEL_ZONE_TABLE_H

#include "base/base.h"

/* From `time` on, clocks are `offset` seconds ahead of UTC. Eight bytes each: there are 18,000. */
typedef struct ZoneChange {
    int64_t time : 44;
    int64_t offset : 20;
} ZoneChange;

/* The n-th such weekday of a month (5: the last), seconds after its midnight; those may lie on another day. */
typedef struct ZoneDay {
    uint8_t month, week, weekday;
    int32_t seconds;
} ZoneDay;

/* What holds after the last change. Summer time begins by the clock of the standard offset and ends by that of summer;
 * begins.month is 0 where there is none. */
typedef struct ZoneRule {
    int32_t standard, summer;
    ZoneDay begins, ends;
} ZoneRule;

struct Zone {
    uint32_t first, n; /* of zone_changes */
    uint32_t rule;
    int32_t before; /* offset before the first change */
};

typedef struct ZoneName {
    const char *name;
    uint32_t zone;
} ZoneName;

extern const char zone_version[];
extern const ZoneChange zone_changes[];
extern const ZoneRule zone_rules[];
extern const struct Zone zones[];
extern const ZoneName zone_names[]; /* sorted */
extern const size_t zone_names_n;

#endif
