/* The layout works on lines, since the YAML parser forgets comments and blanks:
 *
 *   source lines --place()--> lines with an indentation, a body and a comment --emit()--> text
 *
 * A stack of levels says which indentation of the source became which. Whatever it gets wrong is caught at the end: the
 * text without its blanks must be the same, and both must read as the same tree. So a file is laid out or refused, and
 * never changed. */
#include "spec/format.h"

#include "base/limits.h"
#include "spec/format_line.h"
#include "spec/yaml.h"

#define LEVELS_MAX 160 /* a file has 64, each may be a list in a map */
#define STEP 2

typedef struct Level {
    unsigned source, target;
    bool list;
} Level;

typedef struct Line {
    unsigned indent;
    Str body;     /* dashes and key, or all there is */
    Str value;    /* behind them */
    Str comment;  /* behind all that, or alone */
    bool flow;    /* the value is in brackets and ends here */
    bool inside;  /* goes on with a value of the line before */
    unsigned gap; /* blanks behind the key in the source; 0: no key */
    /* Columns in the source, in characters. */
    unsigned source, value_column, comment_column;
} Line;

typedef struct Format {
    Arena *a;
    const Str *source;
    size_t n_source;
    Level levels[LEVELS_MAX];
    size_t depth;
    bool too_deep;
    Line *lines;
    size_t n, room;
    size_t
        waiting; /* lines from here on are comments and blanks in front of the next key or item */
} Format;

static Line *add_line(Format *f, unsigned indent, Str body, Str comment) {
    if (f->n == f->room) {
        Line *more = ARENA_ARRAY(f->a, Line, f->room * 2 + 64);
        if (f->n)
            memcpy(more, f->lines, sizeof(Line) * f->n);
        f->lines = more;
        f->room = f->room * 2 + 64;
    }
    f->lines[f->n] = (Line){ .indent = indent, .body = body, .comment = comment };
    return &f->lines[f->n++];
}

static bool is_empty(const Line *l) {
    return !l->inside && !l->body.len && !l->value.len && !l->comment.len;
}

/* ---- levels */

static void push(Format *f, unsigned source, unsigned target, bool list) {
    if (f->depth == LEVELS_MAX)
        f->too_deep = true;
    else
        f->levels[f->depth++] = (Level){ source, target, list };
}

/* Where a key or an item that stands at `source` goes. A list may stand at the column of its key. */
static unsigned enter(Format *f, unsigned source, bool list) {
    while (f->depth) {
        const Level *top = &f->levels[f->depth - 1];
        if (top->source < source || (top->source == source && (list || !top->list)))
            break;
        f->depth--;
    }
    const Level *top = f->depth ? &f->levels[f->depth - 1] : NULL;
    if (!top || top->source < source || top->list != list)
        push(f, source, top ? top->target + STEP : 0, list);
    return f->levels[f->depth - 1].target;
}

/* Comments in front of a line belong to it where they stand like it, else to the level at whose column they stand. */
static void settle(Format *f, const Format *before, unsigned source, unsigned target) {
    for (size_t i = f->waiting; i < f->n; i++) {
        unsigned own = f->lines[i].indent, to = target;
        for (size_t k = 0; own != source && k < before->depth; k++)
            if (before->levels[k].source == own)
                to = before->levels[k].target;
        f->lines[i].indent = to;
    }
}

/* ---- lines that go on with a value */

static void add_inside(Format *f, Str line, int shift, bool trim) {
    unsigned indent = line_indent(line);
    Str body = str_slice(line, indent, line.len);
    int target = (int)indent + shift;
    add_line(f, body.len ? (unsigned)MAX(target, 0) : 0, trim ? line_trim(body) : body, STR_NULL)
        ->inside = true;
}

