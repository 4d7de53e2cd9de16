/* A server over HTTP: each message is a POST of its own, answered by a body of JSON or by a stream of events that ends with the
 * answer. What comes while the request is under way is looked at on the next turn of the loop: libcurl is not called from
 * within itself.
 *
 * Legacy servers keep a session, named by a header of their answer to `initialize`; one that does not know it any more has not
 * looked at the request (404; some say 400). */
#include "exec/mcp/mcp.h"

#include "base/base64.h"
#include "exec/http_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define SESSION "Mcp-Session-Id"
#define SESSION_BYTES 256

typedef struct McpPost McpPost;
struct McpPost {
    McpPost *prev, *next;
    McpWire *c;
    HttpCall call;
    Arena arena; /* headers and body */
    int64_t id;  /* of the request; -1: an answer or a notice */
    bool in_session, answered;
    bool unwanted; /* to be stopped, on the next turn of the loop */
    bool over;     /* it has ended */
    McpCutter cutter;
    size_t cut; /* bytes of the answer that were looked at */
    Buf came;   /* and those that were not */
    bool events;
};
struct McpWire {
    McpWire *prev, *next;
    Exec *x;
    McpServer *server; /* NULL: nothing is told any more */
    McpPost *posts;
    uv_timer_t wake;
    char session[SESSION_BYTES];
};

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static void wire_closed(uv_handle_t *handle) { free(handle->data); }

static void close_if_over(McpWire *c) {
    if (c->server || c->posts)
        return;
    *(c->prev ? &c->prev->next : &c->x->mcp->wires) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    uv_close((uv_handle_t *)&c->wake, wire_closed);
}

static void free_post(McpPost *p) {
    McpWire *c = p->c;
    *(p->prev ? &p->prev->next : &c->posts) = p->next;
    if (p->next)
        p->next->prev = p->prev;
    mcp_cutter_deinit(&p->cutter);
    buf_deinit(&p->came);
    arena_deinit(&p->arena);
    free(p);
    close_if_over(c);
}

/* ---- what comes ------------------------------------------------------------------------------------------------------ */

static void take(void *ctx, Str message) {
    McpPost *p = ctx;
    McpServer *s = p->c->server;
    Arena a;
    if (!s)
        return;
    arena_init(&a, LIMIT_VALUE_BYTES);
    McpMessage m = mcp_read(&a, message);
    p->answered |= (m.kind == MCP_RESULT || m.kind == MCP_ERROR) && m.id == p->id;
    arena_deinit(&a);
    mcp_take(&s->session, message);
}

static void drain(McpPost *p) {
    Buf came = p->came;
    p->came = BUF_INIT(LIMIT_JSON_BYTES);
    if (p->events)
        mcp_cut(&p->cutter, buf_str(&came), take, p);
    buf_deinit(&came);
}

static void woken(uv_timer_t *timer);

static void wake_soon(McpWire *c) { uv_timer_start(&c->wake, woken, 0, 0); }

/* The stream of one that is answered may stay open: it is of no more use. */
static void look_at(McpPost *p) {
    drain(p);
    if (p->answered || p->unwanted)
        http_stop(&p->call);
}

static bool needs_a_look(const McpPost *p) { return p->came.len > 0 || p->answered || p->unwanted; }

static void woken(uv_timer_t *timer) {
    McpWire *c = timer->data;
    McpPost *p = c->posts;
    while (p && !needs_a_look(p))
        p = p->next;
    if (!p)
        return;
    if (c->posts != p || p->next) /* before it goes, and what it belongs to with it */
        wake_soon(c);
    look_at(p);
}

static void came(void *ctx, Str content_type, Str session, Str body) {
    McpPost *p = ctx;
    if (session.len && session.len < SESSION_BYTES)
        snprintf(p->c->session, SESSION_BYTES, "%.*s", STR_FMT(session));
    p->events = content_type.len >= 17 && strncasecmp(content_type.p, "text/event-stream", 17) == 0;
    buf_str_add(&p->came, str_slice(body, p->cut, body.len));
    p->cut = body.len;
    if (p->events && !p->over)
        wake_soon(p->c);
}

