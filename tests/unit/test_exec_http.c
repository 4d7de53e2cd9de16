/* The `http` callee against a server in the same loop that does what it is told, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "exec/executor.h"
#include "exec/http_outcome.h"

#include "exec_world.h"
#include "scripted_server.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static World world;
static World *w = &world;

static int open_world(UNUSED void **state) {
    signal(SIGPIPE, SIG_IGN);
    world_open(w, (ExecOptions){ .requests_max = 3 });
    server_open(&w->loop);
    return 0;
}

static int close_world(UNUSED void **state) {
    server_close();
    world_close(w);
    return 0;
}

/* A request to the server: `more` continues the map after url. */
static Attempt *request(const char *method, const char *path, const char *more) {
    char text[2048];
    snprintf(text, sizeof(text), "{\"method\":\"%s\",\"url\":\"http://127.0.0.1:%d%s\"%s}", method,
             server.port, path, more);
    return attempt_new(CALLEE_HTTP, text);
}

static void send_and_get(const char *method, const char *path, const char *more) {
    Attempt *a = request(method, path, more);
    perform(w, a);
    attempt_free(a);
}

#define JSON_REPLY(body_len, body)                                                                  \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: " body_len \
    "\r\n\r\n" body

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

static void a_map_is_sent_as_json(UNUSED void **state) {
    server_says(JSON_REPLY("2", "{}"), CLOSE);
    send_and_get("POST", "/a", ",\"body\":{\"b\":1,\"a\":[true]}");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    Str sent = str_from(server.request);
    assert_true(str_starts(sent, STR("POST /a HTTP/1.1\r\n")));
    assert_str_has(sent, "Content-Type: application/json\r\n");
    assert_true(str_ends(sent, STR("\r\n\r\n{\"a\":[true],\"b\":1}")));
}

static void a_text_is_sent_as_it_is(UNUSED void **state) {
    server_says(JSON_REPLY("2", "{}"), CLOSE);
    send_and_get("PUT", "/a",
                 ",\"body\":\"x=1\",\"headers\":{\"Content-Type\":\"text/x\",\"X-Two\":2}");
    Str sent = str_from(server.request);
    assert_true(str_starts(sent, STR("PUT /a HTTP/1.1\r\n")));
    assert_str_has(sent, "Content-Type: text/x\r\n");
    assert_str_has(sent, "X-Two: 2\r\n");
    assert_true(str_ends(sent, STR("\r\n\r\nx=1")));
    assert_true(str_find(sent, STR("Expect")) < 0);
}

static void a_post_without_body_says_its_length_is_zero(UNUSED void **state) {
    server_says(JSON_REPLY("2", "{}"), CLOSE);
    send_and_get("POST", "/a", "");
    assert_str_has(str_from(server.request), "Content-Length: 0\r\n");
    assert_true(str_find(str_from(server.request), STR("Content-Type")) < 0);
}

static void query_is_encoded_and_joined(UNUSED void **state) {
    server_says(JSON_REPLY("2", "{}"), CLOSE);
    send_and_get("GET", "/a?x=1#part",
                 ",\"query\":{\"q\":\"a b&c=\xC3\xA4\",\"n\":[1,2],\"no\":null}");
    assert_true(str_starts(str_from(server.request),
                           STR("GET /a?x=1&q=a%20b%26c%3D%C3%A4&n=1&n=2 HTTP/1.1\r\n")));
}

static void the_key_is_sent_unless_the_file_has_its_own(UNUSED void **state) {
    server_says(JSON_REPLY("2", "{}"), CLOSE);
    Attempt *a = request("POST", "/a", "");
    a->key = STR("k1");
    perform(w, a);
    attempt_free(a);
    assert_str_has(str_from(server.request), "Idempotency-Key: k1\r\n");
    a = request("POST", "/a", ",\"headers\":{\"idempotency-key\":\"own\"}");
    a->key = STR("k1");
    perform(w, a);
    attempt_free(a);
    assert_str_has(str_from(server.request), "idempotency-key: own\r\n");
    assert_true(str_find(str_from(server.request), STR("k1")) < 0);
}

