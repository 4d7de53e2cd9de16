/* What the files that read the language share: the reader's state, maps read by tables of keys, and small values.
 *
 *   files.c        the files, by name               define.c      definitions of several files, and who uses them
 *   read_plan.c    the file's first level           read_step.c   steps, their ids and verbs
 *   read_type.c    TYPES, with read_schema.c        read_modifier.c  for repeat retry ... of a step
 *   read_callee.c  agents and tools                 read_text.c   ${{ }} and bare expressions
 *   read_name.c    agents and tools by name         read_tools.c  the tools of an agent
 *   read_project.c what holds for every workflow    read_provider.c  where models are asked
 *   read_people.c  what people are asked             read_called.c  workflows that are called
 *   read_model.c   models and their aliases         names.c       what an expression may name
 *   order.c        needs, cycles, who is before whom   check.c    state, arguments, placement
 *   read_form.c    what is checked only              read_part.c  steps inside verbs
 *   read_shape.c   what holds across words           read_machine.c  states and paths
 *   read_edge.c    `machine`, and its moves
 *   read_channels.c  who can be asked, and how they are reached
 *   read_context.c what goes along of a conversation
 *   read_message.c events, what starts a run, inboxes
 *
 * A problem is reported and reading goes on: a reader of a value gives false and leaves its target alone. */
#ifndef BATON_SPEC_READ_H
#define BATON_SPEC_READ_H

#include "spec/language.h"
#include "spec/files.h"
#include "spec/plan.h"
#include "spec/table.h"
#include "spec/yaml.h"

typedef struct Named Named;     /* a definition of the file, read when first needed */
typedef struct Use Use;         /* a definition or a file, as somebody needs it */
typedef struct Pending Pending; /* an expression of a step, compiled when all steps are known */
typedef struct NodeNote NodeNote;
typedef struct MachineDraft MachineDraft;
typedef struct LaterNote LaterNote;
typedef struct MeansNote MeansNote;
typedef struct TaskNote TaskNote;
typedef struct ContextNote ContextNote;
typedef struct StateRead StateRead;
typedef struct StateWrite StateWrite;

typedef struct Reader {
    Arena *arena;  /* the plan's */
    Arena scratch; /* goes when the plan is done */
    Diags *diags;
    Files *files;
    const YamlFile *file;    /* the workflow's own */
    const YamlFile *project; /* NULL: none */
    const Yaml *
        *roots; /* of the files that define things: its own, the imported ones, the project */
    size_t n_roots;
    Plan *plan;
    /* names to Named; state: to StateKey */
    Table types, tools, agents, models, vars, prices, providers, state;
    Table channels, people, groups, escalation;
    Named *named;      /* those of one kind, newest first */
    Named *all;        /* of every kind */
    Named *within;     /* the definition that is being read, innermost */
    Use *uses;         /* by what is no definition */
    const Named *open; /* the type that is being read, innermost */
    Table steps;       /* (group's number, id) to Node */
    size_t room_nodes;
    const Yaml **node_yaml; /* by node number: the step's map */
    NodeNote *notes;        /* by node number */
    MachineDraft *machines; /* newest first */
    LaterNote *later, **later_end;
    TaskNote *tasks; /* newest first */
    ContextNote *contexts;
    MeansNote *means; /* of definitions, still to be read: they may name each other in a circle */
    unsigned inside_later; /* what stands inside a word that is noted is not noted again */
    uint64_t **before; /* by node number: bits of the siblings ordered before it; NULL in a list */
    Pending *pending, **pending_end;
    StateRead *reads;
    StateWrite **writes; /* by key, newest first */
    unsigned depth;      /* of definitions that are being read */
    size_t schemas;      /* written out, in types: what all of them weigh */
} Reader;

/* ---- problems -------------------------------------------------------------------------------------------------------- */

#define error_at(r, y, code, remedy, ...)                                                          \
    diag_error((r)->diags, yaml_pos(y), (code), (remedy), __VA_ARGS__)
