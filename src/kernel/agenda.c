#include "kernel/agenda.h"
#include "kernel/play.h"

#include <stdlib.h>

/* ---- reading --------------------------------------------------------------------------------------------------------- */

typedef struct Draft {
    Run *r;
    const Frame *f;
    const TaskRules *rules;
    Agenda *agenda;
    Str *problem;
} Draft;

static Value field(Value item, const char *name) {
    return item.type == V_MAP ? value_getz(item, name) : VALUE_ABSENT;
}

static Str text_of(Value v) { return v.type == V_STRING ? value_as_str(v) : STR(""); }

static Task *task_named(const Agenda *agenda, Str id) {
    for (uint32_t i = 0; i < agenda->n; i++)
        if (str_eq(agenda->tasks[i].id, id))
            return &agenda->tasks[i];
    return NULL;
}

static bool has_capability(const Callee *c, Str word) {
    for (size_t i = 0; i < c->n_capabilities; i++)
        if (str_eq(c->capabilities[i], word))
            return true;
    return false;
}

static bool complain(Draft *d, Str text) {
    *d->problem = text;
    return false;
}

/* By its name, or the first of the file that has the capability. */
static bool find_worker(Draft *d, Task *t) {
    Str agent = text_of(field(t->item, "agent")),
        capability = text_of(field(t->item, "capability"));
    Node *const *parts = d->f->node->parts;
    for (uint32_t i = 0; i < d->rules->n_workers; i++) {
        bool found = agent.len ? str_eq(parts[i]->name, agent)
                               : capability.len && has_capability(parts[i]->callee, capability);
        if (found) {
            t->part = i;
            return true;
        }
    }
    Arena *a = &d->r->arena;
    if (!agent.len && !capability.len)
        return complain(d, arena_fmt(a, "task `%.*s` names no `agent`", STR_FMT(t->id)));
    return complain(d, arena_fmt(a, "task `%.*s`: nobody here %s `%.*s`", STR_FMT(t->id),
                                 agent.len ? "is called" : "can do",
                                 (int)MIN(agent.len ? agent.len : capability.len, 60),
                                 agent.len ? agent.p : capability.p));
}

static bool read_item(Draft *d, Value item, Task *t) {
    Arena *a = &d->r->arena;
    Str id = text_of(field(item, "id"));
    *t = (Task){ .item = item, .id = id, .status = STATUS_NEW };
    if (!id.len || id.len > 80)
        return complain(d, STR("every task has an `id`, a text of at most 80 bytes"));
    if (task_named(d->agenda, id))
        return complain(d, arena_fmt(a, "two tasks are called `%.*s`", STR_FMT(id)));
    if (!text_of(field(item, "task")).len)
        return complain(
            d, arena_fmt(a, "task `%.*s` does not say what is to be done: `task`", STR_FMT(id)));
    Value priority = field(item, "priority");
    if (!value_absent(priority) && priority.type != V_INT && priority.type != V_DOUBLE)
        return complain(d, arena_fmt(a, "task `%.*s`: `priority` is a number", STR_FMT(id)));
    return find_worker(d, t);
}

static bool read_needs(Draft *d, Task *t) {
    Value needs = field(t->item, "needs");
    const Value *items = needs.type == V_LIST ? needs.items : &needs;
    uint32_t n = needs.type == V_LIST ? needs.len : needs.type == V_STRING ? 1 : 0;
    if (!n && !value_absent(needs) && needs.type != V_NULL && needs.type != V_LIST)
        return complain(
            d, arena_fmt(&d->r->arena, "task `%.*s`: `needs` is a list of ids", STR_FMT(t->id)));
    t->needs = ARENA_ARRAY(&d->r->arena, uint32_t, n);
    for (uint32_t i = 0; i < n; i++) {
        const Task *need = task_named(d->agenda, text_of(items[i]));
        if (!need)
            return complain(d, arena_fmt(&d->r->arena, "task `%.*s` needs `%.*s`, which is no task",
                                         STR_FMT(t->id), (int)MIN(text_of(items[i]).len, 80),
                                         text_of(items[i]).p));
        t->needs[t->n_needs++] = (uint32_t)(need - d->agenda->tasks);
    }
    return true;
}

/* Takes away, again and again, what needs nothing that is left. */
static bool has_circle(const Agenda *agenda) {
    bool *gone = xcalloc(agenda->n + 1, sizeof *gone);
    uint32_t left = agenda->n;
    for (bool moved = true; moved && left;) {
        moved = false;
        for (uint32_t i = 0; i < agenda->n; i++) {
            bool free_of = !gone[i];
            for (uint32_t k = 0; free_of && k < agenda->tasks[i].n_needs; k++)
                free_of = gone[agenda->tasks[i].needs[k]];
            if (!free_of)
                continue;
            gone[i] = moved = true;
            left--;
        }
    }
    free(gone);
    return left > 0;
}

static const Value *planned_again(Value plan, Str id) {
    for (uint32_t i = 0; i < plan.len; i++)
        if (str_eq(text_of(field(plan.items[i], "id")), id))
            return &plan.items[i];
    return NULL;
}

