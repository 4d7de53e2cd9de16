/* libcurl says which sockets it wants watched and when it wants to be called again; libuv does the watching.
 *
 *   http_call -> slot -> curl_multi_add_handle
 *   watch_socket (curl asks) -> uv_poll -> socket_ready -> curl_multi_socket_action -> collect_finished -> done
 *   set_timer    (curl asks) -> uv_timer ----^
 *
 * A call is over in finish(), which is the only place that calls `done`, and touches the call no more after that. */
#include "exec/http_client.h"

#include "base/time.h"
#include "exec/http_egress.h"
#include "exec/libcurl.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

/* Idle connections kept for the next call: a handful of providers and tools, each with a burst. */
#define IDLE_CONNECTIONS_MAX 32L

typedef struct Watch {
    uv_poll_t poll;
    HttpClient *client;
    curl_socket_t socket;
} Watch;

static void call_begins(void *ctx, Slot *slot);

static HttpCall *call_of(Slot *slot) {
    return (HttpCall *)((char *)slot - offsetof(HttpCall, slot));
}

/* ---- how it ended ------------------------------------------------------------------------------------------------------ */

/* What matters is whether a byte left, not which layer complained: libcurl has codes that mean either. */
static HttpEnd end_of(CURLcode code, bool sent) {
    if (code == CURLE_OK)
        return HTTP_ANSWERED;
    if (!sent)
        return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL
                   ? HTTP_REFUSED
                   : HTTP_NO_CONNECTION;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return HTTP_TIMED_OUT;
    return HTTP_CUT;
}

static Str header_text(CURL *easy, const char *name) {
    struct curl_header *header;
    return libcurl.easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
               ? str_from(header->value)
               : STR("");
}

/* Longer than a day is as good as never, and keeps the arithmetic of whoever adds it to a clock safe. */
#define RETRY_AFTER_MS_MAX (24 * 3600 * 1000)

/* What is left of a limit, and when it is full again: OpenAI says a duration like "6m0s", Anthropic a time. */
static const struct {
    const char *remaining, *reset;
} limits[] = {
    { "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests" },
    { "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens" },
    { "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset" },
    { "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset" },
    { "anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset" },
    { "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset" },
};

static int64_t until_ms(Str text) {
    int64_t ms, seconds;
    uint32_t nanos;
    struct timespec now;
    if (duration_parse(text, &ms))
        return MAX(ms, 0);
    if (!time_parse(text, &seconds, &nanos))
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    return MAX((seconds - now.tv_sec) * 1000 + (nanos - now.tv_nsec) / 1000000, 0);
}

static int64_t limits_reset_ms(CURL *easy) {
    int64_t ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (str_is(header_text(easy, limits[i].remaining), "0"))
            ms = MAX(ms, until_ms(header_text(easy, limits[i].reset)));
    return ms;
}

static int64_t asked_wait_ms(CURL *easy) {
    int64_t ms;
    if (str_to_i64(header_text(easy, "retry-after-ms"), &ms) && ms >= 0)
        return ms;
    curl_off_t seconds = 0; /* libcurl reads both forms: seconds and a date */
    libcurl.easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > 0)
        return MIN(seconds, RETRY_AFTER_MS_MAX / 1000) * 1000;
    return limits_reset_ms(easy);
}

static int64_t retry_after_ms(CURL *easy) { return MIN(asked_wait_ms(easy), RETRY_AFTER_MS_MAX); }

static int should_retry(CURL *easy) {
    Str said = header_text(easy, "x-should-retry");
    return str_is(said, "true") ? 1 : str_is(said, "false") ? -1 : 0;
}

static bool bytes_left(CURL *easy) {
    long request_bytes = 0;
    libcurl.easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes > 0;
}

static void read_answer(HttpCall *call, CURLcode code, HttpAnswer *answer) {
    CURL *easy = call->easy;
    long status = 0;
    libcurl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    answer->sent = bytes_left(easy);
    bool denied = call->denial[0] && code != CURLE_OK && !answer->sent;
    answer->end = call->dropped             ? HTTP_DROPPED
                  : buf_over(&call->answer) ? HTTP_TOO_BIG
                  : denied                  ? HTTP_DENIED
                                            : end_of(code, answer->sent);
    answer->body = buf_str(&call->answer);
    answer->content_type = header_text(easy, "content-type");
    answer->location = header_text(easy, "location");
    answer->kept = call->keep ? header_text(easy, call->keep) : STR("");
    answer->retry_after_ms = retry_after_ms(easy);
    answer->should_retry = should_retry(easy);
    if (answer->end == HTTP_TOO_BIG)
        snprintf(call->problem, sizeof(call->problem), "the answer is larger than %zu bytes",
                 call->answer_bytes_max);
    else if (denied)
        memcpy(call->problem, call->denial, sizeof(call->problem));
    else if (code != CURLE_OK)
        libcurl_explain(easy, code, call->problem);
}

