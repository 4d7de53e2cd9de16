/* matches() and regex.extract() and the like. A pattern that stands in the source as text was compiled with the program; one
 * that is computed is compiled at each call, and pays for it. */
#include "cel/function.h"
#include "cel/pattern.h"

/* The pattern of the call that runs, or NULL after a failure. */
static const Pattern *pattern_of(Eval *ev, Value source) {
    if (ev->pattern)
        return ev->pattern;
    const Pattern *p;
    PatternError error;
    if (!charge(ev, 100 + source.len) || !take(ev, 0))
        return NULL;
    if (pattern_compile(ev->arena, value_as_str(source), &p, &error) == 0)
        return p;
    fail(ev, PATTERN_COMPLAINT, error.message, error.offset + 1);
    return NULL;
}

/* The search came to no end. `before` is what there was to spend. */
static void fail_search(Eval *ev, int failed, int64_t before) {
    if (failed == PATTERN_E_TEXT) {
        fail(ev, "the text is not UTF-8");
    } else if (ev->steps_left >= 0) {
        fail(ev,
             "the pattern takes too much memory on this text; repeat single characters or sets, "
             "as in [ab]*, instead of groups, as in (a|b)*");
    } else if (before < LIMIT_CEL_STEPS / 2) {
        fail_over(ev); /* others spent more */
    } else {
        fail(
            ev,
            "the pattern tries more than %lld steps to match this text; do not repeat what repeats "
            "itself, as in (a+)+, and say what cannot follow, as in [^,]*, instead of .*",
            (long long)before);
        ev->over = true;
    }
}

/* 1 found, 0 not, -1 after a failure. */
static int find(Eval *ev, const Pattern *p, Value text, size_t from, PatternSpan *spans) {
    bool found;
    if (!ev->search)
        ev->search = pattern_search_new();
    if (from == 0 && !charge_bytes(ev, text.len))
        return -1;
    int64_t before = ev->steps_left;
    int failed =
        pattern_find(ev->search, p, value_as_str(text), from, &ev->steps_left, &found, spans);
    if (!failed)
        return found;
    fail_search(ev, failed, before);
    return -1;
}

Value fn_matches(Eval *ev, const Value *args, size_t n) {
    (void)n;
    PatternSpan spans[PATTERN_SPANS];
    const Pattern *p = pattern_of(ev, args[1]);
    int found = p ? find(ev, p, args[0], 0, spans) : -1;
    return found < 0 ? VALUE_ABSENT : value_bool(found);
}

static Value span_text(Value text, PatternSpan span) {
    return value_str(str_slice(value_as_str(text), span.from, span.to));
}

/* Which group extract() gives: the only one, or the whole match if there is none. -1 after a failure. */
static int group_to_extract(Eval *ev, const Pattern *p) {
    unsigned groups = pattern_groups(p);
    if (groups <= 1)
        return (int)groups;
    fail(ev, "the pattern has %u groups, and one can be given; write (?:...) for the others",
         groups);
    return -1;
}

Value fn_regex_extract(Eval *ev, const Value *args, size_t n) {
    (void)n;
    PatternSpan spans[PATTERN_SPANS];
    const Pattern *p = pattern_of(ev, args[1]);
    int group = p ? group_to_extract(ev, p) : -1;
    int found = group < 0 ? -1 : find(ev, p, args[0], 0, spans);
    if (found < 0)
        return VALUE_ABSENT;
    return found && spans[group].from != SIZE_MAX ? some(ev, span_text(args[0], spans[group]))
                                                  : none();
}

/* From match to match: none overlaps the one before, and an empty one does not touch it either, as RE2 has it. */
typedef struct Walk {
    Eval *ev;
    const Pattern *pattern;
    Value text;
    size_t next;  /* where to look; beyond the text: nowhere */
    size_t ended; /* the last match, or SIZE_MAX before the first */
    PatternSpan spans[PATTERN_SPANS];
} Walk;

static size_t past_character(Str text, size_t at) {
    if (at >= text.len)
        return text.len + 1;
    str_next_codepoint(text, &at);
    return at;
}

