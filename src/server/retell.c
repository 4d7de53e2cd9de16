#include "server/retell.h"

bool address_is_within(Str address, Str step) {
    return str_starts(address, step) &&
           (address.len == step.len || step.len == 0 || strchr("./[~@:", address.p[step.len]));
}

bool retell(ApiCall *call, Store *store, EngineLook look, void *ctx) {
    StoreRun stored;
    Str problem = STR("its workflow file is refused by this version of baton");
    Diags diags = { .arena = &call->arena };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    if (!work_load(call, store, true, &stored))
        return false;
    if (plan_compile(stored.closure, &plan, &diags) == 0 &&
        engine_retell(store, &stored, plan, look, ctx, &call->arena, &problem) == 0)
        return true;
    work_problem(call, 500, KIND_INTERNAL,
                 arena_fmt(&call->arena, "the run cannot be told again: %.*s", STR_FMT(problem)));
    return false;
}
