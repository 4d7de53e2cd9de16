/* A run: the fold over its facts.
 *
 *   run_start(plan, accepted) -> Run        run_apply(run, fact)        run_save / run_load (snapshot)
 *
 * Pure: no clock, no I/O, no randomness; time is in the facts, jitter is a hash of seed, address and attempt. After each
 * apply the caller takes what changed: moves (already encoded into the row), wants opened and closed, and performs them -
 * once the row is durable, or at once where the effect is pure. Wants are level-triggered: run_wants() is everything that
 * must be in flight now, and recovery performs just that. */
#ifndef BATON_KERNEL_RUN_H
#define BATON_KERNEL_RUN_H

#include "kernel/codec.h"
#include "kernel/key.h"
#include "spec/plan.h"

typedef struct Run Run;
typedef struct Frame Frame;

typedef enum RunStatus { RUN_RUNNING = 1, RUN_PAUSED, RUN_OK, RUN_FAILED, RUN_CANCELLED } RunStatus;
const char *run_status_name(RunStatus s);

/* Numbers are stored in `open`. */
typedef enum WantKind {
    WANT_ATTEMPT = 1,
    WANT_TIMER = 2,
    WANT_APPROVAL = 3,
    WANT_SIGNAL = 4, /* subscription */
    WANT_CHILD = 5,
    WANT_DOUBT = 6, /* a person must settle an unknown outcome */
} WantKind;
typedef enum TimerPurpose {
    TIMER_ATTEMPT = 1, /* an attempt's timeout: in memory only, follows from the attempt */
    TIMER_RETRY = 2,
    TIMER_WAIT = 3,
    TIMER_GROUP = 4,    /* timeout of a group or of a wait for a signal */
    TIMER_DEADLINE = 5, /* limits.deadline of whatever declares it: the wall */
    TIMER_WORK = 6,     /* limits.time: work done so far; armed only while something is in flight */
    TIMER_ASK = 7,      /* the deadline of what people are asked */
    TIMER_REMIND = 8,
    TIMER_ESCALATE = 9,
    TIMER_STATE = 14,  /* of a machine: `after` in the state it is in */
    TIMER_RETURN = 15, /* of a team: `return_after` */
    TIMER_PROBE = 11,  /* before a target is asked what happened */
    TIMER_DOUBT = 16,  /* the deadline of what is in doubt: of its want */
    TIMER_HEDGE = 17,  /* before it is asked a second time, beside the first */
} TimerPurpose;

typedef struct Want Want;
struct Want {
    WantKind kind;
    Frame *frame;
    uint32_t attempt;    /* attempt: number from 1 */
    uint32_t generation; /* attempt: 0, then one more for each retry a person asked for as new */
    Effect effect;
    const Callee *callee;
    uint64_t args_hash;
    bool dispatching; /* FACT_DISPATCHING was applied */
    bool
        unsent; /* the engine that last had it never let it out, and said so; until it is performed again */
    bool stopping; /* asked to end soon: what it does is not wanted any more, how it ended is */
    bool fresh;    /* a recorded outcome did not fit: this one is asked anew */
    Str handle; /* attempt: what the other side calls it, JSON text; empty: nothing is known of it */
    TimerPurpose purpose;
    int64_t due_ms; /* timer; doubt: its deadline; 0: none */
    Str key; /* signal: its name; attempt: the business key, or empty; child: the id of its run */
    Want *prev, *next; /* all open wants of the run, oldest first */
    uint32_t order;    /* its place among them, while a snapshot is written */
    /* The engine's: */
    void *cookie;      /* the attempt in flight, the armed timer; NULL: not performed yet */
    bool left;         /* it was let out */
    uint64_t position; /* number of the row that must be durable first */
};
static inline bool want_is_timed(const Want *w) {
    return w->kind == WANT_TIMER || (w->kind == WANT_DOUBT && w->due_ms > 0);
}
typedef struct WantClosed { /* the want is gone; what the engine needs to stop the work */
    WantKind kind;
    void *cookie;
    bool stopping; /* it is not gone: the work is to be stopped, and its end still to be told */
    bool timed;    /* its cookie is an armed timer */
} WantClosed;

