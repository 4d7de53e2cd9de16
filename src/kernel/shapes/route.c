/* route: one of several targets, by the first stage that is sure.
 *
 *   text --> rules --> examples --> :model --> examples --> capability --> :else      not sure: the next
 *                 \      near enough   sure enough   nearest       first      /
 *                  +---------+------------+-----------+-------------+--------+--> a target --ok--> its output
 *                                                                                     \ declines, and `reroute` is left:
 *                                                                                       on among those that were not asked
 *
 * The examples have two thresholds. From `accept` on they choose; from `abstain` on they choose where the model does not, or
 * there is none. Before a model or a capability chooses, or a rule that asks for it, the engine tells how the targets are
 * (:system, where anything holds any of them back): who cannot be asked now, and who has a queue. A target is asked once, so that the way through is never longer than the list. `detail` says which stage
 * chose, by what, and what those before it had to say. */
#include "kernel/play.h"
#include "kernel/step.h"

#include <stdio.h>

/* Of a target's exemplars the model is shown the first: enough to see the kind. */
#define CARD_EXEMPLARS 5

/* Numbers are stored. */
typedef enum Stage {
    STAGE_NONE,
    STAGE_RULES,
    STAGE_EXAMPLES,
    STAGE_MODEL,
    STAGE_CAPABILITY,
    STAGE_ELSE
} Stage;
static const char *const stage_names[] = { "nobody", "rules",      "examples",
                                           "model",  "capability", "else" };

struct RouteState {
    Play play;
    Value text, wanted; /* wanted: a list of capabilities; absent: any target will do */
    bool *tried;        /* by target */
    uint32_t next_rule; /* of the order in which they are asked */
    uint32_t rerouted;
    double *nearness;           /* by target, to its examples; NULL: not compared yet */
    Stage stage;                /* of the choice that stands */
    uint32_t to;                /* a target, if the stage is none of nobody and else */
    Str rule;                   /* by which; empty: by none */
    Value confidence, requires; /* of the choice; absent: it is not measured, nothing is said */
    Value reasons, declined;    /* lists */
    Value system;               /* how the targets are, for this choice; absent: not looked at */
    Stage looks_for;            /* the stage that waits for it */
};

static const Router *router_of(const Frame *f) { return f->node->router; }

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

static Value with_item(Run *r, Value list, Value item) {
    ListBuilder l = list_builder(&r->arena);
    for (uint32_t i = 0; i < list.len; i++)
        list_add(&l, list.items[i]);
    list_add(&l, item);
    return list_done(&l);
}

static void reason(Run *r, Frame *f, Str text) {
    f->route->reasons = with_item(r, f->route->reasons, value_str(text));
}

static Str name_of_choice(const Frame *f) {
    const RouteState *s = f->route;
    return s->stage == STAGE_NONE   ? STR("")
           : s->stage == STAGE_ELSE ? STR("else")
                                    : router_of(f)->targets[s->to].step->name;
}

/* By name, of those that have examples; absent: they were not compared. */
static Value scores_of(Run *r, const Frame *f) {
    const Router *router = router_of(f);
    MapBuilder m = map_builder(&r->arena);
    if (!f->route->nearness)
        return VALUE_ABSENT;
    for (size_t i = 0; i < router->n_targets; i++)
        if (router->targets[i].centre)
            map_adds(&m, router->targets[i].step->name, value_double(f->route->nearness[i]));
    return map_done(&m, NULL);
}

static void add_known(MapBuilder *m, const char *name, Value v) {
    if (!value_absent(v))
        map_addz(m, name, v);
}

static void tell(Run *r, Frame *f) {
    const RouteState *s = f->route;
    MapBuilder m = map_builder(&r->arena);
    if (s->stage != STAGE_NONE)
        map_addz(&m, "to", value_str(name_of_choice(f)));
    map_addz(&m, "stage", value_str(str_from(stage_names[s->stage])));
    if (s->rule.len)
        map_addz(&m, "rule", value_str(s->rule));
    add_known(&m, "confidence", s->confidence);
    add_known(&m, "scores", scores_of(r, f));
    add_known(&m, "requires_context", s->requires);
    if (router_of(f)->n_prefer)
        add_known(&m, "past", value_get(r->past, f->node->name));
    map_addz(&m, "reasons", s->reasons);
    add_known(&m, "targets", s->system);
    if (s->declined.len)
        map_addz(&m, "declined", s->declined);
    f->detail = map_done(&m, NULL);
}

