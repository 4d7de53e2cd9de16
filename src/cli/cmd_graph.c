/* baton graph: the plan of a file, or of a run with what became of its steps, as a picture. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "trace/graph.h"
#include "trace/tree.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PICTURE_BYTES_MAX ((size_t)256 * MIB) /* 10,000 steps draw some 10 MiB */

static void draw_text(Buf *b, const Graph *g, bool terminal) {
    Ink ink = { .colour = terminal && say_colour(1) };
    unsigned lines;
    if (terminal && say_terminal(1))
        say_size(&ink.width, &lines);
    graph_text(b, g, &ink);
}

static const char *const formats[] = { "text", "mermaid", "dot", "svg" };

/* What --format says, else what the name of the file ends with, else text. NULL: no such format. */
static const char *format_of(const Args *args) {
    const char *format = args_flag(args, "format"), *out = args_flag(args, "out");
    if (!format && out)
        format = str_ends(str_from(out), STR(".svg"))   ? "svg"
                 : str_ends(str_from(out), STR(".dot")) ? "dot"
                 : str_ends(str_from(out), STR(".mmd")) ? "mermaid"
                                                        : "text";
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(format ? format : "text", formats[i]) == 0)
            return formats[i];
    return NULL;
}

static int write_out(const char *path, Str s) {
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(s.p, 1, s.len, f) == s.len;
    good = f && fclose(f) == 0 && good;
    if (!good)
        return say_error(EXIT_USAGE, "%s cannot be written: %s", "", path, strerror(errno));
    return EXIT_OK;
}

static int draw(const Args *args, const Graph *g) {
    const char *format = format_of(args), *out = args_flag(args, "out");
    Buf b = BUF_INIT(PICTURE_BYTES_MAX);
    int code = EXIT_OK;
    if (args->json) {
        out_json(graph_json(g, args->arena));
        return EXIT_OK;
    }
    if (*format == 't')
        draw_text(&b, g, out == NULL);
    else
        (*format == 'm' ? graph_mermaid : *format == 'd' ? graph_dot : graph_svg)(&b, g);
    if (buf_over(&b))
        code = say_error(EXIT_INTERNAL, "the picture is larger than 256 MiB",
                         "draw it with `--format dot`");
    else if (out)
        code = write_out(out, buf_str(&b));
    else
        out_str(buf_str(&b));
    buf_deinit(&b);
    return code;
}

static Status status_of(Value node) {
    Value name = value_getz(node, "status");
    for (int s = STATUS_NEW; s <= STATUS_WAITING && value_is(name, V_STRING); s++)
        if (str_is(value_as_str(name), status_name((Status)s)))
            return (Status)s;
    return STATUS_NEW;
}

static void colour(Graph *g, const Plan *plan, Value trace, Arena *a) {
    Value nodes = value_getz(trace, "nodes");
    for (size_t i = 0; value_is(nodes, V_LIST) && i < nodes.len; i++) {
        Value address = value_getz(nodes.items[i], "address");
        const Node *step =
            value_is(address, V_STRING) ? address_step(plan, value_as_str(address), a) : NULL;
        if (step && address_turn_depth(value_as_str(address)) == 0)
            graph_status(g, step, status_of(nodes.items[i]));
    }
}

static int graph_run(Args *args) {
    Arena *a = args->arena;
    Link *link = NULL;
    Str id;
    Value files, trace;
    Diags diags = { .arena = a };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int code = place_open_run(args, &link, &id);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, id, "closure"), STR(""),
                         VALUE_ABSENT, &files);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, id, "trace"), STR(""), VALUE_ABSENT,
                         &trace);
    link_close(link, 0);
    if (code == 0 && plan_compile(value_text(a, files), &plan, &diags) != 0)
        code = say_error(EXIT_INTERNAL, "this version does not understand the files of %.*s", "",
                         STR_FMT(id));
    if (code != 0)
        return code;
    _cleanup_(graph_freep)
    Graph *g = graph_new(plan);
    colour(g, plan, trace, a);
    return draw(args, g);
}

static int graph_file(Args *args) {
    Str closure;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int code = inputs_look(args, args->words[0], &closure, &plan);
    if (code != 0)
        return code;
    _cleanup_(graph_freep)
    Graph *g = graph_new(plan);
    return draw(args, g);
}

int cmd_graph(Args *args) {
    const char *word = args->words[0];
    bool file = strcmp(word, "-") == 0 || strpbrk(word, "./") || access(word, R_OK) == 0;
    if (!format_of(args))
        return say_error(EXIT_USAGE, "no format `%s`", "text mermaid dot svg",
                         args_flag(args, "format"));
    return file ? graph_file(args) : graph_run(args);
}
