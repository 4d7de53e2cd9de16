/* What tokens cost. Money is rounded up, and never past what a limit can say. */
#include "kernel/price.h"

#define MILLION 1000000
#define MOST (INT64_MAX / 8)

int64_t price_times(int64_t tokens, int64_t nano_per_million) {
    int64_t whole, rest;
    if (__builtin_mul_overflow(tokens / MILLION, nano_per_million, &whole) ||
        __builtin_mul_overflow(tokens % MILLION, nano_per_million, &rest))
        return MOST;
    return MIN(whole, MOST) + rest / MILLION + (rest % MILLION != 0);
}

int64_t price_worst(const Price *p, int64_t input, int64_t output) {
    return price_times(input, MAX(p->input, p->cached)) + price_times(output, p->output);
}

int64_t price_usage(const Price *p, int64_t input, int64_t cached, int64_t output) {
    cached = MIN(cached, input);
    return price_times(input - cached, p->input) + price_times(cached, p->cached) +
           price_times(output, p->output);
}
