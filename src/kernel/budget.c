/* Budgets: what may still be spent is known before it is spent.
 *
 *   reserve    an attempt's worst case is held at every limit above it, before the attempt is wanted
 *   wait       what does not fit while others are open waits for them, in the order of coming: they may cost less (held.c)
 *   breach     what does not fit beside what is spent already: the run pauses and asks (question.c), or the step fails
 *   settle     the attempt ended: its reservation is given back, what it used is spent
 *
 * So spent and reserved together never exceed a limit, but for what a provider bills beyond what it was asked for: that is
 * known only when it is billed, and is named. Conversations and retries are spent when they begin. Calls count model calls;
 * an attempt of any other kind reserves nothing and looks at the clocks alone. */
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/price.h"
#include "kernel/step.h"
#include "kernel/undo.h"

static int64_t tighter(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : MIN(a, b); }

static void tighten(Limits *own, const Limits *its) {
    for (size_t i = 0; i < BOUNDS; i++) {
        if (its->most[i] >= 0 && tighter(own->most[i], its->most[i]) != own->most[i])
            own->pos[i] = its->pos[i];
        own->most[i] = tighter(own->most[i], its->most[i]);
    }
    own->degrade_percent =
        (int32_t)MAX(0, tighter(own->degrade_percent ? own->degrade_percent : -1,
                                its->degrade_percent ? its->degrade_percent : -1));
    own->on_breach_fail |= its->on_breach_fail;
    own->any |= its->any;
}

/* What a frame declares: the limits of the step and, where the agent's conversation is the same frame, of the agent. */
static Limits limits_of(const Frame *f) {
    const Callee *agent = f->node->callee;
    Limits own = f->part == PART_ROOT       ? f->run->plan->limits
                 : (f->layers & LAYER_STEP) ? f->node->limits
                                            : limits_none;
    bool spends = agent && (agent->kind == CALLEE_MODEL || agent->kind == CALLEE_CALL);
    if ((f->layers & LAYER_ONCE) && spends && agent->limits.any)
        tighten(&own, &agent->limits);
    const Caller *caller = f->part == PART_ROOT ? f->run->caller : NULL;
    bool asks = f->run->rules >=
                RULES_CHILDREN_ASK; /* before, a person could raise what was granted */
    if (caller && !asks)
        tighten(&own, &caller->grant);
    if (own.any)
        raised_limits(f, &own);
    if (caller && asks)
        tighten(&own, &caller->grant);
    return own;
}

void budget_open(Run *r, Frame *f) {
    Limits limits = limits_of(f);
    if (!limits.any)
        return;
    if (!f->budget) /* else the step is done anew: what it spent is spent */
        f->budget = ARENA_NEW(&r->arena, Budget);
    f->budget->frame = f;
    f->budget->limits = limits;
    f->budget->opened_ms = r->time_ms;
    int64_t deadline = limits.most[BOUND_DEADLINE];
    if (deadline >= 0)
        f->budget->deadline = want_timer(r, f, TIMER_DEADLINE, r->time_ms + deadline);
}

/* ---- what an attempt costs ---- */

static const Price *price_of(const Frame *call) {
    return &call->call->callee->prices[call->parent->agent->model];
}

Amount call_worst_case(const Frame *f) {
    if (f->call->callee->kind == CALLEE_CALL)
        return child_worst_case(f);
    if (f->call->callee->kind != CALLEE_MODEL)
        return (Amount){ 0 };
    int64_t bytes = agent_request_bytes(f->parent), output = f->call->callee->max_output;
    return (Amount){ .of[BOUND_CALLS] = 1,
                     .of[BOUND_TOKENS] = bytes + output,
                     .of[BOUND_COST] = price_worst(price_of(f), bytes, output) };
}

WantWorst want_worst(const Want *w) {
    if (w->kind != WANT_ATTEMPT || w->callee->kind != CALLEE_MODEL)
        return (WantWorst){ 0 };
    const int64_t *held = call_reserved(w)->of;
    return (WantWorst){ .cost = held[BOUND_COST],
                        .tokens = held[BOUND_TOKENS],
                        .calls = held[BOUND_CALLS],
                        .priced = price_of(w->frame)->known };
}

