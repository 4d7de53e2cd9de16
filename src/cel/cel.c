/* Compiling and running: source -> parse.c -> check.c -> a program that eval.c walks. */
#include "cel/cel.h"
#include "cel/check.h"
#include "cel/eval.h"
#include "cel/parse.h"
#include "cel/weigh.h"

static int compile(Arena *a, Str source, const CelNames *names, CelProgram *program,
                   CelError *error) {
    if (source.len > LIMIT_CEL_SOURCE_BYTES)
        return cel_syntax_error(error, 0, "the expression is %zu bytes long, more than %u",
                                source.len, LIMIT_CEL_SOURCE_BYTES);
    program->source = arena_str(a, source);
    Node *root = cel_parse(a, program->source, names && names->by_the_book, error);
    return root ? cel_check(a, root, names, program, error) : CEL_E_SYNTAX;
}

int cel_compile(Arena *a, Str source, const CelNames *names, CelProgram **ret_program,
                CelError *ret_error) {
    CelError error = { 0 };
    CelProgram *program = ARENA_NEW(a, CelProgram);
    int failed = compile(a, source, names, program, &error);
    if (!failed)
        *ret_program = program;
    else if (ret_error)
        *ret_error = error;
    return failed;
}

static __attribute__((noinline)) int check_result(const CelProgram *p, Eval *ev, Value value) {
    Weight w = weigh(value, LIMIT_JSON_NODES);
    if (!w.over)
        return 0;
    if (w.deep) {
        fail_at(ev, p->root, "the result is nested more than %d deep", LIMIT_DEPTH);
        return CEL_E_EVAL;
    }
    fail_at(ev, p->root, "the result is too large: more than %d values or %u MiB of text",
            LIMIT_JSON_NODES, LIMIT_VALUE_BYTES / MIB);
    return CEL_E_BUDGET;
}

static int run(const CelProgram *p, Eval *ev, Value *ret_value) {
    if (p->n_locals)
        ev->locals = arena_alloc(ev->arena, p->n_locals * sizeof(Value));
    Value value = eval_whole(ev, p->root);
    if (value_absent(value))
        return ev->over ? CEL_E_BUDGET : CEL_E_EVAL;
    bool small = value.type != V_LIST && value.type != V_MAP && value.type != V_OPTIONAL;
    int bad = small || !p->builds ? 0 : check_result(p, ev, value);
    if (!bad)
        *ret_value = value;
    return bad;
}

static int eval_without_error(const CelProgram *p, const CelScope *scope, Arena *a,
                              Value *ret_value) {
    CelError ignored;
    return cel_eval(p, scope, a, ret_value, &ignored);
}

int cel_eval(const CelProgram *p, const CelScope *scope, Arena *a, Value *ret_value,
             CelError *ret_error) {
    if (p->root->kind == N_CONST) {
        *ret_value = p->root->value;
        return 0;
    }
    if (!ret_error)
        return eval_without_error(p, scope, a, ret_value);
    size_t room = a->cap_bytes && a->cap_bytes < a->used_bytes + LIMIT_CEL_BYTES
                      ? MAX(a->cap_bytes, a->used_bytes) - a->used_bytes
                      : LIMIT_CEL_BYTES;
    Eval ev = {
        .steps_left = LIMIT_CEL_STEPS,
        .bytes_end = a->used_bytes + room,
        .arena = a,
        .scope = scope,
        .error = ret_error,
    };
    return run(p, &ev, ret_value);
}

size_t cel_slots(const CelProgram *p, const uint64_t **ret_slots) {
    *ret_slots = p->slots;
    return p->n_slots;
}

static bool is_slot(const Node *n, uint64_t slot) {
    return n->kind == N_SLOT && n->slot == slot && !n->optional;
}

static bool is_field(const Node *n, uint64_t slot, Str field) {
    return n->kind == N_SELECT && !n->optional && str_eq(n->text, field) &&
           is_slot(n->args[0], slot);
}

static bool needs_equal(const Node *n, uint64_t slot, Str field, uint64_t other) {
    if (n->kind == N_EQUAL)
        return (is_field(n->args[0], slot, field) && is_slot(n->args[1], other)) ||
               (is_field(n->args[1], slot, field) && is_slot(n->args[0], other));
    for (uint32_t i = 0; n->kind == N_AND && i < n->n_args; i++)
        if (needs_equal(n->args[i], slot, field, other))
            return true;
    return false;
}

bool cel_needs_equal(const CelProgram *p, uint64_t slot, Str field, uint64_t other) {
    return needs_equal(p->root, slot, field, other);
}

Str cel_source(const CelProgram *p) { return p->source; }

Value cel_constant(const CelProgram *p) {
    return p->root->kind == N_CONST ? p->root->value : VALUE_ABSENT;
}
