/* baton serve: be the engine of a directory until told to stop. */
#include "cli/command.h"
#include "cli/link.h"
#include "cli/place.h"
#include "cli/say.h"
#include "host/host.h"

#include <stdio.h>
#include <unistd.h>

#define GRACE_MS (10 * 60 * 1000)
#define IDLE_LOOK_MS 500

typedef struct Serve {
    Link *link;
    Arena *arena;
    unsigned signals;
    bool exit_when_idle;
    bool asking, done;
    Buf answer;
} Serve;

static void stop(Serve *s) {
    s->signals++;
    if (s->signals == 1)
        say_line("stopping: what is in flight is waited for (again: stop now)");
    link_stop(s->link, s->signals == 1 ? GRACE_MS : 0);
}

static void signalled(void *ctx, int signum) {
    (void)signum;
    stop(ctx);
}

/* ---- leaving when idle: when no run is active or waits for something that may still come */

static void look_respond(void *ctx, const ApiResponse *r) {
    Serve *s = ctx;
    buf_str_add(&s->answer, r->body);
}

static void look(Serve *s, const char *state);

static void active_end(void *ctx) {
    Serve *s = ctx;
    bool none = str_find(buf_str(&s->answer), STR("\"runs\":[]")) >= 0;
    s->asking = false;
    if (none)
        look(s, "idle");
}

static void idle_end(void *ctx) {
    Serve *s = ctx;
    bool none = str_find(buf_str(&s->answer), STR("\"runs\":[]")) >= 0;
    s->asking = false;
    if (!none || s->done || link_clients(s->link) > 0 || !engine_quiet(link_engine(s->link)))
        return;
    s->done = true;
    link_stop(s->link, 0);
}

static void look_lost(void *ctx) {
    Serve *s = ctx;
    s->asking = false;
}

static void look(Serve *s, const char *state) {
    bool idle = str_is(str_from(state), "idle");
    ApiSink sink = { look_respond, NULL, idle ? idle_end : active_end };
    buf_reset(&s->answer);
    s->asking = true;
    Arena a = ARENA_NULL;
    ApiRequest request = { .method = API_GET,
                           .path = STR("/v1/runs"),
                           .query = arena_fmt(&a, "limit=1&state=%s", state) };
    link_forget(link_call(s->link, &request, &sink, look_lost, s));
    arena_deinit(&a);
}

static void ticked(void *ctx) {
    Serve *s = ctx;
    if (!s->asking && !s->done && link_clients(s->link) == 0 && engine_quiet(link_engine(s->link)))
        look(s, "active");
}

static int say_problem_of(const char *dir, int err, const char *problem) {
    if (err == -ERR_BUSY)
        return say_error(EXIT_CONFLICT, "another process is already the engine of %s",
                         "`baton ps` asks it", dir);
    return say_error(EXIT_INTERNAL, "%s", "", *problem ? problem : err_text(err));
}

int cmd_serve(Args *args) {
    char problem[HOST_PROBLEM_BYTES] = "";
    const char *dir = place_data(args);
    Serve s = { .arena = args->arena,
                .exit_when_idle = args_flag(args, "exit-when-idle") != NULL,
                .answer = BUF_INIT(1 << 20) };
    LinkOptions options = {
        .dir = dir, .mode = LINK_CARRY, .engine_only = true, .signalled = signalled, .ctx = &s
    };
    if (s.exit_when_idle) {
        options.tick = ticked;
        options.tick_ms = IDLE_LOOK_MS;
    }
    int err = link_open(&options, &s.link, problem);
    if (err != 0)
        return say_problem_of(dir, err, problem);
    bool after_crash;
    size_t recovering = link_recovering(s.link, &after_crash);
    say_line("serving %s (process %d)", dir, (int)getpid());
    if (recovering)
        say_line("going on with %zu run%s%s", recovering, recovering == 1 ? "" : "s",
                 after_crash ? " after a crash" : "");
    err = link_run(s.link);
    buf_deinit(&s.answer);
    link_close(s.link, 0);
    if (err != 0)
        return say_error(EXIT_INTERNAL, "stopped by the trouble above; what was accepted is safe",
                         "when it is mended, start it again: `baton serve --data %s`", dir);
    say_line("stopped");
    return EXIT_OK;
}
