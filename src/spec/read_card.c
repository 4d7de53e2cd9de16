/* Texts in files of their own: `instructions: { file: prompts/x.md }`, and `agents: { lead: agents/lead.md }`, where the
 * front matter is the agent's fields and what follows its instructions. Their expressions are those of the text written
 * in place. */
#include "spec/read.h"

static Source *named_file(Reader *r, const Yaml *path, const char *what) {
    Str text;
    Source *s = read_text(r, path, what, &text) ? files_named(r->files, path) : NULL;
    if (s)
        note_file(r, s);
    return s;
}

const Yaml *read_prompt_file(Reader *r, const Yaml *y) {
    const Yaml *path = yaml_get(y, "file");
    if (!path || y->n != 1) {
        error_at(r, y, "value", "a text, or `{ file: prompts/x.md }`", "`instructions` is a text");
        return NULL;
    }
    Source *s = named_file(r, path, "the path of a prompt");
    const Yaml *body = s ? source_body(r->files, s) : NULL;
    if (!body || body->text.len)
        return body;
    error_at(r, path, "file", NULL, "%.*s is empty", STR_FMT(s->name));
    return NULL;
}

const Yaml *read_card_file(Reader *r, const Yaml *path, const Yaml **ret_body) {
    Source *s = named_file(r, path, "the path of a card");
    const Yaml *fields = s ? source_card(r->files, s) : NULL;
    if (fields && s->body->text.len)
        *ret_body = s->body;
    return fields;
}
