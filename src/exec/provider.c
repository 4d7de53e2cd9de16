#include "exec/provider.h"

#include "exec/secret_source.h"

#include <stdlib.h>

const Provider providers[] = {
    { "anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY" },
    { "gemini", "https://generativelanguage.googleapis.com/v1beta", "GEMINI_BASE_URL",
      "GEMINI_API_KEY" },
    { "ollama", "http://127.0.0.1:11434/v1", "OLLAMA_HOST", NULL },
    { "openai", "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY" },
    { "responses", "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY" },
};
const size_t providers_count = ARRAY_LEN(providers);

const Provider *provider_named(Str name) {
    for (size_t i = 0; i < providers_count; i++) {
        if (str_is(name, providers[i].name))
            return &providers[i];
    }
    return NULL;
}

static Str from_environment(const char *name) {
    const char *value = name ? getenv(name) : NULL;
    return str_from(value ? value : "");
}

static Str without_slash(Str url) {
    while (url.len && url.p[url.len - 1] == '/')
        url.len--;
    return url;
}

/* Ollama's own variable is an address to listen on: "0.0.0.0", "host:port" or a URL, without the path. */
static Str ollama_url(Arena *a, Str host) {
    if (str_find(host, STR("://")) >= 0)
        return str_ends(host, STR("/v1")) ? host : arena_fmt(a, "%.*s/v1", STR_FMT(host));
    if (str_starts(host, STR("0.0.0.0")))
        host = arena_fmt(a, "127.0.0.1%.*s", (int)(host.len - 7), host.p + 7);
    bool port = host.len && memchr(host.p, ':', host.len);
    return arena_fmt(a, "http://%.*s%s/v1", STR_FMT(host), port ? "" : ":11434");
}

ProviderWay provider_own_way(Arena *a, const Provider *p) {
    Str url = without_slash(from_environment(p->url_env));
    if (url.len == 0)
        url = str_from(p->url);
    else if (strcmp(p->name, "ollama") == 0)
        url = ollama_url(a, url);
    ProviderWay way = { .provider = p,
                        .url = url,
                        .key = from_environment(p->key_env),
                        .problem = STR(""),
                        .dialect = dialect_of(str_from(p->name)) };
    bool at_home = str_is(url, p->url);
    way.official = at_home && strcmp(p->name, "openai") == 0;
    if (at_home && p->key_env && way.key.len == 0)
        way.problem = arena_fmt(a,
                                "%s is not set where the engine runs (for another server set %s; "
                                "for work offline use model: scripted/FILE)",
                                p->key_env, p->url_env);
    return way;
}

/* With a server for everything named, a provider is asked directly only where something of its own says so. */
static bool goes_its_own_way(const Provider *p, Str server) {
    return strcmp(p->name, "openai") != 0 && (server.len == 0 || from_environment(p->key_env).len ||
                                              from_environment(p->url_env).len);
}

static ProviderWay default_way(Arena *a, const Provider *p, Str name, Str server, Str key) {
    const Provider *openai = provider_named(STR("openai"));
    server = without_slash(server);
    ProviderWay way = { .provider = p,
                        .url = server.len ? server : str_from(openai->url),
                        .key = key.len ? key : STR(""),
                        .dialect = &dialect_chat,
                        .problem = STR("") };
    way.official = str_is(way.url, openai->url);
    if (way.official && !p && name.len)
        way.problem =
            arena_fmt(a,
                      "no provider `%.*s` is known: say where it is under `providers:` of "
                      "baton.yaml, set OPENAI_BASE_URL to a server that has the model, "
                      "or name one of `baton models`",
                      STR_FMT(name));
    else if (way.official && key.len == 0)
        way.problem = arena_fmt(a, "OPENAI_API_KEY is not set where the engine runs (for another "
                                   "server set OPENAI_BASE_URL; for work offline use model: "
                                   "scripted/FILE)");
    return way;
}

ProviderWay provider_way(Arena *a, Str model, Str server, Str key) {
    ptrdiff_t slash = str_find(model, STR("/"));
    Str name = slash > 0 ? str_slice(model, 0, (size_t)slash) : STR("");
    const Provider *p = provider_named(name);
    return p && goes_its_own_way(p, server) ? provider_own_way(a, p)
                                            : default_way(a, p, name, server, key);
}

/* ---- of the project file --------------------------------------------------------------------------------------------- */

static bool is_http(Str url) {
    return str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
}

static Str text_at(Value map, const char *name) {
    Value v = value_getz(map, name);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

/* A key of the environment is for whom the environment means: it does not go to a url of a file. */
static ProviderWay said_way(Arena *a, Value said, Str server, Str env_key) {
    const Provider *openai = provider_named(STR("openai")),
                   *p = provider_named(text_at(said, "kind"));
    bool has_url = !value_absent(value_getz(said, "url")),
         has_key = !value_absent(value_getz(said, "key"));
    ProviderWay way = p && p != openai ? provider_own_way(a, p)
                                       : default_way(a, openai, STR("openai"), server, env_key);
    if (has_url)
        way.url = without_slash(text_at(said, "url"));
    if (has_url || has_key) {
        way.key = text_at(said, "key");
        way.problem = STR("");
    }
    way.official = way.provider == openai && str_is(way.url, openai->url);
    if (has_url && !is_http(way.url))
        way.problem = STR("the `url` of its provider in baton.yaml is no address of http");
    else if (has_key && way.key.len == 0)
        way.problem = STR(
            "the secret of its provider's `key` in baton.yaml has no value where the engine runs");
    return way;
}

ProviderWay provider_way_of(Arena *a, Value request, Str server, Str key) {
    Value said = value_getz(request, "server");
    return value_is(said, V_MAP) ? said_way(a, said, server, key)
                                 : provider_way(a, text_at(request, "model"), server, key);
}

ModelTarget provider_target(const ProviderWay *way, Value request, Str agent) {
    return (ModelTarget){ .model = model_without_provider(text_at(request, "model")),
                          .agent = agent,
                          .official = way->official,
                          .stream = true };
}

typedef struct Site {
    const Plan *plan;
    Str dir;
} Site;

/* What `url` and `key` may name, and nothing else. */
static Value load(void *ctx, uint64_t slot, Arena *a) {
    const Site *site = ctx;
    const Plan *plan = site->plan;
    if (slot_kind(slot) == SLOT_VAR)
        return plan->vars[slot_number(slot)];
    if (slot_kind(slot) != SLOT_SECRET)
        return VALUE_ABSENT;
    Str value, problem;
    secret_look(&plan->secrets_from, site->dir, plan->secrets[slot_number(slot)].name, a, &value,
                &problem);
    return value_str(value);
}

static void add_text(MapBuilder *m, const char *name, const Template *t, Site *site, Arena *a) {
    CelScope scope = { load, site };
    EvalError error;
    Value v;
    if (!t)
        return;
    bool good = template_eval(t, &scope, a, &v, &error) == 0 && value_is(v, V_STRING);
    map_addz(m, name, good ? v : value_str(STR("")));
}

Value provider_request(Arena *a, const Plan *plan, Str dir, const Callee *c, size_t model) {
    Site site = { plan, dir };
    const ModelServer *s = c->servers[model];
    MapBuilder m = map_builder(a), server = map_builder(a);
    map_addz(&m, "model", value_str(c->models[model]));
    if (s) {
        map_addz(&server, "kind", value_str(s->kind));
        add_text(&server, "url", s->url, &site, a);
        add_text(&server, "key", s->key, &site, a);
        map_addz(&m, "server", map_done(&server, NULL));
    }
    return map_done(&m, NULL);
}
