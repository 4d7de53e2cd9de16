/* supervise: a lead makes a plan, agents do its tasks, what they gave becomes one result, which is judged; not good enough, and
 * the lead plans again.
 *
 *   :lead --plan--> tasks, as their needs are met --> aggregate --> :evaluate --> until? --yes--> done
 *     ^                                                                             | no, and rounds are left
 *     +-----------------------------------------------------------------------------+
 *
 * Without `evaluate` and `until` a round is enough in which no task failed. After `max` rounds the best one counts, by the
 * `score` of its evaluation if there is one, else the last. A new plan keeps what is done (`replan: failed`), unless it plans it
 * otherwise; with `replan: all` everything is done again. */
#include "kernel/agenda.h"
#include "kernel/play.h"
#include "spec/prompts.h"
#include "kernel/step.h"

typedef struct Round { /* what it came to */
    Value output, evaluation;
} Round;
struct SuperviseState {
    Play play;
    uint32_t round;
    Agenda agenda;
    Value from_template; /* its name; absent: the lead planned freely */
    Round now, best;
    /* tree: results that are merged two by two, level by level */
    Value *layer;
    uint32_t n_layer, layer_serial; /* the serial of the merge of its first two */
};

static void end_round(Run *r, Frame *f);

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

static void tell(Run *r, Frame *f, const char *stopped) {
    const SuperviseState *s = f->supervise;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "rounds", value_int(s->round));
    map_addz(&m, "stopped", value_str(str_from(stopped)));
    if (!value_absent(s->from_template))
        map_addz(&m, "template", s->from_template);
    map_addz(&m, "tasks", agenda_results(r, f, &s->agenda));
    map_addz(&m, "failures", agenda_failures(r, f, &s->agenda));
    if (!value_absent(s->best.evaluation))
        map_addz(&m, "evaluation", s->best.evaluation);
    f->detail = map_done(&m, NULL);
}

static void fail(Run *r, Frame *f, Value error) {
    tell(r, f, "failed");
    frame_fail(r, f, error);
}

/* ---- the plan -------------------------------------------------------------------------------------------------------- */

static Value workers_of(Run *r, const Frame *f) {
    ListBuilder l = list_builder(&r->arena);
    for (size_t i = 0; i < f->node->supervise->tasks.n_workers; i++) {
        const Callee *c = f->node->parts[i]->callee;
        ListBuilder can = list_builder(&r->arena);
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "agent", value_str(f->node->parts[i]->name));
        if (c->description.len)
            map_addz(&m, "description", value_str(c->description));
        for (size_t k = 0; k < c->n_capabilities; k++)
            list_add(&can, value_str(c->capabilities[k]));
        if (c->n_capabilities)
            map_addz(&m, "capabilities", list_done(&can));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

/* What the lead is handed: the task, who can be given what, and what came of the plan before. */
static Value brief(Run *r, const Frame *f) {
    const Supervise *spec = f->node->supervise;
    const SuperviseState *s = f->supervise;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "task", value_absent(f->with) ? VALUE_NULL : f->with);
    map_addz(&m, "workers", workers_of(r, f));
    map_addz(&m, "max_tasks", value_int(spec->tasks.max_tasks));
    if (!value_absent(spec->templates))
        map_addz(&m, "templates", spec->templates);
    map_addz(&m, "round", value_int(s->round));
    if (s->round > 1) {
        map_addz(&m, "results", agenda_results(r, f, &s->agenda));
        if (!value_absent(s->now.output))
            map_addz(&m, "answer", s->now.output);
        if (!value_absent(s->now.evaluation))
            map_addz(&m, "evaluation", s->now.evaluation);
    }
    PromptName how = s->round == 1      ? PROMPT_PLAN
                     : spec->replan_all ? PROMPT_REPLAN_ALL
                                        : PROMPT_REPLAN;
    map_addz(&m, "instructions", value_str(prompt_text(r->plan, &r->arena, how, STR(""))));
    return map_done(&m, NULL);
}

static void plan(Run *r, Frame *f) {
    f->supervise->round++;
    play_open(r, f, f->node->supervise->lead, brief(r, f));
}

