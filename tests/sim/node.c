/* A node: one engine and its ports. What has left it goes on after its crash; what was to come back to it is lost. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#define LEASE_MS 2000

/* ---- ports: time, chance, waking ---- */

static int64_t now_ms(void *ctx) { return world_ms(((SimNode *)ctx)->world); }
/* The engine measures what its work and its commits take, and hands over sooner or later for it. Here they take no time, so
 * each look at the clock does: up to 32 us, and now and then up to 2 ms. */
static int64_t mono_us(void *ctx) {
    World *w = ((SimNode *)ctx)->world;
    uint64_t noise = ++w->clock_looks * 0x9e3779b97f4a7c15u;
    int64_t took_us = (int64_t)(noise >> 59) * (noise >> 32 & 7 ? 1 : 64);
    w->mono_us = MAX(w->mono_us, w->now_us) + took_us;
    return w->mono_us;
}

static void random_bytes(void *ctx, void *ret, size_t n) {
    World *w = ((SimNode *)ctx)->world;
    for (size_t i = 0; i < n; i++) {
        w->random = w->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)ret)[i] = (uint8_t)(w->random >> 56);
    }
}

static void run_turns(World *w, SimNode *node, void *ctx) {
    (void)ctx;
    node->turning = false;
    for (int i = 0; i < 1000 && engine_turn(node->engine); i++)
        ;
    if (engine_failed(node->engine)) { /* the process would exit here */
        world_say(w, "node %u: store failed", node->number);
        node_crash(w, node);
    }
}

void node_wake(SimNode *node) {
    if (node->turning || !node->engine)
        return;
    node->turning = true;
    world_at(node->world, node->world->now_us + 20, node, run_turns, NULL);
}
static void wake(void *ctx) { node_wake(ctx); }

static void ring(World *w, SimNode *node, void *ctx) {
    (void)ctx;
    if (node->wake_at_us <= w->now_us) {
        node->wake_at_us = INT64_MAX;
        node_wake(node);
    }
}
static void wake_at(void *ctx, int64_t due_ms) {
    SimNode *node = ctx;
    node->wake_at_us = due_ms == INT64_MAX ? INT64_MAX : due_ms * 1000;
    if (due_ms != INT64_MAX)
        world_at(node->world, node->wake_at_us, node, ring, NULL);
}

/* An engine that finds its own run broken says so, "run NAME: 19: what", before it ends; the rule is what names it. */
static void name_broken_rule(World *w, Str line) {
    if (!str_starts(line, STR("run ")))
        return;
    size_t at = 4;
    while (at < line.len && line.p[at] != ' ')
        at++;
    Str rest = str_slice(line, MIN(at + 1, line.len), line.len);
    if (rest.len > 2 && rest.p[0] >= '1' && rest.p[0] <= '9' && str_find(rest, STR(":")) > 0 &&
        str_find(rest, STR(":")) < 3)
        world_fail(w, "%.*s", STR_FMT(rest));
}

/* It finds that another has its number, and goes. */
static void give_way(World *w, SimNode *node, UNUSED void *ctx) { node_crash(w, node); }

static void log_line(void *ctx, Str line) {
    SimNode *node = ctx;
    world_say(node->world, "node %u: %.*s", node->number, STR_FMT(line));
    name_broken_rule(node->world, line);
    if (str_find(line, STR("nothing was changed")) >= 0)
        world_fail(node->world, "2: %.*s", STR_FMT(line));
    if (node->ghost && str_find(line, STR("begins anew")) >= 0)
        world_at(node->world, node->world->now_us, node, give_way, NULL);
    if (str_find(line, STR("taken over")) >= 0)
        world_mark(node->world, MARK_TAKEOVER);
    if (str_find(line, STR("gone over")) >= 0)
        world_mark(node->world, MARK_CONFLICT_SEEN);
}
static void mark_run(void *ctx, Str run) {
    (void)ctx;
    (void)run;
}

/* ---- ports: the store ---- */

static void crash_all(World *w, Mark mark) {
    world_mark(w, mark);
    world_mark(w, MARK_CRASH_BOTH);
    for (unsigned i = 0; i < NODES; i++)
        if (w->nodes[i].engine)
            node_crash(w, &w->nodes[i]);
}

static void job_done(World *w, SimNode *node, void *ctx) {
    StoreJob *job = ctx;
    (void)w;
    job->done(job);
    node_wake(node);
}

