/* The walk over a plan; what one call costs is in forecast_call.c.
 *
 * A workflow that is called is walked like the one that calls it, once for each number of levels that may still stand below it:
 * what it can cost is then added wherever it is called. A circle of calls thus ends where a run would end it, at `limits.depth` or
 * at LIMIT_CALL_DEPTH, and takes no longer than so many walks, also where each level calls the next several times. */
#include "kernel/forecast_load.h"

#include "base/limits.h"
#include "base/mutant.h"

#include <stdlib.h>

#define UNLIMITED INT64_MAX

/* How many levels may still stand below: of calls of workflows; of these, conversations and supervisors. */
typedef struct Levels {
    int64_t calls, all;
} Levels;

typedef struct Child Child;
struct Child {
    const Plan *plan;
    Levels levels;
    Forecast f;
    Child *next;
};

/* What the walks of one forecast share. */
typedef struct Whole {
    Forecast *f; /* of the workflow that is asked about */
    Child *children;
    size_t room_unpriced;
} Whole;

typedef struct Walk {
    const Plan *plan;
    const struct Walk *caller; /* NULL: nobody calls it */
    Arena *a;
    Whole *whole;
    Forecast *f;
    size_t room_steps, room_cuts;
} Walk;

/* Where the walk stands: how often it comes there. */
typedef struct At {
    Str path;
    uint32_t depth;
    Levels levels;
    int64_t worst, expected;
    bool per_item;
} At;

/* ---- prices ------------------------------------------------------------------------------------------------------------ */

static void note_unpriced(Walk *w, Str model) {
    Forecast *f = w->whole->f;
    for (size_t i = 0; i < f->n_unpriced; i++)
        if (str_eq(f->unpriced[i], model))
            return;
    if (f->n_unpriced == w->whole->room_unpriced) {
        w->whole->room_unpriced = MAX((size_t)8, w->whole->room_unpriced * 2);
        Str *more = ARENA_ARRAY(w->a, Str, w->whole->room_unpriced);
        if (f->n_unpriced)
            memcpy(more, f->unpriced, f->n_unpriced * sizeof *more);
        f->unpriced = more;
    }
    f->unpriced[f->n_unpriced++] = model;
}

static void note_prices(Walk *w, const Callee *c) {
    for (size_t i = 0; i < c->n_models + c->n_cheaper; i++)
        if (!c->prices[i].known)
            note_unpriced(w, c->models[i]);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

/* What is called from several places, or in a circle, has each limit once. */
static bool is_noted(Forecast *f, const ForecastCut *cut) {
    for (size_t i = 0; i < f->n_cuts; i++) {
        ForecastCut *c = &f->cuts[i];
        if (c->bound != cut->bound || c->pos.line != cut->pos.line ||
            c->pos.column != cut->pos.column || !str_eq(c->pos.file, cut->pos.file))
            continue;
        c->worst = MAX(c->worst, cut->worst);
        return true;
    }
    return false;
}

static void note_cut(Walk *w, ForecastCut cut) {
    Forecast *f = w->f;
    if (is_noted(f, &cut))
        return;
    if (f->n_cuts == w->room_cuts) {
        w->room_cuts = MAX((size_t)8, w->room_cuts * 2);
        ForecastCut *more = ARENA_ARRAY(w->a, ForecastCut, w->room_cuts);
        if (f->n_cuts)
            memcpy(more, f->cuts, f->n_cuts * sizeof *more);
        f->cuts = more;
    }
    f->cuts[f->n_cuts++] = cut;
}

static void cut_one(Walk *w, Str path, const Limits *l, Bound bound, int64_t *worst,
                    int64_t *expected) {
    int64_t most = l->most[bound];
    if (most < 0)
        return;
    if (*worst > most) {
        note_cut(w, (ForecastCut){ path, bound, l->pos[bound], most, *worst });
        *worst = most;
    }
    *expected = MIN(*expected, most);
}

static void cut(Walk *w, Str path, const Limits *l, Load *worst, Load *expected) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        cut_one(w, path, l, i, &worst->of[i], &expected->of[i]);
    cut_one(w, path, l, BOUND_TIME, &worst->time_ms, &expected->time_ms);
    cut_one(w, path, l, BOUND_DEADLINE, &worst->time_ms, &expected->time_ms);
    cut_one(w, path, l, BOUND_DEPTH, &worst->depth, &expected->depth);
}

