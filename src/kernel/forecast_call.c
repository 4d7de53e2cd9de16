/* What one call of a callee can cost. */
#include "kernel/forecast_load.h"

#include "base/limits.h"
#include "kernel/price.h"

/* As shapes/call.c and shapes/agent.c have them where a file says nothing. */
#define RESENDS 2
#define REPAIRS 2
/* How long an attempt may take whose callee says nothing: the executors' own. */
#define MODEL_MS (10 * 60 * 1000)
#define HTTP_MS (60 * 1000)

static const Retry *retry_of(const Node *n) {
    return n->retry.declared ? &n->retry : &n->callee->retry;
}

/* Of one callee: an unknown outcome is asked again also where no policy says so. */
static int64_t retries_of(const Node *n) {
    const Retry *r = retry_of(n);
    return n->callee->kind == CALLEE_SYSTEM ? 0 : r->declared ? r->times : RESENDS;
}

static int64_t length_of(const Template *t) {
    if (!t)
        return 0;
    return t->kind == TEMPLATE_CONST && t->constant.type == V_STRING ? t->constant.len
                                                                     : FORECAST_INPUT_BYTES;
}

static int64_t length_of_value(Value v) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    if (!value_absent(v))
        value_write(&b, v);
    int64_t n = (int64_t)b.len;
    buf_deinit(&b);
    return n;
}

/* The first request of a conversation. */
static int64_t first_bytes(const Node *n, Arena *a) {
    const Callee *c = n->callee;
    int64_t bytes = 256 + (int64_t)c->role.len + length_of(c->instructions) + FORECAST_INPUT_BYTES +
                    length_of_value(c->examples);
    for (size_t i = 0; i < c->n_tools; i++)
        bytes += 64 + (int64_t)c->tools[i].callee->description.len +
                 length_of_value(type_schema(c->tools[i].callee->input, a));
    return bytes;
}

/* Without tools there is a second turn only for an answer that was sent back. */
static int64_t turns_at_most(const Node *n) {
    const Callee *c = n->callee;
    if (c->n_tools)
        return c->turns;
    bool checked = c->output || n->output || c->check || n->check;
    int64_t repairs = n->retry.declared ? n->retry.times : REPAIRS;
    return MIN((int64_t)c->turns, checked ? 1 + repairs : 1);
}

/* Tokens in and out of so many turns: each brings what came before it. */
static int64_t input_of(int64_t first, int64_t more, int64_t turns) {
    return plus(times(first, turns), times(more, turns * (turns - 1) / 2));
}

static int64_t attempt_ms(const Node *n) {
    const Callee *c = n->callee;
    int64_t own = n->timeout_ms && c->kind != CALLEE_MODEL ? n->timeout_ms : c->timeout_ms;
    return own                                                  ? own
           : c->kind == CALLEE_ECHO || c->kind == CALLEE_SYSTEM ? 0
           : c->kind == CALLEE_MODEL                            ? MODEL_MS
           : c->kind == CALLEE_HTTP                             ? HTTP_MS
                                                                : FORECAST_UNBOUNDED;
}

static int64_t delays_ms(const Retry *r, int64_t n) {
    int64_t sum = 0;
    double ms = (double)r->delay_ms;
    for (int64_t i = 0; i < n && i < 1000; i++, ms *= r->factor)
        sum = plus(sum, (int64_t)MIN(ms, (double)r->max_delay_ms));
    return plus(sum, sum / 100 * r->jitter_percent);
}

/* Each call at most once, whatever its retries (hedge.c). */
static int64_t hedge_ms(const Node *n) { return n->hedge_ms ? n->hedge_ms : n->callee->hedge_ms; }
static int64_t hedges_of(const Node *n) { return hedge_ms(n) > 0; }

/* The last attempt of one call may have another beside it that began later. */
static int64_t call_ms(const Node *n, int64_t attempts, int64_t delays) {
    return plus(plus(times(attempt_ms(n), attempts), delays), hedge_ms(n));
}

Load forecast_agent_worst(const Node *n, Arena *a) {
    const Callee *c = n->callee;
    int64_t turns = turns_at_most(n), retries = retries_of(n), hedges = hedges_of(n);
    int64_t attempts = 1 + retries + hedges;
    int64_t models = (int64_t)c->n_models;
    int64_t more = c->max_output + (c->n_tools ? FORECAST_TOOL_BYTES : 256);
    int64_t in = input_of(first_bytes(n, a), more, turns), out = times(c->max_output, turns);
    Load l = { .depth = 1,
               .of[BOUND_AGENTS] = 1,
               .of[BOUND_CALLS] = times(times(turns, attempts), models),
               .of[BOUND_TOKENS] = times(times(plus(in, out), attempts), models),
               .of[BOUND_RETRIES] = plus(times(times(turns, retries + hedges), models),
                                         c->n_tools ? 0 : turns - 1) };
    for (int64_t i = 0; i < models; i++)
        if (c->prices[i].known)
            l.of[BOUND_COST] =
                plus(l.of[BOUND_COST], times(price_worst(&c->prices[i], in, out), attempts));
    l.time_ms = n->timeout_ms ? n->timeout_ms
                              : times(call_ms(n, 1 + retries, delays_ms(retry_of(n), retries)),
                                      times(turns, models));
    return l;
}

/* Four bytes are a token; a quarter of the longest answer; with tools, one turn that calls and one that answers. */
Load forecast_agent_expected(const Node *n, Arena *a) {
    const Callee *c = n->callee;
    int64_t turns = c->n_tools ? MIN(2, c->turns) : 1, out = c->max_output / 4;
    int64_t more = out + FORECAST_TOOL_BYTES / 4;
    int64_t in = input_of(first_bytes(n, a) / 4, more, turns);
    return (Load){ .of[BOUND_AGENTS] = 1,
                   .of[BOUND_CALLS] = turns,
                   .of[BOUND_TOKENS] = in + out * turns,
                   .of[BOUND_COST] = price_usage(&c->prices[0], in, 0, out * turns) };
}

Load forecast_call_worst(const Node *n) {
    int64_t retries = n->effect == EFFECT_UNSAFE ? retry_of(n)->times : retries_of(n);
    return (Load){ .of[BOUND_RETRIES] = retries + hedges_of(n),
                   .time_ms = call_ms(n, 1 + retries, delays_ms(retry_of(n), retries)) };
}

int64_t forecast_child_attempts(const Node *n) { return 1 + (int64_t)retry_of(n)->times; }

Load forecast_child_worst(const Node *n, const Load *one) {
    int64_t attempts = forecast_child_attempts(n), retries = attempts - 1;
    int64_t own = n->timeout_ms ? n->timeout_ms : n->callee->timeout_ms;
    Load l = *one;
    l.time_ms = own ? MIN(own, l.time_ms) : l.time_ms;
    l = load_times(l, attempts);
    l.time_ms = plus(l.time_ms, delays_ms(retry_of(n), retries));
    l.of[BOUND_RETRIES] = plus(l.of[BOUND_RETRIES], retries);
    l.depth = plus(l.depth, 1);
    return l;
}
