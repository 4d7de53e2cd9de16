/* Child runs: what a call of a workflow is for the run that makes it, and for the run that it makes.
 *
 *   the parent                             mail                    the child
 *   budget reserved, WANT_CHILD opened --- start --->  accepted: knows its parent and what it may spend
 *   cancelled, or out of time          --- cancel -->  cancelled: undoes what it did, settles its doubts, and ends
 *   paused, resumed by a person        --- the same ->
 *   FACT_CHILD: settled, goes on       <-- result ---  over
 *
 * The mail is written with the row that it follows from and deleted with the row that it became part of, so a child is started
 * once, and its result is told once, whatever crashes between. The child's id follows from the parent, the address and the
 * attempt: no two calls have the same, and the same call has no other. An attempt that was opened has a child for good, hence a
 * crash of the engine is nothing to it: the want stands until the child is over.
 *
 * A child has what it may spend from its parent, the grant: reserved above the call when it is opened, given back when it
 * ends, less what was spent. So what a family spends together stays within the limits of the oldest. */
#include "base/json.h"
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/step.h"
#include "kernel/undo.h"

bool call_is_child(const Frame *f) {
    return f->shape == &shape_call && f->call && f->call->callee->kind == CALLEE_CALL;
}

/* ---- letters --------------------------------------------------------------------------------------------------------- */

#define ID_BYTES_MAX 64
#define HASH_CHARS 16

Str child_id(Run *r, const Frame *f, uint32_t attempt) {
    char text[HASH_CHARS + 1];
    Str address = frame_address(f, &r->arena);
    if (MUTANT(child_of_any_attempt))
        attempt = 1;
    Str whole =
        arena_fmt(&r->arena, "child|%.*s|%.*s|%u", STR_FMT(r->id), STR_FMT(address), attempt);
    Hash h = hash_bytes(whole);
    size_t n = hash_base32(&h, HASH_CHARS * 5 / 8, text, sizeof text);
    Str family = str_slice(r->id, 0, MIN(r->id.len, (size_t)ID_BYTES_MAX - 1 - n));
    return arena_fmt(&r->arena, "%.*s.%.*s", STR_FMT(family), (int)n, text);
}

/* An order to a child: what a person or the parent's end asks of it. */
static void order(Run *r, const Frame *f, Control verb, Str why) {
    static const char *const words[] = {
        [CONTROL_PAUSE] = "pause", [CONTROL_RESUME] = "resume", [CONTROL_CANCEL] = "cancel"
    };
    Str child = f->call->want->key;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "child", value_str(STR("control")));
    map_addz(&m, "verb", value_int(verb));
    map_addz(&m, "from", value_str(arena_fmt(&r->arena, "run %.*s", STR_FMT(r->id))));
    map_addz(&m, "why", value_str(why));
    run_post(r, (Post){ .id = arena_fmt(&r->arena, "%.*s:%s:%llu", STR_FMT(child), words[verb],
                                        (unsigned long long)r->facts),
                        .to = child,
                        .body = map_done(&m, NULL) });
}

void child_order_all(Run *r, Control verb, Str why) {
    for (const Want *w = r->wants_first; w; w = w->next)
        if (w->kind == WANT_CHILD && !w->stopping)
            order(r, w->frame, verb, why);
}

/* ---- the grant ------------------------------------------------------------------------------------------------------- */

static bool may_ask_models(const Plan *p) {
    for (size_t i = 0; i < p->n_nodes; i++) {
        const Callee *c = p->nodes[i]->callee;
        if (c && (c->kind == CALLEE_MODEL || c->kind == CALLEE_CALL))
            return true;
    }
    return false;
}

static int64_t smaller(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : MIN(a, b); }

/* What a limit has left for it: of calls that run side by side in a `for` each has an equal share. If others hold too much of
 * that, it waits for them rather than begin with a scrap. */
static int64_t share_of(const Budget *b, Bound bound, int64_t asked, int64_t side_by_side) {
    int64_t left = MAX((int64_t)0, b->limits.most[bound] - b->spent.of[bound]);
    int64_t free = MAX((int64_t)0, left - b->reserved.of[bound]);
    int64_t share = smaller(asked, MUTANT(grants_overlap) ? INT64_MAX : left / side_by_side);
    return share > free && free >= share - share / 2 ? free : share;
}

static int64_t at_once(const Frame *f) {
    if (f->shape != &shape_each || !f->node->for_)
        return 1;
    return MAX((int64_t)1, MIN((int64_t)f->node->for_->parallel, (int64_t)f->each->items.len));
}

