/* What a person is asked: `human`, as a verb or as an agent, and the gates of `approve`. In a step the texts are compiled when all
 * steps are known; in a definition at once, where they see its `input` and, in a gate over a tool, `with`. */
#include "spec/read.h"

#include "base/limits.h"

typedef struct AskDraft {
    Ask *ask;
    Sight sight;
    const Block *block;
} AskDraft;

/* ---- its words ------------------------------------------------------------------------------------------------------- */

static void by_form(Reader *r, const Yaml *key, const Yaml *value, AskDraft *d) {
    read_keyword(r, key, value, d->block, &d->sight, NULL);
}

static void take_value(Reader *r, const Yaml *value, AskDraft *d, Template **ret) {
    if (d->sight.node)
        read_later(r, value, d->sight.node, d->sight.sees, ret, NULL);
    else
        *ret = read_template(r, value, &d->sight);
}

static void ask_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    AskDraft *d = target;
    if (d->sight.node)
        read_later(r, value, d->sight.node, d->sight.sees, NULL, &d->ask->if_);
    else
        d->ask->if_ = read_expr(r, value, &d->sight);
}

static void ask_at(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    AskDraft *d = target;
    by_form(r, key, value, d);
    d->ask->after = value->kind == YAML_SCALAR && str_is(value->text, "after");
    if (d->ask->after && !d->sight.node)
        error_at(r, value, "value", "take `at` out",
                 "a tool of an agent is agreed to before it is called");
}

static void ask_group(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`group`", &((AskDraft *)target)->ask->group);
}

static void ask_person(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    take_value(r, value, target, &((AskDraft *)target)->ask->person);
}

static void ask_ask(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    take_value(r, value, target, &((AskDraft *)target)->ask->ask);
}

static void ask_show(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    take_value(r, value, target, &((AskDraft *)target)->ask->show);
}

static void ask_form(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    ((AskDraft *)target)->ask->form = read_type(r, value);
}

static void ask_risk(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    AskDraft *d = target;
    Risk risk = value->kind == YAML_SCALAR ? risk_named(value->text) : RISKS_COUNT;
    if (risk < RISKS_COUNT)
        d->ask->risk = risk;
    else
        by_form(r, key, value, d);
}

static void ask_quorum(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`quorum`", 1, LIMIT_QUORUM, &((AskDraft *)target)->ask->quorum);
}

static void ask_deadline(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`deadline`", &((AskDraft *)target)->ask->deadline_ms);
}

static void ask_remind(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Ask *ask = ((AskDraft *)target)->ask;
    if (read_duration(r, value, "`remind`", &ask->remind_ms) && ask->remind_ms < LIMIT_REMIND_MS)
        error_at(r, value, "value", "like `remind: 4h`",
                 "nobody is reminded more often than once a minute");
}

/* A state of the machine around; the words that are none come first. */
static const Node *state_named(Reader *r, const Yaml *value, const AskDraft *d) {
    bool named = value->kind == YAML_SCALAR && d->sight.node;
    const Node *node = d->sight.node;
    bool own = node && node->machine && d->sight.sees & SEES_SIGNAL; /* of a move from any state */
    return !named ? NULL
           : own  ? read_move_of(r, value, value->text, node, NULL)
                  : read_move(r, value, value->text, node);
}

static void ask_on_timeout(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = {
        [SILENCE_REJECTS] = "reject", [SILENCE_APPROVES] = "approve", [SILENCE_FAILS] = "fail"
    };
    AskDraft *d = target;
    const Yaml *answer = yaml_get(value, "answer");
    for (size_t i = 0; value->kind == YAML_SCALAR && i < ARRAY_LEN(words); i++)
        if (str_is(value->text, words[i])) {
            d->ask->silence = (Silence)i;
            return;
        }
    if (value->kind == YAML_MAP && value->n == 1 && answer) {
        d->ask->silence = SILENCE_ANSWERS;
        read_data(r, answer, "an answer", &d->ask->answer);
        return;
    }
    d->ask->on_timeout = state_named(r, value, d);
    if (!d->sight.node || value->kind != YAML_SCALAR)
        by_form(r, key, value, d);
}

static void ask_on_reject(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    AskDraft *d = target;
    if (value->kind == YAML_SCALAR && str_is(value->text, "fail"))
        return;
    d->ask->on_reject = state_named(r, value, d);
    if (!d->sight.node || value->kind != YAML_SCALAR)
        by_form(r, key, value, d);
}

