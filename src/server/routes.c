/* The table of routes, and how a request finds its handler. */
#include "server/routes.h"

#include "server/call.h"

const Route routes[] = {
    { API_GET, "/v1/budgets", budgets_get,
      "what all runs together spent of the project's budgets" },
    { API_GET, "/v1/effects", effects_list,
      "what is in doubt, with all that is known of it; `run`: of one run" },
    { API_GET, "/v1/events", events_list,
      "what happened, newest first: who told it, who was told, what it began; `type`, `correlation`" },
    { API_POST, "/v1/events", events_create,
      "tell of an event: `type`, `data`; the same `id` tells it once" },
    { API_GET, "/v1/governor", governor_get,
      "how near each rate, pool and breaker is, and which holds the most back" },
    { API_GET, "/v1/approvals", approvals_list, "what people are asked, over all runs" },
    { API_GET, "/v1/deliveries", deliveries_list, "what people were told, or are to be" },
    { API_GET, "/v1/notices", notices_list,
      "what people were told and nobody has seen yet; `seen`: what somebody has" },
    { API_POST, "/v1/notices", notices_seen, "somebody has seen it: `id`, `from`" },
    { API_GET, "/v1/listeners", listeners_list, "whose `on` starts runs, and by what" },
    { API_GET, "/v1/runs", runs_list, "runs, newest first" },
    { API_POST, "/v1/runs", runs_create, "start a run; the same id and input give the same run" },
    { API_GET, "/v1/runs/{run}", run_get, "what a run is doing, its output or its error" },
    { API_GET, "/v1/runs/{run}/approvals", run_approvals,
      "what people are asked, whole, with the hash of what is shown" },
    { API_POST, "/v1/runs/{run}/approvals", run_decide,
      "approve, reject, revise or answer what was shown" },
    { API_POST, "/v1/runs/{run}/cancel", run_cancel, "end it; what is in flight is stopped" },
    { API_GET, "/v1/runs/{run}/closure", run_closure, "the files it was started with" },
    { API_POST, "/v1/runs/{run}/effects", run_effect, "settle a step in doubt" },
    { API_GET, "/v1/runs/{run}/events", run_events,
      "a stream of what happens (SSE); resumes by Last-Event-ID" },
    { API_POST, "/v1/runs/{run}/expr", run_expr,
      "an expression with the names of the run, or of one of its steps" },
    { API_GET, "/v1/runs/{run}/facts", run_facts, "the journal: facts and moves" },
    { API_POST, "/v1/runs/{run}/limits", run_limits,
      "raise limits: `limits` is a map, { \"cost\": \"5.00\", \"STEP.calls\": 20 }" },
    { API_POST, "/v1/runs/{run}/forget", run_forget,
      "erase what a run that is over was given, gave and was told" },
    { API_POST, "/v1/runs/{run}/migrate", run_migrate,
      "go on with another file; `dry_run` tells what it would make of what was done" },
    { API_GET, "/v1/runs/{run}/outcomes", run_outcomes, "what its attempts recorded" },
    { API_POST, "/v1/runs/{run}/pause", run_pause, "start nothing more until resumed" },
    { API_GET, "/v1/runs/{run}/requests", run_requests,
      "what the attempts of a step were given and sent" },
    { API_POST, "/v1/runs/{run}/replay", run_replay,
      "derive it again from what it recorded, and compare each move" },
    { API_POST, "/v1/runs/{run}/resume", run_resume,
      "go on; with `limits` these are raised first" },
    { API_POST, "/v1/runs/{run}/retry", run_retry,
      "go on where it failed or was cancelled; `step` is done anew with what comes after it" },
    { API_POST, "/v1/runs/{run}/signals", run_signal, "send a signal" },
    { API_GET, "/v1/runs/{run}/state", run_state_of,
      "its state: each key, and who wrote what of it" },
    { API_GET, "/v1/runs/{run}/trace", run_trace, "the tree of steps, with times and cost" },
    { API_GET, "/v1/runs/{run}/why", run_why, "the chain of causes of a step" },
    { API_GET, "/v1/status", status_get, "the engine" },
    { API_GET, "/v1/tools", tools_list,
      "what was accepted of the tools of each server, and what it offers instead" },
    { API_POST, "/v1/tools/accept", tools_accept,
      "accept what is offered: `set`, and `tool` for one of it" },
    { API_POST, "/v1/verify", verify_post, "check the store and replay every run" },
};
const size_t routes_count = ARRAY_LEN(routes);

