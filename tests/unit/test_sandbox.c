/* What a command tries to get out of its sandbox, each attempt by this very program, started as a command through the real helper.
 * `test_sandbox --escape NAME` exits with 0 if it got through, 1 if it was kept in, 2 if that cannot be tried here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "exec/executor.h"
#include "host/confine.h"
#include "host/spawn.h"

#include "exec_world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- attempts ---------------------------------------------------------------------------------------------------------- */

enum { OUT = 0, KEPT_IN = 1, NOT_HERE = 2 };

/* A call that fails for want of a good argument has been let in; what is refused says one of these. */
static int refused(long r) {
    if (r >= 0)
        return OUT;
    return errno == EPERM || errno == EACCES ? KEPT_IN : errno == ENOSYS ? NOT_HERE : OUT;
}
/* Where a refusal may also come from the lack of rights of this user: what the arguments spoil is told by its own errno. */
#define CALL(...) refused(syscall(__VA_ARGS__))

static char *variable(const char *name) {
    char *value = getenv(name);
    return value ? value : (char *)"";
}

static pid_t engine(void) { return (pid_t)strtol(variable("ENGINE"), NULL, 10); }

static int opens(const char *path, int flags) {
    return refused(open(path, flags | O_CLOEXEC, 0600));
}

static const char *within(const char *folder, const char *name) {
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s", variable(folder), name);
    return path;
}

