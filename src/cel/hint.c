/* What a person may have meant by a function that does not exist: what other languages call it, the same word in a
 * namespace or out of it, or the nearest spelling of any of these. */
#include "cel/function.h"

#include <stdio.h>

enum { HINT_BYTES = 100 };

static const struct {
    const char *written, *meant;
} habits[] = {
    { "any", "x.exists(item, condition)" },
    { "append", "list + [x]" },
    { "concat", "a + b" },
    { "count", "size(x)" },
    { "date", "timestamp('2026-11-21T00:00:00Z')" },
    { "every", "x.all(item, condition)" },
    { "find", "x.filter(item, condition)" },
    { "flatMap", "flatten(x.map(item, list))" },
    { "float", "double(x)" },
    { "fromJson", "parseJson(x)" },
    { "fromJSON", "parseJson(x)" },
    { "includes", "x.contains(y)" },
    { "isEmpty", "size(x) == 0" },
    { "isMatch", "x.matches(r'pattern')" },
    { "json", "toJson(x)" },
    { "keys", "x.map(key, key)" },
    { "len", "size(x)" },
    { "length", "size(x)" },
    { "lower", "x.lowerAscii()" },
    { "match", "x.matches(r'pattern')" },
    { "max", "math.greatest(a, b)" },
    { "min", "math.least(a, b)" },
    { "now", "run.started; expressions have no clock" },
    { "number", "double(x)" },
    { "parse", "parseJson(x)" },
    { "parseFloat", "double(x)" },
    { "parseInt", "int(x)" },
    { "pow", "x * x; there are no powers" },
    { "random", "run.id; expressions have no randomness" },
    { "reduce", "sum(x), or x.join(', ')" },
    { "replaceAll", "x.replace(old, new), or regex.replace(x, r'pattern', new)" },
    { "search", "x.matches(r'pattern')" },
    { "some", "x.exists(item, condition)" },
    { "str", "string(x)" },
    { "stringify", "toJson(x)" },
    { "strip", "x.trim()" },
    { "test", "x.matches(r'pattern')" },
    { "toInt", "int(x)" },
    { "toLower", "x.lowerAscii()" },
    { "toLowerCase", "x.lowerAscii()" },
    { "toNumber", "double(x)" },
    { "toString", "string(x)" },
    { "toUpper", "x.upperAscii()" },
    { "toUpperCase", "x.upperAscii()" },
    { "uniq", "distinct(x)" },
    { "unique", "distinct(x)" },
    { "upper", "x.upperAscii()" },
    { "uuid", "run.id; expressions have no randomness" },
    { "values", "x.transformList(key, value, value)" },
};

static const char *const macro_names[] = {
    "all",    "exists",     "exists_one", "existsOne", "filter", "has",           "map",
    "optMap", "optFlatMap", "or",         "orValue",   "sortBy", "transformList", "transformMap",
};

static Str last_part(Str name) {
    const char *dot = !name.len ? NULL : memrchr(name.p, '.', name.len);
    return dot ? str_slice(name, (size_t)(dot - name.p) + 1, name.len) : name;
}

static const char *habit_of(Str name) {
    for (size_t i = 0; i < ARRAY_LEN(habits); i++)
        if (str_is(name, habits[i].written))
            return habits[i].meant;
    return NULL;
}

/* The function that has this name but for its namespace. */
static const char *namesake(Str name) {
    const Function *rows;
    size_t n = function_table(&rows);
    for (size_t i = 0; i < n; i++)
        if (str_eq(last_part(str_from(rows[i].name)), name))
            return rows[i].name;
    return NULL;
}

/* The nearest of all names by their last part: functions, macros, and what other languages say. */
static Str nearest(Str name) {
    enum { NAMES_MAX = 400 };
    Str names[NAMES_MAX];
    size_t n = 0;
    const Function *rows;
    size_t n_rows = function_table(&rows);
    ASSERT(n_rows + ARRAY_LEN(macro_names) + ARRAY_LEN(habits) <= NAMES_MAX);
    for (size_t i = 0; i < n_rows; i++)
        names[n++] = last_part(str_from(rows[i].name));
    for (size_t i = 0; i < ARRAY_LEN(macro_names); i++)
        names[n++] = str_from(macro_names[i]);
    for (size_t i = 0; i < ARRAY_LEN(habits); i++)
        names[n++] = str_from(habits[i].written);
    return str_nearest(name, names, n);
}

/* "; regex has extract, extractAll, replace", or nothing if there is no such namespace. */
static void hint_members(Str space, char *hint) {
    const Function *rows;
    size_t n = function_table(&rows), at = 0;
    const char *last = "";
    for (size_t i = 0; i < n; i++) {
        Str name = str_from(rows[i].name);
        bool member = str_starts(name, space) && name.len > space.len && name.p[space.len] == '.';
        if (!member || strcmp(rows[i].name, last) == 0)
            continue;
        last = rows[i].name;
        Str part = last_part(name);
        if (at + part.len + 8 > HINT_BYTES) {
            snprintf(hint + at, HINT_BYTES - at, " ...");
            return;
        }
        at += (size_t)(at ? snprintf(hint + at, HINT_BYTES - at, ", %.*s", STR_FMT(part))
                          : snprintf(hint, HINT_BYTES, "; %.*s has %.*s", STR_FMT(space),
                                     STR_FMT(part)));
    }
}

void function_hint(Str space, Str name, char *hint) {
    hint[0] = '\0';
    const char *meant = habit_of(name), *same = meant ? NULL : namesake(name);
    if (!meant && !same) {
        Str near = nearest(name);
        meant = near.p ? habit_of(near) : NULL;
        same = near.p && !meant ? namesake(near) : NULL;
        if (near.p && !meant && !same) /* a macro */
            snprintf(hint, HINT_BYTES, "; did you mean %.*s()?", STR_FMT(near));
    }
    if (meant)
        snprintf(hint, HINT_BYTES, "; write %s", meant);
    else if (same)
        snprintf(hint, HINT_BYTES, "; did you mean %s()?", same);
    else if (!hint[0] && space.len)
        hint_members(space, hint);
}
