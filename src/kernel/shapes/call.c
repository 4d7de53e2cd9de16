/* call: one callee, asked until its outcome is settled. The life cycle of every agent's turn, tool, command and request.
 *
 * What follows from an outcome (DESIGN.md section 6):
 *
 *   ok                          the step is ok
 *   refused                     not let through (queue full, breaker open): no attempt was made; the step fails
 *   failed (definite)           again if the retry policy allows; else failed - but an earlier unknown stays unknown:
 *                               then nothing but success, a probe or a person settles it, and it is in doubt
 *   unknown                     pure, read: nothing lasting can have happened, so it counts as failed
 *                               idempotent, keyed: sent again (same key) as often as the policy, or RESENDS, says; then
 *                               unclear; a key is good for `key_life` only, after that it is unclear too
 *                               unsafe: unclear at once
 *   unclear                     with a `probe` the target is asked: done is ok, not done is another attempt; without one,
 *                               or when it does not answer, the step is in doubt
 *
 * After a crash an attempt in flight ended unknown; it is sent again without counting, if its class allows.
 * Who is slow may be asked a second time, beside the first: hedge.c.
 *
 * Cancelled: what may have been done and may not be done twice, or can be undone, is asked to stop and abandoned. For its
 * group it is over. It becomes final when it is known what it did; until then it is a debt, and the run does not end. */
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/step.h"
#include "kernel/undo.h"

/* Without a declared policy an unknown outcome is asked again so often: the official SDKs of the model providers do the
 * same, and a keyed effect loses nothing by it. */
#define RESENDS 2

const Retry *call_retry(const Frame *f) {
    const Retry *own = &f->node->retry, *callees = &f->call->callee->retry;
    bool declared = f->part != PART_CALL && own->declared;
    if (f->part == PART_UNDO && !declared && !callees->declared)
        return &undo_retry;
    return declared ? own : callees;
}

static uint64_t hash_arguments(Value args, size_t cap) {
    Buf b = BUF_INIT(cap);
    value_write(&b, args);
    Hash h = hash_bytes(buf_str(&b));
    uint64_t n = 0;
    memcpy(&n, h.b, sizeof(n));
    buf_deinit(&b);
    return n;
}

void call_prepare(Run *r, Frame *f, const Callee *callee, Effect effect, Value args, Str key) {
    CallState *c = f->call = ARENA_NEW(&r->arena, CallState);
    f->shape = &shape_call;
    c->callee = callee;
    c->effect = effect;
    c->args = args;
    c->key = key;
    r->used_keys |= key.len > 0;
    c->generation = undo_generation(r, callee->name, key);
    c->args_hash = f->part == PART_TURN ? f->parent->agent->hash
                                        : hash_arguments(args, LIMIT_VALUE_BYTES);
    retry_renumber(r, f);
}

void call_arguments(Frame *f, Value args) {
    f->call->args = args;
    f->call->args_hash = hash_arguments(args, LIMIT_VALUE_BYTES);
}

/* Templates of a callee see its own input. */
Value call_compose(const Frame *f, Str secret_mark, Arena *a, char *problem) {
    const Callee *callee = f->call->callee;
    const struct {
        const char *name;
        const Template *template;
    } parts[] = { { "command", callee->command }, { "env", callee->env },
                  { "cwd", callee->cwd },         { "stdin", callee->standard_input },
                  { "method", callee->method },   { "url", callee->url },
                  { "query", callee->query },     { "headers", callee->headers },
                  { "body", callee->body } };
    char unused[320];
    MapBuilder m = map_builder(a);
    Scope s = scope_of(f->run, f);
    s.input = f->call->args;
    s.secret_mark = secret_mark;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        Value v;
        if (!parts[i].template)
            continue;
        if (scope_eval(&s, parts[i].template, &v, problem ? problem : unused))
            return VALUE_ABSENT;
        if (!value_absent(v))
            map_addz(&m, parts[i].name, v);
    }
    if (callee->kind == CALLEE_MCP)
        map_addz(&m, "set", value_str(callee->set ? callee->set->name : callee->name));
    if (callee->member.len)
        map_addz(&m, "tool", value_str(callee->member));
    map_addz(&m, "input", f->call->args);
    return map_done(&m, NULL);
}

