/* Arithmetic, order and membership. Ints and uints that overflow fail; nothing is converted on its own, so that 1 + 1.0
 * is refused, but comparisons go across the three kinds of number. */
#include "cel/function.h"

static const char *symbol_of(const Node *node) {
    switch ((NodeKind)node->kind) {
    case N_ADD: return "+";
    case N_SUBTRACT: return "-";
    case N_MULTIPLY: return "*";
    case N_DIVIDE: return "/";
    case N_REMAINDER: return "%";
    case N_LESS: return "<";
    case N_LESS_EQUAL: return "<=";
    case N_GREATER: return ">";
    case N_GREATER_EQUAL: return ">=";
    case N_IN: return "in";
    case N_EQUAL: return "==";
    case N_UNEQUAL: return "!=";
    default: return "?";
    }
}

static bool either(Value a, Value b, ValueType type) { return a.type == type || b.type == type; }

static const char *remedy_for(const Node *node, Value a, Value b) {
    if (either(a, b, V_OPTIONAL))
        return "; an optional is opened with orValue() or value()";
    if (either(a, b, V_NULL))
        return "; null is not a number or a text: test for it first";
    if (node->kind == N_IN)
        return "; the right side is a list or a map; write x.contains(y) for text";
    if (node->kind == N_REMAINDER && either(a, b, V_DOUBLE))
        return "; write int(x) for the double";
    if (either(a, b, V_INT) && either(a, b, V_DOUBLE))
        return "; write double(x) for the int";
    if (either(a, b, V_INT) && either(a, b, V_UINT))
        return "; write int(x) for the uint";
    if (either(a, b, V_UINT) && either(a, b, V_DOUBLE))
        return "; write double(x) for the uint";
    if (node->kind == N_ADD && either(a, b, V_STRING))
        return "; write text(x) to join a value to a text";
    if (node->kind == N_ADD && either(a, b, V_LIST))
        return "; write list + [x] to add one element";
    if (either(a, b, V_STRING))
        return "; write int(x) or double(x) to read a number from text";
    return "";
}

static Value fail_overload(Eval *ev, const Node *node, Value a, Value b) {
    return fail_at(ev, node, "no such overload: %s %s %s%s", type_word(a), symbol_of(node),
                   type_word(b), remedy_for(node, a, b));
}

static Value fail_overflow(Eval *ev, const Node *node, Value a) {
    return fail_at(ev, node, "%s overflow in %s: the result is beyond 64 bits%s", type_word(a),
                   symbol_of(node),
                   a.type == V_DURATION ? " of nanoseconds, about 292 years"
                                        : "; write double(x) for large numbers");
}

static Value fail_zero(Eval *ev, const Node *node) {
    return fail_at(ev, node, "%s by zero; test the divisor first: n == 0 ? 0 : x %s n",
                   node->kind == N_DIVIDE ? "division" : "remainder", symbol_of(node));
}

static Value on_ints(Eval *ev, const Node *node, Value a, Value b) {
    int64_t result;
    bool overflow;
    switch ((NodeKind)node->kind) {
    case N_ADD: overflow = __builtin_add_overflow(a.i, b.i, &result); break;
    case N_SUBTRACT: overflow = __builtin_sub_overflow(a.i, b.i, &result); break;
    case N_MULTIPLY: overflow = __builtin_mul_overflow(a.i, b.i, &result); break;
    default:
        if (b.i == 0)
            return fail_zero(ev, node);
        overflow = a.i == INT64_MIN && b.i == -1;
        result = overflow ? 0 : node->kind == N_DIVIDE ? a.i / b.i : a.i % b.i;
    }
    return overflow ? fail_overflow(ev, node, a) : value_int(result);
}

