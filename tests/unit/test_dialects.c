/* Dialects: the same conversation as each kind of server wants it, and what each answers, whole and as a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "exec/model/reply.h"
#include "exec/sse.h"

#include "doc_table.h"

#include <stdlib.h>

static Arena arena;

static int clear_arena(UNUSED void **state) {
    arena_deinit(&arena);
    arena = ARENA_NULL;
    return 0;
}

#define TEXT_IS(s, expected)                                                                       \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (!str_is(_s, expected))                                                                 \
            fail_msg("expected `%s`, got `%.*s`", expected, STR_FMT(_s));                          \
    } while (0)
#define TEXT_HAS(s, part)                                                                          \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (str_find(_s, str_from(part)) < 0)                                                      \
            fail_msg("expected `%s` in `%.*s`", part, STR_FMT(_s));                                \
    } while (0)
#define TEXT_LACKS(s, part)                                                                        \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (str_find(_s, str_from(part)) >= 0)                                                     \
            fail_msg("unexpected `%s` in `%.*s`", part, STR_FMT(_s));                              \
    } while (0)

/* ' stands for " in what is written here. */
static Str quoted(const char *text) {
    Str s = arena_str(&arena, str_from(text));
    char *p = (char *)s.p;
    for (size_t i = 0; i < s.len; i++)
        p[i] = p[i] == '\'' ? '"' : p[i];
    return s;
}