/* ---- the walk -------------------------------------------------------------------------------------------------------- */

static void walk_step(Walk *w, const Node *n, At at, Load *ret_worst, Load *ret_expected);

static size_t add_step(Walk *w) {
    Forecast *f = w->f;
    if (f->n_steps == w->room_steps) {
        w->room_steps = MAX((size_t)16, w->room_steps * 2);
        ForecastStep *more = ARENA_ARRAY(w->a, ForecastStep, w->room_steps);
        if (f->n_steps)
            memcpy(more, f->steps, f->n_steps * sizeof *more);
        f->steps = more;
    }
    return f->n_steps++;
}

static Levels below(Levels levels, const Limits *own) {
    if (own->most[BOUND_DEPTH] >= 0)
        levels.all = MIN(levels.all, own->most[BOUND_DEPTH]);
    return levels;
}

/* In a list one after another; in a map each as soon as what it needs is there. */
static int64_t latest(const Node *n, const Load *loads) {
    int64_t *ends = xcalloc(n->n_children + 1, sizeof *ends), last = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < n->n_children; i++) {
            int64_t begin = 0;
            for (size_t k = 0; k < n->children[i]->n_needs; k++)
                begin = MAX(begin, ends[n->children[i]->needs[k]]);
            int64_t end = plus(begin, loads[i].time_ms);
            moved |= end != ends[i];
            ends[i] = end;
        }
    }
    for (size_t i = 0; i < n->n_children; i++)
        last = MAX(last, ends[i]);
    free(ends);
    return last;
}

static void walk_group(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    Load *loads = ARENA_ARRAY(w->a, Load, n->n_children + 1);
    for (size_t i = 0; i < n->n_children; i++) {
        Load one = { 0 };
        walk_step(w, n->children[i], at, &loads[i], &one);
        *worst = load_plus(*worst, loads[i]);
        *expected = load_plus(*expected, one);
    }
    worst->time_ms = latest(n, loads);
    if (n->timeout_ms)
        worst->time_ms = MIN(worst->time_ms, n->timeout_ms);
}

/* The dearest target and the model, as often as another may be asked, and `else`. */
static void walk_route(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    Load target = { 0 }, roles = { 0 };
    int64_t asked = MIN((int64_t)n->router->n_targets, 1 + n->router->reroute);
    for (size_t i = 0; i < n->n_parts; i++) {
        Load one = { 0 }, likely = { 0 };
        walk_step(w, n->parts[i], at, &one, &likely);
        if (n->parts[i]->is_role)
            roles =
                load_in_turn(roles, n->parts[i] == n->router->model ? load_times(one, asked) : one);
        else
            target = load_most(target, one);
        *expected = load_most(*expected, likely);
    }
    *worst = load_in_turn(load_times(target, asked), roles);
    if (n->timeout_ms)
        worst->time_ms = MIN(worst->time_ms, n->timeout_ms);
}

/* Each part once, all of them; or, one after another, the dearest as often as there are turns. */
static void walk_play(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    Load most = { 0 }, sum = { 0 }, each = { 0 };
    for (size_t i = 0; i < n->n_parts; i++) {
        Load one = { 0 }, likely = { 0 };
        walk_step(w, n->parts[i], at, &one, &likely);
        most = load_most(most, one);
        sum = load_in_turn(sum, one);
        each = load_plus(each, likely);
    }
    *worst = n->play_max ? load_times(most, n->play_max) : sum;
    *expected = each;
    if (n->timeout_ms)
        worst->time_ms = MIN(worst->time_ms, n->timeout_ms);
}

/* A level more, if it fits. What does not has no cost; that it would be there is what the limit cuts. */
static bool step_down(At *at, const Limits *own, Load *worst) {
    at->levels = below(at->levels, own);
    worst->depth = 1;
    if (at->levels.all == 0)
        return false;
    at->levels.all -= at->levels.all != UNLIMITED;
    return true;
}

static void walk_supervise(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    step_down(&at, &limits_none, worst);
    walk_play(w, n, at, worst, expected);
    worst->depth = plus(worst->depth, 1);
}

/* ---- workflows that are called --------------------------------------------------------------------------------------- */

