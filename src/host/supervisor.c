/* One command: started in a session of its own, waited for, and gone with all it started before its end is told.
 *
 * As a subreaper the supervisor becomes the parent of every process of the tree whose parent has died, so killing its own
 * children until it has none kills the tree, however it daemonised. Only its own children are signalled, which it has not
 * reaped, so a number can never have been given to a stranger. */
#include "host/helper.h"

#include "base/base.h"
#include "base/mutant.h"
#include "host/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From SIGTERM to SIGKILL: time to write a file and say goodbye, not to finish. */
#define GRACE_MS 2000

/* ---- children ---------------------------------------------------------------------------------------------------------- */

/* Parent of process `pid`, or 0. The name in parentheses may hold anything, so the fields are counted from its end. */
static pid_t parent_of(const char *pid) {
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *end = strrchr(text, ')');
    int parent = 0;
    return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_among(const pid_t *pids, size_t n, pid_t pid) {
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* Reads all of /proc, because the kernel's own list of children is a build option that not every kernel has. */
bool supervisor_kill_children(const pid_t *but, size_t n) {
    DIR *proc = opendir("/proc");
    bool any = false;
    struct dirent *entry;
    while (proc && (entry = readdir(proc))) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
            parent_of(entry->d_name) != getpid())
            continue;
        int pid = 0;
        if (sscanf(entry->d_name, "%d", &pid) != 1 || is_among(but, n, pid))
            continue;
        kill(pid, SIGKILL);
        any = true;
    }
    if (proc)
        closedir(proc);
    return any;
}

static bool has_children(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------------- */

typedef struct Words {
    char **argv, **env;
    const char *cwd;
    CommandBounds bounds;
    Confine confine;
} Words;

static char **take_words(char **at, const char *end, size_t n) {
    char **words = xcalloc(n + 1, sizeof(*words));
    for (size_t i = 0; i < n && *at < end; i++) {
        words[i] = *at;
        *at += strlen(*at) + 1;
    }
    return words;
}

static bool read_words(int fd, Words *ret) {
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_size <= (off_t)sizeof(HelperSpec))
        return false;
    size_t size = (size_t)st.st_size;
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED || map[size - 1] != 0)
        return false;
    HelperSpec spec;
    memcpy(&spec, map, sizeof(spec));
    char *at = map + sizeof(spec);
    ret->bounds = spec.bounds;
    ret->argv = take_words(&at, map + size, spec.argc);
    ret->env = take_words(&at, map + size, spec.envc);
    ret->confine = (Confine){
        .off = spec.off, .reads = spec.reads, .writes = spec.writes, .no_network = spec.no_network
    };
    ret->confine.read = take_words(&at, map + size, spec.n_read);
    ret->confine.write = take_words(&at, map + size, spec.n_write);
    ret->cwd = at < map + size ? at : ".";
    return spec.argc > 0;
}

static const char *variable(char *const *env, const char *name) {
    size_t len = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

/* As a shell looks: the first that can be run; "permission denied" only if none could. Gives errno. */
static int exec_in_path(const Words *w) {
    const char *path = variable(w->env, "PATH");
    int err = ENOENT;
    for (const char *at = path ? path : "", *end; *at; at = *end ? end + 1 : end) {
        end = strchrnul(at, ':');
        char file[4096];
        int n = snprintf(file, sizeof(file), "%.*s/%s", (int)(end - at), at, w->argv[0]);
        if (end == at || n >= (int)sizeof(file)) /* an empty part would be the current directory */
            continue;
        execve(file, w->argv, w->env);
        if (errno == EACCES)
            err = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            return errno;
    }
    return err;
}

typedef struct ExecTrouble {
    uint32_t stage;
    int32_t error;
} ExecTrouble;

static void become_ordinary(void) {
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A lower bound that holds already stays. The soft one of processor time is told by SIGXCPU, the hard one kills. */
static void bound(__rlimit_resource_t what, uint64_t most, uint64_t grace) {
    struct rlimit have;
    if (!most || getrlimit(what, &have) < 0)
        return;
    have.rlim_max = MIN(have.rlim_max, (rlim_t)(most + grace));
    have.rlim_cur = MIN(have.rlim_cur, (rlim_t)most);
    setrlimit(what, &have);
}

static void become_bounded(const CommandBounds *b) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (MUTANT(command_unbounded))
        return;
    bound(RLIMIT_CPU, b->cpu_s, 5);
    bound(RLIMIT_DATA, b->memory_bytes,
          0); /* of RLIMIT_AS programs reserve far more than they use */
    bound(RLIMIT_FSIZE, b->file_bytes, 0);
    bound(RLIMIT_NOFILE, b->files, 0);
    bound(RLIMIT_NPROC, b->processes, 0);
}

static _Noreturn void run_command(const Words *w, const int fds[HELPER_FDS], int trouble_fd,
                                  pid_t supervisor) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        _exit(1);
    for (int i = 0; i < 3; i++)
        dup2(fds[i + 1], i);
    become_ordinary();
    ExecTrouble t = { SPAWN_NO_SANDBOX, confine_self(&w->confine) };
    if (t.error == 0) {
        t.stage = SPAWN_NO_DIRECTORY;
        t.error = chdir(w->cwd) < 0 ? errno : 0;
    }
    become_bounded(&w->bounds); /* last: what stands above may still want memory */
    if (t.error == 0) {
        t.stage = SPAWN_NO_PROGRAM;
        if (strchr(w->argv[0], '/')) {
            execve(w->argv[0], w->argv, w->env);
            t.error = errno;
        } else {
            t.error = exec_in_path(w);
        }
    }
    while (write(trouble_fd, &t, sizeof(t)) < 0 && errno == EINTR)
        ;
    _exit(127);
}

