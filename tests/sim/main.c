/* sim: many universes, or one looked at closely.
 *
 *   sim [--seeds N] [--seed FIRST] [--cut APPEND [--after]] [--trace] [--every-append] [--quiet] [--no-shrink] [--mutant NAME]
 *   sim --rule NUMBER [--seeds N] [--seed FIRST]
 *
 * With --rule all universes are run, each in a process of its own, and it is counted which rule each breaks. That fails if
 * there are some and every one of them breaks this rule and no other: for mutants that one rule alone must name.
 *
 * Every universe is run twice now and then: the same seed must give the same trace. A failing tape is shrunk: blocks of
 * choices are left out or made the simplest as long as it goes on failing, each try in a process of its own. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Options {
    uint64_t seeds, first;
    bool trace, every_append, quiet, no_shrink, cut, after;
    uint64_t cut_at, rule;
} Options;

typedef struct Result {
    bool good;
    uint64_t hash, facts, appends, crashes, steps;
    char failure[1024];
    Tape tape;
} Result;

static Result universe(const Tape *given, uint64_t seed, bool print, int64_t crash_at, bool after,
                       Coverage *cov) {
    World *w = xcalloc(1, sizeof(World));
    Result r = { 0 };
    w->tape.state = seed * 0x9e3779b97f4a7c15u + 1;
    if (given) {
        w->tape = (Tape){ .n = given->n, .room = given->n, .frozen = true };
        w->tape.choices = xcalloc(MAX(1, given->n), sizeof(uint32_t));
        memcpy(w->tape.choices, given->choices, given->n * sizeof(uint32_t));
    }
    w->print = print;
    w->crash_at_append = crash_at;
    w->crash_after = after;
    w->coverage = cov;
    r.good = world_run(w);
    memcpy(r.failure, w->failure, sizeof(r.failure));
    r.hash = w->hash;
    r.facts = w->facts;
    r.appends = w->appends;
    r.crashes = w->crashes;
    r.steps = w->steps;
    r.tape = w->tape;
    if (r.good) /* a broken universe may have broken engines: let the process end take them */
        world_deinit(w);
    free(w);
    return r;
}

/* ---- shrinking ---- */

