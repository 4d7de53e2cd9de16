/* Frames: the tree of what a run is doing. Internal to the kernel.
 *
 * A step that the file writes as   needs > if > limits > for( on_error > repeat( retry( VERB ) > check ) > set )   becomes one
 * frame when it is plain, and a short tower of frames when it loops:
 *
 *   plain            for                       repeat                      both
 *   a  STEP|ITEM|    a    STEP, shape each     a   STEP|ITEM, shape loop   a      STEP, shape each
 *      ONCE, verb    a[0] ITEM|ONCE, verb      a~1 ONCE, verb              a[0]   ITEM, shape loop
 *                    a[1] ...                  a~2 ...                     a[0]~1 ONCE, verb
 *
 * The layers of a frame say which modifiers it is answerable for: STEP needs, if, limits; ITEM on_error, set; ONCE output
 * type, check. What runs inside is its shape. A shape can only open child frames, open wants, and finish; the life cycle
 * (step.c) does the rest, so every shape nests in every other.
 *
 *            enter                       shape finishes ok, checks hold
 *   NEW ---------------> RUNNING -------------------------------------> OK
 *    |  \ if false          | \ attempt failed, policy allows
 *    |   +--> SKIPPED       |  +--> RETRYING --timer--> RUNNING
 *    |                      | \ outcome unknown, may not be sent again
 *    |                      |  +--> IN_DOUBT --decision--> RUNNING | OK | FAILED
 *    |                      | \ people are asked
 *    |                      |  +--> WAITING --they decide, or time is up--> RUNNING | FAILED
 *    |                      | \ a budget is taken for now, or the run is paused
 *    |                      |  +--> HELD --siblings settle--> RUNNING
 *    |                      +--> FAILED
 *    +----------------------+--> CANCELLED (from any that is not final)
 *
 * What ends failed or cancelled is undone first (undo.c). A call that is cancelled while nobody knows what it did is
 * *abandoned*: over for its parent, and not final before that is known.                                                   */
#ifndef BATON_KERNEL_FRAME_H
#define BATON_KERNEL_FRAME_H

#include "base/limits.h"
#include "base/mutant.h"
#include "base/time.h"
#include "kernel/prompts.h"
#include "kernel/retry.h"

typedef enum Layer { LAYER_STEP = 1, LAYER_ITEM = 2, LAYER_ONCE = 4 } Layer;

/* What a frame's last address part looks like. Numbers are stored. */
typedef enum Part {
    PART_ROOT = 0,
    PART_STEP = 1,      /* name, joined to its group with '/' */
    PART_ITEM = 2,      /* [a] */
    PART_ROUND = 3,     /* ~a */
    PART_HANDLER = 4,   /* /on_error */
    PART_TURN = 5,      /* .a   a model call of an agent */
    PART_CALL = 6,      /* .a.b a tool call of turn a */
    PART_GATE = 7,      /* :approve, the a-th; of gate b of the step, or of the tool */
    PART_PROBE = 8,     /* :probe, :probe~2  asks what became of the call above */
    PART_UNDO = 9,      /* :undo, :undo~2  takes back what the step above did */
    PART_FALLBACK = 10, /* :fallback, the a-th asked in the step's place */
    PART_ROLE =
        11, /* :tie:3  what a played verb needs besides; the a-th that it began. Its others are PART_STEP: /name:3 */
} Part;
#define PART_LAST PART_ROLE

typedef struct Shape Shape;
typedef struct Scope Scope;
typedef struct Budget Budget;

typedef struct GroupState {
    Frame **steps;     /* by index; NULL until it is ready */
    uint32_t *waiting; /* needs not yet final, by index */
    uint32_t settled, ok;
    bool failing, returned, decided; /* decided: no step starts but those that wait for a failure */
    uint32_t winner;                 /* join any: index + 1 */
} GroupState;

typedef struct EachState {
    Value items;
    Value *outputs;    /* by item; absent unless ok */
    uint8_t *statuses; /* Status by item */
    uint32_t next, open, ok, failed;
    ListBuilder failures;
    bool decided;
} EachState;

typedef struct LoopState {
    uint32_t round;
    Value last;
    Str words; /* with which a person sent the last round back */
} LoopState;

/* Amounts by Bound, of those that are counted. */
typedef struct Amount {
    int64_t of[BOUNDS_COUNTED];
} Amount;

/* First come, first served; linked by what their calls keep (held.c). */
typedef struct HeldQueue {
    Frame *first, *last;
} HeldQueue;

typedef struct CallState {
    const Callee *callee;
    Effect effect;
    Value args;    /* what the callee is given */
    Value request; /* composed; absent until needed */
    uint64_t args_hash;
    Want *want; /* the open attempt, retry timer or doubt */
    Str key;    /* business key */
    uint32_t attempt, generation, retries, resends;
    uint32_t probes;  /* so many were begun */
    int64_t first_ms; /* of the first attempt of this generation: the life of its key */
    bool unknown;     /* sticky: an attempt ended unknown and nothing has settled it */
    bool lost;        /* and that attempt was in flight when the engine stopped */
    bool fresh;       /* a recorded outcome did not fit: ask anew */
    bool was_done;    /* and what comes now is whether its answer is accepted; for retries */
    bool owes_retry;  /* its next attempt counts as a retry, and has not been counted */
    bool held;        /* in a queue */
    Str late; /* child: why it was asked to stop though it is waited for; empty: it was not */
    Amount reserved; /* by the attempt that is open */
    Frame *held_at;  /* whose budget's queue; NULL: the run's */
    int64_t ticket;  /* its place there */
    Frame *held_prev, *held_next;
    Str choice; /* why it was entered: for its first move */
    /* Under a business key: what was told of it last, and before it began to be undone; an attempt may have left whose end
     * is not known. */
    uint8_t told, was_told;
    bool let_out;
} CallState;