/* Makes the run from its first fact. The row takes the moves; NULL row: none are kept (replay without comparing).
 * Borrows the plan, which must outlive the run. An input the plan refuses gives RUN_E_INPUT and *ret_problem. */
enum { RUN_E_INPUT = 1, RUN_E_IGNORED, RUN_E_CORRUPT };
int run_start(const Plan *plan, const Fact *accepted, RowWriter *row, Run **ret_run,
              Str *ret_problem, Arena *problem_arena);
Run *run_free(Run *r);
DEFINE_CLEANUP(Run *, run_free)

/* Applies one more fact and writes fact and moves into `row`. RUN_E_IGNORED: the fact came too late or names nothing that
 * waits for it; nothing changed and nothing was written (a late completion; the caller may keep it as evidence).
 * RUN_E_CORRUPT: a payload is no JSON. time_ms before the run's time is raised to it. */
int run_apply(Run *r, const Fact *fact, RowWriter *row);

/* Why a decision changes nothing; REFUSAL_NONE: it would. A decision that names another `shown`, comes from who may not, or does not
 * fit the type is no fact. RUN_E_IGNORED of run_apply says only that. */
typedef enum Refusal { REFUSAL_NONE, REFUSAL_CONFLICT, REFUSAL_DENIED, REFUSAL_INVALID } Refusal;
Refusal run_refuses(Run *r, const Fact *decision, Arena *a, Str *ret_why);

/* The first want opened by the last run_start/run_apply, linked by ->next to the end; NULL if none. */
Want *run_opened(Run *r);
/* Said to people since the last run_forget_notices(), and not waited for: mail for when the row is durable. The id is the same
 * when it is derived again. */
typedef struct Notice {
    Str id;
    const Channel *channel; /* of the plan; NULL: the address */
    Str address; /* of a person: a mail address; empty: it is kept until somebody has seen it */
    Value
        body; /* { about: asked | reminder | escalated | notice, workflow, asked: what want_ask() says } */
} Notice;
const Notice *run_notices(const Run *r, size_t *ret_n);
void run_forget_notices(Run *r);
/* The post that starts this child: not needed; to be written once more. */
void run_withdraw(Run *r, const Want *w);
void run_ask_again(Run *r, const Want *w);
/* Whose child it is: as it was accepted (Fact.shown), the run and the step; empty: nobody called it. */
Str run_caller(const Run *r);
Str run_parent(const Run *r);
Str run_parent_step(const Run *r);
/* Said to other runs since the last run_forget_posts(): mail that goes with the row. `to` is a run, which need not exist; the id
 * is the same when it is derived again.
 *   { event: { id, type, data, correlation, source, time } }        to `event:ID`, the run that the event is
 *   { child: start, input, by, correlation, caller, file, dir }     to a run that this one calls: the file is one of its own
 *   { child: control, verb, from, why }                             to a child
 *   { child: result, run, step, attempt, status, spent, took_ms, output | error }    to the parent
 *   { start: { on, dir, input, correlation, by } }                  to a run that is to begin: of the file of the run `on` */
typedef struct Post {
    Str id, to;
    Value body;
} Post;
const Post *run_posts(const Run *r, size_t *ret_n);
void run_forget_posts(Run *r);
/* Those that `before` has too: the same run, derived again by another file, does not repeat what it said by that one. */
void run_forget_said(Run *r, const Run *before);
/* The types of events that it is told of, by number; own: only those whose correlation is the run's. False: that is all. */
bool run_hears(const Run *r, size_t i, Str *ret_type, bool *ret_own);
/* It only starts other runs. */
bool run_listens(const Run *r);
Str run_correlation(const Run *r);
/* What became of its business keys since the last run_forget_key_changes(), in order: for the index, with the row. */
const KeyChange *run_key_changes(const Run *r, size_t *ret_n);
void run_forget_key_changes(Run *r);
/* Everything open now, oldest first. */
Want *run_wants(Run *r);
/* Closed since the last call of run_forget_closed. */
const WantClosed *run_closed(const Run *r, size_t *ret_n);
void run_forget_closed(Run *r);

