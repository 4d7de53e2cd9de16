/* The ports: everything the engine needs of the world. It has no thread, no clock and no library of its own; the host
 * (src/host) or the simulator (tests/sim) provides these and calls engine_turn() when asked to. Port functions never call
 * back into the engine before they return, except engine_complete(), which only queues. */
#ifndef BATON_ENGINE_PORTS_H
#define BATON_ENGINE_PORTS_H

#include "journal/store.h"
#include "kernel/run.h"

/* Something to be done with the store on the thread it belongs to: `work` there, then `done` on the engine's thread, in the
 * order of submission among jobs of the same side. The job is the caller's until done() ran. */
typedef struct StoreJob StoreJob;
struct StoreJob {
    void (*work)(StoreJob *job, Store *store);
    void (*done)(StoreJob *job);
    bool write; /* writer side (append, renew, takeover, post, enter, leave); else reader side */
    StoreJob *next; /* the port's, while queued */
};

/* What an executor put in the place of a name, and must not let out again. */
typedef struct Secret {
    Str name, value;
    Str problem; /* why there is no value; empty: that is not known yet */
} Secret;

/* One attempt in flight. Made by the engine, performed by an executor, freed by the engine after completion. */
typedef struct Attempt Attempt;
struct Attempt {
    Arena arena; /* holds everything below; the executor may allocate in it */
    CalleeKind kind;
    bool notice; /* of no callee: people are told something, through a channel (engine/deliver.c) */
    Effect effect;
    Str run, address, step_name, workflow;
    Str callee; /* name of the agent or tool; "run", "http", "echo" */
    uint32_t attempt;
    Value request; /* want_send() of kernel/run.h */
    Egress egress;
    Sandbox sandbox;
    bool host_of_data; /* no file has written out where the request leads */
    Str secret_mark;   /* of the secrets in it; empty: there are none */
    SecretsFrom secrets_from;
    Secret *secrets; /* the executor's */
    size_t n_secrets;
    Str key;              /* idempotency key; empty for pure and read */
    int64_t timeout_ms;   /* 0: none. The engine enforces it through stop() */
    int64_t time_left_ms; /* of all that bounds it, when it starts; 0: nothing does */
    Str dir;              /* the run's directory: relative paths start here */
    bool told;            /* what a model says is shown while it comes */
    Str handle; /* it is under way already, and this is what the other side calls it (engine_handle()); empty: it is to begin */
    bool
        leave; /* with a stop: the engine ends, the work does not; the next engine asks after it by its handle */
    int64_t queued_us; /* set by the executor: time it waited for a slot */
    void *state;       /* the executor's */
};

/* How an attempt ended; Strs are borrowed for the call. What is definite and what unknown: reliability.md 4.2. */
typedef struct Completion {
    Outcome outcome;
    Sent sent;
    ErrorKind kind; /* when not ok */
    Str message;    /* for people; ok: what a command wrote to stderr */
    Str payload; /* JSON text: the output; or of a failure what is known ({ status, body, exit, log }) */
    Usage usage;
    int64_t took_us;
    int64_t retry_after_ms;
} Completion;

typedef struct EnginePorts {
    void *ctx;
    int64_t (*now_ms)(void *ctx);  /* UTC */
    int64_t (*mono_us)(void *ctx); /* never goes back; for durations only. Any thread */
    void (*random)(void *ctx, void *ret, size_t n);
    void (*submit)(void *ctx, StoreJob *job);
    /* Starts the attempt; exactly one engine_complete() follows, now or later. */
    void (*start)(void *ctx, Attempt *a);
    /* Asks to stop it soon; it still completes (cancelled, or what it had become). */
    void (*stop)(void *ctx, Attempt *a);
    void (*wake)(void *ctx); /* engine_turn() soon */
    void (*wake_at)(
        void *ctx,
        int64_t due_ms); /* and at this UTC time; replaces the last one; INT64_MAX: never */
    void (*log)(void *ctx, Str line); /* one line for the operator */
    /* About to apply facts of this run (empty: done); survives a crash of the process (DESIGN.md section 8, crash loop). */
    void (*mark)(void *ctx, Str run);
} EnginePorts;

#endif