static void a_header_cannot_carry_another(UNUSED void **state) {
    server_says(JSON_REPLY("2", "{}"), CLOSE);
    unsigned before = server.connections;
    send_and_get("GET", "/a", ",\"headers\":{\"X\":\"1\\r\\nY: 2\"}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    send_and_get("GET", "/a", ",\"headers\":{\"X: 1\\r\\nY\":\"2\"}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    send_and_get("GET / HTTP/1.1\\r\\nHost: x\\r\\n", "/a", "");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    send_and_get("GET", "/a\\r\\nY: 2", "");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    assert_int_equal(server.connections, before);
}

static void proxy_variables_are_not_read(UNUSED void **state) {
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    server_says(JSON_REPLY("1", "1"), CLOSE);
    send_and_get("GET", "/a", "");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
}

/* ---- answers ----------------------------------------------------------------------------------------------------------- */

static void json_is_a_value_byte_for_byte(UNUSED void **state) {
    server_says(JSON_REPLY("13", "{\"a\" : 1.50 }"), CLOSE);
    send_and_get("GET", "/", "");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(w->last.payload, "{\"a\" : 1.50 }");
}

static void problem_json_is_json_too(UNUSED void **state) {
    server_says(
        "HTTP/1.1 200 OK\r\nContent-Type: application/problem+json\r\nContent-Length: 4\r\n\r\n[12]",
        CLOSE);
    send_and_get("GET", "/", "");
    assert_str_is(w->last.payload, "[12]");
}

static void other_types_are_text(UNUSED void **state) {
    server_says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n[12]",
                CLOSE);
    send_and_get("GET", "/", "");
    assert_str_is(w->last.payload, "\"[12]\"");
}

static void no_content_is_null(UNUSED void **state) {
    server_says("HTTP/1.1 204 No Content\r\n\r\n", CLOSE);
    send_and_get("DELETE", "/", "");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(w->last.payload, "null");
}

static void broken_json_is_no_valid_answer(UNUSED void **state) {
    server_says(JSON_REPLY("5", "{\"a\":"), CLOSE);
    send_and_get("GET", "/", "");
    assert_ended(w, OUTCOME_UNKNOWN, SENT_YES, KIND_INVALID);
}

static void a_failure_says_what_the_server_said(UNUSED void **state) {
    server_says(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"error\":\"no x\"}\n",
        CLOSE);
    send_and_get("GET", "/a?token=secret", "");
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_NOT_FOUND);
    assert_str_is(w->last.payload, "{\"body\":{\"error\":\"no x\"},\"status\":404}");
    assert_str_has(w->last.message, "answered 404 Not Found: {\"error\":\"no x\"}");
    assert_true(str_find(w->last.message, STR("secret")) < 0);
}

static void retry_after_is_kept(UNUSED void **state) {
    server_says("HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", CLOSE);
    send_and_get("GET", "/", "");
    assert_int_equal(w->last.retry_after_ms, 7000);
    server_says(
        "HTTP/1.1 503 No\r\nRetry-After: 7\r\nretry-after-ms: 120\r\nContent-Length: 0\r\n\r\n",
        CLOSE);
    send_and_get("GET", "/", "");
    assert_int_equal(w->last.retry_after_ms, 120);
    server_says("HTTP/1.1 429 No\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
                CLOSE);
    send_and_get("GET", "/", "");
    assert_in_range(w->last.retry_after_ms, 0, 24 * 3600 * 1000);
}

static void the_reset_of_a_used_up_limit_is_a_wait(UNUSED void **state) {
    server_says(
        "HTTP/1.1 429 No\r\nx-ratelimit-remaining-requests: 5\r\nx-ratelimit-reset-requests: 1h\r\n"
        "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 1m0s\r\nContent-Length: 0\r\n\r\n",
        CLOSE);
    send_and_get("GET", "/", "");
    assert_int_equal(w->last.retry_after_ms, 60000);
}

