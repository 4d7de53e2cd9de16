/* `team`: the members, who may hand the conversation over to whom, and what goes along. Each member gets a tool for each who
 * may take over from it: what the tool takes is the contract of that edge. */
#include "spec/read.h"

#include "base/limits.h"

typedef struct TeamDraft {
    Node *node;
    Team *team;
    Handoff *handoff;
    const Type *expects;
} TeamDraft;

/* ---- members --------------------------------------------------------------------------------------------------------- */

static Node *member_named(const Node *team, Str name) {
    for (size_t i = 0; i < team->n_parts; i++)
        if (str_eq(team->parts[i]->name, name))
            return team->parts[i];
    return NULL;
}

/* Whoever is named anywhere is one; NULL when refused. */
static Node *read_member(Reader *r, const Yaml *y, Node *team) {
    Str name;
    if (!read_text(r, y, "the name of an agent", &name))
        return NULL;
    Node *known = member_named(team, name);
    return known ? known : read_play_agent(r, y, name, false, team);
}

static void read_each_member(Reader *r, const Yaml *y, Node *team) {
    for (size_t i = 0; y && y->kind == YAML_LIST && i < y->n; i++)
        read_member(r, y->items[i], team);
    if (y && y->kind == YAML_SCALAR)
        read_member(r, y, team);
}

/* Before all else: what is said of one names others. */
static void read_members(Reader *r, const Yaml *y, Node *team) {
    const Yaml *handoffs = yaml_get(y, "handoffs"), *then = yaml_get(y, "then");
    read_each_member(r, yaml_get(y, "start"), team);
    for (size_t i = 0; handoffs && handoffs->kind == YAML_MAP && i < handoffs->n; i++) {
        const Yaml *to = handoffs->entries[i].value;
        read_member(r, handoffs->entries[i].key, team);
        read_each_member(r, to->kind == YAML_MAP ? NULL : to, team);
        for (size_t k = 0; to->kind == YAML_MAP && k < to->n; k++)
            read_member(r, to->entries[k].key, team);
    }
    for (size_t i = 0; then && then->kind == YAML_MAP && i < then->n; i++) {
        read_member(r, then->entries[i].key, team);
        read_each_member(r, then->entries[i].value, team);
    }
    read_each_member(r, yaml_get(y, "finish"), team);
    read_each_member(r, yaml_get(y, "watch"), team);
}

static Member *member_of(const TeamDraft *d, const Node *part) {
    return &d->team->members[part->index];
}

static void mark(Reader *r, const Yaml *y, const TeamDraft *d, size_t at) {
    const Yaml *const *items = y->kind == YAML_LIST ? (const Yaml *const *)y->items : &y;
    size_t n = y->kind == YAML_LIST ? y->n : 1;
    for (size_t i = 0; i < n; i++) {
        Node *part = items[i]->kind == YAML_SCALAR ? member_named(d->node, items[i]->text) : NULL;
        if (part)
            *(bool *)((char *)member_of(d, part) + at) = true;
        else if (items[i]->kind != YAML_SCALAR)
            error_at(r, items[i], "value", NULL, "members are named");
    }
}

/* ---- one handoff ------------------------------------------------------------------------------------------------------- */

static void handoff_context(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)key;
    read_context(r, value, d->node, &d->handoff->context);
}

static void handoff_expects(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)key;
    d->expects = read_type(r, value);
    if (!d->expects || d->expects->kind == TYPE_RECORD)
        return;
    error_at(r, value, "type", "like `expects: { tried: \"string[]\", guess: string }`",
             "`expects` names the fields that who hands over must fill in");
    d->expects = NULL;
}

static void handoff_check(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_WITH, NULL,
               &d->handoff->check);
}

static const KeyRow handoff_rows[] = {
    { "context", handoff_context },
    { "expects", handoff_expects },
    { "check", handoff_check },
};

