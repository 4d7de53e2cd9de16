/* Expectations: an expression over the names of a run, and what it is made of when it does not hold. */
#ifndef BATON_TRY_EXPECT_H
#define BATON_TRY_EXPECT_H

#include "spec/plan.h"
#include "try/file.h"

/* STR_NULL: it holds. Else why not, in lines: what is wrong with it, or the values of its parts. */
Str expect_check(const Expectation *e, Value names, Arena *a);
/* Before anything runs: a step that the workflow does not have, a name that no run has. STR_NULL: none of that. */
Str expect_refuse(const Expectation *e, const Plan *plan, Arena *a);
/* A script for a name that the workflow does not have, and nearly has. STR_NULL: it is none. */
Str script_refuse(const Script *s, const Plan *plan, Arena *a);
/* Does it speak of this name? */
bool expect_names(const Expectation *e, const char *name, Arena *a);

#endif
