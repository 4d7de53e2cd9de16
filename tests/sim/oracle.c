/* The oracles. They look at the store and the ledger, never at what an engine believes. Numbers: docs/reliability.md. */
#include "sim.h"

/* ---- a run as the store has it ---- */

bool read_history(World *w, Str run, Arena *a, History *ret) {
    if (w->eye->ops->load(w->eye, run, true, a, &ret->stored))
        return false;
    ret->rows = ARENA_ARRAY(a, Row, ret->stored.n_rows);
    for (size_t i = 0; i < ret->stored.n_rows; i++) {
        const StoreRow *row = &ret->stored.rows[i];
        if (row_read(row->body, row->data, row->forgotten, a, &ret->rows[i]))
            world_fail(w, "2: row %zu of %.*s cannot be read", i + 1, STR_FMT(run));
    }
    return true;
}

void oracle_show(World *w, Str run) {
    Arena a;
    History h;
    StoreDue opens[16];
    size_t n = ARRAY_LEN(opens);
    Buf line = BUF_INIT(MIB);
    arena_init(&a, 0);
    if (!read_history(w, run, &a, &h)) {
        world_say(w, "%.*s is not in the store", STR_FMT(run));
        return;
    }
    for (size_t i = 0; i < h.stored.n_rows; i++) {
        for (size_t f = 0; f < h.rows[i].n_facts; f++) {
            buf_reset(&line);
            fact_write_text(&line, &h.rows[i].facts[f].fact);
            world_say(w, "%.*s row %zu: %.*s", STR_FMT(run), i + 1, (int)MIN(line.len, 300),
                      line.p);
        }
        for (size_t m = 0; m < h.rows[i].n_moves; m++) {
            buf_reset(&line);
            move_write_text(&line, &h.rows[i].moves[m]);
            world_say(w, "    %.*s", STR_FMT(buf_str(&line)));
        }
    }
    world_say(w, "%.*s state %d info %.*s", STR_FMT(run), h.stored.info.state,
              STR_FMT(h.stored.info.info));
    if (w->eye->ops->opens(w->eye, run, 0, 0, n, &a, opens, &n) == 0)
        for (size_t i = 0; i < n; i++)
            world_say(w, "    waits: kind %u key %.*s due %lld at %.*s", opens[i].kind,
                      STR_FMT(opens[i].key), (long long)opens[i].due_ms, STR_FMT(opens[i].address));
    buf_deinit(&line);
    arena_deinit(&a);
}

/* ---- before an attempt leaves ---- */

static bool wanted_by_a_row(const History *h, const Attempt *a) {
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t m = 0; m < h->rows[i].n_moves; m++)
            if (h->rows[i].moves[m].attempt == a->attempt &&
                str_eq(h->rows[i].moves[m].address, a->address))
                return true;
    return false;
}

static bool has_fact(const History *h, const Attempt *a, FactKind kind, bool any_attempt,
                     Outcome outcome) {
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            if (fact->kind == kind && (any_attempt || fact->attempt == a->attempt) &&
                str_eq(fact->address, a->address) && (!outcome || fact->outcome == outcome))
                return true;
        }
    return false;
}

/* 21: the limits of an engine are never exceeded: not at once, not in any second. */
void oracle_limits(World *w, SimNode *node, const Attempt *a) {
    if (!str_is(a->callee, "busy"))
        return;
    if (++node->busy.in_flight > w->busy.max)
        world_fail(w, "21: %.*s %.*s is the %uth at once where %u may be", STR_FMT(a->run),
                   STR_FMT(a->address), node->busy.in_flight, w->busy.max);
    int64_t *slot = &node->busy.started_ms[node->busy.starts % w->busy.count];
    if (node->busy.starts++ >= w->busy.count && world_ms(w) - *slot < 1000)
        world_fail(w, "21: %.*s %.*s is one more than %u in a second", STR_FMT(a->run),
                   STR_FMT(a->address), w->busy.count);
    *slot = world_ms(w);
    if (engine_held(node->engine, a->run, &w->arena).len)
        world_mark(w, MARK_LINE);
}

