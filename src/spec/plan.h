/* The plan: a workflow file, checked and compiled; immutable, shared by all runs of the same closure.
 *
 *   files --closure_make--> closure bytes --plan_compile--> Plan { nodes, callees, state keys, types }
 *                                    ^                            |
 *                                    +--------closure_pin---------+   what of the files is used
 *
 * A node is one step. Its modifiers nest in one fixed order (LANGUAGE.md ORDER):
 *   needs > if > limits > for( on_error > repeat( retry( timeout( VERB ) > output type > check ) ) > set )
 * The verbs agent, tool, run, http, human and call are one thing here: VERB_INVOKE of a callee with arguments and an effect
 * class. */
#ifndef BATON_SPEC_PLAN_H
#define BATON_SPEC_PLAN_H

#include "base/hash.h"
#include "cel/cel.h"
#include "cel/pattern.h"
#include "spec/diag.h"
#include "spec/egress.h"
#include "spec/play.h"
#include "spec/prompts.h"
#include "spec/sandbox.h"
#include "spec/template.h"
#include "spec/type.h"

typedef struct Node Node;
typedef struct Plan Plan;
typedef struct Callee Callee;

/* ---- names as slots -------------------------------------------------------------------------------------------------- */

/* slot = kind << 56 | number << 24 | field. `number` is a node's or a state key's number. */
typedef enum SlotKind {
    SLOT_INPUT = 1, /* input of the definition the text stands in */
    SLOT_STATE,     /* number: key; the folded value */
    SLOT_STATE_ALL, /* `state` as a whole */
    SLOT_RUN,       /* field: RunField */
    SLOT_STEP,      /* number: node; field: StepField */
    SLOT_STEPS_ALL, /* number: the group node whose children, up to this step, are meant */
    SLOT_EACH,      /* number: the node with the `for`: its item */
    SLOT_INDEX,
    SLOT_ROUND, /* number: the node with the `repeat`: round from 1 */
    SLOT_LAST,  /* number: the node with the `repeat`: last round's output, absent in the first */
    SLOT_WITH,  /* what is about to be handed over */
    SLOT_OUTPUT, /* number: the node meant (a step's own, or the one an on_error step stands for), after it ran;
                     * SLOT_CALL in a callee's `check`: the call. The same for the three below and SLOT_WITH */
    SLOT_DETAIL,
    SLOT_ERROR, /* null when nothing failed */
    SLOT_STATUS,
    SLOT_SIGNAL, /* number: the node; in `wait.if`: { name, data, from, time } */
    SLOT_FAILED, /* failed() in an `if` */
    SLOT_ALWAYS, /* always() */
    SLOT_VAR,    /* number: in plan->vars */
    SLOT_EVENT,  /* in the `if` of a `wait` for one, and in `on` */
    SLOT_SECRET, /* number: in plan->secrets; what is loaded only stands for it */
    SLOT_PLAY, /* number: the node whose verb gives the name to all that it plays; field: PlayName */
} SlotKind;
#define SLOT_CALL UINT32_MAX
/* The same, and SLOT_INPUT, in a `probe` or an `undo`: of the step it belongs to, or of the call of its definition. */
#define SLOT_OUTER (UINT32_MAX - 1)
typedef enum StepField {
    STEP_ALL,
    STEP_STATUS,
    STEP_OUTPUT,
    STEP_DETAIL,
    STEP_ERROR,
    STEP_COST,
    STEP_TOKENS,
    STEP_CALLS,
    STEP_ATTEMPTS,
    STEP_STARTED,
    STEP_ENDED,
} StepField;
typedef enum RunField {
    RUN_ALL,
    RUN_ID,
    RUN_WORKFLOW,
    RUN_STARTED,
    RUN_LABELS,
    RUN_CORRELATION,
    RUN_COST
} RunField;

