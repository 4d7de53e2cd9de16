/* Types of inputs and outputs (LANGUAGE.md TYPES): checked at every border, and turned into JSON Schema for models. */
#ifndef BATON_SPEC_TYPE_H
#define BATON_SPEC_TYPE_H

#include "base/value.h"
#include "spec/schema.h"

typedef enum TypeKind {
    TYPE_ANY,
    TYPE_STRING,
    TYPE_INTEGER, /* int */
    TYPE_NUMBER,  /* double; an integer is converted */
    TYPE_BOOLEAN,
    TYPE_OBJECT,   /* any map */
    TYPE_TIME,     /* RFC 3339 text becomes a timestamp */
    TYPE_DURATION, /* "1h30m" becomes a duration */
    TYPE_FILE,     /* text: a path */
    TYPE_MESSAGE,  /* { role, content } */
    TYPE_LIST,
    TYPE_ENUM,
    TYPE_RECORD,
    TYPE_SCHEMA, /* what its JSON Schema takes */
} TypeKind;

typedef struct Type Type;
typedef struct TypeField {
    Str name;
    const Type *type;
    bool optional;
} TypeField;
struct Type {
    TypeKind kind;
    Str name; /* of `types:`, for messages; may be empty */
    Str description;
    Value preset;      /* `default`; VALUE_ABSENT if none */
    const Type *item;  /* list */
    Value options;     /* enum: a list of texts or numbers */
    TypeField *fields; /* record */
    size_t n_fields;
    bool open; /* record: other fields may be there, and stay */
    /* Of JSON Schema: `kind` and what belongs to it is what can be converted (types, items, properties, defaults), the
     * schema decides what fits. Inside another schema (`within`) it is asked only when the part is checked alone. */
    Value
        written; /* the document, with the types in it written out; VALUE_ABSENT if this is no JSON Schema */
    const Schema *schema;
    bool within;
    /* Types in it, and levels of them, when its names are written out; both bounded. */
    uint32_t weight, depth;
};
/* The field of a record; NULL if there is none. */
const TypeField *type_field(const Type *record, Str name);

enum { TYPE_E_MISMATCH = 1 };

/* Checks and converts. Unknown fields of a record are an error that names the nearest. On a mismatch *ret_problem (in
 * the arena) says where in the value and what was expected: "findings[2].url: expected string, got null". type NULL: any. */
int type_convert(const Type *type, Value v, Arena *a, Value *ret_value, Str *ret_problem);
/* The JSON Schema of a type: as it was written, or 2020-12 with additionalProperties false for records. */
Value type_schema(const Type *type, Arena *a);
/* The same to stand at `pointer` ("/properties/a") of another schema: its references still find what they mean. */
Value type_schema_at(const Type *type, Arena *a, Str pointer);
/* "string", "Finding[]", "{title, url?}": for messages. */
Str type_text(const Type *type, Arena *a);

#endif
