/* Maps by their block of the language's table, and values by their form. What runs today has a reader of its own; the
 * rest of the language is checked here, word by word, and noted: a file that holds it is good, and cannot run yet.
 *
 *   read_block -> a row that runs | later_at, read_form -> a scalar, a list, a map of names, a block, a step inside */
#include "cel/pattern.h"
#include "spec/read.h"

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>

#define COUNT_MAX INT64_C(1000000000000)

struct LaterNote {
    LaterNote *next;
    Later later;
    const Named *within; /* the definition it stands in; NULL: none */
    bool own;            /* in the workflow's own file */
};

/* Where the outside is played, what only says how it is reached, or when and how many runs there are, is of no matter. */
static bool is_played(const Reader *r, Str word) {
    static const char *const words[] = { "worker",    "mcp",         "openapi", "only",
                                         "effects",   "concurrency", "memory",  "cache",
                                         "heartbeat", "on",          "cron",    "timezone",
                                         "overlap",   "catch_up",    "webhook", "chat",
                                         "server",    "stream" };
    for (size_t i = 0; r->files->played && i < ARRAY_LEN(words); i++)
        if (str_is(word, words[i]))
            return true;
    return false;
}

void later_at(Reader *r, const Yaml *y, const char *why, const char *fmt, ...) {
    char what[120];
    va_list args;
    if (r->inside_later || is_played(r, y->text))
        return;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    LaterNote *note = ARENA_NEW(&r->scratch, LaterNote);
    *note = (LaterNote){ .later = { yaml_pos(y), arena_str(r->arena, str_from(what)),
                                    str_from(why ? why : "") },
                         .within = r->within,
                         .own = y->file == r->file };
    *r->later_end = note;
    r->later_end = &note->next;
}

static bool is_before(const Later *a, const Later *b) {
    return a->pos.line != b->pos.line ? a->pos.line < b->pos.line : a->pos.column < b->pos.column;
}

void keep_later(Reader *r) {
    Plan *plan = r->plan;
    plan->later = ARENA_ARRAY(r->arena, Later, LATER_MAX);
    for (const LaterNote *n = r->later; n && plan->n_later < LATER_MAX; n = n->next) {
        if (!n->own && !(n->within && n->within->used))
            continue;
        size_t at = plan->n_later++;
        for (; at > 0 && is_before(&n->later, &plan->later[at - 1]); at--)
            plan->later[at] = plan->later[at - 1];
        plan->later[at] = n->later;
    }
}

/* ---- plain forms ----------------------------------------------------------------------------------------------------- */

static void form_text(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Str s;
    (void)sight;
    read_text(r, y, what, &s);
}

static void form_id(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Str s;
    (void)sight;
    read_id(r, y, what, &s);
}

static void form_bool(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    bool b;
    (void)sight;
    read_bool(r, y, what, &b);
}

static void form_count(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    int64_t n;
    (void)sight;
    read_count(r, y, what, 0, COUNT_MAX, &n);
}

static void form_number(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    double d;
    (void)sight;
    read_number(r, y, what, &d);
}

static void form_share(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    double d;
    (void)sight;
    if (read_number(r, y, what, &d) && !(d >= 0 && d <= 1))
        error_at(r, y, "value", "like 0.85", "%s is from 0 to 1", what);
}

static void form_duration(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    int64_t ms;
    (void)sight;
    read_duration(r, y, what, &ms);
}

static void form_money(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    int64_t nano;
    (void)sight, (void)what;
    read_money(r, y, &nano);
}

static void form_percent(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    int32_t percent;
    (void)sight;
    read_percent(r, y, what, &percent);
}

static void form_rate(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Rate rate;
    (void)sight;
    read_rate(r, y, what, &rate);
}

/* A pattern of RE2's language, compiled to see that it is one. */
static void form_pattern(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Str s;
    const Pattern *pattern;
    PatternError error;
    (void)sight;
    if (read_text(r, y, what, &s) && pattern_compile(&r->scratch, s, &pattern, &error))
        diag_error(r->diags, yaml_pos_within(y, MIN(error.offset, s.len)), "expression", NULL,
                   PATTERN_COMPLAINT, error.message, error.offset);
}

