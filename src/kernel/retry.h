/* A run that failed or was cancelled goes on in place.
 *
 *   run_start_again(retries) -> facts given again, run_pass_over() for what nobody waits for -> run_apply(retry)
 *
 * The run is derived from its first fact once more, and what is to be done anew does not happen on the way: a step that a
 * person named is not entered, nor is one that was undone, one that failed does not fail but stands still, what was cancelled was not. Everything else
 * is applied as it was recorded, in its order: outcomes, timers, signals, what people said. So all that ended ok is what it
 * was, and costs nothing. The retry itself is a fact: when it is applied what stands still is entered again.
 *
 * Attempts are numbered on from those of before, and the number is the generation of the key, so that it is a new one. What
 * had been under way when the run was cancelled is treated as after a crash: its outcome is unknown.
 *
 * What was undone is there no more: it is not entered on the way either, nor what comes after it (engine/retry.c finds it). */
#ifndef BATON_KERNEL_RETRY_H
#define BATON_KERNEL_RETRY_H

#include "kernel/run.h"

/* One retry, as its fact says. */
typedef struct Retried {
    Str step;    /* done anew, whatever became of it, with all that comes after it; empty: none */
    Str *failed; /* addresses of what had failed by itself */
    size_t n_failed;
    Str *
        undone; /* of what had been taken back: counts as not done, and is done anew as `step` is */
    size_t n_undone;
} Retried;
/* The payload of the fact. */
Value retried_write(const Retried *r, Arena *a);
/* Reads a fact; its texts stand in `a`. */
Retried retried_read(const Fact *retry, Arena *a);

/* As run_start() without a row, for a run whose facts so far hold so many retries, or hold them but for the last, which is to
 * be applied. Copies them. */
int run_start_again(const Plan *plan, const Fact *accepted, const Retried *retries, size_t n,
                    Run **ret_run, Str *ret_problem, Arena *problem_arena);
/* To be called with each fact that run_apply() ignored on that way: what an attempt used is spent all the same. */
void run_pass_over(Run *r, const Fact *fact);
/* And with each fact on that way, and whether it was applied: which attempts its row says were made then. One that the run has
 * besides was never made; of one that it has not nothing may ever have told how it ended. */
void run_compare_attempts(Run *r, const Row *row, size_t fact, bool applied);
/* Is that fact of a life that has been ended by a retry? Cancelling it is then not applied. */
bool run_is_past(const Run *r);
/* The address of an effect passed over that would be done a second time, though it must not; empty: none. */
Str run_would_repeat(const Run *r);
/* Was what this address did taken back on that way? */
bool run_takes_back(const Run *r, Str address);

#endif
