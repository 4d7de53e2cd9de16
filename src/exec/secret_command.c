/* A command that prints a secret. It is waited for, so this belongs on a thread that may wait; its end is that of its first
 * process: what it leaves behind in its process group is killed. */
#include "exec/secret_source.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define TIMEOUT_MS 10000
#define VALUE_BYTES ((size_t)64 * KIB)
#define SAID_BYTES ((size_t)300)

#define LOOK_MS 5
#define PIPE_READS 32 /* more than a pipe holds */

enum { OUT, ERR, N_FDS };

typedef struct Asked {
    pid_t pid;
    struct pollfd fds[N_FDS]; /* what it prints, what it complains */
    Buf out, err;
    bool late;
    int status;
} Asked;

/* ---- starting -------------------------------------------------------------------------------------------------------- */

static const char **words_of(const SecretsFrom *from, Str name, Arena *a) {
    const char **words = ARENA_ARRAY(a, const char *, from->n_command + 2);
    for (size_t i = 0; i < from->n_command; i++)
        words[i] = arena_str(a, from->command[i]).p;
    words[from->n_command] = arena_str(a, name).p;
    words[from->n_command + 1] = NULL;
    return words;
}

/* With the signals as a program expects them, whatever the engine does about its own. */
static int spawn_in(pid_t *ret, const char *folder, const int fds[2], const char **words) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, fds[OUT], 1);
    posix_spawn_file_actions_adddup2(&files, fds[ERR], 2);
    posix_spawn_file_actions_addchdir_np(&files, folder);
    int err = posix_spawnp(ret, words[0], &files, &attr, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return err;
}

static void close_pipe(int fds[2]) {
    close(fds[0]);
    close(fds[1]);
}

static int start(Asked *q, const char *folder, const char **words) {
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) < 0)
        return errno;
    if (pipe2(err, O_CLOEXEC) < 0) {
        int e = errno;
        close_pipe(out);
        return e;
    }
    int e = spawn_in(&q->pid, folder, (int[]){ out[1], err[1] }, words);
    close(out[1]);
    close(err[1]);
    q->fds[OUT] = (struct pollfd){ .fd = out[0], .events = POLLIN };
    q->fds[ERR] = (struct pollfd){ .fd = err[0], .events = POLLIN };
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    return e;
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

/* Reads once. What goes beyond the buffer is thrown away. */
static void take(struct pollfd *from, Buf *b) {
    char part[4096];
    ssize_t n = from->fd < 0 ? -1 : read(from->fd, part, sizeof part);
    if (n > 0)
        buf_add(b, part, MIN((size_t)n, b->cap_bytes - b->len));
    if (n == 0) {
        close(from->fd);
        from->fd = -1;
    }
}

static bool has_ended(pid_t pid) {
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void wait_for_end(Asked *q) {
    uint64_t due_ms = uv_hrtime() / 1000000 + TIMEOUT_MS;
    while (!has_ended(q->pid) && !q->late && q->out.len < q->out.cap_bytes) {
        if (poll(q->fds, N_FDS, LOOK_MS) > 0) {
            take(&q->fds[OUT], &q->out);
            take(&q->fds[ERR], &q->err);
        }
        q->late = uv_hrtime() / 1000000 >= due_ms;
    }
    kill(-q->pid, SIGKILL);
    while (waitpid(q->pid, &q->status, 0) < 0 && errno == EINTR)
        ;
    for (size_t i = 0; i < PIPE_READS; i++) {
        take(&q->fds[OUT], &q->out);
        take(&q->fds[ERR], &q->err);
    }
}

static void finish(Asked *q) {
    for (size_t i = 0; i < N_FDS; i++)
        if (q->fds[i].fd >= 0)
            close(q->fds[i].fd);
    buf_deinit(&q->out);
    buf_deinit(&q->err);
}

/* ---- what it said ---------------------------------------------------------------------------------------------------- */

/* The first line of its complaint; nothing if that may hold what it printed. */
static Str complaint(const Asked *q, Str value, Arena *a) {
    Str said = buf_str(&q->err);
    const char *stop = said.len ? memchr(said.p, '\n', said.len) : NULL;
    if (stop)
        said.len = (size_t)(stop - said.p);
    if (said.len == 0 || value.len)
        return STR("");
    char *text = arena_alloc(a, said.len);
    for (size_t i = 0; i < said.len; i++)
        text[i] = said.p[i] >= ' ' && said.p[i] < 0x7f ? said.p[i] : '?';
    return arena_fmt(a, ": %.*s", (int)said.len, text);
}

static SecretFound judge(const Asked *q, Str program, Arena *a, Str *ret_value, Str *ret_problem) {
    Str value = buf_str(&q->out);
    if (value.len && value.p[value.len - 1] == '\n')
        value.len--;
    Str said = complaint(q, value, a);
    bool ran = WIFEXITED(q->status) && WEXITSTATUS(q->status) == 0;
    const char *p = program.p;
    if (q->late)
        *ret_problem = arena_fmt(a, "`%s` did not print it within %d s", p, TIMEOUT_MS / 1000);
    else if (value.len > VALUE_BYTES)
        *ret_problem = arena_fmt(a, "`%s` prints more than 64 KiB", p);
    else if (!ran && WIFSIGNALED(q->status))
        *ret_problem = arena_fmt(a, "`%s` was ended by signal %d", p, WTERMSIG(q->status));
    else if (!ran)
        *ret_problem = arena_fmt(a, "`%s` failed with exit code %d%.*s", p, WEXITSTATUS(q->status),
                                 STR_FMT(said));
    else if (value.len == 0)
        *ret_problem = arena_fmt(a, "`%s` printed nothing%.*s", p, STR_FMT(said));
    else if (!str_is_utf8(value) || memchr(value.p, 0, value.len))
        *ret_problem = arena_fmt(a, "what `%s` printed is no text", p);
    else
        *ret_value = arena_str(a, value);
    return q->late ? SECRET_LATE : ret_value->len ? SECRET_THERE : SECRET_MISSING;
}

SecretFound secret_run(const SecretsFrom *from, Str folder, Str name, Arena *a, Str *ret_value,
                       Str *ret_problem) {
    Asked q = { .out = BUF_INIT(VALUE_BYTES + 2), .err = BUF_INIT(SAID_BYTES) };
    const char **words = words_of(from, name, a);
    int err = start(&q, arena_str(a, folder).p, words);
    SecretFound found = SECRET_MISSING;
    if (err == 0) {
        wait_for_end(&q);
        found = judge(&q, str_from(words[0]), a, ret_value, ret_problem);
    } else {
        *ret_problem =
            arena_fmt(a, "cannot start `%s` in %.*s: %s", words[0], STR_FMT(folder), strerror(err));
    }
    finish(&q);
    return found;
}
