/* One request in progress, as handlers see it. Internal to the server. */
#ifndef BATON_SERVER_CALL_H
#define BATON_SERVER_CALL_H

#include "base/limits.h"
#include "base/json.h"
#include "server/api.h"

struct Api {
    ApiOptions options;
    ApiCall *first;
    size_t n_calls;
    int64_t started_ms;
};

typedef struct Stream Stream;

struct ApiCall {
    StoreJob job; /* first: the reader gives it back */
    Api *api;
    Arena arena; /* the request, what was read, the answer; the reader's while a job is under way */
    ApiSink sink;
    void *ctx;
    ApiCall *prev, *next;
    unsigned pending; /* answers of the engine and of the reader still to come */
    bool gone, ended;

    ApiRequest request; /* in the arena */
    Str run, rest;      /* parts of the path */
    void (*work)(ApiCall *call, Store *store);
    void (*then)(ApiCall *call);

    /* What `work` leaves for `then`. */
    unsigned status;
    Value result;
    Str text;
    Stream *stream;     /* events.c */
    EngineStart *start; /* runs.c: waits for what is looked for first */
    void *own;          /* the handler's */
    bool look_first;    /* also for what it needs */
    Value held; /* what attempts of the run wait for in the engine, as it was when the call began */
};

/* ---- answering: one of these, once; the call is gone afterwards */
void call_json(ApiCall *call, unsigned status, Value v);
void call_text(ApiCall *call, Str text);
/* RFC 9457. `kind` is of the closed list (kernel/fact.h); `detail` says what, why and what to do. */
void call_problem(ApiCall *call, unsigned status, ErrorKind kind, Str detail);
/* As the engine answered, with `run` and `existing`; created: 201 rather than 200 for a run that is new. */
void call_engine_reply(ApiCall *call, const EngineReply *reply);
/* What `work` left: a problem, text or JSON. */
void call_result(ApiCall *call);
/* For `work`: leaves a problem for call_result(). */
void work_problem(ApiCall *call, unsigned status, ErrorKind kind, Str detail);
/* For `work`: gives a finished buffer to the call as its text, or a problem if it was too big. */
void work_text(ApiCall *call, Buf *b);

/* Starts a stream; then call_send() any number of times and call_end(). */
void call_stream(ApiCall *call, const char *type);
void call_send(ApiCall *call, Str bytes);
void call_end(ApiCall *call);

/* ---- asking */
/* Runs `work` on the reader thread, then `then` here (unless whoever asked went away meanwhile). */
void call_read(ApiCall *call, void (*work)(ApiCall *call, Store *store),
               void (*then)(ApiCall *call));
/* The same on the writer thread, where there is an engine. */
void call_write(ApiCall *call, void (*work)(ApiCall *call, Store *store),
                void (*then)(ApiCall *call));
/* call_read() with `call->held` of the run of the path. */
void call_read_held(ApiCall *call, void (*work)(ApiCall *call, Store *store),
                    void (*then)(ApiCall *call));
/* An engine request: call_expect() before, which also wakes the engine; call_replied is its callback with the call as ctx. */
void call_expect(ApiCall *call);
void call_replied(void *ctx, const EngineReply *reply);
/* Where there is no engine a problem is answered and this is false. */
bool call_needs_engine(ApiCall *call);

/* ---- the request */
/* A parameter of the query, decoded; STR_NULL if absent. */
Str call_param(ApiCall *call, const char *name);
/* The body as a JSON object; an empty one is {}. A wrong one is answered with a problem and false. */
bool call_body(ApiCall *call, Value *ret_value);
/* A text member of a body; STR("") if absent. A wrong type is answered with a problem and false. */
bool body_text(ApiCall *call, Value body, const char *key, Str *ret_text);

/* ---- reading runs, on the reader thread */
/* Loads the run of the path; on a problem false, which is left for call_result(). */
bool work_load(ApiCall *call, Store *store, bool all_rows, StoreRun *ret_run);

/* ---- handlers, by file */
void approvals_list(ApiCall *call);
void run_approvals(ApiCall *call);
void run_decide(ApiCall *call);
void deliveries_list(ApiCall *call);
void notices_list(ApiCall *call);
void notices_seen(ApiCall *call);
void runs_list(ApiCall *call);
void runs_create(ApiCall *call);
void run_get(ApiCall *call);
void run_closure(ApiCall *call);
void run_facts(ApiCall *call);
void run_trace(ApiCall *call);
void run_why(ApiCall *call);
void run_events(ApiCall *call);
void run_expr(ApiCall *call);
void run_migrate(ApiCall *call);
void run_outcomes(ApiCall *call);
void run_replay(ApiCall *call);
void run_requests(ApiCall *call);
void run_state_of(ApiCall *call);
void run_pause(ApiCall *call);
void run_forget(ApiCall *call);
void run_resume(ApiCall *call);
void run_limits(ApiCall *call);
void run_retry(ApiCall *call);
void run_cancel(ApiCall *call);
void run_signal(ApiCall *call);
void run_effect(ApiCall *call);
void effects_list(ApiCall *call);
void budgets_get(ApiCall *call);
void governor_get(ApiCall *call);
void events_list(ApiCall *call);
void events_create(ApiCall *call);
void listeners_list(ApiCall *call);
void status_get(ApiCall *call);
void tools_list(ApiCall *call);
void tools_accept(ApiCall *call);
void verify_post(ApiCall *call);
/* Frees what a stream holds. */
void stream_close(ApiCall *call);

#endif
