/* Undo: what ends failed or cancelled takes back what it did.
 *
 *   first attempt wanted --> registered --ok, resolved as done--> happened --its group ends ok--> the group's, and so on up
 *                                \ surely not done                    \ failed or cancelled       root ok: dropped
 *                                 +--> dropped                         +--> :undo --ok--> undone
 *
 * A step that ends failed or cancelled begins to unwind: it waits until nothing at it and below is in flight or unclear any
 * more, then runs the undos of what happened there in strict reverse order of registration, one at a time (`commute: true`:
 * all at once). Then its failure goes on, to on_error and to its parent. Where a step and one around it unwind, the outer
 * one does it all, in one order.
 *
 * The undo is a step like any other below the frame it takes back, which is kept for that long with all it stands in, so
 * that it sees what that step saw. It is not cancelled, has a key of its own (its address ends in `:undo`), and is not undone
 * itself. When it has failed for good it does not end: it is stuck, in doubt until a person says what to do. */
#include "kernel/call.h"
#include "kernel/step.h"
#include "kernel/undo.h"

/* About 24 minutes; then somebody should look. */
const Retry undo_retry = {
    .times = 12, .delay_ms = 1000, .max_delay_ms = 300000, .factor = 2.0, .declared = true
};

bool undo_inside(const Frame *f) {
    while (f && f->part != PART_PROBE && f->part != PART_UNDO)
        f = f->parent;
    return f != NULL;
}

bool undo_is_free_of(const Frame *f, const Frame *limited) {
    return undo_inside(f) && !undo_inside(limited);
}

/* The step's own word wins over its callee's. */
static const Node *node_of(const Frame *f) {
    bool own = f->layers & LAYER_ONCE;
    const Callee *callee = f->shape == &shape_call ? f->call->callee : own ? f->node->callee : NULL;
    return own && f->node->undo                             ? f->node->undo
           : callee && callee->undo && f->part != PART_TURN ? *callee->undo
                                                            : NULL;
}

bool undo_is_known(const Frame *f) { return node_of(f) != NULL; }

/* ---- the list -------------------------------------------------------------------------------------------------------- */

static void count(Frame *f, int change) {
    for (; f; f = f->parent)
        f->undos += (uint32_t)change;
}

/* Mostly the newest; of a run that is loaded, in any order. */
static void link_undo(Run *r, Undo *u) {
    Undo *before = r->undos_last;
    while (before && before->order > u->order)
        before = before->prev;
    u->prev = before;
    u->next = before ? before->next : r->undos_first;
    *(before ? &before->next : &r->undos_first) = u;
    *(u->next ? &u->next->prev : &r->undos_last) = u;
    count(u->frame, 1);
}

void undo_register(Run *r, Frame *f) {
    if (!node_of(f) || undo_inside(f))
        return;
    Undo *u = f->undo = ARENA_NEW(&r->arena, Undo);
    u->frame = f;
    u->order = ++r->undo_order;
    link_undo(r, u);
}

void undo_happened(Frame *f) {
    if (f->undo)
        f->undo->happened = true;
}

/* The outermost of f and what is around it that unwinds. */
static Frame *unwinding(Frame *f) {
    Frame *found = NULL;
    for (; f; f = f->parent)
        if (f->unwind)
            found = f;
    return found;
}

/* What was kept for an undo only, inside of what has ended long ago, goes; and so does what its parent let go of. Who unwinds
 * itself, and somebody around it too, has nothing left to do then. */
static void tidy(Run *r, Frame *f) {
    const Frame *top = unwinding(f);
    while (f && f != top && !f->undos && !f->loose && status_final(f->status)) {
        Frame *parent = f->parent;
        f->unwind = NULL;
        while (f->first)
            frame_release(r, f->first);
        if (f->left)
            frame_release(r, f);
        f = parent;
    }
}

static void unlink_undo(Run *r, Undo *u) {
    *(u->prev ? &u->prev->next : &r->undos_first) = u->next;
    *(u->next ? &u->next->prev : &r->undos_last) = u->prev;
    count(u->frame, -1);
    u->frame->undo = NULL;
}

void undo_drop(Run *r, Frame *f) {
    if (!f->undo)
        return;
    unlink_undo(r, f->undo);
    tidy(r, f);
}

static bool is_below(const Frame *f, const Frame *top) {
    while (f && f != top)
        f = f->parent;
    return f != NULL;
}