/* ---- the stages ------------------------------------------------------------------------------------------------------ */

static bool can_do(const RouteTarget *t, Value wanted) {
    for (uint32_t i = 0; !value_absent(wanted) && i < wanted.len; i++) {
        bool found = false;
        for (size_t k = 0; k < t->n_capabilities; k++)
            found |= value_equal(wanted.items[i], value_str(t->capabilities[k]));
        if (!found)
            return false;
    }
    return true;
}

static bool is_open(const Frame *f, uint32_t to) {
    bool tried = f->route->tried[to] && !MUTANT(route_asks_again);
    return !tried && can_do(&router_of(f)->targets[to], f->route->wanted);
}

static void choose_target(Frame *f, Stage stage, uint32_t to, Str rule) {
    f->route->stage = stage;
    f->route->to = to;
    f->route->rule = rule;
    f->route->confidence = f->route->requires = VALUE_ABSENT;
}

/* False where an `if` cannot be asked: the step has failed. */
static bool ask_rules(Run *r, Frame *f) {
    const Router *router = router_of(f);
    RouteState *s = f->route;
    uint32_t asked = 0;
    while (s->next_rule < router->n_rules) {
        size_t number = router->order[s->next_rule++];
        const RouteRule *rule = &router->rules[number];
        bool yes = false;
        char problem[320];
        Scope scope = scope_of(r, f);
        if (!is_open(f, rule->to))
            continue;
        asked++;
        Str name = rule->name.len ? rule->name : arena_fmt(&r->arena, "#%zu", number + 1);
        if (scope_test(&scope, rule->if_, &yes, problem)) {
            frame_failf(r, f, KIND_INVALID, "the rule %.*s: %s", (int)MIN(name.len, 80), name.p,
                        problem);
            return false;
        }
        if (yes) {
            choose_target(f, STAGE_RULES, rule->to, name);
            reason(r, f, arena_fmt(&r->arena, "rules: %.*s holds", STR_FMT(name)));
            return true;
        }
    }
    if (asked)
        reason(r, f, arena_fmt(&r->arena, "rules: none of %u holds", asked));
    return true;
}

static void compare(Run *r, Frame *f) {
    const Router *router = router_of(f);
    Embedding text;
    f->route->nearness = ARENA_ARRAY(&r->arena, double, router->n_targets);
    embed_text(value_as_str(f->route->text), &text);
    for (size_t i = 0; i < router->n_targets; i++)
        if (router->targets[i].centre)
            f->route->nearness[i] = embed_nearness(&text, router->targets[i].centre);
}

/* The nearest, if it is at least so near. */
static void ask_examples(Run *r, Frame *f, double least) {
    const Router *router = router_of(f);
    RouteState *s = f->route;
    size_t best = router->n_targets;
    if (!router->examples)
        return;
    if (!s->nearness)
        compare(r, f);
    for (uint32_t i = 0; i < router->n_targets; i++)
        if (router->targets[i].centre && is_open(f, i) &&
            (best == router->n_targets || s->nearness[i] > s->nearness[best]))
            best = i;
    if (best == router->n_targets)
        return;
    Str name = router->targets[best].step->name;
    bool near = s->nearness[best] >= least || MUTANT(route_threshold_ignored);
    reason(r, f,
           arena_fmt(&r->arena, "examples: %.*s %.3f, %s %.3g", STR_FMT(name), s->nearness[best],
                     near ? "at least" : "less than", least));
    if (!near)
        return;
    choose_target(f, STAGE_EXAMPLES, (uint32_t)best, STR(""));
    s->confidence = value_double(s->nearness[best]);
}

static bool is_available(const Frame *f, uint32_t to) {
    Value target = value_get(f->route->system, router_of(f)->targets[to].step->name);
    Value available = value_getz(target, "available");
    return available.type != V_BOOL || available.b || MUTANT(route_unavailable_chosen);
}

