/* Two workflows on the same inputs: what became of each run, and what that comes to. */
#ifndef BATON_CLI_COMPARED_H
#define BATON_CLI_COMPARED_H

#include "base/value.h"
#include "trace/words.h"

typedef struct ComparedRun {
    Str id, status; /* "waiting" if it waits for somebody */
    Value output;   /* null unless it succeeded */
    Str error;
    double score; /* what --check says of it: 1 true, 0 false, or a number; 0 unless it succeeded */
    int64_t cost_nano, tokens, calls, took_ms;
} ComparedRun;

typedef struct ComparedRow {
    Value input, expected; /* expected: absent if the data has none */
    ComparedRun of[2];
    double same; /* what --same says of both: 1 where they are the same */
} ComparedRow;

typedef struct Compared {
    const char *files[2];
    ComparedRow *rows;
    size_t n;
    const char *check, *same; /* expressions; NULL: none, equal */
} Compared;

void compared_write(Buf *b, const Compared *c, const Ink *ink);
Value compared_value(const Compared *c, Arena *a);

#endif
