/* Agents and tools: `agents:`, `tools:`, a definition where a name is expected, and the unnamed ones of `run:` and
 * `http:` in a step. All become a Callee. Their texts see `input`, the arguments of the call, and `run`. */
#include "spec/read.h"

#include "base/limits.h"

#define DAY_MS (24 * 3600 * 1000)

typedef struct Draft {
    Callee *callee;
    Sight sight;
    const Yaml *kind; /* the key that says the kind */
    bool kind_copied; /* by `like` */
    bool effect_given;
    bool outside; /* what it is cannot be reached yet, and is played */
    Governed governed;
} Draft;

static Callee *callee_of(void *target) { return ((Draft *)target)->callee; }

/* ---- effects --------------------------------------------------------------------------------------------------------- */

static const char *const effect_names[] = {
    [EFFECT_PURE] = "pure",   [EFFECT_READ] = "read",     [EFFECT_IDEMPOTENT] = "idempotent",
    [EFFECT_KEYED] = "keyed", [EFFECT_UNSAFE] = "unsafe",
};

const char *effect_name(Effect e) {
    ASSERT(e >= EFFECT_PURE && e <= EFFECT_UNSAFE);
    return effect_names[e];
}

const char *callee_kind_name(CalleeKind kind) {
    switch (kind) {
    case CALLEE_ECHO: return "echo";
    case CALLEE_RUN: return "run";
    case CALLEE_HTTP: return "http";
    case CALLEE_MODEL: return "model";
    case CALLEE_HUMAN: return "human";
    case CALLEE_INBOX: return "inbox";
    case CALLEE_CALL: return "call";
    case CALLEE_SYSTEM: return "system";
    case CALLEE_A2A: return "a2a";
    case CALLEE_MCP: return "mcp";
    }
    return "?";
}

bool read_effect(Reader *r, const Yaml *y, Effect *ret_effect) {
    Str s;
    if (!read_text(r, y, "`effect`", &s))
        return false;
    for (Effect e = EFFECT_PURE; e <= EFFECT_UNSAFE; e++)
        if (str_is(s, effect_names[e])) {
            *ret_effect = e;
            return true;
        }
    error_at(r, y, "value", "may it be sent again? pure read idempotent keyed: yes; unsafe: no",
             "unknown effect `%.*s`", (int)MIN(s.len, 40), s.p);
    return false;
}

static Effect effect_of_method(const Callee *c) {
    Str m = c->method && c->method->kind == TEMPLATE_CONST && c->method->constant.type == V_STRING
                ? value_as_str(c->method->constant)
                : STR("GET");
    if (str_is(m, "GET") || str_is(m, "HEAD"))
        return EFFECT_READ;
    return str_is(m, "PUT") || str_is(m, "DELETE") ? EFFECT_IDEMPOTENT : EFFECT_UNSAFE;
}

static Effect default_effect(const Callee *c) {
    if (!c->kind)
        return EFFECT_UNSAFE;
    switch (c->kind) {
    case CALLEE_ECHO: return EFFECT_PURE;
    case CALLEE_RUN: return EFFECT_UNSAFE;
    case CALLEE_HTTP: return effect_of_method(c);
    case CALLEE_MODEL: return EFFECT_READ;
    case CALLEE_HUMAN: return EFFECT_READ;
    case CALLEE_INBOX:
    case CALLEE_SYSTEM: return EFFECT_PURE;
    case CALLEE_CALL: return EFFECT_KEYED; /* its key is the id of the run that it starts */
    case CALLEE_A2A: return EFFECT_UNSAFE;
    case CALLEE_MCP: return EFFECT_UNSAFE; /* what a server says of its tools is not believed */
    }
    UNREACHABLE("callee kind");
}

/* ---- kinds ----------------------------------------------------------------------------------------------------------- */

static bool take_kind(Reader *r, const Yaml *key, Draft *d, CalleeKind kind) {
    if (d->kind) {
        error_at(r, key, "kind", "keep one of them", "both `%.*s` and `%.*s`: %s has one kind",
                 STR_FMT(d->kind->text), STR_FMT(key->text), d->sight.stands_in);
        return false;
    }
    if (d->kind_copied && d->callee->kind != kind) {
        error_at(r, key, "kind", "define it without `like`",
                 "`like` names an agent of another kind");
        return false;
    }
    d->kind = key;
    d->callee->kind = kind;
    return true;
}

static void set_run(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    if (take_kind(r, key, d, CALLEE_RUN))
        read_run(r, value, &d->sight, d->callee);
}

