/* What is out at the store: jobs that outlive the turn that asked for them, and are found when the engine is freed. */
#include "engine/state.h"

#include <stdlib.h>

void *pending_new(Engine *e, size_t size, bool write, void (*work)(StoreJob *, Store *),
                  void (*done)(StoreJob *)) {
    Pending *p = xcalloc(1, size);
    p->e = e;
    p->job = (StoreJob){ .work = work, .done = done, .write = write };
    arena_init(&p->arena, 0);
    p->next = e->pendings;
    if (p->next)
        p->next->prev = p;
    e->pendings = p;
    return p;
}

void pending_submit(Pending *p) { p->e->ports.submit(p->e->ports.ctx, &p->job); }

void pending_free(Pending *p) {
    Engine *e = p->e;
    *(p->prev ? &p->prev->next : &e->pendings) = p->next;
    if (p->next)
        p->next->prev = p->prev;
    if (p->drop)
        p->drop(p);
    arena_deinit(&p->arena);
    free(p);
}
