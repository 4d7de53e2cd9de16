/* What nobody knows: an attempt of a call ended unknown and may not simply be sent again, or was cancelled under way.
 *
 *   unclear --no probe---------------------------------> in doubt --a person--> ok | another attempt | undone | failed
 *     \ PROBE_DELAY_MS, the probe--neither of both-------^
 *         \ done: ok     \ not done: another attempt, which counts
 *
 * A call that is cancelled and may have been done is abandoned: it goes the same ways, but they all end in cancelled. */
#include "kernel/call.h"
#include "kernel/step.h"
#include "kernel/undo.h"

/* What timed out here may still be under way there: a target is asked so long after the attempt ended. */
#define PROBE_DELAY_MS 2000

const Node *call_probe(const Frame *f) {
    Node *const *callees = f->call->callee->probe;
    bool own = f->layers & LAYER_ONCE;
    return own && f->node->probe ? f->node->probe : callees ? *callees : NULL;
}

/* ---- unclear --------------------------------------------------------------------------------------------------------- */

static void doubt(Run *r, Frame *f, Str why) {
    frame_move(r, f, STATUS_IN_DOUBT, 0, 0, why);
    key_tell(r, f, KEY_DOUBT, VALUE_ABSENT);
    f->call->want = doubt_open(r, f);
}

/* Nobody knows, and it may not simply be sent again. */
void call_unclear(Run *r, Frame *f, const Fact *fact) {
    Str kind = arena_str(&r->arena, fact->error_kind);
    MapBuilder data = map_builder(&r->arena);
    map_addz(&data, "kind", value_str(kind));
    f->error =
        error_make(r, f, STR("in_doubt"), fact->message, f->call->attempt, map_done(&data, NULL));
    if (!call_probe(f)) {
        doubt(r, f, kind);
        return;
    }
    frame_movef(r, f, STATUS_RETRYING, "asks in %.1fs what happened: %.*s", PROBE_DELAY_MS / 1000.0,
                STR_FMT(kind));
    f->call->want = want_timer(r, f, TIMER_PROBE, r->time_ms + PROBE_DELAY_MS);
}

/* ---- abandoned ------------------------------------------------------------------------------------------------------- */

static bool may_be_in_flight(const CallState *c) {
    const Want *w = c->want;
    if (!w || w->kind != WANT_ATTEMPT || c->effect < EFFECT_IDEMPOTENT)
        return false;
    if (w->frame->run->rules >= RULES_SETTLED_FIRST)
        return !want_never_left(w);
    return (c->effect != EFFECT_UNSAFE && !key_is_shared(w->frame)) || w->dispatching;
}

static Frame *probe_below(const Frame *f) {
    for (Frame *child = f->first; child; child = child->next)
        if (child->part == PART_PROBE)
            return child;
    return NULL;
}

/* Not to be found out any more: who can be sent again is taken as done, as its undo must bear that it was not. */
static void stop_asking(Run *r, Frame *f, Str why) {
    Frame *probe = probe_below(f);
    if (probe) {
        frame_cancel(r, probe, why);
        frame_release(r, probe);
    }
    if (f->call->unknown)
        undo_happened(f);
}

bool call_abandon(Run *r, Frame *f, Str why) {
    CallState *c = f->call;
    if (child_abandon(r, f, why))
        return true;
    bool in_flight = may_be_in_flight(c), unsafe = c->effect == EFFECT_UNSAFE;
    bool debt = unsafe && (in_flight || c->unknown) && !MUTANT(debt_forgotten);
    if (!debt && !(in_flight && f->undo)) {
        stop_asking(r, f, why);
        return false;
    }
    if (in_flight) {
        frame_movef(r, f, STATUS_RUNNING, "asked to stop: %.*s", STR_FMT(why));
        want_stop(r, c->want);
    }
    f->abandoned = true;
    undo_loosen(f, 1);
    return true;
}

bool call_runs_late(Run *r, Frame *f, Str why) {
    CallState *c = f->shape == &shape_call ? f->call : NULL;
    if (!c || child_runs_late(r, f, why))
        return c != NULL;
    bool in_flight = may_be_in_flight(c);
    if (c->effect != EFFECT_UNSAFE || r->rules < RULES_SETTLED_FIRST) {
        c->unknown |= in_flight; /* given up; who retries the run goes on with the same key */
        return false;
    }
    if (!in_flight && !c->unknown)
        return false;
    c->late = why;
    c->out_of_limits = true;
    frame_movef(r, f, f->status, "%s: %.*s", in_flight ? "asked to stop" : "asked about first",
                STR_FMT(why));
    if (in_flight)
        want_stop(r, c->want);
    return true;
}

void call_say_late(const Frame *f, Fact *fact) {
    const CallState *c = f->call;
    if (!c->late.len)
        return;
    fact->error_kind = str_from(error_kind_name(c->out_of_limits ? KIND_BUDGET : KIND_TIMEOUT));
    fact->message = c->late;
}

/* It is known what it did, or as well as it will be. */
static void came_to_rest(Run *r, Frame *f, bool happened, Str what) {
    if (happened)
        undo_happened(f);
    else
        undo_drop(r, f);
    want_close_all(r, f);
    frame_move(r, f, STATUS_CANCELLED, 0, 0, what);
    f->abandoned = false;
    undo_loosen(f, -1);
    undo_go_on(r, f);
}

