/* rate, breaker, pool: what keeps a callee from being asked too much. */
#include "base/money.h"
#include "spec/read.h"

/* Far above what anybody can be asked for; sums of it stay within 64 bits. */
#define RATE_MAX INT64_C(1000000000000)

/* ---- rate ------------------------------------------------------------------------------------------------------------ */

static int64_t period_of(char unit) {
    switch (unit) {
    case 's': return 1000;
    case 'm': return 60 * 1000;
    case 'h': return 3600 * 1000;
    case 'd': return 24 * 3600 * 1000;
    default: return 0;
    }
}

bool read_rate(Reader *r, const Yaml *y, const char *what, Rate *ret_rate) {
    Str s;
    int64_t n;
    if (!read_text(r, y, what, &s))
        return false;
    int64_t period_ms = s.len > 2 && s.p[s.len - 2] == '/' ? period_of(s.p[s.len - 1]) : 0;
    bool good = period_ms && count_parse(str_slice(s, 0, s.len - 2), &n);
    if (!good || n < 1 || n > RATE_MAX) {
        error_at(r, y, "unit", "like 60/m, 5/s, 1000/h, 400k/m",
                 "%s is so many in a time, not `%.*s`", what, (int)MIN(s.len, 40), s.p);
        return false;
    }
    *ret_rate = (Rate){ n, period_ms };
    return true;
}

static void rate_requests(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_rate(r, value, "`requests`", &((Governed *)target)->rate);
}

static void rate_tokens(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_rate(r, value, "`tokens`", &((Governed *)target)->tokens);
}

static const KeyRow rate_rows[] = {
    { "requests", rate_requests },
    { "tokens", rate_tokens },
};

void read_rates(Reader *r, const Yaml *y, Governed *g) {
    static const Sight nothing;
    g->rate = g->tokens = (Rate){ 0 };
    if (y->kind != YAML_MAP) {
        read_rate(r, y, "`rate`", &g->rate);
        return;
    }
    read_block(r, y, language_block(STR("Rate")), rate_rows, ARRAY_LEN(rate_rows), &nothing, g);
    if (!y->n)
        error_at(r, y, "missing", "like `rate: { requests: 60/m, tokens: 400k/m }`",
                 "`rate` is one of requests, of tokens, or both");
}

/* ---- breaker --------------------------------------------------------------------------------------------------------- */

static void breaker_failures(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`failures`", 1, 1000000, &((BreakerRule *)target)->failures);
}

static void breaker_open(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    BreakerRule *b = target;
    if (read_duration(r, value, "`open`", &b->open_ms) && b->open_ms == 0)
        error_at(r, value, "value", "like `open: 60s`", "`open` is longer than nothing");
}

static void breaker_successes(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`successes`", 1, 1000000, &((BreakerRule *)target)->successes);
}

static void breaker_when_open(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = { "wait", "fail" };
    size_t which;
    (void)key;
    if (read_choice(r, value, "`when_open`", words, ARRAY_LEN(words), &which))
        ((BreakerRule *)target)->fail = which == 1;
}

static const KeyRow breaker_rows[] = {
    { "failures", breaker_failures },
    { "open", breaker_open },
    { "successes", breaker_successes },
    { "when_open", breaker_when_open },
};

void read_breaker(Reader *r, const Yaml *y, BreakerRule *ret_breaker) {
    static const Sight nothing;
    *ret_breaker = (BreakerRule){ .successes = 1 };
    if (read_is_map(r, y, "`breaker`"))
        read_block(r, y, language_block(STR("Breaker")), breaker_rows, ARRAY_LEN(breaker_rows),
                   &nothing, ret_breaker);
}

/* ---- pool ------------------------------------------------------------------------------------------------------------ */

typedef struct PoolDraft {
    PoolRule *pool;
    const Sight *sight;
} PoolDraft;

static PoolRule *pool_of(void *target) { return ((PoolDraft *)target)->pool; }

static void pool_min(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`min`", 0, 1000000, &pool_of(target)->min);
}

static void pool_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max`", 1, 1000000, &pool_of(target)->max);
}

static void pool_queue(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`queue`", 0, 1000000, &pool_of(target)->queue);
}

static void pool_by(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    pool_of(target)->by = read_template(r, value, ((PoolDraft *)target)->sight);
}

static const KeyRow pool_rows[] = {
    { "min", pool_min },
    { "max", pool_max },
    { "queue", pool_queue },
    { "by", pool_by },
};

void read_pool(Reader *r, const Yaml *y, const Sight *sight, PoolRule *ret_pool) {
    *ret_pool = (PoolRule){ .queue = -1 };
    if (!read_is_map(r, y, "`pool`"))
        return;
    PoolDraft draft = { ret_pool, sight };
    read_block(r, y, language_block(STR("Pool")), pool_rows, ARRAY_LEN(pool_rows), sight, &draft);
    if (ret_pool->max && ret_pool->min > ret_pool->max)
        error_at(r, yaml_get(y, "min"), "value", NULL, "`min` is at most `max`, %d", ret_pool->max);
}

/* ---- what the engine is given ---------------------------------------------------------------------------------------- */

/* The limits are part of the key: a file that states others means another thing, and runs of the old one keep theirs. */
const Governed *read_governed(Reader *r, const Governed *draft, Pos pos, unsigned line) {
    const Rate *rate = &draft->rate;
    const BreakerRule *b = &draft->breaker;
    const PoolRule *p = &draft->pool;
    if (!rate->count && !draft->tokens.count && !b->failures && !p->max)
        return NULL;
    Governed *g = ARENA_NEW(r->arena, Governed);
    *g = *draft;
    g->key = arena_fmt(r->arena, "%s %.*s %.*s %u rate %lld/%lld breaker %d %lld %d pool %d %d",
                       g->what, STR_FMT(pos.file), STR_FMT(g->name), line, (long long)rate->count,
                       (long long)rate->period_ms, b->failures, (long long)b->open_ms, b->successes,
                       p->max, p->max ? p->queue : 0);
    if (g->tokens.count)
        g->key = arena_fmt(r->arena, "%.*s tokens %lld/%lld", STR_FMT(g->key),
                           (long long)g->tokens.count, (long long)g->tokens.period_ms);
    return g;
}
