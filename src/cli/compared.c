#include "cli/compared.h"

#include "base/limits.h"
#include "base/money.h"

#include <stdlib.h>

/* ---- sums -------------------------------------------------------------------------------------------------------------- */

typedef struct Sums {
    size_t ok;
    double score;
    int64_t cost_nano, tokens, calls;
    int64_t p50_ms, max_ms;
} Sums;

static int by_size(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static bool succeeded(const ComparedRun *r) { return str_is(r->status, "succeeded"); }

static Sums sums_of(const Compared *c, size_t which) {
    Sums s = { 0 };
    int64_t *took = xcalloc(c->n + 1, sizeof *took);
    for (size_t i = 0; i < c->n; i++) {
        const ComparedRun *r = &c->rows[i].of[which];
        s.ok += succeeded(r);
        s.score += r->score;
        s.cost_nano += r->cost_nano;
        s.tokens += r->tokens;
        s.calls += r->calls;
        took[i] = r->took_ms;
    }
    qsort(took, c->n, sizeof *took, by_size);
    s.p50_ms = c->n ? took[(c->n - 1) / 2] : 0;
    s.max_ms = c->n ? took[c->n - 1] : 0;
    free(took);
    return s;
}

static double same_of(const Compared *c) {
    double same = 0;
    for (size_t i = 0; i < c->n; i++)
        same += c->rows[i].same;
    return same;
}

/* ---- text -------------------------------------------------------------------------------------------------------------- */

static Str text_of(Arena *a, Buf *b) {
    Str s = arena_str(a, buf_str(b));
    buf_deinit(b);
    return s;
}

static Str money_text(Arena *a, int64_t nano) {
    Buf b = BUF_INIT(64);
    money_write(&b, nano);
    return text_of(a, &b);
}

static Str count_text(Arena *a, int64_t n) {
    Buf b = BUF_INIT(64);
    words_count(&b, n);
    return text_of(a, &b);
}

static Str ms_text(Arena *a, int64_t ms) {
    Buf b = BUF_INIT(64);
    words_duration_us(&b, ms * 1000);
    return text_of(a, &b);
}

/* "2.3x" of B beside A; nothing where A has none. */
static Str times(Arena *a, int64_t first, int64_t second) {
    return first > 0 ? arena_fmt(a, "%.1fx", (double)second / (double)first) : STR("");
}

static void write_line(Buf *b, const char *what, Str first, Str second, Str ratio) {
    buf_fmt(b, "%-18s %-22.*s %-*.*s%s%.*s\n", what, STR_FMT(first), ratio.len ? 22 : 0,
            STR_FMT(second), ratio.len ? " " : "", STR_FMT(ratio));
}

static Str score_text(Arena *a, double score, size_t n) {
    return score == (double)(int64_t)score ? arena_fmt(a, "%lld of %zu", (long long)score, n)
                                           : arena_fmt(a, "%.2f of %zu", score, n);
}

static void write_sums(Buf *b, const Compared *c, const Sums *x, const Sums *y, Arena *a) {
    write_line(b, "succeeded", score_text(a, (double)x->ok, c->n),
               score_text(a, (double)y->ok, c->n), STR(""));
    if (c->check)
        write_line(b, "check", score_text(a, x->score, c->n), score_text(a, y->score, c->n),
                   STR(""));
    write_line(b, "same output", STR(""), score_text(a, same_of(c), c->n), STR(""));
    write_line(b, "cost", money_text(a, x->cost_nano), money_text(a, y->cost_nano),
               times(a, x->cost_nano, y->cost_nano));
    write_line(b, "tokens", count_text(a, x->tokens), count_text(a, y->tokens),
               times(a, x->tokens, y->tokens));
    write_line(b, "model calls", count_text(a, x->calls), count_text(a, y->calls),
               times(a, x->calls, y->calls));
    write_line(b, "duration, median", ms_text(a, x->p50_ms), ms_text(a, y->p50_ms),
               times(a, x->p50_ms, y->p50_ms));
    write_line(b, "duration, longest", ms_text(a, x->max_ms), ms_text(a, y->max_ms),
               times(a, x->max_ms, y->max_ms));
}

static void write_run(Buf *b, const Compared *c, const ComparedRun *r, size_t which, Arena *a) {
    Str text = succeeded(r) ? value_plain(a, r->output)
                            : arena_fmt(a, "%.*s %.*s", STR_FMT(r->status), STR_FMT(r->error));
    buf_fmt(b, "  %c ", which ? 'B' : 'A');
    if (c->check)
        buf_fmt(b, "%-5.2g ", r->score);
    words_clean(b, text, 100);
    buf_char(b, '\n');
}

static void write_row(Buf *b, const Compared *c, const ComparedRow *r, Arena *a) {
    Str input = value_plain(a, r->input);
    buf_str_add(b, r->same >= 1 ? STR("= ") : STR("! "));
    words_clean(b, input, 110);
    buf_char(b, '\n');
    if (r->same >= 1 && succeeded(&r->of[0]))
        return;
    write_run(b, c, &r->of[0], 0, a);
    write_run(b, c, &r->of[1], 1, a);
}

void compared_write(Buf *b, const Compared *c, const Ink *ink) {
    Arena a;
    Sums x = sums_of(c, 0), y = sums_of(c, 1);
    arena_init(&a, 0);
    for (size_t i = 0; i < c->n; i++)
        write_row(b, c, &c->rows[i], &a);
    buf_fmt(b, "\n%s%-18s %-22.22s %-22.22s %s%s\n", ink_dim(ink), "", c->files[0], c->files[1],
            "B to A", ink_end(ink));
    write_sums(b, c, &x, &y, &a);
    arena_deinit(&a);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static Value run_value(const ComparedRun *r, bool checked, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "run", value_str(r->id));
    map_addz(&m, "status", value_str(r->status));
    map_addz(&m, "output", r->output);
    map_add_text(&m, "error", r->error);
    if (checked)
        map_addz(&m, "check", value_double(r->score));
    map_addz(&m, "cost_nano", value_int(r->cost_nano));
    map_addz(&m, "tokens", value_int(r->tokens));
    map_addz(&m, "calls", value_int(r->calls));
    map_addz(&m, "took_ms", value_int(r->took_ms));
    return map_done(&m, NULL);
}

static Value row_value(const ComparedRow *r, bool checked, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "input", r->input);
    if (!value_absent(r->expected))
        map_addz(&m, "expected", r->expected);
    map_addz(&m, "same", value_double(r->same));
    map_addz(&m, "a", run_value(&r->of[0], checked, a));
    map_addz(&m, "b", run_value(&r->of[1], checked, a));
    return map_done(&m, NULL);
}

