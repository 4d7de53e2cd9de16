/* The life of a call: begun by api_call(), answered once, freed when it has ended and nothing it asked is outstanding.
 *
 *   api_call -> handler -> call_json | call_text | call_problem             -> end
 *                      \-> call_read -> work (reader) -> then -> one of those
 *                      \-> engine_... -> call_replied
 *                      \-> call_stream -> call_send ... -> call_end                                                        */
#include "server/call.h"

#include "server/routes.h"

#include <stdlib.h>

static void unlink_call(ApiCall *call) {
    Api *api = call->api;
    *(call->prev ? &call->prev->next : &api->first) = call->next;
    if (call->next)
        call->next->prev = call->prev;
    api->n_calls--;
}

/* Frees the call if it ended and nobody will speak of it again. */
static void release(ApiCall *call) {
    if (call->pending || !(call->ended || call->gone))
        return;
    stream_close(call);
    unlink_call(call);
    arena_deinit(&call->arena);
    free(call);
}

static void finish(ApiCall *call) {
    ASSERT(!call->ended);
    call->ended = true;
    if (!call->gone)
        call->sink.end(call->ctx);
}

static void respond(ApiCall *call, unsigned status, const char *type, Str body) {
    if (!call->gone)
        call->sink.respond(call->ctx,
                           &(ApiResponse){ .status = status, .type = type, .body = body });
    finish(call);
}

static void respond_value(ApiCall *call, unsigned status, const char *type, Value v) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    value_write(&b, v);
    buf_char(&b, '\n');
    if (buf_over(&b))
        call_problem(call, 500, KIND_LIMIT, STR("the answer is too big: ask for a part of it"));
    else
        respond(call, status, type, buf_str(&b));
    buf_deinit(&b);
}

void call_json(ApiCall *call, unsigned status, Value v) {
    respond_value(call, status, "application/json", v);
}

void call_text(ApiCall *call, Str text) { respond(call, 200, "text/plain; charset=utf-8", text); }

static const char *title_of(unsigned status) {
    switch (status) {
    case 400: return "Bad request";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 409: return "Conflict";
    case 413: return "Too large";
    case 422: return "Refused";
    case 503: return "Unavailable";
    default: return "Internal error";
    }
}

static Value problem_value(ApiCall *call, unsigned status, ErrorKind kind, Str detail) {
    MapBuilder m = map_builder(&call->arena);
    map_addz(&m, "type", value_str(STR("about:blank")));
    map_addz(&m, "title", value_str(str_from(title_of(status))));
    map_addz(&m, "status", value_int(status));
    map_addz(&m, "code", value_str(str_from(error_kind_name(kind))));
    map_addz(&m, "detail", value_str(detail));
    map_addz(&m, "instance", value_str(call->request.path));
    return map_done(&m, NULL);
}

void call_problem(ApiCall *call, unsigned status, ErrorKind kind, Str detail) {
    respond_value(call, status, "application/problem+json",
                  problem_value(call, status, kind, detail));
}

void work_problem(ApiCall *call, unsigned status, ErrorKind kind, Str detail) {
    call->status = status;
    call->result = problem_value(call, status, kind, detail);
}

void work_text(ApiCall *call, Buf *b) {
    if (buf_over(b))
        work_problem(call, 500, KIND_LIMIT, STR("the answer is too big: ask for a part of it"));
    else
        call->text = arena_str(&call->arena, buf_str(b));
    buf_deinit(b);
}

void call_result(ApiCall *call) {
    if (call->status >= 400)
        respond_value(call, call->status, "application/problem+json", call->result);
    else if (call->text.p)
        call_text(call, call->text);
    else
        call_json(call, call->status ? call->status : 200, call->result);
}

/* ---- streams */

void call_stream(ApiCall *call, const char *type) {
    if (!call->gone)
        call->sink.respond(
            call->ctx,
            &(ApiResponse){ .status = 200, .type = type, .body = STR(""), .stream = true });
}

void call_send(ApiCall *call, Str bytes) {
    ASSERT(!call->ended);
    if (!call->gone)
        call->sink.send(call->ctx, bytes);
}

void call_end(ApiCall *call) { finish(call); }

/* ---- asking */

static void read_work(StoreJob *job, Store *store) {
    ApiCall *call = (ApiCall *)job;
    call->work(call, store);
}

static void read_done(StoreJob *job) {
    ApiCall *call = (ApiCall *)job;
    call->pending--;
    if (!call->gone && !call->ended)
        call->then(call);
    release(call);
}

