/* What leaves an expression is stored and written, and read back by readers with bounds of their own. A value may be small
 * in memory and vast when it is written, because it can hold one list a thousand times; so it is weighed first. */
#ifndef BATON_CEL_WEIGH_H
#define BATON_CEL_WEIGH_H

#include "base/value.h"

typedef struct Weight {
    bool over; /* a bound was passed: depth, or else nodes_max or LIMIT_VALUE_BYTES of text */
    bool deep; /* it was LIMIT_DEPTH */
} Weight;

Weight weigh(Value v, size_t nodes_max);

#endif