static void meet_fault(World *w) {
    static const StoreFault faults[] = { STORE_FAULT_UNKNOWN_DONE, STORE_FAULT_UNKNOWN_LOST,
                                         STORE_FAULT_FULL, STORE_FAULT_IO, STORE_FAULT_IO_DONE };
    if (!w->faults || w->healed || !tape_percent(&w->tape, 2))
        return;
    StoreFault fault = faults[tape_choose(&w->tape, ARRAY_LEN(faults))];
    store_memory_fault(w->disk, fault, 1);
    world_mark(w, fault == STORE_FAULT_FULL ? MARK_FULL : MARK_UNKNOWN_COMMIT);
    world_say(w, "store fault %u", fault);
}

static void job_work(World *w, SimNode *node, void *ctx) {
    StoreJob *job = ctx;
    bool here = job->write && (int64_t)w->appends++ == w->crash_at_append;
    if (here && !w->crash_after) {
        crash_all(w, MARK_CRASH_BEFORE_COMMIT);
        return;
    }
    if (job->write)
        meet_fault(w);
    job->work(job, node->store);
    store_memory_fault(w->disk, STORE_FAULT_NONE, 0);
    if (job->write)
        oracle_commit(w);
    if (here) {
        crash_all(w, MARK_CRASH_AFTER_COMMIT);
        return;
    }
    int64_t answer = w->now_us + 10 + tape_choose(&w->tape, 500);
    /* What was handed over later has its time already, and what comes now has its turn after that. */
    node->busy_us[job->write] = MAX(node->busy_us[job->write], answer);
    world_at(w, answer, node, job_done, job);
}

static void submit(void *ctx, StoreJob *job) {
    SimNode *node = ctx;
    World *w = node->world;
    int64_t from = MAX(w->now_us, node->busy_us[job->write]);
    int64_t at = from + 20 + tape_choose(&w->tape, 1000);
    node->busy_us[job->write] = at + 600; /* the answer comes before the next begins */
    world_at(w, at, node, job_work, job);
}

/* ---- ports: executors ---- */

typedef struct Work {
    Attempt *attempt;
    Completion completion;
    char payload[400];
    bool performs, ended;
    bool deaf; /* goes on when it is told to stop */
    char handle
        [24]; /* the number it has outside, by which it is asked after; empty: it is not told */
    /* Copies: the attempt dies with its node, the effect does not. */
    Attempt outside;
    StoreKey shared; /* under which it was let out; state KEY_NEW: none */
    Str reply;
    SimNode *by;
    uint64_t life;
} Work;

static void effect_happens(World *w, SimNode *node, void *ctx) {
    Work *work = ctx;
    (void)node;
    if (work->by->life != work->life)
        world_mark(w, MARK_LATE_EFFECT);
    ledger_perform(w, &work->outside, &work->shared, work->reply);
}

static void attempt_ends(World *w, SimNode *node, void *ctx) {
    Work *work = ctx;
    if (work->ended)
        return;
    work->ended = true;
    oracle_ends(node, work->attempt);
    world_say(w, "node %u: %.*s %.*s#%u ended %u", node->number, STR_FMT(work->attempt->run),
              STR_FMT(work->attempt->address), work->attempt->attempt, work->completion.outcome);
    engine_complete(node->engine, work->attempt, &work->completion);
    node_wake(node);
}

/* What works on without the engine tells its number, at some time. */
static void tells_handle(World *w, SimNode *node, void *ctx) {
    Work *work = ctx;
    if (work->ended)
        return;
    world_say(w, "node %u: %.*s %.*s#%u is %s", node->number, STR_FMT(work->attempt->run),
              STR_FMT(work->attempt->address), work->attempt->attempt, work->handle);
    engine_handle(node->engine, work->attempt, str_from(work->handle));
    node_wake(node);
}

/* Whom it may hand over to, of a team; empty: nobody. */
static Str handoff_of(Value request) {
    Value tools = value_getz(request, "tools");
    for (uint32_t i = 0; value_is(tools, V_LIST) && i < tools.len; i++) {
        Str name = value_as_str(value_getz(tools.items[i], "name"));
        if (str_starts(name, STR("handoff_")))
            return name;
    }
    return STR("");
}

