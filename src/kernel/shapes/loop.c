/* repeat: do, then test. Each round is a child; it stops when `until` holds or after `max` rounds, and says which. */
#include "kernel/step.h"

static void open_round(Run *r, Frame *f) {
    f->loop->round++;
    frame_ready(r, frame_new(r, f, f->node, PART_ROUND, f->loop->round, 0, LAYER_ONCE));
}

static void enter(Run *r, Frame *f) {
    f->loop = ARENA_NEW(&r->arena, LoopState);
    f->loop->last = VALUE_ABSENT;
    open_round(r, f);
}

static void stop(Run *r, Frame *f, const char *why) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "rounds", value_int(f->loop->round));
    map_addz(&m, "stopped", value_str(str_from(why)));
    f->detail = map_done(&m, NULL);
    frame_done(r, f, f->loop->last);
}

static void child_done(Run *r, Frame *f, Frame *child) {
    Value output = child->output, error = child->error;
    bool ok = child->status == STATUS_OK, enough = false;
    char problem[320];
    frame_let_go(r, child);
    if (!ok) {
        frame_fail(r, f, error);
        return;
    }
    f->loop->last = output;
    f->loop->words = STR("");
    if (f->node->repeat->until) {
        Scope s = scope_of(r, f);
        s.output = output;
        if (scope_test(&s, f->node->repeat->until, &enough, problem)) {
            frame_failf(r, f, KIND_INVALID, "until: %s", problem);
            return;
        }
    }
    if (enough)
        stop(r, f, "until");
    else if (f->loop->round >= (uint32_t)f->node->repeat->max)
        stop(r, f, "max");
    else
        open_round(r, f);
}

/* One round more, whatever `max` says: a person asked for it. */
static void revise(Run *r, Frame *f, Str words) {
    f->loop->words = words;
    open_round(r, f);
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    buf_varint(b, f->loop->round);
    value_encode(b, f->loop->last);
    buf_blob(b, f->loop->words);
}

static void load(Run *r, Frame *f, Cursor *c) {
    f->loop = ARENA_NEW(&r->arena, LoopState);
    f->loop->round = (uint32_t)cursor_varint(c);
    f->loop->last = value_decode(c, &r->arena);
    f->loop->words = r->loading >= 3 ? arena_str(&r->arena, cursor_blob(c)) : STR("");
}

const Shape shape_loop = {
    .name = "loop",
    .composite = true,
    .enter = enter,
    .child_done = child_done,
    .revise = revise,
    .save = save,
    .load = load,
};
