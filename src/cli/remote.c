/* The answer is read as it comes:
 *
 *   STATUS -> HEADERS -> BODY (length, or until the end) | CHUNK_SIZE -> CHUNK -> CHUNK_END ... -> DONE */
#include "cli/remote.h"

#include "base/limits.h"
#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

typedef enum Reading { STATUS, HEADERS, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, DONE } Reading;

struct Remote {
    uv_pipe_t pipe;
    uv_write_t write;
    ApiSink sink;
    void (*lost)(void *ctx);
    void *ctx;
    Buf request, in, body;
    Reading state;
    unsigned status;
    size_t left; /* of the body or the chunk */
    bool has_length, chunked, stream, gone, closing;
    char type[64];
};

static void closed(uv_handle_t *handle) {
    Remote *r = handle->data;
    buf_deinit(&r->request);
    buf_deinit(&r->in);
    buf_deinit(&r->body);
    free(r);
}

static void close_remote(Remote *r) {
    if (r->closing)
        return;
    r->closing = true;
    uv_close((uv_handle_t *)&r->pipe, closed);
}

void remote_hangup(Remote *r) {
    r->gone = true;
    close_remote(r);
}

static void lose(Remote *r) {
    if (r->closing)
        return;
    bool told = r->gone;
    close_remote(r);
    if (!told)
        r->lost(r->ctx);
}

static void respond(Remote *r, Str body) {
    ApiResponse response = {
        .status = r->status, .type = r->type, .body = body, .stream = r->stream
    };
    r->sink.respond(r->ctx, &response);
}

static void complete(Remote *r) {
    r->state = DONE;
    if (r->gone)
        return;
    if (!r->stream)
        respond(r, buf_str(&r->body));
    if (r->gone)
        return;
    r->gone = true;
    close_remote(r);
    r->sink.end(r->ctx);
}

static void take_body(Remote *r, Str bytes) {
    if (r->stream)
        r->sink.send(r->ctx, bytes);
    else
        buf_str_add(&r->body, bytes);
}

static void headers_end(Remote *r) {
    r->stream = strncmp(r->type, "text/event-stream", 17) == 0 && r->status == 200;
    if (r->stream)
        respond(r, STR(""));
    r->state = r->chunked ? CHUNK_SIZE : BODY;
    if (!r->chunked && r->has_length && r->left == 0)
        complete(r);
}

static bool header_is(Str line, const char *name, Str *ret_value) {
    size_t n = strlen(name);
    if (line.len <= n || strncasecmp(line.p, name, n) != 0 || line.p[n] != ':')
        return false;
    size_t at = n + 1;
    while (at < line.len && line.p[at] == ' ')
        at++;
    *ret_value = str_slice(line, at, line.len);
    return true;
}

static void take_header(Remote *r, Str line) {
    Str value;
    uint64_t length;
    if (header_is(line, "Content-Length", &value) && str_to_u64(value, &length)) {
        r->has_length = true;
        r->left = (size_t)length;
    } else if (header_is(line, "Transfer-Encoding", &value)) {
        r->chunked = true;
    } else if (header_is(line, "Content-Type", &value)) {
        snprintf(r->type, sizeof r->type, "%.*s", STR_FMT(value));
    }
}

static size_t hex_number(Str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.len && i < 8; i++) {
        char c = s.p[i];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0)
            break;
        n = n * 16 + (size_t)digit;
    }
    return n;
}

static void take_line(Remote *r, Str line) {
    uint64_t status;
    switch (r->state) {
    case STATUS:
        if (line.len < 12 || !str_starts(line, STR("HTTP/1.1 ")) ||
            !str_to_u64(str_slice(line, 9, 12), &status)) {
            lose(r);
            return;
        }
        r->status = (unsigned)status;
        r->state = HEADERS;
        return;
    case HEADERS:
        if (line.len == 0 && r->status == 100)
            r->state = STATUS;
        else if (line.len == 0)
            headers_end(r);
        else
            take_header(r, line);
        return;
    case CHUNK_SIZE:
        r->left = hex_number(line);
        if (r->left == 0)
            complete(r); /* no trailers are sent to us */
        else
            r->state = CHUNK;
        return;
    case CHUNK_END: r->state = CHUNK_SIZE; return;
    case BODY:
    case CHUNK:
    case DONE: UNREACHABLE("states without lines");
    }
}

