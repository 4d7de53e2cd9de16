/* baton resume: go on with a run, whatever stopped it, and watch it as `run` does. */
#include "cli/command.h"
#include "cli/many.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/watch.h"

/* --limit cost=5.00 --limit work.calls=20; the engine knows what each may be. */
static int read_limits(Args *args, Value *ret_body) {
    Value limits = VALUE_EMPTY_MAP;
    const char *text;
    for (size_t i = 0; (text = args_flag_nth(args, "limit", i)); i++) {
        Str s = str_from(text);
        ptrdiff_t at = str_find(s, STR("="));
        if (at <= 0)
            return say_error(EXIT_USAGE, "--limit %s says no amount",
                             "like --limit cost=5.00, or --limit STEP.calls=20", text);
        limits = value_with(args->arena, limits, str_slice(s, 0, (size_t)at),
                            value_str(str_slice(s, (size_t)at + 1, s.len)));
    }
    *ret_body = limits.len ? value_with(args->arena, VALUE_EMPTY_MAP, STR("limits"), limits)
                           : VALUE_EMPTY_MAP;
    return 0;
}

int cmd_resume(Args *args) {
    Link *link;
    Str id;
    Value body;
    int code = read_limits(args, &body);
    if (code != 0)
        return code;
    if (many_asked(args, args->n_words) || args_flag(args, "dry-run"))
        return many_tell(args, &(ManyOptions){ .route = "resume",
                                               .body = body,
                                               .done = "resumed",
                                               .carries = true,
                                               .n_words = args->n_words });
    code = place_open(args, LINK_READ, &link);
    if (code != 0)
        return code;
    code = place_run(args, link, args->n_words ? args->words[0] : "last", &id);
    link_close(link, 0);
    if (code != 0)
        return code;
    Str path = place_run_path(args->arena, id, "resume");
    return watch_run(args, &(WatchOptions){ .run = id, .path = path, .body = body });
}
