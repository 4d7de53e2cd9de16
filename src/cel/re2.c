/* One pass over the pattern. Everything is read as RE2 reads it and written in the one way that PCRE2 cannot take for
 * something else: a character that is not a letter or digit becomes \x{...}, $ becomes \z, \s becomes the five blanks that
 * RE2 means, and what is not written here PCRE2 never sees. Where the two would differ, this file decides:
 *
 *   RE2                     PCRE2 would
 *   $ at the very end       also before a last newline            written \z
 *   \s without \v           count \v as a blank                   written out
 *   \v the character        any vertical blank                    written \x{b}
 *   \p{Greek} the script    the script and its extensions         written \p{sc:Greek}
 *   a{,3} text              a repetition, since 10.43             written out
 *   \Z \h \R \K \G \N ...   their own meanings                    refused
 *   a++  (?>a)  (?R)  \1    possessive, atomic, recursion ...     refused
 *
 * Flags: i is passed on, as PCRE2 gives it the same scope; m, s and U are resolved here.
 *
 * Callouts, written (?C), stand wherever the interpreter can come back to: at the start of each alternative and after each
 * repetition. So between two of them it does no more than one walk along the pattern and one along the text, and pattern.c
 * counts both (see there). */
#include "cel/re2.h"

#include <stdarg.h>
#include <stdio.h>

enum { CODEPOINT_MAX = 0x10ffff, REPEAT_MAX = 1000 };

/* What stands just before: whether a repetition may follow. */
typedef enum Last { NOTHING, ITEM, REPETITION } Last;

typedef struct Flags {
    bool multi_line, dot_all, ungreedy;
} Flags;