typedef struct AgentCall {
    Str id, name;
    const AgentTool *tool;
    Frame *frame; /* NULL: answered without running (refused, unknown) */
    Str result;   /* text for the model; p NULL until it is there */
} AgentCall;

typedef struct AgentState {
    ListBuilder messages;
    uint32_t turn, repairs, model; /* model: which of callee->models */
    uint32_t before;               /* turns that it had before a person retried it */
    AgentCall *calls;              /* of this turn */
    uint32_t n_calls, open_calls;
    uint32_t *used;    /* calls so far, by tool */
    uint64_t hash;     /* of the conversation so far */
    int64_t bytes;     /* of it as JSON: at least as many as it has tokens */
    int64_t overhead;  /* of what goes with it: tools, schema */
    uint32_t degraded; /* attempts that asked a cheaper model */
    bool counted;      /* as a conversation */
    Usage usage;
    int64_t model_calls;
    Value leaves; /* with this, when the calls of this turn are over; absent: it goes on */
} AgentState;

typedef struct WaitState {
    Want *timer, *signal;
} WaitState;

/* What every played verb keeps: the begin of its shape's state (play.c). */
typedef struct Play {
    Frame **last;    /* by index of the part: the one that began last; NULL: none did */
    uint32_t serial; /* so many began */
    uint32_t open;   /* of those, not over yet */
    Want **waits;    /* for signals and times, besides its parts */
    uint32_t n_waits, room_waits;
} Play;
typedef struct VoteState VoteState;
typedef struct RouteState RouteState;
typedef struct BoardState BoardState;
typedef struct SuperviseState SuperviseState;
typedef struct PlannedState PlannedState;
typedef struct MachineState MachineState;
typedef struct TeamState TeamState;

typedef struct HumanState {
    Str question, person, hash; /* hash: of all that is shown */
    Value shown,
        value; /* value: what is agreed to and may be edited; absent: an answer is asked for */
    ListBuilder said; /* by whom so far: { from, verdict, words, time_ms } */
    uint32_t round, notices, quorum;
    bool edited, escalated;
    int64_t asked_ms;
    Want *want, *deadline, *remind, *escalate;
} HumanState;

/* What gates over a frame have come to. */
typedef struct Gated {
    Value with;          /* what is handed over; as edited, if `modified` */
    ListBuilder settled; /* details of the gates that were */
    uint32_t opened;
    bool passed, modified; /* those before */
} Gated;

/* Said with a yes: holds for the step and for all that comes after it. */
typedef struct Condition {
    Str address, words, from;
    struct Condition *next;
} Condition;
/* What a step did can be taken back: registered when its first attempt is wanted, there until it is undone, handed over for
 * good, or known not to have happened. */
typedef struct Undo Undo;
struct Undo {
    Frame *frame;
    uint64_t order;    /* of registration */
    bool happened;     /* ok, resolved as done; or sent, and doing it twice would be the same */
    uint32_t round;    /* of `:undo~2`; 0: none was begun */
    Undo *prev, *next; /* all of the run, in order of registration */
};
/* A step that ends failed or cancelled and takes back what was done below it. */
typedef struct Unwind {
    ListBuilder undone; /* addresses, in the order in which they were undone */
    uint64_t since;     /* only what was registered later */
    bool goes_on;       /* then the shape goes on; else the step has failed */
} Unwind;

struct Frame {
    Run *run;
    const Node *node;
    const Shape *shape;
    Frame *parent;
    Frame *first, *last, *prev, *next; /* children; siblings */
    Frame *ready_next;
    uint8_t layers, part, status;
    bool ready;            /* in the run's queue */
    bool dead;             /* released while in the queue */
    bool handling;         /* an on_error step runs */
    bool handler_returned; /* and was a `return`: ends the group the step stands in */
    bool gating;           /* people are asked before or after what it does */
    bool tolerated;        /* failed, but `on_error: continue`: dependents start */
    bool unhandled;        /* its failure is past on_error */
    bool abandoned;        /* cancelled, and nobody knows yet what it did */
    bool left;             /* its parent has let go of it; there for what it still owes */
    bool falling;          /* somebody else is asked in its callee's place */
    uint8_t fallen;        /* how many have been so far, that one among them */
    uint32_t withheld; /* stands still until the retry of this number is applied; 0: it does not */
    uint32_t a, b;     /* of the address part */
    int64_t started_ms, ended_ms;
    Value with, output, detail, error;
    Budget *budget;                        /* limits that count here; NULL: none */
    Want *timeout;                         /* of a group; of an undo that is stuck: its doubt */
    Gated *gated;                          /* NULL: nobody was asked */
    int64_t tokens, calls, cost, attempts; /* of itself and of what ran below */
    Undo *undo;
    Unwind *unwind;
    uint32_t undos; /* registered at it and below */
    uint32_t loose; /* abandoned, and undos under way, at it and below */
    union {
        GroupState *group;
        EachState *each;
        LoopState *loop;
        CallState *call;
        AgentState *agent;
        WaitState *wait;
        HumanState *human;
        Play *play; /* of every shape that `plays` */
        VoteState *vote;
        RouteState *route;
        BoardState *board;
        SuperviseState *supervise;
        PlannedState *planned;
        MachineState *machine;
        TeamState *team;
        void *any;
    };
};

