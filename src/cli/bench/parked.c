/* 100,000 runs that wait for a signal; then a thousand of them get another one, which loads each and is kept for later. And 10,000
 * that wait for a person each, with a deadline.
 * What the processes then hold in memory, and what is on the disk after a clean stop. */
#include "cli/bench/rig.h"

#include <stdio.h>
#include <unistd.h>

#define RUNS 100000
#define TOUCHED 1000
#define ASKED 10000
/* Starts and signals under way at once: as many as a busy server has clients. */
#define AT_ONCE 256

typedef struct Parked {
    Rig rig;
    uint64_t runs;
    size_t touch, touched, answered; /* to be touched, and so far */
    bool failed;
} Parked;

static Str id_of(char text[static 32], size_t n) {
    snprintf(text, 32, "p%06zu", n);
    return str_from(text);
}

static void start_more(Parked *p) {
    char id[32];
    while (p->rig.started < p->runs && p->rig.started < p->rig.accepted + AT_ONCE)
        rig_start(&p->rig, id_of(id, (size_t)p->rig.started));
}

static void touched(void *ctx, const EngineReply *reply) {
    Parked *p = ctx;
    p->answered++;
    p->failed |= reply->answer != ENGINE_OK;
}

/* Spread over all of them. */
static void touch_more(Parked *p) {
    char id[32];
    while (p->touched < p->touch && p->touched < p->answered + AT_ONCE) {
        Str run = id_of(id, p->touched++ * ((size_t)p->runs / p->touch));
        engine_signal(host_engine(p->rig.host), run, STR(""), STR("other"), STR("{\"n\":1}"),
                      STR("bench"), touched, p);
    }
    host_wake(p->rig.host);
}

static void parked_turned(void *ctx) {
    Parked *p = ctx;
    if (p->rig.accepted < p->runs)
        start_more(p);
    else if (p->answered < p->touch)
        touch_more(p);
    else if (engine_quiet(host_engine(p->rig.host)))
        rig_quit(&p->rig);
}

static int park(BenchRun *b, Str closure, uint64_t runs, size_t touch) {
    Parked *p = ARENA_NEW(b->arena, Parked);
    const char *dir = bench_path(b, "data");
    p->runs = runs;
    p->touch = touch;
    p->rig = (Rig){ .closure = closure, .ctx = p, .turned = parked_turned };
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
    b->figures[0] = (double)runs;
    b->figures[1] = pss / (double)runs;
    b->figures[2] = bench_dir_bytes(dir) / (double)runs;
    b->figures[3] = pss / 1e6;
    return code;
}

int bench_parked(BenchRun *b) { return park(b, bench_wait(b->arena), RUNS, TOUCHED); }

int bench_asked(BenchRun *b) { return park(b, bench_ask(b->arena), ASKED, 0); }
