/* `tools:` of an agent: names, definitions, and what each may be called with and how often. */
#include "spec/read.h"

static bool is_built_in(Str name) {
    return str_is(name, "escalate") || str_is(name, "decline") || str_is(name, "state") ||
           str_is(name, "inbox");
}

static void set_tool_name(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    AgentTool *t = target;
    t->callee = value->kind == YAML_SCALAR ? read_callee_built_in(r, value->text) : NULL;
    if (t->callee) {
        t->name = value->text;
        return;
    }
    if (value->kind == YAML_SCALAR && is_built_in(value->text)) {
        later_at(r, value, NULL, "the built-in tool `%.*s`", STR_FMT(value->text));
        return;
    }
    t->callee = value->kind == YAML_MAP ? read_callee_inline(r, value, false)
                                        : read_tool_or_set(r, value);
    if (t->callee)
        t->name = value->kind == YAML_SCALAR ? value->text : t->callee->name;
}

static void set_tool_allow(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    AgentTool *t = target;
    Sight sight = { .sees = SEES_WITH, .stands_in = "an agent" };
    t->allow = read_expr(r, value, &sight);
}

static void set_tool_calls(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`calls`", 0, 1000000, &((AgentTool *)target)->calls);
}

static void set_tool_approve(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    AgentTool *t = target;
    Sight sight = { .sees = SEES_WITH, .stands_in = "an agent" };
    read_gates(r, value, &sight, &t->gates, &t->n_gates);
}

static const KeyRow tool_of_agent_rows[] = {
    { "approve", set_tool_approve },
    { "tool", set_tool_name },
    { "allow", set_tool_allow },
    { "calls", set_tool_calls },
};

static void push_tool(Reader *r, Callee *c, AgentTool t) {
    if (c->n_tools == c->room_tools) {
        AgentTool *old = c->tools;
        c->room_tools = MAX((size_t)8, c->room_tools * 2);
        c->tools = ARENA_ARRAY(r->arena, AgentTool, c->room_tools);
        if (old)
            memcpy(c->tools, old, c->n_tools * sizeof *old);
    }
    c->tools[c->n_tools++] = t;
}

static void add_tool(Reader *r, const Yaml *at, Callee *c, AgentTool t) {
    bool twice = false;
    for (size_t i = 0; i < c->n_tools; i++)
        twice |= str_eq(c->tools[i].name, t.name);
    if (twice)
        error_at(r, at, "duplicate", "keep one of the two", "`%.*s` stands here twice",
                 STR_FMT(t.name));
    else
        push_tool(r, c, t);
}

/* Of a set that says which, each by itself; what is said of the set holds for each. */
static void add_members(Reader *r, const Yaml *at, Callee *c, AgentTool t) {
    const Callee *set = t.callee;
    for (size_t i = 0; i < set->n_only; i++) {
        t.callee = plan_member(r->arena, set, set->only[i]);
        t.name = t.callee->name;
        add_tool(r, at, c, t);
    }
}

/* Whose lists are to be asked for before a model can be told of them. */
static void add_sets(Reader *r, Callee *c) {
    c->sets = ARENA_ARRAY(r->arena, const Callee *, c->n_tools);
    c->n_sets = 0;
    for (size_t i = 0; i < c->n_tools; i++) {
        const Callee *callee = c->tools[i].callee;
        const Callee *set = plan_is_set(callee) ? callee : callee->set;
        bool known = !set;
        for (size_t k = 0; k < c->n_sets && !known; k++)
            known = c->sets[k] == set;
        if (!known)
            c->sets[c->n_sets++] = set;
    }
}

void read_agent_tools(Reader *r, const Yaml *value, Callee *c) {
    if (value->kind != YAML_LIST) {
        error_at(r, value, "value", "like `tools: [search, fetch]`",
                 "an agent's `tools` is a list");
        return;
    }
    Sight sight = { .sees = SEES_WITH, .stands_in = "an agent" };
    c->tools = NULL;
    c->n_tools = c->room_tools = 0;
    for (size_t i = 0; i < value->n; i++) {
        const Yaml *item = value->items[i];
        AgentTool t = { .calls = -1 };
        if (item->kind != YAML_MAP)
            set_tool_name(r, item, item, &t);
        else
            read_block(r, item, language_block(STR("AgentTool")), tool_of_agent_rows,
                       ARRAY_LEN(tool_of_agent_rows), &sight, &t);
        if (t.callee && t.callee->n_only)
            add_members(r, item, c, t);
        else if (t.callee)
            add_tool(r, item, c, t);
    }
    add_sets(r, c);
}
