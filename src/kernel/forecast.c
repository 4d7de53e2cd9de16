/* The walk over a plan; what one call costs is in forecast_call.c. */
#include "kernel/forecast_load.h"

#include <stdlib.h>

typedef struct Walk {
    const Plan *plan;
    Arena *a;
    Forecast *f;
    size_t room_cuts, room_unpriced;
} Walk;

/* Where the walk stands: how often it comes there. */
typedef struct At {
    Str path;
    uint32_t depth;
    int64_t worst, expected;
    bool per_item;
} At;

/* ---- prices ------------------------------------------------------------------------------------------------------------ */

static void note_unpriced(Walk *w, Str model) {
    Forecast *f = w->f;
    for (size_t i = 0; i < f->n_unpriced; i++)
        if (str_eq(f->unpriced[i], model))
            return;
    if (f->n_unpriced == w->room_unpriced) {
        w->room_unpriced = MAX((size_t)8, w->room_unpriced * 2);
        Str *more = ARENA_ARRAY(w->a, Str, w->room_unpriced);
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

static void note_cut(Walk *w, Str path, const Limits *l, Bound bound, int64_t worst) {
    Forecast *f = w->f;
    if (f->n_cuts == w->room_cuts) {
        w->room_cuts = MAX((size_t)8, w->room_cuts * 2);
        ForecastCut *more = ARENA_ARRAY(w->a, ForecastCut, w->room_cuts);
        if (f->n_cuts)
            memcpy(more, f->cuts, f->n_cuts * sizeof *more);
        f->cuts = more;
    }
    f->cuts[f->n_cuts++] = (ForecastCut){ path, bound, l->pos[bound], l->most[bound], worst };
}

static void cut_one(Walk *w, Str path, const Limits *l, Bound bound, int64_t *worst,
                    int64_t *expected) {
    int64_t most = l->most[bound];
    if (most < 0)
        return;
    if (*worst > most) {
        note_cut(w, path, l, bound, *worst);
        *worst = most;
    }
    *expected = MIN(*expected, most);
}

static void cut(Walk *w, Str path, const Limits *l, Load *worst, Load *expected) {
    for (Bound i = 0; i < BOUNDS_COUNTED; i++)
        cut_one(w, path, l, i, &worst->of[i], &expected->of[i]);
    cut_one(w, path, l, BOUND_TIME, &worst->time_ms, &expected->time_ms);
    cut_one(w, path, l, BOUND_DEADLINE, &worst->time_ms, &expected->time_ms);
    if (l->most[BOUND_DEPTH] == 0 && worst->of[BOUND_AGENTS] > 0)
        note_cut(w, path, l, BOUND_DEPTH, 1);
}

/* ---- the walk -------------------------------------------------------------------------------------------------------- */

static void walk_step(Walk *w, const Node *n, At at, Load *ret_worst, Load *ret_expected);

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

static void walk_verb(Walk *w, const Node *n, At at, Load *worst, Load *expected) {
    switch (n->verb) {
    case VERB_INVOKE:
        if (n->callee->kind == CALLEE_MODEL) {
            note_prices(w, n->callee);
            *worst = forecast_agent_worst(n, w->a);
            *expected = forecast_agent_expected(n, w->a);
            w->f->depth = MAX(w->f->depth, 1);
            cut(w, at.path, &n->callee->limits, worst, expected);
        } else {
            *worst = forecast_call_worst(n);
        }
        return;
    case VERB_GROUP: walk_group(w, n, at, worst, expected); return;
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
    size_t row = w->f->n_steps++;
    int64_t items = n->for_ ? items_of(n) : 1, rounds = n->repeat ? n->repeat->max : 1;
    int64_t usual = n->repeat && n->repeat->until ? 1 : rounds;
    At inner = { .path = path_of(w, n, at.path),
                 .depth = at.depth + 1,
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

Forecast forecast_of(const Plan *plan, Arena *a) {
    Forecast f = { .steps = ARENA_ARRAY(a, ForecastStep, plan->n_nodes + 1) };
    Walk w = { .plan = plan, .a = a, .f = &f };
    At at = { .path = STR(""), .worst = 1, .expected = 1 };
    walk_group(&w, plan->root, at, &f.worst, &f.expected);
    cut(&w, STR(""), &plan->limits, &f.worst, &f.expected);
    return f;
}
