/* The people of the world: patient, truthful, and persistent - they say everything again until it is acknowledged. */
#include "sim.h"

#include "base/json.h"

#include "base/hash.h"
#include "base/time.h"
#include "spec/plan.h"

#include <stdio.h>

#define EVERY_US 700000
/* Later than any effect can come after its attempt: before that nobody can say truthfully that it did not happen. */
#define TRUTH_US 1000000

typedef struct Asked {
    World *w;
    SimRun *run;
    unsigned
        what; /* 0 start, 1 signal, 2 control, 3 decision, 4 another file, 6 retry, 5 an answer */
} Asked;

static SimNode *somebody_up(World *w) {
    unsigned first = tape_choose(&w->tape, NODES);
    for (unsigned i = 0; i < NODES; i++) {
        SimNode *n = &w->nodes[(first + i) % NODES];
        if (n->engine && n->entered)
            return n;
    }
    return NULL;
}

static Asked *ask(World *w, SimRun *run, unsigned what) {
    Asked *a = ARENA_NEW(&w->arena, Asked);
    *a = (Asked){ w, run, what };
    return a;
}

static void answered(void *ctx, const EngineReply *reply) {
    Asked *a = ctx;
    world_say(a->w, "answer to %u of %.*s: %d %.*s", a->what, STR_FMT(a->run->id), reply->answer,
              STR_FMT(reply->message));
    if (reply->answer == ENGINE_INVALID && a->what != 5)
        world_fail(a->w, "refused: %.*s", STR_FMT(reply->message));
    if (reply->answer == ENGINE_OK && reply->seq)
        oracle_answer(a->w, a->run, reply);
    if (a->what == 0 && reply->answer == ENGINE_OK) {
        if (a->run->acked || reply->existing)
            world_mark(a->w, MARK_SAME_START);
        a->run->acked = true;
    }
    if (a->what == 1 && reply->answer == ENGINE_OK)
        a->run->signals_acked++;
    if (a->what == 4 && reply->answer == ENGINE_OK)
        world_mark(a->w, MARK_MOVED);
    if (a->what == 6 && reply->answer == ENGINE_OK) {
        world_mark(a->w, MARK_RETRIED);
        a->run->retries_left -= a->run->retries_left > 0;
    }
    if (a->what == 6 && str_find(reply->message, STR("cannot be retried")) >= 0) {
        world_mark(a->w, MARK_RETRY_REFUSED);
        a->run->retries_left = 0;
    }
    if (a->what == 3 && reply->answer == ENGINE_OK)
        world_mark(a->w, MARK_DECIDED);
}

/* ---- what they look at: the store, never an engine ---- */

static void look(World *w, SimRun *run, Arena *a, StoreState *ret_state, bool *ret_failed,
                 StoreDue *ret_opens, size_t *ret_n) {
    StoreRun stored;
    *ret_n = 0;
    *ret_failed = false;
    *ret_state = (StoreState)0;
    if (w->eye->ops->load(w->eye, run->id, false, a, &stored))
        return;
    *ret_state = stored.info.state;
    *ret_failed = str_find(stored.info.info, STR("\"status\":\"succeeded\"")) < 0;
    size_t n = 16;
    if (w->eye->ops->opens(w->eye, run->id, 0, 0, n, a, ret_opens, ret_n))
        world_fail(w, "opens cannot be read");
}

/* What happened may also be taken back, where it can be. */
static Decision verdict(World *w, const SimRun *run, const Done *done) {
    if (!done)
        return DECISION_NOT_DONE;
    return !run->deterministic && tape_percent(&w->tape, 10) ? DECISION_UNDO : DECISION_DONE;
}

/* Under a business key it may have been another run that did it. */
static const Done *truth(World *w, const SimRun *run, Str address) {
    StoreKey key;
    return ledger_key(w, run->id, address, &key) ? ledger_of_key(w, &key)
                                                 : ledger_find(w, run->id, address);
}