Price want_price(const Want *w) {
    return w->callee->kind == CALLEE_MODEL ? *price_of(w->frame) : (Price){ 0 };
}

int64_t want_cost(const Want *w, const Usage *u) {
    if (w->callee->kind != CALLEE_MODEL)
        return u->cost_nano;
    return price_usage(price_of(w->frame), u->tokens_in, u->tokens_cached, u->tokens_out);
}

/* ---- reserving ---- */

static bool is_call(const Amount *next) { return next->of[BOUND_CALLS] > 0; }

static int64_t at_most(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* What children hold that ask for more will not be given back before they have it. */
static bool others_settle(const Budget *b, Bound bound) {
    int64_t stuck = MUTANT(askers_wait_for_each_other) ? 0 : b->stuck.of[bound];
    return b->reserved.of[bound] > stuck;
}

/* One limit of one budget. The shortage is written where it does not fit. */
static Fit fit_counted(const Budget *b, Bound bound, const Amount *next, Shortage *ret) {
    Shortage s = { .at = b->frame,
                   .bound = bound,
                   .most = b->limits.most[bound],
                   .spent = b->spent.of[bound],
                   .reserved = b->reserved.of[bound],
                   .next = next->of[bound] };
    bool unlimited = bound == BOUND_RETRIES && MUTANT(retries_unlimited);
    if (s.most < 0 || s.next == 0 || unlimited || at_most(s.spent + s.reserved, s.next) <= s.most)
        return FIT_YES;
    *ret = s;
    if (others_settle(b, bound) && at_most(s.spent, s.next) <= s.most)
        return FIT_WAIT;
    return b->limits.on_breach_fail ? FIT_BREACH_FAIL : FIT_BREACH_PAUSE;
}

static Fit fit_clock(const Budget *b, Bound bound, int64_t passed, Shortage *ret) {
    int64_t most = b->limits.most[bound];
    if (most < 0 || passed < most)
        return FIT_YES;
    *ret = (Shortage){ .at = b->frame, .bound = bound, .most = most, .spent = passed };
    return b->limits.on_breach_fail ? FIT_BREACH_FAIL : FIT_BREACH_PAUSE;
}

/* Levels of conversations, supervisors and calls of workflows from the budget's frame down to this one. */
static int64_t level_below(const Budget *b, const Frame *f) {
    int64_t levels = 0;
    for (; f && f != b->frame->parent; f = f->parent)
        levels += f->shape == &shape_agent || f->shape == &shape_supervise || call_is_child(f);
    return levels;
}

static Fit fit_depth(const Budget *b, const Frame *f, const Amount *next, Shortage *ret) {
    int64_t most = b->limits.most[BOUND_DEPTH];
    if (most < 0 || (next->of[BOUND_AGENTS] == 0 && !call_is_child(f)))
        return FIT_YES;
    int64_t level = level_below(b, f);
    if (level <= most || MUTANT(depth_ignored))
        return FIT_YES;
    *ret = (Shortage){ .at = b->frame, .bound = BOUND_DEPTH, .most = most, .next = level };
    return b->limits.on_breach_fail ? FIT_BREACH_FAIL : FIT_BREACH_PAUSE;
}

/* Who comes later does not overtake those who wait here, however little it needs: they would wait for ever. */
static Fit fit_queue(const Budget *b, const Frame *f, const Amount *next, Shortage *ret) {
    if (!is_call(next) || !b->waiting.first || b->waiting.first == f)
        return FIT_YES;
    *ret = (Shortage){ .at = b->frame, .behind = true };
    return FIT_WAIT;
}

static Fit worse(Fit a, Fit b, const Shortage *its, Shortage *ret) {
    if (b <= a)
        return a;
    *ret = *its;
    return b;
}

static bool binds(const Budget *b, Bound bound, const Frame *f) {
    bool lifted = bound == BOUND_RETRIES || bound == BOUND_TIME || bound == BOUND_DEADLINE;
    return !lifted || !undo_is_free_of(f, b->frame);
}

static Fit fit_one(const Run *r, const Frame *f, const Budget *b, const Amount *next,
                   Shortage *ret) {
    Shortage s = { 0 };
    Fit fit = FIT_YES;
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        if (binds(b, i, f))
            fit = worse(fit, fit_counted(b, i, next, &s), &s, ret);
    fit = worse(fit, fit_depth(b, f, next, &s), &s, ret);
    if (binds(b, BOUND_TIME, f))
        fit = worse(fit, fit_clock(b, BOUND_TIME, budget_worked(b, r->time_ms), &s), &s, ret);
    if (binds(b, BOUND_DEADLINE, f))
        fit = worse(fit, fit_clock(b, BOUND_DEADLINE, r->time_ms - b->opened_ms, &s), &s, ret);
    return worse(fit, fit_queue(b, f, next, &s), &s, ret);
}

static Fit fit_all(const Run *r, const Frame *f, const Amount *next, Shortage *ret) {
    Fit fit = FIT_YES;
    for (const Frame *up = f; up && fit <= FIT_WAIT; up = up->parent) {
        Shortage s = { 0 };
        if (!up->budget)
            continue;
        if (is_call(next) && !call_is_child(f) && up->budget->limits.most[BOUND_COST] >= 0 &&
            !price_of(f)->known) {
            *ret = (Shortage){ .at = up->budget->frame,
                               .bound = BOUND_COST,
                               .no_price = f->call->callee->models[f->parent->agent->model] };
            return FIT_BREACH_FAIL;
        }
        fit = worse(fit, fit_one(r, f, up->budget, next, &s), &s, ret);
    }
    return fit;
}

int64_t share_percent(int64_t part, int64_t whole) {
    if (whole <= 0)
        return 100;
    return part < INT64_MAX / 100 ? part * 100 / whole : part / MAX(1, whole / 100);
}

/* What is known only at the end. Of a child run that is all; its retries, which are the call's, have no call in them. */
static bool is_reserved(Bound b) {
    return b == BOUND_COST || b == BOUND_TOKENS || b == BOUND_CALLS;
}
static bool is_held(const Frame *f, const Amount *amount, Bound b) {
    return is_reserved(b) || (call_is_child(f) && is_call(amount));
}

Fit budget_reserve(Run *r, Frame *f, const Amount *next, Shortage *ret) {
    Fit fit = fit_all(r, f, next, ret);
    for (Frame *up = f; up && fit == FIT_YES; up = up->parent)
        for (Bound i = 0; up->budget && i < BOUNDS_COUNTED; i++)
            if (binds(up->budget, i, f))
                (is_held(f, next, i) ? &up->budget->reserved : &up->budget->spent)->of[i] +=
                    next->of[i];
    return fit;
}

void budget_take_over(Frame *f, const Amount *held) {
    for (Frame *up = f; up; up = up->parent)
        for (Bound i = 0; up->budget && i < BOUNDS_COUNTED; i++)
            if (is_held(f, held, i) && binds(up->budget, i, f))
                up->budget->reserved.of[i] += held->of[i];
}

/* ---- more for a child ---- */

static Fit breach_of(const Budget *b) {
    return b->limits.on_breach_fail ? FIT_BREACH_FAIL : FIT_BREACH_PAUSE;
}

/* Of one limit, `need` more than the call holds already. What children hold is as good as spent in what people are told. */
static Fit fit_more(const Budget *b, const Frame *f, Bound bound, int64_t need, Shortage *ret) {
    int64_t most = b->limits.most[bound], spent = b->spent.of[bound], all = b->reserved.of[bound];
    if (b->waiting.first && b->waiting.first != f) {
        *ret = (Shortage){ .at = b->frame, .behind = true };
        return FIT_WAIT;
    }
    if (most < 0 || at_most(spent + all, need) <= most)
        return FIT_YES;
    *ret = (Shortage){
        .at = b->frame, .bound = bound, .most = most, .spent = spent + all, .next = need
    };
    if (!others_settle(b, bound) || at_most(spent + f->call->reserved.of[bound], need) > most)
        return breach_of(b);
    ret->reserved = all;
    return FIT_WAIT;
}

/* An equal share of what is free for those who run side by side, if that is more than it needs. */
static int64_t fair_extra(const Frame *f, Bound bound, int64_t need) {
    int64_t least = INT64_MAX;
    for (const Frame *up = f; up; up = up->parent) {
        const Budget *b = up->budget;
        if (b && b->limits.most[bound] >= 0 && binds(b, bound, f))
            least = MIN(least, b->limits.most[bound] - b->spent.of[bound] - b->reserved.of[bound]);
    }
    return least == INT64_MAX ? need : MAX(need, least / child_side_by_side(f));
}

static Fit reserve_more(Frame *f, int64_t *ret_extra, int64_t *ret_most, Shortage *ret) {
    CallState *c = f->call;
    Bound bound = c->more.bound;
    int64_t need = MAX((int64_t)0, c->more.most - c->reserved.of[bound]);
    Fit fit = FIT_YES;
    for (const Frame *up = f; up && need && fit <= FIT_WAIT; up = up->parent) {
        Shortage s = { 0 };
        if (up->budget && binds(up->budget, bound, f))
            fit = worse(fit, fit_more(up->budget, f, bound, need, &s), &s, ret);
    }
    if (fit != FIT_YES)
        return fit;
    *ret_extra = need ? fair_extra(f, bound, need) : 0;
    *ret_most = c->reserved.of[bound] + *ret_extra;
    for (Frame *up = f; up; up = up->parent)
        if (up->budget && binds(up->budget, bound, f))
            up->budget->reserved.of[bound] += *ret_extra;
    return FIT_YES;
}

/* What the limits of time, or depth, of all that stands above leave it by now. */
static Fit left_now(Run *r, const Frame *f, int64_t *ret_most, Shortage *ret) {
    const More *more = &f->call->more;
    bool time = more->bound == BOUND_TIME;
    int64_t least = INT64_MAX;
    for (const Frame *up = f; up; up = up->parent) {
        const Budget *b = up->budget;
        if (!b || b->limits.most[more->bound] < 0 || !binds(b, more->bound, f))
            continue;
        int64_t used = time ? budget_worked(b, r->time_ms) : level_below(b, f);
        int64_t left = b->limits.most[more->bound] - used;
        least = MIN(least, left);
        if (left > (time ? more->had : more->most - 1))
            continue;
        *ret = (Shortage){ .at = up,
                           .bound = more->bound,
                           .most = b->limits.most[more->bound],
                           .spent = time ? used + more->had : 0,
                           .next = time ? 0 : used + more->most };
        return breach_of(b);
    }
    *ret_most = least == INT64_MAX ? more->most : least;
    return FIT_YES;
}

Fit budget_more(Run *r, Frame *f, int64_t *ret_extra, int64_t *ret_most, Shortage *ret) {
    if (f->call->more.bound < BOUNDS_COUNTED)
        return reserve_more(f, ret_extra, ret_most, ret);
    *ret_extra = 0;
    return left_now(r, f, ret_most, ret);
}

/* ---- settling ---- */

static void settle_one(Budget *b, Bound i, int64_t held, int64_t spent) {
    ASSERT(b->reserved.of[i] >= held);
    if (!MUTANT(reservation_not_returned) || spent)
        b->reserved.of[i] -= held;
    if (MUTANT(budget_decremented_twice))
        b->reserved.of[i] = MAX(0, b->reserved.of[i] - held);
    if (MUTANT(settle_forgets_overshoot))
        spent = MIN(spent, held);
    b->spent.of[i] = at_most(b->spent.of[i], spent);
    b->over.of[i] = at_most(b->over.of[i], MAX(0, spent - held));
}

static bool holds_any(const Amount *held) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        if (held->of[i])
            return true;
    return false;
}