void call_ended_late(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    c->unknown |= fact->outcome == OUTCOME_UNKNOWN;
    if (fact->outcome == OUTCOME_OK && !fact->reused)
        key_tell(r, f, KEY_DONE, value_absent(r->payload) ? VALUE_NULL : r->payload);
    if (fact->outcome == OUTCOME_OK)
        came_to_rest(r, f, true, STR("it was done before it could be stopped"));
    else if (!c->unknown)
        came_to_rest(r, f, false, STR("stopped: it was not done"));
    else if (c->effect == EFFECT_UNSAFE)
        call_unclear(r, f, fact);
    else
        came_to_rest(r, f, true, STR("stopped: whether it was done is unknown"));
}

/* ---- the probe ------------------------------------------------------------------------------------------------------- */

void call_open_probe(Run *r, Frame *f) {
    const Node *node = call_probe(f);
    frame_move(r, f, STATUS_RUNNING, 0, 0, STR("asks what happened"));
    frame_ready(r, frame_new(r, f, node, PART_PROBE, ++f->call->probes, 0, step_layers(node)));
}

static void was_done(Run *r, Frame *f, Value result) {
    f->call->unknown = false;
    key_tell(r, f, KEY_DONE, result);
    if (f->abandoned) {
        came_to_rest(r, f, true, STR("the probe says that it was done"));
        return;
    }
    undo_happened(f);
    f->call->was_done = true;
    frame_done(r, f, result);
}

/* Surely not done, so it may be sent again, with the same key; it counts, but for a crash of the engine. */
static void was_not_done(Run *r, Frame *f) {
    CallState *c = f->call;
    Value error = f->error;
    bool lost = c->lost;
    c->unknown = c->lost = false;
    f->error = VALUE_ABSENT;
    if (f->abandoned) {
        came_to_rest(r, f, false, STR("the probe says that it was not done"));
        return;
    }
    key_tell(r, f, KEY_UNDER_WAY, VALUE_ABSENT);
    if (lost) {
        call_open_attempt(r, f, STR("again: the probe says that it was not done"));
        return;
    }
    Fact fact = { .outcome = OUTCOME_FAILED,
                  .error_kind = value_as_str(value_getz(value_getz(error, "data"), "kind")),
                  .message = value_as_str(value_getz(error, "message")) };
    if (!call_once_more(r, f, &fact, true))
        call_fail(r, f, &fact);
}

void call_probed(Run *r, Frame *f, Frame *probe) {
    Value done = probe->status == STATUS_OK ? value_getz(probe->output, "done") : VALUE_ABSENT;
    Value result = value_getz(probe->output, "result");
    bool failed = probe->status != STATUS_OK;
    frame_release(r, probe);
    if (done.type != V_BOOL)
        doubt(r, f,
              failed ? STR("the probe failed")
                     : STR("the probe did not say `{ done: true }` or `{ done: false }`"));
    else if (done.b && !MUTANT(probe_ignored))
        was_done(r, f, value_absent(result) ? VALUE_NULL : result);
    else
        was_not_done(r, f);
}

/* ---- a person -------------------------------------------------------------------------------------------------------- */

static void decided_late(Run *r, Frame *f, const Fact *fact) {
    bool happened = fact->verb == DECISION_DONE || fact->verb == DECISION_UNDO;
    Str by = arena_fmt(&r->arena, "%s, by %.*s",
                       fact->verb == DECISION_UNDO       ? "to be undone"
                       : happened                        ? "it was done"
                       : fact->verb == DECISION_NOT_DONE ? "it was not done"
                                                         : "given up",
                       STR_FMT(fact->from));
    f->call->unknown = fact->verb != DECISION_NOT_DONE;
    if (fact->verb == DECISION_DONE)
        key_tell(r, f, KEY_DONE, value_absent(r->payload) ? VALUE_NULL : r->payload);
    came_to_rest(r, f, happened, by);
}
void call_decided(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    want_close(r, c->want);
    c->want = NULL;
    if (f->abandoned) {
        decided_late(r, f, fact);
        return;
    }
    Str by = arena_fmt(&r->arena, "by %.*s", STR_FMT(fact->from));
    c->unknown = false; /* it is settled, one way or another */
    switch ((Decision)fact->verb) {
    case DECISION_DONE:
        undo_happened(f);
        key_tell(r, f, KEY_DONE, value_absent(r->payload) ? VALUE_NULL : r->payload);
        frame_movef(r, f, STATUS_RUNNING, "done, %.*s", STR_FMT(by));
        c->was_done = true;
        frame_done(r, f, value_absent(r->payload) ? VALUE_NULL : r->payload);
        return;
    case DECISION_NOT_DONE:
        key_tell(r, f, KEY_UNDER_WAY, VALUE_ABSENT);
        call_open_attempt(r, f, arena_fmt(&r->arena, "not done, %.*s", STR_FMT(by)));
        return;
    case DECISION_RETRY:
        key_tell(r, f, KEY_UNDER_WAY, VALUE_ABSENT);
        c->generation++;
        c->first_ms = 0;
        call_open_attempt(r, f, arena_fmt(&r->arena, "retry as new, %.*s", STR_FMT(by)));
        return;
    case DECISION_UNDO:
        undo_happened(f);
        key_undo_begins(r, f);
        frame_movef(r, f, STATUS_RUNNING, "to be undone, %.*s", STR_FMT(by));
        frame_fail(r, f, f->error);
        return;
    case DECISION_FAIL:
        key_tell(r, f, KEY_UNKNOWN, VALUE_ABSENT);
        undo_drop(r, f);
        frame_fail(r, f, f->error);
        return;
    case DECISION_APPROVE:
    case DECISION_REJECT:
    case DECISION_REVISE:
    case DECISION_ANSWER: UNREACHABLE("an answer to what nobody asked");
    }
}
