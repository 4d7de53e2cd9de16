#include "exec/model/reply.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "exec/http_outcome.h"

#define EXCERPT_BYTES 300
#define FAILURE_BODY_BYTES 4096

typedef struct Reader {
    Arena *a;
    const Dialect *d;
    int status;
    Value body; /* VALUE_ABSENT if it is no JSON */
    Str text;
} Reader;

/* Printable and short; what is not UTF-8 cannot be in a parsed text, but can be in a raw body. */
static Str excerpt(Arena *a, Str text, size_t max) {
    size_t at = 0;
    while (at < text.len && at < max) {
        size_t before = at;
        if (str_next_codepoint(text, &at) == 0xFFFD || at > max) {
            at = before;
            break;
        }
    }
    return arena_str(a, str_slice(text, 0, at));
}

/* ---- failures ---------------------------------------------------------------------------------------------------------- */

/* Some servers wrap it in a list, or put it in `detail` or `message` instead. */
static Value error_of(Value body) {
    if (value_is(body, V_LIST) && body.len)
        body = body.items[0];
    Value error = dialect_error(STR(""), body);
    if (value_absent(error))
        error = field(body, "detail");
    return value_absent(error) ? field(body, "message") : error;
}

static Str error_text(const Reader *r, Value error) {
    Str text = value_is(error, V_STRING) ? value_as_str(error) : field_text(error, "message");
    if (text.len == 0)
        text = r->text;
    return excerpt(r->a, text, EXCERPT_BYTES);
}

/* One of `words` in what an error says of its kind: OpenAI's code and type, Anthropic's type and details, Gemini's status. */
static bool mentions(Value error, const char *const *words, size_t n) {
    Str texts[] = { field_text(error, "code"), field_text(error, "type"),
                    field_text(error, "status"),
                    field_text(field(error, "details"), "error_code") };
    for (size_t t = 0; t < ARRAY_LEN(texts); t++)
        for (size_t i = 0; i < n; i++)
            if (str_find(texts[t], str_from(words[i])) >= 0)
                return true;
    return false;
}

static Value google_detail(Value error, const char *type) {
    Value details = field(error, "details");
    for (size_t i = 0; value_is(details, V_LIST) && i < details.len; i++)
        if (str_ends(field_text(details.items[i], "@type"), str_from(type)))
            return details.items[i];
    return VALUE_ABSENT;
}

/* A limit that is full again next minute is waited for; one of a day is not. */
static bool is_daily(Value error) {
    Value violations = field(google_detail(error, "QuotaFailure"), "violations");
    for (size_t i = 0; value_is(violations, V_LIST) && i < violations.len; i++)
        if (str_find(field_text(violations.items[i], "quotaId"), STR("PerDay")) >= 0)
            return true;
    return false;
}

/* Money is gone, not patience: waiting does not help. */
static bool is_out_of_quota(Value error) {
    static const char *const words[] = { "insufficient_quota", "credit_balance", "billing",
                                         "spend_limit", "usage_limit" };
    return mentions(error, words, ARRAY_LEN(words)) || is_daily(error);
}

static bool is_refused_content(Value error) {
    static const char *const words[] = { "content_filter", "content_policy" };
    return mentions(error, words, ARRAY_LEN(words));
}

static int64_t asked_wait_ms(Value error) {
    int64_t ms = 0;
    Str delay = field_text(google_detail(error, "RetryInfo"), "retryDelay");
    return delay.len && duration_parse(delay, &ms) ? MAX(ms, 0) : 0;
}

/* Errors that stand in an answer that began well say their status by a number, or by a word. */
static int status_within(Value error) {
    static const struct {
        const char *word;
        int status;
    } known[] = {
        { "rate_limit", 429 },
        { "RESOURCE_EXHAUSTED", 429 },
        { "quota", 429 },
        { "spend_limit", 429 },
        { "overloaded", 529 },
        { "content_filter", 400 },
        { "content_policy", 400 },
        { "invalid_api_key", 401 },
        { "authentication", 401 },
        { "UNAUTHENTICATED", 401 },
        { "billing", 402 },
        { "permission", 403 },
        { "PERMISSION_DENIED", 403 },
        { "not_found", 404 },
        { "NOT_FOUND", 404 },
        { "too_large", 413 },
        { "invalid_request", 400 },
        { "invalid_prompt", 400 },
        { "INVALID_ARGUMENT", 400 },
        { "context_length", 400 },
        { "server_error", 500 },
        { "api_error", 500 },
        { "internal", 500 },
        { "INTERNAL", 500 },
        { "UNAVAILABLE", 503 },
        { "timeout", 504 },
        { "DEADLINE_EXCEEDED", 504 },
    };
    int64_t code;
    if (field_number(error, "code", &code) && code >= 400 && code < 600)
        return (int)code;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (mentions(error, &known[i].word, 1))
            return known[i].status;
    return 0;
}