/* First turn: calls tools, perhaps; after results, and from the third turn on: answers. */
static void model_reply(World *w, Value request, bool calm, Buf *b) {
    Value messages = value_getz(request, "messages");
    uint32_t n = messages.len;
    Value last = n ? messages.items[n - 1] : VALUE_NULL;
    bool after_tools = n && str_eq(value_as_str(value_getz(last, "role")), STR("tool"));
    Str handoff = handoff_of(request);
    if (handoff.len && n < 6 && !after_tools && (calm || tape_percent(&w->tape, 50)))
        buf_fmt(b, "{\"calls\":[{\"id\":\"h\",\"name\":\"%.*s\",\"arguments\":{}}]}",
                STR_FMT(handoff));
    else if (!after_tools && n < 6 && (calm || tape_percent(&w->tape, 70)))
        buf_str_add(b,
                    STR("{\"calls\":[{\"id\":\"c1\",\"name\":\"look\",\"arguments\":{\"q\":\"a\"}},"
                        "{\"id\":\"c2\",\"name\":\"look\",\"arguments\":{\"q\":\"b\"}}]}"));
    else
        buf_str_add(b, STR("{\"content\":\"answer\"}"));
}

void sim_reply(World *w, CalleeKind kind, Value request, bool calm, Buf *b) {
    Value input = value_getz(request, "input");
    if (kind == CALLEE_MODEL)
        model_reply(w, request, calm, b);
    else if (kind == CALLEE_RUN && value_is(input, V_MAP) &&
             value_is(value_getz(input, "templates"), V_MAP))
        buf_str_add(b, STR("{\"template\":\"usual\"}")); /* a lead is asked for a plan */
    else
        value_write(b, kind == CALLEE_RUN ? value_getz(request, "input") : request);
}

/* A probe is told the truth. It comes so late that nothing can happen any more of what it asks about. */
static bool probe_reply(World *w, const Attempt *a, Buf *b) {
    ptrdiff_t at = str_find(a->address, STR(":probe"));
    if (at < 0)
        return false;
    const Done *done = ledger_find(w, a->run, str_slice(a->address, 0, (size_t)at));
    world_mark(w, MARK_PROBED);
    if (done)
        buf_fmt(b, "{\"done\":true,\"result\":%.*s}", STR_FMT(done->reply));
    else
        buf_str_add(b, STR("{\"done\":false}"));
    return true;
}

static void good_payload(World *w, Work *work, bool calm) {
    Buf b = BUF_INIT(sizeof(work->payload));
    if (work->attempt->notice) { /* who took it says nothing */
        work->completion.payload = STR_NULL;
        return;
    }
    if (!probe_reply(w, work->attempt, &b))
        sim_reply(w, work->attempt->kind, work->attempt->request, calm, &b);
    ASSERT(!buf_over(&b));
    memcpy(work->payload, b.p, b.len);
    work->completion.payload = (Str){ work->payload, b.len };
    if (work->attempt->kind == CALLEE_MODEL)
        work->completion.usage = (Usage){ .tokens_in = 10, .tokens_out = 5 };
    buf_deinit(&b);
}

static void choose_outcome(World *w, Work *work) {
    if (work->attempt->notice) { /* mail to people: somebody takes it, now or later */
        work->completion = (Completion){ .outcome = OUTCOME_OK, .payload = STR("null") };
        if (!w->healed && tape_percent(&w->tape, 25))
            work->completion = (Completion){ .outcome = OUTCOME_FAILED,
                                             .sent = SENT_YES,
                                             .kind = KIND_UNAVAILABLE,
                                             .message = STR("the room is closed") };
        return;
    }
    bool calm = run_named(w, work->attempt->run)->deterministic;
    uint32_t dice = calm || w->healed ? 0 : tape_choose(&w->tape, 20);
    Completion *c = &work->completion;
    c->outcome = OUTCOME_OK;
    work->performs = true;
    if (dice > 6 &&
        hash_fast(work->attempt->address, 0) % 6 == 0) /* some fail more often than not */
        dice = 19;
    if (work->attempt->effect == EFFECT_PURE)
        dice = 0;
    if (dice == 19) {
        c->outcome = OUTCOME_FAILED;
        c->kind = tape_percent(&w->tape, 50) ? KIND_UNAVAILABLE : KIND_DENIED;
        c->message = STR("definitely not done");
        work->performs = false;
    } else if (dice == 18) {
        c->outcome = OUTCOME_UNKNOWN;
        c->sent = SENT_MAYBE;
        c->kind = KIND_TIMEOUT;
        c->message = STR("no answer");
        work->performs = tape_percent(&w->tape, 50);
    }
    if (c->outcome == OUTCOME_OK)
        good_payload(w, work, calm);
    else
        c->payload = STR_NULL;
}