/* Gives its process, or 0 with the trouble in `r`. */
static pid_t start(const Words *w, const int fds[HELPER_FDS], HelperReply *r) {
    int trouble[2];
    pid_t self = getpid();
    if (pipe2(trouble, O_CLOEXEC) < 0) {
        r->stage = SPAWN_NO_PROCESS;
        r->error = errno;
        return 0;
    }
    pid_t pid = _Fork();
    if (pid == 0)
        run_command(w, fds, trouble[1], self);
    r->stage = pid < 0 ? SPAWN_NO_PROCESS : SPAWN_RAN;
    r->error = pid < 0 ? errno : 0;
    close(trouble[1]);
    ExecTrouble t;
    ssize_t n = 0;
    while (pid > 0 && (n = read(trouble[0], &t, sizeof(t))) < 0 && errno == EINTR)
        ;
    if (pid > 0 && n == sizeof(t)) { /* at its end without a word: it runs */
        r->stage = t.stage;
        r->error = t.error;
        waitpid(pid, NULL, 0);
        pid = 0;
    }
    close(trouble[0]);
    return pid > 0 ? pid : 0;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The next signal, or 0 after timeout_ms (-1: none). */
static int next_signal(int64_t timeout_ms) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    if (timeout_ms < 0)
        return sigwaitinfo(&set, NULL);
    struct timespec t = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
    int s = sigtimedwait(&set, NULL, &t);
    return s > 0 ? s : 0;
}

/* Reaps what has ended; true once `main` was among it. */
static bool reap(pid_t main, int *ret_status) {
    bool ended = false;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == main) {
            *ret_status = status;
            ended = true;
        }
    return ended;
}

/* Kills and reaps until nothing is left. A killed process hands its children to us, so each round reaches one level
 * deeper; the pause lets the kernel finish what it is told. */
static void kill_tree(pid_t main, int *ret_status) {
    while (has_children()) {
        supervisor_kill_children(NULL, 0);
        next_signal(5);
        reap(main, ret_status);
    }
}

static int wait_for_command(pid_t main) {
    int64_t deadline = -1;
    int status = 0;
    for (;;) {
        int64_t left = deadline < 0 ? -1 : MAX(deadline - now_ms(), 0);
        int s = next_signal(left);
        if (s == SIGCHLD && reap(main, &status))
            break;
        if (s == SIGUSR1 && deadline < 0) {
            kill(-main, SIGTERM);
            deadline = now_ms() + GRACE_MS;
        }
        if (s == SIGUSR2 || (deadline >= 0 && now_ms() >= deadline))
            break;
    }
    kill_tree(main, &status);
    return status;
}

/* Of all that was reaped here, which is the whole tree. */
static void measure(HelperReply *r) {
    struct rusage u;
    if (getrusage(RUSAGE_CHILDREN, &u) < 0)
        return;
    r->cpu_us = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
                u.ru_stime.tv_usec;
    r->peak_bytes = u.ru_maxrss * 1024;
}

_Noreturn void supervisor_run(int socket, pid_t helper, uint64_t command, const int fds[HELPER_FDS],
                              const char *dir) {
    prctl(PR_SET_NAME, "baton-command");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGUSR2);
    if (getppid() != helper)
        _exit(1);
    HelperReply r = { .op = HELPER_ENDED, .command = command };
    Words words;
    if (!read_words(fds[0], &words)) {
        r.stage = SPAWN_NO_PROCESS;
        r.error = EINVAL;
    } else {
        words.confine.store = dir;
        pid_t main = start(&words, fds, &r);
        for (int i = 0; i < HELPER_FDS; i++)
            close(fds[i]);
        if (main)
            r.status = wait_for_command(main);
        measure(&r);
    }
    while (send(socket, &r, sizeof(r), MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
    _exit(0);
}
