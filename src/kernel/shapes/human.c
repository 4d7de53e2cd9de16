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
#include "kernel/asked.h"
#include "kernel/people.h"
#include "kernel/step.h"

/* ---- asking ------------------------------------------------------------------------------------------------------------- */

static void arm(Run *r, Frame *f) {
    HumanState *h = f->human;
    const Ask *ask = asked_ask(f);
    const Escalation *e = asked_escalation(f);
    if (ask->deadline_ms >= 0)
        h->deadline = want_timer(r, f, TIMER_ASK, r->time_ms + ask->deadline_ms);
    if (ask->remind_ms > 0)
        h->remind = want_timer(r, f, TIMER_REMIND, r->time_ms + ask->remind_ms);
    if (e->said && e->after_ms > 0)
        h->escalate = want_timer(r, f, TIMER_ESCALATE, r->time_ms + e->after_ms);
}

static Str whom(const Frame *f) {
    const Ask *ask = asked_ask(f);
    return f->human->person.len ? f->human->person : ask->group.len ? ask->group : STR("a person");
}

static void move_asking(Run *r, Frame *f, const char *how) {
    const HumanState *h = f->human;
    Str to = whom(f);
    frame_movef(r, f, STATUS_WAITING, "%s %.*s: %.*s", how, (int)MIN(to.len, 60), to.p,
                (int)MIN(h->question.len, 120), h->question.p);
}

void human_close(Run *r, Frame *f) {
    Want **wants[] = { &f->human->want, &f->human->deadline, &f->human->remind,
                       &f->human->escalate };
    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        if (*wants[i])
            want_close(r, *wants[i]);
        *wants[i] = NULL;
    }
}

static void finish(Run *r, Frame *f, const char *verdict, Str by, Str words, Value value);

static void enter(Run *r, Frame *f) {
    char problem[320];
    HumanState *h = f->human = ARENA_NEW(&r->arena, HumanState);
    const Ask *ask = asked_ask(f);
    const Escalation *e = asked_escalation(f);
    h->said = list_builder(&r->arena);
    h->round = 1;
    h->quorum = (uint32_t)ask->quorum;
    h->asked_ms = r->time_ms;
    h->value = h->shown = VALUE_ABSENT;
    h->question = h->person = h->hash = STR("");
    if (!asked_compose(r, f, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    asked_hash(r, f);
    bool waits = ask->wait >= 0 ? ask->wait : !e->said || e->wait != 0;
    if (!waits) {
        asked_tell(r, f, "notice");
        if (!MUTANT(notice_not_kept))
            asked_keep(r, f);
        finish(r, f, "told", STR(""), STR(""),
               asked_role(f) == ROLE_STEP || asked_role(f) == ROLE_TOOL ? VALUE_NULL : h->value);
        return;
    }
    move_asking(r, f, "asks");
    h->want = want_open(r, f, WANT_APPROVAL);
    arm(r, f);
    asked_tell(r, f, "asked");
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
    human_close(r, f);
    f->detail = detail_of(r, f, verdict, by, words);
    if (f->status == STATUS_WAITING || f->status == STATUS_NEW)
        frame_movef(r, f, STATUS_RUNNING, "%s%s%.*s", verdict, by.len ? " by " : "",
                    (int)MIN(by.len, 80), by.p);
    frame_done(r, f, value_absent(value) ? VALUE_NULL : value);
}

static void reject(Run *r, Frame *f, const char *verdict, ErrorKind kind, Str by, Str words,
                   Str message) {
    human_close(r, f);
    f->detail = detail_of(r, f, verdict, by, words);
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "verdict", value_str(str_from(verdict)));
    add_words(&m, by, words);
    frame_fail(r, f,
               error_make(r, f, str_from(error_kind_name(kind)), message, 0, map_done(&m, NULL)));
}

static void silence(Run *r, Frame *f) {
    const Ask *ask = asked_ask(f);
    HumanState *h = f->human;
    Str message = arena_fmt(&r->arena, "nobody answered in time: %.*s",
                            (int)MIN(h->question.len, 200), h->question.p);
    switch (MUTANT(silence_approves) ? SILENCE_APPROVES : ask->silence) {
    case SILENCE_REJECTS:
        machine_send(f, ask->on_timeout ? ask->on_timeout : ask->on_reject);
        reject(r, f, "expired", KIND_REJECTED, STR(""), STR(""), message);
        return;
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
        h->remind = want_timer(r, f, TIMER_REMIND, r->time_ms + asked_ask(f)->remind_ms);
        move_asking(r, f, "reminds");
        asked_tell(r, f, "reminder");
        return;
    case TIMER_ESCALATE:
        h->escalated = true;
        frame_movef(r, f, STATUS_WAITING, "escalates to %.*s",
                    (int)MIN(asked_escalation(f)->then.len, 80), asked_escalation(f)->then.p);
        asked_tell(r, f, "escalated");
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
    if (asked_type(f))
        type_convert(asked_type(f), v, &r->arena, &v, &problem);
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
    asked_hash(r, f);
}

static void approve(Run *r, Frame *f, Str by) {
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
}

static void decided(Run *r, Frame *f, const Fact *d) {
    Str by = arena_str(&r->arena, d->from), words = arena_str(&r->arena, d->message);
    note_said(r, f, d);
    switch ((Decision)d->verb) {
    case DECISION_APPROVE: approve(r, f, by); return;
    case DECISION_ANSWER: finish(r, f, "answered", by, words, converted(r, f, r->payload)); return;
    case DECISION_REVISE: finish(r, f, "revise", by, words, VALUE_NULL); return;
    case DECISION_REJECT:
        machine_send(f, asked_ask(f)->on_reject);
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
    value_encode(b, value_list(h->said.items, h->said.n));
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
    for (uint32_t i = 0; said.type == V_LIST && i < said.len && !MUTANT(snapshot_forgets_said); i++)
        list_add(&h->said, said.items[i]);
    h->round = (uint32_t)cursor_varint(c);
    h->notices = (uint32_t)cursor_varint(c);
    uint8_t flags = cursor_u8(c);
    h->edited = flags & 1;
    h->escalated = flags & 2;
    h->asked_ms = cursor_svarint(c);
    if (human_known(f))
        h->quorum = (uint32_t)asked_ask(f)->quorum;
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
