/* Business keys: before an attempt under one leaves, it is claimed in the store's index (kernel/key.h).
 *
 *   ask --> the batch that has the row that wants it --answer--> granted: on, to the gates behind
 *                     ^                                     \ done: its outcome is that of the step that did it
 *                     |                                      \ taken: in line for that key
 *                     +--- its turn: who has it told what became of it, in this engine; or the lease was renewed
 *
 * A claim is asked for in the transaction of the row it follows from, so that nobody holds a key for a row that is not there;
 * and it may be asked for any number of times by the step that holds it, so nothing is lost with an answer. What is let go of
 * stands in the row in which that was found out. Lines are memory: a new engine asks anew. */
#include "engine/gate.h"

#include "base/time.h"

#include <stdlib.h>

#define LINE_BUCKETS 256

/* Who waits for one key, by Flight.lane_prev and lane_next; gone when nobody does. */
struct KeyLine {
    Hash name;
    Flight *first, *last;
    char *run, *address; /* who has it; owned */
    KeyState state;
    int64_t since_ms;
    KeyLine *bucket_next;
};

/* ---- lines ----------------------------------------------------------------------------------------------------------- */

static KeyLine **bucket_of(const Engine *e, const Hash *name) {
    uint32_t n;
    memcpy(&n, name->b, sizeof n);
    return &e->key_lines[n % LINE_BUCKETS];
}

static KeyLine *line_of(const Engine *e, const Hash *name) {
    KeyLine *l = e->key_lines ? *bucket_of(e, name) : NULL;
    while (l && !hash_eq(&l->name, name))
        l = l->bucket_next;
    return l;
}

static KeyLine *line_made(Engine *e, const Hash *name) {
    if (!e->key_lines)
        e->key_lines = xcalloc(LINE_BUCKETS, sizeof *e->key_lines);
    KeyLine *l = line_of(e, name);
    if (l)
        return l;
    KeyLine **bucket = bucket_of(e, name);
    l = xcalloc(1, sizeof *l);
    *l = (KeyLine){ .name = *name, .bucket_next = *bucket };
    return *bucket = l;
}

static void line_free(KeyLine *l) {
    free(l->run);
    free(l->address);
    free(l);
}

static void line_drop(Engine *e, KeyLine *l) {
    KeyLine **at = bucket_of(e, &l->name);
    while (*at != l)
        at = &(*at)->bucket_next;
    *at = l->bucket_next;
    line_free(l);
}

static void line_describe(KeyLine *l, const StoreKey *k) {
    free(l->run);
    free(l->address);
    l->run = xstrndup(k->run.p, k->run.len);
    l->address = xstrndup(k->address.p, k->address.len);
    l->state = k->state;
    l->since_ms = k->since_ms;
}

/* Whoever was in it already and was only asking again has not lost his place. */
static void join(KeyLine *l, Flight *f) {
    Flight *before = f->key_waited ? NULL : l->last;
    Flight *after = f->key_waited ? l->first : NULL;
    f->key_line = l;
    f->key_waited = true;
    f->lane_prev = before;
    f->lane_next = after;
    *(before ? &before->lane_next : &l->first) = f;
    *(after ? &after->lane_prev : &l->last) = f;
}

