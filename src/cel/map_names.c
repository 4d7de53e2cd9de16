#include "cel/map_names.h"

#include <stdio.h>

/* The slot of a name is its place in the map. */
static size_t resolve(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message) {
    const Value *names = ctx;
    (void)n;
    for (size_t i = 0; i < names->len; i++) {
        Value key = value_entry(*names, i).key;
        if (value_is(key, V_STRING) && str_eq(value_as_str(key), parts[0])) {
            *ret_slot = i;
            return 1;
        }
    }
    message[0] = '\0';
    return 0;
}

static Value load(void *ctx, uint64_t slot, Arena *a) {
    const Value *names = ctx;
    (void)a;
    return value_entry(*names, (size_t)slot).value;
}

int cel_try(Arena *a, Str source, Value names, Value *ret_value, CelError *ret_error) {
    CelProgram *program;
    Value map = value_is(names, V_MAP) ? names : VALUE_EMPTY_MAP;
    int err =
        cel_compile(a, source, &(CelNames){ .resolve = resolve, .ctx = &map }, &program, ret_error);
    return err ? err : cel_eval(program, &(CelScope){ load, &map }, a, ret_value, ret_error);
}
