/* What a command's bytes mean; pure. */
#ifndef BATON_EXEC_COMMAND_OUTPUT_H
#define BATON_EXEC_COMMAND_OUTPUT_H

#include "base/buf.h"
#include "exec/spawn.h"
#include "kernel/fact.h"

/* Standard output as a JSON text into `b`: a JSON document as it is but for white space around it, anything else as a
 * string without its last newline. */
void command_output(Buf *b, Str out);

/* The last bytes of a stream of any length, from a whole line on when something was dropped. */
typedef struct Tail {
    char *ring;
    size_t room, at; /* at: next byte to write */
    uint64_t total;
} Tail;
void tail_init(Tail *t, size_t room);
void tail_deinit(Tail *t);
void tail_add(Tail *t, Str bytes);
Str tail_text(const Tail *t, Arena *a);

/* How an end is judged: exit 0 is done, 75 (EX_TEMPFAIL of sysexits.h) asks for another try, any other code is the command's
 * own word that it failed. What was killed may have done its work: unknown. */
typedef struct CommandVerdict {
    Outcome outcome;
    Sent sent;
    ErrorKind kind;
} CommandVerdict;
CommandVerdict command_verdict(const SpawnEnd *end);

#endif