typedef struct Translator {
    Str source;
    size_t at;
    Buf *out;
    PatternError *error;
    Flags flags;
    Flags outer[PATTERN_DEPTH_MAX]; /* of the groups that are open */
    size_t depth;
    Last last;
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
    return t->at + ahead < t->source.len ? (unsigned char)t->source.p[t->at + ahead] : -1;
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

static void put_char(Translator *t, uint32_t c) {
    if (is_digit((int)c) || is_letter((int)c))
        buf_char(t->out, (char)c);
    else
        buf_fmt(t->out, "\\x{%x}", c);
}

/* ---- escapes of one character ---- */

static int hex_value(int c) {
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool read_hex(Translator *t, size_t start, uint32_t *ret) {
    bool braces = accept(t, "{");
    uint32_t value = 0;
    size_t digits = 0;
    for (; hex_value(peek(t)) >= 0 && (braces || digits < 2); t->at++, digits++) {
        value = value << 4 | (uint32_t)hex_value(peek(t));
        if (value > CODEPOINT_MAX)
            return refuse(t, start, "\\x{...} goes up to 10FFFF");
    }
    if (!digits || (!braces && digits != 2) || (braces && !accept(t, "}")))
        return refuse(t, start, "\\x takes two hexadecimal digits, or braces: \\x{1F600}");
    *ret = value;
    return true;
}

/* \0, \012 and \12 are octal; \1 alone would refer back to a group. The first digit is next. */
static bool read_octal(Translator *t, size_t start, uint32_t *ret) {
    uint32_t value = 0;
    size_t digits = 0;
    for (; digits < 3 && peek(t) >= '0' && peek(t) <= '7'; t->at++, digits++)
        value = value * 8 + (uint32_t)(peek(t) - '0');
    if (digits == 0 || (digits == 1 && value))
        return refuse(t, start, "referring back to a group (\\%c) is not in this language",
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
        return refuse(t, start, "a backslash stands at the end; write \\\\ for the character");
    if (c == 'Z')
        return refuse(t, start, "\\Z is not in this language; write \\z for the end of the text");
    if (c == 'k' || c == 'g')
        return refuse(t, start, "referring back to a group (\\%c) is not in this language", c);
    if (c == 'b')
        return refuse(t, start, "\\b is no character; for a backspace write \\x08");
    if (c > ' ' && c < 0x7f)
        return refuse(t, start, "there is no \\%c in this language", c);
    return refuse(t, start, "a backslash stands before letters and signs of ASCII only");
}

/* The character that the escape at t->at stands for. */
static bool read_escape(Translator *t, uint32_t *ret) {
    size_t start = t->at++;
    int c = peek(t);
    if (is_digit(c))
        return read_octal(t, start, ret);
    bool sign = c > ' ' && c < 0x7f && !is_letter(c) && c != '_';
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
    if (peek(t) == '\\')
        return read_escape(t, ret);
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
        if (!is_letter(name.p[i]) && (name.p[i] != '_' || i == 0))
            return false;
    return name.len >= 2;
}

static bool put_property(Translator *t) {
    size_t start = t->at;
    bool negated = peek_at(t, 1) == 'P';
    t->at += 2;
    Str name = str_slice(t->source, t->at, MIN(t->at + 1, t->source.len));
    if (accept(t, "{")) {
        negated ^= accept(t, "^");
        ptrdiff_t end = str_find(str_slice(t->source, t->at, t->source.len), STR("}"));
        if (end < 0)
            return refuse(t, start, "no closing } after \\p{");
        name = str_slice(t->source, t->at, t->at + (size_t)end);
        t->at += (size_t)end + 1;
    } else {
        t->at += name.len;
    }
    if (!is_category(name) && !is_script(name))
        return refuse(t, start,
                      "\\p takes a category or a script: \\pL, \\p{Lu}, \\p{Greek}, not '%.*s'",
                      (int)MIN(name.len, (size_t)30), name.p);
    buf_fmt(t->out, "\\%c{%s%.*s}", negated ? 'P' : 'p',
            is_category(name) ? "" : "sc:", STR_FMT(name));
    return true;
}

/* \d \s \w and their opposites: as they stand within [ ]. */
static const char *set_of(int letter) {
    switch (letter) {
    case 'd': return "0-9";
    case 'w': return "0-9A-Za-z_";
    case 's': return "\\x{9}\\x{a}\\x{c}\\x{d}\\x{20}";
    case 'D': return "\\D";
    case 'W': return "\\W";
    case 'S': return "\\S\\x{b}";
    default: return NULL;
    }
}

/* [:alpha:] and the like. */
static bool put_named_set(Translator *t, bool *ret_taken) {
    static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl",
                                         "digit", "graph", "lower", "print", "punct",
                                         "space", "upper", "word",  "xdigit" };
    Str rest = str_slice(t->source, t->at, t->source.len);
    bool opens = str_starts(rest, STR("[:"));
    ptrdiff_t length = opens ? str_find(str_slice(rest, 2, rest.len), STR(":]")) : -1;
    *ret_taken = length >= 0;
    if (!*ret_taken)
        return true;
    Str name = str_slice(rest, 2, 2 + (size_t)length);
    bool negated = str_starts(name, STR("^"));
    name = str_slice(name, negated, name.len);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(name, names[i])) {
            buf_fmt(t->out, "[:%s%s:]", negated ? "^" : "", names[i]);
            t->at += (size_t)length + 4;
            return true;
        }
    }
    return refuse(t, t->at, "there is no set [:%.*s:]", (int)MIN(name.len, (size_t)30), name.p);
}

/* ---- [ ] ---- */

static bool put_range(Translator *t) {
    size_t start = t->at;
    uint32_t low, high;
    if (!read_char(t, &low))
        return false;
    put_char(t, low);
    if (peek(t) != '-' || peek_at(t, 1) == ']' || peek_at(t, 1) < 0)
        return true;
    t->at++;
    if (!read_char(t, &high))
        return false;
    if (high < low)
        return refuse(t, start, "a range in [ ] ends before it begins");
    buf_char(t->out, '-');
    put_char(t, high);
    return true;
}

static bool put_set_item(Translator *t) {
    bool named;
    if (!put_named_set(t, &named))
        return false;
    if (named)
        return true;
    int letter = peek(t) == '\\' ? peek_at(t, 1) : -1;
    if (letter == 'p' || letter == 'P')
        return put_property(t);
    const char *set = set_of(letter);
    if (!set)
        return put_range(t);
    put(t, set);
    t->at += 2;
    return true;
}

static bool put_set(Translator *t) {
    size_t start = t->at++;
    put(t, accept(t, "^") ? "[^" : "[");
    for (bool first = true; first || peek(t) != ']'; first = false) {
        if (peek(t) < 0)
            return refuse(t, start, "no closing ] of this [");
        if (!put_set_item(t))
            return false;
    }
    t->at++;
    put(t, "]");
    t->last = ITEM;
    return true;
}

