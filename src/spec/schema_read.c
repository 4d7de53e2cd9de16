/* A document becomes nodes and rules, in one walk. Where a schema may stand is known from the table of keywords, so what
 * stands elsewhere (in `const`, say) is data whatever it looks like, and no reference may lead there. */
#include "spec/schema_node.h"

#include "base/limits.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static SchemaNode *read_schema(SchemaReader *r, Value v, const SchemaNode *up, Str token);

static void write_pointer(Buf *b, const SchemaNode *n) {
    if (!n->up)
        return;
    write_pointer(b, n->up);
    buf_fmt(b, "/%.*s", STR_FMT(n->token));
}

void schema_write_place(Buf *b, const SchemaNode *n) {
    buf_str_add(b, n->resource->document);
    buf_char(b, '#');
    write_pointer(b, n);
}

void schema_problem(SchemaReader *r, const SchemaNode *at, Str keyword, Str remedy, const char *fmt,
                    ...) {
    if (r->problems->n == SCHEMA_PROBLEMS_MAX)
        return;
    char text[320];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    Buf b = BUF_INIT(4 * KIB);
    write_pointer(&b, at);
    if (keyword.p)
        buf_str_add(&b, schema_pointer(r->scratch, STR(""), keyword));
    r->problems->items[r->problems->n++] = (SchemaProblem){ arena_str(r->arena, buf_str(&b)),
                                                            arena_str(r->arena, str_from(text)),
                                                            arena_str(r->arena, remedy) };
    buf_deinit(&b);
}

