/* What is said to remote agents and read from them. Shapes of cards, tasks and events as the specification 1.0.1 has them; the
 * real SDK is in tests/api/a2a. */
#include "base/json.h"
#include "exec/a2a/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static Arena arena;

static Value parsed(const char *text) {
    Value v;
    JsonError error;
    if (json_read_copy(&arena, str_from(text), &v, &error))
        fail_msg("%s: %s", text, error.message);
    return v;
}

static void assert_str(Str s, const char *text) {
    if (!str_is(s, text))
        fail_msg("\n  is      %.*s\n  must be %s", STR_FMT(s), text);
}

/* Takes each answer in turn. */
static A2aTask told(const char *const *answers) {
    A2aTask t = A2A_TASK;
    A2aError error;
    for (; *answers; answers++)
        if (!a2a_take(&t, &arena, parsed(*answers), &error))
            fail_msg("%s: %.*s", *answers, STR_FMT(error.message));
    return t;
}
#define TOLD(...) told((const char *const[]){ __VA_ARGS__, NULL })

static void the_first_interface_that_is_spoken_wins(void **state) {
    (void)state;
    A2aCard card;
    Str problem = STR("");
    assert_true(a2a_card(
        parsed(
            "{\"name\":\"x\",\"capabilities\":{\"streaming\":true},\"supportedInterfaces\":["
            "{\"url\":\"http://a/grpc\",\"protocolBinding\":\"GRPC\",\"protocolVersion\":\"1.0\"},"
            "{\"url\":\"http://a/old\",\"protocolBinding\":\"JSONRPC\",\"protocolVersion\":\"0.3\"},"
            "{\"url\":\"http://a/rpc\",\"protocolBinding\":\"JSONRPC\",\"protocolVersion\":\"1.0\"},"
            "{\"url\":\"http://a/too\",\"protocolBinding\":\"JSONRPC\",\"protocolVersion\":\"1.0\"}]}"),
        &arena, &card, &problem));
    assert_str(card.url, "http://a/rpc");
    assert_true(card.streams);
    assert_false(a2a_card(parsed("{\"protocolVersion\":\"0.3.0\",\"url\":\"http://a\"}"), &arena,
                          &card, &problem));
    assert_str(problem, "it speaks version 0.3.0 of A2A; version 1 is needed");
    assert_false(a2a_card(parsed("[1]"), &arena, &card, &problem));
    assert_str(problem, "it is no agent card: it has no `supportedInterfaces`");
    assert_false(a2a_card(parsed("{\"supportedInterfaces\":[7,{}]}"), &arena, &card, &problem));
    assert_str(problem, "it offers no interface of JSONRPC in version 1");
}

static void the_card_stands_below_the_address_unless_that_names_it(void **state) {
    (void)state;
    assert_str(a2a_card_url(&arena, STR("http://a")), "http://a/.well-known/agent-card.json");
    assert_str(a2a_card_url(&arena, STR("http://a/b//")), "http://a/b/.well-known/agent-card.json");
    assert_str(a2a_card_url(&arena, STR("http://a/card.json")), "http://a/card.json");
    assert_true(a2a_same_origin(STR("http://a:1/x?y"), STR("http://a:1")));
    assert_false(a2a_same_origin(STR("http://a:1/x"), STR("http://a:2/x")));
    assert_false(a2a_same_origin(STR("http://a"), STR("https://a")));
    assert_false(a2a_same_origin(STR("http://a.b"), STR("http://a")));
}

static void a_send_has_its_id_and_data_goes_as_data(void **state) {
    (void)state;
    assert_str(
        a2a_request(&arena,
                    &(A2aOrder){ .method = A2A_SEND, .message = STR("m1"), .text = STR("hi") }),
        "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"SendMessage\",\"params\":{\"configuration\":{"
        "\"returnImmediately\":true},\"message\":{\"messageId\":\"m1\",\"parts\":[{\"mediaType\":"
        "\"text/plain\",\"text\":\"hi\"}],\"role\":\"ROLE_USER\"}}}");
    Str more = a2a_request(&arena, &(A2aOrder){ .method = A2A_STREAM,
                                                .message = STR("m2"),
                                                .task = STR("t"),
                                                .context = STR("c"),
                                                .text = STR("{\"a\":[1]}") });
    assert_str(
        more,
        "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"SendStreamingMessage\",\"params\":{\"message\":{"
        "\"contextId\":\"c\",\"messageId\":\"m2\",\"parts\":[{\"data\":{\"a\":[1]},\"mediaType\":"
        "\"application/json\"}],\"role\":\"ROLE_USER\",\"taskId\":\"t\"}}}");
    assert_true(
        str_find(a2a_request(&arena, &(A2aOrder){ .method = A2A_SEND, .text = STR("{no json") }),
                 STR("\"text\":\"{no json\"")) > 0);
    assert_str(
        a2a_request(&arena, &(A2aOrder){ .method = A2A_CANCEL, .task = STR("t") }),
        "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"CancelTask\",\"params\":{\"id\":\"t\"}}");
}

#define STATUS(state)                                                                              \
    "{\"statusUpdate\":{\"taskId\":\"t\",\"contextId\":\"c\",\"status\":{\"state\":\"" state "\"}}}"

