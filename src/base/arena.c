/* An arena is a chain of heap chunks, the newest first. Chunks start small because a sleeping run keeps one arena and a
 * hundred thousand runs may sleep; they double because a large replay should not pay for a chain of small ones.
 *
 *   chunks -> [newest: ....used....|free] -> [older, full] -> [a big one] -> ...
 *                                  ^at   ^end
 *
 * An allocation that would waste most of a new chunk gets a chunk of its own behind the newest, whose free part stays
 * in use. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct ArenaChunk {
    ArenaChunk *older;
    size_t size; /* with this header */
};
_Static_assert(sizeof(ArenaChunk) % 16 == 0, "the bytes after the header must be 16-byte aligned");

/* A malloc header less than a power of two, so that the heap's own rounding wastes nothing. */
enum { MALLOC_HEADER = 16, CHUNK_FIRST = 1024, CHUNK_LAST = 256 * 1024 };

void arena_init(Arena *a, size_t cap_bytes) { *a = (Arena){ .cap_bytes = cap_bytes }; }

static void free_chain(ArenaChunk *c) {
    while (c) {
        ArenaChunk *older = c->older;
        free(c);
        c = older;
    }
}

void arena_deinit(Arena *a) {
    free_chain(a->chunks);
    *a = (Arena){ .cap_bytes = a->cap_bytes };
}

static char *chunk_bytes(ArenaChunk *c) { return (char *)(c + 1); }

static char *chunk_end(ArenaChunk *c) { return (char *)c + c->size; }

void arena_reset(Arena *a) {
    ArenaChunk *newest = a->chunks;
    a->used_bytes = 0;
    if (!newest)
        return;
    free_chain(newest->older);
    newest->older = NULL;
    /* A chunk made for one big allocation would be kept for good. */
    if (newest->size > CHUNK_LAST) {
        free(newest);
        *a = (Arena){ .cap_bytes = a->cap_bytes };
        return;
    }
    a->at = chunk_bytes(newest);
    a->end = chunk_end(newest);
}

size_t arena_footprint(const Arena *a) {
    size_t total = 0;
    for (const ArenaChunk *c = a->chunks; c; c = c->older)
        total += c->size;
    return total;
}

static ArenaChunk *new_chunk(size_t size) {
    ArenaChunk *c = xmalloc(size);
    *c = (ArenaChunk){ .size = size };
    return c;
}

static size_t next_chunk_size(const Arena *a) {
    size_t size = a->chunks ? (a->chunks->size + MALLOC_HEADER) * 2 : CHUNK_FIRST;
    return MIN(size, (size_t)CHUNK_LAST) - MALLOC_HEADER;
}

static void *alloc_own_chunk(Arena *a, size_t size) {
    ArenaChunk *c = new_chunk(sizeof(ArenaChunk) + size);
    c->older = a->chunks->older;
    a->chunks->older = c;
    return chunk_bytes(c);
}

void *arena_alloc_slow(Arena *a, size_t size) {
    /* SIZE_MAX / 2: a size that was computed from a negative number or wrapped. */
    ASSERT(size <= SIZE_MAX / 2);
    size_t chunk_size = next_chunk_size(a);
    a->used_bytes += size;
    if (size > chunk_size / 2 && a->chunks)
        return alloc_own_chunk(a, size);
    ArenaChunk *c = new_chunk(MAX(chunk_size, sizeof(ArenaChunk) + size));
    c->older = a->chunks;
    a->chunks = c;
    a->at = chunk_bytes(c) + size;
    a->end = chunk_end(c);
    return chunk_bytes(c);
}

Str arena_str(Arena *a, Str s) {
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return (Str){ copy, s.len };
}

Str arena_fmt(Arena *a, const char *fmt, ...) {
    char text[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ASSERT(n >= 0);
    Str result = { text, (size_t)n };
    if (result.len < sizeof text) {
        result = arena_str(a, result);
    } else {
        char *long_text = arena_alloc(a, result.len + 1);
        vsnprintf(long_text, result.len + 1, fmt, again);
        result.p = long_text;
    }
    va_end(again);
    return result;
}
