/* A test file, read: what plan_check() accepted as one (the block Test of spec/language.h). */
#ifndef BATON_TRY_FILE_H
#define BATON_TRY_FILE_H

#include "spec/diag.h"
#include "try/script.h"

typedef struct Expectation {
    Str source;
    unsigned line;
} Expectation;

typedef struct TryCase {
    Str name; /* "case 2" if it has none */
    unsigned line;
    Value with; /* absent: {} */
    Scripts scripts[SCRIPT_KINDS];
    Expectation *expect;
    size_t n_expect;
} TryCase;

typedef struct TryFile {
    Str name;     /* its path, as a person would call it */
    Str workflow; /* as it is written */
    Str *listen;  /* as they are written */
    size_t n_listen;
    Str record; /* as it is written; empty: none */
    Scripts scripts[SCRIPT_KINDS];
    unsigned n_scripts; /* of all kinds, file and cases */
    TryCase *cases;
    size_t n_cases;
    int64_t runs; /* 1 */
} TryFile;

enum { TRY_E_REFUSED = 1 };
/* `text` must outlive the file. */
int try_file_read(Arena *a, Str name, Str text, Diags *diags, TryFile *ret);

#endif