void budget_settle(Run *r, Frame *f, Amount *held, const Amount *spent) {
    if (!is_call(held) && !(call_is_child(f) && holds_any(held)))
        return;
    for (Frame *up = f; up; up = up->parent) {
        for (Bound i = 0; up->budget && i < BOUNDS_COUNTED; i++)
            if ((is_held(f, held, i) || call_is_child(f)) && binds(up->budget, i, f))
                settle_one(up->budget, i, held->of[i],
                           MUTANT(spending_forgotten) ? 0 : spent->of[i]);
        if (up->budget)
            budget_freed(r, up->budget);
    }
    *held = (Amount){ 0 };
}

bool budget_degrades(const Frame *f, Shortage *ret) {
    for (; f; f = f->parent) {
        const Budget *b = f->budget;
        if (!b || !b->limits.degrade_percent || MUTANT(degrade_ignored))
            continue;
        for (Bound i = 0; i < BOUNDS_COUNTED; i++) {
            int64_t most = b->limits.most[i], spent = b->spent.of[i];
            if (!is_reserved(i) || most < 0 ||
                share_percent(spent, most) < b->limits.degrade_percent)
                continue;
            *ret = (Shortage){ .at = b->frame, .bound = i, .most = most, .spent = spent };
            return true;
        }
    }
    return false;
}

