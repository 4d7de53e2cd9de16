/* `call`: a workflow that is run by another.
 *
 * It is read where it is named, with the one that calls it, each file once; the files of both are pinned together. A run of it
 * is a run of its own with a plan of its own (kernel/child.c), made of what plan_called_closure() gives. A workflow that calls
 * itself is met while it is still being read: then only what stands above its steps is known of it. */
#include "spec/read.h"
#include "spec/read_plan.h"

#include "base/limits.h"

/* A name is that of the file beside the one it stands in: "review" is "review.yaml". */
static Source *source_named(Reader *r, const Yaml *y) {
    Str s;
    if (!read_text(r, y, "the name of a workflow or its file", &s))
        return NULL;
    bool file = str_find(s, STR("/")) >= 0 || str_ends(s, STR(".yaml")) ||
                str_ends(s, STR(".yml")) || str_ends(s, STR(".json"));
    Yaml *path = ARENA_NEW(&r->scratch, Yaml);
    *path = *y;
    if (!file)
        path->text = arena_fmt(r->arena, "%.*s.yaml", STR_FMT(s));
    return files_named(r->files, path);
}

static void read_its_file(Reader *r, const Yaml *y, Source *source) {
    Files *files = r->files;
    if (files->depth >= LIMIT_CALL_DEPTH) {
        error_at(r, y, "limit", "call fewer workflows one inside the other",
                 "calls lead through more than %d files", LIMIT_CALL_DEPTH);
        return;
    }
    files->depth++;
    source->plan = ARENA_NEW(r->arena, Plan);
    *source->plan = (Plan){ .limits = limits_none,
                            .file = source->name,
                            .hash = hash_bytes(source->text),
                            .name = plan_name_of_file(r->arena, source->name),
                            .description = STR(""),
                            .prices_file = STR(""),
                            .files = files };
    read_plan(r->arena, files, source, source->plan, r->diags);
    files->depth--;
}

const Plan *read_called(Reader *r, const Yaml *y) {
    Source *source = source_named(r, y);
    if (!source)
        return NULL;
    if (str_eq(source->name, FILE_PROJECT)) {
        error_at(r, y, "file", "name the file of a workflow",
                 "the project file is no workflow that can be called");
        return NULL;
    }
    if (files_call(r->files, source))
        read_its_file(r, y, source);
    return source->plan && source->plan->root ? source->plan : NULL;
}

void read_call(Reader *r, const Yaml *y, Callee *callee) {
    callee->called = read_called(r, y);
    if (!callee->called)
        return;
    if (!callee->input)
        callee->input = callee->called->input;
    if (!callee->output)
        callee->output = callee->called->output;
}
