#include "engine/account.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>

/* In the order in which they are passed: has another run done it? Is another one of the same on its way? Then the budgets of the
 * project, the callee's limits, those of the model and of the provider it asks. */
static const struct {
    const Gate *gate;
    size_t at; /* which of its places this is */
} gates[] = { { &gate_key, 0 },      { &gate_twin, 0 },     { &gate_account, 0 },
              { &gate_governor, 0 }, { &gate_governor, 1 }, { &gate_governor, 2 } };

bool gates_pass(Engine *e, Flight *f) {
    for (; f->gate < ARRAY_LEN(gates); f->gate++) {
        switch (gates[f->gate].gate->ask(e, f, gates[f->gate].at)) {
        case GATE_OPEN: continue;
        case GATE_HELD:
            if (f->state == FLIGHT_HELD)
                return false;
            f->state = FLIGHT_HELD;
            f->held_since_ms = e->now_ms;
            if (want_queue_ms(f->want))
                timer_arm(e, &f->timer, e->now_ms + want_queue_ms(f->want));
            return false;
        case GATE_REFUSED: gates_refuse(e, f, KIND_NONE, "%s", ""); return false;
        }
    }
    return true;
}

void gates_go_on(Engine *e, Flight *f) {
    f->gate++;
    gates_ask_again(e, f);
}

void gates_ask_again(Engine *e, Flight *f) {
    ASSERT(f->state == FLIGHT_HELD);
    if (!gates_pass(e, f))
        return;
    timer_disarm(e, &f->timer);
    f->state = FLIGHT_WAITING;
    f->held_ms = e->now_ms - f->held_since_ms;
    Resident *r = f->r;
    perform_admitted(e, f);
    perform_dispatch(e, r);
}

static PRINTF(3, 0) void set_refusal(Flight *f, ErrorKind kind, const char *fmt, va_list args) {
    char text[512];
    vsnprintf(text, sizeof text, fmt, args);
    f->completion = (Completion){ .outcome = OUTCOME_REFUSED,
                                  .sent = SENT_NO,
                                  .kind = kind,
                                  .message = arena_str(&f->attempt.arena, str_from(text)) };
}

GateAnswer gate_refusal(Flight *f, ErrorKind kind, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    set_refusal(f, kind, fmt, args);
    va_end(args);
    return GATE_REFUSED;
}

/* Nothing left, so nothing is waited for: it is a completion like any other. KIND_NONE: it is set already. */
void gates_refuse(Engine *e, Flight *f, ErrorKind kind, const char *fmt, ...) {
    if (kind) {
        va_list args;
        va_start(args, fmt);
        set_refusal(f, kind, fmt, args);
        va_end(args);
    }
    if (f->state == FLIGHT_HELD)
        f->held_ms = e->now_ms - f->held_since_ms;
    timer_disarm(e, &f->timer);
    gates_leave(e, f);
    f->attempt.address = want_address(f->want, &f->attempt.arena);
    f->attempt.attempt = f->want->attempt;
    f->state = FLIGHT_ENDED;
    QUEUE_PUSH(&e->completed, f);
    engine_wake(e);
}

void gates_timeout(Engine *e, Flight *f) {
    Buf text = BUF_INIT(64);
    duration_write(&text, want_queue_ms(f->want));
    gates_refuse(e, f, KIND_TIMEOUT, "waited %.*s for its turn, as long as `timeout.queue` allows",
                 STR_FMT(buf_str(&text)));
    buf_deinit(&text);
}

void gates_left(Engine *e, Flight *f) {
    f->left = true;
    f->left_ms = e->now_ms;
    for (size_t i = 0; i < f->gate; i++)
        if (gates[i].gate->left)
            gates[i].gate->left(e, f, gates[i].at);
}

void gates_ended(Engine *e, Flight *f) {
    for (size_t i = 0; i < f->gate; i++)
        if (gates[i].gate->ended)
            gates[i].gate->ended(e, f, gates[i].at);
}

void gates_leave(Engine *e, Flight *f) {
    size_t n = MIN((size_t)f->gate + (f->state == FLIGHT_HELD), ARRAY_LEN(gates));
    f->gate = 0;
    for (size_t i = n; i > 0; i--)
        gates[i - 1].gate->leave(e, f, gates[i - 1].at);
}

/* ---- questions ------------------------------------------------------------------------------------------------------- */

static Value says(Engine *e, const Want *w, const Flight *f, Arena *a) {
    Value gate = gates[f->gate].gate->says(e, f, gates[f->gate].at, a);
    MapBuilder m = map_builder(a);
    map_addz(&m, "step", value_str(want_address(w, a)));
    map_addz(&m, "since", value_time_text(f->held_since_ms, a));
    map_addz(&m, "since_ms", value_int(f->held_since_ms));
    for (uint32_t i = 0; i < gate.len; i++) {
        ValueEntry entry = value_entry(gate, i);
        map_add(&m, entry.key, entry.value);
    }
    return map_done(&m, NULL);
}

#define HELD_SHOWN_MAX 50

Value engine_held(Engine *e, Str run, Arena *a) {
    ListBuilder l = list_builder(a);
    Resident *r = resident_find(e, run);
    for (Want *w = r && r->run ? run_wants(r->run) : NULL; w && l.n < HELD_SHOWN_MAX; w = w->next) {
        const Flight *f = w->kind == WANT_ATTEMPT ? w->cookie : NULL;
        if (f && f->state == FLIGHT_HELD)
            list_add(&l, says(e, w, f, a));
    }
    return list_done(&l);
}