static Forecast walk_plan(const Plan *plan, const Walk *caller, Arena *a, Whole *whole,
                          Levels levels);

static const Forecast *child_of(Walk *w, const Plan *called, Levels levels) {
    for (const Child *c = w->whole->children; c; c = c->next)
        if (c->plan == called && c->levels.calls == levels.calls && c->levels.all == levels.all)
            return &c->f;
    Child *c = ARENA_NEW(w->a, Child);
    *c = (Child){ .plan = called, .levels = levels };
    c->f = walk_plan(called, w, w->a, w->whole, levels);
    c->next = w->whole->children;
    w->whole->children = c;
    return &c->f;
}

static bool is_under_way(const Walk *w, const Plan *called) {
    while (w && w->plan != called)
        w = w->caller;
    return w != NULL;
}

static Str behind(Walk *w, Str path, Str more) {
    return more.len ? arena_fmt(w->a, "%.*s/%.*s", STR_FMT(path), STR_FMT(more)) : path;
}

/* Below the step that calls it, `often` times for each of its own. */
static void list_its_steps(Walk *w, const Forecast *its, At at, int64_t often) {
    if (w->f->n_steps + its->n_steps > FORECAST_STEPS_MAX)
        return;
    for (size_t i = 0; i < its->n_steps; i++) {
        ForecastStep s = its->steps[i];
        int64_t worst = times(at.worst, often);
        s.path = behind(w, at.path, s.path);
        s.depth += at.depth;
        s.times = times(s.times, worst);
        s.per_item |= at.per_item;
        s.worst = load_times(s.worst, worst);
        s.expected = load_times(s.expected, at.expected);
        w->f->steps[add_step(w)] = s;
    }
}

static void list_its_cuts(Walk *w, const Forecast *its, Str path) {
    for (size_t i = 0; i < its->n_cuts; i++) {
        ForecastCut cut = its->cuts[i];
        cut.path = behind(w, path, cut.path);
        note_cut(w, cut);
    }
}

/* One run of it. False: there may be none. */
static bool walk_called(Walk *w, const Callee *c, At at, int64_t often, Load *worst,
                        Load *expected) {
    if (at.levels.calls == 0 || MUTANT(forecast_forgets_calls) ||
        !step_down(&at, &c->limits, worst))
        return false;
    at.levels.calls--;
    const Forecast *its = child_of(w, c->called, at.levels);
    bool again = is_under_way(w, c->called);
    *worst = its->worst;
    w->f->per_item |= its->per_item;
    list_its_cuts(w, its, at.path);
    if (again)
        w->whole->f->circle = c->called->name;
    else {
        *expected = its->expected;
        list_its_steps(w, its, at, often);
    }
    return true;
}

static void walk_call(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    Load one = { 0 };
    if (walk_called(w, n->callee, at, forecast_child_attempts(n), &one, expected))
        *worst = forecast_child_worst(n, &one);
    else
        *worst = one;
    cut(w, at.path, &n->callee->limits, worst, expected);
}

static void walk_agent(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    note_prices(w, n->callee);
    if (step_down(&at, &n->callee->limits, worst)) {
        *worst = forecast_agent_worst(n, w->a);
        *expected = forecast_agent_expected(n, w->a);
    }
    cut(w, at.path, &n->callee->limits, worst, expected);
    if (!n->recall || !n->recall->summary)
        return;
    Load one = { 0 }, likely = { 0 };
    walk_step(w, n->recall->summary, at, &one, &likely);
    *worst = load_in_turn(*worst, one);
    *expected = load_plus(*expected, likely);
}

static void walk_verb(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    switch (n->verb) {
    case VERB_INVOKE:
        if (n->callee->kind == CALLEE_MODEL)
            walk_agent(w, n, at, worst, expected);
        else if (n->callee->kind == CALLEE_CALL)
            walk_call(w, n, at, worst, expected);
        else
            *worst = forecast_call_worst(n);
        return;
    case VERB_GROUP: walk_group(w, n, at, worst, expected); return;
    case VERB_SUPERVISE: walk_supervise(w, n, at, worst, expected); return;
    case VERB_WAIT:
    case VERB_RECEIVE:
        worst->time_ms = n->wait_ms >= 0           ? n->wait_ms
                         : n->wait_timeout_ms >= 0 ? n->wait_timeout_ms
                                                   : FORECAST_UNBOUNDED;
        return;
    default:
        if (n->router)
            walk_route(w, n, at, worst, expected);
        else if (n->n_parts)
            walk_play(w, n, at, worst, expected);
        return;
    }
}

