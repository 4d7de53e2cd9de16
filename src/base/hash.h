/* SHA-256, HMAC-SHA-256 and their text forms (libcrypto). Every hash of a value is over its canonical JSON. */
#ifndef BATON_BASE_HASH_H
#define BATON_BASE_HASH_H

#include "base/str.h"

#define HASH_BYTES 32
typedef struct Hash {
    uint8_t b[HASH_BYTES];
} Hash;

Hash hash_bytes(Str s);
/* Hash of the parts one after the other, without lengths between: callers fix the framing. */
Hash hash_parts(const Str *parts, size_t n);
Hash hash_hmac(Str key, Str message);
static inline bool hash_eq(const Hash *a, const Hash *b) {
    return memcmp(a->b, b->b, HASH_BYTES) == 0;
}
static inline Str hash_str(const Hash *h) { return (Str){ (const char *)h->b, HASH_BYTES }; }
/* Lower-case hex with NUL: 65 bytes. */
void hash_hex(const Hash *h, char ret[HASH_BYTES * 2 + 1]);
bool hash_from_hex(Str hex, Hash *ret);
/* Unpadded base32 (RFC 4648, lower case) of the first `bytes` of the hash, for keys and short ids; NUL-terminated,
 * gives the length without it. `room` must hold both. */
size_t hash_base32(const Hash *h, size_t bytes, char *ret, size_t room);
/* A fast, fixed, non-cryptographic 64-bit hash (FNV-1a folded): in-memory tables of names we chose ourselves, jitter. */
uint64_t hash_fast(Str s, uint64_t seed);

#endif
