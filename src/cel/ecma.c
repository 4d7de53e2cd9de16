/* One pass over the pattern, like re2.c: what PCRE2 would read otherwise is written in a way that it cannot, and what
 * ECMA-262 does not have is refused. One mercy: a character that is no letter may be escaped though it need not be, and
 * { } ] may stand for themselves, as in patterns without the flag u.
 *
 *   ECMA-262                      PCRE2 would
 *   .  all but four line ends     all but \n                      written as a class
 *   $  the end                    also before a last newline      written \z
 *   \s with all Unicode blanks    the ASCII ones                  written out
 *   \p{Letter} \p{Script=Greek}   short names only                written \p{L} \p{sc:Greek}
 *   [] nothing, [^] anything      a ] in the class                written (?!) and a class of all
 *   \Z \A \h \R \K (?> (?i) a++   their own meanings              refused */
#include "cel/ecma.h"

#include <stdarg.h>
#include <stdio.h>

enum { CODEPOINT_MAX = 0x10ffff, REPEAT_MAX = 65535, NO_CHAR = -1 };

#define BLANKS                                                                                     \
    "\\x{9}-\\x{d} \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_BLANKS                                                                                 \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"               \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
    "\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

typedef struct Translator {
    Str source;
    size_t at;
    Buf *out;
    PatternError *error;
    unsigned groups; /* in the whole pattern */
    unsigned depth;  /* open groups */
    bool repeatable; /* may a repetition follow? */
} Translator;

static bool refuse(Translator *t, size_t offset, const char *fmt, ...) PRINTF(3, 4);
static bool refuse(Translator *t, size_t offset, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    t->error->offset = offset;
    vsnprintf(t->error->message, sizeof t->error->message, fmt, args);
    va_end(args);
    return false;
}

static void put(Translator *t, const char *text) { buf_str_add(t->out, str_from(text)); }

static int peek_at(const Translator *t, size_t ahead) {
    return t->at + ahead < t->source.len ? (unsigned char)t->source.p[t->at + ahead] : NO_CHAR;
}
static int peek(const Translator *t) { return peek_at(t, 0); }

static bool accept(Translator *t, const char *text) {
    if (!str_starts(str_slice(t->source, t->at, t->source.len), str_from(text)))
        return false;
    t->at += strlen(text);
    return true;
}

static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void put_char(Translator *t, int32_t c) {
    if (is_digit(c) || is_letter(c))
        buf_char(t->out, (char)c);
    else
        buf_fmt(t->out, "\\x{%x}", (unsigned)c);
}

/* ---- escapes ---- */

/* `n` hexadecimal digits, or NO_CHAR and nothing is taken. */
static int32_t hex_digits(Translator *t, size_t n) {
    int32_t value = 0;
    for (size_t i = 0; i < n; i++) {
        int c = peek_at(t, i), low = c | 0x20;
        if (!is_digit(c) && !(c != NO_CHAR && low >= 'a' && low <= 'f'))
            return NO_CHAR;
        value = value * 16 + (is_digit(c) ? c - '0' : low - 'a' + 10);
    }
    t->at += n;
    return value;
}

static int32_t braced_hex(Translator *t) {
    int32_t value = 0;
    size_t digits = 0;
    for (int32_t digit; (digit = hex_digits(t, 1)) >= 0; digits++)
        value = MIN(value * 16 + digit, CODEPOINT_MAX + 1);
    return digits && accept(t, "}") && value <= CODEPOINT_MAX ? value : NO_CHAR;
}

/* After \u. Two that are a surrogate pair are one character; half of one is none that a text can hold. */
static int32_t unicode_escape(Translator *t) {
    if (accept(t, "{"))
        return braced_hex(t);
    int32_t high = hex_digits(t, 4);
    if (high < 0xd800 || high > 0xdbff || !accept(t, "\\u"))
        return high;
    int32_t low = hex_digits(t, 4);
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                                          : NO_CHAR;
}

