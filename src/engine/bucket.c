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

int64_t bucket_ready_ms(Bucket *b, int64_t now_ms) {
    int64_t ready = b->closed_until_ms;
    if (!b->rate.count)
        return ready;
    take_back(b, now_ms);
    if (b->free > 0)
        return ready;
    return b->n ? MAX(ready, slot_at(b, 0)->due_ms) : INT64_MAX;
}

static int64_t handful(const Bucket *b) {
    return (b->rate.count + BUCKET_SLOTS - 1) / BUCKET_SLOTS;
}

void bucket_take(Bucket *b) {
    ASSERT(!b->rate.count || b->free > 0);
    b->free -= b->rate.count > 0;
}

void bucket_give_back(Bucket *b) { b->free += b->rate.count > 0; }

/* A clock that went back gives no token early: a slot is due no earlier than the one before it. */
void bucket_use(Bucket *b, int64_t now_ms) {
    if (!b->rate.count)
        return;
    if (!b->slots)
        b->slots = xmalloc(BUCKET_SLOTS * sizeof *b->slots);
    int64_t due_ms = now_ms + b->rate.period_ms;
    BucketSlot *last = b->n ? slot_at(b, b->n - 1) : NULL;
    if (last && (last->due_ms >= due_ms || last->n < handful(b))) {
        last->due_ms = MAX(last->due_ms, due_ms);
        last->n++;
        return;
    }
    ASSERT(b->n < BUCKET_SLOTS);
    b->n++;
    *slot_at(b, b->n - 1) = (BucketSlot){ due_ms, 1 };
}

void bucket_close(Bucket *b, int64_t until_ms) {
    b->closed_until_ms = MAX(b->closed_until_ms, until_ms);
}
