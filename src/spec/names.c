/* What an expression may name. A chain of names becomes a slot of the plan, so that unknown names, steps that have not
 * run yet and fields nobody has are found before anything runs.
 *
 * An expression stands in a node (or in a callee, which sees its arguments only). Going outward from the node, each level
 * shows the siblings ordered before it, its loop, and, where the way leads out of an on_error step, that step's error:
 *
 *   node -> parent group -> ... -> root          on_error step -> the step it stands for -> ... */
#include "spec/chain.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_BYTES 240

size_t chain_refuse(Chain *c, const char *code, const char *remedy, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->message, MESSAGE_BYTES, fmt, args);
    va_end(args);
    c->scope->error = (NameError){ code, remedy };
    return 0;
}

size_t chain_take(Chain *c, size_t parts, SlotKind kind, uint32_t number, uint32_t field) {
    *c->ret_slot = slot_make(kind, number, field);
    return parts;
}

static const Node *outward(const Node *n) { return n->handler_of ? n->handler_of : n->parent; }

/* Inside a verb or definition that gives a name to all that stands in it: the node that sees it so; NULL if none does. */
static const Node *seen_around(const Chain *c, unsigned what) {
    const Node *level = c->scope->sight.node;
    while (level && !(c->scope->reader->notes[level->no].sees & what))
        level = outward(level);
    return level;
}

/* ---- fields of records ----------------------------------------------------------------------------------------------- */

/* False, with the problem told, if parts[at] is a field that the type does not have. */
static bool has_field(Chain *c, const Type *t, size_t at, const char *whose) {
    Reader *r = c->scope->reader;
    if (!t || t->kind != TYPE_RECORD || t->open || at >= c->n || type_field(t, c->parts[at]))
        return true;
    const char *remedy = near_field(r, t, c->parts[at]);
    if (!remedy)
        remedy = arena_fmt(&r->scratch, "it is %.*s", STR_FMT(type_text(t, &r->scratch))).p;
    chain_refuse(c, "unknown_field", remedy, "%s has no field `%.*s`", whose,
                 STR_FMT(c->parts[at]));
    return false;
}

typedef struct Field {
    const char *word;
    uint32_t field;
} Field;

static const Field *field_named(const Field *fields, size_t n, Str word) {
    for (size_t i = 0; i < n; i++)
        if (str_is(word, fields[i].word))
            return &fields[i];
    return NULL;
}

static size_t unknown_field(Chain *c, const Field *fields, size_t n, Str word, const char *whose) {
    Str names[16];
    for (size_t i = 0; i < n; i++)
        names[i] = str_from(fields[i].word);
    const char *remedy = near_remedy(c->scope->reader, word, names, n);
    return chain_refuse(c, "unknown_field", remedy, "%s has no field `%.*s`", whose, STR_FMT(word));
}

/* ---- input, run ------------------------------------------------------------------------------------------------------ */

static const Sight *home_of(const Chain *c) {
    return read_home(c->scope->reader, c->scope->sight.node);
}

static size_t name_input(Chain *c) {
    const Sight *home = home_of(c);
    const Type *input = home ? home->input : c->scope->sight.input;
    return has_field(c, input, 1, "`input`")
               ? chain_take(c, 1, SLOT_INPUT, home ? SLOT_OUTER : 0, 0)
               : 0;
}

static size_t name_run(Chain *c) {
    static const Field fields[] = {
        { "id", RUN_ID },         { "workflow", RUN_WORKFLOW },       { "started", RUN_STARTED },
        { "labels", RUN_LABELS }, { "correlation", RUN_CORRELATION }, { "cost", RUN_COST },
    };
    if (c->n == 1)
        return chain_take(c, 1, SLOT_RUN, 0, RUN_ALL);
    const Field *f = field_named(fields, ARRAY_LEN(fields), c->parts[1]);
    return f ? chain_take(c, 2, SLOT_RUN, 0, f->field)
             : unknown_field(c, fields, ARRAY_LEN(fields), c->parts[1], "`run`");
}

/* ---- state ----------------------------------------------------------------------------------------------------------- */

static void note_read(Chain *c, uint32_t key) {
    Reader *r = c->scope->reader;
    StateRead *read = ARENA_NEW(&r->scratch, StateRead);
    *read = (StateRead){ r->reads, key, c->scope->sight.node, c->scope->sight.sees, c->scope->at };
    r->reads = read;
}

