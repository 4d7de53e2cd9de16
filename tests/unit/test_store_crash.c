/* The SQLite store against a disk that loses, fails and fills up, at every point where it can. Whatever happens, the
 * store opens, checks clean, and holds a prefix of the batches: every acknowledged one, and at most the one more that
 * was under way. */
#include "store/world.h"

#include "journal/vfs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <sys/wait.h>
#include <cmocka.h>

/* Power cuts are tried along the whole of it; the failures, each of which needs a run of its own, along its first half. */
#define BATCHES 30
#define BATCHES_SHORT 15
#define SEED 20
/* Small, so that thirty batches see checkpoints and sweeps. */
#define WAL_PAGES 24
#define SWEEP_ROWS 10
/* A disk that is broken for good is tried at every third operation, what goes away at every one. */
#define STEP 3

/* What the store holds after so many batches, as the memory store tells it. */
static Hash expected[BATCHES + 1];

static StoreBatch next_batch(Load *l, size_t number) {
    return load_batch(l, 3, 1000 + 300 * (int64_t)number);
}

static int learn_expected(void **state UNUSED) {
    test_dir("crash"); /* before anyone forks */
    StoreMemory *m = store_memory_new(test_key);
    Store *s = store_memory_open_as(m, 1);
    StoreLease lease;
    Load l;
    load_init(&l, SEED);
    assert_int_equal(s->ops->enter(s, 0, 1000, &lease), 0);
    for (size_t i = 0; i <= BATCHES; i++) {
        assert_int_equal(digest(s, &expected[i]), 0);
        StoreBatch batch = next_batch(&l, i);
        assert_int_equal(s->ops->append(s, &batch), 0);
    }
    load_deinit(&l);
    store_close(s);
    store_memory_free(m);
    return 0;
}

static const char *dir_of(const char *name) {
    static char paths[2][180];
    char *path = paths[name[0] == 'b'];
    snprintf(path, sizeof paths[0], "%s-%s", test_dir("crash"), name);
    return path;
}
#define LIVE dir_of("a") /* where the workload runs */
#define LEFT dir_of("b") /* what a cut leaves of it */

static int open_store(const char *dir, const char *vfs, Store **ret, char *problem) {
    StoreSqliteOptions options = {
        .vfs = vfs, .install_key = test_key, .wal_pages = WAL_PAGES, .sweep_rows = SWEEP_ROWS
    };
    return store_sqlite_open(dir, &options, ret, problem);
}

static void print_problem(void *ctx UNUSED, Str text) {
    print_error("check: %.*s\n", STR_FMT(text));
}

/* Number of batches the store in `dir` holds; -1, and it is said why, if it does not open, check clean and hold a
 * prefix. */
static int batches_held(const char *dir) {
    char problem[STORE_PROBLEM_BYTES] = "";
    Store *s = NULL;
    Hash now;
    uint64_t rows;
    int held = -1, r = open_store(dir, NULL, &s, problem);
    if (r) {
        print_error("open: %d %s\n", r, problem);
        return -1;
    }
    if (s->ops->check(s, print_problem, NULL, &rows) == 0 && digest(s, &now) == 0)
        for (int i = 0; i <= BATCHES; i++)
            held = hash_eq(&now, &expected[i]) ? i : held;
    store_close(s);
    return held;
}

static bool is_prefix_with(const char *dir, size_t acknowledged) {
    int held = batches_held(dir);
    if (held == (int)acknowledged || held == (int)acknowledged + 1)
        return true;
    print_error("%zu batches were acknowledged, %d are there\n", acknowledged, held);
    return false;
}

/* ---- The workload: so many batches, a clean stop after a third of them, one without leaving after two. ---- */

typedef struct Run {
    const char *vfs;
    size_t batches;
    size_t acknowledged;
    bool wait_for_room; /* a full disk gets room again after some tries */
    size_t full;        /* how often it was full */
    int tell;           /* a pipe that gets a byte for each batch; 0: none */
    Store *s;
} Run;

static bool got_room(Run *run, int r) {
    if (r != -ERR_FULL || !run->wait_for_room)
        return false;
    if (++run->full % 3 == 0)
        vfs_fail_at(0, VFS_KILL);
    return true;
}

static int open_and_enter(Run *run) {
    char problem[STORE_PROBLEM_BYTES];
    StoreLease lease;
    int r;
    do {
        r = open_store(LIVE, run->vfs, &run->s, problem);
        if (!r) {
            r = run->s->ops->enter(run->s, 1000, 1000, &lease);
            if (r)
                run->s = store_close(run->s);
        }
    } while (r && got_room(run, r));
    return r;
}

static int stop(Run *run, bool clean) {
    int r = 0;
    do
        r = clean ? run->s->ops->leave(run->s, 1000) : 0;
    while (r && got_room(run, r));
    run->s = store_close(run->s);
    return r;
}

