/* A schema that becomes a part of another: what refers to its own root ("#/$defs/a") must be told where that is now. */
#include "spec/schema_node.h"

typedef struct Move {
    Arena *arena;
    Str pointer; /* written as a fragment of a URI */
} Move;

static Value moved(const Move *m, Value schema);

static Str as_fragment(Arena *a, Str pointer) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/$";
    char *text = arena_alloc(a, 3 * pointer.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < pointer.len; i++) {
        unsigned char c = (unsigned char)pointer.p[i];
        if (memchr(plain, c, sizeof plain - 1)) {
            text[n++] = (char)c;
            continue;
        }
        text[n++] = '%';
        text[n++] = "0123456789ABCDEF"[c >> 4];
        text[n++] = "0123456789ABCDEF"[c & 15];
    }
    return (Str){ text, n };
}

static Value moved_ref(const Move *m, Value ref) {
    Str text = value_as_str(ref);
    if (!str_is(text, "#") && !str_starts(text, STR("#/")))
        return ref;
    return value_str(
        arena_fmt(m->arena, "#%.*s%.*s", STR_FMT(m->pointer), (int)text.len - 1, text.p + 1));
}

static Value moved_list(const Move *m, Value list) {
    Value *items = ARENA_ARRAY(m->arena, Value, list.len);
    for (uint32_t i = 0; i < list.len; i++)
        items[i] = moved(m, list.items[i]);
    return value_list(items, list.len);
}

static Value moved_map(const Move *m, Value map) {
    MapBuilder b = map_builder(m->arena);
    for (uint32_t i = 0; i < map.len; i++)
        map_add(&b, value_entry(map, i).key, moved(m, value_entry(map, i).value));
    return map_done(&b, NULL);
}

static Value moved_under(const Move *m, const SchemaWord *w, Value v) {
    if (!w)
        return v;
    if (w->shape == WORD_REF && v.type == V_STRING)
        return moved_ref(m, v);
    if (w->shape < WORD_SCHEMA)
        return v;
    if (v.type == V_LIST)
        return moved_list(m, v);
    bool one = w->shape == WORD_SCHEMA || w->shape == WORD_ITEMS;
    return v.type == V_MAP && !one ? moved_map(m, v) : moved(m, v);
}

static Value moved(const Move *m, Value schema) {
    if (schema.type != V_MAP || !value_absent(value_getz(schema, "$id")))
        return schema;
    MapBuilder b = map_builder(m->arena);
    for (uint32_t i = 0; i < schema.len; i++) {
        ValueEntry e = value_entry(schema, i);
        const SchemaWord *w = e.key.type == V_STRING ? schema_word(value_as_str(e.key)) : NULL;
        map_add(&b, e.key, moved_under(m, w, e.value));
    }
    return map_done(&b, NULL);
}

Value schema_moved(Arena *a, Value document, Str pointer) {
    Move m = { a, as_fragment(a, pointer) };
    return pointer.len ? moved(&m, document) : document;
}
