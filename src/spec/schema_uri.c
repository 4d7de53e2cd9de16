/* References of RFC 3986: a base and what a schema says become one absolute text. The fragment is the caller's. */
#include "spec/schema_node.h"

typedef struct Uri {
    Str scheme, authority, path, query; /* p NULL: not there */
} Uri;

static ptrdiff_t first_of(Str s, const char *any) {
    for (size_t i = 0; i < s.len; i++)
        if (strchr(any, s.p[i]) && s.p[i])
            return (ptrdiff_t)i;
    return -1;
}

/* Takes what stands before the first of `any`, or all. */
static Str take_until(Str *s, const char *any) {
    ptrdiff_t at = first_of(*s, any);
    Str taken = str_slice(*s, 0, at < 0 ? s->len : (size_t)at);
    *s = str_slice(*s, taken.len, s->len);
    return taken;
}

static Uri split(Str s) {
    Uri u = { STR_NULL, STR_NULL, STR(""), STR_NULL };
    s = take_until(&s, "#");
    ptrdiff_t colon = first_of(s, ":/?");
    if (colon > 0 && s.p[colon] == ':') {
        u.scheme = str_slice(s, 0, (size_t)colon);
        s = str_slice(s, (size_t)colon + 1, s.len);
    }
    if (str_starts(s, STR("//"))) {
        s = str_slice(s, 2, s.len);
        u.authority = take_until(&s, "/?");
    }
    u.path = take_until(&s, "?");
    if (s.len)
        u.query = str_slice(s, 1, s.len);
    return u;
}

/* Section 5.2.4: "a/b/../c" is "a/c". `out` holds what is done, and is cut back at each "..". */
static Str without_dots(Arena *a, Str path) {
    char *out = arena_alloc(a, path.len + 1);
    size_t n = 0;
    while (path.len) {
        bool slash = path.p[0] == '/';
        Str rest = str_slice(path, slash, path.len);
        Str segment = take_until(&rest, "/");
        if (str_is(segment, "..")) {
            while (n && out[--n] != '/')
                ;
        }
        if (str_is(segment, ".") || str_is(segment, "..")) {
            if (slash && !rest.len)
                out[n++] = '/';
        } else {
            if (slash)
                out[n++] = '/';
            memcpy(out + n, segment.p, segment.len);
            n += segment.len;
        }
        path = rest;
    }
    return (Str){ out, n };
}

/* Section 5.2.3. */
static Str merged(Arena *a, const Uri *base, Str path) {
    if (base->authority.p && !base->path.len)
        return arena_fmt(a, "/%.*s", STR_FMT(path));
    size_t keep = base->path.len;
    while (keep && base->path.p[keep - 1] != '/')
        keep--;
    return arena_fmt(a, "%.*s%.*s", (int)keep, base->path.p, STR_FMT(path));
}

static Str joined(Arena *a, const Uri *u) {
    return arena_fmt(a, "%.*s%s%s%.*s%.*s%s%.*s", STR_FMT(u->scheme), u->scheme.p ? ":" : "",
                     u->authority.p ? "//" : "", STR_FMT(u->authority), STR_FMT(u->path),
                     u->query.p ? "?" : "", STR_FMT(u->query));
}

Str uri_resolve(Arena *a, Str base, Str reference) {
    Uri b = split(base), r = split(reference);
    if (r.scheme.p) {
        r.path = without_dots(a, r.path);
        return joined(a, &r);
    }
    r.scheme = b.scheme;
    if (r.authority.p) {
        r.path = without_dots(a, r.path);
    } else if (!r.path.len) {
        r.path = b.path;
        r.query = r.query.p ? r.query : b.query;
        r.authority = b.authority;
    } else {
        r.path = without_dots(a, r.path.p[0] == '/' ? r.path : merged(a, &b, r.path));
        r.authority = b.authority;
    }
    return joined(a, &r);
}

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool uri_decode(Arena *a, Str text, Str *ret_text) {
    char *out = arena_alloc(a, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '%') {
            out[n++] = text.p[i];
            continue;
        }
        if (text.len - i < 3 || hex(text.p[i + 1]) < 0 || hex(text.p[i + 2]) < 0)
            return false;
        out[n++] = (char)(hex(text.p[i + 1]) * 16 + hex(text.p[i + 2]));
        i += 2;
    }
    *ret_text = (Str){ out, n };
    return true;
}
