/* What a call tells of its business key, and what it was granted. It is told when it is known, not when the step is over: what
 * was done stays done while people look at it, and who comes after a failure may want the same key. */
#include "kernel/call.h"
#include "kernel/step.h"
#include "kernel/undo.h"

#include <stdlib.h>

/* Runs of before knew them by themselves. */
static bool shares_keys(const Run *r) { return r->rules >= RULES_KEYS_OF_ALL; }

bool key_is_shared(const Frame *f) {
    const CallState *c = f->call;
    return shares_keys(f->run) && c->key.len && c->effect >= EFFECT_IDEMPOTENT;
}

/* The same in every item and round: "work[3]~2/pay" is "work/pay". */
static Str without_numbers(Str address, Arena *a) {
    char *to = arena_alloc(a, address.len + 1);
    size_t n = 0;
    bool skips = false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.p[i];
        if (strchr("/:.", c))
            skips = false;
        if (c == '[' || c == '~')
            skips = true;
        if (!skips)
            to[n++] = c;
    }
    to[n] = 0;
    return (Str){ to, n };
}

/* Who has no definition is known by the step it stands in. What takes an effect back is another one. */
Str key_callee(const Frame *f, Arena *a) {
    Str name = f->call->callee->name;
    if (!shares_keys(f->run))
        return name;
    if (str_is(name, "run") || str_is(name, "http"))
        return arena_fmt(a, "%.*s %.*s", STR_FMT(name),
                         STR_FMT(without_numbers(frame_address(f, a), a)));
    return undo_inside(f) ? arena_fmt(a, "undo %.*s", STR_FMT(name)) : name;
}

/* ---- telling --------------------------------------------------------------------------------------------------------- */

static void add(Run *r, KeyChange change) {
    if (r->n_key_changes == r->room_key_changes) {
        r->room_key_changes = MAX(4u, r->room_key_changes * 2);
        r->key_changes = xrealloc(r->key_changes, r->room_key_changes * sizeof(*r->key_changes));
    }
    r->key_changes[r->n_key_changes++] = change;
}

void key_tell(Run *r, Frame *f, KeyState state, Value result) {
    CallState *c = f->call;
    if (!key_is_shared(f))
        return;
    c->told = (uint8_t)state;
    add(r,
        (KeyChange){ .callee = key_callee(f, &r->arena),
                     .key = c->key,
                     .address = frame_address(f, &r->arena),
                     .generation = c->generation,
                     .state = state,
                     .result = value_absent(result) ? STR_NULL : value_text(&r->arena, result) });
}

/* ---- what only reads (`cache:`) -------------------------------------------------------------------------------------- */

/* More than that is cheaper to ask for again than to keep. */
#define CACHED_BYTES_MAX (64 * KIB)

bool key_is_cached(const Frame *f) {
    bool own = (f->layers & LAYER_ONCE) || f->part == PART_TURN;
    return own && f->node->cache_ms > 0 && f->call->effect <= EFFECT_READ;
}

/* What would be sent says who is called, with what, and how; a command also runs somewhere. */
Str key_of_cache(const Frame *f, Arena *a) {
    Str request = value_text(a, call_request((Frame *)f, STR(""), a));
    Str dir = f->call->callee->kind == CALLEE_RUN ? f->run->dir : STR("");
    Hash h = hash_bytes(
        arena_fmt(a, "%d|%.*s|%.*s", (int)f->call->callee->kind, STR_FMT(dir), STR_FMT(request)));
    char hex[HASH_BYTES * 2 + 1];
    hash_hex(&h, hex);
    return arena_str(a, str_from(hex));
}

void key_cache(Run *r, Frame *f, Value output) {
    ErrorKind kind;
    Str problem, text = value_text(&r->arena, output);
    Value unused;
    if (!key_is_cached(f) || !text.p || text.len > CACHED_BYTES_MAX ||
        (f->part != PART_TURN &&
         !step_accepts(r, f, f->call->callee, output, &unused, &kind, &problem)))
        return;
    add(r, (KeyChange){ .callee = STR("cache"),
                        .key = key_of_cache(f, &r->arena),
                        .address = frame_address(f, &r->arena),
                        .state = KEY_CACHED,
                        .result = text });
}

