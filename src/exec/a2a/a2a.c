/* Agents elsewhere, by A2A 1.0:
 *
 *   card --> send --> task --wait, get--> over: what it gave, or what it asks for
 *     \         \       \ told as the handle: another engine begins here
 *      \         +--> words in place of a task: over
 *       +-- no card there: the address is where JSON-RPC is spoken
 *
 * A conversation is that of shapes/agent.c: what is said last goes out, and an agent that needs something before it goes on
 * calls `escalate` as one of ours would; the answer goes to the same task. The id of a message is the attempt's key, so an agent
 * that looks for it knows one that it had already. */
#include "base/json.h"
#include "base/limits.h"
#include "exec/a2a/frame.h"
#include "exec/exec.h"
#include "exec/http_headers.h"
#include "exec/http_outcome.h"

#include <stdlib.h>

/* One exchange; the work itself may take days. */
#define EXCHANGE_MS 60000
/* A task is asked after soon at first, then ever less often. */
#define WAIT_FIRST_MS 200
#define WAIT_MOST_MS 10000
#define CARD_BYTES_MAX (256 * KIB)
#define EXCERPT_BYTES 300
#define OWN_HEADERS 3

typedef enum Doing { GET_CARD, SEND, WAIT, ASK_AFTER, CANCEL } Doing;

struct Remote {
    Exec *x;
    Attempt *a;
    Doing doing;
    bool stopping;
    Str url, endpoint;
    A2aOrder order; /* what is sent */
    HttpHeaders headers;
    HttpCall call;
    A2aTask task;
    uv_timer_t *timer; /* made when something is waited for */
    int64_t wait_ms;
    Remote *prev, *next; /* all that are under way */
};

static void carry_on(Remote *r);

/* ---- the end --------------------------------------------------------------------------------------------------------------- */

static void free_timer(uv_handle_t *handle) { free(handle); }

static void let_go(Remote *r) {
    if (r->timer)
        uv_close((uv_handle_t *)r->timer, free_timer);
    r->timer = NULL;
    *(r->prev ? &r->prev->next : &r->x->remotes) = r->next;
    if (r->next)
        r->next->prev = r->prev;
}

static void complete(Remote *r, const Completion *c) {
    let_go(r);
    exec_complete(r->x, r->a, c);
}

static void fail(Remote *r, Outcome outcome, Sent sent, ErrorKind kind, Str message) {
    complete(r, &(Completion){ .outcome = outcome,
                               .sent = sent,
                               .kind = kind,
                               .message = message,
                               .payload = STR("{}") });
}

/* What belongs to the conversation, for the next message of it. */
static Value native_of(const Remote *r, Arena *a, bool goes_on) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "dialect", value_str(STR("a2a")));
    map_add_text(&m, "context", r->task.context);
    if (goes_on)
        map_add_text(&m, "task", r->task.id);
    return map_done(&m, NULL);
}

static Value escalation(Arena *a, Str question) {
    MapBuilder call = map_builder(a), arguments = map_builder(a);
    Value *list = ARENA_NEW(a, Value);
    map_addz(&arguments, "question",
             value_str(question.len ? question : STR("It needs something before it goes on.")));
    map_addz(&call, "id", value_str(STR("input")));
    map_addz(&call, "name", value_str(STR("escalate")));
    map_addz(&call, "arguments", map_done(&arguments, NULL));
    *list = map_done(&call, NULL);
    return value_list(list, 1);
}

/* As a model answers. */
static void answer(Remote *r, bool asks) {
    Arena *a = &r->a->arena;
    MapBuilder m = map_builder(a);
    map_addz(&m, "content", asks ? VALUE_NULL : value_str(a2a_output(&r->task, a)));
    map_addz(&m, "calls", asks ? escalation(a, r->task.said) : VALUE_EMPTY_LIST);
    map_addz(&m, "finish", value_str(asks ? STR("tool_calls") : STR("stop")));
    map_addz(&m, "native", native_of(r, a, asks));
    Str payload = value_text(a, map_done(&m, NULL));
    if (payload.p && payload.len <= LIMIT_PAYLOAD_BYTES)
        complete(r, &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = payload });
    else
        fail(r, OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT,
             arena_fmt(a, "what the agent gave is larger than %u bytes", LIMIT_PAYLOAD_BYTES));
}

/* The agent itself says that it did not do it. */
static void gave_up(Remote *r, ErrorKind kind, const char *what) {
    Arena *a = &r->a->arena;
    Str said = exec_excerpt(a, r->task.said, EXCERPT_BYTES);
    fail(r, OUTCOME_FAILED, SENT_YES, kind,
         arena_fmt(a, "the agent at %.*s %s%s%.*s", STR_FMT(r->url), what, said.len ? ": " : "",
                   STR_FMT(said)));
}

