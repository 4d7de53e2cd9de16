/* The parts of an MCP client that need no server: messages cut out of bytes, a conversation in both eras, what is said of tools,
 * and what an answer means. */
#include "base/json.h"
#include "base/limits.h"
#include "exec/mcp/tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static Arena arena;

#define assert_str_is(s, text)                                                                     \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (!str_is(_s, text))                                                                     \
            fail_msg("expected `%s`, got `%.*s`", text, STR_FMT(_s));                              \
    } while (0)
#define assert_str_has(s, text)                                                                    \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (str_find(_s, str_from(text)) < 0)                                                      \
            fail_msg("expected `%s` in `%.*s`", text, STR_FMT(_s));                                \
    } while (0)

static Value parsed(const char *json) {
    Value v;
    JsonError e;
    if (json_read_copy(&arena, str_from(json), &v, &e))
        fail_msg("%s: %s", json, e.message);
    return v;
}

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

static Buf taken;

static void take(void *ctx, Str message) {
    (void)ctx;
    buf_char(&taken, '[');
    buf_str_add(&taken, message);
    buf_char(&taken, ']');
}

/* However the bytes are cut, the messages are the same. */
static void cut_is(bool events, const char *bytes, const char *messages) {
    size_t len = strlen(bytes);
    for (size_t piece = 1; piece <= len; piece++) {
        McpCutter c;
        mcp_cutter_init(&c, events, KIB);
        taken = BUF_INIT(KIB);
        for (size_t at = 0; at < len; at += piece)
            assert_true(mcp_cut(&c, (Str){ bytes + at, MIN(piece, len - at) }, take, NULL));
        assert_str_is(buf_str(&taken), messages);
        buf_deinit(&taken);
        mcp_cutter_deinit(&c);
    }
}

static void messages_are_lines(UNUSED void **state) {
    cut_is(false, "{1}\n\n  {2}\r\n{3", "[{1}][{2}]");
}

static void messages_are_data_of_events(UNUSED void **state) {
    cut_is(
        true,
        "id: 1\ndata:\n\nevent: message\ndata: {1}\n\n: alive\n\ndata:{2,\r\ndata: 3}\r\n\r\ndata: {4}\rdata: {5}\r\r"
        "data: {6}\n",
        "[{1}][{2,\n3}][{4}\n{5}]");
}

static void a_message_over_the_cap_is_refused(UNUSED void **state) {
    McpCutter c;
    mcp_cutter_init(&c, false, 8);
    assert_true(mcp_cut(&c, STR("12345678"), take, NULL));
    assert_false(mcp_cut(&c, STR("9"), take, NULL));
    mcp_cutter_deinit(&c);
}

static McpMessage read_text(const char *text) { return mcp_read(&arena, str_from(text)); }

static void messages_are_told_apart_by_what_they_have(UNUSED void **state) {
    assert_int_equal(read_text("{\"result\":{},\"id\":3,\"jsonrpc\":\"2.0\"}").kind, MCP_RESULT);
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"method\":\"roots/list\",\"id\":0}").kind,
                     MCP_REQUEST);
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}").kind, MCP_NOTICE);
    McpMessage error = read_text(
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}");
    assert_int_equal(error.kind, MCP_ERROR);
    assert_int_equal(error.id, -1);
    static const char *const bad[] = { "",
                                       "[]",
                                       "{}",
                                       "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":1}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":3}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(read_text(bad[i]).kind, MCP_BAD);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------------- */

/* What a session does, as text: "> " a message out, "= " what it tells. */
static Buf script;

static void sent(void *ctx, const McpOut *out) {
    (void)ctx;
    Value v = parsed(arena_str(&arena, out->text).p), params = value_getz(v, "params");
    buf_fmt(&script, "> %lld %.*s", (long long)out->id, STR_FMT(out->method));
    Value version =
        value_getz(value_getz(params, "_meta"), "io.modelcontextprotocol/protocolVersion");
    if (value_is(version, V_STRING))
        buf_fmt(&script, " %.*s", STR_FMT(value_as_str(version)));
    if (!out->method.len)
        buf_str_add(&script, out->text);
    buf_char(&script, '\n');
}
static void opened(void *ctx) {
    (void)ctx;
    buf_str_add(&script, STR("= open\n"));
}
static void refused(void *ctx, Str why) {
    (void)ctx;
    buf_fmt(&script, "= refused: %.*s\n", STR_FMT(why));
}
static void changed(void *ctx) {
    (void)ctx;
    buf_str_add(&script, STR("= changed\n"));
}
static void abandoned(void *ctx, int64_t id) {
    (void)ctx;
    buf_fmt(&script, "= abandon %lld\n", (long long)id);
}
static void done(McpCall *call, const McpReply *reply) {
    static const char *const ends[] = { "answered", "fault", "lost", "unsent", "expired" };
    (void)call;
    buf_fmt(&script, "= %s %.*s\n", ends[reply->end],
            STR_FMT(reply->text.p ? reply->text : STR("")));
}
static void progressed(McpCall *call, Str message) {
    (void)call;
    buf_fmt(&script, "= progress %.*s\n", STR_FMT(message));
}

