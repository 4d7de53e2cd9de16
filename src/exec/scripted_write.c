/* Writing a file of the scripted model from what models once answered. The first reply that fits is given, and a match on text
 * fits whatever contains it: longer texts come first. Two questions that only their tool results or instructions tell apart get
 * those too; what cannot be told apart at all is answered as the first time. */
#include "exec/scripted_file.h"

#include <stdlib.h>

static bool same_answer(const ScriptedTake *a, const ScriptedTake *b) {
    return value_equal(value_getz(a->output, "content"), value_getz(b->output, "content")) &&
           value_equal(value_getz(a->output, "calls"), value_getz(b->output, "calls"));
}

static bool same_words(const ScriptedAsk *a, const ScriptedAsk *b) {
    return a->turn == b->turn && str_eq(a->agent, b->agent) && str_eq(a->user, b->user);
}

static bool same_context(const ScriptedAsk *a, const ScriptedAsk *b) {
    return str_eq(a->tool, b->tool) && str_eq(a->result, b->result) && str_eq(a->system, b->system);
}

static int longer_first(const void *x, const void *y) {
    const ScriptedTake *a = x, *b = y;
    if (a->ask.user.len != b->ask.user.len)
        return a->ask.user.len > b->ask.user.len ? -1 : 1;
    if (a->ask.result.len != b->ask.result.len)
        return a->ask.result.len > b->ask.result.len ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool needs_context(const ScriptedTake *takes, size_t n, size_t i) {
    for (size_t k = 0; k < n; k++) {
        if (k != i && same_words(&takes[k].ask, &takes[i].ask) &&
            !same_answer(&takes[k], &takes[i]))
            return true;
    }
    return false;
}

/* An earlier one that is given in its place; NULL: it is written itself. */
static const ScriptedTake *written_before(const ScriptedTake *takes, size_t i, bool context) {
    for (size_t k = 0; k < i; k++) {
        if (same_words(&takes[k].ask, &takes[i].ask) &&
            (!context || same_context(&takes[k].ask, &takes[i].ask)))
            return &takes[k];
    }
    return NULL;
}

/* JSON is YAML but for the characters that YAML has only escaped; in JSON they stand in strings alone. */
static void write_json(Buf *b, Value v) {
    Buf text = BUF_INIT(LIMIT_FILE_BYTES);
    value_write(&text, v);
    Str s = buf_str(&text);
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        uint32_t c = str_next_codepoint(s, &at);
        bool hidden = (c >= 0x7f && c < 0xa0) || c == 0xfeff || c == 0x2028 || c == 0x2029 ||
                      (c & 0xfffe) == 0xfffe;
        if (hidden && c <= 0xffff)
            buf_fmt(b, "\\u%04x", (unsigned)c);
        else
            buf_add(b, s.p + from, at - from);
    }
    b->over |= text.over;
    buf_deinit(&text);
}

static void write_text_key(Buf *b, const char *key, Str text) {
    buf_fmt(b, "%s: ", key);
    write_json(b, value_str(text));
}

static void write_match(Buf *b, const ScriptedAsk *ask, bool context) {
    write_text_key(b, "  - match: { agent", ask->agent);
    write_text_key(b, ", user", ask->user);
    if (context && ask->tool.len) {
        write_text_key(b, ", tool", ask->tool);
        write_text_key(b, ", result", ask->result);
    }
    if (context && ask->system.len)
        write_text_key(b, ", system", ask->system);
    buf_fmt(b, ", turn: %lld }\n", (long long)ask->turn);
}

static void write_calls(Buf *b, Value calls) {
    buf_str_add(b, STR("    calls:\n"));
    for (size_t i = 0; i < calls.len; i++) {
        Value with = value_getz(calls.items[i], "arguments");
        buf_str_add(b, STR("      - { tool: "));
        write_json(b, value_getz(calls.items[i], "name"));
        buf_str_add(b, STR(", with: "));
        write_json(b, value_absent(with) ? VALUE_EMPTY_MAP : with);
        buf_str_add(b, STR(" }\n"));
    }
}

static void write_take(Buf *b, const ScriptedTake *t, bool context) {
    Value content = value_getz(t->output, "content"), calls = value_getz(t->output, "calls");
    bool called = value_is(calls, V_LIST) && calls.len;
    write_match(b, &t->ask, context);
    if (value_is(content, V_STRING) || !called) {
        buf_str_add(b, STR("    reply: "));
        write_json(b, value_is(content, V_STRING) ? content : value_str(STR("")));
        buf_char(b, '\n');
    }
    if (called)
        write_calls(b, calls);
    buf_fmt(b, "    usage: { in: %lld, out: %lld, cached: %lld }\n", (long long)t->usage.tokens_in,
            (long long)t->usage.tokens_out, (long long)t->usage.tokens_cached);
}

size_t scripted_write(Buf *b, ScriptedTake *takes, size_t n) {
    size_t left_out = 0;
    for (size_t i = 0; i < n; i++)
        takes[i].number = i;
    if (n)
        qsort(takes, n, sizeof *takes, longer_first);
    buf_str_add(b, n ? STR("replies:\n") : STR("replies: []\n"));
    for (size_t i = 0; i < n; i++) {
        bool context = needs_context(takes, n, i);
        const ScriptedTake *before = written_before(takes, i, context);
        if (!before)
            write_take(b, &takes[i], context);
        else if (!same_answer(before, &takes[i]))
            left_out++;
    }
    return left_out;
}
