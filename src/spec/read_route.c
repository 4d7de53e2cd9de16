/* `route`: the targets, by what one of them is chosen, and who takes over where nobody is. */
#include "spec/read.h"

#include "base/limits.h"
#include "base/mutant.h"

/* Where the file does not say: what tells texts of one kind from others well enough by their letters, and a model that is surer
 * than not. */
#define EXAMPLES_ACCEPT 0.6
#define EXAMPLES_ABSTAIN 0.3
#define MODEL_ACCEPT 0.5

typedef struct RouteDraft {
    Node *node;
    Router *router;
} RouteDraft;
typedef struct RuleDraft {
    RouteDraft *route;
    RouteRule *rule;
} RuleDraft;

/* ---- targets --------------------------------------------------------------------------------------------------------- */

/* Of the agent that is asked, where the target's step says nothing itself. */
static void describe(Reader *r, const Yaml *step, RouteTarget *t) {
    const Callee *c = t->step->callee;
    const Yaml *description = step ? yaml_get(step, "description") : NULL;
    const Yaml *capabilities = step ? yaml_get(step, "capabilities") : NULL;
    const Yaml *exemplars = step ? yaml_get(step, "exemplars") : NULL;
    t->description = STR("");
    if (c) {
        t->description = c->description;
        t->capabilities = c->capabilities;
        t->n_capabilities = c->n_capabilities;
        t->exemplars = c->exemplars;
        t->n_exemplars = c->n_exemplars;
    }
    if (description)
        read_text(r, description, "`description`", &t->description);
    if (capabilities)
        read_texts(r, capabilities, "a capability", &t->capabilities, &t->n_capabilities);
    if (exemplars)
        read_texts(r, exemplars, "an exemplar", &t->exemplars, &t->n_exemplars);
}

/* The first parts are the targets, wherever `to` stands: rules name them. */
static void read_targets(Reader *r, const Yaml *to, RouteDraft *d) {
    Router *router = d->router;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT, .node = d->node };
    if (to->kind != YAML_MAP)
        read_play_agents(r, to, d->node);
    for (size_t i = 0; to->kind == YAML_MAP && i < to->n; i++)
        read_play_step(r, to->entries[i].key, to->entries[i].value, to->entries[i].key->text, false,
                       &sight);
    router->n_targets = d->node->n_parts;
    router->targets = ARENA_ARRAY(r->arena, RouteTarget, router->n_targets);
    for (size_t i = 0; i < router->n_targets; i++) {
        RouteTarget *t = &router->targets[i];
        t->step = d->node->parts[i];
        describe(r, to->kind == YAML_MAP ? yaml_get(to, t->step->name.p) : NULL, t);
    }
}

static void take_to(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    if (value->kind == YAML_SCALAR)
        error_at(r, value, "value", "like `to: [sales, support]`",
                 "`to` is a list of agents, or a map from names to steps");
}

/* ---- rules ----------------------------------------------------------------------------------------------------------- */

static void take_name(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`name`", &((RuleDraft *)target)->rule->name);
}

static void take_priority(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_number(r, value, "`priority`", &((RuleDraft *)target)->rule->priority);
}

static void take_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RuleDraft *d = target;
    (void)key;
    read_later(r, value, d->route->node, SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT, NULL,
               &d->rule->if_);
}

/* That there is such a target is asked by leave_route(). */
static void take_rule_to(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RuleDraft *d = target;
    const Router *router = d->route->router;
    Str name;
    (void)key;
    if (!read_text(r, value, "`to`", &name))
        return;
    for (uint32_t i = 0; i < router->n_targets; i++)
        if (str_eq(router->targets[i].step->name, name))
            d->rule->to = i;
}

static const KeyRow rule_rows[] = {
    { "name", take_name },
    { "priority", take_priority },
    { "if", take_if },
    { "to", take_rule_to },
};

