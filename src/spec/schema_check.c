/* A value against a schema. It is asked quietly first: that stops at the first rule that does not hold and makes nothing.
 * Only a value that does not fit is asked again, for the words.
 *
 * Marks. `unevaluatedProperties` and `unevaluatedItems` need to know which parts of a value other rules took. A schema that
 * has one of them, and every schema asked of the same value on its behalf, keeps a bit for each part; the bits of one that
 * does not fit are forgotten.
 *
 * Bounds. Every rule, item and 64 bytes of a text is a step, patterns count their own; the depth is that of schemas asked
 * within each other. When either is used up everything returns, and what it returned is not looked at. */
#include "spec/schema_node.h"

typedef struct Marks {
    uint64_t few; /* up to 64 parts */
    uint64_t *many;
    uint32_t n;
} Marks;

/* One asking: what all rules of a schema are asked about. */
typedef struct Asked {
    const SchemaNode *node;
    Value value;
    const SchemaPath *path;
    Marks *marks;  /* NULL: nobody wants to know */
    Troubles *out; /* NULL: quietly */
} Asked;

static bool check(Check *c, const SchemaNode *n, Value v, const SchemaPath *path, Marks *outer,
                  Troubles *out);

bool schema_pay(Check *c, size_t steps) {
    c->steps -= (int64_t)steps;
    c->stopped |= c->steps < 0;
    return !c->stopped;
}

/* ---- marks ---- */

static void marks_begin(Check *c, Marks *m, uint32_t n) {
    *m = (Marks){ .n = n };
    if (n > 64 && schema_pay(c, n / 8))
        m->many = ARENA_ARRAY(&c->scratch, uint64_t, n / 64 + 1);
}
static void mark(Marks *m, uint32_t i) {
    if (m && m->n <= 64)
        m->few |= UINT64_C(1) << i;
    else if (m && m->many)
        m->many[i / 64] |= UINT64_C(1) << i % 64;
}
static bool marked(const Marks *m, uint32_t i) {
    if (m->n <= 64)
        return m->few >> i & 1;
    return m->many && m->many[i / 64] >> i % 64 & 1;
}
static void marks_join(Marks *to, const Marks *from) {
    to->few |= from->few;
    for (uint32_t i = 0; to->many && from->many && i <= to->n / 64; i++)
        to->many[i] |= from->many[i];
}

/* ---- troubles ---- */

/* Is it enough to know that it does not fit? */
static bool enough(const Asked *q) { return !q->out || q->out->n == q->out->max; }

static const SchemaPath *path_copy(Check *c, const SchemaPath *path, size_t *depth) {
    if (!path)
        return NULL;
    SchemaPath *copy = ARENA_NEW(&c->scratch, SchemaPath);
    *copy = *path;
    ++*depth;
    copy->up = path_copy(c, path->up, depth);
    return copy;
}

/* Always false, so that a rule can end with it. */
static bool report(Check *c, const Asked *q, const SchemaRule *rule, Trouble t) {
    if (enough(q) || !schema_pay(c, 64))
        return false;
    t.node = q->node;
    t.rule = rule;
    t.value = q->value;
    t.depth = 0;
    t.path = path_copy(c, q->path, &t.depth);
    q->out->items[q->out->n++] = t;
    return false;
}

/* How far the value came before this was found: deeper is nearer, and what tells alternatives apart (a constant, a type)
 * says less than another rule. */
static int64_t nearness(const Trouble *t) {
    int64_t depth = 2 * (int64_t)t->depth;
    if (!t->rule)
        return depth;
    bool tells_apart = t->rule->kind == RULE_CONST || t->rule->kind == RULE_ENUM;
    return depth + (tells_apart ? -2 : t->rule->kind == RULE_TYPE ? 0 : 1);
}

static void keep_nearest(Check *c, const Troubles *found, const Trouble **nearest) {
    if (!found->n || (*nearest && nearness(*nearest) >= nearness(&found->items[0])))
        return;
    Trouble *t = ARENA_NEW(&c->scratch, Trouble);
    *t = found->items[0];
    *nearest = t;
}

/* ---- names ---- */

