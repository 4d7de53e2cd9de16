/* The mark: which run was being applied at the deaths before, and when that is proof enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/mark.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], path[96];

static int open_dir(UNUSED void **state) {
    snprintf(dir, sizeof(dir), "/tmp/baton-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/mark", dir);
    return 0;
}

static int close_dir(UNUSED void **state) {
    unlink(path);
    rmdir(dir);
    return 0;
}

/* A process that opens the mark, applies `run` and dies by `signal_number` (0: exits while the mark stands). */
static void die_while_applying(const char *run, int signal_number) {
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
        for (size_t i = 0; i < ARRAY_LEN(faults); i++)
            signal(faults[i], SIG_DFL); /* cmocka has its own */
        Mark m;
        if (mark_open(&m, dir))
            _exit(9);
        mark_set(&m, str_from(run));
        if (signal_number)
            kill(getpid(), signal_number);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    if (signal_number)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signal_number);
    else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void suspect_is(const char *run) {
    Mark m;
    assert_int_equal(mark_open(&m, dir), 0);
    assert_string_equal(m.suspect, run);
    mark_close(&m);
}

static void two_faults_on_one_run_make_it_suspect(UNUSED void **state) {
    die_while_applying("r1", SIGSEGV);
    die_while_applying("r1", SIGABRT);
    suspect_is("r1");
}

static void one_fault_is_not_enough(UNUSED void **state) {
    die_while_applying("r1", SIGSEGV);
    suspect_is("");
}

static void faults_on_different_runs_do_not_add_up(UNUSED void **state) {
    die_while_applying("r1", SIGSEGV);
    die_while_applying("r2", SIGSEGV);
    suspect_is("");
}

static void kills_from_outside_need_eight_in_a_row(UNUSED void **state) {
    for (int i = 0; i < 7; i++)
        die_while_applying("r1", SIGKILL);
    die_while_applying("r1", 0);
    suspect_is("r1");
}

static void seven_kills_are_not_enough(UNUSED void **state) {
    for (int i = 0; i < 7; i++)
        die_while_applying("r1", SIGKILL);
    suspect_is("");
}

static void a_death_elsewhere_clears_the_suspicion(UNUSED void **state) {
    die_while_applying("r1", SIGSEGV);
    die_while_applying("", SIGSEGV);
    die_while_applying("r1", SIGSEGV);
    suspect_is("");
}

static void a_clean_stop_clears_the_suspicion(UNUSED void **state) {
    die_while_applying("r1", SIGSEGV);
    Mark m;
    assert_int_equal(mark_open(&m, dir), 0);
    mark_set(&m, STR("r1"));
    mark_clear(&m);
    mark_close(&m);
    die_while_applying("r1", SIGSEGV);
    suspect_is("");
}

static void a_damaged_file_accuses_nobody(UNUSED void **state) {
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fputc(0xff, f);
    fclose(f);
    suspect_is("");
    f = fopen(path, "w");
    fputs("baton-mark-1", f); /* and then lengths of any size */
    for (int i = 0; i < 300; i++)
        fputc(0xff, f);
    fclose(f);
    Mark m;
    assert_int_equal(mark_open(&m, dir), 0);
    mark_set(&m, STR("r1"));
    mark_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_faults_on_one_run_make_it_suspect, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(one_fault_is_not_enough, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(faults_on_different_runs_do_not_add_up, open_dir,
                                        close_dir),
        cmocka_unit_test_setup_teardown(kills_from_outside_need_eight_in_a_row, open_dir,
                                        close_dir),
        cmocka_unit_test_setup_teardown(seven_kills_are_not_enough, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(a_death_elsewhere_clears_the_suspicion, open_dir,
                                        close_dir),
        cmocka_unit_test_setup_teardown(a_clean_stop_clears_the_suspicion, open_dir, close_dir),
        cmocka_unit_test_setup_teardown(a_damaged_file_accuses_nobody, open_dir, close_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
