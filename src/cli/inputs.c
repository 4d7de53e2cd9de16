#include "cli/inputs.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/ask.h"
#include "cli/place.h"
#include "cli/say.h"

#include <unistd.h>
#include <uv.h>

void inputs_print(const Diags *diags) {
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags->n; i++)
        diag_write(&b, &diags->items[i]);
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
}

int inputs_load(const Args *args, const char *path, Diags *diags, Project *ret_project) {
    char problem[PROJECT_PROBLEM_BYTES], here[4096];
    Str from = str_from(getcwd(here, sizeof here) ? here : "");
    if (project_load(args->arena, path, from, diags, ret_project, problem) == 0)
        return 0;
    if (access(path, F_OK) == 0)
        return say_error(EXIT_USAGE, "%s", "", problem);
    Str near = place_near_file(args->arena, path);
    if (near.p)
        return say_error(EXIT_USAGE, "%s", "did you mean %.*s?", problem, STR_FMT(near));
    return say_error(EXIT_USAGE, "%s",
                     "`baton init` makes a hello.yaml, `baton new` other files to begin with",
                     problem);
}

int inputs_look(const Args *args, const char *path, Str *ret_closure, Plan **ret_plan) {
    Project project;
    Diags diags;
    int code = inputs_load(args, path, &diags, &project);
    if (code != 0)
        return code;
    inputs_print(&diags);
    if (project.result != 0)
        return EXIT_USAGE;
    if (!project.plan)
        return say_error(EXIT_USAGE, "%s is no workflow: it has no steps",
                         "`baton validate` checks it; name the workflow that uses it", path);
    *ret_closure = closure_pin(project.plan, args->arena);
    *ret_plan = project.plan;
    return 0;
}

/* Each word that this version does not run, with its place and a caret. */
static void print_later(const Args *args, Str closure) {
    Diags diags = { .arena = args->arena };
    Plan *none = NULL;
    Buf b = BUF_INIT(MIB);
    plan_compile(closure, &none, &diags);
    plan_free(none);
    for (size_t i = 0; i < diags.n; i++)
        if (str_is(diags.items[i].code, "later"))
            diag_write(&b, &diags.items[i]);
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
}

int inputs_file(const Args *args, const char *path, Str *ret_closure, Plan **ret_plan) {
    Plan *plan = NULL;
    Str closure;
    int code = inputs_look(args, path, &closure, &plan);
    if (code != 0)
        return code;
    if (plan->n_later) {
        print_later(args, closure);
        plan_free(plan);
        return EXIT_USAGE;
    }
    *ret_closure = closure;
    *ret_plan = plan;
    return 0;
}

/* ---- values */

static const TypeField *field_of(const Type *type, Str name) {
    for (size_t i = 0; type && type->kind == TYPE_RECORD && i < type->n_fields; i++) {
        if (str_eq(type->fields[i].name, name))
            return &type->fields[i];
    }
    return NULL;
}

static bool is_text_type(const Type *type) {
    switch (type->kind) {
    case TYPE_STRING:
    case TYPE_TIME:
    case TYPE_DURATION:
    case TYPE_FILE: return true;
    case TYPE_ANY:
    case TYPE_INTEGER:
    case TYPE_NUMBER:
    case TYPE_BOOLEAN:
    case TYPE_OBJECT:
    case TYPE_MESSAGE:
    case TYPE_LIST:
    case TYPE_ENUM:
    case TYPE_RECORD:
    case TYPE_SCHEMA: break;
    }
    return false;
}

/* A value that must be JSON unless it may be text: `any` and enums take what does not read as JSON as text. */
static int read_value(const Args *args, const Type *type, Str name, Str text, Value *ret_value) {
    if (type && is_text_type(type)) {
        *ret_value = value_str(text);
        return 0;
    }
    JsonError error;
    if (json_read(args->arena, text, ret_value, &error) == 0)
        return 0;
    if (!type || type->kind == TYPE_ANY || type->kind == TYPE_ENUM) {
        *ret_value = value_str(text);
        return 0;
    }
    return say_error(EXIT_USAGE, "%.*s must be %.*s, and `%.*s` is not: %s", "", STR_FMT(name),
                     STR_FMT(type_text(type, args->arena)), (int)MIN(text.len, 60), text.p,
                     error.message);
}

