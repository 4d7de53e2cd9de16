/* What is asked: who may answer, what is shown and its hash, who is told, and why a decision is none. What follows from an answer is in
 * shapes/human.c. */
#include "kernel/asked.h"
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/step.h"

Role asked_role(const Frame *f) {
    if (f->part == PART_GATE)
        return f->parent->part == PART_CALL ? ROLE_TOOL_GATE : ROLE_GATE;
    return f->part == PART_CALL ? ROLE_TOOL : ROLE_STEP;
}

const Ask *asked_ask(const Frame *f) {
    switch (asked_role(f)) {
    case ROLE_STEP: return f->node->callee->ask;
    case ROLE_TOOL: return agent_call_tool(f, STR(""))->callee->ask;
    case ROLE_GATE:
    case ROLE_TOOL_GATE: return gate_ask(f);
    }
    UNREACHABLE("role");
}

bool human_known(const Frame *f) {
    const AgentTool *tool;
    switch (asked_role(f)) {
    case ROLE_STEP: return f->node->callee && f->node->callee->ask;
    case ROLE_TOOL: tool = agent_call_tool(f, STR("")); return tool && tool->callee->ask;
    case ROLE_GATE:
    case ROLE_TOOL_GATE: return gate_ask(f) != NULL;
    }
    return false;
}

/* Of a gate that a verb has besides `approve`: what it shows was made, and is not edited any more. */
static bool is_own(const Frame *f) {
    return asked_role(f) == ROLE_GATE && f->b >= f->parent->node->n_gates;
}

/* ---- who may ---------------------------------------------------------------------------------------------------------- */

static const PeopleGroup *group_named(const Plan *p, Str name) {
    for (size_t i = 0; i < p->n_groups; i++)
        if (str_eq(p->groups[i].name, name))
            return &p->groups[i];
    return NULL;
}

static const Person *person_named(const Plan *p, Str name) {
    for (size_t i = 0; i < p->n_people; i++)
        if (str_eq(p->people[i].name, name) ||
            (p->people[i].email.len && str_eq(p->people[i].email, name)))
            return &p->people[i];
    return NULL;
}

const Escalation *asked_escalation(const Frame *f) {
    return &f->run->plan->escalation[asked_ask(f)->risk];
}

static void add_members(const Plan *p, Str group, ListBuilder *l) {
    const PeopleGroup *g = group.len ? group_named(p, group) : NULL;
    for (size_t i = 0; g && i < g->n_members; i++)
        list_add(l, value_str(g->members[i]));
}

/* An empty list: anyone. */
static Value asked_may(const Frame *f, Arena *a) {
    const HumanState *h = f->human;
    const Plan *p = f->run->plan;
    ListBuilder l = list_builder(a);
    if (h->person.len)
        list_add(&l, value_str(h->person));
    add_members(p, asked_ask(f)->group, &l);
    if (h->escalated && l.n)
        add_members(p, asked_escalation(f)->then, &l);
    return list_done(&l);
}

/* A person is known by name and by address. */
static bool is_same(const Plan *p, Str a, Str b) {
    const Person *x = person_named(p, a), *y = person_named(p, b);
    return str_eq(a, b) || (x && x == y);
}

static bool is_among(const Plan *p, Value names, Str who) {
    for (uint32_t i = 0; i < names.len; i++)
        if (is_same(p, value_as_str(names.items[i]), who))
            return true;
    return false;
}

static bool has_said(const HumanState *h, const Plan *p, Str who) {
    for (size_t i = 0; i < h->said.n; i++)
        if (is_same(p, value_as_str(value_getz(h->said.items[i], "from")), who))
            return true;
    return false;
}

/* ---- what is shown ------------------------------------------------------------------------------------------------------ */

static bool can_edit(const Frame *f) {
    return !asked_ask(f)->form && !value_absent(f->human->value);
}

/* Sent back is what can be done again: what an agent gave, a round of a loop, a tool call of an agent. */
static bool can_revise(const Frame *f) {
    Role role = asked_role(f);
    return role == ROLE_TOOL_GATE || (role == ROLE_GATE && asked_ask(f)->after &&
                                      f->parent->shape && f->parent->shape->revise);
}

