#include "exec/model/answer.h"

#include "base/limits.h"

/* No provider counts further, and what multiplies it by a price stays far from overflow. */
#define TOKENS_MAX 1000000000000

void answer_init(Answer *answer, Arena *a, unsigned turn, Value tools) {
    *answer = (Answer){ .a = a,
                        .tools = tools,
                        .turn = turn,
                        .text = BUF_INIT(LIMIT_JSON_BYTES),
                        .refusal = BUF_INIT(LIMIT_JSON_BYTES),
                        .thought = BUF_INIT(LIMIT_JSON_BYTES),
                        .seal = BUF_INIT(LIMIT_JSON_BYTES),
                        .model = STR(""),
                        .error = VALUE_ABSENT,
                        .part = VALUE_ABSENT,
                        .parts = list_builder(a) };
}

static void forget_calls(Answer *answer) {
    for (size_t i = 0; i < answer->n_calls; i++)
        buf_deinit(&answer->calls[i].arguments);
    answer->n_calls = 0;
}

void answer_deinit(Answer *answer) {
    forget_calls(answer);
    buf_deinit(&answer->text);
    buf_deinit(&answer->refusal);
    buf_deinit(&answer->thought);
    buf_deinit(&answer->seal);
}

bool answer_over(const Answer *answer) {
    bool over = buf_over(&answer->text) || buf_over(&answer->refusal) ||
                buf_over(&answer->thought) || buf_over(&answer->seal);
    for (size_t i = 0; i < answer->n_calls; i++)
        over |= buf_over(&answer->calls[i].arguments);
    return over;
}

void answer_words(Answer *answer, Str piece) {
    answer->pieces += piece.len > 0;
    buf_str_add(&answer->text, piece);
}

void answer_refusal(Answer *answer, Str piece) { buf_str_add(&answer->refusal, piece); }

static AnswerCall *add_call(Answer *answer) {
    if (answer->n_calls == ANSWER_CALLS_MAX)
        return NULL;
    if (answer->n_calls == answer->room) {
        answer->room = answer->room ? answer->room * 2 : 4;
        AnswerCall *more = ARENA_ARRAY(answer->a, AnswerCall, answer->room);
        if (answer->n_calls)
            memcpy(more, answer->calls, answer->n_calls * sizeof *more);
        answer->calls = more;
    }
    AnswerCall *call = &answer->calls[answer->n_calls++];
    *call = (AnswerCall){ .id = STR(""),
                          .name = STR(""),
                          .arguments = BUF_INIT(LIMIT_JSON_BYTES),
                          .given = VALUE_ABSENT };
    return call;
}

static AnswerCall *call_in(Answer *answer, int64_t slot) {
    for (size_t i = answer->n_calls; i-- > 0;)
        if (answer->calls[i].slot == slot)
            return &answer->calls[i];
    return NULL;
}

AnswerCall *answer_call(Answer *answer, int64_t slot, Str id, Str name) {
    AnswerCall *call = call_in(answer, slot);
    bool another = call && id.len && call->id.len && !str_eq(id, call->id);
    if (!call || another)
        call = add_call(answer);
    if (!call)
        return NULL;
    call->slot = slot;
    if (id.len && !call->id.len)
        call->id = arena_str(answer->a, id);
    if (name.len && !call->name.len)
        call->name = arena_str(answer->a, name);
    return call;
}

void answer_arguments(Answer *answer, AnswerCall *call, Value arguments) {
    if (!call)
        return;
    answer->pieces++;
    if (value_is(arguments, V_MAP))
        call->given = value_copy(answer->a, arguments);
    else if (value_is(arguments, V_STRING))
        buf_str_add(&call->arguments, value_as_str(arguments));
}

void answer_model(Answer *answer, Str model) {
    if (model.len && !answer->model.len)
        answer->model = arena_str(answer->a, model);
}

void answer_fail(Answer *answer, Value error) {
    if (value_absent(answer->error) && !value_absent(error))
        answer->error = value_copy(answer->a, error);
}

void answer_part(Answer *answer, Value part, bool sealed) {
    if (!value_is(part, V_MAP))
        return;
    if (answer->parts.n < ANSWER_PARTS_MAX)
        list_add(&answer->parts, value_copy(answer->a, part));
    answer->sealed |= sealed;
}

void answer_restart(Answer *answer) {
    forget_calls(answer);
    buf_reset(&answer->text);
    buf_reset(&answer->refusal);
    answer->parts = list_builder(answer->a);
    answer->sealed = false;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------- */

Value field(Value v, const char *key) {
    Value found = value_is(v, V_MAP) ? value_getz(v, key) : VALUE_ABSENT;
    return value_is(found, V_NULL) ? VALUE_ABSENT : found;
}

Str field_text(Value v, const char *key) {
    Value found = field(v, key);
    return value_is(found, V_STRING) ? value_as_str(found) : STR("");
}

bool field_number(Value v, const char *key, int64_t *ret) {
    Value found = field(v, key);
    if (value_is(found, V_INT))
        *ret = MIN(MAX(found.i, 0), TOKENS_MAX);
    else if (value_is(found, V_DOUBLE))
        *ret = found.d >= (double)TOKENS_MAX ? TOKENS_MAX : found.d > 0 ? (int64_t)found.d : 0;
    else if (value_is(found, V_UINT))
        *ret = TOKENS_MAX;
    else
        return false;
    return true;
}

int64_t field_tokens(Value v, const char *key) {
    int64_t n = 0;
    field_number(v, key, &n);
    return n;
}
