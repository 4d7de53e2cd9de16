/* JSON Schema in a workflow file. A map of it becomes two things: the document, which is compiled and decides what fits, and
 * a Type as far as it can be seen from outside (properties, items, defaults), which converts values and tells expressions
 * what fields there are. Where a schema stands in it any TYPE may stand; it is written out in the document.
 *
 *   read_schema   a map with a word of JSON Schema: the outermost, which is compiled
 *     read_within   what stands in it: a schema, or a TYPE, or true and false
 *
 * Standing alone a map is JSON Schema by its marks only; within a schema also if all its keys are keywords. */
#include "spec/read.h"

#include "base/limits.h"

/* Names are written out where they stand, and each outermost schema is compiled: together they may be this heavy, some 30 MB. */
#define SCHEMAS_WEIGHT_MAX 100000

typedef struct Draft { /* a schema that is being read */
    const Yaml *yaml;
    Str pointer; /* to it, in the document */
    Type *type;
    MapBuilder document;
    const Yaml *kind, *options, *required, *preset, *properties;
    Type **fields; /* of `properties`, in its order */
    const Type *items;
} Draft;

static Type *read_within(Reader *r, const Yaml *y, Str pointer);

/* ---- what is JSON Schema? ---- */

static bool is_schema_type(const Yaml *y) {
    static const char *const names[] = { "string", "integer", "number", "boolean",
                                         "object", "array",   "null" };
    for (size_t i = 0; y->kind == YAML_SCALAR && i < ARRAY_LEN(names); i++)
        if (str_is(y->text, names[i]))
            return true;
    return y->kind == YAML_LIST;
}

/* The word that makes a map JSON Schema, or NULL. */
static const char *mark_of(const Yaml *y) {
    static const char *const marks[] = { "$ref",  "enum",  "const",      "anyOf",
                                         "oneOf", "allOf", "properties", "items" };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (yaml_get(y, marks[i]))
            return marks[i];
    return NULL;
}

bool is_schema(const Yaml *y) {
    const Yaml *type = yaml_get(y, "type");
    return mark_of(y) || (type && is_schema_type(type));
}

static bool all_keywords(const Yaml *y) {
    for (size_t i = 0; i < y->n; i++)
        if (schema_shape(y->entries[i].key->text) == SCHEMA_SHAPE_UNKNOWN)
            return false;
    return true;
}

/* A record with a field named `type`, `items` or `enum` looks like JSON Schema: any key that is no word of it gives it away. */
static bool is_record_with_mark(Reader *r, const Yaml *y) {
    const char *mark = mark_of(y);
    for (size_t i = 0; i < y->n; i++) {
        const Yaml *key = y->entries[i].key;
        if (schema_shape(key->text) != SCHEMA_SHAPE_UNKNOWN)
            continue;
        Str near = schema_near(&r->scratch, key->text);
        if (near.p)
            error_at(r, key, "schema", near.p, "JSON Schema has no keyword `%.*s`",
                     (int)MIN(key->text.len, 80), key->text.p);
        else if (mark)
            error_at(
                r, key, "schema",
                arena_fmt(
                    &r->scratch,
                    "for fields with these names write `{ properties: { %s: ..., %.*s: ... } }`",
                    mark, (int)MIN(key->text.len, 80), key->text.p)
                    .p,
                "`%s` makes this map JSON Schema, which has no keyword `%.*s`", mark,
                (int)MIN(key->text.len, 80), key->text.p);
        else
            error_at(r, key, "type",
                     "a map with `type: string` is JSON Schema: write `{ properties: { type: ..., "
                     "... } }`",
                     "a field named type needs `properties:`");
        return true;
    }
    return false;
}

/* False, with the problem told, if the file says too much with too little. */
static bool may_write(Reader *r, const Yaml *y, const Type *t) {
    bool before = r->schemas <= SCHEMAS_WEIGHT_MAX;
    r->schemas += t->weight;
    if (r->schemas <= SCHEMAS_WEIGHT_MAX)
        return true;
    if (before)
        error_at(r, y, "limit", "use `any` or `object` for a part of them",
                 "the JSON Schemas of this workflow are too large when written out");
    return false;
}

