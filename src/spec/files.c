/* Names, texts and trees of the files of one compilation, and what is to be pinned of them. */
#include "spec/files.h"

#include "base/json.h"
#include "base/limits.h"

/* ---- names ----------------------------------------------------------------------------------------------------------- */

static Str folder_of(Str name) {
    while (name.len && name.p[name.len - 1] != '/')
        name.len--;
    return name;
}

/* One part of a path onto `b`; false if it leads out of the project. */
static bool add_part(Buf *b, Str part) {
    if (part.len == 0 || str_is(part, "."))
        return true;
    if (str_is(part, "..")) {
        if (b->len == 0)
            return false;
        while (b->len && b->p[b->len - 1] != '/')
            b->len--;
        b->len -= b->len > 0;
        return true;
    }
    if (b->len)
        buf_char(b, '/');
    buf_str_add(b, part);
    return true;
}

static bool add_parts(Buf *b, Str path) {
    bool inside = true;
    for (size_t at = 0; at < path.len && inside;) {
        size_t end = at;
        while (end < path.len && path.p[end] != '/')
            end++;
        inside = add_part(b, str_slice(path, at, end));
        at = end + 1;
    }
    return inside;
}

bool path_join(Arena *a, Str base, Str path, Str *ret_name) {
    if (path.len == 0 || path.p[0] == '/' || path.p[0] == '~' || path.p[path.len - 1] == '/' ||
        memchr(path.p, 0, path.len))
        return false;
    Buf b = BUF_INIT(LIMIT_PATH_BYTES);
    bool good = add_parts(&b, folder_of(base)) && add_parts(&b, path) && b.len && !buf_over(&b);
    if (good)
        *ret_name = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return good;
}

Str path_from(Arena *a, Str base, Str name) {
    Str folder = folder_of(base);
    Buf b = BUF_INIT(2 * LIMIT_PATH_BYTES);
    while (folder.len && !str_starts(name, folder)) {
        buf_str_add(&b, STR("../"));
        folder.len--;
        folder = folder_of(folder);
    }
    buf_str_add(&b, str_slice(name, folder.len, name.len));
    Str path = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return path;
}

Str plan_called_dir(const Plan *p, Str dir, const Plan *called, Arena *a) {
    Str own = folder_of(p->file), its = folder_of(called->file);
    if (own.len && str_ends(dir, str_slice(own, 0, own.len - 1)))
        dir.len -= own.len - 1;
    while (dir.len > 1 && dir.p[dir.len - 1] == '/')
        dir.len--;
    return its.len ? arena_fmt(a, "%.*s/%.*s", STR_FMT(dir), (int)its.len - 1, its.p) : dir;
}

/* ---- opening --------------------------------------------------------------------------------------------------------- */

static void add_file(Files *f, Str name, Str text, Str problem) {
    Source *s = ARENA_NEW(f->arena, Source);
    s->name = name;
    s->text = text;
    s->problem = problem;
    s->yaml = (YamlFile){ .name = name, .text = text };
    f->items[f->n++] = s;
    table_put(&f->names, 0, name, s);
}

bool files_open(Files *f, Arena *a, Str closure, Diags *diags, PlanNeeds *needs) {
    Value v;
    *f = (Files){ .arena = a, .diags = diags, .needs = needs };
    f->names.arena = f->asked.arena = a;
    if (json_read(a, closure, &v, NULL))
        return false;
    Value main_name = value_getz(v, "main"), files = value_getz(v, "files");
    if (main_name.type != V_STRING || files.type != V_MAP)
        return false;
    f->items = ARENA_ARRAY(a, Source *, files.len);
    for (uint32_t i = 0; i < files.len; i++) {
        ValueEntry e = value_entry(files, i);
        Value problem = value_getz(e.value, "problem");
        if (e.value.type == V_STRING)
            add_file(f, value_as_str(e.key), value_as_str(e.value), STR(""));
        else if (problem.type == V_STRING)
            add_file(f, value_as_str(e.key), STR(""), value_as_str(problem));
    }
    f->main = files_get(f, value_as_str(main_name));
    if (f->main)
        f->main->whole = true;
    return f->main != NULL;
}