static void part(Engine *e, Flight *f) {
    KeyLine *l = f->key_line;
    *(f->lane_prev ? &f->lane_prev->lane_next : &l->first) = f->lane_next;
    *(f->lane_next ? &f->lane_next->lane_prev : &l->last) = f->lane_prev;
    f->lane_prev = f->lane_next = NULL;
    f->key_line = NULL;
    if (!l->first)
        line_drop(e, l);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

static void ask_for(Engine *e, Flight *f, const Hash *name) {
    Claim *c = xcalloc(1, sizeof *c);
    bool with_row = f->want->position > f->r->head_seq;
    *c = (Claim){ .f = f, .name = *name };
    f->claim = c;
    if (with_row)
        QUEUE_PUSH(&f->r->claims, c);
    else
        QUEUE_PUSH(&e->gather.claims, c);
    engine_wake(e);
}

static void wake_first(Engine *e, KeyLine *l) {
    Flight *f = l->first;
    Hash name = l->name;
    part(e, f);
    ask_for(e, f, &name);
}

static void wake(Engine *e, const Hash *name, bool all) {
    KeyLine *l = line_of(e, name);
    while (l) {
        wake_first(e, l);
        l = all ? line_of(e, name) : NULL;
    }
}

static GateAnswer ask(Engine *e, Flight *f, size_t at) {
    (void)at;
    bool shared = want_shares_key(f->want);
    if (!shared && !want_cache_ms(f->want))
        return GATE_OPEN;
    Hash name = shared ? want_key_name(f->want, e->install_key, &f->attempt.arena)
                       : want_cache_name(f->want, e->install_key, &f->attempt.arena);
    ask_for(e, f, &name);
    return GATE_HELD;
}

/* Who asked in the place of others and is gone leaves it to the next. */
static void leave(Engine *e, Flight *f, size_t at) {
    (void)at;
    if (f->key_line)
        part(e, f);
    if (!f->claim)
        return;
    Hash name = f->claim->name;
    f->claim->f = NULL;
    f->claim = NULL;
    wake(e, &name, false);
}

/* And so who can wake it. */
static void write_holder(Buf *b, const KeyLine *l) {
    Buf since = BUF_INIT(40);
    time_write_ms(&since, l->since_ms);
    Str time = str_slice(buf_str(&since), 0, MIN(since.len, (size_t)19));
    if (l->state == KEY_DOUBT)
        buf_fmt(b, "run %s, which does not know whether it did the same: `baton resolve %s %s`",
                l->run, l->run, l->address);
    else
        buf_fmt(b, "run %s, which %s the same at %s since %.*sZ", l->run,
                l->state == KEY_UNDOING ? "undoes" : "does", l->address, STR_FMT(time));
    buf_deinit(&since);
}

static Value says(Engine *e, const Flight *f, size_t at, Arena *a) {
    (void)at, (void)e;
    Buf text = BUF_INIT(1024);
    if (f->key_line)
        write_holder(&text, f->key_line);
    else if (want_cache_ms(f->want))
        buf_str_add(&text, STR("whether an equal call was made before"));
    else
        buf_str_add(&text, STR("whether another run has done the same"));
    MapBuilder m = map_builder(a);
    map_addz(&m, "kind", value_str(STR("key")));
    map_addz(&m, "of", value_str(STR("effect")));
    map_addz(&m, "name", value_str(arena_str(a, f->want->callee->name)));
    map_addz(&m, "key", value_str(arena_str(a, f->want->key)));
    map_addz(&m, "says", value_str(arena_str(a, buf_str(&text))));
    if (f->key_line)
        map_addz(&m, "run", value_str(arena_str(a, str_from(f->key_line->run))));
    buf_deinit(&text);
    return map_done(&m, NULL);
}

/* As one more limit: of lists of those (governor_say.c). */
void keys_list(Engine *e, ListBuilder *l, Arena *a) {
    for (size_t i = 0; e->key_lines && i < LINE_BUCKETS; i++) {
        for (const KeyLine *line = e->key_lines[i]; line; line = line->bucket_next) {
            const Want *w = line->first->want;
            uint64_t waiting = 0;
            for (const Flight *f = line->first; f; f = f->lane_next)
                waiting++;
            MapBuilder m = map_builder(a);
            map_addz(&m, "of", value_str(STR("effect")));
            map_addz(
                &m, "name",
                value_str(arena_fmt(a, "%.*s %.*s", STR_FMT(w->callee->name), STR_FMT(w->key))));
            map_addz(&m, "ceiling", value_str(STR("key")));
            map_addz(&m, "in_flight", value_uint(1));
            map_addz(&m, "waiting", value_uint(waiting));
            map_addz(&m, "run", value_str(arena_str(a, str_from(line->run))));
            list_add(l, map_done(&m, NULL));
        }
    }
}

const Gate gate_key = { .ask = ask, .leave = leave, .says = says };

/* ---- a batch --------------------------------------------------------------------------------------------------------- */

static void drop_dead(ClaimQueue *q) {
    ClaimQueue live = { 0 };
    for (Claim *c; (c = QUEUE_POP(q));) {
        if (c->f)
            QUEUE_PUSH(&live, c);
        else
            free(c);
    }
    *q = live;
}

bool keys_ask(Engine *e) {
    drop_dead(&e->gather.claims);
    return e->gather.claims.first != NULL;
}

StoreClaim *keys_claims(Batch *b, ClaimQueue *from, size_t *ret_n) {
    size_t n = 0;
    drop_dead(from);
    for (const Claim *c = from->first; c; c = c->next)
        n++;
    *ret_n = n;
    if (!n)
        return NULL;
    StoreClaim *slots = ARENA_ARRAY(&b->arena, StoreClaim, n), *slot = slots;
    for (Claim *c = from->first; c; c = c->next, slot++) {
        c->slot = slot;
        *slot = (StoreClaim){ .name = c->name,
                              .run = arena_str(&b->arena, resident_id(c->f->r)),
                              .address = want_address(c->f->want, &b->arena),
                              .generation = c->f->want->generation,
                              .cached_ms =
                                  want_shares_key(c->f->want) ? 0 : want_cache_ms(c->f->want) };
    }
    QUEUE_MOVE(&b->claims, from);
    return slots;
}

const StoreKeyChange *keys_told(Engine *e, Batch *b, Run *run, size_t *ret_n) {
    const KeyChange *told = run_key_changes(run, ret_n);
    StoreKeyChange *changes = *ret_n ? ARENA_ARRAY(&b->arena, StoreKeyChange, *ret_n) : NULL;
    for (size_t i = 0; i < *ret_n; i++) {
        changes[i] = (StoreKeyChange){ .address = arena_str(&b->arena, told[i].address),
                                       .state = told[i].state,
                                       .result = told[i].result.p
                                                     ? arena_str(&b->arena, told[i].result)
                                                     : STR_NULL,
                                       .within = told[i].within,
                                       .since_ms = e->now_ms };
        if (!told[i].within)
            changes[i].name =
                run_key_name(run, told[i].callee, told[i].key, e->install_key, &b->arena);
    }
    run_forget_key_changes(run);
    return changes;
}

/* ---- what came back -------------------------------------------------------------------------------------------------- */

static void wake_those_behind(Engine *e, Str run) {
    for (size_t i = 0; e->key_lines && i < LINE_BUCKETS; i++) {
        for (KeyLine *l = e->key_lines[i], *next; l; l = next) {
            next = l->bucket_next;
            if (str_eq(str_from(l->run), run))
                wake_first(e, l);
        }
    }
}

static void told(Engine *e, const StoreKeyChange *change) {
    KeyLine *l = line_of(e, &change->name);
    if (!l || MUTANT(key_wakes_nobody))
        return;
    if (key_is_held(change->state))
        l->state = change->state;
    else
        wake(e, &change->name, change->state == KEY_DONE);
}

void keys_durable(Engine *e, const StoreAppend *it) {
    bool all_of_run = it->forget;
    for (size_t i = 0; i < it->n_keys; i++) {
        all_of_run |= it->keys[i].within;
        if (!it->keys[i].within)
            told(e, &it->keys[i]);
    }
    if (all_of_run)
        wake_those_behind(e, it->run);
}

/* What is said of the key is copied: the batch goes. */
static void take_answer(Engine *e, Claim *c) {
    Flight *f = c->f;
    const StoreKey *k = &c->slot->key;
    Arena *a = &f->attempt.arena;
    f->claim = NULL;
    f->key = (StoreKey){ .generation = k->generation,
                         .state = k->state,
                         .run = arena_str(a, k->run),
                         .address = arena_str(a, k->address),
                         .since_ms = k->since_ms,
                         .giver = arena_str(a, k->giver),
                         .result = k->result.p ? arena_str(a, k->result) : STR_NULL,
                         .forgotten = k->forgotten };
    KeyLine *l = line_of(e, &c->name);
    if (c->slot->answer == CLAIM_TAKEN)
        l = line_made(e, &c->name);
    if (l)
        line_describe(l, k);
    if (c->slot->answer == CLAIM_TAKEN) {
        join(l, f);
        return;
    }
    f->claim = c; /* until its turn comes: now may be in the middle of anything */
    c->granted = c->slot->answer == CLAIM_GRANTED;
    c->slot = NULL;
}

void keys_answered(Engine *e, Batch *b) {
    ClaimQueue claims = b->claims;
    b->claims = (ClaimQueue){ 0 };
    for (Claim *c; (c = QUEUE_POP(&claims));) {
        if (c->f && c->slot->answer == CLAIM_UNANSWERED) {
            QUEUE_PUSH(&e->gather.claims, c);
            continue;
        }
        if (c->f)
            take_answer(e, c);
        if (c->f && c->f->claim == c)
            QUEUE_PUSH(&e->answered, c);
        else
            free(c);
    }
}

static void share(Engine *e, Flight *f) {
    timer_disarm(e, &f->timer);
    f->attempt.address = want_address(f->want, &f->attempt.arena);
    f->attempt.attempt = f->want->attempt;
    f->held_ms = e->now_ms - f->held_since_ms;
    f->completion = (Completion){ .outcome = OUTCOME_OK,
                                  .payload = f->key.result.p ? f->key.result : STR_NULL };
    f->reused = true;
    f->state = FLIGHT_ENDED;
    QUEUE_PUSH(&e->completed, f);
    engine_wake(e);
}

static void go_on(Engine *e, Flight *f, const Hash *name, bool granted) {
    if (!granted)
        wake(e, name, true);
    if (perform_put_off(e, f))
        return;
    if (granted && !want_shares_key(f->want))
        f->key = (StoreKey){ 0 }; /* nothing was claimed */
    if (granted)
        gates_go_on(e, f);
    else if (f->key.forgotten)
        gates_refuse(e, f, KIND_CONFLICT,
                     "run %.*s did this at %.*s, and its result was forgotten; another `key:` is "
                     "another effect",
                     STR_FMT(f->key.run), STR_FMT(f->key.address));
    else
        share(e, f);
}

void keys_take(Engine *e) {
    while (e->answered.first && !engine_stopping(e)) {
        Claim *c = QUEUE_POP(&e->answered);
        Flight *f = c->f;
        if (f) {
            f->claim = NULL;
            go_on(e, f, &c->name, c->granted);
        }
        free(c);
    }
}

/* Another engine may have let go of it meanwhile. */
void keys_look_again(Engine *e) {
    for (size_t i = 0; e->key_lines && i < LINE_BUCKETS; i++) {
        for (KeyLine *l = e->key_lines[i], *next; l; l = next) {
            next = l->bucket_next;
            if (!resident_find(e, str_from(l->run)))
                wake_first(e, l);
        }
    }
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

void claims_free(ClaimQueue *q) {
    for (Claim *c; (c = QUEUE_POP(q));) {
        if (c->f)
            c->f->claim = NULL;
        free(c);
    }
}

void keys_deinit(Engine *e) {
    claims_free(&e->gather.claims);
    claims_free(&e->answered);
    for (size_t i = 0; e->key_lines && i < LINE_BUCKETS; i++) {
        for (KeyLine *l = e->key_lines[i], *next; l; l = next) {
            next = l->bucket_next;
            line_free(l);
        }
    }
    free(e->key_lines);
}
