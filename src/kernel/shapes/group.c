/* A group: steps that run as their needs are met - all at once but for `needs` (a map), or in order (a list).
 *
 * There is no superstep: a step starts the moment its own needs are final. The join decides when the group is decided:
 *   all     every step final; one that failed (and is not tolerated) makes the group fail
 *   any, N  so many steps ok
 * A list with join any or N goes on behind a step that failed: it is a chain of things to try.
 * Once decided, what runs is cancelled and what has not started is skipped, but for steps whose `if` asks for a failure
 * (failed(), always()): they still run, with the failure as data. The group ends when every step is final, so nothing
 * hangs on a failed one. */
#include "kernel/step.h"
#include "kernel/undo.h"

static void settle(Run *r, Frame *f, Frame *child);

static bool failed_hard(const Frame *child) {
    return child->status == STATUS_FAILED && !child->tolerated;
}

static Frame *open_step(Run *r, Frame *f, uint32_t index) {
    const Node *step = f->node->children[index];
    Frame *child = frame_new(r, f, step, PART_STEP, 0, 0, step_layers(step));
    r->counts.steps_total++;
    f->group->steps[index] = child;
    return child;
}

static void enter(Run *r, Frame *f) {
    const Node *n = f->node;
    GroupState *g = f->group = ARENA_NEW(&r->arena, GroupState);
    g->steps = ARENA_ARRAY(&r->arena, Frame *, n->n_children);
    g->waiting = ARENA_ARRAY(&r->arena, uint32_t, n->n_children);
    if (n->n_children == 0) {
        frame_done(r, f, (Value){ .type = V_MAP });
        return;
    }
    for (uint32_t i = 0; i < n->n_children; i++)
        g->waiting[i] = (uint32_t)n->children[i]->n_needs;
    for (uint32_t i = 0; i < n->n_children; i++)
        if (g->waiting[i] == 0)
            frame_ready(r, open_step(r, f, i));
}

/* ---- the end ---- */

static Value map_of_outputs(Run *r, const Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    for (uint32_t i = 0; i < f->node->n_children; i++) {
        const Frame *child = f->group->steps[i];
        if (child && child->status == STATUS_OK && child->node->has_id &&
            child->node->verb != VERB_NONE)
            map_adds(&m, child->node->name, child->output);
    }
    return map_done(&m, NULL);
}

static Value last_output(const Frame *f) {
    for (size_t i = f->node->n_children; i-- > 0;) {
        const Frame *child = f->group->steps[i];
        if (child && child->status == STATUS_OK && child->node->verb != VERB_NONE)
            return child->output;
    }
    return VALUE_NULL;
}

static void finish_ok(Run *r, Frame *f) {
    GroupState *g = f->group;
    if (g->returned || g->winner) {
        frame_done(r, f, g->returned ? f->output : g->steps[g->winner - 1]->output);
        return;
    }
    if (!f->node->result) {
        frame_done(r, f, f->node->ordered ? last_output(f) : map_of_outputs(r, f));
        return;
    }
    Value v;
    char problem[320];
    Scope s = scope_of(r, f);
    if (scope_eval(&s, f->node->result, &v, problem))
        frame_failf(r, f, KIND_INVALID, "return: %s", problem);
    else
        frame_done(r, f, value_absent(v) ? VALUE_NULL : v);
}

/* Too few ended ok: the last failure is the likeliest reason. */
static void fail_short(Run *r, Frame *f, uint32_t wanted) {
    const Frame *last = NULL;
    for (uint32_t i = 0; i < f->node->n_children; i++)
        if (f->group->steps[i] && f->group->steps[i]->status == STATUS_FAILED)
            last = f->group->steps[i];
    Value message = last ? value_getz(last->error, "message") : VALUE_ABSENT;
    Str text = message.type == V_STRING ? value_as_str(message) : STR("");
    frame_failf(r, f, KIND_ALL_FAILED, "%u of %u steps ended ok, %u needed%s%.*s%s%.*s",
                f->group->ok, (unsigned)f->node->n_children, wanted, last ? "; " : "",
                STR_FMT(last ? last->node->name : STR("")), last ? ": " : "",
                (int)MIN(text.len, 200), text.p);
}

static void finish(Run *r, Frame *f) {
    GroupState *g = f->group;
    const Join *join = &f->node->join;
    uint32_t wanted = join->kind == JOIN_ANY     ? 1
                      : join->kind == JOIN_COUNT ? (uint32_t)join->count
                                                 : 0;
    if (g->failing)
        frame_fail(r, f, f->error);
    else if (!g->returned && g->ok < wanted)
        fail_short(r, f, wanted);
    else
        finish_ok(r, f);
}

/* ---- one step final ---- */

static bool all_needs_skipped(const Frame *f, const Node *n) {
    for (size_t i = 0; i < n->n_needs; i++)
        if (f->group->steps[n->needs[i]]->status != STATUS_SKIPPED)
            return false;
    return n->n_needs > 0 && !n->by_order;
}

static const Frame *need_that_did_not_hold(const Frame *f, const Node *n) {
    if (n->by_order && f->node->join.kind != JOIN_ALL)
        return NULL;
    for (size_t i = 0; i < n->n_needs; i++) {
        const Frame *need = f->group->steps[n->needs[i]];
        if (failed_hard(need) || frame_shown(need) == STATUS_CANCELLED)
            return need;
    }
    return NULL;
}

static Str decided_because(const Frame *f) {
    const GroupState *g = f->group;
    return g->returned  ? STR("the group has returned")
           : g->failing ? STR("the group has failed")
                        : STR("enough steps ended ok");
}