/* Looked at now and then, when something else begins. */
void oracle_lines(World *w, SimNode *node) {
    for (unsigned i = 0; i < w->n_runs; i++) {
        Value held = engine_held(node->engine, w->runs[i].id, &w->arena);
        for (uint32_t k = 0; k < held.len; k++)
            if (!value_absent(value_getz(held.items[k], "run")))
                world_mark(w, MARK_KEY_LINE);
    }
}

void oracle_ends(SimNode *node, const Attempt *a) {
    node->busy.in_flight -= str_is(a->callee, "busy");
}

/* When a person has the run go on, what it was stopped in is asked about once more; and what comes after something that was
 * undone is made anew. */
static bool asked_anew(const History *h, const Attempt *a) {
    bool retried = false, goes_back = false;
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            bool retry = fact->kind == FACT_CONTROL && fact->verb == CONTROL_RETRY;
            retried |= retry;
            goes_back |= retry && str_find(fact->payload, STR("\"undone\"")) >= 0;
        }
    return goes_back || (retried && str_find(a->address, STR(":probe")) > 0);
}

void oracle_attempt(World *w, const Attempt *a) {
    Arena arena;
    History h;
    if (a->effect == EFFECT_PURE || a->notice)
        return;
    arena_init(&arena, 0);
    if (!read_history(w, a->run, &arena, &h))
        world_fail(w, "1: %.*s performs %.*s and is not in the store", STR_FMT(a->run),
                   STR_FMT(a->address));
    if (run_named(w, a->run)->nothing_new)
        world_fail(w, "30: %.*s does %.*s#%u, which its source has recorded", STR_FMT(a->run),
                   STR_FMT(a->address), a->attempt);
    if (!wanted_by_a_row(&h, a))
        world_fail(w, "6: %.*s %.*s#%u leaves before the row that wants it is durable",
                   STR_FMT(a->run), STR_FMT(a->address), a->attempt);
    if (a->effect == EFFECT_UNSAFE && !has_fact(&h, a, FACT_DISPATCHING, false, 0))
        world_fail(w, "6: unsafe %.*s %.*s#%u leaves before its dispatching is durable",
                   STR_FMT(a->run), STR_FMT(a->address), a->attempt);
    bool taken_back = undone_and_retried(&h, a->address);
    if (taken_back) {
        world_mark(w, MARK_REDONE);
        ledger_forget(w, a->run, a->address);
    }
    bool may_be_redone = taken_back || (a->effect < EFFECT_KEYED &&
                                        (run_named(w, a->run)->redone || asked_anew(&h, a)));
    if (!may_be_redone && has_fact(&h, a, FACT_FINISHED, true, OUTCOME_OK))
        world_fail(w, "5: %.*s %.*s#%u is done again", STR_FMT(a->run), STR_FMT(a->address),
                   a->attempt);
    if (a->effect == EFFECT_UNSAFE && ledger_find(w, a->run, a->address))
        world_fail(w, "10: unsafe %.*s %.*s#%u goes out again", STR_FMT(a->run),
                   STR_FMT(a->address), a->attempt);
    arena_deinit(&arena);
}

/* ---- after every event ---- */

void oracle_event(World *w) {
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned k = 0; w->nodes[i].engine && k < w->n_runs; k++) {
            const Run *r = engine_run(w->nodes[i].engine, w->runs[k].id);
            const char *broken = r ? run_check(r) : NULL;
            if (broken)
                world_fail(w, "%s (%.*s)", broken, STR_FMT(w->runs[k].id));
        }
}

/* ---- at the end ---- */

