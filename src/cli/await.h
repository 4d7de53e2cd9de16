/* A run started and waited for without a word: for commands that do many. */
#ifndef BATON_CLI_AWAIT_H
#define BATON_CLI_AWAIT_H

#include "cli/launch.h"
#include "cli/link.h"
#include "trace/tree.h"

typedef struct Awaited {
    void (*tell)(void *ctx,
                 const TraceTree *tree); /* the caller's: how far it is; NULL: nobody asks */
    void *ctx;
    Value document; /* as GET /v1/runs/{run} has it */
    bool waits;     /* for somebody: it is not over */
    int64_t took_ms;
} Awaited;

/* An exit code, with a message, if the run could not be started or the engine went away; else 0. */
int await_run(const Args *args, Link *link, const Launch *launch, Awaited *ret);

#endif
