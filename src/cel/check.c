/* The checker walks the tree once, from the leaves up, and gives for each node the one that replaces it. What
 * names mean is in resolve.c.
 *
 * Macros become loop nodes whose variables are numbered by nesting, so that the evaluator keeps them in one array.
 *
 * A node whose operands are all constant is evaluated here, and stays as it is if that fails: `1/0 == 1 || true` is
 * true, and an error belongs to the moment of evaluation, where something may absorb it. */
#include "cel/check.h"
#include "cel/checker.h"
#include "cel/function.h"
#include "cel/macro.h"
#include "cel/parse.h"
#include "cel/pattern.h"

#include <stdio.h>

/* Of all constants of a program together: some milliseconds, and what a large table of literals takes. */
enum { FOLDING_STEPS = 200 * 1000, FOLDING_BYTES = 1024 * 1024 };

static Node *check(Checker *c, Node *node);

static bool check_args(Checker *c, Node *node) {
    for (size_t i = 0; i < node->n_args; i++)
        if (!(node->args[i] = check(c, node->args[i])))
            return false;
    return true;
}

static Node *fold(Checker *c, Node *node) {
    for (size_t i = 0; i < node->n_args; i++)
        if (node->args[i]->kind != N_CONST)
            return node;
    Value value;
    if (!eval_constant(c->arena, &c->folding, node, 0, &value))
        return node;
    Node *constant = node_new(c->arena, N_CONST, node->offset, 0);
    constant->value = value;
    return constant;
}

static Node *check_select(Checker *c, Node *node, bool folding) {
    Chain chain;
    if (chain_find(node, &chain))
        return chain_resolve(c, node, &chain);
    if (!check_args(c, node))
        return NULL;
    return folding ? fold(c, node) : node;
}

/* ---- macros ---- */

static bool is_bind(const Checker *c, const Node *node) {
    size_t number;
    return str_is(node->text, "bind") && node->args[0]->kind == N_IDENT &&
           str_is(node->args[0]->text, "cel") &&
           !checker_find_variable(c, node->args[0]->text, &number);
}

static bool push_variable(Checker *c, const Node *name, const Macro *macro) {
    if (name->kind != N_IDENT || name->text.p[0] == '.') {
        cel_syntax_error(c->error, name->offset, "expected the name of a variable here: %s",
                         macro->usage);
        return false;
    }
    if (c->n_variables == CEL_LOCALS_MAX) {
        cel_syntax_error(c->error, name->offset,
                         "too many variables in one another; split the expression");
        return false;
    }
    c->variables[c->n_variables++] = name->text;
    c->n_variables_max = MAX(c->n_variables_max, c->n_variables);
    return true;
}

/* Arguments: receiver, variables, [condition], result. For cel.bind the receiver is `cel`, and the value to bind
 * stands between variable and result. */
static Node *check_macro(Checker *c, const Node *call, const Macro *macro) {
    bool bind = macro->kind == N_BIND;
    Node *loop = node_new(c->arena, (NodeKind)macro->kind, call->offset, 3);
    loop->two_variables = macro->n_variables == 2;
    loop->local = (uint16_t)c->n_variables;
    loop->text = call->text;
    size_t before = c->n_variables;
    if (!(loop->args[0] = check(c, call->args[bind ? 2 : 0])))
        return NULL;
    for (size_t i = 0; i < macro->n_variables; i++)
        if (!push_variable(c, call->args[1 + i], macro))
            return NULL;
    if (!(loop->args[1] = check(c, call->args[call->n_args - 1])))
        return NULL;
    if (macro->condition && !(loop->args[2] = check(c, call->args[call->n_args - 2])))
        return NULL;
    c->n_variables = before;
    c->builds |= macro->kind >= N_FILTER && macro->kind != N_BIND;
    return loop;
}

