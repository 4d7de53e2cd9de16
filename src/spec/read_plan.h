/* From the trees of files to a plan. */
#ifndef BATON_SPEC_READ_PLAN_H
#define BATON_SPEC_READ_PLAN_H

#include "spec/files.h"

/* Fills the plan, which lives in `a`, from a workflow and what it names; it is good if `diags` got no error and nothing is
 * missing. */
void read_plan(Arena *a, Files *files, Source *source, Plan *plan, Diags *diags);
/* The main file, whatever it is; only a workflow gives the plan a root. */
void read_any(Arena *a, Files *files, Plan *plan, Diags *diags);

/* "dir/review.yaml" is "review". */
Str plan_name_of_file(Arena *a, Str file);
/* Workflows that call each other in a circle which no input ends (endless.c). The plan is good otherwise. */
void refuse_endless(const Plan *plan, Diags *diags);

#endif
