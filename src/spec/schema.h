/* JSON Schema 2020-12 and draft 7: compiled once into an immutable structure, then asked of any number of values.
 *
 * Rules come from https://json-schema.org/draft/2020-12/json-schema-core.html, -validation.html and the same of draft-07.
 * The draft is chosen by `$schema`, 2020-12 if there is none. Nothing is fetched: `$ref` reaches what stands in the
 * document, and the metaschemas of the two drafts, which are built in. `format` and `content...` are annotations: they
 * are not checked. A keyword that neither draft has is refused, because a rule that is silently not enforced is worse.
 * Patterns are ECMA-262's with the `u` flag (cel/pattern.h).
 *
 * Times, durations, bytes and addresses count as the texts that JSON has for them. */
#ifndef BATON_SPEC_SCHEMA_H
#define BATON_SPEC_SCHEMA_H

#include "base/value.h"

#define SCHEMA_PROBLEMS_MAX 8
#define SCHEMA_TROUBLES_MAX 4

typedef struct Schema Schema;

enum {
    SCHEMA_E_INVALID = 1, /* no schema; or a value that does not fit */
    SCHEMA_E_COST,        /* the value was not judged: a bound was reached */
};

typedef struct SchemaProblem {
    Str at;      /* JSON pointer into the schema: "/properties/a/minimum" */
    Str message; /* "unknown keyword `minimun`" */
    Str remedy;  /* "did you mean `minimum`?"; may be empty */
} SchemaProblem;
typedef struct SchemaProblems {
    SchemaProblem items[SCHEMA_PROBLEMS_MAX];
    size_t n;
} SchemaProblems;

/* `document` (in an arena that lives as long as `a`) is borrowed. On SCHEMA_E_INVALID there is at least one problem; their
 * texts are in `a`. */
int schema_compile(Arena *a, Value document, const Schema **ret_schema,
                   SchemaProblems *ret_problems);

typedef struct SchemaTrouble {
    Str at;      /* JSON pointer into the value: "/findings/2/url"; empty: the whole */
    Str path;    /* the same as expressions say it: "findings[2].url" */
    Str place;   /* the rule: "#/properties/findings/items/properties/url/minLength" */
    Str message; /* "must have at least 3 characters, has 2" */
} SchemaTrouble;
typedef struct SchemaTroubles {
    SchemaTrouble items[SCHEMA_TROUBLES_MAX];
    size_t n;
} SchemaTroubles;

/* 0 if the value fits. Otherwise ret_troubles (may be NULL) says why, its texts in `a`; when it fits nothing is taken from
 * `a`. What it costs is bounded whatever the schema and the value are. */
int schema_check(const Schema *s, Value v, Arena *a, SchemaTroubles *ret_troubles);

/* What may stand under a keyword, for who reads schemas in another notation. */
typedef enum SchemaShape {
    SCHEMA_SHAPE_UNKNOWN, /* no keyword of either draft */
    SCHEMA_SHAPE_DATA,
    SCHEMA_SHAPE_ONE,  /* a schema */
    SCHEMA_SHAPE_LIST, /* a list of them */
    SCHEMA_SHAPE_MAP,  /* a map of them, or of lists of names */
    SCHEMA_SHAPE_ITEMS /* one, or a list */
} SchemaShape;
SchemaShape schema_shape(Str keyword);
/* What to write instead of a word that is no keyword, or STR_NULL. In the arena, with a NUL after it. */
Str schema_near(Arena *a, Str keyword);
/* The pointer to `token` in what `pointer` leads to. In the arena. */
Str schema_pointer(Arena *a, Str pointer, Str token);
/* The document as it reads when it stands at `pointer` of another: its `#/...` lead there. One that has an `$id` stays. */
Value schema_moved(Arena *a, Value document, Str pointer);
/* The schema of a property, or of the items if `property` is STR_NULL, to be asked alone; NULL if it has none. */
const Schema *schema_part(Arena *a, const Schema *s, Str property);

#endif
