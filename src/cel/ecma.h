/* The patterns of JSON Schema: ECMA-262's with the flag u, written anew as what PCRE2 takes for the same. */
#ifndef BATON_CEL_ECMA_H
#define BATON_CEL_ECMA_H

#include "cel/pattern.h"

/* How PCRE2 is to be told to read it. A callout before every item, for pattern.c to count. */
#define ECMA_COMPILE_OPTIONS                                                                       \
    (PCRE2_UTF | PCRE2_AUTO_CALLOUT | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C)

/* Writes the pattern into `out`; false after filling *error. */
bool ecma_translate(Str source, Buf *out, PatternError *error);

#endif
