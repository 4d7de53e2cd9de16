/* The tree of an expression: built by parse.c, rewritten in place by check.c until it can run, walked by eval.c.
 *
 *   parse.c   names are N_IDENT and N_SELECT, calls are N_CALL and N_METHOD, `-` and `!` and the like are what they are
 *   check.c   names become N_SLOT, N_LOCAL or constants; calls become N_FUNCTION or a loop; constant parts are folded
 *
 * Nodes live in the arena of the program, and so does the source they borrow their names from. */
#ifndef BATON_CEL_NODE_H
#define BATON_CEL_NODE_H

#include "base/limits.h"
#include "cel/cel.h"

typedef struct Node Node;
typedef struct Function Function;
typedef struct Pattern Pattern;
typedef struct PatternSearch PatternSearch;

typedef enum NodeKind {
    N_CONST, /* .value */
    N_SLOT,  /* .slot; .text the source, for messages; optional: `.?` was part of the name */
    N_LOCAL, /* .local */

    /* args: operand; .text the field. optional: `.?field` or `[?key]` */
    N_SELECT,
    N_INDEX, /* args: operand, key */
    N_HAS, /* args: operand; .text the field; an N_SLOT operand with no field asks for the slot itself */

    /* args: operands; two for all but N_NOT and N_NEGATE (one), N_COND (three), N_AND and N_OR (two or more) */
    N_NOT,
    N_NEGATE,
    N_ADD,
    N_SUBTRACT,
    N_MULTIPLY,
    N_DIVIDE,
    N_REMAINDER,
    N_EQUAL,
    N_UNEQUAL,
    N_LESS,
    N_LESS_EQUAL,
    N_GREATER,
    N_GREATER_EQUAL,
    N_IN,
    N_AND,
    N_OR,
    N_COND,

    N_LIST,  /* args: elements, N_MAYBE round those written `?x` */
    N_MAP,   /* args: key, value, key, value ...; N_MAYBE round the value of `?k: v` */
    N_MAYBE, /* args: an expression that gives an optional; only within N_LIST and N_MAP */

    N_FUNCTION, /* .function the first of .overloads rows of the table */

    /* Loops. args: range, body, and for some a third; .local the number of the first variable, two_variables or one. */
    N_ALL,
    N_EXISTS,
    N_EXISTS_ONE,
    N_FILTER,
    N_TRANSFORM_LIST, /* map(): range, result, condition or NULL */
    N_TRANSFORM_MAP,  /* range, value, condition or NULL */
    N_TRANSFORM_MAP_ENTRY,
    N_SORT_BY,
    N_BIND,         /* init, body */
    N_OPT_MAP,      /* optional, body */
    N_OPT_FLAT_MAP, /* optional, body that gives an optional */
    N_OPT_OR,       /* or(): optional, optional to take if that is none; no variable */
    N_OPT_OR_VALUE, /* orValue(): optional, value to take if that is none; no variable */

    /* Only between parse.c and check.c, and what check.c leaves for evaluation to refuse (CelNames.by_the_book). */
    N_IDENT,  /* .text */
    N_CALL,   /* .text the name; args */
    N_METHOD, /* .text the name; args: receiver, args */
    N_UNKNOWN,
} NodeKind;

struct Node {
    uint8_t kind;
    bool optional;
    bool two_variables;
    uint16_t height; /* 1 for a leaf */
    uint16_t local;
    uint16_t overloads;
    uint32_t offset; /* of the token to blame: an operator, a field's name, a function's name */
    uint32_t n_args;
    union {
        Value value;
        Str text;
        const Function *function;
    };
    union {
        uint64_t slot;
        const Pattern *pattern; /* N_FUNCTION: its second argument, if that is a constant pattern */
        /* N_CONST of a literal text without escapes: where its first character stands, else 0 */
        uint32_t body;
    };
    Node *args[];
};

/* The evaluator recurses once per level, on about 200 bytes of stack each. Brackets are capped far below this by
 * LIMIT_CEL_DEPTH; the rest is for chains such as a + b + c ..., which lean to the left. */
#define CEL_HEIGHT_MAX 1000
/* Variables of macros in scope at one time: two for each level of brackets. */
#define CEL_LOCALS_MAX (2 * LIMIT_CEL_DEPTH)

struct CelProgram {
    const Node *root;
    Str source;
    const uint64_t *slots;
    size_t n_slots;
    uint32_t n_locals;
    bool builds; /* may make lists or maps, so that the depth of the result is to be looked at */
};

/* Reports a mistake in the source: fills *error and gives CEL_E_SYNTAX. The first report stands. */
int cel_syntax_error(CelError *error, size_t offset, const char *fmt, ...) PRINTF(3, 4);

#endif
