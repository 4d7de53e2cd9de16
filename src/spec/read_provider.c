/* providers: { local: { kind: openai, url: "http://127.0.0.1:11434/v1" }, openai: { key: "${{ secrets.NAME }}" } }. A model
 * `NAME/model` is asked as its entry says. An entry is read whether a model needs it or not; its secret is asked for only
 * where one does. */
#include "spec/read.h"

static const Sight sight = { .sees = SEES_NO_RUN | SEES_NO_INPUT | SEES_SECRETS,
                             .stands_in = "the project file" };

static const Block *block(void) { return language_block(STR("Provider")); }

/* Whose way of asking is known: the words of `kind`. */
static bool is_kind(Str name) {
    Str form = str_from(language_word(block(), STR("kind"))->form), one, inner;
    for (size_t at = 0; form_next(form, &at, &one);)
        if (form_kind(one, &inner) == FORM_WORD && str_eq(inner, name))
            return true;
    return false;
}

typedef struct ProviderDraft {
    ModelServer *server;
    Governed governed;
} ProviderDraft;

static ModelServer *server_of(void *target) { return ((ProviderDraft *)target)->server; }

static void set_kind(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    read_keyword(r, key, value, block(), &sight, NULL);
    server_of(target)->kind = value->text;
}

static void set_url(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    server_of(target)->url = read_url(r, value, &sight, "the `url` of a provider");
}

static void set_key(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    server_of(target)->key = read_secret(r, value, &sight, key->text);
}

static void set_first_byte(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`first_byte`", &server_of(target)->first_byte_ms);
}

static void set_gap(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`gap`", &server_of(target)->gap_ms);
}

static void set_rate(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_rates(r, value, &((ProviderDraft *)target)->governed);
}

static void set_breaker(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_breaker(r, value, &((ProviderDraft *)target)->governed.breaker);
}

static const KeyRow model_rows[] = { { "rate", set_rate }, { "breaker", set_breaker } };

/* Providers count what single models are asked, besides what they are asked in all. */
static void set_models(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    ProviderDraft *d = target;
    (void)key;
    if (!read_is_map(r, value, "`models` of a provider"))
        return;
    d->server->models = ARENA_ARRAY(r->arena, const Governed *, value->n);
    for (size_t i = 0; i < value->n; i++) {
        const Yaml *name = value->entries[i].key, *model = value->entries[i].value;
        ProviderDraft one = { .governed = { .what = "model",
                                            .name = arena_fmt(r->arena, "%.*s/%.*s",
                                                              STR_FMT(d->governed.name),
                                                              STR_FMT(name->text)) } };
        if (!read_is_map(r, model, "a model of a provider"))
            continue;
        read_block(r, model, language_block(STR("ProviderModel")), model_rows,
                   ARRAY_LEN(model_rows), &sight, &one);
        const Governed *g = read_governed(r, &one.governed, yaml_pos(name), 0);
        if (g)
            d->server->models[d->server->n_models++] = g;
    }
}

static const KeyRow rows[] = { { "kind", set_kind },       { "url", set_url },
                               { "key", set_key },         { "first_byte", set_first_byte },
                               { "gap", set_gap },         { "rate", set_rate },
                               { "breaker", set_breaker }, { "models", set_models } };

static void check_name(Reader *r, const Named *d) {
    if (str_is(d->name, "scripted"))
        error_at(r, d->key, "name", "give it another name",
                 "`scripted` answers from files: it is no provider");
    else if (d->name.len == 0 || str_find(d->name, STR("/")) >= 0)
        error_at(r, d->key, "name", "what stands before the first `/` of a model",
                 "`%.*s` cannot be the name of a provider", (int)MIN(d->name.len, 80), d->name.p);
}

static void read_provider(Reader *r, Named *d) {
    Named *outer;
    ModelServer *s = ARENA_NEW(r->arena, ModelServer);
    check_name(r, d);
    if (!read_is_map(r, d->value, "a provider") || !enter_definition(r, d, &outer))
        return;
    size_t errors = r->diags->errors;
    s->kind = is_kind(d->name) ? d->name : STR("openai");
    ProviderDraft draft = { s, { .what = "provider", .name = d->name } };
    read_block(r, d->value, block(), rows, ARRAY_LEN(rows), &sight, &draft);
    s->governed = read_governed(r, &draft.governed, yaml_pos(d->key), 0);
    leave_definition(r, outer);
    bool found = is_kind(d->name) || yaml_get(d->value, "kind") || yaml_get(d->value, "url");
    if (!found && errors == r->diags->errors)
        error_at(r, d->key, "missing", "`url`, or `kind` for where all of that kind are asked",
                 "where is `%.*s`?", (int)MIN(d->name.len, 80), d->name.p);
    d->thing = s;
}

void read_providers(Reader *r) {
    r->named = NULL;
    define_block(r, r->project->root, &(Scheme){ "providers", false, &r->providers });
    for (Named *d = r->named; d; d = d->next)
        read_provider(r, d);
}

const ModelServer *read_server_of(Reader *r, Str model) {
    ptrdiff_t slash = str_find(model, STR("/"));
    Named *d = slash > 0 ? table_get(&r->providers, 0, str_slice(model, 0, (size_t)slash)) : NULL;
    if (!d)
        return NULL;
    note_use(r, d);
    return d->thing;
}