static void redirects_are_not_followed(UNUSED void **state) {
    server_says("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", CLOSE);
    unsigned before = server.requests;
    send_and_get("GET", "/", "");
    assert_int_equal(server.requests, before + 1);
    assert_str_has(w->last.message, "redirects are not followed");
    assert_str_has(w->last.payload, "\"location\":\"/other\"");
}

/* ---- the table of docs/effects.md -------------------------------------------------------------------------------------- */

typedef struct DocRow {
    char answer[80], class_name[32], outcome[32], sent[32], kind[32];
} DocRow;

static bool read_row(const char *line, DocRow *r) {
    *r = (DocRow){ 0 };
    int cells = sscanf(line, "| %79[^|]| %31[^|]| %31[^|]| %31[^|]| %31[^|]", r->answer,
                       r->class_name, r->outcome, r->sent, r->kind);
    char *texts[] = { r->answer, r->class_name, r->outcome, r->sent, r->kind };
    for (int i = 0; i < 5; i++)
        for (size_t n = strlen(texts[i]);
             n && (texts[i][n - 1] == ' ' || texts[i][n - 1] == '\n' || texts[i][n - 1] == '|');
             n--)
            texts[i][n - 1] = 0;
    return cells >= 4;
}

static const char *outcome_word(Outcome o) {
    return o == OUTCOME_OK ? "ok" : o == OUTCOME_FAILED ? "failed" : "unknown";
}

static const char *sent_word(Sent s) {
    return s == SENT_NO ? "no" : s == SENT_MAYBE ? "maybe" : "yes";
}

static void check_row(const DocRow *r, HttpOutcome got) {
    const char *kind = got.kind ? error_kind_name(got.kind) : "";
    if (strcmp(r->outcome, outcome_word(got.outcome)) || strcmp(r->sent, sent_word(got.sent)) ||
        strcmp(r->kind, kind))
        fail_msg("`%s` (%s): the table says %s, %s, %s; the program %s, %s, %s", r->answer,
                 r->class_name, r->outcome, r->sent, r->kind, outcome_word(got.outcome),
                 sent_word(got.sent), kind);
}

static void check_against_the_server(const DocRow *r, int status, Effect effect) {
    char text[128];
    snprintf(text, sizeof(text), "HTTP/1.1 %d What\r\n%s\r\n", status,
             status == 204 ? "" : "Content-Length: 0\r\n");
    server_says(text, CLOSE);
    Attempt *a = request("POST", "/", "");
    a->effect = effect;
    perform(w, a);
    attempt_free(a);
    check_row(r, (HttpOutcome){ w->last.outcome, w->last.sent, w->last.kind });
}

static void check_classes(const DocRow *r, int status, HttpEnd end, bool sent) {
    for (Effect e = EFFECT_PURE; e <= EFFECT_UNSAFE; e++) {
        bool harmless = e == EFFECT_PURE || e == EFFECT_READ;
        bool meant = !strcmp(r->class_name, "any") ||
                     harmless == !strcmp(r->class_name, "harmless");
        if (!meant)
            continue;
        check_row(r, http_outcome(end, sent, status, e));
        if (end == HTTP_ANSWERED)
            check_against_the_server(r, status, e);
    }
}

