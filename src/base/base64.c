#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(Str bytes, char *ret) {
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = MIN(bytes.len - i, (size_t)3);
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < left ? (unsigned char)bytes.p[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            *ret++ = k <= left ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
    }
}

static int sextet(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ptrdiff_t base64_read(Str text, char *ret) {
    Str s = text;
    char *at = ret;
    while (s.len && s.len + 2 >= text.len && s.p[s.len - 1] == '=')
        s.len--;
    uint32_t bits = 0, held = 0;
    if (s.len % 4 == 1 || (s.len != text.len && text.len % 4 != 0))
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (sextet(s.p[i]) < 0)
            return -1;
        bits = bits << 6 | (uint32_t)sextet(s.p[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            *at++ = (char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits ? -1 : at - ret;
}
