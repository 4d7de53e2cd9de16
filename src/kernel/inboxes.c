/* Messages within a run: each inbox of the file is a queue of the run, first in, first out, with a bound.
 *
 *   send     puts a message in, or into every inbox, or fails with kind `limit` where one is full: then nothing was sent
 *   receive  takes the oldest out, or waits for one
 *
 * What is put in is handed to who waits before anything else begins: the oldest `receive` gets the oldest message.
 * Only steps of the run send, so a run in which all that is open waits for messages would wait for ever: its oldest `receive` fails. */
#include "kernel/message.h"
#include "spec/prompts.h"
#include "kernel/step.h"

#include <stdio.h>

static InboxState *state_of(Run *r, uint32_t inbox) {
    if (!r->inboxes)
        r->inboxes = ARENA_ARRAY(&r->arena, InboxState, r->plan->n_inboxes);
    return &r->inboxes[inbox];
}

static uint32_t number_of(const Run *r, const Inbox *box) {
    return (uint32_t)(box - r->plan->inboxes);
}

static int64_t room_in(Run *r, const Inbox *box) {
    return box->max - (int64_t)state_of(r, number_of(r, box))->n;
}

/* ---- send ------------------------------------------------------------------------------------------------------------ */

static void put(Run *r, const Inbox *box, Str from, Value body) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "inbox", value_str(box->name));
    map_addz(&m, "from", value_str(from));
    map_addz(&m, "time", value_time_text(r->time_ms, &r->arena));
    map_addz(&m, "body", body);
    InboxState *state = state_of(r, number_of(r, box));
    Message *one = ARENA_NEW(&r->arena, Message);
    one->value = map_done(&m, NULL);
    *(state->last ? &state->last->next : &state->first) = one;
    state->last = one;
    state->n++;
    r->n_messages++;
    r->handing_out = true;
}

/* Does it fit there? */
static bool check(Run *r, const Inbox *box, Value *body, ErrorKind *ret_kind, Str *ret_problem) {
    Str mismatch;
    if (box->type && type_convert(box->type, *body, &r->arena, body, &mismatch)) {
        *ret_kind = KIND_INVALID;
        *ret_problem =
            arena_fmt(&r->arena, "message to `%.*s`: %.*s", STR_FMT(box->name), STR_FMT(mismatch));
        return false;
    }
    if (room_in(r, box) > 0 || MUTANT(inbox_without_bound))
        return true;
    *ret_kind = KIND_LIMIT;
    *ret_problem = arena_fmt(&r->arena, "inbox `%.*s` is full: it holds %d at most",
                             STR_FMT(box->name), box->max);
    return false;
}

bool inbox_send(Run *r, Str from, Str to, Value body, ErrorKind *ret_kind, Str *ret_problem) {
    const Inbox *one = to.p ? plan_inbox(r->plan, to) : NULL;
    size_t n = to.p ? 1 : r->plan->n_inboxes;
    if (to.p && !one) {
        *ret_kind = KIND_NOT_FOUND;
        *ret_problem =
            arena_fmt(&r->arena, "there is no inbox `%.*s`", (int)MIN(to.len, (size_t)80), to.p);
        return false;
    }
    const Inbox *boxes = one ? one : r->plan->inboxes;
    Value *bodies = ARENA_ARRAY(&r->arena, Value, n);
    for (size_t i = 0; i < n; i++) {
        bodies[i] = body;
        if (!check(r, &boxes[i], &bodies[i], ret_kind, ret_problem))
            return false;
    }
    for (size_t i = 0; i < n; i++)
        put(r, &boxes[i], from, bodies[i]);
    return true;
}

static bool eval_send(Run *r, Frame *f, Str *ret_to, Value *ret_body, char problem[320]) {
    Scope s = scope_of(r, f);
    Value to = VALUE_NULL;
    *ret_to = STR_NULL;
    *ret_body = VALUE_NULL;
    if ((f->node->body && scope_eval(&s, f->node->body, ret_body, problem)) ||
        (f->node->to && scope_eval(&s, f->node->to, &to, problem)))
        return false;
    if (value_absent(*ret_body))
        *ret_body = VALUE_NULL;
    if (f->node->to && !value_is(to, V_STRING)) {
        snprintf(problem, 320, "send: `to` must be the name of an inbox");
        return false;
    }
    if (f->node->to)
        *ret_to = value_as_str(to);
    return true;
}

void send_enter(Run *r, Frame *f, Str choice) {
    char problem[320];
    ErrorKind kind;
    Value body;
    Str to, why;
    frame_move(r, f, STATUS_RUNNING, 0, 0, choice);
    if (!eval_send(r, f, &to, &body, problem))
        frame_failf(r, f, KIND_INVALID, "%s", problem);
    else if (!inbox_send(r, frame_address(f, &r->arena), to, body, &kind, &why))
        frame_failf(r, f, kind, "%.*s", STR_FMT(why));
    else
        frame_done(r, f, VALUE_NULL);
}