void undo_hand_over(Run *r, Frame *f) {
    if (f->shape == &shape_call || !(f == r->root || f->undo) || !f->undos)
        return;
    for (Undo *u = r->undos_last, *before; u; u = before) {
        before = u->prev;
        if (u->frame != f && is_below(u->frame, f) && !unwinding(u->frame))
            undo_drop(r, u->frame);
    }
    undo_happened(f);
}

void undo_forget_inside(Run *r, Frame *f) {
    for (Undo *u = r->undos_last, *before; u; u = before) {
        before = u->prev;
        if (u->frame != f && is_below(u->frame, f))
            unlink_undo(r, u);
    }
    undo_loosen(f, -(int)f->loose);
}

void undo_loosen(Frame *f, int change) {
    for (; f; f = f->parent)
        f->loose += (uint32_t)change;
}

/* ---- unwinding ------------------------------------------------------------------------------------------------------- */

static void start(Run *r, Undo *u) {
    Frame *f = u->frame;
    const Node *node = node_of(f);
    u->round++;
    key_undo_begins(r, f);
    undo_loosen(f, 1);
    frame_ready(r, frame_new(r, f, node, PART_UNDO, u->round, 0, step_layers(node)));
}

static Value names_of_undone(Run *r, const Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    for (uint32_t i = 0; f->detail.type == V_MAP && i < f->detail.len; i++)
        map_add(&m, value_entry(f->detail, i).key, value_entry(f->detail, i).value);
    map_addz(&m, "undone", list_done(&f->unwind->undone));
    return map_done(&m, NULL);
}

/* The shape asked for it, and goes on. */
static void rolled_back(Run *r, Frame *f) {
    Value undone = list_done(&f->unwind->undone);
    f->unwind = NULL;
    if (status_final(f->status))
        tidy(r, f);
    else
        f->shape->rolled_back(r, f, undone);
}

static void over(Run *r, Frame *f) {
    if (f->unwind->goes_on) {
        rolled_back(r, f);
        return;
    }
    if (f->unwind->undone.n)
        f->detail = names_of_undone(r, f);
    f->unwind = NULL;
    if (f == r->root && r->ending)
        run_settle(r);
    else if (!status_final(f->status))
        frame_unwound(r, f);
    else
        tidy(r, f);
}

static Undo *next_of(const Run *r, const Frame *f) {
    Undo *u = MUTANT(undo_forward) ? r->undos_first : r->undos_last;
    while (u && (!is_below(u->frame, f) || u->order <= f->unwind->since))
        u = MUTANT(undo_forward) ? u->next : u->prev;
    return u;
}

static void unwind_all_at_once(Run *r, Frame *f) {
    for (Undo *u = r->undos_last; u; u = u->prev)
        if (is_below(u->frame, f) && u->order > f->unwind->since)
            start(r, u);
}

static void go_on(Run *r, Frame *f) {
    Undo *u = next_of(r, f);
    if (f->loose && !(MUTANT(undo_before_quiet) && u && u->happened && u->round == 0))
        return;
    if (!u)
        over(r, f);
    else if (f->node->commute)
        unwind_all_at_once(r, f);
    else
        start(r, u);
}

static Unwind *unwind_of(Run *r, Frame *f) {
    if (!f->unwind) {
        f->unwind = ARENA_NEW(&r->arena, Unwind);
        f->unwind->undone = list_builder(&r->arena);
    }
    return f->unwind;
}

bool undo_begin(Run *r, Frame *f) {
    if (!f->undos)
        return false;
    unwind_of(r, f)->since = 0; /* also where only a part of it was to be undone */
    f->unwind->goes_on = false;
    if (unwinding(f) == f)
        go_on(r, f);
    return true;
}

bool undo_since(Run *r, Frame *f, uint64_t since) {
    const Undo *u = r->undos_last;
    while (u && (u->order <= since || !is_below(u->frame, f)))
        u = u->prev;
    if (!u)
        return false;
    unwind_of(r, f)->since = since;
    f->unwind->goes_on = true;
    go_on(r, f);
    return true;
}

void undo_go_on(Run *r, Frame *f) {
    Frame *top = unwinding(f);
    tidy(r, f);
    if (top)
        go_on(r, top);
    run_settle(r);
}

/* ---- one undo -------------------------------------------------------------------------------------------------------- */

/* An effect that is made again after it was undone is another one: its business key gets the next generation. */
static void note_undone(Run *r, Frame *f) {
    UndoneStep *s = ARENA_NEW(&r->arena, UndoneStep);
    *s = (UndoneStep){
        .address = frame_address(f, &r->arena), .callee = STR(""), .key = STR(""), .next = r->undone
    };
    if (f->shape == &shape_call && f->call->key.len) {
        s->callee = f->call->callee->name;
        s->key = f->call->key;
        s->generation = f->call->generation;
    }
    r->undone = s;
    Frame *top = unwinding(f);
    if (top)
        list_add(&top->unwind->undone, value_str(s->address));
}

