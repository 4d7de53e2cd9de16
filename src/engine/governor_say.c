/* What the governor knows, for people: what one attempt waits for, and how near each limit is. */
#include "engine/governor.h"

#include "base/money.h"
#include "base/time.h"

/* ---- words ----------------------------------------------------------------------------------------------------------- */

/* "10:31:02Z" */
static void write_clock(Buf *b, int64_t ms) {
    Buf text = BUF_INIT(40);
    time_write_ms(&text, ms);
    Str s = buf_str(&text);
    buf_str_add(b, s.len >= 19 ? str_slice(s, 11, 19) : s);
    buf_char(b, 'Z');
    buf_deinit(&text);
}

/* "60/m", "400k/m" */
static void write_rate(Buf *b, Rate rate) {
    const char *unit = rate.period_ms == 1000      ? "s"
                       : rate.period_ms == 60000   ? "m"
                       : rate.period_ms == 3600000 ? "h"
                                                   : "d";
    count_write(b, rate.count);
    buf_fmt(b, "/%s", unit);
}

static const char *ordinal_of(uint32_t n) {
    if (n % 100 >= 11 && n % 100 <= 13)
        return "th";
    return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

/* Within its lane: how soon the others have their turn is not known. */
static void write_place(Buf *b, const Flight *f) {
    uint32_t place = 1;
    for (const Flight *before = f->lane_prev; before; before = before->lane_prev)
        place++;
    buf_fmt(b, "%u%s in line", place, ordinal_of(place));
    if (f->lane->key)
        buf_fmt(b, " of %.*s", (int)MIN(f->lane->key_len, (size_t)40), f->lane->key);
}

static void write_breaker(Buf *b, const Breaker *breaker) {
    if (breaker->state == BREAKER_OPEN) {
        buf_fmt(b, "open until ");
        write_clock(b, breaker->until_ms);
        buf_fmt(b, ", %d failures, the last: %s", breaker->failures,
                error_kind_name(breaker->last));
    } else {
        buf_fmt(b, "%s, one call tries it", breaker_state_name(breaker->state));
    }
}

static void write_rate_wait(Buf *b, const Governor *g, int64_t at_ms) {
    if (g->bucket.closed_until_ms == at_ms) {
        buf_fmt(b, "it asked for patience until ");
        write_clock(b, at_ms);
        return;
    }
    write_rate(b, g->bucket.rate);
    buf_fmt(b, ", the next at ");
    write_clock(b, at_ms);
}

static void write_tokens_wait(Buf *b, const Governor *g, const Flight *f, int64_t at_ms) {
    write_rate(b, g->tokens.rate);
    buf_fmt(b, ", %lld free, up to %lld needed", (long long)MAX(g->tokens.free, INT64_C(0)),
            (long long)f->tokens);
    if (at_ms == INT64_MAX)
        return;
    buf_str_add(b, STR(", there by "));
    write_clock(b, at_ms);
}

static void write_wait(Buf *b, const Governor *g, const Flight *f, const char *ceiling,
                       int64_t at_ms) {
    if (!ceiling) {
        buf_fmt(b, "its turn at %s %s", g->what, g->name);
    } else if (ceiling[0] == 'b') {
        buf_fmt(b, "the breaker of %s %s (", g->what, g->name);
        write_breaker(b, &g->breaker);
    } else if (ceiling[0] == 'p') {
        buf_fmt(b, "a slot of the pool of %s %s (%u of %d busy", g->what, g->name, g->used,
                g->pool.max);
    } else if (ceiling[0] == 't') {
        buf_fmt(b, "the tokens of %s %s (", g->what, g->name);
        write_tokens_wait(b, g, f, at_ms);
    } else {
        buf_fmt(b, "the rate of %s %s (", g->what, g->name);
        write_rate_wait(b, g, at_ms);
    }
    buf_fmt(b, "%s", ceiling ? ", " : " (");
    write_place(b, f);
    buf_char(b, ')');
}

/* ---- one that waits -------------------------------------------------------------------------------------------------- */

Value governor_says(Engine *e, const Flight *f, size_t at, Arena *a) {
    Governor *g = f->governors[at];
    const char *ceiling;
    int64_t at_ms = governor_ready_ms(g, f->tokens, e->now_ms, &ceiling);
    Buf text = BUF_INIT(512);
    write_wait(&text, g, f, ceiling, at_ms);
    MapBuilder m = map_builder(a);
    map_addz(&m, "kind", value_str(str_from(ceiling ? ceiling : "turn")));
    map_addz(&m, "of", value_str(str_from(g->what)));
    map_addz(&m, "name", value_str(arena_str(a, str_from(g->name))));
    map_addz(&m, "says", value_str(arena_str(a, buf_str(&text))));
    if (ceiling && at_ms != INT64_MAX)
        map_addz(&m, "until", value_time_text(at_ms, a));
    buf_deinit(&text);
    return map_done(&m, NULL);
}

/* ---- targets of a router --------------------------------------------------------------------------------------------- */

/* Does its breaker keep everybody out? */
static bool is_shut(Governor *g, int64_t now_ms) {
    return g && g->breaker.rule.failures && breaker_ready_ms(&g->breaker, now_ms) > now_ms;
}

static Str shut_says(const Governor *g, Arena *a) {
    const Breaker *b = &g->breaker;
    Buf text = BUF_INIT(256);
    buf_fmt(&text, "the breaker of %s %s is %s", g->what, g->name, breaker_state_name(b->state));
    if (b->state == BREAKER_OPEN) {
        buf_str_add(&text, STR(" since "));
        time_write_ms(&text, b->until_ms - b->rule.open_ms);
    }
    buf_fmt(&text, ", the last failure: %s", error_kind_name(b->last));
    Str says = arena_str(a, buf_str(&text));
    buf_deinit(&text);
    return says;
}

typedef struct Load {
    bool known;
    uint32_t queue, calls;
    const Governor *shut; /* NULL: it can be asked */
} Load;

static void add_load(const Engine *e, const Governed *spec, Load *l, bool its_own) {
    const Governor *g = spec ? governor_find(e, spec) : NULL;
    l->queue += g ? g->waiting : 0;
    l->calls += g && (its_own || !l->known) ? g->used : 0;
    l->known |= spec != NULL;
}

/* An agent of several models can be asked while one of their providers can. */
static const Governor *all_shut(const Engine *e, const Callee *c) {
    const Governor *shut = NULL;
    for (size_t i = 0; i < c->n_models; i++) {
        const ModelServer *server = c->servers ? c->servers[i] : NULL;
        Governor *g = server && server->governed ? governor_find(e, server->governed) : NULL;
        if (!is_shut(g, e->now_ms))
            return NULL;
        shut = g;
    }
    return shut;
}

static Load load_of(const Engine *e, const Callee *c) {
    Load l = { 0 };
    if (!c)
        return l;
    Governor *own = c->governed ? governor_find(e, c->governed) : NULL;
    const ModelServer *server = c->n_models && c->servers ? c->servers[0] : NULL;
    add_load(e, c->governed, &l, true);
    add_load(e, server ? server->governed : NULL, &l, false);
    l.shut = is_shut(own, e->now_ms) ? own : all_shut(e, c);
    return l;
}

Value governor_targets(Engine *e, const Router *router, Arena *a) {
    MapBuilder targets = map_builder(a);
    for (size_t i = 0; i < router->n_targets; i++) {
        const Node *step = router->targets[i].step;
        Load l = load_of(e, step->callee);
        MapBuilder m = map_builder(a);
        map_addz(&m, "available", value_bool(!l.shut));
        map_addz(&m, "queue", value_int(l.queue));
        if (l.known)
            map_addz(&m, "calls", value_int(l.calls));
        if (l.shut)
            map_addz(&m, "why", value_str(shut_says(l.shut, a)));
        map_adds(&targets, step->name, map_done(&m, NULL));
    }
    return map_done(&targets, NULL);
}

/* ---- all limits ------------------------------------------------------------------------------------------------------ */

#define KEYS_SHOWN_MAX 20

static Value keys_of(const Governor *g, Arena *a) {
    ListBuilder keys = list_builder(a);
    const Lane *l = g->turn;
    for (; l && l->key && keys.n < KEYS_SHOWN_MAX; l = l->next == g->turn ? NULL : l->next) {
        MapBuilder m = map_builder(a);
        map_addz(&m, "key", value_str(arena_str(a, (Str){ l->key, l->key_len })));
        map_addz(&m, "waiting", value_uint(l->n));
        list_add(&keys, map_done(&m, NULL));
    }
    return list_done(&keys);
}

static Value pool_of(const Governor *g, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "busy", value_uint(g->used));
    map_addz(&m, "max", value_int(g->pool.max));
    if (g->pool.min)
        map_addz(&m, "min", value_int(g->pool.min));
    if (g->pool.queue >= 0)
        map_addz(&m, "queue", value_int(g->pool.queue));
    return map_done(&m, NULL);
}

