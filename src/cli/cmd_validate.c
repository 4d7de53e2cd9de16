/* baton validate: what is wrong with files, without running anything. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"
#include "spec/plan.h"

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

static int validate(Args *args, const char *path, ListBuilder *found) {
    Str text, name = str_from(path);
    int code = place_read_file(args->arena, path, LIMIT_FILE_BYTES, &text);
    if (code != 0)
        return code;
    Diags diags = { .arena = args->arena };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int err = plan_compile(closure_make(args->arena, name, &name, &text, 1), &plan, &diags);
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags.n; i++) {
        list_add(found, diag_value(&diags.items[i], args->arena));
        if (!args->json)
            diag_write(&b, &diags.items[i]);
    }
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    if (err == 0 && !args->json)
        out_str(arena_fmt(args->arena, "%s: good\n", path));
    return err == 0 ? EXIT_OK : EXIT_USAGE;
}

int cmd_validate(Args *args) {
    ListBuilder found = list_builder(args->arena);
    int code = EXIT_OK;
    for (size_t i = 0; i < args->n_words; i++) {
        int one = validate(args, args->words[i], &found);
        code = one ? one : code;
    }
    if (args->json) {
        MapBuilder m = map_builder(args->arena);
        map_addz(&m, "ok", value_bool(code == EXIT_OK));
        map_addz(&m, "found", list_done(&found));
        out_json(map_done(&m, NULL));
    }
    return code;
}
