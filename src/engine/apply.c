/* One fact into one run.
 *
 *   apply_fact:  mark the run > run_apply > closed wants are let go > opened wants are noted > unsafe ones are dispatched
 *
 * Every want is given the number of the row it was derived in; perform.c lets nothing out before that row is durable. A
 * want with a cookie is one we know of; the kernel tells us when it closes it. Attempts of a paused run get no cookie:
 * they are wanted, not performed, and perform_all() finds them when the run goes on. */
#include "engine/state.h"

/* What a want is marked with that has nothing to be performed but stands in `open`. */
static char noted;

/* A child's result that was recorded before is an attempt that ends at once (perform.c). */
Flight *want_flight(const Want *w) {
    bool flies = w->kind == WANT_ATTEMPT || w->kind == WANT_CHILD;
    return flies && w->cookie != &noted ? w->cookie : NULL;
}

/* The kernel wrote the letter that starts it; of a run that reuses outcomes it may not be needed, or, if it was withdrawn for
 * an outcome that is gone since, be needed after all. */
static void take_child(Engine *e, Resident *r, Want *w) {
    bool new = w->position > r->head_seq;
    if (perform_reuse(e, r, w)) {
        run_withdraw(r->run, w);
        return;
    }
    w->cookie = &noted;
    if (new || w->stopping || !run_source(r->run).len)
        return;
    run_ask_again(r->run, w);
    apply_note(e, r, STR("asks once more for a child run"));
}

static void take_want(Engine *e, Resident *r, Want *w) {
    w->position = r->row && !row_empty(&r->row->w) ? r->head_seq + 1 : r->head_seq;
    switch (w->kind) {
    case WANT_ATTEMPT:
        if (run_status(r->run) != RUN_PAUSED || MUTANT(start_while_paused))
            perform_want(e, r, w);
        return;
    case WANT_TIMER: timers_want(e, r, w); break;
    case WANT_APPROVAL:
    case WANT_SIGNAL: w->cookie = &noted; break;
    case WANT_DOUBT:
        if (want_is_timed(w))
            timers_want(e, r, w);
        else
            w->cookie = &noted;
        break;
    case WANT_CHILD: take_child(e, r, w); break;
    }
    r->opens_dirty = true;
}

static void let_go(Engine *e, Resident *r, const WantClosed *c) {
    bool flies = c->kind == WANT_ATTEMPT || (c->kind == WANT_CHILD && c->cookie != &noted);
    if (c->stopping) {
        if (flies)
            perform_stop(e, c->cookie);
        return;
    }
    switch (c->kind) {
    case WANT_ATTEMPT: perform_forget(e, c->cookie); return;
    case WANT_CHILD:
        if (flies)
            perform_forget(e, c->cookie);
        break;
    case WANT_TIMER:
    case WANT_APPROVAL:
    case WANT_SIGNAL:
    case WANT_DOUBT: break;
    }
    if (c->timed)
        timers_forget(e, c->cookie);
    r->opens_dirty = true;
}

void apply_changes(Engine *e, Resident *r) {
    size_t n;
    const WantClosed *closed = run_closed(r->run, &n);
    for (size_t i = 0; i < n; i++)
        let_go(e, r, &closed[i]);
    run_forget_closed(r->run);
    for (Want *w = run_opened(r->run); w; w = w->next) {
        if (!w->cookie)
            take_want(e, r, w);
    }
}

/* The set of wants is what it was, only we did not know it: `open` need not be written again. */
void apply_adopt(Engine *e, Resident *r) {
    bool opens_dirty = r->opens_dirty;
    for (Want *w = run_wants(r->run); w; w = w->next) {
        if (!w->cookie && w->kind != WANT_ATTEMPT)
            take_want(e, r, w);
    }
    r->opens_dirty = opens_dirty;
}

void perform_all(Engine *e, Resident *r) {
    apply_adopt(e, r);
    for (Want *w = run_wants(r->run); w; w = w->next) {
        if (!w->cookie)
            take_want(e, r, w);
    }
    perform_dispatch(e, r);
}

void apply_mark(Engine *e, Resident *r) {
    if (e->marked_run == r)
        return;
    e->marked_run = r;
    e->ports.mark(e->ports.ctx, resident_id(r));
}

int apply_fact(Engine *e, Resident *r, Fact *fact) {
    RowWriter *row = resident_row(e, r);
    apply_mark(e, r);
    fact->time_ms = MAX(fact->time_ms, run_time(r->run));
    bool was_paused = run_status(r->run) == RUN_PAUSED;
    int err = run_apply(r->run, fact, row);
    if (err)
        return err;
    e->stats.facts++;
    e->turn_facts++;
    apply_changes(e, r);
    if (was_paused && run_status(r->run) == RUN_RUNNING)
        perform_all(e, r);
    if (!was_paused && run_status(r->run) == RUN_PAUSED)
        perform_pause(e, r);
    perform_dispatch(e, r);
    return 0;
}

/* ---- notes ----------------------------------------------------------------------------------------------------------- */

/* A control fact without a verb, which no request can make. */
bool fact_is_note(const Fact *f) {
    return f->kind == FACT_CONTROL && f->verb == 0 && str_is(f->from, "engine");
}

void apply_note(Engine *e, Resident *r, Str text) {
    int64_t time = r->run ? MAX(e->now_ms, run_time(r->run)) : e->now_ms;
    Fact note = { .kind = FACT_CONTROL, .time_ms = time, .from = STR("engine"), .message = text };
    row_add_fact(resident_row(e, r), &note);
}
