/* Attempts: from a want to a completion.
 *
 *   perform_want: HELD at a gate (gate.h) until it may go on, then
 *                          row durable                 executor
 *   perform_admitted: WAITING ------------> STARTED ----------------> ENDED: applied as FACT_FINISHED, back to the pool
 *                       |  \ pure: at once     | \ out of time: asked to stop, given STOP_GRACE_MS, then unknown
 *                       |                      |
 *                       +---- want gone: never starts / asked to stop, and what it says is dropped
 *
 * What is unsafe, or may have been held, has FACT_DISPATCHING in the very row it waits for: one commit makes both durable,
 * and a crash after it finds the outcome unknown, as it must. Such an attempt starts even if the run was paused or the
 * engine told to stop between: in the journal it is under way. */
#include "engine/gate.h"

#include "base/time.h"

#include <stdlib.h>

#define RECOVERY_FACTS_MAX 64

/* ---- starting -------------------------------------------------------------------------------------------------------- */

/* "work/fetch[3]~2" is of step "fetch": the last name of the address. */
static Str last_name(Str address) {
    size_t from = address.len, to = address.len;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.p[i];
        if (c == '/' || i == 0) {
            from = c == '/' ? i + 1 : 0;
            to = address.len;
        } else if (strchr("[~.:", c) && to == address.len) {
            to = i;
        }
    }
    return str_slice(address, MIN(from, to), to);
}

/* Random and of this attempt alone: nothing that a model or a server wrote before can hold it. */
Str perform_mark(Engine *e, Arena *a) {
    uint64_t n[2];
    e->ports.random(e->ports.ctx, n, sizeof n);
    return arena_fmt(a, "%016llx%016llx", (unsigned long long)n[0], (unsigned long long)n[1]);
}

/* Everything is copied: the run may go on, be compacted or dropped while the attempt is under way. */
static void compose(Engine *e, Flight *f) {
    Attempt *a = &f->attempt;
    const Want *w = f->want;
    const Run *run = f->r->run;
    a->kind = w->callee->kind;
    a->effect = w->effect;
    a->run = arena_str(&a->arena, resident_id(f->r));
    a->address = want_address(w, &a->arena);
    a->step_name = last_name(a->address);
    a->workflow = arena_str(&a->arena, run_plan(run)->name);
    a->callee = arena_str(&a->arena, w->callee->name);
    a->attempt = w->attempt;
    a->secrets = NULL;
    a->n_secrets = 0;
    a->secret_mark = run_plan(run)->n_secrets ? perform_mark(e, &a->arena) : STR("");
    if (run_plan(run)->n_secrets)
        a->secrets_from = secrets_from_copy(&run_plan(run)->secrets_from, &a->arena);
    a->request = value_copy(&a->arena, want_send(w, a->secret_mark, &a->arena));
    a->egress = egress_copy(&run_plan(run)->egress, &a->arena);
    a->host_of_data = w->callee->host_of_data;
    a->sandbox = sandbox_copy(&w->callee->sandbox, &a->arena);
    a->key = w->effect >= EFFECT_IDEMPOTENT ? want_key(w, e->install_key, &a->arena) : STR("");
    a->timeout_ms = want_timeout_ms(w);
    a->time_left_ms = want_time_left_ms(w, e->now_ms);
    a->dir = arena_str(&a->arena, run_dir(run));
    a->handle = MUTANT(handle_unsaid) ? STR("") : arena_str(&a->arena, w->handle);
    a->leave = false;
}

static void start(Engine *e, Flight *f) {
    ASSERT(f->state == FLIGHT_WAITING);
    ASSERT(f->want->position <= f->r->durable_seq || f->want->effect == EFFECT_PURE ||
           MUTANT(perform_before_durable));
    compose(e, f);
    gates_left(e, f);
    f->state = FLIGHT_STARTED;
    f->departed = f->want->left = true;
    f->price = want_price(f->want);
    e->n_flying++;
    e->stats.attempts++;
    if (f->attempt.timeout_ms > 0)
        timer_arm(e, &f->timer, e->now_ms + f->attempt.timeout_ms);
    if (f->attempt.kind != CALLEE_SYSTEM) {
        e->ports.start(e->ports.ctx, &f->attempt);
        return;
    }
    Value told = governor_targets(e, f->want->callee->router, &f->attempt.arena);
    engine_complete(
        e, &f->attempt,
        &(Completion){ .outcome = OUTCOME_OK, .payload = value_text(&f->attempt.arena, told) });
}

/* Wanted, but not now: perform_all() finds it when the run goes on. */
static void put_off(Engine *e, Flight *f) {
    f->want->cookie = NULL;
    flight_release(e, f);
}

