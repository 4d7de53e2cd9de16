/* Dispatch: which of several targets has done best so far.
 *
 * What is known of them entered the run with its first fact, so that it chooses the same whenever it is derived again; what
 * has become of them since is not looked at. */
#include "base/json.h"
#include "kernel/step.h"

/* Fewer times say nothing: who is as new as that counts as good as the best, so that he gets his turn. */
#define PAST_ENOUGH 5
/* So near to the best is as good. */
#define PAST_NEAR_PERCENT 10

void dispatch_past(Run *r, Str json) {
    r->past_text = arena_str(&r->arena, json);
    if (!json.len || json_read_copy(&r->arena, json, &r->past, NULL) != 0)
        r->past = VALUE_ABSENT;
}

static Value past_of(const Run *r, const Frame *f, uint32_t to) {
    Value step = value_get(r->past, f->node->name);
    return value_get(step, f->node->router->targets[to].step->name);
}

static int64_t count_of(Value past, const char *key) {
    Value v = value_getz(past, key);
    return v.type == V_INT && v.i >= 0 ? v.i : 0;
}

/* The less the better; -1: nobody knows. */
static int64_t past_score(Value past, Prefer by) {
    int64_t asked = count_of(past, "asked");
    if (asked < PAST_ENOUGH)
        return -1;
    switch (by) {
    case PREFER_SUCCESS: return 1000 - MIN(count_of(past, "ok"), asked) * 1000 / asked;
    case PREFER_LATENCY: return count_of(past, "us") / asked;
    case PREFER_COST: return count_of(past, "cost_nano") / asked;
    }
    return -1;
}

/* A share of failures is compared as a share of all. */
void dispatch_keep_best(const Run *r, const Frame *f, Prefer by, bool *keep) {
    int64_t best = -1;
    if (MUTANT(prefer_ignored))
        return;
    for (uint32_t i = 0; i < f->node->router->n_targets; i++) {
        int64_t score = keep[i] ? past_score(past_of(r, f, i), by) : -1;
        if (score >= 0 && (best < 0 || score < best))
            best = score;
    }
    int64_t near = by == PREFER_SUCCESS ? 1000 * PAST_NEAR_PERCENT / 100
                                        : best / 100 * PAST_NEAR_PERCENT;
    for (uint32_t i = 0; i < f->node->router->n_targets; i++)
        keep[i] &= past_score(past_of(r, f, i), by) <= best + near;
}

/* Among equals the run's seed decides: another run may ask another, the same one never does. */
static uint64_t draw(const Run *r, const Frame *f, uint32_t to) {
    uint64_t drawn;
    Buf b = BUF_INIT(KIB);
    buf_varint(&b, r->seed);
    frame_write_address(&b, f);
    buf_char(&b, '/');
    buf_str_add(&b, f->node->router->targets[to].step->name);
    Hash h = hash_bytes(buf_str(&b));
    memcpy(&drawn, h.b, sizeof drawn);
    buf_deinit(&b);
    return drawn;
}

uint32_t dispatch_pick(const Run *r, const Frame *f, const bool *keep) {
    const Router *router = f->node->router;
    uint32_t best = (uint32_t)router->n_targets;
    for (uint32_t i = 0; i < router->n_targets; i++)
        if (keep[i] &&
            (best == router->n_targets || (router->n_prefer && draw(r, f, i) < draw(r, f, best))))
            best = i;
    return best;
}