/* May its limits become these? { "cost": nano, "work.calls": n ... }; false: *ret_problem in `a` says why not. */
bool run_takes_limits(Run *r, Value limits, Arena *a, Str *ret_problem);

/* The most that the attempt may cost, as it was reserved; all 0 for what is no model call. */
typedef struct WantWorst {
    int64_t cost, tokens, calls;
    bool priced; /* its model has a price */
} WantWorst;
WantWorst want_worst(const Want *w);

/* What an attempt that used this much cost, by the prices that the closure pins; for other callees what the usage says. */
int64_t want_cost(const Want *w, const Usage *u);
/* By which want_cost() goes, for who outlives the want; `known` false for other callees. */
Price want_price(const Want *w);

/* Canonical text of a frame's address in `a`: "work/fetch[3]~2". Empty for the root. */
Str want_address(const Want *w, Arena *a);
/* What an attempt sends, composed when it is performed (DESIGN.md section 5):
 *   echo   the arguments
 *   run    { command: [..], env: {..}, cwd, stdin }
 *   http   { method, url, query, headers, body }
 *   model  { model, messages: [{ role, content, calls, call }], tools: [{ name, description, schema }], schema, max_output,
 *            temperature, effort }
 * An error while evaluating a template was found when the attempt was opened, not here. */
Value want_request(const Want *w, Arena *a);
/* The same for who sends it. Where a secret belongs stands `<secret:NAME:MARK>`: the mark is to be one that no data can
 * know, so that nothing else is taken for a secret. Without a mark it is `<secret:NAME>`, for people. */
Value want_send(const Want *w, Str secret_mark, Arena *a);
/* What the callee was given, of which the request is made; of a model call, what its agent was given. */
Value want_input(const Want *w);
/* The names that an expression sees where something is wanted, or, with NULL, where the run ends: a map of input, run,
 * state and steps, and at an attempt of `with` and of what the loops around it bring. */
Value run_names(Run *r, const Want *w, Arena *a);
/* State, and where it comes from: a list of { key, value, reduce, bytes, writes: [{ value, step, address, agent | callee, time }] },
 * writes in the order in which they are folded. */
Value run_state(Run *r, Arena *a);
/* What a person is asked where an approval is wanted, and what has been said so far:
 *   { run, step, kind: approval | answer, ask, show, form?, risk?, group?, person?, may: [names], quorum, asked_ms, deadline_ms?,
 *     round, hash, can: [approve edit reject revise answer], said: [{ from, verdict, words, time_ms }] }
 * `may` is left out where anyone may answer. `hash` names what is shown: an answer carries it. */
Value want_ask(const Want *w, Arena *a);
/* The same in a line, for lists: { ask, risk?, group?, person?, may?, kind, asked_ms, deadline_ms? }, the question cut. */
Value want_ask_line(const Want *w, Arena *a);
/* What a person should know of a doubt:
 *   { step, stuck: an undo that failed for good, cancelled, file, line, callee?, effect?, key?, undo: it can be undone, message,
 *     avoid: the word of the file that would have avoided it } */
Value want_doubt(const Want *w, const uint8_t install_key[32], Arena *a);
/* The idempotency key: base32 of HMAC(install key; run, address, generation), or of the business key (DESIGN.md section 6). */
Str want_key(const Want *w, const uint8_t install_key[32], Arena *a);
/* An attempt under a business key that is everybody's: it is claimed before it leaves. */
bool want_shares_key(const Want *w);
/* For how long what an equal call gave is its result; 0: it is made. Its name in the index of business keys: callee, arguments
 * and all else that it would be sent. */
