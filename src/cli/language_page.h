/* The language as one page of plain text, for people without a browser and for programs that write workflows:
 * `baton help language`. */
#ifndef BATON_CLI_LANGUAGE_PAGE_H
#define BATON_CLI_LANGUAGE_PAGE_H

#include "base/arena.h"

Str language_page(Arena *a);

#endif