uint32_t undo_generation(const Run *r, Str callee, Str key) {
    uint32_t next = 0;
    for (const UndoneStep *s = key.len ? r->undone : NULL; s; s = s->next)
        if (str_eq(s->key, key) && str_eq(s->callee, callee))
            next = MAX(next, s->generation + 1);
    return MUTANT(undone_keeps_key) ? 0 : next;
}

void undo_ended(Run *r, Frame *f, Frame *step) {
    key_undo_ended(r, f, step->status == STATUS_OK);
    if (step->status == STATUS_OK)
        note_undone(r, f);
    frame_release(r, step);
    unlink_undo(r, f->undo);
    undo_loosen(f, -1);
    undo_go_on(r, f);
}

bool undo_takes_back(const Run *r, Str address) {
    char room[512];
    for (const UndoneStep *s = r->undone; s; s = s->next)
        if (str_eq(s->address, address))
            return true;
    for (const Undo *u = r->undos_last; u; u = u->prev) {
        Buf b = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
        const Frame *top = unwinding(u->frame);
        if (!top || u->order <= top->unwind->since)
            continue;
        frame_write_address(&b, u->frame);
        if (str_eq(buf_str(&b), address))
            return true;
    }
    return false;
}

bool undo_is_stuck(const Frame *f) {
    return f->part == PART_UNDO && f->status == STATUS_IN_DOUBT && f->timeout;
}

/* What a person has given up, or the file takes as it is, is given up. */
bool undo_stuck(Run *r, Frame *step, Value error) {
    Str kind = value_as_str(value_getz(error, "kind"));
    if (step->part != PART_UNDO || step->tolerated || str_is(kind, "in_doubt"))
        return false;
    step->error = error;
    frame_movef(r, step, STATUS_IN_DOUBT, "undo stuck: %.*s", STR_FMT(kind));
    step->timeout = doubt_open(r, step);
    return true;
}

static void once_more(Run *r, Frame *step, Str by) {
    Frame *f = step->parent;
    frame_movef(r, step, STATUS_FAILED, "tried again, by %.*s", STR_FMT(by));
    frame_release(r, step);
    undo_loosen(f, -1);
    start(r, f->undo);
}

void undo_decided(Run *r, Frame *step, const Fact *fact) {
    want_close(r, step->timeout);
    step->timeout = NULL;
    if (fact->verb == DECISION_NOT_DONE || fact->verb == DECISION_RETRY) {
        once_more(r, step, fact->from);
        return;
    }
    bool done = fact->verb == DECISION_DONE;
    step->output = value_absent(r->payload) ? VALUE_NULL : r->payload;
    frame_movef(r, step, done ? STATUS_OK : STATUS_FAILED, "%s, by %.*s",
                done ? "done" : "given up", STR_FMT(fact->from));
    undo_ended(r, step->parent, step);
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

void undo_save(const Frame *f, Buf *b) {
    const Undo *u = MUTANT(snapshot_forgets_undo) ? NULL : f->undo;
    buf_u8(b, (uint8_t)((u != NULL) | (f->unwind != NULL) << 1 |
                        (f->unwind && f->unwind->goes_on) << 2));
    if (u) {
        buf_varint(b, u->order);
        buf_u8(b, u->happened);
        buf_varint(b, u->round);
    }
    if (f->unwind)
        value_encode(b, value_list(f->unwind->undone.items, f->unwind->undone.n));
    if (f->unwind && f->unwind->goes_on)
        buf_varint(b, f->unwind->since);
}

void undo_load(Run *r, Frame *f, Cursor *c) {
    uint8_t flags = cursor_u8(c);
    if (flags & 1) {
        Undo *u = f->undo = ARENA_NEW(&r->arena, Undo);
        u->frame = f;
        u->order = cursor_varint(c);
        u->happened = cursor_u8(c);
        u->round = (uint32_t)cursor_varint(c);
        link_undo(r, u);
    }
    if (flags & 2) {
        Value undone = value_decode(c, &r->arena);
        f->unwind = ARENA_NEW(&r->arena, Unwind);
        f->unwind->undone = list_builder(&r->arena);
        for (uint32_t i = 0; undone.type == V_LIST && i < undone.len; i++)
            list_add(&f->unwind->undone, undone.items[i]);
        f->unwind->goes_on = flags & 4;
        f->unwind->since = flags & 4 ? cursor_varint(c) : 0;
    }
}
