/* What people are asked, on this terminal: shown whole and harmless, and answered. A yes carries the hash of what was shown, so
 * that nobody agrees to what was changed meanwhile. */
#ifndef BATON_CLI_ASKED_H
#define BATON_CLI_ASKED_H

#include "cli/command.h"
#include "cli/link.h"
#include "trace/words.h"

/* What is open at the step of the run (NULL: the only one there is), as the API gives it. An exit code with a message, or 0. */
int asked_find(const Args *args, Link *l, Str run, const char *step, Value *ret_item);

/* The question, who may answer, and what is agreed to; no more than `lines_max` lines of that (0: all). True if it was cut. */
bool asked_write(Buf *b, Value item, size_t lines_max, const Ink *ink);

/* How a value was changed: lines with - and +, or nothing if that is more than a screen. */
void asked_write_change(Buf *b, Value before, Value after, const Ink *ink);

/* The value in the editor of $VISUAL or $EDITOR, while the loop of the link (NULL: there is none) goes on. EXIT_USAGE with a
 * message if there is no editor, or what it left is not JSON. */
int asked_edit(Arena *a, Link *l, Value value, Value *ret_value);

/* The body of POST /v1/runs/{run}/approvals. */
typedef struct AskedAnswer {
    const char *verdict; /* approve, reject, revise, answer; NULL: later */
    Value value;         /* absent: none */
    Str words;
} AskedAnswer;
Value asked_body(Arena *a, Value item, const AskedAnswer *answer, Str from);

/* Asks at the terminal. `line` gives a line that was typed, or false: nobody answers, or nothing is asked any more. */
typedef struct AskedTalk {
    Arena *a;
    Ink ink;
    Link *link; /* whose loop goes on meanwhile; NULL: none */
    bool (*line)(void *ctx, Str prompt, Str *ret_line);
    void *ctx;
} AskedTalk;
AskedAnswer asked_talk(const AskedTalk *t, Value item);

#endif