/* Tells `done` and forgets the call. The easy handle outlives `done`, which borrows headers from it. */
static void finish(HttpCall *call, HttpAnswer *answer) {
    CURL *easy = call->easy;
    struct curl_slist *headers = call->header_list;
    Buf body = call->answer;
    char problem[sizeof(call->problem)];
    memcpy(problem, call->problem, sizeof(problem));
    answer->problem = str_from(problem);
    answer->queued_us = slot_queued_us(&call->slot);
    answer->took_us = slot_took_us(&call->slot);
    Slots *slots = &call->client->slots;
    if (easy)
        libcurl.multi_remove_handle(call->client->multi, easy);
    Slot *slot = &call->slot;
    slots_leave(slots, slot);
    call->done(call->ctx, answer);
    if (easy)
        libcurl.easy_cleanup(easy);
    if (headers)
        libcurl.slist_free_all(headers);
    buf_deinit(&body);
}

static void finish_early(HttpCall *call, HttpEnd end, const char *problem) {
    snprintf(call->problem, sizeof(call->problem), "%s", problem);
    finish(call, &(HttpAnswer){ .end = end });
}

/* ---- libcurl on libuv -------------------------------------------------------------------------------------------------- */

static void collect_finished(HttpClient *c) {
    CURLMsg *message;
    int left;
    while (c->multi && (message = libcurl.multi_info_read(c->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        HttpCall *call;
        libcurl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        HttpAnswer answer = { 0 };
        read_answer(call, message->data.result, &answer);
        finish(call, &answer);
    }
}

static void socket_ready(uv_poll_t *poll, int status, int events) {
    Watch *w = poll->data;
    HttpClient *c = w->client;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    int running;
    libcurl.multi_socket_action(c->multi, w->socket, flags, &running);
    collect_finished(c);
}

static void free_watch(uv_handle_t *handle) { free(handle->data); }

static Watch *new_watch(HttpClient *c, curl_socket_t socket) {
    Watch *w = xcalloc(1, sizeof(*w));
    w->client = c;
    w->socket = socket;
    w->poll.data = w;
    int err = uv_poll_init_socket(c->loop, &w->poll, socket);
    ASSERT(err == 0);
    libcurl.multi_assign(c->multi, socket, w);
    return w;
}

static int watch_socket(UNUSED CURL *easy, curl_socket_t socket, int what, void *ctx,
                        void *socket_ctx) {
    HttpClient *c = ctx;
    Watch *w = socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            libcurl.multi_assign(c->multi, socket, NULL);
            uv_close((uv_handle_t *)&w->poll, free_watch);
        }
        return 0;
    }
    if (!w)
        w = new_watch(c, socket);
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&w->poll, events, socket_ready);
    return 0;
}

static void timer_due(uv_timer_t *timer) {
    HttpClient *c = timer->data;
    int running;
    libcurl.multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(c);
}

/* Never calls into libcurl from here, as it asks: even 0 ms waits for the loop. */
static int set_timer(UNUSED CURLM *multi, long timeout_ms, void *ctx) {
    HttpClient *c = ctx;
    if (timeout_ms < 0)
        uv_timer_stop(c->timer);
    else
        uv_timer_start(c->timer, timer_due, (uint64_t)timeout_ms, 0);
    return 0;
}

/* ---- silence ------------------------------------------------------------------------------------------------------------- */

/* INT64_MAX: it may be silent for ever. */
static int64_t silent_until_us(const HttpCall *call) {
    int64_t ms = call->heard ? call->gap_ms : call->first_byte_ms;
    return ms ? call->heard_at_us + ms * 1000 : INT64_MAX;
}

static void end_silent(HttpCall *call) {
    HttpAnswer answer = { .end = HTTP_STALLED, .body = buf_str(&call->answer) };
    long status = 0;
    libcurl.easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = (int)status;
    answer.sent = bytes_left(call->easy);
    if (!answer.sent)
        answer.end = HTTP_NO_CONNECTION;
    snprintf(call->problem, sizeof(call->problem), "nothing came for %lld s",
             (long long)((call->heard ? call->gap_ms : call->first_byte_ms) / 1000));
    finish(call, &answer);
}

static HttpCall *silent_call(HttpClient *c, int64_t now_us) {
    for (Slot *slot = c->slots.running; slot; slot = slot->next)
        if (silent_until_us(call_of(slot)) <= now_us)
            return call_of(slot);
    return NULL;
}