/* ---- the document ---- */

static bool read_list_within(Reader *r, Draft *d, const Yaml *y, Str pointer, Value *ret_value) {
    ListBuilder list = list_builder(r->arena);
    for (size_t i = 0; i < y->n; i++) {
        Str number = arena_fmt(&r->scratch, "%zu", i);
        const Type *part =
            read_within(r, y->items[i], schema_pointer(&r->scratch, pointer, number));
        if (!part || !type_add_part(r, y, d->type, part))
            return false;
        list_add(&list, part->written);
    }
    *ret_value = list_done(&list);
    return true;
}

static bool read_map_within(Reader *r, Draft *d, const Yaml *y, Str pointer, bool properties,
                            Value *ret_value) {
    MapBuilder map = map_builder(r->arena);
    if (properties) {
        d->properties = y;
        d->fields = ARENA_ARRAY(&r->scratch, Type *, y->n);
    }
    for (size_t i = 0; i < y->n; i++) {
        Str name = y->entries[i].key->text;
        Type *part =
            read_within(r, y->entries[i].value, schema_pointer(&r->scratch, pointer, name));
        if (!part || !type_add_part(r, y, d->type, part))
            return false;
        map_adds(&map, name, part->written);
        if (properties)
            d->fields[i] = part;
    }
    *ret_value = map_done(&map, NULL);
    return true;
}

static bool read_one_within(Reader *r, Draft *d, const Yaml *y, Str pointer, bool items,
                            Value *ret_value) {
    const Type *part = read_within(r, y, pointer);
    if (!part || !type_add_part(r, y, d->type, part))
        return false;
    *ret_value = part->written;
    if (items)
        d->items = part;
    return true;
}

static bool read_value_of(Reader *r, Draft *d, Str key, const Yaml *y, Value *ret_value) {
    SchemaShape shape = schema_shape(key);
    Str pointer = schema_pointer(&r->scratch, d->pointer, key);
    bool list = shape == SCHEMA_SHAPE_LIST || shape == SCHEMA_SHAPE_ITEMS;
    if (list && y->kind == YAML_LIST)
        return read_list_within(r, d, y, pointer, ret_value);
    if (shape == SCHEMA_SHAPE_MAP && y->kind == YAML_MAP)
        return read_map_within(r, d, y, pointer, str_is(key, "properties"), ret_value);
    if (shape == SCHEMA_SHAPE_ONE || shape == SCHEMA_SHAPE_ITEMS)
        return read_one_within(r, d, y, pointer, shape == SCHEMA_SHAPE_ITEMS, ret_value);
    return read_data(r, y, "JSON Schema", ret_value);
}

static void note_word(Draft *d, Str key, const Yaml *value) {
    const struct {
        const char *word;
        const Yaml **slot;
    } words[] = { { "type", &d->kind },
                  { "enum", &d->options },
                  { "required", &d->required },
                  { "default", &d->preset } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(key, words[i].word))
            *words[i].slot = value;
    if (str_is(key, "description") && value->kind == YAML_SCALAR)
        d->type->description = value->text;
}

static bool read_document(Reader *r, Draft *d) {
    d->document = map_builder(r->arena);
    for (size_t i = 0; i < d->yaml->n; i++) {
        Str key = d->yaml->entries[i].key->text;
        Value value;
        note_word(d, key, d->yaml->entries[i].value);
        if (!read_value_of(r, d, key, d->yaml->entries[i].value, &value))
            return false;
        map_adds(&d->document, key, value);
    }
    return true;
}