static inline uint64_t slot_make(SlotKind kind, uint32_t number, uint32_t field) {
    return (uint64_t)kind << 56 | (uint64_t)number << 24 | field;
}
static inline SlotKind slot_kind(uint64_t s) { return (SlotKind)(s >> 56); }
static inline uint32_t slot_number(uint64_t s) { return (uint32_t)(s >> 24); }
static inline uint32_t slot_field(uint64_t s) { return (uint32_t)(s & 0xffffff); }

/* ---- callees --------------------------------------------------------------------------------------------------------- */

/* May it be sent again after an unknown outcome? DESIGN.md section 6. Numbers are stored. */
typedef enum Effect {
    EFFECT_PURE = 1,
    EFFECT_READ,
    EFFECT_IDEMPOTENT,
    EFFECT_KEYED,
    EFFECT_UNSAFE
} Effect;
const char *effect_name(Effect e);

/* 0: a kind that this version checks only; no plan that runs has it. */
typedef enum CalleeKind {
    CALLEE_ECHO = 1,
    CALLEE_RUN,
    CALLEE_HTTP,
    CALLEE_MODEL,
    CALLEE_HUMAN,
    CALLEE_INBOX, /* of an agent: done by the kernel at once */
    CALLEE_CALL,
    CALLEE_SYSTEM, /* how the targets of a router are; the engine itself knows */
    CALLEE_A2A, /* of an agent elsewhere: a conversation with it, played as one with a model is */
    CALLEE_MCP, /* a tool of a server, or, without `member`, what lists them */
} CalleeKind;
const char *callee_kind_name(CalleeKind kind);
/* Asked in turns, by shapes/agent.c. */
static inline bool callee_converses(CalleeKind kind) {
    return kind == CALLEE_MODEL || kind == CALLEE_A2A;
}

/* What can be limited. Numbers are stored; those before BOUND_DEPTH are counted up as they are spent. */
typedef enum Bound {
    BOUND_COST,
    BOUND_TOKENS,
    BOUND_CALLS,
    BOUND_AGENTS,  /* conversations opened */
    BOUND_RETRIES, /* of everything together */
    BOUND_DEPTH,   /* levels of conversations, calls and supervisors within each other */
    BOUND_TIME,    /* of work */
    BOUND_DEADLINE,
} Bound;
#define BOUNDS 8
#define BOUNDS_COUNTED BOUND_DEPTH
/* As the file says it. */
const char *bound_name(Bound b);
/* False: no such word. */
bool bound_from(Str name, Bound *ret);
/* An amount of it as a file would: money, a duration or a count. */
void bound_write(Buf *b, Bound bound, int64_t amount);
bool bound_parse(Bound bound, Str text, int64_t *ret_amount);

/* Amounts are int64; -1: no limit. Money in nano-units, time in ms. */
typedef struct Limits {
    int64_t most[BOUNDS];
    Pos pos[BOUNDS];         /* where each is written */
    int32_t degrade_percent; /* from this share on the cheaper models are asked; 0: never */
    bool on_breach_fail;     /* else pause */
    bool any;                /* the file names at least one */
} Limits;
extern const Limits limits_none;

/* `budgets:` of the project: what all its runs together may spend in a day or a month. */
typedef struct ProjectBudget {
    Str name;
    bool monthly;    /* else daily */
    Str label;       /* one for each value of this label of runs; empty: one */
    int64_t most[3]; /* cost, tokens, calls by Bound; -1: no limit */
    bool on_breach_fail;
    Pos pos;
} ProjectBudget;

