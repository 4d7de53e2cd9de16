/* baton completion: scripts for shells, made from the table of commands; ids of runs are asked for while typing. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/starter.h"
#include "host/host.h"

/* What the first word of a command is, as its synopsis says. */
typedef enum WordKind {
    WORD_OTHER,
    WORD_FILE,
    WORD_RUN,
    WORD_COMMAND,
    WORD_PATTERN,
    WORD_SHELL
} WordKind;

static WordKind first_word(const Command *c) {
    static const struct {
        const char *begins;
        WordKind kind;
    } words[] = {
        { "RUN", WORD_RUN },         { "FILE", WORD_FILE },       { "FOLDER", WORD_FILE },
        { "COMMAND", WORD_COMMAND }, { "PATTERN", WORD_PATTERN }, { "bash", WORD_SHELL }
    };
    Str synopsis = str_from(c->synopsis);
    if (str_starts(synopsis, STR("[")))
        synopsis = str_slice(synopsis, 1, synopsis.len);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_starts(synopsis, str_from(words[i].begins)))
            return words[i].kind;
    }
    return WORD_OTHER;
}

static void write_commands(Buf *b) {
    for (size_t i = 0; i < commands_count; i++)
        buf_fmt(b, "%s%s", i ? " " : "", commands[i].name);
}

/* Words of a fixed list, or a question to baton itself; nothing for files, which every shell knows. */
static void write_words(Buf *b, const Command *c) {
    switch (first_word(c)) {
    case WORD_RUN: buf_str_add(b, STR("$(baton completion runs 2>/dev/null)")); return;
    case WORD_COMMAND: write_commands(b); return;
    case WORD_PATTERN:
        for (size_t i = 0; i < patterns_count; i++)
            buf_fmt(b, "%s%s", i ? " " : "", patterns[i].name);
        return;
    case WORD_SHELL: buf_str_add(b, STR("bash fish zsh")); return;
    case WORD_FILE:
    case WORD_OTHER: return;
    }
}

/* ---- bash */

static void write_flag_words(Buf *b, const Flag *flags) {
    for (const Flag *f = flags; f && f->name; f++)
        buf_fmt(b, " --%s", f->name);
}

static void write_bash(Buf *b) {
    buf_str_add(b, STR("# bash completion of baton: source <(baton completion bash)\n"
                       "_baton() {\n"
                       "    local cur=${COMP_WORDS[COMP_CWORD]} flags='' words=''\n"
                       "    COMPREPLY=()\n"
                       "    if ((COMP_CWORD == 1)); then\n"
                       "        COMPREPLY=($(compgen -W '"));
    write_commands(b);
    buf_str_add(b, STR("' -- \"$cur\"))\n        return\n    fi\n"
                       "    case ${COMP_WORDS[1]} in\n"));
    for (size_t i = 0; i < commands_count; i++) {
        buf_fmt(b, "    %s) flags='", commands[i].name);
        write_flag_words(b, commands[i].flags);
        buf_str_add(b, STR("'; words=\""));
        write_words(b, &commands[i]);
        buf_str_add(b, STR("\" ;;\n"));
    }
    buf_str_add(b, STR("    esac\n"
                       "    if [[ $cur == -* ]]; then\n"
                       "        COMPREPLY=($(compgen -W \"$flags"));
    write_flag_words(b, common_flags);
    buf_str_add(b, STR("\" -- \"$cur\"))\n"
                       "    elif ((COMP_CWORD == 2)); then\n"
                       "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                       "    fi\n"
                       "}\n"
                       "complete -o default -F _baton baton\n"));
}

/* ---- zsh */

/* Inside '...' of _arguments and _describe. */
static void write_zsh_text(Buf *b, const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            buf_str_add(b, STR("'\\''"));
        else if (strchr("[]:\\", *text))
            buf_fmt(b, "\\%c", *text);
        else
            buf_char(b, *text);
    }
}

static void write_zsh_flags(Buf *b, const Flag *flags) {
    for (const Flag *f = flags; f && f->name; f++) {
        buf_fmt(b, " \\\n            '--%s[", f->name);
        write_zsh_text(b, f->help);
        buf_str_add(b, STR("]"));
        if (f->value) {
            buf_str_add(b, STR(":"));
            write_zsh_text(b, f->value);
            buf_str_add(b, STR(":_files"));
        }
        buf_char(b, '\'');
    }
}