static Node *check_has(Checker *c, Node *call) {
    Node *arg = call->n_args == 1 ? call->args[0] : NULL;
    if (!arg || arg->kind != N_SELECT) {
        cel_syntax_error(c->error, call->offset,
                         "has() takes one selection of a field: has(x.name)");
        return NULL;
    }
    Node *field = check_select(c, arg, false);
    if (!field || field->kind == N_UNKNOWN)
        return field;
    Node *has = node_new(c->arena, N_HAS, call->offset, 1);
    if (field->kind == N_SLOT) {
        has->args[0] = field;
        return has;
    }
    if (field->kind != N_SELECT) {
        cel_syntax_error(c->error, call->offset,
                         "has() takes one selection of a field: has(x.name)");
        return NULL;
    }
    has->args[0] = field->args[0];
    has->text = field->text;
    return fold(c, has);
}

/* ---- functions ---- */

/* A pattern that stands in the source is compiled with it. False with the node that takes the call's place (or NULL, after
 * a report) if it is not a pattern. */
static bool compile_pattern(Checker *c, Node *node, Node **ret_refused) {
    const Node *source = node->n_args > 1 ? node->args[1] : NULL;
    if (!source || source->kind != N_CONST || source->value.type != V_STRING ||
        node->function->args[1] != 'r')
        return true;
    PatternError error;
    if (pattern_compile(c->arena, value_as_str(source->value), &node->pattern, &error) == 0)
        return true;
    char message[sizeof c->error->message];
    snprintf(message, sizeof message, PATTERN_COMPLAINT, error.message, error.offset + 1);
    Node *place = node_new(c->arena, N_CONST, source->offset, 0);
    if (source->body)
        place->offset = source->body + (uint32_t)error.offset;
    *ret_refused = checker_refuse(c, place, message);
    return false;
}

static Node *function_node(Checker *c, const Node *call, const Function *rows, size_t n_rows,
                           size_t skip) {
    Node *node = node_new(c->arena, N_FUNCTION, call->offset, call->n_args - skip);
    node->function = rows;
    node->overloads = (uint16_t)n_rows;
    for (size_t i = 0; i < node->n_args; i++)
        node->args[i] = call->args[i + skip];
    c->builds = true;
    if (!check_args(c, node))
        return NULL;
    Node *refused;
    return compile_pattern(c, node, &refused) ? fold(c, node) : refused;
}

static bool takes_count(const Function *rows, size_t n_rows, size_t n_args) {
    for (size_t i = 0; i < n_rows; i++)
        if (function_takes(&rows[i], n_args))
            return true;
    return false;
}

static Node *check_rows(Checker *c, const Node *call, const Function *rows, size_t n_rows,
                        size_t skip) {
    bool method = call->kind == N_METHOD && !skip;
    char message[200];
    if (!(rows->style & (method ? FN_METHOD : FN_GLOBAL)))
        snprintf(message, sizeof message,
                 method ? "%s is a function: write %s(x)" : "%s is a method: write x.%s(...)",
                 rows->name, rows->name);
    else if (!takes_count(rows, n_rows, call->n_args - skip))
        snprintf(message, sizeof message, "%s() does not take %zu argument%s", rows->name,
                 call->n_args - skip - method, call->n_args - skip - method == 1 ? "" : "s");
    else
        return function_node(c, call, rows, n_rows, skip);
    return checker_refuse(c, call, message);
}

/* math.greatest(...) and the like: the receiver is the start of the function's name, unless it is a variable. */
static const Function *find_qualified(Checker *c, const Node *call, size_t *ret_rows) {
    Chain chain;
    if (!chain_find(call->args[0], &chain) || chain.length > 2 || chain_is_variable(c, &chain))
        return NULL;
    char name[64];
    int n = snprintf(name, sizeof name, "%.*s%s%.*s.%.*s", STR_FMT(chain.parts[0]),
                     chain.n > 1 ? "." : "", chain.n > 1 ? (int)chain.parts[1].len : 0,
                     chain.n > 1 ? chain.parts[1].p : "", STR_FMT(call->text));
    return n > 0 && (size_t)n < sizeof name ? function_find(str_from(name), ret_rows) : NULL;
}

/* `math` of math.pow(2, 3): a word before the dot that may be the start of a function's name. */
static Str namespace_of(const Checker *c, const Node *call) {
    const Node *receiver = call->kind == N_METHOD ? call->args[0] : NULL;
    size_t number;
    if (!receiver || receiver->kind != N_IDENT || receiver->text.len > 20 ||
        checker_find_variable(c, receiver->text, &number))
        return STR_NULL;
    return receiver->text;
}