/* What it spent before may be more than a limit has now: what is beyond is as if it had been billed so. */
void budget_spend(Frame *f, const Amount *spent) {
    for (; f; f = f->parent) {
        Budget *b = f->budget;
        for (Bound i = 0; b && i < BOUNDS_COUNTED; i++) {
            int64_t most = b->limits.most[i];
            b->spent.of[i] = at_most(b->spent.of[i], spent->of[i]);
            if (most >= 0)
                b->over.of[i] = MAX(b->over.of[i], b->spent.of[i] + b->reserved.of[i] - most);
        }
    }
}

/* ---- time ---- */

void budget_shift(Frame *f, int64_t ms) {
    if (!f->budget)
        return;
    f->budget->opened_ms += ms;
    f->budget->since_ms += ms;
}

static void start_work_timer(Run *r, Budget *b) {
    int64_t left = b->limits.most[BOUND_TIME] - budget_worked(b, r->time_ms);
    b->work = want_timer(r, b->frame, TIMER_WORK, r->time_ms + MAX(0, left));
}

/* Queued and running count, waiting for a person, a signal or a timer does not: that is, while an attempt is open below. */
void budget_attempts(Run *r, Frame *f, int change) {
    for (; f; f = f->parent) {
        Budget *b = f->budget;
        if (!b || b->limits.most[BOUND_TIME] < 0)
            continue;
        bool before = b->working > 0;
        if (before && b->working + (uint32_t)change == 0) {
            b->worked_ms = budget_worked(b, r->time_ms);
            if (b->work)
                want_close(r, b->work);
            b->work = NULL;
        }
        b->working += (uint32_t)change;
        if (!before && b->working) {
            b->since_ms = r->time_ms;
            start_work_timer(r, b);
        }
    }
}

