/* Who passes, who waits, and whose turn it is. */
#include "engine/governor.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

/* Definitions that nobody uses now are forgotten when there are more than this. */
#define GOVERNORS_KEPT 512

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static Governor *governor_new(const Governed *spec, uint64_t hash) {
    Governor *g = xcalloc(1, sizeof *g);
    g->key = xstrndup(spec->key.p, spec->key.len);
    g->name = xstrndup(spec->name.p, spec->name.len);
    g->what = spec->what;
    g->hash = hash;
    g->pool = spec->pool;
    g->pool.by = NULL;
    g->breaker.rule = spec->breaker;
    g->common.governor = g;
    g->timer.owner = TIMER_OF_GOVERNOR;
    bucket_init(&g->bucket, spec->rate);
    bucket_init(&g->tokens, spec->tokens);
    return g;
}

static void governor_free(Governor *g) {
    for (size_t i = 0; g->lanes && i < LANE_BUCKETS; i++) {
        for (Lane *l = g->lanes[i], *next; l; l = next) {
            next = l->bucket_next;
            free(l->key);
            free(l);
        }
    }
    free(g->lanes);
    bucket_deinit(&g->bucket);
    bucket_deinit(&g->tokens);
    free(g->key);
    free(g->name);
    free(g);
}

static bool is_full(Bucket *b, int64_t now_ms) {
    return bucket_ready_ms(b, b->rate.count, now_ms) <= now_ms;
}

/* Nothing would be different if it were met for the first time. */
static bool is_forgettable(Governor *g, int64_t now_ms) {
    return !g->used && !g->waiting && !g->stirred && g->breaker.state == BREAKER_CLOSED &&
           !g->breaker.failures && is_full(&g->bucket, now_ms) && is_full(&g->tokens, now_ms);
}

static void forget_some(Engine *e) {
    for (size_t i = 0; i < GOVERNOR_BUCKETS; i++) {
        for (Governor **at = &e->governors[i]; *at;) {
            Governor *g = *at;
            if (!is_forgettable(g, e->now_ms)) {
                at = &g->bucket_next;
                continue;
            }
            *at = g->bucket_next;
            timer_disarm(e, &g->timer);
            governor_free(g);
            e->n_governors--;
        }
    }
}

Governor *governor_find(const Engine *e, const Governed *spec) {
    uint64_t hash = hash_fast(spec->key, 0);
    Governor *g = e->governors ? e->governors[hash % GOVERNOR_BUCKETS] : NULL;
    while (g && !(g->hash == hash && str_eq(str_from(g->key), spec->key)))
        g = g->bucket_next;
    return g;
}

static Governor *governor_of(Engine *e, const Governed *spec) {
    uint64_t hash = hash_fast(spec->key, 0);
    if (!e->governors)
        e->governors = xcalloc(GOVERNOR_BUCKETS, sizeof *e->governors);
    Governor **bucket = &e->governors[hash % GOVERNOR_BUCKETS], *g = governor_find(e, spec);
    if (g)
        return g;
    if (e->n_governors >= GOVERNORS_KEPT)
        forget_some(e);
    g = governor_new(spec, hash);
    g->bucket_next = *bucket;
    *bucket = g;
    e->n_governors++;
    return g;
}

void governors_deinit(Engine *e) {
    for (size_t i = 0; e->governors && i < GOVERNOR_BUCKETS; i++) {
        for (Governor *g = e->governors[i], *next; g; g = next) {
            next = g->bucket_next;
            governor_free(g);
        }
    }
    free(e->governors);
}

/* ---- lanes ----------------------------------------------------------------------------------------------------------- */

