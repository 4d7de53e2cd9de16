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
#include "cel/re2_read.h"

#include <stdio.h>

enum { REPEAT_MAX = 1000 };

/* ---- escapes outside of [ ] ---- */

/* \Q...\E: text as it stands, to the end if there is no \E. */
static void put_quoted(Translator *t) {
    t->at += 2;
    while (re2_peek(t) >= 0 && !re2_accept(t, "\\E")) {
        re2_put_char(t, str_next_codepoint(t->source, &t->at));
        t->last = ITEM;
    }
}

static bool put_escape(Translator *t) {
    int letter = re2_peek_at(t, 1);
    if (letter == 'Q') {
        put_quoted(t);
        return true;
    }
    t->last = ITEM;
    if (letter == 'p' || letter == 'P')
        return re2_put_property(t);
    if (re2_is_class(letter)) {
        re2_put(t, "[");
        re2_put_class(t);
        re2_put(t, "]");
        return true;
    }
    if (letter == 'A' || letter == 'z' || letter == 'b' || letter == 'B') {
        buf_fmt(t->out, "(?:\\%c)", letter);
        t->at += 2;
        return true;
    }
    uint32_t c;
    if (!re2_read_escape(t, &c))
        return false;
    re2_put_char(t, c);
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
    while (re2_is_digit(re2_peek(t)) || re2_is_letter(re2_peek(t)) || re2_peek(t) == '_')
        t->at++;
    Str name = str_slice(t->source, start, t->at);
    char opening[64];
    if (!name.len || name.len > 32 || re2_is_digit(name.p[0]) || !re2_accept(t, ">"))
        return re2_refuse(t, start,
                          "the name of a group is letters, digits and _, up to 32: (?P<name>...)");
    snprintf(opening, sizeof opening, "(?<%.*s>", STR_FMT(name));
    return open_group(t, opening);
}

static bool refuse_group(Translator *t, size_t start) {
    Str rest = str_slice(t->source, start, t->source.len);
    static const char *const around[] = { "(?=", "(?!", "(?<=", "(?<!" };
    for (size_t i = 0; i < ARRAY_LEN(around); i++)
        if (str_starts(rest, str_from(around[i])))
            return re2_refuse(
                t, start,
                "looking ahead or behind, %s), is not in this language; join two tests "
                "with && or take a group out with regex.extract()",
                around[i]);
    if (str_starts(rest, STR("(?P=")))
        return re2_refuse(t, start, "referring back to a group is not in this language");
    if (str_starts(rest, STR("(?#")))
        return re2_refuse(t, start, "comments are not in this language");
    return re2_refuse(t, start,
                      "there is no (?%.*s in this language; groups are (...), (?:...), "
                      "(?P<name>...) and (?i)",
                      (int)MIN(rest.len - 2, (size_t)1), rest.p + 2);
}

