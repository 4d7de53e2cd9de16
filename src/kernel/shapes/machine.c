/* machine: states, each a step, and the moves between them.
 *
 *            +--- by a signal or a time, any while it is in the state: what runs or is asked there is cancelled ---+
 *            |                                                                                                     v
 *   enter -> IN (its step runs) --over--> the first move that can be made --> ASKING --> UNDOING --> DOING --> the next state
 *             \ `return`, or no `next`: the machine ends    \ none, but some wait: OUT        (each where the move says so)
 *
 * After a failure only moves whose `if` names `error` are tried; where there is none the machine fails. A no to a move is a
 * failure of the state: the moves behind it are tried. While it rolls back nothing interrupts it: signals are kept. */
#include "kernel/people.h"
#include "kernel/play.h"
#include "kernel/step.h"
#include "kernel/undo.h"

typedef enum Phase { PHASE_IN, PHASE_OUT, PHASE_ASKING, PHASE_UNDOING, PHASE_DOING } Phase;
#define NEVER UINT64_MAX
struct MachineState {
    Play play;
    uint32_t state; /* the one it is in */
    uint32_t moves;
    Phase phase;
    bool failed;      /* the state, or a move out of it: its `error` */
    const Edge *edge; /* that is being made; NULL: none */
    const Node *sent; /* by a person, or by silence; NULL: nowhere */
    Value error;
    Value signal;       /* or the event, that brought the move; absent: none did */
    int64_t entered_ms; /* the state */
    int64_t tried_ms;   /* times up to this one are over */
    uint64_t *marks;    /* by state: what could be undone when it was last entered; NEVER */
    ListBuilder path, undone;
    Str why; /* the state was entered */
};

static const Machine *machine_of(const Frame *f) { return f->node->machine; }
static const Edges *next_of(const Frame *f) { return &machine_of(f)->next[f->machine->state]; }
static Frame *current(const Frame *f) { return f->machine->play.last[f->machine->state]; }
static Str name_of(const Frame *f) { return f->node->parts[f->machine->state]->name; }
static bool is_of_state(const Frame *f, const Edge *e) {
    const Edges *next = next_of(f);
    return next->n && e >= next->items && e < next->items + next->n;
}

/* By a signal or an event. */
static bool is_brought(const Edge *e) { return e->signal.len || e->n_events; }

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

static void tell(Run *r, Frame *f, const char *stopped) {
    const MachineState *s = f->machine;
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "path", value_list(s->path.items, s->path.n));
    map_addz(&m, "moves", value_int(s->moves));
    if (stopped)
        map_addz(&m, "stopped", value_str(str_from(stopped)));
    if (s->undone.n)
        map_addz(&m, "undone", value_list(s->undone.items, s->undone.n));
    f->detail = map_done(&m, NULL);
}

static void finish(Run *r, Frame *f, Value output, const char *stopped) {
    tell(r, f, stopped);
    frame_done(r, f, output);
}

static void fail(Run *r, Frame *f, Value error) {
    tell(r, f, NULL);
    frame_fail(r, f, error);
}

/* ---- whether a move can be made -------------------------------------------------------------------------------------- */

static bool names_error(const Edge *e) {
    const uint64_t *slots;
    size_t n = e->if_ ? cel_slots(e->if_, &slots) : 0;
    for (size_t i = 0; i < n; i++)
        if (slot_kind(slots[i]) == SLOT_ERROR)
            return true;
    return false;
}

/* A move of the state sees how its step ended; one from any state sees the signal. */
static Scope scope_of_move(Run *r, const Frame *f, const Edge *e, Value signal) {
    const MachineState *s = f->machine;
    Scope scope = scope_of(r, is_of_state(f, e) ? current(f) : f);
    if (s->failed)
        scope.error = s->error;
    *(e->n_events ? &scope.event : &scope.signal) = signal;
    return scope;
}

static bool is_meant(const Frame *f, const Edge *e) {
    return !f->machine->failed || (is_of_state(f, e) && names_error(e));
}

typedef struct Asked {
    Run *r;
    const Frame *f;
    const Edge *edge;
} Asked;

/* A guard that cannot be asked of a signal does not fit it: another sender's shape is no reason to fail. */
static bool signal_fits(void *ctx, Value signal) {
    const Asked *a = ctx;
    bool yes = true;
    char problem[320];
    if (!a->edge->if_)
        return true;
    Scope scope = scope_of_move(a->r, a->f, a->edge, signal);
    return scope_test(&scope, a->edge->if_, &yes, problem) == 0 && yes;
}

