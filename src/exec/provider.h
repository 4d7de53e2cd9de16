/* Where and how a model is asked: its provider's server, key and dialect, from the project file, where it names the provider,
 * else from the environment of the engine. No file holds a key: the project file names a secret.
 *
 *   openai/..  responses/..  anthropic/..  gemini/..  ollama/..   at their own servers, by their own keys, in their own dialects
 *   any other, or OPENAI_BASE_URL is set            at that server; a provider whose own key or address is set keeps its own
 *   in `providers:` of the project                  at the url and by the key that stand there; without a url where its kind
 *                                                   is asked, without both by the key of the environment */
#ifndef BATON_EXEC_PROVIDER_H
#define BATON_EXEC_PROVIDER_H

#include "exec/model/dialect.h"
#include "spec/plan.h"

typedef struct Provider {
    const char *name;
    const char *url;     /* base of its API */
    const char *url_env; /* names another one */
    const char *key_env; /* NULL: it wants no key */
} Provider;
/* Sorted by name. */
extern const Provider providers[];
extern const size_t providers_count;
const Provider *provider_named(Str name);

typedef struct ProviderWay {
    const Provider *provider; /* NULL: a name that is not in the table */
    Str url;                  /* base, without a slash at the end */
    Str key;                  /* empty: none is sent */
    const Dialect *dialect;
    bool official; /* OpenAI itself, whose field for the output cap is its own */
    Str problem;   /* why it cannot be asked, and what to do; empty: it can */
} ProviderWay;
/* `server` and `key` as ExecOptions has them: what OPENAI_BASE_URL and OPENAI_API_KEY say; may be empty. */
ProviderWay provider_way(Arena *a, Str model, Str server, Str key);
/* The same for a request of a model call, by its `server`, if the project gave it one, else by its `model`. */
ProviderWay provider_way_of(Arena *a, Value request, Str server, Str key);
/* Of a request that goes that way: every model is asked to stream. */
ModelTarget provider_target(const ProviderWay *way, Value request, Str agent);
/* The request's `model` and `server` before there is one, with the secrets that are there without asking a
 * command. `dir`: of the run. */
Value provider_request(Arena *a, const Plan *plan, Str dir, const Callee *c, size_t model);
/* The way to a provider itself, whatever OPENAI_BASE_URL says of others. */
ProviderWay provider_own_way(Arena *a, const Provider *p);

#endif