typedef struct Retry {
    int32_t times; /* retries after the first attempt; 0: none */
    int64_t delay_ms, max_delay_ms;
    double factor;
    int32_t jitter_percent;
    Str *except; /* kinds not tried again */
    size_t n_except;
    bool declared; /* the file says `retry` here */
} Retry;
/* What becomes of a call in doubt that nobody settles in time. */
typedef enum DoubtEnd { DOUBT_PARKS, DOUBT_FAILS, DOUBT_UNDOES } DoubtEnd;
typedef struct Doubt {
    int64_t deadline_ms; /* 0: none */
    DoubtEnd on_timeout;
} Doubt;
/* 1 s, doubled up to 60 s, +-20 %: as in docs/language.md. */
#define RETRY_NONE                                                                                 \
    ((Retry){ .delay_ms = 1000, .max_delay_ms = 60000, .factor = 2.0, .jitter_percent = 20 })

/* Each at most so many in a time; count 0: no rate is declared. */
typedef struct Rate {
    int64_t count, period_ms;
} Rate;
/* So many failures in a row open it for a time, then so many answers in a row close it; failures 0: none is declared. */
typedef struct BreakerRule {
    int32_t failures, successes;
    int64_t open_ms;
    bool fail; /* `when_open: fail`: what is asked meanwhile fails; else it waits */
} BreakerRule;
/* At once at most `max`; that many more wait, -1: any number. max 0: none is declared. */
typedef struct PoolRule {
    int32_t min, max, queue;
    Template *by; /* over input and run: whose turn it is; NULL: first come, first served */
} PoolRule;
/* What keeps a provider, an agent or a tool from being asked too much, by all runs together. */
typedef struct Governed {
    const char *what; /* "provider", "model", "agent", "tool" */
    Str name;
    Str key; /* equal where the same definition is meant: what, file, name, and the limits themselves */
    Rate rate;
    Rate tokens; /* of models, in and out */
    BreakerRule breaker;
    PoolRule pool;
} Governed;

/* What a million tokens of a model cost, in nano-units of money. Those of scripted and local models cost nothing. */
typedef struct Price {
    int64_t input, cached, output;
    bool known;
} Price;

/* Where the models of one provider are asked, as the project file says. */
typedef struct ModelServer {
    Str kind;      /* whose way of asking it has: `openai`, `anthropic` ... */
    Template *url; /* over vars and secrets; NULL: that of its kind */
    Template *key; /* one secret; NULL: none is said */
    int64_t first_byte_ms,
        gap_ms;               /* the longest silence before an answer and within it; 0: not said */
    const Governed *governed; /* NULL: asked without a limit */
    const Governed **models;  /* of single models, by the name behind the `/` */
    size_t n_models;
} ModelServer;
/* What holds one of its models back; NULL: nothing. `model`: `provider/name`. */
const Governed *server_model_governed(const ModelServer *s, Str model);

/* ---- people ---------------------------------------------------------------------------------------------------------- */

typedef enum Risk { RISK_NONE, RISK_LOW, RISK_MEDIUM, RISK_HIGH, RISK_CRITICAL } Risk;
#define RISKS_COUNT 5
const char *risk_name(Risk r);

/* What it means that nobody answers in time. */
typedef enum Silence { SILENCE_REJECTS, SILENCE_APPROVES, SILENCE_FAILS, SILENCE_ANSWERS } Silence;

/* What a person is asked: `human`, or one gate of `approve`. */
typedef struct Ask {
    Pos pos;
    CelProgram *if_; /* of a gate; NULL: always */
    bool after;      /* a gate over what the step gave, else over what it is to be given */
    Str group;       /* of plan->groups; empty: none is named */
    Template *person, *ask, *show; /* NULL: not said */
    const Type *form;              /* of the answer; NULL: an approval of what is shown */
    Risk risk;
    int32_t quorum;                 /* how many must agree; 1 */
    int64_t deadline_ms, remind_ms; /* -1: none */
    Silence silence;
    Value answer; /* SILENCE_ANSWERS */
    /* Of the machine around: where a no leads, and silence; NULL: it fails what asks. */
    const Node *on_reject, *on_timeout;
    int8_t wait;    /* 0: a notice, the run goes on; -1: as `escalation` says of the risk; else 1 */
    bool four_eyes; /* who started the run does not count */
} Ask;

