/* What the files of the engine share; nobody outside of src/engine includes this.
 *
 *   inbox.c    requests: start, signal, control, decide        resident.c  runs in memory: table, rows, eviction
 *   start.c    a run begins, or was there already              apply.c     one fact into one run, and what changed
 *   perform.c  attempts: planned, started, ended (flight.c)    timers.c    due times of wants and attempts
 *   commit.c   rows -> batch -> outcomes                       load.c      runs read back; fold.c the fold itself
 *   lease.c    enter, renew, take over, leave                  mail.c      mail taken in
 *   plans.c    compiled files by hash                          watch.c     who is told of durable rows
 *   reuse.c    outcomes of another run, read back              retry.c     a run that is over goes on
 *   keys.c     effects that several runs ask for
 *   gate.c     what an attempt passes before it leaves         governor.c  rates, pools and breakers
 *   notice.c   what people are told, as mail                   deliver.c   mail to people on its way out
 *   seen.c     notices that somebody has seen
 *   events.c   events on their way, and runs that they start
 *   forget.c   what a run that is over held is erased
 *   child.c    runs that call each other
 *
 * A thing that waits is on exactly one list, and the list says for what:
 *
 *   Request   inbox -> (resident.waiting) -> gather.requests -> batch.requests -> answered
 *   Flight    (a gate's queue) -> gather.flights -> batch.flights -> (started) -> completed -> pool
 *   Resident  table, and gather.dirty while its row grows
 *
 * `gather` is what the next batch will hold. It moves as a whole into the batch, so what is on a batch's lists became
 * durable when that batch did. */
#ifndef BATON_ENGINE_STATE_H
#define BATON_ENGINE_STATE_H

#include "base/limits.h"
#include "base/mutant.h"
#include "engine/engine.h"
#include "kernel/price.h"

typedef struct Resident Resident;
typedef struct Flight Flight;
typedef struct Request Request;
typedef struct Delivery Delivery;
typedef struct PlanEntry PlanEntry;
typedef struct Pending Pending;
typedef struct Account Account;
typedef struct Governor Governor;
typedef struct Lane Lane;
typedef struct Twin Twin;
typedef struct KeyLine KeyLine;
typedef struct Claim Claim;
typedef struct Batch Batch;

/* Facts taken in by one turn: above that the batch is handed over first, so that a flood does not delay a commit. */
#define TURN_FACTS_MAX 4096
/* A row that has grown this far waits for its commit before it takes more completions (codec.c caps it at 64 MiB). */
#define ROW_SOFT_BYTES (4 * MIB)
/* A snapshot is not worth less than this many bytes of rows: reading 16 KiB of tail is one page run of SQLite. */
#define SNAPSHOT_TAIL_BYTES (16 * KIB)
/* With the row that makes a run idle, and on a clean stop. */
#define SNAPSHOT_REST_BYTES (4 * KIB)
/* How long an executor may take to stop an attempt that ran out of time. */
#define STOP_GRACE_MS 5000
#define MESSAGE_BYTES_MAX LIMIT_MESSAGE_BYTES

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

/* First in, first out; items are linked by their `next`. */
#define QUEUE_OF(T)                                                                                \
    struct {                                                                                       \
        T *first, *last;                                                                           \
    }
#define QUEUE_PUSH(q, item)                                                                        \
    do {                                                                                           \
        (item)->next = NULL;                                                                       \
        *((q)->last ? &(q)->last->next : &(q)->first) = (item);                                    \
        (q)->last = (item);                                                                        \
    } while (0)
#define QUEUE_PUSH_FIRST(q, item)                                                                  \
    do {                                                                                           \
        (item)->next = (q)->first;                                                                 \
        (q)->first = (item);                                                                       \
        if (!(q)->last)                                                                            \
            (q)->last = (item);                                                                    \
    } while (0)
