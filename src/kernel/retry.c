#include "base/json.h"
#include "kernel/budget.h"
#include "kernel/call.h"
#include "kernel/retry.h"
#include "kernel/step.h"
#include "kernel/undo.h"

#include <stdlib.h>

/* ---- what is done anew ----------------------------------------------------------------------------------------------- */

static Str *texts_of(Value list, Arena *a, size_t *ret_n) {
    Str *texts = ARENA_ARRAY(a, Str, list.len);
    for (uint32_t i = 0; list.type == V_LIST && i < list.len; i++) {
        if (list.items[i].type == V_STRING)
            texts[(*ret_n)++] = value_as_str(list.items[i]);
    }
    return texts;
}

static Value list_of(const Str *texts, size_t n, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < n; i++)
        list_add(&l, value_str(texts[i]));
    return list_done(&l);
}

/* A list of what had failed, and where something had been undone both as a map. */
Value retried_write(const Retried *r, Arena *a) {
    Value failed = list_of(r->failed, r->n_failed, a);
    if (!r->n_undone)
        return failed;
    MapBuilder m = map_builder(a);
    map_addz(&m, "failed", failed);
    map_addz(&m, "undone", list_of(r->undone, r->n_undone, a));
    return map_done(&m, NULL);
}

Retried retried_read(const Fact *retry, Arena *a) {
    Value said;
    Retried ret = { .step = arena_str(a, retry->address) };
    if (!retry->payload.p || json_read_copy(a, retry->payload, &said, NULL))
        return ret;
    bool both = said.type == V_MAP;
    ret.failed = texts_of(both ? value_getz(said, "failed") : said, a, &ret.n_failed);
    if (both)
        ret.undone = texts_of(value_getz(said, "undone"), a, &ret.n_undone);
    return ret;
}

static int by_text(const void *a, const void *b) {
    const Str *x = a, *y = b;
    int c = memcmp(x->p, y->p, MIN(x->len, y->len));
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static Str *copy_sorted(Run *r, const Str *texts, size_t n) {
    Str *copy = ARENA_ARRAY(&r->arena, Str, n);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(&r->arena, texts[i]);
    if (n)
        qsort(copy, n, sizeof *copy, by_text);
    return copy;
}

void retry_copy(Run *r, const Retried *retries, size_t n) {
    r->retries = ARENA_ARRAY(&r->arena, Retried, n);
    r->n_retries = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        const Retried *from = &retries[i];
        r->retries[i] = (Retried){ .step = arena_str(&r->arena, from->step),
                                   .failed = copy_sorted(r, from->failed, from->n_failed),
                                   .n_failed = from->n_failed,
                                   .undone = copy_sorted(r, from->undone, from->n_undone),
                                   .n_undone = from->n_undone };
    }
}

bool run_is_past(const Run *r) { return r->retried < r->n_retries; }

/* What failed in this life fails no more; of later lives it is not the time yet. */
static bool is_marked(const Run *r, const Frame *f) {
    char room[512];
    Buf b = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
    if (!run_is_past(r))
        return false;
    if (r->cut) /* the run was cancelled: what failed after that is no reason to fail */
        return true;
    frame_write_address(&b, f);
    const Retried *now = &r->retries[r->retried];
    Str address = buf_str(&b);
    return now->n_failed &&
           bsearch(&address, now->failed, now->n_failed, sizeof address, by_text) != NULL;
}

/* ---- attempts of before ---------------------------------------------------------------------------------------------- */

/* The slot of an address, or the empty one where it belongs: number of an item + 1. A power of two, at most half full. */
static uint32_t *slot_of(const Run *r, uint64_t address) {
    size_t at = (size_t)address & (r->n_spent_slots - 1);
    while (r->spent_slots[at] && r->spent[r->spent_slots[at] - 1].address != address)
        at = (at + 1) & (r->n_spent_slots - 1);
    return &r->spent_slots[at];
}

static const Spent *spent_at(const Run *r, Str address) {
    uint32_t number = r->n_spent ? *slot_of(r, hash_fast(address, 0)) : 0;
    return number ? &r->spent[number - 1] : NULL;
}

static void make_room(Run *r, uint32_t room) {
    r->room_spent = room;
    r->spent = xrealloc(r->spent, room * sizeof *r->spent);
    free(r->spent_slots);
    for (r->n_spent_slots = 16; r->n_spent_slots < room * 2;)
        r->n_spent_slots *= 2;
    r->spent_slots = xcalloc(r->n_spent_slots, sizeof *r->spent_slots);
    for (uint32_t i = 0; i < r->n_spent; i++)
        *slot_of(r, r->spent[i].address) = i + 1;
}

