/* Building the tree. A row holds facts, then the moves they caused; they are taken interleaved (fact 0, its moves, fact 1,
 * ...) because one row may open an attempt and end it. */
#include "trace/tree.h"

#include <stdlib.h>

#define SLOTS_FIRST 64 /* a typical run's steps; doubled when half full */

TraceTree *tree_new(const Plan *plan) {
    TraceTree *t = xcalloc(1, sizeof *t);
    arena_init(&t->arena, 0);
    t->plan = plan;
    t->n_slots = SLOTS_FIRST;
    t->slots = xcalloc(t->n_slots, sizeof(TraceNode *));
    t->root = ARENA_NEW(&t->arena, TraceNode);
    t->root->address = t->root->label = STR("");
    t->root->step = plan ? plan->root : NULL;
    return t;
}

TraceTree *tree_free(TraceTree *t) {
    for (TraceTree *its = t ? t->grafts : NULL, *next; its; its = next) {
        next = its->graft_next;
        tree_free(its);
    }
    if (t) {
        free(t->slots);
        arena_deinit(&t->arena);
        free(t);
    }
    return NULL;
}

/* ---- nodes by address */

static size_t slot_of(const TraceTree *t, Str address) {
    return (size_t)hash_fast(address, 0) & (t->n_slots - 1);
}

TraceNode *tree_find(const TraceTree *t, Str address) {
    if (address.len == 0)
        return t->root;
    TraceNode *n = t->slots[slot_of(t, address)];
    while (n && !str_eq(n->address, address))
        n = n->same_hash;
    return n;
}

static void insert_slot(TraceTree *t, TraceNode *n) {
    size_t at = slot_of(t, n->address);
    n->same_hash = t->slots[at];
    t->slots[at] = n;
}

static void grow_slots(TraceTree *t) {
    TraceNode **old = t->slots;
    size_t n_old = t->n_slots;
    t->n_slots *= 2;
    t->slots = xcalloc(t->n_slots, sizeof(TraceNode *));
    for (size_t i = 0; i < n_old; i++) {
        for (TraceNode *n = old[i], *next; n; n = next) {
            next = n->same_hash;
            insert_slot(t, n);
        }
    }
    free(old);
}

static bool parts_here(char c) { return c && strchr("./[~@:", c); }

/* "~2" of ":fallback~2": beside the first, not below it. */
static bool counts_hanging(Str address, size_t n) {
    if (address.p[n] != '~')
        return false;
    while (n-- > 0 && address.p[n] >= 'a' && address.p[n] <= 'z') {
    }
    return n < address.len && address.p[n] == ':';
}

static TraceNode *find_parent(const TraceTree *t, Str address) {
    for (size_t n = address.len; n-- > 1;) {
        if (!parts_here(address.p[n]) || counts_hanging(address, n))
            continue;
        TraceNode *parent = tree_find(t, str_slice(address, 0, n));
        if (parent)
            return parent;
    }
    return t->root;
}

static Str label_under(Str address, const TraceNode *parent) {
    size_t skip = parent->address.len;
    if (skip && skip < address.len && (address.p[skip] == '.' || address.p[skip] == '/'))
        skip++;
    return str_slice(address, skip, address.len);
}

static TraceKind kind_of_step(const Node *step) {
    if (!step || step->for_)
        return TRACE_GROUP;
    if (step->verb == VERB_WAIT)
        return step->signal.len || step->n_events ? TRACE_SIGNAL : TRACE_TIMER;
    if (step->verb == VERB_RECEIVE)
        return TRACE_SIGNAL;
    if (step->verb != VERB_INVOKE || !step->callee)
        return TRACE_GROUP;
    return callee_converses(step->callee->kind) ? TRACE_MODEL : TRACE_TOOL;
}

/* An item of a loop is of the kind of what the loop does, the loop itself is a group. */
static TraceKind kind_of(const Node *step, Str address) {
    unsigned depth = address_turn_depth(address);
    if (depth)
        return depth == 1 ? TRACE_MODEL : TRACE_TOOL;
    bool item = address.len &&
                (address.p[address.len - 1] == ']' || memchr(address.p, '~', address.len));
    if (step && item) {
        Node bare = *step;
        bare.for_ = NULL;
        return kind_of_step(&bare);
    }
    return kind_of_step(step);
}