static void silence_due(uv_timer_t *timer);

/* One timer for all calls: hearing something only moves a call's own clock, and the timer finds that out when it rings. */
static void watch_silence(HttpClient *c) {
    int64_t now_us = (int64_t)(uv_hrtime() / 1000), next_us = INT64_MAX;
    for (Slot *slot = c->slots.running; slot; slot = slot->next)
        next_us = MIN(next_us, silent_until_us(call_of(slot)));
    if (next_us == INT64_MAX)
        uv_timer_stop(c->silence);
    else
        uv_timer_start(c->silence, silence_due, (uint64_t)(MAX(next_us - now_us, 0) / 1000 + 1), 0);
}

static void silence_due(uv_timer_t *timer) {
    HttpClient *c = timer->data;
    HttpCall *call;
    while (c->multi && (call = silent_call(c, (int64_t)(uv_hrtime() / 1000))))
        end_silent(call);
    if (c->multi)
        watch_silence(c);
}

static void hear(HttpCall *call) {
    bool first = !call->heard;
    call->heard = true;
    call->heard_at_us = (int64_t)(uv_hrtime() / 1000);
    if (first && call->gap_ms)
        watch_silence(call->client);
}

void http_end_soon(HttpCall *call, int64_t gap_ms) {
    call->gap_ms = gap_ms;
    watch_silence(call->client);
}

static void make_multi(HttpClient *c) {
    c->multi = libcurl.multi_init();
    ASSERT(c->multi != NULL);
    c->timer = xcalloc(1, sizeof(*c->timer));
    uv_timer_init(c->loop, c->timer);
    c->timer->data = c;
    c->silence = xcalloc(1, sizeof(*c->silence));
    uv_timer_init(c->loop, c->silence);
    c->silence->data = c;
    uv_unref((uv_handle_t *)c->silence); /* the sockets it watches over keep the loop */
    libcurl.multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    libcurl.multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    libcurl.multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    libcurl.multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    libcurl.multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
}

/* ---- one call ---------------------------------------------------------------------------------------------------------- */

static HttpTake offer(HttpCall *call, Str bytes) {
    long status = 0;
    if (call->keeps || !call->take)
        return HTTP_KEEP;
    libcurl.easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return call->take(call->ctx, (int)status, header_text(call->easy, "content-type"), bytes);
}

static size_t take_bytes(char *bytes, size_t one, size_t n, void *ctx) {
    HttpCall *call = ctx;
    hear(call);
    switch (offer(call, (Str){ bytes, one * n })) {
    case HTTP_TAKEN: return one * n;
    case HTTP_ENOUGH: call->dropped = true; return 0;
    case HTTP_KEEP: break;
    }
    call->keeps = true;
    buf_add(&call->answer, bytes, one * n);
    if (call->came)
        call->came(call->ctx, header_text(call->easy, "content-type"),
                   call->keep ? header_text(call->easy, call->keep) : STR(""),
                   buf_str(&call->answer));
    return buf_over(&call->answer) ? 0 : one * n;
}

