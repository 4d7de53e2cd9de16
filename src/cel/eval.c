/* The evaluator walks the tree. It was measured against a bytecode of the same operations: for guards of ten nodes the
 * walk is as fast, and the tree is what the messages point into.
 *
 * Budgets. Every node costs one step; work that hides in one node (comparing two long lists, sorting) is charged by
 * its size. Memory is whatever the arena has handed out since the start; take() asks before it allocates, loops look
 * at each turn. So an evaluation ends, and what it can hold is known, whatever the expression and the data are. */
#include "cel/eval.h"
#include "cel/pattern.h"
#include "cel/weigh.h"

#include <stdarg.h>
#include <stdio.h>

/* eval() itself stays a jump without a stack frame of its own: measured, it is worth a quarter of the time of a guard. */
#define APART __attribute__((noinline))

/* ---- failing and paying ---- */

static PRINTF(3, 0) void report(Eval *ev, size_t offset, const char *fmt, va_list args) {
    if (ev->over)
        return;
    ev->error->offset = offset;
    vsnprintf(ev->error->message, sizeof ev->error->message, fmt, args);
}

Value fail(Eval *ev, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    report(ev, ev->at, fmt, args);
    va_end(args);
    return VALUE_ABSENT;
}

Value fail_at(Eval *ev, const Node *node, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    report(ev, node->offset, fmt, args);
    va_end(args);
    return VALUE_ABSENT;
}

Value fail_over(Eval *ev) {
    if (ev->steps_left < 0)
        fail(
            ev,
            "the expression takes more than %d steps; work on less data, or split it over several steps",
            LIMIT_CEL_STEPS);
    else
        fail(
            ev,
            "the expression builds more than %u MiB; work on less data, or split it over several steps",
            LIMIT_CEL_BYTES / MIB);
    ev->over = true;
    return VALUE_ABSENT;
}

bool forgive(Eval *ev) { return !ev->over; }

static bool charge_at(Eval *ev, Value v, unsigned depth) {
    if (depth > VALUE_DEPTH_MAX) {
        fail(ev, "a value is nested more than %d deep", VALUE_DEPTH_MAX);
        return false;
    }
    switch ((ValueType)v.type) {
    case V_STRING:
    case V_BYTES: return charge_bytes(ev, v.len);
    case V_LIST:
        for (uint32_t i = 0; i < v.len; i++)
            if (!charge(ev, 1) || !charge_at(ev, v.items[i], depth + 1))
                return false;
        return true;
    case V_MAP:
        for (uint32_t i = 0; i < v.len; i++)
            if (!charge(ev, 2) || !charge_at(ev, v.map->entries[i].key, depth + 1) ||
                !charge_at(ev, v.map->entries[i].value, depth + 1))
                return false;
        return true;
    case V_OPTIONAL: return !v.opt || charge_at(ev, *v.opt, depth + 1);
    default: return true;
    }
}

bool charge_value(Eval *ev, Value v) { return charge_at(ev, v, 0); }

void *take(Eval *ev, size_t n) {
    if (n <= ev->bytes_end && ev->arena->used_bytes <= ev->bytes_end - n)
        return arena_alloc(ev->arena, n);
    fail_over(ev);
    return NULL;
}

Value some(Eval *ev, Value v) {
    Value *within = take_values(ev, 1);
    if (!within)
        return VALUE_ABSENT;
    *within = v;
    return (Value){ .type = V_OPTIONAL, .opt = within };
}

const char *type_word(Value v) {
    static const char *const words[] = {
        [V_ABSENT] = "nothing", [V_NULL] = "null",           [V_BOOL] = "bool",
        [V_INT] = "int",        [V_UINT] = "uint",           [V_DOUBLE] = "double",
        [V_STRING] = "string",  [V_BYTES] = "bytes",         [V_LIST] = "list",
        [V_MAP] = "map",        [V_TIMESTAMP] = "timestamp", [V_DURATION] = "duration",
        [V_TYPE] = "type",      [V_OPTIONAL] = "optional",   [V_NET] = "address",
    };
    return words[v.type];
}

/* ---- leaves ---- */

static inline Value load(Eval *ev, const Node *node) {
    return ev->scope && ev->scope->load ? ev->scope->load(ev->scope->ctx, node->slot, ev->arena)
                                        : VALUE_ABSENT;
}

