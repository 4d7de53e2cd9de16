/* A type in words for people, and as JSON Schema (2020-12) for models and editors. */
#include "spec/type.h"

#include "base/limits.h"

static const char *const names[] = {
    [TYPE_ANY] = "any",
    [TYPE_STRING] = "string",
    [TYPE_INTEGER] = "integer",
    [TYPE_NUMBER] = "number",
    [TYPE_BOOLEAN] = "boolean",
    [TYPE_OBJECT] = "object",
    [TYPE_TIME] = "time",
    [TYPE_DURATION] = "duration",
    [TYPE_FILE] = "file",
    [TYPE_MESSAGE] = "Message",
    [TYPE_SCHEMA] = "what its JSON Schema takes",
};

static void write_text(Buf *b, const Type *t);

static void write_options(Buf *b, const Type *t) {
    for (uint32_t i = 0; i < t->options.len; i++) {
        Value v = t->options.items[i];
        buf_fmt(b, "%s", i == 0 ? "" : i + 1 == t->options.len ? " or " : ", ");
        if (v.type == V_STRING)
            buf_str_add(b, value_as_str(v));
        else
            value_write(b, v);
    }
}

static void write_fields(Buf *b, const Type *t) {
    for (size_t i = 0; i < t->n_fields; i++) {
        const TypeField *f = &t->fields[i];
        buf_fmt(b, "%s%.*s%s", i ? ", " : "{", STR_FMT(f->name), f->optional ? "?" : "");
    }
    buf_fmt(b, "%s", t->n_fields ? "}" : "{}");
}

static void write_text(Buf *b, const Type *t) {
    if (t->name.len) {
        buf_str_add(b, t->name);
    } else if (t->kind == TYPE_LIST) {
        write_text(b, t->item);
        buf_fmt(b, "[]");
    } else if (t->kind == TYPE_ENUM) {
        write_options(b, t);
    } else if (t->kind == TYPE_RECORD) {
        write_fields(b, t);
    } else {
        buf_fmt(b, "%s", names[t->kind]);
    }
}

Str type_text(const Type *type, Arena *a) {
    if (!type)
        return STR("any");
    Buf b = BUF_INIT(KIB);
    write_text(&b, type);
    Str text = buf_over(&b) ? STR("a record") : arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* ---- JSON Schema ----------------------------------------------------------------------------------------------------- */

static void add_record(MapBuilder *m, const Type *t, Arena *a, Str pointer) {
    MapBuilder properties = map_builder(a);
    ListBuilder required = list_builder(a);
    Str at = schema_pointer(a, pointer, STR("properties"));
    for (size_t i = 0; i < t->n_fields; i++) {
        const TypeField *f = &t->fields[i];
        map_adds(&properties, f->name, type_schema_at(f->type, a, schema_pointer(a, at, f->name)));
        if (!f->optional)
            list_add(&required, value_str(f->name));
    }
    map_add_text(m, "type", STR("object"));
    map_addz(m, "properties", map_done(&properties, NULL));
    map_addz(m, "required", list_done(&required));
    map_addz(m, "additionalProperties", value_bool(false));
}

static void add_message(MapBuilder *m, Arena *a) {
    MapBuilder properties = map_builder(a), role = map_builder(a);
    Value *required = ARENA_ARRAY(a, Value, 2);
    map_add_text(&role, "type", STR("string"));
    map_addz(&properties, "role", map_done(&role, NULL));
    map_addz(&properties, "content", map_done(&(MapBuilder){ .arena = a }, NULL));
    required[0] = value_str(STR("role"));
    required[1] = value_str(STR("content"));
    map_add_text(m, "type", STR("object"));
    map_addz(m, "properties", map_done(&properties, NULL));
    map_addz(m, "required", value_list(required, 2));
}

static void add_kind(MapBuilder *m, const Type *t, Arena *a, Str pointer) {
    switch (t->kind) {
    case TYPE_ANY:
    case TYPE_SCHEMA: return;
    case TYPE_STRING:
    case TYPE_FILE: map_add_text(m, "type", STR("string")); return;
    case TYPE_INTEGER: map_add_text(m, "type", STR("integer")); return;
    case TYPE_NUMBER: map_add_text(m, "type", STR("number")); return;
    case TYPE_BOOLEAN: map_add_text(m, "type", STR("boolean")); return;
    case TYPE_OBJECT: map_add_text(m, "type", STR("object")); return;
    case TYPE_TIME:
        map_add_text(m, "type", STR("string"));
        map_add_text(m, "format", STR("date-time"));
        return;
    case TYPE_DURATION:
        map_add_text(m, "type", STR("string"));
        map_add_text(m, "pattern", STR("^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$"));
        return;
    case TYPE_MESSAGE: add_message(m, a); return;
    case TYPE_LIST:
        map_add_text(m, "type", STR("array"));
        map_addz(m, "items", type_schema_at(t->item, a, schema_pointer(a, pointer, STR("items"))));
        return;
    case TYPE_ENUM: map_addz(m, "enum", t->options); return;
    case TYPE_RECORD: add_record(m, t, a, pointer); return;
    }
    UNREACHABLE("type kind");
}

Value type_schema_at(const Type *type, Arena *a, Str pointer) {
    if (type && !value_absent(type->written))
        return schema_moved(a, type->written, pointer);
    MapBuilder m = map_builder(a);
    if (type) {
        if (type->description.len)
            map_add_text(&m, "description", type->description);
        add_kind(&m, type, a, pointer);
        if (!value_absent(type->preset))
            map_addz(&m, "default", type->preset);
    }
    return map_done(&m, NULL);
}

Value type_schema(const Type *type, Arena *a) { return type_schema_at(type, a, STR("")); }