static size_t name_state(Chain *c) {
    Reader *r = c->scope->reader;
    if (home_of(c))
        return chain_refuse(c, "unknown_name",
                            "hand it over by `with:` of the step and read `input`",
                            "a definition does not see `state`");
    if (c->n == 1) {
        for (uint32_t i = 0; i < r->plan->n_state; i++)
            note_read(c, i);
        return chain_take(c, 1, SLOT_STATE_ALL, 0, 0);
    }
    const StateKey *k = table_get(&r->state, 0, c->parts[1]);
    if (k) {
        uint32_t number = (uint32_t)(k - r->plan->state);
        note_read(c, number);
        return has_field(c, k->type, 2, "this state key") ? chain_take(c, 2, SLOT_STATE, number, 0)
                                                          : 0;
    }
    Str *names;
    size_t n = table_names(r, &r->state, &names);
    const char *remedy = near_remedy(r, c->parts[1], names, n);
    return chain_refuse(c, "unknown_name", remedy ? remedy : "define it under `state:`",
                        "unknown state key `%.*s`", STR_FMT(c->parts[1]));
}

/* ---- steps ----------------------------------------------------------------------------------------------------------- */

static const Field step_fields[] = {
    { "status", STEP_STATUS }, { "output", STEP_OUTPUT },     { "detail", STEP_DETAIL },
    { "error", STEP_ERROR },   { "cost", STEP_COST },         { "tokens", STEP_TOKENS },
    { "calls", STEP_CALLS },   { "attempts", STEP_ATTEMPTS }, { "started", STEP_STARTED },
    { "ended", STEP_ENDED },
};

/* What is known of a step's output; a loop's is a list. */
static const Type *output_of(const Node *n) {
    if (n->for_)
        return NULL;
    return n->output ? n->output : n->callee ? n->callee->output : NULL;
}

static bool contains(Str text, Str part) { return str_find(text, part) >= 0; }

/* A step with an `if` may be skipped, and then there is no output: fine where the reader is skipped with it, tests for
 * it, or has an `if` about it. */
static void warn_skipped(Chain *c, const Node *level, const Node *step) {
    Reader *r = c->scope->reader;
    if (!yaml_get(r->node_yaml[step->no], "if"))
        return;
    Str path = arena_fmt(&r->scratch, "steps.%.*s.", STR_FMT(step->name));
    static const char *const around[][2] = { { "has(steps.", "." },
                                             { "steps.", ".status" },
                                             { "steps.", ".?output" },
                                             { "steps.?", ".?" } };
    bool tested = false;
    for (size_t i = 0; i < ARRAY_LEN(around); i++)
        tested |= contains(c->scope->source, arena_fmt(&r->scratch, "%s%.*s%s", around[i][0],
                                                       STR_FMT(step->name), around[i][1]));
    const Yaml *guard = yaml_get(r->node_yaml[level->no], "if");
    bool follows = level->n_needs == 1 && !level->by_order;
    if (follows || tested || (guard && guard->kind == YAML_SCALAR && contains(guard->text, path)))
        return;
    const char *remedy =
        arena_fmt(&r->scratch, "write `steps.%.*s.?output.orValue(...)`", STR_FMT(step->name)).p;
    warn_at(r, c->scope->at, "skipped", remedy, "`%.*s` may be skipped: then it has no output",
            STR_FMT(step->name));
}

static size_t take_step(Chain *c, const Node *level, const Node *step) {
    if (c->n == 2)
        return chain_take(c, 2, SLOT_STEP, step->no, STEP_ALL);
    const Field *f = field_named(step_fields, ARRAY_LEN(step_fields), c->parts[2]);
    if (!f)
        return unknown_field(c, step_fields, ARRAY_LEN(step_fields), c->parts[2],
                             "a step's result (status output detail error ...)");
    if (f->field == STEP_OUTPUT) {
        if (!has_field(c, output_of(step), 3, "this step's output"))
            return 0;
        warn_skipped(c, level, step);
    }
    return chain_take(c, 3, SLOT_STEP, step->no, f->field);
}

