/* The tree as text and as JSON. */
#ifndef BATON_TRACE_DRAW_H
#define BATON_TRACE_DRAW_H

#include "trace/split.h"
#include "trace/words.h"

typedef struct DrawOptions {
    Ink ink;
    int64_t now_ms; /* for what has not ended */
    bool split;     /* the column of where the time went */
    unsigned lines; /* at most so many, the quiet parts folded; 0: all */
} DrawOptions;

/* One line for each node, then the sums. */
void draw_tree(Buf *b, const TraceTree *t, const DrawOptions *options);
/* "model 3.1s, tool 0.8s, own 12ms", the columns that are not empty. */
void draw_split(Buf *b, const TraceSplit *s);
/* { workflow, seq, paused, recoveries, nodes: [{ address, parent, kind, status, started, ended, us, split, attempts .. }] } */
Value draw_json(const TraceTree *t, int64_t now_ms, Arena *a);
/* One attempt: { number, outcome, kind?, message?, queued_us, took_us, tokens_in?, ... } */
Value draw_attempt_json(const TraceAttempt *at, Arena *a);

#endif
