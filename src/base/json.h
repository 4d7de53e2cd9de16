/* A strict JSON reader (RFC 8259) into values.
 *
 * Refused, with byte offset and line:column: anything after the document, duplicate keys, ill-formed UTF-8, lone
 * surrogates, unescaped control characters, depth over LIMIT_DEPTH, more than LIMIT_JSON_NODES nodes, numbers a double
 * cannot hold (1e400). Integers within int64 become int; larger ones up to 2^64-1 uint; those beyond, and all with a
 * fraction or exponent, double. Keys of maps become V_STRING in file order. */
#ifndef BATON_BASE_JSON_H
#define BATON_BASE_JSON_H

#include "base/value.h"

typedef struct JsonError {
    size_t offset;
    unsigned line, column; /* from 1; column counts code points */
    char message[160];     /* what is wrong and, where there is one, the remedy */
} JsonError;
enum { JSON_E_INVALID = 1 };

/* Reads one document. Strings without escapes borrow from `text`: pass a copy in the arena (arena_str) if the value
 * must outlive it. Returns 0 or JSON_E_INVALID with *ret_error filled (may be NULL). */
int json_read(Arena *a, Str text, Value *ret_value, JsonError *ret_error);
/* Same, copying every string. */
int json_read_copy(Arena *a, Str text, Value *ret_value, JsonError *ret_error);

/* Appends a JSON string literal of `s`, quotes included. */
void json_write_string(Buf *b, Str s);
/* Appends the shortest decimal that reads back as d, with ".0" when integral; NaN and infinities as quoted text. */
void json_write_double(Buf *b, double d);

#endif
