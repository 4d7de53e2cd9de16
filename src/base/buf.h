/* A growing byte buffer with a mandatory cap. An append past the cap sets a sticky `over` flag and drops the bytes, so
 * a writer appends freely and asks `buf_over()` once at the end (Varnish workspace, curl dynbuf). */
#ifndef BATON_BASE_BUF_H
#define BATON_BASE_BUF_H

#include "base/str.h"

typedef struct Buf {
    char *p;
    size_t len, room;
    size_t cap_bytes;
    bool over;
} Buf;

#define BUF_INIT(cap) ((Buf){ .cap_bytes = (cap) })
void buf_deinit(Buf *b);
static inline void buf_reset(Buf *b) {
    b->len = 0;
    b->over = false;
}
static inline bool buf_over(const Buf *b) { return b->over; }
static inline Str buf_str(const Buf *b) { return (Str){ b->p ? b->p : "", b->len }; }
char *buf_room_slow(Buf *b, size_t n);
/* Room for n more bytes at b->p + b->len, or NULL (and over) past the cap; the caller adds what it wrote to len. */
static inline char *buf_room(Buf *b, size_t n) {
    return b->room - b->len >= n && !b->over && b->p ? b->p + b->len : buf_room_slow(b, n);
}
void buf_add(Buf *b, const void *p, size_t n);
void buf_str_add(Buf *b, Str s);
static inline void buf_char(Buf *b, char c) {
    char *at = buf_room(b, 1);
    if (at) {
        *at = c;
        b->len++;
    }
}
void buf_fmt(Buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Gives the bytes to the caller (NUL-terminated, free() them) and empties the buffer. */
char *buf_take(Buf *b, size_t *ret_len);

/* Binary little-endian and LEB128 forms, used by the row codec and snapshots. */
void buf_u8(Buf *b, uint8_t v);
void buf_varint(Buf *b, uint64_t v);
void buf_svarint(Buf *b, int64_t v); /* zigzag */
void buf_blob(Buf *b, Str s);        /* varint length, bytes; STR_NULL is written as empty */

/* The matching reader: sticky failure, checked once. After a failure every read gives 0 or an empty Str. */
typedef struct Cursor {
    const char *p, *end;
    bool bad;
} Cursor;
static inline Cursor cursor_on(Str s) {
    const char *p = s.p ? s.p : "";
    return (Cursor){ p, p + s.len, false };
}
uint8_t cursor_u8(Cursor *c);
uint64_t cursor_varint(Cursor *c);
int64_t cursor_svarint(Cursor *c);
Str cursor_blob(Cursor *c);
Str cursor_bytes(Cursor *c, size_t n);
static inline bool cursor_done(const Cursor *c) { return !c->bad && c->p == c->end; }

#endif
