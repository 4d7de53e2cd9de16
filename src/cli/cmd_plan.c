/* baton plan: what a workflow can cost, before anything runs. */
#include "base/limits.h"
#include "base/money.h"
#include "base/time.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "host/host.h"
#include "kernel/forecast.h"

/* The newest runs of a workflow, of those that succeeded, are what is expected of the next. */
#define RUNS_LOOKED_AT 1000
#define RUNS_COUNTED 50

/* ---- what was recorded ---- */

typedef struct Past {
    int64_t n, calls, tokens, cost;             /* sums */
    int64_t most_calls, most_tokens, most_cost; /* of one run */
} Past;

static int64_t count_of(Value run, const char *key) {
    Value v = value_getz(run, key);
    return value_is(v, V_INT) ? v.i : 0;
}

static void add_run(Past *r, Value run) {
    int64_t calls = count_of(run, "calls"), tokens = count_of(run, "tokens"),
            cost = count_of(run, "cost_nano");
    r->n++;
    r->calls += calls;
    r->tokens += tokens;
    r->cost += cost;
    r->most_calls = MAX(r->most_calls, calls);
    r->most_tokens = MAX(r->most_tokens, tokens);
    r->most_cost = MAX(r->most_cost, cost);
}

static bool is_of(Value run, Str workflow) {
    Value name = value_getz(run, "workflow"), status = value_getz(run, "status");
    return value_is(name, V_STRING) && str_eq(value_as_str(name), workflow) &&
           value_is(status, V_STRING) && str_is(value_as_str(status), "succeeded");
}

/* No journal here is no mistake: then nothing was recorded. */
static Past look_back(Args *args, Str workflow) {
    Link *link = NULL;
    Past r = { 0 };
    Value answer;
    char problem[HOST_PROBLEM_BYTES];
    LinkOptions options = { .dir = place_data(args), .mode = LINK_READ };
    if (link_open(&options, &link, problem) != 0)
        return r;
    Str query = arena_fmt(args->arena, "limit=%d&state=done", RUNS_LOOKED_AT);
    if (place_ask(args, link, API_GET, STR("/v1/runs"), query, VALUE_ABSENT, &answer) == 0) {
        Value runs = value_getz(answer, "runs");
        for (size_t i = 0; i < runs.len && r.n < RUNS_COUNTED; i++)
            if (is_of(runs.items[i], workflow))
                add_run(&r, runs.items[i]);
    }
    link_close(link, 0);
    return r;
}

/* ---- as text ---- */

static void write_amount(Buf *b, Bound bound, int64_t n) {
    if (n == FORECAST_UNBOUNDED)
        buf_str_add(b, STR("no bound"));
    else if (bound == BOUND_COST) /* four decimals, rounded up */
        money_write(b, n < FORECAST_UNBOUNDED / 2 ? (n + 99999) / 100000 * 100000 : n);
    else if (bound == BOUND_TOKENS)
        words_count(b, n);
    else
        bound_write(b, bound, n);
}

