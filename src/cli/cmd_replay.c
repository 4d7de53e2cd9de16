/* baton replay: derives a run again from what it recorded, with nothing executed, and names the first difference. */
#include "base/json.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"

static Str shown(const Args *args, Value v, const char *key) {
    return answer_clean(args->arena, answer_text(v, key));
}

static int read_file(Args *args, const char *file, Value *ret_body) {
    Str closure;
    Value files;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int code = inputs_file(args, file, &closure, &plan);
    if (code != 0)
        return code;
    json_read(args->arena, closure, &files, NULL);
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "closure", files);
    *ret_body = map_done(&m, NULL);
    return 0;
}

static int report(const Args *args, Str id, Value answer) {
    Value d = value_getz(answer, "difference");
    if (!value_is(d, V_MAP)) {
        out_str(arena_fmt(
            args->arena,
            "run %.*s: %lld facts, %lld moves: each derived again, nothing was executed; %.*s\n",
            STR_FMT(id), answer_count(answer, "facts"), answer_count(answer, "moves"),
            STR_FMT(shown(args, answer, "status"))));
        return EXIT_OK;
    }
    Str address = shown(args, d, "address");
    say_line("run %.*s differs at %.*s (row %lld):", STR_FMT(id),
             STR_FMT(address.len ? address : STR("the run itself")), answer_count(d, "row"));
    say_line("  recorded  %.*s", STR_FMT(shown(args, d, "recorded")));
    say_line("  derived   %.*s", STR_FMT(shown(args, d, "derived")));
    say_line("  `baton fork %.*s` runs it anew and reuses what still fits", STR_FMT(id));
    return EXIT_RUN_FAILED;
}

int cmd_replay(Args *args) {
    Link *link = NULL;
    Str id;
    Value answer, body = VALUE_EMPTY_MAP;
    const char *file = args_flag(args, "file");
    int code = file ? read_file(args, file, &body) : 0;
    if (code == 0)
        code = place_open_run(args, &link, &id);
    if (code == 0)
        code = place_ask(args, link, API_POST, place_run_path(args->arena, id, "replay"), STR(""),
                         body, &answer);
    link_close(link, 0);
    if (code != 0)
        return code;
    if (!args->json)
        return report(args, id, answer);
    out_json(answer);
    return value_is(value_getz(answer, "difference"), V_MAP) ? EXIT_RUN_FAILED : EXIT_OK;
}