static void every_row_of_the_documented_table_holds(UNUSED void **state) {
    static const struct {
        const char *words;
        HttpEnd end;
        bool sent;
    } ends[] = {
        { "a URL", HTTP_REFUSED, false },
        { "an address that", HTTP_DENIED, false },
        { "no such host", HTTP_NO_CONNECTION, false },
        { "the connection broke", HTTP_CUT, true },
        { "time ran out", HTTP_TIMED_OUT, true },
        { "an answer above", HTTP_TOO_BIG, true },
        { "stopped before a byte", HTTP_STOPPED, false },
        { "stopped after", HTTP_STOPPED, true },
    };
    FILE *f = fopen(SOURCE_ROOT "/docs/effects.md", "r");
    assert_non_null(f);
    char line[512];
    int rows = 0;
    bool in_http = false;
    while (fgets(line, sizeof(line), f)) {
        DocRow r;
        if (line[0] == '#')
            in_http = !strncmp(line, "## HTTP", 7);
        if (!in_http || line[0] != '|' || !read_row(line, &r))
            continue;
        int status = (int)strtoul(r.answer, NULL, 10);
        if (status) {
            check_classes(&r, status, HTTP_ANSWERED, true);
            rows++;
        }
        for (size_t i = 0; i < ARRAY_LEN(ends); i++)
            if (!strncmp(r.answer, ends[i].words, strlen(ends[i].words))) {
                check_classes(&r, 0, ends[i].end, ends[i].sent);
                rows++;
            }
    }
    fclose(f);
    assert_int_equal(rows, 45);
}

/* ---- where it may lead ------------------------------------------------------------------------------------------------ */

/* The same request as one whose host data has named. */
static Attempt *of_data(const char *url) {
    char text[512];
    snprintf(text, sizeof(text), "{\"method\":\"POST\",\"url\":\"%s\"}", url);
    Attempt *a = attempt_new(CALLEE_HTTP, text);
    a->host_of_data = true;
    return a;
}

static void no_spelling_of_this_machine_is_reached_for_data(UNUSED void **state) {
    static const char *const hosts[] = {
        "127.0.0.1",   "localhost",  "localhost.",         "127.1",
        "2130706433",  "0x7f000001", "0177.0.0.1",         "0.0.0.0",
        "0",           "[::1]",      "[::ffff:127.0.0.1]", "[::]",
        "a@127.0.0.1", "127.0.0.1.", "[::ffff:7f00:1]",    "127.0.0.2",
    };
    unsigned before = server.connections;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        Attempt *a = of_data(arena_fmt(&w->arena, "http://%s:%d/", hosts[i], server.port).p);
        perform(w, a);
        if (w->last.outcome != OUTCOME_FAILED || w->last.sent != SENT_NO ||
            w->last.kind == KIND_NONE)
            fail_msg("%s was not refused", hosts[i]);
        attempt_free(a);
    }
    assert_int_equal(server.connections, before);
}

static void what_is_denied_says_where_it_led_and_what_to_do(UNUSED void **state) {
    Attempt *a = of_data(arena_fmt(&w->arena, "http://localhost:%d/", server.port).p);
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    assert_str_has(w->last.message, "may not be reached (loopback)");
    assert_str_has(w->last.message, "egress: { allow: [");
    attempt_free(a);
}

static void a_connection_that_is_open_is_no_way_round(UNUSED void **state) {
    server_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", KEEP_OPEN);
    Attempt *a = request("GET", "/", "");
    a->effect = EFFECT_READ;
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    attempt_free(a);
    server.request[0] = 0;
    a = request("GET", "/secret", "");
    a->effect = EFFECT_READ;
    a->host_of_data = true;
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    assert_string_equal(server.request, "");
    attempt_free(a);
}

static void entries_of_the_project_open_and_close(UNUSED void **state) {
    Str here = arena_fmt(&w->arena, "127.0.0.1:%d", server.port), name = STR("localhost");
    Attempt *a;
    server_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", CLOSE);
    a = of_data(arena_fmt(&w->arena, "http://127.0.0.1:%d/", server.port).p);
    a->egress = (Egress){ .allow = &here, .n_allow = 1 };
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    attempt_free(a);
    a = request("GET", "/", "");
    a->egress = (Egress){ .deny = &here, .n_deny = 1 };
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    assert_str_has(w->last.message, "`egress` of baton.yaml denies 127.0.0.1:");
    attempt_free(a);
    a = of_data(arena_fmt(&w->arena, "http://x@LOCALHOST:%d/", server.port).p);
    a->egress = (Egress){ .allow = &name, .n_allow = 1 };
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    attempt_free(a);
    a = of_data(arena_fmt(&w->arena, "http://localhost@127.0.0.1:%d/", server.port).p);
    a->egress = (Egress){ .allow = &name, .n_allow = 1 };
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    attempt_free(a);
}

