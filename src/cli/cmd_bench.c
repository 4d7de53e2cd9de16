/* baton bench: durable steps per second and what else is promised, beside what the same disk could do at most.
 *
 * Each case is a process (bench/bench.h); this one gives it a directory, waits, and prints. Ctrl-C ends the case and removes
 * what it left. It measures and judges nothing: its exit code says only whether the cases ran. */
#include "cli/bench/bench.h"
#include "cli/command.h"
#include "cli/say.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_DEFAULT 5

/* What a result is held against. */
typedef enum Beside { BESIDE_NOTHING, BESIDE_SYNC, BESIDE_ROWS } Beside;
typedef enum Better { BETTER_NONE, BETTER_MORE, BETTER_LESS } Better;

typedef struct Figure {
    const char *key; /* in JSON; NULL: only in the table */
    const char *unit;
    Better better;
    double aim; /* 0: none */
    /* ... as a multiple of that, where it is a limit: `aim` is the multiple if aim_is_ratio */
    Beside beside;
    bool aim_is_ratio;
} Figure;

typedef struct Case {
    const char *name, *what;
    int (*run)(BenchRun *b);
    bool on_request; /* only when named */
    Figure figures[BENCH_FIGURES_MAX + 1];
} Case;

static const Case cases[] = {
    { "limits",
      "what the disk can do",
      bench_limits,
      false,
      { { "fdatasync_p50_us", "us for 4 KiB and fdatasync, p50", .better = BETTER_NONE },
        { "sqlite_rows_per_s_64", "rows/s in SQLite at 64 a commit", .better = BETTER_NONE } } },
    { "chain_keyed_64",
      "chains of 10 keyed echo steps, 64 runs in flight",
      bench_chain_keyed_64,
      false,
      { { "steps_per_s", "durable steps/s", BETTER_MORE, 100000, BESIDE_ROWS, false },
        { "cpu_us_per_step", "us of CPU a step", BETTER_LESS, 15, BESIDE_NOTHING, false } } },
    { "chain_keyed_1",
      "the same, one run at a time",
      bench_chain_keyed_1,
      false,
      { { "step_p50_us", "us a step, p50", BETTER_LESS, 1.25, BESIDE_SYNC, true } } },
    { "chain_pure_64",
      "chains of 10 pure steps, 64 runs in flight",
      bench_chain_pure_64,
      false,
      { { "steps_per_s", "steps/s", BETTER_MORE, 300000, BESIDE_ROWS, false },
        { NULL, "us of CPU a step", .better = BETTER_NONE },
        { NULL, "steps counted in the journal: all", .better = BETTER_NONE } } },
    { "fan_1000",
      "one run fans out to 1,000 keyed echo steps and merges",
      bench_fan_1000,
      false,
      { { "ms", "ms", BETTER_LESS, 20, BESIDE_NOTHING, false } } },
    { "parked",
      "100,000 runs wait for a signal, 1,000 of them were touched",
      bench_parked,
      false,
      { { "runs", "runs", .better = BETTER_NONE },
        { "pss_bytes_per_run", "bytes of memory a run", .better = BETTER_NONE },
        { "store_bytes_per_run", "bytes of store a run", BETTER_LESS, 1024, BESIDE_NOTHING, false },
        { NULL, "MB of memory, all processes", BETTER_LESS, 64, BESIDE_NOTHING, false } } },
    { "asked",
      "10,000 runs wait for a person each",
      bench_asked,
      false,
      { { "runs", "runs", .better = BETTER_NONE },
        { "pss_bytes_per_run", "bytes of memory a run", .better = BETTER_NONE },
        { "store_bytes_per_run", "bytes of store a run", BETTER_LESS, 1024, BESIDE_NOTHING, false },
        { NULL, "MB of memory, all processes", BETTER_LESS, 64, BESIDE_NOTHING, false } } },
    { "recovery",
      "10,000 runs in flight, killed; until each has moved again",
      bench_recovery,
      false,
      { { "runs", "runs", .better = BETTER_NONE },
        { "ms", "ms", BETTER_LESS, 1000, BESIDE_NOTHING, false },
        { NULL, "us of CPU a run", .better = BETTER_NONE } } },
    { "governor",
      "what a limit costs an attempt that it lets through",
      bench_governor,
      false,
      { { "rate_us", "us for a rate", BETTER_LESS, 2, BESIDE_NOTHING, false },
        { "breaker_us", "us for a breaker", BETTER_LESS, 2, BESIDE_NOTHING, false } } },
    { "budget",
      "a call reserved and settled under three limits, one within the other",
      bench_budget,
      false,
      { { "call_us", "us a call", BETTER_LESS, 2, BESIDE_NOTHING, false } } },
    { "start",
      "the program from start to end, for a run of one step",
      bench_start,
      false,
      { { "ms", "ms", BETTER_LESS, 15, BESIDE_NOTHING, false },
        { "first_ms", "ms in a new directory", .better = BETTER_NONE },
        { "rss_mb", "MB resident at most", .better = BETTER_NONE },
        { NULL, "% CPU when idle", .better = BETTER_NONE },
        { NULL, "MB when idle, all processes", BETTER_LESS, 10, BESIDE_NOTHING, false },
        { NULL, "MB of binary", BETTER_LESS, 4, BESIDE_NOTHING, false } } },
    { "store_64",
      "rows through the journal alone, 64 a commit",
      bench_store_64,
      true,
      { { "rows_per_s", "rows/s", .better = BETTER_NONE, .beside = BESIDE_ROWS },
        { "cpu_us_per_row", "us of CPU a row", .better = BETTER_NONE } } },
};