static McpSession session;
static McpCall call;

static void begin(void) {
    script = BUF_INIT(16 * KIB);
    session = (McpSession){
        .send = sent, .opened = opened, .refused = refused, .changed = changed, .abandon = abandoned
    };
    mcp_begin(&session);
}
static void begin_open(bool modern) {
    begin();
    if (modern) {
        mcp_take(
            &session,
            STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}"));
    } else {
        mcp_take(
            &session,
            STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"?\"}}"));
        mcp_take(
            &session,
            STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"2025-06-18\"}}"));
    }
    assert_int_equal(session.state, MCP_OPEN);
    buf_reset(&script);
}
static void ask(void) {
    call = (McpCall){ .method = STR("tools/call"),
                      .name = STR("t"),
                      .params = parsed("{\"name\":\"t\"}"),
                      .key = STR("k1"),
                      .watched = true,
                      .done = done,
                      .progressed = progressed };
    mcp_call(&session, &call);
}
static void script_is(const char *text) {
    assert_str_is(buf_str(&script), text);
    buf_deinit(&script);
}

static void a_modern_server_is_known_by_its_answer(UNUSED void **state) {
    begin();
    mcp_take(
        &session,
        STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2027-01-01\",\"2026-07-28\"]}}"));
    ask();
    mcp_take(&session, STR("{\"result\":{\"content\":[]},\"id\":2,\"jsonrpc\":\"2.0\"}"));
    script_is("> 1 server/discover 2026-07-28\n= open\n> 2 tools/call 2026-07-28\n= answered \n");
}

static void any_other_answer_is_of_a_legacy_server(UNUSED void **state) {
    begin();
    mcp_take(
        &session,
        STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":\"older\"}}"));
    mcp_take(&session,
             STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"2025-03-26\"}}"));
    ask();
    assert_str_is(str_from(session.version), "2025-03-26");
    script_is(
        "> 1 server/discover 2026-07-28\n> 2 initialize\n> -1 notifications/initialized\n= open\n> 3 tools/call\n");
}

static void a_server_that_says_nothing_to_the_probe_is_greeted_and_may_still_be_modern(
    UNUSED void **state) {
    begin();
    mcp_probe_late(&session);
    mcp_take(
        &session,
        STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}"));
    mcp_take(
        &session,
        STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":\"what\"}}"));
    assert_int_equal(session.era, MCP_ERA_MODERN);
    script_is("> 1 server/discover 2026-07-28\n> 2 initialize\n= open\n");
}

static void a_version_that_is_not_known_is_refused(UNUSED void **state) {
    begin();
    mcp_take(&session,
             STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}"));
    mcp_take(&session,
             STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"1999-01-01\"}}"));
    assert_int_equal(session.state, MCP_CLOSED);
    script_is(
        "> 1 server/discover 2026-07-28\n> 2 initialize\n"
        "= refused: it speaks version `1999-01-01` of the protocol, which is not known here\n");
}

static void the_era_is_kept_for_the_next_beginning(UNUSED void **state) {
    begin_open(false);
    mcp_end(&session, MCP_LOST, STR("gone"));
    mcp_begin(&session);
    script_is("> 3 initialize\n");
}

