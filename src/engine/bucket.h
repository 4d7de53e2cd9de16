/* A token bucket: `count` tokens, and each that is used comes back one period later. So never more than `count` leave
 * in any period, wherever it begins; a bucket that refilled steadily would let nearly twice as many through in its first.
 * A token that is taken and not used yet is in hand: who has it waits for the disk, and the period begins when he leaves.
 *
 * Requests take one each. Of what is known only afterwards (a model's tokens) the worst case is taken, and what was not needed
 * given back when it is known. Who needs more than there are takes all of them, when all are there: nobody waits for what
 * cannot be. What is owed then, and what was billed beyond the worst case, comes back a period later like the rest.
 *
 * What is kept is when tokens come back, oldest first, at most BUCKET_SLOTS times: the tokens of a large bucket come back by
 * the handful, with the last of each handful. Memory only: a new engine begins with a full bucket. */
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
    int64_t free;            /* neither in hand nor on its way back; below 0: owed */
    int64_t closed_until_ms; /* the other side asked for patience */
    BucketSlot *slots;       /* a ring; NULL until the first is taken */
    uint32_t first, n;
} Bucket;

void bucket_init(Bucket *b, Rate rate);
void bucket_deinit(Bucket *b);
/* When `n` tokens are there, or all if that is more: `now_ms` or earlier if they are now; INT64_MAX: when some that are in
 * hand have been used. */
int64_t bucket_ready_ms(Bucket *b, int64_t n, int64_t now_ms);
/* Tokens that are there are in hand; then they are used, or given back unused. */
void bucket_take(Bucket *b, int64_t n);
void bucket_use(Bucket *b, int64_t n, int64_t now_ms);
void bucket_give_back(Bucket *b, int64_t n);
/* Of `n` that were used at `used_ms` only so many were needed, or more. */
void bucket_settle(Bucket *b, int64_t n, int64_t needed, int64_t used_ms, int64_t now_ms);
/* Nothing is to be asked for before this time. */
void bucket_close(Bucket *b, int64_t until_ms);

#endif