static void settle_doubts(World *w, SimNode *node, SimRun *run, const StoreDue *opens, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (opens[i].kind != WANT_DOUBT)
            continue;
        world_mark(w, MARK_DOUBT);
        const Done *done = truth(w, run, opens[i].address);
        engine_decide(node->engine, run->id,
                      &(EngineDecision){ .address = opens[i].address,
                                         .verb = verdict(w, run, done),
                                         .value_json = done ? done->reply : STR_NULL,
                                         .from = STR("ann") },
                      answered, ask(w, run, 3));
    }
}

/* Anybody may say anything; what counts is whether he may, and whether he has seen it. */
static void answer_one(World *w, SimNode *node, SimRun *run, const StoreDue *asked) {
    static const char *const names[] = { "ann", "bo", "cy", "mallory" };
    EngineDecision d = { .address = arena_str(&w->arena, asked->address),
                         .verb = DECISION_APPROVE };
    d.from = str_from(names[tape_choose(&w->tape, ARRAY_LEN(names))]);
    if (tape_percent(&w->tape, 15))
        d.shown = STR(UNSEEN);
    else if (!run->deterministic && tape_percent(&w->tape, 15))
        d.verb = DECISION_REJECT;
    else if (!run->deterministic && tape_percent(&w->tape, 15))
        d.value_json = STR("{\"n\":2}");
    world_mark(w, MARK_ASKED);
    engine_decide(node->engine, run->id, &d, answered, ask(w, run, 5));
}

static void answer_questions(World *w, SimNode *node, SimRun *run, const StoreDue *opens,
                             size_t n) {
    for (size_t i = 0; i < n; i++)
        if (opens[i].kind == WANT_APPROVAL)
            answer_one(w, node, run, &opens[i]);
}

/* The oldest step that waits takes a signal, whoever it was meant for: so who still waits is told again by another id. */
static Str id_of_minute(World *w, Str address) {
    return arena_fmt(&w->arena, "%.*s@%lld", STR_FMT(address), (long long)(world_ms(w) / 60000));
}

/* One of each early, when nobody may be waiting yet, and one for each step that waits; each said again and again by its id. */
static void send_signals(World *w, SimNode *node, SimRun *run, const StoreDue *opens, size_t n) {
    for (unsigned i = 0; i < run->signals; i++) {
        Str name = arena_fmt(&w->arena, "s%u", i);
        engine_signal(node->engine, run->id, name, name, STR("{\"x\":1}"), STR("bo"), answered,
                      ask(w, run, 1));
    }
    for (size_t i = 0; i < n; i++)
        if (opens[i].kind == WANT_SIGNAL)
            engine_signal(node->engine, run->id, id_of_minute(w, opens[i].address),
                          arena_str(&w->arena, opens[i].key), STR("{\"x\":1}"), STR("bo"), answered,
                          ask(w, run, 1));
}

static void start_run(World *w, SimNode *node, SimRun *run) {
    EngineStart start = {
        .id = run->id, .closure = run->closure, .input = STR("{\"n\":3}"), .dir = STR("/")
    };
    if (run->source) {
        start.source = run->source->id;
        start.before = run->before;
    }
    engine_start_run(node->engine, &start, answered, ask(w, run, 0));
}

Str people_closure(World *w, Str text) {
    const Str names[] = { STR("flow.yaml"), STR("baton.yaml") };
    const Str texts[] = {
        text, STR("baton: 1\ngroups: { leads: [ann, bo, cy], chiefs: [ann] }\n"
                  "channels: { chat: { chat: \"https://chat.example/x\" } }\n"
                  "escalation: { high: { notify: [chat], wait: true, after: 5s, then: chiefs } }\n")
    };
    return closure_make(&w->arena, names[0], names, texts, ARRAY_LEN(names));
}

/* The same workflow in other words: whatever the run did has its place there. */
static void move(World *w, SimNode *node, SimRun *run) {
    Str text = arena_fmt(&w->arena, "%.*s\n# moved %u\n", STR_FMT(run->workflow), ++run->moves);
    Str closure = people_closure(w, text);
    engine_migrate(node->engine, run->id, closure, STR("ann"), answered, ask(w, run, 4));
}

