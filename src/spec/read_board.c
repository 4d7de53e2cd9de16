/* `board`: what is written about, who writes when, and when it is enough. */
#include "spec/read.h"

enum { BODY = SEES_STEPS | SEES_LOOP | SEES_ROUND };

typedef struct BoardDraft {
    Node *node;
    Board *board;
} BoardDraft;
typedef struct RuleDraft {
    BoardDraft *of;
    BoardRule *rule;
    const Yaml *with;
} RuleDraft;

/* ---- topics ---------------------------------------------------------------------------------------------------------- */

static void read_topics(Reader *r, const Yaml *y, Board *b) {
    if (!read_is_map(r, y, "`topics`"))
        return;
    b->topics = ARENA_ARRAY(r->arena, BoardTopic, y->n);
    for (size_t i = 0; i < y->n; i++) {
        BoardTopic *t = &b->topics[b->n_topics++];
        read_id(r, y->entries[i].key, "the name of a topic", &t->name);
        t->type = read_type(r, y->entries[i].value);
    }
}

static BoardTopic *topic_named(const Board *b, Str name, uint32_t *ret_index) {
    for (size_t i = 0; i < b->n_topics; i++)
        if (str_eq(b->topics[i].name, name)) {
            *ret_index = (uint32_t)i;
            return &b->topics[i];
        }
    return NULL;
}

/* Topics and rules are read before all others: see read_board(). */
static void take_before(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target;
}

static void take_post(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    BoardDraft *d = target;
    uint32_t index;
    (void)key;
    if (!read_is_map(r, value, "`post`"))
        return;
    for (size_t i = 0; i < value->n; i++) {
        BoardTopic *t = topic_named(d->board, value->entries[i].key->text, &index);
        if (t)
            read_later(r, value->entries[i].value, d->node, BODY, &t->first, NULL);
    }
}

static void take_confidence(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    BoardDraft *d = target;
    (void)key;
    read_later(r, value, d->node, BODY | SEES_AFTER, NULL, &d->board->confidence);
}

static void take_until(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    BoardDraft *d = target;
    (void)key;
    read_later(r, value, d->node, BODY | SEES_BOARD, NULL, &d->board->until);
}

static void take_parallel(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`parallel`", 1, 10000, &((BoardDraft *)target)->board->parallel);
}