static void append(TraceNode *parent, TraceNode *n) {
    n->parent = parent;
    *(parent->last ? &parent->last->next : &parent->first) = n;
    parent->last = n;
}

static TraceNode *add_node(TraceTree *t, Str address) {
    if (t->n_nodes * 2 >= t->n_slots)
        grow_slots(t);
    TraceNode *n = ARENA_NEW(&t->arena, TraceNode);
    n->address = arena_str(&t->arena, address);
    n->parent = find_parent(t, n->address);
    n->label = label_under(n->address, n->parent);
    n->step = address_step(t->plan, n->address, &t->arena);
    n->kind = kind_of(n->step, n->address);
    append(n->parent, n);
    insert_slot(t, n);
    t->n_nodes++;
    return n;
}

static TraceNode *node_at(TraceTree *t, Str address) {
    TraceNode *n = tree_find(t, address);
    return n ? n : add_node(t, address);
}

/* ---- facts */

static size_t *count_of(TraceTree *t, const TraceNode *n) {
    const Callee *c = n->step ? n->step->callee : NULL;
    return c && c->kind == CALLEE_CALL ? &t->children : &t->in_flight;
}

static TraceAttempt *attempt_numbered(TraceTree *t, TraceNode *n, uint32_t number) {
    for (size_t i = n->n_attempts; i-- > 0;) {
        if (n->attempts[i].number == number)
            return &n->attempts[i];
    }
    if (n->n_attempts == n->room_attempts) {
        n->room_attempts = n->room_attempts ? n->room_attempts * 2 : 1;
        TraceAttempt *more = ARENA_ARRAY(&t->arena, TraceAttempt, n->room_attempts);
        if (n->n_attempts)
            memcpy(more, n->attempts, n->n_attempts * sizeof *more);
        n->attempts = more;
    }
    TraceAttempt *a = &n->attempts[n->n_attempts++];
    *a = (TraceAttempt){ .number = number, .opened_ms = t->time_ms };
    ++*count_of(t, n);
    return a;
}

static void end_attempt(TraceTree *t, const TraceNode *n, TraceAttempt *a) {
    if (a->ended_ms == 0)
        --*count_of(t, n);
    a->ended_ms = t->time_ms;
}

static void take_finished(TraceTree *t, const Fact *f) {
    TraceNode *n = node_at(t, f->address);
    TraceAttempt *a = attempt_numbered(t, n, f->attempt);
    end_attempt(t, n, a);
    a->outcome = f->outcome;
    a->sent = f->sent;
    a->error_kind = arena_str(&t->arena, f->error_kind);
    a->message = arena_str(&t->arena, f->message);
    a->queued_us = f->queued_us;
    a->took_us = f->took_us;
    a->usage = f->usage;
    a->reused = f->reused;
    if (n->kind == TRACE_GROUP)
        n->kind = f->usage.tokens_in || f->usage.tokens_out ? TRACE_MODEL : TRACE_TOOL;
}

/* What was in flight in the engine that was lost ended there, and nobody knows how; moves that follow say what becomes of
 * it. */
static bool is_governed(const Callee *c) {
    bool governed = c->governed;
    for (size_t i = 0; c->kind == CALLEE_MODEL && i < c->n_models; i++)
        governed |= c->servers[i] &&
                    (c->servers[i]->governed || server_model_governed(c->servers[i], c->models[i]));
    return governed;
}

static bool in_line(const TraceNode *n, const TraceAttempt *a) {
    return !a->ended_ms && !a->dispatched && n->step && n->step->callee &&
           is_governed(n->step->callee) && n->step->effect != EFFECT_PURE;
}

bool node_in_line(const TraceNode *n) { return n->n_attempts && in_line(n, node_attempt(n)); }