/* What is said along, and what the contract wants. */
static const Type *type_of_handoff(Reader *r, const Yaml *y, const Type *expects) {
    Type *t = type_new(r, TYPE_RECORD);
    size_t n = expects ? expects->n_fields : 0;
    t->fields = ARENA_ARRAY(r->arena, TypeField, n + 1);
    if (!expects || !type_field(expects, STR("message")))
        t->fields[t->n_fields++] = (TypeField){ .name = STR("message"),
                                                .type = type_new(r, TYPE_STRING),
                                                .optional = true };
    for (size_t i = 0; i < n; i++) {
        t->fields[t->n_fields++] = expects->fields[i];
        if (!type_add_part(r, y, t, expects->fields[i].type))
            return NULL;
    }
    return t;
}

static Callee *new_tool(Reader *r, const Yaml *y, Str name, Str description, const Type *input) {
    Callee *c = read_new_callee(r, y, name, false);
    c->kind = CALLEE_ECHO;
    c->effect = EFFECT_PURE;
    c->description = description;
    c->input = input;
    return c;
}

static AgentTool *add_tool(Reader *r, Node *member, size_t room, const Callee *c) {
    if (!member->tools)
        member->tools = ARENA_ARRAY(r->arena, AgentTool, room);
    AgentTool *t = &member->tools[member->n_tools++];
    *t = (AgentTool){ .callee = c, .name = c->name, .calls = -1 };
    return t;
}

/* Also one for the watcher: that the answer may stand. */
static void give_tool(Reader *r, const Yaml *y, TeamDraft *d, Node *from, Handoff *h) {
    Str about = h->to->callee->description;
    Str name = arena_fmt(r->arena, "handoff_%.*s", STR_FMT(h->to->name));
    Str says = arena_fmt(r->arena, "Hands the conversation over to %.*s.%s%.*s",
                         STR_FMT(h->to->name), about.len ? " " : "", STR_FMT(about));
    const Type *input = type_of_handoff(r, y, d->expects);
    if (input)
        add_tool(r, from, d->team->n_members + 1, new_tool(r, y, name, says, input));
}

static void read_handoff(Reader *r, const Yaml *name, const Yaml *y, TeamDraft *d, Node *from) {
    Node *to = name->kind == YAML_SCALAR ? member_named(d->node, name->text) : NULL;
    Member *m = member_of(d, from);
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = d->node };
    if (!to)
        return;
    for (size_t i = 0; i < m->n_to; i++)
        if (m->to[i].to == to) {
            error_at(r, name, "duplicate", "keep one of the two", "`%.*s` stands here twice",
                     STR_FMT(to->name));
            return;
        }
    if (to == from) {
        error_at(r, name, "value", "take it out", "nobody hands over to itself");
        return;
    }
    d->handoff = &m->to[m->n_to++];
    *d->handoff = (Handoff){ .to = to, .context = d->team->context };
    d->expects = NULL;
    if (y && y->kind == YAML_MAP)
        read_block(r, y, language_block(STR("Handoff")), handoff_rows, ARRAY_LEN(handoff_rows),
                   &sight, d);
    else if (y)
        read_context(r, y, d->node, &d->handoff->context);
    give_tool(r, name, d, from, d->handoff);
}

static void take_handoffs(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)key;
    if (!read_is_map(r, value, "`handoffs`"))
        return;
    for (size_t i = 0; i < value->n; i++) {
        const Yaml *from = value->entries[i].key, *to = value->entries[i].value;
        Node *part = member_named(d->node, from->text);
        if (!part)
            continue;
        member_of(d, part)->to = ARENA_ARRAY(r->arena, Handoff, to->n + 1);
        if (to->kind == YAML_SCALAR)
            read_handoff(r, to, NULL, d, part);
        for (size_t k = 0; to->kind == YAML_LIST && k < to->n; k++)
            read_handoff(r, to->items[k], NULL, d, part);
        for (size_t k = 0; to->kind == YAML_MAP && k < to->n; k++)
            read_handoff(r, to->entries[k].key, to->entries[k].value, d, part);
    }
}

/* ---- the verb ---------------------------------------------------------------------------------------------------------- */

static void take_start(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)r, (void)key;
    d->team->start = value->kind == YAML_SCALAR ? member_named(d->node, value->text) : NULL;
}

static void take_then(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)key;
    if (!read_is_map(r, value, "`then`"))
        return;
    for (size_t i = 0; i < value->n; i++) {
        const YamlEntry *e = &value->entries[i];
        Node *from = member_named(d->node, e->key->text);
        Node *to = e->value->kind == YAML_SCALAR ? member_named(d->node, e->value->text) : NULL;
        if (!from || !to)
            continue;
        member_of(d, from)->then = to;
    }
}