#define warn_at(r, y, code, remedy, ...)                                                           \
    diag_warn((r)->diags, yaml_pos(y), (code), (remedy), __VA_ARGS__)
/* The list is full: what only makes a message better need not be found. Each search may be as long as the file. */
bool enough_said(const Reader *r);
/* "did you mean `x`?" in the arena, or NULL. */
const char *near_remedy(Reader *r, Str word, const Str *names, size_t n);

/* ---- maps ------------------------------------------------------------------------------------------------------------ */

typedef struct KeyRow {
    const char *word;
    void (*read)(Reader *r, const Yaml *key, const Yaml *value,
                 void *target); /* NULL: comes later */
} KeyRow;
typedef struct Sight Sight;
/* A map by its block of the language's table: a row takes its word, the others are checked by their form and noted as
 * what cannot run yet. Words that must stand there are asked for. */
void read_block(Reader *r, const Yaml *map, const Block *b, const KeyRow *rows, size_t n,
                const Sight *sight, void *target);
/* One word of the table, as read_block does without a row. `why`: see later_at. */
void read_keyword(Reader *r, const Yaml *key, const Yaml *value, const Block *b, const Sight *sight,
                  const char *why);
/* Checks a value by its form (language.h) and keeps nothing. */
void read_form(Reader *r, const Yaml *y, Str form, const Sight *sight, const char *what);
/* Notes that the file needs what this version checks and cannot run. `why` may be NULL. */
void later_at(Reader *r, const Yaml *y, const char *why, const char *fmt, ...) PRINTF(4, 5);
/* Into the plan goes what it would run: not what stands in definitions of other files that nothing uses. */
void keep_later(Reader *r);
/* Calls the row of each key. `what` is for messages: "a step". */
void read_map(Reader *r, const Yaml *map, const KeyRow *rows, size_t n, const char *what,
              void *target);
/* What to write instead of a word of another system; NULL if it is none (words.c). */
const char *foreign_remedy(Reader *r, Str word);

/* ---- small values ---------------------------------------------------------------------------------------------------- */

bool read_is_map(Reader *r, const Yaml *y, const char *what);
/* A scalar's text, without ${{ }}. */
bool read_text(Reader *r, const Yaml *y, const char *what, Str *ret_text);
/* [a-z][a-z0-9_]*, not reserved in expressions. */
bool read_id(Reader *r, const Yaml *y, const char *what, Str *ret_id);
bool read_bool(Reader *r, const Yaml *y, const char *what, bool *ret_value);
/* A count between min and max: 12, 400k, 2M. */
bool read_count(Reader *r, const Yaml *y, const char *what, int64_t min, int64_t max,
                int64_t *ret_count);
bool read_int32(Reader *r, const Yaml *y, const char *what, int32_t min, int32_t max,
                int32_t *ret_count);
bool read_number(Reader *r, const Yaml *y, const char *what, double *ret_number);
bool read_duration(Reader *r, const Yaml *y, const char *what, int64_t *ret_ms);
/* Money: at most nine decimals, into nano-units. */
bool read_money(Reader *r, const Yaml *y, int64_t *ret_nano);
/* 20% or a number from 0 to 100 with the sign. */
bool read_percent(Reader *r, const Yaml *y, const char *what, int32_t *ret_percent);
/* One of `words`: its number. */
bool read_choice(Reader *r, const Yaml *y, const char *what, const char *const *words, size_t n,
                 size_t *ret_which);
/* One text or a list of them. */
bool read_texts(Reader *r, const Yaml *y, const char *what, Str **ret_texts, size_t *ret_n);
/* Data without expressions. */
bool read_data(Reader *r, const Yaml *y, const char *what, Value *ret_value);

/* ---- expressions ----------------------------------------------------------------------------------------------------- */

struct Sight {
    unsigned sees;
    const Node *node;      /* NULL in a callee */
    const Type *input;     /* of the definition the text stands in */
    const Type *output;    /* SEES_CALL: of the callee */
    const char *stands_in; /* "a tool": where only `input` is seen */
};