static void end(Remote *r) {
    switch (r->task.state) {
    case A2A_COMPLETED: answer(r, false); return;
    case A2A_INPUT: answer(r, true); return;
    case A2A_AUTH: gave_up(r, KIND_DENIED, "wants to know who asks: see `headers`"); return;
    case A2A_FAILED: gave_up(r, KIND_CRASHED, "failed"); return;
    case A2A_REJECTED: gave_up(r, KIND_DENIED, "will not do it"); return;
    case A2A_CANCELED:
        fail(r, OUTCOME_UNKNOWN, SENT_YES, KIND_CANCELLED, STR("the agent stopped it"));
        return;
    case A2A_UNKNOWN:
    case A2A_WORKING: UNREACHABLE("it goes on");
    }
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------------- */

static void waited(uv_timer_t *timer) {
    Remote *r = timer->data;
    r->doing = r->endpoint.len ? ASK_AFTER : GET_CARD;
    carry_on(r);
}

static void wait_a_while(Remote *r) {
    if (!r->timer) {
        r->timer = xcalloc(1, sizeof *r->timer);
        int err = uv_timer_init(r->x->options.loop, r->timer);
        ASSERT(err == 0);
        r->timer->data = r;
    }
    r->doing = WAIT;
    uv_update_time(r->x->options.loop);
    uv_timer_start(r->timer, waited, (uint64_t)r->wait_ms, 0);
    r->wait_ms = MIN(r->wait_ms * 2, WAIT_MOST_MS);
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

static bool read_json(Remote *r, const HttpAnswer *answer, Value *ret) {
    return answer->end == HTTP_ANSWERED && answer->status == 200 &&
           json_read_copy(&r->a->arena, answer->body, ret, NULL) == 0;
}

static Str complaint(Remote *r, const HttpAnswer *answer) {
    Arena *a = &r->a->arena;
    if (answer->end != HTTP_ANSWERED)
        return arena_fmt(a, "the agent at %.*s: %.*s", STR_FMT(r->url), STR_FMT(answer->problem));
    Str excerpt = exec_excerpt(a, answer->body, EXCERPT_BYTES);
    return arena_fmt(a, "the agent at %.*s answered %d %s%s%.*s", STR_FMT(r->url), answer->status,
                     http_status_name(answer->status), excerpt.len ? ": " : "", STR_FMT(excerpt));
}

/* Nothing has been asked of it yet, so nothing can have happened; unless an engine before did. */
static void no_card(Remote *r, const HttpAnswer *answer) {
    HttpOutcome o = http_outcome(answer->end, answer->sent, answer->status, EFFECT_READ);
    ErrorKind kind = o.outcome == OUTCOME_OK ? KIND_INVALID : o.kind;
    if (r->a->handle.len)
        wait_a_while(r);
    else
        fail(r, OUTCOME_FAILED, SENT_NO, kind,
             arena_fmt(&r->a->arena, "its card cannot be read: %.*s",
                       STR_FMT(complaint(r, answer))));
}

static void card_came(Remote *r, const HttpAnswer *answer) {
    Arena *a = &r->a->arena;
    Value card;
    A2aCard c;
    Str problem = STR("");
    bool none = answer->end == HTTP_ANSWERED && (answer->status == 404 || answer->status == 405);
    r->doing = r->a->handle.len ? ASK_AFTER : SEND;
    if (none && !str_ends(r->url, STR(".json"))) {
        r->endpoint = r->url;
        carry_on(r);
        return;
    }
    if (!read_json(r, answer, &card)) {
        no_card(r, answer);
        return;
    }
    if (!a2a_card(card, a, &c, &problem)) {
        fail(
            r, OUTCOME_FAILED, SENT_NO, KIND_INVALID,
            arena_fmt(a, "the card of the agent at %.*s: %.*s", STR_FMT(r->url), STR_FMT(problem)));
        return;
    }
    /* What the headers hold was meant for the server that the file names. */
    if (r->headers.n > OWN_HEADERS && !a2a_same_origin(c.url, r->url)) {
        fail(r, OUTCOME_FAILED, SENT_NO, KIND_DENIED,
             arena_fmt(a,
                       "the card of the agent at %.*s leads to %.*s, and `headers` are only for "
                       "where `url` is: name that address",
                       STR_FMT(r->url), STR_FMT(c.url)));
        return;
    }
    r->endpoint = arena_str(a, c.url);
    r->order.tenant = arena_str(a, c.tenant);
    carry_on(r);
}

/* JSON-RPC's own errors, and those of A2A, say that it did not even begin. */
static bool is_definite(int64_t code) {
    return code == -32700 || (code >= -32602 && code <= -32600) ||
           (code >= -32009 && code <= -32001);
}

static void tell_handle(Remote *r) {
    MapBuilder m = map_builder(&r->a->arena);
    map_addz(&m, "task", value_str(r->task.id));
    map_add_text(&m, "context", r->task.context);
    Str handle = value_text(&r->a->arena, map_done(&m, NULL));
    if (handle.p && !str_eq(handle, r->a->handle))
        exec_handle(r->x, r->a, handle);
}

static void took(Remote *r) {
    if (a2a_is_over(r->task.state)) {
        end(r);
    } else if (r->task.id.len) {
        tell_handle(r);
        wait_a_while(r);
    } else {
        fail(r, OUTCOME_UNKNOWN, SENT_YES, KIND_INVALID,
             arena_fmt(&r->a->arena, "the agent at %.*s began a task and did not say its id",
                       STR_FMT(r->url)));
    }
}

static void sent(Remote *r, const HttpAnswer *answer) {
    Arena *a = &r->a->arena;
    HttpOutcome o = http_outcome(answer->end, answer->sent, answer->status, r->a->effect);
    A2aError error;
    Value v;
    if (o.outcome != OUTCOME_OK) {
        complete(r, &(Completion){ .outcome = o.outcome,
                                   .sent = o.sent,
                                   .kind = o.kind,
                                   .message = complaint(r, answer),
                                   .payload = STR("{}"),
                                   .retry_after_ms = answer->retry_after_ms });
        return;
    }
    if (!read_json(r, answer, &v)) {
        fail(r, OUTCOME_UNKNOWN, SENT_YES, KIND_INVALID, complaint(r, answer));
        return;
    }
    if (a2a_take(&r->task, a, v, &error)) {
        took(r);
        return;
    }
    bool definite = is_definite(error.code);
    fail(r, definite ? OUTCOME_FAILED : OUTCOME_UNKNOWN, SENT_YES,
         definite ? KIND_INVALID : KIND_UNAVAILABLE,
         arena_fmt(a, "the agent at %.*s: %.*s (%lld)", STR_FMT(r->url),
                   STR_FMT(exec_excerpt(a, error.message, EXCERPT_BYTES)), (long long)error.code));
}

/* That an agent cannot be reached now says nothing of what it does. */
static void told_of(Remote *r, const HttpAnswer *answer) {
    Arena *a = &r->a->arena;
    A2aError error;
    Value v;
    bool there = answer->end == HTTP_ANSWERED && answer->status < 500 && answer->status != 429;
    if (read_json(r, answer, &v) && a2a_take(&r->task, a, v, &error))
        took(r);
    else if (!there)
        wait_a_while(r);
    else
        fail(r, OUTCOME_UNKNOWN, SENT_YES, KIND_NOT_FOUND,
             arena_fmt(a, "the agent at %.*s does not know its task %.*s any more", STR_FMT(r->url),
                       STR_FMT(exec_excerpt(a, r->task.id, 100))));
}

static void stopped(Remote *r) {
    bool begun = r->doing >= SEND || r->a->handle.len;
    fail(r, begun ? OUTCOME_UNKNOWN : OUTCOME_FAILED, begun ? SENT_MAYBE : SENT_NO, KIND_CANCELLED,
         begun ? STR("stopped; what the agent did by then is not known")
               : STR("stopped before it began"));
}

/* Also the agent is told, if it has said what to call it by; what it answers changes nothing. */
static void stop_there(Remote *r) {
    bool known = r->task.id.len && r->endpoint.len && r->doing != SEND;
    if (r->a->leave || !known) {
        stopped(r);
        return;
    }
    r->doing = CANCEL;
    r->stopping = false;
    carry_on(r);
}

static void heard(void *ctx, const HttpAnswer *answer) {
    Remote *r = ctx;
    r->a->queued_us += answer->queued_us;
    if (r->doing == CANCEL) {
        stopped(r);
        return;
    }
    if (r->stopping) {
        stop_there(r);
        return;
    }
    switch (r->doing) {
    case GET_CARD: card_came(r, answer); return;
    case SEND: sent(r, answer); return;
    case ASK_AFTER: told_of(r, answer); return;
    case WAIT:
    case CANCEL: UNREACHABLE("nothing was asked");
    }
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */

static void exchange(Remote *r, Str url, Str body) {
    r->call =
        (HttpCall){ .method = body.p ? STR("POST") : STR("GET"),
                    .url = url,
                    .headers = r->headers.lines,
                    .n_headers = r->headers.n,
                    .body = body,
                    .fresh = r->doing == SEND && r->a->effect == EFFECT_UNSAFE,
                    .timeout_ms = EXCHANGE_MS,
                    .answer_bytes_max = r->doing == GET_CARD ? CARD_BYTES_MAX : LIMIT_PAYLOAD_BYTES,
                    .egress = &r->a->egress,
                    .host_of_data = r->a->host_of_data || !a2a_same_origin(url, r->url),
                    .done = heard,
                    .ctx = r };
    http_call(&r->x->http, &r->call);
}

static void carry_on(Remote *r) {
    Arena *a = &r->a->arena;
    A2aOrder order = { .method = r->doing == CANCEL ? A2A_CANCEL : A2A_GET,
                       .task = r->task.id,
                       .tenant = r->order.tenant };
    Str body = r->doing == GET_CARD ? STR_NULL
                                    : a2a_request(a, r->doing == SEND ? &r->order : &order);
    if (r->doing != GET_CARD && !body.p)
        fail(r, OUTCOME_FAILED, SENT_NO, KIND_LIMIT,
             STR("a2a: the message is larger than a value may be"));
    else
        exchange(r, r->doing == GET_CARD ? a2a_card_url(a, r->url) : r->endpoint, body);
}

/* ---- the conversation ---------------------------------------------------------------------------------------------------------- */

static Str text_at(Value map, const char *key) {
    Value v = value_getz(map, key);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

/* What was said last, and to which task of the agent: the one that it asked about, or a new one of the same context. */
static void read_conversation(Remote *r) {
    Value messages = value_getz(r->a->request, "messages");
    size_t n = value_is(messages, V_LIST) ? messages.len : 0;
    Value last = n ? messages.items[n - 1] : VALUE_NULL, native = VALUE_NULL;
    for (size_t i = 0; i < n; i++) {
        Value v = value_getz(messages.items[i], "native");
        if (str_is(text_at(v, "dialect"), "a2a"))
            native = v;
    }
    Value content = value_getz(last, "content");
    r->order =
        (A2aOrder){ .method = A2A_SEND,
                    .message = r->a->key,
                    .task = text_at(native, "task"),
                    .context = text_at(native, "context"),
                    .text = value_absent(content) ? STR("") : value_plain(&r->a->arena, content) };
    r->task = A2A_TASK;
    r->task.id = r->order.task;
    r->task.context = r->order.context;
}

static void read_handle(Remote *r) {
    Value handle;
    if (!r->a->handle.len || json_read_copy(&r->a->arena, r->a->handle, &handle, NULL) != 0)
        return;
    r->task.id = text_at(handle, "task");
    r->task.context = text_at(handle, "context");
}

static bool read_headers(Remote *r) {
    Value map = value_getz(r->a->request, "headers");
    r->headers = http_headers(&r->a->arena, map, OWN_HEADERS);
    return http_headers_add(&r->headers, map);
}

static void add_own_headers(Remote *r) {
    http_header_add(&r->headers, STR("Content-Type"), STR("application/json"));
    http_header_add(&r->headers, STR("Accept"), STR("application/json"));
    http_header_add(&r->headers, STR("A2A-Version"), STR("1.0"));
}

static void start_a2a(Exec *x, Attempt *a) {
    Remote *r = ARENA_NEW(&a->arena, Remote);
    *r = (Remote){ .x = x, .a = a, .url = text_at(a->request, "url"), .wait_ms = WAIT_FIRST_MS };
    a->state = r;
    r->next = x->remotes;
    if (r->next)
        r->next->prev = r;
    x->remotes = r;
    read_conversation(r);
    read_handle(r);
    if (!read_headers(r)) {
        fail(r, OUTCOME_FAILED, SENT_NO, KIND_INVALID,
             STR("a2a: a header's name or value has characters that none may have"));
        return;
    }
    add_own_headers(r);
    carry_on(r);
}

static void stop_a2a(UNUSED Exec *x, Attempt *a) {
    Remote *r = a->state;
    if (r->doing == CANCEL || r->stopping)
        return;
    r->stopping = true;
    if (r->doing != WAIT) {
        http_stop(&r->call);
        return;
    }
    uv_timer_stop(r->timer);
    stop_there(r);
}

void remotes_close(Exec *x) {
    while (x->remotes)
        let_go(x->remotes);
}

const ExecOps exec_a2a = { start_a2a, stop_a2a };
