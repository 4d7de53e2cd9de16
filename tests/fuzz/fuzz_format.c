/* Any bytes as a file to lay out: what is made reads as the same, and laid out again it is the same. */
#include "base/limits.h"
#include "spec/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lay_out(Arena *a, Str text, Buf *ret) {
    Diags diags = { .arena = a };
    return format_text(a, STR("fuzz.yaml"), text, &diags, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena a = ARENA_NULL;
    Buf once = BUF_INIT(64 * MIB), twice = BUF_INIT(64 * MIB);
    if (lay_out(&a, (Str){ (const char *)data, size }, &once) == 0) {
        if (lay_out(&a, buf_str(&once), &twice) == 0 && !str_eq(buf_str(&once), buf_str(&twice)))
            abort();
    }
    buf_deinit(&once);
    buf_deinit(&twice);
    arena_deinit(&a);
    return 0;
}
