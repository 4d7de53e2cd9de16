/* The keywords of the two drafts. Sorted, so that they are found by halving. */
#include "spec/schema_node.h"

#include <stdlib.h>

static const SchemaWord words[] = {
    { "$anchor", DRAFT_2020, WORD_TEXT, RULE_NONE, 0, 0 },
    { "$comment", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "$defs", DRAFT_2020, WORD_SCHEMA_MAP, RULE_NONE, 0, SLOT_PARTS },
    { "$dynamicAnchor", DRAFT_2020, WORD_TEXT, RULE_NONE, 0, 0 },
    { "$dynamicRef", DRAFT_2020, WORD_REF, RULE_DYNAMIC_REF, IS_ANY, 0 },
    { "$id", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "$ref", DRAFT_BOTH, WORD_REF, RULE_REF, IS_ANY, 0 },
    { "$schema", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "$vocabulary", DRAFT_2020, WORD_MAP, RULE_NONE, 0, 0 },
    { "additionalItems", DRAFT_7, WORD_SCHEMA, RULE_ITEMS, IS_ARRAY, SLOT_ELSE },
    { "additionalProperties", DRAFT_BOTH, WORD_SCHEMA, RULE_PROPERTIES, IS_OBJECT, SLOT_NODE },
    { "allOf", DRAFT_BOTH, WORD_SCHEMAS, RULE_ALL_OF, IS_ANY, SLOT_PARTS },
    { "anyOf", DRAFT_BOTH, WORD_SCHEMAS, RULE_ANY_OF, IS_ANY, SLOT_PARTS },
    { "const", DRAFT_BOTH, WORD_ANY, RULE_CONST, IS_ANY, 0 },
    { "contains", DRAFT_BOTH, WORD_SCHEMA, RULE_CONTAINS, IS_ARRAY, SLOT_NODE },
    { "contentEncoding", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "contentMediaType", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "contentSchema", DRAFT_2020, WORD_SCHEMA, RULE_NONE, 0, SLOT_NODE },
    { "default", DRAFT_BOTH, WORD_ANY, RULE_NONE, 0, 0 },
    { "definitions", DRAFT_BOTH, WORD_SCHEMA_MAP, RULE_NONE, 0, SLOT_PARTS },
    { "dependencies", DRAFT_BOTH, WORD_DEPENDENCIES, RULE_DEPENDENT_SCHEMAS, IS_OBJECT,
      SLOT_PARTS },
    { "dependentRequired", DRAFT_2020, WORD_TEXTS_MAP, RULE_DEPENDENT_REQUIRED, IS_OBJECT,
      SLOT_PARTS },
    { "dependentSchemas", DRAFT_2020, WORD_SCHEMA_MAP, RULE_DEPENDENT_SCHEMAS, IS_OBJECT,
      SLOT_PARTS },
    { "deprecated", DRAFT_2020, WORD_BOOL, RULE_NONE, 0, 0 },
    { "description", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "else", DRAFT_BOTH, WORD_SCHEMA, RULE_IF, IS_ANY, SLOT_ELSE },
    { "enum", DRAFT_BOTH, WORD_LIST, RULE_ENUM, IS_ANY, 0 },
    { "examples", DRAFT_BOTH, WORD_LIST, RULE_NONE, 0, 0 },
    { "exclusiveMaximum", DRAFT_BOTH, WORD_NUMBER, RULE_LESS_THAN, IS_NUMBER, 0 },
    { "exclusiveMinimum", DRAFT_BOTH, WORD_NUMBER, RULE_MORE_THAN, IS_NUMBER, 0 },
    { "format", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "if", DRAFT_BOTH, WORD_SCHEMA, RULE_IF, IS_ANY, SLOT_NODE },
    { "items", DRAFT_BOTH, WORD_ITEMS, RULE_ITEMS, IS_ARRAY, SLOT_NODE },
    { "maxContains", DRAFT_2020, WORD_COUNT, RULE_CONTAINS, IS_ARRAY, SLOT_MAX },
    { "maxItems", DRAFT_BOTH, WORD_COUNT, RULE_MAX_ITEMS, IS_ARRAY, SLOT_MAX },
    { "maxLength", DRAFT_BOTH, WORD_COUNT, RULE_MAX_LENGTH, IS_STRING, SLOT_MAX },
    { "maxProperties", DRAFT_BOTH, WORD_COUNT, RULE_MAX_PROPERTIES, IS_OBJECT, SLOT_MAX },
    { "maximum", DRAFT_BOTH, WORD_NUMBER, RULE_MAXIMUM, IS_NUMBER, 0 },
    { "minContains", DRAFT_2020, WORD_COUNT, RULE_CONTAINS, IS_ARRAY, SLOT_MIN },
    { "minItems", DRAFT_BOTH, WORD_COUNT, RULE_MIN_ITEMS, IS_ARRAY, SLOT_MIN },
    { "minLength", DRAFT_BOTH, WORD_COUNT, RULE_MIN_LENGTH, IS_STRING, SLOT_MIN },
    { "minProperties", DRAFT_BOTH, WORD_COUNT, RULE_MIN_PROPERTIES, IS_OBJECT, SLOT_MIN },
    { "minimum", DRAFT_BOTH, WORD_NUMBER, RULE_MINIMUM, IS_NUMBER, 0 },
    { "multipleOf", DRAFT_BOTH, WORD_POSITIVE, RULE_MULTIPLE_OF, IS_NUMBER, 0 },
    { "not", DRAFT_BOTH, WORD_SCHEMA, RULE_NOT, IS_ANY, SLOT_NODE },
    { "oneOf", DRAFT_BOTH, WORD_SCHEMAS, RULE_ONE_OF, IS_ANY, SLOT_PARTS },
    { "pattern", DRAFT_BOTH, WORD_PATTERN, RULE_PATTERN, IS_STRING, 0 },
    { "patternProperties", DRAFT_BOTH, WORD_PATTERN_MAP, RULE_PROPERTIES, IS_OBJECT, SLOT_PARTS },
    { "prefixItems", DRAFT_2020, WORD_SCHEMAS, RULE_ITEMS, IS_ARRAY, SLOT_PARTS },
    { "properties", DRAFT_BOTH, WORD_SCHEMA_MAP, RULE_PROPERTIES, IS_OBJECT, SLOT_PARTS },
    { "propertyNames", DRAFT_BOTH, WORD_SCHEMA, RULE_PROPERTY_NAMES, IS_OBJECT, SLOT_NODE },
    { "readOnly", DRAFT_BOTH, WORD_BOOL, RULE_NONE, 0, 0 },
    { "required", DRAFT_BOTH, WORD_TEXTS, RULE_REQUIRED, IS_OBJECT, 0 },
    { "then", DRAFT_BOTH, WORD_SCHEMA, RULE_IF, IS_ANY, SLOT_THEN },
    { "title", DRAFT_BOTH, WORD_TEXT, RULE_NONE, 0, 0 },
    { "type", DRAFT_BOTH, WORD_TYPES, RULE_TYPE, IS_ANY, 0 },
    { "unevaluatedItems", DRAFT_2020, WORD_SCHEMA, RULE_UNEVALUATED_ITEMS, IS_ARRAY, SLOT_NODE },
    { "unevaluatedProperties", DRAFT_2020, WORD_SCHEMA, RULE_UNEVALUATED_PROPERTIES, IS_OBJECT,
      SLOT_NODE },
    { "uniqueItems", DRAFT_BOTH, WORD_BOOL, RULE_UNIQUE, IS_ARRAY, 0 },
    { "writeOnly", DRAFT_BOTH, WORD_BOOL, RULE_NONE, 0, 0 },
};

