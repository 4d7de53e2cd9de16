#include "try/script.h"

#include "base/limits.h"
#include "cel/map_names.h"

/* ---- finding --------------------------------------------------------------------------------------------------------- */

static const Script *named(const Scripts *all, Str name) {
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->items[i].name, name))
            return &all->items[i];
    return NULL;
}

const Script *script_find(const Scripts *of_case, const Scripts *of_file, const Str *names,
                          size_t n) {
    const Script *found = NULL;
    for (size_t i = 0; i < n && !found; i++)
        found = names[i].len ? named(of_case, names[i]) : NULL;
    for (size_t i = 0; i < n && !found; i++)
        found = names[i].len ? named(of_file, names[i]) : NULL;
    return found;
}

/* ---- choosing -------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

Str script_bare(Str s) {
    while (s.len && is_blank(s.p[0]))
        s = str_slice(s, 1, s.len);
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    bool wrapped = str_starts(s, STR("${{")) && s.len >= 5 &&
                   cel_find_end(str_slice(s, 3, s.len)) == (ptrdiff_t)s.len - 5;
    return wrapped ? str_slice(s, 3, s.len - 2) : s;
}

static bool holds(const ScriptLine *l, Value source, Value names, Arena *a, Str *ret_problem) {
    CelError error;
    Value v;
    if (cel_try(a, script_bare(value_plain(a, source)), names, &v, &error) != 0)
        *ret_problem = arena_fmt(a, "`if` of line %u: %s", l->line, error.message);
    else if (!value_is(v, V_BOOL))
        *ret_problem = arena_fmt(a, "`if` of line %u is neither true nor false", l->line);
    else
        return v.b;
    return false;
}

static const ScriptLine *in_turn(const Script *s, uint32_t turn) {
    const ScriptLine *last = NULL;
    uint32_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!value_absent(value_getz(s->lines[i].words, "if")))
            continue;
        last = &s->lines[i];
        if (at++ == turn)
            break;
    }
    return last;
}

const ScriptLine *script_choose(const Script *s, ScriptTurns *turns, Value names, Arena *a,
                                Str *ret_problem) {
    *ret_problem = STR("");
    for (size_t i = 0; i < s->n; i++) {
        Value source = value_getz(s->lines[i].words, "if");
        if (value_absent(source))
            continue;
        bool fits = holds(&s->lines[i], source, names, a, ret_problem);
        if (ret_problem->len)
            return NULL;
        if (fits)
            return &s->lines[i];
    }
    return in_turn(s, turns->taken++);
}

/* ---- expanding ------------------------------------------------------------------------------------------------------- */

static bool evaluate(Str source, Value names, Arena *a, Value *ret_value, Str *ret_problem) {
    CelError error;
    if (cel_try(a, source, names, ret_value, &error) == 0)
        return true;
    *ret_problem = arena_fmt(a, "`%.*s`: %s", (int)MIN(source.len, 60), source.p, error.message);
    return false;
}

/* The next expression in `text` from `at` on: where its `$` stands and where it ends; false: there is none. */
static bool next_expression(Str text, size_t at, size_t *ret_from, size_t *ret_to) {
    for (; at + 5 <= text.len; at++) {
        if (memcmp(text.p + at, "${{", 3) != 0)
            continue;
        if (at > 0 && text.p[at - 1] == '$')
            continue;
        ptrdiff_t end = cel_find_end(str_slice(text, at + 3, text.len));
        if (end < 0)
            return false;
        *ret_from = at;
        *ret_to = at + 3 + (size_t)end + 2;
        return true;
    }
    return false;
}

static bool expand_text(Str text, Value names, Arena *a, Value *ret_value, Str *ret_problem) {
    size_t from, to, at = 0;
    Value v;
    Buf b = BUF_INIT(LIMIT_PAYLOAD_BYTES);
    bool good = true;
    while (good && next_expression(text, at, &from, &to)) {
        good = evaluate(str_slice(text, from + 3, to - 2), names, a, &v, ret_problem);
        if (good && from == 0 && to == text.len) {
            *ret_value = v;
            buf_deinit(&b);
            return true;
        }
        buf_str_add(&b, str_slice(text, at, from));
        if (good)
            buf_str_add(&b, value_plain(a, v));
        at = to;
    }
    buf_str_add(&b, str_slice(text, at, text.len));
    *ret_value = value_str(arena_str(a, buf_str(&b)));
    buf_deinit(&b);
    return good;
}

static bool expand_list(Value data, Value names, Arena *a, Value *ret_value, Str *ret_problem) {
    ListBuilder l = list_builder(a);
    for (uint32_t i = 0; i < data.len; i++) {
        Value v;
        if (!script_expand(data.items[i], names, a, &v, ret_problem))
            return false;
        list_add(&l, v);
    }
    *ret_value = list_done(&l);
    return true;
}

static bool expand_map(Value data, Value names, Arena *a, Value *ret_value, Str *ret_problem) {
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; i < data.len; i++) {
        ValueEntry e = value_entry(data, i);
        Value v;
        if (!script_expand(e.value, names, a, &v, ret_problem))
            return false;
        map_add(&m, e.key, v);
    }
    *ret_value = map_done(&m, NULL);
    return true;
}

bool script_expand(Value data, Value names, Arena *a, Value *ret_value, Str *ret_problem) {
    if (value_is(data, V_STRING))
        return expand_text(value_as_str(data), names, a, ret_value, ret_problem);
    if (value_is(data, V_LIST))
        return expand_list(data, names, a, ret_value, ret_problem);
    if (value_is(data, V_MAP))
        return expand_map(data, names, a, ret_value, ret_problem);
    *ret_value = data;
    return true;
}