Value call_request(const Frame *f, Str secret_mark, Arena *a) {
    switch (f->call->callee->kind) {
    case CALLEE_ECHO:
    case CALLEE_SYSTEM: return f->call->args;
    case CALLEE_A2A:
    case CALLEE_MODEL: return agent_request(f, secret_mark, a);
    case CALLEE_HUMAN:
    case CALLEE_INBOX: break; /* a shape of its own, and none */
    case CALLEE_CALL: return child_request(f, a);
    case CALLEE_RUN:
    case CALLEE_HTTP:
    case CALLEE_MCP: break;
    }
    /* Evaluated again rather than kept: it is needed once, and large bodies would double the run. */
    return call_compose(f, secret_mark, a, NULL);
}

/* ---- opening attempts ---- */

static void hold(Run *r, Frame *f, const Frame *at, bool first, Str why) {
    held_join(r, f, (Frame *)at, first);
    if (f->status != STATUS_HELD)
        frame_move(r, f, STATUS_HELD, 0, 0, why);
}

static Str joined(Run *r, Str a, Str b) {
    return a.len && b.len ? arena_fmt(&r->arena, "%.*s; %.*s", STR_FMT(a), STR_FMT(b))
           : a.len        ? a
                          : b;
}

/* There is no room for what it wants. Who breaches asks first when there is: nobody overtakes it. */
static void short_of(Run *r, Frame *f, Fit fit, const Shortage *s) {
    Str why = shortage_text(r, fit, s), refused = STR("");
    if (fit > FIT_WAIT && more_ask(r, s, fit == FIT_BREACH_FAIL, &refused)) {
        hold(r, f, s->at, true,
             arena_fmt(&r->arena, "%.*s; run %.*s is asked for more", STR_FMT(why),
                       STR_FMT(r->caller->run)));
        return;
    }
    if (refused.len)
        why = arena_fmt(&r->arena, "%.*s; run %.*s has no more: %.*s", STR_FMT(why),
                        STR_FMT(r->caller->run), STR_FMT(refused));
    if (fit == FIT_BREACH_FAIL && f->call->unknown && r->rules >= RULES_SETTLED_FIRST) {
        held_leave(r, f);
        call_unclear(r, f, &(Fact){ .error_kind = STR("budget"), .message = why });
        return;
    }
    if (fit == FIT_BREACH_FAIL) {
        frame_failf(r, f, KIND_BUDGET, "%.*s", STR_FMT(why));
        return;
    }
    hold(r, f, s->at, fit == FIT_BREACH_PAUSE, why);
    if (fit == FIT_BREACH_PAUSE)
        question_ask(r, f, s);
}

/* The worst it can cost, with what begins with it. */
static Amount next_of(const Frame *f) {
    Amount next = call_worst_case(f);
    if (call_is_child(f))
        return next;
    next.of[BOUND_AGENTS] = f->part == PART_TURN && !f->parent->agent->counted;
    next.of[BOUND_RETRIES] = f->call->owes_retry;
    return next;
}

static bool asks_cheaper(const Frame *f) {
    return f->part == PART_TURN && f->parent->agent->model >= f->call->callee->n_models;
}

void call_describe(CallState *c, Want *w, uint32_t attempt) {
    w->attempt = attempt;
    w->generation = c->generation;
    w->effect = c->effect;
    w->callee = c->callee;
    w->args_hash = c->args_hash;
    w->key = c->key;
    w->fresh = c->fresh;
    if (w->kind == WANT_CHILD)
        w->key = child_id(w->frame->run, w->frame, attempt);
}

/* A retry of a whole run is counted as one, before the run has what is left. */
static bool owes_nothing(Run *r, Frame *f) {
    CallState *c = f->call;
    Shortage s;
    if (!c->owes_retry || !call_is_child(f))
        return true;
    Fit fit = budget_reserve(r, f, &(Amount){ .of[BOUND_RETRIES] = 1 }, &s);
    if (fit != FIT_YES) {
        short_of(r, f, fit, &s);
        return false;
    }
    c->owes_retry = false;
    return true;
}

