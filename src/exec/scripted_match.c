/* Choosing a reply and making the answer of it. Everything a match looks at is in the request, but for `call`: the same
 * conversation gets the same answer after a crash, too. */
#include "exec/scripted_file.h"

#include "base/limits.h"

/* ---- what is asked ----------------------------------------------------------------------------------------------------- */

static Str text_of(Value v, Arena *a) {
    return value_absent(v) || value_is(v, V_NULL) ? STR("") : value_plain(a, v);
}

static bool has_role(Value message, const char *role) {
    Value v = value_getz(message, "role");
    return value_is(v, V_STRING) && str_is(value_as_str(v), role);
}

static Str join(Str first, Str second, Arena *a) {
    return first.len ? arena_fmt(a, "%.*s\n%.*s", STR_FMT(first), STR_FMT(second)) : second;
}

/* Name of the tool that call `id` asked for, the latest before message `before`. */
static Str tool_called(Value messages, size_t before, Value id) {
    for (size_t i = before; i-- > 0;) {
        Value calls = value_getz(messages.items[i], "calls");
        for (size_t c = 0; value_is(calls, V_LIST) && c < calls.len; c++) {
            Value name = value_getz(calls.items[c], "name");
            if (value_is(name, V_STRING) && value_equal(value_getz(calls.items[c], "id"), id))
                return value_as_str(name);
        }
    }
    return STR("");
}

ScriptedAsk scripted_ask(Value request, Str agent, Arena *a) {
    ScriptedAsk ask = { .agent = agent,
                        .user = STR(""),
                        .system = STR(""),
                        .tool = STR(""),
                        .result = STR(""),
                        .turn = 1 };
    Value messages = value_getz(request, "messages");
    size_t n = value_is(messages, V_LIST) ? messages.len : 0;
    for (size_t i = 0; i < n; i++) {
        Value m = messages.items[i];
        if (has_role(m, "system"))
            ask.system = join(ask.system, text_of(value_getz(m, "content"), a), a);
        if (has_role(m, "user")) {
            ask.user = text_of(value_getz(m, "content"), a);
            ask.turn = 1;
        }
        ask.turn += has_role(m, "assistant");
    }
    if (n && has_role(messages.items[n - 1], "tool")) {
        ask.tool = tool_called(messages, n - 1, value_getz(messages.items[n - 1], "call"));
        ask.result = text_of(value_getz(messages.items[n - 1], "content"), a);
    }
    return ask;
}

/* ---- which fits -------------------------------------------------------------------------------------------------------- */

static bool contains(Str text, Value part, Arena *a) {
    return str_find(text, value_plain(a, part)) >= 0;
}

static bool fits_one(const ScriptedAsk *ask, Str key, Value want, Arena *a) {
    if (str_is(key, "agent"))
        return str_eq(ask->agent, value_plain(a, want));
    if (str_is(key, "tool"))
        return str_eq(ask->tool, value_plain(a, want));
    if (str_is(key, "user"))
        return contains(ask->user, want, a);
    if (str_is(key, "system"))
        return contains(ask->system, want, a);
    if (str_is(key, "result"))
        return contains(ask->result, want, a);
    if (str_is(key, "turn"))
        return want.i == ask->turn;
    if (str_is(key, "attempt"))
        return want.i == ask->attempt;
    ASSERT(str_is(key, "call"));
    return want.i == ask->call;
}

/* The first key that does not fit, or STR_NULL. */
static Str misfit(const ScriptedReply *r, const ScriptedAsk *ask) {
    Arena scratch = ARENA_NULL;
    Str found = STR_NULL;
    for (size_t i = 0; value_is(r->match, V_MAP) && i < r->match.len && !found.p; i++) {
        ValueEntry e = value_entry(r->match, i);
        if (!fits_one(ask, value_as_str(e.key), e.value, &scratch))
            found = value_as_str(e.key);
    }
    arena_deinit(&scratch);
    return found;
}

const ScriptedReply *scripted_find(const ScriptedFile *f, const ScriptedAsk *ask) {
    for (size_t i = 0; i < f->n; i++)
        if (!misfit(&f->replies[i], ask).p)
            return &f->replies[i];
    return NULL;
}

static Str cut(Str s, size_t max) {
    size_t at = 0, before = 0;
    while (at < s.len && at < max) {
        before = at;
        str_next_codepoint(s, &at);
    }
    return str_slice(s, 0, at > max ? before : at);
}

/* Tried matches named in a message; more would hide the question. */
#define EXPLAINED_MAX 12

