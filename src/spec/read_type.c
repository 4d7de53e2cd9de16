/* TYPES of the language: words, names, T[], [a, b], records. JSON Schema is read_schema.c's.
 *
 *   read_type -> read_word            string  Finding[]  any
 *             -> read_options         [a, b]
 *             -> read_record          { title: string, url?: string }
 *             -> read_schema          { type: string, minLength: 3, default: ... } */
#include "spec/read.h"

#include "base/limits.h"

/* A schema is written out whole for a model, and names of types multiply: { a: B, b: B }, B: { a: C, b: C } ... */
#define TYPE_WEIGHT_MAX 10000

typedef struct Word {
    const char *word;
    TypeKind kind;
} Word;
static const Word words[] = {
    { "string", TYPE_STRING },   { "integer", TYPE_INTEGER },   { "number", TYPE_NUMBER },
    { "boolean", TYPE_BOOLEAN }, { "any", TYPE_ANY },           { "object", TYPE_OBJECT },
    { "time", TYPE_TIME },       { "duration", TYPE_DURATION }, { "file", TYPE_FILE },
    { "Message", TYPE_MESSAGE },
};

typedef struct ForeignType {
    const char *word, *instead;
} ForeignType;
static const ForeignType foreign_types[] = {
    { "str", "string" },   { "text", "string" },   { "int", "integer" },   { "long", "integer" },
    { "float", "number" }, { "double", "number" }, { "bool", "boolean" },  { "dict", "object" },
    { "map", "object" },   { "json", "any" },      { "datetime", "time" }, { "timestamp", "time" },
    { "date", "time" },    { "array", "any[]" },   { "list", "any[]" },
};

Type *type_new(Reader *r, TypeKind kind) {
    Type *t = ARENA_NEW(r->arena, Type);
    t->kind = kind;
    t->weight = t->depth = 1;
    t->name = STR("");
    t->description = STR("");
    return t;
}

bool type_add_part(Reader *r, const Yaml *y, Type *t, const Type *part) {
    t->weight += part->weight;
    t->depth = MAX(t->depth, part->depth + 1);
    if (t->weight <= TYPE_WEIGHT_MAX && t->depth <= LIMIT_DEPTH)
        return true;
    error_at(r, y, "limit", "use `any` or `object` for a part of it",
             "this type is too large when written out");
    return false;
}

static const Type *list_of(Reader *r, const Yaml *y, const Type *item) {
    if (!item)
        return NULL;
    Type *t = type_new(r, TYPE_LIST);
    t->item = item;
    return type_add_part(r, y, t, item) ? t : NULL;
}

/* ---- words and names ------------------------------------------------------------------------------------------------- */

static const Type *unknown_type(Reader *r, const Yaml *y, Str word) {
    const char *remedy = NULL;
    for (size_t i = 0; i < ARRAY_LEN(foreign_types); i++)
        if (str_is(word, foreign_types[i].word))
            remedy = arena_fmt(&r->scratch, "write `%s`", foreign_types[i].instead).p;
    Str *names;
    size_t n = table_names(r, &r->types, &names);
    Str *all = ARENA_ARRAY(&r->scratch, Str, n + ARRAY_LEN(words));
    memcpy(all, names, n * sizeof *names);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        all[n + i] = str_from(words[i].word);
    if (!remedy)
        remedy = near_remedy(r, word, all, n + ARRAY_LEN(words));
    error_at(
        r, y, "type",
        remedy
            ? remedy
            : "string integer number boolean any object time duration file, or a name of `types:`",
        "unknown type `%.*s`", (int)MIN(word.len, 80), word.p);
    return NULL;
}

/* "A -> B -> A", from the outermost. */
static void write_open(Buf *b, const Named *d) {
    if (d->outer)
        write_open(b, d->outer);
    buf_fmt(b, "%.*s -> ", STR_FMT(d->name));
}

static const Type *refuse_cycle(Reader *r, const Yaml *y, const Named *again) {
    Buf b = BUF_INIT(1024);
    write_open(&b, r->open);
    error_at(r, y, "cycle", "a type cannot hold itself; use `any` for the inner one",
             "types in a circle: %.*s%.*s", STR_FMT(buf_str(&b)), STR_FMT(again->name));
    buf_deinit(&b);
    return NULL;
}

static Type *read_definition(Reader *r, Named *d) {
    d->state = NAMED_OPEN;
    d->outer = r->open;
    r->open = d;
    const Type *t = NULL;
    Named *outer;
    if (enter_definition(r, d, &outer)) {
        t = read_type(r, d->value);
        leave_definition(r, outer);
    }
    r->open = d->outer;
    d->state = NAMED_DONE;
    if (!t)
        return NULL;
    Type *copy = ARENA_NEW(r->arena, Type);
    *copy = *t;
    copy->name = d->name;
    return copy;
}

