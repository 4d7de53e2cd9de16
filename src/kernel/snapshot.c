/* Snapshots: the whole state of a run as bytes, so that replay never needs more than the tail.
 *
 *   'B' 'S' version | run | state cells | signals | frames, parents before children
 *
 * Frames carry their shape's number and what only that shape knows. Wants are not stored: each follows from its frame
 * (an attempt from a running call, a timer from its due time, a doubt from its status), so they cannot disagree with it; what
 * does not follow (due times, dispatching) is stored beside the frame. They are opened again in the stored order, which
 * keeps "oldest first". Bytes are never trusted: every read goes through the cursor and a bad one refuses the snapshot. */
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/message.h"
#include "kernel/people.h"
#include "kernel/play.h"
#include "kernel/step.h"
#include "kernel/undo.h"

#include <stdlib.h>

/* 2: whose outcomes are reused, and how many were.
 * 3: attempts of before a retry; what every attempt reserved, queues of held calls, what a paused run asks; what
 * people are asked and have said; what can be undone, and was.
 * 4: the rules by which it is derived; verbs that several steps play; events that came, messages that wait; what was told of
 * business keys; whose child a run is, and why one was asked to stop.
 * 5: what the other side calls an attempt that is under way.
 * 6: what a child asks its parent for, and what it was granted since.
 * 7: what sets said of their tools. */
#define SNAPSHOT_VERSION 7

/* ---- wants ---- */

static void number_wants(const Run *r) {
    uint32_t order = 0;
    for (Want *w = r->wants_first; w; w = w->next)
        w->order = ++order;
}

static void save_want(Buf *b, const Want *w) {
    buf_varint(b, w ? w->order : 0);
    if (!w)
        return;
    buf_u8(b, (uint8_t)w->kind);
    buf_u8(b, (uint8_t)w->purpose);
    bool handle = w->handle.len > 0;
    buf_u8(b, (uint8_t)(w->dispatching | w->stopping << 4 | w->unsent << 5 | handle << 6));
    buf_svarint(b, w->due_ms);
    if (handle)
        buf_blob(b, w->handle);
}

typedef struct LoadedWant {
    uint64_t order;
    Want *want;
} LoadedWant;
typedef struct Loader {
    Cursor c;
    uint8_t version;
    LoadedWant *wants;
    size_t n, room;
} Loader;

static Want *load_want(Run *r, Frame *f, Loader *l) {
    uint64_t order = cursor_varint(&l->c);
    if (order == 0 || l->c.bad)
        return NULL;
    uint8_t kind = cursor_u8(&l->c);
    if (kind < WANT_ATTEMPT || kind > WANT_DOUBT) {
        l->c.bad = true;
        return NULL;
    }
    Want *w = want_new(r, f, (WantKind)kind);
    w->purpose = (TimerPurpose)cursor_u8(&l->c);
    uint8_t flags = cursor_u8(&l->c); /* earlier versions kept more in its lower bits */
    w->dispatching = flags & 1;
    w->stopping = flags & 16 && l->version >= 3;
    w->unsent = flags & 32 && l->version >= 4;
    w->due_ms = cursor_svarint(&l->c);
    if (flags & 64 && l->version >= 5)
        w->handle = arena_str(&r->arena, cursor_blob(&l->c));
    if (l->n == l->room) {
        l->room = MAX(16u, l->room * 2);
        l->wants = xrealloc(l->wants, l->room * sizeof(*l->wants));
    }
    l->wants[l->n++] = (LoadedWant){ order, w };
    return w;
}

static int by_order(const void *a, const void *b) {
    uint64_t x = ((const LoadedWant *)a)->order, y = ((const LoadedWant *)b)->order;
    return (x > y) - (x < y);
}

static void order_wants(Run *r, Loader *l) {
    if (l->n == 0)
        return;
    qsort(l->wants, l->n, sizeof(*l->wants), by_order);
    r->wants_first = r->wants_last = NULL;
    for (size_t i = 0; i < l->n; i++) {
        Want *w = l->wants[i].want;
        w->prev = r->wants_last;
        w->next = NULL;
        *(r->wants_last ? &r->wants_last->next : &r->wants_first) = w;
        r->wants_last = w;
    }
    r->opened = r->wants_first;
}

