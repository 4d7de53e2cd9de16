/* baton prompts: every word the engine adds to what models are told, built in or from files of the project, and with FILE what
 * its agents are told. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/say.h"
#include "cli/starter.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a template as its file has it */

static void write_template(Buf *b, const Template *t, Arena *a) {
    switch (t->kind) {
    case TEMPLATE_CONST: buf_str_add(b, value_plain(a, t->constant)); return;
    case TEMPLATE_EXPR: buf_fmt(b, "${{%.*s}}", STR_FMT(cel_source(t->program))); return;
    case TEMPLATE_JOIN:
        for (size_t i = 0; i < t->n; i++)
            write_template(b, t->parts[i], a);
        return;
    case TEMPLATE_LIST:
    case TEMPLATE_MAP: return; /* instructions are a text */
    }
}

static Str told(const Callee *c, Arena *a) {
    Buf b = BUF_INIT(MIB);
    buf_str_add(&b, c->role);
    if (c->role.len && c->instructions)
        buf_str_add(&b, STR("\n\n"));
    if (c->instructions)
        write_template(&b, c->instructions, a);
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* ---- the list */

static Value entry(Arena *a, Str name, Str when, Str text, Str from) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "name", value_str(name));
    map_addz(&m, "when", value_str(when));
    map_addz(&m, "from", from.len ? value_str(from) : VALUE_NULL);
    map_addz(&m, "text", value_str(text));
    return map_done(&m, NULL);
}

static Str file_of(Arena *a, const Prompt *p) { return prompt_file(a, (PromptName)(p - prompts)); }

/* `own`: the project's words for it; empty: there are none. */
static Value built_in(Arena *a, const Prompt *p, Str own) {
    Value e = entry(a, str_from(p->name), str_from(p->when), own.len ? own : str_from(p->text),
                    own.len ? file_of(a, p) : STR(""));
    return p->about ? value_with(a, e, STR("about"), value_str(str_from(p->about))) : e;
}

static void add_built_in(ListBuilder *list, const Str texts[PROMPT_COUNT], Arena *a) {
    for (size_t i = 0; i < PROMPT_COUNT; i++)
        list_add(list, built_in(a, &prompts[i], texts[i]));
}

static void add_agents(const Plan *plan, ListBuilder *list, Arena *a) {
    for (size_t i = 0; i < plan->n_callees; i++) {
        const Callee *c = plan->callees[i];
        if (c->kind == CALLEE_MODEL)
            list_add(list, entry(a, arena_fmt(a, "agent %.*s", STR_FMT(c->name)),
                                 STR("the system message of each of its calls"), told(c, a),
                                 c->pos.file));
    }
}

static void write_lines(Buf *b, Str text) {
    while (text.len > 0) {
        ptrdiff_t end = str_find(text, STR("\n"));
        Str line = str_slice(text, 0, end < 0 ? text.len : (size_t)end);
        text = str_slice(text, MIN(line.len + 1, text.len), text.len);
        buf_str_add(b, STR("    "));
        words_clean(b, line, 4000);
        buf_char(b, '\n');
    }
}