/* ---- escapes outside of [ ] ---- */

/* \Q...\E: text as it stands, to the end if there is no \E. */
static void put_quoted(Translator *t) {
    t->at += 2;
    while (peek(t) >= 0 && !accept(t, "\\E")) {
        put_char(t, str_next_codepoint(t->source, &t->at));
        t->last = ITEM;
    }
}

static bool put_escape(Translator *t) {
    int letter = peek_at(t, 1);
    if (letter == 'Q') {
        put_quoted(t);
        return true;
    }
    t->last = ITEM;
    if (letter == 'p' || letter == 'P')
        return put_property(t);
    const char *set = set_of(letter);
    /* A negated set of its own keeps its meaning under (?i), where characters far off fold to letters. */
    static const char *const negated[] = {
        ['D'] = "[^0-9]", ['W'] = "[^0-9A-Za-z_]", ['S'] = "[^\\x{9}\\x{a}\\x{c}\\x{d}\\x{20}]"
    };
    if (set && letter < 'a')
        put(t, negated[letter]);
    else if (set)
        buf_fmt(t->out, "[%s]", set);
    else if (letter == 'A' || letter == 'z' || letter == 'b' || letter == 'B')
        buf_fmt(t->out, "(?:\\%c)", letter);
    else {
        uint32_t c;
        if (!read_escape(t, &c))
            return false;
        put_char(t, c);
        return true;
    }
    t->at += 2;
    return true;
}

/* ---- groups ---- */

static bool open_group(Translator *t, const char *opening) {
    t->outer[t->depth++] = t->flags;
    buf_fmt(t->out, "%s(?C)", opening);
    t->last = NOTHING;
    return true;
}

static bool open_named_group(Translator *t) {
    size_t start = t->at;
    while (is_digit(peek(t)) || is_letter(peek(t)) || peek(t) == '_')
        t->at++;
    Str name = str_slice(t->source, start, t->at);
    char opening[64];
    if (!name.len || name.len > 32 || is_digit(name.p[0]) || !accept(t, ">"))
        return refuse(t, start,
                      "the name of a group is letters, digits and _, up to 32: (?P<name>...)");
    snprintf(opening, sizeof opening, "(?<%.*s>", STR_FMT(name));
    return open_group(t, opening);
}

static bool refuse_group(Translator *t, size_t start) {
    Str rest = str_slice(t->source, start, t->source.len);
    static const char *const around[] = { "(?=", "(?!", "(?<=", "(?<!" };
    for (size_t i = 0; i < ARRAY_LEN(around); i++)
        if (str_starts(rest, str_from(around[i])))
            return refuse(t, start,
                          "looking ahead or behind, %s), is not in this language; join two tests "
                          "with && or take a group out with regex.extract()",
                          around[i]);
    if (str_starts(rest, STR("(?P=")))
        return refuse(t, start, "referring back to a group is not in this language");
    if (str_starts(rest, STR("(?#")))
        return refuse(t, start, "comments are not in this language");
    return refuse(t, start,
                  "there is no (?%.*s in this language; groups are (...), (?:...), "
                  "(?P<name>...) and (?i)",
                  (int)MIN(rest.len - 2, (size_t)1), rest.p + 2);
}

/* (?i) to the end of the group it stands in, or (?i-s:...) of a group of its own. After "(?". */
static bool put_flags(Translator *t, size_t start) {
    Flags flags = t->flags;
    int ignore_case = -1;
    bool on = true, any = false;
    for (;; t->at++) {
        int c = peek(t);
        if (c == 'i')
            ignore_case = on;
        else if (c == 'm')
            flags.multi_line = on;
        else if (c == 's')
            flags.dot_all = on;
        else if (c == 'U')
            flags.ungreedy = on;
        else if (c == '-' && on) {
            on = any = false;
            continue;
        } else
            break;
        any = true;
    }
    bool group = peek(t) == ':';
    if ((!group && peek(t) != ')') || (!on && !any))
        return refuse_group(t, start);
    t->at++;
    const char *letter = ignore_case < 0 ? "" : ignore_case ? "i" : "-i";
    char opening[8];
    snprintf(opening, sizeof opening, "(?%s%s", letter, group ? ":" : ")");
    if (group && !open_group(t, opening))
        return false;
    if (!group && *letter)
        put(t, opening);
    t->flags = flags;
    t->last = NOTHING;
    return true;
}

