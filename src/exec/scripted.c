/* model: scripted/FILE - a model for work offline: examples, tests, demonstrations. FILE is relative to the run's directory,
 * read when first asked and again when it changes. */
#include "exec/exec.h"
#include "exec/scripted_file.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Fixture Fixture;
struct Fixture {
    Fixture *next;
    Str path;
    struct timespec changed;
    off_t size;
    char *text;
    ScriptedFile *file;
    int64_t calls;
};

/* An answer on its way. Outlives its attempt until libuv has closed the timer. */
typedef struct Delayed Delayed;
struct Delayed {
    uv_timer_t timer;
    Delayed *prev, *next;
    Exec *x;
    Attempt *a;
    Completion completion; /* texts in the attempt's arena */
};

struct Fixtures {
    Fixture *first;
    Delayed *delayed;
};

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static char *read_whole(int fd, size_t size) {
    char *text = xmalloc(size + 1);
    size_t at = 0;
    while (at < size) {
        ssize_t n = read(fd, text + at, size - at);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            free(text);
            return NULL;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return text;
}

static Fixture *fixture_at(Fixtures *all, Str path) {
    for (Fixture *f = all->first; f; f = f->next)
        if (str_eq(f->path, path))
            return f;
    Fixture *f = xcalloc(1, sizeof(*f));
    f->path = (Str){ xstrndup(path.p, path.len), path.len };
    f->next = all->first;
    all->first = f;
    return f;
}

static void forget_text(Fixture *f) {
    f->file = scripted_file_free(f->file);
    free(f->text);
    f->text = NULL;
}

static bool load(Fixture *f, int fd, const struct stat *st, Arena *a, Str *ret_problem) {
    forget_text(f);
    if (st->st_size > (off_t)LIMIT_FILE_BYTES) {
        *ret_problem =
            arena_fmt(a, "%.*s is larger than %u bytes", STR_FMT(f->path), LIMIT_FILE_BYTES);
        return false;
    }
    f->text = read_whole(fd, (size_t)st->st_size);
    if (!f->text) {
        *ret_problem = arena_fmt(a, "cannot read %.*s", STR_FMT(f->path));
        return false;
    }
    f->changed = st->st_mtim;
    f->size = st->st_size;
    return scripted_parse(f->path, (Str){ f->text, (size_t)st->st_size }, &f->file, a,
                          ret_problem) == 0;
}

static bool is_unchanged(const Fixture *f, const struct stat *st) {
    return f->file && f->size == st->st_size && f->changed.tv_sec == st->st_mtim.tv_sec &&
           f->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* NULL with *ret_problem. */
static Fixture *open_fixture(Exec *x, Str path, Arena *a, Str *ret_problem) {
    if (!x->fixtures)
        x->fixtures = xcalloc(1, sizeof(*x->fixtures));
    int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        *ret_problem = arena_fmt(a, "cannot read %.*s: %s", STR_FMT(path),
                                 fd < 0 ? strerror(errno) : "it is no file");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    Fixture *f = fixture_at(x->fixtures, path);
    bool good = is_unchanged(f, &st) || load(f, fd, &st, a, ret_problem);
    close(fd);
    return good ? f : NULL;
}

/* ---- answers ----------------------------------------------------------------------------------------------------------- */

static void free_delayed(uv_handle_t *handle) { free(handle->data); }

static void unlink_delayed(Delayed *d) {
    Fixtures *all = d->x->fixtures;
    *(d->prev ? &d->prev->next : &all->delayed) = d->next;
    if (d->next)
        d->next->prev = d->prev;
    uv_close((uv_handle_t *)&d->timer, free_delayed);
}

static void deliver(uv_timer_t *timer) {
    Delayed *d = timer->data;
    unlink_delayed(d);
    exec_complete(d->x, d->a, &d->completion);
}

static void deliver_later(Exec *x, Attempt *a, const Completion *c, int64_t delay_ms) {
    Delayed *d = xcalloc(1, sizeof(*d));
    d->x = x;
    d->a = a;
    d->completion = *c;
    d->completion.took_us = delay_ms * 1000;
    a->state = d;
    d->next = x->fixtures->delayed;
    if (d->next)
        d->next->prev = d;
    x->fixtures->delayed = d;
    uv_timer_init(x->options.loop, &d->timer);
    d->timer.data = d;
    uv_update_time(
        x->options.loop); /* it counts from the start of the iteration, which may have been long */
    uv_timer_start(&d->timer, deliver, (uint64_t)delay_ms, 0);
}

static void answer(Exec *x, Attempt *a, const ScriptedReply *r, const ScriptedAsk *ask, Str model) {
    Completion c = { .outcome = OUTCOME_OK, .sent = SENT_YES };
    if (r->fail)
        scripted_failure(r, &a->arena, &c);
    else
        c.payload = scripted_payload(r, ask, model, &a->arena);
    if (!c.payload.p) {
        exec_refuse(x, a, KIND_LIMIT, "the scripted reply of line %u is too large", r->line);
        return;
    }
    c.usage = scripted_usage(r, a->request, c.payload, &a->arena);
    if (r->delay_ms)
        deliver_later(x, a, &c, r->delay_ms);
    else
        exec_complete(x, a, &c);
}

static Str path_of(const Attempt *a, Str file, Arena *arena) {
    if (file.len && file.p[0] == '/')
        return arena_str(arena, file);
    Str dir = a->dir.len ? a->dir : STR(".");
    return arena_fmt(arena, "%.*s/%.*s", STR_FMT(dir), STR_FMT(file));
}

static void start_scripted(Exec *x, Attempt *a) {
    Str model = value_as_str(value_getz(a->request, "model"));
    Str path = path_of(a, str_slice(model, strlen("scripted/"), model.len), &a->arena), problem;
    Fixture *f = open_fixture(x, path, &a->arena, &problem);
    if (!f) {
        exec_refuse(x, a, KIND_INVALID, "scripted model: %.*s", STR_FMT(problem));
        return;
    }
    ScriptedAsk ask = scripted_ask(a->request, a->callee, &a->arena);
    ask.attempt = a->attempt;
    ask.call = ++f->calls;
    const ScriptedReply *reply = scripted_find(f->file, &ask);
    if (!reply) {
        Str asked = scripted_explain(f->file, &ask, &a->arena);
        exec_refuse(x, a, KIND_NOT_FOUND, "%.*s has no reply for %.*s", STR_FMT(path),
                    STR_FMT(asked));
        return;
    }
    answer(x, a, reply, &ask, model);
}

static void stop_scripted(Exec *x, Attempt *a) {
    Delayed *d = a->state;
    unlink_delayed(d);
    exec_complete(x, a,
                  &(Completion){ .outcome = OUTCOME_UNKNOWN,
                                 .sent = SENT_MAYBE,
                                 .kind = KIND_CANCELLED,
                                 .message = STR("stopped"),
                                 .payload = STR("{}") });
}

const ExecOps exec_scripted = { start_scripted, stop_scripted };

void fixtures_close(Fixtures *all) {
    while (all->delayed)
        unlink_delayed(all->delayed);
}

Fixtures *fixtures_free(Fixtures *all) {
    while (all && all->first) {
        Fixture *f = all->first;
        all->first = f->next;
        forget_text(f);
        free((char *)f->path.p);
        free(f);
    }
    free(all);
    return NULL;
}