typedef enum ChannelKind {
    CHANNEL_WEBHOOK = 1,
    CHANNEL_CHAT,
    CHANNEL_EMAIL,
    CHANNEL_PAGER
} ChannelKind;
typedef struct Channel { /* of the project: how people are reached */
    Str name;
    ChannelKind kind;
    Template *url, *sign; /* over vars and secrets; sign NULL: it is not signed */
    Str email;
} Channel;
typedef struct PeopleGroup {
    Str name;
    Str *members;
    size_t n_members;
} PeopleGroup;
typedef struct Person {
    Str name, email;
    Str *channels; /* names */
    size_t n_channels;
} Person;
typedef struct Escalation { /* what a risk means */
    bool said;
    Str *notify; /* channels */
    size_t n_notify;
    int8_t wait;      /* -1: not said, which waits */
    int64_t after_ms; /* no answer by then: `then` is asked too; -1: never */
    Str then;         /* a group; empty: none */
} Escalation;

/* ---- guards ---------------------------------------------------------------------------------------------------------- */

typedef enum GuardPoint { GUARD_INPUT, GUARD_OUTPUT, GUARD_TOOL, GUARD_CONTENT } GuardPoint;
typedef struct Guard { /* exactly one of `if` and `deny` */
    Pos pos;
    GuardPoint at;
    CelProgram *if_;
    Str *deny; /* patterns, as they are written and compiled */
    const Pattern **patterns;
    size_t n_deny;
    bool stop; /* the run; else what is guarded fails */
} Guard;
typedef struct Guards {
    Guard *items;
    size_t n;
} Guards;

typedef struct AgentTool {
    const Callee *callee;
    Str name;          /* as the model calls it */
    int32_t calls;     /* at most so many per agent call; -1: no limit */
    CelProgram *allow; /* over `with`; NULL: always */
    Ask **gates;       /* a person agrees before it is called: the first whose `if` holds */
    size_t n_gates;
} AgentTool;

typedef struct MemberEffect {
    Str name;
    Effect effect;
} MemberEffect;

struct Callee {
    CalleeKind kind;
    bool declines; /* the built-in tool: the agent that calls it gives its work back */
    Str name;      /* of `agents:` or `tools:`; "run", "http", "echo" for unnamed ones */
    bool is_agent;
    Str role, description;
    Str *capabilities, *exemplars; /* of its card; what is routed to it */
    size_t n_capabilities, n_exemplars;
    Pos pos;
    Effect effect;              /* declared, or the default of kind and method */
    const Type *input, *output; /* NULL: any */
    int64_t key_life_ms;
    Doubt doubt;
    /* What a definition says of its calls: steps outside the tree, filled in when all definitions are read; NULL: none. */
    Node **probe, **undo;
    /* 0: the default of the kind (executor: 10 min model, 60 s http, none for run) */
    int64_t timeout_ms;
    int64_t queue_ms;         /* how long it may wait for its turn; 0: for ever */
    int64_t hedge_ms;         /* asked a second time after so long without an answer; 0: never */
    const Governed *governed; /* NULL: nothing holds it back */
    const Callee **fallbacks; /* of an agent: asked in this order where it is out of reach */
    size_t n_fallbacks;
    Retry retry; /* of the callee; a step's own wins */
    CelProgram *check;
    Limits limits;
    /* run: evaluated with `input` = the arguments. command is a list of texts. */
    Template *command, *env, *cwd, *standard_input;
    Sandbox sandbox;
    /* http */
    Template *method, *url, *query, *headers, *body;
    bool host_of_data; /* the file does not say to which host `url` leads */
    /* mcp: `command` and `env`, or `url` and `headers`. Of a member of a set: the set, and what it is called there. */
    const Callee *set;
    Str member;
    /* Of a set: `only`, and what `effects` says of some; of the others `effect` holds. */
    Str *only;
    size_t n_only;
    MemberEffect *effects;
    size_t n_effects;
    /* model */
    Str *models; /* fallback order: "openai/gpt-5", "scripted/replies.yaml"; at least one */
    size_t n_models;
    size_t n_cheaper;    /* behind these in `models`: asked from `degrade_at` on, in order */
    const Price *prices; /* of each of `models` */
    const ModelServer *const *servers; /* of each; NULL: the project says nothing of its provider */
    Template *instructions;
    Str own_prompt,
        own_about; /* of an agent that the engine itself asks: which of its prompts stands in their place */
    Template *prompt; /* what the user message says; NULL: the arguments as text */
    Value examples;   /* few-shot: list of { with, output }; absent if none */
    AgentTool *tools;
    size_t n_tools, room_tools;
    const Callee **sets; /* that its tools are of, each once */
    size_t n_sets;
    int32_t turns;      /* model calls at most */
    int64_t max_output; /* tokens */
    Value temperature;  /* absent: the provider's */
    Str effort;
    const Ask *ask; /* human */
    /* call: the workflow, for what it takes, gives and may spend; a run of it has a plan of its own, of plan_called_closure(). Of
     * one that is called in a circle not all may be there while it is read. */
    const Plan *called;
    const Router *router; /* system: whose targets */
    Guards guards;        /* of an agent */
};

