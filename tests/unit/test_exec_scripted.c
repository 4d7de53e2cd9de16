/* Scripted models: the file, the choice, and the executor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "exec/executor.h"
#include "exec/scripted_file.h"

#include "exec_world.h"

#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static World world;
static World *w = &world;
static char dir[64], path[96];

static void write_file(const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    static int age; /* so that a change within one tick of the clock is seen, too */
    age++;
    struct timespec times[2] = { { 1000000000 + age, 0 }, { 1000000000 + age, 0 } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int open_world(UNUSED void **state) {
    snprintf(dir, sizeof(dir), "/tmp/baton-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/replies.yaml", dir);
    world_open(w, (ExecOptions){ 0 });
    return 0;
}

static int close_world(UNUSED void **state) {
    world_close(w);
    unlink(path);
    rmdir(dir);
    return 0;
}

static Attempt *ask_messages(const char *agent, const char *messages) {
    char request[1024];
    snprintf(request, sizeof(request), "{\"model\":\"scripted/replies.yaml\",\"messages\":[%s]}",
             messages);
    Attempt *a = attempt_new(CALLEE_MODEL, request);
    a->effect = EFFECT_READ;
    a->callee = str_from(agent);
    a->dir = str_from(dir);
    return a;
}

#define SYSTEM(text) "{\"role\":\"system\",\"content\":\"" text "\"}"
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SAID(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define CALLED(id, tool)                                                                           \
    "{\"role\":\"assistant\",\"content\":null,\"calls\":[{\"id\":\"" id "\",\"name\":\"" tool      \
    "\",\"arguments\":{}}]}"
#define RESULT(id, text) "{\"role\":\"tool\",\"call\":\"" id "\",\"content\":\"" text "\"}"

static void get(const char *agent, const char *messages) {
    Attempt *a = ask_messages(agent, messages);
    perform(w, a);
    attempt_free(a);
}

static void content_is(const char *content) {
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    Arena a = ARENA_NULL;
    Value v;
    assert_int_equal(json_read(&a, w->last.payload, &v, NULL), 0);
    Value got = value_getz(v, "content");
    if (!value_is(got, V_STRING) || !str_is(value_as_str(got), content))
        fail_msg("expected %s, got %.*s", content, STR_FMT(w->last.payload));
    arena_deinit(&a);
}

static void the_first_match_wins(UNUSED void **state) {
    write_file("replies:\n"
               "  - match: { agent: writer, user: poem }\n    reply: A poem.\n"
               "  - match: { agent: writer }\n    reply: Prose.\n"
               "  - match: { system: stern }\n    reply: No.\n"
               "  - reply: Anything.\n");
    get("writer", USER("a poem please"));
    content_is("A poem.");
    get("writer", USER("a tale"));
    content_is("Prose.");
    get("other", SYSTEM("be stern") "," USER("a poem"));
    content_is("No.");
    get("other", USER("hi"));
    content_is("Anything.");
}

static void turns_and_tool_results_are_told_apart(UNUSED void **state) {
    write_file(
        "replies:\n"
        "  - match: { tool: search, result: snow }\n    reply: Cold.\n"
        "  - match: { tool: search }\n    reply: Warm.\n"
        "  - match: { turn: 2 }\n    reply: Second.\n"
        "  - match: { turn: 1 }\n    calls: [{ tool: search, with: { q: weather, n: 2 } }]\n");
    get("a", USER("weather?"));
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(
        w->last.payload,
        "{\"calls\":[{\"arguments\":{\"n\":2,\"q\":\"weather\"},\"id\":\"call_1_1\",\"name\":\"search\"}],"
        "\"content\":null,\"finish\":\"calls\",\"model\":\"scripted/replies.yaml\"}");
    get("a", USER("weather?") "," CALLED("c1", "search") "," RESULT("c1", "snow"));
    content_is("Cold.");
    get("a", USER("weather?") "," CALLED("c1", "search") "," RESULT("c1", "sun"));
    content_is("Warm.");
    get("a", USER("weather?") "," CALLED("c1", "look") "," RESULT("c1", "x"));
    content_is("Second.");
    get("a", USER("weather?") "," SAID("fine") "," USER("sure?"));
    assert_str_has(w->last.payload, "\"search\""); /* a new question: turn 1 again */
}

static void a_value_is_its_json(UNUSED void **state) {
    write_file("replies:\n  - reply: { b: [1, true], a: \"yes\" }\n");
    get("a", USER("x"));
    content_is("{\"a\":\"yes\",\"b\":[1,true]}");
}

static void attempts_can_fail_and_then_succeed(UNUSED void **state) {
    write_file(
        "replies:\n"
        "  - match: { attempt: 1 }\n    fail: unavailable\n"
        "  - match: { attempt: 2 }\n    fail: rate_limited\n    message: slow down\n    retry_after: 2s\n"
        "  - reply: Third time.\n");
    Attempt *a = ask_messages("a", USER("x"));
    perform(w, a);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
    a->attempt = 2;
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_RATE_LIMITED);
    assert_str_is(w->last.message, "slow down");
    assert_int_equal(w->last.retry_after_ms, 2000);
    a->attempt = 3;
    perform(w, a);
    content_is("Third time.");
    attempt_free(a);
}

static void calls_are_counted_over_the_file(UNUSED void **state) {
    write_file("replies:\n  - match: { call: 999999 }\n    reply: Late.\n  - reply: Now.\n");
    get("a", USER("x"));
    content_is("Now.");
}

static void delay_is_waited_and_can_be_stopped(UNUSED void **state) {
    write_file("replies:\n  - reply: Slow.\n    delay: 60ms\n");
    uint64_t begin = uv_hrtime();
    get("a", USER("x"));
    content_is("Slow.");
    assert_in_range((uv_hrtime() - begin) / 1000000, 58, 2000);
    assert_int_equal(w->last.took_us, 60000);
    Attempt *a = ask_messages("a", USER("x"));
    unsigned before = w->completions;
    exec_start(w->exec, a);
    exec_stop(w->exec, a);
    assert_int_equal(w->completions, before + 1);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED);
    attempt_free(a);
}

