/* /v1/runs/{run}: the document, the facts, the trace and the reasons. All of it is read from what is durable. */
#include "server/call.h"
#include "server/document.h"
#include "server/event.h"

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

static bool past_open(ApiCall *call, Store *store, Past *p) {
    if (!work_load(call, store, true, &p->stored))
        return false;
    Str problem;
    if (history_read(&p->stored, &call->arena, &p->history, &problem) != 0) {
        work_problem(call, 500, KIND_INTERNAL, problem);
        return false;
    }
    Diags diags = { .arena = &call->arena };
    if (plan_compile(p->stored.closure, &p->plan, &diags) != 0)
        p->plan = NULL; /* the past is told without it, only less well */
    p->tree = tree_new(p->plan);
    for (size_t i = 0; i < p->history.n; i++)
        tree_take(p->tree, p->history.rows[i].seq, &p->history.rows[i].row);
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

static void trace_work(ApiCall *call, Store *store) {
    Past p = { 0 };
    if (!past_open(call, store, &p))
        return;
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
}

void run_trace(ApiCall *call) { call_read_held(call, trace_work, call_result); }

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
        work_text(call, &b);
    } else {
        call->result = value_copy(&call->arena, why_json(&why, &call->arena));
    }
    past_close(&p);
}

void run_why(ApiCall *call) { call_read_held(call, why_work, call_result); }
