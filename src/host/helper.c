/* All forks here are _Fork(): what libraries have asked to be called at a fork (libuv has, once the process has had a loop)
 * would close and reopen descriptors whose numbers mean something else in the helper. */
#include "host/helper.h"

#include "base/base.h"
#include "base/mutant.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER_SOCKET 3

typedef struct Supervisor {
    pid_t pid;
    uint64_t command;
} Supervisor;

typedef struct Helper {
    const char *dir;
    int signals;
    Supervisor *supervisors;
    size_t n, room;
} Helper;

static void reply(const HelperReply *r) {
    /* The engine is gone if this fails, and then the next read says so. */
    while (send(HELPER_SOCKET, r, sizeof(*r), MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

/* ---- the lock ---------------------------------------------------------------------------------------------------------- */

/* Never closed: it goes with the last process that has it, and commands never get it. */
static int take_lock(const char *dir) {
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/helper.lock", dir) >= (int)sizeof(path))
        return ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

static void hold(const Helper *h) {
    int error = MUTANT(old_helper_ignored) ? 0 : take_lock(h->dir);
    reply(&(HelperReply){ .op = HELPER_HELD, .error = error });
}

/* ---- supervisors ------------------------------------------------------------------------------------------------------- */

static Supervisor *find_command(const Helper *h, uint64_t command) {
    for (size_t i = 0; i < h->n; i++)
        if (h->supervisors[i].command == command)
            return &h->supervisors[i];
    return NULL;
}

static void remember(Helper *h, pid_t pid, uint64_t command) {
    if (h->n == h->room) {
        h->room = MAX(16, h->room * 2);
        h->supervisors = xrealloc(h->supervisors, h->room * sizeof(*h->supervisors));
    }
    h->supervisors[h->n++] = (Supervisor){ pid, command };
}

static void spawn(Helper *h, uint64_t command, const int fds[HELPER_FDS]) {
    pid_t helper = getpid(), pid = _Fork();
    if (pid == 0) {
        close(h->signals);
        supervisor_run(HELPER_SOCKET, helper, command, fds, h->dir);
    }
    if (pid > 0)
        remember(h, pid, command);
    else
        reply(&(HelperReply){
            .op = HELPER_ENDED, .stage = SPAWN_NO_PROCESS, .error = errno, .command = command });
}

static void tell(const Helper *h, uint64_t command, int signal) {
    const Supervisor *s = find_command(h, command);
    if (s) /* not reaped yet, so the number is still its own */
        kill(s->pid, signal);
}

static void kill_orphans(const Helper *h) {
    pid_t *known = xcalloc(h->n + 1, sizeof(*known));
    for (size_t i = 0; i < h->n; i++)
        known[i] = h->supervisors[i].pid;
    supervisor_kill_children(known, h->n);
    free(known);
}

/* A supervisor that was killed could not say how its command ended, and leaves its tree to us: orphans. */
static void child_ended(Helper *h, pid_t pid, int status) {
    for (size_t i = 0; i < h->n; i++) {
        if (h->supervisors[i].pid != pid)
            continue;
        uint64_t command = h->supervisors[i].command;
        h->supervisors[i] = h->supervisors[--h->n];
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return;
        kill_orphans(h);
        reply(&(HelperReply){ .op = HELPER_ENDED, .lost = 1, .command = command });
        return;
    }
    /* An orphan: its children are ours now. */
    kill_orphans(h);
}

static void reap(Helper *h) {
    struct signalfd_siginfo info;
    while (read(h->signals, &info, sizeof(info)) > 0)
        ;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        child_ended(h, pid, status);
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

/* Bytes of the packet; 0 at the end of the engine. */
static ssize_t receive(HelperRequest *request, int fds[HELPER_FDS], size_t *ret_n) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * HELPER_FDS)];
    } control;
    struct iovec io = { request, sizeof(*request) };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control };
    m.msg_controllen = sizeof(control);
    ssize_t n = recvmsg(HELPER_SOCKET, &m, MSG_CMSG_CLOEXEC);
    *ret_n = 0;
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c && c->cmsg_type == SCM_RIGHTS) {
        *ret_n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), *ret_n * sizeof(int));
    }
    return n;
}

static void serve(Helper *h, const HelperRequest *request, const int fds[HELPER_FDS], size_t n) {
    switch ((HelperOp)request->op) {
    case HELPER_HOLD: hold(h); break;
    case HELPER_SPAWN:
        if (n == HELPER_FDS)
            spawn(h, request->command, fds);
        break;
    case HELPER_STOP: tell(h, request->command, SIGUSR1); break;
    case HELPER_KILL: tell(h, request->command, SIGUSR2); break;
    case HELPER_HELD:
    case HELPER_ENDED: break;
    }
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

/* False at the end of the engine. */
static bool serve_next(Helper *h) {
    HelperRequest request;
    int fds[HELPER_FDS];
    size_t n_fds;
    ssize_t n = receive(&request, fds, &n_fds);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == sizeof(request))
        serve(h, &request, fds, n_fds);
    return n > 0;
}

static _Noreturn void leave(Helper *h) {
    for (size_t i = 0; i < h->n; i++)
        kill(h->supervisors[i].pid, SIGUSR2);
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
        if (pid > 0)
            child_ended(h, pid, status);
    _exit(0);
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

static void let_go_of_the_engine(int socket) {
    /* A terminal's Ctrl-C is the engine's business; so is a reader of its output, which must see the end when it ends. */
    setsid();
    prctl(PR_SET_NAME, "baton-helper");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_DUMPABLE,
          0); /* its memory and environment are the engine's: not for commands to read in /proc */
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    if (socket != HELPER_SOCKET)
        dup2(socket, HELPER_SOCKET);
    fcntl(HELPER_SOCKET, F_SETFD, FD_CLOEXEC);
    close_range(HELPER_SOCKET + 1, ~0U, 0);
}

/* Everything that would end it early is blocked; supervisors inherit that and wait for what they need. */
static int block_signals(void) {
    sigset_t mask;
    sigemptyset(&mask);
    static const int blocked[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP, SIGQUIT };
    for (size_t i = 0; i < ARRAY_LEN(blocked); i++) {
        signal(blocked[i], SIG_DFL);
        sigaddset(&mask, blocked[i]);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

static _Noreturn void run_helper(int socket, const char *dir) {
    Helper h = { .dir = dir };
    let_go_of_the_engine(socket);
    h.signals = block_signals();
    for (;;) {
        struct pollfd ready[] = { { HELPER_SOCKET, POLLIN, 0 }, { h.signals, POLLIN, 0 } };
        if (poll(ready, 2, -1) < 0)
            continue;
        if (ready[1].revents)
            reap(&h);
        if (ready[0].revents && !serve_next(&h))
            leave(&h);
    }
}

int helper_fork(const char *dir, pid_t *ret_pid) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    pid_t pid = _Fork();
    if (pid == 0)
        run_helper(ends[1], dir);
    int err = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -err;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ret_pid = pid;
    return ends[0];
}