void call_read(ApiCall *call, void (*work)(ApiCall *call, Store *store),
               void (*then)(ApiCall *call)) {
    call->work = work;
    call->then = then;
    call->pending++;
    call->job = (StoreJob){ .work = read_work, .done = read_done };
    if (call->api->options.engine) {
        engine_read(call->api->options.engine, &call->job);
        return;
    }
    /* Without an engine the store is read here and now; the caller still holds the call, so it is not freed under it. */
    call->work(call, call->api->options.reader);
    call->pending--;
    call->then(call);
}

void call_write(ApiCall *call, void (*work)(ApiCall *call, Store *store),
                void (*then)(ApiCall *call)) {
    call->work = work;
    call->then = then;
    call->pending++;
    call->job = (StoreJob){ .work = read_work, .done = read_done };
    engine_write(call->api->options.engine, &call->job);
}

void call_read_held(ApiCall *call, void (*work)(ApiCall *call, Store *store),
                    void (*then)(ApiCall *call)) {
    Engine *e = call->api->options.engine;
    call->held = e ? engine_held(e, call->run, &call->arena) : value_list(NULL, 0);
    call_read(call, work, then);
}

void call_expect(ApiCall *call) { call->pending++; }

void call_replied(void *ctx, const EngineReply *reply) {
    ApiCall *call = ctx;
    call->pending--;
    if (!call->ended)
        call_engine_reply(call, reply);
    release(call);
}

void call_engine_reply(ApiCall *call, const EngineReply *reply) {
    static const struct {
        unsigned status;
        ErrorKind kind;
    } answers[] = {
        [ENGINE_OK] = { 200, KIND_NONE },           [ENGINE_NOT_FOUND] = { 404, KIND_NOT_FOUND },
        [ENGINE_CONFLICT] = { 409, KIND_CONFLICT }, [ENGINE_INVALID] = { 422, KIND_INVALID },
        [ENGINE_DENIED] = { 403, KIND_DENIED },     [ENGINE_STOPPING] = { 503, KIND_UNAVAILABLE },
        [ENGINE_FAILED] = { 500, KIND_INTERNAL },
    };
    if (reply->answer != ENGINE_OK) {
        call_problem(call, answers[reply->answer].status, answers[reply->answer].kind,
                     reply->message);
        return;
    }
    MapBuilder m = map_builder(&call->arena);
    map_addz(&m, "id", value_str(arena_str(&call->arena, reply->run.p ? reply->run : call->run)));
    map_addz(&m, "existing", value_bool(reply->existing));
    if (reply->kept)
        map_addz(&m, "kept", value_bool(true));
    map_addz(&m, "seq", value_uint(reply->seq));
    call_json(call, 200, map_done(&m, NULL));
}

bool call_needs_engine(ApiCall *call) {
    if (call->api->options.engine)
        return true;
    call_problem(call, 503, KIND_UNAVAILABLE, STR("no engine is running here"));
    return false;
}

/* ---- api */

Api *api_new(const ApiOptions *options) {
    Api *api = xcalloc(1, sizeof *api);
    api->options = *options;
    api->started_ms = options->now_ms(options->ctx);
    return api;
}

Api *api_free(Api *api) {
    if (!api)
        return NULL;
    for (ApiCall *call = api->first, *next; call; call = next) {
        next = call->next;
        /* The engine and its reader have ended: no answer comes any more. */
        call->gone = true;
        call->pending = 0;
        release(call);
    }
    free(api);
    return NULL;
}

static ApiRequest copy_request(Arena *a, const ApiRequest *r) {
    return (ApiRequest){ .method = r->method,
                         .path = arena_str(a, r->path),
                         .query = arena_str(a, r->query),
                         .body = arena_str(a, r->body),
                         .last_event_id = arena_str(a, r->last_event_id),
                         .from = arena_str(a, r->from),
                         .plain = r->plain };
}

ApiCall *api_call(Api *api, const ApiRequest *request, const ApiSink *sink, void *ctx) {
    ApiCall *call = xcalloc(1, sizeof *call);
    call->api = api;
    arena_init(
        &call->arena,
        0); /* what goes in is capped: the body by the transport, what is read by the store */
    call->sink = *sink;
    call->ctx = ctx;
    call->request = copy_request(&call->arena, request);
    call->result = VALUE_NULL;
    call->next = api->first;
    if (api->first)
        api->first->prev = call;
    api->first = call;
    api->n_calls++;

    call->pending++; /* held while the handler runs */
    route_call(call);
    call->pending--;
    if (api->options.wake)
        api->options.wake(api->options.ctx);
    bool ended = call->ended;
    release(call);
    return ended ? NULL : call;
}

void api_hangup(ApiCall *call) {
    call->gone = true;
    release(call);
}