/* Behind those of its priority. The address of a rule is its place: what is compiled later goes there. */
static void sort_rules(Router *router) {
    for (size_t i = 0; i < router->n_rules; i++) {
        size_t at = i, *order = router->order;
        double priority = MUTANT(route_priority_ignored) ? 0 : router->rules[i].priority;
        for (; at > 0 && router->rules[order[at - 1]].priority < priority; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static void take_rules(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    Router *router = d->router;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT, .node = d->node };
    (void)key;
    if (value->kind != YAML_LIST) {
        error_at(r, value, "value",
                 "like `rules: [{ if: \"text.contains('refund')\", to: billing }]`",
                 "`rules` is a list");
        return;
    }
    router->rules = ARENA_ARRAY(r->arena, RouteRule, value->n);
    router->order = ARENA_ARRAY(r->arena, size_t, value->n);
    for (size_t i = 0; i < value->n; i++) {
        RuleDraft rule = { d, &router->rules[router->n_rules] };
        rule.rule->name = STR("");
        if (!read_is_map(r, value->items[i], "a rule"))
            continue;
        read_block(r, value->items[i], language_block(STR("RouteRule")), rule_rows,
                   ARRAY_LEN(rule_rows), &sight, &rule);
        router->n_rules++;
    }
    sort_rules(router);
}

/* ---- examples, and a model ------------------------------------------------------------------------------------------- */

static void take_share(Reader *r, const Yaml *key, const Yaml *value, double *ret_share) {
    const char *what = arena_fmt(&r->scratch, "`%.*s`", STR_FMT(key->text)).p;
    double share;
    if (!read_number(r, value, what, &share))
        return;
    if (share >= 0 && share <= 1)
        *ret_share = share;
    else
        error_at(r, value, "value", "like 0.85", "%s is from 0 to 1", what);
}

static void take_accept(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    take_share(r, key, value, &((RouteDraft *)target)->router->accept);
}

static void take_abstain(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    take_share(r, key, value, &((RouteDraft *)target)->router->abstain);
}

static void take_embed(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Sight sight = { .node = ((RouteDraft *)target)->node };
    read_keyword(r, key, value, language_block(STR("Examples")), &sight,
                 "this Baton compares texts by their letters: leave `embed` out");
}

static const KeyRow example_rows[] = {
    { "embed", take_embed },
    { "accept", take_accept },
    { "abstain", take_abstain },
};

static const Centre *centre_of(Reader *r, const Yaml *y, const RouteTarget *t) {
    if (t->n_exemplars == 0)
        return NULL;
    if (t->n_exemplars > LIMIT_EXEMPLARS) {
        error_at(r, y, "limit", NULL, "`%.*s` has more than %d exemplars", STR_FMT(t->step->name),
                 LIMIT_EXEMPLARS);
        return NULL;
    }
    Centre *c = ARENA_NEW(r->arena, Centre);
    embed_centre(t->exemplars, t->n_exemplars, c);
    return c;
}

static void take_examples(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    Router *router = d->router;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = d->node };
    size_t n = 0;
    if (!read_is_map(r, value, "`examples`"))
        return;
    router->examples = true;
    router->accept = EXAMPLES_ACCEPT;
    router->abstain = EXAMPLES_ABSTAIN;
    read_block(r, value, language_block(STR("Examples")), example_rows, ARRAY_LEN(example_rows),
               &sight, d);
    for (size_t i = 0; i < router->n_targets; i++) {
        router->targets[i].centre = centre_of(r, key, &router->targets[i]);
        n += router->targets[i].n_exemplars;
    }
    if (n == 0 && router->n_targets)
        error_at(r, key, "missing", "give its agents, or its targets, `exemplars: [...]`",
                 "no target of this `route` has exemplars");
    if (router->abstain > router->accept)
        error_at(r, value, "value", "what is near enough to accept is not too far",
                 "`abstain` is more than `accept`");
}

/* What it may answer: a target, and how sure it is. */
static const Type *answer_of(Reader *r, const Router *router) {
    Buf b = BUF_INIT(LIMIT_FILE_BYTES);
    buf_fmt(&b, "{ to: { enum: [");
    for (size_t i = 0; i < router->n_targets; i++)
        buf_fmt(&b, "%s%.*s", i ? ", " : "", STR_FMT(router->targets[i].step->name));
    buf_fmt(&b, "] }, confidence: { type: number, minimum: 0, maximum: 1 }, reasoning: string, "
                "\"requires_context?\": \"string[]\" }");
    YamlFile *file = ARENA_NEW(r->arena, YamlFile);
    int err = yaml_read(r->arena, STR("route"), arena_str(r->arena, buf_str(&b)), r->diags, file);
    ASSERT(err == 0);
    buf_deinit(&b);
    return read_type(r, file->root);
}

static Str names_of(Reader *r, const Router *router) {
    Str names = STR("");
    for (size_t i = 0; i < router->n_targets; i++)
        names = arena_fmt(r->arena, "%.*s%s%.*s", STR_FMT(names), i ? ", " : "",
                          STR_FMT(router->targets[i].step->name));
    return names;
}

static void take_model_name(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    (void)key;
    Callee *c = read_callee_engine(r, value, STR("route_model"), STR("route"));
    if (!c || d->router->n_targets == 0)
        return;
    c->output = answer_of(r, d->router);
    c->own_about = names_of(r, d->router);
    d->router->model = read_play_callee(r, value, c, STR("model"), true, d->node);
}

static void take_model_accept(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    take_share(r, key, value, &((RouteDraft *)target)->router->model_accept);
}

static void take_model_with(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT,
               &d->router->model_with, NULL);
}