/* The child's id is what leads from here to there. */
static void open_child(Run *r, Frame *f, Str choice) {
    CallState *c = f->call;
    c->want = want_open(r, f, WANT_CHILD);
    call_describe(c, c->want, c->attempt);
    frame_move(r, f, STATUS_RUNNING, c->attempt, c->args_hash,
               joined(r, choice, arena_fmt(&r->arena, "run %.*s", STR_FMT(c->want->key))));
    child_start(r, f);
}

void call_open_attempt(Run *r, Frame *f, Str choice) {
    CallState *c = f->call;
    if (r->status == RUN_PAUSED || r->pausing) {
        hold(r, f, NULL, false, STR("the run is paused"));
        return;
    }
    Shortage s;
    if (call_is_child(f) && child_too_deep(r)) {
        frame_failf(r, f, KIND_LIMIT, "workflows call each other %d levels deep, and no deeper",
                    LIMIT_CALL_DEPTH);
        return;
    }
    if (!owes_nothing(r, f))
        return;
    if (f->part == PART_TURN)
        choice = joined(r, choice, agent_pick_model(r, f));
    Amount next = next_of(f);
    Fit fit = budget_reserve(r, f, &next, &s);
    if (fit != FIT_YES) {
        short_of(r, f, fit, &s);
        return;
    }
    held_leave(r, f);
    c->reserved = next;
    c->owes_retry = false;
    if (f->part == PART_TURN)
        f->parent->agent->counted = true;
    if (asks_cheaper(f))
        f->parent->agent->degraded++;
    if (c->attempt == 0 || c->first_ms == 0)
        c->first_ms = r->time_ms;
    if (!f->undo)
        undo_register(r, f);
    c->late = STR("");
    c->out_of_limits = false;
    c->open = ++c->attempt;
    f->attempts++;
    r->counts.attempts++;
    if (call_is_child(f)) {
        open_child(r, f, choice);
        return;
    }
    c->want = want_open(r, f, WANT_ATTEMPT);
    call_describe(c, c->want, c->attempt);
    frame_move(r, f, STATUS_RUNNING, c->attempt, c->args_hash, choice);
    hedge_arm(r, f);
}

static void key_died(Run *r, Frame *f) {
    call_unclear(
        r, f,
        &(Fact){ .error_kind = STR("timeout"), .message = STR("the life of its key is over") });
}

static void enter(Run *r, Frame *f) {
    char problem[320];
    CalleeKind kind = f->call->callee->kind;
    if (f->call->more.open) {
        more_try(r, f);
        return;
    }
    if ((kind == CALLEE_RUN || kind == CALLEE_HTTP || kind == CALLEE_MCP) &&
        value_absent(call_compose(f, STR(""), &r->arena, problem))) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    if (call_key_is_dead(r, f)) /* a person retries what was given up long ago */
        key_died(r, f);
    else
        call_open_attempt(r, f, f->call->choice);
}

/* ---- outcomes ---- */

/* What is undone is tried again whatever the reason: there is nothing else to go on with. */
static bool tried_again(const Retry *policy, Str kind) {
    if (policy == &undo_retry)
        return true;
    static const char *const never[] = { "refused", "rejected", "denied",   "content_refused",
                                         "budget",  "limit",    "cancelled" };
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (str_is(kind, never[i]))
            return false;
    for (size_t i = 0; i < policy->n_except; i++)
        if (str_eq(kind, policy->except[i]))
            return false;
    return true;
}

/* delay * factor^n, capped, with jitter from seed, address and attempt; what the target asked for wins if longer. */
static int64_t retry_delay(Run *r, const Frame *f, int64_t retry_after_ms) {
    const Retry *p = call_retry(f);
    double ms = (double)p->delay_ms;
    for (uint32_t i = 1; i < f->call->retries && ms < (double)p->max_delay_ms; i++)
        ms *= p->factor;
    ms = MIN(ms, (double)p->max_delay_ms);
    if (p->jitter_percent > 0) {
        Str address = frame_address(f, &r->arena);
        uint64_t h = hash_fast(address, r->seed + f->call->attempt);
        double spread = (double)(h % 2001) / 1000.0 - 1.0;
        ms += ms * spread * p->jitter_percent / 100.0;
    }
    return MAX((int64_t)ms, retry_after_ms);
}