static Lane *lane_of(Governor *g, Str key) {
    if (key.len == 0)
        return &g->common;
    if (!g->lanes)
        g->lanes = xcalloc(LANE_BUCKETS, sizeof *g->lanes);
    uint64_t hash = hash_fast(key, 0);
    Lane **bucket = &g->lanes[hash % LANE_BUCKETS];
    for (Lane *l = *bucket; l; l = l->bucket_next)
        if (l->hash == hash && str_eq((Str){ l->key, l->key_len }, key))
            return l;
    Lane *l = xcalloc(1, sizeof *l);
    *l = (Lane){ .governor = g,
                 .hash = hash,
                 .key = xstrndup(key.p, key.len),
                 .key_len = key.len,
                 .bucket_next = *bucket };
    *bucket = l;
    return l;
}

static void free_lane(Governor *g, Lane *l) {
    if (l == &g->common)
        return;
    Lane **at = &g->lanes[l->hash % LANE_BUCKETS];
    while (*at != l)
        at = &(*at)->bucket_next;
    *at = l->bucket_next;
    free(l->key);
    free(l);
}

/* A lane that begins to wait is the last whose turn it is. */
static void join_ring(Governor *g, Lane *l) {
    if (!g->turn) {
        g->turn = l->prev = l->next = l;
        return;
    }
    l->next = g->turn;
    l->prev = g->turn->prev;
    l->prev->next = l->next->prev = l;
}

static void leave_ring(Governor *g, Lane *l) {
    if (g->turn == l)
        g->turn = l->next == l ? NULL : l->next;
    l->prev->next = l->next;
    l->next->prev = l->prev;
    free_lane(g, l);
}

static void enqueue(Governor *g, Flight *f, Str key) {
    Lane *l = lane_of(g, key);
    if (l->n == 0)
        join_ring(g, l);
    f->lane = l;
    f->lane_next = NULL;
    f->lane_prev = l->last;
    *(l->last ? &l->last->lane_next : &l->first) = f;
    l->last = f;
    l->n++;
    g->waiting++;
    g->waited++;
}

static void dequeue(Flight *f) {
    Lane *l = f->lane;
    Governor *g = l->governor;
    *(f->lane_prev ? &f->lane_prev->lane_next : &l->first) = f->lane_next;
    *(f->lane_next ? &f->lane_next->lane_prev : &l->last) = f->lane_prev;
    f->lane_prev = f->lane_next = NULL;
    f->lane = NULL;
    g->waiting--;
    if (--l->n == 0)
        leave_ring(g, l);
}

/* The first of the lane whose turn it is; the next lane is next. */
static Flight *pop_next(Governor *g) {
    Lane *l = g->turn;
    Flight *f = MUTANT(lane_serves_last) ? l->last : l->first;
    if (!MUTANT(one_lane_for_ever))
        g->turn = l->next;
    dequeue(f);
    return f;
}

/* ---- passing --------------------------------------------------------------------------------------------------------- */

int64_t governor_ready_ms(Governor *g, int64_t tokens, int64_t now_ms, const char **ret_ceiling) {
    int64_t breaker_ms = breaker_ready_ms(&g->breaker, now_ms);
    int64_t requests_ms = bucket_ready_ms(&g->bucket, 1, now_ms);
    int64_t tokens_ms = bucket_ready_ms(&g->tokens, tokens, now_ms);
    int64_t rate_ms = MAX(requests_ms, tokens_ms);
    uint32_t max = (uint32_t)g->pool.max + (MUTANT(pool_off_by_one) && g->pool.max);
    *ret_ceiling = NULL;
    if (breaker_ms > now_ms) {
        *ret_ceiling = "breaker";
        return MAX(breaker_ms, rate_ms);
    }
    if (max && g->used >= max && !MUTANT(pool_ignored)) {
        *ret_ceiling = "pool";
        return INT64_MAX;
    }
    if (rate_ms > now_ms)
        *ret_ceiling = tokens_ms > requests_ms ? "tokens" : "rate";
    return rate_ms;
}

int64_t governor_next_tokens(const Governor *g) { return g->turn ? g->turn->first->tokens : 0; }

static bool is_ready(Governor *g, int64_t tokens, int64_t now_ms) {
    const char *ceiling;
    return governor_ready_ms(g, tokens, now_ms, &ceiling) <= now_ms;
}

