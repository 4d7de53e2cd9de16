/* Definitions from several files: those of a file itself, of what it imports, and of the project, in this order. A name is
 * read when it is first needed; who needed it is noted, so that a run is pinned to what it uses and to nothing else.
 *
 *   region  the lines of one entry; inside a block map also the line of its header, `agents:`
 *   use     the definition that is being read, or a step, needs a definition or a file */
#include "spec/read.h"

#include "base/limits.h"

typedef struct Import Import;
struct Import { /* the file that is being read, and who imports it */
    const Import *outer;
    const Source *source;
    unsigned depth;
};

/* ---- regions --------------------------------------------------------------------------------------------------------- */

/* An entry reaches down to the next one: where a block scalar ends is known to its reader only. */
static unsigned last_line(const Yaml *map, size_t i, unsigned end) {
    return i + 1 < map->n ? map->entries[i + 1].key->line - 1 : end;
}

static size_t entry_of(const Yaml *map, const char *word) {
    size_t i = 0;
    while (i < map->n && !str_is(map->entries[i].key->text, word))
        i++;
    return i;
}

static const Region *new_region(Reader *r, const Yaml *key, unsigned last, const Region *outer) {
    Region *x = ARENA_NEW(&r->scratch, Region);
    *x = (Region){ key->line, MAX(last, key->line), outer };
    return x;
}

static void keep_region(Files *f, Source *s, const Region *x) {
    s->whole |= s->yaml.root->flow;
    for (const Region *outer = x->outer; outer; outer = outer->outer)
        source_keep(f, s, outer->first_line, outer->first_line);
    source_keep(f, s, x->first_line, x->last_line);
}

/* A block of the first level, with all it holds. */
static bool any_used(const Table *t) {
    bool used = false;
    for (size_t i = 0; i < t->room && !used; i++)
        used = t->slots[i].value && ((const Named *)t->slots[i].value)->used;
    return used;
}

static bool any_secret_used(const Plan *p) {
    bool used = false;
    for (size_t i = 0; i < p->n_secrets && !used; i++)
        used = p->secrets[i].used;
    return used;
}

static void keep_block(Reader *r, Source *s, const char *word) {
    const Yaml *root = s->yaml.root;
    s->whole |= root->flow;
    size_t i = entry_of(root, word);
    if (i < root->n)
        source_keep(r->files, s, root->entries[i].key->line, last_line(root, i, s->yaml.n_lines));
}

/* ---- definitions ----------------------------------------------------------------------------------------------------- */

/* The project's are there for every file, which may have its own of the same name; among the others it would be luck. */
static void refuse_twice(Reader *r, const Named *d, const Named *first) {
    if (d->key->file == r->project)
        return;
    Pos pos = yaml_pos(first->key);
    error_at(r, d->key, "duplicate", "give one of them another name",
             "`%.*s` is defined twice: also in %.*s:%u", (int)MIN(d->name.len, 80), d->name.p,
             STR_FMT(pos.file), pos.line);
}

static void define(Reader *r, const Yaml *map, const Region *header, const Scheme *scheme) {
    for (size_t i = 0; i < map->n; i++) {
        Named *d = ARENA_NEW(&r->scratch, Named), *first;
        const Yaml *key = map->entries[i].key;
        *d = (Named){ .next = r->named,
                      .next_of_all = r->all,
                      .name = key->text,
                      .key = key,
                      .value = map->entries[i].value,
                      .is_agent = scheme->is_agent,
                      .region = map->flow ? header
                                          : new_region(r, key, last_line(map, i, header->last_line),
                                                       header) };
        r->named = r->all = d;
        if ((first = table_put(scheme->table, 0, d->name, d)))
            refuse_twice(r, d, first);
    }
}

void define_block(Reader *r, const Yaml *root, const Scheme *scheme) {
    size_t i = entry_of(root, scheme->word);
    if (i == root->n)
        return;
    const Yaml *map = root->entries[i].value;
    if (!read_is_map(r, map, arena_fmt(&r->scratch, "`%s`", scheme->word).p))
        return;
    const Yaml *key = root->entries[i].key;
    define(r, map, new_region(r, key, last_line(root, i, map->file->n_lines), NULL), scheme);
}

void define_all(Reader *r, const Scheme *scheme) {
    for (size_t i = 0; i < r->n_roots; i++)
        define_block(r, r->roots[i], scheme);
}

bool enter_definition(Reader *r, Named *d, Named **ret_outer) {
    if (r->depth >= LIMIT_DEPTH) {
        error_at(r, d->key, "limit", "at most 64 levels",
                 "definitions that need each other are too deep");
        return false;
    }
    r->depth++;
    *ret_outer = r->within;
    r->within = d;
    return true;
}

void leave_definition(Reader *r, Named *outer) {
    r->depth--;
    r->within = outer;
}

size_t table_names(Reader *r, const Table *t, Str **ret_names) {
    size_t room = enough_said(r) ? 0 : t->room, n = 0;
    Str *names = ARENA_ARRAY(&r->scratch, Str, room ? t->n : 0);
    for (size_t i = 0; i < room; i++)
        if (t->slots[i].value)
            names[n++] = t->slots[i].key;
    *ret_names = names;
    return n;
}

/* ---- uses ------------------------------------------------------------------------------------------------------------ */

static void note(Reader *r, Use use) {
    Use **list = r->within ? &r->within->uses : &r->uses;
    Use *u = ARENA_NEW(&r->scratch, Use);
    use.next = *list;
    *u = use;
    *list = u;
}