/* One per file in shapes/. Every function may be NULL but enter. */
struct Shape {
    const char *name;
    bool composite; /* its own failure is one of what stands inside */
    bool plays;     /* its state begins with a Play */
    /* Begins; may finish at once through frame_done(). */
    void (*enter)(Run *r, Frame *f);
    /* A child became final (its frame still holds the result; release it if it is not needed). */
    void (*child_done)(Run *r, Frame *f, Frame *child);
    void (*attempt_done)(Run *r, Frame *f, const Fact *fact);
    void (*timer_due)(Run *r, Frame *f, TimerPurpose purpose);
    /* Returns true if the signal was taken. */
    bool (*signal)(Run *r, Frame *f, Want *want, Value signal);
    void (*decided)(Run *r, Frame *f, const Fact *fact);
    /* A person sent back what it made: makes it again. NULL: it cannot. */
    void (*revise)(Run *r, Frame *f, Str words);
    /* What a name of the verb (spec/plan.h) means to `child`, or to the verb's own expressions (NULL). */
    Value (*look)(Run *r, const Frame *f, const Frame *child, PlayName name);
    /* Is what a part gives of any use? Else an agent is told the problem and asked again. NULL: always. */
    bool (*accepts)(Run *r, const Frame *f, const Frame *child, Value output, Str *ret_problem);
    /* Why it began `child`, for that one's first move; derived from what is saved. NULL: nothing is said. */
    Str (*because)(Run *r, const Frame *f, const Frame *child);
    /* Must `child` be made anew when the part that began as the `serial`-th is? NULL: if it began later. */
    bool (*follows)(const Frame *f, const Frame *child, uint32_t serial);
    /* Another engine goes on: what was in flight here ended unknown. */
    void (*recovered)(Run *r, Frame *f);
    /* To an agent that is a part: what it is told before its first turn, a list of texts. What it gets for a call of `name`: a
     * tool of the part, or (NULL) none; `leaves`: it has done its part with that. Why it may not answer so: STR_NULL, it may. */
    Value (*tells)(Run *r, const Frame *f, const Frame *agent);
    Str (*called)(Run *r, Frame *f, Frame *agent, const AgentTool *tool, Str name, Value arguments,
                  bool *ret_leaves);
    Str (*answered)(Run *r, Frame *f, Frame *agent, Value output);
    /* What it asked to be taken back by undo_since() is; the addresses of that. */
    void (*rolled_back)(Run *r, Frame *f, Value undone);
    /* Gates that its verb has besides those of `approve`, by number behind those; NULL: no such gate. What expressions of one
     * see besides. It was settled. */
    const Ask *(*gate)(const Frame *f, size_t number);
    void (*gate_sees)(Run *r, const Frame *f, Scope *s);
    void (*gate_done)(Run *r, Frame *f, Frame *gate);
    /* Drops what only the shape knows of; wants are closed and children cancelled by the caller. */
    void (*save)(const Run *r, const Frame *f, Buf *b);
    void (*load)(Run *r, Frame *f, Cursor *c);
};
extern const Shape shape_group, shape_each, shape_loop, shape_call, shape_agent, shape_wait,
    shape_human;
extern const Shape shape_route, shape_vote, shape_supervise, shape_planned, shape_machine,
    shape_board, shape_team;
/* Stored numbers of shapes: index in this table + 1. Some are NULL. */
#define SHAPES_COUNT 16
extern const Shape *const shapes[SHAPES_COUNT];

typedef struct StateWrite {
    uint32_t *order; /* (file position, items and rounds from the outside in) */
    uint32_t n_order;
    Value value;
    Str writer, address; /* step id; where that step stands */
    size_t bytes;        /* of the value */
    int64_t at_ms;
} StateWrite;
typedef struct StateCell {
    StateWrite *writes; /* sorted */
    uint32_t n, room;
    Value folded; /* valid unless dirty */
    bool dirty;
} StateCell;

/* Whose child a run is. */
typedef struct Caller {
    Str run, step;
    uint32_t attempt, level; /* level: 1 for the child of a run that nobody called */
    Limits grant;
} Caller;

/* A limit that a person set anew. */
typedef struct Raised {
    Str address; /* of the step; empty: the run */
    Bound bound;
    int64_t most;
    struct Raised *next;
} Raised;

typedef struct Signal {
    Value value; /* { name, data, from, time } */
    Str name;
    struct Signal *next;
} Signal;

/* An event that came, and by which steps of the file it was taken. */
typedef struct Heard {
    Value event; /* { id, type, data, correlation, source, time } */
    Str type;
    uint32_t *taken, n_taken; /* numbers of nodes */
    struct Heard *next;
} Heard;

typedef struct Message {
    Value value; /* { inbox, from, time, body } */
    struct Message *next;
} Message;
typedef struct InboxState {
    Message *first, *last;
    uint32_t n;
} InboxState;

/* The attempts, or turns, that an address had before it was made anew. */
typedef struct Spent {
    uint64_t address; /* its hash */
    uint32_t number;
    /* while the run is derived again: an attempt whose end was not recorded yet; 0: none; its address */
    uint32_t let_out;
    Str text;
} Spent;
typedef struct UndoneStep {
    Str address;
    Str callee, key; /* of an effect with a business key; else empty */
    uint32_t generation;
    struct UndoneStep *next;
} UndoneStep;