static Value on_uints(Eval *ev, const Node *node, Value a, Value b) {
    uint64_t result;
    bool overflow;
    switch ((NodeKind)node->kind) {
    case N_ADD: overflow = __builtin_add_overflow(a.u, b.u, &result); break;
    case N_SUBTRACT: overflow = __builtin_sub_overflow(a.u, b.u, &result); break;
    case N_MULTIPLY: overflow = __builtin_mul_overflow(a.u, b.u, &result); break;
    default:
        if (b.u == 0)
            return fail_zero(ev, node);
        overflow = false;
        result = node->kind == N_DIVIDE ? a.u / b.u : a.u % b.u;
    }
    return overflow ? fail_overflow(ev, node, a) : value_uint(result);
}

static Value on_doubles(Eval *ev, const Node *node, Value a, Value b) {
    switch ((NodeKind)node->kind) {
    case N_ADD: return value_double(a.d + b.d);
    case N_SUBTRACT: return value_double(a.d - b.d);
    case N_MULTIPLY: return value_double(a.d * b.d);
    case N_DIVIDE: return value_double(a.d / b.d);
    default: return fail_overload(ev, node, a, b);
    }
}

static Value join_bytes(Eval *ev, Value a, Value b) {
    size_t n = (size_t)a.len + b.len;
    char *joined = take(ev, n);
    if (!joined || !charge_bytes(ev, n))
        return VALUE_ABSENT;
    memcpy(joined, a.s, a.len);
    memcpy(joined + a.len, b.s, b.len);
    return (Value){ .type = a.type, .len = (uint32_t)n, .s = joined };
}

static Value join_lists(Eval *ev, Value a, Value b) {
    if (a.len == 0 || b.len == 0)
        return a.len == 0 ? b : a;
    size_t n = (size_t)a.len + b.len;
    Value *items = take_values(ev, n);
    if (!items || !charge(ev, n / 4))
        return VALUE_ABSENT;
    memcpy(items, a.items, a.len * sizeof *items);
    memcpy(items + a.len, b.items, b.len * sizeof *items);
    return value_list(items, n);
}

static Value on_durations(Eval *ev, const Node *node, Value a, Value b) {
    int64_t result;
    bool overflow;
    if (node->kind == N_ADD)
        overflow = __builtin_add_overflow(a.i, b.i, &result);
    else if (node->kind == N_SUBTRACT)
        overflow = __builtin_sub_overflow(a.i, b.i, &result);
    else
        return fail_overload(ev, node, a, b);
    return overflow ? fail_overflow(ev, node, a) : (Value){ .type = V_DURATION, .i = result };
}

static Value moved(Eval *ev, const Node *node, Value time, Value duration) {
    Value result = timestamp_moved(time, duration.i, node->kind == N_SUBTRACT);
    return value_absent(result) ? fail_at(ev, node, "the time is outside of the years 0001 to 9999")
                                : result;
}

static Value between(Eval *ev, const Node *node, Value a, Value b) {
    Value result = timestamp_between(a, b);
    return value_absent(result) ? fail_overflow(ev, node, (Value){ .type = V_DURATION }) : result;
}

static Value on_times(Eval *ev, const Node *node, Value a, Value b) {
    if (a.type == V_TIMESTAMP && b.type == V_DURATION &&
        (node->kind == N_ADD || node->kind == N_SUBTRACT))
        return moved(ev, node, a, b);
    if (a.type == V_DURATION && b.type == V_TIMESTAMP && node->kind == N_ADD)
        return moved(ev, node, b, a);
    if (a.type == V_TIMESTAMP && b.type == V_TIMESTAMP && node->kind == N_SUBTRACT)
        return between(ev, node, a, b);
    return fail_overload(ev, node, a, b);
}

static Value arithmetic(Eval *ev, const Node *node, Value a, Value b) {
    if (a.type != b.type || a.type == V_TIMESTAMP)
        return on_times(ev, node, a, b);
    switch ((ValueType)a.type) {
    case V_INT: return on_ints(ev, node, a, b);
    case V_UINT: return on_uints(ev, node, a, b);
    case V_DOUBLE: return on_doubles(ev, node, a, b);
    case V_DURATION: return on_durations(ev, node, a, b);
    case V_STRING:
    case V_BYTES: return node->kind == N_ADD ? join_bytes(ev, a, b) : fail_overload(ev, node, a, b);
    case V_LIST: return node->kind == N_ADD ? join_lists(ev, a, b) : fail_overload(ev, node, a, b);
    default: return fail_overload(ev, node, a, b);
    }
}