static const Type *type_named(Reader *r, const Yaml *y, Named *d) {
    if (d->state == NAMED_OPEN)
        return refuse_cycle(r, y, d);
    if (d->state == NAMED_NEW)
        d->thing = read_definition(r, d);
    return d->thing;
}

static const Type *read_word(Reader *r, const Yaml *y, Str word) {
    if (str_ends(word, STR("[]")))
        return list_of(r, y, read_word(r, y, str_slice(word, 0, word.len - 2)));
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(word, words[i].word))
            return type_new(r, words[i].kind);
    Named *d = table_get(&r->types, 0, word);
    if (d)
        note_use(r, d);
    return d ? type_named(r, y, d) : unknown_type(r, y, word);
}

static const Type *read_options(Reader *r, const Yaml *y) {
    Type *t = type_new(r, TYPE_ENUM);
    if (y->kind != YAML_LIST || y->n == 0) {
        error_at(r, y, "type", "like `[approve, reject]`",
                 "an enum is a list of at least one value");
        return NULL;
    }
    if (!read_data(r, y, "an enum", &t->options))
        return NULL;
    for (uint32_t i = 0; i < t->options.len; i++) {
        uint8_t kind = t->options.items[i].type;
        if (kind == V_LIST || kind == V_MAP || kind == V_NULL) {
            error_at(r, y->items[i], "type", "like `[approve, reject]`",
                     "an enum holds texts, numbers and booleans");
            return NULL;
        }
    }
    return t;
}

/* ---- records --------------------------------------------------------------------------------------------------------- */

static bool is_field_name(Str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0;
}

const char *near_field(Reader *r, const Type *record, Str word) {
    size_t n = enough_said(r) ? 0 : record->n_fields;
    Str *names = ARENA_ARRAY(&r->scratch, Str, n);
    for (size_t i = 0; i < n; i++)
        names[i] = record->fields[i].name;
    return near_remedy(r, word, names, n);
}

static bool read_field(Reader *r, const YamlEntry *e, TypeField *f) {
    Str name = e->key->text;
    bool optional = str_ends(name, STR("?"));
    if (optional)
        name.len--;
    if (!is_field_name(name)) {
        error_at(r, e->key, "name", "letters, digits and _, so that expressions can say it",
                 "`%.*s` cannot be a field", (int)MIN(name.len, 80), name.p);
        return false;
    }
    const Type *t = read_type(r, e->value);
    if (t)
        *f = (TypeField){ name, t, optional || !value_absent(t->preset) };
    return t != NULL;
}

static const Type *read_record(Reader *r, const Yaml *y) {
    Type *t = type_new(r, TYPE_RECORD);
    bool good = true;
    t->fields = ARENA_ARRAY(r->arena, TypeField, y->n);
    for (size_t i = 0; i < y->n; i++) {
        Str name = y->entries[i].key->text;
        if (str_ends(name, STR("?")) &&
            yaml_get(y, arena_fmt(&r->scratch, "%.*s", (int)name.len - 1, name.p).p))
            error_at(r, y->entries[i].key, "duplicate", "keep one of the two",
                     "`%.*s` stands here with `?` and without", (int)name.len - 1, name.p);
        if (!read_field(r, &y->entries[i], &t->fields[t->n_fields]))
            good = false;
        else if (!type_add_part(r, y, t, t->fields[t->n_fields++].type))
            return NULL;
    }
    return good ? t : NULL;
}

/* ---- any type -------------------------------------------------------------------------------------------------------- */

const Type *read_type(Reader *r, const Yaml *y) {
    if (y->kind == YAML_LIST)
        return read_options(r, y);
    if (y->kind == YAML_MAP)
        return is_schema(y) ? read_schema(r, y) : read_record(r, y);
    if (text_has_expression(y->text)) {
        error_at(r, y, "type", "types stand in `input` and `output`, values in `with` and `return`",
                 "a type stands here, and a type is no expression");
        return NULL;
    }
    return read_word(r, y, y->text);
}

void read_types(Reader *r) {
    for (Named *d = r->named; d; d = d->next) {
        if (table_get(&r->types, 0, d->name) != d)
            continue;
        bool taken = false;
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            taken |= str_is(d->name, words[i].word);
        if (taken || !is_field_name(d->name))
            error_at(r, d->key, "name", "a word of letters, digits and _, like `Finding`",
                     "`%.*s` cannot be the name of a type", (int)MIN(d->name.len, 80), d->name.p);
        type_named(r, d->key, d);
    }
}
