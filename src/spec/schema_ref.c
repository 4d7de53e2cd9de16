/* Names of schemas and what refers to them. A resource is what has a URI: the document, and every schema with `$id` in it.
 * Names are collected while the document is read, references follow when all of it is known. */
#include "spec/schema_node.h"

#include "base/json.h"

/* ---- names ---- */

static void split_fragment(Str text, Str *ret_uri, Str *ret_fragment) {
    ptrdiff_t at = str_find(text, STR("#"));
    *ret_uri = str_slice(text, 0, at < 0 ? text.len : (size_t)at);
    *ret_fragment = at < 0 ? STR("") : str_slice(text, (size_t)at + 1, text.len);
}

static SchemaDraft draft_of(SchemaReader *r, const SchemaNode *node, Value schema,
                            SchemaDraft inherited) {
    static const struct {
        const char *uri;
        SchemaDraft draft;
    } drafts[] = {
        { "https://json-schema.org/draft/2020-12/schema", DRAFT_2020 },
        { "http://json-schema.org/draft/2020-12/schema", DRAFT_2020 },
        { "http://json-schema.org/draft-07/schema", DRAFT_7 },
        { "https://json-schema.org/draft-07/schema", DRAFT_7 },
    };
    if (schema.type != V_STRING)
        return inherited;
    Str uri, fragment;
    split_fragment(value_as_str(schema), &uri, &fragment);
    for (size_t i = 0; i < ARRAY_LEN(drafts); i++)
        if (str_is(uri, drafts[i].uri) && !fragment.len)
            return drafts[i].draft;
    schema_problem(r, node, STR("$schema"),
                   STR("https://json-schema.org/draft/2020-12/schema or "
                       "http://json-schema.org/draft-07/schema#"),
                   "this draft or dialect of JSON Schema is not known");
    return inherited;
}

static void add_anchor(SchemaReader *r, SchemaNode *n, const char *keyword, Str name) {
    if (name.len == 0 || str_find(name, STR("/")) >= 0 || str_find(name, STR("#")) >= 0)
        schema_problem(r, n, str_from(keyword), STR(""), "`%s` takes a name", keyword);
    else if (table_put(&r->anchors, n->resource->number, name, n))
        schema_problem(r, n, str_from(keyword), STR("name one of them otherwise"),
                       "two schemas are called `%.*s`", (int)MIN(name.len, 80), name.p);
}

static void enter_resource(SchemaReader *r, SchemaNode *n, Str uri, SchemaDraft draft) {
    const SchemaNode *document = n;
    while (document->up)
        document = document->up;
    Str given = document->resource ? document->resource->document : uri;
    SchemaResource *resource = ARENA_NEW(r->arena, SchemaResource);
    *resource = (SchemaResource){ .uri = uri,
                                  .document = r->built_in ? given : STR(""),
                                  .root = n,
                                  .number = ++r->n_resources,
                                  .draft = draft };
    n->resource = resource;
    if (table_put(&r->resources, 0, uri, resource))
        schema_problem(r, n, STR("$id"), STR("name one of them otherwise"),
                       "two schemas have the `$id` %.*s", (int)MIN(uri.len, 120), uri.p);
}

static void enter_dynamic(SchemaReader *r, SchemaNode *n, Value name) {
    if (name.type != V_STRING)
        return;
    add_anchor(r, n, "$dynamicAnchor", value_as_str(name));
    DynamicAnchor *d = ARENA_NEW(r->arena, DynamicAnchor);
    *d = (DynamicAnchor){ n->resource->dynamic, value_as_str(name), n };
    n->resource->dynamic = d;
}

void schema_enter(SchemaReader *r, SchemaNode *n, Value map, SchemaDraft draft, Str uri) {
    Str base = STR(""), fragment = STR("");
    Value id = value_getz(map, "$id"), schema = value_getz(map, "$schema"),
          anchor = value_getz(map, "$anchor");
    draft = draft_of(r, n, schema, draft);
    bool hidden = draft == DRAFT_7 && !value_absent(value_getz(map, "$ref"));
    if (id.type == V_STRING && !hidden)
        split_fragment(value_as_str(id), &base, &fragment);
    if (base.len || !n->up)
        enter_resource(r, n, uri_resolve(r->arena, uri, base), draft);
    else if (schema.type == V_STRING)
        schema_problem(r, n, STR("$schema"), STR("beside `$id`, or at the root"),
                       "`$schema` does not stand here");
    if (draft == DRAFT_7 && fragment.len)
        add_anchor(r, n, "$id", fragment);
    else if (fragment.len)
        schema_problem(r, n, STR("$id"), STR("write the name as `$anchor`"),
                       "an `$id` has nothing after `#`");
    if (draft == DRAFT_7)
        return;
    if (anchor.type == V_STRING)
        add_anchor(r, n, "$anchor", value_as_str(anchor));
    enter_dynamic(r, n, value_getz(map, "$dynamicAnchor"));
}

