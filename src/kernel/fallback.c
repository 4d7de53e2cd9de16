/* Fallback: where an agent is out of reach another is asked in its place, with what the step was given.
 *
 *   answer ---- unavailable ----> answer:fallback ---- timeout ----> answer:fallback~2 ---- ok ----> answer is ok
 *
 * Who is asked is a frame below the step, of a node of its own (spec/read_fallback.c), so that it is whatever an agent can be:
 * a conversation, a program, a person. The step's own retries come first, and what was done is
 * undone. What comes back has to pass the step's type and
 * check, and its gates. The step tells in its detail who answered and who did not. */
#include "kernel/step.h"

bool error_out_of_reach(Value error) {
    static const char *const kinds[] = { "unavailable",  "rate_limited", "timeout",
                                         "breaker_open", "not_found",    "crashed" };
    Value kind = value_getz(error, "kind");
    if (MUTANT(fallback_shops_around))
        return true;
    for (size_t i = 0; kind.type == V_STRING && i < ARRAY_LEN(kinds); i++)
        if (str_is(value_as_str(kind), kinds[i]))
            return true;
    return false;
}

static Str asked_so_far(const Frame *f) {
    return f->fallen ? f->node->fallbacks[f->fallen - 1]->callee->name : f->node->callee->name;
}

/* { agent, kind } of everybody who was asked and did not answer, in order. */
static void note_failure(Run *r, Frame *f, Value error) {
    Value before = value_getz(f->detail, "fallbacks");
    ListBuilder l = list_builder(&r->arena);
    for (uint32_t i = 0; before.type == V_LIST && i < before.len; i++)
        list_add(&l, before.items[i]);
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "agent", value_str(asked_so_far(f)));
    map_addz(&m, "kind", value_getz(error, "kind"));
    list_add(&l, map_done(&m, NULL));
    Value base = f->detail.type == V_MAP ? f->detail : VALUE_EMPTY_MAP;
    f->detail = value_with(&r->arena, base, STR("fallbacks"), list_done(&l));
}

/* What it was doing is over and taken back: nothing of it is needed but what it was given. */
static void clear(Run *r, Frame *f) {
    ASSERT(!f->undos && !f->loose);
    while (f->first)
        frame_release(r, f->first);
    f->shape = NULL;
    f->any = NULL;
    f->error = VALUE_ABSENT;
}

bool fallback_takes_failure(Run *r, Frame *f) {
    const Node *n = f->node;
    Value error = f->error;
    if (!(f->layers & LAYER_ONCE) || f->fallen >= n->n_fallbacks || f->unhandled || r->ending ||
        n->verb != VERB_INVOKE || !error_out_of_reach(error))
        return false;
    note_failure(r, f, error);
    clear(r, f);
    const Node *next = n->fallbacks[f->fallen++];
    f->falling = true;
    Str kind = value_as_str(value_getz(error, "kind"));
    frame_movef(r, f, STATUS_RUNNING, "%.*s: falls back to %.*s", STR_FMT(kind),
                STR_FMT(next->callee->name));
    frame_ready(r, frame_new(r, f, next, PART_FALLBACK, f->fallen, 0, LAYER_ONCE));
    return true;
}

/* Its own detail, of the agent that answered, and how it came about. */
static Value detail_of(Run *r, const Frame *f, Value answered) {
    Value base = answered.type == V_MAP ? answered : VALUE_EMPTY_MAP;
    base = value_with(&r->arena, base, STR("by"), value_str(asked_so_far(f)));
    return value_with(&r->arena, base, STR("fallbacks"), value_getz(f->detail, "fallbacks"));
}

void fallback_done(Run *r, Frame *f, Frame *child) {
    Value output = child->output, error = child->error, detail = child->detail;
    f->said = child->said;
    bool ok = child->status == STATUS_OK;
    f->falling = false;
    frame_let_go(r, child);
    if (ok) {
        f->detail = detail_of(r, f, detail);
        frame_done(r, f, output);
    } else {
        frame_fail(r, f, error);
    }
}

bool fallback_left(const Frame *f) {
    if (f->part == PART_TURN)
        f = f->parent;
    if (f->part == PART_FALLBACK)
        f = f->parent;
    return (f->layers & LAYER_ONCE) && f->fallen < f->node->n_fallbacks;
}

const char *fallback_check(const Frame *f) {
    if (f->fallen > f->node->n_fallbacks)
        return "more were asked in its place than there are";
    for (const Frame *child = f->first; child; child = child->next)
        if (child->part == PART_FALLBACK && !status_final(child->status))
            return NULL;
    return f->falling ? "20: it waits for who was asked in its place, and nobody is" : NULL;
}
