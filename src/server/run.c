/* /v1/runs/{run}: the document, the facts, the trace and the reasons. All of it is read from what is durable. */
#include "server/call.h"
#include "server/document.h"
#include "server/event.h"

#include "base/json.h"
#include "base/limits.h"
#include "trace/draw.h"
#include "trace/why.h"

bool work_load(ApiCall *call, Store *store, bool all_rows, StoreRun *ret_run) {
    int err = store->ops->load(store, call->run, all_rows, &call->arena, ret_run);
    if (err == 0)
        return true;
    if (err == STORE_E_NOT_FOUND)
        work_problem(call, 404, KIND_NOT_FOUND,
                     arena_fmt(&call->arena,
                               "no run `%.*s` in this directory; `baton ps --all` lists them",
                               STR_FMT(call->run)));
    else
        work_problem(call, 500, KIND_INTERNAL,
                     arena_str(&call->arena, str_from(store->read_problem)));
    return false;
}

static void get_work(ApiCall *call, Store *store) {
    StoreRun stored;
    if (work_load(call, store, false, &stored))
        call->result = document_with_held(document_whole(store, &stored, &call->arena), call->held,
                                          &call->arena);
}

void run_get(ApiCall *call) { call_read_held(call, get_work, call_result); }

static void closure_work(ApiCall *call, Store *store) {
    StoreRun stored;
    if (!work_load(call, store, false, &stored))
        return;
    if (json_read(&call->arena, stored.closure, &call->result, NULL) != 0)
        work_problem(call, 500, KIND_INTERNAL, STR("the stored files cannot be read back"));
}

void run_closure(ApiCall *call) { call_read(call, closure_work, call_result); }

/* ---- from the history */

typedef struct Past {
    StoreRun stored;
    History history;
    Plan *plan;
    TraceTree *tree;
} Past;

static void past_close(Past *p) {
    p->tree = tree_free(p->tree);
    p->plan = plan_free(p->plan);
}

static void past_grow(ApiCall *call, Past *p) {
    Diags diags = { .arena = &call->arena };
    if (plan_compile(p->stored.closure, &p->plan, &diags) != 0)
        p->plan = NULL; /* the past is told without it, only less well */
    p->tree = tree_new(p->plan);
    for (size_t i = 0; i < p->history.n; i++)
        tree_take(p->tree, p->history.rows[i].seq, &p->history.rows[i].row);
}

static bool past_open(ApiCall *call, Store *store, Past *p) {
    if (!work_load(call, store, true, &p->stored))
        return false;
    Str problem;
    if (history_read(&p->stored, &call->arena, &p->history, &problem) != 0) {
        work_problem(call, 500, KIND_INTERNAL, problem);
        return false;
    }
    past_grow(call, p);
    for (size_t i = 0; value_is(call->held, V_LIST) && i < call->held.len; i++) {
        Value held = call->held.items[i];
        tree_hold(p->tree, value_as_str(value_getz(held, "step")),
                  value_as_str(value_getz(held, "says")), value_getz(held, "since_ms").i);
    }
    return true;
}

static Ink ink_of(ApiCall *call) {
    return (Ink){ .colour = str_is(call_param(call, "colour"), "1") };
}

static void write_row_text(Buf *b, const HistoryRow *row) {
    buf_fmt(b, "row %llu\n", (unsigned long long)row->seq);
    for (size_t i = 0; i < row->row.n_facts; i++) {
        buf_str_add(b, STR("  "));
        fact_write_text(b, &row->row.facts[i].fact);
        buf_char(b, '\n');
        for (size_t m = 0; m < row->row.n_moves; m++) {
            if (row->row.moves[m].cause != i)
                continue;
            buf_str_add(b, STR("      "));
            move_write_text(b, &row->row.moves[m]);
            buf_char(b, '\n');
        }
    }
}

static void facts_work(ApiCall *call, Store *store) {
    Past p = { 0 };
    if (!past_open(call, store, &p))
        return;
    history_fill(&p.history, store, &call->arena);
    if (call->request.plain) {
        Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
        for (size_t i = 0; i < p.history.n; i++)
            write_row_text(&b, &p.history.rows[i]);
        work_text(call, &b);
    } else {
        ListBuilder rows = list_builder(&call->arena);
        for (size_t i = 0; i < p.history.n; i++)
            list_add(&rows, event_value(p.history.rows[i].seq, &p.history.rows[i].row, true,
                                        &call->arena));
        call->result = list_done(&rows);
    }
    past_close(&p);
}

void run_facts(ApiCall *call) { call_read(call, facts_work, call_result); }

/* ---- runs that were called */

#define TRACED_RUNS_MAX 200 /* in one tree: more nobody reads */

static bool tree_load(ApiCall *call, Store *store, Str run, Past *ret) {
    Str problem;
    if (store->ops->load(store, run, true, &call->arena, &ret->stored) ||
        history_read(&ret->stored, &call->arena, &ret->history, &problem))
        return false;
    past_grow(call, ret);
    return true;
}