#define QUEUE_POP(q)                                                                               \
    ({                                                                                             \
        __typeof__((q)->first) _i = (q)->first;                                                    \
        if (_i) {                                                                                  \
            (q)->first = _i->next;                                                                 \
            if (!(q)->first)                                                                       \
                (q)->last = NULL;                                                                  \
            _i->next = NULL;                                                                       \
        }                                                                                          \
        _i;                                                                                        \
    })
/* Everything of `from` to the end of `to`; same type. */
#define QUEUE_MOVE(to, from)                                                                       \
    do {                                                                                           \
        if ((from)->first) {                                                                       \
            *((to)->last ? &(to)->last->next : &(to)->first) = (from)->first;                      \
            (to)->last = (from)->last;                                                             \
            (from)->first = (from)->last = NULL;                                                   \
        }                                                                                          \
    } while (0)

typedef QUEUE_OF(Request) RequestQueue;
typedef QUEUE_OF(Flight) FlightQueue;
typedef QUEUE_OF(Resident) ResidentQueue;
typedef QUEUE_OF(Delivery) DeliveryQueue;
typedef QUEUE_OF(Claim) ClaimQueue;

/* ---- timers (timers.c) ----------------------------------------------------------------------------------------------- */

typedef enum TimerOwner { TIMER_OF_WANT = 1, TIMER_OF_FLIGHT, TIMER_OF_GOVERNOR } TimerOwner;
typedef struct Timer {
    int64_t due_ms;
    uint32_t at; /* place in the heap + 1; 0: not armed */
    TimerOwner owner;
} Timer;
typedef struct WantTimer {
    Timer timer; /* first */
    Resident *r;
    Want *want;
    struct WantTimer *next; /* pool */
} WantTimer;
typedef struct TimerHeap {
    Timer **items;
    size_t n, room;
} TimerHeap;

void timer_arm(Engine *e, Timer *t, int64_t due_ms);
void timer_disarm(Engine *e, Timer *t);
void timers_want(Engine *e, Resident *r, Want *w);
void timers_forget(Engine *e, WantTimer *t);
/* Applies what is due; asks the store for what is due of runs not in memory. */
void timers_take(Engine *e);
int64_t timers_next(const Engine *e);
void timers_deinit(Engine *e);

/* ---- attempts (perform.c) -------------------------------------------------------------------------------------------- */

/* HELD at a gate (gate.h) -> WAITING for the row it was derived at -> STARTED -> ENDED, its completion not yet applied. An
 * attempt whose want is gone (`want` NULL) has only to end. */
typedef enum FlightState {
    FLIGHT_WAITING = 1,
    FLIGHT_STARTED,
    FLIGHT_ENDED,
    FLIGHT_HELD
} FlightState;
struct Flight {
    Attempt attempt; /* first: the executor's pointer is ours */
    Timer timer;     /* how long it may be held, then its timeout, then the grace of the executor */
    Resident *r;
    Want *want;
    FlightState state;
    bool dispatched; /* FACT_DISPATCHING is in the row it waits for, or in an earlier one */
    bool timed_out;  /* we asked the executor to stop it for that */
    bool reused;     /* never started: its completion is an outcome recorded before */
    bool stopped;    /* asked to stop, for whatever reason */
    /* asked because the engine stops: how it ends is for the next engine to find out */
    bool for_stop;
    Str handle;          /* to be taken in as a fact; empty: none */
    Flight *handle_next; /* of those that have one */
    bool left;           /* the gates know that it is under way, since left_ms */
    int64_t left_ms;
    bool judged;  /* the gates know how it ended */
    uint8_t gate; /* how many it has passed: the one it is held at */
    uint8_t taken,
        tries; /* governor.c: at which gates it has a slot, and at which it tries a breaker; bits */
    Governor *governors[GOVERNED_MAX];
    int64_t tokens; /* governor.c: that it may use */
    Twin *twin;     /* it leads, or waits for */
    /* keys.c: what it asks the index; where it waits, or did; what it was answered */
    Claim *claim;
    KeyLine *key_line;
    bool key_waited;
    StoreKey key;
    Lane *lane; /* in which it waits */
    Flight *lane_prev, *lane_next;
    /* account.c: what it holds, and of which accounts; where it waits; what a person is asked about */
    Account **accounts;
    size_t n_accounts;
    int64_t reserved[3];
    Account *account;
    Flight *account_prev, *account_next, *breach_next;
    const ProjectBudget *breached;
    Str breach;
    bool departed; /* it has left, and may be billed */
    Price price;   /* by which, when its want is gone */
    int64_t held_since_ms, held_ms;
    Completion completion;
    Flight *next;
    Flight *all_prev, *all_next;
};

