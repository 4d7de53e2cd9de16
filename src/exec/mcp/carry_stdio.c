/* A server as a child process: a message is a line of its standard input or output; what it writes to standard error is kept for
 * whoever asks why it ended.
 *
 *   start -> three pipes -> spawn port ... lines ... -> ended, or its output is closed -> mcp_died()
 *   stop  -> standard input closed -> STOP_MS -> SIGTERM, then SIGKILL by the helper -> ended -> freed
 *
 * The child outlives what it served: it is freed when it has ended and its handles are closed. */
#include "exec/mcp/mcp.h"

#include "exec/command_output.h"
#include "exec/command_prepare.h"
#include "exec/pipes.h"

#include <errno.h>
#include <stdlib.h>

/* What a server needs to end by itself when its input is closed; some never do. */
#define STOP_MS 2000
#define READ_BYTES (64 * KIB)
#define LOG_BYTES (8 * KIB)
/* Of its last words, in a message. */
#define WORDS_BYTES 300

struct McpChild {
    McpChild *next;
    Exec *x;
    McpServer *server; /* NULL: it is ending */
    uint64_t number;   /* of the spawn port; 0: it has ended */
    uv_pipe_t in, out, err;
    uv_timer_t timer;
    int handles;
    McpCutter cutter;
    Tail log;
    char read_buffer[READ_BYTES];
};

typedef struct Line {
    uv_write_t write;
    char *text;
} Line;

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static void free_child(McpChild *c) {
    McpChild **at = &c->x->mcp->children;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    mcp_cutter_deinit(&c->cutter);
    tail_deinit(&c->log);
    free(c);
}

static void handle_closed(uv_handle_t *handle) {
    McpChild *c = handle->data;
    if (--c->handles == 0)
        free_child(c);
}

static void close_handle(void *handle) {
    if (!uv_is_closing(handle))
        uv_close(handle, handle_closed);
}

static void close_all(McpChild *c) {
    close_handle(&c->in);
    close_handle(&c->out);
    close_handle(&c->err);
    close_handle(&c->timer);
}

static Str last_words(const McpChild *c, Arena *a) {
    Str log = tail_text(&c->log, a);
    while (log.len && (log.p[log.len - 1] == '\n' || log.p[log.len - 1] == '\r'))
        log.len--;
    ptrdiff_t error = str_find(log, STR("Error: ")); /* a stack stands behind it, or before */
    size_t from = error >= 0 ? (size_t)error : log.len > WORDS_BYTES ? log.len - WORDS_BYTES : 0;
    return exec_excerpt(a, str_slice(log, from, log.len), WORDS_BYTES);
}

static Str how_it_ended(const McpChild *c, const SpawnEnd *end, Arena *a) {
    Value command = value_getz(c->server->as.request, "command");
    Str program = value_is(command, V_LIST) && command.len ? value_plain(a, command.items[0])
                                                           : STR("the server");
    Str words = last_words(c, a);
    const char *colon = words.len ? ": " : "";
    if (end->stage != SPAWN_RAN)
        return arena_fmt(a, "%.*s cannot be started: %s", STR_FMT(program), strerror(end->error));
    if (end->lost)
        return arena_fmt(a, "the helper process died, and %.*s with it", STR_FMT(program));
    if (end->signal)
        return arena_fmt(a, "%.*s was killed by signal %d%s%.*s", STR_FMT(program), end->signal,
                         colon, STR_FMT(words));
    return arena_fmt(a, "%.*s ended with exit code %d%s%.*s", STR_FMT(program), end->code, colon,
                     STR_FMT(words));
}

static void ended(void *ctx, const SpawnEnd *end) {
    McpChild *c = ctx;
    McpServer *s = c->server;
    Arena a = ARENA_NULL;
    c->number = 0;
    if (s)
        mcp_died(s, how_it_ended(c, end, &a)); /* which stops us */
    close_all(c);
    arena_deinit(&a);
}

static void told_to_end(uv_timer_t *timer) {
    McpChild *c = timer->data;
    if (c->number)
        c->x->options.spawn.stop(c->x->options.spawn.ctx, c->number, false);
}

static void stop_child(McpServer *s) {
    McpChild *c = s->carried;
    if (!c)
        return;
    s->carried = NULL;
    c->server = NULL;
    close_handle(&c->in);
    if (c->number && !uv_is_closing((uv_handle_t *)&c->timer))
        uv_timer_start(&c->timer, told_to_end, STOP_MS, 0);
}

