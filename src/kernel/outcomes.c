#include "base/json.h"
#include "kernel/call.h"
#include "kernel/outcomes.h"
#include "kernel/undo.h"

#include <stdlib.h>

struct Outcomes {
    Arena arena;
    bool keep_requests;
    Recorded *items;
    size_t n, room;
    uint32_t *
        slots; /* number of an item + 1 by address and request; a power of two, at most half full */
    size_t n_slots;
};

Outcomes *outcomes_new(bool keep_requests) {
    Outcomes *o = xcalloc(1, sizeof *o);
    arena_init(&o->arena, 0);
    o->keep_requests = keep_requests;
    return o;
}

Outcomes *outcomes_free(Outcomes *o) {
    if (o) {
        free(o->items);
        free(o->slots);
        arena_deinit(&o->arena);
        free(o);
    }
    return NULL;
}

/* ---- the table ---- */

static bool is_item(const Recorded *item, Str address, const Hash *request) {
    return hash_eq(&item->request_hash, request) && str_eq(item->address, address);
}

/* The slot of an outcome, or the empty one where it belongs. */
static uint32_t *slot_of(const Outcomes *o, Str address, const Hash *request) {
    size_t at = (size_t)hash_fast(address, request->b[0]) & (o->n_slots - 1);
    while (o->slots[at] && !is_item(&o->items[o->slots[at] - 1], address, request))
        at = (at + 1) & (o->n_slots - 1);
    return &o->slots[at];
}

static void grow(Outcomes *o) {
    if (o->n < o->room)
        return;
    o->room = MAX((size_t)16, o->room * 2);
    o->items = xrealloc(o->items, o->room * sizeof *o->items);
    free(o->slots);
    o->n_slots = o->room * 2;
    o->slots = xcalloc(o->n_slots, sizeof *o->slots);
    for (size_t i = 0; i < o->n; i++)
        *slot_of(o, o->items[i].address, &o->items[i].request_hash) = (uint32_t)i + 1;
}

static Recorded *item_at(Outcomes *o, Str address, const Hash *request) {
    grow(o);
    uint32_t *slot = slot_of(o, address, request);
    if (!*slot) {
        o->items[o->n] =
            (Recorded){ .address = arena_str(&o->arena, address), .request_hash = *request };
        *slot = (uint32_t)++o->n;
    }
    return &o->items[*slot - 1];
}

/* ---- requests ---- */

/* The text of what is sent, and its hash; false for one that is too large or cannot be composed. */
static bool hash_request(const Frame *call, Buf *b, Hash *ret) {
    Arena a;
    arena_init(&a, 0);
    Value request = call_request(call, STR(""), &a);
    bool there = !value_absent(request);
    if (there)
        value_write(b, request);
    arena_deinit(&a);
    if (!there || buf_over(b))
        return false;
    *ret = hash_bytes(buf_str(b));
    /* The same words to another kind are another request. */
    ret->b[0] ^= (uint8_t)call->call->callee->kind;
    if (MUTANT(reuse_any_request))
        *ret = (Hash){ { 0 } };
    return true;
}

bool outcomes_hash(const Want *w, Hash *ret) {
    Buf text = BUF_INIT(LIMIT_VALUE_BYTES);
    bool there = hash_request(w->frame, &text, ret);
    buf_deinit(&text);
    return there;
}

/* ---- recording ---- */

static Str copy_payload(Outcomes *o, Str payload) {
    return payload.p ? arena_str(&o->arena, payload) : STR_NULL;
}

/* What a probe says was done is the outcome of the call that it asks about. */
static const Frame *probed(Outcomes *o, const Frame *probe, Str *payload) {
    Value answer;
    if (!payload->p || json_read_copy(&o->arena, *payload, &answer, NULL))
        return NULL;
    Value done = value_getz(answer, "done"), result = value_getz(answer, "result");
    if (done.type != V_BOOL || !done.b)
        return NULL;
    *payload = value_absent(result) ? STR_NULL : value_text(&o->arena, result);
    return probe->parent;
}

