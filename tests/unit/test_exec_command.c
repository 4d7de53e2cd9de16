/* The `run` callee with real processes, through the real helper process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "exec/executor.h"
#include "host/spawn.h"

#include "doc_table.h"
#include "exec_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static Spawner spawner;
static World world;
static World *w = &world;
static char dir[64];

static int open_world(UNUSED void **state) {
    snprintf(dir, sizeof(dir), "/tmp/baton-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(spawner_fork(&spawner, dir), 0);
    assert_int_equal(spawner_hold(&spawner, 5000), 0);
    world_open(
        w,
        (ExecOptions){
            .spawn = spawner_port(&spawner),
            .commands_max = 4,
            .bounds = { .cpu_s = 1, .file_bytes = MIB, .files = 40, .memory_bytes = 512 * MIB } });
    spawner_listen(&spawner, &w->loop);
    return 0;
}

static int close_world(UNUSED void **state) {
    exec_close(w->exec);
    spawner_close(&spawner);
    while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0)
        ;
    assert_int_equal(uv_loop_close(&w->loop), 0);
    w->exec = exec_free(w->exec);
    arena_deinit(&w->arena);
    char path[128];
    snprintf(path, sizeof(path), "%s/helper.lock", dir);
    unlink(path);
    rmdir(dir);
    return 0;
}

static void run(const char *request) {
    Attempt *a = attempt_new(CALLEE_RUN, request);
    a->key = STR("the-key");
    perform(w, a);
    attempt_free(a);
}

/* `sh -c` with a script without quotes of its own. */
static Attempt *shell(const char *script) {
    char request[1024];
    snprintf(request, sizeof(request), "{\"command\":[\"sh\",\"-c\",\"%s\"]}", script);
    return attempt_new(CALLEE_RUN, request);
}

static void run_shell(const char *script) {
    Attempt *a = shell(script);
    perform(w, a);
    attempt_free(a);
}

static void succeeds_with(const char *payload) {
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_str_is(w->last.payload, payload);
}

static bool is_alive(pid_t pid) { return kill(pid, 0) == 0; }

static bool gone_within_ms(pid_t pid, int ms) {
    for (; ms > 0 && is_alive(pid); ms -= 5)
        usleep(5000);
    return !is_alive(pid);
}

static pid_t pid_in(const char *path) {
    FILE *f = fopen(path, "r");
    int pid = 0;
    if (!f)
        return 0;
    if (fscanf(f, "%d", &pid) != 1)
        pid = 0;
    fclose(f);
    return pid;
}

/* Waits for a script to have written its process number. */
static pid_t wait_for_pid(const char *path) {
    for (int i = 0; i < 400; i++) {
        pid_t pid = pid_in(path);
        if (pid)
            return pid;
        uv_run(&w->loop, UV_RUN_NOWAIT);
        usleep(5000);
    }
    fail_msg("%s was never written", path);
    return 0;
}

/* ---- outputs ----------------------------------------------------------------------------------------------------------- */

static void json_on_stdout_is_the_value(UNUSED void **state) {
    run("{\"command\":[\"echo\",\"{\\\"a\\\": [1, 2]}\"]}");
    succeeds_with("{\"a\": [1, 2]}");
}

static void text_on_stdout_is_a_string_without_its_last_newline(UNUSED void **state) {
    run("{\"command\":[\"printf\",\"two\\nlines\\n\"]}");
    succeeds_with("\"two\\nlines\"");
}

static void no_output_is_an_empty_text(UNUSED void **state) {
    run("{\"command\":[\"true\"]}");
    succeeds_with("\"\"");
}

static void bytes_that_are_no_utf8_are_replaced(UNUSED void **state) {
    run("{\"command\":[\"printf\",\"a\\\\377b\"]}");
    succeeds_with("\"a\xEF\xBF\xBD"
                  "b\"");
}

static void a_map_on_stdin_is_json_and_a_text_is_as_it_is(UNUSED void **state) {
    run("{\"command\":[\"cat\"],\"stdin\":{\"b\":1,\"a\":\"x\"}}");
    succeeds_with("{\"a\":\"x\",\"b\":1}");
    run("{\"command\":[\"cat\"],\"stdin\":\"plain\"}");
    succeeds_with("\"plain\"");
}

