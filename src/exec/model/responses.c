/* OpenAI's responses: items in, items out, and nothing is left with the provider (store: false).
 *
 *   system messages      ->  instructions
 *   assistant, its calls ->  a message, items function_call
 *   tool results         ->  items function_call_output
 *   schema               ->  text.format
 *
 * What was reasoned goes back as the item it came in, sealed: it is asked for only where the file says `effort`, because a
 * model that does not reason refuses to seal. A stream names its events; the last one repeats the whole answer, which is
 * believed then. */
#include "exec/model/dialect.h"

/* ---- the request --------------------------------------------------------------------------------------------------------- */

static Value said(Arena *a, const char *role, Str text) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "role", value_str(str_from(role)));
    map_addz(&m, "content", value_str(text));
    return map_done(&m, NULL);
}

static Value call_item(Arena *a, Value call) {
    Value arguments = field(call, "arguments");
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("function_call")));
    map_addz(&m, "call_id", value_getz(call, "id"));
    map_addz(&m, "name", neutral_name(a, call));
    /* A text is what a model wrote that was no JSON: it gets back its own words. */
    map_addz(&m, "arguments",
             value_str(value_plain(a, value_absent(arguments) ? VALUE_EMPTY_MAP : arguments)));
    return map_done(&m, NULL);
}

static Value result_item(Arena *a, Value message) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("function_call_output")));
    map_addz(&m, "call_id", value_getz(message, "call"));
    map_addz(&m, "output", value_str(neutral_text(a, message)));
    return map_done(&m, NULL);
}

static void add_assistant(ListBuilder *items, Arena *a, Value message) {
    Value parts = neutral_native(message, &dialect_responses), calls = field(message, "calls");
    if (value_is(parts, V_LIST)) {
        for (size_t i = 0; i < parts.len; i++)
            list_add(items, parts.items[i]);
        return;
    }
    Str text = neutral_text(a, message);
    if (text.len)
        list_add(items, said(a, "assistant", text));
    for (size_t i = 0; value_is(calls, V_LIST) && i < calls.len; i++)
        list_add(items, call_item(a, calls.items[i]));
}

static Value input(Arena *a, Value neutral) {
    ListBuilder items = list_builder(a);
    for (size_t i = 0; value_is(neutral, V_LIST) && i < neutral.len; i++) {
        Value one = neutral.items[i];
        if (is_role(one, "assistant"))
            add_assistant(&items, a, one);
        else if (is_role(one, "tool"))
            list_add(&items, result_item(a, one));
        else if (!is_role(one, "system"))
            list_add(&items, said(a, "user", neutral_text(a, one)));
    }
    return list_done(&items);
}

/* Unless told otherwise this API holds the arguments of a tool to its schema, and refuses one that it cannot hold to. */
static Value tools(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < neutral.len; i++) {
        Value schema = neutral_schema(a, neutral.items[i]);
        MapBuilder m = map_builder(a);
        map_addz(&m, "type", value_str(STR("function")));
        map_addz(&m, "name", neutral_name(a, neutral.items[i]));
        map_add_text(&m, "description", field_text(neutral.items[i], "description"));
        map_addz(&m, "parameters", schema);
        map_addz(&m, "strict", value_bool(model_schema_is_strict_object(schema)));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

static Value text_format(Arena *a, Value schema, Str agent) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("json_schema")));
    map_addz(&m, "name", value_str(model_schema_name(a, agent)));
    map_addz(&m, "schema", schema);
    map_addz(&m, "strict", value_bool(model_schema_is_strict_object(schema)));
    return map_of(a, "format", map_done(&m, NULL));
}

static void add_effort(MapBuilder *m, Arena *a, Str effort) {
    if (!effort.len)
        return;
    map_addz(m, "reasoning", map_of(a, "effort", value_str(effort)));
    if (str_is(effort, "none"))
        return;
    ListBuilder include = list_builder(a);
    list_add(&include, value_str(STR("reasoning.encrypted_content")));
    map_addz(m, "include", list_done(&include));
}

static Str path(UNUSED Arena *a, UNUSED const ModelTarget *target) { return STR("/responses"); }

static Value request(Arena *a, Value neutral, const ModelTarget *target) {
    Value conversation = value_getz(neutral, "messages"), t = field(neutral, "tools");
    Value max_output = field(neutral, "max_output"), temperature = field(neutral, "temperature");
    MapBuilder m = map_builder(a);
    map_addz(&m, "model", value_str(target->model));
    map_add_text(&m, "instructions", neutral_system(a, conversation));
    map_addz(&m, "input", input(a, conversation));
    map_addz(&m, "store", value_bool(false));
    if (value_is(t, V_LIST) && t.len)
        map_addz(&m, "tools", tools(a, t));
    if (value_is(field(neutral, "schema"), V_MAP))
        map_addz(&m, "text", text_format(a, field(neutral, "schema"), target->agent));
    if (!value_absent(max_output))
        map_addz(&m, "max_output_tokens", max_output);
    if (!value_absent(temperature))
        map_addz(&m, "temperature", temperature);
    add_effort(&m, a, field_text(neutral, "effort"));
    if (target->stream)
        map_addz(&m, "stream", value_bool(true));
    return map_done(&m, NULL);
}

