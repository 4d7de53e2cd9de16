/* baton routes fit FILE DATA: the thresholds of a router's examples, from texts of which somebody has said where they belong.
 *
 *   DATA: a line of JSON each: { "text": "Where is my order?", "to": "shipping" }; `to` null: it belongs to nobody
 *
 *   accept    the lowest at which --precision of those that are as near go to the right target
 *   abstain   below it: where as many as possible more go right than wrong                                             */
#include "base/json.h"
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/routes.h"
#include "cli/say.h"
#include "spec/plan.h"

#include <stdlib.h>

#define PRECISION_DEFAULT 0.95
#define NOBODY SIZE_MAX

typedef struct Labelled {
    size_t right, nearest; /* targets; NOBODY: none, nothing is like it */
    double nearness;
} Labelled;
typedef struct Fit {
    const Router *router;
    Labelled *rows; /* nearest first */
    size_t n;
    double accept, abstain, precision; /* precision: reached from `accept` on */
    size_t accepted;
} Fit;

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static size_t target_named(const Router *r, Str name) {
    for (size_t i = 0; i < r->n_targets; i++)
        if (str_eq(r->targets[i].step->name, name))
            return i;
    return NOBODY;
}

static void compare(const Router *r, Str text, Labelled *row) {
    Embedding e;
    embed_text(text, &e);
    row->nearest = NOBODY;
    row->nearness = 0;
    for (size_t i = 0; i < r->n_targets; i++) {
        double nearness = r->targets[i].centre ? embed_nearness(&e, r->targets[i].centre) : 0;
        if (nearness > row->nearness) {
            row->nearness = nearness;
            row->nearest = i;
        }
    }
}

static int bad_line(const char *path, unsigned line, const char *why) {
    return say_error(EXIT_USAGE, "%s:%u: %s",
                     "a line is like {\"text\": \"Where is my order?\", \"to\": \"shipping\"}",
                     path, line, why);
}

static int read_line(Args *args, const Router *r, const char *path, unsigned line, Str text,
                     Labelled *row) {
    JsonError error;
    Value v;
    if (json_read(args->arena, text, &v, &error) != 0)
        return bad_line(path, line, error.message);
    Value said = value_getz(v, "text"), to = value_getz(v, "to");
    if (said.type != V_STRING)
        return bad_line(path, line, "no `text`");
    if (to.type != V_STRING && to.type != V_NULL)
        return bad_line(path, line, "`to` is the name of a target, or null");
    row->right = to.type == V_STRING ? target_named(r, value_as_str(to)) : NOBODY;
    if (to.type == V_STRING && row->right == NOBODY)
        return bad_line(path, line, "the router has no such target");
    compare(r, value_as_str(said), row);
    return 0;
}

static int read_data(Args *args, const char *path, Fit *fit) {
    Str all;
    int code = place_read_file(args->arena, path, LIMIT_JSON_BYTES, &all);
    size_t lines = 1;
    for (size_t i = 0; code == 0 && i < all.len; i++)
        lines += all.p[i] == '\n';
    fit->rows = code == 0 ? ARENA_ARRAY(args->arena, Labelled, lines) : NULL;
    for (unsigned line = 1; code == 0 && all.len; line++) {
        ptrdiff_t end = str_find(all, STR("\n"));
        Str text = str_slice(all, 0, end < 0 ? all.len : (size_t)end);
        all = str_slice(all, MIN(text.len + 1, all.len), all.len);
        if (text.len && !str_is(text, "\r"))
            code = read_line(args, fit->router, path, line, text, &fit->rows[fit->n++]);
    }
    if (code == 0 && fit->n == 0)
        return say_error(EXIT_USAGE, "%s has no lines", "", path);
    return code;
}

/* The one step that routes, or the one that --step names. */
static int find_router(Args *args, const Plan *plan, const Router **ret) {
    const char *named = args->values[ROUTES_STEP];
    const Node *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const Node *node = plan->nodes[i];
        if (node->router && node->router->examples &&
            (!named || str_eq(node->name, str_from(named)))) {
            found = node;
            n++;
        }
    }
    if (n == 0)
        return say_error(EXIT_USAGE, "no `route` with `examples` here", "");
    if (n > 1)
        return say_error(EXIT_USAGE, "several steps route by examples", "say which: --step STEP");
    *ret = found->router;
    return 0;
}

