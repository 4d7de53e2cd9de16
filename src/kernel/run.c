/* The fold: one fact at a time, each looked at twice - first whether anything waits for it (if not, nothing is written), then
 * applied and written down with the moves it caused. */
#include "base/json.h"
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/message.h"
#include "kernel/people.h"
#include "kernel/play.h"
#include "kernel/step.h"
#include "kernel/undo.h"

#include <stdlib.h>

const char *run_status_name(RunStatus s) {
    static const char *const names[] = {
        "", "running", "paused", "succeeded", "failed", "cancelled"
    };
    return names[s];
}

/* ---- the end of a run ---- */

void run_end(Run *r, RunStatus status, Value output, Value error) {
    r->ending = status;
    r->output = status == RUN_OK ? output : VALUE_ABSENT;
    r->error = error;
    r->signals = NULL;
    r->heard = NULL;
    r->n_heard = 0;
    run_settle(r);
}

static void end_root(Run *r) {
    static const char *const why[] = { [RUN_FAILED] = "kind", [RUN_CANCELLED] = "message" };
    Status to = r->ending == RUN_OK       ? STATUS_OK
                : r->ending == RUN_FAILED ? STATUS_FAILED
                                          : STATUS_CANCELLED;
    bool ok = r->ending == RUN_OK;
    frame_move(r, r->root, to, 0, 0,
               ok ? STR("") : value_as_str(value_getz(r->error, why[r->ending])));
    while (r->root->first)
        frame_release(r, r->root->first);
    key_run_ended(r);
}

/* Nothing is loose where all is undone, and it is known what cancelled work did. */
void run_settle(Run *r) {
    if (!r->ending || run_finished(r) || r->root->loose || r->root->unwind)
        return;
    end_root(r);
    r->status = r->ending;
    r->ended_ms = r->time_ms;
    r->paused = VALUE_ABSENT;
    while (r->wants_first) {
        Want *w = r->wants_first;
        Frame *f = w->frame;
        Want **budget = w->kind == WANT_TIMER ? budget_timer(f, w->purpose) : NULL;
        if (budget)
            *budget = NULL;
        if (f->timeout == w)
            f->timeout = NULL;
        want_close(r, w);
    }
    child_ended(r);
}

static void cancel(Run *r, const Fact *fact) {
    Str reason = str_slice(fact->message, 0, MIN(fact->message.len, 200));
    Str why = arena_fmt(&r->arena, "cancelled by %.*s%s%.*s", STR_FMT(fact->from),
                        reason.len ? ": " : "", STR_FMT(reason));
    Value error = error_make(r, r->root, STR("cancelled"), why, 0, VALUE_ABSENT);
    r->status = RUN_RUNNING; /* what is left to do is not paused */
    r->ending = RUN_CANCELLED;
    frame_cancel_inside(r, r->root, why);
    want_close_all(r, r->root);
    undo_begin(r, r->root);
    run_end(r, MUTANT(cancel_as_failure) ? RUN_FAILED : RUN_CANCELLED, VALUE_ABSENT, error);
}

/* Enters what became ready, in order, until nothing is. What does not fit a budget is tried again when one settled. */
static void work(Run *r) {
    for (
        ;
        ;) { /* also when the run has ended: what is still in the queue was cancelled, and is let go of here */
        if (!value_absent(r->tripped) && !run_finished(r))
            run_stop(r);
        if (inboxes_hand_out(r))
            continue;
        Frame *f = frame_next_ready(r);
        if (f)
            step_enter(r, f);
        else if (!held_release(r) && !inboxes_break_deadlock(r))
            break;
    }
    if (r->pausing && r->status == RUN_RUNNING)
        question_pause(r);
    r->pausing = false;
}

/* ---- facts: does anything wait for it? ---- */

static bool waits_for_attempt(const Frame *f, const Fact *fact) {
    bool any = f && f->shape == &shape_call && f->call->want && f->call->want->kind == WANT_ATTEMPT;
    return any && (call_attempt(f, fact->attempt) || MUTANT(late_result_taken));
}

static Want *timer_of_play(const Frame *f, TimerPurpose purpose) {
    const Play *p = f->shape && f->shape->plays ? f->play : NULL;
    for (uint32_t i = 0; p && i < p->n_waits; i++)
        if (p->waits[i]->kind == WANT_TIMER && p->waits[i]->purpose == purpose)
            return p->waits[i];
    return NULL;
}