static Spent *spend(Run *r, Str address, uint32_t number) {
    if (r->n_spent == r->room_spent)
        make_room(r, MAX(8u, r->room_spent * 2));
    uint64_t hash = hash_fast(address, 0);
    uint32_t *slot = slot_of(r, hash);
    if (!*slot) {
        r->spent[r->n_spent] = (Spent){ .address = hash };
        *slot = ++r->n_spent;
    }
    Spent *s = &r->spent[*slot - 1];
    s->number = MAX(s->number, number);
    return s;
}

uint32_t retry_spent(Run *r, const Frame *f) {
    char room[512];
    Buf b = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
    if (!r->n_spent)
        return 0;
    frame_write_address(&b, f);
    const Spent *s = spent_at(r, buf_str(&b));
    return s ? s->number : 0;
}

/* While something under the old key is unknown, it is the same effect that is tried again. */
void retry_renumber(Run *r, Frame *f) {
    CallState *c = f->call;
    bool sticky = c->unknown && !MUTANT(retry_forgets_unknown);
    c->attempt = MAX(c->attempt, retry_spent(r, f));
    if (c->attempt && !sticky && !MUTANT(retry_keeps_key))
        c->generation = MAX(c->generation + 1, c->attempt);
}

/* ".12" at the end of an address: a turn of an agent, or a call of one. */
static bool cut_number(Str *address, uint32_t *ret) {
    size_t n = address->len;
    uint64_t number = 0;
    while (n && address->p[n - 1] >= '0' && address->p[n - 1] <= '9')
        n--;
    if (n == address->len || n < 2 || address->p[n - 1] != '.')
        return false;
    str_to_u64(str_slice(*address, n, address->len), &number);
    *address = str_slice(*address, 0, n - 1);
    *ret = (uint32_t)number;
    return true;
}

static void spend_attempt(Run *r, const Fact *fact) {
    Str agent = fact->address;
    uint32_t turn = 0;
    spend(r, fact->address, fact->attempt);
    bool of_agent = false;
    while (cut_number(&agent, &turn))
        of_agent = true;
    if (of_agent)
        spend(r, agent, turn);
}

static void stands(Run *r) {
    if (!r->stood_ms)
        r->stood_ms = r->time_ms;
}

/* ---- facts that nobody waits for -------------------------------------------------------------------------------------- */

static Effect worst_effect(const Run *r, Str address) {
    Str step = address;
    uint32_t unused;
    bool turn = cut_number(&step, &unused), call = turn && cut_number(&step, &unused);
    const Node *n = plan_find(r->plan, call ? step : address);
    if (!n || (turn && !call))
        return EFFECT_PURE;
    if (!call)
        return n->effect;
    Effect worst = EFFECT_PURE;
    for (size_t i = 0; n->callee && i < n->callee->n_tools; i++)
        worst = MAX(worst, n->callee->tools[i].callee->effect);
    return worst;
}

/* What asks, and what takes back, is no such effect. */
static bool is_of_means(Str address) {
    return str_find(address, STR(":probe")) >= 0 || str_find(address, STR(":undo")) >= 0;
}

static bool is_within(Str address, Str top) {
    return str_starts(address, top) &&
           (address.len == top.len || strchr("/[~.:", address.p[top.len]));
}

/* It was taken back before the retry that it is done anew by. */
static bool was_undone(const Run *r, Str address) {
    for (uint32_t i = r->retried; i < r->n_retries; i++)
        for (size_t k = 0; k < r->retries[i].n_undone; k++)
            if (is_within(address, r->retries[i].undone[k]))
                return true;
    return false;
}

/* Does the retry that is to be applied go back behind steps that had ended? */
static bool goes_back(const Run *r) {
    const Retried *last = run_is_past(r) ? &r->retries[r->n_retries - 1] : NULL;
    return last && (last->step.len || last->n_undone);
}

/* Where the one before has no end that was recorded, nothing will ever tell it. */
static void note_let_out(Run *r, Str address, uint32_t attempt) {
    Spent *s = spend(r, address, 0);
    s->text = arena_str(&r->arena, address);
    if (s->let_out && s->let_out != attempt && goes_back(r) && !r->would_repeat.len)
        r->would_repeat = s->text;
    s->let_out = attempt;
}

