/* A view of bytes by value: it owns nothing and may hold NUL. Text is UTF-8 unless a function says otherwise. */
#ifndef BATON_BASE_STR_H
#define BATON_BASE_STR_H

#include "base/base.h"
#include <string.h>

typedef struct Str {
    const char *p; /* NULL only in STR_NULL, which is "absent"; an empty text has p != NULL */
    size_t len;
} Str;

#define STR(lit) ((Str){ "" lit, sizeof(lit) - 1 })
#define STR_NULL ((Str){ NULL, 0 })
#define STR_FMT(s) (int)(s).len, (s).p /* printf("%.*s", STR_FMT(s)) */

static inline Str str_from(const char *z) { return z ? (Str){ z, strlen(z) } : STR_NULL; }
static inline bool str_eq(Str a, Str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool str_is(Str a, const char *z) { return str_eq(a, str_from(z)); }
static inline Str str_slice(Str s, size_t from, size_t to) {
    ASSERT(from <= to && to <= s.len);
    return (Str){ from ? s.p + from : s.p, to - from };
}
/* Byte order, which for UTF-8 is code point order. */
int str_cmp(Str a, Str b);
bool str_starts(Str s, Str prefix);
bool str_ends(Str s, Str suffix);
/* Offset of the first occurrence, or -1. */
ptrdiff_t str_find(Str s, Str needle);
/* Whole text is a decimal integer in range (optional '-'); the only way text becomes a number outside JSON and CEL. */
bool str_to_i64(Str s, int64_t *ret_value);
bool str_to_u64(Str s, uint64_t *ret_value);
/* Well-formed UTF-8 (no surrogates, no overlong forms). */
bool str_is_utf8(Str s);
/* Code points, given well-formed UTF-8. */
size_t str_codepoints(Str s);
/* Decodes one code point at *pos and advances; 0xFFFD and one byte for ill-formed input. */
uint32_t str_next_codepoint(Str s, size_t *pos);
/* Damerau-Levenshtein distance up to `max` (then max+1), for "did you mean". */
unsigned str_distance(Str a, Str b, unsigned max);
/* The nearest of `names` that a person may have meant (distance at most a third of the length), or STR_NULL. */
Str str_nearest(Str word, const Str *names, size_t n);

#endif
