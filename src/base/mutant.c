/* One name, chosen once; empty in the release build. */
#include "base/mutant.h"

#ifdef BATON_TEST
#include "base/base.h"
#include <stdio.h>
#include <string.h>

static char chosen[64];

void mutant_choose(const char *name) {
    int n = snprintf(chosen, sizeof chosen, "%s", name ? name : "");
    ASSERT(n >= 0 && (size_t)n < sizeof chosen);
}

bool mutant_is(const char *name) { return chosen[0] && strcmp(chosen, name) == 0; }
#endif
