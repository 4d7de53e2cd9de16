/* What a model has answered so far. Dialects (dialect.h) write into it, at once from a whole reply or event by event from a
 * stream; reply.h makes of it what the run keeps, which is the same either way. Pure, and capped: what passes LIMIT_JSON_BYTES
 * is dropped and told by answer_over(). */
#ifndef BATON_EXEC_MODEL_ANSWER_H
#define BATON_EXEC_MODEL_ANSWER_H

#include "base/value.h"
#include "kernel/fact.h"

/* More calls than this in one answer is a model running wild; the rest would only be refused one by one. */
#define ANSWER_CALLS_MAX 128
/* Parts of one answer that are kept to be echoed: some thoughts, texts and calls, with much to spare. */
#define ANSWER_PARTS_MAX 1024

typedef struct AnswerCall {
    int64_t slot;  /* what the provider counts its calls by */
    Str id, name;  /* empty: not said */
    Buf arguments; /* as text, which may come in pieces */
    Value given;   /* or as the object they are; absent: as text */
} AnswerCall;

/* Why it stopped. */
typedef enum AnswerEnd {
    ANSWER_OPEN, /* nothing was said of that */
    ANSWER_STOP,
    ANSWER_LENGTH,
    ANSWER_REFUSED, /* by the model or by a filter: `refusal` may say why */
    ANSWER_PAUSED,  /* it goes on when it is given back what it said */
} AnswerEnd;

typedef struct Answer {
    Arena *a;
    Value tools;   /* of the neutral request: a call gets its own name back; absent: none */
    unsigned turn; /* answers the conversation has already: ids that are made differ by it */
    Buf text, refusal;
    AnswerCall *calls;
    size_t n_calls, room;
    AnswerEnd end;
    bool whole;          /* the provider's last word was there */
    const char *problem; /* what came is no answer; NULL: none */
    Str model;           /* that answered; empty: not said */
    Value error;         /* that stood inside; absent: none */
    Usage usage;
    bool input_said, final_usage; /* of `usage`: is what it cost to ask there, and all of it? */
    uint64_t pieces;              /* of text, thought or arguments: each is a token at least */
    /* The answer part by part as the provider said it, for one that wants thoughts back unchanged. Kept only if something in
     * it is `sealed`: the rest can be made again of text and calls. */
    ListBuilder parts;
    bool sealed;
    /* Of the part under way, where a dialect has such: its beginning, what was thought, and its seal. */
    Value part;
    int64_t part_slot;
    size_t part_from; /* in `text` */
    Buf thought, seal;
} Answer;

void answer_init(Answer *answer, Arena *a, unsigned turn, Value tools);
void answer_deinit(Answer *answer);
bool answer_over(const Answer *answer);

void answer_words(Answer *answer, Str piece);
void answer_refusal(Answer *answer, Str piece);
/* The call of that slot, made if there is none. A new id in the slot of a call that has another is a call of its own: some
 * servers count all of them as 0. NULL: there are too many. */
AnswerCall *answer_call(Answer *answer, int64_t slot, Str id, Str name);
void answer_arguments(Answer *answer, AnswerCall *call, Value arguments);
void answer_model(Answer *answer, Str model);
void answer_fail(Answer *answer, Value error);
/* Copies the part; `sealed`: it cannot be made again of text and calls. */
void answer_part(Answer *answer, Value part, bool sealed);
/* Forgets text and calls, not what was said of usage, model and end. */
void answer_restart(Answer *answer);

/* ---- what dialects read with --------------------------------------------------------------------------------------------- */

/* VALUE_ABSENT of what is no map, and for null. */
Value field(Value v, const char *key);
/* Empty for what is no text. */
Str field_text(Value v, const char *key);
/* Not negative, and far from overflow. */
int64_t field_tokens(Value v, const char *key);
/* True and *ret if it is a number. */
bool field_number(Value v, const char *key, int64_t *ret);

#endif