static APART Value eval_slot(Eval *ev, const Node *node) {
    Value v = load(ev, node);
    if (node->optional)
        return value_absent(v) ? none() : some(ev, v);
    if (value_absent(v)) {
        bool whole = str_find(node->text, STR(".")) < 0;
        return fail_at(ev, node, "%.*s has no value here; %s", (int)MIN(node->text.len, (size_t)80),
                       node->text.p,
                       whole ? "ask first if it can have one, as in `round > 1 ? last : null`"
                             : "ask with has(), or write .? before its last part and orValue()");
    }
    return v;
}

/* ---- logic ---- */

static Value want_bool(Eval *ev, const Node *operand, Value v) {
    const char *remedy = v.type == V_STRING     ? "x != ''"
                         : v.type == V_NULL     ? "x != null"
                         : v.type == V_LIST     ? "size(x) > 0"
                         : v.type == V_MAP      ? "size(x) > 0"
                         : v.type == V_OPTIONAL ? "x.orValue(false)"
                                                : "x != 0";
    return fail_at(
        ev, operand,
        "expected a bool here, not %s: there is no truthiness; write a comparison such as %s",
        type_word(v), remedy);
}

static Value eval_bool(Eval *ev, const Node *node) {
    Value v = eval(ev, node);
    return v.type == V_BOOL || value_absent(v) ? v : want_bool(ev, node, v);
}

/* The operand before `next` failed: a later one may still decide; else the first failure is the one that is told.
 * Apart from eval(), whose frame would grow by the copy of the error at every level. */
static APART Value decide_in_spite(Eval *ev, const Node *node, size_t next, bool decisive) {
    CelError first = *ev->error;
    for (size_t i = next; i < node->n_args; i++) {
        if (!forgive(ev))
            return VALUE_ABSENT;
        Value v = eval_bool(ev, node->args[i]);
        if (v.type == V_BOOL && v.b == decisive)
            return v;
    }
    if (!ev->over)
        *ev->error = first;
    return VALUE_ABSENT;
}

/* && is decided by false, || by true, in whichever operand. */
static APART Value eval_logic(Eval *ev, const Node *node, bool decisive) {
    for (size_t i = 0; i < node->n_args; i++) {
        Value v = eval_bool(ev, node->args[i]);
        if (value_absent(v))
            return decide_in_spite(ev, node, i + 1, decisive);
        if (v.b == decisive)
            return v;
    }
    return value_bool(!decisive);
}

static APART Value eval_choice(Eval *ev, const Node *node) {
    Value condition = eval_bool(ev, node->args[0]);
    if (value_absent(condition))
        return condition;
    return eval(ev, node->args[condition.b ? 1 : 2]);
}

/* ---- comparisons of two values of one simple type, on the spot ---- */

static inline bool compare_ints(NodeKind kind, int64_t a, int64_t b) {
    switch (kind) {
    case N_EQUAL: return a == b;
    case N_UNEQUAL: return a != b;
    case N_LESS: return a < b;
    case N_LESS_EQUAL: return a <= b;
    case N_GREATER: return a > b;
    default: return a >= b;
    }
}

static inline bool compare_doubles(NodeKind kind, double a, double b) {
    switch (kind) {
    case N_EQUAL: return a == b;
    case N_UNEQUAL: return a != b;
    case N_LESS: return a < b;
    case N_LESS_EQUAL: return a <= b;
    case N_GREATER: return a > b;
    default: return a >= b;
    }
}

/* Short texts, which cost no more than two numbers; eval_operator() pays for long ones. */
static inline bool are_short_texts(Value a, Value b) {
    return a.type == V_STRING && b.type == V_STRING && MIN(a.len, b.len) < 64;
}

/* Constants, which half of all operands are, are not worth a call (and cost no step). */
static inline Value eval_operand(Eval *ev, const Node *node) {
    return node->kind == N_CONST ? node->value : eval(ev, node);
}

static APART Value eval_comparison(Eval *ev, const Node *node) {
    Value a = eval_operand(ev, node->args[0]);
    if (value_absent(a))
        return a;
    Value b = eval_operand(ev, node->args[1]);
    if (value_absent(b))
        return b;
    if (a.type == V_INT && b.type == V_INT)
        return value_bool(compare_ints((NodeKind)node->kind, a.i, b.i));
    if (a.type == V_DOUBLE && b.type == V_DOUBLE)
        return value_bool(compare_doubles((NodeKind)node->kind, a.d, b.d));
    if ((node->kind == N_EQUAL || node->kind == N_UNEQUAL) && are_short_texts(a, b))
        return value_bool(str_eq(value_as_str(a), value_as_str(b)) == (node->kind == N_EQUAL));
    return eval_operator(ev, node, a, b);
}

