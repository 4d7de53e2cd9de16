/* What stands under `run:`, `http:` and `mcp:`. A program is named in the file, never by data, and what an interpreter is to
 * execute holds no expression: data reaches a program as an argument, by stdin or by the environment. */
#include "spec/read.h"

/* Where the templates of one callee go, and what they see. */
typedef struct Draft {
    Callee *callee;
    const Sight *sight;
} Draft;

/* What is sent and never kept may hold secrets. */
static Template *read_sent(Reader *r, const Yaml *y, const Draft *d) {
    Sight sight = *d->sight;
    sight.sees |= SEES_SECRETS;
    return read_template(r, y, &sight);
}

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

/* A program's arguments are texts: `[sleep, 1]` means "1". */
static Value as_text(Reader *r, Value v) {
    return v.type == V_STRING ? v : value_str(value_plain(r->arena, v));
}

static void texts_of_list(Reader *r, Template *t) {
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i]->kind == TEMPLATE_CONST)
            t->parts[i]->constant = as_text(r, t->parts[i]->constant);
    if (t->kind != TEMPLATE_CONST)
        return;
    Value *items = ARENA_ARRAY(r->arena, Value, t->constant.len);
    for (uint32_t i = 0; i < t->constant.len; i++)
        items[i] = as_text(r, t->constant.items[i]);
    t->constant = value_list(items, t->constant.len);
}

static void texts_of_map(Reader *r, Template *t) {
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i]->kind == TEMPLATE_CONST)
            t->parts[i]->constant = as_text(r, t->parts[i]->constant);
    if (t->kind != TEMPLATE_CONST)
        return;
    MapBuilder m = map_builder(r->arena);
    for (uint32_t i = 0; i < t->constant.len; i++) {
        ValueEntry e = value_entry(t->constant, i);
        map_add(&m, e.key, as_text(r, e.value));
    }
    t->constant = map_done(&m, NULL);
}

/* ---- interpreters ---------------------------------------------------------------------------------------------------- */

static bool is_one_of(Str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_is(s, words[i]))
            return true;
    return false;
}

static Str base_name(Str path) {
    size_t at = path.len;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return str_slice(path, at, path.len);
}

/* python3.11 is python3 is python. */
static bool is_interpreter(Str s) {
    static const char *const names[] = { "sh",   "bash", "dash", "zsh", "ksh", "python",
                                         "node", "perl", "ruby", "php", "lua", "deno" };
    Str name = base_name(s);
    while (name.len && ((name.p[name.len - 1] >= '0' && name.p[name.len - 1] <= '9') ||
                        name.p[name.len - 1] == '.'))
        name.len--;
    return is_one_of(name, names, ARRAY_LEN(names));
}

/* -c -e -lc -ec --eval --command -p: what follows is a program. */
static bool takes_program(Str s) {
    static const char *const words[] = { "--eval", "--command", "--print", "eval" };
    if (is_one_of(s, words, ARRAY_LEN(words)))
        return true;
    if (s.len < 2 || s.p[0] != '-' || s.p[1] == '-')
        return false;
    char last = s.p[s.len - 1];
    return last == 'c' || last == 'e' || last == 'E' || last == 'p';
}

static bool is_text(const Yaml *y) {
    return y->kind == YAML_SCALAR && !text_has_expression(y->text);
}

static void check_program_text(Reader *r, const Yaml *list) {
    bool interpreter = false, program = false;
    for (size_t i = 0; i < list->n; i++) {
        const Yaml *item = list->items[i];
        if (program && !is_text(item))
            error_at(r, item, "program_text",
                     "pass it by `stdin:` or `env:`, or as a later argument",
                     "an expression inside program text would be executed");
        bool text = is_text(item);
        program = text && interpreter && takes_program(item->text);
        interpreter |= text && is_interpreter(item->text);
    }
}

/* ---- run ------------------------------------------------------------------------------------------------------------- */

