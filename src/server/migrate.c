/* /v1/runs/{run}/migrate: a run goes on with another file, or, dry, what that file would make of what it has done. */
#include "server/call.h"

static Plan *compile(ApiCall *call, Str closure) {
    Plan *plan = NULL;
    Diags diags = { .arena = &call->arena };
    return plan_compile(closure, &plan, &diags) == 0 ? plan : NULL;
}

static Value differences_value(const Differences *d, Arena *a) {
    ListBuilder list = list_builder(a), next = list_builder(a);
    for (size_t i = 0; i < d->n; i++) {
        MapBuilder m = map_builder(a);
        map_addz(&m, "address", value_str(d->items[i].address));
        map_addz(&m, "what", value_str(d->items[i].what));
        map_addz(&m, "blocks", value_bool(d->items[i].blocks));
        list_add(&list, map_done(&m, NULL));
    }
    for (size_t i = 0; i < d->n_next; i++)
        list_add(&next, value_str(d->next[i]));
    MapBuilder m = map_builder(a);
    map_addz(&m, "ok", value_bool(!d->blocked));
    map_addz(&m, "differences", list_done(&list));
    map_addz(&m, "next", list_done(&next));
    return map_done(&m, NULL);
}

/* call->text is the closure. */
static void compare_work(ApiCall *call, Store *store) {
    StoreRun stored;
    Differences d;
    Str problem = STR(""), closure = call->text;
    call->text = STR_NULL;
    if (!work_load(call, store, true, &stored))
        return;
    if (stored.info.state == STORE_DONE) {
        work_problem(call, 409, KIND_CONFLICT,
                     arena_fmt(&call->arena, "run %.*s has finished", STR_FMT(stored.id)));
        return;
    }
    _cleanup_(plan_freep)
    Plan *own = compile(call, stored.closure);
    _cleanup_(plan_freep)
    Plan *plan = compile(call, closure);
    if (!own || !plan)
        work_problem(call, 422, KIND_INVALID,
                     STR("the workflow file is refused: `baton validate` says why"));
    else if (engine_compare(store, &stored, own, plan, &call->arena, &d, &problem))
        work_problem(call, 409, KIND_CONFLICT, problem);
    else
        call->result = differences_value(&d, &call->arena);
}

void run_migrate(ApiCall *call) {
    Value body;
    Str from;
    if (!call_body(call, &body) || !body_text(call, body, "from", &from))
        return;
    Value closure = value_getz(body, "closure"), dry = value_getz(body, "dry_run");
    if (!value_is(closure, V_MAP)) {
        call_problem(call, 422, KIND_INVALID, STR("send the file to go on with as `closure`"));
        return;
    }
    Str text = value_text(&call->arena, closure);
    if (value_is(dry, V_BOOL) && dry.b) {
        call->text = text;
        call_read(call, compare_work, call_result);
        return;
    }
    if (!call_needs_engine(call))
        return;
    call_expect(call);
    engine_migrate(call->api->options.engine, call->run, text, from.len ? from : call->request.from,
                   call_replied, call);
}
