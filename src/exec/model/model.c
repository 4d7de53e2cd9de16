/* Models behind servers, each in its dialect (dialect.h): one POST, one answer, which comes as a stream. Where and with which
 * key, exec/provider.c knows.
 *
 *   take (bytes come) --200, text/event-stream--> sse_take -> dialect_take -> Answer -> delta to who watches
 *        |                                                                      |
 *        '--anything else--> gathers                            done --> model_stream_reply
 *                               '----------------------------------> done --> model_reply
 *
 * A server that does not stream though it was asked to is answered for as one that did not need to. */
#include "exec/exec.h"
#include "exec/http_outcome.h"
#include "exec/model/reply.h"
#include "exec/provider.h"
#include "exec/secrets.h"
#include "exec/sse.h"

#include "base/limits.h"
#include "base/mutant.h"

#include <strings.h>

/* Large answers of slow models take minutes; a connection that has said nothing for ten is dead. */
#define MODEL_TIMEOUT_DEFAULT_MS (10 * 60 * 1000)
/* A model that reasons, or reads a long prompt on a small machine, is silent for minutes; most streams tick every few seconds. */
#define FIRST_BYTE_DEFAULT_MS (5 * 60 * 1000)
#define GAP_DEFAULT_MS (3 * 60 * 1000)
/* After the last word: long enough for a server to end its stream, so that the connection can be used again. */
#define END_MS 1000
/* Of a stream with all its frames: 300 bytes for each token of a long answer come to half of it. */
#define STREAM_BYTES_MAX (64 * MIB)
/* Pieces are tokens, or more than one each. A server that sends so many more than it was asked for does not know its end. */
#define PIECES_MAX(max_output) (4 * (uint64_t)(max_output) + 1000)

typedef struct ModelAttempt {
    Exec *x;
    Attempt *a;
    const Dialect *dialect;
    HttpCall call;
    const char *headers[4];
    unsigned turn;
    bool streams; /* the answer comes as a stream */
    Sse sse;
    Answer answer;
    size_t bytes, told; /* of the stream; of the text, to who watches */
    int64_t max_output;
    StreamEnd end; /* why we left; STREAM_ENDED: we did not */
} ModelAttempt;

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

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

static StreamEnd stream_end(const ModelAttempt *m, const HttpAnswer *answer) {
    if (m->end != STREAM_ENDED)
        return m->end;
    switch (answer->end) {
    case HTTP_ANSWERED: return STREAM_ENDED;
    case HTTP_STALLED: return STREAM_STALLED;
    case HTTP_TIMED_OUT: return STREAM_LATE;
    case HTTP_STOPPED: return STREAM_STOPPED;
    case HTTP_TOO_BIG: return STREAM_ENDLESS;
    case HTTP_REFUSED:
    case HTTP_NO_CONNECTION:
    case HTTP_DENIED:
    case HTTP_DROPPED:
    case HTTP_CUT: break;
    }
    return STREAM_CUT;
}

/* Why we left is ours to say. */
static Str stream_problem(const ModelAttempt *m, const HttpAnswer *answer) {
    switch (m->end) {
    case STREAM_ENDLESS: return STR("more came than was asked for");
    case STREAM_GARBAGE: return STR("an event is no JSON");
    case STREAM_ENDED:
    case STREAM_CUT:
    case STREAM_STALLED:
    case STREAM_LATE:
    case STREAM_STOPPED: break;
    }
    return answer->problem;
}

static void take_reply(const ModelReply *reply, const HttpAnswer *answer, Completion *c) {
    bool again = answer->should_retry == 1 && reply->kind != KIND_DENIED &&
                 reply->kind != KIND_CONTENT_REFUSED;
    c->outcome = reply->outcome;
    c->sent = reply->sent;
    c->kind = reply->kind;
    c->message = reply->message;
    c->payload = reply->payload;
    c->usage = reply->usage;
    c->retry_after_ms = MAX(c->retry_after_ms, reply->retry_after_ms);
    if (reply->outcome != OUTCOME_OK &&
        (answer->should_retry == -1 || (reply->final && !again && !MUTANT(model_final_ignored))))
        c->retry_after_ms = -1;
}

static void done(void *ctx, const HttpAnswer *answer) {
    ModelAttempt *m = ctx;
    Completion c = completion_of(answer);
    ModelReply reply;
    m->a->queued_us = answer->queued_us;
    if (m->streams) {
        model_stream_reply(m->dialect, &m->answer, stream_end(m, answer), stream_problem(m, answer),
                           &reply);
        take_reply(&reply, answer, &c);
    } else if (answer->end == HTTP_ANSWERED) {
        model_reply(&m->a->arena, m->dialect, answer->status, answer->body, m->turn,
                    m->answer.tools, &reply);
        take_reply(&reply, answer, &c);
    } else {
        never_answered(m, answer, &c);
    }
    sse_deinit(&m->sse);
    answer_deinit(&m->answer);
    exec_complete(m->x, m->a, &c);
}

/* ---- while it comes ------------------------------------------------------------------------------------------------------ */

