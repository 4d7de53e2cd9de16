/* Wiring, and one iteration of the loop:
 *
 *   timers, sockets, finished jobs -> (they call wake) -> check: collect both threads, engine_turn() if woken -> poll again
 *
 * An idle handle keeps the poll from sleeping while somebody has called wake; with nothing to do the loop sleeps in epoll
 * without a timeout and no thread runs.
 *
 * The order of opening matters. The helper is forked first, while the process is small and has one thread; then the store
 * takes the directory's lock; then the helper waits for the one before it, whose commands may still be dying; only then
 * threads and engine begin. */
#include "host/host.h"

#include "base/limits.h"
#include "exec/executor.h"
#include "host/failpoint.h"
#include "host/mark.h"
#include "host/spawn.h"
#include "host/store_thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* SIGKILL takes effect in milliseconds; what resists so long sits in the kernel and will not end by waiting. */
#define OLD_HELPER_TIMEOUT_MS 10000
/* Attempts in flight at SIGTERM: what a service manager commonly waits, less some. */
#define STOP_GRACE_MS 5000
/* A timer is at most this long, because a clock that is set forward does not move libuv's. */
#define TIMER_MS_MAX 60000

struct Host {
    HostOptions options;
    uv_loop_t loop;
    uv_check_t check;
    uv_idle_t idle;
    uv_async_t finished;
    uv_timer_t timer;
    uv_signal_t interrupted, terminated;
    StoreThread writer, reader;
    Store *store;
    Engine *engine;
    CommandBounds bounds;
    Exec *exec;
    Spawner spawner;
    Mark mark;
    int64_t wake_at_ms;
    bool woken, ended, loop_open; /* ended: the engine has stopped */
    bool helpless;                /* the helper died while there was work to do */
};

/* ---- ports ------------------------------------------------------------------------------------------------------------- */

static int64_t clock_ms(UNUSED void *ctx) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t monotonic_us(UNUSED void *ctx) { return (int64_t)(uv_hrtime() / 1000); }

static void random_bytes(UNUSED void *ctx, void *ret, size_t n) {
    char *at = ret;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        ASSERT(got > 0 || errno == EINTR);
        at += MAX(got, 0);
        n -= (size_t)MAX(got, 0);
    }
}

static void submit(void *ctx, StoreJob *job) {
    Host *h = ctx;
    store_thread_submit(job->write ? &h->writer : &h->reader, job);
}

static void start_attempt(void *ctx, Attempt *a) {
    Host *h = ctx;
    exec_start(h->exec, a);
}

static void stop_attempt(void *ctx, Attempt *a) {
    Host *h = ctx;
    exec_stop(h->exec, a);
}

/* The idle handle's callback: that it is active is what counts. */
static void keep_awake(UNUSED uv_idle_t *idle) {}

static void wake(void *ctx) {
    Host *h = ctx;
    if (h->woken)
        return;
    h->woken = true;
    uv_idle_start(&h->idle, keep_awake);
}

static void timer_due(uv_timer_t *timer) {
    Host *h = timer->data;
    int64_t due_ms = h->wake_at_ms, now_ms = clock_ms(NULL);
    if (now_ms >= due_ms) {
        h->wake_at_ms = INT64_MAX;
        wake(h);
        return;
    }
    uv_timer_start(timer, timer_due, (uint64_t)MIN(due_ms - now_ms, TIMER_MS_MAX), 0);
}

static void wake_at(void *ctx, int64_t due_ms) {
    Host *h = ctx;
    if (due_ms == h->wake_at_ms)
        return;
    h->wake_at_ms = due_ms;
    if (due_ms == INT64_MAX) {
        uv_timer_stop(&h->timer);
        return;
    }
    int64_t wait_ms = MIN(MAX(due_ms - clock_ms(NULL), 0), TIMER_MS_MAX);
    uv_update_time(
        &h->loop); /* libuv counts from the start of this iteration, which may be milliseconds ago */
    uv_timer_start(&h->timer, timer_due, (uint64_t)wait_ms, 0);
}

static void log_line(void *ctx, Str line) {
    Host *h = ctx;
    if (h->options.log)
        h->options.log(h->options.ctx, line);
    else
        fprintf(stderr, "baton: %.*s\n", STR_FMT(line));
}

static void mark(void *ctx, Str run) {
    Host *h = ctx;
    mark_set(&h->mark, run);
}

static void attempt_completed(void *ctx, Attempt *a, const Completion *c) {
    Host *h = ctx;
    engine_complete(h->engine, a, c);
    wake(h);
}

