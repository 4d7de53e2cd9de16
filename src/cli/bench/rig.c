#include "cli/bench/rig.h"

static void entered(void *ctx, int err, UNUSED size_t recovering, UNUSED bool after_crash) {
    Rig *r = ctx;
    r->ready = true;
    r->ready_err = err;
    host_quit(r->host);
}

static void interrupted(void *ctx, UNUSED int signum) {
    Rig *r = ctx;
    r->interrupted = true;
    host_quit(r->host);
}

static void turned(void *ctx) {
    Rig *r = ctx;
    if (r->turned && r->ready)
        r->turned(r->ctx);
}

static void row_durable(void *ctx, const EngineEvent *event) {
    Rig *r = ctx;
    r->row(r->ctx, event);
}

int rig_open(Rig *r, const char *dir) {
    char problem[HOST_PROBLEM_BYTES] = "";
    HostOptions options = {
        .dir = dir, .ctx = r, .ready = entered, .signalled = interrupted, .turned = turned
    };
    int err = host_open(&options, problem, &r->host);
    if (err)
        return bench_fail("%s", *problem ? problem : err_text(err));
    if (r->row)
        r->watcher = engine_watch(host_engine(r->host), STR(""), row_durable, r);
    while (!r->ready && !r->interrupted && host_run(r->host) == 0)
        ;
    if (!r->ready || r->ready_err)
        return bench_fail("the engine cannot begin in %s", dir);
    return 0;
}

static void replied(void *ctx, const EngineReply *reply) {
    Rig *r = ctx;
    if (reply->answer == ENGINE_OK) {
        r->accepted++;
        return;
    }
    if (r->refused++ == 0)
        bench_fail("a run was refused: %.*s", STR_FMT(reply->message));
    host_quit(r->host);
}

void rig_start(Rig *r, Str id) {
    r->started++;
    engine_start_run(host_engine(r->host),
                     &(EngineStart){ .id = id, .closure = r->closure, .dir = STR("/") }, replied,
                     r);
    host_wake(r->host);
}

int rig_run(Rig *r) {
    if (host_run(r->host) != 0)
        return bench_fail("the store failed");
    return r->refused || r->interrupted;
}

void rig_quit(Rig *r) { host_quit(r->host); }

int rig_stop(Rig *r) {
    host_stop(r->host, 0);
    return rig_run(r);
}

void rig_close(Rig *r) {
    if (r->watcher && r->host)
        r->watcher = engine_unwatch(r->watcher);
    r->host = host_close(r->host);
}
