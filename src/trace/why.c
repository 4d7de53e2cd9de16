/* Following causes. Rows are searched from the newest to the oldest; a link's own row bounds the next search, so the chain
 * only goes back in time and ends. */
#include "trace/why.h"

#include "base/limits.h"

#define OWN_LINKS_MAX 40 /* more retries than one reads */
#define LINKS_MAX                                                                                  \
    1000 /* a longer chain is a loop of a machine; its older half is in `baton trace` */

typedef struct Place { /* of a move */
    size_t row, move;
} Place;

static const Move *move_at(const History *h, Place p) { return &h->rows[p.row].row.moves[p.move]; }

static const Fact *cause_at(const History *h, Place p) {
    const Row *row = &h->rows[p.row].row;
    uint32_t cause = row->moves[p.move].cause;
    return cause < row->n_facts ? &row->facts[cause].fact : NULL;
}

/* The last move of `address` at or before `limit` that begins it (from new) or, with `ending`, that ends it. */
static bool find_move(const History *h, Str address, bool ending, Place limit, Place *ret) {
    for (size_t r = limit.row + 1; r-- > 0;) {
        const Row *row = &h->rows[r].row;
        size_t end = r == limit.row ? MIN(limit.move + 1, row->n_moves) : row->n_moves;
        for (size_t m = end; m-- > 0;) {
            const Move *move = &row->moves[m];
            bool fits = ending ? status_final(move->to) : move->from == STATUS_NEW;
            if (fits && str_eq(move->address, address)) {
                *ret = (Place){ r, m };
                return true;
            }
        }
    }
    return false;
}

/* Groups that ended by the same fact before this move: through them the cause reached it. */
static Str groups_between(const History *h, Place p, Str from, Arena *a) {
    const Row *row = &h->rows[p.row].row;
    Buf b = BUF_INIT(4 * KIB);
    for (size_t m = 0; m < p.move; m++) {
        const Move *move = &row->moves[m];
        if (move->cause != row->moves[p.move].cause || !status_final(move->to) ||
            str_eq(move->address, from) || move->address.len == 0)
            continue;
        if (!str_starts(from, move->address))
            continue;
        if (b.len)
            buf_str_add(&b, STR(", "));
        buf_str_add(&b, move->address);
    }
    Str text = b.len ? arena_str(a, buf_str(&b)) : STR("");
    buf_deinit(&b);
    return text;
}

static void add_link(Why *w, const History *h, Place p, Arena *a) {
    const Move *m = move_at(h, p);
    const Fact *cause = cause_at(h, p);
    w->links[w->n_links++] = (WhyLink){
        .time_ms = cause ? cause->time_ms : 0,
        .seq = h->rows[p.row].seq,
        .address = m->address,
        .from = m->from,
        .to = m->to,
        .attempt = m->attempt,
        .choice = m->choice,
        .through = cause ? groups_between(h, p, cause->address, a) : STR(""),
        .cause = cause,
    };
}

/* What happened to the step itself between its begin and its end, newest first: retries, doubts, waits for a budget. */
static void add_own_story(Why *w, const History *h, Str address, Place limit, Arena *a) {
    size_t most = w->n_links + OWN_LINKS_MAX;
    for (size_t r = limit.row + 1; r-- > 0 && w->n_links < most;) {
        const Row *row = &h->rows[r].row;
        size_t end = r == limit.row ? MIN(limit.move, row->n_moves) : row->n_moves;
        for (size_t m = end; m-- > 0 && w->n_links < most;) {
            const Move *move = &row->moves[m];
            if (!str_eq(move->address, address))
                continue;
            if (move->from == STATUS_NEW)
                return;
            if (!status_final(move->to))
                add_link(w, h, (Place){ r, m }, a);
        }
    }
}

static void follow(Why *w, const History *h, Str address, Arena *a) {
    Place limit = { h->n - 1, SIZE_MAX - 1 }, at;
    if (find_move(h, address, true, limit, &at)) {
        add_link(w, h, at, a);
        limit = at;
    }
    if (address.len)
        add_own_story(w, h, address, limit, a);
    while (w->n_links < LINKS_MAX && find_move(h, address, false, limit, &at)) {
        if (w->n_links == 0 || w->links[w->n_links - 1].seq != h->rows[at.row].seq ||
            at.row != limit.row || at.move != limit.move)
            add_link(w, h, at, a);
        const Fact *cause = cause_at(h, at);
        if (!cause || cause->address.len == 0 || (at.row == 0 && at.move == 0))
            return;
        if (at.move == 0) {
            at.row--;
            at.move = SIZE_MAX - 1;
        } else {
            at.move--;
        }
        limit = at;
        address = cause->address;
    }
}

/* ---- what it waits for */

static void add_wait(Why *w, Str text) { w->waits[w->n_waits++] = text; }

static void add_remedy(Why *w, Str text) { w->remedies[w->n_remedies++] = text; }

