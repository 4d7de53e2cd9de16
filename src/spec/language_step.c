/* The words of steps: modifiers, verbs, and the maps that stand under them. */
#include "spec/language_tables.h"

enum { RAN = SEES_AFTER };
#define PASSES "'none' | 'full' | 'summary' | 'artifacts'"
#define RISKS "'low' | 'medium' | 'high' | 'critical'"

static const Keyword step[] = {
    { "id", "id", 0, RUNS, "its name, in a list; in a map of steps the key is the id" },
    { "needs", "text | [text]", 0, RUNS, "siblings that must end first" },
    { "if", "expr", SEES_FAILED, RUNS, "skipped unless this holds" },
    { "agent", "agent", 0, RUNS, "asks a model or a program that plays a role" },
    { "tool", "tool", 0, RUNS, "calls a function" },
    { "run", "[text] | Run", 0, RUNS, "runs a program" },
    { "http", "text | Http", 0, RUNS, "sends a request" },
    { "human", "Human", 0, RUNS, "asks a person" },
    { "call", "workflow", 0, RUNS, "runs another workflow: its name or its file" },
    { "wait", "duration | Wait", 0, RUNS, "waits for a time, a signal or an event" },
    { "emit", "Emit", 0, RUNS, "tells the world that something happened" },
    { "send", "Send", 0, RUNS, "puts a message into an inbox" },
    { "receive", "Receive", 0, RUNS, "takes a message out of an inbox" },
    { "steps", "steps | PlanAtRun", SEES_CHILDREN, RUNS, "a group" },
    { "route", "Route", 0, RUNS, "one of several targets, chosen by rules, examples or a model" },
    { "machine", "Machine", 0, RUNS, "states and the moves between them" },
    { "vote", "Vote", 0, RUNS, "several agents answer the same, and the votes are counted" },
    { "supervise", "Supervise", 0, RUNS, "a lead splits the work, workers do it" },
    { "team", "Team", 0, RUNS, "agents hand one conversation on" },
    { "board", "Board", 0, RUNS, "agents write to a shared board" },
    { "return", "value", 0, RUNS, "ends the group with this output; beside `steps` its output" },
    { "fail", "value | Fail", 0, RUNS, "ends the group as failed" },
    { "with", "value", 0, RUNS, "what it is given" },
    { "for", "For", 0, RUNS, "once for each item of a list" },
    { "repeat", "Repeat", 0, RUNS, "again until something holds" },
    { "join", "count | 'all' | 'any'", 0, RUNS, "how many steps of a group must end ok" },
    { "retry", "count | Retry", 0, RUNS, "again after a failure" },
    { "timeout", "duration | Timeout", 0, RUNS, "the time of an attempt" },
    { "hedge", "duration", 0, RUNS, "no answer by then: asked a second time" },
    { "check", "expr", RAN, RUNS, "must hold over the output" },
    { "on_error", "'fail' | 'continue' | step | [step]", 0, RUNS, "what happens when it fails" },
    { "approve", "Gate | [Gate]", 0, RUNS, "a person agrees, before or after" },
    { "cache", "duration", 0, RUNS, "an equal call within this time is not made again" },
    { "effect", "'pure' | 'read' | 'idempotent' | 'keyed' | 'unsafe'", 0, RUNS,
      "may it be sent again?" },
    { "key", "value", 0, RUNS, "names the effect by what it means" },
    { "key_life", "duration", 0, RUNS, "how long the target remembers a key" },
    { "doubt", "Doubt", 0, RUNS, "until when a person settles what nobody knows" },
    { "probe", "step", SEES_WITH, RUNS, "asks whether it happened: gives `{ done, result }`" },
    { "undo", "step", SEES_WITH | RAN, RUNS, "reverses it" },
    { "commute", "bool", 0, RUNS, "the group's undos need no order" },
    { "limits", "Limits", 0, RUNS, "what the step and all below may spend" },
    { "context", PASSES " | Context", 0, RUNS, "what its agent is told of earlier conversations" },
    { "output", "type", 0, RUNS, "the type of its output" },
    { "set", "{value}", RAN, RUNS, "writes state after success" },
    { "stream", "bool", 0, LATER, "its text is shown while it comes" },
    { "next", "state | [Edge]", RAN | SEES_SIGNAL | SEES_EVENT, RUNS,
      "of a machine's state: where to go" },
    { "description", "text", 0, RUNS, "of a route's target: what it is for" },
    { "capabilities", "[text]", 0, RUNS, "of a route's target: what it can do" },
    { "exemplars", "[text]", 0, RUNS, "of a route's target: texts that belong to it" },
};

