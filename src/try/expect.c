#include "try/expect.h"

#include "base/limits.h"
#include "cel/map_names.h"
#include "try/chain.h"

/* What a part of an expression shows of its value. */
#define VALUE_SHOWN_BYTES 300
#define PARTS_MAX 16

/* ---- what does not hold -------------------------------------------------------------------------------------------------- */

static void show_value(Buf *b, Value v) {
    Buf text = BUF_INIT(MIB);
    value_write(&text, v);
    Str s = buf_str(&text);
    buf_str_add(b, str_slice(s, 0, MIN(s.len, VALUE_SHOWN_BYTES)));
    if (s.len > VALUE_SHOWN_BYTES)
        buf_str_add(b, STR(" ..."));
    buf_deinit(&text);
}

static bool has_name(Value names, Str name) { return !value_absent(value_get(names, name)); }

static bool shown_before(const Str *shown, size_t n, Str text) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(shown[i], text))
            return true;
    return false;
}

static void show_parts(Buf *b, const Expectation *e, Value names, Arena *a) {
    Str shown[PARTS_MAX];
    const Chain *chains;
    size_t n = chains_of(e->source, a, &chains), n_shown = 0;
    for (size_t i = 0; i < n && n_shown < PARTS_MAX; i++) {
        Str text = chains[i].text;
        CelError error;
        Value v;
        if (!has_name(names, chains[i].first) || shown_before(shown, n_shown, text))
            continue;
        shown[n_shown++] = text;
        buf_fmt(b, "%s%.*s = ", b->len ? "\n" : "", STR_FMT(text));
        if (cel_try(a, text, names, &v, &error) == 0)
            show_value(b, v);
        else
            buf_str_add(b, str_from(error.message));
    }
}

static Str near(Str word, const Str *names, size_t n, Arena *a) {
    Str found = str_nearest(word, names, n);
    return found.p ? arena_fmt(a, "; did you mean `%.*s`?", STR_FMT(found)) : STR("");
}

/* A name that is none of the run's, and nearly one: what the compiler cannot know. */
static void show_near(Buf *b, const Expectation *e, Value names, Arena *a) {
    Str *words = ARENA_ARRAY(a, Str, names.len + 1u);
    const Chain *chains;
    size_t n = chains_of(e->source, a, &chains);
    for (uint32_t i = 0; i < names.len; i++)
        words[i] = value_as_str(value_entry(names, i).key);
    for (size_t i = 0; i < n; i++)
        if (!has_name(names, chains[i].first))
            buf_str_add(b, near(chains[i].first, words, names.len, a));
}

Str expect_check(const Expectation *e, Value names, Arena *a) {
    CelError error;
    Value v;
    Buf b = BUF_INIT(256 * KIB);
    int err = cel_try(a, e->source, names, &v, &error);
    if (err == 0 && value_is(v, V_BOOL) && v.b)
        return STR_NULL;
    if (err) {
        buf_str_add(&b, str_from(error.message));
        show_near(&b, e, names, a);
    } else if (!value_is(v, V_BOOL))
        buf_fmt(&b, "it is neither true nor false, but %.*s", STR_FMT(value_type_name(v)));
    show_parts(&b, e, names, a);
    Str why = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return why;
}

/* ---- what can never hold --------------------------------------------------------------------------------------------------- */

static Str refuse_step(const Plan *plan, Str id, Arena *a) {
    const Node *root = plan->root;
    Str *names = ARENA_ARRAY(a, Str, root->n_children + 1u);
    size_t n = 0;
    for (size_t i = 0; i < root->n_children; i++) {
        if (str_eq(root->children[i]->name, id))
            return STR_NULL;
        if (root->children[i]->has_id)
            names[n++] = root->children[i]->name;
    }
    return arena_fmt(a, "%.*s has no step `%.*s` at its first level%.*s", STR_FMT(plan->file),
                     STR_FMT(id), STR_FMT(near(id, names, n, a)));
}

Str expect_refuse(const Expectation *e, const Plan *plan, Arena *a) {
    const Chain *chains;
    size_t n = chains_of(e->source, a, &chains);
    Str why = STR_NULL;
    for (size_t i = 0; i < n && !why.p; i++)
        if (str_is(chains[i].first, "steps") && chains[i].second.p)
            why = refuse_step(plan, chains[i].second, a);
    return why;
}

/* Parts of addresses, members of sets, agents of workflows that are called: what is nearly no name of the plan is left alone. */
Str script_refuse(const Script *s, const Plan *plan, Arena *a) {
    Str *names = ARENA_ARRAY(a, Str, plan->n_callees + plan->n_nodes);
    size_t n = 0;
    for (size_t i = 0; i < plan->n_callees; i++)
        names[n++] = plan->callees[i]->name;
    for (size_t i = 0; i < plan->n_nodes; i++)
        names[n++] = plan->nodes[i]->name;
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], s->name))
            return STR_NULL;
    Str found = str_nearest(s->name, names, n);
    if (!found.p)
        return STR_NULL;
    return arena_fmt(a, "a script for `%.*s`, which %.*s does not have; did you mean `%.*s`?",
                     STR_FMT(s->name), STR_FMT(plan->file), STR_FMT(found));
}

bool expect_names(const Expectation *e, const char *name, Arena *a) {
    const Chain *chains;
    size_t n = chains_of(e->source, a, &chains);
    for (size_t i = 0; i < n; i++)
        if (str_is(chains[i].first, name))
            return true;
    return false;
}