static bool next_segment(Str *rest, Str *ret) {
    if (rest->len == 0 || rest->p[0] != '/')
        return false;
    size_t n = 1;
    while (n < rest->len && rest->p[n] != '/')
        n++;
    *ret = str_slice(*rest, 1, n);
    *rest = str_slice(*rest, n, rest->len);
    return true;
}

static bool matches(Str pattern, Str path, Str *ret_run) {
    Str want, have;
    while (next_segment(&pattern, &want)) {
        if (!next_segment(&path, &have))
            return false;
        if (str_is(want, "{run}") && have.len > 0)
            *ret_run = have;
        else if (!str_eq(want, have))
            return false;
    }
    return path.len == 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Str percent_decode(Str s, bool plus, Arena *a) {
    char *p = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len && s.p[i] == '%' ? hex_digit(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
        if (low >= 0) {
            p[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            p[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    p[n] = '\0';
    return (Str){ p, n };
}

void route_call(ApiCall *call) {
    bool other_method = false;
    for (size_t i = 0; i < routes_count; i++) {
        Str run = STR_NULL;
        if (!matches(str_from(routes[i].path), call->request.path, &run))
            continue;
        if (routes[i].method != call->request.method) {
            other_method = true;
            continue;
        }
        if (run.p)
            call->run = percent_decode(run, false, &call->arena);
        routes[i].handle(call);
        return;
    }
    if (other_method)
        call_problem(call, 405, KIND_INVALID, STR("this path exists, but not with this method"));
    else
        call_problem(call, 404, KIND_NOT_FOUND, STR("no such path; the API stands under /v1"));
}

/* ---- parameters and bodies */

Str call_param(ApiCall *call, const char *name) {
    Str rest = call->request.query;
    Str want = str_from(name);
    while (rest.len > 0) {
        const char *amp = memchr(rest.p, '&', rest.len);
        size_t n = amp ? (size_t)(amp - rest.p) : rest.len;
        Str pair = str_slice(rest, 0, n);
        rest = str_slice(rest, amp ? n + 1 : n, rest.len);
        if (str_starts(pair, want) && pair.len > want.len && pair.p[want.len] == '=')
            return percent_decode(str_slice(pair, want.len + 1, pair.len), true, &call->arena);
    }
    return STR_NULL;
}

bool call_body(ApiCall *call, Value *ret_value) {
    *ret_value = VALUE_EMPTY_MAP;
    if (call->request.body.len == 0)
        return true;
    JsonError error;
    if (json_read(&call->arena, call->request.body, ret_value, &error) != 0) {
        call_problem(call, 400, KIND_INVALID,
                     arena_fmt(&call->arena, "the body is not JSON: %u:%u: %s", error.line,
                               error.column, error.message));
        return false;
    }
    if (value_is(*ret_value, V_MAP))
        return true;
    call_problem(call, 400, KIND_INVALID, STR("the body must be a JSON object"));
    return false;
}

bool body_text(ApiCall *call, Value body, const char *key, Str *ret_text) {
    Value v = value_getz(body, key);
    *ret_text = STR("");
    if (value_absent(v) || value_is(v, V_NULL))
        return true;
    if (!value_is(v, V_STRING)) {
        call_problem(call, 400, KIND_INVALID, arena_fmt(&call->arena, "`%s` must be a text", key));
        return false;
    }
    *ret_text = value_as_str(v);
    return true;
}
