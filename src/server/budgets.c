/* GET /v1/budgets: what the accounts of the project's budgets hold. What is spent is read from the store, where all engines
 * have written it; what is reserved only the engine knows. */
#include "server/call.h"

#include "base/json.h"

static Value sums(Arena *a, int64_t cost, int64_t tokens, int64_t calls) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "cost_nano", value_int(cost));
    map_addz(&m, "tokens", value_int(tokens));
    map_addz(&m, "calls", value_int(calls));
    return map_done(&m, NULL);
}

static void work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    ListBuilder list = list_builder(a);
    StoreAccount *rows;
    size_t n;
    if (store->ops->accounts(store, a, &rows, &n) != 0) {
        work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
        return;
    }
    for (size_t i = 0; i < n;) { /* by key: one account, of each engine */
        int64_t cost = 0, tokens = 0, calls = 0;
        const StoreAccount *first = &rows[i];
        Value info;
        for (; i < n && str_eq(rows[i].key, first->key); i++) {
            cost += rows[i].cost;
            tokens += rows[i].tokens;
            calls += rows[i].calls;
        }
        if (json_read(a, first->info, &info, NULL) != 0)
            info = VALUE_EMPTY_MAP;
        info = value_with(a, info, STR("key"), value_str(first->key));
        list_add(&list, value_with(a, info, STR("spent"), sums(a, cost, tokens, calls)));
    }
    call->result = list_done(&list);
}

static void then(ApiCall *call) {
    Arena *a = &call->arena;
    Engine *e = call->api->options.engine;
    ListBuilder list = list_builder(a);
    if (!value_is(call->result, V_LIST)) {
        call_result(call);
        return;
    }
    for (uint32_t i = 0; i < call->result.len; i++) {
        Value one = call->result.items[i];
        Str key = value_as_str(value_getz(one, "key"));
        Value held = e ? engine_accounts_held(e, key, a) : VALUE_EMPTY_MAP;
        list_add(&list, value_with(a, one, STR("reserved"), held));
    }
    call_json(call, 200, value_with(a, VALUE_EMPTY_MAP, STR("budgets"), list_done(&list)));
}

void budgets_get(ApiCall *call) { call_read(call, work, then); }
