/* Guards: what an agent or a workflow does not let through, looked at by the kernel and not by whoever is guarded.
 *
 *   input    what an agent, or the run, is given            tool      the arguments of each tool call
 *   output   what it gives                                  content   every text that goes to a model or comes from one
 *
 * A `deny` looks into every text of a value, keys too, so that nothing hides behind the escapes of JSON. What cannot be decided -
 * an expression that fails, a pattern that runs out of steps - is not let through. The message names the rule by its line, and
 * never what it caught: that may be a secret. */
#include "cel/pattern.h"
#include "kernel/call.h"
#include "kernel/step.h"

static const char *const points[] = { "input", "output", "tool", "content" };

/* ---- one value and one rule ------------------------------------------------------------------------------------------- */

typedef struct Look {
    const Guard *guard;
    PatternSearch *search;
    int64_t steps; /* what all patterns may take together */
    Run *run;
    Str caught; /* why; p NULL: nothing was */
} Look;

static void look_at_text(Look *l, Str text) {
    PatternSpan spans[PATTERN_SPANS];
    bool found = false;
    for (size_t i = 0; i < l->guard->n_deny && !l->caught.p; i++) {
        int failed =
            pattern_find(l->search, l->guard->patterns[i], text, 0, &l->steps, &found, spans);
        if (failed)
            l->caught = arena_fmt(&l->run->arena,
                                  "pattern %zu of its `deny` cannot be decided on %zu bytes", i + 1,
                                  text.len);
        else if (found)
            l->caught = arena_fmt(&l->run->arena,
                                  "pattern %zu of its `deny` matches %zu of %zu bytes", i + 1,
                                  spans[0].to - spans[0].from, text.len);
    }
}

static void look_at_value(Look *l, Value v) {
    switch (v.type) {
    case V_STRING: look_at_text(l, value_as_str(v)); return;
    case V_LIST:
        for (uint32_t i = 0; i < v.len && !l->caught.p; i++)
            look_at_value(l, v.items[i]);
        return;
    case V_MAP:
        for (uint32_t i = 0; i < v.len && !l->caught.p; i++) {
            look_at_value(l, value_entry(v, i).key);
            look_at_value(l, value_entry(v, i).value);
        }
        return;
    default:
        if (!value_absent(v) && v.type != V_NULL)
            look_at_text(l, value_plain(&l->run->arena, v));
    }
}

static Str denied(Run *r, const Guard *g, Value v) {
    Look l = { .guard = g, .search = pattern_search_new(), .steps = LIMIT_CEL_STEPS, .run = r };
    look_at_value(&l, v);
    pattern_search_free(l.search);
    return l.caught;
}

static Str refused(Run *r, Frame *f, const Guard *g, Value v) {
    char problem[320];
    bool caught = false;
    Scope s = scope_of(r, f);
    if (f->parent)
        s.input = f->with;
    if (g->at == GUARD_OUTPUT)
        s.output = v;
    else
        s.with = v;
    if (scope_test(&s, g->if_, &caught, problem))
        return arena_fmt(&r->arena, "its `if` cannot be asked: %s", problem);
    return caught ? arena_fmt(&r->arena, "`%.*s` holds", STR_FMT(cel_source(g->if_))) : STR_NULL;
}

/* ---- what follows ------------------------------------------------------------------------------------------------------ */

static void catch (Run *r, Frame *f, const Guard *g, Str why) {
    Str kind = str_from(error_kind_name(g->if_ ? KIND_CHECK : KIND_DENIED));
    Str place = arena_fmt(&r->arena, "%.*s:%u", STR_FMT(g->pos.file), g->pos.line);
    Str message = arena_fmt(&r->arena, "the guard of %s at %.*s does not let this through: %.*s",
                            points[g->at], STR_FMT(place), STR_FMT(why));
    Value error = error_make(r, f, kind, message, 0, VALUE_ABSENT);
    frame_movef(r, f, STATUS_RUNNING, "guard %.*s: %s is %s", STR_FMT(place), points[g->at],
                g->stop ? "not let through, and the run stops" : "not let through");
    if (g->stop)
        r->tripped = error;
    frame_fail(r, f, error);
}