static bool may_begin(const Engine *e, const Flight *f) {
    if (f->dispatched)
        return true;
    return !engine_stopping(e) &&
           (run_status(f->r->run) != RUN_PAUSED || MUTANT(start_while_paused));
}

static void end_unsent(Engine *e, Flight *f, Outcome outcome, Sent sent, const char *why) {
    f->attempt.address = want_address(f->want, &f->attempt.arena);
    f->attempt.attempt = f->want->attempt;
    f->state = FLIGHT_ENDED;
    f->completion = (Completion){
        .outcome = outcome, .sent = sent, .kind = KIND_CANCELLED, .message = str_from(why)
    };
    QUEUE_PUSH(&e->completed, f);
    engine_wake(e);
}

/* What the other side has a name for was started, by an engine that is gone. */
static void end_unstarted(Engine *e, Flight *f) {
    bool known = f->want->handle.len > 0;
    end_unsent(e, f, known ? OUTCOME_UNKNOWN : OUTCOME_FAILED, known ? SENT_MAYBE : SENT_NO,
               known ? "stopped before it was asked after" : "stopped before it was started");
}

static void start_or_hold(Engine *e, Flight *f) {
    if (!f->want)
        flight_release(e, f);
    else if (f->want->stopping)
        end_unstarted(e, f);
    else if (!may_begin(e, f))
        put_off(e, f);
    else if (f->want->effect != EFFECT_PURE && !lease_holds(e))
        QUEUE_PUSH(&e->held, f);
    else
        start(e, f);
}

/* Nothing leaves, so nothing is waited for: what was recorded is the completion, as soon as it is wanted. */
bool perform_reuse(Engine *e, Resident *r, Want *w) {
    const Recorded *o = r->outcomes && !w->fresh ? outcomes_find(r->outcomes, w) : NULL;
    if (!o)
        return false;
    Flight *f = flight_new(e, r, w);
    f->attempt.address = want_address(w, &f->attempt.arena);
    f->attempt.attempt = w->attempt;
    f->state = FLIGHT_ENDED;
    f->reused = true;
    f->completion = (Completion){
        .outcome = OUTCOME_OK, .payload = o->payload, .usage = o->usage, .took_us = o->took_us
    };
    QUEUE_PUSH(&e->completed, f);
    engine_wake(e);
    return true;
}

/* Read back, and it was to be stopped: what became of it nobody saw. */
static void perform_stopped(Engine *e, Resident *r, Want *w) {
    Flight *f = flight_new(e, r, w);
    bool unsent = w->position > r->durable_seq && !w->handle.len;
    end_unsent(e, f, unsent ? OUTCOME_FAILED : OUTCOME_UNKNOWN, unsent ? SENT_NO : SENT_MAYBE,
               "stopped");
}

void perform_want(Engine *e, Resident *r, Want *w) {
    if (!engine_stopping(e) && w->stopping) {
        perform_stopped(e, r, w);
        return;
    }
    if (engine_stopping(e) || perform_reuse(e, r, w))
        return;
    Flight *f = flight_new(e, r, w);
    if (gates_pass(e, f))
        perform_admitted(e, f);
}

void perform_admitted(Engine *e, Flight *f) {
    Want *w = f->want;
    bool announce = want_announced(w) && !w->dispatching && !MUTANT(skip_dispatching);
    bool run_ahead = w->effect == EFFECT_PURE && !e->full;
    if (!announce &&
        (run_ahead || w->position <= f->r->durable_seq || MUTANT(perform_before_durable))) {
        start_or_hold(e, f);
        return;
    }
    QUEUE_PUSH(&e->gather.flights, f);
    if (!announce)
        return;
    if (e->n_dispatch == e->room_dispatch) {
        e->room_dispatch = MAX((size_t)16, e->room_dispatch * 2);
        e->dispatch = xrealloc(e->dispatch, e->room_dispatch * sizeof(Flight *));
    }
    e->dispatch[e->n_dispatch++] = f;
}

bool perform_put_off(Engine *e, Flight *f) {
    if (f->want && may_begin(e, f))
        return false;
    if (f->want)
        put_off(e, f);
    else
        flight_release(e, f);
    return true;
}

