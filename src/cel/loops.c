/* The macros: loops over the items of a list or the keys of a map, and bindings of one variable.
 *
 * all() and exists() are && and || over the items: one that decides makes up for any that fail. The others fail with the
 * first item that fails. The result of a loop never has more items than its range, so its room is taken at once. */
#include "cel/order.h"

typedef struct Range {
    const Value *items; /* of a list */
    const ValueEntry *entries;
    size_t n;
} Range;

static bool over(Eval *ev, const Node *loop) {
    if (ev->arena->used_bytes <= ev->bytes_end)
        return ev->over;
    ev->at = loop->offset;
    fail_over(ev);
    return true;
}

static bool eval_range(Eval *ev, const Node *loop, Range *ret_range) {
    Value v = eval(ev, loop->args[0]);
    ev->at = loop->offset; /* for what is taken and charged next */
    switch ((ValueType)v.type) {
    case V_ABSENT: return false;
    case V_LIST: *ret_range = (Range){ .items = v.items, .n = v.len }; return true;
    case V_MAP:
        *ret_range = (Range){ .entries = v.len ? v.map->entries : NULL, .n = v.len };
        return true;
    default:
        fail_at(ev, loop, "%.*s() goes over a list or a map, not a %s%s", STR_FMT(loop->text),
                type_word(v), v.type == V_OPTIONAL ? "; write .orValue([]) before it" : "");
        return false;
    }
}

/* Sets the variables to the item. One variable is the element of a list or the key of a map; two are key and value. */
static inline void set_variables(Eval *ev, const Node *loop, const Range *range, size_t i) {
    Value *variables = ev->locals + loop->local;
    if (!loop->two_variables) {
        variables[0] = range->items ? range->items[i] : range->entries[i].key;
        return;
    }
    variables[0] = range->items ? value_int((int64_t)i) : range->entries[i].key;
    variables[1] = range->items ? range->items[i] : range->entries[i].value;
}

/* A condition of the item: absent when it fails or is no bool. */
static Value eval_condition(Eval *ev, const Node *loop, const Node *condition) {
    Value v = eval(ev, condition);
    if (v.type == V_BOOL || value_absent(v))
        return v;
    return fail_at(ev, condition, "the condition of %.*s() must give a bool, not a %s",
                   STR_FMT(loop->text), type_word(v));
}

/* all() is decided by false, exists() by true. */
static Value quantify(Eval *ev, const Node *loop, bool decisive) {
    Range range;
    if (!eval_range(ev, loop, &range))
        return VALUE_ABSENT;
    bool failed = false;
    CelError first;
    for (size_t i = 0; i < range.n; i++) {
        set_variables(ev, loop, &range, i);
        Value v = eval_condition(ev, loop, loop->args[1]);
        if (over(ev, loop))
            return VALUE_ABSENT;
        if (v.type == V_BOOL && v.b == decisive)
            return v;
        if (value_absent(v) && !failed) {
            failed = true;
            first = *ev->error;
        }
    }
    if (!failed)
        return value_bool(!decisive);
    *ev->error = first;
    return VALUE_ABSENT;
}

static Value exists_one(Eval *ev, const Node *loop) {
    Range range;
    if (!eval_range(ev, loop, &range))
        return VALUE_ABSENT;
    size_t found = 0;
    for (size_t i = 0; i < range.n; i++) {
        set_variables(ev, loop, &range, i);
        Value v = eval_condition(ev, loop, loop->args[1]);
        if (value_absent(v) || over(ev, loop))
            return VALUE_ABSENT;
        found += v.b;
    }
    return value_bool(found == 1);
}

static Value filter(Eval *ev, const Node *loop) {
    Range range;
    if (!eval_range(ev, loop, &range))
        return VALUE_ABSENT;
    Value *kept = take_values(ev, range.n);
    size_t n = 0;
    for (size_t i = 0; kept && i < range.n; i++) {
        set_variables(ev, loop, &range, i);
        Value item = ev->locals[loop->local];
        Value v = eval_condition(ev, loop, loop->args[1]);
        if (value_absent(v) || over(ev, loop))
            return VALUE_ABSENT;
        if (v.b)
            kept[n++] = item;
    }
    return kept ? value_list(kept, n) : VALUE_ABSENT;
}

/* The result for one item; *ret_left_out when the condition leaves the item out. Absent and not left out: failed. */
static Value transform(Eval *ev, const Node *loop, bool *ret_left_out) {
    *ret_left_out = false;
    if (loop->args[2]) {
        Value v = eval_condition(ev, loop, loop->args[2]);
        *ret_left_out = v.type == V_BOOL && !v.b;
        if (value_absent(v) || !v.b)
            return VALUE_ABSENT;
    }
    Value result = eval(ev, loop->args[1]);
    return over(ev, loop) ? VALUE_ABSENT : result;
}

static Value transform_list(Eval *ev, const Node *loop) {
    Range range;
    if (!eval_range(ev, loop, &range))
        return VALUE_ABSENT;
    Value *results = take_values(ev, range.n);
    size_t n = 0;
    for (size_t i = 0; results && i < range.n; i++) {
        set_variables(ev, loop, &range, i);
        bool left_out;
        Value v = transform(ev, loop, &left_out);
        if (left_out)
            continue;
        if (value_absent(v))
            return v;
        results[n++] = v;
    }
    return results ? value_list(results, n) : VALUE_ABSENT;
}