static bool is_stream(int status, Str type) {
    const char *word = "text/event-stream";
    return status >= 200 && status < 300 && type.len >= strlen(word) &&
           strncasecmp(type.p, word, strlen(word)) == 0;
}

static void take_event(void *ctx, Str name, Str data) {
    ModelAttempt *m = ctx;
    if (m->end == STREAM_ENDED && !dialect_take(m->dialect, &m->answer, name, data))
        m->end = STREAM_GARBAGE;
}

static void tell(ModelAttempt *m) {
    Str text = str_slice(buf_str(&m->answer.text), m->told, m->answer.text.len);
    const ExecOptions *o = &m->x->options;
    size_t from = m->told;
    m->told = m->answer.text.len;
    if (text.len && o->delta && m->a->told)
        o->delta(o->ctx, m->a, from, secrets_hide_text(m->a, text));
}

static bool is_endless(const ModelAttempt *m) {
    return m->bytes > STREAM_BYTES_MAX || sse_over(&m->sse) || answer_over(&m->answer) ||
           (m->max_output > 0 && m->answer.pieces > PIECES_MAX(m->max_output));
}

static HttpTake take(void *ctx, int status, Str content_type, Str bytes) {
    ModelAttempt *m = ctx;
    bool was_whole = m->answer.whole;
    if (!m->streams && !is_stream(status, content_type))
        return HTTP_KEEP;
    m->streams = true;
    m->bytes += bytes.len;
    sse_take(&m->sse, bytes, take_event, m);
    tell(m);
    if (m->end == STREAM_ENDED && is_endless(m) && !MUTANT(model_stream_endless))
        m->end = STREAM_ENDLESS;
    if (m->answer.whole && !was_whole)
        http_end_soon(&m->call, END_MS);
    return m->end == STREAM_ENDED ? HTTP_TAKEN : HTTP_ENOUGH;
}

/* ---- the beginning ------------------------------------------------------------------------------------------------------- */

static unsigned turns_so_far(Value messages) {
    unsigned n = 0;
    for (size_t i = 0; value_is(messages, V_LIST) && i < messages.len; i++)
        n += is_role(messages.items[i], "assistant");
    return n;
}

static void add_headers(ModelAttempt *m, Str key) {
    m->headers[0] = "Content-Type: application/json";
    m->headers[1] = "Accept: text/event-stream, application/json";
    m->call.headers = m->headers;
    m->call.n_headers = 2;
    if (key.len)
        m->headers[m->call.n_headers++] =
            arena_fmt(&m->a->arena, "%s%.*s", m->dialect->key_header, STR_FMT(key)).p;
    if (m->dialect->more_header)
        m->headers[m->call.n_headers++] = m->dialect->more_header;
}

static int64_t said_or(Value server, const char *word, int64_t otherwise) {
    int64_t ms;
    return field_number(server, word, &ms) && ms > 0 ? ms : otherwise;
}

static void send_request(ModelAttempt *m, const ProviderWay *way, Str path, Str body) {
    Value server = field(m->a->request, "server");
    add_headers(m, way->key);
    m->call.method = STR("POST");
    m->call.url = arena_fmt(&m->a->arena, "%.*s%.*s", STR_FMT(way->url), STR_FMT(path));
    m->call.body = body;
    m->call.timeout_ms = m->a->timeout_ms ? 0 : MODEL_TIMEOUT_DEFAULT_MS;
    m->call.first_byte_ms = said_or(server, "first_byte_ms", FIRST_BYTE_DEFAULT_MS);
    m->call.gap_ms = said_or(server, "gap_ms", GAP_DEFAULT_MS);
    m->call.answer_bytes_max = LIMIT_JSON_BYTES;
    m->call.egress = &m->a->egress;
    m->call.take = take;
    m->call.done = done;
    m->call.ctx = m;
    http_call(&m->x->http, &m->call);
}

static ModelAttempt *new_attempt(Exec *x, Attempt *a, const Dialect *dialect) {
    ModelAttempt *m = ARENA_NEW(&a->arena, ModelAttempt);
    *m = (ModelAttempt){ .x = x, .a = a, .dialect = dialect };
    m->turn = turns_so_far(value_getz(a->request, "messages"));
    field_number(a->request, "max_output", &m->max_output);
    sse_init(&m->sse, LIMIT_JSON_BYTES);
    answer_init(&m->answer, &a->arena, m->turn, field(a->request, "tools"));
    return m;
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
    ModelTarget target = provider_target(&way, a->request, a->callee);
    Str body = value_text(&a->arena, way.dialect->request(&a->arena, a->request, &target));
    if (!body.p) {
        exec_refuse(x, a, KIND_LIMIT, "model: the conversation is larger than a value may be");
        return;
    }
    ModelAttempt *m = new_attempt(x, a, way.dialect);
    a->state = m;
    send_request(m, &way, way.dialect->path(&a->arena, &target), body);
}

static void stop_model(UNUSED Exec *x, Attempt *a) {
    ModelAttempt *m = a->state;
    http_stop(&m->call);
}

const ExecOps exec_model = { start_model, stop_model };
