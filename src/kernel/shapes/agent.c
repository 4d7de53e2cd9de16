/* agent: the model-tool loop. Ask the model; run the tools it calls, all at once; give it the results; until it answers.
 *
 *   :tools --what its sets have--> turn .1    (only the first time that the run needs a set)
 *   turn .1 --calls--> .1.1 .1.2 ... --results--> turn .2 --answer--> output type, check --ok--> done
 *                                                     ^                     | not ok: told to the model, REPAIRS times
 *                                                     +---------------------+
 *
 * Every model call and every tool call is a frame of its own (shapes/call.c), so each is durable, retried and settled by
 * itself, and finished turns never run again. A tool that fails does not fail the agent: the model is told. A forbidden or
 * unknown tool is told too and never run. The loop is bounded by `turns`. */
#include "base/json.h"
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/message.h"
#include "kernel/people.h"
#include "spec/prompts.h"
#include "kernel/step.h"

#include <stdio.h>

/* How often an answer that fails its type or check goes back to the model; a declared `retry` of the step adds to it. */
#define REPAIRS 2
/* How often the same tool may be called with the same arguments within one call of an agent: the result is in the conversation
 * already, and a look at something that changes is made by another call or a tool that waits. */
#define LOOP_CALLS 3

/* What a provider adds to a request. */
#define REQUEST_OVERHEAD 256

static const Callee *callee_of(const Frame *f) { return f->node->callee; }

/* The part of a played verb that this agent is asked as, or in the place of. */
static const Node *part_of(const Frame *f) {
    const Node *n = f->node;
    while (n->fallback_of)
        n = n->fallback_of;
    return n;
}

/* Its own tools, then those that the verb around answers. */
static size_t tools_of(const Frame *f) { return callee_of(f)->n_tools + part_of(f)->n_tools; }
static const AgentTool *tool_at(const Frame *f, size_t i) {
    size_t own = callee_of(f)->n_tools;
    return i < own ? &callee_of(f)->tools[i] : &part_of(f)->tools[i - own];
}

/* ---- turns ---- */

/* `attempts` of this turn came before, of models out of reach: numbers are not given twice. */
static Frame *open_turn_after(Run *r, Frame *f, uint32_t attempts) {
    AgentState *s = f->agent;
    const Callee *c = callee_of(f);
    if (s->turn - s->before >= (uint32_t)c->turns) {
        frame_failf(r, f, KIND_LIMIT, "no answer after %d turns", c->turns);
        return NULL;
    }
    if (guard_catches_unsent(r, f))
        return NULL;
    s->turn++;
    Frame *turn = frame_new(r, f, f->node, PART_TURN, s->turn, 0, 0);
    call_prepare(r, turn, c, c->kind == CALLEE_MODEL ? EFFECT_READ : c->effect, VALUE_NULL,
                 STR_NULL);
    turn->call->choice = STR("");
    turn->call->attempt = MAX(turn->call->attempt, attempts);
    frame_ready(r, turn);
    return turn;
}

static Frame *open_turn(Run *r, Frame *f) { return open_turn_after(r, f, 0); }

/* ---- sets of tools ---- */

const Callee *agent_set(const Frame *list) {
    const Callee *c = list->node->callee;
    bool known = c && list->a > 0 && list->a <= c->n_sets;
    return known ? c->sets[list->a - 1] : NULL;
}

/* What the run knows of a tool of a set: { description, schema }. Of the first answer, whoever asked. */
static Value listed(const Frame *f, Str name) { return value_get(f->run->listed, name); }

/* The names of all that a set has, where an agent may call whatever that is; absent: not known. */
static Value members_of(const Frame *f, const Callee *set) {
    return value_get(f->run->listed, set->name);
}

/* What a set is to be asked: the names of those of its tools that the agent may call and the run does not know yet, or null for all
 * that it has. Absent: nothing. */
