/* Why a step is where it is: the chain of causes from it back to the start of the run, and what it waits for.
 *
 * Every move names the fact of its row that caused it. A fact concerns an address: the step that ended, whose timer was due,
 * that a person decided on. So the chain is: the move with which the step began, its fact, the move with which that
 * fact's step began, and so on, until the fact that accepted the run. */
#ifndef BATON_TRACE_WHY_H
#define BATON_TRACE_WHY_H

#include "trace/history.h"
#include "trace/tree.h"
#include "trace/words.h"

typedef struct WhyLink {
    int64_t time_ms;
    uint64_t seq; /* of the row */
    Str address;  /* whose move it is; empty: the run */
    Status from, to;
    uint32_t attempt; /* that this move opened; 0: none */
    Str choice;
    Str through; /* the groups that ended by the same fact, in between: "research, gather"; empty: none */
    const Fact *cause;
} WhyLink;

typedef struct Why {
    Str address;
    Status status;
    const TraceNode *node; /* NULL: it has not begun */
    const Node *step;      /* NULL: the plan is not at hand */
    /* the step's own end first (if it ended), what happened to it, back to the accepted run */
    WhyLink *links;
    size_t n_links;
    Str *waits; /* what it waits for, a sentence each */
    size_t n_waits;
    Str *remedies; /* commands that a person can type now */
    size_t n_remedies;
} Why;

enum { WHY_E_UNKNOWN = 1 };
/* `run` is how the person calls it, for the commands. WHY_E_UNKNOWN: no such step ran, and the plan has none (or there
 * are several: *ret_problem lists them). Everything lives in `a` and borrows history and tree. */
int why_find(const History *h, const TraceTree *t, const Plan *plan, Str run, Str step, Arena *a,
             Why *ret, Str *ret_problem);
void why_write(Buf *b, const Why *w, const Ink *ink);
Value why_json(const Why *w, Arena *a);
/* The chain alone, of the step of another run that called this one. */
void why_write_caller(Buf *b, const Why *w, Str run, const Ink *ink);

#endif
