/* What a schema is compiled into. Only the schema_*.c files know it.
 *
 *   schema_read.c   document -> nodes and rules      schema_words.c   the keywords, as a table
 *   schema_ref.c    $id, $anchor, $ref -> nodes      schema_meta.c    the metaschemas, as text
 *   schema_check.c  a value against a node           schema_uri.c     references of RFC 3986
 *   schema_rule.c   rules without schemas in them    schema_trouble.c what does not fit, in words
 *
 * A node is a schema, a rule is what one or several of its keywords say together (`properties`, `patternProperties` and
 * `additionalProperties` are one: the last needs to know what the others took). */
#ifndef BATON_SPEC_SCHEMA_NODE_H
#define BATON_SPEC_SCHEMA_NODE_H

#include "cel/pattern.h"
#include "spec/schema.h"
#include "spec/table.h"

/* Schemas within schemas; the metaschema of 2020-12 takes some six for each level of the value. */
#define SCHEMA_DEPTH_MAX 400
/* Schemas in a document: 16 times the largest that are in use. */
#define SCHEMA_NODES_MAX 20000
/* Steps of one check: about a step for each rule and item, a quarter of a second. */
#define SCHEMA_STEPS_MAX (20 * 1000 * 1000)

typedef enum SchemaDraft { DRAFT_7 = 1, DRAFT_2020 = 2, DRAFT_BOTH = 3 } SchemaDraft;

/* Types of values, as bits. */
enum {
    IS_NULL = 1,
    IS_BOOLEAN = 2,
    IS_INTEGER = 4,
    IS_FRACTION = 8, /* a number that is no integer */
    IS_STRING = 16,
    IS_ARRAY = 32,
    IS_OBJECT = 64,
    IS_NUMBER = IS_INTEGER | IS_FRACTION,
    IS_ANY = 127,
};

/* In the order in which they are asked: what is cheap and tells most comes first, and the unevaluated last. */
typedef enum RuleKind {
    RULE_NONE, /* a keyword that checks nothing */
    RULE_TYPE,
    RULE_CONST,
    RULE_ENUM,
    RULE_MINIMUM,
    RULE_MAXIMUM,
    RULE_MORE_THAN,
    RULE_LESS_THAN,
    RULE_MULTIPLE_OF,
    RULE_MIN_LENGTH,
    RULE_MAX_LENGTH,
    RULE_PATTERN,
    RULE_MIN_ITEMS,
    RULE_MAX_ITEMS,
    RULE_MIN_PROPERTIES,
    RULE_MAX_PROPERTIES,
    RULE_REQUIRED,
    RULE_DEPENDENT_REQUIRED,
    RULE_PROPERTIES,
    RULE_PROPERTY_NAMES,
    RULE_ITEMS,
    RULE_CONTAINS,
    RULE_UNIQUE,
    RULE_REF,
    RULE_DYNAMIC_REF,
    RULE_ALL_OF,
    RULE_ANY_OF,
    RULE_ONE_OF,
    RULE_NOT,
    RULE_IF,
    RULE_DEPENDENT_SCHEMAS,
    RULE_UNEVALUATED_ITEMS,
    RULE_UNEVALUATED_PROPERTIES,
} RuleKind;

typedef struct SchemaNode SchemaNode;
typedef struct SchemaResource SchemaResource;

typedef struct SchemaPart {
    Str name;               /* a property; empty in a list */
    const Pattern *pattern; /* of patternProperties */
    SchemaNode *node;
    Value names; /* dependencies by name: what must be there too */
} SchemaPart;

typedef struct SchemaRule {
    RuleKind kind;
    uint8_t types; /* of values that it looks at; or that RULE_TYPE allows */
    const char *word;
    Value value;                /* the keyword's, where it is data */
    int64_t min, max;           /* counts */
    const Pattern *pattern;     /* pattern */
    SchemaNode *node;           /* the one; the rest of items or properties; `if` */
    SchemaNode *then, *or_else; /* `if`; or_else also additionalItems until the rule is whole */
    SchemaPart *parts;          /* of a list; by name */
    size_t n_parts;
    const uint32_t *sorted; /* numbers of parts by name */
    SchemaPart *patterns;   /* patternProperties */
    size_t n_patterns;
    Str anchor; /* $dynamicRef: the name looked for on the way in; p NULL if it is like $ref */
} SchemaRule;

struct SchemaNode {
    const SchemaNode *up; /* the schema it stands in; NULL: a document */
    Str token;            /* from there: "properties/a", escaped as in a pointer */
    SchemaResource *resource;
    SchemaRule *rules;
    size_t n_rules;
    uint32_t number;
    bool never;       /* the schema `false` */
    bool marks;       /* has unevaluatedItems or unevaluatedProperties */
    uint8_t visiting; /* while loops are looked for: 1 open, 2 done */
};

typedef struct DynamicAnchor DynamicAnchor;
struct DynamicAnchor {
    const DynamicAnchor *next;
    Str name;
    const SchemaNode *node;
};
/* What has a URI of its own: a document, or a schema with $id in one. */
struct SchemaResource {
    Str uri;      /* without fragment; empty for a document that has none */
    Str document; /* the metaschema it stands in; empty: what was given */
    SchemaNode *root;
    uint32_t number;
    SchemaDraft draft;
    const DynamicAnchor *dynamic;
};