static Value unknown_of(Run *r, const Frame *f, const Callee *set) {
    const Callee *c = callee_of(f);
    ListBuilder l = list_builder(&r->arena);
    for (size_t i = 0; i < c->n_tools; i++) {
        const Callee *tool = c->tools[i].callee;
        if (tool == set && value_absent(members_of(f, set)))
            return VALUE_NULL;
        if (tool->set == set && value_absent(listed(f, tool->name)))
            list_add(&l, value_str(tool->member));
    }
    return l.n ? list_done(&l) : VALUE_ABSENT;
}

/* True: a set is asked, and the first turn waits for it. */
static bool open_lists(Run *r, Frame *f) {
    const Callee *c = callee_of(f);
    for (uint32_t i = 0; i < c->n_sets; i++) {
        Value names = unknown_of(r, f, c->sets[i]);
        if (value_absent(names))
            continue;
        f->agent->open_lists++;
        Frame *list = frame_new(r, f, f->node, PART_TOOLS, i + 1, 0, 0);
        call_prepare(r, list, c->sets[i], EFFECT_READ, names, STR_NULL);
        list->call->choice = STR("");
        frame_ready(r, list);
    }
    return f->agent->open_lists > 0;
}

static void note_tool(Run *r, const Callee *set, Value tool, ListBuilder *names) {
    Value name = value_getz(tool, "name");
    if (name.type != V_STRING)
        return;
    Str full = arena_fmt(&r->arena, "%.*s.%.*s", STR_FMT(set->name), STR_FMT(value_as_str(name)));
    MapBuilder m = map_builder(&r->arena);
    Value description = value_getz(tool, "description"), schema = value_getz(tool, "schema");
    map_addz(&m, "description", description.type == V_STRING ? description : value_str(STR("")));
    map_addz(&m, "schema", schema.type == V_MAP ? schema : VALUE_EMPTY_MAP);
    list_add(names, name);
    if (value_absent(value_get(r->listed, full)))
        r->listed = value_with(&r->arena, r->listed, full, map_done(&m, NULL));
}

static void note_list(Run *r, const Frame *list) {
    const Callee *set = agent_set(list);
    ListBuilder names = list_builder(&r->arena);
    Value tools = list->output;
    for (uint32_t i = 0; tools.type == V_LIST && i < tools.len; i++)
        note_tool(r, set, tools.items[i], &names);
    bool all = list->call->args.type == V_NULL;
    if (all && value_absent(value_get(r->listed, set->name)))
        r->listed = value_with(&r->arena, r->listed, set->name, list_done(&names));
}

static int64_t overhead_of(const Frame *f);

static void list_came(Run *r, Frame *f) {
    if (--f->agent->open_lists > 0)
        return;
    f->agent->overhead = overhead_of(f);
    open_turn(r, f);
}

static Value told_of(Arena *a, Str name, Value description, Value schema) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "name", value_str(name));
    map_addz(&m, "description", description);
    map_addz(&m, "schema", schema);
    return map_done(&m, NULL);
}

/* As its server says it. */
static Value told_of_member(const Frame *f, Str name, Arena *a) {
    Value said = listed(f, name);
    bool known = !value_absent(said);
    return told_of(a, name, known ? value_getz(said, "description") : value_str(STR("")),
                   known ? value_getz(said, "schema") : VALUE_EMPTY_MAP);
}

static void tell_of_set(const Frame *f, const Callee *set, ListBuilder *l, Arena *a) {
    Value names = members_of(f, set);
    for (uint32_t i = 0; names.type == V_LIST && i < names.len; i++) {
        Str name =
            arena_fmt(a, "%.*s.%.*s", STR_FMT(set->name), STR_FMT(value_as_str(names.items[i])));
        list_add(l, told_of_member(f, name, a));
    }
}

static Value tool_list(const Frame *f, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < tools_of(f); i++) {
        const AgentTool *tool = tool_at(f, i);
        const Callee *c = tool->callee;
        if (plan_is_set(c))
            tell_of_set(f, c, &l, a);
        else if (c->set)
            list_add(&l, told_of_member(f, tool->name, a));
        else
            list_add(&l,
                     told_of(a, tool->name, value_str(c->description), type_schema(c->input, a)));
    }
    return list_done(&l);
}

static const Type *output_of(const Frame *f) {
    const Type *output = f->node->output ? f->node->output : callee_of(f)->output;
    return output && output->kind != TYPE_STRING && output->kind != TYPE_ANY ? output : NULL;
}