static void set_http(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    if (take_kind(r, key, d, CALLEE_HTTP))
        read_http(r, value, &d->sight, d->callee);
}

static void set_mcp(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    d->outside = r->files->played;
    if (take_kind(r, key, d, d->outside ? CALLEE_ECHO : CALLEE_MCP)) {
        read_mcp(r, value, d->callee);
        d->callee->kind = d->outside ? CALLEE_ECHO : CALLEE_MCP;
    }
}

static void set_models(Reader *r, const Yaml *value, Callee *c) {
    Model m;
    if (!read_model(r, value, &m))
        return;
    read_with_cheaper(r, value, &m);
    c->models = m.models;
    c->n_models = m.n_models;
    c->n_cheaper = m.n_cheaper;
    c->prices = m.prices;
    c->servers = m.servers;
    c->max_output = m.max_output ? m.max_output : 4000;
    c->temperature = m.temperature;
    c->effort = m.effort;
}

static void set_model(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    if (take_kind(r, key, d, CALLEE_MODEL))
        set_models(r, value, d->callee);
}

static void set_human(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    if (take_kind(r, key, d, CALLEE_HUMAN))
        d->callee->ask = read_human(r, value, &d->sight);
}

static void set_call(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    if (take_kind(r, key, d, CALLEE_CALL))
        read_call(r, value, d->callee);
}

static void set_a2a(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    if (take_kind(r, key, d, CALLEE_A2A))
        read_a2a(r, value, &d->sight, d->callee);
}

static const Block *block_of(const Draft *d) {
    return language_block(d->callee->is_agent ? STR("Agent") : STR("Tool"));
}

/* A kind that this version only checks: the callee has none, unless it is played. */
static void set_kind_later(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Draft *d = target;
    d->outside = r->files->played;
    take_kind(r, key, d, d->outside ? CALLEE_ECHO : 0);
    read_keyword(r, key, value, block_of(d), &d->sight, NULL);
}

/* ---- fields of both -------------------------------------------------------------------------------------------------- */

static void ignore(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target; /* read before the others */
}

static void set_description(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`description`", &callee_of(target)->description);
}

static void set_effect(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->effect_given |= read_effect(r, value, &d->callee->effect);
}

static void set_key_life(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`key_life`", &callee_of(target)->key_life_ms);
}

static void set_probe(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->probe = read_means_later(r, value, &d->sight, MEANS_PROBE);
}

static void set_undo(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->undo = read_means_later(r, value, &d->sight, MEANS_UNDO);
}

static void set_timeout(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_timeout(r, value, &callee_of(target)->timeout_ms, &callee_of(target)->queue_ms);
}

static void set_hedge(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_hedge(r, value, &callee_of(target)->hedge_ms);
}

static void set_retry(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_retry(r, value, &callee_of(target)->retry);
}

static void set_limits(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_limits(r, value, &callee_of(target)->limits);
}

static void set_check(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    Sight sight = d->sight;
    sight.sees |= SEES_CALL;
    sight.output = d->callee->output;
    d->callee->check = read_expr(r, value, &sight);
}

/* ---- what holds it back ---------------------------------------------------------------------------------------------- */

static void set_rate(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_rates(r, value, &((Draft *)target)->governed);
}

static void set_breaker(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_breaker(r, value, &((Draft *)target)->governed.breaker);
}

static void set_pool(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    read_pool(r, value, &d->sight, &d->governed.pool);
}

static void set_fallback(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_fallback(r, value, callee_of(target));
}

/* ---- fields of sets -------------------------------------------------------------------------------------------------- */

static void set_only(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Callee *c = callee_of(target);
    read_texts(r, value, "`only`", &c->only, &c->n_only);
}

static void set_effects(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    Callee *c = d->callee;
    if (!read_is_map(r, value, "`effects`"))
        return;
    c->effects = ARENA_ARRAY(r->arena, MemberEffect, value->n);
    for (size_t i = 0; i < value->n; i++) {
        MemberEffect e = { .name = value->entries[i].key->text };
        if (!read_effect(r, value->entries[i].value, &e.effect))
            continue;
        if (!str_is(e.name, "*")) {
            c->effects[c->n_effects++] = e;
            continue;
        }
        c->effect = e.effect;
        d->effect_given = true;
    }
}