/* Who cannot be asked now is left out where somebody else is left. */
static void keep_available(Run *r, Frame *f, bool *keep) {
    const Router *router = router_of(f);
    uint32_t n = 0;
    for (uint32_t i = 0; i < router->n_targets; i++)
        n += keep[i] && is_available(f, i);
    for (uint32_t i = 0; n && i < router->n_targets; i++) {
        if (!keep[i] || is_available(f, i))
            continue;
        Str name = router->targets[i].step->name;
        keep[i] = false;
        reason(r, f, arena_fmt(&r->arena, "capability: %.*s cannot be asked now", STR_FMT(name)));
    }
}

/* By those who have it, and of them by who has done best so far. */
static void ask_capability(Run *r, Frame *f) {
    static const char *const words[PREFER_COUNT] = { "success", "latency", "cost" };
    const Router *router = router_of(f);
    bool *keep = ARENA_ARRAY(&r->arena, bool, router->n_targets);
    uint32_t n = 0;
    Str by = STR("");
    if (value_absent(f->route->wanted) && router->n_prefer == 0)
        return;
    for (uint32_t i = 0; i < router->n_targets; i++)
        n += keep[i] = is_open(f, i);
    keep_available(r, f, keep);
    for (size_t i = 0; i < router->n_prefer; i++) {
        dispatch_keep_best(r, f, router->prefer[i], keep);
        by = arena_fmt(&r->arena, "%.*s%s%s", STR_FMT(by), i ? ", " : " by ",
                       words[router->prefer[i]]);
    }
    uint32_t to = dispatch_pick(r, f, keep);
    if (to == router->n_targets) {
        reason(r, f, STR("capability: nobody has it"));
        return;
    }
    choose_target(f, STAGE_CAPABILITY, to, STR(""));
    reason(r, f,
           arena_fmt(&r->arena, "capability: %.*s of %u%.*s",
                     STR_FMT(router->targets[to].step->name), n, STR_FMT(by)));
}

/* ---- the course ------------------------------------------------------------------------------------------------------ */

static void open_choice(Run *r, Frame *f) {
    RouteState *s = f->route;
    const Router *router = router_of(f);
    if (s->stage == STAGE_NONE && router->else_)
        s->stage = STAGE_ELSE;
    tell(r, f);
    if (s->stage == STAGE_NONE) {
        Str why = s->reasons.len ? value_as_str(s->reasons.items[s->reasons.len - 1]) : STR("");
        frame_failf(r, f, KIND_NO_ROUTE,
                    "nobody was chosen among %zu targets, and there is no `else`%s%.*s",
                    router->n_targets, why.len ? ": " : "", (int)MIN(why.len, 200), why.p);
    } else if (s->stage == STAGE_ELSE) {
        play_open(r, f, router->else_, VALUE_ABSENT);
    } else {
        s->tried[s->to] = true;
        play_open(r, f, router->targets[s->to].step, VALUE_ABSENT);
    }
}

static Value texts(Run *r, const Str *items, size_t n) {
    ListBuilder l = list_builder(&r->arena);
    for (size_t i = 0; i < n; i++)
        list_add(&l, value_str(items[i]));
    return list_done(&l);
}

/* True: it is being asked how the targets are, and the stage goes on when that is known. */
static bool looks_first(Run *r, Frame *f, Stage stage) {
    const Router *router = router_of(f);
    Str *names = ARENA_ARRAY(&r->arena, Str, router->n_targets);
    if (!router->system || !value_absent(f->route->system) || r->rules < RULES_SYSTEM)
        return false;
    for (size_t i = 0; i < router->n_targets; i++)
        names[i] = router->targets[i].step->name;
    f->route->looks_for = stage;
    play_open(r, f, router->system, texts(r, names, router->n_targets));
    return true;
}

static void choose_by_capability(Run *r, Frame *f) {
    bool asked = !value_absent(f->route->wanted) || router_of(f)->n_prefer;
    if (f->route->stage == STAGE_NONE && asked && looks_first(r, f, STAGE_CAPABILITY))
        return;
    if (f->route->stage == STAGE_NONE)
        ask_capability(r, f);
    open_choice(r, f);
}

/* Behind the model, or where there is none. */
static void choose_without_model(Run *r, Frame *f) {
    const Router *router = router_of(f);
    if (f->route->stage == STAGE_NONE && router->abstain < router->accept)
        ask_examples(r, f, router->abstain);
    choose_by_capability(r, f);
}

