#include "try/cassette.h"

#include "base/json.h"

static bool read_outcomes(Arena *a, Str name, Str text, Cassette *ret, Str *ret_problem) {
    JsonError error;
    Value whole;
    if (json_read(a, text, &whole, &error) != 0)
        *ret_problem =
            arena_fmt(a, "%.*s:%u:%u: %s", STR_FMT(name), error.line, error.column, error.message);
    else if (!value_is(value_getz(whole, "outcomes"), V_LIST))
        *ret_problem = arena_fmt(a,
                                 "%.*s is no recording: it has no `outcomes`; "
                                 "`baton record RUN --all --out FILE` writes one",
                                 STR_FMT(name));
    else {
        ret->outcomes = value_getz(whole, "outcomes");
        ret->input = value_getz(whole, "input");
        return true;
    }
    return false;
}

bool cassette_read(Arena *a, Str name, Str text, Cassette *ret, Str *ret_problem) {
    *ret = (Cassette){ .name = name };
    if (text.len && text.p[0] == '{')
        return read_outcomes(a, name, text, ret, ret_problem);
    return scripted_parse(name, text, &ret->file, a, ret_problem) == 0;
}

void cassette_deinit(Cassette *c) { c->file = scripted_file_free(c->file); }

static bool is_text(Value v, Str s) { return value_is(v, V_STRING) && str_eq(value_as_str(v), s); }

Value cassette_find(const Cassette *c, Str address, const Hash *hash, bool *ret_other) {
    char hex[2 * HASH_BYTES + 1];
    Value found = VALUE_ABSENT;
    hash_hex(hash, hex);
    *ret_other = false;
    for (uint32_t i = 0; value_is(c->outcomes, V_LIST) && i < c->outcomes.len; i++) {
        Value o = c->outcomes.items[i];
        if (!is_text(value_getz(o, "address"), address))
            continue;
        if (is_text(value_getz(o, "hash"), str_from(hex)))
            found = o;
        else
            *ret_other = true;
    }
    return found;
}