static void arm_again(Run *r, Budget *b, Bound bound) {
    if (bound == BOUND_TIME && b->working) {
        if (b->work)
            want_close(r, b->work);
        start_work_timer(r, b);
    }
    if (bound == BOUND_DEADLINE) {
        if (b->deadline)
            want_close(r, b->deadline);
        int64_t due = at_most(b->opened_ms, b->limits.most[bound]);
        b->deadline = want_timer(r, b->frame, TIMER_DEADLINE, MAX(r->time_ms, due));
    }
}

void budget_worked_more(Run *r, Frame *f, int64_t ms) {
    for (; f && ms > 0; f = f->parent) {
        Budget *b = f->budget;
        if (!b || b->limits.most[BOUND_TIME] < 0)
            continue;
        b->worked_ms = at_most(b->worked_ms, ms);
        arm_again(r, b, BOUND_TIME);
    }
}

Want **budget_timer(Frame *f, TimerPurpose purpose) {
    if (!f->budget)
        return NULL;
    return purpose == TIMER_DEADLINE ? &f->budget->deadline
           : purpose == TIMER_WORK   ? &f->budget->work
                                     : NULL;
}

/* A pause lets a person look; what was in flight ends as it ends. Resumed, the limit holds for what is opened next. */
void budget_timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    Budget *b = f->budget;
    Bound bound = purpose == TIMER_DEADLINE ? BOUND_DEADLINE : BOUND_TIME;
    Shortage s = { .at = f,
                   .bound = bound,
                   .most = b->limits.most[bound],
                   .spent = bound == BOUND_TIME ? budget_worked(b, r->time_ms)
                                                : r->time_ms - b->opened_ms };
    Str refused;
    if (f == r->root && more_ask(r, &s, b->limits.on_breach_fail, &refused))
        return;
    if (!b->limits.on_breach_fail)
        question_ask(r, NULL, &s);
    else if (!call_runs_late(r, f, shortage_text(r, FIT_BREACH_FAIL, &s)))
        frame_failf(r, f, KIND_BUDGET, "%.*s", STR_FMT(shortage_text(r, FIT_BREACH_FAIL, &s)));
}

