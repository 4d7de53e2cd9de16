/* guard: what is not let through, of an agent or of the whole workflow. */
#include "spec/read.h"

#include "cel/pattern.h"

typedef struct GuardDraft {
    Guard *guard;
    Sight sight;
} GuardDraft;

static void set_at(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const points[] = { "input", "output", "tool", "content" };
    size_t which;
    (void)key;
    if (read_choice(r, value, "`at`", points, ARRAY_LEN(points), &which))
        ((GuardDraft *)target)->guard->at = (GuardPoint)which;
}

static void set_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    GuardDraft *d = target;
    (void)key;
    d->guard->if_ = read_expr(r, value, &d->sight);
}

static void set_deny(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const Sight nothing;
    Guard *g = ((GuardDraft *)target)->guard;
    size_t errors = r->diags->errors;
    PatternError error;
    (void)key;
    read_form(r, value, STR("pattern | [pattern]"), &nothing, "`deny`");
    if (r->diags->errors != errors || !read_texts(r, value, "a pattern", &g->deny, &g->n_deny))
        return;
    g->patterns = ARENA_ARRAY(r->arena, const Pattern *, g->n_deny);
    for (size_t i = 0; i < g->n_deny; i++) {
        int err = pattern_compile(r->arena, g->deny[i], &g->patterns[i], &error);
        ASSERT(err == 0); /* its form was a pattern's */
    }
}

static void set_then(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = { "fail", "stop" };
    size_t which;
    (void)key;
    if (read_choice(r, value, "`then`", words, ARRAY_LEN(words), &which))
        ((GuardDraft *)target)->guard->stop = which == 1;
}

static const KeyRow rows[] = {
    { "at", set_at },
    { "if", set_if },
    { "deny", set_deny },
    { "then", set_then },
};

/* What an expression may ask about depends on where it looks. */
static unsigned sees_at(const Yaml *y) {
    const Yaml *at = yaml_get(y, "at");
    bool output = at && at->kind == YAML_SCALAR && str_is(at->text, "output");
    return output ? SEES_CALL : SEES_WITH;
}

static void read_one(Reader *r, const Yaml *y, const Sight *sight, Guard *ret_guard) {
    GuardDraft d = { .guard = ret_guard, .sight = *sight };
    *ret_guard = (Guard){ .pos = yaml_pos(y) };
    if (!read_is_map(r, y, "`guard`"))
        return;
    d.sight.sees |= sees_at(y);
    read_block(r, y, language_block(STR("Guard")), rows, ARRAY_LEN(rows), &d.sight, &d);
}

void read_guards(Reader *r, const Yaml *y, const Sight *sight, Guards *ret_guards) {
    bool list = y->kind == YAML_LIST;
    Guards g = { .n = list ? y->n : 1 };
    g.items = ARENA_ARRAY(r->arena, Guard, g.n);
    for (size_t i = 0; i < g.n; i++)
        read_one(r, list ? y->items[i] : y, sight, &g.items[i]);
    *ret_guards = g;
}
