/* What the JSON reader and writer share within base; nobody else includes this. */
#ifndef BATON_BASE_JSON_TEXT_H
#define BATON_BASE_JSON_TEXT_H

#include "base/value.h"

/* Reads the number that starts at `at` (a '-' or a digit). Gives the first byte after it, or NULL with *ret_bad where the
 * number breaks and *ret_why. */
const char *json_read_number(const char *at, const char *end, Value *ret_value,
                             const char **ret_bad, const char **ret_why);
/* Bytes of the well-formed UTF-8 sequence that starts s, or 0. s is not empty. */
size_t str_sequence(Str s);

/* json_plain_prefix() takes the lowest marked byte of a word for the first in the text. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

/* The top bit of each byte of a word that needs attention inside a JSON string; bits after the lowest set one mean
 * nothing: subtracting sets the top bit where a byte was below the bound, and a borrow spoils only bytes after it. */
static inline uint64_t json_marks(const char *p) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    uint64_t marks = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                     ((slash - ones) & ~slash) | word;
    return marks & ones * 0x80;
}
static inline size_t json_first_mark(uint64_t marks) { return (size_t)__builtin_ctzll(marks) / 8; }

/* How many bytes from `p` need no attention inside a JSON string: printable ASCII but quote and backslash. */
static inline size_t json_plain_prefix(const char *p, size_t len) {
    size_t at = 0;
    for (; len - at >= 8; at += 8) {
        uint64_t marks = json_marks(p + at);
        if (marks)
            return at + json_first_mark(marks);
    }
    if (at && at < len) {
        /* The last word again with a part that is known to be plain. */
        uint64_t marks = json_marks(p + len - 8);
        return marks ? len - 8 + json_first_mark(marks) : len;
    }
    for (; at < len; at++) {
        unsigned char c = (unsigned char)p[at];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    return at;
}

#endif
