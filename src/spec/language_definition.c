/* The words of definitions: agents, tools, models, and what callees are made of. */
#include "spec/language_tables.h"

#define EFFECTS "'pure' | 'read' | 'idempotent' | 'keyed' | 'unsafe'"
#define CALLED (SEES_CALL | SEES_WITH)

/* What keeps a callee from being asked too much. */
#define GOVERNED                                                                                   \
    { "pool", "Pool", 0, RUNS, "how many at once" },                                               \
        { "rate", "rate | Rate", 0, RUNS, "how many in a time" }, {                                \
        "breaker", "Breaker", 0, RUNS, "not asked for a while after failures"                      \
    }
#define CALLED_BACK                                                                                \
    { "probe", "step", CALLED, RUNS, "asks whether it happened: gives `{ done, result }`" }, {     \
        "undo", "step", CALLED, RUNS, "reverses it"                                                \
    }

static const Keyword agent[] = {
    { "model", "model", 0, RUNS, "a model plays it" },
    { "run", "[text] | Run", 0, RUNS, "a program plays it" },
    { "http", "text | Http", 0, RUNS, "a server plays it" },
    { "a2a", "text | A2a", 0, RUNS, "an agent elsewhere plays it: its address" },
    { "worker", "text", 0, LATER, "a program that polls for work plays it" },
    { "human", "Human", 0, RUNS, "a person plays it" },
    { "call", "workflow", 0, RUNS, "a workflow plays it: its name or its file" },
    { "like", "text", 0, RUNS, "a copy of this agent, with the keys given here changed" },
    { "role", "text", 0, RUNS, "put before the instructions" },
    { "instructions", "value", 0, RUNS, "the system message" },
    { "prompt", "value", 0, RUNS, "the user message; the arguments as text if missing" },
    { "description", "text", 0, RUNS, "what others are told of it" },
    { "capabilities", "text | [text]", 0, RUNS, "what it can do" },
    { "exemplars", "[text]", 0, RUNS, "texts that belong to it, for `route`" },
    { "input", "type", 0, RUNS, "what it is given" },
    { "output", "type", 0, RUNS, "what it gives" },
    { "check", "expr", SEES_CALL, RUNS, "must hold over the output" },
    { "examples", "data", 0, RUNS, "`[{ with, output }]`: shown before the first question" },
    { "tools", "[text | AgentTool]", 0, RUNS, "what it may call" },
    { "turns", "count", 0, RUNS, "model calls at most" },
    { "limits", "Limits", 0, RUNS, "as on a step; both hold" },
    { "timeout", "duration | Timeout", 0, RUNS, "as on a step" },
    { "retry", "count | Retry", 0, RUNS, "as on a step" },
    { "hedge", "duration", 0, RUNS, "as on a step" },
    { "effect", EFFECTS, 0, RUNS, "may it be sent again?" },
    { "key_life", "duration", 0, RUNS, "how long the target remembers a key" },
    { "doubt", "Doubt", 0, RUNS, "as on a step" },
    CALLED_BACK,
    GOVERNED,
    { "fallback", "agent | [agent]", 0, RUNS, "who is asked where it is out of reach" },
    { "memory", "Memory", 0, LATER, "what it remembers across runs" },
    { "guard", "Guard | [Guard]", CALLED, RUNS, "what is not let through" },
};
static const Keyword tool[] = {
    { "run", "[text] | Run", 0, RUNS, "a program" },
    { "http", "text | Http", 0, RUNS, "a request" },
    { "worker", "text", 0, LATER, "a program that polls for work" },
    { "mcp", "Mcp", 0, RUNS, "a set: the tools of an MCP server" },
    { "openapi", "text", 0, LATER, "a set: the operations of a description, file or address" },
    { "only", "text | [text]", 0, RUNS, "of a set: just these" },
    { "effects", "{" EFFECTS "}", 0, RUNS, "of a set: by name, \"*\" for the rest" },
    { "description", "text", 0, RUNS, "what a model is told of it" },
    { "input", "type", 0, RUNS, "what it is given" },
    { "output", "type", 0, RUNS, "what it gives" },
    { "check", "expr", SEES_CALL, RUNS, "must hold over the output" },
    { "timeout", "duration | Timeout", 0, RUNS, "as on a step" },
    { "retry", "count | Retry", 0, RUNS, "as on a step" },
    { "hedge", "duration", 0, RUNS, "as on a step" },
    { "effect", EFFECTS, 0, RUNS, "may it be sent again?" },
    { "key_life", "duration", 0, RUNS, "how long the target remembers a key" },
    { "doubt", "Doubt", 0, RUNS, "as on a step" },
    CALLED_BACK,
    GOVERNED,
};
static const Keyword agent_tool[] = {
    { "tool", "tool", 0, RUNS, "its name" },
    { "allow", "expr", SEES_WITH, RUNS, "only calls for which this holds" },
    { "calls", "count", 0, RUNS, "at most so many per call of the agent" },
    { "approve", "Gate | [Gate]", SEES_WITH, RUNS, "a person agrees" },
};
static const Keyword run[] = {
    { "command", "[text]", 0, RUNS, "program and arguments" },
    { "env", "{value}", SEES_SECRETS, RUNS, "more environment" },
    { "cwd", "value", 0, RUNS, "directory, relative to the file's" },
    { "stdin", "value", 0, RUNS, "the input as JSON if missing" },
    { "sandbox", "bool | Sandbox", 0, RUNS, "how it is confined; false: not at all" },
};
static const Keyword sandbox[] = {
    { "read", "[text]", 0, RUNS, "it reads nothing but these, and what belongs to the system" },
    { "write", "[text]", 0, RUNS, "it changes nothing but these" },
    { "network", "bool", 0, RUNS, "may it have sockets? true" },
};
static const Keyword http[] = {
    { "method", "'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'", 0, RUNS,
      "GET" },
    { "url", "value", SEES_SECRETS, RUNS, "the address" },
    { "query", "{value}", SEES_SECRETS, RUNS, "behind the `?`" },
    { "headers", "{value}", SEES_SECRETS, RUNS, "headers" },
    { "body", "value", SEES_SECRETS, RUNS, "a map or list is sent as JSON" },
};
static const Keyword a2a[] = {
    { "url", "value", SEES_SECRETS, RUNS, "where it is: its card is below /.well-known" },
    { "headers", "{value}", SEES_SECRETS, RUNS, "headers of each request" },
};
static const Keyword mcp[] = {
    { "command", "[text]", 0, RUNS, "program and arguments of the server" },
    { "url", "value", SEES_SECRETS, RUNS, "or its address" },
    { "headers", "{value}", SEES_SECRETS, RUNS, "headers" },
    { "env", "{value}", SEES_SECRETS, RUNS, "more environment" },
};
static const Keyword model[] = {
    { "use", "text | [text]", 0, RUNS, "models, in the order of fallback" },
    { "cheaper", "text", 0, RUNS, "asked from `degrade_at` on" },
    { "max_output", "count", 0, RUNS, "tokens of one answer: 4k" },
    { "temperature", "number", 0, RUNS, "0 to 2" },
    { "effort", "text", 0, RUNS, "sent as it is" },
};
static const Keyword breaker[] = {
    { "failures", "count", 0, RUNS, "in a row open it" },
    { "open", "duration", 0, RUNS, "how long" },
    { "successes", "count", 0, RUNS, "in a row close it: 1" },
    { "when_open", "'wait' | 'fail'", 0, RUNS, "what a call does meanwhile: wait" },
};
static const Keyword rate[] = {
    { "requests", "rate", 0, RUNS, "attempts: 60/m" },
    { "tokens", "rate", 0, RUNS, "of models, in and out: 400k/m" },
};
static const Keyword pool[] = {
    { "min", "count", 0, RUNS, "expected to be there, for people: the engine starts none" },
    { "max", "count", 0, RUNS, "attempts at once" },
    { "queue", "count", 0, RUNS, "that wait; one more is refused: any number" },
    { "by", "value", 0, RUNS, "shared fairly by this" },
};
static const Keyword guard[] = {
    { "at", "'input' | 'output' | 'tool' | 'content'", 0, RUNS, "what is looked at" },
    { "if", "expr", 0, RUNS, "caught when this holds" },
    { "deny", "pattern | [pattern]", 0, RUNS, "or when a pattern matches" },
    { "then", "'fail' | 'stop'", 0, RUNS, "the step, or the run" },
};

