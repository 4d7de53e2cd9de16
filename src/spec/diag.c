/* The list of problems. Errors matter more than warnings: warnings may fill half of the list only, and errors past its
 * end are still counted, so that a file with problems is never accepted. */
#include "spec/diag.h"

#include <stdarg.h>
#include <stdio.h>

/* Longer messages are cut: they quote the file, and a person reads only so much. */
#define MESSAGE_BYTES_MAX 600
#define SOURCE_BYTES_MAX 400
#define CARET_COLUMN_MAX 160

static const DiagFile *file_named(const Diags *d, Str name) {
    const DiagFile *f = d->files;
    while (f && !str_eq(f->name, name))
        f = f->older;
    return f;
}

static Str line_of(const DiagFile *f, unsigned line) {
    Str text = f ? f->text : STR("");
    size_t at = 0;
    for (unsigned n = 1; n < line; n++) {
        const char *end = at < text.len ? memchr(text.p + at, '\n', text.len - at) : NULL;
        if (!end)
            return STR("");
        at = (size_t)(end - text.p) + 1;
    }
    size_t end = at;
    while (end < text.len && text.p[end] != '\n' && text.p[end] != '\r')
        end++;
    return str_slice(text, at, MIN(end, at + SOURCE_BYTES_MAX));
}

static bool is_known(const Diags *d, const Diag *x) {
    for (size_t i = 0; i < d->n; i++) {
        const Diag *y = &d->items[i];
        if (y->pos.line == x->pos.line && y->pos.column == x->pos.column &&
            str_eq(y->pos.file, x->pos.file) && str_eq(y->code, x->code) &&
            str_eq(y->message, x->message))
            return true;
    }
    return false;
}

PRINTF(6, 0)
static void add(Diags *d, bool warning, Pos pos, const char *code, const char *remedy,
                const char *fmt, va_list args) {
    char message[MESSAGE_BYTES_MAX];
    vsnprintf(message, sizeof message, fmt, args);
    Diag diag = { .pos = pos,
                  .warning = warning,
                  .code = str_from(code),
                  .message = str_from(message),
                  .remedy = STR("") };
    if (is_known(d, &diag))
        return;
    d->errors += !warning;
    if (d->n >= (warning ? DIAGS_MAX / 2 : DIAGS_MAX))
        return;
    diag.message = arena_str(d->arena, diag.message);
    diag.code = arena_str(d->arena, diag.code);
    if (remedy)
        diag.remedy = arena_str(d->arena, str_from(remedy));
    diag.pos.file = arena_str(d->arena, pos.file);
    diag.source = pos.line ? arena_str(d->arena, line_of(file_named(d, pos.file), pos.line))
                           : STR("");
    d->items[d->n++] = diag;
}

void diag_error(Diags *d, Pos pos, const char *code, const char *remedy, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add(d, false, pos, code, remedy, fmt, args);
    va_end(args);
}

void diag_warn(Diags *d, Pos pos, const char *code, const char *remedy, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add(d, true, pos, code, remedy, fmt, args);
    va_end(args);
}

void diags_read(Diags *d, Arena *a, Str name, Str text) {
    DiagFile *f = ARENA_NEW(a, DiagFile);
    *f = (DiagFile){ d->files, name, text, d->files ? d->files->rank + 1 : 1 };
    d->files = f;
}

static unsigned rank_of(const Diags *d, const Diag *x) {
    const DiagFile *f = file_named(d, x->pos.file);
    return f ? f->rank : 0;
}

static bool is_before(const Diags *d, const Diag *a, const Diag *b) {
    if (!str_eq(a->pos.file, b->pos.file))
        return rank_of(d, a) < rank_of(d, b);
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line;
    return a->pos.column < b->pos.column;
}

void diags_done(Diags *d) {
    for (size_t i = 1; i < d->n; i++) {
        Diag x = d->items[i];
        size_t at = i;
        for (; at > 0 && is_before(d, &x, &d->items[at - 1]); at--)
            d->items[at] = d->items[at - 1];
        d->items[at] = x;
    }
    d->files = NULL;
}

static void write_caret(Buf *b, const Diag *d) {
    if (d->source.len == 0 || d->pos.column == 0 || d->pos.column > CARET_COLUMN_MAX)
        return;
    buf_fmt(b, "    %.*s\n    ", STR_FMT(d->source));
    size_t at = 0;
    for (unsigned n = 1; n < d->pos.column; n++) {
        bool tab = at < d->source.len && d->source.p[at] == '\t';
        buf_char(b, tab ? '\t' : ' ');
        if (at < d->source.len)
            str_next_codepoint(d->source, &at);
    }
    buf_fmt(b, "^\n");
}

void diag_write(Buf *b, const Diag *d) {
    buf_str_add(b, d->pos.file);
    if (d->pos.line)
        buf_fmt(b, ":%u:%u", d->pos.line, d->pos.column);
    buf_fmt(b, ": %s: %.*s\n", d->warning ? "warning" : "error", STR_FMT(d->message));
    if (d->remedy.len)
        buf_fmt(b, "    %.*s\n", STR_FMT(d->remedy));
    write_caret(b, d);
}