/* False, with the machine failed, where the guard cannot be asked. One about an `error` does not hold where there is none. */
static bool holds(Run *r, Frame *f, const Edge *e, bool *ret) {
    char problem[320];
    Scope scope = scope_of_move(r, f, e, VALUE_ABSENT);
    *ret = true;
    if (!e->if_ || scope_test(&scope, e->if_, ret, problem) == 0)
        return true;
    *ret = false;
    if (scope.error.type == V_NULL && names_error(e))
        return true;
    tell(r, f, NULL);
    frame_failf(r, f, KIND_INVALID, "the move from `%.*s` to `%.*s`: %s", STR_FMT(name_of(f)),
                STR_FMT(e->to->name), problem);
    return false;
}

/* ---- entering a state ------------------------------------------------------------------------------------------------ */

static void take(Run *r, Frame *f, const Edge *e, Value signal);

static bool take_buffered(Run *r, Frame *f, const Edge *e) {
    Asked asked = { r, f, e };
    Value came = VALUE_ABSENT;
    if (is_meant(f, e) && e->signal.len)
        came = signal_take(r, e->signal, signal_fits, &asked);
    else if (is_meant(f, e) && e->n_events)
        came = event_take(r, f->node, e->events, e->n_events, signal_fits, &asked);
    if (value_absent(came))
        return false;
    take(r, f, e, came);
    return true;
}

static void wait_for(Run *r, Frame *f, const Edges *edges) {
    for (size_t i = 0; i < edges->n; i++)
        if (is_brought(&edges->items[i]))
            play_wait(r, f, want_open(r, f, WANT_SIGNAL))->key =
                edges->items[i].n_events ? edges->items[i].waits_for : edges->items[i].signal;
}

/* The earliest time that is not over yet. */
static void arm(Run *r, Frame *f) {
    const MachineState *s = f->machine;
    const Edges *next = next_of(f);
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < next->n; i++) {
        int64_t at_ms = s->entered_ms + next->items[i].after_ms;
        if (next->items[i].after_ms >= 0 && at_ms > s->tried_ms)
            due_ms = MIN(due_ms, at_ms);
    }
    if (due_ms != INT64_MAX)
        play_wait(r, f, want_timer(r, f, TIMER_STATE, due_ms));
}

static void enter_state(Run *r, Frame *f, const Node *state, Str why) {
    MachineState *s = f->machine;
    const Edges *on = &machine_of(f)->on;
    s->state = state->index;
    s->phase = PHASE_IN;
    s->failed = false;
    s->edge = NULL;
    s->sent = NULL;
    s->error = s->signal = VALUE_ABSENT;
    s->entered_ms = r->time_ms;
    s->tried_ms = r->time_ms - 1;
    s->marks[state->index] = r->undo_order;
    s->why = why;
    list_add(&s->path, value_str(state->name));
    play_stop_waiting(r, f, 0);
    wait_for(r, f, next_of(f));
    wait_for(r, f, on);
    arm(r, f);
    play_open(r, f, state, VALUE_ABSENT);
    for (size_t i = 0; i < on->n; i++)
        if (take_buffered(r, f, &on->items[i]))
            return;
}

/* ---- making a move --------------------------------------------------------------------------------------------------- */

static void write_line(Buf *b, Str text, size_t most) {
    for (size_t i = 0; i < MIN(text.len, most); i++)
        buf_char(b, (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i]);
}

static Str why_taken(Run *r, const Frame *f, const Edge *e, Value signal) {
    Buf b = BUF_INIT(256);
    buf_fmt(&b, "from %.*s", STR_FMT(name_of(f)));
    if (!value_absent(signal)) {
        Value from = value_getz(signal, "from");
        buf_fmt(&b, e->n_events ? ": " : ": signal ");
        write_line(&b, e->n_events ? e->waits_for : e->signal, 40);
        buf_fmt(&b, from.type == V_STRING && from.len ? " by " : "");
        if (from.type == V_STRING)
            write_line(&b, value_as_str(from), 40);
    } else if (e->after_ms >= 0) {
        buf_fmt(&b, ": after ");
        bound_write(&b, BOUND_TIME, e->after_ms);
    } else if (e->if_) {
        buf_fmt(&b, ": ");
        write_line(&b, cel_source(e->if_), 80);
    }
    Str why = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return why;
}

