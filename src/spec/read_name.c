/* Agents and tools by name: defined in the file, imported, of the project, built in, or a member of a set of tools. A
 * definition is read when it is first needed. */
#include "spec/read.h"

static const Callee *callee_of_name(Reader *r, const Yaml *y, Named *d) {
    if (d->state == NAMED_OPEN) {
        error_at(r, y, "cycle", "break the circle of `like` and `fallback`",
                 "agent `%.*s` is like itself, or its own fallback", STR_FMT(d->name));
        return NULL;
    }
    if (d->state == NAMED_NEW) {
        Str id;
        d->state = NAMED_OPEN;
        bool named =
            read_id(r, d->key, d->is_agent ? "the name of an agent" : "the name of a tool", &id);
        if (named && !d->is_agent && str_is(id, "echo"))
            error_at(r, d->key, "name", "choose another name", "the tool `echo` is built in");
        Named *outer;
        if (enter_definition(r, d, &outer)) {
            const Yaml *body = NULL, *fields = d->value;
            if (d->is_agent && fields->kind == YAML_SCALAR)
                fields = read_card_file(r, fields, &body);
            if (fields)
                d->thing = (void *)(uintptr_t)read_callee(r, fields, body, d->name, d->is_agent);
            leave_definition(r, outer);
        }
        d->state = NAMED_DONE;
    }
    return d->thing;
}

/* Returns its arguments: for measuring, and for trying a workflow out. */
static const Callee *echo(Reader *r, const Yaml *y) {
    Named *d = table_get(&r->tools, 1, STR("echo"));
    if (!d) {
        Callee *c = read_new_callee(r, y, STR("echo"), false);
        c->kind = CALLEE_ECHO;
        c->effect = EFFECT_PURE;
        c->description = STR("Returns its arguments.");
        d = ARENA_NEW(&r->scratch, Named);
        d->thing = c;
        table_put(&r->tools, 1, STR("echo"), d);
    }
    return d->thing;
}

/* A person answers, where an agent is not sure or may not decide. */
static const Callee *escalate(Reader *r) {
    static const char text[] =
        "{ description: \"Asks a person. For when you are not sure, or may not decide: say what you need to know, and what the "
        "person must know to answer.\", input: { question: string, details?: any }, "
        "human: { ask: \"${{ input.question }}\", show: \"${{ input.?details }}\", form: string, risk: high } }";
    Named *d = table_get(&r->tools, 1, STR("escalate"));
    if (!d) {
        YamlFile *file = ARENA_NEW(r->arena, YamlFile);
        int err = yaml_read(r->arena, STR("escalate"), str_from(text), r->diags, file);
        ASSERT(err == 0);
        d = ARENA_NEW(&r->scratch, Named);
        d->thing = (void *)(uintptr_t)read_callee(r, file->root, NULL, STR("escalate"), true);
        table_put(&r->tools, 1, STR("escalate"), d);
    }
    return d->thing;
}

/* A tool that the kernel performs by itself, of this input. */
static Callee *kernel_tool(Reader *r, const char *name, const char *input, Str description) {
    Named *d = table_get(&r->tools, 1, str_from(name));
    if (!d) {
        YamlFile *file = ARENA_NEW(r->arena, YamlFile);
        int err = yaml_read(r->arena, str_from(name), str_from(input), r->diags, file);
        ASSERT(err == 0);
        Callee *c = read_new_callee(r, file->root, str_from(name), false);
        c->kind = CALLEE_ECHO;
        c->effect = EFFECT_PURE;
        c->description = description;
        c->input = read_type(r, file->root);
        d = ARENA_NEW(&r->scratch, Named);
        d->thing = c;
        table_put(&r->tools, 1, str_from(name), d);
    }
    return d->thing;
}

/* Gives the work back to whoever chose the agent for it; never performed itself. */
static const Callee *decline(Reader *r) {
    Callee *c =
        kernel_tool(r, "decline", "{ reason: string }",
                    STR("Gives this back because it is not yours to do, so that somebody else "
                        "is asked. It ends your part: call it before anything else."));
    c->declines = true;
    return c;
}

/* Messages to others of the run, and those for the agent itself. */
static const Callee *inbox(Reader *r) {
    Callee *c = kernel_tool(
        r, "inbox", "{ do: [send, read], to?: string, body?: any }",
        STR("Messages to the others who work on this. `send` puts `body` into the inbox `to`; with `to` \"all\" into "
            "every one. `read` gives the oldest message of your own inbox and takes it out."));
    c->kind = CALLEE_INBOX;
    return c;
}

const Callee *read_callee_built_in(Reader *r, Str name) {
    return str_is(name, "escalate")  ? escalate(r)
           : str_is(name, "decline") ? decline(r)
           : str_is(name, "inbox")   ? inbox(r)
                                     : NULL;
}

