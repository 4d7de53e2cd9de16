#include "cli/await.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/standing.h"
#include "exec/sse.h"
#include "server/event.h"

typedef struct Await {
    Link *link;
    const Awaited *whose;
    LinkCall *events;
    TraceTree *tree;
    Sse stream;
    bool ended, waits, lost, over;
} Await;

static void finish(Await *w) {
    w->over = true;
    link_quit(w->link);
}

static void take_event(void *ctx, Str name, Str data) {
    Await *w = ctx;
    Arena a = ARENA_NULL;
    uint64_t seq;
    Value v;
    Row row;
    w->ended |= str_is(name, "end");
    if (str_is(name, "row") && json_read(&a, data, &v, NULL) == 0 &&
        event_row(v, &a, &seq, &row) == 0)
        tree_take(w->tree, seq, &row);
    arena_deinit(&a);
}

static void respond(void *ctx, const ApiResponse *response) {
    Await *w = ctx;
    w->lost |= !response->stream;
}

static void take_bytes(void *ctx, Str bytes) {
    Await *w = ctx;
    const TraceNode *what;
    sse_take(&w->stream, bytes, take_event, w);
    if (w->whose->tell)
        w->whose->tell(w->whose->ctx, w->tree);
    switch (standing_of(w->tree, &what)) {
    case STANDING_BUSY:
    case STANDING_BELOW:
    case STANDING_TIMER:
    case STANDING_ENDED: return;
    case STANDING_EVENT:
    case STANDING_SIGNAL:
    case STANDING_PERSON:
    case STANDING_PAUSED:
    case STANDING_PARKED: w->waits = true; finish(w);
    }
}

static void end(void *ctx) {
    Await *w = ctx;
    link_forget(w->events);
    w->events = NULL;
    finish(w);
}

static void lost(void *ctx) {
    Await *w = ctx;
    w->lost = true;
    end(ctx);
}

static int watch(Await *w, Arena *a, Str run) {
    static const ApiSink sink = { respond, take_bytes, end };
    ApiRequest request = { .method = API_GET, .path = place_run_path(a, run, "events") };
    int err = 0;
    LinkCall *call = link_call(w->link, &request, &sink, lost, w);
    if (w->over && !w->waits)
        link_forget(call);
    else
        w->events = call;
    while (!w->over && err == 0)
        err = link_run(w->link);
    link_hangup(w->events);
    return err || w->lost ? EXIT_INTERNAL : 0;
}

int await_run(const Args *args, Link *link, const Launch *l, Awaited *ret) {
    Await w = { .link = link, .whose = ret, .tree = tree_new(l->plan) };
    sse_init(&w.stream, LIMIT_VALUE_BYTES);
    Arena *a = args->arena;
    Value answer;
    int code =
        place_ask(args, link, API_POST, STR("/v1/runs"), STR(""), launch_body(args, l), &answer);
    if (code == 0 && watch(&w, a, l->id) != 0)
        code = say_error(EXIT_INTERNAL, "the engine went away; what was accepted is safe",
                         "`baton resume %.*s` goes on", STR_FMT(l->id));
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, l->id, ""), STR(""), VALUE_ABSENT,
                         &ret->document);
    ret->waits = w.waits;
    ret->took_ms = w.tree->time_ms - w.tree->accepted_ms;
    tree_free(w.tree);
    sse_deinit(&w.stream);
    return code;
}
