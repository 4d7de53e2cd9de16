/* Budgets: what may still be spent is known before it is spent.
 *
 * An attempt reserves its worst case at every limit above it before it is wanted, and settles when it ends. What does not
 * fit while others are open waits (they may cost less than reserved); what does not fit alone is a breach. Calls count
 * model calls; an attempt of any other kind reserves nothing. */
#include "base/money.h"
#include "kernel/frame.h"

struct Budget {
    Limits limits;
    Amount spent, reserved;
    uint32_t working; /* attempts open below */
    int64_t worked_ms, since_ms;
    Want *deadline, *work; /* timers */
};

/* Output of a model that has no max_output of its own: LANGUAGE.md, 4k. */
#define OUTPUT_DEFAULT 4096

static int64_t tighter(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : MIN(a, b); }

/* What a frame declares: the limits of the step and, where the agent's conversation is the same frame, of the agent. */
static Limits limits_of(const Frame *f) {
    const Callee *agent = f->node->callee;
    Limits own = f->part == PART_ROOT       ? f->run->plan->limits
                 : (f->layers & LAYER_STEP) ? f->node->limits
                                            : LIMITS_NONE;
    if (!(f->layers & LAYER_ONCE) || !agent || agent->kind != CALLEE_MODEL || !agent->limits.any)
        return own;
    const Limits *its = &agent->limits;
    return (Limits){
        .cost = tighter(own.cost, its->cost),
        .tokens = tighter(own.tokens, its->tokens),
        .calls = tighter(own.calls, its->calls),
        .time = tighter(own.time, its->time),
        .deadline = tighter(own.deadline, its->deadline),
        .depth = tighter(own.depth, its->depth),
        .agents = tighter(own.agents, its->agents),
        .retries = tighter(own.retries, its->retries),
        .on_breach_fail = own.on_breach_fail || its->on_breach_fail,
        .any = true,
    };
}

void budget_open(Run *r, Frame *f) {
    Limits limits = limits_of(f);
    if (!limits.any)
        return;
    if (!f->budget) /* else the step is done anew: what it spent is spent */
        f->budget = ARENA_NEW(&r->arena, Budget);
    f->budget->limits = limits;
    if (limits.deadline >= 0)
        f->budget->deadline = want_timer(r, f, TIMER_DEADLINE, r->time_ms + limits.deadline);
}

static const Price *price_of(const Frame *call) {
    return &call->call->callee->prices[call->parent->agent->model];
}

#define MILLION 1000000
/* Money is rounded up, and never past what a limit can say. */
static int64_t price_times(int64_t tokens, int64_t nano_per_million) {
    const int64_t most = INT64_MAX / 8;
    int64_t whole, rest;
    if (__builtin_mul_overflow(tokens / MILLION, nano_per_million, &whole) ||
        __builtin_mul_overflow(tokens % MILLION, nano_per_million, &rest))
        return most;
    return MIN(whole, most) + rest / MILLION + (rest % MILLION != 0);
}

/* One byte of the request is at most one token. The conversation is what grows; the rest of a request is small beside it. */
Amount call_worst_case(const Frame *f) {
    if (f->call->callee->kind != CALLEE_MODEL)
        return (Amount){ 0 };
    int64_t bytes = 512;
    const ListBuilder *messages = &f->parent->agent->messages;
    for (size_t i = 0; i < messages->n; i++) {
        Value content = value_getz(messages->items[i], "content");
        bytes += 32 + (content.type == V_STRING ? content.len : 256);
    }
    int64_t output = f->call->callee->max_output > 0 ? f->call->callee->max_output : OUTPUT_DEFAULT;
    const Price *p = price_of(f);
    return (Amount){ .calls = 1,
                     .tokens = bytes + output,
                     .cost = price_times(bytes, MAX(p->input, p->cached)) +
                             price_times(output, p->output) };
}

int64_t want_cost(const Want *w, const Usage *u) {
    if (w->callee->kind != CALLEE_MODEL)
        return u->cost_nano;
    const Price *p = price_of(w->frame);
    int64_t cached = MIN(u->tokens_cached, u->tokens_in);
    return price_times(u->tokens_in - cached, p->input) + price_times(cached, p->cached) +
           price_times(u->tokens_out, p->output);
}