/* Their trees below the calls, and theirs in turn. One that was forgotten is not there. Plans stay as long as the call. */
static void graft_called(ApiCall *call, Store *store, TraceTree *t, unsigned *n, Plan **plans) {
    for (TraceNode *node = t->root; node; node = tree_walk(t->root, node))
        for (size_t i = 0; i < node->n_attempts && *n < TRACED_RUNS_MAX; i++) {
            TraceAttempt *at = &node->attempts[i];
            Past its = { 0 };
            if (!at->run.len || at->grafted || !tree_load(call, store, at->run, &its))
                continue;
            plans[(*n)++] = its.plan;
            tree_graft(t, node, at, its.tree);
        }
}

static void trace_work(ApiCall *call, Store *store) {
    Past p = { 0 };
    Plan *plans[TRACED_RUNS_MAX];
    unsigned n_plans = 0;
    if (!past_open(call, store, &p))
        return;
    graft_called(call, store, p.tree, &n_plans, plans);
    DrawOptions options = { .ink = ink_of(call),
                            .now_ms = call->api->options.now_ms(call->api->options.ctx),
                            .split = true };
    if (call->request.plain) {
        Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
        draw_tree(&b, p.tree, &options);
        work_text(call, &b);
    } else {
        call->result = value_copy(&call->arena, draw_json(p.tree, options.now_ms, &call->arena));
    }
    past_close(&p);
    for (unsigned i = 0; i < n_plans; i++)
        plan_free(plans[i]);
}

void run_trace(ApiCall *call) { call_read_held(call, trace_work, call_result); }

/* ---- reasons */

/* The run that called this one, by its first fact, and why its step did. */
static bool caller_open(ApiCall *call, Store *store, const Past *p, Past *ret, Str *ret_run,
                        Why *ret_why) {
    Arena *a = &call->arena;
    Value caller = VALUE_NULL;
    const Row *first = p->history.n ? &p->history.rows[0].row : NULL;
    Str problem, shown = first && first->n_facts ? first->facts[0].fact.shown : STR("");
    if (!shown.len || json_read(a, shown, &caller, NULL))
        return false;
    Value run = value_getz(caller, "run"), step = value_getz(caller, "step");
    if (!value_is(run, V_STRING) || !value_is(step, V_STRING) ||
        !tree_load(call, store, value_as_str(run), ret))
        return false;
    *ret_run = value_as_str(run);
    if (why_find(&ret->history, ret->tree, ret->plan, *ret_run, value_as_str(step), a, ret_why,
                 &problem) == 0)
        return true;
    past_close(ret);
    return false;
}

/* From caller to caller, up to the run that a person or an event began. */
static void write_callers(ApiCall *call, Store *store, Buf *b, const Past *p, unsigned levels) {
    Past its = { 0 };
    Str run;
    Why why;
    Ink ink = ink_of(call);
    if (!levels || !caller_open(call, store, p, &its, &run, &why))
        return;
    why_write_caller(b, &why, run, &ink);
    write_callers(call, store, b, &its, levels - 1);
    past_close(&its);
}

static Value callers_value(ApiCall *call, Store *store, const Past *p, unsigned levels) {
    Past its = { 0 };
    Str run;
    Why why;
    Arena *a = &call->arena;
    if (!levels || !caller_open(call, store, p, &its, &run, &why))
        return VALUE_ABSENT;
    MapBuilder m = map_builder(a);
    map_addz(&m, "run", value_str(run));
    map_addz(&m, "why", value_copy(a, why_json(&why, a)));
    Value above = callers_value(call, store, &its, levels - 1);
    if (!value_absent(above))
        map_addz(&m, "called_by", above);
    past_close(&its);
    return map_done(&m, NULL);
}

static void why_work(ApiCall *call, Store *store) {
    Past p = { 0 };
    if (!past_open(call, store, &p))
        return;
    Why why;
    Str problem, step = call_param(call, "step");
    int err = why_find(&p.history, p.tree, p.plan, call->run, step.p ? step : STR(""), &call->arena,
                       &why, &problem);
    if (err != 0) {
        work_problem(call, 404, KIND_NOT_FOUND, problem);
    } else if (call->request.plain) {
        Buf b = BUF_INIT(4 * MIB);
        Ink ink = ink_of(call);
        why_write(&b, &why, &ink);
        write_callers(call, store, &b, &p, LIMIT_CALL_DEPTH);
        work_text(call, &b);
    } else {
        Value callers = callers_value(call, store, &p, LIMIT_CALL_DEPTH);
        call->result = value_copy(&call->arena, why_json(&why, &call->arena));
        if (!value_absent(callers))
            call->result = value_with(&call->arena, call->result, STR("called_by"), callers);
    }
    past_close(&p);
}

void run_why(ApiCall *call) { call_read_held(call, why_work, call_result); }
