/* From the neutral request of a model call (want_request() in kernel/run.h) to the body of a chat completion. Pure. */
#ifndef BATON_EXEC_MODEL_REQUEST_H
#define BATON_EXEC_MODEL_REQUEST_H

#include "base/value.h"

typedef struct ModelTarget {
    Str model;     /* as the provider calls it */
    Str agent;     /* names the output schema */
    bool official; /* OpenAI itself, which refuses the field that every other server knows */
} ModelTarget;

/* "openai/gpt-5" -> "gpt-5"; "openai/meta-llama/x" -> "meta-llama/x"; without a slash as it is. */
Str model_without_provider(Str model);
/* [A-Za-z0-9_-]{0,64}, as the API wants names: `fs.read` is `fs_read`. */
Str model_name(Arena *a, Str name);
Value model_request(Arena *a, Value neutral, const ModelTarget *target);
/* May be sent with strict: true: every object closed and every field of it required, and no
 * keyword that a server may refuse. */
bool model_schema_is_strict(Value schema);

#endif
