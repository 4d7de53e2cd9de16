/* baton init: a project to begin with. What is there already stays as it is. */
#include "cli/command.h"
#include "cli/say.h"
#include "cli/starter.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Init {
    const Args *args;
    Str folder;
    ListBuilder written, kept;
} Init;

static const char project_text[] =
    "# The project: every workflow file in this folder and below may use what stands here.\n"
    "baton: 1\n"
    "\n"
    "# Of every run; a workflow may set its own. Where a run would go over, it pauses and asks.\n"
    "limits: { cost: 1.00, calls: 100, tokens: 500k, on_breach: pause }\n"
    "prices: { file: prices.yaml }\n"
    "\n"
    "# Names for models: a workflow says `model: fast`. `baton models` lists what can be asked; keys stay in the environment.\n"
    "models:\n"
    "  fast: %.*s\n";
static const char prices_text[] =
    "# What models cost: money per million tokens. Without a price a model is not asked while `cost` is limited.\n"
    "# This figure is a guess, meant to be too high, so that the limit holds: look yours up.\n"
    "models:\n"
    "  %.*s: { input: 20.00, output: 100.00 }\n";

static bool exists(const char *path) { return access(path, F_OK) == 0; }

static Str path_in(Init *i, const char *name) {
    return i->folder.len ? arena_fmt(i->args->arena, "%.*s/%s", STR_FMT(i->folder), name)
                         : str_from(name);
}

static int put(Init *i, const char *name, Str text) {
    Str path = path_in(i, name);
    if (exists(path.p)) {
        list_add(&i->kept, value_str(path));
        return 0;
    }
    list_add(&i->written, value_str(path));
    return starter_write(path, text);
}

static int put_hello(Init *i, const StarterFile *to) {
    Str path = to->file;
    if (exists(path.p)) {
        list_add(&i->kept, value_str(path));
        return 0;
    }
    int code = starter_write_pattern(i->args->arena, &pattern_hello, to);
    list_add(&i->written, value_str(path));
    if (to->replies.len)
        list_add(&i->written, value_str(to->replies));
    return code;
}

static int put_project(Init *i, const StarterFile *hello) {
    Arena *a = i->args->arena;
    Str model = hello->model;
    bool free_of_charge = hello->replies.len || str_starts(model, STR("ollama/"));
    Str example = free_of_charge ? STR("openai/gpt-5-mini") : model;
    int code = put(i, "baton.yaml", arena_fmt(a, project_text, STR_FMT(model)));
    return code ? code : put(i, "prices.yaml", arena_fmt(a, prices_text, STR_FMT(example)));
}

static void say_files(const char *what, Value files) {
    for (size_t i = 0; i < files.len; i++)
        say_line("%s %.*s", what, STR_FMT(value_as_str(files.items[i])));
}

static void report(Init *i, const StarterModel *model) {
    Arena *a = i->args->arena;
    Value written = list_done(&i->written), kept = list_done(&i->kept);
    if (i->args->json) {
        MapBuilder m = map_builder(a);
        map_addz(&m, "written", written);
        map_addz(&m, "kept", kept);
        map_addz(&m, "model", model->model.len ? value_str(model->model) : VALUE_NULL);
        map_addz(&m, "found", value_str(model->found));
        out_json(map_done(&m, NULL));
        return;
    }
    say_files("wrote", written);
    say_files("kept ", kept);
    if (written.len == 0)
        return;
    if (model->model.len)
        say_line("\nmodel: %.*s, because %.*s", STR_FMT(model->model), STR_FMT(model->found));
    else
        say_line(
            "\nmodel: scripted, because %.*s: its answers stand in hello.replies.yaml.\n"
            "  For a real one set a key (`baton models` lists them) and change `fast` in baton.yaml.",
            STR_FMT(model->found));
    say_line(
        "\nnext:  baton run %.*s\n       baton new       starts another file: pipeline, loop, ...\n"
        "       baton doctor    looks whether everything is there",
        STR_FMT(path_in(i, "hello.yaml")));
}

static int make_folder(const Args *args, Str *ret_folder) {
    *ret_folder = STR("");
    if (args->n_words == 0)
        return 0;
    *ret_folder = str_from(args->words[0]);
    if (mkdir(args->words[0], 0777) != 0 && errno != EEXIST)
        return say_error(EXIT_USAGE, "cannot make %s: %s", "", args->words[0], strerror(errno));
    return 0;
}

int cmd_init(Args *args) {
    Init i = { .args = args,
               .written = list_builder(args->arena),
               .kept = list_builder(args->arena) };
    int code = make_folder(args, &i.folder);
    if (code != 0)
        return code;
    const char *given = args_flag(args, "model");
    StarterModel model = given ? (StarterModel){ str_from(given), STR("--model names it") }
                               : starter_model(args->arena);
    StarterFile hello = starter_file(args->arena, path_in(&i, "hello.yaml"), model.model);
    bool new_project = !exists(path_in(&i, "baton.yaml").p);
    code = put_project(&i, &hello);
    if (new_project) /* which has the name; one that was there may not */
        hello.model = STR("fast");
    if (code == 0)
        code = put_hello(&i, &hello);
    if (code == 0)
        code = put(&i, ".gitignore", STR(".baton/\n"));
    if (code == 0)
        report(&i, &model);
    return code;
}