/* With their keys, which nothing else tells. */
static void save_waits(Buf *b, const Play *p) {
    buf_varint(b, p->n_waits);
    for (uint32_t i = 0; i < p->n_waits; i++) {
        save_want(b, p->waits[i]);
        buf_blob(b, p->waits[i]->key);
    }
}

static void load_waits(Run *r, Frame *f, Loader *l) {
    for (uint64_t n = cursor_varint(&l->c); n > 0 && !l->c.bad; n--) {
        Want *w = load_want(r, f, l);
        Str key = cursor_blob(&l->c);
        bool known = w && (w->kind == WANT_TIMER || w->kind == WANT_SIGNAL);
        l->c.bad |= !known;
        if (!known)
            return;
        w->key = arena_str(&r->arena, key);
        play_wait(r, f, w);
    }
}

/* Of a frame whose shape is kept as `shape`. One without, that is not final, may have a deadline that runs (its gate is asked
 * first) or somebody who is asked (an undo that could not even begin). */
static void save_wants(Buf *b, const Frame *f, const Shape *shape) {
    save_want(b, f->timeout);
    if (f->budget) {
        save_want(b, *budget_timer((Frame *)f, TIMER_DEADLINE));
        save_want(b, *budget_timer((Frame *)f, TIMER_WORK));
    }
    if (shape == &shape_call)
        save_want(b, f->call->want);
    if (shape == &shape_call && f->call->hedge)
        save_want(b, f->call->hedge);
    if (shape && shape->plays)
        save_waits(b, f->play);
    if (shape == &shape_wait) {
        save_want(b, f->wait->timer);
        save_want(b, f->wait->signal);
    }
    if (shape == &shape_human) {
        save_want(b, f->human->want);
        save_want(b, f->human->deadline);
        save_want(b, f->human->remind);
        save_want(b, f->human->escalate);
    }
}

/* Earlier versions kept only the sums of budgets. */
static void reserve_again(Frame *f) {
    f->call->reserved = call_worst_case(f);
    budget_take_over(f, &f->call->reserved);
}

static void load_wants(Run *r, Frame *f, Loader *l) {
    f->timeout = load_want(r, f, l);
    if (f->budget) {
        *budget_timer(f, TIMER_DEADLINE) = load_want(r, f, l);
        *budget_timer(f, TIMER_WORK) = load_want(r, f, l);
    }
    if (f->shape == &shape_call) {
        CallState *c = f->call;
        c->want = load_want(r, f, l);
        c->hedge = c->hedge_kept ? load_want(r, f, l) : NULL;
        if (c->want && (c->want->kind == WANT_ATTEMPT || c->want->kind == WANT_CHILD))
            call_describe(c, c->want, c->open);
        if (c->want && c->want->kind == WANT_ATTEMPT && l->version < 3)
            reserve_again(f);
        if (hedge_open(c))
            call_describe(c, c->hedge, c->attempt);
    }
    if (f->shape && f->shape->plays)
        load_waits(r, f, l);
    if (f->shape == &shape_wait) {
        f->wait->timer = load_want(r, f, l);
        f->wait->signal = load_want(r, f, l);
        if (f->wait->signal)
            f->wait->signal->key = wait_key(r, f);
    }
    if (f->shape == &shape_human) {
        f->human->want = load_want(r, f, l);
        f->human->deadline = load_want(r, f, l);
        f->human->remind = load_want(r, f, l);
        f->human->escalate = load_want(r, f, l);
    }
}

/* ---- frames ---- */

static uint8_t shape_number(const Shape *shape) {
    for (uint8_t i = 0; shape && i < SHAPES_COUNT; i++)
        if (shapes[i] == shape)
            return (uint8_t)(i + 1);
    return 0;
}

static bool keeps_said(const Node *n) {
    return n->recalled || (n->fallback_of && n->fallback_of->recalled);
}