/* `next`: when there are so many. */
static Value rate_of(Bucket *bucket, int64_t n, int64_t now_ms, Arena *a) {
    int64_t ready_ms = bucket_ready_ms(bucket, n, now_ms);
    Buf text = BUF_INIT(64);
    write_rate(&text, bucket->rate);
    MapBuilder m = map_builder(a);
    map_addz(&m, "rate", value_str(arena_str(a, buf_str(&text))));
    map_addz(&m, "count", value_int(bucket->rate.count));
    map_addz(&m, "free", value_int(bucket->free));
    if (ready_ms > now_ms && ready_ms != INT64_MAX)
        map_addz(&m, "next", value_time_text(ready_ms, a));
    buf_deinit(&text);
    return map_done(&m, NULL);
}

static Value breaker_of(const Breaker *b, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "state", value_str(str_from(breaker_state_name(b->state))));
    map_addz(&m, "failures", value_int(b->failures));
    map_addz(&m, "opens_at", value_int(b->rule.failures));
    if (b->state == BREAKER_OPEN)
        map_addz(&m, "until", value_time_text(b->until_ms, a));
    if (b->failures)
        map_addz(&m, "last", value_str(str_from(error_kind_name(b->last))));
    return map_done(&m, NULL);
}

static Value one_of(Governor *g, int64_t now_ms, Arena *a) {
    const char *ceiling;
    int64_t tokens = governor_next_tokens(g);
    governor_ready_ms(g, tokens, now_ms, &ceiling);
    MapBuilder m = map_builder(a);
    map_addz(&m, "of", value_str(str_from(g->what)));
    map_addz(&m, "name", value_str(arena_str(a, str_from(g->name))));
    map_addz(&m, "ceiling", ceiling ? value_str(str_from(ceiling)) : VALUE_NULL);
    map_addz(&m, "in_flight", value_uint(g->used));
    map_addz(&m, "waiting", value_uint(g->waiting));
    map_addz(&m, "passed", value_uint(g->passed));
    map_addz(&m, "refused", value_uint(g->refused));
    if (g->pool.max)
        map_addz(&m, "pool", pool_of(g, a));
    if (g->bucket.rate.count)
        map_addz(&m, "rate", rate_of(&g->bucket, 1, now_ms, a));
    if (g->tokens.rate.count)
        map_addz(&m, "tokens", rate_of(&g->tokens, MAX(tokens, INT64_C(1)), now_ms, a));
    if (g->breaker.rule.failures)
        map_addz(&m, "breaker", breaker_of(&g->breaker, a));
    Value keys = keys_of(g, a);
    if (keys.len)
        map_addz(&m, "keys", keys);
    return map_done(&m, NULL);
}

Value engine_governors(Engine *e, Arena *a) {
    ListBuilder l = list_builder(a);
    int64_t now_ms = e->ports.now_ms(e->ports.ctx);
    for (size_t i = 0; e->governors && i < GOVERNOR_BUCKETS; i++)
        for (Governor *g = e->governors[i]; g; g = g->bucket_next)
            list_add(&l, one_of(g, now_ms, a));
    keys_list(e, &l, a);
    return list_done(&l);
}
