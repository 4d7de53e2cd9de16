/* What a command may take of the machine: held by the kernel for each of its processes, from before its program begins.
 *
 * The engine's operator sets them in BATON_COMMAND_LIMITS, as in "memory=4GiB file=1GiB files=256 processes=200 cpu=10m"; what is
 * not said there is as in base/limits.h, and `none` takes a bound away. */
#ifndef BATON_EXEC_BOUNDS_H
#define BATON_EXEC_BOUNDS_H

#include "base/str.h"

typedef struct CommandBounds { /* 0: none */
    uint64_t
        cpu_s; /* of one process; one with a timeout cannot use more than fits into it anyway */
    uint64_t memory_bytes; /* private memory that may be written, of one process */
    uint64_t file_bytes;   /* the largest file that may be written */
    uint64_t files;        /* open at once, of one process */
    uint64_t processes;    /* of the user at once; not held for root */
} CommandBounds;

CommandBounds command_bounds_default(void);
#define BOUNDS_PROBLEM_BYTES 160
/* Empty text: the defaults. False with `problem`. */
bool command_bounds_read(Str text, CommandBounds *ret, char problem[BOUNDS_PROBLEM_BYTES]);

#endif
