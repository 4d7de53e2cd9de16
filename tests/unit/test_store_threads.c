/* One thread writes and one reads, as in the server. What the reader sees is always a whole run: a chain that verifies,
 * no older than what was committed before it asked. */
#include "store/world.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <cmocka.h>

#define RUNS 12
#define BATCHES 1500

typedef struct Shared {
    Store *s;
    atomic_uint_fast64_t committed[RUNS]; /* rows */
    atomic_bool done, gave_up;
    atomic_uint_fast64_t reads;
} Shared;

/* On a busy machine it would come too late. */
static void let_the_reader_read(Shared *sh) {
    uint64_t before = sh->reads;
    while (sh->reads < before + 3 && !sh->gave_up)
        sched_yield();
}

static void write_all(Shared *sh) {
    static const StoreRunInfo info = { .state = STORE_ACTIVE,
                                       .name = { "w", 1 },
                                       .info = { "{}", 2 } };
    StorePayload closure = { hash_bytes(STR("c")), STR("c") };
    char ids[RUNS][8];
    Hash heads[RUNS] = { 0 };
    uint64_t seqs[RUNS] = { 0 };
    uint64_t random = 3;
    for (size_t i = 0; i < RUNS; i++)
        snprintf(ids[i], sizeof ids[i], "r%zu", i);
    for (int b = 0; b < BATCHES; b++) {
        if (b % 30 == 0)
            let_the_reader_read(sh);
        random = random * UINT64_C(6364136223846793005) + 1;
        size_t first = (size_t)(random >> 33) % RUNS, n = 1 + (size_t)(random >> 50) % 3;
        StoreAppend items[3] = { 0 };
        Hash data_hash = hash_bytes(STR("data"));
        for (size_t i = 0; i < n; i++) {
            size_t r = (first + i) % RUNS;
            heads[r] = store_chain(&heads[r], STR("a body"), &data_hash);
            items[i] = (StoreAppend){ .run = str_from(ids[r]),
                                      .seq = ++seqs[r],
                                      .hash = heads[r],
                                      .body = STR("a body"),
                                      .data = STR("data") };
            items[i].closure = seqs[r] == 1 ? &closure.hash : NULL;
            items[i].info = seqs[r] == 1 || b % 7 == 0 ? &info : NULL;
            items[i].snapshot = b % 40 == 0 ? STR("a snapshot") : STR_NULL;
        }
        StoreBatch batch = {
            .items = items, .n = n, .closures = &closure, .n_closures = 1, .now_ms = b
        };
        assert_int_equal(sh->s->ops->append(sh->s, &batch), 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(items[i].outcome, STORE_OK);
            sh->committed[(first + i) % RUNS] = items[i].seq;
        }
    }
    sh->done = true;
}

static bool read_one(Shared *sh, size_t r, Arena *a) {
    char id[8];
    snprintf(id, sizeof id, "r%zu", r);
    uint64_t at_least = sh->committed[r];
    StoreRun run;
    int rc = sh->s->ops->load(sh->s, str_from(id), r % 2, a, &run);
    if (rc == STORE_E_NOT_FOUND && at_least == 0)
        return true;
    if (rc || run.head_seq < at_least || run.snapshot_seq > run.head_seq) {
        print_error("run %zu: %d %s, at %llu of %llu\n", r, rc, rc ? sh->s->read_problem : "",
                    (unsigned long long)run.head_seq, (unsigned long long)at_least);
        return false;
    }
    return true;
}

static bool list_all(Shared *sh, Arena *a) {
    uint64_t at_least[RUNS], before;
    StoreRun runs[RUNS];
    size_t n;
    for (size_t i = 0; i < RUNS; i++)
        at_least[i] = sh->committed[i];
    int rc = sh->s->ops->list(sh->s, 0, 0, RUNS, a, runs, &n, &before);
    if (rc)
        print_error("list: %d %s\n", rc, sh->s->read_problem);
    for (size_t i = 0; !rc && i < n; i++) {
        uint64_t number = 0;
        str_to_u64(str_slice(runs[i].id, 1, runs[i].id.len), &number);
        if (runs[i].head_seq < at_least[number])
            return false;
    }
    return rc == 0;
}

static void *read_until_done(void *ctx) {
    Shared *sh = ctx;
    Arena a;
    bool good = true;
    arena_init(&a, 0);
    for (size_t i = 0; good && !sh->done; i++) {
        good = i % 5 == 4 ? list_all(sh, &a) : read_one(sh, i % RUNS, &a);
        sh->reads++;
        arena_reset(&a);
    }
    arena_deinit(&a);
    sh->gave_up = !good;
    return good ? sh : NULL;
}

static void write_while_reading(Store *s) {
    Shared sh = { .s = s };
    StoreLease lease;
    pthread_t reader;
    void *good = NULL;
    uint64_t rows;
    assert_int_equal(s->ops->enter(s, 0, 1000, &lease), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_until_done, &sh), 0);
    write_all(&sh);
    assert_int_equal(pthread_join(reader, &good), 0);
    assert_ptr_equal(good, &sh);
    print_message("%llu reads beside %d commits\n", (unsigned long long)sh.reads, BATCHES);
    assert_true(sh.reads >= BATCHES / 30 * 3);
    assert_int_equal(s->ops->check(s, NULL, NULL, &rows), 0);
}

static void reader_sees_whole_runs_while_sqlite_writes(void **state UNUSED) {
    char problem[STORE_PROBLEM_BYTES];
    Store *s;
    StoreSqliteOptions options = { .install_key = test_key, .wal_pages = 50, .sweep_rows = 40 };
    remove_store(test_dir("threads"));
    assert_int_equal(store_sqlite_open(test_dir("threads"), &options, &s, problem), 0);
    write_while_reading(s);
    store_close(s);
    remove_store(test_dir("threads"));
}

static void reader_sees_whole_runs_while_memory_writes(void **state UNUSED) {
    StoreMemory *m = store_memory_new(test_key);
    Store *s = store_memory_open_as(m, 1);
    write_while_reading(s);
    store_close(s);
    store_memory_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_sees_whole_runs_while_sqlite_writes),
        cmocka_unit_test(reader_sees_whole_runs_while_memory_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
