/* Gemini's generateContent:
 *
 *   system messages              ->  systemInstruction
 *   assistant, its calls         ->  role model: parts text, functionCall
 *   tool results that stand together  ->  role user: parts functionResponse, by name, and by id where it gave one
 *   schema                       ->  generationConfig.responseJsonSchema, unless there are tools: both at once are refused by some
 *                                    of its models
 *
 * A part may bear a thoughtSignature: the answer goes back part by part as it came. Of a stream each event is an answer of its
 * own, the next pieces in it. */
#include "exec/model/dialect.h"

/* ---- the request --------------------------------------------------------------------------------------------------------- */

static void add_text(ListBuilder *parts, Arena *a, Value message) {
    Str text = neutral_text(a, message);
    if (text.len)
        list_add(parts, map_of(a, "text", value_str(text)));
}

static Value call_part(Arena *a, Value call) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "name", neutral_name(a, call));
    map_addz(&m, "args", neutral_arguments(a, call));
    return map_of(a, "functionCall", map_done(&m, NULL));
}

/* The id that the call of these parts was given by the provider itself; empty: it gave none. */
static Str own_id(Value parts, Str id) {
    for (size_t i = 0; value_is(parts, V_LIST) && i < parts.len; i++)
        if (str_eq(field_text(field(parts.items[i], "functionCall"), "id"), id))
            return id;
    return STR("");
}

static Value result_part(Arena *a, Value message, Value asked) {
    MapBuilder m = map_builder(a);
    map_add_text(&m, "id", own_id(asked, field_text(message, "call")));
    map_addz(&m, "name", neutral_name(a, message));
    map_addz(&m, "response", map_of(a, "result", value_str(neutral_text(a, message))));
    return map_of(a, "functionResponse", map_done(&m, NULL));
}

static Value add_model(ListBuilder *parts, Arena *a, Value message) {
    Value own = neutral_native(message, &dialect_gemini), calls = field(message, "calls");
    if (value_is(own, V_LIST)) {
        for (size_t i = 0; i < own.len; i++)
            list_add(parts, own.items[i]);
        return own;
    }
    add_text(parts, a, message);
    for (size_t i = 0; value_is(calls, V_LIST) && i < calls.len; i++)
        list_add(parts, call_part(a, calls.items[i]));
    return VALUE_ABSENT;
}

static bool is_model(Value message) { return is_role(message, "assistant"); }

static Value contents(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    Value asked = VALUE_ABSENT; /* the parts of the last answer that called */
    for (size_t i = 0; value_is(neutral, V_LIST) && i < neutral.len;) {
        bool model = is_model(neutral.items[i]);
        ListBuilder parts = list_builder(a);
        for (; i < neutral.len && is_model(neutral.items[i]) == model; i++) {
            Value one = neutral.items[i];
            if (model)
                asked = add_model(&parts, a, one);
            else if (is_role(one, "tool"))
                list_add(&parts, result_part(a, one, asked));
            else if (!is_role(one, "system"))
                add_text(&parts, a, one);
        }
        if (!parts.n)
            continue;
        MapBuilder m = map_builder(a);
        map_addz(&m, "role", value_str(model ? STR("model") : STR("user")));
        map_addz(&m, "parts", list_done(&parts));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

static Value one_item(Arena *a, Value v) {
    ListBuilder l = list_builder(a);
    list_add(&l, v);
    return list_done(&l);
}

static Value tools(Arena *a, Value neutral) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < neutral.len; i++) {
        MapBuilder m = map_builder(a);
        map_addz(&m, "name", neutral_name(a, neutral.items[i]));
        map_add_text(&m, "description", field_text(neutral.items[i], "description"));
        map_addz(&m, "parametersJsonSchema", neutral_schema(a, neutral.items[i]));
        list_add(&l, map_done(&m, NULL));
    }
    return one_item(a, map_of(a, "functionDeclarations", list_done(&l)));
}

static Value generation_config(Arena *a, Value neutral, bool with_schema) {
    Value max_output = field(neutral, "max_output"), temperature = field(neutral, "temperature");
    Str effort = field_text(neutral, "effort");
    MapBuilder m = map_builder(a);
    if (!value_absent(max_output))
        map_addz(&m, "maxOutputTokens", max_output);
    if (!value_absent(temperature))
        map_addz(&m, "temperature", temperature);
    if (effort.len)
        map_addz(&m, "thinkingConfig", map_of(a, "thinkingLevel", value_str(effort)));
    if (with_schema) {
        map_addz(&m, "responseMimeType", value_str(STR("application/json")));
        map_addz(&m, "responseJsonSchema", field(neutral, "schema"));
    }
    return map_done(&m, NULL);
}

static Str path(Arena *a, const ModelTarget *target) {
    return arena_fmt(a, "/models/%.*s:%s", STR_FMT(target->model),
                     target->stream ? "streamGenerateContent?alt=sse" : "generateContent");
}

