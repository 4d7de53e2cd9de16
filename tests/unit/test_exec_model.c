/* Models: the request as a chat completion, replies of servers as they are, and both over a real connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "exec/executor.h"
#include "exec/model/reply.h"
#include "exec/provider.h"

#include "doc_table.h"
#include "exec_world.h"
#include "scripted_server.h"

#include <signal.h>

static Arena arena;

static int clear_arena(UNUSED void **state) {
    arena_deinit(&arena);
    arena = ARENA_NULL;
    return 0;
}

static Value parsed(const char *json) {
    Value v;
    JsonError e;
    if (json_read_copy(&arena, str_from(json), &v, &e))
        fail_msg("%s: %s", json, e.message);
    return v;
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

static Str requested(const char *neutral, bool official) {
    ModelTarget target = { STR("m"), STR("the agent!"), official, false };
    return value_text(&arena, dialect_chat.request(&arena, parsed(neutral), &target));
}

static void provider_is_taken_off_the_model(UNUSED void **state) {
    assert_str_is(model_without_provider(STR("openai/gpt-5")), "gpt-5");
    assert_str_is(model_without_provider(STR("local/meta-llama/x")), "meta-llama/x");
    assert_str_is(model_without_provider(STR("bare")), "bare");
}

static void a_conversation_with_a_tool_is_mapped(UNUSED void **state) {
    assert_str_is(
        requested(
            "{\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\",\"content\":\"hi\"},"
            "{\"role\":\"assistant\",\"content\":null,\"calls\":[{\"id\":\"c1\",\"name\":\"f\",\"arguments\":{\"x\":1}},"
            "{\"id\":\"c2\",\"name\":\"f\",\"arguments\":\"{broken\"}]},"
            "{\"role\":\"tool\",\"call\":\"c1\",\"content\":\"ok\"},{\"role\":\"tool\",\"call\":\"c2\",\"content\":{\"e\":1}}]}",
            false),
        "{\"messages\":[{\"content\":\"be\",\"role\":\"system\"},{\"content\":\"hi\",\"role\":\"user\"},"
        "{\"content\":null,\"role\":\"assistant\",\"tool_calls\":["
        "{\"function\":{\"arguments\":\"{\\\"x\\\":1}\",\"name\":\"f\"},\"id\":\"c1\",\"type\":\"function\"},"
        "{\"function\":{\"arguments\":\"{broken\",\"name\":\"f\"},\"id\":\"c2\",\"type\":\"function\"}]},"
        "{\"content\":\"ok\",\"role\":\"tool\",\"tool_call_id\":\"c1\"},"
        "{\"content\":\"{\\\"e\\\":1}\",\"role\":\"tool\",\"tool_call_id\":\"c2\"}],\"model\":\"m\"}");
}

static void tools_and_numbers_are_mapped(UNUSED void **state) {
    const char *neutral =
        "{\"messages\":[],\"tools\":[{\"name\":\"f\",\"description\":\"does\",\"schema\":{\"type\":\"object\"}},{\"name\":\"g\"}],"
        "\"max_output\":100,\"temperature\":0.5,\"effort\":\"low\"}";
    assert_str_is(
        requested(neutral, false),
        "{\"max_tokens\":100,\"messages\":[],\"model\":\"m\",\"reasoning_effort\":\"low\",\"temperature\":0.5,"
        "\"tools\":[{\"function\":{\"description\":\"does\",\"name\":\"f\",\"parameters\":{\"type\":\"object\"}},"
        "\"type\":\"function\"},{\"function\":{\"name\":\"g\",\"parameters\":{\"properties\":{},\"type\":\"object\"}},"
        "\"type\":\"function\"}]}");
    assert_str_has(requested(neutral, true), "\"max_completion_tokens\":100");
    assert_str_is(
        requested(
            "{\"messages\":[],\"tools\":[],\"temperature\":null,\"max_output\":null,\"effort\":\"\"}",
            false),
        "{\"messages\":[],\"model\":\"m\"}");
}

static void an_output_schema_is_strict_only_where_it_can_be(UNUSED void **state) {
#define CLOSED(props, required)                                                                    \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" props                   \
    "},\"required\":[" required "]}"
    Str strict =
        requested("{\"messages\":[],\"schema\":" CLOSED(
                      "\"a\":{\"type\":\"array\",\"items\":" CLOSED("", "") "}", "\"a\"") "}",
                  false);
    assert_str_has(strict, "\"name\":\"the_agent_\"");
    assert_str_has(strict, "\"strict\":true}");
    static const char *const loose[] = {
        CLOSED("\"a\":{\"type\":\"string\"}", ""),
        CLOSED("\"a\":{}", "\"a\""),
        CLOSED("\"a\":{\"type\":\"object\"}", "\"a\""),
        CLOSED("\"a\":{\"type\":\"string\",\"minLength\":3}", "\"a\""),
        CLOSED("\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}",
               "\"a\""),
        CLOSED("\"a\":{\"type\":\"string\",\"not\":{\"const\":\"\"}}", "\"a\""),
        "{\"type\":\"object\",\"properties\":{}}",
        "{\"type\":\"string\"}",
        "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(loose); i++) {
        Str text = arena_fmt(&arena, "{\"messages\":[],\"schema\":%s}", loose[i]);
        assert_str_has(requested(text.p, false), "\"strict\":false}");
    }
}

/* ---- replies ----------------------------------------------------------------------------------------------------------- */