static bool caught_by(Run *r, Frame *f, const Guards *guards, GuardPoint at, Value v) {
    for (size_t i = 0; i < guards->n; i++) {
        const Guard *g = &guards->items[i];
        if (g->at != at)
            continue;
        Str why = g->if_ ? refused(r, f, g, v) : denied(r, g, v);
        if (!why.p)
            continue;
        catch (r, f, g, why);
        return true;
    }
    return false;
}

bool guard_catches(Run *r, Frame *f, const Callee *agent, GuardPoint at, Value v) {
    bool own = agent && caught_by(r, f, &agent->guards, at, v);
    bool of_all = !agent || at == GUARD_TOOL || at == GUARD_CONTENT;
    return own || (of_all && caught_by(r, f, &r->plan->guards, at, v));
}

/* ---- conversations ------------------------------------------------------------------------------------------------------ */

static bool looks_at_content(const Run *r, const Callee *agent) {
    const Guards *lists[] = { &agent->guards, &r->plan->guards };
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        for (size_t i = 0; i < lists[k]->n; i++)
            if (lists[k]->items[i].at == GUARD_CONTENT)
                return true;
    return false;
}

/* Of a call of a tool the model's words are its arguments. */
static bool message_caught(Run *r, Frame *f, const Callee *agent, Value message) {
    Value content = value_getz(message, "content"), calls = value_getz(message, "calls");
    if (!value_absent(content) && content.type != V_NULL &&
        guard_catches(r, f, agent, GUARD_CONTENT, content))
        return true;
    for (uint32_t i = 0; calls.type == V_LIST && i < calls.len; i++) {
        Value arguments = value_getz(calls.items[i], "arguments");
        if (!value_absent(arguments) && guard_catches(r, f, agent, GUARD_CONTENT, arguments))
            return true;
    }
    return false;
}

static bool is_of_model(Value message) {
    Value role = value_getz(message, "role");
    return role.type == V_STRING && str_is(value_as_str(role), "assistant");
}

/* What the model has not seen: all that was said since it last spoke; before its first turn everything. */
bool guard_catches_unsent(Run *r, Frame *f) {
    const AgentState *s = f->agent;
    const Callee *agent = f->node->callee;
    size_t from = s->messages.n;
    if (!looks_at_content(r, agent))
        return false;
    while (from > 0 && (s->turn == s->before || !is_of_model(s->messages.items[from - 1])))
        from--;
    for (size_t i = from; i < s->messages.n; i++)
        if (message_caught(r, f, agent, s->messages.items[i]))
            return true;
    return false;
}

bool guard_catches_reply(Run *r, Frame *f, Value reply) {
    bool last = value_absent(value_getz(reply, "calls"));
    if (!looks_at_content(r, f->node->callee) || (last && MUTANT(guard_skips_last_turn)))
        return false;
    return message_caught(r, f, f->node->callee, reply);
}

/* ---- loops --------------------------------------------------------------------------------------------------------------- */

static bool same_call(Value one, Value other) {
    return value_equal(value_getz(one, "name"), value_getz(other, "name")) &&
           value_equal(value_getz(one, "arguments"), value_getz(other, "arguments"));
}

/* How often this very call was made in the turns before this one, and in all so far. The conversation knows. */
void guard_count_call(const Frame *f, uint32_t n, Value call, uint32_t *ret_before,
                      uint32_t *ret_all) {
    const ListBuilder *messages = &f->agent->messages;
    uint32_t before = 0, now = 0;
    for (size_t i = 0; i < messages->n; i++) {
        bool this_turn = i + 1 == messages->n;
        Value calls = value_getz(messages->items[i], "calls");
        for (uint32_t k = 0; calls.type == V_LIST && k < calls.len && (!this_turn || k <= n); k++)
            *(this_turn ? &now : &before) += same_call(calls.items[k], call);
    }
    *ret_before = before;
    *ret_all = before + now;
}