/* Words of other drafts and of the dialects that grew around them. */
static const struct {
    const char *word, *remedy;
} foreign[] = {
    { "nullable", "write `type: [..., \"null\"]`" },
    { "example", "write `examples`, a list" },
    { "divisibleBy", "write `multipleOf`" },
    { "extends", "write `allOf`" },
    { "disallow", "write `not`" },
    { "discriminator", "leave it out: `oneOf` decides by itself" },
    { "id", "write `$id`" },
    { "$recursiveRef", "write `$dynamicRef`" },
    { "$recursiveAnchor", "write `$dynamicAnchor`" },
    { "additionalItems", "write the first items in `prefixItems`, the others in `items`" },
    { "optional", "leave it out of `required`" },
    { "min", "write `minimum`, `minLength` or `minItems`" },
    { "max", "write `maximum`, `maxLength` or `maxItems`" },
    { "values", "write `enum`" },
    { "regex", "write `pattern`" },
};

static int by_word(const void *word, const void *row) {
    return str_cmp(*(const Str *)word, str_from(((const SchemaWord *)row)->word));
}

const SchemaWord *schema_word(Str word) {
    return bsearch(&word, words, ARRAY_LEN(words), sizeof *words, by_word);
}

Str schema_near(Arena *a, Str keyword) {
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        if (str_is(keyword, foreign[i].word))
            return str_from(foreign[i].remedy);
    Str names[ARRAY_LEN(words)];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        names[i] = str_from(words[i].word);
    Str near = str_nearest(keyword, names, ARRAY_LEN(words));
    return near.p ? arena_fmt(a, "did you mean `%.*s`?", STR_FMT(near)) : STR_NULL;
}

Str schema_word_remedy(Arena *a, Str word, SchemaDraft draft) {
    bool other = schema_word(word) && draft == DRAFT_7;
    Str near = other ? STR("2020-12 has it: change `$schema`") : schema_near(a, word);
    return near.p ? near : STR("");
}

SchemaShape schema_shape(Str keyword) {
    const SchemaWord *w = schema_word(keyword);
    if (!w)
        return SCHEMA_SHAPE_UNKNOWN;
    switch (w->shape) {
    case WORD_ANY:
    case WORD_LIST:
    case WORD_NUMBER:
    case WORD_POSITIVE:
    case WORD_COUNT:
    case WORD_BOOL:
    case WORD_TEXT:
    case WORD_TEXTS:
    case WORD_TEXTS_MAP:
    case WORD_TYPES:
    case WORD_PATTERN:
    case WORD_MAP:
    case WORD_DEPENDENCIES:
    case WORD_REF: return SCHEMA_SHAPE_DATA;
    case WORD_SCHEMA: return SCHEMA_SHAPE_ONE;
    case WORD_SCHEMAS: return SCHEMA_SHAPE_LIST;
    case WORD_SCHEMA_MAP:
    case WORD_PATTERN_MAP: return SCHEMA_SHAPE_MAP;
    case WORD_ITEMS: return SCHEMA_SHAPE_ITEMS;
    }
    UNREACHABLE("shape of a keyword");
}