static ModelReply read_reply(int status, const char *body) {
    ModelReply r;
    model_reply(&arena, &dialect_chat, status, str_from(body), 0, VALUE_ABSENT, &r);
    return r;
}

#define assert_reply(r, o, s, k)                                                                   \
    do {                                                                                           \
        ModelReply _r = (r);                                                                       \
        if (_r.outcome != (o) || _r.sent != (s) || _r.kind != (k))                                 \
            fail_msg("outcome %d, sent %d, kind %s: %.*s", _r.outcome, _r.sent,                    \
                     error_kind_name(_r.kind), STR_FMT(_r.message));                               \
    } while (0)

static void reply_is(const char *body, const char *payload) {
    ModelReply r = read_reply(200, body);
    assert_reply(r, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(r.payload, payload);
}

#define MESSAGE(message, finish)                                                                   \
    "{\"model\":\"m1\",\"choices\":[{\"message\":{" message "},\"finish_reason\":" finish "}]}"

static void an_answer_in_words(UNUSED void **state) {
    reply_is(MESSAGE("\"content\":\"hello\"", "\"stop\""),
             "{\"calls\":[],\"content\":\"hello\",\"finish\":\"stop\",\"model\":\"m1\"}");
    reply_is(MESSAGE("\"content\":\"hel\"", "\"length\""),
             "{\"calls\":[],\"content\":\"hel\",\"finish\":\"length\",\"model\":\"m1\"}");
    reply_is(
        MESSAGE(
            "\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"x\"},{\"text\":\"b\"}]",
            "null"),
        "{\"calls\":[],\"content\":\"ab\",\"finish\":\"stop\",\"model\":\"m1\"}");
}

static void an_answer_with_calls(UNUSED void **state) {
    reply_is(
        MESSAGE(
            "\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{\\\"x\\\": 1}\"}}]",
            "\"tool_calls\""),
        "{\"calls\":[{\"arguments\":{\"x\":1},\"id\":\"c1\",\"name\":\"f\"}],\"content\":null,\"finish\":\"calls\",\"model\":\"m1\"}");
}

static void quirks_of_servers_are_borne(UNUSED void **state) {
    /* no content key, no id, arguments as an object, finish "stop", an unknown finish */
    reply_is(
        MESSAGE(
            "\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}},{\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]",
            "\"stop\""),
        "{\"calls\":[{\"arguments\":{\"x\":1},\"id\":\"call_1_1\",\"name\":\"f\"},"
        "{\"arguments\":{},\"id\":\"call_1_2\",\"name\":\"g\"}],\"content\":null,\"finish\":\"calls\",\"model\":\"m1\"}");
    reply_is(MESSAGE("\"content\":\"\"", "\"abort\""),
             "{\"calls\":[],\"content\":null,\"finish\":\"stop\",\"model\":\"m1\"}");
    /* the same id twice would join two answers to one call */
    reply_is(
        MESSAGE(
            "\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\"}},{\"id\":\"a\",\"function\":{\"name\":\"f\"}}]",
            "null"),
        "{\"calls\":[{\"arguments\":{},\"id\":\"a\",\"name\":\"f\"},{\"arguments\":{},\"id\":\"call_1_2\",\"name\":\"f\"}],"
        "\"content\":null,\"finish\":\"calls\",\"model\":\"m1\"}");
    reply_is(
        MESSAGE("\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}", "\"function_call\""),
        "{\"calls\":[{\"arguments\":{},\"id\":\"call_1_1\",\"name\":\"f\"}],\"content\":null,\"finish\":\"calls\",\"model\":\"m1\"}");
}

static void arguments_that_are_no_object_stay_as_written(UNUSED void **state) {
    ModelReply r = read_reply(
        200,
        MESSAGE(
            "\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{broken\"}},"
            "{\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}}]",
            "null"));
    assert_str_has(r.payload, "\"arguments\":\"{broken\"");
    assert_str_has(r.payload, "\"arguments\":\"[1]\"");
}

static void synthesised_ids_differ_from_turn_to_turn(UNUSED void **state) {
    ModelReply r;
    model_reply(&arena, &dialect_chat, 200,
                STR(MESSAGE("\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]", "null")), 3,
                VALUE_ABSENT, &r);
    assert_str_has(r.payload, "\"id\":\"call_4_1\"");
}

/* No API takes the dot of a tool of a set. */
static void a_tool_of_a_set_has_a_name_that_the_api_takes_and_gets_its_own_back(
    UNUSED void **state) {
    const char *neutral =
        "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"calls\":[{\"id\":\"1\","
        "\"name\":\"fs.read\",\"arguments\":{}}]}],\"tools\":[{\"name\":\"fs.read\"}]}";
    Str sent = requested(neutral, false);
    assert_str_has(sent, "\"tools\":[{\"function\":{\"name\":\"fs_read\"");
    assert_str_has(sent, "{\"function\":{\"arguments\":\"{}\",\"name\":\"fs_read\"}");
    assert_true(str_find(sent, STR("fs.read")) < 0);
    ModelReply r;
    model_reply(
        &arena, &dialect_chat, 200,
        STR(MESSAGE(
            "\"tool_calls\":[{\"function\":{\"name\":\"fs_read\"}},{\"function\":{\"name\":\"x_y\"}}]",
            "null")),
        1, value_getz(parsed(neutral), "tools"), &r);
    assert_str_has(r.payload, "\"name\":\"fs.read\"");
    assert_str_has(r.payload, "\"name\":\"x_y\"");
}

static void usage_is_read_and_may_be_absent(UNUSED void **state) {
    ModelReply r = read_reply(
        200, "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":10,"
             "\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":4}}}");
    assert_int_equal(r.usage.tokens_in, 10);
    assert_int_equal(r.usage.tokens_out, 5);
    assert_int_equal(r.usage.tokens_cached, 4);
    r = read_reply(
        200, "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":-3,"
             "\"completion_tokens\":1e300,\"prompt_tokens_details\":null}}");
    assert_int_equal(r.usage.tokens_in, 0);
    assert_in_range(r.usage.tokens_out, 1, 1000000000000);
    r = read_reply(200, "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":null}");
    assert_int_equal(r.usage.tokens_in + r.usage.tokens_out, 0);
}