static size_t refuse_own(Chain *c, const Node *level) {
    if (level != c->scope->sight.node)
        return chain_refuse(
            c, "order", "steps inside see those before them, and what their group sees",
            "`%.*s` is what this stands in: it has no result yet", STR_FMT(level->name));
    return chain_refuse(c, "order", "in `check`, `until` and `set` it is `output`",
                        "a step cannot read its own result by `steps.%.*s`", STR_FMT(level->name));
}

static size_t refuse_order(Chain *c, const Node *level, const Node *step) {
    Arena *a = &c->scope->reader->scratch;
    if (c->scope->reader->notes[level->parent->no].machine)
        return chain_refuse(c, "order", "keep what it gave in `state`",
                            "not every way to `%.*s` leads through `%.*s`", STR_FMT(level->name),
                            STR_FMT(step->name));
    if (level->parent->ordered)
        return chain_refuse(c, "order", "move it before this one", "`%.*s` comes later in the list",
                            STR_FMT(step->name));
    const char *remedy = arena_fmt(a, "add `needs: %.*s`", STR_FMT(step->name)).p;
    if (level != c->scope->sight.node)
        remedy =
            arena_fmt(a, "add `needs: %.*s` to `%.*s`", STR_FMT(step->name), STR_FMT(level->name))
                .p;
    return chain_refuse(c, "order", remedy, "`%.*s` is not ordered before this step",
                        STR_FMT(step->name));
}

/* Ids that could have been meant, from all levels outward. */
static const char *near_step(Chain *c) {
    Reader *r = c->scope->reader;
    size_t room = enough_said(r) ? 0 : r->plan->n_nodes, n = 0;
    Str *names = ARENA_ARRAY(&r->scratch, Str, room);
    for (size_t i = 0; i < room; i++)
        if (r->plan->nodes[i]->has_id)
            names[n++] = r->plan->nodes[i]->name;
    return near_remedy(r, c->parts[1], names, n);
}

static size_t refuse_unknown_step(Chain *c) {
    Reader *r = c->scope->reader;
    for (size_t i = 0; i < r->plan->n_nodes && !enough_said(r); i++) {
        const Node *n = r->plan->nodes[i];
        if (!n->has_id || !str_eq(n->name, c->parts[1]))
            continue;
        const char *remedy =
            arena_fmt(&r->scratch,
                      "give it out by `return:` of the group and read `steps.%.*s.output`",
                      STR_FMT(n->parent->name))
                .p;
        return chain_refuse(c, "order",
                            n->parent->has_id ? remedy : "give it out by `return:` of the group",
                            "`%.*s` stands inside a group: outside only the group's output is seen",
                            STR_FMT(n->name));
    }
    return chain_refuse(c, "unknown_name", near_step(c), "unknown step `%.*s`",
                        STR_FMT(c->parts[1]));
}

static size_t name_step(Chain *c) {
    const Reader *r = c->scope->reader;
    const Node *node = c->scope->sight.node;
    if (c->n == 1)
        return chain_refuse(c, "unknown_name", "like `steps.plan.output`",
                            "`steps` needs the id of a step");
    const Node *child = chain_sees(c, SEES_CHILDREN) ? table_get(&r->steps, node->no, c->parts[1])
                                                     : NULL;
    if (child)
        return take_step(c, node, child);
    for (const Node *level = node; level; level = outward(level)) {
        if (level->handler_of || !level->parent)
            continue;
        const Node *found = table_get(&r->steps, level->parent->no, c->parts[1]);
        if (found == level)
            return refuse_own(c, level);
        if (found)
            return order_before(r, level, found) ? take_step(c, level, found)
                                                 : refuse_order(c, level, found);
    }
    return refuse_unknown_step(c);
}

/* ---- loops ----------------------------------------------------------------------------------------------------------- */

static size_t name_item(Chain *c) {
    const Node *node = c->scope->sight.node;
    Str name = c->parts[0];
    for (const Node *level = node; level; level = outward(level)) {
        const ForEach *loop = level->for_;
        if (!loop || (level == node && !chain_sees(c, SEES_LOOP)))
            continue;
        if (loop->each.len && str_eq(loop->each, name))
            return chain_take(c, 1, SLOT_EACH, level->no, 0);
        if (loop->index.len ? str_eq(loop->index, name) : str_is(name, "index"))
            return chain_take(c, 1, SLOT_INDEX, level->no, 0);
    }
    return 0;
}