/* Compiles now. NULL when refused. */
Template *read_template(Reader *r, const Yaml *y, const Sight *sight);
CelProgram *read_expr(Reader *r, const Yaml *y, const Sight *sight);
/* A value that begins with http:// or https://, as far as that is known; one that is a secret and nothing else. */
Template *read_url(Reader *r, const Yaml *y, const Sight *sight, const char *what);
Template *read_secret(Reader *r, const Yaml *y, const Sight *sight, Str word);
/* Compiles when all steps are known. Exactly one of the targets is given. */
void read_later(Reader *r, const Yaml *y, const Node *node, unsigned sees, Template **ret_template,
                CelProgram **ret_program);
void read_pending(Reader *r);
/* True if the text holds ${{ that begins an expression. */
bool text_has_expression(Str text);

typedef struct NameError { /* filled by the resolver before it refuses */
    const char *code, *remedy;
} NameError;
typedef struct NameScope {
    Reader *reader;
    Sight sight;
    const Yaml *at; /* where the expression stands */
    Str source;
    NameError error;
} NameScope;
/* CelNames.resolve over a NameScope. */
size_t names_resolve(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message);

/* ---- definitions ----------------------------------------------------------------------------------------------------- */

typedef enum NamedState { NAMED_NEW, NAMED_OPEN, NAMED_DONE } NamedState;
typedef struct Region { /* lines of a file */
    unsigned first_line, last_line;
    const struct Region *outer; /* the block it stands in, of which it needs the first line */
} Region;
struct Named {
    Named *next, *next_of_all, *next_used;
    Str name;
    const Yaml *key, *value;
    const Region *region;
    NamedState state;
    const Named *outer; /* the type in which this one is being read */
    bool is_agent;
    void *thing; /* Type, Callee, Model, Price, ModelServer, a value; NULL when refused */
    Use *uses;
    bool used;
};
struct Use {
    Use *next;
    Named *named;    /* or */
    Source *source;  /* or */
    uint32_t secret; /* its number in the plan, from 1 */
};
typedef struct Scheme { /* where definitions of a kind stand, and where they go */
    const char *word;
    bool is_agent;
    Table *table;
} Scheme;
/* Finds the imports and the project: fills `roots`. */
void define_roots(Reader *r);
/* Registers each entry of the block, in every root or in one, and puts them before `named`. */
void define_all(Reader *r, const Scheme *scheme);
void define_block(Reader *r, const Yaml *root, const Scheme *scheme);
/* Whatever is being read needs this. */
void note_use(Reader *r, Named *d);
void note_file(Reader *r, Source *s);
void note_secret(Reader *r, uint32_t number);
/* Marks in the files what all that is used is made of. */
void keep_used(Reader *r);
/* Definitions that need each other are read one inside the other: false, with the problem told, when too deep. The one
 * that got true leaves again. */
bool enter_definition(Reader *r, Named *d, Named **ret_outer);
void leave_definition(Reader *r, Named *outer);
/* Names of a table for messages, in the arena. */
size_t table_names(Reader *r, const Table *t, Str **ret_names);

/* `baton: 1` comes first, so that any program can tell what a file is. */
bool check_head(Reader *r, const Yaml *root);

const Type *read_type(Reader *r, const Yaml *y);
/* A map with one of the marks of JSON Schema, or a `type` that is one of its names. */
bool is_schema(const Yaml *y);
const Type *read_schema(Reader *r, const Yaml *y);
Type *type_new(Reader *r, TypeKind kind);
/* Counts the part in. False, with the problem told, if that makes the type too large. */
bool type_add_part(Reader *r, const Yaml *y, Type *t, const Type *part);
/* "did you mean `x`?" among the fields of a record, or NULL. */
const char *near_field(Reader *r, const Type *record, Str word);
void read_types(Reader *r);