static Value parsed(const char *json) {
    Value v;
    JsonError e;
    if (json_read_copy(&arena, quoted(json), &v, &e))
        fail_msg("%s: %s", json, e.message);
    return v;
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

static Str requested(const Dialect *d, const char *neutral) {
    ModelTarget target = { STR("m"), STR("agent"), false, false };
    return value_text(&arena, d->request(&arena, parsed(neutral), &target));
}

#define TALK                                                                                       \
    "{'messages':[{'role':'system','content':'be'},{'role':'user','content':'hi'},"                \
    "{'role':'assistant','content':'so','calls':[{'id':'c1','name':'f','arguments':{'x':1}},"      \
    "{'id':'c2','name':'g','arguments':'{broken'}]},"                                              \
    "{'role':'tool','call':'c1','name':'f','content':'ok'},"                                       \
    "{'role':'tool','call':'c2','name':'g','content':{'e':1}},"                                    \
    "{'role':'user','content':'and?'}]"

static void anthropic_has_blocks_and_results_first(UNUSED void **state) {
    TEXT_IS(
        requested(&dialect_anthropic, TALK ",'max_output':9,'temperature':0.5}"),
        "{\"max_tokens\":9,\"messages\":[{\"content\":[{\"text\":\"hi\",\"type\":\"text\"}],\"role\":\"user\"},"
        "{\"content\":[{\"text\":\"so\",\"type\":\"text\"},"
        "{\"id\":\"c1\",\"input\":{\"x\":1},\"name\":\"f\",\"type\":\"tool_use\"},"
        "{\"id\":\"c2\",\"input\":{\"unreadable\":\"{broken\"},\"name\":\"g\",\"type\":\"tool_use\"}],\"role\":\"assistant\"},"
        "{\"content\":[{\"content\":\"ok\",\"tool_use_id\":\"c1\",\"type\":\"tool_result\"},"
        "{\"content\":\"{\\\"e\\\":1}\",\"tool_use_id\":\"c2\",\"type\":\"tool_result\"},"
        "{\"text\":\"and?\",\"type\":\"text\"}],\"role\":\"user\"}],\"model\":\"m\",\"system\":\"be\"}");
}

static void anthropic_refuses_temperature_and_needs_a_cap(UNUSED void **state) {
    Str r = requested(&dialect_anthropic, "{'messages':[],'temperature':1,'effort':'low'}");
    TEXT_LACKS(r, "temperature");
    TEXT_HAS(r, "\"max_tokens\":4096");
    TEXT_HAS(r, "\"output_config\":{\"effort\":\"low\"}");
}

static void responses_has_items(UNUSED void **state) {
    TEXT_IS(
        requested(&dialect_responses, TALK ",'max_output':9}"),
        "{\"input\":[{\"content\":\"hi\",\"role\":\"user\"},{\"content\":\"so\",\"role\":\"assistant\"},"
        "{\"arguments\":\"{\\\"x\\\":1}\",\"call_id\":\"c1\",\"name\":\"f\",\"type\":\"function_call\"},"
        "{\"arguments\":\"{broken\",\"call_id\":\"c2\",\"name\":\"g\",\"type\":\"function_call\"},"
        "{\"call_id\":\"c1\",\"output\":\"ok\",\"type\":\"function_call_output\"},"
        "{\"call_id\":\"c2\",\"output\":\"{\\\"e\\\":1}\",\"type\":\"function_call_output\"},"
        "{\"content\":\"and?\",\"role\":\"user\"}],\"instructions\":\"be\",\"max_output_tokens\":9,\"model\":\"m\",\"store\":false}");
}

static void responses_seals_reasoning_only_where_there_is_some(UNUSED void **state) {
    Str r = requested(&dialect_responses, "{'messages':[],'effort':'high'}");
    TEXT_HAS(r, "\"include\":[\"reasoning.encrypted_content\"]");
    TEXT_HAS(r, "\"reasoning\":{\"effort\":\"high\"}");
    TEXT_LACKS(requested(&dialect_responses, "{'messages':[]}"), "include");
    TEXT_LACKS(requested(&dialect_responses, "{'messages':[],'effort':'none'}"), "include");
}

static void gemini_has_parts(UNUSED void **state) {
    TEXT_IS(
        requested(&dialect_gemini, TALK ",'max_output':9,'temperature':0.5}"),
        "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}],\"role\":\"user\"},"
        "{\"parts\":[{\"text\":\"so\"},{\"functionCall\":{\"args\":{\"x\":1},\"name\":\"f\"}},"
        "{\"functionCall\":{\"args\":{\"unreadable\":\"{broken\"},\"name\":\"g\"}}],\"role\":\"model\"},"
        "{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"result\":\"ok\"}}},"
        "{\"functionResponse\":{\"name\":\"g\",\"response\":{\"result\":\"{\\\"e\\\":1}\"}}},{\"text\":\"and?\"}],\"role\":\"user\"}],"
        "\"generationConfig\":{\"maxOutputTokens\":9,\"temperature\":0.5},"
        "\"systemInstruction\":{\"parts\":[{\"text\":\"be\"}]}}");
}

#define SCHEMA                                                                                     \
    "{'type':'object','additionalProperties':false,'required':['a'],'properties':"                 \
    "{'a':{'type':'string','minLength':3},'b':{'type':'array','items':{'type':'integer'}}}}"

static void an_output_schema_is_native_everywhere(UNUSED void **state) {
    const char *asked = "{'messages':[],'schema':" SCHEMA "}";
    TEXT_HAS(requested(&dialect_chat, asked), "\"response_format\":{\"json_schema\":");
    TEXT_HAS(requested(&dialect_responses, asked), "\"text\":{\"format\":{\"name\":\"agent\"");
    TEXT_HAS(requested(&dialect_gemini, asked), "\"responseMimeType\":\"application/json\"");
    /* what Anthropic refuses is left out: the answer is checked here */
    TEXT_HAS(
        requested(&dialect_anthropic, asked),
        "\"output_config\":{\"format\":{\"schema\":{\"additionalProperties\":false,"
        "\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"items\":{\"type\":\"integer\"},"
        "\"type\":\"array\"}},\"required\":[\"a\"],\"type\":\"object\"},\"type\":\"json_schema\"}}");
}

static void a_schema_that_cannot_be_held_to_is_not_sent(UNUSED void **state) {
    static const char *const open[] = { "{'type':'object'}", "{'type':'string'}",
                                        "{'type':'object','properties':{'a':{}}}",
                                        "{'type':'object','properties':{'a':{'type':'array'}}}" };
    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        TEXT_LACKS(requested(&dialect_anthropic,
                             arena_fmt(&arena, "{'messages':[],'schema':%s}", open[i]).p),
                   "output_config");
    TEXT_LACKS(
        requested(&dialect_gemini, "{'messages':[],'schema':" SCHEMA ",'tools':[{'name':'f'}]}"),
        "responseJsonSchema");
}

static void tools_are_offered(UNUSED void **state) {
    const char *asked = "{'messages':[],'tools':[{'name':'f','description':'does','schema':" SCHEMA
                        "},{'name':'g','schema':{}}]}";
    TEXT_HAS(requested(&dialect_anthropic, asked),
             "\"tools\":[{\"description\":\"does\",\"input_schema\":{");
    TEXT_HAS(requested(&dialect_gemini, asked),
             "\"tools\":[{\"functionDeclarations\":[{\"description\":\"does\",\"name\":\"f\",");
    TEXT_HAS(requested(&dialect_gemini, asked),
             "{\"name\":\"g\",\"parametersJsonSchema\":{\"properties\":{},\"type\":\"object\"}}");
    TEXT_HAS(requested(&dialect_responses, asked), "\"strict\":false,\"type\":\"function\"}]");
}

static void parts_go_back_to_their_own_dialect_alone(UNUSED void **state) {
    static const char *const neutral =
        "{'messages':[{'role':'assistant','content':'so','native':{'dialect':'anthropic','parts':"
        "[{'type':'thinking','thinking':'hm','signature':'s'},{'type':'text','text':'so'}]}}]}";
    TEXT_HAS(requested(&dialect_anthropic, neutral),
             "{\"content\":[{\"signature\":\"s\",\"thinking\":\"hm\",\"type\":\"thinking\"},"
             "{\"text\":\"so\",\"type\":\"text\"}],\"role\":\"assistant\"}");
    const Dialect *others[] = { &dialect_chat, &dialect_responses, &dialect_gemini };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        TEXT_LACKS(requested(others[i], neutral), "hm");
        TEXT_HAS(requested(others[i], neutral), "\"so\"");
    }
}

