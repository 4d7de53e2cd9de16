/* Gates: what an attempt passes between "it is wanted" and "it leaves". Nobody but the engine's files includes this.
 *
 *   perform_want --> gate 0 --> gate 1 --> ... --> perform_admitted: dispatching, durable, started
 *                      |  \ REFUSED: a declared give-up; the attempt's outcome is that it was not let through
 *                      +-- HELD: in a queue of the gate, with nothing written; gates_go_on() takes it up again
 *
 * A gate delays, it does not fail. What an attempt has taken at one gate it keeps while it waits at the next, and no gate
 * waits for an earlier one: in this order nobody waits for himself. When the attempt ended, or is no longer wanted, every
 * gate it passed, and the one it waits at, is told to let it go. A new gate is a table of functions and a line in gate.c. */
#ifndef BATON_ENGINE_GATE_H
#define BATON_ENGINE_GATE_H

#include "engine/state.h"

typedef enum GateAnswer { GATE_OPEN, GATE_HELD, GATE_REFUSED } GateAnswer;

typedef struct Gate {
    /* OPEN: what it needs here is taken. HELD: it stands in a queue of this gate. REFUSED: f->completion says why, nothing
     * is taken. `at` tells the places of a gate apart that stands in the table twice. */
    GateAnswer (*ask)(Engine *e, Flight *f, size_t at);
    /* It leaves now. May be NULL. */
    void (*left)(Engine *e, Flight *f, size_t at);
    /* Gives back what it took here, or its place in the queue. */
    void (*leave)(Engine *e, Flight *f, size_t at);
    /* An attempt that passed here, and left, ended so. May be NULL. */
    void (*ended)(Engine *e, Flight *f, size_t at);
    /* What one that is held waits for: { kind, name, says, until }. */
    Value (*says)(Engine *e, const Flight *f, size_t at, Arena *a);
} Gate;

/* Of both limits of a callee: its own and its provider's (governor.c). */
extern const Gate gate_governor;
/* Of effects that another run may have done (keys.c). */
extern const Gate gate_key;
/* Of those that wait for the same (twin.c). */
extern const Gate gate_twin;

/* From the gate it stands at: true if it has passed all. */
bool gates_pass(Engine *e, Flight *f);
/* What it waited for is there and taken: to the gates behind, and on. */
void gates_go_on(Engine *e, Flight *f);
/* What it waited for is gone: the gate it stands at is asked once more. */
void gates_ask_again(Engine *e, Flight *f);
/* A held one is not let through: that is its outcome. */
void gates_refuse(Engine *e, Flight *f, ErrorKind kind, const char *fmt, ...) PRINTF(4, 5);
/* The completion of such a one, for ask(). */
GateAnswer gate_refusal(Flight *f, ErrorKind kind, const char *fmt, ...) PRINTF(3, 4);
/* It waited for as long as its file allows. */
void gates_timeout(Engine *e, Flight *f);
/* It has passed all, and leaves. */
void gates_left(Engine *e, Flight *f);
/* It ended: f->completion says how. */
void gates_ended(Engine *e, Flight *f);
/* It has ended, or is wanted no more. */
void gates_leave(Engine *e, Flight *f);

#endif