static void again(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    int64_t ms = retry_delay(r, f, fact->retry_after_ms);
    if (ms <= 0) {
        call_open_attempt(r, f, arena_fmt(&r->arena, "again: %.*s", STR_FMT(fact->error_kind)));
        return;
    }
    frame_movef(r, f, STATUS_RETRYING, "retry %u in %.1fs: %.*s", c->retries + c->resends,
                (double)ms / 1000.0, STR_FMT(fact->error_kind));
    c->want = want_timer(r, f, TIMER_RETRY, r->time_ms + ms);
}

void call_fail(Run *r, Frame *f, const Fact *fact) {
    Str kind = arena_str(&r->arena, fact->error_kind);
    if (!f->call->unknown)
        undo_drop(r, f);
    frame_fail(r, f, error_make(r, f, kind, fact->message, f->call->attempt, r->payload));
}

/* The target forgets keys after a time; sent again then, the effect would happen twice. */
bool call_key_is_dead(const Run *r, const Frame *f) {
    const CallState *c = f->call;
    bool own = f->layers & LAYER_ONCE;
    int64_t life = own ? f->node->key_life_ms : c->callee->key_life_ms;
    return c->effect == EFFECT_KEYED && c->unknown && r->time_ms - c->first_ms > life;
}

/* Retries of everything together are counted. Where that limit is spent the failure is the last, and says so; or the run
 * pauses, and the retry is owed until somebody raises it. */
static bool retry_fits(Run *r, Frame *f, Fact *last) {
    Amount one = { .of[BOUND_RETRIES] = 1 };
    Shortage s;
    Fit fit = budget_reserve(r, f, &one, &s);
    if (fit == FIT_BREACH_FAIL)
        last->message = arena_fmt(&r->arena, "%.*s; not tried again: %.*s", STR_FMT(last->message),
                                  STR_FMT(shortage_text(r, fit, &s)));
    if (fit != FIT_BREACH_PAUSE)
        return fit == FIT_YES;
    f->call->owes_retry = true;
    short_of(r, f, fit, &s);
    return true;
}

/* Tried again as the policy allows, after an unknown without one RESENDS times. False: that is used up. */
bool call_once_more(Run *r, Frame *f, Fact *fact, bool was_unknown) {
    CallState *c = f->call;
    const Retry *policy = call_retry(f);
    uint32_t times = (uint32_t)policy->times + (MUTANT(retry_once_more) ? 1 : 0);
    bool retry = c->retries < times && tried_again(policy, fact->error_kind);
    bool resend = was_unknown && !policy->declared && c->resends < RESENDS;
    if (fact->retry_after_ms < 0 && policy != &undo_retry &&
        !MUTANT(never_again_ignored)) /* it would be told the same */
        return false;
    if ((!retry && !resend) || !retry_fits(r, f, fact))
        return false;
    *(retry ? &c->retries : &c->resends) += 1;
    if (!c->owes_retry)
        again(r, f, fact);
    return true;
}

static void not_ok(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    bool unknown = fact->outcome == OUTCOME_UNKNOWN;
    Fact last = *fact;
    if (unknown && c->effect >= EFFECT_IDEMPOTENT)
        c->unknown = true;
    if ((c->effect == EFFECT_UNSAFE && c->unknown && (c->key.len || !MUTANT(retry_unsafe))) ||
        call_key_is_dead(r, f))
        call_unclear(r, f, fact);
    else if (call_once_more(r, f, &last, unknown))
        return;
    else if (c->unknown && !MUTANT(unknown_forgotten))
        call_unclear(r, f, &last);
    else
        call_fail(r, f, &last);
}

static void add_usage(Run *r, Frame *f, const Usage *u) {
    int64_t tokens = u->tokens_in + u->tokens_out;
    f->tokens += tokens;
    f->cost += u->cost_nano;
    r->counts.tokens += tokens;
    r->counts.cost_nano += u->cost_nano;
    bool model = f->call->callee->kind == CALLEE_MODEL;
    f->calls += model;
    r->counts.model_calls += model;
}

