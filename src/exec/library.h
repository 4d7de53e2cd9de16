/* Shared libraries that are loaded when they are first needed: with all that stands behind them they would cost every start
 * of the program milliseconds and every process megabytes. A table of function pointers is filled by name. */
#ifndef BATON_EXEC_LIBRARY_H
#define BATON_EXEC_LIBRARY_H

#include <stddef.h>

typedef struct LibraryFunction {
    const char *name;
    size_t offset; /* of its pointer in the table */
} LibraryFunction;

/* Loads `soname` and fills `table`, of which nothing may be used on failure. Never unloaded: TLS libraries do not
 * bear it. NULL when all is there, else what is wrong, for people; `too_old` is said of a library
 * without one of the functions. */
const char *library_load(const char *soname, const LibraryFunction *functions, size_t n,
                         const char *too_old, void *table);

#endif
