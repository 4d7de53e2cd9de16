/* The whole program from fork to exit, for a run of one step: what a person waits for. And what it costs to have an engine
 * that has nothing to do. */
#include "cli/bench/bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 20
#define FIRST_ROUNDS 5
#define IDLE_S 2

static int write_hello(const char *path) {
    static const char text[] =
        "baton: 1\nname: hello\nsteps:\n  - { id: hello, tool: echo, with: { text: hello } }\n";
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0)
        return bench_fail("cannot write %s", path);
    return fclose(f) == 0 ? 0 : bench_fail("cannot write %s", path);
}

/* ms; below 0 if it failed. */
static double run_once(const char *file, const char *data, double *rss_bytes_max) {
    const char *argv[] = { "baton", "run", file, "--data", data, NULL };
    struct rusage use;
    int status;
    double began_s = bench_now_s();
    pid_t child = bench_spawn(argv);
    if (child < 0 || wait4(child, &status, 0, &use) != child || status != 0)
        return -1;
    double ms = (bench_now_s() - began_s) * 1e3;
    *rss_bytes_max = MAX(*rss_bytes_max, (double)use.ru_maxrss * 1024);
    return ms;
}

static int median_run(BenchRun *b, const char *file, size_t rounds, bool anew, double *ret_ms,
                      double *rss) {
    double ms[ROUNDS];
    for (size_t i = 0; i < rounds; i++) {
        const char *data = bench_path(b, arena_fmt(b->arena, "data%zu", anew ? i : 0).p);
        ms[i] = run_once(file, data, rss);
        if (ms[i] < 0)
            return bench_fail("`baton run %s` failed", file);
    }
    *ret_ms = bench_median(ms, rounds);
    return 0;
}

/* ---- idle ---- */

static bool wait_for(const char *path) {
    struct stat st;
    for (int i = 0; i < 500; i++) {
        if (stat(path, &st) == 0)
            return true;
        usleep(10000);
    }
    return false;
}

static int measure_idle(BenchRun *b, double *ret_cpu_percent, double *ret_pss_bytes) {
    const char *data = bench_path(b, "idle");
    const char *argv[] = { "baton", "serve", "--data", data, NULL };
    pid_t child = bench_spawn(argv);
    bool up = child > 0 && wait_for(bench_path(b, "idle/sock"));
    usleep(300000);
    double cpu_s = bench_cpu_s_of(child), from_s = bench_now_s();
    sleep(IDLE_S);
    *ret_cpu_percent = (bench_cpu_s_of(child) - cpu_s) / (bench_now_s() - from_s) * 100;
    *ret_pss_bytes = bench_tree_pss_bytes(child);
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
    }
    return up ? 0 : bench_fail("`baton serve` did not begin");
}

int bench_start(BenchRun *b) {
    const char *file = bench_path(b, "hello.yaml");
    double rss = 0, pss = 0;
    struct stat binary;
    int code = write_hello(file);
    if (code == 0)
        code = median_run(b, file, FIRST_ROUNDS, true, &b->figures[1], &rss);
    if (code == 0)
        code = median_run(b, file, ROUNDS, false, &b->figures[0], &rss);
    if (code == 0)
        code = measure_idle(b, &b->figures[3], &pss);
    b->figures[2] = rss / 1e6;
    b->figures[4] = pss / 1e6;
    b->figures[5] = stat("/proc/self/exe", &binary) == 0 ? (double)binary.st_size / 1e6 : 0;
    return code;
}