static void the_stream_is_asked_for_as_each_wants_it(UNUSED void **state) {
    ModelTarget t = { STR("m"), STR("agent"), false, true };
    Value none = parsed("{'messages':[]}");
    TEXT_HAS(value_text(&arena, dialect_chat.request(&arena, none, &t)),
             "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    TEXT_HAS(value_text(&arena, dialect_anthropic.request(&arena, none, &t)), "\"stream\":true");
    TEXT_HAS(value_text(&arena, dialect_responses.request(&arena, none, &t)), "\"stream\":true");
    TEXT_IS(dialect_gemini.path(&arena, &t), "/models/m:streamGenerateContent?alt=sse");
    t.stream = false;
    TEXT_IS(dialect_gemini.path(&arena, &t), "/models/m:generateContent");
}

/* ---- answers, whole and as streams --------------------------------------------------------------------------------------- */

typedef struct Heard {
    const Dialect *d;
    Answer *answer;
    bool garbage;
} Heard;

static void take_event(void *ctx, Str name, Str data) {
    Heard *h = ctx;
    h->garbage |= !dialect_take(h->d, h->answer, name, data);
}

static ModelReply streamed_until(const Dialect *d, const char *text, StreamEnd end) {
    Answer answer;
    Sse sse;
    ModelReply r;
    Heard h = { d, &answer, false };
    sse_init(&sse, 100000);
    answer_init(&answer, &arena, 0, VALUE_ABSENT);
    sse_take(&sse, quoted(text), take_event, &h);
    model_stream_reply(d, &answer, h.garbage ? STREAM_GARBAGE : end, STR("the reason"), &r);
    answer_deinit(&answer);
    sse_deinit(&sse);
    return r;
}

static ModelReply streamed(const Dialect *d, const char *text) {
    return streamed_until(d, text, STREAM_ENDED);
}

static ModelReply whole(const Dialect *d, int status, const char *text) {
    ModelReply r;
    model_reply(&arena, d, status, quoted(text), 0, VALUE_ABSENT, &r);
    return r;
}

static void ended(ModelReply r, Outcome outcome, Sent sent, ErrorKind kind) {
    if (r.outcome != outcome || r.sent != sent || r.kind != kind)
        fail_msg("outcome %d, sent %d, kind %s: %.*s", r.outcome, r.sent, error_kind_name(r.kind),
                 STR_FMT(r.message));
}

static void is_ok(ModelReply r, const char *payload) {
    ended(r, OUTCOME_OK, SENT_YES, KIND_NONE);
    TEXT_IS(r.payload, quoted(payload).p);
}

static void used(ModelReply r, int64_t in, int64_t out, int64_t cached, int64_t reasoning) {
    assert_int_equal(r.usage.tokens_in, in);
    assert_int_equal(r.usage.tokens_out, out);
    assert_int_equal(r.usage.tokens_cached, cached);
    assert_int_equal(r.usage.tokens_reasoning, reasoning);
}

#define CHAT_CALLS                                                                                 \
    "{'calls':[{'arguments':{'x':1},'id':'c1','name':'f'},{'arguments':{},'id':'c2','name':'g'}]," \
    "'content':'so','finish':'calls','model':'m1'}"

