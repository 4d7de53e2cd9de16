/* Steps: ids, verbs and modifiers; which go together is in read_fit.c. Expressions of steps are only noted here and
 * compiled when all steps are known (read_text.c).
 *
 *   read_steps -> read_new_node, read_step -> a row per key -> read_modifier.c, read_verb.c, read_callee.c */
#include "spec/read.h"

#include "base/limits.h"

enum { BODY = SEES_STEPS | SEES_LOOP | SEES_ROUND };

static Node *node_of(void *target) { return ((StepDraft *)target)->node; }

/* ---- verbs ----------------------------------------------------------------------------------------------------------- */

static bool take_verb(Reader *r, const Yaml *key, StepDraft *d, Verb verb) {
    if (d->verb) {
        error_at(r, key, "verb", "make two steps of it",
                 "both `%.*s` and `%.*s`: a step has one verb", STR_FMT(d->verb->text),
                 STR_FMT(key->text));
        return false;
    }
    d->verb = key;
    d->node->verb = verb;
    d->node->verb_word = key->text;
    return true;
}

static void set_callee(Reader *r, const Yaml *key, const Yaml *value, StepDraft *d, bool is_agent) {
    if (!take_verb(r, key, d, VERB_INVOKE))
        return;
    d->node->callee = value->kind == YAML_MAP ? read_callee_inline(r, value, is_agent)
                                              : read_callee_named(r, value, is_agent);
}

static void set_agent(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    set_callee(r, key, value, target, true);
}

static void set_tool(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    set_callee(r, key, value, target, false);
}

/* `input` in an unnamed program is what `with` gives; without `with`, the workflow's own input. A `probe`, an `undo` and
 * a part of a verb have what the step was given. */
static void set_unnamed(Reader *r, const Yaml *key, const Yaml *value, StepDraft *d,
                        CalleeKind kind) {
    if (!take_verb(r, key, d, VERB_INVOKE))
        return;
    bool means = r->notes[d->node->no].means || d->place != PLACE_STEP;
    bool has_with = yaml_get(d->yaml, "with") || d->node->handler_of;
    const Sight *home = read_home(r, d->node);
    const Type *type = home ? home->input : means ? NULL : r->plan->input;
    d->node->callee = read_callee_unnamed(r, value, kind, has_with ? NULL : type);
    if (has_with || means)
        return;
    Yaml *input = ARENA_NEW(&r->scratch, Yaml);
    *input = *value;
    input->kind = YAML_SCALAR;
    input->style = YAML_PLAIN;
    input->text = STR("${{ input }}");
    read_later(r, input, d->node, SEES_STEPS, &d->node->with, NULL);
}

static void set_run(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    set_unnamed(r, key, value, target, CALLEE_RUN);
}

static void set_http(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    set_unnamed(r, key, value, target, CALLEE_HTTP);
}

/* `steps: { plan: "${{ ... }}" }`: its steps are data that another step made. */
static bool is_plan_at_run(const Yaml *y) {
    const Yaml *plan = yaml_get(y, "plan");
    return plan && plan->kind != YAML_MAP;
}

/* A person is called like a program: with nothing but what the step says. */
static void set_human(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    StepDraft *d = target;
    Sight sight = { .sees = BODY, .node = d->node };
    if (take_verb(r, key, d, VERB_INVOKE))
        d->node->callee = read_callee_person(r, value, &sight);
}

static void set_call(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    StepDraft *d = target;
    if (take_verb(r, key, d, VERB_INVOKE))
        d->node->callee = read_callee_call(r, value);
}

static void set_approve(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Node *node = node_of(target);
    read_gates(r, value, &(Sight){ .sees = BODY, .node = node }, &node->gates, &node->n_gates);
}

static void set_steps(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    StepDraft *d = target;
    if (!take_verb(r, key, d, is_plan_at_run(value) ? VERB_PLANNED : VERB_GROUP))
        return;
    if (d->node->verb == VERB_GROUP)
        read_steps(r, value, d->node);
    else
        read_planned(r, value, d->node);
}