static int try_ptrace(void) { return CALL(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }
static int try_attach(void) { return CALL(SYS_ptrace, PTRACE_SEIZE, engine(), 0, 0); }
static int try_read_memory(void) {
    char byte;
    struct iovec here = { &byte, 1 }, there = { &refused, 1 };
    return CALL(SYS_process_vm_readv, engine(), &here, 1, &there, 1, 0);
}
static int try_write_memory(void) {
    char byte = 0;
    struct iovec here = { &byte, 1 }, there = { &refused, 1 };
    return CALL(SYS_process_vm_writev, engine(), &here, 1, &there, 1, 0);
}
static int open_of_engine(const char *name) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)engine(), name);
    return opens(path, O_RDONLY);
}
static int try_proc_mem(void) { return open_of_engine("mem"); }
static int try_proc_environ(void) { return open_of_engine("environ"); }
static int try_proc_root(void) { return open_of_engine("root/etc/passwd"); }
static int try_proc_cwd(void) { return open_of_engine("cwd/."); }
static int try_descriptor_of_engine(void) {
    long pidfd = syscall(SYS_pidfd_open, engine(), 0);
    return pidfd < 0 ? NOT_HERE : CALL(SYS_pidfd_getfd, pidfd, 0, 0);
}
static int try_add_key(void) {
    return CALL(SYS_add_key, "user", "baton-test", "x", 1, -2 /* of the process */);
}
static int try_keyctl(void) { return CALL(SYS_keyctl, 0, -3, 0, 0, 0); }
static int try_request_key(void) { return CALL(SYS_request_key, "user", "x", NULL, 0); }
static int try_bpf(void) { return CALL(SYS_bpf, 0xffff, NULL, 0); }
static int try_mount(void) { return CALL(SYS_mount, "none", "/tmp", "tmpfs", 0, ""); }
static int try_umount(void) { return CALL(SYS_umount2, "/nowhere", 0); }
static int try_pivot_root(void) { return CALL(SYS_pivot_root, "/nowhere", "/nowhere"); }
static int try_open_tree(void) { return CALL(SYS_open_tree, AT_FDCWD, "/", 1U /* clone */); }
static int try_fsopen(void) { return CALL(SYS_fsopen, "tmpfs", 0); }
static int try_chroot(void) { return CALL(SYS_chroot, "/tmp"); }
static int try_unshare_user(void) { return refused(unshare(CLONE_NEWUSER)); }
static int try_unshare_net(void) { return refused(unshare(CLONE_NEWNET)); }
static int try_clone_user(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return refused(pid);
}
/* Its flags cannot be looked at, so it is not there at all: that a C library falls back to clone() is what `fork` proves. */
static int try_clone3(void) {
    struct {
        uint64_t flags, words[10];
    } args = { .flags = CLONE_NEWUSER };
    args.words[3] = SIGCHLD;
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        _exit(0);
    return pid < 0 && errno == ENOSYS ? KEPT_IN : refused(pid);
}
static int try_setns(void) {
    int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? NOT_HERE : CALL(SYS_setns, fd, 0);
}
static int try_kexec(void) { return CALL(SYS_kexec_load, 0, 0, 0, 0xffff); }
static int try_module(void) { return CALL(SYS_init_module, NULL, 0, NULL); }
static int try_userfaultfd(void) { return CALL(SYS_userfaultfd, 1 /* user mode only */); }
static int try_perf(void) { return CALL(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static int try_io_uring(void) { return CALL(SYS_io_uring_setup, 1, NULL); }
static int try_set_clock(void) { return CALL(SYS_clock_settime, 0, NULL); }
static int try_log(void) { return CALL(SYS_syslog, 10, NULL, 0); }
static int try_terminal(void) {
    char byte = 'x';
    return refused(ioctl(0, TIOCSTI, &byte)) == KEPT_IN ? KEPT_IN : OUT;
}
static int try_setuid_program(void) {
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? KEPT_IN : OUT;
}
static int try_other_architecture(void) {
#ifdef __x86_64__
    pid_t pid = fork();
    if (pid == 0) {
        long r;
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L /* getpid there */) : "memory");
        _exit(r > 0 ? 0 : 3);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? KEPT_IN
           : WIFEXITED(status) && WEXITSTATUS(status) == 0   ? OUT
                                                             : NOT_HERE;
#else
    return NOT_HERE;
#endif
}
static int try_x32(void) {
#ifdef __x86_64__
    /* Also from outside it is mostly not there; with the filter always. */
    return syscall(0x40000000L + 101 /* ptrace */, PTRACE_TRACEME, 0, 0, 0) >= 0 ? OUT : KEPT_IN;
#else
    return NOT_HERE;
#endif
}
static int try_more_descriptors(void) {
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return OUT;
    return KEPT_IN;
}
/* Of the confined ones. */
static int try_write_outside(void) { return opens(within("OUTSIDE", "new"), O_WRONLY | O_CREAT); }
static int try_empty_outside(void) { return refused(truncate(within("OUTSIDE", "old"), 0)); }
static int try_change_outside(void) { return opens(within("OUTSIDE", "old"), O_WRONLY); }
static int try_delete_outside(void) { return refused(unlink(within("OUTSIDE", "victim"))); }
static int try_folder_outside(void) { return refused(mkdir(within("OUTSIDE", "folder"), 0700)); }
static int try_move_in(void) {
    char from[4096];
    snprintf(from, sizeof(from), "%s", within("OUTSIDE", "moved"));
    long r = rename(from, within("INSIDE", "moved"));
    return r < 0 && errno == EXDEV ? KEPT_IN : refused(r);
}
static int try_link_in(void) {
    char from[4096];
    snprintf(from, sizeof(from), "%s", within("OUTSIDE", "old"));
    long r = link(from, within("INSIDE", "hard"));
    return r < 0 && errno == EXDEV ? KEPT_IN : refused(r);
}
static int try_link_out(void) {
    const char *link = within("INSIDE", "soft");
    if (symlink(variable("OUTSIDE"), link) < 0 && errno != EEXIST)
        return NOT_HERE;
    return opens(within("INSIDE", "soft/through"), O_WRONLY | O_CREAT);
}
static int try_dots(void) { return opens(within("INSIDE", "../outside/dots"), O_WRONLY | O_CREAT); }
static int try_read_outside(void) { return opens(within("OUTSIDE", "old"), O_RDONLY); }
static int try_list_outside(void) { return opens(variable("OUTSIDE"), O_RDONLY | O_DIRECTORY); }
static int try_read_store(void) { return opens(within("STORE", "helper.lock"), O_RDONLY); }
static int try_internet(void) { return refused(socket(AF_INET, SOCK_STREAM, 0)); }
static int try_datagram(void) { return refused(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int try_local_socket(void) { return refused(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int try_netlink(void) { return refused(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int try_kill_engine(void) {
    return landlock_version() < 6 ? NOT_HERE : refused(kill(engine(), 0));
}

typedef struct Escape {
    const char *name;
    int (*attempt)(void);
    bool asked;    /* kept in only where the file asks for it */
    bool harmless; /* every user may do it where nothing confines him */
    bool landlock; /* the layer that holds; else seccomp or none */
} Escape;

#define ALWAYS(x, harmless, landlock)                                                              \
    { #x, try_##x, false, harmless, landlock }
#define ASKED(x, landlock)                                                                         \
    { #x, try_##x, true, true, landlock }
static const Escape escapes[] = {
    ALWAYS(ptrace, true, false),
    ALWAYS(attach, false, false),
    ALWAYS(read_memory, false, false),
    ALWAYS(write_memory, false, false),
    ALWAYS(proc_mem, false, true),
    ALWAYS(proc_environ, false, true),
    ALWAYS(proc_root, false, true),
    ALWAYS(proc_cwd, false, true),
    ALWAYS(descriptor_of_engine, false, false),
    ALWAYS(add_key, true, false),
    ALWAYS(keyctl, true, false),
    ALWAYS(request_key, true, false),
    ALWAYS(bpf, false, false),
    ALWAYS(mount, false, false),
    ALWAYS(umount, false, false),
    ALWAYS(pivot_root, false, false),
    ALWAYS(open_tree, false, false),
    ALWAYS(fsopen, false, false),
    ALWAYS(chroot, false, false),
    ALWAYS(unshare_user, false, false),
    ALWAYS(unshare_net, false, false),
    ALWAYS(clone_user, false, false),
    ALWAYS(clone3, false, false),
    ALWAYS(setns, false, false),
    ALWAYS(kexec, false, false),
    ALWAYS(module, false, false),
    ALWAYS(userfaultfd, false, false),
    ALWAYS(perf, true, false),
    ALWAYS(io_uring, false, false),
    ALWAYS(set_clock, false, false),
    ALWAYS(log, false, false),
    ALWAYS(terminal, true, false),
    ALWAYS(setuid_program, true, false),
    ALWAYS(other_architecture, false, false),
    ALWAYS(x32, false, false),
    ALWAYS(more_descriptors, false, false),
    ASKED(write_outside, true),
    ASKED(empty_outside, true),
    ASKED(change_outside, true),
    ASKED(delete_outside, true),
    ASKED(folder_outside, true),
    ASKED(move_in, true),
    ASKED(link_in, true),
    ASKED(link_out, true),
    ASKED(dots, true),
    ASKED(read_outside, true),
    ASKED(list_outside, true),
    ASKED(read_store, true),
    ASKED(internet, false),
    ASKED(datagram, false),
    ASKED(local_socket, false),
    ASKED(netlink, false),
    ASKED(kill_engine, true),
};

static int escape(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++)
        if (!strcmp(escapes[i].name, name))
            return escapes[i].attempt();
    return 99;
}

/* ---- the world --------------------------------------------------------------------------------------------------------- */

static Spawner spawner;
static World world;
static World *w = &world;
static char top[64], store[80], inside[80], outside[80], self[4096];

static void put(const char *folder, const char *name) {
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int open_world(UNUSED void **state) {
    snprintf(top, sizeof(top), "/tmp/baton-test-XXXXXX");
    assert_non_null(mkdtemp(top));
    char *const folders[] = { store, inside, outside };
    static const char *const names[] = { "store", "inside", "outside" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(folders[i], sizeof(store), "%s/%s", top, names[i]);
        assert_int_equal(mkdir(folders[i], 0700), 0);
    }
    put(outside, "old");
    put(outside, "victim");
    put(outside, "moved");
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(spawner_fork(&spawner, store), 0);
    assert_int_equal(spawner_hold(&spawner, 5000), 0);
    world_open(w, (ExecOptions){ .spawn = spawner_port(&spawner), .commands_max = 4 });
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
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", top);
    return system(command);
}

static void perform_in(const Sandbox *sandbox, Str request) {
    Attempt *a = attempt_new(CALLEE_RUN, arena_str(&w->arena, request).p);
    a->sandbox = *sandbox;
    perform(w, a);
    attempt_free(a);
}

static void shell_in(const Sandbox *sandbox, const char *script) {
    perform_in(sandbox, arena_fmt(&w->arena, "{\"command\":[\"sh\",\"-c\",\"%s\"],\"cwd\":\"%s\"}",
                                  script, inside));
}

/* What the attempt says; -1: it could not even be started. */
static int attempt_in(const Sandbox *sandbox, const char *name) {
    perform_in(sandbox,
               arena_fmt(&w->arena,
                         "{\"command\":[\"%s\",\"--escape\",\"%s\"],\"cwd\":\"%s\",\"env\":{"
                         "\"ENGINE\":%d,\"INSIDE\":\"%s\",\"OUTSIDE\":\"%s\",\"STORE\":\"%s\"}}",
                         self, name, inside, (int)getpid(), inside, outside, store));
    if (w->last.outcome == OUTCOME_OK)
        return OUT;
    Value payload;
    assert_int_equal(json_read_copy(&w->arena, w->last.payload, &payload, NULL), 0);
    Value code = value_getz(payload, "exit");
    return value_is(code, V_INT) ? (int)code.i : -1;
}

static Str paths_inside[1], paths_read[2];

/* All that a file can ask for. The program that tries lies elsewhere, and may be read. */
static Sandbox confined(void) {
    paths_inside[0] = str_from(inside);
    paths_read[0] = str_from(inside);
    paths_read[1] = str_from(self);
    return (Sandbox){ .reads = true,
                      .writes = true,
                      .no_network = true,
                      .write = paths_inside,
                      .n_write = 1,
                      .read = paths_read,
                      .n_read = 2 };
}

static const Sandbox ordinary, none = { .off = true }, unconnected = { .no_network = true };

/* ---- tests ------------------------------------------------------------------------------------------------------------- */

static bool holds_here(const Escape *e) {
    return e->landlock ? landlock_version() >= 3
                       : seccomp_there() || e->attempt == try_setuid_program;
}

static void no_attempt_gets_out(UNUSED void **state) {
    unsigned kept = 0, skipped = 0;
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        const Escape *e = &escapes[i];
        Sandbox sandbox = !e->asked ? ordinary : e->landlock ? confined() : unconnected;
        if (!holds_here(e)) {
            print_message("%s: not tried, the kernel has no %s\n", e->name,
                          e->landlock ? "Landlock" : "seccomp");
            skipped++;
            continue;
        }
        int r = attempt_in(&sandbox, e->name);
        if (r != KEPT_IN && r != NOT_HERE)
            fail_msg("%s got out of its sandbox (%d): %.*s", e->name, r, STR_FMT(w->last.message));
        if (r == NOT_HERE)
            print_message("%s: cannot be tried here\n", e->name);
        skipped += r == NOT_HERE;
        kept += r == KEPT_IN;
    }
    print_message("%u attempts, %u kept in, %u not tried\n", (unsigned)ARRAY_LEN(escapes), kept,
                  skipped);
    assert_true(kept >= 30 || skipped > 0);
}

/* Else the table above would prove nothing. */
static void what_any_user_may_do_gets_through_without_a_sandbox(UNUSED void **state) {
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        if (!escapes[i].harmless)
            continue;
        int r = attempt_in(&none, escapes[i].name);
        /* A machine may be closed by itself: keys, performance counters and typing into terminals are, here and there. */
        bool may_be_closed = !escapes[i].asked;
        if (r != OUT && r != NOT_HERE && !may_be_closed)
            fail_msg("%s is kept in although nothing confines it (%d): %.*s", escapes[i].name, r,
                     STR_FMT(w->last.message));
    }
    put(outside, "victim");
    put(outside, "moved");
}

static void ordinary_work_is_done_in_an_ordinary_sandbox(UNUSED void **state) {
    static const char *const scripts[] = {
        "echo a > f && mkdir -p d/e && mv f d/e/g && ln d/e/g h && rm -r d h",
        "(echo x | cat) && sh -c true & wait",
        "ls /proc/self/fd >/dev/null && cat /proc/1/stat >/dev/null",
        "t=$(mktemp) && echo y > $t && cp $t $t.2 && rm $t $t.2",
        "test -z $(find /etc -maxdepth 1 -name passwd) && exit 1; kill -0 $$",
    };
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        shell_in(&ordinary, scripts[i]);
        if (w->last.outcome != OUTCOME_OK)
            fail_msg("`%s`: %.*s", scripts[i], STR_FMT(w->last.message));
    }
}

static void a_confined_command_works_where_it_may(UNUSED void **state) {
    if (landlock_version() < 3)
        skip();
    Sandbox sandbox = confined();
    shell_in(&sandbox,
             "echo a > f && mkdir -p d/e && mv f d/e/g && cat d/e/g >/dev/null && ls >/dev/null"
             " && rm -r d && (sleep 5 & kill $!)");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    shell_in(&sandbox, "cat /etc/hostname /etc/passwd >/dev/null");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    /* Reading is open where only `write` is said. */
    sandbox.reads = false;
    shell_in(&sandbox, "cat ../outside/old && ! touch ../outside/more 2>/dev/null");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
    sandbox.n_write = 0;
    shell_in(&sandbox, "! touch f 2>/dev/null && echo >/dev/null");
    assert_ended(w, OUTCOME_OK, SENT_YES, KIND_NONE);
}

static void a_sandbox_that_cannot_hold_is_none(UNUSED void **state) {
    Sandbox sandbox = confined();
    Str path = str_from(top);
    sandbox.write = &path; /* the store lies in it */
    shell_in(&sandbox, "true");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    assert_str_has(w->last.message, "data directory");
    path = arena_fmt(&w->arena, "%s/nowhere", top);
    shell_in(&sandbox, "true");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_NOT_FOUND);
    path = arena_fmt(&w->arena, "%s/../store", inside);
    shell_in(&sandbox, "true");
    assert_ended(w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "--escape"))
        return escape(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_attempt_gets_out),
        cmocka_unit_test(what_any_user_may_do_gets_through_without_a_sandbox),
        cmocka_unit_test(ordinary_work_is_done_in_an_ordinary_sandbox),
        cmocka_unit_test(a_confined_command_works_where_it_may),
        cmocka_unit_test(a_sandbox_that_cannot_hold_is_none),
    };
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, open_world, close_world);
}