static void without_a_stdin_of_its_own_a_command_reads_its_input_as_json(UNUSED void **state) {
    run("{\"command\":[\"cat\"],\"input\":{\"text\":\"x\"}}");
    succeeds_with("{\"text\":\"x\"}");
    run("{\"command\":[\"cat\"],\"input\":{\"text\":\"x\"},\"stdin\":\"its own\"}");
    succeeds_with("\"its own\"");
}

static void a_command_that_does_not_read_a_large_stdin_is_no_failure(UNUSED void **state) {
    Attempt *a = attempt_new(CALLEE_RUN, "{\"command\":[\"true\"]}");
    char *big = xmalloc(MIB);
    memset(big, 'x', MIB);
    a->request = value_with(&a->arena, a->request, STR("stdin"), value_str((Str){ big, MIB }));
    perform(w, a);
    succeeds_with("\"\"");
    attempt_free(a);
    free(big);
}

static void a_megabyte_goes_through_both_ways(UNUSED void **state) {
    Attempt *a = attempt_new(CALLEE_RUN, "{\"command\":[\"cat\"]}");
    char *big = xmalloc(MIB);
    memset(big, 'x', MIB);
    a->request = value_with(&a->arena, a->request, STR("stdin"), value_str((Str){ big, MIB }));
    perform(w, a);
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_int_equal(w->last.payload.len, MIB + 2);
    attempt_free(a);
    free(big);
}

/* ---- environment ------------------------------------------------------------------------------------------------------- */

static void the_environment_is_small_and_says_who_it_is_for(UNUSED void **state) {
    setenv("BATON_TEST_SECRET", "hidden", 1);
    run("{\"command\":[\"sh\",\"-c\",\"env | sort | grep -v ^PWD | grep -v ^PATH | grep -v ^HOME | grep -v ^LANG | "
        "grep -v ^TZ | grep -v ^TMPDIR | grep -v ^_ | grep -v SHLVL | grep -v OLDPWD\"],\"env\":{\"OWN\":\"1\",\"N\":2}}");
    succeeds_with("\"BATON_ATTEMPT=1\\nBATON_IDEMPOTENCY_KEY=the-key\\nBATON_RUN_ID=run-1\\n"
                  "BATON_STEP=work.step[2]\\nN=2\\nOWN=1\"");
}

static void cwd_is_relative_to_the_directory_of_the_run(UNUSED void **state) {
    Attempt *a = attempt_new(CALLEE_RUN, "{\"command\":[\"pwd\"],\"cwd\":\"bus\"}");
    a->dir = STR("/sys");
    perform(w, a);
    succeeds_with("\"/sys/bus\"");
    attempt_free(a);
}

static void path_of_the_file_decides_where_a_program_is_looked_for(UNUSED void **state) {
    run("{\"command\":[\"ls\"],\"env\":{\"PATH\":\"/nowhere:/else\"}}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_NOT_FOUND);
    assert_str_is(w->last.message, "run: no program ls in PATH (/nowhere:/else)");
}

/* ---- failures ---------------------------------------------------------------------------------------------------------- */

static void exit_code_is_a_definite_failure_with_its_log(UNUSED void **state) {
    run_shell("echo partial; echo first >&2; echo the reason >&2; exit 3");
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_CRASHED);
    assert_str_is(w->last.message, "run: sh ended with exit code 3: the reason");
    assert_str_is(w->last.payload,
                  "{\"exit\":3,\"log\":\"first\\nthe reason\\n\",\"output\":\"partial\\n\"}");
}

static void exit_code_75_asks_for_another_try(UNUSED void **state) {
    run_shell("exit 75");
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_UNAVAILABLE);
}

static void killed_by_a_signal_is_unknown(UNUSED void **state) {
    run_shell("kill -SEGV $$");
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CRASHED);
    assert_str_has(w->last.payload, "\"signal\":11");
}