static void form_type(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)sight, (void)what;
    read_type(r, y);
}

static void form_data(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Value v;
    (void)sight;
    read_data(r, y, what, &v);
}

static void form_value(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)what;
    if (sight->node)
        read_later(r, y, sight->node, sight->sees, ARENA_NEW(&r->scratch, Template *), NULL);
    else
        read_template(r, y, sight);
}

static void form_expr(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)what;
    if (sight->node)
        read_later(r, y, sight->node, sight->sees, NULL, ARENA_NEW(&r->scratch, CelProgram *));
    else
        read_expr(r, y, sight);
}

static void form_agent(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)sight, (void)what;
    if (y->kind == YAML_MAP)
        read_callee_inline(r, y, true);
    else
        read_known(r, y, true);
}

static void form_tool(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)sight, (void)what;
    if (y->kind == YAML_MAP)
        read_callee_inline(r, y, false);
    else
        read_known(r, y, false);
}

static void form_model(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Model m;
    (void)sight, (void)what;
    read_model(r, y, &m);
}

static void form_step(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    read_part(r, y, y, str_from(what), PLACE_PART, sight);
}

static void form_task(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)what;
    read_part(r, y, y, STR("task"), PLACE_TASK, sight);
}

static void form_workflow(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    (void)sight, (void)what;
    read_called(r, y);
}

static void form_state(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Str name;
    if (read_text(r, y, what, &name))
        read_move(r, y, name, sight->node);
}

enum { SCALAR = 1 << YAML_SCALAR, LIST = 1 << YAML_LIST, MAP = 1 << YAML_MAP };
typedef struct Plain {
    const char *word;
    unsigned kinds; /* of values that can be it */
    void (*read)(Reader *r, const Yaml *y, const Sight *sight, const char *what);
    const char *says;
} Plain;
static const Plain plains[] = {
    { "text", SCALAR, form_text, "a text" },
    { "id", SCALAR, form_id, "a name" },
    { "bool", SCALAR, form_bool, "true or false" },
    { "count", SCALAR, form_count, "a whole number" },
    { "number", SCALAR, form_number, "a number" },
    { "share", SCALAR, form_share, "a number from 0 to 1" },
    { "duration", SCALAR, form_duration, "a duration like 30s" },
    { "money", SCALAR, form_money, "an amount like 2.50" },
    { "percent", SCALAR, form_percent, "a percentage like 80%" },
    { "rate", SCALAR, form_rate, "a rate like 60/m" },
    { "pattern", SCALAR, form_pattern, "a pattern" },
    { "type", SCALAR | LIST | MAP, form_type, "a type" },
    { "data", SCALAR | LIST | MAP, form_data, "data" },
    { "value", SCALAR | LIST | MAP, form_value, "a value" },
    { "expr", SCALAR, form_expr, "an expression" },
    { "agent", SCALAR | MAP, form_agent, "an agent" },
    { "tool", SCALAR | MAP, form_tool, "a tool" },
    { "model", SCALAR | LIST | MAP, form_model, "a model" },
    { "step", MAP, form_step, "a step" },
    { "task", MAP, form_task, "modifiers of a step" },
    { "workflow", SCALAR, form_workflow, "the name of a workflow or its file" },
    { "state", SCALAR, form_state, "a state of the machine" },
};

static const Plain *plain_of(Str word) {
    for (size_t i = 0; i < ARRAY_LEN(plains); i++)
        if (str_is(word, plains[i].word))
            return &plains[i];
    UNREACHABLE("a form of the language's table");
}

/* ---- lists and maps -------------------------------------------------------------------------------------------------- */

static void form_list(Reader *r, const Yaml *y, Str inner, const Sight *sight, const char *what) {
    if (y->kind != YAML_LIST) {
        error_at(r, y, "value", "like `[a, b]`", "%s is a list", what);
        return;
    }
    for (size_t i = 0; i < y->n; i++)
        read_form(r, y->items[i], inner, sight, what);
}