/* Of a want that has none; in flight.c. */
Flight *flight_new(Engine *e, Resident *r, Want *w);
/* It no longer belongs to a run. */
void flight_detach(Flight *f);
/* Nobody has it any more: back to the pool. */
void flight_release(Engine *e, Flight *f);
void flights_deinit(Engine *e);
/* What is under way for a want; NULL: nothing, or it is no attempt. */
Flight *want_flight(const Want *w);
/* An outcome recorded before is its completion: true if there is one. */
bool perform_reuse(Engine *e, Resident *r, Want *w);
/* A want for an attempt was opened, or is to be performed again. */
void perform_want(Engine *e, Resident *r, Want *w);
/* It has passed all gates: it joins the batch, or starts. perform_dispatch() is the caller's. */
void perform_admitted(Engine *e, Flight *f);
/* What is held gives up its place, and what it has taken of other limits: it is wanted again when the run goes on. */
void perform_pause(Engine *e, Resident *r);
/* A held one whose turn it is may not begin now: true, and it is gone. */
bool perform_put_off(Engine *e, Flight *f);
/* The want is gone. */
void perform_forget(Engine *e, Flight *f);
/* It is to end soon, and how it ended is still wanted. */
void perform_stop(Engine *e, Flight *f);
/* Applies FACT_DISPATCHING for those planned since that want it (want_announced). */
void perform_dispatch(Engine *e, Resident *r);
/* Every want of a run that is loaded or goes on after a pause. */
void perform_all(Engine *e, Resident *r);
/* The batch that holds their rows is durable. */
void perform_durable(Engine *e, FlightQueue *flights);
/* Nothing more is let out of this run here: notes of what it wants and never left that it did not. False: there is none. */
bool perform_note_unsent(Engine *e, Resident *r);
/* The completions that came in. */
void perform_take(Engine *e);
void perform_timeout(Engine *e, Flight *f);
/* Those that waited for the lease to be renewed or for the disk to have room. */
void perform_held(Engine *e);
void perform_stop_all(Engine *e);
/* Stands where a secret belongs until it is sent: random, so that nothing written before can hold it. */
Str perform_mark(Engine *e, Arena *a);
void perform_deinit(Engine *e);

/* ---- accounts (account.c) -------------------------------------------------------------------------------------------- */

void accounts_entered(Engine *e, const StoreAccount *stored, size_t n);
/* Before FACT_RECOVERED is applied. */
void accounts_recovered(Engine *e, Resident *r);
/* Lets through who may pass now, and pauses who breached. */
void accounts_take(Engine *e);
/* Those whose sums are to be written with the next batch. */
size_t accounts_changed(Engine *e, Arena *a, const StoreAccount **ret);
void accounts_deinit(Engine *e);

/* ---- gates (gate.c, governor.c) -------------------------------------------------------------------------------------- */

/* Lets through who may pass now. */
void governor_take(Engine *e);
/* How the targets of a router are, by name: { available, queue, calls, why } (governor_say.c). */
Value governor_targets(Engine *e, const Router *router, Arena *a);
/* Lets those ask again that waited for one that is gone. */
void twins_take(Engine *e);
bool twins_wait(const Engine *e);
void twins_deinit(Engine *e);
/* Its timer is due. */
void governor_due(Engine *e, Timer *t);
void governors_deinit(Engine *e);

/* ---- business keys (keys.c) ------------------------------------------------------------------------------------------ */

