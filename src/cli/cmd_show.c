/* baton show: a run, its journal, or one step: what it was given, what was sent, what came back. */
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

/* The step itself, or a turn or a tool call of it, where it is an agent's. */
static bool concerns(Value item, Str address) {
    Value at = value_getz(item, "address");
    Str have = value_is(at, V_STRING) ? value_as_str(at) : STR("");
    return str_eq(have, address) || (address.len && str_starts(have, address) &&
                                     have.len > address.len && have.p[address.len] == '.');
}

/* What of all rows concerns one step, of their facts or of their moves. */
static Value part_of(Args *args, Value rows, const char *part, Str address) {
    ListBuilder found = list_builder(args->arena);
    for (size_t r = 0; r < rows.len; r++) {
        Value items = value_getz(rows.items[r], part);
        for (size_t i = 0; i < items.len; i++) {
            if (concerns(items.items[i], address))
                list_add(&found, items.items[i]);
        }
    }
    return list_done(&found);
}

static int ask(Args *args, Link *link, Str id, const char *route, Str step, Value *ret) {
    Str query = step.len
                    ? arena_fmt(args->arena, "step=%.*s", STR_FMT(place_encode(args->arena, step)))
                    : STR("");
    return place_ask(args, link, API_GET, place_run_path(args->arena, id, route), query,
                     VALUE_ABSENT, ret);
}

/* The address of the step that a person means; `why` knows how to find it and whom to name if there are several. */
static int find_step(Args *args, Link *link, Str id, Str *ret_address) {
    Value why;
    int code = ask(args, link, id, "why", str_from(args->words[1]), &why);
    if (code == 0)
        *ret_address = value_as_str(value_getz(why, "address"));
    return code;
}

static int show_step(Args *args, Link *link, Str id) {
    Value rows, sent;
    Str address;
    int code = find_step(args, link, id, &address);
    if (code == 0)
        code = ask(args, link, id, "facts", STR(""), &rows);
    if (code == 0)
        code = ask(args, link, id, "requests", address, &sent);
    if (code != 0)
        return code;
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "address", value_str(address));
    map_addz(&m, "input", value_getz(sent, "input"));
    map_addz(&m, "facts", part_of(args, rows, "facts", address));
    map_addz(&m, "moves", part_of(args, rows, "moves", address));
    out_json(map_done(&m, NULL));
    return EXIT_OK;
}

static int show_requests(Args *args, Link *link, Str id) {
    Value sent;
    Str address;
    if (args->n_words < 2)
        return say_error(EXIT_USAGE, "--request needs a step", "`baton trace %s` lists them",
                         args->words[0]);
    int code = find_step(args, link, id, &address);
    if (code == 0)
        code = ask(args, link, id, "requests", address, &sent);
    if (code != 0)
        return code;
    Value more = value_getz(sent, "more");
    if (value_is(more, V_BOOL) && more.b)
        say_line("only the first attempts are shown; name an item or a round of %.*s for others",
                 STR_FMT(address));
    out_json(sent);
    return EXIT_OK;
}

static int show_run(Args *args, Link *link, Str id) {
    Value document;
    int code = ask(args, link, id, "", STR(""), &document);
    if (code == 0)
        out_json(document);
    return code;
}

int cmd_show(Args *args) {
    Link *link = NULL;
    Str id;
    bool facts = args_flag(args, "facts"), request = args_flag(args, "request"),
         state = args_flag(args, "state");
    if (facts + request + state > 1)
        return say_error(EXIT_USAGE, "--facts and --state are about a run, --request about a step",
                         "one of them");
    int code = place_open_run(args, &link, &id);
    if (code == 0 && (facts || state))
        code = place_print(args, link, place_run_path(args->arena, id, facts ? "facts" : "state"),
                           STR(""));
    else if (code == 0 && request)
        code = show_requests(args, link, id);
    else if (code == 0)
        code = args->n_words > 1 ? show_step(args, link, id) : show_run(args, link, id);
    link_close(link, 0);
    return code;
}
