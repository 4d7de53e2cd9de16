/* The table of commands. */
#include "cli/command.h"

#define END                                                                                        \
    { NULL, NULL, NULL }

static const Flag run_flags[] = {
    { "detach", NULL, "start it in the background and return; `baton ps` shows it" },
    { "id", "ID", "its id; the same id and input give the same run, never a second one" },
    { "input", "JSON|@FILE|-", "the whole input; - reads standard input" },
    END,
};
static const Flag fmt_flags[] = {
    { "check", NULL,
      "change nothing; name the files that are not laid out, and exit 2 if there are any" },
    { "stdout", NULL, "write the layout there and leave the files alone" },
    END,
};
static const Flag graph_flags[] = {
    { "format", "text|mermaid|dot|svg", "else by the name of the file; text on the terminal" },
    { "out", "FILE", "write it there" },
    END,
};
static const Flag dev_flags[] = {
    { "fresh", NULL, "begin with nothing reused" },
    { "input", "JSON|@FILE|-", "the whole input; - reads standard input" },
    { "once", NULL, "one run, then leave" },
    END,
};
static const Flag plan_flags[] = {
    { "check", NULL, "exit 2 when the worst case does not fit the limits" },
    END,
};
static const Flag prompts_flags[] = {
    { "write", NULL, "write the built-in text into the project, to be edited" },
    END,
};
static const Flag resume_flags[] = {
    { "dry-run", NULL, "only say which runs it would be" },
    { "limit", "NAME=AMOUNT", "a limit becomes this much: cost=5.00, calls=20, STEP.time=2h" },
    END,
};
static const Flag compare_flags[] = {
    { "check", "EXPR",
      "how good an output is, over `input`, `output` and `expected`: true, false or a number" },
    { "inputs", "FILE", "a list of inputs, or of { input, expected }: YAML, JSON or JSON lines" },
    { "same", "EXPR",
      "how much two outputs agree, over `input`, `a` and `b`; else they are equal or not" },
    END,
};
static const Flag eval_flags[] = {
    { "agent", "NAME", "an agent of FILE by itself; else the workflow" },
    { "check", "EXPR",
      "how good an output is, over `input`, `output` and `expected`: true, false or a number" },
    { "last", NULL, "judge the answers of last time once more, and ask nobody" },
    { "no-worse", NULL, "exit 3 only where a case that passed last time does not pass now" },
    { "parallel", "N", "how many are asked at once: 8" },
    { "runs", "K", "ask each case so often; it passes if every run does (pass^K)" },
    END,
};
static const Flag fork_flags[] = {
    { "detach", NULL, "start it in the background and return; `baton ps` shows it" },
    { "file", "FILE", "run this file instead of the one the run was started with" },
    { "from", "STEP", "do this step and what comes after it anew" },
    { "id", "ID", "the new run's id" },
    { "input", "JSON|@FILE|-", "the whole input, instead of that of the run" },
    { "set", "PATH=VALUE", "change one value of the input; may be given again" },
    END,
};
static const Flag migrate_flags[] = {
    { "dry-run", NULL, "only list what differs and what would be done next" },
    { "file", "FILE", "the file to go on with; else the one it was started with, as it is now" },
    END,
};
static const Flag record_flags[] = {
    { "all", NULL, "every outcome, of tools too, as JSON that a test plays again" },
    { "out", "FILE", "write it there rather than to standard output" },
    END,
};
static const Flag routes_flags[] = {
    { "last", "N", "of so many runs that are over: 200" },
    { "precision", "P", "of fit: so many of those accepted must be right: 0.95" },
    { "step", "STEP", "of fit: the router, where the file has several" },
    END,
};
static const Flag replay_flags[] = {
    { "file", "FILE", "derive it with this file instead of its own" },
    END,
};
static const Flag help_flags[] = {
    { "man", NULL, "all commands as the manual page baton(1)" },
    { "markdown", NULL, "all commands as the page docs/cli.md" },
    END,
};
static const Flag serve_flags[] = {
    { "exit-when-idle", NULL, "leave when every run has ended or is paused" },
    END,
};
static const Flag bench_flags[] = {
    { "seconds", "N", "how long the chains are measured (5)" },
    END,
};
static const Flag emit_flags[] = {
    { "correlation", "ID", "what it belongs to; else its own id" },
    { "id", "ID", "tell it once, however often the command is repeated" },
    END,
};
static const Flag events_flags[] = {
    { "correlation", "ID", "those that belong to it: of a run that no event began, the run's id" },
    { "limit", "N", "so many of the newest: 50" },
    { "type", "TYPE", "those of this type" },
    END,
};
static const Flag on_flags[] = {
    { "off", "NAME", "no run of this workflow is started by events any more" },
    END,
};
static const Flag expr_flags[] = {
    { "run", "RUN", "with the names of a run, as its `return` sees them" },
    { "step", "STEP", "of --run: as a step saw them when it began" },
    END,
};
static const Flag ps_flags[] = {
    { "all", NULL, "every run, not only those not finished and the newest" },
    { "failed", NULL, "those that failed: --status failed" },
    { "label", "NAME=VALUE", "those with this label; may be given again" },
    { "older-than", "TIME", "those that are over, and have been for so long: 30d" },
    { "output", "ids|json|table", "how they are printed; ids for `baton retry -`" },
    { "since", "TIME", "those that began so long ago at most: 2h, 7d" },
    { "status", "WORD", "running, waiting, paused, parked, succeeded, failed or cancelled" },
    { "workflow", "NAME", "those of this workflow" },
    END,
};
static const Flag show_flags[] = {
    { "facts", NULL, "the journal: what the world said, and the moves it caused" },
    { "request", NULL, "of a step: exactly what was sent, attempt by attempt" },
    { "state", NULL, "its state: each key, and who wrote what of it, when" },
    END,
};
static const Flag model_flags[] = {
    { "model", "PROVIDER/NAME",
      "the model to begin with; else what is found, else a scripted one" },
    END,
};
static const Flag models_flags[] = {
    { "all", NULL, "ask each server which models it has" },
    END,
};
static const Flag logs_flags[] = {
    { "follow", NULL, "go on with what comes until the run ends or waits for somebody" },
    END,
};
static const Flag resolve_flags[] = {
    { "done", "JSON", "it happened, and this is its output" },
    { "fail", NULL, "give the step up" },
    { "not-done", NULL, "it did not happen: try again" },
    { "retry", NULL, "send it again, whatever happened" },
    { "undo", NULL, "take it back, whatever happened; then the step has failed" },
    END,
};
static const Flag approve_flags[] = {
    { "answer", "JSON|@FILE|-", "fill the form in, where one is asked for" },
    { "as", "NAME", "who says so; else the login name" },
    { "edit", "JSON|@FILE|editor", "approve this instead of what is shown" },
    { "shown", "HASH", "agree to what has this hash, and to nothing else" },
    { "words", "TEXT", "a condition or a remark, told to whoever goes on" },
    { "yes", NULL, "show it, and do not ask again" },
    END,
};
static const Flag reject_flags[] = {
    { "as", "NAME", "who says so; else the login name" },
    { "shown", "HASH", "answer to what has this hash, and to nothing else" },
    { "words", "TEXT", "why; of `revise`: what is to be different" },
    { "yes", NULL, "show it, and do not ask again" },
    END,
};
static const Flag inbox_flags[] = {
    { "all", NULL, "with `seen`: every notice that is listed" },
    { "as", "NAME", "with `seen`: who says so; else the login name" },
    { "group", "NAME", "what this group is asked" },
    { "mine", NULL, "what you may answer, by your login name" },
    { "person", "NAME", "what this person may answer" },
    { "reviewed", NULL, "notices that somebody has seen: who, and when" },
    END,
};
static const Flag deliveries_flags[] = {
    { "run", "RUN", "of one run" },
    END,
};
static const Flag signal_flags[] = {
    { "id", "ID", "say it once, however often the command is repeated" },
    END,
};
static const Flag test_flags[] = {
    { "junit", "FILE", "also write what was found there, as JUnit's XML" },
    { "only", "TEXT", "only cases whose name has this text" },
    { "runs", "K", "try each case so often; it passes if every run of it does" },
    { "tap", NULL, "print what was found as TAP" },
    END,
};
static const Flag top_flags[] = {
    { "once", NULL, "print it once and leave" },
    END,
};
static const Flag validate_flags[] = {
    { "strict", NULL, "warnings are errors" },
    END,
};
static const Flag reason_flags[] = {
    { "dry-run", NULL, "only say which runs it would be" },
    { "reason", "TEXT", "why, for those who read it later" },
    END,
};