/* ---- state ----------------------------------------------------------------------------------------------------------- */

typedef enum ReduceKind {
    REDUCE_NONE, /* one writer; the last write in order */
    REDUCE_APPEND,
    REDUCE_MERGE,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_FIRST,
    REDUCE_LAST,
    REDUCE_PRIORITY,
    REDUCE_UNION,
    REDUCE_VOTE,
    REDUCE_EXPR,
} ReduceKind;
typedef struct StateKey {
    Str name;
    const Type *type;
    Value preset; /* initial value */
    ReduceKind reduce;
    /* REDUCE_EXPR: over SLOT_LAST (so far) named `last` and SLOT_OUTPUT (the write) named `output` */
    CelProgram *expr;
    Str *writers; /* step ids that may write; order is priority, first highest */
    size_t n_writers;
    bool live; /* may be read while others still write */
} StateKey;

/* ---- nodes ----------------------------------------------------------------------------------------------------------- */

typedef enum Verb {
    VERB_NONE,   /* `set` alone */
    VERB_INVOKE, /* agent, tool, run, http, human, call */
    VERB_GROUP,
    VERB_WAIT,
    VERB_EMIT,
    VERB_SEND,
    VERB_RECEIVE,
    VERB_RETURN, /* ends the group it stands in */
    VERB_FAIL,
    /* played by several steps, see Node.parts: from here to the end */
    VERB_VOTE,
    VERB_ROUTE,
    VERB_BOARD,
    VERB_SUPERVISE,
    VERB_PLANNED, /* `steps: { plan }` */
    VERB_MACHINE,
    VERB_TEAM,
} Verb;
static inline bool verb_is_play(Verb v) { return v >= VERB_VOTE; }

typedef enum JoinKind { JOIN_ALL, JOIN_ANY, JOIN_COUNT } JoinKind;
typedef struct Join {
    JoinKind kind;
    int32_t count;
} Join;

typedef struct ForEach {
    Str each, index; /* names; index may be empty */
    Template *in;
    int32_t parallel; /* 16 */
    int32_t min;      /* 1 */
    Join join;
} ForEach;

typedef struct Repeat {
    int32_t max;
    CelProgram *until; /* may be NULL */
} Repeat;

typedef enum OnErrorKind { ON_ERROR_FAIL, ON_ERROR_CONTINUE, ON_ERROR_STEPS } OnErrorKind;
typedef struct OnError {
    CelProgram *if_; /* NULL: fits */
    Node *step;      /* a node of its own, named "on_error" in addresses */
} OnError;

typedef struct SetKey {
    uint32_t key; /* number in plan->state */
    Template *value;
} SetKey;

