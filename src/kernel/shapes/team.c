/* team: agents hand one conversation on, by themselves, along the edges that the file draws and no others.
 *
 *   start --> member --answers, may finish----------------------------------------> the output
 *               |   \ who handed over to it watches: is asked; accepts ------------>
 *               |                                   \ or answers, or hands over, itself
 *               +-- calls handoff_NAME (or `then`) --> :summary, if that goes along --> the next member
 *               +-- no answer within `return_after` --> back to who handed over
 *
 * What a member may not do it is told, and that is noted: a handoff that no edge allows, one that does not keep its contract,
 * the same two handing over to each other again and again, an answer of one who may not give it. */
#include "kernel/call.h"
#include "kernel/play.h"
#include "kernel/step.h"

/* Twice there and twice back; the next is refused. Whoever insists ends the team. */
#define BACK_AND_FORTH 4
#define NOBODY UINT32_MAX

typedef enum Arrival { BY_START, BY_HANDOFF, BY_THEN, BY_RETURN, BY_WATCH } Arrival;
struct TeamState {
    Play play;
    uint32_t current, source; /* members; source: who handed over to it, NOBODY */
    Arrival arrival;
    uint32_t handed; /* handoffs so far */
    uint32_t back_and_forth, insisted;
    uint32_t next; /* whom it is handed over to, index + 1; 0: nobody */
    bool exhausted, accepted;
    bool rested;   /* a person was asked when its time was over: it has the time again */
    Value said;    /* along with the handoff; an answer that a watcher is asked about */
    Str context;   /* told to who takes over; while it is summed up, the whole */
    Str of_source; /* what the source had said, for when it comes back; empty unless it may */
    Value answer;  /* that waits for the watcher */
    uint32_t answerer;
    ListBuilder handoffs, refused;
};

static const Team *team_of(const Frame *f) { return f->node->team; }
static Str name_of(const Frame *f, uint32_t member) { return f->node->parts[member]->name; }
static const Member *member_of(const Frame *f, uint32_t i) { return &team_of(f)->members[i]; }

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

static void tell(Run *r, Frame *f, const char *stopped, uint32_t by) {
    const TeamState *s = f->team;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "handoffs", value_list(s->handoffs.items, s->handoffs.n));
    if (s->refused.n)
        map_addz(&m, "refused", value_list(s->refused.items, s->refused.n));
    if (by != NOBODY)
        map_addz(&m, "by", value_str(name_of(f, by)));
    if (stopped)
        map_addz(&m, "stopped", value_str(str_from(stopped)));
    f->detail = map_done(&m, NULL);
}

static void note_refused(Run *r, Frame *f, Str to, const char *why) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "from", value_str(name_of(f, f->team->current)));
    map_addz(&m, "to", value_str(arena_str(&r->arena, str_slice(to, 0, MIN(to.len, (size_t)80)))));
    map_addz(&m, "why", value_str(str_from(why)));
    list_add(&f->team->refused, map_done(&m, NULL));
}

static const char *pass_word(Pass pass) {
    static const char *const words[] = { [PASS_NONE] = "none",
                                         [PASS_FULL] = "full",
                                         [PASS_SUMMARY] = "summary",
                                         [PASS_ARTIFACTS] = "artifacts",
                                         [PASS_SELECT] = "select" };
    return words[pass];
}

static void note_handoff(Run *r, Frame *f, const Frame *child, uint32_t to, Pass pass,
                         Arrival how) {
    static const char *const why[] = {
        [BY_THEN] = "then", [BY_RETURN] = "return_after", [BY_WATCH] = "watch"
    };
    TeamState *s = f->team;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "from", value_str(name_of(f, s->current)));
    map_addz(&m, "to", value_str(name_of(f, to)));
    map_addz(&m, "context", value_str(str_from(pass_word(pass))));
    if (how != BY_HANDOFF)
        map_addz(&m, "why", value_str(str_from(why[how])));
    if (!value_absent(s->said))
        map_addz(&m, "said", s->said);
    map_addz(&m, "at", value_str(frame_address(child, &r->arena)));
    list_add(&s->handoffs, map_done(&m, NULL));
}

