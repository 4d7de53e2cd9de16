/* Values meet their types: checked and converted at a border, so that everything behind it can rely on them. The path
 * to a mismatch is a chain on the stack and becomes text only when there is one. */
#include "spec/type.h"

#include "base/limits.h"
#include "base/time.h"
#include <math.h>

const TypeField *type_field(const Type *record, Str name) {
    for (size_t i = 0; i < record->n_fields; i++)
        if (str_eq(record->fields[i].name, name))
            return &record->fields[i];
    return NULL;
}

typedef struct Path Path;
struct Path {
    const Path *up;
    Str field; /* p NULL: an index */
    size_t index;
};

typedef struct Convert {
    Arena *arena;
    Str problem;
} Convert;

static int convert(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value);

static void write_path(Buf *b, const Path *p) {
    if (!p)
        return;
    write_path(b, p->up);
    if (!p->field.p)
        buf_fmt(b, "[%zu]", p->index);
    else
        buf_fmt(b, "%s%.*s", p->up ? "." : "", STR_FMT(p->field));
}

/* What is there, short enough to read: null, 12, "text", a list. */
static void write_what(Buf *b, Value v) {
    static const char *const names[] = {
        [V_LIST] = "a list",          [V_MAP] = "a map",           [V_BYTES] = "bytes",
        [V_TIMESTAMP] = "a time",     [V_DURATION] = "a duration", [V_TYPE] = "a type",
        [V_OPTIONAL] = "an optional", [V_NET] = "an address",
    };
    if (value_absent(v))
        buf_fmt(b, "nothing");
    else if (v.type < ARRAY_LEN(names) && names[v.type])
        buf_fmt(b, "%s", names[v.type]);
    else if (v.type == V_STRING && v.len > 40)
        buf_fmt(b, "a text of %u bytes", v.len);
    else
        value_write(b, v);
}

static int mismatch(Convert *c, const Type *t, Value v, const Path *path) {
    Buf b = BUF_INIT(2 * KIB);
    write_path(&b, path);
    buf_fmt(&b, "%sexpected ", path ? ": " : "");
    buf_str_add(&b, type_text(t, c->arena));
    buf_fmt(&b, ", got ");
    write_what(&b, v);
    c->problem = arena_str(c->arena, buf_str(&b));
    buf_deinit(&b);
    return TYPE_E_MISMATCH;
}

static int to_integer(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    bool whole = v.type == V_DOUBLE && v.d >= -0x1p63 && v.d < 0x1p63 && v.d == floor(v.d);
    if (v.type != V_INT && !whole)
        return mismatch(c, t, v, path);
    *ret_value = whole ? value_int((int64_t)v.d) : v;
    return 0;
}

static int to_number(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    if (v.type == V_INT)
        *ret_value = value_double((double)v.i);
    else if (v.type == V_UINT)
        *ret_value = value_double((double)v.u);
    else if (v.type == V_DOUBLE)
        *ret_value = v;
    else
        return mismatch(c, t, v, path);
    return 0;
}

static int to_time(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    int64_t seconds;
    uint32_t nanos;
    if (v.type == V_STRING && time_parse(value_as_str(v), &seconds, &nanos))
        v = (Value){ .type = V_TIMESTAMP, .len = nanos, .i = seconds };
    *ret_value = v;
    return v.type == V_TIMESTAMP ? 0 : mismatch(c, t, v, path);
}

static int to_duration(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    int64_t ms;
    if (v.type == V_STRING && duration_parse(value_as_str(v), &ms) && ms <= INT64_MAX / 1000000)
        v = (Value){ .type = V_DURATION, .i = ms * 1000000 };
    *ret_value = v;
    return v.type == V_DURATION ? 0 : mismatch(c, t, v, path);
}

static int to_option(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    for (uint32_t i = 0; i < t->options.len; i++)
        if (value_equal(t->options.items[i], v)) {
            *ret_value = t->options.items[i];
            return 0;
        }
    return mismatch(c, t, v, path);
}

static int to_list(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    if (v.type != V_LIST)
        return mismatch(c, t, v, path);
    Value *items = ARENA_ARRAY(c->arena, Value, v.len);
    for (uint32_t i = 0; i < v.len; i++) {
        Path at = { path, STR_NULL, i };
        int r = convert(c, t->item, v.items[i], &at, &items[i]);
        if (r)
            return r;
    }
    *ret_value = value_list(items, v.len);
    return 0;
}

static int unknown_field(Convert *c, const Type *t, Str name, const Path *path) {
    Str names[64];
    size_t n = MIN(t->n_fields, ARRAY_LEN(names));
    for (size_t i = 0; i < n; i++)
        names[i] = t->fields[i].name;
    Str near = str_nearest(name, names, n);
    Buf b = BUF_INIT(2 * KIB);
    write_path(&b, path);
    buf_fmt(&b, "%sunknown field `%.*s`", path ? ": " : "", (int)MIN(name.len, 80), name.p);
    if (near.p)
        buf_fmt(&b, ", did you mean `%.*s`?", STR_FMT(near));
    c->problem = arena_str(c->arena, buf_str(&b));
    buf_deinit(&b);
    return TYPE_E_MISMATCH;
}

