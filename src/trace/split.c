/* A sweep over the node's time. Each stay in a status and each attempt below it is an interval of one column; at every border
 * the number of open intervals per column changes, and the time up to the next border goes to the first column that has
 * one open. */
#include "trace/split.h"

#include <stdlib.h>

static const char *const names[SPLIT_COUNT] = {
    "model", "tool", "queue", "people", "timer", "own"
};

const char *split_name(TraceColumn c) {
    ASSERT(c < SPLIT_COUNT);
    return names[c];
}

typedef struct Border {
    int64_t at_us;
    TraceColumn column;
    int change;
} Border;

typedef struct Sweep {
    Border *borders;
    size_t n, room;
    int64_t from_us, to_us; /* of the node */
} Sweep;

static void add_interval(Sweep *s, TraceColumn column, int64_t from_us, int64_t to_us) {
    from_us = MAX(from_us, s->from_us);
    to_us = MIN(to_us, s->to_us);
    if (from_us >= to_us)
        return;
    if (s->n + 2 > s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->borders = xrealloc(s->borders, s->room * sizeof *s->borders);
    }
    s->borders[s->n++] = (Border){ from_us, column, 1 };
    s->borders[s->n++] = (Border){ to_us, column, -1 };
}

static int compare_borders(const void *a, const void *b) {
    int64_t x = ((const Border *)a)->at_us, y = ((const Border *)b)->at_us;
    return (x > y) - (x < y);
}

static TraceColumn first_open(const int64_t open[SPLIT_COUNT]) {
    for (int c = 0; c < SPLIT_OWN; c++) {
        if (open[c] > 0)
            return (TraceColumn)c;
    }
    return SPLIT_OWN;
}

static void sweep(Sweep *s, TraceSplit *ret) {
    if (s->n)
        qsort(s->borders, s->n, sizeof *s->borders, compare_borders);
    int64_t open[SPLIT_COUNT] = { 0 };
    int64_t at = s->from_us;
    for (size_t i = 0; i < s->n; i++) {
        const Border *b = &s->borders[i];
        ret->us[first_open(open)] += b->at_us - at;
        at = b->at_us;
        open[b->column] += b->change;
    }
    ret->us[first_open(open)] += s->to_us - at;
}

static void add_usage(Usage *to, const Usage *u) {
    to->tokens_in += u->tokens_in;
    to->tokens_out += u->tokens_out;
    to->tokens_cached += u->tokens_cached;
    to->tokens_reasoning += u->tokens_reasoning;
    to->cost_nano += u->cost_nano;
    to->cpu_us += u->cpu_us;
    to->peak_bytes = MAX(to->peak_bytes, u->peak_bytes);
}

/* An attempt's time is told backwards from its end: it ran for took_us, before that it queued; what is left between its
 * opening and the queue is Baton's own. */
static void add_attempt(Sweep *s, const TraceNode *n, const TraceAttempt *a, TraceSplit *ret) {
    if (a->grafted) /* its run tells */
        return;
    if (a->reused) {
        ret->reused++;
        add_usage(&ret->saved, &a->usage);
        return;
    }
    bool waits = node_in_line(n) && a == node_attempt(n);
    TraceColumn column = waits ? SPLIT_QUEUE : n->kind == TRACE_MODEL ? SPLIT_MODEL : SPLIT_TOOL;
    int64_t end = a->ended_ms ? a->ended_ms * 1000 : s->to_us;
    int64_t begin = a->ended_ms ? end - a->took_us : a->opened_ms * 1000;
    begin = MAX(begin, a->opened_ms * 1000);
    add_interval(s, column, begin, end);
    add_interval(s, SPLIT_QUEUE, MAX(begin - a->queued_us, a->opened_ms * 1000), begin);
    if (waits || a->outcome == OUTCOME_REFUSED) /* it has not been made, or was not let through */
        return;
    ret->work_us += end - begin;
    ret->attempts++;
    ret->model_calls += n->kind == TRACE_MODEL;
    add_usage(&ret->usage, &a->usage);
}

static TraceColumn column_of_stay(const TraceNode *n, Status status) {
    switch (status) {
    case STATUS_WAITING:
    case STATUS_IN_DOUBT: return SPLIT_PEOPLE;
    case STATUS_RETRYING: return SPLIT_TIMER;
    case STATUS_HELD: return SPLIT_QUEUE;
    case STATUS_RUNNING:
        return n->kind == TRACE_SIGNAL  ? SPLIT_PEOPLE
               : n->kind == TRACE_TIMER ? SPLIT_TIMER
                                        : SPLIT_OWN;
    case STATUS_NEW:
    case STATUS_OK:
    case STATUS_FAILED:
    case STATUS_SKIPPED:
    case STATUS_CANCELLED: break;
    }
    return SPLIT_OWN;
}

static void add_stays(Sweep *s, const TraceNode *n) {
    for (size_t i = 0; i < n->n_spans; i++) {
        TraceColumn column = column_of_stay(n, n->spans[i].status);
        int64_t end = i + 1 < n->n_spans ? n->spans[i + 1].since_ms * 1000 : s->to_us;
        if (column != SPLIT_OWN)
            add_interval(s, column, n->spans[i].since_ms * 1000, end);
    }
}

static void count_step(const TraceNode *n, TraceSplit *ret) {
    if (n->address.len == 0 || address_turn_depth(n->address))
        return;
    ret->steps++;
    ret->steps_ok += n->status == STATUS_OK;
    ret->steps_failed += n->status == STATUS_FAILED;
}

void split_node(const TraceNode *top, int64_t now_ms, TraceSplit *ret) {
    TraceSplit split = { 0 };
    int64_t end_ms = top->end_ms ? top->end_ms : MAX(now_ms, top->start_ms);
    Sweep s = { .from_us = top->start_ms * 1000, .to_us = end_ms * 1000 };
    for (const TraceNode *n = top; n; n = tree_walk(top, n)) {
        count_step(n, &split);
        add_stays(&s, n);
        for (size_t i = 0; i < n->n_attempts; i++)
            add_attempt(&s, n, &n->attempts[i], &split);
    }
    split.total_us = s.to_us - s.from_us;
    sweep(&s, &split);
    free(s.borders);
    *ret = split;
}
