/* How a command is confined, beyond what no command may do (host/confine.h). */
#ifndef BATON_SPEC_SANDBOX_H
#define BATON_SPEC_SANDBOX_H

#include "base/arena.h"

typedef struct Sandbox {
    bool off;           /* `sandbox: false`: as if started by hand */
    bool reads, writes; /* `read`, `write` are said: nothing but these */
    bool no_network;
    Str *read, *write; /* paths, relative to the folder of the file */
    size_t n_read, n_write;
} Sandbox;
Sandbox sandbox_copy(const Sandbox *from, Arena *a);

#endif
