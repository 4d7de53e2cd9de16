/* A cassette: what a run recorded, as `baton record` wrote it, for what no script of a test answers. Either every outcome by
 * address and request (`--all`), or model answers as a file of the scripted model. */
#ifndef BATON_TRY_CASSETTE_H
#define BATON_TRY_CASSETTE_H

#include "base/hash.h"
#include "exec/scripted_file.h"

typedef struct Cassette {
    Str name;
    Value input;        /* of the run; absent: not known */
    Value outcomes;     /* a list; absent: it is a file of replies */
    ScriptedFile *file; /* NULL: it is not */
} Cassette;

/* `text` must outlive it. False: *ret_problem, in `a`. */
bool cassette_read(Arena *a, Str name, Str text, Cassette *ret, Str *ret_problem);
void cassette_deinit(Cassette *c);
/* The outcome recorded for an address and the hash of a request; absent: there is none. *ret_other: but one of another request. */
Value cassette_find(const Cassette *c, Str address, const Hash *hash, bool *ret_other);

#endif
