/* Clocks, and what /proc says about a process. */
#include "cli/bench/bench.h"
#include "cli/say.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int bench_fail(const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    say_line("baton bench: %s", text);
    return 1;
}

/* ---- time ---- */

double bench_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double bench_cpu_s(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(double *samples, size_t n) {
    ASSERT(n > 0);
    qsort(samples, n, sizeof *samples, by_size);
    return n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
}

/* ---- /proc ---- */

/* The number after `key` in a file of lines "Key:   123 kB", in bytes; 0 if it is not there. */
static double kilobytes(pid_t pid, const char *file, const char *key) {
    char path[64], line[256];
    unsigned long long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        if (str_starts(str_from(line), str_from(key)) &&
            sscanf(line + strlen(key), "%llu", &kb) == 1)
            break;
    }
    if (f)
        fclose(f);
    return (double)kb * 1024;
}

static pid_t parent_of(pid_t pid) {
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
        parent = 0;
    fclose(f);
    return parent;
}

static bool descends(pid_t pid, pid_t root) {
    while (pid > 1 && pid != root)
        pid = parent_of(pid);
    return pid == root;
}

/* Calls `add` for every numbered entry. */
static double sum_numbered(const char *dir, double (*add)(pid_t number, void *ctx), void *ctx) {
    double sum = 0;
    DIR *d = opendir(dir);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        int64_t number;
        if (str_to_i64(str_from(entry->d_name), &number) && number > 0)
            sum += add((pid_t)number, ctx);
    }
    if (d)
        closedir(d);
    return sum;
}

static double pss_below(pid_t pid, void *ctx) {
    return descends(pid, *(pid_t *)ctx) ? kilobytes(pid, "smaps_rollup", "Pss:") : 0;
}

double bench_tree_pss_bytes(pid_t root) { return sum_numbered("/proc", pss_below, &root); }

static double thread_cpu_s(pid_t thread, void *ctx) {
    char path[96];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "%s/%d/schedstat", (const char *)ctx, (int)thread);
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%llu", &ns) != 1)
        ns = 0;
    if (f)
        fclose(f);
    return (double)ns / 1e9;
}

double bench_cpu_s_of(pid_t pid) {
    char dir[64];
    snprintf(dir, sizeof dir, "/proc/%d/task", (int)pid);
    return sum_numbered(dir, thread_cpu_s, dir);
}

/* ---- directories and processes ---- */

const char *bench_path(BenchRun *b, const char *name) {
    return arena_fmt(b->arena, "%s/%s", b->dir, name).p;
}

double bench_dir_bytes(const char *dir) {
    double sum = 0;
    DIR *d = opendir(dir);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        struct stat st;
        if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += (double)st.st_size;
    }
    if (d)
        closedir(d);
    return sum;
}

static int remove_one(const char *path, UNUSED const struct stat *st, UNUSED int kind,
                      UNUSED struct FTW *ftw) {
    remove(path);
    return 0;
}

void bench_remove_dir(const char *dir) { nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

pid_t bench_spawn(const char *const *argv) {
    pid_t child = fork();
    if (child != 0)
        return child;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}