/* ---- what comes back ----------------------------------------------------------------------------------------------------- */

static bool is_item(Value item, const char *type) { return str_is(field_text(item, "type"), type); }

static void take_message(Answer *answer, Value item) {
    Value content = field(item, "content");
    for (size_t i = 0; value_is(content, V_LIST) && i < content.len; i++) {
        answer_words(answer, field_text(content.items[i], "text"));
        answer_refusal(answer, field_text(content.items[i], "refusal"));
    }
}

static void take_call(Answer *answer, Value item) {
    AnswerCall *call = answer_call(answer, (int64_t)answer->n_calls, field_text(item, "call_id"),
                                   field_text(item, "name"));
    answer_arguments(answer, call, field(item, "arguments"));
}

/* What was reasoned and is not sealed would be looked for at the provider, which did not keep it. */
static void keep_item(Answer *answer, Value item) {
    bool reasoned = is_item(item, "reasoning");
    bool sealed = reasoned && field_text(item, "encrypted_content").len > 0;
    if (sealed || !reasoned)
        answer_part(answer, item, sealed);
}

static void take_output(Answer *answer, Value output) {
    for (size_t i = 0; i < output.len; i++) {
        if (is_item(output.items[i], "message"))
            take_message(answer, output.items[i]);
        if (is_item(output.items[i], "function_call"))
            take_call(answer, output.items[i]);
        keep_item(answer, output.items[i]);
    }
}

static void take_usage(Answer *answer, Value usage) {
    if (!value_is(usage, V_MAP))
        return;
    answer->usage = (Usage){
        .tokens_in = field_tokens(usage, "input_tokens"),
        .tokens_out = field_tokens(usage, "output_tokens"),
        .tokens_cached = field_tokens(field(usage, "input_tokens_details"), "cached_tokens"),
        .tokens_reasoning = field_tokens(field(usage, "output_tokens_details"), "reasoning_tokens"),
    };
    answer->input_said = true;
}

static void take_status(Answer *answer, Value response) {
    Str reason = field_text(field(response, "incomplete_details"), "reason");
    if (str_is(field_text(response, "status"), "failed") && value_absent(answer->error))
        answer->problem = "it failed without saying why";
    else if (str_is(reason, "max_output_tokens"))
        answer->end = ANSWER_LENGTH;
    else if (str_is(reason, "content_filter"))
        answer->end = ANSWER_REFUSED;
    else
        answer->end = ANSWER_STOP;
}

static void reply(Answer *answer, Value body) {
    Value output = field(body, "output");
    take_usage(answer, field(body, "usage"));
    answer_model(answer, field_text(body, "model"));
    take_status(answer, body);
    if (value_is(output, V_LIST))
        take_output(answer, output);
    else
        answer->problem = "without output";
}

static void last_event(Answer *answer, Value response) {
    Value output = field(response, "output");
    answer->whole = true;
    take_usage(answer, field(response, "usage"));
    take_status(answer, response);
    if (!value_is(output, V_LIST) || output.len == 0)
        return;
    answer_restart(answer);
    take_output(answer, output);
}

static void event(Answer *answer, Str name, Value data) {
    Str type = field_text(data, "type");
    Value item = field(data, "item");
    if (!type.len)
        type = name;
    answer_model(answer, field_text(field(data, "response"), "model"));
    if (str_is(type, "response.output_text.delta")) {
        answer_words(answer, field_text(data, "delta"));
    } else if (str_is(type, "response.refusal.delta")) {
        answer_refusal(answer, field_text(data, "delta"));
    } else if (str_is(type, "response.output_item.done")) {
        if (is_item(item, "function_call"))
            take_call(answer, item);
        keep_item(answer, item);
    } else if (str_is(type, "response.completed") || str_is(type, "response.incomplete") ||
               str_is(type, "response.failed")) {
        last_event(answer, field(data, "response"));
    } else if (str_ends(type, STR(".delta"))) {
        answer->pieces++;
    }
}

const Dialect dialect_responses = { .name = "responses",
                                    .path = path,
                                    .key_header = "Authorization: Bearer ",
                                    .request = request,
                                    .reply = reply,
                                    .event = event,
                                    .models = "/models" };
