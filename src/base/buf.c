/* The buffer grows by doubling and keeps one byte more than `room`, for the NUL of buf_take(). Once over, it stays over
 * and drops everything, also what would still fit: half of a text is worse than none. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_deinit(Buf *b) {
    free(b->p);
    *b = (Buf){ .cap_bytes = b->cap_bytes };
}

char *buf_room_slow(Buf *b, size_t n) {
    if (b->over || n > b->cap_bytes || b->len > b->cap_bytes - n) {
        b->over = true;
        return NULL;
    }
    /* 120: most keys, lines and short texts fit without growing twice. */
    size_t room = MAX(MAX(b->len + n, b->room * 2), (size_t)120);
    room = MIN(room, b->cap_bytes);
    b->p = xrealloc(b->p, room + 1);
    b->room = room;
    return b->p + b->len;
}

void buf_add(Buf *b, const void *p, size_t n) {
    if (n == 0)
        return;
    char *at = buf_room(b, n);
    if (!at)
        return;
    memcpy(at, p, n);
    b->len += n;
}

void buf_str_add(Buf *b, Str s) { buf_add(b, s.p, s.len); }

void buf_fmt(Buf *b, const char *fmt, ...) {
    char text[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ASSERT(n >= 0);
    size_t len = (size_t)n;
    if (len < sizeof text) {
        buf_add(b, text, len);
    } else if (buf_room(b, len)) {
        /* The NUL lands in the byte beyond the room. */
        vsnprintf(b->p + b->len, len + 1, fmt, again);
        b->len += len;
    }
    va_end(again);
}

char *buf_take(Buf *b, size_t *ret_len) {
    char *p = b->p ? b->p : xmalloc(1);
    p[b->len] = '\0';
    if (ret_len)
        *ret_len = b->len;
    *b = (Buf){ .cap_bytes = b->cap_bytes };
    return p;
}

void buf_u8(Buf *b, uint8_t v) { buf_char(b, (char)v); }

void buf_varint(Buf *b, uint64_t v) {
    char bytes[10];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (char)v;
    buf_add(b, bytes, n);
}

void buf_svarint(Buf *b, int64_t v) { buf_varint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63)); }

void buf_blob(Buf *b, Str s) {
    buf_varint(b, s.len);
    buf_str_add(b, s);
}

uint8_t cursor_u8(Cursor *c) {
    if (c->bad || c->p == c->end) {
        c->bad = true;
        return 0;
    }
    return (uint8_t)*c->p++;
}

uint64_t cursor_varint(Cursor *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        /* The tenth byte holds the last bit only. */
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return c->bad ? 0 : v;
    }
    c->bad = true;
    return 0;
}

int64_t cursor_svarint(Cursor *c) {
    uint64_t v = cursor_varint(c);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

Str cursor_bytes(Cursor *c, size_t n) {
    if (c->bad || n > (size_t)(c->end - c->p)) {
        c->bad = true;
        return STR("");
    }
    Str s = { c->p, n };
    c->p += n;
    return s;
}

Str cursor_blob(Cursor *c) {
    uint64_t n = cursor_varint(c);
    return cursor_bytes(c, n);
}