static Str failure_payload(const Reader *r) {
    MapBuilder m = map_builder(r->a);
    map_addz(&m, "status", value_int(r->status));
    if (!value_absent(r->body) && r->text.len <= FAILURE_BODY_BYTES)
        map_addz(&m, "body", r->body);
    else
        map_addz(&m, "body", value_str(excerpt(r->a, r->text, FAILURE_BODY_BYTES)));
    Str text = value_text(r->a, map_done(&m, NULL));
    return text.p ? text : STR("{}");
}

/* The request itself is what is wrong, or who asks: it would be answered the same again. */
static bool is_final(int status) {
    return status >= 400 && status < 500 && status != 408 && status != 409 && status != 425 &&
           status != 429;
}

static void fail_with(const Reader *r, int status, Value error, ModelReply *ret) {
    HttpOutcome o = http_outcome(HTTP_ANSWERED, true, status, EFFECT_READ);
    ret->outcome = o.outcome;
    ret->sent = o.sent;
    ret->kind = o.kind;
    ret->retry_after_ms = asked_wait_ms(error);
    ret->final = is_final(status);
    if (status >= 400 && status < 500 && is_out_of_quota(error)) {
        ret->kind = KIND_DENIED;
        ret->final = true;
        ret->retry_after_ms = 0;
    }
    if (status < 500 && is_refused_content(error))
        ret->kind = KIND_CONTENT_REFUSED;
    const char *name = http_status_name(status);
    ret->message = arena_fmt(r->a, "the model's server answered %d%s%s: %.*s", status,
                             *name ? " " : "", name, STR_FMT(error_text(r, error)));
    ret->payload = failure_payload(r);
}

/* A 200 that carries no answer. The request may have been billed; it may be sent again. */
static void not_an_answer(const Reader *r, const char *what, ModelReply *ret) {
    ret->outcome = OUTCOME_UNKNOWN;
    ret->sent = SENT_YES;
    ret->kind = KIND_UNAVAILABLE;
    ret->message = arena_fmt(r->a, "the model's server answered %d, but %s", r->status, what);
    ret->payload = failure_payload(r);
}

static void error_inside(const Reader *r, Value error, ModelReply *ret) {
    int status = status_within(error);
    if (status)
        fail_with(r, status, error, ret);
    else
        not_an_answer(r, "with an error inside", ret);
}

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static Value arguments_of(Arena *a, const AnswerCall *call) {
    Str text = buf_str(&call->arguments);
    Value parsed;
    if (value_is(call->given, V_MAP) && !text.len)
        return call->given;
    if (text.len == 0) /* a function without parameters */
        return VALUE_EMPTY_MAP;
    if (json_read_copy(a, text, &parsed, NULL) == 0 && value_is(parsed, V_MAP))
        return parsed;
    return value_str(arena_str(a, text));
}

static bool is_taken(const ListBuilder *calls, Str id) {
    for (size_t i = 0; i < calls->n; i++)
        if (str_eq(field_text(calls->items[i], "id"), id))
            return true;
    return false;
}

/* As the tool is called here. One that it was not told of keeps the name that it was given. */
static Str tool_called(const Answer *answer, Str said) {
    Value tools = answer->tools;
    for (uint32_t i = 0; value_is(tools, V_LIST) && i < tools.len; i++) {
        Str name = field_text(tools.items[i], "name");
        if (str_eq(said, name) || str_eq(said, model_name(answer->a, name)))
            return name;
    }
    return said;
}