static void save_frame(Buf *b, const Run *r, const Frame *f) {
    uint32_t children = 0;
    for (const Frame *child = f->first; child; child = child->next)
        children++;
    buf_varint(b, f->node->no);
    buf_u8(b, f->part);
    buf_u8(b, f->layers);
    buf_u8(b, f->status);
    buf_u8(b,
           (uint8_t)(f->handling | f->handler_returned << 1 | f->tolerated << 2 | f->gating << 3 |
                     f->unhandled << 4 | f->abandoned << 5 | f->left << 6 | (f->fallen > 0) << 7));
    if (f->fallen)
        buf_u8(b, (uint8_t)(f->fallen << 1 | f->falling));
    buf_varint(b, f->a);
    buf_varint(b, f->b);
    buf_svarint(b, f->started_ms);
    buf_svarint(b, f->ended_ms);
    value_encode(b, f->with);
    value_encode(b, f->output);
    value_encode(b, f->detail);
    value_encode(b, f->error);
    if (keeps_said(f->node))
        value_encode(b, f->said);
    buf_svarint(b, f->tokens);
    buf_svarint(b, f->calls);
    buf_svarint(b, f->cost);
    buf_svarint(b, f->attempts);
    budget_save(f, b);
    gate_save(f, b);
    undo_save(f, b);
    /* What a final frame had inside is gone, and its shape's state not needed any more; but an undo sees what it saw. */
    bool kept = f->undos || f->loose;
    const Shape *shape = (status_final(f->status) && !kept) || f->withheld ? NULL : f->shape;
    buf_u8(b, shape_number(shape));
    if (shape && shape->save)
        shape->save(r, f, b);
    if (shape || !status_final(f->status))
        save_wants(b, f, shape);
    buf_varint(b, children);
    for (const Frame *child = f->first; child; child = child->next)
        save_frame(b, r, child);
}

static bool place(Frame *parent, Frame *f) {
    if (f->part != PART_STEP && f->part != PART_ROLE)
        return true;
    if (f->part == PART_ROLE && parent && parent->shape == &shape_agent)
        return f->node->is_role; /* sums up what the agent is told */
    if (parent && parent->shape && parent->shape->plays)
        return play_place(parent, f);
    if (!parent || f->part != PART_STEP || parent->shape != &shape_group ||
        f->node->parent != parent->node)
        return false;
    parent->group->steps[f->node->index] = f;
    return true;
}

static bool load_shape(Run *r, Frame *f, Loader *l) {
    uint8_t number = cursor_u8(&l->c);
    if (number > SHAPES_COUNT)
        return false;
    if (number == 0) {
        if (l->version >= 3 && !status_final(f->status))
            load_wants(r, f, l);
        return status_final(f->status) || f->status == STATUS_NEW || f->handling || f->gating ||
               f->fallen || undo_is_stuck(f);
    }
    f->shape = shapes[number - 1];
    if (!f->shape)
        return false;
    if ((f->shape == &shape_each && !f->node->for_) ||
        (f->shape == &shape_loop && !f->node->repeat) ||
        (f->shape == &shape_wait && !f->parent && !r->listens) ||
        (f->shape == &shape_agent &&
         (!f->node->callee || !callee_converses(f->node->callee->kind))))
        return false;
    if (f->shape->load)
        f->shape->load(r, f, &l->c);
    if (!l->c.bad)
        load_wants(r, f, l);
    return true;
}

static void load_undo(Run *r, Frame *f, Cursor *c) {
    undo_load(r, f, c);
    if (f->abandoned)
        undo_loosen(f, 1);
    if (f->part == PART_UNDO && f->parent)
        undo_loosen(f->parent, 1);
}