struct Run {
    Arena arena;
    const Plan *plan;
    Str id, dir;
    Str source, source_before; /* whose outcomes are reused, and before which step */
    uint64_t source_upto, seed;
    Rules rules;
    RunStatus status;
    int64_t started_ms, time_ms, ended_ms;
    int64_t before_ms; /* the time before this fact */
    Value tripped;     /* the error of the guard that stops the run; absent: none */
    Value input, labels, output, error;
    Frame *root;
    StateCell *state;
    size_t state_bytes; /* of all that was written and counts */
    Str by;             /* who started it */
    Str past_text;      /* as the first fact says; empty: nothing */
    Value past;         /* the same, read */
    bool used_keys;     /* it has had a business key */
    KeyChange *key_changes;
    size_t n_key_changes, room_key_changes;
    Condition *conditions; /* oldest first */
    Notice *notices;
    size_t n_notices, room_notices;
    Str correlation; /* empty: its id */
    bool listens;
    uint32_t life; /* retries that were applied */
    Heard *heard;  /* oldest first */
    uint32_t n_heard;
    InboxState *inboxes; /* by number; NULL: nothing was sent yet */
    uint32_t n_messages; /* in all of them */
    bool handing_out;    /* something was put in, and who waits was not looked for yet */
    Post *posts;
    size_t n_posts, room_posts;
    Str caller_text; /* as it was accepted; empty: nobody called it */
    Caller *caller;
    Signal *signals;      /* not yet taken, oldest first */
    uint64_t *signal_ids; /* hashes of those seen */
    uint32_t n_signal_ids, room_signal_ids;
    uint64_t facts; /* applied so far */
    /* retries, while the run is derived again for one */
    Retried *retries;
    uint32_t n_retries, retried; /* retried: applied so far */
    Str would_repeat, was_undone, lasting;
    bool cut;         /* cancelled, in this life */
    int64_t stood_ms; /* since when it would have been over, in this life; 0: it goes on */
    Spent *spent;
    uint32_t *spent_slots;
    size_t n_spent_slots;
    uint32_t n_spent, room_spent;
    HeldQueue held; /* calls that wait for the run to be resumed */
    int64_t tickets;
    Value paused;        /* what the paused run asks, or who paused it; absent: it is not paused */
    uint32_t overbilled; /* calls that billed more than they were asked for */
    Str overbilled_last;
    Raised *raised; /* in the order they came */
    /* undo */
    Undo *undos_first, *undos_last;
    uint64_t undo_order; /* of the last that was registered */
    RunStatus ending;    /* how it ends when nothing is loose any more; 0: it does not yet */
    UndoneStep *undone;  /* newest first */
    /* wants */
    Want *wants_first, *wants_last, *opened;
    uint32_t open_attempts, open_held;
    WantClosed *closed;
    size_t n_closed, room_closed;
    /* one apply */
    Value payload; /* of the fact, parsed; absent if it has none */
    RowWriter *row;
    uint32_t cause;
    Frame *ready_first, *ready_last;
    bool pausing;    /* a limit was reached: the run pauses when this fact is applied */
    bool held_freed; /* the run's own queue may move */
    Budget *freed_first, *freed_last; /* budgets whose queue may move */
    uint8_t loading;                  /* version of the snapshot that is read */
    uint32_t folds;                   /* values folded so far: their memory must not be rewound */
    /* spare parts */
    Frame *free_frames;
    Want *free_wants;
    RunCounts counts;
};

/* ---- frames (frame.c) -------------------------------------------------------------------------------------------------- */

Frame *frame_new(Run *r, Frame *parent, const Node *node, Part part, uint32_t a, uint32_t b,
                 uint8_t layers);
/* The layers of a step's outermost frame and of one item of its `for`: what loops hands the rest to its children. */
uint8_t step_layers(const Node *n);
uint8_t item_layers(const Node *n);
/* Takes it and everything below out of the tree; its wants are closed already. */
void frame_release(Run *r, Frame *f);
/* The one setter: checks the move against the table of allowed ones and writes it down. */
void frame_move(Run *r, Frame *f, Status to, uint32_t attempt, uint64_t args, Str choice);
void frame_movef(Run *r, Frame *f, Status to, const char *fmt, ...) PRINTF(4, 5);
Str frame_address(const Frame *f, Arena *a);
void frame_write_address(Buf *b, const Frame *f);
/* Does it stand at, below or after the step with this address? After: it needs it, or is a later round or turn. An address
 * without items and rounds ("work/fetch") means the step in all of them. */
bool frame_is_from(const Frame *f, Str address);
/* Follows an address from the root; NULL if nothing like that is open. */
Frame *frame_find(Run *r, Str address);
/* Puts it at the end of the queue of frames to enter. */
void frame_ready(Run *r, Frame *f);
/* The next of them that is still to be entered; NULL when none is left. */
Frame *frame_next_ready(Run *r);
/* Cancels it and all below, from the inside out; closes their wants; the parent is not told. What was done below is not
 * taken back by this: either the parent fails and does so, or undo_begin() is asked. */
void frame_cancel(Run *r, Frame *f, Str why);
void frame_cancel_inside(Run *r, Frame *f, Str why);
/* For its parent: final, or abandoned. */
static inline bool frame_over(const Frame *f) { return status_final(f->status) || f->abandoned; }
static inline Status frame_shown(const Frame *f) {
    return f->abandoned ? STATUS_CANCELLED : (Status)f->status;
}
/* Its parent needs it no more: released, or kept for as long as it owes something. */
void frame_let_go(Run *r, Frame *f);

/* ---- the life cycle of a step (step.c) ---------------------------------------------------------------------------------- */

/* A frame of the queue begins: its layers in order, then its shape. */
void step_enter(Run *r, Frame *f);
/* The shape of f has ended. Goes through check, on_error, set as the layers say, and tells the parent. */
void frame_done(Run *r, Frame *f, Value output);
void frame_fail(Run *r, Frame *f, Value error);
void frame_failf(Run *r, Frame *f, ErrorKind kind, const char *fmt, ...) PRINTF(4, 5);
/* What is behind the gates before it: its loop, or its verb. */
void step_begin(Run *r, Frame *f, Str choice);
/* Of a step that does its part again. */
void frame_restart_timeout(Run *r, Frame *f);
/* What it made holds, with the gates after it passed. */
void frame_approved(Run *r, Frame *f, Value output);
/* Ends it without looking at on_error. */
void frame_end_failed(Run *r, Frame *f, Value error);
void frame_recovered(Run *r, Frame *f, Value output);
Value error_make(Run *r, const Frame *f, Str kind, Str message, uint32_t attempt, Value data);
/* What f did is taken back: its failure goes on. */
void frame_unwound(Run *r, Frame *f);
/* An empty run that knows its plan: what start and load fill. */
Run *run_blank(const Plan *plan);
/* A guard stops the run: what is open is cancelled, and the run fails with the guard's error. */
void run_stop(Run *r);
/* The run ends so: at once, or when nothing below its root is loose any more. Only then the root is final. */
void run_end(Run *r, RunStatus status, Value output, Value error);
void run_settle(Run *r);

