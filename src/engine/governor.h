/* The governor: rates, pools and breakers of providers, agents and tools, held over all runs of this engine. Nobody but the
 * engine's files includes this.
 *
 * One Governor stands for one definition: plans that use the same one (Governed.key) share it. An attempt passes if nobody
 * waits before it, the breaker lets it through, a slot is free and a token is there; else it waits in the lane of its key
 * (`pool.by`). Lanes take turns, and within a lane who came first goes first, so that nobody is passed over for ever.
 *
 * Everything here is memory: a new engine begins with full buckets and closed breakers, and finds what waited among the
 * wants of its runs. */
#ifndef BATON_ENGINE_GOVERNOR_H
#define BATON_ENGINE_GOVERNOR_H

#include "engine/breaker.h"
#include "engine/bucket.h"
#include "engine/gate.h"

/* Of tables that are made once; more than this only makes their chains longer. */
#define LANE_BUCKETS 256
#define GOVERNOR_BUCKETS 256

struct Lane {
    Governor *governor;
    uint64_t hash;
    Flight *first, *last; /* by Flight.lane_prev, lane_next */
    uint32_t n;
    Lane *prev, *next; /* the ring of those in which somebody waits */
    Lane *bucket_next;
    char *key; /* owned; NULL in the one without a key */
    size_t key_len;
};

struct Governor {
    char *key, *name; /* owned */
    const char *what;
    uint64_t hash;
    PoolRule pool; /* without its `by`, which belongs to a plan */
    Bucket bucket; /* of requests */
    Bucket tokens;
    Breaker breaker;
    uint32_t used;    /* attempts that have passed and not ended */
    uint32_t waiting; /* in all lanes */
    Lane common;      /* of those without a key */
    Lane **lanes;     /* by key; NULL until there is one */
    Lane *turn;       /* whose turn it is; NULL: nobody waits */
    Timer timer;      /* when to look again */
    bool stirred;     /* on Engine.stirred */
    bool swept;       /* the breaker closed the way, and who gives up then has been told */
    Governor *next_stirred, *bucket_next;
    uint64_t passed, refused, waited; /* since it was met, for people */
};

/* NULL: nobody has met it yet. */
Governor *governor_find(const Engine *e, const Governed *spec);
/* The soonest that it could let one through that may use so many tokens: now or earlier, a later time, INT64_MAX: when one
 * that has passed ends. What stands in the way, as a word: "breaker", "pool", "rate", "tokens"; NULL: nothing. */
int64_t governor_ready_ms(Governor *g, int64_t tokens, int64_t now_ms, const char **ret_ceiling);
/* What the one whose turn it is may use; 0: nobody waits. */
int64_t governor_next_tokens(const Governor *g);
/* Gate.says (governor_say.c). */
Value governor_says(Engine *e, const Flight *f, size_t at, Arena *a);
/* Something changed for those that wait: governor_take() looks. */
void governor_stir(Engine *e, Governor *g);

#endif
