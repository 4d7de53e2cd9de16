/* Sorting, and one total order over all values: for sort(), sortBy() and distinct(). */
#ifndef BATON_CEL_ORDER_H
#define BATON_CEL_ORDER_H

#include "cel/eval.h"

/* The items in the order of their keys, stable. The keys must be of one comparable type (numbers mix); fails otherwise.
 * May change both arrays. */
Value order_by_keys(Eval *ev, const Value *items, const Value *keys, size_t n);
/* The items without those equal to an earlier one, in their order. */
Value order_distinct(Eval *ev, Value list);

#endif