/* Is it that of the callee, of the model, or of the provider? */
static size_t place_of(const Governor *g, const Flight *f) {
    size_t at = 0;
    while (f->governors[at] != g)
        at++;
    return at;
}

static void take(Governor *g, Flight *f, size_t at) {
    f->taken |= (uint8_t)(1 << at);
    if (breaker_take(&g->breaker))
        f->tries |= (uint8_t)(1 << at);
    bucket_take(&g->bucket, 1);
    bucket_take(&g->tokens, f->tokens);
    g->used++;
    g->passed++;
}

/* An open breaker is an answer where the file says so, or where somebody else can be asked. */
static bool gives_up(Governor *g, const Flight *f, size_t at, int64_t now_ms) {
    const Governed *spec[GOVERNED_MAX];
    if (!g->breaker.rule.failures || breaker_ready_ms(&g->breaker, now_ms) <= now_ms)
        return false;
    want_governed(f->want, spec);
    return spec[at]->breaker.fail || want_has_other(f->want);
}

static GateAnswer refuse_open(Governor *g, Flight *f) {
    g->refused++;
    return gate_refusal(f, KIND_BREAKER_OPEN,
                        "the breaker of %s %s is %s: %d failures, the last %s", g->what, g->name,
                        breaker_state_name(g->breaker.state), g->breaker.failures,
                        error_kind_name(g->breaker.last));
}

static GateAnswer refuse_full(Governor *g, Flight *f) {
    g->refused++;
    return gate_refusal(f, KIND_REFUSED, "the queue of %s %s is full: %u wait", g->what, g->name,
                        g->waiting);
}

static Str key_of(Flight *f, const Governed *spec) {
    return spec->pool.by ? want_by(f->want, spec->pool.by, &f->attempt.arena) : STR("");
}

static GateAnswer ask(Engine *e, Flight *f, size_t at) {
    const Governed *spec[GOVERNED_MAX];
    want_governed(f->want, spec);
    if (!spec[at])
        return GATE_OPEN;
    Governor *g = governor_of(e, spec[at]);
    if (gives_up(g, f, at, e->now_ms))
        return refuse_open(g, f);
    f->tokens = want_worst(f->want).tokens;
    bool at_once = !g->waiting && is_ready(g, f->tokens, e->now_ms);
    if (!at_once && g->pool.max && g->pool.queue >= 0 && g->waiting >= (uint32_t)g->pool.queue)
        return refuse_full(g, f);
    f->governors[at] = g;
    if (at_once) {
        take(g, f, at);
        return GATE_OPEN;
    }
    enqueue(g, f, key_of(f, spec[at]));
    governor_stir(e, g);
    return GATE_HELD;
}

static void leave(Engine *e, Flight *f, size_t at) {
    Governor *g = f->governors[at];
    uint8_t bit = (uint8_t)(1 << at);
    f->governors[at] = NULL;
    if (!g)
        return;
    if (f->lane && f->lane->governor == g)
        dequeue(f);
    if (f->tries & bit)
        breaker_give_back(&g->breaker);
    if (f->taken & bit) {
        g->used--;
        if (!f->left) {
            bucket_give_back(&g->bucket, 1);
            bucket_give_back(&g->tokens, f->tokens);
        }
    }
    f->taken &= (uint8_t)~bit;
    f->tries &= (uint8_t)~bit;
    governor_stir(e, g);
}

static void left(Engine *e, Flight *f, size_t at) {
    Governor *g = f->governors[at];
    if (!g)
        return;
    bucket_use(&g->bucket, 1, e->now_ms);
    bucket_use(&g->tokens, f->tokens, e->now_ms);
    governor_stir(e, g);
}

/* A provider that asks for patience is meant by it, not the agent that asked; also one that answers, and says with it that its
 * limit is used up. */
