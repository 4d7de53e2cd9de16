/* What a journal must look like from its first row to its last, whoever wrote it, and what an engine tells while it lives. Numbers:
 * docs/reliability.md. */
#include "sim.h"

/* ---- 8: who wrote ---- */

/* After another engine has written, one that comes back does so with a higher epoch. */
static void writers_take_turns(World *w, const SimRun *run, const History *h) {
    for (size_t i = 1; i < h->stored.n_rows; i++) {
        const Row *now = &h->rows[i], *before = &h->rows[i - 1];
        if (now->engine == before->engine) {
            if (now->epoch < before->epoch)
                world_fail(w, "8: row %zu of %.*s is of an epoch that was over", i + 1,
                           STR_FMT(run->id));
            continue;
        }
        for (size_t k = i; k-- > 0;)
            if (h->rows[k].engine == now->engine && h->rows[k].epoch >= now->epoch)
                world_fail(w, "8: row %zu of %.*s is of an engine that had been fenced", i + 1,
                           STR_FMT(run->id));
    }
}

/* ---- 9, 12, 15, 18: what happened to each step ---- */

typedef struct Track {
    Str address;
    uint32_t open, beside; /* attempts in flight; 0: none; `beside` is the first of two */
    uint32_t last;         /* the newest there was */
    unsigned attempts, hedges, decisions, reused;
    bool over;
} Track;
typedef struct Audit {
    World *w;
    const SimRun *run;
    const Plan *plan;
    Arena *a;
    Track *tracks;
    size_t n, room;
    unsigned recovered, retried;
    const Fact *
        late; /* the fact is the end of what nobody waits for any more: evidence, and nothing follows from it */
    bool cancelled;
    Status end;
    int64_t second;
    unsigned in_second;
    Str *signals;
    size_t n_signals;
} Audit;

static Track *track(Audit *u, Str address) {
    for (size_t i = u->n; i-- > 0;)
        if (str_eq(u->tracks[i].address, address))
            return &u->tracks[i];
    if (u->n == u->room) {
        Track *more = ARENA_ARRAY(u->a, Track, u->room ? u->room * 2 : 64);
        if (u->n)
            memcpy(more, u->tracks, u->n * sizeof *more);
        u->room = u->room ? u->room * 2 : 64;
        u->tracks = more;
    }
    u->tracks[u->n] = (Track){ .address = address };
    return &u->tracks[u->n++];
}

/* "t1.2.1" is a call of agent "t1", whose turn "t1.2" is over by then. */
static bool is_turn_of_call(Str address, size_t dot) {
    size_t n = dot;
    while (address.p[dot] == '.' && n > 0 && address.p[n - 1] >= '0' && address.p[n - 1] <= '9')
        n--;
    return n > 0 && n < dot && address.p[n - 1] == '.';
}

/* 19: nothing begins below a step that is over, but what asks what became of it, and what takes it back. */
static void nobody_is_orphaned(Audit *u, const Move *m) {
    ptrdiff_t means = str_find(m->address, STR(":"));
    size_t n = means < 0 ? m->address.len : (size_t)means;
    while (n-- > 0)
        if (strchr("/[~.", m->address.p[n]) && !is_turn_of_call(m->address, n) &&
            track(u, str_slice(m->address, 0, n))->over)
            world_fail(u->w, "19: %.*s#%u of %.*s begins below `%.*s`, which is over",
                       STR_FMT(m->address), m->attempt, STR_FMT(u->run->id), (int)n, m->address.p);
}

/* Of two one ends; if that is no answer the other is what is left. */
static void look_at_end(Audit *u, const Fact *f) {
    Track *t = track(u, f->address);
    if (t->open != f->attempt && (!t->beside || t->beside != f->attempt))
        world_fail(u->w, "9: %.*s took the end of %.*s#%u, and #%u was under way",
                   STR_FMT(u->run->id), STR_FMT(f->address), f->attempt, t->open);
    if (t->beside && t->open == f->attempt)
        t->open = t->beside;
    t->beside = 0;
    t->reused += f->reused;
}

