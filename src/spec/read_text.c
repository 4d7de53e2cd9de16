/* Texts with ${{ }} in them become templates; bare ones become programs. What is constant is folded here, so that
 * evaluation walks only to expressions.
 *
 *   "a ${{ x }} b"  join of const, expr, const        "${{ x }}"  expr: keeps its type
 *   "$${{ x }}"     the text "${{ x }}"                12          the number
 *
 * A problem inside an expression is placed inside the scalar, through its quotes and lines. */
#include "spec/read.h"

#include "base/limits.h"
#include "base/time.h"

typedef struct Parts {
    Template **items;
    size_t n, room;
} Parts;

static void add_part(Reader *r, Parts *p, Template *t) {
    if (p->n == p->room) {
        Template **old = p->items;
        p->room = p->room ? p->room * 2 : 4;
        p->items = ARENA_ARRAY(r->arena, Template *, p->room);
        if (old)
            memcpy(p->items, old, p->n * sizeof *old);
    }
    p->items[p->n++] = t;
}

static Template *new_template(Reader *r, const Yaml *y, TemplateKind kind) {
    Template *t = ARENA_NEW(r->arena, Template);
    t->kind = kind;
    t->pos = yaml_pos(y);
    return t;
}

static Template *constant(Reader *r, const Yaml *y, Value v) {
    Template *t = new_template(r, y, TEMPLATE_CONST);
    t->constant = v;
    return t;
}

/* ---- one expression -------------------------------------------------------------------------------------------------- */

/* "\b" in double quotes is a backspace, which no pattern will ever match. */
static bool has_control(Reader *r, const Yaml *y, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)y->text.p[i];
        if ((c >= 0x20 || c == '\n' || c == '\t' || c == '\r') && c != 0x7f)
            continue;
        diag_error(r->diags, yaml_pos_within(y, i), "expression",
                   "use single quotes outside: in double quotes YAML takes the backslash",
                   "control character U+%04X in an expression", c);
        return true;
    }
    return false;
}

/* duration('7d'): fields of the language know days, the expression language does not. */
static bool has_days(Reader *r, const Yaml *y, size_t from, size_t to) {
    static const Str call = { "duration(", 9 };
    for (size_t at = from; at + call.len + 1 < to; at++) {
        size_t text = at + call.len + 1, end = text;
        if (!str_starts(str_slice(y->text, at, to), call))
            continue;
        while (end < to && y->text.p[end] != y->text.p[text - 1])
            end++;
        int64_t ms;
        Str literal = str_slice(y->text, text, end);
        if (str_find(literal, STR("d")) < 0 || !duration_parse(literal, &ms))
            continue;
        diag_error(r->diags, yaml_pos_within(y, text), "expression",
                   "write hours; fields like `wait:` and `timeout:` take days",
                   "the durations of expressions have no days: `%.*s`", STR_FMT(literal));
        return true;
    }
    return false;
}

static bool is_blank(Str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != ' ' && s.p[i] != '\n' && s.p[i] != '\t')
            return false;
    return true;
}

/* Bytes [from, to) of the scalar's text. */
static CelProgram *compile(Reader *r, const Yaml *y, size_t from, size_t to, const Sight *sight) {
    Str source = str_slice(y->text, from, to);
    CelProgram *program = NULL;
    CelError error;
    if (is_blank(source)) {
        error_at(r, y, "expression", NULL, "an expression is missing");
        return NULL;
    }
    if (has_control(r, y, from, to) || has_days(r, y, from, to))
        return NULL;
    NameScope scope = { .reader = r, .sight = *sight, .at = y, .source = source };
    CelNames names = { .resolve = names_resolve, .ctx = &scope };
    if (cel_compile(r->arena, source, &names, &program, &error) == 0)
        return program;
    diag_error(r->diags, yaml_pos_within(y, from + MIN(error.offset, source.len)),
               scope.error.code ? scope.error.code : "expression", scope.error.remedy, "%s",
               error.message);
    return NULL;
}

static Template *expression(Reader *r, const Yaml *y, size_t from, size_t to, const Sight *sight) {
    CelProgram *program = compile(r, y, from, to, sight);
    if (!program)
        return NULL;
    Value v = cel_constant(program);
    if (!value_absent(v) && v.type != V_OPTIONAL)
        return constant(r, y, v);
    Template *t = new_template(r, y, TEMPLATE_EXPR);
    t->pos = yaml_pos_within(y, from);
    t->program = program;
    return t;
}

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

