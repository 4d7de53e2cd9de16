/* GET /v1/effects: what is in doubt, over all runs or in one, with all that is known of it. A run is told again (its wants say
 * what the kernel knows), its rows say when what was sent, and what came too late. */
#include "server/call.h"
#include "server/document.h"

#include "trace/history.h"
#include "trace/tree.h"

/* More than a person can settle in a day. */
#define DOUBTS_MAX 200
#define LATE_MAX 5

typedef struct Telling {
    const Store *store;
    Arena *a;
    Value *doubts;
    size_t n;
} Telling;

static void look(void *ctx, Run *run, const Fact *fact) {
    Telling *t = ctx;
    if (fact)
        return;
    for (const Want *w = run_wants(run); w && t->n < DOUBTS_MAX; w = w->next)
        if (w->kind == WANT_DOUBT)
            t->doubts[t->n++] = want_doubt(w, t->store->install_key, t->a);
}

/* ---- evidence -------------------------------------------------------------------------------------------------------- */

static Value attempt_value(const TraceAttempt *at, Arena *a) {
    static const char *const sents[] = { "no", "maybe", "yes" };
    static const char *const outcomes[] = { "lost", "ok", "failed", "refused", "unknown" };
    MapBuilder m = map_builder(a);
    map_addz(&m, "attempt", value_int(at->number));
    map_addz(&m, "began_ms", value_int(at->opened_ms));
    if (at->ended_ms)
        map_addz(&m, "ended_ms", value_int(at->ended_ms));
    map_addz(&m, "outcome", value_str(str_from(outcomes[MIN((size_t)at->outcome, 4u)])));
    /* One that was lost with its engine may have been sent; what was not even announced was not. */
    Sent sent = at->outcome ? at->sent : SENT_MAYBE;
    map_addz(&m, "sent", value_str(str_from(sents[MIN((size_t)sent, 2u)])));
    if (at->took_us)
        map_addz(&m, "took_us", value_int(at->took_us));
    if (at->error_kind.len)
        map_addz(&m, "kind", value_str(arena_str(a, at->error_kind)));
    if (at->message.len)
        map_addz(&m, "message", value_str(arena_str(a, at->message)));
    return map_done(&m, NULL);
}

static Value attempts_of(const TraceNode *n, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; n && i < n->n_attempts; i++)
        list_add(&l, attempt_value(&n->attempts[i], a));
    return list_done(&l);
}

static Value late_value(const Fact *f, Arena *a) {
    MapBuilder m = map_builder(a);
    Value payload;
    map_addz(&m, "time_ms", value_int(f->time_ms));
    map_addz(&m, "attempt", value_int(f->attempt));
    map_addz(&m, "says", value_str(arena_str(a, f->message)));
    if (f->payload.p && json_read_copy(a, f->payload, &payload, NULL) == 0)
        map_addz(&m, "output", payload);
    return map_done(&m, NULL);
}

static Value late_of(const History *h, Str step, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < h->n; i++)
        for (size_t k = 0; k < h->rows[i].row.n_facts && l.n < LATE_MAX; k++) {
            const Fact *f = &h->rows[i].row.facts[k].fact;
            if (f->kind == FACT_PROGRESS && str_is(f->name, "late") && str_eq(f->address, step))
                list_add(&l, late_value(f, a));
        }
    return list_done(&l);
}

static Value with_evidence(Value doubt, Str run, const TraceTree *tree, const History *h,
                           Arena *a) {
    Str step = value_as_str(value_getz(doubt, "step"));
    const TraceNode *n = tree_find(tree, step);
    MapBuilder m = map_builder(a);
    map_addz(&m, "run", value_str(run));
    map_addz(&m, "workflow", value_str(arena_str(a, tree->workflow)));
    for (uint32_t i = 0; i < doubt.len; i++)
        map_add(&m, value_entry(doubt, i).key, value_entry(doubt, i).value);
    if (n && n->n_spans) {
        map_addz(&m, "since_ms", value_int(n->spans[n->n_spans - 1].since_ms));
        map_addz(&m, "why", value_str(arena_str(a, n->choice)));
    }
    map_addz(&m, "attempts", attempts_of(n, a));
    Value late = late_of(h, step, a);
    if (late.len)
        map_addz(&m, "late", late);
    return map_done(&m, NULL);
}

/* ---- one run, all runs ----------------------------------------------------------------------------------------------- */

/* What cannot be told again is left out: `baton verify` names it. */
static void tell_run(Store *store, Str id, ListBuilder *list, Arena *a) {
    StoreRun stored;
    History history;
    Str problem;
    Diags diags = { .arena = a };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    Telling t = { store, a, ARENA_ARRAY(a, Value, DOUBTS_MAX), 0 };
    if (store->ops->load(store, id, true, a, &stored) ||
        plan_compile(stored.closure, &plan, &diags) ||
        engine_retell(store, &stored, plan, look, &t, a, &problem) ||
        history_read(&stored, a, &history, &problem))
        return;
    history_fill(&history, store, a);
    TraceTree *tree = tree_new(plan);
    for (size_t i = 0; i < history.n; i++)
        tree_take(tree, history.rows[i].seq, &history.rows[i].row);
    for (size_t i = 0; i < t.n && list->n < DOUBTS_MAX; i++)
        list_add(list, with_evidence(t.doubts[i], id, tree, &history, a));
    tree_free(tree);
}

static void work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    Str only = call_param(call, "run"), last = STR_NULL;
    StoreDue *opens = ARENA_ARRAY(a, StoreDue, DOUBTS_MAX);
    size_t n = 0;
    ListBuilder list = list_builder(a);
    if (store->ops->opens(store, only.p ? only : STR(""), WANT_DOUBT, 0, DOUBTS_MAX, a, opens,
                          &n)) {
        work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
        return;
    }
    for (size_t i = 0; i < n && list.n < DOUBTS_MAX; i++) {
        if (last.p && str_eq(last, opens[i].run))
            continue; /* those of a run stand together */
        last = opens[i].run;
        tell_run(store, last, &list, a);
    }
    bool more = n == DOUBTS_MAX || list.n == DOUBTS_MAX;
    MapBuilder m = map_builder(a);
    map_addz(&m, "effects", list_done(&list));
    map_addz(&m, "more", value_bool(more));
    call->result = map_done(&m, NULL);
}

void effects_list(ApiCall *call) { call_read(call, work, call_result); }
