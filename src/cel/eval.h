/* The evaluator and what the functions of the language see of it.
 *
 * An evaluation that fails gives VALUE_ABSENT all the way up, with the reason in *ev->error; && || all() and exists()
 * may forget the reason and go on. A used-up budget is not forgotten by anyone. */
#ifndef BATON_CEL_EVAL_H
#define BATON_CEL_EVAL_H

#include "cel/node.h"

typedef struct Eval {
    int64_t steps_left;
    size_t bytes_end; /* arena->used_bytes may grow up to this */
    Arena *arena;
    const CelScope *scope;
    CelError *error;
    Value *locals;
    const Pattern *pattern; /* of the call that runs, if it stands in the source */
    PatternSearch *search;  /* made by the first search; whoever made the Eval frees it */
    uint32_t at;            /* offset of what runs, for fail() and the budgets */
    bool over;              /* the budget is used up: nothing absorbs this */
} Eval;

Value eval(Eval *ev, const Node *node);
/* loops.c: the macros that run a body more than once, or bind a variable. */
Value eval_loop(Eval *ev, const Node *node);
/* access.c: fields, keys, has(), list and map literals. */
Value eval_select(Eval *ev, const Node *node);
Value eval_index(Eval *ev, const Node *node);
Value eval_has(Eval *ev, const Node *node);
Value eval_list(Eval *ev, const Node *node);
Value eval_map(Eval *ev, const Node *node);
/* operators.c: what is not done on the spot for two ints or two doubles. */
Value eval_operator(Eval *ev, const Node *node, Value a, Value b);
Value eval_negate(Eval *ev, const Node *node, Value a);
/* function.c: picks the overload for the arguments and runs it. */
Value eval_call(Eval *ev, const Node *node);

/* What may still be spent on constants while one program is compiled. */
typedef struct Folding {
    int64_t steps_left;
    size_t bytes_end; /* of the program's arena */
} Folding;
/* Evaluates the tree and frees what the evaluation held. */
Value eval_whole(Eval *ev, const Node *root);
/* Evaluates a tree without slots; false if it fails, or would make a program slow to compile or large to keep. Then it
 * stays as it is, to be evaluated when the program is. */
bool eval_constant(Arena *a, Folding *folding, const Node *node, uint32_t n_locals,
                   Value *ret_value);

/* Both give VALUE_ABSENT. fail() blames the call that runs. */
Value fail(Eval *ev, const char *fmt, ...) PRINTF(2, 3) __attribute__((cold));
Value fail_at(Eval *ev, const Node *node, const char *fmt, ...) PRINTF(3, 4) __attribute__((cold));
Value fail_over(Eval *ev);
/* Takes back a failure that the caller absorbs; false if it is one that no one may absorb. */
bool forgive(Eval *ev);

/* Pays for work that is not a step of the tree: items looked at, bytes compared by the cache line. False when the
 * budget is used up (and the failure is reported). */
static inline bool charge(Eval *ev, size_t units) {
    ev->steps_left = units > INT32_MAX ? -1 : ev->steps_left - (int64_t)units;
    if (ev->steps_left >= 0)
        return true;
    fail_over(ev);
    return false;
}
static inline bool charge_bytes(Eval *ev, size_t bytes) { return charge(ev, bytes / 64); }
/* What an expression can build is not bounded by its own depth (binds within binds), and whatever walks a value recurses:
 * each such walk is paid for first, and refused beyond this depth. The most of data and of one literal together. */
#define VALUE_DEPTH_MAX (LIMIT_DEPTH + LIMIT_CEL_DEPTH)
/* Pays for looking at every part of a value; false also when it is nested too deep to be walked. */
bool charge_value(Eval *ev, Value v);
/* Room for n bytes in the arena, or NULL when the budget is used up (and the failure is reported). Never NULL for 0. */
void *take(Eval *ev, size_t n);
static inline Value *take_values(Eval *ev, size_t n) { return take(ev, n * sizeof(Value)); }

/* A value in an optional of its own. */
Value some(Eval *ev, Value v);
static inline Value none(void) { return (Value){ .type = V_OPTIONAL }; }
/* "int", "timestamp": the short name of a value's type, for messages. */
const char *type_word(Value v);

#endif
