/* Closures are made of files, and made smaller: of a file that only lends definitions, the lines that nothing needs become
 * empty. So an edit of what a workflow does not use, or of a comment beside it, leaves its hash alone. */
#include "spec/files.h"

static Value file_value(Arena *a, const ClosureFile *file) {
    if (file->problem.len == 0)
        return value_str(file->text);
    MapBuilder m = map_builder(a);
    map_addz(&m, "problem", value_str(file->problem));
    return map_done(&m, NULL);
}

Str closure_from(Arena *a, Str main_name, const ClosureFile *files, size_t n) {
    MapBuilder texts = map_builder(a), closure = map_builder(a);
    for (size_t i = 0; i < n; i++)
        map_adds(&texts, files[i].name, file_value(a, &files[i]));
    map_addz(&closure, "baton", value_int(1));
    map_addz(&closure, "main", value_str(main_name));
    map_addz(&closure, "files", map_done(&texts, NULL));
    return value_text(a, map_done(&closure, NULL));
}

Str closure_make(Arena *a, Str main_name, const Str *names, const Str *texts, size_t n) {
    ClosureFile *files = ARENA_ARRAY(a, ClosureFile, n);
    for (size_t i = 0; i < n; i++)
        files[i] = (ClosureFile){ .name = names[i], .text = texts[i], .problem = STR("") };
    return closure_from(a, main_name, files, n);
}

/* Without what stands at the end and is not kept. */
static Str kept_lines(const Source *s, Arena *a) {
    Buf b = BUF_INIT(s->text.len + 1);
    size_t end = 0;
    for (unsigned line = 1; line <= s->yaml.n_lines; line++) {
        size_t from = s->yaml.lines[line - 1];
        size_t to = line < s->yaml.n_lines ? s->yaml.lines[line] : s->text.len;
        if (s->keep[line])
            buf_add(&b, s->text.p + from, to - from);
        else if (to > from)
            buf_char(&b, '\n');
        end = s->keep[line] ? b.len : end;
    }
    Str text = arena_str(a, str_slice(buf_str(&b), 0, end));
    buf_deinit(&b);
    return text;
}

static Str closure_of_all(const Files *f, Str main_name, Arena *a) {
    ClosureFile *files = ARENA_ARRAY(a, ClosureFile, f->n);
    for (size_t i = 0; i < f->n; i++)
        files[i] = (ClosureFile){ f->items[i]->name, f->items[i]->text, f->items[i]->problem };
    return closure_from(a, main_name, files, f->n);
}

typedef struct Family {
    const Plan **items; /* room for all files */
    size_t n;
} Family;

static void join_family(Family *f, const Plan *p) {
    for (size_t i = 0; i < f->n; i++)
        if (f->items[i] == p)
            return;
    if (p && p->root)
        f->items[f->n++] = p;
}

size_t plan_family(const Plan *p, Arena *a, const Plan ***ret) {
    Family f = { .items = ARENA_ARRAY(a, const Plan *, p->files->n_called + 1) };
    join_family(&f, p);
    for (size_t i = 0; i < f.n; i++)
        for (size_t k = 0; k < f.items[i]->n_nodes; k++)
            if (f.items[i]->nodes[k]->callee)
                join_family(&f, f.items[i]->nodes[k]->callee->called);
    *ret = f.items;
    return f.n;
}

/* Compiled by itself, so that what only its caller uses is no part of it. */
Str plan_called_closure(const Plan *p, const Plan *called, Arena *a) {
    Diags diags = { .arena = a };
    _cleanup_(plan_freep)
    Plan *alone = NULL;
    Str all = closure_of_all(p->files, called->file, a);
    if (p->files->played ? plan_compile_played(all, &alone, &diags)
                         : plan_compile(all, &alone, &diags))
        return STR("");
    return closure_pin(alone, a);
}

Str closure_pin(const Plan *p, Arena *a) {
    const Files *f = p->files;
    Str *names = ARENA_ARRAY(a, Str, f->n + PROMPT_COUNT);
    Str *texts = ARENA_ARRAY(a, Str, f->n + PROMPT_COUNT);
    Table said = { .arena = a };
    size_t n = 0;
    for (size_t i = 0; i < PROMPT_COUNT; i++) {
        if (!f->says[i])
            continue;
        names[n] = prompt_file(a, (PromptName)i);
        table_put(&said, 0, names[n], names);
        texts[n++] = p->prompts[i].len ? p->prompts[i] : str_from(prompts[i].text);
    }
    for (size_t i = 0; i < f->n; i++) {
        const Source *s = f->items[i];
        if (table_get(&said, 0, s->name) || (!s->whole && !s->keep))
            continue;
        names[n] = s->name;
        texts[n++] = s->whole ? s->text : kept_lines(s, a);
    }
    return closure_make(a, f->main->name, names, texts, n);
}