static Template *read_command(Reader *r, const Yaml *y, const Sight *sight) {
    if (y->kind != YAML_LIST || y->n == 0) {
        error_at(r, y, "value",
                 "like `run: [python3, tool.py]`; a shell line is `[sh, -c, \"...\"]`",
                 "a command is a list of a program and its arguments");
        return NULL;
    }
    if (!is_text(y->items[0]) || y->items[0]->text.len == 0) {
        error_at(r, y->items[0], "value", NULL,
                 "the program is named in the file, not by an expression");
        return NULL;
    }
    for (size_t i = 0; i < y->n; i++)
        if (y->items[i]->kind != YAML_SCALAR) {
            error_at(r, y->items[i], "value",
                     "hand structured data over by `with:`; it arrives on stdin",
                     "an argument of a program is a text");
            return NULL;
        }
    check_program_text(r, y);
    Template *t = read_template(r, y, sight);
    if (t)
        texts_of_list(r, t);
    return t;
}

static void set_command(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->command = read_command(r, value, d->sight);
}

static void set_env(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    if (!read_is_map(r, value, "`env`"))
        return;
    for (size_t i = 0; i < value->n; i++)
        if (str_starts(value->entries[i].key->text, STR("BATON_")))
            error_at(r, value->entries[i].key, "name", "choose another name",
                     "names that begin with BATON_ are the engine's own");
    d->callee->env = read_sent(r, value, d);
    if (d->callee->env)
        texts_of_map(r, d->callee->env);
}

static void set_cwd(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->cwd = read_template(r, value, d->sight);
}

static void set_stdin(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->standard_input = read_template(r, value, d->sight);
}

static void set_sandbox(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_sandbox(r, value, &((Draft *)target)->callee->sandbox);
}

static const KeyRow run_rows[] = {
    { "command", set_command }, { "env", set_env },         { "cwd", set_cwd },
    { "stdin", set_stdin },     { "sandbox", set_sandbox },
};

void read_run(Reader *r, const Yaml *y, const Sight *sight, Callee *callee) {
    Draft d = { callee, sight };
    callee->kind = CALLEE_RUN;
    if (y->kind != YAML_MAP) {
        callee->command = read_command(r, y, sight);
        return;
    }
    if (!yaml_get(y, "command"))
        error_at(r, y, "missing", "like `{ command: [prog, arg], env: { ... } }`",
                 "`command` is missing in `run`");
    read_map(r, y, run_rows, ARRAY_LEN(run_rows), "`run`", &d);
}

/* ---- http ------------------------------------------------------------------------------------------------------------ */

static void set_method(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    static const char *const methods[] = { "GET",   "HEAD",   "POST",   "PUT",
                                           "PATCH", "DELETE", "OPTIONS" };
    Draft *d = target;
    Str method;
    if (!read_text(r, value, "`method`", &method))
        return;
    if (!is_one_of(method, methods, ARRAY_LEN(methods)))
        error_at(r, value, "value", "GET HEAD POST PUT PATCH DELETE OPTIONS",
                 "unknown method `%.*s`", (int)MIN(method.len, 40), method.p);
    d->callee->method = read_template(r, value, d->sight);
}

static void set_url(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    if (value->kind != YAML_SCALAR || value->text.len == 0) {
        error_at(r, value, "value", NULL, "`url` is a text");
        return;
    }
    if (is_text(value) && !str_starts(value->text, STR("http://")) &&
        !str_starts(value->text, STR("https://")))
        error_at(r, value, "value", NULL, "`url` begins with https:// or http://");
    d->callee->url = read_sent(r, value, d);
    d->callee->host_of_data = d->callee->url && url_host_of_data(d->callee->url);
}

static void set_query(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    if (value->kind == YAML_MAP || read_is_map(r, value, "`query`"))
        d->callee->query = read_sent(r, value, d);
}

static void set_headers(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    if (!read_is_map(r, value, "`headers`"))
        return;
    d->callee->headers = read_sent(r, value, d);
    if (d->callee->headers)
        texts_of_map(r, d->callee->headers);
}