static void take_finish(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    mark(r, value, target, offsetof(Member, finishes));
}

static void take_watch(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    mark(r, value, target, offsetof(Member, watches));
}

static void take_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max`", 1, 10000, &((TeamDraft *)target)->team->max);
}

static void take_until(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    TeamDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_AFTER, NULL, &d->team->until);
}

static void take_return_after(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`return_after`", &((TeamDraft *)target)->team->return_after_ms);
}

/* Handoffs take what the team's `context` says: it is read before them. */
static void take_before(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target;
}

static const KeyRow rows[] = {
    { "start", take_start },   { "then", take_then },   { "handoffs", take_handoffs },
    { "finish", take_finish }, { "watch", take_watch }, { "context", take_before },
    { "max", take_max },       { "until", take_until }, { "return_after", take_return_after },
};

/* ---- what follows ------------------------------------------------------------------------------------------------------ */

static bool sums_up(const Team *t, const Member *m) {
    bool yes = m->then && t->context.pass == PASS_SUMMARY;
    for (size_t i = 0; i < m->n_to; i++)
        yes |= m->to[i].context.pass == PASS_SUMMARY;
    return yes;
}

static void add_summaries(Reader *r, const Yaml *y, TeamDraft *d) {
    size_t n = 0;
    for (size_t i = 0; i < d->team->n_members; i++) {
        const Node *part = d->node->parts[i];
        if (!sums_up(d->team, &d->team->members[i]) || part->callee->kind != CALLEE_MODEL)
            continue;
        Str name = n ? arena_fmt(r->arena, "summary%zu", n + 1) : STR("summary");
        d->team->members[i].summary = read_summary(r, y, d->node, part->callee, name);
        n++;
    }
}

static void give_watchers(Reader *r, const Yaml *y, TeamDraft *d) {
    Str says = STR("The answer may stand. Call it only when you were asked whether it may.");
    for (size_t i = 0; i < d->team->n_members; i++)
        if (d->team->members[i].watches)
            add_tool(r, d->node->parts[i], d->team->n_members + 1,
                     new_tool(r, y, STR("accept_answer"), says, type_of_handoff(r, y, NULL)));
}

static void check_members(Reader *r, const Yaml *y, const TeamDraft *d) {
    for (size_t i = 0; i < d->team->n_members; i++) {
        const Member *m = &d->team->members[i];
        const Node *part = d->node->parts[i];
        if (!m->finishes && !m->then && !m->n_to)
            error_at(r, y, "unreachable", "name it in `finish`, or give it a handoff",
                     "`%.*s` may neither answer nor hand over", STR_FMT(part->name));
        if ((m->n_to || m->watches) && part->callee->kind && part->callee->kind != CALLEE_MODEL)
            error_at(r, y, "value", "say who comes after it by `then`",
                     "`%.*s` is asked no model: it has no tools to hand over by",
                     STR_FMT(part->name));
    }
}

void read_team(Reader *r, const Yaml *y, Node *node) {
    if (!read_is_map(r, y, "`team`"))
        return;
    TeamDraft d = { .node = node, .team = ARENA_NEW(r->arena, Team) };
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = node };
    const Yaml *context = yaml_get(y, "context");
    *d.team = (Team){ .max = 1,
                      .return_after_ms = -1,
                      .context = { .pass = PASS_SUMMARY, .focus = STR("") } };
    node->team = d.team;
    read_members(r, y, node);
    d.team->n_members = node->n_parts;
    d.team->members = ARENA_ARRAY(r->arena, Member, node->n_parts);
    if (context)
        read_context(r, context, node, &d.team->context);
    read_block(r, y, language_block(STR("Team")), rows, ARRAY_LEN(rows), &sight, &d);
    for (size_t i = 0; i < d.team->n_members && !yaml_get(y, "finish"); i++)
        d.team->members[i].finishes = !d.team->members[i].then;
    give_watchers(r, y, &d);
    add_summaries(r, y, &d);
    if (!r->diags->errors)
        check_members(r, y, &d);
    node->play_max = 2 * (d.team->max + 1);
}
