/* The words of files: workflow, project, test; and of what stands on their first level. */
#include "spec/language_tables.h"

#define BREACH "'pause' | 'fail'"

static const Keyword workflow[] = {
    { "baton", "count", 0, RUNS, "1: the version of the language; the first key" },
    { "name", "text", 0, RUNS, "letters, digits, - _ .; the file's name if missing" },
    { "description", "text", 0, RUNS, "for people" },
    { "import", "[text]", 0, RUNS, "files of definitions" },
    { "on", "[Trigger]", SEES_EVENT, RUNS, "what starts a run" },
    { "input", "type", 0, RUNS, "what a run is given" },
    { "output", "type", 0, RUNS, "what it gives" },
    { "types", "{type}", 0, RUNS, "names for types" },
    { "limits", "Limits", 0, RUNS, "what a run may spend" },
    { "labels", "{value}", SEES_NO_RUN, RUNS, "of the run; over `input`" },
    { "concurrency", "Concurrency", SEES_NO_RUN, LATER, "how many runs at once" },
    { "memory", "Memory", SEES_NO_RUN, LATER, "what agents remember across runs" },
    { "state", "{StateKey}", 0, RUNS, "values that steps write and read" },
    { "models", "{model}", 0, RUNS, "names for models" },
    { "agents", "{Agent | text}", 0, RUNS, "roles; a text is the file of a card" },
    { "tools", "{Tool}", 0, RUNS, "functions" },
    { "inboxes", "{Inbox}", 0, RUNS, "where messages between agents wait" },
    { "guard", "Guard | [Guard]", SEES_CALL | SEES_WITH, RUNS, "what is not let through" },
    { "decisions", "{text}", 0, RUNS, "the one owner of a kind of decision" },
    { "steps", "steps", 0, RUNS, "what is done" },
    { "return", "value", SEES_CHILDREN, RUNS, "the output" },
};

static const Keyword trigger[] = {
    { "event", "text | [text]", 0, RUNS, "types of events" },
    { "cron", "text", 0, LATER, "minute hour day month weekday" },
    { "timezone", "text", 0, LATER, "of `cron`: UTC" },
    { "overlap", "text", 0, LATER, "when the last run is not over" },
    { "catch_up", "text", 0, LATER, "when the engine was down" },
    { "webhook", "text", 0, LATER, "a name of the address" },
    { "chat", "text", 0, LATER, "a name of the channel" },
    { "if", "expr", 0, RUNS, "which events" },
    { "with", "value", 0, RUNS, "the run's input" },
    { "key", "value", 0, RUNS, "one run for each" },
};
static const Keyword concurrency[] = {
    { "key", "value", 0, LATER, "runs with the same key are counted together" },
    { "max", "count", 0, LATER, "at once" },
    { "when_full", "'queue' | 'refuse' | 'cancel_oldest'", 0, LATER, "what one more does" },
};
static const Keyword memory[] = {
    { "key", "value", 0, LATER, "whose memory" },
    { "keep", "duration", 0, LATER, "how long" },
};
static const Keyword state_key[] = {
    { "type", "type", 0, RUNS, "of the value" },
    { "default", "data", 0, RUNS, "[] of a list, {} of a map, else null" },
    { "reduce",
      "'append' | 'merge' | 'max' | 'min' | 'first' | 'last' | 'priority' | 'union' | 'vote' | Reducer",
      0, RUNS, "how several writes become one value" },
    { "writers", "text | [text]", 0, RUNS, "steps that may write; for `priority` the order" },
    { "live", "bool", 0, RUNS, "may be read while others still write" },
};
static const Keyword reducer[] = {
    { "expr", "expr", SEES_REDUCE | SEES_NO_RUN, RUNS, "over `last` (so far) and `output`" },
};
static const Keyword inbox[] = {
    { "type", "type", 0, RUNS, "of its messages" },
    { "max", "count", 0, RUNS, "messages that wait: 100" },
};

/* ---- the project ----------------------------------------------------------------------------------------------------- */