/* An output that is not what was asked for is asked for again where asking twice does no harm. An effect that happened is
 * not repeated because its answer displeases: that step fails. */
static bool refused_here(Run *r, Frame *f, const Fact *fact, Value output) {
    ErrorKind kind;
    Str problem;
    if (f->part == PART_TURN || f->call->effect > EFFECT_READ || call_retry(f)->times == 0 ||
        step_accepts(r, f, f->call->callee, output, &output, &kind, &problem))
        return false;
    Fact refusal = { .outcome = OUTCOME_FAILED,
                     .error_kind = str_from(error_kind_name(kind)),
                     .message = problem,
                     .payload = fact->payload };
    not_ok(r, f, &refusal);
    return true;
}

/* A recorded outcome is no attempt and costs nothing now; what it cost then is what it saves. */
static void add_reused(Run *r, Frame *f, const Usage *u) {
    f->attempts--;
    r->counts.attempts--;
    r->counts.reused++;
    r->counts.saved_tokens += u->tokens_in + u->tokens_out;
    r->counts.saved_nano += u->cost_nano;
}

static Amount spent_by(const Frame *f, const Fact *fact) {
    const Usage *u = &fact->usage;
    int64_t tokens = u->tokens_in + u->tokens_out;
    if (fact->reused)
        return (Amount){ 0 };
    if (fact->outcome == OUTCOME_UNKNOWN && !tokens)
        return f->call->reserved; /* nobody knows what it used: it may have been all */
    return (
        Amount){ .of[BOUND_CALLS] = 1, .of[BOUND_TOKENS] = tokens, .of[BOUND_COST] = u->cost_nano };
}

/* Nobody can be held to a cap after the fact, but who does not keep it is named. */
static void name_overbilling(Run *r, Frame *f, const Amount *spent) {
    const Amount *asked = &f->call->reserved;
    int64_t most = asked->of[BOUND_TOKENS];
    if (f->part != PART_TURN || spent->of[BOUND_TOKENS] <= most)
        return;
    Str model = f->call->callee->models[f->parent->agent->model];
    Str text = arena_fmt(&r->arena, "%.*s billed %lld tokens where at most %lld were asked for",
                         STR_FMT(model), (long long)spent->of[BOUND_TOKENS], (long long)most);
    r->overbilled++;
    r->overbilled_last =
        arena_fmt(&r->arena, "%.*s: %.*s", STR_FMT(frame_address(f, &r->arena)), STR_FMT(text));
    frame_move(r, f, STATUS_RUNNING, 0, 0, text);
}

void call_settle(Run *r, Frame *f, const Fact *fact) {
    const Usage *u = &fact->usage;
    if (call_is_child(f) && !fact->reused) {
        child_settle(r, f, fact);
        return;
    }
    child_timer_off(r, f);
    Amount spent = spent_by(f, fact);
    name_overbilling(r, f, &spent);
    budget_settle(r, f, &f->call->reserved, &spent);
    want_close(r, f->call->want);
    f->call->want = NULL;
    if (fact->reused)
        add_reused(r, f, u);
    else
        add_usage(r, f, u);
}

/* What fitted the file of then may not fit this one's type or check; what can be asked again without harm is. */
static bool outgrown(Run *r, Frame *f, const Fact *fact, Value output) {
    ErrorKind kind;
    Str problem;
    if (!fact->reused || f->part == PART_TURN || f->call->effect > EFFECT_READ ||
        step_accepts(r, f, f->call->callee, output, &output, &kind, &problem))
        return false;
    f->call->fresh = true;
    call_open_attempt(r, f, STR("asked anew: the recorded outcome does not fit"));
    return true;
}

void call_drop_attempt(Run *r, Frame *f) {
    CallState *c = f->call;
    budget_settle(r, f, &c->reserved, &(Amount){ 0 });
    want_close(r, c->want);
    c->want = NULL;
    c->let_out = false;
    f->attempts--;
    r->counts.attempts--;
}

