/* baton expr: an expression of the language, tried: over names given here, or those of a run that was. */
#include "cel/map_names.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/* As it would stand in a file: with or without ${{ }} round the whole. */
static Str bare(Str text) {
    while (text.len && is_space(text.p[0]))
        text = str_slice(text, 1, text.len);
    while (text.len && is_space(text.p[text.len - 1]))
        text.len--;
    bool wrapped = str_starts(text, STR("${{")) && str_ends(text, STR("}}"));
    return wrapped ? str_slice(text, 3, text.len - 2) : text;
}

static void print(const Args *args, Value value, Str type) {
    if (!args->json) {
        out_json(value);
        return;
    }
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "value", value);
    map_addz(&m, "type", value_str(type));
    out_json(map_done(&m, NULL));
}

/* The line of the expression that it is about, and a caret under the place. */
static int refuse(Str source, const CelError *error) {
    size_t at = MIN(error->offset, source.len), from = at, to = at;
    while (from > 0 && source.p[from - 1] != '\n')
        from--;
    while (to < source.len && source.p[to] != '\n')
        to++;
    size_t columns = 0;
    for (size_t i = from; i < at; columns++)
        str_next_codepoint(source, &i);
    say_line("baton: %s\n  %.*s\n  %*s^", error->message, (int)(to - from), source.p + from,
             (int)columns, "");
    return EXIT_USAGE;
}

static int try_here(const Args *args, Str source) {
    Value names, value;
    CelError error;
    int code = inputs_untyped(args, 1, &names);
    if (code != 0)
        return code;
    if (cel_try(args->arena, source, names, &value, &error) != 0)
        return refuse(source, &error);
    print(args, value, value_type_name(value));
    return EXIT_OK;
}

static int find_step(const Args *args, Link *link, Str id, const char *step, Str *ret_address) {
    Value why;
    Arena *a = args->arena;
    *ret_address = STR("");
    if (!step)
        return 0;
    int code = place_ask(args, link, API_GET, place_run_path(a, id, "why"),
                         arena_fmt(a, "step=%.*s", STR_FMT(place_encode(a, str_from(step)))),
                         VALUE_ABSENT, &why);
    if (code == 0)
        *ret_address = value_as_str(value_getz(why, "address"));
    return code;
}

static int try_in_run(const Args *args, Str source, const char *run, const char *step) {
    Link *link = NULL;
    Str id, address;
    Value answer;
    Arena *a = args->arena;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = place_run(args, link, run, &id);
    if (code == 0)
        code = find_step(args, link, id, step, &address);
    if (code == 0) {
        MapBuilder m = map_builder(a);
        map_addz(&m, "expr", value_str(source));
        map_addz(&m, "step", value_str(address));
        code = place_ask(args, link, API_POST, place_run_path(a, id, "expr"), STR(""),
                         map_done(&m, NULL), &answer);
    }
    link_close(link, 0);
    if (code == 0)
        print(args, value_getz(answer, "value"), value_as_str(value_getz(answer, "type")));
    return code;
}

int cmd_expr(Args *args) {
    Str source = bare(str_from(args->words[0]));
    const char *run = args_flag(args, "run"), *step = args_flag(args, "step");
    if (step && !run)
        return say_error(EXIT_USAGE, "--step needs --run", "`--run last` is the newest");
    if (run && args->n_words > 1)
        return say_error(EXIT_USAGE, "names come from the run or from here, not from both", "");
    return run ? try_in_run(args, source, run, step) : try_here(args, source);
}