/* What is said of a tool that `only` leaves out would never hold. */
static void check_set(Reader *r, const Yaml *y, const Callee *c) {
    const Yaml *only = yaml_get(y, "only"), *effects = yaml_get(y, "effects");
    const Yaml *first = only ? only : effects;
    if (first && !yaml_get(y, "mcp") && !yaml_get(y, "openapi"))
        error_at(r, first, "value", NULL, "`%s` is for a set of tools: `mcp` or `openapi`",
                 only ? "only" : "effects");
    if (yaml_get(y, "effect") && effects && yaml_get(effects, "*"))
        error_at(r, yaml_get(effects, "*"), "value", NULL,
                 "`effect` says of all the others already");
    for (size_t i = 0; c->n_only && effects && effects->kind == YAML_MAP && i < effects->n; i++) {
        const Yaml *key = effects->entries[i].key;
        if (!str_is(key->text, "*") && !str_among(key->text, c->only, c->n_only))
            error_at(r, key, "unknown_name", near_remedy(r, key->text, c->only, c->n_only),
                     "`only` leaves `%.*s` out", (int)MIN(key->text.len, 80), key->text.p);
    }
}

/* ---- fields of agents ------------------------------------------------------------------------------------------------ */

static void set_role(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`role`", &callee_of(target)->role);
}

static void set_capabilities(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Callee *c = callee_of(target);
    read_texts(r, value, "a capability", &c->capabilities, &c->n_capabilities);
}

static void set_exemplars(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Callee *c = callee_of(target);
    read_texts(r, value, "an exemplar", &c->exemplars, &c->n_exemplars);
}

static void set_instructions(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    const Yaml *text = value->kind == YAML_MAP ? read_prompt_file(r, value) : value;
    if (text && text->kind == YAML_SCALAR)
        d->callee->instructions = read_template(r, text, &d->sight);
    else if (text)
        error_at(r, value, "value", "a text, or `{ file: prompts/x.md }`",
                 "`instructions` is a text");
}

static void set_prompt(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    d->callee->prompt = read_template(r, value, &d->sight);
}

static void set_examples(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Value v;
    if (value->kind != YAML_LIST) {
        error_at(r, value, "value", "`- { with: ..., output: ... }`", "`examples` is a list");
        return;
    }
    for (size_t i = 0; i < value->n; i++)
        if (!yaml_get(value->items[i], "with") || !yaml_get(value->items[i], "output"))
            error_at(r, value->items[i], "missing", "`{ with: ..., output: ... }`",
                     "an example is a pair of what the agent is given and what it gives");
    if (read_data(r, value, "an example", &v))
        callee_of(target)->examples = v;
}

static void set_turns(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`turns`", 1, 1000, &callee_of(target)->turns);
}

static void set_tools(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_agent_tools(r, value, callee_of(target));
}

static void set_guard(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Draft *d = target;
    read_guards(r, value, &d->sight, &d->callee->guards);
}

/* ---- the tables ------------------------------------------------------------------------------------------------------ */

static const KeyRow agent_rows[] = {
    { "model", set_model },
    { "run", set_run },
    { "http", set_http },
    { "like", ignore },
    { "role", set_role },
    { "instructions", set_instructions },
    { "prompt", set_prompt },
    { "description", set_description },
    { "capabilities", set_capabilities },
    { "exemplars", set_exemplars },
    { "input", ignore },
    { "output", ignore },
    { "check", set_check },
    { "examples", set_examples },
    { "tools", set_tools },
    { "turns", set_turns },
    { "guard", set_guard },
    { "limits", set_limits },
    { "timeout", set_timeout },
    { "retry", set_retry },
    { "hedge", set_hedge },
    { "effect", set_effect },
    { "key_life", set_key_life },
    { "doubt", ignore },
    { "pool", set_pool },
    { "rate", set_rate },
    { "breaker", set_breaker },
    { "probe", set_probe },
    { "undo", set_undo },
    { "fallback", set_fallback },
    { "a2a", set_a2a },
    { "worker", set_kind_later },
    { "human", set_human },
    { "call", set_call },
};
static const KeyRow tool_rows[] = {
    { "run", set_run },         { "http", set_http },          { "description", set_description },
    { "input", ignore },        { "output", ignore },          { "check", set_check },
    { "timeout", set_timeout }, { "retry", set_retry },        { "hedge", set_hedge },
    { "effect", set_effect },   { "key_life", set_key_life },  { "probe", set_probe },
    { "undo", set_undo },       { "doubt", ignore },           { "pool", set_pool },
    { "rate", set_rate },       { "breaker", set_breaker },    { "worker", set_kind_later },
    { "mcp", set_mcp },         { "openapi", set_kind_later }, { "only", set_only },
    { "effects", set_effects },
};

