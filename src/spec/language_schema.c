/* Every block becomes a definition, every form a schema:
 *
 *   count          integer, or a text like 400k        'a' | 'b'   { enum: [a, b] }
 *   [X]            { type: array, items: X }           {X}         { type: object, additionalProperties: X }
 *   Retry          { $ref: #/$defs/Retry }             X | Y       { anyOf: [X, Y] }
 *
 * A step needs exactly one verb; a Task is a step without any. Which definition a file is held to its first level tells. */
#include "spec/language_schema.h"

#include "spec/language.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define ID_PATTERN "^[a-z][a-z0-9_]{0,63}$"

/* ---- small pieces */

static Value text(const char *z) { return value_str(str_from(z)); }

static Value one(Arena *a, const char *key, Value v) {
    MapBuilder m = map_builder(a);
    map_addz(&m, key, v);
    return map_done(&m, NULL);
}

static Value two(Arena *a, const char *k1, Value v1, const char *k2, Value v2) {
    MapBuilder m = map_builder(a);
    map_addz(&m, k1, v1);
    map_addz(&m, k2, v2);
    return map_done(&m, NULL);
}

/* The words of a text, separated by blanks, as a list. */
static Value words_of(Arena *a, const char *words) {
    ListBuilder list = list_builder(a);
    while (*words) {
        size_t n = strcspn(words, " ");
        list_add(&list, value_str(arena_str(a, (Str){ words, n })));
        words += n + (words[n] == ' ');
    }
    return list_done(&list);
}

static Value of_type(Arena *a, const char *types) {
    Value list = words_of(a, types);
    return one(a, "type", list.len == 1 ? list.items[0] : list);
}

static Value matching(Arena *a, const char *types, const char *pattern) {
    Value list = words_of(a, types);
    return two(a, "type", list.len == 1 ? list.items[0] : list, "pattern", text(pattern));
}

static Value reference(Arena *a, Str name) {
    return one(a, "$ref", value_str(arena_fmt(a, "#/$defs/%.*s", STR_FMT(name))));
}

/* ---- forms */

static Value schema_of(Arena *a, Str form);

static Value either(Arena *a, const char *first, const char *second) {
    ListBuilder list = list_builder(a);
    list_add(&list, schema_of(a, str_from(first)));
    list_add(&list, schema_of(a, str_from(second)));
    return one(a, "anyOf", list_done(&list));
}

static Value list_of(Arena *a, Value items) {
    return two(a, "type", text("array"), "items", items);
}

static Value map_of(Arena *a, Value values) {
    return two(a, "type", text("object"), "additionalProperties", values);
}

static const struct {
    const char *form, *types, *pattern;
} scalars[] = {
    { "bool", "boolean", NULL },
    { "count", "integer string", "^[0-9]+(\\.[0-9]+)?(k|M|KiB|MiB|GiB)?$" },
    { "number", "number", NULL },
    { "share", "number", NULL },
    { "duration", "string", "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$" },
    { "money", "number", NULL },
    { "percent", "string", "^[0-9]+(\\.[0-9]+)?%$" },
    { "rate", "string", "^[0-9]+(\\.[0-9]+)?[kM]?/[smhd]$" },
    { "pattern", "string", NULL },
    { "id", "string", ID_PATTERN },
    { "type", "string array object", NULL },
    { "expr", "string boolean number", NULL },
    { "text", "string number boolean", NULL }, /* `name: 5` is the text 5 */
};

static Value plain(Arena *a, Str form) {
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        if (str_is(form, scalars[i].form))
            return scalars[i].pattern ? matching(a, scalars[i].types, scalars[i].pattern)
                                      : of_type(a, scalars[i].types);
    if (str_is(form, "agent"))
        return either(a, "text", "Agent");
    if (str_is(form, "tool"))
        return either(a, "text", "Tool");
    if (str_is(form, "model"))
        return either(a, "text | [text]", "Model");
    if (str_is(form, "step") || str_is(form, "steps") || str_is(form, "task"))
        return reference(a, form);
    if (str_is(form, "value") || str_is(form, "data"))
        return value_bool(true);
    return of_type(a, "string"); /* the name of something */
}

static Value alternative(Arena *a, Str form) {
    Str inner;
    switch (form_kind(form, &inner)) {
    case FORM_PLAIN: return plain(a, inner);
    case FORM_WORD: return one(a, "const", value_str(inner));
    case FORM_LIST: return list_of(a, schema_of(a, inner));
    case FORM_MAP: return map_of(a, schema_of(a, inner));
    case FORM_BLOCK: return reference(a, inner);
    }
    return VALUE_NULL;
}

static Value schema_of(Arena *a, Str form) {
    Str part, inner;
    ListBuilder others = list_builder(a), names = list_builder(a);
    for (size_t at = 0; form_next(form, &at, &part);) {
        if (form_kind(part, &inner) == FORM_WORD)
            list_add(&names, value_str(inner));
        else
            list_add(&others, alternative(a, part));
    }
    Value words = list_done(&names);
    if (words.len)
        list_add(&others, one(a, "enum", words));
    Value all = list_done(&others);
    return all.len == 1 ? all.items[0] : one(a, "anyOf", all);
}

/* ---- blocks */

static bool is_verb(const char *word) {
    const char *verb;
    for (size_t i = 0; (verb = language_verb_at(i)); i++)
        if (strcmp(verb, word) == 0)
            return true;
    return false;
}