/* -1: only a run knows. */
static int64_t items_of(const Node *n) {
    const Template *in = n->for_->in;
    if (in->kind == TEMPLATE_LIST)
        return (int64_t)in->n;
    return in->kind == TEMPLATE_CONST && in->constant.type == V_LIST ? (int64_t)in->constant.len
                                                                     : -1;
}

static void walk_handlers(Walk *w, const Node *n, At at, Load *worst) {
    Load most = { 0 };
    for (size_t i = 0; i < n->n_handlers; i++) {
        Load one = { 0 }, unused = { 0 };
        at.expected = 0;
        walk_step(w, n->handlers[i].step, at, &one, &unused);
        most = load_most(most, one); /* the first that fits, and no other */
    }
    *worst = load_in_turn(*worst, most);
}

static Str path_of(Walk *w, const Node *n, Str parent) {
    Str name = n->handler_of ? STR("on_error") : n->name;
    return parent.len ? arena_fmt(w->a, "%.*s/%.*s", STR_FMT(parent), STR_FMT(name)) : name;
}

static void walk_step(Walk *w, const Node *n, At at, Load *ret_worst, Load *ret_expected) {
    size_t row = add_step(w);
    int64_t items = n->for_ ? items_of(n) : 1, rounds = n->repeat ? n->repeat->max : 1;
    int64_t usual = n->repeat && n->repeat->until ? 1 : rounds;
    At inner = { .path = path_of(w, n, at.path),
                 .depth = at.depth + 1,
                 .levels = below(at.levels, &n->limits),
                 .worst = times(at.worst, times(MAX(items, 0), rounds)),
                 .expected = times(at.expected, times(MAX(items, 0), usual)),
                 .per_item = at.per_item || items < 0 };
    if (items < 0) {
        inner.worst = times(at.worst, rounds);
        inner.expected = times(at.expected, usual);
    }
    Load worst = { 0 }, expected = { 0 };
    walk_verb(w, n, inner, &worst, &expected);
    int64_t n_items = items < 0 ? 1 : items;
    int64_t waves = n->for_ ? (n_items + n->for_->parallel - 1) / MAX(1, n->for_->parallel) : 1;
    int64_t once_ms = times(worst.time_ms, rounds);
    worst = load_times(worst, times(n_items, rounds));
    worst.time_ms = times(once_ms, waves);
    expected = load_times(expected, times(n_items, usual));
    if (n->n_handlers)
        walk_handlers(w, n, inner, &worst);
    cut(w, inner.path, &n->limits, &worst, &expected);
    w->f->per_item |= items < 0;
    w->f->steps[row] = (ForecastStep){ .node = n,
                                       .path = inner.path,
                                       .depth = at.depth,
                                       .times = inner.worst,
                                       .per_item = inner.per_item,
                                       .worst = load_times(worst, at.worst),
                                       .expected = load_times(expected, at.expected) };
    *ret_worst = worst;
    *ret_expected = expected;
}

static Forecast walk_plan(const Plan *plan, const Walk *caller, Arena *a, Whole *whole,
                          Levels levels) {
    Forecast f = { 0 };
    Walk w = { .plan = plan, .caller = caller, .a = a, .whole = whole, .f = &f };
    At at = { .path = STR(""), .levels = below(levels, &plan->limits), .worst = 1, .expected = 1 };
    walk_group(&w, plan->root, at, &f.worst, &f.expected);
    cut(&w, STR(""), &plan->limits, &f.worst, &f.expected);
    return f;
}

Forecast forecast_of(const Plan *plan, Arena *a) {
    Forecast noted = { .circle = STR("") };
    Whole whole = { .f = &noted };
    Levels levels = { .calls = LIMIT_CALL_DEPTH, .all = UNLIMITED };
    Forecast f = walk_plan(plan, NULL, a, &whole, levels);
    f.circle = noted.circle;
    f.unpriced = noted.unpriced;
    f.n_unpriced = noted.n_unpriced;
    return f;
}