/* Why a step whose needs are final does not start; STR_NULL if it does. */
static Str why_not(Run *r, const Frame *f, const Node *n) {
    if (n->if_after_failure)
        return f->group->returned ? decided_because(f) : STR_NULL;
    const Frame *need = need_that_did_not_hold(f, n);
    if (need)
        return arena_fmt(&r->arena, "%s %.*s, which %s", n->by_order ? "after" : "needs",
                         STR_FMT(need->node->name),
                         frame_shown(need) == STATUS_CANCELLED ? "was cancelled" : "failed");
    if (f->group->decided)
        return decided_because(f);
    return all_needs_skipped(f, n) ? STR("all it needs was skipped") : STR_NULL;
}

static void skip(Run *r, Frame *f, uint32_t index, Str why) {
    Frame *child = f->group->steps[index];
    if (!child)
        child = open_step(r, f, index);
    frame_move(r, child, STATUS_SKIPPED, 0, 0, why);
}

/* All needs of a step are final: it starts, or is skipped (and that is final in turn, so the caller goes on with it). */
static bool start_or_skip(Run *r, Frame *f, uint32_t index) {
    Str why = why_not(r, f, f->node->children[index]);
    if (why.p) {
        skip(r, f, index, why);
        return false;
    }
    frame_ready(r, open_step(r, f, index));
    return true;
}

static void decide(Run *r, Frame *f) {
    GroupState *g = f->group;
    if (g->decided)
        return;
    g->decided = true;
    for (uint32_t i = 0; i < f->node->n_children; i++) {
        Frame *child = g->steps[i];
        if (!child || frame_over(child))
            continue;
        if (child->status == STATUS_NEW && child->node->if_after_failure && !g->returned)
            continue; /* it is in the queue and asks for itself */
        frame_cancel(r, child, decided_because(f));
        if (!g->failing) /* else with all that the group did */
            undo_begin(r, child);
        settle(r, f, child);
    }
}

static void take_result(Run *r, Frame *f, Frame *child) {
    GroupState *g = f->group;
    const Join *join = &f->node->join;
    bool returned = child->status == STATUS_OK &&
                    (child->node->verb == VERB_RETURN || child->handler_returned);
    g->ok += child->status == STATUS_OK;
    if (returned && !g->failing) {
        g->returned = true;
        f->output = child->output;
        decide(r, f);
    } else if (failed_hard(child) && (join->kind == JOIN_ALL || child->node->verb == VERB_FAIL)) {
        if (!g->failing)
            f->error = child->error;
        g->failing = true;
        decide(r, f);
    } else if (child->status == STATUS_OK && join->kind == JOIN_ANY && !g->winner) {
        g->winner = child->node->index + 1;
        decide(r, f);
    } else if (child->status == STATUS_OK && join->kind == JOIN_COUNT &&
               g->ok == (uint32_t)join->count) {
        decide(r, f);
    }
}

/* What its end makes ready begins in file order. A chain of skipped steps is walked with a list of indexes, not by
 * recursion: it may be as long as the file. */
static void settle(Run *r, Frame *f, Frame *child) {
    GroupState *g = f->group;
    bool reverse = r->rules == RULES_REVERSE || MUTANT(dependents_reversed);
    uint32_t *todo = ARENA_ARRAY(&r->arena, uint32_t, 1);
    size_t first = 0, n = 1, room = 1;
    todo[0] = child->node->index;
    while (first < n) {
        const Node *node = f->node->children[reverse ? todo[--n] : todo[first++]];
        g->settled++;
        for (size_t i = 0; i < node->n_dependents; i++) {
            uint32_t d = node->dependents[reverse ? node->n_dependents - 1 - i : i];
            ASSERT(g->waiting[d] > 0);
            if (--g->waiting[d] > 0 || start_or_skip(r, f, d))
                continue;
            if (n == room) {
                uint32_t *more = ARENA_ARRAY(&r->arena, uint32_t, room * 2);
                memcpy(more, todo, n * sizeof(*todo));
                todo = more;
                room *= 2;
            }
            todo[n++] = d;
        }
    }
}

static void child_done(Run *r, Frame *f, Frame *child) {
    GroupState *g = f->group;
    take_result(r, f, child);
    settle(r, f, child);
    if (g->settled == f->node->n_children)
        finish(r, f);
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    ASSERT(purpose == TIMER_GROUP);
    f->timeout = NULL;
    frame_failf(r, f, KIND_TIMEOUT, "the group took longer than its timeout");
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const GroupState *g = f->group;
    buf_varint(b, g->settled);
    buf_varint(b, g->ok);
    buf_u8(b, (uint8_t)(g->failing | g->returned << 1 | g->decided << 2));
    buf_varint(b, g->winner);
    for (size_t i = 0; i < f->node->n_children; i++)
        buf_varint(b, g->waiting[i]);
}

/* The children are loaded after their parent; snapshot.c puts them into steps. */
static void load(Run *r, Frame *f, Cursor *c) {
    GroupState *g = f->group = ARENA_NEW(&r->arena, GroupState);
    g->steps = ARENA_ARRAY(&r->arena, Frame *, f->node->n_children);
    g->waiting = ARENA_ARRAY(&r->arena, uint32_t, f->node->n_children);
    g->settled = (uint32_t)cursor_varint(c);
    g->ok = (uint32_t)cursor_varint(c);
    uint8_t flags = cursor_u8(c);
    g->failing = flags & 1;
    g->returned = flags & 2;
    g->decided = flags & 4;
    g->winner = (uint32_t)cursor_varint(c);
    for (size_t i = 0; i < f->node->n_children; i++)
        g->waiting[i] = (uint32_t)cursor_varint(c);
}

const Shape shape_group = {
    .name = "group",
    .composite = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = timer_due,
    .save = save,
    .load = load,
};