static bool anybody_left(const Frame *f) {
    for (uint32_t i = 0; i < router_of(f)->n_targets; i++)
        if (is_open(f, i))
            return true;
    return false;
}

/* ---- the model ------------------------------------------------------------------------------------------------------- */

static void add_count(MapBuilder *m, const char *name, Value v) {
    if (v.type == V_INT && v.i > 0)
        map_addz(m, name, v);
}

static Value card_of(Run *r, const RouteTarget *t, Value system) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "name", value_str(t->step->name));
    if (t->description.len)
        map_addz(&m, "description", value_str(t->description));
    if (t->n_capabilities)
        map_addz(&m, "capabilities", texts(r, t->capabilities, t->n_capabilities));
    if (t->n_exemplars)
        map_addz(&m, "examples",
                 texts(r, t->exemplars, MIN(t->n_exemplars, (size_t)CARD_EXEMPLARS)));
    add_known(&m, "unavailable", value_getz(system, "why"));
    add_count(&m, "queue", value_getz(system, "queue"));
    add_count(&m, "calls", value_getz(system, "calls"));
    return map_done(&m, NULL);
}

static void ask_model(Run *r, Frame *f) {
    const Router *router = router_of(f);
    RouteState *s = f->route;
    Scope scope = scope_of(r, f);
    Value context = VALUE_ABSENT;
    char problem[320];
    ListBuilder targets = list_builder(&r->arena);
    MapBuilder m = map_builder(&r->arena);
    if (router->model_with && scope_eval(&scope, router->model_with, &context, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return;
    }
    for (uint32_t i = 0; i < router->n_targets; i++)
        if (is_open(f, i))
            list_add(&targets, card_of(r, &router->targets[i],
                                       value_get(s->system, router->targets[i].step->name)));
    map_addz(&m, "text", s->text);
    map_addz(&m, "targets", list_done(&targets));
    add_known(&m, "nearest", scores_of(r, f));
    add_known(&m, "context", context);
    if (s->declined.len)
        map_addz(&m, "declined", s->declined);
    s->stage = STAGE_MODEL;
    play_open(r, f, router->model, map_done(&m, NULL));
}

static double confidence_of(Value answer) {
    Value v = value_getz(answer, "confidence");
    return v.type == V_INT ? (double)v.i : v.type == V_DOUBLE ? v.d : 0;
}

/* A model that cannot be asked is not sure. */
static void model_answered(Run *r, Frame *f, bool ok, Value answer, Value error) {
    const Router *router = router_of(f);
    RouteState *s = f->route;
    uint32_t to = 0;
    s->stage = STAGE_NONE;
    if (!ok) {
        Str message = value_as_str(value_getz(error, "message"));
        reason(r, f, arena_fmt(&r->arena, "model: %.*s", (int)MIN(message.len, 200), message.p));
        return;
    }
    Str name = value_as_str(value_getz(answer, "to")),
        why = value_as_str(value_getz(answer, "reasoning"));
    while (to < router->n_targets && !str_eq(router->targets[to].step->name, name))
        to++;
    double sure = confidence_of(answer);
    bool is_open_name = to < router->n_targets && is_open(f, to);
    bool chosen = is_open_name && (sure >= router->model_accept || MUTANT(route_threshold_ignored));
    Str but = chosen         ? STR("")
              : is_open_name ? arena_fmt(&r->arena, ", less than %.3g", router->model_accept)
                             : STR(", who is not to be asked");
    reason(r, f,
           arena_fmt(&r->arena, "model: %.*s %.3g%.*s%s%.*s", STR_FMT(name), sure, STR_FMT(but),
                     why.len ? ": " : "", (int)MIN(why.len, 400), why.p));
    if (!chosen)
        return;
    choose_target(f, STAGE_MODEL, to, STR(""));
    s->confidence = value_double(sure);
    s->requires = value_getz(answer, "requires_context");
}

static void choose_by_model(Run *r, Frame *f) {
    if (!looks_first(r, f, STAGE_MODEL))
        ask_model(r, f);
}

static void choose_by_rules(Run *r, Frame *f) {
    const Router *router = router_of(f);
    if (!ask_rules(r, f))
        return;
    if (f->route->stage == STAGE_NONE)
        ask_examples(r, f, router->accept);
    if (f->route->stage == STAGE_NONE && router->model)
        choose_by_model(r, f);
    else
        choose_without_model(r, f);
}

static void choose(Run *r, Frame *f) {
    choose_target(f, STAGE_NONE, 0, STR(""));
    f->route->system = VALUE_ABSENT;
    if (!anybody_left(f)) {
        reason(r, f, STR("nobody is left"));
        open_choice(r, f);
    } else if (!router_of(f)->looks_first || !looks_first(r, f, STAGE_RULES)) {
        choose_by_rules(r, f);
    }
}

/* Where nobody could tell, nothing is known. */
static void looked(Run *r, Frame *f, const Frame *child) {
    MapBuilder nothing = map_builder(&r->arena);
    f->route->system = child->status == STATUS_OK ? child->output : map_done(&nothing, NULL);
    if (f->route->looks_for == STAGE_RULES)
        choose_by_rules(r, f);
    else if (f->route->looks_for == STAGE_MODEL)
        ask_model(r, f);
    else
        choose_by_capability(r, f);
}

/* Text and capability: once, before anything is chosen. */
static bool look_at(Run *r, Frame *f, char problem[320]) {
    const Router *router = router_of(f);
    RouteState *s = f->route;
    Scope scope = scope_of(r, f);
    Value text = f->with, wanted = VALUE_ABSENT;
    if (router->text && scope_eval(&scope, router->text, &text, problem))
        return false;
    bool none = value_absent(text) || text.type == V_NULL;
    s->text = value_str(none ? STR("") : value_plain(&r->arena, text));
    if (router->capability && scope_eval(&scope, router->capability, &wanted, problem))
        return false;
    if (value_absent(wanted) || wanted.type == V_NULL)
        return true;
    s->wanted = wanted.type == V_LIST ? wanted : with_item(r, value_list(NULL, 0), wanted);
    return true;
}

static void enter(Run *r, Frame *f) {
    char problem[320];
    RouteState *s = play_begin(r, f, sizeof(RouteState));
    s->tried = ARENA_ARRAY(&r->arena, bool, router_of(f)->n_targets);
    s->reasons = s->declined = value_list(NULL, 0);
    s->system = VALUE_ABSENT;
    if (look_at(r, f, problem))
        choose(r, f);
    else
        frame_failf(r, f, KIND_INVALID, "%s", problem);
}

/* "Not mine": whoever is next best is asked, as often as `reroute` says. */
static bool declined(Run *r, Frame *f, const Frame *child) {
    RouteState *s = f->route;
    Value kind = value_getz(child->error, "kind"), message = value_getz(child->error, "message");
    if (s->stage == STAGE_ELSE || router_of(f)->reroute == 0 || kind.type != V_STRING ||
        !str_is(value_as_str(kind), "declined"))
        return false;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "by", value_str(child->node->name));
    map_addz(&m, "reason", message);
    s->declined = with_item(r, s->declined, map_done(&m, NULL));
    return true;
}

