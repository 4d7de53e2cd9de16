/* The chains of names in an expression, as they stand there: `steps.answer.detail.to`, `order[0]`. */
#ifndef BATON_TRY_CHAIN_H
#define BATON_TRY_CHAIN_H

#include "base/arena.h"

typedef struct Chain {
    Str text;          /* the whole, without a call at its end */
    Str first, second; /* second: STR_NULL if it has one name only */
} Chain;

/* In the order of the source, from which they are borrowed; how many there are. */
size_t chains_of(Str source, Arena *a, const Chain **ret);

#endif
