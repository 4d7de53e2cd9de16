/* Watching a run until it ends, waits for somebody, or is paused: what `run`, `resume`, `watch`, `signal` and `resolve` have in
 * common.
 *
 *   link_open -> [POST] -> events --row--> tree -> live view or lines
 *        ^                   |
 *        '- the engine left -'             (another terminal left: this one becomes the engine and goes on)                 */
#ifndef BATON_CLI_WATCH_H
#define BATON_CLI_WATCH_H

#include "cli/command.h"
#include "spec/plan.h"

typedef struct WatchOptions {
    Str run;  /* id */
    Str path; /* what to POST first: the start, a signal, ...; empty: nothing */
    Value body;
    bool start; /* the run may be new */
    /* say this and leave if another process is the engine; NULL: watch in any case */
    const char *told;
    const char *kept; /* a signal: said instead where nothing waits for it yet */
    const Plan *plan; /* for kinds of steps; may be NULL */
    bool look_only;   /* never the engine, never pauses: Ctrl-C leaves the run as it is */
} WatchOptions;

/* Prints the output, or what is the matter, and gives the exit code. */
int watch_run(const Args *args, const WatchOptions *options);

#endif
