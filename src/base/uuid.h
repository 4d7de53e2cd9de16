/* UUID version 7 (RFC 9562): 48 bits of UTC milliseconds, then random; ids made later sort later. The caller brings
 * clock and randomness. */
#ifndef BATON_BASE_UUID_H
#define BATON_BASE_UUID_H

#include "base/str.h"

#define UUID_CHARS 36
/* Writes 36 characters and a NUL. `random` is 10 bytes. */
void uuid7(int64_t ms, const uint8_t random[10], char ret[UUID_CHARS + 1]);

#endif
