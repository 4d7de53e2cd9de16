/* What people and programs tell a run: pause, resume, cancel, retry, signals, and how an effect in doubt turned out. */
#include "server/call.h"

static bool is_limit(Str name, Bound *ret) {
    size_t dot = name.len;
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    return bound_from(str_slice(name, dot, name.len), ret);
}

/* { "cost": "5.00", "work.time": "2h" } in the units of a plan; the kernel says whether the run has such limits. */
static bool body_limits(ApiCall *call, Value body, Str *ret) {
    Value given = value_getz(body, "limits");
    MapBuilder m = map_builder(&call->arena);
    *ret = STR("");
    if (value_absent(given))
        return true;
    for (size_t i = 0; value_is(given, V_MAP) && i < given.len; i++) {
        Str name = value_as_str(value_entry(given, i).key),
            text = value_plain(&call->arena, value_entry(given, i).value);
        Bound bound = BOUND_COST;
        int64_t amount = 0;
        if (is_limit(name, &bound) && !bound_parse(bound, text, &amount)) {
            call_problem(call, 422, KIND_INVALID,
                         arena_fmt(&call->arena, "`%.*s` is no limit of %s: like %s", STR_FMT(text),
                                   bound_name(bound),
                                   bound == BOUND_COST   ? "2.50"
                                   : bound >= BOUND_TIME ? "30m"
                                                         : "12 or 400k"));
            return false;
        }
        map_adds(&m, name, value_int(amount));
    }
    if (value_is(given, V_MAP))
        *ret = value_text(&call->arena, map_done(&m, NULL));
    else
        call_problem(call, 422, KIND_INVALID,
                     STR("`limits` is a map, like { \"cost\": \"5.00\", \"STEP.calls\": 20 }"));
    return value_is(given, V_MAP);
}

static void control(ApiCall *call, Control verb) {
    Value body;
    Str reason, from, limits;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "reason", &reason) || !body_text(call, body, "from", &from) ||
        !body_limits(call, body, &limits))
        return;
    if (verb == CONTROL_LIMITS && limits.len == 0) {
        call_problem(call, 422, KIND_INVALID, STR("send `limits`, like { \"cost\": \"5.00\" }"));
        return;
    }
    call_expect(call);
    engine_control(call->api->options.engine, call->run, verb, from.len ? from : call->request.from,
                   reason, limits, call_replied, call);
}

void run_pause(ApiCall *call) { control(call, CONTROL_PAUSE); }

void run_resume(ApiCall *call) { control(call, CONTROL_RESUME); }

void run_limits(ApiCall *call) { control(call, CONTROL_LIMITS); }

void run_cancel(ApiCall *call) { control(call, CONTROL_CANCEL); }

void run_retry(ApiCall *call) {
    Value body;
    Str step, reason, from;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "step", &step) || !body_text(call, body, "reason", &reason) ||
        !body_text(call, body, "from", &from))
        return;
    call_expect(call);
    engine_retry(call->api->options.engine, call->run, step, from.len ? from : call->request.from,
                 reason, call_replied, call);
}

void run_forget(ApiCall *call) {
    Value body;
    Str reason, from;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "reason", &reason) || !body_text(call, body, "from", &from))
        return;
    call_expect(call);
    engine_forget(call->api->options.engine, call->run, from.len ? from : call->request.from,
                  reason, call_replied, call);
}

void run_signal(ApiCall *call) {
    Value body;
    Str name, id, from;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "name", &name) || !body_text(call, body, "id", &id) ||
        !body_text(call, body, "from", &from))
        return;
    if (name.len == 0) {
        call_problem(call, 422, KIND_INVALID, STR("a signal needs a `name`"));
        return;
    }
    Value data = value_getz(body, "data");
    Str text = value_text(&call->arena, value_absent(data) ? VALUE_NULL : data);
    call_expect(call);
    engine_signal(call->api->options.engine, call->run, id, name, text,
                  from.len ? from : call->request.from, call_replied, call);
}

void run_effect(ApiCall *call) {
    static const char *const words[] = { "", "done", "not_done", "retry", "fail", "undo" };
    Value body;
    Str address, decision, from;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "address", &address) ||
        !body_text(call, body, "decision", &decision) || !body_text(call, body, "from", &from))
        return;
    Decision verb = (Decision)0;
    for (size_t i = 1; i < ARRAY_LEN(words); i++) {
        if (str_is(decision, words[i]))
            verb = (Decision)i;
    }
    if (!verb || address.len == 0) {
        call_problem(
            call, 422, KIND_INVALID,
            STR("send `address` of the step and a `decision`: done (with `result`), not_done, retry, undo or fail"));
        return;
    }
    Value result = value_getz(body, "result");
    Str text = verb == DECISION_DONE
                   ? value_text(&call->arena, value_absent(result) ? VALUE_NULL : result)
                   : STR("");
    call_expect(call);
    engine_decide(call->api->options.engine, call->run,
                  &(EngineDecision){ .address = address,
                                     .verb = verb,
                                     .value_json = text,
                                     .from = from.len ? from : call->request.from },
                  call_replied, call);
}