static Str handed_words(Run *r, const Frame *f) {
    const TeamState *s = f->team;
    Value message = value_getz(s->said, "message");
    Str from = name_of(f, s->source);
    bool only = s->said.type == V_MAP && s->said.len == 1 && message.type == V_STRING;
    if (value_absent(s->said) || (s->said.type == V_MAP && !s->said.len))
        return arena_fmt(&r->arena, "%.*s.", STR_FMT(from));
    return arena_fmt(&r->arena, "%.*s: %.*s", STR_FMT(from),
                     STR_FMT(value_plain(&r->arena, only ? message : s->said)));
}

static Value tells(Run *r, const Frame *f, const Frame *agent) {
    const TeamState *s = f->team;
    ListBuilder l = list_builder(&r->arena);
    Str words = STR("");
    PromptName prompt = PROMPT_HANDOFF;
    if (agent->node->is_role)
        return VALUE_NULL;
    switch (s->arrival) {
    case BY_START: return VALUE_NULL;
    case BY_HANDOFF:
    case BY_THEN: words = handed_words(r, f); break;
    case BY_RETURN:
        prompt = PROMPT_HANDOFF_RETURNED;
        words = name_of(f, s->source);
        break;
    case BY_WATCH:
        prompt = PROMPT_HANDOFF_WATCHED;
        words = value_plain(&r->arena, s->answer);
        break;
    }
    if (s->context.len)
        list_add(&l,
                 value_str(prompt_text(r->plan, &r->arena, PROMPT_HANDOFF_CONTEXT, s->context)));
    list_add(&l, value_str(prompt_text(r->plan, &r->arena, prompt, words)));
    return list_done(&l);
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static void finish(Run *r, Frame *f, Value output, const char *stopped, uint32_t by) {
    tell(r, f, stopped, by);
    frame_done(r, f, output);
}

static void run_out(Run *r, Frame *f) {
    bool loop = f->team->insisted > 1;
    tell(r, f, loop ? "limit" : "max", NOBODY);
    if (loop)
        frame_failf(r, f, KIND_LIMIT, "a handoff loop: `%.*s` and another hand over to each other",
                    STR_FMT(name_of(f, f->team->current)));
    else
        frame_failf(r, f, KIND_LIMIT, "%u handoffs, and no answer", f->team->handed);
}

/* ---- a member begins ------------------------------------------------------------------------------------------------- */

static void arm(Run *r, Frame *f) {
    const TeamState *s = f->team;
    int64_t ms = team_of(f)->return_after_ms;
    bool handed = s->arrival == BY_HANDOFF || s->arrival == BY_THEN;
    if (ms >= 0 && handed)
        play_wait(r, f, want_timer(r, f, TIMER_RETURN, r->time_ms + ms));
}

static void open_member(Run *r, Frame *f) {
    f->team->rested = false;
    arm(r, f);
    play_open(r, f, f->node->parts[f->team->current], VALUE_ABSENT);
}

static Str both(Run *r, Str a, Str b) {
    return a.len && b.len ? arena_fmt(&r->arena, "%.*s\n%.*s", STR_FMT(a), STR_FMT(b))
           : a.len        ? a
                          : b;
}

static bool remembers(const Frame *f, uint32_t member) {
    return team_of(f)->return_after_ms >= 0 || member_of(f, member)->watches;
}

/* The conversation of `child` goes to another member, with as much of it as the edge says. */
static void hand_over(Run *r, Frame *f, const Frame *child, uint32_t to, const Passing *p,
                      Arrival how) {
    TeamState *s = f->team;
    const Node *summary = member_of(f, s->current)->summary;
    Str whole = agent_transcript(r, child, false);
    Str told = p->n_from ? recall_said(r, f, p) : whole;
    Pass pass = p->pass == PASS_SUMMARY && !summary ? PASS_FULL : p->pass;
    char problem[320];
    if (pass == PASS_SELECT && !passing_selected(r, f, p, &told, problem)) {
        tell(r, f, NULL, NOBODY);
        frame_failf(r, f, KIND_INVALID, "context: %s", problem);
        return;
    }
    if (s->handed == (uint32_t)team_of(f)->max) {
        run_out(r, f);
        return;
    }
    note_handoff(r, f, child, to, pass, how);
    s->handed++;
    s->of_source = remembers(f, s->current) ? whole : STR("");
    if (pass == PASS_ARTIFACTS && !p->n_from)
        told = agent_transcript(r, child, true);
    s->context = pass == PASS_NONE      ? STR("")
                 : pass == PASS_SUMMARY ? told
                                        : passing_cut(r, p, told);
    s->source = s->current;
    s->current = to;
    s->arrival = how;
    s->next = 0;
    s->insisted = 0;
    if (pass == PASS_SUMMARY && told.len)
        play_open(r, f, summary, passing_brief(r, p, told));
    else
        open_member(r, f);
}

static uint32_t back_and_forth(const TeamState *s, uint32_t to) {
    return to == s->source && s->arrival == BY_HANDOFF ? s->back_and_forth + 1 : 0;
}

static void summed_up(Run *r, Frame *f, Frame *child) {
    TeamState *s = f->team;
    /* The whole serves as well where nobody could sum it up. */
    if (child->status == STATUS_OK)
        s->context = value_plain(&r->arena, child->output);
    open_member(r, f);
}

/* ---- what a member wants ----------------------------------------------------------------------------------------------- */

static Str refuse(Run *r, Frame *f, Str to, const char *why, Str words) {
    note_refused(r, f, to, why);
    return prompt_text(r->plan, &r->arena, PROMPT_HANDOFF_REFUSED, words);
}

static Str allowed_names(Run *r, const Frame *f) {
    const Member *m = member_of(f, f->team->current);
    Str names = STR("");
    for (size_t i = 0; i < m->n_to; i++)
        names = arena_fmt(&r->arena, "%.*s%s%.*s", STR_FMT(names), i ? ", " : "",
                          STR_FMT(m->to[i].to->name));
    return names.len ? names : STR("nobody");
}

static Str not_allowed(Run *r, Frame *f, Str name, bool *ret_leaves) {
    Str to = str_slice(name, sizeof "handoff_" - 1, name.len), names = allowed_names(r, f);
    for (uint32_t i = 0; i < team_of(f)->n_members && MUTANT(handoff_unauthorised); i++)
        if (str_eq(name_of(f, i), to)) {
            f->team->next = i + 1;
            *ret_leaves = true;
        }
    return refuse(r, f, to, "not allowed",
                  arena_fmt(&r->arena, "you may not hand over to `%.*s`; you may to: %.*s",
                            (int)MIN(to.len, 80), to.p, STR_FMT(names)));
}

static bool keeps_contract(Run *r, Frame *f, const Handoff *h, Value arguments) {
    bool yes = true;
    char problem[320];
    Scope scope = scope_of(r, f);
    scope.with = arguments;
    return !h->check || MUTANT(handoff_unchecked) ||
           (scope_test(&scope, h->check, &yes, problem) == 0 && yes);
}

/* STR_NULL: it may be handed over. */
static Str why_not(Run *r, Frame *f, const Handoff *h, Value arguments, bool *ret_leaves) {
    TeamState *s = f->team;
    Str to = h->to->name;
    if (s->next)
        return refuse(r, f, to, "twice", STR("you have handed over already"));
    const Node *then = member_of(f, s->current)->then;
    if (then && then != h->to)
        return refuse(r, f, to, "then",
                      arena_fmt(&r->arena, "whoever comes after you is %.*s", STR_FMT(then->name)));
    if (!keeps_contract(r, f, h, arguments)) {
        Str source = cel_source(h->check);
        return refuse(
            r, f, to, "check",
            arena_fmt(&r->arena, "not handed over: `%.*s` does not hold", STR_FMT(source)));
    }
    if (back_and_forth(s, h->to->index) >= BACK_AND_FORTH && !MUTANT(ping_pong_allowed)) {
        note_refused(r, f, to, "loop");
        *ret_leaves = ++s->insisted > 1;
        return prompt_text(r->plan, &r->arena, PROMPT_HANDOFF_LOOP, to);
    }
    if (s->handed < (uint32_t)team_of(f)->max)
        return STR_NULL;
    s->exhausted = *ret_leaves = !member_of(f, s->current)->finishes;
    return refuse(r, f, to, "max", STR("there are no handoffs left: answer yourself"));
}

static Str accept(Run *r, Frame *f, bool *ret_leaves) {
    TeamState *s = f->team;
    if (s->arrival != BY_WATCH || s->next)
        return prompt_text(r->plan, &r->arena, PROMPT_HANDOFF_REFUSED,
                           STR("there is nothing to accept"));
    s->accepted = *ret_leaves = true;
    return STR("accepted");
}

static Str called(Run *r, Frame *f, Frame *agent, const AgentTool *tool, Str name, Value arguments,
                  bool *ret_leaves) {
    TeamState *s = f->team;
    const Member *m = member_of(f, s->current);
    const Node *part = f->node->parts[s->current];
    if (agent_player(agent) != f || s->accepted)
        return STR_NULL;
    if (!tool)
        return str_starts(name, STR("handoff_")) ? not_allowed(r, f, name, ret_leaves) : STR_NULL;
    size_t index = (size_t)(tool - part->tools);
    if (index >= m->n_to)
        return accept(r, f, ret_leaves);
    const Handoff *h = &m->to[index];
    Str no = why_not(r, f, h, arguments, ret_leaves);
    if (no.p)
        return no;
    s->next = h->to->index + 1;
    s->said = arguments;
    *ret_leaves = true;
    return arena_fmt(&r->arena, "handed over to %.*s", STR_FMT(h->to->name));
}

/* Told to the member, which may then hand over. */
static Str answered(Run *r, Frame *f, Frame *agent, Value output) {
    const Member *m = member_of(f, f->team->current);
    (void)output;
    if (agent->node->is_role || m->finishes || m->then || MUTANT(anyone_finishes))
        return STR_NULL;
    return arena_fmt(&r->arena, "you may not give the answer: hand over to one of %.*s",
                     STR_FMT(allowed_names(r, f)));
}

/* ---- a member is over -------------------------------------------------------------------------------------------------- */

static const Passing *passing(const Frame *f, uint32_t from, uint32_t to) {
    const Member *m = member_of(f, from);
    for (size_t i = 0; i < m->n_to; i++)
        if (m->to[i].to->index == to)
            return &m->to[i].context;
    return &team_of(f)->context;
}

/* False: the team has ended. */
static bool goes_on(Run *r, Frame *f, const Frame *child) {
    char problem[320];
    bool enough = false;
    Scope scope = scope_of(r, f);
    scope.output = child->output;
    if (!team_of(f)->until)
        return true;
    if (scope_test(&scope, team_of(f)->until, &enough, problem)) {
        tell(r, f, NULL, NOBODY);
        frame_failf(r, f, KIND_INVALID, "until: %s", problem);
        return false;
    }
    if (enough)
        finish(r, f, child->output, "until", f->team->current);
    return !enough;
}

/* Whoever handed over and watches is asked once whether the answer may stand. */
static bool is_watched(const Frame *f) {
    const TeamState *s = f->team;
    return s->source != NOBODY && s->arrival == BY_HANDOFF && member_of(f, s->source)->watches &&
           s->handed < (uint32_t)team_of(f)->max && !MUTANT(nobody_watches);
}

static void ask_watcher(Run *r, Frame *f, const Frame *child) {
    TeamState *s = f->team;
    uint32_t watcher = s->source;
    bool saw_all = passing(f, watcher, s->current)->pass == PASS_FULL;
    Str before = saw_all ? STR("") : s->of_source;
    Passing all = { .pass = PASS_FULL, .focus = STR("") };
    s->answer = child->output;
    s->answerer = s->current;
    s->said = VALUE_ABSENT;
    hand_over(r, f, child, watcher, &all, BY_WATCH);
    s->context = both(r, before, s->context);
}

static void member_over(Run *r, Frame *f, Frame *child) {
    TeamState *s = f->team;
    const Member *m = member_of(f, s->current);
    play_stop_waiting(r, f, 0);
    if (child->status != STATUS_OK) {
        tell(r, f, NULL, NOBODY);
        frame_fail(r, f, child->error);
    } else if (s->accepted) {
        finish(r, f, s->answer, "quiet", s->answerer);
    } else if (s->exhausted || s->insisted > 1) {
        run_out(r, f);
    } else if (!goes_on(r, f, child)) {
        return;
    } else if (s->next) {
        uint32_t to = s->next - 1;
        s->back_and_forth = back_and_forth(s, to);
        hand_over(r, f, child, to, passing(f, s->current, to), BY_HANDOFF);
    } else if (m->then) {
        s->said = child->output;
        s->back_and_forth = 0;
        hand_over(r, f, child, m->then->index, passing(f, s->current, m->then->index), BY_THEN);
    } else if (!m->finishes && !MUTANT(anyone_finishes)) {
        tell(r, f, NULL, NOBODY);
        frame_failf(r, f, KIND_DENIED, "`%.*s` may not give the answer",
                    STR_FMT(name_of(f, s->current)));
    } else if (is_watched(f)) {
        ask_watcher(r, f, child);
    } else {
        finish(r, f, child->output, "quiet", s->current);
    }
}

static void child_done(Run *r, Frame *f, Frame *child) {
    play_over(r, f, child);
    if (child->node->is_role)
        summed_up(r, f, child);
    else
        member_over(r, f, child);
}

static void enter(Run *r, Frame *f) {
    TeamState *s = play_begin(r, f, sizeof(TeamState));
    s->current = team_of(f)->start->index;
    s->source = s->answerer = NOBODY;
    s->said = s->answer = VALUE_ABSENT;
    s->context = s->of_source = STR("");
    s->handoffs = list_builder(&r->arena);
    s->refused = list_builder(&r->arena);
    open_member(r, f);
}

/* ---- no answer --------------------------------------------------------------------------------------------------------- */

/* People have deadlines of their own. */
static bool waits_for_people(const Frame *f) {
    if (f->status == STATUS_WAITING)
        return true;
    for (const Frame *child = f->first; child; child = child->next)
        if (waits_for_people(child))
            return true;
    return false;
}

static void give_back(Run *r, Frame *f, Frame *child) {
    TeamState *s = f->team;
    uint32_t source = s->source;
    if (s->handed == (uint32_t)team_of(f)->max) {
        play_cancel_rest(r, f, STR("no answer in time"));
        run_out(r, f);
        return;
    }
    s->context = both(r, s->of_source, agent_transcript(r, child, false));
    s->said = VALUE_ABSENT;
    note_handoff(r, f, child, source, PASS_FULL, BY_RETURN);
    s->handed++;
    play_cancel_rest(r, f, STR("no answer in time"));
    s->source = s->current;
    s->current = source;
    s->arrival = BY_RETURN;
    s->next = 0;
    s->of_source = STR("");
    open_member(r, f);
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    Frame *child = f->team->play.last[f->team->current];
    if (purpose == TIMER_GROUP) {
        tell(r, f, NULL, NOBODY);
        play_timer_due(r, f, purpose);
    } else if (child && (waits_for_people(child) || f->team->rested)) {
        f->team->rested = waits_for_people(child);
        arm(r, f);
    } else if (child && !frame_over(child)) {
        give_back(r, f, child);
    }
}

/* ---- why, snapshots ---------------------------------------------------------------------------------------------------- */

static Str because(Run *r, const Frame *f, const Frame *child) {
    static const char *const how[] = { [BY_HANDOFF] = "handed over by",
                                       [BY_THEN] = "always after",
                                       [BY_RETURN] = "no answer in time from",
                                       [BY_WATCH] = "watches" };
    const TeamState *s = f->team;
    if (child->node->is_role)
        return arena_fmt(&r->arena, "for %.*s", STR_FMT(name_of(f, s->current)));
    return s->arrival == BY_START
               ? STR("")
               : arena_fmt(&r->arena, "%s %.*s", how[s->arrival], STR_FMT(name_of(f, s->source)));
}

static void save(const Run *r, const Frame *f, Buf *b) {
    const TeamState *s = f->team;
    (void)r;
    play_save(f, b);
    buf_varint(b, s->current);
    buf_varint(b, s->source == NOBODY ? 0 : s->source + 1);
    buf_varint(b, s->answerer == NOBODY ? 0 : s->answerer + 1);
    buf_u8(b, (uint8_t)((int)s->arrival << 3 | s->rested << 2 | s->accepted << 1 | s->exhausted));
    buf_varint(b, s->handed);
    buf_varint(b, s->back_and_forth);
    buf_varint(b, s->insisted);
    buf_varint(b, s->next);
    value_encode(b, s->said);
    value_encode(b, s->answer);
    buf_blob(b, s->context);
    buf_blob(b, s->of_source);
    value_encode(b, value_list(s->handoffs.items, s->handoffs.n));
    value_encode(b, value_list(s->refused.items, s->refused.n));
}

static ListBuilder load_list(Run *r, Cursor *c) {
    ListBuilder l = list_builder(&r->arena);
    Value v = value_decode(c, &r->arena);
    for (uint32_t i = 0; v.type == V_LIST && i < v.len; i++)
        list_add(&l, v.items[i]);
    return l;
}

/* Index + 1, or 0. */
static uint32_t load_member(Cursor *c, size_t n) {
    uint64_t v = cursor_varint(c);
    c->bad |= v > n;
    return c->bad || v == 0 ? NOBODY : (uint32_t)v - 1;
}

static void load(Run *r, Frame *f, Cursor *c) {
    TeamState *s = play_load(r, f, c, sizeof(TeamState));
    size_t n = s ? team_of(f)->n_members : 0;
    if (!s)
        return;
    uint64_t current = cursor_varint(c);
    c->bad |= current >= n;
    s->current = c->bad ? 0 : (uint32_t)current;
    s->source = load_member(c, n);
    s->answerer = load_member(c, n);
    uint8_t flags = cursor_u8(c);
    s->exhausted = flags & 1;
    s->accepted = flags & 2;
    s->rested = flags & 4;
    s->arrival = (Arrival)(flags >> 3);
    c->bad |= s->arrival > BY_WATCH || (s->arrival != BY_START && s->source == NOBODY) ||
              (s->accepted && s->answerer == NOBODY);
    s->handed = (uint32_t)cursor_varint(c);
    s->back_and_forth = (uint32_t)cursor_varint(c);
    s->insisted = (uint32_t)cursor_varint(c);
    uint32_t next = load_member(c, n);
    s->next = next == NOBODY ? 0 : next + 1;
    s->said = value_decode(c, &r->arena);
    s->answer = value_decode(c, &r->arena);
    s->context = arena_str(&r->arena, cursor_blob(c));
    s->of_source = arena_str(&r->arena, cursor_blob(c));
    s->handoffs = load_list(r, c);
    s->refused = load_list(r, c);
}

const Shape shape_team = {
    .name = "team",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = timer_due,
    .tells = tells,
    .called = called,
    .answered = answered,
    .because = because,
    .save = save,
    .load = load,
};