int64_t child_side_by_side(const Frame *f) {
    int64_t n = 1;
    for (; f; f = f->parent)
        n = MIN(n * at_once(f), (int64_t)LIMIT_ITEMS);
    return n;
}

static int64_t grant_of(const Frame *f, Bound bound) {
    const Callee *c = f->call->callee;
    int64_t most = -1, side_by_side = 1;
    for (const Frame *up = f; up; up = up->parent) {
        const Budget *b = up->budget;
        side_by_side = MIN(side_by_side * at_once(up), (int64_t)LIMIT_ITEMS);
        if (b && b->limits.most[bound] >= 0)
            most = smaller(most, share_of(b, bound, c->called->limits.most[bound], side_by_side));
    }
    return most;
}

/* A child that asks no model spends nothing, and waits for nobody's money. With models it needs a call at least: that much is
 * reserved, so that it takes its turn like a call of a model. */
Amount child_worst_case(const Frame *f) {
    Amount grant = { 0 };
    if (!may_ask_models(f->call->callee->called))
        return grant;
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        grant.of[i] = MAX((int64_t)0, grant_of(f, i));
    for (Bound i = BOUND_COST; i <= BOUND_CALLS; i++)
        grant.of[i] = MAX((int64_t)1, grant.of[i]);
    return grant;
}

static int64_t depth_left(const Frame *f) {
    int64_t most = -1, levels = 0;
    for (const Frame *up = f; up; up = up->parent) {
        levels += up->shape == &shape_agent || up->shape == &shape_supervise || call_is_child(up);
        if (up->budget && up->budget->limits.most[BOUND_DEPTH] >= 0)
            most = smaller(most, MAX((int64_t)0, up->budget->limits.most[BOUND_DEPTH] - levels));
    }
    return most;
}

static int64_t time_left(const Frame *f) {
    int64_t most = -1;
    for (const Frame *up = f; up; up = up->parent) {
        const Budget *b = up->budget;
        if (b && b->limits.most[BOUND_TIME] >= 0)
            most = smaller(most, MAX((int64_t)1, b->limits.most[BOUND_TIME] -
                                                     budget_worked(b, f->run->time_ms)));
    }
    return most;
}

static bool fails_on_breach(const Frame *f) {
    for (; f; f = f->parent)
        if (f->budget && f->budget->limits.on_breach_fail)
            return true;
    return false;
}

/* As a map by the names of the bounds; those that nothing above limits are not in it. */
static Value grant_value(Run *r, const Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    for (Bound i = 0; i < BOUNDS; i++) {
        int64_t most = i < BOUNDS_COUNTED ? grant_of(f, i) < 0 ? -1 : f->call->reserved.of[i]
                       : i == BOUND_DEPTH ? depth_left(f)
                       : i == BOUND_TIME  ? time_left(f)
                                          : -1; /* the deadline of the parent is its own */
        if (most >= 0)
            map_addz(&m, bound_name(i), value_int(most));
    }
    if (fails_on_breach(f))
        map_addz(&m, "on_breach", value_str(STR("fail")));
    return map_done(&m, NULL);
}

/* ---- the parent's side ----------------------------------------------------------------------------------------------- */

bool child_too_deep(const Run *r) { return (r->caller ? r->caller->level : 0) >= LIMIT_CALL_DEPTH; }

/* Who calls, so that the child knows its parent and what it may spend. */
static Value caller_value(Run *r, const Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "run", value_str(r->id));
    map_addz(&m, "step", value_str(frame_address(f, &r->arena)));
    map_addz(&m, "attempt", value_int(f->call->attempt));
    map_addz(&m, "level", value_int((r->caller ? r->caller->level : 0) + 1));
    map_addz(&m, "grant", grant_value(r, f));
    return map_done(&m, NULL);
}

static void post_start(Run *r, const Frame *f) {
    const CallState *c = f->call;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "child", value_str(STR("start")));
    map_addz(&m, "input", c->args);
    map_addz(&m, "by", value_str(r->by));
    map_addz(&m, "correlation", value_str(run_correlation(r)));
    map_addz(&m, "caller", caller_value(r, f));
    map_addz(&m, "file", value_str(c->callee->called->file));
    map_addz(&m, "dir", value_str(plan_called_dir(r->plan, r->dir, c->callee->called, &r->arena)));
    run_post(r, (Post){ .id = arena_fmt(&r->arena, "%.*s:start", STR_FMT(c->want->key)),
                        .to = c->want->key,
                        .body = map_done(&m, NULL) });
}

