/* Wants: what must be in flight now. A list in order of opening; the engine performs its changes, recovery all of it. */
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/people.h"
#include "kernel/play.h"
#include "kernel/step.h"

Want *want_new(Run *r, Frame *f, WantKind kind) {
    Want *w = r->free_wants;
    if (w) {
        r->free_wants = w->next;
        memset(w, 0, sizeof(*w));
    } else {
        w = ARENA_NEW(&r->arena, Want);
    }
    w->kind = kind;
    w->frame = f;
    w->prev = r->wants_last;
    *(r->wants_last ? &r->wants_last->next : &r->wants_first) = w;
    r->wants_last = w;
    if (!r->opened)
        r->opened = w;
    r->open_attempts += kind == WANT_ATTEMPT;
    return w;
}

Want *want_open(Run *r, Frame *f, WantKind kind) {
    Want *w = want_new(r, f, kind);
    if (kind == WANT_ATTEMPT)
        budget_attempts(r, f, 1);
    return w;
}

Want *want_timer(Run *r, Frame *f, TimerPurpose purpose, int64_t due_ms) {
    Want *w = want_open(r, f, WANT_TIMER);
    w->purpose = purpose;
    w->due_ms = due_ms;
    return w;
}

static void remember_closed(Run *r, const Want *w) {
    if (!w->cookie)
        return;
    if (r->n_closed == r->room_closed) {
        r->room_closed = MAX(8, r->room_closed * 2);
        r->closed = xrealloc(r->closed, r->room_closed * sizeof(*r->closed));
    }
    r->closed[r->n_closed++] = (WantClosed){ w->kind, w->cookie, w->stopping, want_is_timed(w) };
}

void want_stop(Run *r, Want *w) {
    w->stopping = true;
    remember_closed(r, w);
}

void want_close(Run *r, Want *w) {
    w->stopping = false;
    remember_closed(r, w);
    if (r->opened == w)
        r->opened = w->next;
    *(w->prev ? &w->prev->next : &r->wants_first) = w->next;
    *(w->next ? &w->next->prev : &r->wants_last) = w->prev;
    if (w->kind == WANT_ATTEMPT) {
        ASSERT(r->open_attempts > 0);
        r->open_attempts--;
        budget_attempts(r, w->frame, -1);
    }
    w->frame = NULL;
    w->next = r->free_wants;
    r->free_wants = w;
}

/* A frame knows its wants: they are few. */
void want_close_all(Run *r, Frame *f) {
    if (f->timeout)
        want_close(r, f->timeout);
    f->timeout = NULL;
    budget_close(r, f);
    if (f->shape == &shape_call)
        more_over(r, f);
    if (f->shape == &shape_call)
        held_leave(r, f);
    if (f->shape == &shape_call && f->call->want) {
        /* What a model had used by then nobody says: it may have been all. */
        if (f->call->want->kind == WANT_ATTEMPT)
            call_give_up(r, f);
        want_close(r, f->call->want);
        f->call->want = NULL;
    }
    if (f->shape == &shape_call)
        hedge_off(r, f);
    if (f->shape == &shape_human && f->human)
        human_close(r, f);
    if (f->shape && f->shape->plays)
        play_stop_waiting(r, f, 0);
    if (f->shape == &shape_wait) {
        if (f->wait->timer)
            want_close(r, f->wait->timer);
        if (f->wait->signal)
            want_close(r, f->wait->signal);
        f->wait->timer = f->wait->signal = NULL;
    }
}

Str want_address(const Want *w, Arena *a) { return frame_address(w->frame, a); }

Value want_input(const Want *w) {
    ASSERT(w->kind == WANT_ATTEMPT && w->frame->shape == &shape_call);
    return w->frame->part == PART_TURN ? w->frame->parent->with : w->frame->call->args;
}

/* A step's own timeout is that of its attempts; an agent's covers the whole conversation and is a timer of its own, so its
 * model and tool calls have their callees'. */
int64_t want_timeout_ms(const Want *w) {
    ASSERT(w->kind == WANT_ATTEMPT);
    Part part = w->frame->part;
    bool own = part != PART_CALL && part != PART_TURN && part != PART_TOOLS;
    return own && w->frame->node->timeout_ms ? w->frame->node->timeout_ms : w->callee->timeout_ms;
}

static int64_t sooner(int64_t due_ms, const Want *timer) {
    return timer ? MIN(due_ms, timer->due_ms) : due_ms;
}

/* Nothing has to be cut here: the timers around it end it. This is for who does the work. */
int64_t want_time_left_ms(const Want *w, int64_t now_ms) {
    int64_t own_ms = want_timeout_ms(w), due_ms = own_ms ? now_ms + own_ms : INT64_MAX;
    for (Frame *f = w->frame; f; f = f->parent) {
        due_ms = sooner(due_ms, f->timeout);
        if (!f->budget)
            continue;
        due_ms = sooner(due_ms, *budget_timer(f, TIMER_DEADLINE));
        due_ms = sooner(due_ms, *budget_timer(f, TIMER_WORK));
    }
    return due_ms == INT64_MAX ? 0 : MAX((int64_t)1, due_ms - now_ms);
}

