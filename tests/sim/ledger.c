/* What really happened outside. A target that honours a key does a thing once however often it is told; one that does not
 * does it every time. */
#include "sim.h"

#include <stdlib.h>

bool ledger_key(World *w, Str run, Str address, StoreKey *ret) {
    StoreKey *keys;
    size_t n;
    bool found = false;
    if (w->eye->ops->keys(w->eye, &w->arena, &keys, &n))
        world_fail(w, "keys cannot be read");
    for (size_t i = 0; i < n && !found; i++) {
        found = key_is_held(keys[i].state) && str_eq(keys[i].run, run) &&
                str_eq(keys[i].address, address);
        if (found)
            *ret = keys[i];
    }
    return found;
}

static bool same_key(const StoreKey *a, const StoreKey *b) {
    return a->state != KEY_NEW && b->state != KEY_NEW && hash_eq(&a->name, &b->name) &&
           a->generation == b->generation;
}

const Done *ledger_of_key(const World *w, const StoreKey *key) {
    for (size_t i = 0; i < w->n_ledger; i++)
        if (same_key(&w->ledger[i].shared, key))
            return &w->ledger[i];
    return NULL;
}

/* 31: one effect for a business key and its generation, by whatever run. */
static void happens_once(World *w, const Attempt *a, const StoreKey *shared) {
    const Done *d = shared->state == KEY_NEW ? NULL : ledger_of_key(w, shared);
    if (d && (a->effect == EFFECT_UNSAFE || !str_eq(d->key, a->key)))
        world_fail(w, "31: what %.*s %.*s did under a business key %.*s %.*s did before",
                   STR_FMT(a->run), STR_FMT(a->address), STR_FMT(d->run), STR_FMT(d->address));
}

void ledger_perform(World *w, const Attempt *a, const StoreKey *shared, Str reply) {
    if (a->effect <= EFFECT_READ || a->kind == CALLEE_MODEL)
        return;
    bool honours_key = a->effect != EFFECT_UNSAFE;
    world_say(w, "effect %.*s %.*s key %.*s", STR_FMT(a->run), STR_FMT(a->address),
              STR_FMT(a->key));
    happens_once(w, a, shared);
    for (size_t i = 0; i < w->n_ledger; i++) {
        Done *d = &w->ledger[i];
        if (d->forgotten || !str_eq(d->run, a->run) || !str_eq(d->address, a->address))
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
    w->ledger[w->n_ledger++] = (Done){ .key = a->key,
                                       .run = a->run,
                                       .address = a->address,
                                       .reply = reply,
                                       .times = 1,
                                       .shared = *shared };
}

const Done *ledger_find(const World *w, Str run, Str address) {
    for (size_t i = 0; i < w->n_ledger; i++)
        if (!w->ledger[i].forgotten && str_eq(w->ledger[i].run, run) &&
            str_eq(w->ledger[i].address, address))
            return &w->ledger[i];
    return NULL;
}

void ledger_forget(World *w, Str run, Str address) {
    for (size_t i = 0; i < w->n_ledger; i++)
        w->ledger[i].forgotten |= str_eq(w->ledger[i].run, run) &&
                                  str_eq(w->ledger[i].address, address);
}
