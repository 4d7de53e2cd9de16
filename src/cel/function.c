/* The table of functions, and the choice of an overload by the types of the arguments at the moment of the call. */
#include "cel/function.h"

static const Function table[] = {
#define F(name, style, args, body) { name, style, args, body },
#include "cel/functions.def"
#undef F
};

size_t function_table(const Function **ret_rows) {
    *ret_rows = table;
    return ARRAY_LEN(table);
}

const Function *function_find(Str name, size_t *ret_rows) {
    size_t from = 0, to = ARRAY_LEN(table);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (str_cmp(str_from(table[middle].name), name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    size_t end = from;
    while (end < ARRAY_LEN(table) && str_is(name, table[end].name))
        end++;
    *ret_rows = end - from;
    return end > from ? &table[from] : NULL;
}

bool function_takes(const Function *row, size_t n_args) {
    size_t n = strlen(row->args);
    return n && row->args[n - 1] == '+' ? n_args >= n - 1 : n_args == n;
}

/* ---- calling ---- */

#define BIT(type) (1u << (type))
static const uint32_t types_of_letter[128] = {
    ['b'] = BIT(V_BOOL),
    ['i'] = BIT(V_INT),
    ['u'] = BIT(V_UINT),
    ['f'] = BIT(V_DOUBLE),
    ['n'] = BIT(V_INT) | BIT(V_UINT) | BIT(V_DOUBLE),
    ['s'] = BIT(V_STRING),
    ['y'] = BIT(V_BYTES),
    ['l'] = BIT(V_LIST),
    ['m'] = BIT(V_MAP),
    ['t'] = BIT(V_TIMESTAMP),
    ['d'] = BIT(V_DURATION),
    ['T'] = BIT(V_TYPE),
    ['o'] = BIT(V_OPTIONAL),
    ['N'] = BIT(V_NET),
    ['r'] = BIT(V_STRING),
    ['x'] = ~0u,
};

static bool fits(const Function *row, const Value *args, size_t n) {
    const char *letter = row->args;
    for (size_t i = 0; i < n; i++) {
        if (!*letter || !(types_of_letter[(unsigned char)*letter] & BIT(args[i].type)))
            return false;
        if (letter[1] != '+')
            letter++;
    }
    return !*letter || letter[1] == '+';
}

static const char *word_of_letter(char letter) {
    switch (letter) {
    case 'b': return "bool";
    case 'i': return "int";
    case 'u': return "uint";
    case 'f': return "double";
    case 'n': return "number";
    case 's': return "string";
    case 'y': return "bytes";
    case 'l': return "list";
    case 'm': return "map";
    case 't': return "timestamp";
    case 'd': return "duration";
    case 'T': return "type";
    case 'o': return "optional";
    case 'N': return "address";
    case 'r': return "string";
    default: return "any";
    }
}

/* "no such overload: size(int); it takes (string), (bytes), (list), (map)" */
static Value fail_overload(Eval *ev, const Node *node, const Value *args) {
    Buf b = BUF_INIT(400);
    buf_fmt(&b, "no such overload: %s(", node->function->name);
    for (size_t i = 0; i < node->n_args; i++)
        buf_fmt(&b, "%s%s", i ? ", " : "", type_word(args[i]));
    buf_fmt(&b, "); it takes");
    for (size_t i = 0; i < node->overloads; i++) {
        buf_fmt(&b, "%s (", i ? "," : "");
        for (const char *letter = node->function[i].args; *letter; letter++)
            if (*letter == '+')
                buf_fmt(&b, " ...");
            else
                buf_fmt(&b, "%s%s", letter > node->function[i].args ? ", " : "",
                        word_of_letter(*letter));
        buf_char(&b, ')');
    }
    Value failure = fail_at(ev, node, "%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    return failure;
}

static inline Value call(Eval *ev, const Node *node, const Value *args) {
    for (size_t i = 0; i < node->overloads; i++) {
        if (fits(&node->function[i], args, node->n_args)) {
            ev->at = node->offset;
            ev->pattern = node->pattern;
            return node->function[i].body(ev, args, node->n_args);
        }
    }
    return fail_overload(ev, node, args);
}

static bool eval_args(Eval *ev, const Node *node, Value *args) {
    for (size_t i = 0; i < node->n_args; i++) {
        args[i] = eval(ev, node->args[i]);
        if (value_absent(args[i]))
            return false;
    }
    return true;
}

static Value call_with_many(Eval *ev, const Node *node) {
    ev->at = node->offset;
    Value *args = take_values(ev, node->n_args);
    return args && eval_args(ev, node, args) ? call(ev, node, args) : VALUE_ABSENT;
}

Value eval_call(Eval *ev, const Node *node) {
    Value args[4];
    if (node->n_args > ARRAY_LEN(args))
        return call_with_many(ev, node);
    return eval_args(ev, node, args) ? call(ev, node, args) : VALUE_ABSENT;
}