/* ---- modifiers ------------------------------------------------------------------------------------------------------- */

static const Keyword loop[] = {
    { "each", "id", 0, RUNS, "the name of the item" },
    { "index", "id", 0, RUNS, "the name of its number, from 0; `index` if missing" },
    { "in", "value", 0, RUNS, "the list" },
    { "parallel", "count", 0, RUNS, "items open at once: 16" },
    { "min", "count", 0, RUNS, "ok items needed: 1" },
    { "join", "count | 'all' | 'any'", 0, RUNS, "as of a group" },
};
static const Keyword repeat[] = {
    { "max", "count", 0, RUNS, "rounds at most" },
    { "until", "expr", RAN, RUNS, "enough" },
};
static const Keyword retry[] = {
    { "times", "count", 0, RUNS, "retries after the first attempt" },
    { "delay", "duration", 0, RUNS, "before the first retry: 1s" },
    { "factor", "number", 0, RUNS, "the delay grows by: 2" },
    { "max_delay", "duration", 0, RUNS, "at most: 60s" },
    { "jitter", "percent", 0, RUNS, "give or take: 20%" },
    { "except", "text | [text]", 0, RUNS, "kinds of errors that are not tried again" },
};
static const Keyword doubt[] = {
    { "deadline", "duration", 0, RUNS, "so long a person has time" },
    { "on_timeout", "'park' | 'fail' | 'undo'", 0, RUNS, "then it waits on, told once more: park" },
};
static const Keyword timeout[] = {
    { "attempt", "duration", 0, RUNS, "of one attempt" },
    { "queue", "duration", 0, RUNS, "before it begins" },
    { "heartbeat", "duration", 0, LATER, "between two signs of life" },
};
static const Keyword limits[] = {
    { "cost", "money", 0, RUNS, "money" },
    { "tokens", "count", 0, RUNS, "tokens of models, in and out" },
    { "calls", "count", 0, RUNS, "model calls" },
    { "time", "duration", 0, RUNS, "working time" },
    { "deadline", "duration", 0, RUNS, "wall clock" },
    { "depth", "count", 0, RUNS, "levels of conversations, supervisors and called workflows" },
    { "agents", "count", 0, RUNS, "conversations opened" },
    { "retries", "count", 0, RUNS, "retries of everything together" },
    { "degrade_at", "percent", 0, RUNS, "from here on the cheaper model is asked" },
    { "on_breach", "'pause' | 'fail'", 0, RUNS, "what a breach does: pause" },
};
static const Keyword context[] = {
    { "pass", PASSES, 0, RUNS, "how much" },
    { "select", "[value]", 0, RUNS, "just these" },
    { "from", "text | [text]", 0, RUNS, "the step whose conversation it is" },
    { "max_tokens", "count", 0, RUNS, "at most" },
    { "focus", "text", 0, RUNS, "what a summary is about" },
};

/* ---- people ---------------------------------------------------------------------------------------------------------- */

#define ASKED                                                                                      \
    { "group", "text", 0, RUNS, "one of `groups:`, reached by `escalation:`" },                    \
        { "person", "value", 0, RUNS, "one of `people:`, or an address" },                         \
        { "ask", "value", 0, RUNS, "the question" },                                               \
        { "show", "value", 0, RUNS, "what the person sees and approves" },                         \
        { "risk", RISKS, 0, RUNS, "how urgent it is" },                                            \
        { "quorum", "count", 0, RUNS, "how many must agree" },                                     \
        { "deadline", "duration", 0, RUNS, "how long to wait" },                                   \
        { "on_timeout", "'reject' | 'approve' | 'fail' | state | Answer", 0, RUNS,                 \
          "what silence means: reject" },                                                          \
        { "on_reject", "'fail' | state", 0, RUNS, "what a no means: fail" },                       \
        { "remind", "duration", 0, RUNS, "asks again after this time" }, {                         \
        "four_eyes", "bool", 0, RUNS, "not who caused it"                                          \
    }

