/* What tables hold is printed from the tables: words, functions, kinds of errors, words of other systems. What no table
 * holds - how it all hangs together - is the text below. */
#include "cli/language_page.h"

#include "base/buf.h"
#include "base/limits.h"
#include "cel/function.h"
#include "kernel/fact.h"
#include "spec/language.h"

#define COMMENT_COLUMN 46
#define COLUMNS 100

static const char beginning[] =
    "THE WORKFLOW LANGUAGE OF BATON\n"
    "\n"
    "A file is strict YAML 1.2 (or JSON): one document, first key `baton: 1`. No anchors, tags, merge keys or\n"
    "duplicate keys. `yes`, `no` and `on` are texts. `baton validate FILE` says what is wrong, where, and what to\n"
    "write instead; `baton fmt FILE` lays it out; `baton graph FILE` draws it.\n"
    "\n"
    "    baton: 1\n"
    "    name: review\n"
    "    input: { text: string }              # types: what it is given\n"
    "    output: string                       # and gives\n"
    "    agents:\n"
    "      critic:\n"
    "        model: scripted/replies.yaml     # or openai/gpt-5, or a name of `models:`\n"
    "        instructions: Say what is wrong. # the system message\n"
    "        output: { score: number, notes: string }\n"
    "    steps:                               # a map: all at once but for `needs`\n"
    "      draft: { run: [sh, draft.sh], with: \"${{ input.text }}\", effect: pure }\n"
    "      review:\n"
    "        needs: draft\n"
    "        agent: critic\n"
    "        with: { draft: \"${{ steps.draft.output }}\" }  # values: what the callee is given\n"
    "        retry: 2\n"
    "        repeat: { max: 3, until: output.score >= 0.8 }\n"
    "      publish:\n"
    "        needs: review\n"
    "        if: steps.review.output.score > 0.5\n"
    "        run: [sh, publish.sh]\n"
    "        with: ${{ steps.review.output }}\n"
    "        effect: unsafe                   # never sent again while nobody knows whether it happened\n"
    "    return: ${{ steps.review.output.notes }}\n"
    "\n"
    "STEPS\n"
    "  `steps` is a map (all at once but for `needs`, which names siblings) or a list (in order). An id is [a-z][a-z0-9_]*.\n"
    "  A step has one verb (agent tool run http steps wait return fail, and those marked later) or `set` alone.\n"
    "  Modifiers nest so, in whatever order they are written:\n"
    "    needs > if > limits > for( on_error > repeat( retry( timeout( VERB ) > output > check ) ) > set )\n"
    "  Without `return` a list gives its last step's output, a map an object of the outputs by id.\n"
    "  A step is skipped when its `if` is false, a need failed, or all its needs were skipped; failed() and always() in\n"
    "  its `if` change that. A step that fails fails its group, unless on_error says otherwise.\n"
    "\n"
    "VALUES\n"
    "  `input` and `output` hold TYPES; `with` and `return` hold values.\n"
    "  TYPE: string integer number boolean any object time duration file Message | a name of `types:` | T[] |\n"
    "  [a, b] (one of these) | { field: TYPE, field?: TYPE } | JSON Schema.\n"
    "  EXPRESSIONS are CEL. In values inside ${{ }}: a whole text keeps the value's type, inside a text it joins.\n"
    "  Bare in if until check allow. Quote what holds `: ` or stands in { }. No clock, no I/O.\n"
    "  NAMES: input | run.{id, workflow, started, labels, correlation, cost} | state.KEY | the names of `for` |\n"
    "  round, last (repeat) | steps.ID.{status, output, detail, error, cost, tokens, calls, attempts, started, ended}\n"
    "  of steps ordered before | output detail error status of this step, in check until set.\n"
    "  steps.ID.status is ok, failed, skipped or cancelled. Read what may be absent with `.?`: steps.x.?output.orValue(0).\n"
    "  Everywhere: vars.NAME of the project file. Only in headers, query, body, url and env: secrets.NAME.\n"
    "  Inside a tool, an agent, run and http `input` is what `with` gives; steps and state are not seen there.\n"
    "\n"
    "UNITS\n"
    "  durations 250ms 30s 5m 24h 7d 1h30m; counts 400k 2M; money 2.50; percent 20%; rates 60/m 400k/m. No bare durations.\n"
    "\n"
    "EFFECTS\n"
    "  May it be sent again after an unknown outcome? pure read idempotent keyed: yes. unsafe, the default of run and of\n"
    "  POST: no; the step waits in doubt until a person looks (`baton resolve`).\n"
    "\n"
    "WORDS\n"
    "  One paragraph for each kind of map. Behind `#`: what it is for; * must be there; (later): checked, cannot run yet.\n"
    "  text id bool count number share duration money percent rate type value data expr: as above; share is 0 to 1;\n"
    "  value may hold ${{ }}, data not; expr is a bare expression. agent, tool, model: a name or a definition. step: one\n"
    "  step; steps: a list or map of them. 'x' is the word x; [X] a list; {X} a map from names to X; Name another paragraph.\n";

