/* What a chat completion server answered, as the neutral reply (docs/models.md):
 *
 *   { content: text or null, calls: [{ id, name, arguments }], finish: stop|length|calls|content_filter, model }
 *
 * `arguments` is an object, or the raw text where that is no JSON object. Written for servers as they are: unknown fields
 * and values are passed over, what may be missing may be missing. Pure, and fed with anything by the fuzzer. */
#ifndef BATON_EXEC_MODEL_REPLY_H
#define BATON_EXEC_MODEL_REPLY_H

#include "base/value.h"
#include "kernel/fact.h"

typedef struct ModelReply {
    Outcome outcome;
    Sent sent;
    ErrorKind kind; /* KIND_NONE when ok */
    Str message;
    Str payload; /* JSON text: the neutral reply; of a failure { status, body } or { refusal, .. } */
    Usage usage;
} ModelReply;

/* `tools`, of the neutral request, give a call its own name back.
 * `turn` (how many answers the conversation has already) keeps the ids apart that are made for a server that gives none. */
void model_reply(Arena *a, int status, Str body, unsigned turn, Value tools, ModelReply *ret);

#endif
