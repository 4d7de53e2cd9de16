/* Hedging: who does not answer soon is asked a second time, and the first good answer counts.
 *
 *   attempt #1 leaves --`hedge` passes--> attempt #2 beside it --one of them ends ok--> the other is stopped, and spent
 *                     \ it ends: no more                       \ one ends otherwise--> as if it had never been: the other is
 *                                                               the attempt of the call
 *
 * The second attempt is one of the same call, with a number, a move and a fact of its own: what may be billed is a fact, and
 * whoever derives the run again wants both. So it lives here and not in the engine, which cannot reserve nor replay. It has the
 * same request and the same key; it reserves its own worst case, and where that has no room there is no second attempt. A call has
 * one at most, whatever its retries: those that hedge are not to become the load that makes others hedge.
 *
 * Only what may be sent again after an unknown outcome is; and not what is undone or shared by a business key, as what is slow
 * may still happen after both are settled. The plan sees to that (spec/read_hedge.c). */
#include "base/time.h"
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/step.h"

static bool is_attempt(const Want *w) { return w && w->kind == WANT_ATTEMPT; }

bool hedge_open(const CallState *c) { return is_attempt(c->hedge); }

static int64_t hedge_after(const Frame *f) {
    bool own = f->part != PART_CALL && f->node->hedge_ms;
    return own ? f->node->hedge_ms : f->call->callee->hedge_ms;
}

Want *call_attempt(const Frame *f, uint32_t attempt) {
    const CallState *c = f && f->shape == &shape_call ? f->call : NULL;
    if (c && is_attempt(c->want) && c->want->attempt == attempt)
        return c->want;
    return c && hedge_open(c) && c->hedge->attempt == attempt ? c->hedge : NULL;
}

const Amount *call_reserved(const Want *w) {
    const CallState *c = w->frame->call;
    return w == c->hedge ? &c->hedge_reserved : &c->reserved;
}

/* ---- the second attempt ---------------------------------------------------------------------------------------------- */

/* From when it leaves, as far as that is known: who still stands in line would only stand there twice. */
void hedge_arm(Run *r, Frame *f) {
    CallState *c = f->call;
    int64_t after_ms = hedge_after(f);
    if (!after_ms || c->hedge || c->hedged || f->abandoned || c->effect == EFFECT_UNSAFE ||
        (want_announced(c->want) && !c->want->dispatching))
        return;
    c->hedge = want_timer(r, f, TIMER_HEDGE, r->time_ms + after_ms);
}

static void say_no(Run *r, Frame *f, Str why) {
    frame_movef(r, f, STATUS_RUNNING, "not asked a second time: %.*s", STR_FMT(why));
}

static bool fits(Run *r, Frame *f, Amount *next) {
    Shortage s;
    *next = call_worst_case(f);
    next->of[BOUND_RETRIES] = 1;
    Fit fit = budget_reserve(r, f, next, &s);
    if (fit != FIT_YES)
        say_no(r, f, shortage_text(r, fit, &s));
    return fit == FIT_YES;
}

static void open_second(Run *r, Frame *f) {
    CallState *c = f->call;
    Buf after = BUF_INIT(64);
    duration_write(&after, hedge_after(f));
    c->hedged = true;
    c->attempt++;
    f->attempts++;
    r->counts.attempts++;
    c->hedge = want_open(r, f, WANT_ATTEMPT);
    call_describe(c, c->hedge, c->attempt);
    frame_move(r, f, STATUS_RUNNING, c->attempt, c->args_hash,
               arena_fmt(&r->arena, "asked again beside #%u: no answer within %.*s", c->open,
                         STR_FMT(buf_str(&after))));
    buf_deinit(&after);
}

