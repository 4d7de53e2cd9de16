/* The commands that only look: show, trace, why. They need no engine and start none. */
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

static int open_run(Args *args, Link **ret_link, Str *ret_id) {
    int code = place_open(args, LINK_READ, ret_link);
    return code == 0 ? place_run(args, *ret_link, args->words[0], ret_id) : code;
}

/* One route as text for people, or as JSON. */
static int print_route(Args *args, Link *link, Str path, Str query) {
    Value answer;
    if (!args->json) {
        Str colour = say_colour(1) ? STR("colour=1") : STR("colour=0");
        return place_ask_text(
            args, link, path,
            query.len ? arena_fmt(args->arena, "%.*s&%.*s", STR_FMT(query), STR_FMT(colour))
                      : colour);
    }
    int code = place_ask(args, link, API_GET, path, query, VALUE_ABSENT, &answer);
    if (code == 0)
        out_json(answer);
    return code;
}

int cmd_trace(Args *args) {
    Link *link = NULL;
    Str id;
    int code = open_run(args, &link, &id);
    if (code == 0)
        code = print_route(args, link, place_run_path(args->arena, id, "trace"), STR(""));
    link_close(link, 0);
    return code;
}

int cmd_why(Args *args) {
    Link *link = NULL;
    Str id;
    int code = open_run(args, &link, &id);
    Str query = STR("");
    if (args->n_words > 1)
        query = arena_fmt(args->arena, "step=%.*s",
                          STR_FMT(place_encode(args->arena, str_from(args->words[1]))));
    if (code == 0)
        code = print_route(args, link, place_run_path(args->arena, id, "why"), query);
    link_close(link, 0);
    return code;
}

/* ---- show */

static bool concerns(Value item, Str address) {
    Value at = value_getz(item, "address");
    return value_is(at, V_STRING) && str_eq(value_as_str(at), address);
}

/* What the journal says of one step: its moves, and its attempts with what they gave. */
static Value step_value(Args *args, Value rows, Str address) {
    Arena *a = args->arena;
    ListBuilder facts = list_builder(a), moves = list_builder(a);
    for (size_t r = 0; r < rows.len; r++) {
        Value f = value_getz(rows.items[r], "facts"), m = value_getz(rows.items[r], "moves");
        for (size_t i = 0; i < f.len; i++) {
            if (concerns(f.items[i], address))
                list_add(&facts, f.items[i]);
        }
        for (size_t i = 0; i < m.len; i++) {
            if (concerns(m.items[i], address))
                list_add(&moves, m.items[i]);
        }
    }
    MapBuilder b = map_builder(a);
    map_addz(&b, "address", value_str(address));
    map_addz(&b, "facts", list_done(&facts));
    map_addz(&b, "moves", list_done(&moves));
    return map_done(&b, NULL);
}

static int show_step(Args *args, Link *link, Str id) {
    Value answer;
    Str step = str_from(args->words[1]);
    Str query = arena_fmt(args->arena, "step=%.*s", STR_FMT(place_encode(args->arena, step)));
    int code = place_ask(args, link, API_GET, place_run_path(args->arena, id, "why"), query,
                         VALUE_ABSENT, &answer);
    if (code != 0)
        return code;
    Str address = value_as_str(value_getz(answer, "address"));
    code = place_ask(args, link, API_GET, place_run_path(args->arena, id, "facts"), STR(""),
                     VALUE_ABSENT, &answer);
    if (code == 0)
        out_json(step_value(args, answer, address));
    return code;
}

int cmd_show(Args *args) {
    Link *link = NULL;
    Str id;
    Value answer;
    int code = open_run(args, &link, &id);
    if (code == 0 && args_flag(args, "facts")) {
        code = print_route(args, link, place_run_path(args->arena, id, "facts"), STR(""));
    } else if (code == 0 && args->n_words > 1) {
        code = show_step(args, link, id);
    } else if (code == 0) {
        code = place_ask(args, link, API_GET, place_run_path(args->arena, id, ""), STR(""),
                         VALUE_ABSENT, &answer);
        if (code == 0)
            out_json(answer);
    }
    link_close(link, 0);
    return code;
}