/* resident.claims, with the row that grows, or gather.claims -> batch.claims -> Engine.answered */
struct Claim {
    Flight *f; /* NULL: it is gone */
    Hash name;
    StoreClaim *slot; /* while a batch has it */
    bool granted;     /* once it is answered */
    Claim *next;
};

/* Is there something to ask without a row? */
bool keys_ask(Engine *e);
/* As they go to the store; they are the batch's then. */
StoreClaim *keys_claims(Batch *b, ClaimQueue *from, size_t *ret_n);
/* What the run has said of its keys. */
const StoreKeyChange *keys_told(Engine *e, Batch *b, Run *run, size_t *ret_n);
/* The item is durable: who waits for what it lets go of asks again. */
void keys_durable(Engine *e, const StoreAppend *it);
void keys_answered(Engine *e, Batch *b);
/* Lets those go on that were answered. */
void keys_take(Engine *e);
/* Those that wait for runs of other engines ask again. */
void keys_look_again(Engine *e);
void claims_free(ClaimQueue *q);
/* The keys that somebody waits for, as engine_governors() lists limits. */
void keys_list(Engine *e, ListBuilder *l, Arena *a);
void keys_deinit(Engine *e);

/* ---- requests (inbox.c, start.c) ------------------------------------------------------------------------------------- */

/* MAIL has nobody who waits for an answer. */
typedef enum RequestKind {
    REQUEST_START = 1,
    REQUEST_SIGNAL,
    REQUEST_CONTROL,
    REQUEST_DECIDE,
    REQUEST_MAIL,
    REQUEST_MIGRATE,
    REQUEST_RETRY,
    REQUEST_FORGET,
    REQUEST_SEEN,
} RequestKind;
struct Request { /* texts stand behind it in the same allocation */
    RequestKind kind;
    Str run, id, name, payload, from, address, dir;
    Str mail, correlation; /* mail: the id of that which it came by; empty: none */
    Str past;              /* of a start */
    uint32_t verb;
    PlanEntry *
        plan; /* start: a reference; `from` is the run whose outcomes are reused, `id` before which step, `name` who starts it, `address` whose child it is */
    Outcomes *outcomes; /* start: of that run, once read; owned */
    uint64_t upto;      /* start: so many rows of it */
    EngineReplied replied;
    void *ctx;
    EngineAnswer refused; /* set when it was refused before it was queued; `name` is the message */
    uint64_t seq;         /* of the row that makes it durable */
    bool existing;        /* start: the id is taken, and once durable the two are compared */
    bool kept;            /* signal: nothing waits for it yet */
    Resident *r;          /* while on gather.requests or batch.requests */
    Request *next;
};
/* Frees the request. */
void request_answer(Engine *e, Request *q, EngineAnswer answer, const char *fmt, ...) PRINTF(4, 5);
void request_ok(Engine *e, Request *q);
void request_free(Engine *e, Request *q);
/* Copies it to the end of the inbox; a plan's reference goes with it. */
void request_queue(Engine *e, const Request *q);
/* The same with one that is a copy already. */
void inbox_push(Engine *e, Request *q);
/* Or what is wrong with it. */
void request_queue_checked(Engine *e, Request *q);
Request *request_copy(const Request *q);
void inbox_take(Engine *e);
/* One request, to where it belongs. */
void inbox_give(Engine *e, Request *q);
/* The run is there: applies it. */
void request_apply(Engine *e, Resident *r, Request *q);
/* The mail with this id is taken in by the row that grows. */
void request_take_mail(Resident *r, Str id);
/* Answers once everything that r has taken in so far is durable. */
void request_when_durable(Engine *e, Resident *r, Request *q);
/* Another engine owns the run, or it was there before. */
void request_conflict(Engine *e, Request *q);
void start_take(Engine *e, Request *q);
/* The address of the step that a person means by `name`: its id may do, items and turns need all that stands before them. */
bool start_find_step(const Plan *plan, Str name, Arena *a, Str *ret_address, Str *ret_problem);
/* The id is taken: is it the same run? Reads its first row. */
void start_compare(Engine *e, Request *q);

