/* A filter in the kernel's own small language, made here instruction by instruction:
 *
 *   not this architecture > kill        (the same number is another call there)
 *   clone with a new namespace > EPERM
 *   clone3 > ENOSYS                     (its flags lie in memory, where no filter looks; C libraries then use clone)
 *   ioctl TIOCSTI, TIOCLINUX > EPERM    (typing into somebody's terminal)
 *   a call of the list > EPERM
 *   anything else > go on
 */
#include "host/confine.h"

#include "base/base.h"
#include "base/mutant.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* What no command needs that does its work as a user's program: looking into and debugging other processes, namespaces and
 * mounts, the kernel's keys, modules, clocks, and the parts of the kernel with the longest history of holes. */
static const uint32_t denied[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_process_madvise,
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_swapon,
    SYS_swapoff,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_open_by_handle_at,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_syslog,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_vhangup,
    SYS_lookup_dcookie,
#if defined(__x86_64__)
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};

#define NEW_NAMESPACES 0x7E020000U /* CLONE_NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET */
#define TYPE_INTO_TERMINAL 0x5412U /* TIOCSTI */
#define TERMINAL_LINUX 0x541CU     /* TIOCLINUX */

#define INSTRUCTIONS_MAX 128
typedef struct Filter {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short n;
} Filter;

static void add(Filter *f, struct sock_filter instruction) {
    ASSERT(f->n < INSTRUCTIONS_MAX);
    f->code[f->n++] = instruction;
}

static void load(Filter *f, uint32_t offset) {
    add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void give(Filter *f, uint32_t what) {
    add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

static void give_if_equal(Filter *f, uint32_t value, uint32_t what) {
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    give(f, what);
}

#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))
#define NUMBER offsetof(struct seccomp_data, nr)
#define ARGUMENT(i)                                                                                \
    (offsetof(struct seccomp_data, args) + (i) * sizeof(uint64_t)) /* its low half */

/* These look at an argument; the number is loaded again for what comes behind them. */
static void check_arguments(Filter *f) {
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
    load(f, ARGUMENT(0));
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1));
    give(f, ERRNO(EPERM));
    load(f, NUMBER);
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 6));
    load(f, ARGUMENT(1));
    give_if_equal(f, TYPE_INTO_TERMINAL, ERRNO(EPERM));
    give_if_equal(f, TERMINAL_LINUX, ERRNO(EPERM));
    load(f, NUMBER);
}

static void write_filter(Filter *f, bool no_sockets) {
#ifdef ARCHITECTURE
    load(f, offsetof(struct seccomp_data, arch));
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    give(f, SECCOMP_RET_KILL_PROCESS);
#endif
    load(f, NUMBER);
#ifdef __x86_64__
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1)); /* x32 */
    give(f, ERRNO(ENOSYS));
#endif
    check_arguments(f);
    give_if_equal(f, SYS_clone3, ERRNO(ENOSYS));
    if (no_sockets)
        give_if_equal(f, SYS_socket, ERRNO(EACCES));
    for (size_t i = 0; i < ARRAY_LEN(denied); i++)
        give_if_equal(f, denied[i], ERRNO(EPERM));
    give(f, SECCOMP_RET_ALLOW);
}

bool seccomp_there(void) {
#ifdef ARCHITECTURE
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
#else
    return false;
#endif
}

int seccomp_self(bool no_sockets) {
    Filter f = { .n = 0 };
    if (!seccomp_there())
        return no_sockets ? ENOTSUP : 0;
    if (MUTANT(no_seccomp))
        return 0;
    write_filter(&f, no_sockets);
    struct sock_fprog program = { .len = f.n, .filter = f.code };
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? errno : 0;
}
