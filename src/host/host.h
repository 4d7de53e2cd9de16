/* The host: the real world around one engine in one process. It owns the libuv loop, the journal thread and the reader
 * thread, the store, the executors, the helper that starts commands, the clock and the signals.
 *
 *   loop thread:     sockets, timers, executors, engine_turn() once per iteration when woken
 *   journal thread:  StoreJobs that write       (commit of one batch while the next gathers)
 *   reader thread:   StoreJobs that read
 *   helper process:  commands, each as a tree below a supervisor of its own; dies with the engine
 *
 *   host_open -> engine_* from the loop thread -> host_run -> host_stop (from a callback) -> host_run returns -> host_close
 *
 * Everything here is called on the thread that called host_open(), which is the loop thread. */
#ifndef BATON_HOST_HOST_H
#define BATON_HOST_HOST_H

#include "engine/engine.h"

#include <uv.h>

typedef struct Host Host;

typedef struct HostOptions {
    const char *dir;          /* data directory; made (0700) if missing */
    StoreSqliteOptions store; /* zero is good; install_key is filled in by the host */
    bool no_recover; /* serve only what is asked: runs of an earlier engine stay where they are */
    size_t resident_max; /* EngineOptions, as the next */
    bool log_asked;
    unsigned requests_max; /* HTTP requests in flight at once, of tools and models; 0: 256 */
    unsigned commands_max; /* commands in flight at once; 0: 128 */

    void *ctx; /* of the callbacks, each of which may be NULL; all run on the loop thread */
    void (*ready)(void *ctx, int err, size_t recovering, bool after_crash); /* EngineReady */
    void (*signalled)(void *ctx, int signum); /* SIGINT, SIGTERM. NULL: host_stop() */
    void (*turned)(void *ctx);        /* after each engine turn: the place to ask engine_quiet() */
    void (*log)(void *ctx, Str line); /* NULL: one line on standard error */
} HostOptions;

#define HOST_PROBLEM_BYTES 256

/* Opens the store, starts threads and helper, makes the engine and lets it enter (`ready` follows from host_run). Call it
 * before the process has a thread: it forks. Options are copied, the texts borrowed until host_close().
 * 0 with *ret_host; -ERR_BUSY if another process is the engine of this directory; STORE_E_DAMAGED or another -ERR_* with
 * `problem` (HOST_PROBLEM_BYTES) saying what, where and what to do. */
int host_open(const HostOptions *options, char *problem, Host **ret_host);
/* Turns the loop until host_quit() or the end of host_stop(). 0, or, to exit and recover from the disk:
 * -ERR_IO if the store failed, -ERR_INTERNAL if the helper was killed. */
int host_run(Host *h);
/* Lets host_run() return soon; nothing is stopped. */
void host_quit(Host *h);
/* Clean stop (engine_stop), then host_quit(). Again while stopping: attempts in flight are stopped at once. Once the engine
 * has stopped host_run() returns at once. */
void host_stop(Host *h, int64_t grace_ms);
/* Ends the threads of the store: what was asked of it is not answered any more, and whoever asked may be freed. */
void host_halt(Host *h);
/* Frees everything; commands still running are killed. Without host_stop() before, this is what a crash is: the next
 * engine recovers. Takes NULL and returns NULL. */
Host *host_close(Host *h);

uv_loop_t *host_loop(Host *h);
Engine *host_engine(Host *h);
/* Same as the engine's clock. */
int64_t host_now_ms(Host *h);
/* An engine_turn() soon, after requests made outside of a callback of the engine. */
void host_wake(Host *h);
/* The run that was being applied when this process's two predecessors crashed (DESIGN.md section 8), or empty. */
Str host_suspect(const Host *h);

#endif
