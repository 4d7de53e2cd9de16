/* Verbs that several steps play: what a file says of each. The steps themselves are the parts of the verb's node (plan.h). */
#ifndef BATON_SPEC_PLAY_H
#define BATON_SPEC_PLAY_H

#include "cel/cel.h"
#include "spec/diag.h"
#include "spec/embed.h"
#include "spec/template.h"

typedef struct Node Node;
typedef struct Ask Ask;
typedef struct SetKey SetKey;

/* What a verb of several steps gives to those: kernel/play.h says which shape has which. */
typedef enum PlayName {
    NAME_TEXT = 1,   /* route */
    NAME_VOTES,      /* vote */
    NAME_TASK,       /* supervise */
    NAME_EVALUATION, /* supervise */
    NAME_BOARD,      /* board */
    NAME_POST,       /* board */
    NAME_SIGNAL,     /* machine: in what is done on the way */
    NAME_EVENT,      /* machine */
    NAME_OUTPUT,     /* supervise: what `evaluate` judges */
    NAME_TARGETS,    /* route: how they are */
} PlayName;

typedef enum VoteRule {
    VOTE_MAJORITY,
    VOTE_WEIGHTED,
    VOTE_UNANIMOUS,
    VOTE_FIRST,
    VOTE_CONFIDENCE,
    VOTE_PRIORITY,
    VOTE_JUDGE
} VoteRule;
typedef struct Vote { /* its parts: the voters, then `judge` and `tie` if there are */
    size_t n_voters;
    VoteRule rule;
    double *weights;                /* of each voter */
    CelProgram *count, *confidence; /* over `output` of a ballot; NULL: the whole; no confidence */
    int32_t quorum;
    bool early;
    Node *judge, *tie; /* parts; NULL: none */
} Vote;

/* Who can be chosen: a part, and what is known of it, by its step or else by the agent that the step asks. */
typedef struct RouteTarget {
    const Node *step;
    Str description;
    Str *capabilities, *exemplars;
    size_t n_capabilities, n_exemplars;
    const Centre *centre; /* of its exemplars; NULL: it has none, or they are not asked */
} RouteTarget;
typedef struct RouteRule {
    Str name; /* empty: it has none */
    double priority;
    CelProgram *if_;
    uint32_t to; /* a target */
} RouteRule;
typedef enum Prefer { PREFER_SUCCESS, PREFER_LATENCY, PREFER_COST } Prefer;
#define PREFER_COUNT 3
typedef struct Router { /* its parts: the targets, then `model` and `else` if there are */
    Template *text;     /* NULL: what the step is given */
    RouteTarget *targets;
    size_t n_targets;
    RouteRule *rules;
    size_t n_rules, *order; /* in which they are asked */
    bool examples;
    double accept, abstain;
    Node *model; /* NULL: none is asked */
    Template *model_with;
    double model_accept;
    Template *capability;        /* NULL: any target will do */
    Prefer prefer[PREFER_COUNT]; /* what counts first; n_prefer 0: the order of the file */
    size_t n_prefer;
    int32_t reroute;
    Node *else_;
    Node *system;     /* role: looks how the targets are; NULL: nothing holds any of them back */
    bool looks_first; /* an expression names `targets` */
} Router;
/* Tasks of a plan made at run time, and who may be given them: the first parts of the verb's node. */
typedef struct TaskRules {
    size_t n_workers;
    int32_t parallel, max_tasks;
} TaskRules;

typedef enum Aggregate {
    AGGREGATE_MERGE,
    AGGREGATE_FORWARD,
    AGGREGATE_TREE,
    AGGREGATE_VOTE,
    AGGREGATE_STEP
} Aggregate;
typedef struct Supervise {
    TaskRules tasks;
    Node *lead;      /* role: makes the plans */
    Value templates; /* a map of lists of tasks; absent: none */
    Aggregate aggregate;
    Node *aggregator; /* role: the step, or who merges two results; NULL: neither */
    Node *evaluate;   /* role; NULL: none */
    CelProgram *until;
    int32_t max; /* rounds */
    bool replan_all;
} Supervise;
typedef struct Planned {
    TaskRules tasks;
    Template *plan;
} Planned;