static Frame *load_frame(Run *r, Frame *parent, Loader *l, unsigned depth) {
    Cursor *c = &l->c;
    uint64_t no = cursor_varint(c);
    uint8_t part = cursor_u8(c), layers = cursor_u8(c), status = cursor_u8(c), flags = cursor_u8(c);
    if (c->bad || no >= r->plan->n_nodes || part > PART_LAST || status > STATUS_WAITING ||
        depth > 4 * LIMIT_FRAME_DEPTH) {
        c->bad = true;
        return NULL;
    }
    uint8_t fallen = flags & 128 ? cursor_u8(c) : 0;
    uint32_t a = (uint32_t)cursor_varint(c), b = (uint32_t)cursor_varint(c);
    if (fallen >> 1 > r->plan->nodes[no]->n_fallbacks) {
        c->bad = true;
        return NULL;
    }
    Frame *f = frame_new(r, parent, r->plan->nodes[no], (Part)part, a, b, layers);
    f->status = status;
    f->handling = flags & 1;
    f->handler_returned = flags & 2;
    f->tolerated = flags & 4;
    f->gating = flags & 8;
    f->unhandled = flags & 16;
    f->abandoned = flags & 32;
    f->left = flags & 64;
    f->falling = fallen & 1;
    f->fallen = fallen >> 1;
    f->started_ms = cursor_svarint(c);
    f->ended_ms = cursor_svarint(c);
    f->with = value_decode(c, &r->arena);
    f->output = value_decode(c, &r->arena);
    f->detail = value_decode(c, &r->arena);
    f->error = value_decode(c, &r->arena);
    f->said = keeps_said(f->node) ? value_decode(c, &r->arena) : VALUE_ABSENT;
    f->tokens = cursor_svarint(c);
    f->calls = cursor_svarint(c);
    f->cost = cursor_svarint(c);
    f->attempts = cursor_svarint(c) * !MUTANT(snapshot_forgets_attempts);
    budget_load(r, f, c, l->version);
    if (l->version >= 3)
        gate_load(r, f, c);
    if (l->version >= 3)
        load_undo(r, f, c);
    r->open_held += status == STATUS_HELD;
    if (!place(parent, f) || !load_shape(r, f, l))
        c->bad = true;
    uint64_t children = cursor_varint(c);
    for (uint64_t i = 0; i < children && !c->bad; i++)
        load_frame(r, f, l, depth + 1);
    return f;
}

/* ---- state, signals, the run ---- */

static void save_state(Buf *b, const Run *r) {
    for (size_t i = 0; i < r->plan->n_state; i++) {
        const StateCell *cell = &r->state[i];
        buf_varint(b, cell->n);
        for (uint32_t k = 0; k < cell->n; k++) {
            const StateWrite *w = &cell->writes[k];
            buf_varint(b, w->n_order);
            for (uint32_t o = 0; o < w->n_order; o++)
                buf_varint(b, w->order[o]);
            value_encode(b, w->value);
            buf_blob(b, w->writer);
            buf_blob(b, w->address);
            buf_svarint(b, w->at_ms);
        }
    }
}

static void load_write(Run *r, StateWrite *w, Cursor *c) {
    uint64_t n = cursor_varint(c);
    if (n > 4 * LIMIT_FRAME_DEPTH) {
        c->bad = true;
        return;
    }
    w->n_order = (uint32_t)n;
    w->order = ARENA_ARRAY(&r->arena, uint32_t, n);
    for (uint32_t o = 0; o < n; o++)
        w->order[o] = (uint32_t)cursor_varint(c);
    const char *from = c->p;
    w->value = value_decode(c, &r->arena);
    w->bytes = (size_t)(c->p - from);
    r->state_bytes += w->bytes;
    w->writer = arena_str(&r->arena, cursor_blob(c));
    w->address = r->loading >= 4 ? arena_str(&r->arena, cursor_blob(c)) : STR("");
    w->at_ms = r->loading >= 4 ? cursor_svarint(c) : 0;
}

static void load_state(Run *r, Cursor *c) {
    for (size_t i = 0; i < r->plan->n_state && !c->bad; i++) {
        StateCell *cell = &r->state[i];
        uint64_t n = cursor_varint(c);
        if (n > (uint64_t)(c->end - c->p)) {
            c->bad = true;
            return;
        }
        cell->n = cell->room = (uint32_t)n;
        cell->writes = ARENA_ARRAY(&r->arena, StateWrite, n);
        cell->dirty = true;
        for (uint32_t k = 0; k < n && !c->bad; k++)
            load_write(r, &cell->writes[k], c);
    }
}

static void save_signals(Buf *b, const Run *r) {
    uint32_t n = 0;
    for (const Signal *s = r->signals; s; s = s->next)
        n++;
    buf_varint(b, n);
    for (const Signal *s = r->signals; s; s = s->next)
        value_encode(b, s->value);
    buf_varint(b, r->n_signal_ids);
    for (uint32_t i = 0; i < r->n_signal_ids; i++)
        buf_varint(b, r->signal_ids[i]);
}