/* Tools and the schema of the answer go with every request. */
static int64_t overhead_of(const Frame *f) {
    Arena a = ARENA_NULL;
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    const Type *output = output_of(f);
    if (tools_of(f))
        value_write(&b, tool_list(f, &a));
    if (output)
        value_write(&b, type_schema(output, &a));
    int64_t bytes = REQUEST_OVERHEAD + (int64_t)b.len;
    buf_deinit(&b);
    arena_deinit(&a);
    return bytes;
}

int64_t agent_request_bytes(const Frame *agent) {
    return agent->agent->bytes + agent->agent->overhead;
}

/* Also back to what it asked before, once a limit was raised. */
Str agent_pick_model(Run *r, Frame *turn) {
    Frame *f = turn->parent;
    AgentState *s = f->agent;
    const Callee *c = callee_of(f);
    Shortage share;
    bool cheaper = c->n_cheaper && budget_degrades(turn, &share);
    if (!cheaper && s->model >= c->n_models)
        s->model = 0;
    if (!cheaper)
        return STR("");
    if (s->model < c->n_models)
        s->model = (uint32_t)c->n_models;
    return arena_fmt(&r->arena, "asks %.*s: %lld%% of the limit of %s is spent",
                     STR_FMT(c->models[s->model]),
                     (long long)share_percent(share.spent, share.most), bound_name(share.bound));
}

static void begin(Run *r, Frame *f) {
    char problem[320];
    if (!agent_begin(r, f, problem))
        frame_failf(r, f, KIND_INVALID, "%s", problem);
    else if (!open_lists(r, f))
        open_turn(r, f);
}

static void enter(Run *r, Frame *f) {
    char problem[320];
    AgentState *s = f->agent = ARENA_NEW(&r->arena, AgentState);
    s->messages = list_builder(&r->arena);
    s->leaves = VALUE_ABSENT;
    s->used = ARENA_ARRAY(&r->arena, uint32_t, tools_of(f));
    s->overhead = overhead_of(f);
    s->turn = s->before = retry_spent(r, f);
    s->context = STR("");
    switch (recall_begin(r, f, problem)) {
    case RECALL_DONE: begin(r, f); return;
    case RECALL_WAITS: return;
    case RECALL_REFUSED: frame_failf(r, f, KIND_INVALID, "%s", problem); return;
    }
}

/* A template that fails leaves its text empty: the executor refuses that, rather than ask somebody else. */
static void add_server(MapBuilder *m, const char *name, const Template *t, Scope *s) {
    char unused[320];
    Value v;
    if (!t)
        return;
    bool good = scope_eval(s, t, &v, unused) == 0 && value_is(v, V_STRING);
    map_addz(m, name, good ? v : value_str(STR("")));
}

/* Where it is asked, if the project says that: { kind, url, key }, the key as what stands for a secret. */
static Value server_of(const Frame *f, Str secret_mark, Arena *a) {
    const ModelServer *server = callee_of(f)->servers[f->agent->model];
    if (!server)
        return VALUE_ABSENT;
    MapBuilder m = map_builder(a);
    Scope s = scope_of(f->run, f);
    s.secret_mark = secret_mark;
    map_addz(&m, "kind", value_str(server->kind));
    add_server(&m, "url", server->url, &s);
    add_server(&m, "key", server->key, &s);
    map_add_count(&m, "first_byte_ms", server->first_byte_ms);
    map_add_count(&m, "gap_ms", server->gap_ms);
    return map_done(&m, NULL);
}

/* Whom it is said to, and the whole of what was said: the executor knows what of it the other side has. */
static Value remote_request(const Frame *f, Str secret_mark, Arena *a) {
    const Callee *c = callee_of(f);
    Scope s = scope_of(f->run, f);
    MapBuilder m = map_builder(a);
    char unused[320];
    Value headers;
    s.input = f->with;
    s.secret_mark = secret_mark;
    add_server(&m, "url", c->url, &s);
    if (c->headers && scope_eval(&s, c->headers, &headers, unused) == 0)
        map_addz(&m, "headers", headers);
    map_addz(&m, "messages", value_list(f->agent->messages.items, f->agent->messages.n));
    return map_done(&m, NULL);
}