/* The tasks of a plan: its own, or those of the template that it names. */
static Value tasks_of(const Frame *f, Value plan, Value *ret_template) {
    Value tasks = value_getz(plan, "tasks"), name = value_getz(plan, "template");
    Value templates = f->node->supervise->templates;
    *ret_template = name.type == V_STRING ? name : VALUE_ABSENT;
    if (tasks.type == V_LIST || name.type != V_STRING || templates.type != V_MAP)
        return tasks;
    return value_get(templates, value_as_str(name));
}

static bool read_plan(Run *r, const Frame *f, Value given, Agenda *ret, Value *ret_template,
                      Str *ret_problem) {
    const Supervise *spec = f->node->supervise;
    const SuperviseState *s = f->supervise;
    Value tasks = tasks_of(f, given, ret_template);
    const Agenda *carried = s->round > 1 && !spec->replan_all ? &s->agenda : NULL;
    if (!agenda_read(r, f, &spec->tasks, tasks, carried, ret, ret_problem))
        return false;
    if (ret->n > 0)
        return true;
    *ret_problem = STR("a plan has at least one task");
    return false;
}

static bool accepts(Run *r, const Frame *f, const Frame *child, Value output, Str *ret_problem) {
    Agenda unused;
    Value template;
    return child->node != f->node->supervise->lead ||
           read_plan(r, f, output, &unused, &template, ret_problem);
}

static void planned(Run *r, Frame *f, Value given) {
    SuperviseState *s = f->supervise;
    Agenda agenda;
    Str problem;
    if (!read_plan(r, f, given, &agenda, &s->from_template, &problem)) {
        frame_failf(r, f, KIND_INVALID, "the plan: %.*s", STR_FMT(problem));
        return;
    }
    s->agenda = agenda;
    s->now = (Round){ 0 };
    agenda_go_on(r, f, &f->node->supervise->tasks, &s->agenda, VALUE_ABSENT);
    if (agenda_done(&s->agenda))
        end_round(r, f);
}

/* ---- one result of many ---------------------------------------------------------------------------------------------- */

static uint32_t outputs_ok(Run *r, const Agenda *agenda, Value **ret) {
    uint32_t n = 0;
    *ret = ARENA_ARRAY(&r->arena, Value, agenda->n);
    for (uint32_t i = 0; i < agenda->n; i++)
        if (agenda->tasks[i].status == STATUS_OK)
            (*ret)[n++] = agenda->tasks[i].output;
    return n;
}

static bool all_are(const Value *outputs, uint32_t n, ValueType type) {
    for (uint32_t i = 0; i < n; i++)
        if (outputs[i].type != type)
            return false;
    return n > 0;
}

/* Maps become one map, where later tasks win; lists one list; else a map by id. */
static Value merged(Run *r, const Agenda *agenda) {
    Value *outputs;
    uint32_t n = outputs_ok(r, agenda, &outputs);
    if (all_are(outputs, n, V_LIST)) {
        ListBuilder l = list_builder(&r->arena);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < outputs[i].len; k++)
                list_add(&l, outputs[i].items[k]);
        return list_done(&l);
    }
    if (!all_are(outputs, n, V_MAP))
        return agenda_outputs(r, agenda);
    Value all = outputs[0];
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t k = 0; k < outputs[i].len; k++)
            all = value_with(&r->arena, all, value_as_str(value_entry(outputs[i], k).key),
                             value_entry(outputs[i], k).value);
    return all;
}

/* What most of them gave; the earlier of two. */
static Value voted(const Value *outputs, uint32_t n) {
    uint32_t best = 0, most = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t same = 0;
        for (uint32_t k = 0; k < n; k++)
            same += value_equal(outputs[i], outputs[k]);
        if (same > most) {
            best = i;
            most = same;
        }
    }
    return n ? outputs[best] : VALUE_NULL;
}

static void aggregated(Run *r, Frame *f, Value output) {
    SuperviseState *s = f->supervise;
    const Supervise *spec = f->node->supervise;
    s->now.output = output;
    if (!spec->evaluate) {
        end_round(r, f);
        return;
    }
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "task", value_absent(f->with) ? VALUE_NULL : f->with);
    map_addz(&m, "output", output);
    play_open(r, f, spec->evaluate, map_done(&m, NULL));
}

/* ---- tree: two by two ---- */

