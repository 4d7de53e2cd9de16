/* The words of the verbs that are more than one call: route, machine, vote, supervise, team, board. */
#include "spec/language_tables.h"

#define PASSES "'none' | 'full' | 'summary' | 'artifacts'"

static const Keyword route[] = {
    { "text", "value", 0, RUNS, "what rules, examples and the model look at" },
    { "rules", "[RouteRule]", SEES_TEXT, RUNS, "highest priority first, then as written" },
    { "examples", "Examples", 0, RUNS, "the nearest by the targets' exemplars" },
    { "model", "RouteModel", SEES_TEXT, RUNS, "a model chooses" },
    { "capability", "value", SEES_TEXT, RUNS, "who has this capability" },
    { "prefer", "text | [text]", 0, RUNS,
      "`success` `latency` `cost`: who has done better so far" },
    { "to", "[agent] | {step}", SEES_TEXT, LATER, "the targets: agents, or steps by name" },
    { "reroute", "count", 0, RUNS, "how often a target may decline" },
    { "else", "step", SEES_TEXT, RUNS, "when nobody was sure" },
};
static const Keyword route_rule[] = {
    { "name", "text", 0, RUNS, "for traces" },
    { "priority", "number", 0, RUNS, "higher first" },
    { "if", "expr", 0, RUNS, "when it applies" },
    { "to", "text", 0, RUNS, "a target" },
};
static const Keyword examples[] = {
    { "accept", "share", 0, RUNS, "as near as this is enough: 0.6" },
    { "abstain", "share", 0, RUNS, "less than this decides nothing: 0.3" },
    { "embed", "model", 0, LATER, "the model that compares" },
};
static const Keyword route_model[] = {
    { "model", "model", 0, RUNS, "who is asked" },
    { "accept", "share", 0, RUNS, "as sure as this is enough: 0.5" },
    { "with", "value", 0, RUNS, "what it is told besides" },
};

static const Keyword machine[] = {
    { "start", "state", 0, RUNS, "the first state" },
    { "max", "count", 0, RUNS, "moves at most" },
    { "until", "expr", SEES_AFTER, RUNS, "enough" },
    { "states", "{step}", 0, RUNS, "each a step with `next`" },
    { "on", "[Edge]", SEES_SIGNAL | SEES_EVENT, RUNS, "moves from any state" },
};
static const Keyword edge[] = {
    { "to", "state", 0, RUNS, "where to" },
    { "if", "expr", 0, RUNS, "when it may be taken" },
    { "signal", "text", 0, RUNS, "when this signal comes" },
    { "event", "text | [text]", 0, RUNS, "when an event of this type comes" },
    { "after", "duration", 0, RUNS, "when this time is over" },
    { "approve", "Gate | [Gate]", 0, RUNS, "a person agrees" },
    { "set", "{value}", 0, RUNS, "writes state" },
    { "do", "step", 0, RUNS, "done on the way" },
    { "rollback", "bool | 'all'", 0, RUNS,
      "undoes what was done since that state was last entered, or all" },
};

static const Keyword vote[] = {
    { "by", "[agent]", 0, RUNS, "who votes" },
    { "count", "expr", SEES_AFTER, RUNS, "what is counted: the whole output" },
    { "rule",
      "'majority' | 'weighted' | 'unanimous' | 'first' | 'confidence' | 'priority' | 'judge'", 0,
      RUNS, "how: majority" },
    { "weights", "{number}", 0, RUNS, "of voters: 1" },
    { "confidence", "expr", SEES_AFTER, RUNS, "how sure a ballot is, from 0 to 1" },
    { "judge", "agent", 0, RUNS, "who decides, with `rule: judge`" },
    { "quorum", "count", 0, RUNS, "ballots needed" },
    { "early", "bool", 0, RUNS, "stop when the rest cannot change it" },
    { "tie", "step", SEES_VOTES, RUNS, "who breaks a tie" },
};

static const Keyword supervise[] = {
    { "lead", "agent", 0, RUNS, "who makes the plan" },
    { "workers", "[agent]", 0, RUNS, "who do it" },
    { "plan", "SupervisePlan", 0, RUNS, "how it is made" },
    { "parallel", "count", 0, RUNS, "tasks at once" },
    { "task", "task", SEES_TASK, RUNS, "modifiers of every task" },
    { "aggregate", "'forward' | 'merge' | 'tree' | 'vote' | step", 0, RUNS,
      "what becomes of the results" },
    { "evaluate", "step", SEES_AFTER, RUNS, "judges the whole" },
    { "until", "expr", SEES_EVALUATION | SEES_AFTER, RUNS, "good enough" },
    { "max", "count", 0, RUNS, "rounds at most" },
    { "replan", "'failed' | 'all'", 0, RUNS, "what a new round does again" },
};
static const Keyword supervise_plan[] = {
    { "templates", "{[PlanItem]}", 0, RUNS, "plans to start from" },
    { "agent", "agent", 0, RUNS, "who makes it, if not the lead" },
    { "max_tasks", "count", 0, RUNS, "at most" },
    { "approve", "Gate | [Gate]", 0, RUNS, "a person agrees to the plan" },
};
static const Keyword plan_item[] = {
    { "id", "id", 0, RUNS, "its name" },
    { "agent", "agent", 0, RUNS, "who does it" },
    { "capability", "text", 0, RUNS, "or what who does it can do" },
    { "task", "text", 0, RUNS, "what is to be done" },
    { "needs", "text | [text]", 0, RUNS, "tasks of this plan that end first" },
    { "priority", "number", 0, RUNS, "higher first" },
};

