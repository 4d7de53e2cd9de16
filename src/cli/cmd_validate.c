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

static int validate(Args *args, const char *path, ListBuilder *found, size_t *ret_read) {
    Project project;
    Diags diags;
    int code = inputs_load(args, path, &diags, &project);
    if (code != 0)
        return code;
    Str later = later_words(project.plan, args->arena);
    plan_free(project.plan);
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags.n; i++) {
        list_add(found, diag_value(&diags.items[i], args->arena));
        if (!args->json)
            diag_write(&b, &diags.items[i]);
    }
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    *ret_read += project.n_read;
    if (project.result != 0)
        return EXIT_USAGE;
    if (!args->json)
        out_str(arena_fmt(args->arena, "%s: good, %zu file%s read\n", path, project.n_read,
                          project.n_read == 1 ? "" : "s"));
    if (!args->json && later.len)
        out_str(arena_fmt(args->arena, "  this version checks and does not run: %.*s\n",
                          STR_FMT(later)));
    return EXIT_OK;
}

int cmd_validate(Args *args) {
    ListBuilder found = list_builder(args->arena);
    size_t n_read = 0;
    int code = EXIT_OK;
    for (size_t i = 0; i < args->n_words; i++) {
        int one = validate(args, args->words[i], &found, &n_read);
        code = one ? one : code;
    }
    if (args->json) {
        MapBuilder m = map_builder(args->arena);
        map_addz(&m, "ok", value_bool(code == EXIT_OK));
        map_addz(&m, "files", value_int((int64_t)n_read));
        map_addz(&m, "found", list_done(&found));
        out_json(map_done(&m, NULL));
    }
    return code;
}