static void what_is_under_way_is_lost_with_the_server(UNUSED void **state) {
    begin_open(true);
    ask();
    mcp_end(&session, MCP_LOST, STR("gone"));
    mcp_take(&session, STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"));
    script_is("> 2 tools/call 2026-07-28\n= lost gone\n");
}

static void a_server_may_ask_for_a_sign_of_life_and_for_nothing_else(UNUSED void **state) {
    begin_open(false);
    mcp_take(&session, STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}"));
    mcp_take(&session, STR("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"roots/list\"}"));
    script_is(
        "> -1 {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}\n"
        "> -1 {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}\n");
}

static void progress_is_of_the_call_that_it_names(UNUSED void **state) {
    begin_open(true);
    ask();
    mcp_take(
        &session,
        STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":9,\"message\":\"no\"}}"));
    mcp_take(
        &session,
        STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":2,\"message\":\"half\"}}"));
    mcp_take(&session,
             STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}"));
    script_is("> 2 tools/call 2026-07-28\n= progress half\n= changed\n");
}

static void a_call_that_is_cancelled_is_not_answered_any_more(UNUSED void **state) {
    begin_open(true);
    ask();
    mcp_cancel(&session, &call, STR("enough"));
    mcp_take(&session, STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"));
    script_is("> 2 tools/call 2026-07-28\n> -1 notifications/cancelled\n= abandon 2\n");
}

/* ---- tools ------------------------------------------------------------------------------------------------------------- */

static void pages_become_one_map_without_what_is_no_tool(UNUSED void **state) {
    Value tools = VALUE_EMPTY_MAP;
    Str cursor;
    assert_true(mcp_add_page(
        &arena,
        parsed(
            "{\"tools\":[{\"name\":\"a\",\"inputSchema\":{},\"annotations\":{\"x\":1}},{\"name\":\"\"},"
            "{\"name\":\"n\"},3],\"nextCursor\":\"\"}"),
        &tools, &cursor));
    assert_non_null(cursor.p); /* empty, and still one */
    assert_true(mcp_add_page(
        &arena, parsed("{\"tools\":[{\"name\":\"b\",\"description\":\"d\",\"inputSchema\":{}}]}"),
        &tools, &cursor));
    assert_null(cursor.p);
    assert_str_is(value_text(&arena, tools),
                  "{\"a\":{\"inputSchema\":{}},\"b\":{\"description\":\"d\",\"inputSchema\":{}}}");
    assert_false(mcp_add_page(&arena, parsed("{\"tools\":{}}"), &tools, &cursor));
}

static Str difference(const char *a, const char *b) {
    return mcp_difference(&arena, parsed(a), parsed(b));
}

static void a_difference_is_named_by_its_place(UNUSED void **state) {
    assert_str_is(difference("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":2,\"b\":1}}"), "");
    assert_str_is(difference("{\"d\":\"x\",\"s\":{\"p\":{\"type\":\"string\"}}}",
                             "{\"d\":\"x\",\"s\":{\"p\":{\"type\":\"integer\"}}}"),
                  "s/p/type: \"string\" is now \"integer\"");
    assert_str_is(difference("{}", "{\"d\":\"new\"}"), "d: nothing is now \"new\"");
    assert_true(mcp_is_same(parsed("{\"a\":1,\"b\":2}"), parsed("{\"b\":2,\"a\":1}")));
    assert_false(mcp_is_same(parsed("{\"a\":1}"), parsed("{\"a\":2}")));
    assert_str_is(difference("{\"r\":[1]}", "{\"r\":[1,2]}"), "r: [1] is now [1,2]");
}

static Str misfit(const char *schema, const char *arguments) {
    Str face = arena_fmt(&arena, "{\"inputSchema\":%s}", schema);
    return mcp_misfit(&arena, parsed(face.p), parsed(arguments));
}

static void arguments_are_held_against_the_schema(UNUSED void **state) {
    const char *schema =
        "{\"type\":\"object\",\"x-origin\":1,\"properties\":{\"a\":{\"type\":\"integer\",\"x-hint\":\"h\"}},\"required\":[\"a\"]}";
    assert_null(misfit(schema, "{\"a\":1}").p);
    assert_str_has(misfit(schema, "{\"a\":\"1\"}"), "`with.a`");
    assert_str_has(misfit(schema, "{}"), "`a` is missing");
    assert_null(misfit("{\"type\":\"no such type\"}", "{}").p); /* the server is the judge */
}

static McpOutcome outcome(const char *result) {
    return mcp_outcome(&arena, STR("set.t"),
                       &(McpReply){ .end = MCP_ANSWERED, .result = parsed(result) });
}

static void the_output_is_the_structured_content_or_the_text_or_the_parts(UNUSED void **state) {
    assert_str_is(
        outcome(
            "{\"content\":[{\"type\":\"text\",\"text\":\"x\"}],\"structuredContent\":{\"a\":1}}")
            .payload,
        "{\"a\":1}");
    assert_str_is(
        outcome(
            "{\"content\":[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"text\",\"text\":\"y\"}]}")
            .payload,
        "\"x\\ny\"");
    assert_str_is(
        outcome("{\"content\":[{\"type\":\"image\",\"data\":\"\"}],\"resultType\":\"complete\"}")
            .payload,
        "[{\"data\":\"\",\"type\":\"image\"}]");
    assert_str_is(outcome("{\"content\":[]}").payload, "null");
}

/* What the server has said is definite; of what it did not say nobody knows. */
static void outcomes_are_definite_where_the_server_has_said_so(UNUSED void **state) {
    const struct {
        McpReply reply;
        Outcome outcome;
        Sent sent;
        ErrorKind kind;
    } cases[] = {
        { { .end = MCP_ANSWERED, .result = parsed("{\"isError\":true,\"content\":[]}") },
          OUTCOME_FAILED,
          SENT_YES,
          KIND_CRASHED },
        { { .end = MCP_ANSWERED, .result = parsed("{\"resultType\":\"input_required\"}") },
          OUTCOME_FAILED,
          SENT_YES,
          KIND_DENIED },
        { { .end = MCP_ANSWERED, .result = parsed("{\"resultType\":\"task\"}") },
          OUTCOME_UNKNOWN,
          SENT_YES,
          KIND_INVALID },
        { { .end = MCP_FAULT, .code = -32602, .text = STR("") },
          OUTCOME_FAILED,
          SENT_YES,
          KIND_INVALID },
        { { .end = MCP_FAULT, .code = -32601, .text = STR("") },
          OUTCOME_FAILED,
          SENT_YES,
          KIND_NOT_FOUND },
        { { .end = MCP_FAULT, .code = -32603, .text = STR("") },
          OUTCOME_UNKNOWN,
          SENT_YES,
          KIND_UNAVAILABLE },
        { { .end = MCP_FAULT, .code = -32000, .text = STR("") },
          OUTCOME_UNKNOWN,
          SENT_YES,
          KIND_UNAVAILABLE },
        { { .end = MCP_LOST, .text = STR("") }, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CRASHED },
        { { .end = MCP_UNSENT, .text = STR("") }, OUTCOME_FAILED, SENT_NO, KIND_UNAVAILABLE },
        { { .end = MCP_EXPIRED, .text = STR("") }, OUTCOME_FAILED, SENT_NO, KIND_UNAVAILABLE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        McpOutcome o = mcp_outcome(&arena, STR("set.t"), &cases[i].reply);
        if (o.outcome != cases[i].outcome || o.sent != cases[i].sent || o.kind != cases[i].kind)
            fail_msg("case %zu: outcome %d, sent %d, kind %s", i, o.outcome, o.sent,
                     error_kind_name(o.kind));
    }
}

static int reset(UNUSED void **state) {
    arena_reset(&arena);
    return 0;
}
static int end(UNUSED void **state) {
    arena_deinit(&arena);
    return 0;
}

#define T(name) cmocka_unit_test_setup(name, reset)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(messages_are_lines),
        T(messages_are_data_of_events),
        T(a_message_over_the_cap_is_refused),
        T(messages_are_told_apart_by_what_they_have),
        T(a_modern_server_is_known_by_its_answer),
        T(any_other_answer_is_of_a_legacy_server),
        T(a_server_that_says_nothing_to_the_probe_is_greeted_and_may_still_be_modern),
        T(a_version_that_is_not_known_is_refused),
        T(the_era_is_kept_for_the_next_beginning),
        T(what_is_under_way_is_lost_with_the_server),
        T(a_server_may_ask_for_a_sign_of_life_and_for_nothing_else),
        T(progress_is_of_the_call_that_it_names),
        T(a_call_that_is_cancelled_is_not_answered_any_more),
        T(pages_become_one_map_without_what_is_no_tool),
        T(a_difference_is_named_by_its_place),
        T(arguments_are_held_against_the_schema),
        T(the_output_is_the_structured_content_or_the_text_or_the_parts),
        T(outcomes_are_definite_where_the_server_has_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
