/* Base64 (RFC 4648): what bytes are called where only text may stand. */
#ifndef BATON_BASE_BASE64_H
#define BATON_BASE_BASE64_H

#include "base/str.h"

static inline size_t base64_room(size_t bytes) { return (bytes + 2) / 3 * 4; }
/* Writes base64_room(bytes.len) letters, padded, without a NUL. */
void base64_write(Str bytes, char *ret);
/* Reads into `ret`, which has room for text.len; the length, or -1. Padding may be left out; bits that no byte uses must be
 * zero, so that one content has one text. */
ptrdiff_t base64_read(Str text, char *ret);

#endif
