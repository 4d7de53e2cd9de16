/* Fields, keys, has(), and the literals that build lists and maps.
 *
 * A selection on an optional selects within it and gives an optional: none stays none, and a field that is not there
 * gives none. `.?` and `[?]` start such a chain on a plain value. A slot without a value is a missing field: none under
 * `.?`, false under has(), a failure elsewhere. */
#include "cel/eval.h"

#include <stdio.h>

/* The operand, or absent without a failure when it is a slot that has no value. */
static Value eval_if_there(Eval *ev, const Node *operand, bool *ret_failed) {
    if (operand->kind == N_SLOT && !operand->optional) {
        *ret_failed = false;
        if (ev->scope && ev->scope->load)
            return ev->scope->load(ev->scope->ctx, operand->slot, ev->arena);
        return VALUE_ABSENT;
    }
    Value v = eval(ev, operand);
    *ret_failed = value_absent(v);
    return v;
}

static Str nearest_key(Value map, Str name) {
    /* More keys than this are data, not fields. */
    Str keys[64];
    size_t n = 0;
    for (uint32_t i = 0; i < map.len && n < ARRAY_LEN(keys); i++)
        if (map.map->entries[i].key.type == V_STRING)
            keys[n++] = value_as_str(map.map->entries[i].key);
    return str_nearest(name, keys, n);
}

static Value fail_no_field(Eval *ev, const Node *node, Value map, Str name) {
    Str near = nearest_key(map, name);
    int shown = (int)MIN(name.len, (size_t)60);
    if (near.p)
        return fail_at(ev, node, "no such key: %.*s; did you mean %.*s?", shown, name.p,
                       (int)MIN(near.len, (size_t)60), near.p);
    return fail_at(
        ev, node,
        "no such key: %.*s; if it may be missing ask with has(), or write .?%.*s and orValue()",
        shown, name.p, shown, name.p);
}

static Value fail_not_a_map(Eval *ev, const Node *node, Value v, Str name) {
    bool size = str_is(name, "length") || str_is(name, "len") || str_is(name, "size");
    const char *remedy = size && (v.type == V_LIST || v.type == V_STRING) ? "; write size(x)"
                         : v.type == V_LIST
                             ? "; take an element with [0], or all with .map(item, ...)"
                         : v.type == V_STRING ? "; if it is JSON text, read it with parseJson()"
                         : v.type == V_NULL   ? "; if it may be null, test it first"
                                              : "";
    return fail_at(ev, node, "no field %.*s on %s%s", (int)MIN(name.len, (size_t)60), name.p,
                   type_word(v), remedy);
}

/* Within an optional or under `.?`. */
static Value select_if_there(Eval *ev, const Node *node, Value operand, Str name) {
    if (operand.type == V_OPTIONAL) {
        if (!operand.opt)
            return none();
        operand = *operand.opt;
    }
    if (operand.type != V_MAP)
        return fail_not_a_map(ev, node, operand, name);
    Value v = value_get(operand, name);
    return value_absent(v) ? none() : some(ev, v);
}

Value eval_select(Eval *ev, const Node *node) {
    if (node->optional) {
        bool failed;
        Value operand = eval_if_there(ev, node->args[0], &failed);
        if (value_absent(operand))
            return failed ? operand : none();
        return select_if_there(ev, node, operand, node->text);
    }
    Value operand = eval(ev, node->args[0]);
    if (operand.type == V_MAP) {
        Value v = value_get(operand, node->text);
        return value_absent(v) ? fail_no_field(ev, node, operand, node->text) : v;
    }
    if (operand.type == V_OPTIONAL)
        return select_if_there(ev, node, operand, node->text);
    return value_absent(operand) ? operand : fail_not_a_map(ev, node, operand, node->text);
}

Value eval_has(Eval *ev, const Node *node) {
    bool failed;
    Value operand = eval_if_there(ev, node->args[0], &failed);
    if (value_absent(operand))
        return failed ? operand : value_bool(false);
    if (!node->text.p)
        return value_bool(operand.type != V_OPTIONAL || operand.opt);
    if (operand.type == V_OPTIONAL) {
        if (!operand.opt)
            return value_bool(false);
        operand = *operand.opt;
    }
    if (operand.type != V_MAP)
        return fail_not_a_map(ev, node, operand, node->text);
    return value_bool(!value_absent(value_get(operand, node->text)));
}

/* ---- by key ---- */

static bool as_position(Value key, int64_t *ret_position) {
    switch ((ValueType)key.type) {
    case V_INT: *ret_position = key.i; return true;
    case V_UINT: *ret_position = key.u > INT64_MAX ? INT64_MAX : (int64_t)key.u; return true;
    case V_DOUBLE:
        /* 2^53: beyond it a double is not a position but a rounding. */
        if (!(key.d >= -0x1p53 && key.d <= 0x1p53) || key.d != (double)(int64_t)key.d)
            return false;
        *ret_position = (int64_t)key.d;
        return true;
    default: return false;
    }
}

static bool is_lookup_key(Value key) {
    return key.type == V_STRING || key.type == V_INT || key.type == V_UINT || key.type == V_BOOL ||
           key.type == V_DOUBLE;
}