typedef struct Bench {
    const Args *args;
    Str dir;
    double seconds;
    bool chosen[ARRAY_LEN(cases)], done[ARRAY_LEN(cases)];
    double (*figures)[BENCH_FIGURES_MAX]; /* shared with the cases' processes */
} Bench;

/* ---- choosing ---- */

static int refuse_case(const char *word) {
    Str names[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        names[i] = str_from(cases[i].name);
    Str near = str_nearest(str_from(word), names, ARRAY_LEN(cases));
    if (near.p)
        return say_error(EXIT_USAGE, "no case `%s`", "did you mean `%.*s`?", word, STR_FMT(near));
    return say_error(EXIT_USAGE, "no case `%s`", "`baton help bench` lists them", word);
}

static int choose(Bench *b) {
    const Args *args = b->args;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        b->chosen[i] = args->n_words == 0 && !cases[i].on_request;
    for (size_t w = 0; w < args->n_words; w++) {
        size_t i = 0;
        while (i < ARRAY_LEN(cases) && strcmp(cases[i].name, args->words[w]) != 0)
            i++;
        if (i == ARRAY_LEN(cases))
            return refuse_case(args->words[w]);
        b->chosen[i] = true;
    }
    b->chosen[0] = true; /* everything else stands beside the limits */
    int64_t seconds = SECONDS_DEFAULT;
    const char *text = args_flag(args, "seconds");
    if (text && (!str_to_i64(str_from(text), &seconds) || seconds < 1 || seconds > 60))
        return say_error(EXIT_USAGE, "--seconds is a number from 1 to 60, not `%s`", "", text);
    b->seconds = (double)seconds;
    return 0;
}

/* ---- running ---- */

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signum) { stop_asked = signum; }

static void catch_signals(void (*handler)(int)) {
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

_Noreturn static void be_case(const Bench *b, size_t n, Str dir) {
    Arena arena = ARENA_NULL;
    BenchRun run = {
        .dir = dir.p, .seconds = b->seconds, .arena = &arena, .figures = b->figures[n]
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    catch_signals(SIG_DFL);
    _exit(cases[n].run(&run) == 0 ? EXIT_OK : EXIT_INTERNAL);
}

static int wait_for_case(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        kill(child, SIGKILL); /* it may not have a loop to be told on */
    if (stop_asked)
        return EXIT_PAUSED;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return say_error(EXIT_INTERNAL, "the case was killed by signal %d", "", WTERMSIG(status));
}

static int run_case(Bench *b, size_t n) {
    Str dir = arena_fmt(b->args->arena, "%.*s/%s", STR_FMT(b->dir), cases[n].name);
    say_line("%s: %s ...", cases[n].name, cases[n].what);
    if (mkdir(dir.p, 0700) != 0)
        return say_error(EXIT_INTERNAL, "cannot make %s: %s", "", dir.p, strerror(errno));
    pid_t child = fork();
    if (child == 0)
        be_case(b, n, dir);
    int code = child > 0 ? wait_for_case(child)
                         : say_error(EXIT_INTERNAL, "cannot fork: %s", "", strerror(errno));
    bench_remove_dir(dir.p);
    b->done[n] = code == 0;
    return code;
}

static int run_cases(Bench *b) {
    int code = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases) && code == 0; i++) {
        if (b->chosen[i])
            code = run_case(b, i);
    }
    return code;
}

/* ---- printing ---- */