/* ---- broken exchanges -------------------------------------------------------------------------------------------------- */

static void nobody_listens_is_definite(UNUSED void **state) {
    Attempt *a = attempt_new(CALLEE_HTTP, "{\"method\":\"POST\",\"url\":\"http://127.0.0.1:1/\"}");
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_UNAVAILABLE);
    attempt_free(a);
}

static void no_such_host_is_definite(UNUSED void **state) {
    Attempt *a =
        attempt_new(CALLEE_HTTP, "{\"method\":\"POST\",\"url\":\"http://no-such-host.invalid/\"}");
    perform(w, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_UNAVAILABLE);
    attempt_free(a);
}

static void a_server_without_tls_is_definite(UNUSED void **state) {
    server_says("HTTP/1.1 400 Bad\r\n\r\n", CLOSE);
    char text[128];
    snprintf(text, sizeof(text), "{\"method\":\"POST\",\"url\":\"https://127.0.0.1:%d/\"}",
             server.port);
    Attempt *a = attempt_new(CALLEE_HTTP, text);
    exec_start(w->exec, a);
    for (int i = 0; i < 100 && !server.request_len;
         i++) /* its hello, which no one will answer as TLS */
        uv_run(&w->loop, UV_RUN_ONCE);
    exec_stop(w->exec, a);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_CANCELLED);
    attempt_free(a);
}

static void other_schemes_are_refused(UNUSED void **state) {
    static const char *const urls[] = {
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "http://", "::"
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"method\":\"GET\",\"url\":\"%s\"}", urls[i]);
        Attempt *a = attempt_new(CALLEE_HTTP, text);
        perform(w, a);
        assert_int_equal(w->last.outcome, OUTCOME_FAILED);
        assert_int_equal(w->last.sent, SENT_NO);
        attempt_free(a);
    }
}

static void a_cut_answer_is_unknown(UNUSED void **state) {
    static const char *const cuts[] = {
        "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", "\x16\x03garbage\r\n\r\n"
    };
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
        for (Then then = CLOSE; then <= RESET; then++) {
            server_says(cuts[i], then);
            send_and_get("POST", "/", ",\"body\":\"x\"");
            assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
        }
}

static void a_request_is_never_sent_twice_on_its_own(UNUSED void **state) {
    /* A kept connection that the server closes on the next request is what makes the library send again. */
    server_says(JSON_REPLY("1", "1"), KEEP_OPEN);
    send_and_get("POST", "/", "");
    server_says("", CLOSE);
    unsigned before = server.requests;
    send_and_get("POST", "/", "");
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE);
    assert_int_equal(server.requests, before + 1);
}

static void a_stop_after_bytes_left_is_unknown(UNUSED void **state) {
    Attempt *a = request("POST", "/", "");
    server_says("", SAY_NOTHING);
    exec_start(w->exec, a);
    while (!server.request_len)
        uv_run(&w->loop, UV_RUN_ONCE);
    exec_stop(w->exec, a);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED);
    attempt_free(a);
}

typedef struct Ended {
    bool done;
    HttpAnswer answer;
} Ended;

static void note_end(void *ctx, const HttpAnswer *answer) {
    Ended *e = ctx;
    e->done = true;
    e->answer = *answer;
}

static void a_call_has_a_time_limit_of_its_own(UNUSED void **state) {
    HttpClient client;
    http_client_init(&client, &w->loop, 1);
    server_says("", SAY_NOTHING);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
    Ended e = { 0 };
    HttpCall call = { .method = STR("GET"),
                      .url = str_from(url),
                      .timeout_ms = 80,
                      .answer_bytes_max = 100,
                      .done = note_end,
                      .ctx = &e };
    http_call(&client, &call);
    while (!e.done)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(e.answer.end, HTTP_TIMED_OUT);
    assert_true(e.answer.sent);
    http_client_close(&client);
    http_client_deinit(&client);
}

