/* Which run was being applied when the process died: a page of DIR/mark, mapped, so that it survives any death of the
 * process. A run that brings the engine down each time it is touched would otherwise do so for ever (DESIGN.md section 8). */
#ifndef BATON_HOST_MARK_H
#define BATON_HOST_MARK_H

#include "base/str.h"

typedef struct MarkPage MarkPage;
typedef struct Mark {
    MarkPage *page;   /* NULL: not open */
    char suspect[72]; /* text; empty: none */
} Mark;

/* Judges what the last process left and begins anew. A file that cannot be had is no reason not to start: -errno, and
 * mark_set() does nothing. */
int mark_open(Mark *m, const char *dir);
/* About to apply facts of `run`; empty: done. */
void mark_set(Mark *m, Str run);
/* Everything ended well: old suspicions are forgotten. */
void mark_clear(Mark *m);
void mark_close(Mark *m);

#endif