static void heed_patience(Engine *e, Flight *f, Governor *g, size_t at) {
    const Completion *c = &f->completion;
    bool asked_last = true;
    for (size_t i = at + 1; i < ARRAY_LEN(f->governors); i++)
        asked_last &= !f->governors[i];
    bool asks = c->outcome == OUTCOME_OK ? f->attempt.kind == CALLEE_MODEL
                                         : c->kind == KIND_RATE_LIMITED;
    if (asks && c->retry_after_ms > 0 && asked_last)
        bucket_close(&g->bucket, e->now_ms + c->retry_after_ms);
}

/* What it used is known, or nobody knows: then it may have been all. */
static void settle_tokens(Engine *e, const Flight *f, Governor *g) {
    const Completion *c = &f->completion;
    int64_t used = c->usage.tokens_in + c->usage.tokens_out;
    if (used || c->outcome != OUTCOME_UNKNOWN)
        bucket_settle(&g->tokens, f->tokens, used, f->left_ms, e->now_ms);
    governor_stir(e, g);
}

static void ended(Engine *e, Flight *f, size_t at) {
    Governor *g = f->governors[at];
    uint8_t bit = (uint8_t)(1 << at);
    if (!g)
        return;
    heed_patience(e, f, g, at);
    settle_tokens(e, f, g);
    breaker_told(&g->breaker, &f->completion, f->tries & bit, e->now_ms);
    f->tries &= (uint8_t)~bit;
}

/* ---- a turn's share -------------------------------------------------------------------------------------------------- */

void governor_stir(Engine *e, Governor *g) {
    if (g->stirred || !g->waiting)
        return;
    g->stirred = true;
    g->next_stirred = e->stirred;
    e->stirred = g;
    engine_wake(e);
}

/* Those of one lane; it is gone if nobody is left. */
static void refuse_in_lane(Engine *e, Governor *g, Lane *l) {
    for (Flight *f = l->first, *next; f; f = next) {
        next = f->lane_next;
        if (!gives_up(g, f, place_of(g, f), e->now_ms))
            continue;
        refuse_open(g, f);
        gates_refuse(e, f, KIND_NONE, "%s", "");
    }
}

/* Once, when the breaker has closed the way: who comes later is answered when he comes. */
static void refuse_those_that_give_up(Engine *e, Governor *g) {
    bool open = breaker_ready_ms(&g->breaker, e->now_ms) > e->now_ms;
    if (!open || g->swept || !g->turn) {
        g->swept &= open;
        return;
    }
    size_t n = 1;
    for (const Lane *l = g->turn->next; l != g->turn; l = l->next)
        n++;
    for (Lane *l = g->turn, *next; n; n--, l = next) {
        next = l->next;
        refuse_in_lane(e, g, l);
    }
    g->swept = true;
}

static void let_through(Engine *e, Governor *g) {
    while (g->waiting && is_ready(g, governor_next_tokens(g), e->now_ms)) {
        Flight *f = pop_next(g);
        if (perform_put_off(e, f))
            continue;
        take(g, f, place_of(g, f));
        gates_go_on(e, f);
    }
}

static void look_again(Engine *e, Governor *g) {
    const char *ceiling;
    int64_t tokens = governor_next_tokens(g);
    int64_t at_ms = g->waiting ? governor_ready_ms(g, tokens, e->now_ms, &ceiling) : INT64_MAX;
    if (at_ms == INT64_MAX)
        timer_disarm(e, &g->timer);
    else if (!g->timer.at || g->timer.due_ms != at_ms)
        timer_arm(e, &g->timer, at_ms);
}

void governor_take(Engine *e) {
    if (engine_stopping(e))
        return;
    twins_take(e);
    for (Governor *g; (g = e->stirred);) {
        e->stirred = g->next_stirred;
        g->stirred = false;
        refuse_those_that_give_up(e, g);
        let_through(e, g);
        look_again(e, g);
        twins_take(e);
    }
}

void governor_due(Engine *e, Timer *t) {
    Governor *g = (Governor *)((char *)t - offsetof(Governor, timer));
    timer_disarm(e, t);
    governor_stir(e, g);
}

const Gate gate_governor = {
    .ask = ask, .left = left, .leave = leave, .ended = ended, .says = governor_says
};
