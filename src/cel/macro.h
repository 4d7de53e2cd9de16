/* The macros of the language: calls whose arguments name variables, or are not always evaluated. */
#ifndef BATON_CEL_MACRO_H
#define BATON_CEL_MACRO_H

#include "cel/node.h"

typedef struct Macro {
    const char *name;
    uint8_t kind;
    uint8_t n_args; /* with the receiver */
    uint8_t n_variables;
    bool condition;    /* stands before the last argument */
    const char *usage; /* the same for all rows of a name */
} Macro;

/* cel.bind(name, value, result): its receiver is the word `cel`. */
extern const Macro macro_bind;

/* The macro a call is meant for, or NULL; *ret_wrong_count if it is one but for the number of its arguments. */
const Macro *macro_find(const Node *call, bool *ret_wrong_count);

#endif
