/* The JSON reader: one pass, recursive over at most LIMIT_DEPTH containers.
 *
 * The members of a container are collected on a stack of values that all open containers share, and are moved into the
 * arena when it closes, so arrays and maps have exactly their size and nothing is copied twice:
 *
 *   { "a": [1, 2, ...      stack:  "a" | 1 | 2 |
 *                                  ^map  ^list
 *
 * The stack begins in the reader itself, which is enough for nearly all documents. Functions give false after they noted
 * the first mistake; what they read so far stays in the arena, which the caller drops. */
#include "base/json.h"

#include "base/json_text.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Reader {
    Arena *arena;
    const char *start, *at, *end;
    Value *stack;
    size_t n, room;
    size_t nodes;
    const char *bad; /* where the first mistake is */
    char why[160];
    Value first_stack[128];
} Reader;

PRINTF(3, 4) static bool refuse(Reader *r, const char *at, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    r->bad = at;
    return false;
}

static bool refuse_here(Reader *r, const char *expected) {
    if (r->at == r->end)
        return refuse(r, r->at, "expected %s, but the text ends here", expected);
    unsigned char c = (unsigned char)*r->at;
    if (c > 0x20 && c < 0x7F)
        return refuse(r, r->at, "expected %s, found '%c'", expected, c);
    return refuse(r, r->at, "expected %s, found byte 0x%02x", expected, c);
}

static void push(Reader *r, Value v) {
    if (r->n == r->room) {
        bool first = r->stack == r->first_stack;
        size_t room = r->room * 2;
        Value *stack = xrealloc(first ? NULL : r->stack, room * sizeof *stack);
        if (first)
            memcpy(stack, r->first_stack, sizeof r->first_stack);
        r->stack = stack;
        r->room = room;
    }
    r->stack[r->n++] = v;
}