void note_use(Reader *r, Named *d) { note(r, (Use){ .named = d }); }

void note_file(Reader *r, Source *s) { note(r, (Use){ .source = s }); }

void note_secret(Reader *r, uint32_t number) { note(r, (Use){ .secret = number + 1 }); }

/* Puts what is used for the first time before `todo`. */
static Named *follow(Reader *r, const Use *uses, Named *todo) {
    for (const Use *u = uses; u; u = u->next) {
        if (u->source)
            u->source->whole = true;
        if (u->secret)
            r->plan->secrets[u->secret - 1].used = true;
        if (!u->named || u->named->used)
            continue;
        u->named->used = true;
        u->named->next_used = todo;
        todo = u->named;
    }
    return todo;
}

void keep_used(Reader *r) {
    Named *todo = follow(r, r->uses, NULL);
    for (Named *d = r->all; d; d = d->next_of_all)
        if (d->key->file == r->file)
            todo = follow(r, d->uses, todo);
    while (todo) {
        Named *d = todo;
        keep_region(r->files, source_of(d->key->file), d->region);
        todo = follow(r, d->uses, d->next_used);
    }
    for (size_t i = 1; i < r->n_roots; i++) {
        Source *s = source_of(r->roots[i]->file);
        keep_block(r, s, "baton");
        keep_block(r, s, "import");
        keep_block(r, s, "limits");
        keep_block(r, s, "budgets");
        keep_block(r, s, "egress");
        if (any_secret_used(r->plan)) /* where they come from is part of what runs */
            keep_block(r, s, "secrets");
        if (any_used(&r->prices))
            keep_block(r, s, "prices");
    }
}

/* ---- imports --------------------------------------------------------------------------------------------------------- */

static void write_way(Buf *b, const Import *at, const Source *from) {
    if (at->source != from && at->outer)
        write_way(b, at->outer, from);
    buf_fmt(b, "%.*s -> ", STR_FMT(at->source->name));
}

static bool is_in_circle(Reader *r, const Yaml *y, const Source *s, const Import *outer) {
    const Import *at = outer;
    while (at && at->source != s)
        at = at->outer;
    if (!at)
        return false;
    Buf b = BUF_INIT(16 * KIB);
    write_way(&b, outer, s);
    error_at(r, y, "cycle", "put what both need into a third file", "imports in a circle: %.*s%.*s",
             STR_FMT(buf_str(&b)), STR_FMT(s->name));
    buf_deinit(&b);
    return true;
}

/* A file of definitions has no more than them. */
static bool check_imported(Reader *r, const Yaml *root) {
    static const char *const words[] = { "baton",  "description", "import", "types",
                                         "models", "agents",      "tools" };
    size_t errors = r->diags->errors;
    if (!check_head(r, root))
        return false;
    for (size_t i = 0; i < root->n; i++) {
        const Yaml *key = root->entries[i].key;
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(words); k++)
            known |= str_is(key->text, words[k]);
        if (!known)
            error_at(r, key, "import", "an imported file has `agents` `tools` `types` `models`",
                     "`%.*s` is no definition, and definitions is all that can be imported",
                     (int)MIN(key->text.len, 80), key->text.p);
    }
    return errors == r->diags->errors;
}

static void add_root(Reader *r, const Yaml *root) {
    const Yaml **roots = ARENA_ARRAY(&r->scratch, const Yaml *, r->n_roots + 1);
    if (r->n_roots)
        memcpy(roots, r->roots, r->n_roots * sizeof *roots);
    roots[r->n_roots++] = root;
    r->roots = roots;
}

static void import_all(Reader *r, const Yaml *root, const Import *outer);

static void import_one(Reader *r, const Yaml *y, const Import *outer) {
    Str path;
    if (!read_text(r, y, "the path of a file", &path))
        return;
    Source *s = files_named(r->files, y);
    if (!s || is_in_circle(r, y, s, outer))
        return;
    if (str_eq(s->name, FILE_PROJECT)) {
        error_at(r, y, "import", "remove it", "the project file is there for every file already");
        return;
    }
    for (size_t i = 0; i < r->n_roots; i++)
        if (r->roots[i] == s->yaml.root)
            return;
    const Yaml *root = source_root(r->files, s);
    if (!root || !check_imported(r, root))
        return;
    add_root(r, root);
    if (outer->depth < LIMIT_DEPTH)
        import_all(r, root, &(Import){ outer, s, outer->depth + 1 });
    else
        error_at(r, y, "limit", "at most 64 levels", "files import each other too deep");
}

static void import_all(Reader *r, const Yaml *root, const Import *outer) {
    const Yaml *list = yaml_get(root, "import");
    if (!list)
        return;
    if (list->kind != YAML_LIST)
        error_at(r, list, "value", "like `import: [shared/agents.yaml]`",
                 "`import` is a list of files");
    for (size_t i = 0; list->kind == YAML_LIST && i < list->n; i++)
        import_one(r, list->items[i], outer);
}

void define_roots(Reader *r) {
    Source *project = files_get(r->files, FILE_PROJECT), *own = source_of(r->file);
    add_root(r, r->file->root);
    import_all(r, r->file->root, &(Import){ NULL, own, 1 });
    if (project == own)
        r->project = r->file;
    if (!project || project == own)
        return;
    const Yaml *root = source_root(r->files, project);
    if (!root || !check_head(r, root))
        return;
    r->project = &project->yaml;
    add_root(r, root);
}
