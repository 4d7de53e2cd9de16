/* The engine: one turn takes facts in, applies them, hands the batch to the store, and performs what became durable.
 *
 *   requests, completions, timers, loads, commits
 *            |
 *     engine_turn:  take -> apply -> hand over -> perform
 *
 * Group commit: while one batch is being committed the next gathers. Nothing leaves before the row it follows from is
 * durable - no attempt that is not pure, no mail, no reply, no watcher's event - except that pure work runs ahead.
 * A commit that fails (-ERR_IO) is fatal: engine_failed() turns true and the host must exit; a full disk keeps the batch
 * and tries again. A conflict drops the run: another engine owns it.
 * A run without work in flight is evicted to its row and what `open` lists; a signal, a decision or a due timer loads it. */
#ifndef BATON_ENGINE_ENGINE_H
#define BATON_ENGINE_ENGINE_H

#include "engine/ports.h"
#include "kernel/outcomes.h"

typedef struct Engine Engine;

typedef struct EngineOptions {
    const uint8_t *install_key; /* 32 bytes, of the store */
    int64_t lease_ttl_ms;       /* 0: 10 s */
    bool single;  /* the store has one engine at a time: no renewing, no takeover while running */
    bool recover; /* load and go on with active runs at start; false: only serve what is asked */
    size_t resident_max; /* idle runs kept in memory, 0: 1024 */
    bool played;         /* files are compiled by plan_compile_played() */
    bool log_asked;      /* a line for each thing that people are asked */
    Str suspect; /* run that two engines crashed on: parked as quarantined, without loading it */
} EngineOptions;

Engine *engine_new(const EnginePorts *ports, const EngineOptions *options);
/* Frees at once, without a clean stop: what a crash is to the simulator. Attempts in flight and jobs at the store are
 * forgotten: no executor and no thread may still hold one. */
Engine *engine_free(Engine *e);

/* Registers with the store and begins; `ready` is called once the lease is held and the runs to recover are known (not yet
 * loaded): how many go on, and if an earlier engine left uncleanly. */
typedef void (*EngineReady)(void *ctx, int err, size_t recovering, bool after_crash);
void engine_enter(Engine *e, EngineReady ready, void *ctx);

/* One turn. Returns true if there is more to do at once (then call again after polling the world). */
bool engine_turn(Engine *e);
/* An executor says how an attempt ended. Only queues; any number before the next turn. Same thread as engine_turn. */
void engine_complete(Engine *e, Attempt *a, const Completion *c);
/* It says what the other side calls the work that an attempt has begun there, JSON text. From when that is durable on, whoever recovers
 * the run is given the attempt with its handle, and nothing begins anew. Only queues. */
void engine_handle(Engine *e, Attempt *a, Str handle);
/* The store failed for good: stop, exit, recover from the disk. */
bool engine_failed(const Engine *e);
/* Nothing in flight, nothing queued, no commit under way. */
bool engine_quiet(const Engine *e);

/* Clean stop: no new attempts, pending rows committed, open runs snapshotted, lease left; then `done`. Attempts in flight
 * are waited for at most grace_ms, then stopped; what has not ended is recovered at the next start. */
void engine_stop(Engine *e, int64_t grace_ms, void (*done)(void *ctx, int err), void *ctx);

/* ---- requests: answered once what they did is durable ------------------------------------------------------------------ */

typedef enum EngineAnswer {
    ENGINE_OK = 0,
    ENGINE_NOT_FOUND,
    ENGINE_CONFLICT, /* same id with other input or file; already finished; decided already */
    ENGINE_INVALID,  /* the file or the input is refused; `message` says why */
    ENGINE_DENIED,   /* whoever asks may not */
    ENGINE_STOPPING,
    ENGINE_FAILED, /* internal */
} EngineAnswer;
typedef struct EngineReply {
    EngineAnswer answer;
    Str run;       /* id */
    bool existing; /* start: the run was there already (same id, same input) */
    bool kept;     /* signal: nothing waits for it yet; it is there for whoever does */
    Str message;   /* when not OK; what, why, what to do */
    uint64_t seq;  /* of the row that made it durable */
} EngineReply;
typedef void (*EngineReplied)(void *ctx, const EngineReply *reply);