static void child_done(Run *r, Frame *f, Frame *child) {
    RouteState *s = f->route;
    Value output = child->output, error = child->error;
    bool ok = child->status == STATUS_OK;
    bool was_model = child->node == router_of(f)->model;
    bool was_declined = !ok && !was_model && declined(r, f, child);
    play_over(r, f, child);
    if (child->node == router_of(f)->system) {
        looked(r, f, child);
        return;
    }
    if (was_model) {
        model_answered(r, f, ok, output, error);
        choose_without_model(r, f);
        return;
    }
    if (ok) {
        frame_done(r, f, output);
        return;
    }
    if (!was_declined) {
        frame_fail(r, f, error);
        return;
    }
    if ((int32_t)s->rerouted++ < router_of(f)->reroute || MUTANT(reroute_unbounded)) {
        choose(r, f);
        return;
    }
    choose_target(f, STAGE_NONE, 0, STR(""));
    reason(r, f, arena_fmt(&r->arena, "declined %u times", s->rerouted));
    open_choice(r, f);
}

static Str because(Run *r, const Frame *f, const Frame *child) {
    const RouteState *s = f->route;
    if (child->node == router_of(f)->model)
        return STR("nobody is sure yet");
    if (child->node == router_of(f)->system)
        return STR("how the targets are");
    if (s->stage == STAGE_RULES)
        return arena_fmt(&r->arena, "by rules: %.*s", (int)MIN(s->rule.len, 80), s->rule.p);
    if (!value_absent(s->confidence))
        return arena_fmt(&r->arena, "by %s: %.3f", stage_names[s->stage], s->confidence.d);
    return arena_fmt(&r->arena, "by %s", stage_names[s->stage]);
}

