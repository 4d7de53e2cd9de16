/* The lexer: one pass, no state but the position, so that `a?.5:b` and `a.?b` are told apart by the parser alone.
 *
 * A string that was written inside a double-quoted YAML scalar may have lost its escapes before it came here: "\b" is
 * a backspace by then, and the pattern never matches. No one writes a control character on purpose, so one is refused
 * wherever it stands, but for the blanks of a text on several lines. The specification allows them within literals;
 * its own tests ask for that with by_the_book. */
#include "cel/lex.h"

#include <stdarg.h>
#include <stdio.h>

int cel_syntax_error(CelError *error, size_t offset, const char *fmt, ...) {
    if (error->message[0])
        return CEL_E_SYNTAX;
    error->offset = offset;
    va_list args;
    va_start(args, fmt);
    vsnprintf(error->message, sizeof error->message, fmt, args);
    va_end(args);
    return CEL_E_SYNTAX;
}

static const Str reserved_words[] = {
    STR("as"),   STR("break"),     STR("const"), STR("continue"), STR("else"),   STR("false"),
    STR("for"),  STR("function"),  STR("if"),    STR("import"),   STR("in"),     STR("let"),
    STR("loop"), STR("namespace"), STR("null"),  STR("package"),  STR("return"), STR("true"),
    STR("var"),  STR("void"),      STR("while"),
};

bool cel_reserved(Str word) {
    for (size_t i = 0; i < ARRAY_LEN(reserved_words); i++)
        if (str_eq(word, reserved_words[i]))
            return true;
    return false;
}

static int peek(const Lexer *l, size_t ahead) {
    return l->at + ahead < l->source.len ? (unsigned char)l->source.p[l->at + ahead] : -1;
}

static bool is_digit(int c) { return c >= '0' && c <= '9'; }

static bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_blank(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

static void skip_blanks_and_comments(Lexer *l) {
    for (;;) {
        if (is_blank(peek(l, 0))) {
            l->at++;
        } else if (peek(l, 0) == '/' && peek(l, 1) == '/') {
            while (l->at < l->source.len && peek(l, 0) != '\n')
                l->at++;
        } else {
            return;
        }
    }
}

static void bad(Lexer *l, Token *t) {
    t->kind = T_BAD;
    l->at = l->source.len;
}

static void scan_word(Lexer *l, Token *t) {
    size_t start = l->at;
    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
        l->at++;
    t->text = str_slice(l->source, start, l->at);
    t->kind = str_is(t->text, "in") ? T_IN : T_IDENT;
}

static bool is_quoted_ident_char(int c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '/' || c == ' ';
}

static void scan_quoted_ident(Lexer *l, Token *t) {
    size_t start = ++l->at;
    while (is_quoted_ident_char(peek(l, 0)))
        l->at++;
    t->text = str_slice(l->source, start, l->at);
    if (peek(l, 0) == '`' && t->text.len) {
        l->at++;
        t->kind = T_QUOTED_IDENT;
        return;
    }
    cel_syntax_error(l->error, l->at < l->source.len ? l->at : t->offset,
                     "a name in backquotes holds letters, digits, _ . - / and blanks only; "
                     "write x['any key'] for other names");
    bad(l, t);
}

size_t literal_opening(Str s, size_t at, bool *ret_raw, bool *ret_bytes, size_t *ret_quotes) {
    size_t i = at;
    bool bytes = i < s.len && (s.p[i] == 'b' || s.p[i] == 'B');
    i += bytes;
    bool raw = i < s.len && (s.p[i] == 'r' || s.p[i] == 'R');
    i += raw;
    if (i >= s.len || (s.p[i] != '\'' && s.p[i] != '"'))
        return 0;
    bool triple = i + 2 < s.len && s.p[i + 1] == s.p[i] && s.p[i + 2] == s.p[i];
    *ret_raw = raw;
    *ret_bytes = bytes;
    *ret_quotes = triple ? 3 : 1;
    return i - at + *ret_quotes;
}

static bool closes(Str s, size_t at, char quote, size_t quotes) {
    for (size_t i = 0; i < quotes; i++)
        if (at + i >= s.len || s.p[at + i] != quote)
            return false;
    return true;
}

/* The offset of the closing quotes, or of the line end that comes first, or the length of the source. */
static size_t find_closing(Str s, size_t at, char quote, size_t quotes, bool raw) {
    while (at < s.len && !closes(s, at, quote, quotes)) {
        if (quotes == 1 && (s.p[at] == '\n' || s.p[at] == '\r'))
            return at;
        at += !raw && s.p[at] == '\\' && at + 1 < s.len ? 2 : 1;
    }
    return MIN(at, s.len);
}

static void scan_string(Lexer *l, Token *t, size_t opening, bool raw, bool bytes, size_t quotes) {
    char quote = l->source.p[l->at + opening - 1];
    size_t start = l->at + opening;
    size_t end = find_closing(l->source, start, quote, quotes, raw);
    if (!closes(l->source, end, quote, quotes)) {
        cel_syntax_error(l->error, t->offset, "the text that begins here has no closing %.*s%s",
                         (int)quotes, quote == '"' ? "\"\"\"" : "'''",
                         end < l->source.len ? " on its line; use three quotes for several lines"
                                             : "");
        bad(l, t);
        return;
    }
    l->at = start;
    if (!literal_string(l, str_slice(l->source, start, end), raw, bytes, &t->string)) {
        bad(l, t);
        return;
    }
    l->at = end + quotes;
    t->kind = bytes ? T_BYTES : T_STRING;
}

static const struct {
    char text[3];
    uint8_t kind;
} operators[] = {
    { "==", T_EQUAL },       { "!=", T_UNEQUAL },
    { "<=", T_LESS_EQUAL },  { ">=", T_GREATER_EQUAL },
    { "&&", T_AND },         { "||", T_OR },
    { "(", T_LEFT_PAREN },   { ")", T_RIGHT_PAREN },
    { "[", T_LEFT_BRACKET }, { "]", T_RIGHT_BRACKET },
    { "{", T_LEFT_BRACE },   { "}", T_RIGHT_BRACE },
    { ".", T_DOT },          { ",", T_COMMA },
    { ":", T_COLON },        { "?", T_QUESTION },
    { "!", T_NOT },          { "+", T_PLUS },
    { "-", T_MINUS },        { "*", T_STAR },
    { "/", T_SLASH },        { "%", T_PERCENT },
    { "<", T_LESS },         { ">", T_GREATER },
};

/* What people write from habit, and what CEL calls it. */
static const char *remedy_for(int c, int next) {
    switch (c) {
    case '=':
        return next == '>' ? "; there are no arrow functions: write x.map(item, item.name)"
                           : "; compare with ==";
    case '&': return "; write &&";
    case '|': return "; write ||";
    case '$': return "; names stand alone: write input.x, not ${input.x}";
    case '#': return "; comments begin with //";
    case '~': return "; use contains() or matches()";
    default: return "";
    }
}

static void report_unexpected(Lexer *l, int c) {
    if (c < 0x20 || c == 0x7f) {
        cel_syntax_error(
            l->error, l->at,
            "control character 0x%02x in an expression; in YAML use single quotes outside, so that "
            "\\ keeps its meaning",
            (unsigned)c);
    } else if (c < 0x80) {
        cel_syntax_error(l->error, l->at, "unexpected character %c%s", c,
                         remedy_for(c, peek(l, 1)));
    } else {
        size_t end = l->at;
        str_next_codepoint(l->source, &end);
        cel_syntax_error(l->error, l->at,
                         "unexpected character %.*s; names are ASCII, other text stands in quotes",
                         (int)(end - l->at), l->source.p + l->at);
    }
}

static void scan_operator(Lexer *l, Token *t) {
    Str rest = str_slice(l->source, l->at, l->source.len);
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        Str text = str_from(operators[i].text);
        if (str_starts(rest, text)) {
            t->kind = (TokenKind)operators[i].kind;
            l->at += text.len;
            return;
        }
    }
    report_unexpected(l, peek(l, 0));
    bad(l, t);
}

