/* What a run waits for that has called others: their waiting is its own. */
#ifndef BATON_CLI_BELOW_H
#define BATON_CLI_BELOW_H

#include "cli/command.h"
#include "cli/link.h"
#include "cli/standing.h"

typedef struct Below {
    Standing standing; /* of all of them together: what moves outweighs what waits */
    Str run;           /* which of them is waited for; empty: none in particular */
    uint64_t seq;      /* its last row, when it was asked */
} Below;

/* Asks the engine. */
Below below_look(const Args *args, Link *link, Str run);
/* Of that one, as it stood then, whole. The caller frees both. */
TraceTree *below_tree(const Args *args, Link *link, const Below *below, Plan **ret_plan);

#endif
