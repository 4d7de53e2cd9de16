/* What is said, and which exit code it is, when nothing more is watched. */
#ifndef BATON_CLI_REPORT_H
#define BATON_CLI_REPORT_H

#include "cli/command.h"
#include "cli/standing.h"

/* The run ended: its output on standard output, or what went wrong. `document` is that of GET /v1/runs/{run}. */
int report_end(const Args *args, Str run, Value document);
/* It goes on later: who is waited for, and what to type. */
int report_standing(const Args *args, Str run, const TraceTree *tree, Standing standing,
                    const TraceNode *waits_for);

#endif