/* (?i) to the end of the group it stands in, or (?i-s:...) of a group of its own. After "(?". */
static bool put_flags(Translator *t, size_t start) {
    Flags flags = t->flags;
    bool on = true, any = false;
    for (;; t->at++) {
        int c = re2_peek(t);
        if (c == 'i')
            flags.ignore_case = on;
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
    bool group = re2_peek(t) == ':';
    if ((!group && re2_peek(t) != ')') || (!on && !any))
        return refuse_group(t, start);
    t->at++;
    bool same = flags.ignore_case == t->flags.ignore_case;
    const char *letter = same ? "" : flags.ignore_case ? "i" : "-i";
    char opening[8];
    snprintf(opening, sizeof opening, "(?%s%s", letter, group ? ":" : ")");
    if (group && !open_group(t, opening))
        return false;
    if (!group && *letter)
        re2_put(t, opening);
    t->flags = flags;
    t->last = NOTHING;
    return true;
}

static bool put_opening(Translator *t) {
    size_t start = t->at;
    if (t->depth == PATTERN_DEPTH_MAX)
        return re2_refuse(t, start, "groups stand more than %d deep in each other",
                          PATTERN_DEPTH_MAX);
    if (re2_accept(t, "(?P<") ||
        (re2_peek_at(t, 3) != '=' && re2_peek_at(t, 3) != '!' && re2_accept(t, "(?<")))
        return open_named_group(t);
    if (re2_accept(t, "(?"))
        return put_flags(t, start);
    t->at++;
    return open_group(t, "(");
}

static bool put_closing(Translator *t) {
    if (t->depth == 0)
        return re2_refuse(t, t->at, "this ) closes nothing; write \\) for the character");
    t->flags = t->outer[--t->depth];
    t->at++;
    re2_put(t, ")");
    t->last = ITEM;
    return true;
}

/* ---- repetitions ---- */

static bool put_repetition(Translator *t, size_t start, Str operator) {
    if (t->last == NOTHING)
        return re2_refuse(t, start, "%.*s has nothing to repeat; write \\%c for the character",
                          STR_FMT(operator), operator.p[0]);
    if (t->last == REPETITION)
        return re2_refuse(t, start, "%.*s repeats a repetition; put ( ) round what it shall repeat",
                          STR_FMT(operator));
    bool lazy = re2_accept(t, "?") != t->flags.ungreedy;
    buf_str_add(t->out, operator);
    re2_put(t, lazy ? "?(?C)" : "(?C)");
    t->last = REPETITION;
    return true;
}

/* A count without leading zeros; -1 if there is none. */
static int read_count(Translator *t) {
    size_t start = t->at;
    int value = 0;
    for (; re2_is_digit(re2_peek(t)); t->at++)
        value = MIN(value * 10 + (re2_peek(t) - '0'), REPEAT_MAX + 1);
    bool zero = t->at - start > 1 && t->source.p[start] == '0';
    return t->at == start || zero ? -1 : value;
}

/* {2}, {2,} and {2,5}; anything else is text. */
static bool put_counted(Translator *t) {
    size_t start = t->at++;
    int least = read_count(t), most = least;
    bool good = least >= 0;
    if (good && re2_accept(t, ",") && re2_peek(t) != '}') {
        most = read_count(t);
        good = most >= 0;
    }
    if (!good || !re2_accept(t, "}")) {
        t->at = start + 1;
        re2_put_char(t, '{');
        t->last = ITEM;
        return true;
    }
    if (least > REPEAT_MAX || most > REPEAT_MAX)
        return re2_refuse(t, start, "a repetition goes up to %d times", REPEAT_MAX);
    if (most < least)
        return re2_refuse(t, start, "{%d,%d} ends before it begins", least, most);
    return put_repetition(t, start, str_slice(t->source, start, t->at));
}

static bool put_next(Translator *t) {
    size_t start = t->at;
    switch (re2_peek(t)) {
    case '(': return put_opening(t);
    case ')': return put_closing(t);
    case '[': return re2_put_set(t);
    case '\\': return put_escape(t);
    case '{': return put_counted(t);
    case '*':
    case '+':
    case '?': t->at++; return put_repetition(t, start, str_slice(t->source, start, t->at));
    case '|': re2_put(t, "|(?C)"); break;
    case '^': re2_put(t, t->flags.multi_line ? "(?:^)" : "(?:\\A)"); break;
    case '$': re2_put(t, t->flags.multi_line ? "(?:$)" : "(?:\\z)"); break;
    case '.': re2_put(t, t->flags.dot_all ? "." : "\\N"); break;
    default:
        re2_put_char(t, str_next_codepoint(t->source, &t->at));
        t->last = ITEM;
        return true;
    }
    t->last = re2_peek(t) == '|' ? NOTHING : ITEM;
    t->at++;
    return true;
}

bool re2_translate(Str source, Buf *out, PatternError *error) {
    Translator t = { .source = source, .out = out, .error = error };
    re2_put(&t, "(?C)");
    while (t.at < source.len)
        if (!put_next(&t))
            return false;
    if (t.depth)
        return re2_refuse(&t, source.len, "a ( is not closed");
    return true;
}