/* A NUL would end the URL early, a line break would be a header more. */
static bool is_one_line(Str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool add_headers(HttpCall *call) {
    /* No pause for `100 Continue`, and no form type that nobody asked for. */
    struct curl_slist *list = libcurl.slist_append(NULL, "Expect:");
    bool typed = false;
    for (size_t i = 0; i < call->n_headers; i++) {
        Str header = str_from(call->headers[i]);
        if (!is_one_line(header)) {
            libcurl.slist_free_all(list);
            return false;
        }
        typed |= strncasecmp(call->headers[i], "content-type:", 13) == 0;
        list = libcurl.slist_append(list, call->headers[i]);
    }
    if (!typed)
        list = libcurl.slist_append(list, "Content-Type:");
    call->header_list = list;
    libcurl.easy_setopt(call->easy, CURLOPT_HTTPHEADER, list);
    return true;
}

static void set_method(HttpCall *call) {
    CURL *easy = call->easy;
    char method[32];
    snprintf(method, sizeof(method), "%.*s", STR_FMT(call->method));
    bool has_body = call->body.p != NULL;
    if (str_is(call->method, "HEAD"))
        libcurl.easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (has_body || str_is(call->method, "POST"))
        libcurl.easy_setopt(easy, CURLOPT_POST, 1L);
    if (has_body || str_is(call->method, "POST")) {
        libcurl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        libcurl.easy_setopt(easy, CURLOPT_POSTFIELDS, has_body ? call->body.p : "");
    }
    if (!str_is(call->method, "HEAD"))
        libcurl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_policy(HttpCall *call) {
    CURL *easy = call->easy;
    libcurl_set_common(easy);
    libcurl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    libcurl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    libcurl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    libcurl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING,
                        ""); /* what libcurl can unpack; the cap is on the unpacked */
    libcurl.easy_setopt(easy, CURLOPT_USERAGENT, "baton/" BATON_VERSION);
    libcurl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    libcurl.easy_setopt(easy, CURLOPT_FRESH_CONNECT, call->fresh ? 1L : 0L);
}

static void set_plumbing(HttpCall *call) {
    CURL *easy = call->easy;
    libcurl.easy_setopt(easy, CURLOPT_PRIVATE, call);
    libcurl.easy_setopt(easy, CURLOPT_ERRORBUFFER, call->problem);
    libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    libcurl.easy_setopt(easy, CURLOPT_WRITEDATA, call);
    http_egress_guard(call);
}

static bool set_url(HttpCall *call) {
    char *url = xstrndup(call->url.p, call->url.len);
    CURLcode code = libcurl.easy_setopt(call->easy, CURLOPT_URL, url);
    free(url);
    return code == CURLE_OK;
}

static bool is_method(Str method) {
    if (method.len == 0 || method.len > 20)
        return false;
    for (size_t i = 0; i < method.len; i++)
        if (method.p[i] < 'A' || method.p[i] > 'Z')
            return false;
    return true;
}

/* NULL, or what is wrong with the order. */
static const char *prepare(HttpCall *call) {
    if (!is_method(call->method))
        return "the method must be capital letters, like GET or POST";
    if (call->url.len == 0 || !is_one_line(call->url))
        return "the URL is empty or has control characters";
    call->easy = libcurl.easy_init();
    ASSERT(call->easy != NULL);
    call->answer = BUF_INIT(call->answer_bytes_max);
    set_plumbing(call);
    set_policy(call);
    set_method(call);
    if (set_url(call) && add_headers(call))
        return NULL;
    libcurl.easy_cleanup(call->easy);
    call->easy = NULL;
    return "the URL is too long, or a header has control characters";
}

static void call_begins(UNUSED void *ctx, Slot *slot) {
    HttpCall *call = call_of(slot);
    HttpClient *c = call->client;
    const char *trouble = libcurl_load();
    if (trouble) {
        finish_early(call, HTTP_NO_CONNECTION, trouble);
        return;
    }
    if (!c->multi)
        make_multi(c);
    trouble = prepare(call);
    if (trouble) {
        finish_early(call, HTTP_REFUSED, trouble);
        return;
    }
    CURLMcode code = libcurl.multi_add_handle(c->multi, call->easy);
    ASSERT(code == CURLM_OK);
    call->heard_at_us = (int64_t)(uv_hrtime() / 1000);
    if (call->first_byte_ms)
        watch_silence(c);
}

void http_call(HttpClient *c, HttpCall *call) {
    call->client = c;
    call->easy = call->header_list = NULL;
    call->answer = BUF_INIT(0);
    call->keeps = call->heard = call->dropped = false;
    call->heard_at_us = (int64_t)(uv_hrtime() / 1000);
    call->problem[0] = 0;
    slots_enter(&c->slots, &call->slot);
}

void http_stop(HttpCall *call) {
    HttpAnswer answer = { .end = HTTP_STOPPED };
    if (call->easy) {
        answer.sent = bytes_left(call->easy);
        answer.body = buf_str(&call->answer);
    }
    snprintf(call->problem, sizeof(call->problem), "stopped");
    finish(call, &answer);
}

/* ---- the client -------------------------------------------------------------------------------------------------------- */

void http_client_init(HttpClient *c, uv_loop_t *loop, unsigned calls_max) {
    *c = (HttpClient){ .loop = loop, .slots = { .max = calls_max, .begin = call_begins } };
}

static void free_timer(uv_handle_t *handle) { free(handle); }

void http_client_close(HttpClient *c) {
    for (Slot *slot = c->slots.running; slot; slot = slot->next) {
        HttpCall *call = call_of(slot);
        libcurl.multi_remove_handle(c->multi, call->easy);
        libcurl.easy_cleanup(call->easy);
        libcurl.slist_free_all(call->header_list);
        buf_deinit(&call->answer);
    }
    if (!c->multi)
        return;
    libcurl.multi_cleanup(
        c->multi); /* closes idle connections and so takes back what it had us watch */
    c->multi = NULL;
    uv_close((uv_handle_t *)c->timer, free_timer);
    uv_close((uv_handle_t *)c->silence, free_timer);
    c->timer = c->silence = NULL;
}

void http_client_deinit(HttpClient *c) { ASSERT(c->multi == NULL); }
