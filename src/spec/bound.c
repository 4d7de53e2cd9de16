/* What can be limited: words, and amounts as a file writes them. */
#include "base/money.h"
#include "base/time.h"
#include "spec/plan.h"

const Limits limits_none = { .most = { -1, -1, -1, -1, -1, -1, -1, -1 } };

static const char *const names[BOUNDS] = { "cost",    "tokens", "calls", "agents",
                                           "retries", "depth",  "time",  "deadline" };

const char *bound_name(Bound b) { return names[b]; }

bool bound_from(Str name, Bound *ret) {
    for (size_t i = 0; i < BOUNDS; i++) {
        if (!str_is(name, names[i]))
            continue;
        *ret = (Bound)i;
        return true;
    }
    return false;
}

void bound_write(Buf *b, Bound bound, int64_t amount) {
    if (bound == BOUND_COST)
        money_write(b, amount);
    else if (bound == BOUND_TIME || bound == BOUND_DEADLINE)
        duration_write(b, amount);
    else
        buf_fmt(b, "%lld", (long long)amount);
}

bool bound_parse(Bound bound, Str text, int64_t *ret_amount) {
    if (bound == BOUND_COST)
        return money_parse(text, ret_amount);
    if (bound == BOUND_TIME || bound == BOUND_DEADLINE)
        return duration_parse(text, ret_amount) && *ret_amount >= 0;
    return count_parse(text, ret_amount) && *ret_amount >= 0;
}

Str plan_price_line(const Plan *p, Str model, Arena *a) {
    if (p->prices_file.len)
        return arena_fmt(
            a,
            "under `models:` of %.*s add `%.*s: { input: 0.00, output: 0.00 }` with what "
            "a million tokens cost",
            STR_FMT(p->prices_file), STR_FMT(model));
    return arena_fmt(
        a,
        "write prices.yaml, `models: { %.*s: { input: 0.00, output: 0.00 } }` with what a "
        "million tokens cost, and `prices: { file: prices.yaml }` in baton.yaml",
        STR_FMT(model));
}
