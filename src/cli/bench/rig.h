/* An engine with its host in this process, and the runs a case starts in it. */
#ifndef BATON_CLI_BENCH_RIG_H
#define BATON_CLI_BENCH_RIG_H

#include "cli/bench/bench.h"
#include "host/host.h"

typedef struct Rig {
    Host *host;
    Str closure;
    EngineWatcher *watcher;
    uint64_t started, accepted, refused;
    bool ready;
    int ready_err;
    bool interrupted;
    /* Set before rig_open(); each may be NULL. */
    void *ctx;
    void (*row)(void *ctx, const EngineEvent *event); /* became durable */
    void (*turned)(void *ctx);
} Rig;

/* Opens DIR and waits until the engine has entered. 0, or 1 with what went wrong said. */
int rig_open(Rig *r, const char *dir);
/* Starts one more run of the closure; empty id: made. */
void rig_start(Rig *r, Str id);
/* Turns the loop until rig_quit(). 0; 1 if the store failed, a run was refused or somebody pressed Ctrl-C. */
int rig_run(Rig *r);
void rig_quit(Rig *r);
/* Clean stop. */
int rig_stop(Rig *r);
/* Without rig_stop() before: as a crash. */
void rig_close(Rig *r);

#endif
