#include "exec/model_reply.h"

#include "base/json.h"
#include "base/limits.h"
#include "exec/http_outcome.h"
#include "exec/model_request.h"

/* No provider counts further, and what multiplies it by a price stays far from overflow. */
#define TOKENS_MAX 1000000000000
#define EXCERPT_BYTES 300
#define FAILURE_BODY_BYTES 4096

typedef struct Reader {
    Arena *a;
    int status;
    unsigned turn;
    Value tools;
    Value body; /* VALUE_ABSENT if it is no JSON */
    Str text;
} Reader;

static Str text_of(Value v) { return value_is(v, V_STRING) ? value_as_str(v) : STR(""); }

static Value get(Value v, const char *key) {
    return value_is(v, V_MAP) ? value_getz(v, key) : VALUE_ABSENT;
}

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

static Value error_of(Value body) {
    Value error = get(body, "error");
    /* Some servers wrap it once more, or put it in `detail` or `message` instead. */
    if (value_absent(error) || value_is(error, V_NULL))
        error = get(body, "detail");
    if (value_absent(error) || value_is(error, V_NULL))
        error = get(body, "message");
    return error;
}

static Str error_text(const Reader *r, Value error) {
    Str text = value_is(error, V_STRING) ? value_as_str(error) : text_of(get(error, "message"));
    if (text.len == 0)
        text = r->text;
    return excerpt(r->a, text, EXCERPT_BYTES);
}

static bool mentions(Value error, const char *const *words, size_t n) {
    Str texts[] = { text_of(get(error, "code")), text_of(get(error, "type")) };
    for (size_t t = 0; t < ARRAY_LEN(texts); t++)
        for (size_t i = 0; i < n; i++)
            if (str_find(texts[t], str_from(words[i])) >= 0)
                return true;
    return false;
}

/* Money is gone, not patience: waiting does not help. */
static bool is_out_of_quota(Value error) {
    static const char *const words[] = { "insufficient_quota", "credit_balance", "billing",
                                         "spend_limit", "usage_limit" };
    return mentions(error, words, ARRAY_LEN(words));
}

