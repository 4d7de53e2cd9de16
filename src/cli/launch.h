/* Starting a run and watching it, the same for `run`, `fork` and `dev`. */
#ifndef BATON_CLI_LAUNCH_H
#define BATON_CLI_LAUNCH_H

#include "cli/command.h"
#include "spec/plan.h"

typedef struct Launch {
    Str id; /* launch_id() if nobody chose one */
    Str closure;
    Value input;
    Str dir;
    Str source, before; /* outcomes of which run are reused, up to which step; empty: none, all */
    const Plan *plan;
    bool detach;
} Launch;

/* Made here, not by the engine: a start that is sent twice because an answer was lost is then one run. */
Str launch_id(Arena *a);
/* --id, or one that is made. EXIT_USAGE with a message, or 0. */
int launch_choose_id(const Args *args, Str *ret_id);
/* What is POSTed to start it. */
Value launch_body(const Args *args, const Launch *launch);
/* The exit code of watch_run(), or of having handed it to the background. */
int launch_run(const Args *args, const Launch *launch);

#endif