static bool required(Check *c, const Asked *q, const SchemaRule *rule, Value names) {
    bool good = true;
    for (uint32_t i = 0; i < names.len && schema_pay(c, 1); i++) {
        if (!value_absent(value_get(q->value, value_as_str(names.items[i]))))
            continue;
        good = report(c, q, rule, (Trouble){ .name = names.items[i] });
        if (enough(q))
            break;
    }
    return good;
}

/* Also those of `dependencies`, which holds both sorts. */
static bool dependent(Check *c, const Asked *q, const SchemaRule *rule) {
    bool good = true;
    for (size_t i = 0; i < rule->n_parts && schema_pay(c, 1) && (good || !enough(q)); i++) {
        const SchemaPart *part = &rule->parts[i];
        if (value_absent(value_get(q->value, part->name)))
            continue;
        if (part->node)
            good &= check(c, part->node, q->value, q->path, q->marks, q->out);
        else
            good &= required(c, q, rule, part->names);
    }
    return good;
}

static bool property_names(Check *c, const Asked *q, const SchemaRule *rule) {
    bool good = true;
    for (uint32_t i = 0; i < q->value.len && schema_pay(c, 1) && (good || !enough(q)); i++) {
        Value name = value_str(schema_key(c, value_entry(q->value, i).key));
        Trouble one;
        Troubles found = { &one, 0, 1 };
        if (check(c, rule->node, name, q->path, NULL, q->out ? &found : NULL))
            continue;
        const Trouble *nearest = NULL;
        keep_nearest(c, &found, &nearest);
        good = report(c, q, rule, (Trouble){ .name = name, .cause = nearest });
    }
    return good;
}

/* ---- parts ---- */