static Value request(Arena *a, Value neutral, UNUSED const ModelTarget *target) {
    Value conversation = value_getz(neutral, "messages"), t = field(neutral, "tools");
    bool has_tools = value_is(t, V_LIST) && t.len;
    Str system = neutral_system(a, conversation);
    MapBuilder m = map_builder(a);
    if (system.len)
        map_addz(&m, "systemInstruction",
                 map_of(a, "parts", one_item(a, map_of(a, "text", value_str(system)))));
    map_addz(&m, "contents", contents(a, conversation));
    if (has_tools)
        map_addz(&m, "tools", tools(a, t));
    Value config =
        generation_config(a, neutral, !has_tools && value_is(field(neutral, "schema"), V_MAP));
    if (config.len)
        map_addz(&m, "generationConfig", config);
    return map_done(&m, NULL);
}

/* ---- what comes back ----------------------------------------------------------------------------------------------------- */

static void take_usage(Answer *answer, Value usage) {
    if (!value_is(usage, V_MAP))
        return;
    int64_t thought = field_tokens(usage, "thoughtsTokenCount");
    answer->usage = (Usage){
        .tokens_in = field_tokens(usage, "promptTokenCount") +
                     field_tokens(usage, "toolUsePromptTokenCount"),
        .tokens_out = field_tokens(usage, "candidatesTokenCount") + thought,
        .tokens_cached = field_tokens(usage, "cachedContentTokenCount"),
        .tokens_reasoning = thought,
    };
    answer->input_said = true;
}

static void take_call(Answer *answer, Value call) {
    AnswerCall *to = answer_call(answer, (int64_t)answer->n_calls, field_text(call, "id"),
                                 field_text(call, "name"));
    answer_arguments(answer, to, field(call, "args"));
}

static bool is_thought(Value part) {
    Value thought = field(part, "thought");
    return value_is(thought, V_BOOL) && thought.b;
}

static void take_part(Answer *answer, Value part) {
    Value call = field(part, "functionCall");
    if (is_thought(part))
        answer->pieces++;
    else
        answer_words(answer, field_text(part, "text"));
    if (value_is(call, V_MAP))
        take_call(answer, call);
    if (value_is(part, V_MAP))
        answer_part(answer, part, field_text(part, "thoughtSignature").len > 0);
}

/* Of these the model was kept from speaking, or its words were taken back. */
static bool is_refusal(Str reason) {
    static const char *const reasons[] = { "SAFETY",  "RECITATION",         "BLOCKLIST",
                                           "SPII",    "PROHIBITED_CONTENT", "IMAGE_SAFETY",
                                           "LANGUAGE" };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (str_is(reason, reasons[i]))
            return true;
    return false;
}

static void take_end(Answer *answer, Value candidate) {
    Str said = field_text(candidate, "finishReason");
    if (!said.len)
        return;
    answer->whole = true;
    answer->end = ANSWER_STOP;
    if (str_is(said, "MAX_TOKENS")) {
        answer->end = ANSWER_LENGTH;
    } else if (str_is(said, "MALFORMED_FUNCTION_CALL") || str_is(said, "UNEXPECTED_TOOL_CALL")) {
        answer->problem = "with a call that it could not read itself";
    } else if (is_refusal(said)) {
        Str words = field_text(candidate, "finishMessage");
        answer->end = ANSWER_REFUSED;
        answer_refusal(answer, words.len ? words : said);
    }
}

/* A prompt that is blocked has no candidate. */
static void take_block(Answer *answer, Value feedback) {
    Str reason = field_text(feedback, "blockReason");
    if (!reason.len)
        return;
    answer->end = ANSWER_REFUSED;
    answer->whole = true;
    answer_refusal(answer, reason);
}

/* Whether there was a candidate. */
static bool take(Answer *answer, Value body) {
    Value candidates = field(body, "candidates");
    take_usage(answer, field(body, "usageMetadata"));
    answer_model(answer, field_text(body, "modelVersion"));
    take_block(answer, field(body, "promptFeedback"));
    if (!value_is(candidates, V_LIST) || candidates.len == 0)
        return false;
    Value parts = field(field(candidates.items[0], "content"), "parts");
    for (size_t i = 0; value_is(parts, V_LIST) && i < parts.len; i++)
        take_part(answer, parts.items[i]);
    take_end(answer, candidates.items[0]);
    return true;
}

static void reply(Answer *answer, Value body) {
    if (!take(answer, body) && answer->end != ANSWER_REFUSED)
        answer->problem = "without candidates";
}

static void event(Answer *answer, UNUSED Str name, Value data) { take(answer, data); }

const Dialect dialect_gemini = { .name = "gemini",
                                 .path = path,
                                 .key_header = "x-goog-api-key: ",
                                 .request = request,
                                 .reply = reply,
                                 .event = event,
                                 .models = "/models",
                                 .by_name = true };
