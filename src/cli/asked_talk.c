/* The conversation about one question:
 *
 *   an approval   [a]pprove [e]dit [r]eject [s]end back [m]ore [l]ater      what its `can` names
 *   a form        [a]nswer, field by field or as JSON; [r]eject [l]ater
 *
 * Whatever is not understood is asked again; an end of input is `later`, and what is asked stays in the inbox. */
#include "cli/asked.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/say.h"

static const AskedAnswer later = { .value = { .type = V_ABSENT } };

static void say_buf(Buf *b) {
    say_text("%.*s", STR_FMT(buf_str(b)));
    buf_deinit(b);
}

static bool show(const AskedTalk *t, Value item, size_t lines) {
    Buf b = BUF_INIT(8 * MIB);
    bool cut = asked_write(&b, item, lines, &t->ink);
    say_buf(&b);
    return cut;
}

static bool can(Value item, const char *what) {
    Value list = value_getz(item, "can");
    for (uint32_t i = 0; value_is(list, V_LIST) && i < list.len; i++)
        if (value_is(list.items[i], V_STRING) && str_is(value_as_str(list.items[i]), what))
            return true;
    return false;
}

static Str trim(Str s) {
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_slice(s, 1, s.len);
    while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* ---- forms --------------------------------------------------------------------------------------------------------------- */

static bool is_required(Value schema, Str field) {
    Value list = value_getz(schema, "required");
    for (uint32_t i = 0; value_is(list, V_LIST) && i < list.len; i++)
        if (value_is(list.items[i], V_STRING) && str_eq(value_as_str(list.items[i]), field))
            return true;
    return false;
}

/* "one of approve, reject" or the name of the type. */
static Str form_of(Arena *a, Value schema) {
    Value words = value_getz(schema, "enum");
    Str type = answer_text(schema, "type");
    return value_is(words, V_LIST) ? arena_fmt(a, "one of %.*s", STR_FMT(value_text(a, words)))
           : type.len              ? type
                                   : STR("JSON");
}

/* A text stays as it is typed where a text is wanted, or where it is one of the words to choose from. */
static bool read_typed(Arena *a, Value schema, Str text, Value *ret) {
    Value words = value_getz(schema, "enum");
    for (uint32_t i = 0; value_is(words, V_LIST) && i < words.len; i++)
        if (value_is(words.items[i], V_STRING) && str_eq(value_as_str(words.items[i]), text)) {
            *ret = value_str(text);
            return true;
        }
    if (str_is(answer_text(schema, "type"), "string") && !value_is(words, V_LIST)) {
        *ret = value_str(text);
        return true;
    }
    JsonError error;
    if (json_read_copy(a, text, ret, &error) == 0)
        return true;
    say_line("  that is not %.*s", STR_FMT(form_of(a, schema)));
    return false;
}

/* False at the end of input; an absent value: the field is left out. */
static bool ask_value(const AskedTalk *t, Str name, Value schema, bool required, Value *ret) {
    Str text, form = form_of(t->a, schema);
    Str prompt = arena_fmt(t->a, "  %.*s%s%.*s%s: ", STR_FMT(name), name.len ? " (" : "",
                           STR_FMT(form), name.len ? required ? ")" : ", may be empty)" : "");
    for (;;) {
        if (!t->line(t->ctx, prompt, &text))
            return false;
        text = trim(text);
        *ret = VALUE_ABSENT;
        if ((text.len == 0 && !required) || (text.len && read_typed(t->a, schema, text, ret)))
            return true;
    }
}

static bool ask_form(const AskedTalk *t, Value schema, Value *ret) {
    Value fields = value_getz(schema, "properties");
    if (!value_is(fields, V_MAP) || fields.len == 0)
        return ask_value(t, STR(""), schema, true, ret);
    MapBuilder m = map_builder(t->a);
    for (uint32_t i = 0; i < fields.len; i++) {
        ValueEntry e = value_entry(fields, i);
        Str name = value_as_str(e.key);
        Value v;
        if (!ask_value(t, name, e.value, is_required(schema, name), &v))
            return false;
        if (!value_absent(v))
            map_add(&m, value_str(name), v);
    }
    *ret = map_done(&m, NULL);
    return true;
}

/* ---- verdicts ------------------------------------------------------------------------------------------------------------ */

/* Words are asked for; of a no they may be left out. */
static bool ask_words(const AskedTalk *t, const char *prompt, bool needed, Str *ret) {
    do {
        if (!t->line(t->ctx, str_from(prompt), ret))
            return false;
        *ret = trim(*ret);
    } while (needed && ret->len == 0);
    return true;
}

static bool say_no(const AskedTalk *t, AskedAnswer *ret) {
    ret->verdict = "reject";
    return ask_words(t, "  why (may be empty): ", false, &ret->words);
}

static bool send_back(const AskedTalk *t, AskedAnswer *ret) {
    ret->verdict = "revise";
    return ask_words(t, "  what is to be different: ", true, &ret->words);
}

static bool edit(const AskedTalk *t, Value item, AskedAnswer *ret) {
    Value before = value_getz(item, "value");
    Str sure;
    if (asked_edit(t->a, t->link, before, &ret->value) != 0)
        return false;
    if (value_equal(before, ret->value)) {
        say_line("  nothing was changed");
        return false;
    }
    Buf b = BUF_INIT(MIB);
    asked_write_change(&b, before, ret->value, &t->ink);
    say_buf(&b);
    ret->verdict = "approve";
    return t->line(t->ctx, STR("  approve it like this? [y/n] "), &sure) && str_is(trim(sure), "y");
}

static bool answer_form(const AskedTalk *t, Value item, AskedAnswer *ret) {
    ret->verdict = "answer";
    return ask_form(t, value_getz(item, "form"), &ret->value);
}

/* False: nothing came of it. */
static bool take(const AskedTalk *t, Value item, char letter, AskedAnswer *ret) {
    *ret = later;
    switch (letter) {
    case 'a':
        ret->verdict = "approve";
        return can(item, "approve") || (can(item, "answer") && answer_form(t, item, ret));
    case 'e': return can(item, "edit") && edit(t, item, ret);
    case 'r': return can(item, "reject") && say_no(t, ret);
    case 's': return can(item, "revise") && send_back(t, ret);
    }
    return false;
}

static Str prompt_of(Arena *a, Value item, bool cut) {
    return arena_fmt(a, "%s%s%s%s%s[l]ater ? ", can(item, "answer") ? "[a]nswer " : "[a]pprove ",
                     can(item, "edit") ? "[e]dit " : "", can(item, "reject") ? "[r]eject " : "",
                     can(item, "revise") ? "[s]end back " : "", cut ? "[m]ore " : "");
}

AskedAnswer asked_talk(const AskedTalk *t, Value item) {
    unsigned columns, lines;
    say_size(&columns, &lines);
    bool cut = show(t, item, MAX(lines, 24u) - 14);
    Str prompt = prompt_of(t->a, item, cut), text;
    AskedAnswer answer;
    while (t->line(t->ctx, prompt, &text)) {
        text = trim(text);
        char letter = text.len ? (char)(text.p[0] | 0x20) : 0;
        if (letter == 'l')
            break;
        if (letter == 'm')
            show(t, item, 0);
        else if (take(t, item, letter, &answer))
            return answer;
    }
    return later;
}
