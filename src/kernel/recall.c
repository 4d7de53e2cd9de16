/* What is passed on of a conversation: to the next member of a team, and to the agent of a step that says `context`.
 *
 *   agent ends ok --> said: all of it, and what its tools and itself gave      kept with its step, where some `context` means it
 *                          |
 *   agent begins  <-- none | artifacts | full | select ---+
 *                 <-- :summary, asked of the model whose conversation it was; where that fails all of it goes along */
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/step.h"

/* ---- as text ------------------------------------------------------------------------------------------------------------ */

Str passing_cut(Run *r, const Passing *p, Str text) {
    size_t most = p->max_tokens > 0 ? (size_t)p->max_tokens * 4
                                    : text.len; /* four bytes are a token */
    if (text.len <= most || MUTANT(context_uncut))
        return text;
    size_t from = text.len - most; /* the newest counts */
    while (from < text.len && ((unsigned char)text.p[from] & 0xC0) == 0x80)
        from++;
    return arena_fmt(&r->arena, "[...] %.*s", STR_FMT(str_slice(text, from, text.len)));
}

Value passing_brief(Run *r, const Passing *p, Str conversation) {
    MapBuilder m = map_builder(&r->arena);
    if (p->focus.len)
        map_addz(&m, "focus", value_str(p->focus));
    if (p->max_tokens)
        map_addz(&m, "max_tokens", value_int(p->max_tokens));
    map_addz(&m, "conversation", value_str(conversation));
    return map_done(&m, NULL);
}

static Str joined(Run *r, Str a, Str b) {
    return a.len && b.len ? arena_fmt(&r->arena, "%.*s\n%.*s", STR_FMT(a), STR_FMT(b))
           : a.len        ? a
                          : b;
}

/* ---- what was said ------------------------------------------------------------------------------------------------------- */

static const Node *step_of(const Frame *f) {
    return f->node->fallback_of ? f->node->fallback_of : f->node;
}

void recall_keep(Run *r, Frame *f) {
    if (!step_of(f)->recalled || f->shape != &shape_agent || f->fallen || f->part == PART_TURN)
        return;
    Str given = arena_fmt(&r->arena, "[%.*s] %.*s", STR_FMT(f->node->callee->name),
                          STR_FMT(value_plain(&r->arena, f->output)));
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "all", value_str(agent_transcript(r, f, false)));
    map_addz(&m, "given", value_str(joined(r, agent_transcript(r, f, true), given)));
    f->said = map_done(&m, NULL);
}

Str recall_said(Run *r, const Frame *f, const Passing *p) {
    const char *part = p->pass == PASS_ARTIFACTS ? "given" : "all";
    Str text = STR("");
    for (size_t i = 0; i < p->n_from; i++) {
        const Frame *step = scope_step(f, p->from[i]);
        Value said = step && step->status == STATUS_OK ? value_getz(step->said, part)
                                                       : VALUE_ABSENT;
        if (said.type == V_STRING)
            text = joined(r, text, value_as_str(said));
    }
    return text;
}

/* False, with the problem: a value cannot be told. What is not there is left out. */
bool passing_selected(Run *r, Frame *f, const Passing *p, Str *ret, char problem[320]) {
    Scope s = scope_of(r, f);
    Str text = STR("");
    for (size_t i = 0; i < p->n_select; i++) {
        Value v;
        if (scope_eval(&s, p->select[i], &v, problem))
            return false;
        if (!value_absent(v) && v.type != V_NULL)
            text = joined(r, text, value_plain(&r->arena, v));
    }
    *ret = text;
    return true;
}

/* ---- told ----------------------------------------------------------------------------------------------------------------- */

static void open_summary(Run *r, Frame *f, const Recall *recall, Str text) {
    Frame *child = frame_new(r, f, recall->summary, PART_ROLE, 1, 0, step_layers(recall->summary));
    child->with = passing_brief(r, &recall->passing, text);
    f->agent->context = text; /* that serves as well where nobody can sum it up */
    frame_ready(r, child);
}

Recalled recall_begin(Run *r, Frame *f, char problem[320]) {
    const Recall *recall = step_of(f)->recall;
    const Passing *p = recall ? &recall->passing : NULL;
    Str text = STR("");
    if (!recall || p->pass == PASS_NONE)
        return RECALL_DONE;
    if (p->pass == PASS_SELECT && !passing_selected(r, f, p, &text, problem))
        return RECALL_REFUSED;
    if (p->pass != PASS_SELECT)
        text = recall_said(r, f, p);
    if (p->pass == PASS_SUMMARY && text.len && recall->summary) {
        open_summary(r, f, recall, text);
        return RECALL_WAITS;
    }
    f->agent->context = passing_cut(r, p, text);
    return RECALL_DONE;
}

void recall_summed_up(Run *r, Frame *f, Frame *child) {
    AgentState *s = f->agent;
    if (child->status == STATUS_OK)
        s->context = value_plain(&r->arena, child->output);
    s->context = passing_cut(r, &step_of(f)->recall->passing, s->context);
    frame_let_go(r, child);
}
