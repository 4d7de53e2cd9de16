/* Layout: 48 bits of milliseconds, 4 of version, 12 random, 2 of variant, 62 random; the random bytes keep their order
 * and lose the six bits that version and variant take. */
#include "base/uuid.h"

void uuid7(int64_t ms, const uint8_t random[10], char ret[UUID_CHARS + 1]) {
    uint8_t bytes[16];
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
    memcpy(bytes + 6, random, 10);
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x70);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    char *at = ret;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = "0123456789abcdef"[bytes[i] >> 4];
        *at++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *at = '\0';
}