/* What a person said of an effect that was in doubt. */
static void note_decided(Run *r, const Fact *fact) {
    bool done = fact->verb == DECISION_DONE;
    if ((!done && fact->verb != DECISION_NOT_DONE) || is_of_means(fact->address) ||
        worst_effect(r, fact->address) < EFFECT_KEYED || was_undone(r, fact->address))
        return;
    spend(r, fact->address, 0)->let_out = 0;
    if (done && !r->would_repeat.len)
        r->would_repeat = arena_str(&r->arena, fact->address);
}

/* An effect that happened, or may have: done anew it would happen twice. Only what failed for certain did not; what was let out and
 * has no end recorded was cut off. */
static void note_repeat(Run *r, const Fact *fact) {
    if (worst_effect(r, fact->address) < EFFECT_KEYED || is_of_means(fact->address) ||
        was_undone(r, fact->address))
        return;
    Spent *s = spend(r, fact->address, fact->attempt);
    bool definite = fact->outcome == OUTCOME_FAILED || fact->outcome == OUTCOME_REFUSED;
    if (fact->kind == FACT_DISPATCHING) {
        note_let_out(r, fact->address, fact->attempt);
    } else if (s->let_out == fact->attempt) {
        s->let_out = 0;
    }
    if (fact->kind != FACT_DISPATCHING && !definite && !r->would_repeat.len)
        r->would_repeat = arena_str(&r->arena, fact->address);
}

/* Before what is announced leaves, a fact says so. */
static bool is_announced(const Run *r, Str address) {
    const Node *n = plan_find(r->plan, address);
    return n && (n->effect == EFFECT_UNSAFE || (n->callee && n->callee->governed) ||
                 (n->key && r->rules >= RULES_KEYS_OF_ALL));
}

static bool made_then(const Want *w, const Row *row, size_t fact, size_t *at) {
    char room[512];
    Buf b = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
    frame_write_address(&b, w->frame);
    for (size_t n = 0; n < row->n_moves; n++, ++*at) { /* mostly it is the next */
        const Move *m = &row->moves[ *at %= row->n_moves];
        if (m->cause == fact && m->attempt == w->attempt && str_eq(m->address, buf_str(&b)))
            return true;
    }
    return false;
}

static void made_or_passed_over(Run *r, const Move *m) {
    Frame *f = frame_find(r, m->address);
    bool derived = f && f->shape == &shape_call && f->call->attempt >= m->attempt;
    Want *open = call_attempt(f, m->attempt);
    if (open)
        open->unsent = false;
    if (derived || worst_effect(r, m->address) < EFFECT_KEYED || is_announced(r, m->address) ||
        is_of_means(m->address) || was_undone(r, m->address) || MUTANT(retry_forgets_unknown))
        return;
    note_let_out(r, m->address, m->attempt);
}

void run_compare_attempts(Run *r, const Row *row, size_t fact, bool applied) {
    size_t at = 0;
    if (!run_is_past(r))
        return;
    for (Want *w = applied && r->rules >= RULES_SETTLED_FIRST ? r->opened : NULL; w; w = w->next)
        w->unsent |= w->kind == WANT_ATTEMPT && w->effect != EFFECT_PURE &&
                     !made_then(w, row, fact, &at);
    for (size_t i = 0; i < row->n_moves; i++)
        if (row->moves[i].cause == fact && row->moves[i].attempt)
            made_or_passed_over(r, &row->moves[i]);
}

Str run_would_repeat(const Run *r) {
    bool from_step = goes_back(r);
    if (r->lasting.len)
        return r->lasting;
    for (uint32_t i = 0; from_step && i < r->n_spent && !r->would_repeat.len; i++)
        if (r->spent[i].let_out)
            return r->spent[i].text;
    return r->would_repeat;
}
bool run_takes_back(const Run *r, Str address) { return undo_takes_back(r, address); }

/* The frame that the fact is of, or the nearest above it that is there. */
static Frame *nearest(Run *r, Str address) {
    for (size_t n = address.len; n; n--) {
        bool whole = n == address.len || strchr("/[~.:", address.p[n]);
        Frame *f = whole ? frame_find(r, str_slice(address, 0, n)) : NULL;
        if (f)
            return f;
    }
    return r->root;
}