static void a_missing_program_is_told_with_where_it_was_looked_for(UNUSED void **state) {
    run("{\"command\":[\"./no-such-thing\"]}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_NOT_FOUND);
    assert_str_has(w->last.message, "./no-such-thing is not there (looked for from /tmp)");
}

static void a_file_without_permission_is_denied(UNUSED void **state) {
    char file[128], request[256];
    snprintf(file, sizeof(file), "%s/plain", dir);
    close(creat(file, 0600));
    snprintf(request, sizeof(request), "{\"command\":[\"%s\"]}", file);
    run(request);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    unlink(file);
}

static void a_missing_directory_is_told(UNUSED void **state) {
    run("{\"command\":[\"true\"],\"cwd\":\"no/such\"}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_NOT_FOUND);
    assert_str_has(w->last.message, "cannot enter the directory /tmp/no/such");
}

static void an_empty_command_is_refused(UNUSED void **state) {
    run("{\"command\":[]}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
    run("{\"command\":[\"a\\u0000b\"]}");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_INVALID);
}

static void log_keeps_the_last_part(UNUSED void **state) {
    run_shell("i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1");
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_CRASHED);
    assert_true(w->last.payload.len < LIMIT_LOG_BYTES + 16 * KIB);
    assert_str_has(w->last.payload, "line 19999");
    assert_true(str_find(w->last.payload, STR("line 0\\n")) < 0);
}

static void endless_output_is_killed_at_the_cap(UNUSED void **state) {
    run("{\"command\":[\"head\",\"-c\",\"10737418240\",\"/dev/zero\"]}");
    assert_ended(w, OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT);
    assert_str_has(w->last.message, "more than 16777216 bytes");
}

/* ---- trees ------------------------------------------------------------------------------------------------------------- */

static void a_daemonised_grandchild_is_gone_when_the_command_ends(UNUSED void **state) {
    char file[128], script[512];
    snprintf(file, sizeof(file), "%s/daemon", dir);
    snprintf(script, sizeof(script),
             "(setsid sh -c 'echo $$ > %s; exec sleep 1000' &) ; while ! [ -s %s ]; do :; done",
             file, file);
    run_shell(script);
    succeeds_with("\"\"");
    pid_t daemon = pid_in(file);
    unlink(file);
    assert_true(daemon > 0);
    assert_false(is_alive(daemon));
}

static void a_grandchild_that_holds_stdout_does_not_hold_the_step(UNUSED void **state) {
    uint64_t begin = uv_hrtime();
    run_shell("sleep 1000 & echo done");
    succeeds_with("\"done\"");
    assert_true(uv_hrtime() - begin < 900000000);
}

static void stop_ends_a_command_that_ignores_sigterm(UNUSED void **state) {
    char file[128], script[256];
    snprintf(file, sizeof(file), "%s/stubborn", dir);
    snprintf(script, sizeof(script), "trap : TERM; echo $$ > %s; while :; do sleep 0.05; done",
             file);
    Attempt *a = shell(script);
    exec_start(w->exec, a);
    pid_t pid = wait_for_pid(file);
    unsigned before = w->completions;
    exec_stop(w->exec, a);
    exec_stop(w->exec, a);
    world_wait(w, before + 1);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED);
    assert_false(is_alive(pid));
    attempt_free(a);
    unlink(file);
}

static void stop_lets_a_command_end_well(UNUSED void **state) {
    char file[128], script[256];
    snprintf(file, sizeof(file), "%s/polite", dir);
    snprintf(script, sizeof(script),
             "trap 'echo saved; exit 0' TERM; echo $$ > %s; while :; do sleep 0.05; done", file);
    Attempt *a = shell(script);
    exec_start(w->exec, a);
    wait_for_pid(file);
    unsigned before = w->completions;
    exec_stop(w->exec, a);
    world_wait(w, before + 1);
    succeeds_with("\"saved\"");
    attempt_free(a);
    unlink(file);
}

static void stop_before_a_slot_is_free_sends_nothing(UNUSED void **state) {
    Attempt *busy[4], *late = shell("echo never");
    unsigned before = w->completions;
    for (int i = 0; i < 4; i++)
        exec_start(w->exec, busy[i] = shell("sleep 0.2"));
    exec_start(w->exec, late);
    exec_stop(w->exec, late);
    assert_int_equal(w->completions, before + 1);
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_CANCELLED);
    world_wait(w, before + 5);
    for (int i = 0; i < 4; i++)
        attempt_free(busy[i]);
    attempt_free(late);
}

static void more_commands_than_slots_wait_their_turn(UNUSED void **state) {
    Attempt *a[12];
    unsigned before = w->completions;
    for (int i = 0; i < 12; i++)
        exec_start(w->exec, a[i] = shell("sleep 0.05"));
    world_wait(w, before + 12);
    assert_true(a[11]->queued_us > 50000);
    assert_true(a[0]->queued_us < 50000);
    for (int i = 0; i < 12; i++)
        attempt_free(a[i]);
}

static void a_command_that_closes_its_outputs_is_waited_for(UNUSED void **state) {
    uint64_t begin = uv_hrtime();
    run_shell("exec >&- 2>&- <&-; sleep 0.3; exit 4");
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_CRASHED);
    assert_true(uv_hrtime() - begin > 290000000);
}

