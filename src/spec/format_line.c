#include "spec/format_line.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool blank_at(Str s, size_t i) { return i >= s.len || is_blank(s.p[i]); }

unsigned line_indent(Str line) {
    unsigned n = 0;
    while (n < line.len && line.p[n] == ' ')
        n++;
    return n;
}

Str line_trim(Str line) {
    while (line.len && is_blank(line.p[line.len - 1]))
        line.len--;
    return line;
}

Str line_skip(Str line) {
    size_t n = 0;
    while (n < line.len && is_blank(line.p[n]))
        n++;
    return str_slice(line, n, line.len);
}

bool line_is_item(Str rest) { return rest.len && rest.p[0] == '-' && blank_at(rest, 1); }

/* Behind the closing quote of the text that begins at `at`; the length if it does not end here. */
static size_t quote_end(Str s, size_t at) {
    char quote = s.p[at++];
    for (; at < s.len; at++) {
        if (quote == '"' && s.p[at] == '\\')
            at++;
        else if (s.p[at] == quote && quote == '\'' && at + 1 < s.len && s.p[at + 1] == quote)
            at++;
        else if (s.p[at] == quote)
            return at + 1;
    }
    return s.len;
}

size_t line_key(Str rest) {
    size_t at = 0;
    if (rest.len == 0 || strchr("{[|>#", rest.p[0]))
        return 0;
    if (rest.p[0] == '"' || rest.p[0] == '\'') {
        at = quote_end(rest, 0);
        while (at < rest.len && is_blank(rest.p[at]))
            at++;
        return at < rest.len && rest.p[at] == ':' && blank_at(rest, at + 1) ? at : 0;
    }
    size_t end = line_comment(rest);
    for (; at < end; at++)
        if (rest.p[at] == ':' && blank_at(rest, at + 1))
            return at;
    return 0;
}

size_t line_comment(Str rest) {
    for (size_t i = 0; i < rest.len; i++)
        if (rest.p[i] == '#' && (i == 0 || is_blank(rest.p[i - 1])))
            return i;
    return rest.len;
}

/* ---- values in brackets and quotes */

static size_t scan_quote(LineScan *s, Str line, size_t at) {
    for (; at < line.len; at++) {
        if (s->quote == '"' && line.p[at] == '\\')
            at++;
        else if (line.p[at] == s->quote && s->quote == '\'' && at + 1 < line.len &&
                 line.p[at + 1] == '\'')
            at++;
        else if (line.p[at] == s->quote) {
            s->quote = 0;
            s->fresh = false;
            return at + 1;
        }
    }
    return line.len;
}

bool line_scan(LineScan *s, Str line, size_t *ret_end) {
    size_t at = 0;
    while (at < line.len) {
        char c = line.p[at];
        if (s->quote) {
            at = scan_quote(s, line, at);
        } else if (c == '#' && (at == 0 || is_blank(line.p[at - 1]))) {
            break;
        } else {
            at++;
            if (s->fresh && (c == '"' || c == '\''))
                s->quote = c;
            s->depth += c == '{' || c == '[';
            s->depth -= s->depth && (c == '}' || c == ']');
            if (!is_blank(c))
                s->fresh = strchr("{[,", c) ||
                           (c == ':' && (blank_at(line, at) || strchr("\"'", line.p[at])));
        }
        if (s->depth == 0 && !s->quote) {
            *ret_end = at;
            return true;
        }
    }
    *ret_end = line.len;
    return false;
}

static size_t plain_end(Str s, size_t at) {
    while (at < s.len && !strchr(",[]{}", s.p[at]) &&
           !(s.p[at] == ':' && (blank_at(s, at + 1) || strchr(",[]{}", s.p[at + 1]))))
        at++;
    return at;
}

typedef struct Flow {
    Buf *b;
    Str text;
    bool keep;
    size_t skipped; /* blanks before this place */
} Flow;

static void gap(Flow *f, size_t source) {
    for (size_t n = f->keep ? MAX(source, (size_t)1) : 1; n; n--)
        buf_char(f->b, ' ');
}

static void write_mark(Flow *f, size_t at) {
    char c = f->text.p[at], before = f->b->len ? f->b->p[f->b->len - 1] : 0;
    Str tail = str_slice(f->text, at + 1, f->text.len), rest = line_skip(tail);
    char next = rest.len ? rest.p[0] : 0;
    if (c == '}' && before != '{' && before != ' ')
        gap(f, f->skipped);
    buf_char(f->b, c);
    if ((c == '{' && next != '}') || (c == ',' && next != ']') ||
        (c == ':' && next != ',' && next != '}' && next != ']'))
        gap(f, tail.len - rest.len);
}

void line_flow(Buf *b, Str flow, bool keep) {
    Flow f = { .b = b, .text = flow, .keep = keep };
    for (size_t at = 0; at < flow.len;) {
        char c = flow.p[at];
        size_t end = at + 1;
        if (is_blank(c)) {
            f.skipped++;
            at++;
            continue;
        }
        if (strchr("{}[],:", c)) {
            write_mark(&f, at);
        } else if (c == '"' || c == '\'') {
            end = quote_end(flow, at);
            buf_str_add(b, str_slice(flow, at, end));
        } else {
            end = plain_end(flow, at);
            Str plain = line_trim(str_slice(flow, at, end));
            buf_str_add(b, plain);
            end = at + plain.len;
        }
        f.skipped = 0;
        at = end;
    }
}