static void chat_whole_and_streamed_are_one(UNUSED void **state) {
    is_ok(
        whole(
            &dialect_chat, 200,
            "{'model':'m1','choices':[{'message':{'content':'so','tool_calls':["
            "{'id':'c1','function':{'name':'f','arguments':'{\\'x\\':1}'}},"
            "{'id':'c2','function':{'name':'g','arguments':''}}]},'finish_reason':'tool_calls'}]}"),
        CHAT_CALLS);
    ModelReply r = streamed(
        &dialect_chat,
        ": hello\n\n"
        "data: {'model':'m1','choices':[{'delta':{'role':'assistant','content':''}}]}\n\n"
        "data: {'choices':[{'delta':{'content':'s'}}],'usage':null}\n\n"
        "data: {'choices':[{'delta':{'content':'o'}}]}\n\n"
        "data: {'choices':[{'delta':{'tool_calls':[{'index':0,'id':'c1','function':{'name':'f','arguments':''}}]}}]}\n\n"
        "data: {'choices':[{'delta':{'tool_calls':[{'index':1,'id':'c2','function':{'name':'g'}}]}}]}\n\n"
        "data: {'choices':[{'delta':{'tool_calls':[{'index':0,'function':{'arguments':'{\\'x\\''}}]}}]}\n\n"
        "data: {'choices':[{'delta':{'tool_calls':[{'index':0,'function':{'arguments':':1}'}}]}}]}\n\n"
        "data: {'choices':[{'delta':{},'finish_reason':'tool_calls'}]}\n\n"
        "data: {'choices':[],'usage':{'prompt_tokens':10,'completion_tokens':7,'prompt_tokens_details':"
        "{'cached_tokens':4},'completion_tokens_details':{'reasoning_tokens':2}}}\n\n"
        "data: [DONE]\n\n");
    is_ok(r, CHAT_CALLS);
    used(r, 10, 7, 4, 2);
}

static void quirks_of_streams_are_borne(UNUSED void **state) {
    /* every call counted as 0, in one piece; no role, no [DONE] */
    is_ok(
        streamed(
            &dialect_chat,
            "data: {'choices':[{'delta':{'tool_calls':[{'index':0,'id':'a','function':{'name':'f','arguments':'{}'}}]}}]}\n\n"
            "data: {'choices':[{'delta':{'tool_calls':[{'index':0,'id':'b','function':{'name':'g','arguments':{'y':2}}}]},"
            "'finish_reason':'stop'}]}\n\n"),
        "{'calls':[{'arguments':{},'id':'a','name':'f'},{'arguments':{'y':2},'id':'b','name':'g'}],"
        "'content':null,'finish':'calls','model':''}");
    /* [DONE] without a reason */
    ModelReply r = streamed(&dialect_chat, "data: {'choices':[{'delta':{'content':'so'}}]}\n\n"
                                           "data: [DONE]\n\n");
    is_ok(r, "{'calls':[],'content':'so','finish':'stop','model':''}");
    used(r, 0, 1, 0, 0); /* nothing was said of usage: a token for each piece */
}

#define THOUGHTFUL                                                                                        \
    "{'calls':[{'arguments':{'x':1},'id':'t1','name':'f'}],'content':'so','finish':'calls','model':'c1'," \
    "'native':{'dialect':'anthropic','parts':[{'signature':'s9','thinking':'hm','type':'thinking'},"      \
    "{'text':'so','type':'text'},{'id':'t1','input':{'x':1},'name':'f','type':'tool_use'}]}}"

static void anthropic_whole_and_streamed_are_one(UNUSED void **state) {
    ModelReply r = whole(
        &dialect_anthropic, 200,
        "{'type':'message','model':'c1','content':[{'type':'thinking','thinking':'hm','signature':'s9'},"
        "{'type':'text','text':'so'},{'type':'tool_use','id':'t1','name':'f','input':{'x':1}}],"
        "'stop_reason':'tool_use','usage':{'input_tokens':5,'cache_read_input_tokens':100,"
        "'cache_creation_input_tokens':20,'output_tokens':8,'output_tokens_details':{'thinking_tokens':3}}}");
    is_ok(r, THOUGHTFUL);
    used(r, 125, 8, 100, 3);
    r = streamed(
        &dialect_anthropic,
        "event: message_start\ndata: {'type':'message_start','message':{'model':'c1','content':[],"
        "'usage':{'input_tokens':5,'cache_read_input_tokens':100,'cache_creation_input_tokens':20,'output_tokens':1}}}\n\n"
        "event: ping\ndata: {'type':'ping'}\n\n"
        "data: {'type':'content_block_start','index':0,'content_block':{'type':'thinking','thinking':'','signature':''}}\n\n"
        "data: {'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta','thinking':'h'}}\n\n"
        "data: {'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta','thinking':'m'}}\n\n"
        "data: {'type':'content_block_delta','index':0,'delta':{'type':'signature_delta','signature':'s9'}}\n\n"
        "data: {'type':'content_block_stop','index':0}\n\n"
        "data: {'type':'content_block_start','index':1,'content_block':{'type':'text','text':''}}\n\n"
        "data: {'type':'content_block_delta','index':1,'delta':{'type':'text_delta','text':'s'}}\n\n"
        "data: {'type':'something_new','index':1}\n\n"
        "data: {'type':'content_block_delta','index':1,'delta':{'type':'text_delta','text':'o'}}\n\n"
        "data: {'type':'content_block_stop','index':1}\n\n"
        "data: {'type':'content_block_start','index':2,'content_block':{'type':'tool_use','id':'t1','name':'f','input':{}}}\n\n"
        "data: {'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta','partial_json':''}}\n\n"
        "data: {'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta','partial_json':'{\\'x\\':'}}\n\n"
        "data: {'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta','partial_json':'1}'}}\n\n"
        "data: {'type':'content_block_stop','index':2}\n\n"
        "data: {'type':'message_delta','delta':{'stop_reason':'tool_use'},'usage':{'output_tokens':8,"
        "'output_tokens_details':{'thinking_tokens':3}}}\n\n"
        "data: {'type':'message_stop'}\n\n");
    is_ok(r, THOUGHTFUL);
    used(r, 125, 8, 100, 3);
}

