/* The simulator: whole engines in one process, on one store, in a world that misbehaves on command.
 *
 *   tape ----> workflow text, latencies, outcomes, crashes          (every choice; a seed is a tape filled by a generator)
 *   world ---> fake time, one heap of events ordered by (time, order of making)
 *   node ----> an engine and its ports; a crash frees it and forgets its events, the store and the outside go on
 *   ledger --> what really happened outside, by key; the only witness the oracles believe
 *   people --> start runs until acknowledged, send signals, settle doubts truthfully, resume what is paused
 *   oracle --> invariants after every event and at the end (docs/reliability.md)
 *
 * The same tape gives the same trace, byte for byte; a failing tape is shrunk by leaving choices out. */
#ifndef BATON_TESTS_SIM_H
#define BATON_TESTS_SIM_H

#include "base/limits.h"
#include "base/mutant.h"
#include "engine/engine.h"

#include <setjmp.h>

/* ---- tape ------------------------------------------------------------------------------------------------------------ */

typedef struct Tape {
    uint32_t *choices;
    size_t n, room, at;
    uint64_t state; /* fills the tape past its end */
    bool frozen;    /* past its end every choice is 0: the simplest there is */
} Tape;
/* 0 .. below-1. */
uint32_t tape_choose(Tape *t, uint32_t below);
static inline bool tape_percent(Tape *t, uint32_t percent) {
    return tape_choose(t, 100) >= 100 - percent;
}

/* ---- world ----------------------------------------------------------------------------------------------------------- */

typedef struct World World;
typedef struct SimNode SimNode;
typedef void (*EventFn)(World *w, SimNode *node, void *ctx);
typedef struct Event {
    int64_t at_us;
    uint64_t order;
    SimNode *node; /* NULL: of the world itself; else dropped if the node's life has changed */
    uint64_t life;
    EventFn fn;
    void *ctx;
} Event;

/* Of the tool `busy` of all workflows, whose limits a universe draws once. */
#define BUSY_RATE_MAX 6
typedef struct Busy {
    unsigned max, count, failures; /* at once; in a second; 0: not drawn yet */
} Busy;

/* Two, and a place for a process that stands still while another is at work in its stead. */
#define NODES 3
struct SimNode {
    World *world;
    unsigned number;
    uint64_t engine_id; /* its engine's, whenever it enters; 0: another one each time */
    bool spare;         /* nobody is here */
    bool ghost;         /* thought dead, and there is another of its number */
    Engine *engine;     /* NULL: down */
    Store *store;
    uint64_t life; /* one more with each crash */
    bool entered, turning;
    int64_t wake_at_us;
    int64_t stalled_until_us; /* its process stands still, and does not know it */
    int64_t busy_us[2];       /* reader and writer side: when they are free */
    struct {                  /* of the tool `busy`, in this life */
        unsigned in_flight, starts;
        int64_t started_ms[BUSY_RATE_MAX]; /* of the last starts, a ring */
    } busy;
};

typedef struct Done { /* one thing that happened outside */
    Str key, run, address;
    Str reply;       /* what the target would say of it */
    uint32_t times;  /* sent with this key */
    StoreKey shared; /* of a business key: its name and generation; state KEY_NEW: none */
    bool forgotten;  /* taken back, and made anew as something else */
} Done;

typedef enum FactCover { COVER_FACTS = 16, COVER_WANTS = 8, COVER_MARKS = 48 } FactCover;
extern const char *const mark_names[];
typedef enum Mark {
    MARK_CRASH_ONE,
    MARK_CRASH_BOTH,
    MARK_CRASH_BEFORE_COMMIT,
    MARK_CRASH_AFTER_COMMIT,
    MARK_TAKEOVER,
    MARK_CONFLICT_SEEN,
    MARK_UNKNOWN_COMMIT,
    MARK_FULL,
    MARK_DOUBT,
    MARK_DECIDED,
    MARK_RETRY,
    MARK_RESEND,
    MARK_SNAPSHOT,
    MARK_PAUSED,
    MARK_CANCELLED,
    MARK_LATE_EFFECT,
    MARK_SAME_START,
    MARK_RUN_FAILED,
    MARK_RUN_OK,
    MARK_COMPARED,
    MARK_HELD,
    MARK_REUSED,
    MARK_REUSED_WHOLE,
    MARK_MOVED,
    MARK_ASKED,
    MARK_EXPIRED,
    MARK_LINE,
    MARK_NOT_LET_THROUGH,
    MARK_FALLBACK,
    MARK_UNDONE,
    MARK_PROBED,
    MARK_RETRIED,
    MARK_RETRY_REFUSED,
    MARK_STALL,
    MARK_RAISED,
    MARK_SHARED,
    MARK_KEY_LINE,
    MARK_LATE,
    MARK_GHOST,
    MARK_ASKED_AFTER,
    MARK_LEFT,
    MARK_REDONE,
    MARK_HEDGED,
    MARK_COUNT,
} Mark;
typedef struct Coverage {
    uint64_t facts[COVER_FACTS], wants[COVER_WANTS], marks[COVER_MARKS];
} Coverage;

