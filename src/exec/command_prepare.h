/* From a request of the `run` kind to what a process is given. */
#ifndef BATON_EXEC_COMMAND_PREPARE_H
#define BATON_EXEC_COMMAND_PREPARE_H

#include "engine/ports.h"
#include "exec/spawn.h"

typedef struct CommandParts { /* in the attempt's arena */
    const char **argv, **env; /* NULL at the end */
    const char *cwd;
    SpawnSandbox sandbox;
    const char *path; /* PATH of env; for messages */
    Str input;        /* standard input */
} CommandParts;

/* NULL, or what is wrong with the request. */
const char *command_prepare(Attempt *a, CommandParts *ret);
/* The same of a process that works for many: it is not told for which. */
const char *command_prepare_server(Attempt *a, CommandParts *ret);

#endif
