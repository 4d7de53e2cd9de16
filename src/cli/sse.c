#include "cli/sse.h"

static Str line_value(Str line, const char *name) {
    size_t n = strlen(name);
    if (!str_starts(line, str_from(name)) || line.len <= n + 1 || line.p[n] != ':')
        return STR_NULL;
    size_t at = line.p[n + 1] == ' ' ? n + 2 : n + 1;
    return str_slice(line, at, line.len);
}

static void take_one(Str text, void (*event)(void *ctx, Str name, Str data), void *ctx) {
    Str name = STR("message"), data = STR("");
    while (text.len > 0) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t n = end ? (size_t)(end - text.p) : text.len;
        Str line = str_slice(text, 0, n);
        text = str_slice(text, MIN(n + 1, text.len), text.len);
        Str value = line_value(line, "event");
        if (value.p)
            name = value;
        value = line_value(line, "data");
        if (value.p)
            data = value;
    }
    event(ctx, name, data);
}

void sse_take(Buf *pending, Str bytes, void (*event)(void *ctx, Str name, Str data), void *ctx) {
    buf_str_add(pending, bytes);
    Str rest = buf_str(pending);
    for (ptrdiff_t n; (n = str_find(rest, STR("\n\n"))) >= 0;) {
        take_one(str_slice(rest, 0, (size_t)n), event, ctx);
        rest = str_slice(rest, (size_t)n + 2, rest.len);
    }
    memmove(pending->p, rest.p, rest.len);
    pending->len = rest.len;
}
