/* An arena: allocations that are freed together. Per request, per evaluation, per run; never shared between threads.
 * An arena may have a cap; past it allocations still succeed (so that callers need not check each one) and
 * `arena_over()` turns true, which the owner checks once at the end and reports as too big. What loops over input
 * checks it every few steps, and before an allocation whose size the input chooses. */
#ifndef BATON_BASE_ARENA_H
#define BATON_BASE_ARENA_H

#include "base/str.h"

typedef struct ArenaChunk ArenaChunk;
typedef struct Arena {
    ArenaChunk *chunks; /* newest first */
    char *at, *end;     /* free part of the newest chunk */
    size_t used_bytes;  /* handed out, with padding */
    size_t cap_bytes;   /* 0: none */
} Arena;

#define ARENA_NULL ((Arena){ 0 })
/* cap_bytes 0 means no cap: only for what is not sized by input. The first chunk is taken at the first allocation. */
void arena_init(Arena *a, size_t cap_bytes);
void arena_deinit(Arena *a);
/* Forgets everything but keeps the newest chunk: for scratch arenas used in a loop. */
void arena_reset(Arena *a);
static inline bool arena_over(const Arena *a) {
    return a->cap_bytes && a->used_bytes > a->cap_bytes;
}
/* Bytes the arena holds from the heap, for accounting and for deciding when to compact. */
size_t arena_footprint(const Arena *a);
/* 16-byte aligned, not cleared. */
void *arena_alloc_slow(Arena *a, size_t size);
static inline void *arena_alloc(Arena *a, size_t size) {
    size = (size + !size + 15) & ~(size_t)15; /* never 0, so that the result is never NULL */
    if ((size_t)(a->end - a->at) < size)
        return arena_alloc_slow(a, size);
    void *p = a->at;
    a->at += size;
    a->used_bytes += size;
    return p;
}
static inline void *arena_zalloc(Arena *a, size_t size) {
    return memset(arena_alloc(a, size), 0, size);
}
#define ARENA_NEW(a, T) ((T *)arena_zalloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_zalloc((a), sizeof(T) * (n)))
/* Copies with a NUL after it. */
Str arena_str(Arena *a, Str s);
Str arena_fmt(Arena *a, const char *fmt, ...) PRINTF(2, 3);

#endif
