#include "host/spawn.h"
#include "host/helper.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct SpawnedCommand {
    SpawnedCommand *prev, *next;
    uint64_t number;
    void (*ended)(void *ctx, const SpawnEnd *end);
    void *ctx;
};

/* ---- commands in flight ------------------------------------------------------------------------------------------------ */

static SpawnedCommand *find(const Spawner *s, uint64_t number) {
    SpawnedCommand *c = s->commands;
    while (c && c->number != number)
        c = c->next;
    return c;
}

static void add(Spawner *s, const SpawnOrder *order) {
    SpawnedCommand *c = xcalloc(1, sizeof(*c));
    c->number = ++s->last;
    c->ended = order->ended;
    c->ctx = order->ctx;
    c->next = s->commands;
    if (c->next)
        c->next->prev = c;
    s->commands = c;
}

static void drop(Spawner *s, SpawnedCommand *c) {
    *(c->prev ? &c->prev->next : &s->commands) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

static void end(Spawner *s, SpawnedCommand *c, const SpawnEnd *how) {
    void (*ended)(void *, const SpawnEnd *) = c->ended;
    void *ctx = c->ctx;
    drop(s, c);
    ended(ctx, how);
}

/* ---- out --------------------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const void *p, size_t n) {
    const char *at = p;
    while (n) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno != EINTR)
            return -1;
        at += MAX(written, 0);
        n -= (size_t)MAX(written, 0);
    }
    return 0;
}

static int write_words(int fd, const char *const *words) {
    for (; *words; words++)
        if (write_all(fd, *words, strlen(*words) + 1) < 0)
            return -1;
    return 0;
}

static uint32_t count(const char *const *words) {
    uint32_t n = 0;
    while (words[n])
        n++;
    return n;
}

/* Arguments can be megabytes, a packet cannot. */
static int memory_file(const SpawnOrder *o) {
    int fd = memfd_create("baton-command", MFD_CLOEXEC);
    const SpawnSandbox *s = &o->sandbox;
    static const char *const none[] = { NULL };
    const char *const *read = s->read ? s->read : none, *const *write = s->write ? s->write : none;
    HelperSpec spec = { .argc = count(o->argv),
                        .envc = count(o->env),
                        .n_read = count(read),
                        .n_write = count(write),
                        .off = s->off,
                        .reads = s->reads,
                        .writes = s->writes,
                        .no_network = s->no_network,
                        .bounds = o->bounds };
    if (fd >= 0 && write_all(fd, &spec, sizeof(spec)) == 0 && write_words(fd, o->argv) == 0 &&
        write_words(fd, o->env) == 0 && write_words(fd, read) == 0 && write_words(fd, write) == 0 &&
        write_all(fd, o->cwd, strlen(o->cwd) + 1) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int send_request(const Spawner *s, HelperOp op, uint64_t number, const int *fds, size_t n) {
    HelperRequest request = { .op = op, .command = number };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * HELPER_FDS)];
    } control = { 0 };
    struct iovec io = { &request, sizeof(request) };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    if (n) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
    }
    while (sendmsg(s->socket, &m, MSG_NOSIGNAL) < 0) {
        /* The helper does nothing but read; a full socket is a matter of microseconds. */
        struct pollfd writable = { s->socket, POLLOUT, 0 };
        if (errno != EINTR && (errno != EAGAIN || poll(&writable, 1, 1000) <= 0))
            return -1;
    }
    return 0;
}

static uint64_t spawn(void *ctx, const SpawnOrder *order) {
    Spawner *s = ctx;
    int fds[HELPER_FDS] = { -1, order->fds[0], order->fds[1], order->fds[2] };
    int err = s->socket < 0 ? EPIPE : 0;
    if (!err && (fds[0] = memory_file(order)) < 0)
        err = errno;
    if (!err && send_request(s, HELPER_SPAWN, s->last + 1, fds, HELPER_FDS) < 0)
        err = errno;
    for (int i = 0; i < HELPER_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (err) {
        errno = err;
        return 0;
    }
    add(s, order);
    return s->last;
}

static void stop(void *ctx, uint64_t number, bool hard) {
    Spawner *s = ctx;
    if (s->socket >= 0 && find(s, number))
        send_request(s, hard ? HELPER_KILL : HELPER_STOP, number, NULL, 0);
}

static void forget(void *ctx, uint64_t number) {
    Spawner *s = ctx;
    SpawnedCommand *c = find(s, number);
    if (!c)
        return;
    stop(s, number, true);
    drop(s, c);
}

/* ---- in ---------------------------------------------------------------------------------------------------------------- */

static void command_ended(Spawner *s, const HelperReply *r) {
    SpawnedCommand *c = find(s, r->command);
    if (!c) /* forgotten */
        return;
    SpawnEnd how = { .stage = (SpawnStage)r->stage,
                     .error = r->error,
                     .lost = r->lost,
                     .cpu_us = r->cpu_us,
                     .peak_bytes = r->peak_bytes };
    if (how.stage == SPAWN_RAN && !how.lost) {
        how.signal = WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0;
        how.code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 0;
    }
    end(s, c, &how);
}

static void free_handle(uv_handle_t *handle) { free(handle); }

static void hang_up(Spawner *s) {
    if (s->poll)
        uv_close((uv_handle_t *)s->poll, free_handle);
    s->poll = NULL;
    if (s->socket >= 0)
        close(s->socket);
    s->socket = -1;
}

static void helper_died(Spawner *s) {
    hang_up(s);
    if (s->died)
        s->died(s->ctx);
    while (s->commands)
        end(s, s->commands, &(SpawnEnd){ .lost = true });
}

static void helper_speaks(uv_poll_t *poll, UNUSED int status, UNUSED int events) {
    Spawner *s = poll->data;
    while (s->socket >= 0) {
        HelperReply r;
        ssize_t n = recv(s->socket, &r, sizeof(r), 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n == sizeof(r) && r.op == HELPER_ENDED)
            command_ended(s, &r);
        else if (n >= 0 || errno != EINTR)
            helper_died(s);
    }
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

int spawner_fork(Spawner *s, const char *dir) {
    *s = (Spawner){ .socket = -1 };
    int socket = helper_fork(dir, &s->helper);
    if (socket < 0)
        return socket;
    s->socket = socket;
    return 0;
}

int spawner_hold(Spawner *s, int timeout_ms) {
    if (send_request(s, HELPER_HOLD, 0, NULL, 0) < 0)
        return -errno;
    struct pollfd readable = { s->socket, POLLIN, 0 };
    int n;
    while ((n = poll(&readable, 1, timeout_ms)) < 0 && errno == EINTR)
        ;
    if (n <= 0)
        return n ? -errno : -ETIMEDOUT;
    HelperReply r;
    if (recv(s->socket, &r, sizeof(r), 0) != sizeof(r))
        return -EPIPE;
    return -r.error;
}

void spawner_listen(Spawner *s, uv_loop_t *loop) {
    s->poll = xcalloc(1, sizeof(*s->poll));
    int err = uv_poll_init(loop, s->poll, s->socket);
    ASSERT(err == 0);
    s->poll->data = s;
    uv_poll_start(s->poll, UV_READABLE, helper_speaks);
}

SpawnPort spawner_port(Spawner *s) { return (SpawnPort){ s, spawn, stop, forget }; }

void spawner_close(Spawner *s) {
    hang_up(s);
    while (s->commands)
        drop(s, s->commands);
    if (s->helper > 0)
        while (waitpid(s->helper, NULL, 0) < 0 && errno == EINTR)
            ;
    s->helper = 0;
}