/* One of before, which a retry of the run finds under way still; with the one beside it, if there is one. */
static void look_at_old_attempt(Track *t, const Move *m) {
    if (t->open && t->open != m->attempt)
        t->beside = t->open;
    t->open = m->attempt;
}

/* It is one more under way, and there is one such of a step. */
static void look_at_attempt(Audit *u, const Move *m) {
    Track *t = track(u, m->address);
    if (m->attempt <= t->last && str_is(m->choice, "goes on")) {
        look_at_old_attempt(t, m);
        return;
    }
    t->last = m->attempt;
    bool again = str_starts(m->choice, STR("asked again beside"));
    if (again && t->hedges > u->retried)
        world_fail(u->w, "12: %.*s#%u of %.*s is hedged once more", STR_FMT(m->address), m->attempt,
                   STR_FMT(u->run->id));
    t->attempts++;
    t->hedges += again;
    t->beside = again ? t->open : 0;
    t->open = m->attempt;
}

static void look_at_signal(Audit *u, const Fact *f) {
    for (size_t i = 0; i < u->n_signals; i++)
        if (str_eq(u->signals[i], f->id))
            world_fail(u->w, "15: %.*s took the signal %.*s twice", STR_FMT(u->run->id),
                       STR_FMT(f->id));
    if (f->id.len)
        u->signals[u->n_signals++] = f->id;
}

#define FACTS_IN_A_SECOND 2000

static void look_at_fact(Audit *u, const Fact *f) {
    u->late = NULL;
    u->in_second = f->time_ms / 1000 == u->second ? u->in_second + 1 : 1;
    u->second = f->time_ms / 1000;
    if (u->in_second > FACTS_IN_A_SECOND)
        world_fail(u->w, "12: %.*s turns in a circle: %u facts in a second", STR_FMT(u->run->id),
                   u->in_second);
    if (f->kind == FACT_FINISHED)
        look_at_end(u, f);
    if (f->kind == FACT_PROGRESS) {
        world_mark(u->w, MARK_LATE);
        u->late = f;
    }
    if (f->kind == FACT_DECISION)
        track(u, f->address)->decisions++;
    if (f->kind == FACT_SIGNAL)
        look_at_signal(u, f);
    u->recovered += f->kind == FACT_RECOVERED;
    if (f->kind == FACT_CONTROL && f->verb == CONTROL_CANCEL)
        u->cancelled = true;
    if (f->kind == FACT_CONTROL && f->verb == CONTROL_RETRY) {
        u->retried++;
        u->cancelled = false;
        for (size_t i = 0; i < u->n; i++)
            u->tracks[i].over = false;
    }
}

static void look_at_move(Audit *u, const Move *m) {
    Track *t = track(u, m->address);
    t->over = status_final(m->to);
    if (u->late)
        world_fail(u->w, "9: what ended late, %.*s#%u of %.*s, moves `%.*s`",
                   STR_FMT(u->late->address), u->late->attempt, STR_FMT(u->run->id),
                   STR_FMT(m->address));
    if (m->address.len == 0)
        u->end = m->to;
    if (m->attempt) {
        if (u->cancelled && str_find(m->address, STR(":")) < 0)
            world_fail(u->w, "18: %.*s was cancelled, and %.*s#%u begins", STR_FMT(u->run->id),
                       STR_FMT(m->address), m->attempt);
        if (str_find(m->address, STR(":undo")) < 0 && str_find(m->address, STR(":probe")) < 0)
            nobody_is_orphaned(u, m);
        look_at_attempt(u, m);
    } else if (m->to != STATUS_RUNNING && m->to != STATUS_NEW) {
        t->open = t->beside = 0;
    }
}

/* Of a step; turns and calls of agents have policies of their own. */
static const Node *plain_step(const Plan *plan, Str address) {
    if (str_find(address, STR(".")) >= 0 || str_find(address, STR(":")) >= 0)
        return NULL;
    const Node *n = plan_find(plan, address);
    return n && n->verb == VERB_INVOKE && n->callee->kind == CALLEE_ECHO ? n : NULL;
}