static inline void skip_space(Reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static inline bool next_is(const Reader *r, char c) { return r->at < r->end && *r->at == c; }

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u at `at`, or -1. */
static int hex_unit(const char *at, const char *end) {
    int unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static char *put_codepoint(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* r->at is behind "\u". */
static bool read_unicode_escape(Reader *r, char **out) {
    const char *escape = r->at - 2;
    int high = hex_unit(r->at, r->end);
    if (high < 0)
        return refuse(r, escape, "\\u is followed by four hexadecimal digits");
    r->at += 4;
    if (high < 0xD800 || high > 0xDFFF) {
        *out = put_codepoint(*out, (uint32_t)high);
        return true;
    }
    bool pair = high < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u';
    int low = pair ? hex_unit(r->at + 2, r->end) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return refuse(r, escape, "a lone surrogate \\u%04x is no character", (unsigned)high);
    r->at += 6;
    uint32_t c = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
    *out = put_codepoint(*out, c);
    return true;
}

/* r->at is at the backslash. What is written is never longer than what is read. */
static bool read_escape(Reader *r, char **out) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *escape = r->at;
    char letter = r->end - r->at >= 2 ? r->at[1] : '\0';
    if (letter == 'u') {
        r->at += 2;
        return read_unicode_escape(r, out);
    }
    const char *hit = letter ? strchr(letters, letter) : NULL;
    if (!hit)
        return refuse(r, escape, "no such escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX exist");
    *(*out)++ = meanings[hit - letters];
    r->at += 2;
    return true;
}

/* Advances over characters that stand for themselves, up to a quote or a backslash. */
static bool skip_plain(Reader *r) {
    for (;;) {
        r->at += json_plain_prefix(r->at, (size_t)(r->end - r->at));
        if (r->at == r->end)
            return refuse_here(r, "'\"' at the end of the string");
        unsigned char c = (unsigned char)*r->at;
        if (c == '"' || c == '\\')
            return true;
        if (c < 0x20)
            return refuse(r, r->at, "a control character 0x%02x in a string must be escaped", c);
        size_t len = str_sequence((Str){ r->at, (size_t)(r->end - r->at) });
        if (len == 0)
            return refuse(r, r->at, "byte 0x%02x is not well-formed UTF-8", c);
        r->at += len;
    }
}

/* The closing quote of the string whose escapes start at r->at; the end of the text if there is none. */
static const char *closing_quote(const Reader *r) {
    const char *p = r->at;
    while (p < r->end && *p != '"')
        p += *p == '\\' && r->end - p > 1 ? 2 : 1;
    return p;
}

/* r->at is at the first backslash of the string that starts at `from`. */
static bool read_escaped_string(Reader *r, const char *from, Value *ret) {
    char *text = arena_alloc(r->arena, (size_t)(closing_quote(r) - from) + 1);
    char *out = text;
    for (;;) {
        memcpy(out, from, (size_t)(r->at - from));
        out += r->at - from;
        if (*r->at == '"')
            break;
        if (!read_escape(r, &out))
            return false;
        from = r->at;
        if (!skip_plain(r))
            return false;
    }
    r->at++;
    *ret = value_str((Str){ text, (size_t)(out - text) });
    return true;
}

/* r->at is at the opening quote. */
static bool read_string(Reader *r, Value *ret) {
    const char *from = ++r->at;
    if (!skip_plain(r))
        return false;
    if (*r->at == '\\')
        return read_escaped_string(r, from, ret);
    *ret = value_str((Str){ from, (size_t)(r->at - from) });
    r->at++;
    return true;
}

static bool read_value(Reader *r, Value *ret, unsigned depth);

static bool enter(Reader *r, unsigned depth) {
    if (depth >= LIMIT_DEPTH)
        return refuse(r, r->at, "nested deeper than %d levels", LIMIT_DEPTH);
    r->at++;
    skip_space(r);
    return true;
}

/* After a member: at the next one, or past `close` with *ret_more false. */
static inline bool next_member(Reader *r, char close, bool *ret_more) {
    skip_space(r);
    *ret_more = next_is(r, ',');
    if (!*ret_more && !next_is(r, close))
        return refuse_here(r, close == ']' ? "',' or ']'" : "',' or '}'");
    r->at++;
    if (!*ret_more)
        return true;
    skip_space(r);
    if (next_is(r, close))
        return refuse(r, r->at, "a comma before '%c': remove it", close);
    return true;
}

static bool has_memory(Reader *r) {
    if (arena_over(r->arena))
        return refuse(r, r->at, "takes more than %zu bytes of memory", r->arena->cap_bytes);
    return true;
}

static bool read_list(Reader *r, Value *ret, unsigned depth) {
    size_t base = r->n;
    if (!enter(r, depth))
        return false;
    if (next_is(r, ']')) {
        r->at++;
        *ret = VALUE_EMPTY_LIST;
        return true;
    }
    for (bool more = true; more;) {
        Value item;
        if (!read_value(r, &item, depth + 1) || !next_member(r, ']', &more))
            return false;
        push(r, item);
    }
    size_t n = r->n - base;
    Value *items = arena_alloc(r->arena, n * sizeof *items);
    memcpy(items, r->stack + base, n * sizeof *items);
    r->n = base;
    *ret = value_list(items, n);
    return has_memory(r);
}

static bool read_member(Reader *r, Value *ret_key, Value *ret_value, unsigned depth) {
    if (!next_is(r, '"'))
        return refuse_here(r, "a key in double quotes");
    if (!read_string(r, ret_key))
        return false;
    skip_space(r);
    if (!next_is(r, ':'))
        return refuse_here(r, "':' after the key");
    r->at++;
    skip_space(r);
    return read_value(r, ret_value, depth + 1);
}

/* The position of a key is only wanted for a mistake, so it is found by reading the object again, up to that key. */
static bool refuse_duplicate(Reader *r, const char *open, size_t member, Str key, unsigned depth) {
    Value skipped_key, skipped_value;
    bool more;
    r->nodes = 0;
    r->at = open + 1;
    skip_space(r);
    for (size_t i = 0; i < member; i++) {
        bool again = read_member(r, &skipped_key, &skipped_value, depth) &&
                     next_member(r, '}', &more);
        ASSERT(again && more);
    }
    int shown = (int)MIN(key.len, (size_t)60);
    return refuse(r, r->at, "key \"%.*s\" is there twice", shown, key.p);
}

static bool close_map(Reader *r, const char *open, size_t base, Value *ret, unsigned depth) {
    size_t n = (r->n - base) / 2, dup;
    *ret = map_from(r->arena, (const ValueEntry *)(const void *)(r->stack + base), n, &dup);
    r->n = base;
    if (!dup)
        return has_memory(r);
    /* The stack above base is as it was: nothing was pushed since. */
    Str key = value_as_str(r->stack[base + 2 * (dup - 1)]);
    return refuse_duplicate(r, open, dup - 1, key, depth);
}

static bool read_map(Reader *r, Value *ret, unsigned depth) {
    const char *open = r->at;
    size_t base = r->n;
    if (!enter(r, depth))
        return false;
    if (next_is(r, '}')) {
        r->at++;
        *ret = VALUE_EMPTY_MAP;
        return true;
    }
    for (bool more = true; more;) {
        Value key, value;
        if (!read_member(r, &key, &value, depth) || !next_member(r, '}', &more))
            return false;
        push(r, key);
        push(r, value);
    }
    return close_map(r, open, base, ret, depth);
}

static bool read_word(Reader *r, Str word, Value meaning, Value *ret) {
    if (!str_starts((Str){ r->at, (size_t)(r->end - r->at) }, word))
        return refuse(r, r->at, "expected a value; the words of JSON are true, false and null");
    r->at += word.len;
    *ret = meaning;
    return true;
}

static bool read_number(Reader *r, Value *ret) {
    const char *bad, *why;
    const char *after = json_read_number(r->at, r->end, ret, &bad, &why);
    if (!after)
        return refuse(r, bad, "%s", why);
    r->at = after;
    return true;
}

static bool refuse_value(Reader *r) {
    switch (r->at < r->end ? *r->at : '\0') {
    case '\'': return refuse(r, r->at, "found '; strings are written in double quotes");
    case '/':
    case '#': return refuse(r, r->at, "expected a value; JSON has no comments");
    case '+':
    case '.': return refuse(r, r->at, "a number starts with a digit or '-'");
    default: return refuse_here(r, "a value");
    }
}

/* r->at is at the first character of the value. */
static bool read_value(Reader *r, Value *ret, unsigned depth) {
    if (++r->nodes > LIMIT_JSON_NODES)
        return refuse(r, r->at, "more than %d values", LIMIT_JSON_NODES);
    switch (r->at < r->end ? *r->at : '\0') {
    case '"': return read_string(r, ret);
    case '{': return read_map(r, ret, depth);
    case '[': return read_list(r, ret, depth);
    case 't': return read_word(r, STR("true"), value_bool(true), ret);
    case 'f': return read_word(r, STR("false"), value_bool(false), ret);
    case 'n': return read_word(r, STR("null"), VALUE_NULL, ret);
    case '-':
    case '0' ... '9': return read_number(r, ret);
    default: return refuse_value(r);
    }
}

static bool read_document(Reader *r, Value *ret) {
    Str text = { r->start, (size_t)(r->end - r->start) };
    if (text.len > LIMIT_VALUE_BYTES)
        return refuse(r, r->at, "longer than %u bytes", LIMIT_VALUE_BYTES);
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        return refuse(r, r->at, "starts with a byte order mark: save it as UTF-8 without");
    skip_space(r);
    if (!read_value(r, ret, 0))
        return false;
    skip_space(r);
    return r->at == r->end || refuse_here(r, "the end of the text after the value");
}

static void fill_error(const Reader *r, JsonError *ret) {
    const char *line_start = r->start;
    *ret = (JsonError){ .offset = (size_t)(r->bad - r->start), .line = 1 };
    for (const char *p = r->start; p < r->bad; p++) {
        if (*p == '\n') {
            line_start = p + 1;
            ret->line++;
        }
    }
    size_t before = str_codepoints((Str){ line_start, (size_t)(r->bad - line_start) });
    ret->column = (unsigned)before + 1;
    memcpy(ret->message, r->why, sizeof ret->message);
}

int json_read(Arena *a, Str text, Value *ret_value, JsonError *ret_error) {
    Reader r;
    r.arena = a;
    r.start = r.at = text.p ? text.p : "";
    r.end = r.start + text.len;
    r.stack = r.first_stack;
    r.n = r.nodes = 0;
    r.room = ARRAY_LEN(r.first_stack);
    Value v;
    bool good = read_document(&r, &v);
    if (good)
        *ret_value = v;
    else if (ret_error)
        fill_error(&r, ret_error);
    if (r.stack != r.first_stack)
        free(r.stack);
    return good ? 0 : JSON_E_INVALID;
}

int json_read_copy(Arena *a, Str text, Value *ret_value, JsonError *ret_error) {
    /* One copy of the text is less than the padding of its strings one by one. */
    if (text.len <= LIMIT_VALUE_BYTES)
        text = arena_str(a, text);
    return json_read(a, text, ret_value, ret_error);
}