/* How much of a conversation goes along when it is handed over. */
typedef enum Pass { PASS_NONE, PASS_FULL, PASS_SUMMARY, PASS_ARTIFACTS, PASS_SELECT } Pass;
typedef struct Passing {
    Pass pass;
    int32_t max_tokens; /* 0: all of it */
    Str focus;          /* of a summary; may be empty */
    Template **select;  /* PASS_SELECT: just these values */
    size_t n_select;
    const Node *
        *from; /* steps whose conversations it is; n_from 0, of a handoff: of who hands over */
    size_t n_from;
} Passing;
/* `context` of a step: what its agent is told of earlier conversations. */
typedef struct Recall {
    Passing passing;
    const Node *summary; /* a part, a role; NULL: nobody is asked to sum up */
} Recall;
typedef struct Handoff { /* the tool of the same index is it */
    const Node *to;
    Passing context;
    CelProgram *check; /* over `with`: what is handed over; NULL: none */
} Handoff;
typedef struct Member {
    Handoff *to;
    size_t n_to;
    const Node *then;    /* who comes next, whatever it says; NULL: it says who */
    const Node *summary; /* role: sums its conversation up; NULL: nobody asks for that */
    bool finishes;       /* may give the answer */
    bool watches;        /* is asked whether an answer may stand that came of what it handed over */
} Member;
typedef struct Team { /* its parts: the members, then those who sum up */
    const Node *start;
    Member *members; /* by index of the part */
    size_t n_members;
    Passing context;         /* of handoffs that are forced */
    int32_t max;             /* handoffs */
    int64_t return_after_ms; /* -1: never */
    CelProgram *until;       /* NULL: none */
} Team;

typedef enum Rollback { ROLLBACK_NONE, ROLLBACK_BACK, ROLLBACK_ALL } Rollback;
/* A move of a machine. It is made when the step of the state is over, by a signal, or after a time in the state. */
typedef struct Edge {
    Pos pos;
    const Node *to;  /* a state */
    CelProgram *if_; /* NULL: always */
    Str signal;      /* empty: none */
    Str *events;     /* types; n_events 0: none */
    size_t n_events;
    Str waits_for;    /* `event a, b`, for lists of what is waited for */
    int64_t after_ms; /* -1: none */
    Ask **gates;      /* of Machine.gates, from this one on */
    size_t first_gate, n_gates;
    SetKey *sets;
    size_t n_sets;
    const Node *act; /* `do`: a part, a role; NULL: none */
    Rollback rollback;
} Edge;
typedef struct Edges {
    Edge *items;
    size_t n;
} Edges;
typedef struct Machine { /* its parts: the states, in file order, then what is done on moves */
    const Node *start;
    int32_t max;       /* moves */
    CelProgram *until; /* NULL: none */
    size_t n_states;
    Edges *next; /* of each state */
    Edges on;    /* from any */
    Ask **gates; /* of all moves */
    size_t n_gates, room_gates;
} Machine;
typedef struct Type Type;
typedef struct BoardTopic {
    Str name;
    const Type *type;
    Template *first; /* posted before anybody is asked; NULL: nothing */
} BoardTopic;
typedef struct BoardRule {
    CelProgram *if_; /* NULL: always */
    uint32_t to;     /* a topic */
    int32_t times;   /* 0: as often as it holds */
} BoardRule;
typedef struct BoardWatch {
    uint32_t topic;
    CelProgram *if_; /* over `post`; NULL: every one */
    Node *emit;      /* role */
} BoardWatch;
typedef struct Board { /* its parts: the agent of each rule, then what watches emit */
    BoardTopic *topics;
    size_t n_topics;
    BoardRule *rules;
    size_t n_rules;
    BoardWatch *watches;
    size_t n_watches;
    CelProgram *confidence, *until; /* NULL: none */
    int32_t parallel, max;
} Board;

#endif