/* One, and what the policy, the resends of an unknown outcome, crashes and people add. */
static void tried_as_often_as_allowed(Audit *u) {
    for (size_t i = 0; i < u->n; i++) {
        const Track *t = &u->tracks[i];
        const Node *n = plain_step(u->plan, t->address);
        if (!n)
            continue;
        unsigned policy = 1 + (unsigned)n->retry.times + (n->retry.declared ? 0 : 2);
        unsigned most = policy * (1 + u->retried) + t->hedges + u->recovered + t->decisions +
                        t->reused;
        if (t->attempts > most)
            world_fail(u->w, "12: %.*s tried %.*s %u times, %u are allowed", STR_FMT(u->run->id),
                       STR_FMT(t->address), t->attempts, most);
    }
}

void audit_history(World *w, const SimRun *run, const History *h, const Plan *plan, Arena *a) {
    Audit u = { .w = w, .run = run, .plan = plan, .a = a };
    size_t n = 0;
    writers_take_turns(w, run, h);
    for (size_t i = 0; i < h->stored.n_rows; i++)
        n += h->rows[i].n_facts;
    u.signals = ARENA_ARRAY(a, Str, n);
    for (size_t i = 0; i < h->stored.n_rows; i++) {
        const Row *row = &h->rows[i];
        size_t m = 0;
        for (size_t f = 0; f < row->n_facts; f++) {
            look_at_fact(&u, &row->facts[f].fact);
            for (; m < row->n_moves && row->moves[m].cause == f; m++)
                look_at_move(&u, &row->moves[m]);
        }
    }
    tried_as_often_as_allowed(&u);
    if (u.cancelled != (u.end == STATUS_CANCELLED))
        world_fail(w, "18: %.*s %s cancelled and ended %s", STR_FMT(run->id),
                   u.cancelled ? "was" : "was not", status_name(u.end));
}

/* ---- 24: what watchers are told ---- */

/* Rows between the two are another engine's: this one had lost the run and has it again. */
static bool others_wrote(World *w, const EngineEvent *e, uint64_t last) {
    Arena a;
    History h;
    bool others = true;
    arena_init(&a, 0);
    if (read_history(w, e->run, &a, &h))
        for (uint64_t i = last + 1; i < e->seq; i++)
            others &= h.rows[i - 1].engine != h.rows[e->seq - 1].engine;
    arena_deinit(&a);
    return others;
}

/* Of one life of one engine: each durable row of a run that it wrote, in order, from the first that it is told of. */
void audit_told(void *ctx, const EngineEvent *e) {
    SimNode *node = ctx;
    World *w = node->world;
    SimRun *run = run_named(w, e->run);
    uint64_t *last = &run->told[node->number];
    if (run->told_life[node->number] != node->life)
        *last = 0;
    run->told_life[node->number] = node->life;
    Arena a;
    arena_init(&a, 0);
    StoreRun stored;
    bool there = w->eye->ops->load(w->eye, e->run, false, &a, &stored) == 0 &&
                 stored.head_seq >= e->seq;
    arena_deinit(&a);
    if (!there)
        world_fail(w, "24: node %u tells row %llu of %.*s, which is not durable", node->number,
                   (unsigned long long)e->seq, STR_FMT(e->run));
    if (*last && (e->seq <= *last || (e->seq > *last + 1 && !others_wrote(w, e, *last))))
        world_fail(w, "24: node %u tells row %llu of %.*s after row %llu", node->number,
                   (unsigned long long)e->seq, STR_FMT(e->run), (unsigned long long)*last);
    *last = e->seq;
}

/* ---- 27: what is left ---- */

bool audit_quiet(const World *w) {
    for (unsigned i = 0; i < NODES; i++) {
        EngineStats s = { 0 };
        if (w->nodes[i].engine)
            s = engine_stats(w->nodes[i].engine);
        if (s.attempts_known || s.in_flight || s.queued_rows)
            return false;
    }
    return true;
}
