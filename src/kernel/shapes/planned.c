/* steps: { plan }: a group whose steps are a plan that was made at run time, as data. Each task is done by one of the agents
 * named in the file; the output is what they gave, by id. A task that fails fails the group. */
#include "kernel/agenda.h"
#include "kernel/play.h"
#include "kernel/step.h"

struct PlannedState {
    Play play;
    Agenda agenda;
};

static void finish(Run *r, Frame *f) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "tasks", agenda_results(r, f, &f->planned->agenda));
    f->detail = map_done(&m, NULL);
    frame_done(r, f, agenda_outputs(r, &f->planned->agenda));
}

/* The tasks themselves, or, as a lead gives it, { tasks }. */
static Value tasks_of(Value plan) {
    return plan.type == V_MAP && !value_absent(value_getz(plan, "tasks"))
               ? value_getz(plan, "tasks")
               : plan;
}

static void enter(Run *r, Frame *f) {
    const Planned *spec = f->node->planned;
    PlannedState *s = play_begin(r, f, sizeof(PlannedState));
    char message[320];
    Value plan;
    Str problem;
    Scope scope = scope_of(r, f);
    if (scope_eval(&scope, spec->plan, &plan, message))
        frame_failf(r, f, KIND_INVALID, "plan: %s", message);
    else if (!agenda_read(r, f, &spec->tasks, tasks_of(plan), NULL, &s->agenda, &problem))
        frame_failf(r, f, KIND_INVALID, "plan: %.*s", STR_FMT(problem));
    else if (agenda_done(&s->agenda))
        finish(r, f);
    else
        agenda_go_on(r, f, &spec->tasks, &s->agenda, VALUE_ABSENT);
}

static void child_done(Run *r, Frame *f, Frame *child) {
    Agenda *agenda = &f->planned->agenda;
    Value error = child->error;
    bool failed = child->status == STATUS_FAILED && !child->tolerated;
    agenda_over(agenda, child);
    play_over(r, f, child);
    if (failed) {
        frame_fail(r, f, error);
        return;
    }
    agenda_go_on(r, f, &f->node->planned->tasks, agenda, VALUE_ABSENT);
    if (agenda_done(agenda))
        finish(r, f);
}

static Str because(Run *r, const Frame *f, const Frame *child) {
    const Task *t = agenda_task(&f->planned->agenda, child->a);
    return t ? arena_fmt(&r->arena, "task %.*s", STR_FMT(t->id)) : STR("");
}

static bool follows(const Frame *f, const Frame *child, uint32_t serial) {
    const Task *t = agenda_task(&f->planned->agenda, child->a);
    return t && agenda_needs(&f->planned->agenda, t, serial);
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    play_save(f, b);
    agenda_save(&f->planned->agenda, b);
}

static void load(Run *r, Frame *f, Cursor *c) {
    PlannedState *s = play_load(r, f, c, sizeof(PlannedState));
    if (s)
        agenda_load(r, f, &s->agenda, c);
}

const Shape shape_planned = {
    .name = "planned",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = play_timer_due,
    .because = because,
    .follows = follows,
    .save = save,
    .load = load,
};
