/* vote: several agents answer the same; what their answers count for decides.
 *
 *   voters, all at once --> ballots --rule--> a choice                     the output
 *                                   \ rule: judge --> :judge, told all --> its choice
 *                                   \ undecided --> :tie, sees `votes` --> its output; without one the step fails
 *
 * A voter that fails casts no ballot. `majority` is more than half of the ballots; `weighted` is the most weight, `confidence`
 * the surest ballot, `priority` the first voter of the file that cast one, `first` whoever answered first. With `early` the
 * rest is cancelled once it could not change the outcome. */
#include "kernel/play.h"
#include "kernel/step.h"

typedef struct Ballot {
    bool cast;
    Value choice;
    double confidence;
} Ballot;
struct VoteState {
    Play play;
    Ballot *ballots; /* by voter */
    uint32_t cast;
    bool decided; /* nobody is asked any more but the judge or who breaks the tie */
};

/* What of the ballots is for the same. */
typedef struct Option {
    Value choice;
    double weight;
    uint32_t ballots;
} Option;
typedef struct Tally {
    Option *options; /* heaviest first; equal ones in file order */
    size_t n;
    double weight; /* of all */
} Tally;

static double weight_of(const Vote *v, const VoteState *s, size_t voter) {
    double weight = v->rule == VOTE_WEIGHTED ? v->weights[voter] : 1;
    return v->rule == VOTE_WEIGHTED && v->confidence ? weight * s->ballots[voter].confidence
                                                     : weight;
}

static void sort_heaviest_first(Option *options, size_t n) {
    for (size_t i = 1; i < n; i++) {
        Option one = options[i];
        size_t at = i;
        for (; at > 0 && options[at - 1].weight < one.weight; at--)
            options[at] = options[at - 1];
        options[at] = one;
    }
}

static Tally count(Run *r, const Frame *f) {
    const Vote *v = f->node->vote;
    const VoteState *s = f->vote;
    Tally t = { .options = ARENA_ARRAY(&r->arena, Option, v->n_voters) };
    for (size_t i = 0; i < v->n_voters; i++) {
        size_t at = 0;
        if (!s->ballots[i].cast)
            continue;
        while (at < t.n && !value_equal(t.options[at].choice, s->ballots[i].choice))
            at++;
        if (at == t.n)
            t.options[t.n++] = (Option){ .choice = s->ballots[i].choice };
        t.options[at].weight += weight_of(v, s, i);
        t.options[at].ballots++;
        t.weight += weight_of(v, s, i);
    }
    sort_heaviest_first(t.options, t.n);
    return t;
}

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

/* Who cast no ballot, and why not. */
static Value absent_of(Run *r, const Frame *f) {
    ListBuilder l = list_builder(&r->arena);
    for (size_t i = 0; i < f->node->vote->n_voters; i++)
        if (!f->vote->ballots[i].cast)
            list_add(&l, play_result(r, f->vote->play.last[i]));
    return list_done(&l);
}

