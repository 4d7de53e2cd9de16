/* Chains of echo steps: many at once for what the machine can do, one at a time for how long a durable step takes.
 *
 * Many at once is measured in windows of a second, after half a second to get going; the median window counts. */
#include "cli/bench/rig.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/say.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHAIN_STEPS 10
#define IN_FLIGHT 64
#define WARM_S 0.5
#define WINDOW_S 1.0
#define WINDOWS_MAX 60

typedef struct Windows {
    Rig rig;
    size_t n, wanted;
    uint64_t steps, steps_then;
    double now, then_s, cpu_then_s, warm_until_s;
    double steps_per_s[WINDOWS_MAX], cpu_us_per_step[WINDOWS_MAX];
    bool warm, draining;
} Windows;

static void begin_window(Windows *w, double now_s) {
    w->then_s = now_s;
    w->cpu_then_s = bench_cpu_s();
    w->steps_then = w->steps;
}

static void end_window(Windows *w, double now_s) {
    double steps = (double)(w->steps - w->steps_then);
    w->steps_per_s[w->n] = steps / (now_s - w->then_s);
    w->cpu_us_per_step[w->n] = (bench_cpu_s() - w->cpu_then_s) * 1e6 / MAX(steps, 1);
    w->n++;
    begin_window(w, now_s);
}

static void window_turned(void *ctx) {
    Windows *w = ctx;
    double now_s = bench_now_s();
    if (!w->warm && now_s >= w->warm_until_s) {
        w->warm = true;
        begin_window(w, now_s);
    } else if (w->warm && !w->draining && now_s >= w->then_s + WINDOW_S) {
        end_window(w, now_s);
        w->draining = w->n == w->wanted;
    }
    if (w->draining && w->steps == w->rig.started * CHAIN_STEPS)
        rig_quit(&w->rig);
}

static void window_row(void *ctx, const EngineEvent *event) {
    Windows *w = ctx;
    if (!event->ended)
        return;
    w->steps += CHAIN_STEPS;
    if (!w->draining)
        rig_start(&w->rig, STR(""));
}

/* Every run that was started has ended when this returns. */
static int measure_windows(BenchRun *b, const char *effect, const char *dir, Windows *w) {
    w->wanted = (size_t)MAX(1, MIN(b->seconds, WINDOWS_MAX));
    w->rig = (Rig){ .closure = bench_chain(b->arena, CHAIN_STEPS, effect),
                    .ctx = w,
                    .row = window_row,
                    .turned = window_turned };
    int code = rig_open(&w->rig, dir);
    w->warm_until_s = bench_now_s() + WARM_S;
    for (size_t i = 0; i < IN_FLIGHT && code == 0; i++)
        rig_start(&w->rig, STR(""));
    if (code == 0)
        code = rig_run(&w->rig);
    if (code == 0)
        code = rig_stop(&w->rig);
    rig_close(&w->rig);
    return code;
}

int bench_chain_keyed_64(BenchRun *b) {
    Windows *w = ARENA_NEW(b->arena, Windows);
    int code = measure_windows(b, "keyed", bench_path(b, "data"), w);
    if (code != 0)
        return code;
    b->figures[0] = bench_median(w->steps_per_s, w->n);
    b->figures[1] = bench_median(w->cpu_us_per_step, w->n);
    return 0;
}

/* ---- pure: what ran ahead of the disk must all be there ---- */

static Str output_of(BenchRun *b, FILE *f) {
    Buf out = BUF_INIT(MIB);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_add(&out, part, n);
    Str text = arena_str(b->arena, buf_str(&out));
    buf_deinit(&out);
    return text;
}

/* `baton verify --json`: folds every run from the first fact and compares each move. */
static int64_t steps_in_the_journal(BenchRun *b, const char *dir) {
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        execl("/proc/self/exe", "baton", "verify", "--json", "--data", dir, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    Str text = f ? output_of(b, f) : STR("");
    if (f)
        fclose(f);
    waitpid(child, NULL, 0);
    Value answer;
    if (json_read(b->arena, text, &answer, NULL) != 0 || !value_getz(answer, "ok").b)
        return -1;
    Value steps = value_getz(answer, "steps");
    return value_is(steps, V_INT) ? steps.i : -1;
}

int bench_chain_pure_64(BenchRun *b) {
    Windows *w = ARENA_NEW(b->arena, Windows);
    const char *dir = bench_path(b, "data");
    int code = measure_windows(b, "pure", dir, w);
    if (code != 0)
        return code;
    say_line("  counting %llu steps in the journal ...", (unsigned long long)w->steps);
    int64_t found = steps_in_the_journal(b, dir);
    if (found != (int64_t)w->steps)
        return bench_fail("%llu pure steps were told, %lld are in the journal",
                          (unsigned long long)w->steps, (long long)found);
    b->figures[0] = bench_median(w->steps_per_s, w->n);
    b->figures[1] = bench_median(w->cpu_us_per_step, w->n);
    b->figures[2] = (double)found;
    return 0;
}

/* ---- one at a time ---- */

#define ROWS_MAX 100000

typedef struct Paces {
    Rig rig;
    double last_s, until_s;
    size_t n;
    double us[ROWS_MAX]; /* between two durable rows of one run: a step */
} Paces;

static void pace_row(void *ctx, const EngineEvent *event) {
    Paces *p = ctx;
    double now_s = bench_now_s();
    if (event->seq > 1 && p->n < ROWS_MAX)
        p->us[p->n++] = (now_s - p->last_s) * 1e6;
    p->last_s = now_s;
    if (!event->ended)
        return;
    if (now_s >= p->until_s)
        rig_quit(&p->rig);
    else
        rig_start(&p->rig, STR(""));
}

int bench_chain_keyed_1(BenchRun *b) {
    Paces *p = ARENA_NEW(b->arena, Paces);
    p->rig =
        (Rig){ .closure = bench_chain(b->arena, CHAIN_STEPS, "keyed"), .ctx = p, .row = pace_row };
    int code = rig_open(&p->rig, bench_path(b, "data"));
    if (code == 0) {
        p->until_s = bench_now_s() + b->seconds;
        rig_start(&p->rig, STR(""));
        code = rig_run(&p->rig);
    }
    rig_close(&p->rig);
    if (code != 0)
        return code;
    b->figures[0] = bench_median(p->us, p->n);
    return 0;
}
