/* An evaluation: what is asked (an agent by itself, or a workflow), on which cases, and who judges the answers.
 *
 *   x.eval.yaml --eval_read--> Eval --eval_make--> a workflow that asks and judges --run--> answers --graded_of--> scores
 *
 * It is run as a workflow like any other, so it survives a crash, stays within limits, and is kept: the one before is what
 * the next is compared with. */
#ifndef BATON_CLI_EVAL_H
#define BATON_CLI_EVAL_H

#include "cli/cases.h"
#include "cli/command.h"
#include "host/project.h"

typedef enum GraderKind {
    GRADER_EXPR,  /* an expression over `input`, `output` and `expected` */
    GRADER_TYPE,  /* the output is of a type */
    GRADER_JUDGE, /* an agent that is given all three */
} GraderKind;

typedef struct Grader {
    Str name;
    GraderKind kind;
    Str expr; /* of a judge: over its `output`; empty: that is a number, or true or false */
    Value type, agent;
    double pass; /* such a score passes; 1 */
} Grader;

typedef struct Eval {
    Str name;          /* of its runs: "eval.support.clerk" */
    Str path;          /* where its own file stands, or would stand */
    Str file, written; /* what is asked: from here, and from where its own file stands */
    Str agent;
    Value
        definitions; /* `import`, `types`, `models`, `agents` for the judges, and `limits`; as they are written */
    Grader *graders;
    size_t n_graders;
    Case *cases;
    size_t n_cases;
    int64_t runs, parallel;
} Eval;

/* From the command line: `EVAL [DATA]`, or `FILE DATA` with --agent and --check. An exit code with a message, or 0. */
int eval_read(const Args *args, Eval *ret);
/* The closure of the workflow that carries it out, its plan (plan_free()) and the folder it belongs to. EXIT_USAGE with a
 * message, or 0. */
int eval_make(const Args *args, const Eval *e, Str *ret_closure, Plan **ret_plan, Str *ret_dir);
/* What that workflow is given: each case as often as there are runs. */
Value eval_input(const Eval *e, Arena *a);

#endif
