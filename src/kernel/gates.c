/* Gates: `approve` of a step, and of a tool that an agent may call. A gate is a frame beside what it guards (shapes/human.c asks the
 * people); here is when one opens, and what follows when it has been settled.
 *
 *   approve before > (what the step does) > approve after > set
 *
 * Before it is asked over what is to be handed on, afterwards over what came back, and an edited value takes the place of either. Sent
 * back, the shape that made the value makes another, with the words. Words that come with a yes are a condition: agents that work
 * after it are told. */
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/play.h"
#include "kernel/step.h"

static Gated *gated_of(Run *r, Frame *f) {
    if (!f->gated) {
        f->gated = ARENA_NEW(&r->arena, Gated);
        f->gated->with = VALUE_ABSENT;
        f->gated->settled = list_builder(&r->arena);
    }
    return f->gated;
}

const Ask *gate_ask(const Frame *gate) {
    const Frame *f = gate->parent;
    const AgentTool *tool = f->part == PART_CALL ? agent_call_tool(f, STR("")) : NULL;
    if (f->part == PART_CALL)
        return tool && gate->b < tool->n_gates ? tool->gates[gate->b] : NULL;
    if (gate->b < f->node->n_gates)
        return f->node->gates[gate->b];
    return f->shape && f->shape->gate ? f->shape->gate(f, gate->b - f->node->n_gates) : NULL;
}

static void open_gate(Run *r, Frame *f, uint32_t index) {
    f->gating = true;
    f->gated->opened++;
    Frame *gate = frame_new(r, f, f->node, PART_GATE, f->gated->opened, index, 0);
    gate->shape = &shape_human;
    if (f->status == STATUS_NEW)
        frame_move(r, f, STATUS_RUNNING, 0, 0, STR("a person is asked first"));
    frame_ready(r, gate);
}

/* The first gate whose `if` holds; n: none. False, with the step failed, where it cannot be asked. */
static bool first_gate(Run *r, Frame *f, Ask *const *gates, size_t n, bool after, Scope *s,
                       size_t *ret) {
    char problem[320];
    for (*ret = 0; *ret < n; ++*ret) {
        const Ask *g = gates[*ret];
        bool yes = true;
        if (g->after != after)
            continue;
        bool asked = !g->if_ || scope_test(s, g->if_, &yes, problem) == 0;
        if (!asked && f->part != PART_CALL) {
            frame_failf(r, f, KIND_INVALID, "approve: %s", problem);
            return false;
        }
        yes |= !asked; /* a call of an agent that cannot be judged is for a person to judge */
        if (yes && !MUTANT(gate_skipped))
            return true;
    }
    return true;
}

void gate_open_own(Run *r, Frame *f, size_t number) {
    gated_of(r, f);
    open_gate(r, f, (uint32_t)(f->node->n_gates + number));
}

/* ---- of a step ------------------------------------------------------------------------------------------------------- */

static bool has_gate(const Frame *f, bool after) {
    for (size_t i = 0; (f->layers & LAYER_ITEM) && i < f->node->n_gates; i++)
        if (f->node->gates[i]->after == after)
            return true;
    return false;
}

/* What the step is to be given; in a loop that is known when a round begins only, and then the gate sees nothing of it. */
static bool with_of(Run *r, Frame *f) {
    char problem[320];
    Scope s = scope_of(r, f);
    const Node *n = f->node;
    f->gated->with = VALUE_ABSENT;
    if (!n->with && n->is_part)
        f->gated->with = play_with(f);
    if (n->repeat || !n->with)
        return true;
    if (scope_eval(&s, n->with, &f->gated->with, problem)) {
        frame_failf(r, f, KIND_INVALID, "%s", problem);
        return false;
    }
    return true;
}

bool gate_before(Run *r, Frame *f) {
    size_t i;
    if (!has_gate(f, false) || (f->gated && f->gated->passed))
        return false;
    gated_of(r, f);
    if (!with_of(r, f))
        return true;
    Scope s = scope_of(r, f);
    s.with = f->gated->with;
    if (!first_gate(r, f, f->node->gates, f->node->n_gates, false, &s, &i))
        return true;
    if (i == f->node->n_gates)
        return false;
    open_gate(r, f, (uint32_t)i);
    return true;
}

bool gate_after(Run *r, Frame *f, Value output) {
    size_t i;
    if (!has_gate(f, true))
        return false;
    Gated *g = gated_of(r, f);
    Scope s = scope_of(r, f);
    s.output = output;
    if (value_absent(g->with))
        g->with = f->with;
    s.with = g->with;
    if (!first_gate(r, f, f->node->gates, f->node->n_gates, true, &s, &i))
        return true;
    if (i == f->node->n_gates)
        return false;
    f->output = output;
    if (f->timeout) /* the step has done its part: people have a deadline of their own */
        want_close(r, f->timeout);
    f->timeout = NULL;
    open_gate(r, f, (uint32_t)i);
    return true;
}

/* ---- of a tool call --------------------------------------------------------------------------------------------------- */