/* What a run that a limit paused asks for, as the store tells it; empty: nothing. */
static Str limits_asked_for(World *w, const SimRun *run, Arena *a) {
    StoreRun stored;
    Value info;
    if (w->eye->ops->load(w->eye, run->id, false, a, &stored) ||
        json_read(a, stored.info.info, &info, NULL))
        return STR("");
    Value words = value_getz(value_getz(info, "paused"), "raise");
    Str raise = value_is(words, V_STRING) ? value_as_str(words) : STR("");
    ptrdiff_t at = str_find(raise, STR("="));
    if (at < 0)
        return STR("");
    Str much = str_slice(raise, (size_t)at + 1, raise.len);
    uint64_t count;
    int64_t amount;
    if (str_to_u64(much, &count))
        amount = (int64_t)count;
    else if (!duration_parse(much, &amount))
        world_fail(w, "`%.*s` is no limit", STR_FMT(raise));
    return arena_fmt(a, "{\"%.*s\":%lld}", (int)at, raise.p, (long long)amount);
}

/* Not everybody reads what it asks for: then it asks again. */
static void resume(World *w, SimNode *node, SimRun *run) {
    Arena a;
    arena_init(&a, 0);
    Str limits = tape_percent(&w->tape, 80) ? limits_asked_for(w, run, &a) : STR("");
    if (limits.len)
        world_mark(w, MARK_RAISED);
    engine_control(node->engine, run->id, CONTROL_RESUME, STR("ann"), STR(""), limits, answered,
                   ask(w, run, 2));
    arena_deinit(&a);
}

static void meddle(World *w, SimNode *node, SimRun *run, StoreState state) {
    bool waits = state == STORE_PAUSED || state == STORE_IDLE;
    if (waits && run->acked && tape_percent(&w->tape, 15))
        move(w, node, run);
    if (state == STORE_PAUSED) {
        resume(w, node, run);
    } else if (!run->deterministic && w->faults && tape_percent(&w->tape, 3)) {
        world_mark(w, MARK_PAUSED);
        engine_control(node->engine, run->id, CONTROL_PAUSE, STR("ann"), STR(""), STR(""), answered,
                       ask(w, run, 2));
    } else if (run->cancel_wanted && tape_percent(&w->tape, 10)) {
        world_mark(w, MARK_CANCELLED);
        engine_control(node->engine, run->id, CONTROL_CANCEL, STR("ann"), STR(""), STR(""),
                       answered, ask(w, run, 2));
    }
}

/* As it was, or from a step on; until it is said to be done, or refused. */
static void retry(World *w, SimNode *node, SimRun *run) {
    Str step = STR("");
    if (tape_percent(&w->tape, 25)) {
        Arena a;
        Diags diags = { .arena = &a };
        Plan *plan = NULL;
        arena_init(&a, 0);
        int err = plan_compile(run->closure, &plan, &diags);
        ASSERT(err == 0);
        uint32_t n = tape_choose(&w->tape, (uint32_t)plan->root->n_children);
        step = arena_str(&w->arena, plan->root->children[n]->name);
        run->redone = true;
        plan_free(plan);
        arena_deinit(&a);
    }
    engine_retry(node->engine, run->id, step, STR("ann"), STR(""), answered, ask(w, run, 6));
}

