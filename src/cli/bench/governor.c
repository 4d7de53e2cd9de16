/* What the governor costs an attempt: rates that are never reached, and a breaker asked and told. */
#include "cli/bench/bench.h"
#include "engine/breaker.h"
#include "engine/bucket.h"

#define CALLS 2000000
/* So many calls to a millisecond of the clock that the bucket sees: tokens come back while others are taken. */
#define CALLS_PER_MS 100
/* What a model may use of tokens in one call. */
#define WORST 6000

/* Both kinds of tokens: a request, and what a model may use, of which it uses less. */
static double measure_rate(void) {
    Bucket requests, tokens;
    int64_t let_through = 0;
    bucket_init(&requests, (Rate){ .count = 2 * CALLS_PER_MS * 1000, .period_ms = 1000 });
    bucket_init(&tokens, (Rate){ .count = 2 * CALLS_PER_MS * 1000 * WORST, .period_ms = 1000 });
    double began_s = bench_now_s();
    for (int64_t i = 0; i < CALLS; i++) {
        int64_t now_ms = i / CALLS_PER_MS;
        if (bucket_ready_ms(&requests, 1, now_ms) > now_ms ||
            bucket_ready_ms(&tokens, WORST, now_ms) > now_ms)
            continue;
        bucket_take(&requests, 1);
        bucket_take(&tokens, WORST);
        bucket_use(&requests, 1, now_ms);
        bucket_use(&tokens, WORST, now_ms);
        bucket_settle(&tokens, WORST, WORST / 3, now_ms, now_ms);
        let_through++;
    }
    double us = (bench_now_s() - began_s) * 1e6 / CALLS;
    bucket_deinit(&requests);
    bucket_deinit(&tokens);
    return let_through == CALLS ? us : -1;
}

static double measure_breaker(void) {
    Breaker breaker = { .rule = { .failures = 5, .successes = 1, .open_ms = 1000 } };
    const Completion ends[] = { { .outcome = OUTCOME_OK },
                                { .outcome = OUTCOME_FAILED, .kind = KIND_UNAVAILABLE } };
    double began_s = bench_now_s();
    for (int64_t i = 0; i < CALLS; i++) {
        if (breaker_ready_ms(&breaker, i) > i)
            return -1;
        breaker_told(&breaker, &ends[i % 3 == 0], breaker_take(&breaker), i);
    }
    return (bench_now_s() - began_s) * 1e6 / CALLS;
}

int bench_governor(BenchRun *b) {
    b->figures[0] = measure_rate();
    b->figures[1] = measure_breaker();
    if (b->figures[0] < 0 || b->figures[1] < 0)
        return bench_fail("a limit held back what it had to let through");
    return 0;
}
