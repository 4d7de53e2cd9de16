/* baton prompts: every word the engine adds to what models are told, and with FILE what its agents are told. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/say.h"
#include "kernel/prompts.h"

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

static Value entry(Arena *a, Str name, Str when, Str text) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "name", value_str(name));
    map_addz(&m, "when", value_str(when));
    map_addz(&m, "text", value_str(text));
    return map_done(&m, NULL);
}

static void add_built_in(ListBuilder *list, Arena *a) {
    for (size_t i = 0; i < PROMPT_COUNT; i++)
        list_add(list, entry(a, str_from(prompts[i].name), str_from(prompts[i].when),
                             str_from(prompts[i].text)));
}

static int add_agents(const Args *args, ListBuilder *list) {
    Str closure;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    Arena *a = args->arena;
    int code = inputs_look(args, args->words[0], &closure, &plan);
    for (size_t i = 0; code == 0 && i < plan->n_callees; i++) {
        const Callee *c = plan->callees[i];
        if (c->kind == CALLEE_MODEL)
            list_add(list, entry(a, arena_fmt(a, "agent %.*s", STR_FMT(c->name)),
                                 STR("the system message of each of its calls"), told(c, a)));
    }
    return code;
}

static void print(Value list) {
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(16 << 20);
    for (size_t i = 0; i < list.len; i++) {
        Value e = list.items[i];
        buf_fmt(&b, "%s%.*s  %s%.*s%s\n", i ? "\n" : "",
                STR_FMT(value_as_str(value_getz(e, "name"))), ink_dim(&ink),
                STR_FMT(value_as_str(value_getz(e, "when"))), ink_end(&ink));
        for (Str text = value_as_str(value_getz(e, "text")); text.len > 0;) {
            ptrdiff_t end = str_find(text, STR("\n"));
            Str line = str_slice(text, 0, end < 0 ? text.len : (size_t)end);
            text = str_slice(text, MIN(line.len + 1, text.len), text.len);
            buf_str_add(&b, STR("    "));
            words_clean(&b, line, 4000);
            buf_char(&b, '\n');
        }
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
}

int cmd_prompts(Args *args) {
    ListBuilder list = list_builder(args->arena);
    int code = args->n_words ? add_agents(args, &list) : 0;
    if (code != 0)
        return code;
    add_built_in(&list, args->arena);
    if (args->json)
        out_json(list_done(&list));
    else
        print(list_done(&list));
    return EXIT_OK;
}