static size_t name_round(Chain *c, SlotKind kind) {
    const Node *node = c->scope->sight.node, *inner = NULL;
    for (const Node *level = node; level; inner = level, level = outward(level)) {
        bool inside = level == node ? chain_sees(c, SEES_ROUND) : inner->handler_of != level;
        if (level->repeat && inside)
            return chain_take(c, 1, kind, level->no, 0);
    }
    return chain_refuse(c, "unknown_name", "like `repeat: { max: 3, until: output.done }`",
                        "`%.*s` is known inside `repeat` only", STR_FMT(c->parts[0]));
}

/* ---- this step ------------------------------------------------------------------------------------------------------- */

/* Of what stands around: of the step that an `undo` belongs to; what `evaluate` of a `supervise` judges. */
static size_t take_outer(Chain *c, const Node *level, SlotKind kind) {
    if (c->scope->reader->notes[level->no].means)
        return chain_take(c, 1, kind, SLOT_OUTER, 0);
    if (level->is_part && kind == SLOT_OUTPUT)
        return chain_take(c, 1, SLOT_PLAY, level->parent->no, NAME_OUTPUT);
    return chain_refuse(c, "unknown_name", "what is judged is `output`",
                        "`%.*s` is not known before it is judged", STR_FMT(c->parts[0]));
}

/* On a move of a machine: of the state that is left. */
static size_t take_left(Chain *c, const Node *state, SlotKind kind) {
    StepField field = kind == SLOT_OUTPUT   ? STEP_OUTPUT
                      : kind == SLOT_DETAIL ? STEP_DETAIL
                      : kind == SLOT_ERROR  ? STEP_ERROR
                                            : STEP_STATUS;
    if (kind == SLOT_OUTPUT && !has_field(c, output_of(state), 1, "this state's output"))
        return 0;
    return chain_take(c, 1, SLOT_STEP, state->no, field);
}

/* The step that ran; `error` also of the one that an on_error step stands for. */
static size_t name_own(Chain *c, SlotKind kind) {
    const Node *node = c->scope->sight.node;
    if (chain_sees(c, SEES_AFTER)) {
        if (kind == SLOT_OUTPUT && !has_field(c, output_of(node), 1, "this step's output"))
            return 0;
        return chain_take(c, 1, kind, node->no, 0);
    }
    for (const Node *level = node; level; level = outward(level)) {
        if (level->handler_of && kind == SLOT_ERROR)
            return chain_take(c, 1, kind, level->handler_of->no, 0);
        if (c->scope->reader->notes[level->no].leaves)
            return take_left(c, c->scope->reader->notes[level->no].leaves, kind);
        if (c->scope->reader->notes[level->no].sees & (SEES_AFTER | SEES_CALL))
            return take_outer(c, level, kind);
    }
    return chain_refuse(c, "unknown_name", "of an earlier step it is `steps.ID.output`",
                        "`%.*s` is this step's own, after it ran: %s", STR_FMT(c->parts[0]),
                        kind == SLOT_ERROR ? "in `set` and in the steps of `on_error`"
                                           : "in `check`, `until` and `set`");
}

/* Offered as a function; a refusal here would only say that there is no such function. */
static size_t name_failed(Chain *c, SlotKind kind) {
    const Node *node = c->scope->sight.node;
    if (chain_sees(c, SEES_FAILED))
        c->scope->reader->plan->nodes[node->no]->if_after_failure = true;
    else
        error_at(c->scope->reader, c->scope->at, "unknown_name",
                 "what became of a step is `steps.ID.status`",
                 "`%.*s` stands in the `if` of a step only", STR_FMT(c->parts[0]));
    return chain_take(c, 1, kind, node->no, 0);
}

/* ---- the first word -------------------------------------------------------------------------------------------------- */

typedef struct Word {
    const char *word;
    size_t (*resolve)(Chain *c);
} Word;