static bool waits_for_child(const Frame *f, const Fact *fact) {
    return f && call_is_child(f) && f->call->want && f->call->want->kind == WANT_CHILD &&
           f->call->attempt == fact->attempt && fact->outcome;
}

static Want *timer_of(Frame *f, TimerPurpose purpose) {
    if (!f || status_final(f->status))
        return NULL;
    Want **budget = budget_timer(f, purpose);
    if (budget)
        return *budget;
    if (purpose == TIMER_DOUBT)
        return doubt_timed(f);
    if (f->timeout && f->timeout->kind == WANT_TIMER && f->timeout->purpose == purpose)
        return f->timeout;
    if (f->shape == &shape_wait && f->wait->timer && f->wait->timer->purpose == purpose)
        return f->wait->timer;
    if (f->shape == &shape_call && f->call->want && f->call->want->kind == WANT_TIMER &&
        f->call->want->purpose == purpose)
        return f->call->want;
    if (f->shape == &shape_call && purpose == TIMER_HEDGE && !hedge_open(f->call))
        return f->call->hedge;
    Want **human = f->shape == &shape_human && f->human ? human_timer(f, purpose) : NULL;
    return human ? *human : timer_of_play(f, purpose);
}

static bool signal_seen(const Run *r, Str id) {
    uint64_t h = hash_fast(id, 0);
    for (uint32_t i = 0; i < r->n_signal_ids; i++)
        if (r->signal_ids[i] == h)
            return true;
    return false;
}

/* Where it is known that it was not let out, it is not known any more once somebody goes on with it. */
static bool lost_in_crash(const Run *r, const Want *w) {
    if (w->kind != WANT_ATTEMPT || w->effect == EFFECT_PURE)
        return false;
    if (want_is_elsewhere(w))
        return false;
    return w->unsent ? r->status != RUN_PAUSED : !want_announced(w) || w->dispatching;
}

static bool names_attempt(const Frame *f, const Fact *fact) {
    const Want *w = call_attempt(f, fact->attempt);
    return w && w->effect != EFFECT_PURE && fact->payload.len && !str_eq(w->handle, fact->payload);
}

/* Of what is announced the journal says so anyway. */
static bool may_be_unsent(const Frame *f, const Fact *fact) {
    const Want *w = call_attempt(f, fact->attempt);
    return w && w->effect != EFFECT_PURE && !w->unsent && !want_announced(w);
}

static bool limits_fit(Run *r, const Fact *fact) {
    Arena a = ARENA_NULL;
    Value limits;
    Str unused;
    bool good = fact->payload.p && json_read(&a, fact->payload, &limits, NULL) == 0 &&
                run_takes_limits(r, limits, &a, &unused);
    arena_deinit(&a);
    return good;
}

static bool control_fits(Run *r, const Fact *fact) {
    switch ((Control)fact->verb) {
    case CONTROL_PAUSE: return r->status == RUN_RUNNING;
    case CONTROL_RESUME: return r->status == RUN_PAUSED;
    case CONTROL_CANCEL: return !r->ending && !run_is_past(r);
    case CONTROL_RETRY: return run_is_past(r);
    case CONTROL_LIMITS: return limits_fit(r, fact);
    }
    return false;
}

/* What was cancelled is not tried again, and what has no undo cannot be undone. */
static bool settles_doubt(const Frame *f, const Fact *fact) {
    uint32_t verb = fact->verb;
    if (verb < DECISION_DONE || verb > DECISION_UNDO)
        return false;
    if (undo_is_stuck(f))
        return verb != DECISION_UNDO;
    return f->shape == &shape_call && f->call->want && f->call->want->kind == WANT_DOUBT &&
           (verb != DECISION_UNDO || f->undo) && (verb != DECISION_RETRY || !f->abandoned);
}

Refusal run_refuses(Run *r, const Fact *d, Arena *a, Str *ret_why) {
    Frame *f = run_finished(r) ? NULL : frame_find(r, d->address);
    Value value = VALUE_ABSENT;
    *ret_why = STR("");
    if (f && settles_doubt(f, d) && !retry_takes_decision(r, f, d))
        return REFUSAL_NONE;
    if (!f || f->shape != &shape_human || !f->human) {
        *ret_why = STR("nothing is asked there");
        return REFUSAL_CONFLICT;
    }
    if (d->payload.p && json_read(a, d->payload, &value, NULL))
        return REFUSAL_NONE; /* what is no JSON is refused as such */
    return human_refuses(f, d, value, a, ret_why);
}

