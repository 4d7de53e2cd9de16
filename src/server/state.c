/* /v1/runs/{run}/state: each key with its value and who wrote what of it, when. The run is told again (retell.h). */
#include "server/call.h"

#include "server/retell.h"

typedef struct State {
    ApiCall *call;
    Value keys;
} State;

static void look(void *ctx, Run *run, const Fact *fact) {
    State *t = ctx;
    if (!fact) /* the end */
        t->keys = run_state(run, &t->call->arena);
}

static void state_work(ApiCall *call, Store *store) {
    State t = { .call = call, .keys = value_list(NULL, 0) };
    if (!retell(call, store, look, &t))
        return;
    MapBuilder m = map_builder(&call->arena);
    map_addz(&m, "state", t.keys);
    call->result = map_done(&m, NULL);
}

void run_state_of(ApiCall *call) { call_read(call, state_work, call_result); }