/* What the form says, and beside it what the word is for: editors show it. */
static Value property(Arena *a, const Keyword *w) {
    Value schema = strcmp(w->word, "baton") == 0 ? one(a, "const", value_int(1))
                                                 : schema_of(a, str_from(w->form));
    MapBuilder m = map_builder(a);
    map_addz(&m, "description",
             value_str(arena_fmt(a, "%s%s", w->says,
                                 w->since == RUNS ? "" : " (checked, and does not run yet)")));
    for (size_t i = 0; value_is(schema, V_MAP) && i < schema.len; i++)
        map_add(&m, value_entry(schema, i).key, value_entry(schema, i).value);
    return map_done(&m, NULL);
}

static Value required_word(Arena *a, const char *word) {
    return one(a, "required", words_of(a, word));
}

/* Of these words exactly one. */
static Value exactly_one(Arena *a, const char *words) {
    ListBuilder list = list_builder(a);
    Value names = words_of(a, words);
    for (size_t i = 0; i < names.len; i++) {
        ListBuilder name = list_builder(a);
        list_add(&name, names.items[i]);
        list_add(&list, one(a, "required", list_done(&name)));
    }
    return list_done(&list);
}

static Value block_schema(Arena *a, const Block *b, bool verbs) {
    MapBuilder m = map_builder(a), words = map_builder(a);
    for (size_t i = 0; i < b->n; i++)
        if (verbs || !is_verb(b->words[i].word))
            map_addz(&words, b->words[i].word, property(a, &b->words[i]));
    map_addz(&m, "type", text("object"));
    map_addz(&m, "properties", map_done(&words, NULL));
    map_addz(&m, "additionalProperties", value_bool(false));
    if (*b->required)
        map_addz(&m, "required", words_of(a, b->required));
    if (*b->one_of)
        map_addz(&m, "oneOf", exactly_one(a, b->one_of));
    return map_done(&m, NULL);
}

/* One verb; `return` beside `steps` is none; no verb but `set`, or `next` of a state, is a step too. */
static Value verb_rule(Arena *a) {
    ListBuilder list = list_builder(a), all = list_builder(a), alone = list_builder(a);
    const char *verb;
    for (size_t i = 0; (verb = language_verb_at(i)); i++) {
        list_add(&all, required_word(a, verb));
        list_add(&list, strcmp(verb, "return") != 0 ? required_word(a, verb)
                                                    : two(a, "required", words_of(a, verb), "not",
                                                          required_word(a, "steps")));
    }
    list_add(&alone, required_word(a, "set"));
    list_add(&alone, required_word(a, "next"));
    list_add(&list, two(a, "anyOf", list_done(&alone), "not", one(a, "anyOf", list_done(&all))));
    return list_done(&list);
}

static Value step_schema(Arena *a, const Block *step) {
    Value schema = block_schema(a, step, true);
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < schema.len; i++)
        map_add(&m, value_entry(schema, i).key, value_entry(schema, i).value);
    map_addz(&m, "oneOf", verb_rule(a));
    return map_done(&m, NULL);
}

static Value steps_schema(Arena *a) {
    MapBuilder m = map_builder(a), list = map_builder(a);
    map_addz(&m, "type", text("object"));
    map_addz(&m, "propertyNames", one(a, "pattern", text(ID_PATTERN)));
    map_addz(&m, "additionalProperties", reference(a, STR("step")));
    map_addz(&m, "minProperties", value_int(1));
    map_addz(&list, "type", text("array"));
    map_addz(&list, "items", reference(a, STR("step")));
    map_addz(&list, "minItems", value_int(1));
    ListBuilder both = list_builder(a);
    list_add(&both, map_done(&m, NULL));
    list_add(&both, map_done(&list, NULL));
    return one(a, "anyOf", list_done(&both));
}

static Value definitions(Arena *a) {
    MapBuilder m = map_builder(a);
    const Block *b;
    for (size_t i = 0; (b = language_block_at(i)); i++) {
        if (strcmp(b->name, "Step") != 0) {
            map_addz(&m, b->name, block_schema(a, b, true));
            continue;
        }
        map_addz(&m, "step", step_schema(a, b));
        map_addz(&m, "task", block_schema(a, b, false));
        map_addz(&m, "steps", steps_schema(a));
    }
    return map_done(&m, NULL);
}

/* `steps` makes it a workflow, `eval` an evaluation, `test` or `cases` a test, else it holds definitions: the project's, or to
 * import. */
static void add_choice(Arena *a, MapBuilder *m) {
    MapBuilder inner = map_builder(a), eval = map_builder(a);
    ListBuilder test = list_builder(a);
    list_add(&test, required_word(a, "test"));
    list_add(&test, required_word(a, "cases"));
    map_addz(&inner, "if", one(a, "anyOf", list_done(&test)));
    map_addz(&inner, "then", reference(a, STR("Test")));
    map_addz(&inner, "else", reference(a, STR("Project")));
    map_addz(&eval, "if", required_word(a, "eval"));
    map_addz(&eval, "then", reference(a, STR("Eval")));
    map_addz(&eval, "else", map_done(&inner, NULL));
    map_addz(m, "if", required_word(a, "steps"));
    map_addz(m, "then", reference(a, STR("Workflow")));
    map_addz(m, "else", map_done(&eval, NULL));
}

Value language_schema(Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "$schema", text(DIALECT));
    map_addz(&m, "title", text("Baton"));
    map_addz(&m, "description",
             text("A workflow, project, definitions, test or evaluation file of Baton"));
    add_choice(a, &m);
    map_addz(&m, "$defs", definitions(a));
    return map_done(&m, NULL);
}
