/* HTTP in front of the API.
 *
 *   epoll descriptor of the daemon --uv_poll--> MHD_run
 *      request begins   -> framing is checked, the body gathers (capped)
 *      request complete -> api_call; the connection is suspended until the answer is there
 *      answer           -> resumed, queued; a stream is pulled by MHD: suspended while there is nothing to send
 *      connection ends  -> api_hangup
 *
 * The listening socket is bound at once and the daemon started with the first connection: most commands that are their
 * own engine never have one. */
#include "server/server.h"

#include "base/limits.h"
#include "server/microhttpd.h"
#include "server/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BODY_BYTES_MAX                                                                             \
    (LIMIT_JSON_BYTES + MIB)        /* an input of the largest size, and the files beside it */
#define STREAM_BYTES_MAX (64 * MIB) /* a reader this far behind is cut off and may resume */
#define STREAM_BLOCK_BYTES (32 * KIB)
#define CONNECTIONS_MAX 512

typedef enum Exchange { GATHERING, ASKED, ANSWERED, QUEUED } Exchange;

typedef struct HttpCall HttpCall;
struct HttpCall {
    Server *server;
    HttpCall *prev, *next;
    struct MHD_Connection *connection;
    Exchange state;
    bool suspended;
    Buf body;
    ApiCall *call; /* NULL: not asked yet, or its end was seen */
    unsigned status;
    const char *type;
    bool stream, ended;
    Buf out;      /* of the answer */
    size_t taken; /* of `out`, by MHD */
};

struct Server {
    Api *api;
    uv_loop_t *loop;
    char *dir;
    int listen_fd;
    struct MHD_Daemon *daemon;
    uv_poll_t listening, polling;
    uv_timer_t timer;
    bool polls, running, kicked;
    HttpCall *calls;
    size_t n_connections;
    unsigned closing; /* handles that still close */
};

static void run_daemon(Server *s);
static void kick(Server *s);

static void suspend(HttpCall *h) {
    ASSERT(!h->suspended);
    h->suspended = true;
    mhd.suspend_connection(h->connection);
}

static void resume(HttpCall *h) {
    if (!h->suspended)
        return;
    h->suspended = false;
    mhd.resume_connection(h->connection);
    kick(h->server);
}

/* ---- from the API */

static void sink_respond(void *ctx, const ApiResponse *r) {
    HttpCall *h = ctx;
    h->status = r->status;
    h->type = r->type;
    h->stream = r->stream;
    buf_str_add(&h->out, r->body);
    h->state = ANSWERED;
    resume(h);
}

static void sink_send(void *ctx, Str bytes) {
    HttpCall *h = ctx;
    if (h->taken == h->out.len) {
        buf_reset(&h->out);
        h->taken = 0;
    }
    buf_str_add(&h->out, bytes);
    resume(h);
}

static void sink_end(void *ctx) {
    HttpCall *h = ctx;
    h->call = NULL;
    h->ended = true;
    resume(h);
}

static const ApiSink sink = { sink_respond, sink_send, sink_end };

/* ---- to the API */

