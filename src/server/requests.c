/* /v1/runs/{run}/requests: what every attempt of a step was given and sent. The run is told again (retell.h), and each
 * attempt that opens is asked for its request by the same function that composed it then. */
#include "server/call.h"

#include "exec/provider.h"
#include "server/retell.h"

#include <stdlib.h>

#define REQUESTS_MAX                                                                               \
    200 /* a step in a loop over thousands: the first of them say what there is to see */

typedef struct Requests {
    ApiCall *call;
    Store *store;
    Str step;
    Value input; /* of the step itself */
    ListBuilder attempts;
    ListBuilder reused; /* addresses whose outcome another run had recorded: nothing was sent */
    bool more;
} Requests;

static bool is_first_turn(Str address, Str step) {
    return str_is(str_slice(address, step.len, address.len), ".1");
}

/* The body of the request, in the dialect of its server; a scripted model is given the request as it is. */
static Value model_body(Arena *a, const Want *w, Value request) {
    Value name = value_getz(request, "model");
    Str model = value_is(name, V_STRING) ? value_as_str(name) : STR("");
    if (str_starts(model, STR("scripted/")))
        return VALUE_ABSENT;
    ProviderWay way = provider_way_of(a, request, str_from(getenv("OPENAI_BASE_URL")),
                                      str_from(getenv("OPENAI_API_KEY")));
    ModelTarget target = provider_target(&way, request, w->callee->name);
    return way.dialect->request(a, request, &target);
}

static Value attempt_value(Requests *t, const Want *w, Str address) {
    Arena *a = &t->call->arena;
    Value request = value_copy(a, want_request(w, a));
    MapBuilder m = map_builder(a);
    map_addz(&m, "address", value_str(address));
    map_addz(&m, "attempt", value_int(w->attempt));
    map_addz(&m, "kind", value_str(str_from(callee_kind_name(w->callee->kind))));
    map_addz(&m, "callee", value_str(arena_str(a, w->callee->name))); /* the plan goes first */
    if (w->effect >= EFFECT_IDEMPOTENT)
        map_addz(&m, "key", value_str(want_key(w, t->store->install_key, a)));
    map_addz(&m, "request", request);
    Value body = w->callee->kind == CALLEE_MODEL ? model_body(a, w, request) : VALUE_ABSENT;
    if (!value_absent(body))
        map_addz(&m, "body", value_copy(a, body));
    return map_done(&m, NULL);
}

static void look(void *ctx, Run *run, const Fact *fact) {
    Requests *t = ctx;
    Arena *a = &t->call->arena;
    if (!fact)
        return;
    if (fact->kind == FACT_FINISHED && fact->reused && address_is_within(fact->address, t->step))
        list_add(&t->reused, value_str(fact->address));
    /* With another file it wants other things. */
    bool all = fact->kind == FACT_MIGRATED;
    for (Want *w = all ? run_wants(run) : run_opened(run); w; w = w->next) {
        if (w->kind != WANT_ATTEMPT)
            continue;
        Str address = want_address(w, a);
        if (!address_is_within(address, t->step))
            continue;
        if (value_absent(t->input) &&
            (address.len == t->step.len || is_first_turn(address, t->step)))
            t->input = value_copy(a, want_input(w));
        t->more = t->attempts.n >= REQUESTS_MAX;
        if (!t->more)
            list_add(&t->attempts, attempt_value(t, w, address));
    }
}

static Value answer_of(Requests *t) {
    MapBuilder m = map_builder(&t->call->arena);
    map_addz(&m, "address", value_str(t->step));
    map_addz(&m, "input", value_absent(t->input) ? VALUE_NULL : t->input);
    map_addz(&m, "attempts", list_done(&t->attempts));
    map_addz(&m, "reused", list_done(&t->reused));
    map_addz(&m, "more", value_bool(t->more));
    map_addz(&m, "source", value_str(STR("rebuilt from the journal")));
    return map_done(&m, NULL);
}

static void requests_work(ApiCall *call, Store *store) {
    Str step = call_param(call, "step");
    Requests t = { .call = call,
                   .store = store,
                   .step = step.p ? step : STR(""),
                   .input = VALUE_ABSENT,
                   .attempts = list_builder(&call->arena),
                   .reused = list_builder(&call->arena) };
    if (retell(call, store, look, &t))
        call->result = answer_of(&t);
}

void run_requests(ApiCall *call) { call_read(call, requests_work, call_result); }
