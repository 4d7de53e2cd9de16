#include "exec/sse.h"

void sse_init(Sse *s, size_t event_bytes_max) {
    *s = (Sse){ .line = BUF_INIT(event_bytes_max),
                .data = BUF_INIT(event_bytes_max),
                .name = BUF_INIT(event_bytes_max) };
}

void sse_deinit(Sse *s) {
    buf_deinit(&s->line);
    buf_deinit(&s->data);
    buf_deinit(&s->name);
}

static void forget_event(Sse *s) {
    buf_reset(&s->data);
    buf_reset(&s->name);
    s->has_data = false;
}

void sse_reset(Sse *s) {
    buf_reset(&s->line);
    forget_event(s);
    s->after_cr = s->began = false;
}

/* STR_NULL: the line is of another field. One blank behind the colon is not part of the value. */
static Str value_of(Str line, const char *field) {
    size_t n = strlen(field);
    if (!str_starts(line, str_from(field)))
        return STR_NULL;
    if (line.len == n)
        return STR("");
    if (line.p[n] != ':')
        return STR_NULL;
    size_t at = line.len > n + 1 && line.p[n + 1] == ' ' ? n + 2 : n + 1;
    return str_slice(line, at, line.len);
}

static void take_field(Sse *s, Str line) {
    Str value = value_of(line, "data");
    if (value.p) {
        if (s->has_data)
            buf_char(&s->data, '\n');
        s->has_data = true;
        buf_str_add(&s->data, value);
        return;
    }
    value = value_of(line, "event");
    if (value.p) {
        buf_reset(&s->name);
        buf_str_add(&s->name, value);
    }
}

static void end_event(Sse *s, SseEvent event, void *ctx) {
    if (s->has_data && !sse_over(s))
        event(ctx, s->name.len ? buf_str(&s->name) : STR("message"), buf_str(&s->data));
    forget_event(s);
}

static void end_line(Sse *s, SseEvent event, void *ctx) {
    Str line = buf_str(&s->line);
    if (!s->began && str_starts(line, STR("\xEF\xBB\xBF")))
        line = str_slice(line, 3, line.len);
    s->began = true;
    if (line.len == 0)
        end_event(s, event, ctx);
    else
        take_field(s, line);
    buf_reset(&s->line);
}

/* Up to the first end of a line, or all there is. */
static size_t line_length(Str bytes) {
    const char *lf = memchr(bytes.p, '\n', bytes.len);
    size_t n = lf ? (size_t)(lf - bytes.p) : bytes.len;
    const char *cr = memchr(bytes.p, '\r', n);
    return cr ? (size_t)(cr - bytes.p) : n;
}

void sse_take(Sse *s, Str bytes, SseEvent event, void *ctx) {
    while (bytes.len && !sse_over(s)) {
        if (s->after_cr && bytes.p[0] == '\n')
            bytes = str_slice(bytes, 1, bytes.len);
        s->after_cr = false;
        if (!bytes.len)
            return;
        size_t n = line_length(bytes);
        buf_add(&s->line, bytes.p, n);
        if (n == bytes.len || sse_over(s))
            return;
        s->after_cr = bytes.p[n] == '\r';
        bytes = str_slice(bytes, n + 1, bytes.len);
        end_line(s, event, ctx);
    }
}
