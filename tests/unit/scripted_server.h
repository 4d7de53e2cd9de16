/* A TCP server in the loop of the test that does what it is told, byte by byte. Include it after exec_world.h. */
#ifndef BATON_TESTS_SCRIPTED_SERVER_H
#define BATON_TESTS_SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <stdio.h>

typedef enum Then { KEEP_OPEN, CLOSE, RESET, SAY_NOTHING } Then;

static struct {
    uv_tcp_t listener;
    int port;
    const char *reply;
    size_t reply_len;
    Then then;
    unsigned connections, requests;
    char request[64 * 1024]; /* the last one */
    size_t request_len;
} server;

typedef struct Peer {
    uv_tcp_t tcp;
    uv_write_t write;
    char buffer[64 * 1024];
} Peer;

static inline void free_peer(uv_handle_t *handle) { free(handle->data); }

static inline void close_peer(Peer *p) {
    if (!uv_is_closing((uv_handle_t *)&p->tcp))
        uv_close((uv_handle_t *)&p->tcp, free_peer);
}

static inline void replied(uv_write_t *write, UNUSED int status) {
    Peer *p = write->data;
    if (server.then == CLOSE)
        close_peer(p);
    if (server.then == RESET)
        uv_tcp_close_reset(&p->tcp, free_peer);
}

static inline void reply(Peer *p) {
    server.requests++;
    if (server.then == SAY_NOTHING)
        return;
    uv_buf_t b = uv_buf_init((char *)server.reply, (unsigned)server.reply_len);
    p->write.data = p;
    uv_write(&p->write, (uv_stream_t *)&p->tcp, &b, 1, replied);
}

static inline bool request_is_whole(void) {
    Str all = { server.request, server.request_len };
    ptrdiff_t end = str_find(all, STR("\r\n\r\n"));
    if (end < 0)
        return false;
    const char *length = strstr(server.request, "Content-Length: ");
    size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    return server.request_len >= (size_t)end + 4 + body;
}

static inline void peer_said(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    Peer *p = stream->data;
    if (n < 0) {
        close_peer(p);
        return;
    }
    size_t take = MIN((size_t)n, sizeof(server.request) - 1 - server.request_len);
    memcpy(server.request + server.request_len, buf->base, take);
    server.request_len += take;
    server.request[server.request_len] = 0;
    if (request_is_whole())
        reply(p);
}

static inline void give_peer_buffer(uv_handle_t *handle, UNUSED size_t suggested, uv_buf_t *ret) {
    Peer *p = handle->data;
    *ret = uv_buf_init(p->buffer, sizeof(p->buffer));
}

static inline void peer_came(uv_stream_t *listener, UNUSED int status) {
    Peer *p = xcalloc(1, sizeof(*p));
    uv_tcp_init(listener->loop, &p->tcp);
    p->tcp.data = p;
    server.connections++;
    server.request_len = 0;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
    uv_read_start((uv_stream_t *)&p->tcp, give_peer_buffer, peer_said);
}

static inline void server_says(const char *reply_text, Then then) {
    server.reply = reply_text;
    server.reply_len = strlen(reply_text);
    server.then = then;
    server.request_len = 0;
    server.request[0] = 0;
}

static inline void server_open(uv_loop_t *loop) {
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &server.listener);
    uv_tcp_bind(&server.listener, (struct sockaddr *)&address, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server.listener, 64, peer_came), 0);
    int len = sizeof(address);
    uv_tcp_getsockname(&server.listener, (struct sockaddr *)&address, &len);
    server.port = ntohs(address.sin_port);
}

/* Peers close by themselves when the client hangs up. */
static inline void server_close(void) { uv_close((uv_handle_t *)&server.listener, NULL); }

#endif