static bool may_move(Run *r, Frame *f) {
    MachineState *s = f->machine;
    if (s->moves < (uint32_t)machine_of(f)->max) {
        s->moves++;
        return true;
    }
    tell(r, f, "max");
    frame_failf(r, f, KIND_LIMIT, "%u moves, and the machine is still in `%.*s`", s->moves,
                STR_FMT(name_of(f)));
    return false;
}

static void arrive(Run *r, Frame *f) {
    MachineState *s = f->machine;
    const Edge *e = s->edge;
    char problem[320];
    ErrorKind kind;
    Scope scope = scope_of_move(r, f, e, s->signal);
    if (!state_write_leaving(&scope, current(f), e->sets, e->n_sets, &kind, problem)) {
        tell(r, f, NULL);
        frame_failf(r, f, kind, "%s", problem);
        return;
    }
    enter_state(r, f, e->to, s->why);
}

static void do_on_the_way(Run *r, Frame *f) {
    MachineState *s = f->machine;
    Value output = current(f)->output;
    if (!s->edge->act) {
        arrive(r, f);
        return;
    }
    s->phase = PHASE_DOING;
    play_open(r, f, s->edge->act, value_absent(output) ? VALUE_NULL : output);
}

/* Back to how things were when the state it leads to was last entered; if it never was, when the one that is left was. */
static uint64_t mark_of(const Frame *f, const Edge *e) {
    const MachineState *s = f->machine;
    uint64_t mark = s->marks[e->to->index];
    return e->rollback == ROLLBACK_ALL ? 0 : mark != NEVER ? mark : s->marks[s->state];
}

static void go_on(Run *r, Frame *f) {
    MachineState *s = f->machine;
    const Edge *e = s->edge;
    s->phase = PHASE_UNDOING;
    if (!e->rollback || MUTANT(rollback_skipped) || !undo_since(r, f, mark_of(f, e)))
        do_on_the_way(r, f);
}

static void rolled_back(Run *r, Frame *f, Value undone) {
    MachineState *s = f->machine;
    if (s->phase != PHASE_UNDOING) /* only a snapshot that lies says so */
        return;
    uint64_t mark = mark_of(f, s->edge);
    for (uint32_t i = 0; i < undone.len; i++)
        list_add(&s->undone, undone.items[i]);
    for (size_t i = 0; i < machine_of(f)->n_states; i++)
        if (s->marks[i] != NEVER && s->marks[i] > mark)
            s->marks[i] = NEVER; /* as if it had not been entered */
    do_on_the_way(r, f);
}

/* What runs or is asked in the state is not needed any more. */
static void leave(Run *r, Frame *f) {
    for (Frame *child = f->first, *next; child; child = next) {
        next = child->next;
        if (child->part != PART_GATE || status_final(child->status))
            continue;
        frame_cancel(r, child, STR("the state is left"));
        frame_release(r, child);
    }
    f->gating = false;
    play_cancel_rest(r, f, STR("the state is left"));
}

/* What the state gave; of a move from any state what brings it. */
static Value shown_of(const Frame *f, const Edge *e, const Scope *s) {
    return is_of_state(f, e) ? s->output : f->machine->signal;
}

/* The first gate whose `if` holds; n_gates: none. False, with the machine failed, where that cannot be asked. */
static bool find_gate(Run *r, Frame *f, const Edge *e, size_t *ret) {
    char problem[320];
    Scope scope = scope_of_move(r, f, e, f->machine->signal);
    scope.with = shown_of(f, e, &scope);
    for (*ret = 0; *ret < e->n_gates; ++*ret) {
        bool yes = true;
        if (e->gates[*ret]->if_ && scope_test(&scope, e->gates[*ret]->if_, &yes, problem)) {
            tell(r, f, NULL);
            frame_failf(r, f, KIND_INVALID, "approve: %s", problem);
            return false;
        }
        if (yes)
            break;
    }
    return true;
}

static void take(Run *r, Frame *f, const Edge *e, Value signal) {
    MachineState *s = f->machine;
    size_t gate;
    if (!may_move(r, f))
        return;
    Str why = why_taken(r, f, e, signal);
    leave(r, f);
    s->edge = e;
    s->signal = signal;
    s->why = why;
    if (!find_gate(r, f, e, &gate))
        return;
    if (gate == e->n_gates || MUTANT(move_unasked)) {
        go_on(r, f);
        return;
    }
    s->phase = PHASE_ASKING;
    gate_open_own(r, f, e->first_gate + gate);
}

/* ---- the state is over ------------------------------------------------------------------------------------------------- */