Value agent_request(const Frame *turn, Str secret_mark, Arena *a) {
    const Frame *f = turn->parent;
    const Callee *c = callee_of(f);
    if (c->kind == CALLEE_A2A)
        return remote_request(f, secret_mark, a);
    Value server = server_of(f, secret_mark, a);
    const Type *output = output_of(f);
    MapBuilder m = map_builder(a);
    map_addz(&m, "model", value_str(c->models[f->agent->model]));
    if (!value_absent(server))
        map_addz(&m, "server", server);
    map_addz(&m, "agent", value_str(c->name));
    map_addz(&m, "messages", value_list(f->agent->messages.items, f->agent->messages.n));
    if (tools_of(f))
        map_addz(&m, "tools", tool_list(f, a));
    if (output)
        map_addz(&m, "schema", type_schema(output, a));
    map_addz(&m, "max_output", value_int(c->max_output));
    if (!value_absent(c->temperature))
        map_addz(&m, "temperature", c->temperature);
    if (c->effort.len)
        map_addz(&m, "effort", value_str(c->effort));
    return map_done(&m, NULL);
}

/* ---- the answer ---- */

/* A model that was asked for JSON may wrap it in a fence of Markdown. */
static Str unfenced(Str s) {
    while (s.len && strchr(" \t\r\n", s.p[0]))
        s = str_slice(s, 1, s.len);
    if (!str_starts(s, STR("```")))
        return s;
    ptrdiff_t line = str_find(s, STR("\n"));
    if (line < 0)
        return s;
    s = str_slice(s, (size_t)line + 1, s.len);
    ptrdiff_t end = str_find(s, STR("```"));
    return end < 0 ? s : str_slice(s, 0, (size_t)end);
}

static bool read_answer(Run *r, const Frame *f, Value content, Value *ret, Str *ret_problem) {
    const Type *type = f->node->output ? f->node->output : callee_of(f)->output;
    Str text = content.type == V_STRING ? value_as_str(content) : STR("");
    *ret = value_str(text);
    if (!type || type->kind == TYPE_STRING || type->kind == TYPE_ANY)
        return true;
    JsonError error;
    if (json_read_copy(&r->arena, unfenced(text), ret, &error) == 0)
        return true;
    /* An enum or a time is often answered bare. */
    if (type->kind != TYPE_RECORD && type->kind != TYPE_LIST && type->kind != TYPE_OBJECT)
        return true;
    *ret_problem = arena_fmt(&r->arena, "the answer is not JSON: %s", error.message);
    return false;
}

static void send_back(Run *r, Frame *f, ErrorKind kind, Str problem) {
    AgentState *s = f->agent;
    uint32_t most = f->node->retry.declared ? (uint32_t)f->node->retry.times : REPAIRS;
    if (s->repairs >= most) {
        frame_fail(
            r, f,
            error_make(r, f, str_from(error_kind_name(kind)), problem, s->turn, VALUE_ABSENT));
        return;
    }
    s->repairs++;
    Str words = prompt_text(r->plan, &r->arena, PROMPT_REPAIR, problem);
    agent_say(r, f, agent_message(r, "user", value_str(words)));
    Frame *turn = open_turn(r, f);
    if (turn)
        turn->call->owes_retry = true;
}

/* The conversation goes on: the model sees what it said and what the person said to it. */
static void revise(Run *r, Frame *f, Str words) {
    agent_say_words(r, f, PROMPT_REVISE, words);
    frame_restart_timeout(r, f);
    open_turn(r, f);
}

static void done(Run *r, Frame *f, Value output) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "turns", value_int(f->agent->turn - f->agent->before));
    if (f->agent->degraded)
        map_addz(&m, "degraded", value_int(f->agent->degraded));
    f->detail = map_done(&m, NULL);
    frame_done(r, f, output);
}