void budget_set(Run *r, Budget *b, Bound bound, int64_t most) {
    b->limits.most[bound] = most;
    arm_again(r, b, bound);
    budget_freed(r, b);
}

void budget_limits_anew(Run *r, Frame *f, Bound bound) {
    Limits now = limits_of(f);
    f->budget->limits.pos[bound] = now.pos[bound];
    budget_set(r, f->budget, bound, now.most[bound]);
}

void budget_close(Run *r, Frame *f) {
    if (!f->budget)
        return;
    if (f->budget->deadline)
        want_close(r, f->budget->deadline);
    if (f->budget->work)
        want_close(r, f->budget->work);
    f->budget->deadline = f->budget->work = NULL;
}

/* ---- snapshots: budgets of one frame ---- */

static void save_amount(Buf *b, const Amount *a) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        buf_svarint(b, a->of[i]);
}

static Amount load_amount(Cursor *c, uint8_t version) {
    Amount a = { 0 };
    if (version < 3) {
        a.of[BOUND_CALLS] = cursor_svarint(c);
        a.of[BOUND_TOKENS] = cursor_svarint(c);
        a.of[BOUND_COST] = cursor_svarint(c);
        return a;
    }
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        a.of[i] = cursor_svarint(c);
    return a;
}

void budget_save(const Frame *f, Buf *b) {
    buf_u8(b, f->budget != NULL);
    if (!f->budget)
        return;
    save_amount(b, &f->budget->spent);
    save_amount(b, &f->budget->reserved);
    save_amount(b, &f->budget->over);
    buf_varint(b, f->budget->working);
    buf_svarint(b, f->budget->opened_ms);
    buf_svarint(b, f->budget->worked_ms);
    buf_svarint(b, f->budget->since_ms);
}

void budget_load(Run *r, Frame *f, Cursor *c, uint8_t version) {
    if (!cursor_u8(c))
        return;
    Budget *b = f->budget = ARENA_NEW(&r->arena, Budget);
    b->frame = f;
    b->limits = limits_of(f);
    b->spent = load_amount(c, version);
    b->reserved = load_amount(c, version);
    if (version < 3)
        b->reserved = (Amount){ 0 }; /* the attempts that are open bring theirs */
    else
        b->over = load_amount(c, version);
    b->working = (uint32_t)cursor_varint(c);
    b->opened_ms = version < 3 ? f->started_ms : cursor_svarint(c);
    b->worked_ms = cursor_svarint(c);
    b->since_ms = cursor_svarint(c);
}

/* Spent and reserved are within the limit, but for what a provider billed above its cap. */
const char *budget_check(const Frame *f) {
    const Budget *b = f->budget;
    if (!b)
        return NULL;
    for (Bound i = 0; i < BOUNDS_COUNTED; i++) {
        int64_t most = b->limits.most[i];
        if (b->reserved.of[i] < 0 || b->spent.of[i] < b->over.of[i])
            return "11: a budget holds less than nothing";
        if (b->stuck.of[i] < 0 || b->stuck.of[i] > b->reserved.of[i])
            return "11: more is held by who asks for more than by all";
        if (most >= 0 && b->spent.of[i] - b->over.of[i] + b->reserved.of[i] > most)
            return "11: more is spent and reserved than a limit allows";
    }
    bool moves = holds_any(&b->reserved) || f->run->status != RUN_RUNNING || f->run->asked.open;
    return b->waiting.first && !moves ? "20: calls wait for a budget that nobody holds" : NULL;
}