static void visit(World *w, SimNode *unused, void *ctx) {
    SimRun *run = ctx;
    Arena a;
    StoreState state;
    StoreDue opens[16];
    size_t n;
    bool failed;
    (void)unused;
    arena_init(&a, 0);
    SimNode *node = somebody_up(w);
    look(w, run, &a, &state, &failed, opens, &n);
    for (size_t i = 0; i < n; i++)
        w->coverage->wants[opens[i].kind]++;
    bool again = state == STORE_DONE && failed && run->retries_left;
    run->finished = state == STORE_DONE && !again;
    if (state == STORE_PARKED)
        world_fail(w, "3: %.*s is parked", STR_FMT(run->id));
    bool too_early = run->source && !run->source->acked && !run->source->finished;
    if (node && again) {
        retry(w, node, run);
        node_wake(node);
    } else if (node && !run->finished && !too_early) {
        if (!run->asked && run->source)
            run->nothing_new = run->source->deterministic && run->source->finished &&
                               !run->before.len;
        run->asked = true;
        if (!run->acked || !state)
            start_run(w, node, run);
        else if (tape_percent(&w->tape, 5))
            start_run(w, node, run); /* somebody presses the button again */
        if (state) {
            if (w->now_us - run->started_us > TRUTH_US)
                settle_doubts(w, node, run, opens, n);
            send_signals(w, node, run, opens, n);
            answer_questions(w, node, run, opens, n);
            meddle(w, node, run, state);
        }
        node_wake(node);
    }
    arena_deinit(&a);
    if (!run->finished)
        world_at(w, w->now_us + TRUTH_US + tape_choose(&w->tape, EVERY_US), NULL, visit, run);
}

static Plan *compile_or_fail(World *w, const SimRun *run) {
    Arena a;
    Plan *plan = NULL;
    arena_init(&a, 0);
    Diags diags = { .arena = &a };
    if (plan_compile(run->closure, &plan, &diags)) {
        Buf b = BUF_INIT(MIB);
        diag_write(&b, &diags.items[0]);
        fprintf(stderr, "%.*s\n%.*s\n", STR_FMT(run->workflow), STR_FMT(buf_str(&b)));
        world_fail(w, "a workflow that was grown is refused: %.*s", (int)MIN(b.len, 300), b.p);
    }
    arena_deinit(&a);
    return plan;
}

/* The last of them may take what another has recorded, whatever becomes of that one meanwhile. */
static void add_fork(World *w) {
    if (w->n_runs == RUNS_MAX || !tape_percent(&w->tape, 60))
        return;
    SimRun *run = &w->runs[w->n_runs];
    const SimRun *source = &w->runs[tape_choose(&w->tape, w->n_runs)];
    *run = *source;
    run->id = arena_fmt(&w->arena, "run%u", w->n_runs++);
    run->cancel_wanted = false;
    run->source = source;
    Plan *plan = compile_or_fail(w, run);
    if (tape_percent(&w->tape, 40)) {
        uint32_t n = tape_choose(&w->tape, (uint32_t)plan->root->n_children);
        run->before = arena_str(&w->arena, plan->root->children[n]->name);
    }
    plan_free(plan);
    world_at(w, w->now_us + 1000 + tape_choose(&w->tape, 30000000), NULL, visit, run);
}

void people_begin(World *w) {
    w->n_runs = 3 + tape_choose(&w->tape, RUNS_MAX - 2);
    for (unsigned i = 0; i < w->n_runs; i++) {
        SimRun *run = &w->runs[i];
        run->id = arena_fmt(&w->arena, "run%u", i);
        run->deterministic = tape_percent(&w->tape, 40);
        run->cancel_wanted = !run->deterministic && tape_percent(&w->tape, 10);
        if (!run->deterministic && tape_percent(&w->tape, 60))
            run->retries_left = 1 + tape_choose(&w->tape, 2);
        run->workflow = grow_workflow(w, run->deterministic, &run->signals);
        run->closure = people_closure(w, run->workflow);
        plan_free(compile_or_fail(w, run));
        world_at(w, w->now_us + 1000 + tape_choose(&w->tape, 2000000), NULL, visit, run);
    }
    add_fork(w);
}

SimRun *run_named(World *w, Str id) {
    for (unsigned i = 0; i < w->n_runs; i++)
        if (str_eq(w->runs[i].id, id))
            return &w->runs[i];
    return NULL;
}

bool people_are_content(const World *w) {
    for (unsigned i = 0; i < w->n_runs; i++)
        if (!w->runs[i].finished)
            return false;
    return true;
}