/* ---- runs in memory (resident.c) ------------------------------------------------------------------------------------- */

typedef struct RowSlot {
    RowWriter w;
    struct RowSlot *next;
} RowSlot;

typedef enum ResidentState {
    RESIDENT_LOADING = 1,
    RESIDENT_LIVE,
    RESIDENT_PARKED, /* only until the row that says so is durable; has no Run */
} ResidentState;

struct Resident {
    char id[65];
    uint8_t id_len;
    uint8_t in_batch; /* batches that hold a row of it: while one settles the next is on its way */
    ResidentState state;
    bool dropped;      /* out of the table; freed when no batch holds it */
    bool conflicted;   /* its row was refused: another engine owns it */
    bool dirty;        /* on gather.dirty */
    bool opens_dirty;  /* the set of wants that `open` lists has changed */
    bool opens_stored; /* `open` lists something */
    bool idle_listed;
    bool snapshot_now;
    /* to another file, or derived again for a retry: with the row that grows goes a snapshot */
    bool moved;
    bool forget;       /* what it held goes with the row that grows */
    ClaimQueue claims; /* go with it too */
    bool retried;      /* derived again, and the retry that waits first is to be applied */
    uint64_t hash;
    Run *run;
    Outcomes *outcomes; /* what attempts need not be made again; NULL: none */
    PlanEntry *plan;
    RowSlot *row;      /* grows; NULL: nothing to write */
    uint64_t head_seq; /* of the last row handed over, or read */
    Hash head_hash;
    uint64_t durable_seq;
    StoreState stored_state; /* 0: the run's row is not there yet */
    int64_t created_ms;
    size_t tail_bytes, snapshot_bytes;
    uint64_t facts, check_at; /* taken in since it was loaded; when to check it again */
    uint32_t flights;         /* not yet ended */
    uint32_t late;            /* let go of, and told to stop: what they say is still heard */
    RequestQueue waiting;     /* while loading */
    char *parked_info, *parked_name;
    Str *mail_taken; /* of the row that grows; owned */
    size_t n_mail_taken;
    Resident *next; /* dirty or dropped */
    Resident *bucket_next;
    Resident *idle_prev, *idle_next;
};
static inline Str resident_id(const Resident *r) { return (Str){ r->id, r->id_len }; }

Resident *resident_find(const Engine *e, Str id);
Resident *resident_new(Engine *e, Str id, ResidentState state);
/* The row it writes to, now on gather.dirty. */
RowWriter *resident_row(Engine *e, Resident *r);
/* Out of memory without a trace in the store: its attempts are stopped, its requests get `answer`. */
void resident_drop(Engine *e, Resident *r);
void resident_drop_all(Engine *e);
/* Stops and forgets what is under way for it. */
void resident_forget_wants(Engine *e, Resident *r);
/* After its batch settled. */
void resident_release(Engine *e, Resident *r);
/* Is it only waiting? Then it goes to the end of the list of those that may be evicted. */
void resident_settle_idle(Engine *e, Resident *r);
void resident_evict(Engine *e);
/* Its run is over, and all that it wrote is on the disk. */
bool resident_is_over(const Resident *r);
void row_give_back(Engine *e, RowSlot *row);
void resident_deinit(Engine *e);

/* ---- facts (apply.c) ------------------------------------------------------------------------------------------------- */

/* Applies the fact and takes what changed: wants opened and closed. Returns what run_apply() returned. */
int apply_fact(Engine *e, Resident *r, Fact *fact);
/* After run_start() or a load. */
void apply_changes(Engine *e, Resident *r);
/* Arms the timers of a run just loaded and notes what else it waits for; attempts are left to perform_all(). */
void apply_adopt(Engine *e, Resident *r);
/* From here on a crash is blamed on this run, until the turn ends (ports.mark). */
void apply_mark(Engine *e, Resident *r);
/* A row of the engine's own: says `text`, changes nothing. The fold passes over it. */
void apply_note(Engine *e, Resident *r, Str text);
bool fact_is_note(const Fact *f);

