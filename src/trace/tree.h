/* The tree of a run: its steps by address, with status, attempts and times, built row by row from facts and moves. The same
 * tree is drawn live by `baton run` (rows from the event stream) and afterwards by `baton trace` (rows from the journal).
 *
 *   row --tree_take--> nodes by address
 *
 * A node's parent is the longest proper prefix of its address, cut before one of . / [ ~ @ :, that is itself a node; so
 * nothing here depends on which shapes exist. */
#ifndef BATON_TRACE_TREE_H
#define BATON_TRACE_TREE_H

#include "kernel/codec.h"
#include "spec/plan.h"

/* What its attempts are, and so what the time they take is spent on. */
typedef enum TraceKind {
    TRACE_GROUP, /* no attempts of its own, or none known */
    TRACE_MODEL,
    TRACE_TOOL,   /* run, http, echo, and the tools an agent calls */
    TRACE_TIMER,  /* waits for time */
    TRACE_SIGNAL, /* waits for somebody or something outside */
} TraceKind;

typedef struct TraceAttempt {
    uint32_t number;
    int64_t opened_ms;
    int64_t ended_ms; /* 0: in flight */
    bool dispatched;  /* recorded as about to leave */
    bool unsent;      /* recorded as not let out, and nobody has gone on with it since */
    bool reused;      /* an outcome recorded before: usage and took_us are of then */
    Outcome outcome;  /* 0: in flight */
    Sent sent;
    Str error_kind, message;
    int64_t queued_us, took_us;
    Usage usage;
    Str run;      /* that it is: of a workflow that is called; else empty */
    bool grafted; /* and that run stands below: what it took is told there */
} TraceAttempt;

typedef struct TraceSpan { /* one stay in one status */
    Status status;
    int64_t since_ms;
} TraceSpan;

typedef struct TraceNode TraceNode;
struct TraceNode {
    Str address; /* empty: the run */
    Str label;   /* what its address adds to its parent's */
    Str run;     /* of the top of a run that was called, its id; else empty */
    TraceKind kind;
    const Node *step; /* of the plan; NULL if none is known */
    Status status;
    Str choice;       /* why it is in this status */
    Str start_choice; /* why it began */
    int64_t start_ms; /* 0: not begun */
    int64_t end_ms;   /* 0: not ended */
    TraceSpan *spans;
    size_t n_spans, room_spans;
    TraceAttempt *attempts;
    size_t n_attempts, room_attempts;
    Str held; /* what its attempt waits for in the engine; empty: nothing, or nobody asked the engine */
    int64_t held_since_ms;                   /* if it is known */
    TraceNode *parent, *first, *last, *next; /* children in the order they began */
    TraceNode *same_hash;
};

typedef struct TraceTree {
    Arena arena;
    const Plan *plan; /* may be NULL: then kinds are guessed from what attempts used */
    TraceNode *root;
    TraceNode **slots;
    size_t n_nodes, n_slots;
    uint64_t seq;    /* of the last row taken */
    int64_t time_ms; /* of the last fact */
    bool paused;     /* by name; `paused_by` and `pause_reason` as the fact says */
    Str paused_by, pause_reason;
    Str pause_raise; /* a limit that would let it go on, as it is written behind --limit; empty: none */
    Str note; /* what the engine itself said last about the run, as when it parked it; empty: nothing */
    Str workflow;
    int64_t accepted_ms;
    unsigned recoveries; /* times another engine went on after one that was lost */
    size_t in_flight;    /* attempts open now */
    size_t
        children; /* runs that were called and have not ended: they are no attempts of this one */
    Str source;   /* the run whose outcomes it reuses; empty: none */
    struct TraceTree *grafts, *graft_next; /* trees of runs that were called, in this one */
} TraceTree;

/* The plan is borrowed. */
TraceTree *tree_new(const Plan *plan);
TraceTree *tree_free(TraceTree *t);
DEFINE_CLEANUP(TraceTree *, tree_free)

/* Takes the facts and moves of one row. Copies what it keeps. Rows must come in order; one seen before is ignored. */
void tree_take(TraceTree *t, uint64_t seq, const Row *row);
/* What an attempt waits for in the engine, which no row says. For an address that is not there nothing happens. */
void tree_hold(TraceTree *t, Str address, Str what, int64_t since_ms);
/* Its attempt is one that may have to wait for its turn, and has not left yet, as far as the rows say. */
bool node_in_line(const TraceNode *n);
/* The run that an attempt of `call` is stands below it from now on; takes it. Its addresses are its own: tree_find() finds none of them. */
void tree_graft(TraceTree *t, TraceNode *call, TraceAttempt *attempt, TraceTree *its);
/* NULL if there is none. */
TraceNode *tree_find(const TraceTree *t, Str address);
/* The nodes that a person may mean by `text`: the address itself, else every node whose label or last parts are it.
 * At most `max`; gives how many there are. */
size_t tree_match(const TraceTree *t, Str text, TraceNode **ret, size_t max);
/* Next in the order of drawing (depth first) within `top`; NULL after the last. */
TraceNode *tree_walk(const TraceNode *top, const TraceNode *n);
/* The last attempt, NULL if there is none. */
static inline TraceAttempt *node_attempt(const TraceNode *n) {
    return n->n_attempts ? &n->attempts[n->n_attempts - 1] : NULL;
}
/* Did the run end, as far as the tree has seen? */
static inline bool tree_ended(const TraceTree *t) { return status_final(t->root->status); }
/* The plan's step that an address belongs to: the address without items, rounds and turns. NULL if none. */
const Node *address_step(const Plan *plan, Str address, Arena *a);
/* How many of the parts after the step are an agent's: 0 the step itself, 1 a turn (model call), 2 a call (tool). */
unsigned address_turn_depth(Str address);

#endif
