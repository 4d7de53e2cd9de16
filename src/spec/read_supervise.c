/* `supervise`: who leads, who does the tasks, what holds for each of those, and what becomes of the results. */
#include "spec/read.h"

#include "base/limits.h"

enum { BODY = SEES_STEPS | SEES_LOOP | SEES_ROUND };

typedef struct SuperviseDraft {
    Node *node;
    Supervise *supervise;
    const Yaml *lead; /* of `plan.agent`, else of `lead` */
    const Yaml *templates;
} SuperviseDraft;
struct TaskNote {
    TaskNote *next;
    Node *node; /* the verb's */
    const Node *modifiers;
    size_t n_workers;
};

/* Lead and workers are read before all others: see read_supervise(). */
static void take_before(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target;
}

static void take_parallel(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`parallel`", 1, 10000,
               &((SuperviseDraft *)target)->supervise->tasks.parallel);
}

static void take_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max`", 1, 1000000, &((SuperviseDraft *)target)->supervise->max);
}

static void take_until(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    SuperviseDraft *d = target;
    (void)key;
    read_later(r, value, d->node, BODY | SEES_AFTER | SEES_EVALUATION, NULL, &d->supervise->until);
}

static void take_replan(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = { "failed", "all" };
    size_t which;
    (void)key;
    if (read_choice(r, value, "`replan`", words, ARRAY_LEN(words), &which))
        ((SuperviseDraft *)target)->supervise->replan_all = which == 1;
}

static void take_evaluate(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    SuperviseDraft *d = target;
    Sight sight = { .sees = BODY | SEES_AFTER, .node = d->node };
    d->supervise->evaluate = read_play_step(r, key, value, STR("evaluate"), true, &sight);
}

static void take_aggregate(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = { [AGGREGATE_MERGE] = "merge",
                                         [AGGREGATE_FORWARD] = "forward",
                                         [AGGREGATE_TREE] = "tree",
                                         [AGGREGATE_VOTE] = "vote" };
    SuperviseDraft *d = target;
    Sight sight = { .sees = BODY, .node = d->node };
    size_t which;
    if (value->kind == YAML_MAP) {
        d->supervise->aggregate = AGGREGATE_STEP;
        d->supervise->aggregator = read_play_step(r, key, value, STR("aggregate"), true, &sight);
    } else if (read_choice(r, value, "`aggregate`", words, ARRAY_LEN(words), &which)) {
        d->supervise->aggregate = (Aggregate)which;
    }
}

/* Read once; when all its expressions are there, each worker gets it (place_tasks). */
static void take_task(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    SuperviseDraft *d = target;
    Sight sight = { .sees = BODY | SEES_TASK, .node = d->node };
    Node *modifiers = read_part(r, key, value, STR("task"), PLACE_TASK, &sight);
    if (!modifiers)
        return;
    TaskNote *note = ARENA_NEW(&r->scratch, TaskNote);
    *note = (TaskNote){ r->tasks, d->node, modifiers, d->supervise->tasks.n_workers };
    modifiers->is_part = true; /* names of the verb are found through it */
    r->tasks = note;
}

/* ---- the plan -------------------------------------------------------------------------------------------------------- */

static void check_template_agents(Reader *r, const Yaml *items, const SuperviseDraft *d) {
    const TaskRules *rules = &d->supervise->tasks;
    Str *names = ARENA_ARRAY(&r->scratch, Str, rules->n_workers);
    for (size_t i = 0; i < rules->n_workers; i++)
        names[i] = d->node->parts[i]->name;
    if (items->kind != YAML_LIST)
        return;
    if (items->n > (size_t)rules->max_tasks)
        error_at(r, items, "limit", "raise `max_tasks`", "a template of %zu tasks, at most %d",
                 items->n, rules->max_tasks);
    for (size_t i = 0; i < items->n; i++) {
        const Yaml *agent = items->items[i]->kind == YAML_MAP ? yaml_get(items->items[i], "agent")
                                                              : NULL;
        bool found = !agent;
        for (size_t k = 0; agent && agent->kind == YAML_SCALAR && k < rules->n_workers; k++)
            found |= str_eq(names[k], agent->text);
        if (!found)
            error_at(r, agent, "unknown_name",
                     agent->kind == YAML_SCALAR
                         ? near_remedy(r, agent->text, names, rules->n_workers)
                         : NULL,
                     "a task is for one of `workers`");
    }
}

static void take_templates(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    SuperviseDraft *d = target;
    Sight sight = { .sees = BODY, .node = d->node };
    (void)key;
    size_t before = r->diags->errors;
    read_form(r, value, STR("{[PlanItem]}"), &sight, "`templates`");
    if (r->diags->errors > before || !read_data(r, value, "`templates`", &d->supervise->templates))
        return;
    d->templates = value;
    for (size_t i = 0; i < value->n; i++)
        check_template_agents(r, value->entries[i].value, d);
}

static void take_max_tasks(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_max_tasks(r, value, &((SuperviseDraft *)target)->supervise->tasks);
}

/* A gate over the plan is asked when there is one. */
static void take_approve(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    SuperviseDraft *d = target;
    Node *lead = d->supervise->lead;
    (void)key;
    if (!lead)
        return;
    read_gates(r, value, &(Sight){ .sees = BODY | SEES_AFTER, .node = lead }, &lead->gates,
               &lead->n_gates);
    for (size_t i = 0; i < lead->n_gates; i++)
        lead->gates[i]->after = true;
}

static const KeyRow plan_rows[] = {
    { "templates", take_templates },
    { "agent", take_before },
    { "max_tasks", take_max_tasks },
    { "approve", take_approve },
};

static void take_plan(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    SuperviseDraft *d = target;
    Sight sight = { .sees = BODY, .node = d->node };
    (void)key;
    if (read_is_map(r, value, "`plan`"))
        read_block(r, value, language_block(STR("SupervisePlan")), plan_rows, ARRAY_LEN(plan_rows),
                   &sight, d);
}

static const KeyRow rows[] = {
    { "lead", take_before },       { "workers", take_before }, { "plan", take_plan },
    { "parallel", take_parallel }, { "task", take_task },      { "aggregate", take_aggregate },
    { "evaluate", take_evaluate }, { "until", take_until },    { "max", take_max },
    { "replan", take_replan },
};

void read_supervise(Reader *r, const Yaml *y, Node *node) {
    if (!read_is_map(r, y, "`supervise`"))
        return;
    Supervise *s = ARENA_NEW(r->arena, Supervise);
    SuperviseDraft d = { .node = node, .supervise = s };
    Sight sight = { .sees = BODY, .node = node };
    const Yaml *workers = yaml_get(y, "workers"), *lead = yaml_get(y, "lead"),
               *plan = yaml_get(y, "plan");
    node->supervise = s;
    tasks_begin(&s->tasks);
    if (plan && plan->kind == YAML_MAP && yaml_get(plan, "agent"))
        lead = yaml_get(plan, "agent");
    if (workers)
        read_workers(r, workers, node, &s->tasks);
    if (lead)
        s->lead = read_play_agent(r, lead, STR("lead"), true, node);
    read_block(r, y, language_block(STR("Supervise")), rows, ARRAY_LEN(rows), &sight, &d);
    if (s->lead)
        s->lead->output = plan_type(r, node, &s->tasks, d.templates);
    if (s->aggregate == AGGREGATE_TREE && lead)
        s->aggregator = read_play_agent(r, lead, STR("merge"), true, node);
    node->play_max = (int32_t)MIN((int64_t)s->max * (s->tasks.max_tasks + 3), INT32_MAX);
}

/* ---- what holds for every task --------------------------------------------------------------------------------------- */

static void give(Node *worker, const Node *task) {
    if (task->retry.declared)
        worker->retry = task->retry;
    if (task->effect)
        worker->effect = task->effect;
    if (task->key_life_ms)
        worker->key_life_ms = task->key_life_ms;
    if (task->doubt.deadline_ms)
        worker->doubt = task->doubt;
    worker->cache_ms = task->cache_ms;
    worker->timeout_ms = task->timeout_ms;
    worker->queue_ms = task->queue_ms;
    worker->check = task->check;
    worker->output = task->output;
    worker->on_error = task->on_error;
    worker->handlers = task->handlers;
    worker->n_handlers = task->n_handlers;
    worker->gates = task->gates;
    worker->n_gates = task->n_gates;
    worker->limits = task->limits;
    worker->key = task->key;
    worker->sets = task->sets;
    worker->n_sets = task->n_sets;
}

void place_tasks(Reader *r) {
    for (const TaskNote *note = r->tasks; note; note = note->next)
        for (size_t i = 0; i < note->n_workers && i < note->node->n_parts; i++)
            give(note->node->parts[i], note->modifiers);
}
