/* How one kind of server is spoken to. A dialect is pure: it writes a request out of the neutral conversation (want_request()
 * of kernel/run.h) and reads what comes back into an Answer, whole or as events of a stream. model.c does the talking.
 *
 *   { role: system | user | assistant | tool, content, calls: [{ id, name, arguments }], call, name, native }
 *
 * `native` is what an assistant's message carries for its own dialect alone: { dialect, parts }, the answer as it was said,
 * thoughts and their signatures unchanged. A dialect that finds its own name there sends the parts; every other one makes its
 * message of content and calls.
 *
 * What is sent stands in the same order each time, the conversation only grows at its end: what a provider caches is found. */
#ifndef BATON_EXEC_MODEL_DIALECT_H
#define BATON_EXEC_MODEL_DIALECT_H

#include "exec/model/answer.h"

typedef struct ModelTarget {
    Str model;     /* as the provider calls it */
    Str agent;     /* names the output schema */
    bool official; /* OpenAI itself, which refuses the field that every other server knows */
    bool stream;
} ModelTarget;

typedef struct Dialect {
    const char *name; /* never renamed: it stands in journals, in `native` */
    /* Below the base of the server, with a slash before it. */
    Str (*path)(Arena *a, const ModelTarget *target);
    const char *key_header;  /* what stands before the key: "Authorization: Bearer " */
    const char *more_header; /* another that is always sent; NULL: none */
    Value (*request)(Arena *a, Value neutral, const ModelTarget *target);
    void (*reply)(Answer *answer, Value body);
    void (*event)(Answer *answer, Str name, Value data);
    const char *models; /* below the base: where it lists its models */
    bool by_name;       /* a tool's result finds its call by name and place: ids may be missing */
} Dialect;

extern const Dialect dialect_chat, dialect_responses, dialect_anthropic, dialect_gemini;
/* "openai", "responses", "anthropic", "gemini", "ollama": the kinds of providers. */
const Dialect *dialect_of(Str kind);

/* What went wrong, of a body or of an event, wherever servers put it: a map or text; absent if it says nothing of that. */
Value dialect_error(Str event, Value body);
/* One event of a stream; `data` is its text. False: it is nothing that a server of models says. */
bool dialect_take(const Dialect *d, Answer *answer, Str name, Str data);

/* ---- what dialects write with -------------------------------------------------------------------------------------------- */

/* "openai/gpt-5" -> "gpt-5"; "openai/meta-llama/x" -> "meta-llama/x"; without a slash as it is. */
Str model_without_provider(Str model);
/* The text of all system messages; empty if there are none. */
Str neutral_system(Arena *a, Value messages);
bool is_role(Value message, const char *role);
/* As text; empty for null. */
Str neutral_text(Arena *a, Value message);
/* `name` of a tool, a call or a result, as model_name() has it. */
Value neutral_name(Arena *a, Value v);
/* The parts of a message that are for this dialect; absent: there are none. */
Value neutral_native(Value message, const Dialect *d);
/* A call's arguments as the object they are; a text that a model wrote and that is none stands under `unreadable`. */
Value neutral_arguments(Arena *a, Value call);
/* Of a tool; an object without properties if it takes nothing. */
Value neutral_schema(Arena *a, Value tool);
/* { key: value } */
Value map_of(Arena *a, const char *key, Value value);

/* ---- schemas (schema.c) -------------------------------------------------------------------------------------------------- */

/* May be sent with strict: true: every object closed and every field of it required, and no keyword that a server may refuse. */
bool model_schema_is_strict(Value schema);
/* The same, and an object at its top, which is what is held to. */
bool model_schema_is_strict_object(Value schema);
/* What servers hold an answer to that want every object closed: keywords that they refuse are left out (the answer is checked
 * here). Absent where something in it may be anything. */
Value model_schema_closed(Arena *a, Value schema);
/* [A-Za-z0-9_-]{0,64}, as every API wants names: `fs.read` is `fs_read`. */
Str model_name(Arena *a, Str name);
/* The name of an agent's output, never empty. */
Str model_schema_name(Arena *a, Str agent);

#endif