static const Keyword team[] = {
    { "start", "agent", 0, RUNS, "who begins" },
    { "handoffs", "{[agent] | {" PASSES " | Handoff}}", 0, RUNS, "who may hand over to whom" },
    { "then", "{agent}", 0, RUNS, "who comes next, whatever they say" },
    { "finish", "agent | [agent]", 0, RUNS, "who may give the answer" },
    { "max", "count", 0, RUNS, "handoffs at most" },
    { "until", "expr", SEES_AFTER, RUNS, "enough" },
    { "return_after", "duration", 0, RUNS, "no answer: control goes back" },
    { "watch", "agent | [agent]", 0, RUNS, "who sees what follows and may take it back" },
    { "context", PASSES " | Context", 0, RUNS, "when a handoff says nothing" },
};
static const Keyword handoff[] = {
    { "context", PASSES " | Context", 0, RUNS, "what is handed over" },
    { "expects", "type", 0, RUNS, "what who hands over must say" },
    { "check", "expr", SEES_WITH, RUNS, "must hold over it" },
};

static const Keyword board[] = {
    { "topics", "{type}", 0, RUNS, "what is written about" },
    { "post", "{value}", 0, RUNS, "to begin with" },
    { "rules", "[BoardRule]", SEES_BOARD, RUNS, "each turn the first that holds; none: done" },
    { "watch", "[BoardWatch]", SEES_BOARD | SEES_POST, RUNS, "tells of a post" },
    { "confidence", "expr", SEES_AFTER, RUNS, "how sure a post is" },
    { "parallel", "count", 0, RUNS, "rules at once" },
    { "until", "expr", SEES_BOARD, RUNS, "enough" },
    { "max", "count", 0, RUNS, "turns at most" },
};
static const Keyword board_rule[] = {
    { "if", "expr", 0, RUNS, "when" },
    { "agent", "agent", 0, RUNS, "who" },
    { "with", "value", 0, RUNS, "what it is given" },
    { "to", "text", 0, RUNS, "the topic of its answer" },
    { "times", "count", 0, RUNS, "at most" },
};
static const Keyword board_watch[] = {
    { "topic", "text", 0, RUNS, "of the post" },
    { "if", "expr", 0, RUNS, "which posts" },
    { "emit", "Emit", 0, RUNS, "the event" },
};

const Block language_shapes[] = {
    BLOCK("Route", "`route`", route, "to", "",
          "`route: { text: \"${{ input.text }}\", to: [sales, support], rules: [...] }`"),
    BLOCK("RouteRule", "a rule of `route`", route_rule, "if to", "",
          "`{ if: \"text.contains('refund')\", to: billing }`"),
    BLOCK("Examples", "`examples`", examples, "", "", ""),
    BLOCK("RouteModel", "the model of `route`", route_model, "model", "",
          "`model: { model: fast, accept: 0.7 }`"),
    BLOCK("Machine", "`machine`", machine, "start states max", "",
          "`machine: { start: a, max: 20, states: { a: { ..., next: b }, b: { ... } } }`"),
    BLOCK("Edge", "a move of a machine", edge, "to", "", "`{ to: done, if: output.ok }`"),
    BLOCK("Vote", "`vote`", vote, "by", "", "`vote: { by: [a, b, c], rule: majority }`"),
    BLOCK("Supervise", "`supervise`", supervise, "lead workers max", "",
          "`supervise: { lead: planner, workers: [a, b], max: 3 }`"),
    BLOCK("SupervisePlan", "the plan of `supervise`", supervise_plan, "", "", ""),
    BLOCK("PlanItem", "a task of a plan", plan_item, "id task", "agent capability",
          "`{ id: look, agent: analyst, task: Find the rows concerned }`"),
    BLOCK("Team", "`team`", team, "start handoffs max", "",
          "`team: { start: triage, handoffs: { triage: [billing] }, max: 6 }`"),
    BLOCK("Handoff", "a handoff", handoff, "", "", ""),
    BLOCK("Board", "`board`", board, "topics rules max", "",
          "`board: { topics: { notes: string }, rules: [{ agent: a, to: notes }], max: 20 }`"),
    BLOCK("BoardRule", "a rule of `board`", board_rule, "agent to", "",
          "`{ if: size(board.notes) == 0, agent: a, to: notes }`"),
    BLOCK("BoardWatch", "a watch of `board`", board_watch, "topic emit", "",
          "`{ topic: notes, emit: { type: noted } }`"),
};
const size_t n_language_shapes = ARRAY_LEN(language_shapes);
