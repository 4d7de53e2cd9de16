/* Who is told of durable rows. Watchers of one run and watchers of all are one list: there are as many as open streams and
 * waiting commands, and with none a row costs nothing.
 *
 * A watcher may be removed from within its own call; it is freed when no list is being walked. */
#include "engine/state.h"

#include <stdlib.h>

struct EngineWatcher {
    Engine *e;
    EngineWatch fn;
    void *ctx;
    EngineWatcher *prev, *next;
    bool gone;
    size_t id_len;
    char id[]; /* empty: every run */
};

EngineWatcher *engine_watch(Engine *e, Str run, EngineWatch fn, void *ctx) {
    EngineWatcher *w = xcalloc(1, sizeof *w + run.len);
    w->e = e;
    w->fn = fn;
    w->ctx = ctx;
    w->id_len = run.len;
    if (run.len)
        memcpy(w->id, run.p, run.len);
    w->next = e->watchers;
    if (w->next)
        w->next->prev = w;
    e->watchers = w;
    e->n_watchers++;
    return w;
}

static void remove_watcher(Engine *e, EngineWatcher *w) {
    *(w->prev ? &w->prev->next : &e->watchers) = w->next;
    if (w->next)
        w->next->prev = w->prev;
    e->n_watchers--;
    free(w);
}

EngineWatcher *engine_unwatch(EngineWatcher *w) {
    if (!w)
        return NULL;
    Engine *e = w->e;
    if (!e->telling) {
        remove_watcher(e, w);
        return NULL;
    }
    w->gone = true;
    e->watchers_gone = true;
    return NULL;
}

static void sweep(Engine *e) {
    e->watchers_gone = false;
    for (EngineWatcher *w = e->watchers, *next; w; w = next) {
        next = w->next;
        if (w->gone)
            remove_watcher(e, w);
    }
}

void watch_tell(Engine *e, const EngineEvent *event) {
    if (MUTANT(watch_skips) && event->seq % 3 == 2)
        return;
    e->telling = true;
    for (EngineWatcher *w = e->watchers; w; w = w->next) {
        if (!w->gone && (!w->id_len || str_eq((Str){ w->id, w->id_len }, event->run)))
            w->fn(w->ctx, event);
    }
    e->telling = false;
    if (e->watchers_gone)
        sweep(e);
}

void watch_deinit(Engine *e) {
    while (e->watchers)
        remove_watcher(e, e->watchers);
}
