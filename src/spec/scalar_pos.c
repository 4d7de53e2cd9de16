/* From a byte of a scalar's text back to the place in the file: the source of the scalar is walked again, and each step
 * says how many bytes of text it made. A block's text is its lines less their indentation. */
#include "spec/yaml.h"
#include "spec/yaml_trouble.h"

/* A walk over the source: line and column of code points at byte `at`. */
typedef struct Walk {
    Str s;
    size_t at;
    unsigned line, column;
} Walk;

static bool at_break(const Walk *w) {
    return w->at < w->s.len && (w->s.p[w->at] == '\n' || w->s.p[w->at] == '\r');
}

static void step_break(Walk *w) {
    bool crlf = w->s.p[w->at] == '\r' && w->at + 1 < w->s.len && w->s.p[w->at + 1] == '\n';
    w->at += crlf ? 2 : 1;
    w->line++;
    w->column = 1;
}

/* One character; gives its bytes. */
static size_t step(Walk *w) {
    size_t from = w->at;
    str_next_codepoint(w->s, &w->at);
    w->column++;
    return w->at - from;
}

static size_t skip_blanks(Walk *w) {
    size_t n = 0;
    for (; w->at < w->s.len && (w->s.p[w->at] == ' ' || w->s.p[w->at] == '\t'); n++)
        step(w);
    return n;
}

/* A line break in a plain or quoted scalar, with the blanks around it: one space, or one break less than there are. */
static size_t step_fold(Walk *w) {
    size_t breaks = 0;
    while (at_break(w)) {
        step_break(w);
        breaks++;
        skip_blanks(w);
    }
    return breaks > 1 ? breaks - 1 : 1;
}

static bool only_blanks_follow(const Walk *w) {
    Walk ahead = *w;
    skip_blanks(&ahead);
    return at_break(&ahead);
}

static size_t utf8_bytes(uint32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

/* A backslash escape of a double-quoted scalar; gives the bytes of what it means. */
static size_t step_escape(Walk *w) {
    step(w);
    if (at_break(w)) {
        step_fold(w);
        return 0;
    }
    char kind = w->at < w->s.len ? w->s.p[w->at] : 0;
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    uint32_t c = kind == 'L' || kind == 'P' ? 0x2028 : kind == 'N' || kind == '_' ? 0xa0 : 0;
    step(w);
    for (size_t i = 0; i < digits && w->at < w->s.len; i++) {
        unsigned char d = (unsigned char)w->s.p[w->at];
        c = c << 4 | (d <= '9' ? d & 15u : (d & 15u) + 9u);
        step(w);
    }
    return utf8_bytes(c);
}

/* One step of a flow scalar: how many bytes of text it stands for. */
static size_t step_flow(Walk *w, YamlStyle style) {
    char c = w->s.p[w->at];
    if (at_break(w))
        return step_fold(w);
    if ((c == ' ' || c == '\t') && only_blanks_follow(w)) {
        skip_blanks(w);
        return step_fold(w);
    }
    if (style == YAML_DOUBLE && c == '\\')
        return step_escape(w);
    if (style == YAML_SINGLE && c == '\'')
        step(w);
    return step(w);
}

static void walk_flow(Walk *w, YamlStyle style, size_t offset) {
    if (style != YAML_PLAIN)
        step(w);
    for (size_t made = 0; w->at < w->s.len;) {
        Walk before = *w;
        made += step_flow(w, style);
        if (made > offset) {
            *w = before;
            return;
        }
    }
}

/* Blanks before the first line that is not blank, in the file or in the text. */
static size_t blanks_before(Walk w) {
    for (;;) {
        size_t blanks = skip_blanks(&w);
        if (!at_break(&w))
            return blanks;
        step_break(&w);
    }
}

/* Indentation of a block. With an indicator (`>2`) some of the first line's blanks are text. */
static size_t block_indent(Walk w, Str text) {
    size_t blanks = blanks_before(w), kept = blanks_before((Walk){ .s = text });
    return blanks - MIN(kept, blanks);
}

static void walk_block(Walk *w, Str text, size_t offset) {
    while (w->at < w->s.len && !at_break(w))
        step(w);
    if (w->at == w->s.len)
        return;
    step_break(w);
    size_t indent = block_indent(*w, text), made = 0;
    while (w->at < w->s.len) {
        for (size_t i = 0; i < indent && w->at < w->s.len && w->s.p[w->at] == ' '; i++)
            step(w);
        while (w->at < w->s.len && !at_break(w)) {
            if (made >= offset)
                return;
            made += step(w);
        }
        if (made >= offset || w->at == w->s.len)
            return;
        step_break(w);
        made++;
    }
}

/* Its text is the file's. */
static Pos pos_in_raw(const Yaml *y, size_t offset) {
    Pos pos = { y->file->name, y->line, y->column };
    for (size_t at = 0; at < offset && at < y->text.len;) {
        bool breaks = y->text.p[at] == '\n';
        str_next_codepoint(y->text, &at);
        pos.line += breaks;
        pos.column = breaks ? 1 : pos.column + 1;
    }
    return pos;
}

Pos yaml_pos_within(const Yaml *scalar, size_t offset) {
    const YamlFile *f = scalar->file;
    if (scalar->style == YAML_RAW)
        return pos_in_raw(scalar, offset);
    Walk w = { f->text, yaml_offset(f, scalar->line, scalar->column), scalar->line,
               scalar->column };
    if (scalar->style == YAML_LITERAL || scalar->style == YAML_FOLDED)
        walk_block(&w, scalar->text, offset);
    else
        walk_flow(&w, scalar->style, offset);
    return (Pos){ f->name, w.line, w.column };
}
