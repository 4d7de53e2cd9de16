/* What does not fit, in words: where in the value, which rule, and what would fit. Texts of the value are cut, so that the
 * words stay short whatever was sent. */
#include "spec/schema_node.h"

#include "base/limits.h"

enum { SHOWN_BYTES = 60, PATH_BYTES = 500 };

/* ---- places ---- */

static void write_escaped(Buf *b, Str token) {
    for (size_t i = 0; i < token.len; i++)
        if (token.p[i] == '~' || token.p[i] == '/')
            buf_fmt(b, "~%d", token.p[i] == '/');
        else
            buf_char(b, token.p[i]);
}

static void write_pointer(Buf *b, const SchemaPath *p) {
    if (!p)
        return;
    write_pointer(b, p->up);
    buf_char(b, '/');
    if (p->field.p)
        write_escaped(b, p->field);
    else
        buf_fmt(b, "%zu", p->index);
}

static void write_path(Buf *b, const SchemaPath *p) {
    if (!p)
        return;
    write_path(b, p->up);
    if (!p->field.p)
        buf_fmt(b, "[%zu]", p->index);
    else
        buf_fmt(b, "%s%.*s", p->up ? "." : "", STR_FMT(p->field));
}

static Str cut(Arena *a, const Buf *b) {
    if (!buf_over(b))
        return arena_str(a, buf_str(b));
    return arena_fmt(a, "%.*s...", STR_FMT(buf_str(b)));
}

static void write_rule_place(Buf *b, const Trouble *t) {
    schema_write_place(b, t->node);
    if (t->rule)
        buf_fmt(b, "/%s", t->rule->word);
}

/* ---- values ---- */

static void write_short(Buf *b, Value v) {
    static const char *const names[] = { [V_LIST] = "a list", [V_MAP] = "a map" };
    if (v.type == V_STRING && v.len > SHOWN_BYTES)
        buf_fmt(b, "a text of %u bytes", v.len);
    else if (v.type < ARRAY_LEN(names) && names[v.type])
        buf_fmt(b, "%s", names[v.type]);
    else
        value_write(b, v);
}

/* A constant is what the author wrote: shown whole, if it is not long. */
static void write_constant(Buf *b, Value v) {
    Buf text = BUF_INIT(2 * SHOWN_BYTES);
    value_write(&text, v);
    if (buf_over(&text))
        write_short(b, v);
    else
        buf_str_add(b, buf_str(&text));
    buf_deinit(&text);
}

static void write_options(Buf *b, Value options) {
    for (uint32_t i = 0; i < options.len; i++) {
        if (i == 12) {
            buf_fmt(b, " or one of %u others", options.len - i);
            break;
        }
        buf_fmt(b, "%s", i == 0 ? "" : i + 1 == options.len ? " or " : ", ");
        write_constant(b, options.items[i]);
    }
}

static void write_types(Buf *b, uint8_t types) {
    static const struct {
        const char *name;
        uint8_t types;
    } names[] = {
        { "string", IS_STRING },   { "number", IS_NUMBER }, { "integer", IS_INTEGER },
        { "boolean", IS_BOOLEAN }, { "object", IS_OBJECT }, { "array", IS_ARRAY },
        { "null", IS_NULL },
    };
    bool first = true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((types & names[i].types) != names[i].types)
            continue;
        buf_fmt(b, "%s%s", first ? "" : " or ", names[i].name);
        types = (uint8_t)(types & ~names[i].types);
        first = false;
    }
}

/* ---- words ---- */

static void write_words(Buf *b, const Trouble *t);

static void write_got(Buf *b, const Trouble *t) {
    buf_fmt(b, ", got ");
    write_short(b, t->value);
}

static void write_expected(Buf *b, const Trouble *t) {
    buf_fmt(b, "expected ");
    if (t->rule->kind == RULE_TYPE)
        write_types(b, t->rule->types);
    else if (t->rule->kind == RULE_CONST)
        write_constant(b, t->rule->value);
    else
        write_options(b, t->rule->value);
    write_got(b, t);
}

static void write_bound(Buf *b, const Trouble *t, const char *words) {
    buf_fmt(b, "must be %s ", words);
    value_write(b, t->rule->value);
    write_got(b, t);
}

static void write_pattern(Buf *b, const Trouble *t) {
    Value source = t->rule->value;
    buf_fmt(b, "must match the pattern %.*s", (int)MIN(source.len, 2 * SHOWN_BYTES),
            value_as_str(source).p);
    write_got(b, t);
}

static void write_size(Buf *b, const Trouble *t, const char *one) {
    bool few = t->count < t->rule->min;
    int64_t bound = few ? t->rule->min : t->rule->max;
    buf_fmt(b, "must have at %s %lld %s%s, has %lld", few ? "least" : "most", (long long)bound,
            str_is(str_from(one), "property") && bound != 1 ? "propertie" : one,
            bound == 1 ? "" : "s", (long long)t->count);
}

static void write_contains(Buf *b, const Trouble *t) {
    if (!t->count && t->rule->min == 1)
        buf_fmt(b, "no item is as `contains` wants one");
    else
        buf_fmt(b, "at %s %lld items must be as `contains` says, not %lld",
                t->count < t->rule->min ? "least" : "most",
                (long long)(t->count < t->rule->min ? t->rule->min : t->rule->max),
                (long long)t->count);
}

