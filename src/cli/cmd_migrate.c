/* baton migrate: a run that waits or is paused goes on with a mended file. */
#include "base/json.h"
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"

#define GRACE_MS (60 * 1000)

/* --file, or the file that the run was started with, as it is now. */
static int find_file(const Args *args, Link *link, Str id, const char **ret_path) {
    Arena *a = args->arena;
    Value document, files;
    *ret_path = args_flag(args, "file");
    if (*ret_path)
        return 0;
    int code =
        place_ask(args, link, API_GET, place_run_path(a, id, ""), STR(""), VALUE_ABSENT, &document);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, id, "closure"), STR(""),
                         VALUE_ABSENT, &files);
    if (code != 0)
        return code;
    Str main = answer_text(files, "main"), dir = answer_text(document, "dir");
    for (size_t i = main.len; i-- > 0;) {
        if (main.p[i] == '/') {
            main = str_slice(main, i + 1, main.len);
            break;
        }
    }
    *ret_path = arena_fmt(a, "%.*s/%.*s", STR_FMT(dir), STR_FMT(main)).p;
    return 0;
}

static int make_body(const Args *args, const char *path, bool dry, Value *ret_body) {
    Str closure;
    Value files;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int code = inputs_file(args, path, &closure, &plan);
    if (code != 0)
        return code;
    json_read(args->arena, closure, &files, NULL);
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "closure", files);
    map_addz(&m, "dry_run", value_bool(dry));
    *ret_body = map_done(&m, NULL);
    return 0;
}

static int report_dry(const Args *args, Str id, Value answer) {
    Value found = value_getz(answer, "differences"), next = value_getz(answer, "next");
    bool fits = answer_yes(answer, "ok");
    if (args->json) {
        out_json(answer);
        return fits ? EXIT_OK : EXIT_CONFLICT;
    }
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; value_is(found, V_LIST) && i < found.len; i++) {
        Str address = answer_text(found.items[i], "address");
        buf_fmt(&b, "%s  %.*s%s%.*s\n",
                answer_yes(found.items[i], "blocks") ? "refused" : "kept   ",
                STR_FMT(answer_clean(args->arena, address)), address.len ? " " : "",
                STR_FMT(answer_clean(args->arena, answer_text(found.items[i], "what"))));
    }
    for (size_t i = 0; fits && value_is(next, V_LIST) && i < next.len; i++)
        buf_fmt(&b, "next     %.*s\n",
                STR_FMT(answer_clean(args->arena, value_as_str(next.items[i]))));
    out_str(buf_str(&b));
    buf_deinit(&b);
    if (fits)
        say_line("run %.*s can go on with this file; without --dry-run it does", STR_FMT(id));
    else
        say_line(
            "run %.*s cannot go on with this file; `baton fork %.*s --file FILE` starts another that reuses "
            "what still fits",
            STR_FMT(id), STR_FMT(id));
    return fits ? EXIT_OK : EXIT_CONFLICT;
}

int cmd_migrate(Args *args) {
    Link *link = NULL;
    Str id;
    Value body, answer;
    const char *path;
    bool dry = args_flag(args, "dry-run") != NULL;
    int code = place_open(args, dry ? LINK_READ : LINK_ACT, &link);
    if (code == 0)
        code = place_run(args, link, args->words[0], &id);
    if (code == 0)
        code = find_file(args, link, id, &path);
    if (code == 0)
        code = make_body(args, path, dry, &body);
    if (code == 0)
        code = place_ask(args, link, API_POST, place_run_path(args->arena, id, "migrate"), STR(""),
                         body, &answer);
    link_close(link, GRACE_MS);
    if (code != 0)
        return code;
    if (dry)
        return report_dry(args, id, answer);
    if (args->json)
        out_json(answer);
    else
        say_line("%.*s: goes on with %s; `baton resume %.*s` watches it", STR_FMT(id), path,
                 STR_FMT(id));
    return EXIT_OK;
}