static void print(Value list) {
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(16 << 20);
    for (size_t i = 0; i < list.len; i++) {
        Value e = list.items[i], from = value_getz(e, "from"), about = value_getz(e, "about");
        buf_fmt(&b, "%s%.*s  %s%.*s", i ? "\n" : "", STR_FMT(value_as_str(value_getz(e, "name"))),
                ink_dim(&ink), STR_FMT(value_as_str(value_getz(e, "when"))));
        if (value_is(about, V_STRING))
            buf_fmt(&b, "; {} is %.*s", STR_FMT(value_as_str(about)));
        buf_fmt(&b, "%s\n", ink_end(&ink));
        if (value_is(from, V_STRING))
            buf_fmt(&b, "  from %.*s\n", STR_FMT(value_as_str(from)));
        write_lines(&b, value_as_str(value_getz(e, "text")));
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
}

static int list_all(const Args *args, const Plan *plan, const Str texts[PROMPT_COUNT]) {
    ListBuilder list = list_builder(args->arena);
    if (plan)
        add_agents(plan, &list, args->arena);
    add_built_in(&list, texts, args->arena);
    if (args->json)
        out_json(list_done(&list));
    else
        print(list_done(&list));
    return EXIT_OK;
}

/* ---- one of them, to be read or to be edited */

static int print_one(const Args *args, const Prompt *p, const Str texts[PROMPT_COUNT]) {
    Value e = built_in(args->arena, p, texts[p - prompts]);
    if (args->json)
        out_json(e);
    else
        out_str(arena_fmt(args->arena, "%.*s\n", STR_FMT(value_as_str(value_getz(e, "text")))));
    return EXIT_OK;
}

static Str here_from(Arena *a) {
    char here[4096];
    return arena_str(a, str_from(getcwd(here, sizeof here) ? here : "."));
}

static bool is_there(Str path) { return access(path.p, F_OK) == 0; }

/* Several levels, like `mkdir -p`. */
static int make_folder(Arena *a, Str folder) {
    Str below = STR(PROMPT_FOLDER);
    for (size_t i = 0; i < below.len; i++) {
        Str path = arena_fmt(a, "%.*s/%.*s", STR_FMT(folder), (int)i, below.p);
        if (below.p[i] == '/' && mkdir(path.p, 0777) != 0 && errno != EEXIST)
            return say_error(EXIT_USAGE, "cannot make %.*s: %s", "", STR_FMT(path),
                             strerror(errno));
    }
    return EXIT_OK;
}

static int write_one(const Args *args, Str folder, const Prompt *p, ListBuilder *written) {
    Str file = file_of(args->arena, p);
    Str path = arena_fmt(args->arena, "%.*s/%.*s", STR_FMT(folder), STR_FMT(file));
    Str shown = project_path(args->arena, folder, file, here_from(args->arena));
    if (is_there(path))
        return say_error(EXIT_CONFLICT, "%.*s is there already and is left as it is",
                         "edit it, or remove it first", STR_FMT(shown));
    list_add(written, value_str(shown));
    return starter_write(path, arena_fmt(args->arena, "%s\n", p->text));
}

/* Without `p` all that are not there yet. */
static int write_out(const Args *args, Str folder, const Prompt *p) {
    ListBuilder written = list_builder(args->arena);
    int code = make_folder(args->arena, folder);
    for (size_t i = 0; i < PROMPT_COUNT && code == EXIT_OK; i++) {
        Str path = arena_fmt(args->arena, "%.*s/%.*s", STR_FMT(folder),
                             STR_FMT(file_of(args->arena, &prompts[i])));
        if (p ? p == &prompts[i] : !is_there(path))
            code = write_one(args, folder, &prompts[i], &written);
    }
    Value list = list_done(&written);
    if (code != EXIT_OK)
        return code;
    if (args->json)
        out_json(list);
    for (size_t i = 0; !args->json && i < list.len; i++)
        say_line("wrote %.*s", STR_FMT(value_as_str(list.items[i])));
    if (!args->json)
        say_line(list.len
                     ? "new runs are told what stands there; removed, the built-in text holds again"
                     : "all of them are there already");
    return EXIT_OK;
}

/* ---- the command */

static int refuse_name(const char *word) {
    Str near = prompt_near(str_from(word));
    if (near.p)
        return say_error(EXIT_USAGE, "the engine has no prompt `%s`", "did you mean `%.*s`?", word,
                         STR_FMT(near));
    return say_error(EXIT_USAGE, "the engine has no prompt `%s`", "`baton prompts` lists them",
                     word);
}

static int list_file(const Args *args, const char *file) {
    Str closure;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    int code = inputs_look(args, file, &closure, &plan);
    return code ? code : list_all(args, plan, plan->prompts);
}

static bool may_be_file(const char *word) {
    Str s = str_from(word);
    return is_there(s) || str_find(s, STR("/")) >= 0 || str_find(s, STR(".")) >= 0;
}

int cmd_prompts(Args *args) {
    Str texts[PROMPT_COUNT] = { 0 };
    Diags diags;
    const char *word = args->n_words ? args->words[0] : NULL;
    const Prompt *p = word ? prompt_find(str_from(word)) : NULL;
    bool write = args_flag(args, "write") != NULL;
    if (word && !p && (write || !may_be_file(word)))
        return refuse_name(word);
    if (word && !p)
        return list_file(args, word);
    Str here = here_from(args->arena), folder = project_folder(args->arena, here);
    if (write)
        return write_out(args, folder, p);
    project_prompts(args->arena, folder, here, &diags, texts);
    inputs_print(&diags);
    int code = p ? print_one(args, p, texts) : list_all(args, NULL, texts);
    return diags.errors ? EXIT_USAGE : code;
}
