/* `decisions`: the one owner of a kind of decision. A kind is a tool, a key of state or a topic of a board; no other agent of
 * the file may have that tool, write that key or post to that topic. So that two agents cannot decide against each other, which
 * is seen before anything runs. */
#include "base/mutant.h"
#include "spec/read.h"

static const Yaml *decisions_of(const Reader *r) {
    const Yaml *y = yaml_get(r->file->root, "decisions");
    return y && y->kind == YAML_MAP ? y : NULL;
}

static bool is_topic(const Reader *r, Str word) {
    for (size_t i = 0; i < r->plan->n_nodes; i++) {
        const Board *b = r->plan->nodes[i]->verb == VERB_BOARD ? r->plan->nodes[i]->board : NULL;
        for (size_t k = 0; b && k < b->n_topics; k++)
            if (str_eq(b->topics[k].name, word))
                return true;
    }
    return false;
}

static void check_kind(Reader *r, const Yaml *key) {
    Str *tools, *state, *names;
    if (table_get(&r->tools, 0, key->text) || table_get(&r->state, 0, key->text) ||
        is_topic(r, key->text))
        return;
    size_t n_tools = table_names(r, &r->tools, &tools), n_state = table_names(r, &r->state, &state);
    names = ARENA_ARRAY(&r->scratch, Str, n_tools + n_state);
    for (size_t i = 0; i < n_tools; i++)
        names[i] = tools[i];
    for (size_t i = 0; i < n_state; i++)
        names[n_tools + i] = state[i];
    const char *near = near_remedy(r, key->text, names, n_tools + n_state);
    error_at(r, key, "unknown_name",
             near ? near : "a kind of decision is a tool, a key of `state` or a topic of a `board`",
             "nothing here is called `%.*s`", (int)MIN(key->text.len, 80), key->text.p);
}

static void refuse(Reader *r, Pos at, Str who, const char *what, const YamlEntry *d) {
    diag_error(r->diags, at, "decision",
               arena_fmt(&r->scratch, "`decisions` on line %u says so", yaml_pos(d->key).line).p,
               "`%.*s` %s `%.*s`, which only `%.*s` decides", (int)MIN(who.len, 80), who.p, what,
               (int)MIN(d->key->text.len, 80), d->key->text.p, (int)MIN(d->value->text.len, 80),
               d->value->text.p);
}

static bool is_owner(const Callee *c, const YamlEntry *d) {
    return c && c->is_agent && str_eq(c->name, d->value->text);
}

static void check_tools(Reader *r, const YamlEntry *d) {
    for (size_t i = 0; i < r->plan->n_callees; i++) {
        const Callee *c = r->plan->callees[i];
        for (size_t k = 0; c->is_agent && !is_owner(c, d) && k < c->n_tools; k++)
            if (str_eq(c->tools[k].callee->name, d->key->text))
                refuse(r, c->pos, c->name, "has the tool", d);
    }
}

static void check_writes(Reader *r, const YamlEntry *d) {
    const StateKey *key = table_get(&r->state, 0, d->key->text);
    for (const StateWrite *w = key ? r->writes[key - r->plan->state] : NULL; w; w = w->next)
        if (!is_owner(w->node->callee, d))
            refuse(r, yaml_pos(w->at), w->node->name, "writes", d);
}

static void check_posts(Reader *r, const YamlEntry *d) {
    for (size_t i = 0; i < r->plan->n_nodes; i++) {
        const Node *n = r->plan->nodes[i];
        const Board *b = n->verb == VERB_BOARD ? n->board : NULL;
        for (size_t k = 0; b && k < b->n_rules && k < n->n_parts; k++)
            if (b->rules[k].to < b->n_topics &&
                str_eq(b->topics[b->rules[k].to].name, d->key->text) &&
                !is_owner(n->parts[k]->callee, d))
                refuse(r, n->parts[k]->pos, n->parts[k]->name, "posts to", d);
    }
}

void read_decisions(Reader *r, const Yaml *y) {
    if (!read_is_map(r, y, "`decisions`"))
        return;
    for (size_t i = 0; i < y->n; i++) {
        if (y->entries[i].value->kind == YAML_SCALAR)
            read_known(r, y->entries[i].value, true);
        else
            error_at(r, y->entries[i].value, "value", "like `decisions: { refund: billing }`",
                     "the owner of a decision is the name of an agent");
    }
}

void check_decisions(Reader *r) {
    const Yaml *y = decisions_of(r);
    for (size_t i = 0; y && i < y->n && !MUTANT(decisions_unchecked); i++) {
        const YamlEntry *d = &y->entries[i];
        check_kind(r, d->key);
        if (d->value->kind != YAML_SCALAR)
            continue;
        check_tools(r, d);
        check_writes(r, d);
        check_posts(r, d);
    }
}