/* A map from names: steps among its values get them as ids. */
static void form_map(Reader *r, const Yaml *y, Str inner, const Sight *sight, const char *what) {
    if (!read_is_map(r, y, what))
        return;
    if (y->n == 0)
        error_at(r, y, "value", NULL, "%s is empty", what);
    for (size_t i = 0; i < y->n; i++) {
        const YamlEntry *e = &y->entries[i];
        if (str_is(inner, "step"))
            read_part(r, e->key, e->value, e->key->text, PLACE_NAMED, sight);
        else
            read_form(
                r, e->value, inner, sight,
                arena_fmt(&r->scratch, "`%.*s`", (int)MIN(e->key->text.len, 80), e->key->text.p).p);
    }
}

/* ---- one of several -------------------------------------------------------------------------------------------------- */

static bool fits(const Yaml *y, FormKind kind, Str inner) {
    switch (kind) {
    case FORM_WORD: return y->kind == YAML_SCALAR && str_eq(y->text, inner);
    case FORM_LIST: return y->kind == YAML_LIST;
    case FORM_MAP:
    case FORM_BLOCK: return y->kind == YAML_MAP;
    case FORM_PLAIN: return plain_of(inner)->kinds >> y->kind & 1;
    }
    UNREACHABLE("form kind");
}

static const char *like_of(Reader *r, const Block *b) {
    return b->like[0] ? arena_fmt(&r->scratch, "like %s", b->like).p : NULL;
}

static void form_block(Reader *r, const Yaml *y, const Block *b, const Sight *sight,
                       const char *what) {
    if (y->kind == YAML_MAP)
        read_block(r, y, b, NULL, 0, sight, NULL);
    else
        error_at(r, y, "value", like_of(r, b), "%s is a map, not %s", what,
                 y->kind == YAML_LIST ? "a list" : "a value");
}

static void read_one(Reader *r, const Yaml *y, Str one, const Sight *sight, const char *what) {
    Str inner;
    switch (form_kind(one, &inner)) {
    case FORM_WORD: return;
    case FORM_LIST: form_list(r, y, inner, sight, what); return;
    case FORM_MAP: form_map(r, y, inner, sight, what); return;
    case FORM_BLOCK: form_block(r, y, language_block(inner), sight, what); return;
    case FORM_PLAIN: plain_of(inner)->read(r, y, sight, what); return;
    }
}

/* "`fail`, `continue`, a step": what would have been right. */
static const char *say_form(Reader *r, Str form) {
    Buf b = BUF_INIT(KIB);
    Str one, inner;
    for (size_t at = 0; form_next(form, &at, &one);) {
        FormKind kind = form_kind(one, &inner);
        if (b.len)
            buf_fmt(&b, ", ");
        if (kind == FORM_WORD)
            buf_fmt(&b, "`%.*s`", STR_FMT(inner));
        else if (kind == FORM_PLAIN)
            buf_fmt(&b, "%s", plain_of(inner)->says);
        else if (kind == FORM_BLOCK && language_block(inner)->like[0])
            buf_fmt(&b, "%s", language_block(inner)->like);
        else
            buf_fmt(&b, kind == FORM_LIST ? "a list" : "a map");
    }
    const char *said = arena_str(&r->scratch, buf_str(&b)).p;
    buf_deinit(&b);
    return said;
}

static void refuse_form(Reader *r, const Yaml *y, Str form, const char *what) {
    static const char *const kinds[] = { "a text", "a list", "a map" };
    Str words[16], one, inner;
    size_t n = 0;
    for (size_t at = 0; form_next(form, &at, &one);)
        if (form_kind(one, &inner) == FORM_WORD && n < ARRAY_LEN(words))
            words[n++] = inner;
    const char *remedy = y->kind == YAML_SCALAR ? near_remedy(r, y->text, words, n) : NULL;
    if (!remedy)
        remedy = say_form(r, form);
    if (y->kind == YAML_SCALAR)
        error_at(r, y, "value", remedy, "%s cannot be `%.*s`", what, (int)MIN(y->text.len, 40),
                 y->text.p);
    else
        error_at(r, y, "value", remedy, "%s cannot be %s", what, kinds[y->kind]);
}