/* Objects mostly come in the order of their schema: the one after the last is tried first. */
static const SchemaPart *find_part(const SchemaRule *rule, Str name, size_t *hint) {
    if (*hint < rule->n_parts && str_eq(rule->parts[*hint].name, name))
        return &rule->parts[(*hint)++];
    size_t from = 0, to = rule->n_parts;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const SchemaPart *part = &rule->parts[rule->sorted[middle]];
        int order = str_cmp(part->name, name);
        if (order == 0) {
            *hint = rule->sorted[middle] + 1;
            return part;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static bool property(Check *c, const Asked *q, const SchemaRule *rule, uint32_t i, size_t *hint) {
    ValueEntry e = value_entry(q->value, i);
    Str name = schema_key(c, e.key);
    SchemaPath at = { q->path, name, 0 };
    const SchemaPart *part = find_part(rule, name, hint);
    bool taken = part != NULL;
    bool good = !part || check(c, part->node, e.value, &at, NULL, q->out);
    for (size_t k = 0; k < rule->n_patterns && (good || !enough(q)); k++) {
        if (!schema_pattern_found(c, rule->patterns[k].pattern, name))
            continue;
        taken = true;
        good &= check(c, rule->patterns[k].node, e.value, &at, NULL, q->out);
    }
    if (!taken && rule->node && (good || !enough(q))) {
        taken = true;
        good &= check(c, rule->node, e.value, &at, NULL, q->out);
    }
    if (taken)
        mark(q->marks, i);
    return good;
}

static bool properties(Check *c, const Asked *q, const SchemaRule *rule) {
    bool good = true;
    size_t hint = 0;
    for (uint32_t i = 0; i < q->value.len && schema_pay(c, 1) && (good || !enough(q)); i++)
        good &= property(c, q, rule, i, &hint);
    return good;
}

static bool items(Check *c, const Asked *q, const SchemaRule *rule) {
    bool good = true;
    for (uint32_t i = 0; i < q->value.len && schema_pay(c, 1) && (good || !enough(q)); i++) {
        const SchemaNode *node = i < rule->n_parts ? rule->parts[i].node : rule->node;
        if (!node)
            break;
        SchemaPath at = { q->path, STR_NULL, i };
        good &= check(c, node, q->value.items[i], &at, NULL, q->out);
        mark(q->marks, i);
    }
    return good;
}

static bool contains(Check *c, const Asked *q, const SchemaRule *rule) {
    int64_t count = 0;
    for (uint32_t i = 0; i < q->value.len && schema_pay(c, 1); i++) {
        SchemaPath at = { q->path, STR_NULL, i };
        if (!check(c, rule->node, q->value.items[i], &at, NULL, NULL))
            continue;
        count++;
        mark(q->marks, i);
        if (count > rule->max || (!q->marks && count >= rule->min && rule->max == INT64_MAX))
            break;
    }
    if (count >= rule->min && count <= rule->max)
        return true;
    return report(c, q, rule, (Trouble){ .count = count });
}

static bool unevaluated(Check *c, const Asked *q, const SchemaRule *rule) {
    bool good = true, map = rule->kind == RULE_UNEVALUATED_PROPERTIES;
    for (uint32_t i = 0; i < q->value.len && schema_pay(c, 1) && (good || !enough(q)); i++) {
        if (marked(q->marks, i))
            continue;
        SchemaPath at = { q->path, STR_NULL, i };
        if (map)
            at.field = schema_key(c, value_entry(q->value, i).key);
        Value part = map ? value_entry(q->value, i).value : q->value.items[i];
        good &= check(c, rule->node, part, &at, NULL, q->out);
        mark(q->marks, i);
    }
    return good;
}

/* ---- other schemas of the same value ---- */

/* The outermost resource on the way in that has the name. */
static const SchemaNode *dynamic_target(const Check *c, const SchemaRule *rule) {
    const SchemaNode *target = rule->node;
    for (const SchemaScope *s = c->scope; rule->anchor.p && s; s = s->outer)
        for (const DynamicAnchor *d = s->resource->dynamic; d; d = d->next)
            if (str_eq(d->name, rule->anchor))
                target = d->node;
    return target;
}

static bool all_of(Check *c, const Asked *q, const SchemaRule *rule) {
    bool good = true;
    for (size_t i = 0; i < rule->n_parts && (good || !enough(q)); i++)
        good &= check(c, rule->parts[i].node, q->value, q->path, q->marks, q->out);
    return good;
}

/* Asks the alternative, and keeps what it complains of if it came nearest. */
static bool alternative(Check *c, const Asked *q, const SchemaNode *n, const Trouble **nearest) {
    Trouble one;
    Troubles found = { &one, 0, 1 };
    bool good = check(c, n, q->value, q->path, q->marks, q->out ? &found : NULL);
    if (!good && q->out)
        keep_nearest(c, &found, nearest);
    return good;
}

static bool any_of(Check *c, const Asked *q, const SchemaRule *rule) {
    const Trouble *nearest = NULL;
    bool good = false;
    for (size_t i = 0; i < rule->n_parts && (!good || q->marks); i++)
        good |= alternative(c, q, rule->parts[i].node, &nearest);
    return good || report(c, q, rule, (Trouble){ .cause = nearest });
}

static bool one_of(Check *c, const Asked *q, const SchemaRule *rule) {
    const Trouble *nearest = NULL;
    Trouble t = { .count = 0 };
    int64_t fitting = 0;
    for (size_t i = 0; i < rule->n_parts && fitting < 2; i++)
        if (alternative(c, q, rule->parts[i].node, &nearest))
            *(fitting++ ? &t.other : &t.count) = (int64_t)i + 1;
    t.cause = fitting ? NULL : nearest;
    return fitting == 1 || report(c, q, rule, t);
}

static bool if_then_else(Check *c, const Asked *q, const SchemaRule *rule) {
    bool yes = check(c, rule->node, q->value, q->path, q->marks, NULL);
    const SchemaNode *next = yes ? rule->then : rule->or_else;
    return !next || check(c, next, q->value, q->path, q->marks, q->out);
}

/* ---- one schema ---- */

static bool simple(Check *c, const Asked *q, const SchemaRule *rule) {
    Trouble t = { .count = 0 };
    return schema_rule_holds(c, rule, q->value, &t) || report(c, q, rule, t);
}

static bool holds(Check *c, const Asked *q, const SchemaRule *rule) {
    switch (rule->kind) {
    case RULE_REQUIRED: return required(c, q, rule, rule->value);
    case RULE_DEPENDENT_REQUIRED:
    case RULE_DEPENDENT_SCHEMAS: return dependent(c, q, rule);
    case RULE_PROPERTIES: return properties(c, q, rule);
    case RULE_PROPERTY_NAMES: return property_names(c, q, rule);
    case RULE_ITEMS: return items(c, q, rule);
    case RULE_CONTAINS: return contains(c, q, rule);
    case RULE_REF: return check(c, rule->node, q->value, q->path, q->marks, q->out);
    case RULE_DYNAMIC_REF:
        return check(c, dynamic_target(c, rule), q->value, q->path, q->marks, q->out);
    case RULE_ALL_OF: return all_of(c, q, rule);
    case RULE_ANY_OF: return any_of(c, q, rule);
    case RULE_ONE_OF: return one_of(c, q, rule);
    case RULE_NOT:
        return !check(c, rule->node, q->value, q->path, NULL, NULL) ||
               report(c, q, rule, (Trouble){ .count = 0 });
    case RULE_IF: return if_then_else(c, q, rule);
    case RULE_UNEVALUATED_ITEMS:
    case RULE_UNEVALUATED_PROPERTIES: return unevaluated(c, q, rule);
    default: return simple(c, q, rule);
    }
}

static bool all_hold(Check *c, const Asked *q) {
    uint8_t type = schema_type(q->value);
    bool good = true;
    for (size_t i = 0; i < q->node->n_rules && (good || !enough(q)); i++) {
        const SchemaRule *rule = &q->node->rules[i];
        if (!schema_pay(c, 1))
            return false;
        if (rule->kind == RULE_TYPE || (rule->types & type))
            good &= holds(c, q, rule);
    }
    return good;
}

static bool check(Check *c, const SchemaNode *n, Value v, const SchemaPath *path, Marks *outer,
                  Troubles *out) {
    Asked q = { n, schema_view(c, v), path, NULL, out };
    if (n->never)
        return report(c, &q, NULL, (Trouble){ .count = 0 });
    if (!n->n_rules)
        return !c->stopped;
    if (c->stopped || c->depth == SCHEMA_DEPTH_MAX) {
        c->stopped = true;
        return false;
    }
    Marks own;
    if ((outer || n->marks) && (q.value.type == V_LIST || q.value.type == V_MAP)) {
        marks_begin(c, &own, q.value.len);
        q.marks = &own;
    }
    const SchemaScope *before = c->scope;
    SchemaScope scope = { before, n->resource };
    if (!before || before->resource != n->resource)
        c->scope = &scope;
    c->depth++;
    bool good = all_hold(c, &q);
    c->depth--;
    c->scope = before;
    if (good && outer && q.marks)
        marks_join(outer, q.marks);
    return good;
}

/* ---- from outside ---- */

static void say_cost(SchemaTroubles *ret) {
    ret->items[0] =
        (SchemaTrouble){ STR(""), STR(""), STR("#"),
                         STR("the value was not checked to its end: too much work or too deep") };
    ret->n = 1;
}

static void explain(Check *c, const Schema *s, Value v, Arena *a, SchemaTroubles *ret) {
    Trouble items_found[SCHEMA_TROUBLES_MAX];
    Troubles found = { items_found, 0, SCHEMA_TROUBLES_MAX };
    c->steps = SCHEMA_STEPS_MAX;
    check(c, s->root, v, NULL, NULL, &found);
    for (size_t i = 0; i < found.n; i++)
        schema_say(&found.items[i], a, &ret->items[ret->n++]);
    if (!ret->n)
        say_cost(ret);
}

int schema_check(const Schema *s, Value v, Arena *a, SchemaTroubles *ret_troubles) {
    Check c = { .steps = SCHEMA_STEPS_MAX };
    arena_init(&c.scratch, 0);
    int result = check(&c, s->root, v, NULL, NULL, NULL) ? 0 : SCHEMA_E_INVALID;
    if (c.stopped)
        result = SCHEMA_E_COST;
    if (ret_troubles)
        ret_troubles->n = 0;
    if (ret_troubles && result == SCHEMA_E_COST)
        say_cost(ret_troubles);
    else if (ret_troubles && result)
        explain(&c, s, v, a, ret_troubles);
    pattern_search_free(c.search);
    arena_deinit(&c.scratch);
    return result;
}