static int append_next(Run *run, Load *l, size_t number) {
    StoreBatch batch = next_batch(l, number);
    int r;
    do
        r = run->s->ops->append(run->s, &batch);
    while (r && got_room(run, r));
    if (r)
        return r;
    for (size_t i = 0; i < batch.n; i++)
        assert_int_equal(batch.items[i].outcome, STORE_OK);
    run->acknowledged++;
    return run->tell && write(run->tell, "+", 1) != 1 ? -ERR_IO : 0;
}

/* Until something fails. The store is closed in any case, as it would be at exit. */
static int run_workload(Run *run) {
    Load l;
    load_init(&l, SEED);
    int r = open_and_enter(run);
    for (size_t i = 0; !r && i < run->batches; i++) {
        r = append_next(run, &l, i);
        if (!r && (i + 1) % (run->batches / 3) == 0 && i + 1 < run->batches)
            r = stop(run, i < run->batches / 2);
        if (!r && !run->s)
            r = open_and_enter(run);
    }
    if (run->s) {
        int stopped = r ? 0 : stop(run, true);
        run->s = store_close(run->s);
        r = r ? r : stopped;
    }
    load_deinit(&l);
    return r;
}

/* ---- Power cuts ---- */

typedef struct Cuts {
    const Run *run;
    size_t syncs, tried, good;
    size_t by_loss[VFS_LOSSES];
} Cuts;

static void try_cut(Cuts *c, VfsLoss loss, size_t which) {
    remove_store(LEFT);
    assert_int_equal(mkdir(LEFT, 0700), 0);
    if (!vfs_cut(LEFT, loss, which))
        return;
    c->tried++;
    c->by_loss[loss]++;
    if (is_prefix_with(LEFT, c->run->acknowledged))
        c->good++;
    else
        print_error("  at sync %zu, loss %d of write %zu\n", c->syncs, (int)loss, which);
}

static void cut_in_every_way(void *ctx) {
    Cuts *c = ctx;
    c->syncs++;
    for (VfsLoss loss = VFS_LOSE_ALL; loss < VFS_LOSSES; loss++)
        for (size_t which = 0; which == 0 || which < vfs_unsynced(); which++)
            try_cut(c, loss, which);
}

static void power_cut_at_every_sync_keeps_what_was_acknowledged(void **state UNUSED) {
    Run run = { .vfs = vfs_test(), .batches = BATCHES };
    Cuts cuts = { .run = &run };
    remove_store(LIVE);
    vfs_on_sync(cut_in_every_way, &cuts);
    assert_int_equal(run_workload(&run), 0);
    vfs_on_sync(NULL, NULL);
    assert_int_equal(run.acknowledged, BATCHES);
    print_message(
        "power cuts: %zu/%zu good, at %zu syncs; lost all %zu, none %zu, one %zu, all but one %zu, a tail %zu, "
        "torn %zu + %zu, noise %zu\n",
        cuts.good, cuts.tried, cuts.syncs, cuts.by_loss[0], cuts.by_loss[1], cuts.by_loss[2],
        cuts.by_loss[3], cuts.by_loss[4], cuts.by_loss[5], cuts.by_loss[6], cuts.by_loss[7]);
    assert_true(cuts.syncs > 2 * BATCHES);
    assert_int_equal(cuts.good, cuts.tried);
    assert_int_equal(batches_held(LIVE), BATCHES);
}

/* ---- Failures at every operation ---- */

static uint64_t operations_of_a_good_run(uint64_t *ret_reads) {
    Run run = { .vfs = vfs_test(), .batches = BATCHES_SHORT };
    remove_store(LIVE);
    vfs_fail_at(0, VFS_KILL);
    vfs_fail_read_at(0);
    assert_int_equal(run_workload(&run), 0);
    if (ret_reads)
        *ret_reads = vfs_reads();
    return vfs_operations();
}

/* The child counts what was acknowledged into a pipe, because its memory goes with it. */
static size_t acknowledged_by_a_child_killed_at(uint64_t k) {
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        Run run = { .vfs = vfs_test(), .batches = BATCHES_SHORT, .tell = pipe_fds[1] };
        vfs_fail_at(k, VFS_KILL);
        _exit(run_workload(&run) ? 3 : 0);
    }
    close(pipe_fds[1]);
    char got[BATCHES + 1];
    size_t n = 0;
    for (ssize_t more; (more = read(pipe_fds[0], got + n, sizeof got - n)) > 0;)
        n += (size_t)more;
    close(pipe_fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return n;
}