/* The alternative that came nearest says more than that there is none. */
static void write_cause(Buf *b, const Trouble *t) {
    if (!t->cause)
        return;
    buf_fmt(b, "; the nearest: ");
    Buf path = BUF_INIT(PATH_BYTES);
    write_path(&path, t->cause->path);
    if (buf_str(&path).len)
        buf_fmt(b, "%.*s: ", STR_FMT(buf_str(&path)));
    buf_deinit(&path);
    write_words(b, t->cause);
}

static void write_alternatives(Buf *b, const Trouble *t) {
    if (t->count) {
        buf_fmt(b, "fits alternatives %lld and %lld of `oneOf`, must fit one only",
                (long long)t->count, (long long)t->other);
        return;
    }
    buf_fmt(b, "fits none of %zu alternatives", t->rule->n_parts);
    write_cause(b, t);
}

static void write_name(Buf *b, const Trouble *t, const char *words) {
    Str name = value_as_str(t->name);
    buf_fmt(b, "`%.*s` %s", (int)MIN(name.len, SHOWN_BYTES), name.p, words);
}

static void write_bad_name(Buf *b, const Trouble *t) {
    write_name(b, t, "cannot be the name of a property");
    if (!t->cause)
        return;
    buf_fmt(b, ": ");
    write_words(b, t->cause);
}

static void write_near_property(Buf *b, const Trouble *t) {
    const SchemaRule *rule = t->node->up ? schema_rule(t->node->up, RULE_PROPERTIES) : NULL;
    Str names[64];
    size_t n = rule ? MIN(rule->n_parts, ARRAY_LEN(names)) : 0;
    for (size_t i = 0; i < n; i++)
        names[i] = rule->parts[i].name;
    Str near = str_nearest(t->path->field, names, n);
    if (near.p)
        buf_fmt(b, ", did you mean `%.*s`?", STR_FMT(near));
}

/* The schema `false`, which means something else in each place. */
static void write_never(Buf *b, const Trouble *t) {
    Str token = t->node->token;
    bool map = str_is(token, "additionalProperties") || str_is(token, "unevaluatedProperties");
    if (map && t->path && t->path->field.p) {
        buf_fmt(b, "unknown property");
        write_near_property(b, t);
    } else if (t->path && !t->path->field.p) {
        buf_fmt(b, "there may be no item here");
    } else if (t->path) {
        buf_fmt(b, "may not be there");
    } else {
        buf_fmt(b, "no value fits");
    }
}

static void write_words(Buf *b, const Trouble *t) {
    if (!t->rule) {
        write_never(b, t);
        return;
    }
    const SchemaRule *rule = t->rule;
    switch (rule->kind) {
    case RULE_TYPE:
    case RULE_CONST:
    case RULE_ENUM: write_expected(b, t); return;
    case RULE_MINIMUM: write_bound(b, t, "at least"); return;
    case RULE_MAXIMUM: write_bound(b, t, "at most"); return;
    case RULE_MORE_THAN: write_bound(b, t, "more than"); return;
    case RULE_LESS_THAN: write_bound(b, t, "less than"); return;
    case RULE_MULTIPLE_OF: write_bound(b, t, "a multiple of"); return;
    case RULE_MIN_LENGTH:
    case RULE_MAX_LENGTH: write_size(b, t, "character"); return;
    case RULE_MIN_ITEMS:
    case RULE_MAX_ITEMS: write_size(b, t, "item"); return;
    case RULE_MIN_PROPERTIES:
    case RULE_MAX_PROPERTIES: write_size(b, t, "property"); return;
    case RULE_PATTERN: write_pattern(b, t); return;
    case RULE_REQUIRED: write_name(b, t, "is missing"); return;
    case RULE_DEPENDENT_REQUIRED:
    case RULE_DEPENDENT_SCHEMAS: write_name(b, t, "is missing beside what needs it"); return;
    case RULE_PROPERTY_NAMES: write_bad_name(b, t); return;
    case RULE_CONTAINS: write_contains(b, t); return;
    case RULE_UNIQUE:
        buf_fmt(b, "items must differ, but [%lld] and [%lld] are the same", (long long)t->count,
                (long long)t->other);
        return;
    case RULE_ANY_OF:
    case RULE_ONE_OF: write_alternatives(b, t); return;
    case RULE_NOT: buf_fmt(b, "is what `not` excludes"); return;
    default: UNREACHABLE("a rule that reports what its schemas report");
    }
}

void schema_say(const Trouble *t, Arena *a, SchemaTrouble *ret) {
    Buf at = BUF_INIT(PATH_BYTES), path = BUF_INIT(PATH_BYTES), place = BUF_INIT(2 * PATH_BYTES),
        words = BUF_INIT(2 * KIB);
    write_pointer(&at, t->path);
    write_path(&path, t->path);
    write_rule_place(&place, t);
    write_words(&words, t);
    *ret = (SchemaTrouble){ cut(a, &at), cut(a, &path), cut(a, &place), cut(a, &words) };
    buf_deinit(&at);
    buf_deinit(&path);
    buf_deinit(&place);
    buf_deinit(&words);
}
