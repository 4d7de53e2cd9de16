/* Tasks of a plan that was made at run time: data, checked like a file, worked off as their needs are met. Part of the state of
 * a played shape (`supervise`, `steps: { plan }`), whose first parts are the agents that may be given tasks. */
#ifndef BATON_KERNEL_AGENDA_H
#define BATON_KERNEL_AGENDA_H

#include "kernel/frame.h"

typedef struct Task {
    Value item; /* as it was planned: { id, agent | capability, task, needs, priority } */
    Str id;
    uint32_t part; /* of the verb's node: who does it */
    uint32_t *needs, n_needs;
    uint32_t serial; /* of the part that did it last; 0: it has not begun */
    uint8_t status;  /* Status: new, running, or how it ended */
    Value output, error;
} Task;
typedef struct Agenda {
    Task *tasks;
    uint32_t n, open, over;
} Agenda;

/* Reads a plan: a list of tasks. `carried`: tasks of before that are done and stay; one that is planned just so again is one of
 * those. False: it is none, and why, in words for who made it. */
bool agenda_read(Run *r, const Frame *f, const TaskRules *rules, Value plan, const Agenda *carried,
                 Agenda *ret, Str *ret_problem);
/* Begins what is ready, dearest priority first, then in the order of the plan. `more` is added to what each is handed. */
void agenda_go_on(Run *r, Frame *f, const TaskRules *rules, Agenda *agenda, Value more);
/* A part is over that it began; NULL: it did not begin it. */
Task *agenda_over(Agenda *agenda, const Frame *child);
const Task *agenda_task(const Agenda *agenda, uint32_t serial);
static inline bool agenda_done(const Agenda *agenda) { return agenda->over == agenda->n; }
/* Does the task need, directly or not, the one that began as `serial`? */
bool agenda_needs(const Agenda *agenda, const Task *task, uint32_t serial);
/* { id, agent, task, needs, priority } as expressions see it. */
Value agenda_task_value(Run *r, const Frame *f, const Task *task);
/* Lists of { id, agent, task, status, output | error }, of all and of those that failed. */
Value agenda_results(Run *r, const Frame *f, const Agenda *agenda);
Value agenda_failures(Run *r, const Frame *f, const Agenda *agenda);
/* Outputs of those that ended ok, by id. */
Value agenda_outputs(Run *r, const Agenda *agenda);
void agenda_save(const Agenda *agenda, Buf *b);
void agenda_load(Run *r, const Frame *f, Agenda *agenda, Cursor *c);

#endif
