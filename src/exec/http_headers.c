#include "exec/http_headers.h"

#include <strings.h>

HttpHeaders http_headers(Arena *a, Value map, size_t more) {
    size_t room = more + (value_is(map, V_MAP) ? map.len : 0);
    return (HttpHeaders){ .arena = a, .lines = ARENA_ARRAY(a, const char *, room), .room = room };
}

void http_header_add(HttpHeaders *h, Str name, Str value) {
    ASSERT(h->n < h->room);
    /* libcurl drops a header whose value is empty unless it is written with a semicolon. */
    Str line = value.len ? arena_fmt(h->arena, "%.*s: %.*s", STR_FMT(name), STR_FMT(value))
                         : arena_fmt(h->arena, "%.*s;", STR_FMT(name));
    h->lines[h->n++] = line.p;
}

bool http_header_has(const HttpHeaders *h, Str name) {
    for (size_t i = 0; i < h->n; i++)
        if (strncasecmp(h->lines[i], name.p, name.len) == 0 && h->lines[i][name.len] == ':')
            return true;
    return false;
}

static bool is_name(Str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
            return false;
    return s.len > 0;
}

bool http_headers_add(HttpHeaders *h, Value map) {
    for (size_t i = 0; value_is(map, V_MAP) && i < map.len; i++) {
        ValueEntry e = value_entry(map, i);
        Str name = value_plain(h->arena, e.key), value = value_plain(h->arena, e.value);
        if (!is_name(name) || memchr(value.p, 0, value.len))
            return false;
        if (!value_is(e.value, V_NULL))
            http_header_add(h, name, value);
    }
    return true;
}
