/* Planted bugs, to test the tests: each is named, chosen at run time by BATON_MUTANT=name in the test build, and must
 * be caught by `make mutants`. In the release build MUTANT() is the constant false and nothing of this is linked. */
#ifndef BATON_BASE_MUTANT_H
#define BATON_BASE_MUTANT_H

#include <stdbool.h>

#ifdef BATON_TEST
/* True if `name` is the chosen mutant. The choice is set once, by main() of the test binary, before any thread. */
void mutant_choose(const char *name);
bool mutant_is(const char *name);
#define MUTANT(name) mutant_is(#name)
#else
#define MUTANT(name) false
#endif

#endif