static const KeyRow model_rows[] = {
    { "model", take_model_name },
    { "accept", take_model_accept },
    { "with", take_model_with },
};

static void take_model(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT, .node = d->node };
    (void)key;
    d->router->model_accept = MODEL_ACCEPT;
    if (read_is_map(r, value, "the model of `route`"))
        read_block(r, value, language_block(STR("RouteModel")), model_rows, ARRAY_LEN(model_rows),
                   &sight, d);
}

/* ---- the others ------------------------------------------------------------------------------------------------------ */

static void take_text(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_ROUND, &d->router->text, NULL);
}

static void take_capability(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT,
               &d->router->capability, NULL);
}

static void take_prefer(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[PREFER_COUNT] = { "success", "latency", "cost" };
    Router *router = ((RouteDraft *)target)->router;
    Str *named, names[PREFER_COUNT];
    size_t n;
    (void)key;
    for (size_t i = 0; i < PREFER_COUNT; i++)
        names[i] = str_from(words[i]);
    if (!read_texts(r, value, "`prefer`", &named, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        size_t which = 0;
        while (which < PREFER_COUNT && !str_eq(names[which], named[i]))
            which++;
        for (size_t k = 0; k < router->n_prefer; k++)
            if (which == (size_t)router->prefer[k])
                which = PREFER_COUNT;
        if (which == PREFER_COUNT || router->n_prefer == PREFER_COUNT) {
            const char *near = near_remedy(r, named[i], names, PREFER_COUNT);
            error_at(r, value, "value", near ? near : "success latency cost, each once",
                     "`prefer` does not know `%.*s`, or has it already", (int)MIN(named[i].len, 80),
                     named[i].p);
            return;
        }
        router->prefer[router->n_prefer++] = (Prefer)which;
    }
}

static void take_reroute(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`reroute`", 0, 1000, &((RouteDraft *)target)->router->reroute);
}

static void take_else(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RouteDraft *d = target;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_TEXT, .node = d->node };
    d->router->else_ = read_play_step(r, key, value, STR("else"), true, &sight);
}

static const KeyRow rows[] = {
    { "text", take_text },   { "rules", take_rules },           { "examples", take_examples },
    { "model", take_model }, { "capability", take_capability }, { "prefer", take_prefer },
    { "to", take_to },       { "reroute", take_reroute },       { "else", take_else },
};

/* ---- how they are ---------------------------------------------------------------------------------------------------- */

static bool is_held_back(const Callee *c) {
    bool yes = c && c->governed;
    for (size_t i = 0; c && i < c->n_models; i++)
        yes |= c->servers && c->servers[i] && c->servers[i]->governed;
    return yes;
}

/* Who chooses may see it: a rule, a model, or what takes the first who can. */
static void look_at_system(Reader *r, const Yaml *y, RouteDraft *d) {
    const Router *router = d->router;
    bool known = false;
    for (size_t i = 0; i < router->n_targets; i++)
        known |= is_held_back(router->targets[i].step->callee);
    bool sees = router->n_rules || router->model || router->n_prefer || yaml_get(y, "capability");
    if (!known || !sees)
        return;
    d->router->system =
        read_play_callee(r, y, read_callee_system(r, y, router), STR("system"), true, d->node);
    if (router->system)
        d->router->system->verb_word = STR("engine");
}

void read_route(Reader *r, const Yaml *y, Node *node) {
    if (!read_is_map(r, y, "`route`"))
        return;
    RouteDraft d = { .node = node, .router = ARENA_NEW(r->arena, Router) };
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = node };
    const Yaml *to = yaml_get(y, "to");
    node->router = d.router;
    if (to && to->kind != YAML_SCALAR)
        read_targets(r, to, &d);
    read_block(r, y, language_block(STR("Route")), rows, ARRAY_LEN(rows), &sight, &d);
    look_at_system(r, y, &d);
}