static void a_refusal_is_a_definite_failure_that_was_paid_for(UNUSED void **state) {
    ModelReply r = read_reply(
        200,
        "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I will not\"}}],\"usage\":{\"prompt_tokens\":7}}");
    assert_reply(r, OUTCOME_FAILED, SENT_YES, KIND_CONTENT_REFUSED);
    assert_str_is(r.message, "the model refused: I will not");
    assert_int_equal(r.usage.tokens_in, 7);
    r = read_reply(200, MESSAGE("\"content\":null", "\"content_filter\""));
    assert_reply(r, OUTCOME_FAILED, SENT_YES, KIND_CONTENT_REFUSED);
    r = read_reply(400, "{\"error\":{\"message\":\"no\",\"code\":\"content_policy_violation\"}}");
    assert_reply(r, OUTCOME_FAILED, SENT_YES, KIND_CONTENT_REFUSED);
}

static void quota_is_told_from_rate(UNUSED void **state) {
    assert_reply(
        read_reply(
            429,
            "{\"error\":{\"message\":\"slow\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}"),
        OUTCOME_FAILED, SENT_YES, KIND_RATE_LIMITED);
    assert_reply(
        read_reply(
            429, "{\"error\":{\"message\":\"pay\",\"type\":\"insufficient_quota\",\"code\":null}}"),
        OUTCOME_FAILED, SENT_YES, KIND_DENIED);
    assert_reply(
        read_reply(429, "{\"error\":{\"message\":\"pay\",\"code\":\"credit_balance_exhausted\"}}"),
        OUTCOME_FAILED, SENT_YES, KIND_DENIED);
    assert_reply(read_reply(429, ""), OUTCOME_FAILED, SENT_YES, KIND_RATE_LIMITED);
}