/* Takes what it can from the front of `rest`; false if more bytes are needed. */
static bool take_some(Remote *r, Str *rest) {
    if (r->state == BODY || r->state == CHUNK) {
        size_t n = r->chunked || r->has_length ? MIN(r->left, rest->len) : rest->len;
        if (n == 0)
            return false;
        Str bytes = str_slice(*rest, 0, n);
        *rest = str_slice(*rest, n, rest->len);
        r->left -= r->chunked || r->has_length ? n : 0;
        bool last = r->left == 0 && (r->chunked || r->has_length);
        if (last && r->chunked)
            r->state = CHUNK_END;
        take_body(r, bytes);
        if (last && !r->chunked && !r->gone)
            complete(r);
        return true;
    }
    const char *end = memchr(rest->p, '\n', rest->len);
    if (!end)
        return false;
    size_t n = (size_t)(end - rest->p);
    Str line = str_slice(*rest, 0, n > 0 && rest->p[n - 1] == '\r' ? n - 1 : n);
    *rest = str_slice(*rest, n + 1, rest->len);
    take_line(r, line);
    return true;
}

static void take_bytes(Remote *r) {
    Str rest = buf_str(&r->in);
    while (!r->closing && !r->gone && r->state != DONE && rest.len > 0) {
        if (!take_some(r, &rest))
            break;
    }
    size_t left = rest.len;
    memmove(r->in.p, rest.p, left);
    r->in.len = left;
}

static void make_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret) {
    (void)suggested;
    Remote *r = handle->data;
    char *p = buf_room(&r->in, 64 * KIB);
    *ret = uv_buf_init(p, p ? 64 * KIB : 0);
}

static void arrived(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    (void)buf;
    Remote *r = stream->data;
    if (n > 0) {
        r->in.len += (size_t)n;
        take_bytes(r);
    } else if (n < 0) {
        bool whole = r->state == BODY && !r->has_length;
        if (whole)
            complete(r);
        else
            lose(r);
    }
}

static void written(uv_write_t *write, int status) {
    if (status != 0 && status != UV_ECANCELED)
        lose(write->handle->data);
}

static void write_request(Remote *r, const ApiRequest *q) {
    Buf *b = &r->request;
    buf_fmt(b, "%s %.*s%s%.*s HTTP/1.1\r\nHost: baton\r\nConnection: close\r\n",
            q->method == API_GET ? "GET" : "POST", STR_FMT(q->path), q->query.len ? "?" : "",
            STR_FMT(q->query));
    if (q->plain)
        buf_str_add(b, STR("Accept: text/plain\r\n"));
    if (q->last_event_id.len)
        buf_fmt(b, "Last-Event-ID: %.*s\r\n", STR_FMT(q->last_event_id));
    if (q->from.len)
        buf_fmt(b, "Baton-From: %.*s\r\n", STR_FMT(q->from));
    if (q->method == API_POST)
        buf_fmt(b, "Content-Type: application/json\r\nContent-Length: %zu\r\n", q->body.len);
    buf_str_add(b, STR("\r\n"));
    buf_str_add(b, q->body);
}

Remote *remote_call(uv_loop_t *loop, int fd, const ApiRequest *request, const ApiSink *sink,
                    void (*lost)(void *ctx), void *ctx) {
    Remote *r = xcalloc(1, sizeof *r);
    r->sink = *sink;
    r->lost = lost;
    r->ctx = ctx;
    r->request = BUF_INIT(64 * MIB);
    r->in = BUF_INIT(MIB);
    r->body = BUF_INIT(LIMIT_VALUE_BYTES);
    write_request(r, request);
    uv_pipe_init(loop, &r->pipe, 0);
    r->pipe.data = r;
    if (uv_pipe_open(&r->pipe, fd) != 0)
        close(fd);
    uv_buf_t out = uv_buf_init(r->request.p, (unsigned)r->request.len);
    uv_write(&r->write, (uv_stream_t *)&r->pipe, &out, 1, written);
    uv_read_start((uv_stream_t *)&r->pipe, make_room, arrived);
    return r;
}
