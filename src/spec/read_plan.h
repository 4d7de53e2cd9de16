/* From the tree of a file to a plan. */
#ifndef BATON_SPEC_READ_PLAN_H
#define BATON_SPEC_READ_PLAN_H

#include "spec/plan.h"
#include "spec/yaml.h"

/* Fills the plan, which lives in `a`; it is good if `diags` got no error. */
void read_plan(Arena *a, const YamlFile *file, Plan *plan, Diags *diags);

#endif
