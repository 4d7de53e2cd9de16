/* human: one question to people, asked until it is settled. A step of its own, a gate of `approve` before or after what a step
 * does or before a tool of an agent is called, and the built-in tool by which an agent escalates: one shape for all of them.
 *
 *               enter: question, what is shown, who may answer; its hash
 *   WAITING ------------------------------------------------------------------+
 *     | approve, quorum not reached     edited: asked anew, with what was edited; approvals of before do not count
 *     | <------------------------------ (a reminder, an escalation: more people may answer)
 *     |
 *     +-- approve, quorum reached --> OK { verdict: approved | modified, by, words }
 *     +-- answer of the form -------> OK { verdict: answered }
 *     +-- revise -------------------> OK { verdict: revise }: whoever opened the gate asks again below it
 *     +-- reject, by one ------------> FAILED rejected
 *     +-- nobody in time ------------> as `on_timeout` says; FAILED rejected unless it says otherwise
 *
 * A decision names the hash of what was shown, and one that names another is no decision on this. The first that is valid
 * wins, in the order of the run's journal. What finished before runs no more because somebody answers: a gate is a frame
 * beside what it guards. */
#include "kernel/frame.h"

#include <stdio.h>

/* What it is about, and how its frame hangs in the tree. */
typedef enum Role { ROLE_STEP, ROLE_GATE, ROLE_TOOL_GATE, ROLE_TOOL } Role;

static Role role_of(const Frame *f) {
    if (f->part == PART_GATE)
        return f->parent->part == PART_CALL ? ROLE_TOOL_GATE : ROLE_GATE;
    return f->part == PART_CALL ? ROLE_TOOL : ROLE_STEP;
}

static const Ask *ask_of(const Frame *f) {
    switch (role_of(f)) {
    case ROLE_STEP: return f->node->callee->ask;
    case ROLE_TOOL: return agent_call_tool(f, STR(""))->callee->ask;
    case ROLE_GATE: return f->node->gates[f->b];
    case ROLE_TOOL_GATE: return agent_call_tool(f->parent, STR(""))->gates[f->b];
    }
    UNREACHABLE("role");
}