/* ---- committing (commit.c) ------------------------------------------------------------------------------------------- */

typedef struct BatchItem { /* beside StoreAppend items[i] */
    Resident *r;
    RowSlot *row;
    Str *mail_taken; /* owned */
    size_t n_mail_taken;
    Buf snapshot;
    StoreState state; /* what info says, 0: no info */
} BatchItem;

struct Batch {
    StoreJob job; /* first */
    Engine *e;
    Arena arena;
    StoreBatch store;
    StoreAppend *items;
    BatchItem *sides;
    size_t n, room,
        first_open; /* items before first_open are settled: what is left was unknown and not there */
    RequestQueue requests;
    FlightQueue flights;
    DeliveryQueue deliveries; /* sent, or to be tried again */
    ClaimQueue claims;
    PlanEntry **plans; /* whose closures it brings */
    size_t n_plans;
    uint64_t n_facts;
    int64_t handed_us, took_us; /* took_us: of the commit, on the store's thread */
    int err;
    bool busy;
    bool reading; /* heads are being read back */
    unsigned
        life; /* of the engine that handed it over: what was lost with that life is not tried again */
};

/* The next item of the batch: what r has gathered. (commit_item.c) */
void commit_item(Engine *e, Batch *b, Resident *r);
/* Hands over what has gathered, unless a batch is on its way. */
void commit_hand_over(Engine *e);
/* Between two facts of a turn: hands over if that moment has come. */
void commit_hand_over_early(Engine *e);
/* Takes what came back, hands the next over, and lets out what the first made durable. */
void commit_take(Engine *e);
void commit_mail_done(Engine *e, Str id);
void commit_deinit(Engine *e);

/* ---- loading (load.c) -------------------------------------------------------------------------------- */

/* Loads the run for q (taken), or just so (NULL). */
void load_run(Engine *e, Str id, Request *q);
void load_take(Engine *e);
/* It is over: what waits for it is told so. */
void load_finished(Engine *e, Resident *r);
/* The folded run is live: recovers it and performs its wants. */
void load_go_on(Engine *e, Resident *r);
/* Parks it by name: a row that changes nothing, and `word` in the run's row. Its requests are answered. */
void load_park(Engine *e, Resident *r, Str workflow, const char *word, Str problem);
/* Recovery: goes on through the ids that were found. */
void load_recover(Engine *e);

/* ---- plans (plans.c) ------------------------------------------------------------------------------------------------- */

struct PlanEntry {
    Hash hash;
    Str closure; /* owned */
    Plan *plan;
    size_t refs;
    bool stored; /* the store has the closure */
    bool in_batch;
    struct CalledPlan { /* those of its workflows that were called so far; owned */
        Str file;
        Hash hash;
    } * called;
    size_t n_called;
    PlanEntry *newer, *older; /* by last use */
};
/* A reference, or NULL with *ret_problem (in a) for a file that is refused. */
PlanEntry *plans_get(Engine *e, Str closure, const Hash *hash, Arena *a, Str *ret_problem);
PlanEntry *plans_ref(PlanEntry *p);
PlanEntry *plans_unref(Engine *e, PlanEntry *p);
/* That of a workflow which the plan of `parent` calls. */
PlanEntry *plans_called(Engine *e, PlanEntry *parent, Str file, Arena *a, Str *ret_problem);
void plans_deinit(Engine *e);

/* ---- lease (lease.c), mail (mail.c), watchers (watch.c) -------------------------------------------------------------- */

void lease_take(Engine *e);
int64_t lease_next(const Engine *e);
/* Far enough from the end of the lease to begin something outside. */
bool lease_holds(const Engine *e);
void lease_leave(Engine *e);
void mail_take(Engine *e);
/* When to look for mail again; INT64_MAX while something else comes first. */
int64_t mail_next(const Engine *e);
/* None is on its way here. */
bool mail_quiet(const Engine *e);
void mail_post(Engine *e, Request *q);

