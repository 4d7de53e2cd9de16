/* board: agents write to a shared board. Whoever can add something next does: of the rules whose `if` holds over the board the
 * first, or `parallel` of them at once, each only once at a time. What an agent gives becomes a post of its rule's topic.
 *
 *   posts --> until? --yes--> done            a post: { content, confidence, by, turn }
 *     ^         | no                          the output: for each topic its posts
 *     |         v
 *   answer <-- the rules that hold; none, and nobody at work: quiet
 */
#include "kernel/play.h"
#include "kernel/step.h"

struct BoardState {
    Play play;
    ListBuilder *posts; /* by topic */
    uint32_t *times;    /* by rule: how often its agent has begun */
    uint32_t turns;     /* so many agents began */
    Value post;         /* that `if` of a watch is asked about */
    uint32_t watching;  /* posts are told of; who is next waits for that */
};

static Value board_of(Run *r, const Frame *f) {
    const Board *b = f->node->board;
    MapBuilder m = map_builder(&r->arena);
    for (size_t i = 0; i < b->n_topics; i++)
        map_adds(&m, b->topics[i].name, value_list(f->board->posts[i].items, f->board->posts[i].n));
    return map_done(&m, NULL);
}

static void stop(Run *r, Frame *f, const char *why) {
    MapBuilder m = map_builder(&r->arena);
    Value output = board_of(r, f);
    map_addz(&m, "turns", value_int(f->board->turns));
    map_addz(&m, "stopped", value_str(str_from(why)));
    f->detail = map_done(&m, NULL);
    play_cancel_rest(r, f, STR("the board is done"));
    frame_done(r, f, output);
}

/* ---- posts ----------------------------------------------------------------------------------------------------------- */

/* How sure it is; without a word about that, quite. */
static bool weigh(Run *r, Frame *f, Value content, double *ret) {
    const Board *b = f->node->board;
    char problem[320];
    Value v = value_double(1);
    Scope s = scope_of(r, f);
    s.output = content;
    if (b->confidence && scope_value(&s, b->confidence, &v, problem)) {
        frame_failf(r, f, KIND_INVALID, "confidence: %s", problem);
        return false;
    }
    *ret = v.type == V_INT ? (double)v.i : v.d;
    if ((v.type == V_INT || v.type == V_DOUBLE) && *ret >= 0 && *ret <= 1)
        return true;
    frame_failf(r, f, KIND_INVALID, "`confidence` of a post is a number from 0 to 1");
    return false;
}

/* Those who watch the topic are told of the post, which is what they are handed. */
static bool tell(Run *r, Frame *f, uint32_t topic, Value whole) {
    const Board *b = f->node->board;
    for (size_t i = 0; i < b->n_watches; i++) {
        char problem[320];
        bool yes = b->watches[i].topic == topic;
        Scope s = scope_of(r, f);
        f->board->post = whole;
        if (yes && b->watches[i].if_ && scope_test(&s, b->watches[i].if_, &yes, problem)) {
            frame_failf(r, f, KIND_INVALID, "watch %zu: %s", i + 1, problem);
            return false;
        }
        if (!yes)
            continue;
        f->board->watching++;
        play_open(r, f, b->watches[i].emit, whole);
    }
    return true;
}

/* False: the step has failed. */
static bool post(Run *r, Frame *f, uint32_t topic, Value content, Str by, uint32_t turn) {
    double confidence;
    if (!weigh(r, f, content, &confidence))
        return false;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "content", content);
    map_addz(&m, "confidence", value_double(confidence));
    map_addz(&m, "by", value_str(by));
    map_addz(&m, "turn", value_int(turn));
    Value whole = map_done(&m, NULL);
    list_add(&f->board->posts[topic], whole);
    return tell(r, f, topic, whole);
}

static bool post_first(Run *r, Frame *f) {
    const Board *b = f->node->board;
    for (uint32_t i = 0; i < b->n_topics; i++) {
        char problem[320];
        Value content;
        Str mismatch;
        Scope s = scope_of(r, f);
        if (!b->topics[i].first)
            continue;
        if (scope_eval(&s, b->topics[i].first, &content, problem)) {
            frame_failf(r, f, KIND_INVALID, "post: %s", problem);
            return false;
        }
        if (value_absent(content))
            continue;
        if (type_convert(b->topics[i].type, content, &r->arena, &content, &mismatch)) {
            frame_failf(r, f, KIND_INVALID, "post: %.*s: %.*s", STR_FMT(b->topics[i].name),
                        (int)MIN(mismatch.len, 240), mismatch.p);
            return false;
        }
        if (!post(r, f, i, content, f->node->name, 0))
            return false;
    }
    return true;
}

/* ---- turns ----------------------------------------------------------------------------------------------------------- */

