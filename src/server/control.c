/* What people and programs tell a run: pause, resume, cancel, retry, signals, and how an effect in doubt turned out. */
#include "server/call.h"

static void control(ApiCall *call, Control verb) {
    Value body;
    Str reason, from;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "reason", &reason) || !body_text(call, body, "from", &from))
        return;
    call_expect(call);
    engine_control(call->api->options.engine, call->run, verb, from.len ? from : call->request.from,
                   reason, call_replied, call);
}

void run_pause(ApiCall *call) { control(call, CONTROL_PAUSE); }

void run_resume(ApiCall *call) { control(call, CONTROL_RESUME); }

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
    static const char *const words[] = { "", "done", "not_done", "retry", "fail" };
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
            STR("send `address` of the step and a `decision`: done (with `result`), not_done, retry or fail"));
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