/* ---- receive --------------------------------------------------------------------------------------------------------- */

Value inbox_pop(Run *r, uint32_t inbox) {
    InboxState *state = r->inboxes ? &r->inboxes[inbox] : NULL;
    Message *one = state ? state->first : NULL;
    if (!one)
        return VALUE_ABSENT;
    state->first = one->next;
    if (!state->first)
        state->last = NULL;
    state->n--;
    r->n_messages--;
    return one->value;
}

/* ---- agents ---------------------------------------------------------------------------------------------------------- */

static Str agent_sends(Run *r, const Callee *agent, Value arguments) {
    Value to = value_getz(arguments, "to"), body = value_getz(arguments, "body");
    ErrorKind kind;
    Str why;
    if (!value_is(to, V_STRING))
        return prompt_text(r->plan, &r->arena, PROMPT_TOOL_FAILED,
                           STR("`to` must name an inbox, or `all`"));
    Str name = str_is(value_as_str(to), "all") ? STR_NULL : value_as_str(to);
    if (inbox_send(r, agent->name, name, value_absent(body) ? VALUE_NULL : body, &kind, &why))
        return STR("sent");
    return prompt_text(r->plan, &r->arena, PROMPT_TOOL_FAILED,
                       arena_fmt(&r->arena, "%s: %.*s", error_kind_name(kind), STR_FMT(why)));
}

/* An agent has the inbox of its name. */
static Str agent_reads(Run *r, const Callee *agent) {
    const Inbox *box = plan_inbox(r->plan, agent->name);
    if (!box)
        return prompt_text(r->plan, &r->arena, PROMPT_TOOL_FAILED,
                           arena_fmt(&r->arena, "there is no inbox `%.*s`: nobody can write to you",
                                     STR_FMT(agent->name)));
    Value message = inbox_pop(r, number_of(r, box));
    return value_absent(message) ? STR("no message") : value_text(&r->arena, message);
}

Str inbox_by_agent(Run *r, const Callee *agent, Value arguments) {
    Value what = value_getz(arguments, "do");
    return value_is(what, V_STRING) && str_is(value_as_str(what), "read")
               ? agent_reads(r, agent)
               : agent_sends(r, agent, arguments);
}

bool receive_take(Run *r, Frame *f) {
    Value message = inbox_pop(r, f->node->inbox);
    if (value_absent(message))
        return false;
    f->detail = message;
    frame_done(r, f, value_getz(message, "body"));
    return true;
}

static bool receives(const Want *w) {
    return w->kind == WANT_SIGNAL && w->frame->shape == &shape_wait &&
           w->frame->node->verb == VERB_RECEIVE;
}

bool inboxes_hand_out(Run *r) {
    for (Want *w = r->handing_out && !r->ending ? r->wants_first : NULL; w; w = w->next)
        if (receives(w) && receive_take(r, w->frame))
            return true;
    r->handing_out = false;
    return false;
}

/* Is there nothing that could send, or end the waiting? */
static Frame *stuck(Run *r) {
    if (run_finished(r) || r->ending || r->status != RUN_RUNNING || r->pausing || r->open_held ||
        run_is_past(r) || !r->wants_first)
        return NULL;
    for (const Want *w = r->wants_first; w; w = w->next)
        if (!receives(w))
            return NULL;
    return r->wants_first->frame;
}

bool inboxes_break_deadlock(Run *r) {
    Frame *f = stuck(r);
    if (!f || MUTANT(deadlock_waits))
        return false;
    frame_failf(r, f, KIND_UNAVAILABLE,
                "nobody is left who could send to `%.*s`: all that is open in this run waits for "
                "messages",
                STR_FMT(r->plan->inboxes[f->node->inbox].name));
    return true;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

void inboxes_save(const Run *r, Buf *b) {
    for (size_t i = 0; i < r->plan->n_inboxes; i++) {
        buf_varint(b, r->inboxes ? r->inboxes[i].n : 0);
        for (const Message *m = r->inboxes ? r->inboxes[i].first : NULL; m; m = m->next)
            value_encode(b, m->value);
    }
}

void inboxes_load(Run *r, Cursor *c) {
    for (size_t i = 0; i < r->plan->n_inboxes && !c->bad; i++) {
        uint64_t n = cursor_varint(c);
        if (n > (uint64_t)r->plan->inboxes[i].max) {
            c->bad = true;
            return;
        }
        InboxState *state = state_of(r, (uint32_t)i);
        for (; n > 0 && !c->bad; n--) {
            Message *one = ARENA_NEW(&r->arena, Message);
            one->value = value_decode(c, &r->arena);
            c->bad |= one->value.type != V_MAP;
            *(state->last ? &state->last->next : &state->first) = one;
            state->last = one;
            state->n++;
            r->n_messages++;
        }
    }
}