/* Does this rule have its turn now? -1: it could not be asked, and the step has failed. */
static int holds(Run *r, Frame *f, uint32_t rule) {
    const BoardRule *spec = &f->node->board->rules[rule];
    const Frame *last = f->board->play.last[rule];
    char problem[320];
    bool yes = true;
    if ((last && !frame_over(last)) ||
        (spec->times && f->board->times[rule] >= (uint32_t)spec->times && !MUTANT(board_repeats)))
        return false;
    Scope s = scope_of(r, f);
    if (spec->if_ && scope_test(&s, spec->if_, &yes, problem)) {
        frame_failf(r, f, KIND_INVALID, "rule %u: %s", rule + 1, problem);
        return -1;
    }
    return yes;
}

/* The next that has its turn; n_rules: none. */
static bool next_rule(Run *r, Frame *f, uint32_t *ret) {
    for (*ret = 0; *ret < f->node->board->n_rules; ++*ret) {
        int yes = holds(r, f, *ret);
        if (yes)
            return yes > 0;
    }
    return true;
}

static bool enough(Run *r, Frame *f, bool *ret) {
    char problem[320];
    Scope s = scope_of(r, f);
    *ret = false;
    if (!f->node->board->until || scope_test(&s, f->node->board->until, ret, problem) == 0)
        return true;
    frame_failf(r, f, KIND_INVALID, "until: %s", problem);
    return false;
}

static void go_on(Run *r, Frame *f) {
    const Board *b = f->node->board;
    BoardState *s = f->board;
    bool yes;
    if (s->watching || !enough(r, f, &yes))
        return;
    if (yes) {
        stop(r, f, "until");
        return;
    }
    while (s->play.open < (uint32_t)b->parallel && s->turns < (uint32_t)b->max) {
        uint32_t rule;
        if (!next_rule(r, f, &rule))
            return;
        if (rule == b->n_rules)
            break;
        s->times[rule]++;
        s->turns++;
        play_open(r, f, f->node->parts[rule], board_of(r, f));
    }
    if (s->play.open == 0)
        stop(r, f, s->turns < (uint32_t)b->max ? "quiet" : "max");
}

static void *begin(Run *r, const Node *n, BoardState *s) {
    s->posts = ARENA_ARRAY(&r->arena, ListBuilder, n->board->n_topics);
    s->times = ARENA_ARRAY(&r->arena, uint32_t, n->board->n_rules);
    for (size_t i = 0; i < n->board->n_topics; i++)
        s->posts[i] = list_builder(&r->arena);
    return s;
}

static void enter(Run *r, Frame *f) {
    begin(r, f->node, play_begin(r, f, sizeof(BoardState)));
    if (post_first(r, f))
        go_on(r, f);
}

static void child_done(Run *r, Frame *f, Frame *child) {
    Value output = child->output, error = child->error;
    bool ok = child->status == STATUS_OK;
    bool watch = child->node->is_role;
    uint32_t rule = child->node->index, turn = child->a;
    play_over(r, f, child);
    f->board->watching -= watch;
    if (!ok)
        frame_fail(r, f, error);
    else if (watch ||
             post(r, f, f->node->board->rules[rule].to, output, f->node->parts[rule]->name, turn))
        go_on(r, f);
}

static Value look(Run *r, const Frame *f, const Frame *child, PlayName name) {
    if (name == NAME_POST)
        return child ? child->with : f->board->post;
    return name == NAME_BOARD ? board_of(r, f) : VALUE_ABSENT;
}

static Str because(Run *r, const Frame *f, const Frame *child) {
    if (child->node->is_role)
        return STR("a post is watched");
    const CelProgram *if_ = f->node->board->rules[child->node->index].if_;
    Str source = if_ ? cel_source(if_) : STR("always");
    return arena_fmt(&r->arena, "rule %u: %.*s", child->node->index + 1, (int)MIN(source.len, 100),
                     source.p);
}

static void save(const Run *r, const Frame *f, Buf *b) {
    (void)r;
    play_save(f, b);
    buf_varint(b, f->board->turns);
    buf_varint(b, f->board->watching);
    for (size_t i = 0; i < f->node->board->n_topics; i++)
        value_encode(b, value_list(f->board->posts[i].items, f->board->posts[i].n));
    for (size_t i = 0; i < f->node->board->n_rules; i++)
        buf_varint(b, f->board->times[i]);
}

static void load(Run *r, Frame *f, Cursor *c) {
    BoardState *s = play_load(r, f, c, sizeof(BoardState));
    if (!s)
        return;
    begin(r, f->node, s);
    s->turns = (uint32_t)cursor_varint(c);
    s->watching = (uint32_t)cursor_varint(c);
    for (size_t i = 0; i < f->node->board->n_topics; i++) {
        Value posts = value_decode(c, &r->arena);
        c->bad |= posts.type != V_LIST;
        for (uint32_t k = 0; !c->bad && k < posts.len; k++)
            list_add(&s->posts[i], posts.items[k]);
    }
    for (size_t i = 0; i < f->node->board->n_rules; i++)
        s->times[i] = (uint32_t)cursor_varint(c);
}

const Shape shape_board = {
    .name = "board",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = play_timer_due,
    .look = look,
    .because = because,
    .save = save,
    .load = load,
};
