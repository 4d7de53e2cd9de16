/* `vote`: voters, what is counted, by which rule, and who decides where that does not. */
#include "spec/read.h"

typedef struct VoteDraft {
    Node *node;
    Vote *vote;
    const Yaml *weights;
} VoteDraft;

/* Voters are the first parts, wherever `by` stands: read_vote() has read it. */
static void take_by(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    if (value->kind != YAML_LIST)
        error_at(r, value, "value", "like `by: [a, b, c]`", "`by` is a list");
}

static void take_count(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    VoteDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_AFTER, NULL, &d->vote->count);
}

static void take_confidence(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    VoteDraft *d = target;
    (void)key;
    read_later(r, value, d->node, SEES_STEPS | SEES_LOOP | SEES_AFTER, NULL, &d->vote->confidence);
}

static void take_rule(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = { [VOTE_MAJORITY] = "majority",
                                         [VOTE_WEIGHTED] = "weighted",
                                         [VOTE_UNANIMOUS] = "unanimous",
                                         [VOTE_FIRST] = "first",
                                         [VOTE_CONFIDENCE] = "confidence",
                                         [VOTE_PRIORITY] = "priority",
                                         [VOTE_JUDGE] = "judge" };
    size_t which;
    (void)key;
    if (read_choice(r, value, "`rule`", words, ARRAY_LEN(words), &which))
        ((VoteDraft *)target)->vote->rule = (VoteRule)which;
}

static void take_weights(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    if (read_is_map(r, value, "`weights`"))
        ((VoteDraft *)target)->weights = value; /* voters may be read after them */
}

static void take_judge(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    VoteDraft *d = target;
    (void)key;
    d->vote->judge = read_play_agent(r, value, STR("judge"), true, d->node);
}

static void take_quorum(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`quorum`", 1, 1000000, &((VoteDraft *)target)->vote->quorum);
}

static void take_early(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_bool(r, value, "`early`", &((VoteDraft *)target)->vote->early);
}

static void take_tie(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    VoteDraft *d = target;
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_VOTES, .node = d->node };
    d->vote->tie = read_play_step(r, key, value, STR("tie"), true, &sight);
}

static const KeyRow rows[] = {
    { "by", take_by },           { "count", take_count }, { "rule", take_rule },
    { "weights", take_weights }, { "judge", take_judge }, { "confidence", take_confidence },
    { "quorum", take_quorum },   { "early", take_early }, { "tie", take_tie },
};

static void weigh(Reader *r, const VoteDraft *d) {
    Vote *v = d->vote;
    v->weights = ARENA_ARRAY(r->arena, double, v->n_voters);
    for (size_t i = 0; i < v->n_voters; i++)
        v->weights[i] = 1;
    for (size_t i = 0; d->weights && i < d->weights->n; i++) {
        const YamlEntry *e = &d->weights->entries[i];
        double weight;
        if (!read_number(r, e->value, "a weight", &weight))
            continue;
        if (!(weight >= 0 && weight <= 1e6))
            error_at(r, e->value, "value", NULL, "a weight is from 0 to 1000000");
        for (size_t k = 0; k < v->n_voters; k++)
            if (str_eq(d->node->parts[k]->name, e->key->text))
                v->weights[k] = weight;
    }
}

void read_vote(Reader *r, const Yaml *y, Node *node) {
    if (!read_is_map(r, y, "`vote`"))
        return;
    VoteDraft d = { .node = node, .vote = ARENA_NEW(r->arena, Vote) };
    Sight sight = { .sees = SEES_STEPS | SEES_LOOP | SEES_ROUND, .node = node };
    const Yaml *by = yaml_get(y, "by");
    node->vote = d.vote;
    if (by)
        d.vote->n_voters = read_play_agents(r, by, node);
    read_block(r, y, language_block(STR("Vote")), rows, ARRAY_LEN(rows), &sight, &d);
    weigh(r, &d);
}
