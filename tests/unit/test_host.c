/* The host: a real engine with its loop, threads, store, executors and helper, opened, crashed and opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static int open_dir(UNUSED void **state) {
    snprintf(dir, sizeof(dir), "/tmp/baton-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int close_dir(UNUSED void **state) {
    static const char *const files[] = { "baton.db", "baton.db-wal", "baton.db-shm", "high", "lock",
                                         "mark",     "helper.lock",  "pid",          "count" };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    return rmdir(dir);
}

/* One host and what was seen of it. */
typedef struct Seen {
    Host *host;
    bool ready, after_crash;
    size_t recovering;
    EngineAnswer answer;
    char message[256];
    bool replied, finished;
    char output[256];
    EngineWatcher *watcher;
} Seen;

static void is_ready(void *ctx, int err, size_t recovering, bool after_crash) {
    Seen *s = ctx;
    assert_int_equal(err, 0);
    s->ready = true;
    s->recovering = recovering;
    s->after_crash = after_crash;
}

static void is_logged(UNUSED void *ctx, Str line) { print_message("log: %.*s\n", STR_FMT(line)); }

static HostOptions options(Seen *s) {
    return (HostOptions){ .dir = dir, .ctx = s, .ready = is_ready, .log = is_logged };
}

static void open_host(Seen *s) {
    char problem[HOST_PROBLEM_BYTES] = "";
    HostOptions o = options(s);
    memset(s, 0, sizeof(*s));
    if (host_open(&o, problem, &s->host))
        fail_msg("%s", problem);
}

static void is_replied(void *ctx, const EngineReply *r) {
    Seen *s = ctx;
    s->replied = true;
    s->answer = r->answer;
    snprintf(s->message, sizeof(s->message), "%.*s", STR_FMT(r->message));
}

static void row_is_durable(void *ctx, const EngineEvent *event) {
    Seen *s = ctx;
    if (!event->state || !run_finished(event->state))
        return;
    Arena a = ARENA_NULL;
    Value v = run_status(event->state) == RUN_OK ? run_output(event->state)
                                                 : run_error(event->state);
    Str text = value_text(&a, v);
    snprintf(s->output, sizeof(s->output), "%.*s", STR_FMT(text));
    arena_deinit(&a);
    s->finished = true;
}

static void start_run(Seen *s, const char *id, const char *file) {
    Arena a = ARENA_NULL;
    Str name = STR("test.yaml"), text = str_from(file);
    EngineStart start = { .id = str_from(id),
                          .closure = closure_make(&a, name, &name, &text, 1),
                          .input = STR("{}"),
                          .dir = str_from(dir) };
    s->watcher = engine_watch(host_engine(s->host), str_from(id), row_is_durable, s);
    engine_start_run(host_engine(s->host), &start, is_replied, s);
    host_wake(s->host);
    arena_deinit(&a);
}

static void too_late(UNUSED uv_timer_t *timer) { fail_msg("nothing for 20 s"); }

static void free_handle(uv_handle_t *handle) { free(handle); }

static void run_until(Seen *s, const bool *flag) {
    uv_timer_t *limit = xcalloc(1, sizeof(*limit));
    uv_timer_init(host_loop(s->host), limit);
    uv_update_time(host_loop(s->host));
    uv_timer_start(limit, too_late, 20000, 0);
    while (!*flag)
        uv_run(host_loop(s->host), UV_RUN_ONCE);
    uv_close((uv_handle_t *)limit, free_handle);
}

static void stop_and_close(Seen *s) {
    host_stop(s->host, 1000);
    assert_int_equal(host_run(s->host), 0);
    s->host = host_close(s->host);
}

#define CHAIN                                                                                      \
    "baton: 1\nname: chain\nsteps:\n"                                                              \
    "  - id: a\n    tool: echo\n    with: { x: 1 }\n"                                              \
    "  - id: b\n    run: [sh, -c, \"echo $BATON_RUN_ID-$BATON_STEP\"]\n"                           \
    "return: { a: \"${{ steps.a.output }}\", b: \"${{ steps.b.output }}\" }\n"

static void a_run_goes_through_store_and_helper(UNUSED void **state) {
    Seen s;
    open_host(&s);
    start_run(&s, "r1", CHAIN);
    run_until(&s, &s.finished);
    assert_true(s.ready);
    assert_int_equal(s.answer, ENGINE_OK);
    assert_string_equal(s.output, "{\"a\":{\"x\":1},\"b\":\"r1-b\"}");
    stop_and_close(&s);
}

static void a_second_host_is_refused_while_the_first_is_there(UNUSED void **state) {
    Seen s;
    open_host(&s);
    char problem[HOST_PROBLEM_BYTES] = "";
    Host *second = NULL;
    HostOptions o = options(&s);
    assert_int_equal(host_open(&o, problem, &second), -ERR_BUSY);
    assert_null(second);
    assert_true(problem[0] != 0);
    stop_and_close(&s);
    open_host(&s);
    stop_and_close(&s);
}

static void a_directory_that_cannot_be_made_is_told(UNUSED void **state) {
    char problem[HOST_PROBLEM_BYTES] = "";
    Host *h = NULL;
    HostOptions o = { .dir = "/proc/no/such" };
    assert_int_not_equal(host_open(&o, problem, &h), 0);
    assert_null(h);
    assert_non_null(strstr(problem, "/proc/no/such"));
}