struct Node {
    uint32_t no; /* in plan->nodes, in file order: parents before children */
    Str name;    /* id, or "#2" for a list step without one; how addresses call it */
    bool has_id;
    Pos pos;
    Node *parent; /* the group it stands in; NULL for the root */
    /* an on_error step: the step it stands for, whose parent is its parent too; else NULL */
    Node *handler_of;
    /* invoke: one for each who is asked where the callee is out of reach, fallbacks of fallbacks among them; they are asked
     * with what this step was given, by its rules, and stand in no group */
    Node **fallbacks;
    size_t n_fallbacks;
    Node *fallback_of; /* one of those: the step */
    uint32_t index;    /* among its siblings; of a part: among the parts */
    /* A verb that is played: the steps it is played by, in no group; their parent is this one. A part has a name of its own
     * (a target, a state, a voter), or a role (`tie`, `else`) that is its name. */
    Node **parts;
    size_t n_parts, room_parts;
    bool is_part, is_role;
    int32_t play_max; /* so many parts begin at most, one after another; 0: each once */

    uint32_t *needs; /* sibling indexes; in a list: the step before, unless first */
    size_t n_needs;
    /* its need is only the order of a list: a skipped step before it does not skip it */
    bool by_order;
    uint32_t *dependents; /* siblings that need this one */
    size_t n_dependents;
    CelProgram *if_;
    bool if_after_failure; /* the `if` calls failed() or always() */
    Limits limits;
    ForEach *for_;
    Repeat *repeat;
    OnErrorKind on_error;
    OnError *handlers;
    size_t n_handlers;
    Retry retry;
    int64_t timeout_ms; /* of an attempt (invoke), of the whole (group, wait); 0: none */
    int64_t queue_ms;   /* invoke: how long an attempt may wait for its turn; 0: for ever */
    int64_t hedge_ms;   /* invoke: asked a second time after so long; 0: as its callee says */
    const Type *output; /* the step's own; else the callee's applies */
    CelProgram *check;
    SetKey *sets;
    size_t n_sets;
    Ask **gates; /* of `approve`: before and after each, the first whose `if` holds */
    size_t n_gates;

    Verb verb;
    /* invoke */
    Str verb_word; /* "agent", "tool", "run", "http", "call": for people */
    const Callee *callee;
    Template *with; /* NULL: no arguments (an agent then gets null) */
    Effect effect;
    Template *key; /* business key; NULL: none */
    int64_t key_life_ms;
    Doubt doubt;      /* deadline_ms 0: the callee's */
    int64_t cache_ms; /* for so long what an equal call gave is the result; 0: never */
    /* Steps of their own below this one, of no group; NULL: those of the callee, if it has them. */
    Node *probe, *undo;
    bool commute; /* a group's undos need no order */
    /* group */
    Node **children;
    size_t n_children;
    bool ordered; /* a list */
    Join join;
    Template *result; /* `return` beside steps; also the value of VERB_RETURN */
    /* wait */
    int64_t wait_ms; /* -1: none */
    Template *until; /* a timestamp */
    Str signal;
    Str *events; /* types */
    size_t n_events;
    Str waits_for; /* `event a, b`, `inbox desk`: the key of its want; empty: a signal, a time */
    CelProgram *wait_if;
    bool wait_if_early;      /* of events: says the same at any time of the run */
    bool wait_if_own;        /* and is false of what has another correlation than the run */
    int64_t wait_timeout_ms; /* -1: none; of `receive` too */
    /* emit */
    Str emit_type;
    /* emit: its data; send: what is sent. NULL: null */
    Template *body;
    /* send, receive */
    Template *to;   /* send; NULL: every inbox */
    uint32_t inbox; /* receive: number in plan->inboxes */
    /* fail */
    Template *fail_message, *fail_data;
    Str fail_kind;
    /* played */
    const Vote *vote;
    Router *router;
    const Board *board;
    const Supervise *supervise;
    const Planned *planned;
    Machine *machine;
    const Team *team;
    Recall *
        recall; /* of a step that asks an agent; NULL: it is told nothing of what was said before */
    bool recalled; /* what is said in it, some other step is told */
    /* Of a part that is an agent: tools besides its own, which the verb around answers. */
    AgentTool *tools;
    size_t n_tools;
};