/* Can the input be called so? */
static bool takes(const Type *type, Str name) {
    return !type || type->kind != TYPE_RECORD || type->open || field_of(type, name);
}

static int refuse_key(const Args *args, const Plan *plan, Str name) {
    const Type *type = plan->input;
    Str names[64];
    size_t n = 0;
    for (size_t i = 0; type && i < type->n_fields && n < ARRAY_LEN(names); i++)
        names[n++] = type->fields[i].name;
    Str near = str_nearest(name, names, n);
    if (near.p)
        return say_error(EXIT_USAGE, "%.*s has no input `%.*s`", "did you mean `%.*s`?",
                         STR_FMT(plan->file), STR_FMT(name), STR_FMT(near));
    return say_error(EXIT_USAGE, "%.*s has no input `%.*s`", "its inputs: %.*s",
                     STR_FMT(plan->file), STR_FMT(name), STR_FMT(plan_usage(plan, args->arena)));
}

/* "key=value" or "key=@file". */
static int read_pair(const Args *args, const char *word, Str *ret_name, Str *ret_text) {
    const char *eq = strchr(word, '=');
    if (!eq || eq == word)
        return say_error(EXIT_USAGE, "`%s` is no KEY=VALUE",
                         "like `topic=rain`, or `text=@FILE` for what a file holds", word);
    *ret_name = (Str){ word, (size_t)(eq - word) };
    *ret_text = str_from(eq + 1);
    if (eq[1] != '@')
        return 0;
    int code = place_read_file(args->arena, eq + 2, LIMIT_PAYLOAD_BYTES, ret_text);
    if (code != 0)
        say_line("  `@` names a file; a text that begins with it goes into --input as JSON");
    return code;
}

static int read_whole(const Args *args, const char *input, Value *ret_value) {
    Str text = str_from(input);
    JsonError error;
    int code = 0;
    if (strcmp(input, "-") == 0)
        code = place_read_file(args->arena, "-", LIMIT_PAYLOAD_BYTES, &text);
    else if (input[0] == '@')
        code = place_read_file(args->arena, input + 1, LIMIT_PAYLOAD_BYTES, &text);
    if (code != 0)
        return code;
    if (json_read(args->arena, text, ret_value, &error) == 0)
        return 0;
    return say_error(EXIT_USAGE, "--input is not JSON: %u:%u: %s", "", error.line, error.column,
                     error.message);
}

static int check_input(const Args *args, const Plan *plan, Value input) {
    Value converted;
    Str problem;
    if (type_convert(plan->input, input, args->arena, &converted, &problem) == 0)
        return 0;
    return say_error(EXIT_USAGE, "%.*s refuses the input: %.*s", "usage: baton run %s %.*s",
                     STR_FMT(plan->file), STR_FMT(problem), args->words[0],
                     STR_FMT(plan_usage(plan, args->arena)));
}

/* ---- asking for what is missing */

