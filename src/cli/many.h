/* One command for many runs: `baton cancel A B C`, `baton ps --failed -o ids | baton retry -`. Each is told by itself and
 * reported by itself; nothing is taken back if one of them refuses. */
#ifndef BATON_CLI_MANY_H
#define BATON_CLI_MANY_H

#include "cli/command.h"

#include "base/value.h"

typedef struct ManyOptions {
    const char *route; /* below /v1/runs/ID/ */
    Value body;
    const char *done; /* "cancelled" */
    /* The runs go on afterwards: where no engine runs, one is started in the background. */
    bool carries;
    size_t n_words; /* so many of the words name runs; the rest is the command's own */
} ManyOptions;

/* Do the first `n` words name anything but one run? `-` reads ids from standard input. */
bool many_asked(const Args *args, size_t n);
/* EXIT_OK, or the code of the first that could not be told. With --dry-run nobody is. */
int many_tell(const Args *args, const ManyOptions *options);

#endif