/* Lines of a block: all that stand further in than its key, and empty ones between them. */
static size_t place_block(Format *f, size_t at, Str header, unsigned own, unsigned target) {
    size_t end = at, first = 0;
    bool keep = memchr(header.p, '+', header.len) != NULL, counted = false;
    for (size_t i = 0; i < header.len; i++)
        counted = counted || (header.p[i] >= '1' && header.p[i] <= '9');
    for (size_t i = at; i < f->n_source; i++) {
        bool empty = line_trim(f->source[i]).len == 0;
        unsigned indent = line_indent(f->source[i]);
        if (!empty &&
            (indent <= own || (first && !counted && indent < line_indent(f->source[first - 1]))))
            break;
        if (!empty && !first)
            first = i + 1;
        if (!empty || keep)
            end = i + 1;
    }
    unsigned base = first ? line_indent(f->source[first - 1]) : 0;
    int shift = (int)target + STEP - (int)base;
    if (counted) /* the number counts from the level of the key */
        shift = (int)target - (int)own;
    for (; at < end; at++) {
        Str line = f->source[at];
        bool empty = line_trim(line).len == 0 && line.len <= base;
        add_inside(f, empty ? STR("") : line, shift, false);
    }
    return at;
}

/* Lines of a text without quotes: those that stand further in. */
static size_t place_plain(Format *f, size_t at, unsigned own, int shift) {
    size_t end = at;
    for (size_t i = at; i < f->n_source; i++) {
        Str line = line_skip(line_trim(f->source[i]));
        if (line.len && (line_indent(f->source[i]) <= own || line.p[0] == '#'))
            break;
        if (line.len)
            end = i + 1;
    }
    for (; at < end; at++)
        add_inside(f, f->source[at], shift, true);
    return at;
}

static size_t place_open(Format *f, size_t at, LineScan *scan, int shift) {
    for (bool open = true; open && at < f->n_source; at++) {
        size_t end;
        open = !line_scan(scan, f->source[at], &end);
        add_inside(f, f->source[at], shift, true);
    }
    return at;
}

/* ---- one line with a key or an item */

typedef struct Head { /* what stands before the value */
    Str line;
    unsigned source, target; /* of the line */
    unsigned own;            /* column of the last key or dash: what goes on stands further in */
    unsigned gap;            /* behind the key; 0: there is none */
    Buf body;
} Head;

static unsigned column_of(Str line, Str part) {
    return (unsigned)str_codepoints(str_slice(line, 0, (size_t)(part.p - line.p)));
}

static Str take_dashes(Format *f, Head *h, Str rest) {
    unsigned column = h->source, target = h->target;
    while (line_is_item(rest)) {
        Str next = line_skip(str_slice(rest, 1, rest.len));
        h->own = column;
        buf_char(&h->body, '-');
        column += (unsigned)(rest.len - next.len);
        rest = next;
        if (rest.len && rest.p[0] != '#') {
            target += STEP;
            buf_char(&h->body, ' ');
            push(f, column, target, line_is_item(rest));
        }
    }
    return rest;
}

static Str take_key(Head *h, Str rest) {
    size_t n = line_key(rest);
    if (n == 0)
        return rest;
    h->own = (unsigned)(rest.p - h->line.p);
    Str key = line_trim(str_slice(rest, 0, n));
    Str value = line_skip(str_slice(rest, n + 1, rest.len));
    buf_str_add(&h->body, key);
    buf_char(&h->body, ':');
    h->gap = (unsigned)(rest.len - value.len - key.len) - 1;
    return value;
}

static void finish_line(Format *f, Head *h, Str value, bool flow, Str comment) {
    comment = line_skip(line_trim(comment));
    Line *l = add_line(f, h->target, arena_str(f->a, buf_str(&h->body)), comment);
    l->value = value;
    l->flow = flow;
    l->gap = h->gap;
    l->source = h->source;
    l->value_column = column_of(h->line, value);
    l->comment_column = comment.len ? column_of(h->line, comment) : 0;
}

static size_t place_value(Format *f, Head *h, size_t next, Str rest) {
    int shift = (int)h->target - (int)h->source;
    char c = rest.len ? rest.p[0] : '#';
    if (c == '{' || c == '[' || c == '"' || c == '\'') {
        LineScan scan = LINE_SCAN;
        size_t end;
        bool closed = line_scan(&scan, rest, &end);
        finish_line(f, h, line_trim(str_slice(rest, 0, end)), closed && (c == '{' || c == '['),
                    str_slice(rest, end, rest.len));
        return closed ? next : place_open(f, next, &scan, shift);
    }
    size_t end = line_comment(rest);
    Str text = line_trim(str_slice(rest, 0, end)), comment = str_slice(rest, end, rest.len);
    finish_line(f, h, text, false, comment);
    if (c == '|' || c == '>')
        return place_block(f, next, text, h->own, f->levels[f->depth - 1].target);
    return text.len && !comment.len ? place_plain(f, next, h->own, shift) : next;
}