static bool waits(const Frame *f) {
    const MachineState *s = f->machine;
    const Edges *next = next_of(f);
    for (size_t i = 0; i < next->n; i++) {
        const Edge *e = &next->items[i];
        bool later = e->after_ms >= 0 && s->entered_ms + e->after_ms > s->tried_ms;
        if ((is_brought(e) || later) && is_meant(f, e))
            return true;
    }
    return false;
}

static void nothing_fits(Run *r, Frame *f) {
    MachineState *s = f->machine;
    if (waits(f)) {
        s->phase = PHASE_OUT;
        frame_movef(r, f, STATUS_RUNNING, "waits in %.*s", STR_FMT(name_of(f)));
    } else if (s->failed) {
        fail(r, f, s->error);
    } else {
        tell(r, f, NULL);
        frame_failf(r, f, KIND_NO_ROUTE, "no move out of `%.*s` can be made", STR_FMT(name_of(f)));
    }
}

/* The first move from this one on that can be made. */
static void choose(Run *r, Frame *f, size_t from) {
    const Edges *next = next_of(f);
    for (size_t i = from; i < next->n; i++) {
        const Edge *e = &next->items[i];
        bool yes;
        if (e->after_ms >= 0 || !is_meant(f, e))
            continue;
        if (is_brought(e)) {
            if (take_buffered(r, f, e))
                return;
            continue;
        }
        if (!holds(r, f, e, &yes))
            return;
        if (yes) {
            take(r, f, e, VALUE_ABSENT);
            return;
        }
    }
    nothing_fits(r, f);
}

/* A person, or silence, has sent it there. */
static void go_where_sent(Run *r, Frame *f) {
    MachineState *s = f->machine;
    const Node *to = s->sent;
    if (!may_move(r, f))
        return;
    Str kind = value_as_str(value_getz(s->error, "kind"));
    leave(r, f);
    enter_state(r, f, to,
                arena_fmt(&r->arena, "from %.*s: %.*s", STR_FMT(name_of(f)), STR_FMT(kind)));
}

/* The state, or the move that was being made, is over with this error: moves behind that one are tried. */
static void went_wrong(Run *r, Frame *f, Value error) {
    MachineState *s = f->machine;
    size_t behind = s->edge && is_of_state(f, s->edge) ? (size_t)(s->edge - next_of(f)->items) + 1
                                                       : 0;
    if (s->edge && !is_of_state(f, s->edge) && !s->sent) { /* no way back into the state it left */
        fail(r, f, error);
        return;
    }
    s->failed = true;
    s->error = error;
    s->edge = NULL;
    s->signal = VALUE_ABSENT;
    s->phase = PHASE_OUT;
    if (s->sent)
        go_where_sent(r, f);
    else
        choose(r, f, behind);
}

/* False: the machine has ended. */
static bool goes_on(Run *r, Frame *f, const Frame *child) {
    char problem[320];
    bool enough = false;
    Scope scope = scope_of(r, f);
    scope.output = child->output;
    scope.detail = child->detail;
    if (machine_of(f)->until && scope_test(&scope, machine_of(f)->until, &enough, problem)) {
        tell(r, f, NULL);
        frame_failf(r, f, KIND_INVALID, "until: %s", problem);
        return false;
    }
    bool last = child->node->verb == VERB_RETURN || child->handler_returned || !next_of(f)->n;
    if (enough || last)
        finish(r, f, child->output, enough ? "until" : "quiet");
    return !enough && !last;
}

static void state_over(Run *r, Frame *f, Frame *child) {
    MachineState *s = f->machine;
    s->phase = PHASE_OUT;
    if (child->status == STATUS_OK) {
        s->sent = NULL;
        if (goes_on(r, f, child))
            choose(r, f, 0);
    } else if (child->tolerated && !s->sent) {
        choose(r, f, 0);
    } else {
        went_wrong(r, f, child->error);
    }
}

static void child_done(Run *r, Frame *f, Frame *child) {
    play_over(r, f, child);
    if (!child->node->is_role)
        state_over(r, f, child);
    else if (child->status == STATUS_OK)
        arrive(r, f);
    else
        went_wrong(r, f, child->error);
}

static void enter(Run *r, Frame *f) {
    const Machine *m = machine_of(f);
    MachineState *s = play_begin(r, f, sizeof(MachineState));
    s->marks = ARENA_ARRAY(&r->arena, uint64_t, m->n_states);
    for (size_t i = 0; i < m->n_states; i++)
        s->marks[i] = NEVER;
    s->path = list_builder(&r->arena);
    s->undone = list_builder(&r->arena);
    enter_state(r, f, m->start, STR(""));
}