typedef struct Model { /* an alias of `models:`, or what an agent says in its place */
    Str *models;
    Price *prices; /* of each */
    const ModelServer **servers;
    size_t n_models;
    size_t n_cheaper;            /* behind them, once read_with_cheaper() put them there */
    const struct Model *cheaper; /* NULL: none */
    int64_t max_output;          /* 0: default */
    Value temperature;
    Str effort;
} Model;
bool read_model(Reader *r, const Yaml *y, Model *ret_model);
/* Puts the cheaper models behind the others. */
void read_with_cheaper(Reader *r, const Yaml *at, Model *m);
void read_models(Reader *r);

/* Defined in the file, or built in; NULL when refused. */
const Callee *read_callee_named(Reader *r, const Yaml *y, bool is_agent);
/* Also a set as a whole. */
const Callee *read_tool_or_set(Reader *r, const Yaml *y);
/* A tool that every agent can be given; NULL: none of this name runs. */
const Callee *read_callee_built_in(Reader *r, Str name);
/* Is it the name of one? Reads nothing, so that definitions may name each other in a circle. */
void read_known(Reader *r, const Yaml *y, bool is_agent);
/* One definition; `body` is the text of a card, or NULL. NULL when refused. */
const Callee *read_callee(Reader *r, const Yaml *y, const Yaml *body, Str name, bool is_agent);
Callee *read_new_callee(Reader *r, const Yaml *y, Str name, bool is_agent);
void read_agent_tools(Reader *r, const Yaml *y, Callee *agent);
/* A definition where a name is expected, or what stands under `run:` and `http:` of a step. */
const Callee *read_callee_inline(Reader *r, const Yaml *y, bool is_agent);
/* `input`: what is known of the arguments, for checking names; may be NULL. */
const Callee *read_callee_unnamed(Reader *r, const Yaml *y, CalleeKind kind, const Type *input);
/* An agent that the engine itself asks, under one of its own prompts; its output type is for the caller to say. */
Callee *read_callee_engine(Reader *r, const Yaml *model, Str name, Str prompt);
/* `human:` of a step. */
const Callee *read_callee_person(Reader *r, const Yaml *y, const Sight *sight);
/* Tells how the targets of a router are. */
const Callee *read_callee_system(Reader *r, const Yaml *y, const Router *router);
/* `call:` of a step. */
const Callee *read_callee_call(Reader *r, const Yaml *y);
void read_callees(Reader *r);
/* The workflow that is called, read as far as it is needed here; NULL when refused (read_called.c). */
const Plan *read_called(Reader *r, const Yaml *y);
/* The same into a callee, which takes and gives what the workflow does unless it says otherwise. */
void read_call(Reader *r, const Yaml *y, Callee *callee);
/* What a person is asked (read_people.c): in a step by its Sight's node, else where only `input` is seen. */
const Ask *read_human(Reader *r, const Yaml *y, const Sight *sight);
void read_gates(Reader *r, const Yaml *y, const Sight *sight, Ask ***ret_gates, size_t *ret_n);
/* RISKS_COUNT: no such risk. */
Risk risk_named(Str word);
/* Effects and their keys, shared with steps. */
bool read_effect(Reader *r, const Yaml *y, Effect *ret_effect);

/* The text of `{ file: prompts/x.md }`, and the fields of the card at a path, with its text below; NULL when refused. */
const Yaml *read_prompt_file(Reader *r, const Yaml *y);
const Yaml *read_card_file(Reader *r, const Yaml *path, const Yaml **ret_body);
/* The blocks of the project file; of those that take effect in every workflow, the values. */
void read_project(Reader *r);
void read_prices_root(Reader *r, const Yaml *root);
/* `providers:` of the project file, and what it says of a model's; NULL: nothing (read_provider.c). */
void read_providers(Reader *r);
const ModelServer *read_server_of(Reader *r, Str model);

/* `groups:` `people:` `channels:` `escalation:` of the project file (read_channels.c). */
void read_people(Reader *r);
/* Is it one of `groups:`? Notes that it is needed. */
bool people_group(Reader *r, const Yaml *y);
/* Whom the map of `human:` or of a gate names, and what its risk means: looked for, and noted as needed. */
void people_asked(Reader *r, const Yaml *map);
/* It may have effects of which nobody knows whether they happened: who is told of that is needed. */
void people_told_of_doubts(Reader *r);

