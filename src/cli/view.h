/* Drawing a run while it runs, on standard error: a tree redrawn in place on a terminal, plain lines elsewhere. */
#ifndef BATON_CLI_VIEW_H
#define BATON_CLI_VIEW_H

#include "trace/draw.h"

typedef struct View {
    bool terminal;
    Ink ink;
    unsigned drawn; /* lines of the live tree that stand on the terminal now */
    bool dirty;
    bool quiet; /* lines of steps that happened before are not repeated */
    int64_t last_ms;
} View;

void view_init(View *v);
/* A row was taken into the tree. */
void view_row(View *v, const TraceTree *t, const Row *row);
/* Time went by: redraws if something moves. */
void view_tick(View *v, const TraceTree *t, int64_t now_ms);
/* The live tree for the last time, whole, so that it stays. */
void view_finish(View *v, const TraceTree *t, int64_t now_ms);
/* Takes the live tree away, so that lines can be written; the next tick draws it again. */
void view_clear(View *v);

#endif