static bool decision_fits(Run *r, const Fact *d) {
    Arena a = ARENA_NULL;
    Str why;
    bool fits = run_refuses(r, d, &a, &why) == REFUSAL_NONE;
    arena_deinit(&a);
    return fits;
}

static bool waited_for(Run *r, const Fact *fact) {
    if (run_finished(r)) /* what it stopped may have used something until it ended */
        return fact->kind == FACT_PROGRESS && str_is(fact->name, "late");
    Frame *f = frame_find(r, fact->address);
    Want *timer;
    switch (fact->kind) {
    case FACT_DISPATCHING:
    case FACT_FINISHED:
        return waits_for_attempt(f, fact) || (fact->reused && waits_for_child(f, fact));
    case FACT_CHILD: return waits_for_child(f, fact);
    case FACT_TIMER:
        timer = timer_of(f, (TimerPurpose)fact->purpose);
        return timer && (timer->due_ms <= MAX(fact->time_ms, r->time_ms) || MUTANT(timer_early));
    case FACT_SIGNAL:
        return fact->id.len == 0 || !signal_seen(r, fact->id) || MUTANT(signal_id_ignored);
    case FACT_DECISION: return decision_fits(r, fact);
    case FACT_CONTROL: return control_fits(r, fact);
    case FACT_RECOVERED:
        for (const Want *w = r->wants_first; w; w = w->next)
            if (lost_in_crash(r, w))
                return true;
        return false;
    case FACT_MIGRATED: return true;
    case FACT_PROGRESS:
        return str_is(fact->name, "late") ||
               (str_is(fact->name, "unsent") && may_be_unsent(f, fact)) ||
               (str_is(fact->name, "handle") && names_attempt(f, fact));
    case FACT_EVENT:
        return (!signal_seen(r, fact->id) || MUTANT(event_id_ignored)) && event_waited_for(r, fact);
    case FACT_MAIL: return more_waited_for(r, f, fact);
    case FACT_ACCEPTED: return false;
    }
    return false;
}

/* ---- facts: applied ---- */

static void finish_attempt(Run *r, const Fact *fact) {
    Frame *f = frame_find(r, fact->address);
    f->shape->attempt_done(r, f, fact);
}

static void dispatch_attempt(Run *r, const Fact *fact) {
    Frame *f = frame_find(r, fact->address);
    Want *w = call_attempt(f, fact->attempt);
    w->dispatching = true;
    w->unsent = false;
    if (key_is_shared(f))
        key_granted(r, f, fact);
    else if (w == f->call->want)
        hedge_arm(r, f);
}

static void ring_timer(Run *r, const Fact *fact) {
    Frame *f = frame_find(r, fact->address);
    Want *w = timer_of(f, (TimerPurpose)fact->purpose);
    if (fact->purpose == TIMER_DOUBT) {
        doubt_due(r, f, fact);
        return;
    }
    if (retry_takes_timeout(r, f, w))
        return;
    if (f->shape == &shape_wait && f->wait->timer == w)
        f->wait->timer = NULL;
    if (f->timeout == w)
        f->timeout = NULL;
    if (f->shape && f->shape->plays)
        play_came(f, w);
    Want **budget = budget_timer(f, (TimerPurpose)fact->purpose);
    if (budget)
        *budget = NULL;
    want_close(r, w);
    if (budget)
        budget_timer_due(r, f, (TimerPurpose)fact->purpose);
    else
        f->shape->timer_due(r, f, (TimerPurpose)fact->purpose);
}

static void remember_signal_id(Run *r, Str id) {
    if (!id.len)
        return;
    if (r->n_signal_ids == r->room_signal_ids) {
        r->room_signal_ids = MAX(8u, r->room_signal_ids * 2);
        r->signal_ids = xrealloc(r->signal_ids, r->room_signal_ids * sizeof(uint64_t));
    }
    r->signal_ids[r->n_signal_ids++] = hash_fast(id, 0);
}