static void errors_come_in_many_shapes(UNUSED void **state) {
    static const char *const bodies[] = { "{\"error\":{\"message\":\"the reason\"}}",
                                          "{\"error\":\"the reason\"}",
                                          "{\"detail\":\"the reason\"}",
                                          "{\"message\":\"the reason\"}", "the reason" };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        ModelReply r = read_reply(404, bodies[i]);
        assert_reply(r, OUTCOME_FAILED, SENT_YES, KIND_NOT_FOUND);
        assert_str_is(r.message, "the model's server answered 404 Not Found: the reason");
    }
    assert_reply(read_reply(503, "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}"),
                 OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
    assert_reply(read_reply(401, "\xff\xfe"), OUTCOME_FAILED, SENT_YES, KIND_DENIED);
}

static void a_200_that_is_no_answer_is_unknown(UNUSED void **state) {
    static const char *const bodies[] = { "",
                                          "not json",
                                          "null",
                                          "[]",
                                          "{}",
                                          "{\"choices\":[]}",
                                          "{\"choices\":[1]}",
                                          "{\"choices\":[{}]}",
                                          "{\"choices\":{\"message\":{}}}",
                                          "{\"error\":\"odd\"}" };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        assert_reply(read_reply(200, bodies[i]), OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE);
}

static void a_200_with_a_status_inside_is_that_status(UNUSED void **state) {
    assert_reply(read_reply(200, "{\"error\":{\"code\":429,\"message\":\"slow\"}}"), OUTCOME_FAILED,
                 SENT_YES, KIND_RATE_LIMITED);
    assert_reply(read_reply(200, "{\"error\":{\"code\":502,\"message\":\"up\"}}"), OUTCOME_UNKNOWN,
                 SENT_MAYBE, KIND_UNAVAILABLE);
}

/* ---- the table of docs/effects.md -------------------------------------------------------------------------------------- */