static void usage_is_given_or_four_bytes_a_token(UNUSED void **state) {
    write_file(
        "replies:\n  - match: { user: exact }\n    reply: x\n    usage: { in: 100, out: 20, cached: 10 }\n"
        "  - reply: x\n    repeat: 100\n");
    get("a", USER("exact"));
    assert_int_equal(w->last.usage.tokens_in, 100);
    assert_int_equal(w->last.usage.tokens_out, 20);
    assert_int_equal(w->last.usage.tokens_cached, 10);
    get("a", USER("12345678"));
    assert_int_equal(w->last.usage.tokens_in, 2);
    assert_in_range(w->last.usage.tokens_out, 25, 60);
}

static void no_match_says_what_was_asked_and_tried(UNUSED void **state) {
    write_file(
        "replies:\n  - match: { agent: b }\n    reply: x\n  - match: { agent: a, user: tree }\n    reply: y\n");
    get("a", USER("the sea"));
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_NOT_FOUND);
    assert_str_has(
        w->last.message,
        "has no reply for agent `a`, turn 1, attempt 1, user \"the sea\"; 2 tried: line 2 (agent), line 4 (user)");
}

static void a_changed_file_is_read_again(UNUSED void **state) {
    write_file("replies:\n  - reply: One.\n");
    get("a", USER("x"));
    content_is("One.");
    write_file("replies:\n  - reply: Two.\n");
    get("a", USER("x"));
    content_is("Two.");
}

static void json_is_a_fixture_too(UNUSED void **state) {
    write_file("{\"replies\": [{\"match\": {\"user\": \"hi\"}, \"reply\": \"Hello.\"}]}");
    get("a", USER("hi"));
    content_is("Hello.");
}

static void mistakes_are_told_with_their_line(UNUSED void **state) {
    static const struct {
        const char *text, *problem;
    } cases[] = {
        { "replies:\n  - match: { usr: x }\n    reply: y\n",
          "replies.yaml:2:14: unknown key `usr`; did you mean `user`?" },
        { "replies:\n  - match: { turn: first }\n    reply: y\n",
          ":2:20: must be a number from 1" },
        { "replies:\n  - fail: nonsense\n", ":2:11: must be a kind of error" },
        { "replies:\n  - match: { user: x }\n",
          ":2:5: needs `reply`, `calls` or both, or else `fail`" },
        { "replies:\n  - reply: x\n    fail: timeout\n", "or else `fail`" },
        { "replies:\n  - reply: x\n    delay: soon\n", ":3:12: must be a duration; write 300ms" },
        { "replies: none\n", "needs a list `replies`" },
        { "replies:\n  - calls: [{ with: x }]\n", "a call must be a map with `tool`" },
        { "replies:\n  - reply: x\n    repeat: 0\n", "`repeat` must be a number from 1" },
        { "replies: [", "replies.yaml:" },
        { "", "replies.yaml" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_file(cases[i].text);
        get("a", USER("x"));
        if (w->last.outcome == OUTCOME_OK ||
            str_find(w->last.message, str_from(cases[i].problem)) < 0)
            fail_msg("case %zu: expected `%s` in `%.*s`", i, cases[i].problem,
                     STR_FMT(w->last.message));
        assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    }
}

static void a_missing_file_is_told(UNUSED void **state) {
    unlink(path);
    get("a", USER("x"));
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    assert_str_has(w->last.message, "replies.yaml: No such file or directory");
}

static void echo_gives_back_its_arguments_in_canonical_form(UNUSED void **state) {
    Attempt *a = attempt_new(CALLEE_ECHO, "{\"b\": 1.0, \"a\": [null]}");
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(w->last.payload, "{\"a\":[null],\"b\":1.0}");
    a->request = VALUE_ABSENT;
    perform(w, a);
    assert_str_is(w->last.payload, "null");
    attempt_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_match_wins),
        cmocka_unit_test(turns_and_tool_results_are_told_apart),
        cmocka_unit_test(a_value_is_its_json),
        cmocka_unit_test(attempts_can_fail_and_then_succeed),
        cmocka_unit_test(calls_are_counted_over_the_file),
        cmocka_unit_test(delay_is_waited_and_can_be_stopped),
        cmocka_unit_test(usage_is_given_or_four_bytes_a_token),
        cmocka_unit_test(no_match_says_what_was_asked_and_tried),
        cmocka_unit_test(a_changed_file_is_read_again),
        cmocka_unit_test(json_is_a_fixture_too),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(echo_gives_back_its_arguments_in_canonical_form),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