/* ---- references ---- */

static const SchemaResource *built_in(SchemaReader *r, Str uri) {
    SchemaDraft draft;
    Str text = schema_meta(uri, &draft);
    Value document;
    if (!text.p || json_read(r->arena, text, &document, NULL))
        return NULL;
    r->built_in = true;
    SchemaNode *root = schema_read_document(r, document, uri, draft);
    r->built_in = false;
    return root->resource;
}

static Str segment_of(Str pointer) {
    size_t n = 1;
    while (n < pointer.len && pointer.p[n] != '/')
        n++;
    return str_slice(pointer, 0, n);
}

/* Each step is "/keyword" or "/keyword/name". */
static SchemaNode *walk(const SchemaReader *r, SchemaNode *n, Str pointer) {
    while (n && pointer.len) {
        Str one = segment_of(pointer);
        Str rest = str_slice(pointer, one.len, pointer.len);
        SchemaNode *next = table_get(&r->nodes, n->number, str_slice(one, 1, one.len));
        if (!next && rest.len) {
            one.len += segment_of(rest).len;
            rest = str_slice(pointer, one.len, pointer.len);
            next = table_get(&r->nodes, n->number, str_slice(one, 1, one.len));
        }
        n = next;
        pointer = rest;
    }
    return n;
}

static SchemaNode *find_within(const SchemaReader *r, const SchemaResource *resource,
                               Str fragment) {
    if (!fragment.len)
        return resource->root;
    if (fragment.p[0] == '/')
        return walk(r, resource->root, fragment);
    return table_get(&r->anchors, resource->number, fragment);
}

/* The name if the target may be replaced by one of the same name further out. */
static Str dynamic_name(const SchemaNode *target, Str fragment) {
    for (const DynamicAnchor *d = target->resource->dynamic; d; d = d->next)
        if (str_eq(d->name, fragment) && d->node == target)
            return d->name;
    return STR_NULL;
}

static void resolve(SchemaReader *r, const PendingRef *p) {
    SchemaRule *rule = schema_rule(p->node, p->kind);
    Str text = value_as_str(rule->value), uri, fragment, key = str_from(rule->word);
    split_fragment(text, &uri, &fragment);
    uri = uri_resolve(r->arena, p->node->resource->uri, uri);
    const SchemaResource *resource = table_get(&r->resources, 0, uri);
    if (!resource)
        resource = built_in(r, uri);
    if (!resource) {
        schema_problem(r, p->node, key, STR("nothing is fetched: put it under `$defs`"),
                       "`%.*s` is not in this document", (int)MIN(text.len, 120), text.p);
        return;
    }
    if (uri_decode(r->arena, fragment, &fragment))
        rule->node = find_within(r, resource, fragment);
    if (!rule->node)
        schema_problem(r, p->node, key, STR("like `#/$defs/name`"), "there is no schema at `%.*s`",
                       (int)MIN(text.len, 120), text.p);
    else if (p->kind == RULE_DYNAMIC_REF)
        rule->anchor = dynamic_name(rule->node, fragment);
}

/* ---- loops ---- */

static bool visit(SchemaReader *r, SchemaNode *n, unsigned depth);

static bool visit_rule(SchemaReader *r, const SchemaRule *rule, unsigned depth) {
    bool good = visit(r, rule->node, depth) && visit(r, rule->then, depth) &&
                visit(r, rule->or_else, depth);
    for (size_t i = 0; good && i < rule->n_parts; i++)
        good = visit(r, rule->parts[i].node, depth);
    return good;
}

/* Does the rule ask other schemas of the same value? */
static bool stays(RuleKind kind) { return kind >= RULE_REF && kind <= RULE_DEPENDENT_SCHEMAS; }

/* False when something was said. */
static bool visit(SchemaReader *r, SchemaNode *n, unsigned depth) {
    if (!n || n->visiting == 2)
        return true;
    if (n->visiting == 1) {
        schema_problem(r, n, STR_NULL, STR("let a property or an item stand between"),
                       "this schema asks itself of the same value, without end");
        return false;
    }
    if (depth > SCHEMA_DEPTH_MAX / 2) {
        schema_problem(r, n, STR_NULL, STR("refer to it directly"),
                       "this is reached by more than %d references one after the other",
                       SCHEMA_DEPTH_MAX / 2);
        return false;
    }
    n->visiting = 1;
    bool good = true;
    for (size_t i = 0; good && i < n->n_rules; i++)
        if (stays(n->rules[i].kind))
            good = visit_rule(r, &n->rules[i], depth + 1);
    n->visiting = 2;
    return good;
}

void schema_resolve(SchemaReader *r) {
    PendingRef *all = NULL;
    while (r->refs) { /* a metaschema brings more */
        PendingRef *p = r->refs;
        r->refs = p->next;
        resolve(r, p);
        p->next = all;
        all = p;
    }
    for (PendingRef *p = all; p && !r->problems->n; p = p->next)
        visit(r, p->node, 0);
}