static void kill_at_every_operation_keeps_what_was_acknowledged(void **state UNUSED) {
    uint64_t n = operations_of_a_good_run(NULL), good = 0;
    for (uint64_t k = 1; k <= n; k++) {
        remove_store(LIVE);
        size_t acknowledged = acknowledged_by_a_child_killed_at(k);
        if (is_prefix_with(LIVE, acknowledged))
            good++;
        else
            print_error("  killed at operation %llu\n", (unsigned long long)k);
    }
    print_message("killed with -9: %llu/%llu good\n", (unsigned long long)good,
                  (unsigned long long)n);
    assert_int_equal(good, n);
}

static void fail_at_operations(VfsFailure failure, uint64_t step, const char *name) {
    uint64_t n = operations_of_a_good_run(NULL), good = 0, told = 0, tried = 0;
    for (uint64_t k = 1; k <= n; k += step, tried++) {
        Run run = { .vfs = vfs_test(), .batches = BATCHES_SHORT };
        remove_store(LIVE);
        vfs_fail_at(k, failure);
        int r = run_workload(&run);
        vfs_fail_at(0, VFS_KILL);
        told += r == -ERR_IO;
        bool fine = r == 0 || r == -ERR_IO;
        if (fine && is_prefix_with(LIVE, run.acknowledged))
            good++;
        else
            print_error("  %s at operation %llu: %d\n", name, (unsigned long long)k, r);
    }
    print_message("%s: %llu/%llu good, %llu of them told as -ERR_IO\n", name,
                  (unsigned long long)good, (unsigned long long)tried, (unsigned long long)told);
    assert_int_equal(good, tried);
    assert_true(told > tried / 2);
}

static void one_io_error_is_told_and_loses_nothing(void **state UNUSED) {
    fail_at_operations(VFS_IO_ONCE, 1, "one I/O error");
}

static void broken_disk_is_told_and_loses_nothing(void **state UNUSED) {
    fail_at_operations(VFS_IO_FROM, STEP, "I/O errors from then on");
}

static void fill_at_operations(VfsFailure failure, uint64_t step, const char *name) {
    uint64_t n = operations_of_a_good_run(NULL), good = 0, met = 0, tried = 0;
    for (uint64_t k = 1; k <= n; k += step, tried++) {
        Run run = { .vfs = vfs_test(), .batches = BATCHES_SHORT, .wait_for_room = true };
        remove_store(LIVE);
        vfs_fail_at(k, failure);
        int r = run_workload(&run);
        vfs_fail_at(0, VFS_KILL);
        met += run.full > 0;
        if (r == 0 && batches_held(LIVE) == BATCHES_SHORT)
            good++;
        else
            print_error("  %s at operation %llu: %d\n", name, (unsigned long long)k, r);
    }
    print_message("%s: %llu/%llu good, %llu of them met it\n", name, (unsigned long long)good,
                  (unsigned long long)tried, (unsigned long long)met);
    assert_int_equal(good, tried);
    assert_true(met > tried / 4);
}

static void disk_full_once_the_same_batch_is_tried_again(void **state UNUSED) {
    fill_at_operations(VFS_FULL_ONCE, 1, "full once");
}

static void disk_full_until_there_is_room(void **state UNUSED) {
    fill_at_operations(VFS_FULL_FROM, 1, "full for three tries");
}

static void one_failed_read_is_told_and_loses_nothing(void **state UNUSED) {
    uint64_t n, good = 0, told = 0;
    operations_of_a_good_run(&n);
    for (uint64_t k = 1; k <= n; k++) {
        Run run = { .vfs = vfs_test(), .batches = BATCHES_SHORT };
        remove_store(LIVE);
        vfs_fail_read_at(k);
        int r = run_workload(&run);
        vfs_fail_read_at(0);
        told += r != 0;
        if ((r == 0 || r == -ERR_IO) && is_prefix_with(LIVE, run.acknowledged))
            good++;
        else
            print_error("  read %llu failed: %d\n", (unsigned long long)k, r);
    }
    print_message("failed reads: %llu/%llu good, %llu of them told\n", (unsigned long long)good,
                  (unsigned long long)n, (unsigned long long)told);
    assert_int_equal(good, n);
}

static int clean_up(void **state UNUSED) {
    remove_store(LIVE);
    remove_store(LEFT);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_cut_at_every_sync_keeps_what_was_acknowledged),
        cmocka_unit_test(kill_at_every_operation_keeps_what_was_acknowledged),
        cmocka_unit_test(one_io_error_is_told_and_loses_nothing),
        cmocka_unit_test(broken_disk_is_told_and_loses_nothing),
        cmocka_unit_test(disk_full_once_the_same_batch_is_tried_again),
        cmocka_unit_test(disk_full_until_there_is_room),
        cmocka_unit_test(one_failed_read_is_told_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, learn_expected, clean_up);
}