/* ---- events and messages ----------------------------------------------------------------------------------------------- */

/* One of `on:`. Its expressions see `event`. */
typedef struct Trigger {
    Pos pos;
    Str *types;
    size_t n_types;  /* 0: it is none for events */
    Str later;       /* the word by which it would start runs in a later version; empty: none */
    CelProgram *if_; /* NULL: every one */
    Template *with;  /* the input of the run; NULL: the event's data */
    Template *key;   /* one run for each; NULL: one for each event */
} Trigger;
typedef struct Inbox {
    Str name;
    const Type *type; /* NULL: any */
    int32_t max;
} Inbox;

typedef struct PlanSecret {
    Str name;
    Pos pos;   /* where it is named first */
    bool used; /* else only what no step uses names it */
} PlanSecret;

/* Where their values come from, as the project file says it. Neither file nor command: the environment of the engine. */
typedef struct SecretsFrom {
    Str file;     /* of lines NAME=value; relative paths start in the project's folder */
    Str *command; /* started there, the name behind its words; prints the value */
    size_t n_command;
    Str below; /* the folder of the main file, from the project's folder; empty: that is it */
} SecretsFrom;
SecretsFrom secrets_from_copy(const SecretsFrom *from, Arena *a);

/* A word of the file that this version checks and cannot run. */
typedef struct Later {
    Pos pos;
    Str what; /* "`route`" */
    Str why;  /* what runs instead; may be empty */
} Later;
#define LATER_MAX 50

struct Plan {
    Arena arena;
    Hash hash; /* of the closure bytes; of one that is called, of its file */
    Str file;  /* main file's name */
    Str name, description;
    const Type *input, *output;
    Template *labels; /* a map, over input; NULL: none */
    Limits limits;
    Guards guards;
    ProjectBudget *budgets; /* of the project */
    size_t n_budgets;
    StateKey *state;
    size_t n_state;
    Str prices_file;         /* of the project; empty: none */
    int64_t prices_dated_ms; /* as it says; 0: it does not */
    Value *vars;             /* of the project */
    size_t n_vars;
    PlanSecret *secrets; /* by name only: their values are no part of any plan or journal */
    size_t n_secrets;
    SecretsFrom secrets_from;
    Egress egress;       /* of the project */
    PeopleGroup *groups; /* of the project, as are the next three */
    size_t n_groups;
    Person *people;
    size_t n_people;
    Channel *channels;
    size_t n_channels;
    Escalation escalation[RISKS_COUNT]; /* by risk */
    Trigger *triggers;
    size_t n_triggers;
    Inbox *inboxes;
    size_t n_inboxes;
    Str *hears, *starts; /* types of events that some step waits for; that `on` names; each once */
    bool *
        hears_own; /* only those whose correlation is that of the run: nobody waits for others of the type */
    size_t n_hears, n_starts;
    Callee **callees; /* named agents and tools, file order */
    size_t n_callees;
    Node **nodes;
    size_t n_nodes;
    Node *root; /* a group: the file's steps, its result the file's `return` */
    struct Files *files;
    Str prompts[PROMPT_COUNT]; /* the engine's, in the project's words; empty: built in */
    Later *later;              /* in the order of reading; empty in a plan that runs */
    size_t n_later;
};

/* The closure: what a run pins. Canonical JSON { "baton": 1, "main": NAME, "files": { NAME: TEXT } }. A file that could
 * not be read is { "problem": WHY } instead of a text. Names are paths from the project's folder (spec/files.h). */