typedef struct Line {
    const char *name;
    int64_t limit, spent, reserved, worst;
    bool money; /* nano-units; else a count */
} Line;

static void lines_of(const Budget *b, Amount worst, Line ret[3]) {
    ret[0] =
        (Line){ "calls", b->limits.calls, b->spent.calls, b->reserved.calls, worst.calls, false };
    ret[1] = (Line){ "tokens",           b->limits.tokens, b->spent.tokens,
                     b->reserved.tokens, worst.tokens,     false };
    ret[2] = (Line){ "cost", b->limits.cost, b->spent.cost, b->reserved.cost, worst.cost, true };
}

static void write_amount(Buf *b, const Line *l, int64_t amount) {
    if (l->money)
        money_write(b, amount);
    else
        buf_fmt(b, "%lld", (long long)amount);
}

static Str waits_for(Run *r, const Line *l) {
    Buf b = BUF_INIT(256);
    buf_fmt(&b, "waits for %s: others hold ", l->name);
    write_amount(&b, l, l->reserved);
    buf_fmt(&b, " of ");
    write_amount(&b, l, l->limit);
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str breaches(Run *r, const Line *l) {
    Buf b = BUF_INIT(256);
    buf_fmt(&b, "limit of %s reached: ", l->name);
    write_amount(&b, l, l->spent);
    buf_fmt(&b, " spent, up to ");
    write_amount(&b, l, l->worst);
    buf_fmt(&b, " more, limit ");
    write_amount(&b, l, l->limit);
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Fit fit_one(Run *r, const Frame *f, Amount worst, Str *ret_why) {
    Line lines[3];
    lines_of(f->budget, worst, lines);
    Fit fit = FIT_YES;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        const Line *l = &lines[i];
        if (l->limit < 0 || l->worst == 0 || l->spent + l->reserved + l->worst <= l->limit)
            continue;
        if (l->reserved > 0 && l->spent + l->worst <= l->limit) {
            fit = FIT_WAIT;
            *ret_why = waits_for(r, l);
            continue;
        }
        *ret_why = breaches(r, l);
        return f->budget->limits.on_breach_fail ? FIT_BREACH_FAIL : FIT_BREACH_PAUSE;
    }
    return fit;
}

Fit budget_reserve(Run *r, Frame *f, Amount worst, Str *ret_why) {
    if (worst.calls == 0)
        return FIT_YES;
    Fit fit = FIT_YES;
    for (const Frame *up = f; up && fit <= FIT_WAIT; up = up->parent) {
        if (up->budget && up->budget->limits.cost >= 0 && !price_of(f)->known) {
            *ret_why = arena_fmt(&r->arena,
                                 "a limit of cost is set and the price of `%.*s` is not known",
                                 STR_FMT(f->call->callee->models[f->parent->agent->model]));
            return FIT_BREACH_FAIL;
        }
        if (up->budget)
            fit = MAX(fit, fit_one(r, up, worst, ret_why));
    }
    if (fit != FIT_YES)
        return fit;
    for (Frame *up = f; up; up = up->parent)
        if (up->budget) {
            up->budget->reserved.calls += worst.calls;
            up->budget->reserved.tokens += worst.tokens;
            up->budget->reserved.cost += worst.cost;
        }
    return FIT_YES;
}

void budget_settle(Run *r, Frame *f, Amount worst, Amount spent) {
    if (worst.calls == 0)
        return;
    for (Frame *up = f; up; up = up->parent)
        if (up->budget) {
            Budget *b = up->budget;
            ASSERT(b->reserved.calls >= worst.calls && b->reserved.tokens >= worst.tokens);
            b->reserved.calls -= worst.calls;
            b->reserved.tokens -= worst.tokens;
            b->reserved.cost -= worst.cost;
            b->spent.calls += spent.calls;
            b->spent.tokens += spent.tokens;
            b->spent.cost += spent.cost;
        }
    r->settle_held = true;
}

void budget_spend(Frame *f, Amount spent) {
    for (; f; f = f->parent) {
        if (!f->budget)
            continue;
        f->budget->spent.calls += spent.calls;
        f->budget->spent.tokens += spent.tokens;
        f->budget->spent.cost += spent.cost;
    }
}

void budget_shift(Frame *f, int64_t ms) {
    if (f->budget)
        f->budget->since_ms += ms;
}

/* In the order of the tree, which is the order of the file: the first that waits is the first that is tried. A breach may
 * take part of the tree away, so the walk ends there and is begun again. */
static bool try_held(Run *r, Frame *f) {
    for (Frame *child = f->first; child && r->open_held; child = child->next) {
        if (child->status != STATUS_HELD) {
            if (!try_held(r, child))
                return false;
            continue;
        }
        uint32_t held = r->open_held;
        child->shape->enter(r, child);
        if (r->open_held < held - 1 || r->status != RUN_RUNNING || status_final(child->status))
            return false;
    }
    return true;
}

void budget_release_held(Run *r) {
    r->settle_held = false;
    if (r->open_held && r->root && !try_held(r, r->root))
        r->settle_held = r->open_held > 0 && r->status == RUN_RUNNING;
}

/* ---- time ---- */

/* Queued and running count, waiting for a person, a signal or a timer does not: that is, while an attempt is open below. */
void budget_attempts(Run *r, Frame *f, int change) {
    for (; f; f = f->parent) {
        Budget *b = f->budget;
        if (!b || b->limits.time < 0)
            continue;
        bool before = b->working > 0;
        b->working += (uint32_t)change;
        if (!before && b->working) {
            b->since_ms = r->time_ms;
            b->work =
                want_timer(r, f, TIMER_WORK, r->time_ms + MAX(0, b->limits.time - b->worked_ms));
        } else if (before && !b->working) {
            b->worked_ms += r->time_ms - b->since_ms;
            if (b->work)
                want_close(r, b->work);
            b->work = NULL;
        }
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
    const char *what = purpose == TIMER_DEADLINE ? "deadline" : "time";
    if (f->budget->limits.on_breach_fail)
        frame_failf(r, f, KIND_BUDGET, "limit of %s reached", what);
    else
        r->pause_reason = arena_fmt(&r->arena, "limit of %s reached", what);
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

static void save_amount(Buf *b, Amount a) {
    buf_svarint(b, a.calls);
    buf_svarint(b, a.tokens);
    buf_svarint(b, a.cost);
}

static Amount load_amount(Cursor *c) {
    Amount a;
    a.calls = cursor_svarint(c);
    a.tokens = cursor_svarint(c);
    a.cost = cursor_svarint(c);
    return a;
}

void budget_save(const Run *r, const Frame *f, Buf *b) {
    buf_u8(b, f->budget != NULL);
    if (!f->budget)
        return;
    (void)r;
    save_amount(b, f->budget->spent);
    save_amount(b, f->budget->reserved);
    buf_varint(b, f->budget->working);
    buf_svarint(b, f->budget->worked_ms);
    buf_svarint(b, f->budget->since_ms);
}

void budget_load(Run *r, Frame *f, Cursor *c) {
    if (!cursor_u8(c))
        return;
    f->budget = ARENA_NEW(&r->arena, Budget);
    f->budget->limits = limits_of(f);
    f->budget->spent = load_amount(c);
    f->budget->reserved = load_amount(c);
    f->budget->working = (uint32_t)cursor_varint(c);
    f->budget->worked_ms = cursor_svarint(c);
    f->budget->since_ms = cursor_svarint(c);
}

/* spent + reserved within the limit, but for what a provider billed above its cap. */
const char *budget_check(const Frame *f) {
    const Budget *b = f->budget;
    if (!b)
        return NULL;
    if (b->reserved.calls < 0 || b->reserved.tokens < 0 || b->reserved.cost < 0)
        return "a budget holds less than nothing";
    if (b->limits.calls >= 0 && b->spent.calls + b->reserved.calls > b->limits.calls)
        return "more calls than the limit allows";
    return NULL;
}
