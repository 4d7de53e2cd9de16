/* baton resume: go on with a run, whatever stopped it, and watch it as `run` does. */
#include "cli/command.h"
#include "cli/many.h"
#include "cli/place.h"
#include "cli/watch.h"

int cmd_resume(Args *args) {
    Link *link;
    Str id;
    if (many_asked(args, args->n_words) || args_flag(args, "dry-run"))
        return many_tell(args, &(ManyOptions){ .route = "resume",
                                               .body = VALUE_EMPTY_MAP,
                                               .done = "resumed",
                                               .carries = true,
                                               .n_words = args->n_words });
    int code = place_open(args, LINK_READ, &link);
    if (code != 0)
        return code;
    code = place_run(args, link, args->n_words ? args->words[0] : "last", &id);
    link_close(link, 0);
    if (code != 0)
        return code;
    Str path = place_run_path(args->arena, id, "resume");
    return watch_run(args, &(WatchOptions){ .run = id, .path = path, .body = VALUE_EMPTY_MAP });
}