/* Both attempts of the command add a line to `count`, so what ran how often is on the disk. */
#define SLOW                                                                                                                                   \
    "baton: 1\nname: slow\nsteps:\n"                                                                                                           \
    "  - id: a\n    run: [sh, -c, \"echo a >> count; echo 1\"]\n"                                                                              \
    "  - id: b\n    effect: idempotent\n    run: [sh, -c, \"echo b >> count; echo $$ > pid; [ $BATON_ATTEMPT = 1 ] && sleep 1000; echo 2\"]\n" \
    "return: ${{ steps.b.output }}\n"

static void wait_for_file(Seen *s, const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (int i = 0; i < 2000; i++) {
        uv_run(host_loop(s->host), UV_RUN_NOWAIT);
        FILE *f = fopen(path, "r");
        int c = f ? fgetc(f) : EOF;
        if (f)
            fclose(f);
        if (c != EOF)
            return;
        usleep(5000);
    }
    fail_msg("%s was never written", path);
}

static int lines_of(const char *name, char *ret, size_t room) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(ret, 1, room - 1, f);
    fclose(f);
    ret[n] = 0;
    int lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += ret[i] == '\n';
    return lines;
}

static void after_kill_9_the_run_goes_on_and_no_old_command_lives(UNUSED void **state) {
    pid_t engine = fork();
    if (engine == 0) {
        Seen own;
        open_host(&own);
        start_run(&own, "r1", SLOW);
        wait_for_file(&own, "pid");
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(engine, &status, 0);
    assert_true(WIFSIGNALED(status));
    char text[64];
    lines_of("pid", text, sizeof(text));
    int old = 0;
    assert_int_equal(sscanf(text, "%d", &old), 1);

    Seen s;
    open_host(&s);
    assert_int_equal(kill(old, 0), -1);
    s.watcher = engine_watch(host_engine(s.host), STR("r1"), row_is_durable, &s);
    run_until(&s, &s.finished);
    assert_true(s.after_crash);
    assert_int_equal(s.recovering, 1);
    assert_string_equal(s.output, "2");
    assert_int_equal(lines_of("count", text, sizeof(text)), 3);
    assert_string_equal(text, "a\nb\nb\n");
    stop_and_close(&s);
}

static void a_close_without_a_stop_is_a_crash_to_the_next(UNUSED void **state) {
    Seen s;
    open_host(&s);
    start_run(&s, "r1", SLOW);
    wait_for_file(&s, "pid");
    s.host = host_close(s.host);
    open_host(&s);
    s.watcher = engine_watch(host_engine(s.host), STR("r1"), row_is_durable, &s);
    run_until(&s, &s.finished);
    assert_true(s.after_crash);
    assert_string_equal(s.output, "2");
    stop_and_close(&s);
}

static pid_t only_child(void) {
    char path[64];
    int pid = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void the_death_of_the_helper_is_a_crash_and_the_next_host_goes_on(UNUSED void **state) {
    Seen s;
    open_host(&s);
    start_run(&s, "r1", SLOW);
    wait_for_file(&s, "pid");
    kill(only_child(), SIGKILL);
    assert_int_equal(host_run(s.host), -ERR_INTERNAL);
    s.host = host_close(s.host);
    open_host(&s);
    s.watcher = engine_watch(host_engine(s.host), STR("r1"), row_is_durable, &s);
    run_until(&s, &s.finished);
    assert_true(s.after_crash);
    assert_string_equal(s.output, "2");
    stop_and_close(&s);
}

static int64_t cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static void quit(uv_timer_t *timer) { host_quit(timer->data); }

static void idle_costs_nothing(UNUSED void **state) {
    Seen s;
    open_host(&s);
    start_run(&s, "r1", "baton: 1\nname: w\nsteps:\n  - id: w\n    wait: { signal: go }\n");
    run_until(&s, &s.replied);
    for (int i = 0; i < 20; i++) { /* what the start left to do */
        uv_run(host_loop(s.host), UV_RUN_NOWAIT);
        usleep(2000);
    }
    uv_timer_t timer;
    uv_timer_init(host_loop(s.host), &timer);
    timer.data = s.host;
    uv_update_time(host_loop(s.host));
    uv_timer_start(&timer, quit, 500, 0);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    int64_t begin = cpu_us();
    assert_int_equal(host_run(s.host), 0);
    int64_t used = cpu_us() - begin;
    getrusage(RUSAGE_SELF, &after);
    print_message("500 ms idle: %lld us of CPU, %ld switches\n", (long long)used,
                  after.ru_nvcsw - before.ru_nvcsw);
    assert_in_range(after.ru_nvcsw - before.ru_nvcsw, 0, 10);
    stop_and_close(&s);
}

static void sigterm_stops_cleanly(UNUSED void **state) {
    Seen s;
    open_host(&s);
    start_run(&s, "r1", "baton: 1\nname: w\nsteps:\n  - id: w\n    wait: { signal: go }\n");
    run_until(&s, &s.replied);
    kill(getpid(), SIGTERM);
    assert_int_equal(host_run(s.host), 0);
    s.host = host_close(s.host);
    open_host(&s);
    run_until(&s, &s.ready);
    assert_false(s.after_crash);
    stop_and_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_goes_through_store_and_helper, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(
            the_death_of_the_helper_is_a_crash_and_the_next_host_goes_on, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(a_second_host_is_refused_while_the_first_is_there, open_dir,
                                        close_dir),
        cmocka_unit_test(a_directory_that_cannot_be_made_is_told),
        cmocka_unit_test_setup_teardown(after_kill_9_the_run_goes_on_and_no_old_command_lives,
                                        open_dir, close_dir),
        cmocka_unit_test_setup_teardown(a_close_without_a_stop_is_a_crash_to_the_next, open_dir,
                                        close_dir),
        cmocka_unit_test_setup_teardown(idle_costs_nothing, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(sigterm_stops_cleanly, open_dir, close_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