/* The outermost frame of a part of a played verb. */
static inline bool frame_is_played(const Frame *f) {
    return f->node->is_part && f->a > 0 && (f->part == PART_STEP || f->part == PART_ROLE);
}

/* ---- verbs that several steps play (play.c) ---------------------------------------------------------------------------------- */

/* The state of a played shape that begins: `bytes` of it, with its Play. */
void *play_begin(Run *r, Frame *f, size_t bytes);
/* Begins a part. `with`: what it is handed unless it says so itself; absent: what the verb's step was given. */
Frame *play_open(Run *r, Frame *f, const Node *part, Value with);
/* What a part was handed, else what the verb's step was given. */
Value play_with(const Frame *part);
/* In child_done, first: the part is over. Its frame stays until the same part begins anew, so that `steps.ID` reads it. */
void play_over(Run *r, Frame *f, Frame *child);
/* Waits of the shape's own, until they are closed: all that were opened behind the first `keep`, or one. */
Want *play_wait(Run *r, Frame *f, Want *w);
void play_stop_waiting(Run *r, Frame *f, uint32_t keep);
void play_came(Frame *f, const Want *w);
/* What is open is not needed any more: cancelled, and what it did is taken back. */
void play_cancel_rest(Run *r, Frame *f, Str why);
void play_save(const Frame *f, Buf *b);
void *play_load(Run *r, Frame *f, Cursor *c, size_t bytes);
/* A loaded frame below one that plays. False: it does not belong there. */
bool play_place(Frame *f, Frame *child);
/* `timeout` of the step. */
void play_timer_due(Run *r, Frame *f, TimerPurpose purpose);
/* { kind: ..., step: NAME ... } for details: name, status, output or error of a part. */
Value play_result(Run *r, const Frame *child);
const Shape *play_shape(Verb v);

/* ---- dispatch (dispatch.c) -------------------------------------------------------------------------------------------- */

/* How targets have done so far: { STEP: { TARGET: { asked, ok, us, cost_nano } } }. What is none of that is nothing. */
void dispatch_past(Run *r, Str json);
/* Of the targets of the router f that are in `keep`: strikes out who has done clearly worse than the best of them. */
void dispatch_keep_best(const Run *r, const Frame *f, Prefer by, bool *keep);
/* One that is left of them, by the run's seed if the file prefers somebody, else the first; the number of targets if none is. */
uint32_t dispatch_pick(const Run *r, const Frame *f, const bool *keep);

/* ---- undo (undo.c) -------------------------------------------------------------------------------------------------------- */

/* The first attempt of what can be taken back is wanted, or a group that can be is entered. Nothing if it has no undo. */
void undo_register(Run *r, Frame *f);
/* What is known of it: it happened; it did not, or is handed over for good. Nothing if it is not registered. */
void undo_happened(Frame *f);
void undo_drop(Run *r, Frame *f);
/* f ended ok: with an undo of its own it stands for all below; the root's are dropped. */
void undo_hand_over(Run *r, Frame *f);
/* f ends failed or is cancelled: takes back what is registered at it and below, when nothing there is in flight any more.
 * False if there is nothing. When all is undone frame_unwound() is called, unless f is final. */
bool undo_begin(Run *r, Frame *f);
/* f goes on when what was registered below it behind `since` is taken back: Shape.rolled_back. False if there is nothing. */
bool undo_since(Run *r, Frame *f, uint64_t since);
/* A frame at or below which something was loose has come to rest. */
void undo_go_on(Run *r, Frame *f);
/* Counts what is not at rest yet, at f and above. */
void undo_loosen(Frame *f, int change);
/* The step that undoes what f did ended; a failure is kept from ending before by undo_stuck(). */
void undo_ended(Run *r, Frame *f, Frame *step);
/* True: the undo has failed as often as it may and waits for a person. */
bool undo_stuck(Run *r, Frame *step, Value error);
bool undo_is_stuck(const Frame *step);
void undo_decided(Run *r, Frame *step, const Fact *fact);
/* What is inside is released, as if it had not been: nothing of it can be undone, or is waited for. */
void undo_forget_inside(Run *r, Frame *f);
/* Does what is registered have an undo in the plan? */
bool undo_is_known(const Frame *f);
/* Which of the effects with this business key it will be: those before it were undone. 0 without a key. */
uint32_t undo_generation(const Run *r, Str callee, Str key);
/* Is what this address did undone, or about to be? */
bool undo_takes_back(const Run *r, Str address);
/* The policy of an undo that declares none. */
extern const Retry undo_retry;
/* Is it, or does it stand in, a `probe` or an `undo`? */
bool undo_inside(const Frame *f);
/* What is undone is not up to clocks and retries of what it is undone for: they may be what has run out. */
bool undo_is_free_of(const Frame *f, const Frame *limited);
void undo_save(const Frame *f, Buf *b);
void undo_load(Run *r, Frame *f, Cursor *c);

/* Output type and check of a step or an agent; *ret_value converted. Returns false with the problem (kind invalid or check). */
bool step_accepts(Run *r, Frame *f, const Callee *callee, Value output, Value *ret_value,
                  ErrorKind *ret_kind, Str *ret_problem);

/* ---- retries (retry.c) --------------------------------------------------------------------------------------------------- */

void retry_copy(Run *r, const Retried *retries, size_t n);
/* While the run is derived again: true, and the frame stands still until the retry, instead of being entered; of failing; of
 * running out of time; of being given up by a person. */