void perform_dispatch(Engine *e, Resident *r) {
    for (size_t i = 0; i < e->n_dispatch; i++) {
        Flight *f = e->dispatch[i];
        if (!f->want)
            continue;
        ASSERT(f->r == r);
        Fact fact = { .kind = FACT_DISPATCHING,
                      .time_ms = MAX(e->now_ms, run_time(r->run)),
                      .address = want_address(f->want, &f->attempt.arena),
                      .attempt = f->want->attempt,
                      .generation = f->key.generation,
                      .since_ms = f->key.since_ms,
                      .from = f->key.giver };
        RowWriter *row = resident_row(e, r);
        f->want->position = r->head_seq + 1;
        f->dispatched = true;
        int err = run_apply(r->run, &fact, row);
        ASSERT(err == 0);
        e->stats.facts++;
        apply_changes(e, r);
    }
    e->n_dispatch = 0;
}

void perform_pause(Engine *e, Resident *r) {
    for (Want *w = run_wants(r->run); w; w = w->next) {
        Flight *f = w->kind == WANT_ATTEMPT ? w->cookie : NULL;
        if (f && f->state == FLIGHT_HELD)
            put_off(e, f);
    }
}

void perform_durable(Engine *e, FlightQueue *flights) {
    for (Flight *f; (f = QUEUE_POP(flights));)
        start_or_hold(e, f);
}

void perform_held(Engine *e) {
    if (!e->held.first || !lease_holds(e))
        return;
    FlightQueue held = e->held;
    e->held = (FlightQueue){ 0 };
    perform_durable(e, &held);
}

/* ---- stopping -------------------------------------------------------------------------------------------------------- */

static void ask_to_stop(Engine *e, Flight *f) {
    if (f->stopped)
        return;
    f->stopped = true;
    e->ports.stop(e->ports.ctx, &f->attempt);
}

void perform_forget(Engine *e, Flight *f) {
    if (f->r && f->state == FLIGHT_STARTED)
        f->r->late++;
    flight_detach(f);
    timer_disarm(e, &f->timer);
    if (f->state == FLIGHT_STARTED)
        ask_to_stop(e, f);
    if (f->state == FLIGHT_HELD && !MUTANT(cancelled_stays_in_line))
        flight_release(e, f);
}

void perform_stop(Engine *e, Flight *f) {
    if (f->state != FLIGHT_STARTED || f->stopped)
        return; /* what waits is looked at when it would begin */
    timer_arm(e, &f->timer, e->now_ms + STOP_GRACE_MS);
    ask_to_stop(e, f);
}

bool perform_note_unsent(Engine *e, Resident *r) {
    bool any = false;
    for (Want *w = run_wants(r->run); w; w = w->next) {
        bool said = w->kind != WANT_ATTEMPT || w->effect == EFFECT_PURE || want_never_left(w);
        bool left = w->left || w->dispatching || w->handle.len;
        if (said || left || w->stopping || MUTANT(unsent_unsaid))
            continue;
        Fact fact = { .kind = FACT_PROGRESS,
                      .time_ms = MAX(e->now_ms, run_time(r->run)),
                      .name = STR("unsent"),
                      .address = want_address(w, &e->scratch),
                      .attempt = w->attempt };
        int err = run_apply(r->run, &fact, resident_row(e, r));
        ASSERT(err == 0);
        any = true;
    }
    return any;
}

void perform_stop_all(Engine *e) {
    for (Flight *f = e->flights, *next; f; f = next) {
        next = f->all_next;
        if (f->state != FLIGHT_STARTED)
            continue;
        f->for_stop = true;
        f->attempt.leave = f->attempt.handle.len > 0;
        ask_to_stop(e, f);
    }
}

/* ---- ending ---------------------------------------------------------------------------------------------------------- */

/* A run that runs ahead of the disk goes on before others begin: its steps are one row, and a batch handed over in the
 * middle of a turn has whole runs in it rather than a piece of each. Up to a point, or a long one would keep the rest waiting. */
#define AHEAD_FACTS_MAX 64

static bool goes_first(const Flight *f) {
    const RowSlot *row = f->r ? f->r->row : NULL;
    return row && f->attempt.effect == EFFECT_PURE && row->w.n_facts < AHEAD_FACTS_MAX;
}

void engine_complete(Engine *e, Attempt *a, const Completion *c) {
    if (a->notice) {
        deliver_complete(e, a, c);
        return;
    }
    Flight *f = (Flight *)a;
    ASSERT(f->state == FLIGHT_STARTED);
    f->state = FLIGHT_ENDED;
    e->n_flying--;
    timer_disarm(e, &f->timer);
    f->completion = *c;
    f->completion.message = arena_str(&a->arena, c->message);
    f->completion.payload = c->payload.p ? arena_str(&a->arena, c->payload) : STR_NULL;
    if (goes_first(f))
        QUEUE_PUSH_FIRST(&e->completed, f);
    else
        QUEUE_PUSH(&e->completed, f);
    engine_wake(e);
}

