/* A run begins, or it was there already.
 *
 * Nobody looks into the store first: row 1 of an id that exists is a conflict, and only then is the other run's first row
 * read and compared. The same file and the same input mean the same run, whoever started it; anything else is refused. */
#include "engine/events.h"
#include "engine/past.h"

#include "base/json.h"
#include "base/uuid.h"

#include <stdlib.h>

/* ---- the request ----------------------------------------------------------------------------------------------------- */

static bool is_good_id(Str id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || ((c == '-' || c == '.') && i > 0);
        if (!good)
            return false;
    }
    return id.len <= 64;
}

/* What an address can become (kernel/frame.c). */
#define ADDRESS_BYTES_MAX 512

static Str path_of(const Node *n, Arena *a) {
    if (n->handler_of)
        return arena_fmt(a, "%.*s/on_error", STR_FMT(path_of(n->handler_of, a)));
    Str group = n->parent && n->parent->parent ? path_of(n->parent, a) : STR("");
    return arena_fmt(a, "%.*s%s%.*s", STR_FMT(group), group.len ? "/" : "", STR_FMT(n->name));
}

bool start_find_step(const Plan *plan, Str before, Arena *a, Str *ret_address, Str *ret_problem) {
    const Node *n = before.len && before.len <= ADDRESS_BYTES_MAX ? plan_find(plan, before) : NULL;
    *ret_address = STR("");
    if (!before.len)
        return true;
    Str shown = str_slice(before, 0, MIN(before.len, (size_t)200));
    if (!n || !n->parent) {
        *ret_problem = arena_fmt(a, "there is no step `%.*s` in the file", STR_FMT(shown));
        return false;
    }
    Str path = path_of(n, a);
    bool counts = false;
    for (size_t i = 0; i + 1 < before.len; i++)
        counts |= before.p[i] == '[' || before.p[i] == '~' ||
                  (before.p[i] == '.' && before.p[i + 1] >= '0' && before.p[i + 1] <= '9');
    *ret_address = counts ? before : path;
    Str top = str_slice(path, 0, MIN(path.len, strcspn(path.p, "/")));
    if (str_starts(*ret_address, top))
        return true;
    *ret_problem = arena_fmt(a, "`%.*s` is not the whole address, which begins with %.*s",
                             STR_FMT(shown), STR_FMT(top));
    return false;
}

void engine_start_run(Engine *e, const EngineStart *start, EngineReplied replied, void *ctx) {
    Request q = { .kind = REQUEST_START,
                  .run = start->id,
                  .payload = start->input,
                  .dir = start->dir,
                  .from = start->source,
                  .id = start->before,
                  .name = start->by,
                  .past = start->past,
                  .verb = start->listen ? ACCEPT_LISTEN : ACCEPT_RUN,
                  .replied = replied,
                  .ctx = ctx };
    char id[UUID_CHARS + 1];
    Arena a;
    arena_init(&a, 0);
    bool named = q.run.len > 0;
    if (!named) {
        uint8_t random[10];
        e->ports.random(e->ports.ctx, random, sizeof random);
        uuid7(e->ports.now_ms(e->ports.ctx), random, id);
        q.run = arena_fmt(&a, "%s%s", start->listen ? LISTENER_PREFIX : "", id);
    }
    Str problem = STR("");
    bool known_file = false;
    if (named && !is_good_id(q.run)) {
        problem =
            STR("a run's id is 1 to 64 of a-z A-Z 0-9 . _ - and does not begin with - or a dot");
        q.run = str_slice(q.run, 0, MIN(q.run.len, (size_t)64));
    } else if (str_is(q.run, "last")) {
        problem = STR("no run can be called `last`: that is how the newest one is called");
    } else if (q.payload.len > LIMIT_PAYLOAD_BYTES) {
        problem = STR("the input is larger than 16 MiB; pass the name of a file");
    } else if (!is_good_id(start->source)) {
        problem = STR("the run whose outcomes are reused is named by its id");
    } else {
        q.plan = plans_get(e, start->closure, NULL, &a, &problem);
        known_file = q.plan && start_find_step(q.plan->plan, start->before, &a, &q.id, &problem);
    }
    if (!known_file) {
        q.plan = plans_unref(e, q.plan);
        q.refused = ENGINE_INVALID;
        q.name = problem;
        q.payload = STR("");
    }
    request_queue(e, &q);
    arena_deinit(&a);
}

/* ---- beginning ------------------------------------------------------------------------------------------------------- */

static void begin(Engine *e, Request *q) {
    Resident *r = resident_new(e, q->run, RESIDENT_LIVE);
    RowWriter *row = resident_row(e, r);
    Fact accepted = { .kind = FACT_ACCEPTED,
                      .time_ms = e->now_ms,
                      .payload = q->payload.len ? q->payload : STR("{}"),
                      .run = q->run,
                      .name = q->plan->plan->name,
                      .dir = q->dir,
                      .from = q->from,
                      .id = q->id,
                      .upto = q->upto,
                      .verb = RULES_NOW,
                      .purpose = q->verb,
                      .by = q->name,
                      .correlation = q->correlation,
                      .shown = q->address,
                      .past = q->past };
    e->ports.random(e->ports.ctx, &accepted.seed, sizeof accepted.seed);
    apply_mark(e, r);
    Str problem = STR("");
    int err = run_start(q->plan->plan, &accepted, row, &r->run, &problem, &e->scratch);
    if (err) {
        row_reset(row);
        resident_drop(e, r);
        if (request_is_child(q))
            child_refuse(e, q, KIND_INVALID, problem);
        else
            request_answer(e, q, ENGINE_INVALID, "%.*s", STR_FMT(problem));
        arena_reset(&e->scratch);
        return;
    }
    r->plan = plans_ref(q->plan);
    r->outcomes = TAKE(q->outcomes);
    r->created_ms = e->now_ms;
    e->stats.facts++;
    e->turn_facts++;
    if (q->mail.len)
        request_take_mail(r, q->mail);
    request_when_durable(e, r, q);
    apply_changes(e, r);
    perform_dispatch(e, r);
}