static void check_documented(const DocRow *r) {
    static const struct {
        const char *words, *body;
        int status;
    } answers[] = {
        { "429 because of rate", "{\"error\":{\"message\":\"slow\",\"type\":\"requests\"}}", 429 },
        { "429 because a quota",
          "{\"error\":{\"message\":\"pay\",\"type\":\"insufficient_quota\"}}", 429 },
        { "400 because of a content filter",
          "{\"error\":{\"message\":\"no\",\"code\":\"content_filter\"}}", 400 },
        { "200 with a refusal", "{\"choices\":[{\"message\":{\"refusal\":\"no\"}}]}", 200 },
        { "200 with no choice", "{\"choices\":[]}", 200 },
        { "200 that is no JSON", "gateway", 200 },
        { "200 with an error and a status inside", "{\"error\":{\"code\":502,\"message\":\"up\"}}",
          200 },
        { "401", "{\"error\":{\"message\":\"key\"}}", 401 },
        { "404", "{\"error\":{\"message\":\"no such model\"}}", 404 },
        { "500", "{\"error\":{\"message\":\"broken\"}}", 500 },
        { "529", "{\"error\":{\"message\":\"overloaded\"}}", 529 },
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        if (!strncmp(r->cells[0], answers[i].words, strlen(answers[i].words))) {
            ModelReply got = read_reply(answers[i].status, answers[i].body);
            doc_check(r, got.outcome, got.sent, got.kind);
            return;
        }
    fail_msg("nobody knows such an answer: %s", r->cells[0]);
}

static void every_row_of_the_documented_table_holds(UNUSED void **state) {
    assert_int_equal(doc_each_row("## Models", check_documented), 11);
}

/* ---- over a connection ------------------------------------------------------------------------------------------------- */

static World world;
static World *w = &world;
static char url[64];

static char heard[256];

static void hear(UNUSED void *ctx, const Attempt *a, size_t offset, Str text) {
    assert_true(a->told);
    size_t n = strlen(heard);
    snprintf(heard + n, sizeof heard - n, "[%zu %.*s]", offset, STR_FMT(text));
}

static int open_world(UNUSED void **state) {
    signal(SIGPIPE, SIG_IGN);
    /* The port is known after the loop is open, so the text is filled in behind the executors' back. */
    snprintf(url, sizeof(url), "http://127.0.0.1:00000/v1/");
    world_open(w,
               (ExecOptions){ .model_url = str_from(url), .model_key = STR("k-1"), .delta = hear });
    server_open(&w->loop);
    snprintf(url, sizeof(url), "http://127.0.0.1:%05d/v1/", server.port);
    return 0;
}

static int close_world(UNUSED void **state) {
    server_close();
    world_close(w);
    return 0;
}

static Attempt *ask(void) {
    Attempt *a = attempt_new(
        CALLEE_MODEL,
        "{\"model\":\"openai/gpt-x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    a->effect = EFFECT_READ;
    return a;
}

static void a_model_is_asked_and_answers(UNUSED void **state) {
    server_says(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
        "{\"choices\":[{\"message\":{\"content\":\"hello\"}}],\"usage\":{\"prompt_tokens\":3},\"model\":\"gpt-x\"}",
        CLOSE);
    Attempt *a = ask();
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(w->last.payload,
                  "{\"calls\":[],\"content\":\"hello\",\"finish\":\"stop\",\"model\":\"gpt-x\"}");
    assert_int_equal(w->last.usage.tokens_in, 3);
    assert_true(w->last.took_us > 0);
    Str sent = str_from(server.request);
    assert_true(str_starts(sent, STR("POST /v1/chat/completions HTTP/1.1\r\n")));
    assert_str_has(sent, "Authorization: Bearer k-1\r\n");
    assert_true(str_ends(
        sent, STR("{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"}],\"model\":\"gpt-x\","
                  "\"stream\":true,\"stream_options\":{\"include_usage\":true}}")));
    attempt_free(a);
}

/* ---- streams ----------------------------------------------------------------------------------------------------------- */

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
#define PIECE(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define LAST                                                                                       \
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"                          \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"

static Attempt *ask_with(const char *more) {
    char text[400];
    snprintf(text, sizeof text,
             "{\"model\":\"openai/gpt-x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]%s}",
             more);
    Attempt *a = attempt_new(CALLEE_MODEL, text);
    a->effect = EFFECT_READ;
    return a;
}

static void a_stream_is_the_same_answer_and_is_told(UNUSED void **state) {
    server_says(STREAM PIECE("hel") PIECE("lo") LAST "data: [DONE]\n\n", CLOSE);
    Attempt *a = ask();
    a->told = true;
    heard[0] = 0;
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(w->last.payload,
                  "{\"calls\":[],\"content\":\"hello\",\"finish\":\"stop\",\"model\":\"\"}");
    assert_int_equal(w->last.usage.tokens_out, 2);
    assert_true(!strcmp(heard, "[0 hello]") || !strcmp(heard, "[0 hel][3 lo]"));
    attempt_free(a);
    server_says(STREAM PIECE("a") LAST, CLOSE);
    a = ask(); /* of a step whose text is not shown */
    heard[0] = 0;
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_string_equal(heard, "");
    attempt_free(a);
}

static void a_server_that_does_not_hang_up_is_left_after_its_last_word(UNUSED void **state) {
    server_says(STREAM PIECE("a") LAST "data: [DONE]\n\n", KEEP_OPEN);
    Attempt *a = ask();
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_true(w->last.took_us < 5000000);
    attempt_free(a);
}

static void a_stream_fails(const char *says, Then then, const char *more, Outcome outcome,
                           Sent sent, ErrorKind kind, const char *words) {
    server_says(says, then);
    Attempt *a = ask_with(more);
    perform(w, a);
    assert_ended(w, outcome, sent, kind);
    assert_str_has(w->last.message, words);
    attempt_free(a);
}

