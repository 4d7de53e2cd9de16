/* Literals: escapes of strings and bytes, and numbers.
 *
 * In a string \x41 and \101 are code points; in bytes they are bytes, and \u is refused because it would be neither. */
#include "cel/lex.h"

#include <stdio.h>
#include <stdlib.h>

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

static size_t write_utf8(uint32_t c, char *out) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* The character a one-letter escape stands for, or -1. */
static int simple_escape(char c) {
    switch (c) {
    case 'a': return '\a';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    case '\\':
    case '?':
    case '"':
    case '\'':
    case '`': return c;
    default: return -1;
    }
}

typedef struct Escape {
    size_t digits;
    unsigned base;
    bool code_point; /* \u and \U: never a byte */
} Escape;

static Escape numeric_escape(char c) {
    switch (c) {
    case 'x':
    case 'X': return (Escape){ 2, 16, false };
    case 'u': return (Escape){ 4, 16, true };
    case 'U': return (Escape){ 8, 16, true };
    case '0':
    case '1':
    case '2':
    case '3': return (Escape){ 3, 8, false };
    default: return (Escape){ 0 };
    }
}

static bool read_digits(Str body, size_t at, Escape e, uint32_t *ret_value) {
    uint32_t value = 0;
    for (size_t i = 0; i < e.digits; i++) {
        if (at + i >= body.len || digit_value(body.p[at + i]) >= (int)e.base)
            return false;
        value = value * e.base + (uint32_t)digit_value(body.p[at + i]);
    }
    *ret_value = value;
    return true;
}

/* Decodes the escape whose backslash stands at *at; gives the number of bytes written (at most 4), 0 after a report. */
static size_t decode_escape(Lexer *l, Str body, size_t *at, bool bytes, char *out) {
    size_t offset = l->at + *at;
    char c = *at + 1 < body.len ? body.p[*at + 1] : '\0';
    int simple = simple_escape(c);
    if (simple >= 0) {
        *at += 2;
        out[0] = (char)simple;
        return 1;
    }
    Escape e = numeric_escape(c);
    size_t first = e.base == 8 ? *at + 1 : *at + 2;
    uint32_t value;
    if (!e.digits || (bytes && e.code_point)) {
        cel_syntax_error(
            l->error, offset, "no escape \\%c%s", c >= ' ' && c < 0x7f ? c : '?',
            e.digits ? " in bytes"
                     : "; write \\\\ for a backslash, or r'...' for a text without escapes");
        return 0;
    }
    if (!read_digits(body, first, e, &value)) {
        cel_syntax_error(l->error, offset, "the escape \\%c takes %zu %s digits", c, e.digits,
                         e.base == 8 ? "octal" : "hexadecimal");
        return 0;
    }
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        cel_syntax_error(l->error, offset, "the escape \\%c names no character: U+%04X", c, value);
        return 0;
    }
    *at = first + e.digits;
    if (!bytes)
        return write_utf8(value, out);
    out[0] = (char)value;
    return 1;
}

static bool is_control(char c) {
    return ((unsigned char)c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
}

bool literal_string(Lexer *l, Str body, bool raw, bool bytes, Str *ret_string) {
    char *out = arena_alloc(l->arena, body.len + 4);
    size_t n = 0;
    for (size_t at = 0; at < body.len;) {
        if (!l->by_the_book && is_control(body.p[at])) {
            cel_syntax_error(
                l->error, l->at + at,
                "control character 0x%02x in a text; in YAML use single quotes outside, so that \\ "
                "keeps its meaning",
                (unsigned)(unsigned char)body.p[at]);
            return false;
        }
        if (body.p[at] != '\\' || raw) {
            out[n++] = body.p[at++];
            continue;
        }
        size_t wrote = decode_escape(l, body, &at, bytes, out + n);
        if (!wrote)
            return false;
        n += wrote;
    }
    *ret_string = (Str){ out, n };
    return true;
}

static char char_at(Str s, size_t at) { return at < s.len ? s.p[at] : '\0'; }

static size_t past_digits(Str s, size_t at, int base) {
    while (at < s.len && digit_value(s.p[at]) < base)
        at++;
    return at;
}

static bool read_magnitude(Str digits, unsigned base, uint64_t *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_value(digits.p[i]), &value))
            return false;
    *ret_value = value;
    return true;
}

/* The end of a fraction and exponent after the whole part ending at `at`, or `at` when there is neither. */
static size_t past_fraction(Str s, size_t at) {
    size_t end = at;
    if (char_at(s, end) == '.' && digit_value(char_at(s, end + 1)) < 10)
        end = past_digits(s, end + 1, 10);
    char e = char_at(s, end);
    if (e != 'e' && e != 'E')
        return end;
    char sign = char_at(s, end + 1);
    size_t digits = end + 1 + (sign == '+' || sign == '-');
    return digit_value(char_at(s, digits)) < 10 ? past_digits(s, digits, 10) : end;
}

static double read_double(Lexer *l, Str text) {
    /* strtod wants a terminator; nothing here sets a locale, so the point is a point. */
    return strtod(arena_str(l->arena, text).p, NULL);
}

static void scan_number(Lexer *l, Token *t) {
    Str s = l->source;
    size_t start = l->at;
    bool hex = char_at(s, start) == '0' &&
               (char_at(s, start + 1) == 'x' || char_at(s, start + 1) == 'X');
    size_t first = hex ? start + 2 : start;
    size_t whole = past_digits(s, first, hex ? 16 : 10);
    size_t end = hex ? whole : past_fraction(s, whole);
    l->at = end;
    if (end > whole) {
        t->kind = T_DOUBLE;
        t->number = read_double(l, str_slice(s, start, end));
        return;
    }
    bool is_uint = char_at(s, end) == 'u' || char_at(s, end) == 'U';
    l->at += is_uint;
    t->kind = is_uint ? T_UINT : T_INT;
    if (first == whole ||
        !read_magnitude(str_slice(s, first, whole), hex ? 16 : 10, &t->magnitude)) {
        cel_syntax_error(l->error, start,
                         first == whole ? "a hexadecimal number needs digits: 0x1f"
                                        : "this number is beyond 64 bits; write it with .0");
        t->kind = T_BAD;
    }
}

void literal_number(Lexer *l, Token *t) {
    size_t start = l->at;
    scan_number(l, t);
    char next = char_at(l->source, l->at);
    if (t->kind == T_BAD || !(digit_value(next) < 10 || next == '_' ||
                              (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z')))
        return;
    cel_syntax_error(l->error, start,
                     "a number cannot end in %c; durations are written duration('30s')", next);
    t->kind = T_BAD;
}
