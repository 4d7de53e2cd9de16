/* The syntax of RE2, written anew as what PCRE2 takes for the same. */
#ifndef BATON_CEL_RE2_H
#define BATON_CEL_RE2_H

#include "cel/pattern.h"

/* How PCRE2 is to be told to read it. */
#define RE2_COMPILE_OPTIONS                                                                        \
    (PCRE2_UTF | PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C)

/* Writes the pattern into `out` (at most 54 times its size); false after filling *error. */
bool re2_translate(Str source, Buf *out, PatternError *error);

#endif