typedef struct ClosureFile {
    Str name, text;
    Str problem; /* empty: there is a text */
} ClosureFile;
Str closure_from(Arena *a, Str main_name, const ClosureFile *files, size_t n);
Str closure_make(Arena *a, Str main_name, const Str *names, const Str *texts, size_t n);

/* The closure of a plan without what it does not use: files, definitions of other files, and comments outside the rest.
 * Lines stay where they are, so that the same problem is told with the same place. */
Str closure_pin(const Plan *p, Arena *a);

/* The closure of a workflow that `p` calls, as it would be if it were started by itself: what of the files it uses. Empty if it
 * cannot be compiled alone, which its reading with `p` has excluded. */
Str plan_called_closure(const Plan *p, const Plan *called, Arena *a);
/* `p` and all workflows that its steps, and those of workflows called so, may call, each once; in the arena. */
size_t plan_family(const Plan *p, Arena *a, const Plan ***ret);
/* Where its relative paths and commands start, if those of `p` start in `dir`: the folder of its file, as if it were run by
 * itself. */
Str plan_called_dir(const Plan *p, Str dir, const Plan *called, Arena *a);

/* Files that a compilation lacks, by name. */
typedef struct PlanNeeds {
    Arena *arena;
    Str *names;
    size_t n;
} PlanNeeds;
enum { PLAN_E_REFUSED = 1, PLAN_E_NEEDS };
/* Compiles and checks. On PLAN_E_REFUSED `diags` says why; warnings may be there even when good. The plan owns its arena;
 * plan_free() it. `diags->arena` must outlive the diags. */
int plan_compile(Str closure, Plan **ret_plan, Diags *diags);
/* The same where everything outside is played by somebody else: what this version cannot reach yet (workers, MCP servers, agents
 * elsewhere) is a callee that returns its arguments, and what starts or limits whole runs is left out. */
int plan_compile_played(Str closure, Plan **ret_plan, Diags *diags);
/* The same for what is checked and not run: also a project file, definitions, prices, a prompt or a card is good, and then
 * *ret_plan is NULL. Files that are missing are added to `needs` (PLAN_E_NEEDS; what `diags` says is then of no use);
 * `needs` NULL: they are a problem. Words that this version cannot run are none: they are listed in `later`, and a plan
 * with any of them is not to be run (such a verb is VERB_NONE, and the steps inside it are nodes that nothing leads to). */
int plan_check(Str closure, Plan **ret_plan, Diags *diags, PlanNeeds *needs);
Plan *plan_free(Plan *p);
DEFINE_CLEANUP(Plan *, plan_free)

/* The step of an address or of a path of ids ("settle/refund[3]~2", "settle.refund"), or the first with this id; NULL if
 * none. */
const Node *plan_find(const Plan *p, Str path);
/* Its tools are meant, not itself. */
static inline bool plan_is_set(const Callee *c) { return c->kind == CALLEE_MCP && !c->set; }
/* A tool of a set as a callee: reached and held back as the set is, with an effect of its own. In the arena; borrows `name`. */
Callee *plan_member(Arena *a, const Callee *set, Str name);
/* The inbox of this name, or NULL. */
const Channel *plan_channel(const Plan *p, Str name);
const Inbox *plan_inbox(const Plan *p, Str name);
/* Can it be the type of an event? */
bool plan_event_type(Str type);
/* Is it among them? */
bool str_among(Str s, const Str *texts, size_t n);
/* What to add, and where, so that a model has a price. */
Str plan_price_line(const Plan *p, Str model, Arena *a);
/* What stands for a secret until it is sent: `<secret:NAME:MARK>`, or without a mark, for people, `<secret:NAME>`. */
Str plan_secret(const Plan *p, uint32_t number, Str mark, Arena *a);
/* What a bare file without a run can say: names of its inputs with types, for usage lines. */
Str plan_usage(const Plan *p, Arena *a);

#endif
