/* baton watch: look on while a run goes on somewhere else. */
#include "cli/command.h"
#include "cli/place.h"
#include "cli/watch.h"

int cmd_watch(Args *args) {
    Link *link = NULL;
    Str id;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = place_run(args, link, args->n_words ? args->words[0] : "last", &id);
    link_close(link, 0);
    return code ? code : watch_run(args, &(WatchOptions){ .run = id, .look_only = true });
}
