/* A recursive descent parser with precedence climbing for the binary operators.
 *
 *   expression = binary [ "?" expression ":" expression ]
 *   binary     = unary { operator unary }            by precedence; all lean to the left
 *   unary      = "!" unary | "-" unary | member
 *   member     = primary { "." ["?"] name | "." name "(" args ")" | "[" ["?"] expression "]" }
 *   primary    = literal | name | name "(" args ")" | "." name | "(" expression ")" | list | map
 *
 * Two caps keep the stack small: brackets and prefixes nest LIMIT_CEL_DEPTH deep, which bounds the recursion here; and
 * no tree is higher than CEL_HEIGHT_MAX, which bounds the recursion over the tree later (a + b + c ... is a loop here
 * but a deep tree). Chains of && and || become one node with many operands.
 *
 * Every function gives NULL after a report; the first report stands. */
#include "cel/parse.h"
#include "cel/lex.h"

#include <string.h>

typedef struct Parser {
    Lexer lexer;
    Token token; /* the next one, not yet taken */
    Arena *arena;
    CelError *error;
    unsigned depth;
} Parser;

typedef struct NodeList {
    Node **nodes;
    size_t n, room;
} NodeList;

static Node *parse_expression(Parser *p);
static Node *parse_unary(Parser *p);

Node *node_new(Arena *a, NodeKind kind, size_t offset, size_t n_args) {
    Node *node = arena_zalloc(a, sizeof(Node) + n_args * sizeof(Node *));
    node->kind = (uint8_t)kind;
    node->offset = (uint32_t)offset;
    node->n_args = (uint32_t)n_args;
    node->height = 1;
    return node;
}

static void advance(Parser *p) { lexer_next(&p->lexer, &p->token); }

static bool at(const Parser *p, TokenKind kind) { return p->token.kind == kind; }

static bool accept(Parser *p, TokenKind kind) {
    if (!at(p, kind))
        return false;
    advance(p);
    return true;
}

static Node *refuse(Parser *p, size_t offset, const char *message) {
    cel_syntax_error(p->error, offset, "%s", message);
    return NULL;
}

/* "expected X here, not `y`" */
static Node *refuse_token(Parser *p, const char *expected) {
    if (at(p, T_END))
        cel_syntax_error(p->error, p->token.offset, "the expression ends where %s is expected",
                         expected);
    else
        cel_syntax_error(p->error, p->token.offset, "expected %s, not %.*s", expected,
                         (int)MIN(p->token.text.len, (size_t)40), p->token.text.p);
    return NULL;
}

static bool enter(Parser *p) {
    if (++p->depth <= LIMIT_CEL_DEPTH)
        return true;
    refuse(p, p->token.offset, "the expression is nested too deep; split it over several steps");
    return false;
}

static void leave(Parser *p) { p->depth--; }

static Node *close_height(Parser *p, Node *node) {
    unsigned height = 0;
    for (size_t i = 0; i < node->n_args; i++)
        if (node->args[i])
            height = MAX(height, (unsigned)node->args[i]->height);
    if (height >= CEL_HEIGHT_MAX)
        return refuse(
            p, node->offset,
            "the expression is too long a chain; split it over several steps, or join a list");
    node->height = (uint16_t)(height + 1);
    return node;
}

static Node *node_with(Parser *p, NodeKind kind, size_t offset, Node *a, Node *b, Node *c) {
    Node *node = node_new(p->arena, kind, offset, c ? 3u : b ? 2u : 1u);
    node->args[0] = a;
    if (b)
        node->args[1] = b;
    if (c)
        node->args[2] = c;
    return close_height(p, node);
}

static Node *constant(Parser *p, size_t offset, Value value) {
    Node *node = node_new(p->arena, N_CONST, offset, 0);
    node->value = value;
    return node;
}

static void list_push(Parser *p, NodeList *list, Node *node) {
    if (list->n == list->room) {
        size_t room = list->room ? list->room * 2 : 8;
        Node **nodes = arena_alloc(p->arena, room * sizeof *nodes);
        if (list->n)
            memcpy(nodes, list->nodes, list->n * sizeof *nodes);
        list->nodes = nodes;
        list->room = room;
    }
    list->nodes[list->n++] = node;
}

static Node *node_of_list(Parser *p, NodeKind kind, size_t offset, const NodeList *list) {
    Node *node = node_new(p->arena, kind, offset, list->n);
    if (list->n)
        memcpy(node->args, list->nodes, list->n * sizeof *list->nodes);
    return close_height(p, node);
}

/* ---- literals ---- */