/* After the backslash: an escape that is one character. False, with the problem told, if it is none. */
static bool char_escape(Translator *t, int32_t *ret) {
    size_t start = t->at - 1;
    if (peek(t) == NO_CHAR)
        return refuse(t, start, "\\ at the end escapes nothing");
    int32_t c = (int32_t)str_next_codepoint(t->source, &t->at);
    static const char from[] = "tnvfr", to[] = "\t\n\v\f\r";
    const char *control = c < 128 && c ? strchr(from, c) : NULL;
    if (control)
        *ret = (unsigned char)to[control - from];
    else if (c == '0' && !is_digit(peek(t)))
        *ret = 0;
    else if (c == 'c' && is_letter(peek(t)))
        *ret = t->source.p[t->at++] & 0x1f;
    else if (c == 'x')
        *ret = hex_digits(t, 2);
    else if (c == 'u')
        *ret = unicode_escape(t);
    else
        *ret = is_letter(c) || is_digit(c) ? NO_CHAR : c;
    if (*ret >= 0 && !(*ret >= 0xd800 && *ret <= 0xdfff))
        return true;
    return refuse(t, start, "\\%c is no escape of JavaScript, or is not complete",
                  c < 128 ? (char)c : '?');
}

typedef struct Category {
    const char *name, *code;
} Category;
static const Category categories[] = {
    { "Letter", "L" },
    { "Cased_Letter", "L&" },
    { "LC", "L&" },
    { "Uppercase_Letter", "Lu" },
    { "Lowercase_Letter", "Ll" },
    { "Titlecase_Letter", "Lt" },
    { "Modifier_Letter", "Lm" },
    { "Other_Letter", "Lo" },
    { "Mark", "M" },
    { "Combining_Mark", "M" },
    { "Nonspacing_Mark", "Mn" },
    { "Spacing_Mark", "Mc" },
    { "Enclosing_Mark", "Me" },
    { "Number", "N" },
    { "Decimal_Number", "Nd" },
    { "digit", "Nd" },
    { "Letter_Number", "Nl" },
    { "Other_Number", "No" },
    { "Punctuation", "P" },
    { "punct", "P" },
    { "Connector_Punctuation", "Pc" },
    { "Dash_Punctuation", "Pd" },
    { "Open_Punctuation", "Ps" },
    { "Close_Punctuation", "Pe" },
    { "Initial_Punctuation", "Pi" },
    { "Final_Punctuation", "Pf" },
    { "Other_Punctuation", "Po" },
    { "Symbol", "S" },
    { "Math_Symbol", "Sm" },
    { "Currency_Symbol", "Sc" },
    { "Modifier_Symbol", "Sk" },
    { "Other_Symbol", "So" },
    { "Separator", "Z" },
    { "Space_Separator", "Zs" },
    { "Line_Separator", "Zl" },
    { "Paragraph_Separator", "Zp" },
    { "Other", "C" },
    { "Control", "Cc" },
    { "cntrl", "Cc" },
    { "Format", "Cf" },
    { "Surrogate", "Cs" },
    { "Private_Use", "Co" },
    { "Unassigned", "Cn" },
};

static Str short_category(Str name) {
    for (size_t i = 0; i < ARRAY_LEN(categories); i++)
        if (str_is(name, categories[i].name))
            return str_from(categories[i].code);
    return name;
}

/* After \p or \P. What PCRE2 does not know of it says itself. */
static bool property(Translator *t, char p) {
    static const struct {
        const char *key, *prefix;
    } keys[] = { { "gc", "" },        { "General_Category", "" },      { "sc", "sc:" },
                 { "Script", "sc:" }, { "Script_Extensions", "scx:" }, { "scx", "scx:" } };
    size_t start = t->at;
    ptrdiff_t end = str_find(str_slice(t->source, start, t->source.len), STR("}"));
    if (peek(t) != '{' || end < 2)
        return refuse(t, start, "\\%c takes a name in braces, like \\p{Letter}", p);
    Str name = str_slice(t->source, start + 1, start + (size_t)end);
    t->at += (size_t)end + 1;
    for (size_t i = 0; i < name.len; i++)
        if (!is_letter(name.p[i]) && !is_digit(name.p[i]) && !strchr("_=", name.p[i]))
            return refuse(t, start, "\\%c takes a name in braces, like \\p{Letter}", p);
    const char *prefix = "";
    ptrdiff_t equals = str_find(name, STR("="));
    if (equals >= 0) {
        Str key = str_slice(name, 0, (size_t)equals);
        name = str_slice(name, (size_t)equals + 1, name.len);
        prefix = NULL;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            prefix = str_is(key, keys[i].key) ? keys[i].prefix : prefix;
    }
    if (!prefix)
        return refuse(t, start,
                      "\\%c{...=...} takes Script, Script_Extensions or "
                      "General_Category",
                      p);
    buf_fmt(t->out, "\\%c{%s", p, prefix);
    buf_str_add(t->out, short_category(name));
    buf_char(t->out, '}');
    return true;
}