/* ---- what comes meanwhile ------------------------------------------------------------------------------------------------ */

static bool brings(const Edge *e, Str name, bool event) {
    return event ? str_among(name, e->events, e->n_events) : str_eq(e->signal, name);
}

static const Edge *edge_for(Run *r, Frame *f, const Edges *edges, Str name, bool event,
                            Value came) {
    for (size_t i = 0; i < edges->n; i++) {
        const Edge *e = &edges->items[i];
        Asked asked = { r, f, e };
        if (brings(e, name, event) && is_meant(f, e) && signal_fits(&asked, came))
            return e;
    }
    return NULL;
}

/* Of the state first. On the way to another one only those from any state, and while something is undone none. */
static const Edge *edge_now(Run *r, Frame *f, Str name, bool event, Value came) {
    MachineState *s = f->machine;
    const Edge *e = NULL;
    if (s->phase == PHASE_UNDOING)
        return NULL;
    if (s->phase != PHASE_DOING)
        e = edge_for(r, f, next_of(f), name, event, came);
    if (e)
        return e;
    bool failed = s->failed; /* a move from any state is none of a failure */
    s->failed = false;
    e = edge_for(r, f, &machine_of(f)->on, name, event, came);
    s->failed = failed;
    return e;
}

static bool signal_came(Run *r, Frame *f, Want *want, Value signal) {
    const Edge *e = edge_now(r, f, want->key, false, signal);
    if (e)
        take(r, f, e, signal);
    return e != NULL;
}

bool machine_hears(const Machine *m, Str type) {
    for (size_t i = 0; i <= m->n_states; i++) {
        const Edges *edges = i < m->n_states ? &m->next[i] : &m->on;
        for (size_t k = 0; k < edges->n; k++)
            if (brings(&edges->items[k], type, true))
                return true;
    }
    return false;
}

bool machine_would_move(Run *r, Frame *f, Str type, Value event) {
    return edge_now(r, f, type, true, event) != NULL;
}

void machine_heard(Run *r, Frame *f, Str type, Value event) {
    const Edge *e = edge_now(r, f, type, true, event);
    if (e)
        take(r, f, e, event);
}

/* Of the moves whose time this is the first that can be made. */
static void time_is_over(Run *r, Frame *f) {
    MachineState *s = f->machine;
    const Edges *next = next_of(f);
    int64_t from_ms = s->tried_ms;
    s->tried_ms = r->time_ms;
    for (size_t i = 0; i < next->n; i++) {
        const Edge *e = &next->items[i];
        int64_t at_ms = s->entered_ms + e->after_ms;
        bool yes, due = e->after_ms >= 0 && at_ms > from_ms && at_ms <= r->time_ms;
        if (!due || !is_meant(f, e))
            continue;
        if (!holds(r, f, e, &yes))
            return;
        if (yes) {
            take(r, f, e, VALUE_ABSENT);
            return;
        }
    }
    arm(r, f);
    if (s->phase == PHASE_OUT && !waits(f))
        nothing_fits(r, f);
}

static void timer_due(Run *r, Frame *f, TimerPurpose purpose) {
    const MachineState *s = f->machine;
    if (purpose == TIMER_GROUP) {
        tell(r, f, NULL);
        play_timer_due(r, f, purpose);
    } else if (s->phase == PHASE_IN || s->phase == PHASE_OUT || s->phase == PHASE_ASKING) {
        time_is_over(r, f);
    }
}

void machine_send(Frame *from, const Node *to) {
    Frame *f = to ? from->parent : NULL;
    while (f && !(f->node == to->parent && f->shape == &shape_machine))
        f = f->parent;
    if (f)
        f->machine->sent = to;
}

/* ---- its gates ----------------------------------------------------------------------------------------------------------- */

static const Ask *gate(const Frame *f, size_t number) {
    return number < machine_of(f)->n_gates ? machine_of(f)->gates[number] : NULL;
}

static void gate_sees(Run *r, const Frame *f, Scope *s) {
    if (!f->machine->edge)
        return;
    *s = scope_of_move(r, f, f->machine->edge, f->machine->signal);
    s->with = shown_of(f, f->machine->edge, s);
}

static void gate_settled(Run *r, Frame *f, Frame *gate) {
    Value error = gate->error;
    bool ok = gate->status == STATUS_OK;
    frame_release(r, gate);
    if (f->machine->phase != PHASE_ASKING)
        return;
    if (ok)
        go_on(r, f);
    else
        went_wrong(r, f, error);
}

