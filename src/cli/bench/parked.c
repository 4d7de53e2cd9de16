/* 100,000 runs that wait for a signal; then a thousand of them get another one, which loads each and is kept for later.
 * What the processes then hold in memory, and what is on the disk after a clean stop. */
#include "cli/bench/rig.h"

#include <stdio.h>
#include <unistd.h>

#define RUNS 100000
#define TOUCHED 1000
/* Starts and signals under way at once: as many as a busy server has clients. */
#define AT_ONCE 256

typedef struct Parked {
    Rig rig;
    size_t touched, answered;
    bool failed;
} Parked;

static Str id_of(char text[static 16], size_t n) {
    snprintf(text, 16, "p%06zu", n);
    return str_from(text);
}

static void start_more(Parked *p) {
    char id[16];
    while (p->rig.started < RUNS && p->rig.started < p->rig.accepted + AT_ONCE)
        rig_start(&p->rig, id_of(id, (size_t)p->rig.started));
}

static void touched(void *ctx, const EngineReply *reply) {
    Parked *p = ctx;
    p->answered++;
    p->failed |= reply->answer != ENGINE_OK;
}

/* Spread over all of them. */
static void touch_more(Parked *p) {
    char id[16];
    while (p->touched < TOUCHED && p->touched < p->answered + AT_ONCE) {
        Str run = id_of(id, p->touched++ * (RUNS / TOUCHED));
        engine_signal(host_engine(p->rig.host), run, STR(""), STR("other"), STR("{\"n\":1}"),
                      STR("bench"), touched, p);
    }
    host_wake(p->rig.host);
}

static void parked_turned(void *ctx) {
    Parked *p = ctx;
    if (p->rig.accepted < RUNS)
        start_more(p);
    else if (p->answered < TOUCHED)
        touch_more(p);
    else if (engine_quiet(host_engine(p->rig.host)))
        rig_quit(&p->rig);
}

int bench_parked(BenchRun *b) {
    Parked *p = ARENA_NEW(b->arena, Parked);
    const char *dir = bench_path(b, "data");
    p->rig = (Rig){ .closure = bench_wait(b->arena), .ctx = p, .turned = parked_turned };
    int code = rig_open(&p->rig, dir);
    if (code == 0) {
        start_more(p);
        code = rig_run(&p->rig);
    }
    double pss = bench_tree_pss_bytes(getppid());
    if (code == 0)
        code = rig_stop(&p->rig);
    rig_close(&p->rig);
    if (code == 0 && p->failed)
        code = bench_fail("a signal was refused");
    b->figures[0] = RUNS;
    b->figures[1] = pss / RUNS;
    b->figures[2] = bench_dir_bytes(dir) / RUNS;
    b->figures[3] = pss / 1e6;
    return code;
}
