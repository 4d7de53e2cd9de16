/* baton compare: two workflows on the same inputs, a single agent beside the many. Every run is a real one, one after the other, so
 * that none waits for another. */
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/await.h"
#include "cli/cases.h"
#include "cli/command.h"
#include "cli/compared.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/score.h"

#define GRACE_MS 1000

/* ---- the data ---------------------------------------------------------------------------------------------------------- */

static int read_data(const Args *args, Compared *c) {
    const char *path = args_flag(args, "inputs");
    Case *cases = NULL;
    if (!path)
        return say_error(EXIT_USAGE, "what are they to be given?",
                         "--inputs FILE: a list of inputs as YAML, JSON or JSON lines");
    int code = cases_read(args->arena, path, &cases, &c->n);
    if (code != 0)
        return code;
    c->rows = ARENA_ARRAY(args->arena, ComparedRow, c->n);
    for (size_t i = 0; i < c->n; i++)
        c->rows[i] = (ComparedRow){ .input = cases[i].input, .expected = cases[i].expected };
    return 0;
}

/* ---- judging ----------------------------------------------------------------------------------------------------------- */

static int check_run(const Args *args, const Compared *c, const ComparedRow *row, ComparedRun *r) {
    MapBuilder m = map_builder(args->arena);
    if (!c->check || !str_is(r->status, "succeeded"))
        return 0;
    map_addz(&m, "input", row->input);
    map_addz(&m, "output", r->output);
    map_addz(&m, "expected", value_absent(row->expected) ? VALUE_NULL : row->expected);
    return score_flag(args->arena, "check", c->check, map_done(&m, NULL), &r->score);
}

static int compare_row(const Args *args, const Compared *c, ComparedRow *row) {
    const ComparedRun *a = &row->of[0], *b = &row->of[1];
    bool both = str_is(a->status, "succeeded") && str_is(b->status, "succeeded");
    MapBuilder m = map_builder(args->arena);
    row->same = both && value_equal(a->output, b->output);
    if (!c->same || !both)
        return 0;
    map_addz(&m, "input", row->input);
    map_addz(&m, "a", a->output);
    map_addz(&m, "b", b->output);
    return score_flag(args->arena, "same", c->same, map_done(&m, NULL), &row->same);
}

/* ---- running ----------------------------------------------------------------------------------------------------------- */

typedef struct Side {
    Plan *plan;
    Str closure, dir;
} Side;

static Str error_of(Value document, Arena *a) {
    Value error = value_getz(document, "error");
    if (!value_is(error, V_MAP))
        return STR("");
    return arena_fmt(a, "%.*s: %.*s", STR_FMT(answer_text(error, "kind")),
                     STR_FMT(answer_text(error, "message")));
}

static int run_one(const Args *args, Link *link, const Side *side, Value input, ComparedRun *ret) {
    Launch l = { .id = launch_id(args->arena),
                 .closure = side->closure,
                 .input = input,
                 .dir = side->dir,
                 .plan = side->plan };
    Awaited w = { 0 };
    int code = await_run(args, link, &l, &w);
    if (code != 0)
        return code;
    Value output = value_getz(w.document, "output");
    *ret = (ComparedRun){ .id = l.id,
                          .status = w.waits ? STR("waiting") : answer_text(w.document, "status"),
                          .output = value_absent(output) ? VALUE_NULL : output,
                          .error = error_of(w.document, args->arena),
                          .cost_nano = answer_count(w.document, "cost_nano"),
                          .tokens = answer_count(w.document, "tokens"),
                          .calls = answer_count(w.document, "calls"),
                          .took_ms = w.took_ms };
    return 0;
}

/* Who begins changes from input to input: what is warm then does neither more good than the other. */
static int run_all(const Args *args, Link *link, const Side sides[2], Compared *c) {
    int code = 0;
    for (size_t i = 0; i < c->n && code == 0; i++) {
        ComparedRow *row = &c->rows[i];
        for (size_t k = 0; k < 2 && code == 0; k++) {
            size_t which = (k + i) % 2;
            code = run_one(args, link, &sides[which], row->input, &row->of[which]);
            if (code == 0)
                code = check_run(args, c, row, &row->of[which]);
        }
        if (code == 0)
            code = compare_row(args, c, row);
        if (code == 0 && say_terminal(2))
            say_text("\r%zu of %zu inputs", i + 1, c->n);
    }
    if (say_terminal(2))
        say_text("\r\033[K");
    return code;
}

static int exit_code(const Compared *c) {
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < 2; k++)
            if (!str_is(c->rows[i].of[k].status, "succeeded"))
                return EXIT_RUN_FAILED;
    return EXIT_OK;
}

static int report(const Args *args, const Compared *c) {
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(64 * MIB);
    if (args->json)
        out_json(compared_value(c, args->arena));
    else
        compared_write(&b, c, &ink);
    out_str(buf_str(&b));
    buf_deinit(&b);
    return exit_code(c);
}

static int load(const Args *args, const char *path, Side *ret) {
    ret->dir = place_folder_of(args->arena, path);
    return inputs_file(args, path, &ret->closure, &ret->plan);
}

int cmd_compare(Args *args) {
    Compared c = { .files = { args->words[0], args->words[1] },
                   .check = args_flag(args, "check"),
                   .same = args_flag(args, "same") };
    Side sides[2] = { { 0 } };
    Link *link = NULL;
    static const char *const of_check[] = { "input", "output", "expected", NULL };
    static const char *const of_same[] = { "input", "a", "b", NULL };
    int code = read_data(args, &c);
    if (code == 0)
        code = score_flag_compiles(args->arena, "check", c.check, of_check);
    if (code == 0)
        code = score_flag_compiles(args->arena, "same", c.same, of_same);
    for (size_t k = 0; k < 2 && code == 0; k++)
        code = load(args, c.files[k], &sides[k]);
    if (code == 0)
        code = place_open(args, LINK_ACT, &link);
    if (code == 0)
        code = run_all(args, link, sides, &c);
    link_close(link, GRACE_MS);
    if (code == 0)
        code = report(args, &c);
    plan_free(sides[0].plan);
    plan_free(sides[1].plan);
    return code;
}