static void load_signals(Run *r, Cursor *c) {
    Signal **at = &r->signals;
    for (uint64_t n = cursor_varint(c); n > 0 && !c->bad; n--) {
        Signal *s = *at = ARENA_NEW(&r->arena, Signal);
        s->value = value_decode(c, &r->arena);
        Value name = value_getz(s->value, "name");
        if (name.type != V_STRING) {
            c->bad = true;
            return;
        }
        s->name = value_as_str(name);
        at = &s->next;
    }
    uint64_t ids = cursor_varint(c);
    if (ids > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        return;
    }
    r->n_signal_ids = r->room_signal_ids = (uint32_t)ids;
    r->signal_ids = xcalloc(MAX(1u, ids), sizeof(uint64_t));
    for (uint32_t i = 0; i < ids; i++)
        r->signal_ids[i] = cursor_varint(c);
}

static void save_counts(Buf *b, const RunCounts *n) {
    const int64_t fields[] = { n->steps_ok,    n->steps_total,  n->attempts,
                               n->model_calls, n->tokens,       n->cost_nano,
                               n->reused,      n->saved_tokens, n->saved_nano };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        buf_svarint(b, fields[i]);
}

static void load_counts(RunCounts *n, Loader *l) {
    int64_t *const fields[] = { &n->steps_ok,    &n->steps_total,  &n->attempts,
                                &n->model_calls, &n->tokens,       &n->cost_nano,
                                &n->reused,      &n->saved_tokens, &n->saved_nano };
    size_t known = l->version >= 2 ? ARRAY_LEN(fields) : 6;
    for (size_t i = 0; i < known; i++)
        *fields[i] = cursor_svarint(&l->c);
}

static void save_conditions(Buf *b, const Run *r) {
    uint32_t n = 0;
    for (const Condition *c = r->conditions; c; c = c->next)
        n++;
    buf_varint(b, n);
    for (const Condition *c = r->conditions; c; c = c->next) {
        buf_blob(b, c->address);
        buf_blob(b, c->words);
        buf_blob(b, c->from);
    }
}

static void load_conditions(Run *r, Cursor *c) {
    Condition **at = &r->conditions;
    for (uint64_t n = cursor_varint(c); n > 0 && !c->bad; n--) {
        Condition *one = *at = ARENA_NEW(&r->arena, Condition);
        one->address = arena_str(&r->arena, cursor_blob(c));
        one->words = arena_str(&r->arena, cursor_blob(c));
        one->from = arena_str(&r->arena, cursor_blob(c));
        at = &one->next;
    }
}

static void save_undone(Buf *b, const Run *r) {
    uint32_t n = 0;
    for (const UndoneStep *s = r->undone; s; s = s->next)
        n++;
    buf_u8(b, (uint8_t)r->ending);
    buf_varint(b, r->undo_order);
    buf_varint(b, n);
    for (const UndoneStep *s = r->undone; s; s = s->next) {
        buf_blob(b, s->address);
        buf_blob(b, s->callee);
        buf_blob(b, s->key);
        buf_varint(b, s->generation);
    }
}

static void load_undone(Run *r, Cursor *c) {
    UndoneStep **at = &r->undone;
    uint8_t ending = cursor_u8(c);
    if (ending > RUN_CANCELLED || (ending && ending < RUN_OK))
        c->bad = true;
    r->ending = (RunStatus)ending;
    r->undo_order = cursor_varint(c);
    for (uint64_t n = cursor_varint(c); n > 0 && !c->bad; n--) {
        UndoneStep *s = *at = ARENA_NEW(&r->arena, UndoneStep);
        s->address = arena_str(&r->arena, cursor_blob(c));
        s->callee = arena_str(&r->arena, cursor_blob(c));
        s->key = arena_str(&r->arena, cursor_blob(c));
        s->generation = (uint32_t)cursor_varint(c);
        at = &s->next;
    }
}

