/* for: one child per item, a window of `parallel` at a time; results in item order whatever order they came in.
 *
 * A failed item fails the loop and cancels the rest, unless `on_error` tolerates it; then fewer than `min` ok items is
 * all_failed. Only the window is open: a finished item leaves its output and a status byte behind, nothing else. */
#include "kernel/step.h"
#include "kernel/undo.h"

static void open_window(Run *r, Frame *f) {
    EachState *e = f->each;
    const ForEach *spec = f->node->for_;
    while (!e->decided && e->next < e->items.len && e->open < (uint32_t)spec->parallel) {
        Frame *child = frame_new(r, f, f->node, PART_ITEM, e->next++, 0, item_layers(f->node));
        e->open++;
        frame_ready(r, child);
    }
}

static void arrays(Run *r, EachState *e) {
    e->outputs = ARENA_ARRAY(&r->arena, Value, e->items.len);
    e->statuses = ARENA_ARRAY(&r->arena, uint8_t, e->items.len);
    e->failures = list_builder(&r->arena);
}

/* ---- the end ---- */

static Value outputs_in_order(Run *r, const EachState *e) {
    Value *items = ARENA_ARRAY(&r->arena, Value, e->ok);
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->items.len; i++)
        if (e->statuses[i] == STATUS_OK)
            items[n++] = e->outputs[i];
    return value_list(items, n);
}

static Value results_in_order(Run *r, const EachState *e) {
    ListBuilder l = list_builder(&r->arena);
    for (uint32_t i = 0; i < e->items.len; i++) {
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "index", value_int(i));
        Status status = e->statuses[i] ? e->statuses[i] : STATUS_SKIPPED; /* never begun */
        map_addz(&m, "status", value_str(str_from(status_name(status))));
        if (!value_absent(e->outputs[i]))
            map_addz(&m, "output", e->outputs[i]);
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

/* The same fields however it ended, so that a step that reads them need not ask whether something failed. */
static Value detail_of(Run *r, const EachState *e) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "failures", value_list(e->failures.items, e->failures.n));
    map_addz(&m, "results", results_in_order(r, e));
    map_addz(&m, "ok", value_int(e->ok));
    return map_done(&m, NULL);
}

static void fail_short(Run *r, Frame *f, uint32_t wanted) {
    const EachState *e = f->each;
    Value last = e->failures.n ? value_getz(e->failures.items[e->failures.n - 1], "error")
                               : VALUE_ABSENT;
    Value message = last.type == V_MAP ? value_getz(last, "message") : VALUE_ABSENT;
    Str text = message.type == V_STRING ? value_as_str(message) : STR("");
    frame_failf(r, f, KIND_ALL_FAILED, "%u of %u items ended ok, %u needed%s%.*s", e->ok,
                e->items.len, wanted, text.len ? "; the last failure: " : "",
                (int)MIN(text.len, 200), text.p);
}

static void finish(Run *r, Frame *f) {
    EachState *e = f->each;
    const ForEach *spec = f->node->for_;
    f->detail = detail_of(r, e);
    /* An empty list is ok; `min` cannot ask for more items than there are, a join of N can. */
    uint32_t wanted = spec->join.kind == JOIN_ALL   ? MIN((uint32_t)spec->min, e->items.len)
                      : spec->join.kind == JOIN_ANY ? 1
                                                    : (uint32_t)spec->join.count;
    if (e->items.len > 0 && e->ok < wanted)
        fail_short(r, f, wanted);
    else
        frame_done(r, f, outputs_in_order(r, e));
}

/* ---- the course ---- */

static void enter(Run *r, Frame *f) {
    EachState *e = f->each = ARENA_NEW(&r->arena, EachState);
    char problem[320];
    Value items;
    Scope s = scope_of(r, f);
    if (scope_eval(&s, f->node->for_->in, &items, problem)) {
        frame_failf(r, f, KIND_INVALID, "for: %s", problem);
        return;
    }
    if (items.type != V_LIST) {
        Str type = value_type_name(items);
        frame_failf(r, f, KIND_INVALID, "for: `in` must be a list, it is %.*s", STR_FMT(type));
        return;
    }
    if (items.len > LIMIT_ITEMS) {
        frame_failf(r, f, KIND_LIMIT, "for: %u items, at most %u", items.len, LIMIT_ITEMS);
        return;
    }
    e->items = items;
    arrays(r, e);
    if (items.len == 0)
        finish(r, f);
    else
        open_window(r, f);
}

