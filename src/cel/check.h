/* From the tree of the parser to one that runs: names, macros, functions, constants. */
#ifndef BATON_CEL_CHECK_H
#define BATON_CEL_CHECK_H

#include "cel/node.h"

/* Takes the tree. Fills the program but for its source; CEL_E_SYNTAX with *error otherwise. */
int cel_check(Arena *a, Node *root, const CelNames *names, CelProgram *program, CelError *error);

#endif