#define ANTHROPIC(content, reason)                                                                 \
    "{'model':'c','content':[" content "],'stop_reason':'" reason "','usage':{'input_tokens':1}}"

static void stop_reasons_of_anthropic_are_told_apart(UNUSED void **state) {
    const Dialect *d = &dialect_anthropic;
    is_ok(whole(d, 200, ANTHROPIC("{'type':'text','text':'a'}", "max_tokens")),
          "{'calls':[],'content':'a','finish':'length','model':'c'}");
    is_ok(whole(d, 200, ANTHROPIC("{'type':'text','text':'a'}", "stop_sequence")),
          "{'calls':[],'content':'a','finish':'stop','model':'c'}");
    is_ok(whole(d, 200, ANTHROPIC("{'type':'text','text':'a'}", "pause_turn")),
          "{'calls':[],'content':'a','finish':'pause','model':'c','native':{'dialect':'anthropic',"
          "'parts':[{'text':'a','type':'text'}]}}");
    ModelReply r = whole(d, 200, ANTHROPIC("{'type':'text','text':'half'}", "refusal"));
    ended(r, OUTCOME_FAILED, SENT_YES, KIND_CONTENT_REFUSED);
    TEXT_HAS(r.payload, "\"content\":\"half\"");
    used(r, 1, 0, 0, 0);
}

#define SIGNED                                                                                                  \
    "{'calls':[{'arguments':{'x':1},'id':'call_1_1','name':'f'}],'content':'so','finish':'calls','model':'g1'," \
    "'native':{'dialect':'gemini','parts':[{'text':'hm','thought':true},{'text':'so'},"                         \
    "{'functionCall':{'args':{'x':1},'name':'f'},'thoughtSignature':'s9'}]}}"

static void gemini_whole_and_streamed_are_one(UNUSED void **state) {
    const char *usage = "'usageMetadata':{'promptTokenCount':5,'candidatesTokenCount':4,"
                        "'thoughtsTokenCount':3,'cachedContentTokenCount':2},'modelVersion':'g1'";
    const char *call = "{'functionCall':{'name':'f','args':{'x':1}},'thoughtSignature':'s9'}";
    ModelReply r = whole(
        &dialect_gemini, 200,
        arena_fmt(&arena,
                  "{'candidates':[{'content':{'parts':[{'text':'hm','thought':true},{'text':'so'},"
                  "%s]},'finishReason':'STOP'}],%s}",
                  call, usage)
            .p);
    is_ok(r, SIGNED);
    used(r, 5, 7, 2, 3);
    r = streamed(
        &dialect_gemini,
        arena_fmt(
            &arena,
            "data: {'candidates':[{'content':{'parts':[{'text':'hm','thought':true}]}}]}\r\n\r\n"
            "data: {'candidates':[{'content':{'parts':[{'text':'so'}]}}],'usageMetadata':{'promptTokenCount':5}}\r\n\r\n"
            "data: {'candidates':[{'content':{'parts':[%s]},'finishReason':'STOP'}],%s}\r\n\r\n",
            call, usage)
            .p);
    is_ok(r, SIGNED);
    used(r, 5, 7, 2, 3);
}

