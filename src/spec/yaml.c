/* libyaml's events become a tree. libyaml is a YAML 1.1 parser, so everything that differs in 1.2 is decided here:
 * scalars are resolved by scalar.c, and whatever reaches into the tree from elsewhere (anchors, aliases, tags, merge
 * keys) is refused, which also leaves nothing that could make a small file large.
 *
 *   yaml_read -> check_bytes -> read_stream -> read_node -> read_scalar | read_list | read_map
 *
 * libyaml counts characters, not bytes; the table of lines leads back to bytes. The children of open lists and maps wait
 * on one stack and are copied to the arena when their parent ends. */
#include "spec/yaml.h"

#include "base/limits.h"
#include "spec/table.h"
#include "spec/yaml_trouble.h"
#include <stdlib.h>
#include <yaml.h>

/* Maps up to this size look for duplicate keys by comparing; longer ones through a table. */
#define SMALL_MAP 12

typedef struct Tree {
    yaml_parser_t parser;
    Arena *arena;
    YamlFile *file;
    Diags *diags;
    const Yaml **stack;
    size_t n_stack, room_stack;
    size_t n_nodes;
    unsigned depth, flow_depth;
} Tree;

static Pos mark_pos(const Tree *t, yaml_mark_t m) {
    return (Pos){ t->file->name, (unsigned)m.line + 1, (unsigned)m.column + 1 };
}

static int refuse(Tree *t, yaml_mark_t m, const char *code, const char *remedy,
                  const char *message) {
    diag_error(t->diags, mark_pos(t, m), code, remedy, "%s", message);
    return YAML_E_REFUSED;
}

static int next_event(Tree *t, yaml_event_t *ret_event) {
    if (yaml_parser_parse(&t->parser, ret_event))
        return 0;
    yaml_report(&t->parser, t->file, t->diags);
    return YAML_E_REFUSED;
}

static void push(Tree *t, const Yaml *y) {
    if (t->n_stack == t->room_stack) {
        t->room_stack = t->room_stack ? t->room_stack * 2 : 256;
        t->stack = xrealloc(t->stack, t->room_stack * sizeof *t->stack);
    }
    t->stack[t->n_stack++] = y;
}

static Yaml *new_node(Tree *t, YamlKind kind, yaml_mark_t start) {
    Yaml *y = ARENA_NEW(t->arena, Yaml);
    y->file = t->file;
    y->kind = kind;
    y->line = (unsigned)start.line + 1;
    y->column = (unsigned)start.column + 1;
    y->flow = t->flow_depth > 0;
    t->n_nodes++;
    return y;
}

/* ---- what is refused ------------------------------------------------------------------------------------------------- */

static int refuse_tag(Tree *t, const yaml_event_t *e) {
    yaml_report_tag(t->file, t->diags, mark_pos(t, e->start_mark));
    return YAML_E_REFUSED;
}

static int check_anchor(Tree *t, const yaml_event_t *e, const void *anchor) {
    return anchor ? refuse(t, e->start_mark, "yaml",
                           "write it twice, or name it once under `types`, `agents` or `tools`; "
                           "a text that begins with `&` needs quotes",
                           "`&` begins an anchor in YAML, and anchors are not part of the language")
                  : 0;
}

static int check_size(Tree *t, const yaml_event_t *e) {
    if (t->depth > LIMIT_DEPTH)
        return refuse(t, e->start_mark, "limit", "at most 64 levels",
                      "lists and maps are nested too deep");
    if (t->n_nodes > LIMIT_FILE_NODES)
        return refuse(t, e->start_mark, "limit", "at most 500,000 values in a file",
                      "the file holds too many values");
    return 0;
}

/* ---- scalars --------------------------------------------------------------------------------------------------------- */

static YamlStyle style_of(yaml_scalar_style_t style) {
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: return YAML_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return YAML_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE: return YAML_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE: return YAML_FOLDED;
    case YAML_ANY_SCALAR_STYLE:
    case YAML_PLAIN_SCALAR_STYLE: return YAML_PLAIN;
    }
    UNREACHABLE("scalar style");
}

static int read_scalar(Tree *t, const yaml_event_t *e, const Yaml **ret_node) {
    if (e->data.scalar.tag)
        return refuse_tag(t, e);
    int r = check_anchor(t, e, e->data.scalar.anchor);
    if (r)
        return r;
    Yaml *y = new_node(t, YAML_SCALAR, e->start_mark);
    y->style = style_of(e->data.scalar.style);
    y->end_line = (unsigned)e->end_mark.line + 1;
    y->text =
        arena_str(t->arena, (Str){ (const char *)e->data.scalar.value, e->data.scalar.length });
    if (y->style == YAML_PLAIN && !y->flow && y->text.len)
        yaml_warn_cut(t->file, t->diags, mark_pos(t, e->end_mark));
    *ret_node = y;
    return check_size(t, e);
}