/* `run:` and `http:`, into the callee (read_program.c). */
void read_sandbox(Reader *r, const Yaml *y, Sandbox *ret);
void read_run(Reader *r, const Yaml *y, const Sight *sight, Callee *callee);
void read_http(Reader *r, const Yaml *y, const Sight *sight, Callee *callee);
void read_a2a(Reader *r, const Yaml *y, const Sight *sight, Callee *callee);
/* One server for all runs: its texts see no data. */
void read_mcp(Reader *r, const Yaml *y, Callee *callee);

/* ---- steps ----------------------------------------------------------------------------------------------------------- */

struct Pending {
    Pending *next;
    const Yaml *yaml;
    const Node *node;
    unsigned sees;
    bool inside_later;
    Template **ret_template;
    CelProgram **ret_program;
};
struct StateRead {
    StateRead *next;
    uint32_t key;
    const Node *node;
    unsigned sees;
    const Yaml *at;
};
struct StateWrite {
    StateWrite *next;
    Node *node;
    const Yaml *at;
};

typedef enum Place {
    PLACE_STEP,  /* in a group, in on_error */
    PLACE_PART,  /* inside a verb: `else`, `tie`, `undo` */
    PLACE_NAMED, /* inside a verb, by name: a target of `route`, a state of `machine` */
    PLACE_TASK,  /* modifiers of every task of `supervise`: no verb */
} Place;

typedef struct StepDraft {
    Node *node;
    const Yaml *yaml;
    const Yaml *verb; /* its key; NULL: none yet */
    Place place;
} StepDraft;

/* One verb, and what goes with it (read_fit.c). */
void read_fit(Reader *r, const StepDraft *d);
/* The children of a group: a list or a map of steps. */
void read_steps(Reader *r, const Yaml *y, Node *group);
Node *read_new_node(Reader *r, const Yaml *y, Str name, Node *parent);
/* Reads one step's map into its node; an on_error step has its handler_of already. */
void read_step(Reader *r, const Yaml *y, Node *node, Place place);

/* ---- steps inside verbs (read_part.c, read_shape.c, read_machine.c) ----------------------------------------------------- */

/* What the reader knows of a node besides. */
struct NodeNote {
    unsigned sees;         /* names that all that stands inside sees, besides its own */
    const Sight *home;     /* what a definition sees, whose `undo` or `probe` this is; else NULL */
    MachineDraft *machine; /* of the step with that verb */
    const Node *leaves;    /* done on a move: out of this state, whose result it sees; NULL: none */
    bool play;  /* its verb goes on in rounds: a read inside sees what was written so far */
    bool many;  /* it runs several times at once: a task of `supervise` */
    bool means; /* a `probe` or an `undo`: sees the step it belongs to */
};
/* Of all names that a verb gives to what stands inside it. */
#define SEES_INSIDE                                                                                \
    (SEES_TEXT | SEES_TASK | SEES_EVALUATION | SEES_BOARD | SEES_POST | SEES_VOTES | SEES_EVENT |  \
     SEES_SIGNAL | SEES_WITH | SEES_AFTER | SEES_CALL)
/* A verb that several steps play: the parts are noted at its node (read_play.c). A step from its map, or an agent, by name or
 * defined in place, that is asked with what the verb's step was given. `role`: the name is what it is for, as addresses say
 * it, else what the file calls it. NULL when refused. */
Node *read_play_step(Reader *r, const Yaml *at, const Yaml *y, Str name, bool role,
                     const Sight *sight);