void start_take(Engine *e, Request *q) {
    Resident *r = resident_find(e, q->run);
    if (r && r->state == RESIDENT_LOADING)
        QUEUE_PUSH(&r->waiting, q);
    else if (r && r->state == RESIDENT_LIVE)
        request_apply(e, r, q);
    else if (r)
        start_compare(e, q);
    else if (e->full)
        request_answer(e, q, ENGINE_FAILED,
                       "the disk is full; nothing new is taken in until there is room");
    else if (!reuse_start(e, q))
        begin(e, q);
}

/* ---- comparing ------------------------------------------------------------------------------------------------------- */

typedef struct CompareJob {
    Pending p; /* first */
    Request *q;
    StoreRun stored;
    Str input, source, before, caller; /* as its first fact says */
} CompareJob;

static Str first_fact(Store *store, CompareJob *j) {
    Row row;
    const StoreRow *first = j->stored.n_rows ? &j->stored.rows[0] : NULL;
    if (!first || row_read(first->body, first->data, first->forgotten, &j->p.arena, &row))
        return STR_NULL;
    const RowFact *f = &row.facts[0];
    j->source = f->fact.from;
    j->before = f->fact.id;
    j->caller = f->fact.shown;
    Str bytes = STR_NULL;
    if (!f->large)
        return f->fact.payload;
    return store->ops->payload(store, j->q->run, &f->hash, &j->p.arena, &bytes) ? STR_NULL : bytes;
}

static void read_first_row(StoreJob *job, Store *store) {
    CompareJob *j = (CompareJob *)job;
    j->p.err = store->ops->load(store, j->q->run, true, &j->p.arena, &j->stored);
    if (j->p.err == 0)
        j->input = first_fact(store, j);
}

/* When it came, and whom it was told, is no part of what it says. */
static bool same_event(Arena *a, Str one, Str other) {
    Value v, w;
    if (json_read(a, one, &v, NULL) || json_read(a, other, &w, NULL))
        return false;
    return value_same(value_getz(v, "type"), value_getz(w, "type")) &&
           value_same(value_getz(v, "data"), value_getz(w, "data"));
}

/* Spacing and the order of keys do not make another input. */
static bool same_input(Arena *a, Str one, Str other, bool event) {
    Value v, w;
    if (str_eq(one, other))
        return true;
    if (event)
        return same_event(a, one, other);
    if (json_read(a, one, &v, NULL) || json_read(a, other, &w, NULL))
        return false;
    return str_eq(value_text(a, v), value_text(a, w));
}

static void answer_existing(Engine *e, CompareJob *j, Request *q) {
    Str input = q->payload.len ? q->payload : STR("{}");
    if (request_is_child(q)) {
        child_met(e, q, j->caller, true);
    } else if (q->mail.len) { /* whatever began it: once is enough */
        request_ok(e, q);
    } else if (!hash_eq(&j->stored.closure_hash, &q->plan->hash)) {
        request_answer(
            e, q, ENGINE_CONFLICT,
            "run %.*s exists and was started from another file, or this one as it was then; "
            "choose another id, or `baton fork %.*s --file FILE`",
            STR_FMT(q->run), STR_FMT(q->run));
    } else if (!j->input.p || !same_input(&j->p.arena, j->input, input, is_event_run(q->run))) {
        request_answer(e, q, ENGINE_CONFLICT,
                       "run %.*s exists and was started with other input; choose another id",
                       STR_FMT(q->run));
    } else if (!str_eq(j->source, q->from) || !str_eq(j->before, q->id)) {
        request_answer(e, q, ENGINE_CONFLICT,
                       "run %.*s exists and reuses other outcomes; choose another id",
                       STR_FMT(q->run));
    } else {
        bool asleep = j->stored.info.state == STORE_ACTIVE && !resident_find(e, q->run) &&
                      !engine_stopping(e);
        if (asleep)
            load_run(e, q->run, NULL);
        q->existing = true;
        q->seq = 1;
        request_ok(e, q);
    }
}

static void compare(StoreJob *job) {
    CompareJob *j = (CompareJob *)job;
    Engine *e = j->p.e;
    Request *q = TAKE(j->q);
    if (j->p.err == 0)
        answer_existing(e, j, q);
    else if (request_is_child(q))
        request_free(e, q); /* the mail stays, and is looked at again */
    else if (j->p.err == STORE_E_NOT_FOUND)
        request_answer(e, q, ENGINE_FAILED, "run %.*s could not be written; try again",
                       STR_FMT(q->run));
    else
        request_answer(e, q, ENGINE_FAILED, "run %.*s exists and cannot be read", STR_FMT(q->run));
    pending_free(&j->p);
    engine_wake(e);
}

static void drop_compare(Pending *p) {
    CompareJob *j = (CompareJob *)p;
    if (j->q)
        request_free(p->e, j->q);
}

void start_compare(Engine *e, Request *q) {
    CompareJob *j = pending_new(e, sizeof *j, false, read_first_row, compare);
    j->q = q;
    j->p.drop = drop_compare;
    pending_submit(&j->p);
}
