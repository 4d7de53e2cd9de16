/* Server-sent events, cut out of bytes as they arrive, split anywhere: lines end with LF, CR or both, `:` begins a comment,
 * several `data` lines are one text with LF between them, a blank line ends an event. An event without data is none. What is
 * not whole when the bytes end was never said. Fed with anything by the fuzzer. */
#ifndef BATON_EXEC_SSE_H
#define BATON_EXEC_SSE_H

#include "base/buf.h"

typedef struct Sse {
    Buf line, data, name; /* of the event that is under way */
    bool after_cr;        /* an LF now belongs to the CR before it */
    bool has_data;
    bool began;
} Sse;
/* `name` is "message" for an event that says none. Both are borrowed for the call. */
typedef void (*SseEvent)(void *ctx, Str name, Str data);

/* What passes the cap ends the stream: sse_over() is true from then on, and nothing more is told. */
void sse_init(Sse *s, size_t event_bytes_max);
void sse_deinit(Sse *s);
/* Begins anew, as after a connection that broke. */
void sse_reset(Sse *s);
void sse_take(Sse *s, Str bytes, SseEvent event, void *ctx);
static inline bool sse_over(const Sse *s) {
    return buf_over(&s->line) || buf_over(&s->data) || buf_over(&s->name);
}

#endif