/* After the backslash: \d \w \s \p and their opposites. 0: it is none of them; -1: refused. */
static int class_escape(Translator *t, bool in_class) {
    static const struct {
        char letter;
        const char *within, *alone;
    } classes[] = {
        { 'd', "0-9", "[0-9]" },
        { 'D', "\\D", "\\D" },
        { 'w', "0-9A-Za-z_", "[0-9A-Za-z_]" },
        { 'W', "\\W", "\\W" },
        { 's', BLANKS, "[" BLANKS "]" },
        { 'S', NOT_BLANKS, "[" NOT_BLANKS "]" },
    };
    int c = peek(t);
    if (c == 'p' || c == 'P') {
        t->at++;
        return property(t, (char)c) ? 1 : -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (c == classes[i].letter) {
            t->at++;
            put(t, in_class ? classes[i].within : classes[i].alone);
            return 1;
        }
    return 0;
}

/* ---- [classes] ---- */

/* One member: a character in *ret, or NO_CHAR when it was a whole class. */
static bool class_member(Translator *t, int32_t *ret) {
    if (!accept(t, "\\")) {
        *ret = (int32_t)str_next_codepoint(t->source, &t->at);
        return true;
    }
    *ret = NO_CHAR;
    int whole = class_escape(t, true);
    if (whole)
        return whole > 0;
    if (accept(t, "b")) {
        *ret = '\b';
        return true;
    }
    return char_escape(t, ret);
}

static bool class_item(Translator *t) {
    size_t start = t->at;
    int32_t from, to;
    if (!class_member(t, &from))
        return false;
    if (from >= 0)
        put_char(t, from);
    if (peek(t) != '-' || peek_at(t, 1) == ']' || peek_at(t, 1) == NO_CHAR)
        return true;
    t->at++;
    /* Written before it is known whether it is a range: one that is none is refused. */
    if (from >= 0)
        buf_char(t->out, '-');
    if (!class_member(t, &to))
        return false;
    if (from < 0 || to < from)
        return refuse(t, start, "a range in [ ] goes from one character up to another");
    put_char(t, to);
    return true;
}

static bool character_class(Translator *t) {
    size_t start = t->at++;
    bool negated = accept(t, "^");
    if (accept(t, "]")) {
        put(t, negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)");
        return true;
    }
    put(t, negated ? "[^" : "[");
    while (peek(t) != ']') {
        if (peek(t) == NO_CHAR)
            return refuse(t, start, "[ is not closed");
        if (!class_item(t))
            return false;
    }
    t->at++;
    buf_char(t->out, ']');
    return true;
}

/* ---- groups, repetitions ---- */

static bool group_name(Translator *t) {
    size_t start = t->at;
    while (is_letter(peek(t)) || is_digit(peek(t)) || peek(t) == '_')
        t->at++;
    Str name = str_slice(t->source, start, t->at);
    if (!name.len || is_digit(name.p[0]) || name.len > 32 || !accept(t, ">"))
        return refuse(t, start, "a name of a group is of letters, digits and _, and ends with >");
    buf_str_add(t->out, name);
    buf_char(t->out, '>');
    return true;
}

static bool open_group(Translator *t) {
    static const char *const kinds[] = { "(?:", "(?=", "(?!", "(?<=", "(?<!" };
    size_t start = t->at;
    t->repeatable = false;
    if (++t->depth > PATTERN_DEPTH_MAX)
        return refuse(t, start, "more than %d groups within each other", PATTERN_DEPTH_MAX);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (accept(t, kinds[i])) {
            put(t, kinds[i]);
            return true;
        }
    if (accept(t, "(?<")) {
        put(t, "(?<");
        return group_name(t);
    }
    if (peek_at(t, 1) == '?')
        return refuse(t, start, "(? is followed by : = ! <= <! or <name>");
    t->at++;
    put(t, "(");
    return true;
}

static bool close_group(Translator *t) {
    if (!t->depth--)
        return refuse(t, t->at, ") closes nothing");
    t->at++;
    buf_char(t->out, ')');
    t->repeatable = true;
    return true;
}

static bool read_number(Translator *t, uint32_t *ret) {
    size_t start = t->at;
    for (*ret = 0; is_digit(peek(t)); t->at++)
        *ret = MIN(*ret * 10 + (uint32_t)(peek(t) - '0'), REPEAT_MAX + 1);
    return t->at > start;
}

/* {2} {2,} {2,5}: false, with nothing taken, if the brace is only a brace. */
static bool braces(Translator *t, uint32_t *ret_from, uint32_t *ret_to) {
    size_t start = t->at++;
    bool good = read_number(t, ret_from);
    *ret_to = *ret_from;
    if (good && accept(t, ",") && !read_number(t, ret_to))
        *ret_to = UINT32_MAX;
    if (good && accept(t, "}"))
        return true;
    t->at = start;
    return false;
}

static bool repetition(Translator *t, size_t start, const char *sign, uint32_t from, uint32_t to) {
    if (!t->repeatable)
        return refuse(t, start, "a repetition has nothing before it that it could repeat");
    if (from > REPEAT_MAX || (to != UINT32_MAX && (to > REPEAT_MAX || to < from)))
        return refuse(t, start, "a repetition goes from one number up to another, at most %d",
                      REPEAT_MAX);
    if (sign)
        put(t, sign);
    else if (to == UINT32_MAX)
        buf_fmt(t->out, "{%u,}", from);
    else
        buf_fmt(t->out, "{%u,%u}", from, to);
    if (accept(t, "?"))
        buf_char(t->out, '?');
    t->repeatable = false;
    return true;
}

/* ---- the rest ---- */

static bool back_reference(Translator *t, size_t start) {
    if (accept(t, "k<")) {
        put(t, "\\k<");
        return group_name(t);
    }
    uint32_t number;
    read_number(t, &number);
    if (number > t->groups)
        return refuse(t, start, "\\%u refers to a group that there is not", number);
    buf_fmt(t->out, "\\g{%u}", number);
    return true;
}

static bool escape(Translator *t) {
    size_t start = t->at++;
    int c = peek(t);
    t->repeatable = true;
    if (c == NO_CHAR)
        return refuse(t, start, "it ends with a backslash");
    if (c == 'b' || c == 'B') {
        t->at++;
        buf_fmt(t->out, "\\%c", c);
        t->repeatable = false;
        return true;
    }
    int whole = class_escape(t, false);
    if (whole)
        return whole > 0;
    if (c == 'k' || (is_digit(c) && c != '0'))
        return back_reference(t, start);
    int32_t one;
    if (!char_escape(t, &one))
        return false;
    put_char(t, one);
    return true;
}

static bool plain(Translator *t, const char *written, bool repeatable) {
    t->at++;
    put(t, written);
    t->repeatable = repeatable;
    return true;
}

static bool item(Translator *t) {
    size_t start = t->at;
    uint32_t from, to;
    switch (peek(t)) {
    case '\\': return escape(t);
    case '[': t->repeatable = true; return character_class(t);
    case '(': return open_group(t);
    case ')': return close_group(t);
    case '|': return plain(t, "|", false);
    case '^': return plain(t, "^", false);
    case '$': return plain(t, "\\z", false);
    case '.': return plain(t, "[^\\n\\r\\x{2028}\\x{2029}]", true);
    case '*': t->at++; return repetition(t, start, "*", 0, UINT32_MAX);
    case '+': t->at++; return repetition(t, start, "+", 1, UINT32_MAX);
    case '?': t->at++; return repetition(t, start, "?", 0, 1);
    case '{':
        if (braces(t, &from, &to))
            return repetition(t, start, NULL, from, to);
        break;
    default: break;
    }
    put_char(t, (int32_t)str_next_codepoint(t->source, &t->at));
    t->repeatable = true;
    return true;
}

/* Groups that capture, so that a reference forward is known from one to nowhere. */
static unsigned count_groups(Str s) {
    unsigned n = 0;
    bool in_class = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (in_class || s.p[i] == '[')
            in_class = s.p[i] != ']';
        else if (s.p[i] == '(')
            n += i + 1 == s.len || s.p[i + 1] != '?' ||
                 (i + 3 < s.len && s.p[i + 2] == '<' && !strchr("=!", s.p[i + 3]));
    }
    return n;
}

bool ecma_translate(Str source, Buf *out, PatternError *error) {
    Translator t = { .source = source, .out = out, .error = error };
    if (!str_is_utf8(source))
        return refuse(&t, 0, "it is not UTF-8");
    t.groups = count_groups(source);
    while (t.at < source.len) {
        if (!item(&t))
            return false;
    }
    return t.depth == 0 || refuse(&t, source.len, "( is not closed");
}
