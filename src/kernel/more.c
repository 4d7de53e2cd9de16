/* More than was granted: a child that has used up its grant asks its parent, which gives what its own limits have left.
 *
 *   the child                         mail                   the parent
 *   breaches its grant: held      --- asks ----->  waits in line like a call: others may settle and give back
 *                                                  has room: reserved above the call, for the child
 *   goes on                       <-- granted ---
 *                                                  has none: asks its own parent, if it is its own grant that is used up;
 *                                                  else it breaches: pauses and asks a person, or refuses
 *   does what it would at a       <-- refused ---
 *   limit of its own, `fail`
 *
 * So a limit is raised where it was reached, at the eldest, and reaches all that wait below. At no time more is granted than
 * is reserved above.
 *
 * Who asks keeps what it has while it waits. A limit whose whole reservation is held by children that ask will never have
 * more room: then it is breached, though it looks as if others would settle (`stuck` of a budget). One question of a child is
 * open at a time; letters have its number, so that one that is read twice, or late, says nothing. */
#include "base/json.h"
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/step.h"

/* ---- the child's side ------------------------------------------------------------------------------------------------ */

/* Is it the grant that holds it back, rather than a limit of its own file? */
static bool is_granted(const Run *r, Bound bound) {
    Limits own = r->plan->limits;
    int64_t granted = r->caller->grant.most[bound];
    raised_limits(r->root, &own);
    return granted >= 0 && (own.most[bound] < 0 || own.most[bound] > granted);
}

static bool may_ask(const Run *r, const Shortage *s) {
    return r->caller && r->rules >= RULES_CHILDREN_ASK && s->at == r->root && !s->no_price.len &&
           is_granted(r, s->bound) && !MUTANT(child_never_asks);
}

static void post_question(Run *r, const Shortage *s, bool or_fail) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "child", value_str(STR("asks")));
    map_addz(&m, "run", value_str(r->id));
    map_addz(&m, "step", value_str(r->caller->step));
    map_addz(&m, "attempt", value_int(r->caller->attempt));
    map_addz(&m, "number", value_int((int64_t)r->asked.number));
    map_addz(&m, "limit", value_str(str_from(bound_name(s->bound))));
    map_addz(&m, "most", value_int(shortage_enough(s)));
    map_addz(&m, "had", value_int(s->most));
    map_addz(&m, "or_fail", value_bool(or_fail));
    run_post(r, (Post){ .id = arena_fmt(&r->arena, "%.*s:asks:%llu", STR_FMT(r->id),
                                        (unsigned long long)r->asked.number),
                        .to = r->caller->run,
                        .body = map_done(&m, NULL) });
}

bool more_ask(Run *r, const Shortage *s, bool or_fail, Str *ret_refused) {
    *ret_refused = STR("");
    if (!may_ask(r, s))
        return false;
    if (r->asked.refused.len && r->asked.bound == s->bound) {
        *ret_refused = r->asked.refused; /* once; who comes next asks anew */
        r->asked.refused = STR("");
        return false;
    }
    if (r->asked.open)
        return true;
    r->asked = (AskedMore){ .open = true, .number = r->asked.number + 1, .bound = s->bound };
    post_question(r, s, or_fail);
    return true;
}

/* Nobody stands in line where time was up: it ends what is under way. */
static void refused(Run *r, Str why) {
    Frame *root = r->root;
    r->asked.refused = arena_str(&r->arena, why);
    if (root->budget->waiting.first)
        budget_freed(r, root->budget);
    else if (r->asked.bound == BOUND_TIME)
        budget_timer_due(r, root, TIMER_WORK);
    else
        r->asked.refused = STR("");
}

static void granted(Run *r, Str by, int64_t most) {
    Bound bound = r->asked.bound;
    Buf b = BUF_INIT(256);
    int64_t *has = &r->caller->grant.most[bound];
    *has = MAX(*has, most);
    bound_write(&b, bound, *has);
    frame_movef(r, r->root, STATUS_RUNNING, "may spend %s=%.*s now, by run %.*s", bound_name(bound),
                STR_FMT(buf_str(&b)), STR_FMT(by));
    buf_deinit(&b);
    budget_limits_anew(r, r->root, bound);
}