Str scripted_explain(const ScriptedFile *f, const ScriptedAsk *ask, Arena *a) {
    Buf b = BUF_INIT(4 * KIB);
    Str user = cut(ask->user, 120);
    buf_fmt(&b, "agent `%.*s`, turn %lld, attempt %lld, user \"%.*s\"", STR_FMT(ask->agent),
            (long long)ask->turn, (long long)ask->attempt, STR_FMT(user));
    if (ask->tool.len)
        buf_fmt(&b, ", after tool `%.*s`", STR_FMT(ask->tool));
    buf_fmt(&b, "; %zu tried:", f->n);
    for (size_t i = 0; i < f->n && i < EXPLAINED_MAX; i++) {
        Str key = misfit(&f->replies[i], ask);
        buf_fmt(&b, "%s line %u (%.*s)", i ? "," : "", f->replies[i].line, STR_FMT(key));
    }
    if (f->n > EXPLAINED_MAX)
        buf_str_add(&b, STR(" ..."));
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static Value content_of(const ScriptedReply *r, Arena *a) {
    if (value_absent(r->reply))
        return VALUE_NULL;
    Str once = value_plain(a, r->reply);
    if (r->repeat == 1 || once.len == 0)
        return value_str(once);
    Buf b = BUF_INIT(LIMIT_PAYLOAD_BYTES / 2);
    for (int64_t i = 0; i < r->repeat && !buf_over(&b); i++)
        buf_str_add(&b, once);
    Value v = buf_over(&b) ? VALUE_ABSENT : value_str(arena_str(a, buf_str(&b)));
    buf_deinit(&b);
    return v;
}

static Value call_of(Value call, int64_t turn, size_t n, Arena *a) {
    Value with = value_getz(call, "with"), id = value_getz(call, "id");
    MapBuilder m = map_builder(a);
    if (!value_is(id, V_STRING))
        id = value_str(arena_fmt(a, "call_%lld_%zu", (long long)turn, n + 1));
    map_addz(&m, "id", id);
    map_addz(&m, "name", value_str(value_plain(a, value_getz(call, "tool"))));
    map_addz(&m, "arguments", value_absent(with) ? VALUE_EMPTY_MAP : with);
    return map_done(&m, NULL);
}

static Value calls_of(const ScriptedReply *r, int64_t turn, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; value_is(r->calls, V_LIST) && i < r->calls.len; i++)
        list_add(&l, call_of(r->calls.items[i], turn, i, a));
    return list_done(&l);
}

Str scripted_payload(const ScriptedReply *r, const ScriptedAsk *ask, Str model, Arena *a) {
    Value content = content_of(r, a), calls = calls_of(r, ask->turn, a);
    if (value_absent(content))
        return STR_NULL;
    Str finish = r->finish.len ? r->finish : calls.len ? STR("calls") : STR("stop");
    MapBuilder m = map_builder(a);
    map_addz(&m, "content", content);
    map_addz(&m, "calls", calls);
    map_addz(&m, "finish", value_str(finish));
    map_addz(&m, "model", value_str(model));
    return value_text(a, map_done(&m, NULL));
}

/* The same split that a server's answers have: what may have been billed is unknown. */
void scripted_failure(const ScriptedReply *r, Arena *a, Completion *ret) {
    bool unknown = r->fail == KIND_UNAVAILABLE || r->fail == KIND_TIMEOUT ||
                   r->fail == KIND_CRASHED;
    ret->outcome = unknown ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
    ret->sent = unknown ? SENT_MAYBE : SENT_YES;
    ret->kind = r->fail;
    ret->retry_after_ms = r->retry_after_ms;
    ret->message = r->message.len ? arena_str(a, r->message)
                                  : arena_fmt(a, "scripted failure: %s", error_kind_name(r->fail));
    ret->payload = STR("{}");
}

/* A token is about four bytes of English: good enough to make budgets move. */
static int64_t tokens_of(size_t bytes) { return (int64_t)(bytes + 3) / 4; }

static int64_t said(Value usage, const char *key, int64_t otherwise) {
    Value v = value_is(usage, V_MAP) ? value_getz(usage, key) : VALUE_ABSENT;
    return value_is(v, V_INT) && v.i >= 0 ? v.i : otherwise;
}

static size_t bytes_of_messages(Value request, Arena *a) {
    Value messages = value_getz(request, "messages");
    size_t bytes = 0;
    for (size_t i = 0; value_is(messages, V_LIST) && i < messages.len; i++)
        bytes += text_of(value_getz(messages.items[i], "content"), a).len;
    return bytes;
}

Usage scripted_usage(const ScriptedReply *r, Value request, Str payload, Arena *a) {
    return (Usage){
        .tokens_in = said(r->usage, "in", tokens_of(bytes_of_messages(request, a))),
        .tokens_out = said(r->usage, "out", r->fail ? 0 : tokens_of(payload.len)),
        .tokens_cached = said(r->usage, "cached", 0),
    };
}
