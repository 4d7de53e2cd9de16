/* Schemas of answers, as far as servers hold their models to them. */
#include "exec/model/dialect.h"

static bool requires(Value required, Value name) {
    for (size_t i = 0; value_is(required, V_LIST) && i < required.len; i++)
        if (value_equal(required.items[i], name))
            return true;
    return false;
}

static bool object_is_strict(Value schema) {
    Value properties = value_getz(schema, "properties");
    Value more = value_getz(schema, "additionalProperties");
    if (!value_is(properties, V_MAP) || !value_is(more, V_BOOL) || more.b)
        return false;
    for (size_t i = 0; i < properties.len; i++) {
        ValueEntry e = value_entry(properties, i);
        if (!requires(value_getz(schema, "required"), e.key) || !model_schema_is_strict(e.value))
            return false;
    }
    return true;
}

static bool options_are_strict(Value options) {
    for (size_t i = 0; i < options.len; i++)
        if (!model_schema_is_strict(options.items[i]))
            return false;
    return true;
}

/* Other keywords of JSON Schema are refused under `strict` by one server or another. They are still sent: most models
 * mind them, and the answer is checked here. */
static bool has_strict_words_only(Value schema) {
    static const char *const words[] = { "type",  "properties", "required", "additionalProperties",
                                         "items", "enum",       "anyOf",    "description",
                                         "const", "title",      "pattern",  "format" };
    for (size_t i = 0; value_is(schema, V_MAP) && i < schema.len; i++) {
        Value key = value_entry(schema, i).key;
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(words); k++)
            known |= value_is(key, V_STRING) && str_is(value_as_str(key), words[k]);
        if (!known)
            return false;
    }
    return true;
}

bool model_schema_is_strict(Value schema) {
    if (!has_strict_words_only(schema))
        return false;
    Value type = value_getz(schema, "type"), options = value_getz(schema, "anyOf");
    if (value_is(options, V_LIST))
        return options_are_strict(options);
    if (value_is(value_getz(schema, "enum"), V_LIST))
        return true;
    if (!value_is(type, V_STRING)) /* anything goes: not strict */
        return false;
    Str name = value_as_str(type);
    if (str_is(name, "object"))
        return object_is_strict(schema);
    if (str_is(name, "array"))
        return model_schema_is_strict(value_getz(schema, "items"));
    return true;
}

Str model_name(Arena *a, Str name) {
    size_t len = MIN(name.len, (size_t)64);
    char *text = arena_alloc(a, len + 8);
    for (size_t i = 0; i < len; i++) {
        char c = name.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        text[i] = fits ? c : '_';
    }
    return (Str){ text, len };
}

Str model_schema_name(Arena *a, Str agent) {
    return agent.len ? model_name(a, agent) : STR("output");
}

static bool is_type(Value schema, const char *name) {
    Value type = value_getz(schema, "type");
    return value_is(type, V_STRING) && str_is(value_as_str(type), name);
}

bool model_schema_is_strict_object(Value schema) {
    return is_type(schema, "object") && model_schema_is_strict(schema);
}

/* ---- closed ---------------------------------------------------------------------------------------------------------------- */

static Value closed_list(Arena *a, Value options) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < options.len; i++) {
        Value one = model_schema_closed(a, options.items[i]);
        if (value_absent(one))
            return VALUE_ABSENT;
        list_add(&l, one);
    }
    return list_done(&l);
}

static Value closed_properties(Arena *a, Value properties) {
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < properties.len; i++) {
        ValueEntry e = value_entry(properties, i);
        Value one = model_schema_closed(a, e.value);
        if (value_absent(one))
            return VALUE_ABSENT;
        map_add(&m, e.key, one);
    }
    return map_done(&m, NULL);
}

static bool is_kept(Str word) {
    static const char *const words[] = {
        "type", "required", "enum", "const", "description", "title"
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(word, words[i]))
            return true;
    return false;
}

static bool add_closed(MapBuilder *m, const char *word, Value schema) {
    if (value_absent(schema))
        return false;
    map_addz(m, word, schema);
    return true;
}

Value model_schema_closed(Arena *a, Value schema) {
    Value options = value_getz(schema, "anyOf"), properties = value_getz(schema, "properties");
    bool object = is_type(schema, "object"), array = is_type(schema, "array");
    bool said = value_is(value_getz(schema, "type"), V_STRING) || value_is(options, V_LIST) ||
                value_is(value_getz(schema, "enum"), V_LIST) ||
                !value_absent(value_getz(schema, "const"));
    if (!value_is(schema, V_MAP) || !said || (object && !value_is(properties, V_MAP)))
        return VALUE_ABSENT;
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < schema.len; i++) {
        ValueEntry e = value_entry(schema, i);
        if (value_is(e.key, V_STRING) && is_kept(value_as_str(e.key)))
            map_add(&m, e.key, e.value);
    }
    bool good = true;
    if (object) {
        good &= add_closed(&m, "properties", closed_properties(a, properties));
        map_addz(&m, "additionalProperties", value_bool(false));
    }
    if (array)
        good &= add_closed(&m, "items", model_schema_closed(a, value_getz(schema, "items")));
    if (value_is(options, V_LIST))
        good &= add_closed(&m, "anyOf", closed_list(a, options));
    return good ? map_done(&m, NULL) : VALUE_ABSENT;
}
