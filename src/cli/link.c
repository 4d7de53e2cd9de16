/* Choosing the way, and the loop behind it. Being the engine: host, API and server are opened in that order and closed in the
 * opposite one; the server goes on while the engine stops, so that other terminals see what was in flight end. */
#include "cli/link.h"

#include "base/limits.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "host/host.h"
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A lock that is held while nobody listens: an engine that just begins or just leaves. */
#define BUSY_TRIES 500
#define BUSY_WAIT_US (20 * 1000)

struct Link {
    LinkOptions options;
    char *dir;
    /* the engine in this process */
    Host *host;
    Server *server;
    bool ready, after_crash;
    bool stopping, stopped; /* link_stop() was called; its end was seen */
    bool running, quit;     /* in link_run(), which returns because we asked */
    int ready_err;
    size_t recovering;
    /* reading, or the engine: called directly */
    Api *api;
    Store *store;
    /* a client */
    uv_loop_t own_loop;
    bool has_loop, remote;
    uv_signal_t interrupt, terminate;
    uv_timer_t ticker;
    bool ticks, signals;
    int failure;
};

struct LinkCall {
    Link *link;
    ApiCall *local;
    Remote *remote;
};

static uv_loop_t *loop_of(Link *l) { return l->host ? host_loop(l->host) : &l->own_loop; }

uv_loop_t *link_loop(Link *l) { return loop_of(l); }

/* ---- callbacks */

static void ticked(uv_timer_t *timer) {
    Link *l = timer->data;
    l->options.tick(l->options.ctx);
}

static void start_ticking(Link *l) {
    if (!l->options.tick)
        return;
    uv_timer_init(loop_of(l), &l->ticker);
    l->ticker.data = l;
    uv_timer_start(&l->ticker, ticked, l->options.tick_ms, l->options.tick_ms);
    l->ticks = true;
}

static void remote_signalled(uv_signal_t *handle, int signum) {
    Link *l = handle->data;
    l->options.signalled(l->options.ctx, signum);
}

static void start_signals(Link *l) {
    if (!l->options.signalled)
        return;
    uv_signal_init(&l->own_loop, &l->interrupt);
    uv_signal_init(&l->own_loop, &l->terminate);
    l->interrupt.data = l->terminate.data = l;
    uv_signal_start(&l->interrupt, remote_signalled, SIGINT);
    uv_signal_start(&l->terminate, remote_signalled, SIGTERM);
    l->signals = true;
}

static void host_ready(void *ctx, int err, size_t recovering, bool after_crash) {
    Link *l = ctx;
    l->ready = true;
    l->ready_err = err;
    l->recovering = recovering;
    l->after_crash = after_crash;
    host_quit(l->host);
}

static void host_signalled(void *ctx, int signum) {
    Link *l = ctx;
    if (l->options.signalled)
        l->options.signalled(l->options.ctx, signum);
    else
        host_stop(l->host, 0);
}

static void host_turned(void *ctx) {
    Link *l = ctx;
    if (l->options.turned)
        l->options.turned(l->options.ctx);
}

