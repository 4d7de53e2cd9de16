/* What is in doubt is parked until a person says what happened. Who is told of it, what is said, and what becomes of it when nobody
 * answers in time (`doubt:`).
 *
 *   in doubt --told by what `escalation` says of `critical`--> a person settles it (doubt.c, undo.c)
 *      \ deadline: park: told once more, and waits on
 *       \          fail, undo: as if a person had said so; that is told, and kept until somebody has seen it
 *
 * Nothing is ever sent again because nobody answered. */
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/step.h"
#include "kernel/undo.h"

/* ---- its deadline ---------------------------------------------------------------------------------------------------- */

/* The step's own word wins over its callee's. */
static const Doubt *policy_of(const Frame *f) {
    bool own = (f->layers & LAYER_ONCE) && f->part != PART_CALL && f->node->doubt.deadline_ms;
    const Callee *c = f->shape == &shape_call ? f->call->callee : f->node->callee;
    return own || !c ? &f->node->doubt : &c->doubt;
}

/* What cannot be taken back, since it is an undo itself or somebody has settled that already, is given up. */
static DoubtEnd end_of(const Frame *f) {
    DoubtEnd end = policy_of(f)->on_timeout;
    return end == DOUBT_UNDOES && !f->undo ? DOUBT_FAILS : end;
}

static const char *end_name(const Frame *f) {
    static const char *const names[] = { "park", "fail", "undo" };
    return names[end_of(f)];
}

static Want **want_of(Frame *f) {
    if (undo_is_stuck(f))
        return &f->timeout;
    bool doubts = f->shape == &shape_call && f->call->want && f->call->want->kind == WANT_DOUBT;
    return doubts ? &f->call->want : NULL;
}

Want *doubt_timed(Frame *f) {
    Want **w = want_of(f);
    return w && (*w)->due_ms ? *w : NULL;
}

/* ---- telling --------------------------------------------------------------------------------------------------------- */

static Value said_of(Run *r, const Frame *f, const char *ask, int64_t due_ms) {
    Arena *a = &r->arena;
    Str message = value_as_str(value_getz(f->error, "message"));
    Str step = frame_address(f, a);
    MapBuilder m = map_builder(a);
    map_addz(&m, "run", value_str(r->id));
    map_addz(&m, "step", value_str(step));
    map_addz(&m, "kind", value_str(STR("doubt")));
    map_addz(&m, "ask",
             value_str(arena_fmt(a, "%.*s %s%s%.*s", STR_FMT(step), ask, message.len ? ": " : "",
                                 STR_FMT(message))));
    map_addz(&m, "risk", value_str(STR("critical")));
    if (f->shape == &shape_call) {
        map_addz(&m, "callee", value_str(f->call->callee->name));
        map_addz(&m, "effect", value_str(str_from(effect_name(f->call->effect))));
    }
    map_addz(&m, "stuck", value_bool(f->part == PART_UNDO));
    map_addz(&m, "cancelled", value_bool(f->abandoned));
    map_addz(&m, "undo", value_bool(f->undo != NULL));
    map_addz(&m, "asked_ms", value_int(r->time_ms));
    if (due_ms) {
        map_addz(&m, "deadline_ms", value_int(due_ms));
        map_addz(&m, "on_timeout", value_str(str_from(end_name(f))));
    }
    return map_done(&m, NULL);
}

static void tell_one(Run *r, const Frame *f, const char *about, Value said, const Channel *channel,
                     size_t number) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "about", value_str(str_from(about)));
    map_addz(&m, "workflow", value_str(r->plan->name));
    map_addz(&m, "asked", said);
    Str id = arena_fmt(&r->arena, "%.*s:%.*s:doubt:%lld:%zu", STR_FMT(r->id),
                       STR_FMT(frame_address(f, &r->arena)), (long long)r->time_ms, number);
    run_notice(
        r,
        &(Notice){ .id = id, .channel = channel, .address = STR(""), .body = map_done(&m, NULL) });
}

static void tell(Run *r, const Frame *f, const char *about, Value said) {
    const Escalation *e = &r->plan->escalation[RISK_CRITICAL];
    for (size_t i = 0; i < e->n_notify && !MUTANT(doubt_untold); i++) {
        const Channel *c = plan_channel(r->plan, e->notify[i]);
        if (c)
            tell_one(r, f, about, said, c, i);
    }
}

Want *doubt_open(Run *r, Frame *f) {
    const Doubt *policy = policy_of(f);
    Want *w = want_open(r, f, WANT_DOUBT);
    w->purpose = TIMER_DOUBT;
    w->due_ms = policy->deadline_ms ? r->time_ms + policy->deadline_ms : 0;
    tell(r, f, "in_doubt", said_of(r, f, "is in doubt", w->due_ms));
    return w;
}

/* ---- nobody answered ------------------------------------------------------------------------------------------------- */

static void wait_on(Run *r, Frame *f, Want **w, int64_t due_ms) {
    want_close(r, *w);
    *w = want_open(r, f, WANT_DOUBT);
    (*w)->purpose = TIMER_DOUBT;
    (*w)->due_ms = due_ms;
}

