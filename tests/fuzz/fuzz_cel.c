/* Any bytes as an expression: compiled, evaluated with a few names bound, the result written. What is looked for is what
 * the sanitizers find; besides, an error must point into the source, and the end of an embedded expression lies in it.
 *
 * Bytes that begin with a slash are a pattern, a NUL and a text instead: what is found lies in the text, at boundaries of
 * characters, and costs no more than it may. */
#include "cel/cel.h"
#include "cel/pattern.h"

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

static bool at_boundary(Str text, size_t at) {
    return at == text.len || (at < text.len && ((unsigned char)text.p[at] & 0xc0) != 0x80);
}

static void check_spans(Str text, const PatternSpan *spans) {
    ASSERT(spans[0].from <= spans[0].to);
    for (size_t i = 0; i < PATTERN_SPANS; i++) {
        if (spans[i].from == SIZE_MAX)
            continue;
        ASSERT(spans[i].from <= spans[i].to && spans[i].to <= text.len);
        ASSERT(at_boundary(text, spans[i].from) && at_boundary(text, spans[i].to));
    }
}

static void try_pattern(Arena *a, Str source, Str text) {
    const Pattern *p;
    PatternError error = { 0 };
    if (pattern_compile(a, source, &p, &error)) {
        ASSERT(error.message[0] && error.offset <= source.len);
        return;
    }
    PatternSearch *search = pattern_search_new();
    PatternSpan spans[PATTERN_SPANS];
    int64_t steps = 20 * 1000;
    bool found;
    int failed = pattern_find(search, p, text, 0, &steps, &found, spans);
    ASSERT(failed == 0 || !found);
    ASSERT((failed == PATTERN_E_TEXT) == !str_is_utf8(text) || failed == PATTERN_E_COST || !failed);
    if (!failed && found)
        check_spans(text, spans);
    pattern_search_free(search);
}

static void fuzz_pattern(const char *p, size_t size) {
    Arena a;
    arena_init(&a, 0);
    const char *end = memchr(p, 0, size);
    size_t length = end ? (size_t)(end - p) : size;
    /* An expression's texts are UTF-8, so a pattern is. */
    if (str_is_utf8((Str){ p, length }))
        try_pattern(&a, (Str){ p, length },
                    end ? (Str){ end + 1, size - length - 1 } : STR("h\xc3\xa9llo 123\n"));
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size && data[0] == '/') {
        fuzz_pattern((const char *)data + 1, size - 1);
        return 0;
    }
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