int64_t want_queue_ms(const Want *w) {
    ASSERT(w->kind == WANT_ATTEMPT);
    bool own = w->frame->part != PART_CALL;
    return own && w->frame->node->queue_ms ? w->frame->node->queue_ms : w->callee->queue_ms;
}

Str want_model(const Want *w) {
    bool turn = w->frame->part == PART_TURN && w->callee->kind == CALLEE_MODEL;
    return turn ? w->callee->models[w->frame->parent->agent->model] : STR("");
}

static const ModelServer *server_of(const Want *w) {
    return w->frame->part == PART_TURN ? w->callee->servers[w->frame->parent->agent->model] : NULL;
}

void want_governed(const Want *w, const Governed *ret[GOVERNED_MAX]) {
    ASSERT(w->kind == WANT_ATTEMPT);
    const ModelServer *server = server_of(w);
    ret[0] = w->callee->governed;
    ret[1] = server ? server_model_governed(server, want_model(w)) : NULL;
    ret[2] = server ? server->governed : NULL;
}

bool want_announced(const Want *w) {
    const Governed *governed[GOVERNED_MAX];
    if (w->effect == EFFECT_PURE || w->effect == EFFECT_UNSAFE)
        return w->effect == EFFECT_UNSAFE;
    if (want_shares_key(w))
        return true;
    want_governed(w, governed);
    return governed[0] || governed[1] || governed[2];
}

bool want_is_elsewhere(const Want *w) { return w->handle.len && !MUTANT(handle_is_forgotten); }

bool want_never_left(const Want *w) { return w->unsent || (want_announced(w) && !w->dispatching); }

bool want_has_other(const Want *w) {
    ASSERT(w->kind == WANT_ATTEMPT);
    bool model = w->frame->part == PART_TURN &&
                 w->frame->parent->agent->model + 1 < w->callee->n_models;
    return model || fallback_left(w->frame);
}

Str want_by(const Want *w, const Template *by, Arena *a) {
    char unused[320];
    Scope s = scope_of(w->frame->run, w->frame);
    Value v;
    s.input = want_input(w);
    if (scope_eval(&s, by, &v, unused) || value_absent(v) || v.type == V_NULL)
        return STR("");
    return arena_str(a, value_plain(&w->frame->run->arena, v));
}

Value want_send(const Want *w, Str secret_mark, Arena *a) {
    ASSERT(w->kind == WANT_ATTEMPT && w->frame->shape == &shape_call);
    return call_request(w->frame, secret_mark, a);
}

Value want_request(const Want *w, Arena *a) { return want_send(w, STR(""), a); }

/* The key names the effect, never the attempt: an attempt more is the same effect. */
Str want_key(const Want *w, const uint8_t install_key[32], Arena *a) {
    const CallState *c = w->frame->call;
    Str address = frame_address(w->frame, a);
    const Run *r = w->frame->run;
    uint32_t generation = c->generation;
    if (MUTANT(key_with_attempt) && !c->key.len)
        generation = c->attempt;
    if (MUTANT(key_without_generation))
        generation = 0;
    Str message =
        c->key.len ? arena_fmt(a, "v1|%.*s|%.*s|%.*s|%u", STR_FMT(r->plan->name),
                               STR_FMT(key_callee(w->frame, a)), STR_FMT(c->key), generation)
                   : arena_fmt(a, "v1|%.*s|%.*s|%u", STR_FMT(r->id), STR_FMT(address), generation);
    Hash h = hash_hmac((Str){ (const char *)install_key, 32 }, message);
    char text[64];
    size_t n = hash_base32(&h, 20, text, sizeof(text));
    return arena_str(a, (Str){ text, n });
}

bool want_shares_key(const Want *w) { return w->kind == WANT_ATTEMPT && key_is_shared(w->frame); }

Hash run_key_name(const Run *r, Str callee, Str key, const uint8_t install_key[32], Arena *a) {
    Str message =
        arena_fmt(a, "key|%.*s|%.*s|%.*s", STR_FMT(r->plan->name), STR_FMT(callee), STR_FMT(key));
    return hash_hmac((Str){ (const char *)install_key, 32 }, message);
}

/* Only a first attempt: what is made again is to be made. */
int64_t want_cache_ms(const Want *w) {
    if (w->kind != WANT_ATTEMPT || !key_is_cached(w->frame))
        return 0;
    const CallState *c = w->frame->call;
    return w->attempt == 1 && !c->fresh ? w->frame->node->cache_ms : 0;
}

Hash want_cache_name(const Want *w, const uint8_t install_key[32], Arena *a) {
    return run_key_name(w->frame->run, STR("cache"), key_of_cache(w->frame, a), install_key, a);
}

Hash want_key_name(const Want *w, const uint8_t install_key[32], Arena *a) {
    return run_key_name(w->frame->run, key_callee(w->frame, a), w->frame->call->key, install_key,
                        a);
}