#define MANY                                                                                                               \
    "- reads ids from standard input (`baton ps --failed -o ids`). Several are told one by one, each with a line of its\n" \
    "own; the exit code is that of the first that refused."

const Command commands[] = {
    { "approve", "RUN [STEP]", "agree to what a run asks, fill a form in, or look at it",
      "Shows what is agreed to, and asks. Without a terminal it needs `--shown HASH`: the hash that it prints without it,\n"
      "so that nobody agrees to what he did not see. A form is filled in field by field, or with --answer.\n"
      "Exit: as of `run`; 2 nothing was decided, 5 decided already, changed since it was shown, or not yours to decide.",
      approve_flags, 1, 2, cmd_approve },
    { "bench", "[CASE...]", "measure durable steps per second beside the limits of this disk",
      "Cases: limits chain_keyed_64 chain_keyed_1 chain_pure_64 fan_1000 parked asked recovery governor budget start; store_64 when named.\n"
      "Each works in a directory of its own below --data (else here), which is removed afterwards.",
      bench_flags, 0, -1, cmd_bench },
    { "budgets", "", "what all runs together spent, of what the project allows",
      "One line for each budget of the project file, value of its label, and day or month (UTC), newest first.",
      NULL, 0, 0, cmd_budgets },
    { "cancel", "RUN... | -", "end a run, or several; what is in flight is stopped", MANY,
      reason_flags, 1, -1, cmd_cancel },
    { "compare", "A B --inputs FILE",
      "run two workflows on the same inputs: success, quality, cost, latency",
      "A single agent beside the many: is the larger shape worth what it costs? Every run is a real one, one after the\n"
      "other. Exit: 0 every run succeeded, 3 one did not.",
      compare_flags, 2, 2, cmd_compare },
    { "completion", "bash|fish|zsh",
      "print a script that completes commands, flags and runs in a shell",
      "  bash: source <(baton completion bash)      fish: baton completion fish | source\n"
      "  zsh:  baton completion zsh > a folder of $fpath/_baton\n"
      "`completion runs` prints what the scripts offer for RUN.",
      NULL, 1, 1, cmd_completion },
    { "deliveries", "", "who was told what through which channel, and what could not be sent",
      "What was sent or given up is kept for a week. What failed is tried again after 1 s, doubled up to 1 h, for three days.",
      deliveries_flags, 0, 0, cmd_deliveries },
    { "dev", "FILE [KEY=VALUE | KEY=@FILE]...",
      "run a workflow, and again whenever its files are saved, reusing what has not changed",
      "What was recorded by the last run of the workflow is not done again where the request is the same; see docs/outcomes.md.\n"
      "Mistakes in the file are shown and it waits for the next save. Ctrl-C ends it.",
      dev_flags, 1, -1, cmd_dev },
    { "doctor", "[FILE...]",
      "is everything there that runs need? keys, servers, store, disk, programs",
      "Asks servers for their lists of models, which costs nothing. With FILE also everything that file names.\n"
      "Exit: 0 if nothing is broken, 1 if something is.",
      NULL, 0, -1, cmd_doctor },
    { "effects", "[RUN]", "what is in doubt, and what is known of it",
      "When and how often it was sent, with which key, what came too late to count, and the word of the file that would have\n"
      "avoided it. `baton resolve` settles it.",
      NULL, 0, 1, cmd_effects },
    { "emit", "TYPE [KEY=VALUE | JSON]...",
      "tell of an event, to every run and workflow that hears it",
      "Where no engine runs this process is it until what the event began has come to rest.",
      emit_flags, 1, -1, cmd_emit },
    { "eval", "EVAL [DATA] | FILE DATA --check EXPR",
      "an agent or a workflow on many cases: how good, how dear, and beside last time",
      "EVAL is a file with `eval`, `agent`, `graders` and `cases` (docs/testing.md); DATA a list of inputs, or of\n"
      "{ input, expected }: YAML, JSON or JSON lines. It is a run like any other: it survives a crash, and is kept.\n"
      "Exit: 0 every case passed, 3 one did not.",
      eval_flags, 1, 2, cmd_eval },
    { "events", "", "what happened: who told it, who was told, which runs it began",
      "The newest stands last.", events_flags, 0, 0, cmd_events },
    { "expr", "EXPRESSION [KEY=VALUE | JSON]...",
      "try an expression, over names given here or those of a run",
      "As in a file, with or without ${{ }}. Values are JSON where they read as JSON, else text.\n"
      "  baton expr 'a + 1' a=2        baton expr 'steps.plan.output.size()' --run last",
      expr_flags, 1, -1, cmd_expr },
    { "fmt", "FILE...", "lay workflow files out in the one way",
      "Only blanks change: indentation, the blanks in { } and [ ], where comments stand, empty lines. A file that\n"
      "cannot be laid out without changing what it says is refused and stays as it is. - reads standard input.",
      fmt_flags, 1, -1, cmd_fmt },
    { "forget", "RUN... | -", "erase what a run that is over was given, gave and was told",
      "Its steps, their times and what they cost stay, and its chain of hashes verifies. What failed stays as a line of text.\n"
      "Kept for a month: baton ps --older-than 30d -o ids | baton forget -\n" MANY,
      reason_flags, 1, -1, cmd_forget },
    { "fork", "RUN [--from STEP] [--set PATH=VALUE]... [--file FILE]",
      "start a run that reuses what another recorded",
      "Nothing that RUN has recorded is done again where the request is the same, but for STEP and what comes after it.\n"
      "Exit: as of `run`.",
      fork_flags, 1, 1, cmd_fork },
    { "graph", "FILE|RUN", "draw the steps of a file, or of a run with what became of them",
      "Boxes are steps and groups of steps; a line leads from a step to one that needs it, a dashed one to what\n"
      "handles its failure, one with words is a move of a machine or a handoff of a team. A box of two sheets happens once for each item of a list.",
      graph_flags, 1, 1, cmd_graph },
    { "help", "[COMMAND | language]",
      "show this, how a command is used, or the language on one page", NULL, help_flags, 0, 1,
      cmd_help },
    { "inbox", "[show ID | seen ID...]",
      "what people are asked and told, over all runs: who, how urgent, since when",
      "What nobody waits for (`wait: false`) is a notice: it stays here, also when its run is over, until somebody says that he\n"
      "has seen it. ID is a notice's own, or of a run, for all of its notices.",
      inbox_flags, 0, -1, cmd_inbox },
    { "init", "[FOLDER]", "a project to begin with: baton.yaml, hello.yaml, .gitignore",
      "Takes a model whose key is in the environment, else an Ollama on this machine, else answers from a file,\n"
      "and says which. What is there already stays as it is.",
      model_flags, 0, 1, cmd_init },
    { "logs", "RUN [STEP]", "what commands wrote to standard error, and what models answered",
      "Of a command that went well the last 4 KiB are kept, of one that failed the last 64 KiB.",
      logs_flags, 1, 2, cmd_logs },
    { "migrate", "RUN [--file FILE] [--dry-run]",
      "let a run that waits or is paused go on with a mended file",
      "What it has done is derived again with the file. If a finished step had no place in it, or would end otherwise,\n"
      "the run stays with the file it has. Exit: 0 it can or it did, 5 refused.",
      migrate_flags, 1, 1, cmd_migrate },
    { "models", "", "providers of models: which keys are set, where they are asked", NULL,
      models_flags, 0, 0, cmd_models },
    { "new", "[PATTERN [FILE]]", "a commented file to start from; without PATTERN the list of them",
      "Writes PATTERN.yaml, or FILE, and never over a file. It runs as it is.", model_flags, 0, 2,
      cmd_new },
    { "on", "[FILE...]", "let events start runs of a workflow, by its `on`; without FILE the list",
      "It holds until --off, also when no engine runs: what happened meanwhile is caught up. FILE is pinned as it is\n"
      "now; naming a changed file again puts it in the place of the older one of that name.",
      on_flags, 0, -1, cmd_on },
    { "pause", "RUN... | -", "let a run finish what is in flight and start nothing more", MANY,
      reason_flags, 1, -1, cmd_pause },
    { "plan", "FILE", "what a run of a workflow can cost, before anything runs",
      "Calls, tokens, cost and time of each step and in all, expected and at worst, what limits cut of it, and what\n"
      "earlier runs used. Exit: 0; with --check 2 when the worst case does not fit the limits.",
      plan_flags, 1, 1, cmd_plan },
    { "prompts", "[NAME | FILE | --write [NAME]]",
      "what the engine itself says to models; with FILE also what its agents are told",
      "A file prompts/engine/NAME.md beside the project file stands in the place of the built-in text of that name, in new\n"
      "runs. NAME prints one text; --write makes its file, or those of all that have none, from the built-in text.",
      prompts_flags, 0, 1, cmd_prompts },
    { "ps", "", "list runs: state, age, what they wait for", NULL, ps_flags, 0, 0, cmd_ps },
    { "record", "RUN [--all] [--out FILE]",
      "write a run's model answers as a file of the scripted model",
      "With `model: scripted/FILE` the workflow then gets the same answers offline; see docs/scripted.md. What --all writes is for\n"
      "`record: FILE` of a test; see docs/testing.md.",
      record_flags, 1, 1, cmd_record },
    { "reject", "RUN [STEP] --words TEXT", "say no to what a run asks",
      "With --words no terminal is needed: a no is safe whatever was asked. Exit: as of `approve`.",
      reject_flags, 1, 2, cmd_reject },
    { "replay", "RUN [--file FILE]",
      "derive a run again from what it recorded, and compare each move",
      "Nothing is executed. Exit: 0 the same, 3 it differs; the first difference is named with both sides.",
      replay_flags, 1, 1, cmd_replay },
    { "resolve", "RUN STEP --done JSON | --not-done | --retry | --undo | --fail",
      "settle a step whose outcome is unknown",
      "A step is in doubt when an effect that may not be repeated was under way and nobody knows whether it happened.\n"
      "Look at the target, then say so here.",
      resolve_flags, 2, 2, cmd_resolve },
    { "resume", "[RUN... | -]", "go on with a run that was paused or lost its engine, and watch it",
      "A limit that paused the run is raised by --limit NAME=AMOUNT, that of a step by --limit STEP.NAME=AMOUNT; it is\n"
      "recorded, and holds in all items and rounds of the step. Without it the run pauses again and says why.\n" MANY,
      resume_flags, 0, -1, cmd_resume },
    { "retry", "RUN [STEP] | - [STEP]",
      "go on with a run that failed or was cancelled, and watch it",
      "What ended ok stays as it is and is not done again; what failed is, with new keys. STEP is done anew whatever\n"
      "became of it, with all that comes after it; refused if an effect would happen twice. Exit: as of `run`.\n" MANY,
      reason_flags, 1, 2, cmd_retry },
    { "revise", "RUN [STEP] --words TEXT", "send what is shown back to whoever made it, with words",
      "Where it can be done again: what an agent gave, a round of `repeat`, a call of an agent's tool. Exit: as of `approve`.",
      reject_flags, 1, 2, cmd_revise },
    { "routes", "[WORKFLOW] | fit FILE DATA",
      "what routers did: who chose how often, how often rightly, at what cost",
      "For each `route` of the runs that are over: how often each stage chose, how often its choice was not declined, what choosing\n"
      "and choosing wrongly cost, and what was saved beside asking the dearest target always. `fit` finds the thresholds of\n"
      "`examples` from labelled texts, a line of JSON each, {\"text\": ..., \"to\": TARGET or null}; see docs/routing.md.",
      routes_flags, 0, 3, cmd_routes },
    { "run", "FILE [KEY=VALUE | KEY=@FILE]...",
      "run a workflow and watch it; its output goes to standard output",
      "Values are typed by the file's `input`: a text stays as it is, anything else is JSON.\n"
      "Ctrl-C pauses the run: it waits for what is in flight; a second Ctrl-C stops now.\n"
      "Exit: 0 succeeded, 2 refused, 3 failed, 5 the id is another run's, 8 waits for a person, 130 paused.",
      run_flags, 1, -1, cmd_run },
    { "schema", "", "the JSON Schema (2020-12) of all files, for editors",
      "An editor that knows YAML then completes words and marks mistakes. Put `# yaml-language-server: $schema=FILE`\n"
      "on the first line, or name the file in the editor's settings. `baton validate` knows more.",
      NULL, 0, 0, cmd_schema },
    { "serve", "", "keep this directory's runs going until stopped", NULL, serve_flags, 0, 0,
      cmd_serve },
    { "show", "RUN [STEP]", "show a run, or what one step was given and gave",
      "The journal keeps what came back, and a hash of what was sent; the input of a step and its requests are\n"
      "rebuilt from it by the code that sent them. A server's address and keys are the engine's and are not shown.",
      show_flags, 1, 2, cmd_show },
    { "signal", "RUN NAME [KEY=VALUE | JSON]...", "send a signal that a `wait` step waits for",
      NULL, signal_flags, 2, -1, cmd_signal },
    { "test", "[FILE | FOLDER]...",
      "try workflows apart from their agents: scripted, offline, in simulated time",
      "A test is a file NAME.test.yaml; of a folder every one below it is tried. Nothing of the outside is touched: what\n"
      "no script answers is refused. How a test is written, docs/testing.md tells.\n"
      "Exit: 0 every case passed, 2 nothing could be tried, 3 one failed.",
      test_flags, 0, -1, cmd_test },
    { "tools", "[SET | accept SET[.TOOL]...]",
      "what was accepted of the tools of MCP servers, and what differs now",
      "What a server says of a tool (its description, what it takes and gives) is accepted when the tool is first used. A\n"
      "tool of which it says something else later is not used until `accept`.",
      NULL, 0, -1, cmd_tools },
    { "top", "",
      "the rates, pools and breakers of the engine, and which of them is the ceiling now",
      "On a terminal it is drawn again every second until Ctrl-C. What a limit is, docs/governor.md tells.",
      top_flags, 0, 0, cmd_top },
    { "trace", "RUN", "the tree of steps: where the time, the tokens and the money went", NULL,
      NULL, 1, 1, cmd_trace },
    { "validate", "FILE...", "check workflow files",
      "Runs nothing. Reads what a file names as well (imports, prompts, prices) and says how many files that were.\n"
      "A project file, definitions, prices, a prompt and a card are checked by themselves.\n"
      "Words that this version does not run yet are checked like all others and told at the end.",
      validate_flags, 1, -1, cmd_validate },
    { "verify", "", "check the store and replay every run, comparing each move", NULL, NULL, 0, 0,
      cmd_verify },
    { "version", "", "print the version", NULL, NULL, 0, 0, cmd_version },
    { "watch", "[RUN]",
      "the tree of a run as it grows, from another terminal; Ctrl-C leaves it alone",
      "Goes on when another process becomes the engine. Exit: that of `run` where the run ends.",
      NULL, 0, 1, cmd_watch },
    { "why", "RUN [STEP]", "why a step is where it is: the chain of causes, and what it waits for",
      NULL, NULL, 1, 2, cmd_why },
};
const size_t commands_count = ARRAY_LEN(commands);