/* ---- undo ------------------------------------------------------------------------------------------------------------ */

/* An undo begins, or has ended. What a group did is taken back as a whole: of what was done in it nothing is left. */
void key_undo_begins(Run *r, Frame *f) {
    CallState *c = f->shape == &shape_call ? f->call : NULL;
    if (c && c->told != KEY_UNDOING) {
        c->was_told = c->told;
        key_tell(r, f, KEY_UNDOING, VALUE_ABSENT);
    }
}

void key_undo_ended(Run *r, Frame *f, bool undone) {
    if (f->shape == &shape_call)
        key_tell(r, f,
                 undone                          ? KEY_UNDONE
                 : f->call->was_told == KEY_DONE ? KEY_DONE
                                                 : KEY_UNKNOWN,
                 VALUE_ABSENT);
    else if (undone && shares_keys(r) && r->used_keys)
        add(r, (KeyChange){
                   .address = frame_address(f, &r->arena), .state = KEY_UNDONE, .within = true });
}

/* It ends without anybody having said what it did. */
void key_settle(Run *r, Frame *f) {
    CallState *c = f->call;
    if (f->shape != &shape_call || !c || !c->attempt || !key_is_shared(f) ||
        !(c->told == KEY_NEW || c->told == KEY_UNDER_WAY || c->told == KEY_DOUBT) ||
        MUTANT(key_never_settled))
        return;
    bool unknown = c->unknown || c->let_out;
    if (unknown && f->undo)
        key_undo_begins(r, f);
    else
        key_tell(r, f, unknown ? KEY_UNKNOWN : KEY_FREE, VALUE_ABSENT);
}

/* Nothing of it goes on: what it should still hold, since a step of it is gone, it holds no more. */
void key_run_ended(Run *r) {
    if (shares_keys(r) && r->used_keys)
        add(r, (KeyChange){ .address = STR(""), .state = KEY_UNKNOWN, .within = true });
}

const KeyChange *run_key_changes(const Run *r, size_t *ret_n) {
    *ret_n = r->n_key_changes;
    return r->key_changes;
}

void run_forget_key_changes(Run *r) { r->n_key_changes = 0; }

/* ---- granted --------------------------------------------------------------------------------------------------------- */

/* The one that had it before did not find out what it did. What may be sent again is sent again; the rest is asked about. */
static void inherit(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    c->unknown = true;
    if (c->effect != EFFECT_UNSAFE && !call_key_is_dead(r, f)) {
        key_tell(r, f, KEY_UNDER_WAY, VALUE_ABSENT);
        return;
    }
    call_drop_attempt(r, f);
    Str why = arena_fmt(&r->arena, "run %.*s gave it up: whether it happened is unknown",
                        STR_FMT(fact->from));
    call_unclear(r, f, &(Fact){ .error_kind = STR("in_doubt"), .message = why });
}

void key_granted(Run *r, Frame *f, const Fact *fact) {
    CallState *c = f->call;
    c->generation = c->want->generation = fact->generation;
    if (fact->since_ms)
        c->first_ms = MIN(c->first_ms, fact->since_ms);
    c->told = KEY_NEW;
    c->let_out = true;
    if (fact->from.len)
        inherit(r, f, fact);
}

/* Another run had done it. */
void key_taken_over(Run *r, Frame *f, const Fact *fact) {
    f->call->told = KEY_DONE;
    if (!fact->from.len)
        return;
    if (key_is_cached(f)) {
        frame_movef(r, f, STATUS_RUNNING, "cached: run %.*s at %.*s", (int)fact->from.len,
                    fact->from.p, STR_FMT(fact->id));
        return;
    }
    bool own = str_eq(fact->from, r->id);
    frame_movef(r, f, STATUS_RUNNING, "done by %s%.*s at %.*s", own ? "this run" : "run ",
                own ? 0 : (int)fact->from.len, fact->from.p, STR_FMT(fact->id));
}
