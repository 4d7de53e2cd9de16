/* The examples of the documentation are true. Every block marked `yaml` in docs/language.md is compiled, without a warning,
 * and where comments in it say what comes of it, run by the kernel alone. A block of another page, README.md too, that
 * begins with `baton: 1` is held to the same; what is part of a file gets `baton: 1` before it and a step behind it.
 *
 *   # input: JSON                    given to the run; {} if not said
 *   # answers: [JSON, ...]           of every attempt but echo, which answers itself, in the order of opening:
 *                                    an output, { "fail": KIND } or { "unknown": KIND }
 *   # signal: NAME JSON              sent when nothing but signals and timers is left; timers come after
 *   # gives: JSON                    the run succeeds with this output
 *   # fails: KIND                    the run fails with an error of this kind
 *   # waits: doubt STEP              nothing is left to be done, and this is open
 *   # refused: TEXT                  the file is refused, and the first problem or its remedy contains this
 *   # warning: TEXT                  the same for a file that is accepted */
#include "base/json.h"
#include "base/limits.h"
#include "parts.h"
#include "kernel/run.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BLOCKS_MAX 500

typedef struct Block {
    const char *page;
    unsigned line;
    Str text;
} Block;

typedef struct Example {
    Arena arena;
    const Block *block;
    Plan *plan;
    Run *run;
    int64_t now;
    Value answers;
    uint32_t answered;
    bool signalled;
} Example;

static Arena pages;

/* ---- what a comment says ------------------------------------------------------------------------------------------------ */

/* The rest of the line behind "# word: ", or STR_NULL. */
static Str said(const Block *b, const char *word) {
    char mark[40];
    snprintf(mark, sizeof mark, "# %s: ", word);
    ptrdiff_t at = str_find(b->text, str_from(mark));
    if (at < 0)
        return STR_NULL;
    Str rest = str_slice(b->text, (size_t)at + strlen(mark), b->text.len);
    ptrdiff_t end = str_find(rest, STR("\n"));
    return end < 0 ? rest : str_slice(rest, 0, (size_t)end);
}

static Value said_json(Example *x, const char *word, Value otherwise) {
    Str text = said(x->block, word);
    Value v = otherwise;
    JsonError error;
    if (text.p && json_read_copy(&x->arena, text, &v, &error))
        fail_msg("%s:%u: `# %s:` is no JSON: %s", x->block->page, x->block->line, word,
                 error.message);
    return v;
}

/* ---- compiling ----------------------------------------------------------------------------------------------------------- */

static Str whole_file(Example *x) {
    Str part = x->block->text;
    if (str_find(part, STR("baton: 1")) >= 0)
        return part;
    bool has_steps = str_starts(part, STR("steps:")) || str_find(part, STR("\nsteps:")) >= 0;
    return arena_fmt(&x->arena, "baton: 1\nname: example\n%.*s%s", STR_FMT(part),
                     has_steps ? "" : "\nsteps: [{ wait: 1s }]\n");
}

static const Diag *first_of(const Diags *d, bool warning) {
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].warning == warning)
            return &d->items[i];
    return NULL;
}

static void assert_problem(const Example *x, const Diag *d, const char *word) {
    Str wanted = said(x->block, word);
    bool fits = d && wanted.p &&
                (str_find(d->message, wanted) >= 0 || str_find(d->remedy, wanted) >= 0);
    if (!fits && (d || wanted.p))
        fail_msg("%s:%u: expected %s `%.*s`, got `%.*s`", x->block->page, x->block->line, word,
                 STR_FMT(wanted), d ? (int)d->message.len : 0, d ? d->message.p : "");
}