/* It was not let through: no attempt was made, nothing was spent, and asking again would find the same closed door. */
static void never_began(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    bool began = c->want->handle.len > 0; /* with an engine that is gone */
    c->unknown |= began && c->effect >= EFFECT_IDEMPOTENT;
    call_drop_attempt(r, f);
    if (f->abandoned)
        call_ended_late(r, f, fact);
    else if (c->unknown && !MUTANT(unknown_forgotten))
        call_unclear(r, f, fact);
    else
        call_fail(r, f, fact);
}

static void attempt_done(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    hedge_face(c, fact->attempt);
    if (hedge_goes_on(r, f, fact))
        return;
    if (fact->outcome == OUTCOME_REFUSED) {
        never_began(r, f, fact);
        return;
    }
    call_settle(r, f, fact);
    c->lost = c->let_out = false;
    if (f->abandoned) {
        call_ended_late(r, f, fact);
        return;
    }
    if (fact->outcome != OUTCOME_OK) {
        Fact late = *fact;
        call_say_late(f, &late);
        if (!retry_takes_stop(r, f, &late))
            not_ok(r, f, &late);
        return;
    }
    c->unknown = false;
    Value output = value_absent(r->payload) ? VALUE_NULL : r->payload;
    if (fact->reused) {
        undo_drop(r, f); /* it is another run's */
        key_taken_over(r, f, fact);
    } else {
        undo_happened(f);
        key_tell(r, f, KEY_DONE, output);
        key_cache(r, f, output);
    }
    if (outgrown(r, f, fact, output) || refused_here(r, f, fact, output))
        return;
    c->was_done = true;
    frame_done(r, f, output);
}

/* The timeout of a call of a workflow: its own timers are those of its steps. */
static void out_of_time(Run *r, Frame *f) {
    int64_t ms = f->node->timeout_ms && f->part != PART_CALL ? f->node->timeout_ms
                                                             : f->call->callee->timeout_ms;
    Buf b = BUF_INIT(64);
    duration_write(&b, ms);
    child_runs_late(r, f, arena_fmt(&r->arena, "no result within %.*s", STR_FMT(buf_str(&b))));
    buf_deinit(&b);
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    if (purpose == TIMER_GROUP) {
        out_of_time(r, f);
        return;
    }
    if (purpose == TIMER_HEDGE) {
        hedge_due(r, f);
        return;
    }
    f->call->want = NULL;
    if (purpose == TIMER_PROBE) {
        call_open_probe(r, f);
        return;
    }
    ASSERT(purpose == TIMER_RETRY);
    if (call_key_is_dead(r, f)) {
        key_died(r, f);
        return;
    }
    call_open_attempt(r, f, arena_fmt(&r->arena, "retry %u", f->call->retries + f->call->resends));
}

/* ---- a crash --------------------------------------------------------------------------------------------------------- */

void call_give_up(Run *r, Frame *f) {
    bool unsent = r->rules >= RULES_FILE_ORDER && want_never_left(f->call->want);
    Amount spent = unsent && !MUTANT(unsent_is_spent) ? (Amount){ 0 } : f->call->reserved;
    budget_settle(r, f, &f->call->reserved, &spent);
}

/* Another engine goes on. What had surely not been sent is simply performed again; of the rest the outcome is unknown. */
static void recovered(Run *r, Frame *f) {
    CallState *c = f->call;
    if (!c->want || c->want->kind != WANT_ATTEMPT || c->effect == EFFECT_PURE)
        return;
    bool unsafe = c->effect == EFFECT_UNSAFE;
    hedge_recovered(r, f);
    if (want_never_left(c->want) || want_is_elsewhere(c->want)) {
        c->want->unsent = false;
        return;
    }
    call_give_up(r, f);
    want_close(r, c->want);
    c->want = NULL;
    Fact crash = {
        .outcome = OUTCOME_UNKNOWN,
        .error_kind = STR("crashed"),
        .message =
            STR("the engine stopped while this was under way; whether it happened is unknown")
    };
    if (c->effect >= EFFECT_IDEMPOTENT)
        c->unknown = true;
    c->lost = c->unknown;
    c->let_out = false;
    if (f->abandoned)
        call_ended_late(r, f, &crash);
    else if ((unsafe && !MUTANT(retry_unsafe_after_crash)) || call_key_is_dead(r, f))
        call_unclear(r, f, &crash);
    else
        call_open_attempt(r, f, STR("again after a crash"));
}

