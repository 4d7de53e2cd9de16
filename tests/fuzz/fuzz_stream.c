/* Streams of model servers: any bytes, in any dialect, ended in any way, and cut anywhere: what is made of them depends on the
 * bytes alone, not on where the network cut them, and is a neutral reply in well-formed JSON or a named failure. */
#include "base/json.h"
#include "exec/model/reply.h"
#include "exec/sse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Stream {
    const Dialect *d;
    Answer answer;
    Sse sse;
    bool garbage;
} Stream;

static void take_event(void *ctx, Str name, Str text) {
    Stream *s = ctx;
    if (!s->garbage)
        s->garbage = !dialect_take(s->d, &s->answer, name, text);
}

/* Pieces of `step` bytes. */
static ModelReply read_stream(Arena *a, const Dialect *d, Str bytes, size_t step, StreamEnd end) {
    Stream s = { .d = d };
    ModelReply r;
    sse_init(&s.sse, 4096);
    answer_init(&s.answer, a, 2, VALUE_ABSENT);
    for (size_t at = 0; at < bytes.len; at += step) {
        /* exactly as large, so that a read past the end is seen */
        Str piece = str_slice(bytes, at, MIN(at + step, bytes.len));
        char *copy = xmalloc(piece.len);
        memcpy(copy, piece.p, piece.len);
        sse_take(&s.sse, (Str){ copy, piece.len }, take_event, &s);
        free(copy);
    }
    end = sse_over(&s.sse) ? STREAM_ENDLESS : s.garbage ? STREAM_GARBAGE : end;
    model_stream_reply(d, &s.answer, end, STR("why"), &r);
    ASSERT(s.answer.n_calls <= ANSWER_CALLS_MAX);
    answer_deinit(&s.answer);
    sse_deinit(&s.sse);
    return r;
}

static void check_call(Value call) {
    Value arguments = value_getz(call, "arguments");
    ASSERT(value_is(value_getz(call, "id"), V_STRING) && value_getz(call, "id").len > 0);
    ASSERT(value_is(value_getz(call, "name"), V_STRING));
    ASSERT(value_is(arguments, V_MAP) || value_is(arguments, V_STRING));
}

static void check_answer(Value answer) {
    Value calls = value_getz(answer, "calls"), content = value_getz(answer, "content"),
          native = value_getz(answer, "native");
    ASSERT(value_is(content, V_NULL) || value_is(content, V_STRING));
    ASSERT(value_is(value_getz(answer, "finish"), V_STRING));
    ASSERT(value_is(calls, V_LIST));
    for (size_t i = 0; i < calls.len; i++)
        check_call(calls.items[i]);
    ASSERT(value_absent(native) || value_is(value_getz(native, "parts"), V_LIST));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const Dialect *const dialects[] = { &dialect_chat, &dialect_anthropic, &dialect_gemini,
                                               &dialect_responses };
    if (size < 2)
        return 0;
    const Dialect *d = dialects[data[0] % ARRAY_LEN(dialects)];
    StreamEnd end = (StreamEnd)(data[0] / 16 % (STREAM_STOPPED + 1));
    Str bytes = { (const char *)data + 2, size - 2 };
    Arena a = ARENA_NULL;
    ModelReply whole = read_stream(&a, d, bytes, size, end),
               cut = read_stream(&a, d, bytes, (size_t)data[1] % 16 + 1, end);
    ASSERT(str_eq(whole.payload, cut.payload) && str_eq(whole.message, cut.message));
    ASSERT(whole.outcome == cut.outcome && whole.kind == cut.kind);
    Value payload;
    ASSERT(json_read(&a, whole.payload, &payload, NULL) == 0);
    ASSERT((whole.outcome == OUTCOME_OK) == (whole.kind == KIND_NONE));
    ASSERT(whole.outcome == OUTCOME_OK || whole.message.len > 0);
    ASSERT(whole.usage.tokens_in >= 0 && whole.usage.tokens_out >= 0 &&
           whole.usage.tokens_cached >= 0 && whole.usage.tokens_reasoning >= 0);
    if (whole.outcome == OUTCOME_OK)
        check_answer(payload);
    arena_deinit(&a);
    return 0;
}