static bool is_accepted(int status) { return status >= 200 && status < 300; }

static Str why_not(McpPost *p, const HttpAnswer *answer) {
    Arena *a = &p->arena;
    if (answer->end != HTTP_ANSWERED)
        return arena_fmt(a, "%.*s: %.*s", STR_FMT(p->c->server->address), STR_FMT(answer->problem));
    if (is_accepted(answer->status))
        return arena_fmt(a, "%.*s answered without a result", STR_FMT(p->c->server->address));
    Str body = exec_excerpt(a, answer->body, 200);
    return arena_fmt(a, "%.*s answered %d %s%s%.*s", STR_FMT(p->c->server->address), answer->status,
                     http_status_name(answer->status), body.len ? ": " : "", STR_FMT(body));
}

static bool forgets_session(const McpPost *p, int status) {
    return p->in_session && (status == 404 || status == 400);
}

/* What a server refuses with one of these it has not looked at. */
static bool refused(int status) {
    return status == 401 || status == 403 || status == 404 || status == 405 || status == 406 ||
           status == 413 || status == 415 || status == 429;
}

static McpEnd end_of(const McpPost *p, const HttpAnswer *answer) {
    bool said = answer->end == HTTP_ANSWERED;
    if (said && forgets_session(p, answer->status))
        return MCP_EXPIRED;
    return !answer->sent || (said && refused(answer->status)) ? MCP_UNSENT : MCP_LOST;
}

static void done(void *ctx, const HttpAnswer *answer) {
    McpPost *p = ctx;
    p->over = true;
    came(p, answer->content_type, answer->kept, answer->body);
    drain(p);
    if (!p->events && answer->end == HTTP_ANSWERED && answer->body.len)
        take(p, answer->body);
    McpServer *s = p->c->server;
    if (s && p->id >= 0 && !p->answered && !p->unwanted)
        mcp_unanswered(&s->session, p->id, end_of(p, answer), why_not(p, answer));
    free_post(p);
}

/* ---- what is sent ---------------------------------------------------------------------------------------------------- */

typedef struct Headers {
    Arena *arena;
    const char **lines;
    size_t n;
} Headers;

static void add(Headers *h, const char *name, Str value) {
    h->lines[h->n++] = arena_fmt(h->arena, "%s: %.*s", name, STR_FMT(value)).p;
}

/* What a header cannot hold as it is. */
static Str header_text(Arena *a, Str s) {
    bool plain = s.len && s.p[0] != ' ' && s.p[s.len - 1] != ' ';
    for (size_t i = 0; i < s.len; i++)
        plain &= s.p[i] >= ' ' && s.p[i] < 0x7f;
    if (plain)
        return s;
    char *text = arena_alloc(a, base64_room(s.len) + 1);
    base64_write(s, text);
    return arena_fmt(a, "=?base64?%.*s?=", (int)base64_room(s.len), text);
}

static void add_own(Headers *h, Value own) {
    for (uint32_t i = 0; value_is(own, V_MAP) && i < own.len; i++) {
        ValueEntry e = value_entry(own, i);
        if (!value_is(e.value, V_NULL))
            add(h, arena_str(h->arena, value_plain(h->arena, e.key)).p,
                value_plain(h->arena, e.value));
    }
}

static void add_protocol(Headers *h, const McpWire *c, const McpOut *out) {
    const McpSession *s = &c->server->session;
    bool modern = str_is(str_from(s->version), MCP_MODERN);
    add(h, "Content-Type", STR("application/json"));
    add(h, "Accept", STR("application/json, text/event-stream"));
    if (s->version[0])
        add(h, "MCP-Protocol-Version", str_from(s->version));
    if (modern && out->method.len)
        add(h, "Mcp-Method", out->method);
    if (modern && out->name.len)
        add(h, "Mcp-Name", header_text(h->arena, out->name));
    if (c->session[0])
        add(h, SESSION, str_from(c->session));
}

