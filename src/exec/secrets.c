/* A mark is `<secret:NAME:MARK>`, where MARK is the attempt's own. What stands inside strings of JSON is looked for in the
 * strings' values, so that quotes and escapes of a secret do not matter, and a number that is a secret goes as well. */
#include "exec/secrets.h"

#include "base/json.h"
#include "base/limits.h"

typedef Value (*TextFn)(Attempt *a, Value text);

/* A copy in which every text went through `fn`, keys too. */
static Value map_texts(Attempt *a, Value v, TextFn fn) {
    if (value_is(v, V_LIST)) {
        Value *items = ARENA_ARRAY(&a->arena, Value, v.len);
        for (uint32_t i = 0; i < v.len; i++)
            items[i] = map_texts(a, v.items[i], fn);
        return value_list(items, v.len);
    }
    if (value_is(v, V_MAP)) {
        MapBuilder m = map_builder(&a->arena);
        for (uint32_t i = 0; i < v.len; i++) {
            ValueEntry e = value_entry(v, i);
            map_add(&m, fn(a, e.key), map_texts(a, e.value, fn));
        }
        return map_done(&m, NULL);
    }
    return fn(a, v);
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

static void add(Attempt *a, Str name, Str value) {
    Secret *secrets = ARENA_ARRAY(&a->arena, Secret, a->n_secrets + 1);
    if (a->n_secrets)
        memcpy(secrets, a->secrets, a->n_secrets * sizeof *secrets);
    secrets[a->n_secrets++] = (Secret){ .name = name, .value = arena_str(&a->arena, value) };
    a->secrets = secrets;
}

/* As it looks in a page that quotes a request: inside JSON, inside a URL. */
static void add_disguises(Attempt *a, Str name, Str value) {
    Buf b = BUF_INIT(LIMIT_PAYLOAD_BYTES);
    json_write_string(&b, value);
    if (b.len > value.len + 2)
        add(a, name, str_slice(buf_str(&b), 1, b.len - 1));
    buf_reset(&b);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);
        if (plain)
            buf_char(&b, (char)c);
        else
            buf_fmt(&b, "%%%02X", c);
    }
    if (b.len > value.len)
        add(a, name, buf_str(&b));
    buf_deinit(&b);
}

static Str value_of(Attempt *a, Str name) {
    for (size_t i = 0; i < a->n_secrets; i++)
        if (str_eq(a->secrets[i].name, name))
            return a->secrets[i].value;
    Str value, problem;
    secret_look(&a->secrets_from, a->dir, name, &a->arena, &value, &problem);
    add(a, name, value);
    a->secrets[a->n_secrets - 1].problem = problem;
    add_disguises(a, name, value);
    return value;
}

static Value fill(Attempt *a, Value v) {
    if (!value_is(v, V_STRING))
        return v;
    Str s = value_as_str(v), end = arena_fmt(&a->arena, ":%.*s>", STR_FMT(a->secret_mark));
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    ptrdiff_t at, stop;
    bool any = false;
    while ((at = str_find(s, STR("<secret:"))) >= 0) {
        Str name = str_slice(s, (size_t)at + 8, s.len);
        stop = str_find(name, end);
        if (stop < 0)
            break;
        /* Another `<secret:` before the mark is only text. */
        ptrdiff_t next = str_find(str_slice(name, 0, (size_t)stop), STR("<secret:"));
        size_t skip = next >= 0 ? (size_t)at + 8 + (size_t)next : (size_t)at;
        buf_str_add(&b, str_slice(s, 0, skip));
        if (next < 0) {
            buf_str_add(&b, value_of(a, str_slice(name, 0, (size_t)stop)));
            skip += 8 + (size_t)stop + end.len;
            any = true;
        }
        s = str_slice(s, skip, s.len);
    }
    buf_str_add(&b, s);
    Value filled = any ? value_str(arena_str(&a->arena, buf_str(&b))) : v;
    buf_deinit(&b);
    return filled;
}

SecretFound secrets_fill(Attempt *a, const Secret **ret_lacks) {
    if (a->secret_mark.len == 0)
        return SECRET_THERE;
    a->n_secrets = 0;
    Value request = map_texts(a, a->request, fill);
    for (size_t i = 0; i < a->n_secrets; i++) {
        *ret_lacks = &a->secrets[i];
        if (a->secrets[i].value.len == 0)
            return a->secrets[i].problem.len ? SECRET_MISSING : SECRET_UNASKED;
    }
    a->request = request;
    return SECRET_THERE;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* The secret that begins at `rest`; of several the longest. */
static const Secret *at_secret(const Attempt *a, Str rest) {
    const Secret *found = NULL;
    for (size_t i = 0; i < a->n_secrets; i++) {
        const Secret *s = &a->secrets[i];
        if (s->value.len && str_starts(rest, s->value) &&
            (!found || s->value.len > found->value.len))
            found = s;
    }
    return found;
}

static bool has_secret(const Attempt *a, Str text) {
    bool has = false;
    for (size_t i = 0; i < a->n_secrets && !has; i++)
        has = a->secrets[i].value.len && str_find(text, a->secrets[i].value) >= 0;
    return has;
}

Str secrets_hide_text(Attempt *a, Str text) {
    if (!has_secret(a, text))
        return text;
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    for (size_t at = 0; at < text.len;) {
        const Secret *s = at_secret(a, str_slice(text, at, text.len));
        if (s)
            buf_fmt(&b, "[secret %.*s]", STR_FMT(s->name));
        else
            buf_char(&b, text.p[at]);
        at += s ? s->value.len : 1;
    }
    Str hidden = arena_str(&a->arena, buf_str(&b));
    buf_deinit(&b);
    return hidden;
}

static Value hide(Attempt *a, Value v) {
    if (value_is(v, V_STRING))
        return value_str(secrets_hide_text(a, value_as_str(v)));
    if (value_is(v, V_NULL) || value_is(v, V_BOOL))
        return v;
    Str text = value_plain(&a->arena, v);
    return has_secret(a, text) ? value_str(secrets_hide_text(a, text)) : v;
}

Str secrets_hide_json(Attempt *a, Str json) {
    Value v;
    if (a->n_secrets == 0 || json.len == 0)
        return json;
    if (json_read_copy(&a->arena, json, &v, NULL))
        return secrets_hide_text(a, json);
    Str before = value_text(&a->arena, v), after = value_text(&a->arena, map_texts(a, v, hide));
    return after.p && !str_eq(before, after) ? after : json;
}
