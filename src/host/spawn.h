/* The engine's side of the helper: implements exec/spawn.h. */
#ifndef BATON_HOST_SPAWN_H
#define BATON_HOST_SPAWN_H

#include "base/base.h"
#include "exec/spawn.h"

#include <sys/types.h>
#include <uv.h>

typedef struct SpawnedCommand SpawnedCommand;
typedef struct Spawner {
    int socket; /* -1: the helper is gone */
    pid_t helper;
    uv_poll_t *poll;
    SpawnedCommand *commands;
    uint64_t last;
    void (*died)(void *ctx); /* may be NULL */
    void *ctx;
} Spawner;

/* Forks the helper. Call it before the process has threads or anything the helper should not inherit. -errno or 0. */
int spawner_fork(Spawner *s, const char *dir);
/* Waits until no earlier helper of the directory is left, at most timeout_ms. 0 or -errno (-ETIMEDOUT). */
int spawner_hold(Spawner *s, int timeout_ms);
void spawner_listen(Spawner *s, uv_loop_t *loop);
SpawnPort spawner_port(Spawner *s);
/* Kills every command and waits for the helper's end; run the loop afterwards to close its handle. */
void spawner_close(Spawner *s);

#endif