/* Beside `steps` it is the group's output, not a second verb. */
static void set_return(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    StepDraft *d = target;
    if (yaml_get(d->yaml, "steps"))
        read_later(r, value, d->node, BODY | SEES_CHILDREN, &d->node->result, NULL);
    else if (take_verb(r, key, d, VERB_RETURN))
        read_later(r, value, d->node, BODY, &d->node->result, NULL);
}

static void set_wait(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    if (take_verb(r, key, target, VERB_WAIT))
        read_wait(r, value, node_of(target));
}

static void set_fail(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    if (take_verb(r, key, target, VERB_FAIL))
        read_fail(r, value, node_of(target));
}

/* Verbs with words of their own: told, heard, or played by several steps. */
static const struct {
    const char *word;
    Verb verb;
    void (*read)(Reader *r, const Yaml *y, Node *node);
} plays[] = {
    { "emit", VERB_EMIT, read_emit },
    { "machine", VERB_MACHINE, read_machine },
    { "receive", VERB_RECEIVE, read_receive },
    { "board", VERB_BOARD, read_board },
    { "route", VERB_ROUTE, read_route },
    { "send", VERB_SEND, read_send },
    { "supervise", VERB_SUPERVISE, read_supervise },
    { "team", VERB_TEAM, read_team },
    { "vote", VERB_VOTE, read_vote },
};

static void set_play(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    for (size_t i = 0; i < ARRAY_LEN(plays); i++)
        if (str_is(key->text, plays[i].word) && take_verb(r, key, target, plays[i].verb))
            plays[i].read(r, value, node_of(target));
}

/* Where else it stands read_fit.c refuses it. */
static void set_next(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    if (((StepDraft *)target)->place == PLACE_NAMED)
        read_next(r, value, node_of(target));
}

/* ---- modifiers ------------------------------------------------------------------------------------------------------- */

static void ignore(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value,
        (void)target; /* read before, or by the verb around; `needs` when all siblings are known */
}

static void set_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    if (!node_of(target)->handler_of) /* there it chooses the handler: read_modifier.c */
        read_later(r, value, node_of(target), SEES_STEPS | SEES_FAILED, NULL,
                   &node_of(target)->if_);
}

static void set_for(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_for(r, value, node_of(target));
}

static void set_repeat(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_repeat(r, value, node_of(target));
}

static void set_join(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_join(r, value, &node_of(target)->join);
}

static void set_retry(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_retry(r, value, &node_of(target)->retry);
}

static void set_timeout(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_timeout(r, value, &node_of(target)->timeout_ms, &node_of(target)->queue_ms);
}

static void set_hedge(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_hedge(r, value, &node_of(target)->hedge_ms);
}

static void set_check(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, node_of(target), BODY | SEES_AFTER, NULL, &node_of(target)->check);
}

static void set_on_error(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_on_error(r, value, node_of(target));
}

static void set_effect(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_effect(r, value, &node_of(target)->effect);
}

static void set_key(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, node_of(target), BODY, &node_of(target)->key, NULL);
}

static void set_key_life(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`key_life`", &node_of(target)->key_life_ms);
}

static void set_cache(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`cache`", &node_of(target)->cache_ms);
}

static void set_probe(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    node_of(target)->probe = read_means_of_step(r, value, node_of(target), MEANS_PROBE);
}

static void set_undo(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    node_of(target)->undo = read_means_of_step(r, value, node_of(target), MEANS_UNDO);
}

static void set_commute(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_bool(r, value, "`commute`", &node_of(target)->commute);
}

static void set_limits(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_limits(r, value, &node_of(target)->limits);
}

static void set_with(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, node_of(target), BODY, &node_of(target)->with, NULL);
}

static void set_output(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    node_of(target)->output = read_type(r, value);
}

static void set_context(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_recall(r, value, node_of(target));
}

static void set_set(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_set(r, value, node_of(target));
}