/* `required` may name what stands elsewhere, but hardly what is almost written like a property. */
static void warn_of_slips(Reader *r, const Draft *d) {
    size_t n = d->properties ? d->properties->n : 0;
    Str *names = ARENA_ARRAY(&r->scratch, Str, n);
    for (size_t i = 0; i < n; i++)
        names[i] = d->properties->entries[i].key->text;
    for (size_t i = 0; n && d->required && d->required->kind == YAML_LIST && i < d->required->n;
         i++) {
        const Yaml *name = d->required->items[i];
        if (enough_said(r) || name->kind != YAML_SCALAR || yaml_get(d->properties, name->text.p))
            continue;
        const char *near = near_remedy(r, name->text, names, n);
        if (near)
            warn_at(r, name, "unknown_field", near, "`properties` does not have `%.*s`",
                    (int)MIN(name->text.len, 80), name->text.p);
    }
}

/* ---- the type ---- */

static bool is_required(const Draft *d, Str name) {
    const Yaml *list = d->required;
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
        if (list->items[i]->kind == YAML_SCALAR && str_eq(list->items[i]->text, name))
            return true;
    return false;
}

static void as_record(Reader *r, const Draft *d) {
    Type *t = d->type;
    const Yaml *more = yaml_get(d->yaml, "additionalProperties");
    t->kind = TYPE_RECORD;
    t->open = !(more && more->kind == YAML_SCALAR && str_is(more->text, "false") &&
                !yaml_get(d->yaml, "patternProperties"));
    t->fields = ARENA_ARRAY(r->arena, TypeField, d->properties->n);
    for (size_t i = 0; i < d->properties->n; i++) {
        Str name = d->properties->entries[i].key->text;
        bool optional = !is_required(d, name) || !value_absent(d->fields[i]->preset);
        t->fields[t->n_fields++] = (TypeField){ name, d->fields[i], optional };
    }
}

static bool are_plain(Value list) {
    for (uint32_t i = 0; i < list.len; i++)
        if (list.items[i].type == V_LIST || list.items[i].type == V_MAP ||
            list.items[i].type == V_NULL)
            return false;
    return list.type == V_LIST && list.len > 0;
}

static Type *any_type(Reader *r) { return type_new(r, TYPE_ANY); }

/* What stands outermost is meant as an object if it has properties, as a list if it has items. */
static Str kind_of(const Draft *d) {
    if (d->kind)
        return d->kind->kind == YAML_SCALAR ? d->kind->text : STR("");
    if (d->pointer.len)
        return STR("");
    return d->properties ? STR("object") : d->items ? STR("array") : STR("");
}

static void set_kind(Reader *r, Draft *d, Value document) {
    static const struct {
        const char *name;
        TypeKind kind;
    } kinds[] = { { "string", TYPE_STRING }, { "integer", TYPE_INTEGER },
                  { "number", TYPE_NUMBER }, { "boolean", TYPE_BOOLEAN },
                  { "object", TYPE_OBJECT }, { "array", TYPE_LIST } };
    Str kind = kind_of(d);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(kind, kinds[i].name))
            d->type->kind = kinds[i].kind;
    if (d->options && are_plain(value_getz(document, "enum"))) {
        d->type->kind = TYPE_ENUM;
        d->type->options = value_getz(document, "enum");
    } else if (d->type->kind == TYPE_OBJECT && d->properties) {
        as_record(r, d);
    } else if (d->type->kind == TYPE_LIST) {
        bool by_place = yaml_get(d->yaml, "prefixItems") || !d->items;
        d->type->item = by_place ? any_type(r) : d->items;
    }
}

static Value finish_document(Reader *r, Draft *d) {
    Str kind = kind_of(d);
    if (!d->kind && kind.len)
        map_addz(&d->document, "type", value_str(arena_str(r->arena, kind)));
    return map_done(&d->document, NULL);
}

static Type *read_map_of_schema(Reader *r, const Yaml *y, Str pointer) {
    Draft d = { .yaml = y, .pointer = pointer, .type = type_new(r, TYPE_SCHEMA) };
    if (!read_document(r, &d))
        return NULL;
    warn_of_slips(r, &d);
    d.type->written = finish_document(r, &d);
    set_kind(r, &d, d.type->written);
    Str problem;
    Value preset = value_getz(d.type->written, "default");
    if (d.preset && type_convert(d.type, preset, r->arena, &d.type->preset, &problem)) {
        error_at(r, d.preset, "type", NULL, "`default` does not fit its type: %.*s",
                 STR_FMT(problem));
        return NULL;
    }
    return d.type;
}