/* The oldest waiting step that fits takes it; else it is kept until one asks. */
static void take_signal(Run *r, const Fact *fact) {
    int64_t seconds = fact->time_ms / 1000;
    Value time = { .type = V_TIMESTAMP,
                   .i = seconds,
                   .len = (uint32_t)(fact->time_ms - seconds * 1000) * 1000000u };
    MapBuilder m = map_builder(&r->arena);
    Str name = arena_str(&r->arena, fact->name);
    map_addz(&m, "name", value_str(name));
    map_addz(&m, "data", value_absent(r->payload) ? VALUE_NULL : r->payload);
    map_addz(&m, "from", value_str(arena_str(&r->arena, fact->from)));
    map_addz(&m, "time", time);
    Value value = map_done(&m, NULL);
    remember_signal_id(r, fact->id);
    for (Want *w = r->wants_first, *next; w; w = next) {
        next = w->next;
        if (w->kind == WANT_SIGNAL && str_eq(w->key, name) &&
            w->frame->shape->signal(r, w->frame, w, value))
            return;
    }
    Signal **at = &r->signals;
    while (*at)
        at = &(*at)->next;
    *at = ARENA_NEW(&r->arena, Signal);
    **at = (Signal){ .value = value, .name = name };
}

Value signal_take(Run *r, Str name, bool (*fits)(void *ctx, Value signal), void *ctx) {
    for (Signal **at = &r->signals; *at; at = &(*at)->next) {
        Signal *s = *at;
        if (!str_eq(s->name, name) || !fits(ctx, s->value))
            continue;
        *at = s->next;
        return s->value;
    }
    return VALUE_ABSENT;
}

static void decide(Run *r, const Fact *fact) {
    Frame *f = frame_find(r, fact->address);
    if (undo_is_stuck(f))
        undo_decided(r, f, fact);
    else
        f->shape->decided(r, f, fact);
}

/* Of two of one call the first of them speaks for both (hedge.c). */
static bool speaks(const Run *r, const Want *w) {
    const CallState *c = w->frame->call;
    return w != c->hedge || !lost_in_crash(r, c->want);
}

/* By address, because settling one attempt opens others and may take part of the tree away (a budget that is breached). */
static void recover(Run *r) {
    Str *lost = ARENA_ARRAY(&r->arena, Str, r->open_attempts);
    uint32_t n = 0;
    for (Want *w = r->wants_first; w; w = w->next)
        if (lost_in_crash(r, w) && speaks(r, w))
            lost[n++] = want_address(w, &r->arena);
    for (uint32_t i = 0; i < n; i++) {
        Frame *f = frame_find(r, lost[i]);
        if (f && !status_final(f->status))
            f->shape->recovered(r, f);
    }
}

static void control(Run *r, const Fact *fact) {
    switch ((Control)fact->verb) {
    case CONTROL_PAUSE:
        frame_movef(r, r->root, STATUS_RUNNING, "paused by %.*s", STR_FMT(fact->from));
        r->status = RUN_PAUSED;
        question_by_person(r, fact->from, fact->message);
        child_order_all(r, CONTROL_PAUSE, arena_str(&r->arena, fact->message));
        return;
    case CONTROL_RESUME:
        frame_movef(r, r->root, STATUS_RUNNING, "resumed by %.*s", STR_FMT(fact->from));
        r->status = RUN_RUNNING;
        r->paused = VALUE_ABSENT;
        for (Want *w = r->wants_first; w; w = w->next)
            w->unsent = false;
        child_order_all(r, CONTROL_RESUME, STR(""));
        held_resume(r);
        return;
    case CONTROL_LIMITS: question_raise(r, fact->from, r->payload); return;
    case CONTROL_CANCEL: cancel(r, fact); return;
    case CONTROL_RETRY:
        r->life++;
        retry_apply(r, fact, r->before_ms);
        recover(r);
        return;
    }
}

/* An attempt that nobody waits for any more ended after all: it counts, and stays in the journal for whoever has to judge. */
static void keep_late(Run *r, const Fact *fact) {
    Frame *f = MUTANT(late_end_applied) ? frame_find(r, fact->address) : NULL;
    if (f && f->shape == &shape_call && f->call->want && f->call->want->kind == WANT_ATTEMPT)
        f->shape->attempt_done(r, f, &(Fact){ .outcome = OUTCOME_OK });
    r->counts.tokens += fact->usage.tokens_in + fact->usage.tokens_out;
    r->counts.cost_nano += fact->usage.cost_nano;
}