bool retry_withholds(Run *r, Frame *f);
bool retry_takes_failure(Run *r, Frame *f);
bool retry_takes_stop(Run *r, Frame *f, const Fact *fact);
bool retry_takes_timeout(Run *r, Frame *f, Want *w);
bool retry_takes_decision(const Run *r, const Frame *f, const Fact *fact);
void retry_apply(Run *r, const Fact *fact, int64_t ended_ms);
/* How many attempts (of an agent: turns) its address had before the step was made anew. */
uint32_t retry_spent(Run *r, const Frame *f);
/* Its next attempt is numbered on from them, with a key of its own. */
void retry_renumber(Run *r, Frame *f);
void retry_save(const Run *r, Buf *b);
void retry_load(Run *r, Cursor *c);

/* ---- fallback (fallback.c) ----------------------------------------------------------------------------------------------- */

/* Nobody answered, so that somebody else may be asked; a refusal of content is not shopped around. */
bool error_out_of_reach(Value error);
/* Its callee failed: true if the next in its place is asked. */
bool fallback_takes_failure(Run *r, Frame *f);
/* Who was asked in the place of f has ended. */
void fallback_done(Run *r, Frame *f, Frame *child);
/* Is there somebody left to be asked, if this call fails? */
bool fallback_left(const Frame *f);
/* NULL, or what is broken. */
const char *fallback_check(const Frame *f);

/* ---- expressions (scope.c) ----------------------------------------------------------------------------------------------- */

/* What names mean for one evaluation: a frame and, where they exist, the step's own words. */
struct Scope {
    Run *run;
    const Frame *frame;
    Value input; /* absent: the workflow's */
    Value with, output, detail, error, status, signal, event;
    Value last;      /* reducers */
    Str secret_mark; /* see want_send() */
};
Scope scope_of(Run *r, const Frame *f);
/* A guard: must be a bool. Returns 0, or TEMPLATE_E_EVAL with the message. */
int scope_test(Scope *s, const CelProgram *p, bool *ret, char message[320]);
int scope_value(Scope *s, const CelProgram *p, Value *ret, char message[320]);
int scope_eval(Scope *s, const Template *t, Value *ret, char message[320]);

/* ---- state (state.c) ------------------------------------------------------------------------------------------------------ */

/* Records the sets of a step that succeeded. False with a message if a value is refused. */
bool state_write(Run *r, Frame *f, const Node *node, ErrorKind *ret_kind, char message[320]);
/* The same for what is written when the step is left, with what those expressions see. */
bool state_write_leaving(Scope *s, Frame *f, const SetKey *sets, size_t n, ErrorKind *ret_kind,
                         char message[320]);
Value state_read(Run *r, uint32_t key);

/* The oldest signal of this name that came and was taken by nobody, and that fits; absent: there is none. */
/* The oldest event of these types that this step has not taken, and that fits; absent: there is none. */
Value event_take(Run *r, const Node *n, const Str *types, size_t n_types,
                 bool (*fits)(void *ctx, Value event), void *ctx);
Value signal_take(Run *r, Str name, bool (*fits)(void *ctx, Value signal), void *ctx);

/* ---- wants (want.c) ------------------------------------------------------------------------------------------------------- */

Want *want_open(Run *r, Frame *f, WantKind kind);
/* Without telling the budgets: they have it already (a snapshot). */
Want *want_new(Run *r, Frame *f, WantKind kind);
Want *want_timer(Run *r, Frame *f, TimerPurpose purpose, int64_t due_ms);
void want_close(Run *r, Want *w);
/* It is asked to end soon, and still wanted: how it ended is to be known. */
void want_stop(Run *r, Want *w);
/* All wants of one frame. */
void want_close_all(Run *r, Frame *f);

/* ---- people (gates.c, shapes/human.c) --------------------------------------------------------------------------------------- */

/* True: the frame is on hold, or has failed; the rest follows when people have decided. */
bool gate_before(Run *r, Frame *f);
bool gate_after(Run *r, Frame *f, Value output);
bool gate_call(Run *r, Frame *call, const AgentTool *tool);
void gate_done(Run *r, Frame *f, Frame *gate);
/* Asks by one of the gates of the shape's own. */
void gate_open_own(Run *r, Frame *f, size_t number);
/* Where a no, or silence, leads in the machine around; NULL: nowhere. Looked at when the state has failed with it. */
void machine_send(Frame *from, const Node *to);
/* Is there a move that an event of this type brings? Can one be made now? It is. */
bool machine_hears(const Machine *m, Str type);
bool machine_would_move(Run *r, Frame *f, Str type, Value event);
void machine_heard(Run *r, Frame *f, Str type, Value event);
/* Of a gate: the step's, the tool's or the verb's; NULL: there is none. */
const Ask *gate_ask(const Frame *gate);
/* Its detail, with what people said. */
Value gate_detail(Run *r, const Frame *f);
/* Words that hold for what a frame does, as a list of texts. */
Value gate_conditions(Run *r, const Frame *f);
void gate_save(const Frame *f, Buf *b);
void gate_load(Run *r, Frame *f, Cursor *c);
void run_notice(Run *r, const Notice *n);
void run_post(Run *r, Post p);
/* Of its timers, by purpose; NULL for the others. */
Want **human_timer(Frame *f, TimerPurpose purpose);
void human_close(Run *r, Frame *f);
/* Is there something in the file that such a frame can ask? */
bool human_known(const Frame *f);
/* Why a decision is none on what is asked here. */
Refusal human_refuses(const Frame *f, const Fact *d, Value value, Arena *a, Str *ret_why);

/* ---- events and messages (events.c, inboxes.c) ---------------------------------------------------------------------------- */

