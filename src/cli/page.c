/* docs/cli.md, made from the table of commands: `baton help --markdown` prints it, tests/unit/test_cli_page.c keeps them equal. */
#include "base/buf.h"
#include "base/limits.h"
#include "cli/command.h"

const Exit exits[] = {
    { EXIT_OK, "it is done; of `run` and `resume`: the run succeeded" },
    { EXIT_INTERNAL, "the engine or the store failed; what was acknowledged is safe" },
    { EXIT_USAGE, "the command line, the file or its input was refused" },
    { EXIT_RUN_FAILED, "the run failed or was cancelled" },
    { EXIT_NOT_FOUND, "no such run or step" },
    { EXIT_CONFLICT,
      "the id is another run's, or it was decided or finished already, or is not yours to decide" },
    { EXIT_WAITING, "the run waits for a person or a signal" },
    { EXIT_PAUSED, "the run was paused by Ctrl-C" },
};
const size_t exits_count = ARRAY_LEN(exits);

static void add_flags(Buf *b, const Flag *flags) {
    if (!flags || !flags->name)
        return;
    buf_str_add(b, STR("\n| flag | |\n|---|---|\n"));
    for (const Flag *f = flags; f->name; f++) {
        buf_str_add(b, STR("| "));
        if (flag_letter(f))
            buf_fmt(b, "`-%c`, ", flag_letter(f));
        buf_fmt(b, "`--%s", f->name);
        for (const char *c = f->value ? f->value : ""; *c; c++)
            buf_fmt(b, "%s%s%c", c == f->value ? " " : "", *c == '|' ? "\\" : "", *c);
        buf_fmt(b, "` | %s |\n", f->help);
    }
}

static void add_command(Buf *b, const Command *c) {
    buf_fmt(b, "\n## %s\n\n", c->name);
    buf_fmt(b, "`baton %s%s%s`\n\n%s.\n", c->name, *c->synopsis ? " " : "", c->synopsis, c->help);
    if (c->more)
        buf_fmt(b, "\n%s\n", c->more);
    add_flags(b, c->flags);
}

Str command_page(Arena *a) {
    Buf b = BUF_INIT(MIB);
    buf_str_add(
        &b,
        STR("# The command line\n\n"
            "Made by `baton help --markdown > docs/cli.md`; a test keeps the two equal.\n\n"
            "    baton COMMAND [WORD | --FLAG | --FLAG VALUE | --FLAG=VALUE]... [-- WORD...]\n\n"
            "A RUN is an id, the beginning of one, or `last`. A STEP is an address as `baton trace` shows it. What was\n"
            "asked for goes to standard output, everything else to standard error.\n\n"
            "Every command takes\n"));
    add_flags(&b, common_flags);
    buf_str_add(&b, STR("\nand ends with\n\n| exit | |\n|---|---|\n"));
    for (size_t i = 0; i < exits_count; i++)
        buf_fmt(&b, "| %d | %s |\n", exits[i].code, exits[i].means);
    for (size_t i = 0; i < commands_count; i++)
        add_command(&b, &commands[i]);
    Str page = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return page;
}