void tree_hold(TraceTree *t, Str address, Str what, int64_t since_ms) {
    TraceNode *n = tree_find(t, address);
    if (!n)
        return;
    n->held = arena_str(&t->arena, what);
    n->held_since_ms = since_ms;
}

static void lose_attempt(TraceTree *t, const TraceNode *n, TraceAttempt *a) {
    if (a->ended_ms || in_line(n, a))
        return;
    if (a->unsent) {
        a->unsent = t->paused;
        return;
    }
    end_attempt(t, n, a);
    a->outcome = OUTCOME_UNKNOWN;
    a->sent = SENT_MAYBE;
    a->error_kind = STR("crashed");
    a->message = STR("the engine was lost while it ran");
    a->took_us = (a->ended_ms - a->opened_ms) * 1000;
}

static void take_recovered(TraceTree *t) {
    t->recoveries++;
    for (TraceNode *n = t->root; n; n = tree_walk(t->root, n))
        for (size_t i = 0; i < n->n_attempts; i++)
            lose_attempt(t, n, &n->attempts[i]);
}

static void take_control(TraceTree *t, const Fact *f) {
    if (f->verb == CONTROL_PAUSE) {
        t->paused = true;
        t->paused_by = arena_str(&t->arena, f->from);
        t->pause_reason = arena_str(&t->arena, f->message);
        t->pause_raise = STR("");
    } else if (f->verb == CONTROL_RESUME) {
        t->paused = false;
        for (TraceNode *n = t->root; n; n = tree_walk(t->root, n))
            for (size_t i = 0; i < n->n_attempts; i++)
                n->attempts[i].unsent = false;
    } else if (f->verb == 0) {
        /* a person resumed what had been parked */
        bool cleared = str_is(f->message, "tried again");
        t->note = cleared ? STR_NULL : arena_str(&t->arena, f->message);
    }
}

/* Nobody waited for it any more, but what it used was used. */
static void take_late(TraceTree *t, const Fact *f) {
    TraceNode *n = tree_find(t, f->address);
    for (size_t i = 0; n && i < n->n_attempts; i++)
        if (n->attempts[i].number == f->attempt && !n->attempts[i].usage.tokens_in)
            n->attempts[i].usage = f->usage;
}

static void take_fact(TraceTree *t, const Fact *f) {
    if (f->time_ms > t->time_ms)
        t->time_ms = f->time_ms;
    switch (f->kind) {
    case FACT_ACCEPTED:
        t->accepted_ms = f->time_ms;
        t->workflow = arena_str(&t->arena, f->name);
        t->source = arena_str(&t->arena, f->from);
        if (t->root->start_ms == 0)
            t->root->start_ms = f->time_ms;
        break;
    case FACT_DISPATCHING:
        attempt_numbered(t, node_at(t, f->address), f->attempt)->dispatched = true;
        break;
    case FACT_CHILD:
    case FACT_FINISHED: take_finished(t, f); break;
    case FACT_RECOVERED: take_recovered(t); break;
    case FACT_CONTROL: take_control(t, f); break;
    case FACT_PROGRESS:
        if (str_is(f->name, "unsent"))
            attempt_numbered(t, node_at(t, f->address), f->attempt)->unsent = true;
        else if (str_is(f->name, "late"))
            take_late(t, f);
        break;
    case FACT_TIMER:
    case FACT_SIGNAL:
    case FACT_EVENT:
    case FACT_DECISION:
    case FACT_MAIL:
    case FACT_MIGRATED: break; /* what they did is in the moves */
    }
}

/* ---- moves */

static void add_span(TraceTree *t, TraceNode *n, Status status) {
    if (n->n_spans == n->room_spans) {
        n->room_spans = n->room_spans ? n->room_spans * 2 : 2;
        TraceSpan *more = ARENA_ARRAY(&t->arena, TraceSpan, n->room_spans);
        if (n->n_spans)
            memcpy(more, n->spans, n->n_spans * sizeof *more);
        n->spans = more;
    }
    n->spans[n->n_spans++] = (TraceSpan){ status, t->time_ms };
}