static void count_facts(World *w, const History *h) {
    for (size_t i = 0; i < h->stored.n_rows; i++) {
        w->facts += h->rows[i].n_facts;
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            w->coverage->facts[fact->kind]++;
            w->coverage->marks[MARK_NOT_LET_THROUGH] += fact->outcome == OUTCOME_REFUSED;
            w->coverage->marks[MARK_LEFT] += fact->kind == FACT_TIMER &&
                                             fact->purpose == TIMER_DOUBT;
        }
        for (size_t m = 0; m < h->rows[i].n_moves; m++) {
            const Move *move = &h->rows[i].moves[m];
            if (move->to == STATUS_RETRYING)
                world_mark(w,
                           str_find(move->choice, STR("retry 0")) >= 0 ? MARK_RESEND : MARK_RETRY);
            w->coverage->wants[WANT_ATTEMPT] += move->attempt > 0;
            w->coverage->marks[MARK_HELD] += move->to == STATUS_HELD;
            w->coverage->marks[MARK_HEDGED] += str_find(move->choice, STR("asked again beside")) >=
                                               0;
            w->coverage->marks[MARK_FALLBACK] += str_find(move->choice, STR(": falls back")) >= 0;
        }
    }
}

/* Waits last as long as they say: a move has the time of the fact that caused it. */
const struct Node *oracle_node(const Plan *plan, Str address) {
    size_t from = address.len, to;
    while (from > 0 && address.p[from - 1] != '/')
        from--;
    for (to = from; to < address.len && !strchr("[~:", address.p[to]); to++)
        ;
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (str_eq(plan->nodes[i]->name, str_slice(address, from, to)))
            return plan->nodes[i];
    return NULL;
}

/* Whose question is it: that of the step, or of its gate. */
static bool asks_group(const Plan *plan, Str address) {
    ptrdiff_t colon = str_find(address, STR(":approve"));
    const struct Node *n =
        oracle_node(plan, colon < 0 ? address : str_slice(address, 0, (size_t)colon));
    const Ask *ask = !n           ? NULL
                     : colon >= 0 ? n->n_gates ? n->gates[0] : NULL
                     : n->callee  ? n->callee->ask
                                  : NULL;
    return ask && ask->group.len > 0;
}

static int64_t time_of(const History *h, Str address, Status to) {
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t m = 0; m < h->rows[i].n_moves; m++) {
            const Move *move = &h->rows[i].moves[m];
            if (move->to == to && str_eq(move->address, address))
                return h->rows[i].facts[move->cause].fact.time_ms;
        }
    return -1;
}

static void waits_were_long_enough(World *w, const SimRun *run, const History *h,
                                   const Plan *plan) {
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t m = 0; m < h->rows[i].n_moves; m++) {
            const Move *move = &h->rows[i].moves[m];
            const struct Node *node = oracle_node(plan, move->address);
            if (move->to != STATUS_OK || !node || node->verb != VERB_WAIT || node->wait_ms < 0)
                continue;
            int64_t waited = h->rows[i].facts[move->cause].fact.time_ms -
                             time_of(h, move->address, STATUS_RUNNING);
            if (waited < node->wait_ms)
                world_fail(w, "13: %.*s %.*s waited %lld of %lld ms", STR_FMT(run->id),
                           STR_FMT(move->address), (long long)waited, (long long)node->wait_ms);
        }
}

/* What it has there of another run, under a business key; NULL: nothing. */
static const Fact *taken_over(const History *h, Str address) {
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            if (fact->kind == FACT_FINISHED && fact->reused && fact->from.len &&
                str_eq(fact->address, address))
                return fact;
        }
    return NULL;
}

/* The same workflow where nothing goes wrong: the output must be the same, whatever order and crashes there were. What another run
 * did for it is what that one gave, to whom people may have said something else: that it did is 31. */
static void answer_one(World *w, Run *r, const History *h, Want *want, int64_t *now, Arena *a) {
    Fact f = { .time_ms = *now, .address = want_address(want, a) };
    Buf reply = BUF_INIT(MIB);
    if (want->kind == WANT_ATTEMPT) {
        const Fact *others = taken_over(h, f.address);
        sim_reply(w, want->callee->kind, want_request(want, a), true, &reply);
        f.kind = FACT_FINISHED;
        f.attempt = want->attempt;
        f.outcome = OUTCOME_OK;
        f.payload = others ? others->payload : buf_str(&reply);
    } else if (want->kind == WANT_TIMER) {
        *now = f.time_ms = MAX(*now, want->due_ms);
        f.kind = FACT_TIMER;
        f.purpose = want->purpose;
    } else if (want->kind == WANT_APPROVAL) {
        f.kind = FACT_DECISION;
        f.verb = DECISION_APPROVE;
        f.from = value_getz(want_ask(want, a), "said").len ? STR("bo") : STR("ann");
    } else {
        f.kind = FACT_SIGNAL;
        f.name = want->key;
        f.address = STR("");
        f.payload = STR("{\"x\":1}");
    }
    if (run_apply(r, &f, NULL))
        world_fail(w, "the reference does not take its own answer");
    buf_deinit(&reply);
}

