/* Files of text: prompts, and cards with front matter.
 *
 *   ---                       <- line 1
 *   model: fast                  the root: YAML, read up to the second line of dashes
 *   ---
 *   You are the lead.            the body, a scalar of style YAML_RAW that begins on the first line that is not blank */
#include "spec/yaml.h"

static Yaml *raw_scalar(Arena *a, const YamlFile *f, Str text, unsigned line) {
    Yaml *y = ARENA_NEW(a, Yaml);
    for (size_t end = 0; end < text.len; end++) {
        char c = text.p[end];
        if (c == '\n') {
            text = str_slice(text, end + 1, text.len);
            end = (size_t)-1;
            line++;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            break;
        }
    }
    while (text.len && strchr(" \t\r\n", text.p[text.len - 1]))
        text.len--;
    *y = (Yaml){ .file = f,
                 .kind = YAML_SCALAR,
                 .style = YAML_RAW,
                 .line = line,
                 .column = 1,
                 .end_line = f->n_lines,
                 .text = arena_str(a, text) };
    return y;
}

int yaml_read_text(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file,
                   const Yaml **ret_body) {
    if (!yaml_open(a, name, text, diags, ret_file))
        return YAML_E_REFUSED;
    *ret_body = raw_scalar(a, ret_file, text, 1);
    return 0;
}

static bool is_dashes(const YamlFile *f, unsigned line) {
    size_t from = f->lines[line - 1], to = line < f->n_lines ? f->lines[line] : f->text.len;
    while (to > from && strchr(" \t\r\n", f->text.p[to - 1]))
        to--;
    return str_is(str_slice(f->text, from, to), "---");
}

/* The line that ends the front matter; 0 if there is none. */
static unsigned find_end(const YamlFile *f) {
    for (unsigned line = 2; is_dashes(f, 1) && line <= f->n_lines; line++)
        if (is_dashes(f, line))
            return line;
    return 0;
}

int yaml_read_card(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file,
                   const Yaml **ret_body) {
    YamlFile whole;
    if (!yaml_open(a, name, text, diags, &whole))
        return YAML_E_REFUSED;
    unsigned end = find_end(&whole);
    if (!end) {
        diag_error(diags, (Pos){ name, 1, 1 }, "card",
                   "`---`, its fields, `---`, and below them the instructions",
                   "a card of an agent begins with front matter");
        return YAML_E_REFUSED;
    }
    int r = yaml_read(a, name, str_slice(text, 0, whole.lines[end - 1]), diags, ret_file);
    diags_read(diags, a, name, text);
    if (r)
        return r;
    ret_file->text = text;
    ret_file->lines = whole.lines;
    ret_file->n_lines = whole.n_lines;
    size_t from = end < whole.n_lines ? whole.lines[end] : text.len;
    *ret_body = raw_scalar(a, ret_file, str_slice(text, from, text.len), end + 1);
    return 0;
}
