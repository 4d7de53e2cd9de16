/* What really happened outside. A target that honours a key does a thing once however often it is told; one that does not
 * does it every time. */
#include "sim.h"

#include <stdlib.h>

void ledger_perform(World *w, const Attempt *a, Str reply) {
    if (a->effect <= EFFECT_READ || a->kind == CALLEE_MODEL)
        return;
    bool honours_key = a->effect != EFFECT_UNSAFE;
    world_say(w, "effect %.*s %.*s key %.*s", STR_FMT(a->run), STR_FMT(a->address),
              STR_FMT(a->key));
    for (size_t i = 0; i < w->n_ledger; i++) {
        Done *d = &w->ledger[i];
        if (!str_eq(d->run, a->run) || !str_eq(d->address, a->address))
            continue;
        d->times++;
        if (!honours_key)
            world_fail(w, "7: unsafe effect of %.*s %.*s happened twice", STR_FMT(a->run),
                       STR_FMT(a->address));
        if (a->effect == EFFECT_KEYED && !str_eq(d->key, a->key))
            world_fail(w, "7: keyed effect of %.*s %.*s happened under two keys", STR_FMT(a->run),
                       STR_FMT(a->address));
        return;
    }
    if (w->n_ledger == w->room_ledger) {
        w->room_ledger = MAX(64, w->room_ledger * 2);
        w->ledger = xrealloc(w->ledger, w->room_ledger * sizeof(Done));
    }
    w->ledger[w->n_ledger++] =
        (Done){ .key = a->key, .run = a->run, .address = a->address, .reply = reply, .times = 1 };
}

const Done *ledger_find(const World *w, Str run, Str address) {
    for (size_t i = 0; i < w->n_ledger; i++)
        if (str_eq(w->ledger[i].run, run) && str_eq(w->ledger[i].address, address))
            return &w->ledger[i];
    return NULL;
}