/* ---- names, snapshots ---------------------------------------------------------------------------------------------------- */

static Value look(Run *r, const Frame *f, const Frame *child, PlayName name) {
    (void)r, (void)child;
    const MachineState *s = f->machine;
    bool event = s->edge && s->edge->n_events;
    bool known = name == (event ? NAME_EVENT : NAME_SIGNAL) && !value_absent(s->signal);
    return known ? s->signal : VALUE_NULL;
}

static Str because(Run *r, const Frame *f, const Frame *child) {
    (void)r, (void)child;
    return f->machine->why;
}

static uint64_t number_of_edge(const Frame *f) {
    const Edge *e = f->machine->edge;
    const Edges *next = next_of(f);
    return !e                  ? 0
           : is_of_state(f, e) ? (uint64_t)(e - next->items) + 1
                               : (uint64_t)(e - machine_of(f)->on.items) + 1 + next->n;
}

static const Edge *edge_of_number(const Frame *f, uint64_t n, Cursor *c) {
    const Edges *next = next_of(f), *on = &machine_of(f)->on;
    c->bad |= n > next->n + on->n;
    return n == 0 || c->bad ? NULL
           : n <= next->n   ? &next->items[n - 1]
                            : &on->items[n - 1 - next->n];
}

static void save(const Run *r, const Frame *f, Buf *b) {
    const MachineState *s = f->machine;
    (void)r;
    play_save(f, b);
    buf_varint(b, s->state);
    buf_varint(b, s->moves);
    buf_u8(b, (uint8_t)((unsigned)s->phase << 1 | s->failed));
    buf_varint(b, number_of_edge(f));
    buf_varint(b, s->sent ? s->sent->index + 1 : 0);
    value_encode(b, s->error);
    value_encode(b, s->signal);
    buf_svarint(b, s->entered_ms);
    buf_svarint(b, s->tried_ms);
    for (size_t i = 0; i < machine_of(f)->n_states; i++)
        buf_varint(b, s->marks[i] + 1);
    value_encode(b, value_list(s->path.items, s->path.n));
    value_encode(b, value_list(s->undone.items, s->undone.n));
    buf_blob(b, s->why);
}

static ListBuilder load_list(Run *r, Cursor *c) {
    ListBuilder l = list_builder(&r->arena);
    Value v = value_decode(c, &r->arena);
    for (uint32_t i = 0; v.type == V_LIST && i < v.len; i++)
        list_add(&l, v.items[i]);
    return l;
}

static void load(Run *r, Frame *f, Cursor *c) {
    MachineState *s = play_load(r, f, c, sizeof(MachineState));
    size_t n = s ? machine_of(f)->n_states : 0;
    if (!s)
        return;
    uint64_t state = cursor_varint(c);
    s->moves = (uint32_t)cursor_varint(c);
    uint8_t phase = cursor_u8(c);
    c->bad |= state >= n || phase >> 1 > PHASE_DOING;
    s->state = c->bad ? 0 : (uint32_t)state;
    s->phase = c->bad ? PHASE_IN : (Phase)(phase >> 1);
    s->failed = phase & 1;
    s->edge = edge_of_number(f, cursor_varint(c), c);
    uint64_t sent = cursor_varint(c);
    c->bad |= sent > n;
    s->sent = sent && !c->bad ? f->node->parts[sent - 1] : NULL;
    s->error = value_decode(c, &r->arena);
    s->signal = value_decode(c, &r->arena);
    s->entered_ms = cursor_svarint(c);
    s->tried_ms = cursor_svarint(c);
    s->marks = ARENA_ARRAY(&r->arena, uint64_t, n);
    for (size_t i = 0; i < n; i++)
        s->marks[i] = cursor_varint(c) - 1;
    s->path = load_list(r, c);
    s->undone = load_list(r, c);
    s->why = arena_str(&r->arena, cursor_blob(c));
    c->bad |= !s->edge && (s->phase == PHASE_ASKING || s->phase >= PHASE_UNDOING);
}

const Shape shape_machine = {
    .name = "machine",
    .plays = true,
    .enter = enter,
    .child_done = child_done,
    .timer_due = timer_due,
    .signal = signal_came,
    .rolled_back = rolled_back,
    .gate = gate,
    .gate_sees = gate_sees,
    .gate_done = gate_settled,
    .look = look,
    .because = because,
    .save = save,
    .load = load,
};