/* ---- words */

static bool is_among(const char *words, const char *word) {
    size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

static void add_keyword(Buf *b, const Block *block, const Keyword *w) {
    size_t before = b->len;
    buf_fmt(b, "  %s: %s", w->word, w->form);
    size_t column = b->len - before;
    if (column >= COMMENT_COLUMN) {
        buf_char(b, '\n');
        column = 0;
    }
    buf_fmt(b, "%*s# %s%s%s\n", (int)(COMMENT_COLUMN - column), "",
            is_among(block->required, w->word) ? "* " : "", w->since == RUNS ? "" : "(later) ",
            w->says);
}

static void add_block(Buf *b, const Block *block) {
    buf_fmt(b, "\n%s: %s\n", block->name, block->what);
    if (*block->one_of)
        buf_fmt(b, "  (exactly one of: %s)\n", block->one_of);
    for (size_t i = 0; i < block->n; i++)
        add_keyword(b, block, &block->words[i]);
}

/* ---- names in lines */

typedef struct Lines {
    Buf *b;
    size_t column;
} Lines;

static void add_name(Lines *l, const char *name) {
    size_t n = strlen(name);
    if (l->column + n + 1 > COLUMNS) {
        buf_str_add(l->b, STR("\n "));
        l->column = 1;
    }
    buf_fmt(l->b, " %s", name);
    l->column += n + 1;
}

static void add_functions(Buf *b) {
    const Function *rows;
    size_t n = function_table(&rows);
    Lines l = { b, 1 };
    buf_str_add(
        b,
        STR("\nFUNCTIONS\n"
            "  Beside the operators and macros of CEL (has all exists exists_one map filter, .? and [?]):\n "));
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
            add_name(&l, rows[i].name);
    buf_char(b, '\n');
}

static void add_kinds(Buf *b) {
    Lines l = { b, 1 };
    buf_str_add(
        b,
        STR("\nERRORS\n"
            "  error = { kind, message, step, attempt, data }; kind is an author's own (fail.kind) or one of\n "));
    for (int k = KIND_NONE + 1; k < KIND_COUNT; k++)
        add_name(&l, error_kind_name((ErrorKind)k));
    buf_char(b, '\n');
}

static void add_foreign(Buf *b) {
    const Foreign *words;
    size_t n = foreign_words(&words);
    buf_str_add(b, STR("\nWORDS OF OTHER SYSTEMS, which are refused, and what to do instead\n"));
    for (size_t i = 0; i < n; i++)
        buf_fmt(b, "  %-20s %s\n", words[i].word, words[i].instead);
}

Str language_page(Arena *a) {
    Buf b = BUF_INIT(MIB);
    const Block *block;
    buf_str_add(&b, str_from(beginning));
    for (size_t i = 0; (block = language_block_at(i)); i++)
        add_block(&b, block);
    add_functions(&b);
    add_kinds(&b);
    add_foreign(&b);
    Str page = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return page;
}