/* ---- snapshots ---- */

/* As its agent calls it. */
static Str tool_name(const Frame *f) {
    const Callee *agent = f->node->callee;
    if (f->call->callee->set)
        return f->call->callee->name;
    for (size_t i = 0; i < agent->n_tools; i++)
        if (agent->tools[i].callee == f->call->callee)
            return agent->tools[i].name;
    return STR("");
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const CallState *c = f->call;
    buf_varint(b, (uint64_t)c->effect);
    value_encode(b, c->args);
    buf_varint(b, c->args_hash);
    buf_blob(b, c->key);
    buf_varint(b, c->attempt);
    buf_varint(b, c->generation);
    buf_varint(b, c->retries);
    buf_varint(b, c->resends);
    bool unknown = c->unknown && !MUTANT(snapshot_forgets_unknown);
    buf_u8(b, (uint8_t)(unknown | c->fresh << 1 | c->owes_retry << 2 | c->lost << 3 |
                        c->out_of_limits << 4 | c->more.open << 5 | c->hedged << 6 |
                        (c->open != c->attempt) << 7));
    buf_blob(b, c->late);
    buf_svarint(b, c->first_ms);
    /* An attempt that is held opens with it. */
    buf_blob(b, status_final(f->status) ? STR("") : c->choice);
    buf_varint(b, c->probes);
    if (f->part == PART_CALL)
        buf_blob(b, tool_name(f));
    buf_u8(b, (uint8_t)(c->told | c->was_told << 3 | c->let_out << 6 | (c->hedge != NULL) << 7));
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        buf_svarint(b, c->reserved.of[i]);
    more_save(f, b);
    hedge_save(c, b);
    if (c->held)
        held_save(f, b);
}

static void load(Run *r, Frame *f, Cursor *c) {
    CallState *s = f->call = ARENA_NEW(&r->arena, CallState);
    s->effect = (Effect)cursor_varint(c);
    s->args = value_decode(c, &r->arena);
    s->args_hash = cursor_varint(c);
    s->key = arena_str(&r->arena, cursor_blob(c));
    s->attempt = (uint32_t)cursor_varint(c);
    s->generation = (uint32_t)cursor_varint(c);
    s->retries = (uint32_t)cursor_varint(c);
    s->resends = (uint32_t)cursor_varint(c);
    uint8_t flags = cursor_u8(c);
    s->unknown = flags & 1;
    s->fresh = flags & 2;
    s->owes_retry = flags & 4;
    s->lost = flags & 8;
    s->out_of_limits = flags & 16;
    s->hedged = flags & 64;
    s->late = r->loading >= 4 ? arena_str(&r->arena, cursor_blob(c)) : STR("");
    s->first_ms = cursor_svarint(c);
    s->choice = arena_str(&r->arena, cursor_blob(c));
    s->probes = r->loading >= 3 ? (uint32_t)cursor_varint(c) : 0;
    s->callee = f->node->callee;
    if (f->part == PART_CALL) {
        const AgentTool *tool = agent_call_tool(f, r->loading >= 3 ? cursor_blob(c) : STR(""));
        s->callee = tool ? tool->callee : NULL;
    }
    if (f->part == PART_TOOLS)
        s->callee = agent_set(f);
    uint8_t told = r->loading >= 4 ? cursor_u8(c) : 0;
    s->told = told & 7;
    s->was_told = told >> 3 & 7;
    s->let_out = told & 64;
    for (Bound i = 0; r->loading >= 3 && i < BOUNDS_COUNTED; i++)
        s->reserved.of[i] = cursor_svarint(c);
    if (r->loading >= 6)
        more_load(f, c, flags & 32);
    hedge_load(s, told & 128, flags & 128, c);
    if (f->status == STATUS_HELD || s->more.open)
        held_load(r, f, c);
    if (!s->callee)
        c->bad = true;
}

const Shape shape_call = {
    .name = "call",
    .enter = enter,
    .child_done = call_probed,
    .attempt_done = attempt_done,
    .timer_due = timer_due,
    .decided = call_decided,
    .recovered = recovered,
    .save = save,
    .load = load,
};