static Node *integer(Parser *p, bool negative) {
    Token t = p->token;
    advance(p);
    /* The magnitude of the least int is one more than that of the greatest. */
    if (t.magnitude > (uint64_t)INT64_MAX + negative)
        return refuse(p, t.offset,
                      "this number is beyond 64 bits; write it with .0, or with u when unsigned");
    return constant(p, t.offset,
                    value_int(negative ? (int64_t)(0 - t.magnitude) : (int64_t)t.magnitude));
}

static Node *number(Parser *p, bool negative) {
    Token t = p->token;
    if (t.kind == T_INT)
        return integer(p, negative);
    advance(p);
    return constant(p, t.offset, value_double(negative ? -t.number : t.number));
}

static Node *text_literal(Parser *p) {
    Token t = p->token;
    Value v = value_str(t.string);
    if (t.kind == T_BYTES)
        v.type = V_BYTES;
    else if (!str_is_utf8(t.string))
        return refuse(p, t.offset, "this text is not UTF-8; write bytes as b'...'");
    advance(p);
    Node *node = constant(p, t.offset, v);
    ptrdiff_t body = t.string.len ? str_find(t.text, t.string) : -1;
    node->body = body < 0 ? 0 : (uint32_t)(t.offset + (size_t)body);
    return node;
}

/* Optional `?` before an element, entry, field or key. */
static Node *maybe(Parser *p, bool optional, size_t offset, Node *value) {
    return optional && value ? node_with(p, N_MAYBE, offset, value, NULL, NULL) : value;
}

static Node *parse_element(Parser *p) {
    size_t offset = p->token.offset;
    bool optional = accept(p, T_QUESTION);
    return maybe(p, optional, offset, parse_expression(p));
}

static Node *parse_list(Parser *p) {
    NodeList list = { 0 };
    size_t offset = p->token.offset;
    advance(p);
    while (!at(p, T_RIGHT_BRACKET)) {
        Node *element = parse_element(p);
        if (!element)
            return NULL;
        list_push(p, &list, element);
        if (!accept(p, T_COMMA))
            break;
    }
    if (!accept(p, T_RIGHT_BRACKET))
        return refuse_token(p, "`,` or `]`");
    return node_of_list(p, N_LIST, offset, &list);
}

static bool parse_entry(Parser *p, NodeList *list) {
    size_t offset = p->token.offset;
    bool optional = accept(p, T_QUESTION);
    Node *key = parse_expression(p);
    if (!key)
        return false;
    if (!accept(p, T_COLON)) {
        refuse_token(p, "`:` after the key");
        return false;
    }
    Node *value = maybe(p, optional, offset, parse_expression(p));
    if (!value)
        return false;
    list_push(p, list, key);
    list_push(p, list, value);
    return true;
}

static Node *parse_map(Parser *p) {
    NodeList list = { 0 };
    size_t offset = p->token.offset;
    advance(p);
    while (!at(p, T_RIGHT_BRACE)) {
        if (!parse_entry(p, &list))
            return NULL;
        if (!accept(p, T_COMMA))
            break;
    }
    if (!accept(p, T_RIGHT_BRACE))
        return refuse_token(p, "`,` or `}`");
    return node_of_list(p, N_MAP, offset, &list);
}

static Node *parse_parens(Parser *p) {
    advance(p);
    Node *inner = parse_expression(p);
    if (inner && !accept(p, T_RIGHT_PAREN))
        return refuse_token(p, "`)`");
    return inner;
}

/* ---- names and calls ---- */

/* The next token is the opening parenthesis. A receiver becomes the first argument. */
static Node *parse_call(Parser *p, NodeKind kind, Token name, Node *receiver) {
    NodeList list = { 0 };
    if (receiver)
        list_push(p, &list, receiver);
    advance(p);
    while (!at(p, T_RIGHT_PAREN)) {
        Node *arg = parse_expression(p);
        if (!arg)
            return NULL;
        list_push(p, &list, arg);
        if (!accept(p, T_COMMA))
            break;
    }
    if (!accept(p, T_RIGHT_PAREN))
        return refuse_token(p, "`,` or `)`");
    Node *call = node_of_list(p, kind, name.offset, &list);
    if (call)
        call->text = name.text;
    return call;
}

static Node *parse_name(Parser *p, bool from_root) {
    Token name = p->token;
    if (cel_reserved(name.text)) {
        cel_syntax_error(p->error, name.offset, "`%.*s` is a reserved word and cannot be a name",
                         STR_FMT(name.text));
        return NULL;
    }
    advance(p);
    if (at(p, T_LEFT_PAREN))
        return parse_call(p, N_CALL, name, NULL);
    Node *ident = node_new(p->arena, N_IDENT, name.offset, 0);
    /* The dot belongs to the name: it says that no variable of a macro is meant. */
    ident->text = from_root ? (Str){ name.text.p - 1, name.text.len + 1 } : name.text;
    return ident;
}