/* The element, or absent; *ret_wrong when such a key makes no sense there, which is then reported. */
static Value find_element(Eval *ev, const Node *node, Value operand, Value key, bool *ret_wrong) {
    *ret_wrong = false;
    int64_t position;
    if (operand.type == V_LIST && as_position(key, &position))
        return position >= 0 && position < (int64_t)operand.len ? operand.items[position]
                                                                : VALUE_ABSENT;
    if (operand.type == V_MAP && is_lookup_key(key))
        return value_get_key(operand, key);
    *ret_wrong = true;
    return fail_at(ev, node, "no such overload: %s[%s]%s", type_word(operand), type_word(key),
                   operand.type == V_STRING ? "; write x.charAt(i) or x.substring(i)" : "");
}

static Value fail_no_element(Eval *ev, const Node *node, Value operand, Value key) {
    if (operand.type == V_LIST) {
        int64_t position = 0;
        as_position(key, &position);
        return fail_at(
            ev, node,
            "index %lld is outside of the list of %u; write [?i] and orValue() if that may be",
            (long long)position, operand.len);
    }
    if (key.type == V_STRING)
        return fail_no_field(ev, node, operand, value_as_str(key));
    Str text = value_plain(ev->arena, key);
    return fail_at(ev, node, "no such key: %.*s; write [?key] and orValue() if it may be missing",
                   STR_FMT(text));
}

static Value index_if_there(Eval *ev, const Node *node, Value operand, Value key) {
    if (operand.type == V_OPTIONAL) {
        if (!operand.opt)
            return none();
        operand = *operand.opt;
    }
    bool wrong;
    Value v = find_element(ev, node, operand, key, &wrong);
    if (wrong)
        return v;
    return value_absent(v) ? none() : some(ev, v);
}

static Value index_plainly(Eval *ev, const Node *node, Value operand, Value key) {
    bool wrong;
    Value v = find_element(ev, node, operand, key, &wrong);
    return value_absent(v) && !wrong ? fail_no_element(ev, node, operand, key) : v;
}

Value eval_index(Eval *ev, const Node *node) {
    bool failed = true;
    Value operand = node->optional ? eval_if_there(ev, node->args[0], &failed)
                                   : eval(ev, node->args[0]);
    if (value_absent(operand))
        return failed ? operand : none();
    Value key = eval(ev, node->args[1]);
    if (value_absent(key))
        return key;
    if (node->optional || operand.type == V_OPTIONAL)
        return index_if_there(ev, node, operand, key);
    return index_plainly(ev, node, operand, key);
}

/* ---- literals ---- */

/* The value to put in, or absent with *ret_left_out for an empty `?x`. */
static Value eval_part(Eval *ev, const Node *node, bool *ret_left_out) {
    *ret_left_out = false;
    if (node->kind != N_MAYBE)
        return eval(ev, node);
    Value v = eval(ev, node->args[0]);
    if (value_absent(v))
        return v;
    if (v.type != V_OPTIONAL)
        return fail_at(ev, node,
                       "`?` stands before an optional, not a %s; drop it, or write ?optional.of(x)",
                       type_word(v));
    *ret_left_out = !v.opt;
    return v.opt ? *v.opt : VALUE_ABSENT;
}

Value eval_list(Eval *ev, const Node *node) {
    ev->at = node->offset;
    Value *items = take_values(ev, node->n_args);
    if (!items)
        return VALUE_ABSENT;
    size_t n = 0;
    for (size_t i = 0; i < node->n_args; i++) {
        bool left_out;
        Value v = eval_part(ev, node->args[i], &left_out);
        if (left_out)
            continue;
        if (value_absent(v))
            return v;
        items[n++] = v;
    }
    return value_list(items, n);
}

static Value eval_key(Eval *ev, const Node *node) {
    Value key = eval(ev, node);
    if (value_absent(key) || key.type == V_STRING || key.type == V_INT || key.type == V_UINT ||
        key.type == V_BOOL)
        return key;
    return fail_at(ev, node, "a %s cannot be a key; keys are strings, ints, uints and bools",
                   type_word(key));
}

Value eval_map(Eval *ev, const Node *node) {
    ev->at = node->offset;
    if (!take(ev, 0))
        return VALUE_ABSENT;
    MapBuilder m = map_builder(ev->arena);
    bool any_left_out = false;
    for (size_t i = 0; i < node->n_args; i += 2) {
        Value key = eval_key(ev, node->args[i]);
        if (value_absent(key))
            return key;
        bool left_out;
        Value v = eval_part(ev, node->args[i + 1], &left_out);
        any_left_out |= left_out;
        if (left_out)
            continue;
        if (value_absent(v))
            return v;
        map_add(&m, key, v);
    }
    size_t repeated;
    Value map = map_done(&m, &repeated);
    if (!repeated)
        return map;
    /* Entries that were left out shift the numbers: then the whole map is blamed. */
    return fail_at(ev, any_left_out ? node : node->args[2 * (repeated - 1)],
                   "a key stands twice in the map");
}
