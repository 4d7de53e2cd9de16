/* The file of a scripted model: replies chosen by match (docs/scripted.md). Pure: text in, reply out. */
#ifndef BATON_EXEC_SCRIPTED_FILE_H
#define BATON_EXEC_SCRIPTED_FILE_H

#include "base/limits.h"
#include "base/value.h"
#include "engine/ports.h"

/* What is asked, as far as a match can look at it. */
typedef struct ScriptedAsk {
    Str agent;
    Str user;     /* the last user message */
    Str system;   /* all system messages */
    Str tool;     /* name of the tool whose result stands last; empty if none does */
    Str result;   /* that result */
    int64_t turn; /* 1 for the first answer to the last user message */
    int64_t attempt;
    int64_t call; /* of this file, since the engine started, from 1 */
} ScriptedAsk;

typedef struct ScriptedReply {
    unsigned line;
    Value match;    /* a checked map; VALUE_ABSENT: fits always */
    Value reply;    /* VALUE_ABSENT if calls or fail */
    Value calls;    /* list of { tool, with } */
    ErrorKind fail; /* KIND_NONE: it succeeds */
    Str message;
    Str finish; /* empty: what follows from the rest */
    int64_t delay_ms, retry_after_ms;
    int64_t repeat; /* the text so many times over */
    Value usage;    /* { in, out, cached } or absent */
} ScriptedReply;

typedef struct ScriptedFile {
    Arena arena;
    ScriptedReply *replies;
    size_t n;
} ScriptedFile;

enum { SCRIPTED_E_REFUSED = 1 };
/* `text` must outlive the file. On SCRIPTED_E_REFUSED *ret_problem, in `a`, says what is wrong and where. */
int scripted_parse(Str name, Str text, ScriptedFile **ret_file, Arena *a, Str *ret_problem);
ScriptedFile *scripted_file_free(ScriptedFile *f);

/* From a neutral model request; in `a` where it must be joined. attempt and call are left to the caller. */
ScriptedAsk scripted_ask(Value request, Str agent, Arena *a);
/* The first reply that fits, or NULL. */
const ScriptedReply *scripted_find(const ScriptedFile *f, const ScriptedAsk *ask);
/* "agent `writer`, turn 2, user "..." - no match: line 2 (user), line 7 (turn), ..." */
Str scripted_explain(const ScriptedFile *f, const ScriptedAsk *ask, Arena *a);
/* The neutral reply of docs/models.md as JSON text, STR_NULL if it is too large; not for one that fails. */
Str scripted_payload(const ScriptedReply *reply, const ScriptedAsk *ask, Str model, Arena *a);
/* How an attempt ends that it makes fail. */
void scripted_failure(const ScriptedReply *reply, Arena *a, Completion *ret);
/* What it says, or a token for each four bytes. */
Usage scripted_usage(const ScriptedReply *reply, Value request, Str payload, Arena *a);

typedef struct ScriptedTake { /* what was asked once, and what a model said to it */
    ScriptedAsk ask;
    Value output; /* the neutral reply of docs/models.md */
    Usage usage;
    size_t number; /* scripted_write()'s */
} ScriptedTake;
/* Appends a file that answers like that. Sorts the takes. Returns how many are left out, because the same question had
 * another answer. */
size_t scripted_write(Buf *b, ScriptedTake *takes, size_t n);

#endif
