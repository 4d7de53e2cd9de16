#include "cli/cases.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"
#include "spec/yaml.h"

static int read_lines(Arena *a, const char *path, Str text, Value *ret_list) {
    ListBuilder l = list_builder(a);
    unsigned number = 0;
    while (text.len) {
        ptrdiff_t end = str_find(text, STR("\n"));
        Str line = end < 0 ? text : str_slice(text, 0, (size_t)end);
        JsonError error;
        Value v;
        number++;
        text = end < 0 ? STR("") : str_slice(text, (size_t)end + 1, text.len);
        if (line.len == 0 || str_is(line, "\r"))
            continue;
        if (json_read(a, line, &v, &error) != 0)
            return say_error(EXIT_USAGE, "%s:%u:%u: %s", "a .jsonl file has one JSON value a line",
                             path, number, error.column, error.message);
        list_add(&l, v);
    }
    *ret_list = list_done(&l);
    return 0;
}

static int read_tree(Arena *a, const char *path, Str text, Value *ret_list) {
    Diags *diags = ARENA_NEW(a, Diags);
    YamlFile *file = ARENA_NEW(a, YamlFile);
    Buf b = BUF_INIT(MIB);
    diags->arena = a;
    int err = yaml_read(a, str_from(path), text, diags, file);
    for (size_t i = 0; err && i < diags->n; i++)
        diag_write(&b, &diags->items[i]);
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    if (err)
        return EXIT_USAGE;
    *ret_list = yaml_value(file->root, a);
    return 0;
}

/* { input, expected, name }, or the input itself. */
static Case read_case(Value v) {
    Value input = value_getz(v, "input"), expected = value_getz(v, "expected"),
          name = value_getz(v, "name");
    size_t known = 1u + !value_absent(expected) + !value_absent(name);
    if (value_absent(input) || v.len != known)
        return (Case){ .name = STR(""), .input = v, .expected = VALUE_ABSENT };
    return (Case){ .name = value_is(name, V_STRING) ? value_as_str(name) : STR(""),
                   .input = input,
                   .expected = expected };
}

int cases_of(Arena *a, Value list, const char *where, Case **ret_cases, size_t *ret_n) {
    if (!value_is(list, V_LIST) || list.len == 0 || list.len > CASES_MAX)
        return say_error(EXIT_USAGE, "%s is no list of 1 to %d inputs", "", where, CASES_MAX);
    Case *cases = ARENA_ARRAY(a, Case, list.len);
    for (size_t i = 0; i < list.len; i++)
        cases[i] = read_case(list.items[i]);
    *ret_cases = cases;
    *ret_n = list.len;
    return 0;
}

int cases_read(Arena *a, const char *path, Case **ret_cases, size_t *ret_n) {
    Value list = VALUE_NULL;
    Str text;
    int code = place_read_file(a, path, LIMIT_FILE_BYTES, &text);
    if (code == 0)
        code = str_ends(str_from(path), STR(".jsonl")) ? read_lines(a, path, text, &list)
                                                       : read_tree(a, path, text, &list);
    return code ? code : cases_of(a, list, path, ret_cases, ret_n);
}
