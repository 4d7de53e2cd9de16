/* 17: what is undone is what happened, all of it, in reverse. Told from the rows alone: when a step first wanted an attempt, how
 * it ended, when its undo began and ended. */
#include "sim.h"

#include "spec/plan.h"

typedef struct Past {                          /* of one step */
    Str address;                               /* without `:undo` */
    Str parent;                                /* what it stands in: group, loop */
    size_t registered, undo_began, undo_ended; /* numbers of moves, from 1; 0: never */
    bool ok, happened, undone;
} Past;

typedef struct Pasts {
    Past *items;
    size_t n, room, moves;
    bool retried; /* by a person: what failed then is registered again when it is wanted again */
    Arena *a;
} Pasts;

static Past *past_of(Pasts *p, Str address) {
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->items[i].address, address))
            return &p->items[i];
    if (p->n == p->room) {
        Past *more = ARENA_ARRAY(p->a, Past, p->room ? p->room * 2 : 64);
        if (p->n)
            memcpy(more, p->items, p->n * sizeof *more);
        p->items = more;
        p->room = p->room ? p->room * 2 : 64;
    }
    size_t cut = address.len;
    while (cut > 0 && !strchr("/[~", address.p[cut - 1]))
        cut--;
    p->items[p->n] = (Past){ .address = address, .parent = str_slice(address, 0, cut) };
    return &p->items[p->n++];
}

/* "t1/t2:undo~2" is the undo of "t1/t2". False for what is none, and for what stands in one. */
static bool cut_undo(Str *address) {
    ptrdiff_t at = str_find(*address, STR(":undo"));
    bool whole = at >= 0 && str_find(str_slice(*address, (size_t)at, address->len), STR("/")) < 0;
    if (whole)
        *address = str_slice(*address, 0, (size_t)at);
    return whole;
}

/* "t1/t2:probe" hangs below a step; "t1/t2:3" is one, come to for the third time. */
static bool is_means(Str address) {
    for (size_t i = 0; i + 1 < address.len; i++)
        if (address.p[i] == ':' && address.p[i + 1] >= 'a')
            return true;
    return false;
}

static void take_move(Pasts *p, const Move *m) {
    Str address = m->address;
    bool undo = cut_undo(&address);
    size_t now = ++p->moves;
    if (!undo && is_means(address))
        return;
    Past *past = past_of(p, address);
    if (!undo) {
        past->registered = past->registered ? past->registered : m->attempt ? now : 0;
        past->ok |= m->to == STATUS_OK;
        return;
    }
    past->undo_began = past->undo_began ? past->undo_began : now;
    if (m->to == STATUS_OK) {
        past->undo_ended = now;
        past->undone = true;
    }
}

static bool says_done(const Fact *f, Str *address) {
    ptrdiff_t probe = str_find(f->address, STR(":probe"));
    bool ok = f->kind == FACT_FINISHED && f->outcome == OUTCOME_OK && !f->reused;
    *address = probe < 0 ? f->address : str_slice(f->address, 0, (size_t)probe);
    if (probe >= 0)
        return ok && str_find(f->payload, STR("true")) >= 0;
    return ok ||
           (f->kind == FACT_DECISION && (f->verb == DECISION_DONE || f->verb == DECISION_UNDO));
}

static bool is_retry(const Fact *f) { return f->kind == FACT_CONTROL && f->verb == CONTROL_RETRY; }

/* What was undone counts as not done. */
static void begin_anew(Pasts *p) {
    p->retried = true;
    for (size_t i = 0; i < p->n; i++)
        p->items[i].happened &= !p->items[i].undone;
    for (size_t i = 0; i < p->n; i++)
        p->items[i].undone = false;
}

static bool is_within(Str address, Str top) {
    return str_starts(address, top) &&
           (address.len == top.len || strchr("/[~.:", address.p[top.len]));
}

bool undone_and_retried(const History *h, Str address) {
    bool undone = false, retried = false;
    for (size_t i = 0; i < h->stored.n_rows; i++) {
        const Row *row = &h->rows[i];
        size_t m = 0;
        for (size_t f = 0; f < row->n_facts; f++) {
            const Fact *fact = &row->facts[f].fact;
            retried |= undone && is_retry(fact);
            if (fact->kind == FACT_FINISHED && fact->outcome == OUTCOME_OK &&
                str_eq(fact->address, address))
                undone = retried = false;
            for (; m < row->n_moves && row->moves[m].cause == f; m++) {
                Str of = row->moves[m].address;
                undone |= row->moves[m].to == STATUS_OK && cut_undo(&of) && is_within(address, of);
            }
        }
    }
    return undone && retried;
}

static void read_past(Pasts *p, const History *h) {
    for (size_t i = 0; i < h->stored.n_rows; i++) {
        const Row *row = &h->rows[i];
        for (size_t f = 0; f < row->n_facts; f++) {
            Str address;
            const Fact *fact = &row->facts[f].fact;
            if (is_retry(fact))
                begin_anew(p);
            if (says_done(fact, &address) && !is_means(address))
                past_of(p, address)->happened = true;
        }
        for (size_t m = 0; m < row->n_moves; m++)
            take_move(p, &row->moves[m]);
    }
}

/* Two that ended ok side by side are undone by one and the same, whoever that is. */
static void in_reverse(World *w, const SimRun *run, const Past *a, const Past *b) {
    bool both = a->ok && b->ok && a->undo_began && b->undo_began && str_eq(a->parent, b->parent);
    if (!both || a->registered >= b->registered)
        return;
    if (!b->undo_ended || b->undo_ended > a->undo_began)
        world_fail(w, "17: %.*s undoes %.*s before %.*s, which came after it", STR_FMT(run->id),
                   STR_FMT(a->address), STR_FMT(b->address));
}

void oracle_undo(World *w, const SimRun *run, const History *h, const Plan *plan, bool ended_ok,
                 Arena *a) {
    Pasts p = { .a = a };
    bool any_order = str_find(run->workflow, STR("commute")) >= 0;
    read_past(&p, h);
    for (size_t i = 0; i < p.n; i++) {
        const Past *past = &p.items[i];
        const struct Node *node = oracle_node(plan, past->address);
        bool has_undo = node && node->undo && past->registered;
        w->coverage->marks[MARK_UNDONE] += past->undone;
        if (past->undo_began && !has_undo)
            world_fail(w, "17: %.*s undoes %.*s, which has no undo or was not begun",
                       STR_FMT(run->id), STR_FMT(past->address));
        if (has_undo && past->happened && !ended_ok && !past->undone)
            world_fail(w, "17: %.*s ended and what %.*s did was not undone", STR_FMT(run->id),
                       STR_FMT(past->address));
        for (size_t k = 0; k < p.n && !any_order && !p.retried; k++)
            in_reverse(w, run, past, &p.items[k]);
    }
}