static Node *parse_rooted_name(Parser *p) {
    size_t dot = p->token.offset;
    advance(p);
    if (!at(p, T_IDENT))
        return refuse_token(p, "a name");
    return parse_name(p, p->token.offset == dot + 1);
}

static Node *parse_word(Parser *p) {
    Token t = p->token;
    static const struct {
        const char *word;
        Value value;
    } words[] = {
        { "true", { .type = V_BOOL, .b = true } },
        { "false", { .type = V_BOOL } },
        { "null", { .type = V_NULL } },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(t.text, words[i].word)) {
            advance(p);
            return constant(p, t.offset, words[i].value);
        }
    }
    return parse_name(p, false);
}

static Node *parse_primary(Parser *p) {
    Token t = p->token;
    switch (t.kind) {
    case T_INT:
    case T_DOUBLE: return number(p, false);
    case T_UINT: advance(p); return constant(p, t.offset, value_uint(t.magnitude));
    case T_STRING:
    case T_BYTES: return text_literal(p);
    case T_IDENT: return parse_word(p);
    case T_DOT: return parse_rooted_name(p);
    case T_LEFT_PAREN: return parse_parens(p);
    case T_LEFT_BRACKET: return parse_list(p);
    case T_LEFT_BRACE: return parse_map(p);
    case T_QUOTED_IDENT:
        return refuse(p, t.offset,
                      "a name in backquotes may only follow a dot; text stands in '...'");
    default: return refuse_token(p, "a value");
    }
}

static Node *parse_index(Parser *p, Node *operand) {
    size_t offset = p->token.offset;
    advance(p);
    bool optional = accept(p, T_QUESTION);
    Node *key = parse_expression(p);
    if (!key)
        return NULL;
    if (!accept(p, T_RIGHT_BRACKET))
        return refuse_token(p, "`]`");
    Node *node = node_with(p, N_INDEX, offset, operand, key, NULL);
    if (node)
        node->optional = optional;
    return node;
}

static Node *parse_selection(Parser *p, Node *operand) {
    advance(p);
    bool optional = accept(p, T_QUESTION);
    Token name = p->token;
    if (!at(p, T_IDENT) && !at(p, T_QUOTED_IDENT) && !at(p, T_IN))
        return refuse_token(p, "the name of a field");
    advance(p);
    if (at(p, T_LEFT_PAREN) && name.kind == T_IDENT && !optional)
        return parse_call(p, N_METHOD, name, operand);
    if (name.kind == T_IN ||
        (name.kind == T_IDENT &&
         (str_is(name.text, "true") || str_is(name.text, "false") || str_is(name.text, "null"))))
        return refuse(p, name.offset, "true, false, null and in cannot be fields; write x['true']");
    Node *node = node_with(p, N_SELECT, name.offset, operand, NULL, NULL);
    if (!node)
        return NULL;
    node->text = name.text;
    node->optional = optional;
    return node;
}

static Node *parse_member(Parser *p) {
    Node *node = parse_primary(p);
    while (node) {
        if (at(p, T_DOT))
            node = parse_selection(p, node);
        else if (at(p, T_LEFT_BRACKET))
            node = parse_index(p, node);
        else if (at(p, T_LEFT_BRACE) && (node->kind == N_IDENT || node->kind == N_SELECT))
            return refuse(p, p->token.offset,
                          "there are no messages here; write a map: { 'field': value }");
        else
            return node;
    }
    return NULL;
}

/* ---- operators ---- */

/* A sign just before a number belongs to it, so that the least int can be written; then members follow as usual. */
static Node *parse_negative(Parser *p, size_t offset) {
    if (!at(p, T_INT) && !at(p, T_DOUBLE)) {
        Node *operand = parse_unary(p);
        return operand ? node_with(p, N_NEGATE, offset, operand, NULL, NULL) : NULL;
    }
    Node *node = number(p, true);
    if (node)
        node->offset = (uint32_t)offset;
    while (node && (at(p, T_DOT) || at(p, T_LEFT_BRACKET)))
        node = at(p, T_DOT) ? parse_selection(p, node) : parse_index(p, node);
    return node;
}

static Node *parse_unary(Parser *p) {
    size_t offset = p->token.offset;
    bool not = at(p, T_NOT);
    if (!not &&!at(p, T_MINUS))
        return parse_member(p);
    if (!enter(p))
        return NULL;
    advance(p);
    Node *node;
    if (not ) {
        Node *operand = parse_unary(p);
        node = operand ? node_with(p, N_NOT, offset, operand, NULL, NULL) : NULL;
    } else {
        node = parse_negative(p, offset);
    }
    leave(p);
    return node;
}

