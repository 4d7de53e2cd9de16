/* A schema and a value, two JSON documents with a line break between them that is followed by another. Besides what the
 * sanitizers find: a refused schema has a problem, a refused value a trouble whose place is there; both say the same again;
 * and the schema as a part of another says of the value in a map what it said of the value. */
#include "base/json.h"
#include "spec/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

/* What a pointer of the answer leads to, unless it was cut. */
static bool leads_somewhere(Arena *a, Value v, Str pointer) {
    while (pointer.len && !str_ends(pointer, STR("..."))) {
        Str rest = str_slice(pointer, 1, pointer.len);
        ptrdiff_t slash = str_find(rest, STR("/"));
        Str token = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
        Value next = VALUE_ABSENT;
        uint64_t index;
        if (v.type == V_LIST && str_to_u64(token, &index) && index < v.len)
            next = v.items[index];
        for (uint32_t i = 0; v.type == V_MAP && i < v.len; i++) {
            Str key = schema_pointer(a, STR(""), value_as_str(value_entry(v, i).key));
            if (str_eq(str_slice(key, 1, key.len), token))
                next = value_entry(v, i).value;
        }
        if (value_absent(next))
            return false;
        v = next;
        pointer = str_slice(rest, token.len, rest.len);
    }
    return true;
}

static int ask(Arena *a, const Schema *s, Value v) {
    SchemaTroubles first, again;
    int r = schema_check(s, v, a, &first);
    must(r >= 0 && (r == 0) == (first.n == 0));
    for (size_t i = 0; i < first.n; i++)
        must(first.items[i].message.len > 0 && first.items[i].place.len > 0 &&
             leads_somewhere(a, v, first.items[i].at));
    if (r == SCHEMA_E_COST)
        return r;
    must(schema_check(s, v, a, &again) == r && again.n == first.n);
    for (size_t i = 0; i < first.n; i++)
        must(str_eq(first.items[i].message, again.items[i].message));
    return r;
}

/* { "properties": { "a b": schema } } of { "a b": value }. */
static void ask_within(Arena *a, Value document, Value v, int result) {
    MapBuilder outer = map_builder(a), inner = map_builder(a), value = map_builder(a);
    Str name = STR("a b");
    map_adds(&inner, name, schema_moved(a, document, STR("/properties/a b")));
    map_addz(&outer, "properties", map_done(&inner, NULL));
    map_adds(&value, name, v);
    const Schema *s;
    SchemaProblems problems;
    /* A reference to the root by its whole URI, or `$schema`, has another meaning there. */
    if (schema_compile(a, map_done(&outer, NULL), &s, &problems) != 0)
        return;
    int r = schema_check(s, map_done(&value, NULL), a, NULL);
    must(r == result || r == SCHEMA_E_COST || result == SCHEMA_E_COST);
}

static void run(Arena *a, Value document, Value v) {
    const Schema *s;
    SchemaProblems problems;
    if (schema_compile(a, document, &s, &problems) != 0) {
        must(problems.n > 0 && problems.items[0].message.len > 0);
        return;
    }
    must(problems.n == 0);
    int result = ask(a, s, v);
    if (result != SCHEMA_E_COST)
        ask_within(a, document, v, result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena a;
    arena_init(&a, 0);
    Str text = { (const char *)data, size };
    ptrdiff_t at = size ? str_find(text, STR("\n\n")) : -1;
    Value document, v;
    if (at >= 0 && json_read(&a, str_slice(text, 0, (size_t)at), &document, NULL) == 0 &&
        json_read(&a, str_slice(text, (size_t)at + 2, size), &v, NULL) == 0)
        run(&a, document, v);
    arena_deinit(&a);
    return 0;
}