static void broken_streams_are_named(UNUSED void **state) {
    a_stream_fails(STREAM PIECE("a"), CLOSE, "", OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE,
                   "ended before the answer did after 1 pieces");
    a_stream_fails(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n" PIECE(
            "a"),
        CLOSE, "", OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE, "was cut");
    a_stream_fails(STREAM PIECE("a") "data: {\"choi\n\n" LAST, CLOSE, "", OUTCOME_UNKNOWN, SENT_YES,
                   KIND_UNAVAILABLE, "is garbled");
    a_stream_fails(STREAM, CLOSE, "", OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE,
                   "without a word");
}

static void a_silent_server_is_left_in_time(UNUSED void **state) {
    a_stream_fails(STREAM PIECE("a"), KEEP_OPEN,
                   ",\"server\":{\"kind\":\"openai\",\"first_byte_ms\":60000,\"gap_ms\":200}",
                   OUTCOME_UNKNOWN, SENT_YES, KIND_TIMEOUT, "stalled after 1 pieces");
    a_stream_fails("", SAY_NOTHING,
                   ",\"server\":{\"kind\":\"openai\",\"first_byte_ms\":200,\"gap_ms\":60000}",
                   OUTCOME_UNKNOWN, SENT_MAYBE, KIND_TIMEOUT, "nothing came");
}

static void an_endless_stream_is_left_and_not_asked_again(UNUSED void **state) {
    static char says[200000];
    size_t n = (size_t)snprintf(says, sizeof says, "%s", STREAM);
    while (n < sizeof says - 100)
        n += (size_t)snprintf(says + n, sizeof says - n, "%s", PIECE("x"));
    a_stream_fails(says, CLOSE, ",\"max_output\":10", OUTCOME_FAILED, SENT_YES, KIND_LIMIT,
                   "has no end");
    assert_int_equal(w->last.retry_after_ms, -1);
}

/* ---- whether to ask again ------------------------------------------------------------------------------------------------ */

static int64_t wait_after(const char *says) {
    server_says(says, CLOSE);
    Attempt *a = ask();
    perform(w, a);
    attempt_free(a);
    return w->last.retry_after_ms;
}

static void what_would_be_answered_the_same_is_not_asked_again(UNUSED void **state) {
    assert_int_equal(wait_after("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"), -1);
    assert_int_equal(wait_after("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_int_equal(
        wait_after("HTTP/1.1 500 No\r\nx-should-retry: false\r\nContent-Length: 0\r\n\r\n"), -1);
    assert_int_equal(
        wait_after("HTTP/1.1 400 No\r\nx-should-retry: true\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_int_equal(wait_after("HTTP/1.1 429 No\r\nx-should-retry: true\r\n\r\n"
                                "{\"error\":{\"type\":\"insufficient_quota\"}}"),
                     -1);
    assert_int_equal(
        wait_after("HTTP/1.1 429 No\r\n\r\n{\"error\":{\"details\":[{\"@type\":"
                   "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"12s\"}]}}"),
        12000);
}

static int64_t wait_with_reset(const char *remaining, int seconds) {
    char says[400];
    Buf b = BUF_INIT(100);
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    time_write(&b, now.tv_sec + seconds, 0);
    snprintf(says, sizeof says,
             "HTTP/1.1 429 Slow\r\nanthropic-ratelimit-input-tokens-remaining: %s\r\n"
             "anthropic-ratelimit-input-tokens-reset: %.*s\r\nContent-Length: 0\r\n\r\n",
             remaining, STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    return wait_after(says);
}

static void the_time_at_which_a_limit_is_full_again_is_waited_for(UNUSED void **state) {
    assert_in_range(wait_with_reset("0", 30), 28000, 30000);
    assert_int_equal(wait_with_reset("5", 30), 0);
    assert_int_equal(wait_with_reset("0", -30), 0);
}

static void the_wait_a_server_asks_for_is_kept(UNUSED void **state) {
    server_says("HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n", CLOSE);
    Attempt *a = ask();
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_RATE_LIMITED);
    assert_int_equal(w->last.retry_after_ms, 2000);
    attempt_free(a);
}

static void a_cut_answer_of_a_model_is_unknown(UNUSED void **state) {
    server_says("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"choices\":", CLOSE);
    Attempt *a = ask();
    perform(w, a);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
    attempt_free(a);
}

static void a_stopped_model_call_is_unknown(UNUSED void **state) {
    server_says("", SAY_NOTHING);
    Attempt *a = ask();
    exec_start(w->exec, a);
    while (!server.request_len)
        uv_run(&w->loop, UV_RUN_ONCE);
    exec_stop(w->exec, a);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED);
    attempt_free(a);
}