void engine_handle(Engine *e, Attempt *a, Str handle) {
    Flight *f = (Flight *)a;
    ASSERT(f->state == FLIGHT_STARTED && !a->notice);
    a->handle = arena_str(&a->arena, handle);
    if (!f->handle.len) {
        f->handle_next = e->handles;
        e->handles = f;
    }
    f->handle = a->handle;
    engine_wake(e);
}

/* Before the completions of the same turn: a handle of what has ended is of no use to anybody. */
static void take_handles(Engine *e) {
    for (Flight *f; (f = e->handles);) {
        Fact fact = { .kind = FACT_PROGRESS,
                      .time_ms = e->now_ms,
                      .name = STR("handle"),
                      .address = f->attempt.address,
                      .attempt = f->attempt.attempt,
                      .payload = f->handle };
        e->handles = f->handle_next;
        f->handle = STR("");
        if (f->want && f->state == FLIGHT_STARTED)
            apply_fact(e, f->r, &fact);
    }
}

static Str cut_message(Str s) {
    if (s.len <= MESSAGE_BYTES_MAX)
        return s;
    size_t len = MESSAGE_BYTES_MAX;
    while (len && ((unsigned char)s.p[len] & 0xC0) == 0x80)
        len--;
    return str_slice(s, 0, len);
}

/* Out of time is our verdict; the executor only knows that it was told to stop. What it had become before stands. */
static void rule_on_timeout(Flight *f) {
    Completion *c = &f->completion;
    if (!f->timed_out || c->outcome == OUTCOME_OK || c->kind != KIND_CANCELLED)
        return;
    Buf text = BUF_INIT(128);
    buf_str_add(&text, STR("no answer within "));
    duration_write(&text, f->attempt.timeout_ms);
    c->kind = KIND_TIMEOUT;
    c->message = arena_str(&f->attempt.arena, buf_str(&text));
    c->outcome = c->sent == SENT_NO ? OUTCOME_FAILED : OUTCOME_UNKNOWN;
    buf_deinit(&text);
}

static Usage priced(const Flight *f) {
    Usage usage = f->completion.usage;
    if (!f->reused)
        usage.cost_nano = want_cost(f->want, &usage);
    return usage;
}

static Fact finished(const Engine *e, const Flight *f) {
    const Completion *c = &f->completion;
    Fact fact = { .kind = FACT_FINISHED,
                  .time_ms = e->now_ms,
                  .address = f->attempt.address,
                  .attempt = f->attempt.attempt,
                  .payload = c->payload,
                  .outcome = c->outcome,
                  .sent = c->sent,
                  .message = cut_message(c->message),
                  .usage = priced(f),
                  .queued_us = f->attempt.queued_us + f->held_ms * 1000,
                  .reused = f->reused,
                  .from = f->reused ? f->key.run : STR(""),
                  .id = f->reused ? f->key.address : STR(""),
                  .took_us = c->took_us,
                  .retry_after_ms = c->retry_after_ms };
    if (c->outcome != OUTCOME_OK)
        fact.error_kind = str_from(error_kind_name(c->kind ? c->kind : KIND_INTERNAL));
    if (MUTANT(resend_after_unknown) && c->outcome == OUTCOME_UNKNOWN) {
        fact.outcome = OUTCOME_FAILED;
        fact.sent = SENT_NO;
        fact.error_kind = STR("unavailable");
    }
    return fact;
}

/* An output that is no JSON, or more than a payload may be, is the attempt's failure: it ran, and what it said is of no use. */
static void refuse_output(Fact *fact, const char *why) {
    fact->payload = STR_NULL;
    fact->outcome = fact->outcome == OUTCOME_OK ? OUTCOME_FAILED : fact->outcome;
    fact->error_kind = str_from(error_kind_name(KIND_INVALID));
    fact->message = str_from(why);
}

static void apply_finished(Engine *e, Flight *f) {
    Resident *r = f->r;
    Fact fact = finished(e, f);
    if (fact.payload.len > LIMIT_PAYLOAD_BYTES)
        refuse_output(&fact,
                      "the output is larger than 16 MiB; write it to a file and return its name");
    /* The kernel closes the want; it need not tell us. */
    f->want->cookie = NULL;
    flight_detach(f);
    if (apply_fact(e, r, &fact) == RUN_E_CORRUPT) {
        refuse_output(&fact, "the output is not JSON");
        apply_fact(e, r, &fact);
    }
    resident_settle_idle(e, r);
}

