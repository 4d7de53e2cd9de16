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
#include "spec/prompts.h"
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
    PART_TOOLS = 12,    /* :tools, :tools~2  of an agent: which tools its a-th set has */
    PART_ROLE =
        11, /* :tie:3  what a played verb needs besides; the a-th that it began. Its others are PART_STEP: /name:3 */
} Part;
#define PART_LAST PART_TOOLS

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

/* What the child of a call asks for (more.c). */
typedef struct More {
    bool open;    /* and has no answer yet: it stands in a queue */
    bool or_fail; /* rather than have a person asked, it is refused */
    Bound bound;
    uint64_t number; /* of the last question that came */
    int64_t most;    /* so much it may have to spend in all */
    int64_t had;     /* and so much it may now */
} More;

/* What a child has asked its parent for. */
typedef struct AskedMore {
    bool open;
    Bound bound;
    uint64_t number; /* of the last question */
    Str refused; /* why it gets no more: for the first that is short of it; empty: that was not said */
} AskedMore;

typedef struct CallState {
    const Callee *callee;
    Effect effect;
    Value args;    /* what the callee is given */
    Value request; /* composed; absent until needed */
    uint64_t args_hash;
    Want *want;    /* the open attempt, retry timer or doubt */
    uint32_t open; /* the number of that attempt; of two it need not be the last */
    Want *hedge;   /* when it is asked a second time beside that one; then that attempt (hedge.c) */
    Amount hedge_reserved;
    bool hedged;     /* it was: there is no third */
    bool hedge_kept; /* of a snapshot: a want of it follows */
    Str key;         /* business key */
    uint32_t attempt, generation, retries, resends;
    uint32_t probes;  /* so many were begun */
    int64_t first_ms; /* of the first attempt of this generation: the life of its key */
    bool unknown;     /* sticky: an attempt ended unknown and nothing has settled it */
    bool lost;        /* and that attempt was in flight when the engine stopped */
    bool fresh;       /* a recorded outcome did not fit: ask anew */
    bool was_done;    /* and what comes now is whether its answer is accepted; for retries */
    bool owes_retry;  /* its next attempt counts as a retry, and has not been counted */
    bool held;        /* in a queue */
    Str late; /* why it is to fail, and what it did is waited for all the same; empty: it is not */
    bool out_of_limits; /* and that was a limit */
    Amount reserved;    /* by the attempt that is open */
    More more;          /* child */
    Frame *held_at;     /* whose budget's queue; NULL: the run's */
    int64_t ticket;     /* its place there */
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
    uint32_t open_lists; /* sets that are asked which tools they have */
    uint32_t *used;      /* calls so far, by tool */
    uint64_t hash;       /* of the conversation so far */
    int64_t bytes;       /* of it as JSON: at least as many as it has tokens */
    int64_t overhead;    /* of what goes with it: tools, schema */
    uint32_t degraded;   /* attempts that asked a cheaper model */
    bool counted;        /* as a conversation */
    Usage usage;
    int64_t model_calls;
    Value leaves; /* with this, when the calls of this turn are over; absent: it goes on */
    Str context;  /* what it is told of earlier conversations; empty: nothing */
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
    Value said;     /* by an agent, where some other step is told it: { all, given } */
    Budget *budget; /* limits that count here; NULL: none */
    Want *timeout;  /* of a group; of an undo that is stuck: its doubt */
    Gated *gated;   /* NULL: nobody was asked */
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
    bool composite; /* its own failure is one of what stands inside, as of all that `plays` */
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
    Limits grant;            /* by now */
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
    Value
        listed; /* what sets said of their tools when this run first asked: "set.member" -> { description, schema } */
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
    AskedMore asked;
    Signal *signals;      /* not yet taken, oldest first */
    uint64_t *signal_ids; /* hashes of those seen */
    uint32_t n_signal_ids, room_signal_ids;
    uint64_t facts; /* applied so far */
    /* retries, while the run is derived again for one */
    Retried *retries;
    uint32_t n_retries, retried; /* retried: applied so far */
    Str would_repeat, lasting;
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

#endif