static bool is_boolean(const Yaml *y, bool *ret) {
    *ret = y->kind == YAML_SCALAR && str_is(y->text, "true");
    return y->kind == YAML_SCALAR && y->style == YAML_PLAIN && (*ret || str_is(y->text, "false"));
}

static Type *read_within(Reader *r, const Yaml *y, Str pointer) {
    bool yes;
    Type *t;
    if (is_boolean(y, &yes)) {
        t = type_new(r, TYPE_SCHEMA);
        t->written = value_bool(yes);
    } else if (y->kind == YAML_MAP && (is_schema(y) || all_keywords(y))) {
        if (is_record_with_mark(r, y))
            return NULL;
        t = read_map_of_schema(r, y, pointer);
    } else {
        const Type *type = read_type(r, y);
        if (!type || !may_write(r, y, type))
            return NULL;
        t = ARENA_NEW(r->arena, Type);
        *t = *type;
        t->written = type_schema_at(type, r->arena, pointer);
    }
    if (t)
        t->within = true;
    return t;
}

/* ---- the outermost ---- */

/* Where the problem is in the file: the key that its pointer ends at, or as near as the file goes. */
static const Yaml *place_of(Reader *r, const Yaml *y, Str pointer) {
    const Yaml *place = y;
    while (pointer.len && y) {
        Str rest = str_slice(pointer, 1, pointer.len);
        ptrdiff_t slash = str_find(rest, STR("/"));
        Str token = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
        pointer = str_slice(rest, token.len, rest.len);
        const Yaml *next = NULL;
        uint64_t index;
        for (size_t i = 0; y->kind == YAML_MAP && i < y->n; i++) {
            Str key = schema_pointer(&r->scratch, STR(""), y->entries[i].key->text);
            if (!str_eq(str_slice(key, 1, key.len), token))
                continue;
            next = y->entries[i].value;
            place = y->entries[i].key;
        }
        if (y->kind == YAML_LIST && str_to_u64(token, &index) && index < y->n)
            place = next = y->items[index];
        y = next;
    }
    return place;
}

static const Type *with_schema(Reader *r, const Type *part, const Schema *whole, Str property) {
    if (part->schema || !part->within)
        return part;
    Type *t = ARENA_NEW(r->arena, Type);
    *t = *part;
    t->schema = schema_part(r->arena, whole, property);
    return t;
}

/* The parts may be checked alone: an item that is added to a list, a field of a map that is merged. */
static void give_parts(Reader *r, Type *t) {
    for (size_t i = 0; t->kind == TYPE_RECORD && i < t->n_fields; i++)
        t->fields[i].type = with_schema(r, t->fields[i].type, t->schema, t->fields[i].name);
    if (t->kind == TYPE_LIST)
        t->item = with_schema(r, t->item, t->schema, STR_NULL);
}

const Type *read_schema(Reader *r, const Yaml *y) {
    if (is_record_with_mark(r, y))
        return NULL;
    Type *t = read_map_of_schema(r, y, STR(""));
    if (!t || !may_write(r, y, t))
        return NULL;
    SchemaProblems problems;
    if (schema_compile(r->arena, t->written, &t->schema, &problems)) {
        for (size_t i = 0; i < problems.n; i++) {
            const SchemaProblem *p = &problems.items[i];
            error_at(r, place_of(r, y, p->at), "schema", p->remedy.len ? p->remedy.p : NULL, "%.*s",
                     STR_FMT(p->message));
        }
        return NULL;
    }
    give_parts(r, t);
    Str problem;
    if (!value_absent(t->preset) && type_convert(t, t->preset, r->arena, &t->preset, &problem)) {
        error_at(r, yaml_get(y, "default"), "type", NULL, "`default` does not fit its type: %.*s",
                 STR_FMT(problem));
        return NULL;
    }
    return t;
}
