/* The invariants of a run, asked after every apply in tests and after every turn in production. They name what is broken;
 * they never mend it. Numbers are those of the published list (docs/reliability.md). */
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/step.h"
#include "kernel/undo.h"

typedef struct Tally {
    const Run *run;
    uint32_t attempts, held, open_work;
    const char *broken;
} Tally;

/* 12: no more attempts than the policy, the resends, crashes and people allow is not countable here; attempts never run
 * without a call that wants them. */
static bool probing(const Frame *f) {
    for (const Frame *child = f->first; child; child = child->next)
        if (child->part == PART_PROBE)
            return true;
    return false;
}

static const char *check_call(const Frame *f) {
    const CallState *c = f->call;
    const char *broken = held_check(f);
    if (broken)
        return broken;
    if (c->hedge && !(c->want && c->want->kind == WANT_ATTEMPT))
        return "12: a second attempt without a first";
    if (hedge_open(c) && (c->effect == EFFECT_UNSAFE || c->hedge->attempt == c->want->attempt))
        return "12: a second attempt of what may be sent once";
    if (status_final(f->status))
        return c->want ? "5: a finished step still wants something" : NULL;
    switch ((Status)f->status) {
    case STATUS_RUNNING:
        return c->want && (c->want->kind == WANT_ATTEMPT || c->want->kind == WANT_CHILD) ? NULL
               : f->handling || f->gating || f->unwind || probing(f)
                   ? NULL
                   : "20: a running call wants no attempt";
    case STATUS_RETRYING:
        return c->want && c->want->kind == WANT_TIMER ? NULL : "20: a retry has no timer";
    case STATUS_IN_DOUBT:
        if (undo_is_stuck(f))
            return NULL;
        return c->want && c->want->kind == WANT_DOUBT ? NULL : "10: a doubt is nobody's";
    case STATUS_HELD: return c->want ? "11: a held call wants something" : NULL;
    case STATUS_NEW:
    case STATUS_OK:
    case STATUS_FAILED:
    case STATUS_SKIPPED:
    case STATUS_WAITING:
    case STATUS_CANCELLED: return NULL;
    }
    return "a status that does not exist";
}

/* 14: one question, decided once: it is asked as long as it waits, and not longer. */
static const char *check_human(const Frame *f) {
    const HumanState *h = f->human;
    bool asked = h && h->want, waits = f->status == STATUS_WAITING;
    if (asked != waits)
        return waits ? "14: a question that nobody can answer"
                     : "14: a settled question is still asked";
    return asked && f->human->said.n >= (size_t)h->quorum
               ? "14: enough have agreed, and it is still asked"
               : NULL;
}

/* What is on hold for people has a question open below it. */
static const char *check_gating(const Frame *f) {
    for (const Frame *child = f->first; child; child = child->next)
        if (child->part == PART_GATE && !status_final(child->status))
            return NULL;
    return "20: it waits for people, and nobody is asked";
}

static const char *check_each(const Frame *f) {
    const EachState *e = f->each;
    uint32_t open = 0;
    for (const Frame *child = f->first; child; child = child->next)
        open += child->part == PART_ITEM && !frame_over(child);
    if (open != e->open)
        return "19: a loop has lost count of its items";
    return e->open > (uint32_t)f->node->for_->parallel ? "21: more items open than `parallel`"
                                                       : NULL;
}

/* Of a snapshot nothing is believed: what undoes and what asks hangs below what it is for. */
static const char *check_means(const Frame *f) {
    if (f->undo && !undo_is_known(f))
        return "17: an undo of what has none";
    if (f->part == PART_UNDO && !(f->parent && f->parent->undo))
        return "17: an undo of nothing";
    if (f->part == PART_PROBE && !(f->parent && f->parent->shape == &shape_call))
        return "10: a probe of nothing";
    if (f->unwind && f->unwind->goes_on && !(f->shape && f->shape->rolled_back))
        return "17: a part of what it did is undone, and it cannot go on";
    return NULL;
}

static const char *check_one(const Frame *f) {
    const char *broken = check_means(f);
    if (broken)
        return broken;
    if (status_final(f->status)) {
        if (f->timeout)
            return "5: a finished step still has a timer";
        return f->shape == &shape_call ? check_call(f) : NULL;
    }
    if (f->gating && check_gating(f))
        return check_gating(f);
    if (fallback_check(f))
        return fallback_check(f);
    if (f->shape == &shape_human)
        return check_human(f);
    if (f->shape == &shape_call)
        return check_call(f);
    if (f->status == STATUS_HELD)
        return "20: held, and no call";
    /* One that has failed has stopped its items, and is to undo what they did. */
    if (f->shape == &shape_each && f->status == STATUS_RUNNING && !f->handling && !f->unwind)
        return check_each(f);
    return NULL;
}

static void walk(Tally *t, const Frame *f, unsigned depth) {
    if (t->broken)
        return;
    if (depth > 4 * LIMIT_FRAME_DEPTH)
        t->broken = "frames are nested deeper than they can be";
    else if (f->parent && status_final(f->parent->status) && !frame_over(f) && f->part != PART_UNDO)
        t->broken = "19: work goes on below a finished step";
    else if (f->loose && f->parent && f->parent->loose < f->loose)
        t->broken = "17: a step has lost count of what is not at rest below it";
    else
        t->broken = check_one(f);
    if (!t->broken)
        t->broken = budget_check(f);
    t->held += f->status == STATUS_HELD;
    for (const Frame *child = f->first; child; child = child->next)
        walk(t, child, depth + 1);
}

static const char *check_wants(const Run *r, Tally *t) {
    const Want *last = NULL;
    for (const Want *w = r->wants_first; w; last = w, w = w->next) {
        if (w->prev != last)
            return "the list of wants is torn";
        if (!w->frame || status_final(w->frame->status))
            return "5: a want of a finished step";
        t->attempts += w->kind == WANT_ATTEMPT;
        t->open_work++;
    }
    if (last != r->wants_last)
        return "the list of wants is torn";
    return t->attempts != r->open_attempts ? "attempts are miscounted" : NULL;
}

const char *run_check(const Run *r) {
    Tally t = { .run = r };
    if (!r->root)
        return "a run without a root";
    if (r->ready_first)
        return "something is still to be entered";
    const char *broken = check_wants(r, &t);
    if (broken)
        return broken;
    walk(&t, r->root, 0);
    if (t.broken)
        return t.broken;
    if (t.held != r->open_held)
        return "held steps are miscounted";
    if (run_finished(r))
        return t.open_work                     ? "4: a finished run wants something"
               : status_final(r->root->status) ? NULL
                                               : "4: finished, but its root is not";
    if (status_final(r->root->status))
        return "4: its root is finished, the run is not";
    if (r->ending && !r->root->loose)
        return "17: it has ended, and nothing is left that it waits for";
    if (r->status == RUN_PAUSED)
        return value_absent(r->paused) ? "20: paused, and nobody's name is on it" : NULL;
    return t.open_work || r->asked.open ? NULL : "20: an orphan: nothing can wake it";
}
