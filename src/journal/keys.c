#include "journal/keys.h"

#include "base/mutant.h"

/* ---- claims ---------------------------------------------------------------------------------------------------------- */

static bool is_of(const StoreKey *k, Str run, Str address) {
    return str_eq(k->run, run) && str_eq(k->address, address);
}

static bool grant(StoreKey *k, StoreClaim *c, Str run, uint32_t generation, int64_t since_ms) {
    k->run = run;
    k->address = c->address;
    k->generation = MAX(generation, c->generation);
    k->since_ms = since_ms;
    k->state = KEY_UNDER_WAY;
    k->giver = STR("");
    k->result = STR_NULL;
    k->forgotten = false;
    c->answer = CLAIM_GRANTED;
    return true;
}

/* Whoever had it did not find out what it did: the next one has to, unless a person wants it done as new. */
static bool grant_unknown(StoreKey *k, StoreClaim *c, Str run) {
    Str giver = k->giver.len ? k->giver : k->run;
    bool as_new = c->generation > k->generation;
    grant(k, c, run, k->generation, k->since_ms);
    if (as_new || MUTANT(doubt_not_inherited))
        return true;
    k->state = KEY_DOUBT;
    k->giver = giver;
    return true;
}

/* The one that has it asks again: after a crash, or for another attempt. */
static bool grant_again(StoreKey *k, StoreClaim *c, Str run, int64_t now_ms) {
    bool as_new = c->generation > k->generation;
    if (k->state == KEY_DOUBT && k->giver.len)
        return grant_unknown(k, c, run);
    return grant(k, c, run, k->generation, as_new ? now_ms : k->since_ms);
}

static bool look_up(const StoreKey *k, StoreClaim *c, int64_t now_ms) {
    bool there = k->state == KEY_CACHED && !k->forgotten &&
                 (now_ms - k->since_ms <= c->cached_ms || MUTANT(cache_never_ends));
    c->answer = there ? CLAIM_DONE : CLAIM_GRANTED;
    return false;
}

bool key_claim(StoreKey *k, StoreClaim *c, Str run, int64_t now_ms) {
    if (c->cached_ms)
        return look_up(k, c, now_ms);
    bool own = is_of(k, run, c->address);
    switch (MUTANT(keys_unclaimed) ? KEY_NEW : k->state) {
    case KEY_UNDER_WAY:
    case KEY_DOUBT:
    case KEY_UNDOING:
        if (own)
            return grant_again(k, c, run, now_ms);
        c->answer = CLAIM_TAKEN;
        return false;
    case KEY_CACHED:
    case KEY_DONE: c->answer = CLAIM_DONE; return false;
    case KEY_NEW: return grant(k, c, run, 0, now_ms);
    case KEY_FREE: return grant(k, c, run, k->generation, now_ms);
    case KEY_UNDONE:
        return grant(k, c, run, k->generation + (MUTANT(undone_keeps_key) ? 0 : 1), now_ms);
    case KEY_UNKNOWN: return grant_unknown(k, c, run);
    }
    UNREACHABLE("no such state of a key");
}

/* ---- changes --------------------------------------------------------------------------------------------------------- */

bool key_is_within(Str address, Str top) {
    return top.len == 0 || str_eq(address, top) ||
           (str_starts(address, top) && strchr("/[~.:", address.p[top.len]));
}

static void set(StoreKey *k, KeyState state) {
    k->state = state;
    k->giver = STR("");
    if (state != KEY_DONE && state != KEY_UNDOING)
        k->result = STR_NULL;
}

static bool change_within(StoreKey *k, const StoreKeyChange *change) {
    bool due = change->state == KEY_UNDONE ? k->state == KEY_DONE : key_is_held(k->state);
    if (!due || !key_is_within(k->address, change->address))
        return false;
    set(k, change->state);
    return true;
}

static bool cache(StoreKey *k, const StoreKeyChange *change, Str run) {
    *k = (StoreKey){ .name = change->name,
                     .state = KEY_CACHED,
                     .run = run,
                     .address = change->address,
                     .since_ms = change->since_ms,
                     .giver = STR(""),
                     .result = change->result };
    return true;
}

bool key_change(StoreKey *k, const StoreKeyChange *change, Str run) {
    if (change->state == KEY_CACHED)
        return cache(k, change, run);
    if (!str_eq(k->run, run))
        return false;
    if (change->within)
        return change_within(k, change);
    bool settled = k->state == KEY_DONE || k->state == KEY_UNKNOWN;
    bool due = key_is_held(k->state) || (settled && change->state == KEY_UNDOING);
    if (!due || !str_eq(k->address, change->address))
        return false;
    set(k, change->state);
    if (change->result.p)
        k->result = change->result;
    return true;
}

bool key_forget(StoreKey *k) {
    if ((k->state == KEY_DONE || k->state == KEY_CACHED) && !k->forgotten) {
        k->forgotten = true;
        k->result = STR_NULL;
        return true;
    }
    if (!key_is_held(k->state))
        return false;
    set(k, KEY_UNKNOWN);
    return true;
}