/* ---- one definition -------------------------------------------------------------------------------------------------- */

Callee *read_new_callee(Reader *r, const Yaml *y, Str name, bool is_agent) {
    Callee *c = ARENA_NEW(r->arena, Callee);
    c->name = name;
    c->is_agent = is_agent;
    c->role = c->description = c->effort = c->own_prompt = c->own_about = STR("");
    c->pos = yaml_pos(y);
    c->key_life_ms = DAY_MS;
    c->retry = RETRY_NONE;
    c->limits = limits_none;
    c->turns = LIMIT_TURNS_DEFAULT;
    c->examples = VALUE_ABSENT;
    c->temperature = VALUE_ABSENT;
    return c;
}

/* Starts from a copy of the card that `like` names. */
static bool copy_like(Reader *r, const Yaml *y, Draft *d) {
    const Yaml *like = yaml_get(y, "like");
    if (!like)
        return true;
    const Callee *base = read_callee_named(r, like, true);
    if (!base)
        return false;
    Str name = d->callee->name;
    Pos pos = d->callee->pos;
    *d->callee = *base;
    d->callee->name = name;
    d->callee->pos = pos;
    if (base->governed)
        d->governed = *base->governed;
    d->kind_copied = true;
    d->effect_given = base->effect != default_effect(base);
    return true;
}

static void read_border(Reader *r, const Yaml *y, Draft *d) {
    const Yaml *input = yaml_get(y, "input"), *output = yaml_get(y, "output");
    if (input)
        d->callee->input = read_type(r, input);
    if (output)
        d->callee->output = read_type(r, output);
    d->sight.input = d->callee->input;
}

static void refuse_without_kind(Reader *r, const Yaml *y, const Draft *d) {
    if (d->callee->is_agent)
        error_at(
            r, y, "missing", "like `model: openai/gpt-5-mini` or `run: [prog, arg]`",
            "an agent needs `model`, `run`, `http`, `a2a`, `worker`, `human`, `call` or `like`");
    else
        error_at(r, y, "missing", "like `run: [prog, arg]` or `http: { url: ... }`",
                 "a tool needs `run`, `http`, `worker`, `mcp` or `openapi`");
}

/* A program brings its own words. */
static void warn_unused(Reader *r, const Yaml *y, const Callee *c) {
    static const char *const words[] = { "role",   "instructions", "examples",
                                         "prompt", "tools",        "turns" };
    size_t n = c->kind == CALLEE_A2A ? 3 : ARRAY_LEN(words); /* it is spoken to, in turns */
    for (size_t i = 0; i < n && c->kind && c->kind != CALLEE_MODEL; i++)
        if (yaml_get(y, words[i]))
            warn_at(r, yaml_get(y, words[i]), "unused",
                    "a program is told by `with:`, which arrives as its input",
                    "`%s` is for agents with a `model`", words[i]);
}

/* One that is asked, of which nobody knows a price. It asks for what it lacks as an agent of ours would: of a person. */
static void seal_remote(Reader *r, const Yaml *y, Callee *c) {
    static const ModelServer *const no_server[1];
    static const Price free_of_charge[1] = { { .known = true } };
    if (c->kind != CALLEE_A2A)
        return;
    if (yaml_get(y, "tools"))
        error_at(r, yaml_get(y, "tools"), "unused", "take it out; what it is given is `with:`",
                 "an agent elsewhere has tools of its own");
    c->models = ARENA_NEW(r->arena, Str);
    c->models[0] = STR("a2a");
    c->n_models = 1;
    c->servers = no_server;
    c->prices = free_of_charge;
    c->tools = ARENA_NEW(r->arena, AgentTool);
    c->tools[0] = (AgentTool){ .name = STR("escalate"),
                               .callee = read_callee_built_in(r, STR("escalate")),
                               .calls = -1 };
    c->n_tools = 1;
}

/* What has no name of its own is told from others by its line. */
static void seal_governed(Reader *r, const Yaml *y, Draft *d, bool named) {
    Governed *g = &d->governed;
    CalleeKind kind = d->callee->kind;
    g->what = d->callee->is_agent ? "agent" : "tool";
    g->name = d->callee->name;
    if (kind == CALLEE_CALL && (g->rate.count || g->breaker.failures || g->pool.max))
        diag_error(r->diags, d->callee->pos, "verb", "say it on the agents of the workflow",
                   "`rate`, `breaker` and `pool` mean nothing where a workflow is called");
    const Yaml *tokens = kind && kind != CALLEE_MODEL ? yaml_get(y, "rate") : NULL;
    tokens = tokens && tokens->kind == YAML_MAP ? yaml_get(tokens, "tokens") : NULL;
    if (tokens)
        error_at(r, tokens, "unused", "say `requests`, and `tokens` on the agent or provider",
                 "%s %.*s asks no model, so it uses no tokens", g->what, STR_FMT(g->name));
    d->callee->governed = read_governed(r, g, d->callee->pos, named ? 0 : d->callee->pos.line);
}