void run_save(const Run *r, Buf *b) {
    ASSERT(!r->ready_first);
    number_wants(r);
    buf_add(b, "BS", 2);
    buf_u8(b, SNAPSHOT_VERSION);
    buf_blob(b, r->id);
    buf_blob(b, r->dir);
    buf_blob(b, r->source);
    buf_blob(b, r->source_before);
    buf_varint(b, r->source_upto);
    retry_save(r, b);
    buf_varint(b, r->seed);
    buf_u8(b, (uint8_t)r->status);
    buf_svarint(b, r->started_ms);
    buf_svarint(b, r->time_ms);
    buf_svarint(b, r->ended_ms);
    buf_varint(b, r->facts);
    value_encode(b, r->input);
    value_encode(b, r->labels);
    value_encode(b, r->output);
    value_encode(b, r->error);
    save_counts(b, &r->counts);
    save_state(b, r);
    save_signals(b, r);
    buf_svarint(b, r->tickets);
    question_save(r, b);
    buf_blob(b, r->by);
    save_conditions(b, r);
    save_undone(b, r);
    buf_u8(b, (uint8_t)r->rules);
    events_save(r, b);
    inboxes_save(r, b);
    buf_u8(b, r->used_keys);
    buf_blob(b, r->past_text);
    buf_blob(b, r->caller_text);
    asked_save(r, b);
    value_encode(b, r->listed);
    save_frame(b, r, r->root);
}

static bool load_run(Run *r, Loader *l) {
    Cursor *c = &l->c;
    Str magic = cursor_bytes(c, 2);
    l->version = cursor_u8(c);
    if (c->bad || !str_is(magic, "BS") || l->version < 1 || l->version > SNAPSHOT_VERSION)
        return false;
    r->loading = l->version;
    r->id = arena_str(&r->arena, cursor_blob(c));
    r->dir = arena_str(&r->arena, cursor_blob(c));
    if (l->version >= 2) {
        r->source = arena_str(&r->arena, cursor_blob(c));
        r->source_before = arena_str(&r->arena, cursor_blob(c));
        r->source_upto = cursor_varint(c);
    }
    if (l->version >= 3)
        retry_load(r, c);
    r->seed = cursor_varint(c);
    uint8_t status = cursor_u8(c);
    if (status < RUN_RUNNING || status > RUN_CANCELLED)
        return false;
    r->status = (RunStatus)status;
    r->started_ms = cursor_svarint(c);
    r->time_ms = cursor_svarint(c);
    r->ended_ms = cursor_svarint(c);
    r->facts = cursor_varint(c);
    r->input = value_decode(c, &r->arena);
    r->labels = value_decode(c, &r->arena);
    r->output = value_decode(c, &r->arena);
    r->error = value_decode(c, &r->arena);
    load_counts(&r->counts, l);
    load_state(r, c);
    load_signals(r, c);
    if (l->version >= 3) {
        r->tickets = cursor_svarint(c);
        question_load(r, c);
        r->by = arena_str(&r->arena, cursor_blob(c));
        load_conditions(r, c);
        load_undone(r, c);
    }
    if (l->version >= 4) {
        r->rules = (Rules)cursor_u8(c);
        c->bad |= r->rules > RULES_NOW;
        events_load(r, c);
        inboxes_load(r, c);
        r->used_keys = cursor_u8(c) == 1;
        dispatch_past(r, cursor_blob(c));
    }
    if (l->version >= 4 && !caller_read(r, cursor_blob(c)))
        return false;
    if (l->version >= 6)
        asked_load(r, c);
    if (l->version >= 7)
        r->listed = value_decode(c, &r->arena);
    if (!c->bad)
        r->root = load_frame(r, NULL, l, 0);
    if (!c->bad)
        held_loaded(r);
    order_wants(r, l);
    return cursor_done(c);
}

int run_load(const Plan *plan, Str snapshot, Run **ret_run) {
    _cleanup_(run_freep)
    Run *r = run_blank(plan);
    Loader l = { .c = cursor_on(snapshot) };
    bool good = load_run(r, &l);
    free(l.wants);
    if (!good || run_check(r))
        return RUN_E_CORRUPT;
    *ret_run = TAKE(r);
    return 0;
}

Hash run_digest(const Run *r) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    run_save(r, &b);
    ASSERT(!buf_over(&b));
    Hash h = hash_bytes(buf_str(&b));
    buf_deinit(&b);
    return h;
}