static bool compile(Example *x) {
    Str text = whole_file(x), name = STR("example.yaml");
    Diags diags = { .arena = &x->arena };
    int r = plan_compile(closure_of_parts(&x->arena, name, text), &x->plan, &diags);
    assert_problem(x, first_of(&diags, false), "refused");
    if (r == 0)
        assert_problem(x, first_of(&diags, true), "warning");
    return r == 0;
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

static void apply(Example *x, Fact *f) {
    f->time_ms = x->now;
    if (run_apply(x->run, f, NULL))
        fail_msg("%s:%u: a fact was not taken", x->block->page, x->block->line);
    const char *broken = run_check(x->run);
    if (broken)
        fail_msg("%s:%u: %s", x->block->page, x->block->line, broken);
}

static Value next_answer(Example *x, const Want *w) {
    if (w->callee->kind == CALLEE_ECHO)
        return want_request(w, &x->arena);
    if (x->answers.type != V_LIST || x->answered >= x->answers.len)
        fail_msg("%s:%u: no answer is left for `%.*s`", x->block->page, x->block->line,
                 STR_FMT(want_address(w, &x->arena)));
    return x->answers.items[x->answered++];
}

static void answer(Example *x, const Want *w) {
    Fact f = { .kind = FACT_FINISHED,
               .address = want_address(w, &x->arena),
               .attempt = w->attempt,
               .outcome = OUTCOME_OK };
    if (w->effect == EFFECT_UNSAFE)
        apply(x, &(Fact){ .kind = FACT_DISPATCHING, .address = f.address, .attempt = f.attempt });
    Value v = next_answer(x, w), failed = value_getz(v, "fail"), unknown = value_getz(v, "unknown");
    if (!value_absent(failed) || !value_absent(unknown)) {
        f.outcome = value_absent(failed) ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
        f.error_kind = value_as_str(value_absent(failed) ? unknown : failed);
        f.message = STR("so it is in the example");
    } else {
        f.payload = value_text(&x->arena, v);
    }
    apply(x, &f);
}

static bool send_signal(Example *x) {
    Str text = said(x->block, "signal");
    ptrdiff_t space = text.p ? str_find(text, STR(" ")) : -1;
    if (space < 0 || x->signalled)
        return false;
    x->signalled = true;
    apply(x, &(Fact){ .kind = FACT_SIGNAL,
                      .name = str_slice(text, 0, (size_t)space),
                      .from = STR("ann"),
                      .payload = str_slice(text, (size_t)space + 1, text.len) });
    return true;
}

static bool ring_first(Example *x) {
    const Want *first = NULL;
    for (const Want *w = run_wants(x->run); w; w = w->next)
        if (w->kind == WANT_TIMER && (!first || w->due_ms < first->due_ms))
            first = w;
    if (!first)
        return false;
    x->now = MAX(x->now, first->due_ms);
    apply(x, &(Fact){ .kind = FACT_TIMER,
                      .address = want_address(first, &x->arena),
                      .purpose = first->purpose });
    return true;
}

static bool go_on(Example *x) {
    for (const Want *w = run_wants(x->run); w; w = w->next)
        if (w->kind == WANT_ATTEMPT) {
            answer(x, w);
            return true;
        }
    return send_signal(x) || (!said(x->block, "waits").p && ring_first(x));
}

static void start(Example *x) {
    Str problem = STR("");
    Fact accepted = { .kind = FACT_ACCEPTED,
                      .time_ms = x->now = 1000,
                      .run = STR("r1"),
                      .verb = RULES_NOW,
                      .payload = value_text(&x->arena, said_json(x, "input", VALUE_EMPTY_MAP)) };
    x->answers = said_json(x, "answers", VALUE_NULL);
    if (run_start(x->plan, &accepted, NULL, &x->run, &problem, &x->arena))
        fail_msg("%s:%u: input refused: %.*s", x->block->page, x->block->line, STR_FMT(problem));
}

/* What became of it, in the words of the comments. */
static Str end_of(Example *x) {
    static const char *const kinds[] = { "",       "attempt", "timer", "approval",
                                         "signal", "child",   "doubt" };
    if (run_status(x->run) == RUN_OK)
        return arena_fmt(&x->arena, "gives: %.*s",
                         STR_FMT(value_text(&x->arena, run_output(x->run))));
    if (run_finished(x->run))
        return arena_fmt(&x->arena, "fails: %.*s",
                         STR_FMT(value_as_str(value_getz(run_error(x->run), "kind"))));
    const Want *w = run_wants(x->run);
    return w ? arena_fmt(&x->arena, "waits: %s %.*s", kinds[w->kind],
                         STR_FMT(want_address(w, &x->arena)))
             : STR("is paused");
}

static Str end_wanted(Example *x) {
    Str fails = said(x->block, "fails"), waits = said(x->block, "waits");
    if (fails.p)
        return arena_fmt(&x->arena, "fails: %.*s", STR_FMT(fails));
    if (waits.p)
        return arena_fmt(&x->arena, "waits: %.*s", STR_FMT(waits));
    return arena_fmt(&x->arena, "gives: %.*s",
                     STR_FMT(value_text(&x->arena, said_json(x, "gives", VALUE_NULL))));
}

static void run(Example *x) {
    start(x);
    while (!run_finished(x->run) && go_on(x))
        ;
    Str end = end_of(x), wanted = end_wanted(x);
    if (!str_eq(end, wanted))
        fail_msg("%s:%u:\n  said  %.*s\n  came  %.*s", x->block->page, x->block->line,
                 STR_FMT(wanted), STR_FMT(end));
    if (x->answers.type == V_LIST && x->answered < x->answers.len)
        fail_msg("%s:%u: an answer was not asked for", x->block->page, x->block->line);
}

static void example_holds(void **state) {
    Example x = { .block = *state };
    arena_init(&x.arena, 0);
    bool runs = said(x.block, "gives").p || said(x.block, "fails").p || said(x.block, "waits").p;
    if (compile(&x) && runs)
        run(&x);
    run_free(x.run);
    plan_free(x.plan);
    arena_deinit(&x.arena);
}

/* ---- finding them -------------------------------------------------------------------------------------------------------- */

static Str read_page(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(&pages, LIMIT_FILE_BYTES);
    size_t n = fread(p, 1, LIMIT_FILE_BYTES, f);
    fclose(f);
    return (Str){ p, n };
}

static bool is_example(const char *page, Str text) {
    return strcmp(page, "language.md") == 0 || str_starts(text, STR("baton: 1"));
}

static size_t find_blocks(const char *page, Str text, Block *blocks, size_t n) {
    const Str fence = STR("\n```"), begin = STR("\n```yaml\n");
    unsigned line = 1;
    for (size_t at = 0; at < text.len && n < BLOCKS_MAX;) {
        Str rest = str_slice(text, at, text.len);
        if (!str_starts(rest, begin)) {
            line += text.p[at++] == '\n';
            continue;
        }
        ptrdiff_t length = str_find(str_slice(rest, begin.len, rest.len), fence);
        if (length < 0)
            break;
        Str block = str_slice(rest, begin.len, begin.len + (size_t)length + 1);
        if (is_example(page, block))
            blocks[n++] = (Block){ page, line + 2, block };
        for (size_t end = at + begin.len + (size_t)length + fence.len; at < end; at++)
            line += text.p[at] == '\n';
    }
    return n;
}

static size_t find_in(const char *folder, Block *blocks, size_t n) {
    char path[600];
    snprintf(path, sizeof path, SOURCE_ROOT "%s", folder);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!str_ends(str_from(e->d_name), STR(".md")))
            continue;
        snprintf(path, sizeof path, SOURCE_ROOT "%s/%s", folder, e->d_name);
        n = find_blocks(arena_fmt(&pages, "%s", e->d_name).p, read_page(path), blocks, n);
    }
    if (dir)
        closedir(dir);
    return n;
}

static int by_place(const void *a, const void *b) {
    const Block *x = a, *y = b;
    int page = strcmp(x->page, y->page);
    return page ? page : (x->line > y->line) - (x->line < y->line);
}

int main(void) {
    static Block blocks[BLOCKS_MAX];
    static struct CMUnitTest tests[BLOCKS_MAX];
    arena_init(&pages, 0);
    size_t n = find_in("/docs", blocks, 0);
    n = find_in("", blocks, n);
    qsort(blocks, n, sizeof *blocks, by_place);
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){
            .name = arena_fmt(&pages, "%s line %u holds", blocks[i].page, blocks[i].line).p,
            .test_func = example_holds,
            .initial_state = &blocks[i],
        };
    return n == 0 || _cmocka_run_group_tests("docs", tests, n, NULL, NULL);
}