/* `body`: of a card, its instructions; else NULL. `name` NULL: it has none of its own. */
const Callee *read_callee(Reader *r, const Yaml *y, const Yaml *body, Str name, bool is_agent) {
    bool named = name.p != NULL;
    if (!named)
        name = is_agent ? STR("agent") : STR("tool");
    const char *what = is_agent ? "an agent" : "a tool";
    if (!read_is_map(r, y, what))
        return NULL;
    size_t errors = r->diags->errors;
    Draft d = { .callee = read_new_callee(r, y, name, is_agent), .sight = { .stands_in = what } };
    if (!copy_like(r, y, &d))
        return NULL;
    read_border(r, y, &d);
    if (is_agent)
        read_block(r, y, block_of(&d), agent_rows, ARRAY_LEN(agent_rows), &d.sight, &d);
    else
        read_block(r, y, block_of(&d), tool_rows, ARRAY_LEN(tool_rows), &d.sight, &d);
    if (body && yaml_get(y, "instructions"))
        error_at(r, body, "card", "keep one of the two", "`instructions` stand above already");
    else if (body)
        d.callee->instructions = read_template(r, body, &d.sight);
    warn_unused(r, y, d.callee);
    seal_remote(r, y, d.callee);
    if (!is_agent)
        check_set(r, y, d.callee);
    if (!d.kind && !d.kind_copied)
        refuse_without_kind(r, y, &d);
    else if (!d.effect_given)
        d.callee->effect = d.outside ? EFFECT_UNSAFE : default_effect(d.callee);
    seal_governed(r, y, &d, named);
    check_hedge_of_callee(r, y, d.callee);
    if (d.callee->effect >= EFFECT_IDEMPOTENT)
        people_told_of_doubts(r);
    if (yaml_get(y, "doubt"))
        read_doubt(r, yaml_get(y, "doubt"), d.callee->undo, &d.callee->doubt);
    return errors == r->diags->errors ? d.callee : NULL;
}

const Callee *read_callee_inline(Reader *r, const Yaml *y, bool is_agent) {
    return read_callee(r, y, NULL, STR_NULL, is_agent);
}

const Callee *read_callee_unnamed(Reader *r, const Yaml *y, CalleeKind kind, const Type *input) {
    Callee *c = read_new_callee(r, y, kind == CALLEE_RUN ? STR("run") : STR("http"), false);
    Sight sight = { .input = input, .stands_in = kind == CALLEE_RUN ? "`run`" : "`http`" };
    if (kind == CALLEE_RUN)
        read_run(r, y, &sight, c);
    else
        read_http(r, y, &sight, c);
    c->effect = default_effect(c);
    return c;
}

Callee *read_callee_engine(Reader *r, const Yaml *model, Str name, Str prompt) {
    Callee *c = read_new_callee(r, model, name, true);
    size_t errors = r->diags->errors;
    c->kind = CALLEE_MODEL;
    c->own_prompt = prompt;
    set_models(r, model, c);
    c->effect = default_effect(c);
    return errors == r->diags->errors ? c : NULL;
}

const Callee *read_callee_system(Reader *r, const Yaml *y, const Router *router) {
    Callee *c = read_new_callee(r, y, STR("system"), false);
    c->kind = CALLEE_SYSTEM;
    c->router = router;
    c->effect = default_effect(c);
    return c;
}

const Callee *read_callee_call(Reader *r, const Yaml *y) {
    Callee *c = read_new_callee(r, y, STR("call"), false);
    c->kind = CALLEE_CALL;
    read_call(r, y, c);
    c->effect = default_effect(c);
    return c->called ? c : NULL;
}

/* What a form is filled with is its output. */
const Callee *read_callee_person(Reader *r, const Yaml *y, const Sight *sight) {
    Callee *c = read_new_callee(r, y, STR("human"), false);
    c->kind = CALLEE_HUMAN;
    c->ask = read_human(r, y, sight);
    c->effect = default_effect(c);
    return c;
}
