/* Tokens of an expression. Literals arrive decoded: a string as its bytes, a number as its magnitude. */
#ifndef BATON_CEL_LEX_H
#define BATON_CEL_LEX_H

#include "cel/node.h"

typedef enum TokenKind {
    T_END,
    T_BAD, /* reported; the lexer gives nothing more */
    T_IDENT,
    T_QUOTED_IDENT, /* `content-type`, only as a field */
    T_INT,          /* .magnitude: the sign is an operator */
    T_UINT,
    T_DOUBLE,
    T_STRING,
    T_BYTES,
    T_LEFT_PAREN,
    T_RIGHT_PAREN,
    T_LEFT_BRACKET,
    T_RIGHT_BRACKET,
    T_LEFT_BRACE,
    T_RIGHT_BRACE,
    T_DOT,
    T_COMMA,
    T_COLON,
    T_QUESTION,
    T_NOT,
    T_PLUS,
    T_MINUS,
    T_STAR,
    T_SLASH,
    T_PERCENT,
    T_LESS,
    T_LESS_EQUAL,
    T_GREATER,
    T_GREATER_EQUAL,
    T_EQUAL,
    T_UNEQUAL,
    T_AND,
    T_OR,
    T_IN,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    size_t offset;
    Str text;           /* as written; of T_QUOTED_IDENT without the quotes */
    Str string;         /* T_STRING, T_BYTES */
    uint64_t magnitude; /* T_INT, T_UINT */
    double number;      /* T_DOUBLE */
} Token;

typedef struct Lexer {
    Str source;
    size_t at;
    Arena *arena; /* decoded literals */
    bool by_the_book;
    CelError *error;
} Lexer;

/* Reads the next token. After T_BAD *error says why. */
void lexer_next(Lexer *lexer, Token *ret_token);

/* literal.c: decodes what stands between the quotes. False after a report. */
bool literal_string(Lexer *lexer, Str body, bool raw, bool bytes, Str *ret_string);
/* literal.c: scans a number at lexer->at. */
void literal_number(Lexer *lexer, Token *ret_token);
/* The length of a string literal's opening at `at` (prefix and quotes) or 0 if none stands there. */
size_t literal_opening(Str source, size_t at, bool *ret_raw, bool *ret_bytes, size_t *ret_quotes);

#endif