/* ---- runs that call each other (child.c) ------------------------------------------------------------------------------ */

/* What mail of kind FACT_CHILD or FACT_CONTROL becomes; its texts stand in `a`. Kind 0: nothing that can be read. */
Fact child_fact(const Engine *e, const Request *q, Arena *a);
/* A start that came by mail, for a run that is called: `address` says by whom. */
static inline bool request_is_child(const Request *q) {
    return q->kind == REQUEST_START && q->address.len > 0;
}
/* The run that it asks for cannot be: its parent is told. Frees q. */
void child_refuse(Engine *e, Request *q, ErrorKind kind, Str why);
/* Its run is there, and was called by `caller`. Frees q. */
void child_met(Engine *e, Request *q, Str caller, bool durable);

/* ---- mail to people (notice.c, deliver.c) ---------------------------------------------------------------------------- */

/* One that is being sent, or what became of it is on its way to the disk. */
struct Delivery {
    Attempt attempt; /* first: the executor's pointer is ours */
    Engine *e;
    StoreMail mail; /* as it goes back */
    Value body;
    int64_t tries, made_ms;
    bool flying, durable;
    Delivery *next; /* gather.deliveries, batch.deliveries */
    Delivery *all_next;
};

/* What the run says to people, as mail for the append that makes it so. */
const StoreMail *notice_mail(Engine *e, Run *r, Arena *a, size_t *ret_n);
/* The console: what the run asks people since its row `seq`, a line for each. */
void notice_log(Engine *e, Run *r, uint64_t seq);
/* Asks the store for what is due, and sends it. */
void deliver_take(Engine *e);
int64_t deliver_next(const Engine *e);
/* Nothing is being sent, or should be. */
bool deliver_quiet(const Engine *e);
void deliver_complete(Engine *e, Attempt *a, const Completion *c);
/* What became of these is on the disk. */
void deliver_durable(Engine *e, DeliveryQueue *back);
/* As they go to the store. */
const StoreMail *deliver_mail(const DeliveryQueue *back, Arena *a, size_t *ret_n);
void deliver_stop_all(Engine *e);
void deliver_deinit(Engine *e);

/* ---- notices that somebody has seen (seen.c) ---------------------------------------------------------------------------- */

void seen_take(Engine *e, Request *q);
void seen_deinit(Engine *e);

void watch_tell(Engine *e, const EngineEvent *event);
void watch_deinit(Engine *e);

/* ---- jobs: what is out at the store ---------------------------------------------------------------------------------- */

/* Every job but a batch is one of these, so that engine_free() finds what is still out. */
struct Pending {
    StoreJob job; /* first */
    Engine *e;
    Arena arena; /* of what was read */
    int err;
    void (*drop)(Pending *p); /* frees what the arena does not hold; may be NULL */
    Pending *prev, *next;
};
/* `size` is of the whole struct that begins with Pending. */
void *pending_new(Engine *e, size_t size, bool write, void (*work)(StoreJob *, Store *),
                  void (*done)(StoreJob *));
void pending_submit(Pending *p);
void pending_free(Pending *p);

/* ---- the engine ------------------------------------------------------------------------------------------------------ */

/* OUTSIDE -> ENTERING -> INSIDE -> ENDING_WORK -> ENDING_ROWS -> LEAVING -> LEFT; a lost lease goes back to ENTERING. */
typedef enum EnginePhase {
    ENGINE_OUTSIDE,
    ENGINE_ENTERING,
    ENGINE_INSIDE,
    ENGINE_ENDING_WORK, /* attempts in flight are waited for */
    ENGINE_ENDING_ROWS, /* snapshots are written */
    ENGINE_LEAVING,
    ENGINE_LEFT,
} EnginePhase;

struct Engine {
    EnginePorts ports;
    EngineOptions options;
    uint8_t install_key[32];
    char suspect[65];
    Hash hash_of_nothing;
    EnginePhase phase;
    bool failed, full, in_turn, marked;
    int64_t now_ms, wake_ms, turn_us;
    Resident *marked_run;
    Arena scratch; /* of one fact */
    EngineStats stats;
    size_t turn_facts;

