/* What a workflow, and those that it calls, need of the world before the first step: programs, files of replies, servers and
 * keys of models. Looked at when a run is to be accepted, so that nothing is paid for a run that must fail later for want of
 * them. */
#ifndef BATON_EXEC_PREFLIGHT_H
#define BATON_EXEC_PREFLIGHT_H

#include "spec/plan.h"

typedef struct PreflightOptions {
    Str dir;                  /* where relative paths and commands start */
    Str model_url, model_key; /* as ExecOptions has them */
} PreflightOptions;

typedef struct Missing {
    Pos pos;     /* of who needs it */
    Str who;     /* "agent `writer`", "step `file`" */
    Str problem; /* what is missing, why that is so, what to do */
} Missing;

/* Everything at once, secrets first, then in the order of the file, a workflow that is called where it is called first; *ret
 * in the arena. What is only known when a step begins - a program named by an expression - is not looked for. A command that
 * prints secrets is asked for them, and waited for. */
size_t preflight(const Plan *plan, const PreflightOptions *options, Arena *a, const Missing **ret);
/* "flow.yaml:5: agent `writer`: ..." and a newline. */
void preflight_write(Buf *b, const Missing *m);

#endif
