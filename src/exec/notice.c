/* Tells people, through the channel that the notice names. One try: whether there is another one, and when, the engine knows
 * (engine/deliver.c). What the receiver said that will never change is told apart: 401, 404, 410 and a mailbox that is not
 * there. */
#include "exec/notice.h"

#include "base/limits.h"
#include "exec/exec.h"
#include "exec/http_outcome.h"

#include <time.h>

/* A receiver has only to take it. */
#define NOTICE_TIMEOUT_MS 20000
#define ANSWER_BYTES_MAX (64 * KIB)
#define EXCERPT_BYTES 200

typedef struct NoticeAttempt {
    Exec *x;
    Attempt *a;
    HttpCall call;
    Letter *letter; /* on its way; NULL: none */
    const char *headers[4];
} NoticeAttempt;

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return value_is(text, V_STRING) ? value_as_str(text) : STR("");
}

/* ---- what became of it ------------------------------------------------------------------------------------------------ */

static ErrorKind kind_of(int status) {
    switch (status) {
    case 401: return KIND_DENIED;
    case 404:
    case 410: return KIND_NOT_FOUND;
    case 429: return KIND_RATE_LIMITED;
    }
    return KIND_UNAVAILABLE;
}

static Str message_of(NoticeAttempt *n, const HttpAnswer *answer) {
    Arena *a = &n->a->arena;
    if (answer->end != HTTP_ANSWERED)
        return arena_fmt(a, "no answer: %.*s", STR_FMT(answer->problem));
    Str excerpt = exec_excerpt(a, answer->body, EXCERPT_BYTES);
    return arena_fmt(a, "it answered %d %s%s%.*s", answer->status, http_status_name(answer->status),
                     excerpt.len ? ": " : "", STR_FMT(excerpt));
}

static bool was_taken(const HttpAnswer *answer) {
    return answer->end == HTTP_ANSWERED && answer->status >= 200 && answer->status < 300;
}

static void answered(void *ctx, const HttpAnswer *answer) {
    NoticeAttempt *n = ctx;
    bool said = answer->status > 0;
    Completion c = { .took_us = answer->took_us,
                     .retry_after_ms = answer->retry_after_ms,
                     .payload = STR("{}") };
    n->a->queued_us = answer->queued_us;
    if (was_taken(answer)) {
        c.outcome = OUTCOME_OK;
        c.sent = SENT_YES;
    } else {
        c.outcome = said ? OUTCOME_FAILED : OUTCOME_UNKNOWN;
        c.sent = said ? SENT_YES : SENT_MAYBE;
        c.kind = answer->end == HTTP_STOPPED ? KIND_CANCELLED : kind_of(answer->status);
        c.message = message_of(n, answer);
    }
    exec_complete(n->x, n->a, &c);
}

/* Authentication required, too weak, or wrong (RFC 4954): the operator's to mend, the letter itself was not looked at. */
static bool is_stranger(int status) {
    return status == 530 || status == 534 || status == 535 || status == 538;
}

static void letter_ended(void *ctx, const LetterEnd *end) {
    NoticeAttempt *n = ctx;
    Arena *a = &n->a->arena;
    Completion c = { .took_us = end->took_us, .payload = STR("{}"), .sent = SENT_YES };
    n->letter = NULL;
    if (end->taken) {
        c.outcome = OUTCOME_OK;
    } else if (is_stranger(end->status)) {
        c.outcome = OUTCOME_FAILED;
        c.sent = SENT_NO;
        c.kind = KIND_DENIED;
        c.message = arena_fmt(a,
                              "the mail server answered %d: it wants another user or password "
                              "than those of BATON_SMTP",
                              end->status);
    } else {
        bool refused = end->status >= 400; /* below that it has agreed to the last it was told */
        c.outcome = refused ? OUTCOME_FAILED : OUTCOME_UNKNOWN;
        c.sent = refused ? SENT_YES : SENT_MAYBE;
        c.kind = end->status >= 550 && end->status < 560 ? KIND_NOT_FOUND : KIND_UNAVAILABLE;
        c.message = arena_fmt(a, "the mail server: %.*s", STR_FMT(end->problem));
    }
    exec_complete(n->x, n->a, &c);
}

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

