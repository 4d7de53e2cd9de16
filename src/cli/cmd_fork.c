/* baton fork: a run of its own that takes from another what that one recorded, up to a step. */
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/launch.h"
#include "cli/place.h"
#include "cli/say.h"

/* What the run was started with, as the engine keeps it. */
static int read_source(Args *args, Launch *l) {
    Link *link = NULL;
    Value files, document;
    Arena *a = args->arena;
    int code = place_open_run(args, &link, &l->source);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, l->source, ""), STR(""),
                         VALUE_ABSENT, &document);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, l->source, "closure"), STR(""),
                         VALUE_ABSENT, &files);
    link_close(link, 0);
    if (code != 0)
        return code;
    Value input = value_getz(document, "input"), dir = value_getz(document, "dir");
    if (!value_is(dir, V_STRING))
        return say_error(EXIT_INTERNAL, "run %.*s cannot be read back",
                         "`baton show %.*s` says why", STR_FMT(l->source), STR_FMT(l->source));
    l->input = input;
    l->dir = value_as_str(dir);
    l->closure = value_text(a, files);
    return 0;
}

/* Another file, or the run's own again. */
static int choose_file(Args *args, Launch *l, Plan **ret_plan) {
    const char *file = args_flag(args, "file");
    Diags diags = { .arena = args->arena };
    if (file) {
        l->dir = place_folder_of(args->arena, file);
        return inputs_file(args, file, &l->closure, ret_plan);
    }
    if (plan_compile(l->closure, ret_plan, &diags) == 0)
        return 0;
    return say_error(EXIT_USAGE, "the file of run %.*s is refused by this version",
                     "give a mended one with --file", STR_FMT(l->source));
}

static int choose_input(Args *args, Launch *l, const Plan *plan) {
    const char *whole = args_flag(args, "input"), *word;
    int code = whole ? inputs_read(args, args->n_words, whole, plan, &l->input) : 0;
    for (size_t i = 0; code == 0 && (word = args_flag_nth(args, "set", i)); i++)
        code = inputs_set(args, plan, word, &l->input);
    return code;
}

int cmd_fork(Args *args) {
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    const char *from = args_flag(args, "from");
    Launch l = { .before = str_from(from ? from : ""),
                 .detach = args_flag(args, "detach") != NULL };
    int code = launch_choose_id(args, &l.id);
    if (code == 0)
        code = read_source(args, &l);
    if (code == 0)
        code = choose_file(args, &l, &plan);
    if (code == 0)
        code = choose_input(args, &l, plan);
    l.plan = plan;
    return code == 0 ? launch_run(args, &l) : code;
}