static void merge_layer(Run *r, Frame *f) {
    SuperviseState *s = f->supervise;
    if (s->n_layer <= 1) {
        aggregated(r, f, s->n_layer ? s->layer[0] : VALUE_NULL);
        return;
    }
    s->layer_serial = s->play.serial + 1;
    for (uint32_t i = 0; i + 1 < s->n_layer; i += 2) {
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "task", value_absent(f->with) ? VALUE_NULL : f->with);
        map_addz(&m, "results", value_list(s->layer + i, 2));
        map_addz(&m, "instructions",
                 value_str(prompt_text(r->plan, &r->arena, PROMPT_MERGE, STR(""))));
        play_open(r, f, f->node->supervise->aggregator, map_done(&m, NULL));
    }
}

/* The first of the two makes room for what both became; the odd one at the end goes up as it is. */
static void merged_two(Run *r, Frame *f, uint32_t serial, Value output) {
    SuperviseState *s = f->supervise;
    s->layer[(serial - s->layer_serial) * 2] = output;
    if (s->play.open > 0)
        return;
    uint32_t n = (s->n_layer + 1) / 2;
    Value *up = ARENA_ARRAY(&r->arena, Value, n);
    for (uint32_t i = 0; i < n; i++)
        up[i] = s->layer[i * 2];
    s->layer = up;
    s->n_layer = n;
    merge_layer(r, f);
}

static Value all_results(Run *r, Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "task", value_absent(f->with) ? VALUE_NULL : f->with);
    map_addz(&m, "results", agenda_results(r, f, &f->supervise->agenda));
    return map_done(&m, NULL);
}

static void aggregate(Run *r, Frame *f) {
    SuperviseState *s = f->supervise;
    Value *outputs;
    uint32_t n = outputs_ok(r, &s->agenda, &outputs);
    if (n == 0) {
        tell(r, f, "failed");
        frame_failf(r, f, KIND_ALL_FAILED, "none of %u tasks ended ok", s->agenda.n);
        return;
    }
    switch (f->node->supervise->aggregate) {
    case AGGREGATE_MERGE: aggregated(r, f, merged(r, &s->agenda)); return;
    case AGGREGATE_FORWARD: aggregated(r, f, outputs[n - 1]); return;
    case AGGREGATE_VOTE: aggregated(r, f, voted(outputs, n)); return;
    case AGGREGATE_TREE:
        s->layer = outputs;
        s->n_layer = n;
        merge_layer(r, f);
        return;
    case AGGREGATE_STEP: play_open(r, f, f->node->supervise->aggregator, all_results(r, f)); return;
    }
}

/* ---- is it enough? --------------------------------------------------------------------------------------------------- */

static bool score_of(Value evaluation, double *ret) {
    Value score = evaluation.type == V_MAP ? value_getz(evaluation, "score") : VALUE_ABSENT;
    *ret = score.type == V_INT ? (double)score.i : score.d;
    return score.type == V_INT || score.type == V_DOUBLE;
}

static void keep_best(SuperviseState *s) {
    double now, best;
    bool scored = score_of(s->now.evaluation, &now) && score_of(s->best.evaluation, &best);
    if (!scored || now >= best)
        s->best = s->now;
}

/* -1: it could not be asked, and the step has failed. */
static int is_enough(Run *r, Frame *f) {
    const Supervise *spec = f->node->supervise;
    char problem[320];
    bool yes = false;
    if (!spec->until)
        return agenda_failures(r, f, &f->supervise->agenda).len == 0;
    Scope s = scope_of(r, f);
    s.output = f->supervise->now.output;
    if (scope_test(&s, spec->until, &yes, problem)) {
        frame_failf(r, f, KIND_INVALID, "until: %s", problem);
        return -1;
    }
    return yes;
}

static void end_round(Run *r, Frame *f) {
    SuperviseState *s = f->supervise;
    if (value_absent(s->now.output)) {
        aggregate(r, f);
        return;
    }
    int enough = is_enough(r, f);
    if (enough < 0)
        return;
    keep_best(s);
    if (enough)
        s->best = s->now;
    if (enough || (s->round >= (uint32_t)f->node->supervise->max && !MUTANT(supervise_for_ever))) {
        tell(r, f, enough ? "until" : "max");
        frame_done(r, f, s->best.output);
    } else {
        plan(r, f);
    }
}

/* ---- the course ------------------------------------------------------------------------------------------------------ */

static void enter(Run *r, Frame *f) {
    play_begin(r, f, sizeof(SuperviseState));
    plan(r, f);
}

