/* What an agent's conversation begins with and how it grows, and the conversation as a text for somebody else. */
#include "kernel/call.h"
#include "kernel/people.h"
#include "spec/prompts.h"
#include "kernel/step.h"

/* What a provider adds to a message of its own: roles and marks between them. */
#define MESSAGE_OVERHEAD 16

static const Callee *callee_of(const Frame *f) { return f->node->callee; }

Frame *agent_player(const Frame *f) {
    const Node *part = f->node;
    while (part->fallback_of)
        part = part->fallback_of;
    Frame *p = part->is_part ? f->parent : NULL;
    while (p && !(p->node == part->parent && p->shape && p->shape->plays))
        p = p->parent;
    return p;
}

void agent_say(Run *r, Frame *f, Value message) {
    AgentState *s = f->agent;
    list_add(&s->messages, message);
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    buf_varint(&b, s->hash);
    value_write(&b, message);
    Hash h = hash_bytes(buf_str(&b));
    memcpy(&s->hash, h.b, sizeof(s->hash));
    s->bytes += (int64_t)b.len + MESSAGE_OVERHEAD;
    buf_deinit(&b);
    (void)r;
}

Value agent_message(Run *r, const char *role, Value content) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "role", value_str(str_from(role)));
    map_addz(&m, "content", content);
    return map_done(&m, NULL);
}

static Value as_text(Run *r, Value v) {
    return value_str(value_absent(v) || v.type == V_NULL ? STR("") : value_plain(&r->arena, v));
}

/* Few-shot examples are turns of the conversation, so that every provider understands them. */
static void say_examples(Run *r, Frame *f) {
    Value examples = callee_of(f)->examples;
    for (uint32_t i = 0; examples.type == V_LIST && i < examples.len; i++) {
        Value with = value_getz(examples.items[i], "with"),
              output = value_getz(examples.items[i], "output");
        agent_say(r, f, agent_message(r, "user", as_text(r, with)));
        agent_say(r, f, agent_message(r, "assistant", as_text(r, output)));
    }
}

/* Who it is, then what it shall do. */
static void say_system(Run *r, Frame *f, Value instructions) {
    Str role = callee_of(f)->role, text = value_as_str(as_text(r, instructions));
    if (role.len && text.len)
        text = arena_fmt(&r->arena, "%.*s\n\n%.*s", STR_FMT(role), STR_FMT(text));
    else if (role.len)
        text = role;
    if (role.len || !value_absent(instructions))
        agent_say(r, f, agent_message(r, "system", value_str(text)));
}

void agent_say_words(Run *r, Frame *f, PromptName prompt, Str words) {
    agent_say(r, f,
              agent_message(r, "user", value_str(prompt_text(r->plan, &r->arena, prompt, words))));
}

/* What people agreed to on a condition, and what they sent back in the round before. */
static void say_what_holds(Run *r, Frame *f) {
    Value conditions = gate_conditions(r, f);
    for (uint32_t i = 0; i < conditions.len; i++)
        agent_say_words(r, f, PROMPT_CONDITION, value_as_str(conditions.items[i]));
    for (const Frame *up = f; up; up = up->parent)
        if (up->shape == &shape_loop && up->loop->words.len)
            agent_say_words(r, f, PROMPT_REVISE, up->loop->words);
}

/* By the verb around, of which it is a part. */
static void say_what_is_told(Run *r, Frame *f) {
    const Frame *p = agent_player(f);
    Value told = p && p->shape->tells ? p->shape->tells(r, p, f) : VALUE_NULL;
    for (uint32_t i = 0; told.type == V_LIST && i < told.len; i++)
        agent_say(r, f, agent_message(r, "user", told.items[i]));
}

bool agent_begin(Run *r, Frame *f, char problem[320]) {
    const Callee *c = callee_of(f);
    Scope s = scope_of(r, f);
    Value instructions = VALUE_ABSENT, prompt = f->with;
    s.input = f->with;
    if (c->own_prompt.len)
        instructions = value_str(prompt_named(r->plan, &r->arena, c->own_prompt, c->own_about));
    if ((c->instructions && scope_eval(&s, c->instructions, &instructions, problem)) ||
        (c->prompt && scope_eval(&s, c->prompt, &prompt, problem)))
        return false;
    say_system(r, f, instructions);
    say_examples(r, f);
    if (f->agent->context.len && !MUTANT(context_untold))
        agent_say_words(r, f, PROMPT_HANDOFF_CONTEXT, f->agent->context);
    agent_say(r, f, agent_message(r, "user", as_text(r, prompt)));
    say_what_is_told(r, f);
    say_what_holds(r, f);
    return true;
}

int64_t agent_bytes(const ListBuilder *messages) {
    int64_t bytes = 0;
    for (size_t i = 0; i < messages->n; i++) {
        Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
        value_write(&b, messages->items[i]);
        bytes += (int64_t)b.len + MESSAGE_OVERHEAD + 10;
        buf_deinit(&b);
    }
    return bytes;
}

/* ---- for somebody else ----------------------------------------------------------------------------------------------------- */

static void write_call(Buf *b, Value call) {
    Value name = value_getz(call, "name"), arguments = value_getz(call, "arguments");
    buf_fmt(b, "\n(calls ");
    buf_str_add(b, name.type == V_STRING ? value_as_str(name) : STR("?"));
    buf_char(b, ' ');
    value_write(b, value_absent(arguments) ? VALUE_NULL : arguments);
    buf_char(b, ')');
}

static bool is_role(Value message, const char *role) {
    Value v = value_getz(message, "role");
    return v.type == V_STRING && str_is(value_as_str(v), role);
}

static void write_message(Buf *b, Value message, Str name) {
    Value content = value_getz(message, "content"), calls = value_getz(message, "calls");
    Value tool = value_getz(message, "name");
    Str who = is_role(message, "assistant") ? name
              : tool.type == V_STRING       ? value_as_str(tool)
                                            : STR("user");
    buf_fmt(b, "%s[%.*s] ", b->len ? "\n" : "", STR_FMT(who));
    if (content.type == V_STRING)
        buf_str_add(b, value_as_str(content));
    else if (!value_absent(content) && content.type != V_NULL)
        value_write(b, content);
    for (uint32_t i = 0; calls.type == V_LIST && i < calls.len; i++)
        write_call(b, calls.items[i]);
}

/* What a tool of its own gave; not what the verb around said to it. */
static bool is_result(const Frame *f, Value message) {
    const Callee *c = callee_of(f);
    Value name = value_getz(message, "name");
    for (size_t i = 0; is_role(message, "tool") && i < c->n_tools; i++)
        if (name.type == V_STRING && str_eq(value_as_str(name), c->tools[i].name))
            return true;
    return false;
}

Str agent_transcript(Run *r, const Frame *f, bool results_only) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    const AgentState *s = f->shape == &shape_agent ? f->agent : NULL;
    for (size_t i = 0; s && i < s->messages.n; i++) {
        Value message = s->messages.items[i];
        if (results_only ? is_result(f, message) : !is_role(message, "system"))
            write_message(&b, message, callee_of(f)->name);
    }
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}