void mcp_children_close(Exec *x) {
    for (McpChild *c = x->mcp->children; c; c = c->next) {
        if (c->number)
            x->options.spawn.forget(x->options.spawn.ctx, c->number);
        c->number = 0;
        close_all(c);
    }
}

/* ---- messages -------------------------------------------------------------------------------------------------------- */

static void take(void *ctx, Str message) {
    McpChild *c = ctx;
    if (c->server)
        mcp_take(&c->server->session, message);
}

static void give_buffer(uv_handle_t *handle, UNUSED size_t suggested, uv_buf_t *ret) {
    McpChild *c = handle->data;
    *ret = uv_buf_init(c->read_buffer, READ_BYTES);
}

/* Alive without a voice it is of no use: it goes, and that tells why. */
static void kill_child(McpChild *c) {
    uv_read_stop((uv_stream_t *)&c->out);
    if (c->number)
        c->x->options.spawn.stop(c->x->options.spawn.ctx, c->number, false);
}

static void output_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    McpChild *c = stream->data;
    if (n < 0 || (n > 0 && !mcp_cut(&c->cutter, (Str){ buf->base, (size_t)n }, take, c)))
        kill_child(c);
}

static void log_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    McpChild *c = stream->data;
    if (n > 0)
        tail_add(&c->log, (Str){ buf->base, (size_t)n });
    else if (n < 0)
        uv_read_stop(stream);
}

static void written(uv_write_t *write, UNUSED int status) {
    Line *line = (Line *)write;
    free(line->text);
    free(line);
}

/* A pipe that is broken belongs to a process that is ending: its end says so. */
static void send_line(McpServer *s, const McpOut *out) {
    McpChild *c = s->carried;
    if (!c || uv_is_closing((uv_handle_t *)&c->in))
        return;
    Line *line = xcalloc(1, sizeof *line);
    line->text = xmalloc(out->text.len + 1);
    memcpy(line->text, out->text.p, out->text.len);
    line->text[out->text.len] = '\n';
    uv_buf_t bytes = uv_buf_init(line->text, (unsigned)out->text.len + 1);
    if (uv_write(&line->write, (uv_stream_t *)&c->in, &bytes, 1, written) != 0)
        written(&line->write, 0);
}

/* ---- the beginning --------------------------------------------------------------------------------------------------- */

static McpChild *new_child(McpServer *s) {
    McpChild *c = xcalloc(1, sizeof *c);
    uv_loop_t *loop = s->x->options.loop;
    c->x = s->x;
    c->server = s;
    c->next = s->x->mcp->children;
    s->x->mcp->children = c;
    mcp_cutter_init(&c->cutter, false, LIMIT_JSON_BYTES);
    tail_init(&c->log, LOG_BYTES);
    uv_pipe_init(loop, &c->in, 0);
    uv_pipe_init(loop, &c->out, 0);
    uv_pipe_init(loop, &c->err, 0);
    uv_timer_init(loop, &c->timer);
    c->in.data = c->out.data = c->err.data = c->timer.data = c;
    c->handles = 4;
    return c;
}

static void serve_pipes(McpChild *c, const int ours[3]) {
    uv_pipe_open(&c->in, ours[0]);
    uv_pipe_open(&c->out, ours[1]);
    uv_pipe_open(&c->err, ours[2]);
    uv_read_start((uv_stream_t *)&c->out, give_buffer, output_came);
    uv_read_start((uv_stream_t *)&c->err, give_buffer, log_came);
}

/* It works for many, for as long as they come: no bound of time. */
static SpawnOrder order_of(McpChild *c, const CommandParts *parts) {
    SpawnOrder order = { .argv = parts->argv, .env = parts->env, .cwd = parts->cwd };
    order.bounds = c->x->options.bounds;
    order.bounds.cpu_s = 0;
    order.ended = ended;
    order.ctx = c;
    return order;
}

static void start_child(McpServer *s) {
    CommandParts parts;
    int ours[3];
    const char *problem = command_prepare_server(&s->as, &parts);
    if (problem) {
        mcp_died(s, str_from(problem));
        return;
    }
    McpChild *c = new_child(s);
    SpawnOrder order = order_of(c, &parts);
    SpawnPort *port = &s->x->options.spawn;
    int err = pipes_make(ours, order.fds);
    if (!err && !(c->number = port->spawn(port->ctx, &order))) {
        err = errno;
        pipes_close(ours);
    }
    if (err) {
        ended(c, &(SpawnEnd){ .stage = SPAWN_NO_PROCESS, .error = err });
        return;
    }
    serve_pipes(c, ours);
    s->carried = c;
}

const McpCarrier mcp_stdio = { .start = start_child, .send = send_line, .stop = stop_child };