static void note_failure(Run *r, EachState *e, const Frame *child) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "item", e->items.items[child->a]);
    map_addz(&m, "index", value_int(child->a));
    map_addz(&m, "error", value_absent(child->error) ? VALUE_NULL : child->error);
    list_add(&e->failures, map_done(&m, NULL));
}

static void cancel_rest(Run *r, Frame *f, bool failing) {
    EachState *e = f->each;
    e->decided = true;
    for (Frame *child = f->first, *next; child; child = next) {
        next = child->next;
        if (frame_over(child))
            continue;
        frame_cancel(r, child, STR("the loop is decided"));
        if (!failing)
            undo_begin(r, child);
        e->statuses[child->a] = STATUS_CANCELLED;
        e->open--;
        frame_let_go(r, child);
    }
}

static void child_done(Run *r, Frame *f, Frame *child) {
    EachState *e = f->each;
    const Join *join = &f->node->for_->join;
    bool hard = child->status == STATUS_FAILED && !child->tolerated && join->kind == JOIN_ALL;
    Value error = child->error;
    e->statuses[child->a] = child->status;
    e->open--;
    if (child->status == STATUS_OK) {
        e->outputs[child->a] = child->output;
        e->ok++;
    } else if (child->status == STATUS_FAILED) {
        e->failed++;
        note_failure(r, e, child);
    }
    frame_let_go(r, child);
    if (hard) {
        cancel_rest(r, f, true);
        f->detail = detail_of(r, e);
        frame_fail(r, f, error);
        return;
    }
    if ((join->kind == JOIN_ANY && e->ok == 1) ||
        (join->kind == JOIN_COUNT && e->ok == (uint32_t)join->count))
        cancel_rest(r, f, false);
    open_window(r, f);
    if (e->open == 0)
        finish(r, f);
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const EachState *e = f->each;
    value_encode(b, e->items);
    buf_varint(b, e->next);
    buf_varint(b, e->open);
    buf_varint(b, e->ok);
    buf_varint(b, e->failed);
    buf_u8(b, e->decided);
    for (uint32_t i = 0; i < e->next; i++) {
        buf_u8(b, e->statuses[i]);
        if (e->statuses[i] == STATUS_OK)
            value_encode(b, e->outputs[i]);
    }
    value_encode(b, value_list(e->failures.items, e->failures.n));
}

static void load(Run *r, Frame *f, Cursor *c) {
    EachState *e = f->each = ARENA_NEW(&r->arena, EachState);
    e->items = value_decode(c, &r->arena);
    if (e->items.type != V_LIST || e->items.len > LIMIT_ITEMS) {
        c->bad = true;
        return;
    }
    arrays(r, e);
    e->next = (uint32_t)cursor_varint(c);
    e->open = (uint32_t)cursor_varint(c);
    e->ok = (uint32_t)cursor_varint(c);
    e->failed = (uint32_t)cursor_varint(c);
    e->decided = cursor_u8(c);
    if (e->next > e->items.len)
        c->bad = true;
    for (uint32_t i = 0; i < e->next && !c->bad; i++) {
        e->statuses[i] = cursor_u8(c);
        if (e->statuses[i] == STATUS_OK)
            e->outputs[i] = value_decode(c, &r->arena);
    }
    Value failures = value_decode(c, &r->arena);
    for (uint32_t i = 0; failures.type == V_LIST && i < failures.len; i++)
        list_add(&e->failures, failures.items[i]);
}

const Shape shape_each = {
    .name = "each",
    .composite = true,
    .enter = enter,
    .child_done = child_done,
    .save = save,
    .load = load,
};
