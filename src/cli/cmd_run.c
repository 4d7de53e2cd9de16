/* baton run: check the file here, so that its mistakes are shown with their places; then start it wherever the engine is. */
#include "base/json.h"
#include "base/uuid.h"
#include "cli/background.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/watch.h"

#include <sys/random.h>
#include <uv.h>

/* Made here, not by the engine: a start that is sent twice because an answer was lost is then one run. */
static Str make_id(Arena *a) {
    uint8_t random[10];
    char text[UUID_CHARS + 1];
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    ssize_t n = getrandom(random, sizeof random, 0);
    ASSERT(n == (ssize_t)sizeof random); /* never short for so few bytes */
    uuid7(now.tv_sec * 1000 + now.tv_usec / 1000, random, text);
    return arena_str(a, str_from(text));
}

static Value start_body(const Args *args, Str id, Str closure, Value input) {
    Value closure_value = VALUE_NULL;
    int err = json_read(args->arena, closure, &closure_value, NULL);
    ASSERT(err == 0); /* closure_make() made it */
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "id", value_str(id));
    map_addz(&m, "closure", closure_value);
    map_addz(&m, "input", input);
    map_addz(&m, "dir", value_str(place_folder_of(args->arena, args->words[0])));
    map_addz(&m, "preflight", value_bool(true));
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

int cmd_run(Args *args) {
    const char *id = args_flag(args, "id");
    Str closure, run = id ? str_from(id) : make_id(args->arena);
    Value input;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    if (id && !*id)
        return say_error(EXIT_USAGE, "--id is empty", "leave it out and one is made");
    int code = inputs_file(args, args->words[0], &closure, &plan);
    if (code == 0)
        code = inputs_read(args, 1, args_flag(args, "input"), plan, &input);
    if (code != 0)
        return code;
    Value start = start_body(args, run, closure, input);
    if (args_flag(args, "detach"))
        return start_detached(args, run, start);
    return watch_run(
        args,
        &(WatchOptions){
            .run = run, .path = STR("/v1/runs"), .body = start, .start = true, .plan = plan });
}
