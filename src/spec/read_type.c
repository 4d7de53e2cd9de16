/* TYPES of the language: words, names, T[], [a, b], records, and the little of JSON Schema that says the same.
 *
 *   read_type -> read_word            string  Finding[]  any
 *             -> read_options         [a, b]
 *             -> read_record          { title: string, url?: string }
 *             -> read_schema          { type: string, enum: [...], default: ... }
 *
 * A map is JSON Schema if it has one of its words, or a `type` that is a JSON Schema type name. */
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

static Type *new_type(Reader *r, TypeKind kind) {
    Type *t = ARENA_NEW(r->arena, Type);
    t->kind = kind;
    t->weight = t->depth = 1;
    t->name = STR("");
    t->description = STR("");
    return t;
}

/* False, with the problem told, if the part makes it too large. */
static bool add_part(Reader *r, const Yaml *y, Type *t, const Type *part) {
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
    Type *t = new_type(r, TYPE_LIST);
    t->item = item;
    return add_part(r, y, t, item) ? t : NULL;
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
            return new_type(r, words[i].kind);
    Named *d = table_get(&r->types, 0, word);
    if (d)
        note_use(r, d);
    return d ? type_named(r, y, d) : unknown_type(r, y, word);
}

static const Type *read_options(Reader *r, const Yaml *y) {
    Type *t = new_type(r, TYPE_ENUM);
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
    Type *t = new_type(r, TYPE_RECORD);
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
        else if (!add_part(r, y, t, t->fields[t->n_fields++].type))
            return NULL;
    }
    return good ? t : NULL;
}

/* ---- JSON Schema ----------------------------------------------------------------------------------------------------- */

typedef struct Schema {
    const Yaml *type, *properties, *items, *required, *options, *preset, *description;
} Schema;

#define SCHEMA_ROW(name, field)                                                                    \
    static void set_##name(Reader *r, const Yaml *key, const Yaml *value, void *target) {          \
        (void)r, (void)key;                                                                        \
        ((Schema *)target)->field = value;                                                         \
    }
SCHEMA_ROW(type, type)
SCHEMA_ROW(properties, properties)
SCHEMA_ROW(items, items)
SCHEMA_ROW(required, required)
SCHEMA_ROW(options, options)
SCHEMA_ROW(preset, preset)
SCHEMA_ROW(description, description)

static const KeyRow schema_rows[] = {
    { "type", set_type },
    { "properties", set_properties },
    { "items", set_items },
    { "required", set_required },
    { "enum", set_options },
    { "default", set_preset },
    { "description", set_description },
    { "$ref", NULL },
    { "const", NULL },
    { "anyOf", NULL },
    { "oneOf", NULL },
    { "allOf", NULL },
    { "not", NULL },
    { "minimum", NULL },
    { "maximum", NULL },
    { "exclusiveMinimum", NULL },
    { "exclusiveMaximum", NULL },
    { "multipleOf", NULL },
    { "minLength", NULL },
    { "maxLength", NULL },
    { "pattern", NULL },
    { "format", NULL },
    { "minItems", NULL },
    { "maxItems", NULL },
    { "uniqueItems", NULL },
    { "additionalProperties", NULL },
    { "title", NULL },
    { "examples", NULL },
};

static bool is_schema_type(const Yaml *y) {
    static const char *const names[] = { "string", "integer", "number", "boolean",
                                         "object", "array",   "null" };
    for (size_t i = 0; y->kind == YAML_SCALAR && i < ARRAY_LEN(names); i++)
        if (str_is(y->text, names[i]))
            return true;
    return y->kind == YAML_LIST;
}

static bool is_schema(const Yaml *y) {
    static const char *const marks[] = { "$ref",  "enum",  "const",      "anyOf",
                                         "oneOf", "allOf", "properties", "items" };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (yaml_get(y, marks[i]))
            return true;
    const Yaml *type = yaml_get(y, "type");
    return type && is_schema_type(type);
}

/* A record with a field named type looks like JSON Schema: any key that is no word of it gives it away. */
static bool check_schema_keys(Reader *r, const Yaml *y) {
    for (size_t i = 0; i < y->n; i++) {
        Str key = y->entries[i].key->text;
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(schema_rows); k++)
            known |= str_is(key, schema_rows[k].word);
        if (known)
            continue;
        error_at(
            r, y->entries[i].key, "type",
            "a map with `type: string` is JSON Schema: write `{ properties: { type: ..., ... } }`",
            "a field named type needs `properties:`");
        return false;
    }
    return true;
}

static bool is_required(const Schema *s, Str name) {
    for (size_t i = 0; s->required && s->required->kind == YAML_LIST && i < s->required->n; i++)
        if (s->required->items[i]->kind == YAML_SCALAR && str_eq(s->required->items[i]->text, name))
            return true;
    return false;
}

static const Type *schema_object(Reader *r, const Yaml *y, const Schema *s) {
    if (!s->properties)
        return new_type(r, TYPE_OBJECT);
    if (!read_is_map(r, s->properties, "`properties`"))
        return NULL;
    const Type *record = read_record(r, s->properties);
    for (size_t i = 0; record && i < record->n_fields; i++)
        record->fields[i].optional = !is_required(s, record->fields[i].name);
    for (size_t i = 0; s->required && s->required->kind == YAML_LIST && i < s->required->n; i++) {
        const Yaml *name = s->required->items[i];
        if (name->kind != YAML_SCALAR || !yaml_get(s->properties, name->text.p)) {
            error_at(r, y, "type", NULL, "`required` names what `properties` does not have");
            return NULL;
        }
    }
    return record;
}

static const Type *schema_kind(Reader *r, const Yaml *y, const Schema *s) {
    Str type = s->type && s->type->kind == YAML_SCALAR ? s->type->text : STR("");
    if (s->options)
        return read_options(r, s->options);
    if (s->properties || str_is(type, "object"))
        return schema_object(r, y, s);
    if (s->items)
        return list_of(r, y, read_type(r, s->items));
    if (str_is(type, "array"))
        return list_of(r, y, new_type(r, TYPE_ANY));
    if (s->type && (s->type->kind != YAML_SCALAR || str_is(type, "null"))) {
        error_at(r, s->type, "later", "write `any`, or an optional field `name?: TYPE`",
                 "a type that may be several comes later");
        return NULL;
    }
    return read_word(r, s->type, type);
}

static const Type *read_schema(Reader *r, const Yaml *y) {
    Schema s = { 0 };
    size_t errors = r->diags->errors;
    if (!check_schema_keys(r, y))
        return NULL;
    read_map(r, y, schema_rows, ARRAY_LEN(schema_rows), "a JSON Schema", &s);
    if (errors != r->diags->errors)
        return NULL;
    const Type *base = schema_kind(r, y, &s);
    if (!base)
        return NULL;
    Type *t = ARENA_NEW(r->arena, Type);
    *t = *base;
    if (s.description)
        read_text(r, s.description, "`description`", &t->description);
    Value preset;
    Str problem;
    if (s.preset && read_data(r, s.preset, "`default`", &preset)) {
        if (type_convert(base, preset, r->arena, &t->preset, &problem))
            error_at(r, s.preset, "type", NULL, "`default` does not fit its type: %.*s",
                     STR_FMT(problem));
    }
    return t;
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