static Str reference_output(World *w, const SimRun *run, const History *h, const Plan *plan,
                            Arena *a) {
    Fact accepted = { .kind = FACT_ACCEPTED,
                      .time_ms = world_ms(w),
                      .run = run->id,
                      .payload = STR("{\"n\":3}"),
                      .verb = RULES_NOW };
    Run *r = NULL;
    Str problem;
    int64_t now = world_ms(w);
    if (run_start(plan, &accepted, NULL, &r, &problem, a))
        world_fail(w, "the reference refuses its input");
    while (!run_finished(r))
        answer_one(w, r, h, run_wants(r), &now, a);
    Str text = value_text(a, run_output(r));
    run_free(r);
    return text;
}

static void terminal_once(World *w, const SimRun *run, const History *h) {
    unsigned ends = 0, lives = 1;
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++)
            lives += h->rows[i].facts[f].fact.kind == FACT_CONTROL &&
                     h->rows[i].facts[f].fact.verb == CONTROL_RETRY;
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t m = 0; m < h->rows[i].n_moves; m++)
            ends += h->rows[i].moves[m].address.len == 0 && status_final(h->rows[i].moves[m].to);
    if (ends != lives)
        world_fail(w, "4: %.*s ended %u times in %u lives", STR_FMT(run->id), ends, lives);
}

/* 14: only who may, and only on what was shown; a question ends once. */
static void answers_were_allowed(World *w, const SimRun *run, const History *h, const Plan *plan) {
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            if (fact->kind == FACT_TIMER && fact->purpose == TIMER_ASK)
                world_mark(w, MARK_EXPIRED);
            if (fact->kind != FACT_DECISION || fact->verb < DECISION_APPROVE)
                continue;
            if (str_is(fact->shown, UNSEEN))
                world_fail(w, "14: %.*s %.*s was decided by who had not seen it", STR_FMT(run->id),
                           STR_FMT(fact->address));
            if (str_is(fact->from, "mallory") && asks_group(plan, fact->address))
                world_fail(w, "14: %.*s %.*s was decided by who may not", STR_FMT(run->id),
                           STR_FMT(fact->address));
        }
}

static void fold_is_the_same(World *w, SimRun *run, const History *h, Arena *a) {
    Plan *plan = NULL;
    Run *folded = NULL;
    Str problem = STR("");
    Diags diags = { .arena = a };
    if (plan_compile(h->stored.closure, &plan, &diags))
        world_fail(w, "22: the closure of %.*s does not compile any more", STR_FMT(run->id));
    StoreRun all = h->stored;
    all.snapshot = STR_NULL;
    all.snapshot_seq = 0;
    if (engine_fold(w->eye, &all, true, plan, a, &folded, &problem))
        world_fail(w, "3: %.*s: %.*s", STR_FMT(run->id), STR_FMT(problem));
    if (!run_finished(folded))
        world_fail(w, "3: %.*s is done in the store and not when folded", STR_FMT(run->id));
    waits_were_long_enough(w, run, h, plan);
    answers_were_allowed(w, run, h, plan);
    audit_history(w, run, h, plan, a);
    oracle_spending(w, run, h, plan, a);
    oracle_undo(w, run, h, plan, run_status(folded) == RUN_OK, a);
    world_mark(w, run_status(folded) == RUN_OK ? MARK_RUN_OK : MARK_RUN_FAILED);
    if (run->deterministic) {
        Str expected = reference_output(w, run, h, plan, a);
        Str got = value_text(a, run_output(folded));
        if (run_status(folded) != RUN_OK || !str_eq(expected, got))
            world_fail(w, "16: %.*s gave %.*s, the reference %.*s", STR_FMT(run->id), STR_FMT(got),
                       STR_FMT(expected));
        world_mark(w, MARK_COMPARED);
    }
    run_free(folded);
    plan_free(plan);
}

