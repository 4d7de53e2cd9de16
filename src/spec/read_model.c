/* models: { fast: [openai/gpt-5-mini, ...], smart: { use: ..., max_output: 6k } }. A model is `provider/name`; anything
 * else is an alias, which may stand for several in the order of fallback. */
#include "spec/read.h"

/* In an order of fallback; aliases of aliases multiply. */
#define MODELS_MAX 32

static Model *model_named(Reader *r, const Yaml *y, Named *d);

static bool is_model(Str s) {
    ptrdiff_t slash = str_find(s, STR("/"));
    return slash > 0 && (size_t)slash + 1 < s.len;
}

/* Those of this machine: what no one else sees nobody bills. */
static bool is_free(Reader *r, Str model) {
    static const char *const here[] = { "://127.", "://localhost:", "://localhost/", "://[::1]" };
    const ModelServer *s = read_server_of(r, model);
    Str url = s && s->url && s->url->kind == TEMPLATE_CONST && s->url->constant.type == V_STRING
                  ? value_as_str(s->url->constant)
                  : STR("");
    for (size_t i = 0; i < ARRAY_LEN(here); i++)
        if (str_find(url, str_from(here[i])) >= 0)
            return true;
    return str_starts(model, STR("scripted/")) || (!url.len && str_starts(model, STR("ollama/")));
}

static Price price_of(Reader *r, Str model) {
    Named *d = table_get(&r->prices, 0, model);
    if (!d)
        return (Price){ .known = is_free(r, model) };
    note_use(r, d);
    return d->thing ? *(Price *)d->thing : (Price){ 0 };
}

static void add_model(Reader *r, const Yaml *at, Model *m, Str name) {
    if (m->n_models == MODELS_MAX) {
        error_at(r, at, "limit", NULL, "too many models: at most %d", MODELS_MAX);
        return;
    }
    Str *models = ARENA_ARRAY(r->arena, Str, m->n_models + 1);
    Price *prices = ARENA_ARRAY(r->arena, Price, m->n_models + 1);
    const ModelServer **servers = ARENA_ARRAY(r->arena, const ModelServer *, m->n_models + 1);
    if (m->n_models) {
        memcpy(models, m->models, m->n_models * sizeof *models);
        memcpy(prices, m->prices, m->n_models * sizeof *prices);
        memcpy(servers, m->servers, m->n_models * sizeof *servers);
    }
    prices[m->n_models] = price_of(r, name);
    servers[m->n_models] = read_server_of(r, name);
    models[m->n_models++] = name;
    m->models = models;
    m->prices = prices;
    m->servers = servers;
}

/* An alias brings its models and, where nothing is said yet, its settings. */
static void add_alias(Reader *r, const Yaml *at, Model *m, const Model *alias) {
    for (size_t i = 0; i < alias->n_models; i++)
        add_model(r, at, m, alias->models[i]);
    if (!m->cheaper)
        m->cheaper = alias->cheaper;
    if (!m->max_output)
        m->max_output = alias->max_output;
    if (value_absent(m->temperature))
        m->temperature = alias->temperature;
    if (!m->effort.p)
        m->effort = alias->effort;
}

/* Replies of a scripted model are looked for from the workflow's folder: a path that another file names leads there. */
static Str from_workflow(Reader *r, const Yaml *at, Str model) {
    Str scripted = STR("scripted/"), name;
    if (at->file == r->file || !str_starts(model, scripted) ||
        !path_join(r->arena, at->file->name, str_slice(model, scripted.len, model.len), &name))
        return model;
    return arena_fmt(r->arena, "scripted/%.*s", STR_FMT(path_from(r->arena, r->file->name, name)));
}

static bool read_one(Reader *r, const Yaml *y, Model *m) {
    Str s;
    if (!read_text(r, y, "a model", &s))
        return false;
    Named *d = table_get(&r->models, 0, s);
    if (d) {
        note_use(r, d);
        const Model *alias = model_named(r, y, d);
        if (alias)
            add_alias(r, y, m, alias);
        return alias != NULL;
    }
    if (is_model(s)) {
        add_model(r, y, m, from_workflow(r, y, s));
        return true;
    }
    Str *names;
    size_t n = table_names(r, &r->models, &names);
    const char *near = near_remedy(r, s, names, n);
    error_at(r, y, "unknown_name",
             near ? near : "a model is `provider/name`, or a name of `models:`",
             "unknown model `%.*s`", (int)MIN(s.len, 80), s.p);
    return false;
}

static bool read_models_of(Reader *r, const Yaml *y, Model *m) {
    if (y->kind != YAML_LIST)
        return read_one(r, y, m);
    bool good = y->n > 0;
    if (!good)
        error_at(r, y, "value", NULL, "at least one model stands here");
    for (size_t i = 0; i < y->n; i++)
        good &= read_one(r, y->items[i], m);
    return good;
}

static void set_use(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_models_of(r, value, target);
}

static void set_max_output(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_count(r, value, "`max_output`", 1, 10 * 1000 * 1000, &((Model *)target)->max_output);
}

static void set_temperature(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    double t;
    if (!read_number(r, value, "`temperature`", &t))
        return;
    if (t < 0 || t > 2)
        error_at(r, value, "value", NULL, "`temperature` is from 0 to 2");
    ((Model *)target)->temperature = value_double(t);
}

static void set_effort(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`effort`", &((Model *)target)->effort);
}

/* What costs less, for when money runs short. */
static void set_cheaper(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Model *cheaper = ARENA_NEW(r->arena, Model);
    cheaper->temperature = VALUE_ABSENT;
    if (read_models_of(r, value, cheaper))
        ((Model *)target)->cheaper = cheaper;
}

static const KeyRow rows[] = {
    { "use", set_use },       { "max_output", set_max_output }, { "temperature", set_temperature },
    { "effort", set_effort }, { "cheaper", set_cheaper },
};

static const Sight nothing;

void read_with_cheaper(Reader *r, const Yaml *at, Model *m) {
    size_t own = m->n_models;
    for (size_t i = 0; m->cheaper && i < m->cheaper->n_models; i++)
        add_model(r, at, m, m->cheaper->models[i]);
    m->n_cheaper = m->n_models - own;
    m->n_models = own;
}

bool read_model(Reader *r, const Yaml *y, Model *ret_model) {
    *ret_model = (Model){ .temperature = VALUE_ABSENT };
    if (y->kind != YAML_MAP)
        return read_models_of(r, y, ret_model);
    size_t errors = r->diags->errors;
    read_block(r, y, language_block(STR("Model")), rows, ARRAY_LEN(rows), &nothing, ret_model);
    return errors == r->diags->errors;
}

static Model *model_named(Reader *r, const Yaml *y, Named *d) {
    if (d->state == NAMED_OPEN) {
        error_at(r, y, "cycle", NULL, "model `%.*s` stands for itself", STR_FMT(d->name));
        return NULL;
    }
    if (d->state == NAMED_NEW) {
        d->state = NAMED_OPEN;
        Model *m = ARENA_NEW(r->arena, Model);
        Named *outer;
        if (enter_definition(r, d, &outer)) {
            d->thing = read_model(r, d->value, m) ? m : NULL;
            leave_definition(r, outer);
        }
        d->state = NAMED_DONE;
    }
    return d->thing;
}

void read_models(Reader *r) {
    for (Named *d = r->named; d; d = d->next)
        if (table_get(&r->models, 0, d->name) == d)
            model_named(r, d->key, d);
}
