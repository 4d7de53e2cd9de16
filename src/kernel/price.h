/* Tokens into money, by the prices that a closure pins. */
#ifndef BATON_KERNEL_PRICE_H
#define BATON_KERNEL_PRICE_H

#include "spec/plan.h"

/* Nano-units of money, rounded up. */
int64_t price_times(int64_t tokens, int64_t nano_per_million);
/* At most: nothing is cached, or cached is what costs more. */
int64_t price_worst(const Price *p, int64_t input, int64_t output);
/* Of what was used; `cached` is a part of `input`. */
int64_t price_usage(const Price *p, int64_t input, int64_t cached, int64_t output);

#endif