static void refuse_unknown(Reader *r, const Yaml *y, Str name, bool is_agent) {
    const Table *other = is_agent ? &r->tools : &r->agents;
    const char *what = is_agent ? "agent" : "tool", *not_what = is_agent ? "tool" : "agent";
    const char *remedy;
    if (table_get(other, 0, name)) {
        remedy = arena_fmt(&r->scratch, "`%.*s` is one of `%ss`: write `%s: %.*s`", STR_FMT(name),
                           not_what, not_what, STR_FMT(name))
                     .p;
    } else {
        Str *names;
        size_t n = table_names(r, is_agent ? &r->agents : &r->tools, &names);
        remedy = near_remedy(r, name, names, n);
        if (!remedy)
            remedy = arena_fmt(&r->scratch, "define it under `%ss:`", what).p;
    }
    error_at(r, y, "unknown_name", remedy, "unknown %s `%.*s`", what, (int)MIN(name.len, 80),
             name.p);
}

/* `set.member`: which members a set has is known when its server is asked; `only` tells before. */
static const Callee *read_member(Reader *r, const Yaml *y, Str name, size_t dot) {
    Str set = str_slice(name, 0, dot), member = str_slice(name, dot + 1, name.len);
    Named *d = table_get(&r->tools, 0, set);
    const Yaml *map = d && d->value->kind == YAML_MAP ? d->value : NULL;
    if (!d) {
        refuse_unknown(r, y, set, false);
        return NULL;
    }
    if (!map || (!yaml_get(map, "mcp") && !yaml_get(map, "openapi"))) {
        error_at(r, y, "unknown_name", "sets are tools with `mcp` or `openapi`",
                 "`%.*s` is no set of tools", STR_FMT(set));
        return NULL;
    }
    note_use(r, d);
    const Callee *set_of_tools = callee_of_name(r, y, d);
    if (!set_of_tools)
        return NULL;
    if (set_of_tools->n_only && !str_among(member, set_of_tools->only, set_of_tools->n_only)) {
        error_at(
            r, y, "unknown_name", near_remedy(r, member, set_of_tools->only, set_of_tools->n_only),
            "`only` of `%.*s` leaves `%.*s` out", STR_FMT(set), (int)MIN(member.len, 80), member.p);
        return NULL;
    }
    return set_of_tools->kind ? plan_member(r->arena, set_of_tools, arena_str(r->arena, member))
                              : set_of_tools; /* of a kind that cannot run yet */
}

void read_known(Reader *r, const Yaml *y, bool is_agent) {
    Str name;
    if (!read_text(r, y, is_agent ? "the name of an agent" : "the name of a tool", &name))
        return;
    ptrdiff_t dot = is_agent ? -1 : str_find(name, STR("."));
    Named *d = table_get(is_agent ? &r->agents : &r->tools, 0, name);
    if (dot > 0)
        read_member(r, y, name, (size_t)dot);
    else if (d)
        note_use(r, d);
    else if (is_agent || !str_is(name, "echo"))
        refuse_unknown(r, y, name, is_agent);
}

static const Callee *callee_named(Reader *r, const Yaml *y, bool is_agent) {
    Str name;
    if (!read_text(r, y, is_agent ? "the name of an agent" : "the name of a tool", &name))
        return NULL;
    if (!is_agent && str_is(name, "echo"))
        return echo(r, y);
    ptrdiff_t dot = is_agent ? -1 : str_find(name, STR("."));
    if (dot > 0)
        return read_member(r, y, name, (size_t)dot);
    Named *d = table_get(is_agent ? &r->agents : &r->tools, 0, name);
    if (d) {
        note_use(r, d);
        return callee_of_name(r, y, d);
    }
    refuse_unknown(r, y, name, is_agent);
    return NULL;
}

const Callee *read_callee_named(Reader *r, const Yaml *y, bool is_agent) {
    const Callee *c = callee_named(r, y, is_agent);
    if (!c || !plan_is_set(c))
        return c;
    error_at(r, y, "value", arena_fmt(&r->scratch, "like `%.*s.NAME`", STR_FMT(c->name)).p,
             "`%.*s` is a set of tools: name the one that is meant", STR_FMT(c->name));
    return NULL;
}

const Callee *read_tool_or_set(Reader *r, const Yaml *y) { return callee_named(r, y, false); }

/* All of them, in the order of the file. `named` is newest first. */
void read_callees(Reader *r) {
    size_t n = 0;
    for (Named *d = r->named; d; d = d->next) {
        const Table *t = d->is_agent ? &r->agents : &r->tools;
        n += table_get(t, 0, d->name) == d;
    }
    Callee **callees = ARENA_ARRAY(r->arena, Callee *, n);
    size_t at = n;
    for (Named *d = r->named; d; d = d->next) {
        const Table *t = d->is_agent ? &r->agents : &r->tools;
        if (table_get(t, 0, d->name) == d)
            callees[--at] = (Callee *)(uintptr_t)callee_of_name(r, d->key, d);
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (callees[i])
            callees[kept++] = callees[i];
    r->plan->callees = callees;
    r->plan->n_callees = kept;
}