typedef struct EngineStart {
    Str id;      /* empty: a UUIDv7 is made */
    Str closure; /* closure_make() */
    Str input;   /* JSON text; empty: {} */
    Str dir;
    Str source; /* the run whose recorded outcomes are reused (kernel/outcomes.h); empty: none */
    Str before; /* address of the step from which on they are not; empty: all are */
    Str by;     /* who starts it */
    Str past; /* how the targets of its routers have done (kernel/fact.h); empty: nobody asks, or nothing is known */
    bool listen; /* it only starts runs of this file, for what its `on` asks for */
} EngineStart;
void engine_start_run(Engine *e, const EngineStart *start, EngineReplied replied, void *ctx);
/* Runs that no one can name so: what happened, and what listens for it (engine/events.h). */
#define EVENT_PREFIX "event:"
#define LISTENER_PREFIX "on:"
static inline bool is_event_run(Str run) { return str_starts(run, STR(EVENT_PREFIX)); }
/* id: says a signal once, however often it is sent; empty: every call is a signal of its own. */
void engine_signal(Engine *e, Str run, Str id, Str name, Str data_json, Str from,
                   EngineReplied replied, void *ctx);
/* An event for all who hear its type. The reply's run is the event's own, `event:ID`. */
typedef struct EngineEmit {
    Str id; /* says it once, however often it is sent; empty: it is a new one */
    Str type, data_json;
    Str correlation; /* empty: its id */
    Str source;      /* who says so */
} EngineEmit;
void engine_emit(Engine *e, const EngineEmit *emit, EngineReplied replied, void *ctx);
void engine_control(Engine *e, Str run, Control verb, Str from, Str reason, Str limits_json,
                    EngineReplied replied, void *ctx);
/* A run that failed or was cancelled goes on in place: what failed is done again, and `step` (its id or address; empty: none) with
 * all that comes after it; nothing else is. */
void engine_retry(Engine *e, Str run, Str step, Str from, Str reason, EngineReplied replied,
                  void *ctx);
/* Erases what a run that is over, or parked, was given, gave and was told; the chain of its rows holds. */
void engine_forget(Engine *e, Str run, Str from, Str reason, EngineReplied replied, void *ctx);
/* Moves a run that waits or is paused to another file; refused if something it has done would be lost (engine_compare). */
void engine_migrate(Engine *e, Str run, Str closure, Str from, EngineReplied replied, void *ctx);
typedef struct EngineDecision {
    Str address; /* of the step in doubt, or of what is asked */
    Decision verb;
    Str value_json;   /* DONE: the result; APPROVE: as edited; ANSWER; empty: none */
    Str from;         /* who decides */
    Str shown, words; /* of an approval: the hash of want_ask(), and what is said with it */
} EngineDecision;
/* ENGINE_DENIED: `from` may not; ENGINE_CONFLICT: nothing is asked there any more, or something else was shown. */
void engine_decide(Engine *e, Str run, const EngineDecision *d, EngineReplied replied, void *ctx);

/* Somebody has seen a notice that is kept. ENGINE_CONFLICT: somebody else had. */
void engine_seen(Engine *e, Str id, Str from, EngineReplied replied, void *ctx);

/* ---- watching ---------------------------------------------------------------------------------------------------------- */

/* Called after each durable row of a run (empty id: of every run), on the engine's thread. body/data as in store.h. */
typedef struct EngineEvent {
    Str run;
    uint64_t seq;
    Str body, data;
    bool ended; /* the run, with this row */
    const Run
        *state; /* NULL if not resident; may be ahead of the row, by work that is not durable yet */
} EngineEvent;
typedef void (*EngineWatch)(void *ctx, const EngineEvent *event);
typedef struct EngineWatcher EngineWatcher;
EngineWatcher *engine_watch(Engine *e, Str run, EngineWatch fn, void *ctx);
EngineWatcher *engine_unwatch(EngineWatcher *w);