static APART Value eval_binary(Eval *ev, const Node *node) {
    Value a = eval_operand(ev, node->args[0]);
    if (value_absent(a))
        return a;
    Value b = eval_operand(ev, node->args[1]);
    return value_absent(b) ? b : eval_operator(ev, node, a, b);
}

static APART Value eval_not(Eval *ev, const Node *node) {
    Value v = eval_bool(ev, node->args[0]);
    return value_absent(v) ? v : value_bool(!v.b);
}

static APART Value eval_minus(Eval *ev, const Node *node) {
    Value v = eval(ev, node->args[0]);
    return value_absent(v) ? v : eval_negate(ev, node, v);
}

static APART Value out_of_steps(Eval *ev, const Node *node) {
    ev->at = node->offset;
    return fail_over(ev);
}

Value eval(Eval *ev, const Node *node) {
    if (--ev->steps_left < 0)
        return out_of_steps(ev, node);
    switch ((NodeKind)node->kind) {
    case N_CONST: return node->value;
    case N_SLOT: return eval_slot(ev, node);
    case N_LOCAL: return ev->locals[node->local];
    case N_SELECT: return eval_select(ev, node);
    case N_INDEX: return eval_index(ev, node);
    case N_HAS: return eval_has(ev, node);
    case N_NOT: return eval_not(ev, node);
    case N_NEGATE: return eval_minus(ev, node);
    case N_EQUAL:
    case N_UNEQUAL:
    case N_LESS:
    case N_LESS_EQUAL:
    case N_GREATER:
    case N_GREATER_EQUAL: return eval_comparison(ev, node);
    case N_ADD:
    case N_SUBTRACT:
    case N_MULTIPLY:
    case N_DIVIDE:
    case N_REMAINDER:
    case N_IN: return eval_binary(ev, node);
    case N_AND: return eval_logic(ev, node, false);
    case N_OR: return eval_logic(ev, node, true);
    case N_COND: return eval_choice(ev, node);
    case N_LIST: return eval_list(ev, node);
    case N_MAP: return eval_map(ev, node);
    case N_FUNCTION: return eval_call(ev, node);
    case N_ALL:
    case N_EXISTS:
    case N_EXISTS_ONE:
    case N_FILTER:
    case N_TRANSFORM_LIST:
    case N_TRANSFORM_MAP:
    case N_TRANSFORM_MAP_ENTRY:
    case N_SORT_BY:
    case N_BIND:
    case N_OPT_MAP:
    case N_OPT_FLAT_MAP:
    case N_OPT_OR:
    case N_OPT_OR_VALUE: return eval_loop(ev, node);
    case N_UNKNOWN: return fail_at(ev, node, "%.*s", STR_FMT(node->text));
    case N_MAYBE:
    case N_IDENT:
    case N_CALL:
    case N_METHOD: break;
    }
    UNREACHABLE("the checker leaves no such node here");
}

Value eval_whole(Eval *ev, const Node *root) {
    Value value = eval(ev, root);
    if (ev->search)
        ev->search = pattern_search_free(ev->search);
    return value;
}

bool eval_constant(Arena *a, Folding *folding, const Node *node, uint32_t n_locals,
                   Value *ret_value) {
    /* Of one constant: it is worth its place in every program, and no compiler stalls over it. */
    enum { STEPS = 10 * 1000, BYTES = 64 * 1024 };
    int64_t steps = MIN(folding->steps_left, STEPS);
    CelError error;
    Eval ev = {
        .steps_left = steps,
        .arena = a,
        .bytes_end = MIN(folding->bytes_end, a->used_bytes + BYTES),
        .error = &error,
    };
    if (n_locals)
        ev.locals = arena_alloc(a, n_locals * sizeof(Value));
    Value value = eval_whole(&ev, node);
    folding->steps_left -= steps - MAX(ev.steps_left, 0);
    if (value_absent(value) || weigh(value, STEPS).over)
        return false;
    *ret_value = value;
    return true;
}