static void results_go_to_gemini_by_the_id_that_it_gave(UNUSED void **state) {
    Str r = requested(
        &dialect_gemini,
        "{'messages':[{'role':'assistant','content':null,'calls':[{'id':'own','name':'f','arguments':{}},"
        "{'id':'call_1_2','name':'f','arguments':{}}],'native':{'dialect':'gemini','parts':["
        "{'functionCall':{'id':'own','name':'f'},'thoughtSignature':'s'},{'functionCall':{'name':'f'}}]}},"
        "{'role':'tool','call':'own','name':'f','content':'1'},"
        "{'role':'tool','call':'call_1_2','name':'f','content':'2'}]}");
    TEXT_HAS(
        r,
        "{\"functionResponse\":{\"id\":\"own\",\"name\":\"f\",\"response\":{\"result\":\"1\"}}}");
    TEXT_HAS(r, "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"result\":\"2\"}}}");
}

static void reasons_of_gemini_are_told_apart(UNUSED void **state) {
    const Dialect *d = &dialect_gemini;
    is_ok(
        whole(d, 200,
              "{'candidates':[{'content':{'parts':[{'text':'a'}]},'finishReason':'MAX_TOKENS'}]}"),
        "{'calls':[],'content':'a','finish':'length','model':''}");
    ended(whole(d, 200, "{'candidates':[{'finishReason':'SAFETY'}]}"), OUTCOME_FAILED, SENT_YES,
          KIND_CONTENT_REFUSED);
    ended(whole(d, 200, "{'promptFeedback':{'blockReason':'OTHER'}}"), OUTCOME_FAILED, SENT_YES,
          KIND_CONTENT_REFUSED);
    ended(whole(d, 200, "{'candidates':[{'finishReason':'MALFORMED_FUNCTION_CALL'}]}"),
          OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE);
    ended(whole(d, 200, "{}"), OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE);
}

#define REASONED                                                                                           \
    "{'calls':[{'arguments':{'x':1},'id':'c1','name':'f'}],'content':'so','finish':'calls','model':'r1',"  \
    "'native':{'dialect':'responses','parts':[{'encrypted_content':'e9','summary':[],'type':'reasoning'}," \
    "{'content':[{'text':'so','type':'output_text'}],'role':'assistant','type':'message'},"                \
    "{'arguments':'{\\'x\\':1}','call_id':'c1','name':'f','type':'function_call'}]}}"
#define REASONING "{'type':'reasoning','summary':[],'encrypted_content':'e9'}"
#define SAID "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'so'}]}"
#define CALLED "{'type':'function_call','call_id':'c1','name':'f','arguments':'{\\'x\\':1}'}"
#define RESPONSE(output)                                                                           \
    "{'model':'r1','status':'completed','output':[" output                                         \
    "],'error':null,'usage':{'input_tokens':5,'input_tokens_details':{'cached_tokens':2},"         \
    "'output_tokens':7,'output_tokens_details':{'reasoning_tokens':3}}}"

static void responses_whole_and_streamed_are_one(UNUSED void **state) {
    const Dialect *d = &dialect_responses;
    ModelReply r = whole(d, 200, RESPONSE(REASONING "," SAID "," CALLED));
    is_ok(r, REASONED);
    used(r, 5, 7, 2, 3);
#define BEGINNING                                                                                  \
    "event: response.created\ndata: {'type':'response.created','response':{'model':'r1'}}\n\n"     \
    "data: {'type':'response.output_item.done','item':" REASONING "}\n\n"                          \
    "data: {'type':'response.output_text.delta','delta':'s'}\n\n"                                  \
    "data: {'type':'response.output_text.delta','delta':'o'}\n\n"                                  \
    "data: {'type':'response.output_item.done','item':" SAID "}\n\n"                               \
    "data: {'type':'response.function_call_arguments.delta','delta':'{'}\n\n"                      \
    "data: {'type':'response.output_item.done','item':" CALLED "}\n\n"
    r = streamed(d, BEGINNING "data: {'type':'response.completed','response':" RESPONSE(
                        REASONING "," SAID "," CALLED) "}\n\n");
    is_ok(r, REASONED);
    used(r, 5, 7, 2, 3);
    /* a last event that does not repeat it */
    is_ok(streamed(d,
                   BEGINNING "data: {'type':'response.completed','response':" RESPONSE("") "}\n\n"),
          REASONED);
}

static void what_was_reasoned_and_not_sealed_is_not_echoed(UNUSED void **state) {
    is_ok(whole(&dialect_responses, 200, RESPONSE("{'type':'reasoning','id':'rs_1'}," SAID)),
          "{'calls':[],'content':'so','finish':'stop','model':'r1'}");
}