Node *read_play_agent(Reader *r, const Yaml *y, Str name, bool role, Node *node);
Node *read_play_callee(Reader *r, const Yaml *y, const Callee *c, Str name, bool role, Node *node);
/* Each of a list of agents, or the one that stands in its place. */
size_t read_play_agents(Reader *r, const Yaml *y, Node *node);
void add_play_part(Reader *r, Node *node, Node *part, bool role);
void read_vote(Reader *r, const Yaml *y, Node *node);
void read_team(Reader *r, const Yaml *y, Node *node);
void read_route(Reader *r, const Yaml *y, Node *node);
void read_board(Reader *r, const Yaml *y, Node *node);
void read_supervise(Reader *r, const Yaml *y, Node *node);
/* What `task` says, to each worker, when its expressions are compiled. */
void place_tasks(Reader *r);
/* `steps: { plan }`, and what it shares with `supervise` (read_tasks.c): the agents become the first parts. */
void read_planned(Reader *r, const Yaml *y, Node *node);
void tasks_begin(TaskRules *rules);
void read_workers(Reader *r, const Yaml *y, Node *node, TaskRules *rules);
void read_max_tasks(Reader *r, const Yaml *y, TaskRules *rules);
/* Of what makes plans: { template?, tasks }. `templates`: a map; NULL: there are none. */
const Type *plan_type(Reader *r, const Node *node, const TaskRules *rules, const Yaml *templates);
/* `context` (read_context.c): of the team `node` or one of its handoffs, or of a step; and, when all steps are read, whose
 * conversations are meant. */
void read_context(Reader *r, const Yaml *y, const Node *node, Passing *ret);
void read_recall(Reader *r, const Yaml *y, Node *node);
void place_contexts(Reader *r);
/* Sums the conversation of `of` up: a part of `around`. NULL: there are too many steps. */
Node *read_summary(Reader *r, const Yaml *y, Node *around, const Callee *of, Str name);
/* Reads a step that stands inside the verb of sight->node, or inside a definition. Its parent is the verb's node, among
 * whose children it is not. */
Node *read_part(Reader *r, const Yaml *at, const Yaml *y, Str name, Place place,
                const Sight *sight);
/* `probe` and `undo` of a step; those of a definition are noted, and read by read_means() when all are known. */
typedef enum MeansKind { MEANS_PROBE, MEANS_UNDO } MeansKind;
Node *read_means_of_step(Reader *r, const Yaml *y, Node *node, MeansKind kind);
Node **read_means_later(Reader *r, const Yaml *y, const Sight *sight, MeansKind kind);
void read_means(Reader *r);
/* What the definition sees in whose `undo` or `probe` the node stands; NULL in the workflow itself. */
const Sight *read_home(const Reader *r, const Node *node);
/* What a block's words cannot say each by itself: before and after they are read. */
void shape_enter(Reader *r, const Yaml *map, const Block *b, Sight *sight);
void shape_leave(Reader *r, const Yaml *map, const Block *b);
/* The states of a machine become nodes before any is read: moves name them in any order. */
void read_states(Reader *r, const Yaml *map, Node *machine);
/* The name of a state, as a move from where `node` stands. NULL when refused. */
const Node *read_move(Reader *r, const Yaml *y, Str name, const Node *node);
/* The same where it is known whose move it is; from NULL: any state, or the start. A state may be a machine itself. */
const Node *read_move_of(Reader *r, const Yaml *y, Str name, const Node *machine, const Node *from);
/* A step of the machine that is done on a move from this state, or, with NULL, from any. */
void read_way(Reader *r, const Node *step, const Node *machine, const Node *from);
/* The verb, and `next` of a state (read_edge.c). */
void read_machine(Reader *r, const Yaml *y, Node *node);
void read_next(Reader *r, const Yaml *y, Node *state);
/* Which states does every path to a state pass? They are ordered before it. */
void order_states(Reader *r);