static void transmit(NoticeAttempt *n) {
    n->call.timeout_ms = NOTICE_TIMEOUT_MS;
    n->call.answer_bytes_max = ANSWER_BYTES_MAX;
    n->call.done = answered;
    n->call.ctx = n;
    http_call(&n->x->http, &n->call);
}

static void add_header(NoticeAttempt *n, const char *name, Str value) {
    n->headers[n->call.n_headers++] = arena_fmt(&n->a->arena, "%s: %.*s", name, STR_FMT(value)).p;
}

static void post(NoticeAttempt *n, Str body) {
    n->call.method = STR("POST");
    n->call.url = text_of(n->a->request, "url");
    n->call.headers = n->headers;
    n->call.body = body;
    add_header(n, "Content-Type", STR("application/json"));
    if (body.p)
        transmit(n);
    else
        exec_refuse(n->x, n->a, KIND_LIMIT, "the notice is larger than a value may be");
}

static void post_signed(NoticeAttempt *n, Str body) {
    Value request = n->a->request;
    Str id = text_of(request, "id"), secrets = text_of(request, "sign"), signature = STR("");
    int64_t seconds = (int64_t)time(NULL);
    if (secrets.len && body.p) {
        signature = notice_signature(&n->a->arena, secrets, id, seconds, body);
        if (!signature.p) {
            exec_refuse(
                n->x, n->a, KIND_DENIED,
                "the secret it is signed with is not base64: `whsec_` and the base64 of its bytes");
            return;
        }
        add_header(n, "webhook-signature", signature);
    }
    add_header(n, "webhook-id", id);
    add_header(n, "webhook-timestamp", arena_fmt(&n->a->arena, "%lld", (long long)seconds));
    post(n, body);
}

static void send_letter(NoticeAttempt *n) {
    const ExecOptions *o = &n->x->options;
    Arena *a = &n->a->arena;
    Str url = o->mail_url, to = text_of(n->a->request, "email");
    if (!url.len || !o->mail_from.len) {
        exec_refuse(n->x, n->a, KIND_DENIED,
                    "no mail server is known: set BATON_SMTP=smtp://USER:PASSWORD@HOST:587 and "
                    "BATON_SMTP_FROM=ADDRESS where the engine runs");
        return;
    }
    LetterOrder order = { .url = url, .from = o->mail_from, .to = to };
    order.timeout_ms = NOTICE_TIMEOUT_MS;
    order.text = notice_letter(a, n->a->request, o->mail_from, (int64_t)time(NULL));
    if (order.text.p)
        n->letter = letter_send(&n->x->letters, &order, letter_ended, n);
    else
        exec_refuse(n->x, n->a, KIND_LIMIT, "the notice is larger than a letter may be");
}

static void start_notice(Exec *x, Attempt *a) {
    NoticeAttempt *n = ARENA_NEW(&a->arena, NoticeAttempt);
    *n = (NoticeAttempt){ .x = x, .a = a };
    a->state = n;
    Str kind = text_of(a->request, "kind");
    if (str_is(kind, "webhook"))
        post_signed(n, notice_webhook(&a->arena, a->request));
    else if (str_is(kind, "chat"))
        post(n, notice_chat(&a->arena, a->request));
    else if (str_is(kind, "pager"))
        post(n, notice_pager(&a->arena, a->request, text_of(a->request, "sign")));
    else if (str_is(kind, "email"))
        send_letter(n);
    else
        exec_refuse(x, a, KIND_INVALID, "there are no channels of kind `%.*s`", STR_FMT(kind));
}

static void stop_notice(Exec *x, Attempt *a) {
    NoticeAttempt *n = a->state;
    if (!n->letter) {
        http_stop(&n->call);
        return;
    }
    letter_stop(n->letter);
    exec_complete(x, a,
                  &(Completion){ .outcome = OUTCOME_UNKNOWN,
                                 .sent = SENT_MAYBE,
                                 .kind = KIND_CANCELLED,
                                 .message = STR("stopped"),
                                 .payload = STR("{}") });
}

const ExecOps exec_notice = { start_notice, stop_notice };