static void scan(Lexer *l, Token *t) {
    bool raw, bytes;
    size_t quotes;
    size_t opening = literal_opening(l->source, l->at, &raw, &bytes, &quotes);
    int c = peek(l, 0);
    if (opening)
        scan_string(l, t, opening, raw, bytes, quotes);
    else if (is_letter(c))
        scan_word(l, t);
    else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        literal_number(l, t);
    else if (c == '`')
        scan_quoted_ident(l, t);
    else
        scan_operator(l, t);
}

void lexer_next(Lexer *l, Token *ret_token) {
    skip_blanks_and_comments(l);
    Token t = { .kind = T_END, .offset = l->at };
    if (l->error->message[0])
        bad(l, &t);
    else if (l->at < l->source.len)
        scan(l, &t);
    if (t.kind != T_QUOTED_IDENT)
        t.text = str_slice(l->source, t.offset, MAX(l->at, t.offset));
    *ret_token = t;
}

/* ---- the end of an embedded expression ---- */

static size_t past_string(Str s, size_t at, size_t opening, bool raw, size_t quotes) {
    size_t end = find_closing(s, at + opening, s.p[at + opening - 1], quotes, raw);
    return MIN(end + quotes, s.len);
}

static size_t past_word(Str s, size_t at) {
    while (at < s.len && (is_letter((unsigned char)s.p[at]) || is_digit((unsigned char)s.p[at])))
        at++;
    return at;
}

/* A comment ends with its line, or with the expression: `${{ a // note }}` stands on one line. */
static size_t past_comment(Str s, size_t at) {
    while (at < s.len && s.p[at] != '\n' &&
           !(s.p[at] == '}' && at + 1 < s.len && s.p[at + 1] == '}'))
        at++;
    return at;
}

ptrdiff_t cel_find_end(Str text) {
    size_t depth = 0;
    for (size_t at = 0; at < text.len;) {
        bool raw, bytes;
        size_t quotes;
        size_t opening = literal_opening(text, at, &raw, &bytes, &quotes);
        char c = text.p[at];
        if (opening)
            at = past_string(text, at, opening, raw, quotes);
        else if (is_letter((unsigned char)c))
            at = past_word(text, at);
        else if (c == '/' && at + 1 < text.len && text.p[at + 1] == '/')
            at = past_comment(text, at);
        else if (c == '}' && depth == 0 && at + 1 < text.len && text.p[at + 1] == '}')
            return (ptrdiff_t)at;
        else {
            if (c == '{')
                depth++;
            else if (c == '}' && depth > 0)
                depth--;
            at++;
        }
    }
    return -1;
}