/* What attempts of a run wait for in the engine: a list of { step, since, since_ms, kind, name, says, until }. Nothing of it is
 * stored: a run that is not in memory has none. */
Value engine_held(Engine *e, Str run, Arena *a);
/* What attempts hold of an account of the project's budgets now: { cost_nano, tokens, calls }. */
Value engine_accounts_held(Engine *e, Str key, Arena *a);

/* Every limit of a provider, an agent or a tool that runs of this engine have met, and how near it is: a list of { of, name,
 * ceiling, in_flight, waiting, passed, refused, pool, rate, breaker, keys }; and the business keys that are waited for: of those
 * `run` has it. */
Value engine_governors(Engine *e, Arena *a);

/* A resident run, or NULL. Valid until the next turn. */
const Run *engine_run(Engine *e, Str id);
/* Any R function of the store for the server and the command line; see StoreJob. */
void engine_read(Engine *e, StoreJob *job);
/* The same for one that writes what belongs to no run. */
void engine_write(Engine *e, StoreJob *job);

/* A run read back from the store and folded: for load, verify, show. On damage or difference *ret_problem says what:
 * "row 7: moves differ: stored `...`, derived `...`". check_moves compares every move; the whole chain of hashes is
 * checked too. Payloads above the inline size are fetched from `store` (reader side). */
enum { FOLD_E_DAMAGED = 1, FOLD_E_DIVERGED };
int engine_fold(Store *store, const StoreRun *stored, bool check_moves, const Plan *plan, Arena *a,
                Run **ret_run, Str *ret_problem);

/* The outcomes that the first `upto` rows of a stored run have recorded before the step `before` (empty: all); `stored` with
 * all rows, `plan` its own. As engine_fold(). */
int engine_outcomes(Store *store, const StoreRun *stored, uint64_t upto, Str before,
                    const Plan *plan, Outcomes *outcomes, Arena *a, Str *ret_problem);

/* A run told again to a listener that sees it after each fact, run_opened() being what that opened, and with fact NULL at the end;
 * `stored` with all rows. As engine_fold(). */
typedef void (*EngineLook)(void *ctx, Run *run, const Fact *fact);
int engine_retell(Store *store, const StoreRun *stored, const Plan *plan, EngineLook look,
                  void *ctx, Arena *a, Str *ret_problem);

/* A run derived again from its facts, with nothing executed, and each move compared with the stored one; `stored` with all
 * rows. `plan` may be of another file than the run's. */
typedef struct Replay {
    uint64_t rows, facts, moves; /* up to the difference */
    RunStatus status;            /* at the end; 0: it differs */
    bool differs;
    uint64_t seq;        /* of the first row that differs */
    Str address;         /* of the step; empty: the run */
    Str stored, derived; /* both sides, as text */
} Replay;
/* 0, also when it differs; FOLD_E_DAMAGED or -ERR_* with *ret_problem. */
int engine_replay(Store *store, const StoreRun *stored, const Plan *plan, Arena *a, Replay *ret,
                  Str *ret_problem);

/* What another file makes of what a run has done; `stored` with all rows, `own` its plan. */
typedef struct Difference {
    Str address; /* empty: the run */
    Str what;
    bool blocks; /* something done would be lost, or be done again */
} Difference;
typedef struct Differences {
    Difference *items;
    size_t n, room;
    bool blocked;
    Str *next; /* addresses of the attempts that are wanted at the end */
    size_t n_next;
} Differences;
int engine_compare(Store *store, const StoreRun *stored, const Plan *own, const Plan *plan,
                   Arena *a, Differences *ret, Str *ret_problem);

typedef struct EngineStats {
    size_t resident, attempts_known, in_flight, queued_rows;
    uint64_t rows, batches, facts, attempts;
    uint64_t commit_us_last;
} EngineStats;
EngineStats engine_stats(const Engine *e);

#endif