static void account(Run *r, const Fact *fact) {
    int64_t tokens = fact->usage.tokens_in + fact->usage.tokens_out;
    Frame *f = nearest(r, fact->address);
    r->counts.attempts++;
    f->attempts++;
    Amount one = { .of[BOUND_CALLS] = tokens > 0,
                   .of[BOUND_TOKENS] = tokens,
                   .of[BOUND_COST] = fact->usage.cost_nano };
    bool child = fact->kind == FACT_CHILD;
    Amount used = child ? child_used(r, fact) : one, spent = child ? child_spent(r, fact) : one;
    if (!tokens && !spent.of[BOUND_CALLS])
        return;
    r->counts.tokens += tokens;
    r->counts.cost_nano += fact->usage.cost_nano;
    r->counts.model_calls += used.of[BOUND_CALLS];
    f->tokens += tokens;
    f->cost += fact->usage.cost_nano;
    f->calls += used.of[BOUND_CALLS];
    budget_spend(f, &spent);
}

void run_pass_over(Run *r, const Fact *fact) {
    r->time_ms = MAX(r->time_ms, fact->time_ms);
    if (fact->kind == FACT_CONTROL && fact->verb == CONTROL_CANCEL) {
        r->cut = true;
        stands(r);
    }
    if (fact->kind == FACT_DECISION)
        note_decided(r, fact);
    if (fact->kind != FACT_FINISHED && fact->kind != FACT_CHILD && fact->kind != FACT_DISPATCHING)
        return;
    spend_attempt(r, fact);
    note_repeat(r, fact);
    if (fact->kind != FACT_DISPATCHING && !fact->reused)
        account(r, fact);
}

/* ---- standing still --------------------------------------------------------------------------------------------------- */

/* At the step or after it, and outermost. */
static bool begins_at(const Frame *f, Str step) {
    return step.len && frame_is_from(f, step) && !(f->parent && frame_is_from(f->parent, step));
}

bool retry_withholds(Run *r, Frame *f) {
    for (uint32_t i = r->retried; i < r->n_retries; i++) {
        const Retried *retry = &r->retries[i];
        bool anew = begins_at(f, retry->step);
        for (size_t k = 0; k < retry->n_undone && !anew && !MUTANT(undone_is_kept); k++)
            anew = begins_at(f, retry->undone[k]);
        if (anew) {
            f->withheld = i + 1;
            return true;
        }
    }
    return false;
}

/* A group or a loop that failed by itself has nothing that could be done again without doing all of it again. */
static bool can_stand_still(const Frame *f) {
    return !f->shape || !(f->shape->composite || f->shape->plays);
}

/* It begins anew, with turns of other numbers. What its tools did lasts, and it would have them do it again. */
static void forget_conversation(Run *r, const Frame *f) {
    const Callee *c = f->node->callee;
    spend(r, frame_address(f, &r->arena), f->agent->turn);
    for (size_t i = 0; i < c->n_tools; i++)
        if (f->agent->used[i] && c->tools[i].callee->effect >= EFFECT_KEYED)
            r->lasting = frame_address(f, &r->arena);
}

bool retry_takes_failure(Run *r, Frame *f) {
    if (!is_marked(r, f) || !can_stand_still(f))
        return false;
    if (f->shape != &shape_call) {
        if (f->shape == &shape_agent)
            forget_conversation(r, f);
        undo_forget_inside(r, f);
        while (f->first)
            frame_release(r, f->first);
        if (f->part != PART_GATE && f->part != PART_CALL) /* those are what they are */
            f->shape = NULL;
        f->any = NULL;
    } else {
        if (f->call->was_done && f->call->effect >= EFFECT_KEYED) /* its answer displeased */
            r->lasting = frame_address(f, &r->arena);
        f->call->was_done = false;
        f->call->retries = f->call->resends = 0;
        if (!f->call->unknown)
            f->call->first_ms = 0;
    }
    r->open_held -= f->status == STATUS_HELD;
    f->status = STATUS_NEW;
    f->error = r->tripped = VALUE_ABSENT;
    f->handling = f->tolerated = false;
    f->withheld = r->retried + 1;
    stands(r);
    return true;
}

/* It was stopped because something else failed, which this time does not: it stands still with that. */
bool retry_takes_stop(Run *r, Frame *f, const Fact *fact) {
    if (!run_is_past(r) || f->abandoned || fact->outcome != OUTCOME_FAILED ||
        !str_is(fact->error_kind, "cancelled"))
        return false;
    f->status = STATUS_NEW;
    f->withheld = r->retried + 1;
    stands(r);
    return true;
}

