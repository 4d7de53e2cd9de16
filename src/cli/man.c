/* baton(1), made from the table of commands: `baton help --man` prints it, the build installs it. */
#include "base/buf.h"
#include "base/limits.h"
#include "cli/command.h"

/* A line of text as troff takes it: nothing in it may be a request or an escape. */
static void write_text(Buf *b, const char *text) {
    bool begins = true;
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            buf_str_add(b, STR("\\&"));
        if (*text == '\\')
            buf_str_add(b, STR("\\e"));
        else if (*text == '-')
            buf_str_add(b, STR("\\-"));
        else
            buf_char(b, *text);
        begins = *text == '\n';
    }
}

static void write_flags(Buf *b, const Flag *flags) {
    for (const Flag *f = flags; f && f->name; f++) {
        buf_str_add(b, STR(".TP\n.B "));
        if (flag_letter(f))
            buf_fmt(b, "\\-%c, ", flag_letter(f));
        buf_str_add(b, STR("\\-\\-"));
        write_text(b, f->name);
        if (f->value) {
            buf_str_add(b, STR(" \\fI"));
            write_text(b, f->value);
            buf_str_add(b, STR("\\fR"));
        }
        buf_char(b, '\n');
        write_text(b, f->help);
        buf_char(b, '\n');
    }
}

static void write_command(Buf *b, const Command *c) {
    buf_str_add(b, STR(".SS \"baton "));
    write_text(b, c->name);
    buf_char(b, ' ');
    write_text(b, c->synopsis);
    buf_str_add(b, STR("\"\n"));
    write_text(b, c->help);
    buf_str_add(b, STR(".\n"));
    if (c->more) {
        buf_str_add(b, STR(".PP\n.nf\n"));
        write_text(b, c->more);
        buf_str_add(b, STR("\n.fi\n"));
    }
    write_flags(b, c->flags);
}

Str command_man(Arena *a) {
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, ".TH BATON 1 \"\" \"baton %s\"\n", BATON_VERSION);
    buf_str_add(
        &b,
        STR(".SH NAME\nbaton \\- runs workflows of agents, tools and people that survive any crash\n"
            ".SH SYNOPSIS\n.B baton\n.I COMMAND\n"
            "[WORD | \\-\\-FLAG | \\-\\-FLAG VALUE | \\-\\-FLAG=VALUE]... [\\-\\- WORD...]\n"
            ".SH DESCRIPTION\n"
            "A RUN is an id, the beginning of one, or \\fBlast\\fR. A STEP is an address as \\fBbaton trace\\fR\n"
            "shows it. What was asked for goes to standard output, everything else to standard error.\n"
            ".SH COMMANDS\n"));
    for (size_t i = 0; i < commands_count; i++)
        write_command(&b, &commands[i]);
    buf_str_add(&b, STR(".SH OPTIONS\nEvery command takes\n"));
    write_flags(&b, common_flags);
    buf_str_add(&b, STR(".SH EXIT STATUS\n"));
    for (size_t i = 0; i < exits_count; i++) {
        buf_fmt(&b, ".TP\n.B %d\n", exits[i].code);
        write_text(&b, exits[i].means);
        buf_char(&b, '\n');
    }
    Str page = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return page;
}