void read_form(Reader *r, const Yaml *y, Str form, const Sight *sight, const char *what) {
    Str one, inner, fit = STR_NULL, only = STR_NULL;
    size_t n = 0;
    for (size_t at = 0; form_next(form, &at, &one); n++) {
        FormKind kind = form_kind(one, &inner);
        only = kind == FORM_WORD ? STR_NULL : one;
        if (!fits(y, kind, inner))
            continue;
        if (kind == FORM_WORD)
            return;
        if (!fit.p)
            fit = one;
    }
    if (fit.p || (n == 1 && only.p))
        read_one(r, y, fit.p ? fit : only, sight, what);
    else
        refuse_form(r, y, form, what);
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------- */

/* Words of a text, one by one; *at begins at it, STR_NULL at the end. */
static Str next_word(const char **at) {
    while (**at == ' ')
        ++*at;
    const char *from = *at;
    while (**at && **at != ' ')
        ++*at;
    return *at == from ? STR_NULL : (Str){ from, (size_t)(*at - from) };
}

static const Yaml *get(const Yaml *map, Str word) {
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->entries[i].key->text, word))
            return map->entries[i].value;
    return NULL;
}

static void check_required(Reader *r, const Yaml *map, const Block *b) {
    const char *at = b->required;
    for (Str word; (word = next_word(&at)).p;) {
        if (get(map, word))
            continue;
        if (str_is(word, "max"))
            error_at(r, map, "missing", like_of(r, b), "%s needs `max`: no loop without a bound",
                     b->what);
        else
            error_at(r, map, "missing", like_of(r, b), "`%.*s` is missing in %s", STR_FMT(word),
                     b->what);
    }
}

static void check_one_of(Reader *r, const Yaml *map, const Block *b) {
    const char *at = b->one_of;
    size_t n = 0, given = 0;
    for (Str word; (word = next_word(&at)).p; n++)
        given += get(map, word) != NULL;
    if (n && given != 1)
        error_at(r, map, given ? "value" : "missing", like_of(r, b), "%s has %s of `%s`", b->what,
                 given ? "only one" : "one", b->one_of);
}

static void refuse_key(Reader *r, const Yaml *key, const Block *b) {
    Str *words = ARENA_ARRAY(&r->scratch, Str, b->n), word = key->text;
    for (size_t i = 0; i < b->n; i++)
        words[i] = str_from(b->words[i].word);
    const char *remedy = foreign_remedy(r, word);
    if (!remedy)
        remedy = near_remedy(r, word, words, b->n);
    error_at(r, key, "unknown_key", remedy, "unknown key `%.*s` in %s", (int)MIN(word.len, 80),
             word.p, b->what);
}

static const KeyRow *row_of(const KeyRow *rows, size_t n, Str word) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].word[0] == word.p[0] && str_is(word, rows[i].word))
            return &rows[i];
    return NULL;
}

static void read_word(Reader *r, const Yaml *key, const Yaml *value, const Keyword *k,
                      const Sight *sight, const char *why) {
    Sight inside = *sight;
    inside.sees |= k->sees;
    if (k->since == LATER)
        later_at(r, key, why, "`%s`", k->word);
    r->inside_later += k->since == LATER;
    read_form(r, value, str_from(k->form), &inside, arena_fmt(&r->scratch, "`%s`", k->word).p);
    r->inside_later -= k->since == LATER;
}

void read_keyword(Reader *r, const Yaml *key, const Yaml *value, const Block *b, const Sight *sight,
                  const char *why) {
    const Keyword *k = language_word(b, key->text);
    ASSERT(k);
    read_word(r, key, value, k, sight, why);
}

void read_block(Reader *r, const Yaml *map, const Block *b, const KeyRow *rows, size_t n,
                const Sight *sight, void *target) {
    Sight inside = *sight;
    check_required(r, map, b);
    check_one_of(r, map, b);
    shape_enter(r, map, b, &inside);
    for (size_t i = 0; i < map->n; i++) {
        const YamlEntry *e = &map->entries[i];
        const KeyRow *row = row_of(rows, n, e->key->text);
        const Keyword *k = row ? NULL : language_word(b, e->key->text);
        if (row)
            row->read(r, e->key, e->value, target);
        else if (k)
            read_word(r, e->key, e->value, k, &inside, NULL);
        else
            refuse_key(r, e->key, b);
    }
    shape_leave(r, map, b);
}