/* Some do what they are to do and then do not say so for long; of those some cannot be told to stop. */
static bool hangs(World *w, Work *work) {
    const Attempt *a = work->attempt;
    if (w->healed || a->notice || a->effect == EFFECT_PURE || run_named(w, a->run)->deterministic ||
        !tape_percent(&w->tape, hash_fast(a->address, 1) % 5 ? 4 : 50))
        return false;
    work->deaf = tape_percent(&w->tape, 60);
    return true;
}

/* It was begun for an engine that is gone, and goes on as it would have. */
static void ask_after(SimNode *node, Attempt *a) {
    World *w = node->world;
    uint64_t number = 0;
    bool known = str_to_u64(a->handle, &number) && number < w->n_named;
    const Work *begun = known ? w->named[number] : NULL;
    Work *work = ARENA_NEW(&w->arena, Work);
    if (!begun || !str_eq(begun->outside.run, a->run) ||
        !str_eq(begun->outside.address, a->address) || begun->outside.attempt != a->attempt)
        world_fail(w, "10: %.*s %.*s#%u asks after the work of another", STR_FMT(a->run),
                   STR_FMT(a->address), a->attempt);
    *work = (Work){ .attempt = a, .by = node, .life = node->life };
    work->completion = begun->completion;
    memcpy(work->payload, begun->payload, sizeof work->payload);
    if (work->completion.payload.p)
        work->completion.payload.p = work->payload;
    a->state = work;
    oracle_limits(w, node, a);
    oracle_lines(w, node);
    world_mark(w, MARK_ASKED_AFTER);
    world_at(w, w->now_us + 400000 + tape_choose(&w->tape, 100000), node, attempt_ends, work);
}

/* Of what is done outside, some can be asked after. */
static void give_handle(World *w, Work *work, int64_t took) {
    const Attempt *a = work->attempt;
    if (a->notice || a->effect == EFFECT_PURE || run_named(w, a->run)->deterministic ||
        !tape_percent(&w->tape, hash_fast(a->address, 2) % 4 ? 0 : 80))
        return;
    if (w->n_named == w->room_named) {
        w->room_named = MAX(64, w->room_named * 2);
        w->named = xrealloc(w->named, w->room_named * sizeof *w->named);
    }
    snprintf(work->handle, sizeof work->handle, "%zu", w->n_named);
    Work *kept = w->named[w->n_named++] = ARENA_NEW(&w->arena, Work);
    *kept = *work; /* as it goes on outside, whatever the engine is told */
    world_at(w, w->now_us + tape_choose(&w->tape, (uint32_t)took), work->by, tells_handle, work);
}

static void start(void *ctx, Attempt *a) {
    SimNode *node = ctx;
    World *w = node->world;
    if (a->handle.len) {
        ask_after(node, a);
        return;
    }
    if (!a->notice) { /* it is mail, not work */
        oracle_attempt(w, a);
        oracle_limits(w, node, a);
        oracle_lines(w, node);
    }
    Work *work = ARENA_NEW(&w->arena, Work);
    work->attempt = a;
    work->by = node;
    work->life = node->life;
    run_named(w, a->run)->started_us = w->now_us;
    a->state = work;
    choose_outcome(w, work);
    world_say(w, "node %u: %.*s %.*s#%u starts (%s)", node->number, STR_FMT(a->run),
              STR_FMT(a->address), a->attempt, effect_name(a->effect));
    work->outside = (Attempt){ .kind = a->kind, .effect = a->effect, .attempt = a->attempt };
    work->outside.run = arena_str(&w->arena, a->run);
    work->outside.address = arena_str(&w->arena, a->address);
    work->outside.key = arena_str(&w->arena, a->key);
    if (a->effect >= EFFECT_IDEMPOTENT)
        ledger_key(w, a->run, a->address, &work->shared);
    Buf reply = BUF_INIT(LIMIT_VALUE_BYTES);
    if (a->kind != CALLEE_MODEL && !a->notice)
        sim_reply(w, a->kind, a->request, true, &reply);
    work->reply = arena_str(&w->arena, buf_str(&reply));
    buf_deinit(&reply);
    int64_t took = a->effect == EFFECT_PURE ? 5 : 100 + tape_choose(&w->tape, 300000);
    if (work->performs && !a->notice) /* the ledger is for what runs do */
        world_at(w, w->now_us + tape_choose(&w->tape, (uint32_t)took), NULL, effect_happens, work);
    give_handle(w, work, took);
    if (hangs(w, work))
        took += 1000000 + tape_choose(&w->tape, 16000000);
    world_at(w, w->now_us + took, node, attempt_ends, work);
}