static void set_body(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->body = read_sent(r, value, d);
}

static const KeyRow http_rows[] = {
    { "method", set_method },   { "url", set_url },   { "query", set_query },
    { "headers", set_headers }, { "body", set_body },
};

static void see_secret(void *ctx, uint64_t slot, Pos pos) {
    (void)pos;
    *(bool *)ctx |= slot_kind(slot) == SLOT_SECRET;
}

static bool holds_secret(const Callee *c) {
    const Template *sent[] = { c->url, c->query, c->headers, c->body };
    bool secret = false;
    for (size_t i = 0; i < ARRAY_LEN(sent); i++)
        template_slots(sent[i], see_secret, &secret);
    return secret;
}

static void keep_secrets(Reader *r, const Yaml *y, const Callee *c) {
    const Yaml *url = y->kind == YAML_MAP ? yaml_get(y, "url") : y;
    if (c->host_of_data && holds_secret(c))
        error_at(r, url ? url : y, "secret",
                 "write the host in the file, or in `vars` of the project; what comes behind its "
                 "`/` may be data",
                 "data would decide which host is sent a secret");
}

void read_http(Reader *r, const Yaml *y, const Sight *sight, Callee *callee) {
    Draft d = { callee, sight };
    callee->kind = CALLEE_HTTP;
    if (y->kind != YAML_MAP) {
        error_at(r, y, "value", "like `http: { method: POST, url: https://..., body: ... }`",
                 "`http` is a map");
        return;
    }
    if (!yaml_get(y, "url"))
        error_at(r, y, "missing", NULL, "`url` is missing in `http`");
    if (yaml_get(y, "body") && !yaml_get(y, "method"))
        error_at(r, y, "missing", "write `method: POST` or `method: PUT`",
                 "a `body` needs a `method`");
    read_map(r, y, http_rows, ARRAY_LEN(http_rows), "`http`", &d);
    keep_secrets(r, y, callee);
}

/* ---- a2a ------------------------------------------------------------------------------------------------------------- */

static const KeyRow a2a_rows[] = {
    { "url", set_url },
    { "headers", set_headers },
};

void read_a2a(Reader *r, const Yaml *y, const Sight *sight, Callee *callee) {
    Draft d = { callee, sight };
    callee->kind = CALLEE_A2A;
    if (y->kind != YAML_MAP)
        set_url(r, NULL, y, &d);
    else if (!yaml_get(y, "url"))
        error_at(r, y, "missing", "like `a2a: { url: https://..., headers: { ... } }`",
                 "`url` is missing in `a2a`");
    else
        read_map(r, y, a2a_rows, ARRAY_LEN(a2a_rows), "`a2a`", &d);
    keep_secrets(r, y, callee);
}

/* ---- mcp ------------------------------------------------------------------------------------------------------------- */

static const KeyRow mcp_rows[] = {
    { "command", set_command },
    { "env", set_env },
    { "url", set_url },
    { "headers", set_headers },
};

static void refuse_beside(Reader *r, const Yaml *y, const char *word, const char *with) {
    const Yaml *value = yaml_get(y, word);
    if (value && !yaml_get(y, with))
        error_at(r, value, "value", NULL, "`%s` is for a server with `%s`", word, with);
}

void read_mcp(Reader *r, const Yaml *y, Callee *callee) {
    Sight sight = { .sees = SEES_NO_INPUT | SEES_NO_RUN, .stands_in = "`mcp`" };
    Draft d = { callee, &sight };
    callee->kind = CALLEE_MCP;
    if (y->kind != YAML_MAP) {
        error_at(r, y, "value",
                 "like `mcp: { command: [npx, server] }` or `mcp: { url: https://... }`",
                 "`mcp` is a map");
        return;
    }
    read_block(r, y, language_block(STR("Mcp")), mcp_rows, ARRAY_LEN(mcp_rows), &sight, &d);
    refuse_beside(r, y, "env", "command");
    refuse_beside(r, y, "headers", "url");
}