static void without_a_key_the_official_server_is_not_asked(UNUSED void **state) {
    World own;
    world_open(&own, (ExecOptions){ 0 });
    Attempt *a = ask();
    perform(&own, a);
    assert_ended(&own, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    assert_str_has(own.last.message, "OPENAI_API_KEY is not set");
    attempt_free(a);
    world_close(&own);
}

/* ---- providers --------------------------------------------------------------------------------------------------------- */

static Str ollama_at(const char *host) {
    setenv("OLLAMA_HOST", host, 1);
    Str found = provider_own_way(&arena, provider_named(STR("ollama"))).url;
    unsetenv("OLLAMA_HOST");
    return found;
}

static void ollama_is_found_by_its_own_variable(UNUSED void **state) {
    assert_str_is(ollama_at(""), "http://127.0.0.1:11434/v1");
    assert_str_is(ollama_at("0.0.0.0"), "http://127.0.0.1:11434/v1");
    assert_str_is(ollama_at("0.0.0.0:8080"), "http://127.0.0.1:8080/v1");
    assert_str_is(ollama_at("box"), "http://box:11434/v1");
    assert_str_is(ollama_at("https://box:8/"), "https://box:8/v1");
    assert_str_is(ollama_at("http://box/v1"), "http://box/v1");
}

static void a_server_for_all_is_asked_but_for_who_has_a_key(UNUSED void **state) {
    Str gateway = STR("http://gateway/v1/");
    unsetenv("ANTHROPIC_API_KEY");
    unsetenv("ANTHROPIC_BASE_URL");
    assert_str_is(provider_way(&arena, STR("anthropic/m"), gateway, STR("")).url,
                  "http://gateway/v1");
    assert_str_is(provider_way(&arena, STR("nobody/m"), gateway, STR("")).problem, "");
    setenv("ANTHROPIC_API_KEY", "k", 1);
    ProviderWay own = provider_way(&arena, STR("anthropic/m"), gateway, STR(""));
    assert_str_is(own.url, "https://api.anthropic.com/v1");
    assert_str_is(own.key, "k");
    assert_false(own.official);
    unsetenv("ANTHROPIC_API_KEY");
}

static void without_a_server_a_provider_must_be_known_and_have_its_key(UNUSED void **state) {
    assert_str_has(provider_way(&arena, STR("nobody/m"), STR(""), STR("k")).problem,
                   "no provider `nobody`");
    assert_str_has(provider_way(&arena, STR("openai/m"), STR(""), STR("")).problem,
                   "OPENAI_API_KEY is not set");
    assert_str_has(provider_way(&arena, STR("gemini/m"), STR(""), STR("k")).problem,
                   "GEMINI_API_KEY is not set");
    ProviderWay way = provider_way(&arena, STR("openai/m"), STR(""), STR("k"));
    assert_true(way.official);
    assert_str_is(way.problem, "");
}

static ProviderWay way_said(const char *said) {
    Value request;
    Str text = arena_fmt(&arena, "{\"model\":\"x/m\",\"server\":%s}", said);
    assert_int_equal(json_read_copy(&arena, text, &request, NULL), 0);
    return provider_way_of(&arena, request, STR("http://gateway/v1"), STR("env"));
}

static void what_the_project_says_of_a_provider_wins(UNUSED void **state) {
    ProviderWay way = way_said("{\"kind\":\"openai\",\"url\":\"http://x/v1/\"}");
    assert_str_is(way.url, "http://x/v1");
    assert_str_is(way.key, "");
    assert_str_is(way.problem, "");
    way = way_said("{\"kind\":\"openai\",\"key\":\"k\"}");
    assert_str_is(way.url, "http://gateway/v1");
    assert_str_is(way.key, "k");
    way = way_said("{\"kind\":\"openai\",\"url\":\"https://api.openai.com/v1\",\"key\":\"k\"}");
    assert_true(way.official);
    unsetenv("ANTHROPIC_API_KEY");
    unsetenv("ANTHROPIC_BASE_URL");
    way = way_said("{\"kind\":\"anthropic\",\"key\":\"k\"}");
    assert_str_is(way.url, "https://api.anthropic.com/v1");
    assert_str_is(way.problem, "");
    assert_str_has(way_said("{\"kind\":\"anthropic\"}").problem, "ANTHROPIC_API_KEY is not set");
    assert_str_has(way_said("{\"kind\":\"openai\",\"url\":\"\"}").problem, "no address of http");
    assert_str_has(way_said("{\"kind\":\"openai\",\"key\":\"\"}").problem, "has no value where");
}

int main(void) {
    const struct CMUnitTest pure[] = {
        cmocka_unit_test_teardown(provider_is_taken_off_the_model, clear_arena),
        cmocka_unit_test_teardown(a_conversation_with_a_tool_is_mapped, clear_arena),
        cmocka_unit_test_teardown(tools_and_numbers_are_mapped, clear_arena),
        cmocka_unit_test_teardown(an_output_schema_is_strict_only_where_it_can_be, clear_arena),
        cmocka_unit_test_teardown(an_answer_in_words, clear_arena),
        cmocka_unit_test_teardown(an_answer_with_calls, clear_arena),
        cmocka_unit_test_teardown(quirks_of_servers_are_borne, clear_arena),
        cmocka_unit_test_teardown(arguments_that_are_no_object_stay_as_written, clear_arena),
        cmocka_unit_test_teardown(
            a_tool_of_a_set_has_a_name_that_the_api_takes_and_gets_its_own_back, clear_arena),
        cmocka_unit_test_teardown(synthesised_ids_differ_from_turn_to_turn, clear_arena),
        cmocka_unit_test_teardown(usage_is_read_and_may_be_absent, clear_arena),
        cmocka_unit_test_teardown(a_refusal_is_a_definite_failure_that_was_paid_for, clear_arena),
        cmocka_unit_test_teardown(every_row_of_the_documented_table_holds, clear_arena),
        cmocka_unit_test_teardown(quota_is_told_from_rate, clear_arena),
        cmocka_unit_test_teardown(errors_come_in_many_shapes, clear_arena),
        cmocka_unit_test_teardown(a_200_that_is_no_answer_is_unknown, clear_arena),
        cmocka_unit_test_teardown(a_200_with_a_status_inside_is_that_status, clear_arena),
        cmocka_unit_test_teardown(ollama_is_found_by_its_own_variable, clear_arena),
        cmocka_unit_test_teardown(a_server_for_all_is_asked_but_for_who_has_a_key, clear_arena),
        cmocka_unit_test_teardown(without_a_server_a_provider_must_be_known_and_have_its_key,
                                  clear_arena),
        cmocka_unit_test_teardown(what_the_project_says_of_a_provider_wins, clear_arena),
    };
    const struct CMUnitTest connected[] = {
        cmocka_unit_test(a_model_is_asked_and_answers),
        cmocka_unit_test(a_stream_is_the_same_answer_and_is_told),
        cmocka_unit_test(a_server_that_does_not_hang_up_is_left_after_its_last_word),
        cmocka_unit_test(broken_streams_are_named),
        cmocka_unit_test(a_silent_server_is_left_in_time),
        cmocka_unit_test(an_endless_stream_is_left_and_not_asked_again),
        cmocka_unit_test(the_time_at_which_a_limit_is_full_again_is_waited_for),
        cmocka_unit_test(what_would_be_answered_the_same_is_not_asked_again),
        cmocka_unit_test(the_wait_a_server_asks_for_is_kept),
        cmocka_unit_test(a_cut_answer_of_a_model_is_unknown),
        cmocka_unit_test(a_stopped_model_call_is_unknown),
        cmocka_unit_test(without_a_key_the_official_server_is_not_asked),
    };
    int failed = cmocka_run_group_tests(pure, NULL, NULL);
    return failed + cmocka_run_group_tests(connected, open_world, close_world);
}
