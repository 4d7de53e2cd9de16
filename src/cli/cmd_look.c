/* The commands that only look: trace, why. They need no engine and start none. */
#include "cli/command.h"
#include "cli/place.h"

int cmd_trace(Args *args) {
    Link *link = NULL;
    Str id;
    int code = place_open_run(args, &link, &id);
    if (code == 0)
        code = place_print(args, link, place_run_path(args->arena, id, "trace"), STR(""));
    link_close(link, 0);
    return code;
}

int cmd_why(Args *args) {
    Link *link = NULL;
    Str id;
    int code = place_open_run(args, &link, &id);
    Str query = STR("");
    if (args->n_words > 1)
        query = arena_fmt(args->arena, "step=%.*s",
                          STR_FMT(place_encode(args->arena, str_from(args->words[1]))));
    if (code == 0)
        code = place_print(args, link, place_run_path(args->arena, id, "why"), query);
    link_close(link, 0);
    return code;
}