static void task_done(Run *r, Frame *f, bool failed, Value error) {
    SuperviseState *s = f->supervise;
    if (failed) {
        fail(r, f, error);
        return;
    }
    agenda_go_on(r, f, &f->node->supervise->tasks, &s->agenda, VALUE_ABSENT);
    if (agenda_done(&s->agenda))
        end_round(r, f);
}

static void child_done(Run *r, Frame *f, Frame *child) {
    const Supervise *spec = f->node->supervise;
    SuperviseState *s = f->supervise;
    const Node *part = child->node;
    uint32_t serial = child->a;
    Value output = child->status == STATUS_OK ? child->output : VALUE_NULL, error = child->error;
    bool failed = child->status != STATUS_OK && !child->tolerated;
    bool task = agenda_over(&s->agenda, child) != NULL;
    play_over(r, f, child);
    if (task) {
        task_done(r, f, failed, error);
    } else if (failed) {
        fail(r, f, error);
    } else if (part == spec->lead) {
        planned(r, f, output);
    } else if (part == spec->evaluate) {
        s->now.evaluation = output;
        end_round(r, f);
    } else if (spec->aggregate == AGGREGATE_TREE) {
        merged_two(r, f, serial, output);
    } else {
        aggregated(r, f, output);
    }
}

static Value look(Run *r, const Frame *f, const Frame *child, PlayName name) {
    const SuperviseState *s = f->supervise;
    const Task *t = child ? agenda_task(&s->agenda, child->a) : NULL;
    switch (name) {
    case NAME_TASK: return t ? agenda_task_value(r, f, t) : VALUE_ABSENT;
    case NAME_EVALUATION: return s->now.evaluation;
    case NAME_OUTPUT: return s->now.output;
    default: return VALUE_ABSENT;
    }
}

static Str because(Run *r, const Frame *f, const Frame *child) {
    const SuperviseState *s = f->supervise;
    const Task *t = agenda_task(&s->agenda, child->a);
    if (t)
        return arena_fmt(&r->arena, "task %.*s", STR_FMT(t->id));
    if (child->node == f->node->supervise->lead)
        return arena_fmt(&r->arena, "round %u", s->round);
    return STR("");
}

/* A task follows those it needs, and all that came before its plan; what is done with the results follows all. */
static bool follows(const Frame *f, const Frame *child, uint32_t serial) {
    const Agenda *agenda = &f->supervise->agenda;
    const Task *t = agenda_task(agenda, child->a);
    if (t && agenda_task(agenda, serial))
        return agenda_needs(agenda, t, serial);
    return child->a > serial;
}

static void save_round(const Round *round, Buf *b) {
    value_encode(b, round->output);
    value_encode(b, round->evaluation);
}

static void load_round(Run *r, Round *round, Cursor *c) {
    round->output = value_decode(c, &r->arena);
    round->evaluation = value_decode(c, &r->arena);
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const SuperviseState *s = f->supervise;
    play_save(f, b);
    buf_varint(b, s->round);
    agenda_save(&s->agenda, b);
    value_encode(b, s->from_template);
    save_round(&s->now, b);
    save_round(&s->best, b);
    buf_varint(b, s->layer_serial);
    value_encode(b, value_list(s->layer, s->n_layer));
}

static void load(Run *r, Frame *f, Cursor *c) {
    SuperviseState *s = play_load(r, f, c, sizeof(SuperviseState));
    if (!s)
        return;
    s->round = (uint32_t)cursor_varint(c);
    agenda_load(r, f, &s->agenda, c);
    s->from_template = value_decode(c, &r->arena);
    load_round(r, &s->now, c);
    load_round(r, &s->best, c);
    s->layer_serial = (uint32_t)cursor_varint(c);
    Value layer = value_decode(c, &r->arena);
    if (layer.type != V_LIST) {
        c->bad = true;
        return;
    }
    s->n_layer = layer.len;
    s->layer = ARENA_ARRAY(&r->arena, Value, layer.len);
    for (uint32_t i = 0; i < layer.len; i++)
        s->layer[i] = layer.items[i];
}

const Shape shape_supervise = {
    .name = "supervise",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = play_timer_due,
    .look = look,
    .accepts = accepts,
    .because = because,
    .follows = follows,
    .save = save,
    .load = load,
};