/* ---- thresholds ------------------------------------------------------------------------------------------------------ */

static int nearest_first(const void *a, const void *b) {
    const Labelled *x = a, *y = b;
    return (x->nearness < y->nearness) - (x->nearness > y->nearness);
}

static bool goes_right(const Labelled *l) { return l->nearest != NOBODY && l->nearest == l->right; }

/* How many are as near as this: those of equal nearness go together. */
static size_t as_near(const Fit *fit, double threshold) {
    size_t n = 0;
    while (n < fit->n && fit->rows[n].nearness >= threshold && fit->rows[n].nearest != NOBODY)
        n++;
    return n;
}

static size_t right_among(const Fit *fit, size_t from, size_t to) {
    size_t right = 0;
    for (size_t i = from; i < to; i++)
        right += goes_right(&fit->rows[i]);
    return right;
}

/* Texts that belong to somebody. */
static size_t belong(const Fit *fit) {
    size_t n = 0;
    for (size_t i = 0; i < fit->n; i++)
        n += fit->rows[i].right != NOBODY;
    return n;
}

/* In the middle of the gap below the nearest n, where that can be written with two digits: a text like them is then let
 * through, and one like those behind them is not. */
static double between(const Fit *fit, size_t n, double threshold) {
    double below = n < fit->n ? fit->rows[n].nearness : 0;
    double middle = (double)(int)((fit->rows[n - 1].nearness + below) * 50 + 0.5) / 100;
    return as_near(fit, middle) == n ? middle : threshold;
}

static void find_accept(Fit *fit, double wanted) {
    double best = -1;
    fit->accept = 1;
    for (int step = 100; step > 0; step--) {
        size_t n = as_near(fit, step / 100.0);
        double precision = n ? (double)right_among(fit, 0, n) / (double)n : -1;
        if (n == 0 || (precision < wanted && precision <= best))
            continue;
        fit->accept = step / 100.0;
        fit->accepted = n;
        fit->precision = best = precision;
    }
    if (fit->accepted)
        fit->accept = between(fit, fit->accepted, fit->accept);
}

static void find_abstain(Fit *fit) {
    int64_t best = 0;
    fit->abstain = fit->accept;
    for (int step = (int)(fit->accept * 100 + 0.5); step > 0; step--) {
        size_t n = as_near(fit, step / 100.0);
        size_t right = right_among(fit, fit->accepted, n), wrong = n - fit->accepted - right;
        if ((int64_t)right - (int64_t)wrong <= best)
            continue;
        best = (int64_t)right - (int64_t)wrong;
        fit->abstain = between(fit, n, step / 100.0);
    }
}

/* ---- what it says ---------------------------------------------------------------------------------------------------- */

static Str name_of(const Router *r, size_t target) {
    return target == NOBODY ? STR("nobody") : r->targets[target].step->name;
}

/* Where a text would go by the examples alone. */
static size_t goes_to(const Fit *fit, const Labelled *l) {
    return l->nearness >= fit->abstain ? l->nearest : NOBODY;
}

static int64_t count_of(const Fit *fit, size_t right, size_t chosen) {
    int64_t n = 0;
    for (size_t i = 0; i < fit->n; i++)
        n += fit->rows[i].right == right && goes_to(fit, &fit->rows[i]) == chosen;
    return n;
}

static void write_confusion(Buf *b, const Fit *fit) {
    const Router *r = fit->router;
    Ink ink = say_ink(1);
    buf_fmt(b, "%s%-16s", ink_dim(&ink), "BELONGS TO");
    for (size_t k = 0; k <= r->n_targets; k++)
        buf_fmt(b, " %10.*s", STR_FMT(name_of(r, k < r->n_targets ? k : NOBODY)));
    buf_fmt(b, "%s\n", ink_end(&ink));
    for (size_t i = 0; i <= r->n_targets; i++) {
        size_t right = i < r->n_targets ? i : NOBODY;
        buf_fmt(b, "%-16.*s", STR_FMT(name_of(r, right)));
        for (size_t k = 0; k <= r->n_targets; k++)
            buf_fmt(b, " %10lld", (long long)count_of(fit, right, k < r->n_targets ? k : NOBODY));
        buf_char(b, '\n');
    }
}