static size_t row_bytes(const Resident *r) {
    return r->row ? r->row->w.facts.len + r->row->w.moves.len + r->row->w.data.len : 0;
}

/* Before it is applied: what that opens finds the slot free, and a breaker as this outcome left it. */
static void judge(Engine *e, Flight *f) {
    if (!f->judged)
        gates_ended(e, f);
    f->judged = true;
    if (f->state == FLIGHT_ENDED)
        gates_leave(e, f);
}

static Usage late_usage(const Flight *f) {
    Usage u = f->completion.usage;
    if (f->price.known)
        u.cost_nano = price_usage(&f->price, u.tokens_in, u.tokens_cached, u.tokens_out);
    return u;
}

static void apply_late(Engine *e, Resident *r, const Flight *f) {
    const Completion *c = &f->completion;
    Fact fact = { .kind = FACT_PROGRESS,
                  .time_ms = e->now_ms,
                  .name = STR("late"),
                  .address = f->attempt.address,
                  .attempt = f->attempt.attempt,
                  .payload = c->payload,
                  .sent = c->sent,
                  .message = cut_message(c->outcome == OUTCOME_OK ? STR("ok") : c->message),
                  .usage = late_usage(f),
                  .took_us = c->took_us };
    if (fact.payload.len > LIMIT_PAYLOAD_BYTES || apply_fact(e, r, &fact) == RUN_E_CORRUPT) {
        fact.payload = STR_NULL;
        apply_fact(e, r, &fact);
    }
}

/* Nobody waits for it any more: it is evidence, and what it used was used. A run that is over stays in memory for that. */
static void keep_late(Engine *e, const Flight *f) {
    const Completion *c = &f->completion;
    Resident *r = f->r || !f->attempt.run.len ? NULL : resident_find(e, f->attempt.run);
    bool told = c->outcome == OUTCOME_OK || c->usage.tokens_in || c->usage.tokens_out;
    if (!r || r->state != RESIDENT_LIVE)
        return;
    r->late -= r->late > 0; /* it may have been read back since */
    if (told && !f->for_stop && f->attempt.effect != EFFECT_PURE)
        apply_late(e, r, f);
    if (resident_is_over(r) && !r->late)
        resident_drop(e, r);
    else
        resident_settle_idle(e, r);
}

static void take_completion(Engine *e, Flight *f) {
    bool for_the_next_engine = f->for_stop && f->completion.outcome != OUTCOME_OK;
    if (f->want && !for_the_next_engine) {
        if (row_bytes(f->r) > ROW_SOFT_BYTES) {
            QUEUE_PUSH(&e->deferred, f);
            return;
        }
        rule_on_timeout(f);
        judge(e, f);
        apply_finished(e, f);
    } else if (f->want) {
        f->want->cookie = NULL;
    } else if (MUTANT(late_end_leaks)) {
        gates_leave(e, f);
        return;
    } else {
        keep_late(e, f);
    }
    flight_release(e, f);
}

/* While runs are being recovered those that go on already leave them room: all shall move before some have moved far. */
static size_t facts_for_completions(const Engine *e) {
    return e->n_loading ? e->turn_facts + RECOVERY_FACTS_MAX : TURN_FACTS_MAX;
}

void perform_take(Engine *e) {
    take_handles(e);
    size_t max = facts_for_completions(e);
    while (e->turn_facts < max) {
        Flight *f = QUEUE_POP(&e->completed);
        if (!f)
            return;
        take_completion(e, f);
        commit_hand_over_early(e);
    }
}

/* First it is asked to stop; if the executor does not say how it ended, nobody knows. */
void perform_timeout(Engine *e, Flight *f) {
    if (f->state == FLIGHT_HELD) {
        gates_timeout(e, f);
        return;
    }
    ASSERT(f->state == FLIGHT_STARTED);
    if (!f->timed_out && !(f->want && f->want->stopping)) {
        f->timed_out = true;
        timer_arm(e, &f->timer, e->now_ms + STOP_GRACE_MS);
        ask_to_stop(e, f);
        return;
    }
    timer_disarm(e, &f->timer);
    if (!f->want)
        return;
    f->completion = (Completion){ .outcome = OUTCOME_UNKNOWN,
                                  .sent = SENT_MAYBE,
                                  .kind = KIND_CANCELLED,
                                  .message = STR("it did not say how it ended"),
                                  .took_us = (f->attempt.timeout_ms + STOP_GRACE_MS) * 1000 };
    rule_on_timeout(f);
    judge(e, f);
    apply_finished(e, f);
}

void perform_deinit(Engine *e) {
    flights_deinit(e);
    free(e->dispatch);
}