    /* lease */
    StoreLease lease;
    int64_t lease_until_ms, renew_at_ms;
    bool renewing;
    EngineReady ready;
    void *ready_ctx;

    /* stop */
    int64_t stop_at_ms;
    bool stop_told, stop_given_up;
    void (*stop_done)(void *ctx, int err);
    void *stop_ctx;

    /* requests */
    RequestQueue inbox;

    /* runs */
    Resident **buckets;
    size_t n_buckets, n_residents;
    Resident *idle_first, *idle_last;
    size_t n_idle;
    RowSlot *free_rows;
    size_t n_free_rows;

    struct {
        ResidentQueue dirty;
        RequestQueue requests;
        FlightQueue flights;
        DeliveryQueue deliveries;
        ClaimQueue claims;
        Str *mail_done; /* owned texts */
        size_t n_mail_done;
    } gather;
    Batch batches[2], *batch; /* batch: on its way */
    bool batch_back;
    int64_t retry_at_ms, retry_delay_ms;
    struct {                   /* commit.c; facts are counted by stats.facts */
        uint64_t handed_facts; /* at the last handing over */
        uint64_t early_at; /* so many: hand over in the middle of a turn; UINT64_MAX: at its end */
        int64_t fact_ns, sync_us;
    } pace;

    /* attempts */
    Flight *flights; /* all that are not in the pool */
    size_t n_flights, n_flying;
    FlightQueue completed, deferred, held;
    Flight *handles; /* flights whose executor told a handle, by handle_next */
    Flight *free_flights;
    size_t n_free_flights;
    Flight **dispatch;
    size_t n_dispatch, room_dispatch;

    /* gates */
    Governor **governors; /* by key; NULL until one is met */
    size_t n_governors;
    Governor *stirred;
    Twin **twins, *orphans; /* twin.c; NULL until one is met */
    KeyLine **key_lines;    /* by name; NULL until somebody waits */
    ClaimQueue answered;
    Account **accounts; /* by key; NULL until one is met */
    Account *stirred_accounts, *changed_accounts;
    Flight *breaches;

    /* timers */
    TimerHeap timers;
    WantTimer *free_want_timers;
    /* when to ask the store for due work of runs not in memory; INT64_MAX: never */
    int64_t due_at_ms;
    bool due_asked;

    /* loads */
    Pending *pendings; /* all that are out */
    QUEUE_OF(struct LoadJob) loaded;
    QUEUE_OF(struct ReuseJob) reused;
    QUEUE_OF(struct MigrateJob) migrations;
    struct LoadJob *load_gather;
    size_t n_loading;
    unsigned lives; /* leases lost */
    Arena recover_arena;
    Str *recover_ids;
    size_t n_recover, recover_at;

    /* mail */
    int64_t mail_at_ms;
    bool mail_asked;
    Delivery *deliveries; /* in flight, or what became of them not yet on the disk */
    size_t n_deliveries;
    int64_t deliver_at_ms;
    bool deliver_asked, deliver_more; /* more: the store has others that are due */
    RequestQueue seen;                /* behind the one that is looked for or written back */
    bool seen_busy;

    PlanEntry *plan_newest, *plan_oldest;
    size_t n_plans;
    EngineWatcher *watchers;
    size_t n_watchers;
    bool telling, watchers_gone;
};

void engine_log(Engine *e, const char *fmt, ...) PRINTF(2, 3);
/* More work than the ports know of came up. */
void engine_wake(Engine *e);
/* The store failed for good. */
void engine_fail(Engine *e, const char *what, int err);
/* Goes on with a clean stop, if there is one. */
void stop_take(Engine *e);
/* It came to its end. */
void engine_stopped(Engine *e, int err);
static inline bool engine_stopping(const Engine *e) { return e->phase >= ENGINE_ENDING_WORK; }

#endif