/* 103,482   12.3   0.71 */
static Str number(Arena *a, double v) {
    if (v < 1000)
        return arena_fmt(a, "%.*f", v >= 100 ? 0 : v >= 10 ? 1 : 2, v);
    Str digits = arena_fmt(a, "%.0f", v), text = STR("");
    for (size_t i = 0; i < digits.len; i++)
        text = arena_fmt(a, "%.*s%s%c", STR_FMT(text),
                         i > 0 && (digits.len - i) % 3 == 0 ? "," : "", digits.p[i]);
    return text;
}

static double limit_of(const Bench *b, Beside beside) {
    return beside == BESIDE_NOTHING ? 0 : b->figures[0][beside == BESIDE_SYNC ? 0 : 1];
}

static Str aim_text(Arena *a, const Figure *f) {
    if (f->aim == 0)
        return STR("");
    return arena_fmt(a, "%s %.*s%s", f->better == BETTER_MORE ? "over" : "under",
                     STR_FMT(number(a, f->aim)), f->aim_is_ratio ? " x fdatasync" : "");
}

static Str beside_text(Arena *a, const Bench *b, const Figure *f, double v) {
    if (f->beside == BESIDE_NOTHING)
        return STR("");
    return arena_fmt(a, "%.2f x %s", v / limit_of(b, f->beside),
                     f->beside == BESIDE_SYNC ? "fdatasync" : "SQLite's rows/s");
}

static const char *verdict(const Bench *b, const Figure *f, double v) {
    if (f->aim == 0)
        return "";
    double aim = f->aim_is_ratio ? f->aim * limit_of(b, f->beside) : f->aim;
    return (f->better == BETTER_MORE ? v >= aim : v <= aim) ? "" : "missed";
}

static void print_case(Arena *a, const Bench *b, size_t n) {
    const char *name = cases[n].name;
    for (size_t i = 0; cases[n].figures[i].unit; i++, name = "") {
        const Figure *f = &cases[n].figures[i];
        double v = b->figures[n][i];
        Str aim = aim_text(a, f), beside = beside_text(a, b, f, v);
        printf("%-15s %10.*s %-34s %-22.*s %-22.*s %s\n", name, STR_FMT(number(a, v)), f->unit,
               STR_FMT(aim), STR_FMT(beside), verdict(b, f, v));
    }
}

static void print_table(const Bench *b) {
    printf("%-15s %-45s %-22s %s\n", "case", "result", "aim", "beside the disk's limit");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (b->done[i])
            print_case(b->args->arena, b, i);
    }
    fflush(stdout);
}

static Value case_json(Arena *a, const Bench *b, size_t n) {
    MapBuilder m = map_builder(a);
    for (size_t i = 0; cases[n].figures[i].unit; i++) {
        const char *key = cases[n].figures[i].key;
        double v = b->figures[n][i];
        if (key)
            map_addz(&m, key,
                     v >= 1000 ? value_int((int64_t)(v + 0.5))
                               : value_double((double)(int64_t)(v * 1000 + 0.5) / 1000));
    }
    return map_done(&m, NULL);
}

static void print_json(const Bench *b) {
    Arena *a = b->args->arena;
    MapBuilder all = map_builder(a), m = map_builder(a);
    for (size_t i = 1; i < ARRAY_LEN(cases); i++) {
        if (b->done[i])
            map_addz(&m, cases[i].name, case_json(a, b, i));
    }
    map_addz(&all, "limits", case_json(a, b, 0));
    map_addz(&all, "cases", map_done(&m, NULL));
    out_json(map_done(&all, NULL));
}

/* ---- the command ---- */

static int make_dir(Bench *b) {
    const char *data = b->args->data ? b->args->data : ".";
    char *real = realpath(data, NULL);
    if (!real)
        return say_error(EXIT_USAGE, "no directory %s: %s", "", data, strerror(errno));
    b->dir = arena_fmt(b->args->arena, "%s/.baton-bench-%d", real, (int)getpid());
    free(real);
    if (mkdir(b->dir.p, 0700) == 0)
        return 0;
    return say_error(EXIT_INTERNAL, "cannot make %s: %s", "", b->dir.p, strerror(errno));
}

int cmd_bench(Args *args) {
    Bench b = { .args = args };
    int code = choose(&b);
    if (code == 0)
        code = make_dir(&b);
    if (code != 0)
        return code;
    size_t bytes = ARRAY_LEN(cases) * sizeof *b.figures;
    b.figures = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(b.figures != MAP_FAILED);
    catch_signals(ask_to_stop);
    code = run_cases(&b);
    bench_remove_dir(b.dir.p);
    if (code != 0)
        return code;
    if (args->json)
        print_json(&b);
    else
        print_table(&b);
    return 0;
}
