/* Numbers and times as people read them, and colours for a terminal. */
#ifndef BATON_TRACE_WORDS_H
#define BATON_TRACE_WORDS_H

#include "base/buf.h"
#include "kernel/fact.h"

typedef struct Ink { /* how to draw: escape sequences or nothing */
    bool colour;
    unsigned width; /* of the terminal; 0: as long as it takes */
} Ink;

/* "1.2s", "850ms", "0.4ms", "2m3s". */
void words_duration_us(Buf *b, int64_t us);
/* "340", "1.2k", "3.4M". */
void words_count(Buf *b, int64_t n);
/* "14:03:22.123" UTC. */
void words_clock(Buf *b, int64_t ms);
/* Escape sequences, empty without colour. */
const char *ink_status(const Ink *ink, Status s);
const char *ink_dim(const Ink *ink);
const char *ink_bold(const Ink *ink);
const char *ink_end(const Ink *ink);
/* One character for a status: a filled or an open mark. */
const char *words_mark(Status s);
/* "in doubt", "running": a status in words. */
const char *words_status(Status s);
/* Without control characters, so that nothing found in data steers a terminal; at most `max` code points, then an ellipsis. */
void words_clean(Buf *b, Str s, size_t max);

#endif