static void ends_of_responses_are_told_apart(UNUSED void **state) {
    const Dialect *d = &dialect_responses;
    is_ok(
        whole(
            d, 200,
            "{'status':'incomplete','incomplete_details':{'reason':'max_output_tokens'},'output':[" SAID
            "]}"),
        "{'calls':[],'content':'so','finish':'length','model':''}");
    ended(
        whole(
            d, 200,
            "{'status':'incomplete','incomplete_details':{'reason':'content_filter'},'output':[]}"),
        OUTCOME_FAILED, SENT_YES, KIND_CONTENT_REFUSED);
    ended(
        whole(
            d, 200,
            "{'status':'completed','output':[{'type':'message','content':[{'type':'refusal','refusal':'no'}]}]}"),
        OUTCOME_FAILED, SENT_YES, KIND_CONTENT_REFUSED);
    ended(whole(d, 200,
                "{'status':'failed','error':{'code':'server_error','message':'x'},'output':[]}"),
          OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
    ended(streamed(d, "data: {'type':'response.failed','response':{'status':'failed','error':"
                      "{'code':'rate_limit_exceeded','message':'slow'}}}\n\n"),
          OUTCOME_FAILED, SENT_YES, KIND_RATE_LIMITED);
}

/* ---- broken streams ------------------------------------------------------------------------------------------------------- */

#define STARTED                                                                                    \
    "data: {'type':'message_start','message':{'usage':{'input_tokens':50,'output_tokens':1}}}\n\n" \
    "data: {'type':'content_block_start','index':0,'content_block':{'type':'text','text':''}}\n\n" \
    "data: {'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':'on'}}\n\n" \
    "data: {'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':'ce'}}\n\n"

static void a_broken_stream_is_a_named_failure_and_keeps_its_usage(UNUSED void **state) {
    static const struct {
        StreamEnd end;
        Outcome outcome;
        Sent sent;
        ErrorKind kind;
        const char *words;
    } ends[] = {
        { STREAM_ENDED, OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE, "ended before" },
        { STREAM_CUT, OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE, "was cut" },
        { STREAM_STALLED, OUTCOME_UNKNOWN, SENT_YES, KIND_TIMEOUT, "stalled" },
        { STREAM_LATE, OUTCOME_UNKNOWN, SENT_YES, KIND_TIMEOUT, "too long" },
        { STREAM_ENDLESS, OUTCOME_FAILED, SENT_YES, KIND_LIMIT, "no end" },
        { STREAM_GARBAGE, OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE, "garbled" },
        { STREAM_STOPPED, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED, "stopped" },
    };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        ModelReply r = streamed_until(&dialect_anthropic, STARTED, ends[i].end);
        ended(r, ends[i].outcome, ends[i].sent, ends[i].kind);
        TEXT_HAS(r.message, ends[i].words);
        TEXT_HAS(r.message, "after 2 pieces: the reason");
        TEXT_HAS(r.payload, "\"came\":\"once\"");
        used(r, 50, 2, 0, 0);
        assert_int_equal(r.final, ends[i].end == STREAM_ENDLESS);
    }
}

static void without_a_word_on_usage_a_broken_stream_says_none(UNUSED void **state) {
    ModelReply r = streamed_until(&dialect_chat,
                                  "data: {'choices':[{'delta':{'content':'a'}}]}\n\n", STREAM_CUT);
    ended(r, OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE);
    used(r, 0, 0, 0, 0); /* the kernel keeps what was reserved */
}

static void an_answer_that_is_complete_bears_a_broken_end(UNUSED void **state) {
    is_ok(streamed_until(&dialect_chat,
                         "data: {'choices':[{'delta':{'content':'a'},'finish_reason':'stop'}]}\n\n",
                         STREAM_CUT),
          "{'calls':[],'content':'a','finish':'stop','model':''}");
}

static void an_event_that_is_no_json_is_garbage(UNUSED void **state) {
    ended(streamed(&dialect_chat, "data: {'choices':[\n\n"), OUTCOME_UNKNOWN, SENT_YES,
          KIND_UNAVAILABLE);
    ended(streamed(&dialect_chat, "data: 12\n\n"), OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE);
}

static void what_is_no_item_is_passed_over(UNUSED void **state) {
    is_ok(streamed(&dialect_responses,
                   "data: {'type':'response.output_item.done'}\n\n"
                   "data: {'type':'response.completed','response':{'status':'completed'}}\n\n"),
          "{'calls':[],'content':null,'finish':'stop','model':''}");
    is_ok(whole(&dialect_anthropic, 200, "{'content':[1,null,{'type':'text','text':'a'}]}"),
          "{'calls':[],'content':'a','finish':'stop','model':''}");
}

