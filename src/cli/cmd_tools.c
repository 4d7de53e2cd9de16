/* baton tools: what was accepted of the tools of MCP servers, and accepting what they say now. */
#include "base/limits.h"
#include "base/time.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

static void write_tool(Buf *b, Arena *a, Value tool, const Ink *ink) {
    Str difference = answer_text(tool, "difference");
    Value at = value_getz(tool, "accepted_ms");
    Buf when = BUF_INIT(64);
    if (value_is(at, V_INT))
        time_write_ms(&when, at.i);
    buf_fmt(b, "  %-32.*s %-16.*s  accepted %.*s\n",
            STR_FMT(answer_clean(a, answer_text(tool, "tool"))), STR_FMT(answer_text(tool, "hash")),
            (int)MIN(when.len, (size_t)10), buf_str(&when).p);
    buf_deinit(&when);
    if (difference.len)
        buf_fmt(b, "    %snot used: %.*s%s\n", ink_bold(ink), STR_FMT(answer_clean(a, difference)),
                ink_end(ink));
}

static bool write_set(Buf *b, Arena *a, Value set, const Ink *ink) {
    Value tools = value_getz(set, "tools");
    bool differs = false;
    buf_fmt(b, "%.*s  %s%.*s%s\n", STR_FMT(answer_clean(a, answer_text(set, "set"))), ink_dim(ink),
            STR_FMT(answer_clean(a, answer_text(set, "server"))), ink_end(ink));
    for (uint32_t i = 0; i < tools.len; i++) {
        write_tool(b, a, tools.items[i], ink);
        differs |= answer_text(tools.items[i], "difference").len > 0;
    }
    if (differs)
        buf_fmt(b, "    baton tools accept %.*s\n",
                STR_FMT(answer_clean(a, answer_text(set, "set"))));
    return differs;
}

static Value only_set(Args *args, Value sets, Str name) {
    ListBuilder l = list_builder(args->arena);
    for (uint32_t i = 0; i < sets.len; i++)
        if (!name.len || str_eq(answer_text(sets.items[i], "set"), name))
            list_add(&l, sets.items[i]);
    return list_done(&l);
}

static void print(Args *args, Value sets) {
    Buf b = BUF_INIT(16 * MIB);
    Ink ink = say_ink(1);
    for (uint32_t i = 0; i < sets.len; i++)
        write_set(&b, args->arena, sets.items[i], &ink);
    out_str(buf_str(&b));
    buf_deinit(&b);
}

static int list(Args *args, Str name) {
    Link *link = NULL;
    Value answer;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = place_ask(args, link, API_GET, STR("/v1/tools"), STR(""), VALUE_ABSENT, &answer);
    link_close(link, 0);
    if (code != 0)
        return code;
    Value sets = only_set(args, value_getz(answer, "sets"), name);
    if (name.len && !sets.len)
        return say_error(EXIT_NOT_FOUND, "no set `%.*s` was used here", "`baton tools` lists them",
                         STR_FMT(name));
    if (args->json)
        out_json(sets);
    else if (!sets.len)
        say_line("no tool of an MCP server was used here yet");
    else
        print(args, sets);
    return EXIT_OK;
}

/* "fs", or "fs.read". */
static int accept_one(Args *args, Link *link, Str word) {
    MapBuilder m = map_builder(args->arena);
    ptrdiff_t dot = str_find(word, STR("."));
    Value answer;
    map_addz(&m, "set", value_str(dot > 0 ? str_slice(word, 0, (size_t)dot) : word));
    if (dot > 0)
        map_addz(&m, "tool", value_str(str_slice(word, (size_t)dot + 1, word.len)));
    int code = place_ask(args, link, API_POST, STR("/v1/tools/accept"), STR(""), map_done(&m, NULL),
                         &answer);
    if (code == 0 && !args->json)
        say_line("accepted: %.*s", STR_FMT(word));
    return code;
}

static int accept_all(Args *args) {
    Link *link = NULL;
    int code = place_open(args, LINK_ACT, &link);
    for (size_t i = 1; i < args->n_words && code == 0; i++)
        code = accept_one(args, link, str_from(args->words[i]));
    link_close(link, 0);
    return code;
}

int cmd_tools(Args *args) {
    Str first = args->n_words ? str_from(args->words[0]) : STR("");
    if (!str_is(first, "accept") && args->n_words < 2)
        return list(args, first);
    if (!str_is(first, "accept") || args->n_words < 2)
        return say_error(EXIT_USAGE, "what about the tools?",
                         "baton tools, baton tools SET, baton tools accept SET...");
    return accept_all(args);
}
