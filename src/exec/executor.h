/* Executors: what performs an attempt in the outside world. One small port chosen by the kind of callee:
 *
 *   exec_start(attempt) --kind--> echo | run | http | model | scripted model --> complete(attempt, completion), once
 *
 * Executors live on the loop thread, take a libuv loop and never block on the world. What they say about an outcome is
 * the effect contract (docs/effects.md): a failure is definite (OUTCOME_FAILED) only if nothing was done, everything
 * after the first byte without a complete valid answer is OUTCOME_UNKNOWN. */
#ifndef BATON_EXEC_EXECUTOR_H
#define BATON_EXEC_EXECUTOR_H

#include "engine/ports.h"
#include "exec/spawn.h"

#include <uv.h>

typedef struct Exec Exec;

typedef struct ExecOptions {
    uv_loop_t *loop;
    /* Called exactly once for each attempt, also from within exec_start() and exec_stop(). Takes a copy of what it keeps. */
    void (*complete)(void *ctx, Attempt *a, const Completion *c);
    /* What the other side calls what it has begun, JSON text without secrets; NULL: nobody keeps it. */
    void (*handle)(void *ctx, Attempt *a, Str handle);
    /* Text of an answer that is still coming, from this offset on: provisional, and perhaps never. Borrowed; NULL: not told. */
    void (*delta)(void *ctx, const Attempt *a, size_t offset, Str text);
    void *ctx;
    void (*submit)(void *ctx, StoreJob *job); /* of EnginePorts; NULL: nothing is kept of tools */
    SpawnPort spawn;       /* how commands are started; spawn.spawn NULL: `run` is refused */
    unsigned requests_max; /* HTTP requests in flight at once; 0: 256 */
    unsigned commands_max; /* commands in flight at once; 0: 128 */
    CommandBounds bounds;  /* of each command */
    Str model_url;         /* base of chat completions; empty: https://api.openai.com/v1 */
    Str model_key;         /* bearer token; empty: none is sent */
    Str mail_url;          /* smtp://USER:PASSWORD@HOST:PORT, or smtps://; empty: no mail is sent */
    Str mail_from;         /* the sender's address */
} ExecOptions;

/* Borrows the texts of `options` until exec_free(). */
Exec *exec_new(const ExecOptions *options);
/* Forgets every attempt (no completion follows) and begins to close; run the loop until it has no handle of ours. */
void exec_close(Exec *x);
/* After exec_close() and after the loop has run its callbacks. Takes NULL and returns NULL. */
Exec *exec_free(Exec *x);

void exec_start(Exec *x, Attempt *a);
void exec_stop(Exec *x, Attempt *a);

#endif
