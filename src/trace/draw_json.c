/* The tree as a value, for `--json` and the API: a flat list in the order of drawing, each node naming its parent, because
 * frames nest deeper than JSON may. */
#include "trace/draw.h"

static const char *outcome_word(const TraceAttempt *at) {
    static const char *const words[] = { "in_flight", "ok", "failed", "refused", "unknown" };
    if (at->outcome == 0 && at->ended_ms)
        return "cancelled";
    return (size_t)at->outcome < ARRAY_LEN(words) ? words[at->outcome] : "?";
}

Value draw_attempt_json(const TraceAttempt *at, Arena *a) {
    static const char *const sent[] = { "no", "maybe", "yes" };
    MapBuilder m = map_builder(a);
    map_addz(&m, "number", value_int(at->number));
    map_addz(&m, "outcome", value_str(str_from(outcome_word(at))));
    map_addz(&m, "opened", value_time_text(at->opened_ms, a));
    map_addz(&m, "ended", value_time_text(at->ended_ms, a));
    if (at->outcome && at->outcome != OUTCOME_OK)
        map_addz(&m, "sent",
                 value_str(str_from(sent[at->sent <= SENT_YES ? at->sent : SENT_MAYBE])));
    map_add_text(&m, "kind", at->error_kind);
    map_add_text(&m, "message", at->message);
    map_addz(&m, "queued_us", value_int(at->queued_us));
    map_addz(&m, "took_us", value_int(at->took_us));
    map_add_count(&m, "tokens_in", at->usage.tokens_in);
    map_add_count(&m, "tokens_out", at->usage.tokens_out);
    map_add_count(&m, "tokens_cached", at->usage.tokens_cached);
    map_add_count(&m, "tokens_reasoning", at->usage.tokens_reasoning);
    map_add_count(&m, "cost_nano", at->usage.cost_nano);
    map_add_count(&m, "cpu_us", at->usage.cpu_us);
    map_add_count(&m, "peak_bytes", at->usage.peak_bytes);
    map_add_text(&m, "run", at->run);
    if (at->reused)
        map_addz(&m, "reused", value_bool(true));
    return map_done(&m, NULL);
}

static Value split_json(const TraceSplit *s, Arena *a) {
    MapBuilder m = map_builder(a);
    for (int c = 0; c < SPLIT_COUNT; c++)
        map_adds(&m, arena_fmt(a, "%s_us", split_name((TraceColumn)c)), value_int(s->us[c]));
    map_addz(&m, "work_us", value_int(s->work_us));
    return map_done(&m, NULL);
}

static const char *kind_word(TraceKind k) {
    static const char *const words[] = { "group", "model", "tool", "timer", "signal" };
    return words[k];
}

/* Of a run that was called: which. */
static Str run_of(const TraceNode *n) {
    while (n->parent && !n->run.len)
        n = n->parent;
    return n->run;
}

static Value node_json(const TraceNode *n, int64_t now_ms, Arena *a) {
    TraceSplit split;
    split_node(n, now_ms, &split);
    MapBuilder m = map_builder(a);
    map_addz(&m, "address", value_str(n->address));
    map_add_text(&m, "run", run_of(n));
    map_addz(&m, "parent", n->parent ? value_str(n->parent->address) : VALUE_NULL);
    map_addz(&m, "kind", value_str(str_from(kind_word(n->kind))));
    map_addz(&m, "status", value_str(str_from(status_name(n->status))));
    map_add_text(&m, "began", n->start_choice);
    map_add_text(&m, "choice", n->choice);
    map_add_text(&m, "waits_for", n->held);
    map_addz(&m, "started", value_time_text(n->start_ms, a));
    map_addz(&m, "ended", value_time_text(n->end_ms, a));
    map_addz(&m, "us", value_int(split.total_us));
    map_addz(&m, "split", split_json(&split, a));
    map_addz(&m, "tokens", value_int(split.usage.tokens_in + split.usage.tokens_out));
    map_addz(&m, "cost_nano", value_int(split.usage.cost_nano));
    if (split.reused) {
        map_addz(&m, "reused", value_int(split.reused));
        map_addz(&m, "saved_tokens", value_int(split.saved.tokens_in + split.saved.tokens_out));
        map_addz(&m, "saved_nano", value_int(split.saved.cost_nano));
    }
    ListBuilder attempts = list_builder(a);
    for (size_t i = 0; i < n->n_attempts; i++)
        list_add(&attempts, draw_attempt_json(&n->attempts[i], a));
    map_addz(&m, "attempts", list_done(&attempts));
    return map_done(&m, NULL);
}

Value draw_json(const TraceTree *t, int64_t now_ms, Arena *a) {
    ListBuilder nodes = list_builder(a);
    for (const TraceNode *n = t->root; n; n = tree_walk(t->root, n))
        list_add(&nodes, node_json(n, now_ms, a));
    MapBuilder m = map_builder(a);
    map_addz(&m, "workflow", value_str(t->workflow));
    map_addz(&m, "seq", value_uint(t->seq));
    map_addz(&m, "paused", value_bool(t->paused));
    map_addz(&m, "recoveries", value_int(t->recoveries));
    map_addz(&m, "nodes", list_done(&nodes));
    return map_done(&m, NULL);
}