static void a_stream_is_the_task_that_it_tells_of(void **state) {
    (void)state;
    A2aTask t = TOLD(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"task\":{\"id\":\"t\",\"contextId\":\"c\",\"status\":{\"state\":"
        "\"TASK_STATE_SUBMITTED\"}}}}",
        "{\"result\":" STATUS("TASK_STATE_WORKING") "}",
        "{\"result\":{\"artifactUpdate\":{\"taskId\":\"t\",\"artifact\":{\"artifactId\":\"1\",\"parts\":[{\"text\":"
        "\"one \"}]},\"append\":false}}}",
        "{\"result\":{\"artifactUpdate\":{\"taskId\":\"t\",\"artifact\":{\"artifactId\":\"1\",\"parts\":[{\"text\":"
        "\"two\"}]},\"append\":true,\"lastChunk\":true}}}",
        "{\"result\":{\"artifactUpdate\":{\"taskId\":\"t\",\"artifact\":{\"artifactId\":\"2\",\"parts\":[{\"text\":"
        "\"three\"},{\"data\":{\"n\":3}}]}}}}",
        "{\"result\":" STATUS("TASK_STATE_COMPLETED") "}");
    assert_int_equal(t.state, A2A_COMPLETED);
    assert_str(t.id, "t");
    assert_str(t.context, "c");
    assert_str(a2a_output(&t, &arena), "one two\nthree");
}

static void a_task_told_again_is_not_told_twice(void **state) {
    (void)state;
#define WHOLE                                                                                            \
    "{\"id\":\"t\",\"contextId\":\"c\",\"status\":{\"state\":\"TASK_STATE_COMPLETED\"},\"artifacts\":[{" \
    "\"artifactId\":\"1\",\"parts\":[{\"data\":[1,2]}]}]}"
    A2aTask t = TOLD("{\"result\":" WHOLE "}", "{\"result\":{\"task\":" WHOLE "}}");
    assert_int_equal(t.n_artifacts, 1);
    assert_str(a2a_output(&t, &arena), "[1,2]");
}

static void who_answers_with_words_has_ended(void **state) {
    (void)state;
    A2aTask t = TOLD(
        "{\"result\":{\"message\":{\"messageId\":\"x\",\"role\":\"ROLE_AGENT\",\"contextId\":\"c\","
        "\"parts\":[{\"text\":\"hello\"}]}}}");
    assert_int_equal(t.state, A2A_COMPLETED);
    assert_str(t.context, "c");
    assert_str(a2a_output(&t, &arena), "hello");
}

static void who_asks_says_what(void **state) {
    (void)state;
    A2aTask t = TOLD(
        "{\"result\":{\"task\":{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_INPUT_REQUIRED\","
        "\"message\":{\"parts\":[{\"text\":\"Which one?\"}]}}}}}");
    assert_int_equal(t.state, A2A_INPUT);
    assert_true(a2a_is_over(t.state));
    assert_str(t.said, "Which one?");
    t = TOLD(STATUS("TASK_STATE_SLEEPING")); /* of a later version */
    assert_int_equal(t.state, A2A_UNKNOWN);
    assert_false(a2a_is_over(t.state));
}

static void what_is_no_answer_changes_nothing(void **state) {
    (void)state;
    static const struct {
        const char *answer, *message;
        int64_t code;
    } rows[] = {
        { "{\"error\":{\"code\":-32001,\"message\":\"no such task\"}}", "no such task", -32001 },
        { "{\"error\":{\"code\":\"x\"}}", "", 0 },
        { "{\"result\":{}}", "what it answered is neither a task nor a message", 0 },
        { "{\"result\":{\"task\":7}}", "what it answered is neither a task nor a message", 0 },
        { "7", "what it answered is neither a task nor a message", 0 },
        { "null", "what it answered is neither a task nor a message", 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        A2aTask t = A2A_TASK;
        A2aError error;
        assert_false(a2a_take(&t, &arena, parsed(rows[i].answer), &error));
        assert_str(error.message, rows[i].message);
        assert_int_equal(error.code, rows[i].code);
        assert_int_equal(t.state, A2A_WORKING);
        assert_int_equal(t.id.len, 0);
    }
}

static void artifacts_without_end_are_left_out(void **state) {
    (void)state;
    A2aTask t = A2A_TASK;
    A2aError error;
    Value one =
        parsed("{\"result\":{\"artifactUpdate\":{\"artifact\":{\"parts\":[{\"text\":\"x\"}]}}}}");
    for (size_t i = 0; i < A2A_ARTIFACTS_MAX + 10; i++)
        assert_true(a2a_take(&t, &arena, one, &error));
    assert_int_equal(t.n_artifacts, A2A_ARTIFACTS_MAX);
}

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_interface_that_is_spoken_wins),
        cmocka_unit_test(the_card_stands_below_the_address_unless_that_names_it),
        cmocka_unit_test(a_send_has_its_id_and_data_goes_as_data),
        cmocka_unit_test(a_stream_is_the_task_that_it_tells_of),
        cmocka_unit_test(a_task_told_again_is_not_told_twice),
        cmocka_unit_test(who_answers_with_words_has_ended),
        cmocka_unit_test(who_asks_says_what),
        cmocka_unit_test(what_is_no_answer_changes_nothing),
        cmocka_unit_test(artifacts_without_end_are_left_out),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