static const Keyword human[] = {
    ASKED,
    { "form", "type", 0, RUNS, "the answer; without it an approval of `show`" },
    { "wait", "bool", 0, RUNS, "false: a notice, the run goes on" },
};
static const Keyword gate[] = {
    { "if", "expr", 0, RUNS, "only then" },
    { "at", "'before' | 'after'", 0, RUNS, "before the call or after it: before" },
    ASKED,
};
static const Keyword answer[] = {
    { "answer", "data", 0, RUNS, "taken as the person's answer" },
};

/* ---- waiting and messages -------------------------------------------------------------------------------------------- */

static const Keyword wait[] = {
    { "until", "expr", 0, RUNS, "a moment" },
    { "signal", "text", 0, RUNS, "the name of a signal" },
    { "event", "text | [text]", 0, RUNS, "types of events" },
    { "if", "expr", SEES_SIGNAL | SEES_EVENT, RUNS, "which one fits" },
    { "timeout", "duration", 0, RUNS, "then the step fails" },
};
static const Keyword fail[] = {
    { "message", "value", 0, RUNS, "for people" },
    { "kind", "id", 0, RUNS, "for `error.kind`: rejected" },
    { "data", "value", 0, RUNS, "for `error.data`" },
};
static const Keyword emit[] = {
    { "type", "text", 0, RUNS, "the type of the event" },
    { "data", "value", 0, RUNS, "what it says" },
};
static const Keyword send[] = {
    { "to", "value", 0, RUNS, "an inbox" },
    { "all", "bool", 0, RUNS, "every inbox" },
    { "body", "value", 0, RUNS, "the message" },
};
static const Keyword receive[] = {
    { "inbox", "text", 0, RUNS, "one of `inboxes:`" },
    { "timeout", "duration", 0, RUNS, "then the step fails" },
};
static const Keyword plan_at_run[] = {
    { "plan", "value", 0, RUNS, "a list of tasks, as data" },
    { "agents", "[agent]", 0, RUNS, "who may be in it" },
    { "max_tasks", "count", 0, RUNS, "at most" },
};

const Block language_steps[] = {
    BLOCK("Step", "a step", step, "", "", ""),
    BLOCK("For", "`for`", loop, "each in", "", "`for: { each: part, in: \"${{ ... }}\" }`"),
    BLOCK("Repeat", "`repeat`", repeat, "max", "",
          "`repeat: { max: 3, until: output.score >= 0.8 }`"),
    BLOCK("Retry", "`retry`", retry, "times", "", "`retry: { times: 3, delay: 1s }`"),
    BLOCK("Doubt", "`doubt`", doubt, "deadline", "",
          "`doubt: { deadline: 24h, on_timeout: fail }`"),
    BLOCK("Timeout", "`timeout`", timeout, "", "", ""),
    BLOCK("Limits", "`limits`", limits, "", "", ""),
    BLOCK("Context", "`context`", context, "", "", ""),
    BLOCK("Human", "`human`", human, "", "",
          "`human: { group: leads, ask: Is this right?, show: \"${{ ... }}\" }`"),
    BLOCK("Gate", "`approve`", gate, "", "", "`approve: { group: leads, risk: high }`"),
    BLOCK("Answer", "`on_timeout`", answer, "answer", "", "`on_timeout: { answer: no }`"),
    BLOCK("Wait", "`wait`", wait, "", "", ""),
    BLOCK("Fail", "`fail`", fail, "message", "", "`fail: { message: ..., kind: policy }`"),
    BLOCK("Emit", "`emit`", emit, "type", "", "`emit: { type: order.paid, data: { ... } }`"),
    BLOCK("Send", "`send`", send, "body", "to all", "`send: { to: desk, body: ... }`"),
    BLOCK("Receive", "`receive`", receive, "inbox", "", "`receive: { inbox: desk, timeout: 2h }`"),
    BLOCK("PlanAtRun", "a plan made at run time", plan_at_run, "plan agents max_tasks", "",
          "`steps: { plan: \"${{ ... }}\", agents: [a, b], max_tasks: 8 }`"),
};
const size_t n_language_steps = ARRAY_LEN(language_steps);