static Node *refuse_function(Checker *c, const Node *call) {
    char hint[100], message[240];
    Str space = namespace_of(c, call);
    function_hint(space, call->text, hint);
    snprintf(message, sizeof message, "no such function: %.*s%s%.*s()%s", STR_FMT(space),
             space.len ? "." : "", (int)MIN(call->text.len, (size_t)60), call->text.p, hint);
    return checker_refuse(c, call, message);
}

static Node *check_method(Checker *c, Node *call) {
    if (is_bind(c, call)) {
        if (call->n_args == macro_bind.n_args)
            return check_macro(c, call, &macro_bind);
        cel_syntax_error(c->error, call->offset, "write %s", macro_bind.usage);
        return NULL;
    }
    bool wrong_count = false;
    const Macro *macro = macro_find(call, &wrong_count);
    if (macro && !wrong_count)
        return check_macro(c, call, macro);
    if (macro) {
        cel_syntax_error(c->error, call->offset, "write %s", macro->usage);
        return NULL;
    }
    size_t n_rows;
    const Function *rows = find_qualified(c, call, &n_rows);
    if (rows)
        return check_rows(c, call, rows, n_rows, 1);
    rows = function_find(call->text, &n_rows);
    return rows ? check_rows(c, call, rows, n_rows, 0) : refuse_function(c, call);
}

/* A call without arguments that no function answers to is offered to the resolver, as one part with its parentheses:
 * `failed()` reads what the owner of the names knows. */
static Node *check_call_of_name(Checker *c, Node *call) {
    Chain chain = { .nodes = { call }, .n = 1, .length = 1 };
    chain.parts[0] = arena_fmt(c->arena, "%.*s()", STR_FMT(call->text));
    char message[sizeof c->error->message] = "";
    uint64_t slot;
    if (!c->names || !c->names->resolve ||
        !c->names->resolve(c->names->ctx, chain.parts, 1, &slot, message))
        return refuse_function(c, call);
    return chain_slot(c, &chain, 1, slot);
}

static Node *check_call(Checker *c, Node *call) {
    if (str_is(call->text, "has"))
        return check_has(c, call);
    bool wrong_count = false;
    const Macro *macro = macro_find(call, &wrong_count);
    if (macro) {
        cel_syntax_error(c->error, call->offset, "write %s", macro->usage);
        return NULL;
    }
    size_t n_rows;
    const Function *rows = function_find(call->text, &n_rows);
    if (rows)
        return check_rows(c, call, rows, n_rows, 0);
    return call->n_args ? refuse_function(c, call) : check_call_of_name(c, call);
}

static Node *check(Checker *c, Node *node) {
    switch ((NodeKind)node->kind) {
    case N_IDENT:
    case N_SELECT: return check_select(c, node, true);
    case N_CALL: return check_call(c, node);
    case N_METHOD: return check_method(c, node);
    case N_LIST:
    case N_MAP: c->builds = true; return check_args(c, node) ? fold(c, node) : NULL;
    case N_MAYBE: return check_args(c, node) ? node : NULL;
    case N_CONST: return node;
    default: return check_args(c, node) ? fold(c, node) : NULL;
    }
}

int cel_check(Arena *a, Node *root, const CelNames *names, CelProgram *program, CelError *error) {
    Checker c = {
        .arena = a,
        .names = names,
        .error = error,
        .folding = { FOLDING_STEPS, a->used_bytes + FOLDING_BYTES },
    };
    root = check(&c, root);
    if (!root)
        return CEL_E_SYNTAX;
    Value value;
    if (!c.n_slots && !c.unknown && root->kind != N_CONST &&
        eval_constant(a, &c.folding, root, (uint32_t)c.n_variables_max, &value)) {
        root = node_new(a, N_CONST, root->offset, 0);
        root->value = value;
    }
    program->root = root;
    program->slots = c.slots;
    program->n_slots = c.n_slots;
    program->n_locals = (uint32_t)c.n_variables_max;
    program->builds = c.builds;
    return 0;
}