static void take_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max`", 1, 1000000, &((BoardDraft *)target)->board->max);
}

/* ---- rules ----------------------------------------------------------------------------------------------------------- */

static void rule_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RuleDraft *d = target;
    (void)key;
    read_later(r, value, d->of->node, BODY | SEES_BOARD, NULL, &d->rule->if_);
}

static void rule_with(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key;
    ((RuleDraft *)target)->with = value;
}

static void rule_to(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    RuleDraft *d = target;
    Str name;
    (void)key;
    if (read_text(r, value, "`to`", &name))
        topic_named(d->of->board, name, &d->rule->to); /* another is refused with the whole */
}

static void rule_times(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`times`", 1, 1000000, &((RuleDraft *)target)->rule->times);
}

static const KeyRow rule_rows[] = {
    { "if", rule_if }, { "agent", take_before }, { "with", rule_with },
    { "to", rule_to }, { "times", rule_times },
};

/* What it gives is of the topic's type, which a model is held to. */
static void read_rule(Reader *r, const Yaml *y, BoardDraft *d, size_t index) {
    RuleDraft rule = { .of = d, .rule = &d->board->rules[index] };
    Sight sight = { .sees = BODY | SEES_BOARD, .node = d->node };
    const Yaml *agent = y->kind == YAML_MAP ? yaml_get(y, "agent") : NULL;
    if (!read_is_map(r, y, "a rule of `board`"))
        return;
    read_block(r, y, language_block(STR("BoardRule")), rule_rows, ARRAY_LEN(rule_rows), &sight,
               &rule);
    if (!agent)
        return;
    Str name = agent->kind == YAML_SCALAR ? agent->text
                                          : arena_fmt(r->arena, "agent%zu", index + 1);
    Node *part = read_play_agent(r, agent, name, false, d->node);
    if (!part || rule.rule->to >= d->board->n_topics)
        return;
    part->output = d->board->topics[rule.rule->to].type;
    if (rule.with)
        read_later(r, rule.with, part, BODY | SEES_BOARD, &part->with, NULL);
}

static void read_rules(Reader *r, const Yaml *value, BoardDraft *d) {
    if (value->kind != YAML_LIST) {
        error_at(r, value, "value", "like `[{ if: size(board.notes) == 0, agent: a, to: notes }]`",
                 "`rules` is a list");
        return;
    }
    d->board->rules = ARENA_ARRAY(r->arena, BoardRule, value->n);
    d->board->n_rules = value->n;
    for (size_t i = 0; i < value->n; i++)
        read_rule(r, value->items[i], d, i);
}

/* ---- watches --------------------------------------------------------------------------------------------------------- */

typedef struct WatchDraft {
    BoardDraft *of;
    BoardWatch *watch;
} WatchDraft;

static void watch_topic(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    WatchDraft *d = target;
    Str name;
    (void)key;
    if (read_text(r, value, "`topic`", &name))
        topic_named(d->of->board, name, &d->watch->topic);
}

static void watch_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    WatchDraft *d = target;
    (void)key;
    read_later(r, value, d->of->node, BODY | SEES_BOARD | SEES_POST, NULL, &d->watch->if_);
}

static void watch_emit(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    WatchDraft *d = target;
    Node *part = read_new_node(r, key, STR("watch"), d->of->node);
    part->verb = VERB_EMIT;
    part->verb_word = key->text;
    r->notes[part->no].sees |= SEES_BOARD | SEES_POST;
    add_play_part(r, d->of->node, part, true);
    read_emit(r, value, part);
    d->watch->emit = part;
}

static const KeyRow watch_rows[] = {
    { "topic", watch_topic },
    { "if", watch_if },
    { "emit", watch_emit },
};

static void take_watch(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    BoardDraft *d = target;
    Sight sight = { .sees = BODY | SEES_BOARD | SEES_POST, .node = d->node };
    (void)key;
    if (value->kind != YAML_LIST) {
        error_at(r, value, "value", "like `[{ topic: notes, emit: { type: noted } }]`",
                 "`watch` is a list");
        return;
    }
    d->board->watches = ARENA_ARRAY(r->arena, BoardWatch, value->n);
    for (size_t i = 0; i < value->n; i++) {
        WatchDraft watch = { d, &d->board->watches[i] };
        if (read_is_map(r, value->items[i], "a watch of `board`"))
            read_block(r, value->items[i], language_block(STR("BoardWatch")), watch_rows,
                       ARRAY_LEN(watch_rows), &sight, &watch);
    }
    d->board->n_watches = value->n;
}

static const KeyRow rows[] = {
    { "topics", take_before },     { "post", take_post },

    { "until", take_until },       { "confidence", take_confidence },
    { "parallel", take_parallel }, { "max", take_max },
    { "rules", take_before },      { "watch", take_watch },
};

void read_board(Reader *r, const Yaml *y, Node *node) {
    if (!read_is_map(r, y, "`board`"))
        return;
    BoardDraft d = { node, ARENA_NEW(r->arena, Board) };
    Sight sight = { .sees = BODY, .node = node };
    const Yaml *topics = yaml_get(y, "topics"), *rules = yaml_get(y, "rules");
    node->board = d.board;
    d.board->parallel = 1;
    if (topics)
        read_topics(r, topics, d.board);
    if (rules)
        read_rules(r, rules, &d);
    read_block(r, y, language_block(STR("Board")), rows, ARRAY_LEN(rows), &sight, &d);
    node->play_max = d.board->max;
}