int64_t want_cache_ms(const Want *w);
Hash want_cache_name(const Want *w, const uint8_t install_key[32], Arena *a);
/* What the index knows a business key by, so that nothing of the key itself lies in it. */
Hash want_key_name(const Want *w, const uint8_t install_key[32], Arena *a);
Hash run_key_name(const Run *r, Str callee, Str key, const uint8_t install_key[32], Arena *a);
/* Its timeout in ms, 0 for none. */
int64_t want_timeout_ms(const Want *w);
/* What is left of the tightest time around it at `now_ms`, in ms: its own timeout, those of its agent and of the groups and
 * limits it stands in. At least 1; 0: none bounds it. */
int64_t want_time_left_ms(const Want *w, int64_t now_ms);
/* How long it may wait for its turn, in ms; 0: for ever. */
int64_t want_queue_ms(const Want *w);
/* What it has to pass before it leaves: the limits of its callee, those of its model, those of its provider; NULL: none. */
#define GOVERNED_MAX 3
void want_governed(const Want *w, const Governed *ret[GOVERNED_MAX]);
/* `provider/name`, of a turn of an agent with a model; else empty. */
Str want_model(const Want *w);
/* FACT_DISPATCHING is durable before it leaves: of whatever is unsafe, and of whatever may have to wait for its turn, so that
 * what had not left when the engine stopped is known. */
bool want_announced(const Want *w);
/* Of an attempt: it is certain that nothing of it was ever let out. */
bool want_never_left(const Want *w);
/* It goes on without us, and can be asked. */
bool want_is_elsewhere(const Want *w);
/* Somebody else is asked if this callee is out of reach, so that an open breaker is an answer rather than a wait. */
bool want_has_other(const Want *w);
/* Whose turn it is in a pool: `by` over what the callee is given, as text; empty where that gives nothing. */
Str want_by(const Want *w, const Template *by, Arena *a);

Str run_id(const Run *r);
const Plan *run_plan(const Run *r);
RunStatus run_status(const Run *r);
bool run_finished(const Run *r);
int64_t run_time(const Run *r);
Str run_dir(const Run *r);
/* As it was accepted, with the defaults of its type. */
Value run_input(const Run *r);
/* As they were when it began: a map. */
Value run_labels(const Run *r);
/* The run whose recorded outcomes this one reuses, up to which of its rows, and the step from which on it does not; empty:
 * none, all. */
Str run_source(const Run *r);
uint64_t run_source_upto(const Run *r);
/* VALUE_ABSENT until finished ok. */
Value run_output(const Run *r);
/* null unless failed or cancelled: { kind, message, step, attempt }. */
Value run_error(const Run *r);
/* It has ended so and is not finished: effects are being undone, or somebody must find out what cancelled work did. 0: no. */
RunStatus run_ending(const Run *r);
/* Something is in flight: false when it waits for timers of `open`, signals, people, other runs. */
bool run_active(const Run *r);
/* What lists show: { status, steps: { ok, failed, running ... }, waiting: [..], cost, tokens, calls, error }. */
Value run_summary(const Run *r, Arena *a);
/* Steps recorded as done so far, and model and tool attempts among them: what a resume saved. */
typedef struct RunCounts {
    int64_t steps_ok, steps_total, attempts, model_calls, tokens, cost_nano;
    int64_t reused, saved_tokens,
        saved_nano; /* outcomes recorded before, and what they cost then */
} RunCounts;
RunCounts run_counts(const Run *r);
/* Memory the run holds; when it is far above what a snapshot needs, save and load again. */
size_t run_footprint(const Run *r);

/* The whole state, so that run_load + the facts after it equal the replay of all facts. Tagged and versioned. */
void run_save(const Run *r, Buf *b);
int run_load(const Plan *plan, Str snapshot, Run **ret_run);
/* Hash of the state: replay == live, loaded == saved. */
Hash run_digest(const Run *r);

/* The invariants that hold after every apply (reliability.md section 3: 4, 5, 11, 12, 20 and the structure of frames and
 * wants); NULL if they hold, else what is broken. Asserted in production after each turn. */
const char *run_check(const Run *r);

#endif
