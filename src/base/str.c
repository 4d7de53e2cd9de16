/* Views of bytes: comparison, numbers, UTF-8, and the nearest name for "did you mean". */
#include "base/str.h"

#include "base/json_text.h"

int str_cmp(Str a, Str b) {
    size_t n = MIN(a.len, b.len);
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(Str s, Str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

bool str_ends(Str s, Str suffix) {
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.p + s.len - suffix.len, suffix.p, suffix.len) == 0);
}

ptrdiff_t str_find(Str s, Str needle) {
    if (needle.len == 0)
        return 0;
    for (size_t at = 0; at + needle.len <= s.len; at++) {
        const char *first = memchr(s.p + at, needle.p[0], s.len - needle.len - at + 1);
        if (!first)
            return -1;
        at = (size_t)(first - s.p);
        if (memcmp(first, needle.p, needle.len) == 0)
            return first - s.p;
    }
    return -1;
}

bool str_to_u64(Str s, uint64_t *ret_value) {
    if (s.len == 0)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *ret_value = v;
    return true;
}

bool str_to_i64(Str s, int64_t *ret_value) {
    bool negative = s.len && s.p[0] == '-';
    uint64_t v;
    if (!str_to_u64(negative ? str_slice(s, 1, s.len) : s, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *ret_value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Bytes of the well-formed sequence at p (of which `left` > 0 are there), or 0; the table 3-7 of Unicode as ranges of
 * the second byte, which is where overlong forms, surrogates and code points past U+10FFFF show. */
static size_t sequence_len(const unsigned char *p, size_t left) {
    unsigned char lead = p[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < len)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

size_t str_sequence(Str s) { return sequence_len((const unsigned char *)s.p, s.len); }

static bool next_eight_are_ascii(const char *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return (word & 0x8080808080808080u) == 0;
}

bool str_is_utf8(Str s) {
    size_t at = 0;
    while (at < s.len) {
        if (s.len - at >= 8 && next_eight_are_ascii(s.p + at)) {
            at += 8;
            continue;
        }
        size_t len = sequence_len((const unsigned char *)s.p + at, s.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

size_t str_codepoints(Str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

uint32_t str_next_codepoint(Str s, size_t *pos) {
    ASSERT(*pos < s.len);
    const unsigned char *p = (const unsigned char *)s.p + *pos;
    size_t len = sequence_len(p, s.len - *pos);
    *pos += len ? len : 1;
    switch (len) {
    case 1: return p[0];
    case 2: return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3: return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    case 4:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    default: return 0xFFFD;
    }
}

/* Names are at most LIMIT_ID_BYTES; longer words are not what a person mistyped. */
enum { DISTANCE_BYTES_MAX = 127 };

/* The table of the classic algorithm, of which three rows are needed: two for a swap of neighbours. */
unsigned str_distance(Str a, Str b, unsigned max) {
    if (str_eq(a, b))
        return 0;
    size_t apart = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (apart > max || a.len > DISTANCE_BYTES_MAX || b.len > DISTANCE_BYTES_MAX)
        return max + 1;
    unsigned rows[3][DISTANCE_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        unsigned least = now[0];
        for (size_t j = 1; j <= b.len; j++) {
            unsigned change = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            now[j] = MIN(change, MIN(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = MIN(now[j], two_above[j - 2] + 1);
            least = MIN(least, now[j]);
        }
        /* A swap reaches back two rows but costs one, so a row whose least is max + 1 cannot lead back to max. */
        if (least > max + 1)
            return max + 1;
    }
    return MIN(rows[a.len % 3][b.len], max + 1);
}

Str str_nearest(Str word, const Str *names, size_t n) {
    unsigned best = word.len < 2 ? 0 : (unsigned)MAX(word.len / 3, (size_t)1);
    Str nearest = STR_NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned d = str_distance(word, names[i], best);
        if (d > best || (nearest.p && d == best))
            continue;
        nearest = names[i];
        best = d;
    }
    return nearest;
}