static void an_error_within_a_stream_is_that_error(UNUSED void **state) {
    ModelReply r = streamed(&dialect_anthropic,
                            STARTED "event: error\ndata: {'type':'error','error':"
                                    "{'type':'overloaded_error','message':'busy'}}\n\n");
    ended(r, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
    TEXT_HAS(r.message, "529 Overloaded: busy");
    used(r, 50, 2, 0, 0);
    ended(streamed(&dialect_chat, "event: error\ndata: {'message':'x','code':429}\n\n"),
          OUTCOME_FAILED, SENT_YES, KIND_RATE_LIMITED);
    ended(streamed(&dialect_chat, "data: {'error':'odd'}\n\n"), OUTCOME_UNKNOWN, SENT_YES,
          KIND_UNAVAILABLE);
    ended(streamed(&dialect_responses,
                   "data: {'type':'error','code':'insufficient_quota','message':'pay'}\n\n"),
          OUTCOME_FAILED, SENT_YES, KIND_DENIED);
}

/* ---- the table of docs/models.md ----------------------------------------------------------------------------------------- */

static const char *again(const ModelReply *r) {
    if (r->final || r->kind == KIND_DENIED || r->kind == KIND_CONTENT_REFUSED)
        return "never";
    return r->retry_after_ms ? arena_fmt(&arena, "after %d s", (int)(r->retry_after_ms / 1000)).p
                             : "yes";
}

/* Cells: provider, status or `stream` and a body, outcome, sent, kind, again. */
static void check_documented(const DocRow *row) {
    Str provider = str_from(row->cells[0]), cell = str_from(row->cells[1]);
    const Dialect *d = dialect_of(str_slice(provider, 1, provider.len - 1));
    ptrdiff_t at = str_find(cell, STR("`"));
    assert_true(at > 0 && row->n == 6);
    const char *body = arena_str(&arena, str_slice(cell, (size_t)at + 1, cell.len - 1)).p;
    ModelReply r = str_starts(cell, STR("stream "))
                       ? streamed(d, arena_fmt(&arena, "data: %s\n\n", body).p)
                       : whole(d, (int)strtol(cell.p, NULL, 10), body);
    if (r.outcome == OUTCOME_OK)
        fail_msg("%.*s: it is taken for an answer", STR_FMT(cell));
    DocRow four = { .n = 4 };
    snprintf(four.cells[0], sizeof four.cells[0], "%.230s", cell.p);
    for (int i = 1; i < 4; i++)
        snprintf(four.cells[i], sizeof four.cells[i], "%s", row->cells[i + 1]);
    doc_check(&four, r.outcome, r.sent, r.kind);
    if (strcmp(row->cells[5], again(&r)))
        fail_msg("%.*s: the table says %s, the program %s", STR_FMT(cell), row->cells[5],
                 again(&r));
}

static void every_row_of_the_documented_table_holds(UNUSED void **state) {
    int rows =
        doc_each_row_of(SOURCE_ROOT "/docs/models.md", "## Errors, by provider", check_documented);
    assert_int_equal(rows, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, clear_arena)
        T(anthropic_has_blocks_and_results_first),
        T(anthropic_refuses_temperature_and_needs_a_cap),
        T(responses_has_items),
        T(responses_seals_reasoning_only_where_there_is_some),
        T(gemini_has_parts),
        T(an_output_schema_is_native_everywhere),
        T(a_schema_that_cannot_be_held_to_is_not_sent),
        T(tools_are_offered),
        T(parts_go_back_to_their_own_dialect_alone),
        T(the_stream_is_asked_for_as_each_wants_it),
        T(chat_whole_and_streamed_are_one),
        T(quirks_of_streams_are_borne),
        T(anthropic_whole_and_streamed_are_one),
        T(stop_reasons_of_anthropic_are_told_apart),
        T(gemini_whole_and_streamed_are_one),
        T(results_go_to_gemini_by_the_id_that_it_gave),
        T(reasons_of_gemini_are_told_apart),
        T(responses_whole_and_streamed_are_one),
        T(what_was_reasoned_and_not_sealed_is_not_echoed),
        T(ends_of_responses_are_told_apart),
        T(a_broken_stream_is_a_named_failure_and_keeps_its_usage),
        T(without_a_word_on_usage_a_broken_stream_says_none),
        T(an_answer_that_is_complete_bears_a_broken_end),
        T(an_event_that_is_no_json_is_garbage),
        T(what_is_no_item_is_passed_over),
        T(an_error_within_a_stream_is_that_error),
        T(every_row_of_the_documented_table_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
