/* What the cases of `baton bench` share.
 *
 * Each case runs in a process of its own, so that its CPU time and its memory are its own, in a directory of its own on
 * the disk that is measured. It gives one number for each figure of its row in cmd_bench.c. */
#ifndef BATON_CLI_BENCH_BENCH_H
#define BATON_CLI_BENCH_BENCH_H

#include "base/arena.h"

#include <sys/types.h>

#define BENCH_FIGURES_MAX 6

typedef struct BenchRun {
    const char *dir; /* exists, is empty, and is removed afterwards */
    double seconds;  /* how long a steady state is measured */
    Arena *arena;    /* of the case */
    double *figures; /* to be filled in, in the order of the case's row */
} BenchRun;

/* The cases; 0, or 1 with what went wrong said. */
int bench_limits(BenchRun *b);
int bench_budget(BenchRun *b);
int bench_chain_keyed_64(BenchRun *b);
int bench_chain_keyed_1(BenchRun *b);
int bench_chain_pure_64(BenchRun *b);
int bench_fan_1000(BenchRun *b);
int bench_governor(BenchRun *b);
int bench_parked(BenchRun *b);
int bench_asked(BenchRun *b);
int bench_recovery(BenchRun *b);
int bench_start(BenchRun *b);
int bench_store_64(BenchRun *b);

/* ---- workflows (flows.c): closures in the arena ---- */

/* `steps` echo steps of an effect class, each given what the one before it gave. */
Str bench_chain(Arena *a, unsigned steps, const char *effect);
/* A `for` over 1,000 items, all at once, and a step that adds up what they gave. */
Str bench_fan(Arena *a);
/* A run that waits for the signal `go`. */
Str bench_wait(Arena *a);
Str bench_ask(Arena *a);

/* ---- measuring (measure.c) ---- */

double bench_now_s(void);
/* CPU time of all threads of this process. */
double bench_cpu_s(void);
/* Sorts the samples. */
double bench_median(double *samples, size_t n);
/* Memory of a process and all its descendants, shared pages counted once. */
double bench_tree_pss_bytes(pid_t root);
/* CPU time of all threads of another process. */
double bench_cpu_s_of(pid_t pid);
double bench_dir_bytes(const char *dir);
void bench_remove_dir(const char *dir);
/* DIR/name. */
const char *bench_path(BenchRun *b, const char *name);
/* baton itself with these words, its output thrown away: what fork() returns. */
pid_t bench_spawn(const char *const *argv);

/* "baton bench: ..." and 1. */
int bench_fail(const char *fmt, ...) PRINTF(1, 2);

#endif