static void take_progress(Run *r, const Fact *fact) {
    if (str_is(fact->name, "unsent"))
        call_attempt(frame_find(r, fact->address), fact->attempt)->unsent = true;
    else if (str_is(fact->name, "handle"))
        call_attempt(frame_find(r, fact->address), fact->attempt)->handle =
            arena_str(&r->arena, fact->payload);
    else
        keep_late(r, fact);
}

/* Whoever applies it has derived the run again with the new plan already; what is left is to say so. */
static void migrated(Run *r, const Fact *fact) {
    r->used_keys = true; /* with steps that are gone, maybe */
    frame_movef(r, r->root, STATUS_RUNNING, "moved to another file by %.*s", STR_FMT(fact->from));
}

static void apply(Run *r, const Fact *fact) {
    switch (fact->kind) {
    case FACT_DISPATCHING: dispatch_attempt(r, fact); return;
    case FACT_CHILD:
    case FACT_FINISHED: finish_attempt(r, fact); return;
    case FACT_TIMER: ring_timer(r, fact); return;
    case FACT_SIGNAL: take_signal(r, fact); return;
    case FACT_DECISION: decide(r, fact); return;
    case FACT_CONTROL: control(r, fact); return;
    case FACT_RECOVERED: recover(r); return;
    case FACT_MIGRATED: migrated(r, fact); return;
    case FACT_PROGRESS: take_progress(r, fact); return;
    case FACT_EVENT:
        remember_signal_id(r, fact->id);
        event_came(r, fact);
        return;
    case FACT_MAIL: more_came(r, fact); return;
    case FACT_ACCEPTED: UNREACHABLE("a fact nothing waits for");
    }
}

/* ---- the two entries ---- */

static void begin(Run *r, const Fact *fact, RowWriter *row) {
    r->row = row;
    r->opened = NULL;
    r->before_ms = r->time_ms;
    r->time_ms = fact->time_ms;
    r->facts++;
    if (row) {
        r->cause = row->n_facts;
        row_add_fact(row, fact);
    }
}

int run_apply(Run *r, const Fact *given, RowWriter *row) {
    Fact fact = *given;
    fact.time_ms = MAX(fact.time_ms, r->time_ms);
    if (!waited_for(r, &fact))
        return RUN_E_IGNORED;
    r->payload = VALUE_ABSENT;
    bool read = fact.payload.p && fact.kind != FACT_MIGRATED &&
                (fact.kind != FACT_CONTROL || fact.verb == CONTROL_LIMITS);
    if (read && json_read_copy(&r->arena, fact.payload, &r->payload, NULL))
        return RUN_E_CORRUPT;
    begin(r, &fact, row);
    apply(r, &fact);
    work(r);
    return 0;
}

Run *run_blank(const Plan *plan) {
    Run *r = xcalloc(1, sizeof(*r));
    arena_init(&r->arena, 0);
    r->plan = plan;
    r->status = RUN_RUNNING;
    r->state = ARENA_ARRAY(&r->arena, StateCell, plan->n_state);
    r->paused = VALUE_ABSENT;
    r->labels = map_done(&(MapBuilder){ .arena = &r->arena }, NULL);
    r->would_repeat = r->lasting = r->caller_text = STR("");
    r->tripped = VALUE_ABSENT;
    return r;
}

static bool read_input(Run *r, const Fact *fact, Str *ret_problem) {
    JsonError error;
    r->input = map_done(&(MapBuilder){ .arena = &r->arena }, NULL);
    if (fact->payload.p && json_read_copy(&r->arena, fact->payload, &r->input, &error)) {
        *ret_problem = arena_fmt(&r->arena, "input is not JSON: line %u, column %u: %s", error.line,
                                 error.column, error.message);
        return false;
    }
    return type_convert(r->plan->input, r->input, &r->arena, &r->input, ret_problem) == 0;
}

static bool read_labels(Run *r, Str *ret_problem) {
    char problem[320];
    Frame nowhere = { .run = r, .node = r->plan->root };
    Scope s = scope_of(r, &nowhere);
    if (!r->plan->labels || scope_eval(&s, r->plan->labels, &r->labels, problem) == 0)
        return true;
    *ret_problem = arena_fmt(&r->arena, "labels: %s", problem);
    return false;
}