Source *files_get(const Files *f, Str name) { return table_get(&f->names, 0, name); }

/* ---- what files name ------------------------------------------------------------------------------------------------- */

/* No more than there can be: the list is copied as it grows. */
static void want(Files *f, Str name) {
    if (f->needs->n >= LIMIT_FILES)
        return;
    if (table_put(&f->asked, 0, name, f))
        return;
    Str *names = ARENA_ARRAY(f->needs->arena, Str, f->needs->n + 1);
    if (f->needs->n)
        memcpy(names, f->needs->names, f->needs->n * sizeof *names);
    names[f->needs->n++] = arena_str(f->needs->arena, name);
    f->needs->names = names;
}

Source *files_named(Files *f, const Yaml *at) {
    Str name, base = at->file->name;
    if (!path_join(f->arena, base, at->text, &name)) {
        diag_error(f->diags, yaml_pos(at), "file",
                   "a path inside the project, relative to the file it stands in",
                   "`%.*s` leads out of the project, or is no path", (int)MIN(at->text.len, 200),
                   at->text.p);
        return NULL;
    }
    Source *s = files_get(f, name);
    if (s && s->problem.len == 0)
        return s;
    if (!s && f->needs)
        want(f, name);
    else if (s)
        diag_error(f->diags, yaml_pos(at), "file", NULL, "cannot read %.*s: %.*s", STR_FMT(name),
                   STR_FMT(s->problem));
    else
        diag_error(f->diags, yaml_pos(at), "file", "send it with the others",
                   "the file %.*s is missing", STR_FMT(name));
    return NULL;
}

/* ---- trees and texts ------------------------------------------------------------------------------------------------- */

/* True if it is to be read now, in this way. */
static bool begin(Files *f, Source *s, SourceKind kind) {
    if (s->kind == SOURCE_NEW) {
        s->kind = kind;
        return true;
    }
    if (s->kind == kind)
        return false;
    diag_error(f->diags, (Pos){ .file = s->name }, "file", "make a copy of it for the other use",
               "the file is used in two ways: as YAML, as a text or as a card");
    return false;
}

static const Yaml *end(const Source *s, SourceKind kind, const Yaml *what) {
    return s->kind == kind && s->good ? what : NULL;
}

const Yaml *source_root(Files *f, Source *s) {
    if (begin(f, s, SOURCE_YAML))
        s->good = yaml_read(f->arena, s->name, s->text, f->diags, &s->yaml) == 0;
    return end(s, SOURCE_YAML, s->yaml.root);
}

const Yaml *source_body(Files *f, Source *s) {
    if (begin(f, s, SOURCE_TEXT))
        s->good = !yaml_read_text(f->arena, s->name, s->text, f->diags, &s->yaml, &s->body);
    return end(s, SOURCE_TEXT, s->body);
}

const Yaml *source_card(Files *f, Source *s) {
    if (begin(f, s, SOURCE_CARD))
        s->good = !yaml_read_card(f->arena, s->name, s->text, f->diags, &s->yaml, &s->body);
    return end(s, SOURCE_CARD, s->yaml.root);
}

bool files_call(Files *f, Source *s) {
    if (s == f->main || s->called)
        return false;
    s->called = s->whole = true;
    Source **called = ARENA_ARRAY(f->arena, Source *, f->n_called + 1);
    if (f->n_called)
        memcpy(called, f->called, f->n_called * sizeof *called);
    called[f->n_called++] = s;
    f->called = called;
    return true;
}

void source_keep(Files *f, Source *s, unsigned first_line, unsigned last_line) {
    if (!s->keep)
        s->keep = ARENA_ARRAY(f->arena, bool, (size_t)s->yaml.n_lines + 2);
    for (unsigned i = first_line; i <= last_line && i <= s->yaml.n_lines; i++)
        s->keep[i] = true;
}
