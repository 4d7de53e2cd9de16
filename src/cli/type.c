#include "cli/type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Typing {
    uv_poll_t poll; /* first */
    Link *link;
    Typed *typed;
} Typing;

static bool take_line(Typed *t, Arena *a, Str *ret_line) {
    const char *end = memchr(t->text, '\n', t->n);
    if (!end && t->n < sizeof t->text)
        return false;
    size_t n = end ? (size_t)(end - t->text) : t->n, gone = MIN(n + 1, t->n);
    while (n && t->text[n - 1] == '\r')
        n--;
    *ret_line = arena_str(a, (Str){ t->text, n });
    memmove(t->text, t->text + gone, t->n - gone);
    t->n -= gone;
    return true;
}

static void readable(uv_poll_t *poll, int status, int events) {
    Typing *typing = (Typing *)poll;
    Typed *t = typing->typed;
    (void)events;
    ssize_t n = status < 0 ? 0 : read(0, t->text + t->n, sizeof t->text - t->n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    t->ended = n <= 0;
    t->n += (size_t)MAX(n, (ssize_t)0);
    if (t->ended || memchr(t->text, '\n', t->n) || t->n == sizeof t->text)
        link_quit(typing->link);
}

static void free_typing(uv_handle_t *handle) { free(handle); }

bool type_line(Link *l, Typed *typed, Arena *a, Str *ret_line) {
    if (take_line(typed, a, ret_line))
        return true;
    int flags = fcntl(0, F_GETFL); /* the terminal is the shell's too: it gets it back as it was */
    Typing *typing = xcalloc(1, sizeof *typing);
    typing->link = l;
    typing->typed = typed;
    if (uv_poll_init(link_loop(l), &typing->poll, 0) != 0) {
        free(typing);
        typed->ended = true;
        return false;
    }
    uv_poll_start(&typing->poll, UV_READABLE, readable);
    link_run(l);
    uv_poll_stop(&typing->poll);
    uv_close((uv_handle_t *)&typing->poll, free_typing);
    if (flags >= 0)
        fcntl(0, F_SETFL, flags);
    return take_line(typed, a, ret_line);
}

/* ---- a pause ----------------------------------------------------------------------------------------------------------- */

typedef struct Pause {
    uv_timer_t timer; /* first */
    Link *link;
} Pause;

static void pause_over(uv_timer_t *timer) { link_quit(((Pause *)timer)->link); }

static void free_pause(uv_handle_t *handle) { free(handle); }

void type_pause(Link *l, unsigned ms) {
    Pause *p = xcalloc(1, sizeof *p);
    p->link = l;
    uv_timer_init(link_loop(l), &p->timer);
    uv_timer_start(&p->timer, pause_over, ms, 0);
    link_run(l);
    uv_close((uv_handle_t *)&p->timer, free_pause);
}