/* Of a step's or a callee's key. */
void read_limits(Reader *r, const Yaml *y, Limits *ret_limits);
/* `pause` or `fail`, of `limits` and of a budget of the project. */
void read_on_breach(Reader *r, const Yaml *y, bool *ret_fail);
/* `budgets:` of the project. */
void read_budgets(Reader *r, const Yaml *y);
/* `egress:` of the project. */
void read_egress(Reader *r, const Yaml *y);
/* Could data decide which host and port this URL leads to? */
bool url_host_of_data(const Template *url);
void read_retry(Reader *r, const Yaml *y, Retry *ret_retry);
/* `undoes`: where it stands something can take back what it did. */
void read_doubt(Reader *r, const Yaml *y, bool undoes, Doubt *ret_doubt);
/* What is not said stays as it was. */
void read_timeout(Reader *r, const Yaml *y, int64_t *ret_attempt_ms, int64_t *ret_queue_ms);
/* `guard:` of what the sight belongs to, one or a list (read_guard.c). */
void read_guards(Reader *r, const Yaml *y, const Sight *sight, Guards *ret_guards);
/* `hedge`, and may what it stands on be asked twice (read_hedge.c)? */
void read_hedge(Reader *r, const Yaml *y, int64_t *ret_ms);
void check_hedge_of_callee(Reader *r, const Yaml *y, const Callee *c);
void check_hedge_of_step(Reader *r, const Yaml *y, const Node *n);
/* 60/m, 400k/m: so many in a second, minute, hour or day (read_governed.c). */
bool read_rate(Reader *r, const Yaml *y, const char *what, Rate *ret_rate);
/* `rate`: of requests alone, or of requests and tokens. */
void read_rates(Reader *r, const Yaml *y, Governed *g);
void read_breaker(Reader *r, const Yaml *y, BreakerRule *ret_breaker);
void read_pool(Reader *r, const Yaml *y, const Sight *sight, PoolRule *ret_pool);
/* `fallback` of an agent; and when all steps are read, who is asked in each one's place (read_fallback.c). */
void read_fallback(Reader *r, const Yaml *y, Callee *callee);
void place_fallbacks(Reader *r);
/* Of limits that are all read: what the engine holds its callers to, NULL if there are none. `line` tells apart what has
 * no name of its own; 0: it has one. */
const Governed *read_governed(Reader *r, const Governed *draft, Pos pos, unsigned line);
void read_for(Reader *r, const Yaml *y, Node *node);
void read_repeat(Reader *r, const Yaml *y, Node *node);
void read_join(Reader *r, const Yaml *y, Join *ret_join);
void read_on_error(Reader *r, const Yaml *y, Node *node);
void read_set(Reader *r, const Yaml *y, Node *node);
void read_sets(Reader *r, const Yaml *y, Node *node, unsigned sees, SetKey **ret_sets,
               size_t *ret_n);
void read_wait(Reader *r, const Yaml *y, Node *node);
void read_fail(Reader *r, const Yaml *y, Node *node);
/* `emit` `send` `receive`, and the events of a `wait` (read_message.c). */
void read_emit(Reader *r, const Yaml *y, Node *node);
void read_send(Reader *r, const Yaml *y, Node *node);
void read_receive(Reader *r, const Yaml *y, Node *node);
void read_event_types(Reader *r, const Yaml *y, Str **ret_types, size_t *ret_n);
/* The same for who waits for them; gives how that is called in lists: `event a, b`. */
Str read_events(Reader *r, const Yaml *y, Str **ret_types, size_t *ret_n);
/* `on` and `inboxes` of the first level; and, when all steps are read, what of events a run hears. */
void read_triggers(Reader *r, const Yaml *y);
void read_inboxes(Reader *r, const Yaml *y);
void gather_hears(Reader *r);
void read_state(Reader *r, const Yaml *y);
/* A write of this key by the node; NULL, with the problem told, if there is no such key. */
const StateKey *read_write(Reader *r, const Yaml *key, Node *node);

/* ---- order and checks ------------------------------------------------------------------------------------------------ */

/* needs become sibling numbers; refuses unknown ones and cycles. */
void order_steps(Reader *r);
/* Is sibling b ordered before a? */
bool order_before(const Reader *r, const Node *a, const Node *b);
void check_plan(Reader *r);
/* `decisions`: their owners are agents; when all is read, nobody else decides (read_decisions.c). */
void read_decisions(Reader *r, const Yaml *y);
void check_decisions(Reader *r);
/* When it is known what is used. */
void check_used(Reader *r);

#endif
