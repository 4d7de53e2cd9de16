/* wait: for a time, until a time, for a signal or an event (which may have come before the step began: they are kept), and `receive`: for
 * a message. */
#include "kernel/message.h"
#include "kernel/step.h"

#include <stdio.h>

static bool fits(void *ctx, Value signal) {
    Frame *f = ctx;
    bool yes = true;
    char problem[320];
    if (!f->node->wait_if)
        return true;
    Scope s = scope_of(f->run, f);
    s.signal = signal;
    /* A guard that cannot be asked of this signal does not fit it: another sender's shape is no reason to fail. */
    return scope_test(&s, f->node->wait_if, &yes, problem) == 0 && yes;
}

static void take(Run *r, Frame *f, Value signal) {
    Value data = value_getz(signal, "data");
    f->detail = signal;
    frame_done(r, f, value_absent(data) ? VALUE_NULL : data);
}

static bool take_buffered(Run *r, Frame *f) {
    Value signal = signal_take(r, f->node->signal, fits, f);
    if (value_absent(signal))
        return false;
    take(r, f, signal);
    return true;
}

static bool take_kept(Run *r, Frame *f) {
    return f->node->signal.len             ? take_buffered(r, f)
           : f->node->verb == VERB_RECEIVE ? receive_take(r, f)
                                           : event_take_kept(r, f);
}

static bool until_ms(Run *r, Frame *f, int64_t *ret_ms, char problem[320]) {
    Value v;
    Scope s = scope_of(r, f);
    if (scope_eval(&s, f->node->until, &v, problem))
        return false;
    if (v.type == V_STRING) {
        int64_t seconds;
        uint32_t nanos;
        if (time_parse(value_as_str(v), &seconds, &nanos))
            v = (Value){ .type = V_TIMESTAMP, .i = seconds, .len = nanos };
    }
    if (v.type != V_TIMESTAMP) {
        snprintf(problem, 320, "wait: `until` must be a time such as 2026-11-21T08:00:00Z");
        return false;
    }
    *ret_ms = v.i * 1000 + v.len / 1000000;
    return true;
}

static void enter(Run *r, Frame *f) {
    const Node *n = f->node;
    char problem[320];
    f->wait = ARENA_NEW(&r->arena, WaitState);
    if (n->signal.len || n->waits_for.len) {
        if (take_kept(r, f))
            return;
        f->wait->signal = want_open(r, f, WANT_SIGNAL);
        f->wait->signal->key = wait_key(r, f);
        if (n->wait_timeout_ms >= 0)
            f->wait->timer = want_timer(r, f, TIMER_GROUP, r->time_ms + n->wait_timeout_ms);
        return;
    }
    int64_t due = r->time_ms + n->wait_ms;
    if (n->until && !until_ms(r, f, &due, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    f->wait->timer = want_timer(r, f, TIMER_WAIT, due);
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    const Node *n = f->node;
    if (purpose == TIMER_WAIT)
        frame_done(r, f, VALUE_NULL);
    else if (n->signal.len)
        frame_failf(r, f, KIND_TIMEOUT, "no signal `%.*s` came in time", STR_FMT(n->signal));
    else if (n->verb == VERB_RECEIVE)
        frame_failf(r, f, KIND_TIMEOUT, "no message came in time to %.*s", STR_FMT(n->waits_for));
    else
        frame_failf(r, f, KIND_TIMEOUT, "no %.*s came in time", STR_FMT(n->waits_for));
}

static bool signal_came(Run *r, Frame *f, Want *want, Value signal) {
    ASSERT(want == f->wait->signal);
    if (!f->node->signal.len || !fits(f, signal))
        return false;
    take(r, f, signal);
    return true;
}

static void load(Run *r, Frame *f, Cursor *c) {
    (void)c;
    f->wait = ARENA_NEW(&r->arena, WaitState);
}

const Shape shape_wait = {
    .name = "wait",
    .enter = enter,
    .timer_due = timer_due,
    .signal = signal_came,
    .load = load,
};
