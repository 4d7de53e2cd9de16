/* The `http` callee: { method, url, query, headers, body } out, the body of the answer back as a value.
 *
 * A map or list as body is sent as JSON, text as it is. An answer that says it is JSON must be JSON; anything else is
 * text, and an answer without content is null. */
#include "exec/exec.h"
#include "exec/http_headers.h"
#include "exec/http_outcome.h"

#include "base/json.h"
#include "base/limits.h"

#include <strings.h>

/* A step that says nothing about time: long enough for a slow report, short enough to notice the same day's mistake. */
#define HTTP_TIMEOUT_DEFAULT_MS 60000
/* Of the body of a failure: enough to see what the server complained of. */
#define FAILURE_BODY_BYTES (16 * KIB)
#define MESSAGE_EXCERPT_BYTES 300

typedef struct HttpAttempt {
    Exec *x;
    Attempt *a;
    HttpCall call;
    HttpHeaders headers;
} HttpAttempt;

/* ---- the request ------------------------------------------------------------------------------------------------------- */

static void write_percent_encoded(Buf *b, Str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("-._~", c));
        if (plain)
            buf_char(b, (char)c);
        else
            buf_fmt(b, "%%%02X", c);
    }
}

static void write_pair(Buf *b, char *separator, Str name, Value value, Arena *a) {
    if (value_is(value, V_NULL))
        return;
    buf_char(b, *separator);
    *separator = '&';
    write_percent_encoded(b, name);
    buf_char(b, '=');
    write_percent_encoded(b, value_plain(a, value));
}

/* The URL with the query's entries after what it has already; a list gives its name once for each item, null is left out. */
static Str url_with_query(Arena *a, Str url, Value query) {
    if (!value_is(query, V_MAP) || query.len == 0)
        return url;
    ptrdiff_t hash = str_find(url, STR("#"));
    if (hash >= 0)
        url = str_slice(url, 0, (size_t)hash);
    Buf b = BUF_INIT(LIMIT_PAYLOAD_BYTES);
    buf_str_add(&b, url);
    char separator = str_find(url, STR("?")) >= 0 ? '&' : '?';
    for (size_t i = 0; i < query.len; i++) {
        ValueEntry e = value_entry(query, i);
        Str name = value_plain(a, e.key);
        if (!value_is(e.value, V_LIST))
            write_pair(&b, &separator, name, e.value, a);
        for (size_t n = 0; value_is(e.value, V_LIST) && n < e.value.len; n++)
            write_pair(&b, &separator, name, e.value.items[n], a);
    }
    Str whole = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return whole;
}

static bool add_headers(HttpAttempt *h, Value headers, bool json) {
    h->headers = http_headers(&h->a->arena, headers, 2);
    if (!http_headers_add(&h->headers, headers))
        return false;
    if (json && !http_header_has(&h->headers, STR("content-type")))
        http_header_add(&h->headers, STR("Content-Type"), STR("application/json"));
    if (h->a->key.len && !http_header_has(&h->headers, STR("idempotency-key")))
        http_header_add(&h->headers, STR("Idempotency-Key"), h->a->key);
    return true;
}

static Str text_field(Value request, const char *name, Str otherwise) {
    Value v = value_getz(request, name);
    return value_is(v, V_STRING) ? value_as_str(v) : otherwise;
}

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static bool says_json(Str type) {
    ptrdiff_t end = str_find(type, STR(";"));
    Str bare = end >= 0 ? str_slice(type, 0, (size_t)end) : type;
    while (bare.len && bare.p[bare.len - 1] == ' ')
        bare.len--;
    return (bare.len == 16 && strncasecmp(bare.p, "application/json", 16) == 0) ||
           (bare.len > 5 && strncasecmp(bare.p + bare.len - 5, "+json", 5) == 0);
}

static bool is_json(Str text, JsonError *ret_error) {
    Arena scratch;
    arena_init(&scratch, LIMIT_VALUE_BYTES);
    Value v;
    int r = json_read(&scratch, text, &v, ret_error);
    arena_deinit(&scratch);
    return r == 0;
}

/* The body as JSON text into `b`: JSON as it came, other text as a string. False if it is not what its type says. */
static bool write_body(Buf *b, const HttpAnswer *answer, JsonError *ret_error) {
    bool json = says_json(answer->content_type);
    if (answer->body.len == 0 && (json || answer->content_type.len == 0)) {
        buf_str_add(b, STR("null"));
        return true;
    }
    if (!json)
        json_write_string(b, answer->body);
    else if (is_json(answer->body, ret_error))
        buf_str_add(b, answer->body);
    else
        return false;
    return true;
}

/* Without query, fragment and credentials: those may be secret, and messages are kept. */
static Str url_for_people(Str url) {
    size_t end = 0;
    while (end < url.len && url.p[end] != '?' && url.p[end] != '#')
        end++;
    return str_slice(url, 0, end);
}