/* The ballots that were cast. */
static Value votes_of(Run *r, const Frame *f) {
    const Vote *v = f->node->vote;
    ListBuilder l = list_builder(&r->arena);
    for (size_t i = 0; i < v->n_voters; i++) {
        const Ballot *b = &f->vote->ballots[i];
        MapBuilder m = map_builder(&r->arena);
        if (!b->cast)
            continue;
        map_addz(&m, "name", value_str(f->node->parts[i]->name));
        map_addz(&m, "choice", b->choice);
        map_addz(&m, "output", f->vote->play.last[i]->output);
        if (v->confidence)
            map_addz(&m, "confidence", value_double(b->confidence));
        if (v->rule == VOTE_WEIGHTED)
            map_addz(&m, "weight", value_double(v->weights[i]));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

static Value tally_value(Run *r, const Tally *t) {
    ListBuilder l = list_builder(&r->arena);
    for (size_t i = 0; i < t->n; i++) {
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "choice", t->options[i].choice);
        map_addz(&m, "weight", value_double(t->options[i].weight));
        map_addz(&m, "ballots", value_int(t->options[i].ballots));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

/* How far the heaviest was ahead, as a share of all. */
static double margin_of(const Tally *t) {
    double second = t->n > 1 ? t->options[1].weight : 0;
    return t->n && t->weight > 0 ? (t->options[0].weight - second) / t->weight : 0;
}

static void tell(Run *r, Frame *f, const Tally *t, const char *by) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "votes", votes_of(r, f));
    map_addz(&m, "absent", absent_of(r, f));
    map_addz(&m, "tally", tally_value(r, t));
    map_addz(&m, "margin", value_double(margin_of(t)));
    map_addz(&m, "ballots", value_int(f->vote->cast));
    map_addz(&m, "decided", value_str(str_from(by)));
    f->detail = map_done(&m, NULL);
}

/* ---- who wins -------------------------------------------------------------------------------------------------------- */

/* The first ballot in file order; by `confidence` the surest. NULL: none, or two that are as sure of different things. */
static const Ballot *best_ballot(const Frame *f, bool by_confidence) {
    const Ballot *best = NULL, *equal = NULL;
    for (size_t i = 0; i < f->node->vote->n_voters; i++) {
        const Ballot *b = &f->vote->ballots[i];
        if (!b->cast)
            continue;
        if (!best || (by_confidence && b->confidence > best->confidence)) {
            best = b;
            equal = NULL;
        } else if (by_confidence && b->confidence == best->confidence &&
                   !value_equal(b->choice, best->choice)) {
            equal = b;
        }
    }
    return equal ? NULL : best;
}

/* VALUE_ABSENT: the rule leaves it open. */
static Value winner(const Frame *f, const Tally *t) {
    const Option *top = t->options;
    const Ballot *best;
    bool ahead = t->n == 1 || (t->n > 1 && top[0].weight > top[1].weight);
    switch (f->node->vote->rule) {
    case VOTE_MAJORITY:
        return t->n && top->ballots * 2 > f->vote->cast ? top->choice : VALUE_ABSENT;
    case VOTE_WEIGHTED: return ahead && top->weight > 0 ? top->choice : VALUE_ABSENT;
    case VOTE_UNANIMOUS: return t->n == 1 ? top->choice : VALUE_ABSENT;
    case VOTE_FIRST: /* the one ballot there is: see is_decided() */
    case VOTE_PRIORITY:
    case VOTE_CONFIDENCE:
        best = best_ballot(f, f->node->vote->rule == VOTE_CONFIDENCE);
        return best ? best->choice : VALUE_ABSENT;
    case VOTE_JUDGE: break;
    }
    return VALUE_ABSENT;
}

static void decide(Run *r, Frame *f) {
    const Vote *v = f->node->vote;
    VoteState *s = f->vote;
    Tally t = count(r, f);
    s->decided = true;
    play_cancel_rest(r, f, STR("the vote is decided"));
    if (s->cast == 0) {
        tell(r, f, &t, "nobody");
        frame_failf(r, f, KIND_ALL_FAILED, "none of %zu voters cast a ballot", v->n_voters);
    } else if (s->cast < (uint32_t)v->quorum && !MUTANT(vote_without_quorum)) {
        tell(r, f, &t, "nobody");
        frame_failf(r, f, KIND_NO_QUORUM, "%u of %zu voters cast a ballot, %d needed", s->cast,
                    v->n_voters, v->quorum);
    } else if (v->rule == VOTE_JUDGE) {
        MapBuilder m = map_builder(&r->arena);
        map_addz(&m, "with", value_absent(f->with) ? VALUE_NULL : f->with);
        map_addz(&m, "votes", votes_of(r, f));
        play_open(r, f, v->judge, map_done(&m, NULL));
    } else {
        Value choice = winner(f, &t);
        tell(r, f, &t, value_absent(choice) ? "nobody" : "rule");
        if (!value_absent(choice))
            frame_done(r, f, choice);
        else if (v->tie)
            play_open(r, f, v->tie, VALUE_ABSENT);
        else
            frame_failf(r, f, KIND_NO_QUORUM,
                        "%u ballots decide nothing, and nobody breaks the tie", s->cast);
    }
}

/* ---- the course ------------------------------------------------------------------------------------------------------ */

static double open_weight(const Frame *f) {
    const Vote *v = f->node->vote;
    double weight = 0;
    for (size_t i = 0; i < v->n_voters; i++)
        if (!frame_over(f->vote->play.last[i]))
            weight += v->rule == VOTE_WEIGHTED ? v->weights[i] : 1;
    return weight;
}

static bool priority_is_clear(const Frame *f) {
    for (size_t i = 0; i < f->node->vote->n_voters; i++) {
        if (f->vote->ballots[i].cast)
            return true;
        if (!frame_over(f->vote->play.last[i]))
            return false;
    }
    return true;
}

/* Could the ballots that are still out change what the rule says? A ballot weighs at most its voter's weight. */
static bool is_decided(Run *r, const Frame *f) {
    const Vote *v = f->node->vote;
    const VoteState *s = f->vote;
    double open = open_weight(f);
    if (s->play.open == 0)
        return true;
    if (s->cast == 0 || s->cast < (uint32_t)v->quorum || !(v->early || v->rule == VOTE_FIRST))
        return false;
    Tally t = count(r, f);
    double second = t.n > 1 ? t.options[1].weight : 0;
    switch (v->rule) {
    case VOTE_FIRST: return true;
    case VOTE_MAJORITY: return t.options[0].ballots * 2 > s->cast + s->play.open;
    case VOTE_WEIGHTED: return t.options[0].weight > second + open;
    case VOTE_UNANIMOUS: return t.n > 1;
    case VOTE_PRIORITY: return priority_is_clear(f);
    case VOTE_CONFIDENCE:
    case VOTE_JUDGE: break; /* the next may be as sure; the judge hears all */
    }
    return false;
}

static void enter(Run *r, Frame *f) {
    const Vote *v = f->node->vote;
    VoteState *s = play_begin(r, f, sizeof(VoteState));
    s->ballots = ARENA_ARRAY(&r->arena, Ballot, v->n_voters);
    for (size_t i = 0; i < v->n_voters; i++)
        play_open(r, f, f->node->parts[i], VALUE_ABSENT);
}

/* What of an output is counted, and how sure it is. False, with the step failed, where that cannot be told. */
static bool cast(Run *r, Frame *f, const Frame *voter, Ballot *ret) {
    const Vote *v = f->node->vote;
    char problem[320];
    Value sure = VALUE_ABSENT;
    Scope s = scope_of(r, f);
    s.output = voter->output;
    s.detail = voter->detail;
    *ret = (Ballot){ .cast = true, .choice = voter->output, .confidence = 1 };
    if ((v->count && scope_value(&s, v->count, &ret->choice, problem)) ||
        (v->confidence && scope_value(&s, v->confidence, &sure, problem))) {
        frame_failf(r, f, KIND_INVALID, "the ballot of %.*s: %s", STR_FMT(voter->node->name),
                    problem);
        return false;
    }
    if (value_absent(sure))
        return true;
    ret->confidence = sure.type == V_INT ? (double)sure.i : sure.d;
    if ((sure.type == V_INT || sure.type == V_DOUBLE) && ret->confidence >= 0 &&
        ret->confidence <= 1)
        return true;
    frame_failf(r, f, KIND_INVALID, "the ballot of %.*s: `confidence` is a number from 0 to 1",
                STR_FMT(voter->node->name));
    return false;
}

static void end_with(Run *r, Frame *f, Frame *child, const char *by) {
    Value output = child->output, error = child->error;
    bool ok = child->status == STATUS_OK;
    Tally t = count(r, f);
    tell(r, f, &t, ok ? by : "nobody");
    if (ok)
        frame_done(r, f, output);
    else
        frame_fail(r, f, error);
}

static void child_done(Run *r, Frame *f, Frame *child) {
    VoteState *s = f->vote;
    bool role = child->node->is_role;
    play_over(r, f, child);
    if (role) {
        end_with(r, f, child, child->node == f->node->vote->tie ? "tie" : "judge");
        return;
    }
    if (child->status == STATUS_OK) {
        if (!cast(r, f, child, &s->ballots[child->node->index]))
            return;
        s->cast++;
    }
    if (!s->decided && is_decided(r, f))
        decide(r, f);
}

static Str because(Run *r, const Frame *f, const Frame *child) {
    (void)r;
    return child->node == f->node->vote->tie ? STR("the rule decides nothing") : STR("");
}

static Value look(Run *r, const Frame *f, const Frame *child, PlayName name) {
    (void)child;
    return name == NAME_VOTES ? votes_of(r, f) : VALUE_ABSENT;
}

/* Voters do not hear each other; whoever decides hears all. */
static bool follows(const Frame *f, const Frame *child, uint32_t serial) {
    (void)f;
    return child->node->is_role && child->a > serial;
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    const VoteState *s = f->vote;
    play_save(f, b);
    buf_varint(b, s->cast);
    buf_u8(b, s->decided);
    for (size_t i = 0; i < f->node->vote->n_voters; i++) {
        buf_u8(b, s->ballots[i].cast);
        if (!s->ballots[i].cast)
            continue;
        value_encode(b, s->ballots[i].choice);
        value_encode(b, value_double(s->ballots[i].confidence));
    }
}

static void load(Run *r, Frame *f, Cursor *c) {
    VoteState *s = play_load(r, f, c, sizeof(VoteState));
    if (!s)
        return;
    s->ballots = ARENA_ARRAY(&r->arena, Ballot, f->node->vote->n_voters);
    s->cast = (uint32_t)cursor_varint(c);
    s->decided = cursor_u8(c);
    for (size_t i = 0; i < f->node->vote->n_voters && !c->bad; i++) {
        s->ballots[i].cast = cursor_u8(c);
        if (!s->ballots[i].cast)
            continue;
        s->ballots[i].choice = value_decode(c, &r->arena);
        Value confidence = value_decode(c, &r->arena);
        c->bad |= confidence.type != V_DOUBLE;
        s->ballots[i].confidence = confidence.d;
    }
}

const Shape shape_vote = {
    .name = "vote",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = play_timer_due,
    .look = look,
    .because = because,
    .follows = follows,
    .save = save,
    .load = load,
};