static bool is_number(Value v) { return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE; }

static bool is_simple(Value v) { return is_number(v) || v.type == V_BOOL || v.type == V_NULL; }

static Value equality(Eval *ev, const Node *node, Value a, Value b) {
    bool same_kind = a.type == b.type;
    /* The smaller of the two bounds the comparison, but it is the larger that may be cheap to know: pay for one. */
    if (same_kind && !is_simple(a) && !charge_value(ev, a))
        return VALUE_ABSENT;
    return value_bool(value_equal(a, b) == (node->kind == N_EQUAL));
}

/* As the specification's tests have it: the double just beyond a 64-bit type is what its greatest numbers round to, and
 * in < and its like the two are equal. (== stays exact.) */
static bool is_rounded_limit(Value number, Value d) {
    if (d.type != V_DOUBLE || number.type == V_DOUBLE)
        return false;
    return number.type == V_INT ? d.d == 0x1p63 && (double)number.i == d.d
                                : d.d == 0x1p64 && (double)number.u == d.d;
}

static Value order(Eval *ev, const Node *node, Value a, Value b) {
    bool numbers = is_number(a) && is_number(b);
    if (!numbers &&
        (a.type != b.type || !(a.type == V_STRING || a.type == V_BYTES || a.type == V_BOOL ||
                               a.type == V_TIMESTAMP || a.type == V_DURATION)))
        return fail_overload(ev, node, a, b);
    if ((a.type == V_STRING || a.type == V_BYTES) && !charge_bytes(ev, a.len))
        return VALUE_ABSENT;
    int sign = is_rounded_limit(a, b) || is_rounded_limit(b, a) ? 0 : value_compare(a, b);
    if (sign == 2) /* NaN */
        return value_bool(false);
    switch ((NodeKind)node->kind) {
    case N_LESS: return value_bool(sign < 0);
    case N_LESS_EQUAL: return value_bool(sign <= 0);
    case N_GREATER: return value_bool(sign > 0);
    default: return value_bool(sign >= 0);
    }
}

static Value membership(Eval *ev, const Node *node, Value a, Value b) {
    if (b.type == V_MAP)
        return value_bool(!value_absent(value_get_key(b, a)));
    if (b.type != V_LIST)
        return fail_overload(ev, node, a, b);
    for (uint32_t i = 0; i < b.len; i++) {
        if (!charge(ev, 1) || (a.type == b.items[i].type && !is_simple(a) && !charge_value(ev, a)))
            return VALUE_ABSENT;
        if (value_equal(a, b.items[i]))
            return value_bool(true);
    }
    return value_bool(false);
}

Value eval_operator(Eval *ev, const Node *node, Value a, Value b) {
    ev->at = node->offset; /* for what is taken and charged */
    switch ((NodeKind)node->kind) {
    case N_EQUAL:
    case N_UNEQUAL: return equality(ev, node, a, b);
    case N_LESS:
    case N_LESS_EQUAL:
    case N_GREATER:
    case N_GREATER_EQUAL: return order(ev, node, a, b);
    case N_IN: return membership(ev, node, a, b);
    default: return arithmetic(ev, node, a, b);
    }
}

Value eval_negate(Eval *ev, const Node *node, Value a) {
    if (a.type == V_DOUBLE)
        return value_double(-a.d);
    if (a.type == V_INT && a.i != INT64_MIN)
        return value_int(-a.i);
    if (a.type == V_DURATION && a.i != INT64_MIN)
        return (Value){ .type = V_DURATION, .i = -a.i };
    if (a.type == V_INT || a.type == V_DURATION)
        return fail_at(ev, node, "%s overflow in -: the result is beyond 64 bits", type_word(a));
    return fail_at(ev, node, "no such overload: -%s%s", type_word(a),
                   a.type == V_UINT ? "; write -int(x)" : "");
}