/* Such an outcome, at this address. */
static bool recorded(const History *source, Str address, Str payload) {
    for (size_t i = 0; i < source->stored.n_rows; i++)
        for (size_t f = 0; f < source->rows[i].n_facts; f++) {
            const Fact *fact = &source->rows[i].facts[f].fact;
            bool ok = (fact->kind == FACT_FINISHED && fact->outcome == OUTCOME_OK) ||
                      (fact->kind == FACT_DECISION && fact->verb == DECISION_DONE);
            ptrdiff_t probe = str_find(fact->address, STR(":probe"));
            if (ok && str_eq(fact->address, address) && str_eq(fact->payload, payload))
                return true;
            if (ok && probe > 0 && str_find(fact->payload, payload) > 0 &&
                str_eq(str_slice(fact->address, 0, (size_t)probe), address))
                return true;
        }
    return false;
}

/* The page is asked for once where several wait for it: the others have that answer. */
static bool from_a_twin(const Fact *fact) {
    return str_find(fact->payload, STR("\"url\":\"http://x/")) >= 0;
}

/* What it says to have reused is what its source recorded, and nothing of it was sent. */
static void reused_is_what_was_recorded(World *w, const SimRun *run, const History *h, Arena *a) {
    History source;
    if (!run->source)
        return;
    if (!read_history(w, run->source->id, a, &source))
        world_fail(w, "30: the source of %.*s is gone", STR_FMT(run->id));
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            if (!fact->reused || fact->from.len)
                continue;
            world_mark(w, MARK_REUSED);
            if (!recorded(&source, fact->address, fact->payload) && !from_a_twin(fact))
                world_fail(w, "30: %.*s reuses at %.*s what was not recorded", STR_FMT(run->id),
                           STR_FMT(fact->address));
            if (ledger_find(w, run->id, fact->address))
                world_fail(w, "30: %.*s did %.*s and reused it too", STR_FMT(run->id),
                           STR_FMT(fact->address));
        }
    w->coverage->marks[MARK_REUSED_WHOLE] += run->nothing_new;
}

/* 31: what it says another run had done that run recorded so. */
static void shared_was_done(World *w, const SimRun *run, const History *h, Arena *a) {
    History giver;
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const Fact *fact = &h->rows[i].facts[f].fact;
            if (!fact->reused || !fact->from.len)
                continue;
            world_mark(w, MARK_SHARED);
            if (!run_named(w, fact->from) || !read_history(w, fact->from, a, &giver) ||
                !recorded(&giver, fact->id, fact->payload))
                world_fail(w, "31: %.*s has at %.*s what %.*s did not give at %.*s",
                           STR_FMT(run->id), STR_FMT(fact->address), STR_FMT(fact->from),
                           STR_FMT(fact->id));
        }
}

static void found_damage(void *ctx, Str text) { world_fail(ctx, "2: %.*s", STR_FMT(text)); }

void oracle_end(World *w) {
    for (unsigned i = 0; i < w->n_runs; i++) {
        Arena a;
        History h;
        arena_init(&a, 0);
        SimRun *run = &w->runs[i];
        if (!read_history(w, run->id, &a, &h))
            world_fail(w, "1: %.*s was acknowledged and is gone", STR_FMT(run->id));
        count_facts(w, &h);
        terminal_once(w, run, &h);
        oracle_pinned(w, run, &h, &a);
        fold_is_the_same(w, run, &h, &a);
        reused_is_what_was_recorded(w, run, &h, &a);
        shared_was_done(w, run, &h, &a);
        w->coverage->marks[MARK_SNAPSHOT] += h.stored.snapshot.p != NULL;
        arena_deinit(&a);
    }
    uint64_t rows;
    w->eye->ops->check(w->eye, found_damage, w, &rows);
}
