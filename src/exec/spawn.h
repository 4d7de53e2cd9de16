/* The port through which commands are started. The host implements it with a helper process (host/spawn.h); nothing here
 * knows how. A command is a tree of processes: when its first process ends, or it is killed, all of them are gone before
 * the end is told. */
#ifndef BATON_EXEC_SPAWN_H
#define BATON_EXEC_SPAWN_H

#include "exec/bounds.h"

#include <stdbool.h>
#include <stdint.h>

/* What went wrong before the program ran. */
typedef enum SpawnStage {
    SPAWN_RAN,
    SPAWN_NO_DIRECTORY,
    SPAWN_NO_PROGRAM,
    SPAWN_NO_PROCESS,
    SPAWN_NO_SANDBOX
} SpawnStage;

typedef struct SpawnEnd {
    SpawnStage stage;
    int error;          /* errno, unless SPAWN_RAN */
    bool lost;          /* the helper died: how the command ended is not known */
    int code;           /* exit code, if it exited */
    int signal;         /* which killed it; 0: it exited */
    int64_t cpu_us;     /* that its whole tree used */
    int64_t peak_bytes; /* of memory in use, of the largest of its processes */
} SpawnEnd;

/* What the command gives up (host/confine.h). */
typedef struct SpawnSandbox {
    bool off, reads, writes, no_network;
    const char *const *read,
        *const *write; /* absolute, or relative to where the engine was started; NULL at the end */
} SpawnSandbox;

typedef struct SpawnOrder {
    const char *const *
        argv; /* the program is looked for in PATH of `env` unless it has a slash; NULL at the end */
    const char *const *env; /* NAME=value, NULL at the end */
    const char *cwd;
    CommandBounds bounds;
    SpawnSandbox sandbox;
    int fds[3]; /* its standard input, output and error. Taken: closed here when spawn returns */
    void (*ended)(void *ctx, const SpawnEnd *end);
    void *ctx;
} SpawnOrder;

typedef struct SpawnPort {
    void *ctx;
    /* Gives a number for the command; `ended` follows, later. 0 with errno if it was not even asked for: nothing follows. */
    uint64_t (*spawn)(void *ctx, const SpawnOrder *order);
    /* Ends it: SIGTERM and a short grace, or (`hard`) SIGKILL at once. `ended` still follows. */
    void (*stop)(void *ctx, uint64_t command, bool hard);
    /* The command is killed and `ended` will not be called. */
    void (*forget)(void *ctx, uint64_t command);
} SpawnPort;

#endif