/* ---- letters --------------------------------------------------------------------------------------------------------- */

static int64_t number_of(Value map, const char *key) {
    Value v = value_getz(map, key);
    return v.type == V_INT ? v.i : -1;
}

static Str text_of(Value map, const char *key) {
    Value v = value_getz(map, key);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

static bool answers(const Run *r, Value v) {
    return r->asked.open && number_of(v, "number") == (int64_t)r->asked.number &&
           (text_of(v, "refused").len || number_of(v, "most") >= 0);
}

/* A question that is there already, or was settled, has a number that was seen. */
static bool asks(const Frame *f, const Fact *fact, Value v) {
    Bound bound;
    return f && call_is_child(f) && f->call->want && f->call->want->kind == WANT_CHILD &&
           f->call->attempt == fact->attempt && bound_from(text_of(v, "limit"), &bound) &&
           bound != BOUND_DEADLINE && number_of(v, "most") >= 0 && number_of(v, "had") >= 0 &&
           number_of(v, "number") > (int64_t)f->call->more.number;
}

bool more_waited_for(Run *r, const Frame *f, const Fact *fact) {
    Arena a = ARENA_NULL;
    Value v;
    bool read = fact->payload.p && json_read(&a, fact->payload, &v, NULL) == 0;
    bool good = read &&
                (str_is(fact->name, "asks") ? asks(f, fact, v)
                                            : str_is(fact->name, "granted") && answers(r, v));
    arena_deinit(&a);
    return good;
}

/* ---- the parent's side ----------------------------------------------------------------------------------------------- */

/* What it holds will not be given back before it has more. */
static void stick(Frame *f, int64_t sign) {
    for (Frame *up = f; up; up = up->parent)
        for (Bound i = 0; up->budget && i < BOUNDS_COUNTED; i++)
            up->budget->stuck.of[i] += sign * f->call->reserved.of[i];
}

static void free_above(Run *r, Frame *f) {
    for (; f; f = f->parent)
        if (f->budget)
            budget_freed(r, f->budget);
}

void more_over(Run *r, Frame *f) {
    if (!f->call->more.open)
        return;
    f->call->more.open = false;
    stick(f, -1);
    held_leave(r, f);
}

static void post_answer(Run *r, const Frame *f, const char *key, Value answer) {
    const CallState *c = f->call;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "child", value_str(STR("granted")));
    map_addz(&m, "run", value_str(r->id));
    map_addz(&m, "number", value_int((int64_t)c->more.number));
    map_addz(&m, "limit", value_str(str_from(bound_name(c->more.bound))));
    map_addz(&m, key, answer);
    run_post(r, (Post){ .id = arena_fmt(&r->arena, "%.*s:granted:%llu", STR_FMT(c->want->key),
                                        (unsigned long long)c->more.number),
                        .to = c->want->key,
                        .body = map_done(&m, NULL) });
}