static Value sums_value(const Compared *c, size_t which, Arena *a) {
    Sums s = sums_of(c, which);
    MapBuilder m = map_builder(a);
    map_addz(&m, "file", value_str(str_from(c->files[which])));
    map_addz(&m, "succeeded", value_int((int64_t)s.ok));
    if (c->check)
        map_addz(&m, "check", value_double(s.score));
    map_addz(&m, "cost_nano", value_int(s.cost_nano));
    map_addz(&m, "tokens", value_int(s.tokens));
    map_addz(&m, "calls", value_int(s.calls));
    map_addz(&m, "took_ms_median", value_int(s.p50_ms));
    map_addz(&m, "took_ms_longest", value_int(s.max_ms));
    return map_done(&m, NULL);
}

Value compared_value(const Compared *c, Arena *a) {
    ListBuilder rows = list_builder(a);
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < c->n; i++)
        list_add(&rows, row_value(&c->rows[i], c->check != NULL, a));
    map_addz(&m, "inputs", value_int((int64_t)c->n));
    map_addz(&m, "same", value_double(same_of(c)));
    map_addz(&m, "a", sums_value(c, 0, a));
    map_addz(&m, "b", sums_value(c, 1, a));
    map_addz(&m, "rows", list_done(&rows));
    return map_done(&m, NULL);
}