static Str question(const Args *args, const TypeField *field) {
    Buf b = BUF_INIT(16 * KIB);
    Ink ink = say_ink(2);
    words_clean(&b, field->name, 80);
    buf_fmt(&b, " %s(", ink_dim(&ink));
    words_clean(&b, type_text(field->type, args->arena), 200);
    buf_fmt(&b, ")%s", ink_end(&ink));
    if (field->type->description.len) {
        buf_str_add(&b, STR(" "));
        words_clean(&b, field->type->description, 400);
    }
    buf_str_add(&b, STR(": "));
    Str text = arena_str(args->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* Again until the answer is of its type; false at the end of input. */
static bool ask_field(const Args *args, const TypeField *field, Value *ret_value) {
    Str line, problem;
    while (ask_line(args->arena, question(args, field), &line)) {
        if (line.len == 0 && field->type->kind != TYPE_STRING)
            continue;
        Value v, converted;
        if (read_value(args, field->type, field->name, line, &v) != 0)
            continue;
        if (type_convert(field->type, v, args->arena, &converted, &problem) == 0) {
            *ret_value = v;
            return true;
        }
        say_line("  %.*s: %.*s", STR_FMT(field->name), STR_FMT(problem));
    }
    return false;
}

static Value ask_missing(const Args *args, const Type *type, Value value) {
    if (!type || type->kind != TYPE_RECORD || !value_is(value, V_MAP) || !ask_possible())
        return value;
    for (size_t i = 0; i < type->n_fields; i++) {
        const TypeField *field = &type->fields[i];
        Value v;
        if (field->optional || !value_absent(field->type->preset) ||
            !value_absent(value_get(value, field->name)))
            continue;
        if (!ask_field(args, field, &v))
            break;
        value = value_with(args->arena, value, field->name, v);
    }
    return value;
}

static bool given_before(const Args *args, size_t first, size_t at, Str name) {
    for (size_t i = first; i < at; i++) {
        Str word = str_from(args->words[i]);
        if (str_starts(word, name) && word.len > name.len && word.p[name.len] == '=')
            return true;
    }
    return false;
}

static int read_word(const Args *args, size_t first, size_t at, Str *ret_name, Str *ret_text) {
    int code = read_pair(args, args->words[at], ret_name, ret_text);
    if (code == 0 && given_before(args, first, at, *ret_name))
        return say_error(EXIT_USAGE, "`%.*s` is given twice", "which of the two is meant?",
                         STR_FMT(*ret_name));
    return code;
}

int inputs_read(const Args *args, size_t first, const char *input, const Plan *plan,
                Value *ret_input) {
    Value value = VALUE_EMPTY_MAP;
    int code = input ? read_whole(args, input, &value) : 0;
    for (size_t i = first; i < args->n_words && code == 0; i++) {
        Str name, text;
        Value v;
        code = read_word(args, first, i, &name, &text);
        const TypeField *field = code == 0 ? field_of(plan->input, name) : NULL;
        if (code == 0 && !takes(plan->input, name))
            code = refuse_key(args, plan, name);
        if (code == 0)
            code = read_value(args, field ? field->type : NULL, name, text, &v);
        if (code == 0)
            value = value_with(args->arena, value, name, v);
    }
    if (code == 0)
        value = ask_missing(args, plan->input, value);
    if (code == 0)
        code = check_input(args, plan, value);
    *ret_input = value;
    return code;
}

/* The map with what stands at `path` replaced; maps on the way are made where there are none. */
static int set_at(const Args *args, const Type *type, Str path, Str text, Value *value) {
    ptrdiff_t dot = str_find(path, STR("."));
    Str name = dot < 0 ? path : str_slice(path, 0, (size_t)dot);
    const TypeField *field = field_of(type, name);
    const Type *inner = field ? field->type : NULL;
    Value v = value_is(*value, V_MAP) ? value_get(*value, name) : VALUE_ABSENT;
    int code = dot < 0 ? read_value(args, inner, path, text, &v)
                       : set_at(args, inner, str_slice(path, (size_t)dot + 1, path.len), text, &v);
    Value map = value_is(*value, V_MAP) ? *value : VALUE_EMPTY_MAP;
    if (code == 0)
        *value = value_with(args->arena, map, name, v);
    return code;
}

int inputs_set(const Args *args, const Plan *plan, const char *word, Value *input) {
    Str path, text;
    int code = read_pair(args, word, &path, &text);
    if (code != 0)
        return code;
    ptrdiff_t dot = str_find(path, STR("."));
    Str top = dot < 0 ? path : str_slice(path, 0, (size_t)dot);
    if (!takes(plan->input, top))
        return refuse_key(args, plan, top);
    return set_at(args, plan->input, path, text, input);
}

int inputs_untyped(const Args *args, size_t first, Value *ret_value) {
    *ret_value = VALUE_NULL;
    if (args->n_words <= first)
        return 0;
    if (args->n_words == first + 1 &&
        json_read(args->arena, str_from(args->words[first]), ret_value, NULL) == 0)
        return 0;
    Value value = VALUE_EMPTY_MAP;
    for (size_t i = first; i < args->n_words; i++) {
        Str name, text;
        Value v;
        int code = read_word(args, first, i, &name, &text);
        if (code == 0)
            code = read_value(args, NULL, name, text, &v);
        if (code != 0)
            return code;
        value = value_with(args->arena, value, name, v);
    }
    *ret_value = value;
    return 0;
}

int64_t prices_days(const Plan *plan) {
    uv_timeval64_t now;
    if (!plan->prices_dated_ms)
        return 0;
    uv_gettimeofday(&now);
    return (now.tv_sec * 1000 - plan->prices_dated_ms) / (24 * 3600 * 1000);
}
