/* `context`: what goes along of a conversation. Of a step: what its agent is told of those of steps before it; of a team and its
 * handoffs: what the next member is told. Whose conversation it is, is known when all steps are (place_contexts). */
#include "spec/read.h"

#include "base/limits.h"

struct ContextNote {
    ContextNote *next;
    Node *node; /* the step, or the team */
    Passing *passing;
    const Yaml *at, *from; /* the value of `context`; NULL: it does not say whose */
};

typedef struct ContextDraft {
    const Node *node;
    Passing *passing;
    const Yaml *from;
} ContextDraft;

/* ---- the words ----------------------------------------------------------------------------------------------------------- */

static void take_pass(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = { [PASS_NONE] = "none",
                                         [PASS_FULL] = "full",
                                         [PASS_SUMMARY] = "summary",
                                         [PASS_ARTIFACTS] = "artifacts" };
    size_t which;
    (void)key;
    if (read_choice(r, value, "`context`", words, ARRAY_LEN(words), &which))
        ((ContextDraft *)target)->passing->pass = (Pass)which;
}

static void take_max_tokens(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max_tokens`", 1, 1000000,
               &((ContextDraft *)target)->passing->max_tokens);
}

static void take_focus(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`focus`", &((ContextDraft *)target)->passing->focus);
}

static void take_select(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    ContextDraft *d = target;
    Passing *p = d->passing;
    (void)key;
    if (value->kind != YAML_LIST || value->n == 0) {
        error_at(r, value, "value", "like `select: [\"${{ steps.plan.output }}\"]`",
                 "`select` is a list of values");
        return;
    }
    p->pass = PASS_SELECT;
    p->select = ARENA_ARRAY(r->arena, Template *, value->n);
    p->n_select = value->n;
    for (size_t i = 0; i < value->n; i++)
        read_later(r, value->items[i], d->node, SEES_STEPS | SEES_LOOP | SEES_ROUND, &p->select[i],
                   NULL);
}

static void take_from(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key;
    ((ContextDraft *)target)->from = value;
}

static const KeyRow rows[] = {
    { "pass", take_pass },   { "max_tokens", take_max_tokens },
    { "focus", take_focus }, { "select", take_select },
    { "from", take_from },
};

/* A word that would do nothing is refused rather than passed over. */
static void check_words(Reader *r, const Yaml *y, const Passing *p) {
    const Yaml *pass = yaml_get(y, "pass"), *focus = yaml_get(y, "focus");
    const Yaml *from = yaml_get(y, "from"), *select = yaml_get(y, "select");
    const Yaml *most = yaml_get(y, "max_tokens");
    if (select && (pass || from))
        error_at(r, select, "value", "keep one of the two",
                 "`select` says what goes along: `%s` says it too", pass ? "pass" : "from");
    else if (focus && p->pass != PASS_SUMMARY)
        error_at(r, focus, "value", "`pass: summary`", "`focus` is what a summary is about");
    else if (p->pass == PASS_NONE && (from || most))
        error_at(r, from ? from : most, "value", "take it out", "nothing goes along with `none`");
}

static void note(Reader *r, const Yaml *y, const Node *node, Passing *p, const Yaml *from) {
    ContextNote *n = ARENA_NEW(&r->scratch, ContextNote);
    *n = (ContextNote){
        .next = r->contexts, .node = r->plan->nodes[node->no], .passing = p, .at = y, .from = from
    };
    r->contexts = n;
}

void read_context(Reader *r, const Yaml *y, const Node *node, Passing *ret) {
    ContextDraft d = { .node = node, .passing = ret };
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = node };
    if (y->kind == YAML_MAP) {
        read_block(r, y, language_block(STR("Context")), rows, ARRAY_LEN(rows), &sight, &d);
        check_words(r, y, ret);
    } else {
        take_pass(r, y, y, &d);
    }
    if (d.from || node->verb != VERB_TEAM)
        note(r, y, node, ret, d.from);
}

void read_recall(Reader *r, const Yaml *y, Node *node) {
    node->recall = ARENA_NEW(r->arena, Recall);
    node->recall->passing = (Passing){ .pass = PASS_ARTIFACTS, .focus = STR("") };
    read_context(r, y, node, &node->recall->passing);
}

/* ---- whose it is --------------------------------------------------------------------------------------------------------- */

static bool has_conversation(const Node *n) {
    return n->verb == VERB_INVOKE && n->callee && callee_converses(n->callee->kind) && !n->for_ &&
           !n->repeat;
}

