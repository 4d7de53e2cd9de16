#include "try/chain.h"

#include "cel/lex.h"

#define CHAINS_MAX 32

typedef struct Walker {
    Lexer lexer;
    Token token;
    CelError error;
} Walker;

static bool at_end(const Walker *w) { return w->token.kind == T_END || w->token.kind == T_BAD; }
static size_t end_of(const Token *t) { return t->offset + t->text.len; }

/* `.name` or `.?name` or `[...]`, unless it is a call; *end moves behind it. */
static bool take_part(Walker *w, Chain *c, size_t *end) {
    Walker before = *w;
    if (w->token.kind == T_LEFT_BRACKET) {
        for (int open = 0; !at_end(w);) {
            open += (w->token.kind == T_LEFT_BRACKET) - (w->token.kind == T_RIGHT_BRACKET);
            *end = end_of(&w->token);
            lexer_next(&w->lexer, &w->token);
            if (open == 0)
                return true;
        }
        return false;
    }
    if (w->token.kind != T_DOT)
        return false;
    lexer_next(&w->lexer, &w->token);
    if (w->token.kind == T_QUESTION)
        lexer_next(&w->lexer, &w->token);
    Token name = w->token;
    lexer_next(&w->lexer, &w->token);
    if ((name.kind != T_IDENT && name.kind != T_QUOTED_IDENT) || w->token.kind == T_LEFT_PAREN) {
        *w = before;
        return false;
    }
    if (!c->second.p)
        c->second = name.text;
    *end = end_of(&name);
    return true;
}

static bool next_chain(Walker *w, Chain *ret) {
    for (; !at_end(w); lexer_next(&w->lexer, &w->token)) {
        if (w->token.kind == T_DOT) { /* behind a call: not the beginning of anything */
            lexer_next(&w->lexer, &w->token);
            continue;
        }
        if (w->token.kind != T_IDENT)
            continue;
        Token first = w->token;
        *ret = (Chain){ .first = first.text, .second = STR_NULL };
        lexer_next(&w->lexer, &w->token);
        if (w->token.kind == T_LEFT_PAREN)
            continue;
        size_t end = end_of(&first);
        while (take_part(w, ret, &end))
            ;
        ret->text = str_slice(w->lexer.source, first.offset, end);
        return true;
    }
    return false;
}

size_t chains_of(Str source, Arena *a, const Chain **ret) {
    Walker w = { .lexer = { .source = source, .arena = a } };
    Chain *chains = ARENA_ARRAY(a, Chain, CHAINS_MAX);
    size_t n = 0;
    w.lexer.error = &w.error;
    lexer_next(&w.lexer, &w.token);
    while (n < CHAINS_MAX && next_chain(&w, &chains[n]))
        n++;
    *ret = chains;
    return n;
}