static size_t word_round(Chain *c) { return name_round(c, SLOT_ROUND); }
static size_t word_last(Chain *c) { return name_round(c, SLOT_LAST); }
static size_t word_output(Chain *c) { return name_own(c, SLOT_OUTPUT); }
static size_t word_detail(Chain *c) { return name_own(c, SLOT_DETAIL); }
static size_t word_error(Chain *c) { return name_own(c, SLOT_ERROR); }
static size_t word_status(Chain *c) { return name_own(c, SLOT_STATUS); }
static size_t word_failed(Chain *c) { return name_failed(c, SLOT_FAILED); }
static size_t word_always(Chain *c) { return name_failed(c, SLOT_ALWAYS); }

/* The step whose verb gives a name to all that it plays: from its own expressions and those of its parts, or from anywhere
 * inside a part (`around`) that got the name. A part may have such a verb itself. */
static const Node *player(const Chain *c, unsigned sees, Verb verb, const Node *around) {
    const Node *node = c->scope->sight.node;
    bool own = chain_sees(c, sees);
    return own && node->verb == verb ? node : own ? node->parent : around->parent;
}

static size_t word_signal(Chain *c) {
    const Node *around = seen_around(c, SEES_SIGNAL);
    if (chain_sees(c, SEES_SIGNAL))
        return chain_take(c, 1, SLOT_SIGNAL, c->scope->sight.node->no, 0);
    if (around)
        return chain_take(c, 1, SLOT_PLAY, around->parent->no, NAME_SIGNAL);
    return chain_refuse(
        c, "unknown_name", "what a `wait` got is `steps.ID.output`",
        "`signal` stands in the `if` of `wait` and in the moves of a `machine` only");
}

static const Word step_words[] = {
    { "steps", name_step },      { "state", name_state },   { "round", word_round },
    { "last", word_last },       { "output", word_output }, { "detail", word_detail },
    { "error", word_error },     { "status", word_status }, { "failed()", word_failed },
    { "always()", word_always }, { "signal", word_signal },
};
/* What one verb gives to what stands in it. */
static const struct {
    const char *word;
    unsigned sees;
    PlayName name; /* 0: `with`, which is no verb's */
    Verb verb;     /* that gives it */
    const char *where;
} verb_words[] = {
    { "text", SEES_TEXT, NAME_TEXT, VERB_ROUTE, "inside `route`" },
    { "targets", SEES_TEXT, NAME_TARGETS, VERB_ROUTE, "inside `route`" },
    { "task", SEES_TASK, NAME_TASK, VERB_SUPERVISE, "in `task` of `supervise`" },
    { "evaluation", SEES_EVALUATION, NAME_EVALUATION, VERB_SUPERVISE, "in `until` of `supervise`" },
    { "board", SEES_BOARD, NAME_BOARD, VERB_BOARD, "inside `board`" },
    { "post", SEES_POST, NAME_POST, VERB_BOARD, "in `watch` of `board`" },
    { "votes", SEES_VOTES, NAME_VOTES, VERB_VOTE, "in `tie` of `vote`" },
    { "event", SEES_EVENT, NAME_EVENT, VERB_MACHINE,
      "in `on`, in the `if` of `wait`, and in the moves of a `machine`" },
    { "with", SEES_WITH, 0, VERB_NONE, "in `approve`, `allow`, `undo` and `probe`" },
};

static size_t take_played(Chain *c, const Node *player_node, PlayName name) {
    Router *router = c->scope->reader->plan->nodes[player_node->no]->router;
    if (name == NAME_TARGETS && !router->system)
        return chain_refuse(c, "unknown_name", "give one of them `breaker`, `pool` or `rate`",
                            "nothing is known of the targets: nothing holds any of them back");
    if (name == NAME_TARGETS)
        router->looks_first = true;
    return chain_take(c, 1, SLOT_PLAY, player_node->no, name);
}

/* 0 with scope->error set where it is refused; 0 alone where it is no such word. */
static size_t name_of_verb(Chain *c) {
    for (size_t i = 0; i < ARRAY_LEN(verb_words); i++) {
        if (!str_is(c->parts[0], verb_words[i].word))
            continue;
        const Node *around = seen_around(c, verb_words[i].sees);
        if (verb_words[i].sees == SEES_WITH && chain_sees(c, SEES_WITH))
            return chain_take(c, 1, SLOT_WITH, c->scope->sight.node->no, 0);
        if (verb_words[i].sees == SEES_EVENT && chain_sees(c, SEES_EVENT))
            return chain_take(c, 1, SLOT_EVENT, 0, 0);
        if (around && verb_words[i].sees == SEES_WITH)
            return take_outer(c, around, SLOT_WITH);
        if (around || chain_sees(c, verb_words[i].sees))
            return take_played(c, player(c, verb_words[i].sees, verb_words[i].verb, around),
                               verb_words[i].name);
        return chain_refuse(c, "unknown_name", NULL, "`%s` is known %s", verb_words[i].word,
                            verb_words[i].where);
    }
    return 0;
}

