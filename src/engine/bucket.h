/* A token bucket: `count` tokens, and each that is used comes back one period later. So never more than `count` leave
 * in any period, wherever it begins; a bucket that refilled steadily would let nearly twice as many through in its first.
 * A token that is taken and not used yet is in hand: who has it waits for the disk, and the period begins when he leaves.
 *
 * What is kept is when tokens come back, oldest first, at most BUCKET_SLOTS times: the tokens of a large bucket come back by
 * the handful, with the last of its handful. Memory only: a new engine begins with a full bucket. */
#ifndef BATON_ENGINE_BUCKET_H
#define BATON_ENGINE_BUCKET_H

#include "spec/plan.h"

#define BUCKET_SLOTS 512

typedef struct BucketSlot {
    int64_t due_ms;
    int64_t n;
} BucketSlot;
typedef struct Bucket {
    Rate rate;               /* count 0: never empty */
    int64_t free;            /* neither in hand nor on its way back */
    int64_t closed_until_ms; /* the other side asked for patience */
    BucketSlot *slots;       /* a ring; NULL until the first is taken */
    uint32_t first, n;
} Bucket;

void bucket_init(Bucket *b, Rate rate);
void bucket_deinit(Bucket *b);
/* When one token is there: `now_ms` or earlier if it is now; INT64_MAX: when one that is in hand has been used. */
int64_t bucket_ready_ms(Bucket *b, int64_t now_ms);
/* One token that is there is in hand; then it is used, or given back unused. */
void bucket_take(Bucket *b);
void bucket_use(Bucket *b, int64_t now_ms);
void bucket_give_back(Bucket *b);
/* Nothing is to be asked for before this time. */
void bucket_close(Bucket *b, int64_t until_ms);

#endif