/* A timeout is no failure of what was still under way: it goes on, with the whole time once more. */
bool retry_takes_timeout(Run *r, Frame *f, Want *w) {
    if (w->purpose != TIMER_GROUP || !is_marked(r, f))
        return false;
    w->due_ms = r->time_ms + (w->due_ms - f->started_ms);
    stands(r);
    return true;
}

bool retry_takes_decision(const Run *r, const Frame *f, const Fact *fact) {
    return fact->verb == DECISION_FAIL && is_marked(r, f);
}

/* ---- going on --------------------------------------------------------------------------------------------------------- */

/* The time in which the run was over counts for no limit. */
static void shift_clocks(Run *r, Frame *f, int64_t ms) {
    budget_shift(f, ms);
    for (Frame *child = f->first; child; child = child->next)
        shift_clocks(r, child, ms);
}

static void shift_timer(Run *r, Want *w, int64_t ms) {
    Frame *f = w->frame;
    if (w->purpose == TIMER_RETRY || (w->purpose == TIMER_WAIT && f->node->until))
        return;
    if (w->purpose == TIMER_WAIT && f->started_ms >= r->stood_ms) {
        /* It began only when the run was derived again: nobody has waited yet. */
        w->due_ms += r->time_ms - f->started_ms;
        f->started_ms = r->time_ms;
    } else {
        w->due_ms += ms;
    }
}

static void shift_timers(Run *r, int64_t ms) {
    for (Want *w = r->wants_first; w; w = w->next) {
        if (want_is_timed(w))
            shift_timer(r, w, ms);
    }
    shift_clocks(r, r->root, ms);
}

static void enter_again(Run *r, Frame *f) {
    f->withheld = 0;
    if (f->shape == &shape_call) {
        retry_renumber(r, f);
        f->call->choice = STR("again: a person retries");
    }
    frame_ready(r, f);
}

/* Says of what is open that it is: the journal told of its end, or never of its beginning. */
static void say_open(Run *r, Frame *f) {
    const CallState *c = f->shape == &shape_call ? f->call : NULL;
    bool attempt = c && c->want && (c->want->kind == WANT_ATTEMPT || c->want->kind == WANT_CHILD);
    frame_move(r, f, f->status, attempt ? c->open : 0, attempt ? c->args_hash : 0, STR("goes on"));
    if (attempt && hedge_open(c))
        frame_move(r, f, f->status, c->hedge->attempt, c->args_hash, STR("goes on"));
}

/* In what has ended on the way, something may still be owed. */
static void go_on(Run *r, Frame *f) {
    for (Frame *child = f->first; child; child = child->next) {
        bool open = !status_final(child->status) && child->status != STATUS_NEW;
        if (child->withheld == r->retried)
            enter_again(r, child);
        else if (open)
            say_open(r, child);
        if (open || child->loose)
            go_on(r, child);
    }
}

void retry_apply(Run *r, const Fact *fact, int64_t ended_ms) {
    shift_timers(r, r->time_ms - ended_ms);
    r->retried++;
    r->stood_ms = 0;
    r->cut = false;
    r->status = RUN_RUNNING;
    held_resume(r);
    frame_movef(r, r->root, STATUS_RUNNING, "retried by %.*s", STR_FMT(fact->from));
    if (r->root->withheld == r->retried)
        enter_again(r, r->root);
    go_on(r, r->root);
}

/* ---- snapshots --------------------------------------------------------------------------------------------------------- */

void retry_save(const Run *r, Buf *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_spent; i++)
        n += r->spent[i].number > 0;
    buf_varint(b, n);
    for (uint32_t i = 0; i < r->n_spent; i++) {
        if (!r->spent[i].number)
            continue;
        buf_varint(b, r->spent[i].address);
        buf_varint(b, r->spent[i].number);
    }
}

void retry_load(Run *r, Cursor *c) {
    uint64_t n = cursor_varint(c);
    if (n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        return;
    }
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        if (r->n_spent == r->room_spent)
            make_room(r, MAX(8u, r->room_spent * 2));
        uint64_t address = cursor_varint(c);
        uint32_t number = (uint32_t)cursor_varint(c), *slot = slot_of(r, address);
        if (*slot) {
            c->bad = true;
            return;
        }
        r->spent[r->n_spent] = (Spent){ .address = address, .number = number };
        *slot = ++r->n_spent;
    }
}
