/* What the judges say of the answers of an evaluation, and what that comes to beside the one before. */
#ifndef BATON_CLI_GRADED_H
#define BATON_CLI_GRADED_H

#include "cli/eval.h"
#include "trace/words.h"

typedef struct GradedRun {
    bool ok, passed; /* it answered; every grader's score passes */
    Value output;    /* null unless it answered */
    Str error;       /* of who was asked, or of a judge */
    double *scores;  /* by grader; 0 where there was nothing to judge */
    int64_t cost_nano, tokens, calls, took_ms;
} GradedRun;

typedef struct GradedCase {
    const Case *of;
    GradedRun *runs;
    size_t n, room, passed;
} GradedCase;

typedef struct GradedSums {
    double score;  /* mean */
    size_t passed; /* runs */
} GradedSums;

/* One evaluation that was run. */
typedef struct Graded {
    const Eval *eval;
    Str run;
    GradedCase *cases;
    GradedSums *graders;
    size_t runs;   /* of all cases */
    size_t solved; /* cases whose every run passed: pass^k */
    int64_t cost_nano, judges_nano, tokens, calls, p50_ms, max_ms;
} Graded;

/* `document` is that of GET /v1/runs/{run}, of a run of eval_make()'s workflow: this one, or an earlier one, of whose cases those
 * are taken that `e` has too. */
void graded_of(const Eval *e, Value document, Arena *a, Graded *ret);
/* Cases that were solved in `before` and are not now. */
size_t graded_worse(const Graded *now, const Graded *before);
/* `before` NULL: there is none. */
void graded_write(Buf *b, const Graded *now, const Graded *before, const Ink *ink);
Value graded_value(const Graded *now, const Graded *before, Arena *a);

#endif