/* The call whose outcome this fact settles as ok; NULL: none. What undoes and what asks is of that run alone. */
static const Frame *settled_by(Outcomes *o, Run *r, const Fact *fact, Str *ret_payload) {
    bool ended = fact->kind == FACT_FINISHED || fact->kind == FACT_CHILD;
    bool ok = (ended && fact->outcome == OUTCOME_OK) ||
              (fact->kind == FACT_DECISION && fact->verb == DECISION_DONE);
    const Frame *f = ok ? frame_find(r, fact->address) : NULL;
    bool call = f && f->shape == &shape_call && f->call->want;
    *ret_payload = fact->payload;
    if (call && f->part == PART_PROBE)
        f = probed(o, f, ret_payload);
    return call && f && !f->abandoned && !undo_inside(f) ? f : NULL;
}

void outcomes_note(Outcomes *o, Run *r, const Fact *fact, Str before) {
    Str payload;
    const Frame *f = settled_by(o, r, fact, &payload);
    if (!f || frame_is_from(f, before))
        return;
    Buf text = BUF_INIT(LIMIT_VALUE_BYTES);
    Hash hash;
    if (hash_request(f, &text, &hash)) {
        bool keep = o->keep_requests && f->call->callee->kind == CALLEE_MODEL;
        Recorded *item = item_at(o, frame_address(f, &o->arena), &hash);
        item->payload = copy_payload(o, payload);
        item->usage = fact->usage;
        item->took_us = fact->took_us;
        item->kind = f->call->callee->kind;
        item->callee = arena_str(&o->arena, f->call->callee->name);
        item->request = keep ? arena_str(&o->arena, buf_str(&text)) : STR("");
    }
    buf_deinit(&text);
}

/* Of what is left. */
static void find_slots_again(Outcomes *o) {
    memset(o->slots, 0, o->n_slots * sizeof *o->slots);
    for (size_t i = 0; i < o->n; i++)
        *slot_of(o, o->items[i].address, &o->items[i].request_hash) = (uint32_t)i + 1;
}

void outcomes_forget_undone(Outcomes *o, const Run *r) {
    if (o->n == 0 || MUTANT(undone_is_offered))
        return;
    size_t kept = 0;
    for (size_t i = 0; i < o->n; i++)
        if (!undo_takes_back(r, o->items[i].address))
            o->items[kept++] = o->items[i];
    o->n = kept;
    find_slots_again(o);
}

void outcomes_forget_within(Outcomes *o, Str step) {
    size_t kept = 0;
    for (size_t i = 0; i < o->n; i++) {
        Str at = o->items[i].address;
        if (!str_starts(at, step) || (at.len > step.len && !strchr("/[~.:", at.p[step.len])))
            o->items[kept++] = o->items[i];
    }
    if (kept == o->n)
        return;
    o->n = kept;
    find_slots_again(o);
}

/* ---- asking ---- */

const Recorded *outcomes_recorded(const Outcomes *o, const Want *w) {
    char room[512];
    Buf address = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
    Buf text = BUF_INIT(LIMIT_VALUE_BYTES);
    Hash hash;
    if (o->n == 0)
        return NULL;
    frame_write_address(&address, w->frame);
    bool there = hash_request(w->frame, &text, &hash);
    buf_deinit(&text);
    uint32_t number = there ? *slot_of(o, buf_str(&address), &hash) : 0;
    return number ? &o->items[number - 1] : NULL;
}

const Recorded *outcomes_find(const Outcomes *o, const Want *w) {
    if (o->n == 0 || frame_is_from(w->frame, w->frame->run->source_before))
        return NULL;
    return outcomes_recorded(o, w);
}

const Recorded *outcomes_all(const Outcomes *o, size_t *ret_n) {
    *ret_n = o->n;
    return o->items;
}