void child_start(Run *r, Frame *f) {
    const CallState *c = f->call;
    int64_t timeout_ms = f->part != PART_CALL && f->node->timeout_ms ? f->node->timeout_ms
                                                                     : c->callee->timeout_ms;
    post_start(r, f);
    if (timeout_ms > 0)
        f->timeout = want_timer(r, f, TIMER_GROUP, r->time_ms + timeout_ms);
}

/* What a recorded outcome must have been given: the same input, and the same file. */
Value child_request(const Frame *f, Arena *a) {
    char hex[65];
    MapBuilder m = map_builder(a);
    hash_hex(&f->call->callee->called->hash, hex);
    map_addz(&m, "call", value_str(f->call->callee->called->file));
    map_addz(&m, "file", value_str(arena_str(a, str_from(hex))));
    map_addz(&m, "input", f->call->args);
    return map_done(&m, NULL);
}

void child_timer_off(Run *r, Frame *f) {
    if (call_is_child(f) && f->timeout)
        want_close(r, f->timeout);
    if (call_is_child(f))
        f->timeout = NULL;
}

void run_withdraw(Run *r, const Want *w) {
    Str start = arena_fmt(&r->arena, "%.*s:start", STR_FMT(w->key));
    size_t kept = 0;
    for (size_t i = 0; i < r->n_posts; i++)
        if (!str_eq(r->posts[i].id, start))
            r->posts[kept++] = r->posts[i];
    r->n_posts = kept;
}

void run_ask_again(Run *r, const Want *w) { post_start(r, w->frame); }

static void stop(Run *r, Frame *f, Str why) {
    if (f->call->want->stopping)
        return;
    frame_movef(r, f, STATUS_RUNNING, "asked to stop: %.*s", STR_FMT(why));
    order(r, f, CONTROL_CANCEL, why);
    want_stop(r, f->call->want);
}

bool child_abandon(Run *r, Frame *f, Str why) {
    if (!call_is_child(f) || !f->call->want || f->call->want->kind != WANT_CHILD ||
        MUTANT(child_left_behind))
        return false;
    stop(r, f, why);
    child_timer_off(r, f);
    f->abandoned = true;
    undo_loosen(f, 1);
    return true;
}

/* It is told to stop, and the step goes on when it has: what it did is then undone or known. */
bool child_runs_late(Run *r, Frame *f, Str why) {
    if (!call_is_child(f) || !f->call->want || f->call->want->kind != WANT_CHILD)
        return false;
    f->call->late = why;
    stop(r, f, why);
    return true;
}

static int64_t number_of(Value map, const char *key) {
    Value v = value_getz(map, key);
    return v.type == V_INT ? v.i : 0;
}

Amount child_used(Run *r, const Fact *fact) {
    Value spent = VALUE_NULL;
    json_read_copy(&r->arena, fact->shown, &spent, NULL);
    return (Amount){ .of = { [BOUND_COST] = fact->usage.cost_nano,
                             [BOUND_TOKENS] = fact->usage.tokens_in + fact->usage.tokens_out,
                             [BOUND_CALLS] = number_of(spent, "calls"),
                             [BOUND_AGENTS] = number_of(spent, "agents"),
                             [BOUND_RETRIES] = number_of(spent, "retries") } };
}

/* And what nobody knows was billed: that is spent too. */
Amount child_spent(Run *r, const Fact *fact) {
    Value spent = VALUE_NULL;
    Amount charged = child_used(r, fact);
    json_read_copy(&r->arena, fact->shown, &spent, NULL);
    Value lost = value_getz(spent, "lost");
    for (Bound i = BOUND_COST; i <= BOUND_CALLS && lost.type == V_MAP; i++)
        charged.of[i] += MAX((int64_t)0, number_of(lost, bound_name(i)));
    return charged;
}

static int64_t child_worked_ms(Run *r, const Fact *fact) {
    Value spent = VALUE_NULL;
    json_read_copy(&r->arena, fact->shown, &spent, NULL);
    return number_of(spent, "time_ms");
}

void child_settle(Run *r, Frame *f, const Fact *fact) {
    Amount spent = child_used(r, fact), charged = child_spent(r, fact);
    more_over(r, f);
    budget_settle(r, f, &f->call->reserved, &charged);
    budget_worked_more(r, f, child_worked_ms(r, fact));
    want_close(r, f->call->want);
    f->call->want = NULL;
    child_timer_off(r, f);
    f->tokens += spent.of[BOUND_TOKENS];
    f->cost += spent.of[BOUND_COST];
    f->calls += spent.of[BOUND_CALLS];
    r->counts.tokens += spent.of[BOUND_TOKENS];
    r->counts.cost_nano += spent.of[BOUND_COST];
    r->counts.model_calls += spent.of[BOUND_CALLS];
}

