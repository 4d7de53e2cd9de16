/* Anthropic's Messages, in the version of October 2026:
 *
 *   system messages                        ->  `system`, which is no message there
 *   assistant, its calls                   ->  blocks: text, tool_use
 *   tool results that stand together       ->  the blocks tool_result of one user message, before whatever the user says then
 *   schema                                 ->  output_config.format, as far as it can be held to
 *   effort                                 ->  output_config.effort
 *
 * temperature is never sent: that version refuses it at any value. Blocks of thought go back as they came, in their place among
 * the others. */
#include "exec/model/dialect.h"

#include "base/json.h"

#define MAX_TOKENS_DEFAULT 4096 /* the field must be there */

/* ---- the request --------------------------------------------------------------------------------------------------------- */

static Value text_block(Arena *a, Str text) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("text")));
    map_addz(&m, "text", value_str(text));
    return map_done(&m, NULL);
}

static Value call_block(Arena *a, Value call) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("tool_use")));
    map_addz(&m, "id", value_getz(call, "id"));
    map_addz(&m, "name", neutral_name(a, call));
    map_addz(&m, "input", neutral_arguments(a, call));
    return map_done(&m, NULL);
}

static Value result_block(Arena *a, Value message) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("tool_result")));
    map_addz(&m, "tool_use_id", value_getz(message, "call"));
    map_addz(&m, "content", value_str(neutral_text(a, message)));
    return map_done(&m, NULL);
}

/* An empty text is refused there: it is left out. */
static void add_text(ListBuilder *blocks, Arena *a, Value message) {
    Str text = neutral_text(a, message);
    if (text.len)
        list_add(blocks, text_block(a, text));
}

static void add_assistant(ListBuilder *blocks, Arena *a, Value message) {
    Value parts = neutral_native(message, &dialect_anthropic), calls = field(message, "calls");
    if (value_is(parts, V_LIST)) {
        for (size_t i = 0; i < parts.len; i++)
            list_add(blocks, parts.items[i]);
        return;
    }
    add_text(blocks, a, message);
    for (size_t i = 0; value_is(calls, V_LIST) && i < calls.len; i++)
        list_add(blocks, call_block(a, calls.items[i]));
}

static bool is_assistant(Value message) { return is_role(message, "assistant"); }

