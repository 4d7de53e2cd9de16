/* What `baton test` found, and how it is told: as text, TAP, JUnit's XML and JSON. */
#ifndef BATON_CLI_TESTED_H
#define BATON_CLI_TESTED_H

#include "trace/words.h"
#include "try/case.h"

typedef struct TestedFile {
    Str name;    /* as a person would call it */
    Str problem; /* lines: why none of its cases could be tried; empty: they were */
    CaseResult *cases;
    size_t n;
} TestedFile;

typedef struct Tested {
    TestedFile *files;
    size_t n;
    size_t passed, failed; /* cases; a file that cannot be tried is one that failed */
} Tested;

void tested_write_case(Buf *b, const TestedFile *f, const CaseResult *c, const Ink *ink);
void tested_write_sum(Buf *b, const Tested *t, const Ink *ink);
void tested_write_tap(Buf *b, const Tested *t);
void tested_write_junit(Buf *b, const Tested *t);
Value tested_value(const Tested *t, Arena *a);
static inline bool case_passed(const CaseResult *c) { return c->passed == c->runs; }

#endif
