/* An engine with 10,000 runs in flight is killed with SIGKILL; how long until the next one has moved each of them?
 *
 * The clock starts before the directory is opened and stops when the last of the runs has had a durable row again. The
 * chains are so long that none of them is near its end. */
#include "cli/bench/rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS 10000
#define CHAIN_STEPS 100

typedef struct Recovery {
    Rig rig;
    int told; /* pipe */
    size_t n_moved;
    bool moved[RUNS];
} Recovery;

/* ---- the engine that is killed ---- */

static void all_accepted(void *ctx) {
    Recovery *r = ctx;
    if (r->rig.accepted == RUNS && r->told >= 0 && write(r->told, "!", 1) == 1)
        r->told = -1;
}

static void start_them(Recovery *r) {
    char id[16];
    for (size_t i = 0; i < RUNS; i++) {
        snprintf(id, sizeof id, "r%05zu", i);
        rig_start(&r->rig, str_from(id));
    }
}

_Noreturn static void be_killed(BenchRun *b, Str closure, int told) {
    Recovery *r = ARENA_NEW(b->arena, Recovery);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    r->told = told;
    r->rig = (Rig){ .closure = closure, .ctx = r, .turned = all_accepted };
    if (rig_open(&r->rig, bench_path(b, "data")) == 0) {
        start_them(r);
        rig_run(&r->rig);
    }
    _exit(1);
}

static int leave_a_crash(BenchRun *b, Str closure) {
    int ends[2];
    char said = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return bench_fail("no pipe");
    pid_t child = fork();
    if (child == 0)
        be_killed(b, closure, ends[1]);
    close(ends[1]);
    ssize_t n = read(ends[0], &said, 1);
    close(ends[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return n == 1 ? 0 : bench_fail("the first engine ended by itself");
}

/* ---- the one that goes on ---- */

static void moved(void *ctx, const EngineEvent *event) {
    Recovery *r = ctx;
    uint64_t n;
    if (!str_to_u64(str_slice(event->run, 1, event->run.len), &n) || n >= RUNS || r->moved[n])
        return;
    r->moved[n] = true;
    if (++r->n_moved == RUNS)
        rig_quit(&r->rig);
}

int bench_recovery(BenchRun *b) {
    Str closure = bench_chain(b->arena, CHAIN_STEPS, "keyed");
    int code = leave_a_crash(b, closure);
    if (code != 0)
        return code;
    Recovery *r = ARENA_NEW(b->arena, Recovery);
    r->rig = (Rig){ .closure = closure, .ctx = r, .row = moved };
    double began_s = bench_now_s(), cpu_s = bench_cpu_s();
    code = rig_open(&r->rig, bench_path(b, "data"));
    if (code == 0)
        code = rig_run(&r->rig);
    b->figures[0] = RUNS;
    b->figures[1] = (bench_now_s() - began_s) * 1e3;
    b->figures[2] = (bench_cpu_s() - cpu_s) * 1e6 / RUNS;
    rig_close(&r->rig);
    return code;
}