/* What is done and not planned otherwise stays, before all others. */
static void carry(Agenda *agenda, const Agenda *from, Value plan) {
    for (uint32_t i = 0; from && i < from->n && !MUTANT(plan_forgets_done); i++) {
        const Task *t = &from->tasks[i];
        const Value *again = planned_again(plan, t->id);
        if (t->status != STATUS_OK || (again && !value_equal(*again, t->item)))
            continue;
        Task *kept = &agenda->tasks[agenda->n++];
        *kept = *t;
        kept->n_needs = 0;
        agenda->over++;
    }
}

bool agenda_read(Run *r, const Frame *f, const TaskRules *rules, Value plan, const Agenda *carried,
                 Agenda *ret, Str *ret_problem) {
    Draft d = { r, f, rules, ret, ret_problem };
    *ret = (Agenda){ 0 };
    if (plan.type != V_LIST)
        return complain(&d, STR("a plan is a list of tasks"));
    if (plan.len > (uint32_t)rules->max_tasks)
        return complain(
            &d, arena_fmt(&r->arena, "a plan of %u tasks, at most %d", plan.len, rules->max_tasks));
    ret->tasks = ARENA_ARRAY(&r->arena, Task, plan.len + (carried ? carried->n : 0));
    carry(ret, carried, plan);
    uint32_t first = ret->n;
    for (uint32_t i = 0; i < plan.len; i++) {
        const Task *kept = task_named(ret, text_of(field(plan.items[i], "id")));
        if (kept && kept < ret->tasks + first)
            continue;
        if (!read_item(&d, plan.items[i], &ret->tasks[ret->n]))
            return false;
        ret->n++;
    }
    for (uint32_t i = first; i < ret->n; i++)
        if (!read_needs(&d, &ret->tasks[i]))
            return false;
    return !has_circle(ret) || complain(&d, STR("its tasks need each other in a circle"));
}

/* ---- the course ------------------------------------------------------------------------------------------------------ */

static double priority_of(const Task *t) {
    Value v = field(t->item, "priority");
    return v.type == V_INT ? (double)v.i : v.type == V_DOUBLE ? v.d : 0;
}

static bool is_ready(const Agenda *agenda, const Task *t) {
    for (uint32_t i = 0; i < t->n_needs; i++)
        if (!status_final(agenda->tasks[t->needs[i]].status))
            return false;
    return t->status == STATUS_NEW;
}

static Task *next_ready(const Agenda *agenda) {
    Task *best = NULL;
    for (uint32_t i = 0; i < agenda->n; i++) {
        Task *t = &agenda->tasks[i];
        if (is_ready(agenda, t) && (!best || priority_of(t) > priority_of(best)))
            best = t;
    }
    return best;
}

/* What who does it is handed: the task's text alone where he takes a text. */
static Value handed(Run *r, const Frame *f, const Agenda *agenda, const Task *t, Value more) {
    const Type *input = f->node->parts[t->part]->callee->input;
    MapBuilder m = map_builder(&r->arena), results = map_builder(&r->arena);
    if (input && input->kind == TYPE_STRING)
        return field(t->item, "task");
    map_addz(&m, "task", field(t->item, "task"));
    if (!value_absent(f->with) && f->with.type != V_NULL)
        map_addz(&m, "input", f->with);
    for (uint32_t i = 0; i < t->n_needs; i++) {
        const Task *need = &agenda->tasks[t->needs[i]];
        if (need->status == STATUS_OK)
            map_adds(&results, need->id, need->output);
    }
    if (t->n_needs && !MUTANT(results_withheld))
        map_addz(&m, "results", map_done(&results, NULL));
    for (uint32_t i = 0; more.type == V_MAP && i < more.len; i++)
        map_add(&m, value_entry(more, i).key, value_entry(more, i).value);
    return map_done(&m, NULL);
}

void agenda_go_on(Run *r, Frame *f, const TaskRules *rules, Agenda *agenda, Value more) {
    Task *t;
    while (agenda->open < (uint32_t)rules->parallel && (t = next_ready(agenda))) {
        t->status = STATUS_RUNNING;
        t->serial = f->play->serial + 1;
        agenda->open++;
        play_open(r, f, f->node->parts[t->part], handed(r, f, agenda, t, more));
    }
}

const Task *agenda_task(const Agenda *agenda, uint32_t serial) {
    for (uint32_t i = 0; serial && i < agenda->n; i++)
        if (agenda->tasks[i].serial == serial)
            return &agenda->tasks[i];
    return NULL;
}

Task *agenda_over(Agenda *agenda, const Frame *child) {
    Task *t = (Task *)agenda_task(agenda, child->a);
    if (!t || status_final(t->status))
        return NULL;
    t->status = (uint8_t)frame_shown(child);
    t->output = child->status == STATUS_OK ? child->output : VALUE_ABSENT;
    t->error = child->error;
    agenda->open--;
    agenda->over++;
    return t;
}