static Str escaped(Arena *a, Str token) {
    Buf b = BUF_INIT(2 * token.len + 1);
    for (size_t i = 0; i < token.len; i++)
        if (token.p[i] == '~' || token.p[i] == '/')
            buf_fmt(&b, "~%d", token.p[i] == '/');
        else
            buf_char(&b, token.p[i]);
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

Str schema_pointer(Arena *a, Str pointer, Str token) {
    Str last = escaped(a, token);
    char *text = arena_alloc(a, pointer.len + 1 + last.len);
    memcpy(text, pointer.p, pointer.len);
    text[pointer.len] = '/';
    memcpy(text + pointer.len + 1, last.p, last.len);
    return (Str){ text, pointer.len + 1 + last.len };
}

/* ---- rules ---- */

SchemaRule *schema_rule(const SchemaNode *n, RuleKind kind) {
    for (size_t i = 0; i < n->n_rules; i++)
        if (n->rules[i].kind == kind)
            return &n->rules[i];
    return NULL;
}

/* The rule that the keyword is, or is a part of. There is room: a rule for each keyword of the node. */
static SchemaRule *rule_of(SchemaNode *n, const SchemaWord *w) {
    SchemaRule *rule = schema_rule(n, w->rule);
    if (!rule) {
        rule = &n->rules[n->n_rules++];
        rule->kind = w->rule;
        rule->types = w->types;
        rule->word = w->word;
        rule->min = w->rule == RULE_CONTAINS;
        rule->max = INT64_MAX;
    }
    return rule;
}

static int by_name(const void *a, const void *b) {
    const SchemaPart *const *x = a, *const *y = b;
    return str_cmp((*x)->name, (*y)->name);
}

static const uint32_t *sorted_parts(SchemaReader *r, const SchemaRule *rule) {
    const SchemaPart **order = ARENA_ARRAY(r->scratch, const SchemaPart *, rule->n_parts);
    uint32_t *numbers = ARENA_ARRAY(r->arena, uint32_t, rule->n_parts);
    for (size_t i = 0; i < rule->n_parts; i++)
        order[i] = &rule->parts[i];
    qsort(order, rule->n_parts, sizeof *order, by_name);
    for (size_t i = 0; i < rule->n_parts; i++)
        numbers[i] = (uint32_t)(order[i] - rule->parts);
    return numbers;
}

/* False if it says nothing: `then` without `if`, `minContains` without `contains`. */
static bool finish_rule(SchemaReader *r, const SchemaNode *n, SchemaRule *rule) {
    switch (rule->kind) {
    case RULE_IF:
    case RULE_CONTAINS: return rule->node != NULL;
    case RULE_UNIQUE: return rule->value.b;
    case RULE_PROPERTIES: rule->sorted = sorted_parts(r, rule); return true;
    case RULE_ITEMS:
        if (n->resource->draft == DRAFT_7 && rule->parts)
            rule->node = rule->or_else;
        return rule->node || rule->parts;
    default: return rule->kind != RULE_NONE;
    }
}

static void finish(SchemaReader *r, SchemaNode *n) {
    /* What stood beside $ref was ignored until 2019. */
    SchemaRule *alone = n->resource->draft == DRAFT_7 ? schema_rule(n, RULE_REF) : NULL;
    size_t kept = 0;
    for (size_t i = 0; i < n->n_rules; i++) {
        SchemaRule rule = n->rules[i];
        if (alone ? rule.kind != RULE_REF : !finish_rule(r, n, &rule))
            continue;
        size_t at = kept++;
        for (; at > 0 && n->rules[at - 1].kind > rule.kind; at--)
            n->rules[at] = n->rules[at - 1];
        n->rules[at] = rule;
    }
    n->n_rules = kept;
    n->marks = schema_rule(n, RULE_UNEVALUATED_ITEMS) ||
               schema_rule(n, RULE_UNEVALUATED_PROPERTIES);
    for (RuleKind kind = RULE_REF; kind <= RULE_DYNAMIC_REF; kind++) {
        if (!schema_rule(n, kind))
            continue;
        PendingRef *p = ARENA_NEW(r->scratch, PendingRef);
        *p = (PendingRef){ r->refs, n, kind };
        r->refs = p;
    }
}

/* ---- schemas within the schema ---- */

static Str token_of(SchemaReader *r, Str keyword, Str name) {
    Str last = escaped(r->scratch, name);
    char *text = arena_alloc(r->arena, keyword.len + 1 + last.len);
    memcpy(text, keyword.p, keyword.len);
    text[keyword.len] = '/';
    memcpy(text + keyword.len + 1, last.p, last.len);
    return (Str){ text, keyword.len + 1 + last.len };
}

static SchemaPart *read_list(SchemaReader *r, SchemaNode *n, Str key, Value v) {
    SchemaPart *parts = ARENA_ARRAY(r->arena, SchemaPart, v.len);
    for (uint32_t i = 0; i < v.len; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        parts[i].node = read_schema(r, v.items[i], n, token_of(r, key, str_from(number)));
    }
    return parts;
}

static void read_pattern(SchemaReader *r, const SchemaNode *n, Str key, Str source,
                         const Pattern **ret_pattern) {
    PatternError error;
    if (pattern_compile_ecma(r->arena, source, ret_pattern, &error))
        schema_problem(r, n, key, STR("patterns are those of JavaScript, with the flag u"),
                       PATTERN_COMPLAINT, error.message, error.offset);
}

static bool are_names(Value v) {
    for (uint32_t i = 0; v.type == V_LIST && i < v.len; i++)
        if (v.items[i].type != V_STRING)
            return false;
    return v.type == V_LIST;
}

static SchemaPart *read_named(SchemaReader *r, SchemaNode *n, const SchemaWord *w, Str key,
                              Value v) {
    SchemaPart *parts = ARENA_ARRAY(r->arena, SchemaPart, v.len);
    for (uint32_t i = 0; i < v.len; i++) {
        ValueEntry e = value_entry(v, i);
        parts[i].name = e.key.type == V_STRING ? value_as_str(e.key) : STR("");
        if (w->shape == WORD_PATTERN_MAP)
            read_pattern(r, n, key, parts[i].name, &parts[i].pattern);
        if (w->shape != WORD_SCHEMA_MAP && w->shape != WORD_PATTERN_MAP && are_names(e.value))
            parts[i].names = e.value;
        else if (w->shape == WORD_TEXTS_MAP)
            schema_problem(r, n, key, STR("like `{ card: [address] }`"),
                           "`%.*s` takes lists of names", STR_FMT(key));
        else
            parts[i].node = read_schema(r, e.value, n, token_of(r, key, parts[i].name));
    }
    return parts;
}

static void read_one(SchemaReader *r, SchemaNode *n, const SchemaWord *w, Str key, Value v,
                     SchemaRule *rule) {
    SchemaNode *node = read_schema(r, v, n, arena_str(r->arena, key));
    if (w->slot == SLOT_NODE)
        rule->node = node;
    else if (w->slot == SLOT_THEN)
        rule->then = node;
    else
        rule->or_else = node;
}

static void read_many(SchemaReader *r, SchemaNode *n, const SchemaWord *w, Str key, Value v,
                      SchemaRule *rule) {
    SchemaPart *parts = v.type == V_LIST ? read_list(r, n, key, v) : read_named(r, n, w, key, v);
    if (w->shape == WORD_PATTERN_MAP) {
        rule->patterns = parts;
        rule->n_patterns = v.len;
    } else if (rule->n_parts) { /* `dependencies` beside `dependentSchemas` */
        SchemaPart *both = ARENA_ARRAY(r->arena, SchemaPart, rule->n_parts + v.len);
        memcpy(both, rule->parts, rule->n_parts * sizeof *both);
        memcpy(both + rule->n_parts, parts, v.len * sizeof *both);
        rule->parts = both;
        rule->n_parts += v.len;
    } else {
        rule->parts = parts;
        rule->n_parts = v.len;
    }
}

/* ---- data ---- */

static bool read_count(Value v, int64_t *ret) {
    bool whole = v.type == V_DOUBLE && v.d >= 0 && v.d < 0x1p62 && v.d == floor(v.d);
    if (!whole && (v.type != V_INT || v.i < 0))
        return false;
    *ret = whole ? (int64_t)v.d : v.i;
    return true;
}

static uint8_t type_named(Value name) {
    static const struct {
        const char *name;
        uint8_t types;
    } types[] = {
        { "null", IS_NULL },     { "boolean", IS_BOOLEAN }, { "integer", IS_INTEGER },
        { "number", IS_NUMBER }, { "string", IS_STRING },   { "array", IS_ARRAY },
        { "object", IS_OBJECT },
    };
    for (size_t i = 0; name.type == V_STRING && i < ARRAY_LEN(types); i++)
        if (str_is(value_as_str(name), types[i].name))
            return types[i].types;
    return 0;
}

static bool read_types(Value v, uint8_t *ret) {
    *ret = type_named(v);
    for (uint32_t i = 0; v.type == V_LIST && i < v.len; i++) {
        uint8_t types = type_named(v.items[i]);
        if (!types)
            return false;
        *ret |= types;
    }
    return *ret != 0;
}

static bool is_number(Value v) {
    return v.type == V_INT || v.type == V_UINT || (v.type == V_DOUBLE && isfinite(v.d));
}

static bool takes(const SchemaWord *w, Value v) {
    int64_t count;
    uint8_t types;
    switch (w->shape) {
    case WORD_ANY: return true;
    case WORD_LIST: return v.type == V_LIST;
    case WORD_NUMBER: return is_number(v);
    case WORD_POSITIVE: return is_number(v) && value_compare(v, value_int(0)) > 0;
    case WORD_COUNT: return read_count(v, &count);
    case WORD_BOOL: return v.type == V_BOOL;
    case WORD_TEXT:
    case WORD_REF:
    case WORD_PATTERN: return v.type == V_STRING;
    case WORD_TEXTS: return are_names(v);
    case WORD_TYPES: return read_types(v, &types);
    case WORD_TEXTS_MAP:
    case WORD_MAP:
    case WORD_SCHEMA_MAP:
    case WORD_PATTERN_MAP:
    case WORD_DEPENDENCIES: return v.type == V_MAP;
    case WORD_SCHEMA: return true; /* said where it is read */
    case WORD_SCHEMAS: return v.type == V_LIST && v.len > 0;
    case WORD_ITEMS: return v.type != V_LIST || v.len > 0;
    }
    UNREACHABLE("shape of a keyword");
}

static const char *wanted(const SchemaWord *w) {
    static const char *const names[] = {
        [WORD_LIST] = "a list",
        [WORD_NUMBER] = "a number",
        [WORD_POSITIVE] = "a number above 0",
        [WORD_COUNT] = "a count: 0, 1, 2 ...",
        [WORD_BOOL] = "true or false",
        [WORD_TEXT] = "a text",
        [WORD_REF] = "a text",
        [WORD_PATTERN] = "a text",
        [WORD_TEXTS] = "a list of names",
        [WORD_TYPES] = "null boolean integer number string array or object, or a list of them",
        [WORD_TEXTS_MAP] = "a map of lists of names",
        [WORD_MAP] = "a map",
        [WORD_SCHEMA_MAP] = "a map of schemas",
        [WORD_PATTERN_MAP] = "a map of schemas",
        [WORD_DEPENDENCIES] = "a map of schemas or lists of names",
        [WORD_SCHEMAS] = "a list of at least one schema",
        [WORD_ITEMS] = "a schema",
    };
    ASSERT(w->shape < ARRAY_LEN(names) && names[w->shape]);
    return names[w->shape];
}

static void read_data(SchemaReader *r, const SchemaNode *n, const SchemaWord *w, Str key, Value v,
                      SchemaRule *rule) {
    rule->value = v;
    if (w->shape == WORD_COUNT)
        read_count(v, w->slot == SLOT_MIN ? &rule->min : &rule->max);
    else if (w->shape == WORD_TYPES)
        read_types(v, &rule->types);
    else if (w->shape == WORD_PATTERN)
        read_pattern(r, n, key, value_as_str(v), &rule->pattern);
}

static Str remedy_of(const SchemaWord *w, Value v) {
    bool null = v.type == V_NULL;
    for (uint32_t i = 0; v.type == V_LIST && i < v.len; i++)
        null |= v.items[i].type == V_NULL;
    return w->shape == WORD_TYPES && null ? STR("null is a name here: quote it, \"null\"")
                                          : STR("");
}

/* ---- keywords ---- */

static bool known(SchemaReader *r, const SchemaNode *n, Str key, const SchemaWord *w) {
    SchemaDraft draft = n->resource->draft;
    if (w && (w->drafts & draft))
        return true;
    schema_problem(
        r, n, key, schema_word_remedy(r->scratch, key, draft), "%s has no keyword `%.*s`",
        draft == DRAFT_7 ? "draft 7 of JSON Schema" : "JSON Schema", (int)MIN(key.len, 80), key.p);
    return false;
}

static void read_keyword(SchemaReader *r, SchemaNode *n, Str key, Value v) {
    const SchemaWord *w = schema_word(key);
    if (!known(r, n, key, w))
        return;
    bool list_of_items = w->shape == WORD_ITEMS && v.type == V_LIST;
    if (list_of_items && n->resource->draft != DRAFT_7) {
        schema_problem(r, n, key, STR("write a list of schemas as `prefixItems`"),
                       "`items` takes one schema, that of all items");
        return;
    }
    if (!takes(w, v)) {
        schema_problem(r, n, key, remedy_of(w, v), "`%.*s` takes %s", STR_FMT(key), wanted(w));
        return;
    }
    SchemaRule nowhere = { 0 };
    SchemaRule *rule = w->rule ? rule_of(n, w) : &nowhere;
    if (w->shape < WORD_SCHEMA)
        read_data(r, n, w, key, v, rule);
    else if (w->shape == WORD_SCHEMA || (w->shape == WORD_ITEMS && !list_of_items))
        read_one(r, n, w, key, v, rule);
    else
        read_many(r, n, w, key, v, rule);
}

static void read_into(SchemaReader *r, SchemaNode *n, Value v) {
    if (v.type == V_BOOL) {
        n->never = !v.b;
        return;
    }
    if (v.type != V_MAP) {
        schema_problem(r, n, STR_NULL, STR(""), "a schema is a map, true or false");
        return;
    }
    n->rules = ARENA_ARRAY(r->arena, SchemaRule, v.len);
    for (uint32_t i = 0; i < v.len; i++) {
        ValueEntry e = value_entry(v, i);
        read_keyword(r, n, e.key.type == V_STRING ? value_as_str(e.key) : STR(""), e.value);
    }
    finish(r, n);
}

static SchemaNode *new_node(SchemaReader *r, const SchemaNode *up, Str token) {
    SchemaNode *n = ARENA_NEW(r->arena, SchemaNode);
    n->up = up;
    n->token = token;
    n->number = ++r->n_nodes;
    if (up) {
        n->resource = up->resource;
        table_put(&r->nodes, up->number, token, n);
    }
    return n;
}

static SchemaNode *read_schema(SchemaReader *r, Value v, const SchemaNode *up, Str token) {
    SchemaNode *n = new_node(r, up, token);
    if (r->n_nodes > SCHEMA_NODES_MAX) {
        if (r->n_nodes == SCHEMA_NODES_MAX + 1)
            schema_problem(r, up, STR_NULL, STR("split it"), "more than %d schemas in one document",
                           SCHEMA_NODES_MAX);
        return n;
    }
    schema_enter(r, n, v, up->resource->draft, up->resource->uri);
    read_into(r, n, v);
    return n;
}

SchemaNode *schema_read_document(SchemaReader *r, Value document, Str uri, SchemaDraft draft) {
    SchemaNode *n = new_node(r, NULL, STR(""));
    schema_enter(r, n, document, draft, uri);
    read_into(r, n, document);
    return n;
}

int schema_compile(Arena *a, Value document, const Schema **ret_schema,
                   SchemaProblems *ret_problems) {
    Arena scratch;
    arena_init(&scratch, 0);
    ret_problems->n = 0;
    SchemaReader r = { .arena = a,
                       .scratch = &scratch,
                       .problems = ret_problems,
                       .nodes = { .arena = &scratch },
                       .resources = { .arena = &scratch },
                       .anchors = { .arena = &scratch } };
    const SchemaNode *root = schema_read_document(&r, document, STR(""), DRAFT_2020);
    if (!ret_problems->n)
        schema_resolve(&r);
    arena_deinit(&scratch);
    if (ret_problems->n)
        return SCHEMA_E_INVALID;
    Schema *s = ARENA_NEW(a, Schema);
    s->root = root;
    *ret_schema = s;
    return 0;
}

const Schema *schema_part(Arena *a, const Schema *s, Str property) {
    const SchemaRule *rule = schema_rule(s->root, property.p ? RULE_PROPERTIES : RULE_ITEMS);
    const SchemaNode *n = rule && !property.p ? rule->node : NULL;
    for (size_t i = 0; rule && property.p && i < rule->n_parts; i++)
        if (str_eq(rule->parts[i].name, property))
            n = rule->parts[i].node;
    if (!n)
        return NULL;
    Schema *part = ARENA_NEW(a, Schema);
    part->root = n;
    return part;
}