/* Fails the same way (same first characters of the message) or crashes. */
static bool still_fails(const Tape *t, const char *failure) {
    pid_t child = fork();
    if (child == 0) {
        Coverage cov = { 0 };
        alarm(20);
        Result r = universe(t, 0, false, -1, false, &cov);
        _exit(r.good ? 0 : strncmp(r.failure, failure, 3) == 0 ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? failure[0] == '\0' : WEXITSTATUS(status) == 1;
}

static Tape without(const Tape *t, size_t at, size_t n) {
    Tape s = { .n = t->n - n, .room = t->n };
    s.choices = xcalloc(t->n + 1, sizeof(uint32_t));
    memcpy(s.choices, t->choices, at * sizeof(uint32_t));
    memcpy(s.choices + at, t->choices + at + n, (t->n - at - n) * sizeof(uint32_t));
    return s;
}

static Tape zeroed(const Tape *t, size_t at, size_t n) {
    Tape s = without(t, 0, 0);
    memset(s.choices + at, 0, n * sizeof(uint32_t));
    return s;
}

static bool zero_already(const Tape *t, size_t at, size_t n) {
    for (size_t i = at; i < at + n; i++)
        if (t->choices[i])
            return false;
    return true;
}

static Tape shrink(Tape t, const char *failure) {
    time_t until = time(NULL) + 60;
    for (size_t block = t.n / 2; block >= 1; block /= 2)
        for (size_t at = 0; at + block <= t.n && time(NULL) < until;) {
            Tape less = without(&t, at, block), simple = zeroed(&t, at, block);
            if (still_fails(&less, failure)) {
                t = less;
                continue;
            }
            if (!zero_already(&t, at, block) && still_fails(&simple, failure))
                t = simple;
            at += block;
        }
    return t;
}

static void show_failure(uint64_t seed, const Result *r) {
    fprintf(stderr, "seed %llu failed: %s\nshrinking %zu choices ...\n", (unsigned long long)seed,
            r->failure, r->tape.n);
    Tape small = shrink(r->tape, r->failure);
    Coverage cov = { 0 };
    fprintf(stderr, "shrunk to %zu choices; its trace:\n", small.n);
    Result again = universe(&small, 0, true, -1, false, &cov);
    fprintf(stderr, "%s\nto see the whole: sim --seed %llu --seeds 1 --trace\n", again.failure,
            (unsigned long long)seed);
}

/* ---- which rule ---- */

/* What breaks is told from the process that breaks, also where that is an assertion. 0: nothing broke; UINT64_MAX: something
 * that has no number. */
static uint64_t broken_rule(uint64_t seed, char *ret_failure, size_t room) {
    int ends[2], status = 0;
    if (pipe(ends))
        abort();
    pid_t child = fork();
    if (child == 0) {
        Coverage cov = { 0 };
        Result r = universe(NULL, seed, false, -1, false, &cov);
        ssize_t n = write(ends[1], r.failure, r.good ? 0 : strlen(r.failure) + 1);
        _exit(n < 0 || !r.good);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], ret_failure, room - 1);
    ret_failure[MAX(n, 0)] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    if (status == 0)
        return 0;
    uint64_t number;
    Str text = str_from(ret_failure);
    ptrdiff_t colon = str_find(text, STR(":"));
    return colon > 0 && str_to_u64(str_slice(text, 0, (size_t)colon), &number) ? number
                                                                               : UINT64_MAX;
}

static bool only_one_rule_breaks(const Options *o) {
    uint64_t meant = 0, others = 0;
    char failure[1024];
    for (uint64_t i = 0; i < o->seeds; i++) {
        uint64_t rule = broken_rule(o->first + i, failure, sizeof failure);
        bool is_it = rule == o->rule;
        if (rule && (is_it ? meant++ : others++) == 0)
            fprintf(stderr, "seed %llu failed: %s\n", (unsigned long long)(o->first + i),
                    failure[0] ? failure : "an assertion, or a signal");
    }
    printf("rule %llu was broken in %llu of %llu universes, others in %llu\n",
           (unsigned long long)o->rule, (unsigned long long)meant, (unsigned long long)o->seeds,
           (unsigned long long)others);
    return meant > 0 && others == 0;
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_coverage(const Coverage *c) {
    static const char *const facts[] = { "",      "accepted", "dispatching", "finished", "progress",
                                         "timer", "signal",   "event",       "decision", "child",
                                         "mail",  "control",  "migrated",    "recovered" };
    static const char *const wants[] = { "",       "attempt", "timer", "approval",
                                         "signal", "child",   "doubt" };
    printf("facts:");
    for (size_t i = 1; i < ARRAY_LEN(facts); i++)
        if (c->facts[i])
            printf(" %s %llu", facts[i], (unsigned long long)c->facts[i]);
    printf("\nwants:");
    for (size_t i = 1; i < ARRAY_LEN(wants); i++)
        if (c->wants[i])
            printf(" %s %llu", wants[i], (unsigned long long)c->wants[i]);
    printf("\nmarks:");
    for (size_t i = 0; i < MARK_COUNT; i++)
        printf("%s %s %llu", i ? "," : "", mark_names[i], (unsigned long long)c->marks[i]);
    printf("\n");
}

/* Where --cut wants everything to crash; -1: by chance. */
static int64_t cut_of(const Options *o) { return o->cut ? (int64_t)o->cut_at : -1; }

static bool same_twice(const Options *o, uint64_t seed, const Result *r) {
    Coverage unused = { 0 };
    Result again = universe(NULL, seed, false, cut_of(o), o->after, &unused);
    free(again.tape.choices);
    if (again.hash == r->hash)
        return true;
    fprintf(stderr, "seed %llu: the same seed gave two traces\n", (unsigned long long)seed);
    return false;
}

/* A power cut at every append of one universe, before it and after it. */
static bool cut_everywhere(uint64_t seed, Coverage *cov, uint64_t *ret_points) {
    Result plain = universe(NULL, seed, false, INT32_MAX, false, cov);
    for (uint64_t k = 0; k < plain.appends && plain.good; k++)
        for (int after = 0; after < 2; after++) {
            Result r = universe(NULL, seed, false, (int64_t)k, after, cov);
            ++*ret_points;
            free(r.tape.choices);
            if (!r.good) {
                fprintf(stderr, "seed %llu, power cut %s append %llu: %s\n",
                        (unsigned long long)seed, after ? "after" : "before", (unsigned long long)k,
                        r.failure);
                return false;
            }
        }
    free(plain.tape.choices);
    if (!plain.good)
        fprintf(stderr, "seed %llu without a cut: %s\n", (unsigned long long)seed, plain.failure);
    return plain.good;
}

static bool run_seeds(const Options *o) {
    Coverage cov = { 0 };
    uint64_t *facts = xcalloc(o->seeds, sizeof(uint64_t)),
             *crashes = xcalloc(o->seeds, sizeof(uint64_t)), points = 0, n = 0;
    struct timespec from, to;
    bool good = true;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (; n < o->seeds && good; n++) {
        uint64_t seed = o->first + n;
        if (o->every_append) {
            good = cut_everywhere(seed, &cov, &points);
            continue;
        }
        Result r = universe(NULL, seed, o->trace, cut_of(o), o->after, &cov);
        good = r.good && (n % 16 || same_twice(o, seed, &r));
        facts[n] = r.facts;
        crashes[n] = r.crashes;
        if (!r.good && o->no_shrink)
            fprintf(stderr, "seed %llu failed: %s\n", (unsigned long long)seed, r.failure);
        else if (!r.good)
            show_failure(seed, &r);
        free(r.tape.choices);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    qsort(facts, n, sizeof(uint64_t), by_size);
    qsort(crashes, n, sizeof(uint64_t), by_size);
    if (o->every_append)
        printf("%llu power cuts, at every append of %llu universes, in %.1f s\n",
               (unsigned long long)points, (unsigned long long)n, s);
    else
        printf("%llu seeds in %.1f s (%.0f a minute), median %llu facts and %llu crashes\n",
               (unsigned long long)n, s, (double)n / s * 60.0, (unsigned long long)facts[n / 2],
               (unsigned long long)crashes[n / 2]);
    if (!o->quiet)
        print_coverage(&cov);
    free(facts);
    free(crashes);
    return good;
}

int main(int argc, char **argv) {
    Options o = { .seeds = 100, .first = 1 };
    mutant_choose(getenv("BATON_MUTANT"));
    for (int i = 1; i < argc; i++) {
        Str a = str_from(argv[i]);
        if (str_is(a, "--seeds") && i + 1 < argc)
            str_to_u64(str_from(argv[++i]), &o.seeds);
        else if (str_is(a, "--seed") && i + 1 < argc)
            str_to_u64(str_from(argv[++i]), &o.first);
        else if (str_is(a, "--cut") && i + 1 < argc)
            o.cut = str_to_u64(str_from(argv[++i]), &o.cut_at);
        else if (str_is(a, "--after"))
            o.after = true;
        else if (str_is(a, "--trace"))
            o.trace = true;
        else if (str_is(a, "--every-append"))
            o.every_append = true;
        else if (str_is(a, "--quiet"))
            o.quiet = true;
        else if (str_is(a, "--no-shrink"))
            o.no_shrink = true;
        else if (str_is(a, "--mutant") && i + 1 < argc)
            mutant_choose(argv[++i]);
        else if (str_is(a, "--rule") && i + 1 < argc)
            str_to_u64(str_from(argv[++i]), &o.rule);
        else {
            fprintf(
                stderr,
                "sim [--seeds N] [--seed FIRST] [--cut APPEND [--after]] [--trace] [--every-append] [--quiet] [--no-shrink] [--mutant NAME] [--rule NUMBER]\n");
            return 2;
        }
    }
    o.seeds = MAX(1, o.seeds);
    if (o.rule)
        return only_one_rule_breaks(&o);
    bool good = run_seeds(&o);
    printf("%d passed, %d failed\n", good, !good);
    return !good;
}