/* By the rules of `steps.ID`; NULL, with the problem told. */
static Node *find(Reader *r, const Yaml *y, const Node *node) {
    Sight sight = { .sees = SEES_STEPS, .node = node };
    NameScope scope = { .reader = r, .sight = sight, .at = y, .source = y->text };
    const Str parts[] = { STR("steps"), y->text, STR("output") };
    uint64_t slot = 0;
    char message[sizeof((CelError *)0)->message] = "";
    if (names_resolve(&scope, parts, ARRAY_LEN(parts), &slot, message) == 0 ||
        slot_kind(slot) != SLOT_STEP) {
        error_at(r, y, scope.error.code ? scope.error.code : "unknown_name", scope.error.remedy,
                 "%s", message[0] ? message : "`from` is the id of a step");
        return NULL;
    }
    Node *found = r->plan->nodes[slot_number(slot)];
    if (has_conversation(found))
        return found;
    error_at(r, y, "value",
             "name a step that asks an agent one talks to, without `for` and `repeat`",
             "there is no one conversation of `%.*s`", (int)MIN(y->text.len, 80), y->text.p);
    return NULL;
}

static void add_from(Passing *p, Node *step) {
    step->recalled = true;
    p->from[p->n_from++] = step;
}

static void place_named(Reader *r, const ContextNote *n) {
    Str *names;
    size_t count;
    if (!read_texts(r, n->from, "`from`", &names, &count))
        return;
    n->passing->from = ARENA_ARRAY(r->arena, const Node *, count);
    for (size_t i = 0; i < count; i++) {
        const Yaml *at = n->from->kind == YAML_LIST ? n->from->items[i] : n->from;
        Node *step = find(r, at, n->node);
        if (step)
            add_from(n->passing, step);
    }
}

/* Those of the steps that it needs. */
static void place_needed(Reader *r, const ContextNote *n) {
    const Node *node = n->node, *group = node->parent;
    n->passing->from = ARENA_ARRAY(r->arena, const Node *, node->n_needs + 1);
    for (size_t i = 0; i < node->n_needs; i++) {
        Node *step = group->children[node->needs[i]];
        if (has_conversation(step))
            add_from(n->passing, step);
    }
    if (n->passing->n_from == 0)
        error_at(r, n->at, "missing", "say whose it is: `context: { pass: full, from: STEP }`",
                 "nothing was said before: no step that it needs talks to an agent once");
}

/* Who sums up is asked as he would be whose conversation it is: by the same model, without his tools. */
Node *read_summary(Reader *r, const Yaml *y, Node *around, const Callee *of, Str name) {
    if (r->plan->n_nodes + 1 >= LIMIT_STEPS)
        return NULL;
    Callee *c = ARENA_NEW(r->arena, Callee);
    *c = *of;
    c->instructions = c->prompt = NULL;
    c->role = STR("");
    c->own_prompt = STR("summary");
    c->own_about = STR("");
    c->tools = NULL;
    c->n_tools = 0;
    c->input = c->output = NULL;
    c->check = NULL;
    c->examples = VALUE_ABSENT;
    c->guards = (Guards){ 0 };
    c->fallbacks = NULL;
    c->n_fallbacks = 0;
    return read_play_callee(r, y, c, name, true, around);
}

/* Who had it, if a model did, else who is told; NULL: neither is asked a model, and all of it goes along. */
static const Callee *who_sums_up(const ContextNote *n) {
    for (size_t i = 0; i < n->passing->n_from; i++)
        if (n->passing->from[i]->callee->kind == CALLEE_MODEL)
            return n->passing->from[i]->callee;
    return n->passing->n_from && n->node->callee->kind == CALLEE_MODEL ? n->node->callee : NULL;
}

static void place(Reader *r, const ContextNote *n) {
    const Callee *c = n->node->callee;
    Recall *recall = n->node->recall;
    if (recall && !c)
        return; /* it is no step of an agent, which is told already */
    if (recall && c->kind && !callee_converses(c->kind)) {
        error_at(r, n->at, "value", "hand it over by `with`",
                 "`context` is for an agent that one talks to");
        return;
    }
    if (n->from)
        place_named(r, n);
    else if (n->passing->pass != PASS_NONE && n->passing->pass != PASS_SELECT)
        place_needed(r, n);
    const Callee *by = recall && recall->passing.pass == PASS_SUMMARY ? who_sums_up(n) : NULL;
    if (by && !r->diags->errors)
        recall->summary = read_summary(r, n->at, n->node, by, STR("summary"));
}

void place_contexts(Reader *r) {
    for (const ContextNote *n = r->diags->errors ? NULL : r->contexts; n; n = n->next)
        place(r, n);
}
