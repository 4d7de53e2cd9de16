/* Characters, their escapes, and sets of them: a, \x41, \pL, [^a-z\d]. */
#include "cel/re2_read.h"

#include <stdarg.h>
#include <stdio.h>

enum { CODEPOINT_MAX = 0x10ffff };

bool re2_refuse(Translator *t, size_t offset, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    t->error->offset = offset;
    vsnprintf(t->error->message, sizeof t->error->message, fmt, args);
    va_end(args);
    return false;
}

/* ---- escapes of one character ---- */

static int hex_value(int c) {
    return re2_is_digit(c)        ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool read_hex(Translator *t, size_t start, uint32_t *ret) {
    bool braces = re2_accept(t, "{");
    uint32_t value = 0;
    size_t digits = 0;
    for (; hex_value(re2_peek(t)) >= 0 && (braces || digits < 2); t->at++, digits++) {
        value = value << 4 | (uint32_t)hex_value(re2_peek(t));
        if (value > CODEPOINT_MAX)
            return re2_refuse(t, start, "\\x{...} goes up to 10FFFF");
    }
    if (!digits || (!braces && digits != 2) || (braces && !re2_accept(t, "}")))
        return re2_refuse(t, start, "\\x takes two hexadecimal digits, or braces: \\x{1F600}");
    *ret = value;
    return true;
}

/* \0, \012 and \12 are octal; \1 alone would refer back to a group. The first digit is next. */
static bool read_octal(Translator *t, size_t start, uint32_t *ret) {
    uint32_t value = 0;
    size_t digits = 0;
    for (; digits < 3 && re2_peek(t) >= '0' && re2_peek(t) <= '7'; t->at++, digits++)
        value = value * 8 + (uint32_t)(re2_peek(t) - '0');
    if (digits == 0 || (digits == 1 && value))
        return re2_refuse(t, start, "referring back to a group (\\%c) is not in this language",
                          t->source.p[start + 1]);
    *ret = value;
    return true;
}

static int control_of(int letter) {
    switch (letter) {
    case 'a': return '\a';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    default: return -1;
    }
}

static bool refuse_escape(Translator *t, size_t start, int c) {
    if (c < 0)
        return re2_refuse(t, start, "a backslash stands at the end; write \\\\ for the character");
    if (c == 'Z')
        return re2_refuse(t, start,
                          "\\Z is not in this language; write \\z for the end of the text");
    if (c == 'k' || c == 'g')
        return re2_refuse(t, start, "referring back to a group (\\%c) is not in this language", c);
    if (c == 'b')
        return re2_refuse(t, start, "\\b is no character; for a backspace write \\x08");
    if (c > ' ' && c < 0x7f)
        return re2_refuse(t, start, "there is no \\%c in this language", c);
    return re2_refuse(t, start, "a backslash stands before letters and signs of ASCII only");
}

/* The character that the escape at t->at stands for. */
bool re2_read_escape(Translator *t, uint32_t *ret) {
    size_t start = t->at++;
    int c = re2_peek(t);
    if (re2_is_digit(c))
        return read_octal(t, start, ret);
    bool sign = c > ' ' && c < 0x7f && !re2_is_letter(c);
    int control = control_of(c);
    if (!sign && control < 0 && c != 'x' && c != ' ')
        return refuse_escape(t, start, c);
    t->at++;
    if (c == 'x')
        return read_hex(t, start, ret);
    *ret = (uint32_t)(control >= 0 ? control : c);
    return true;
}

/* One character, written plainly or as an escape. */
static bool read_char(Translator *t, uint32_t *ret) {
    if (re2_peek(t) == '\\')
        return re2_read_escape(t, ret);
    *ret = str_next_codepoint(t->source, &t->at);
    return true;
}

/* ---- sets that have a name ---- */

/* \p{Greek}, \pL, \P{^Lu}: categories by RE2's list, everything else must be a script. */
static bool is_category(Str name) {
    static const char all[] = " Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No "
                              "P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";
    char padded[8];
    int n = snprintf(padded, sizeof padded, " %.*s ", (int)MIN(name.len, (size_t)5), name.p);
    return name.len <= 3 && n > 2 && strstr(all, padded);
}

static bool is_script(Str name) {
    for (size_t i = 0; i < name.len; i++)
        if (!re2_is_letter(name.p[i]) && (name.p[i] != '_' || i == 0))
            return false;
    return name.len >= 2;
}

bool re2_put_property(Translator *t) {
    size_t start = t->at;
    bool negated = re2_peek_at(t, 1) == 'P';
    t->at += 2;
    Str name = str_slice(t->source, t->at, MIN(t->at + 1, t->source.len));
    if (re2_accept(t, "{")) {
        negated ^= re2_accept(t, "^");
        ptrdiff_t end = str_find(str_slice(t->source, t->at, t->source.len), STR("}"));
        if (end < 0)
            return re2_refuse(t, start, "no closing } after \\p{");
        name = str_slice(t->source, t->at, t->at + (size_t)end);
        t->at += (size_t)end + 1;
    } else {
        t->at += name.len;
    }
    if (!is_category(name) && !is_script(name))
        return re2_refuse(t, start,
                          "\\p takes a category or a script: \\pL, \\p{Lu}, \\p{Greek}, not '%.*s'",
                          (int)MIN(name.len, (size_t)30), name.p);
    bool cased = str_is(name, "Lu") || str_is(name, "Ll") || str_is(name, "Lt");
    if (cased && t->flags.ignore_case)
        name = STR("L&"); /* PCRE2's word for the three together */
    buf_fmt(t->out, "\\%c{%s%.*s}", negated ? 'P' : 'p',
            cased || is_category(name) ? "" : "sc:", STR_FMT(name));
    return true;
}

/* Sets of ASCII, as pairs of first and last. */
typedef struct AsciiSet {
    const char *name; /* of [:name:], or the letter of \d \s \w */
    uint8_t n;
    uint8_t ranges[10];
} AsciiSet;

static const AsciiSet ascii_sets[] = {
    { "alnum", 3, { '0', '9', 'A', 'Z', 'a', 'z' } },
    { "alpha", 2, { 'A', 'Z', 'a', 'z' } },
    { "ascii", 1, { 0, 0x7f } },
    { "blank", 2, { '\t', '\t', ' ', ' ' } },
    { "cntrl", 2, { 0, 0x1f, 0x7f, 0x7f } },
    { "digit", 1, { '0', '9' } },
    { "graph", 1, { '!', '~' } },
    { "lower", 1, { 'a', 'z' } },
    { "print", 1, { ' ', '~' } },
    { "punct", 4, { '!', '/', ':', '@', '[', '`', '{', '~' } },
    { "space", 2, { '\t', '\r', ' ', ' ' } },
    { "upper", 1, { 'A', 'Z' } },
    { "word", 4, { '0', '9', 'A', 'Z', '_', '_', 'a', 'z' } },
    { "xdigit", 3, { '0', '9', 'A', 'F', 'a', 'f' } },
    { "d", 1, { '0', '9' } },
    { "s", 3, { '\t', '\n', '\f', '\r', ' ', ' ' } },
    { "w", 4, { '0', '9', 'A', 'Z', '_', '_', 'a', 'z' } },
};

static const AsciiSet *ascii_set(Str name) {
    for (size_t i = 0; i < ARRAY_LEN(ascii_sets); i++)
        if (str_is(name, ascii_sets[i].name))
            return &ascii_sets[i];
    return NULL;
}

static void fill(const AsciiSet *set, bool fold, bool *has) {
    for (unsigned i = 0; i < set->n; i++)
        for (unsigned c = set->ranges[2 * i]; c <= set->ranges[2 * i + 1]; c++) {
            has[c] = true;
            if (fold && re2_is_letter((int)c))
                has[c ^ 0x20] = true;
        }
}

static void put_span(Translator *t, uint32_t first, uint32_t last) {
    re2_put_char(t, first);
    if (last > first) {
        buf_char(t->out, '-');
        re2_put_char(t, last);
    }
}

/* Writes the characters of a set, or all others, as they stand within [ ]. Under (?i) the opposite is that of the letters
 * in either case; beyond ASCII two characters are a case of a letter in it: U+017F of s, U+212A of k. */
static void put_ascii_set(Translator *t, const AsciiSet *set, bool negated) {
    bool has[128] = { false };
    bool fold = t->flags.ignore_case;
    fill(set, fold, has);
    for (unsigned c = 0, first; c < 128; c++) {
        if (has[c] == negated)
            continue;
        for (first = c; c < 127 && has[c + 1] != negated; c++)
            ;
        put_span(t, first, c);
    }
    if (!negated)
        return;
    uint32_t from = 0x80;
    if (fold && has['s']) {
        put_span(t, from, 0x17e);
        from = 0x180;
    }
    if (fold && has['k']) {
        put_span(t, from, 0x2129);
        from = 0x212b;
    }
    put_span(t, from, CODEPOINT_MAX);
}

void re2_put_class(Translator *t) {
    int letter = re2_peek_at(t, 1);
    char name = (char)(letter | 0x20);
    put_ascii_set(t, ascii_set((Str){ &name, 1 }), letter < 'a');
    t->at += 2;
}

/* [:alpha:] and the like. */
static bool put_named_set(Translator *t, bool *ret_taken) {
    Str rest = str_slice(t->source, t->at, t->source.len);
    bool opens = str_starts(rest, STR("[:"));
    ptrdiff_t length = opens ? str_find(str_slice(rest, 2, rest.len), STR(":]")) : -1;
    *ret_taken = length >= 0;
    if (!*ret_taken)
        return true;
    Str name = str_slice(rest, 2, 2 + (size_t)length);
    bool negated = str_starts(name, STR("^"));
    name = str_slice(name, negated, name.len);
    const AsciiSet *set = name.len > 1 ? ascii_set(name) : NULL;
    if (!set)
        return re2_refuse(t, t->at, "there is no set [:%.*s:]", (int)MIN(name.len, (size_t)30),
                          name.p);
    put_ascii_set(t, set, negated);
    t->at += (size_t)length + 4;
    return true;
}

/* ---- [ ] ---- */

static bool put_range(Translator *t) {
    size_t start = t->at;
    uint32_t low, high;
    if (!read_char(t, &low))
        return false;
    re2_put_char(t, low);
    if (re2_peek(t) != '-' || re2_peek_at(t, 1) == ']' || re2_peek_at(t, 1) < 0)
        return true;
    t->at++;
    if (!read_char(t, &high))
        return false;
    if (high < low)
        return re2_refuse(t, start, "a range in [ ] ends before it begins");
    buf_char(t->out, '-');
    re2_put_char(t, high);
    return true;
}

static bool put_set_item(Translator *t) {
    bool named;
    if (!put_named_set(t, &named))
        return false;
    if (named)
        return true;
    int letter = re2_peek(t) == '\\' ? re2_peek_at(t, 1) : -1;
    if (letter == 'p' || letter == 'P')
        return re2_put_property(t);
    if (!re2_is_class(letter))
        return put_range(t);
    re2_put_class(t);
    return true;
}

bool re2_put_set(Translator *t) {
    size_t start = t->at++;
    re2_put(t, re2_accept(t, "^") ? "[^" : "[");
    for (bool first = true; first || re2_peek(t) != ']'; first = false) {
        if (re2_peek(t) < 0)
            return re2_refuse(t, start, "no closing ] of this [");
        if (!put_set_item(t))
            return false;
    }
    t->at++;
    re2_put(t, "]");
    t->last = ITEM;
    return true;
}