/* `{{ x }}` of other systems stays the text it is; say so. */
static void warn_braces(Reader *r, const Yaml *y) {
    ptrdiff_t at = str_find(y->text, STR("{{ "));
    if (at < 0 || str_find(y->text, STR(" }}")) < at || (at > 0 && y->text.p[at - 1] == '$'))
        return;
    diag_warn(r->diags, yaml_pos_within(y, (size_t)at), "expression",
              "an expression is written `${{ ... }}`", "`{{ }}` is ordinary text here");
}

/* Offset of the end of the expression that begins at `from` (behind its `${{`), or -1 with a problem reported. */
static ptrdiff_t find_end(Reader *r, const Yaml *y, size_t from) {
    ptrdiff_t end = cel_find_end(str_slice(y->text, from, y->text.len));
    if (end >= 0)
        return (ptrdiff_t)from + end;
    diag_error(r->diags, yaml_pos_within(y, from - 3), "expression",
               "write `$${{` if it is meant as text", "`${{` without its `}}`");
    return -1;
}

/* Splits a text into its parts; false when refused. */
static bool split(Reader *r, const Yaml *y, const Sight *sight, Parts *parts) {
    Str s = y->text;
    Buf text = BUF_INIT(LIMIT_FILE_BYTES);
    bool good = true;
    for (size_t at = 0; at < s.len;) {
        Str rest = str_slice(s, at, s.len);
        if (str_starts(rest, STR("$${{"))) {
            buf_str_add(&text, STR("${{"));
            at += 4;
            continue;
        }
        if (!str_starts(rest, STR("${{"))) {
            const char *dollar = memchr(rest.p + 1, '$', rest.len - 1);
            size_t n = dollar ? (size_t)(dollar - rest.p) : rest.len;
            buf_add(&text, rest.p, n);
            at += n;
            continue;
        }
        if (text.len)
            add_part(r, parts, constant(r, y, value_str(arena_str(r->arena, buf_str(&text)))));
        buf_reset(&text);
        ptrdiff_t end = find_end(r, y, at + 3);
        Template *t = end < 0 ? NULL : expression(r, y, at + 3, (size_t)end, sight);
        good &= t != NULL;
        if (end < 0)
            break;
        add_part(r, parts, t);
        at = (size_t)end + 2;
    }
    if (text.len)
        add_part(r, parts, constant(r, y, value_str(arena_str(r->arena, buf_str(&text)))));
    buf_deinit(&text);
    return good;
}

static Template *read_scalar(Reader *r, const Yaml *y, const Sight *sight) {
    if (str_find(y->text, STR("${{")) < 0) {
        warn_braces(r, y);
        return constant(r, y, yaml_scalar(y, r->arena));
    }
    Parts parts = { 0 };
    if (!split(r, y, sight, &parts))
        return NULL;
    if (parts.n == 1)
        return parts.items[0];
    Template *t = new_template(r, y, TEMPLATE_JOIN);
    t->parts = parts.items;
    t->n = parts.n;
    return t;
}

/* ---- lists and maps -------------------------------------------------------------------------------------------------- */

static bool all_constant(const Template *t) {
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i]->kind != TEMPLATE_CONST)
            return false;
    return true;
}

static Template *read_list(Reader *r, const Yaml *y, const Sight *sight) {
    Template *t = new_template(r, y, TEMPLATE_LIST);
    bool good = true;
    t->parts = ARENA_ARRAY(r->arena, Template *, y->n);
    for (; t->n < y->n; t->n++)
        good &= (t->parts[t->n] = read_template(r, y->items[t->n], sight)) != NULL;
    if (!good || !all_constant(t))
        return good ? t : NULL;
    Value *items = ARENA_ARRAY(r->arena, Value, t->n);
    for (size_t i = 0; i < t->n; i++)
        items[i] = t->parts[i]->constant;
    return constant(r, y, value_list(items, t->n));
}

static Template *read_mapping(Reader *r, const Yaml *y, const Sight *sight) {
    Template *t = new_template(r, y, TEMPLATE_MAP);
    bool good = true;
    t->parts = ARENA_ARRAY(r->arena, Template *, y->n);
    t->keys = ARENA_ARRAY(r->arena, Value, y->n);
    for (; t->n < y->n; t->n++) {
        const Yaml *key = y->entries[t->n].key;
        if (text_has_expression(key->text)) {
            error_at(r, key, "expression", "build the map by an expression instead",
                     "a key is a fixed text: no expression can stand here");
            good = false;
        }
        t->keys[t->n] = value_str(key->text);
        good &= (t->parts[t->n] = read_template(r, y->entries[t->n].value, sight)) != NULL;
    }
    if (!good || !all_constant(t))
        return good ? t : NULL;
    MapBuilder m = map_builder(r->arena);
    for (size_t i = 0; i < t->n; i++)
        map_add(&m, t->keys[i], t->parts[i]->constant);
    return constant(r, y, map_done(&m, NULL));
}