static void give(Run *r, Frame *f, int64_t most) {
    const More *more = &f->call->more;
    Buf b = BUF_INIT(256);
    bound_write(&b, more->bound, most);
    frame_movef(r, f, STATUS_RUNNING, "its run may spend %s=%.*s now", bound_name(more->bound),
                STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    post_answer(r, f, "most", value_int(most));
}

static void refuse(Run *r, Frame *f, Str why) {
    frame_movef(r, f, STATUS_RUNNING, "its run gets no more %s: %.*s",
                bound_name(f->call->more.bound), STR_FMT(why));
    more_over(r, f);
    post_answer(r, f, "refused", value_str(why));
}

static void stand_in_line(Run *r, Frame *f, const Frame *at, bool first, Str why) {
    if (!f->call->held)
        frame_movef(r, f, STATUS_RUNNING, "its run asks for more %s: %.*s",
                    bound_name(f->call->more.bound), STR_FMT(why));
    held_join(r, f, (Frame *)at, first);
}

/* There is no room now. */
static void wait_or_breach(Run *r, Frame *f, Fit fit, const Shortage *s) {
    Str why = shortage_text(r, fit, s), refused_above;
    bool or_fail = fit == FIT_BREACH_FAIL || f->call->more.or_fail;
    if (fit == FIT_WAIT) {
        stand_in_line(r, f, s->at, false, why);
    } else if (more_ask(r, s, or_fail, &refused_above)) {
        stand_in_line(r, f, s->at, true, why);
    } else if (or_fail || refused_above.len) {
        refuse(r, f, refused_above.len ? refused_above : why);
    } else {
        stand_in_line(r, f, s->at, true, why);
        question_ask(r, f, s);
    }
}

void more_try(Run *r, Frame *f) {
    CallState *c = f->call;
    Shortage s;
    int64_t most;
    if (r->status == RUN_PAUSED || r->pausing) {
        stand_in_line(r, f, NULL, false, STR("the run is paused"));
        return;
    }
    Bound bound = c->more.bound;
    int64_t extra;
    Fit fit = budget_more(r, f, &extra, &most, &s);
    if (fit != FIT_YES) {
        wait_or_breach(r, f, fit, &s);
        return;
    }
    more_over(r, f);
    if (bound < BOUNDS_COUNTED)
        c->reserved.of[bound] += extra;
    give(r, f, most);
}

static void asked(Run *r, Frame *f, Value v) {
    More *more = &f->call->more;
    more_over(r, f); /* a child asks anew: its question of before is answered, or was dropped */
    *more = (More){ .open = true,
                    .number = (uint64_t)number_of(v, "number"),
                    .most = number_of(v, "most"),
                    .had = number_of(v, "had") };
    bound_from(text_of(v, "limit"), &more->bound);
    Value or_fail = value_getz(v, "or_fail");
    more->or_fail = value_is(or_fail, V_BOOL) && or_fail.b;
    stick(f, 1);
    free_above(r, f); /* who waits there for what it holds waits in vain */
    more_try(r, f);
}

void more_came(Run *r, const Fact *fact) {
    if (str_is(fact->name, "asks")) {
        asked(r, frame_find(r, fact->address), r->payload);
        return;
    }
    Str why = text_of(r->payload, "refused");
    r->asked.open = false;
    if (why.len)
        refused(r, why);
    else
        granted(r, fact->run, number_of(r->payload, "most"));
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

void more_save(const Frame *f, Buf *b) {
    const More *more = &f->call->more;
    buf_varint(b, more->number);
    if (!more->open)
        return;
    buf_u8(b, (uint8_t)more->bound);
    buf_svarint(b, more->most);
    buf_svarint(b, more->had);
    buf_u8(b, more->or_fail);
}

void more_load(Frame *f, Cursor *c, bool open) {
    More *more = &f->call->more;
    more->number = cursor_varint(c);
    if (!open)
        return;
    uint8_t bound = cursor_u8(c);
    more->open = true;
    more->bound = (Bound)bound;
    more->most = cursor_svarint(c);
    more->had = cursor_svarint(c);
    more->or_fail = cursor_u8(c) == 1;
    c->bad |= bound >= BOUNDS || bound == BOUND_DEADLINE;
    stick(f, 1);
}

void asked_save(const Run *r, Buf *b) {
    if (!r->caller)
        return;
    for (Bound i = 0; i < BOUNDS; i++)
        buf_svarint(b, r->caller->grant.most[i]);
    buf_u8(b, r->asked.open);
    buf_varint(b, r->asked.number);
    buf_u8(b, (uint8_t)r->asked.bound);
    buf_blob(b, r->asked.refused);
}

void asked_load(Run *r, Cursor *c) {
    if (!r->caller)
        return;
    for (Bound i = 0; i < BOUNDS; i++)
        r->caller->grant.most[i] = cursor_svarint(c);
    r->asked.open = cursor_u8(c) == 1;
    r->asked.number = cursor_varint(c);
    uint8_t bound = cursor_u8(c);
    c->bad |= bound >= BOUNDS;
    r->asked.bound = (Bound)bound;
    r->asked.refused = arena_str(&r->arena, cursor_blob(c));
}