void emit_enter(Run *r, Frame *f, Str choice);
/* The run is one that listens: its root waits. False: its file names no events. */
bool listen_begin(Run *r);
/* Could any step take it? */
bool event_waited_for(Run *r, const Fact *fact);
void event_came(Run *r, const Fact *fact);
/* True: the step that begins has taken one that came before, and is done. */
bool event_take_kept(Run *r, Frame *f);
/* What the want of a frame that waits is called: a signal's name, `event a, b`, `inbox desk`. */
Str wait_key(Run *r, const Frame *f);
void events_save(const Run *r, Buf *b);
void events_load(Run *r, Cursor *c);

void send_enter(Run *r, Frame *f, Str choice);
/* Into the inbox `to`, or, STR_NULL, into every one: all of them, or none with a reason. */
bool inbox_send(Run *r, Str from, Str to, Value body, ErrorKind *ret_kind, Str *ret_problem);
/* What an agent does with the built-in tool `inbox`, and what it is told. */
Str inbox_by_agent(Run *r, const Callee *agent, Value arguments);
/* The oldest message of it, or absent. */
Value inbox_pop(Run *r, uint32_t inbox);
/* True: the step that begins to receive has one, and is done. */
bool receive_take(Run *r, Frame *f);
/* One message to one who waits for it; the oldest who waits for what nobody can send fails. False: there is nothing to do. */
bool inboxes_hand_out(Run *r);
bool inboxes_break_deadlock(Run *r);
void inboxes_save(const Run *r, Buf *b);
void inboxes_load(Run *r, Cursor *c);

/* ---- calls (shapes/call.c) ------------------------------------------------------------------------------------------------- */

/* Prepares a frame as a call of `callee` with `args`; frame_ready() starts it. */
void call_prepare(Run *r, Frame *f, const Callee *callee, Effect effect, Value args, Str key);
/* Its open attempt says what the call knows: a new one, and one that was loaded. */
void call_describe(CallState *c);
/* Its open attempt is given up: what was reserved for it is spent, as it may have been billed, unless it surely never left. */
void call_give_up(Run *r, Frame *f);
/* Its next attempt is wanted, or waits for a budget. */
void call_open_attempt(Run *r, Frame *f, Str choice);
/* Tried again as the policy allows, after an unknown without one a few times. False: that is used up. */
bool call_once_more(Run *r, Frame *f, Fact *fact, bool was_unknown);
/* It failed, and that is definite. */
void call_fail(Run *r, Frame *f, const Fact *fact);

/* Its open attempt never left: nothing was spent. */
void call_drop_attempt(Run *r, Frame *f);
/* The target has forgotten it by now. */
bool call_key_is_dead(const Run *r, const Frame *f);

/* ---- business keys (keys.c) */

/* Is it a call under a key that is everybody's? */
bool key_is_shared(const Frame *f);
/* Who is called, as names of keys have it. */
Str key_callee(const Frame *f, Arena *a);
/* Is what the call gives kept for equal calls; under which key; it gave something that was accepted. */
bool key_is_cached(const Frame *f);
Str key_of_cache(const Frame *f, Arena *a);
void key_cache(Run *r, Frame *f, Value output);
/* Nothing if it has no such key. */
void key_tell(Run *r, Frame *f, KeyState state, Value result);
/* It ends, and if nothing was told of it that is told. */
void key_settle(Run *r, Frame *f);
void key_undo_begins(Run *r, Frame *f);
void key_undo_ended(Run *r, Frame *f, bool undone);
void key_run_ended(Run *r);
/* Its attempt may leave, under this generation. */
void key_granted(Run *r, Frame *f, const Fact *dispatching);
/* Its outcome is one that was recorded before. */
void key_taken_over(Run *r, Frame *f, const Fact *finished);

/* ---- child runs (child.c) --------------------------------------------------------------------------------------------------- */

/* Is it a call of a workflow? */
bool call_is_child(const Frame *f);
Str child_id(Run *r, const Frame *f, uint32_t attempt);
/* What is reserved for it: its share of what the limits above have left. */
Amount child_worst_case(const Frame *f);
/* Its run would stand below as many others as there can be. */
bool child_too_deep(const Run *r);
/* Its want is open: the letter that makes the run. */
void child_start(Run *r, Frame *f);
/* The call is cancelled: true if there is a child, which is told, and waited for. */
bool child_abandon(Run *r, Frame *f, Str why);
/* The time of the call is up: true if there is a child, which is told; the step fails when it has ended. */
bool child_runs_late(Run *r, Frame *f, Str why);
/* All children that are not asked to stop. */
void child_order_all(Run *r, Control verb, Str why);
Amount child_spent(Run *r, const Fact *fact);
/* What it is asked to do, for who compares it with what was recorded. */
Value child_request(const Frame *f, Arena *a);
void child_timer_off(Run *r, Frame *f);
/* It is over: the grant is given back, less what was spent. */
void child_settle(Run *r, Frame *f, const Fact *fact);
/* Whose child this run is, as it was accepted; false: the text is none of ours. */
bool caller_read(Run *r, Str text);
/* This run is over: its parent is told. */
void child_ended(Run *r);

/* ---- what nobody knows (doubt.c) */

/* An attempt ended unknown and may not simply be sent again: the target is asked, or a person. */
void call_unclear(Run *r, Frame *f, const Fact *fact);
void call_open_probe(Run *r, Frame *f);
void call_probed(Run *r, Frame *f, Frame *probe);
void call_decided(Run *r, Frame *f, const Fact *fact);
/* It is cancelled: true if it is abandoned, since it may have been done and somebody must find out. */
bool call_abandon(Run *r, Frame *f, Str why);
/* How the attempt of one that is abandoned ended. */
void call_ended_late(Run *r, Frame *f, const Fact *fact);