static void attempt_named(void *ctx, Attempt *a, Str handle) {
    Host *h = ctx;
    engine_handle(h->engine, a, handle);
    wake(h);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

/* That it ran made the poll return, which is all. */
static void job_finished(UNUSED uv_async_t *async) {}

static void turn(Host *h) {
    h->woken = false;
    if (engine_turn(h->engine))
        h->woken = true;
    if (engine_failed(h->engine)) {
        const char *problem = h->store->problem;
        char line[STORE_PROBLEM_BYTES + 128];
        snprintf(line, sizeof line,
                 "the store failed%s%s; stopping without another word, to recover from the disk",
                 *problem ? ": " : "", problem);
        log_line(h, str_from(line));
        uv_stop(&h->loop);
    } else if (h->options.turned) {
        h->options.turned(h->options.ctx);
    }
    if (h->woken)
        uv_idle_start(&h->idle, keep_awake);
    else
        uv_idle_stop(&h->idle);
}

static void after_poll(uv_check_t *check) {
    Host *h = check->data;
    bool any = store_thread_collect(&h->writer);
    any |= store_thread_collect(&h->reader);
    if (h->woken || any)
        turn(h);
}

static void signal_came(uv_signal_t *handle, int signal_number) {
    Host *h = handle->data;
    if (h->options.signalled)
        h->options.signalled(h->options.ctx, signal_number);
    else
        host_stop(h, STOP_GRACE_MS);
}

/* Without it no command can be started, and what it started is gone with an unknown outcome: the same as a crash of ours,
 * so it is treated as one. The next engine has a helper of its own and recovers. */
static void helper_died(void *ctx) {
    Host *h = ctx;
    if (h->ended)
        return;
    log_line(
        h,
        STR("the helper process, which starts commands, was killed; stopping, to recover from the disk"));
    h->helpless = true;
    uv_stop(&h->loop);
}

static int open_loop(Host *h) {
    int err = uv_loop_init(&h->loop);
    if (err)
        return err;
    h->loop_open = true;
    uv_check_init(&h->loop, &h->check);
    uv_idle_init(&h->loop, &h->idle);
    uv_async_init(&h->loop, &h->finished, job_finished);
    uv_timer_init(&h->loop, &h->timer);
    uv_signal_init(&h->loop, &h->interrupted);
    uv_signal_init(&h->loop, &h->terminated);
    h->check.data = h->timer.data = h->interrupted.data = h->terminated.data = h;
    h->wake_at_ms = INT64_MAX;
    uv_check_start(&h->check, after_poll);
    uv_signal_start(&h->interrupted, signal_came, SIGINT);
    uv_signal_start(&h->terminated, signal_came, SIGTERM);
    return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------------------------- */

static int refuse(char *problem, int err, const char *what, const char *remedy) {
    snprintf(problem, HOST_PROBLEM_BYTES, "%s: %s%s%s", what, strerror(-err), *remedy ? "; " : "",
             remedy);
    return -ERR_INTERNAL;
}

static int open_store(Host *h, char *problem) {
    uint8_t key[32];
    random_bytes(h, key, sizeof(key));
    StoreSqliteOptions options = h->options.store;
    ASSERT(!options.read_only);
    options.install_key = key;
    if (!options.vfs)
        options.vfs = failpoint_vfs();
    char store_problem[STORE_PROBLEM_BYTES] = "";
    int r = store_sqlite_open(h->options.dir, &options, &h->store, store_problem);
    if (r)
        snprintf(problem, HOST_PROBLEM_BYTES, "%s", store_problem);
    return r;
}

static int open_helper(Host *h, char *problem) {
    int r = spawner_hold(&h->spawner, OLD_HELPER_TIMEOUT_MS);
    if (r == -ETIMEDOUT)
        return refuse(problem, r,
                      "commands of an earlier engine are still running and cannot be killed",
                      "look for baton-command in ps");
    if (r == -EPIPE)
        return refuse(problem, r, "the helper process, which starts commands, was killed",
                      "start baton again");
    if (r)
        return refuse(problem, r, "cannot lock helper.lock in the data directory", "");
    h->spawner.died = helper_died;
    h->spawner.ctx = h;
    spawner_listen(&h->spawner, &h->loop);
    return 0;
}

static int open_threads(Host *h, char *problem) {
    int r = store_thread_start(&h->writer, "baton-journal", h->store, &h->finished);
    if (!r)
        r = store_thread_start(&h->reader, "baton-reader", h->store, &h->finished);
    return r ? refuse(problem, r, "cannot start a thread", "") : 0;
}

static void open_exec(Host *h) {
    h->exec = exec_new(&(ExecOptions){
        .loop = &h->loop,
        .complete = attempt_completed,
        .handle = attempt_named,
        .ctx = h,
        .submit = submit,
        .spawn = spawner_port(&h->spawner),
        .requests_max = h->options.requests_max,
        .commands_max = h->options.commands_max,
        .bounds = h->bounds,
        .model_url = str_from(getenv("OPENAI_BASE_URL")),
        .model_key = str_from(getenv("OPENAI_API_KEY")),
        .mail_url = str_from(getenv("BATON_SMTP")),
        .mail_from = str_from(getenv("BATON_SMTP_FROM")),
    });
}

static void open_engine(Host *h) {
    EnginePorts ports = { .ctx = h,
                          .now_ms = clock_ms,
                          .mono_us = monotonic_us,
                          .random = random_bytes,
                          .submit = submit,
                          .start = start_attempt,
                          .stop = stop_attempt,
                          .wake = wake,
                          .wake_at = wake_at,
                          .log = log_line,
                          .mark = mark };
    EngineOptions options = { .install_key = h->store->install_key,
                              .single = true,
                              .recover = !h->options.no_recover,
                              .resident_max = h->options.resident_max,
                              .log_asked = h->options.log_asked,
                              .suspect = host_suspect(h) };
    h->engine = engine_new(&ports, &options);
    engine_enter(h->engine, h->options.ready, h->options.ctx);
    wake(h);
}

/* Each request and each command has descriptors; the usual soft limit of 1024 is for programs that use select(). */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* What the operator says by the environment, refused at once where it cannot hold. */
static int read_settings(Host *h, char *problem) {
    char why[BOUNDS_PROBLEM_BYTES];
    const char *bounds = getenv("BATON_COMMAND_LIMITS"), *authorities = getenv("BATON_CA_FILE");
    if (!command_bounds_read(str_from(bounds ? bounds : ""), &h->bounds, why)) {
        snprintf(problem, HOST_PROBLEM_BYTES, "%s", why);
        return -ERR_INTERNAL;
    }
    if (authorities && *authorities && access(authorities, R_OK) != 0) {
        snprintf(problem, HOST_PROBLEM_BYTES,
                 "BATON_CA_FILE: cannot read %.100s (%s): it names a file of certificates (PEM)",
                 authorities, strerror(errno));
        return -ERR_INTERNAL;
    }
    return 0;
}

static int open_all(Host *h, char *problem) {
    int r = read_settings(h, problem);
    if (r)
        return r;
    r = spawner_fork(&h->spawner, h->options.dir);
    if (r)
        return refuse(problem, r, "cannot fork the helper process", "");
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    if ((r = open_store(h, problem)) != 0)
        return r;
    if ((r = open_loop(h)) != 0)
        return refuse(problem, r, "cannot make an event loop", "");
    if ((r = open_helper(h, problem)) != 0)
        return r;
    if (mark_open(&h->mark, h->options.dir) != 0)
        log_line(
            h,
            STR("cannot map the file `mark` in the data directory: a run that crashes baton each time "
                "will not be noticed"));
    if ((r = open_threads(h, problem)) != 0)
        return r;
    open_exec(h);
    open_engine(h);
    return 0;
}

int host_open(const HostOptions *options, char *problem, Host **ret_host) {
    Host *h = xcalloc(1, sizeof(*h));
    h->options = *options;
    int r = open_all(h, problem);
    if (r)
        host_close(h);
    else
        *ret_host = h;
    return r;
}

/* ---- running and closing ----------------------------------------------------------------------------------------------- */

int host_run(Host *h) {
    if (!h->ended && !h->helpless)
        uv_run(&h->loop, UV_RUN_DEFAULT);
    return engine_failed(h->engine) ? -ERR_IO : h->helpless ? -ERR_INTERNAL : 0;
}

void host_quit(Host *h) { uv_stop(&h->loop); }

static void stopped(void *ctx, int err) {
    Host *h = ctx;
    if (!err)
        mark_clear(&h->mark);
    h->ended = true;
    host_quit(h);
}

void host_stop(Host *h, int64_t grace_ms) {
    engine_stop(h->engine, grace_ms, stopped, h);
    wake(h);
}

static void close_handle(uv_handle_t *handle, UNUSED void *ctx) {
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void host_halt(Host *h) {
    store_thread_join(&h->writer);
    store_thread_join(&h->reader);
}

/* Executors first: they still look at attempts, which are the engine's. The threads before both: a job is the engine's too. */
Host *host_close(Host *h) {
    if (!h)
        return NULL;
    host_halt(h);
    if (h->exec)
        exec_close(h->exec);
    h->engine = engine_free(h->engine);
    spawner_close(&h->spawner);
    if (h->loop_open) {
        uv_walk(&h->loop, close_handle, NULL);
        while (uv_run(&h->loop, UV_RUN_DEFAULT) != 0) /* a host_quit() of before ends it early */
            ;
        int err = uv_loop_close(&h->loop);
        ASSERT(err == 0);
    }
    h->exec = exec_free(h->exec);
    store_close(h->store);
    mark_close(&h->mark);
    free(h);
    return NULL;
}

uv_loop_t *host_loop(Host *h) { return &h->loop; }

Engine *host_engine(Host *h) { return h->engine; }

int64_t host_now_ms(Host *h) { return clock_ms(h); }

void host_wake(Host *h) { wake(h); }

Str host_suspect(const Host *h) { return str_from(h->mark.suspect); }