/* A cancelled frame may leave an attempt open whose end is of no interest any more; so may a good end the other of two. */
static void close_attempts(TraceTree *t, TraceNode *n) {
    for (size_t i = 0; i < n->n_attempts; i++) {
        TraceAttempt *a = &n->attempts[i];
        if (a->ended_ms)
            continue;
        bool waited = in_line(n, a);
        end_attempt(t, n, a);
        a->took_us = waited ? 0 : (a->ended_ms - a->opened_ms) * 1000;
    }
}

/* A limit that pauses is no fact of its own: the run's own move tells. */
static void take_pause(TraceTree *t, const Move *m) {
    Str mark = STR("paused: ");
    if (m->address.len || !str_starts(m->choice, mark))
        return;
    t->paused = true;
    t->paused_by = STR("");
    Str reason = str_slice(m->choice, mark.len, m->choice.len);
    ptrdiff_t raise = str_find(reason, STR("; raise "));
    t->pause_reason =
        arena_str(&t->arena, raise < 0 ? reason : str_slice(reason, 0, (size_t)raise));
    t->pause_raise = raise < 0
                         ? STR("")
                         : arena_str(&t->arena, str_slice(reason, (size_t)raise + 8, reason.len));
}

/* "after plan; run r1.x7k2": its last words. */
static Str run_called(const TraceTree *t, const TraceNode *n) {
    Str why = n->choice, mark = STR("run ");
    size_t at = why.len;
    if (count_of((TraceTree *)t, n) != &t->children)
        return STR("");
    while (at > 0 && why.p[at - 1] != ' ')
        at--;
    return str_ends(str_slice(why, 0, at), mark) ? str_slice(why, at, why.len) : STR("");
}

static void take_move(TraceTree *t, const Move *m) {
    take_pause(t, m);
    TraceNode *n = node_at(t, m->address);
    if (n->status != m->to || n->n_spans == 0)
        add_span(t, n, m->to);
    n->status = m->to;
    n->choice = arena_str(&t->arena, m->choice);
    if (m->from == STATUS_NEW) {
        n->start_choice = n->choice;
        n->start_ms = t->time_ms;
    }
    if (m->attempt)
        attempt_numbered(t, n, m->attempt)->run = run_called(t, n);
    if (status_final(m->to)) {
        n->end_ms = t->time_ms;
        close_attempts(t, n);
    } else {
        n->end_ms = 0;
    }
}

void tree_graft(TraceTree *t, TraceNode *call, TraceAttempt *attempt, TraceTree *its) {
    its->graft_next = t->grafts;
    t->grafts = its;
    its->root->run = attempt->run;
    its->root->label = arena_fmt(&its->arena, "run %.*s", STR_FMT(attempt->run));
    append(call, its->root);
    attempt->grafted = true;
}

void tree_take(TraceTree *t, uint64_t seq, const Row *row) {
    if (seq <= t->seq)
        return;
    t->seq = seq;
    size_t m = 0;
    for (size_t i = 0; i < row->n_facts; i++) {
        take_fact(t, &row->facts[i].fact);
        for (; m < row->n_moves && row->moves[m].cause <= i; m++)
            take_move(t, &row->moves[m]);
    }
}

/* ---- looking */

TraceNode *tree_walk(const TraceNode *top, const TraceNode *n) {
    if (n->first)
        return n->first;
    while (n != top && !n->next)
        n = n->parent;
    return n == top ? NULL : n->next;
}

static bool ends_with_parts(Str address, Str text) {
    if (!str_ends(address, text) || address.len == text.len)
        return str_eq(address, text);
    char before = address.p[address.len - text.len - 1];
    return before == '.' || before == '/';
}

size_t tree_match(const TraceTree *t, Str text, TraceNode **ret, size_t max) {
    TraceNode *exact = tree_find(t, text);
    if (exact) {
        if (max)
            ret[0] = exact;
        return 1;
    }
    size_t found = 0;
    for (TraceNode *n = tree_walk(t->root, t->root); n; n = tree_walk(t->root, n)) {
        if (!ends_with_parts(n->address, text))
            continue;
        if (found < max)
            ret[found] = n;
        found++;
    }
    return found;
}
