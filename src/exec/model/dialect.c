#include "exec/model/dialect.h"

#include "base/json.h"
#include "base/limits.h"

const Dialect *dialect_of(Str kind) {
    return str_is(kind, "anthropic")   ? &dialect_anthropic
           : str_is(kind, "gemini")    ? &dialect_gemini
           : str_is(kind, "responses") ? &dialect_responses
                                       : &dialect_chat;
}

Value dialect_error(Str event, Value body) {
    Value error = field(body, "error");
    if (value_absent(error) &&
        (str_is(event, "error") || str_is(field_text(body, "type"), "error")))
        error = body;
    return value_absent(error) ? field(field(body, "response"), "error") : error;
}

bool dialect_take(const Dialect *d, Answer *answer, Str name, Str data) {
    Arena scratch;
    Value v;
    if (str_is(data, "[DONE]")) {
        answer->whole = true;
        return true;
    }
    arena_init(&scratch, LIMIT_VALUE_BYTES);
    bool good = json_read(&scratch, data, &v, NULL) == 0 && value_is(v, V_MAP);
    if (good) {
        answer_fail(answer, dialect_error(name, v));
        d->event(answer, name, v);
    }
    arena_deinit(&scratch);
    return good;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------- */

Str model_without_provider(Str model) {
    ptrdiff_t slash = str_find(model, STR("/"));
    return slash >= 0 ? str_slice(model, (size_t)slash + 1, model.len) : model;
}

bool is_role(Value message, const char *role) { return str_is(field_text(message, "role"), role); }

Str neutral_text(Arena *a, Value message) {
    Value content = field(message, "content");
    return value_absent(content) ? STR("") : value_plain(a, content);
}

Str neutral_system(Arena *a, Value messages) {
    Str text = STR("");
    for (size_t i = 0; value_is(messages, V_LIST) && i < messages.len; i++) {
        if (!is_role(messages.items[i], "system"))
            continue;
        Str one = neutral_text(a, messages.items[i]);
        text = text.len ? arena_fmt(a, "%.*s\n\n%.*s", STR_FMT(text), STR_FMT(one)) : one;
    }
    return text;
}

Value neutral_native(Value message, const Dialect *d) {
    Value native = field(message, "native"), parts = field(native, "parts");
    bool own = str_is(field_text(native, "dialect"), d->name) && value_is(parts, V_LIST);
    return own ? parts : VALUE_ABSENT;
}

Value neutral_name(Arena *a, Value v) { return value_str(model_name(a, field_text(v, "name"))); }

Value map_of(Arena *a, const char *key, Value value) {
    MapBuilder m = map_builder(a);
    map_addz(&m, key, value);
    return map_done(&m, NULL);
}

Value neutral_arguments(Arena *a, Value call) {
    Value arguments = field(call, "arguments");
    if (value_is(arguments, V_MAP))
        return arguments;
    return value_absent(arguments) ? VALUE_EMPTY_MAP : map_of(a, "unreadable", arguments);
}

Value neutral_schema(Arena *a, Value tool) {
    Value schema = field(tool, "schema");
    if (value_is(schema, V_MAP) && schema.len)
        return schema;
    MapBuilder m = map_builder(a);
    map_addz(&m, "type", value_str(STR("object")));
    map_addz(&m, "properties", VALUE_EMPTY_MAP);
    return map_done(&m, NULL);
}
