/* Regular expressions in RE2's language: no backreferences, no looking around, always the leftmost match, and of those the
 * one that Perl would find. PCRE2's interpreter runs them. Its cost is counted while it works, so a pattern that goes
 * astray on some text is stopped and reported, and how long that takes does not depend on the text.
 *
 *   re2.c      RE2's syntax -> PCRE2's, refusing what RE2 does not have
 *   ecma.c     JavaScript's, for the schemas that are written in it
 *   pattern.c  compiling and matching */
#ifndef BATON_CEL_PATTERN_H
#define BATON_CEL_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"

/* A page of text is more than any pattern that a person reads. */
#define PATTERN_BYTES_MAX (8 * 1024)
/* Groups within groups. */
#define PATTERN_DEPTH_MAX 64
/* Groups whose spans are given: the whole match and \1 to \9. */
#define PATTERN_SPANS 10

typedef struct Pattern Pattern;

typedef struct PatternError {
    size_t offset; /* into the pattern, in bytes */
    char message[160];
} PatternError;

/* How the two make one message. */
#define PATTERN_COMPLAINT "the pattern: %s (at byte %zu)"

enum {
    PATTERN_E_SYNTAX = 1, /* not RE2's language, or too large */
    PATTERN_E_COST,       /* the steps, or the memory for going back, are used up */
    PATTERN_E_TEXT,       /* the text is not UTF-8 */
};

/* Compiles into `a`, where the pattern lives; it borrows nothing of `source`. */
int pattern_compile(Arena *a, Str source, const Pattern **ret_pattern, PatternError *ret_error);
/* The same for ECMA-262's language with the flag u, which JSON Schema takes: it looks around and back. */
int pattern_compile_ecma(Arena *a, Str source, const Pattern **ret_pattern,
                         PatternError *ret_error);
/* Capturing groups. */
unsigned pattern_groups(const Pattern *p);

typedef struct PatternSpan {
    size_t from, to; /* both SIZE_MAX for a group that took no part */
} PatternSpan;

/* What matching needs besides the pattern, kept from one search to the next. */
typedef struct PatternSearch PatternSearch;
PatternSearch *pattern_search_new(void);
PatternSearch *pattern_search_free(PatternSearch *s);

/* Looks for the leftmost match at or after `from` (a boundary between characters; after the first search of a text, 0 must
 * have been searched before). *steps pays for the work, about a step for each thing tried. Gives 0 with *ret_found and, if
 * found, PATTERN_SPANS spans; or PATTERN_E_COST or PATTERN_E_TEXT. */
int pattern_find(PatternSearch *s, const Pattern *p, Str text, size_t from, int64_t *steps,
                 bool *ret_found, PatternSpan *ret_spans);

#endif
