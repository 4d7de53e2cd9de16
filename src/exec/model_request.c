/* OpenAI's chat completions, as every compatible server reads them:
 *
 *   { role: assistant, content, calls: [{ id, name, arguments }] }  ->  tool_calls[].function, arguments as a text
 *   { role: tool, call, content }                                   ->  tool_call_id
 *   tools: [{ name, description, schema }]                          ->  type function, the name as model_name() has it
 *   schema                                                          ->  response_format json_schema
 *   max_output                                                      ->  max_tokens, or max_completion_tokens at OpenAI */
#include "exec/model_request.h"

Str model_without_provider(Str model) {
    ptrdiff_t slash = str_find(model, STR("/"));
    return slash >= 0 ? str_slice(model, (size_t)slash + 1, model.len) : model;
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

static Value name_of(Arena *a, Value neutral) {
    Value name = value_getz(neutral, "name");
    return value_is(name, V_STRING) ? value_str(model_name(a, value_as_str(name))) : name;
}

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

static Value tool_call(Arena *a, Value call) {
    Value arguments = value_getz(call, "arguments");
    if (value_absent(arguments) || value_is(arguments, V_NULL))
        arguments = VALUE_EMPTY_MAP;
    MapBuilder function = map_builder(a);
    map_addz(&function, "name", name_of(a, call));
    /* A text is what a model wrote that was no JSON: it gets back its own words. */
    map_addz(&function, "arguments", value_str(value_plain(a, arguments)));
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_getz(call, "id"));
    map_addz(&m, "type", value_str(STR("function")));
    map_addz(&m, "function", map_done(&function, NULL));
    return map_done(&m, NULL);
}

static Value tool_calls(Arena *a, Value calls) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < calls.len; i++)
        list_add(&l, tool_call(a, calls.items[i]));
    return list_done(&l);
}

static Value message(Arena *a, Value neutral) {
    MapBuilder m = map_builder(a);
    Value role = value_getz(neutral, "role"), content = value_getz(neutral, "content");
    Value calls = value_getz(neutral, "calls"), call = value_getz(neutral, "call");
    map_addz(&m, "role", role);
    if (value_absent(content) || value_is(content, V_NULL))
        map_addz(&m, "content", VALUE_NULL);
    else
        map_addz(&m, "content", value_str(value_plain(a, content)));
    if (value_is(calls, V_LIST) && calls.len)
        map_addz(&m, "tool_calls", tool_calls(a, calls));
    if (value_is(call, V_STRING))
        map_addz(&m, "tool_call_id", call);
    return map_done(&m, NULL);
}

static Value messages(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; value_is(neutral, V_LIST) && i < neutral.len; i++)
        list_add(&l, message(a, neutral.items[i]));
    return list_done(&l);
}

/* ---- tools and schema -------------------------------------------------------------------------------------------------- */

static Value empty_object_schema(Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("object")));
    map_addz(&m, "properties", VALUE_EMPTY_MAP);
    return map_done(&m, NULL);
}

static Value tool(Arena *a, Value neutral) {
    MapBuilder function = map_builder(a);
    Value description = value_getz(neutral, "description"), schema = value_getz(neutral, "schema");
    map_addz(&function, "name", name_of(a, neutral));
    if (value_is(description, V_STRING) && description.len)
        map_addz(&function, "description", description);
    map_addz(&function, "parameters", value_is(schema, V_MAP) ? schema : empty_object_schema(a));
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("function")));
    map_addz(&m, "function", map_done(&function, NULL));
    return map_done(&m, NULL);
}

static Value tools(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < neutral.len; i++)
        list_add(&l, tool(a, neutral.items[i]));
    return list_done(&l);
}

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

static Value response_format(Arena *a, Value schema, Str agent) {
    /* Only an object may stand at the top of a schema that is held to strictly. */
    Value type = value_getz(schema, "type");
    bool strict = value_is(type, V_STRING) && str_is(value_as_str(type), "object") &&
                  model_schema_is_strict(schema);
    MapBuilder inner = map_builder(a);
    map_addz(&inner, "name", value_str(agent.len ? model_name(a, agent) : STR("output")));
    map_addz(&inner, "schema", schema);
    map_addz(&inner, "strict", value_bool(strict));
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("json_schema")));
    map_addz(&m, "json_schema", map_done(&inner, NULL));
    return map_done(&m, NULL);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

static bool given(Value v) { return !value_absent(v) && !value_is(v, V_NULL); }

Value model_request(Arena *a, Value neutral, const ModelTarget *target) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "model", value_str(target->model));
    map_addz(&m, "messages", messages(a, value_getz(neutral, "messages")));
    Value t = value_getz(neutral, "tools"), schema = value_getz(neutral, "schema");
    if (value_is(t, V_LIST) && t.len)
        map_addz(&m, "tools", tools(a, t));
    if (value_is(schema, V_MAP))
        map_addz(&m, "response_format", response_format(a, schema, target->agent));
    Value max_output = value_getz(neutral, "max_output");
    if (given(max_output))
        map_addz(&m, target->official ? "max_completion_tokens" : "max_tokens", max_output);
    Value temperature = value_getz(neutral, "temperature");
    if (given(temperature))
        map_addz(&m, "temperature", temperature);
    Value effort = value_getz(neutral, "effort");
    if (value_is(effort, V_STRING) && effort.len)
        map_addz(&m, "reasoning_effort", effort);
    return map_done(&m, NULL);
}