/* ---- lists and maps -------------------------------------------------------------------------------------------------- */

static int read_node(Tree *t, const yaml_event_t *e, const Yaml **ret_node);

/* Children up to the end event, onto the stack. */
static int read_children(Tree *t, yaml_event_type_t end, unsigned *ret_end_line) {
    for (;;) {
        yaml_event_t e;
        int r = next_event(t, &e);
        if (r)
            return r;
        const Yaml *child = NULL;
        bool ended = e.type == end;
        *ret_end_line = (unsigned)e.end_mark.line + 1;
        if (!ended)
            r = read_node(t, &e, &child);
        yaml_event_delete(&e);
        if (ended || r)
            return r;
        push(t, child);
    }
}

static int read_list(Tree *t, Yaml *y) {
    size_t from = t->n_stack;
    int r = read_children(t, YAML_SEQUENCE_END_EVENT, &y->end_line);
    y->n = t->n_stack - from;
    y->items = ARENA_ARRAY(t->arena, const Yaml *, y->n);
    for (size_t i = 0; i < y->n; i++)
        y->items[i] = t->stack[from + i];
    t->n_stack = from;
    return r;
}

static int check_entry(Tree *t, const YamlEntry *entry) {
    const Yaml *key = entry->key, *value = entry->value;
    const char *message = NULL, *remedy = NULL;
    if (key->kind != YAML_SCALAR) {
        message = "a key must be a text";
        remedy = "quote a text that begins with `{` or `[`";
    } else if (key->style == YAML_PLAIN && str_is(key->text, "<<")) {
        message = "`<<` (a merge key) is not part of the language";
        remedy = "agents share fields by `like: NAME`";
    } else if (key->text.len == 0) {
        message = "a key is missing before `:`";
    } else if (value->kind == YAML_SCALAR && value->style == YAML_PLAIN && value->flow &&
               value->text.len == 0) {
        message = "a text with commas inside { } needs quotes";
        remedy = "or write `null` if there is really no value";
    }
    if (!message)
        return 0;
    diag_error(t->diags, yaml_pos(key), "yaml", remedy, "%s", message);
    return YAML_E_REFUSED;
}

static int refuse_duplicate(Tree *t, const Yaml *key, const Yaml *earlier) {
    diag_error(t->diags, yaml_pos(key), "duplicate", "remove one of the two",
               "key `%.*s` stands here twice, first on line %u", STR_FMT(key->text), earlier->line);
    return YAML_E_REFUSED;
}

static int find_duplicate(Tree *t, const Yaml *y) {
    Table keys = { .arena = t->arena };
    for (size_t i = 0; i < y->n; i++) {
        const Yaml *key = y->entries[i].key, *earlier = NULL;
        if (y->n > SMALL_MAP)
            earlier = table_put(&keys, 0, key->text, (void *)(uintptr_t)key);
        for (size_t k = 0; y->n <= SMALL_MAP && k < i && !earlier; k++)
            if (str_eq(y->entries[k].key->text, key->text))
                earlier = y->entries[k].key;
        if (earlier)
            return refuse_duplicate(t, key, earlier);
    }
    return 0;
}

static int read_map(Tree *t, Yaml *y) {
    size_t from = t->n_stack;
    int r = read_children(t, YAML_MAPPING_END_EVENT, &y->end_line);
    y->n = (t->n_stack - from) / 2;
    YamlEntry *entries = ARENA_ARRAY(t->arena, YamlEntry, y->n);
    for (size_t i = 0; i < y->n && !r; i++) {
        entries[i] = (YamlEntry){ t->stack[from + 2 * i], t->stack[from + 2 * i + 1] };
        r = check_entry(t, &entries[i]);
    }
    t->n_stack = from;
    y->entries = entries;
    return r ? r : find_duplicate(t, y);
}