/* Neighbours of one side are one message. */
static Value messages(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; value_is(neutral, V_LIST) && i < neutral.len;) {
        bool assistant = is_assistant(neutral.items[i]);
        ListBuilder blocks = list_builder(a);
        for (; i < neutral.len && is_assistant(neutral.items[i]) == assistant; i++) {
            Value one = neutral.items[i];
            if (assistant)
                add_assistant(&blocks, a, one);
            else if (is_role(one, "tool"))
                list_add(&blocks, result_block(a, one));
            else if (!is_role(one, "system"))
                add_text(&blocks, a, one);
        }
        if (!blocks.n)
            continue;
        MapBuilder m = map_builder(a);
        map_addz(&m, "role", value_str(assistant ? STR("assistant") : STR("user")));
        map_addz(&m, "content", list_done(&blocks));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

static Value tools(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < neutral.len; i++) {
        Str description = field_text(neutral.items[i], "description");
        MapBuilder m = map_builder(a);
        map_addz(&m, "name", neutral_name(a, neutral.items[i]));
        map_add_text(&m, "description", description);
        map_addz(&m, "input_schema", neutral_schema(a, neutral.items[i]));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

static Value output_config(Arena *a, Value neutral) {
    Value schema = field(neutral, "schema");
    Value closed = value_is(schema, V_MAP) && str_is(field_text(schema, "type"), "object")
                       ? model_schema_closed(a, schema)
                       : VALUE_ABSENT;
    MapBuilder m = map_builder(a);
    map_add_text(&m, "effort", field_text(neutral, "effort"));
    if (!value_absent(closed)) {
        MapBuilder format = map_builder(a);
        map_addz(&format, "type", value_str(STR("json_schema")));
        map_addz(&format, "schema", closed);
        map_addz(&m, "format", map_done(&format, NULL));
    }
    return map_done(&m, NULL);
}

static Str path(UNUSED Arena *a, UNUSED const ModelTarget *target) { return STR("/messages"); }

static Value request(Arena *a, Value neutral, const ModelTarget *target) {
    Value conversation = value_getz(neutral, "messages"), t = field(neutral, "tools");
    Value max_output = field(neutral, "max_output"), config = output_config(a, neutral);
    MapBuilder m = map_builder(a);
    map_addz(&m, "model", value_str(target->model));
    map_addz(&m, "max_tokens",
             value_absent(max_output) ? value_int(MAX_TOKENS_DEFAULT) : max_output);
    map_add_text(&m, "system", neutral_system(a, conversation));
    map_addz(&m, "messages", messages(a, conversation));
    if (value_is(t, V_LIST) && t.len)
        map_addz(&m, "tools", tools(a, t));
    if (config.len)
        map_addz(&m, "output_config", config);
    if (target->stream)
        map_addz(&m, "stream", value_bool(true));
    return map_done(&m, NULL);
}

/* ---- what comes back ----------------------------------------------------------------------------------------------------- */

/* Counts that are there replace those before: those of a stream are running totals. Input is said without what was cached. */
static void take_usage(Answer *answer, Value usage) {
    int64_t in, out;
    Value details = field(usage, "output_tokens_details");
    if (field_number(usage, "input_tokens", &in)) {
        answer->usage.tokens_cached = field_tokens(usage, "cache_read_input_tokens");
        answer->usage.tokens_in = in + answer->usage.tokens_cached +
                                  field_tokens(usage, "cache_creation_input_tokens");
        answer->input_said = true;
    }
    if (field_number(usage, "output_tokens", &out))
        answer->usage.tokens_out = out;
    if (!value_absent(details))
        answer->usage.tokens_reasoning = MAX(field_tokens(details, "reasoning_tokens"),
                                             field_tokens(details, "thinking_tokens"));
}

static void take_end(Answer *answer, Value message) {
    Str said = field_text(message, "stop_reason");
    Value details = field(message, "stop_details");
    if (str_is(said, "max_tokens") || str_is(said, "model_context_window_exceeded"))
        answer->end = ANSWER_LENGTH;
    else if (str_is(said, "pause_turn"))
        answer->end = ANSWER_PAUSED;
    else if (str_is(said, "refusal"))
        answer->end = ANSWER_REFUSED;
    else if (said.len)
        answer->end = ANSWER_STOP;
    if (answer->end == ANSWER_REFUSED)
        answer_refusal(answer, value_is(details, V_STRING) ? value_as_str(details)
                                                           : field_text(details, "explanation"));
}

static bool is_block(Value block, const char *type) {
    return str_is(field_text(block, "type"), type);
}

static void take_block(Answer *answer, Value block, int64_t slot) {
    if (is_block(block, "text"))
        answer_words(answer, field_text(block, "text"));
    if (is_block(block, "tool_use"))
        answer_arguments(
            answer, answer_call(answer, slot, field_text(block, "id"), field_text(block, "name")),
            field(block, "input"));
    answer_part(answer, block, !is_block(block, "text") && !is_block(block, "tool_use"));
}

static void reply(Answer *answer, Value body) {
    Value content = field(body, "content");
    take_usage(answer, field(body, "usage"));
    answer_model(answer, field_text(body, "model"));
    if (!value_is(content, V_LIST)) {
        answer->problem = "without content";
        return;
    }
    for (size_t i = 0; i < content.len; i++)
        take_block(answer, content.items[i], (int64_t)i);
    take_end(answer, body);
}

/* ---- as a stream --------------------------------------------------------------------------------------------------------- */

static void block_starts(Answer *answer, Value data) {
    Value block = field(data, "content_block");
    answer->part = value_copy(answer->a, block);
    answer->part_from = answer->text.len;
    field_number(data, "index", &answer->part_slot);
    buf_reset(&answer->thought);
    buf_reset(&answer->seal);
    answer_words(answer, is_block(block, "text") ? field_text(block, "text") : STR(""));
    if (is_block(block, "tool_use"))
        answer_call(answer, answer->part_slot, field_text(block, "id"), field_text(block, "name"));
}

static void block_grows(Answer *answer, Value data) {
    Value delta = field(data, "delta");
    int64_t slot = answer->part_slot;
    field_number(data, "index", &slot);
    answer_words(answer, field_text(delta, "text"));
    buf_str_add(&answer->thought, field_text(delta, "thinking"));
    answer->pieces += field_text(delta, "thinking").len > 0;
    buf_str_add(&answer->seal, field_text(delta, "signature"));
    if (field_text(delta, "partial_json").len)
        answer_arguments(answer, answer_call(answer, slot, STR(""), STR("")),
                         field(delta, "partial_json"));
}

static Value arguments_so_far(Answer *answer) {
    AnswerCall *call = answer_call(answer, answer->part_slot, STR(""), STR(""));
    Value v;
    if (call && call->arguments.len &&
        json_read_copy(answer->a, buf_str(&call->arguments), &v, NULL) == 0 && value_is(v, V_MAP))
        return v;
    return VALUE_EMPTY_MAP;
}

/* With what came for it since it began. */
static void block_ends(Answer *answer) {
    Arena *a = answer->a;
    Value block = answer->part;
    Str text = str_slice(buf_str(&answer->text), answer->part_from, answer->text.len);
    bool sealed = false;
    if (value_absent(block))
        return;
    if (is_block(block, "text")) {
        block = text_block(a, text);
    } else if (is_block(block, "tool_use")) {
        block = value_with(a, block, STR("input"), arguments_so_far(answer));
    } else {
        sealed = true;
        if (answer->thought.len)
            block = value_with(a, block, STR("thinking"), value_str(buf_str(&answer->thought)));
        if (answer->seal.len)
            block = value_with(a, block, STR("signature"), value_str(buf_str(&answer->seal)));
    }
    answer_part(answer, block, sealed);
    answer->part = VALUE_ABSENT;
}

static void event(Answer *answer, Str name, Value data) {
    Str type = field_text(data, "type");
    Value message = field(data, "message");
    if (!type.len)
        type = name;
    if (str_is(type, "message_start")) {
        answer_model(answer, field_text(message, "model"));
        take_usage(answer, field(message, "usage"));
    } else if (str_is(type, "content_block_start")) {
        block_starts(answer, data);
    } else if (str_is(type, "content_block_delta")) {
        block_grows(answer, data);
    } else if (str_is(type, "content_block_stop")) {
        block_ends(answer);
    } else if (str_is(type, "message_delta")) {
        take_usage(answer, field(data, "usage"));
        take_end(answer, field(data, "delta"));
        answer->final_usage = true;
    } else if (str_is(type, "message_stop")) {
        answer->whole = true;
    }
}

const Dialect dialect_anthropic = { .name = "anthropic",
                                    .path = path,
                                    .key_header = "x-api-key: ",
                                    .more_header = "anthropic-version: 2026-10-21",
                                    .request = request,
                                    .reply = reply,
                                    .event = event,
                                    .models = "/models" };
