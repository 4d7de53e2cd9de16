/* `route`: the targets, by what one of them is chosen, and who takes over where nobody is. */
#include "spec/read.h"

#include "base/mutant.h"

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
    { "text", take_text }, { "rules", take_rules },     { "capability", take_capability },
    { "to", take_to },     { "reroute", take_reroute }, { "else", take_else },
};

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
}
