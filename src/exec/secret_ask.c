#include "exec/secret_ask.h"

#include "exec/secret_source.h"

#include <stdlib.h>

/* Of its own: the attempt may be gone before the command ends. */
struct Asking {
    uv_work_t work;
    Exec *x; /* NULL: nobody waits any more */
    Attempt *a;
    Asking *next;
    Arena arena;
    SecretsFrom from;
    Str dir, name, problem;
    void (*then)(Exec *x, Attempt *a, Str name, Str problem);
};

static void ask(uv_work_t *work) {
    Asking *k = work->data;
    Str value;
    secret_ask(&k->from, k->dir, k->name, &k->arena, &value, &k->problem);
}

static void leave(Asking *k) {
    Asking **at = &k->x->asking;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->x = NULL;
}

static void answered(uv_work_t *work, UNUSED int status) {
    Asking *k = work->data;
    Exec *x = k->x;
    if (x) {
        leave(k);
        k->then(x, k->a, k->name, k->problem);
    }
    arena_deinit(&k->arena);
    free(k);
}

void asking_begin(Exec *x, Attempt *a, Str name,
                  void (*then)(Exec *x, Attempt *a, Str name, Str problem)) {
    Asking *k = xcalloc(1, sizeof *k);
    *k = (Asking){ .x = x, .a = a, .next = x->asking, .then = then, .work = { .data = k } };
    k->from = secrets_from_copy(&a->secrets_from, &k->arena);
    k->dir = arena_str(&k->arena, a->dir);
    k->name = arena_str(&k->arena, name);
    x->asking = k;
    int err = uv_queue_work(x->options.loop, &k->work, ask, answered);
    ASSERT(err == 0);
}

static void give_up(Asking *k) {
    leave(k);
    uv_cancel((uv_req_t *)&k->work);
}

bool asking_stop(Exec *x, const Attempt *a) {
    Asking *k = x->asking;
    while (k && k->a != a)
        k = k->next;
    if (k)
        give_up(k);
    return k != NULL;
}

void asking_close(Exec *x) {
    while (x->asking)
        give_up(x->asking);
}