static McpPost *new_post(McpWire *c, int64_t id) {
    McpPost *p = xcalloc(1, sizeof *p);
    p->c = c;
    p->id = id;
    p->next = c->posts;
    if (p->next)
        p->next->prev = p;
    c->posts = p;
    p->came = BUF_INIT(LIMIT_JSON_BYTES);
    mcp_cutter_init(&p->cutter, true, LIMIT_JSON_BYTES);
    return p;
}

static void post(McpWire *c, Str method, const McpOut *out) {
    McpPost *p = new_post(c, out->id);
    Value own = value_getz(c->server->as.request, "headers"),
          url = value_getz(c->server->as.request, "url");
    Headers h = { .arena = &p->arena };
    h.lines = ARENA_ARRAY(&p->arena, const char *, (value_is(own, V_MAP) ? own.len : 0) + 8);
    add_own(&h, own);
    add_protocol(&h, c, out);
    p->in_session = c->session[0] != 0;
    p->call = (HttpCall){ .method = method,
                          .url = arena_str(&p->arena, value_plain(&p->arena, url)),
                          .headers = h.lines,
                          .n_headers = h.n,
                          .body = out->text.len ? arena_str(&p->arena, out->text) : STR_NULL,
                          .fresh = out->id >=
                                   0, /* libcurl sends again by itself what a reused one lost */
                          .egress = &c->server->as.egress,
                          .host_of_data = c->server->as.host_of_data,
                          .answer_bytes_max = LIMIT_JSON_BYTES,
                          .keep = SESSION,
                          .came = came,
                          .done = done,
                          .ctx = p };
    http_call(&c->server->x->http, &p->call);
}

static void send_post(McpServer *s, const McpOut *out) {
    bool modern_cancel = s->session.era == MCP_ERA_MODERN && out->id < 0 &&
                         str_is(out->method, "notifications/cancelled");
    if (s->carried && !modern_cancel) /* there the end of the connection says it */
        post(s->carried, STR("POST"), out);
}

static void abandon(McpServer *s, int64_t id) {
    McpWire *c = s->carried;
    McpPost *p = c ? c->posts : NULL;
    while (p && p->id != id)
        p = p->next;
    if (!p || p->over)
        return;
    p->unwanted = true;
    wake_soon(c);
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

static void start_http(McpServer *s) {
    McpWire *c = xcalloc(1, sizeof *c);
    c->x = s->x;
    c->server = s;
    c->next = s->x->mcp->wires;
    if (c->next)
        c->next->prev = c;
    s->x->mcp->wires = c;
    uv_timer_init(s->x->options.loop, &c->wake);
    c->wake.data = c;
    s->carried = c;
}

static const McpOut nothing = {
    .text = { "", 0 }, .id = -1, .method = { "", 0 }, .name = { "", 0 }
};

/* A session is told that it is over; what else is under way nobody waits for. */
static void stop_http(McpServer *s) {
    McpWire *c = s->carried;
    if (!c)
        return;
    s->carried = NULL;
    for (McpPost *p = c->posts; p; p = p->next)
        p->unwanted = true;
    if (c->session[0] && !s->x->closing && s->session.state == MCP_OPEN)
        post(c, STR("DELETE"), &nothing);
    c->server = NULL;
    wake_soon(c);
    close_if_over(c);
}

void mcp_wires_close(Exec *x) {
    while (x->mcp->wires) {
        McpWire *c = x->mcp->wires;
        while (c->posts && c->posts->next)
            http_stop(&c->posts->call);
        if (c->posts)
            http_stop(&c->posts->call); /* and with the last of them it goes */
    }
}

const McpCarrier mcp_http = {
    .start = start_http, .send = send_post, .abandon = abandon, .stop = stop_http
};