static Str text_of_amount(Arena *a, Bound bound, int64_t n) {
    Buf b = BUF_INIT(256);
    write_amount(&b, bound, n);
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static Str span(Arena *a, Bound bound, int64_t expected, int64_t worst) {
    if (worst == 0)
        return STR("-");
    Str low = text_of_amount(a, bound, expected), high = text_of_amount(a, bound, worst);
    return str_eq(low, high) ? low : arena_fmt(a, "%.*s to %.*s", STR_FMT(low), STR_FMT(high));
}

static void write_row(Buf *b, Arena *a, Str name, Str often, const Load *expected,
                      const Load *worst) {
    buf_fmt(b, "%-28.*s %-12.*s %-12.*s %-18.*s %-20.*s %.*s\n", STR_FMT(name), STR_FMT(often),
            STR_FMT(span(a, BOUND_CALLS, expected->of[BOUND_CALLS], worst->of[BOUND_CALLS])),
            STR_FMT(span(a, BOUND_TOKENS, expected->of[BOUND_TOKENS], worst->of[BOUND_TOKENS])),
            STR_FMT(span(a, BOUND_COST, expected->of[BOUND_COST], worst->of[BOUND_COST])),
            STR_FMT(worst->time_ms ? text_of_amount(a, BOUND_TIME, worst->time_ms) : STR("-")));
}

static Str often(Arena *a, const ForecastStep *s) {
    Buf b = BUF_INIT(128);
    write_amount(&b, BOUND_CALLS, s->times);
    if (s->per_item)
        buf_str_add(&b, STR(" per item"));
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static void write_table(Buf *b, Arena *a, const Forecast *f) {
    Ink ink = say_ink(1);
    buf_fmt(b, "%s%-28s %-12s %-12s %-18s %-20s %s%s\n", ink_dim(&ink), "STEP", "AT MOST", "CALLS",
            "TOKENS", "COST", "TIME", ink_end(&ink));
    for (size_t i = 0; i < f->n_steps; i++) {
        const ForecastStep *s = &f->steps[i];
        Str name = s->node->handler_of ? STR("on_error") : s->node->name;
        name = arena_fmt(a, "%*s%.*s", (int)(2 * s->depth), "", STR_FMT(name));
        write_row(b, a, name, often(a, s), &s->expected, &s->worst);
    }
    write_row(b, a, STR("in all"), f->per_item ? STR("one item") : STR(""), &f->expected,
              &f->worst);
}

static void write_cut(Buf *b, const ForecastCut *c) {
    buf_fmt(b, "  limit of %s%s%.*s%s (%.*s:%u): ", bound_name(c->bound),
            c->path.len ? " of `" : "", STR_FMT(c->path), c->path.len ? "`" : "",
            STR_FMT(c->pos.file), c->pos.line);
    bound_write(b, c->bound, c->most);
    buf_str_add(b, c->bound == BOUND_DEPTH ? STR(", the worst case goes deeper")
                                           : STR(", the worst case is "));
    if (c->bound != BOUND_DEPTH)
        write_amount(b, c->bound == BOUND_DEADLINE ? BOUND_TIME : c->bound, c->worst);
    buf_char(b, '\n');
}

static void write_recorded(Buf *b, const Past *r, Str workflow) {
    buf_fmt(b, "recorded: %lld run%s of %.*s that succeeded: ", (long long)r->n,
            r->n == 1 ? "" : "s", STR_FMT(workflow));
    buf_fmt(b, "%lld calls, ", (long long)(r->calls / r->n));
    words_count(b, r->tokens / r->n);
    buf_str_add(b, STR(" tokens, cost "));
    money_write(b, r->cost / r->n);
    buf_fmt(b, " on average; at most %lld calls, ", (long long)r->most_calls);
    words_count(b, r->most_tokens);
    buf_str_add(b, STR(" tokens, cost "));
    money_write(b, r->most_cost);
    buf_char(b, '\n');
}

static void write_prices(Buf *b, const Plan *plan, const Forecast *f, Arena *a) {
    if (prices_days(plan) > PRICES_OLD_DAYS)
        buf_fmt(b, "prices: %.*s is %lld days old: look them up again and set `dated`\n",
                STR_FMT(plan->prices_file), (long long)prices_days(plan));
    for (size_t i = 0; i < f->n_unpriced; i++)
        buf_fmt(b, "prices: %.*s has none and is not in these figures: %.*s\n",
                STR_FMT(f->unpriced[i]), STR_FMT(plan_price_line(plan, f->unpriced[i], a)));
}

static void print_text(Args *args, const Plan *plan, const Forecast *f, const Past *r) {
    Buf b = BUF_INIT(16 * MIB);
    write_table(&b, args->arena, f);
    buf_fmt(&b,
            "at most %.*s conversations with agents, %lld level%s of conversations and calls of "
            "workflows, and %.*s retries\n",
            STR_FMT(text_of_amount(args->arena, BOUND_CALLS, f->worst.of[BOUND_AGENTS])),
            (long long)f->worst.depth, f->worst.depth == 1 ? "" : "s",
            STR_FMT(text_of_amount(args->arena, BOUND_CALLS, f->worst.of[BOUND_RETRIES])));
    if (f->per_item)
        buf_str_add(&b, STR("a list whose length only a run knows counts as one item\n"));
    if (f->circle.len)
        buf_fmt(
            &b,
            "%.*s is called while it runs: as often as `limits.depth` or %d levels let it, expected "
            "once\n",
            STR_FMT(f->circle), LIMIT_CALL_DEPTH);
    if (f->n_cuts)
        buf_str_add(&b, STR("cut by limits:\n"));
    for (size_t i = 0; i < f->n_cuts; i++)
        write_cut(&b, &f->cuts[i]);
    if (r->n)
        write_recorded(&b, r, plan->name);
    else
        buf_str_add(&b, STR("recorded: no run of it has succeeded here yet\n"));
    buf_fmt(
        &b,
        "assumed: what no file says is %d bytes, of an input and of a tool's result. Worst: a byte is a token, "
        "every answer as long as it may be, every retry, fallback and turn. Expected: four bytes are a "
        "token, a quarter of the longest answer, nothing goes wrong\n",
        FORECAST_INPUT_BYTES);
    write_prices(&b, plan, f, args->arena);
    out_str(buf_str(&b));
    buf_deinit(&b);
}

/* ---- as JSON ---- */

static Value amount_value(int64_t n) { return n == FORECAST_UNBOUNDED ? VALUE_NULL : value_int(n); }

static Value load_value(const Load *l, bool time, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "calls", amount_value(l->of[BOUND_CALLS]));
    map_addz(&m, "tokens", amount_value(l->of[BOUND_TOKENS]));
    map_addz(&m, "cost_nano", amount_value(l->of[BOUND_COST]));
    map_addz(&m, "agents", amount_value(l->of[BOUND_AGENTS]));
    if (time) {
        map_addz(&m, "retries", amount_value(l->of[BOUND_RETRIES]));
        map_addz(&m, "time_ms", amount_value(l->time_ms));
    }
    return map_done(&m, NULL);
}

static Value step_value(const ForecastStep *s, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "step", value_str(s->path));
    map_addz(&m, "file", value_str(arena_str(a, s->node->pos.file)));
    map_addz(&m, "line", value_int(s->node->pos.line));
    map_addz(&m, "times", amount_value(s->times));
    map_addz(&m, "per_item", value_bool(s->per_item));
    map_addz(&m, "expected", load_value(&s->expected, false, a));
    map_addz(&m, "worst", load_value(&s->worst, true, a));
    return map_done(&m, NULL);
}

