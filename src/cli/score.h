/* How good something is, by an expression: true is 1, false 0, a number itself. */
#ifndef BATON_CLI_SCORE_H
#define BATON_CLI_SCORE_H

#include "base/value.h"

/* `names` is a map of what the expression sees. False: *ret_problem, for people. */
bool score_of(Arena *a, Str source, Value names, double *ret_score, Str *ret_problem);
/* Does it compile? What does not is said before anything is spent. NULL at the end of `names`. */
bool score_compiles(Arena *a, Str source, const char *const *names, Str *ret_problem);

/* The same for an expression that --flag gave: EXIT_USAGE with a message, or 0. `source` NULL: it was not given. */
int score_flag(Arena *a, const char *flag, const char *source, Value names, double *ret_score);
int score_flag_compiles(Arena *a, const char *flag, const char *source, const char *const *names);

#endif