static void write_zsh_command(Buf *b, const Command *c) {
    WordKind kind = first_word(c);
    buf_fmt(b, "    %s) _arguments", c->name);
    write_zsh_flags(b, c->flags);
    write_zsh_flags(b, common_flags);
    if (kind != WORD_OTHER && kind != WORD_FILE) {
        buf_str_add(b, STR(" \\\n            \"1:word:("));
        write_words(b, c);
        buf_str_add(b, STR(")\""));
    }
    buf_str_add(b, STR(" \\\n            '*:file:_files' ;;\n"));
}

static void write_zsh(Buf *b) {
    buf_str_add(b,
                STR("#compdef baton\n"
                    "# zsh completion of baton: baton completion zsh > a folder of $fpath/_baton\n"
                    "_baton() {\n"
                    "    local -a commands\n"
                    "    commands=("));
    for (size_t i = 0; i < commands_count; i++) {
        buf_fmt(b, "\n        '%s:", commands[i].name);
        write_zsh_text(b, commands[i].help);
        buf_char(b, '\'');
    }
    buf_str_add(b, STR(")\n"
                       "    if ((CURRENT == 2)); then\n"
                       "        _describe command commands\n"
                       "        return\n"
                       "    fi\n"
                       "    shift words\n"
                       "    ((CURRENT--))\n"
                       "    case $words[1] in\n"));
    for (size_t i = 0; i < commands_count; i++)
        write_zsh_command(b, &commands[i]);
    buf_str_add(b, STR("    esac\n"
                       "}\n"
                       "if [ \"$funcstack[1]\" = _baton ]; then\n"
                       "    _baton \"$@\"\n"
                       "else\n"
                       "    compdef _baton baton\n"
                       "fi\n"));
}

/* ---- fish */

static void write_fish_text(Buf *b, const char *text) {
    for (; *text; text++)
        buf_fmt(b, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
}

static void write_fish_flags(Buf *b, const char *command, const Flag *flags) {
    for (const Flag *f = flags; f && f->name; f++) {
        buf_fmt(b, "complete -c baton -n '__fish_seen_subcommand_from %s' -l %s%s -d '", command,
                f->name, f->value ? " -r" : "");
        write_fish_text(b, f->help);
        buf_str_add(b, STR("'\n"));
    }
}

static void write_fish(Buf *b) {
    buf_str_add(b, STR("# fish completion of baton: baton completion fish | source\n"));
    for (size_t i = 0; i < commands_count; i++) {
        const Command *c = &commands[i];
        WordKind kind = first_word(c);
        buf_fmt(b, "complete -c baton -n __fish_use_subcommand -f -a %s -d '", c->name);
        write_fish_text(b, c->help);
        buf_str_add(b, STR("'\n"));
        write_fish_flags(b, c->name, c->flags);
        write_fish_flags(b, c->name, common_flags);
        if (kind == WORD_OTHER || kind == WORD_FILE)
            continue;
        buf_fmt(b, "complete -c baton -n '__fish_seen_subcommand_from %s' -f -a '%s", c->name,
                kind == WORD_RUN ? "(baton completion runs 2>/dev/null)" : "");
        if (kind != WORD_RUN)
            write_words(b, c);
        buf_str_add(b, STR("'\n"));
    }
}

/* ---- runs */

/* For the scripts: ids, newest first. Silent where there are none. */
static int print_runs(const Args *args) {
    char problem[HOST_PROBLEM_BYTES] = "";
    Link *link = NULL;
    Value answer;
    if (link_open(&(LinkOptions){ .dir = place_data(args), .mode = LINK_READ }, &link, problem) !=
        0)
        return EXIT_OK;
    int code =
        place_ask(args, link, API_GET, STR("/v1/runs"), STR("limit=100"), VALUE_ABSENT, &answer);
    link_close(link, 0);
    Value runs = value_getz(answer, "runs");
    if (code == 0 && runs.len)
        out_str(STR("last\n"));
    for (size_t i = 0; code == 0 && i < runs.len; i++)
        out_str(arena_fmt(args->arena, "%.*s\n",
                          STR_FMT(value_as_str(value_getz(runs.items[i], "id")))));
    return EXIT_OK;
}

int cmd_completion(Args *args) {
    Str shell = str_from(args->words[0]);
    Buf b = BUF_INIT(MIB);
    if (str_is(shell, "runs"))
        return print_runs(args);
    if (str_is(shell, "bash"))
        write_bash(&b);
    else if (str_is(shell, "zsh"))
        write_zsh(&b);
    else if (str_is(shell, "fish"))
        write_fish(&b);
    else
        return say_error(EXIT_USAGE, "no completion for `%s`", "bash, fish and zsh are known",
                         args->words[0]);
    out_str(buf_str(&b));
    buf_deinit(&b);
    return EXIT_OK;
}
