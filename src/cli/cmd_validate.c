/* baton validate: what is wrong with files, without running anything. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/say.h"

static Value diag_value(const Diag *d, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "file", value_str(d->pos.file.p ? d->pos.file : STR("")));
    map_addz(&m, "line", value_int(d->pos.line));
    map_addz(&m, "column", value_int(d->pos.column));
    map_addz(&m, "warning", value_bool(d->warning));
    map_addz(&m, "code", value_str(d->code.p ? d->code : STR("")));
    map_addz(&m, "message", value_str(d->message));
    map_addz(&m, "remedy", value_str(d->remedy.p ? d->remedy : STR("")));
    return map_done(&m, NULL);
}

/* What the file has and this version does not run: each word once. */
static Str later_words(const Plan *plan, Arena *a) {
    Buf b = BUF_INIT(16 * KIB);
    for (size_t i = 0; plan && i < plan->n_later; i++) {
        const Later *l = &plan->later[i];
        bool known = false;
        for (size_t k = 0; k < i; k++)
            known |= str_eq(plan->later[k].what, l->what);
        bool own = str_eq(l->pos.file, plan->file);
        if (!known)
            buf_fmt(&b, "%s%.*s (%.*s%u)", b.len ? ", " : "", STR_FMT(l->what),
                    own ? 5 : (int)l->pos.file.len + 1,
                    own ? "line " : arena_fmt(a, "%.*s:", STR_FMT(l->pos.file)).p, l->pos.line);
    }
    Str words = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return words;
}

static Value later_value(const Later *l, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "file", value_str(arena_str(a, l->pos.file)));
    map_addz(&m, "line", value_int(l->pos.line));
    map_addz(&m, "column", value_int(l->pos.column));
    map_addz(&m, "what", value_str(arena_str(a, l->what)));
    return map_done(&m, NULL);
}

typedef struct Checked {
    ListBuilder found, later;
    size_t n_read;
} Checked;

static void say_good(Args *args, const char *path, const Project *p) {
    Str later = later_words(p->plan, args->arena);
    out_str(arena_fmt(args->arena, "%s: good, %zu file%s read\n", path, p->n_read,
                      p->n_read == 1 ? "" : "s"));
    if (later.len)
        out_str(arena_fmt(args->arena, "  this version checks and does not run: %.*s\n",
                          STR_FMT(later)));
}

static int validate(Args *args, const char *path, Checked *ret) {
    Project project;
    Diags diags;
    int code = inputs_load(args, path, &diags, &project);
    if (code != 0)
        return code;
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags.n; i++) {
        list_add(&ret->found, diag_value(&diags.items[i], args->arena));
        if (!args->json)
            diag_write(&b, &diags.items[i]);
    }
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    ret->n_read += project.n_read;
    bool good = project.result == 0 && !(args_flag(args, "strict") && diags.n);
    for (size_t i = 0; good && project.plan && i < project.plan->n_later; i++)
        list_add(&ret->later, later_value(&project.plan->later[i], args->arena));
    if (good && !args->json)
        say_good(args, path, &project);
    plan_free(project.plan);
    return good ? EXIT_OK : EXIT_USAGE;
}

int cmd_validate(Args *args) {
    Checked checked = { list_builder(args->arena), list_builder(args->arena), 0 };
    int code = EXIT_OK;
    for (size_t i = 0; i < args->n_words; i++) {
        int one = validate(args, args->words[i], &checked);
        code = one ? one : code;
    }
    if (args->json) {
        MapBuilder m = map_builder(args->arena);
        map_addz(&m, "ok", value_bool(code == EXIT_OK));
        map_addz(&m, "files", value_int((int64_t)checked.n_read));
        map_addz(&m, "found", list_done(&checked.found));
        map_addz(&m, "later", list_done(&checked.later));
        out_json(map_done(&m, NULL));
    }
    return code;
}