static const Word *word_of(const Word *words, size_t n, Str word) {
    for (size_t i = 0; i < n; i++)
        if (str_is(word, words[i].word))
            return &words[i];
    return NULL;
}

/* `plan.output` instead of `steps.plan.output`, or a word nobody knows. */
static size_t refuse_word(Chain *c) {
    Reader *r = c->scope->reader;
    Str word = c->parts[0], names[16], near;
    size_t n = 0;
    for (size_t i = 0; i < r->plan->n_nodes && !enough_said(r); i++)
        if (r->plan->nodes[i]->has_id && str_eq(r->plan->nodes[i]->name, word))
            return chain_refuse(
                c, "unknown_name",
                arena_fmt(&r->scratch, "write `steps.%.*s.output`", STR_FMT(word)).p,
                "`%.*s` is a step", STR_FMT(word));
    names[n++] = STR("input");
    names[n++] = STR("run");
    for (size_t i = 0; i < ARRAY_LEN(step_words); i++)
        names[n++] = str_from(step_words[i].word);
    near = str_nearest(word, names, n);
    return chain_refuse(c, "unknown_name",
                        near.p ? near_remedy(r, word, names, n)
                               : "a text inside an expression needs quotes",
                        "unknown name `%.*s`", (int)MIN(word.len, 80), word.p);
}

/* In an agent, a tool, a program, a reducer. */
static size_t name_in_callee(Chain *c) {
    Str word = c->parts[0];
    if (chain_sees(c, SEES_CALL | SEES_REDUCE) && str_is(word, "output"))
        return !has_field(c, c->scope->sight.output, 1, "the output")
                   ? 0
                   : chain_take(c, 1, SLOT_OUTPUT, SLOT_CALL, 0);
    if (chain_sees(c, SEES_CALL) && str_is(word, "detail"))
        return chain_take(c, 1, SLOT_DETAIL, SLOT_CALL, 0);
    if (chain_sees(c, SEES_REDUCE) && str_is(word, "last"))
        return chain_take(c, 1, SLOT_LAST, SLOT_CALL, 0);
    const char *where = c->scope->sight.stands_in;
    return chain_refuse(
        c, "unknown_name",
        chain_sees(c, SEES_REDUCE) ? "`last` is the value so far, `output` what is written"
                                   : "hand it over by `with:` of the step and read `input`",
        "%s does not see `%.*s`", where ? where : "this text", (int)MIN(word.len, 80), word.p);
}

size_t names_resolve(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message) {
    NameScope *scope = ctx;
    Chain c = { scope, parts, n, ret_slot, message };
    scope->error = (NameError){ 0 };
    if (chain_sees(&c, SEES_TEST))
        return chain_take(&c, 1, SLOT_WITH, SLOT_CALL, 0);
    if (str_is(parts[0], "input") && !chain_sees(&c, SEES_REDUCE | SEES_NO_INPUT))
        return name_input(&c);
    if (str_is(parts[0], "run") && !chain_sees(&c, SEES_NO_RUN))
        return name_run(&c);
    if (str_is(parts[0], "vars"))
        return chain_var(&c);
    if (str_is(parts[0], "secrets"))
        return chain_secret(&c);
    if (!scope->sight.node && str_is(parts[0], "with") && chain_sees(&c, SEES_WITH))
        return chain_take(&c, 1, SLOT_WITH, SLOT_CALL, 0);
    size_t taken = scope->sight.node ? name_item(&c) : 0;
    if (!taken)
        taken = name_of_verb(&c);
    if (taken || scope->error.code)
        return taken;
    if (!scope->sight.node)
        return name_in_callee(&c);
    const Word *w = word_of(step_words, ARRAY_LEN(step_words), parts[0]);
    return w ? w->resolve(&c) : refuse_word(&c);
}
