/* One engine in a simulated world: the memory store, a clock that jumps to the next thing that happens, and no other outside
 * than the one its owner plays. The same seed gives the same run; another seed changes what chance decides: ids, jitter, and
 * which of the things of one moment comes first.
 *
 *   world_step:  turns and store jobs of this moment, until there are none  ->  the clock jumps  ->  what is due happens */
#ifndef BATON_TRY_WORLD_H
#define BATON_TRY_WORLD_H

#include "engine/engine.h"

typedef struct World World;
typedef struct WorldPorts {
    void *ctx;
    /* An attempt leaves: world_end() it, now or later. */
    void (*start)(void *ctx, Attempt *a);
    /* A row became durable. */
    void (*row)(void *ctx, const EngineEvent *event);
} WorldPorts;

/* Seed 0: of what happens at the same moment the first that was arranged comes first. */
World *world_new(uint64_t seed, const WorldPorts *ports);
World *world_free(World *w);
Engine *world_engine(World *w);
/* For reading what was stored. */
Store *world_store(World *w);
int64_t world_now_ms(const World *w);

/* The attempt ends so after delay_ms; texts are borrowed from its arena, or from something that lasts as long. */
void world_end(World *w, Attempt *a, const Completion *c, int64_t delay_ms);
typedef void (*WorldEvent)(void *ctx);
void world_later(World *w, int64_t delay_ms, WorldEvent fn, void *ctx);

/* Everything of this moment: false if the world came to its limit of turns. */
bool world_settle(World *w);
/* The clock jumps to what comes next and it happens; false: nothing comes any more, or not before the world ends. */
bool world_jump(World *w);

/* When every world begins. */
#define WORLD_BEGINS_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

#endif