const Block language_definitions[] = {
    BLOCK("Agent", "an agent", agent, "", "", ""),
    BLOCK("Tool", "a tool", tool, "", "", ""),
    BLOCK("AgentTool", "an agent's tool", agent_tool, "tool", "", "`{ tool: search, calls: 3 }`"),
    BLOCK("Run", "`run`", run, "command", "", "`{ command: [prog, arg], env: { ... } }`"),
    BLOCK("Sandbox", "`sandbox`", sandbox, "", "", "`sandbox: { write: [out], network: false }`"),
    BLOCK("Http", "`http`", http, "url", "", "`http: { url: \"https://...\" }`"),
    BLOCK("A2a", "`a2a`", a2a, "url", "", "`a2a: https://agents.example.com/reviewer`"),
    BLOCK("Mcp", "`mcp`", mcp, "", "command url", ""),
    BLOCK("Model", "a model", model, "use", "", "`{ use: openai/gpt-5, max_output: 6k }`"),
    BLOCK("Breaker", "`breaker`", breaker, "failures open", "",
          "`breaker: { failures: 5, open: 60s }`"),
    BLOCK("Rate", "`rate`", rate, "", "", ""),
    BLOCK("Pool", "`pool`", pool, "max", "", "`pool: { max: 4, queue: 50 }`"),
    BLOCK("Guard", "`guard`", guard, "at", "if deny",
          "`{ at: output, if: size(output) > 9000, then: fail }`"),
};
const size_t n_language_definitions = ARRAY_LEN(language_definitions);
