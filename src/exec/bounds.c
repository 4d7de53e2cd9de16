#include "exec/bounds.h"

#include "base/limits.h"
#include "base/time.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

CommandBounds command_bounds_default(void) {
    return (CommandBounds){ .memory_bytes = LIMIT_COMMAND_MEMORY_BYTES,
                            .file_bytes = LIMIT_COMMAND_FILE_BYTES,
                            .files = LIMIT_COMMAND_FILES };
}

typedef enum Unit { UNIT_BYTES, UNIT_COUNT, UNIT_TIME } Unit;
static const struct {
    const char *name;
    Unit unit;
    size_t at;
} bounds[] = {
    { "cpu", UNIT_TIME, offsetof(CommandBounds, cpu_s) },
    { "memory", UNIT_BYTES, offsetof(CommandBounds, memory_bytes) },
    { "file", UNIT_BYTES, offsetof(CommandBounds, file_bytes) },
    { "files", UNIT_COUNT, offsetof(CommandBounds, files) },
    { "processes", UNIT_COUNT, offsetof(CommandBounds, processes) },
};

static bool read_bytes(Str text, uint64_t *ret) {
    static const char *const units[] = { "GiB", "MiB", "KiB" };
    for (unsigned i = 0; i < 3; i++) {
        Str unit = str_from(units[i]);
        uint64_t n;
        if (!str_ends(text, unit))
            continue;
        unsigned shift = 30 - 10 * i;
        if (!str_to_u64(str_slice(text, 0, text.len - unit.len), &n) || n > UINT64_MAX >> shift)
            return false;
        *ret = n << shift;
        return true;
    }
    return false;
}

static bool read_value(Str text, Unit unit, uint64_t *ret) {
    int64_t ms;
    if (str_is(text, "none")) {
        *ret = 0;
        return true;
    }
    switch (unit) {
    case UNIT_BYTES: return read_bytes(text, ret) && *ret > 0;
    case UNIT_COUNT: return str_to_u64(text, ret) && *ret > 0;
    case UNIT_TIME:
        if (!duration_parse(text, &ms) || ms < 1000)
            return false;
        *ret = (uint64_t)ms / 1000;
        return true;
    }
    return false;
}

static bool read_one(Str word, CommandBounds *b) {
    ptrdiff_t eq = str_find(word, STR("="));
    for (size_t i = 0; eq > 0 && i < sizeof bounds / sizeof *bounds; i++) {
        if (str_is(str_slice(word, 0, (size_t)eq), bounds[i].name))
            return read_value(str_slice(word, (size_t)eq + 1, word.len), bounds[i].unit,
                              (uint64_t *)((char *)b + bounds[i].at));
    }
    return false;
}

bool command_bounds_read(Str text, CommandBounds *ret, char problem[BOUNDS_PROBLEM_BYTES]) {
    CommandBounds b = command_bounds_default();
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        while (at < text.len && text.p[at] != ' ')
            at++;
        Str word = str_slice(text, from, at++);
        if (!word.len || read_one(word, &b))
            continue;
        snprintf(problem, BOUNDS_PROBLEM_BYTES,
                 "BATON_COMMAND_LIMITS: `%.*s` is none of cpu=10m memory=4GiB file=1GiB files=256 "
                 "processes=200, or NAME=none",
                 (int)(word.len < 40 ? word.len : 40), word.p);
        return false;
    }
    *ret = b;
    return true;
}
