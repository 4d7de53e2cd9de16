/* The last journal row of each run that was appended to since the last sweep; see sqlite.h for why. A table by run id;
 * the caller locks. */
#ifndef BATON_JOURNAL_HEADS_H
#define BATON_JOURNAL_HEADS_H

#include "base/hash.h"
#include "base/limits.h"

typedef struct Head {
    uint64_t key; /* of the run's row */
    uint64_t row, seq;
    uint64_t closure; /* key */
    uint64_t hash;    /* heads_hash() of the id */
    bool stored;      /* the run's row says the same */
    uint8_t id_len;
    char id[LIMIT_ID_BYTES];
} Head;

typedef struct Heads {
    Head *items; /* in the order they came */
    size_t n, room;
    uint32_t *slots; /* number of the item + 1 */
    size_t n_slots;
} Heads;

void heads_deinit(Heads *h);
/* An append asks several times for the same run: it hashes the id once. */
static inline uint64_t heads_hash(Str id) { return hash_fast(id, 0); }
/* NULL if there is none; valid until the next put. */
Head *heads_find(const Heads *h, Str id, uint64_t hash);
/* The entry of that id, a new one with the rest zero if there was none; valid until the next put. */
Head *heads_put(Heads *h, Str id, uint64_t hash);
void heads_clear(Heads *h);
static inline Str head_id(const Head *h) { return (Str){ h->id, h->id_len }; }

#endif