static const KeyRow rows[] = {
    { "id", ignore },           { "needs", ignore },        { "if", set_if },
    { "agent", set_agent },     { "tool", set_tool },       { "run", set_run },
    { "http", set_http },       { "human", set_human },     { "approve", set_approve },
    { "steps", set_steps },     { "wait", set_wait },       { "return", set_return },
    { "fail", set_fail },       { "with", set_with },       { "for", set_for },
    { "repeat", set_repeat },   { "join", set_join },       { "retry", set_retry },
    { "timeout", set_timeout }, { "check", set_check },     { "on_error", set_on_error },
    { "effect", set_effect },   { "key", set_key },         { "key_life", set_key_life },
    { "doubt", ignore },        { "probe", set_probe },     { "undo", set_undo },
    { "commute", set_commute }, { "limits", set_limits },   { "output", set_output },
    { "set", set_set },         { "call", set_call },       { "emit", set_play },
    { "send", set_play },       { "receive", set_play },    { "machine", set_play },
    { "team", set_play },       { "board", set_play },      { "route", set_play },
    { "supervise", set_play },  { "vote", set_play },       { "next", set_next },
    { "cache", set_cache },     { "context", set_context }, { "hedge", set_hedge },
};

/* ---- one step -------------------------------------------------------------------------------------------------------- */

/* What lasts is one effect in all runs by its `key:`; a time does not make it another. */
static void check_cache(Reader *r, const Yaml *y, const Node *n) {
    const Yaml *cache = yaml_get(y, "cache");
    if (cache && n->effect > EFFECT_READ)
        error_at(r, cache, "effect", "`key:` makes one effect of it in every run",
                 "`cache` is for what only reads; this is `%s`", effect_name(n->effect));
}

static void finish_invoke(Node *n) {
    const Callee *c = n->callee;
    if (!c)
        return;
    if (!n->effect)
        n->effect = c->effect;
    if (!n->key_life_ms)
        n->key_life_ms = c->key_life_ms;
    if (!n->retry.declared)
        n->retry = c->retry;
}

/* An undo may stand behind it, or in what it calls. */
static void finish_doubt(Reader *r, const Yaml *y, Node *n) {
    const Yaml *doubt = yaml_get(y, "doubt");
    if (n->effect >= EFFECT_IDEMPOTENT)
        people_told_of_doubts(r);
    if (doubt)
        read_doubt(r, doubt, n->undo || (n->callee && n->callee->undo), &n->doubt);
    if (doubt && n->effect && n->effect < EFFECT_IDEMPOTENT)
        error_at(r, doubt, "effect", "take it out",
                 "what is `%s` is never in doubt: it is asked again", effect_name(n->effect));
}

void read_step(Reader *r, const Yaml *y, Node *node, Place place) {
    StepDraft d = { .node = node, .yaml = y, .place = place };
    Sight sight = { .sees = BODY, .node = node };
    read_block(r, y, language_block(STR("Step")), rows, ARRAY_LEN(rows), &sight, &d);
    read_fit(r, &d);
    finish_invoke(node);
    finish_doubt(r, y, node);
    check_cache(r, y, node);
    check_hedge_of_step(r, y, node);
}

