/* Any bytes as an expression: compiled, evaluated with a few names bound, the result written. What is looked for is what
 * the sanitizers find; besides, an error must point into the source, and the end of an embedded expression lies in it. */
#include "cel/cel.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t resolve(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message) {
    (void)ctx, (void)message;
    *ret_slot = (uint64_t)(unsigned char)parts[0].p[0];
    if (str_is(parts[0], "steps"))
        return MIN(n, (size_t)3);
    return parts[0].len <= 2 ? 1 : 0;
}

static Value load(void *ctx, uint64_t slot, Arena *a) {
    (void)a;
    return slot == 'z' ? VALUE_ABSENT : *(const Value *)ctx;
}

static Value some_data(Arena *a) {
    ListBuilder list = list_builder(a);
    list_add(&list, value_int(-1));
    list_add(&list, value_double(2.5));
    list_add(&list, value_str(STR("h\xc3\xa9llo")));
    list_add(&list, VALUE_NULL);
    MapBuilder m = map_builder(a);
    map_addz(&m, "a", list_done(&list));
    map_addz(&m, "b", value_bool(true));
    map_add(&m, value_int(1), value_uint(7));
    return map_done(&m, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena a;
    arena_init(&a, 0);
    Str source = { (const char *)data, size };
    Value v, bound = some_data(&a);
    CelNames names = { .resolve = resolve, .by_the_book = size % 2 };
    CelScope scope = { .load = load, .ctx = &bound };
    CelProgram *p;
    CelError error = { 0 };
    ptrdiff_t end = cel_find_end(source);
    ASSERT(end < 0 || ((size_t)end + 2 <= size && data[end] == '}'));
    int failed = cel_compile(&a, source, &names, &p, &error);
    if (!failed && !(failed = cel_eval(p, &scope, &a, &v, &error))) {
        ASSERT(!value_absent(v));
        value_text(&a, v);
    }
    ASSERT(!failed || (error.message[0] && error.offset <= size));
    arena_deinit(&a);
    return 0;
}