static int start(const Plan *plan, const Fact *accepted, const Retried *retries, size_t n,
                 RowWriter *row, Run **ret_run, Str *ret_problem, Arena *problem_arena) {
    ASSERT(accepted->kind == FACT_ACCEPTED);
    _cleanup_(run_freep)
    Run *r = run_blank(plan);
    retry_copy(r, retries, n);
    Str problem = STR("");
    r->id = arena_str(&r->arena, accepted->run);
    r->dir = arena_str(&r->arena, accepted->dir);
    r->source = arena_str(&r->arena, accepted->from);
    r->source_before = arena_str(&r->arena, accepted->id);
    r->source_upto = accepted->upto;
    r->by = arena_str(&r->arena, accepted->by);
    if (!caller_read(r, accepted->shown)) {
        *ret_problem = STR("whose child it is cannot be read");
        return RUN_E_INPUT;
    }
    r->seed = accepted->seed;
    r->rules = (Rules)accepted->verb;
    r->started_ms = r->time_ms = accepted->time_ms;
    r->correlation = arena_str(&r->arena, accepted->correlation);
    dispatch_past(r, accepted->past);
    r->listens = accepted->purpose == ACCEPT_LISTEN;
    if (!r->listens && (!read_input(r, accepted, &problem) || !read_labels(r, &problem))) {
        *ret_problem = arena_str(problem_arena, problem);
        return RUN_E_INPUT;
    }
    begin(r, accepted, row);
    r->root = frame_new(r, NULL, plan->root, PART_ROOT, 0, 0, LAYER_ONCE);
    if (!r->listens) {
        frame_ready(r, r->root);
    } else if (!listen_begin(r)) {
        *ret_problem = STR("nothing starts a run of this file: it has no `on: [{ event: ... }]`");
        return RUN_E_INPUT;
    }
    work(r);
    *ret_run = TAKE(r);
    return 0;
}

int run_start(const Plan *plan, const Fact *accepted, RowWriter *row, Run **ret_run,
              Str *ret_problem, Arena *problem_arena) {
    return start(plan, accepted, NULL, 0, row, ret_run, ret_problem, problem_arena);
}

int run_start_again(const Plan *plan, const Fact *accepted, const Retried *retries, size_t n,
                    Run **ret_run, Str *ret_problem, Arena *problem_arena) {
    return start(plan, accepted, retries, n, NULL, ret_run, ret_problem, problem_arena);
}

Run *run_free(Run *r) {
    if (!r)
        return NULL;
    free(r->closed);
    free(r->signal_ids);
    free(r->spent);
    free(r->spent_slots);
    free(r->notices);
    free(r->posts);
    free(r->key_changes);
    arena_deinit(&r->arena);
    free(r);
    return NULL;
}

/* ---- questions ---- */

Want *run_opened(Run *r) { return r->opened; }
Want *run_wants(Run *r) { return r->wants_first; }
const WantClosed *run_closed(const Run *r, size_t *ret_n) {
    *ret_n = r->n_closed;
    return r->closed;
}
void run_forget_closed(Run *r) { r->n_closed = 0; }
const Notice *run_notices(const Run *r, size_t *ret_n) {
    *ret_n = r->n_notices;
    return r->notices;
}
void run_forget_notices(Run *r) { r->n_notices = 0; }
void run_notice(Run *r, const Notice *n) {
    if (r->n_notices == r->room_notices) {
        r->room_notices = MAX(4u, r->room_notices * 2);
        r->notices = xrealloc(r->notices, r->room_notices * sizeof(*r->notices));
    }
    r->notices[r->n_notices++] = *n;
}
Str run_id(const Run *r) { return r->id; }
const Plan *run_plan(const Run *r) { return r->plan; }
RunStatus run_status(const Run *r) { return r->status; }
bool run_finished(const Run *r) { return r->status >= RUN_OK; }
RunStatus run_ending(const Run *r) { return run_finished(r) ? 0 : r->ending; }
int64_t run_time(const Run *r) { return r->time_ms; }
Str run_dir(const Run *r) { return r->dir; }
Value run_input(const Run *r) { return r->input; }
Value run_labels(const Run *r) { return r->labels; }
Str run_source(const Run *r) { return r->source; }
uint64_t run_source_upto(const Run *r) { return r->source_upto; }
Value run_output(const Run *r) { return run_finished(r) ? r->output : VALUE_ABSENT; }
Value run_error(const Run *r) { return value_absent(r->error) ? VALUE_NULL : r->error; }
/* What is held waits for what is under way, here or in a child, and moves when that ends. */
bool run_active(const Run *r) {
    return !run_finished(r) && r->status != RUN_PAUSED && r->open_attempts > 0;
}
RunCounts run_counts(const Run *r) { return r->counts; }
size_t run_footprint(const Run *r) { return arena_footprint(&r->arena) + sizeof(*r); }