typedef struct SimRun SimRun;
struct SimRun {
    Str id;
    Str workflow, closure;
    bool acked, finished;
    uint64_t seen; /* rows that oracle_commit() has looked at */
    bool ended;    /* as they tell it */
    bool redone;   /* a person named a step to be done anew: what ended ok may run again */
    unsigned
        retries_left; /* how often somebody will have it go on when it failed or was cancelled */
    unsigned signals; /* waits for s0 .. s(n-1) */
    unsigned signals_acked;
    bool cancel_wanted;
    int64_t started_us; /* its newest attempt */
    bool deterministic; /* nothing but crashes happens to it: its output must be the reference's */
    const SimRun
        *source; /* the run whose outcomes it reuses, NULL: none; up to the step `before` */
    Str before;
    /* its source had recorded everything before it began: nothing of it is done again */
    bool nothing_new, asked;
    unsigned moves;                         /* to another file, asked for so far */
    uint64_t told[NODES], told_life[NODES]; /* newest row that watchers were told of */
};

#define RUNS_MAX 8
/* The hash of nothing that was ever shown. */
#define UNSEEN "0000000000000000"
struct World {
    Tape tape;
    Arena arena;
    int64_t now_us, mono_us;
    uint64_t clock_looks;
    Event *events; /* heap */
    size_t n_events, room_events;
    uint64_t order, steps;
    StoreMemory *disk;
    Store *eye; /* the oracles' own handle */
    SimNode nodes[NODES];
    SimRun runs[RUNS_MAX];
    unsigned n_runs;
    Done *ledger;
    size_t n_ledger, room_ledger;
    struct Work **named; /* what is done outside and can be asked after, by its number */
    size_t n_named, room_named;
    unsigned crashes, crashes_wanted;
    uint64_t appends, facts;
    int64_t crash_at_append; /* exhaustive mode: crash everything at this append (-1: by chance) */
    bool crash_after;        /* after the commit rather than before */
    bool faults, healed;
    Busy busy;
    uint64_t hash;   /* of the trace */
    uint64_t random; /* what engines get; not a choice */
    bool print;
    Coverage *coverage;
    jmp_buf failed;
    char failure[1024];
};

void world_at(World *w, int64_t at_us, SimNode *node, EventFn fn, void *ctx);
/* Into the trace: hashed always, printed on demand. */
void world_say(World *w, const char *fmt, ...) PRINTF(2, 3);
/* An oracle found something: ends the universe. */
_Noreturn void world_fail(World *w, const char *fmt, ...) PRINTF(2, 3);
static inline void world_mark(World *w, Mark m) { w->coverage->marks[m]++; }
static inline int64_t world_ms(const World *w) { return w->now_us / 1000; }

/* Runs one universe. false: `failure` says what broke. */
bool world_run(World *w);
void world_deinit(World *w);

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

void node_boot(World *w, SimNode *node);
void node_crash(World *w, SimNode *node);
/* It stands still for longer than its lease, and is taken for dead: another one of its number is started. */
void node_replace(World *w, SimNode *node);
/* Frees the engine of a crash: an event of its own, because the crash may come from inside it. */
void node_bury(World *w, SimNode *unused, void *engine);
void node_wake(SimNode *node);

/* A random workflow as text; counts of what it waits for. `calm`: nothing in it depends on luck. */
Str grow_workflow(World *w, bool calm, unsigned *ret_signals);

/* What a callee answers when all is well. Calm: the same whenever it is asked the same. */
void sim_reply(World *w, CalleeKind kind, Value request, bool calm, Buf *b);

void ledger_perform(World *w, const Attempt *a, const StoreKey *shared, Str reply);
/* The business key that this step of this run holds, by the store; false: none. */
bool ledger_key(World *w, Str run, Str address, StoreKey *ret);
/* What happened under it in this generation, whoever did it; NULL: nothing. */
const Done *ledger_of_key(const World *w, const StoreKey *key);
/* What happened there was taken back, and a person has it done anew: that is something else. */
void ledger_forget(World *w, Str run, Str address);
/* What happened, as far as the outside knows; NULL: nothing. */
const Done *ledger_find(const World *w, Str run, Str address);

void people_begin(World *w);
/* The file with the project that all of a universe stand in. */
Str people_closure(World *w, Str text);
SimRun *run_named(World *w, Str id);
bool people_are_content(const World *w);

/* A run as the store has it. */
typedef struct History {
    StoreRun stored;
    Row *rows;
} History;

bool read_history(World *w, Str run, Arena *a, History *ret);

/* What holds over a whole journal (8 9 12 15 18), over what is told of it (24), and over what is left at the end (27). */
void audit_history(World *w, const SimRun *run, const History *h, const Plan *plan, Arena *a);
void audit_told(void *ctx, const EngineEvent *e);
bool audit_quiet(const World *w);

/* By its rows: it was taken back, by itself or with what it stands in, a person retried the run, and it was not done since. */
bool undone_and_retried(const History *h, Str address);
/* Before the first byte of an attempt leaves. */
void oracle_attempt(World *w, const Attempt *a);
/* It starts at this node, and ends there. */
void oracle_limits(World *w, SimNode *node, const Attempt *a);
void oracle_lines(World *w, SimNode *node);
void oracle_ends(SimNode *node, const Attempt *a);
void oracle_event(World *w);
void oracle_commit(World *w);
void oracle_answer(World *w, const SimRun *run, const EngineReply *reply);
/* The step of an address; NULL: none. */
const struct Node *oracle_node(const Plan *plan, Str address);
void oracle_undo(World *w, const SimRun *run, const History *h, const Plan *plan, bool ended_ok,
                 Arena *a);
void oracle_spending(World *w, const SimRun *run, const History *h, const Plan *plan, Arena *a);
void oracle_pinned(World *w, const SimRun *run, const History *h, Arena *a);
void oracle_end(World *w);
/* The run's rows and what it waits for, into the trace. */
void oracle_show(World *w, Str run);

#endif