/* *ret_made: a call had no id of its own. */
static Value calls_of(const Answer *answer, bool *ret_made) {
    Arena *a = answer->a;
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < answer->n_calls; i++) {
        const AnswerCall *call = &answer->calls[i];
        Str id = call->id;
        if (id.len == 0 || is_taken(&l, id)) {
            id = arena_fmt(a, "call_%u_%zu", answer->turn + 1, l.n + 1);
            *ret_made = true;
        }
        MapBuilder m = map_builder(a);
        map_addz(&m, "id", value_str(id));
        map_addz(&m, "name", value_str(tool_called(answer, call->name)));
        map_addz(&m, "arguments", arguments_of(a, call));
        list_add(&l, map_done(&m, NULL));
    }
    return list_done(&l);
}

static const char *finish_of(const Answer *answer) {
    switch (answer->end) {
    case ANSWER_LENGTH: return "length";
    case ANSWER_PAUSED: return "pause";
    case ANSWER_REFUSED: return "content_filter";
    case ANSWER_OPEN:
    case ANSWER_STOP: break;
    }
    return answer->n_calls ? "calls" : "stop";
}

/* Results are told apart by ids: where one had to be made, the parts that know nothing of it would not fit them. */
static bool is_echoed(const Reader *r, const Answer *answer, bool made) {
    return (answer->sealed || answer->end == ANSWER_PAUSED) && answer->parts.n > 0 &&
           answer->parts.n < ANSWER_PARTS_MAX && (!made || r->d->by_name);
}

static void refused(const Reader *r, const Answer *answer, ModelReply *ret) {
    Str refusal = answer->refusal.len ? buf_str(&answer->refusal)
                                      : STR("its content filter stopped the answer");
    MapBuilder m = map_builder(r->a);
    map_addz(&m, "refusal", value_str(refusal));
    map_addz(&m, "finish", value_str(STR("content_filter")));
    map_add_text(&m, "content", buf_str(&answer->text));
    ret->outcome = OUTCOME_FAILED;
    ret->sent = SENT_YES;
    ret->kind = KIND_CONTENT_REFUSED;
    ret->final = true;
    ret->message =
        arena_fmt(r->a, "the model refused: %.*s", STR_FMT(excerpt(r->a, refusal, EXCERPT_BYTES)));
    ret->payload = value_text(r->a, map_done(&m, NULL));
}

static void answered(const Reader *r, const Answer *answer, ModelReply *ret) {
    bool made = false;
    Value calls = calls_of(answer, &made);
    bool empty = !answer->text.len && !calls.len;
    if (answer->end == ANSWER_REFUSED || (empty && answer->refusal.len)) {
        refused(r, answer, ret);
        return;
    }
    MapBuilder m = map_builder(r->a);
    map_addz(&m, "content",
             empty || !answer->text.len ? VALUE_NULL : value_str(buf_str(&answer->text)));
    map_addz(&m, "calls", calls);
    map_addz(&m, "finish", value_str(str_from(finish_of(answer))));
    map_addz(&m, "model", value_str(answer->model));
    map_add_text(&m, "refusal", buf_str(&answer->refusal));
    if (is_echoed(r, answer, made)) {
        MapBuilder native = map_builder(r->a);
        map_addz(&native, "dialect", value_str(str_from(r->d->name)));
        map_addz(&native, "parts", value_list(answer->parts.items, answer->parts.n));
        map_addz(&m, "native", map_done(&native, NULL));
    }
    ret->payload = value_text(r->a, map_done(&m, NULL));
    if (!ret->payload.p)
        not_an_answer(r, "it is nested too deep", ret);
}

static ModelReply nothing_yet(void) {
    return (ModelReply){
        .outcome = OUTCOME_OK, .sent = SENT_YES, .message = STR(""), .payload = STR("{}")
    };
}

static void read_body(const Reader *r, Answer *answer, ModelReply *ret) {
    Value error = dialect_error(STR(""), r->body);
    r->d->reply(answer, r->body);
    ret->usage = answer->usage;
    if (!value_absent(error) && answer->problem)
        error_inside(r, error, ret);
    else if (answer->problem)
        not_an_answer(r, answer->problem, ret);
    else if (answer_over(answer))
        not_an_answer(r, "it is too large", ret);
    else
        answered(r, answer, ret);
}

