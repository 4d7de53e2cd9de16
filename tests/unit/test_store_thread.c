/* The threads of the store: order, no lost wake-up, what a join leaves, and what the way there and back costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/store_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uv_loop_t loop;
static uv_async_t finished;
static uv_check_t check;
static StoreThread thread;
static unsigned done_count;

typedef struct Numbered {
    StoreJob job;
    unsigned number, worked_as;
    unsigned work_us;
    uint64_t asked_ns, done_ns;
    void (*then)(void);
} Numbered;

static unsigned worked;

static void work(StoreJob *job, UNUSED Store *store) {
    Numbered *n = (Numbered *)job;
    if (n->work_us)
        usleep(n->work_us);
    n->worked_as = worked++;
}

static void done(StoreJob *job) {
    Numbered *n = (Numbered *)job;
    n->done_ns = uv_hrtime();
    assert_int_equal(n->number, done_count);
    assert_int_equal(n->worked_as, done_count);
    done_count++;
    if (n->then)
        n->then();
}

static void nothing(UNUSED uv_async_t *async) {}

static void collect(UNUSED uv_check_t *handle) { store_thread_collect(&thread); }

static void submit(Numbered *n, unsigned number) {
    n->number = number;
    n->job.work = work;
    n->job.done = done;
    n->asked_ns = uv_hrtime();
    store_thread_submit(&thread, &n->job);
}

static int open_thread(UNUSED void **state) {
    worked = done_count = 0;
    uv_loop_init(&loop);
    uv_async_init(&loop, &finished, nothing);
    uv_check_init(&loop, &check);
    uv_check_start(&check, collect);
    memset(&thread, 0, sizeof(thread));
    assert_int_equal(store_thread_start(&thread, "test", NULL, &finished), 0);
    return 0;
}

static int close_thread(UNUSED void **state) {
    store_thread_join(&thread);
    uv_close((uv_handle_t *)&finished, NULL);
    uv_close((uv_handle_t *)&check, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void run_until(unsigned count) {
    while (done_count < count)
        uv_run(&loop, UV_RUN_ONCE);
}

static void jobs_are_done_in_the_order_of_asking(UNUSED void **state) {
    enum { N = 20000 };
    Numbered *jobs = xcalloc(N, sizeof(*jobs));
    for (unsigned i = 0; i < N; i++) {
        submit(&jobs[i], i);
        if (i % 97 == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    run_until(N);
    free(jobs);
}

static void a_sleeping_thread_is_woken_each_time(UNUSED void **state) {
    Numbered jobs[200] = { 0 };
    for (unsigned i = 0; i < ARRAY_LEN(jobs); i++) {
        usleep(i % 4 * 30); /* around the end of its looking, where a wake-up would be lost */
        submit(&jobs[i], i);
        run_until(i + 1);
    }
}

static Numbered second;
static void ask_for_another(void) { submit(&second, 1); }

static void done_may_ask_for_more(UNUSED void **state) {
    Numbered first = { .then = ask_for_another };
    memset(&second, 0, sizeof(second));
    submit(&first, 0);
    run_until(2);
}

static void a_join_waits_for_the_job_at_hand_and_tells_nothing(UNUSED void **state) {
    Numbered jobs[50] = { 0 };
    for (unsigned i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i].work_us = 5000;
        submit(&jobs[i], i);
    }
    usleep(1000);
    store_thread_join(&thread);
    assert_int_equal(done_count, 0);
    assert_in_range(worked, 0, 3);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A chain as the engine makes it: the next job when the last is told. The bound is generous, since the machine may be
 * busy; the figure is printed. */
static void the_way_there_and_back_is_short(UNUSED void **state) {
    enum { N = 4000 };
    static Numbered jobs[N];
    static uint64_t ns[N];
    memset(jobs, 0, sizeof(jobs));
    for (unsigned i = 0; i < N; i++) {
        submit(&jobs[i], i);
        run_until(i + 1);
        ns[i] = jobs[i].done_ns - jobs[i].asked_ns;
    }
    qsort(ns, N, sizeof(*ns), by_size);
    print_message("loop -> thread -> loop: p50 %.1f us, p90 %.1f us\n", (double)ns[N / 2] / 1e3,
                  (double)ns[N * 9 / 10] / 1e3);
    assert_in_range(ns[N / 2], 0, 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_are_done_in_the_order_of_asking, open_thread,
                                        close_thread),
        cmocka_unit_test_setup_teardown(a_sleeping_thread_is_woken_each_time, open_thread,
                                        close_thread),
        cmocka_unit_test_setup_teardown(done_may_ask_for_more, open_thread, close_thread),
        cmocka_unit_test_setup_teardown(a_join_waits_for_the_job_at_hand_and_tells_nothing,
                                        open_thread, close_thread),
        cmocka_unit_test_setup_teardown(the_way_there_and_back_is_short, open_thread, close_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