static const Keyword project[] = {
    { "baton", "count", 0, RUNS, "1: the version of the language; the first key" },
    { "providers", "{Provider}", 0, RUNS, "where models live" },
    { "secrets", "Secrets", 0, RUNS, "where secrets come from" },
    { "egress", "Egress", 0, RUNS, "where requests may lead" },
    { "vars", "{data}", 0, RUNS, "what differs between places" },
    { "prices", "Prices", 0, RUNS, "what models cost" },
    { "limits", "Limits", 0, RUNS, "the default of every run" },
    { "budgets", "{Budget}", 0, RUNS, "what all runs together may spend" },
    { "models", "{model}", 0, RUNS, "names for models" },
    { "people", "{Person}", 0, RUNS, "who can be asked" },
    { "groups", "{[text]}", 0, RUNS, "people together" },
    { "channels", "{Channel}", 0, RUNS, "how they are reached" },
    { "escalation", "{Escalation}", 0, RUNS, "by risk" },
    { "types", "{type}", 0, RUNS, "names for types" },
    { "agents", "{Agent | text}", 0, RUNS, "roles" },
    { "tools", "{Tool}", 0, RUNS, "functions" },
    { "server", "Server", 0, LATER, "of `baton serve`" },
};
static const Keyword provider[] = {
    { "kind", "'anthropic' | 'gemini' | 'ollama' | 'openai' | 'responses'", 0, RUNS,
      "what it speaks: as its name, else openai" },
    { "url", "value", SEES_SECRETS, RUNS, "where it is" },
    { "key", "value", SEES_SECRETS, RUNS, "a secret: its token" },
    { "first_byte", "duration", 0, RUNS, "the longest wait for the first byte of an answer: 5m" },
    { "gap", "duration", 0, RUNS, "the longest silence within an answer: 3m" },
    { "rate", "rate | Rate", 0, RUNS, "calls at most" },
    { "breaker", "Breaker", 0, RUNS, "when it fails" },
    { "models", "{ProviderModel}", 0, RUNS, "what single models of it bear, by name" },
};
static const Keyword provider_model[] = {
    { "rate", "rate | Rate", 0, RUNS, "calls at most" },
    { "breaker", "Breaker", 0, RUNS, "when it fails" },
};
static const Keyword secrets[] = {
    { "from", "'env'", 0, RUNS, "the environment" },
    { "file", "text", 0, RUNS, "a file of lines `NAME=value`" },
    { "command", "[text]", 0, RUNS, "what a program prints" },
};
static const Keyword egress[] = {
    { "allow", "[text]", 0, RUNS, "also to these: addresses, ranges, names of hosts" },
    { "deny", "[text]", 0, RUNS, "never to these" },
};
static const Keyword prices[] = {
    { "file", "text", 0, RUNS, "their file" },
};
static const Keyword budget[] = {
    { "per", "'day' | 'month'", 0, RUNS, "a new one begins, by UTC" },
    { "label", "text", 0, RUNS, "one for each value of this label" },
    { "cost", "money", 0, RUNS, "money" },
    { "tokens", "count", 0, RUNS, "tokens of models, in and out" },
    { "calls", "count", 0, RUNS, "model calls" },
    { "on_breach", BREACH, 0, RUNS, "what a breach does: pause" },
};
static const Keyword person[] = {
    { "email", "text", 0, RUNS, "an address" },
    { "channels", "text | [text]", 0, RUNS, "how to reach this person" },
};
static const Keyword channel[] = {
    { "webhook", "value", SEES_SECRETS, RUNS, "an address, for a program" },
    { "sign", "value", SEES_SECRETS, RUNS, "the secret a `webhook` is signed with" },
    { "chat", "value", SEES_SECRETS, RUNS, "the address of a chat service" },
    { "email", "text", 0, RUNS, "an address" },
    { "pager", "value", SEES_SECRETS, RUNS, "the address of a pager service" },
    { "key", "value", SEES_SECRETS, RUNS, "a secret: the routing key of a `pager`" },
};
static const Keyword escalation[] = {
    { "notify", "text | [text]", 0, RUNS, "channels; the terminal and the log always" },
    { "wait", "bool", 0, RUNS, "does the run wait? true" },
    { "after", "duration", 0, RUNS, "no answer: the next" },
    { "then", "text", 0, RUNS, "the next group" },
};
static const Keyword server[] = {
    { "listen", "text", 0, LATER, "an address" },
};

/* ---- tests ----------------------------------------------------------------------------------------------------------- */

#define SCRIPTS                                                                                    \
    { "agents", "{Script | [Script]}", 0, RUNS, "what agents answer" },                            \
        { "tools", "{Script | [Script]}", 0, RUNS, "what tools and nameless steps answer" },       \
        { "route", "RouteScript", 0, RUNS, "what the model of a route says" },                     \
        { "people", "{AnswerScript | [AnswerScript]}", 0, RUNS, "what people answer" },            \
        { "signals", "{SignalScript | [SignalScript]}", 0, RUNS, "what signals bring" }, {         \
        "events", "{SignalScript | [SignalScript]}", 0, RUNS, "what events bring, by type"         \
    }