static void answered(Run *r, Frame *f, Value content) {
    ErrorKind kind = KIND_INVALID;
    Str problem;
    Value output;
    if (!read_answer(r, f, content, &output, &problem) ||
        !step_accepts(r, f, callee_of(f), output, &output, &kind, &problem)) {
        send_back(r, f, kind, problem);
        return;
    }
    Frame *p = agent_player(f);
    problem = p && p->shape->answered ? p->shape->answered(r, p, f, output) : STR_NULL;
    if (problem.p)
        send_back(r, f, KIND_DENIED, problem);
    else
        done(r, f, output);
}

/* ---- tools ---- */

/* One of a set that the agent may call as a whole, as it is called there; STR_NULL: it is none of it. */
static Str member_named(const Frame *f, const Callee *set, Str name) {
    Value names = members_of(f, set);
    bool below = name.len > set->name.len && str_starts(name, set->name) &&
                 name.p[set->name.len] == '.';
    Str member = below ? str_slice(name, set->name.len + 1, name.len) : STR("");
    for (uint32_t i = 0; below && names.type == V_LIST && i < names.len; i++)
        if (str_eq(value_as_str(names.items[i]), member))
            return value_as_str(names.items[i]);
    return STR_NULL;
}

/* What is said of the set holds for each of its tools. */
static const AgentTool *as_member(const Frame *f, const AgentTool *set, Str member) {
    AgentTool *tool = ARENA_NEW(&f->run->arena, AgentTool);
    *tool = *set;
    tool->callee = plan_member(&f->run->arena, set->callee, member);
    tool->name = tool->callee->name;
    return tool;
}

static const AgentTool *tool_named(const Frame *f, Str name, size_t *ret_index) {
    for (size_t i = 0; i < tools_of(f); i++) {
        const AgentTool *tool = tool_at(f, i);
        bool open = plan_is_set(tool->callee);
        Str member = open ? member_named(f, tool->callee, name) : STR_NULL;
        if (!member.p && (open || !str_eq(tool->name, name)))
            continue;
        *ret_index = i;
        return member.p ? as_member(f, tool, member) : tool;
    }
    return NULL;
}

/* The verb around, of which the agent is a part, answers: by words at once. It may say as well that the agent has done its part,
 * and then it ends when the other calls of the turn are over. STR_NULL: it does not know the tool. */
static Str ask_player(Run *r, Frame *f, const AgentTool *tool, Str name, Value arguments) {
    Frame *p = agent_player(f);
    bool leaves = false;
    if (!p || !p->shape->called)
        return STR_NULL;
    Str text = p->shape->called(r, p, f, tool, name, arguments, &leaves);
    if (leaves)
        f->agent->leaves = arguments;
    return text;
}

/* Why a call is not run; STR_NULL if it is. */
static Str refusal(Run *r, Frame *f, const AgentTool *tool, size_t index, Str name,
                   Value *arguments) {
    Str problem;
    if (!tool)
        return prompt_text(r->plan, &r->arena, PROMPT_TOOL_UNKNOWN, name);
    if (arguments->type == V_STRING && tool->callee->input &&
        tool->callee->input->kind != TYPE_STRING)
        return prompt_text(r->plan, &r->arena, PROMPT_TOOL_FAILED,
                           STR("the arguments are not valid JSON"));
    if (type_convert(tool->callee->input, *arguments, &r->arena, arguments, &problem))
        return prompt_text(r->plan, &r->arena, PROMPT_TOOL_FAILED, problem);
    if (tool->calls >= 0 && f->agent->used[index] >= (uint32_t)tool->calls)
        return prompt_text(
            r->plan, &r->arena, PROMPT_TOOL_FAILED,
            arena_fmt(&r->arena, "`%.*s` may be called %d times only", STR_FMT(name), tool->calls));
    if (tool->allow) {
        bool yes = false;
        char why[320];
        Scope s = scope_of(r, f);
        s.input = f->with;
        s.with = *arguments;
        if (scope_test(&s, tool->allow, &yes, why) || !yes)
            return prompt_text(r->plan, &r->arena, PROMPT_TOOL_DENIED, cel_source(tool->allow));
    }
    return STR_NULL;
}

