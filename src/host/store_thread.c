/* Two stacks without locks, one each way: a side that takes, takes all and turns it round, which is the order of asking.
 *
 *   loop:    push(asked) ... wake if asleep            thread:  take all(asked) -> work -> push(done) -> uv_async_send
 *
 * How long a batch waits to be noticed is part of every durable step. After its work the thread looks for more for a few
 * microseconds before it sleeps: in a chain of steps the next batch comes within that time, and a sleeper costs two
 * context switches. It looks only as long as looking has paid lately, so that a lone writer does not burn a core. */
#include "host/store_thread.h"

#include <sys/prctl.h>
#include <time.h>

/* One turn of the engine between two commits takes 5 to 15 us. */
#define SPIN_NS 25000
/* After so many spins in vain the thread stops looking; one batch that was there at once makes it look again. */
#define SPINS_IN_VAIN_MAX 16

static void push(_Atomic(StoreJob *) *stack, StoreJob *job) {
    StoreJob *top = atomic_load_explicit(stack, memory_order_relaxed);
    do
        job->next = top;
    while (!atomic_compare_exchange_weak(stack, &top, job));
}

static StoreJob *take_all_oldest_first(_Atomic(StoreJob *) *stack) {
    if (!atomic_load_explicit(stack, memory_order_relaxed))
        return NULL;
    StoreJob *job = atomic_exchange(stack, NULL), *oldest = NULL;
    while (job) {
        StoreJob *next = job->next;
        job->next = oldest;
        oldest = job;
        job = next;
    }
    return oldest;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool something_to_do(StoreThread *t) {
    return atomic_load(&t->asked) || atomic_load(&t->leaving);
}

static bool look_for_a_while(StoreThread *t) {
    int64_t until = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(&t->asked, memory_order_relaxed))
                return true;
            __builtin_ia32_pause();
        }
    } while (now_ns() < until);
    return false;
}

/* `asleep` is set before the last look, and submit() looks at it after its push: one of the two sees the other. */
static void sleep_until_asked(StoreThread *t) {
    pthread_mutex_lock(&t->mutex);
    atomic_store(&t->asleep, true);
    while (!something_to_do(t))
        pthread_cond_wait(&t->wake, &t->mutex);
    atomic_store(&t->asleep, false);
    pthread_mutex_unlock(&t->mutex);
}

/* Through the mutex, so that it is asleep or looks again; signalled after it, so that it does not wake to find it taken. */
static void wake_up(StoreThread *t) {
    pthread_mutex_lock(&t->mutex);
    pthread_mutex_unlock(&t->mutex);
    pthread_cond_signal(&t->wake);
}

static void do_jobs(StoreThread *t, StoreJob *job) {
    while (job && !atomic_load(&t->leaving)) {
        StoreJob *next = job->next;
        job->work(job, t->store);
        push(&t->done, job);
        uv_async_send(t->finished);
        job = next;
    }
}

static void *run_thread(void *ctx) {
    StoreThread *t = ctx;
    unsigned in_vain = 0;
    prctl(PR_SET_NAME, t->name);
    while (!atomic_load(&t->leaving)) {
        StoreJob *jobs = take_all_oldest_first(&t->asked);
        if (!jobs) {
            sleep_until_asked(t);
            continue;
        }
        do_jobs(t, jobs);
        if (in_vain < SPINS_IN_VAIN_MAX)
            in_vain = look_for_a_while(t) ? 0 : in_vain + 1;
        else if (something_to_do(t))
            in_vain = 0;
    }
    return NULL;
}

int store_thread_start(StoreThread *t, const char *name, Store *store, uv_async_t *finished) {
    t->name = name;
    t->store = store;
    t->finished = finished;
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->wake, NULL);
    int err = pthread_create(&t->thread, NULL, run_thread, t);
    t->running = err == 0;
    return -err;
}

void store_thread_submit(StoreThread *t, StoreJob *job) {
    push(&t->asked, job);
    if (atomic_load(&t->asleep))
        wake_up(t);
}

bool store_thread_collect(StoreThread *t) {
    StoreJob *job = take_all_oldest_first(&t->done);
    bool any = job != NULL;
    while (job) {
        StoreJob *next = job->next; /* done() may free it */
        job->done(job);
        job = next;
    }
    return any;
}

void store_thread_join(StoreThread *t) {
    if (!t->running)
        return;
    atomic_store(&t->leaving, true);
    wake_up(t);
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->mutex);
    pthread_cond_destroy(&t->wake);
    t->running = false;
}
