/* A table from what libyaml says, and from what stands in the line, to what the author probably meant. */
#include "spec/yaml_trouble.h"

#include <yaml.h>

size_t yaml_offset(const YamlFile *file, unsigned line, unsigned column) {
    if (line == 0 || line > file->n_lines)
        return file->text.len;
    size_t at = file->lines[line - 1];
    for (unsigned n = 1; n < column && at < file->text.len && file->text.p[at] != '\n'; n++)
        str_next_codepoint(file->text, &at);
    return at;
}

Str yaml_line_rest(const YamlFile *file, size_t offset) {
    Str rest = str_slice(file->text, offset, file->text.len);
    for (const char *at = "\n\r"; *at; at++) {
        const char *end = rest.len ? memchr(rest.p, *at, rest.len) : NULL;
        rest.len = end ? (size_t)(end - rest.p) : rest.len;
    }
    return rest;
}

static Pos pos_of_byte(const YamlFile *file, size_t offset) {
    unsigned line = file->n_lines;
    while (line > 1 && file->lines[line - 1] > offset)
        line--;
    Str before = str_slice(file->text, file->lines[line - 1], offset);
    return (Pos){ file->name, line, (unsigned)str_codepoints(before) + 1 };
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------- */

static bool is_control(unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

/* U+0085, U+2028 and U+2029 end a line in YAML 1.1 and are ordinary characters in 1.2. */
static bool is_old_break(Str s, size_t at) {
    Str rest = str_slice(s, at, s.len);
    return str_starts(rest, STR("\xc2\x85")) || str_starts(rest, STR("\xe2\x80\xa8")) ||
           str_starts(rest, STR("\xe2\x80\xa9"));
}

bool yaml_check_bytes(const YamlFile *file, Diags *diags) {
    Str s = file->text;
    if (!str_is_utf8(s)) {
        diag_error(diags, (Pos){ .file = file->name }, "yaml", "save it as UTF-8",
                   "the file is not UTF-8 text");
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_control(c)) {
            diag_error(diags, pos_of_byte(file, i), "yaml",
                       "write it as an escape in double quotes", "control character U+%04X", c);
            return false;
        }
        if ((c == 0xc2 || c == 0xe2) && is_old_break(s, i)) {
            diag_error(diags, pos_of_byte(file, i), "yaml",
                       "write it as an escape in double quotes: \"\\u2028\"",
                       "a line separator other than the ordinary one");
            return false;
        }
    }
    return true;
}

void yaml_warn_cut(const YamlFile *file, Diags *diags, Pos end) {
    size_t at = yaml_offset(file, end.line, 1);
    Str line = yaml_line_rest(file, at);
    if (line.len == 0 || !memchr(line.p, '#', line.len))
        return;
    at = yaml_offset(file, end.line, end.column);
    Str rest = yaml_line_rest(file, at);
    size_t blanks = 0;
    while (blanks < rest.len && (rest.p[blanks] == ' ' || rest.p[blanks] == '\t'))
        blanks++;
    if (blanks == 0 || blanks + 1 >= rest.len || rest.p[blanks] != '#' ||
        rest.p[blanks + 1] == ' ' || rest.p[blanks + 1] == '#')
        return;
    end.column += (unsigned)blanks;
    diag_warn(diags, end, "comment",
              "quote the text if `#` belongs to it; else put a space after `#`",
              "the text ends before `#`: the rest of the line is a comment");
}

/* ---- what the parser says -------------------------------------------------------------------------------------------- */

static bool says(const char *text, const char *part) { return text && strstr(text, part); }

void yaml_report_tag(const YamlFile *file, Diags *diags, Pos pos) {
    Str rest = yaml_line_rest(file, yaml_offset(file, pos.line, pos.column));
    char remedy[160];
    while (rest.len && (rest.p[rest.len - 1] == ' ' || rest.p[rest.len - 1] == '}'))
        rest.len--;
    Buf b = BUF_INIT(sizeof remedy);
    if (str_starts(rest, STR("!!")))
        buf_fmt(&b, "leave the tag out; put a text into quotes");
    else if (rest.len > 1 && rest.len < 80)
        buf_fmt(&b, "quote the expression or write `${{ %.*s }}`", STR_FMT(rest));
    else
        buf_fmt(&b, "quote the expression or write `${{ !x }}`");
    buf_char(&b, '\0');
    diag_error(diags, pos, "yaml", b.p, "`!` begins a tag in YAML");
    buf_deinit(&b);
}

typedef struct Saying {
    const char *context, *problem; /* parts of libyaml's words; NULL: any */
    const char *in_line;           /* and this stands in the line; NULL: any */
    const char *message, *remedy;
} Saying;
/* The first that fits. */
static const Saying sayings[] = {
    { NULL, "mapping values are not allowed", "${{", "quote a value that holds `: `",
      "the `: ` in it would begin a map: put the whole value into quotes" },
    { NULL, "mapping values are not allowed", NULL, "quote a value that holds `: `",
      "or check the indentation of this line" },
    { "flow mapping", NULL, "${{", "inside { } quote expressions",
      "`{ with: \"${{ input.q }}\" }`" },
    { "flow sequence", NULL, "${{", "inside [ ] quote expressions", "`[ \"${{ input.q }}\" ]`" },
    { "flow mapping", NULL, NULL, "inside { } a `,` or the closing `}` is missing",
      "quote a text that holds any of , [ ] { }" },
    { "flow sequence", NULL, NULL, "inside [ ] a `,` or the closing `]` is missing",
      "quote a text that holds any of , [ ] { }" },
    { "flow node", NULL, NULL, "a value is missing inside { } or [ ]",
      "quote a text that begins with any of , [ ] { } & * ! | > % @ `" },
    { "block node", NULL, NULL, "a value is missing",
      "quote a text that begins with any of , ] } %" },
    { "block mapping", "did not find expected key", NULL, "this line does not fit the ones above",
      "check its indentation and that a quoted value ends with its quote" },
    { "block collection", "did not find expected '-'", NULL,
      "this line does not fit the list above",
      "items of a list begin with `- `, all equally indented" },
    { "quoted scalar", "found unexpected end of stream", NULL, "a quoted text does not end",
      "the closing quote is missing" },
    { "quoted scalar", "unknown escape", NULL, "unknown escape in double quotes",
      "double the backslash, or use single quotes, in which it means itself" },
    { "quoted scalar", "invalid Unicode", NULL, "an escape that is no character",
      "write the character itself, in UTF-8" },
    { "simple key", "could not find expected ':'", NULL, "a `:` is missing after a key",
      "or the line continues a text that needs quotes" },
    { NULL, "unknown directive", NULL, "directives are not part of the language", NULL },
    { NULL, "incompatible YAML document", NULL, "directives are not part of the language",
      "remove the line that begins with `%`" },
    { NULL, "directive", NULL, "directives are not part of the language",
      "remove the line that begins with `%`" },
    { "anchor", NULL, NULL, "`&` begins an anchor in YAML", "quote the text" },
    { "alias", NULL, NULL, "`*` begins an alias in YAML", "quote the text" },
    { NULL, "block sequence entries are not allowed", NULL, "a list cannot begin here",
      "put its first `- ` on a line of its own" },
    { NULL, "expected <document start>", NULL, "the file goes on after its end",
      "check the indentation of this line" },
};

static const Saying *saying_of(const char *context, const char *problem, Str line) {
    for (size_t i = 0; i < ARRAY_LEN(sayings); i++) {
        const Saying *s = &sayings[i];
        bool fits = (!s->context || says(context, s->context)) &&
                    (!s->problem || says(problem, s->problem)) &&
                    (!s->in_line || str_find(line, str_from(s->in_line)) >= 0);
        if (fits)
            return s;
    }
    return NULL;
}

/* A character no token begins with: a tab that indents, or one that YAML keeps for itself. */
static void report_character(const YamlFile *file, Diags *diags, Pos pos) {
    Str rest = yaml_line_rest(file, yaml_offset(file, pos.line, pos.column));
    if (rest.len && rest.p[0] == '\t')
        diag_error(diags, pos, "yaml", "use spaces", "a tab cannot indent");
    else
        diag_error(diags, pos, "yaml", "put it into quotes", "a text cannot begin with `%.*s`",
                   (int)MIN(rest.len, 1), rest.p);
}

/* What did not end is noticed lines later; the place to look is its beginning. */
static bool is_unclosed(const yaml_parser_t *p) {
    bool quoted = says(p->context, "quoted") && says(p->problem, "end of stream");
    return (quoted || says(p->context, "flow")) && p->context_mark.line != p->problem_mark.line;
}

void yaml_report(const yaml_parser_t *p, const YamlFile *file, Diags *diags) {
    yaml_mark_t at = is_unclosed(p) ? p->context_mark : p->problem_mark;
    Pos pos = { file->name, (unsigned)at.line + 1, (unsigned)at.column + 1 };
    if (pos.line > file->n_lines) /* the end, on a line that libyaml adds */
        pos = pos_of_byte(file, file->text.len);
    if (p->error == YAML_READER_ERROR)
        pos = pos_of_byte(file, MIN(p->problem_offset, file->text.len));
    Str line = yaml_line_rest(file, yaml_offset(file, pos.line, 1));
    const Saying *s = saying_of(p->context, p->problem, line);
    if (says(p->context, "scanning a tag") || says(p->context, "parsing a tag") ||
        says(p->problem, "tag handle")) {
        pos.line = (unsigned)p->context_mark.line + 1;
        pos.column = (unsigned)p->context_mark.column + 1;
        yaml_report_tag(file, diags, pos);
    } else if (says(p->problem, "cannot start any token")) {
        report_character(file, diags, pos);
    } else if (s) {
        diag_error(diags, pos, "yaml", s->remedy, "%s", s->message);
    } else {
        diag_error(diags, pos, "yaml", NULL, "this is not YAML: %s%s%s",
                   p->context ? p->context : "", p->context ? ", " : "",
                   p->problem ? p->problem : "");
    }
}