Template *read_template(Reader *r, const Yaml *y, const Sight *sight) {
    switch (y->kind) {
    case YAML_SCALAR: return read_scalar(r, y, sight);
    case YAML_LIST: return read_list(r, y, sight);
    case YAML_MAP: return read_mapping(r, y, sight);
    }
    UNREACHABLE("yaml kind");
}

/* ---- addresses and keys ---------------------------------------------------------------------------------------------- */

/* The text that is there whatever the rest becomes; STR_NULL: none is. */
static Str begin_of(const Template *t) {
    if (t->kind == TEMPLATE_JOIN)
        t = t->parts[0];
    return t->kind == TEMPLATE_CONST && value_is(t->constant, V_STRING) ? value_as_str(t->constant)
                                                                        : STR_NULL;
}

Template *read_url(Reader *r, const Yaml *y, const Sight *sight, const char *what) {
    Template *t = read_template(r, y, sight);
    if (!t)
        return NULL;
    Str begin = begin_of(t);
    bool http = str_starts(begin, STR("http://")) || str_starts(begin, STR("https://"));
    bool open = t->kind == TEMPLATE_EXPR || (t->kind == TEMPLATE_JOIN && !begin.p);
    if (http || open)
        return t;
    error_at(r, y, "value", "like `\"http://127.0.0.1:11434/v1\"`",
             "%s begins with http:// or https://", what);
    return NULL;
}

static void see_secret(void *ctx, uint64_t slot, Pos pos) {
    (void)pos;
    *(bool *)ctx |= slot_kind(slot) == SLOT_SECRET;
}

Template *read_secret(Reader *r, const Yaml *y, const Sight *sight, Str word) {
    Template *t = read_template(r, y, sight);
    bool secret = false;
    if (!t)
        return NULL;
    template_slots(t, see_secret, &secret);
    if (secret && t->kind == TEMPLATE_EXPR)
        return t;
    error_at(r, y, "secret",
             arena_fmt(&r->scratch, "`%.*s: \"${{ secrets.NAME }}\"`, and NAME in the environment",
                       STR_FMT(word))
                 .p,
             "a `%.*s` that stands here would be kept with every run: name a secret",
             STR_FMT(word));
    return NULL;
}

/* ---- bare expressions ------------------------------------------------------------------------------------------------ */

/* The expression's bytes in the text: all of it, or what `${{ }}` round the whole holds. */
static bool find_bare(Reader *r, const Yaml *y, size_t *ret_from, size_t *ret_to) {
    size_t from = 0, to = y->text.len;
    while (from < to && is_blank(str_slice(y->text, from, from + 1)))
        from++;
    while (to > from && is_blank(str_slice(y->text, to - 1, to)))
        to--;
    if (str_starts(str_slice(y->text, from, to), STR("${{"))) {
        ptrdiff_t end = find_end(r, y, from + 3);
        if (end < 0)
            return false;
        if ((size_t)end + 2 != to) {
            error_at(r, y, "expression", "put `${{ }}` round the whole, or leave it out",
                     "`${{ }}` holds only a part of this expression");
            return false;
        }
        from += 3;
        to = (size_t)end;
    }
    *ret_from = from;
    *ret_to = to;
    return true;
}

CelProgram *read_expr(Reader *r, const Yaml *y, const Sight *sight) {
    size_t from, to;
    if (y->kind != YAML_SCALAR) {
        error_at(r, y, "expression", "put the expression into quotes",
                 "an expression stands here, not a %s", y->kind == YAML_LIST ? "list" : "map");
        return NULL;
    }
    return find_bare(r, y, &from, &to) ? compile(r, y, from, to, sight) : NULL;
}

/* ---- of steps -------------------------------------------------------------------------------------------------------- */

void read_later(Reader *r, const Yaml *y, const Node *node, unsigned sees, Template **ret_template,
                CelProgram **ret_program) {
    Pending *p = ARENA_NEW(&r->scratch, Pending);
    *p = (Pending){ NULL, y, node, sees, r->inside_later > 0, ret_template, ret_program };
    *r->pending_end = p;
    r->pending_end = &p->next;
}

void read_pending(Reader *r) {
    for (const Pending *p = r->pending; p; p = p->next) {
        Sight sight = { .sees = p->sees, .node = p->node, .input = r->plan->input };
        r->inside_later = p->inside_later;
        if (p->ret_template)
            *p->ret_template = read_template(r, p->yaml, &sight);
        else
            *p->ret_program = read_expr(r, p->yaml, &sight);
    }
}