static size_t place_line(Format *f, size_t at) {
    Str line = f->source[at], rest = line_skip(line);
    Format before = *f;
    Head h = { .line = line, .source = line_indent(line), .body = BUF_INIT(LIMIT_FILE_BYTES) };
    if (str_starts(line, STR("---")) || str_starts(line, STR("..."))) {
        f->depth = 0;
        add_line(f, 0, line_trim(line), STR_NULL);
        f->waiting = f->n;
        return at + 1;
    }
    h.own = h.source;
    h.target = enter(f, h.source, line_is_item(rest));
    settle(f, &before, h.source, h.target);
    rest = take_dashes(f, &h, rest);
    rest = take_key(&h, rest);
    at = place_value(f, &h, at + 1, rest);
    f->waiting = f->n;
    buf_deinit(&h.body);
    return at;
}

static void place(Format *f) {
    for (size_t at = 0; at < f->n_source && !f->too_deep;) {
        Str line = line_skip(line_trim(f->source[at]));
        if (line.len && line.p[0] != '#') {
            at = place_line(f, at);
            continue;
        }
        bool again = f->n == 0 || is_empty(&f->lines[f->n - 1]);
        if (line.len || !again)
            add_line(f, line_indent(f->source[at]), STR(""), line);
        at++;
    }
    Format before = *f;
    settle(f, &before, UINT32_MAX, f->depth ? f->levels[f->depth - 1].target : 0);
    while (f->n && is_empty(&f->lines[f->n - 1]))
        f->n--;
}

/* ---- writing */

static void blanks(Buf *b, size_t n) {
    while (n--)
        buf_char(b, ' ');
}

/* Did the dashes and the key stand in the source as they will stand now? */
static bool is_regular(const Line *l) {
    return l->value_column == l->source + str_codepoints(l->body) + l->gap;
}

/* Do two lines show their values as a table does? */
static bool row_pair(const Line *x, const Line *y) {
    bool keys = x->gap && y->gap && (x->gap > 1 || y->gap > 1), items = !x->gap && !y->gap;
    if (!is_regular(x) || !is_regular(y))
        return false;
    return x->value.len && y->value.len && x->source == y->source &&
           x->value_column == y->value_column && (keys || (items && x->flow && y->flow));
}

static bool in_table(const Format *f, size_t i) {
    return (i && row_pair(&f->lines[i - 1], &f->lines[i])) ||
           (i + 1 < f->n && row_pair(&f->lines[i], &f->lines[i + 1]));
}

static Str whole_body(const Format *f, size_t i) {
    const Line *l = &f->lines[i];
    bool table = in_table(f, i);
    Buf b = BUF_INIT((size_t)2 * LIMIT_FILE_BYTES);
    buf_str_add(&b, l->body);
    if (l->value.len && l->gap)
        blanks(&b, table ? l->gap : 1);
    if (l->flow)
        line_flow(&b, l->value, table);
    else
        buf_add(&b, l->value.p, l->value.len);
    Str body = arena_str(f->a, l->inside ? buf_str(&b) : line_trim(buf_str(&b)));
    buf_deinit(&b);
    return body;
}

/* Comments that follow each other at one column stay at one; others stand close. */
static void align_comments(const Format *f, const Str *bodies, size_t *columns) {
    size_t first = 0, n = 0, longest = 0, last = 0;
    for (size_t i = 0; i <= f->n; i++) {
        const Line *l = i < f->n ? &f->lines[i] : NULL;
        if (l && !(bodies[i].len && l->comment.len))
            continue;
        if (n && !(l && l->comment_column == f->lines[first].comment_column)) {
            size_t column = n > 1 ? MAX(longest, f->lines[first].comment_column) : longest;
            for (size_t k = first; k <= last; k++)
                columns[k] = column;
            n = longest = 0;
        }
        if (!l)
            break;
        first = n++ ? first : i;
        last = i;
        longest = MAX(longest, l->indent + str_codepoints(bodies[i]) + 2);
    }
}