static bool needs_task(const Agenda *agenda, const Task *task, const Task *other, bool *seen) {
    for (uint32_t i = 0; i < task->n_needs; i++) {
        const Task *need = &agenda->tasks[task->needs[i]];
        if (seen[task->needs[i]])
            continue;
        seen[task->needs[i]] = true;
        if (need == other || needs_task(agenda, need, other, seen))
            return true;
    }
    return false;
}

bool agenda_needs(const Agenda *agenda, const Task *task, uint32_t serial) {
    const Task *other = agenda_task(agenda, serial);
    bool *seen = xcalloc(agenda->n + 1, sizeof *seen);
    bool yes = other && needs_task(agenda, task, other, seen);
    free(seen);
    return yes;
}

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

static void describe(MapBuilder *m, const Frame *f, const Task *t) {
    map_addz(m, "id", value_str(t->id));
    map_addz(m, "agent", value_str(f->node->parts[t->part]->name));
    map_addz(m, "task", field(t->item, "task"));
}

Value agenda_task_value(Run *r, const Frame *f, const Task *t) {
    MapBuilder m = map_builder(&r->arena);
    Value needs = field(t->item, "needs"), priority = field(t->item, "priority");
    describe(&m, f, t);
    map_addz(&m, "needs", needs.type == V_LIST ? needs : value_list(NULL, 0));
    map_addz(&m, "priority", value_absent(priority) ? value_int(0) : priority);
    return map_done(&m, NULL);
}

static Value result_of(Run *r, const Frame *f, const Task *t) {
    MapBuilder m = map_builder(&r->arena);
    describe(&m, f, t);
    map_addz(&m, "status", value_str(str_from(status_name((Status)t->status))));
    if (t->status == STATUS_OK)
        map_addz(&m, "output", t->output);
    else if (!value_absent(t->error))
        map_addz(&m, "error", t->error);
    return map_done(&m, NULL);
}

Value agenda_results(Run *r, const Frame *f, const Agenda *agenda) {
    ListBuilder l = list_builder(&r->arena);
    for (uint32_t i = 0; i < agenda->n; i++)
        list_add(&l, result_of(r, f, &agenda->tasks[i]));
    return list_done(&l);
}

Value agenda_failures(Run *r, const Frame *f, const Agenda *agenda) {
    ListBuilder l = list_builder(&r->arena);
    for (uint32_t i = 0; i < agenda->n; i++) {
        const Task *t = &agenda->tasks[i];
        if (t->status != STATUS_FAILED)
            continue;
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "task", value_str(t->id));
        map_addz(&m, "agent", value_str(f->node->parts[t->part]->name));
        map_addz(&m, "error", value_absent(t->error) ? VALUE_NULL : t->error);
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

Value agenda_outputs(Run *r, const Agenda *agenda) {
    MapBuilder m = map_builder(&r->arena);
    for (uint32_t i = 0; i < agenda->n; i++)
        if (agenda->tasks[i].status == STATUS_OK)
            map_adds(&m, agenda->tasks[i].id, agenda->tasks[i].output);
    return map_done(&m, NULL);
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------- */

void agenda_save(const Agenda *agenda, Buf *b) {
    buf_varint(b, agenda->n);
    buf_varint(b, agenda->open);
    for (uint32_t i = 0; i < agenda->n; i++) {
        const Task *t = &agenda->tasks[i];
        value_encode(b, t->item);
        buf_varint(b, t->part);
        buf_varint(b, t->n_needs);
        for (uint32_t k = 0; k < t->n_needs; k++)
            buf_varint(b, t->needs[k]);
        buf_varint(b, t->serial);
        buf_u8(b, t->status);
        value_encode(b, t->output);
        value_encode(b, t->error);
    }
}

static void load_needs(Run *r, Task *t, uint64_t n_tasks, Cursor *c) {
    uint64_t n = cursor_varint(c);
    if (n > n_tasks) {
        c->bad = true;
        return;
    }
    t->needs = ARENA_ARRAY(&r->arena, uint32_t, n);
    for (; t->n_needs < n && !c->bad; t->n_needs++) {
        t->needs[t->n_needs] = (uint32_t)cursor_varint(c);
        c->bad |= t->needs[t->n_needs] >= n_tasks;
    }
}

void agenda_load(Run *r, const Frame *f, Agenda *agenda, Cursor *c) {
    uint64_t n = cursor_varint(c);
    agenda->open = (uint32_t)cursor_varint(c);
    if (n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        return;
    }
    agenda->tasks = ARENA_ARRAY(&r->arena, Task, n);
    for (; agenda->n < n && !c->bad; agenda->n++) {
        Task *t = &agenda->tasks[agenda->n];
        t->item = value_decode(c, &r->arena);
        t->id = text_of(field(t->item, "id"));
        t->part = (uint32_t)cursor_varint(c);
        load_needs(r, t, n, c);
        t->serial = (uint32_t)cursor_varint(c);
        t->status = cursor_u8(c);
        t->output = value_decode(c, &r->arena);
        t->error = value_decode(c, &r->arena);
        c->bad |= t->part >= f->node->n_parts || !t->id.len || t->status > STATUS_WAITING;
        agenda->over += status_final((Status)t->status);
    }
}