static bool is_refused_content(Value error) {
    static const char *const words[] = { "content_filter", "content_policy" };
    return mentions(error, words, ARRAY_LEN(words));
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

static void fail_with(const Reader *r, int status, ModelReply *ret) {
    HttpOutcome o = http_outcome(HTTP_ANSWERED, true, status, EFFECT_READ);
    Value error = error_of(r->body);
    ret->outcome = o.outcome;
    ret->sent = o.sent;
    ret->kind = o.kind;
    if (status == 429 && is_out_of_quota(error))
        ret->kind = KIND_DENIED;
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

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static int64_t tokens(Value v) {
    if (value_is(v, V_INT))
        return MIN(MAX(v.i, 0), TOKENS_MAX);
    if (value_is(v, V_DOUBLE) && v.d > 0)
        return v.d < (double)TOKENS_MAX ? (int64_t)v.d : TOKENS_MAX;
    return 0;
}

static Usage usage_of(Value body) {
    Value usage = get(body, "usage");
    return (Usage){
        .tokens_in = tokens(get(usage, "prompt_tokens")),
        .tokens_out = tokens(get(usage, "completion_tokens")),
        .tokens_cached = tokens(get(get(usage, "prompt_tokens_details"), "cached_tokens")),
    };
}

/* Text, or the text parts of a list of parts. Null when there is nothing. */
static Value content_of(Arena *a, Value message) {
    Value content = get(message, "content");
    if (value_is(content, V_STRING))
        return content.len ? content : VALUE_NULL;
    if (!value_is(content, V_LIST))
        return VALUE_NULL;
    Buf b = BUF_INIT(LIMIT_JSON_BYTES);
    for (size_t i = 0; i < content.len; i++)
        buf_str_add(&b, text_of(get(content.items[i], "text")));
    Value v = b.len ? value_str(arena_str(a, buf_str(&b))) : VALUE_NULL;
    buf_deinit(&b);
    return v;
}

static Value arguments_of(Arena *a, Value function) {
    Value arguments = get(function, "arguments");
    if (value_is(arguments, V_MAP))
        return arguments;
    if (!value_is(arguments, V_STRING))
        return VALUE_EMPTY_MAP;
    Str text = value_as_str(arguments);
    Value parsed;
    if (text.len == 0) /* a function without parameters */
        return VALUE_EMPTY_MAP;
    if (json_read(a, text, &parsed, NULL) == 0 && value_is(parsed, V_MAP))
        return parsed;
    return arguments;
}

static bool is_taken(const ListBuilder *calls, Str id) {
    for (size_t i = 0; i < calls->n; i++)
        if (str_eq(text_of(value_getz(calls->items[i], "id")), id))
            return true;
    return false;
}

/* As the tool is called here. One that it was not told of keeps the name that it was given. */
static Str tool_called(const Reader *r, Str said) {
    for (uint32_t i = 0; value_is(r->tools, V_LIST) && i < r->tools.len; i++) {
        Str name = text_of(get(r->tools.items[i], "name"));
        if (str_eq(said, name) || str_eq(said, model_name(r->a, name)))
            return name;
    }
    return said;
}

static Value call_of(const Reader *r, const ListBuilder *so_far, Value call) {
    Value function = get(call, "function");
    Str id = text_of(get(call, "id"));
    if (id.len == 0 || is_taken(so_far, id))
        id = arena_fmt(r->a, "call_%u_%zu", r->turn + 1, so_far->n + 1);
    MapBuilder m = map_builder(r->a);
    map_addz(&m, "id", value_str(id));
    map_addz(&m, "name", value_str(tool_called(r, text_of(get(function, "name")))));
    map_addz(&m, "arguments", arguments_of(r->a, function));
    return map_done(&m, NULL);
}

/* More calls than this in one answer is a model running wild; the rest would only be refused one by one. */
#define CALLS_MAX 128

static Value calls_of(const Reader *r, Value message) {
    Value calls = get(message, "tool_calls");
    ListBuilder l = list_builder(r->a);
    for (size_t i = 0; value_is(calls, V_LIST) && i < calls.len && l.n < CALLS_MAX; i++)
        list_add(&l, call_of(r, &l, calls.items[i]));
    Value old = get(message, "function_call"); /* of before 2024, still spoken by some */
    if (l.n == 0 && value_is(old, V_MAP)) {
        MapBuilder m = map_builder(r->a);
        map_addz(&m, "function", old);
        list_add(&l, call_of(r, &l, map_done(&m, NULL)));
    }
    return list_done(&l);
}

static Str finish_of(Value choice, Value calls) {
    Str said = text_of(get(choice, "finish_reason"));
    if (str_is(said, "length") || str_is(said, "content_filter"))
        return said;
    return calls.len ? STR("calls") : STR("stop");
}

static void refused(const Reader *r, Str refusal, Str finish, ModelReply *ret) {
    MapBuilder m = map_builder(r->a);
    map_addz(&m, "refusal", value_str(refusal));
    map_addz(&m, "finish", value_str(finish));
    ret->outcome = OUTCOME_FAILED;
    ret->sent = SENT_YES;
    ret->kind = KIND_CONTENT_REFUSED;
    ret->message =
        arena_fmt(r->a, "the model refused: %.*s", STR_FMT(excerpt(r->a, refusal, EXCERPT_BYTES)));
    ret->payload = value_text(r->a, map_done(&m, NULL));
}

static void read_choice(const Reader *r, Value choice, ModelReply *ret) {
    Value message = get(choice, "message");
    Value content = content_of(r->a, message), calls = calls_of(r, message);
    Str finish = finish_of(choice, calls), refusal = text_of(get(message, "refusal"));
    bool empty = value_is(content, V_NULL) && calls.len == 0;
    if (empty && (refusal.len || str_is(finish, "content_filter"))) {
        refused(r, refusal.len ? refusal : STR("its content filter stopped the answer"), finish,
                ret);
        return;
    }
    MapBuilder m = map_builder(r->a);
    map_addz(&m, "content", content);
    map_addz(&m, "calls", calls);
    map_addz(&m, "finish", value_str(finish));
    map_addz(&m, "model", value_str(text_of(get(r->body, "model"))));
    if (refusal.len)
        map_addz(&m, "refusal", value_str(refusal));
    ret->payload = value_text(r->a, map_done(&m, NULL));
    if (!ret->payload.p)
        not_an_answer(r, "it is nested too deep", ret);
}

/* Aggregators answer 200 and put the real status into the body. */
static int status_within(Value error) {
    Value code = get(error, "code");
    return value_is(code, V_INT) && code.i >= 400 && code.i < 600 ? (int)code.i : 0;
}

void model_reply(Arena *a, int status, Str body, unsigned turn, Value tools, ModelReply *ret) {
    *ret = (ModelReply){
        .outcome = OUTCOME_OK, .sent = SENT_YES, .message = STR(""), .payload = STR("{}")
    };
    Reader r = { .a = a, .status = status, .turn = turn, .tools = tools, .text = body };
    if (json_read(a, body, &r.body, NULL) != 0)
        r.body = VALUE_ABSENT;
    ret->usage = usage_of(r.body);
    Value error = get(r.body, "error"), choices = get(r.body, "choices");
    bool answered = value_is(choices, V_LIST) && choices.len > 0;
    if (status < 200 || status >= 300)
        fail_with(&r, status, ret);
    else if (value_absent(r.body))
        not_an_answer(&r, "what it sent is no JSON", ret);
    else if (!answered && status_within(error))
        fail_with(&r, status_within(error), ret);
    else if (!answered)
        not_an_answer(&r, value_absent(error) ? "without choices" : "with an error inside", ret);
    else if (!value_is(get(choices.items[0], "message"), V_MAP))
        not_an_answer(&r, "its first choice has no message", ret);
    else
        read_choice(&r, choices.items[0], ret);
}