static Value verdicts_of(const Frame *f, Arena *a) {
    ListBuilder l = list_builder(a);
    if (asked_ask(f)->form) {
        list_add(&l, value_str(STR("answer")));
    } else {
        list_add(&l, value_str(STR("approve")));
        if (can_edit(f))
            list_add(&l, value_str(STR("edit")));
    }
    list_add(&l, value_str(STR("reject")));
    if (can_revise(f))
        list_add(&l, value_str(STR("revise")));
    return list_done(&l);
}

/* The whole of what a person agrees to; its hash is what a decision carries. */
static void add_shown(const Frame *f, MapBuilder *m, Arena *a) {
    const HumanState *h = f->human;
    map_addz(m, "run", value_str(f->run->id));
    map_addz(m, "step", value_str(frame_address(f, a)));
    map_addz(m, "kind", value_str(asked_ask(f)->form ? STR("answer") : STR("approval")));
    map_addz(m, "ask", value_str(h->question));
    if (!value_absent(h->shown))
        map_addz(m, "show", h->shown);
    if (!value_absent(h->value))
        map_addz(m, "value", h->value);
    if (asked_ask(f)->form)
        map_addz(m, "form", type_schema(asked_ask(f)->form, a));
    map_addz(m, "round", value_int(h->round));
}

void asked_hash(Run *r, Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    add_shown(f, &m, &r->arena);
    value_write(&b, map_done(&m, NULL));
    Hash h = hash_bytes(buf_str(&b));
    buf_deinit(&b);
    char text[2 * HASH_BYTES + 1];
    hash_hex(&h, text);
    f->human->hash = arena_str(&r->arena, (Str){ text, 16 });
}

static void add_who(const Frame *f, MapBuilder *m) {
    const Ask *ask = asked_ask(f);
    if (ask->risk)
        map_addz(m, "risk", value_str(str_from(risk_name(ask->risk))));
    if (ask->group.len)
        map_addz(m, "group", value_str(ask->group));
    if (f->human->person.len)
        map_addz(m, "person", value_str(f->human->person));
}

static Value ask_value(const Frame *f, Arena *a) {
    const HumanState *h = f->human;
    MapBuilder m = map_builder(a);
    add_shown(f, &m, a);
    add_who(f, &m);
    Value may = asked_may(f, a);
    if (may.len)
        map_addz(&m, "may", may);
    map_addz(&m, "quorum", value_int(asked_ask(f)->quorum));
    if (asked_ask(f)->four_eyes)
        map_addz(&m, "four_eyes", value_bool(true));
    map_addz(&m, "asked_ms", value_int(h->asked_ms));
    if (h->deadline)
        map_addz(&m, "deadline_ms", value_int(h->deadline->due_ms));
    map_addz(&m, "hash", value_str(h->hash));
    map_addz(&m, "can", verdicts_of(f, a));
    map_addz(&m, "said", value_list(h->said.items, h->said.n));
    return map_done(&m, NULL);
}

Value want_ask(const Want *w, Arena *a) {
    ASSERT(w->kind == WANT_APPROVAL && w->frame->shape == &shape_human);
    return ask_value(w->frame, a);
}

#define LINE_BYTES_MAX 120
#define LINE_NAMES_MAX 20 /* of a larger group anybody is shown the question */

Value want_ask_line(const Want *w, Arena *a) {
    const Frame *f = w->frame;
    Str text = f->human->question;
    size_t len = MIN(text.len, (size_t)LINE_BYTES_MAX);
    while (len < text.len && len && ((unsigned char)text.p[len] & 0xC0) == 0x80)
        len--;
    MapBuilder m = map_builder(a);
    map_addz(&m, "ask", value_str(str_slice(text, 0, len)));
    map_addz(&m, "kind", value_str(asked_ask(f)->form ? STR("answer") : STR("approval")));
    add_who(f, &m);
    Value may = asked_may(f, a);
    if (may.len && may.len <= LINE_NAMES_MAX)
        map_addz(&m, "may", may);
    map_addz(&m, "asked_ms", value_int(f->human->asked_ms));
    if (f->human->deadline)
        map_addz(&m, "deadline_ms", value_int(f->human->deadline->due_ms));
    return map_done(&m, NULL);
}

/* ---- telling people -------------------------------------------------------------------------------------------------------- */

