#include "engine/bucket.h"

#include "base/mutant.h"

#include <stdlib.h>

void bucket_init(Bucket *b, Rate rate) { *b = (Bucket){ .rate = rate, .free = rate.count }; }

void bucket_deinit(Bucket *b) {
    free(b->slots);
    b->slots = NULL;
}

static BucketSlot *slot_at(Bucket *b, uint32_t i) {
    return &b->slots[(b->first + i) % BUCKET_SLOTS];
}

static void take_back(Bucket *b, int64_t now_ms) {
    while (b->n && slot_at(b, 0)->due_ms <= now_ms) {
        b->free += slot_at(b, 0)->n * (MUTANT(token_comes_back_twice) ? 2 : 1);
        b->first = (b->first + 1) % BUCKET_SLOTS;
        b->n--;
    }
}

int64_t bucket_ready_ms(Bucket *b, int64_t n, int64_t now_ms) {
    int64_t ready = b->closed_until_ms;
    if (!b->rate.count || !n)
        return ready;
    take_back(b, now_ms);
    int64_t needed = MUTANT(large_waits_for_ever) ? n : MIN(n, b->rate.count), there = b->free;
    for (uint32_t i = 0; there < needed; i++) {
        if (i == b->n)
            return INT64_MAX;
        there += slot_at(b, i)->n;
        ready = MAX(ready, slot_at(b, i)->due_ms);
    }
    return ready;
}

static int64_t handful(const Bucket *b) {
    return (b->rate.count + BUCKET_SLOTS - 1) / BUCKET_SLOTS;
}

void bucket_take(Bucket *b, int64_t n) {
    if (!b->rate.count)
        return;
    ASSERT(b->free >= MIN(n, b->rate.count));
    b->free -= n;
}

void bucket_give_back(Bucket *b, int64_t n) { b->free += b->rate.count ? n : 0; }

/* A clock that went back gives no token early: a slot is due no earlier than the one before it. */
void bucket_use(Bucket *b, int64_t n, int64_t now_ms) {
    if (!b->rate.count || !n)
        return;
    if (!b->slots)
        b->slots = xmalloc(BUCKET_SLOTS * sizeof *b->slots);
    int64_t due_ms = now_ms + b->rate.period_ms;
    BucketSlot *last = b->n ? slot_at(b, b->n - 1) : NULL;
    if (last && (last->due_ms >= due_ms || last->n < handful(b) || b->n == BUCKET_SLOTS)) {
        last->due_ms = MAX(last->due_ms, due_ms);
        last->n += n;
        return;
    }
    b->n++;
    *slot_at(b, b->n - 1) = (BucketSlot){ due_ms, n };
}

/* Taken from those that come back soonest: what remains then comes back no sooner than it would have. They are all there, as
 * long as the period of these is not over; but a clock that jumped may have brought some back. */
static void recall(Bucket *b, int64_t n) {
    while (n > 0 && b->n) {
        BucketSlot *s = slot_at(b, 0);
        int64_t some = MIN(n, s->n);
        s->n -= some;
        b->free += some;
        n -= some;
        if (s->n)
            return;
        b->first = (b->first + 1) % BUCKET_SLOTS;
        b->n--;
    }
}

void bucket_settle(Bucket *b, int64_t n, int64_t needed, int64_t used_ms, int64_t now_ms) {
    if (!b->rate.count || MUTANT(tokens_never_settle))
        return;
    take_back(b, now_ms);
    if (needed < n && used_ms + b->rate.period_ms > now_ms) {
        recall(b, n - needed);
    } else if (needed > n) {
        b->free -= needed - n;
        bucket_use(b, needed - n, now_ms);
    }
}

void bucket_close(Bucket *b, int64_t until_ms) {
    b->closed_until_ms = MAX(b->closed_until_ms, until_ms);
}