static void stop(void *ctx, Attempt *a) {
    SimNode *node = ctx;
    World *w = node->world;
    Work *work = a->state;
    if (work->ended || work->deaf)
        return;
    work->completion = (Completion){ .outcome = OUTCOME_UNKNOWN,
                                     .sent = SENT_MAYBE,
                                     .kind = KIND_CANCELLED,
                                     .message = STR("stopped") };
    world_at(w, w->now_us + 50 + tape_choose(&w->tape, 1000), node, attempt_ends, work);
}

/* ---- life and death ---- */

static void entered(void *ctx, int err, size_t recovering, bool after_crash) {
    SimNode *node = ctx;
    World *w = node->world;
    world_say(w, "node %u entered: %d, recovering %zu%s", node->number, err, recovering,
              after_crash ? " after a crash" : "");
    node->entered = err == 0;
    if (err)
        node_crash(w, node);
}

void node_boot(World *w, SimNode *node) {
    EnginePorts ports = { .ctx = node,
                          .now_ms = now_ms,
                          .mono_us = mono_us,
                          .random = random_bytes,
                          .submit = submit,
                          .start = start,
                          .stop = stop,
                          .wake = wake,
                          .wake_at = wake_at,
                          .log = log_line,
                          .mark = mark_run };
    if (!node->store)
        node->store = store_memory_open_as(w->disk, node->engine_id);
    EngineOptions options = { .install_key = node->store->install_key,
                              .lease_ttl_ms = LEASE_MS,
                              .recover = true,
                              .resident_max = 4 };
    node->engine = engine_new(&ports, &options);
    node->wake_at_us = INT64_MAX;
    node->turning = false;
    node->busy_us[0] = node->busy_us[1] = 0;
    memset(&node->busy, 0, sizeof node->busy);
    engine_watch(node->engine, STR(""), audit_told, node);
    engine_enter(node->engine, entered, node);
    node_wake(node);
}

/* Whoever starts it makes sure that no other of its number is at work: one that stands still cannot be asked. */
static void boot_again(World *w, SimNode *node, void *ctx) {
    (void)ctx;
    for (unsigned i = 0; i < NODES; i++) {
        SimNode *other = &w->nodes[i];
        if (other->ghost && other->engine_id == node->engine_id &&
            other->stalled_until_us <= w->now_us)
            node_crash(w, other);
    }
    node_boot(w, node);
}

/* May be called from inside the engine's own callbacks (the store answers there), so the freeing waits for the next event. */
void node_bury(UNUSED World *w, UNUSED SimNode *unused, void *engine) { engine_free(engine); }

void node_crash(World *w, SimNode *node) {
    world_say(w, "node %u crashes", node->number);
    w->crashes++;
    node->life++;
    node->entered = false;
    world_at(w, w->now_us, NULL, node_bury, node->engine);
    node->engine = NULL;
    if (node->ghost) {
        node->ghost = false;
        node->spare = true;
        return;
    }
    world_at(w, w->now_us + 1000 + tape_choose(&w->tape, 4000000), node, boot_again, NULL);
}

static SimNode *spare_place(World *w) {
    for (unsigned i = 0; i < NODES; i++)
        if (w->nodes[i].spare)
            return &w->nodes[i];
    return NULL;
}

void node_replace(World *w, SimNode *node) {
    SimNode *next = spare_place(w);
    if (!next)
        return;
    world_say(w, "node %u is taken for dead, and node %u begins as engine %llu", node->number,
              next->number, (unsigned long long)node->engine_id);
    world_mark(w, MARK_GHOST);
    node->ghost = true;
    node->stalled_until_us = w->now_us + 1000 * LEASE_MS + 100000 + tape_choose(&w->tape, 6000000);
    next->spare = false;
    next->engine_id = node->engine_id;
    next->store = store_close(next->store);
    world_at(w, w->now_us + 1000 + tape_choose(&w->tape, 1500000), next, boot_again, NULL);
}
