/* The API under /v1, without its transport. A request goes in, a response comes out of callbacks, now or later; http.c puts a
 * socket in front of it, and a command that is itself the engine calls it directly. So there is one mechanism whichever
 * process holds the directory.
 *
 *   ApiRequest --routes.c--> handler --> engine (what changes a run)   \
 *                                   \--> store, reader side            --> ApiSink
 *
 * Everything is called on the engine's thread. A handler that reads runs its `work` on the reader thread meanwhile. */
#ifndef BATON_SERVER_API_H
#define BATON_SERVER_API_H

#include "engine/engine.h"

typedef struct Api Api;
typedef struct ApiCall ApiCall;

typedef enum ApiMethod { API_GET = 1, API_POST, API_OTHER } ApiMethod;

typedef struct ApiRequest {
    ApiMethod method;
    Str path;  /* "/v1/runs/abc", percent-encoded, without the query */
    Str query; /* "limit=3&step=x"; may be empty */
    Str body;
    Str last_event_id; /* of a stream that goes on; may be empty */
    Str from;          /* who asks, for the journal; may be empty */
    bool plain;        /* text for people rather than JSON, where a route has both */
} ApiRequest;

typedef struct ApiResponse {
    unsigned status;  /* HTTP's */
    const char *type; /* of the body */
    Str body;         /* empty for a stream */
    bool stream;      /* bytes follow through `send`, then `end` */
} ApiResponse;

/* All borrow what they are given for the call. After `end` the call is gone. */
typedef struct ApiSink {
    void (*respond)(void *ctx, const ApiResponse *response); /* once */
    void (*send)(void *ctx, Str bytes);
    void (*end)(void *ctx); /* once, last */
} ApiSink;

typedef struct ApiOptions {
    Engine *engine; /* NULL: only reading, from `reader`, at once */
    Store *reader;
    const char *dir; /* data directory, for messages */
    int64_t (*now_ms)(void *ctx);
    void (*wake)(void *ctx); /* an engine_turn() soon; NULL without an engine */
    void *ctx;
} ApiOptions;

Api *api_new(const ApiOptions *options);
/* Hangs up every call. Where an engine was: its threads have ended (host_halt()). Takes NULL and returns NULL. */
Api *api_free(Api *api);

/* Copies what it keeps of the request. The sink may be called before this returns, up to and with `end`; then the result is
 * NULL. */
ApiCall *api_call(Api *api, const ApiRequest *request, const ApiSink *sink, void *ctx);
/* Whoever asked went away: the sink is not called again. What was begun goes on. */
void api_hangup(ApiCall *call);

#endif