static bool add_entries(Eval *ev, const Node *loop, MapBuilder *m, Value entries) {
    if (entries.type != V_MAP) {
        fail_at(ev, loop, "transformMapEntry() takes a map {key: value} for each item, not a %s",
                type_word(entries));
        return false;
    }
    for (uint32_t i = 0; i < entries.len; i++) {
        map_add(m, entries.map->entries[i].key, entries.map->entries[i].value);
        if (!charge(ev, 1) || over(ev, loop))
            return false;
    }
    return true;
}

static Value transform_map(Eval *ev, const Node *loop) {
    Range range;
    if (!eval_range(ev, loop, &range))
        return VALUE_ABSENT;
    MapBuilder m = map_builder(ev->arena);
    for (size_t i = 0; i < range.n; i++) {
        set_variables(ev, loop, &range, i);
        Value key = ev->locals[loop->local];
        bool left_out;
        Value v = transform(ev, loop, &left_out);
        if (left_out)
            continue;
        if (value_absent(v))
            return v;
        if (loop->kind == N_TRANSFORM_MAP)
            map_add(&m, key, v);
        else if (!add_entries(ev, loop, &m, v))
            return VALUE_ABSENT;
    }
    size_t repeated;
    Value map = map_done(&m, &repeated);
    return repeated ? fail_at(ev, loop, "%.*s() gives one key twice", STR_FMT(loop->text)) : map;
}

static Value sort_by(Eval *ev, const Node *loop) {
    Range range;
    if (!eval_range(ev, loop, &range))
        return VALUE_ABSENT;
    Value *items = take_values(ev, range.n);
    Value *keys = items ? take_values(ev, range.n) : NULL;
    if (!keys)
        return VALUE_ABSENT;
    for (size_t i = 0; i < range.n; i++) {
        set_variables(ev, loop, &range, i);
        items[i] = ev->locals[loop->local];
        keys[i] = eval(ev, loop->args[1]);
        if (value_absent(keys[i]) || over(ev, loop))
            return VALUE_ABSENT;
    }
    ev->at = loop->offset;
    return order_by_keys(ev, items, keys, range.n);
}

static Value bind(Eval *ev, const Node *loop) {
    Value v = eval(ev, loop->args[0]);
    if (value_absent(v))
        return v;
    ev->locals[loop->local] = v;
    return eval(ev, loop->args[1]);
}

static Value opt_map(Eval *ev, const Node *loop) {
    Value v = eval(ev, loop->args[0]);
    if (value_absent(v) || (v.type == V_OPTIONAL && !v.opt))
        return v;
    if (v.type != V_OPTIONAL)
        return fail_at(ev, loop, "%.*s() works on an optional, not a %s", STR_FMT(loop->text),
                       type_word(v));
    ev->locals[loop->local] = *v.opt;
    Value result = eval(ev, loop->args[1]);
    if (value_absent(result) || (loop->kind == N_OPT_FLAT_MAP && result.type == V_OPTIONAL))
        return result;
    if (loop->kind == N_OPT_FLAT_MAP)
        return fail_at(ev, loop->args[1], "optFlatMap() wants an optional, not a %s; use optMap()",
                       type_word(result));
    return some(ev, result);
}

static Value opt_or(Eval *ev, const Node *node) {
    Value v = eval(ev, node->args[0]);
    if (value_absent(v))
        return v;
    if (v.type != V_OPTIONAL)
        return fail_at(
            ev, node,
            "%.*s() works on an optional, not a %s; write .? before the last part: x.?name",
            STR_FMT(node->text), type_word(v));
    if (v.opt)
        return node->kind == N_OPT_OR ? v : *v.opt;
    Value other = eval(ev, node->args[1]);
    if (node->kind == N_OPT_OR_VALUE || other.type == V_OPTIONAL || value_absent(other))
        return other;
    return fail_at(ev, node->args[1], "or() takes an optional, not a %s; write orValue()",
                   type_word(other));
}

Value eval_loop(Eval *ev, const Node *loop) {
    switch ((NodeKind)loop->kind) {
    case N_ALL: return quantify(ev, loop, false);
    case N_EXISTS: return quantify(ev, loop, true);
    case N_EXISTS_ONE: return exists_one(ev, loop);
    case N_FILTER: return filter(ev, loop);
    case N_TRANSFORM_LIST: return transform_list(ev, loop);
    case N_TRANSFORM_MAP:
    case N_TRANSFORM_MAP_ENTRY: return transform_map(ev, loop);
    case N_SORT_BY: return sort_by(ev, loop);
    case N_BIND: return bind(ev, loop);
    case N_OPT_MAP:
    case N_OPT_FLAT_MAP: return opt_map(ev, loop);
    case N_OPT_OR:
    case N_OPT_OR_VALUE: return opt_or(ev, loop);
    default: UNREACHABLE("not a loop");
    }
}