/* The same call again and again: told once, and then it is the end. A tool that declares `calls` may be asked so often. */
static Str looping(Run *r, Frame *f, uint32_t n, Value call, const AgentTool *tool,
                   bool *ret_over) {
    uint32_t before, all,
        most = tool && tool->calls > LOOP_CALLS ? (uint32_t)tool->calls : LOOP_CALLS;
    guard_count_call(f, n, call, &before, &all);
    *ret_over = before > most && !MUTANT(loop_detector_off);
    if (all <= most || MUTANT(loop_detector_off))
        return STR_NULL;
    return prompt_text(r->plan, &r->arena, PROMPT_TOOL_LOOP, arena_fmt(&r->arena, "%u", most));
}

/* The built-in tool `decline`: whoever gave it the work hears why it is not its own. */
static void decline(Run *r, Frame *f, Value arguments) {
    Value reason = value_getz(arguments, "reason");
    Str text = reason.type == V_STRING ? value_as_str(reason) : STR("");
    frame_fail(r, f, error_make(r, f, STR("declined"), text, f->agent->turn, VALUE_ABSENT));
}

/* False: the agent has failed. */
static bool open_call(Run *r, Frame *f, uint32_t n, Value call) {
    AgentCall *c = &f->agent->calls[n];
    Value arguments = value_getz(call, "arguments"), id = value_getz(call, "id"),
          name = value_getz(call, "name");
    size_t index = 0;
    c->name = name.type == V_STRING ? value_as_str(name) : STR("");
    c->id = id.type == V_STRING ? value_as_str(id)
                                : arena_fmt(&r->arena, "call_%u_%u", f->agent->turn, n + 1);
    c->tool = tool_named(f, c->name, &index);
    if (value_absent(arguments))
        arguments = VALUE_NULL;
    bool over = false, inbox = c->tool && c->tool->callee->kind == CALLEE_INBOX;
    c->result = inbox ? STR_NULL : looping(r, f, n, call, c->tool, &over);
    if (over) {
        frame_failf(r, f, KIND_LIMIT, "`%.*s` was called with the same arguments again and again",
                    (int)MIN(c->name.len, 80), c->name.p);
        return false;
    }
    if (!c->result.p && !c->tool)
        c->result = ask_player(r, f, NULL, c->name, arguments);
    if (!c->result.p)
        c->result = refusal(r, f, c->tool, index, c->name, &arguments);
    if (c->result.p)
        return true;
    if (index >= callee_of(f)->n_tools) {
        c->result = ask_player(r, f, c->tool, c->name, arguments);
        return true;
    }
    if (guard_catches(r, f, callee_of(f), GUARD_TOOL, arguments))
        return false;
    if (c->tool->callee->declines) {
        decline(r, f, arguments);
        return false;
    }
    f->agent->used[index]++;
    if (inbox) {
        c->result = inbox_by_agent(r, callee_of(f), arguments);
        return true;
    }
    f->agent->open_calls++;
    c->frame = frame_new(r, f, f->node, PART_CALL, f->agent->turn, n + 1, 0);
    c->frame->call = NULL;
    if (c->tool->callee->kind == CALLEE_HUMAN) { /* `escalate` */
        c->frame->with = arguments;
        c->frame->shape = &shape_human;
        frame_ready(r, c->frame);
        return true;
    }
    call_prepare(r, c->frame, c->tool->callee, c->tool->callee->effect, arguments, STR_NULL);
    c->frame->call->choice = arena_fmt(&r->arena, "%.*s", STR_FMT(c->name));
    if (!gate_call(r, c->frame, c->tool))
        frame_ready(r, c->frame);
    return true;
}

static void results_to_model(Run *r, Frame *f) {
    AgentState *s = f->agent;
    for (uint32_t i = 0; i < s->n_calls; i++) {
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "role", value_str(STR("tool")));
        map_addz(&m, "call", value_str(s->calls[i].id));
        map_addz(&m, "name", value_str(s->calls[i].name));
        map_addz(&m, "content", value_str(s->calls[i].result));
        agent_say(r, f, map_done(&m, NULL));
    }
    s->n_calls = 0;
    if (value_absent(s->leaves))
        open_turn(r, f);
    else
        done(r, f, s->leaves);
}

