/* What a model's server answered, as the neutral reply (docs/models.md), the same of every dialect, streamed or not:
 *
 *   { content: text or null, calls: [{ id, name, arguments }], finish: stop | length | calls | pause, model, native }
 *
 * `arguments` is an object, or the raw text where that is no JSON object; `native` as in dialect.h, only where there is
 * something that content and calls do not hold. Written for servers as they are: unknown fields and values are passed over, what
 * may be missing may be missing. Pure, and fed with anything by the fuzzers. */
#ifndef BATON_EXEC_MODEL_REPLY_H
#define BATON_EXEC_MODEL_REPLY_H

#include "exec/model/dialect.h"

typedef struct ModelReply {
    Outcome outcome;
    Sent sent;
    ErrorKind kind; /* KIND_NONE when ok */
    Str message;
    Str payload; /* JSON text: the neutral reply; of a failure { status, body } or { refusal, .. } */
    Usage usage;
    int64_t retry_after_ms; /* that the body asks for; 0: none */
    bool final;             /* the same request would be answered the same: not to be tried again */
} ModelReply;

/* A whole answer, whatever its status. `turn` (how many answers the conversation has already) keeps the ids apart that are made
 * for a server that gives none; `tools`, of the neutral request, give a call its own name back. */
void model_reply(Arena *a, const Dialect *d, int status, Str body, unsigned turn, Value tools,
                 ModelReply *ret);

/* How a stream came to its end. */
typedef enum StreamEnd {
    STREAM_ENDED,   /* the connection did, as it should */
    STREAM_CUT,     /* the connection broke */
    STREAM_STALLED, /* nothing came for too long */
    STREAM_LATE,    /* all of it took too long */
    STREAM_ENDLESS, /* it passed a cap */
    STREAM_GARBAGE, /* an event that is no JSON */
    STREAM_STOPPED, /* we left */
} StreamEnd;
/* What came, if that is an answer; else a failure that says how it ended, with the usage as far as the provider had told it and
 * a token for each piece that came. Without a word of the provider on usage there is none: then the reservation stays spent. */
void model_stream_reply(const Dialect *d, Answer *answer, StreamEnd end, Str problem,
                        ModelReply *ret);

#endif
