/* Whom a list of what people are asked or told is for, and which page of it. Shared by approvals.c and told.c. */
#ifndef BATON_SERVER_PEOPLE_H
#define BATON_SERVER_PEOPLE_H

#include "server/call.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000
#define SCAN_MAX 100000 /* looked through for what is one person's */

typedef struct Wanted { /* STR_NULL: any */
    Str group, person;
} Wanted;
Wanted people_of(ApiCall *call);
/* `line` names a group or a person, or who `may` answer. */
bool people_wanted(const Wanted *w, Value line);
bool people_is_text(Value v, Str text);

typedef struct Page {
    uint64_t at, max;
} Page;
/* For `work`: false with a problem. */
bool people_page(ApiCall *call, Page *ret);

#endif