static Str failure_payload(Arena *a, const HttpAnswer *answer) {
    MapBuilder m = map_builder(a);
    if (answer->status)
        map_addz(&m, "status", value_int(answer->status));
    Value body = VALUE_ABSENT;
    bool whole = answer->end == HTTP_ANSWERED && answer->body.len <= FAILURE_BODY_BYTES;
    if (!whole || !says_json(answer->content_type) || json_read(a, answer->body, &body, NULL) != 0)
        body = value_str(exec_excerpt(a, answer->body, FAILURE_BODY_BYTES));
    map_addz(&m, "body", body);
    if (answer->location.len)
        map_addz(&m, "location", value_str(exec_excerpt(a, answer->location, 1024)));
    Str text = value_text(a, map_done(&m, NULL));
    return text.p ? text : STR("{}");
}

static Str failure_message(HttpAttempt *h, const HttpAnswer *answer) {
    Arena *a = &h->a->arena;
    Str url = url_for_people(h->call.url);
    if (answer->end != HTTP_ANSWERED)
        return arena_fmt(a, "%.*s %.*s: %.*s", STR_FMT(h->call.method), STR_FMT(url),
                         STR_FMT(answer->problem));
    Str excerpt = exec_excerpt(a, answer->body, MESSAGE_EXCERPT_BYTES);
    const char *hint = answer->status >= 300 && answer->status < 400
                           ? " (redirects are not followed: name the final address)"
                           : "";
    return arena_fmt(a, "%.*s %.*s answered %d %s%s%s%.*s", STR_FMT(h->call.method), STR_FMT(url),
                     answer->status, http_status_name(answer->status), hint,
                     excerpt.len ? ": " : "", STR_FMT(excerpt));
}

static Completion completion_of(const HttpAnswer *answer, HttpOutcome outcome) {
    return (Completion){ .outcome = outcome.outcome,
                         .sent = outcome.sent,
                         .kind = outcome.kind,
                         .took_us = answer->took_us,
                         .retry_after_ms = answer->retry_after_ms };
}

static void answered(void *ctx, const HttpAnswer *answer) {
    HttpAttempt *h = ctx;
    Attempt *a = h->a;
    a->queued_us = answer->queued_us;
    Completion c =
        completion_of(answer, http_outcome(answer->end, answer->sent, answer->status, a->effect));
    Buf body = BUF_INIT(LIMIT_PAYLOAD_BYTES + 16);
    JsonError error;
    if (c.outcome == OUTCOME_OK && !write_body(&body, answer, &error)) {
        c.outcome = OUTCOME_UNKNOWN;
        c.kind = KIND_INVALID;
        c.message = arena_fmt(&a->arena, "the answer says it is JSON and is not: %s (line %u)",
                              error.message, error.line);
    } else if (c.outcome == OUTCOME_OK && buf_over(&body)) {
        c.outcome = OUTCOME_UNKNOWN;
        c.kind = KIND_LIMIT;
        c.message = arena_fmt(&a->arena, "the answer is larger than %u bytes", LIMIT_PAYLOAD_BYTES);
    } else if (c.outcome != OUTCOME_OK) {
        c.message = failure_message(h, answer);
    }
    c.payload = c.outcome == OUTCOME_OK ? buf_str(&body) : failure_payload(&a->arena, answer);
    exec_complete(h->x, a, &c);
    buf_deinit(&body);
}

/* ---- the executor ------------------------------------------------------------------------------------------------------ */

static void set_body(HttpAttempt *h, Value body, bool *ret_json) {
    Arena *a = &h->a->arena;
    *ret_json = false;
    if (value_absent(body) || value_is(body, V_NULL))
        return;
    if (value_is(body, V_STRING)) {
        h->call.body = value_as_str(body);
        return;
    }
    *ret_json = true;
    h->call.body = value_text(a, body);
}

static void start_http(Exec *x, Attempt *a) {
    HttpAttempt *h = ARENA_NEW(&a->arena, HttpAttempt);
    a->state = h;
    h->x = x;
    h->a = a;
    bool json;
    Value body = value_getz(a->request, "body");
    set_body(h, body, &json);
    if (json && !h->call.body.p) {
        exec_refuse(x, a, KIND_LIMIT, "http: the body is larger than a value may be");
        return;
    }
    if (!add_headers(h, value_getz(a->request, "headers"), json)) {
        exec_refuse(x, a, KIND_INVALID,
                    "http: a header's name or value has characters that none may have");
        return;
    }
    Str url = text_field(a->request, "url", STR(""));
    h->call.url = url_with_query(&a->arena, url, value_getz(a->request, "query"));
    h->call.method = text_field(a->request, "method", h->call.body.p ? STR("POST") : STR("GET"));
    h->call.headers = h->headers.lines;
    h->call.n_headers = h->headers.n;
    h->call.fresh = a->effect == EFFECT_UNSAFE;
    /* A timeout of the step is the engine's to keep, from before the queue. */
    h->call.timeout_ms = a->timeout_ms ? 0 : HTTP_TIMEOUT_DEFAULT_MS;
    h->call.answer_bytes_max = LIMIT_PAYLOAD_BYTES;
    h->call.egress = &a->egress;
    h->call.host_of_data = a->host_of_data;
    h->call.done = answered;
    h->call.ctx = h;
    http_call(&x->http, &h->call);
}

static void stop_http(UNUSED Exec *x, Attempt *a) {
    HttpAttempt *h = a->state;
    http_stop(&h->call);
}

const ExecOps exec_http = { start_http, stop_http };