static const Keyword test[] = {
    { "baton", "count", 0, RUNS, "1: the version of the language; the first key" },
    { "test", "workflow", 0, RUNS, "the file it tests" },
    { "listen", "[workflow]", 0, RUNS, "files whose `on` starts runs beside it" },
    SCRIPTS,
    { "record", "text", 0, RUNS, "a file of recorded outcomes, for what no script answers" },
    { "cases", "[Case]", 0, RUNS, "what is tried" },
    { "runs", "count", 0, RUNS, "how often" },
};
static const Keyword test_case[] = {
    { "name", "text", 0, RUNS, "what it shows" },
    { "with", "data", 0, RUNS, "the run's input" },
    SCRIPTS,
    { "expect", "[expr]", 0, RUNS, "what must hold" },
};
static const Keyword eval[] = {
    { "baton", "count", 0, RUNS, "1: the version of the language; the first key" },
    { "eval", "workflow", 0, RUNS, "a workflow, or the file that has `agent`" },
    { "agent", "text", 0, RUNS, "one agent by itself; else the workflow" },
    { "import", "[text]", 0, RUNS, "files of definitions, for judges" },
    { "types", "{type}", 0, RUNS, "names for types" },
    { "models", "{model}", 0, RUNS, "names for models" },
    { "agents", "{Agent | text}", 0, RUNS, "judges" },
    { "limits", "Limits", 0, RUNS, "what all of it may spend" },
    { "graders", "{expr | Grader}", 0, RUNS, "what is good" },
    { "cases", "text | [data]", 0, RUNS, "what is asked; a text is the file of it" },
    { "runs", "count", 0, RUNS, "how often each is asked: 1" },
    { "parallel", "count", 0, RUNS, "how many at once: 8" },
};
static const Keyword grader[] = {
    { "expr", "expr", 0, RUNS, "over `input`, `output`, `expected`: true, false or a number" },
    { "type", "type", 0, RUNS, "of the output" },
    { "agent", "text | Agent", 0, RUNS, "a judge: it is given all three" },
    { "score", "expr", 0, RUNS, "of a judge: over its `output`, where that is no number" },
    { "pass", "number", 0, RUNS, "such a score passes: 1" },
};
static const Keyword script[] = {
    { "if", "expr", 0, RUNS, "when this is answered" },
    { "reply", "value", 0, RUNS, "the answer" },
    { "calls", "[ToolScript]", 0, RUNS, "tools that the model calls" },
    { "fail", "text", 0, RUNS, "a kind of error instead" },
    { "message", "value", 0, RUNS, "of the failure" },
    { "sent", "'no' | 'maybe' | 'yes'", 0, RUNS, "of the failure: did anything leave?" },
    { "retry_after", "duration", 0, RUNS, "of the failure: the target asks for it" },
    { "delay", "duration", 0, RUNS, "how long it takes" },
    { "usage", "UsageScript", 0, RUNS, "what it uses" },
};
static const Keyword tool_script[] = {
    { "tool", "text", 0, RUNS, "its name" },
    { "with", "value", 0, RUNS, "its arguments" },
};
static const Keyword usage_script[] = {
    { "in", "count", 0, RUNS, "tokens read" },
    { "out", "count", 0, RUNS, "tokens written" },
    { "cached", "count", 0, RUNS, "of those read" },
    { "cost", "money", 0, RUNS, "of what has no price by token" },
};
static const Keyword route_script[] = {
    { "model", "RoutedScript | [RoutedScript]", 0, RUNS, "the stage that asks a model" },
};
static const Keyword routed_script[] = {
    { "if", "expr", 0, RUNS, "when this is answered" },
    { "to", "text", 0, RUNS, "the target" },
    { "confidence", "share", 0, RUNS, "how sure; 1" },
    { "reasoning", "text", 0, RUNS, "why" },
    { "requires_context", "data", 0, RUNS, "what the target needs to know besides" },
    { "fail", "text", 0, RUNS, "a kind of error instead" },
    { "message", "value", 0, RUNS, "of the failure" },
    { "delay", "duration", 0, RUNS, "how long it takes" },
    { "usage", "UsageScript", 0, RUNS, "what it uses" },
};
static const Keyword answer_script[] = {
    { "if", "expr", 0, RUNS, "when this is answered" },
    { "reply", "value", 0, RUNS, "of a form; of an approval the value as edited" },
    { "approve", "bool", 0, RUNS, "as it is shown" },
    { "reject", "text", 0, RUNS, "`true`, or the words" },
    { "revise", "text", 0, RUNS, "once more, with these words" },
    { "done", "value", 0, RUNS, "of a doubt: it happened, and this is what it gave" },
    { "not_done", "bool", 0, RUNS, "of a doubt: it did not happen" },
    { "retry", "bool", 0, RUNS, "of a doubt: send it again" },
    { "fail", "bool", 0, RUNS, "of a doubt: give it up" },
    { "undo", "bool", 0, RUNS, "of a doubt: take it back" },
    { "silent", "bool", 0, RUNS, "nobody answers" },
    { "words", "text", 0, RUNS, "said with the answer" },
    { "as", "text", 0, RUNS, "who answers" },
    { "after", "duration", 0, RUNS, "how long they take" },
};
static const Keyword signal_script[] = {
    { "if", "expr", 0, RUNS, "when it is sent" },
    { "data", "value", 0, RUNS, "what it brings" },
    { "from", "text", 0, RUNS, "who sends it" },
    { "after", "duration", 0, RUNS, "how long the run waits for it" },
};