static void add_notice(Run *r, Frame *f, const char *about, const Channel *channel, Str address) {
    HumanState *h = f->human;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "about", value_str(str_from(about)));
    map_addz(&m, "workflow", value_str(r->plan->name));
    map_addz(&m, "asked", ask_value(f, &r->arena));
    Str where = frame_address(f, &r->arena);
    Str id = arena_fmt(&r->arena, "%.*s:%.*s:%lld:%u", STR_FMT(r->id), STR_FMT(where),
                       (long long)h->asked_ms, ++h->notices);
    run_notice(
        r,
        &(Notice){ .id = id, .channel = channel, .address = address, .body = map_done(&m, NULL) });
}

static void tell_channels(Run *r, Frame *f, const char *about, const Str *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const Channel *c = plan_channel(r->plan, names[i]);
        if (c)
            add_notice(r, f, about, c, STR(""));
    }
}

/* A person is reached by channels of his own, else by his address; a group by those of the risk. */
void asked_tell(Run *r, Frame *f, const char *about) {
    const HumanState *h = f->human;
    const Person *p = h->person.len ? person_named(r->plan, h->person) : NULL;
    const Escalation *e = asked_escalation(f);
    if (p && p->n_channels)
        tell_channels(r, f, about, p->channels, p->n_channels);
    else if (p && p->email.len)
        add_notice(r, f, about, NULL, p->email);
    else if (h->person.len && str_find(h->person, STR("@")) > 0)
        add_notice(r, f, about, NULL, h->person);
    else
        tell_channels(r, f, about, e->notify, e->n_notify);
}

void asked_keep(Run *r, Frame *f) { add_notice(r, f, "notice", NULL, STR("")); }

/* ---- asking ------------------------------------------------------------------------------------------------------------------ */

static Scope scope_for(Run *r, Frame *f) {
    Frame *about = f->part == PART_GATE ? f->parent : f;
    Scope s = scope_of(r, about);
    switch (asked_role(f)) {
    case ROLE_STEP:
        if (f->node->callee->is_agent)
            s.input = f->with;
        break;
    case ROLE_TOOL: s.input = f->with; break;
    case ROLE_GATE:
        s.with = about->gated->with;
        if (is_own(f))
            about->shape->gate_sees(r, about, &s);
        break;
    case ROLE_TOOL_GATE:
        s.input = about->parent->with;
        s.with = about->call->args;
        break;
    }
    return s;
}

static bool eval_text(Scope *s, const Template *t, Str preset, Str *ret, char problem[320]) {
    Value v;
    *ret = preset;
    if (!t)
        return true;
    if (scope_eval(s, t, &v, problem))
        return false;
    if (!value_absent(v) && v.type != V_NULL)
        *ret = value_plain(&s->run->arena, v);
    return true;
}

/* What is agreed to, and may be edited: what a gate guards, or what a step shows. */
static Value value_of(const Frame *f, Value shown) {
    if (asked_ask(f)->form)
        return VALUE_ABSENT;
    switch (asked_role(f)) {
    case ROLE_GATE: return asked_ask(f)->after ? f->parent->output : f->parent->gated->with;
    case ROLE_TOOL_GATE: return f->parent->call->args;
    case ROLE_STEP:
    case ROLE_TOOL: break;
    }
    return shown;
}

bool asked_compose(Run *r, Frame *f, char problem[320]) {
    HumanState *h = f->human;
    const Ask *ask = asked_ask(f);
    Scope s = scope_for(r, f);
    Str preset = ask->form ? STR("Please answer.") : STR("Is this all right?");
    if (!eval_text(&s, ask->ask, preset, &h->question, problem) ||
        !eval_text(&s, ask->person, STR(""), &h->person, problem))
        return false;
    h->shown = VALUE_ABSENT;
    if (ask->show && scope_eval(&s, ask->show, &h->shown, problem))
        return false;
    if (!ask->show && asked_role(f) == ROLE_STEP && f->node->with)
        h->shown = f->with;
    h->value = is_own(f) ? VALUE_ABSENT : value_of(f, h->shown);
    if (is_own(f) && !ask->show)
        h->shown = s.with;
    if (!ask->show && value_absent(h->shown))
        h->shown = h->value;
    return true;
}