enum { LOOSEST = 1, TIGHTEST = 5 };

static int precedence_of(TokenKind token, NodeKind *ret_kind) {
    static const struct {
        uint8_t precedence, kind;
    } table[] = {
        [T_OR] = { 1, N_OR },           [T_AND] = { 2, N_AND },
        [T_EQUAL] = { 3, N_EQUAL },     [T_UNEQUAL] = { 3, N_UNEQUAL },
        [T_LESS] = { 3, N_LESS },       [T_LESS_EQUAL] = { 3, N_LESS_EQUAL },
        [T_GREATER] = { 3, N_GREATER }, [T_GREATER_EQUAL] = { 3, N_GREATER_EQUAL },
        [T_IN] = { 3, N_IN },           [T_PLUS] = { 4, N_ADD },
        [T_MINUS] = { 4, N_SUBTRACT },  [T_STAR] = { 5, N_MULTIPLY },
        [T_SLASH] = { 5, N_DIVIDE },    [T_PERCENT] = { 5, N_REMAINDER },
    };
    if ((size_t)token >= ARRAY_LEN(table) || !table[token].precedence)
        return 0;
    *ret_kind = (NodeKind)table[token].kind;
    return table[token].precedence;
}

static Node *parse_binary(Parser *p, int loosest);

/* a && b && c: one node with all operands. The first operator is the next token. */
static Node *parse_chain(Parser *p, Node *first, NodeKind kind, int precedence) {
    NodeList list = { 0 };
    TokenKind joint = p->token.kind;
    size_t offset = p->token.offset;
    list_push(p, &list, first);
    while (accept(p, joint)) {
        Node *operand = parse_binary(p, precedence + 1);
        if (!operand)
            return NULL;
        list_push(p, &list, operand);
    }
    return node_of_list(p, kind, offset, &list);
}

static Node *parse_pair(Parser *p, Node *left, NodeKind kind, int precedence) {
    size_t offset = p->token.offset;
    advance(p);
    Node *right = parse_binary(p, precedence + 1);
    return right ? node_with(p, kind, offset, left, right, NULL) : NULL;
}

static Node *parse_binary(Parser *p, int loosest) {
    Node *left = loosest > TIGHTEST ? parse_unary(p) : parse_binary(p, TIGHTEST + 1);
    while (left) {
        NodeKind kind = N_CONST;
        int precedence = precedence_of(p->token.kind, &kind);
        if (!precedence || precedence < loosest)
            return left;
        left = precedence <= 2 ? parse_chain(p, left, kind, precedence)
                               : parse_pair(p, left, kind, precedence);
    }
    return NULL;
}

static Node *parse_choice(Parser *p, Node *condition) {
    size_t offset = p->token.offset;
    advance(p);
    Node *yes = parse_expression(p);
    if (!yes)
        return NULL;
    if (!accept(p, T_COLON))
        return refuse_token(p, "`:` of `? :`");
    Node *no = parse_expression(p);
    return no ? node_with(p, N_COND, offset, condition, yes, no) : NULL;
}

static Node *parse_expression(Parser *p) {
    if (!enter(p))
        return NULL;
    Node *node = parse_binary(p, LOOSEST);
    if (node && at(p, T_QUESTION))
        node = parse_choice(p, node);
    leave(p);
    return node;
}

/* `and`, `or`, `not` and the like after a whole expression: say what CEL calls them. */
static Node *refuse_rest(Parser *p) {
    static const char *const habits[][2] = {
        { "and", "&&" },
        { "or", "||" },
        { "is", "==" },
        { "eq", "==" },
        { "ne", "!=" },
        { "mod", "%" },
        { "if", "`condition ? a : b`" },
    };
    for (size_t i = 0; at(p, T_IDENT) && i < ARRAY_LEN(habits); i++) {
        if (str_is(p->token.text, habits[i][0])) {
            cel_syntax_error(p->error, p->token.offset, "`%s` is no operator here; write %s",
                             habits[i][0], habits[i][1]);
            return NULL;
        }
    }
    return refuse_token(p, "an operator or the end of the expression");
}

Node *cel_parse(Arena *a, Str source, bool by_the_book, CelError *error) {
    Parser p = {
        .lexer = { .source = source, .arena = a, .by_the_book = by_the_book, .error = error },
        .arena = a,
        .error = error,
    };
    advance(&p);
    if (at(&p, T_END))
        return refuse(&p, 0, "the expression is empty");
    Node *root = parse_expression(&p);
    if (root && !at(&p, T_END))
        return refuse_rest(&p);
    return root;
}
