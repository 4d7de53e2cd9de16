/* The functions of `math`. */
#include "cel/function.h"

#include <math.h>

static bool is_number(Value v) { return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE; }

/* The greatest (sign 1) or least (-1) of some values; the first of equal ones. */
static Value extreme(Eval *ev, const char *name, const Value *values, size_t n, int sign) {
    if (!n || !charge(ev, n))
        return ev->over ? VALUE_ABSENT : fail(ev, "%s() of an empty list", name);
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_number(values[i]))
            return fail(ev, "%s() takes numbers, not a %s", name, type_word(values[i]));
        if (value_compare(values[i], values[best]) == sign)
            best = i;
    }
    return values[best];
}

static Value extreme_of(Eval *ev, const char *name, const Value *args, size_t n, int sign) {
    if (args[0].type == V_LIST)
        return extreme(ev, name, args[0].items, args[0].len, sign);
    return extreme(ev, name, args, n, sign);
}

Value fn_greatest(Eval *ev, const Value *args, size_t n) {
    return extreme_of(ev, "math.greatest", args, n, 1);
}

Value fn_least(Eval *ev, const Value *args, size_t n) {
    return extreme_of(ev, "math.least", args, n, -1);
}

Value fn_ceil(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_double(ceil(args[0].d));
}

Value fn_floor(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_double(floor(args[0].d));
}

Value fn_round(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_double(round(args[0].d));
}

Value fn_trunc(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_double(trunc(args[0].d));
}

Value fn_sqrt(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    Value v = args[0];
    return value_double(sqrt(v.type == V_DOUBLE ? v.d
                             : v.type == V_INT  ? (double)v.i
                                                : (double)v.u));
}

Value fn_abs(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value v = args[0];
    if (v.type == V_DOUBLE)
        return value_double(fabs(v.d));
    if (v.type == V_UINT || v.i >= 0)
        return v;
    return v.i == INT64_MIN ? fail(ev, "int overflow in math.abs()") : value_int(-v.i);
}

Value fn_sign(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    Value v = args[0];
    if (v.type == V_UINT)
        return value_uint(v.u > 0);
    if (v.type == V_INT)
        return value_int((v.i > 0) - (v.i < 0));
    return isnan(v.d) ? v : value_double((v.d > 0) - (v.d < 0));
}

Value fn_is_nan(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_bool(isnan(args[0].d));
}

Value fn_is_inf(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_bool(isinf(args[0].d));
}

Value fn_is_finite(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_bool(isfinite(args[0].d));
}

/* Bits are the same for int and uint; the type of the first argument is that of the result. */
static Value bits(Value like, uint64_t u) { return (Value){ .type = like.type, .u = u }; }

Value fn_bit_and(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return bits(args[0], args[0].u & args[1].u);
}

Value fn_bit_or(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return bits(args[0], args[0].u | args[1].u);
}

Value fn_bit_xor(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return bits(args[0], args[0].u ^ args[1].u);
}

Value fn_bit_not(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return bits(args[0], ~args[0].u);
}

static Value shift(Eval *ev, const Value *args, bool left) {
    int64_t by = args[1].i;
    if (by < 0)
        return fail(ev, "cannot shift by %lld bits; the count is 0 or more", (long long)by);
    if (by > 63)
        return bits(args[0], 0);
    return bits(args[0], left ? args[0].u << by : args[0].u >> by);
}

Value fn_shift_left(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return shift(ev, args, true);
}

Value fn_shift_right(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return shift(ev, args, false);
}
