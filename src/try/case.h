/* A case of a test, tried one time or several, and judged. */
#ifndef BATON_TRY_CASE_H
#define BATON_TRY_CASE_H

#include "try/expect.h"
#include "try/stage.h"

typedef struct Failure {
    Str what; /* the expectation, or what went wrong */
    Str why;  /* lines; may be empty */
    unsigned line;
} Failure;

typedef struct CaseResult {
    const TryCase *one;
    int64_t runs, passed;
    int64_t failed_run; /* the first that did, from 1; 0: none */
    Failure *failures;  /* of that run */
    size_t n_failures;
    Str tree;        /* of that run, else of the last */
    int64_t took_ms; /* simulated, of the first run */
    double cost;
    int64_t tokens;
} CaseResult;

/* `options` but for the seed. Run 1 has seed 0, the order of the file; the others leave to chance what chance decides. */
void case_try(const StageOptions *options, int64_t runs, Arena *a, CaseResult *ret);

#endif
