/* What is wrong with a file, for a person: what, where, why, and what to write instead. A check never stops at the first
 * problem; the list is capped. */
#ifndef BATON_SPEC_DIAG_H
#define BATON_SPEC_DIAG_H

#include "base/arena.h"
#include "base/buf.h"

#define DIAGS_MAX 50

typedef struct Pos {
    Str file;
    unsigned line, column; /* from 1; column in code points; 0: the file as a whole */
} Pos;

typedef struct Diag {
    Pos pos;
    bool warning; /* lint; the file is accepted */
    Str code;     /* stable word for tests and tools: "unknown_key", "cycle", "type" ... */
    Str message;  /* "unknown key `promt` in an agent" */
    Str remedy;   /* "did you mean `instructions`?"; may be empty */
    Str source;   /* the line of the file, for the caret; may be empty */
} Diag;

/* A file that is being checked. */
typedef struct DiagFile DiagFile;
struct DiagFile {
    const DiagFile *older;
    Str name, text;
    unsigned rank; /* in the order of reading */
};

typedef struct Diags {
    Arena *arena;
    const DiagFile *files; /* newest first; give each problem its line and its place in the list */
    Diag items[DIAGS_MAX];
    size_t n, errors;
} Diags;

/* From here on problems in the file `name` show their line of `text`. Both and `a` must outlive diags_done(). */
void diags_read(Diags *d, Arena *a, Str name, Str text);
/* Sorts into the order of reading, because checks that run later find problems further up, and lets go of the files. */
void diags_done(Diags *d);
/* remedy may be NULL. Message is formatted into the arena. The same problem at the same place is kept once. */
void diag_error(Diags *d, Pos pos, const char *code, const char *remedy, const char *fmt, ...)
    PRINTF(5, 6);
void diag_warn(Diags *d, Pos pos, const char *code, const char *remedy, const char *fmt, ...)
    PRINTF(5, 6);
/* "file:3:7: error: message\n    remedy\n" with the source line and a caret. */
void diag_write(Buf *b, const Diag *d);

#endif
