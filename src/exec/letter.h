/* A letter, handed to an SMTP server. Each on a thread of its own, because libcurl waits for what a server says to the end of a
 * letter without ever coming back to whoever drives it: on the loop, a server that hangs there would be an engine that hangs. */
#ifndef BATON_EXEC_LETTER_H
#define BATON_EXEC_LETTER_H

#include "base/str.h"

#include <uv.h>

typedef struct Letter Letter;
/* Letters on their way, of one loop. */
typedef struct Letters {
    uv_loop_t *loop;
    Letter *first;
} Letters;

typedef struct LetterOrder {
    Str url;      /* smtp://USER:PASSWORD@HOST:PORT, or smtps:// */
    Str from, to; /* addresses */
    Str text;     /* RFC 5322, with CRLF */
    int64_t timeout_ms;
} LetterOrder;

typedef struct LetterEnd {
    bool taken;
    int status;  /* the last that the server said; 0: nothing */
    Str problem; /* unless taken, for people */
    int64_t took_us;
} LetterEnd;

/* Copies what it needs of the order. `done` comes once, later, unless the letter is stopped. STARTTLS is insisted on unless the
 * server is this machine. */
Letter *letter_send(Letters *l, const LetterOrder *order,
                    void (*done)(void *ctx, const LetterEnd *end), void *ctx);
/* Gives it up: `done` is not called, the thread ends within a second or two. */
void letter_stop(Letter *l);
void letters_close(Letters *l);

#endif
