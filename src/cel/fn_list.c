/* Functions of lists. A list never changes, so slice() and first() share the items of the list they are given. */
#include "cel/function.h"
#include "cel/order.h"

Value fn_distinct(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return order_distinct(ev, args[0]);
}

Value fn_sort(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return order_by_keys(ev, args[0].items, args[0].items, args[0].len);
}

/* Adds the items of `list`, opening lists within it down to `levels`. */
static bool flatten(Eval *ev, ListBuilder *out, Value list, int64_t levels) {
    for (uint32_t i = 0; i < list.len; i++) {
        if (!charge(ev, 1) || !take(ev, 0))
            return false;
        if (list.items[i].type != V_LIST || levels == 0)
            list_add(out, list.items[i]);
        else if (!flatten(ev, out, list.items[i], levels - 1))
            return false;
    }
    return true;
}

Value fn_flatten(Eval *ev, const Value *args, size_t n) {
    int64_t levels = n == 2 ? args[1].i : 1;
    if (levels < 0)
        return fail(ev, "flatten() goes 0 levels deep or more, not %lld", (long long)levels);
    ListBuilder out = list_builder(ev->arena);
    return flatten(ev, &out, args[0], MIN(levels, VALUE_DEPTH_MAX)) ? list_done(&out)
                                                                    : VALUE_ABSENT;
}

Value fn_slice(Eval *ev, const Value *args, size_t n) {
    (void)n;
    int64_t from = args[1].i, to = args[2].i;
    if (from < 0 || from > to || to > (int64_t)args[0].len)
        return fail(ev, "slice(%lld, %lld) is outside of the list of %u", (long long)from,
                    (long long)to, args[0].len);
    return value_list(from < to ? args[0].items + from : args[0].items, (size_t)(to - from));
}

Value fn_reverse_list(Eval *ev, const Value *args, size_t n) {
    (void)n;
    uint32_t len = args[0].len;
    Value *items = take_values(ev, len);
    if (!items || !charge(ev, len / 4))
        return VALUE_ABSENT;
    for (uint32_t i = 0; i < len; i++)
        items[i] = args[0].items[len - 1 - i];
    return value_list(items, len);
}

Value fn_range(Eval *ev, const Value *args, size_t n) {
    (void)n;
    if (args[0].i < 0 || args[0].i > LIMIT_ITEMS)
        return fail(ev, "lists.range() makes 0 to %d items, not %lld", LIMIT_ITEMS,
                    (long long)args[0].i);
    size_t len = (size_t)args[0].i;
    Value *items = take_values(ev, len);
    if (!items || !charge(ev, len))
        return VALUE_ABSENT;
    for (size_t i = 0; i < len; i++)
        items[i] = value_int((int64_t)i);
    return value_list(items, len);
}

Value fn_first(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return args[0].len ? some(ev, args[0].items[0]) : none();
}

Value fn_last(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return args[0].len ? some(ev, args[0].items[args[0].len - 1]) : none();
}

/* ---- sums ---- */

static bool is_number(Value v) { return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE; }

static double as_double(Value v) {
    return v.type == V_DOUBLE ? v.d : v.type == V_INT ? (double)v.i : (double)v.u;
}

static bool check_numbers(Eval *ev, const char *name, Value list, bool *ret_mixed) {
    *ret_mixed = false;
    for (uint32_t i = 0; i < list.len; i++) {
        if (!charge(ev, 1))
            return false;
        if (!is_number(list.items[i])) {
            fail(ev,
                 "%s() takes numbers, and element %u is a %s; write x.map(item, item.amount).%s()",
                 name, i, type_word(list.items[i]), name);
            return false;
        }
        *ret_mixed |= list.items[i].type != list.items[0].type;
    }
    return true;
}

static double sum_as_doubles(Value list) {
    double sum = 0;
    for (uint32_t i = 0; i < list.len; i++)
        sum += as_double(list.items[i]);
    return sum;
}

static Value sum_as_ints(Eval *ev, Value list) {
    Value sum = { .type = list.len ? list.items[0].type : (uint8_t)V_INT };
    bool overflow = false;
    for (uint32_t i = 0; i < list.len; i++)
        overflow |= sum.type == V_INT ? __builtin_add_overflow(sum.i, list.items[i].i, &sum.i)
                                      : __builtin_add_overflow(sum.u, list.items[i].u, &sum.u);
    return overflow ? fail(ev, "the sum is beyond 64 bits; write x.map(item, double(item)).sum()")
                    : sum;
}

/* Numbers of JSON come as int or double by how they were written, so a mixture is summed, as doubles. */
Value fn_sum(Eval *ev, const Value *args, size_t n) {
    (void)n;
    bool mixed;
    if (!check_numbers(ev, "sum", args[0], &mixed))
        return VALUE_ABSENT;
    if (mixed || (args[0].len && args[0].items[0].type == V_DOUBLE))
        return value_double(sum_as_doubles(args[0]));
    return sum_as_ints(ev, args[0]);
}

Value fn_avg(Eval *ev, const Value *args, size_t n) {
    (void)n;
    bool mixed;
    if (!check_numbers(ev, "avg", args[0], &mixed))
        return VALUE_ABSENT;
    if (!args[0].len)
        return fail(ev, "avg() of an empty list; write size(x) == 0 ? 0.0 : x.avg()");
    return value_double(sum_as_doubles(args[0]) / args[0].len);
}

/* ---- chunks ---- */

static bool check_chunk_size(Eval *ev, int64_t size) {
    if (size > 0)
        return true;
    fail(ev, "chunks() makes pieces of 1 or more, not %lld", (long long)size);
    return false;
}

Value fn_chunks_list(Eval *ev, const Value *args, size_t n) {
    (void)n;
    if (!check_chunk_size(ev, args[1].i))
        return VALUE_ABSENT;
    size_t len = args[0].len, size = (size_t)MIN(args[1].i, (int64_t)UINT32_MAX);
    size_t count = (len + size - 1) / size;
    Value *chunks = take_values(ev, count);
    if (!chunks || !charge(ev, count))
        return VALUE_ABSENT;
    for (size_t i = 0; i < count; i++)
        chunks[i] = value_list(args[0].items + i * size, MIN(size, len - i * size));
    return value_list(chunks, count);
}

/* Pieces of at most that many characters, as size() counts them. */
Value fn_chunks_text(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Str s = value_as_str(args[0]);
    if (!check_chunk_size(ev, args[1].i) || !charge_bytes(ev, s.len))
        return VALUE_ABSENT;
    ListBuilder chunks = list_builder(ev->arena);
    for (size_t at = 0; at < s.len;) {
        size_t start = at;
        for (int64_t i = 0; i < args[1].i && at < s.len; i++)
            str_next_codepoint(s, &at);
        list_add(&chunks, value_str(str_slice(s, start, at)));
        if (!charge(ev, 1) || !take(ev, 0))
            return VALUE_ABSENT;
    }
    return list_done(&chunks);
}