static void settle(Run *r, Frame *f, Decision verb, const Fact *fact) {
    static const char ask[] = "was in doubt, and nobody settled it by its deadline";
    Value said = said_of(r, f,
                         verb == DECISION_UNDO ? "was in doubt, nobody settled it by its "
                                                 "deadline, and it is taken back"
                                               : ask,
                         0);
    tell(r, f, "notice", said);
    tell_one(r, f, "notice", said, NULL, r->plan->escalation[RISK_CRITICAL].n_notify);
    Fact given_up = {
        .kind = FACT_DECISION, .verb = verb, .time_ms = fact->time_ms, .from = STR("its deadline")
    };
    r->payload = VALUE_ABSENT;
    if (undo_is_stuck(f))
        undo_decided(r, f, &given_up);
    else
        f->shape->decided(r, f, &given_up);
}

/* What a person retries is in doubt again, and there is as much time as there was. */
void doubt_due(Run *r, Frame *f, const Fact *fact) {
    Want **w = want_of(f);
    Fact given_up = { .verb = DECISION_FAIL };
    DoubtEnd end = end_of(f);
    if (end != DOUBT_PARKS && retry_takes_decision(r, f, &given_up)) {
        wait_on(r, f, w, r->time_ms + policy_of(f)->deadline_ms);
        return;
    }
    switch (end) {
    case DOUBT_PARKS:
        wait_on(r, f, w, 0);
        frame_move(r, f, STATUS_IN_DOUBT, 0, 0, STR("nobody settled it by its deadline"));
        tell(r, f, "reminder", said_of(r, f, "is in doubt still", 0));
        return;
    case DOUBT_FAILS:
        settle(r, f, MUTANT(doubt_fails_open) ? DECISION_NOT_DONE : DECISION_FAIL, fact);
        return;
    case DOUBT_UNDOES: settle(r, f, DECISION_UNDO, fact); return;
    }
}

/* ---- for people ------------------------------------------------------------------------------------------------------ */

/* Where the words stand that could be others: the definition, or the step itself where it has none. */
static Pos place_of(const Frame *f) {
    const Callee *c = f->shape == &shape_call ? f->call->callee : NULL;
    bool named = c && !str_is(c->name, "run") && !str_is(c->name, "http") && c->pos.line &&
                 !undo_is_stuck(f);
    return named ? c->pos : f->node->pos;
}

static Str remedy_of(const Frame *f, Arena *a) {
    Pos at = place_of(f);
    CalleeKind kind = f->shape == &shape_call ? f->call->callee->kind : CALLEE_RUN;
    const char *key = kind == CALLEE_HTTP  ? "Idempotency-Key"
                      : kind == CALLEE_MCP ? "`_meta` baton/idempotencyKey"
                                           : "BATON_IDEMPOTENCY_KEY";
    if (undo_is_stuck(f))
        return arena_fmt(a, "`retry:` of the undo at %.*s:%u says how often it is tried",
                         STR_FMT(at.file), at.line);
    if (call_probe(f))
        return arena_fmt(a,
                         "the `probe:` at %.*s:%u has to say `{ done: true }` or `{ done: false }`",
                         STR_FMT(at.file), at.line);
    if (f->call->effect != EFFECT_UNSAFE)
        return arena_fmt(a,
                         "`probe:` at %.*s:%u would have asked the target; a longer `retry:` would "
                         "have waited for it",
                         STR_FMT(at.file), at.line);
    return arena_fmt(
        a,
        "`probe:` at %.*s:%u would have asked the target; `effect: keyed` would have sent "
        "it again, if the target honours %s",
        STR_FMT(at.file), at.line, key);
}

Value want_doubt(const Want *w, const uint8_t install_key[32], Arena *a) {
    ASSERT(w->kind == WANT_DOUBT);
    const Frame *f = w->frame;
    Pos at = place_of(f);
    MapBuilder m = map_builder(a);
    map_addz(&m, "step", value_str(frame_address(f, a)));
    map_addz(&m, "stuck", value_bool(undo_is_stuck(f)));
    map_addz(&m, "cancelled", value_bool(f->abandoned));
    map_addz(&m, "file", value_str(arena_str(a, at.file)));
    map_addz(&m, "line", value_int(at.line));
    if (f->shape == &shape_call) {
        map_addz(&m, "callee", value_str(arena_str(a, f->call->callee->name)));
        map_addz(&m, "effect", value_str(str_from(effect_name(f->call->effect))));
        map_addz(&m, "key", value_str(want_key(w, install_key, a)));
    }
    map_addz(&m, "undo", value_bool(f->undo != NULL));
    map_addz(&m, "message", value_copy(a, value_getz(f->error, "message")));
    if (w->due_ms) {
        map_addz(&m, "deadline_ms", value_int(w->due_ms));
        map_addz(&m, "on_timeout", value_str(str_from(end_name(f))));
    }
    map_addz(&m, "avoid", value_str(remedy_of(f, a)));
    return map_done(&m, NULL);
}
