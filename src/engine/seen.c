/* What a run told people without waiting for them is kept by the store, as mail that nobody takes (notice.c), until somebody says
 * that he has seen it. Then it says who and when, without what it showed, and is kept on for as long as its run.
 *
 *   @inbox --request, looked for by the reader--> written back --> @seen          both go when the run is forgotten
 *
 * One at a time: the first who has seen it is the one whose name it gets. */
#include "engine/state.h"

#include "base/json.h"

typedef struct SeenJob {
    Pending p; /* first */
    Request *q;
    int64_t now_ms;
    StoreMail mail;
    size_t n;
    bool already;
} SeenJob;

void engine_seen(Engine *e, Str id, Str from, EngineReplied replied, void *ctx) {
    request_queue_checked(
        e,
        &(Request){ .kind = REQUEST_SEEN, .id = id, .from = from, .replied = replied, .ctx = ctx });
}

static void drop(Pending *p) {
    SeenJob *j = (SeenJob *)p;
    if (j->q)
        request_free(p->e, j->q);
}

/* The request is answered: whoever waits behind it has his turn. */
static void finished(SeenJob *j) {
    Engine *e = j->p.e;
    pending_free(&j->p);
    e->seen_busy = false;
    engine_wake(e);
    for (Request *q; !e->seen_busy && (q = QUEUE_POP(&e->seen));)
        inbox_give(e, q);
}

/* ---- written back ------------------------------------------------------------------------------------------------------- */

static void write_back(StoreJob *job, Store *store) {
    SeenJob *j = (SeenJob *)job;
    StoreBatch batch = { .mail_again = &j->mail, .n_mail_again = 1, .now_ms = j->now_ms };
    j->p.err = store->ops->append(store, &batch);
}

static void written(StoreJob *job) {
    SeenJob *j = (SeenJob *)job;
    Request *q = TAKE(j->q);
    if (j->p.err == 0)
        request_ok(j->p.e, q);
    else if (j->p.err == -ERR_FULL)
        request_answer(j->p.e, q, ENGINE_FAILED,
                       "the disk is full; say so again when there is room");
    else
        request_answer(j->p.e, q, ENGINE_FAILED, "it could not be written down");
    if (j->p.err && j->p.err != -ERR_FULL)
        engine_fail(j->p.e, "a commit", j->p.err);
    finished(j);
}

static void add_known(MapBuilder *m, Value from, const char *const *keys, size_t n) {
    for (size_t i = 0; i < n; i++) {
        Value v = value_getz(from, keys[i]);
        if (!value_absent(v))
            map_addz(m, keys[i], v);
    }
}

static bool as_seen(SeenJob *j) {
    static const char *const kept[] = { "run", "workflow", "step", "made_ms" };
    static const char *const told[] = { "ask", "risk", "group", "person" };
    Arena *a = &j->p.arena;
    Value body;
    if (json_read(a, j->mail.body, &body, NULL))
        return false;
    MapBuilder m = map_builder(a);
    add_known(&m, body, kept, ARRAY_LEN(kept));
    add_known(&m, value_getz(body, "message"), told, ARRAY_LEN(told));
    map_addz(&m, "seen_by", value_str(j->q->from));
    map_addz(&m, "seen_ms", value_int(j->p.e->now_ms));
    j->mail.to = STR("@seen");
    j->mail.body = value_text(a, map_done(&m, NULL));
    return true;
}

/* ---- looked for ---------------------------------------------------------------------------------------------------------- */

static void look(StoreJob *job, Store *store) {
    SeenJob *j = (SeenJob *)job;
    Arena *a = &j->p.arena;
    j->p.err = store->ops->kept(store, STR("@inbox"), j->q->id, 0, 1, a, &j->mail, &j->n);
    if (j->p.err || j->n)
        return;
    j->p.err = store->ops->kept(store, STR("@seen"), j->q->id, 0, 1, a, &j->mail, &j->n);
    j->already = j->n;
}

static void answer_already(SeenJob *j, Request *q) {
    Value body;
    Str by = STR("somebody");
    if (json_read(&j->p.arena, j->mail.body, &body, NULL) == 0 &&
        value_is(value_getz(body, "seen_by"), V_STRING))
        by = value_as_str(value_getz(body, "seen_by"));
    request_answer(j->p.e, q, ENGINE_CONFLICT, "%.*s has seen it already", STR_FMT(by));
}

static void looked(StoreJob *job) {
    SeenJob *j = (SeenJob *)job;
    Engine *e = j->p.e;
    bool found = !j->p.err && j->n && !j->already;
    if (found && as_seen(j)) {
        SeenJob *next = pending_new(e, sizeof *next, true, write_back, written);
        next->q = TAKE(j->q);
        next->now_ms = e->now_ms;
        next->mail = (StoreMail){ .id = arena_str(&next->p.arena, j->mail.id),
                                  .to = j->mail.to,
                                  .not_before_ms = STORE_KEPT,
                                  .body = arena_str(&next->p.arena, j->mail.body) };
        next->p.drop = drop;
        pending_free(&j->p);
        pending_submit(&next->p);
        return;
    }
    Request *q = TAKE(j->q);
    if (!j->p.err && j->already)
        answer_already(j, q);
    else if (!j->p.err && !j->n)
        request_answer(e, q, ENGINE_NOT_FOUND, "there is no notice %.*s; `baton inbox` lists them",
                       STR_FMT(q->id));
    else
        request_answer(e, q, ENGINE_FAILED, "notice %.*s cannot be read", STR_FMT(q->id));
    finished(j);
}

void seen_take(Engine *e, Request *q) {
    if (e->seen_busy) {
        QUEUE_PUSH(&e->seen, q);
        return;
    }
    SeenJob *j = pending_new(e, sizeof *j, false, look, looked);
    j->q = q;
    j->p.drop = drop;
    e->seen_busy = true;
    pending_submit(&j->p);
}

void seen_deinit(Engine *e) {
    for (Request *q; (q = QUEUE_POP(&e->seen));)
        request_free(e, q);
}