static void call_tools(Run *r, Frame *f, Value calls) {
    AgentState *s = f->agent;
    s->n_calls = calls.len;
    s->open_calls = 0;
    s->calls = ARENA_ARRAY(&r->arena, AgentCall, calls.len);
    for (uint32_t i = 0; i < calls.len; i++)
        if (!open_call(r, f, i, calls.items[i]))
            return;
    if (s->open_calls == 0)
        results_to_model(r, f);
}

static void tool_done(Run *r, Frame *f, Frame *child) {
    AgentState *s = f->agent;
    AgentCall *c = &s->calls[child->b - 1];
    if (child->status == STATUS_OK) {
        c->result = value_plain(&r->arena, child->output);
    } else {
        Value kind = value_getz(child->error, "kind"),
              message = value_getz(child->error, "message");
        c->result = prompt_text(r->plan, &r->arena, PROMPT_TOOL_FAILED,
                                arena_fmt(&r->arena, "%.*s: %.*s", STR_FMT(value_as_str(kind)),
                                          STR_FMT(value_as_str(message))));
    }
    if (!c->result.p)
        c->result = STR("");
    c->frame = NULL;
    frame_let_go(r, child);
    if (--s->open_calls == 0)
        results_to_model(r, f);
}

/* ---- a turn ended ---- */

static bool is_paused(Value reply) {
    Value finish = value_getz(reply, "finish");
    return finish.type == V_STRING && str_is(value_as_str(finish), "pause");
}

static void model_answered(Run *r, Frame *f, Value reply) {
    if (guard_catches_reply(r, f, reply))
        return;
    Value content = value_getz(reply, "content"), calls = value_getz(reply, "calls"),
          native = value_getz(reply, "native");
    if (value_absent(content) && value_absent(calls)) /* a person said what it was */
        content = value_str(value_plain(&r->arena, reply));
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "role", value_str(STR("assistant")));
    map_addz(&m, "content", value_absent(content) ? VALUE_NULL : content);
    if (calls.type == V_LIST && calls.len)
        map_addz(&m, "calls", calls);
    /* for who said it alone, to whom it goes back as it came */
    if (native.type == V_MAP && !MUTANT(native_dropped))
        map_addz(&m, "native", native);
    agent_say(r, f, map_done(&m, NULL));
    if (calls.type == V_LIST && calls.len)
        call_tools(r, f, calls);
    else if (is_paused(reply)) /* it goes on where it stopped, when it sees what it said */
        open_turn(r, f);
    else
        answered(r, f, content);
}

/* The next model of the list takes over where the last one is out of reach; a content refusal is not shopped around. */
static bool next_model(Run *r, Frame *f, Value error, uint32_t attempts) {
    const Callee *c = callee_of(f);
    size_t n = f->agent->model < c->n_models ? c->n_models : c->n_models + c->n_cheaper;
    if (f->agent->model + 1 >= n || !error_out_of_reach(error))
        return false;
    f->agent->model++;
    f->agent->turn--; /* the same turn, asked of another */
    open_turn_after(r, f, attempts);
    return true;
}

static void child_done(Run *r, Frame *f, Frame *child) {
    if (child->part == PART_CALL) {
        tool_done(r, f, child);
        return;
    }
    if (child->part == PART_ROLE) {
        recall_summed_up(r, f, child);
        begin(r, f);
        return;
    }
    Value output = child->output, error = child->error;
    bool ok = child->status == STATUS_OK;
    uint32_t attempts = child->call->attempt;
    bool list = child->part == PART_TOOLS;
    if (ok && list)
        note_list(r, child);
    frame_release(r, child);
    if (ok && list)
        list_came(r, f);
    else if (ok)
        model_answered(r, f, output);
    else if (list || !next_model(r, f, error, attempts))
        frame_fail(r, f, error);
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    ASSERT(purpose == TIMER_GROUP);
    f->timeout = NULL;
    frame_failf(r, f, KIND_TIMEOUT, "the agent took longer than its timeout");
}

/* ---- snapshots ---- */

