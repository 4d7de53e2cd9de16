/* One run that fans out to 1,000 steps and adds up what they gave: from asking for it to its last durable row. */
#include "cli/bench/rig.h"

#define ROUNDS 15

typedef struct Fan {
    Rig rig;
    size_t n;
    double began_s, ms[ROUNDS];
    bool failed;
} Fan;

static void begin(Fan *f) {
    f->began_s = bench_now_s();
    rig_start(&f->rig, STR(""));
}

static void fan_row(void *ctx, const EngineEvent *event) {
    Fan *f = ctx;
    if (!event->ended)
        return;
    f->ms[f->n++] = (bench_now_s() - f->began_s) * 1e3;
    f->failed |= !event->state || run_status(event->state) != RUN_OK;
    if (f->failed || f->n == ROUNDS)
        rig_quit(&f->rig);
    else
        begin(f);
}

int bench_fan_1000(BenchRun *b) {
    Fan *f = ARENA_NEW(b->arena, Fan);
    f->rig = (Rig){ .closure = bench_fan(b->arena), .ctx = f, .row = fan_row };
    int code = rig_open(&f->rig, bench_path(b, "data"));
    if (code == 0) {
        begin(f);
        code = rig_run(&f->rig);
    }
    rig_close(&f->rig);
    if (code == 0 && f->failed)
        code = bench_fail("the run did not succeed");
    if (code == 0)
        b->figures[0] = bench_median(f->ms, f->n);
    return code;
}