/* ---- decisions ---------------------------------------------------------------------------------------------------------------------- */

/* The type that an answer or an edited value must have; NULL: any. */
const Type *asked_type(const Frame *f) {
    const Node *n = f->node;
    switch (asked_role(f)) {
    case ROLE_TOOL_GATE: return agent_call_tool(f->parent, STR(""))->callee->input;
    case ROLE_GATE:
        if (asked_ask(f)->after)
            return n->output ? n->output : n->callee ? n->callee->output : NULL;
        return n->callee ? n->callee->input : NULL;
    case ROLE_STEP:
    case ROLE_TOOL: break;
    }
    return asked_ask(f)->form;
}

static bool verdict_fits(const Frame *f, Decision verb) {
    switch (verb) {
    case DECISION_APPROVE: return !asked_ask(f)->form;
    case DECISION_ANSWER: return asked_ask(f)->form != NULL;
    case DECISION_REVISE: return can_revise(f);
    case DECISION_REJECT: return true;
    case DECISION_DONE:
    case DECISION_NOT_DONE:
    case DECISION_RETRY:
    case DECISION_FAIL:
    case DECISION_UNDO: break;
    }
    return false;
}

static Refusal refuses_who(const Frame *f, const Fact *d, Arena *a, Str *ret_why) {
    const Plan *p = f->run->plan;
    Value may = asked_may(f, a);
    if (may.len && !is_among(p, may, d->from) && !MUTANT(anyone_may_approve)) {
        *ret_why = arena_fmt(a, "`%.*s` may not decide this; who may: %.*s", STR_FMT(d->from),
                             STR_FMT(value_text(a, may)));
        return REFUSAL_DENIED;
    }
    if (asked_ask(f)->four_eyes && f->run->by.len && is_same(p, f->run->by, d->from)) {
        *ret_why = arena_fmt(a, "`%.*s` started the run: somebody else is to look at this",
                             STR_FMT(d->from));
        return REFUSAL_DENIED;
    }
    if (has_said(f->human, p, d->from) && d->verb == DECISION_APPROVE && !MUTANT(quorum_of_one)) {
        *ret_why =
            arena_fmt(a, "`%.*s` has agreed already; others are still asked", STR_FMT(d->from));
        return REFUSAL_CONFLICT;
    }
    return REFUSAL_NONE;
}

static Refusal refuses_value(const Frame *f, const Fact *d, Value value, Arena *a, Str *ret_why) {
    Str problem;
    if (d->verb != DECISION_ANSWER && d->verb != DECISION_APPROVE)
        return REFUSAL_NONE;
    if (d->verb == DECISION_APPROVE && !value_absent(value) && !can_edit(f)) {
        *ret_why = STR("nothing can be edited here");
        return REFUSAL_INVALID;
    }
    if (d->verb == DECISION_ANSWER && value_absent(value)) {
        *ret_why = STR("an answer is needed");
        return REFUSAL_INVALID;
    }
    if (value_absent(value) || !asked_type(f) ||
        type_convert(asked_type(f), value, a, &value, &problem) == 0)
        return REFUSAL_NONE;
    *ret_why = arena_str(a, problem);
    return REFUSAL_INVALID;
}

Refusal human_refuses(const Frame *f, const Fact *d, Value value, Arena *a, Str *ret_why) {
    const HumanState *h = f->human;
    *ret_why = STR("");
    if (!h->want) {
        *ret_why = STR("it has been decided");
        return REFUSAL_CONFLICT;
    }
    if (d->shown.len && !str_eq(d->shown, h->hash) && !MUTANT(approve_unseen)) {
        *ret_why =
            arena_fmt(a, "what is asked has changed since it was shown; look again: it is %.*s now",
                      STR_FMT(h->hash));
        return REFUSAL_CONFLICT;
    }
    if (!verdict_fits(f, (Decision)d->verb)) {
        *ret_why =
            arena_fmt(a, "what can be said here: %.*s", STR_FMT(value_text(a, verdicts_of(f, a))));
        return REFUSAL_INVALID;
    }
    Refusal who = refuses_who(f, d, a, ret_why);
    return who ? who : refuses_value(f, d, value, a, ret_why);
}