/* ---- the child's side ------------------------------------------------------------------------------------------------ */

static bool read_grant(Value grant, Limits *ret) {
    *ret = limits_none;
    ret->any = true; /* also without a limit: what it spends is counted for the parent */
    for (Bound i = 0; i < BOUNDS; i++) {
        Value v = value_getz(grant, bound_name(i));
        if (value_absent(v))
            continue;
        if (v.type != V_INT || v.i < 0)
            return false;
        ret->most[i] = v.i;
    }
    Value on_breach = value_getz(grant, "on_breach");
    ret->on_breach_fail = value_is(on_breach, V_STRING) && str_is(value_as_str(on_breach), "fail");
    return true;
}

bool caller_read(Run *r, Str text) {
    Value v;
    r->caller_text = arena_str(&r->arena, text);
    r->caller = NULL;
    if (!text.len)
        return true;
    if (json_read(&r->arena, r->caller_text, &v, NULL) || v.type != V_MAP)
        return false;
    Caller *c = ARENA_NEW(&r->arena, Caller);
    Value run = value_getz(v, "run"), step = value_getz(v, "step");
    Value attempt = value_getz(v, "attempt"), level = value_getz(v, "level");
    if (!value_is(run, V_STRING) || !value_is(step, V_STRING) || !value_is(attempt, V_INT) ||
        !value_is(level, V_INT) || attempt.i < 0 || attempt.i > UINT32_MAX || level.i < 1 ||
        level.i > LIMIT_CALL_DEPTH || !read_grant(value_getz(v, "grant"), &c->grant))
        return false;
    c->run = value_as_str(run);
    c->step = value_as_str(step);
    c->attempt = (uint32_t)attempt.i;
    c->level = (uint32_t)level.i;
    r->caller = c;
    return true;
}

/* What attempts had reserved of which nobody knows what they used: under way in a crash, or given up. The counts leave it out. */
static Value lost_value(Run *r) {
    const Amount *all = &r->root->budget->spent;
    const int64_t known[] = { [BOUND_COST] = r->counts.cost_nano,
                              [BOUND_TOKENS] = r->counts.tokens,
                              [BOUND_CALLS] = r->counts.model_calls };
    MapBuilder m = map_builder(&r->arena);
    for (Bound i = BOUND_COST; i <= BOUND_CALLS; i++)
        if (all->of[i] > known[i])
            map_addz(&m, bound_name(i), value_int(all->of[i] - known[i]));
    return map_done(&m, NULL);
}

static Value spent_value(Run *r) {
    const Budget *b = r->root->budget;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "cost_nano", value_int(r->counts.cost_nano));
    map_addz(&m, "tokens", value_int(r->counts.tokens));
    map_addz(&m, "calls", value_int(r->counts.model_calls));
    map_addz(&m, "agents", value_int(b ? b->spent.of[BOUND_AGENTS] : 0));
    map_addz(&m, "retries", value_int(b ? b->spent.of[BOUND_RETRIES] : 0));
    map_addz(&m, "time_ms", value_int(b ? budget_worked(b, r->time_ms) : 0));
    Value lost = b && !MUTANT(child_forgets_lost) ? lost_value(r) : VALUE_ABSENT;
    if (lost.type == V_MAP && lost.len)
        map_addz(&m, "lost", lost);
    return map_done(&m, NULL);
}

/* It is over: its parent is told how. */
void child_ended(Run *r) {
    if (!r->caller || MUTANT(child_ends_unsaid))
        return;
    bool ok = r->status == RUN_OK;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "child", value_str(STR("result")));
    map_addz(&m, "run", value_str(r->id));
    map_addz(&m, "step", value_str(r->caller->step));
    map_addz(&m, "attempt", value_int(r->caller->attempt));
    map_addz(&m, "status", value_str(str_from(run_status_name(r->status))));
    map_addz(&m, "spent", spent_value(r));
    map_addz(&m, "took_ms", value_int(r->ended_ms - r->started_ms));
    if (ok)
        map_addz(&m, "output", value_absent(r->output) ? VALUE_NULL : r->output);
    else
        map_addz(&m, "error", r->error);
    run_post(r, (Post){ .id = arena_fmt(&r->arena, "%.*s:result", STR_FMT(r->id)),
                        .to = r->caller->run,
                        .body = map_done(&m, NULL) });
}

Str run_caller(const Run *r) { return r->caller_text; }
Str run_parent(const Run *r) { return r->caller ? r->caller->run : STR(""); }
Str run_parent_step(const Run *r) { return r->caller ? r->caller->step : STR(""); }
