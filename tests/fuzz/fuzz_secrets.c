/* Files of secrets: any bytes. A value is a piece of the text; a line that is told is one that is there. */
#include "exec/secret_source.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    char *copy = xmalloc(size); /* exactly as large, so that a read past the end is seen */
    memcpy(copy, data, size);
    Str value = STR("");
    size_t bad, lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += copy[i] == '\n';
    if (secret_in_text((Str){ copy, size }, STR("A"), &value, &bad))
        ASSERT(value.p > copy && value.p + value.len <= copy + size);
    ASSERT(bad <= lines);
    free(copy);
    return 0;
}
