/* Several files in one text: a line `#--- NAME` begins another. */
#ifndef TESTS_UNIT_PARTS_H
#define TESTS_UNIT_PARTS_H

#include "base/base.h"
#include "spec/plan.h"

#define PARTS_MAX 16
#define PARTS_MARK STR("\n#--- ")

/* The first part is called `name`, and it is the main file. */
static inline Str closure_of_parts(Arena *a, Str name, Str text) {
    Str names[PARTS_MAX] = { name }, texts[PARTS_MAX];
    size_t n = 1;
    for (ptrdiff_t at; n < PARTS_MAX && (at = str_find(text, PARTS_MARK)) >= 0; n++) {
        texts[n - 1] = str_slice(text, 0, (size_t)at + 1);
        text = str_slice(text, (size_t)at + PARTS_MARK.len, text.len);
        ptrdiff_t end = str_find(text, STR("\n"));
        size_t line = end < 0 ? text.len : (size_t)end;
        names[n] = str_slice(text, 0, line);
        text = str_slice(text, MIN(line + 1, text.len), text.len);
    }
    texts[n - 1] = text;
    return closure_make(a, names[0], names, texts, n);
}

#endif