static void emit(const Format *f, Buf *b) {
    Str *bodies = ARENA_ARRAY(f->a, Str, f->n);
    size_t *columns = ARENA_ARRAY(f->a, size_t, f->n);
    for (size_t i = 0; i < f->n; i++)
        bodies[i] = whole_body(f, i);
    align_comments(f, bodies, columns);
    for (size_t i = 0; i < f->n; i++) {
        const Line *l = &f->lines[i];
        if (bodies[i].len || l->comment.len)
            blanks(b, l->indent);
        buf_str_add(b, bodies[i]);
        if (bodies[i].len && l->comment.len)
            blanks(b, columns[i] - l->indent - str_codepoints(bodies[i]));
        buf_add(b, l->comment.p, l->comment.len);
        buf_char(b, '\n');
    }
}

/* ---- the proof that nothing changed */

static bool same_letters(Str x, Str y) {
    size_t i = 0, k = 0;
    for (;; i++, k++) {
        while (i < x.len && strchr(" \t\r\n", x.p[i]))
            i++;
        while (k < y.len && strchr(" \t\r\n", y.p[k]))
            k++;
        if (i == x.len || k == y.len || x.p[i] != y.p[k])
            return i == x.len && k == y.len;
    }
}

static bool same_tree(const Yaml *x, const Yaml *y) {
    if (x->kind != y->kind || x->style != y->style || x->flow != y->flow || x->n != y->n ||
        (x->kind == YAML_SCALAR && !str_eq(x->text, y->text)))
        return false;
    for (size_t i = 0; x->kind != YAML_SCALAR && i < x->n; i++) {
        bool map = x->kind == YAML_MAP;
        if (map && !same_tree(x->entries[i].key, y->entries[i].key))
            return false;
        if (!same_tree(map ? x->entries[i].value : x->items[i],
                       map ? y->entries[i].value : y->items[i]))
            return false;
    }
    return true;
}

static bool proven(Arena *a, Str name, const YamlFile *before, Str text) {
    YamlFile after;
    Diags ignored = { .arena = a };
    return same_letters(before->text, text) && yaml_read(a, name, text, &ignored, &after) == 0 &&
           same_tree(before->root, after.root);
}

/* A line ends with \n, \r\n or \r. */
static void split(Format *f, Str text) {
    size_t n = 1, from = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.p[i] == '\n' || text.p[i] == '\r';
    Str *lines = ARENA_ARRAY(f->a, Str, n);
    for (size_t i = 0; i <= text.len; i++) {
        char c = i < text.len ? text.p[i] : '\n';
        if (c != '\n' && c != '\r')
            continue;
        if (i > from || i < text.len)
            lines[f->n_source++] = str_slice(text, from, i);
        i += c == '\r' && i + 1 < text.len && text.p[i + 1] == '\n';
        from = i + 1;
    }
    f->source = lines;
}

/* What a file would be once laid out, proven to say the same. False: it cannot be. */
static bool lay_out(Arena *a, Str name, Str text, Str *ret) {
    YamlFile before;
    Diags unread = { .arena = a };
    if (yaml_read(a, name, text, &unread, &before) != 0)
        return false;
    Format *f = ARENA_NEW(a, Format);
    Buf b = BUF_INIT((size_t)2 * LIMIT_FILE_BYTES);
    f->a = a;
    split(f, text);
    place(f);
    emit(f, &b);
    *ret = arena_str(a, buf_str(&b));
    bool good = !buf_over(&b) && !f->too_deep && before.root->kind != YAML_SCALAR &&
                proven(a, name, &before, *ret);
    buf_deinit(&b);
    return good;
}

/* Once is enough but for texts over several lines that nobody writes, whose lines move again when the first has moved. */
#define ROUNDS_MAX 6

/* Laid out until nothing moves any more, so that laying out again changes nothing whatever the file was. */
static bool come_to_rest(Arena *a, Str name, Str text, Str *ret) {
    Str made;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!lay_out(a, name, text, &made))
            return false;
        if (round > 0 && str_eq(made, text)) {
            *ret = made;
            return true;
        }
        text = made;
    }
    return false;
}

int format_text(Arena *a, Str name, Str text, Diags *diags, Buf *ret) {
    YamlFile readable;
    Str made;
    if (yaml_read(a, name, text, diags, &readable) != 0)
        return FORMAT_E_REFUSED;
    if (!come_to_rest(a, name, text, &made)) {
        diag_error(diags, (Pos){ name, 1, 1 }, "format", "it stays as it is",
                   "this file cannot be laid out without changing what it says");
        return FORMAT_E_REFUSED;
    }
    buf_str_add(ret, made);
    return 0;
}
