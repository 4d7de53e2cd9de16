/* Time zones by name, from tables that were made of tzdata when Baton was built: no file is read. */
#ifndef BATON_CEL_ZONE_H
#define BATON_CEL_ZONE_H

#include "base/str.h"

typedef struct Zone Zone;

/* "Europe/Vienna", "UTC"; NULL if there is none. Case counts. */
const Zone *zone_find(Str name);
/* The name a person may have meant, or STR_NULL. */
Str zone_nearest(Str name);
/* Seconds that clocks there are ahead of UTC at a time, in seconds since 1970. */
int64_t zone_offset(const Zone *zone, int64_t seconds);
/* "2025b": which tzdata it is. */
Str zone_data_version(void);

#endif