static Str because(Run *r, const Frame *f, const Frame *child) {
    (void)r, (void)f, (void)child;
    return STR("what was said before");
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const AgentState *s = f->agent;
    value_encode(b, value_list(s->messages.items, s->messages.n));
    buf_varint(b, s->turn);
    buf_varint(b, s->repairs);
    buf_varint(b, s->model);
    buf_varint(b, s->hash);
    buf_svarint(b, s->bytes);
    buf_varint(b, (uint64_t)s->degraded << 1 | s->counted);
    value_encode(b, s->leaves);
    buf_varint(b, s->open_lists);
    for (size_t i = 0; i < tools_of(f); i++)
        buf_varint(b, s->used[i]);
    buf_varint(b, s->n_calls);
    buf_varint(b, s->open_calls);
    for (uint32_t i = 0; i < s->n_calls; i++) {
        buf_blob(b, s->calls[i].id);
        buf_blob(b, s->calls[i].name);
        buf_u8(b, s->calls[i].result.p != NULL);
        buf_blob(b, s->calls[i].result);
    }
    if (part_of(f)->recall)
        buf_blob(b, s->context);
}

static void load(Run *r, Frame *f, Cursor *c) {
    AgentState *s = f->agent = ARENA_NEW(&r->arena, AgentState);
    Value messages = value_decode(c, &r->arena);
    s->messages = list_builder(&r->arena);
    for (uint32_t i = 0; messages.type == V_LIST && i < messages.len; i++)
        list_add(&s->messages, messages.items[i]);
    s->before = retry_spent(r, f);
    s->turn = (uint32_t)cursor_varint(c);
    s->repairs = (uint32_t)cursor_varint(c);
    s->model = (uint32_t)cursor_varint(c);
    s->hash = cursor_varint(c);
    s->bytes = r->loading >= 3 ? cursor_svarint(c) : agent_bytes(&s->messages);
    uint64_t counts = r->loading >= 3 ? cursor_varint(c) : 1;
    s->counted = counts & 1;
    s->degraded = (uint32_t)(counts >> 1);
    s->leaves = r->loading >= 4 ? value_decode(c, &r->arena) : VALUE_ABSENT;
    s->open_lists = r->loading >= 7 ? (uint32_t)cursor_varint(c) : 0;
    s->overhead = overhead_of(f);
    s->used = ARENA_ARRAY(&r->arena, uint32_t, tools_of(f));
    for (size_t i = 0; i < tools_of(f); i++)
        s->used[i] = (uint32_t)cursor_varint(c);
    s->n_calls = (uint32_t)cursor_varint(c);
    s->open_calls = (uint32_t)cursor_varint(c);
    if (c->bad || s->n_calls > (size_t)(c->end - c->p) ||
        s->model >= callee_of(f)->n_models + callee_of(f)->n_cheaper) {
        c->bad = true;
        s->n_calls = 0;
        return;
    }
    s->calls = ARENA_ARRAY(&r->arena, AgentCall, s->n_calls);
    for (uint32_t i = 0; i < s->n_calls; i++) {
        size_t index;
        s->calls[i].id = arena_str(&r->arena, cursor_blob(c));
        s->calls[i].name = arena_str(&r->arena, cursor_blob(c));
        bool there = cursor_u8(c);
        Str result = arena_str(&r->arena, cursor_blob(c));
        s->calls[i].result = there ? result : STR_NULL;
        s->calls[i].tool = tool_named(f, s->calls[i].name, &index);
    }
    s->context = part_of(f)->recall ? arena_str(&r->arena, cursor_blob(c)) : STR("");
}

const AgentTool *agent_call_tool(const Frame *call, Str name) {
    const Frame *f = call->parent;
    size_t unused;
    if (!f || f->shape != &shape_agent)
        return NULL;
    if (name.len)
        return tool_named(f, name, &unused);
    bool known = call->b > 0 && call->b <= f->agent->n_calls;
    return known ? f->agent->calls[call->b - 1].tool : NULL;
}

const Shape shape_agent = {
    .name = "agent",
    .enter = enter,
    .child_done = child_done,
    .timer_due = timer_due,
    .revise = revise,
    .because = because,
    .save = save,
    .load = load,
};