static int64_t wall_ms(void *ctx) {
    (void)ctx;
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

static int64_t engine_ms(void *ctx) { return host_now_ms(((Link *)ctx)->host); }

static void wake_engine(void *ctx) { host_wake(((Link *)ctx)->host); }

/* ---- opening */

static int become_engine(Link *l, char *problem) {
    HostOptions options = { .dir = l->dir,
                            .no_recover = l->options.mode != LINK_CARRY,
                            .log_asked = l->options.engine_only,
                            .ctx = l,
                            .ready = host_ready,
                            .signalled = host_signalled,
                            .turned = host_turned };
    int err = host_open(&options, problem, &l->host);
    if (err != 0)
        return err;
    ApiOptions api = { .engine = host_engine(l->host),
                       .dir = l->dir,
                       .now_ms = engine_ms,
                       .wake = wake_engine,
                       .ctx = l };
    l->api = api_new(&api);
    err = server_open(l->api, host_loop(l->host), l->dir, &l->server, problem);
    if (err != 0)
        return err;
    while (!l->ready && err == 0)
        err = host_run(l->host);
    if (l->ready_err != 0) {
        snprintf(problem, HOST_PROBLEM_BYTES, "the engine cannot begin: %s",
                 err_text(l->ready_err));
        return l->ready_err;
    }
    if (err != 0)
        snprintf(problem, HOST_PROBLEM_BYTES, "the engine cannot begin, as said above");
    return err;
}

static int open_for_reading(Link *l, char *problem) {
    StoreSqliteOptions options = { .read_only = true };
    int err = store_sqlite_open(l->dir, &options, &l->store, problem);
    if (err != 0)
        return err;
    l->api = api_new(&(ApiOptions){ .reader = l->store, .dir = l->dir, .now_ms = wall_ms });
    return 0;
}

static bool store_exists(const char *dir) {
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/baton.db", dir);
    return stat(path, &st) == 0;
}

bool link_listens(const char *dir) {
    int fd;
    if (server_connect(dir, &fd) != 0)
        return false;
    close(fd);
    return true;
}

static int choose_way(Link *l, char *problem) {
    for (int tries = 0;; tries++) {
        if (!l->options.engine_only && link_listens(l->dir)) {
            l->remote = true;
            return 0;
        }
        if (l->options.mode == LINK_READ)
            return store_exists(l->dir) ? open_for_reading(l, problem) : LINK_E_NONE;
        int err = become_engine(l, problem);
        if (err != -ERR_BUSY || l->options.engine_only || tries == BUSY_TRIES)
            return err;
        usleep(BUSY_WAIT_US);
    }
}

int link_open(const LinkOptions *options, Link **ret_link, char *problem) {
    Link *l = xcalloc(1, sizeof *l);
    l->options = *options;
    l->dir = xstrndup(options->dir, strlen(options->dir));
    int err = choose_way(l, problem);
    if (err != 0) {
        link_close(l, 0);
        return err;
    }
    if (l->remote) {
        uv_loop_init(&l->own_loop);
        l->has_loop = true;
        start_signals(l);
    }
    if (l->remote || l->host)
        start_ticking(l);
    *ret_link = l;
    return 0;
}

/* ---- closing */

static void close_handles(Link *l) {
    if (l->ticks)
        uv_close((uv_handle_t *)&l->ticker, NULL);
    if (l->signals) {
        uv_close((uv_handle_t *)&l->interrupt, NULL);
        uv_close((uv_handle_t *)&l->terminate, NULL);
    }
}

static void close_engine(Link *l, int64_t grace_ms) {
    if (l->ready && l->failure == 0 && l->ready_err == 0) {
        if (!l->stopping)
            link_stop(l, grace_ms);
        while (!l->stopped && l->failure == 0)
            link_run(l);
    }
    close_handles(l);
    server_close(l->server);
    uv_run(host_loop(l->host), UV_RUN_NOWAIT);
    host_halt(l->host); /* the reader may be at work for a call */
    l->api = api_free(l->api);
    host_close(l->host);
}

Link *link_close(Link *l, int64_t grace_ms) {
    if (!l)
        return NULL;
    if (l->host) {
        close_engine(l, grace_ms);
    } else if (l->has_loop) {
        close_handles(l);
        uv_run(&l->own_loop, UV_RUN_DEFAULT);
        uv_loop_close(&l->own_loop);
    }
    api_free(l->api);
    store_close(l->store);
    free(l->dir);
    free(l);
    return NULL;
}

void link_stop(Link *l, int64_t grace_ms) {
    if (!l->host)
        return;
    l->stopping = true;
    host_stop(l->host, grace_ms);
}

/* ---- looking */

bool link_unattended(const Link *l) { return !l->host && !l->remote; }

Engine *link_engine(const Link *l) { return l->host ? host_engine(l->host) : NULL; }

size_t link_recovering(const Link *l, bool *ret_after_crash) {
    *ret_after_crash = l->after_crash;
    return l->recovering;
}

size_t link_clients(const Link *l) { return l->server ? server_connections(l->server) : 0; }

/* ---- calling */

LinkCall *link_call(Link *l, const ApiRequest *request, const ApiSink *sink,
                    void (*lost)(void *ctx), void *ctx) {
    LinkCall *call = xcalloc(1, sizeof *call);
    call->link = l;
    if (!l->remote) {
        call->local = api_call(l->api, request, sink, ctx);
        return call;
    }
    int fd;
    if (server_connect(l->dir, &fd) != 0)
        lost(ctx);
    else
        call->remote = remote_call(&l->own_loop, fd, request, sink, lost, ctx);
    return call;
}

void link_forget(LinkCall *call) { free(call); }

void link_hangup(LinkCall *call) {
    if (!call)
        return;
    if (call->local)
        api_hangup(call->local);
    if (call->remote)
        remote_hangup(call->remote);
    free(call);
}

int link_run(Link *l) {
    l->quit = false;
    l->running = true;
    if (l->host) {
        l->failure = host_run(l->host);
        l->stopped = l->stopping && !l->quit;
    } else if (l->has_loop) {
        uv_run(&l->own_loop, UV_RUN_DEFAULT);
    }
    l->running = false;
    return l->failure;
}

/* Outside of the loop there is nothing to quit, and a wish kept for later would end the next loop at once. */
void link_quit(Link *l) {
    if (!l->running)
        return;
    l->quit = true;
    if (l->host)
        host_quit(l->host);
    else if (l->has_loop)
        uv_stop(&l->own_loop);
}

/* ---- one request */

typedef struct Asked {
    Link *link;
    Reply *reply;
    bool ended, lost;
} Asked;

static void ask_respond(void *ctx, const ApiResponse *response) {
    Asked *ask = ctx;
    ask->reply->status = response->status;
    buf_str_add(&ask->reply->body, response->body);
}

static void ask_send(void *ctx, Str bytes) {
    Asked *ask = ctx;
    buf_str_add(&ask->reply->body, bytes);
}

static void ask_end(void *ctx) {
    Asked *ask = ctx;
    ask->ended = true;
    link_quit(ask->link);
}

static void ask_lost(void *ctx) {
    Asked *ask = ctx;
    ask->ended = ask->lost = true;
    link_quit(ask->link);
}

void link_ask(Link *l, const ApiRequest *request, Reply *ret_reply) {
    static const ApiSink sink = { ask_respond, ask_send, ask_end };
    *ret_reply = (Reply){ .body = BUF_INIT(LIMIT_VALUE_BYTES) };
    Asked ask = { .link = l, .reply = ret_reply };
    LinkCall *call = link_call(l, request, &sink, ask_lost, &ask);
    while (!ask.ended && l->failure == 0)
        link_run(l);
    if (ask.ended)
        link_forget(call);
    else
        link_hangup(call);
    if (ask.lost)
        ret_reply->status = 0;
}