static bool is_declared(const Type *t, Value key) {
    return key.type == V_STRING && type_field(t, value_as_str(key));
}

/* Fields come out in the order of the type, and then the others. */
static int to_record(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    if (v.type != V_MAP)
        return mismatch(c, t, v, path);
    for (uint32_t i = 0; i < v.len && !t->open; i++) {
        Value key = value_entry(v, i).key;
        if (!is_declared(t, key))
            return unknown_field(c, t, key.type == V_STRING ? value_as_str(key) : STR("?"), path);
    }
    MapBuilder m = map_builder(c->arena);
    for (size_t i = 0; i < t->n_fields; i++) {
        const TypeField *f = &t->fields[i];
        Path at = { path, f->name, 0 };
        Value value = value_get(v, f->name);
        if (value_absent(value))
            value = f->type->preset;
        if (value_absent(value) && f->optional)
            continue;
        int r = convert(c, f->type, value, &at, &value);
        if (r)
            return r;
        map_adds(&m, f->name, value);
    }
    for (uint32_t i = 0; i < v.len && t->open; i++)
        if (!is_declared(t, value_entry(v, i).key))
            map_add(&m, value_entry(v, i).key, value_entry(v, i).value);
    *ret_value = map_done(&m, NULL);
    return 0;
}

static int to_message(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    if (!value_is(value_getz(v, "role"), V_STRING) || value_absent(value_getz(v, "content")))
        return mismatch(c, t, v, path);
    *ret_value = v;
    return 0;
}

static int to_kind(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    *ret_value = v;
    switch (t->kind) {
    case TYPE_ANY:
    case TYPE_SCHEMA: return 0;
    case TYPE_STRING:
    case TYPE_FILE: return v.type == V_STRING ? 0 : mismatch(c, t, v, path);
    case TYPE_INTEGER: return to_integer(c, t, v, path, ret_value);
    case TYPE_NUMBER: return to_number(c, t, v, path, ret_value);
    case TYPE_BOOLEAN: return v.type == V_BOOL ? 0 : mismatch(c, t, v, path);
    case TYPE_OBJECT: return v.type == V_MAP ? 0 : mismatch(c, t, v, path);
    case TYPE_TIME: return to_time(c, t, v, path, ret_value);
    case TYPE_DURATION: return to_duration(c, t, v, path, ret_value);
    case TYPE_MESSAGE: return to_message(c, t, v, path, ret_value);
    case TYPE_LIST: return to_list(c, t, v, path, ret_value);
    case TYPE_ENUM: return to_option(c, t, v, path, ret_value);
    case TYPE_RECORD: return to_record(c, t, v, path, ret_value);
    }
    UNREACHABLE("type kind");
}

static void write_trouble(Buf *b, const SchemaTrouble *trouble, const Path *path) {
    write_path(b, path);
    bool joint = path && trouble->path.len && trouble->path.p[0] != '[';
    buf_fmt(b, "%s%.*s", joint ? "." : "", STR_FMT(trouble->path));
    buf_fmt(b, "%s%.*s", path || trouble->path.len ? ": " : "", STR_FMT(trouble->message));
}

/* Asked of what was converted, so that a default is there when a rule looks for it. */
static int fits_schema(Convert *c, const Type *t, Value v, const Path *path) {
    SchemaTroubles troubles;
    if (schema_check(t->schema, v, c->arena, &troubles) == 0)
        return 0;
    Buf b = BUF_INIT(4 * KIB);
    for (size_t i = 0; i < troubles.n; i++) {
        buf_fmt(&b, "%s", i ? "; " : "");
        write_trouble(&b, &troubles.items[i], path);
    }
    c->problem = arena_str(c->arena, buf_str(&b));
    buf_deinit(&b);
    return TYPE_E_MISMATCH;
}

static int convert(Convert *c, const Type *t, Value v, const Path *path, Value *ret_value) {
    if (value_absent(v))
        return mismatch(c, t, v, path);
    int r = to_kind(c, t, v, path, ret_value);
    if (!r && t->schema && (!t->within || !path))
        r = fits_schema(c, t, *ret_value, path);
    return r;
}

int type_convert(const Type *type, Value v, Arena *a, Value *ret_value, Str *ret_problem) {
    Value result = v;
    Convert c = { .arena = a };
    int r = type ? convert(&c, type, v, NULL, &result) : 0;
    if (r)
        *ret_problem = c.problem;
    else
        *ret_value = result;
    return r;
}