/* The retry policy that holds for it. */
const Retry *call_retry(const Frame *f);
/* The request of a run or http call; with `problem` (320 bytes) not NULL an error in a template fails it: VALUE_ABSENT. */
Value call_compose(const Frame *f, Str secret_mark, Arena *a, char *problem);
/* What its attempts send; see want_send(). Absent if a template fails now. */
Value call_request(const Frame *f, Str secret_mark, Arena *a);
/* What its next model call sends, in bytes: at least as many as it has tokens. */
int64_t agent_request_bytes(const Frame *agent);
/* Before an attempt of a turn opens: the model it asks, a cheaper one where a limit says so. Gives why, or nothing. */
Str agent_pick_model(Run *r, Frame *turn);
/* Other arguments than it was prepared with. */
void call_arguments(Frame *f, Value args);
/* The tool of a tool call, by its name, or, where that is empty, by the number of the call; NULL: no such call. */
const AgentTool *agent_call_tool(const Frame *call, Str name);
/* Its conversation (conversation.c): begun as its definition says, with what it is given; false with the problem. */
bool agent_begin(Run *r, Frame *f, char problem[320]);
void agent_say(Run *r, Frame *f, Value message);
void agent_say_words(Run *r, Frame *f, PromptName prompt, Str words);
Value agent_message(Run *r, const char *role, Value content);
int64_t agent_bytes(const ListBuilder *messages);
/* What was said, or only what its tools gave, as a text for somebody else. */
Str agent_transcript(Run *r, const Frame *f, bool results_only);
/* The verb around that it is a part of; NULL: it is none. */
Frame *agent_player(const Frame *f);
/* The model call of an agent: composed from the agent's conversation. */
Value agent_request(const Frame *turn, Str secret_mark, Arena *a);

/* ---- guards (guard.c) ------------------------------------------------------------------------------------------------------- */

/* True: a guard of the agent, or of the workflow (agent NULL), has caught it, and f has failed or stands still for a retry. Of
 * tool calls and contents the workflow's guards look at those of every agent. */
bool guard_catches(Run *r, Frame *f, const Callee *agent, GuardPoint at, Value v);
/* Of an agent: what its next model call would be told; what the model said. */
bool guard_catches_unsent(Run *r, Frame *f);
bool guard_catches_reply(Run *r, Frame *f, Value reply);
/* How often the agent has made call `n` of this turn: before the turn, and with it. */
void guard_count_call(const Frame *f, uint32_t n, Value call, uint32_t *ret_before,
                      uint32_t *ret_all);

/* ---- budgets (budget.c) ------------------------------------------------------------------------------------------------------ */

typedef enum Fit { FIT_YES, FIT_WAIT, FIT_BREACH_PAUSE, FIT_BREACH_FAIL } Fit;
/* Which limit has no room, and how much there would have to be. */
typedef struct Shortage {
    const Frame *at; /* whose limit */
    Bound bound;
    int64_t most, spent, reserved, next;
    bool behind;  /* it would fit, and others came before */
    Str no_price; /* the model whose price nobody knows */
} Shortage;
/* Opens the limits a frame declares (its step's, its agent's); nothing if none. */
void budget_open(Run *r, Frame *f);
/* Does it fit every limit above, and the clocks? If so it is reserved; conversations and retries are spent. Else the
 * shortage is told. */
Fit budget_reserve(Run *r, Frame *f, const Amount *next, Shortage *ret);
/* Gives back what was held, which is nothing then, and spends what was used. */
void budget_settle(Run *r, Frame *f, Amount *held, const Amount *spent);
/* An attempt that was loaded brings its reservation. */
void budget_take_over(Frame *f, const Amount *held);
/* Is so much of a limit above spent that cheaper models are to be asked? */
bool budget_degrades(const Frame *f, Shortage *ret);
int64_t share_percent(int64_t part, int64_t whole);
Str shortage_text(Run *r, Fit fit, const Shortage *s);
/* What an attempt used that is not derived again. */
void budget_spend(Frame *f, const Amount *spent);
/* A child below worked so long. */
void budget_worked_more(Run *r, Frame *f, int64_t ms);
/* So much time counts for nothing. */
void budget_shift(Frame *f, int64_t ms);
Amount call_worst_case(const Frame *f);
/* An attempt was opened or closed below: the clocks of `limits.time` run while one is. */
void budget_attempts(Run *r, Frame *f, int change);
/* Its timers, by purpose; NULL: not armed. The pointer may be cleared by who closes the want. */
Want **budget_timer(Frame *f, TimerPurpose purpose);
void budget_timer_due(Run *r, Frame *f, TimerPurpose purpose);
void budget_close(Run *r, Frame *f);
void budget_save(const Frame *f, Buf *b);
void budget_load(Run *r, Frame *f, Cursor *c, uint8_t version);
/* NULL, or what is broken. */
const char *budget_check(const Frame *f);

/* ---- held calls (held.c) ----------------------------------------------------------------------------------------------------- */

/* Into the queue of the budget at a frame, or, NULL, of the run; it stays where it is if it is there already. */
void held_join(Run *r, Frame *f, Frame *at, bool first);
void held_leave(Run *r, Frame *f);
/* Tries those whose turn it is. False: nothing was left to try. */
bool held_release(Run *r);
/* The run goes on: everything is tried again. */
void held_resume(Run *r);
void held_save(const Frame *f, Buf *b);
void held_load(Run *r, Frame *f, Cursor *c);
/* All frames are there. */
void held_loaded(Run *r);
const char *held_check(const Frame *f);

/* ---- what a paused run asks (question.c) ------------------------------------------------------------------------------------- */

/* A limit was reached: the run pauses once this fact is applied. `step` wanted more; NULL: nobody did. */
void question_ask(Run *r, const Frame *step, const Shortage *s);
void question_pause(Run *r);
void question_by_person(Run *r, Str from, Str reason);
/* Limits that run_takes_limits() found good. */
void question_raise(Run *r, Str from, Value limits);
/* As they were raised since, for a frame whose budget opens. */
void raised_limits(const Frame *f, Limits *limits);
void question_save(const Run *r, Buf *b);
void question_load(Run *r, Cursor *c);

#endif
