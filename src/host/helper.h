/* The helper: a small process, forked before the engine has threads, a store or secrets in memory, that starts commands.
 * Spawn cost therefore does not grow with the engine, and what the commands leave behind dies with the engine.
 *
 *   engine ==socket== helper --fork--> supervisor (one per command, reaper of its whole tree) --fork--> command
 *
 * - The helper dies with its socket: at its end it has every supervisor kill its tree, waits for all of them, and goes.
 * - A supervisor dies with the helper (PDEATHSIG) and kills its tree first.
 * - Helper and supervisors hold one lock, DIR/helper.lock, until the last of them is gone: a new engine that has asked for
 *   it (HELPER_HOLD) knows that nothing of the old one still runs.
 *
 * Messages are one packet each on a SOCK_SEQPACKET pair. HELPER_SPAWN brings four descriptors: a memory file with the
 * arguments, and the command's standard input, output and error. Supervisors answer on the helper's socket themselves. */
#ifndef BATON_HOST_HELPER_H
#define BATON_HOST_HELPER_H

#include "exec/spawn.h"

#include <stddef.h>
#include <sys/types.h>

typedef enum HelperOp {
    HELPER_HOLD = 1, /* wait until no earlier helper is left, then answer HELPER_HELD */
    HELPER_SPAWN,
    HELPER_STOP, /* SIGTERM, a short grace, SIGKILL */
    HELPER_KILL, /* SIGKILL at once */
    HELPER_HELD,
    HELPER_ENDED,
} HelperOp;

typedef struct HelperRequest {
    uint32_t op, unused;
    uint64_t command;
} HelperRequest;

typedef struct HelperReply {
    uint32_t op;
    uint32_t stage; /* SpawnStage; of HELPER_HELD: 0 */
    int32_t error;  /* errno; of HELPER_HELD: 0 if the lock is held */
    int32_t status; /* of waitpid() */
    uint32_t lost, unused;
    uint64_t command;
    int64_t cpu_us, peak_bytes;
} HelperReply;

#define HELPER_FDS 4

/* What stands in the memory file: this, then argv, env and cwd as NUL-terminated texts. */
typedef struct HelperSpec {
    uint32_t argc, envc;
    uint32_t n_read, n_write; /* paths of its sandbox, before `cwd` */
    bool off, reads, writes, no_network;
    CommandBounds bounds;
} HelperSpec;

/* Forks the helper for directory `dir` (which need not exist yet) and gives the engine's end of the socket, non-blocking;
 * -errno on failure. */
int helper_fork(const char *dir, pid_t *ret_pid);

/* supervisor.c: the rest of the life of a process just forked by the helper. fds as in HELPER_SPAWN; closes them. */
_Noreturn void supervisor_run(int socket, pid_t helper, uint64_t command, const int fds[HELPER_FDS],
                              const char *dir);
/* SIGKILL to every child but the `n` named ones. True if there was any to kill. */
bool supervisor_kill_children(const pid_t *but, size_t n);

#endif