static bool waits_for_more(const Want *w) {
    return w->kind == WANT_SIGNAL && !w->frame->node->signal.len;
}

/* `event a, b`, `inbox desk`: the first word says what it is. */
static Str waits_for(const Want *w, const char *kind) {
    ptrdiff_t blank = waits_for_more(w) ? str_find(w->key, STR(" ")) : -1;
    return blank < 0 ? str_from(kind) : str_slice(w->key, 0, (size_t)blank);
}

static Str waits_name(const Want *w) {
    ptrdiff_t blank = waits_for_more(w) ? str_find(w->key, STR(" ")) : -1;
    return blank < 0 ? w->key : str_slice(w->key, (size_t)blank + 1, w->key.len);
}

static Value waiting_list(const Run *r, Arena *a) {
    static const char *const kinds[] = { "",       "attempt", "timer", "approval",
                                         "signal", "child",   "doubt" };
    ListBuilder l = list_builder(a);
    for (const Want *w = r->wants_first; w && l.n < 20; w = w->next) {
        MapBuilder m = map_builder(a);
        if (w->kind == WANT_ATTEMPT)
            continue;
        map_addz(&m, "for", value_str(waits_for(w, kinds[w->kind])));
        map_addz(&m, "step", value_str(want_address(w, a)));
        if (w->key.len)
            map_addz(&m, "name", value_str(waits_name(w)));
        if (w->kind == WANT_APPROVAL)
            map_addz(&m, "asked", want_ask_line(w, a));
        if (w->due_ms)
            map_addz(&m, "due_ms", value_int(w->due_ms));
        list_add(&l, map_done(&m, NULL));
    }
    if (r->asked.open && !run_finished(r)) {
        MapBuilder m = map_builder(a);
        map_addz(&m, "for", value_str(STR("grant")));
        map_addz(&m, "step", value_str(STR("")));
        map_addz(&m, "name", value_str(r->caller->run));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

Value run_summary(const Run *r, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "status", value_str(str_from(run_status_name(r->status))));
    if (run_ending(r))
        map_addz(&m, "ending", value_str(str_from(run_status_name(r->ending))));
    map_addz(&m, "steps_ok", value_int(r->counts.steps_ok));
    map_addz(&m, "attempts", value_int(r->counts.attempts));
    if (r->caller) {
        MapBuilder parent = map_builder(a);
        map_addz(&parent, "run", value_str(r->caller->run));
        map_addz(&parent, "step", value_str(r->caller->step));
        map_addz(&m, "parent", map_done(&parent, NULL));
    }
    if (r->counts.model_calls || r->counts.tokens) {
        map_addz(&m, "calls", value_int(r->counts.model_calls));
        map_addz(&m, "tokens", value_int(r->counts.tokens));
        map_addz(&m, "cost_nano", value_int(r->counts.cost_nano));
    }
    if (r->counts.reused) {
        map_addz(&m, "reused", value_int(r->counts.reused));
        map_addz(&m, "saved_tokens", value_int(r->counts.saved_tokens));
        map_addz(&m, "saved_nano", value_int(r->counts.saved_nano));
    }
    if (!value_absent(r->paused))
        map_addz(&m, "paused", r->paused);
    if (r->overbilled) {
        MapBuilder over = map_builder(a);
        map_addz(&over, "calls", value_int(r->overbilled));
        map_addz(&over, "last", value_str(r->overbilled_last));
        map_addz(&m, "overbilled", map_done(&over, NULL));
    }
    if (r->labels.type == V_MAP && r->labels.len)
        map_addz(&m, "labels", r->labels);
    Value waiting = waiting_list(r, a);
    if (waiting.len)
        map_addz(&m, "waiting", waiting);
    if (!value_absent(r->error) && r->error.type == V_MAP)
        map_addz(&m, "error", r->error);
    return map_done(&m, NULL);
}
