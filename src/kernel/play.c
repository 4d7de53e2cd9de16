/* Verbs that several steps play: what route, vote, machine, supervise, team and board share. Each of them begins parts (spec
 * nodes below its own, in no group) whenever it likes, also several times; each is a step like any other, whose address ends
 * in the number of its beginning: `claim/assess:5` is the fifth that `claim` began, `verdict:tie:4` a role of the verb. */
#include "kernel/play.h"
#include "kernel/step.h"
#include "kernel/undo.h"

static const struct {
    Verb verb;
    const Shape *shape;
} shape_of_verb[] = {
    { VERB_VOTE, &shape_vote },           { VERB_ROUTE, &shape_route },
    { VERB_SUPERVISE, &shape_supervise }, { VERB_PLANNED, &shape_planned },
    { VERB_MACHINE, &shape_machine },     { VERB_BOARD, &shape_board },
    { VERB_TEAM, &shape_team },
};

const Shape *play_shape(Verb v) {
    for (size_t i = 0; i < ARRAY_LEN(shape_of_verb); i++)
        if (shape_of_verb[i].verb == v)
            return shape_of_verb[i].shape;
    UNREACHABLE("a verb that is played has a shape");
}

void *play_begin(Run *r, Frame *f, size_t bytes) {
    f->play = arena_alloc(&r->arena, bytes);
    memset(f->play, 0, bytes);
    f->play->last = ARENA_ARRAY(&r->arena, Frame *, f->node->n_parts);
    return f->play;
}

Frame *play_open(Run *r, Frame *f, const Node *part, Value with) {
    Play *p = f->play;
    Frame **last = &p->last[part->index];
    ASSERT(part->parent == f->node && part->is_part);
    if (*last && frame_over(*last))
        frame_let_go(r, *last);
    Frame *child = frame_new(r, f, part, part->is_role ? PART_ROLE : PART_STEP, ++p->serial, 0,
                             step_layers(part));
    child->with = with;
    *last = child;
    p->open++;
    frame_ready(r, child);
    return child;
}

Value play_with(const Frame *f) {
    const Node *part = f->node;
    for (; f->node == part; f = f->parent)
        if (!value_absent(f->with))
            return f->with;
    return f->with;
}

void play_over(Run *r, Frame *f, Frame *child) {
    Play *p = f->play;
    p->open--;
    if (p->last[child->node->index] != child)
        frame_let_go(r, child);
}

Want *play_wait(Run *r, Frame *f, Want *w) {
    Play *p = f->play;
    if (p->n_waits == p->room_waits) {
        Want **old = p->waits;
        p->room_waits = MAX(4u, p->room_waits * 2);
        p->waits = ARENA_ARRAY(&r->arena, Want *, p->room_waits);
        if (old)
            memcpy(p->waits, old, p->n_waits * sizeof(*old));
    }
    p->waits[p->n_waits++] = w;
    return w;
}

void play_stop_waiting(Run *r, Frame *f, uint32_t keep) {
    Play *p = f->play;
    while (p && p->n_waits > keep)
        want_close(r, p->waits[--p->n_waits]);
}

void play_came(Frame *f, const Want *w) {
    Play *p = f->play;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_waits; i++)
        if (p->waits[i] != w)
            p->waits[n++] = p->waits[i];
    p->n_waits = n;
}

static bool is_part_of(const Frame *f, const Frame *child) {
    return frame_is_played(child) && child->node->parent == f->node;
}

void play_cancel_rest(Run *r, Frame *f, Str why) {
    for (Frame *child = f->first, *next; child; child = next) {
        next = child->next;
        if (frame_over(child) || !is_part_of(f, child))
            continue;
        frame_cancel(r, child, why);
        undo_begin(r, child);
        play_over(r, f, child);
    }
}

void play_timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    ASSERT(purpose == TIMER_GROUP);
    f->timeout = NULL;
    frame_failf(r, f, KIND_TIMEOUT, "`%.*s` took longer than its timeout",
                STR_FMT(f->node->verb_word));
}

Value play_result(Run *r, const Frame *child) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "name", value_str(child->node->name));
    map_addz(&m, "status", value_str(str_from(status_name(frame_shown(child)))));
    if (child->status == STATUS_OK)
        map_addz(&m, "output", child->output);
    else if (!value_absent(child->error))
        map_addz(&m, "error", child->error);
    return map_done(&m, NULL);
}

/* ---- snapshots ---- */

void play_save(const Frame *f, Buf *b) {
    buf_varint(b, f->play->serial);
    buf_varint(b, f->play->open);
}

void *play_load(Run *r, Frame *f, Cursor *c, size_t bytes) {
    if (f->node->n_parts == 0 || play_shape(f->node->verb) != f->shape) {
        c->bad = true;
        return NULL;
    }
    Play *p = play_begin(r, f, bytes);
    p->serial = (uint32_t)cursor_varint(c);
    p->open = (uint32_t)cursor_varint(c);
    return p;
}

bool play_place(Frame *f, Frame *child) {
    if (!is_part_of(f, child) || child->node->index >= f->node->n_parts)
        return false;
    Frame **last = &f->play->last[child->node->index];
    if (!child->left && (!*last || (*last)->a < child->a))
        *last = child;
    return true;
}