typedef struct Framing {
    unsigned lengths, encodings, hosts;
    bool chunked;
} Framing;

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *key,
                                    const char *value) {
    Framing *f = ctx;
    (void)kind;
    Str name = str_from(key);
    f->lengths += name.len == 14 && strcasecmp(key, "content-length") == 0;
    f->hosts += name.len == 4 && strcasecmp(key, "host") == 0;
    if (strcasecmp(key, "transfer-encoding") == 0) {
        f->encodings++;
        f->chunked = value && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

/* A request that two parsers could cut at different places is refused. */
static bool framing_is_clear(struct MHD_Connection *c) {
    Framing f = { 0 };
    mhd.get_connection_values(c, MHD_HEADER_KIND, count_header, &f);
    return f.lengths + f.encodings <= 1 && (f.encodings == 0 || f.chunked) && f.hosts <= 1;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *body) {
    struct MHD_Response *r = mhd.create_response_from_buffer(strlen(body), (void *)(uintptr_t)body,
                                                             MHD_RESPMEM_PERSISTENT);
    mhd.add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json");
    mhd.add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = mhd.queue_response(c, status, r);
    mhd.destroy_response(r);
    return result;
}

static const char *header(struct MHD_Connection *c, const char *name) {
    const char *value = mhd.lookup_connection_value(c, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static enum MHD_Result join_query(void *ctx, enum MHD_ValueKind kind, const char *key,
                                  const char *value) {
    (void)kind;
    Buf *b = ctx;
    if (b->len)
        buf_char(b, '&');
    buf_str_add(b, str_from(key));
    buf_char(b, '=');
    for (const char *p = value ? value : ""; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9');
        if (plain)
            buf_char(b, *p);
        else
            buf_fmt(b, "%%%02X", (unsigned)(unsigned char)*p);
    }
    return MHD_YES;
}

static void ask(HttpCall *h, const char *path, const char *method) {
    Buf query = BUF_INIT(16 * KIB);
    mhd.get_connection_values(h->connection, MHD_GET_ARGUMENT_KIND, join_query, &query);
    ApiRequest request = {
        .method = strcmp(method, "GET") == 0    ? API_GET
                  : strcmp(method, "POST") == 0 ? API_POST
                                                : API_OTHER,
        .path = str_from(path),
        .query = buf_str(&query),
        .body = buf_str(&h->body),
        .last_event_id = str_from(header(h->connection, "Last-Event-ID")),
        .from = str_from(header(h->connection, "Baton-From")),
        .plain = strncmp(header(h->connection, "Accept"), "text/plain", 10) == 0,
    };
    h->state = ASKED;
    ApiCall *call = api_call(h->server->api, &request, &sink, h);
    h->call = h->ended ? NULL : call;
    buf_deinit(&query);
}

/* ---- the answer */

static ssize_t pull_stream(void *ctx, uint64_t position, char *to, size_t max) {
    HttpCall *h = ctx;
    (void)position;
    size_t left = h->out.len - h->taken;
    if (buf_over(&h->out))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (left == 0 && h->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (left == 0) {
        suspend(h);
        return 0;
    }
    size_t n = MIN(left, max);
    memcpy(to, h->out.p + h->taken, n);
    h->taken += n;
    return (ssize_t)n;
}

static enum MHD_Result queue_answer(HttpCall *h) {
    struct MHD_Response *r =
        h->stream ? mhd.create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                      pull_stream, h, NULL)
                  : mhd.create_response_from_buffer(h->out.len,
                                                    h->out.p ? h->out.p : (char *)(uintptr_t) "",
                                                    MHD_RESPMEM_PERSISTENT);
    mhd.add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, h->type);
    mhd.add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    enum MHD_Result result = mhd.queue_response(h->connection, h->status, r);
    mhd.destroy_response(r);
    h->state = QUEUED;
    return result;
}

static HttpCall *begin(Server *s, struct MHD_Connection *c) {
    HttpCall *h = xcalloc(1, sizeof *h);
    h->server = s;
    h->connection = c;
    h->body = BUF_INIT(BODY_BYTES_MAX);
    h->out = BUF_INIT(STREAM_BYTES_MAX);
    h->next = s->calls;
    if (s->calls)
        s->calls->prev = h;
    s->calls = h;
    return h;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **con_cls) {
    (void)version;
    HttpCall *h = *con_cls;
    if (!h) {
        if (!framing_is_clear(c))
            return refuse(
                c, 400,
                "{\"title\":\"Bad request\",\"status\":400,\"code\":\"invalid\",\"detail\":\"ambiguous framing\"}\n");
        *con_cls = begin(ctx, c);
        return MHD_YES;
    }
    if (*upload_size) {
        buf_add(&h->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (h->state == GATHERING && buf_over(&h->body))
        return refuse(
            c, 413,
            "{\"title\":\"Too large\",\"status\":413,\"code\":\"limit\",\"detail\":\"the body is above 17 MiB\"}\n");
    if (h->state == GATHERING)
        ask(h, path, method);
    if (h->state == ANSWERED)
        return queue_answer(h);
    if (h->state == ASKED)
        suspend(h);
    return MHD_YES;
}

static void completed(void *ctx, struct MHD_Connection *c, void **con_cls,
                      enum MHD_RequestTerminationCode why) {
    (void)c, (void)why;
    Server *s = ctx;
    HttpCall *h = *con_cls;
    if (!h)
        return;
    if (h->call)
        api_hangup(h->call);
    *(h->prev ? &h->prev->next : &s->calls) = h->next;
    if (h->next)
        h->next->prev = h->prev;
    buf_deinit(&h->body);
    buf_deinit(&h->out);
    free(h);
    *con_cls = NULL;
}

static void count_connection(void *ctx, struct MHD_Connection *c, void **socket_ctx,
                             enum MHD_ConnectionNotificationCode code) {
    (void)c, (void)socket_ctx;
    Server *s = ctx;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        s->n_connections++;
    else
        s->n_connections--;
}

/* ---- the loop */

static void timer_fired(uv_timer_t *timer) { run_daemon(timer->data); }

/* The daemon does not notice by itself that a connection was resumed: it is run again soon. */
static void kick(Server *s) {
    s->kicked = true;
    if (!s->running && s->closing == 0)
        uv_timer_start(&s->timer, timer_fired, 0, 0);
}

static void polled(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    run_daemon(poll->data);
}

static void run_daemon(Server *s) {
    if (!s->daemon)
        return;
    s->kicked = false;
    s->running = true;
    mhd.run(s->daemon);
    s->running = false;
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (s->kicked)
        uv_timer_start(&s->timer, timer_fired, 0, 0);
    else if (mhd.get_timeout(s->daemon, &timeout_ms) == MHD_YES)
        uv_timer_start(&s->timer, timer_fired, timeout_ms, 0);
    else
        uv_timer_stop(&s->timer);
}

/* NULL, or what is wrong. */
static const char *start_daemon(Server *s) {
    const char *problem = microhttpd_load();
    if (problem)
        return problem;
    s->daemon = mhd.start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, s,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_NOTIFY_COMPLETED, completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, count_connection, s, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!s->daemon)
        return "libmicrohttpd cannot begin";
    const union MHD_DaemonInfo *info = mhd.get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(s->loop, &s->polling, info->epoll_fd);
    s->polling.data = s;
    s->polls = true;
    uv_poll_start(&s->polling, UV_READABLE, polled);
    return NULL;
}

static void first_connection(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    Server *s = poll->data;
    uv_poll_stop(poll);
    const char *problem = start_daemon(s);
    if (!problem)
        run_daemon(s);
    else
        fprintf(stderr, "baton: no other command can reach this engine: %s\n", problem);
}

int server_open(Api *api, uv_loop_t *loop, const char *dir, Server **ret_server, char *problem) {
    Server *s = xcalloc(1, sizeof *s);
    if (socket_listen(dir, &s->listen_fd) != 0) {
        snprintf(problem, 256, "cannot listen on %s/" SERVER_SOCKET ": %s", dir, strerror(errno));
        free(s);
        return -ERR_IO;
    }
    s->api = api;
    s->loop = loop;
    s->dir = xstrndup(dir, strlen(dir));
    uv_poll_init(loop, &s->listening, s->listen_fd);
    s->listening.data = s;
    uv_poll_start(&s->listening, UV_READABLE, first_connection);
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    *ret_server = s;
    return 0;
}

size_t server_connections(const Server *s) { return s->n_connections; }

static void handle_closed(uv_handle_t *handle) {
    Server *s = handle->data;
    if (--s->closing > 0)
        return;
    free(s->dir);
    free(s);
}

static void close_handle(Server *s, void *handle) {
    s->closing++;
    uv_close(handle, handle_closed);
}

Server *server_close(Server *s) {
    if (!s)
        return NULL;
    socket_remove(s->dir);
    close_handle(s, &s->listening); /* before the descriptors they watch */
    close_handle(s, &s->timer);
    if (s->polls)
        close_handle(s, &s->polling);
    if (!s->daemon) {
        close(s->listen_fd);
        return NULL;
    }
    for (HttpCall *h = s->calls; h; h = h->next) {
        if (h->call)
            api_hangup(h->call);
        h->call = NULL;
        h->ended = true;
        resume(h);
    }
    mhd.stop_daemon(s->daemon); /* closes the listening socket too */
    s->daemon = NULL;
    return NULL;
}