void model_reply(Arena *a, const Dialect *d, int status, Str body, unsigned turn, Value tools,
                 ModelReply *ret) {
    Reader r = { .a = a, .d = d, .status = status, .text = body };
    Answer answer;
    *ret = nothing_yet();
    answer_init(&answer, a, turn, tools);
    if (json_read(a, body, &r.body, NULL) != 0)
        r.body = VALUE_ABSENT;
    if (status < 200 || status >= 300)
        fail_with(&r, status, error_of(r.body), ret);
    else if (value_absent(r.body))
        not_an_answer(&r, body.len ? "what it sent is no JSON" : "without a word", ret);
    else
        read_body(&r, &answer, ret);
    answer_deinit(&answer);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------ */

typedef struct EndRule {
    const char *words; /* of the message */
    Outcome outcome;
    Sent sent;
    ErrorKind kind;
} EndRule;

/* One that is endless would be so again: it is not asked for twice. */
static EndRule rule_of(StreamEnd end) {
    switch (end) {
    case STREAM_ENDED:
        return (EndRule){ "ended before the answer did", OUTCOME_UNKNOWN, SENT_YES,
                          KIND_UNAVAILABLE };
    case STREAM_CUT: return (EndRule){ "was cut", OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE };
    case STREAM_STALLED: return (EndRule){ "stalled", OUTCOME_UNKNOWN, SENT_YES, KIND_TIMEOUT };
    case STREAM_LATE: return (EndRule){ "took too long", OUTCOME_UNKNOWN, SENT_YES, KIND_TIMEOUT };
    case STREAM_ENDLESS: return (EndRule){ "has no end", OUTCOME_FAILED, SENT_YES, KIND_LIMIT };
    case STREAM_GARBAGE:
        return (EndRule){ "is garbled", OUTCOME_UNKNOWN, SENT_YES, KIND_UNAVAILABLE };
    case STREAM_STOPPED:
        return (EndRule){ "was stopped", OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED };
    }
    UNREACHABLE("end of a stream");
}

/* What had come, as evidence. */
static Str broken_payload(const Answer *answer) {
    MapBuilder m = map_builder(answer->a);
    Str came = excerpt(answer->a, buf_str(&answer->text), FAILURE_BODY_BYTES);
    map_addz(&m, "status", value_int(200));
    map_addz(&m, "came", value_str(came));
    map_addz(&m, "pieces", value_int((int64_t)answer->pieces));
    return value_text(answer->a, map_done(&m, NULL));
}

static void broken(const Answer *answer, StreamEnd end, Str problem, ModelReply *ret) {
    EndRule rule = rule_of(end);
    ret->outcome = rule.outcome;
    ret->sent = rule.sent;
    ret->kind = rule.kind;
    ret->final = end == STREAM_ENDLESS;
    ret->message = arena_fmt(answer->a, "the model's answer %s after %llu pieces%s%.*s", rule.words,
                             (unsigned long long)answer->pieces, problem.len ? ": " : "",
                             STR_FMT(problem));
    ret->payload = broken_payload(answer);
}

/* An answer without a word on usage cost something all the same. Of one that failed, nothing is said then: so its reservation
 * stays spent. */
static Usage usage_of(const Answer *answer, bool ok) {
    Usage u = answer->usage;
    bool guess = ok ? !answer->input_said : answer->input_said && !answer->final_usage;
    if (guess)
        u.tokens_out = MAX(u.tokens_out, (int64_t)answer->pieces);
    return u;
}

static bool is_complete(const Answer *answer, StreamEnd end) {
    return answer->end != ANSWER_OPEN || (answer->whole && end != STREAM_GARBAGE);
}

void model_stream_reply(const Dialect *d, Answer *answer, StreamEnd end, Str problem,
                        ModelReply *ret) {
    Reader r = { .a = answer->a, .d = d, .status = 200, .body = answer->error, .text = STR("") };
    *ret = nothing_yet();
    if (answer_over(answer))
        end = STREAM_ENDLESS;
    if (!value_absent(answer->error))
        error_inside(&r, answer->error, ret);
    else if (end == STREAM_ENDLESS || !is_complete(answer, end))
        broken(answer, end, problem, ret);
    else if (answer->problem)
        not_an_answer(&r, answer->problem, ret);
    else
        answered(&r, answer, ret);
    ret->usage = usage_of(answer, ret->outcome == OUTCOME_OK);
}
