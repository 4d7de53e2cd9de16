/* baton: finds the command and runs it. Nothing is set up here that not every command needs. */
#include "base/mutant.h"
#include "cli/command.h"
#include "cli/say.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int refuse_command(Str name) {
    Str names[64];
    if (str_starts(name, STR("-")))
        return say_error(EXIT_USAGE, "a command comes first: baton COMMAND ... %.*s",
                         "`baton help` lists them", STR_FMT(name));
    for (size_t i = 0; i < commands_count; i++)
        names[i] = str_from(commands[i].name);
    Str near = str_nearest(name, names, commands_count);
    if (near.p)
        return say_error(EXIT_USAGE, "no command `%.*s`", "did you mean `baton %.*s`?",
                         STR_FMT(name), STR_FMT(near));
    return say_error(EXIT_USAGE, "no command `%.*s`", "`baton help` lists them", STR_FMT(name));
}

/* What nobody got must not look as if somebody did. A reader that has left, as `head` does, has what it wanted. */
static int check_output(int code) {
    int failed = out_error();
    if (!failed || failed == EPIPE || code != EXIT_OK)
        return code;
    return say_error(EXIT_INTERNAL, "the output could not be written: %s", "", strerror(failed));
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), not an end */
#ifdef BATON_TEST
    if (getenv("BATON_MUTANT"))
        mutant_choose(getenv("BATON_MUTANT"));
#endif
    Str name = argc > 1 ? str_from(argv[1]) : STR("help");
    if (str_is(name, "--help") || str_is(name, "-h"))
        name = STR("help");
    if (str_is(name, "--version"))
        name = STR("version");
    const Command *command = command_find(name);
    if (!command)
        return refuse_command(name);
    Arena arena = ARENA_NULL;
    Args args = { .arena = &arena };
    int err = args_read(&args, command, argc > 2 ? argc - 2 : 0, argv + (argc > 2 ? 2 : argc));
    int code = err == 0 ? command->run(&args) : err < 0 ? EXIT_OK : err;
    arena_deinit(&arena);
    return check_output(code);
}