/* ---- the helper's death and the engine's --------------------------------------------------------------------------------- */

static void a_supervisor_that_is_killed_leaves_the_outcome_unknown_and_no_process(
    UNUSED void **state) {
    char file[128], script[256];
    snprintf(file, sizeof(file), "%s/parent", dir);
    snprintf(script, sizeof(script), "(setsid sleep 1000 &) ; echo $PPID > %s; sleep 1000", file);
    Attempt *a = shell(script);
    unsigned before = w->completions;
    exec_start(w->exec, a);
    pid_t supervisor = wait_for_pid(file);
    kill(supervisor, SIGKILL);
    world_wait(w, before + 1);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CRASHED);
    attempt_free(a);
    unlink(file);
}

/* In a process of its own, which is killed as an engine is. */
static _Noreturn void be_an_engine(const char *where, const char *script) {
    World own;
    Spawner mine;
    if (spawner_fork(&mine, where) || spawner_hold(&mine, 5000))
        _exit(1);
    world_open(&own, (ExecOptions){ .spawn = spawner_port(&mine) });
    spawner_listen(&mine, &own.loop);
    exec_start(own.exec, shell(script));
    for (;;)
        uv_run(&own.loop, UV_RUN_ONCE);
}

static pid_t first_child(pid_t parent) {
    char path[64];
    int pid = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static pid_t wake_after_ms(pid_t stopped, int ms) {
    pid_t waker = fork();
    if (waker == 0) {
        usleep((useconds_t)ms * 1000);
        kill(stopped, SIGCONT);
        _exit(0);
    }
    return waker;
}

static void the_death_of_the_engine_kills_every_tree_before_the_next_helper_begins(
    UNUSED void **state) {
    char where[64] = "/tmp/baton-test-XXXXXX", file[128], script[512];
    assert_non_null(mkdtemp(where));
    snprintf(file, sizeof(file), "%s/pid", where);
    snprintf(
        script, sizeof(script),
        "(setsid sh -c 'trap : TERM; echo $$ > %s; while :; do sleep 0.05; done' &) ; sleep 1000",
        file);
    pid_t engine = fork();
    if (engine == 0)
        be_an_engine(where, script);
    pid_t tree = wait_for_pid(file), helper = first_child(engine);
    kill(helper, SIGSTOP); /* so that there is something to wait for */
    kill(engine, SIGKILL);
    waitpid(engine, NULL, 0);
    pid_t waker = wake_after_ms(helper, 300);
    Spawner next;
    assert_int_equal(spawner_fork(&next, where), 0);
    assert_int_equal(spawner_hold(&next, 5000), 0);
    assert_false(is_alive(tree));
    waitpid(waker, NULL, 0);
    spawner_close(&next);
    unlink(file);
    snprintf(file, sizeof(file), "%s/helper.lock", where);
    unlink(file);
    rmdir(where);
}

static void the_death_of_the_helper_leaves_outcomes_unknown_and_no_process(UNUSED void **state) {
    char where[64] = "/tmp/baton-test-XXXXXX", file[128], script[256];
    assert_non_null(mkdtemp(where));
    Spawner mine;
    World own;
    assert_int_equal(spawner_fork(&mine, where), 0);
    world_open(&own, (ExecOptions){ .spawn = spawner_port(&mine) });
    spawner_listen(&mine, &own.loop);
    snprintf(file, sizeof(file), "%s/pid", where);
    snprintf(script, sizeof(script), "echo $$ > %s; sleep 1000", file);
    Attempt *a = shell(script), *b = shell("true");
    exec_start(own.exec, a);
    for (int i = 0; i < 400 && !pid_in(file); i++) {
        uv_run(&own.loop, UV_RUN_NOWAIT);
        usleep(5000);
    }
    pid_t pid = pid_in(file);
    assert_true(pid > 0);
    kill(mine.helper, SIGKILL);
    world_wait(&own, 1);
    assert_ended(&own, OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CRASHED);
    assert_true(gone_within_ms(pid, 2000));
    while (mine.socket >= 0) /* its supervisor held the socket a little longer */
        uv_run(&own.loop, UV_RUN_ONCE);
    perform(&own, b);
    assert_ended(&own, OUTCOME_FAILED, SENT_NO, KIND_UNAVAILABLE);
    attempt_free(a);
    attempt_free(b);
    exec_close(own.exec);
    spawner_close(&mine);
    while (uv_run(&own.loop, UV_RUN_DEFAULT) != 0)
        ;
    assert_int_equal(uv_loop_close(&own.loop), 0);
    exec_free(own.exec);
    arena_deinit(&own.arena);
    unlink(file);
    rmdir(where);
}

/* ---- bounds -------------------------------------------------------------------------------------------------------------- */

static void says(const char *text) {
    if (str_find(w->last.message, str_from(text)) < 0)
        fail_msg("%.*s, without %s", STR_FMT(w->last.message), text);
}

static void too_much_processor_time_ends_it(UNUSED void **state) {
    run("{\"command\":[\"sh\",\"-c\",\"i=0; while [ $i -lt 8000000 ]; do i=$((i+1)); done\"]}");
    assert_ended(w, OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT);
    says("processor time");
    assert_true(w->last.usage.cpu_us > 300000 && w->last.usage.cpu_us < 10000000);
}

static void too_large_a_file_ends_it(UNUSED void **state) {
    char script[256];
    snprintf(script, sizeof script, "exec head -c 3000000 /dev/zero > %s/large; rm %s/large", dir,
             dir);
    run_shell(script);
    assert_ended(w, OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT);
    says("size of a file");
    snprintf(script, sizeof script, "%s/large", dir);
    unlink(script);
}

static void what_it_may_have_is_what_it_is_told(UNUSED void **state) {
    run_shell("ulimit -n; ulimit -d; ulimit -f; ulimit -c; ulimit -t");
    succeeds_with("\"40\\n524288\\n2048\\n0\\n1\"");
}

static void more_memory_than_there_is_for_it_is_refused(UNUSED void **state) {
    run("{\"command\":[\"python3\",\"-c\",\"x = bytearray(700 << 20)\"]}");
    assert_ended(w, OUTCOME_FAILED, SENT_YES, KIND_CRASHED);
    says("MemoryError");
}

static void what_it_used_is_measured(UNUSED void **state) {
    run("{\"command\":[\"python3\",\"-c\",\"x = bytearray(100 << 20); print(len(x) > 5)\"]}");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    assert_true(w->last.usage.peak_bytes > 100 * (int64_t)MIB);
    assert_true(w->last.usage.peak_bytes < 400 * (int64_t)MIB);
    assert_true(w->last.usage.cpu_us > 1000);
}

static void the_operators_words_are_read(UNUSED void **state) {
    CommandBounds b;
    char problem[BOUNDS_PROBLEM_BYTES];
    assert_true(command_bounds_read(STR(""), &b, problem));
    assert_true(b.memory_bytes == LIMIT_COMMAND_MEMORY_BYTES && b.files == LIMIT_COMMAND_FILES);
    assert_true(
        command_bounds_read(STR("memory=4GiB  cpu=10m file=none processes=20"), &b, problem));
    assert_true(b.memory_bytes == 4ull << 30 && b.cpu_s == 600 && b.file_bytes == 0 &&
                b.processes == 20 && b.files == LIMIT_COMMAND_FILES);
    static const char *const bad[] = { "memory=4",  "memory=0GiB", "memory=99999999999999GiB",
                                       "memory",    "cpu=1",       "cpu=5ms",
                                       "files=-1",  "=4GiB",       "files=0",
                                       "threads=4", "file=GiB" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        problem[0] = 0;
        assert_false(command_bounds_read(str_from(bad[i]), &b, problem));
        assert_non_null(strstr(problem, "BATON_COMMAND_LIMITS: `"));
    }
}

/* ---- the table of docs/effects.md -------------------------------------------------------------------------------------- */

static void stop_a_waiting_one(void) {
    Attempt *busy[4], *late = shell("echo never");
    unsigned before = w->completions;
    for (int i = 0; i < 4; i++)
        exec_start(w->exec, busy[i] = shell("sleep 0.2"));
    exec_start(w->exec, late);
    exec_stop(w->exec, late);
    Completion ended = w->last;
    world_wait(w, before + 5);
    for (int i = 0; i < 4; i++)
        attempt_free(busy[i]);
    attempt_free(late);
    w->last = ended;
}

static void lives_on_nothing(void) { run_shell("while :; do :; done"); }
static void exits_with_0(void) { run_shell("exit 0"); }
static void exits_with_75(void) { run_shell("exit 75"); }
static void exits_with_3(void) { run_shell("exit 3"); }
static void is_killed(void) { run_shell("kill -9 $$"); }
static void is_stopped(void) { stop_ends_a_command_that_ignores_sigterm(NULL); }
static void says_too_much(void) {
    run("{\"command\":[\"head\",\"-c\",\"10737418240\",\"/dev/zero\"]}");
}
static void is_nowhere(void) { run("{\"command\":[\"no-such-program\"]}"); }
static void may_not_be_run(void) { a_file_without_permission_is_denied(NULL); }

/* Of the last row there is no way to say here: no process is to be had. */
static void check_documented(const DocRow *r) {
    static const struct {
        const char *words;
        void (*perform)(void);
    } ways[] = {
        { "exit code 0", exits_with_0 },
        { "exit code 75", exits_with_75 },
        { "any other exit code", exits_with_3 },
        { "killed by a signal", is_killed },
        { "stopped by Baton", is_stopped },
        { "stopped before", stop_a_waiting_one },
        { "more than 16 MiB", says_too_much },
        { "ended by its limit", lives_on_nothing },
        { "no such program", is_nowhere },
        { "no permission", may_not_be_run },
        { "no process", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (strncmp(r->cells[0], ways[i].words, strlen(ways[i].words)) != 0)
            continue;
        if (ways[i].perform) {
            ways[i].perform();
            doc_check(r, w->last.outcome, w->last.sent, w->last.kind);
        }
        return;
    }
    fail_msg("nobody knows how a command ends so: %s", r->cells[0]);
}

static void every_row_of_the_documented_table_holds(UNUSED void **state) {
    assert_int_equal(doc_each_row("## Commands", check_documented), 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_documented_table_holds),
        cmocka_unit_test(json_on_stdout_is_the_value),
        cmocka_unit_test(text_on_stdout_is_a_string_without_its_last_newline),
        cmocka_unit_test(no_output_is_an_empty_text),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(a_map_on_stdin_is_json_and_a_text_is_as_it_is),
        cmocka_unit_test(without_a_stdin_of_its_own_a_command_reads_its_input_as_json),
        cmocka_unit_test(a_command_that_does_not_read_a_large_stdin_is_no_failure),
        cmocka_unit_test(a_megabyte_goes_through_both_ways),
        cmocka_unit_test(the_environment_is_small_and_says_who_it_is_for),
        cmocka_unit_test(cwd_is_relative_to_the_directory_of_the_run),
        cmocka_unit_test(path_of_the_file_decides_where_a_program_is_looked_for),
        cmocka_unit_test(exit_code_is_a_definite_failure_with_its_log),
        cmocka_unit_test(exit_code_75_asks_for_another_try),
        cmocka_unit_test(killed_by_a_signal_is_unknown),
        cmocka_unit_test(a_missing_program_is_told_with_where_it_was_looked_for),
        cmocka_unit_test(a_file_without_permission_is_denied),
        cmocka_unit_test(a_missing_directory_is_told),
        cmocka_unit_test(an_empty_command_is_refused),
        cmocka_unit_test(log_keeps_the_last_part),
        cmocka_unit_test(endless_output_is_killed_at_the_cap),
        cmocka_unit_test(a_daemonised_grandchild_is_gone_when_the_command_ends),
        cmocka_unit_test(a_grandchild_that_holds_stdout_does_not_hold_the_step),
        cmocka_unit_test(stop_ends_a_command_that_ignores_sigterm),
        cmocka_unit_test(stop_lets_a_command_end_well),
        cmocka_unit_test(stop_before_a_slot_is_free_sends_nothing),
        cmocka_unit_test(more_commands_than_slots_wait_their_turn),
        cmocka_unit_test(a_command_that_closes_its_outputs_is_waited_for),
        cmocka_unit_test(a_supervisor_that_is_killed_leaves_the_outcome_unknown_and_no_process),
        cmocka_unit_test(too_much_processor_time_ends_it),
        cmocka_unit_test(too_large_a_file_ends_it),
        cmocka_unit_test(what_it_may_have_is_what_it_is_told),
        cmocka_unit_test(more_memory_than_there_is_for_it_is_refused),
        cmocka_unit_test(what_it_used_is_measured),
        cmocka_unit_test(the_operators_words_are_read),
        cmocka_unit_test(the_death_of_the_engine_kills_every_tree_before_the_next_helper_begins),
        cmocka_unit_test(the_death_of_the_helper_leaves_outcomes_unknown_and_no_process),
    };
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, open_world, close_world);
}
