#include "cli/command.h"
#include "cli/language_page.h"
#include "cli/say.h"

#include <stdio.h>

static Value command_value(const Command *c, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "name", value_str(str_from(c->name)));
    map_addz(&m, "synopsis", value_str(str_from(c->synopsis)));
    map_addz(&m, "help", value_str(str_from(c->help)));
    ListBuilder flags = list_builder(a);
    for (const Flag *f = c->flags; f && f->name; f++) {
        MapBuilder fm = map_builder(a);
        map_addz(&fm, "name", value_str(str_from(f->name)));
        map_addz(&fm, "value", f->value ? value_str(str_from(f->value)) : VALUE_NULL);
        map_addz(&fm, "help", value_str(str_from(f->help)));
        list_add(&flags, map_done(&fm, NULL));
    }
    map_addz(&m, "flags", list_done(&flags));
    return map_done(&m, NULL);
}

int cmd_help(Args *args) {
    if (args_flag(args, "man")) {
        out_str(command_man(args->arena));
        return EXIT_OK;
    }
    if (args_flag(args, "markdown")) {
        out_str(command_page(args->arena));
        return EXIT_OK;
    }
    if (args->n_words == 1 && strcmp(args->words[0], "language") == 0) {
        out_str(language_page(args->arena));
        return EXIT_OK;
    }
    if (args->n_words == 1) {
        const Command *c = command_find(str_from(args->words[0]));
        if (!c)
            return say_error(EXIT_USAGE, "no command `%s`", "`baton help` lists them",
                             args->words[0]);
        if (args->json)
            out_json(command_value(c, args->arena));
        else
            command_help(c);
        return EXIT_OK;
    }
    if (args->json) {
        ListBuilder list = list_builder(args->arena);
        for (size_t i = 0; i < commands_count; i++)
            list_add(&list, command_value(&commands[i], args->arena));
        out_json(list_done(&list));
        return EXIT_OK;
    }
    printf("baton runs workflows of agents, tools and people so that they survive any crash.\n\n");
    for (size_t i = 0; i < commands_count; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf(
        "\n`baton help COMMAND` says more, `baton help language` how files are written. A RUN is an id, the beginning of one, or `last`.\n");
    return EXIT_OK;
}