static void an_answer_above_the_cap_is_cut_off(UNUSED void **state) {
    size_t len = LIMIT_PAYLOAD_BYTES + 4096;
    char *big = xmalloc(len + 1);
    int head = snprintf(big, 200, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    memset(big + head, 'x', len - (size_t)head);
    big[len] = 0;
    server_says(big, CLOSE);
    send_and_get("GET", "/", "");
    assert_ended(w, OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT);
    free(big);
}

static void slots_are_bounded_and_first_come_first_served(UNUSED void **state) {
    server_says("", SAY_NOTHING);
    Attempt *a[6];
    unsigned connections = server.connections, before = w->completions;
    for (int i = 0; i < 6; i++)
        exec_start(w->exec, a[i] = request("GET", "/", ""));
    for (int i = 0; i < 50; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT), usleep(1000);
    assert_int_equal(server.connections - connections, 3);
    exec_stop(w->exec, a[5]);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_CANCELLED);
    assert_true(a[5]->queued_us > 0);
    for (int i = 0; i < 5; i++)
        exec_stop(w->exec, a[i]);
    assert_int_equal(w->completions, before + 6);
    for (int i = 0; i < 6; i++)
        attempt_free(a[i]);
}

static void many_requests_at_once_all_end(UNUSED void **state) {
    server_says(JSON_REPLY("4", "true"), KEEP_OPEN);
    enum { N = 200 };
    static Attempt *a[N];
    unsigned before = w->completions;
    for (int i = 0; i < N; i++) {
        a[i] = request("GET", "/", "");
        a[i]->effect = EFFECT_READ;
        exec_start(w->exec, a[i]);
    }
    world_wait(w, before + N);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    for (int i = 0; i < N; i++)
        attempt_free(a[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_sent_as_json),
        cmocka_unit_test(a_text_is_sent_as_it_is),
        cmocka_unit_test(a_post_without_body_says_its_length_is_zero),
        cmocka_unit_test(query_is_encoded_and_joined),
        cmocka_unit_test(the_key_is_sent_unless_the_file_has_its_own),
        cmocka_unit_test(a_header_cannot_carry_another),
        cmocka_unit_test(proxy_variables_are_not_read),
        cmocka_unit_test(json_is_a_value_byte_for_byte),
        cmocka_unit_test(problem_json_is_json_too),
        cmocka_unit_test(other_types_are_text),
        cmocka_unit_test(no_content_is_null),
        cmocka_unit_test(broken_json_is_no_valid_answer),
        cmocka_unit_test(a_failure_says_what_the_server_said),
        cmocka_unit_test(retry_after_is_kept),
        cmocka_unit_test(the_reset_of_a_used_up_limit_is_a_wait),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(every_row_of_the_documented_table_holds),
        cmocka_unit_test(no_spelling_of_this_machine_is_reached_for_data),
        cmocka_unit_test(what_is_denied_says_where_it_led_and_what_to_do),
        cmocka_unit_test(a_connection_that_is_open_is_no_way_round),
        cmocka_unit_test(entries_of_the_project_open_and_close),
        cmocka_unit_test(nobody_listens_is_definite),
        cmocka_unit_test(no_such_host_is_definite),
        cmocka_unit_test(a_server_without_tls_is_definite),
        cmocka_unit_test(other_schemes_are_refused),
        cmocka_unit_test(a_cut_answer_is_unknown),
        cmocka_unit_test(a_request_is_never_sent_twice_on_its_own),
        cmocka_unit_test(a_stop_after_bytes_left_is_unknown),
        cmocka_unit_test(a_call_has_a_time_limit_of_its_own),
        cmocka_unit_test(an_answer_above_the_cap_is_cut_off),
        cmocka_unit_test(slots_are_bounded_and_first_come_first_served),
        cmocka_unit_test(many_requests_at_once_all_end),
    };
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, open_world, close_world);
}