static void explain_doubt(Why *w, const TraceNode *n, Str run, Arena *a) {
    const TraceAttempt *at = node_attempt(n);
    Str lost = at && at->message.len ? at->message : STR("its outcome is unknown");
    if (str_starts(n->choice, STR("undo stuck")))
        add_wait(w,
                 arena_fmt(a,
                           "a person: it could not be undone in %zu attempts (%.*s), and what was "
                           "done before it is undone after it",
                           n->n_attempts, STR_FMT(lost)));
    else
        add_wait(w, arena_fmt(a,
                              "a person who can look at the target: attempt %u may or may not have "
                              "happened (%.*s), and its effect class forbids sending it again",
                              at ? at->number : 1, STR_FMT(lost)));
    Str address = n->address;
    add_remedy(
        w,
        arena_fmt(
            a,
            "baton resolve %.*s %.*s --done '{\"result\": ...}'   it happened; this is its output",
            STR_FMT(run), STR_FMT(address)));
    add_remedy(
        w, arena_fmt(
               a, "baton resolve %.*s %.*s --not-done               it did not happen: try again",
               STR_FMT(run), STR_FMT(address)));
    add_remedy(
        w,
        arena_fmt(
            a, "baton resolve %.*s %.*s --retry                  send it again, whatever happened",
            STR_FMT(run), STR_FMT(address)));
    add_remedy(w, arena_fmt(a, "baton resolve %.*s %.*s --fail                   give up this step",
                            STR_FMT(run), STR_FMT(address)));
}

static void explain_attempt(Why *w, const TraceAttempt *at, Arena *a) {
    Buf b = BUF_INIT(64);
    words_clock(&b, at->opened_ms);
    add_wait(w, arena_fmt(a, "attempt %u, wanted since %.*s, has not ended", at->number,
                          STR_FMT(buf_str(&b))));
    buf_deinit(&b);
}

/* Of its attempts at most two are open (kernel/hedge.c). */
static void explain_running(Why *w, const TraceNode *n, Str run, Arena *a) {
    const TraceAttempt *at = node_attempt(n);
    size_t before = w->n_waits;
    if (n->step && n->step->n_events) {
        add_wait(w, arena_fmt(a, "the %.*s", STR_FMT(n->step->waits_for)));
        add_remedy(w, arena_fmt(a, "baton emit %.*s", STR_FMT(n->step->events[0])));
    } else if (n->step && n->step->verb == VERB_RECEIVE) {
        add_wait(w, arena_fmt(a, "a message to the %.*s", STR_FMT(n->step->waits_for)));
    } else if (n->kind == TRACE_SIGNAL && n->step) {
        add_wait(w, arena_fmt(a, "the signal `%.*s`", STR_FMT(n->step->signal)));
        add_remedy(w,
                   arena_fmt(a, "baton signal %.*s %.*s", STR_FMT(run), STR_FMT(n->step->signal)));
    } else if (n->kind == TRACE_TIMER) {
        add_wait(w, arena_fmt(a, "time: %.*s", STR_FMT(n->choice)));
    } else if (n->held.len) {
        Buf b = BUF_INIT(64);
        words_clock(&b, n->held_since_ms);
        add_wait(w, arena_fmt(a, "%.*s, since %.*s", STR_FMT(n->held), STR_FMT(buf_str(&b))));
        add_remedy(w, STR("baton top   what is busy, and who else waits"));
        buf_deinit(&b);
    } else if (node_in_line(n)) {
        add_wait(w, STR("its turn: what it calls has a rate, a pool or a breaker"));
    } else if (at && at->ended_ms == 0 && at->run.len) {
        add_wait(w, arena_fmt(a, "run %.*s, which it called", STR_FMT(at->run)));
        add_remedy(w, arena_fmt(a, "baton why %.*s", STR_FMT(at->run)));
    }
    bool said = w->n_waits > before;
    for (const TraceAttempt *open = n->attempts; open && open <= at; open++)
        if (open->ended_ms == 0 && !(open == at && said))
            explain_attempt(w, open, a);
}

/* "people: fix:approve asks oncall: Do this now? (since 18:06:15.616)", and how to answer. */
static void explain_people(Why *w, const TraceNode *n, Str run, Arena *a) {
    Buf since = BUF_INIT(64);
    words_clock(&since, n->start_ms);
    add_wait(w, arena_fmt(a, "people: %.*s %.*s (since %.*s)", STR_FMT(n->address),
                          STR_FMT(n->choice), STR_FMT(buf_str(&since))));
    buf_deinit(&since);
    add_remedy(w, arena_fmt(a, "baton approve %.*s %.*s", STR_FMT(run), STR_FMT(n->address)));
}

#define PEOPLE_MAX 4 /* of what is asked below a step, so many are told with the way to answer */

static void explain_children(Why *w, const TraceNode *n, Str run, Arena *a) {
    unsigned people = 0;
    for (const TraceNode *c = n->first; c && w->n_waits < 20; c = c->next) {
        if (!status_final(c->status) && c->status != STATUS_WAITING)
            add_wait(
                w, arena_fmt(a, "%.*s, which is %s", STR_FMT(c->address), words_status(c->status)));
    }
    for (const TraceNode *c = tree_walk(n, n); c && people < PEOPLE_MAX; c = tree_walk(n, c)) {
        if (c->status != STATUS_WAITING)
            continue;
        explain_people(w, c, run, a);
        people++;
    }
}

