#include "exec/mcp/frame.h"

#include "base/json.h"
#include "base/limits.h"

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static McpMessage bad(const char *why) {
    return (McpMessage){ .kind = MCP_BAD, .id = -1, .text = str_from(why) };
}

static McpMessage read_asked(Value m, Str method) {
    Value id = value_getz(m, "id");
    McpMessage ret = { .id = -1, .method = method, .params = value_getz(m, "params") };
    ret.kind = value_absent(id) ? MCP_NOTICE : MCP_REQUEST;
    ret.asked = id;
    bool named = value_is(id, V_STRING) || value_is(id, V_INT) || value_is(id, V_UINT) ||
                 value_is(id, V_DOUBLE);
    return ret.kind == MCP_NOTICE || named ? ret : bad("the id of a request is no text or number");
}

static McpMessage read_error(Arena *a, Value error, int64_t id) {
    Value code = value_getz(error, "code"), text = value_getz(error, "message");
    if (!value_is(error, V_MAP) || !value_is(code, V_INT))
        return bad("an error without a code");
    return (McpMessage){ .kind = MCP_ERROR,
                         .id = id,
                         .code = code.i,
                         .text = value_is(text, V_STRING) ? arena_str(a, value_as_str(text))
                                                          : STR("") };
}

McpMessage mcp_read(Arena *a, Str text) {
    JsonError problem;
    Value m;
    if (text.len > LIMIT_JSON_BYTES)
        return bad("a message is larger than 16 MiB");
    if (json_read(a, text, &m, &problem) != 0)
        return bad(arena_fmt(a, "a message is no JSON: %s", problem.message).p);
    if (!value_is(m, V_MAP))
        return bad("a message is no object");
    Value version = value_getz(m, "jsonrpc"), method = value_getz(m, "method"),
          id = value_getz(m, "id"), result = value_getz(m, "result"),
          error = value_getz(m, "error");
    if (!value_is(version, V_STRING) || !str_is(value_as_str(version), "2.0"))
        return bad("a message without `\"jsonrpc\": \"2.0\"`");
    if (value_is(method, V_STRING))
        return read_asked(m, value_as_str(method));
    int64_t ours = value_is(id, V_INT) ? id.i : -1;
    if (!value_absent(error))
        return read_error(a, error, ours);
    if (!value_is(result, V_MAP))
        return bad("an answer without a result");
    return (McpMessage){ .kind = MCP_RESULT, .id = ours, .result = result };
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static void begin(Buf *b) { buf_str_add(b, STR("{\"jsonrpc\":\"2.0\"")); }

static void add_params(Buf *b, Str method, Value params) {
    buf_str_add(b, STR(",\"method\":"));
    json_write_string(b, method);
    if (!value_absent(params)) {
        buf_str_add(b, STR(",\"params\":"));
        value_write(b, params);
    }
    buf_char(b, '}');
}

void mcp_write_request(Buf *b, int64_t id, Str method, Value params) {
    begin(b);
    buf_fmt(b, ",\"id\":%lld", (long long)id);
    add_params(b, method, params);
}

void mcp_write_notice(Buf *b, Str method, Value params) {
    begin(b);
    add_params(b, method, params);
}

static void add_asked(Buf *b, Value asked) {
    begin(b);
    buf_str_add(b, STR(",\"id\":"));
    value_write(b, asked);
}

void mcp_write_result(Buf *b, Value asked, Value result) {
    add_asked(b, asked);
    buf_str_add(b, STR(",\"result\":"));
    value_write(b, result);
    buf_char(b, '}');
}

void mcp_write_error(Buf *b, Value asked, int code, Str message) {
    add_asked(b, asked);
    buf_fmt(b, ",\"error\":{\"code\":%d,\"message\":", code);
    json_write_string(b, message);
    buf_str_add(b, STR("}}"));
}

/* ---- cutting --------------------------------------------------------------------------------------------------------- */

void mcp_cutter_init(McpCutter *c, bool events, size_t message_bytes_max) {
    *c = (McpCutter){ .events = events,
                      .line = BUF_INIT(message_bytes_max),
                      .data = BUF_INIT(message_bytes_max) };
}

void mcp_cutter_deinit(McpCutter *c) {
    buf_deinit(&c->line);
    buf_deinit(&c->data);
}

static Str trimmed(Str s) {
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_slice(s, 1, s.len);
    while (s.len && strchr(" \t\r", s.p[s.len - 1]))
        s.len--;
    return s;
}

/* Of the fields of an event only `data` is of use: its lines together are the message. */
static void event_line(McpCutter *c, Str line, void (*take)(void *ctx, Str message), void *ctx) {
    Str word = STR("data:");
    if (line.len == 0) {
        if (c->data.len > 1 || (c->data.len && c->data.p[0] != '\n'))
            take(ctx, str_slice(buf_str(&c->data), 0, c->data.len - 1));
        buf_reset(&c->data);
    } else if (str_starts(line, word)) {
        line = str_slice(line, word.len, line.len);
        if (line.len && line.p[0] == ' ')
            line = str_slice(line, 1, line.len);
        buf_str_add(&c->data, line);
        buf_char(&c->data, '\n');
    }
}

static void whole_line(McpCutter *c, void (*take)(void *ctx, Str message), void *ctx) {
    Str line = buf_str(&c->line);
    if (c->events)
        event_line(c, line, take, ctx);
    else if (trimmed(line).len)
        take(ctx, trimmed(line));
    buf_reset(&c->line);
}

bool mcp_cut(McpCutter *c, Str bytes, void (*take)(void *ctx, Str message), void *ctx) {
    for (size_t i = 0; i < bytes.len && !buf_over(&c->line) && !buf_over(&c->data); i++) {
        char byte = bytes.p[i];
        bool ends = byte == '\n' || (c->events && byte == '\r');
        bool again = byte == '\n' && c->return_seen;
        c->return_seen = c->events && byte == '\r';
        if (again)
            continue;
        if (ends)
            whole_line(c, take, ctx);
        else
            buf_char(&c->line, byte);
    }
    return !buf_over(&c->line) && !buf_over(&c->data);
}