struct Schema {
    const SchemaNode *root;
};

/* ---- words ---- */

typedef enum WordShape {
    WORD_ANY,
    WORD_LIST,
    WORD_NUMBER,
    WORD_POSITIVE,
    WORD_COUNT,
    WORD_BOOL,
    WORD_TEXT,
    WORD_TEXTS,
    WORD_TYPES,
    WORD_PATTERN,
    WORD_MAP, /* $vocabulary */
    WORD_REF,
    WORD_SCHEMA, /* from here on schemas may stand in it */
    WORD_ITEMS,
    WORD_SCHEMAS,
    WORD_TEXTS_MAP, /* read as the maps below are */
    WORD_SCHEMA_MAP,
    WORD_PATTERN_MAP,
    WORD_DEPENDENCIES,
} WordShape;
typedef enum WordSlot { SLOT_NODE, SLOT_THEN, SLOT_ELSE, SLOT_PARTS, SLOT_MIN, SLOT_MAX } WordSlot;
typedef struct SchemaWord {
    const char *word;
    uint8_t drafts;
    WordShape shape;
    RuleKind rule;
    uint8_t types;
    WordSlot slot;
} SchemaWord;
/* NULL if no draft has it. */
const SchemaWord *schema_word(Str word);
/* What to do about a word that the draft does not have, in the arena; empty if nothing comes to mind. */
Str schema_word_remedy(Arena *a, Str word, SchemaDraft draft);

/* ---- reading ---- */

typedef struct PendingRef PendingRef;
typedef struct SchemaReader {
    Arena *arena, *scratch;
    SchemaProblems *problems;
    Table nodes;     /* (number of the node above, token) to node */
    Table resources; /* (0, URI) */
    Table anchors;   /* (number of the resource, name) to node */
    PendingRef *refs;
    uint32_t n_nodes, n_resources;
    bool built_in; /* what is being read is a metaschema */
} SchemaReader;
struct PendingRef {
    PendingRef *next;
    SchemaNode *node;
    RuleKind kind;
};

/* Reads a document and gives its root; NULL when refused. */
SchemaNode *schema_read_document(SchemaReader *r, Value document, Str uri, SchemaDraft draft);
/* `keyword` may be NULL: the schema itself. */
void schema_problem(SchemaReader *r, const SchemaNode *at, Str keyword, Str remedy, const char *fmt,
                    ...) PRINTF(5, 6);
/* $id and $anchor of a node that is about to be read; sets its resource. */
void schema_enter(SchemaReader *r, SchemaNode *node, Value map, SchemaDraft draft, Str uri);
/* Every reference gets its target; then no chain of schemas may come back to itself on one value. */
void schema_resolve(SchemaReader *r);

/* "#/properties/a", with the URI of the document before it if it is a metaschema. */
void schema_write_place(Buf *b, const SchemaNode *n);
/* The rule of this kind, or NULL. */
SchemaRule *schema_rule(const SchemaNode *n, RuleKind kind);
/* The text of a metaschema or one of its parts; STR_NULL if `uri` is none. */
Str schema_meta(Str uri, SchemaDraft *ret_draft);
/* RFC 3986 section 5.2, without the fragment; in the arena. */
Str uri_resolve(Arena *a, Str base, Str reference);
/* %41 becomes A; in the arena. False if a % is not followed by two digits. */
bool uri_decode(Arena *a, Str text, Str *ret_text);

/* ---- checking ---- */

typedef struct SchemaPath SchemaPath;
struct SchemaPath {
    const SchemaPath *up;
    Str field; /* p NULL: an index */
    size_t index;
};
typedef struct SchemaScope SchemaScope;
struct SchemaScope { /* resources on the way in, innermost first */
    const SchemaScope *outer;
    const SchemaResource *resource;
};

/* Something that does not fit, before it is put in words. */
typedef struct Trouble Trouble;
struct Trouble {
    const SchemaNode *node;
    const SchemaRule *rule; /* NULL: the schema `false` */
    Value value;            /* what was looked at */
    Value name;             /* of a property */
    int64_t count, other;   /* what the words need: how many there are, which two */
    const SchemaPath *path; /* copied */
    size_t depth;           /* levels of it */
    const Trouble *cause;   /* of the alternative that came nearest */
};
typedef struct Troubles {
    Trouble *items;
    size_t n, max;
} Troubles;

typedef struct Check {
    Arena scratch;
    PatternSearch *search;
    int64_t steps;
    unsigned depth;
    const SchemaScope *scope;
    bool stopped; /* a bound was reached: what is given is not an answer */
} Check;

/* Counts the work. False when there was too much of it, or before. */
bool schema_pay(Check *c, size_t steps);
/* The value as JSON has it: texts for what JSON lacks. */
Value schema_view(Check *c, Value v);
/* The text of a map's key. */
Str schema_key(Check *c, Value key);
uint8_t schema_type(Value v);
bool schema_pattern_found(Check *c, const Pattern *p, Str text);
/* A rule with no schema in it and no names. When it does not hold, *ret has what its words need. */
bool schema_rule_holds(Check *c, const SchemaRule *rule, Value v, Trouble *ret);
/* In words, their texts in `a`. */
void schema_say(const Trouble *t, Arena *a, SchemaTrouble *ret);

#endif