void hedge_due(Run *r, Frame *f) {
    CallState *c = f->call;
    c->hedge = NULL;
    if (!is_attempt(c->want) || f->abandoned)
        return;
    if (r->status == RUN_PAUSED || r->pausing)
        say_no(r, f, STR("the run is paused"));
    else if (call_key_is_dead(r, f))
        say_no(r, f, STR("the life of its key is over"));
    else if (fits(r, f, &c->hedge_reserved))
        open_second(r, f);
}

/* ---- one of two has ended -------------------------------------------------------------------------------------------- */

static void swap(CallState *c) {
    Want *w = c->want;
    Amount held = c->reserved;
    c->want = c->hedge;
    c->reserved = c->hedge_reserved;
    c->open = c->want->attempt;
    c->hedge = w;
    c->hedge_reserved = held;
}

void hedge_face(CallState *c, uint32_t attempt) {
    if (hedge_open(c) && c->hedge->attempt == attempt)
        swap(c);
}

/* What it may have used is spent, unless it surely never left. */
void hedge_off(Run *r, Frame *f) {
    CallState *c = f->call;
    Amount nothing = { 0 };
    if (!c->hedge)
        return;
    if (hedge_open(c))
        budget_settle(r, f, &c->hedge_reserved,
                      want_never_left(c->hedge) || MUTANT(hedge_is_free) ? &nothing
                                                                         : &c->hedge_reserved);
    want_close(r, c->hedge);
    c->hedge = NULL;
}

/* An answer that is of no use is none while another may come; of what changes the world it is the answer. */
static bool is_good(Run *r, Frame *f, const Fact *fact) {
    ErrorKind kind;
    Str problem;
    Value output = value_absent(r->payload) ? VALUE_NULL : r->payload;
    if (fact->outcome != OUTCOME_OK)
        return false;
    return f->part == PART_TURN || f->call->effect > EFFECT_READ ||
           step_accepts(r, f, f->call->callee, output, &output, &kind, &problem);
}

bool hedge_goes_on(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    if (!hedge_open(c) || is_good(r, f, fact) || MUTANT(hedge_takes_any_end)) {
        hedge_off(r, f);
        return false;
    }
    uint32_t ended = c->open;
    Str kind = fact->outcome == OUTCOME_OK ? STR("an answer of no use") : fact->error_kind;
    if (fact->outcome == OUTCOME_REFUSED)
        call_drop_attempt(r, f);
    else
        call_settle(r, f, fact);
    if (fact->outcome == OUTCOME_UNKNOWN && c->effect >= EFFECT_IDEMPOTENT)
        c->unknown = true;
    swap(c);
    c->hedge = NULL;
    c->hedge_reserved = (Amount){ 0 };
    frame_movef(r, f, STATUS_RUNNING, "#%u: %.*s; #%u goes on", ended, STR_FMT(kind), c->open);
    return true;
}

/* ---- a crash --------------------------------------------------------------------------------------------------------- */

static bool outlives(const Want *w) { return want_never_left(w) || want_is_elsewhere(w); }

void hedge_recovered(Run *r, Frame *f) {
    CallState *c = f->call;
    if (hedge_open(c) && outlives(c->hedge)) {
        c->hedge->unsent = false;
        if (outlives(c->want))
            return;
        swap(c);
    }
    c->unknown |= hedge_open(c) && c->effect >= EFFECT_IDEMPOTENT;
    if (hedge_open(c) || !outlives(c->want))
        hedge_off(r, f);
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

void hedge_save(const CallState *c, Buf *b) {
    if (c->open != c->attempt)
        buf_varint(b, c->open);
    for (Bound i = 0; c->hedge && i < BOUNDS_COUNTED; i++)
        buf_svarint(b, c->hedge_reserved.of[i]);
}

void hedge_load(CallState *c, bool kept, bool not_last, Cursor *from) {
    c->hedge_kept = kept;
    c->open = not_last ? (uint32_t)cursor_varint(from) : c->attempt;
    for (Bound i = 0; kept && i < BOUNDS_COUNTED; i++)
        c->hedge_reserved.of[i] = cursor_svarint(from);
}