static long long percent(size_t part, size_t whole) {
    return whole ? (long long)(100 * part / whole) : 0;
}

static void print(const Fit *fit) {
    Buf b = BUF_INIT(16 * MIB);
    size_t more = as_near(fit, fit->abstain) - fit->accepted;
    buf_fmt(&b, "%zu texts; of those that belong to a target %lld%% are nearest to it\n", fit->n,
            percent(right_among(fit, 0, fit->n), belong(fit)));
    buf_fmt(&b, "accept %.2f: %lld%% of the texts, %lld%% of those right\n", fit->accept,
            percent(fit->accepted, fit->n),
            percent(right_among(fit, 0, fit->accepted), fit->accepted));
    buf_fmt(&b, "abstain %.2f: %lld%% more where nobody is surer, %lld%% of those right\n\n",
            fit->abstain, percent(more, fit->n),
            percent(right_among(fit, fit->accepted, fit->accepted + more), more));
    write_confusion(&b, fit);
    buf_fmt(&b, "\n      examples: { accept: %.2f, abstain: %.2f }\n", fit->accept, fit->abstain);
    out_str(buf_str(&b));
    buf_deinit(&b);
}

static void print_json(Args *args, const Fit *fit) {
    MapBuilder m = map_builder(args->arena);
    ListBuilder rows = list_builder(args->arena);
    const Router *r = fit->router;
    for (size_t i = 0; i <= r->n_targets; i++)
        for (size_t k = 0; k <= r->n_targets; k++) {
            size_t right = i < r->n_targets ? i : NOBODY, chosen = k < r->n_targets ? k : NOBODY;
            MapBuilder cell = map_builder(args->arena);
            if (count_of(fit, right, chosen) == 0)
                continue;
            map_addz(&cell, "belongs_to", value_str(name_of(r, right)));
            map_addz(&cell, "goes_to", value_str(name_of(r, chosen)));
            map_addz(&cell, "n", value_int(count_of(fit, right, chosen)));
            list_add(&rows, map_done(&cell, NULL));
        }
    map_addz(&m, "texts", value_int((int64_t)fit->n));
    map_addz(&m, "belong", value_int((int64_t)belong(fit)));
    map_addz(&m, "nearest_right", value_int((int64_t)right_among(fit, 0, fit->n)));
    map_addz(&m, "accept", value_double(fit->accept));
    map_addz(&m, "accepted", value_int((int64_t)fit->accepted));
    map_addz(&m, "precision", value_double(fit->precision));
    map_addz(&m, "abstain", value_double(fit->abstain));
    map_addz(&m, "confusion", list_done(&rows));
    out_json(map_done(&m, NULL));
}

int routes_fit(Args *args) {
    const char *wanted = args->values[ROUTES_PRECISION];
    Fit fit = { 0 };
    Plan *plan = NULL;
    Str closure;
    double precision = PRECISION_DEFAULT;
    if (args->n_words != 3)
        return say_error(EXIT_USAGE, "`routes fit` takes a workflow and labelled texts",
                         "baton routes fit FILE DATA");
    if (wanted) {
        char *end;
        precision = strtod(wanted, &end);
        if (*end || !(precision > 0 && precision <= 1))
            return say_error(EXIT_USAGE, "--precision takes a share, like 0.95", "");
    }
    int code = inputs_look(args, args->words[1], &closure, &plan);
    if (code == 0)
        code = find_router(args, plan, &fit.router);
    if (code == 0)
        code = read_data(args, args->words[2], &fit);
    if (code == 0) {
        qsort(fit.rows, fit.n, sizeof *fit.rows, nearest_first);
        find_accept(&fit, precision);
        find_abstain(&fit);
        if (args->json)
            print_json(args, &fit);
        else
            print(&fit);
    }
    plan_free(plan);
    return code;
}