/* `tag`, `anchor` and style of the two start events. */
static int read_collection(Tree *t, const yaml_event_t *e, const Yaml **ret_node) {
    bool list = e->type == YAML_SEQUENCE_START_EVENT;
    const void *tag = list ? e->data.sequence_start.tag : e->data.mapping_start.tag;
    const void *anchor = list ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
    bool flow = list ? e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                     : e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    int r = tag ? refuse_tag(t, e) : check_anchor(t, e, anchor);
    if (r)
        return r;
    t->depth++;
    t->flow_depth += flow;
    Yaml *y = new_node(t, list ? YAML_LIST : YAML_MAP, e->start_mark);
    *ret_node = y;
    r = check_size(t, e);
    if (!r)
        r = list ? read_list(t, y) : read_map(t, y);
    t->depth--;
    t->flow_depth -= flow;
    return r;
}

static int read_node(Tree *t, const yaml_event_t *e, const Yaml **ret_node) {
    switch (e->type) {
    case YAML_SCALAR_EVENT: return read_scalar(t, e, ret_node);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: return read_collection(t, e, ret_node);
    case YAML_ALIAS_EVENT:
        return refuse(t, e->start_mark, "yaml", "a text that begins with `*` needs quotes",
                      "`*` begins an alias in YAML, and aliases are not part of the language");
    default: return refuse(t, e->start_mark, "yaml", NULL, "the file ends in the middle");
    }
}

/* ---- the document ---------------------------------------------------------------------------------------------------- */

static int check_document(Tree *t, const yaml_event_t *e) {
    const void *tags = e->data.document_start.tag_directives.start;
    bool has_tags = tags != e->data.document_start.tag_directives.end;
    if (t->file->root)
        return refuse(t, e->start_mark, "yaml", "put the second document into a file of its own",
                      "a file holds one document");
    if (e->data.document_start.version_directive || has_tags)
        return refuse(t, e->start_mark, "yaml", "remove the line that begins with `%`",
                      "directives are not part of the language");
    return 0;
}

static int read_stream(Tree *t) {
    for (;;) {
        yaml_event_t e;
        int r = next_event(t, &e);
        if (r)
            return r;
        bool ended = e.type == YAML_STREAM_END_EVENT;
        if (e.type == YAML_DOCUMENT_START_EVENT)
            r = check_document(t, &e);
        else if (e.type != YAML_STREAM_START_EVENT && e.type != YAML_DOCUMENT_END_EVENT && !ended)
            r = read_node(t, &e, &t->file->root);
        yaml_event_delete(&e);
        if (r || ended)
            return r;
    }
}

static void index_lines(Arena *a, YamlFile *f) {
    uint32_t *lines = NULL;
    for (int pass = 0; pass < 2; pass++) {
        unsigned n = 1;
        for (size_t i = 0; i < f->text.len; i++) {
            bool crlf = f->text.p[i] == '\r' && i + 1 < f->text.len && f->text.p[i + 1] == '\n';
            if (f->text.p[i] != '\n' && (f->text.p[i] != '\r' || crlf))
                continue;
            if (lines)
                lines[n] = (uint32_t)i + 1;
            n++;
        }
        if (!lines)
            lines = ARENA_ARRAY(a, uint32_t, n);
        f->n_lines = n;
    }
    f->lines = lines;
}

bool yaml_open(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file) {
    *ret_file = (YamlFile){ .name = name, .text = text };
    diags_read(diags, a, name, text);
    if (text.len > LIMIT_FILE_BYTES) {
        diag_error(diags, (Pos){ .file = name }, "limit", NULL, "the file is larger than 4 MiB");
        return false;
    }
    index_lines(a, ret_file);
    return yaml_check_bytes(ret_file, diags);
}

int yaml_read(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file) {
    if (str_starts(
            text,
            STR("\xef\xbb\xbf"))) /* some editors begin a file with this mark; it says nothing */
        text = str_slice(text, 3, text.len);
    if (!yaml_open(a, name, text, diags, ret_file))
        return YAML_E_REFUSED;
    Tree t = { .arena = a, .file = ret_file, .diags = diags };
    if (!yaml_parser_initialize(&t.parser))
        return -ERR_INTERNAL;
    yaml_parser_set_encoding(&t.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&t.parser, (const unsigned char *)text.p, text.len);
    int r = read_stream(&t);
    yaml_parser_delete(&t.parser);
    free(t.stack);
    if (!r && !ret_file->root) {
        diag_error(diags, (Pos){ .file = name }, "yaml", "begin with `baton: 1`",
                   "the file is empty");
        r = YAML_E_REFUSED;
    }
    return r;
}

const Yaml *yaml_get(const Yaml *map, const char *key) {
    for (size_t i = 0; map->kind == YAML_MAP && i < map->n; i++)
        if (str_is(map->entries[i].key->text, key))
            return map->entries[i].value;
    return NULL;
}
