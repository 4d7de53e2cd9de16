/* The names that an expectation sees, and what an expression says of them. */
#ifndef BATON_TRY_NAMES_H
#define BATON_TRY_NAMES_H

#include "trace/tree.h"
#include "try/stage.h"

/* What the run sees at its end (run_names), and of it as a whole: output error status cost tokens took order calls retries
 * asked. In the stage's arena. */
Value names_of_run(Stage *s, Run *run, const TraceTree *tree, Value order);

#endif