bool gate_call(Run *r, Frame *call, const AgentTool *tool) {
    size_t i;
    if (!tool->n_gates)
        return false;
    gated_of(r, call);
    Scope s = scope_of(r, call->parent);
    s.input = call->parent->with;
    s.with = call->call->args;
    if (!first_gate(r, call, tool->gates, tool->n_gates, false, &s, &i))
        return true;
    if (i == tool->n_gates)
        return false;
    open_gate(r, call, (uint32_t)i);
    return true;
}

/* ---- settled ------------------------------------------------------------------------------------------------------------- */

/* Words with a yes hold for the step and for what comes after it. */
static void note_condition(Run *r, const Frame *f, Str words, Str by) {
    Condition *c = ARENA_NEW(&r->arena, Condition);
    *c = (Condition){ .address = frame_address(f, &r->arena), .words = words, .from = by };
    Condition **at = &r->conditions;
    while (*at)
        at = &(*at)->next;
    *at = c;
}

static Str text_of(Value map, const char *key) {
    Value v = value_getz(map, key);
    return v.type == V_STRING ? value_as_str(v) : STR("");
}

static void goes_back(Run *r, Frame *f, Str words) {
    if (f->part == PART_CALL) {
        frame_failf(r, f, KIND_REJECTED, "sent back: %.*s", STR_FMT(words));
        return;
    }
    f->output = VALUE_ABSENT;
    f->shape->revise(r, f, words);
}

static void goes_on(Run *r, Frame *f, const Ask *ask, Value value, bool modified) {
    if (f->part == PART_CALL) {
        if (modified)
            call_arguments(f, value);
        f->shape->enter(r, f);
    } else if (ask->after) {
        frame_approved(r, f, value);
    } else {
        f->gated->passed = true;
        f->gated->modified = modified;
        f->gated->with = value;
        step_begin(r, f, STR("approved"));
    }
}

/* What it has come to stands in the step's detail, and its words hold from there on. */
static void note_settled(Run *r, Frame *f, const Frame *gate) {
    Value detail = gate->detail;
    Str words = text_of(detail, "words");
    bool agreed = gate->status == STATUS_OK && !str_is(text_of(detail, "verdict"), "revise");
    list_add(&f->gated->settled, detail);
    if (agreed && words.len && !MUTANT(condition_forgotten))
        note_condition(r, f, words, text_of(detail, "by"));
}

void gate_done(Run *r, Frame *f, Frame *gate) {
    Value detail = gate->detail, error = gate->error, value = gate->output;
    bool ok = gate->status == STATUS_OK;
    const Ask *ask = gate_ask(gate);
    Str verdict = text_of(detail, "verdict"), words = text_of(detail, "words");
    f->gating = false;
    note_settled(r, f, gate);
    if (f->part != PART_CALL && gate->b >= f->node->n_gates) {
        f->shape->gate_done(r, f, gate);
        return;
    }
    frame_release(r, gate);
    if (!ok)
        frame_fail(r, f, error);
    else if (str_is(verdict, "revise"))
        goes_back(r, f, words);
    else
        goes_on(r, f, ask, value, str_is(verdict, "modified"));
}

/* What people said stands in the step's detail, whatever else does. */
Value gate_detail(Run *r, const Frame *f) {
    if (!f->gated || !f->gated->settled.n)
        return f->detail;
    Value base = f->detail.type == V_MAP ? f->detail : VALUE_EMPTY_MAP;
    const ListBuilder *l = &f->gated->settled;
    return value_with(&r->arena, base, STR("approvals"), value_list(l->items, l->n));
}

/* ---- conditions ------------------------------------------------------------------------------------------------------------- */

Value gate_conditions(Run *r, const Frame *f) {
    ListBuilder l = list_builder(&r->arena);
    for (const Condition *c = r->conditions; c; c = c->next)
        if (frame_is_from(f, c->address))
            list_add(&l, value_str(arena_fmt(&r->arena, "%.*s (%.*s)", STR_FMT(c->words),
                                             STR_FMT(c->from))));
    return list_done(&l);
}

/* ---- snapshots ---------------------------------------------------------------------------------------------------------------- */

void gate_save(const Frame *f, Buf *b) {
    const Gated *g = f->gated;
    buf_u8(b, (uint8_t)(g ? 1 | g->passed << 1 | g->modified << 2 : 0));
    if (!g)
        return;
    buf_varint(b, g->opened);
    value_encode(b, g->with);
    value_encode(b, value_list(g->settled.items, g->settled.n));
}

void gate_load(Run *r, Frame *f, Cursor *c) {
    uint8_t flags = cursor_u8(c);
    if (!flags)
        return;
    Gated *g = gated_of(r, f);
    g->passed = flags & 2;
    g->modified = flags & 4;
    g->opened = (uint32_t)cursor_varint(c);
    g->with = value_decode(c, &r->arena);
    Value settled = value_decode(c, &r->arena);
    for (uint32_t i = 0; settled.type == V_LIST && i < settled.len; i++)
        list_add(&g->settled, settled.items[i]);
}
