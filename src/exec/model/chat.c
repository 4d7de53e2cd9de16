/* OpenAI's chat completions, as every compatible server reads them:
 *
 *   { role: assistant, content, calls: [{ id, name, arguments }] }  ->  tool_calls[].function, arguments as a text
 *   { role: tool, call, content }                                   ->  tool_call_id
 *   tools: [{ name, description, schema }]                          ->  type function
 *   schema                                                          ->  response_format json_schema
 *   max_output                                                      ->  max_tokens, or max_completion_tokens at OpenAI */
#include "exec/model/dialect.h"

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

static Value tool_call(Arena *a, Value call) {
    Value arguments = value_getz(call, "arguments");
    if (value_absent(arguments) || value_is(arguments, V_NULL))
        arguments = VALUE_EMPTY_MAP;
    MapBuilder function = map_builder(a);
    map_addz(&function, "name", neutral_name(a, call));
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

static Value tool(Arena *a, Value neutral) {
    MapBuilder function = map_builder(a);
    Value description = value_getz(neutral, "description");
    map_addz(&function, "name", neutral_name(a, neutral));
    if (value_is(description, V_STRING) && description.len)
        map_addz(&function, "description", description);
    map_addz(&function, "parameters", neutral_schema(a, neutral));
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

static Value response_format(Arena *a, Value schema, Str agent) {
    MapBuilder inner = map_builder(a);
    map_addz(&inner, "name", value_str(model_schema_name(a, agent)));
    map_addz(&inner, "schema", schema);
    map_addz(&inner, "strict", value_bool(model_schema_is_strict_object(schema)));
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("json_schema")));
    map_addz(&m, "json_schema", map_done(&inner, NULL));
    return map_done(&m, NULL);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

static Str path(UNUSED Arena *a, UNUSED const ModelTarget *target) {
    return STR("/chat/completions");
}

static void add_numbers(MapBuilder *m, Value neutral, const ModelTarget *target) {
    Value max_output = field(neutral, "max_output"), temperature = field(neutral, "temperature");
    Str effort = field_text(neutral, "effort");
    if (!value_absent(max_output))
        map_addz(m, target->official ? "max_completion_tokens" : "max_tokens", max_output);
    if (!value_absent(temperature))
        map_addz(m, "temperature", temperature);
    if (effort.len)
        map_addz(m, "reasoning_effort", value_str(effort));
}

static Value request(Arena *a, Value neutral, const ModelTarget *target) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "model", value_str(target->model));
    map_addz(&m, "messages", messages(a, value_getz(neutral, "messages")));
    Value t = value_getz(neutral, "tools"), schema = value_getz(neutral, "schema");
    if (value_is(t, V_LIST) && t.len)
        map_addz(&m, "tools", tools(a, t));
    if (value_is(schema, V_MAP))
        map_addz(&m, "response_format", response_format(a, schema, target->agent));
    add_numbers(&m, neutral, target);
    if (target->stream) {
        map_addz(&m, "stream", value_bool(true));
        map_addz(&m, "stream_options", map_of(a, "include_usage", value_bool(true)));
    }
    return map_done(&m, NULL);
}

/* ---- what comes back ----------------------------------------------------------------------------------------------------- */

/* Text, or the text parts of a list of parts. */
static void take_content(Answer *answer, Value content) {
    if (value_is(content, V_STRING))
        answer_words(answer, value_as_str(content));
    for (size_t i = 0; value_is(content, V_LIST) && i < content.len; i++)
        answer_words(answer, field_text(content.items[i], "text"));
}

/* A call, or what comes next of it. */
static void take_call(Answer *answer, Value call, int64_t place) {
    Value function = field(call, "function");
    int64_t slot = place;
    field_number(call, "index", &slot);
    answer_arguments(
        answer, answer_call(answer, slot, field_text(call, "id"), field_text(function, "name")),
        field(function, "arguments"));
}

/* A message, or the next piece of one. `function_call` is of before 2024 and still spoken by some. */
static void take_message(Answer *answer, Value message) {
    Value calls = field(message, "tool_calls"), old = field(message, "function_call");
    take_content(answer, field(message, "content"));
    answer_refusal(answer, field_text(message, "refusal"));
    for (size_t i = 0; value_is(calls, V_LIST) && i < calls.len; i++)
        take_call(answer, calls.items[i], (int64_t)i);
    if (value_is(old, V_MAP) && !value_is(calls, V_LIST))
        answer_arguments(answer, answer_call(answer, 0, STR(""), field_text(old, "name")),
                         field(old, "arguments"));
    answer->pieces += field_text(message, "reasoning").len > 0 ||
                      field_text(message, "reasoning_content").len > 0;
}

static void take_end(Answer *answer, Value choice) {
    Str said = field_text(choice, "finish_reason");
    if (str_is(said, "length"))
        answer->end = ANSWER_LENGTH;
    else if (str_is(said, "content_filter"))
        answer->end = ANSWER_REFUSED;
    else if (said.len)
        answer->end = ANSWER_STOP;
}

/* Cached tokens are part of the input, reasoning ones of the output. */
static void take_usage(Answer *answer, Value usage) {
    if (!value_is(usage, V_MAP))
        return;
    answer->usage = (Usage){
        .tokens_in = field_tokens(usage, "prompt_tokens"),
        .tokens_out = field_tokens(usage, "completion_tokens"),
        .tokens_cached = field_tokens(field(usage, "prompt_tokens_details"), "cached_tokens"),
        .tokens_reasoning =
            field_tokens(field(usage, "completion_tokens_details"), "reasoning_tokens"),
    };
    answer->input_said = true;
}

static void take_body(Answer *answer, Value body) {
    take_usage(answer, field(body, "usage"));
    answer_model(answer, field_text(body, "model"));
}

static void reply(Answer *answer, Value body) {
    Value choices = field(body, "choices");
    take_body(answer, body);
    if (!value_is(choices, V_LIST) || choices.len == 0) {
        answer->problem = "without choices";
        return;
    }
    Value message = field(choices.items[0], "message");
    if (!value_is(message, V_MAP))
        answer->problem = "its first choice has no message";
    take_message(answer, message);
    take_end(answer, choices.items[0]);
}

/* The last piece may hold usage and no choice. */
static void event(Answer *answer, UNUSED Str name, Value data) {
    Value choices = field(data, "choices");
    take_body(answer, data);
    if (!value_is(choices, V_LIST) || choices.len == 0)
        return;
    Value piece = field(choices.items[0], "delta");
    take_message(answer, value_is(piece, V_MAP) ? piece : field(choices.items[0], "message"));
    take_end(answer, choices.items[0]);
}

const Dialect dialect_chat = { .name = "chat",
                               .path = path,
                               .key_header = "Authorization: Bearer ",
                               .request = request,
                               .reply = reply,
                               .event = event,
                               .models = "/models" };
