/* Models behind any server that speaks OpenAI's chat completions: one POST, one answer. Where and with which key, provider.c
 * knows. */
#include "exec/exec.h"
#include "exec/http_outcome.h"
#include "exec/model_reply.h"
#include "exec/model_request.h"
#include "exec/provider.h"

#include "base/limits.h"

/* Large answers of slow models take minutes; a connection that has said nothing for ten is dead. */
#define MODEL_TIMEOUT_DEFAULT_MS (10 * 60 * 1000)

typedef struct ModelAttempt {
    Exec *x;
    Attempt *a;
    HttpCall call;
    const char *headers[3];
    unsigned turn;
} ModelAttempt;

static Completion completion_of(const HttpAnswer *answer) {
    return (Completion){ .took_us = answer->took_us, .retry_after_ms = answer->retry_after_ms };
}

static void never_answered(ModelAttempt *m, const HttpAnswer *answer, Completion *c) {
    HttpOutcome o = http_outcome(answer->end, answer->sent, 0, EFFECT_READ);
    c->outcome = o.outcome;
    c->sent = o.sent;
    c->kind = o.kind;
    c->message = arena_fmt(&m->a->arena, "the model's server at %.*s: %.*s", STR_FMT(m->call.url),
                           STR_FMT(answer->problem));
    c->payload = STR("{}");
}

static void answered(void *ctx, const HttpAnswer *answer) {
    ModelAttempt *m = ctx;
    Completion c = completion_of(answer);
    m->a->queued_us = answer->queued_us;
    if (answer->end != HTTP_ANSWERED) {
        never_answered(m, answer, &c);
    } else {
        ModelReply reply;
        model_reply(&m->a->arena, answer->status, answer->body, m->turn,
                    value_getz(m->a->request, "tools"), &reply);
        c.outcome = reply.outcome;
        c.sent = reply.sent;
        c.kind = reply.kind;
        c.message = reply.message;
        c.payload = reply.payload;
        c.usage = reply.usage;
    }
    exec_complete(m->x, m->a, &c);
}

static unsigned turns_so_far(Value messages) {
    unsigned n = 0;
    for (size_t i = 0; value_is(messages, V_LIST) && i < messages.len; i++) {
        Value role = value_getz(messages.items[i], "role");
        n += value_is(role, V_STRING) && str_is(value_as_str(role), "assistant");
    }
    return n;
}

static void add_headers(ModelAttempt *m, Str key) {
    m->headers[0] = "Content-Type: application/json";
    m->headers[1] = "Accept: application/json";
    m->call.headers = m->headers;
    m->call.n_headers = 2;
    if (key.len)
        m->headers[m->call.n_headers++] =
            arena_fmt(&m->a->arena, "Authorization: Bearer %.*s", STR_FMT(key)).p;
}

static void send_request(ModelAttempt *m, const ProviderWay *way, Str body) {
    add_headers(m, way->key);
    m->call.method = STR("POST");
    m->call.url = arena_fmt(&m->a->arena, "%.*s/chat/completions", STR_FMT(way->url));
    m->call.body = body;
    m->call.timeout_ms = m->a->timeout_ms ? 0 : MODEL_TIMEOUT_DEFAULT_MS;
    m->call.answer_bytes_max = LIMIT_JSON_BYTES;
    m->call.egress = &m->a->egress;
    m->call.done = answered;
    m->call.ctx = m;
    http_call(&m->x->http, &m->call);
}

static void start_model(Exec *x, Attempt *a) {
    Value model = value_getz(a->request, "model");
    if (!value_is(model, V_STRING)) {
        exec_refuse(x, a, KIND_INVALID, "model: the request names no model");
        return;
    }
    ProviderWay way =
        provider_way_of(&a->arena, a->request, x->options.model_url, x->options.model_key);
    if (way.problem.len) {
        exec_refuse(x, a, KIND_DENIED, "model: %.*s", STR_FMT(way.problem));
        return;
    }
    ModelAttempt *m = ARENA_NEW(&a->arena, ModelAttempt);
    *m = (ModelAttempt){ .x = x, .a = a };
    a->state = m;
    ModelTarget target = { model_without_provider(value_as_str(model)), a->callee, way.official };
    Str body = value_text(&a->arena, model_request(&a->arena, a->request, &target));
    m->turn = turns_so_far(value_getz(a->request, "messages"));
    if (!body.p) {
        exec_refuse(x, a, KIND_LIMIT, "model: the conversation is larger than a value may be");
        return;
    }
    send_request(m, &way, body);
}

static void stop_model(UNUSED Exec *x, Attempt *a) {
    ModelAttempt *m = a->state;
    http_stop(&m->call);
}

const ExecOps exec_model = { start_model, stop_model };
