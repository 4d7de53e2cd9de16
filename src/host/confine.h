/* What a process gives up before it becomes a command, and cannot have back, nor can any that it starts.
 *
 *   always         no new rights by setuid programs, none of root's that concern the machine; no descriptor but its three; no
 *                  system calls that no command needs (seccomp.c); a Landlock domain of its own, out of which it looks into no
 *                  other process
 *   where asked    reads and writes below given paths only; no sockets
 *
 * A layer that was asked for and that the kernel lacks is a failure; of the others those hold that the kernel has. */
#ifndef BATON_HOST_CONFINE_H
#define BATON_HOST_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Confine {
    bool off, reads, writes, no_network;
    char *const *read, *const *write; /* absolute paths; NULL at the end */
    const char *store;                /* no path that is given may hold it, nor lie in it */
} Confine;

/* 0 or errno. ENOTSUP: the kernel lacks what was asked for; EXDEV: a path holds the store. */
int confine_self(const Confine *c);

/* ---- layers (landlock.c, seccomp.c) ------------------------------------------------------------------------------------ */

/* Version of Landlock that the kernel speaks; 0: none. */
int landlock_version(void);
int landlock_self(const Confine *c);

bool seccomp_there(void);
int seccomp_self(bool no_sockets);

#endif
