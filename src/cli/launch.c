#include "cli/launch.h"

#include "base/json.h"
#include "base/uuid.h"
#include "cli/background.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/watch.h"

#include <sys/random.h>
#include <uv.h>

Str launch_id(Arena *a) {
    uint8_t random[10];
    char text[UUID_CHARS + 1];
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    ssize_t n = getrandom(random, sizeof random, 0);
    ASSERT(n == (ssize_t)sizeof random); /* never short for so few bytes */
    uuid7(now.tv_sec * 1000 + now.tv_usec / 1000, random, text);
    return arena_str(a, str_from(text));
}

int launch_choose_id(const Args *args, Str *ret_id) {
    const char *id = args_flag(args, "id");
    if (id && !*id)
        return say_error(EXIT_USAGE, "--id is empty", "leave it out and one is made");
    *ret_id = id ? str_from(id) : launch_id(args->arena);
    return 0;
}

Value launch_body(const Args *args, const Launch *l) {
    Arena *a = args->arena;
    Value closure = VALUE_NULL;
    int err = json_read(a, l->closure, &closure, NULL);
    ASSERT(err == 0); /* closure_make() made it */
    MapBuilder m = map_builder(a), reuse = map_builder(a);
    map_addz(&m, "id", value_str(l->id));
    map_addz(&m, "closure", closure);
    map_addz(&m, "input", l->input);
    map_addz(&m, "dir", value_str(l->dir));
    /* What is reused needs neither keys nor programs. */
    map_addz(&m, "preflight", value_bool(!l->source.len));
    if (l->source.len) {
        map_addz(&reuse, "run", value_str(l->source));
        map_addz(&reuse, "before", value_str(l->before));
        map_addz(&m, "reuse", map_done(&reuse, NULL));
    }
    return map_done(&m, NULL);
}

static int start_detached(const Args *args, Str id, Value start) {
    Link *link;
    Value answer;
    int code = background_serve(args);
    if (code == 0)
        code = place_open(args, LINK_ACT, &link);
    if (code != 0)
        return code;
    code = place_ask(args, link, API_POST, STR("/v1/runs"), STR(""), start, &answer);
    if (code == 0 && args->json)
        out_json(answer);
    else if (code == 0)
        out_str(arena_fmt(args->arena, "%.*s\n", STR_FMT(id)));
    if (code == 0)
        say_line(
            "accepted, going on in the background; `baton trace %.*s` or `baton resume %.*s` shows it",
            STR_FMT(id), STR_FMT(id));
    link_close(link, 0);
    return code;
}

int launch_run(const Args *args, const Launch *l) {
    Value start = launch_body(args, l);
    if (l->detach)
        return start_detached(args, l->id, start);
    return watch_run(
        args,
        &(WatchOptions){
            .run = l->id, .path = STR("/v1/runs"), .body = start, .start = true, .plan = l->plan });
}
