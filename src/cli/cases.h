/* What workflows and agents are tried on: a file of inputs, each perhaps with what is expected of it. */
#ifndef BATON_CLI_CASES_H
#define BATON_CLI_CASES_H

#include "base/value.h"

typedef struct Case {
    Str name;              /* empty: it has none */
    Value input, expected; /* expected: absent if nothing is said */
} Case;

#define CASES_MAX 10000

/* The list in `path` (YAML or JSON; of a .jsonl file each line is one): inputs, or { input, expected, name }. EXIT_USAGE with a
 * message, or 0; then there is at least one. */
int cases_read(Arena *a, const char *path, Case **ret_cases, size_t *ret_n);
/* The same of a list that was read already; `where` is named when it is none. */
int cases_of(Arena *a, Value list, const char *where, Case **ret_cases, size_t *ret_n);

#endif