Node *read_new_node(Reader *r, const Yaml *y, Str name, Node *parent) {
    Plan *plan = r->plan;
    if (plan->n_nodes == r->room_nodes) {
        size_t room = r->room_nodes ? r->room_nodes * 2 : 64;
        Node **nodes = ARENA_ARRAY(r->arena, Node *, room);
        const Yaml **yamls = ARENA_ARRAY(&r->scratch, const Yaml *, room);
        NodeNote *notes = ARENA_ARRAY(&r->scratch, NodeNote, room);
        if (plan->n_nodes) {
            memcpy(nodes, plan->nodes, plan->n_nodes * sizeof *nodes);
            memcpy(yamls, r->node_yaml, plan->n_nodes * sizeof *yamls);
            memcpy(notes, r->notes, plan->n_nodes * sizeof *notes);
        }
        plan->nodes = nodes;
        r->node_yaml = yamls;
        r->notes = notes;
        r->room_nodes = room;
    }
    Node *n = ARENA_NEW(r->arena, Node);
    *n = (Node){ .no = (uint32_t)plan->n_nodes,
                 .name = name,
                 .pos = yaml_pos(y),
                 .parent = parent,
                 .limits = limits_none,
                 .retry = RETRY_NONE,
                 .wait_ms = -1,
                 .wait_timeout_ms = -1,
                 .verb_word = STR(""),
                 .signal = STR(""),
                 .waits_for = STR(""),
                 .emit_type = STR(""),
                 .fail_kind = STR("") };
    r->node_yaml[n->no] = y;
    plan->nodes[plan->n_nodes++] = n;
    return n;
}

/* ---- groups ---------------------------------------------------------------------------------------------------------- */

static void name_step(Reader *r, const Yaml *at, Node *n, Node *group) {
    if (str_is(n->name, "on_error"))
        error_at(r, at, "name", "choose another word", "`on_error` cannot be the id of a step");
    Node *twin = table_put(&r->steps, group->no, n->name, n);
    n->has_id = true;
    if (twin)
        error_at(r, at, "duplicate", "give one of them another id",
                 "a step named `%.*s` stands here already, on line %u", STR_FMT(n->name),
                 twin->pos.line);
}

/* An item of a list: its id is a key of its own, or there is none. */
static Node *new_item(Reader *r, const Yaml *y, size_t index, Node *group) {
    Str name = arena_fmt(r->arena, "#%zu", index + 1);
    const Yaml *id = yaml_get(y, "id");
    if (id && !read_id(r, id, "the id of a step", &name) && id->kind == YAML_SCALAR)
        name = id->text; /* refused, but known to those that mean it */
    Node *n = read_new_node(r, y, name, group);
    if (id)
        name_step(r, id, n, group);
    return n;
}

static Node *new_entry(Reader *r, const YamlEntry *e, Node *group) {
    Str name = e->key->text;
    read_id(r, e->key, "the id of a step", &name);
    const Yaml *id = yaml_get(e->value, "id");
    if (id)
        error_at(r, id, "verb", "the key is the id", "a step of a map has no `id`");
    Node *n = read_new_node(r, e->value, name, group);
    n->pos = yaml_pos(e->key);
    name_step(r, e->key, n, group);
    return n;
}

static bool is_steps(Reader *r, const Yaml *y, Node *group) {
    if (y->kind == YAML_SCALAR || y->n == 0) {
        error_at(r, y, "value", "at least one step, in a list or a map", "`steps` is empty");
        return false;
    }
    size_t depth = 0;
    for (const Node *n = group; n; n = n->parent)
        depth++;
    if (depth > LIMIT_FRAME_DEPTH / 2) {
        error_at(r, y, "limit", "at most 32 levels", "groups are nested too deep");
        return false;
    }
    return true;
}

void read_steps(Reader *r, const Yaml *y, Node *group) {
    if (!is_steps(r, y, group))
        return;
    group->ordered = y->kind == YAML_LIST;
    group->children = ARENA_ARRAY(r->arena, Node *, y->n);
    for (size_t i = 0; i < y->n; i++) {
        const Yaml *step = y->kind == YAML_LIST ? y->items[i] : y->entries[i].value;
        if (!read_is_map(r, step, "a step"))
            continue;
        if (r->plan->n_nodes >= LIMIT_STEPS) {
            error_at(r, step, "limit", NULL, "a file has at most %d steps", LIMIT_STEPS);
            return;
        }
        Node *n = group->ordered ? new_item(r, step, i, group)
                                 : new_entry(r, &y->entries[i], group);
        n->index = (uint32_t)group->n_children;
        group->children[group->n_children++] = n;
        read_step(r, step, n, PLACE_STEP);
    }
}