static void explain_node(Why *w, const TraceTree *t, const TraceNode *n, Str run, Arena *a) {
    if (t->paused && !status_final(n->status)) {
        add_wait(w, arena_fmt(a, "the run, which is paused%s%.*s%s%.*s",
                              t->paused_by.len ? " by " : "", STR_FMT(t->paused_by),
                              t->pause_reason.len ? ": " : "", STR_FMT(t->pause_reason)));
        add_remedy(w, t->pause_raise.len ? arena_fmt(a, "baton resume %.*s --limit %.*s",
                                                     STR_FMT(run), STR_FMT(t->pause_raise))
                                         : arena_fmt(a, "baton resume %.*s", STR_FMT(run)));
    }
    switch (n->status) {
    case STATUS_IN_DOUBT: explain_doubt(w, n, run, a); break;
    case STATUS_RETRYING:
        add_wait(w, arena_fmt(a, "the next attempt: %.*s", STR_FMT(n->choice)));
        break;
    case STATUS_WAITING: explain_people(w, n, run, a); break;
    case STATUS_HELD:
        if (!t->paused)
            add_wait(w, arena_fmt(a, "a budget: %.*s", STR_FMT(n->choice)));
        break;
    case STATUS_NEW:
    case STATUS_RUNNING:
        explain_running(w, n, run, a);
        explain_children(w, n, run, a);
        break;
    case STATUS_OK:
    case STATUS_FAILED:
    case STATUS_SKIPPED:
    case STATUS_CANCELLED: break;
    }
}

/* A step of the plan that has not begun: its needs say why. */
static void explain_unborn(Why *w, const TraceTree *t, const Node *step, Arena *a) {
    if (tree_ended(t)) {
        add_wait(w, arena_fmt(a, "nothing: the run ended (%s) before it was reached",
                              words_status(t->root->status)));
        return;
    }
    for (size_t i = 0; i < step->n_needs && step->parent && w->n_waits < 20; i++) {
        const Node *need = step->parent->children[step->needs[i]];
        TraceNode *found[1];
        size_t n = tree_match(t, need->name, found, 1);
        Status status = n ? found[0]->status : STATUS_NEW;
        if (!status_final(status))
            add_wait(
                w, arena_fmt(a, "its need %.*s, which %s", STR_FMT(need->name),
                             n ? arena_fmt(a, "is %s", words_status(status)).p : "has not begun"));
    }
    if (w->n_waits == 0 && step->parent)
        add_wait(
            w, arena_fmt(a, "the group it stands in, %.*s",
                         STR_FMT(step->parent->parent ? step->parent->name : STR("the workflow"))));
}

static Str list_matches(const Str step, TraceNode **found, size_t n, size_t shown, Arena *a) {
    Buf b = BUF_INIT(4 * KIB);
    buf_fmt(&b, "`%.*s` may be one of %zu:", STR_FMT(step), n);
    for (size_t i = 0; i < shown; i++)
        buf_fmt(&b, " %.*s", STR_FMT(found[i]->address));
    if (n > shown)
        buf_str_add(&b, STR(" ..."));
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str list_steps(const TraceTree *t, Str step, Arena *a) {
    Str names[64];
    size_t n = 0;
    for (const TraceNode *c = tree_walk(t->root, t->root); c && n < ARRAY_LEN(names);
         c = tree_walk(t->root, c))
        names[n++] = c->address;
    Str near = str_nearest(step, names, n);
    if (near.p)
        return arena_fmt(a, "no step `%.*s` in this run; did you mean `%.*s`?", STR_FMT(step),
                         STR_FMT(near));
    return arena_fmt(a, "no step `%.*s` in this run; `baton trace RUN` lists its steps",
                     STR_FMT(step));
}

#define MATCHES_SHOWN 8

int why_find(const History *h, const TraceTree *t, const Plan *plan, Str run, Str step, Arena *a,
             Why *ret, Str *ret_problem) {
    Why w = { 0 };
    TraceNode *found[MATCHES_SHOWN];
    size_t n = tree_match(t, step, found, MATCHES_SHOWN);
    w.step = n ? found[0]->step : plan ? plan_find(plan, step) : NULL;
    if (n > 1) {
        *ret_problem = list_matches(step, found, n, MIN(n, MATCHES_SHOWN), a);
        return WHY_E_UNKNOWN;
    }
    if (n == 0 && !w.step) {
        *ret_problem = list_steps(t, step, a);
        return WHY_E_UNKNOWN;
    }
    w.links = ARENA_ARRAY(a, WhyLink, LINKS_MAX + 1);
    w.waits = ARENA_ARRAY(a, Str, 32);
    w.remedies = ARENA_ARRAY(a, Str, 8);
    w.address = step;
    if (n == 1) {
        w.node = found[0];
        w.address = found[0]->address;
        w.status = found[0]->status;
        if (h->n > 0)
            follow(&w, h, w.address, a);
        explain_node(&w, t, w.node, run, a);
    } else {
        explain_unborn(&w, t, w.step, a);
    }
    *ret = w;
    return 0;
}
