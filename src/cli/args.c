/* Taking a command line apart. Flags may stand anywhere, as --name value or --name=value, a few as -x; -- ends them. */
#include "cli/command.h"
#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>

const Flag common_flags[] = {
    { "data", "DIR", "where runs are kept; else .baton beside the project" },
    { "help", NULL, "show how the command is used" },
    { "json", NULL, "one JSON document on standard output" },
    { NULL, NULL, NULL },
};

const Command *command_find(Str name) {
    for (size_t i = 0; i < commands_count; i++) {
        if (str_is(name, commands[i].name))
            return &commands[i];
    }
    return NULL;
}

/* The same letter means the same in every command. */
static const struct {
    char letter;
    const char *name;
} letters[] = { { 'f', "follow" }, { 'h', "help" }, { 'o', "output" } };

char flag_letter(const Flag *flag) {
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if (strcmp(flag->name, letters[i].name) == 0)
            return letters[i].letter;
    }
    return '\0';
}

static void print_flags(const Flag *flags) {
    for (const Flag *f = flags; f && f->name; f++) {
        char left[64], letter[] = { '-', flag_letter(f), ',', ' ', '\0' };
        snprintf(left, sizeof left, "%s--%s%s%s", letter[1] ? letter : "", f->name,
                 f->value ? " " : "", f->value ? f->value : "");
        printf("  %-22s %s\n", left, f->help);
    }
}

void command_help(const Command *c) {
    printf("baton %s%s%s\n\n%s.\n", c->name, *c->synopsis ? " " : "", c->synopsis, c->help);
    if (c->more)
        printf("\n%s\n", c->more);
    printf("\n");
    print_flags(c->flags);
    print_flags(common_flags);
}

static size_t count_flags(const Flag *flags) {
    size_t n = 0;
    while (flags && flags[n].name)
        n++;
    return n;
}

static const Flag *find_flag(const Flag *flags, Str name) {
    for (const Flag *f = flags; f && f->name; f++) {
        if (str_is(name, f->name))
            return f;
    }
    return NULL;
}

static int refuse_flag(const Args *args, Str name) {
    Str names[32];
    size_t n = 0;
    for (const Flag *f = args->command->flags; f && f->name; f++)
        names[n++] = str_from(f->name);
    for (const Flag *f = common_flags; f->name; f++)
        names[n++] = str_from(f->name);
    Str near = str_nearest(name, names, n);
    if (near.p)
        return say_error(EXIT_USAGE, "`baton %s` has no flag --%.*s", "did you mean --%.*s?",
                         args->command->name, STR_FMT(name), STR_FMT(near));
    return say_error(EXIT_USAGE, "`baton %s` has no flag --%.*s", "`baton help %s` lists its flags",
                     args->command->name, STR_FMT(name), args->command->name);
}

/* "--name" as it is, "-x" as what it stands for; NULL: nothing does. */
static const char *long_form(const Args *args, const char *word) {
    if (word[1] == '-')
        return word + 2;
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        Str name = str_from(letters[i].name);
        if (word[1] == letters[i].letter && !word[2] &&
            (find_flag(args->command->flags, name) || find_flag(common_flags, name)))
            return letters[i].name;
    }
    return NULL;
}

static int take_flag(Args *args, int argc, char **argv, int *at) {
    const char *word = long_form(args, argv[*at]);
    if (!word)
        return say_error(EXIT_USAGE, "flags are written out: `%s` is none",
                         "`baton help %s` lists them", argv[*at], args->command->name);
    Str text = str_from(word), name = text;
    const char *eq = memchr(text.p, '=', text.len);
    if (eq)
        name = str_slice(text, 0, (size_t)(eq - text.p));
    const Flag *own = find_flag(args->command->flags, name),
               *flag = own ? own : find_flag(common_flags, name);
    if (!flag)
        return refuse_flag(args, name);
    const char *value = eq ? eq + 1 : "";
    if (!flag->value && eq)
        return say_error(EXIT_USAGE, "--%s takes no value", "", flag->name);
    if (flag->value && !eq) {
        if (*at + 1 >= argc)
            return say_error(EXIT_USAGE, "--%s needs a value: --%s %s", "", flag->name, flag->name,
                             flag->value);
        value = argv[++*at];
    }
    if (own) {
        args->values[own - args->command->flags] = value;
        args->given[args->n_given++] = (struct ArgsGiven){ own, value };
    } else if (str_is(name, "data"))
        args->data = value;
    else if (str_is(name, "json"))
        args->json = true;
    else {
        command_help(args->command);
        return -1;
    }
    return 0;
}

static int check_words(const Args *args) {
    const Command *c = args->command;
    if ((int)args->n_words < c->words_min)
        return say_error(EXIT_USAGE, "usage: baton %s %s", "`baton help %s` says more", c->name,
                         c->synopsis, c->name);
    if (c->words_max >= 0 && (int)args->n_words > c->words_max)
        return say_error(EXIT_USAGE, "`%s` is one word too many: baton %s %s", "",
                         args->words[c->words_max], c->name, c->synopsis);
    return 0;
}

int args_read(Args *args, const Command *c, int argc, char **argv) {
    args->command = c;
    args->words = ARENA_ARRAY(args->arena, char *, (size_t)argc + 1);
    args->given = ARENA_ARRAY(args->arena, struct ArgsGiven, (size_t)argc + 1);
    args->values = ARENA_ARRAY(args->arena, const char *, count_flags(c->flags) + 1);
    bool flags = true;
    for (int i = 0; i < argc; i++) {
        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
        } else if (flags && argv[i][0] == '-' && argv[i][1]) {
            int err = take_flag(args, argc, argv, &i);
            if (err)
                return err;
        } else {
            args->words[args->n_words++] = argv[i];
        }
    }
    return check_words(args);
}

const char *args_flag(const Args *args, const char *name) {
    const Flag *f = find_flag(args->command->flags, str_from(name));
    ASSERT(f);
    return args->values[f - args->command->flags];
}

const char *args_flag_nth(const Args *args, const char *name, size_t n) {
    for (size_t i = 0; i < args->n_given; i++) {
        if (strcmp(args->given[i].flag->name, name) == 0 && n-- == 0)
            return args->given[i].value;
    }
    return NULL;
}
