/* Plans made at run time: who may be in them, and their type, which a model that makes one is held to. */
#include "spec/read.h"

#include "base/limits.h"

enum { BODY = SEES_STEPS | SEES_LOOP | SEES_ROUND };

/* Where a file says nothing. */
#define TASKS_AT_ONCE 16
#define TASKS_MAX 100

void tasks_begin(TaskRules *rules) {
    rules->parallel = TASKS_AT_ONCE;
    rules->max_tasks = TASKS_MAX;
}

void read_workers(Reader *r, const Yaml *y, Node *node, TaskRules *rules) {
    ASSERT(node->n_parts == 0);
    if (y->kind != YAML_LIST)
        error_at(r, y, "value", "like `[researcher, writer]`", "a list of agents");
    else if (y->n == 0)
        error_at(r, y, "value", "name at least one agent", "nobody could do a task");
    else
        rules->n_workers = read_play_agents(r, y, node);
}

/* ---- the type of a plan ---------------------------------------------------------------------------------------------- */

static const Type *options(Reader *r, const Str *names, size_t n) {
    Value *items = ARENA_ARRAY(r->arena, Value, n);
    for (size_t i = 0; i < n; i++)
        items[i] = value_str(names[i]);
    Type *t = type_new(r, TYPE_ENUM);
    t->options = value_list(items, (uint32_t)n);
    return t;
}

static void add_field(Type *record, const char *name, const Type *type, bool optional) {
    record->fields[record->n_fields++] = (TypeField){ str_from(name), type, optional };
}

static Type *new_list(Reader *r, const Type *item) {
    Type *t = type_new(r, TYPE_LIST);
    t->item = item;
    return t;
}

static const Type *task_type(Reader *r, const Node *node, const TaskRules *rules) {
    Type *task = type_new(r, TYPE_RECORD);
    Str *names = ARENA_ARRAY(&r->scratch, Str, rules->n_workers);
    for (size_t i = 0; i < rules->n_workers; i++)
        names[i] = node->parts[i]->name;
    task->fields = ARENA_ARRAY(r->arena, TypeField, 6);
    add_field(task, "id", type_new(r, TYPE_STRING), false);
    add_field(task, "agent", options(r, names, rules->n_workers), true);
    add_field(task, "capability", type_new(r, TYPE_STRING), true);
    add_field(task, "task", type_new(r, TYPE_STRING), false);
    add_field(task, "needs", new_list(r, type_new(r, TYPE_STRING)), true);
    add_field(task, "priority", type_new(r, TYPE_NUMBER), true);
    return task;
}

const Type *plan_type(Reader *r, const Node *node, const TaskRules *rules, const Yaml *templates) {
    Type *plan = type_new(r, TYPE_RECORD);
    size_t n = templates && templates->kind == YAML_MAP ? templates->n : 0;
    plan->fields = ARENA_ARRAY(r->arena, TypeField, 2);
    if (n) {
        Str *names = ARENA_ARRAY(&r->scratch, Str, n);
        for (size_t i = 0; i < n; i++)
            names[i] = templates->entries[i].key->text;
        add_field(plan, "template", options(r, names, n), true);
    }
    add_field(plan, "tasks", new_list(r, task_type(r, node, rules)), n > 0);
    return plan;
}

/* ---- `steps: { plan, agents, max_tasks }` ---------------------------------------------------------------------------- */

typedef struct PlannedDraft {
    Node *node;
    Planned *planned;
} PlannedDraft;

static void take_plan(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    PlannedDraft *d = target;
    (void)key;
    read_later(r, value, d->node, BODY, &d->planned->plan, NULL);
}

static void take_agents(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    PlannedDraft *d = target;
    (void)key;
    read_workers(r, value, d->node, &d->planned->tasks);
}

void read_max_tasks(Reader *r, const Yaml *y, TaskRules *rules) {
    read_int32(r, y, "`max_tasks`", 1, LIMIT_STEPS, &rules->max_tasks);
}

static void take_max_tasks(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_max_tasks(r, value, &((PlannedDraft *)target)->planned->tasks);
}

static const KeyRow rows[] = {
    { "plan", take_plan },
    { "agents", take_agents },
    { "max_tasks", take_max_tasks },
};

void read_planned(Reader *r, const Yaml *y, Node *node) {
    PlannedDraft d = { node, ARENA_NEW(r->arena, Planned) };
    Sight sight = { .sees = BODY, .node = node };
    node->planned = d.planned;
    tasks_begin(&d.planned->tasks);
    read_block(r, y, language_block(STR("PlanAtRun")), rows, ARRAY_LEN(rows), &sight, &d);
    node->play_max = d.planned->tasks.max_tasks;
}