static bool put_opening(Translator *t) {
    size_t start = t->at;
    if (t->depth == PATTERN_DEPTH_MAX)
        return refuse(t, start, "groups stand more than %d deep in each other", PATTERN_DEPTH_MAX);
    if (accept(t, "(?P<") || (peek_at(t, 3) != '=' && peek_at(t, 3) != '!' && accept(t, "(?<")))
        return open_named_group(t);
    if (accept(t, "(?"))
        return put_flags(t, start);
    t->at++;
    return open_group(t, "(");
}

static bool put_closing(Translator *t) {
    if (t->depth == 0)
        return refuse(t, t->at, "this ) closes nothing; write \\) for the character");
    t->flags = t->outer[--t->depth];
    t->at++;
    put(t, ")");
    t->last = ITEM;
    return true;
}

/* ---- repetitions ---- */

static bool put_repetition(Translator *t, size_t start, Str operator) {
    if (t->last == NOTHING)
        return refuse(t, start, "%.*s has nothing to repeat; write \\%c for the character",
                      STR_FMT(operator), operator.p[0]);
    if (t->last == REPETITION)
        return refuse(t, start, "%.*s repeats a repetition; put ( ) round what it shall repeat",
                      STR_FMT(operator));
    bool lazy = accept(t, "?") != t->flags.ungreedy;
    buf_str_add(t->out, operator);
    put(t, lazy ? "?(?C)" : "(?C)");
    t->last = REPETITION;
    return true;
}

/* A count without leading zeros; -1 if there is none. */
static int read_count(Translator *t) {
    size_t start = t->at;
    int value = 0;
    for (; is_digit(peek(t)); t->at++)
        value = MIN(value * 10 + (peek(t) - '0'), REPEAT_MAX + 1);
    bool zero = t->at - start > 1 && t->source.p[start] == '0';
    return t->at == start || zero ? -1 : value;
}

/* {2}, {2,} and {2,5}; anything else is text. */
static bool put_counted(Translator *t) {
    size_t start = t->at++;
    int least = read_count(t), most = least;
    bool good = least >= 0;
    if (good && accept(t, ",") && peek(t) != '}') {
        most = read_count(t);
        good = most >= 0;
    }
    if (!good || !accept(t, "}")) {
        t->at = start + 1;
        put_char(t, '{');
        t->last = ITEM;
        return true;
    }
    if (least > REPEAT_MAX || most > REPEAT_MAX)
        return refuse(t, start, "a repetition goes up to %d times", REPEAT_MAX);
    if (most < least)
        return refuse(t, start, "{%d,%d} ends before it begins", least, most);
    return put_repetition(t, start, str_slice(t->source, start, t->at));
}

static bool put_next(Translator *t) {
    size_t start = t->at;
    switch (peek(t)) {
    case '(': return put_opening(t);
    case ')': return put_closing(t);
    case '[': return put_set(t);
    case '\\': return put_escape(t);
    case '{': return put_counted(t);
    case '*':
    case '+':
    case '?': t->at++; return put_repetition(t, start, str_slice(t->source, start, t->at));
    case '|': put(t, "|(?C)"); break;
    case '^': put(t, t->flags.multi_line ? "(?:^)" : "(?:\\A)"); break;
    case '$': put(t, t->flags.multi_line ? "(?:$)" : "(?:\\z)"); break;
    case '.': put(t, t->flags.dot_all ? "." : "\\N"); break;
    default:
        put_char(t, str_next_codepoint(t->source, &t->at));
        t->last = ITEM;
        return true;
    }
    t->last = peek(t) == '|' ? NOTHING : ITEM;
    t->at++;
    return true;
}

bool re2_translate(Str source, Buf *out, PatternError *error) {
    Translator t = { .source = source, .out = out, .error = error };
    put(&t, "(?C)");
    while (t.at < source.len)
        if (!put_next(&t))
            return false;
    if (t.depth)
        return refuse(&t, source.len, "a ( is not closed");
    return true;
}
