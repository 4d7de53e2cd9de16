/* baton new: a commented file to start from, for each pattern that runs. */
#include "cli/command.h"
#include "cli/say.h"
#include "cli/starter.h"

#include <stdio.h>

static int list(const Args *args) {
    if (!args->json) {
        for (size_t i = 0; i < patterns_count; i++)
            printf("  %-10s %s\n", patterns[i].name, patterns[i].says);
        printf("\n`baton new PATTERN` writes PATTERN.yaml, ready to run.\n");
        return EXIT_OK;
    }
    ListBuilder found = list_builder(args->arena);
    for (size_t i = 0; i < patterns_count; i++) {
        MapBuilder m = map_builder(args->arena);
        map_addz(&m, "name", value_str(str_from(patterns[i].name)));
        map_addz(&m, "help", value_str(str_from(patterns[i].says)));
        list_add(&found, map_done(&m, NULL));
    }
    out_json(list_done(&found));
    return EXIT_OK;
}

static const Pattern *pattern_named(const char *name) {
    for (size_t i = 0; i < patterns_count; i++) {
        if (strcmp(patterns[i].name, name) == 0)
            return &patterns[i];
    }
    return NULL;
}

static int refuse(const char *name) {
    Str names[16];
    for (size_t i = 0; i < patterns_count; i++)
        names[i] = str_from(patterns[i].name);
    Str near = str_nearest(str_from(name), names, patterns_count);
    if (near.p)
        return say_error(EXIT_USAGE, "no pattern `%s`", "did you mean `baton new %.*s`?", name,
                         STR_FMT(near));
    return say_error(EXIT_USAGE, "no pattern `%s`", "`baton new` lists them", name);
}

static void report(const Args *args, Str file, Str replies, const StarterModel *model) {
    if (args->json) {
        MapBuilder m = map_builder(args->arena);
        ListBuilder written = list_builder(args->arena);
        list_add(&written, value_str(file));
        if (replies.len)
            list_add(&written, value_str(replies));
        map_addz(&m, "written", list_done(&written));
        map_addz(&m, "model", model->model.len ? value_str(model->model) : VALUE_NULL);
        out_json(map_done(&m, NULL));
        return;
    }
    say_line("wrote %.*s%s%.*s", STR_FMT(file), replies.len ? " and " : "", STR_FMT(replies));
    if (replies.len)
        say_line("its model is scripted, because %.*s", STR_FMT(model->found));
    say_line("next: baton run %.*s", STR_FMT(file));
}

int cmd_new(Args *args) {
    if (args->n_words == 0)
        return list(args);
    const Pattern *pattern = pattern_named(args->words[0]);
    if (!pattern)
        return refuse(args->words[0]);
    Str file = args->n_words > 1 ? str_from(args->words[1])
                                 : arena_fmt(args->arena, "%s.yaml", pattern->name);
    const char *given = args_flag(args, "model");
    StarterModel model = given ? (StarterModel){ str_from(given), STR("") }
                               : starter_model(args->arena);
    StarterFile to = starter_file(args->arena, file, model.model);
    int code = starter_write_pattern(args->arena, pattern, &to);
    if (code == 0)
        report(args, file, to.replies, &model);
    return code;
}
