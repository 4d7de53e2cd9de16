/* baton dev: run, wait for a save, run again. Each run takes from the one before what that recorded, so that what has not
 * changed costs neither time nor money.
 *
 *   read the file --refused--> say so, wait for any save
 *        | good
 *        v
 *   run it, reusing the last one --> say what was reused --> wait for a save of what it is made of --> again               */
#include "base/json.h"
#include "base/money.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/launch.h"
#include "cli/place.h"
#include "cli/saves.h"
#include "cli/say.h"

#include <stdio.h>
#include <unistd.h>

#define RUNS_LOOKED_AT "200"

typedef struct Dev {
    Args *args;
    Saves *saves;     /* NULL with --once */
    Value input;      /* read once; absent before */
    char last[65];    /* the run whose outcomes the next one reuses; empty: none */
    bool searched;    /* for a run of before */
    bool still_waits; /* the last one: nobody needs it when the file is saved again */
} Dev;

static bool anything_stored(const Args *args) {
    return access(arena_fmt(args->arena, "%s/baton.db", place_data(args)).p, F_OK) == 0;
}

/* The newest run of this workflow, whoever started it. */
static void find_last(Dev *d, const Args *args, const Plan *plan) {
    Link *link = NULL;
    Value answer;
    if (d->searched || args_flag(args, "fresh") || !anything_stored(args))
        return;
    if (place_open(args, LINK_READ, &link) == 0 &&
        place_ask(args, link, API_GET, STR("/v1/runs"), STR("limit=" RUNS_LOOKED_AT), VALUE_ABSENT,
                  &answer) == 0) {
        Value runs = value_getz(answer, "runs");
        for (size_t i = 0; value_is(runs, V_LIST) && i < runs.len && !*d->last; i++) {
            if (str_eq(answer_text(runs.items[i], "workflow"), plan->name))
                snprintf(d->last, sizeof d->last, "%.*s",
                         STR_FMT(answer_text(runs.items[i], "id")));
        }
    }
    link_close(link, 0);
}

/* A run of a file that has been saved since would only stand in the list. */
static void cancel_waiting(Dev *d, const Args *args) {
    Link *link = NULL;
    Value answer;
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "reason", value_str(STR("the file was saved again")));
    if (d->still_waits && place_open(args, LINK_ACT, &link) == 0)
        place_ask(args, link, API_POST, place_run_path(args->arena, str_from(d->last), "cancel"),
                  STR(""), map_done(&m, NULL), &answer);
    link_close(link, 0);
    d->still_waits = false;
}

static void say_reused(const Args *args, Str id) {
    Link *link = NULL;
    Value doc = VALUE_NULL;
    if (place_open(args, LINK_READ, &link) == 0)
        place_ask(args, link, API_GET, place_run_path(args->arena, id, ""), STR(""), VALUE_ABSENT,
                  &doc);
    link_close(link, 0);
    Buf b = BUF_INIT(1024);
    buf_fmt(&b, "%lld done, %lld reused", answer_count(doc, "attempts"),
            answer_count(doc, "reused"));
    if (answer_count(doc, "saved_tokens")) {
        buf_str_add(&b, STR(", "));
        words_count(&b, answer_count(doc, "saved_tokens"));
        buf_str_add(&b, STR(" tokens saved"));
    }
    if (answer_count(doc, "saved_nano")) {
        buf_str_add(&b, STR(", "));
        money_write(&b, answer_count(doc, "saved_nano"));
        buf_str_add(&b, STR(" saved"));
    }
    say_line("%.*s: %.*s", STR_FMT(id), STR_FMT(buf_str(&b)));
    buf_deinit(&b);
}

static void watch_files(Dev *d, const Args *args, Str closure) {
    Value v, files;
    if (!d->saves || json_read(args->arena, closure, &v, NULL) != 0)
        return;
    files = value_getz(v, "files");
    size_t n = value_is(files, V_MAP) ? files.len : 0;
    Str *names = ARENA_ARRAY(args->arena, Str, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = value_as_str(value_entry(files, i).key);
    saves_watch(d->saves, names, n);
}

/* One run of the file as it is now. *ret_refused: it is not good yet. */
static int run_once(Dev *d, Args *args, bool *ret_refused) {
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    Launch l = { .id = launch_id(args->arena),
                 .dir = place_folder_of(args->arena, args->words[0]) };
    int code = inputs_file(args, args->words[0], &l.closure, &plan);
    *ret_refused = code != 0;
    if (code == 0 && value_absent(d->input)) {
        Args whole = *args;
        whole.arena = d->args->arena; /* it outlives this run */
        code = inputs_read(&whole, 1, args_flag(args, "input"), plan, &d->input);
        d->input = code == 0 ? value_copy(whole.arena, d->input) : VALUE_ABSENT;
    }
    if (code != 0)
        return code;
    watch_files(d, args, l.closure);
    find_last(d, args, plan);
    d->searched = true;
    cancel_waiting(d, args);
    l.input = d->input;
    l.source = str_from(d->last);
    l.plan = plan;
    code = launch_run(args, &l);
    if (code == EXIT_USAGE || code == EXIT_NOT_FOUND || code == EXIT_CONFLICT)
        return code;
    d->still_waits = code == EXIT_WAITING;
    say_reused(args, l.id);
    snprintf(d->last, sizeof d->last, "%.*s", STR_FMT(l.id));
    return code;
}

static int turn(Dev *d, bool *ret_refused) {
    Arena arena;
    Args args = *d->args;
    arena_init(&arena, 0);
    args.arena = &arena;
    if (d->saves)
        saves_look(d->saves);
    int code = run_once(d, &args, ret_refused);
    arena_deinit(&arena);
    return code;
}

int cmd_dev(Args *args) {
    Dev d = { .args = args, .input = VALUE_ABSENT };
    bool refused = false;
    if (args_flag(args, "once"))
        return turn(&d, &refused);
    d.saves = saves_new(args->words[0]);
    if (!d.saves)
        return EXIT_USAGE;
    int code = turn(&d, &refused);
    while (code != EXIT_PAUSED && (refused || !value_absent(d.input))) {
        say_line("waiting for a save of %s (Ctrl-C ends)", args->words[0]);
        if (!saves_wait(d.saves, refused)) {
            code = EXIT_OK;
            break;
        }
        code = turn(&d, &refused);
    }
    saves_free(d.saves);
    return code;
}