const Block language_files[] = {
    BLOCK("Workflow", "a workflow", workflow, "steps", "", ""),
    BLOCK("Trigger", "`on`", trigger, "", "event cron webhook chat", ""),
    BLOCK("Concurrency", "`concurrency`", concurrency, "max", "",
          "`concurrency: { key: \"${{ input.customer }}\", max: 1 }`"),
    BLOCK("Memory", "`memory`", memory, "key", "", "`memory: { key: \"${{ input.customer }}\" }`"),
    BLOCK("StateKey", "a state key", state_key, "", "", ""),
    BLOCK("Reducer", "`reduce`", reducer, "expr", "", "`reduce: { expr: last + output }`"),
    BLOCK("Inbox", "an inbox", inbox, "", "", ""),
    BLOCK("Project", "a project file", project, "", "", ""),
    BLOCK("Provider", "a provider", provider, "", "", ""),
    BLOCK("ProviderModel", "a model of a provider", provider_model, "", "", ""),
    BLOCK("Secrets", "`secrets`", secrets, "", "from file command", ""),
    BLOCK("Egress", "`egress`", egress, "", "", "`egress: { allow: [10.0.0.0/8] }`"),
    BLOCK("Prices", "`prices`", prices, "file", "", "`prices: { file: prices.yaml }`"),
    BLOCK("Budget", "a budget", budget, "per", "", "`team: { per: day, cost: 20.00 }`"),
    BLOCK("Person", "a person", person, "", "", ""),
    BLOCK("Channel", "a channel", channel, "", "webhook chat email pager",
          "`chat: \"${{ secrets.CHAT_URL }}\"`"),
    BLOCK("Escalation", "`escalation`", escalation, "", "", ""),
    BLOCK("Server", "`server`", server, "", "", ""),
    BLOCK("Test", "a test", test, "test cases", "", ""),
    BLOCK("Case", "a case of a test", test_case, "", "", ""),
    BLOCK("Eval", "an evaluation", eval, "eval graders", "", ""),
    BLOCK("Grader", "a grader", grader, "", "expr type agent", "`right: output == expected`"),
    BLOCK("Script", "a scripted answer", script, "", "",
          "`{ reply: yes }` or `{ fail: unavailable }`"),
    BLOCK("ToolScript", "a scripted call", tool_script, "tool", "",
          "`{ tool: search, with: { q: x } }`"),
    BLOCK("UsageScript", "`usage`", usage_script, "", "", "`{ in: 120, out: 40 }`"),
    BLOCK("RouteScript", "`route` of a test", route_script, "model", "",
          "`{ model: { to: docs } }`"),
    BLOCK("RoutedScript", "what the model of a route says", routed_script, "", "to fail",
          "`{ to: docs, confidence: 0.9 }`"),
    BLOCK("AnswerScript", "what a person answers", answer_script, "",
          "reply approve reject revise done not_done retry fail undo silent",
          "`{ approve: true }`"),
    BLOCK("SignalScript", "a scripted signal", signal_script, "", "", "`{ data: { ok: true } }`"),
};
const size_t n_language_files = ARRAY_LEN(language_files);
