#include "cli/graded.h"

#include "base/money.h"
#include "base/time.h"
#include "cli/answer.h"
#include "cli/score.h"

#include <math.h>
#include <stdlib.h>

/* ---- one answer -------------------------------------------------------------------------------------------------------- */

static double number_of(Value v) {
    return value_is(v, V_DOUBLE) ? v.d : value_is(v, V_INT) ? (double)v.i : 0;
}

static int64_t nano_of(Value step) { return llround(number_of(value_getz(step, "cost")) * 1e9); }

static int64_t moment_of(Value step, const char *key) {
    int64_t seconds = 0;
    uint32_t nanos = 0;
    time_parse(answer_text(step, key), &seconds, &nanos);
    return seconds * 1000 + nanos / 1000000;
}

static Str error_of(Value step, Arena *a) {
    Value error = value_getz(step, "error");
    if (!value_is(error, V_MAP))
        return STR("");
    return arena_fmt(a, "%.*s: %.*s", STR_FMT(answer_text(error, "kind")),
                     STR_FMT(answer_text(error, "message")));
}

static bool answered(Value step) { return str_is(answer_text(step, "status"), "ok"); }

static Value absent_is_null(Value v) { return value_absent(v) ? VALUE_NULL : v; }

static bool by_expression(const Grader *g, const Case *c, Value output, Arena *a, double *ret,
                          Str *ret_problem) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "input", c->input);
    map_addz(&m, "output", output);
    map_addz(&m, "expected", absent_is_null(c->expected));
    return score_of(a, g->expr, map_done(&m, NULL), ret, ret_problem);
}

/* What a judge answered is a score itself, or an expression says where in it the score is. */
static bool by_judge(const Grader *g, Value grade, Arena *a, double *ret, Str *ret_problem) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "output", absent_is_null(value_getz(grade, "output")));
    return score_of(a, g->expr.len ? g->expr : STR("output"), map_done(&m, NULL), ret, ret_problem);
}

/* What cannot be judged is no score, and says why. */
static double judge(const Grader *g, const Case *c, Value item, GradedRun *r, Arena *a) {
    Value grade = value_get(value_getz(item, "grades"), g->name);
    Str problem = STR("");
    double score = 0;
    if (g->kind == GRADER_TYPE)
        return answered(grade);
    if (g->kind == GRADER_EXPR)
        by_expression(g, c, r->output, a, &score, &problem);
    else if (answered(grade))
        by_judge(g, grade, a, &score, &problem);
    else
        problem = value_absent(grade) ? STR("was not asked then") : error_of(grade, a);
    if (problem.len)
        r->error = arena_fmt(a, "%.*s: %.*s", STR_FMT(g->name), STR_FMT(problem));
    return problem.len ? 0 : score;
}

static void grade(const Eval *e, const Case *c, Value item, Arena *a, GradedRun *ret) {
    Value answer = value_getz(item, "answer");
    *ret = (GradedRun){ .ok = answered(answer),
                        .passed = answered(answer),
                        .output = absent_is_null(value_getz(answer, "output")),
                        .error = error_of(answer, a),
                        .scores = ARENA_ARRAY(a, double, e->n_graders + 1),
                        .cost_nano = nano_of(answer),
                        .tokens = answer_count(answer, "tokens"),
                        .calls = answer_count(answer, "calls"),
                        .took_ms = moment_of(answer, "ended") - moment_of(answer, "started") };
    for (size_t i = 0; i < e->n_graders && ret->ok; i++) {
        ret->scores[i] = judge(&e->graders[i], c, item, ret, a);
        ret->passed &= ret->scores[i] >= e->graders[i].pass;
    }
}

/* ---- all of them ------------------------------------------------------------------------------------------------------- */

static bool is_of(const Case *c, Value item) {
    Str name = answer_text(item, "name");
    return name.len || c->name.len ? str_eq(name, c->name)
                                   : value_same(c->input, value_getz(item, "input"));
}

/* Answers come round by round, so the case is nearly always the one at that place. */
static GradedCase *case_of(Graded *g, Value item, size_t at) {
    size_t n = g->eval->n_cases;
    if (is_of(g->cases[at % n].of, item))
        return &g->cases[at % n];
    for (size_t i = 0; i < n; i++)
        if (is_of(g->cases[i].of, item))
            return &g->cases[i];
    return NULL;
}