bool human_known(const Frame *f) {
    const AgentTool *tool;
    switch (role_of(f)) {
    case ROLE_STEP: return f->node->callee && f->node->callee->ask;
    case ROLE_TOOL: tool = agent_call_tool(f, STR("")); return tool && tool->callee->ask;
    case ROLE_GATE: return f->b < f->node->n_gates;
    case ROLE_TOOL_GATE:
        tool = agent_call_tool(f->parent, STR(""));
        return tool && f->b < tool->n_gates;
    }
    return false;
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

static const Escalation *escalation_of(const Frame *f) {
    return &f->run->plan->escalation[ask_of(f)->risk];
}

static void add_members(const Plan *p, Str group, ListBuilder *l) {
    const PeopleGroup *g = group.len ? group_named(p, group) : NULL;
    for (size_t i = 0; g && i < g->n_members; i++)
        list_add(l, value_str(g->members[i]));
}

/* An empty list: anyone. */
static Value may_of(const Frame *f, Arena *a) {
    const HumanState *h = f->human;
    const Plan *p = f->run->plan;
    ListBuilder l = list_builder(a);
    if (h->person.len)
        list_add(&l, value_str(h->person));
    add_members(p, ask_of(f)->group, &l);
    if (h->escalated && l.n)
        add_members(p, escalation_of(f)->then, &l);
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

static bool can_edit(const Frame *f) { return !ask_of(f)->form && !value_absent(f->human->value); }

/* Sent back is what can be done again: what an agent gave, a round of a loop, a tool call of an agent. */
static bool can_revise(const Frame *f) {
    Role role = role_of(f);
    return role == ROLE_TOOL_GATE ||
           (role == ROLE_GATE && ask_of(f)->after && f->parent->shape && f->parent->shape->revise);
}

static Value verdicts_of(const Frame *f, Arena *a) {
    ListBuilder l = list_builder(a);
    if (ask_of(f)->form) {
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
    map_addz(m, "kind", value_str(ask_of(f)->form ? STR("answer") : STR("approval")));
    map_addz(m, "ask", value_str(h->question));
    if (!value_absent(h->shown))
        map_addz(m, "show", h->shown);
    if (!value_absent(h->value))
        map_addz(m, "value", h->value);
    if (ask_of(f)->form)
        map_addz(m, "form", type_schema(ask_of(f)->form, a));
    map_addz(m, "round", value_int(h->round));
}

static void hash_shown(Run *r, Frame *f) {
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
    const Ask *ask = ask_of(f);
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
    Value may = may_of(f, a);
    if (may.len)
        map_addz(&m, "may", may);
    map_addz(&m, "quorum", value_int(ask_of(f)->quorum));
    if (ask_of(f)->four_eyes)
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
    map_addz(&m, "kind", value_str(ask_of(f)->form ? STR("answer") : STR("approval")));
    add_who(f, &m);
    Value may = may_of(f, a);
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

static const Channel *channel_named(const Plan *p, Str name) {
    for (size_t i = 0; i < p->n_channels; i++)
        if (str_eq(p->channels[i].name, name))
            return &p->channels[i];
    return NULL;
}

static void tell_channels(Run *r, Frame *f, const char *about, const Str *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const Channel *c = channel_named(r->plan, names[i]);
        if (c)
            add_notice(r, f, about, c, STR(""));
    }
}

/* A person is reached by channels of his own, else by his address; a group by those of the risk. */
static void tell(Run *r, Frame *f, const char *about) {
    const HumanState *h = f->human;
    const Person *p = h->person.len ? person_named(r->plan, h->person) : NULL;
    const Escalation *e = escalation_of(f);
    if (p && p->n_channels)
        tell_channels(r, f, about, p->channels, p->n_channels);
    else if (p && p->email.len)
        add_notice(r, f, about, NULL, p->email);
    else if (h->person.len && str_find(h->person, STR("@")) > 0)
        add_notice(r, f, about, NULL, h->person);
    else
        tell_channels(r, f, about, e->notify, e->n_notify);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------ */

static Scope scope_for(Run *r, Frame *f) {
    Frame *about = f->part == PART_GATE ? f->parent : f;
    Scope s = scope_of(r, about);
    switch (role_of(f)) {
    case ROLE_STEP:
        if (f->node->callee->is_agent)
            s.input = f->with;
        break;
    case ROLE_TOOL: s.input = f->with; break;
    case ROLE_GATE: s.with = about->gated->with; break;
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
    if (ask_of(f)->form)
        return VALUE_ABSENT;
    switch (role_of(f)) {
    case ROLE_GATE: return ask_of(f)->after ? f->parent->output : f->parent->gated->with;
    case ROLE_TOOL_GATE: return f->parent->call->args;
    case ROLE_STEP:
    case ROLE_TOOL: break;
    }
    return shown;
}

static bool compose(Run *r, Frame *f, char problem[320]) {
    HumanState *h = f->human;
    const Ask *ask = ask_of(f);
    Scope s = scope_for(r, f);
    Str preset = ask->form ? STR("Please answer.") : STR("Is this all right?");
    if (!eval_text(&s, ask->ask, preset, &h->question, problem) ||
        !eval_text(&s, ask->person, STR(""), &h->person, problem))
        return false;
    h->shown = VALUE_ABSENT;
    if (ask->show && scope_eval(&s, ask->show, &h->shown, problem))
        return false;
    if (!ask->show && role_of(f) == ROLE_STEP && f->node->with)
        h->shown = f->with;
    h->value = value_of(f, h->shown);
    if (!ask->show && value_absent(h->shown))
        h->shown = h->value;
    return true;
}

static void arm(Run *r, Frame *f) {
    HumanState *h = f->human;
    const Ask *ask = ask_of(f);
    const Escalation *e = escalation_of(f);
    if (ask->deadline_ms >= 0)
        h->deadline = want_timer(r, f, TIMER_ASK, r->time_ms + ask->deadline_ms);
    if (ask->remind_ms > 0)
        h->remind = want_timer(r, f, TIMER_REMIND, r->time_ms + ask->remind_ms);
    if (e->said && e->after_ms > 0)
        h->escalate = want_timer(r, f, TIMER_ESCALATE, r->time_ms + e->after_ms);
}

static Str whom(const Frame *f) {
    const Ask *ask = ask_of(f);
    return f->human->person.len ? f->human->person : ask->group.len ? ask->group : STR("a person");
}

static void move_asking(Run *r, Frame *f, const char *how) {
    const HumanState *h = f->human;
    Str to = whom(f);
    frame_movef(r, f, STATUS_WAITING, "%s %.*s: %.*s", how, (int)MIN(to.len, 60), to.p,
                (int)MIN(h->question.len, 120), h->question.p);
}

static void close_wants(Run *r, Frame *f) {
    Want **wants[] = { &f->human->want, &f->human->deadline, &f->human->remind,
                       &f->human->escalate };
    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        if (*wants[i])
            want_close(r, *wants[i]);
        *wants[i] = NULL;
    }
}

void human_close(Run *r, Frame *f) { close_wants(r, f); }

static void finish(Run *r, Frame *f, const char *verdict, Str by, Str words, Value value);

static void enter(Run *r, Frame *f) {
    char problem[320];
    HumanState *h = f->human = ARENA_NEW(&r->arena, HumanState);
    const Ask *ask = ask_of(f);
    const Escalation *e = escalation_of(f);
    h->said = list_builder(&r->arena);
    h->round = 1;
    h->quorum = (uint32_t)ask->quorum;
    h->asked_ms = r->time_ms;
    h->value = h->shown = VALUE_ABSENT;
    h->question = h->person = h->hash = STR("");
    if (!compose(r, f, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    hash_shown(r, f);
    bool waits = ask->wait >= 0 ? ask->wait : !e->said || e->wait != 0;
    if (!waits) {
        tell(r, f, "notice");
        finish(r, f, "told", STR(""), STR(""),
               role_of(f) == ROLE_STEP || role_of(f) == ROLE_TOOL ? VALUE_NULL : h->value);
        return;
    }
    move_asking(r, f, "asks");
    h->want = want_open(r, f, WANT_APPROVAL);
    arm(r, f);
    tell(r, f, "asked");
}

/* ---- the end -------------------------------------------------------------------------------------------------------------------- */

static void add_words(MapBuilder *m, Str by, Str words) {
    if (by.len)
        map_addz(m, "by", value_str(by));
    if (words.len)
        map_addz(m, "words", value_str(words));
}

static Value detail_of(Run *r, Frame *f, const char *verdict, Str by, Str words) {
    HumanState *h = f->human;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "verdict", value_str(str_from(verdict)));
    add_words(&m, by, words);
    map_addz(&m, "hash", value_str(h->hash));
    map_addz(&m, "round", value_int(h->round));
    map_addz(&m, "waited_ms", value_int(r->time_ms - h->asked_ms));
    if (h->said.n)
        map_addz(&m, "said", value_list(h->said.items, h->said.n));
    return map_done(&m, NULL);
}

static void finish(Run *r, Frame *f, const char *verdict, Str by, Str words, Value value) {
    close_wants(r, f);
    f->detail = detail_of(r, f, verdict, by, words);
    if (f->status == STATUS_WAITING || f->status == STATUS_NEW)
        frame_movef(r, f, STATUS_RUNNING, "%s%s%.*s", verdict, by.len ? " by " : "",
                    (int)MIN(by.len, 80), by.p);
    frame_done(r, f, value_absent(value) ? VALUE_NULL : value);
}

static void reject(Run *r, Frame *f, const char *verdict, ErrorKind kind, Str by, Str words,
                   Str message) {
    close_wants(r, f);
    f->detail = detail_of(r, f, verdict, by, words);
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "verdict", value_str(str_from(verdict)));
    add_words(&m, by, words);
    frame_fail(r, f,
               error_make(r, f, str_from(error_kind_name(kind)), message, 0, map_done(&m, NULL)));
}

static void silence(Run *r, Frame *f) {
    const Ask *ask = ask_of(f);
    HumanState *h = f->human;
    Str message = arena_fmt(&r->arena, "nobody answered in time: %.*s",
                            (int)MIN(h->question.len, 200), h->question.p);
    switch (MUTANT(silence_approves) ? SILENCE_APPROVES : ask->silence) {
    case SILENCE_REJECTS: reject(r, f, "expired", KIND_REJECTED, STR(""), STR(""), message); return;
    case SILENCE_FAILS: reject(r, f, "expired", KIND_TIMEOUT, STR(""), STR(""), message); return;
    case SILENCE_APPROVES: finish(r, f, "expired", STR(""), STR(""), h->value); return;
    case SILENCE_ANSWERS: finish(r, f, "expired", STR(""), STR(""), ask->answer); return;
    }
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    HumanState *h = f->human;
    *human_timer(f, purpose) = NULL;
    switch (purpose) {
    case TIMER_ASK: silence(r, f); return;
    case TIMER_REMIND:
        h->remind = want_timer(r, f, TIMER_REMIND, r->time_ms + ask_of(f)->remind_ms);
        move_asking(r, f, "reminds");
        tell(r, f, "reminder");
        return;
    case TIMER_ESCALATE:
        h->escalated = true;
        frame_movef(r, f, STATUS_WAITING, "escalates to %.*s",
                    (int)MIN(escalation_of(f)->then.len, 80), escalation_of(f)->then.p);
        tell(r, f, "escalated");
        return;
    default: UNREACHABLE("a timer nobody armed");
    }
}

Want **human_timer(Frame *f, TimerPurpose purpose) {
    HumanState *h = f->human;
    return purpose == TIMER_ASK        ? &h->deadline
           : purpose == TIMER_REMIND   ? &h->remind
           : purpose == TIMER_ESCALATE ? &h->escalate
                                       : NULL;
}

/* ---- decisions ---------------------------------------------------------------------------------------------------------------------- */

/* The type that an answer or an edited value must have; NULL: any. */
static const Type *type_of(const Frame *f) {
    const Node *n = f->node;
    switch (role_of(f)) {
    case ROLE_TOOL_GATE: return agent_call_tool(f->parent, STR(""))->callee->input;
    case ROLE_GATE:
        if (ask_of(f)->after)
            return n->output ? n->output : n->callee ? n->callee->output : NULL;
        return n->callee ? n->callee->input : NULL;
    case ROLE_STEP:
    case ROLE_TOOL: break;
    }
    return ask_of(f)->form;
}

static bool verdict_fits(const Frame *f, Decision verb) {
    switch (verb) {
    case DECISION_APPROVE: return !ask_of(f)->form;
    case DECISION_ANSWER: return ask_of(f)->form != NULL;
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
    Value may = may_of(f, a);
    if (may.len && !is_among(p, may, d->from) && !MUTANT(anyone_may_approve)) {
        *ret_why = arena_fmt(a, "`%.*s` may not decide this; who may: %.*s", STR_FMT(d->from),
                             STR_FMT(value_text(a, may)));
        return REFUSAL_DENIED;
    }
    if (ask_of(f)->four_eyes && f->run->by.len && is_same(p, f->run->by, d->from)) {
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
    if (d->verb == DECISION_ANSWER && value_absent(value)) {
        *ret_why = STR("an answer is needed");
        return REFUSAL_INVALID;
    }
    if (value_absent(value) || !type_of(f) ||
        type_convert(type_of(f), value, a, &value, &problem) == 0)
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

static const char *const verdict_words[] = { [DECISION_APPROVE] = "approve",
                                             [DECISION_REJECT] = "reject",
                                             [DECISION_REVISE] = "revise",
                                             [DECISION_ANSWER] = "answer" };

static void note_said(Run *r, Frame *f, const Fact *d) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "from", value_str(arena_str(&r->arena, d->from)));
    map_addz(&m, "verdict", value_str(str_from(verdict_words[d->verb])));
    if (d->message.len)
        map_addz(&m, "words", value_str(arena_str(&r->arena, d->message)));
    map_addz(&m, "time_ms", value_int(r->time_ms));
    list_add(&f->human->said, map_done(&m, NULL));
}

/* Words of all who agreed: a condition holds whoever says the last yes. */
static Str all_words(Run *r, const HumanState *h) {
    Buf b = BUF_INIT(64 * KIB);
    for (size_t i = 0; i < h->said.n; i++) {
        Value words = value_getz(h->said.items[i], "words");
        if (words.type != V_STRING)
            continue;
        if (b.len)
            buf_str_add(&b, STR("; "));
        buf_str_add(&b, value_as_str(words));
    }
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Value converted(Run *r, const Frame *f, Value v) {
    Str problem;
    if (type_of(f))
        type_convert(type_of(f), v, &r->arena, &v, &problem);
    return v;
}

/* What was agreed to before was something else: the others are asked anew, and who edited has agreed. */
static void edit(Run *r, Frame *f, Value value) {
    HumanState *h = f->human;
    Value last = h->said.items[h->said.n - 1];
    bool same_as_shown = value_equal(h->shown, h->value);
    h->value = converted(r, f, value);
    if (same_as_shown)
        h->shown = h->value;
    h->edited = true;
    h->round++;
    h->said = list_builder(&r->arena);
    list_add(&h->said, last);
    hash_shown(r, f);
}

static void approve(Run *r, Frame *f, const Fact *d, Str by) {
    HumanState *h = f->human;
    if (!value_absent(r->payload))
        edit(r, f, r->payload);
    uint32_t quorum = MUTANT(quorum_ignored) ? 1 : h->quorum;
    if (h->said.n >= quorum) {
        finish(r, f, h->edited ? "modified" : "approved", by, all_words(r, h), h->value);
        return;
    }
    frame_movef(r, f, STATUS_WAITING, "%s by %.*s, %zu of %u",
                value_absent(r->payload) ? "approved" : "modified", (int)MIN(by.len, 80), by.p,
                h->said.n, quorum);
    (void)d;
}

static void decided(Run *r, Frame *f, const Fact *d) {
    Str by = arena_str(&r->arena, d->from), words = arena_str(&r->arena, d->message);
    note_said(r, f, d);
    switch ((Decision)d->verb) {
    case DECISION_APPROVE: approve(r, f, d, by); return;
    case DECISION_ANSWER: finish(r, f, "answered", by, words, converted(r, f, r->payload)); return;
    case DECISION_REVISE: finish(r, f, "revise", by, words, VALUE_NULL); return;
    case DECISION_REJECT:
        reject(r, f, "rejected", KIND_REJECTED, by, words,
               arena_fmt(&r->arena, "rejected by %.*s%s%.*s", STR_FMT(by), words.len ? ": " : "",
                         STR_FMT(words)));
        return;
    case DECISION_DONE:
    case DECISION_NOT_DONE:
    case DECISION_RETRY:
    case DECISION_FAIL:
    case DECISION_UNDO: break;
    }
    UNREACHABLE("a decision on an effect");
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------------------------ */

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const HumanState *h = f->human;
    buf_blob(b, h->question);
    buf_blob(b, h->person);
    buf_blob(b, h->hash);
    value_encode(b, h->shown);
    value_encode(b, h->value);
    value_encode(b, value_list(h->said.items, MUTANT(snapshot_forgets_said) ? 0 : h->said.n));
    buf_varint(b, h->round);
    buf_varint(b, h->notices);
    buf_u8(b, (uint8_t)(h->edited | h->escalated << 1));
    buf_svarint(b, h->asked_ms);
}

static void load(Run *r, Frame *f, Cursor *c) {
    HumanState *h = f->human = ARENA_NEW(&r->arena, HumanState);
    h->question = arena_str(&r->arena, cursor_blob(c));
    h->person = arena_str(&r->arena, cursor_blob(c));
    h->hash = arena_str(&r->arena, cursor_blob(c));
    h->shown = value_decode(c, &r->arena);
    h->value = value_decode(c, &r->arena);
    Value said = value_decode(c, &r->arena);
    h->said = list_builder(&r->arena);
    for (uint32_t i = 0; said.type == V_LIST && i < said.len; i++)
        list_add(&h->said, said.items[i]);
    h->round = (uint32_t)cursor_varint(c);
    h->notices = (uint32_t)cursor_varint(c);
    uint8_t flags = cursor_u8(c);
    h->edited = flags & 1;
    h->escalated = flags & 2;
    h->asked_ms = cursor_svarint(c);
    if (human_known(f))
        h->quorum = (uint32_t)ask_of(f)->quorum;
    else
        c->bad = true;
}

const Shape shape_human = {
    .name = "human",
    .enter = enter,
    .timer_due = timer_due,
    .decided = decided,
    .save = save,
    .load = load,
};