static Value cut_value(const ForecastCut *c, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "limit", value_str(str_from(bound_name(c->bound))));
    map_addz(&m, "of", value_str(c->path));
    map_addz(&m, "file", value_str(arena_str(a, c->pos.file)));
    map_addz(&m, "line", value_int(c->pos.line));
    map_addz(&m, "most", value_int(c->most));
    map_addz(&m, "worst", amount_value(c->worst));
    return map_done(&m, NULL);
}

static Value recorded_value(const Past *r, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "runs", value_int(r->n));
    if (r->n) {
        map_addz(&m, "calls", value_int(r->calls / r->n));
        map_addz(&m, "tokens", value_int(r->tokens / r->n));
        map_addz(&m, "cost_nano", value_int(r->cost / r->n));
        map_addz(&m, "most_calls", value_int(r->most_calls));
        map_addz(&m, "most_tokens", value_int(r->most_tokens));
        map_addz(&m, "most_cost_nano", value_int(r->most_cost));
    }
    return map_done(&m, NULL);
}

static void print_json(Args *args, const Plan *plan, const Forecast *f, const Past *r) {
    Arena *a = args->arena;
    ListBuilder steps = list_builder(a), cuts = list_builder(a), unpriced = list_builder(a);
    for (size_t i = 0; i < f->n_steps; i++)
        list_add(&steps, step_value(&f->steps[i], a));
    for (size_t i = 0; i < f->n_cuts; i++)
        list_add(&cuts, cut_value(&f->cuts[i], a));
    for (size_t i = 0; i < f->n_unpriced; i++)
        list_add(&unpriced, value_str(f->unpriced[i]));
    MapBuilder m = map_builder(a);
    map_addz(&m, "workflow", value_str(arena_str(a, plan->name)));
    map_addz(&m, "expected", load_value(&f->expected, false, a));
    map_addz(&m, "worst", load_value(&f->worst, true, a));
    map_addz(&m, "depth", value_int(f->worst.depth));
    if (f->circle.len)
        map_addz(&m, "circle", value_str(arena_str(a, f->circle)));
    map_addz(&m, "per_item", value_bool(f->per_item));
    map_addz(&m, "fits", value_bool(f->n_cuts == 0));
    map_addz(&m, "cuts", list_done(&cuts));
    map_addz(&m, "steps", list_done(&steps));
    map_addz(&m, "recorded", recorded_value(r, a));
    map_addz(&m, "unpriced", list_done(&unpriced));
    if (plan->prices_dated_ms)
        map_addz(&m, "prices_days_old", value_int(prices_days(plan)));
    out_json(map_done(&m, NULL));
}

int cmd_plan(Args *args) {
    Str closure;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int code = inputs_look(args, args->words[0], &closure, &plan);
    if (code != 0)
        return code;
    Forecast f = forecast_of(plan, args->arena);
    Past r = look_back(args, plan->name);
    if (args->json)
        print_json(args, plan, &f, &r);
    else
        print_text(args, plan, &f, &r);
    if (!args_flag(args, "check") || f.n_cuts == 0)
        return EXIT_OK;
    say_line("baton: the worst case does not fit the limits");
    return EXIT_USAGE;
}