static Value look(Run *r, const Frame *f, const Frame *child, PlayName name) {
    (void)r, (void)child;
    return name == NAME_TEXT      ? f->route->text
           : name == NAME_TARGETS ? f->route->system
                                  : VALUE_ABSENT;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

static void save(const Run *r, const Frame *f, Buf *b) {
    const RouteState *s = f->route;
    play_save(f, b);
    value_encode(b, s->text);
    value_encode(b, s->wanted);
    for (size_t i = 0; i < router_of(f)->n_targets; i++)
        buf_u8(b, s->tried[i]);
    buf_varint(b, s->next_rule);
    buf_varint(b, s->rerouted);
    buf_u8(b, s->nearness != NULL);
    for (size_t i = 0; s->nearness && i < router_of(f)->n_targets; i++)
        value_encode(b, value_double(s->nearness[i]));
    buf_varint(b, s->stage);
    buf_varint(b, s->to);
    buf_blob(b, s->rule);
    value_encode(b, s->confidence);
    value_encode(b, s->requires);
    value_encode(b, s->reasons);
    value_encode(b, s->declined);
    if (r->rules < RULES_SYSTEM)
        return;
    value_encode(b, s->system);
    buf_varint(b, s->looks_for);
}

static Value load_list(Run *r, Cursor *c) {
    Value v = value_decode(c, &r->arena);
    c->bad |= v.type != V_LIST;
    return v;
}

static double load_double(Run *r, Cursor *c) {
    Value v = value_decode(c, &r->arena);
    c->bad |= v.type != V_DOUBLE;
    return v.d;
}

static void load(Run *r, Frame *f, Cursor *c) {
    const Router *router = router_of(f);
    RouteState *s = play_load(r, f, c, sizeof(RouteState));
    if (!s)
        return;
    s->text = value_decode(c, &r->arena);
    s->wanted = value_decode(c, &r->arena);
    s->tried = ARENA_ARRAY(&r->arena, bool, router->n_targets);
    for (size_t i = 0; i < router->n_targets; i++)
        s->tried[i] = cursor_u8(c) & 1;
    s->next_rule = (uint32_t)cursor_varint(c);
    s->rerouted = (uint32_t)cursor_varint(c);
    s->nearness = cursor_u8(c) ? ARENA_ARRAY(&r->arena, double, router->n_targets) : NULL;
    for (size_t i = 0; s->nearness && i < router->n_targets && !c->bad; i++)
        s->nearness[i] = load_double(r, c);
    uint64_t stage = cursor_varint(c), to = cursor_varint(c);
    c->bad |= stage > STAGE_ELSE || to >= MAX(router->n_targets, (size_t)1) ||
              s->text.type != V_STRING || (!value_absent(s->wanted) && s->wanted.type != V_LIST);
    s->stage = c->bad ? STAGE_NONE : (Stage)stage;
    s->to = c->bad ? 0 : (uint32_t)to;
    s->rule = arena_str(&r->arena, cursor_blob(c));
    s->confidence = value_decode(c, &r->arena);
    s->requires = value_decode(c, &r->arena);
    c->bad |= !value_absent(s->confidence) && s->confidence.type != V_DOUBLE;
    s->reasons = load_list(r, c);
    s->declined = load_list(r, c);
    s->system = VALUE_ABSENT;
    if (r->rules < RULES_SYSTEM)
        return;
    s->system = value_decode(c, &r->arena);
    uint64_t looks_for = cursor_varint(c);
    c->bad |= looks_for > STAGE_ELSE;
    s->looks_for = c->bad ? STAGE_NONE : (Stage)looks_for;
}

const Shape shape_route = {
    .name = "route",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = play_timer_due,
    .look = look,
    .because = because,
    .save = save,
    .load = load,
};
