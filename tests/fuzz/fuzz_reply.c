/* Replies of model servers: any bytes, any status, any dialect. What is said to be ok is a neutral reply in well-formed JSON. */
#include "base/json.h"
#include "exec/model/reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_call(Value call) {
    Value arguments = value_getz(call, "arguments");
    ASSERT(value_is(value_getz(call, "id"), V_STRING) && value_getz(call, "id").len > 0);
    ASSERT(value_is(value_getz(call, "name"), V_STRING));
    ASSERT(value_is(arguments, V_MAP) || value_is(arguments, V_STRING));
}

static void check_answer(Value answer) {
    Value calls = value_getz(answer, "calls"), content = value_getz(answer, "content");
    ASSERT(value_is(content, V_NULL) || value_is(content, V_STRING));
    ASSERT(value_is(value_getz(answer, "finish"), V_STRING));
    ASSERT(value_is(calls, V_LIST));
    for (size_t i = 0; i < calls.len; i++)
        check_call(calls.items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const Dialect *const dialects[] = { &dialect_chat, &dialect_anthropic, &dialect_gemini,
                                               &dialect_responses };
    static const int statuses[] = { 200, 200, 200, 200, 400, 404, 429, 500, 302, 204 };
    if (size < 1)
        return 0;
    Arena a = ARENA_NULL;
    char *copy = xmalloc(size); /* exactly as large, so that a read past the end is seen */
    memcpy(copy, data + 1, size - 1);
    ModelReply r;
    model_reply(&a, dialects[data[0] / 16 % ARRAY_LEN(dialects)],
                statuses[data[0] % 16 % ARRAY_LEN(statuses)], (Str){ copy, size - 1 }, 2,
                VALUE_ABSENT, &r);
    Value payload;
    ASSERT(json_read(&a, r.payload, &payload, NULL) == 0);
    ASSERT((r.outcome == OUTCOME_OK) == (r.kind == KIND_NONE));
    ASSERT(r.outcome == OUTCOME_OK || r.message.len > 0);
    ASSERT(r.usage.tokens_in >= 0 && r.usage.tokens_out >= 0 && r.usage.tokens_cached >= 0);
    if (r.outcome == OUTCOME_OK)
        check_answer(payload);
    free(copy);
    arena_deinit(&a);
    return 0;
}
