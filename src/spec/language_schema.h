/* The language as JSON Schema 2020-12, for editors, made from its table: `baton schema`. It knows words, forms and what
 * must stand together; names, order, types and expressions only the compiler knows. */
#ifndef BATON_SPEC_LANGUAGE_SCHEMA_H
#define BATON_SPEC_LANGUAGE_SCHEMA_H

#include "base/value.h"

/* One schema for every kind of file: workflow, project, definitions to import, test. */
Value language_schema(Arena *a);
/* The verbs, one by one; NULL behind the last (read_step.c). */
const char *language_verb_at(size_t i);

#endif