/* 1 at a match, 0 when there are no more, -1 after a failure. */
static int walk_on(Walk *w) {
    while (w->next <= w->text.len) {
        int found = charge(w->ev, 1) ? find(w->ev, w->pattern, w->text, w->next, w->spans) : -1;
        if (found <= 0)
            return found;
        PatternSpan match = w->spans[0];
        bool empty = match.from == match.to, touches = match.from == w->ended;
        w->next = empty ? past_character(value_as_str(w->text), match.to) : match.to;
        if (empty && touches)
            continue;
        w->ended = match.to;
        return 1;
    }
    return 0;
}

static Walk walk_begin(Eval *ev, const Pattern *p, Value text) {
    return (Walk){ .ev = ev, .pattern = p, .text = text, .ended = SIZE_MAX };
}

Value fn_regex_extract_all(Eval *ev, const Value *args, size_t n) {
    (void)n;
    const Pattern *p = pattern_of(ev, args[1]);
    int group = p ? group_to_extract(ev, p) : -1;
    if (group < 0)
        return VALUE_ABSENT;
    ListBuilder list = list_builder(ev->arena);
    Walk walk = walk_begin(ev, p, args[0]);
    int found;
    while ((found = walk_on(&walk)) > 0) {
        if (!take(ev, 0))
            return VALUE_ABSENT;
        if (walk.spans[group].from != SIZE_MAX)
            list_add(&list, span_text(args[0], walk.spans[group]));
    }
    return found < 0 ? VALUE_ABSENT : list_done(&list);
}

/* ---- regex.replace() ---- */

/* In a replacement \0 is the match, \1 to \9 are groups, \\ is a backslash. */
static bool check_replacement(Eval *ev, Str replacement, unsigned groups) {
    for (size_t i = 0; i < replacement.len; i++) {
        if (replacement.p[i] != '\\')
            continue;
        char c = ++i < replacement.len ? replacement.p[i] : '\0';
        if (c == '\\' || (c >= '0' && c <= '9' && (unsigned)(c - '0') <= groups))
            continue;
        if (c >= '0' && c <= '9')
            fail(ev, "the replacement names group \\%c, and the pattern has %u", c, groups);
        else
            fail(ev, "in a replacement \\ stands before a digit or \\: r'\\1' is the first group");
        return false;
    }
    return true;
}

static void put_replacement(Buf *b, Str replacement, Str text, const PatternSpan *spans) {
    for (size_t i = 0; i < replacement.len; i++) {
        bool escaped = replacement.p[i] == '\\';
        char c = replacement.p[escaped ? ++i : i];
        if (!escaped || c == '\\') {
            buf_char(b, c);
            continue;
        }
        PatternSpan span = spans[c - '0'];
        if (span.from != SIZE_MAX)
            buf_str_add(b, str_slice(text, span.from, span.to));
    }
}

/* Replaces up to `limit` matches; false after a failure. */
static bool replace(Buf *b, Walk *walk, Str replacement, size_t limit) {
    Str text = value_as_str(walk->text);
    size_t copied = 0;
    int found = 0;
    for (size_t i = 0; i < limit && (found = walk_on(walk)) > 0; i++) {
        buf_str_add(b, str_slice(text, copied, walk->spans[0].from));
        put_replacement(b, replacement, text, walk->spans);
        copied = walk->spans[0].to;
        if (buf_over(b))
            return true; /* text_of_buf() reports it */
    }
    buf_str_add(b, str_slice(text, copied, text.len));
    return found >= 0;
}

Value fn_regex_replace(Eval *ev, const Value *args, size_t n) {
    size_t limit = n == 4 && args[3].i >= 0 ? (size_t)args[3].i : SIZE_MAX;
    const Pattern *p = pattern_of(ev, args[1]);
    if (!p || !check_replacement(ev, value_as_str(args[2]), pattern_groups(p)))
        return VALUE_ABSENT;
    Buf b = text_buf(ev);
    Walk walk = walk_begin(ev, p, args[0]);
    if (replace(&b, &walk, value_as_str(args[2]), limit))
        return text_of_buf(ev, &b);
    buf_deinit(&b);
    return VALUE_ABSENT;
}