static void ask_wait(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    bool wait;
    if (read_bool(r, value, "`wait`", &wait))
        ((AskDraft *)target)->ask->wait = wait;
}

static void ask_four_eyes(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_bool(r, value, "`four_eyes`", &((AskDraft *)target)->ask->four_eyes);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

#define ASKED_ROWS                                                                                 \
    { "group", ask_group }, { "person", ask_person }, { "ask", ask_ask }, { "show", ask_show },    \
        { "risk", ask_risk }, { "quorum", ask_quorum }, { "deadline", ask_deadline },              \
        { "on_timeout", ask_on_timeout }, { "on_reject", ask_on_reject },                          \
        { "remind", ask_remind }, {                                                                \
        "four_eyes", ask_four_eyes                                                                 \
    }

static const KeyRow human_rows[] = { ASKED_ROWS, { "form", ask_form }, { "wait", ask_wait } };
static const KeyRow gate_rows[] = { ASKED_ROWS, { "if", ask_if }, { "at", ask_at } };

static Ask *new_ask(Reader *r, const Yaml *y) {
    Ask *ask = ARENA_NEW(r->arena, Ask);
    *ask = (Ask){ .pos = yaml_pos(y),
                  .group = STR(""),
                  .quorum = 1,
                  .deadline_ms = -1,
                  .remind_ms = -1,
                  .answer = VALUE_ABSENT,
                  .wait = -1 };
    return ask;
}

/* What does not go together. */
static void check_ask(Reader *r, const Yaml *y, const Ask *ask) {
    const Yaml *on_timeout = yaml_get(y, "on_timeout"), *quorum = yaml_get(y, "quorum");
    if (ask->form && ask->quorum > 1)
        error_at(r, quorum, "value", "take `form` out, or `quorum`",
                 "a form is filled in by one: a `quorum` counts approvals");
    if (on_timeout && ask->silence == SILENCE_APPROVES && ask->form)
        error_at(r, on_timeout, "value", "`on_timeout: { answer: ... }`",
                 "silence fills in no form");
    if (on_timeout && ask->deadline_ms < 0 && ask->wait != 0)
        error_at(r, on_timeout, "missing", "like `deadline: 24h`",
                 "`on_timeout` needs a `deadline`");
}

const Ask *read_human(Reader *r, const Yaml *y, const Sight *sight) {
    Ask *ask = new_ask(r, y);
    AskDraft d = { ask, *sight, language_block(STR("Human")) };
    if (!read_is_map(r, y, "`human`"))
        return ask;
    read_block(r, y, d.block, human_rows, ARRAY_LEN(human_rows), &d.sight, &d);
    check_ask(r, y, ask);
    return ask;
}

static Ask *read_gate(Reader *r, const Yaml *y, const Sight *sight) {
    Ask *ask = new_ask(r, y);
    const Yaml *at = yaml_get(y, "at");
    bool after = at && at->kind == YAML_SCALAR && str_is(at->text, "after");
    AskDraft d = { ask, *sight, language_block(STR("Gate")) };
    d.sight.sees |= SEES_WITH | (after && sight->node ? SEES_AFTER : 0);
    read_block(r, y, d.block, gate_rows, ARRAY_LEN(gate_rows), &d.sight, &d);
    check_ask(r, y, ask);
    return ask;
}

void read_gates(Reader *r, const Yaml *y, const Sight *sight, Ask ***ret_gates, size_t *ret_n) {
    size_t n = y->kind == YAML_LIST ? y->n : 1;
    Ask **gates = ARENA_ARRAY(r->arena, Ask *, n);
    *ret_n = 0;
    if (n == 0)
        error_at(r, y, "value", "like `approve: { group: leads, risk: high }`",
                 "`approve` is empty");
    for (size_t i = 0; i < n; i++) {
        const Yaml *gate = y->kind == YAML_LIST ? y->items[i] : y;
        if (gate->kind == YAML_MAP)
            gates[(*ret_n)++] = read_gate(r, gate, sight);
        else
            error_at(r, gate, "value", language_block(STR("Gate"))->like,
                     "a gate of `approve` is a map");
    }
    *ret_gates = gates;
}