static GradedRun *room_for_one(GradedCase *c, Arena *a) {
    if (c->n == c->room) {
        GradedRun *more = ARENA_ARRAY(a, GradedRun, c->room ? 2 * c->room : 1);
        if (c->n)
            memcpy(more, c->runs, c->n * sizeof *more);
        c->runs = more;
        c->room = c->room ? 2 * c->room : 1;
    }
    return &c->runs[c->n++];
}

static int by_size(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static void sum_run(Graded *g, const GradedRun *r) {
    const Eval *e = g->eval;
    g->runs++;
    g->cost_nano += r->cost_nano;
    g->tokens += r->tokens;
    g->calls += r->calls;
    for (size_t i = 0; i < e->n_graders; i++) {
        g->graders[i].score += r->scores[i];
        g->graders[i].passed += r->ok && r->scores[i] >= e->graders[i].pass;
    }
}

static void sum(Graded *g, Arena *a, size_t n_items) {
    int64_t *took = ARENA_ARRAY(a, int64_t, n_items + 1);
    size_t n = 0;
    for (size_t i = 0; i < g->eval->n_cases; i++) {
        GradedCase *c = &g->cases[i];
        for (size_t k = 0; k < c->n; k++) {
            c->passed += c->runs[k].passed;
            took[n++] = c->runs[k].took_ms;
            sum_run(g, &c->runs[k]);
        }
        g->solved += c->n && c->passed == c->n;
    }
    qsort(took, n, sizeof *took, by_size);
    g->p50_ms = n ? took[(n - 1) / 2] : 0;
    g->max_ms = n ? took[n - 1] : 0;
    for (size_t i = 0; n && i < g->eval->n_graders; i++)
        g->graders[i].score /= (double)n;
}

void graded_of(const Eval *e, Value document, Arena *a, Graded *ret) {
    Value items = value_getz(document, "output");
    Graded g = { .eval = e,
                 .run = answer_text(document, "id"),
                 .cases = ARENA_ARRAY(a, GradedCase, e->n_cases),
                 .graders = ARENA_ARRAY(a, GradedSums, e->n_graders) };
    for (size_t i = 0; i < e->n_cases; i++)
        g.cases[i].of = &e->cases[i];
    for (size_t i = 0; value_is(items, V_LIST) && i < items.len; i++) {
        GradedCase *c = case_of(&g, items.items[i], i);
        if (c)
            grade(e, c->of, items.items[i], a, room_for_one(c, a));
    }
    sum(&g, a, value_is(items, V_LIST) ? items.len : 0);
    g.judges_nano = MAX(answer_count(document, "cost_nano") - g.cost_nano, 0);
    *ret = g;
}

static bool solved(const GradedCase *c) { return c->n && c->passed == c->n; }

size_t graded_worse(const Graded *now, const Graded *before) {
    size_t n = 0;
    for (size_t i = 0; i < now->eval->n_cases; i++)
        n += solved(&before->cases[i]) && !solved(&now->cases[i]);
    return n;
}

/* ---- text -------------------------------------------------------------------------------------------------------------- */

#define WHAT 22
#define COLUMN 18

static void write_cell(Buf *b, Buf *cell) {
    Str s = buf_str(cell);
    buf_fmt(b, "%-*.*s", COLUMN, STR_FMT(s));
    buf_reset(cell);
}

typedef void CellOf(Buf *b, const Graded *g, size_t n);

static void cell_grader(Buf *b, const Graded *g, size_t n) {
    buf_fmt(b, "%zu of %zu", g->graders[n].passed, g->runs);
    if (g->eval->graders[n].pass != 1 || g->eval->graders[n].kind == GRADER_JUDGE)
        buf_fmt(b, ", %.2f", g->graders[n].score);
}
static void cell_solved(Buf *b, const Graded *g, UNUSED size_t n) {
    buf_fmt(b, "%zu of %zu", g->solved, g->eval->n_cases);
}
static void cell_cost(Buf *b, const Graded *g, UNUSED size_t n) { money_write(b, g->cost_nano); }
static void cell_judges(Buf *b, const Graded *g, UNUSED size_t n) {
    money_write(b, g->judges_nano);
}
static void cell_tokens(Buf *b, const Graded *g, UNUSED size_t n) { words_count(b, g->tokens); }
static void cell_calls(Buf *b, const Graded *g, UNUSED size_t n) { words_count(b, g->calls); }
static void cell_p50(Buf *b, const Graded *g, UNUSED size_t n) {
    words_duration_us(b, g->p50_ms * 1000);
}
static void cell_max(Buf *b, const Graded *g, UNUSED size_t n) {
    words_duration_us(b, g->max_ms * 1000);
}

static void write_line(Buf *b, Str what, CellOf *cell, const Graded *now, const Graded *before,
                       size_t n) {
    Buf one = BUF_INIT(256);
    buf_fmt(b, "%-*.*s ", WHAT, STR_FMT(what));
    cell(&one, now, n);
    write_cell(b, &one);
    if (before) {
        cell(&one, before, n);
        write_cell(b, &one);
    }
    buf_deinit(&one);
    while (b->len && b->p[b->len - 1] == ' ')
        b->len--;
    buf_char(b, '\n');
}

static void write_sums(Buf *b, const Graded *now, const Graded *before, const Ink *ink, Arena *a) {
    const Eval *e = now->eval;
    buf_fmt(b, "%s%-*s %-*s%s%s\n", ink_dim(ink), WHAT, "", before ? COLUMN : 0, "now",
            before ? "last time" : "", ink_end(ink));
    for (size_t i = 0; i < e->n_graders; i++) {
        const Grader *g = &e->graders[i];
        Str what = g->pass == 1 ? g->name : arena_fmt(a, "%.*s >= %g", STR_FMT(g->name), g->pass);
        write_line(b, what, cell_grader, now, before, i);
    }
    Str all = e->runs > 1 ? arena_fmt(a, "cases, pass^%lld", (long long)e->runs) : STR("cases");
    write_line(b, all, cell_solved, now, before, 0);
    write_line(b, STR("cost"), cell_cost, now, before, 0);
    if (now->judges_nano || (before && before->judges_nano))
        write_line(b, STR("cost of judging"), cell_judges, now, before, 0);
    write_line(b, STR("tokens"), cell_tokens, now, before, 0);
    write_line(b, STR("model calls"), cell_calls, now, before, 0);
    write_line(b, STR("duration, median"), cell_p50, now, before, 0);
    write_line(b, STR("duration, longest"), cell_max, now, before, 0);
}

static Str case_name(const Case *c, Arena *a) {
    return c->name.len ? c->name : value_plain(a, c->input);
}

static void write_run(Buf *b, const Eval *e, const GradedRun *r, Arena *a) {
    buf_str_add(b, STR("    "));
    for (size_t i = 0; i < e->n_graders && r->ok; i++)
        if (r->scores[i] < e->graders[i].pass)
            buf_fmt(b, "%.*s %.3g  ", STR_FMT(e->graders[i].name), r->scores[i]);
    words_clean(b, r->ok ? value_plain(a, r->output) : r->error, 100);
    buf_char(b, '\n');
    if (r->ok && r->error.len) {
        buf_str_add(b, STR("    "));
        words_clean(b, r->error, 100);
        buf_char(b, '\n');
    }
}

/* A case that is not solved: what is expected of it, and each run that did not pass. */
static void write_case(Buf *b, const Eval *e, const GradedCase *c, const GradedCase *before,
                       const Ink *ink, Arena *a) {
    buf_fmt(b, "%s✗%s ", ink_status(ink, STATUS_FAILED), ink_end(ink));
    words_clean(b, case_name(c->of, a), 80);
    if (c->n > 1)
        buf_fmt(b, "  passed %zu of %zu", c->passed, c->n);
    if (before && solved(before))
        buf_fmt(b, "  %sworse than last time%s", ink_bold(ink), ink_end(ink));
    buf_char(b, '\n');
    if (!value_absent(c->of->expected)) {
        buf_str_add(b, STR("    expected  "));
        words_clean(b, value_plain(a, c->of->expected), 100);
        buf_char(b, '\n');
    }
    for (size_t i = 0; i < c->n; i++)
        if (!c->runs[i].passed)
            write_run(b, e, &c->runs[i], a);
}

void graded_write(Buf *b, const Graded *now, const Graded *before, const Ink *ink) {
    Arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < now->eval->n_cases; i++)
        if (!solved(&now->cases[i]))
            write_case(b, now->eval, &now->cases[i], before ? &before->cases[i] : NULL, ink, &a);
    if (now->solved < now->eval->n_cases)
        buf_char(b, '\n');
    write_sums(b, now, before, ink, &a);
    arena_deinit(&a);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static Value run_value(const Eval *e, const GradedRun *r, Arena *a) {
    MapBuilder m = map_builder(a), scores = map_builder(a);
    for (size_t i = 0; i < e->n_graders && r->ok; i++)
        map_adds(&scores, e->graders[i].name, value_double(r->scores[i]));
    map_addz(&m, "passed", value_bool(r->passed));
    map_addz(&m, "scores", map_done(&scores, NULL));
    map_addz(&m, "output", r->output);
    map_add_text(&m, "error", r->error);
    map_addz(&m, "cost_nano", value_int(r->cost_nano));
    map_addz(&m, "tokens", value_int(r->tokens));
    map_addz(&m, "calls", value_int(r->calls));
    map_addz(&m, "took_ms", value_int(r->took_ms));
    return map_done(&m, NULL);
}

static Value case_value(const Eval *e, const GradedCase *c, const GradedCase *before, Arena *a) {
    MapBuilder m = map_builder(a);
    ListBuilder runs = list_builder(a);
    for (size_t i = 0; i < c->n; i++)
        list_add(&runs, run_value(e, &c->runs[i], a));
    map_add_text(&m, "name", c->of->name);
    map_addz(&m, "input", c->of->input);
    if (!value_absent(c->of->expected))
        map_addz(&m, "expected", c->of->expected);
    map_addz(&m, "solved", value_bool(solved(c)));
    if (before && before->n)
        map_addz(&m, "solved_last_time", value_bool(solved(before)));
    map_addz(&m, "runs", list_done(&runs));
    return map_done(&m, NULL);
}

static Value sums_value(const Graded *g, Arena *a) {
    const Eval *e = g->eval;
    MapBuilder m = map_builder(a), graders = map_builder(a);
    for (size_t i = 0; i < e->n_graders; i++) {
        MapBuilder one = map_builder(a);
        map_addz(&one, "score", value_double(g->graders[i].score));
        map_addz(&one, "passed", value_int((int64_t)g->graders[i].passed));
        map_adds(&graders, e->graders[i].name, map_done(&one, NULL));
    }
    map_addz(&m, "run", value_str(g->run));
    map_addz(&m, "runs", value_int((int64_t)g->runs));
    map_addz(&m, "solved", value_int((int64_t)g->solved));
    map_addz(&m, "graders", map_done(&graders, NULL));
    map_addz(&m, "cost_nano", value_int(g->cost_nano));
    map_addz(&m, "judges_cost_nano", value_int(g->judges_nano));
    map_addz(&m, "tokens", value_int(g->tokens));
    map_addz(&m, "calls", value_int(g->calls));
    map_addz(&m, "took_ms_median", value_int(g->p50_ms));
    map_addz(&m, "took_ms_longest", value_int(g->max_ms));
    return map_done(&m, NULL);
}

Value graded_value(const Graded *now, const Graded *before, Arena *a) {
    MapBuilder m = map_builder(a);
    ListBuilder cases = list_builder(a);
    for (size_t i = 0; i < now->eval->n_cases; i++)
        list_add(&cases,
                 case_value(now->eval, &now->cases[i], before ? &before->cases[i] : NULL, a));
    map_addz(&m, "name", value_str(now->eval->name));
    map_addz(&m, "now", sums_value(now, a));
    map_addz(&m, "last", before ? sums_value(before, a) : VALUE_NULL);
    map_addz(&m, "worse", value_int(before ? (int64_t)graded_worse(now, before) : 0));
    map_addz(&m, "cases", list_done(&cases));
    return map_done(&m, NULL);
}
